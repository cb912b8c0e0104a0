//! The end of a drift-implicit step: `y = x + h a(y, t + h) + noise`, by Newton's method on the symbolic Jacobian.

use super::explicit::PutInside;
use crate::expr::{Id, Scratch, Tape};
use crate::process::{Diffusion, symbol};

/// Newton steps before a path is given up, and the size of a step, relative to the state, after which the next is below round-off.
const MOST_STEPS: usize = 100;
const SMALL: f64 = 1e-9;

/// Drift and its slopes, compiled.
pub(super) struct Implicit {
    /// Outputs: the drift of each state, then the Jacobian by rows.
    tape: Tape,
    symbols: Vec<f64>,
    n: usize,
}

impl Implicit {
    pub fn new(process: &Diffusion, theta: &[f64]) -> Implicit {
        let mut pool = process.frame.pool.clone();
        let n = process.states.len();
        let mut outputs: Vec<Id> = process.drift.clone();
        for i in 0..n {
            for j in 0..n {
                outputs.push(pool.derivative(process.drift[i], process.frame.variable(j)));
            }
        }
        let lanes: Vec<usize> = (0..n).map(|i| process.frame.variable(i)).collect();
        let tape = Tape::compile(&pool, &outputs, &lanes);
        Implicit { tape, symbols: process.frame.symbols(theta, 0.0), n }
    }

    /// Solve for the states `[component][path]` at `time`, the end of the step, where `x` holds the state before plus the noise. A path
    /// for which Newton's method does not settle becomes NaN, to be reported. Cost: some three to six drifts and Jacobians a step.
    pub fn solve(&self, time: f64, h: f64, ends: &[(f64, f64)], x: &mut [Vec<f64>]) {
        let (n, width) = (self.n, x.first().map_or(0, Vec::len));
        let mut symbols = self.symbols.clone();
        symbols[symbol::TIME] = time;
        let mut scratch = Scratch::default();
        self.tape.bind(&symbols, &mut scratch);
        let known = x.to_vec();
        let mut inside = x.to_vec();
        let mut out = vec![vec![0.0; width]; n + n * n];
        let mut is_open = vec![true; width];
        let (mut rows, mut step) = (vec![0.0; n * (n + 1)], vec![0.0; n]);
        for _ in 0..MOST_STEPS {
            PutInside { x, ends, out: &mut inside }.run_best();
            let inputs: Vec<&[f64]> = inside.iter().map(Vec::as_slice).collect();
            let mut columns: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
            self.tape.run_bound(&inputs, &mut columns, &mut scratch);
            let mut any = false;
            for p in 0..width {
                if !is_open[p] {
                    continue;
                }
                // (1 - h J) d = known + h a(y) - y
                for i in 0..n {
                    for j in 0..n {
                        rows[i * (n + 1) + j] = f64::from(u8::from(i == j)) - h * out[n + i * n + j][p];
                    }
                    rows[i * (n + 1) + n] = known[i][p] + h * out[i][p] - x[i][p];
                }
                eliminate(&mut rows, &mut step);
                let mut moves = false;
                for i in 0..n {
                    x[i][p] += step[i];
                    moves |= !(step[i].abs() <= SMALL * (x[i][p].abs() + known[i][p].abs()) + f64::MIN_POSITIVE);
                }
                is_open[p] = moves;
                any |= moves;
            }
            if !any {
                return;
            }
        }
        for p in (0..width).filter(|p| is_open[*p]) {
            x[0][p] = f64::NAN;
        }
    }
}

/// Gaussian elimination with partial pivoting: `rows` of `n` factors and the right side, `x` what solves them.
fn eliminate(rows: &mut [f64], x: &mut [f64]) {
    let n = x.len();
    let w = n + 1;
    for k in 0..n {
        let pivot = (k..n).max_by(|i, j| rows[i * w + k].abs().total_cmp(&rows[j * w + k].abs())).unwrap_or(k);
        (0..w).for_each(|c| rows.swap(k * w + c, pivot * w + c));
        for i in k + 1..n {
            let share = rows[i * w + k] / rows[k * w + k];
            for c in k..w {
                rows[i * w + c] -= share * rows[k * w + c];
            }
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|c| rows[k * w + c] * x[c]).sum();
        x[k] = (rows[k * w + n] - known) / rows[k * w + k];
    }
}

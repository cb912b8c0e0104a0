//! Rate equations with their slopes in the parameters: `s_k = ∂x/∂θ_k` obeys `ds_k/dt = J s_k + ∂f/∂θ_k`.
//!
//! Both are solved by one Rosenbrock method. The Jacobian of all is block triangular with `J` on its diagonal, so one LU decomposition of
//! `n × n` serves a step, and what `s_k` takes from `x` is the product with `Σ_l ∂J/∂x_l s_{k,l} + ∂J/∂θ_k`, whose few entries are symbolic.
//! The error of a step is the largest of that of `x` and those of `s_k`, each on its own scale. A break or an event at a time `τ(θ)` moves the
//! slopes by `G (s⁻ + f⁻ τ') + ∂g/∂θ + ∂g/∂t τ' - f⁺ τ'`.

use super::rodas::{Equations, Prepared, root_mean_square};
use super::{Initial, Sparse, Stepper, equations_of, sizes, stops, symbols_at};
use crate::base::Result;
use crate::expr::{Id, Scratch, Tape};
use crate::form::Form;
use crate::models::Model;
use crate::process::{RateEquations, symbol};
use nalgebra::{DMatrix, DVector};

/// States along the solution, and their slopes.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivities {
    /// `[time][variable]`
    pub states: Vec<Vec<f64>>,
    /// `[time][parameter asked for][variable]`
    pub slopes: Vec<Vec<Vec<f64>>>,
    /// Steps that were accepted, of states and slopes together.
    pub steps: usize,
    /// Steps that were done again shorter.
    pub rejected: usize,
}

/// The rate equations of a network model and their slopes in the parameters at the positions `of`; `start_slopes` are those of the start,
/// `[parameter asked for][variable]`.
///
/// Cost: about `2 + parameters` times [`super::rate_equations`], and as many steps as the slopes' own error asks.
///
/// # Errors
/// As [`super::rate_equations`].
pub fn sensitivities(
    model: &Model,
    initial: &Initial,
    of: &[usize],
    start_slopes: &[Vec<f64>],
) -> Result<Sensitivities> {
    let equations = equations_of(model, Form::RateEquations)?;
    let stops = stops(&equations, initial);
    let (n, symbols) = (initial.start.len(), equations.frame.symbols(initial.theta, initial.t0));
    let mut jumps = Jumps::new(&equations, of, symbols);
    let mut stepper = Stepper::new(Varied::new(equations, initial, of));
    let all: Vec<f64> = initial.start.iter().chain(start_slopes.iter().flatten()).copied().collect();
    let mut y = DVector::from_vec(all);
    let mut now = initial.t0;
    let mut out = Sensitivities { states: Vec::new(), slopes: Vec::new(), steps: 0, rejected: 0 };
    for stop in stops {
        now = stepper.advance(&mut y, now, stop.time)?;
        let mut breaks: Vec<Id> = Vec::new();
        for id in stop.breaks {
            // A break that is told twice is one.
            if !breaks.contains(&id) {
                breaks.push(id);
            }
        }
        // What comes first at a time finds the equations as they were before it, the others as they are then.
        let mut before = now.next_down();
        for id in breaks {
            y = jumps.across(&mut stepper.equations, (id, None), &y, (before, now));
            before = now;
        }
        for event in &stop.fires {
            let id = jumps.equations.events[*event].0;
            y = jumps.across(&mut stepper.equations, (id, Some(*event)), &y, (before, now));
            before = now;
        }
        while initial.times.get(out.states.len()).is_some_and(|t| *t <= now) {
            out.states.push(y.as_slice()[..n].to_vec());
            out.slopes.push(y.as_slice()[n..].chunks(n).map(<[f64]>::to_vec).collect());
        }
    }
    (out.steps, out.rejected) = (stepper.steps, stepper.rejected);
    Ok(out)
}

/// `x`, then `s_k` one after another.
pub(super) struct Varied {
    n: usize,
    drift: Tape,
    scratch: Scratch,
    /// `∂fᵢ/∂xⱼ`, and `∂fᵢ/∂θ_k` at `n + k`.
    first: Sparse<(usize, usize)>,
    /// What moves the first ones: `(i, j, l)` their slope in `x_l`, at `l = n` in time.
    second: Sparse<(usize, usize, usize)>,
    /// `∂²fᵢ/∂xⱼ∂θ_k` at `(i, j, k)`.
    mixed: Sparse<(usize, usize, usize)>,
    /// `∂fᵢ/∂t`
    in_time: Sparse<usize>,
    symbols: Vec<f64>,
    tolerance: f64,
    /// `[variable of all]`
    absolute: Vec<f64>,
}

impl Varied {
    pub fn new(mut equations: RateEquations, initial: &Initial, of: &[usize]) -> Varied {
        let (jacobian, in_time) = equations.jacobian();
        let n = in_time.len();
        let frame = &mut equations.frame;
        let places: Vec<usize> =
            (0..n).map(|j| symbol::STATE + j).chain(of.iter().map(|k| symbol::STATE + n + k)).collect();
        let (mut first, mut second, mut mixed) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..n {
            for (column, place) in places.iter().enumerate() {
                let slope =
                    if column < n { jacobian[i][column] } else { frame.pool.derivative(equations.drift[i], *place) };
                first.push(((i, column), slope));
                if frame.pool.constant(slope).is_some() {
                    continue;
                }
                second.push(((i, column, n), frame.pool.derivative(slope, symbol::TIME)));
                for l in 0..if column < n { n } else { 0 } {
                    second.push(((i, column, l), frame.pool.derivative(slope, symbol::STATE + l)));
                }
                for k in 0..if column < n { of.len() } else { 0 } {
                    mixed.push(((i, column, k), frame.pool.derivative(slope, places[n + k])));
                }
            }
        }
        let in_time = in_time.into_iter().enumerate().collect();
        let lanes: Vec<usize> = (0..n).map(|i| frame.variable(i)).collect();
        let sizes = sizes(initial.start);
        let parameter = |k: &usize| if initial.theta[*k] == 0.0 { 1.0 } else { initial.theta[*k].abs() };
        let of_slopes = of.iter().flat_map(|k| sizes.iter().map(move |size| size / parameter(k)));
        Varied {
            n,
            drift: Tape::compile(&frame.pool, &equations.drift, &lanes),
            scratch: Scratch::default(),
            first: Sparse::new(&frame.pool, first, &lanes),
            second: Sparse::new(&frame.pool, second, &lanes),
            mixed: Sparse::new(&frame.pool, mixed, &lanes),
            in_time: Sparse::new(&frame.pool, in_time, &lanes),
            symbols: frame.symbols(initial.theta, f64::NAN),
            tolerance: initial.tolerance,
            absolute: sizes.iter().copied().chain(of_slopes).map(|size| initial.tolerance * size).collect(),
        }
    }

    fn drift(&mut self, x: &[f64], time: f64) -> Vec<f64> {
        self.symbols[symbol::TIME] = time;
        self.drift.bind(&self.symbols, &mut self.scratch);
        let mut out = vec![0.0; self.n];
        self.drift.run_one(x, &mut out, &mut self.scratch);
        out
    }
}

impl Equations for Varied {
    fn right(&mut self, y: &DVector<f64>, time: f64) -> DVector<f64> {
        let n = self.n;
        let (x, s) = y.as_slice().split_at(n);
        let mut out = DVector::zeros(y.len());
        out.as_mut_slice()[..n].copy_from_slice(&self.drift(x, time));
        let params = s.len() / n;
        for ((i, j), slope) in self.first.at(&self.symbols, x) {
            match j.checked_sub(n) {
                Some(k) => out[n * (1 + k) + i] += slope,
                None => (0..params).for_each(|k| out[n * (1 + k) + i] += slope * s[n * k + j]),
            }
        }
        out
    }

    fn prepare(&mut self, y: &DVector<f64>, time: f64, shift: f64) -> Option<Prepared> {
        let n = self.n;
        self.symbols[symbol::TIME] = time;
        let (x, s) = y.as_slice().split_at(n);
        let params = s.len() / n;
        let mut matrix = DMatrix::from_diagonal_element(n, n, shift);
        for ((i, j), slope) in self.first.at(&self.symbols, x).filter(|((_, j), _)| *j < n) {
            matrix[(i, j)] -= slope;
        }
        let mut in_time = DVector::zeros(y.len());
        self.in_time.at(&self.symbols, x).for_each(|(i, slope)| in_time[i] = slope);
        // What each block of slopes takes from the state.
        let mut below = vec![DMatrix::zeros(n, n); params];
        for ((i, j, l), value) in self.second.at(&self.symbols, x) {
            match (l < n, j.checked_sub(n)) {
                (true, _) => (0..params).for_each(|k| below[k][(i, j)] += value * s[n * k + l]),
                (false, Some(k)) => in_time[n * (1 + k) + i] += value,
                (false, None) => (0..params).for_each(|k| in_time[n * (1 + k) + i] += value * s[n * k + j]),
            }
        }
        for ((i, j, k), value) in self.mixed.at(&self.symbols, x) {
            below[k][(i, j)] += value;
        }
        let numbers = matrix.iter().chain(below.iter().flat_map(|m| m.iter())).chain(in_time.iter());
        if numbers.into_iter().any(|v| !v.is_finite()) {
            return None;
        }
        let lu = matrix.lu();
        let solve = move |r: &DVector<f64>| {
            let state = lu.solve(&r.rows(0, n).into_owned())?;
            let mut out = DVector::zeros(r.len());
            out.rows_mut(0, n).copy_from(&state);
            for (k, below) in below.iter().enumerate() {
                let from = n * (1 + k);
                let right = r.rows(from, n) + below * &state;
                out.rows_mut(from, n).copy_from(&lu.solve(&right)?);
            }
            Some(out)
        };
        Some(Prepared { solve: Box::new(solve), in_time })
    }

    fn size(&self, error: &DVector<f64>, y: &DVector<f64>, next: &DVector<f64>) -> f64 {
        let block = |b: usize| {
            let part = |v: &'_ DVector<f64>| v.as_slice()[b * self.n..(b + 1) * self.n].to_vec();
            let absolute = &self.absolute[b * self.n..(b + 1) * self.n];
            root_mean_square((&part(error), &part(y), &part(next)), absolute, self.tolerance)
        };
        // A block that is no number must not be lost in a maximum.
        (0..y.len() / self.n)
            .map(block)
            .fold(0.0, |worst: f64, size| if size.is_nan() { size } else { worst.max(size) })
    }

    fn typical(&self, y: &DVector<f64>, i: usize) -> f64 {
        let share = if i < self.n { 1e-3 } else { 1.0 };
        self.absolute[i] / self.tolerance.max(1e-300) * share + y[i].abs()
    }
}

/// What happens to the slopes where equations jump or an event fires.
struct Jumps<'a> {
    equations: RateEquations,
    of: &'a [usize],
    symbols: Vec<f64>,
}

impl<'a> Jumps<'a> {
    fn new(equations: &RateEquations, of: &'a [usize], symbols: Vec<f64>) -> Jumps<'a> {
        Jumps { equations: equations.clone(), of, symbols }
    }

    /// The state and its slopes after the time `id`, at which an event may fire.
    fn across(
        &mut self,
        varied: &mut Varied,
        (id, event): (Id, Option<usize>),
        y: &DVector<f64>,
        (before, now): (f64, f64),
    ) -> DVector<f64> {
        let n = varied.n;
        let x = &y.as_slice()[..n];
        let before = varied.drift(x, before);
        let symbols = symbols_at(&self.symbols, x, now);
        let params: Vec<usize> = self.of.iter().map(|k| self.equations.frame.param(*k)).collect();
        let assigned: Vec<(usize, Id)> = event.map_or(Vec::new(), |e| self.equations.events[e].1.clone());
        let pool = &mut self.equations.frame.pool;
        let mut slope = |of: Id, symbol: usize| {
            let id = pool.derivative(of, symbol);
            pool.eval(id, &symbols)
        };
        let moved: Vec<f64> = params.iter().map(|p| slope(id, *p)).collect();
        let mut after = y.clone();
        // The slopes of the state at the moved time.
        for (k, moved) in moved.iter().enumerate() {
            for i in 0..n {
                after[n * (1 + k) + i] += before[i] * moved;
            }
        }
        let there = after.clone();
        for (i, id) in &assigned {
            let in_state: Vec<f64> = (0..n).map(|j| slope(*id, symbol::STATE + j)).collect();
            let in_time = slope(*id, symbol::TIME);
            for (k, moved) in moved.iter().enumerate() {
                let carried: f64 = (0..n).map(|j| in_state[j] * there[n * (1 + k) + j]).sum();
                after[n * (1 + k) + i] = carried + slope(*id, params[k]) + in_time * moved;
            }
        }
        for (i, id) in &assigned {
            after[*i] = self.equations.frame.pool.eval(*id, &symbols);
        }
        let onwards = varied.drift(&after.as_slice()[..n], now);
        for (k, moved) in moved.iter().enumerate() {
            for i in 0..n {
                after[n * (1 + k) + i] -= onwards[i] * moved;
            }
        }
        after
    }
}

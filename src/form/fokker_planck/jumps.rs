//! The jumps of a process on a grid: `∫ λ(y) k(x, y) p(y) dy` as a matrix with positive entries.
//!
//! From each node the marks are integrated by quadrature on their own law, and each landing place is shared between the two
//! nodes around it in proportion to its nearness. Columns sum to the rate, so mass is kept; the mean jump is kept too, and
//! the error is even in the spacing. Assembling costs nodes × marks evaluations, a product nodes² multiplications.

use super::super::lamperti::{End, Grid};
use super::marks;
use super::operator::Operator;
use crate::process::{Diffusion, Jump, symbol};

/// Rates of jumping from each state of a chain to each other.
#[derive(Debug, Clone)]
pub(in crate::form) struct Kernel {
    n: usize,
    /// `[to][from]`
    rates: Vec<f64>,
    /// Columns that are not zero in each row: `[first, last)`.
    spans: Vec<[usize; 2]>,
    /// Rate of jumping away from each state.
    pub leaving: Vec<f64>,
}

/// Whether rate, mark or landing place of a jump change with time.
pub(super) fn is_timed(process: &Diffusion, jump: &Jump) -> bool {
    let marks = jump.marks.iter().flat_map(|mark| &mark.law.arguments);
    jump.after.iter().chain([&jump.rate]).chain(marks).any(|id| process.frame.is_timed(*id))
}

/// Rates below this share of the column's are left where they start.
const NEGLIGIBLE: f64 = 1e-17;

impl Kernel {
    /// The jumps of a process at `time`; `None` where a rate is negative or not finite or a mark has no law.
    pub(super) fn new(
        process: &Diffusion,
        theta: &[f64],
        time: f64,
        grid: &Grid,
        operator: &Operator,
    ) -> Option<Kernel> {
        let n = operator.up.len();
        let mut columns = vec![0.0; n * n];
        let mut leaving = vec![0.0; n];
        let places = Places::new(grid, operator);
        let mut symbols = process.frame.symbols(theta, time);
        for jump in &process.jumps {
            let tape = crate::expr::Tape::compile(&process.frame.pool, &jump.after, &marks::inputs(jump));
            let mut scratch = crate::expr::Scratch::default();
            let mut sizes = None;
            for (j, x) in grid.nodes.iter().enumerate() {
                symbols[symbol::STATE] = *x;
                let rate = process.frame.pool.eval(jump.rate, &symbols);
                if !(rate >= 0.0 && rate.is_finite()) {
                    return None;
                }
                if rate == 0.0 {
                    continue;
                }
                if sizes.is_none() || marks::hangs_on_state(process, jump) {
                    sizes = Some(marks::quadrature(process, jump, &symbols, 4 * grid.len())?);
                }
                let Some((values, weights)) = &sizes else { return None };
                tape.bind(&symbols, &mut scratch);
                let mut after = vec![0.0; values.len()];
                tape.run_bound(&[values], &mut [&mut after], &mut scratch);
                let from = operator.place(j);
                let column = &mut columns[from * n..(from + 1) * n];
                let mut near = j;
                for (landed, weight) in after.iter().zip(weights) {
                    if landed.is_nan() {
                        return None;
                    }
                    places.share(*landed, rate * weight, &mut near, column);
                }
                // Also what stays is taken off by the sum of the column, to the last bit.
                leaving[from] += rate;
            }
        }
        Some(Kernel::from_columns(n, &mut columns, leaving))
    }

    fn from_columns(n: usize, columns: &mut [f64], mut leaving: Vec<f64>) -> Kernel {
        for (j, column) in columns.chunks_mut(n).enumerate() {
            let least = NEGLIGIBLE * leaving[j];
            column.iter_mut().filter(|r| **r < least).for_each(|r| *r = 0.0);
            leaving[j] = column.iter().sum();
        }
        let mut rates = vec![0.0; n * n];
        for j in 0..n {
            for i in 0..n {
                rates[i * n + j] = columns[j * n + i];
            }
        }
        let span = |row: &[f64]| {
            let first = row.iter().position(|r| *r > 0.0).unwrap_or(0);
            [first, row.iter().rposition(|r| *r > 0.0).map_or(first, |last| last + 1)]
        };
        let spans = rates.chunks(n).map(span).collect();
        Kernel { n, rates, spans, leaving }
    }

    /// Largest rate of jumping.
    pub fn fastest(&self) -> f64 {
        self.leaving.iter().copied().fold(0.0, f64::max)
    }

    /// The rates into a state, and the first of those it comes from.
    pub fn row(&self, i: usize) -> (usize, &[f64]) {
        let [first, last] = self.spans[i];
        (first, &self.rates[i * self.n + first..i * self.n + last])
    }

    /// Add to `out` what arrives by jumps.
    pub fn add(&self, mass: &[f64], out: &mut [f64]) {
        out.iter_mut().enumerate().for_each(|(i, o)| *o += self.arriving(i, mass));
    }

    /// What arrives in a state, in eight sums side by side, which a processor takes at once.
    pub fn arriving(&self, i: usize, mass: &[f64]) -> f64 {
        const LANES: usize = 8;
        let (first, row) = self.row(i);
        let (rates, masses) = (row.chunks_exact(LANES), mass[first..first + row.len()].chunks_exact(LANES));
        let rest: f64 = rates.remainder().iter().zip(masses.remainder()).map(|(r, m)| r * m).sum();
        let mut sums = [0.0; LANES];
        for (rates, masses) in rates.zip(masses) {
            sums.iter_mut().zip(rates.iter().zip(masses)).for_each(|(s, (r, m))| *s += r * m);
        }
        sums.iter().sum::<f64>() + rest
    }
}

/// Where a chain's states are on the line.
struct Places {
    nodes: Vec<f64>,
    /// The chain's position of the first node.
    first: usize,
    /// States beyond the nodes: an end that absorbs.
    sinks: [Option<f64>; 2],
    ring: Option<[f64; 2]>,
}

impl Places {
    fn new(grid: &Grid, operator: &Operator) -> Places {
        let n = grid.len();
        let end = |k: usize, edge: f64| match grid.ends[k] {
            End::Sink(end) => Some(end),
            _ if operator.sinks[k] => Some(edge),
            _ => None,
        };
        let ring = operator.ring.then(|| [grid.edges[0], grid.edges[n]]);
        let sinks = [end(0, grid.edges[0]), end(1, grid.edges[n])];
        Places { nodes: grid.nodes.clone(), first: operator.place(0), sinks, ring }
    }

    /// Share a rate between the two states around a place. `near` is a node close by, and is moved along.
    fn share(&self, mut x: f64, rate: f64, near: &mut usize, column: &mut [f64]) {
        let last = self.nodes.len() - 1;
        if let Some([lower, upper]) = self.ring {
            let period = upper - lower;
            x -= ((x - lower) / period).floor() * period;
            if x < self.nodes[0] || x > self.nodes[last] {
                let gap = self.nodes[0] + period - self.nodes[last];
                let beyond = if x > self.nodes[last] { x } else { x + period } - self.nodes[last];
                column[0] += rate * beyond / gap;
                column[last] += rate * (1.0 - beyond / gap);
                return;
            }
        }
        if x <= self.nodes[0] || x >= self.nodes[last] {
            let (k, node, edge) = if x <= self.nodes[0] { (0, 0, self.nodes[0]) } else { (1, last, self.nodes[last]) };
            let inside = self.first + node;
            match self.sinks[k] {
                None => column[inside] += rate,
                Some(end) => {
                    let share = ((x - edge) / (end - edge)).clamp(0.0, 1.0);
                    column[inside] += rate * (1.0 - share);
                    column[if k == 0 { inside - 1 } else { inside + 1 }] += rate * share;
                }
            }
            return;
        }
        let mut i = (*near).min(last - 1);
        while self.nodes[i] > x {
            i -= 1;
        }
        while self.nodes[i + 1] < x {
            i += 1;
        }
        *near = i;
        let share = (x - self.nodes[i]) / (self.nodes[i + 1] - self.nodes[i]);
        column[self.first + i] += rate * (1.0 - share);
        column[self.first + i + 1] += rate * share;
    }
}

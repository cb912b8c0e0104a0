//! The rate equations as the steps see them.

use super::rodas::{Equations, Prepared, root_mean_square};
use super::{Initial, Sparse, sizes, symbols_at};
use crate::expr::{Id, Scratch, Tape};
use crate::process::{RateEquations, symbol};
use nalgebra::{DMatrix, DVector};

/// Right side and slopes, compiled.
pub(super) struct Plain {
    equations: RateEquations,
    drift: Tape,
    scratch: Scratch,
    /// `∂fᵢ/∂xⱼ`, and `∂fᵢ/∂t` beyond the last column.
    slopes: Sparse<(usize, usize)>,
    symbols: Vec<f64>,
    tolerance: f64,
    /// `[variable]`
    absolute: Vec<f64>,
}

impl Plain {
    pub fn new(mut equations: RateEquations, initial: &Initial) -> Plain {
        let (jacobian, in_time) = equations.jacobian();
        let n = in_time.len();
        let pool = &equations.frame.pool;
        let lanes: Vec<usize> = (0..n).map(|i| equations.frame.variable(i)).collect();
        let of_row = |(i, row): (usize, Vec<Id>)| row.into_iter().enumerate().map(move |(j, id)| ((i, j), id));
        let entries: Vec<((usize, usize), Id)> = jacobian.into_iter().enumerate().flat_map(of_row).collect();
        let in_time = in_time.into_iter().enumerate().map(|(i, id)| ((i, n), id));
        Plain {
            drift: Tape::compile(pool, &equations.drift, &lanes),
            scratch: Scratch::default(),
            slopes: Sparse::new(pool, entries.into_iter().chain(in_time).collect(), &lanes),
            symbols: equations.frame.symbols(initial.theta, f64::NAN),
            tolerance: initial.tolerance,
            absolute: sizes(initial.start).into_iter().map(|size| initial.tolerance * size).collect(),
            equations,
        }
    }

    /// The state after an event.
    pub fn after(&self, event: usize, x: &DVector<f64>, time: f64) -> DVector<f64> {
        let symbols = symbols_at(&self.symbols, x.as_slice(), time);
        let mut after = x.clone();
        for (i, id) in &self.equations.events[event].1 {
            after[*i] = self.equations.frame.pool.eval(*id, &symbols);
        }
        after
    }
}

impl Equations for Plain {
    fn right(&mut self, x: &DVector<f64>, time: f64) -> DVector<f64> {
        self.symbols[symbol::TIME] = time;
        self.drift.bind(&self.symbols, &mut self.scratch);
        let mut out = DVector::zeros(x.len());
        self.drift.run_one(x.as_slice(), out.as_mut_slice(), &mut self.scratch);
        out
    }

    fn prepare(&mut self, x: &DVector<f64>, time: f64, shift: f64) -> Option<Prepared> {
        let n = x.len();
        self.symbols[symbol::TIME] = time;
        let mut matrix = DMatrix::from_diagonal_element(n, n, shift);
        let mut in_time = DVector::zeros(n);
        for ((i, j), slope) in self.slopes.at(&self.symbols, x.as_slice()) {
            if j == n { in_time[i] = slope } else { matrix[(i, j)] -= slope }
        }
        if matrix.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let lu = matrix.lu();
        Some(Prepared { solve: Box::new(move |r| lu.solve(r)), in_time })
    }

    fn size(&self, error: &DVector<f64>, x: &DVector<f64>, next: &DVector<f64>) -> f64 {
        root_mean_square((error.as_slice(), x.as_slice(), next.as_slice()), &self.absolute, self.tolerance)
    }

    fn typical(&self, x: &DVector<f64>, i: usize) -> f64 {
        self.absolute[i] / self.tolerance.max(1e-300) * 1e-3 + x[i].abs()
    }
}

//! Variable projection (Golub & Pereyra 1973): a search over the parameters the curve is not linear in, the others solved for at every
//! step. The valleys of sums of exponentials and of rational functions, along which linear and nonlinear parameters go
//! together, are gone.
//!
//! Slopes as Kaufman (1975) has them: those of the curve with the linear parameters held, less their part in the span of the linear
//! columns. What is left out is as small as the residuals.

use super::posed::Posed;
use crate::fit::least_squares::{Problem, minimise};
use nalgebra::{DMatrix, DVector};

pub(super) struct Projected<'p> {
    posed: Posed<'p>,
    base: Vec<f64>,
    /// Free parameters the curve is not linear in.
    bent: Vec<usize>,
}

/// All parameters, and the slopes in natural coordinates off the span of the linear columns.
pub(super) struct Solved {
    theta: Vec<f64>,
    slopes: DMatrix<f64>,
}

/// Linear columns whose singular values are below this part of the largest do not count.
const RANK: f64 = 1e-12;

impl<'p> Projected<'p> {
    /// Where the search ends, all parameters within their bounds, and its iterations; `None` where no parameter is linear, or the start
    /// cannot be evaluated.
    pub fn search(posed: &Posed<'p>, start: &[f64], most: u64) -> Option<(Vec<f64>, u64)> {
        if posed.linear.is_empty() {
            return None;
        }
        let bent: Vec<usize> = posed.free.iter().copied().filter(|k| !posed.linear.contains(k)).collect();
        let axes = posed.axes(&bent);
        let from = posed.coordinates(&bent, start);
        let mut problem = Projected { posed: posed.clone(), base: start.to_vec(), bent };
        let found = minimise(&mut problem, &from, &axes, most, posed.floor)?;
        let mut theta = found.point.theta;
        for k in &posed.linear {
            let param = &posed.params[*k];
            // Parameters on a logarithm have no way back from zero.
            theta[*k] = match theta[*k].clamp(param.lower, param.upper) {
                out if out != theta[*k] => param.default,
                inside => inside,
            };
        }
        Some((theta, found.iterations))
    }
}

impl Problem for Projected<'_> {
    type Point = Solved;

    fn at(&mut self, u: &[f64]) -> Option<(DVector<f64>, Solved)> {
        let mut theta = self.base.clone();
        for (k, u) in self.bent.iter().zip(u) {
            theta[*k] = self.posed.params[*k].to_natural(*u);
        }
        for k in &self.posed.linear {
            theta[*k] = 0.0;
        }
        let without = self.posed.evaluate(&theta).ok()?;
        let columns = without.jacobian.select_columns(&self.posed.linear);
        let norms: Vec<f64> = columns.column_iter().map(|c| c.norm()).collect();
        let scaled = DMatrix::from_fn(columns.nrows(), norms.len(), |i, k| match norms[k] {
            0.0 => 0.0,
            norm => columns[(i, k)] / norm,
        });
        let qr = scaled.qr();
        let (q, svd) = (qr.q(), qr.r().svd(true, true));
        let (left, right) = (svd.u?, svd.v_t?.transpose());
        let told: Vec<usize> =
            (0..norms.len()).filter(|k| svd.singular_values[*k] > RANK * svd.singular_values.max()).collect();
        let span = q * left.select_columns(&told);
        let along = span.transpose() * &without.residuals;
        let inverse = DVector::from_fn(told.len(), |i, _| along[i] / svd.singular_values[told[i]]);
        let solved = right.select_columns(&told) * inverse;
        for (i, k) in self.posed.linear.iter().enumerate() {
            theta[*k] = if norms[i] > 0.0 { solved[i] / norms[i] } else { 0.0 };
        }
        let there = self.posed.evaluate(&theta).ok()?;
        let slopes = there.jacobian.select_columns(&self.bent);
        let slopes = &slopes - &span * (span.transpose() * &slopes);
        Some((there.residuals, Solved { theta, slopes }))
    }

    fn jacobian(&mut self, u: &[f64], point: &Solved) -> Option<DMatrix<f64>> {
        let mut jacobian = point.slopes.clone();
        for (column, (k, u)) in self.bent.iter().zip(u).enumerate() {
            jacobian.column_mut(column).scale_mut(self.posed.params[*k].derivative(*u));
        }
        Some(jacobian)
    }
}

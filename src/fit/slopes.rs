//! Difference quotients of fourth order, for what has no derivatives in closed form.

use crate::base::{Coordinate, Param};
use nalgebra::{DMatrix, DVector};

/// Step, as a part of a parameter's size: what fourth order leaves is then at round-off of values good to thirteen digits.
const SHARE: f64 = 1e-3;

/// Slopes of a vector in the natural parameters of `free`, a column each: `(8 (f₁ - f₋₁) - (f₂ - f₋₂))/12h` in a parameter's coordinate, or
/// the one-sided quotient of that order beside a bound. `size` is what a parameter on the whole line is moved by a part of where it is near
/// zero. `None` where a value is not to be had. Cost: four evaluations a parameter.
pub(super) fn slopes(
    params: &[Param],
    theta: &[f64],
    free: &[usize],
    size: f64,
    at: &dyn Fn(&[f64]) -> Option<DVector<f64>>,
) -> Option<DMatrix<f64>> {
    const CENTRAL: [(f64, f64); 4] = [(-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)];
    const ONE_SIDED: [(f64, f64); 5] = [(0.0, -25.0), (1.0, 48.0), (2.0, -36.0), (3.0, 16.0), (4.0, -3.0)];
    let mut columns = Vec::with_capacity(free.len());
    for k in free {
        let p = &params[*k];
        let u = p.to_coordinate(theta[*k]);
        let h = match p.coordinate() {
            Coordinate::Linear => SHARE * theta[*k].abs().max(0.1 * size),
            _ => SHARE,
        };
        let [below, above] = [u - p.to_coordinate(p.lower), p.to_coordinate(p.upper) - u];
        let (stencil, h): (&[(f64, f64)], f64) = match (below < 2.0 * h, above < 2.0 * h) {
            (true, _) => (&ONE_SIDED, h),
            (_, true) => (&ONE_SIDED, -h),
            _ => (&CENTRAL, h),
        };
        let mut column: Option<DVector<f64>> = None;
        for (offset, factor) in stencil {
            let mut moved = theta.to_vec();
            moved[*k] = p.to_natural(u + offset * h);
            let value = at(&moved)? * (factor / (12.0 * h));
            column = Some(match column {
                Some(sum) => sum + value,
                None => value,
            });
        }
        columns.push(column? / p.derivative(u));
    }
    if columns.is_empty() {
        return Some(DMatrix::zeros(at(theta)?.len(), 0));
    }
    Some(DMatrix::from_columns(&columns))
}

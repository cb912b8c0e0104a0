//! The exponential of a matrix: balancing, then Padé's [13/13] approximant with scaling and squaring (Higham 2005, algorithm
//! 2.3).
//!
//! Written here because nalgebra's own calls the C library's `pow` and `log2`, which differ between processors.

use crate::base::{Error, Result, math};
use nalgebra::DMatrix;

/// Norm up to which the approximant is right to double precision (Higham 2005, table 2.3).
const THETA_13: f64 = 5.371_920_351_148_152;
/// Coefficients of the numerator (Higham 2005, eq. 2.4).
const PADE: [f64; 14] = [
    64_764_752_532_480_000.0,
    32_382_376_266_240_000.0,
    7_771_770_303_897_600.0,
    1_187_353_796_428_800.0,
    129_060_195_264_000.0,
    10_559_470_521_600.0,
    670_442_572_800.0,
    33_522_128_640.0,
    1_323_241_920.0,
    40_840_800.0,
    960_960.0,
    16_380.0,
    182.0,
    1.0,
];

/// `exp(a)` of a square matrix. Cost O(n³ log ‖a‖).
///
/// # Errors
/// [`Error::Numerics`] where an entry is not finite, or the exponential overflows.
pub(crate) fn exponential(a: &DMatrix<f64>) -> Result<DMatrix<f64>> {
    let broken = |why: &str| Error::Numerics {
        what: "the equations of the moments".to_string(),
        why: why.to_string(),
        hint: "check the parameters: a moment that explodes has no number".to_string(),
    };
    if a.iter().any(|v| !v.is_finite()) {
        return Err(broken("a coefficient is not finite"));
    }
    let n = a.nrows();
    let (mut a, scale) = balanced(a.clone());
    let one = DMatrix::<f64>::identity(n, n);
    let mut a2 = &a * &a;
    let mut a4 = &a2 * &a2;
    let mut a6 = &a4 * &a2;
    let mut size = effective_norm(&a, &a4, &a6);
    let mut squarings = 0;
    while size > THETA_13 {
        size *= 0.5;
        squarings += 1;
    }
    if squarings > 200 {
        return Err(broken("they grow beyond any number"));
    }
    let half = halves(squarings);
    a *= half;
    a2 *= half * half;
    a4 *= math::powi(half, 4);
    a6 *= math::powi(half, 6);
    let b = |k: usize| PADE[k];
    let high = &a6 * b(13) + &a4 * b(11) + &a2 * b(9);
    let odd = &a * (&a6 * high + &a6 * b(7) + &a4 * b(5) + &a2 * b(3) + &one * b(1));
    let high = &a6 * b(12) + &a4 * b(10) + &a2 * b(8);
    let even = &a6 * high + &a6 * b(6) + &a4 * b(4) + &a2 * b(2) + &one * b(0);
    let mut x = (&even - &odd).lu().solve(&(even + odd)).ok_or_else(|| broken("their approximant is singular"))?;
    for _ in 0..squarings {
        x = &x * &x;
    }
    for i in 0..n {
        for j in 0..n {
            x[(i, j)] *= scale[i] / scale[j];
        }
    }
    if x.iter().any(|v| !v.is_finite()) {
        return Err(broken("they grow beyond any number"));
    }
    Ok(x)
}

/// A bound on the powers of `a` that is not misled by large entries above an empty triangle: `max(‖a^6‖^(1/6), ‖a^8‖^(1/8))` or
/// with 8 and 10, the smaller (Al-Mohy & Higham 2009, eq. 4.1).
fn effective_norm(a: &DMatrix<f64>, a4: &DMatrix<f64>, a6: &DMatrix<f64>) -> f64 {
    let root = |m: &DMatrix<f64>, k: f64| math::pow(one_norm(m), 1.0 / k);
    let (d6, d8, d10) = (root(a6, 6.0), root(&(a4 * a4), 8.0), root(&(a4 * a6), 10.0));
    let bound = d6.max(d8).min(d8.max(d10));
    if bound.is_finite() { bound } else { one_norm(a) }
}

fn halves(n: u32) -> f64 {
    (0..n).fold(1.0, |f, _| 0.5 * f)
}

fn one_norm(a: &DMatrix<f64>) -> f64 {
    a.column_iter().map(|c| c.iter().map(|v| v.abs()).sum::<f64>()).fold(0.0, f64::max)
}

/// `D⁻¹ a D` with powers of two in `D`, so that rows and columns are of a size (Parlett & Reinsch 1969), and `D`.
fn balanced(mut a: DMatrix<f64>) -> (DMatrix<f64>, Vec<f64>) {
    let n = a.nrows();
    let mut scale = vec![1.0f64; n];
    let size = (0..n).map(|i| a[(i, i)].abs()).fold(0.0, f64::max);
    let size = if size > 0.0 { size } else { 1.0 };
    for _ in 0..50 {
        let mut settled = true;
        for i in 0..n {
            let mut column: f64 = (0..n).filter(|k| *k != i).map(|k| a[(k, i)].abs()).sum();
            let mut row: f64 = (0..n).filter(|k| *k != i).map(|k| a[(i, k)].abs()).sum();
            // What nothing flows back from could be of any size: as large as the diagonal.
            match (column > 0.0, row > 0.0) {
                (false, false) => continue,
                (true, false) => row = size * size / column,
                (false, true) => column = size * size / row,
                (true, true) => {}
            }
            let before = column + row;
            let mut f = 1.0;
            while column < 0.5 * row && f < 1e150 {
                (column, row, f) = (2.0 * column, 0.5 * row, 2.0 * f);
            }
            while column > 2.0 * row && f > 1e-150 {
                (column, row, f) = (0.5 * column, 2.0 * row, 0.5 * f);
            }
            if column + row < 0.95 * before {
                settled = false;
                scale[i] *= f;
                for k in 0..n {
                    a[(k, i)] *= f;
                    a[(i, k)] /= f;
                }
            }
        }
        if settled {
            break;
        }
    }
    (a, scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::math;

    #[test]
    fn rotations_triangles_and_long_times_come_out_right() -> Result<()> {
        let turn = exponential(&(DMatrix::from_row_slice(2, 2, &[0.0, -1.0, 1.0, 0.0]) * 20.0))?;
        assert!((turn[(0, 0)] - math::cos(20.0)).abs() < 1e-13 && (turn[(1, 0)] - math::sin(20.0)).abs() < 1e-13);
        // d/dt (1, m) = (0, a - k m) with coefficients far apart.
        let (a, k, t) = (3e6, 40.0, 2.5);
        let m = exponential(&(DMatrix::from_row_slice(2, 2, &[0.0, 0.0, a, -k]) * t))?[(1, 0)];
        assert!((m / (a / k * -math::exp_m1(-k * t)) - 1.0).abs() < 1e-12, "{m}");
        assert!(exponential(&DMatrix::from_element(1, 1, 1000.0)).is_err());
        assert!(exponential(&DMatrix::from_element(1, 1, f64::NAN)).is_err());
        Ok(())
    }
}

//! The rates of Pearson diffusions, whose eigenfunctions are polynomials: linear drift, quadratic squared diffusion (Wong 1964;
//! Forman & Sørensen 2008, section 2). Hermite for Ornstein-Uhlenbeck, Laguerre for the square root, Jacobi for Wright and
//! Fisher; finitely many polynomials below a continuum where the tails are heavy.

use crate::process::polynomial::{Algebra, Polynomial};
use crate::process::{Boundary, Scalar, symbol};

/// `λ_n = n κ - n (n-1) c` for drift `… - κ x` and `b²/2 = … + c x²`, all of the discrete spectrum that there is up to `n` of them;
/// `None` where the process is no Pearson diffusion on its whole natural domain. The stationary law must be known to exist.
pub(super) fn rates(scalar: &Scalar, theta: &[f64], n: usize) -> Option<Vec<f64>> {
    let state = scalar.state;
    if !matches!(state.boundary, Boundary::Auto | Boundary::Natural) {
        return None;
    }
    let mut pool = scalar.pool().clone();
    let square = pool.power(scalar.diffusion, 2);
    let (drift, square) = {
        let mut algebra = Algebra::new(&mut pool, symbol::STATE..symbol::STATE + 1);
        (algebra.of(scalar.drift)?, algebra.of(square)?)
    };
    if drift.degree()? > 1 || square.degree()? > 2 {
        return None;
    }
    let symbols = scalar.symbols(theta, 0.0);
    let at = |p: &Polynomial, power: usize| p.coefficient(&vec![0; power]).map_or(0.0, |id| pool.eval(id, &symbols));
    let (kappa, c) = (-at(&drift, 1), 0.5 * at(&square, 2));
    // The domain must end where nothing diffuses, or never.
    let [d0, d1] = [at(&square, 0), at(&square, 1)];
    let ends = [state.lower, state.upper].into_iter().filter(|e| e.is_finite());
    let reached =
        ends.map(|x| (d0 + x * (d1 + 2.0 * c * x)).abs() / (d0.abs() + (d1 * x).abs() + 2.0 * (c * x * x).abs()));
    if reached.into_iter().any(|share| share > 1e-14) || !(kappa > 0.0) {
        return None;
    }
    // A polynomial of degree n is square integrable while 2n - 1 < κ/c.
    let bound = |n: &usize| c <= 0.0 || (2.0 * *n as f64 - 1.0) * c < kappa;
    let rate = |n: usize| n as f64 * (kappa - (n as f64 - 1.0) * c);
    Some((0..n).take_while(bound).map(rate).collect())
}

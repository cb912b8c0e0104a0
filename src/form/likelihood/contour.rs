//! The way back from Laplace's domain: `p(t) = 1/(2πi) ∫ e^{λt} G(λ) dλ` along a parabola through the saddle point.
//!
//! `G ~ e^{-√(2λ) |Δy|}`, so with `z = |Δy|/√t` the integrand has its saddle at `λ = z²/(2t)`. On `λ = (c²/2t)(1 + iu)²` it is a Gaussian
//! in `u` times a slow oscillation, and the trapezoidal rule errs as `e^{-(π/h)² + (π/h)|√2 (c - z)|}` (Weideman & Trefethen 2007; Trefethen &
//! Weideman 2014). Every term is then of the size of the answer, so that a density at ten standard deviations has as many digits as
//! one in the middle: nothing cancels.

use super::lanes::Lane;
use crate::base::math;

/// Points on the upper half; their conjugates are the other half.
pub(super) const POINTS: usize = 16;
/// Spacing of `√(c²/2) u`: with 16 points both the rule's error and what it leaves out are near 1e-11 of the answer.
const SPACING: f64 = 0.39;
/// Steps within this ratio share a contour.
pub(super) const TOGETHER: f64 = 1.25;
/// The first contour, and where it ends: the spectrum on the negative axis asks for a way round that does not serve further out.
const FIRST: f64 = 3.18;
const FIRST_ENDS: f64 = 5.0;
/// Width of what a later contour serves.
const BAND: f64 = 6.36;

/// A parabola for transitions of steps about `t` over distances about `c √t`.
#[derive(Debug, Clone)]
pub(super) struct Contour {
    /// `λ`
    pub lambda: Lane,
    /// `(1/π) h dλ/(i du)`, the first halved: weights of the real part.
    pub weight: Lane,
}

/// Which contour serves a distance of `z` standard deviations.
pub(super) fn class(z: f64) -> usize {
    if z < FIRST_ENDS { 0 } else { 1 + ((z - FIRST_ENDS) / BAND) as usize }
}

impl Contour {
    pub fn new(class: usize, t: f64) -> Contour {
        let c = if class == 0 { FIRST } else { FIRST_ENDS + BAND * (class as f64 - 0.5) };
        let size = 0.5 * c * c;
        let h = SPACING / size.sqrt();
        let (mut lambda, mut weight) = (Lane::ZERO, Lane::ZERO);
        for k in 0..POINTS {
            let u = h * k as f64;
            lambda.re[k] = size / t * (1.0 - u * u);
            lambda.im[k] = size / t * 2.0 * u;
            let share = if k == 0 { 0.5 } else { 1.0 } * 2.0 * h * size / (t * std::f64::consts::PI);
            weight.re[k] = share;
            weight.im[k] = share * u;
        }
        Contour { lambda, weight }
    }

    /// `e^{λt - l}` with its largest size taken out: the terms, and the logarithm of what was taken.
    pub fn exponentials(&self, t: f64, l: &Lane) -> (Lane, f64) {
        let top = self.lambda.re[0] * t - l.re[0];
        let mut terms = Lane::ZERO;
        for k in 0..POINTS {
            let size = math::exp(self.lambda.re[k] * t - l.re[k] - top);
            let angle = self.lambda.im[k] * t - l.im[k];
            terms.re[k] = size * math::cos(angle);
            terms.im[k] = size * math::sin(angle);
        }
        (terms, top)
    }
}

/// `Re Σ terms`
pub(super) fn sum(terms: &Lane) -> f64 {
    terms.re.iter().sum()
}

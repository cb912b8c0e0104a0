//! The logarithm of the gamma function and its derivative.
//!
//! Real arguments only; the gamma function itself is among the elementary wrappers and the incomplete ones in
//! `incomplete_gamma`.

use super::elementary::{exp, ln, tan};

/// `B_2k / (2k (2k - 1))`, `k = 1..8`: Stirling's series for `ln Γ` (Abramowitz & Stegun 1964, 6.1.40).
const STIRLING: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3617.0 / 122_400.0,
];

/// `B_2k / 2k`, `k = 1..8`: the asymptotic series of `ψ` (Abramowitz & Stegun 1964, 6.3.18).
const DIGAMMA: [f64; 8] =
    [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32_760.0, 1.0 / 12.0, -3617.0 / 8160.0];

/// From here on the eight terms of [`STIRLING`] leave less than `1e-17`.
pub(super) const STIRLING_FROM: f64 = 12.0;

/// `Γ*(a) = Γ(a) / (sqrt(2 pi / a) (a/e)^a)` for `a >= STIRLING_FROM`; one ulp.
pub(super) fn scaled_gamma(a: f64) -> f64 {
    let step = 1.0 / (a * a);
    exp(STIRLING.iter().rev().fold(0.0, |acc, c| acc * step + c) / a)
}

/// `ln |Γ(x)|`.
///
/// Any `x`; `inf` at zero and the negative integers. FDLIBM by `libm`: relative error a few `1e-16`, kept at the zeros
/// `x = 1` and `x = 2` but not at the zeros among the negative numbers. Cost: about 20 ns.
#[inline]
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The digamma function `ψ(x) = d ln Γ(x) / dx`.
///
/// `x` off the poles `0, -1, -2, ...`, where it gives `NaN`. The recurrence `ψ(x) = ψ(x+1) - 1/x` up to `x >= 10`, then
/// the asymptotic series; reflection for negative `x` (Abramowitz & Stegun 1964, 6.3.5, 6.3.7, 6.3.18).
/// Error: 1.2e-15 seen over `(0, 1e6]`, relative to `max(1, |ψ|)`: absolute next to the root `x = 1.4616`.
/// Cost: ten divisions at most.
pub fn digamma(x: f64) -> f64 {
    if !x.is_finite() {
        return if x > 0.0 { x } else { f64::NAN };
    }
    if x <= 0.0 {
        let past = x - x.floor();
        if past == 0.0 {
            return f64::NAN;
        }
        return digamma(1.0 - x) - std::f64::consts::PI / tan(std::f64::consts::PI * past);
    }
    let mut shifted = x;
    let mut steps = 0.0;
    while shifted < 10.0 {
        steps += 1.0 / shifted;
        shifted += 1.0;
    }
    let step = 1.0 / (shifted * shifted);
    let tail = step * DIGAMMA.iter().rev().fold(0.0, |acc, c| acc * step + c);
    (ln(shifted) - 0.5 / shifted - tail) - steps
}

#[cfg(test)]
#[allow(clippy::excessive_precision)] // references are written with the digits they were computed to
mod tests {
    use super::*;

    #[test]
    fn values_match_references() {
        // mpmath 1.3, 40 digits.
        let log_gamma = [
            (0.001, 6.9071788853838536617),
            (0.5, 0.57236494292470008707),
            (1.25, -0.098271836421813161464),
            (3.5, 1.2009736023470742248),
            (20.0, 39.339884187199494036),
            (1e3, 5905.2204232091812118),
            (1e6, 12815504.56914761166),
        ];
        for (x, want) in log_gamma {
            assert!((ln_gamma(x) / want - 1.0).abs() < 6e-16, "{x}");
        }
        let psi = [
            (0.001, -1000.5755719318102797),
            (0.5, -1.9635100260214234794),
            (1.0, -0.57721566490153286061),
            (1.5, 0.036489973978576520559),
            (7.25, 1.9104535268837360284),
            (30.0, 3.3844381326855248766),
            (1e6, 13.815510057964190771),
            (-0.5, 0.036489973978576520559),
            (-3.75, -1.6923885983113303432),
        ];
        for (x, want) in psi {
            assert!((digamma(x) - want).abs() < 2e-15 * want.abs().max(1.0), "{x}");
        }
    }

    #[test]
    fn scaled_gamma_is_the_gamma_function_without_its_bulk() {
        for a in [12.0_f64, 15.5, 40.0, 150.0] {
            let whole = scaled_gamma(a).ln() + 0.5 * (2.0 * std::f64::consts::PI / a).ln() + a * (a.ln() - 1.0);
            assert!((whole - ln_gamma(a)).abs() < 1e-15 * (1.0 + ln_gamma(a)));
        }
    }

    #[test]
    fn digamma_obeys_recurrence_and_reflection_and_has_poles() {
        for i in 1..200 {
            let x = f64::from(i) * 0.173;
            assert!((digamma(x + 1.0) - digamma(x) - 1.0 / x).abs() < 4e-15 * (1.0 + 1.0 / x));
        }
        assert!(digamma(0.0).is_nan() && digamma(-4.0).is_nan() && digamma(f64::NAN).is_nan());
        assert!(digamma(f64::NEG_INFINITY).is_nan());
        assert_eq!(digamma(f64::INFINITY), f64::INFINITY);
        assert_eq!(ln_gamma(0.0), f64::INFINITY);
    }
}

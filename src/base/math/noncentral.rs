//! The noncentral chi-square law: density and quantile. Its two tails are in `noncentral_tail`.
//!
//! It is the law of the square-root diffusion seen from an earlier point, where the noncentrality at daily steps is
//! about `1e4` to `1e7`, so nothing here grows with it. Scaling to the diffusion is the caller's.

use super::bessel::power_sum;
use super::debye;
use super::elementary::{exp, exp_m1, ln, ln_1p, ln_1p_minus_x, pow};
use super::gamma::ln_gamma;
use super::noncentral_tail::{ncx2_cdf, ncx2_sf};
use super::normal_quantile::normal_quantile;

/// `ln(2 pi) / 2` (mpmath).
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// The saddle point `u_0 = (s + R) / x` of `x u / 2 + lambda / (2 u) - s ln u`, with `R = sqrt(s^2 + lambda x)`,
/// which is also the curvature of the exponent in the angle there.
///
/// Everything is measured from `u = 1`, where the exponent less `(x + lambda) / 2` vanishes, so that no large numbers
/// are subtracted.
pub(super) struct Saddle {
    /// `u_0 - 1`.
    pub offset: f64,
    /// The exponent at the saddle, `<= 0` for `s >= 0`.
    pub exponent: f64,
}

/// Finds the saddle for `x > 0`, `lambda >= 0` and `R > 0`; `R` is passed in because the caller chose by it.
pub(super) fn saddle(x: f64, s: f64, lambda: f64, radius: f64) -> Saddle {
    // (s + R - x)/x; for x > s in a form exact to rounding however close x is to lambda + 2s.
    let offset = if x > s { (lambda + 2.0 * s - x) / (radius + (x - s)) } else { (s + radius - x) / x };
    let w = x / (s + radius);
    let d = -offset * w;
    let log_part = if d.abs() < 0.3 { ln_1p_minus_x(d) } else { ln(w) - d };
    let rest = if s > 0.0 { lambda * w } else { radius - s }; // R - s
    Saddle { offset, exponent: s * log_part - 0.5 * rest * d * (d / w) }
}

/// Logarithm of the noncentral chi-square density,
/// `f(x) = e^{-(x+lambda)/2} (x/lambda)^{nu/2} I_nu(sqrt(lambda x)) / 2` with `nu = df/2 - 1`.
///
/// `df > 0`, `lambda >= 0`, both finite; `-inf` for `x < 0` and where `lambda x` overflows; at `x = 0` the limit, which
/// is `inf` for `df < 2`. The central law at `lambda = 0` is part of the same formula. For
/// `R = sqrt(nu^2 + lambda x) >= 40` the exponentials of the Bessel function and of the density are merged at the
/// saddle point of the generating integral, which leaves `-ln 2 + E - ln(2 pi R)/2 + ln(1 + ...)` with `E` a sum of two
/// negative terms; below, the power series.
///
/// Error: relative 2.5e-13 of `f` above `e^-100`, relative 8e-16 of `ln f` below, seen over `df` in `[1e-3, 1e5]`,
/// `lambda` in `[0, 1e9]`.
/// Cost: 33 to 85 ns.
/// Source: Johnson, Kotz & Balakrishnan (1995), ch. 29, for the density; own rearrangement.
pub fn ncx2_ln_pdf(x: f64, df: f64, lambda: f64) -> f64 {
    if !(df > 0.0 && df.is_finite() && lambda >= 0.0 && lambda.is_finite()) || x.is_nan() {
        return f64::NAN;
    }
    if x < 0.0 || x == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    let a = 0.5 * df;
    let nu = a - 1.0;
    if x == 0.0 {
        return if a < 1.0 {
            f64::INFINITY
        } else if a > 1.0 {
            f64::NEG_INFINITY
        } else {
            -std::f64::consts::LN_2 - 0.5 * lambda
        };
    }
    let radius = (nu * nu + lambda * x).sqrt();
    if radius == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    if radius < debye::RADIUS {
        let series = ln(power_sum(a, 0.25 * lambda * x));
        return nu * ln(0.5 * x) - ln_gamma(a) + series - (0.5 * (x + lambda) + std::f64::consts::LN_2);
    }
    let share = nu / radius;
    let sum = ln_1p(debye::sum_less_one(share * share, radius));
    let exponent = saddle(x, nu, lambda, radius).exponent;
    exponent + (sum - 0.5 * ln(radius) - HALF_LN_2PI - std::f64::consts::LN_2)
}

/// A starting point for the quantile: the cube-root normal approximation on a scaled central law with the same two
/// moments (Patnaik 1949; Wilson & Hilferty 1931), or the leading power of `x` where that has no positive root.
fn first_guess(p: f64, df: f64, lambda: f64) -> f64 {
    let mean = df + lambda;
    let scale = (df + 2.0 * lambda) / mean;
    let ninth = 2.0 * scale / (9.0 * mean);
    let root = 1.0 - ninth + normal_quantile(p) * ninth.sqrt();
    if root > 0.1 {
        return mean * root * root * root;
    }
    let a = 0.5 * df;
    let power = 2.0 * exp((ln(p) + 0.5 * lambda + ln_gamma(a + 1.0)) / a);
    let cube = mean * pow(root.max(0.03), 3.0);
    if power < cube { power } else { cube }
}

/// Quantile of the noncentral chi-square law: the `x` with `P(X <= x) = p`.
///
/// `p` in `[0, 1]`, `df > 0`, `lambda >= 0`; zero and `inf` at the ends, `NaN` outside. Newton's method on the
/// logarithm of the smaller tail against `ln x`, kept inside a bracket and replaced by bisection when it leaves it.
/// Quantiles below the least normal double come out as zero, which happens for small `df`.
/// Error: the tail at the result is the one asked to relative 4e-13, or as near as one rounding of `x` allows.
/// Cost: three to eight evaluations of a tail and the density, 2 to 5 us.
pub fn ncx2_quantile(p: f64, df: f64, lambda: f64) -> f64 {
    if !((0.0..=1.0).contains(&p) && df > 0.0 && df.is_finite() && lambda >= 0.0 && lambda.is_finite()) {
        return f64::NAN;
    }
    if p == 0.0 {
        return 0.0;
    }
    if p == 1.0 {
        return f64::INFINITY;
    }
    let lower = p <= 0.5;
    let target = if lower { p } else { 1.0 - p };
    if lower && ncx2_cdf(f64::MIN_POSITIVE, df, lambda) >= p
        || !lower && ncx2_sf(f64::MIN_POSITIVE, df, lambda) <= target
    {
        return 0.0;
    }
    let (mut low, mut high) = (f64::MIN_POSITIVE, f64::MAX);
    let mut x = first_guess(p, df, lambda).clamp(1e-300, 1e300);
    for _ in 0..200 {
        let tail = if lower { ncx2_cdf(x, df, lambda) } else { ncx2_sf(x, df, lambda) };
        if tail == target {
            return x;
        }
        if (tail > target) == lower {
            high = x
        } else {
            low = x
        }
        // d ln(tail) / d ln x = ± x f / tail.
        let slope = exp(ncx2_ln_pdf(x, df, lambda) + ln(x)) / tail;
        let ratio = tail / target;
        let gap = if (ratio - 1.0).abs() < 0.5 { ln_1p((tail - target) / target) } else { ln(ratio) };
        let change = if lower { -gap / slope } else { gap / slope };
        let mut next = x + x * exp_m1(change.clamp(-50.0, 50.0));
        // The step is quadratic in the gap, so what is left after it is below rounding.
        if gap.abs() < 1e-8 {
            return if slope > 0.0 { next } else { x };
        }
        if !(next > low && next < high) {
            next = if high == f64::MAX { 4.0 * x } else { low.sqrt() * high.sqrt() };
        }
        if (next - x).abs() <= 2.5e-16 * x || next <= low || next >= high {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
#[allow(clippy::excessive_precision)] // references are written with the digits they were computed to
mod tests {
    use super::*;

    // x, df, lambda, ln pdf: mpmath 1.3, from the Bessel function at 60 digits (as in `bessel`).
    const CASES: [(f64, f64, f64, f64); 13] = [
        (0.001, 0.001, 0.5, -0.72400318427444730317),
        (3.0, 2.0, 1.0, -2.049762942532317104),
        (0.25, 0.5, 40.0, -17.307643625799484365),
        (70.0, 5.0, 30.0, -7.0853419305787563207),
        (500.0, 3.0, 0.125, -242.72917092839808252),
        (9900.0, 3.0, 10000.0, -6.3428848335531620744),
        (10003.0, 3.0, 10000.0, -6.2173683828808728174),
        (8800.0, 0.5, 10000.0, -25.305857052893761324),
        (11000.0, 0.0625, 10000.0, -18.198800434928187929),
        (101000.0, 100000.0, 250.0, -8.4242375753938591374),
        (1003000.0, 1000.0, 1000000.0, -9.0208401400356530503),
        (30.0, 200.0, 1.5, -107.36794520376885862),
        (2.0, 12.0, 900.0, -427.62752844475181041),
    ];

    #[test]
    fn density_matches_references() {
        for (x, df, lambda, want) in CASES {
            assert!((ncx2_ln_pdf(x, df, lambda) - want).abs() < 4e-15 * want.abs().max(10.0), "{x} {df} {lambda}");
        }
    }

    #[test]
    fn density_without_noncentrality_is_the_central_one() {
        for df in [0.5, 1.0, 2.0, 7.0, 79.0, 90.0, 1000.0, 1e5_f64] {
            for share in [0.5, 0.99, 1.0, 1.3_f64] {
                let (x, a) = (df * share, 0.5 * df);
                let want = (a - 1.0) * ln(0.5 * x) - 0.5 * x - ln_gamma(a) - std::f64::consts::LN_2;
                assert!((ncx2_ln_pdf(x, df, 0.0) - want).abs() < 1e-15 * (20.0 + 5.0 * df), "{x} {df}");
            }
        }
    }

    #[test]
    fn density_integrates_to_the_distribution_function() {
        for (df, lambda) in [(3.0, 5.0), (4.5, 300.0), (300.0, 20.0), (8.0, 1e7)] {
            let (mean, deviation) = (df + lambda, (2.0_f64 * (df + 2.0 * lambda)).sqrt());
            let (from, to) = ((mean - 0.9 * deviation).max(0.5), mean + deviation);
            // Gauss-Legendre on 40 panels with two points: error of order panel^4.
            let panel = (to - from) / 400.0;
            let offset = 0.5 / 3.0_f64.sqrt();
            let sum: f64 = (0..400)
                .map(|i| {
                    let middle = from + panel * (f64::from(i) + 0.5);
                    let at = |x| exp(ncx2_ln_pdf(x, df, lambda));
                    0.5 * panel * (at(middle - offset * panel) + at(middle + offset * panel))
                })
                .sum();
            let want = ncx2_cdf(to, df, lambda) - ncx2_cdf(from, df, lambda);
            assert!((sum - want).abs() < 1e-10, "{df} {lambda} {sum} {want}");
        }
    }

    #[test]
    fn quantile_inverts_both_tails() {
        for df in [0.001, 0.3, 2.0, 40.0, 1e3, 1e5] {
            for lambda in [0.0, 0.01, 3.0, 500.0, 1e6, 1e9] {
                for p in [1e-10, 0.01, 0.4, 0.5, 0.77, 0.999, 1.0 - 1e-10] {
                    let x = ncx2_quantile(p, df, lambda);
                    assert!((0.0..f64::INFINITY).contains(&x));
                    if x == 0.0 {
                        assert!(ncx2_cdf(f64::MIN_POSITIVE, df, lambda) >= p);
                        continue;
                    }
                    // What one rounding of x can do to the tail: x f(x) 2^-52.
                    let grain = 4e-16 * x * exp(ncx2_ln_pdf(x, df, lambda));
                    let (got, want) =
                        if p <= 0.5 { (ncx2_cdf(x, df, lambda), p) } else { (ncx2_sf(x, df, lambda), 1.0 - p) };
                    assert!((got - want).abs() < 2e-13 * want + grain, "{p} {df} {lambda} {x} {got}");
                }
            }
        }
    }

    #[test]
    fn edges() {
        assert_eq!(ncx2_ln_pdf(-1.0, 3.0, 1.0), f64::NEG_INFINITY);
        assert_eq!(ncx2_ln_pdf(0.0, 3.0, 1.0), f64::NEG_INFINITY);
        assert_eq!(ncx2_ln_pdf(0.0, 1.0, 1.0), f64::INFINITY);
        assert_eq!(ncx2_ln_pdf(0.0, 2.0, 1.0), -std::f64::consts::LN_2 - 0.5);
        assert_eq!(ncx2_ln_pdf(f64::INFINITY, 2.0, 1.0), f64::NEG_INFINITY);
        assert!(ncx2_ln_pdf(1.0, 0.0, 1.0).is_nan() && ncx2_ln_pdf(1.0, 1.0, -1.0).is_nan());
        assert!(ncx2_ln_pdf(f64::NAN, 1.0, 1.0).is_nan());
        assert_eq!(ncx2_ln_pdf(1e300, 3.0, 1e9), f64::NEG_INFINITY);
        assert_eq!(ncx2_quantile(0.0, 3.0, 1.0), 0.0);
        assert_eq!(ncx2_quantile(1.0, 3.0, 1.0), f64::INFINITY);
        assert!(ncx2_quantile(1.5, 3.0, 1.0).is_nan() && ncx2_quantile(0.5, -3.0, 1.0).is_nan());
    }
}

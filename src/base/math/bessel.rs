//! The modified Bessel function of the first kind for real order, scaled and in logarithm: the transition density of
//! the square-root diffusion and the noncentral chi-square law rest on it.
//!
//! Two regimes meet at `sqrt(nu^2 + x^2) = 40`: the power series below, whose terms are all positive, and above it
//! the uniform expansion of `debye`, which is Hankel's where `x >> nu^2` and Stirling's where `x << nu`; so the huge
//! arguments of daily steps are the cheapest. Orders at or below minus one and the other kinds are left out.

use super::debye;
use super::elementary::{ln, ln_1p};
use super::gamma::{digamma, ln_gamma};

/// `ln(2 pi) / 2` (mpmath).
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;
/// Bound on the power series, which needs at most about 80 terms below the radius of the expansion.
const MAX_TERMS: usize = 300;

/// `sum_k y^k / (k! (a)_k)`, the power series of `I_{a-1}(2 sqrt y)` freed of its first term, for `a > 0`.
pub(super) fn power_sum(a: f64, y: f64) -> f64 {
    let (mut term, mut total) = (1.0, 1.0);
    for k in 1..MAX_TERMS {
        let k = k as f64;
        term *= y / (k * (a + (k - 1.0)));
        total += term;
        if term < 1e-17 * total {
            break;
        }
    }
    total
}

/// `sqrt(nu^2 + x^2)`, safe beyond the square's range.
#[inline]
fn radius_of(nu: f64, x: f64) -> f64 {
    if x < 1e150 { (nu * nu + x * x).sqrt() } else { libm::hypot(nu, x) }
}

/// `asinh(nu / x)` for `nu >= 0`, without overflow of the quotient.
#[inline]
fn asinh_of_quotient(nu: f64, x: f64, radius: f64) -> f64 {
    if nu <= x { ln_1p((nu + nu / (radius + x) * nu) / x) } else { ln(nu + radius) - ln(x) }
}

/// `ln I_nu(x) - x`.
///
/// Order `nu > -1`, `x >= 0`; `NaN` outside. At `x = 0` the limits: zero for `nu = 0`, `-inf` above, `inf` below. Power
/// series `I_nu = (x/2)^nu sum (x^2/4)^k / (k! Γ(nu+k+1))` (DLMF 10.25.2) while `R = sqrt(nu^2 + x^2) < 40`, else
/// `I_nu e^-x ~ e^{R - x - nu asinh(nu/x)} / sqrt(2 pi R) sum P_k(nu^2/R^2) R^-k` (DLMF 10.41.3 rewritten, see
/// `debye`); for `nu < 0` there, `I_nu` and `I_-nu` differ by less than `e^-79` of themselves.
///
/// Error: absolute 4e-14 or relative 1e-15, whichever is larger, seen over `nu` in `(-1, 1e6]`, `x` in
/// `[1e-8, 1e12]`. Cost: 32 ns at `x = 1e5`, 60 ns at `R = 45`, 40 to 100 ns in the series.
pub fn ln_bessel_i_scaled(nu: f64, x: f64) -> f64 {
    if !(nu > -1.0 && x >= 0.0) {
        return f64::NAN;
    }
    if x == 0.0 {
        return if nu == 0.0 {
            0.0
        } else if nu > 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    if x == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    let radius = radius_of(nu, x);
    if radius < debye::RADIUS {
        return nu * ln(0.5 * x) - ln_gamma(nu + 1.0) + (ln(power_sum(nu + 1.0, 0.25 * x * x)) - x);
    }
    let order = nu.abs();
    let share = order / radius;
    let exponent = order / (radius + x) * order - order * asinh_of_quotient(order, x, radius);
    exponent + (ln_1p(debye::sum_less_one(share * share, radius)) - 0.5 * ln(radius) - HALF_LN_2PI)
}

/// The ratio of neighbouring orders `I_{nu+1}(x) / I_nu(x)`.
///
/// `nu > -1`, `x >= 0`; zero at `x = 0`. Two positive power series that share their terms while
/// `R = sqrt(nu^2 + x^2) < 40`; else from the expansions of `I_nu` and `I_nu'` (DLMF 10.41.3, 10.41.5), arranged so
/// that their difference is taken term by term and nothing cancels.
/// Error: relative 1.1e-15 seen over the range of [`ln_bessel_i_scaled`].
/// Cost: 18 ns at `x = 1e5`, up to 0.12 us in the series.
pub fn bessel_i_ratio(nu: f64, x: f64) -> f64 {
    if !(nu > -1.0 && x >= 0.0) {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return 1.0;
    }
    let radius = radius_of(nu, x);
    if radius < debye::RADIUS {
        let (a, y) = (nu + 1.0, 0.25 * x * x);
        let (mut term, mut total, mut upper) = (1.0, 1.0, 1.0 / a);
        for k in 1..MAX_TERMS {
            let k = k as f64;
            term *= y / (k * (a + (k - 1.0)));
            total += term;
            upper += term / (a + k);
            if term < 1e-17 * total {
                break;
            }
        }
        return 0.5 * x * upper / total;
    }
    let share = nu / radius;
    let q = share * share;
    let sums = debye::sums(q, radius);
    let rest = (sums.weighted + 0.5 * sums.value + 2.0 * q * sums.slope) / (radius * sums.value);
    x / radius * (radius / (radius + nu) - rest)
}

/// Derivative of [`ln_bessel_i_scaled`] in the order, `d ln I_nu(x) / d nu`.
///
/// `nu > -1`, `x > 0`. Analytic in both regimes: the power series differentiated term by term,
/// `ln(x/2) - sum t_k ψ(nu+k+1) / sum t_k` (DLMF 10.38.1), and the uniform expansion differentiated likewise, led by
/// `-asinh(nu/x) - nu / (2 R^2)`. Error: relative 4e-13, or absolute 2e-15 where that is larger, seen over the
/// range of [`ln_bessel_i_scaled`]; the exponentially small `-K_0/I_0` left at `nu = 0` counts as zero for `x >= 40`.
/// Cost: up to about 0.4 us.
pub fn d_ln_bessel_i_scaled_dnu(nu: f64, x: f64) -> f64 {
    if !(nu > -1.0 && x > 0.0) {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    let radius = radius_of(nu, x);
    if radius < debye::RADIUS {
        let (a, y) = (nu + 1.0, 0.25 * x * x);
        // ψ(a + k) - ψ(a + 1) runs up by 1 / (a + k); only the increments are averaged. Starting from ψ(a + 1) keeps
        // the pole of ψ at a = 0 out of the difference: it enters once, divided by the sum.
        let (mut term, mut total, mut rise, mut raised) = (1.0, 1.0, 0.0, -1.0 / a);
        for k in 1..MAX_TERMS {
            let k = k as f64;
            let below = a + (k - 1.0);
            if k > 1.0 {
                rise += 1.0 / below;
            }
            term *= y / (k * below);
            total += term;
            raised += term * rise;
            if term * (1.0 + rise) < 1e-17 * total {
                break;
            }
        }
        return (ln(0.5 * x) - digamma(a + 1.0)) - raised / total;
    }
    let share = nu / radius;
    let q = share * share;
    let sums = debye::sums(q, radius);
    let other = x / radius;
    let drift = (2.0 * other * other * sums.slope - sums.weighted) / sums.value;
    -asinh_of_quotient(nu.abs(), x, radius).copysign(nu) + share / radius * (drift - 0.5)
}

/// What [`bessel_i`] gives: the modified Bessel function of the first kind at one order and argument, its neighbour and its slope in the order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BesselI {
    /// `ln I_nu(x) - x`, as [`ln_bessel_i_scaled`].
    pub ln_scaled: f64,
    /// `I_{nu+1}(x) / I_nu(x)`
    pub ratio: f64,
    /// `d ln I_nu(x) / d nu`
    pub by_order: f64,
}

/// The three functions of one order and argument, to the errors of each; they share the sums of the uniform expansion, so that it
/// costs little more than the first alone.
pub fn bessel_i(nu: f64, x: f64) -> BesselI {
    let radius = radius_of(nu, x);
    if !(nu > -1.0 && x > 0.0 && x < f64::INFINITY && radius >= debye::RADIUS) {
        return BesselI {
            ln_scaled: ln_bessel_i_scaled(nu, x),
            ratio: bessel_i_ratio(nu, x),
            by_order: d_ln_bessel_i_scaled_dnu(nu, x),
        };
    }
    let (order, share, other) = (nu.abs(), nu / radius, x / radius);
    let q = share * share;
    let sums = debye::sums(q, radius);
    let bent = asinh_of_quotient(order, x, radius);
    let exponent = order / (radius + x) * order - order * bent;
    let rest = (sums.weighted + 0.5 * sums.value + 2.0 * q * sums.slope) / (radius * sums.value);
    let drift = (2.0 * other * other * sums.slope - sums.weighted) / sums.value;
    BesselI {
        ln_scaled: exponent + (ln_1p(sums.value - 1.0) - 0.5 * ln(radius) - HALF_LN_2PI),
        ratio: other * (radius / (radius + nu) - rest),
        by_order: -bent.copysign(nu) + share / radius * (drift - 0.5),
    }
}

#[cfg(test)]
#[allow(clippy::excessive_precision)] // references are written with the digits they were computed to
mod tests {
    use super::*;

    // nu, x, ln I - x, I_{nu+1}/I_nu, d/dnu: mpmath 1.3, power series summed around its peak at 60 digits (Hankel's
    // expansion at 70 digits for x >= 1e6), the derivative by a five-point difference of step 1e-12 at 60 digits.
    const CASES: [(f64, f64, f64, f64, f64); 14] = [
        (0.0, 1e-4, -9.9997500000001567292e-5, 4.99999999375000025e-5, -9.3262718901345951331),
        (-0.75, 2.0, -1.3628755051039618793, 1.1651577143468818557, 0.57679365351943047072),
        (-0.25, 60.0, -2.9645350637168132737, 0.99580684604752920711, 0.0042020206309028588799),
        (0.5, 3.0, -1.4707265069076871153, 0.67163648998035583776, -0.21403793954228588538),
        (2.5, 20.0, -2.5705387699237103158, 0.85787172011661808736, -0.12793018504345916245),
        (7.25, 38.0, -3.4331305792378609122, 0.81448346739549290023, -0.19214051580783948238),
        (7.25, 41.0, -3.4198925193828327665, 0.82679795072279882483, -0.17806604723907552092),
        (30.0, 35.0, -15.03592810749894408, 0.45175090029797372937, -0.78381418371539719327),
        (100.0, 3.0, -326.17058994904299362, 0.014848242924215949373, -4.2049172392526784747),
        (12.5, 5e3, -5.1931366811080303712, 0.99740312061931619364, -0.0025002474484614423894),
        (3.25, 1e6, -7.826698968439387917, 0.99999625000515625516, -3.2500016249960390482e-6),
        (-0.5, 1e9, -11.28057145167787832, 1.0, 5.0000000025000000025e-10),
        (500.0, 700.0, -176.23025203770085795, 0.51414501726599471106, -0.66466870218127612698),
        (1e4, 300.0, -32300.325373777231241, 0.014995128016296779135, -4.199979956194238779),
    ];

    #[test]
    fn values_match_references() {
        for (nu, x, log, ratio, slope) in CASES {
            assert!((ln_bessel_i_scaled(nu, x) - log).abs() < 5e-15 * log.abs().max(1.0), "ln I {nu} {x}");
            assert!((bessel_i_ratio(nu, x) / ratio - 1.0).abs() < 3e-15, "ratio {nu} {x}");
            assert!((d_ln_bessel_i_scaled_dnu(nu, x) / slope - 1.0).abs() < 1e-13, "d/dnu {nu} {x}");
            let all = bessel_i(nu, x);
            assert!((all.ln_scaled - log).abs() < 5e-15 * log.abs().max(1.0), "ln I {nu} {x}");
            assert!((all.ratio / ratio - 1.0).abs() < 3e-15, "ratio {nu} {x}");
            assert!((all.by_order / slope - 1.0).abs() < 1e-13, "d/dnu {nu} {x}");
        }
        assert!(d_ln_bessel_i_scaled_dnu(0.0, 45.0).abs() < 1e-15);
    }

    #[test]
    fn half_orders_are_elementary() {
        // A & S 10.2.13: I_{1/2} = sqrt(2/(pi x)) sinh x, I_{-1/2} with cosh.
        for x in [0.01, 1.0, 10.0, 39.0, 41.0, 1e3, 1e5, 1e12] {
            let plain = -0.5 * ln(2.0 * std::f64::consts::PI * x);
            let decay = super::super::elementary::exp(-2.0 * x);
            assert!((ln_bessel_i_scaled(0.5, x) - plain - ln_1p(-decay)).abs() < 2e-14, "{x}");
            assert!((ln_bessel_i_scaled(-0.5, x) - plain - ln_1p(decay)).abs() < 2e-14, "{x}");
            assert!((bessel_i_ratio(-0.5, x) - super::super::elementary::tanh(x)).abs() < 1e-15, "{x}");
        }
    }

    #[test]
    fn neighbouring_orders_obey_the_recurrence() {
        // A & S 9.6.26: I_{nu-1} - I_{nu+1} = (2 nu / x) I_nu, divided by I_nu.
        for nu in [0.05, 0.7, 1.0, 3.3, 17.0, 39.0, 41.0, 250.0, 1e4] {
            for x in [0.1, 3.0, 15.0, 36.0, 40.5, 100.0, 2e3, 1e5] {
                let (below, above) = (1.0 / bessel_i_ratio(nu - 1.0, x), bessel_i_ratio(nu, x));
                assert!(((below - above) * x / (2.0 * nu) - 1.0).abs() < 1e-15 * (4.0 + below * x / nu), "{nu} {x}");
                let step = ln_bessel_i_scaled(nu + 1.0, x) - ln_bessel_i_scaled(nu, x);
                let scale = 1.0 + ln_bessel_i_scaled(nu, x).abs();
                assert!((step - ln(above)).abs() < 5e-15 * scale, "{nu} {x}");
            }
        }
    }

    #[test]
    fn the_two_regimes_meet() {
        for nu in [-0.9, -0.3, 0.0, 0.5, 3.0, 11.0, 28.0, 39.0] {
            let x = (debye::RADIUS * debye::RADIUS - nu * nu).sqrt();
            let (inside, outside) = (x * (1.0 - 1e-14), x * (1.0 + 1e-14));
            // the step itself moves ln I by x (ratio + nu/x - 1) 2e-14
            let moved = (x * (bessel_i_ratio(nu, x) - 1.0) + nu) * 2e-14;
            let jump = ln_bessel_i_scaled(nu, outside) - ln_bessel_i_scaled(nu, inside);
            assert!((jump - moved).abs() < 1e-13, "{nu}");
            assert!((bessel_i_ratio(nu, inside) - bessel_i_ratio(nu, outside)).abs() < 2e-14, "{nu}");
            let slopes = (d_ln_bessel_i_scaled_dnu(nu, inside), d_ln_bessel_i_scaled_dnu(nu, outside));
            assert!((slopes.0 - slopes.1).abs() < 2e-13, "{nu}");
        }
    }

    #[test]
    fn the_derivative_is_that_of_the_function() {
        for (nu, x) in [(0.3, 5.0), (2.0, 30.0), (10.0, 100.0), (60.0, 20.0), (-0.4, 12.0)] {
            let h = 1e-3;
            let at = |k: f64| ln_bessel_i_scaled(nu + k * h, x);
            let difference = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * h);
            assert!((d_ln_bessel_i_scaled_dnu(nu, x) - difference).abs() < 1e-10, "{nu} {x}");
        }
    }

    #[test]
    fn edges() {
        assert_eq!(ln_bessel_i_scaled(0.0, 0.0), 0.0);
        assert_eq!(ln_bessel_i_scaled(1.0, 0.0), f64::NEG_INFINITY);
        assert_eq!(ln_bessel_i_scaled(-0.5, 0.0), f64::INFINITY);
        assert_eq!(bessel_i_ratio(1.0, 0.0), 0.0);
        assert_eq!(bessel_i_ratio(50.0, 0.0), 0.0);
        for bad in [(-1.0, 1.0), (0.5, -1.0), (f64::NAN, 1.0), (1.0, f64::NAN)] {
            assert!(ln_bessel_i_scaled(bad.0, bad.1).is_nan());
            assert!(bessel_i_ratio(bad.0, bad.1).is_nan());
            assert!(d_ln_bessel_i_scaled_dnu(bad.0, bad.1).is_nan());
        }
        for x in [1e-300, 1e-160, 1e150, 1e300] {
            for nu in [-0.5, 0.0, 2.0, 1e6] {
                assert!(ln_bessel_i_scaled(nu, x).is_finite(), "{nu} {x}");
                assert!(bessel_i_ratio(nu, x).is_finite() && d_ln_bessel_i_scaled_dnu(nu, x).is_finite(), "{nu} {x}");
            }
        }
    }
}

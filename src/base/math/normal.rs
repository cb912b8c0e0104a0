//! The standard normal law: density, distribution function, their logarithms.
//!
//! Relative accuracy is kept in both tails, which is why the argument of `erfc` is carried in two parts. The
//! inverse and the map from random bits live in `normal_quantile`; other normal laws are left to the caller's
//! scaling.

use super::elementary::{erfc, exp, ln, ln_1p};

/// `1 / sqrt(2 pi)` (mpmath).
const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
/// `ln(2 pi) / 2` (mpmath).
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;
/// `sqrt(1/2)` less its nearest double (mpmath).
const FRAC_1_SQRT_2_LO: f64 = -4.833_646_656_726_457e-17;

/// `a * b` as a rounded product and its exact error (Dekker 1971, with Veltkamp's splitting); `|a|, |b| < 1e290`.
#[inline(always)]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    const SPLIT: f64 = 134_217_729.0; // 2^27 + 1
    let p = a * b;
    let (ta, tb) = (SPLIT * a, SPLIT * b);
    let ah = ta - (ta - a);
    let bh = tb - (tb - b);
    let (al, bl) = (a - ah, b - bh);
    (p, ((ah * bh - p) + ah * bl + al * bh) + al * bl)
}

/// Standard normal density `e^{-x^2/2} / sqrt(2 pi)`.
///
/// Any `x`. Error: relative 3.8e-16 seen for `|x| <= 37`; the square is carried in two parts, without which the
/// tails would lose `x^2/2` ulp. Branch-free, vectorises. Cost: as `exp`.
#[inline(always)]
pub fn normal_pdf(x: f64) -> f64 {
    let bounded = if x > 40.0 { 40.0 } else { x };
    let bounded = if bounded < -40.0 { -40.0 } else { bounded };
    let (square, error) = two_product(bounded, bounded);
    INV_SQRT_2PI * exp(-0.5 * square) * (1.0 - 0.5 * error)
}

/// Logarithm of the standard normal density, `-x^2/2 - ln(2 pi)/2`.
///
/// Any `x`; one ulp. Vectorises.
#[inline(always)]
pub fn normal_ln_pdf(x: f64) -> f64 {
    -0.5 * x * x - HALF_LN_2PI
}

/// Standard normal distribution function `Φ(x) = erfc(-x / sqrt 2) / 2`.
///
/// Any `x`; `Φ(-inf) = 0`, `Φ(inf) = 1`, underflows to zero below `-38.6`. Error: relative 3.3e-16 seen for
/// `-37 <= x <= 8`, the rounding of `x / sqrt 2` being put back to first order. Cost: about one `erfc` and one `exp`.
/// Source: Abramowitz & Stegun (1964) 26.2.29.
pub fn normal_cdf(x: f64) -> f64 {
    let t = -x * std::f64::consts::FRAC_1_SQRT_2;
    if !(-6.0..=28.0).contains(&t) {
        // Φ is 1 or 0 to the last bit there; NaN passes through erfc.
        return 0.5 * erfc(t);
    }
    let (_, error) = two_product(-x, std::f64::consts::FRAC_1_SQRT_2);
    let dt = error - x * FRAC_1_SQRT_2_LO;
    0.5 * erfc(t) - dt * std::f64::consts::FRAC_2_SQRT_PI * 0.5 * exp(-t * t)
}

/// Upper tail `1 - Φ(x) = Φ(-x)` of the standard normal law, without cancellation. Errors and cost of [`normal_cdf`].
pub fn normal_sf(x: f64) -> f64 {
    normal_cdf(-x)
}

/// `ln Φ(x)`, accurate where `Φ` itself underflows.
///
/// Any `x`; tested to `-1e5` and usable to `-1e150`. From `Φ` down to `x = -20`, below it from the asymptotic series
/// of Mills' ratio, `Φ(x) = φ(x)/|x| (1 - 1/x^2 + 3/x^4 - ...)` (Abramowitz & Stegun 1964, 26.2.12), whose tenth term
/// is below `1e-18` there. Error: relative 4e-16 seen over `[-1e5, 8]`.
pub fn normal_ln_cdf(x: f64) -> f64 {
    if x > 0.0 {
        ln_1p(-normal_cdf(-x))
    } else if x > -20.0 {
        ln(normal_cdf(x))
    } else if x > f64::NEG_INFINITY {
        let w = 1.0 / (x * x);
        // 1 - w (1 - 3w (1 - 5w (...))), the factors being the odd numbers.
        let mut inner = 1.0;
        for odd in (3..=17).rev().step_by(2) {
            inner = 1.0 - f64::from(odd) * w * inner;
        }
        normal_ln_pdf(x) - ln(-x) + ln_1p(-w * inner)
    } else {
        x
    }
}

#[cfg(test)]
#[allow(clippy::excessive_precision)] // references are written with the digits they were computed to
mod tests {
    use super::*;

    // x, cdf, ln cdf: mpmath 1.3, 40 digits.
    const CDF: [(f64, f64, f64); 10] = [
        (-37.0, 5.7255712225245768227e-300, -689.0305855768905936),
        (-20.5, 1.0764673258790960335e-93, -214.06672896326380017),
        (-19.5, 5.4891154756604099475e-85, -194.01696577749749941),
        (-8.0, 6.2209605742717841235e-16, -35.013437159914549896),
        (-3.0, 0.0013498980316300945267, -6.6077262215103495433),
        (-1.0, 0.15865525393145705141, -1.8410216450092635058),
        (-0.125, 0.45026177516988710702, -0.79792614275302409024),
        (0.5, 0.69146246127401310364, -0.36894641528865639307),
        (2.0, 0.9772498680518207928, -0.023012909328963488465),
        (6.0, 0.99999999901341235496, -9.8658764552437573169e-10),
    ];

    #[test]
    fn distribution_function_matches_references_in_both_tails() {
        for (x, cdf, ln_cdf) in CDF {
            assert!((normal_cdf(x) / cdf - 1.0).abs() < 5e-16, "cdf {x}");
            assert!((normal_sf(-x) / cdf - 1.0).abs() < 5e-16, "sf {x}");
            assert!((normal_ln_cdf(x) / ln_cdf - 1.0).abs() < 5e-16, "ln cdf {x}");
        }
        for (x, want) in
            [(-50.0, -1254.8313611394199013), (-1e3, -500007.82669481218431), (-1e5, -5.0000000124318639983e9)]
        {
            assert!((normal_ln_cdf(x) / want - 1.0_f64).abs() < 5e-16, "ln cdf {x}");
        }
    }

    #[test]
    fn density_matches_references_and_its_logarithm() {
        // mpmath 1.3, 40 digits.
        let cases = [
            (0.0, 0.39894228040143267794),
            (1.0, 0.2419707245191433498),
            (-6.5, 2.6695566147628519167e-10),
            (30.0, 1.473646134878547519e-196),
        ];
        for (x, want) in cases {
            assert!((normal_pdf(x) / want - 1.0).abs() < 6e-16, "{x}");
            assert!((normal_ln_pdf(x) - ln(want)).abs() <= 4e-16 * (1.0 + normal_ln_pdf(x).abs()));
        }
        assert_eq!(normal_pdf(f64::INFINITY), 0.0);
        assert_eq!(normal_pdf(-1e200), 0.0);
        assert!(normal_pdf(f64::NAN).is_nan());
    }

    #[test]
    fn tails_add_to_one_and_the_edges_hold() {
        for i in -90..=90 {
            let x = f64::from(i) * 0.1;
            assert!((normal_cdf(x) + normal_sf(x) - 1.0).abs() < 3e-16);
        }
        assert_eq!((normal_cdf(f64::NEG_INFINITY), normal_cdf(0.0), normal_cdf(f64::INFINITY)), (0.0, 0.5, 1.0));
        assert_eq!(normal_ln_cdf(f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!(normal_ln_cdf(f64::INFINITY), 0.0);
        assert!(normal_cdf(f64::NAN).is_nan() && normal_ln_cdf(f64::NAN).is_nan());
    }

    #[test]
    fn density_integrates_to_the_distribution_function() {
        // Trapezoidal rule from -12, whose error at an end x is a derivative term: corrected by Euler-Maclaurin.
        let h = 1.0 / 64.0;
        let steps = (12.0 + 1.0) * 64.0;
        let inner: f64 = (1..steps as i32).map(|i| normal_pdf(f64::from(i) * h - 12.0)).sum();
        let (end, slope) = (normal_pdf(1.0), -normal_pdf(1.0));
        let sum = h * (inner + 0.5 * end) - h * h / 12.0 * slope;
        assert!((sum - normal_cdf(1.0)).abs() < 1e-9);
    }
}

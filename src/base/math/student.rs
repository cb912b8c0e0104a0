//! Student's law: its tail by the incomplete beta function, and its quantiles.

use super::{exp, ln, ln_1p, ln_gamma, normal_quantile};

/// Regularised incomplete beta function `I_x(a, b)` by its continued fraction in the form of Didonato & Morris (1992, equation 9),
/// for `x` below its mean `a/(a + b)`, where it converges fast. `ln_rest` is `ln(1 - x)`, which the caller knows best.
fn beta_fraction(a: f64, b: f64, x: f64, ln_rest: f64) -> f64 {
    const MOST: usize = 10_000;
    const TINY: f64 = 1e-300;
    let (mut c, mut d) = (1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    // Modified Lentz (Press et al. 2007, section 6.4).
    for m in 1..MOST {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            let (below, above): (f64, f64) = (1.0 + term * d, 1.0 + term / c);
            d = 1.0 / if below == 0.0 { TINY } else { below };
            c = if above == 0.0 { TINY } else { above };
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    exp(a * ln(x) + b * ln_rest + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)) * fraction / a
}

/// Upper tail `P(T > t)` of Student's law with `df` degrees of freedom, for `t >= 0` and `df > 0`; `NaN` elsewhere.
///
/// `½ I_{ν/(ν + t²)}(ν/2, 1/2)` (Abramowitz & Stegun 1964, 26.7.1). Relative error about 1e-13 up to `df` of 1e5, growing with `df`
/// beyond; cost below a microsecond.
pub fn student_sf(t: f64, df: f64) -> f64 {
    if !(t >= 0.0 && df > 0.0) {
        return f64::NAN;
    }
    if t == 0.0 {
        return 0.5;
    }
    let square = t * t;
    let (x, rest) = (df / (df + square), square / (df + square));
    let (a, b) = (0.5 * df, 0.5);
    if x < (a + 1.0) / (a + b + 2.0) {
        0.5 * beta_fraction(a, b, x, ln(rest))
    } else {
        0.5 - 0.5 * beta_fraction(b, a, rest, -ln_1p(square / df))
    }
}

/// Quantile of Student's law with `df` degrees of freedom at `p` in (0, 1), `df >= 1`; `NaN` elsewhere.
///
/// Newton's steps on the logarithm of the tail inside a bracket that grows from the normal quantile, halved where they leave it. Above
/// 1e7 degrees of freedom the normal quantile, off by less than `(z³ + z)/(4 df)` (Abramowitz & Stegun 26.7.5).
pub fn student_quantile(p: f64, df: f64) -> f64 {
    if !(p > 0.0 && p < 1.0 && df >= 1.0) {
        return f64::NAN;
    }
    if p < 0.5 {
        return -student_quantile(1.0 - p, df);
    }
    let z = normal_quantile(p);
    if z == 0.0 {
        return 0.0;
    }
    if df > 1e7 {
        return z;
    }
    let tail = 1.0 - p;
    // The tails are heavier than the normal's.
    let (mut low, mut high) = (0.999 * z, 1.0 + 2.0 * z);
    while student_sf(high, df) > tail {
        (low, high) = (high, 2.0 * high);
    }
    let mut t = 0.5 * (low + high);
    for _ in 0..200 {
        let beyond = student_sf(t, df);
        if beyond > tail {
            low = t
        } else {
            high = t
        }
        let step = beyond * ln(beyond / tail) / exp(student_ln_pdf(t, df));
        let next = t + step;
        if step.abs() <= 2.0 * f64::EPSILON * t || high - low <= 4.0 * f64::EPSILON * high {
            break;
        }
        t = if next > low && next < high { next } else { 0.5 * (low + high) };
    }
    t
}

/// Logarithm of the density of Student's law with `df` degrees of freedom at `t`: any `t`, `df > 0`.
///
/// `ln Γ((ν+1)/2) - ln Γ(ν/2) - ½ ln(π ν) - (ν+1)/2 ln(1 + t²/ν)` (Fisher 1925). The two gamma functions cancel: the absolute error
/// grows as `ν ln ν` times the rounding unit. Cost: that of two [`ln_gamma`].
pub fn student_ln_pdf(t: f64, df: f64) -> f64 {
    let half = 0.5 * df;
    ln_gamma(half + 0.5) - ln_gamma(half) - 0.5 * ln(std::f64::consts::PI * df) - (half + 0.5) * ln_1p(t * t / df)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_the_closed_forms_of_one_two_and_three_degrees_of_freedom() {
        let pi = std::f64::consts::PI;
        for t in [1e-3f64, 0.1, 0.7, 1.0, 2.5, 12.0, 300.0] {
            let two: f64 = 0.5 - t / (2.0 * (2.0 + t * t).sqrt());
            let one = (1.0f64 / t).atan() / pi;
            let s = t / 3.0f64.sqrt();
            let three = 0.5 - ((s / (1.0 + s * s)) + s.atan()) / pi;
            assert!((student_sf(t, 1.0) / one - 1.0).abs() < 1e-13, "{t}");
            assert!((student_sf(t, 2.0) - two).abs() < 1e-15, "{t}");
            assert!((student_sf(t, 3.0) - three).abs() < 1e-15, "{t}");
        }
    }

    /// Abramowitz & Stegun (1964), table 26.10, and the closed forms of one and two degrees of freedom.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (df, t) in [(3.0, 3.182), (5.0, 2.571), (9.0, 2.262), (10.0, 2.228), (30.0, 2.042), (120.0, 1.980)] {
            assert!((student_quantile(0.975, df) - t).abs() < 5.1e-4, "{df}");
        }
        assert!((student_quantile(0.975, 1.0) - (std::f64::consts::PI * 0.475).tan()).abs() < 1e-11);
        assert!((student_quantile(0.975, 2.0) - 0.95 / (2.0f64 * 0.975 * 0.025).sqrt()).abs() < 1e-12);
        let z = normal_quantile(0.975);
        // Abramowitz & Stegun 26.7.5, two terms.
        let df = 1e5;
        let series = z + (z * z * z + z) / (4.0 * df);
        assert!((student_quantile(0.975, df) - series).abs() < 1e-9);
        assert_eq!(student_quantile(0.3, 7.0), -student_quantile(0.7, 7.0));
        assert_eq!(student_quantile(0.5, 7.0), 0.0);
        assert!(student_quantile(0.5, 0.0).is_nan() && student_sf(-1.0, 3.0).is_nan());
    }
}

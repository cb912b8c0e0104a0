//! Derivatives of the digamma function, of any order that a symbolic derivative may ask for.
//!
//! Real arguments only; order zero is [`digamma`] itself.

use super::elementary::{powi, tan};
use super::gamma::digamma;

/// Bernoulli numbers `B_2k`, `k = 1..10` (Abramowitz & Stegun 1964, table 23.2).
const BERNOULLI: [f64; 10] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43_867.0 / 798.0,
    -174_611.0 / 330.0,
];

/// Highest order: beyond it `n! π^n`, which the reflection needs, leaves the doubles.
const MAX_ORDER: u32 = 100;

/// The polygamma function `ψ⁽ⁿ⁾(x)`, the `n`-th derivative of [`digamma`].
///
/// `x` off the poles `0, -1, -2, ...`, where it gives `NaN`, as for `n > 100`. The recurrence up to `x >= n + 12`, then
/// the asymptotic series with ten Bernoulli numbers (relative remainder below 2e-16); reflection for negative `x`
/// (Abramowitz & Stegun 1964, 6.4.6, 6.4.11, 6.4.7). Error: 2e-15 relative seen for `x > 0` and `n <= 12`; near the zeros
/// among negative `x` absolute. Cost: `n + 12` divisions.
pub fn polygamma(n: u32, x: f64) -> f64 {
    if n == 0 {
        return digamma(x);
    }
    if n > MAX_ORDER || x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    let odd = n % 2 == 1;
    if x <= 0.0 {
        let past = x - x.floor();
        if past == 0.0 {
            return f64::NAN;
        }
        let mirrored = polygamma(n, 1.0 - x);
        return if odd { -mirrored } else { mirrored } - cot_derivative(n as usize, past);
    }
    // (n - 1)!, so that every term below is this times a moderate factor.
    let factorial = (1..n).fold(1.0, |acc, k| acc * f64::from(k));
    let order = f64::from(n);
    let mut shifted = x;
    let mut steps = 0.0;
    while shifted < order + 12.0 {
        steps += reciprocal_power(shifted, n + 1);
        shifted += 1.0;
    }
    let square = 1.0 / (shifted * shifted);
    // (2k + n - 1)! / ((2k)! (n - 1)!) x^-2k, by its ratio from one k to the next.
    let mut weight = 1.0;
    let mut tail = 0.0;
    for (k, bernoulli) in (1..).zip(BERNOULLI) {
        let twice = 2.0 * f64::from(k);
        weight *= (twice + order - 2.0) * (twice + order - 1.0) / ((twice - 1.0) * twice) * square;
        tail += bernoulli * weight;
    }
    let series = (1.0 + (0.5 * order / shifted + tail)) * reciprocal_power(shifted, n);
    let size = factorial * (series + order * steps);
    if odd { size } else { -size }
}

/// `x^-n`, through two halves so that `x^n` may leave the range of doubles where the result does not.
fn reciprocal_power(x: f64, n: u32) -> f64 {
    let half = (n / 2) as i32;
    powi(1.0 / x, half) * powi(1.0 / x, n as i32 - half)
}

/// `π dⁿ/dxⁿ cot πx`: the derivative of a polynomial in `c = cot πx` is `-π (1 + c²)` times its own derivative.
fn cot_derivative(n: usize, x: f64) -> f64 {
    let mut coefficients = vec![0.0; n + 3];
    coefficients[1] = 1.0;
    let mut scale = std::f64::consts::PI;
    for order in 0..n {
        let mut next = vec![0.0; n + 3];
        for j in 1..=order + 1 {
            let slope = coefficients[j] * j as f64;
            next[j - 1] -= slope;
            next[j + 1] -= slope;
        }
        coefficients = next;
        scale *= std::f64::consts::PI;
    }
    let c = 1.0 / tan(std::f64::consts::PI * x);
    scale * coefficients.iter().rev().fold(0.0, |acc, a| acc * c + a)
}

#[cfg(test)]
#[allow(clippy::excessive_precision)] // references are written with the digits they were computed to
mod tests {
    use super::*;

    #[test]
    fn values_match_known_ones() {
        let pi = std::f64::consts::PI;
        // Abramowitz & Stegun 6.4.2 and 6.4.4: ψ⁽ⁿ⁾(1) = (-1)^(n+1) n! ζ(n+1), ψ⁽ⁿ⁾(1/2) = (2^(n+1) - 1) of that.
        let zeta_3 = 1.202056903159594285399738;
        let zeta_5 = 1.036927755143369926331365;
        let zeta_11 = 1.000494188604119464558702;
        let cases = [
            (1, 1.0, pi * pi / 6.0),
            (1, 0.5, pi * pi / 2.0),
            (2, 1.0, -2.0 * zeta_3),
            (2, 0.5, -14.0 * zeta_3),
            (3, 1.0, pi * pi * pi * pi / 15.0),
            (4, 0.5, -31.0 * 24.0 * zeta_5),
            (10, 1.0, -3_628_800.0 * zeta_11),
            (1, -0.5, pi * pi / 2.0 + 4.0),
            (2, -0.5, -14.0 * zeta_3 + 16.0),
            (1, -1.5, pi * pi / 2.0 + 4.0 + 4.0 / 9.0),
        ];
        for (n, x, want) in cases {
            let got = polygamma(n, x);
            // Among negative x terms of size n! 2^(n+1) cancel.
            let scale = if x < 0.0 { 16.0 } else { want.abs() };
            assert!((got - want).abs() < 4e-15 * scale, "{n} {x}: {got} {want}");
        }
    }

    #[test]
    fn each_order_is_the_slope_of_the_one_before() {
        for n in 0..8 {
            for x in [0.3, 1.7, 6.2, 25.0, -0.4, -3.3] {
                let h = 1e-3;
                let f = |d: f64| polygamma(n, x + d);
                let slope = (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h);
                let exact = polygamma(n + 1, x);
                assert!((slope - exact).abs() < 1e-6 * exact.abs(), "{n} {x}: {slope} {exact}");
            }
        }
    }

    #[test]
    fn the_recurrence_holds_far_from_the_series() {
        for n in [1, 2, 5, 20, 60] {
            for x in [0.7, 3.1, 40.0] {
                let factorial = (1..=n).fold(1.0, |acc, k| acc * f64::from(k));
                let step = factorial * reciprocal_power(x, n + 1);
                let want = if n % 2 == 1 { polygamma(n, x) - step } else { polygamma(n, x) + step };
                assert!((polygamma(n, x + 1.0) - want).abs() < 1e-14 * step.max(want.abs()), "{n} {x}");
            }
        }
    }

    #[test]
    fn poles_and_ends() {
        assert!(polygamma(1, 0.0).is_nan() && polygamma(3, -2.0).is_nan() && polygamma(1, f64::NAN).is_nan());
        assert_eq!(polygamma(4, f64::INFINITY), 0.0);
        assert!(polygamma(101, 1.0).is_nan() && polygamma(60, 0.5).is_finite());
        assert!(polygamma(2, -1e9 + 0.5).is_finite());
    }
}

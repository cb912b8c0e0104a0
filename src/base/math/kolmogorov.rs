//! The one-sample Kolmogorov-Smirnov test's significance.
//!
//! The parameters of the tested law must not have been fitted to the same sample: then the p-value is too large, and
//! nothing here corrects for it.

use super::elementary::exp;

/// p-value of the one-sample Kolmogorov-Smirnov statistic `d = sup |F_n - F|` from `n` observations.
///
/// `Q(t) = 2 sum_{j>=1} (-1)^{j-1} e^{-2 j^2 t^2}` at `t = (sqrt n + 0.12 + 0.11/sqrt n) d`, summed for small `t` in
/// its other form `1 - sqrt(2 pi)/t sum_{j>=1} e^{-(2j-1)^2 pi^2 / (8 t^2)}`. One for `d <= 0`, zero for `d >= 1`,
/// `NaN` for `n = 0`. The series are summed to rounding; the small-sample correction itself is good to 0.0015 of p at
/// the 5 % points from `n = 5` on.
/// Cost: at most five exponentials.
/// Source: Kolmogorov (1933) and Smirnov (1948) for the two series; Stephens (1970), JRSS B 32, 115-122, for the
/// correction.
pub fn kolmogorov_sf(d: f64, n: usize) -> f64 {
    if n == 0 || d.is_nan() {
        return f64::NAN;
    }
    if d <= 0.0 {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    let root = (n as f64).sqrt();
    limit_sf((root + 0.12 + 0.11 / root) * d)
}

/// The limiting law's upper tail at `t > 0`.
fn limit_sf(t: f64) -> f64 {
    if t < 1.0 {
        let unit = -std::f64::consts::PI * std::f64::consts::PI / (8.0 * t * t);
        let sum = exp(unit) + exp(9.0 * unit) + exp(25.0 * unit) + exp(49.0 * unit);
        return 1.0 - (2.0 * std::f64::consts::PI).sqrt() / t * sum;
    }
    let unit = -2.0 * t * t;
    let sum = exp(unit) - exp(4.0 * unit) + exp(9.0 * unit) - exp(16.0 * unit) + exp(25.0 * unit);
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
#[allow(clippy::excessive_precision)] // references are written with the digits they were computed to
mod tests {
    use super::*;

    #[test]
    fn the_two_series_agree_and_match_the_tables() {
        for t in [0.8_f64, 0.9, 0.999_999, 1.0, 1.1] {
            let far = 2.0
                * (1..8)
                    .map(f64::from)
                    .map(|j| exp(-2.0 * j * j * t * t) * if j as i32 % 2 == 1 { 1.0 } else { -1.0 })
                    .sum::<f64>();
            assert!((limit_sf(t) - far).abs() < 1e-15, "{t}");
        }
        // Smirnov (1948): the points of the limiting law at 10, 5 and 1 %.
        for (t, p) in [(1.223_848, 0.10), (1.358_099, 0.05), (1.627_624, 0.01)] {
            assert!((limit_sf(t) - p).abs() < 1e-6, "{t}");
        }
    }

    #[test]
    fn small_samples_follow_the_exact_tables() {
        // Exact 5 % points: Miller (1956), n = 5, 10, 20, 50.
        for (n, d) in [(5, 0.56328), (10, 0.40925), (20, 0.29408), (50, 0.18841)] {
            assert!((kolmogorov_sf(d, n) - 0.05).abs() < 1.5e-3, "{n} {}", kolmogorov_sf(d, n));
        }
    }

    #[test]
    fn edges_and_monotony() {
        assert_eq!(kolmogorov_sf(0.0, 10), 1.0);
        assert_eq!(kolmogorov_sf(1.0, 10), 0.0);
        assert!(kolmogorov_sf(0.1, 0).is_nan() && kolmogorov_sf(f64::NAN, 3).is_nan());
        let mut before = 1.0;
        for i in 1..1000 {
            let p = kolmogorov_sf(f64::from(i) * 1e-3, 60);
            assert!((0.0..=before).contains(&p));
            before = p;
        }
    }
}

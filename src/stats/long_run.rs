//! Variances of means of values that hang together.

use super::mean;
use crate::base::math;

/// Variance of the mean of a series of loss differences, `(Γ₀ + 2 Σ (1 - k/(lags+1)) Γ_k)/n`, by Bartlett's kernel over `lags` autocovariances (Newey &
/// West 1987); with `lags = horizon - 1` it allows for the overlap of h-step forecasts (Diebold & Mariano 1995). Never negative; too small where
/// values hang together for longer. Cost O(n lags).
pub fn variance_of_mean(x: &[f64], lags: usize) -> f64 {
    let n = x.len() as f64;
    let m = mean(x);
    let covariance = |k: usize| x.iter().zip(&x[k.min(x.len())..]).map(|(a, b)| (a - m) * (b - m)).sum::<f64>() / n;
    let lags = lags.min(x.len().saturating_sub(2));
    let tail: f64 = (1..=lags).map(|k| 2.0 * (1.0 - k as f64 / (lags as f64 + 1.0)) * covariance(k)).sum();
    ((covariance(0) + tail) / n).max(0.0)
}

/// Long-run covariance of series with mean zero, `[series][series]`: `Γ₀ + Σ (1 - k/(lags+1)) (Γ_k + Γ_k')`, autocovariances over all
/// n with Bartlett's weights, so that it is positive semidefinite (Newey & West 1987, eq. 5). Cost O(series² n lags).
pub fn long_run_covariance(series: &[Vec<f64>], lags: usize) -> Vec<Vec<f64>> {
    let n = series.first().map_or(0, Vec::len);
    let lags = lags.min(n.saturating_sub(1));
    let at = |a: &[f64], b: &[f64], k: usize| a.iter().zip(&b[k..]).map(|(a, b)| a * b).sum::<f64>() / n as f64;
    let weight = |k: usize| 1.0 - k as f64 / (lags as f64 + 1.0);
    let entry = |a: &Vec<f64>, b: &Vec<f64>| {
        at(a, b, 0) + (1..=lags).map(|k| weight(k) * (at(a, b, k) + at(b, a, k))).sum::<f64>()
    };
    series.iter().map(|a| series.iter().map(|b| entry(a, b)).collect()).collect()
}

/// Lags of Bartlett's kernel for `n` values by Newey & West's (1994) rule, `4 (n/100)^(2/9)`, rounded down: 4 of a hundred, 6 of a thousand. For values
/// that overlap by a known horizon take that instead.
pub fn newey_west_lags(n: usize) -> usize {
    (4.0 * math::pow(n as f64 / 100.0, 2.0 / 9.0)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn the_variance_of_a_mean_of_independent_values_is_theirs_over_n() {
        let x = [1.0, 2.0, 4.0, 7.0];
        let m = 3.5;
        let expected: f64 = x.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / 16.0;
        assert!((variance_of_mean(&x, 0) - expected).abs() < 1e-15);
    }

    #[test]
    fn the_long_run_variance_of_a_moving_average_is_that_of_its_sums() {
        let mut stream = Seed(5).key(Purpose::Scores, 0, 0).stream(0);
        let noise: Vec<f64> = (0..20_001).map(|_| stream.normal()).collect();
        // x_t = e_t + 0.5 e_{t-1}: variance 1.25, long-run variance 1.5² = 2.25; Bartlett's weights at 30 lags take 1/31 of 2 · 0.5 off.
        let x: Vec<f64> = noise.windows(2).map(|w| w[1] + 0.5 * w[0]).collect();
        let wanted = 1.25 + 2.0 * 0.5 * (1.0 - 1.0 / 31.0);
        // Its relative variance is about 4 lags/(3 n) (Priestley 1981, section 6.2.4).
        let sd = wanted * (4.0 * 30.0 / 3.0 / 20_000f64).sqrt();
        let found = long_run_covariance(&[x.clone(), x], 30);
        assert!((found[0][1] - wanted).abs() < 4.0 * sd, "{} {wanted}", found[0][1]);
        assert_eq!((newey_west_lags(100), newey_west_lags(1250)), (4, 7));
    }
}

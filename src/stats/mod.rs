//! Tests and summaries of numbers: Kolmogorov-Smirnov, Ljung-Box, and the mean of scores with its standard error.
//!
//! The continuous ranked probability score itself is a method of [`crate::predictive::Predictive`].

use crate::base::math;

/// Mean, or NaN of nothing.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Unbiased standard deviation, or NaN of fewer than two.
pub fn sd(x: &[f64]) -> f64 {
    let m = mean(x);
    (x.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (x.len() as f64 - 1.0)).sqrt()
}

/// Value of the `p` quantile of unsorted numbers, linear between order statistics (Hyndman & Fan 1996, definition 7).
pub fn quantile(x: &[f64], p: f64) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted_quantile(&sorted, p)
}

/// As [`quantile`], of numbers already sorted.
pub fn sorted_quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = p.clamp(0.0, 1.0) * last as f64;
    let low = position.floor() as usize;
    let high = (low + 1).min(last);
    sorted[low] + (position - low as f64) * (sorted[high] - sorted[low])
}

/// p-value of the Kolmogorov-Smirnov test that `u` are uniform on (0, 1); NaN for fewer than five.
///
/// Assumes independence; overlapping forecasts at horizons above one are not.
pub fn ks_uniform_p(u: &[f64]) -> f64 {
    if u.len() < 5 || u.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = u.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance =
        sorted.iter().enumerate().map(|(i, v)| (v - i as f64 / n).max((i as f64 + 1.0) / n - v)).fold(0.0, f64::max);
    math::kolmogorov_sf(distance, sorted.len())
}

/// p-value of the Ljung-Box (1978) test of no autocorrelation up to `lags`; NaN where there are too few values.
pub fn ljung_box_p(x: &[f64], lags: usize) -> f64 {
    let n = x.len();
    if n < lags + 5 || x.iter().any(|v| !v.is_finite()) {
        return f64::NAN;
    }
    let m = mean(x);
    let total: f64 = x.iter().map(|v| (v - m) * (v - m)).sum();
    if total <= 0.0 {
        return f64::NAN;
    }
    let q: f64 = (1..=lags)
        .map(|k| {
            let r = x.iter().zip(&x[k..]).map(|(a, b)| (a - m) * (b - m)).sum::<f64>() / total;
            r * r / (n - k) as f64
        })
        .sum();
    math::chi_square_sf(n as f64 * (n as f64 + 2.0) * q, lags as f64)
}

/// Variance of the mean of a series of loss differences, by Bartlett's kernel over `lags` autocovariances (Newey & West
/// 1987); with `lags = horizon - 1` it allows for the overlap of h-step forecasts (Diebold & Mariano 1995).
pub fn variance_of_mean(x: &[f64], lags: usize) -> f64 {
    let n = x.len() as f64;
    let m = mean(x);
    let covariance = |k: usize| x.iter().zip(&x[k.min(x.len())..]).map(|(a, b)| (a - m) * (b - m)).sum::<f64>() / n;
    let lags = lags.min(x.len().saturating_sub(2));
    let tail: f64 = (1..=lags).map(|k| 2.0 * (1.0 - k as f64 / (lags as f64 + 1.0)) * covariance(k)).sum();
    ((covariance(0) + tail) / n).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn uniform_draws_pass_and_squared_ones_fail() {
        let mut stream = Seed(3).key(Purpose::Scores, 0, 0).stream(0);
        let u: Vec<f64> = (0..2000).map(|_| stream.uniform()).collect();
        let squared: Vec<f64> = u.iter().map(|v| v * v).collect();
        assert!(ks_uniform_p(&u) > 0.01);
        assert!(ks_uniform_p(&squared) < 1e-10);
    }

    #[test]
    fn white_noise_passes_and_an_autoregression_fails() {
        let mut stream = Seed(4).key(Purpose::Scores, 0, 0).stream(0);
        let noise: Vec<f64> = (0..2000).map(|_| stream.normal()).collect();
        let mut ar = noise.clone();
        for i in 1..ar.len() {
            ar[i] += 0.3 * ar[i - 1];
        }
        assert!(ljung_box_p(&noise, 10) > 0.01);
        assert!(ljung_box_p(&ar, 10) < 1e-10);
    }

    #[test]
    fn the_variance_of_a_mean_of_independent_values_is_theirs_over_n() {
        let x = [1.0, 2.0, 4.0, 7.0];
        let m = 3.5;
        let expected: f64 = x.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / 16.0;
        assert!((variance_of_mean(&x, 0) - expected).abs() < 1e-15);
    }
}

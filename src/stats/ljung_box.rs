//! Whether values are free of autocorrelation.

use super::mean;
use crate::base::math;

/// Autocorrelations of values about their mean, `r_k = Σ (x_i - m)(x_{i+k} - m) / Σ (x_i - m)²`, at the lags `k` from one on, `[lag - 1]`. None
/// for fewer than `lags + 5` values, where one is not finite, or all are the same. White noise has `|r_k| < 1.96/√n` 95 times of 100. Cost O(n lags).
pub fn autocorrelations(x: &[f64], lags: usize) -> Option<Vec<f64>> {
    if x.len() < lags + 5 || x.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let m = mean(x);
    let total: f64 = x.iter().map(|v| (v - m) * (v - m)).sum();
    let at = |k: usize| x.iter().zip(&x[k..]).map(|(a, b)| (a - m) * (b - m)).sum::<f64>() / total;
    (total > 0.0).then(|| (1..=lags).map(at).collect())
}

/// p-value of the test of Ljung & Box (1978) that there is no autocorrelation up to `lags`: `Q = n (n + 2) Σ r_k²/(n - k)` against chi-square on
/// `lags` degrees of freedom. NaN where [`autocorrelations`] has none. For residuals of a fit it is conservative: no degree is taken off for its
/// parameters. Cost O(n lags).
pub fn ljung_box_p(x: &[f64], lags: usize) -> f64 {
    let Some(r) = autocorrelations(x, lags) else { return f64::NAN };
    let n = x.len();
    let q: f64 = (1..=lags).zip(r).map(|(k, r)| r * r / (n - k) as f64).sum();
    math::chi_square_sf(n as f64 * (n as f64 + 2.0) * q, lags as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

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
}

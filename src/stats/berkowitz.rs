//! Whether normal scores are independent standard normal values.

use super::mean;
use crate::base::math;
use serde::Serialize;

/// A first-order autoregression of normal scores, against none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Berkowitz {
    /// Fitted mean μ of the scores; 0 if the law is right.
    pub mean: f64,
    /// Fitted variance σ² of the innovations, by maximum likelihood; 1 if the law is right.
    pub variance: f64,
    /// Fitted autocorrelation ρ of neighbouring scores; 0 if the law is right.
    pub autocorrelation: f64,
    /// Likelihood ratio, chi-square on three degrees of freedom.
    pub statistic: f64,
    /// Probability of a statistic at least as large if the law is right.
    pub p: f64,
}

/// Likelihood-ratio test of Berkowitz (2001, eq. 9) that `z` are independent standard normal values, against
/// `z_t - μ = ρ (z_{t-1} - μ) + σ e_t`; given the first value, so that the fit is least squares. None for fewer than ten values or
/// where one is not finite. More powerful than Kolmogorov-Smirnov against a wrong spread; blind to a wrong third moment.
pub fn berkowitz(z: &[f64]) -> Option<Berkowitz> {
    if z.len() < 10 || z.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let (before, after) = (&z[..z.len() - 1], &z[1..]);
    let n = after.len() as f64;
    let (mb, ma) = (mean(before), mean(after));
    let spread: f64 = before.iter().map(|b| (b - mb) * (b - mb)).sum();
    let together: f64 = before.iter().zip(after).map(|(b, a)| (b - mb) * (a - ma)).sum();
    let rho = together / spread;
    let rest = |(b, a): (&f64, &f64)| (a - ma) - rho * (b - mb);
    let variance = before.iter().zip(after).map(rest).map(|e| e * e).sum::<f64>() / n;
    let statistic = after.iter().map(|a| a * a).sum::<f64>() - n * (math::ln(variance) + 1.0);
    let constant = (ma - rho * mb) / (1.0 - rho);
    let found = Berkowitz {
        mean: constant,
        variance,
        autocorrelation: rho,
        statistic,
        p: math::chi_square_sf(statistic.max(0.0), 3.0),
    };
    (statistic.is_finite() && constant.is_finite()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    fn normals(seed: u64, n: usize) -> Vec<f64> {
        let mut stream = Seed(seed).key(Purpose::Scores, 0, 0).stream(0);
        (0..n).map(|_| stream.normal()).collect()
    }

    #[test]
    fn its_level_is_held_and_each_departure_is_seen() {
        let level = (0..400).filter(|s| berkowitz(&normals(100 + s, 300)).is_some_and(|b| b.p < 0.05)).count();
        // Twenty expected, with a standard deviation of 4.4.
        assert!((7..=33).contains(&level), "{level}");
        let z = normals(7, 1000);
        let p = |z: Vec<f64>| berkowitz(&z).expect("finite").p;
        assert!(p(z.iter().map(|v| v + 0.2).collect()) < 1e-6);
        assert!(p(z.iter().map(|v| 1.2 * v).collect()) < 1e-6);
        assert!(p(z.windows(2).map(|w| (w[1] + 0.3 * w[0]) / 1.09f64.sqrt()).collect()) < 1e-6);
        assert!(berkowitz(&[f64::NAN; 20]).is_none());
    }
}

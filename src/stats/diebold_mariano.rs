//! Whether one forecaster is better than another, or luckier.

use super::{mean, variance_of_mean};
use crate::base::math;
use serde::Serialize;

/// A test of equal accuracy: below zero the first of the two loses less.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DieboldMariano {
    /// Mean difference of the losses.
    pub difference: f64,
    /// The difference over its standard error, after the small-sample correction: Student's law of `n - 1` degrees of freedom if the two are equally good.
    pub statistic: f64,
    /// Two-sided: probability of a statistic at least as far from zero if the two are equally good.
    pub p: f64,
}

/// Test of Diebold & Mariano (1995) on loss differences `first - second` of forecasts `horizon` rows ahead made at every row, with the
/// small-sample correction and Student's law of Harvey, Leybourne & Newbold (1997, eq. 9).
///
/// The variance is that of `horizon - 1` autocovariances with equal weights, and with Bartlett's where that is not positive. `None` for
/// fewer than five differences, one that is not finite, no variance at all, or a horizon over a half of the record.
pub fn diebold_mariano(differences: &[f64], horizon: usize) -> Option<DieboldMariano> {
    let n = differences.len();
    if n < 5 || horizon == 0 || 2 * horizon > n || differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let (m, size, h) = (mean(differences), n as f64, horizon as f64);
    let covariance =
        |k: usize| differences.iter().zip(&differences[k..]).map(|(a, b)| (a - m) * (b - m)).sum::<f64>() / size;
    let equal = (covariance(0) + 2.0 * (1..horizon).map(covariance).sum::<f64>()) / size;
    let variance = if equal > 0.0 { equal } else { variance_of_mean(differences, horizon - 1) };
    let correction = ((size + 1.0 - 2.0 * h + h * (h - 1.0) / size) / size).sqrt();
    let statistic = correction * m / variance.sqrt();
    let p = 2.0 * math::student_sf(statistic.abs(), size - 1.0);
    statistic.is_finite().then_some(DieboldMariano { difference: m, statistic, p })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn one_step_is_the_t_test_and_its_level_holds() {
        let d = [0.3, -0.1, 0.4, 0.2, 0.5, -0.2, 0.1, 0.3];
        let found = diebold_mariano(&d, 1).expect("a test");
        // With one step the correction √((n-1)/n) turns the variance over n into the unbiased one: Student's t.
        let t = mean(&d) / (super::super::sd(&d) / 8f64.sqrt());
        assert!((found.statistic - t).abs() < 1e-12, "{} {t}", found.statistic);
        // R: t.test(d)$p.value = 0.05466.
        assert!((found.p - 2.0 * math::student_sf(t, 7.0)).abs() < 1e-12);
        let refused = |horizon: usize| {
            let one = |s: &u64| {
                let mut stream = Seed(*s).key(Purpose::Scores, 0, 0).stream(0);
                let noise: Vec<f64> = (0..200 + horizon).map(|_| stream.normal()).collect();
                let overlapping: Vec<f64> = noise.windows(horizon).map(|w| w.iter().sum()).collect();
                diebold_mariano(&overlapping, horizon).is_some_and(|t| t.p < 0.05)
            };
            (0..400u64).filter(one).count()
        };
        // Twenty expected, sd 4.4; the variance of overlapping sums is estimated worse, and some more are refused.
        assert!((7..=33).contains(&refused(1)), "{}", refused(1));
        assert!((7..=50).contains(&refused(4)), "{}", refused(4));
        assert!(diebold_mariano(&[1.0; 20], 1).is_none() && diebold_mariano(&d, 5).is_none());
    }
}

//! Samples as a law: what Monte Carlo answers with.

use crate::base::{math, sort_floats};

/// What a score of draws is taken to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimator {
    /// The law that gives every draw the same weight: means over all pairs, those of a draw with itself too.
    Empirical,
    /// The law that the draws were drawn from, whose score it estimates without bias: means over pairs of different draws (Ferro 2014,
    /// doi:10.1002/qj.2270). A fair score of few draws may lie below zero.
    Fair,
}

/// Sorted samples; where they ended a simulated path, the last transition of each path is kept as a normal kernel, so
/// that the density is a mixture of transition densities (Pedersen 1995, eq. 5), not a kernel estimate.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    samples: Vec<f64>,
    /// Mean and sd of each path's last step, in the state's own coordinate.
    kernels: Vec<(f64, f64)>,
    /// Whether the kernels live on the logarithm of the samples.
    kernels_on_log: bool,
}

impl Ensemble {
    /// From finite samples in any order. `kernels` are mean and sd of each path's last step, in the state's own coordinate, or none at all: without them there is
    /// no density. `None` if no sample is given or one is not finite. Cost: a sort.
    pub fn new(mut samples: Vec<f64>, kernels: Vec<(f64, f64)>) -> Option<Ensemble> {
        if samples.is_empty() || samples.iter().any(|x| !x.is_finite()) {
            return None;
        }
        sort_floats(&mut samples);
        Some(Ensemble { samples, kernels, kernels_on_log: false })
    }

    /// The draws, ascending.
    pub fn samples(&self) -> &[f64] {
        &self.samples
    }

    /// Mean of the draws; its standard error is sd/√n.
    pub fn mean(&self) -> f64 {
        self.samples.iter().sum::<f64>() / self.samples.len() as f64
    }

    /// Unbiased sample standard deviation.
    pub fn sd(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.samples.iter().map(|x| (x - mean) * (x - mean)).sum();
        (squares / (self.samples.len() as f64 - 1.0).max(1.0)).sqrt()
    }

    /// Share of samples at most `x`, half a sample added so that no value is impossible: (k + ½)/(n + 1).
    pub fn cdf(&self, x: f64) -> f64 {
        let below = self.samples.partition_point(|s| *s <= x);
        (below as f64 + 0.5) / (self.samples.len() as f64 + 1.0)
    }

    /// Linear interpolation between order statistics (Hyndman & Fan 1996, definition 7).
    pub fn quantile(&self, p: f64) -> f64 {
        let position = p * (self.samples.len() - 1) as f64;
        let low = position.floor() as usize;
        let high = (low + 1).min(self.samples.len() - 1);
        self.samples[low] + (position - low as f64) * (self.samples[high] - self.samples[low])
    }

    /// ln of the mixture of the kernels that each draw came with; `None` where the draws came without. Cost: O(n).
    pub fn log_pdf(&self, x: f64) -> Option<f64> {
        if self.kernels.is_empty() {
            return None;
        }
        let (z, jacobian) = if self.kernels_on_log {
            if x <= 0.0 {
                return Some(f64::NEG_INFINITY);
            }
            (math::ln(x), -math::ln(x))
        } else {
            (x, 0.0)
        };
        let logs: Vec<f64> =
            self.kernels.iter().map(|(m, s)| math::normal_ln_pdf((z - m) / s) - math::ln(*s)).collect();
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY {
            return Some(top);
        }
        let sum: f64 = logs.iter().map(|l| math::exp(l - top)).sum();
        Some(top + math::ln(sum / logs.len() as f64) + jacobian)
    }

    /// Probability between two values by the kernels; `None` where there are none.
    pub fn between(&self, low: f64, high: f64) -> Option<f64> {
        let z = |x: f64| match self.kernels_on_log {
            true if x <= 0.0 => f64::NEG_INFINITY,
            true => math::ln(x),
            false => x,
        };
        let (low, high) = (z(low), z(high));
        let one = |(m, s): &(f64, f64)| math::normal_cdf((high - m) / s) - math::normal_cdf((low - m) / s);
        let n = self.kernels.len();
        (n > 0).then(|| self.kernels.iter().map(one).sum::<f64>() / n as f64)
    }

    /// `mean|X - y| - ½ mean|X - X'|` from the order statistics (Jordan, Krüger & Lerch 2019, eq. 3), O(n).
    pub fn crps(&self, y: f64) -> f64 {
        let n = self.samples.len() as f64;
        let sum: f64 = self
            .samples
            .iter()
            .enumerate()
            .map(|(i, x)| {
                let above = f64::from(u8::from(y < *x));
                (x - y) * (n * above - (i as f64 + 1.0) + 0.5)
            })
            .sum();
        2.0 * sum / (n * n)
    }

    /// The score of the law that the samples were drawn from, without bias: `mean|X - y| - ½ mean|X - X'|` over pairs of different samples
    /// ([`Estimator::Fair`]), O(n). None of one sample.
    pub fn crps_fair(&self, y: f64) -> Option<f64> {
        let n = self.samples.len() as f64;
        // Half the mean over all pairs: each order statistic counts by how many lie below it less how many lie above.
        let weighted = |(i, x): (usize, &f64)| (2.0 * i as f64 - (n - 1.0)) * (x - y);
        let half_pairs = self.samples.iter().enumerate().map(weighted).sum::<f64>() / (n * n);
        (n > 1.0).then(|| self.crps(y) - half_pairs / (n - 1.0))
    }

    /// The law of the exponentials of the samples.
    pub fn exp(self) -> Ensemble {
        Ensemble {
            samples: self.samples.into_iter().map(math::exp).collect(),
            kernels: self.kernels,
            kernels_on_log: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_score_is_the_double_sum() {
        let samples = vec![3.0, -1.0, 0.5, 0.5, 2.0];
        let ensemble = Ensemble::new(samples.clone(), Vec::new()).expect("finite");
        for y in [-2.0, 0.5, 1.0, 9.0] {
            let n = samples.len() as f64;
            let first: f64 = samples.iter().map(|x| (x - y).abs()).sum::<f64>() / n;
            let pairs: f64 = samples.iter().flat_map(|a| samples.iter().map(move |b| (a - b).abs())).sum();
            assert!((ensemble.crps(y) - (first - 0.5 * pairs / (n * n))).abs() < 1e-14, "{y}");
        }
    }

    #[test]
    fn a_mixture_of_last_steps_integrates_to_one() {
        let kernels = vec![(0.0, 0.3), (0.4, 0.2), (1.0, 0.5)];
        let ensemble = Ensemble::new(vec![0.1, 0.5, 0.9], kernels).expect("finite").exp();
        let mass: f64 = (1..40_000)
            .map(|i| {
                let x = f64::from(i) * 5e-4;
                ensemble.log_pdf(x).map_or(0.0, f64::exp) * 5e-4
            })
            .sum();
        assert!((mass - 1.0).abs() < 1e-4, "{mass}");
    }

    #[test]
    fn samples_that_are_not_finite_make_no_ensemble() {
        assert!(Ensemble::new(vec![1.0, f64::NAN], Vec::new()).is_none());
        assert!(Ensemble::new(Vec::new(), Vec::new()).is_none());
    }
}

//! Which of several forecasters may be the best.

use super::mean;
use crate::base::rng::Key;

/// Bootstrap samples.
const REPLICATES: usize = 999;

/// p-values of the model confidence set of Hansen, Lunde & Nason (2011, doi:10.3982/ECTA5771), statistic `T_max`: models with a value above
/// 0.1 are the set that holds the best with 90 % confidence.
///
/// `losses` are `[model][row]`, of equal lengths and finite; rows are drawn in circular blocks of `block`, which should be as long as losses hang
/// together. The worst is sent away round by round; its value is the largest of the tests so far. Cost: 999 × models² × rows.
pub fn model_confidence_set(losses: &[Vec<f64>], block: usize, key: Key) -> Vec<f64> {
    let (m, n) = (losses.len(), losses.first().map_or(0, Vec::len));
    let mut p = vec![1.0; m];
    if m < 2 || n < 2 || losses.iter().any(|l| l.len() != n || l.iter().any(|v| !v.is_finite())) {
        return p;
    }
    let means: Vec<f64> = losses.iter().map(|l| mean(l)).collect();
    // The same rows for every round: `[replicate][model]`, means of the sample less the mean itself.
    let samples: Vec<Vec<f64>> = (0..REPLICATES)
        .map(|b| {
            let mut stream = key.stream(b as u64);
            let mut sums = vec![0.0; m];
            let mut drawn = 0;
            while drawn < n {
                let first = ((stream.uniform() * n as f64) as usize).min(n - 1);
                for k in 0..block.max(1).min(n - drawn) {
                    let row = (first + k) % n;
                    sums.iter_mut().zip(losses).for_each(|(sum, l)| *sum += l[row]);
                }
                drawn += block.max(1);
            }
            sums.iter().zip(&means).map(|(s, mean)| s / n as f64 - mean).collect()
        })
        .collect();
    let mut left: Vec<usize> = (0..m).collect();
    let mut highest = 0.0f64;
    while left.len() > 1 {
        let over = |values: &[f64]| left.iter().map(|i| values[*i]).sum::<f64>() / left.len() as f64;
        let centre = over(&means);
        let shifted: Vec<f64> = samples.iter().map(|s| over(s)).collect();
        // Deviation of each model's distance from the average of those left.
        let sd: Vec<f64> = left
            .iter()
            .map(|i| {
                let squares: f64 = samples.iter().zip(&shifted).map(|(s, c)| (s[*i] - c) * (s[*i] - c)).sum();
                (squares / REPLICATES as f64).sqrt()
            })
            .collect();
        let t = |i: usize, distance: f64| if sd[i] > 0.0 { distance / sd[i] } else { 0.0 };
        let observed: Vec<f64> = left.iter().enumerate().map(|(i, k)| t(i, means[*k] - centre)).collect();
        let largest = observed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let beyond = samples
            .iter()
            .zip(&shifted)
            .filter(|(s, c)| left.iter().enumerate().any(|(i, k)| t(i, s[*k] - *c) >= largest))
            .count();
        highest = highest.max((beyond as f64 + 1.0) / (REPLICATES as f64 + 1.0));
        let worst = observed.iter().position(|v| *v == largest).unwrap_or(0);
        p[left.remove(worst)] = highest;
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn the_best_stays_and_the_worse_is_sent_away() {
        let kept = |seed: u64, shift: f64| {
            let key = Seed(seed).key(Purpose::Scores, 0, 0);
            let mut stream = key.stream(9);
            let common: Vec<f64> = (0..250).map(|_| stream.normal()).collect();
            let losses: Vec<Vec<f64>> = [0.0, 0.0, shift]
                .iter()
                .map(|s| common.iter().map(|c| c + s + 0.5 * stream.normal()).collect())
                .collect();
            model_confidence_set(&losses, 1, key).iter().map(|p| *p > 0.1).collect::<Vec<bool>>()
        };
        // Three equals: each stays with probability at least 0.9; of forty sets some four or fewer may lose the first.
        let lost = (0..40).filter(|s| !kept(*s, 0.0)[0]).count();
        assert!(lost <= 10, "{lost}");
        let sent = (0..40).filter(|s| !kept(*s, 0.3)[2]).count();
        assert!(sent >= 38, "{sent}");
        assert_eq!(model_confidence_set(&[vec![1.0, 2.0]], 1, Seed(1).key(Purpose::Scores, 0, 0)), [1.0]);
    }
}

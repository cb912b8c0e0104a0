//! What chance allows a count or a share to be.

/// The quantiles of a binomial count that leave at most `(1 - level)/2` on each side. `p` strictly between 0 and 1; by summing outward from the mode,
/// O(n).
pub fn binomial_range(n: usize, p: f64, level: f64) -> (usize, usize) {
    let odds = p / (1.0 - p);
    let mode = (((n + 1) as f64 * p) as usize).min(n);
    let mut weight = vec![0.0; n + 1];
    weight[mode] = 1.0;
    for k in mode + 1..=n {
        weight[k] = weight[k - 1] * (n - k + 1) as f64 / k as f64 * odds;
    }
    for k in (0..mode).rev() {
        weight[k] = weight[k + 1] * (k + 1) as f64 / (n - k) as f64 / odds;
    }
    let total: f64 = weight.iter().sum();
    let quantile = |share: f64| {
        let mut sum = 0.0;
        weight.iter().position(|w| {
            sum += w;
            sum >= share * total
        })
    };
    let tail = 0.5 - 0.5 * level;
    (quantile(tail).unwrap_or(0), quantile(1.0 - tail).unwrap_or(n))
}

/// The range within which all counts of a histogram of `n` uniform values in `bins` equal bins lie together, with probability of at least `level`:
/// every bin's binomial range at `1 - (1 - level)/bins` (Bonferroni). Since counts of one histogram push each other away it is near exact:
/// ten bins leave 4.9 % outside where 5 % were asked, and fewer where counts are small.
pub fn histogram_range(n: usize, bins: usize, level: f64) -> (usize, usize) {
    if bins < 2 {
        return (n, n);
    }
    binomial_range(n, 1.0 / bins as f64, 1.0 - (1.0 - level) / bins as f64)
}

/// How many independent forecasts `n` forecasts `horizon` rows ahead, made every `step` rows, are worth when hits of central intervals are counted.
///
/// Errors of two forecasts `k` rows apart share at most `1 - k/horizon` of their variance: exactly so for a random walk, less where the process
/// returns. Hits of an interval around the middle of a normal law are even functions of the error, whose correlation is at most the square
/// of that of the errors (Mehler's expansion). So the variance of their share is at most `1 + 2 Σ (1 - k/n)(1 - k step/horizon)²` times that of
/// independent ones.
pub fn overlapping(n: usize, horizon: usize, step: usize) -> f64 {
    let (size, ahead, step) = (n as f64, horizon as f64, step.max(1) as f64);
    let shared = (1..n).map(|k| (k as f64, 1.0 - k as f64 * step / ahead)).take_while(|(_, left)| *left > 0.0);
    size / (1.0 + 2.0 * shared.map(|(k, left)| (1.0 - k / size) * left * left).sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn the_range_of_a_count_is_that_of_the_law() {
        // R: qbinom(c(0.025, 0.975), 100, 0.1) = 5 16, qbinom(c(0.005, 0.995), 20, 0.5) = 4 16.
        assert_eq!(binomial_range(100, 0.1, 0.95), (5, 16));
        assert_eq!(binomial_range(20, 0.5, 0.99), (4, 16));
        assert_eq!(binomial_range(0, 0.3, 0.95), (0, 0));
        let at = |n| binomial_range(n, 0.1, 0.95);
        assert_eq!([at(100), at(10), at(1000), at(0)], [(5, 16), (0, 3), (82, 119), (0, 0)]);
    }

    #[test]
    fn a_large_sample_does_not_underflow() {
        let (low, high) = binomial_range(100_000, 0.1, 0.95);
        // Normal approximation: 10,000 ± 1.96 · 94.87 = ± 185.9.
        assert!((9_813..=9_815).contains(&low) && (10_185..=10_187).contains(&high), "{low} {high}");
    }

    #[test]
    fn a_uniform_histogram_leaves_its_range_as_seldom_as_it_says() {
        let mut stream = Seed(31).key(Purpose::Scores, 0, 0).stream(0);
        for (n, least) in [(60, 0.0), (2000, 0.035)] {
            let (low, high) = histogram_range(n, 10, 0.95);
            let mut left = 0;
            for _ in 0..1500 {
                let mut counts = [0usize; 10];
                (0..n).for_each(|_| counts[(stream.uniform() * 10.0) as usize] += 1);
                left += usize::from(counts.iter().any(|c| *c < low || *c > high));
            }
            let share = f64::from(left as u32) / 1500.0;
            // Four standard errors of a share of 5 % of 1,500.
            assert!(share < 0.05 + 4.0 * 0.0056 && share > least - 4.0 * 0.0047, "{n}: {share}");
        }
    }

    #[test]
    fn overlap_costs_two_thirds_of_the_horizon_and_hits_of_a_walk_vary_as_that_allows() {
        assert_eq!(overlapping(50, 1, 1), 50.0);
        assert_eq!(overlapping(50, 5, 5), 50.0);
        // 1 + 2 Σ (k/20)² over 1..19 = 1 + 2 · 2470/400 = 13.35, less a little for the ends of the record.
        assert!((overlapping(100_000, 20, 1) * 13.35 / 1e5 - 1.0).abs() < 1e-3);
        let mut stream = Seed(32).key(Purpose::Scores, 0, 0).stream(0);
        let (n, h, runs) = (200, 10, 1500);
        let shares: Vec<f64> = (0..runs)
            .map(|_| {
                let noise: Vec<f64> = (0..n + h - 1).map(|_| stream.normal()).collect();
                // The central 80 % of a sum of ten.
                let hit = |w: &[f64]| w.iter().sum::<f64>().abs() < 1.281_551_565_544_6 * 10f64.sqrt();
                noise.windows(h).filter(|w| hit(w)).count() as f64 / n as f64
            })
            .collect();
        let spread = super::super::sd(&shares).powi(2);
        let allowed = 0.8 * 0.2 / overlapping(n, h, 1);
        // The variance of a variance of 1,500 is within four times √(2/1500); the bound itself is near, as most of Mehler's sum is its square.
        assert!(spread < allowed * (1.0 + 4.0 * 0.0365) && spread > 0.6 * allowed, "{spread} {allowed}");
        assert!((super::super::mean(&shares) - 0.8).abs() < 4.0 * (spread / runs as f64).sqrt());
    }
}

//! How far ordered values stray by chance.

use crate::base::math;

/// The chance that each ordered value of a uniform sample may leave its own range with, so that all keep theirs with probability
/// 95 %: Gontscharuk & Finner (2017), with the constant of Weine, McPeek & Abney (2023). It holds 92 % at 20 values, 95 % from 100 on.
pub fn local_level(n: usize) -> f64 {
    let l = math::ln(n.max(20) as f64);
    let ll = math::ln(l);
    -math::ln(0.95) / (2.0 * ll * l) * (1.0 - 1.3 * math::ln(ll) / ll)
}

/// The quantiles of the `i`-th smallest (from one on) of `n` uniform values that leave `outside` to both tails together.
pub fn ordered_range(n: usize, i: usize, outside: f64) -> (f64, f64) {
    // Below u lies the i-th smallest where at least i of n values do.
    let quantile = |share: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if at_least(n, i, middle) < share {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    };
    (quantile(0.5 * outside), quantile(1.0 - 0.5 * outside))
}

/// Probability of `i` or more of `n`, each with chance `u`: from `i` outward until nothing is added, O(√n).
fn at_least(n: usize, i: usize, u: f64) -> f64 {
    let (whole, k) = (n as f64, i as f64);
    let choose = math::ln_gamma(whole + 1.0) - math::ln_gamma(k + 1.0) - math::ln_gamma(whole - k + 1.0);
    let at = math::exp(choose + k * math::ln(u) + (whole - k) * math::ln(1.0 - u));
    let odds = u / (1.0 - u);
    if k >= whole * u {
        let (mut term, mut sum) = (at, at);
        for j in i..n {
            term *= (n - j) as f64 / (j + 1) as f64 * odds;
            sum += term;
            if term < 1e-17 * sum {
                break;
            }
        }
        return sum;
    }
    let (mut term, mut sum) = (at, 0.0);
    for j in (1..=i).rev() {
        term *= j as f64 / (n - j + 1) as f64 / odds;
        sum += term;
        if term < 1e-17 * sum {
            break;
        }
    }
    1.0 - sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn ordered_values_have_their_beta_quantiles() {
        // The smallest of n: 1 - (1 - q)^(1/n); the largest: q^(1/n); the middle of three by 3u² - 2u³ = q.
        let (low, high) = ordered_range(50, 1, 0.05);
        assert!(
            (low - (1.0 - 0.975f64.powf(0.02))).abs() < 1e-12 && (high - (1.0 - 0.025f64.powf(0.02))).abs() < 1e-12
        );
        let (low, high) = ordered_range(50, 50, 0.05);
        assert!((low - 0.025f64.powf(0.02)).abs() < 1e-12 && (high - 0.975f64.powf(0.02)).abs() < 1e-12);
        let (low, high) = ordered_range(3, 2, 0.05);
        let law = |u: f64| 3.0 * u * u - 2.0 * u * u * u;
        assert!((law(low) - 0.025).abs() < 1e-12 && (law(high) - 0.975).abs() < 1e-12);
        // scipy.stats.beta.ppf([0.025, 0.975], 7000, 3001)
        let (low, high) = ordered_range(10_000, 7_000, 0.05);
        assert!((low - 0.690911003).abs() < 1e-9 && (high - 0.708873273).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn all_ordered_values_keep_their_ranges_as_often_as_said() {
        for n in [30, 200] {
            let level = local_level(n);
            let ranges: Vec<(f64, f64)> = (1..=n).map(|i| ordered_range(n, i, level)).collect();
            let runs = 2000;
            let inside = (0..runs).filter(|run| {
                let mut stream = Seed(6).key(Purpose::Scores, n as u64, *run).stream(0);
                let mut u: Vec<f64> = (0..n).map(|_| stream.uniform()).collect();
                u.sort_by(f64::total_cmp);
                u.iter().zip(&ranges).all(|(u, r)| (r.0..=r.1).contains(u))
            });
            let share = inside.count() as f64 / runs as f64;
            let se = (0.95 * 0.05 / runs as f64).sqrt();
            // The formula is of many values; at 30 it is 2 % short.
            assert!(
                share > 0.95 - if n < 100 { 0.02 } else { 0.005 } - 4.0 * se && share < 0.95 + 0.005 + 4.0 * se,
                "{n}: {share}"
            );
        }
    }
}

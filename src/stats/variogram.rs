//! The variogram score of joint draws.

use super::energy::usable;
use crate::base::math;
use crate::predictive::Estimator;

/// Variogram score `Σᵢⱼ w(i, j) (|yᵢ - yⱼ|ᵖ - E|Xᵢ - Xⱼ|ᵖ)²` over ordered pairs of components, of draws `[component][draw]` (Scheuerer & Hamill
/// 2015, eq. 10), in the unit of the components to the `2p`; lower is better. `order` is p, above zero: one half is the usual choice.
///
/// Tells wrong correlations and spreads apart better than [`super::energy_score`], but is blind to a shift of all components together, so never
/// the only score. [`Estimator::Fair`] takes off what the mean over the draws adds, its variance over their number, so that draws stand for
/// the law they are from. `None` as there, and for an order of zero or below. Cost: exact, draws × components²/2.
pub fn variogram_score(
    draws: &[Vec<f64>],
    actual: &[f64],
    order: f64,
    weight: impl Fn(usize, usize) -> f64,
    estimator: Estimator,
) -> Option<f64> {
    let n = usable(draws, actual, estimator).filter(|_| order > 0.0)? as f64;
    let raised = |distance: f64| if order == 0.5 { distance.abs().sqrt() } else { math::pow(distance.abs(), order) };
    let one = |i: usize, j: usize| {
        let told = || draws[i].iter().zip(&draws[j]).map(|(a, b)| raised(a - b));
        let mean = told().sum::<f64>() / n;
        let off = raised(actual[i] - actual[j]) - mean;
        let spread = match estimator {
            Estimator::Empirical => 0.0,
            Estimator::Fair => told().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n * (n - 1.0)),
        };
        (weight(i, j) + weight(j, i)) * (off * off - spread)
    };
    let pairs = (0..actual.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
    Some(pairs.map(|(i, j)| one(i, j)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws() -> [Vec<f64>; 3] {
        [vec![0.1, 1.0, -0.4, 2.0], vec![0.0, 1.5, -1.0, 3.0], vec![0.7, 0.2, 0.3, 1.0]]
    }

    #[test]
    fn the_fair_estimate_is_the_double_sum_over_different_draws() {
        let (draws, actual) = (draws(), [0.3, 1.1, -0.2]);
        let weight = |i: usize, j: usize| 1.0 + 0.5 * i as f64 + 0.25 * j as f64;
        for order in [0.5, 1.0, 1.7] {
            // With ρ the vector of |xᵢ - xⱼ|ᵖ the score is Σ w (E(ρ - ρ_y)² - ½ E(ρ - ρ')²), all pairs or different ones.
            let entry = |k: usize, i: usize, j: usize| (draws[i][k] - draws[j][k]).abs().powf(order);
            let (mut first, mut second) = (0.0, 0.0);
            for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
                let seen = f64::abs(actual[i] - actual[j]).powf(order);
                for k in 0..4 {
                    first += weight(i, j) * (entry(k, i, j) - seen).powi(2) / 4.0;
                    second += (0..4).map(|l| weight(i, j) * (entry(k, i, j) - entry(l, i, j)).powi(2)).sum::<f64>();
                }
            }
            let score = |estimator| variogram_score(&draws, &actual, order, weight, estimator).expect("a score");
            assert!((score(Estimator::Empirical) - (first - 0.5 * second / 16.0)).abs() < 1e-13);
            assert!((score(Estimator::Fair) - (first - 0.5 * second / 12.0)).abs() < 1e-13);
        }
    }

    #[test]
    fn a_shift_of_all_components_is_not_seen_and_one_component_has_nothing_to_tell() {
        let (draws, actual) = (draws(), [0.3, 1.1, -0.2]);
        let score = |draws: &[Vec<f64>]| variogram_score(draws, &actual, 0.5, |_, _| 1.0, Estimator::Empirical);
        let shifted = draws.clone().map(|row| row.iter().map(|x| x + 100.0).collect::<Vec<_>>());
        let (a, b) = (score(&draws).expect("a score"), score(&shifted).expect("a score"));
        assert!((a - b).abs() < 1e-12, "{a} {b}");
        assert_eq!(variogram_score(&draws[..1], &actual[..1], 0.5, |_, _| 1.0, Estimator::Fair), Some(0.0));
        assert!(variogram_score(&draws, &actual, 0.0, |_, _| 1.0, Estimator::Fair).is_none());
    }
}

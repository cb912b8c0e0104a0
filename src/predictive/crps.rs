//! The continuous ranked probability score of any law, and expectations by its quantile function.

use super::{Predictive, closed};

/// Nodes and weights of eight-point Gauss-Legendre quadrature on [-1, 1] (Abramowitz & Stegun 1964, table 25.4).
const GAUSS: [(f64, f64); 8] = [
    (-0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
    (-0.796_666_477_413_626_7, 0.222_381_034_453_374_47),
    (-0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (-0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_47),
    (0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
];

/// Probabilities whose quantiles split the line for quadrature.
pub(super) const SPLITS: [f64; 15] = [
    1e-12,
    1e-9,
    1e-6,
    1e-4,
    0.002,
    0.02,
    0.15,
    0.5,
    0.85,
    0.98,
    0.998,
    1.0 - 1e-4,
    1.0 - 1e-6,
    1.0 - 1e-9,
    1.0 - 1e-12,
];

pub(super) fn integrate(from: f64, to: f64, f: &mut impl FnMut(f64) -> f64) -> f64 {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    half * GAUSS.iter().map(|(node, weight)| weight * f(middle + half * node)).sum::<f64>()
}

pub(super) fn crps(law: &Predictive, y: f64) -> f64 {
    match law {
        Predictive::Normal { mean, sd } => sd * closed::normal_crps((y - mean) / sd),
        Predictive::LogNormal { mu, sigma } => closed::lognormal_crps(*mu, *sigma, y),
        Predictive::StudentT { location, scale, df } => scale * closed::student_crps((y - location) / scale, *df),
        Predictive::Ensemble(e) => e.crps(y),
        Predictive::Density(d) => d.crps(y),
        Predictive::Lattice(l) => l.crps(y),
        Predictive::Mixed(m) => m.crps(y),
        Predictive::Mixture(m) => m.crps(y),
        Predictive::ScaledChiSquare { .. } | Predictive::Exp(_) => by_quadrature(law, y),
    }
}

/// `∫_{-∞}^{y} F² + ∫_y^∞ (1 - F)²`, split at quantiles so that every piece is smooth at its own scale.
fn by_quadrature(law: &Predictive, y: f64) -> f64 {
    let splits = SPLITS.map(|p| law.quantile(p));
    let (first, last) = (splits[0], splits[SPLITS.len() - 1]);
    let mut knots: Vec<f64> = splits.into_iter().filter(|q| q.is_finite()).collect();
    if y > first && y < last {
        knots.push(y);
    }
    knots.sort_by(f64::total_cmp);
    let inside: f64 = knots
        .windows(2)
        .map(|w| {
            let below = w[1] <= y;
            integrate(w[0], w[1], &mut |x| {
                let f = law.cdf(x);
                if below { f * f } else { (1.0 - f) * (1.0 - f) }
            })
        })
        .sum();
    inside + (first - y).max(0.0) + (y - last).max(0.0)
}

/// `E f(z)` as `∫_0^1 f(Q(p)) dp`, with probabilities split towards both ends.
pub(super) fn mean_of(law: &Predictive, f: impl Fn(f64) -> f64) -> f64 {
    SPLITS.windows(2).map(|w| integrate(w[0], w[1], &mut |p| f(law.quantile(p)))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_agree_with_quadrature() {
        for (law, ys) in [
            (Predictive::Normal { mean: 1.0, sd: 2.0 }, [-9.0, 0.0, 1.3, 20.0]),
            (Predictive::LogNormal { mu: 0.2, sigma: 0.6 }, [-1.0, 0.3, 1.1, 9.0]),
            (Predictive::StudentT { location: 1.0, scale: 2.0, df: 6.5 }, [-9.0, 0.0, 1.3, 20.0]),
        ] {
            for y in ys {
                let (closed, numeric) = (crps(&law, y), by_quadrature(&law, y));
                assert!((closed / numeric - 1.0).abs() < 1e-8, "{law:?} {y}: {closed} {numeric}");
            }
        }
    }

    #[test]
    fn the_normal_score_at_its_mean_is_known() {
        // 2φ(0) - 1/√π = √(2/π) - 1/√π
        let value = crps(&Predictive::Normal { mean: 0.0, sd: 1.0 }, 0.0);
        assert!((value - 0.233_694_977_255_109_13).abs() < 1e-14, "{value}");
    }
}

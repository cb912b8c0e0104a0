//! How far two laws are apart.

use super::Predictive;

/// The Kolmogorov distance `sup_x |F(x) - G(x)|`, looked for at the quantiles of both laws: 2 × 401 levels, closer towards the
/// tails. Symmetric, at most one, and unchanged by any increasing change of the variable.
///
/// Between the levels a distance may be missed by as much as the laws gain there, 1/400 of the probability in the middle; two laws
/// that are close differ smoothly, and their largest difference is found to a few percent. Cost: 1604 distribution functions.
pub fn kolmogorov(a: &Predictive, b: &Predictive) -> f64 {
    const LEVELS: i32 = 401;
    let levels = (1..=LEVELS).map(|i| {
        // Evenly spaced in the angle: the tails of an arcsine law.
        let s = crate::base::math::sin(std::f64::consts::FRAC_PI_2 * f64::from(i) / f64::from(LEVELS + 1));
        s * s
    });
    let points = levels.flat_map(|p| [a.quantile(p), b.quantile(p)]);
    points.filter(|x| x.is_finite()).map(|x| (a.cdf(x) - b.cdf(x)).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_normals_are_apart_by_what_the_formula_says() {
        let a = Predictive::Normal { mean: 0.0, sd: 1.0 };
        let b = Predictive::Normal { mean: 0.2, sd: 1.0 };
        // Largest half-way: Φ(0.1) - Φ(-0.1).
        let exact = 2.0 * crate::base::math::normal_cdf(0.1) - 1.0;
        assert!((kolmogorov(&a, &b) - exact).abs() < 1e-5);
        assert_eq!(kolmogorov(&a, &a), 0.0);
        assert_eq!(kolmogorov(&a, &b), kolmogorov(&b, &a));
    }
}

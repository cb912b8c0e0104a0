//! A law on separate points: what counts of molecules have, and anything a master equation answers.
//!
//! Its base measure is counting: `log_pdf` of a [`Lattice`] is the logarithm of a probability, not of a density. Log scores on
//! it compare only with others on the same points.

use crate::base::math;

/// Probabilities of separate points: counts of molecules, or anything that a master equation answers. Log scores of it are of probabilities, and
/// compare only with others on the same points.
#[derive(Debug, Clone, PartialEq)]
pub struct Lattice {
    /// Increasing.
    points: Vec<f64>,
    /// Positive, with sum one.
    masses: Vec<f64>,
    /// Probability of at most each point; the last is one.
    cdf: Vec<f64>,
}

impl Lattice {
    /// From points in any order and masses of any positive total; equal points are added up, and masses that are not positive
    /// dropped. `None` where nothing is left or a point or the total is not finite.
    pub fn new(points: impl IntoIterator<Item = (f64, f64)>) -> Option<Lattice> {
        let mut pairs: Vec<(f64, f64)> = points.into_iter().filter(|(_, m)| *m > 0.0).collect();
        let total: f64 = pairs.iter().map(|p| p.1).sum();
        if !(total > 0.0 && total.is_finite()) || pairs.iter().any(|p| !p.0.is_finite()) {
            return None;
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Adding zero makes one zero of the two.
        pairs.iter_mut().for_each(|p| p.0 += 0.0);
        pairs.dedup_by(|b, a| {
            let same = a.0 == b.0;
            a.1 += if same { b.1 } else { 0.0 };
            same
        });
        let points = pairs.iter().map(|p| p.0).collect();
        let masses: Vec<f64> = pairs.iter().map(|p| p.1 / total).collect();
        let mut sum = 0.0;
        let mut cdf: Vec<f64> = masses
            .iter()
            .map(|m| {
                sum += m;
                sum
            })
            .collect();
        // Round-off of the sums must not leave probability beyond the last point.
        let last = sum;
        cdf.iter_mut().for_each(|c| *c /= last);
        Some(Lattice { points, masses, cdf })
    }

    /// All probability on one point, which must be finite.
    pub fn point(x: f64) -> Option<Lattice> {
        Lattice::new([(x, 1.0)])
    }

    /// The points and their probabilities.
    pub fn table(&self) -> (&[f64], &[f64]) {
        (&self.points, &self.masses)
    }

    /// Σ x p(x).
    pub fn mean(&self) -> f64 {
        self.points.iter().zip(&self.masses).map(|(x, m)| x * m).sum()
    }

    /// √(Σ (x - mean)² p(x)).
    pub fn sd(&self) -> f64 {
        let mean = self.mean();
        self.points.iter().zip(&self.masses).map(|(x, m)| m * (x - mean) * (x - mean)).sum::<f64>().sqrt()
    }

    /// P(X <= x), a staircase.
    pub fn cdf(&self, x: f64) -> f64 {
        match self.points.partition_point(|p| *p <= x) {
            0 => 0.0,
            k => self.cdf[k - 1],
        }
    }

    /// The smallest point with at least probability `p` up to it.
    pub fn quantile(&self, p: f64) -> f64 {
        let k = self.cdf.partition_point(|c| *c < p);
        self.points[k.min(self.points.len() - 1)]
    }

    /// Logarithm of the probability of exactly `x`, minus infinity between the points.
    pub fn log_pmf(&self, x: f64) -> f64 {
        match self.points.binary_search_by(|p| p.total_cmp(&(x + 0.0))) {
            Ok(k) => math::ln(self.masses[k]),
            Err(_) => f64::NEG_INFINITY,
        }
    }

    /// `∫ (F(x) - 1{x ≥ y})² dx`, exactly: the distribution function is a staircase. O(points).
    pub fn crps(&self, y: f64) -> f64 {
        let n = self.points.len();
        let mut sum = (self.points[0] - y).max(0.0) + (y - self.points[n - 1]).max(0.0);
        for k in 0..n - 1 {
            let (from, to, f) = (self.points[k], self.points[k + 1], self.cdf[k]);
            let below = (y.clamp(from, to) - from) * f * f;
            sum += below + (to - y.clamp(from, to)) * (1.0 - f) * (1.0 - f);
        }
        sum
    }

    /// The law of the exponentials of the points.
    pub fn exp(self) -> Lattice {
        Lattice { points: self.points.into_iter().map(math::exp).collect(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_the_double_sum_over_points() {
        let pairs = [(2.0, 0.2), (0.0, 0.5), (5.0, 0.1), (2.0, 0.2)];
        let law = Lattice::new(pairs).expect("a law");
        for y in [-1.0, 0.0, 1.3, 2.0, 9.0] {
            let first: f64 = pairs.iter().map(|(x, m)| m * (x - y).abs()).sum();
            let second: f64 = pairs.iter().flat_map(|a| pairs.map(|b| a.1 * b.1 * (a.0 - b.0).abs())).sum();
            assert!((law.crps(y) - (first - 0.5 * second)).abs() < 1e-14, "{y}");
        }
    }

    #[test]
    fn quantiles_are_the_smallest_points_with_enough_probability() {
        let law = Lattice::new([(0.0, 1.0), (1.0, 2.0), (4.0, 1.0)]).expect("a law");
        assert_eq!(
            (law.quantile(0.25), law.quantile(0.26), law.quantile(0.75), law.quantile(0.999)),
            (0.0, 1.0, 1.0, 4.0)
        );
        assert_eq!((law.cdf(-0.1), law.cdf(0.0), law.cdf(3.9), law.cdf(4.0)), (0.0, 0.25, 0.75, 1.0));
        assert_eq!((law.log_pmf(1.0), law.log_pmf(2.0)), (math::ln(0.5), f64::NEG_INFINITY));
        assert!((law.mean() - 1.5).abs() < 1e-15 && (law.sd() - 2.25f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn nothing_makes_no_law() {
        assert!(Lattice::new([]).is_none());
        assert!(Lattice::new([(1.0, 0.0), (2.0, -1.0)]).is_none());
        assert!(Lattice::new([(f64::NAN, 1.0)]).is_none());
    }
}

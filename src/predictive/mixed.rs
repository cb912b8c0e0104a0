//! A law with atoms: probability on single points beside a law that has a density. What was absorbed at an end of the domain
//! is such an atom.

use super::Predictive;
use super::crps::{SPLITS, integrate};
use crate::base::math;

/// Atoms on single points, and a law with a density for the rest: what was absorbed at the ends of a domain, and what was not.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixed {
    /// Places, increasing, and their probabilities.
    atoms: Vec<(f64, f64)>,
    /// The law of what is on no atom, and its probability; `None` where that is nothing.
    rest: Option<(f64, Box<Predictive>)>,
}

impl Mixed {
    /// From places with their probabilities and a law for the rest: one minus the sum of the atoms. `None` where a probability
    /// is negative, their sum is above one, or something is left without a law.
    pub fn new(mut atoms: Vec<(f64, f64)>, rest: Option<Predictive>) -> Option<Mixed> {
        atoms.sort_by(|a, b| a.0.total_cmp(&b.0));
        let left = 1.0 - atoms.iter().map(|a| a.1).sum::<f64>();
        if atoms.iter().any(|a| !(a.1 >= 0.0)) || left < -1e-12 || rest.is_none() && left > 1e-9 {
            return None;
        }
        Some(Mixed { atoms, rest: rest.filter(|_| left > 0.0).map(|law| (left, Box::new(law))) })
    }

    /// Places and probabilities, in increasing order.
    pub fn atoms(&self) -> &[(f64, f64)] {
        &self.atoms
    }

    /// The law of the rest and its probability.
    pub fn rest(&self) -> Option<(f64, &Predictive)> {
        self.rest.as_ref().map(|(share, law)| (*share, law.as_ref()))
    }

    fn continuous(&self, x: f64) -> f64 {
        self.rest().map_or(0.0, |(share, law)| share * law.cdf(x))
    }

    /// P(X <= x): the atoms at or below x, and the share of the continuous part.
    pub fn cdf(&self, x: f64) -> f64 {
        let below: f64 = self.atoms.iter().filter(|a| a.0 <= x).map(|a| a.1).sum();
        (below + self.continuous(x)).min(1.0)
    }

    /// Logarithm of the density of the rest, which integrates to its probability; an atom has none.
    pub fn log_pdf(&self, x: f64) -> Option<f64> {
        match self.rest() {
            Some((share, law)) => Some(math::ln(share) + law.log_pdf(x)?),
            None => Some(f64::NEG_INFINITY),
        }
    }

    /// The smallest value whose distribution function is at least `p`.
    pub fn quantile(&self, p: f64) -> f64 {
        let mut below = 0.0;
        for (place, mass) in &self.atoms {
            let up_to = self.continuous(*place);
            if p <= below + up_to && up_to > 0.0 {
                break;
            }
            if p <= below + up_to + mass {
                return *place;
            }
            below += mass;
        }
        match (self.rest(), self.atoms.last()) {
            // Round-off may ask for the end itself.
            (Some((share, law)), _) => law.quantile(((p - below) / share).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON)),
            (None, Some((place, _))) => *place,
            (None, None) => f64::NAN,
        }
    }

    /// Weighted mean of atoms and continuous part; `None` where that part has none.
    pub fn mean(&self) -> Option<f64> {
        let atoms: f64 = self.atoms.iter().map(|(place, mass)| place * mass).sum();
        match self.rest() {
            Some((share, law)) => Some(atoms + share * law.mean()?),
            None => Some(atoms),
        }
    }

    /// Square root of the variance about that mean; `None` where the continuous part has none.
    pub fn sd(&self) -> Option<f64> {
        let mean = self.mean()?;
        let about = |x: f64| (x - mean) * (x - mean);
        let atoms: f64 = self.atoms.iter().map(|(place, mass)| mass * about(*place)).sum();
        let rest = match self.rest() {
            Some((share, law)) => share * (law.sd()? * law.sd()? + about(law.mean()?)),
            None => 0.0,
        };
        Some((atoms + rest).max(0.0).sqrt())
    }

    /// The mean of a function; not finite where it is not.
    pub(super) fn expect(&self, f: &mut dyn FnMut(f64) -> f64) -> Option<f64> {
        let atoms: f64 = self.atoms.iter().map(|(place, mass)| mass * f(*place)).sum();
        match self.rest() {
            Some((share, law)) => Some(atoms + share * law.expect(f)?),
            None => Some(atoms),
        }
    }

    /// `∫ (F - 1{x ≥ y})²` between the atoms, the value and the places where the rest changes its scale.
    pub(super) fn crps(&self, y: f64) -> f64 {
        let mut knots: Vec<f64> = match self.rest() {
            Some((_, Predictive::Density(density))) => density.table().0.to_vec(),
            Some((_, law)) => SPLITS.iter().map(|p| law.quantile(*p)).filter(|q| q.is_finite()).collect(),
            None => Vec::new(),
        };
        knots.extend(self.atoms.iter().map(|a| a.0).chain([y]).filter(|x| x.is_finite()));
        knots.sort_by(f64::total_cmp);
        let between = |w: &[f64]| {
            let below = w[1] <= y;
            integrate(w[0], w[1], &mut |x| {
                let f = self.cdf(x);
                if below { f * f } else { (1.0 - f) * (1.0 - f) }
            })
        };
        knots.windows(2).filter(|w| w[1] > w[0]).map(between).sum()
    }

    /// The law of the exponential: an atom at minus infinity comes to lie at zero.
    pub fn exp(self) -> Mixed {
        Mixed {
            atoms: self.atoms.into_iter().map(|(place, mass)| (math::exp(place), mass)).collect(),
            rest: self.rest.map(|(share, law)| (share, Box::new(law.exp()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0.3 at -1, 0.2 at 2, the rest normal.
    fn mixed() -> Predictive {
        let rest = Predictive::Normal { mean: 0.5, sd: 0.8 };
        Predictive::Mixed(Mixed::new(vec![(2.0, 0.2), (-1.0, 0.3)], Some(rest)).expect("a law"))
    }

    #[test]
    fn atoms_are_jumps_of_the_distribution_function_and_steps_of_the_quantile() {
        let (law, rest) = (mixed(), Predictive::Normal { mean: 0.5, sd: 0.8 });
        assert!((law.cdf(-1.0) - law.cdf(-1.0 - 1e-12) - 0.3).abs() < 1e-10);
        assert!((law.cdf(0.5) - 0.3 - 0.5 * rest.cdf(0.5)).abs() < 1e-15);
        for p in [0.05, 0.2, 0.3, 0.6, 0.9, 0.97] {
            let x = law.quantile(p);
            assert!(law.cdf(x) >= p - 1e-12 && law.cdf(x - 1e-9) < p, "{p}: {x}");
        }
        assert_eq!((law.quantile(0.2), law.quantile(0.8)), (-1.0, 2.0));
        let pdf = math::exp(law.log_pdf(0.1).expect("a density"));
        assert!((pdf - 0.5 * math::exp(rest.log_pdf(0.1).expect("a density"))).abs() < 1e-15);
    }

    #[test]
    fn moments_and_scores_count_the_atoms() {
        let law = mixed();
        let mean = -0.3 + 0.4 + 0.25;
        let second = 0.3 + 0.8 + 0.5 * (0.64 + 0.25);
        assert!((law.mean().expect("mean") - mean).abs() < 1e-15);
        assert!((law.sd().expect("sd") - (second - mean * mean).sqrt()).abs() < 1e-15);
        assert!((law.expect(&mut |x| x * x).expect("finite") - second).abs() < 1e-11);
        // The score is E|X - y| - ½ E|X - X'|, of atoms and normal parts (Gneiting & Raftery 2007, eq. 21).
        let away = |mean: f64, sd: f64| {
            let z = mean / sd;
            sd * (2.0 * math::normal_pdf(z) + z * (2.0 * math::normal_cdf(z) - 1.0))
        };
        for y in [-3.0, -1.0, 0.7, 2.0, 5.0f64] {
            let first = 0.3 * (y + 1.0).abs() + 0.2 * (y - 2.0).abs() + 0.5 * away(0.5 - y, 0.8);
            let pairs = 2.0 * 0.3 * 0.2 * 3.0
                + 2.0 * 0.5 * (0.3 * away(1.5, 0.8) + 0.2 * away(-1.5, 0.8))
                + 0.25 * away(0.0, 0.8 * 2f64.sqrt());
            assert!((law.crps(y) - (first - 0.5 * pairs)).abs() < 1e-9, "{y}: {}", law.crps(y));
        }
        let grown = law.exp();
        let exact = 0.3 * math::exp(-1.0) + 0.2 * math::exp(2.0) + 0.5 * math::exp(0.82);
        assert!((grown.mean().expect("mean") - exact).abs() < 1e-12);
        assert!((grown.cdf(1.0) - 0.3 - 0.5 * math::normal_cdf(-0.625)).abs() < 1e-14);
    }

    #[test]
    fn probabilities_that_do_not_add_up_make_no_law() {
        let normal = || Some(Predictive::Normal { mean: 0.0, sd: 1.0 });
        assert!(Mixed::new(vec![(0.0, 1.2)], normal()).is_none());
        assert!(Mixed::new(vec![(0.0, -0.1)], normal()).is_none());
        assert!(Mixed::new(vec![(0.0, 0.5)], None).is_none());
        assert_eq!(Mixed::new(vec![(0.0, 1.0)], None).map(|law| law.quantile(0.3)), Some(0.0));
    }
}

//! A finite mixture of laws: several models' answers under their weights, or one model's under draws of its parameters.

use super::crps::{SPLITS, integrate};
use super::{Lattice, Predictive, closed};
use crate::base::math;

/// `Σ wᵢ Fᵢ` with positive weights of sum one.
///
/// With `m` parts, distribution function, density, moments and the mean of a function cost `m` times those of a part; a quantile some ten
/// distribution functions. The score is closed where all parts are normal, `O(m²)`, or samples, `O(n log n)`; else a quadrature of some hundred
/// distribution functions.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    parts: Vec<(f64, Predictive)>,
}

/// Parts whose own quantiles split the line of a quadrature beside those of the whole: more of them are draws of one model's parameters, which
/// live on one scale.
const OWN_SPLITS: usize = 8;

impl Predictive {
    /// The mixture of laws under weights that need not add up to one. Parts without weight are left out, one that is left alone is itself, and
    /// lattices make a lattice. `None` where a weight is negative or not finite, or none is positive.
    pub fn mixture(parts: Vec<(f64, Predictive)>) -> Option<Predictive> {
        let total: f64 = parts.iter().map(|(w, _)| w).sum();
        if !(total > 0.0 && total.is_finite()) || parts.iter().any(|(w, _)| !(*w >= 0.0)) {
            return None;
        }
        let mut parts: Vec<(f64, Predictive)> =
            parts.into_iter().filter(|(w, _)| *w > 0.0).map(|(w, law)| (w / total, law)).collect();
        if parts.len() == 1 {
            return parts.pop().map(|(_, law)| law);
        }
        let lattice = |(w, law): &(f64, Predictive)| match law {
            Predictive::Lattice(lattice) => Some((*w, lattice.clone())),
            _ => None,
        };
        if let Some(lattices) = parts.iter().map(lattice).collect::<Option<Vec<_>>>() {
            let points = |(w, lattice): &(f64, Lattice)| {
                let (points, masses) = lattice.table();
                points.iter().zip(masses).map(|(x, m)| (*x, w * m)).collect::<Vec<_>>()
            };
            return Lattice::new(lattices.iter().flat_map(points)).map(Predictive::Lattice);
        }
        Some(Predictive::Mixture(Mixture { parts }))
    }
}

impl Mixture {
    /// Weights and laws.
    pub fn parts(&self) -> &[(f64, Predictive)] {
        &self.parts
    }

    fn total(&self, of: impl Fn(&Predictive) -> f64) -> f64 {
        self.parts.iter().map(|(w, law)| w * of(law)).sum()
    }

    /// Σ w P(X <= x) over the members.
    pub fn cdf(&self, x: f64) -> f64 {
        self.total(|law| law.cdf(x)).min(1.0)
    }

    /// Logarithm of the mean density; `None` where a part has none.
    pub fn log_pdf(&self, x: f64) -> Option<f64> {
        let logs =
            self.parts.iter().map(|(w, law)| Some(math::ln(*w) + law.log_pdf(x)?)).collect::<Option<Vec<f64>>>()?;
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY {
            return Some(top);
        }
        Some(top + math::ln(logs.iter().map(|l| math::exp(l - top)).sum()))
    }

    /// The smallest value whose distribution function is at least `p`: secants that keep a bracket (Dowell & Jarratt 1971), and halvings where
    /// they do not shorten it.
    pub fn quantile(&self, p: f64) -> f64 {
        const ROUNDS: usize = 200;
        let (mut low, mut high) = self.bracket(p);
        if !(low < high) {
            return low;
        }
        let (mut below, mut above) = (self.cdf(low) - p, self.cdf(high) - p);
        if below >= 0.0 {
            return low;
        }
        // Samples interpolate their quantiles, so the largest may fall a hair short of the probability.
        if above < 0.0 {
            return high;
        }
        let mut was = high - low;
        for round in 0..ROUNDS {
            let middle = 0.5 * (low + high);
            if !(middle > low && middle < high) {
                break;
            }
            let secant = low - below * (high - low) / (above - below);
            // Every third step must have halved the bracket twice.
            let halve = round % 3 == 2 && high - low > 0.25 * was;
            let x = if halve || !(secant > low && secant < high) { middle } else { secant };
            if round % 3 == 2 {
                was = high - low;
            }
            let f = self.cdf(x) - p;
            if f.abs() <= 1e-13 * p.min(1.0 - p) {
                return x;
            }
            if f >= 0.0 {
                (high, above) = (x, f);
                below *= 0.5;
            } else {
                (low, below) = (x, f);
                above *= 0.5;
            }
            if high - low <= 4.0 * f64::EPSILON * high.abs().max(low.abs()) {
                break;
            }
        }
        high
    }

    /// Values between which the quantile lies: the least and the largest quantile of the parts. Of many smooth parts those of three, widened
    /// until they hold it, since a part's quantile costs more than its distribution function.
    fn bracket(&self, p: f64) -> (f64, f64) {
        let n = self.parts.len();
        let span = |of: &mut dyn Iterator<Item = &(f64, Predictive)>| {
            of.map(|(_, law)| law.quantile(p))
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), q| (l.min(q), h.max(q)))
        };
        let is_smooth = |(_, law): &(f64, Predictive)| !matches!(law, Predictive::Ensemble(_) | Predictive::Mixed(_));
        if n <= OWN_SPLITS || !self.parts.iter().all(is_smooth) {
            return span(&mut self.parts.iter());
        }
        let (mut low, mut high) = span(&mut [0, n / 2, n - 1].iter().map(|i| &self.parts[*i]));
        for _ in 0..60 {
            // Twice as wide each time.
            let reach = 2.0 * (high - low).max(1e-9 * high.abs().max(low.abs()));
            match (self.cdf(low) < p, self.cdf(high) >= p) {
                (true, true) => return (low, high),
                (false, _) => (low, high) = (low - reach, low),
                (_, false) => (low, high) = (high, high + reach),
            }
        }
        span(&mut self.parts.iter())
    }

    /// Σ w E\[X\]; `None` where a member has no mean.
    pub fn mean(&self) -> Option<f64> {
        self.parts.iter().map(|(w, law)| Some(w * law.mean()?)).sum()
    }

    /// Square root of Σ w (variance + mean²) - mean²; `None` where a member has no variance.
    pub fn sd(&self) -> Option<f64> {
        let mean = self.mean()?;
        let one = |(w, law): &(f64, Predictive)| {
            let (away, sd) = (law.mean()? - mean, law.sd()?);
            Some(w * (sd * sd + away * away))
        };
        self.parts.iter().map(one).sum::<Option<f64>>().map(f64::sqrt)
    }

    /// The mean of a function; `None` where that of a part is not finite.
    pub(super) fn expect(&self, f: &mut dyn FnMut(f64) -> f64) -> Option<f64> {
        self.parts.iter().map(|(w, law)| Some(w * law.expect(f)?)).sum()
    }

    /// Mean below the quantile of `p`: that of each part below the same value.
    pub(super) fn shortfall(&self, p: f64) -> f64 {
        let cut = self.quantile(p);
        let below = |law: &Predictive| law.cdf(cut);
        let sum: f64 = self
            .parts
            .iter()
            .map(|(w, law)| (w, law, below(law)))
            .filter(|(_, _, share)| *share > 0.0)
            .map(|(w, law, share)| w * share * law.shortfall(share.min(1.0 - f64::EPSILON)))
            .sum();
        // What a part has on the value itself beyond `p` does not count.
        (sum - (self.total(below) - p) * cut) / p
    }

    /// The value a uniform number stands for: a part, then its quantile at what the number has left.
    pub(super) fn value_of(&self, uniform: f64) -> f64 {
        let mut left = uniform;
        let mut parts = self.parts.iter().peekable();
        while let Some((w, law)) = parts.next() {
            if left < *w || parts.peek().is_none() {
                return law.quantile((left / w).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON));
            }
            left -= w;
        }
        f64::NAN
    }

    /// `E|X - y| - ½ E|X - X'|` (Gneiting & Raftery 2007, eq. 21).
    pub(super) fn crps(&self, y: f64) -> f64 {
        self.crps_of_normals(y).unwrap_or_else(|| self.crps_of_steps(y))
    }

    /// Closed where all parts are normal (Grimit, Gneiting, Berrocal & Johnson 2006, eq. 5).
    fn crps_of_normals(&self, y: f64) -> Option<f64> {
        let normal = |(w, law): &(f64, Predictive)| match law {
            Predictive::Normal { mean, sd } => Some((*w, *mean, sd * sd)),
            _ => None,
        };
        let all = self.parts.iter().map(normal).collect::<Option<Vec<_>>>()?;
        let first: f64 = all.iter().map(|(w, m, v)| w * closed::normal_distance(y - m, *v)).sum();
        let mut pairs = 0.0;
        for (i, (wi, mi, vi)) in all.iter().enumerate() {
            pairs += 0.5 * wi * wi * closed::normal_distance(0.0, 2.0 * vi);
            pairs +=
                all[..i].iter().map(|(wj, mj, vj)| wi * wj * closed::normal_distance(mi - mj, vi + vj)).sum::<f64>();
        }
        Some(first - pairs)
    }

    /// `∫ (F - 1{x ≥ y})²`, samples as the steps they are, the rest smooth between their places.
    fn crps_of_steps(&self, y: f64) -> f64 {
        let mut smooth: Vec<&(f64, Predictive)> = Vec::new();
        // Places and heights of the steps.
        let mut steps: Vec<(f64, f64)> = Vec::new();
        let mut knots = vec![y];
        for part in &self.parts {
            match &part.1 {
                Predictive::Ensemble(e) => {
                    let height = part.0 / e.samples().len() as f64;
                    steps.extend(e.samples().iter().map(|x| (*x, height)));
                }
                Predictive::Lattice(l) => {
                    let (points, masses) = l.table();
                    steps.extend(points.iter().zip(masses).map(|(x, m)| (*x, part.0 * m)));
                }
                Predictive::Mixed(m) => {
                    knots.extend(m.atoms().iter().map(|a| a.0));
                    smooth.push(part);
                }
                _ => smooth.push(part),
            }
        }
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        knots.extend(steps.iter().map(|s| s.0));
        if !smooth.is_empty() {
            knots.extend(SPLITS.iter().map(|p| self.quantile(*p)));
        }
        if smooth.len() <= OWN_SPLITS {
            knots.extend(smooth.iter().flat_map(|(_, law)| SPLITS.map(|p| law.quantile(p))));
        }
        knots.retain(|x| x.is_finite());
        knots.sort_by(f64::total_cmp);
        let (mut next, mut risen, mut total) = (0, 0.0, 0.0);
        for w in knots.windows(2).filter(|w| w[1] > w[0]) {
            while next < steps.len() && steps[next].0 <= w[0] {
                risen += steps[next].1;
                next += 1;
            }
            let below = w[1] <= y;
            let square = |f: f64| if below { f * f } else { (1.0 - f) * (1.0 - f) };
            total += if smooth.is_empty() {
                (w[1] - w[0]) * square(risen)
            } else {
                integrate(w[0], w[1], &mut |x| {
                    square(risen + smooth.iter().map(|(w, law)| w * law.cdf(x)).sum::<f64>())
                })
            };
        }
        total
    }

    /// The law of the exponential.
    pub fn exp(self) -> Mixture {
        Mixture { parts: self.parts.into_iter().map(|(w, law)| (w, law.exp())).collect() }
    }
}

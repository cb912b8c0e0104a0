//! The law of each species after one step, and where the count that came lies in it.

use super::line::Law;
use super::{CountPairs, CountTransitions, steps};
use crate::base::rng::Key;
use crate::base::{Purpose, Seed, math};
use crate::form::Pairs;
use crate::form::master_equation::Snapshot;

/// Probabilities of the counts of one species from `first` on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Marginal {
    /// The smallest count with a probability.
    pub first: f64,
    /// Probabilities of `first`, `first + 1`, …; they sum to one less what the law leaves out.
    pub p: Vec<f64>,
}

impl Marginal {
    /// Of `(count, probability)` in any order; what falls on one count is added up in that order.
    fn of(points: impl Iterator<Item = (f64, f64)> + Clone) -> Marginal {
        let (low, high) =
            points.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (x, _)| (l.min(x), h.max(x)));
        if !(low <= high) {
            return Marginal::default();
        }
        let mut p = vec![0.0; (high - low) as usize + 1];
        points.for_each(|(x, mass)| p[(x - low) as usize] += mass);
        Marginal { first: low, p }
    }

    /// Probability of counts from `low` to `high`, both included.
    pub fn mass(&self, low: f64, high: f64) -> f64 {
        let from = (low - self.first).max(0.0) as usize;
        let end = (high - self.first + 1.0).clamp(0.0, self.p.len() as f64) as usize;
        self.p.get(from..end.max(from)).map_or(0.0, |p| p.iter().sum())
    }

    /// Normal score of the randomised residual of a count, `Φ⁻¹(F(x - 1) + u p(x))` (Dunn & Smyth 1996), with a uniform `u`.
    pub fn score(&self, x: f64, u: f64) -> f64 {
        let place = x - self.first;
        if place < 0.0 || place >= self.p.len() as f64 {
            return f64::NAN;
        }
        let (below, rest) = self.p.split_at(place as usize);
        let (below, above): (f64, f64) = (below.iter().sum(), rest[1..].iter().sum());
        // From the nearer tail, so that neither loses its digits.
        let (low, high) = (below + u * rest[0], above + (1.0 - u) * rest[0]);
        let tail = low.min(high).clamp(f64::MIN_POSITIVE, 0.5);
        let score = math::normal_quantile(tail);
        if low <= high { score } else { -score }
    }
}

impl CountTransitions<'_> {
    /// What `read` makes of every transition's laws, `read(transition, [species asked for])`; `None` where there is no law at these
    /// parameters. Cost: one pass of [`CountTransitions::log_probability`].
    pub fn each_law<T: Send>(
        &self,
        theta: &[f64],
        pairs: &CountPairs,
        species: &[usize],
        read: &(dyn Fn(usize, &[Marginal]) -> T + Sync),
    ) -> Option<Vec<T>> {
        let Some(line) = &self.line else {
            let of = |i: usize, law: Option<&Snapshot>| {
                let law = law?;
                let one = |s: &usize| Marginal::of((0..law.len()).map(|k| (law.state(k)[*s], law.p[k])));
                Some(read(i, &species.iter().map(one).collect::<Vec<_>>()))
            };
            return self.by_projection(theta, pairs, &of).into_iter().collect();
        };
        let steps = steps(line, pairs)?;
        let along = |law: &Law, i: usize| {
            let one = |s: &usize| {
                let count = |k: usize| steps.base[*s] + ((law.first + k as i64) * line.v[*s]) as f64;
                Marginal::of(law.p().iter().enumerate().map(|(k, p)| (count(k), *p)))
            };
            read(i, &species.iter().map(one).collect::<Vec<_>>())
        };
        line.each(theta, &steps, false, &along).ok()
    }

    /// Normal scores of randomised residuals of some species, `[species][transition]`; NaN where there is no law.
    pub fn normal_scores_of(&self, theta: &[f64], pairs: &CountPairs, species: &[usize]) -> Vec<Vec<f64>> {
        // The same numbers for the same row, whatever the model.
        let keys: Vec<Key> = (0..species.len()).map(|k| Seed(1).key(Purpose::Scores, 0, k as u64)).collect();
        let read = |i: usize, laws: &[Marginal]| -> Vec<f64> {
            let one = |((law, key), s): ((&Marginal, &Key), &usize)| {
                law.score(pairs.to[i][*s], key.stream(i as u64).uniform())
            };
            laws.iter().zip(&keys).zip(species).map(one).collect()
        };
        match self.each_law(theta, pairs, species, &read) {
            Some(rows) => (0..species.len()).map(|s| rows.iter().map(|row| row[s]).collect()).collect(),
            None => vec![vec![f64::NAN; pairs.len()]; species.len()],
        }
    }

    /// Whole transitions of the one species that is seen, and its position; `None` where the counts are no states of the model.
    pub fn whole(&self, theta: &[f64], pairs: &Pairs) -> Option<(usize, CountPairs)> {
        let seen = self.seen.as_ref()?;
        let base = seen.base(self.model, theta)?;
        let states = |x: &[f64]| x.iter().map(|x| seen.state(&base, *x)).collect::<Option<Vec<Vec<f64>>>>();
        Some((seen.species, CountPairs { from: states(&pairs.x0)?, to: states(&pairs.x1)?, dt: pairs.dt.clone() }))
    }
}

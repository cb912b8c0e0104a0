//! How long a leap may be: Cao, Gillespie & Petzold (2006, doi:10.1063/1.2159468), eqs. 24 to 33.
//!
//! No propensity may be expected to change, in mean or standard deviation, by more than a share `epsilon` of the sum: per species that
//! reactions read, `max(epsilon x/g, 1)` bounds its change, with `g` by the highest order of a reaction it takes part in.

use super::chemistry::Chemistry;

/// How often one species takes part in reactions of the highest order that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    species: usize,
    order: u32,
    times: u32,
}

impl Part {
    /// `g` of eq. 27; a law on the tape is taken for one of third order.
    fn g(self, x: f64) -> f64 {
        match (self.order, self.times) {
            (0 | 1, _) => 1.0,
            (2, 0 | 1) => 2.0,
            (2, _) => 2.0 + 1.0 / (x - 1.0).max(1.0),
            (_, 0 | 1) => 3.0,
            (_, 2) => 1.5 * (2.0 + 1.0 / (x - 1.0).max(1.0)),
            _ => 3.0 + 1.0 / (x - 1.0).max(1.0) + 2.0 / (x - 2.0).max(1.0),
        }
    }
}

/// What bounds the leaps of a network.
pub(super) struct Bounds {
    parts: Vec<Part>,
    /// `[reaction]`: species and how many of them it takes, net.
    takes: Vec<Vec<(usize, f64)>>,
}

impl Bounds {
    pub fn new(chemistry: &Chemistry) -> Bounds {
        let n = chemistry.n_species();
        let mut parts: Vec<Option<Part>> = vec![None; n];
        let mut raise = |species: usize, order: u32, times: u32| {
            let part = parts[species].get_or_insert(Part { species, order, times });
            if (order, times) > (part.order, part.times) {
                (part.order, part.times) = (order, times);
            }
        };
        for reaction in &chemistry.network.reactions {
            let order = reaction.reactants.iter().map(|r| r.1).sum();
            reaction.reactants.iter().for_each(|(s, times)| raise(*s, order, *times));
        }
        for s in (0..n).filter(|s| !chemistry.taped_readers.row(*s).is_empty()) {
            raise(s, 3, 1);
        }
        let taken = |r: usize| {
            let changes = chemistry.changes.row(r).iter().filter(|c| c.by < 0.0);
            changes.map(|c| (c.species as usize, -f64::from(c.by))).collect()
        };
        Bounds { parts: parts.into_iter().flatten().collect(), takes: (0..chemistry.laws.len()).map(taken).collect() }
    }

    /// Whether a reaction could use up one of its reactants in fewer than so many times.
    pub fn is_critical(&self, reaction: usize, x: &[f64], times: f64) -> bool {
        self.takes[reaction].iter().any(|(s, by)| x[*s] < times * by)
    }

    /// The longest leap from `x` of reactions with these propensities, those left out at zero; `rates` is room, `[species]` the mean
    /// and variance of its change a unit of time.
    pub fn longest(&self, chemistry: &Chemistry, x: &[f64], a: &[f64], epsilon: f64, rates: &mut [(f64, f64)]) -> f64 {
        rates.fill((0.0, 0.0));
        for (r, a) in a.iter().enumerate().filter(|(_, a)| **a > 0.0) {
            for change in chemistry.changes.row(r) {
                let by = f64::from(change.by);
                let (mean, variance) = &mut rates[change.species as usize];
                *mean += by * a;
                *variance += by * by * a;
            }
        }
        let mut longest = f64::INFINITY;
        for part in &self.parts {
            let s = part.species;
            let (mean, variance) = rates[s];
            if variance > 0.0 {
                let most = (epsilon * x[s] / part.g(x[s])).max(1.0);
                longest = longest.min(most / mean.abs()).min(most * most / variance);
            }
        }
        longest
    }
}

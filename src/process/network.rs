//! Reaction networks: species counted in whole molecules, reactions with propensities, events and rules.

use super::diffusion::Initial;
use super::frame::Frame;
use crate::expr::Id;

/// How repeated reactants are counted in a mass-action propensity, the factor of two on which tools differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// `2 A`: k n (n-1) / 2, the number of unordered pairs.
    Combinations,
    /// `2 A`: k n (n-1), the number of ordered pairs.
    Ordered,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Species {
    pub name: String,
    pub unit: String,
    pub initial: Initial,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    pub name: String,
    /// As the file writes it, e.g. `2 A -> A2`.
    pub equation: String,
    /// (species, how many) on each side.
    pub reactants: Vec<(usize, u32)>,
    pub products: Vec<(usize, u32)>,
    /// The rate constant of a mass-action reaction; `None` where the file gives the whole law.
    pub rate: Option<Id>,
    /// Probability per time that the reaction happens, in molecule counts.
    pub propensity: Id,
    /// The same law as a rate of the deterministic equations: for mass action `k Ω^(1-m) Π xᵐ` without the `n-1`, otherwise the
    /// propensity itself.
    pub macroscopic: Id,
}

impl Reaction {
    /// Net change of each species that changes.
    pub fn change(&self) -> Vec<(usize, i64)> {
        let mut net: Vec<(usize, i64)> = Vec::new();
        let signed = self.reactants.iter().map(|(s, n)| (*s, -i64::from(*n)));
        for (species, n) in signed.chain(self.products.iter().map(|(s, n)| (*s, i64::from(*n)))) {
            match net.iter_mut().find(|(s, _)| *s == species) {
                Some((_, sum)) => *sum += n,
                None => net.push((species, n)),
            }
        }
        net.retain(|(_, n)| *n != 0);
        net.sort_unstable();
        net
    }
}

/// Something that happens to the state when a condition becomes true.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// True where not zero.
    pub when: Id,
    /// The time it fires, in parameters, where the condition is `t >= …`.
    pub at: Option<Id>,
    /// (species, new value) in the state before the event.
    pub after: Vec<(usize, Id)>,
}

/// A named expression of the state, reported beside the species.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub name: String,
    pub value: Id,
}

/// A network of reactions among species.
#[derive(Debug, Clone)]
pub struct Network {
    pub frame: Frame,
    pub species: Vec<Species>,
    pub reactions: Vec<Reaction>,
    pub counting: Counting,
    /// System size Ω, in the parameters.
    pub volume: Id,
    pub events: Vec<Event>,
    pub rules: Vec<Rule>,
    /// Times at which propensities jump, in the parameters.
    pub breaks: Vec<Id>,
}

//! The chemical Langevin equation of a network: the first two terms of its Kramers-Moyal expansion.
//!
//! `dXᵢ = Σᵣ νᵢᵣ aᵣ(X) dt + Σᵣ νᵢᵣ √aᵣ(X) dWᵣ` (Gillespie 2000, doi:10.1063/1.481811, eq. 23), one noise a reaction, counts as
//! real numbers on `[0, ∞)`. An approximation: right to `O(1/√Ω)` in the bulk, wrong at a few molecules, where the equation is not
//! even defined beyond zero (the ends are those of [`Boundary::Auto`]), and in rare switching.

use super::diffusion::{Boundary, Diffusion, Initial, State};
use super::frame::Frame;
use super::network::{Network, Reaction};
use super::rebuild::rebuild;
use crate::expr::{Binary, Id, Pool, Unary};

/// Why a network with events has no Langevin equation, in words.
pub const HAS_EVENTS: &str = "it has events, which a diffusion does not know";
/// Why a network's Langevin equation is not one-dimensional, in words.
pub const NOT_ONE_DIMENSIONAL: &str = "its Langevin equation has more than one independent species";

impl Network {
    /// The chemical Langevin equation `dXᵢ = Σᵣ νᵢᵣ aᵣ(X) dt + Σᵣ νᵢᵣ √aᵣ(X) dWᵣ` (Gillespie 2000, eq. 23), Itô, in counts of molecules
    /// as real numbers. In one independent species where conservation laws leave one and their totals are known numbers, otherwise in all
    /// species (the conserved sums then stay by themselves).
    ///
    /// Right to `O(1/√Ω)` in the bulk. Not for a few molecules, nor for rare switching: ask the master equation or exact paths.
    ///
    /// # Errors
    /// Why there is none, in words: events, or members that are no counts.
    pub fn langevin(&self) -> Result<Diffusion, String> {
        if !self.events.is_empty() {
            return Err(HAS_EVENTS.to_string());
        }
        if let Some(why) = self.beyond_counts() {
            return Err(why);
        }
        let others_are_numbers = |keep: usize| {
            self.species.iter().enumerate().all(|(i, s)| {
                let alone = self.species.len() == 1;
                matches!(s.initial, Initial::Value(_)) || (alone && i == keep)
            })
        };
        match self.direction().and_then(|(v, _)| v.iter().position(|n| *n != 0)) {
            Some(keep) if others_are_numbers(keep) => self.along(keep, None),
            _ => Ok(self.langevin_in_all_species()),
        }
    }

    /// The Langevin equation of one species of a network that moves in one direction, the others by their conservation laws from the
    /// state `start`, `[species]`, in molecules; as [`Network::langevin`] otherwise.
    ///
    /// # Errors
    /// Why there is none, in words: events, members that are no counts, more than one independent species, a species that never changes.
    pub fn langevin_along(&self, species: usize, start: &[f64]) -> Result<Diffusion, String> {
        if !self.events.is_empty() {
            return Err(HAS_EVENTS.to_string());
        }
        if let Some(why) = self.beyond_counts() {
            return Err(why);
        }
        self.along(species, Some(start))
    }

    /// One noise a reaction, every species a state: events are not looked at.
    pub(crate) fn langevin_in_all_species(&self) -> Diffusion {
        let mut frame = self.frame.clone();
        let pool = &mut frame.pool;
        let (zero, one) = (pool.number(0.0), pool.number(1.0));
        let n = self.reactions.len();
        let mut drift = vec![zero; self.species.len()];
        let mut diffusion = vec![vec![zero; n]; self.species.len()];
        for (r, reaction) in self.reactions.iter().enumerate() {
            let shaken = under_root(pool, reaction, reaction.propensity);
            let root = pool.unary(Unary::Sqrt, shaken);
            for (s, change) in reaction.change() {
                drift[s] = moved(pool, drift[s], change as f64, reaction.propensity);
                diffusion[s][r] = pool.scale(change as f64, root);
            }
        }
        let states = self.species.iter().map(|s| State {
            name: s.name.clone(),
            unit: s.unit.clone(),
            lower: 0.0,
            upper: f64::INFINITY,
            boundary: Boundary::Auto,
            initial: Some(s.initial.clone()),
        });
        Diffusion {
            states: states.collect(),
            drift,
            noises: (0..n).map(|r| format!("w{}", r + 1)).collect(),
            diffusion,
            correlation: (0..n).map(|k| (0..n).map(|l| if k == l { one } else { zero }).collect()).collect(),
            jumps: Vec::new(),
            breaks: self.breaks.clone(),
            frame,
        }
    }

    /// One species `k` with `x_j = x_j(0) + v_j/v_k (x_k - x_k(0))` for the others; noises merged into one.
    fn along(&self, keep: usize, start: Option<&[f64]>) -> Result<Diffusion, String> {
        let (v, steps) = self.direction().ok_or(NOT_ONE_DIMENSIONAL)?;
        if v[keep] == 0 {
            return Err(format!("no reaction changes {}", self.species[keep].name));
        }
        let mut map = Reduced::new(self, keep, &v, start)?;
        let pool = &mut map.frame.pool;
        let (mut drift, mut variance) = (pool.number(0.0), pool.number(0.0));
        for (reaction, step) in self.reactions.iter().zip(&steps).filter(|(_, step)| **step != 0) {
            let propensity = transplant(&self.frame.pool, reaction.propensity, pool)?;
            let change = (step * v[keep]) as f64;
            drift = moved(pool, drift, change, propensity);
            let shaken = under_root(pool, reaction, propensity);
            let spread = pool.scale(change * change, shaken);
            variance = pool.add(variance, spread);
        }
        let b = pool.unary(Unary::Sqrt, variance);
        let one = pool.number(1.0);
        let breaks = self.breaks.iter().map(|b| transplant(&self.frame.pool, *b, pool)).collect::<Result<_, _>>()?;
        let species = &self.species[keep];
        let [lower, upper] = map.domain;
        let state = State {
            name: species.name.clone(),
            unit: species.unit.clone(),
            lower,
            upper,
            boundary: Boundary::Auto,
            initial: map.initial,
        };
        Ok(Diffusion {
            frame: map.frame,
            states: vec![state],
            drift: vec![drift],
            noises: vec!["w".to_string()],
            diffusion: vec![vec![b]],
            correlation: vec![vec![one]],
            jumps: Vec::new(),
            breaks,
        })
    }
}

/// The symbols of one kept species, the others defined by it.
struct Reduced {
    frame: Frame,
    domain: [f64; 2],
    initial: Option<Initial>,
}

impl Reduced {
    fn new(network: &Network, keep: usize, v: &[i64], start: Option<&[f64]>) -> Result<Reduced, String> {
        let old = &network.frame;
        let params = &old.pool.symbols()[old.param(0)..old.param(0) + old.n_params];
        let name = network.species[keep].name.as_str();
        let mut frame = Frame::new([name], params.iter().map(String::as_str));
        let pool = &mut frame.pool;
        let begin = |pool: &mut Pool, i: usize| -> Result<Option<Id>, String> {
            match (start, &network.species[i].initial) {
                (Some(x), _) => Ok(Some(pool.number(x[i]))),
                (None, Initial::Value(id)) => transplant(&old.pool, *id, pool).map(Some),
                (None, _) => Ok(None),
            }
        };
        let kept = begin(pool, keep)?;
        let mut domain = [0.0, f64::INFINITY];
        for i in (0..network.species.len()).filter(|i| *i != keep) {
            let first = begin(pool, i)?;
            let Some((first, kept)) = first.zip(kept) else {
                return Err(format!("the total of {} and others is random", network.species[i].name));
            };
            let slope = v[i] as f64 / v[keep] as f64;
            let x = pool.symbol(name).ok_or(NOT_ONE_DIMENSIONAL)?;
            // x_i = (x_i(0) - slope x_k(0)) + slope x_k: the total first, so that numbers fold into one.
            let part = pool.scale(slope, kept);
            let total = pool.sub(first, part);
            let moved = pool.scale(slope, x);
            let other = pool.add(total, moved);
            pool.define(&network.species[i].name, other);
            if let (Some(total), true) = (pool.constant(total), slope != 0.0) {
                let end = -total / slope;
                let [lower, upper] = &mut domain;
                if slope > 0.0 { *lower = lower.max(end) } else { *upper = upper.min(end) }
            }
        }
        let initial = match (start, &network.species[keep].initial) {
            (None, Initial::Law(law)) => {
                let arguments = law.arguments.iter().map(|a| transplant(&old.pool, *a, pool));
                let mut law = law.clone();
                law.arguments = arguments.collect::<Result<_, _>>()?;
                Some(Initial::Law(law))
            }
            (None, Initial::Stationary) => Some(Initial::Stationary),
            _ => kept.map(Initial::Value),
        };
        Ok(Reduced { frame, domain, initial })
    }
}

/// The same expression in another pool, where the names of the first mean what that pool says.
pub(crate) fn transplant(from: &Pool, id: Id, to: &mut Pool) -> Result<Id, String> {
    let mut named = |to: &mut Pool, s: usize| {
        let name = &from.symbols()[s];
        let known = to.symbol(name).map_or_else(|| to.parse(name, "the Langevin equation").ok(), Some);
        known.unwrap_or_else(|| to.number(f64::NAN))
    };
    Ok(rebuild(from, id, to, &mut named))
}

/// `sum + change * a`, as a person would write it.
pub(super) fn moved(pool: &mut Pool, sum: Id, change: f64, a: Id) -> Id {
    let part = pool.scale(change.abs(), a);
    if change < 0.0 { pool.sub(sum, part) } else { pool.add(sum, part) }
}

/// The propensity as a variance. Counts that are real numbers make `n (n-1)` negative below one: nothing is drawn there.
fn under_root(pool: &mut Pool, reaction: &Reaction, propensity: Id) -> Id {
    let never_negative = reaction.rate.is_some() && reaction.reactants.iter().all(|(_, count)| *count == 1);
    if never_negative {
        return propensity;
    }
    let zero = pool.number(0.0);
    pool.binary(Binary::Max, propensity, zero)
}

//! Reaction networks: species counted in whole molecules, reactions with propensities, events and rules.

use super::diffusion::Initial;
use super::distribution::Distribution;
use super::frame::{Frame, symbol};
use crate::expr::{Binary, Id, Node};

/// How repeated reactants are counted in a mass-action propensity, the factor of two on which tools differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// `2 A`: k n (n-1) / 2, the number of unordered pairs.
    Combinations,
    /// `2 A`: k n (n-1), the number of ordered pairs.
    Ordered,
}

/// What the number of a member means, and so what may move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Whole molecules, which reactions take and make; never below zero.
    Count,
    /// Any number: a quantity that events or [`Network::rates`] move, such as a rate constant or the size of a compartment.
    Real,
}

/// A member of the state: a species, or a quantity that moves beside the species.
#[derive(Debug, Clone, PartialEq)]
pub struct Species {
    /// The symbol that expressions and equations use.
    pub name: String,
    /// Unit as the file writes it; "molecules" for a count, "1" for a real member unless it says otherwise.
    pub unit: String,
    /// In words; empty where the file says nothing.
    pub meaning: String,
    /// Where it starts; zero where the file does not say.
    pub initial: Initial,
    /// Whether it is counted or real.
    pub amount: Amount,
}

/// One reaction: what it takes and makes, and how fast it happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// Its name in the file, or `reaction 3` for the third without one.
    pub name: String,
    /// As the file writes it, e.g. `2 A -> A2`.
    pub equation: String,
    /// What it takes: (species, how many).
    pub reactants: Vec<(usize, u32)>,
    /// What it makes: (species, how many).
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
    /// Net change of each species that a reaction changes, (species, molecules), by species: products less reactants.
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

/// A random number of an event's assignments, drawn anew each time they are evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Position of the symbol that stands for it.
    pub symbol: usize,
    /// What it is drawn from, its arguments in the state and parameters.
    pub law: Distribution,
    /// Lower and upper end of a truncated law.
    pub between: Option<(Id, Id)>,
}

/// Something that happens to the state when a condition becomes true (SBML Level 3 Version 2, section 4.12).
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name in the file; empty where it has none.
    pub name: String,
    /// The condition, in state, time and parameters: true where it is not zero. The event happens when it becomes true, not while it is.
    pub when: Id,
    /// The time it fires, in parameters, where the condition is `t >= …`.
    pub at: Option<Id>,
    /// What the condition is taken to have been before the start: where false, an event whose condition holds at the start happens
    /// there.
    pub initially: bool,
    /// Time from the condition to the assignments; `None` is at once.
    pub delay: Option<Id>,
    /// Of events that are due at one time the highest goes first, ties by chance; those without follow, in the order of the file.
    pub priority: Option<Id>,
    /// Whether it still happens where its condition became false again before it was its turn.
    pub persistent: bool,
    /// When the new values are computed.
    pub values: ValuesFrom,
    /// The random numbers of `after`.
    pub draws: Vec<Draw>,
    /// (member, new value) in the state before the event.
    pub after: Vec<(usize, Id)>,
}

/// From which state an event computes its new values: they differ where it is delayed or waits for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValuesFrom {
    /// When the condition became true.
    Trigger,
    /// When the values are assigned.
    Execution,
}

impl Event {
    /// An event that sets `after` at once when `when` becomes true; one without a known time `at` does not happen at the start, though it hold there.
    pub fn plain(when: Id, at: Option<Id>, after: Vec<(usize, Id)>) -> Event {
        Event {
            name: String::new(),
            when,
            at,
            initially: at.is_none(),
            delay: None,
            priority: None,
            persistent: false,
            values: ValuesFrom::Execution,
            draws: Vec::new(),
            after,
        }
    }
}

/// The threshold of `t >= T` and `t > T`, `T` in parameters alone: such a condition becomes true at a known time.
pub fn known_time(frame: &Frame, when: Id) -> Option<Id> {
    let Node::Binary(Binary::Less | Binary::LessEqual, threshold, clock) = frame.pool.node(when) else { return None };
    let is_clock = frame.pool.node(clock) == Node::Symbol(symbol::TIME as u32);
    let is_fixed = !frame.varies(threshold) && !frame.is_timed(threshold);
    (is_clock && is_fixed).then_some(threshold)
}

/// A named expression of the state, without error, reported beside the species.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The word that reports and columns call it by.
    pub name: String,
    /// In species, time and parameters.
    pub value: Id,
}

/// A network of reactions among species that are counted in whole molecules: a Markov jump process in which reaction `r` adds its stoichiometry
/// at the rate of its propensity. Events and members that are real numbers stand beside the reactions.
#[derive(Debug, Clone)]
pub struct Network {
    /// The symbols, the members as variables, and the pool of all expressions.
    pub frame: Frame,
    /// The members of the state, in the order of the file; `[species]` everywhere follows it.
    pub species: Vec<Species>,
    /// The reactions, in the order of the file; `[reaction]` everywhere follows it.
    pub reactions: Vec<Reaction>,
    /// How repeated reactants of mass action are counted.
    pub counting: Counting,
    /// System size Ω, in the parameters.
    pub volume: Id,
    /// What happens at conditions, beside the reactions.
    pub events: Vec<Event>,
    /// What is read off the state without error.
    pub rules: Vec<Rule>,
    /// (real member, its rate of change) in state, time and parameters.
    pub rates: Vec<(usize, Id)>,
    /// Times at which propensities jump, in the parameters.
    pub breaks: Vec<Id>,
}

impl Network {
    /// Why the state is not made of counts that only reactions and events move, if so: what forms of counts cannot answer.
    pub fn beyond_counts(&self) -> Option<String> {
        let moved = |s: usize| {
            self.rates.iter().any(|(m, _)| *m == s) || self.events.iter().any(|e| e.after.iter().any(|(m, _)| *m == s))
        };
        let real = self.species.iter().position(|s| s.amount == Amount::Real)?;
        let name = &self.species[real].name;
        Some(match self.rates.iter().any(|(m, _)| *m == real) {
            true => format!("its member '{name}' is a real number that moves at a rate of its own"),
            false if moved(real) => format!("its member '{name}' is a real number that events change"),
            false => format!("its member '{name}' is a real number, not a count of molecules"),
        })
    }

    /// The first reaction that changes a real member, which no molecule can; with the member.
    pub fn reacting_real(&self) -> Option<(&Reaction, &Species)> {
        let real = |r: &Reaction| r.change().iter().map(|(s, _)| *s).find(|s| self.species[*s].amount == Amount::Real);
        self.reactions.iter().find_map(|r| Some((r, &self.species[real(r)?])))
    }
}

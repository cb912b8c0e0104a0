//! A network compiled at one parameter value: what every sampler reads and none changes.
//!
//! Mass action up to third order with a rate free of time is evaluated by [`Law`]; every other law runs on a tape. All lists are flat,
//! a row after another. Memory grows with the network and not with paths.

use super::super::super::counts::{self, Timing};
use super::mass_action::{Law, laws};
use crate::base::Result;
use crate::expr::{Id, Node, Pool, Scratch, Tape};
use crate::models::Model;
use crate::process::{Network, symbol};
use std::collections::HashSet;

/// Rows of different lengths, one after another.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows<T> {
    from: Vec<u32>,
    items: Vec<T>,
}

impl<T> Rows<T> {
    pub fn of<R: IntoIterator<Item = T>>(rows: impl IntoIterator<Item = R>) -> Rows<T> {
        let mut all = Rows { from: vec![0], items: Vec::new() };
        for row in rows {
            all.items.extend(row);
            all.from.push(all.items.len() as u32);
        }
        all
    }

    #[inline(always)]
    pub fn row(&self, i: usize) -> &[T] {
        &self.items[self.from[i] as usize..self.from[i + 1] as usize]
    }

    pub fn len(&self) -> usize {
        self.from.len() - 1
    }
}

/// A change of one count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Change {
    pub species: u32,
    pub by: f32,
}

pub(super) struct Chemistry<'a> {
    pub model: &'a Model,
    pub network: &'a Network,
    pub timing: Timing,
    /// `[reaction]`; [`Law::elsewhere`] where the law is on the tape.
    pub laws: Vec<Law>,
    /// `[reaction]`
    pub changes: Rows<Change>,
    /// `[species]`: reactions evaluated by [`Law`] that read it.
    pub readers: Rows<u32>,
    /// Reactions whose law is on the tape, in order; `[place]`.
    pub by_tape: Vec<u32>,
    /// `[species]`: places in `by_tape` of the laws that read it.
    pub taped_readers: Rows<u32>,
    /// All of them at once, and each alone.
    pub tape: Tape,
    each: Vec<Tape>,
    /// Values of the symbols that are not species.
    pub symbols: Vec<f64>,
}

impl<'a> Chemistry<'a> {
    pub fn new(model: &'a Model, network: &'a Network, theta: &[f64], t0: f64) -> Chemistry<'a> {
        let (frame, n) = (&network.frame, network.species.len());
        let found = laws(network, theta, t0);
        let one = Law::one(network);
        let by_tape: Vec<u32> = (0..found.len()).filter(|r| found[*r].is_none()).map(|r| r as u32).collect();
        let laws: Vec<Law> = found.into_iter().map(|law| law.unwrap_or(Law::elsewhere(one))).collect();
        let mut readers = vec![Vec::new(); n];
        for (r, law) in laws.iter().enumerate() {
            law.reads(one).for_each(|s| readers[s as usize].push(r as u32));
        }
        let ids: Vec<Id> = by_tape.iter().map(|r| network.reactions[*r as usize].propensity).collect();
        let mut taped_readers = vec![Vec::new(); n];
        for (place, id) in ids.iter().enumerate() {
            species_of(&frame.pool, *id, n).into_iter().for_each(|s| taped_readers[s].push(place as u32));
        }
        let lanes: Vec<usize> = (0..n).map(|s| frame.variable(s)).collect();
        let change = |(species, by): (usize, i64)| Change { species: species as u32, by: by as f32 };
        Chemistry {
            timing: counts::timing(network),
            changes: Rows::of(network.reactions.iter().map(|r| r.change().into_iter().map(change).collect::<Vec<_>>())),
            readers: Rows::of(readers),
            taped_readers: Rows::of(taped_readers),
            tape: Tape::compile(&frame.pool, &ids, &lanes),
            each: ids.iter().map(|id| Tape::compile(&frame.pool, &[*id], &lanes)).collect(),
            symbols: frame.symbols(theta, t0),
            laws,
            by_tape,
            model,
            network,
        }
    }

    pub fn n_species(&self) -> usize {
        self.network.species.len()
    }

    /// Room for a state: its counts, then the one of [`Law::one`].
    pub fn state(&self) -> Vec<f64> {
        let mut x = vec![0.0; self.n_species() + 1];
        x[self.n_species()] = 1.0;
        x
    }

    /// The laws on the tape in state `x` at `time`, written into `a[reaction]`.
    ///
    /// # Errors
    /// [`crate::base::Error::NonFiniteCoefficient`] for a propensity that is negative or no number.
    pub fn run_tape(&self, taped: &mut Taped, x: &[f64], time: f64, a: &mut [f64]) -> Result<()> {
        if self.by_tape.is_empty() {
            return Ok(());
        }
        self.bind(taped, time);
        taped.out.resize(self.by_tape.len(), 0.0);
        self.tape.run_one(x, &mut taped.out, &mut taped.scratch);
        for (r, value) in self.by_tape.iter().zip(&taped.out) {
            a[*r as usize] = *value;
            if !(*value >= 0.0 && *value < f64::INFINITY) {
                self.check(a, x, time)?;
            }
        }
        Ok(())
    }

    /// Bound again only where the clock is read.
    fn bind(&self, taped: &mut Taped, time: f64) {
        if taped.bound == Some(time) || (self.timing == Timing::Constant && taped.bound.is_some()) {
            return;
        }
        taped.symbols.clone_from(&self.symbols);
        taped.symbols[symbol::TIME] = time;
        self.tape.bind(&taped.symbols, &mut taped.scratch);
        taped.each.resize(self.each.len(), Scratch::default());
        self.each.iter().zip(&mut taped.each).for_each(|(tape, scratch)| tape.bind(&taped.symbols, scratch));
        taped.bound = Some(time);
    }

    /// One law on the tape, by its place in `by_tape`, between the times at which laws jump.
    ///
    /// # Errors
    /// As [`Chemistry::run_tape`].
    pub fn taped(&self, place: usize, taped: &mut Taped, x: &[f64], time: f64) -> Result<f64> {
        let mut a = [0.0];
        self.each[place].run_one(x, &mut a, &mut taped.each[place]);
        if a[0] >= 0.0 && a[0] < f64::INFINITY {
            return Ok(a[0]);
        }
        let mut all = vec![0.0; self.laws.len()];
        all[self.by_tape[place] as usize] = a[0];
        self.check(&all, x, time)?;
        Ok(a[0])
    }

    /// All propensities in state `x` at `time`.
    ///
    /// # Errors
    /// As [`Chemistry::run_tape`].
    pub fn all(&self, taped: &mut Taped, x: &[f64], time: f64, a: &mut [f64]) -> Result<()> {
        a.iter_mut().zip(&self.laws).for_each(|(a, law)| *a = law.at(x));
        self.run_tape(taped, x, time, a)?;
        self.check(a, x, time)
    }

    /// Refuse propensities that are negative or no numbers.
    ///
    /// # Errors
    /// [`crate::base::Error::NonFiniteCoefficient`] naming reaction, state and time.
    pub fn check(&self, a: &[f64], x: &[f64], time: f64) -> Result<()> {
        counts::check_propensities(self.model, self.network, &a[..self.laws.len()], &x[..self.n_species()], time)
    }

    /// Apply a reaction to a state.
    ///
    /// # Errors
    /// [`crate::base::Error::ModelInvalid`] where it uses molecules that are not there; the state is left as it was.
    #[inline(always)]
    pub fn happen(&self, reaction: usize, x: &mut [f64], time: f64) -> Result<()> {
        let mut least = 0.0f64;
        for change in self.changes.row(reaction) {
            let n = &mut x[change.species as usize];
            *n += f64::from(change.by);
            least = least.min(*n);
        }
        if least < 0.0 { Err(self.undone(reaction, x, time)) } else { Ok(()) }
    }

    /// Take a reaction back that used molecules which are not there, and say so.
    #[cold]
    pub fn undone(&self, reaction: usize, x: &mut [f64], time: f64) -> crate::base::Error {
        for change in self.changes.row(reaction) {
            x[change.species as usize] -= f64::from(change.by);
        }
        counts::below_zero(self.model, self.network, reaction, &x[..self.n_species()], time)
    }
}

/// What a thread needs to run the tape.
#[derive(Debug, Clone, Default)]
pub(super) struct Taped {
    scratch: Scratch,
    each: Vec<Scratch>,
    symbols: Vec<f64>,
    out: Vec<f64>,
    bound: Option<f64>,
}

/// The species an expression reads.
fn species_of(pool: &Pool, id: Id, n: usize) -> Vec<usize> {
    let (mut seen, mut left, mut found) = (HashSet::new(), vec![id], Vec::new());
    while let Some(id) = left.pop() {
        if !seen.insert(id.index()) {
            continue;
        }
        match pool.node(id) {
            Node::Symbol(s) => found.extend((s as usize).checked_sub(symbol::STATE).filter(|s| *s < n)),
            node => left.extend(node.children()),
        }
    }
    found.sort_unstable();
    found
}

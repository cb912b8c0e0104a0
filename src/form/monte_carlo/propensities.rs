//! Propensities of a network along a path: all of them, or only those that a reaction changed.
//!
//! Mass action with a constant rate is counted directly; other laws run on tapes, one for each reaction with the laws it changes.
//! [`Propensities::plain`] evaluates everything by its expression and is the oracle of the rest.

use super::super::counts::{self, Timing};
use crate::base::Result;
use crate::expr::{Id, Scratch, Tape};
use crate::models::Model;
use crate::process::{Network, Reaction, symbol};

/// `k Π n (n-1) …`, `k` with volume and factorials in it.
struct MassAction {
    k: f64,
    reactants: Vec<(usize, u32)>,
}

impl MassAction {
    fn at(&self, x: &[f64]) -> f64 {
        let mut a = self.k;
        for (species, count) in &self.reactants {
            let n = x[*species];
            a *= n;
            for j in 1..*count {
                a *= n - f64::from(j);
            }
        }
        a
    }
}

/// Reactions to recompute after one has happened: those counted directly, and those on a tape of their own.
struct Affected {
    direct: Vec<usize>,
    by_tape: Vec<usize>,
    tape: Tape,
}

/// The propensities of a network at one parameter value.
pub(super) struct Propensities<'a> {
    model: &'a Model,
    network: &'a Network,
    pub timing: Timing,
    /// `[reaction]` (species, change)
    pub changes: Vec<Vec<(usize, f64)>>,
    /// `[reaction]`; `None` for laws that are not mass action with a constant rate.
    direct: Vec<Option<MassAction>>,
    affected: Vec<Affected>,
    all: Tape,
    symbols: Vec<f64>,
}

/// Propensities in one state, and what one thread needs to bring them up to date.
pub(super) struct Present {
    /// `[reaction]`
    pub a: Vec<f64>,
    out: Vec<f64>,
    symbols: Vec<f64>,
    all: Scratch,
    affected: Vec<Scratch>,
}

impl<'a> Propensities<'a> {
    pub fn new(model: &'a Model, network: &'a Network, theta: &[f64], t0: f64) -> Propensities<'a> {
        let frame = &network.frame;
        let lanes: Vec<usize> = (0..network.species.len()).map(|s| frame.variable(s)).collect();
        let propensities: Vec<Id> = network.reactions.iter().map(|r| r.propensity).collect();
        let direct: Vec<Option<MassAction>> =
            network.reactions.iter().map(|r| mass_action(network, r, theta, t0)).collect();
        let reads = |r: usize, s: usize| frame.pool.depends_on(propensities[r], frame.variable(s));
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); network.species.len()];
        for (r, direct) in direct.iter().enumerate() {
            match direct {
                Some(law) => law.reactants.iter().for_each(|(s, _)| readers[*s].push(r)),
                None => (0..network.species.len()).filter(|s| reads(r, *s)).for_each(|s| readers[s].push(r)),
            }
        }
        let changes: Vec<Vec<(usize, f64)>> =
            network.reactions.iter().map(|r| r.change().into_iter().map(|(s, n)| (s, n as f64)).collect()).collect();
        let affected = changes.iter().map(|change: &Vec<(usize, f64)>| {
            let mut touched: Vec<usize> = change.iter().flat_map(|(s, _)| readers[*s].iter().copied()).collect();
            touched.sort_unstable();
            touched.dedup();
            let (by_count, by_tape): (Vec<usize>, Vec<usize>) = touched.into_iter().partition(|r| direct[*r].is_some());
            let ids: Vec<Id> = by_tape.iter().map(|r| propensities[*r]).collect();
            Affected { direct: by_count, by_tape, tape: Tape::compile(&frame.pool, &ids, &lanes) }
        });
        let affected = affected.collect();
        Propensities {
            timing: counts::timing(network),
            changes,
            direct,
            affected,
            all: Tape::compile(&frame.pool, &propensities, &lanes),
            symbols: frame.symbols(theta, t0),
            model,
            network,
        }
    }

    /// Nothing evaluated yet.
    pub fn present(&self, t0: f64) -> Present {
        let n = self.changes.len();
        let mut present = Present {
            a: vec![0.0; n],
            out: vec![0.0; n],
            symbols: self.symbols.clone(),
            all: Scratch::default(),
            affected: self.affected.iter().map(|_| Scratch::default()).collect(),
        };
        self.bind(&mut present, t0);
        present
    }

    /// All in state `x`, at a time whose coefficients may differ from those before.
    ///
    /// # Errors
    /// [`crate::base::Error::NonFiniteCoefficient`] for a propensity that is negative or no number, as everywhere here.
    pub fn refresh(&self, w: &mut Present, x: &[f64], now: f64) -> Result<()> {
        if self.timing != Timing::Constant {
            self.bind(w, now);
        }
        self.plain(w, x, now)?;
        for (a, law) in w.a.iter_mut().zip(&self.direct) {
            if let Some(law) = law {
                *a = law.at(x);
            }
        }
        Ok(())
    }

    /// Those that `reaction` changed, in the state `x` after it.
    pub fn update(&self, w: &mut Present, reaction: usize, x: &[f64], now: f64) -> Result<()> {
        let affected = &self.affected[reaction];
        for r in &affected.direct {
            if let Some(law) = &self.direct[*r] {
                w.a[*r] = law.at(x);
            }
        }
        // With smooth timing everything was just recomputed for the choice, and will be for the next.
        if !affected.by_tape.is_empty() && self.timing != Timing::Smooth {
            let out = &mut w.out[..affected.by_tape.len()];
            affected.tape.run_one(x, out, &mut w.affected[reaction]);
            for (r, a) in affected.by_tape.iter().zip(out.iter()) {
                w.a[*r] = *a;
                if !(*a >= 0.0 && *a < f64::INFINITY) {
                    return counts::check_propensities(self.model, self.network, &w.a, x, now);
                }
            }
        }
        Ok(())
    }

    /// All in state `x` at `time`, and their sum.
    pub fn total(&self, w: &mut Present, x: &[f64], time: f64) -> Result<f64> {
        w.symbols[symbol::TIME] = time;
        self.plain(w, x, time)?;
        Ok(w.a.iter().sum())
    }

    /// All by their expressions.
    fn plain(&self, w: &mut Present, x: &[f64], now: f64) -> Result<()> {
        if self.timing != Timing::Constant {
            self.all.bind(&w.symbols, &mut w.all);
        }
        self.all.run_one(x, &mut w.a, &mut w.all);
        counts::check_propensities(self.model, self.network, &w.a, x, now)
    }

    fn bind(&self, w: &mut Present, now: f64) {
        w.symbols[symbol::TIME] = now;
        self.all.bind(&w.symbols, &mut w.all);
        for (affected, scratch) in self.affected.iter().zip(&mut w.affected) {
            affected.tape.bind(&w.symbols, scratch);
        }
    }
}

/// The direct law of a reaction with mass action and a rate that does not change with time.
fn mass_action(network: &Network, reaction: &Reaction, theta: &[f64], t0: f64) -> Option<MassAction> {
    let rate = reaction.rate?;
    if network.frame.is_timed(rate) {
        return None;
    }
    // The propensity at n = count is k Ω^(1-m) times the factorials, or one under `combinations`: read it off there.
    let mut symbols = network.frame.symbols(theta, t0);
    let mut ways = 1.0;
    for s in 0..network.species.len() {
        symbols[network.frame.variable(s)] = 0.0;
    }
    for (s, count) in &reaction.reactants {
        symbols[network.frame.variable(*s)] = f64::from(*count);
        ways *= (1..=*count).map(f64::from).product::<f64>();
    }
    let k = network.frame.pool.eval(reaction.propensity, &symbols) / ways;
    (k >= 0.0 && k.is_finite()).then(|| MassAction { k, reactants: reaction.reactants.clone() })
}

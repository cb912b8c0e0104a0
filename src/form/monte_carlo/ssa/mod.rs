//! Simulation of reaction networks: exact by the direct method and by rejection, approximate by leaps.
//!
//! `chemistry` is the network compiled, `mass_action` its common law; `path` has stops and events and carries a state by a
//! [`path::Sampler`]: `direct` on `sums`, or `lanes` for many paths at once; `smooth` for laws in time; `rejection` on `sums` or
//! on the groups of `composition` for large networks; `tau` leaps, as far as `leap` says. `choose` says which, `engine` has them
//! behind one door, `summary` keeps no paths.
//!
//! Every path has its own Philox stream, so the bytes do not depend on threads.

mod chemistry;
mod choose;
mod composition;
mod direct;
mod draws;
mod engine;
mod lanes;
mod leap;
mod mass_action;
mod path;
mod rejection;
mod smooth;
mod summary;
mod sums;
mod tau;
#[cfg(test)]
mod tests;

use super::super::Question;
use super::super::counts;
use super::{agenda, require_room};
use crate::base::rng::Key;
use crate::base::{Error, Result};
use crate::models::Model;
use crate::predictive::{Ensemble, Predictive};
use crate::process::{Network, Process};
use chemistry::Chemistry;
pub use choose::Method;
use engine::Engine;
use path::Course;
pub use path::Tally;
use rayon::prelude::*;
pub use summary::{Summarised, can_summarise, simulate_summary};

/// A simulation of a network: from where, to which times, how many paths, and by which method.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// `[parameter]` in the order of the model, natural units.
    pub theta: &'a [f64],
    /// `[species]`; empty: as the file says, laws drawn for each path.
    pub start: &'a [f64],
    /// Time of the start, in the model's unit.
    pub t0: f64,
    /// Output times, increasing, after `t0`.
    pub times: &'a [f64],
    /// How many are simulated.
    pub paths: usize,
    /// Names the random numbers, a stream for each path.
    pub key: Key,
    /// Reactions one path may have; `None` shares some 2e10 among the paths.
    pub most_events: Option<u64>,
    /// Exact, or by leaps.
    pub method: Method,
    /// By what share propensities may change in a leap; `None`: 0.03 (Cao, Gillespie & Petzold 2006). Other methods do not read it.
    pub epsilon: Option<f64>,
}

/// Counts of simulated paths, and what the simulation did.
#[derive(Debug, Clone)]
pub struct Counts {
    /// `[time][species][path]`
    pub states: Vec<Vec<Vec<f64>>>,
    /// Reactions in all paths.
    pub events: u64,
    /// What else was done.
    pub tally: Tally,
    /// How it was simulated, never [`Method::Auto`], and why so.
    pub method: Method,
    /// Half a sentence, without a full stop.
    pub why: String,
}

/// Simulate paths of a network, exactly unless the method leaps, and keep their counts at the output times. The bytes do not depend on threads.
///
/// Cost: of small networks some 12 ns a reaction in ensembles and 35 ns alone; of large ones 60 to 600 ns (AMD EPYC, one core).
///
/// # Errors
/// [`Error::FormUnavailable`] where the model is no network, a reaction changes a real number, or the method asked for cannot follow its laws or
/// events; [`Error::NonFiniteCoefficient`] naming reaction, state and time where a propensity is negative or no number; [`Error::BadOption`] for an
/// `epsilon` that is no share or a start that is no count; [`Error::ModelInvalid`] where a reaction uses molecules that are not there;
/// [`Error::Numerics`] where a path has more reactions than the limit.
pub fn simulate(model: &Model, run: &Run) -> Result<Counts> {
    let network = network_of(model, agenda::why_not)?;
    require_room(run.times.len() * network.species.len(), run.paths)?;
    if let Some(why) = counts::refused_events(network) {
        return match run.method {
            Method::Auto | Method::Direct => agenda::simulate(model, network, run, why),
            other => {
                let why = format!("{} does not follow it: {why}", other.name());
                Err(super::super::Form::MonteCarlo.unavailable(model, &why))
            }
        };
    }
    let course = Course::new(model, network, run)?;
    let chemistry = Chemistry::new(model, network, run.theta, run.t0);
    let engine = Engine::new(&chemistry, &course)?;
    engine.require_patience()?;
    let blocks: Vec<_> = engine.blocks().into_par_iter().map(|paths| engine.simulate(paths)).collect();
    let n = network.species.len();
    let states = vec![vec![Vec::with_capacity(run.paths); n]; run.times.len()];
    let (method, why) = (engine.method, engine.why);
    let mut out = Counts { states, events: 0, tally: Tally::default(), method, why };
    // In order, so that the first failing path is the one reported whoever ran it.
    for block in blocks {
        let (paths, tally) = block?;
        out.tally.add(&tally);
        for path in paths {
            for (row, state) in out.states.iter_mut().zip(path.chunks(n)) {
                for (column, x) in row.iter_mut().zip(state) {
                    column.push(*x);
                }
            }
        }
    }
    out.events = out.tally.events;
    Ok(out)
}

/// The network of a model, unless `why_not` has a reason against it.
fn network_of(model: &Model, why_not: fn(&Network) -> Option<String>) -> Result<&Network> {
    let Process::Network(network) = &model.process else {
        let why = format!("it is a {}, and exact simulation is of networks", model.process.kind());
        return Err(super::super::Form::MonteCarlo.unavailable(model, &why));
    };
    match why_not(network) {
        Some(why) => Err(super::super::Form::MonteCarlo.unavailable(model, &why)),
        None => Ok(network),
    }
}

/// The samples of every species at each time: no kernels, since counts have no density.
pub(in crate::form) fn marginals(model: &Model, question: &Question, method: Method) -> Result<Vec<Vec<Predictive>>> {
    let run = Run {
        theta: question.theta,
        start: question.start,
        t0: question.t0,
        times: question.times,
        paths: question.accuracy.paths,
        key: question.key,
        most_events: None,
        method,
        epsilon: None,
    };
    let law = |samples: Vec<f64>| {
        Ensemble::new(samples, Vec::new()).map(Predictive::Ensemble).ok_or_else(|| Error::Numerics {
            what: "the simulation".to_string(),
            why: "no path was asked for".to_string(),
            hint: "use --paths 10000".to_string(),
        })
    };
    simulate(model, &run)?.states.into_iter().map(|row| row.into_iter().map(law).collect()).collect()
}

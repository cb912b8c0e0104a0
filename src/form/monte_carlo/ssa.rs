//! Exact simulation of a reaction network: the direct method (Gillespie 1976, doi:10.1016/0021-9991(76)90041-3).
//!
//! Propensities are recomputed only for reactions whose propensity reads a species that changed ([`super::propensities`]).
//!
//! Time is stopped at outputs, breaks and the times of events, and the waiting time drawn anew: an exponential has no memory, so
//! this is exact where propensities jump. Where they change smoothly with time, the waiting time is where their integral reaches an
//! exponential: Gauss quadrature to a relative 1e-10, no bound asked for. Between reactions a condition on the state cannot change,
//! so watching it after every reaction misses nothing. What jumps in time must stand in `breaks`.
//!
//! Every path has its own Philox stream, so the bytes do not depend on threads. Cost: about 50 ns an event for a few reactions.

use super::super::Question;
use super::super::counts::{self, Events, Origin, Stop, Timing};
use super::super::master_equation::{self, Snapshot};
use super::propensities::{Present, Propensities};
use super::{agenda, require_room};
use crate::base::rng::{Key, Stream};
use crate::base::{Error, Result, math};
use crate::models::Model;
use crate::predictive::{Ensemble, Predictive};
use crate::process::{Network, Process};
use rayon::prelude::*;

/// Reactions of all paths of one run, unless the caller says otherwise: some ten minutes on one core.
const MOST_EVENTS: u64 = 20_000_000_000;
const PATHS_PER_BLOCK: usize = 16;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    pub theta: &'a [f64],
    /// `[species]`; empty: as the file says, laws drawn for each path.
    pub start: &'a [f64],
    pub t0: f64,
    /// Output times, increasing, after `t0`.
    pub times: &'a [f64],
    pub paths: usize,
    pub key: Key,
    /// Reactions one path may have; `None` shares some 2e10 among the paths.
    pub most_events: Option<u64>,
}

/// Simulated counts.
#[derive(Debug, Clone)]
pub struct Counts {
    /// `[time][species][path]`
    pub states: Vec<Vec<Vec<f64>>>,
    /// Reactions in all paths.
    pub events: u64,
}

/// Simulate a network exactly.
///
/// # Errors
/// [`Error::FormUnavailable`] where the model is no network or a reaction changes a real number;
/// [`Error::NonFiniteCoefficient`] naming reaction, state and time where a propensity is negative or no number;
/// [`Error::ModelInvalid`] where a reaction uses molecules that are not there; [`Error::BadOption`] for a start that is no count;
/// [`Error::Numerics`] where a path has more reactions than the limit.
pub fn simulate(model: &Model, run: &Run) -> Result<Counts> {
    let Process::Network(network) = &model.process else {
        let why = format!("it is a {}, and exact simulation is of networks", model.process.kind());
        return Err(super::super::Form::MonteCarlo.unavailable(model, &why));
    };
    if let Some(why) = agenda::why_not(network) {
        return Err(super::super::Form::MonteCarlo.unavailable(model, &why));
    }
    require_room(run.times.len() * network.species.len(), run.paths)?;
    if counts::refused_events(network).is_some() {
        return agenda::simulate(model, network, run);
    }
    let chemistry = Chemistry::new(model, network, run)?;
    let blocks: Vec<Result<Block>> = (0..run.paths.div_ceil(PATHS_PER_BLOCK))
        .into_par_iter()
        .map(|b| chemistry.block(b * PATHS_PER_BLOCK..((b + 1) * PATHS_PER_BLOCK).min(run.paths)))
        .collect();
    let n = network.species.len();
    let mut out = Counts { states: vec![vec![Vec::with_capacity(run.paths); n]; run.times.len()], events: 0 };
    // In order, so that the first failing path is the one reported whoever ran it.
    for block in blocks {
        let block = block?;
        out.events += block.events;
        for path in block.paths {
            for (row, state) in out.states.iter_mut().zip(path.chunks(n)) {
                for (column, x) in row.iter_mut().zip(state) {
                    column.push(*x);
                }
            }
        }
    }
    Ok(out)
}

/// The samples of every species at each time: no kernels, since counts have no density.
pub(in crate::form) fn marginals(model: &Model, question: &Question) -> Result<Vec<Vec<Predictive>>> {
    let run = Run {
        theta: question.theta,
        start: question.start,
        t0: question.t0,
        times: question.times,
        paths: question.accuracy.paths,
        key: question.key,
        most_events: None,
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

struct Block {
    /// `[path][time * species]`
    paths: Vec<Vec<f64>>,
    events: u64,
}

/// A path's counts and propensities.
struct Worker {
    x: Vec<f64>,
    now: Present,
}

/// A network compiled at one parameter value.
struct Chemistry<'a> {
    model: &'a Model,
    network: &'a Network,
    run: &'a Run<'a>,
    propensities: Propensities<'a>,
    stops: Vec<Stop>,
    events: Events<'a>,
    origins: Vec<Origin>,
    stationary: Option<Snapshot>,
    most_events: u64,
}

impl<'a> Chemistry<'a> {
    fn new(model: &'a Model, network: &'a Network, run: &'a Run<'a>) -> Result<Chemistry<'a>> {
        let origins = counts::origins(model, network, run.theta, run.start)?;
        let stationary = match origins.iter().any(|o| matches!(o, Origin::Stationary)) {
            true => Some(master_equation::stationary(model, run.theta, run.start)?),
            false => None,
        };
        Ok(Chemistry {
            propensities: Propensities::new(model, network, run.theta, run.t0),
            stops: counts::stops(model, network, run.theta, run.t0, run.times)?,
            events: Events::new(model, network, run.theta),
            origins,
            stationary,
            most_events: run.most_events.unwrap_or((MOST_EVENTS / run.paths.max(1) as u64).max(100_000)),
            model,
            network,
            run,
        })
    }

    fn block(&self, paths: std::ops::Range<usize>) -> Result<Block> {
        let mut worker =
            Worker { x: vec![0.0; self.network.species.len()], now: self.propensities.present(self.run.t0) };
        let mut block = Block { paths: Vec::with_capacity(paths.len()), events: 0 };
        for path in paths {
            let (rows, events) = self.path(path as u64, &mut worker)?;
            block.paths.push(rows);
            block.events += events;
        }
        Ok(block)
    }

    /// One path: its states at the output times, one after another, and its number of reactions.
    fn path(&self, path: u64, w: &mut Worker) -> Result<(Vec<f64>, u64)> {
        let mut stream = self.run.key.stream(path);
        w.x = counts::draw(&self.origins, &mut stream);
        if let Some(law) = &self.stationary {
            w.x = law.draw(&mut stream);
        }
        let mut now = self.run.t0;
        let mut held = self.events.hold(&w.x, now);
        let mut rows = Vec::with_capacity(self.run.times.len() * w.x.len());
        let mut events = 0;
        self.propensities.refresh(&mut w.now, &w.x, now)?;
        for stop in &self.stops {
            while let Some((time, reaction)) = self.next(w, now, stop.time, &mut stream)? {
                now = time;
                events += 1;
                if events > self.most_events {
                    return Err(self.too_many(now));
                }
                self.happen(w, reaction, now, &mut held)?;
            }
            now = stop.time;
            for e in &stop.fires {
                w.x = self.events.fire(*e, &w.x, now)?;
                self.events.settle(&mut w.x, &mut held, now)?;
            }
            if stop.breaks || !stop.fires.is_empty() {
                self.propensities.refresh(&mut w.now, &w.x, now)?;
            }
            if stop.is_output {
                rows.extend_from_slice(&w.x);
            }
        }
        Ok((rows, events))
    }

    /// When and which reaction is next, `None` where none is before `stop`.
    fn next(&self, w: &mut Worker, now: f64, stop: f64, stream: &mut Stream) -> Result<Option<(f64, usize)>> {
        let wait = -math::ln(stream.uniform());
        let time = if self.propensities.timing == Timing::Smooth {
            match self.integrate(w, now, stop, wait)? {
                Some(time) => time,
                None => return Ok(None),
            }
        } else {
            now + wait / w.now.a.iter().sum::<f64>()
        };
        // Infinite where nothing can happen, and NaN nowhere: the wait is positive.
        if !(time < stop) {
            return Ok(None);
        }
        let total: f64 = w.now.a.iter().sum();
        if time <= now && total > 0.0 {
            return Err(Error::Numerics {
                what: format!("the simulation of model '{}'", self.model.id),
                why: format!("reactions follow each other faster than the clock can tell at t = {now}: it explodes"),
                hint: "check the rates, or end before that with --until".to_string(),
            });
        }
        let target = stream.uniform() * total;
        let mut sum = 0.0;
        let mut chosen = None;
        for (r, a) in w.now.a.iter().enumerate().filter(|(_, a)| **a > 0.0) {
            sum += a;
            chosen = Some(r);
            if sum > target {
                break;
            }
        }
        Ok(chosen.map(|r| (time, r)))
    }

    fn happen(&self, w: &mut Worker, reaction: usize, now: f64, held: &mut Vec<bool>) -> Result<()> {
        for (s, n) in &self.propensities.changes[reaction] {
            w.x[*s] += n;
            if w.x[*s] < 0.0 {
                w.x[*s] -= n;
                return Err(counts::below_zero(self.model, self.network, reaction, &w.x, now));
            }
        }
        if self.events.watch() && self.events.settle(&mut w.x, held, now)? {
            return self.propensities.refresh(&mut w.now, &w.x, now);
        }
        self.propensities.update(&mut w.now, reaction, &w.x, now)
    }

    /// The time at which the integral of all propensities from `now` reaches `wait`, `None` where it does not before `stop`. The
    /// propensities are left at that time.
    fn integrate(&self, w: &mut Worker, now: f64, stop: f64, mut wait: f64) -> Result<Option<f64>> {
        let mut from = now;
        let mut window = stop - now;
        while from < stop {
            let h = window.min(stop - from);
            let whole = self.gauss(w, from, h)?;
            // Cut unevenly, so that no symmetry hides an oscillation.
            let parts = self.gauss(w, from, 0.37 * h)? + self.gauss(w, from + 0.37 * h, 0.63 * h)?;
            let fine = (whole - parts).abs() <= 1e-10 * parts + 1e-13;
            if !fine && h > 1e-12 * stop.abs().max(h) && from + 0.5 * h > from {
                window = 0.5 * h;
                continue;
            }
            if parts < wait {
                wait -= parts;
                from += h;
                window = 2.0 * h;
                continue;
            }
            let (mut low, mut high) = (0.0, h);
            let mut step = h * (wait / parts);
            for _ in 0..60 {
                let excess = self.gauss(w, from, step)? - wait;
                if excess > 0.0 {
                    high = step
                } else {
                    low = step
                }
                let rate = self.propensities.total(&mut w.now, &w.x, from + step)?;
                let newton = step - excess / rate;
                let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
                if (next - step).abs() <= 1e-13 * h {
                    break;
                }
                step = next;
            }
            self.propensities.total(&mut w.now, &w.x, from + step)?;
            return Ok(Some(from + step));
        }
        Ok(None)
    }

    /// `∫ Σ a ds` over `h` from `from`: five-point Gauss-Legendre (Abramowitz & Stegun 1964, table 25.4).
    fn gauss(&self, w: &mut Worker, from: f64, h: f64) -> Result<f64> {
        const NODES: [(f64, f64); 5] = [
            (-0.906_179_845_938_664, 0.236_926_885_056_189_08),
            (-0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
            (0.0, 0.568_888_888_888_888_9),
            (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
            (0.906_179_845_938_664, 0.236_926_885_056_189_08),
        ];
        let mut sum = 0.0;
        for (node, weight) in NODES {
            sum += weight * self.propensities.total(&mut w.now, &w.x, from + 0.5 * h * (1.0 + node))?;
        }
        Ok(0.5 * h * sum)
    }

    fn too_many(&self, now: f64) -> Error {
        Error::Numerics {
            what: format!("the exact simulation of model '{}'", self.model.id),
            why: format!("a path had more than {} reactions before t = {now}", self.most_events),
            hint: "use fewer --paths or a nearer --until; large numbers of molecules are well described by the Langevin equation"
                .to_string(),
        }
    }
}

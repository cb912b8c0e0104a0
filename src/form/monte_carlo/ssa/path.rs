//! One path of a network: where it stops, what fires there, and a [`Sampler`] that carries it from one stop to the next.
//!
//! A path is stopped at outputs, breaks and the times of events, and goes on by draws that are new: waits are exponential and have no
//! memory, so this is exact where propensities jump. Between reactions a condition on the state cannot change, so watching it after
//! every reaction misses nothing; a leap is watched at its end.

use super::super::super::counts::{self, Events, Origin, Stop};
use super::super::super::master_equation::{self, Snapshot};
use super::Run;
use crate::base::{Error, Limit, Result};
use crate::models::Model;
use crate::process::Network;

/// How far a sampler may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub now: f64,
    pub stop: f64,
    /// Whether to return as soon as the state has changed.
    pub watched: bool,
}

/// What a sampler has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Reactions.
    pub events: u64,
    /// Candidates of the rejection methods, of which some were refused.
    pub candidates: u64,
    /// Bounds of propensities that the rejection methods computed again.
    pub computed: u64,
    /// Leaps of tau-leaping, and how many more were given up for a population that would have become negative.
    pub leaps: u64,
    /// See `leaps`.
    pub refused: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Tally) {
        self.events += other.events;
        self.candidates += other.candidates;
        self.computed += other.computed;
        self.leaps += other.leaps;
        self.refused += other.refused;
    }
}

/// A way to carry a state through time. One a thread; a path is begun, and then set whenever the state was changed from outside.
pub(super) trait Sampler {
    /// Whose random numbers, and from which draw on.
    fn begin(&mut self, path: u64, draw: u64);

    /// The state at `now`, after a start, an event or a break.
    ///
    /// # Errors
    /// Refused propensities.
    fn set(&mut self, x: &[f64], now: f64) -> Result<()>;

    /// Carry `x` on, to `span.stop` or, where watched, to its next change; the time reached.
    ///
    /// # Errors
    /// Refused propensities and reactions; more reactions than the limit.
    fn advance(&mut self, x: &mut [f64], span: Span, tally: &mut Tally) -> Result<f64>;
}

/// What all paths of a run share.
pub(super) struct Course<'a> {
    pub model: &'a Model,
    pub run: &'a Run<'a>,
    pub stops: Vec<Stop>,
    pub events: Events<'a>,
    origins: Vec<Origin>,
    stationary: Option<Snapshot>,
    pub most_events: u64,
}

impl<'a> Course<'a> {
    /// The course of a run: its starts, stops and events.
    ///
    /// # Errors
    /// Refusals of starts and of times that parameters give; those of a stationary start.
    pub fn new(model: &'a Model, network: &'a Network, run: &'a Run) -> Result<Course<'a>> {
        let origins = counts::origins(model, network, run.theta, run.start)?;
        let stationary = match origins.iter().any(|o| matches!(o, Origin::Stationary)) {
            true => Some(master_equation::stationary_at(model, run.theta, run.start, run.t0)?),
            false => None,
        };
        Ok(Course {
            stops: counts::stops(model, network, run.theta, run.t0, run.times)?,
            events: Events::new(model, network, run.theta),
            origins,
            stationary,
            most_events: run.most_events.unwrap_or((Limit::Reactions.most() / run.paths.max(1) as u64).max(100_000)),
            model,
            run,
        })
    }

    /// Where a path starts, and the first draw that the start left.
    pub fn start(&self, path: u64) -> (Vec<f64>, u64) {
        let mut stream = self.run.key.stream(path);
        let drawn = counts::draw(&self.origins, &mut stream);
        let x = match &self.stationary {
            Some(law) => law.draw(&mut stream),
            None => drawn,
        };
        (x, stream.next_draw())
    }

    /// One path: `visit` is given the state at every output.
    ///
    /// # Errors
    /// Those of the sampler and of events.
    pub fn walk(&self, sampler: &mut impl Sampler, path: u64, mut visit: impl FnMut(&[f64])) -> Result<Tally> {
        let (mut x, draw) = self.start(path);
        let mut now = self.run.t0;
        let mut held = self.events.hold(&x, now);
        let mut tally = Tally::default();
        sampler.begin(path, draw);
        sampler.set(&x, now)?;
        let watched = self.events.watch();
        for stop in &self.stops {
            while now < stop.time {
                now = sampler.advance(&mut x, Span { now, stop: stop.time, watched }, &mut tally)?;
                if watched && self.events.settle(&mut x, &mut held, now)? {
                    sampler.set(&x, now)?;
                }
            }
            now = stop.time;
            for e in &stop.fires {
                x = self.events.fire(*e, &x, now)?;
                self.events.settle(&mut x, &mut held, now)?;
            }
            if stop.breaks || !stop.fires.is_empty() {
                sampler.set(&x, now)?;
            }
            if stop.is_output {
                visit(&x);
            }
        }
        Ok(tally)
    }
}

/// What stops a path that goes on for ever.
pub(super) struct Limits<'a> {
    pub model: &'a Model,
    pub most_events: u64,
}

impl Limits<'_> {
    #[cold]
    pub fn too_many(&self, now: f64) -> Error {
        Error::Numerics {
            what: format!("the exact simulation of model '{}'", self.model.id),
            why: format!("a path had more than {} reactions before t = {now}", self.most_events),
            hint: format!(
                "large numbers of molecules are well described by tau-leaping or the Langevin equation; else {}, or {}",
                Limit::Reactions.mend(),
                Limit::Reactions.flag(None)
            ),
        }
    }

    /// Refuse a clock on which the mean wait is nothing; one short wait among longer ones is no harm.
    ///
    /// # Errors
    /// [`Error::Numerics`].
    #[cold]
    pub fn explodes(&self, now: f64, total: f64) -> Result<()> {
        if now + 1.0 / total > now {
            return Ok(());
        }
        Err(Error::Numerics {
            what: format!("the simulation of model '{}'", self.model.id),
            why: format!("reactions follow each other faster than the clock can tell at t = {now}: it explodes"),
            hint: "check the rates, or end before that with --until".to_string(),
        })
    }
}

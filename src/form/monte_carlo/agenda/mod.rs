//! Exact simulation of networks whose events or members ask for more than [`super::ssa`] follows: delays, priorities, random
//! assignments, conditions of time and state together, and real members that move between reactions.
//!
//! Events are those of SBML Level 3 Version 2, section 4.12: when a condition becomes true its event is put on the agenda, with
//! its values where they are those of the trigger; what is due is executed one by one, the highest priority first, ties by chance;
//! after each the conditions are looked at again, which sets off others and cancels those that are not persistent.
//!
//! Between events everything is exact where nothing moves by itself. Where members or propensities move with time, `flow`
//! integrates them with the integral of the propensities to a relative 1e-8, and finds the time of a reaction or of a condition to
//! round-off. A condition that becomes true and false again within a quarter of a step is missed.
//!
//! Cost: all propensities are recomputed after every reaction, so O(reactions) each.

mod compiled;
mod flow;

use super::super::counts::{self, Origin};
use super::super::master_equation::{self, Snapshot};
use super::ssa::{Counts, Method, Run, Tally};
use crate::base::rng::Stream;
use crate::base::{Error, Limit, Result, math};
use crate::models::Model;
use crate::process::{Network, ValuesFrom};
use compiled::{Compiled, Present};
use rayon::prelude::*;

/// Events at one time, one after another, before they are taken to go on for ever.
const LONGEST_CASCADE: usize = 1_000;
const PATHS_PER_BLOCK: usize = 16;

/// Why a network cannot be simulated, if so.
pub(in crate::form) fn why_not(network: &Network) -> Option<String> {
    let (reaction, member) = network.reacting_real()?;
    Some(format!(
        "reaction '{}' changes '{}', which is a real number ({}) and not a count of molecules; its rate equations have an answer",
        reaction.name, member.name, member.unit
    ))
}

/// As [`super::ssa::simulate`], whatever its events and members are; `why` it is simulated so.
pub(super) fn simulate(model: &Model, network: &Network, run: &Run, why: String) -> Result<Counts> {
    let agenda = Agenda::new(model, network, run)?;
    let blocks: Vec<Result<Vec<Path>>> = (0..run.paths.div_ceil(PATHS_PER_BLOCK))
        .into_par_iter()
        .map(|b| {
            let mut present = agenda.compiled.present();
            let paths = b * PATHS_PER_BLOCK..((b + 1) * PATHS_PER_BLOCK).min(run.paths);
            paths.map(|path| agenda.path(path as u64, &mut present)).collect()
        })
        .collect();
    let n = network.species.len();
    let states = vec![vec![Vec::with_capacity(run.paths); n]; run.times.len()];
    let mut out = Counts { states, events: 0, tally: Tally::default(), method: Method::Direct, why };
    for block in blocks {
        for (states, events) in block? {
            out.events += events;
            for (row, state) in out.states.iter_mut().zip(states.chunks(n)) {
                row.iter_mut().zip(state).for_each(|(column, x)| column.push(*x));
            }
        }
    }
    out.tally.events = out.events;
    Ok(out)
}

/// States at the output times, one after another, and the number of reactions and events.
type Path = (Vec<f64>, u64);

/// One event on the agenda.
struct Due {
    time: f64,
    event: usize,
    /// What it assigns, where that was computed when its condition became true.
    values: Option<Vec<f64>>,
}

/// A network at one parameter value.
struct Agenda<'a> {
    model: &'a Model,
    network: &'a Network,
    run: &'a Run<'a>,
    compiled: Compiled,
    /// Times to land on; whether conditions may change there, and whether it is an output.
    stops: Vec<(f64, bool, bool)>,
    origins: Vec<Origin>,
    stationary: Option<Snapshot>,
    most_events: u64,
}

/// What came first.
#[derive(PartialEq)]
enum Next {
    Reaction,
    Condition,
    /// Nothing before the end asked for.
    End,
}

impl<'a> Agenda<'a> {
    fn new(model: &'a Model, network: &'a Network, run: &'a Run<'a>) -> Result<Agenda<'a>> {
        let origins = counts::origins(model, network, run.theta, run.start)?;
        let stationary = match origins.iter().any(|o| matches!(o, Origin::Stationary)) {
            true => Some(master_equation::stationary_at(model, run.theta, run.start, run.t0)?),
            false => None,
        };
        let compiled = Compiled::new(network, run.theta);
        let breaks = counts::stops(model, network, run.theta, run.t0, run.times)?;
        let mut stops: Vec<(f64, bool, bool)> = Vec::new();
        let last = run.times.last().copied().unwrap_or(run.t0);
        let steps = compiled.steps.iter().map(|id| (network.frame.at(*id, run.theta, run.t0), true, false));
        let steps = steps.filter(|(time, ..)| *time >= run.t0 && *time <= last);
        for (time, conditions, output) in breaks.iter().map(|s| (s.time, false, s.is_output)).chain(steps) {
            match stops.iter_mut().find(|s| s.0 == time) {
                Some(stop) => *stop = (time, stop.1 || conditions, stop.2 || output),
                None => stops.push((time, conditions, output)),
            }
        }
        stops.sort_by(|a, b| a.0.total_cmp(&b.0));
        let most_events = run.most_events.unwrap_or(Limit::Events.most());
        Ok(Agenda { model, network, run, compiled, stops, origins, stationary, most_events })
    }

    fn path(&self, path: u64, w: &mut Present) -> Result<Path> {
        let mut stream = self.run.key.stream(path);
        w.x = counts::draw(&self.origins, &mut stream);
        if let Some(law) = &self.stationary {
            w.x = law.draw(&mut stream);
        }
        w.now = self.run.t0;
        w.step = f64::INFINITY;
        w.just_after = false;
        w.held = self.before(w);
        let mut due: Vec<Due> = Vec::new();
        let mut rows = Vec::with_capacity(self.run.times.len() * w.x.len());
        let mut count = 0;
        self.settle(w, &mut due, &mut stream)?;
        self.refresh(w)?;
        let mut wait = -math::ln(stream.uniform());
        for (stop, conditions, output) in &self.stops {
            loop {
                let next = due.iter().map(|d| d.time).fold(f64::INFINITY, f64::min);
                let came = self.advance(w, next.min(*stop), &mut wait)?;
                if came == Next::End && next > *stop {
                    break;
                }
                if came == Next::Reaction {
                    self.react(w, &mut stream)?;
                    wait = -math::ln(stream.uniform());
                }
                count += 1;
                if count > self.most_events {
                    return Err(self.numerics(
                        w,
                        format!("a path had more than {} reactions and events", self.most_events),
                        &format!("{}, or {}", Limit::Events.mend(), Limit::Events.flag(None)),
                    ));
                }
                self.settle(w, &mut due, &mut stream)?;
                self.refresh(w)?;
            }
            if *conditions {
                self.settle(w, &mut due, &mut stream)?;
                // `t > T` is true just after.
                w.just_after = true;
                self.settle(w, &mut due, &mut stream)?;
                w.just_after = false;
            }
            // Propensities may jump here.
            self.refresh(w)?;
            if *output {
                rows.extend_from_slice(&w.x);
            }
        }
        Ok((rows, count))
    }

    /// What the conditions are taken to have been before the start.
    fn before(&self, w: &mut Present) -> Vec<bool> {
        let now = self.compiled.conditions(w);
        let at_model_start = self.run.t0 == 0.0;
        let each = |(event, now): (&crate::process::Event, &bool)| match event.at {
            Some(at) => {
                let time = self.network.frame.at(at, self.run.theta, self.run.t0);
                time < self.run.t0 || time == self.run.t0 && event.initially
            }
            None if at_model_start => event.initially,
            None => *now,
        };
        self.network.events.iter().zip(&now).map(each).collect()
    }

    /// Put what became true on the agenda and execute what is due, until nothing is.
    fn settle(&self, w: &mut Present, due: &mut Vec<Due>, stream: &mut Stream) -> Result<()> {
        for _ in 0..LONGEST_CASCADE {
            let holds = self.compiled.conditions(w);
            for (e, event) in self.network.events.iter().enumerate() {
                if holds[e] && !w.held[e] {
                    let delay = self.compiled.delay(w, e);
                    if !(delay >= 0.0) {
                        let why = format!("the delay of event {} is {delay}", counts::called(self.network, e));
                        return Err(self.numerics(w, why, "a delay is zero or more"));
                    }
                    let early = event.values == ValuesFrom::Trigger;
                    let values = if early { Some(self.values(w, e, stream)?) } else { None };
                    due.push(Due { time: w.now + delay, event: e, values });
                } else if !holds[e] && w.held[e] && !event.persistent {
                    due.retain(|d| d.event != e);
                }
            }
            w.held = holds;
            let Some(k) = self.first(w, due, stream)? else { return Ok(()) };
            let Due { event, values, .. } = due.remove(k);
            let values = match values {
                Some(values) => values,
                None => self.values(w, event, stream)?,
            };
            for ((member, _), value) in self.network.events[event].after.iter().zip(values) {
                w.x[*member] = value;
            }
        }
        let why = "its events set off one another without end".to_string();
        Err(self.numerics(w, why, "let an event leave the state where its own condition is false"))
    }

    /// Which of the events that are due now is next.
    fn first(&self, w: &mut Present, due: &[Due], stream: &mut Stream) -> Result<Option<usize>> {
        let mut best: Option<(Option<f64>, usize)> = None;
        let mut ties = 0.0;
        let now = w.now;
        for (k, one) in due.iter().enumerate().filter(|(_, d)| d.time <= now) {
            let priority = self.compiled.priority(w, one.event);
            if priority.is_some_and(f64::is_nan) {
                let why = format!("the priority of event {} is not a number", counts::called(self.network, one.event));
                return Err(self.numerics(w, why, "check what it hangs on"));
            }
            match best {
                Some((other, _)) if other == priority && priority.is_some() => {
                    ties += 1.0;
                    // The k-th of equal ones takes the place with probability 1/k.
                    if stream.uniform() * ties < 1.0 {
                        best = Some((priority, k));
                    }
                }
                Some((Some(other), _)) if priority.is_none_or(|p| p < other) => {}
                Some((None, first)) if priority.is_none() && due[first].event <= one.event => {}
                _ => {
                    best = Some((priority, k));
                    ties = 1.0;
                }
            }
        }
        Ok(best.map(|(_, k)| k))
    }

    /// What an event assigns in the present state.
    fn values(&self, w: &mut Present, e: usize, stream: &mut Stream) -> Result<Vec<f64>> {
        let event = &self.network.events[e];
        let drawn = self.compiled.draw(self.network, w, e, stream).ok_or_else(|| {
            let why = format!(
                "a random number of event {} has no law, or none between its ends",
                counts::called(self.network, e)
            );
            self.numerics(w, why, "a scale is not negative, a probability lies between 0 and 1")
        })?;
        let raw = self.compiled.after(w, e, &drawn);
        let each = event.after.iter().zip(raw);
        each.map(|((member, _), value)| counts::assigned(self.model, self.network, e, (*member, value), &w.x, w.now))
            .collect()
    }

    /// Choose the reaction that happens now, and let it.
    fn react(&self, w: &mut Present, stream: &mut Stream) -> Result<()> {
        self.refresh(w)?;
        let target = stream.uniform() * w.a.iter().sum::<f64>();
        let mut sum = 0.0;
        let mut chosen = None;
        for (r, a) in w.a.iter().enumerate().filter(|(_, a)| **a > 0.0) {
            sum += a;
            chosen = Some(r);
            if sum > target {
                break;
            }
        }
        let Some(r) = chosen else { return Ok(()) };
        for (s, n) in &self.compiled.changes[r] {
            w.x[*s] += n;
            if w.x[*s] < 0.0 {
                w.x[*s] -= n;
                return Err(counts::below_zero(self.model, self.network, r, &w.x, w.now));
            }
        }
        Ok(())
    }

    fn refresh(&self, w: &mut Present) -> Result<()> {
        self.compiled.propensities(w);
        counts::check_propensities(self.model, self.network, &w.a, &w.x, w.now)
    }

    fn numerics(&self, w: &Present, why: String, hint: &str) -> Error {
        Error::Numerics {
            what: format!("the simulation of model '{}'", self.model.id),
            why: format!("{why}, at {}", counts::place(self.network, &w.x, w.now)),
            hint: hint.to_string(),
        }
    }
}

//! The chemical master equation by finite state projection (Munsky & Khammash 2006, doi:10.1063/1.2145882).
//!
//! Without events probability lives on a window of rows that moves with it ([`super::window`]); with events on a cloud of states: where
//! more than a share of the tolerance would leave in a stretch of time, the cloud grows ring by ring from the states it leaves by, and
//! the stretch is done again; states that became improbable are dropped. Both are solved by uniformisation, positive throughout.
//! Everything lost is counted, so `1 - Σ p` bounds the error of the probability of any set of states. Networks that move one by
//! one along a line, over many fast reactions, go by the contour integral of their tridiagonal generator ([`super::line`]). A
//! law that has come to rest is not followed further; what still moved counts towards the bound.
//!
//! Events at known times map the probabilities; an event that watches the state sends a reaction's probability on to where it leads.
//! Cost: reactions × states in play × (fastest rate × time), about 0.5 ns each. Not for many species with many molecules, nor for
//! rates so fast that they are many millions within the horizon while the law still moves: use Monte Carlo.

use super::super::counts::{self, Origin, Stop, Timing};
use super::flow::Flow;
use super::line;
use super::snapshot::Snapshot;
use super::space::{Cloud, Reactions};
use super::stationary::stationary;
use super::window::{Step, Window};
use crate::base::{Error, Result};
use crate::models::Model;
use crate::process::{Network, Process};

/// States in play, unless the caller says otherwise.
pub const MOST_STATES: usize = 2_000_000;
/// Multiplications before another form should be asked: half a minute or so.
const MOST_WORK: f64 = 2e10;

/// Change that is as good as none.
const STILL: f64 = 1e-14;

/// What to solve.
#[derive(Debug, Clone)]
pub struct Projection<'a> {
    pub theta: &'a [f64],
    /// `[species]`; empty: as the file says, laws and all.
    pub start: &'a [f64],
    pub t0: f64,
    /// Increasing, after `t0`.
    pub times: &'a [f64],
    /// Probability that may be lost by the last time.
    pub tolerance: f64,
    pub most_states: usize,
}

/// The joint law of the counts at each time.
///
/// # Errors
/// [`Error::FormUnavailable`] where the model is no network, or its propensities change smoothly with time;
/// [`Error::Numerics`] where more states are needed than the limit; refusals of propensities and starts as for
/// [`crate::form::monte_carlo::ssa::simulate`].
pub fn project(model: &Model, projection: &Projection) -> Result<Vec<Snapshot>> {
    let unavailable = |why: &str| super::super::Form::MasterEquation.unavailable(model, why);
    let Process::Network(network) = &model.process else {
        return Err(unavailable(&format!("it is a {}", model.process.kind())));
    };
    if let Some(why) = why_not(network) {
        return Err(unavailable(&why));
    }
    let origins = counts::origins(model, network, projection.theta, projection.start)?;
    let stops = counts::stops(model, network, projection.theta, projection.t0, projection.times)?;
    let centre: Vec<f64> = origins.iter().map(centre).collect();
    let mut reactions = Reactions::new(model, network, projection.theta, &centre);
    let cloud = match origins.iter().any(|o| matches!(o, Origin::Stationary)) {
        true => cloud_of(&reactions, &stationary(model, projection.theta, projection.start)?),
        false => product(&reactions, &origins, projection)?,
    };
    if line::suits(&mut reactions, &cloud, projection)? {
        return line::project(&mut reactions, &cloud, &stops, projection);
    }
    if network.events.is_empty()
        && let Some(window) = Window::new(&mut reactions, &cloud, projection.t0, projection.most_states)
    {
        return follow(reactions, window, &stops, projection);
    }
    let held = Driver { reactions, cloud, flow: None, projection, reach: 32.0, since_prune: 0, slack: 0.0, work: 0.0 };
    held.run(&stops)
}

/// Why a network has no such answer; `None` where it has.
pub(in crate::form) fn why_not(network: &Network) -> Option<String> {
    if counts::timing(network) == Timing::Smooth {
        return Some("its propensities change smoothly with time, which uniformisation does not follow".to_string());
    }
    counts::refused_events(network)
}

fn centre(origin: &Origin) -> f64 {
    match origin {
        Origin::At(x) => *x,
        Origin::Drawn(law) => law.mean().round(),
        Origin::Stationary => 0.0,
    }
}

fn cloud_of(reactions: &Reactions, law: &Snapshot) -> Cloud {
    let states: Vec<i64> = (0..law.len()).flat_map(|i| reactions.sorted(law.state(i))).collect();
    Cloud::new(reactions.n(), &states, &law.p)
}

/// Independent starts of the species.
fn product(reactions: &Reactions, origins: &[Origin], projection: &Projection) -> Result<Cloud> {
    let mut rows: Vec<(Vec<f64>, f64)> = vec![(Vec::new(), 1.0)];
    for origin in origins {
        let each = match origin {
            Origin::Drawn(law) => counts::pmf(law),
            other => vec![(centre(other), 1.0)],
        };
        if rows.len() * each.len() > projection.most_states {
            return Err(too_many(reactions, projection, projection.t0));
        }
        let join = |(x, p): &(Vec<f64>, f64)| {
            let (x, p) = (x.clone(), *p);
            each.iter().map(|(k, q)| ([x.as_slice(), &[*k]].concat(), p * q)).collect::<Vec<_>>()
        };
        rows = rows.iter().flat_map(join).collect();
    }
    let states: Vec<i64> = rows.iter().flat_map(|(x, _)| reactions.sorted(x)).collect();
    Ok(Cloud::new(reactions.n(), &states, &rows.iter().map(|r| r.1).collect::<Vec<_>>()))
}

pub(super) fn too_many(reactions: &Reactions, projection: &Projection, time: f64) -> Error {
    Error::Numerics {
        what: format!("the master equation of model '{}'", reactions.model.id),
        why: format!(
            "{} states are the limit, and at t = {time} more are needed to lose no more than {:.1e} of the probability",
            projection.most_states, projection.tolerance
        ),
        hint: "use --form monte-carlo, a looser --tol, or fewer molecules".to_string(),
    }
}

fn too_slow(reactions: &Reactions, now: f64, states: usize) -> Error {
    Error::Numerics {
        what: format!("the master equation of model '{}'", reactions.model.id),
        why: format!("at t = {now} it had taken {MOST_WORK:e} multiplications over {states} states"),
        hint: "use --form monte-carlo, or a nearer time".to_string(),
    }
}

pub(super) fn snapshot(reactions: &Reactions, cloud: &Cloud, time: f64, slack: f64) -> Snapshot {
    let mass: f64 = cloud.p.iter().sum();
    let counts = (0..cloud.len()).flat_map(|i| reactions.in_file_order(cloud.state(i))).collect();
    Snapshot::new(time, reactions.n(), counts, cloud.p.clone(), (1.0 - mass).max(0.0) + slack)
}

/// A network without events, on a window that moves with its probability.
fn follow(
    mut reactions: Reactions,
    mut window: Window,
    stops: &[Stop],
    projection: &Projection,
) -> Result<Vec<Snapshot>> {
    /// Products of the first step, and of the longest.
    const FIRST: f64 = 64.0;
    const LONGEST: f64 = 4_096.0;
    /// Products of a horizon in which the law may well come to rest.
    const MANY: f64 = 50_000.0;
    /// Part of the tolerance for taking a law that hardly moves as one that stands still.
    const STANDING: f64 = 0.1;
    let last = projection.times.last().copied().unwrap_or(projection.t0);
    let horizon = last - projection.t0;
    let (mut now, mut products) = (projection.t0, FIRST);
    let mut lost = (1.0 - window.mass()).max(0.0);
    // To be seen standing still, a law must lose much less at its ends than it may.
    let (share, standing) = match horizon / window.step(1.0) > MANY {
        true => (1e-3, STANDING * projection.tolerance),
        false => (0.8, STILL),
    };
    let mut slack = 0.0;
    let mut snapshots = Vec::with_capacity(projection.times.len());
    for stop in stops {
        while now < stop.time {
            let rest = stop.time - now;
            let drift = window.speed() * rest;
            // No state's probability changes by more than all of it that moves until then.
            if slack + drift <= standing {
                slack += drift;
                now = stop.time;
                break;
            }
            let h = rest / (rest / window.step(products)).ceil().max(1.0);
            let allowed = share * projection.tolerance * h / horizon;
            match window.advance(&mut reactions, now, h, allowed)? {
                Step::Done(more) => {
                    lost += more;
                    window.set_mass(1.0 - lost);
                }
                Step::TooMany => return Err(too_many(&reactions, projection, now + h)),
            }
            if window.work > MOST_WORK {
                return Err(too_slow(&reactions, now, window.states()));
            }
            now = if h == rest { stop.time } else { now + h };
            products = (4.0 * products).min(LONGEST);
        }
        if stop.breaks {
            window.evaluate(&mut reactions, now);
        }
        if stop.is_output {
            let bound = lost + slack + f64::EPSILON * window.products.sqrt();
            snapshots.push(window.snapshot(&reactions, now, bound));
        }
    }
    Ok(snapshots)
}

/// A solution on its way through time.
struct Driver<'a> {
    reactions: Reactions<'a>,
    cloud: Cloud,
    flow: Option<Flow>,
    projection: &'a Projection<'a>,
    /// Length of a window in units of the fastest rate.
    reach: f64,
    since_prune: usize,
    /// Error that is no lost probability: of stopping where nothing moves any more.
    slack: f64,
    work: f64,
}

impl Driver<'_> {
    fn run(mut self, stops: &[Stop]) -> Result<Vec<Snapshot>> {
        let mut snapshots = Vec::with_capacity(self.projection.times.len());
        let mut now = self.projection.t0;
        for stop in stops {
            self.advance(now, stop.time)?;
            now = stop.time;
            for e in &stop.fires {
                self.fire(*e, now)?;
            }
            if stop.breaks {
                self.flow = None;
            }
            if stop.is_output {
                snapshots.push(snapshot(&self.reactions, &self.cloud, now, self.slack));
            }
        }
        Ok(snapshots)
    }

    /// Every state goes where the event sends it.
    fn fire(&mut self, e: usize, time: f64) -> Result<()> {
        let (events, reactions) = (&self.reactions.events, &self.reactions);
        let mut states = Vec::with_capacity(self.cloud.states.len());
        for i in 0..self.cloud.len() {
            let before = reactions.in_file_order(self.cloud.state(i));
            let mut held = events.hold(&before, time);
            let mut after = events.fire(e, &before, time)?;
            events.settle(&mut after, &mut held, time)?;
            states.extend(reactions.sorted(&after));
        }
        self.cloud = Cloud::new(reactions.n(), &states, &self.cloud.p);
        self.flow = None;
        Ok(())
    }

    fn advance(&mut self, mut now: f64, stop: f64) -> Result<()> {
        /// Longest window; beyond it nothing is gained.
        const LONGEST: f64 = 2_000.0;
        let last = self.projection.times.last().copied().unwrap_or(stop);
        let horizon = (last - self.projection.t0).max(stop - now);
        while now < stop {
            let flow = match self.flow.take() {
                Some(flow) => flow,
                None => Flow::new(&mut self.reactions, &self.cloud, now)?,
            };
            let drift = flow.speed(&self.cloud.p) * (stop - now);
            if drift <= STILL {
                self.slack += drift;
                self.flow = Some(flow);
                return Ok(());
            }
            let rest = stop - now;
            let h = (self.reach / flow.fastest).min(rest);
            let (next, lost, products) = flow.advance(&self.cloud.p, h);
            self.work += products as f64 * flow.size() as f64;
            if self.work > MOST_WORK {
                return Err(too_slow(&self.reactions, now, self.cloud.len()));
            }
            let allowed = 0.5 * self.projection.tolerance * h / horizon;
            if lost > allowed {
                self.grow(&flow, &next, (h, h / horizon), now)?;
                self.reach = (0.7 * self.reach).max(16.0);
                continue;
            }
            self.cloud.p = next;
            now = if h == rest { stop } else { now + h };
            self.reach = (1.4 * self.reach).min(LONGEST);
            self.flow = Some(flow);
            self.since_prune += 1;
            if self.since_prune >= 16 && self.cloud.len() > 512 {
                self.prune(16.0 * h / horizon, 2);
            }
        }
        Ok(())
    }

    /// Add the states that probability left for, and some rings beyond them.
    fn grow(&mut self, flow: &Flow, next: &[f64], (h, part): (f64, f64), now: f64) -> Result<()> {
        const RINGS: usize = 32;
        let allowed = 0.5 * self.projection.tolerance * part;
        let n = self.reactions.n();
        let through = |(i, rate): &(usize, f64)| self.cloud.p[*i].max(next[*i]) * rate * h;
        let least = 0.01 * allowed / flow.leaving.len().max(1) as f64;
        let mut gates: Vec<usize> = flow.leaving.iter().filter(|g| through(g) > least).map(|g| g.0).collect();
        if gates.is_empty() {
            // What passed was gone before the end of the window.
            gates = flow.leaving.iter().map(|g| g.0).collect();
        }
        gates.sort_unstable();
        gates.dedup();
        let seeds: Vec<i64> = gates.iter().flat_map(|i| self.cloud.state(*i).to_vec()).collect();
        let enough = self.cloud.len() / 3 + 64;
        let added = self.reactions.neighbours(&self.cloud, seeds, (RINGS, enough), now)?;
        if self.cloud.len() + added.len() / n > self.projection.most_states {
            self.prune(part, 1_000_000);
            if self.cloud.len() + added.len() / n > self.projection.most_states {
                return Err(too_many(&self.reactions, self.projection, now + h));
            }
        }
        self.cloud = self.cloud.joined(&added);
        Ok(())
    }

    /// Drop states so improbable that all of them are a small part of what may be lost, if they are more than one in `share`.
    fn prune(&mut self, part: f64, share: usize) {
        let least = 0.2 * self.projection.tolerance * part.min(1.0) / self.cloud.len() as f64;
        let few = self.cloud.p.iter().filter(|p| **p < least).count();
        self.since_prune = 0;
        if few * share > self.cloud.len() {
            self.cloud = self.cloud.pruned(least);
            self.flow = None;
        }
    }
}

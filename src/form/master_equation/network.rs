//! The chemical master equation by finite state projection (Munsky & Khammash 2006, doi:10.1063/1.2145882).
//!
//! Without events probability lives on a window of rows that moves with it ([`super::window`]); with events on a cloud of states: where
//! more than a share of the tolerance would leave in a stretch of time, the cloud grows ring by ring from the states it leaves by, and
//! the stretch is done again; states that became improbable are dropped. Both are solved by uniformisation, positive throughout.
//! Everything lost is counted, so `1 - Σ p` bounds the error of the probability of any set of states. Networks that move one by
//! one along a line, over many fast reactions, go by the contour integral of their tridiagonal generator ([`super::line`]). A
//! law that has come to rest is not followed further; what still moved counts towards the bound.
//!
//! Slopes in the parameters ([`super::sensitivities`]) go by the cloud too.
//!
//! Events at known times map the probabilities; an event that watches the state sends a reaction's probability on to where it leads.
//! Cost: reactions × states in play × (fastest rate × time), about 0.5 ns each. Not for many species with many molecules, nor for
//! rates so fast that they are many millions within the horizon while the law still moves: use Monte Carlo.

use super::super::counts::{self, Origin, Stop, Timing};
use super::driver::Driver;
use super::flow::Flow;
use super::outlook::{self, Standing, Watch};
use super::sensitivity::{Moving, SnapshotWithSlopes};
use super::snapshot::Snapshot;
use super::space::{Cloud, Reactions};
use super::stationary::{slopes_at_rest, stationary_at};
use super::window::{Step, Window};
use super::{krylov, line};
use crate::base::{Error, Limit, Result};
use crate::models::Model;
use crate::process::{Network, Process};

/// States that may be held at once unless the caller says otherwise; the default of the limit `network-states`.
pub const MOST_STATES: usize = Limit::NetworkStates.default() as usize;

/// Multiplications before another form should be asked: half a minute or so.
pub(super) fn most_work() -> f64 {
    Limit::NetworkWork.most() as f64
}

/// The same with slopes, which are asked for many times over, also where nobody wants to be.
pub(super) fn most_work_with_slopes() -> f64 {
    0.2 * most_work()
}

/// Change that is as good as none.
pub(super) const STILL: f64 = 1e-14;

/// A question to the master equation of a network: from where, to which times, and how much may be lost.
#[derive(Debug, Clone)]
pub struct Projection<'a> {
    /// `[parameter]` in the order of the model, natural units.
    pub theta: &'a [f64],
    /// `[species]`; empty: as the file says, laws and all.
    pub start: &'a [f64],
    /// Time of the start, in the model's unit.
    pub t0: f64,
    /// Increasing, after `t0`.
    pub times: &'a [f64],
    /// Probability that may be lost by the last time.
    pub tolerance: f64,
    /// Most states that may be held at once before it is refused; [`MOST_STATES`] is usual.
    pub most_states: usize,
}

/// The joint law of the counts at each time, by finite state projection: probabilities of the states held, each a lower bound of the true one but
/// for [`Snapshot::excess`], and a bound of all that was left out (Munsky & Khammash 2006, theorem 2.2).
///
/// States come and go with the probability, so that no more than `tolerance` is lost by the last time. Cost: reactions × states in play ×
/// (fastest rate × time), about 0.5 ns each; stiff networks by Krylov steps, lines by a contour integral. Not for many species with many molecules:
/// simulate those.
///
/// # Errors
/// [`Error::FormUnavailable`] where the model is no network, or its propensities change smoothly with time;
/// [`Error::Numerics`] where more states are needed than the limit; refusals of propensities and starts as for
/// [`crate::form::monte_carlo::ssa::simulate`].
pub fn project(model: &Model, projection: &Projection) -> Result<Vec<Snapshot>> {
    let Posed { mut reactions, stops, cloud, slack, .. } = pose(model, projection)?;
    if slack == 0.0 && line::suits(&mut reactions, &cloud, projection)? {
        return line::project(&mut reactions, &cloud, &stops, projection);
    }
    if reactions.network.events.is_empty() {
        let time = inside(projection.t0, &stops);
        if let Some(window) = Window::new(&mut reactions, &cloud, time, projection.most_states) {
            return follow(reactions, window, &stops, (projection, slack));
        }
    }
    let answers = Driver::new(reactions, cloud, None, projection, slack).run(&stops, projection.t0)?;
    Ok(answers.into_iter().map(|answer| answer.law).collect())
}

/// [`project`] with slopes.
pub(super) fn with_slopes(model: &Model, projection: &Projection, free: &[usize]) -> Result<Vec<SnapshotWithSlopes>> {
    let Posed { mut reactions, origins, stops, mut cloud, slack } = pose(model, projection)?;
    let mut moving = Moving::new(&reactions, projection.theta, free)?;
    cloud.slopes = match origins.iter().any(|o| matches!(o, Origin::Stationary)) {
        true => slopes_at_rest(&mut reactions, &mut moving, &cloud, projection.t0)?,
        false => moving.of_start(&reactions, &origins, &cloud)?,
    };
    Driver::new(reactions, cloud, Some(moving), projection, slack).run(&stops, projection.t0)
}

/// A question with its start.
struct Posed<'a> {
    reactions: Reactions<'a>,
    origins: Vec<Origin>,
    stops: Vec<Stop>,
    cloud: Cloud,
    /// How far the start may be off.
    slack: f64,
}

fn pose<'a>(model: &'a Model, projection: &Projection) -> Result<Posed<'a>> {
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
    let reactions = Reactions::new(model, network, projection.theta, &centre);
    let (cloud, slack) = match origins.iter().any(|o| matches!(o, Origin::Stationary)) {
        true => {
            let law = stationary_at(model, projection.theta, projection.start, projection.t0)?;
            (cloud_of(&reactions, &law), law.error_bound)
        }
        false => (product(&reactions, &origins, projection)?, 0.0),
    };
    Ok(Posed { reactions, origins, stops, cloud, slack })
}

/// A time within the stretch that begins at `now`: a propensity may take its new value at a break or just behind it.
pub(super) fn inside(now: f64, stops: &[Stop]) -> f64 {
    stops.iter().find(|stop| stop.time > now).map_or(now, |stop| 0.5 * (now + stop.time))
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
            "{} states are the limit 'network-states', and at t = {time} more are needed to lose no more than {:.1e} of the probability",
            projection.most_states, projection.tolerance
        ),
        hint: format!("{}; or {}", Limit::NetworkStates.mend(), Limit::NetworkStates.flag(None)),
    }
}

pub(super) fn too_slow(reactions: &Reactions, (now, most): (f64, f64), states: usize) -> Error {
    Error::Numerics {
        what: format!("the master equation of model '{}'", reactions.model.id),
        why: format!(
            "at t = {now} it takes more than {most:e} multiplications over {states} states, the limit 'network-work'"
        ),
        hint: format!("{}; or {}", Limit::NetworkWork.mend(), Limit::NetworkWork.flag(None)),
    }
}

/// What [`too_many`] says, before the work is done.
pub(super) fn too_many_ahead(reactions: &Reactions, most: usize, (time, states): (f64, f64)) -> Error {
    let needs = match states.is_finite() {
        true => format!("some {states:.0e} states are foreseen at t = {time:.3e}"),
        false => format!("paths run away to infinity near t = {time:.3e}"),
    };
    let asked = states.is_finite().then_some(states);
    Error::Numerics {
        what: format!("the master equation of model '{}'", reactions.model.id),
        why: format!(
            "{needs}, and {most} are the limit 'network-states'; simulated paths tell so before the work is begun"
        ),
        hint: format!("{}; or {}", Limit::NetworkStates.mend(), Limit::NetworkStates.flag(asked)),
    }
}

/// What [`too_slow`] says, before the work is done.
pub(super) fn too_slow_ahead(reactions: &Reactions, time: f64, (work, states): (f64, f64)) -> Error {
    Error::Numerics {
        what: format!("the master equation of model '{}'", reactions.model.id),
        why: format!(
            "until t = {time:.3e} some {work:.0e} multiplications over {states:.0e} states are foreseen, more than the {:e} of the limit \
             'network-work'",
            most_work()
        ),
        hint: format!("{}; or {}", Limit::NetworkWork.mend(), Limit::NetworkWork.flag(Some(work))),
    }
}

pub(super) fn snapshot(reactions: &Reactions, cloud: &Cloud, time: f64, (slack, round_off): (f64, f64)) -> Snapshot {
    let mass: f64 = cloud.p.iter().sum();
    let counts = (0..cloud.len()).flat_map(|i| reactions.in_file_order(cloud.state(i))).collect();
    let bound = (1.0 - mass).max(0.0) + slack + round_off;
    Snapshot::new(time, reactions.n(), counts, cloud.p.clone(), (bound, slack))
}

/// A network without events, on a window that moves with its probability.
fn follow(
    mut reactions: Reactions,
    mut window: Window,
    stops: &[Stop],
    (projection, start): (&Projection, f64),
) -> Result<Vec<Snapshot>> {
    /// Products of the first step, and of the longest.
    const FIRST: f64 = 64.0;
    const LONGEST: f64 = 4_096.0;
    /// Products of a horizon in which the law may well come to rest.
    const MANY: f64 = 50_000.0;
    /// Multiplications after which Krylov's steps are thought of: a second or so.
    const PATIENCE: f64 = 1e9;
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
    let (mut slack, mut patience) = (start, PATIENCE);
    let mut snapshots = Vec::with_capacity(projection.times.len());
    // Of more coordinates rows are short, and every state costs more.
    let mut watch = Watch::new(if window.dimensions() > 2 { 20_000 } else { 100_000 });
    for (i, stop) in stops.iter().enumerate() {
        while now < stop.time {
            let rest = stop.time - now;
            let drift = window.speed() * rest;
            // No state's probability changes by more than all of it that moves until then.
            if slack - start + drift <= standing {
                slack += drift;
                now = stop.time;
                break;
            }
            let h = rest / (rest / window.step(products)).ceil().max(1.0);
            let allowed = share * projection.tolerance * h / horizon;
            // A clock that ran too slowly is set anew, and the step made again.
            let mut step = Step::Faster;
            while let Step::Faster = step {
                if watch.is_due(window.work, window.states()) {
                    let drawn = window.drawn(outlook::PATHS);
                    let (states, work, most_states) = (window.states(), window.work, projection.most_states);
                    let standing = Standing { drawn: &drawn, states, work, now, until: last, most_states };
                    if let Some(refusal) = outlook::foreseen(&mut reactions, &standing) {
                        return Err(refusal);
                    }
                }
                step = window.advance(&mut reactions, now + 0.5 * h, h, allowed)?;
                if window.work > most_work() {
                    return Err(too_slow(&reactions, (now, most_work()), window.states()));
                }
            }
            match step {
                Step::TooMany => return Err(too_many(&reactions, projection, now + h)),
                Step::Done(more) => {
                    lost += more;
                    window.set_mass(1.0 - lost);
                }
                Step::Faster => {}
            }
            now = if h == rest { stop.time } else { now + h };
            products = (4.0 * products).min(LONGEST);
            if window.work > patience && now < last {
                // Much is done and more may be left: by longer steps, if there are such.
                patience *= 4.0;
                let cloud = cloud_of(&reactions, &window.snapshot(&reactions, now, (0.0, 0.0)));
                let flow = Flow::new(&mut reactions, &cloud, inside(now, &stops[i..]))?;
                if krylov::pays(&flow, cloud.len(), last - now) {
                    let driver = Driver::new(reactions, cloud, None, projection, slack);
                    let rest = driver.run(&stops[i..], now)?;
                    snapshots.extend(rest.into_iter().map(|answer| answer.law));
                    return Ok(snapshots);
                }
            }
        }
        if stop.breaks {
            window.evaluate(&mut reactions, inside(now, &stops[i..]));
        }
        if stop.is_output {
            let bound = lost + slack + f64::EPSILON * window.products.sqrt();
            snapshots.push(window.snapshot(&reactions, now, (bound, slack)));
        }
    }
    Ok(snapshots)
}

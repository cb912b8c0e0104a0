//! The law of a network that does not change with time.
//!
//! Networks of single steps along a line: detailed balance, state by state, also where the counts have no end. Others by elimination
//! ([`super::elimination`]) on all their states, or, where counts have no end, on a set that grows where probability leaves it.

use super::super::counts::{self, Origin, Timing};
use super::elimination::Eliminated;
use super::flow::Flow;
use super::sensitivity::Moving;
use super::snapshot::Snapshot;
use super::space::{Cloud, Reactions};
use crate::base::{Limit, Result, math};
use crate::models::Model;
use crate::process::{Network, Process};

/// States of a law without end on a line, or of a finite network.
const MOST: Limit = Limit::EliminatedStates;

/// That it runs away is as likely, where counts have no end.
fn endless() -> String {
    format!("probability runs away to infinity, or needs {}", MOST.told(None))
}

/// The law of a network that does not change with time: as [`stationary_at`], with its rates as they are at time zero.
///
/// # Errors
/// As [`stationary_at`].
pub fn stationary(model: &Model, theta: &[f64], start: &[f64]) -> Result<Snapshot> {
    stationary_at(model, theta, start, 0.0)
}

/// The law that would stand still under the rates at `time`, of the states that `start` leads to, `[species]`; empty: the file's start,
/// in which numbers of conserved species say their totals.
///
/// Where the counts have no end and are no line, states are added where probability leaves those held, until what was added last
/// has less than 1e-13. The bound of the snapshot is then an estimate, twice that probability: a set of states behind a gap that deep
/// would be missed. Cost: states × band², at most some seconds.
///
/// # Errors
/// [`crate::base::Error::FormUnavailable`] with the reason: events, rates that change smoothly with time, a total nobody says,
/// too many states, or a law that is not unique.
pub fn stationary_at(model: &Model, theta: &[f64], start: &[f64], time: f64) -> Result<Snapshot> {
    let refuse =
        |why: &str| super::super::Form::MasterEquation.unavailable(model, &format!("no stationary start: {why}"));
    let Process::Network(network) = &model.process else { return Err(refuse("it is no network")) };
    if network.events.iter().any(|e| e.at.is_none()) {
        return Err(refuse("it has events that watch the state"));
    }
    if counts::timing(network) == Timing::Smooth {
        return Err(refuse("it has rates that change smoothly with time"));
    }
    if let Some(why) = network.beyond_counts() {
        return Err(refuse(&why));
    }
    let origins = counts::origins(model, network, theta, start)?;
    check_totals(network, &origins).map_err(|why| refuse(&why))?;
    let seed: Vec<f64> = origins.iter().map(|o| if let Origin::At(x) = o { *x } else { 0.0 }).collect();
    let mut reactions = Reactions::new(model, network, theta, &seed);
    if let Some(law) = on_a_line(&mut reactions, &seed, time)? {
        return law.map_err(|why| refuse(&why));
    }
    let bounded = |s: usize| {
        network.conservation_laws().iter().any(|l| l.is_non_negative() && l.weights.iter().any(|w| w.0 == s))
    };
    let seed = reactions.sorted(&seed);
    let one = Cloud::new(reactions.n(), &seed, &[1.0]);
    let answer = match (0..network.species.len()).all(bounded) {
        true => on_all_states(&mut reactions, one, seed, time)?,
        false => on_a_growing_set(&mut reactions, one, time)?,
    };
    let (cloud, bound) = answer.map_err(|why| refuse(&why))?;
    let counts = (0..cloud.len()).flat_map(|i| reactions.in_file_order(cloud.state(i))).collect();
    Ok(Snapshot::new(f64::INFINITY, reactions.n(), counts, cloud.p, (bound, bound)))
}

/// A law with its bound, or why there is none.
type Found = std::result::Result<(Cloud, f64), String>;

fn on_all_states(reactions: &mut Reactions, one: Cloud, seed: Vec<i64>, time: f64) -> Result<Found> {
    let added = reactions.neighbours(&one, seed, (usize::MAX, MOST.most() as usize), time)?;
    let mut cloud = one.joined(&added);
    let flow = Flow::new(reactions, &cloud, time)?;
    if !flow.leaving.is_empty() {
        return Ok(Err(MOST.told(None)));
    }
    Ok(Eliminated::new(&flow, cloud.len()).map(|eliminated| {
        cloud.p = eliminated.law();
        (cloud, 0.0)
    }))
}

/// Elimination on the states held, those that lead to the first and back; more are added from where probability leaves.
fn on_a_growing_set(reactions: &mut Reactions, mut cloud: Cloud, time: f64) -> Result<Found> {
    const RINGS: usize = 32;
    /// Probability that the states added last may have.
    const LAST: f64 = 1e-13;
    /// Of what leaves, the part that may leave by gates that are not looked behind.
    const SHUT: f64 = 1e-6;
    let n = reactions.n();
    let seed = cloud.states.clone();
    let mut before: Option<Cloud> = None;
    loop {
        let whole = Flow::new(reactions, &cloud, time)?;
        let first = cloud.find(&seed).unwrap_or(0);
        let joined = strongly_joined(&whole, cloud.len(), first);
        let mut held = cloud.kept(&|i| joined[i]);
        let flow = Flow::new(reactions, &held, time)?;
        match Eliminated::new(&flow, held.len()) {
            Ok(eliminated) => held.p = eliminated.law(),
            Err(why) => return Ok(Err(why)),
        }
        if flow.leaving.is_empty() {
            return Ok(Ok((held, 0.0)));
        }
        let new = |i: usize| before.as_ref().is_some_and(|b| b.find(held.state(i)).is_none());
        let added: f64 = (0..held.len()).filter(|i| new(*i)).map(|i| held.p[i]).sum();
        if before.as_ref().is_some_and(|b| b.len() < held.len()) && added < LAST {
            return Ok(Ok((held.pruned(1e-25), 2.0 * added)));
        }
        let all: f64 = flow.leaving.iter().map(|(i, rate)| held.p[*i] * rate).sum();
        let least = SHUT * all / flow.leaving.len() as f64;
        let open = flow.leaving.iter().filter(|(i, rate)| held.p[*i] * rate >= least);
        let mut gates: Vec<usize> = open.map(|g| g.0).collect();
        gates.dedup();
        let seeds: Vec<i64> = gates.iter().flat_map(|i| held.state(*i).to_vec()).collect();
        let ring = reactions.neighbours(&held, seeds, (RINGS, held.len() / 2 + 64), time)?;
        if !MOST.allows((held.len() + ring.len() / n) as f64) {
            return Ok(Err(endless()));
        }
        cloud = held.joined(&ring);
        before = Some(held);
    }
}

/// Whether each state leads to `first` and is led to by it.
fn strongly_joined(flow: &Flow, n: usize, first: usize) -> Vec<bool> {
    let edges: Vec<(usize, usize)> = flow.edges().filter(|e| e.2 > 0.0).map(|(from, to, _)| (from, to)).collect();
    let back: Vec<(usize, usize)> = edges.iter().map(|(from, to)| (*to, *from)).collect();
    let ahead = reached(&edges, n, first);
    reached(&back, n, first).into_iter().zip(ahead).map(|(a, b)| a && b).collect()
}

fn reached(edges: &[(usize, usize)], n: usize, first: usize) -> Vec<bool> {
    let mut starts = vec![0usize; n + 1];
    edges.iter().for_each(|(from, _)| starts[from + 1] += 1);
    (0..n).for_each(|i| starts[i + 1] += starts[i]);
    let (mut place, mut targets) = (starts.clone(), vec![0; edges.len()]);
    for (from, to) in edges {
        targets[place[*from]] = *to;
        place[*from] += 1;
    }
    let mut seen = vec![false; n];
    seen[first] = true;
    let mut stack = vec![first];
    while let Some(i) = stack.pop() {
        for j in &targets[starts[i]..starts[i + 1]] {
            if !std::mem::replace(&mut seen[*j], true) {
                stack.push(*j);
            }
        }
    }
    seen
}

/// Slopes of a law at rest: `Q s = -(dQ/dθ) p` with sum zero, on its states.
///
/// # Errors
/// Of propensities, or of an elimination that is too large.
pub(super) fn slopes_at_rest(
    reactions: &mut Reactions,
    moving: &mut Moving,
    cloud: &Cloud,
    time: f64,
) -> Result<Vec<Vec<f64>>> {
    let flow = Flow::new(reactions, cloud, time)?;
    let eliminated = Eliminated::new(&flow, cloud.len()).map_err(|why| {
        super::super::Form::MasterEquation
            .unavailable(reactions.model, &format!("no slopes of its stationary start: {why}"))
    })?;
    let mut slopes = Vec::with_capacity(moving.n());
    for source in moving.flows(reactions, cloud, time)? {
        let mut b = vec![0.0; cloud.len()];
        for (from, to, slope) in source.edges() {
            b[to] -= slope * cloud.p[from];
            b[from] += slope * cloud.p[from];
        }
        slopes.push(eliminated.solve(&b, &cloud.p));
    }
    Ok(slopes)
}

/// Conserved totals must be numbers, and what starts elsewhere than stationary must be part of one.
fn check_totals(network: &Network, origins: &[Origin]) -> std::result::Result<(), String> {
    if !origins.iter().any(|o| matches!(o, Origin::Stationary)) {
        return Ok(());
    }
    let laws = network.conservation_laws();
    for (i, (species, origin)) in network.species.iter().zip(origins).enumerate() {
        let conserved = laws.iter().any(|law| law.weights.iter().any(|w| w.0 == i));
        match origin {
            Origin::Stationary if conserved => {
                return Err(format!("the conserved total of {} is said by nothing", species.name));
            }
            Origin::Drawn(_) => return Err(format!("{} starts from a law of its own", species.name)),
            Origin::At(_) if !conserved => return Err(format!("{} starts at a number", species.name)),
            _ => {}
        }
    }
    Ok(())
}

type Answer = std::result::Result<Snapshot, String>;

/// `p_{k+1} down_{k+1} = p_k up_k` along the line through `seed`; `None` where the network is no such line.
fn on_a_line(reactions: &mut Reactions, seed: &[f64], time: f64) -> Result<Option<Answer>> {
    let Some((v, along)) = reactions.network.direction() else { return Ok(None) };
    if along.iter().any(|s| s.abs() > 1) {
        return Ok(None);
    }
    let state = |k: i64| -> Vec<f64> { seed.iter().zip(&v).map(|(x, v)| x + (k * v) as f64).collect() };
    let first = (0..=MOST.most() as i64).find(|k| state(-k - 1).iter().any(|x| *x < 0.0));
    let Some(first) = first else { return Ok(Some(Err(MOST.told(None)))) };
    let mut logs = vec![0.0];
    let mut top: f64 = 0.0;
    for k in -first.. {
        if !MOST.allows(logs.len() as f64) {
            return Ok(Some(Err(endless())));
        }
        let (here, next) = (state(k), state(k + 1));
        let up = steps(reactions, &here, (&along, 1), time)?;
        if up == 0.0 || next.iter().any(|x| *x < 0.0) {
            break;
        }
        let down = steps(reactions, &next, (&along, -1), time)?;
        if down == 0.0 {
            return Ok(Some(Err(format!(
                "from {} there is no way back",
                counts::place(reactions.network, &next, 0.0)
            ))));
        }
        let last = logs[logs.len() - 1] + math::ln(up / down);
        logs.push(last);
        top = top.max(last);
        // Beyond the last peak what is left falls off: up < down for good where laws are polynomials.
        if last < top - 45.0 && up < 0.9 * down {
            break;
        }
    }
    let weights: Vec<f64> = logs.iter().map(|l| math::exp(l - top)).collect();
    let total: f64 = weights.iter().sum();
    let counts = (0..weights.len()).flat_map(|i| state(i as i64 - first)).collect();
    let p = weights.into_iter().map(|w| w / total).collect();
    Ok(Some(Ok(Snapshot::new(f64::INFINITY, seed.len(), counts, p, (0.0, 0.0)))))
}

/// Rate of all reactions that step so along a line.
pub(super) fn steps(reactions: &mut Reactions, x: &[f64], (along, step): (&[i64], i64), time: f64) -> Result<f64> {
    let rates = reactions.rates(&reactions.sorted(x), time)?;
    Ok(rates.iter().zip(along).filter(|(_, s)| **s == step).map(|(row, _)| row[0]).sum())
}

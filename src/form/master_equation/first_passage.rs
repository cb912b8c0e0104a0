//! Mean times until a count is first reached.

use super::super::counts::{self, Origin, Timing};
use super::elimination::{MOST_HELD, MOST_WORK};
use super::flow::Flow;
use super::space::{Cloud, Reactions};
use super::stationary::steps;
use crate::base::{Error, Limit, Result};
use crate::models::Model;
use crate::process::{Network, Process};

/// States a line may need.
const LONGEST_LINE: i64 = 10_000_000;

/// The mean time at which `species` first has `target` molecules, or has passed them, from `start` (empty: the file's).
///
/// Backward equation `Σ_j q(i, j) (T_j - T_i) = -1` with `T = 0` on the target (Gardiner 2009, section 12.5). Networks of single steps
/// along a line: the times of one step each, `T_n = (1 + d_n T_{n-1}) / b_n`, also where the counts have no end. Others where finitely
/// many states stand before the target: elimination of the states one by one (as Grassmann, Taksar & Heyman 1985), rates and times
/// alike. All sums are of positive numbers, so the time has its digits however long it is. In the unit of the model's time.
///
/// Cost: states, or states × band². Not for networks with events or rates that change with time.
///
/// # Errors
/// [`Error::FormUnavailable`] with the reason: a random start, events, rates that change with time, too many states, or a target
/// that is not reached with certainty.
pub fn mean_first_passage(model: &Model, theta: &[f64], start: &[f64], species: usize, target: f64) -> Result<f64> {
    let refuse = |why: &str| super::super::Form::MasterEquation.unavailable(model, &format!("no first passage: {why}"));
    let Process::Network(network) = &model.process else { return Err(refuse("it is no network")) };
    if !network.events.is_empty() || counts::timing(network) != Timing::Constant {
        return Err(refuse("it has events, or coefficients that change with time"));
    }
    if let Some(why) = network.beyond_counts() {
        return Err(refuse(&why));
    }
    if species >= network.species.len() || !counts::is_count(target) {
        return Err(Error::BadOption {
            flag: "first passage".to_string(),
            value: format!("species {species} at {target}"),
            expected: "a species of the network and a whole number of molecules".to_string(),
            hint: None,
        });
    }
    let at = |origin: &Origin| if let Origin::At(x) = origin { Some(*x) } else { None };
    let origins = counts::origins(model, network, theta, start)?;
    let from: Vec<f64> =
        origins.iter().map(at).collect::<Option<_>>().ok_or_else(|| refuse("its start is random; give counts"))?;
    if from[species] == target {
        return Ok(0.0);
    }
    let mut reactions = Reactions::new(model, network, theta, &from);
    match along_line(&mut reactions, network, &from, species, target)? {
        Some(time) => time,
        None => by_elimination(&mut reactions, &from, species, target)?,
    }
    .map_err(|why| refuse(&why))
}

type Time = std::result::Result<f64, String>;

/// `None` where the network is no line of single steps.
fn along_line(
    reactions: &mut Reactions,
    network: &Network,
    from: &[f64],
    species: usize,
    target: f64,
) -> Result<Option<Time>> {
    let Some((v, along)) = network.direction() else { return Ok(None) };
    if along.iter().any(|s| s.abs() > 1) || v[species] == 0 {
        return Ok(None);
    }
    let state = |k: i64| -> Vec<f64> { from.iter().zip(&v).map(|(x, v)| x + (k * v) as f64).collect() };
    let possible = |k: i64| state(k).iter().all(|x| *x >= 0.0);
    // Steps to the target, and which way along the line that is.
    let change = (target - from[species]) / v[species] as f64;
    let (towards, n) = (change.signum() as i64, change.abs().ceil() as i64);
    if !possible(towards * n) {
        return Ok(Some(Err(format!("{target} molecules cannot be reached"))));
    }
    // The far end of the line on the other side, further and further off where there is none.
    let mut reach: i64 = 1_024;
    let mut before = f64::NAN;
    loop {
        let mut first = 0;
        while first < reach && possible(-towards * (first + 1)) {
            first += 1;
        }
        let (mut one, mut total) = (0.0, 0.0);
        for k in -first..n {
            let x = state(towards * k);
            let forth = steps(reactions, &x, (&along, towards), 0.0)?;
            let back = if k == -first { 0.0 } else { steps(reactions, &x, (&along, -towards), 0.0)? };
            one = (1.0 + back * one) / forth;
            total += if k >= 0 { one } else { 0.0 };
            // Behind a state that is never left forwards but is left backwards the target may be missed.
            if !one.is_finite() && k >= 0 {
                return Ok(Some(Err("it may never be reached".to_string())));
            }
            one = if one.is_finite() { one } else { 0.0 };
        }
        if first < reach || (total - before).abs() <= 1e-14 * total {
            return Ok(Some(Ok(total)));
        }
        before = total;
        reach *= 2;
        if reach > LONGEST_LINE {
            return Ok(Some(Err("it may never be reached, or needs too many states".to_string())));
        }
    }
}

/// Fold the states before the target into one another, from the last to the first.
fn by_elimination(reactions: &mut Reactions, from: &[f64], species: usize, target: f64) -> Result<Time> {
    const MOST: Limit = Limit::EliminatedStates;
    let position = reactions.order.iter().position(|s| *s == species).unwrap_or_default();
    let n = reactions.n();
    let passed =
        |x: &[i64]| if target > from[species] { x[position] as f64 >= target } else { x[position] as f64 <= target };
    let seed = reactions.sorted(from);
    let mut cloud = Cloud::new(n, &seed, &[1.0]);
    let mut frontier = seed.clone();
    while !frontier.is_empty() {
        let ring = reactions.neighbours(&cloud, frontier, (1, usize::MAX), 0.0)?;
        frontier = ring.chunks(n).filter(|x| !passed(x)).flatten().copied().collect();
        cloud = cloud.joined(&frontier);
        if !MOST.allows(cloud.len() as f64) {
            return Ok(Err(MOST.told(None)));
        }
    }
    let flow = Flow::new(reactions, &cloud, 0.0)?;
    let size = cloud.len();
    let band = flow.edges().map(|(from, to, _)| from.abs_diff(to)).max().unwrap_or(0);
    let width = 2 * band + 1;
    if size as f64 * (band * band) as f64 > MOST_WORK || size * width > MOST_HELD {
        return Ok(Err(format!("{size} states with links {band} apart are too many to eliminate")));
    }
    let at = |i: usize, j: usize| i * width + j + band - i;
    let mut q = vec![0.0; size * width];
    flow.edges().for_each(|(from, to, rate)| q[at(from, to)] += rate);
    // Rates into the target, and mean times until the next jump is out of what is left.
    let mut goal = vec![0.0; size];
    flow.leaving.iter().for_each(|(i, rate)| goal[*i] += rate);
    let mut time = vec![1.0; size];
    let mut out = vec![0.0; size];
    for k in (0..size).rev() {
        let low = k.saturating_sub(band);
        out[k] = goal[k] + (low..k).map(|j| q[at(k, j)]).sum::<f64>();
        if out[k] == 0.0 {
            return Ok(Err("it may never be reached".to_string()));
        }
        for i in low..k {
            let share = q[at(i, k)] / out[k];
            if share > 0.0 {
                time[i] += share * time[k];
                goal[i] += share * goal[k];
                for j in (low..k).filter(|j| *j != i) {
                    q[at(i, j)] += share * q[at(k, j)];
                }
            }
        }
    }
    let mut mean = vec![0.0; size];
    for k in 0..size {
        let later: f64 = (k.saturating_sub(band)..k).map(|j| q[at(k, j)] * mean[j]).sum();
        mean[k] = (time[k] + later) / out[k];
    }
    Ok(Ok(cloud.find(&seed).map_or(f64::NAN, |i| mean[i])))
}

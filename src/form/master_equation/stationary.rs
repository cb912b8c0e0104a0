//! The law of a network that does not change with time.
//!
//! Networks of single steps along a line: detailed balance, state by state, also where the counts have no end. Others where the
//! states are finitely many: the elimination of Grassmann, Taksar & Heyman (1985), without subtraction, within the band of the
//! states' order.

use super::super::counts::{self, Origin, Timing};
use super::flow::Flow;
use super::snapshot::Snapshot;
use super::space::{Cloud, Reactions};
use crate::base::{Result, math};
use crate::models::Model;
use crate::process::{Network, Process};

/// States of a law without end on a line, or of a finite network.
const MOST_STATES: usize = 200_000;
/// Multiplications and numbers held by the elimination.
pub(super) const MOST_WORK: f64 = 2e10;
pub(super) const MOST_HELD: usize = 20_000_000;

/// The stationary law of the states that `start` leads to, `[species]`; empty: the file's start, in which numbers of conserved
/// species say their totals.
///
/// # Errors
/// [`crate::base::Error::FormUnavailable`] with the reason: events, coefficients that change with time, a total nobody says, a state space
/// without end that is no line, or a law that is not unique.
pub fn stationary(model: &Model, theta: &[f64], start: &[f64]) -> Result<Snapshot> {
    let refuse =
        |why: &str| super::super::Form::MasterEquation.unavailable(model, &format!("no stationary start: {why}"));
    let Process::Network(network) = &model.process else { return Err(refuse("it is no network")) };
    if !network.events.is_empty() || counts::timing(network) != Timing::Constant {
        return Err(refuse("it has events, or coefficients that change with time"));
    }
    if let Some(why) = network.beyond_counts() {
        return Err(refuse(&why));
    }
    let origins = counts::origins(model, network, theta, start)?;
    check_totals(network, &origins).map_err(|why| refuse(&why))?;
    let seed: Vec<f64> = origins.iter().map(|o| if let Origin::At(x) = o { *x } else { 0.0 }).collect();
    let mut reactions = Reactions::new(model, network, theta, &seed);
    if let Some(law) = on_a_line(&mut reactions, &seed)? {
        return law.map_err(|why| refuse(&why));
    }
    let seed = reactions.sorted(&seed);
    let one = Cloud::new(reactions.n(), &seed, &[1.0]);
    let added = reactions.neighbours(&one, seed, (usize::MAX, MOST_STATES), 0.0)?;
    let cloud = one.joined(&added);
    let flow = Flow::new(&mut reactions, &cloud, 0.0)?;
    if !flow.leaving.is_empty() {
        return Err(refuse(&format!("more than {MOST_STATES} states")));
    }
    let p = eliminate(&flow, cloud.len()).map_err(|why| refuse(&why))?;
    let counts = (0..cloud.len()).flat_map(|i| reactions.in_file_order(cloud.state(i))).collect();
    Ok(Snapshot::new(f64::INFINITY, reactions.n(), counts, p, 0.0))
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
fn on_a_line(reactions: &mut Reactions, seed: &[f64]) -> Result<Option<Answer>> {
    let Some((v, along)) = reactions.network.direction() else { return Ok(None) };
    if along.iter().any(|s| s.abs() > 1) {
        return Ok(None);
    }
    let state = |k: i64| -> Vec<f64> { seed.iter().zip(&v).map(|(x, v)| x + (k * v) as f64).collect() };
    let first = (0..=MOST_STATES as i64).find(|k| state(-k - 1).iter().any(|x| *x < 0.0));
    let Some(first) = first else { return Ok(Some(Err(format!("more than {MOST_STATES} states")))) };
    let mut logs = vec![0.0];
    let mut top: f64 = 0.0;
    for k in -first.. {
        if logs.len() > MOST_STATES {
            return Ok(Some(Err("probability runs away to infinity, or needs too many states".to_string())));
        }
        let (here, next) = (state(k), state(k + 1));
        let up = steps(reactions, &here, &along, 1)?;
        if up == 0.0 || next.iter().any(|x| *x < 0.0) {
            break;
        }
        let down = steps(reactions, &next, &along, -1)?;
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
    Ok(Some(Ok(Snapshot::new(f64::INFINITY, seed.len(), counts, p, 0.0))))
}

/// Rate of all reactions that step so along a line.
pub(super) fn steps(reactions: &mut Reactions, x: &[f64], along: &[i64], step: i64) -> Result<f64> {
    let rates = reactions.rates(&reactions.sorted(x), 0.0)?;
    Ok(rates.iter().zip(along).filter(|(_, s)| **s == step).map(|(row, _)| row[0]).sum())
}

/// Fold the last state into those before it, one after another; all sums of positive numbers.
fn eliminate(flow: &Flow, n: usize) -> std::result::Result<Vec<f64>, String> {
    let band = flow.edges().map(|(from, to, _)| from.abs_diff(to)).max().unwrap_or(0);
    let width = 2 * band + 1;
    if n as f64 * (band * band) as f64 > MOST_WORK || n * width > MOST_HELD {
        return Err(format!("{n} states with links {band} apart are too many to eliminate"));
    }
    // q(i, j) stands at i * width + j + band - i.
    let at = |i: usize, j: usize| i * width + j + band - i;
    let mut q = vec![0.0; n * width];
    flow.edges().for_each(|(from, to, rate)| q[at(from, to)] += rate);
    for k in (1..n).rev() {
        let low = k.saturating_sub(band);
        let out: f64 = (low..k).map(|j| q[at(k, j)]).sum();
        if out == 0.0 {
            return Err("its states do not all lead to one another".to_string());
        }
        for i in low..k {
            let share = q[at(i, k)] / out;
            q[at(i, k)] = share;
            if share > 0.0 {
                for j in (low..k).filter(|j| *j != i) {
                    q[at(i, j)] += share * q[at(k, j)];
                }
            }
        }
    }
    let mut p = vec![1.0; n];
    for k in 1..n {
        p[k] = (k.saturating_sub(band)..k).map(|i| p[i] * q[at(i, k)]).sum();
    }
    let total: f64 = p.iter().sum();
    p.iter_mut().for_each(|p| *p /= total);
    Ok(p)
}

//! Networks whose every reaction is one step to or fro along a line, by the eigenpairs of their master equation.
//!
//! `P(n, t) = √(π_n/π_m) Σ_k e^{-λ_k t} v_k(n) v_k(m)` with the modes that are still alive at the first time asked; the chain's own
//! rates make every `λ_k` and `v_k` right to its size ([`super::chain`]). Not for short times, at which most modes are alive.

use super::super::counts::{self, Origin, Timing};
use super::super::{Form, Question, master_equation};
use super::chain::{Chain, Factor};
use super::spectrum::Spectrum;
use crate::base::{Error, Result, math};
use crate::expr::Tape;
use crate::models::Model;
use crate::predictive::{Lattice, Predictive};
use crate::process::{HAS_EVENTS, Network};

/// Modes that are followed at most.
const MOST_MODES: usize = 400;
/// A mode is forgotten at `e^-39`: 1e-17.
const FORGOTTEN: f64 = 39.0;

/// Why this form does not answer a network; `None` where it does.
pub(in crate::form) fn why_not(network: &Network) -> Option<String> {
    if !network.events.is_empty() {
        return Some(HAS_EVENTS.to_string());
    }
    if let Some(why) = network.beyond_counts() {
        return Some(why);
    }
    if counts::timing(network) != Timing::Constant {
        return Some("its propensities change with time".to_string());
    }
    let Some((_, along)) = network.direction() else {
        return Some(
            "its reactions are not steps along one line, and without detailed balance its spectrum is complex"
                .to_string(),
        );
    };
    if along.iter().any(|s| s.abs() > 1) {
        return Some("a reaction makes several steps at once, and so has no detailed balance".to_string());
    }
    let both = [1, -1].into_iter().all(|s| along.contains(&s));
    (!both).then(|| "its steps have no way back, so there is no stationary law to hold its rates against".to_string())
}

/// The states on the line, with the chain of steps between.
struct Counts {
    /// `[state][species]`
    states: Vec<Vec<f64>>,
    chain: Chain,
    ln_weights: Vec<f64>,
}

impl Counts {
    /// The states that hold all of the stationary law but 3e-20.
    fn new(model: &Model, network: &Network, theta: &[f64], start: &[f64]) -> Result<Counts> {
        let refuse = |why: &str| Form::Schroedinger.unavailable(model, why);
        if let Some(why) = why_not(network) {
            return Err(refuse(&why));
        }
        let law = master_equation::stationary(model, theta, start).map_err(|e| match e {
            Error::FormUnavailable { why, .. } => refuse(&why),
            other => other,
        })?;
        let states: Vec<Vec<f64>> = (0..law.len()).map(|i| law.state(i).to_vec()).collect();
        let Some((_, along)) = network.direction() else { return Err(refuse("it is no line")) };
        let frame = &network.frame;
        let propensities: Vec<_> = network.reactions.iter().map(|r| r.propensity).collect();
        let lanes: Vec<usize> = (0..network.species.len()).map(|s| frame.variable(s)).collect();
        let tape = Tape::compile(&frame.pool, &propensities, &lanes);
        let columns: Vec<Vec<f64>> = (0..lanes.len()).map(|s| states.iter().map(|x| x[s]).collect()).collect();
        let inputs: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let mut rates = vec![vec![0.0; states.len()]; propensities.len()];
        let mut out: Vec<&mut [f64]> = rates.iter_mut().map(Vec::as_mut_slice).collect();
        tape.run(&frame.symbols(theta, 0.0), &inputs, &mut out, &mut crate::expr::Scratch::default());
        let side = |step: i64| -> Vec<f64> {
            let rows = || rates.iter().zip(&along).filter(|(_, s)| **s == step);
            (0..states.len()).map(|i| rows().map(|(row, _)| row[i]).sum()).collect()
        };
        let n = states.len();
        // Nothing leaves at the cuts.
        let mut chain = Chain { down: side(-1), up: side(1) };
        (chain.down[0], chain.up[n - 1]) = (0.0, 0.0);
        if n < 2 || !chain.up[..n - 1].iter().chain(&chain.down[1..]).all(|r| *r > 0.0 && r.is_finite()) {
            return Err(refuse("its start leads to no other state, or not back"));
        }
        let ln_weights = chain.ln_weights();
        Ok(Counts { states, chain, ln_weights })
    }

    fn place(&self, x: &[f64]) -> Option<usize> {
        self.states.iter().position(|s| s.as_slice() == x)
    }
}

pub(super) fn spectrum(model: &Model, network: &Network, theta: &[f64], n: usize) -> Result<Spectrum> {
    let counts = Counts::new(model, network, theta, &[])?;
    let factor = counts.chain.factor();
    let most = n.min(counts.states.len());
    let rates: Vec<f64> = (0..most).map(|k| if k == 0 { 0.0 } else { factor.eigenvalue(k, None) }).collect();
    let errors = rates.iter().map(|r| counts.states.len() as f64 * f64::EPSILON * r).collect();
    Ok(Spectrum { rates, errors, closed: false })
}

/// A mode: its rate and its vector in the symmetric coordinates.
struct Mode {
    rate: f64,
    vector: Vec<f64>,
}

/// The modes alive after `t`, and the bound on what the others hold.
fn modes(factor: &Factor, ln_weights: &[f64], t: f64) -> Option<Vec<Mode>> {
    let top = ln_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut still: Vec<f64> = ln_weights.iter().map(|l| math::exp(0.5 * (l - top))).collect();
    let length = still.iter().map(|s| s * s).sum::<f64>().sqrt();
    still.iter_mut().for_each(|s| *s /= length);
    let mut modes = vec![Mode { rate: 0.0, vector: still }];
    while modes.len() < ln_weights.len() {
        let rate = factor.eigenvalue(modes.len(), None);
        if rate * t > FORGOTTEN {
            break;
        }
        if modes.len() == MOST_MODES {
            return None;
        }
        modes.push(Mode { rate, vector: factor.eigenvector(rate) });
    }
    Some(modes)
}

/// The laws of the species, `[time][species]`, and the largest error of a probability as far as round-off and mass tell.
///
/// # Errors
/// [`Error::FormUnavailable`] as [`why_not`], for a random start, and at times so short that more than 400 modes are alive.
pub(in crate::form) fn marginals(
    model: &Model,
    network: &Network,
    question: &Question,
) -> Result<(Vec<Vec<Predictive>>, f64)> {
    let refuse = |why: String| Form::Schroedinger.unavailable(model, &why);
    let origins = counts::origins(model, network, question.theta, question.start)?;
    let start: Option<Vec<f64>> = origins.iter().map(|o| if let Origin::At(x) = o { Some(*x) } else { None }).collect();
    let start = start.ok_or_else(|| refuse("its start is random; give it with --from".to_string()))?;
    let counts = Counts::new(model, network, question.theta, &start)?;
    let m = counts.place(&start).ok_or_else(|| {
        refuse(
            "its start lies where the stationary law has less than 3e-20 of its peak: no digits are left there"
                .to_string(),
        )
    })?;
    let first = question.times.first().map_or(0.0, |t| t - question.t0);
    let modes = modes(&counts.chain.factor(), &counts.ln_weights, first).ok_or_else(|| {
        refuse(format!("after {first} more than {MOST_MODES} of its modes are still alive; the master equation is the form for short times"))
    })?;
    let mut error: f64 = 0.0;
    let mut rows = Vec::with_capacity(question.times.len());
    for time in question.times {
        let t = time - question.t0;
        let mut p = vec![0.0; counts.states.len()];
        for mode in &modes {
            let share = math::exp(-mode.rate * t) * mode.vector[m];
            p.iter_mut().zip(&mode.vector).for_each(|(p, v)| *p += share * v);
        }
        p.iter_mut().zip(&counts.ln_weights).for_each(|(p, l)| *p *= math::exp(0.5 * (l - counts.ln_weights[m])));
        let negative: f64 = p.iter().map(|p| (-p).max(0.0)).sum();
        let off = (p.iter().sum::<f64>() - 1.0).abs() + negative;
        error = error.max(off + 1e-13);
        if !(error < 1e-6) {
            return Err(refuse(format!(
                "round-off of {off:.0e} grew over the way from its start, where the stationary law is small"
            )));
        }
        let law = |s: usize| Lattice::new(counts.states.iter().zip(&p).map(|(x, p)| (x[s], p.max(0.0))));
        let row: Option<Vec<Predictive>> = (0..start.len()).map(|s| law(s).map(Predictive::Lattice)).collect();
        rows.push(row.ok_or_else(|| refuse("no probability was left".to_string()))?);
    }
    Ok((rows, error))
}

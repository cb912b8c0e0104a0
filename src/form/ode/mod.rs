//! Rate equations `dx/dt = f(x, t)`, stiff or not, by a Rosenbrock method with the symbolic Jacobian; with their slopes in the parameters.
//!
//! RODAS (Hairer & Wanner 1996, Solving Ordinary Differential Equations II, section VI.4): order 4 with an embedded 3, six stages, L-stable
//! and stiffly accurate, one LU decomposition a step, right for equations that change with time. Steps land on output times,
//! breaks and events. Dense: for up to some hundred variables. Cost: `n³/3` and six evaluations a step.
//!
//! What is solved is deterministic: the limit of many molecules, no fluctuations. An event that watches the state is refused by name.

mod rates;
mod rodas;
mod sensitivity;
#[cfg(test)]
mod sensitivity_tests;
mod sparse;
#[cfg(test)]
mod tests;

pub(super) use rodas::{Equations, Prepared, Stepper, root_mean_square};
pub use sensitivity::{Sensitivities, sensitivities};
pub(super) use sparse::Sparse;

use super::Form;
use crate::base::Result;
use crate::expr::Id;
use crate::models::Model;
use crate::process::{Network, Process, RateEquations, symbol};
use nalgebra::DVector;
use rates::Plain;

/// The states along the solution, and the steps it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// As they were asked, in the model's unit.
    pub times: Vec<f64>,
    /// `[time][variable]`
    pub states: Vec<Vec<f64>>,
    /// Steps that were accepted.
    pub steps: usize,
    /// Steps that were done again shorter, since their error was too large.
    pub rejected: usize,
}

/// An initial value problem: parameters, start, times and how exactly.
#[derive(Debug, Clone)]
pub struct Initial<'a> {
    /// `[parameter]` in the order of the model, natural units.
    pub theta: &'a [f64],
    /// `[variable]`
    pub start: &'a [f64],
    /// Time of the start, in the model's unit.
    pub t0: f64,
    /// Increasing, not before `t0`.
    pub times: &'a [f64],
    /// Relative error a step may make; the absolute one is as large times the size of the variable's start, or one, or the largest start
    /// where all are below one.
    pub tolerance: f64,
}

/// The rate equations of a network model, `dx/dt = S v(x, t)` with `S` the stoichiometry and `v` the macroscopic laws, in counts of molecules: the
/// limit of many of them, without fluctuations; quantities with rates of their own move by these. Events at known times and breaks are landed on.
///
/// Cost: as [`solve`]. Not where few molecules matter: the mean of a network whose laws are not linear is another curve.
///
/// # Errors
/// [`crate::base::Error::FormUnavailable`] where the model is no network or has an event that watches the state, is delayed or draws at
/// random; else as [`solve`].
pub fn rate_equations(model: &Model, initial: &Initial) -> Result<Trajectory> {
    solve(equations_of(model, Form::RateEquations)?, initial)
}

/// # Errors
/// [`crate::base::Error::FormUnavailable`] where the model is no network or has an event that watches the state.
pub(super) fn equations_of(model: &Model, form: Form) -> Result<RateEquations> {
    let Process::Network(network) = &model.process else {
        return Err(form.unavailable(model, &format!("it is a {}", model.process.kind())));
    };
    match why_not(network) {
        None => Ok(network.rate_equations()),
        Some(why) => Err(form.unavailable(model, &why)),
    }
}

/// Why a network has no rate equations; `None` where it has.
pub(super) fn why_not(network: &Network) -> Option<String> {
    network.rate_equations().refused
}

/// Solve rate equations to every time asked, by RODAS with steps chosen by its embedded error (Hairer & Wanner 1996, section VI.4).
///
/// Cost: `n³/3` and six evaluations of `n` right sides a step. Not for more than some hundred variables: matrices are dense.
///
/// # Errors
/// [`crate::base::Error::Numerics`] where the step became too small (a solution that runs off to infinity), the right side is not finite, or
/// there are too many steps.
pub fn solve(equations: RateEquations, initial: &Initial) -> Result<Trajectory> {
    let stops = stops(&equations, initial);
    let mut stepper = Stepper::new(Plain::new(equations, initial));
    let mut x = DVector::from_column_slice(initial.start);
    let mut now = initial.t0;
    let mut out = Trajectory { times: initial.times.to_vec(), states: Vec::new(), steps: 0, rejected: 0 };
    for stop in stops {
        now = stepper.advance(&mut x, now, stop.time)?;
        for event in &stop.fires {
            x = stepper.equations.after(*event, &x, now);
        }
        while out.times.get(out.states.len()).is_some_and(|t| *t <= now) {
            out.states.push(x.as_slice().to_vec());
        }
    }
    (out.steps, out.rejected) = (stepper.steps, stepper.rejected);
    Ok(out)
}

/// A time to land on.
pub(super) struct Stop {
    pub time: f64,
    /// Expressions of the breaks that are here.
    pub breaks: Vec<Id>,
    /// Events that fire here.
    pub fires: Vec<usize>,
}

/// Times to land on, in order.
pub(super) fn stops(equations: &RateEquations, initial: &Initial) -> Vec<Stop> {
    let at = |id: Id| equations.frame.at(id, initial.theta, initial.t0);
    let last = initial.times.last().copied().unwrap_or(initial.t0);
    let plain = |time: f64| Stop { time, breaks: Vec::new(), fires: Vec::new() };
    let mut stops: Vec<Stop> = initial.times.iter().map(|t| plain(*t)).collect();
    stops.extend(equations.breaks.iter().map(|id| Stop { breaks: vec![*id], ..plain(at(*id)) }));
    stops.extend(equations.events.iter().enumerate().map(|(e, (id, _))| Stop { fires: vec![e], ..plain(at(*id)) }));
    stops.retain(|stop| stop.time >= initial.t0 && stop.time <= last);
    stops.sort_by(|a, b| a.time.total_cmp(&b.time));
    stops.dedup_by(|later, first| {
        let same = later.time == first.time;
        if same {
            first.fires.append(&mut later.fires);
            first.breaks.append(&mut later.breaks);
        }
        same
    });
    stops
}

/// Every symbol's value at one state and time.
pub(super) fn symbols_at(symbols: &[f64], x: &[f64], time: f64) -> Vec<f64> {
    let mut symbols = symbols.to_vec();
    symbols[symbol::TIME] = time;
    symbols[symbol::STATE..symbol::STATE + x.len()].copy_from_slice(x);
    symbols
}

/// Size below which errors of each variable do not count, over the tolerance: its start, or one, or where all starts are smaller than one
/// (concentrations in a large unit) the largest of them.
pub(super) fn sizes(start: &[f64]) -> Vec<f64> {
    let largest = start.iter().map(|x| x.abs()).fold(0.0, f64::max);
    let scale = if largest > 0.0 { largest.min(1.0) } else { 1.0 };
    start.iter().map(|x| x.abs().max(scale)).collect()
}

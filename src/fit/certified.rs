//! From a start to a certified optimum of any mean negative log-likelihood.

use super::certify::{Status, judge};
use super::optimise::{Goal, Optimum, minimise, natural_hessian};
use super::{Estimate, Objective, Settings, Solved, interval};
use crate::base::{Error, Param, Params, Result};
use crate::models::Model;

/// A mean negative log-likelihood with its gradient in natural coordinates, over `n` observations.
pub(crate) struct Problem<'a> {
    pub objective: &'a dyn Goal,
    pub params: &'a [Param],
    /// Positions of the parameters that may move.
    pub free: &'a [usize],
    pub n: f64,
    pub settings: &'a Settings,
}

impl Problem<'_> {
    /// One search from `start` by the optimiser of the settings; parameters that lean on a bound are put on it where that is no worse, and the end is
    /// judged. Never an error: what went wrong is the status.
    pub fn solve(&self, start: &[f64]) -> Solved {
        let Problem { objective, params, free, n, settings } = *self;
        let most = settings.max_iterations;
        let search = settings.search();
        let mut optimum = minimise(objective, params, start, free, &search);
        // A coordinate never reaches its bound: put a parameter that leans on one exactly there if that is no worse.
        for k in free {
            if optimum.iterations >= most {
                break;
            }
            if let Some(bound) = params[*k].leans_on(optimum.theta[*k]) {
                let mut moved = optimum.theta.clone();
                moved[*k] = bound;
                let rest: Vec<usize> = free.iter().copied().filter(|j| j != k).collect();
                let held = minimise(objective, params, &moved, &rest, &search);
                let iterations = optimum.iterations + held.iterations;
                if held.value <= optimum.value + 1e-12 * (1.0 + optimum.value.abs()) {
                    let hessian = natural_hessian(objective, params, &held.theta, free);
                    optimum = Optimum { hessian, ..held };
                }
                optimum.iterations = iterations;
            }
        }
        let Optimum { theta, value, gradient, iterations, hessian, .. } = optimum;
        if !value.is_finite() {
            let status = Status::Failed("the likelihood is zero or not a number everywhere that was tried".to_string());
            let se = vec![None; theta.len()];
            return Solved { theta, value, rank: value, iterations, status, se };
        }
        let (mut status, se) = judge(params, &theta, free, &gradient, &hessian, n);
        let ran_out = iterations >= most;
        match status {
            // Stopped on the way: whatever the point looks like, it is not where the search was going.
            Status::Failed(_) if ran_out => status = Status::MaxIterations,
            Status::MaxIterations if !ran_out => {
                status = Status::Failed("the search stalled before the slope was zero".to_string());
            }
            _ => {}
        }
        Solved { theta, value, rank: value, iterations, status, se }
    }
}

/// First values of a model's parameters and the positions of those that may move.
///
/// # Errors
/// [`Error::UnknownParam`] or [`Error::ParamOutOfBounds`] from the settings.
pub(super) fn first_and_free(model: &Model, settings: &Settings) -> Result<(Params, Vec<usize>)> {
    let mut first = model.default_params();
    for (name, value) in settings.initial.iter().chain(&settings.fixed) {
        first.set(name, *value)?;
    }
    let mut free: Vec<usize> = (0..model.params.len()).collect();
    for (name, _) in &settings.fixed {
        let index = first.index(name)?;
        free.retain(|k| *k != index);
    }
    Ok((first, free))
}

/// # Errors
/// [`Error::BadOption`] for an objective other than `kl`, or a robust one.
pub(super) fn only_kl(settings: &Settings) -> Result<()> {
    match settings.objective {
        Objective::Kl if settings.robust.is_some() => Err(Error::BadOption {
            flag: "--robust".to_string(),
            value: "a robust loss".to_string(),
            expected: "none with several states or series, a filter, snapshots or networks".to_string(),
            hint: None,
        }),
        Objective::Kl => Ok(()),
        Objective::Mse => Err(Error::BadOption {
            flag: "--objective".to_string(),
            value: "mse".to_string(),
            expected: "kl, the one objective of counts and of several states or series".to_string(),
            hint: Some("--objective kl".to_string()),
        }),
    }
}

/// Every parameter's estimate with its interval.
pub(crate) fn estimates(params: &[Param], solved: &Solved, free: &[usize]) -> Vec<Estimate> {
    let one = |(i, p): (usize, &Param)| {
        let (estimate, se, fixed) = (solved.theta[i], solved.se[i], !free.contains(&i));
        let interval = se.and_then(|se| interval(p, estimate, se));
        Estimate {
            name: p.name.clone(),
            estimate,
            se,
            lower: interval.map(|i| i.0),
            upper: interval.map(|i| i.1),
            unit: p.unit.clone(),
            at_bound: !fixed && p.bound_at(estimate).is_some(),
            fixed,
        }
    };
    params.iter().enumerate().map(one).collect()
}

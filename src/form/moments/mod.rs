//! Means and covariances where they are closed: processes whose drift is affine and whose noise is at most quadratic in the
//! state, jumps and reactions included, obey linear equations for them.
//!
//! Polynomial processes: Cuchiero, Keller-Ressel & Teichmann (2012), doi:10.1007/s00780-012-0188-x, theorem 2.7; Filipović &
//! Larsson (2016), doi:10.1007/s00780-016-0304-4, theorem 3.1. Networks of first-order reactions: McQuarrie (1967),
//! doi:10.2307/3212214. `rates` reads the drift and the noise, `marks` takes expectations over jump sizes, `system` solves,
//! `text` writes the equations down. What does not close is refused with its reason; no moment is cut off.

mod ends;
mod exponential;
mod marks;
mod rates;
mod system;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use exponential::exponential;
pub use text::moment_formulas;

use super::{Form, Question};
use crate::base::{Error, Result};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Boundary, Process};
use rates::{Parameters, Rates, rates};
use system::System;

/// Means and covariances at asked times.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedMoments {
    /// `[time][component]`
    pub mean: Vec<Vec<f64>>,
    /// `[time][component][component]`; `None` where only the means close, or there are too many components.
    pub covariance: Option<Vec<Vec<Vec<f64>>>>,
}

impl ClosedMoments {
    /// Standard deviation of one component at the `time`-th time; `None` where covariances are not closed.
    pub fn sd(&self, time: usize, component: usize) -> Option<f64> {
        let variance = self.covariance.as_ref()?.get(time)?.get(component)?.get(component)?;
        Some(variance.max(0.0).sqrt())
    }

    /// Correlation of two components at the `time`-th time; `None` where one of them does not vary.
    pub fn correlation(&self, time: usize, i: usize, j: usize) -> Option<f64> {
        let both = self.sd(time, i)? * self.sd(time, j)?;
        let covariance = self.covariance.as_ref()?[time][i][j];
        (both > 0.0).then(|| (covariance / both).clamp(-1.0, 1.0))
    }
}

/// Exact mean and covariance of a process that is `start` (`[component]`) at `t0`, at `times`; `None` where they are not closed
/// ([`why_not`] says why).
///
/// `E[x]` and `Cov[x, y]` solve `dm/dt = A m + b`, `dΣ/dt = A Σ + Σ Aᵀ + E[C(x)]` with `C` the covariance of the noise per time.
/// `times` do not decrease and are not before `t0`. Cost O(d³) for each distinct step, `d = 1 + n + n(n+1)/2` equations for `n`
/// components, about twice that where the noise is quadratic.
///
/// # Errors
/// [`Error::Numerics`] inside, where a moment outgrows all numbers.
pub fn closed_moments(
    model: &Model,
    theta: &[f64],
    start: &[f64],
    t0: f64,
    times: &[f64],
) -> Option<Result<ClosedMoments>> {
    let still = vec![vec![0.0; start.len()]; start.len()];
    closed_moments_from(model, theta, (start, &still), t0, times)
}

/// As [`closed_moments`], from a random start of this mean `[component]` and covariance `[component][component]`.
///
/// # Errors
/// As [`closed_moments`].
pub fn closed_moments_from(
    model: &Model,
    theta: &[f64],
    (mean, covariance): (&[f64], &[Vec<f64>]),
    t0: f64,
    times: &[f64],
) -> Option<Result<ClosedMoments>> {
    let n = model.process.frame().n_variables;
    let fits = mean.len() == n && covariance.len() == n && covariance.iter().all(|row| row.len() == n);
    let rates = read(model, Parameters::Numbers(theta), theta, Some(mean)).ok().filter(|_| fits)?;
    let system = System::new(&rates, mean);
    Some(system.solve(covariance, t0, times).map(|solution| ClosedMoments {
        mean: solution.mean,
        covariance: system.with_covariance.then_some(solution.covariance),
    }))
}

/// Why the means of a model are not closed, whatever its parameters; `None` where they are.
pub fn why_not(model: &Model) -> Option<String> {
    let defaults: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    read(model, Parameters::Names, &defaults, None).err()
}

fn read(
    model: &Model,
    parameters: Parameters,
    theta: &[f64],
    start: Option<&[f64]>,
) -> std::result::Result<Rates, String> {
    let rates = rates(&model.process, parameters)?;
    match ends::why_not(model, theta, start, rates.second.is_err()) {
        None => Ok(rates),
        Some(why) => Err(why),
    }
}

/// Whether the law at any time is multivariate normal: the drift is affine, the noise hangs on no state, nothing jumps, and every
/// state lives on the whole line.
pub(in crate::form) fn is_gaussian(model: &Model) -> bool {
    why_not_gaussian(model).is_none()
}

/// Why the law is not normal; `None` where it is.
pub(in crate::form) fn why_not_gaussian(model: &Model) -> Option<String> {
    let Process::Diffusion(process) = &model.process else { return Some(format!("it is a {}", model.process.kind())) };
    if !process.jumps.is_empty() {
        return Some("it jumps".to_string());
    }
    for state in &process.states {
        if state.lower.is_finite() || state.upper.is_finite() || state.boundary == Boundary::Periodic {
            return Some(format!("its law is not normal: {} does not live on the whole line", state.name));
        }
    }
    for (state, row) in process.states.iter().zip(&process.diffusion) {
        if row.iter().any(|b| process.frame.varies(*b)) {
            return Some(format!("its law is not normal: the noise of {} changes with the state", state.name));
        }
    }
    if let Some(why) = why_not(model) {
        return Some(format!("its law is not normal: {why}"));
    }
    let defaults: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let moments = closed_moments(model, &defaults, &vec![0.0; process.states.len()], 0.0, &[1.0])?.ok()?;
    let still = (0..process.states.len()).find(|i| moments.sd(0, *i) == Some(0.0))?;
    Some(format!("no noise reaches {}, so it has no density", process.states[still].name))
}

/// The normal laws of a Gaussian process, `[time][component]`.
///
/// # Errors
/// [`Error::FormUnavailable`] where the law is not normal, [`Error::Numerics`] where a component does not vary.
pub(super) fn marginals(model: &Model, question: &Question) -> Result<Vec<Vec<Predictive>>> {
    if let Some(why) = why_not_gaussian(model) {
        return Err(Form::Exact.unavailable(model, &why));
    }
    let refuse = || Form::Exact.unavailable(model, "its covariances are not closed");
    let moments = closed_moments(model, question.theta, question.start, question.t0, question.times);
    let moments = moments.ok_or_else(refuse)??;
    let law = |t: usize, i: usize| match moments.sd(t, i).ok_or_else(refuse)? {
        sd if sd > 0.0 => Ok(Predictive::Normal { mean: moments.mean[t][i], sd }),
        _ => Err(Error::Numerics {
            what: format!("the law of component {} of model '{}'", i + 1, model.id),
            why: "no noise has reached it, so it is one number".to_string(),
            hint: "ask for a later time, or give it noise of its own".to_string(),
        }),
    };
    let n = question.start.len();
    (0..question.times.len()).map(|t| (0..n).map(|i| law(t, i)).collect()).collect()
}

//! Which models have a joint transition density by which form, and the sentence where one has none.

use super::linear::Flow;
use super::local_linear::Local;
use super::matrix::{Matrix, definiteness};
use super::{JointForm, moments};
use crate::base::Error;
use crate::expr::{Id, Pool};
use crate::form::ends_are;
use crate::models::Model;
use crate::process::{Boundary, Diffusion, Process, State};

/// Less of a diagonal than this left by Cholesky's method is a singular matrix with round-off.
const SINGULAR: f64 = 1e-10;

/// The diffusion these forms answer, or why there is none.
pub(super) fn diffusion(model: &Model) -> Result<&Diffusion, String> {
    let Process::Diffusion(process) = &model.process else {
        return Err(format!("it is a {}, and joint transitions are those of diffusions", model.process.kind()));
    };
    if !process.jumps.is_empty() {
        return Err("it jumps".to_string());
    }
    match process.states.iter().find(|s| matches!(s.boundary, Boundary::Absorbing | Boundary::Periodic)) {
        Some(state) => Err(ends_are(state.boundary)),
        None => Ok(process),
    }
}

/// The refusal, with the forms that do apply.
pub(super) fn unavailable(model: &Model, form: JointForm, why: String) -> Error {
    let others = JointForm::ALL.into_iter().filter(|f| *f != form && f.why_not(model).is_none());
    Error::FormUnavailable {
        form: form.name().to_string(),
        model: model.id.clone(),
        why,
        available: others.map(|f| f.name().to_string()).collect(),
    }
}

/// # Errors
/// Why the covariance of a short step is singular: it is so at every probed state.
pub(super) fn singular(
    model: &Model,
    process: &Diffusion,
    pool: &Pool,
    leading: &[Id],
    form: JointForm,
) -> Result<(), String> {
    let n = process.states.len();
    let is_regular = |probe: &Vec<f64>| {
        let covariance = Matrix::symmetric(n, |k| pool.eval(leading[k], probe));
        definiteness(&covariance) > SINGULAR
    };
    if probes(model, process).iter().any(is_regular) {
        return Ok(());
    }
    Err(match (form, moments::noiseless(process)) {
        (JointForm::Euler | JointForm::Expansion, Some(state)) => format!(
            "no noise acts on {state} itself, so its one-step covariance is singular; kessler and local-linear carry the noise there"
        ),
        _ => "its noises do not span its states, so its one-step covariance is singular".to_string(),
    })
}

/// # Errors
/// Why the local linearisation has no density: noise does not reach every state, at any probed one.
pub(super) fn unreached(model: &Model, process: &Diffusion, pool: &Pool, outputs: &[Id]) -> Result<(), String> {
    let n = process.states.len();
    let is_regular = |probe: &Vec<f64>| {
        let columns: Vec<Vec<f64>> = outputs.iter().map(|id| vec![pool.eval(*id, probe)]).collect();
        let local = Local::of(n, &columns, 0);
        let size = local.jacobian.one_norm();
        // Over a time in which the linear equation moves by its own size.
        let flow = Flow::new(&local.jacobian, &local.noise, if size > 0.0 { 0.5 / size } else { 1.0 });
        flow.is_some_and(|flow| definiteness(flow.covariance()) > SINGULAR)
    };
    if probes(model, process).iter().any(is_regular) {
        return Ok(());
    }
    Err("noise does not reach every state on its own, so the covariance of a step is singular".to_string())
}

/// Symbols of three states inside the domain, at the default parameters.
fn probes(model: &Model, process: &Diffusion) -> Vec<Vec<f64>> {
    let theta = model.default_params().values;
    let inside = |state: &State, share: f64| match (state.lower.is_finite(), state.upper.is_finite()) {
        (true, true) => state.lower + share * (state.upper - state.lower),
        (true, false) => state.lower + share,
        (false, true) => state.upper - share,
        (false, false) => 2.0 * share - 0.7,
    };
    [0.37, 0.83, 0.59]
        .iter()
        .map(|share| {
            let mut symbols = process.frame.symbols(&theta, 0.0);
            for (i, state) in process.states.iter().enumerate() {
                symbols[process.frame.variable(i)] = inside(state, share / (1.0 + 0.3 * i as f64));
            }
            symbols
        })
        .collect()
}

//! Simulate, then fit: the parameters a path was made with are found again.

use super::{Clause, absent, at, clause};
use crate::base::rng::Key;
use crate::base::{Clock, ClockKind, Result, Series, Transform};
use crate::fit::{Fit, Observed, Settings, Status, fit};
use crate::form::monte_carlo::{Run, Scheme, simulate};
use crate::models::Model;
use crate::process::Boundary;

const NAME: &str = "recovery";
/// Observations of the path, and steps of the integrator between two of them.
const ROWS: usize = 2_000;
const STEPS: f64 = 16.0;
/// Observations over the model's horizon.
const PER_HORIZON: f64 = 50.0;

/// The model's own path at `theta`, fitted: every estimate within four standard errors, or a status that says why not.
pub(super) fn recover(model: &Model, theta: &[f64], key: Key) -> Clause {
    let Some(scalar) = model.scalar() else {
        return absent(NAME, format!("transitions of a {} of this size are not fitted yet", model.process.kind()));
    };
    if matches!(scalar.state.boundary, Boundary::Periodic | Boundary::Absorbing) {
        return absent(NAME, format!("the transitions of {} ends are not fitted yet", scalar.state.boundary.name()));
    }
    match attempt(model, theta, key) {
        Ok(fit) => judge(model, theta, &fit),
        Err(error) => clause(NAME, false, error.to_string()),
    }
}

fn attempt(model: &Model, theta: &[f64], key: Key) -> Result<Fit> {
    let start = super::agreement::start_of(model, theta).unwrap_or_default();
    let dt = model.horizon / PER_HORIZON;
    let times: Vec<f64> = (1..=ROWS).map(|i| i as f64 * dt).collect();
    let run = Run {
        theta,
        start: at(&start),
        t0: 0.0,
        times: &times,
        paths: 1,
        step: dt / STEPS,
        scheme: Scheme::Milstein,
        key,
    };
    let path = simulate(model, &run)?;
    let states = path.states.into_iter().filter_map(|row| row.into_iter().next()?.into_iter().next());
    let series = Series {
        id: model.id.clone(),
        value_name: "x".to_string(),
        time: std::iter::once(0.0).chain(times.iter().copied()).collect(),
        value: start.iter().copied().take(1).chain(states).collect(),
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "time".to_string(), step: dt },
    };
    let data = Observed::of(&series, Transform::None, model)?;
    fit(model, &data, &Settings { starts: 2, ..Settings::default() })
}

fn judge(model: &Model, theta: &[f64], fit: &Fit) -> Clause {
    match &fit.status {
        Status::Converged | Status::ConvergedLocal => {}
        // The data of one path may leave a parameter untold; the fit names it, as it should.
        status if status.can_forecast() => return clause(NAME, true, format!("{status}: {ROWS} rows do not tell all")),
        status => return clause(NAME, false, format!("the fit of its own path ended as {status}")),
    }
    let mut worst = (0.0, String::new());
    for ((p, truth), estimate) in model.params.iter().zip(theta).zip(&fit.params) {
        let Some(se) = estimate.se else { continue };
        let off = ((estimate.estimate - truth) / se).abs();
        let off = if off.is_nan() { f64::INFINITY } else { off };
        if !(off <= worst.0) {
            worst = (off, format!("{} = {:.4} ± {se:.4}, truth {truth:.4}", p.name, estimate.estimate));
        }
    }
    clause(NAME, worst.0 <= 4.0, format!("worst {:.1} s.e.: {}", worst.0, worst.1))
}

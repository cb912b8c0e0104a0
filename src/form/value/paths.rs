//! Values by simulated paths of any process, each with its own random numbers.

use super::functional::{Functional, Watch};
use super::{Posed, Valued, broken};
use crate::base::Result;
use crate::base::rng::Key;
use crate::form::Accuracy;
use crate::form::monte_carlo::{Run, Scheme, Start, along};

/// Steps to expiry where nobody says otherwise.
const STEPS: f64 = 64.0;
/// As [`STEPS`], where the path between matters.
const STEPS_ALONG: f64 = 256.0;
/// A block of whole paths is held at once: some tens of megabytes a thread.
const MOST_STEPS_ALONG: f64 = 2e4;

/// Steps to expiry: at least those asked for, and a multiple of what fixings and dates want.
///
/// # Errors
/// [`crate::base::Error::Numerics`] where whole paths of so many steps are not held.
pub(super) fn steps(posed: &Posed, functional: &Functional, accuracy: Accuracy) -> Result<usize> {
    let whole = functional.sees_path();
    let step = accuracy.step.unwrap_or(posed.expiry / if whole { STEPS_ALONG } else { STEPS });
    let beat = functional.beat() as f64;
    let n = beat * (posed.expiry / step / beat - 1e-9).ceil().max(1.0);
    if whole && !(n <= MOST_STEPS_ALONG) {
        let why = format!("{n:e} steps of whole paths are more than the limit of {MOST_STEPS_ALONG:e}");
        return Err(broken(posed.model, why, "use a longer --step"));
    }
    Ok(n as usize)
}

pub(super) fn by_paths(posed: &Posed, accuracy: Accuracy, key: Key) -> Result<Valued> {
    let functional = Functional::new(posed)?;
    let n = steps(posed, &functional, accuracy)?;
    let times: Vec<f64> = match functional.sees_path() {
        true => (1..=n).map(|k| posed.expiry * k as f64 / n as f64).collect(),
        false => vec![posed.expiry],
    };
    let run = Run {
        theta: posed.theta,
        start: Start::At(posed.x0),
        t0: 0.0,
        times: &times,
        paths: accuracy.paths,
        step: posed.expiry / n as f64,
        scheme: Scheme::EulerMaruyama,
        key,
    };
    let worth = along(&posed.under, &posed.value.under, &run, |states| functional.worth(states, Watch::HalfWay))?;
    let (value, error) = mean_and_error(posed, &worth)?;
    Ok(Valued { value, error: Some(error), delta: None })
}

/// Mean of independent samples and its standard error.
pub(super) fn mean_and_error(posed: &Posed, worth: &[f64]) -> Result<(f64, f64)> {
    if worth.len() < 2 {
        let why = "fewer than two paths give no standard error".to_string();
        return Err(broken(posed.model, why, "use --paths 10000"));
    }
    let n = worth.len() as f64;
    let mean = worth.iter().sum::<f64>() / n;
    let variance = worth.iter().map(|w| (w - mean) * (w - mean)).sum::<f64>() / (n - 1.0);
    match mean.is_finite() && variance.is_finite() {
        true => Ok((mean, (variance / n).sqrt())),
        false => Err(posed.infinite("the mean over paths")),
    }
}

//! Honest baselines: what a forecast must beat to be worth anything.
//!
//! | name | law at a distance τ of the last row |
//! |---|---|
//! | `random-walk` | normal around the last level plus drift (under `log`: of its logarithm), variance `σ²(τ + τ²/T)`: the drift's own uncertainty included |
//! | `climatology` | the training values themselves, whatever the last level |
//! | `ewma` | no drift, the variance an exponentially weighted mean of squares (RiskMetrics 1996, λ = 0.94) |
//! | `seasonal-naive` | the value a season ago, with the spread of such differences |
//! | `ar` | autoregression, its order by Akaike's criterion |
//! | `smoothing` | exponential smoothing: level, with or without a (damped) trend, by Akaike's criterion |
//! | `garch`, `garch-t`, `gjr`, `gjr-t` | volatility that clusters, without and with leverage, innovations normal or Student's |
//!
//! All give joint draws of several times: paths of their recursion, of climatology independent values.
//!
//! For `return`, `log-return` and `diff`, which are increments already, the random walk of the level is the normal law of
//! the training increments.

mod autoregressive;
mod choice;
mod climatology;
mod ewma;
mod garch;
mod joint;
#[cfg(test)]
mod joint_tests;
mod seasonal;
mod smoothing;
#[cfg(test)]
mod tests;
mod walk;

pub use autoregressive::Autoregressive;
pub use choice::{BASELINES, baseline, usual};
pub use climatology::Climatology;
pub use ewma::Ewma;
pub use garch::{Garch, GarchFit, GarchForecaster, Innovations, fit_garch};
pub use seasonal::{SeasonalNaive, season_of};
pub use smoothing::Smoothing;
pub use walk::RandomWalk;

use crate::base::{ClockKind, Error, Result, Series, Transform, math};
use crate::predictive::Predictive;

/// The name of the baseline that skill is told against.
pub const RANDOM_WALK: &str = "random-walk";

/// Values of the scored variable: levels for state transforms, transformed values otherwise.
fn scored(train: &Series, transform: Transform) -> Result<Vec<f64>> {
    Ok(if transform.is_state() { train.value.clone() } else { transform.apply(train)?.value })
}

fn last(history: &Series) -> Result<(f64, f64)> {
    match (history.time.last(), history.value.last()) {
        (Some(t), Some(x)) => Ok((*t, *x)),
        _ => Err(too_few(history)),
    }
}

fn too_few(series: &Series) -> Error {
    Error::TooFewRows { series: series.id.clone(), rows: series.len(), needed: 3, purpose: "a baseline".to_string() }
}

/// A recursion from row to row means something only where rows are evenly spaced. On a business clock a holiday now and then is no row:
/// the rows around it follow each other.
fn require_even(series: &Series, name: &str) -> Result<()> {
    const SLACK: f64 = 0.02;
    /// Share of the steps of a business clock.
    const HOLIDAYS: f64 = 0.08;
    if series.len() < 3 {
        return Err(too_few(series));
    }
    let step = series.clock.step;
    let uneven = |w: &[f64]| ((w[1] - w[0]) / step - 1.0).abs() > SLACK;
    let holidays = match series.clock.kind {
        ClockKind::Business => (HOLIDAYS * series.len() as f64) as usize,
        _ => 0,
    };
    match series.time.windows(2).position(uneven) {
        None => Ok(()),
        Some(_) if series.time.windows(2).filter(|w| uneven(w)).count() <= holidays => Ok(()),
        Some(i) => Err(Error::Numerics {
            what: format!("baseline {name}"),
            why: format!(
                "rows are not evenly spaced: from row {} to the next it is {} {}, elsewhere {step}",
                i + 1,
                series.time[i + 1] - series.time[i],
                series.clock.unit
            ),
            hint: "--clock business counts trading days as one step each".to_string(),
        }),
    }
}

/// How many rows ahead of `now` a time is, one at least.
fn rows_ahead(history: &Series, now: f64, time: f64) -> usize {
    (((time - now) / history.clock.step).round() as usize).max(1)
}

/// A value of the transformed variable as it is scored: levels of a logarithm.
fn scored_value(transform: Transform, z: f64) -> f64 {
    match transform {
        Transform::Log => math::exp(z),
        _ => z,
    }
}

/// A normal law of the scored variable, or of its logarithm.
fn of_transform(transform: Transform, mean: f64, sd: f64) -> Predictive {
    match transform {
        Transform::Log => Predictive::LogNormal { mu: mean, sigma: sd },
        _ => Predictive::Normal { mean, sd },
    }
}

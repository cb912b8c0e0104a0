//! Forecasts along the held-out rows: their quantiles, and the limits of losses.

use super::Study;
use crate::backtest::{Plan, RISKS};
use crate::base::{Result, Series};
use crate::forecast::FittedModel;
use crate::predictive::Fitted;
use crate::report::view::{LossesView, Through};
use rayon::prelude::*;

/// Most forecasts shown: more would be narrower than a reader can tell.
const MOST: usize = 72;
/// Probabilities of the quantiles.
const LEVELS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9,
    0.95, 0.975, 0.995,
];

/// Forecasts of a model fitted before the first cutoff, at as many windows as can be seen. Levels are forecast over the longest
/// horizon, since over the shortest their laws are thinner than the line of what came; increments over the shortest.
///
/// # Errors
/// The transform's refusal of the actual levels.
pub(super) fn through(series: &Series, plan: &Plan, fitted: &FittedModel) -> Result<Through> {
    let transform = fitted.forecaster.transform;
    let ends = if transform.is_state() { plan.horizons.last() } else { plan.horizons.first() };
    let ahead = ends.copied().unwrap_or(1);
    // Row by row the same as the level or the increment that ends there.
    let seen = transform.apply(series)?;
    let actual = if transform.is_state() { &series.value } else { &seen.value };
    let first = series.len() - actual.len();
    let windows: Vec<usize> = (0..plan.windows()).filter(|w| plan.cutoff(*w) + ahead < series.len()).collect();
    let chosen: Vec<usize> = windows.iter().copied().step_by(windows.len().div_ceil(MOST).max(1)).collect();
    let one = |window: &usize| -> Option<(usize, Vec<f64>)> {
        let cutoff = plan.cutoff(*window);
        let history = series.slice(0, cutoff + 1);
        let laws = fitted.predict(&history, &[series.time[cutoff + ahead]], *window as u64).ok()?;
        let law = laws.first()?;
        Some((cutoff + ahead, LEVELS.iter().map(|p| law.quantile(*p)).collect()))
    };
    let found: Vec<(usize, Vec<f64>)> = chosen.par_iter().filter_map(one).collect();
    let on = if transform.is_state() { String::new() } else { format!("{} of ", transform.name()) };
    Ok(Through {
        ahead,
        variable: format!("{on}{}", series.value_name),
        x: found.iter().map(|f| super::x(series, f.0)).collect(),
        actual: found.iter().map(|f| actual[f.0 - first]).collect(),
        levels: LEVELS.to_vec(),
        quantiles: found.into_iter().map(|f| f.1).collect(),
    })
}

/// Values at risk of the chosen model, one row ahead, beside what came; without times where the data are no returns.
pub(super) fn losses(study: &Study) -> LossesView {
    let chosen = study.result.models.iter().position(|m| *m == study.model().model.id);
    let rows = study.result.rows.iter().filter(|r| Some(r.model) == chosen);
    let shown = [0, RISKS.len() - 1];
    let found: Vec<(usize, f64, [f64; 2])> = rows
        .filter_map(|r| {
            let tail = r.tail?;
            Some((r.cutoff + r.horizon, r.actual, shown.map(|k| tail[k].0)))
        })
        .collect();
    if found.is_empty() {
        return LossesView::default();
    }
    LossesView {
        variable: format!("{} of {}", study.model().transform.name(), study.series.value_name),
        x: found.iter().map(|f| super::x(study.series, f.0)).collect(),
        actual: found.iter().map(|f| f.1).collect(),
        levels: shown.map(|k| RISKS[k]).to_vec(),
        limits: (0..shown.len()).map(|k| found.iter().map(|f| f.2[k]).collect()).collect(),
    }
}

//! The score of a fit: CRPS of the levels it forecasts on the validation windows.

use crate::backtest::{Plan, Trouble, backtest};
use crate::base::{Result, Series, Transform};
use crate::forecast::FittedModel;
use crate::predictive::{Fitted, Forecaster, Predictive};

/// A model already fitted, forecasting levels whatever its transform.
#[derive(Clone)]
struct Levels {
    fitted: FittedModel,
    /// Times of the whole series: increments are compounded row by row.
    time: Vec<f64>,
}

impl Forecaster for Levels {
    fn name(&self) -> &str {
        &self.fitted.forecaster.model.id
    }

    fn fit(&self, _train: &Series, _previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        Ok(Box::new(self.clone()))
    }
}

impl Fitted for Levels {
    fn predict(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Predictive>> {
        if self.fitted.forecaster.transform.is_state() {
            return self.fitted.predict_levels(history, times, window);
        }
        let last = times.last().copied().unwrap_or(f64::NEG_INFINITY);
        let rows: Vec<f64> = self.time.iter().skip(history.len()).copied().take_while(|t| *t <= last).collect();
        let laws = self.fitted.predict_levels(history, &rows, window)?;
        Ok(rows.iter().zip(laws).filter(|(t, _)| times.contains(t)).map(|(_, law)| law).collect())
    }

    fn parameters(&self) -> &[f64] {
        self.fitted.parameters()
    }
}

/// Mean CRPS of each window over its horizons, in data units, or why one could not be answered.
pub(super) fn window_scores(
    before: &Series,
    fitted: FittedModel,
    plan: &Plan,
) -> std::result::Result<Vec<f64>, String> {
    let levels = Levels { fitted, time: before.time.clone() };
    let result = backtest(before, Transform::None, &[&levels as &dyn Forecaster], plan, &|| {}, None)
        .map_err(|e| e.to_string())?;
    // One that could not answer everywhere is not compared on the windows where it could.
    if let Some(Trouble { cutoff, why, .. }) = result.failures().next() {
        return Err(format!("no forecast from row {}: {why}", cutoff + 1));
    }
    let mut sums = vec![(0.0, 0.0); plan.windows()];
    for row in &result.rows {
        sums[row.window].0 += row.crps;
        sums[row.window].1 += 1.0;
    }
    let means: Vec<f64> = sums.into_iter().filter(|(_, n)| *n > 0.0).map(|(sum, n)| sum / n).collect();
    if means.is_empty() || means.iter().any(|m| !m.is_finite()) {
        return Err("its CRPS is not a finite number".to_string());
    }
    Ok(means)
}

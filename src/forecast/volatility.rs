//! Forecasts of a price or rate whose volatility is not seen: from what the filter knows at the end of the history.

use super::{FittedModel, ModelForecaster, Parameters};
use crate::base::math;
use crate::base::{Error, Result, Series};
use crate::filter::{Ahead, Outlook};
use crate::fit::Settings;
use crate::fit::diagnostics::Diagnostics;
use crate::fit::latent::{LatentRecord, fit_latent, latent_scores};
use crate::predictive::Predictive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

impl ModelForecaster {
    pub(super) fn fit_volatility(&self, train: &Series, settings: &Settings) -> Result<FittedModel> {
        if self.parameters != Parameters::Point {
            return Err(Error::BadOption {
                flag: "--params".to_string(),
                value: "other than point".to_string(),
                expected: format!("'{}' is forecast at its estimate, since its volatility is filtered", self.model.id),
                hint: Some("--params point".to_string()),
            });
        }
        let fit = fit_latent(&self.model, train, self.transform, settings)?;
        let record = LatentRecord::of(train, self.transform, &self.model)?;
        // A fit that may not be used has no outlook, and is refused before one is asked.
        let outlook = match fit.status.can_forecast() {
            true => Some(Arc::new(Mutex::new(Outlook::new(&self.model, &fit.theta, &record.observations)?))),
            false => None,
        };
        Ok(FittedModel { fit, draws: Vec::new(), forecaster: self.clone(), outlook })
    }
}

impl FittedModel {
    pub(super) fn diagnose_volatility(&self, train: &Series) -> Result<Diagnostics> {
        let forecaster = &self.forecaster;
        let scores = latent_scores(&forecaster.model, train, forecaster.transform, &self.fit.theta)?;
        Ok(Diagnostics::of_scores(scores))
    }

    /// Laws at times after the history: of what is scored, or of the level.
    pub(super) fn volatile_laws(
        &self,
        outlook: &Mutex<Outlook>,
        history: &Series,
        times: &[f64],
        ahead: Option<Ahead>,
    ) -> Result<Vec<Predictive>> {
        let record = self.volatile_record(history)?;
        let ahead = ahead.unwrap_or(record.ahead);
        let laws = at_end(outlook, &record)?.laws(times, ahead)?;
        let is_exponential = record.is_log && ahead == Ahead::Level;
        Ok(if is_exponential { laws.into_iter().map(Predictive::exp).collect() } else { laws })
    }

    /// Joint draws of what is scored, `[time][path]`.
    pub(super) fn volatile_draws(
        &self,
        outlook: &Mutex<Outlook>,
        history: &Series,
        times: &[f64],
        (paths, window): (usize, u64),
    ) -> Result<Vec<Vec<f64>>> {
        let record = self.volatile_record(history)?;
        let key = self.key(history, 0, window);
        let mut drawn = at_end(outlook, &record)?.draws(times, record.ahead, paths, key)?;
        if record.is_log && record.ahead == Ahead::Level {
            drawn.iter_mut().flatten().for_each(|y| *y = math::exp(*y));
        }
        Ok(drawn)
    }

    fn volatile_record(&self, history: &Series) -> Result<LatentRecord> {
        LatentRecord::of(history, self.forecaster.transform, &self.forecaster.model)
    }
}

/// The outlook brought to the end of a record.
fn at_end<'a>(outlook: &'a Mutex<Outlook>, record: &LatentRecord) -> Result<MutexGuard<'a, Outlook>> {
    // A poisoned lock holds an outlook all the same: it goes by the record it is given.
    let mut outlook = outlook.lock().unwrap_or_else(PoisonError::into_inner);
    outlook.follow(&record.observations)?;
    Ok(outlook)
}

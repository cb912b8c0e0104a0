//! Forecasts of a price or rate whose volatility is not seen: from what the filter knows at the end of the history.

use super::parameters::folded;
use super::{FittedModel, ModelForecaster, Parameters};
use crate::base::math;
use crate::base::{Error, Result, Series};
use crate::filter::{Ahead, Outlook};
use crate::fit::Settings;
use crate::fit::diagnostics::Diagnostics;
use crate::fit::latent::{LatentFit, LatentRecord, fit_latent, latent_draws, latent_scores};
use crate::predictive::Predictive;
use rayon::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

impl ModelForecaster {
    pub(super) fn fit_volatility(
        &self,
        train: &Series,
        settings: &Settings,
        before: Option<&[f64]>,
    ) -> Result<FittedModel> {
        let found = fit_latent(&self.model, train, self.transform, settings, before)?;
        let can_forecast = found.fit.status.can_forecast();
        let all_held = found.fit.params.iter().all(|p| p.fixed);
        let draws = match self.parameters {
            Parameters::Normal { draws } if can_forecast && !all_held => {
                latent_draws(&self.model, settings, &found, draws)?
            }
            Parameters::Bootstrap { .. } => {
                return Err(Error::BadOption {
                    flag: "--params".to_string(),
                    value: "bootstrap".to_string(),
                    expected: format!("point or normal of '{}', whose volatility is filtered", self.model.id),
                    hint: Some("--params normal".to_string()),
                });
            }
            _ => Vec::new(),
        };
        let LatentFit { fit, known } = found;
        let known = if known.is_empty() { fit.theta.clone() } else { known };
        let mut fitted = FittedModel { fit, draws, forecaster: self.clone(), outlooks: Vec::new(), known };
        // A fit that may not be used has no outlook, and is refused before one is asked.
        if can_forecast {
            let record = LatentRecord::of(train, self.transform, &self.model)?.observations;
            let outlook = |theta: &[f64]| Outlook::new(&self.model, theta, &record).map(Mutex::new).map(Arc::new);
            let outlooks: Result<Vec<_>> = fitted.thetas().into_par_iter().map(outlook).collect();
            fitted.outlooks = outlooks?;
        }
        Ok(fitted)
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
        history: &Series,
        times: &[f64],
        ahead: Option<Ahead>,
    ) -> Result<Vec<Predictive>> {
        let record = self.volatile_record(history)?;
        let ahead = ahead.unwrap_or(record.ahead);
        let each = self.outlooks.par_iter().map(|outlook| at_end(outlook, &record)?.laws(times, ahead));
        let each = each.collect::<Result<Vec<_>>>()?;
        let laws = match <[Vec<Predictive>; 1]>::try_from(each) {
            Ok([laws]) => laws,
            Err(each) => folded(each)?,
        };
        let is_exponential = record.is_log && ahead == Ahead::Level;
        Ok(if is_exponential { laws.into_iter().map(Predictive::exp).collect() } else { laws })
    }

    /// Joint draws of what is scored, `[time][path]`, shared among the draws of the parameters.
    pub(super) fn volatile_draws(
        &self,
        history: &Series,
        times: &[f64],
        (paths, window): (usize, u64),
    ) -> Result<Vec<Vec<f64>>> {
        let record = self.volatile_record(history)?;
        let many = self.outlooks.len();
        let part = |(i, outlook): (usize, &Arc<Mutex<Outlook>>)| {
            let share = paths * (i + 1) / many - paths * i / many;
            at_end(outlook, &record)?.draws(times, record.ahead, share, self.key(history, i, window))
        };
        let parts = self.outlooks.par_iter().enumerate().map(part).collect::<Result<Vec<_>>>()?;
        let mut drawn = vec![Vec::with_capacity(paths); times.len()];
        for part in parts {
            drawn.iter_mut().zip(part).for_each(|(all, mut row)| all.append(&mut row));
        }
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

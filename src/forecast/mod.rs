//! A kramers model as a forecaster: fit to a training series, then answer with the law at any later times.
//!
//! [`Parameters`] folds in what the data leave open of the estimate, `paths` draws whole futures, [`Levels`] brings increments back to levels,
//! [`Pool`] combines several forecasters under weights ([`stack`]), and [`Event`] asks for the chance of an event.

mod event;
#[cfg(test)]
mod event_tests;
mod levels;
mod parameters;
#[cfg(test)]
mod parameters_tests;
mod paths;
#[cfg(test)]
mod paths_tests;
mod pool;
#[cfg(test)]
mod pool_tests;
mod stack;
mod volatility;
#[cfg(test)]
mod volatility_tests;

pub use event::{Chance, Event, First, Side, When};
pub use levels::{Levels, started_at};
pub use parameters::Parameters;
pub use pool::{FittedMember, FittedPool, Member, Pool, Weighting};
pub use stack::{Stacked, stack};

use crate::base::rng::{Key, word_of};
use crate::base::{Error, Purpose, Result, Series, Transform};
use crate::filter::{Ahead, Outlook};
use crate::fit::diagnostics::{Diagnostics, diagnose};
use crate::fit::latent::is_latent;
use crate::fit::{Fit, FormRequest, Observed, Settings, Status, fit};
use crate::form::{Accuracy, Form, Question, counts_likelihood, marginals};
use crate::models::Model;
use crate::predictive::{Fitted, Forecaster, Predictive};
use crate::process::Process;
use parameters::folded;
use rayon::prelude::*;
use std::sync::{Arc, Mutex};

/// A model with everything that decides its forecasts.
#[derive(Debug, Clone)]
pub struct ModelForecaster {
    /// What is fitted and asked.
    pub model: Model,
    /// From the data's level to the model's state.
    pub transform: Transform,
    /// How it is fitted.
    pub settings: Settings,
    /// The form that answers; the closed law or Fokker-Planck where none is asked.
    pub answer: Form,
    /// Cells, paths and steps of the form that answers.
    pub accuracy: Accuracy,
    /// Whether forecasts are made at the estimate, or averaged over what the data leave open of it.
    pub parameters: Parameters,
}

/// A model with parameters learnt from a series.
#[derive(Debug, Clone)]
pub struct FittedModel {
    /// With the settings it was fitted under.
    pub forecaster: ModelForecaster,
    /// The estimate, whether usable or not: see [`FittedModel::require_usable`].
    pub fit: Fit,
    /// Draws of the parameters that forecasts are averaged over, `[draw][parameter]`; empty where they are made at the estimate.
    pub draws: Vec<Vec<f64>>,
    /// Where the volatility is not seen: what is known of it at every draw, or at the estimate, following the history that forecasts are made
    /// from.
    outlooks: Vec<Arc<Mutex<Outlook>>>,
    /// Where a fit of a longer record begins.
    known: Vec<f64>,
}

impl ModelForecaster {
    /// With the form of choice, its default accuracy, and forecasts at the estimate.
    pub fn new(model: Model, transform: Transform, settings: Settings) -> ModelForecaster {
        let answer = Form::of_choice(&model);
        let (accuracy, parameters) = (Accuracy::default(), Parameters::Point);
        ModelForecaster { model, transform, settings, answer, accuracy, parameters }
    }

    /// The same forecaster with its form of fitting settled as in an earlier fit, so that later fits do not choose again.
    pub fn settled_by(&self, fitted: &FittedModel) -> ModelForecaster {
        let mut settled = self.clone();
        settled.settings.form = FormRequest::Settled(fitted.fit.form_choice.clone());
        settled
    }

    /// Fit to a series of levels: from `warm`, what [`Fitted::parameters`] of an earlier fit gave, in one start. The draws that forecasts are
    /// averaged over are made here too. The fit may be one that cannot be used: [`FittedModel::require_usable`] asks.
    ///
    /// # Errors
    /// What [`fit`] and the transform refuse.
    pub fn fit_model(&self, train: &Series, warm: Option<&[f64]>) -> Result<FittedModel> {
        let mut settings = self.settings.clone();
        if let Some(theta) = warm {
            settings.starts = 1;
            settings.initial = self.model.params.iter().map(|p| p.name.clone()).zip(theta.iter().copied()).collect();
        }
        if is_latent(&self.model) {
            return self.fit_volatility(train, &settings, warm);
        }
        let data = Observed::of(train, self.transform, &self.model)?;
        let fit = fit(&self.model, &data, &settings)?;
        let draws = match fit.status.can_forecast() {
            true => self.parameters.draws(&self.model, &data, &settings, &fit)?,
            false => Vec::new(),
        };
        let known = fit.theta.clone();
        Ok(FittedModel { fit, draws, forecaster: self.clone(), outlooks: Vec::new(), known })
    }
}

impl FittedModel {
    /// Tests of the fit on the series it was fitted to.
    ///
    /// # Errors
    /// What [`diagnose`] and the transform refuse.
    pub fn diagnose(&self, train: &Series) -> Result<Diagnostics> {
        let forecaster = &self.forecaster;
        if is_latent(&forecaster.model) {
            return self.diagnose_volatility(train);
        }
        let data = Observed::of(train, forecaster.transform, &forecaster.model)?;
        diagnose(&forecaster.model, &data, &forecaster.settings, &self.fit)
    }
}

impl Forecaster for ModelForecaster {
    fn name(&self) -> &str {
        &self.model.id
    }

    fn counts(&self) -> bool {
        matches!(self.model.process, Process::Network(_))
    }

    fn fit(&self, train: &Series, previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        let fitted = self.fit_model(train, previous.map(Fitted::parameters))?;
        fitted.require_usable(train)?;
        Ok(Box::new(fitted))
    }
}

impl Fitted for FittedModel {
    fn predict(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Predictive>> {
        if !self.outlooks.is_empty() {
            return self.volatile_laws(history, times, None);
        }
        let each = self.thetas().into_par_iter().enumerate().map(|draw| self.laws_at(draw, history, times, window));
        let laws = folded(each.collect::<Result<Vec<_>>>()?)?;
        let is_log = self.forecaster.transform == Transform::Log;
        Ok(if is_log { laws.into_iter().map(Predictive::exp).collect() } else { laws })
    }

    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        match self.outlooks.is_empty() {
            false => self.volatile_draws(history, times, (paths, window)).map(Some),
            true => self.draw_paths(history, times, paths, window).map(Some),
        }
    }

    fn parameters(&self) -> &[f64] {
        &self.known
    }

    fn doubt(&self) -> Option<String> {
        (self.fit.status != Status::Converged).then(|| self.fit.status.to_string())
    }
}

impl FittedModel {
    /// The parameters the answer is averaged over: the draws, or the estimate alone.
    fn thetas(&self) -> Vec<&[f64]> {
        match self.draws.is_empty() {
            true => vec![&self.fit.theta],
            false => self.draws.iter().map(Vec::as_slice).collect(),
        }
    }

    /// Laws of the state at one draw of the parameters.
    fn laws_at(
        &self,
        (draw, theta): (usize, &[f64]),
        history: &Series,
        times: &[f64],
        window: u64,
    ) -> Result<Vec<Predictive>> {
        let (x0, t0) = self.start(history)?;
        let model = &self.forecaster.model;
        let (component, start) = self.whole_start(theta, x0)?;
        // Paths of all draws together are as many as those of one answer.
        let mut accuracy = self.forecaster.accuracy;
        accuracy.paths = accuracy.paths.div_ceil(self.draws.len().max(1));
        let key = self.key(history, draw, window);
        let question = Question { theta, start: &start, t0, times, accuracy, key };
        let rows = marginals(model, self.forecaster.answer, &question)?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().nth(component)).collect())
    }

    /// Each draw of the parameters has random numbers of its own, or all would share their noise.
    fn key(&self, history: &Series, draw: usize, window: u64) -> Key {
        let series = word_of(&history.id).wrapping_add(draw as u64);
        self.forecaster.settings.seed.key(Purpose::Forecast, series, window)
    }

    /// The state that is observed and all states at the start: one count tells the others by what is conserved.
    fn whole_start(&self, theta: &[f64], x0: f64) -> Result<(usize, Vec<f64>)> {
        match self.forecaster.model.process {
            Process::Network(_) => counts_likelihood::complete(&self.forecaster.model, theta, x0),
            _ => Ok((0, vec![x0])),
        }
    }

    /// Laws of the *level* at the next rows of the history's clock (at `times`), whatever the transform.
    ///
    /// # Errors
    /// As [`Fitted::predict`].
    pub fn predict_levels(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Predictive>> {
        if !self.outlooks.is_empty() {
            return self.volatile_laws(history, times, Some(Ahead::Level));
        }
        Levels { of: self, transform: self.forecaster.transform, paths: self.forecaster.accuracy.paths }
            .predict(history, times, window)
    }

    /// Refuse a fit whose status allows no forecasts; `train` is named in the refusal.
    ///
    /// # Errors
    /// [`Error::NotFitted`] with the status and what to do about it.
    pub fn require_usable(&self, train: &Series) -> Result<()> {
        let status = &self.fit.status;
        if status.can_forecast() {
            return Ok(());
        }
        Err(Error::NotFitted {
            model: self.fit.model.clone(),
            series: train.id.clone(),
            status: status.to_string(),
            remedy: status.remedy().unwrap_or_default(),
        })
    }

    /// The state and time to forecast from.
    fn start(&self, history: &Series) -> Result<(f64, f64)> {
        let few = || Error::TooFewRows {
            series: history.id.clone(),
            rows: history.len(),
            needed: 2,
            purpose: "a forecast".to_string(),
        };
        // One row suffices for a state transform, two for an increment.
        let tail = history.slice(history.len().saturating_sub(2), history.len());
        let state = self.forecaster.transform.apply(&tail)?;
        match (state.value.last(), state.time.last()) {
            (Some(x), Some(t)) => Ok((*x, *t)),
            _ => Err(few()),
        }
    }
}

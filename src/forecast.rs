//! A kramers model as a forecaster: fit to a training series, then answer with the law at any later times.

use crate::base::rng::word_of;
use crate::base::{Error, Purpose, Result, Series, Transform};
use crate::filter::{Ahead, Outlook};
use crate::fit::diagnostics::{Diagnostics, diagnose};
use crate::fit::latent::{LatentRecord, fit_latent, is_latent, latent_scores};
use crate::fit::{Fit, FormRequest, Observed, Settings, fit};
use crate::form::monte_carlo::{Run, Scheme, Start, require_room, simulate};
use crate::form::{Accuracy, Form, Question, counts_likelihood, exact, marginals};
use crate::models::Model;
use crate::predictive::{Ensemble, Fitted, Forecaster, Predictive};
use crate::process::Process;
use crate::stats;
use rayon::prelude::*;
use std::sync::{Arc, Mutex};

/// A model with everything that decides its forecasts.
#[derive(Debug, Clone)]
pub struct ModelForecaster {
    pub model: Model,
    pub transform: Transform,
    pub settings: Settings,
    /// The form that answers; the closed law or Fokker-Planck where none is asked.
    pub answer: Form,
    pub accuracy: Accuracy,
}

/// A model with parameters learnt from a series.
#[derive(Debug, Clone)]
pub struct FittedModel {
    pub forecaster: ModelForecaster,
    pub fit: Fit,
    /// Where the volatility is not seen: what is known of it, following the history that forecasts are made from.
    outlook: Option<Arc<Mutex<Outlook>>>,
}

impl ModelForecaster {
    pub fn new(model: Model, transform: Transform, settings: Settings) -> ModelForecaster {
        let answer = Form::of_choice(&model);
        ModelForecaster { model, transform, settings, answer, accuracy: Accuracy::default() }
    }

    /// The same forecaster with its form of fitting settled as in an earlier fit, so that later fits do not choose again.
    pub fn settled_by(&self, fitted: &FittedModel) -> ModelForecaster {
        let mut settled = self.clone();
        settled.settings.form = FormRequest::Settled(fitted.fit.form_choice.clone());
        settled
    }

    /// Fit to a series of levels, from `warm` parameters where given.
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
            return self.fit_volatility(train, &settings);
        }
        let data = Observed::of(train, self.transform, &self.model)?;
        Ok(FittedModel { fit: fit(&self.model, &data, &settings)?, forecaster: self.clone(), outlook: None })
    }

    fn fit_volatility(&self, train: &Series, settings: &Settings) -> Result<FittedModel> {
        let fit = fit_latent(&self.model, train, self.transform, settings)?;
        let record = LatentRecord::of(train, self.transform, &self.model)?;
        // A fit that may not be used has no outlook, and is refused before one is asked.
        let outlook = match fit.status.can_forecast() {
            true => Some(Arc::new(Mutex::new(Outlook::new(&self.model, &fit.theta, &record.observations)?))),
            false => None,
        };
        Ok(FittedModel { fit, forecaster: self.clone(), outlook })
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
            let scores = latent_scores(&forecaster.model, train, forecaster.transform, &self.fit.theta)?;
            return Ok(Diagnostics::of_scores(scores));
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
        let transform = self.forecaster.transform;
        if let Some(outlook) = &self.outlook {
            let record = LatentRecord::of(history, transform, &self.forecaster.model)?;
            return self.volatile_laws(outlook, &record, times, record.ahead);
        }
        let (x0, t0) = self.start(history)?;
        let seed = self.forecaster.settings.seed;
        let model = &self.forecaster.model;
        // One count tells the others by what is conserved.
        let (component, start) = match model.process {
            Process::Network(_) => counts_likelihood::complete(model, &self.fit.theta, x0)?,
            _ => (0, vec![x0]),
        };
        let question = Question {
            theta: &self.fit.theta,
            start: &start,
            t0,
            times,
            accuracy: self.forecaster.accuracy,
            key: seed.key(Purpose::Forecast, word_of(&history.id), window),
        };
        let rows = marginals(model, self.forecaster.answer, &question)?;
        let laws: Vec<Predictive> = rows.into_iter().filter_map(|row| row.into_iter().nth(component)).collect();
        Ok(if transform == Transform::Log { laws.into_iter().map(Predictive::exp).collect() } else { laws })
    }

    fn parameters(&self) -> &[f64] {
        &self.fit.theta
    }
}

impl FittedModel {
    /// Laws of the *level* at the next `rows` rows of the history's clock (at `times`), whatever the transform.
    ///
    /// For `return`, `log-return` and `diff` the levels are compounded along joint Monte Carlo paths of the increments,
    /// row by row.
    ///
    /// # Errors
    /// As [`Fitted::predict`].
    pub fn predict_levels(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Predictive>> {
        let transform = self.forecaster.transform;
        if let Some(outlook) = &self.outlook {
            let record = LatentRecord::of(history, transform, &self.forecaster.model)?;
            return self.volatile_laws(outlook, &record, times, Ahead::Level);
        }
        if transform.is_state() {
            return self.predict(history, times, window);
        }
        let mut level = vec![history.value[history.len() - 1]; self.forecaster.accuracy.paths];
        self.increments(history, times, window)?
            .into_iter()
            .map(|row| {
                for (level, z) in level.iter_mut().zip(row) {
                    *level = transform.inverse(*level, z);
                }
                Ensemble::new(level.clone(), Vec::new()).map(Predictive::Ensemble).ok_or_else(|| Error::Numerics {
                    what: "the forecast of levels".to_string(),
                    why: "a compounded path was no longer finite".to_string(),
                    hint: "use --transform log or none, or a shorter --horizon".to_string(),
                })
            })
            .collect()
    }

    /// Joint paths of the transformed series, `[time][path]`: row by row from the closed law where there is one, else by
    /// short Euler steps whose first row is held against the law it should have.
    fn increments(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Vec<f64>>> {
        /// Euler steps a row.
        const STEPS: f64 = 64.0;
        let model = &self.forecaster.model;
        let (x0, t0) = self.start(history)?;
        let paths = self.forecaster.accuracy.paths;
        require_room(times.len(), paths)?;
        let key = self.forecaster.settings.seed.key(Purpose::Forecast, word_of(&history.id), window);
        if let (Some(claim), Some(process)) = (&model.law, model.scalar()) {
            let arguments = claim.arguments_at(&process, &self.fit.theta);
            let path = |p: usize| -> Vec<f64> {
                let mut stream = key.stream(p as u64);
                let (mut x, mut now) = (x0, t0);
                let step = |time: &f64| {
                    x = exact::transition(claim.law, &arguments, x, time - now).sample(&mut stream);
                    now = *time;
                    x
                };
                times.iter().map(step).collect()
            };
            let by_path: Vec<Vec<f64>> = (0..paths).into_par_iter().map(path).collect();
            return Ok((0..times.len()).map(|t| by_path.iter().map(|p| p[t]).collect()).collect());
        }
        let step = times.first().map_or(1.0, |t| t - t0) / STEPS;
        let run = Run {
            theta: &self.fit.theta,
            start: Start::At(&[x0]),
            t0,
            times,
            paths,
            step,
            scheme: Scheme::EulerMaruyama,
            key,
        };
        let states: Vec<Vec<f64>> = simulate(model, &run)?.states.into_iter().map(|row| row.concat()).collect();
        let first = self.predict(history, &times[..1.min(times.len())], window)?;
        if let (Some(law), Some(row)) = (first.first(), states.first()) {
            let (mean, sd) = (stats::mean(row), stats::sd(row));
            let close =
                law.mean().zip(law.sd()).is_none_or(|(m, s)| (mean - m).abs() < 0.1 * s && (sd / s - 1.0).abs() < 0.1);
            if !close {
                return Err(Error::Numerics {
                    what: format!("the paths of model '{}'", model.id),
                    why: format!("even {STEPS} steps a row are too long for its drift"),
                    hint: "use a model with a closed law (ou, bm) for this transform".to_string(),
                });
            }
        }
        Ok(states)
    }

    /// Laws from the filtered volatility at the end of a record.
    fn volatile_laws(
        &self,
        outlook: &Mutex<Outlook>,
        record: &LatentRecord,
        times: &[f64],
        ahead: Ahead,
    ) -> Result<Vec<Predictive>> {
        // A poisoned lock holds an outlook all the same; it goes by the record it is given.
        let mut outlook = outlook.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        outlook.follow(&record.observations)?;
        let laws = outlook.laws(times, ahead)?;
        let is_exponential = record.is_log && ahead == Ahead::Level;
        Ok(if is_exponential { laws.into_iter().map(Predictive::exp).collect() } else { laws })
    }

    /// # Errors
    /// [`Error::NotFitted`] unless forecasts may be made with the fit.
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

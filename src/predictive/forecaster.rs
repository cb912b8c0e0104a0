//! The pair of traits that kramers' own models and the baselines share: an unfitted [`Forecaster`] makes a [`Fitted`],
//! and only a [`Fitted`] forecasts.

use super::Predictive;
use crate::base::{Result, Series};

/// Something that can learn from a series of levels.
pub trait Forecaster: Sync {
    /// Name in tables, e.g. "cir" or "random-walk".
    fn name(&self) -> &str;

    /// Whether it is a baseline rather than a candidate.
    fn is_baseline(&self) -> bool {
        false
    }

    /// Whether what it forecasts are whole numbers, with probabilities instead of a density.
    fn counts(&self) -> bool {
        false
    }

    /// Learn from `train`, and nothing else. `previous` is a fit of the same forecaster on earlier rows, to start from.
    ///
    /// # Errors
    /// What makes the series unusable for this forecaster, or a fit that may not be used.
    fn fit(&self, train: &Series, previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>>;
}

/// A forecaster that has learnt from a series: the only thing that forecasts.
pub trait Fitted: Send {
    /// Laws of the scored variable at `times`, given levels up to the last row of `history`: the level itself for the
    /// transforms `none` and `log`, the transformed value otherwise. `window` names the random numbers, where any are
    /// used.
    ///
    /// # Errors
    /// A numerical breakdown, or a history outside the model's domain.
    fn predict(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Predictive>>;

    /// Joint draws of what [`Fitted::predict`] gives the laws of, `[time][path]`: one path is one future at all `times`. `None` of a
    /// forecaster that only knows the law of each time by itself.
    ///
    /// # Errors
    /// As [`Fitted::predict`].
    fn joint(&self, _history: &Series, _times: &[f64], _paths: usize, _window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        Ok(None)
    }

    /// Parameter values, for warm starts; empty where there are none.
    fn parameters(&self) -> &[f64];

    /// What keeps the fit from being one without reservations: parameters at a bound, or that the data do not tell.
    fn doubt(&self) -> Option<String> {
        None
    }
}

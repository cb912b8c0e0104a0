//! What the data leave open of the parameters, folded into a forecast.

use crate::base::{Error, Result};
use crate::fit::uncertainty::{bootstrap_draws, normal_draws};
use crate::fit::{Fit, Observed, Settings};
use crate::models::Model;
use crate::predictive::Predictive;

/// Which parameters a forecast is made at.
///
/// A law at the estimate is too narrow by a share of about `p/n` of its variance. The average of the laws at draws of the parameters is the
/// predictive law: with the normal law to first order Bayes' with a flat prior in the coordinates of the fit. Of 300 Ornstein-Uhlenbeck records of
/// thirty rows the 95 % interval twenty rows ahead holds 82, 87 and 89 % (`reports/validation/folded.md`): most of what is missing is the
/// over-estimated mean reversion of short records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parameters {
    /// At the estimate.
    #[default]
    Point,
    /// Over about so many draws from the normal law around the estimate.
    Normal {
        /// How many at least: they are rounded up to a power of two.
        draws: usize,
    },
    /// Over the refits of so many simulated records, reflected about the estimate: slower, and for short records better. Refits that found no
    /// optimum are left out.
    Bootstrap {
        /// How many records are simulated and fitted.
        draws: usize,
    },
}

impl Parameters {
    /// Name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Parameters::Point => "point",
            Parameters::Normal { .. } => "normal",
            Parameters::Bootstrap { .. } => "bootstrap",
        }
    }

    /// Draws `[draw][parameter]`; none for the estimate alone, nor where every parameter is held.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the likelihood has no curvature, or too few refits can be used.
    pub(super) fn draws(self, model: &Model, data: &Observed, settings: &Settings, fit: &Fit) -> Result<Vec<Vec<f64>>> {
        if fit.params.iter().all(|p| p.fixed) {
            return Ok(Vec::new());
        }
        match self {
            Parameters::Point => Ok(Vec::new()),
            Parameters::Normal { draws } => normal_draws(model, data, settings, fit, draws)
                .map_err(|e| hinted(e, "take --params bootstrap or point, or hold a parameter with --fix")),
            Parameters::Bootstrap { draws } => bootstrap_draws(model, data, settings, fit, draws)
                .map_err(|e| hinted(e, "take --params point, or hold a parameter with --fix")),
        }
    }
}

/// What a fit says of its uncertainty, with the way out that a forecast has.
fn hinted(error: Error, way: &str) -> Error {
    match error {
        Error::Numerics { what, why, .. } => Error::Numerics { what, why, hint: way.to_string() },
        other => other,
    }
}

/// The laws `[time]` of answers `[draw][time]`, every draw counting the same.
pub(super) fn folded(each: Vec<Vec<Predictive>>) -> Result<Vec<Predictive>> {
    let times = each.first().map_or(0, Vec::len);
    let mut by_time: Vec<Vec<(f64, Predictive)>> = vec![Vec::with_capacity(each.len()); times];
    for laws in each {
        for (all, law) in by_time.iter_mut().zip(laws) {
            all.push((1.0, law));
        }
    }
    by_time.into_iter().map(|parts| Predictive::mixture(parts).ok_or_else(no_law)).collect()
}

pub(super) fn no_law() -> Error {
    Error::Numerics {
        what: "the mixture of laws".to_string(),
        why: "no part of it has a positive weight".to_string(),
        hint: "use --params point".to_string(),
    }
}

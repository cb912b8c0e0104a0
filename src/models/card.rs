//! A model as a person knows it: process, parameters, and the words around them.

use crate::base::{Error, Param, Params, Result, Series};
use crate::process::{Diffusion, LawClaim};

/// A model: read once from text, then only used.
#[derive(Debug, Clone)]
pub struct Model {
    pub id: String,
    pub title: String,
    pub source: String,
    pub tags: Vec<String>,
    pub params: Vec<Param>,
    pub process: Diffusion,
    /// The verified closed law, if the file claims one.
    pub law: Option<LawClaim>,
    /// The file it was read from.
    pub file: String,
}

impl Model {
    /// The parameters at their defaults.
    pub fn default_params(&self) -> Params {
        Params::new(&self.id, self.params.clone())
    }

    /// The equation as text, e.g. `dx = kappa*(theta - x) dt + sigma dW`.
    pub fn equation(&self) -> String {
        let x = &self.process.state.name;
        let [drift, diffusion] =
            [self.process.drift, self.process.diffusion].map(|e| self.process.pool.print_factor(e));
        format!("d{x} = {drift} dt + {diffusion} dW")
    }

    /// Names of the forms that can answer this model, cheapest first.
    pub fn forms(&self) -> Vec<&'static str> {
        let exact = self.law.as_ref().map(|_| "exact");
        exact.into_iter().chain(["euler", "kessler", "fokker-planck", "master-equation", "monte-carlo"]).collect()
    }

    /// Whether every value lies inside the model's domain.
    ///
    /// # Errors
    /// [`Error::OutsideDomain`] naming the first that does not.
    pub fn check_domain(&self, series: &Series) -> Result<()> {
        let state = &self.process.state;
        match series.value.iter().position(|x| !state.holds(*x)) {
            None => Ok(()),
            Some(row) => Err(Error::OutsideDomain {
                model: self.id.clone(),
                series: series.id.clone(),
                row,
                value: series.value[row],
                lower: state.lower,
                upper: state.upper,
            }),
        }
    }

    /// Drift and diffusion must be finite at these states and parameters.
    ///
    /// # Errors
    /// [`Error::NonFiniteCoefficient`] at the first state where one is not.
    pub fn check_finite(&self, theta: &[f64], states: &[f64]) -> Result<()> {
        let mut coefficients = self.process.coefficients(theta);
        for x in states {
            let (a, b) = coefficients.at(0.0, *x);
            for (name, value) in [("drift", a), ("diffusion", b)] {
                if !value.is_finite() {
                    return Err(Error::NonFiniteCoefficient {
                        model: self.id.clone(),
                        coefficient: name.to_string(),
                        value,
                        at: format!("{} = {x}", self.process.state.name),
                    });
                }
            }
        }
        Ok(())
    }
}

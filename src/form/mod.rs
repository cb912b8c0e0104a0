//! How a process is posed and answered: one module a form, all answering through [`Predictive`].
//!
//! [`marginals`] gives the law of the state at later times; [`Transitions`] gives log densities and moments of observed
//! transitions for fitting. Nothing to the right of this room asks which form it was.

pub mod exact;
mod expansion;
pub mod fokker_planck;
mod lamperti;
pub mod master_equation;
pub mod monte_carlo;
mod richardson;
mod transitions;

pub use transitions::{Batch, Moments, Pairs, Transitions};

use crate::base::rng::Key;
use crate::base::{Error, Result};
use crate::models::Model;
use crate::predictive::Predictive;

/// The forms built so far, by the names `--form` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The closed transition law.
    Exact,
    /// One Gaussian step with drift and diffusion frozen.
    Euler,
    /// Gaussian with both moments to dt², variance `M2 - m²` untruncated (Kessler 1997).
    Kessler,
    /// As `Kessler`, the variance truncated at dt².
    KesslerTruncated,
    FokkerPlanck,
    MasterEquation,
    MonteCarlo,
}

impl Form {
    pub const ALL: [Form; 7] = [
        Form::Exact,
        Form::Euler,
        Form::Kessler,
        Form::KesslerTruncated,
        Form::FokkerPlanck,
        Form::MasterEquation,
        Form::MonteCarlo,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Form::Exact => "exact",
            Form::Euler => "euler",
            Form::Kessler => "kessler",
            Form::KesslerTruncated => "kessler-truncated",
            Form::FokkerPlanck => "fokker-planck",
            Form::MasterEquation => "master-equation",
            Form::MonteCarlo => "monte-carlo",
        }
    }

    /// The form of this name.
    pub fn named(name: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Whether the form gives the density of an observed transition cheaply enough to fit with.
    pub fn fits(self) -> bool {
        matches!(self, Form::Exact | Form::Euler | Form::Kessler | Form::KesslerTruncated)
    }

    /// The cheapest form that is right at any horizon: the closed law, else Fokker-Planck.
    pub fn of_choice(model: &Model) -> Form {
        if model.law.is_some() { Form::Exact } else { Form::FokkerPlanck }
    }

    /// # Errors
    /// [`Error::FormUnavailable`] with the forms that do apply.
    pub fn require(self, model: &Model) -> Result<()> {
        if self == Form::Exact && model.law.is_none() {
            return Err(self.unavailable(model, "its file claims no closed law"));
        }
        Ok(())
    }

    fn unavailable(self, model: &Model, why: &str) -> Error {
        Error::FormUnavailable {
            form: self.name().to_string(),
            model: model.id.clone(),
            why: why.to_string(),
            available: model.forms().iter().map(ToString::to_string).collect(),
        }
    }
}

/// A question to a form: the law of the state at `times`, given that it is `x0` at time `t0`.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    pub theta: &'a [f64],
    pub x0: f64,
    pub t0: f64,
    /// Strictly increasing, all after `t0`.
    pub times: &'a [f64],
    pub accuracy: Accuracy,
    /// Key of the random numbers, for Monte Carlo.
    pub key: Key,
}

/// How much work a form may do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Cells of the Fokker-Planck grid and nodes of the lattice.
    pub cells: usize,
    /// L1 error a time step may make.
    pub tolerance: f64,
    pub paths: usize,
    /// Longest Monte Carlo step; `None` takes an eighth of the first horizon.
    pub step: Option<f64>,
}

impl Default for Accuracy {
    fn default() -> Accuracy {
        Accuracy { cells: 500, tolerance: 1e-7, paths: 20_000, step: None }
    }
}

/// The law of the state at each of the question's times.
///
/// # Errors
/// [`Error::FormUnavailable`] where the form does not apply (also for `euler` and `kessler`, which are one-step
/// densities: over several steps they are Monte Carlo or Fokker-Planck), [`Error::OutsideDomain`]-like refusals of the
/// start, [`Error::Numerics`] where the computation breaks down.
pub fn marginals(model: &Model, form: Form, question: &Question) -> Result<Vec<Predictive>> {
    form.require(model)?;
    let state = &model.process.state;
    if !state.holds(question.x0) {
        return Err(Error::OutsideDomain {
            model: model.id.clone(),
            series: "start value".to_string(),
            row: 0,
            value: question.x0,
            lower: state.lower,
            upper: state.upper,
        });
    }
    if question.times.is_empty() {
        return Ok(Vec::new());
    }
    match form {
        Form::Exact => exact::marginals(model, question),
        Form::FokkerPlanck => fokker_planck::marginals(model, question),
        Form::MasterEquation => master_equation::marginals(model, question),
        Form::MonteCarlo => monte_carlo::marginals(model, question),
        Form::Euler | Form::Kessler | Form::KesslerTruncated => {
            if let [time] = question.times {
                return transitions::one_step(model, form, question, *time).map(|law| vec![law]);
            }
            Err(form.unavailable(model, "it is the density of one step, and several horizons were asked"))
        }
    }
}

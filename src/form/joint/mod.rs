//! Transition densities of diffusions with several states, all of them observed: `x₀ → x₁` over `dt`, vectors both.
//!
//! | form | mean and covariance of a step | right to |
//! |---|---|---|
//! | `exact` | those of a linear drift with constant noise | round-off |
//! | `local-linear` | drift made linear at the start, noise frozen | drift dt², noise dt (exact where `exact` applies) |
//! | `kessler` | both expanded by the generator | dt², a power more for states without noise of their own |
//! | `euler` | drift and noise frozen | dt |
//! | `expansion` | no normal law: the log density itself as a series | dt^2.5 |
//!
//! All but the last are normal laws of a vector. The coefficients come from one tape over all observations; the small dense algebra from there to
//! the log density is done, and differentiated, observation by observation. States that are not observed are a filter's business,
//! not this room's.

mod coefficients;
mod expansion;
#[cfg(test)]
mod expansion_tests;
mod linear;
mod local_linear;
mod matrix;
mod moments;
mod normal;
mod pairs;
mod polynomial;
mod refusal;
#[cfg(test)]
pub(crate) mod tests;

pub use pairs::JointPairs;

use super::{Batch, moments as closed};
use crate::base::Result;
use crate::models::Model;
use crate::process::{Diffusion, Process};
use coefficients::Coefficients;
use expansion::Series;
use linear::Flow;
use local_linear::Local;
use matrix::Matrix;
use normal::Normal;

/// The forms of [`JointTransitions`], by the names `--form` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum JointForm {
    /// The normal law of a linear drift with constant noise.
    Exact,
    /// Normal, the drift linear about the start, the noise frozen (Shoji & Ozaki 1998).
    LocalLinear,
    /// Normal, mean and covariance expanded by the generator to dt² (Kessler 1997).
    Kessler,
    /// Normal, drift and noise frozen over the step.
    Euler,
    /// The log density as a series in the step (Aït-Sahalia 2008).
    Expansion,
}

impl JointForm {
    /// Every form, in the order of the module's table.
    pub const ALL: [JointForm; 5] =
        [JointForm::Exact, JointForm::LocalLinear, JointForm::Kessler, JointForm::Euler, JointForm::Expansion];

    /// Name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            JointForm::Exact => "exact",
            JointForm::LocalLinear => "local-linear",
            JointForm::Kessler => "kessler",
            JointForm::Euler => "euler",
            JointForm::Expansion => "expansion",
        }
    }

    /// The form of this name; `None` where there is none.
    pub fn named(name: &str) -> Option<JointForm> {
        JointForm::ALL.into_iter().find(|f| f.name() == name)
    }

    /// The form to fit with when nobody says: exact where the law is normal; where the noise changes with the state Kessler's,
    /// which follows it within a step; else the local linearisation, whose covariance is positive at any step.
    pub fn of_choice(model: &Model) -> JointForm {
        let Process::Diffusion(process) = &model.process else { return JointForm::Euler };
        let noise_varies = process.diffusion.iter().flatten().any(|b| process.frame.varies(*b));
        let order = match (closed::is_gaussian(model), noise_varies) {
            (true, _) => [JointForm::Exact, JointForm::LocalLinear, JointForm::Kessler],
            (_, true) => [JointForm::Kessler, JointForm::LocalLinear, JointForm::Euler],
            _ => [JointForm::LocalLinear, JointForm::Kessler, JointForm::Euler],
        };
        order.into_iter().find(|f| f.why_not(model).is_none()).unwrap_or(JointForm::LocalLinear)
    }

    /// Why the form does not apply to a model; `None` where it does. Cost: the form is made.
    pub fn why_not(self, model: &Model) -> Option<String> {
        refusal::diffusion(model).and_then(|process| How::new(model, process, self).map(|_| ())).err()
    }
}

/// Means and covariances of `x₁` given `x₀`.
#[derive(Debug, Clone, PartialEq)]
pub struct JointMoments {
    /// `[component][observation]`
    pub mean: Vec<Vec<f64>>,
    /// `[component][component][observation]`
    pub covariance: Vec<Vec<Vec<f64>>>,
}

/// A model's transition density of all its states by one form, compiled once and evaluated at many parameters.
#[derive(Debug)]
pub struct JointTransitions<'m> {
    model: &'m Model,
    process: &'m Diffusion,
    form: JointForm,
    how: How,
}

#[derive(Debug)]
enum How {
    /// Mean and covariance are expressions.
    Expressions(Coefficients),
    /// A linear equation is solved at every observation, or once for all of one step where it `is_uniform`.
    Linear { coefficients: Coefficients, is_uniform: bool },
    /// The log density is an expression; the moments are Kessler's.
    Series { density: Box<Series>, moments: Coefficients },
}

impl How {
    fn new(model: &Model, process: &Diffusion, form: JointForm) -> std::result::Result<How, String> {
        let mut pool = process.frame.pool.clone();
        if form == JointForm::Exact
            && let Some(why) = closed::why_not_gaussian(model)
        {
            return Err(why);
        }
        match form {
            JointForm::Expansion => {
                let noise = expansion::noise(process, &mut pool);
                refusal::singular(model, process, &pool, &noise, form)?;
                let density = Box::new(Series::new(process)?);
                let step = moments::kessler(process, &mut pool)?;
                Ok(How::Series { density, moments: Coefficients::new(process, pool, &step.outputs()) })
            }
            JointForm::Euler | JointForm::Kessler => {
                let step = match form {
                    JointForm::Euler => moments::euler(process, &mut pool),
                    _ => moments::kessler(process, &mut pool)?,
                };
                refusal::singular(model, process, &pool, &step.leading, form)?;
                Ok(How::Expressions(Coefficients::new(process, pool, &step.outputs())))
            }
            JointForm::LocalLinear | JointForm::Exact => {
                let outputs = local_linear::outputs(process, &mut pool);
                refusal::unreached(model, process, &pool, &outputs)?;
                let is_uniform = local_linear::is_uniform(process, &pool, &outputs);
                Ok(How::Linear { coefficients: Coefficients::new(process, pool, &outputs), is_uniform })
            }
        }
    }

    fn coefficients(&self) -> &Coefficients {
        match self {
            How::Expressions(coefficients)
            | How::Linear { coefficients, .. }
            | How::Series { moments: coefficients, .. } => coefficients,
        }
    }
}

/// The law of one observation's step.
struct Step {
    mean: Vec<f64>,
    covariance: Matrix,
    /// The law of the residual; `None` where the covariance is none.
    normal: Option<Normal>,
    /// With its step, of the forms that solve an equation.
    flow: Option<(f64, Flow)>,
}

impl<'m> JointTransitions<'m> {
    /// The density of `model` by one form, its coefficients compiled.
    ///
    /// # Errors
    /// [`crate::base::Error::FormUnavailable`] unless the model is a diffusion without jumps, absorbing or periodic ends, and the
    /// form gives it a density: Euler's covariance is singular where a state has no noise of its own, and so has the series no first term.
    pub fn new(model: &'m Model, form: JointForm) -> Result<JointTransitions<'m>> {
        let made = refusal::diffusion(model).and_then(|process| Ok((process, How::new(model, process, form)?)));
        match made {
            Ok((process, how)) => Ok(JointTransitions { model, process, form, how }),
            Err(why) => Err(refusal::unavailable(model, form, why)),
        }
    }

    /// The form it was made by.
    pub fn form(&self) -> JointForm {
        self.form
    }

    /// The model it is of.
    pub fn model(&self) -> &'m Model {
        self.model
    }

    /// Log densities at `theta`, with the gradient where asked; minus infinity (and a gradient of zero) where the parameters give
    /// an observation no law. Cost O(n³) an observation for `n` states, whatever the number of parameters.
    pub fn log_density(&self, theta: &[f64], pairs: &JointPairs, gradient: bool) -> Batch {
        let symbols = self.process.frame.symbols(theta, 0.0);
        if let How::Series { density, .. } = &self.how {
            return density.log_density(&symbols, pairs, gradient);
        }
        let coefficients = self.how.coefficients();
        let mut value = Vec::with_capacity(pairs.len());
        let columns = if gradient { coefficients.n_outputs } else { 0 };
        let mut slopes = vec![vec![0.0; pairs.len()]; columns];
        self.each(&symbols, pairs, |i, step, local| {
            let residual = pairs.residual(i, &step.mean);
            let law = step.normal.as_ref().map(|normal| (normal, normal.log_density(&residual)));
            let Some((normal, log_density)) = law.filter(|(_, v)| v.is_finite()) else {
                value.push(f64::NEG_INFINITY);
                return;
            };
            value.push(log_density);
            if gradient {
                let slope = slopes_of(step, local, normal.slopes(&residual));
                slopes.iter_mut().zip(slope).for_each(|(column, s)| column[i] = s);
            }
        });
        let mut gradients = if gradient { coefficients.pull(&symbols, pairs, &slopes) } else { Vec::new() };
        for column in &mut gradients {
            column.iter_mut().zip(&value).filter(|(_, v)| !v.is_finite()).for_each(|(g, _)| *g = 0.0);
        }
        Batch { value, gradient: gradients }
    }

    /// Conditional means and covariances, of the series Kessler's; not a number where a coefficient is none.
    pub fn moments(&self, theta: &[f64], pairs: &JointPairs) -> JointMoments {
        let n = self.process.states.len();
        let mut mean = vec![vec![f64::NAN; pairs.len()]; n];
        let mut covariance = vec![vec![vec![f64::NAN; pairs.len()]; n]; n];
        self.each(&self.process.frame.symbols(theta, 0.0), pairs, |i, step, _| {
            for (a, m) in step.mean.iter().enumerate() {
                mean[a][i] = *m;
                (0..n).for_each(|b| covariance[a][b][i] = step.covariance.at(a, b));
            }
        });
        JointMoments { mean, covariance }
    }

    /// `[component][observation]`: standard normal and independent if the law is right, by Rosenblatt's (1952) transform in the order
    /// of the states, of the series by Kessler's normal law; not a number where there is no law.
    pub fn normal_scores(&self, theta: &[f64], pairs: &JointPairs) -> Vec<Vec<f64>> {
        let mut scores = vec![vec![f64::NAN; pairs.len()]; self.process.states.len()];
        self.each(&self.process.frame.symbols(theta, 0.0), pairs, |i, step, _| {
            let Some(normal) = &step.normal else { return };
            let z = normal.scores(&pairs.residual(i, &step.mean));
            scores.iter_mut().zip(z).for_each(|(column, z)| column[i] = z);
        });
        scores
    }

    /// Every observation's law in turn, with its local coefficients where the form has some.
    fn each(&self, symbols: &[f64], pairs: &JointPairs, mut see: impl FnMut(usize, &Step, Option<&Local>)) {
        let n = self.process.states.len();
        let columns = self.how.coefficients().values(symbols, pairs);
        let mut last: Option<Step> = None;
        for i in 0..pairs.len() {
            let (step, local) = match &self.how {
                How::Expressions(_) | How::Series { .. } => (Step::of_columns(n, &columns, i), None),
                How::Linear { is_uniform, .. } => {
                    let local = Local::of(n, &columns, i);
                    let known = last.take().filter(|_| *is_uniform);
                    (Step::of_flow(&local, pairs, i, known), Some(local))
                }
            };
            see(i, &step, local.as_ref());
            last = Some(step);
        }
    }
}

impl Step {
    fn of_columns(n: usize, columns: &[Vec<f64>], i: usize) -> Step {
        let covariance = Matrix::symmetric(n, |k| columns[n + k][i]);
        let normal = Normal::new(&covariance);
        Step { mean: columns[..n].iter().map(|c| c[i]).collect(), covariance, normal, flow: None }
    }

    /// `known` is a step of the same linear equation, used again where it is as long.
    fn of_flow(local: &Local, pairs: &JointPairs, i: usize, known: Option<Step>) -> Step {
        let dt = pairs.dt[i];
        let mut step = match known {
            Some(step) if step.flow.as_ref().is_some_and(|(known, _)| *known == dt) => step,
            _ => {
                let flow = Flow::new(&local.jacobian, &local.noise, dt);
                let n = local.drift.len();
                let covariance =
                    flow.as_ref().map_or_else(|| Matrix::diagonal(n, f64::NAN), |flow| flow.covariance().clone());
                let normal = Normal::new(&covariance);
                Step { mean: Vec::new(), covariance, normal, flow: flow.map(|flow| (dt, flow)) }
            }
        };
        let moved = step.flow.as_ref().map(|(_, flow)| flow.moved(&local.drift, &local.along));
        step.mean = match moved {
            Some(moved) => pairs.x0.iter().zip(moved).map(|(x, m)| x[i] + m).collect(),
            None => vec![f64::NAN; local.drift.len()],
        };
        step
    }
}

/// Slopes by the coefficients from those by mean and covariance.
fn slopes_of(step: &Step, local: Option<&Local>, (by_mean, by_covariance): (Vec<f64>, Matrix)) -> Vec<f64> {
    match (local, &step.flow) {
        (Some(local), Some((_, flow))) => {
            let (drift, along) = flow.slopes_of_mean(&by_mean);
            let one = Matrix::outer(&by_mean, &local.drift);
            let two = Matrix::outer(&by_mean, &local.along);
            let (jacobian, noise) = flow.slopes(one, two, by_covariance);
            Local { drift, along, jacobian, noise }.into_slopes()
        }
        _ => {
            let mut all = by_mean;
            all.extend(local_linear::folded(&by_covariance));
            all
        }
    }
}

//! Observed transitions as a form sees them: log densities, conditional moments, and their gradients in the parameters.

use super::counts_likelihood::CountTransitions;
use super::{Asked, Form, exact, expansion::Expansion, likelihood, schroedinger};
use crate::base::{Error, Result, Series};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Process, Scalar};

/// Transitions `x0 → x1` over `dt` from time `t0`, structure of arrays, all of one length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pairs {
    /// State before the step; each of the four is `[observation]`.
    pub x0: Vec<f64>,
    /// State after it.
    pub x1: Vec<f64>,
    /// Length of the step, positive, in the model's unit of time.
    pub dt: Vec<f64>,
    /// Time at which the step begins, for coefficients that change with it.
    pub t0: Vec<f64>,
}

impl Pairs {
    /// The n - 1 transitions of a series. A spacing that is a whole number of the clock's steps but for round-off is exactly that, so that
    /// transitions over the same spacing share what hangs on it alone.
    pub fn of(series: &Series) -> Pairs {
        let n = series.len().saturating_sub(1);
        let step = series.clock.step;
        let spacing = |w: &[f64]| {
            let (dt, whole) = (w[1] - w[0], ((w[1] - w[0]) / step).round() * step);
            // Each of the two times is rounded to half an ulp, and their making to another.
            if (dt - whole).abs() <= 2.0 * f64::EPSILON * w[0].abs().max(w[1].abs()) { whole } else { dt }
        };
        Pairs {
            x0: series.value[..n].to_vec(),
            x1: series.value.iter().skip(1).copied().collect(),
            dt: series.time.windows(2).map(spacing).collect(),
            t0: series.time[..n].to_vec(),
        }
    }

    /// Number of transitions.
    pub fn len(&self) -> usize {
        self.x0.len()
    }

    /// Whether there is no transition.
    pub fn is_empty(&self) -> bool {
        self.x0.is_empty()
    }

    /// Some of the transitions, by position.
    pub fn at(&self, rows: &[usize]) -> Pairs {
        let take = |v: &[f64]| rows.iter().map(|i| v[*i]).collect();
        Pairs { x0: take(&self.x0), x1: take(&self.x1), dt: take(&self.dt), t0: take(&self.t0) }
    }

    /// Every `stride`-th transition.
    pub fn thinned(&self, stride: usize) -> Pairs {
        let take = |v: &[f64]| v.iter().copied().step_by(stride.max(1)).collect();
        Pairs { x0: take(&self.x0), x1: take(&self.x1), dt: take(&self.dt), t0: take(&self.t0) }
    }
}

/// Log transition densities, one an observation, and their gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[observation]`
    pub value: Vec<f64>,
    /// `[parameter][observation]`; empty where not asked.
    pub gradient: Vec<Vec<f64>>,
}

/// Conditional mean and variance of `x1` given `x0`, and their gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// `[observation]`: `E[x1 | x0]`, not a number where there is none.
    pub mean: Vec<f64>,
    /// `[observation]`: `Var[x1 | x0]`, in the state's unit squared.
    pub variance: Vec<f64>,
    /// `[parameter][observation]`
    pub d_mean: Vec<Vec<f64>>,
    /// `[parameter][observation]`
    pub d_variance: Vec<Vec<f64>>,
}

/// Why no transition density of a model that is not one-dimensional is fitted.
fn why_not_fitted(model: &Model) -> String {
    match &model.process {
        Process::Diffusion(p) if p.states.len() > 1 => {
            format!("it has {} states, and transitions of one are fitted so far", p.states.len())
        }
        Process::Diffusion(_) => "it jumps, and transitions without jumps are fitted so far".to_string(),
        other => format!("it is a {}, and transitions of diffusions and networks are fitted so far", other.kind()),
    }
}

/// A refusal that offers only forms one can fit with.
fn can_fit(error: Error) -> Error {
    match error {
        Error::FormUnavailable { form, model, why, mut available } => {
            available.retain(|name| Form::named(name) != Some(Form::MasterEquation));
            Error::FormUnavailable { form, model, why, available }
        }
        other => other,
    }
}

/// A model's transition density by one form, compiled once and evaluated at many parameters.
///
/// Of a network: the probabilities of counts of its first species that moves, where that one tells the others
/// ([`super::counts_likelihood`]).
#[derive(Debug)]
pub struct Transitions<'m> {
    model: &'m Model,
    form: Form,
    how: How<'m>,
}

#[derive(Debug)]
enum How<'m> {
    Diffusion(Scalar<'m>, Density),
    Counts(Box<CountTransitions<'m>>),
}

#[derive(Debug)]
enum Density {
    Exact(exact::ExactTransitions),
    Expansion(Box<Expansion>),
    /// The Fokker-Planck equation, and Kessler's expansion for the moments.
    Solved(Box<likelihood::Resolvent>, Box<Expansion>),
    /// The spectrum, and likewise.
    Spectral(Box<schroedinger::Spectral>, Box<Expansion>),
    /// A mean over bridges, and likewise.
    Simulated(Box<likelihood::bridges::Bridges>, Box<Expansion>),
}

impl Density {
    fn new(model: &Model, scalar: &Scalar, form: Form) -> Result<Density> {
        Ok(match (form, &model.law) {
            (Form::Exact, Some(claim)) => Density::Exact(exact::ExactTransitions::new(scalar, claim)),
            (form, _) if form.is_one_step() => Density::Expansion(Box::new(Expansion::new(scalar, form))),
            (Form::FokkerPlanck | Form::Schroedinger, _) => {
                if let Some(why) = likelihood::why_not(scalar) {
                    return Err(can_fit(form.unavailable(model, &why)));
                }
                let (resolvent, moments) =
                    (likelihood::Resolvent::new(scalar), Box::new(Expansion::new(scalar, Form::Kessler)));
                match form {
                    Form::FokkerPlanck => Density::Solved(Box::new(resolvent), moments),
                    _ => Density::Spectral(Box::new(schroedinger::Spectral::new(resolvent)), moments),
                }
            }
            (Form::MonteCarlo, _) => match likelihood::bridges::why_not(scalar) {
                Some(why) => return Err(can_fit(form.unavailable(model, &why))),
                None => Density::Simulated(
                    Box::new(likelihood::bridges::Bridges::standard(scalar)),
                    Box::new(Expansion::new(scalar, Form::Kessler)),
                ),
            },
            _ => return Err(can_fit(form.unavailable(model, "the lattice of a diffusion is not fitted with"))),
        })
    }

    fn log_density(&self, model: &Model, scalar: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        match self {
            Density::Exact(exact) => exact.log_density(scalar, theta, pairs, gradient),
            Density::Expansion(expansion) => expansion.log_density(scalar, theta, pairs, gradient),
            Density::Solved(resolvent, _) => resolvent.log_density(scalar, theta, pairs, gradient),
            Density::Spectral(spectral, _) => spectral.log_density(model, scalar, theta, pairs, gradient),
            Density::Simulated(bridges, _) => bridges.log_density(scalar, theta, pairs, gradient),
        }
    }
}

/// The density of single steps of a model of one state, by its closed law or an expansion, with the model it is of: for what keeps
/// both.
#[derive(Debug)]
pub struct StepDensity {
    model: Model,
    density: Density,
}

impl StepDensity {
    /// By the closed law where the model claims one, else by Aït-Sahalia's series.
    ///
    /// # Errors
    /// As [`Transitions::new`].
    pub fn new(model: Model) -> Result<StepDensity> {
        let form = if model.law.is_some() { Form::Exact } else { Form::Expansion };
        let density = match model.scalar() {
            Some(scalar) => Density::new(&model, &scalar, form)?,
            None => return Err(can_fit(form.unavailable(&model, &why_not_fitted(&model)))),
        };
        Ok(StepDensity { model, density })
    }

    /// The model it is of.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// As [`Transitions::log_density`], without the gradient.
    pub fn log_density(&self, theta: &[f64], pairs: &Pairs) -> Vec<f64> {
        let Some(scalar) = self.model.scalar() else { return vec![f64::NAN; pairs.len()] };
        self.density.log_density(&self.model, &scalar, theta, pairs, false).value
    }
}

impl<'m> Transitions<'m> {
    /// The transition density of `model` by one form, its expressions compiled.
    ///
    /// # Errors
    /// [`Error::FormUnavailable`] unless the form gives transition densities and applies to the model.
    pub fn new(model: &'m Model, form: Form) -> Result<Transitions<'m>> {
        if matches!(model.process, Process::Network(_)) {
            return Transitions::of_counts(model, form);
        }
        if model.scalar().is_none() {
            return Err(Error::FormUnavailable {
                form: "fit".to_string(),
                model: model.id.clone(),
                why: why_not_fitted(model),
                available: Vec::new(),
            });
        }
        let scalar = form.line(model).map_err(can_fit)?;
        let density = Density::new(model, &scalar, form)?;
        Ok(Transitions { model, form, how: How::Diffusion(scalar, density) })
    }

    fn of_counts(model: &'m Model, form: Form) -> Result<Transitions<'m>> {
        let refuse = |why: &str| Error::FormUnavailable {
            form: form.name().to_string(),
            model: model.id.clone(),
            why: why.to_string(),
            available: vec![Form::MasterEquation.name().to_string()],
        };
        if form != Form::MasterEquation {
            return Err(refuse(
                "counts of molecules have no density; their transitions are fitted by the master equation",
            ));
        }
        let counts = CountTransitions::new(model)?;
        if !counts.sees_one() {
            return Err(refuse("one series does not tell the state; give the counts of every species"));
        }
        Ok(Transitions { model, form, how: How::Counts(Box::new(counts)) })
    }

    /// The form it was made by.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The model it is of.
    pub fn model(&self) -> &'m Model {
        self.model
    }

    /// `ln p(x1 | x0, dt; θ)` of every pair at `theta`, per unit of the state (of counts log probabilities), with the gradient in the parameters
    /// where asked. Values may be minus infinity or NaN where the parameters make no sense for an observation; the caller guards. Cost: one pass
    /// over the pairs; forms that solve an equation or simulate take up to thousands of times as long.
    pub fn log_density(&self, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        match &self.how {
            How::Counts(counts) => counts.log_density(theta, pairs, gradient),
            How::Diffusion(scalar, density) => density.log_density(self.model, scalar, theta, pairs, gradient),
        }
    }

    /// A rough loss for finding where to begin, lower where nearer; `None` of diffusions, which have Euler's density for that.
    pub fn rough(&self, theta: &[f64], pairs: &Pairs) -> Option<f64> {
        match &self.how {
            How::Counts(counts) => Some(counts.seen_rough(theta, pairs)),
            How::Diffusion(..) => None,
        }
    }

    /// Lower and upper bound of the log-likelihood, where the form leaves states out and knows what that may cost: of counts. `None` of diffusions.
    pub fn bounds(&self, theta: &[f64], pairs: &Pairs) -> Option<(f64, f64)> {
        match &self.how {
            How::Counts(counts) => Some(counts.seen_bounds(theta, pairs)),
            How::Diffusion(..) => None,
        }
    }

    /// Why the form has no density of some transitions at these parameters, and what to do instead; `None` where it has, or where
    /// it cannot tell.
    pub fn refusal(&self, theta: &[f64], pairs: &Pairs) -> Option<String> {
        let (scalar, density) = match &self.how {
            How::Counts(counts) => return counts.refusal(theta, pairs),
            How::Diffusion(scalar, density) => (scalar, density),
        };
        let (why, hint) = match density {
            Density::Solved(resolvent, _) => resolvent.refusal(scalar, theta, pairs)?,
            Density::Spectral(spectral, _) => {
                (spectral.refusal(self.model, scalar, theta, pairs)?, "use --form expansion")
            }
            Density::Exact(_) | Density::Expansion(_) | Density::Simulated(..) => return None,
        };
        Some(format!("{why}; {hint}"))
    }

    /// `Φ⁻¹` of the probability integral transform of each observed step (of counts randomised), `[observation]`: standard normal if the law is
    /// right; not a number where there is no law.
    pub fn normal_scores(&self, theta: &[f64], pairs: &Pairs) -> Vec<f64> {
        match &self.how {
            How::Counts(counts) => counts.normal_scores(theta, pairs),
            How::Diffusion(scalar, density) => match density {
                Density::Exact(exact) => exact.normal_scores(scalar, theta, pairs),
                Density::Expansion(expansion) => expansion.normal_scores(scalar, theta, pairs),
                Density::Solved(resolvent, _) => resolvent.normal_scores(scalar, theta, pairs),
                Density::Spectral(spectral, _) => spectral.resolvent.normal_scores(scalar, theta, pairs),
                Density::Simulated(bridges, _) => bridges.normal_scores(scalar, theta, pairs),
            },
        }
    }

    /// Conditional means and variances at `theta`, always with gradients; of the forms of diffusions that solve an equation or simulate,
    /// Kessler's.
    pub fn moments(&self, theta: &[f64], pairs: &Pairs) -> Moments {
        match &self.how {
            How::Counts(counts) => counts.moments(theta, pairs),
            How::Diffusion(scalar, density) => match density {
                Density::Exact(exact) => exact.moments(scalar, theta, pairs),
                Density::Expansion(expansion)
                | Density::Solved(_, expansion)
                | Density::Spectral(_, expansion)
                | Density::Simulated(_, expansion) => expansion.moments(scalar, theta, pairs, true),
            },
        }
    }
}

/// The law of one step: normal, or a table where the form's density is not.
///
/// # Errors
/// [`Error::Numerics`] where the step is so long that the expanded variance is no longer positive, or no density is left;
/// [`Error::FormUnavailable`] from `ozaki` at zero.
pub(super) fn one_step(form: Form, question: &Asked, time: f64) -> Result<Predictive> {
    let pairs =
        Pairs { x0: vec![question.x0], x1: vec![question.x0], dt: vec![time - question.t0], t0: vec![question.t0] };
    let transitions = Transitions::new(question.model, form)?;
    let broken = |why: String| Error::Numerics {
        what: format!("the {} density of model '{}'", form.name(), question.model.id),
        why: format!("over a step of {} {why}", time - question.t0),
        hint: "ask for a nearer time, or take --form fokker-planck".to_string(),
    };
    if let (
        Form::ShojiOzaki | Form::Milstein | Form::Expansion,
        How::Diffusion(scalar, Density::Expansion(expansion)),
    ) = (form, &transitions.how)
    {
        let law = expansion.tabulated(scalar, question.theta, &pairs);
        return law.ok_or_else(|| broken("there is no density that can be tabulated".to_string()));
    }
    let moments = transitions.moments(question.theta, &pairs);
    let (mean, variance) = (moments.mean[0], moments.variance[0]);
    if form == Form::Ozaki && variance.is_nan() {
        return Err(
            form.unavailable(question.model, "its state passes through zero, where Ozaki's constant has no value")
        );
    }
    if !(mean.is_finite() && variance.is_finite() && variance > 0.0) {
        return Err(broken(format!("its variance is {variance}, which no law has")));
    }
    Ok(Predictive::Normal { mean, sd: variance.sqrt() })
}

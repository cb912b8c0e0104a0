//! What is searched over, and the points that are tried.

use crate::base::rng::Key;
use crate::base::sobol::{LOG2_POINTS, Scramble, Sobol};
use crate::base::{Error, Purpose, Result, Seed, Series, Transform, math};
use crate::fit::{FormRequest, Objective, Observed, Optimizer, Stochastic};
use crate::forecast::ModelForecaster;
use crate::form::{Form, Transitions};

/// Rows to learn from up to which the forms that solve the equation for every observed state are tried unasked: a fit with one
/// takes seconds there, and longer than anybody waits on long records.
const AFFORDABLE: usize = 300;
/// Range of the learning rate, log-uniform.
const RATES: [f64; 2] = [1e-3, 0.5];
const BATCHES: [usize; 7] = [16, 32, 64, 128, 256, 512, 1024];
const CELLS: [usize; 5] = [100, 200, 500, 1000, 2000];
const STARTS: [usize; 4] = [1, 2, 4, 8];
/// Sobol points that are looked at for every trial wanted: where few choices are distinct, they are soon all found.
const DRAWS: usize = 64;

/// Something that can be searched over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// What searches, of all [`Optimizer`]s.
    Optimizer,
    /// First step of `adam`, log-uniform from 0.001 to 0.5.
    LearningRate,
    /// Observations a step of `adam` looks at, powers of two from 16 to 1024, at most the rows learnt from.
    BatchSize,
    /// Transition density to fit with, of those that apply and are affordable.
    Form,
    /// Cells of the grid that answers forecasts, 100 to 2000.
    Cells,
    /// What the model is fitted to, of the transforms that the data allow.
    Transform,
    /// Likelihood or least squares.
    Objective,
    /// Starting points of a fit, 1 to 8.
    Starts,
}

impl Dimension {
    /// Every setting that can be searched over.
    pub const ALL: [Dimension; 8] = [
        Dimension::Optimizer,
        Dimension::LearningRate,
        Dimension::BatchSize,
        Dimension::Form,
        Dimension::Cells,
        Dimension::Transform,
        Dimension::Objective,
        Dimension::Starts,
    ];

    /// The name, which is that of the flag that holds it.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Optimizer => "optimizer",
            Dimension::LearningRate => "learning-rate",
            Dimension::BatchSize => "batch-size",
            Dimension::Form => "form",
            Dimension::Cells => "cells",
            Dimension::Transform => "transform",
            Dimension::Objective => "objective",
            Dimension::Starts => "starts",
        }
    }

    /// The dimension of this name; `None` where there is none.
    pub fn named(name: &str) -> Option<Dimension> {
        Dimension::ALL.into_iter().find(|d| d.name() == name)
    }
}

/// The settings of one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// From the data's level to the model's state.
    pub transform: Transform,
    /// What is minimised.
    pub objective: Objective,
    /// Transition density, or who chooses it.
    pub form: FormRequest,
    /// What searches from every start.
    pub optimizer: Optimizer,
    /// Of [`Optimizer::Adam`] only.
    pub stochastic: Stochastic,
    /// Starting points of a fit.
    pub starts: usize,
    /// Cells of the grid that answers, where one does.
    pub cells: usize,
}

impl Choice {
    /// The settings a forecaster has.
    pub fn of(forecaster: &ModelForecaster) -> Choice {
        Choice {
            transform: forecaster.transform,
            objective: forecaster.settings.objective,
            form: forecaster.settings.form.clone(),
            optimizer: forecaster.settings.optimizer,
            stochastic: forecaster.settings.stochastic,
            starts: forecaster.settings.starts,
            cells: forecaster.accuracy.cells,
        }
    }

    /// The same forecaster under these settings; what is no dimension of the search stays as it is.
    pub fn applied(&self, forecaster: &ModelForecaster) -> ModelForecaster {
        let mut out = forecaster.clone();
        out.transform = self.transform;
        out.settings.objective = self.objective;
        out.settings.form = self.form.clone();
        out.settings.optimizer = self.optimizer;
        out.settings.stochastic = self.stochastic;
        out.settings.starts = self.starts;
        out.accuracy.cells = self.cells;
        out
    }

    /// Step and batches of `adam`; `None` of optimisers that have none.
    pub fn batches(&self) -> Option<Stochastic> {
        (self.optimizer == Optimizer::Adam).then_some(self.stochastic)
    }

    /// Whether two choices lead to the same fit.
    fn is_same(&self, other: &Choice) -> bool {
        let plain = |c: &Choice| Choice { stochastic: c.batches().unwrap_or_default(), ..c.clone() };
        plain(self) == plain(other)
    }
}

/// The dimensions that are searched, each with the values it can take for a model and a series.
#[derive(Debug, Clone)]
pub(super) struct Space {
    base: Choice,
    over: Vec<Dimension>,
    transforms: Vec<Transform>,
    forms: Vec<Form>,
    pub batches: Vec<usize>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

impl Space {
    /// The space over some dimensions; those that make no difference here, or have one value only, are left out and named.
    ///
    /// # Errors
    /// [`Error::FormUnavailable`] for a model that cannot be fitted to transitions, [`Error::BadOption`] where nothing is left to
    /// search over.
    pub fn of(base: &ModelForecaster, before: &Series, learn: usize, over: &[Dimension]) -> Result<Space> {
        Transitions::new(&base.model, Form::Euler)?;
        let mut space = Space {
            base: Choice::of(base),
            over: Vec::new(),
            transforms: Vec::new(),
            forms: Vec::new(),
            batches: BATCHES.into_iter().filter(|b| *b <= learn).collect(),
            notes: Vec::new(),
        };
        for dimension in Dimension::ALL.into_iter().filter(|d| over.contains(d)) {
            match dimension {
                Dimension::Transform => space.find_transforms(base, before),
                Dimension::Form => space.find_forms(base, learn),
                _ => {}
            }
            match space.why_not(base, dimension, over) {
                None => space.over.push(dimension),
                Some(why) => space.notes.push(format!("{} is not searched over: {why}", dimension.name())),
            }
        }
        if space.over.is_empty() {
            return Err(Error::BadOption {
                flag: "--over".to_string(),
                value: over.iter().map(|d| d.name()).collect::<Vec<_>>().join(","),
                expected: format!("there is nothing to search over; {}", space.notes.join("; ")),
                hint: Some("--over optimizer,form,starts, or leave the flags away that hold them".to_string()),
            });
        }
        Ok(space)
    }

    fn find_transforms(&mut self, base: &ModelForecaster, before: &Series) {
        for transform in Transform::ALL {
            match Observed::of(before, transform, &base.model) {
                Ok(_) => self.transforms.push(transform),
                Err(error) => self.notes.push(format!("transform {} is not tried: {error}", transform.name())),
            }
        }
    }

    fn find_forms(&mut self, base: &ModelForecaster, learn: usize) {
        for form in Form::ALL.into_iter().filter(|f| Transitions::new(&base.model, *f).is_ok()) {
            let is_dear = matches!(form, Form::FokkerPlanck | Form::Schroedinger);
            if is_dear && learn > AFFORDABLE {
                self.notes.push(format!(
                    "form {} is not tried: it takes long over more than {AFFORDABLE} rows, here {learn}; --form {} holds it",
                    form.name(),
                    form.name()
                ));
            } else {
                self.forms.push(form);
            }
        }
    }

    fn why_not(&self, base: &ModelForecaster, dimension: Dimension, over: &[Dimension]) -> Option<String> {
        let single = |name: &str| format!("{name} is the only one that can be used here");
        match dimension {
            Dimension::LearningRate | Dimension::BatchSize
                if base.settings.optimizer != Optimizer::Adam && !over.contains(&Dimension::Optimizer) =>
            {
                Some(format!("{} has none; --optimizer adam has", base.settings.optimizer.name()))
            }
            Dimension::Cells if !matches!(base.answer, Form::FokkerPlanck | Form::MasterEquation) => {
                Some(format!("the form that answers, {}, has no grid", base.answer.name()))
            }
            Dimension::Transform => match self.transforms[..] {
                [] => Some("the model takes the data under none".to_string()),
                [one] => Some(single(one.name())),
                _ => None,
            },
            Dimension::Form => match self.forms[..] {
                [one] => Some(single(one.name())),
                _ => None,
            },
            _ => None,
        }
    }

    /// The settings searched over, those held by a flag left out.
    pub fn over(&self) -> &[Dimension] {
        &self.over
    }

    /// At most `trials` distinct choices: first the settings as they are, so that the best is never worse than they on the rows
    /// that validate, then scrambled Sobol points, which spread over every dimension evenly.
    pub fn design(&self, trials: usize, seed: Seed) -> Vec<Choice> {
        let mut choices: Vec<Choice> = vec![self.base.clone()];
        // A transform that the data refuse would only fail.
        if self.over.contains(&Dimension::Transform) && !self.transforms.contains(&self.base.transform) {
            choices.clear();
        }
        let Some(sobol) = Sobol::new(Dimension::ALL.len()) else { return choices };
        let key = seed.key(Purpose::Tuning, 0, 0);
        for index in 0..trials.saturating_mul(DRAWS) as u64 {
            if choices.len() >= trials {
                break;
            }
            let choice = self.point(&sobol, key, index);
            if !choices.iter().any(|c| c.is_same(&choice)) {
                choices.push(choice);
            }
        }
        choices
    }

    fn point(&self, sobol: &Sobol, key: Key, index: u64) -> Choice {
        let mut choice = self.base.clone();
        for (k, dimension) in Dimension::ALL.into_iter().enumerate().filter(|(_, d)| self.over.contains(d)) {
            let word = Scramble::new(key, 0, k).apply(sobol.word(index, k), LOG2_POINTS);
            let u = (word >> 11) as f64 / (1u64 << 53) as f64;
            match dimension {
                Dimension::Optimizer => choice.optimizer = one_of(&Optimizer::ALL, u, choice.optimizer),
                Dimension::LearningRate => choice.stochastic.learning_rate = rate(u),
                Dimension::BatchSize => {
                    choice.stochastic.batch_size = one_of(&self.batches, u, choice.stochastic.batch_size);
                }
                Dimension::Form => {
                    let asked: Vec<FormRequest> = self.forms.iter().map(|f| FormRequest::Asked(*f)).collect();
                    choice.form = one_of(&asked, u, choice.form);
                }
                Dimension::Cells => choice.cells = one_of(&CELLS, u, choice.cells),
                Dimension::Transform => choice.transform = one_of(&self.transforms, u, choice.transform),
                Dimension::Objective => {
                    choice.objective = one_of(&[Objective::Kl, Objective::Mse], u, choice.objective);
                }
                Dimension::Starts => choice.starts = one_of(&STARTS, u, choice.starts),
            }
        }
        choice
    }
}

/// The value at `u` of the unit interval, all equally likely; `otherwise` of none.
fn one_of<T: Clone>(values: &[T], u: f64, otherwise: T) -> T {
    let at = (u * values.len() as f64) as usize;
    values.get(at.min(values.len().saturating_sub(1))).cloned().unwrap_or(otherwise)
}

/// A learning rate of two digits, which can be read and typed.
fn rate(u: f64) -> f64 {
    let [low, high] = RATES;
    let exact = low * math::exp(u * math::ln(high / low));
    format!("{exact:.1e}").parse().unwrap_or(exact)
}

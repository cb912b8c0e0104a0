//! The laws of one component at the times of the snapshots, and cells of values compared with them.

use super::projected::Projected;
use super::{Begin, Snapshots};
use crate::base::rng::Key;
use crate::base::{Error, Result, math};
use crate::form::master_equation::sensitivities;
use crate::form::{Accuracy, Form, Question, marginals, network, stationary::stationary};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Initial, Process};

/// The law of the component at one time.
pub(super) struct Law {
    /// Of equal weight times how many starts share it.
    parts: Vec<(f64, Predictive)>,
}

impl Law {
    fn of(law: Predictive) -> Law {
        Law { parts: vec![(1.0, law)] }
    }

    /// Probability of at most `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        self.parts.iter().map(|(w, law)| w * law.cdf(x)).sum()
    }

    /// Log density, or log probability of a count.
    pub fn log_density(&self, x: f64) -> f64 {
        let each = |(w, law): &(f64, Predictive)| math::ln(*w) + law.log_pdf(x).unwrap_or(f64::NEG_INFINITY);
        let logs: Vec<f64> = self.parts.iter().map(each).collect();
        ln_sum(&logs)
    }

    /// Log probability of `(a, b]`. Where the difference of the distribution function has no digits left, far out in a tail, it is the integral of the
    /// density over the interval, of an endless one over `reach`.
    pub fn log_mass(&self, a: f64, b: f64, reach: f64) -> f64 {
        const NODES: usize = 32;
        let mass = self.mass(a, b);
        if mass > 1e-8 {
            return math::ln(mass);
        }
        let from = if a.is_finite() { a } else { b - reach };
        let to = if b.is_finite() { b } else { a + reach };
        let width = (to - from) / NODES as f64;
        let logs: Vec<f64> = (0..NODES).map(|i| self.log_density(from + (i as f64 + 0.5) * width)).collect();
        ln_sum(&logs) + math::ln(width)
    }

    /// Probability of `(a, b]`, by the distribution function; either end may be infinite.
    pub fn mass(&self, a: f64, b: f64) -> f64 {
        let below = if a.is_finite() { self.cdf(a) } else { 0.0 };
        let above = if b.is_finite() { self.cdf(b) } else { 1.0 };
        (above - below).max(0.0)
    }

    /// Mean and standard deviation, where they exist.
    pub fn moments(&self) -> Option<(f64, f64)> {
        let each: Option<Vec<(f64, f64, f64)>> =
            self.parts.iter().map(|(w, law)| Some((*w, law.mean()?, law.sd()?))).collect();
        let each = each?;
        let mean: f64 = each.iter().map(|(w, m, _)| w * m).sum();
        let second: f64 = each.iter().map(|(w, m, s)| w * (s * s + (m - mean) * (m - mean))).sum();
        Some((mean, second.max(0.0).sqrt()))
    }
}

fn ln_sum(logs: &[f64]) -> f64 {
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top.is_finite() { top + math::ln(logs.iter().map(|l| math::exp(l - top)).sum()) } else { top }
}

/// Where the component begins, settled.
pub(super) enum Start {
    At {
        t0: f64,
        x: Vec<f64>,
    },
    /// As the file says, at the parameters tried.
    File {
        t0: f64,
    },
    Stationary,
    /// Distinct values of the first snapshot, with their parts of it.
    Empirical {
        t0: f64,
        starts: Vec<(f64, f64)>,
    },
}

impl Start {
    /// # Errors
    /// [`Error::BadOption`] for a start the model does not have.
    pub fn of(begin: &Begin, model: &Model, data: &Snapshots, component: usize) -> Result<Start> {
        let bad = |value: &str, expected: &str| {
            let [flag, value, expected] = ["--from", value, expected].map(str::to_string);
            Error::BadOption { flag, value, expected, hint: None }
        };
        let alone = model.variables().len() == 1;
        match begin {
            Begin::At { t0, x } if x.len() == model.variables().len() => Ok(Start::At { t0: *t0, x: x.clone() }),
            Begin::At { x, .. } => Err(bad(&format!("{} values", x.len()), "one value for each component")),
            Begin::Stationary => Ok(Start::Stationary),
            Begin::Empirical if !alone => {
                Err(bad("first snapshot", "a model of one component: the others' starts are not seen"))
            }
            Begin::Empirical => {
                let mut sorted = data.values[0].clone();
                sorted.sort_by(f64::total_cmp);
                let part = 1.0 / sorted.len() as f64;
                let mut starts: Vec<(f64, f64)> = Vec::new();
                for x in sorted {
                    match starts.last_mut() {
                        Some((last, w)) if *last == x => *w += part,
                        _ => starts.push((x, part)),
                    }
                }
                Ok(Start::Empirical { t0: data.times[0], starts })
            }
            Begin::File { t0 } => {
                let Process::Diffusion(process) = &model.process else { return Ok(Start::File { t0: *t0 }) };
                match &process.states[component].initial {
                    Some(Initial::Stationary) if alone => return Ok(Start::Stationary),
                    _ => {}
                }
                if process.states.iter().all(|s| matches!(s.initial, Some(Initial::Value(_)))) {
                    return Ok(Start::File { t0: *t0 });
                }
                Err(bad("the model's file", "a number for every state, or \"stationary\" for one; give it with --from"))
            }
        }
    }

    /// The start as one number that no free parameter moves.
    pub fn point(&self, model: &Model, theta: &[f64], free: &[usize]) -> Option<(f64, f64)> {
        match self {
            Start::At { t0, x } if x.len() == 1 => Some((*t0, x[0])),
            Start::File { t0 } => {
                let Process::Diffusion(process) = &model.process else { return None };
                let [state] = process.states.as_slice() else { return None };
                let Some(Initial::Value(id)) = &state.initial else { return None };
                let frame = model.process.frame();
                let moves = free.iter().any(|k| frame.pool.depends_on(*id, frame.param(*k)));
                (!moves).then(|| (*t0, frame.at(*id, theta, *t0)))
            }
            _ => None,
        }
    }

    /// Time of the start, and where all components then are, of a start without spread.
    pub fn origin(&self, model: &Model, theta: &[f64]) -> Option<(f64, Vec<f64>)> {
        match self {
            Start::At { t0, x } => Some((*t0, x.clone())),
            Start::File { t0 } => Some((*t0, model.default_start(theta)?)),
            Start::Stationary => None,
            Start::Empirical { t0, starts } => Some((*t0, vec![starts.iter().map(|(x, w)| w * x).sum()])),
        }
    }
}

/// What gives the laws.
pub(super) struct Source<'a> {
    pub model: &'a Model,
    pub form: Form,
    pub component: usize,
    pub start: Start,
    /// Times of the snapshots that are compared.
    pub times: Vec<f64>,
    pub key: Key,
}

impl Source<'_> {
    /// The laws at `theta`, `[time]`.
    ///
    /// # Errors
    /// Those of the form.
    pub fn laws(&self, theta: &[f64], accuracy: Accuracy) -> Result<Vec<Law>> {
        let from = |start: &[f64], t0: f64| -> Result<Vec<Law>> {
            let question = Question { theta, start, t0, times: &self.times, accuracy, key: self.key };
            let laws = marginals(self.model, self.form, &question)?;
            Ok(laws.into_iter().map(|mut row| Law::of(row.swap_remove(self.component))).collect())
        };
        match &self.start {
            Start::At { t0, x } => from(x, *t0),
            Start::File { t0 } if matches!(self.model.process, Process::Network(_)) => from(&[], *t0),
            Start::File { t0 } => from(&self.model.default_start(theta).unwrap_or_default(), *t0),
            Start::Stationary => {
                let law = stationary(self.model, theta, self.component)?;
                Ok(self.times.iter().map(|_| Law::of(law.clone())).collect())
            }
            Start::Empirical { t0, starts } => {
                let mut mixed: Vec<Law> = self.times.iter().map(|_| Law { parts: Vec::new() }).collect();
                for (x, w) in starts {
                    for (sum, law) in mixed.iter_mut().zip(from(&[*x], *t0)?) {
                        sum.parts.extend(law.parts.into_iter().map(|(part, law)| (part * w, law)));
                    }
                }
                Ok(mixed)
            }
        }
    }

    /// The projected laws at `theta` with their slopes in `free`, `[time]`; `None` where they are not those of a network's master
    /// equation, or have no such slopes.
    ///
    /// # Errors
    /// Those of [`sensitivities`] but for what it does not apply to.
    pub fn projected(&self, theta: &[f64], free: &[usize], accuracy: Accuracy) -> Option<Result<Vec<Projected>>> {
        let is_network = matches!(self.model.process, Process::Network(_));
        if !is_network || self.form != Form::MasterEquation {
            return None;
        }
        let from = |start: &[f64], t0: f64| -> Result<Vec<Projected>> {
            let question = Question { theta, start, t0, times: &self.times, accuracy, key: self.key };
            let answers = sensitivities(self.model, &network::projection(&question), free)?;
            Ok(answers.iter().map(|answer| Projected::of(answer, self.component)).collect())
        };
        let laws = match &self.start {
            Start::At { t0, x } => from(x, *t0),
            Start::File { t0 } => from(&[], *t0),
            Start::Stationary => return None,
            Start::Empirical { t0, starts } => {
                let each = starts.iter().map(|(x, w)| Ok((*w, from(&[*x], *t0)?))).collect::<Result<Vec<_>>>();
                each.map(|each| {
                    let at = |t: usize| each.iter().map(|(w, laws)| (*w, laws[t].clone())).collect::<Vec<_>>();
                    (0..self.times.len()).map(|t| Projected::mixed(&at(t))).collect()
                })
            }
        };
        match laws {
            Err(Error::FormUnavailable { .. }) => None,
            other => Some(other),
        }
    }
}

//! Several forecasters as one: the linear pool of their laws.

use super::parameters::no_law;
use super::stack::{Stacked, stack};
use super::{FittedModel, ModelForecaster};
use crate::base::{Error, Result, Series, Transform};
use crate::predictive::{Fitted, Forecaster, Predictive};
use rayon::prelude::*;

/// What a pool is made of.
pub enum Member {
    /// A model of kramers.
    Own(Box<ModelForecaster>),
    /// A baseline.
    Baseline(Box<dyn Forecaster>),
}

impl Member {
    fn forecaster(&self) -> &dyn Forecaster {
        match self {
            Member::Own(own) => own.as_ref(),
            Member::Baseline(baseline) => baseline.as_ref(),
        }
    }

    /// Name in tables: the id of a model, or of a baseline.
    pub fn name(&self) -> &str {
        self.forecaster().name()
    }

    /// From what an earlier fit of it handed on, where that leads to an optimum.
    fn fit(&self, train: &Series, before: Option<&[f64]>) -> Result<FittedMember> {
        match self {
            Member::Own(own) => {
                let usable = |before: Option<&[f64]>| -> Result<FittedModel> {
                    let fitted = own.fit_model(train, before)?;
                    fitted.require_usable(train).map(|()| fitted)
                };
                let fitted = match before.map(|_| usable(before)) {
                    Some(Ok(fitted)) => fitted,
                    _ => usable(None)?,
                };
                Ok(FittedMember::Own(Box::new(fitted)))
            }
            Member::Baseline(baseline) => Ok(FittedMember::Baseline(baseline.fit(train, None)?)),
        }
    }
}

/// Where the weights of a pool come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighting {
    /// The same for every member: hard to beat where records are short (Clemen 1989).
    Equal,
    /// Those with the best mean log score on past windows of the training rows.
    Stack,
}

/// A linear pool of forecasters, `Σ wₖ Fₖ` (Stone 1961), itself a forecaster; of one member it is that member.
///
/// Stacked weights are those that would have scored best, in mean log score over all horizons asked, on windows of the last 30 % of the *training*
/// rows, every member fitted to the rows before; then all members are fitted to all training rows. One set of weights serves all horizons, so that
/// joint draws have the laws that are pooled. Cost: the fits of all members, twice with stacking, and up to sixty answers of each.
pub struct Pool {
    /// Name in tables.
    pub name: String,
    /// What is pooled; weights are in this order.
    pub members: Vec<Member>,
    /// Where the weights come from.
    pub weighting: Weighting,
    /// Of every member: all forecast the same variable.
    pub transform: Transform,
    /// Rows ahead that weights are stacked for.
    pub horizons: Vec<usize>,
}

/// Share of the training rows that weights are stacked on.
const PAST: f64 = 0.3;
/// Most windows of them, and fewest.
const MOST_WINDOWS: usize = 60;
const FEWEST_WINDOWS: usize = 10;

impl Pool {
    /// Fit every member to all rows of `train`, in parallel, and the weights: equal ones, or stacked on its last 30 %.
    ///
    /// # Errors
    /// What a member's fit refuses; with stacking [`Error::TooFewRows`] below ten past windows, [`Error::Numerics`] where a member has no density.
    pub fn fit_pool(&self, train: &Series) -> Result<FittedPool> {
        self.fit_from(train, None)
    }

    fn fit_from(&self, train: &Series, before: Option<&[f64]>) -> Result<FittedPool> {
        let stacked = match self.weighting {
            Weighting::Stack if self.members.len() > 1 => Some(self.stacked(train)?),
            _ => None,
        };
        let weights = match &stacked {
            Some(stacked) => stacked.weights.clone(),
            None => vec![1.0 / self.members.len().max(1) as f64; self.members.len()],
        };
        let before = before.map(|numbers| taken_apart(numbers, self.members.len())).unwrap_or_default();
        let fit = |(i, member): (usize, &Member)| member.fit(train, before.get(i).copied().filter(|b| !b.is_empty()));
        let members = self.members.par_iter().enumerate().map(fit).collect::<Result<Vec<_>>>()?;
        let names = self.members.iter().map(|member| member.name().to_string()).collect();
        let handed_on = weights.iter().copied().chain(members.iter().flat_map(FittedMember::handed_on)).collect();
        Ok(FittedPool { names, members, weights, stacked, transform: self.transform, handed_on })
    }

    /// Weights from the past windows of `train`.
    fn stacked(&self, train: &Series) -> Result<Stacked> {
        let past = (PAST * train.len() as f64) as usize;
        if past < FEWEST_WINDOWS {
            return Err(Error::TooFewRows {
                series: train.id.clone(),
                rows: train.len(),
                needed: (FEWEST_WINDOWS as f64 / PAST).ceil() as usize,
                purpose: "stacking the weights of a combination".to_string(),
            });
        }
        let first = train.len() - past;
        let step = past.div_ceil(MOST_WINDOWS);
        let learn = train.slice(0, first);
        let counts = self.counts();
        let of = |member: &Member| -> Result<Vec<f64>> {
            let fitted = member.fit(&learn, None)?;
            let mut logs = Vec::new();
            for (window, cutoff) in (first - 1..train.len() - 1).step_by(step).enumerate() {
                let history = train.slice(0, cutoff + 1);
                let targets: Vec<usize> =
                    self.horizons.iter().map(|h| cutoff + h).filter(|row| *row < train.len()).collect();
                let times: Vec<f64> = targets.iter().map(|row| train.time[*row]).collect();
                let laws = fitted.as_fitted().predict(&history, &times, window as u64)?;
                for (law, row) in laws.iter().zip(targets) {
                    let came = match self.transform.is_state() {
                        true => train.value[row],
                        false => self.transform.forward(train.value[row - 1], train.value[row]),
                    };
                    let log = if counts { law.log_probability_of_count(came) } else { law.log_pdf(came) };
                    logs.push(log.ok_or_else(|| no_density(member.name()))?);
                }
            }
            Ok(logs)
        };
        let each = self.members.par_iter().map(of).collect::<Result<Vec<_>>>()?;
        let observations = each.first().map_or(0, Vec::len);
        let rows: Vec<Vec<f64>> = (0..observations).map(|i| each.iter().map(|logs| logs[i]).collect()).collect();
        stack(&rows)
    }
}

/// What each member handed on, from the weights and, of each member, a number of numbers and these.
fn taken_apart(numbers: &[f64], members: usize) -> Vec<&[f64]> {
    let mut rest = numbers.get(members..).unwrap_or_default();
    let mut all = Vec::with_capacity(members);
    while let Some((count, after)) = rest.split_first() {
        let (own, next) = after.split_at((*count as usize).min(after.len()));
        all.push(own);
        rest = next;
    }
    all
}

fn no_density(member: &str) -> Error {
    Error::Numerics {
        what: "the weights of the combination".to_string(),
        why: format!("the forecasts of {member} have no density to be scored by"),
        hint: "use --weights equal, or leave that member out".to_string(),
    }
}

impl Forecaster for Pool {
    fn name(&self) -> &str {
        &self.name
    }

    fn counts(&self) -> bool {
        self.members.iter().any(|member| member.forecaster().counts())
    }

    /// Models of kramers are taken on from their fits before; stacked weights are found anew.
    fn fit(&self, train: &Series, previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        Ok(Box::new(self.fit_from(train, previous.map(Fitted::parameters))?))
    }
}

/// A member, fitted.
pub enum FittedMember {
    /// A model of kramers: it can be asked between rows, and hands on where its next fit begins.
    Own(Box<FittedModel>),
    /// A baseline, known by its laws and draws alone.
    Baseline(Box<dyn Fitted>),
}

impl FittedMember {
    /// The member as what every forecaster becomes.
    pub fn as_fitted(&self) -> &dyn Fitted {
        match self {
            FittedMember::Own(own) => own.as_ref(),
            FittedMember::Baseline(baseline) => baseline.as_ref(),
        }
    }

    /// Where its next fit begins, behind how many numbers that is; none of a baseline, whose fits are quick.
    fn handed_on(&self) -> Vec<f64> {
        let numbers = self.own().map(Fitted::parameters).unwrap_or_default();
        std::iter::once(numbers.len() as f64).chain(numbers.iter().copied()).collect()
    }

    /// The model of kramers, where it is one.
    pub fn own(&self) -> Option<&FittedModel> {
        match self {
            FittedMember::Own(own) => Some(own),
            FittedMember::Baseline(_) => None,
        }
    }
}

/// A pool with its members fitted.
pub struct FittedPool {
    /// Names of the members, in the order of the pool.
    pub names: Vec<String>,
    /// In the order of `names`; those of weight zero too.
    pub members: Vec<FittedMember>,
    /// One a member, of sum one.
    pub weights: Vec<f64>,
    /// How the weights were found, where they were stacked.
    pub stacked: Option<Stacked>,
    /// Of every member: from levels to what is forecast.
    pub transform: Transform,
    /// The weights, and where the members' next fits begin.
    pub(super) handed_on: Vec<f64>,
}

impl FittedPool {
    /// Members that count, with their weights.
    pub(super) fn weighted(&self) -> impl Iterator<Item = (f64, &FittedMember)> {
        self.weights.iter().copied().zip(&self.members).filter(|(w, _)| *w > 0.0)
    }

    /// The mixture, time by time, of what the members answer.
    fn mixed(&self, answer: impl Fn(&dyn Fitted) -> Result<Vec<Predictive>>) -> Result<Vec<Predictive>> {
        let mut by_time: Vec<Vec<(f64, Predictive)>> = Vec::new();
        for (weight, member) in self.weighted() {
            let laws = answer(member.as_fitted())?;
            by_time.resize(laws.len(), Vec::new());
            by_time.iter_mut().zip(laws).for_each(|(all, law)| all.push((weight, law)));
        }
        by_time.into_iter().map(|parts| Predictive::mixture(parts).ok_or_else(no_law)).collect()
    }
}

impl Fitted for FittedPool {
    fn predict(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Predictive>> {
        self.mixed(|member| member.predict(history, times, window))
    }

    /// Each member has its share of the paths, to the nearest whole; the last of them what is left.
    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        let mut rows: Vec<Vec<f64>> = vec![Vec::with_capacity(paths); times.len()];
        let (mut weight_so_far, mut made) = (0.0, 0);
        for (weight, member) in self.weighted() {
            weight_so_far += weight;
            let share = ((weight_so_far * paths as f64).round() as usize).min(paths) - made;
            made += share;
            if share == 0 {
                continue;
            }
            let Some(drawn) = member.as_fitted().joint(history, times, share, window)? else { return Ok(None) };
            rows.iter_mut().zip(drawn).for_each(|(row, mut drawn)| row.append(&mut drawn));
        }
        Ok(Some(rows))
    }

    /// The weights, and where the members' next fits begin.
    fn parameters(&self) -> &[f64] {
        &self.handed_on
    }

    fn doubt(&self) -> Option<String> {
        let doubts = self.names.iter().zip(&self.members);
        let told = doubts.filter_map(|(name, member)| Some(format!("{name} {}", member.as_fitted().doubt()?)));
        Some(told.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
    }
}

//! Likelihood of counts sampled in time: `log P(x1 | x0, dt)` by the master equation.
//!
//! | what moves | by | slopes in the parameters |
//! |---|---|---|
//! | one independent species (a line of states) | uniformisation from every start, or squaring of one matrix for all | exact, solved beside the law |
//! | several | finite state projection from every start ([`super::master_equation`]) | none here: differences |
//!
//! Where states must be left out, the law may have lost `ε` over `m` states: `p + ε/m` is what is used, as for snapshots, and
//! `ln p`, `ln (p + ε)` bound the truth (Munsky & Khammash 2006, theorem 2.2).

mod generator;
mod line;
mod marginals;
mod rough;
mod seen;
#[cfg(test)]
mod tests;

pub use marginals::Marginal;
pub use seen::complete;

use super::master_equation::{self, Projection, Snapshot};
use super::{Batch, Moments, Pairs, counts};
use crate::base::{Limit, Result, math};
use crate::models::Model;
use crate::process::{Network, Process};
use line::{Law, Line, Refusal, Steps};
use rayon::prelude::*;
use seen::Seen;

/// Probability that a projection of several species may lose.
const TOLERANCE: f64 = 1e-13;

/// Transitions between whole states of a network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CountPairs {
    /// `[transition][species]`
    pub from: Vec<Vec<f64>>,
    /// `[transition][species]`
    pub to: Vec<Vec<f64>>,
    /// `[transition]`, positive, in the model's unit of time.
    pub dt: Vec<f64>,
}

impl CountPairs {
    /// Number of transitions.
    pub fn len(&self) -> usize {
        self.dt.len()
    }

    /// Whether there is no transition.
    pub fn is_empty(&self) -> bool {
        self.dt.is_empty()
    }

    /// Some of the transitions, by position.
    pub fn at(&self, rows: &[usize]) -> CountPairs {
        let take = |v: &[Vec<f64>]| rows.iter().map(|i| v[*i].clone()).collect();
        CountPairs { from: take(&self.from), to: take(&self.to), dt: rows.iter().map(|i| self.dt[*i]).collect() }
    }
}

/// A network prepared for likelihoods at many parameters.
#[derive(Debug)]
pub struct CountTransitions<'m> {
    model: &'m Model,
    line: Option<Line<'m>>,
    seen: Option<Seen>,
}

/// Why the transitions of a network's counts have no likelihood here; `None` where they have.
pub fn why_not(network: &Network) -> Option<String> {
    if counts::timing(network) != counts::Timing::Constant || !network.breaks.is_empty() {
        return Some("its propensities change with time, and transitions are of one clock".to_string());
    }
    let has_events = !network.events.is_empty();
    has_events
        .then(|| "it has events, which happen between what is seen".to_string())
        .or_else(|| network.beyond_counts())
}

impl<'m> CountTransitions<'m> {
    /// The network read once: whether its states are a line, and whether one species tells the others.
    ///
    /// # Errors
    /// [`crate::base::Error::FormUnavailable`] where the model is no network, has events, or rates that change with time.
    pub fn new(model: &'m Model) -> Result<CountTransitions<'m>> {
        let refuse = |why: &str| super::Form::MasterEquation.unavailable(model, why);
        let Process::Network(network) = &model.process else {
            return Err(refuse(&format!("it is a {}", model.process.kind())));
        };
        match why_not(network) {
            Some(why) => Err(refuse(&why)),
            None => {
                let line = Line::new(network);
                let seen = line.as_ref().and_then(|line| Seen::new(model, &line.v));
                Ok(CountTransitions { model, line, seen })
            }
        }
    }

    /// Whether slopes come with the values: where the states are a line.
    pub fn has_slopes(&self) -> bool {
        self.line.is_some()
    }

    /// Log probabilities of whole transitions at `theta`, and their slopes where asked and had. Minus infinity where a transition cannot be,
    /// or there is no law at these parameters.
    ///
    /// Cost: of a line about a nanosecond for each state, jump length and mean jump of the fastest state in a step, from each distinct
    /// start (twice as much again a parameter); else a projection from each distinct start.
    pub fn log_probability(&self, theta: &[f64], pairs: &CountPairs, gradient: bool) -> Batch {
        match &self.line {
            Some(line) => match steps(line, pairs) {
                Some(steps) => self.along(line, theta, &steps, gradient),
                None => nothing(pairs.len(), if gradient { line.n_params() } else { 0 }),
            },
            None => Batch { value: self.projected(theta, pairs), gradient: Vec::new() },
        }
    }

    /// As [`CountTransitions::log_probability`], of the one species that is seen, the others following from the totals of the file's start.
    pub(super) fn log_density(&self, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        let params = self.line.as_ref().map_or(0, Line::n_params);
        match self.seen_steps(theta, pairs) {
            Some((line, steps)) => self.along(line, theta, &steps, gradient),
            None => nothing(pairs.len(), if gradient { params } else { 0 }),
        }
    }

    fn seen_steps(&self, theta: &[f64], pairs: &Pairs) -> Option<(&Line<'m>, Steps)> {
        let (line, seen) = (self.line.as_ref()?, self.seen.as_ref()?);
        let base = seen.base(self.model, theta)?;
        let places = |x: &[f64]| x.iter().map(|x| seen.place(&base, *x)).collect::<Option<Vec<i64>>>();
        let steps = Steps { from: places(&pairs.x0)?, to: places(&pairs.x1)?, dt: pairs.dt.clone(), base };
        Some((line, steps))
    }

    fn along(&self, line: &Line, theta: &[f64], steps: &Steps, gradient: bool) -> Batch {
        let params = if gradient { line.n_params() } else { 0 };
        let read = |law: &Law, i: usize| -> (f64, Vec<f64>) {
            let (place, states) = (law.place(steps.to[i]), law.p().len() as f64);
            let p = law.p()[place];
            // What no number of reactions leads to has no share in what was lost.
            if !(p > 0.0) {
                return (f64::NEG_INFINITY, vec![0.0; params]);
            }
            let held = p + law.lost() / states;
            let slope = |k: usize| (law.slope(k)[place] + law.d_lost(k) / states) / held;
            (math::ln(held), (0..params).map(slope).collect())
        };
        let Ok(found) = line.each(theta, steps, gradient, &read) else { return nothing(steps.dt.len(), params) };
        let mut batch = nothing(found.len(), params);
        for (i, (value, slopes)) in found.into_iter().enumerate() {
            if value.is_finite() && slopes.iter().all(|s| s.is_finite()) {
                batch.value[i] = value;
                batch.gradient.iter_mut().zip(slopes).for_each(|(column, slope)| column[i] = slope);
            }
        }
        batch
    }

    /// By a projection from each distinct start through its steps.
    fn projected(&self, theta: &[f64], pairs: &CountPairs) -> Vec<f64> {
        let bounds = self.projected_bounds(theta, pairs);
        bounds
            .into_iter()
            .map(|(p, lost, states)| if p > 0.0 { math::ln(p + lost / states) } else { f64::NEG_INFINITY })
            .collect()
    }

    /// `(p, ε, m)` of each transition; zero where there is no law.
    fn projected_bounds(&self, theta: &[f64], pairs: &CountPairs) -> Vec<(f64, f64, f64)> {
        self.by_projection(theta, pairs, &|i, law| {
            let Some(law) = law else { return (0.0, 0.0, 1.0) };
            let p = (0..law.len()).find(|s| law.state(*s) == pairs.to[i].as_slice()).map_or(0.0, |s| law.p[s]);
            (p, law.error_bound, law.len() as f64)
        })
    }

    /// What `read` makes of the projected law of each transition, in their order; of none where there is no law.
    fn by_projection<T: Send>(
        &self,
        theta: &[f64],
        pairs: &CountPairs,
        read: &(dyn Fn(usize, Option<&Snapshot>) -> T + Sync),
    ) -> Vec<T> {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        let by_state = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        };
        order.sort_by(|a, b| {
            by_state(&pairs.from[*a], &pairs.from[*b]).then(pairs.dt[*a].total_cmp(&pairs.dt[*b])).then(a.cmp(b))
        });
        let groups: Vec<&[usize]> = order.chunk_by(|a, b| pairs.from[*a] == pairs.from[*b]).collect();
        let one = |group: &&[usize]| -> Vec<(usize, T)> {
            let mut times: Vec<f64> = group.iter().map(|i| pairs.dt[*i]).collect();
            times.dedup();
            let projection = Projection {
                theta,
                start: &pairs.from[group[0]],
                t0: 0.0,
                times: &times,
                tolerance: TOLERANCE,
                most_states: Limit::NetworkStates.most() as usize,
            };
            let Ok(snapshots) = master_equation::project(self.model, &projection) else {
                return group.iter().map(|i| (*i, read(*i, None))).collect();
            };
            let law = |i: &usize| snapshots.get(times.iter().position(|t| *t == pairs.dt[*i])?);
            let found = |i: &usize| (*i, read(*i, law(i)));
            group.iter().map(found).collect()
        };
        let mut all: Vec<(usize, T)> = groups.par_iter().flat_map_iter(one).collect();
        all.sort_by_key(|(i, _)| *i);
        all.into_iter().map(|(_, read)| read).collect()
    }

    /// Lower and upper bound of the log-likelihood of whole transitions: `Σ ln p` and `Σ ln (p + ε)`.
    pub fn bounds(&self, theta: &[f64], pairs: &CountPairs) -> (f64, f64) {
        let each: Vec<(f64, f64)> = match &self.line {
            None => self.projected_bounds(theta, pairs).into_iter().map(|(p, lost, _)| (p, lost)).collect(),
            Some(line) => steps(line, pairs).map_or(Vec::new(), |steps| probabilities(line, theta, &steps)),
        };
        log_bounds(&each)
    }

    /// As [`CountTransitions::bounds`], of the one species that is seen.
    pub(super) fn seen_bounds(&self, theta: &[f64], pairs: &Pairs) -> (f64, f64) {
        let each = self.seen_steps(theta, pairs).map_or(Vec::new(), |(line, steps)| probabilities(line, theta, &steps));
        log_bounds(&each)
    }

    /// A rough loss of whole transitions, for finding where to begin: minus the log density of a normal law of each next count, up to a constant;
    /// infinite where there is none. Cost: `1 + species` evaluations of all propensities a transition.
    pub fn rough(&self, theta: &[f64], pairs: &CountPairs) -> f64 {
        rough::loss(self.model, theta, pairs)
    }

    /// As [`CountTransitions::rough`], of the one species that is seen.
    pub(super) fn seen_rough(&self, theta: &[f64], pairs: &Pairs) -> f64 {
        self.whole(theta, pairs).map_or(f64::INFINITY, |(_, whole)| self.rough(theta, &whole))
    }

    /// Why there is no likelihood of the one species that is seen.
    pub(super) fn refusal(&self, theta: &[f64], pairs: &Pairs) -> Option<String> {
        let Some((line, steps)) = self.seen_steps(theta, pairs) else {
            return Some("a count is no state that the conserved totals of the model's start allow".to_string());
        };
        match line.each(theta, &steps, false, &|law, i| law.p()[law.place(steps.to[i])]) {
            Err(refusal) => Some(Refusal::why(refusal).to_string()),
            Ok(found) => {
                let row = found.iter().position(|p| !(*p > 0.0))?;
                Some(format!("no reactions lead from {} to {}", pairs.x0[row], pairs.x1[row]))
            }
        }
    }

    /// [`CountTransitions::normal_scores_of`] of the one species that is seen.
    pub(super) fn normal_scores(&self, theta: &[f64], pairs: &Pairs) -> Vec<f64> {
        let found = self.whole(theta, pairs).map(|(species, whole)| self.normal_scores_of(theta, &whole, &[species]));
        found.and_then(|mut scores| scores.pop()).unwrap_or_else(|| vec![f64::NAN; pairs.len()])
    }

    /// Conditional means and variances of the one species that is seen, with slopes.
    pub(super) fn moments(&self, theta: &[f64], pairs: &Pairs) -> Moments {
        let n = pairs.len();
        let params = self.line.as_ref().map_or(0, Line::n_params);
        let empty = || vec![vec![f64::NAN; n]; params];
        let mut moments =
            Moments { mean: vec![f64::NAN; n], variance: vec![f64::NAN; n], d_mean: empty(), d_variance: empty() };
        let (Some((line, steps)), Some(seen)) = (self.seen_steps(theta, pairs), &self.seen) else { return moments };
        let x = |k: i64| steps.base[seen.species] + (k * line.v[seen.species]) as f64;
        let read = |law: &Law, _: usize| {
            let sum = |p: &[f64], f: &dyn Fn(f64) -> f64| -> f64 {
                p.iter().enumerate().map(|(i, p)| p * f(x(law.first + i as i64))).sum()
            };
            let mean = sum(law.p(), &|x| x);
            let square = |x: f64| (x - mean) * (x - mean);
            let slopes = (0..params).map(|k| (sum(law.slope(k), &|x| x), sum(law.slope(k), &square)));
            (mean, sum(law.p(), &square), slopes.collect::<Vec<(f64, f64)>>())
        };
        for (i, (mean, variance, slopes)) in line.each(theta, &steps, true, &read).into_iter().flatten().enumerate() {
            (moments.mean[i], moments.variance[i]) = (mean, variance);
            for (k, (d_mean, d_variance)) in slopes.into_iter().enumerate() {
                (moments.d_mean[k][i], moments.d_variance[k][i]) = (d_mean, d_variance);
            }
        }
        moments
    }

    /// Whether one species alone tells the state.
    pub(super) fn sees_one(&self) -> bool {
        self.seen.is_some()
    }
}

fn nothing(n: usize, params: usize) -> Batch {
    Batch { value: vec![f64::NEG_INFINITY; n], gradient: vec![vec![0.0; n]; params] }
}

/// `(p, ε)` of each transition.
fn probabilities(line: &Line, theta: &[f64], steps: &Steps) -> Vec<(f64, f64)> {
    let read = |law: &Law, i: usize| (law.p()[law.place(steps.to[i])], law.lost());
    line.each(theta, steps, false, &read).unwrap_or_default()
}

fn log_bounds(each: &[(f64, f64)]) -> (f64, f64) {
    if each.is_empty() {
        return (f64::NEG_INFINITY, f64::NEG_INFINITY);
    }
    let ln = |x: f64| if x > 0.0 { math::ln(x) } else { f64::NEG_INFINITY };
    (each.iter().map(|(p, _)| ln(*p)).sum(), each.iter().map(|(p, lost)| ln(p + lost)).sum())
}

/// Whole states as places along the line of the first; `None` where one is not on it.
fn steps(line: &Line, pairs: &CountPairs) -> Option<Steps> {
    let base = pairs.from.first()?.clone();
    let places =
        |states: &[Vec<f64>]| states.iter().map(|x| seen::along(&base, &line.v, x)).collect::<Option<Vec<i64>>>();
    Some(Steps { from: places(&pairs.from)?, to: places(&pairs.to)?, dt: pairs.dt.clone(), base })
}

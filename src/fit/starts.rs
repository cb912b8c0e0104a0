//! Where to start: the defaults or points that fill the space evenly, each walked to the data's scale by a coarse scan.
//!
//! A model file knows nothing of whether its data are rates near 0.05 or prices near 40,000. The scan moves one
//! parameter at a time over a logarithmic range and keeps what lowers Euler's pseudo-likelihood on a sample of the
//! transitions; it needs no gradient and no knowledge of the model. A level far from its default would make a scan give up
//! mean reversion before it finds the level, so it is walked a second time with levels at the middle of the data; which walk came
//! further, the density that is fitted tells, as Euler's over many rows is none.

use super::{Observed, Settings};
use crate::base::rng::Key;
use crate::base::sobol::{LOG2_POINTS, Scramble, Sobol};
use crate::base::{Coordinate, Param, Params, Purpose, Result, math};
use crate::form::{Form, Pairs, Transitions};
use crate::models::Model;
use crate::process::Process;
use crate::stats;
use rayon::prelude::*;

/// Transitions of each length the scan looks at.
const SAMPLE: usize = 150;
/// Single transitions that tell two walks apart.
const JUDGED: usize = 600;
const SWEEPS: usize = 4;

/// A starting point.
pub(super) struct Start {
    pub theta: Vec<f64>,
    /// Where the other walk ended: for a search that comes to no good from `theta`.
    pub otherwise: Option<Vec<f64>>,
}

/// `settings.starts` starting points in natural coordinates; the first from `first`, walked unless the user `gave` it.
pub(super) fn starting_points(
    transitions: &Transitions,
    data: &Observed,
    first: &Params,
    free: &[usize],
    settings: &Settings,
    given: bool,
) -> Result<Vec<Start>> {
    if given && settings.starts <= 1 {
        return Ok(vec![Start { theta: first.values.clone(), otherwise: None }]);
    }
    let sample = short_and_long(&data.pairs);
    let euler = match &transitions.model().process {
        Process::Network(_) => None,
        _ => Some(Transitions::new(transitions.model(), Form::Euler)?),
    };
    let loss = |theta: &[f64]| match &euler {
        Some(euler) => -euler.log_density(theta, &sample, false).value.iter().sum::<f64>(),
        None => transitions.rough(theta, &sample).unwrap_or(f64::INFINITY),
    };
    let single = data.pairs.thinned(data.pairs.len().div_ceil(JUDGED));
    let judge = |theta: &[f64]| -transitions.log_density(theta, &single, false).value.iter().sum::<f64>();
    let second = Middle::of(transitions.model(), &data.pairs.x0).map(|middle| Second { middle, judge: &judge });
    let scan =
        Scan { loss: &loss, centres: centres(&data.pairs), scales: scales(&data.pairs), look: Look::Wide, second };
    Ok(scan.starts(first, free, settings, given))
}

/// Scrambled Sobol points, a size and a sign for each free parameter: any number of starts covers the eight decades evenly.
struct Design {
    sobol: Option<Sobol>,
    key: Key,
}

impl Design {
    fn new(settings: &Settings, free: usize) -> Design {
        Design { sobol: Sobol::new(2 * free), key: settings.seed.key(Purpose::Starts, 0, 0) }
    }

    fn uniform(&self, start: usize, dimension: usize) -> f64 {
        match &self.sobol {
            Some(sobol) => {
                let word =
                    Scramble::new(self.key, 0, dimension).apply(sobol.word(start as u64, dimension), LOG2_POINTS);
                (word >> 11) as f64 / (1u64 << 53) as f64
            }
            // Beyond the table's dimensions: independent points.
            None => {
                let word = self.key.words(start as u64, dimension as u64)[0];
                (word >> 11) as f64 / (1u64 << 53) as f64
            }
        }
    }
}

/// Single transitions, which tell the diffusion, and transitions over many rows, which tell the drift: single daily steps
/// say next to nothing of it.
fn short_and_long(pairs: &Pairs) -> Pairs {
    let stride = pairs.len().div_ceil(SAMPLE);
    let mut sample = pairs.thinned(stride);
    if stride == 1 {
        return sample;
    }
    let mut from = 0;
    while from + stride < pairs.len() {
        let to = from + stride - 1;
        let one_series = (from..to).all(|i| pairs.x1[i] == pairs.x0[i + 1]);
        if one_series {
            sample.x0.push(pairs.x0[from]);
            sample.x1.push(pairs.x1[to]);
            sample.t0.push(pairs.t0[from]);
            sample.dt.push(pairs.dt[from..=to].iter().sum());
        }
        from = to + 1;
    }
    sample
}

/// Log-uniform over eight decades (both signs where allowed), or uniform over a short interval.
pub(super) fn random_value(p: &Param, u: f64, sign: f64) -> f64 {
    let size = math::exp(std::f64::consts::LN_10 * (8.0 * u - 4.0));
    let value = match p.coordinate() {
        Coordinate::Logit => p.lower + (p.upper - p.lower) * u,
        Coordinate::Log => size,
        Coordinate::Linear => size * if sign < 0.5 { -1.0 } else { 1.0 },
    };
    value.clamp(p.lower, p.upper)
}

/// Within a factor of [`APART`] of a value, or anywhere in a short interval.
fn near(p: &Param, value: f64, u: f64) -> f64 {
    let moved = match p.coordinate() {
        Coordinate::Logit => p.lower + (p.upper - p.lower) * u,
        Coordinate::Log => value * math::pow(APART, 2.0 * u - 1.0),
        Coordinate::Linear => value,
    };
    moved.clamp(p.lower, p.upper)
}

/// Levels a location parameter may be near: quantiles of the data and their logarithms.
pub(super) fn centres(pairs: &Pairs) -> Vec<f64> {
    let levels = [0.02, 0.2, 0.5, 0.8, 0.98].map(|p| stats::quantile(&pairs.x0, p));
    let logs = levels.iter().filter(|l| **l > 0.0).map(|l| math::ln(*l));
    levels.iter().copied().chain(logs).collect()
}

/// Sizes the data suggest for whatever a parameter may be: level, spread, noise a root of time, rates of the record and of
/// a row. With them the scan does not depend on the units of the data.
pub(super) fn scales(pairs: &Pairs) -> Vec<f64> {
    let span: f64 = pairs.dt.iter().sum();
    let row = span / pairs.len() as f64;
    let squares: f64 = pairs.x0.iter().zip(&pairs.x1).map(|(a, b)| (b - a) * (b - a)).sum();
    let noise = (squares / span).sqrt();
    let level = stats::mean(&pairs.x0.iter().map(|x| x.abs()).collect::<Vec<_>>());
    let all = [level, stats::sd(&pairs.x0), noise, noise / level, 1.0 / span, 1.0 / row];
    all.into_iter().filter(|s| s.is_finite() && *s > 0.0).collect()
}

/// The median of what was observed, and its unit.
pub(super) struct Middle {
    value: f64,
    unit: String,
}

impl Middle {
    /// Of a model with one state.
    pub fn of(model: &Model, values: &[f64]) -> Option<Middle> {
        let Process::Diffusion(process) = &model.process else { return None };
        let [state] = process.states.as_slice() else { return None };
        Some(Middle { value: stats::quantile(values, 0.5), unit: state.unit.clone() })
    }

    /// The point with every level at the middle of the data; `None` where that is the same point.
    fn moved(&self, params: &[Param], theta: &[f64], free: &[usize]) -> Option<Vec<f64>> {
        let mut moved = theta.to_vec();
        for k in free.iter().filter(|k| self.is_of(&params[**k])) {
            moved[*k] = self.value.clamp(params[*k].lower, params[*k].upper);
        }
        (moved != theta).then_some(moved)
    }

    /// A level may have any sign, or bears the unit of the data.
    fn is_of(&self, p: &Param) -> bool {
        match p.coordinate() {
            Coordinate::Linear => true,
            Coordinate::Log => !self.unit.is_empty() && p.unit == self.unit,
            Coordinate::Logit => false,
        }
    }
}

/// A second walk of each start.
pub(super) struct Second<'a> {
    /// Where its levels begin.
    pub middle: Middle,
    /// What tells which walk came further.
    pub judge: &'a (dyn Fn(&[f64]) -> f64 + Sync),
}

fn finite(loss: f64) -> f64 {
    if loss.is_finite() { loss } else { f64::INFINITY }
}

/// How many values of each parameter a scan looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Eight decades, then ever finer factors.
    Wide,
    /// One parameter set to a size of the data, whichever helps most: where a loss is dear, and the way from a rough start is sure.
    Brief,
}

/// How far apart starts are for a brief look: factors of a positive parameter.
const APART: f64 = 3.0;

/// A coarse search with no gradient, of whatever loss.
pub(super) struct Scan<'a> {
    pub loss: &'a (dyn Fn(&[f64]) -> f64 + Sync),
    /// Levels a location parameter may be near.
    pub centres: Vec<f64>,
    /// Sizes the data suggest.
    pub scales: Vec<f64>,
    pub look: Look,
    /// `None` where there is no second walk.
    pub second: Option<Second<'a>>,
}

impl Scan<'_> {
    /// As [`Scan::starts`], without what may come instead.
    pub fn points(&self, first: &Params, free: &[usize], settings: &Settings, given: bool) -> Vec<Vec<f64>> {
        self.starts(first, free, settings, given).into_iter().map(|start| start.theta).collect()
    }

    /// `settings.starts` points, the first from `first`, walked unless the user `gave` it.
    fn starts(&self, first: &Params, free: &[usize], settings: &Settings, given: bool) -> Vec<Start> {
        let design = Design::new(settings, free.len());
        (0..settings.starts.max(1))
            .into_par_iter()
            .map(|start| {
                if start == 0 && given {
                    return Start { theta: first.values.clone(), otherwise: None };
                }
                let mut theta = first.values.clone();
                if start > 0 {
                    for (i, k) in free.iter().enumerate() {
                        let [u, sign] = [2 * i, 2 * i + 1].map(|dimension| design.uniform(start, dimension));
                        theta[*k] = match self.look {
                            Look::Wide => random_value(&first.list[*k], u, sign),
                            Look::Brief => near(&first.list[*k], theta[*k], u),
                        };
                    }
                }
                let moved = self.second.as_ref().and_then(|s| Some((s, s.middle.moved(&first.list, &theta, free)?)));
                let theta = self.walk(&first.list, theta, free);
                let Some((second, moved)) = moved else { return Start { theta, otherwise: None } };
                let other = self.walk(&first.list, moved, free);
                match finite((second.judge)(&other)) < finite((second.judge)(&theta)) {
                    true => Start { theta: other, otherwise: Some(theta) },
                    false => Start { theta, otherwise: Some(other) },
                }
            })
            .collect()
    }

    fn loss(&self, theta: &[f64]) -> f64 {
        finite((self.loss)(theta))
    }

    /// Coordinate search: first over eight decades, then in ever finer factors around the best.
    fn walk(&self, params: &[Param], mut theta: Vec<f64>, free: &[usize]) -> Vec<f64> {
        let mut best = self.loss(&theta);
        if self.look == Look::Brief {
            return self.one_change(params, theta, free, best);
        }
        for sweep in 0..SWEEPS {
            for k in free {
                for value in self.candidates(&params[*k], theta[*k], sweep) {
                    let old = std::mem::replace(&mut theta[*k], value.clamp(params[*k].lower, params[*k].upper));
                    let loss = self.loss(&theta);
                    if loss < best {
                        best = loss;
                    } else {
                        theta[*k] = old;
                    }
                }
            }
        }
        theta
    }

    /// The likeliest point that differs in one parameter, set to a level or a size of the data.
    fn one_change(&self, params: &[Param], theta: Vec<f64>, free: &[usize], mut best: f64) -> Vec<f64> {
        let mut found = theta.clone();
        for k in free {
            let values = match params[*k].coordinate() {
                Coordinate::Linear => &self.centres,
                Coordinate::Log => &self.scales,
                Coordinate::Logit => continue,
            };
            for value in values {
                let mut changed = theta.clone();
                changed[*k] = value.clamp(params[*k].lower, params[*k].upper);
                let loss = self.loss(&changed);
                if loss < best {
                    (best, found) = (loss, changed);
                }
            }
        }
        found
    }

    fn candidates(&self, p: &Param, now: f64, sweep: usize) -> Vec<f64> {
        if p.coordinate() == Coordinate::Logit {
            return (1..20).map(|i| p.lower + (p.upper - p.lower) * f64::from(i) / 20.0).collect();
        }
        let wide = sweep < 2;
        let decades = |from: f64, to: f64, n: i32| {
            (0..=n)
                .map(move |i| math::exp(std::f64::consts::LN_10 * (from + (to - from) * f64::from(i) / f64::from(n))))
        };
        let mut values: Vec<f64> = if wide {
            let around = self.scales.iter().flat_map(|s| decades(-2.0, 2.0, 8).map(move |f| f * s));
            decades(-4.0, 4.0, 24).chain(around).collect()
        } else {
            decades(-0.5, 0.5, 10).map(|f| f * now.abs()).collect()
        };
        if p.coordinate() == Coordinate::Linear {
            let negative: Vec<f64> = values.iter().map(|v| -v).collect();
            values.extend(negative);
            values.push(0.0);
        }
        values.extend(&self.centres);
        values.retain(|v| *v >= p.lower && *v <= p.upper);
        values
    }
}

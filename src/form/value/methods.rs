//! Values by paths with less variance: mirrored paths, control variates, Sobol's points; and by levels (`multilevel`).

use super::bridge::{Points, independent};
use super::functional::{Functional, Watch};
use super::paths::{by_paths, mean_and_error, steps};
use super::walk::{Increments, States, Step, Walk, in_pairs};
use super::{Posed, affine, broken, multilevel};
use crate::base::rng::Key;
use crate::base::{Result, math};
use crate::expr::LANES;
use crate::form::{Accuracy, Form, moments};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::AverageKind;
use rayon::prelude::*;

/// How paths are drawn and averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Independent paths of any process.
    Plain,
    /// Each path and its mirror image (Hammersley & Morton 1956).
    Antithetic,
    /// Less what goes along with the payoff and has a known mean: states, prices, the geometric average (Kemna & Vorst 1990).
    Control,
    /// Scrambled points of Sobol's sequence along a Brownian bridge, in 16 randomisations.
    Sobol,
    /// Many coarse paths and few fine ones (Giles 2008).
    Multilevel,
}

impl Method {
    /// Every method, the plainest first.
    pub const ALL: [Method; 5] =
        [Method::Plain, Method::Antithetic, Method::Control, Method::Sobol, Method::Multilevel];

    /// Name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Method::Plain => "plain",
            Method::Antithetic => "antithetic",
            Method::Control => "control",
            Method::Sobol => "sobol",
            Method::Multilevel => "multilevel",
        }
    }

    /// The method of this name; `None` where there is none.
    pub fn named(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|m| m.name() == name)
    }
}

/// A value by paths, and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// Mean of the samples, discounted, in the unit of the payoff.
    pub value: f64,
    /// Standard error; of [`Method::Sobol`] widened as Student's t asks for its few randomisations.
    pub error: f64,
    /// What is left of the error of the steps, estimated from paths of half as many: weak order 1, so their mean difference.
    /// `None` where it was not measured, for processes that jump or meet their ends.
    pub bias: Option<f64>,
    /// What was spent on it, beside what plain paths would cost.
    pub report: CostReport,
}

/// What a value by paths cost, in steps of one path, beside what theory and plain paths ask.
#[derive(Debug, Clone, PartialEq)]
pub struct CostReport {
    /// The method it is of.
    pub method: Method,
    /// One but for [`Method::Multilevel`].
    pub levels: Vec<Level>,
    /// All that was spent, pilots too.
    pub cost: f64,
    /// What the samples alone should cost by theory, from the variances found: of levels Giles (2008), eq. 12.
    pub predicted: f64,
    /// What independent paths of the finest step would cost for the same standard error.
    pub plain: f64,
    /// Orders in the step of mean and variance of the corrections between levels.
    pub orders: Option<(f64, f64)>,
}

/// Samples of one length of step: of payoffs, or of [`Method::Multilevel`] beyond the first level of corrections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Steps to expiry; the next level has twice as many.
    pub steps: usize,
    /// How many there are: of [`Method::Antithetic`] pairs, of [`Method::Sobol`] randomisations.
    pub samples: u64,
    /// Mean and variance of one sample: a correction but on the first level.
    pub mean: f64,
    /// See `mean`; in the unit of the payoff squared.
    pub variance: f64,
    /// Steps that one sample takes.
    pub cost: f64,
}

/// Independent scramblings whose spread gives the standard error of [`Method::Sobol`].
const RANDOMISATIONS: u64 = 16;
/// What makes twice that standard error, of so few means, hold as often as twice one of many: the 97.725 per cent point of
/// Student's t with 15 degrees of freedom (Student 1908), halved.
const STUDENT: f64 = 1.091;
/// Paths of a pilot.
const PILOT: usize = 2048;
/// Most points of one randomisation, as a power of two.
const LOG2_MOST: u32 = 22;
/// Of a goal's square: the share that the bias may take (Giles 2015, section 3.1).
pub(super) const BIAS_SHARE: f64 = 0.25;

/// Value a payoff now by paths of this method, the process starting at `x0`, `[component]`.
///
/// Steps as of [`super::value`] unless `accuracy.step` says otherwise. With `accuracy.goal`, a root-mean-square error in units of the
/// value, paths and steps are added until standard error and bias are below it, or their limits are met: what was reached is in the
/// answer. [`Method::Multilevel`] always needs a goal. Steps are exact for geometric Brownian motion, else Milstein's where each noise
/// moves one state and hangs on it alone, else Euler's; Euler's always for [`Method::Plain`]. The coefficients of control variates come
/// from paths of their own, so nothing is biased. Same key, same bytes, whatever the threads.
///
/// Cost: about 20 ns a step of a path and noise.
///
/// # Errors
/// As [`super::value`]; [`crate::base::Error::FormUnavailable`] where the process jumps, meets its ends or changes at breaks and the
/// method is not plain; [`crate::base::Error::Numerics`] where no level is fine enough for the goal.
pub fn value_by(
    model: &Model,
    method: Method,
    theta: &[f64],
    x0: &[f64],
    accuracy: Accuracy,
    key: Key,
) -> Result<Sampled> {
    Form::MonteCarlo.require(model)?;
    let posed = Posed::new(model, theta, x0)?;
    match (method, accuracy.goal) {
        (Method::Multilevel, Some(goal)) => multilevel::multilevel(&posed, goal, key),
        (Method::Multilevel, None) => {
            let why = "levels are added until an error is small enough, and none was given".to_string();
            Err(broken(model, why, "give the error that is good enough, --tol 0.01"))
        }
        _ => by_method(&posed, method, accuracy, key),
    }
}

/// Payoffs of paths of one step, by blocks.
struct Sampler<'a> {
    posed: &'a Posed<'a>,
    walk: Walk<'a>,
    functional: Functional<'a>,
    n: usize,
    h: f64,
}

/// Estimates whose mean is the value, and payoffs of independent paths for comparison.
struct Samples {
    estimates: Vec<f64>,
    plain: Vec<f64>,
}

fn by_method(posed: &Posed, method: Method, accuracy: Accuracy, key: Key) -> Result<Sampled> {
    let mut n = steps(posed, &Functional::new(posed)?, accuracy)?;
    let goal = accuracy.goal;
    if method == Method::Plain && super::walk::why_not(&posed.value.under).is_some() {
        return plain(posed, n, accuracy, key, None);
    }
    let sampler = |n: usize| Sampler::new(posed, n, method != Method::Plain);
    let mut pilot_cost = 0.0;
    let mut bias = sampler(n)?.bias(key)?;
    pilot_cost += 1.5 * (PILOT * n) as f64;
    while let Some(goal) = goal.filter(|_| accuracy.step.is_none()) {
        // The bias is known to its own standard error.
        if bias.0.abs() + bias.1 <= BIAS_SHARE.sqrt() * goal || n > 1 << 13 {
            break;
        }
        n *= 2;
        bias = sampler(n)?.bias(key)?;
        pilot_cost += 1.5 * (PILOT * n) as f64;
    }
    let bias = Some(bias.0);
    if method == Method::Plain {
        return plain(posed, n, accuracy, key, bias);
    }
    let sampler = sampler(n)?;
    let controls = match method {
        Method::Control => {
            pilot_cost += (PILOT * n) as f64;
            Some(sampler.controls(key)?)
        }
        _ => None,
    };
    let asked = accuracy.paths.max(2 * LANES);
    let statistical = goal.map(|goal| (1.0 - BIAS_SHARE).sqrt() * goal);
    let draw = |paths: usize| match (&controls, method) {
        (_, Method::Sobol) => sampler.sobol(key, log2_of(paths)),
        (Some(controls), _) => sampler.controlled(key, controls, paths),
        _ => sampler.mirrored(key, paths / 2),
    };
    let most = 1usize << (LOG2_MOST + 4);
    let mut paths = if statistical.is_some() { asked.min(4096) } else { asked };
    loop {
        let samples = draw(paths)?;
        let (value, error) = mean_and_error(posed, &samples.estimates)?;
        let error = if method == Method::Sobol { STUDENT * error } else { error };
        let spent = paths_of(method, paths, &samples) * n as f64;
        pilot_cost += spent;
        if statistical.is_some_and(|goal| error > goal) && paths < most {
            // Points are doubled; independent paths are as many as the error says, and a little more.
            let wanted = match (method, statistical) {
                (Method::Sobol, _) | (_, None) => 2 * paths,
                (_, Some(goal)) => (1.1 * paths as f64 * (error / goal) * (error / goal)).min(1e9) as usize,
            };
            paths = wanted.clamp(paths + LANES, most);
            continue;
        }
        let (mean, plain_error) = mean_and_error(posed, &samples.plain)?;
        let plain_variance = plain_error * plain_error * samples.plain.len() as f64;
        let count = samples.estimates.len() as f64;
        let level = Level {
            steps: n,
            samples: samples.estimates.len() as u64,
            mean: if method == Method::Sobol { value } else { mean },
            variance: error * error * count,
            cost: spent / count,
        };
        let plain = if error > 0.0 { plain_variance / (error * error) * n as f64 } else { f64::INFINITY };
        let report =
            CostReport { method, levels: vec![level], cost: pilot_cost, predicted: spent, plain, orders: None };
        return Ok(Sampled { value, error, bias, report });
    }
}

/// Paths walked for these samples.
fn paths_of(method: Method, paths: usize, samples: &Samples) -> f64 {
    match method {
        Method::Sobol => (RANDOMISATIONS << log2_of(paths)) as f64,
        Method::Antithetic => 2.0 * samples.estimates.len() as f64,
        _ => samples.estimates.len() as f64,
    }
}

/// Points of one randomisation, as a power of two, for so many paths together.
fn log2_of(paths: usize) -> u32 {
    let each = (paths as u64).div_ceil(RANDOMISATIONS).max(16);
    (u64::BITS - (each - 1).leading_zeros()).min(LOG2_MOST)
}

fn plain(posed: &Posed, n: usize, accuracy: Accuracy, key: Key, bias: Option<f64>) -> Result<Sampled> {
    let mut paths = accuracy.paths;
    let mut cost = 0.0;
    loop {
        let step = Some(posed.expiry / n as f64);
        let valued = by_paths(posed, Accuracy { paths, step, ..accuracy }, key)?;
        let error = valued.error.unwrap_or(f64::NAN);
        let spent = (paths * n) as f64;
        cost += spent;
        let goal = accuracy.goal.map(|goal| (1.0 - BIAS_SHARE).sqrt() * goal);
        if let Some(goal) = goal.filter(|goal| error > *goal && paths < 1 << 28) {
            paths = (1.1 * paths as f64 * (error / goal) * (error / goal)).min((1u64 << 28) as f64) as usize;
            continue;
        }
        let variance = error * error * paths as f64;
        let level = Level { steps: n, samples: paths as u64, mean: valued.value, variance, cost: n as f64 };
        let report = CostReport {
            method: Method::Plain,
            levels: vec![level],
            cost,
            predicted: spent,
            plain: spent,
            orders: None,
        };
        return Ok(Sampled { value: valued.value, error, bias, report });
    }
}

/// A control variate less its mean, by what it is.
enum Control {
    State(usize, f64),
    Exponential(usize, f64),
    /// The payoff of the geometric average.
    Geometric(f64),
}

impl<'a> Sampler<'a> {
    fn new(posed: &'a Posed<'a>, n: usize, exactly: bool) -> Result<Sampler<'a>> {
        let walk = if exactly { Walk::new(posed, true)? } else { Walk::euler(posed)? };
        Ok(Sampler { posed, walk, functional: Functional::new(posed)?, n, h: posed.expiry / n as f64 })
    }

    fn along(&self, increments: &Increments) -> States {
        self.walk.along(self.n, increments)
    }

    fn worth(&self, states: &States) -> Vec<f64> {
        self.functional.worth(states, Watch::HalfWay)
    }

    fn increments(&self, key: Key, first: usize, width: usize) -> Increments {
        independent(key, first as u64, width, self.n, self.walk.noises(), self.h)
    }

    /// One row of columns after another, of all blocks in order.
    fn blocks(
        &self,
        paths: usize,
        columns: usize,
        block: impl Fn(usize, usize) -> Vec<Vec<f64>> + Sync,
    ) -> Vec<Vec<f64>> {
        let done: Vec<Vec<Vec<f64>>> = (0..paths.div_ceil(LANES))
            .into_par_iter()
            .map(|b| block(b * LANES, LANES.min(paths - b * LANES)))
            .collect();
        let mut all = vec![Vec::with_capacity(paths); columns];
        for rows in done {
            all.iter_mut().zip(rows).for_each(|(all, row)| all.extend(row));
        }
        all
    }

    /// Mean difference to paths of half the steps, and its standard error; nothing where the steps cannot be halved.
    fn bias(&self, key: Key) -> Result<(f64, f64)> {
        if !self.n.is_multiple_of(2 * self.functional.beat()) {
            return Ok((0.0, 0.0));
        }
        let key = key.twin();
        let differences = self.blocks(PILOT, 1, |first, width| {
            let fine = self.increments(key, first, width);
            let coarse = self.walk.along(self.n / 2, &in_pairs(&fine, self.walk.noises()));
            let (fine, coarse) = (self.worth(&self.along(&fine)), self.worth(&coarse));
            vec![fine.iter().zip(&coarse).map(|(f, c)| f - c).collect()]
        });
        mean_and_error(self.posed, &differences[0])
    }

    fn mirrored(&self, key: Key, pairs: usize) -> Result<Samples> {
        let mut columns = self.blocks(pairs.max(2), 2, |first, width| {
            let increments = self.increments(key, first, width);
            let mirror = increments.iter().map(|row| row.iter().map(|w| -w).collect()).collect();
            let (one, other) = (self.worth(&self.along(&increments)), self.worth(&self.along(&mirror)));
            let both = one.iter().zip(&other).map(|(a, b)| 0.5 * (a + b)).collect();
            vec![both, one]
        });
        let plain = columns.pop().unwrap_or_default();
        Ok(Samples { estimates: columns.pop().unwrap_or_default(), plain })
    }

    fn sobol(&self, key: Key, log2_points: u32) -> Result<Samples> {
        let points = Points::new(self.n, self.walk.noises(), self.h).ok_or_else(|| {
            broken(self.posed.model, "the table of Sobol's sequence is not whole".to_string(), "report it")
        })?;
        let each = 1usize << log2_points;
        let worth = self.blocks(each * RANDOMISATIONS as usize, 1, |first, width| {
            // Blocks and randomisations are both powers of two: no block is in two randomisations unless it holds whole ones.
            let mut worth = Vec::with_capacity(width);
            let mut at = first;
            while at < first + width {
                let (randomisation, point) = (at / each, at % each);
                let run = (each - point).min(first + width - at);
                let increments = points.increments(key, randomisation as u64, log2_points, point as u64, run);
                worth.extend(self.worth(&self.along(&increments)));
                at += run;
            }
            vec![worth]
        });
        let plain = worth.into_iter().next().unwrap_or_default();
        let estimates = plain.chunks(each).map(|points| points.iter().sum::<f64>() / each as f64).collect();
        Ok(Samples { estimates, plain })
    }

    /// Control variates with their coefficients, from a pilot of its own.
    fn controls(&self, key: Key) -> Result<Vec<(Control, f64)>> {
        let mut found = Vec::new();
        let (posed, under) = (self.posed, &self.posed.under);
        if let Some(Ok(closed)) = moments::closed_moments(under, posed.theta, posed.x0, 0.0, &[posed.expiry]) {
            let means = closed.mean.into_iter().next().unwrap_or_default();
            found.extend(means.into_iter().enumerate().map(|(i, mean)| Control::State(i, mean)));
        }
        found.extend(affine::prices(posed).into_iter().map(|(i, mean)| Control::Exponential(i, mean)));
        found.extend(self.geometric_average()?.map(Control::Geometric));
        if found.is_empty() {
            let why = "no state, price or average of it has a known mean to go by";
            return Err(Form::MonteCarlo.unavailable(posed.model, why));
        }
        let columns = self.blocks(PILOT, found.len() + 1, |first, width| {
            let states = self.along(&self.increments(key.twin(), first, width));
            let mut rows = vec![self.worth(&states)];
            rows.extend(found.iter().map(|control| self.control(control, &states)));
            rows
        });
        let coefficients = regression(&columns[0], &columns[1..]);
        Ok(found.into_iter().zip(coefficients).collect())
    }

    /// What the payoff of the geometric average is worth, of geometric Brownian motion with exact steps.
    fn geometric_average(&self) -> Result<Option<f64>> {
        let posed = self.posed;
        let (Step::Geometric { growth, sigma }, Some(average)) = (self.walk.step, posed.value.average) else {
            return Ok(None);
        };
        let moves = posed.value.under.frame.varies(posed.value.discount);
        let sees_state = posed.value.under.frame.varies(posed.value.payoff);
        if average.kind != AverageKind::Arithmetic || posed.value.barrier.is_some() || moves || sees_state {
            return Ok(None);
        }
        // ln G = ln x0 + Σ_k w_k (growth t_k + sigma W_k): each increment counts by the weights after it.
        let weights = self.functional.weights(self.n);
        let mut later = 0.0;
        let (mut mean, mut variance) = (math::ln(posed.x0[0]), 0.0);
        for weight in weights[1..].iter().rev() {
            later += weight;
            mean += growth * self.h * later;
            variance += sigma * sigma * self.h * later * later;
        }
        let law = Predictive::LogNormal { mu: mean, sigma: variance.sqrt() };
        let mean = law.expect(&mut posed.payoff_of(average.symbol));
        Ok(Some(posed.factor()? * mean.ok_or_else(|| posed.infinite("the mean of the payoff"))?))
    }

    fn control(&self, control: &Control, states: &States) -> Vec<f64> {
        let last = &states[self.n - 1];
        match control {
            Control::State(i, mean) => last[*i].iter().map(|x| x - mean).collect(),
            Control::Exponential(i, mean) => last[*i].iter().map(|x| math::exp(*x) - mean).collect(),
            Control::Geometric(mean) => {
                let worth = self.functional.with_average(states, Watch::HalfWay, Some(AverageKind::Geometric));
                worth.into_iter().map(|w| w - mean).collect()
            }
        }
    }

    fn controlled(&self, key: Key, controls: &[(Control, f64)], paths: usize) -> Result<Samples> {
        let mut columns = self.blocks(paths, 2, |first, width| {
            let states = self.along(&self.increments(key, first, width));
            let plain = self.worth(&states);
            let mut less = plain.clone();
            for (control, coefficient) in controls {
                let column = self.control(control, &states);
                less.iter_mut().zip(column).for_each(|(w, c)| *w -= coefficient * c);
            }
            vec![less, plain]
        });
        let plain = columns.pop().unwrap_or_default();
        Ok(Samples { estimates: columns.pop().unwrap_or_default(), plain })
    }
}

/// Least squares of `y` on `x` and a constant: by Gram and Schmidt, columns that add nothing left out with coefficient zero.
fn regression(y: &[f64], x: &[Vec<f64>]) -> Vec<f64> {
    let n = y.len() as f64;
    let centred = |column: &[f64]| {
        let mean = column.iter().sum::<f64>() / n;
        column.iter().map(|v| v - mean).collect::<Vec<f64>>()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Each orthogonal direction, with its coefficients in the given columns.
    let mut directions: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    for (k, column) in x.iter().enumerate() {
        let mut direction = centred(column);
        let mut of = vec![0.0; x.len()];
        of[k] = 1.0;
        let size = dot(&direction, &direction);
        for (other, coefficients) in &directions {
            let share = dot(&direction, other) / dot(other, other);
            direction.iter_mut().zip(other).for_each(|(d, o)| *d -= share * o);
            of.iter_mut().zip(coefficients).for_each(|(d, o)| *d -= share * o);
        }
        if dot(&direction, &direction) > 1e-10 * size {
            directions.push((direction, of));
        }
    }
    let (y, mut found) = (centred(y), vec![0.0; x.len()]);
    for (direction, of) in &directions {
        let share = dot(&y, direction) / dot(direction, direction);
        found.iter_mut().zip(of).for_each(|(f, c)| *f += share * c);
    }
    found
}

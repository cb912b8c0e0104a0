//! Monte Carlo as a form: the laws of the state from paths, and how far they may be from the truth.
//!
//! The error of a distribution function has two parts. Sampling: by Dvoretzky, Kiefer & Wolfowitz (1956) with the constant of
//! Massart (1990), `√(ln(2 m/0.05)/(2 n))` holds for all `m` laws at once with probability 0.95. The step: the largest difference
//! `D` from the same paths at twice the step, on the same noise. For a bias of order `p` it is `D/(2ᵖ - 1)`: `D` itself for the order
//! one of smooth laws, and `2.42 D` for one half, which long steps and ends can have. Where steps were halved on the way, `p` is the
//! binary logarithm of the last two `D`, each moved by two of its standard errors to the safe side, between one half and the
//! scheme's weak order; else it is one half. Paths that a step put on an end which the drift pushes off again are all in the wrong
//! place: the distribution function there is off by their share, whatever the order.

use super::super::{Accuracy, Answer, Question};
use super::engine::{Pace, Wanted, inside};
use super::{Paths, Run, Scheme, Start, simulated, ssa};
use crate::base::{Error, Result, math};
use crate::models::Model;
use crate::predictive::{Ensemble, Predictive};
use crate::process::{Boundary, Process, State};
use crate::stats;
use std::f64::consts::LN_2;

/// Halvings of the step after which paths that still move are given up.
const HALVINGS: usize = 7;
/// More path-steps than this in one run, or more states, are not made to meet a goal: some ten seconds on one core, and 200
/// megabytes. The first run takes at most the second of these, so that paths and steps are both as many as can be paid for.
const MOST_FOR_A_GOAL: f64 = 2e8;
const MOST_AT_FIRST: f64 = 1.2e8;
const MOST_STATES_FOR_A_GOAL: f64 = 4e6;

/// The laws of all components at the question's times; `error` says how far they may be from the truth. With a goal, paths are as
/// many and steps as short as it takes, up to 2e8 path-steps in a run and 4e6 states; the error says what was reached.
///
/// # Errors
/// As [`super::simulate`], and [`Error::Numerics`] where seven halvings of a step that was not given do not settle the moments.
pub(in crate::form) fn answer(model: &Model, question: &Question) -> Result<Answer> {
    if let Process::Network(_) = model.process {
        let laws = ssa::marginals(model, question, ssa::Method::Auto)?;
        let error = sampling(question.accuracy.paths, laws.len() * laws.first().map_or(1, Vec::len));
        return Ok(Answer { laws, error: Some(error) });
    }
    from(model, question, Start::At(question.start))
}

/// As the Monte Carlo form's [`super::super::answer`], each path from a start of its own, `[component][path]`; the question's is not used.
///
/// # Errors
/// As [`super::simulate`].
pub fn answer_from(model: &Model, question: &Question, starts: &[Vec<f64>]) -> Result<Answer> {
    from(model, question, Start::Each(starts))
}

/// What the distribution functions of `n` samples may be off by, all `m` of them, with probability 0.95.
fn sampling(n: usize, m: usize) -> f64 {
    (math::ln(2.0 * m as f64 / 0.05) / (2.0 * n as f64)).sqrt()
}

/// The default step: an eighth of the first horizon, and at most a two-hundredth of the last.
fn default_step(accuracy: Accuracy, question: &Question) -> f64 {
    let after = |t: Option<&f64>| t.map_or(1.0, |t| t - question.t0);
    accuracy.step.unwrap_or_else(|| (after(question.times.first()) / 8.0).min(after(question.times.last()) / 200.0))
}

fn from(model: &Model, question: &Question, start: Start) -> Result<Answer> {
    let Process::Diffusion(process) = &model.process else { return Ok(Vec::new().into()) };
    let accuracy = question.accuracy;
    let n_laws = question.times.len() * process.states.len();
    let step = default_step(accuracy, question);
    let steps = question.times.last().map_or(1.0, |t| (t - question.t0) / step).max(1.0);
    let most = (MOST_STATES_FOR_A_GOAL / n_laws as f64).min(MOST_AT_FIRST / steps) as usize;
    let paths = match (accuracy.goal, start) {
        // Half of the goal for sampling, half for the step.
        (Some(goal), Start::At(_)) => {
            let one = sampling(1, n_laws);
            ((4.0 * one * one / (goal * goal)).ceil() as usize).clamp(2, most.max(2))
        }
        _ => accuracy.paths,
    };
    let run = Run {
        theta: question.theta,
        start,
        t0: question.t0,
        times: question.times,
        paths,
        step,
        scheme: accuracy.scheme,
        key: question.key,
    };
    let settled = settled(model, run, accuracy, sampling(paths, n_laws))?;
    let law = |(state, (states, kernels)): (&State, Column)| {
        // Neither a component without noise of its own nor a stopped path has a density; and the Gaussian of the last step does not
        // know of an end that sends it back.
        let turns = matches!(state.boundary, Boundary::Reflecting | Boundary::Periodic)
            && (state.lower.is_finite() || state.upper.is_finite());
        let kernels = if !turns && kernels.iter().all(|k| k.1 > 0.0) { kernels } else { Vec::new() };
        Ensemble::new(states, kernels).map(Predictive::Ensemble).ok_or_else(|| Error::Numerics {
            what: "the simulation".to_string(),
            why: "no path was asked for".to_string(),
            hint: "use --paths 10000".to_string(),
        })
    };
    let rows = settled.paths.states.into_iter().zip(settled.paths.kernels);
    let laws = rows
        .map(|(states, kernels)| process.states.iter().zip(states.into_iter().zip(kernels)).map(law).collect())
        .collect::<Result<_>>()?;
    // No two distribution functions are further apart than one.
    Ok(Answer { laws, error: Some((sampling(paths, n_laws) + settled.bias).min(1.0)) })
}

/// The states of one component and their kernels, `[path]`.
type Column = (Vec<f64>, Vec<(f64, f64)>);

struct Settled {
    paths: Paths,
    /// What the step may have moved the distribution functions by.
    bias: f64,
}

/// Paths whose step is given, or halved until the bias is less than is asked: half the goal, or the sampling
/// error and four standard errors of means and standard deviations. A goal that the halvings do not come nearer to is given up: an end
/// that is no end of the true law leaves an error at any step.
fn settled(model: &Model, mut run: Run, accuracy: Accuracy, sampling: f64) -> Result<Settled> {
    let [last, n] = [run.times.last().map_or(1.0, |t| t - run.t0), run.paths as f64];
    let bound = accuracy.goal.map_or(sampling, |goal| 0.5 * goal);
    let mut broken = None;
    let mut before: Option<Gap> = None;
    let mut errors: Vec<f64> = Vec::new();
    for halvings in 0.. {
        let coarse = simulated(model, &run, Wanted { kernels: false, pace: Pace::Doubled });
        let fine = simulated(model, &run, Wanted { kernels: true, pace: Pace::Even });
        let still = match (coarse, fine) {
            (Ok(a), Ok(b)) => {
                let gap = distance(&a, &b);
                let order = before.map_or(LEAST_ORDER, |before| gap.order(before, run.scheme));
                let bias = gap.most / (math::pow(2.0, order) - 1.0);
                before = Some(gap);
                let wrong = stranded(model, &run, &b);
                let is_settled = match accuracy.goal {
                    Some(_) => bias.max(wrong) <= bound,
                    None => bias <= bound && agree(&a, &b),
                };
                let is_given = accuracy.step.is_some() && accuracy.goal.is_none();
                let is_last = accuracy.goal.is_some() && 2.0 * n * last / run.step > MOST_FOR_A_GOAL;
                errors.push(bias.max(wrong));
                let left = math::ln(MOST_FOR_A_GOAL * run.step / (n * last)) / LN_2;
                let is_vain = accuracy.goal.is_some() && is_out_of_reach(&errors, bound, left);
                if is_settled || is_given || is_last || is_vain {
                    return Ok(Settled { paths: b, bias: bias.max(wrong) });
                }
                None
            }
            // With twice the step of one that was given the paths may explode, and say nothing of the error but that it is large.
            (Err(Error::Numerics { .. }), Ok(b)) if accuracy.step.is_some() && accuracy.goal.is_none() => {
                return Ok(Settled { paths: b, bias: 1.0 });
            }
            // Too long a step may explode; other errors stay what they are.
            (Err(Error::Numerics { .. }), Ok(_)) => None,
            (_, Err(error @ Error::Numerics { .. })) if accuracy.step.is_none() || accuracy.goal.is_some() => {
                Some(error)
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        broken = still;
        let is_last = accuracy.goal.is_some() && 2.0 * n * last / run.step > MOST_FOR_A_GOAL;
        if is_last || accuracy.goal.is_none() && halvings == HALVINGS {
            break;
        }
        run.step *= 0.5;
    }
    Err(broken.unwrap_or_else(|| Error::Numerics {
        what: format!("the paths of model '{}'", model.id),
        why: format!("their moments still move at a step of {}", run.step),
        hint: "the drift is stiff, or a moment is infinite: give a step of your own with --step".to_string(),
    }))
}

/// Whether so many more halvings will not do, were the error to fall at twice the order that the last three have shown. Errors near
/// one tell of steps that are unstable yet, and of no order.
fn is_out_of_reach(errors: &[f64], bound: f64, halvings: f64) -> bool {
    // The first steps may be too long to show an order.
    let &[_, _, .., first, _, _, last] = errors else { return false };
    let fall = (last / first).min(1.0);
    last < 0.5 && last * math::pow(fall, 2.0 * halvings.max(0.0) / 3.0) > bound
}

/// How far the distribution functions of a run are from those at twice its step on the same noise, less two standard errors: what is
/// sure of it, of a thousand paths at a few of its times; one where paths of twice the step leave the numbers. `None` where the scheme draws
/// from the law itself, or the trial would take more than 2e7 path-steps.
///
/// # Errors
/// As [`super::simulate`].
pub fn coarseness(model: &Model, run: &Run) -> Result<Option<f64>> {
    let (Some(last), false) = (run.times.last(), run.scheme == Scheme::Exact) else { return Ok(None) };
    let paths = match run.start {
        Start::At(_) => TRIAL_PATHS,
        Start::Each(columns) => columns.iter().map(Vec::len).min().unwrap_or(0).min(TRIAL_PATHS),
    };
    let columns: Vec<Vec<f64>>;
    let start = match run.start {
        Start::At(x) => Start::At(x),
        Start::Each(all) => {
            columns = all.iter().map(|c| c[..paths].to_vec()).collect();
            Start::Each(&columns)
        }
    };
    // Outputs cut steps short.
    let every = (last - run.t0) / run.times.len() as f64;
    let step = run.step.min(every);
    if (last - run.t0) / step * paths as f64 > MOST_FOR_A_TRIAL {
        return Ok(None);
    }
    let times: Vec<f64> =
        run.times.iter().rev().step_by(run.times.len().div_ceil(TRIAL_TIMES)).rev().copied().collect();
    let run = Run { paths, start, step, times: &times, ..run.clone() };
    let fine = simulated(model, &run, Wanted { kernels: false, pace: Pace::Even })?;
    match simulated(model, &run, Wanted { kernels: false, pace: Pace::Doubled }) {
        Ok(coarse) => {
            let gap = distance(&coarse, &fine);
            Ok(Some((gap.most - 2.0 * gap.spread).max(0.0)))
        }
        Err(Error::Numerics { .. }) => Ok(Some(1.0)),
        Err(other) => Err(other),
    }
}

/// Enough to tell a twentieth apart.
const TRIAL_PATHS: usize = 1_000;
const TRIAL_TIMES: usize = 8;
/// A second or so.
const MOST_FOR_A_TRIAL: f64 = 2e7;

/// The largest share of paths that stand on, or beyond, an end that the drift there pushes them off: the truth has none there.
fn stranded(model: &Model, run: &Run, paths: &Paths) -> f64 {
    let Process::Diffusion(process) = &model.process else { return 0.0 };
    let frame = &process.frame;
    let mut worst: f64 = 0.0;
    for (time, states) in run.times.iter().zip(&paths.states) {
        for (k, (state, x)) in process.states.iter().zip(states).enumerate() {
            if !matches!(state.boundary, Boundary::Auto | Boundary::Natural) {
                continue;
            }
            let (lower, upper) = inside(process, run, k);
            let ends = [(state.lower, lower, 1.0), (state.upper, upper, -1.0)];
            for (end, put, sign) in ends.into_iter().filter(|(end, ..)| end.is_finite()) {
                let there = |x: &f64| sign * (*x - put) <= 0.0;
                let Some(first) = x.iter().position(there) else { continue };
                let mut symbols = frame.symbols(run.theta, *time);
                for (i, x) in states.iter().enumerate() {
                    symbols[frame.variable(i)] = x[first];
                }
                symbols[frame.variable(k)] = end;
                if sign * frame.pool.eval(process.drift[k], &symbols) > 0.0 {
                    worst = worst.max(x.iter().filter(|x| there(x)).count() as f64 / x.len() as f64);
                }
            }
        }
    }
    worst
}

/// The order of a bias on the safe side.
const LEAST_ORDER: f64 = 0.5;

/// The largest distance of distribution functions from paths of two lengths of step on the same noise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    pub most: f64,
    /// Its standard error: from the share of paths of which one is below where it is largest, and the other above.
    pub spread: f64,
}

impl Gap {
    /// The order of the bias that two gaps show, `before` at twice the step: what is sure of it.
    pub fn order(self, before: Gap, scheme: Scheme) -> f64 {
        let ratio = (before.most - 2.0 * before.spread) / (self.most + 2.0 * self.spread);
        let most = scheme.orders().1.unwrap_or(1.0);
        // Zero over zero shows nothing.
        if ratio > 1.0 { (math::ln(ratio) / LN_2).clamp(LEAST_ORDER, most) } else { LEAST_ORDER }
    }
}

fn distance(a: &Paths, b: &Paths) -> Gap {
    let rows = a.states.iter().zip(&b.states).flat_map(|(a, b)| a.iter().zip(b));
    rows.map(|(a, b)| between(a, b)).fold(Gap { most: 0.0, spread: 0.0 }, |x, y| if y.most > x.most { y } else { x })
}

/// The largest distance of the distribution functions of two samples of one size, path beside path.
fn between(a: &[f64], b: &[f64]) -> Gap {
    let sorted = |x: &[f64]| {
        let mut sorted = x.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let (ordered, other) = (sorted(a), sorted(b));
    let (mut i, mut j, mut most, mut place) = (0, 0, 0_usize, f64::NAN);
    while i < ordered.len() && j < other.len() {
        let x = if ordered[i] <= other[j] { ordered[i] } else { other[j] };
        while i < ordered.len() && ordered[i] <= x {
            i += 1;
        }
        while j < other.len() && other[j] <= x {
            j += 1;
        }
        if i.abs_diff(j) > most {
            (most, place) = (i.abs_diff(j), x);
        }
    }
    let apart = a.iter().zip(b).filter(|(a, b)| (**a <= place) != (**b <= place)).count();
    let n = a.len().max(1) as f64;
    Gap { most: most as f64 / n, spread: (apart as f64).sqrt() / n }
}

/// Whether means and standard deviations at the outputs differ by less than four of their standard errors.
fn agree(a: &Paths, b: &Paths) -> bool {
    let close = |x: &Vec<f64>, y: &Vec<f64>| {
        let n = x.len() as f64;
        let (sd, error) = (stats::sd(x), (2.0 / n).sqrt());
        let mean = stats::mean(x);
        let fourth = x.iter().map(|v| math::powi(v - mean, 4)).sum::<f64>() / n;
        let spread = 0.5 * sd * (fourth / math::powi(sd, 4) - 1.0).max(0.0).sqrt();
        let still = sd == 0.0 && stats::sd(y) == 0.0;
        still
            || ((mean - stats::mean(y)).abs() <= 4.0 * sd * error && (sd - stats::sd(y)).abs() <= 4.0 * spread * error)
    };
    a.states.iter().zip(&b.states).all(|(x, y)| x.iter().zip(y).all(|(x, y)| close(x, y)))
}

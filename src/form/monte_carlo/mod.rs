//! Monte Carlo paths, in blocks of paths over rayon.
//!
//! Every path has its own Philox stream named by its number, so the bytes do not depend on threads or block size.
//! `engine` steps diffusions in any number of dimensions; `jumps` lands on their jump times; `ssa` simulates networks
//! exactly. [`super::start`] draws initial states.

mod along;
mod engine;
#[cfg(test)]
mod jump_tests;
mod jumps;
mod normals;
mod propensities;
pub mod ssa;
#[cfg(test)]
mod tests;

use super::{Accuracy, Question};
use crate::base::rng::Key;
use crate::base::{Error, Result, math};
use crate::expr::LANES;
use crate::models::Model;
use crate::predictive::{Ensemble, Predictive};
use crate::process::{Boundary, Diffusion, Process, State};
use crate::stats;
pub(in crate::form) use along::along;
use engine::{Block, Engine};
use rayon::prelude::*;

/// The integrator of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Strong order ½, weak order 1 (Maruyama 1955).
    EulerMaruyama,
    /// Strong order 1 (Milstein 1975); where each noise moves one state and hangs on that state alone.
    Milstein,
}

impl Scheme {
    pub const ALL: [Scheme; 2] = [Scheme::EulerMaruyama, Scheme::Milstein];

    pub fn name(self) -> &'static str {
        match self {
            Scheme::EulerMaruyama => "euler-maruyama",
            Scheme::Milstein => "milstein",
        }
    }
}

/// Where paths begin.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// All at one state, `[component]`.
    At(&'a [f64]),
    /// Each at its own, `[component][path]`.
    Each(&'a [Vec<f64>]),
}

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    pub theta: &'a [f64],
    pub start: Start<'a>,
    pub t0: f64,
    /// Output times, increasing, after `t0`.
    pub times: &'a [f64],
    pub paths: usize,
    /// Longest step; each output interval is cut into equal steps no longer than this.
    pub step: f64,
    pub scheme: Scheme,
    pub key: Key,
}

/// Simulated states and the last transition before each output time.
#[derive(Debug, Clone)]
pub struct Paths {
    /// `[time][component][path]`
    pub states: Vec<Vec<Vec<f64>>>,
    /// `[time][component][path]`: mean and sd of the last step's Gaussian.
    pub kernels: Vec<Vec<Vec<(f64, f64)>>>,
}

/// States held at once, output times × components × paths: about a gigabyte with their kernels.
const MOST_STATES: f64 = 4e7;
/// More path-steps than this in one run are refused; a laptop does about 1e8 a second.
const MOST_STEPS: f64 = 1e11;

/// Simulate a diffusion.
///
/// # Errors
/// [`Error::Numerics`] where a path loses finiteness (the step is too long for the drift), the correlation of the noises is
/// none, or the run is absurdly long; [`Error::FormUnavailable`] where the model is no diffusion or the scheme does not apply.
pub fn simulate(model: &Model, run: &Run) -> Result<Paths> {
    let Process::Diffusion(process) = &model.process else {
        return Err(super::Form::MonteCarlo.unavailable(model, &format!("it is a {}", model.process.kind())));
    };
    check_start(model, process, run)?;
    let engine = Engine::new(model, process, run)?;
    let steps = engine.steps();
    if !(steps * run.paths as f64 <= MOST_STEPS) {
        return Err(Error::Numerics {
            what: "the simulation".to_string(),
            why: format!("{:e} path-steps are more than the limit of {MOST_STEPS:e}", steps * run.paths as f64),
            hint: "use fewer --paths, a longer --step or a nearer --until".to_string(),
        });
    }
    require_room(run.times.len() * process.states.len(), run.paths)?;
    let blocks: Vec<Block> = (0..run.paths.div_ceil(LANES))
        .into_par_iter()
        .map(|b| engine.block(b * LANES, ((b + 1) * LANES).min(run.paths)))
        .collect();
    let paths = join(blocks, run, process);
    match paths.states.iter().position(|row| row.iter().flatten().any(|x| !x.is_finite())) {
        None => Ok(paths),
        Some(t) => Err(Error::Numerics {
            what: format!("the simulation of model '{}'", model.id),
            why: format!("a path was no longer finite at t = {}", run.times[t]),
            hint: "the step is too long for the drift: simulate takes a shorter --step; forecasts are better answered by --answer auto".to_string(),
        }),
    }
}

/// # Errors
/// [`Error::Numerics`] unless there is a start for every component and path.
fn check_start(model: &Model, process: &Diffusion, run: &Run) -> Result<()> {
    let n = process.states.len();
    let why = match run.start {
        Start::At(x) if x.len() != n => format!("{} start values were given for {n} states", x.len()),
        Start::Each(columns) if columns.len() != n || columns.iter().any(|c| c.len() != run.paths) => {
            format!("the starts are not one for each of {n} states and {} paths", run.paths)
        }
        _ => return Ok(()),
    };
    Err(Error::Numerics {
        what: format!("the simulation of model '{}'", model.id),
        why,
        hint: "give --from a value for every state".to_string(),
    })
}

/// The blocks one after another.
fn join(blocks: Vec<Block>, run: &Run, process: &Diffusion) -> Paths {
    let n = process.states.len();
    let mut paths = Paths {
        states: vec![vec![Vec::with_capacity(run.paths); n]; run.times.len()],
        kernels: vec![vec![Vec::with_capacity(run.paths); n]; run.times.len()],
    };
    for block in blocks {
        for (t, (states, kernels)) in block.into_iter().enumerate() {
            for (i, (states, kernels)) in states.into_iter().zip(kernels).enumerate() {
                paths.states[t][i].extend(states);
                paths.kernels[t][i].extend(kernels);
            }
        }
    }
    paths
}

/// # Errors
/// [`Error::Numerics`] where more states would be held at once than a small machine has room for.
pub fn require_room(times: usize, paths: usize) -> Result<()> {
    let states = times as f64 * paths as f64;
    if states <= MOST_STATES {
        return Ok(());
    }
    Err(Error::Numerics {
        what: "the simulation".to_string(),
        why: format!("{states:e} states (output times × paths) are more than the limit of {MOST_STATES:e}"),
        hint: "use fewer --paths, or fewer output times (a longer --every, a shorter --horizon)".to_string(),
    })
}

/// The default step: an eighth of the first horizon, and at most a two-hundredth of the last.
fn default_step(accuracy: Accuracy, question: &Question) -> f64 {
    let after = |t: Option<&f64>| t.map_or(1.0, |t| t - question.t0);
    accuracy.step.unwrap_or_else(|| (after(question.times.first()) / 8.0).min(after(question.times.last()) / 200.0))
}

/// Paths whose step is halved until halving it again moves means and standard deviations by no more than their sampling errors.
///
/// # Errors
/// As [`simulate`], and [`Error::Numerics`] where seven halvings do not settle them.
fn settled(model: &Model, mut run: Run) -> Result<Paths> {
    const HALVINGS: usize = 7;
    let mut coarse = simulate(model, &run);
    for _ in 0..HALVINGS {
        run.step *= 0.5;
        let fine = simulate(model, &run);
        match (&coarse, &fine) {
            (Ok(a), Ok(b)) if agree(a, b) => return fine,
            // Too long a step may explode; other errors stay what they are.
            (_, Ok(_) | Err(Error::Numerics { .. })) => coarse = fine,
            (_, Err(_)) => return fine,
        }
    }
    coarse?;
    Err(Error::Numerics {
        what: format!("the paths of model '{}'", model.id),
        why: format!("their moments still move at a step of {}", run.step),
        hint: "the drift is stiff, or a moment is infinite: give a step of your own with --step".to_string(),
    })
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

/// The states of one component and their kernels, `[path]`.
type Column = (Vec<f64>, Vec<(f64, f64)>);

pub(super) fn marginals(model: &Model, question: &Question) -> Result<Vec<Vec<Predictive>>> {
    if let Process::Network(_) = model.process {
        return ssa::marginals(model, question);
    }
    answer(model, question, Start::At(question.start))
}

/// As the Monte Carlo form's [`super::marginals`], each path from a start of its own, `[component][path]`; the question's is not used.
///
/// # Errors
/// As [`simulate`].
pub fn marginals_from(model: &Model, question: &Question, starts: &[Vec<f64>]) -> Result<Vec<Vec<Predictive>>> {
    answer(model, question, Start::Each(starts))
}

fn answer(model: &Model, question: &Question, start: Start) -> Result<Vec<Vec<Predictive>>> {
    let run = Run {
        theta: question.theta,
        start,
        t0: question.t0,
        times: question.times,
        paths: question.accuracy.paths,
        step: default_step(question.accuracy, question),
        scheme: Scheme::EulerMaruyama,
        key: question.key,
    };
    let paths = match question.accuracy.step {
        Some(_) => simulate(model, &run)?,
        None => settled(model, run)?,
    };
    let Process::Diffusion(process) = &model.process else { return Ok(Vec::new()) };
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
    let rows = paths.states.into_iter().zip(paths.kernels);
    rows.map(|(states, kernels)| process.states.iter().zip(states.into_iter().zip(kernels)).map(law).collect())
        .collect()
}

//! Monte Carlo paths, in blocks of paths over rayon.
//!
//! Every path has its own Philox stream named by its number, so the bytes do not depend on threads or block size.
//! `engine` steps diffusions in any number of dimensions, by the schemes of `scheme`: `taylor` writes the explicit ones as
//! expressions, `explicit` compiles them, `implicit`, `square_root` and `exact_step` are the others; `ends` acts at the ends
//! of the domain, `jumps` lands on jump times. `summary` keeps no paths; `law` answers as a form, with its error. `ssa`
//! simulates networks, exactly and by leaps. [`super::start`] draws initial states.

pub(in crate::form) mod agenda;
#[cfg(test)]
mod agenda_tests;
mod along;
mod ends;
#[cfg(test)]
pub(in crate::form) mod ends_tests;
mod engine;
mod exact_step;
mod explicit;
mod implicit;
#[cfg(test)]
mod jump_tests;
mod jumps;
mod law;
#[cfg(test)]
mod law_tests;
mod normals;
mod probe;
mod scheme;
#[cfg(test)]
pub(in crate::form) mod scheme_tests;
mod square_root;
#[cfg(test)]
pub(in crate::form) mod square_root_tests;
pub mod ssa;
mod summary;
#[cfg(test)]
mod summary_tests;
mod taylor;
#[cfg(test)]
mod tests;

use crate::base::rng::Key;
use crate::base::{Error, Limit, Result};
use crate::expr::LANES;
use crate::models::Model;
use crate::process::{Diffusion, Process};
pub(in crate::form) use along::along;
use engine::{Engine, Pace, Row, Wanted};
pub(in crate::form) use law::answer;
pub use law::{answer_from, coarseness};
use rayon::prelude::*;
pub use scheme::Scheme;
pub use summary::{Spread, Summary, summarise};

/// Paths stepped together: enough to make what a step costs whatever its width small, few enough for the first-level cache.
const TOGETHER: usize = 4 * LANES;

/// Where paths begin.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// All at one state, `[component]`.
    At(&'a [f64]),
    /// Each at its own, `[component][path]`.
    Each(&'a [Vec<f64>]),
}

/// A simulation of a diffusion: from where, to which times, how many paths, and how they are stepped.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// `[parameter]` in the order of the model, natural units.
    pub theta: &'a [f64],
    /// Where the paths are at `t0`.
    pub start: Start<'a>,
    /// Time of the start, in the model's unit.
    pub t0: f64,
    /// Output times, increasing, after `t0`.
    pub times: &'a [f64],
    /// How many are simulated.
    pub paths: usize,
    /// Longest step; each output interval is cut into equal steps no longer than this.
    pub step: f64,
    /// How they are stepped; it must apply to the model.
    pub scheme: Scheme,
    /// Key of the random numbers; [`Key::antithetic`] makes paths in antithetic pairs.
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

/// Simulate paths of a diffusion, Itô's, in the units of the model file, and keep their states at the output times with the normal law of the last
/// step before each. The bytes do not depend on threads.
///
/// Cost: for geometric Brownian motion by Euler-Maruyama 3 ns a path and step (AMD EPYC, one busy core); memory: three numbers a path, component and
/// output time, of which [`simulate_states`] keeps one and [`summarise`] none.
///
/// # Errors
/// [`Error::Numerics`] where a path loses finiteness (the step is too long for the drift) or the correlation of the noises is
/// none; [`Error::OverLimit`] for more path-steps or numbers held than the limits; [`Error::FormUnavailable`] where the model is no diffusion or the scheme does not apply.
pub fn simulate(model: &Model, run: &Run) -> Result<Paths> {
    simulated(model, run, Wanted { kernels: true, pace: Pace::Asked })
}

/// The states of [`simulate`] alone, `[time][component][path]`: the last transitions need twice their room.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_states(model: &Model, run: &Run) -> Result<Vec<Vec<Vec<f64>>>> {
    Ok(simulated(model, run, Wanted { kernels: false, pace: Pace::Asked })?.states)
}

fn simulated(model: &Model, run: &Run, wanted: Wanted) -> Result<Paths> {
    let process = diffusion(model)?;
    let engine = prepared(model, process, run, wanted)?;
    require_room(run.times.len() * process.states.len(), run.paths)?;
    let blocks: Vec<Vec<Row>> = (0..run.paths.div_ceil(TOGETHER))
        .into_par_iter()
        .map(|b| {
            let mut rows = Vec::with_capacity(run.times.len());
            engine.block(b * TOGETHER, ((b + 1) * TOGETHER).min(run.paths), |_, row| rows.push(row));
            rows
        })
        .collect();
    let paths = join(blocks, run, process);
    match paths.states.iter().position(|row| row.iter().flatten().any(|x| !x.is_finite())) {
        None => Ok(paths),
        Some(t) => Err(not_finite(model, run.times[t])),
    }
}

fn diffusion(model: &Model) -> Result<&Diffusion> {
    match &model.process {
        Process::Diffusion(process) => Ok(process),
        other => Err(super::Form::MonteCarlo.unavailable(model, &format!("it is a {}", other.kind()))),
    }
}

/// The engine of a run that can be made.
fn prepared<'a>(model: &Model, process: &'a Diffusion, run: &'a Run, wanted: Wanted) -> Result<Engine<'a>> {
    check_start(model, process, run)?;
    let refuse = |why: String, hint: &str| Error::Numerics {
        what: format!("the simulation of model '{}'", model.id),
        why,
        hint: hint.to_string(),
    };
    if !(run.step > 0.0) {
        return Err(refuse(format!("the step is {}", run.step), "give a --step above zero"));
    }
    let engine = Engine::new(model, process, run, wanted)?;
    let steps = engine.steps() * run.paths as f64;
    Limit::PathSteps.require(steps, &format!("the simulation of model '{}'", model.id))?;
    let first: Vec<f64> = match run.start {
        Start::At(x) => x.to_vec(),
        Start::Each(columns) => columns.iter().filter_map(|c| c.first().copied()).collect(),
    };
    if first.len() == process.states.len()
        && let Some(jumps) = engine.jumps.too_many(&engine, &first, run)
    {
        return Err(refuse(
            format!("some {jumps:e} jumps are expected at the rates of the start"),
            "use fewer --paths or a nearer --until, or write frequent small jumps as noise",
        ));
    }
    Ok(engine)
}

fn not_finite(model: &Model, time: f64) -> Error {
    Error::Numerics {
        what: format!("the simulation of model '{}'", model.id),
        why: format!("a path was no longer finite at t = {time}"),
        hint: "the step is too long for the drift: simulate takes a shorter --step; forecasts are better answered by --answer auto".to_string(),
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
fn join(blocks: Vec<Vec<Row>>, run: &Run, process: &Diffusion) -> Paths {
    let n = process.states.len();
    let mut paths = Paths {
        states: vec![vec![Vec::with_capacity(run.paths); n]; run.times.len()],
        kernels: vec![vec![Vec::with_capacity(run.paths); n]; run.times.len()],
    };
    for block in blocks {
        for (t, row) in block.into_iter().enumerate() {
            for (all, states) in paths.states[t].iter_mut().zip(row.states) {
                all.extend(states);
            }
            // Empty where none were asked for.
            for (all, kernels) in paths.kernels[t].iter_mut().zip(row.kernels) {
                all.extend(kernels);
            }
        }
    }
    paths
}

/// Refuse to hold `times × paths` numbers at once where that is more than the limit `values-held`.
///
/// # Errors
/// [`Error::OverLimit`], with the limit and the flag that raises it.
pub fn require_room(times: usize, paths: usize) -> Result<()> {
    Limit::ValuesHeld.require(times as f64 * paths as f64, "the simulation")
}

//! Monte Carlo paths, in blocks of paths over rayon.
//!
//! Every path has its own Philox stream named by its number, so the bytes do not depend on threads or block size.
//! `engine` steps diffusions in any number of dimensions; `jumps` lands on their jump times; `start` draws initial states.

mod along;
mod engine;
mod jumps;
mod normals;

use super::{Accuracy, Question};
use crate::base::rng::Key;
use crate::base::{Error, Result};
use crate::expr::LANES;
use crate::models::Model;
use crate::predictive::{Ensemble, Predictive};
use crate::process::{Diffusion, Process};
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

/// The default step: an eighth of the first horizon.
fn default_step(accuracy: Accuracy, question: &Question) -> f64 {
    let first = question.times.first().map_or(1.0, |t| t - question.t0);
    accuracy.step.unwrap_or(first / 8.0)
}

pub(super) fn marginals(model: &Model, question: &Question) -> Result<Vec<Vec<Predictive>>> {
    let run = Run {
        theta: question.theta,
        start: Start::At(question.start),
        t0: question.t0,
        times: question.times,
        paths: question.accuracy.paths,
        step: default_step(question.accuracy, question),
        scheme: Scheme::EulerMaruyama,
        key: question.key,
    };
    let paths = simulate(model, &run)?;
    let law = |(states, kernels): (Vec<f64>, Vec<(f64, f64)>)| {
        // A component without noise of its own has no density along a path.
        let kernels = if kernels.iter().all(|k| k.1 > 0.0) { kernels } else { Vec::new() };
        Ensemble::new(states, kernels).map(Predictive::Ensemble).ok_or_else(|| Error::Numerics {
            what: "the simulation".to_string(),
            why: "no path was asked for".to_string(),
            hint: "use --paths 10000".to_string(),
        })
    };
    let rows = paths.states.into_iter().zip(paths.kernels);
    rows.map(|(states, kernels)| states.into_iter().zip(kernels).map(law).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed, math};
    use crate::models::built_in;

    /// Root-mean-square error at t = 1 of gbm against its exact path on the same noise.
    fn strong_error(scheme: Scheme, steps: usize) -> Result<f64> {
        let model = built_in("gbm")?;
        let (mu, sigma, paths) = (0.1, 0.5, 2_000);
        let key = Seed(5).key(Purpose::Simulation, 0, 0);
        let h = 1.0 / steps as f64;
        let run =
            Run { theta: &[mu, sigma], start: Start::At(&[1.0]), t0: 0.0, times: &[1.0], paths, step: h, scheme, key };
        let out = simulate(&model, &run)?;
        let squares: f64 = (0..paths)
            .map(|p| {
                let mut stream = key.stream(p as u64);
                let w: f64 = (0..steps).map(|_| stream.normal()).sum::<f64>() * h.sqrt();
                let exact = math::exp((mu - 0.5 * sigma * sigma) + sigma * w);
                (out.states[0][0][p] - exact).powi(2)
            })
            .sum();
        Ok((squares / paths as f64).sqrt())
    }

    #[test]
    fn strong_orders_are_one_half_and_one() -> Result<()> {
        let euler = (strong_error(Scheme::EulerMaruyama, 64)? / strong_error(Scheme::EulerMaruyama, 256)?).log2() / 2.0;
        let milstein = (strong_error(Scheme::Milstein, 64)? / strong_error(Scheme::Milstein, 256)?).log2() / 2.0;
        assert!((euler - 0.5).abs() < 0.1, "{euler}");
        assert!((milstein - 1.0).abs() < 0.1, "{milstein}");
        Ok(())
    }

    #[test]
    fn a_square_root_process_never_goes_below_zero_and_keeps_its_mean() -> Result<()> {
        let model = built_in("cir")?;
        let key = Seed(9).key(Purpose::Simulation, 0, 0);
        let paths = 20_000;
        let run = Run {
            theta: &[2.0, 0.04, 0.5],
            start: Start::At(&[0.04]),
            t0: 0.0,
            times: &[1.0],
            paths,
            step: 1.0 / 512.0,
            scheme: Scheme::EulerMaruyama,
            key,
        };
        let out = simulate(&model, &run)?;
        assert!(out.states[0][0].iter().all(|x| *x >= 0.0));
        let mean = out.states[0][0].iter().sum::<f64>() / paths as f64;
        // Stationary sd: sigma √(theta / 2 kappa) = 0.05; four standard errors and the weak error of a 1/512 step.
        assert!((mean - 0.04).abs() < 4.0 * 0.05 / (paths as f64).sqrt() + 1e-3, "{mean}");
        Ok(())
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bytes() -> Result<()> {
        let model = built_in("double-well")?;
        let key = Seed(3).key(Purpose::Simulation, 0, 0);
        let run = Run {
            theta: &[1.0, 1.0, 0.7],
            start: Start::At(&[0.1]),
            t0: 0.0,
            times: &[0.5, 1.0],
            paths: 1_000,
            step: 0.01,
            scheme: Scheme::Milstein,
            key,
        };
        let on = |threads: usize| -> Result<Vec<u64>> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let paths = pool.install(|| simulate(&model, &run))?;
            Ok(paths.states.concat().concat().into_iter().map(f64::to_bits).collect())
        };
        assert_eq!(on(1)?, on(3)?);
        Ok(())
    }

    #[test]
    fn an_exploding_path_is_an_error_and_not_a_number() {
        let model = built_in("double-well").expect("built in");
        let key = Seed(3).key(Purpose::Simulation, 0, 0);
        let run = Run {
            theta: &[1000.0, 1.0, 0.7],
            start: Start::At(&[5.0]),
            t0: 0.0,
            times: &[50.0],
            paths: 10,
            step: 1.0,
            scheme: Scheme::EulerMaruyama,
            key,
        };
        assert!(matches!(simulate(&model, &run), Err(Error::Numerics { .. })));
    }
}

//! Monte Carlo paths of a stochastic differential equation, in blocks of paths over rayon.
//!
//! Every path has its own Philox stream named by its number, so the bytes do not depend on threads or block size.
//! Euler-Maruyama (Maruyama 1955) and Milstein (1975). On a domain with an end, coefficients are evaluated at the state
//! put back inside it: full truncation (Lord, Koekkoek & van Dijk 2010), so a square root never sees a negative number.

use super::{Accuracy, Question};
use crate::base::rng::Key;
use crate::base::{Error, Result, math};
use crate::expr::{LANES, Scratch, Tape};
use crate::models::Model;
use crate::predictive::{Ensemble, Predictive};
use crate::process::{Boundary, State, symbol};
use rayon::prelude::*;

/// The integrator of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Strong order ½, weak order 1.
    EulerMaruyama,
    /// Strong order 1.
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

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    pub theta: &'a [f64],
    pub x0: f64,
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
    /// `[time][path]`
    pub states: Vec<Vec<f64>>,
    /// `[time][path]`: mean and sd of the last step's Gaussian.
    pub kernels: Vec<Vec<(f64, f64)>>,
}

/// States held at once, output times × paths: about a gigabyte with their kernels.
const MOST_STATES: f64 = 4e7;
/// More path-steps than this in one run are refused; a laptop does about 1e8 a second.
const MOST_STEPS: f64 = 1e11;

/// Simulate. Row = time, column = path.
///
/// # Errors
/// [`Error::Numerics`] where a path loses finiteness (the step is too long for the drift) or the run is absurdly long.
pub fn simulate(model: &Model, run: &Run) -> Result<Paths> {
    let steps: f64 = intervals(run).map(|(_, n, _)| n as f64).sum();
    if !(steps * run.paths as f64 <= MOST_STEPS) {
        return Err(Error::Numerics {
            what: "the simulation".to_string(),
            why: format!("{:e} path-steps are more than the limit of {MOST_STEPS:e}", steps * run.paths as f64),
            hint: "use fewer --paths, a longer --step or a nearer --until".to_string(),
        });
    }
    require_room(run.times.len(), run.paths)?;
    let engine = Engine::new(model, run);
    let blocks: Vec<Block> = (0..run.paths.div_ceil(LANES))
        .into_par_iter()
        .map(|b| engine.block(b * LANES, ((b + 1) * LANES).min(run.paths)))
        .collect();
    let n_times = run.times.len();
    let mut out = Paths {
        states: vec![Vec::with_capacity(run.paths); n_times],
        kernels: vec![Vec::with_capacity(run.paths); n_times],
    };
    for block in blocks {
        for (t, (states, kernels)) in block.into_iter().enumerate() {
            out.states[t].extend(states);
            out.kernels[t].extend(kernels);
        }
    }
    match out.states.iter().position(|row| row.iter().any(|x| !x.is_finite())) {
        None => Ok(out),
        Some(t) => Err(Error::Numerics {
            what: format!("the simulation of model '{}'", model.id),
            why: format!("a path was no longer finite at t = {}", run.times[t]),
            hint: "the step is too long for the drift: simulate takes a shorter --step; forecasts are better answered by --answer auto".to_string(),
        }),
    }
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

/// Start, number of steps and step of every output interval.
fn intervals<'a>(run: &'a Run) -> impl Iterator<Item = (f64, usize, f64)> + 'a {
    let starts = std::iter::once(run.t0).chain(run.times.iter().copied());
    starts.zip(run.times).map(|(from, to)| {
        let n = ((to - from) / run.step - 1e-9).ceil().max(1.0);
        (from, n as usize, (to - from) / n)
    })
}

/// `[time] -> (states, kernels)` of one block of paths.
type Block = Vec<(Vec<f64>, Vec<(f64, f64)>)>;

struct Engine<'a> {
    run: &'a Run<'a>,
    tape: Tape,
    symbols: Vec<f64>,
    state: &'a State,
}

impl<'a> Engine<'a> {
    fn new(model: &'a Model, run: &'a Run) -> Engine<'a> {
        let process = &model.process;
        let mut pool = process.pool.clone();
        let slope = pool.derivative(process.diffusion, symbol::STATE);
        let product = pool.mul(process.diffusion, slope);
        let correction = pool.scale(0.5, product);
        let outputs = [process.drift, process.diffusion, correction];
        let outputs = if run.scheme == Scheme::Milstein { &outputs[..] } else { &outputs[..2] };
        Engine {
            run,
            tape: Tape::compile(&pool, outputs, &[symbol::STATE]),
            symbols: process.symbols(run.theta, run.t0),
            state: &process.state,
        }
    }

    fn block(&self, first: usize, end: usize) -> Block {
        let n = end - first;
        let run = self.run;
        let mut symbols = self.symbols.clone();
        let mut scratch = Scratch::default();
        let mut x = vec![run.x0; n];
        let mut inside = vec![run.x0; n];
        let (mut a, mut b, mut c) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let mut normals = Normals::new(run.key, first, n);
        let mut out = Vec::with_capacity(run.times.len());
        for (from, steps, h) in intervals(run) {
            let root = h.sqrt();
            let mut kernels = Vec::new();
            for k in 0..steps {
                symbols[symbol::TIME] = from + k as f64 * h;
                let z = normals.next();
                self.put_inside(&x, &mut inside);
                if run.scheme == Scheme::Milstein {
                    self.tape.run(&symbols, &[&inside], &mut [&mut a, &mut b, &mut c], &mut scratch);
                } else {
                    self.tape.run(&symbols, &[&inside], &mut [&mut a, &mut b], &mut scratch);
                }
                if k + 1 == steps {
                    kernels = (0..n).map(|i| (x[i] + a[i] * h, (b[i] * root).abs())).collect();
                }
                if run.scheme == Scheme::Milstein {
                    for i in 0..n {
                        x[i] += a[i] * h + b[i] * root * z[i] + c[i] * h * (z[i] * z[i] - 1.0);
                    }
                } else {
                    for i in 0..n {
                        x[i] += a[i] * h + b[i] * root * z[i];
                    }
                }
                if self.state.boundary == Boundary::Reflecting {
                    self.reflect(&mut x);
                }
            }
            let mut states = vec![0.0; n];
            self.put_inside(&x, &mut states);
            out.push((states, kernels));
        }
        out
    }

    /// Mirror what stepped over an end (Lépingle 1995, without the bridge correction: weak order one half there).
    fn reflect(&self, x: &mut [f64]) {
        for x in x {
            if *x < self.state.lower {
                *x = 2.0 * self.state.lower - *x;
            }
            if *x > self.state.upper {
                *x = 2.0 * self.state.upper - *x;
            }
        }
    }

    /// The state moved into the open domain; a copy where the domain is the whole line.
    fn put_inside(&self, x: &[f64], out: &mut [f64]) {
        let inside = |end: f64| 1e-12 * (self.run.x0 - end).abs();
        let lower = self.state.lower + if self.state.lower.is_finite() { inside(self.state.lower) } else { 0.0 };
        let upper = self.state.upper - if self.state.upper.is_finite() { inside(self.state.upper) } else { 0.0 };
        for (o, x) in out.iter_mut().zip(x) {
            // NaN must stay NaN to be reported, so no min/max here.
            *o = if *x < lower {
                lower
            } else if *x > upper {
                upper
            } else {
                *x
            };
        }
    }
}

/// The normals of a block of paths, step by step: two steps a Philox counter.
struct Normals {
    key: Key,
    first: usize,
    draw: u64,
    words: [Vec<u64>; 2],
    second: bool,
    values: Vec<f64>,
}

impl Normals {
    fn new(key: Key, first: usize, n: usize) -> Normals {
        Normals { key, first, draw: 0, words: [vec![0; n], vec![0; n]], second: false, values: vec![0.0; n] }
    }

    fn next(&mut self) -> &[f64] {
        if !self.second {
            for i in 0..self.values.len() {
                let [one, two] = self.key.words((self.first + i) as u64, self.draw);
                self.words[0][i] = one;
                self.words[1][i] = two;
            }
            self.draw += 1;
        }
        math::normals_from_u64(&self.words[usize::from(self.second)], &mut self.values);
        self.second = !self.second;
        &self.values
    }
}

/// The default step: an eighth of the first horizon.
fn default_step(accuracy: Accuracy, question: &Question) -> f64 {
    let first = question.times.first().map_or(1.0, |t| t - question.t0);
    accuracy.step.unwrap_or(first / 8.0)
}

pub(super) fn marginals(model: &Model, question: &Question) -> Result<Vec<Predictive>> {
    let run = Run {
        theta: question.theta,
        x0: question.x0,
        t0: question.t0,
        times: question.times,
        paths: question.accuracy.paths,
        step: default_step(question.accuracy, question),
        scheme: Scheme::EulerMaruyama,
        key: question.key,
    };
    let paths = simulate(model, &run)?;
    let laws = paths.states.into_iter().zip(paths.kernels);
    laws.map(|(states, kernels)| {
        Ensemble::new(states, kernels).map(Predictive::Ensemble).ok_or_else(|| Error::Numerics {
            what: "the simulation".to_string(),
            why: "no path was asked for".to_string(),
            hint: "use --paths 10000".to_string(),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};
    use crate::models::built_in;

    /// Root-mean-square error at t = 1 of gbm against its exact path on the same noise.
    fn strong_error(scheme: Scheme, steps: usize) -> Result<f64> {
        let model = built_in("gbm")?;
        let (mu, sigma, paths) = (0.1, 0.5, 2_000);
        let key = Seed(5).key(Purpose::Simulation, 0, 0);
        let h = 1.0 / steps as f64;
        let run = Run { theta: &[mu, sigma], x0: 1.0, t0: 0.0, times: &[1.0], paths, step: h, scheme, key };
        let out = simulate(&model, &run)?;
        let squares: f64 = (0..paths)
            .map(|p| {
                let mut stream = key.stream(p as u64);
                let w: f64 = (0..steps).map(|_| stream.normal()).sum::<f64>() * h.sqrt();
                let exact = math::exp((mu - 0.5 * sigma * sigma) + sigma * w);
                (out.states[0][p] - exact).powi(2)
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
            x0: 0.04,
            t0: 0.0,
            times: &[1.0],
            paths,
            step: 1.0 / 512.0,
            scheme: Scheme::EulerMaruyama,
            key,
        };
        let out = simulate(&model, &run)?;
        assert!(out.states[0].iter().all(|x| *x >= 0.0));
        let mean = out.states[0].iter().sum::<f64>() / paths as f64;
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
            x0: 0.1,
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
            Ok(paths.states.concat().into_iter().map(f64::to_bits).collect())
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
            x0: 5.0,
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

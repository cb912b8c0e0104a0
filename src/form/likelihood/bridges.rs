//! Simulated likelihood of any one-dimensional diffusion: a mean over bridges from one observation to the next.
//!
//! The density of `M` Euler steps of `δ = dt/M` is an integral over the states between. It is done by importance sampling from the
//! modified diffusion bridge (Durham & Gallant 2002, J. Bus. Econ. Stat. 20, eq. 26): from `xⱼ` to `xⱼ + (x_M - xⱼ)/(M - j)` with
//! variance `b(xⱼ)² δ (M - j - 1)/(M - j)`, the weight being the product of Euler's densities over that of the bridge. Pedersen's (1995)
//! sampler, which goes forward and hits `x_M` by chance alone, serves for the distribution function.
//!
//! States with an end are bridged in the logarithm of the distance from it (two ends: of the ratio of the two), which no step leaves. Euler's error falls
//! with `δ`; the same noise over `M/2` steps tells it, and `2 ln p_M - ln p_(M/2)` is given. The logarithm of a mean is too low by half its relative
//! variance, which is added. The random numbers of an observation are always the same, so the value is smooth in the parameters and its gradient is the derivative
//! along the very bridges.

use crate::base::rng::{Purpose, Seed, word_of};
use crate::base::{Result, math};
use crate::expr::{Id, Pool, Scratch, Tape, Unary};
use crate::form::{Batch, Form, Pairs, ends_are};
use crate::models::Model;
use crate::process::{Boundary, Scalar, State, symbol};

/// Steps of a bridge; even.
const STEPS: usize = 8;
/// Standard deviations that free paths are spread over.
const REACH: f64 = 8.0;
/// Bridges of an observation come in so many antithetic pairs: both fill the registers of a tape.
const COUPLES: usize = 64;

/// How the normals of an observation's paths are drawn.
enum Draws {
    Independent,
    /// The sum along a path, which says most of where it ends, goes by even steps, so that a mean over it is a trapezoidal rule
    /// with the normal density for weights; what is orthogonal to it is left to chance.
    Laddered,
}

/// A process prepared for bridges at many parameters.
#[derive(Debug)]
pub(in crate::form) struct Bridges {
    /// `ln w` of the fine bridge and of the coarse one, and by every parameter likewise.
    weights: Tape,
    weights_with_gradient: Tape,
    /// Standardised distance of `x1` from the last state but one of a free path, fine and coarse.
    reach: Tape,
    end: usize,
    n_params: usize,
    steps: usize,
    couples: usize,
}

/// Log densities by simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// `[transition]`; minus infinity where no bridge has a density.
    pub value: Vec<f64>,
    /// `[transition]`: the standard error of the value by chance alone.
    pub standard_error: Vec<f64>,
}

/// `ln p(x1 | x0, dt)` of every pair by bridges, each with its standard error.
///
/// Eight inner steps, 64 antithetic pairs of bridges, extrapolated in the step. Cost: `1,500` evaluations of the coefficients a
/// transition. Not where an end is reached (`cir` where Feller's condition fails): no bridge touches it; nor over steps in which the
/// drift forgets the start, where few bridges carry all the weight and the standard error says so.
///
/// # Errors
/// [`crate::base::Error::FormUnavailable`] where the process has other than one state, jumps, or ends that absorb, reflect or are one;
/// [`crate::base::Error::OutsideDomain`] for a state that is.
///
/// # Examples
/// ```
/// use kramers::form::{Pairs, likelihood};
/// use kramers::models::built_in;
///
/// let ou = built_in("ou")?; // kappa, theta, sigma
/// let pairs = Pairs { x0: vec![-1.0], x1: vec![0.2], dt: vec![0.7], t0: vec![0.0] };
/// let found = likelihood::simulated_log_transitions(&ou, &[1.5, 0.5, 0.8], &pairs)?;
/// assert!((found.value[0] + 0.2163).abs() < 4.0 * found.standard_error[0]);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn simulated_log_transitions(model: &Model, theta: &[f64], pairs: &Pairs) -> Result<Simulated> {
    let process = Form::MonteCarlo.line(model)?;
    let jumps = (!process.process.jumps.is_empty()).then(|| "it jumps".to_string());
    if let Some(why) = jumps.or_else(|| why_not(&process)) {
        return Err(Form::MonteCarlo.unavailable(model, &why));
    }
    super::check_states(model, &process, pairs)?;
    let bridges = Bridges::new(&process, STEPS, COUPLES);
    let (mut value, mut standard_error) = (Vec::new(), Vec::new());
    bridges.each(&process, theta, pairs, false, |_, [fine, coarse]| {
        value.push(extrapolated(&fine, &coarse).0);
        standard_error.push(spread(&fine, &coarse));
    });
    Ok(Simulated { value, standard_error })
}

/// Why there are no bridges; `None` where there are.
pub(in crate::form) fn why_not(process: &Scalar) -> Option<String> {
    match process.state.boundary {
        b @ (Boundary::Absorbing | Boundary::Periodic | Boundary::Reflecting) => Some(ends_are(b)),
        Boundary::Auto | Boundary::Natural => None,
    }
}

/// The mean weight of the bridges of one observation.
pub(super) struct Mean {
    /// Its logarithm, corrected for the logarithm's own bias.
    pub log: f64,
    /// `[parameter]`
    slopes: Vec<f64>,
    /// `[couple]`: share in the sum of weights.
    shares: Vec<f64>,
}

impl Mean {
    /// Of `ln w` and its slopes `[parameter][bridge]`, the second half of the bridges antithetic to the first.
    fn of(log_weights: &[f64], slopes: &[Vec<f64>]) -> Mean {
        let couples = log_weights.len() / 2;
        let n = couples as f64;
        let at = |k: usize| if log_weights[k].is_finite() { log_weights[k] } else { f64::NEG_INFINITY };
        let top = (0..2 * couples).map(at).fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY {
            return Mean { log: top, slopes: vec![0.0; slopes.len()], shares: vec![0.0; couples] };
        }
        let weights: Vec<f64> = (0..2 * couples).map(|k| math::exp(at(k) - top)).collect();
        let total: f64 = weights.iter().sum();
        let shares: Vec<f64> = (0..couples).map(|k| (weights[k] + weights[k + couples]) / total).collect();
        let squares: f64 = shares.iter().map(|s| s * s).sum();
        // Half the relative variance of the mean of n couples, (n Σ s² - 1)/(n - 1) where Σ s = 1.
        let half = 0.5 / (n - 1.0);
        let log = top + math::ln(total / (2.0 * n)) + half * (n * squares - 1.0);
        let slope = |column: &Vec<f64>| {
            let (mut sum, mut tilted) = (0.0, 0.0);
            for k in (0..2 * couples).filter(|k| weights[*k] > 0.0) {
                let term = weights[k] / total * column[k];
                sum += term;
                tilted += shares[k % couples] * term;
            }
            sum + half * n * 2.0 * (tilted - squares * sum)
        };
        Mean { log, slopes: slopes.iter().map(slope).collect(), shares }
    }
}

/// Value and slopes at a vanishing step, the error taken as of first order.
pub(super) fn extrapolated(fine: &Mean, coarse: &Mean) -> (f64, Vec<f64>) {
    let slopes = fine.slopes.iter().zip(&coarse.slopes).map(|(f, c)| 2.0 * f - c).collect();
    if fine.log == f64::NEG_INFINITY || coarse.log == f64::NEG_INFINITY {
        return (f64::NEG_INFINITY, vec![0.0; fine.slopes.len()]);
    }
    (2.0 * fine.log - coarse.log, slopes)
}

/// The standard error of the extrapolated value, to first order in the weights: fine and coarse bridges share their noise.
pub(super) fn spread(fine: &Mean, coarse: &Mean) -> f64 {
    let n = fine.shares.len() as f64;
    let squares: f64 =
        fine.shares.iter().zip(&coarse.shares).map(|(f, c)| 2.0 * (n * f - 1.0) - (n * c - 1.0)).map(|d| d * d).sum();
    (squares / (n * (n - 1.0))).sqrt()
}

impl Bridges {
    /// With the steps and antithetic pairs that `--form monte-carlo` takes.
    pub fn standard(process: &Scalar) -> Bridges {
        Bridges::new(process, STEPS, COUPLES)
    }

    pub(super) fn new(process: &Scalar, steps: usize, couples: usize) -> Bridges {
        let mut pool = process.pool().clone();
        // The names cannot be typed, so no model text can use them.
        let end = pool.add_symbol("#end");
        let noises: Vec<usize> = (1..steps).map(|j| pool.add_symbol(&format!("#noise.{j}"))).collect();
        let noise: Vec<Id> = noises.iter().map(|s| pool.symbol_at(*s)).collect();
        let (half_bridged, half_free) = (bridged(&mut pool, &noise), added(&mut pool, &noise));
        let mut chart = Chart::new(&mut pool, process, end);
        let (fine, coarse) = (chart.bridge(&noise), chart.bridge(&half_bridged));
        let (free, rough) = (chart.free(&noise), chart.free(&half_free));
        let params: Vec<usize> = (0..process.n_params()).map(|k| Scalar::FIRST_PARAM + k).collect();
        let mut outputs = vec![fine, coarse];
        for of in [fine, coarse] {
            outputs.extend(pool.gradient(of, &params));
        }
        Bridges {
            weights: Tape::compile(&pool, &outputs[..2], &noises),
            weights_with_gradient: Tape::compile(&pool, &outputs, &noises),
            reach: Tape::compile(&pool, &[free, rough], &noises),
            end,
            n_params: params.len(),
            steps,
            couples,
        }
    }

    /// Log densities, and their gradients where asked; minus infinity where no bridge has a density.
    pub fn log_density(&self, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        let params = if gradient { self.n_params } else { 0 };
        let mut batch =
            Batch { value: Vec::with_capacity(pairs.len()), gradient: vec![vec![0.0; pairs.len()]; params] };
        self.each(process, theta, pairs, gradient, |i, [fine, coarse]| {
            let (value, slopes) = extrapolated(&fine, &coarse);
            batch.value.push(value);
            batch.gradient.iter_mut().zip(slopes).for_each(|(column, slope)| column[i] = slope);
        });
        batch
    }

    /// `Φ⁻¹` of the distribution function: the mean over free paths of that of their last step, extrapolated.
    pub fn normal_scores(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Vec<f64> {
        let mut scores = Vec::with_capacity(pairs.len());
        let weights: Vec<f64> = (0..self.couples).map(|k| math::exp(-0.5 * self.rung(k) * self.rung(k))).collect();
        let total: f64 = weights.iter().sum();
        let tape = (&self.reach, 2, Draws::Laddered);
        self.run(tape, process, theta, pairs, |_, columns| {
            let score = |column: &Vec<f64>| {
                let mean = |sign: f64| {
                    let of = |k: usize| weights[k % self.couples] * math::normal_cdf(sign * column[k]);
                    ((0..column.len()).map(of).sum::<f64>() / (2.0 * total)).max(f64::MIN_POSITIVE)
                };
                // From the smaller tail, which does not cancel.
                let (below, above) = (mean(1.0), mean(-1.0));
                if below < above { math::normal_quantile(below) } else { -math::normal_quantile(above) }
            };
            scores.push(2.0 * score(&columns[0]) - score(&columns[1]));
        });
        scores
    }

    /// The upper half of the ladder; antithetic paths have the lower.
    fn rung(&self, k: usize) -> f64 {
        REACH * (k as f64 + 0.5) / self.couples as f64
    }

    /// Means over fine and coarse bridges, one observation after another.
    pub(super) fn each(
        &self,
        process: &Scalar,
        theta: &[f64],
        pairs: &Pairs,
        gradient: bool,
        mut see: impl FnMut(usize, [Mean; 2]),
    ) {
        let (tape, params) = if gradient { (&self.weights_with_gradient, self.n_params) } else { (&self.weights, 0) };
        self.run((tape, 2 + 2 * params, Draws::Independent), process, theta, pairs, |i, columns| {
            let slopes = &columns[2..];
            see(i, [Mean::of(&columns[0], &slopes[..params]), Mean::of(&columns[1], &slopes[params..])]);
        });
    }

    /// A tape over the paths of one observation after another, `[output][path]`.
    fn run(
        &self,
        (tape, outputs, draws): (&Tape, usize, Draws),
        process: &Scalar,
        theta: &[f64],
        pairs: &Pairs,
        mut see: impl FnMut(usize, &[Vec<f64>]),
    ) {
        let mut symbols = process.symbols(theta, 0.0);
        symbols.resize(self.end + self.steps, f64::NAN);
        let key = Seed(0).key(Purpose::Simulation, word_of("bridges"), 0);
        let mut noise = vec![vec![0.0; 2 * self.couples]; self.steps - 1];
        let mut out = vec![vec![0.0; 2 * self.couples]; outputs];
        let mut scratch = Scratch::default();
        for i in 0..pairs.len() {
            for k in 0..self.couples {
                let mut stream = key.stream((i * self.couples + k) as u64);
                noise.iter_mut().for_each(|column| column[k] = stream.normal());
                if let Draws::Laddered = draws {
                    let n = noise.len() as f64;
                    let mean = noise.iter().map(|column| column[k]).sum::<f64>() / n;
                    let shift = self.rung(k) / n.sqrt() - mean;
                    noise.iter_mut().for_each(|column| column[k] += shift);
                }
                noise.iter_mut().for_each(|column| column[k + self.couples] = -column[k]);
            }
            symbols[symbol::STATE] = pairs.x0[i];
            symbols[symbol::STEP] = pairs.dt[i];
            symbols[symbol::TIME] = pairs.t0[i];
            symbols[self.end] = pairs.x1[i];
            let inputs: Vec<&[f64]> = noise.iter().map(Vec::as_slice).collect();
            let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
            tape.run(&symbols, &inputs, &mut slices, &mut scratch);
            see(i, &out);
        }
    }
}

/// The noise of a bridge of half the steps that, were `b` constant, passes through every second state of the fine one.
fn bridged(pool: &mut Pool, noise: &[Id]) -> Vec<Id> {
    let steps = noise.len() + 1;
    (0..steps / 2 - 1)
        .map(|k| {
            // With r steps left: what the first of two leaves of its noise after the second, and the second's own.
            let r = (steps - 2 * k) as f64;
            let first = 0.5_f64.sqrt() * ((r - 2.0) / (r - 1.0)).sqrt();
            let second = 0.5_f64.sqrt() * (r / (r - 1.0)).sqrt();
            let (a, b) = (pool.scale(first, noise[2 * k]), pool.scale(second, noise[2 * k + 1]));
            pool.add(a, b)
        })
        .collect()
}

/// The noise of a free path of half the steps, its sum along the fine path's own.
fn added(pool: &mut Pool, noise: &[Id]) -> Vec<Id> {
    let mut sum_of = |of: &[Id], factor: f64| {
        let zero = pool.number(0.0);
        let sum = of.iter().fold(zero, |sum, z| pool.add(sum, *z));
        pool.scale(factor, sum)
    };
    let coarse: Vec<Id> = noise.chunks_exact(2).map(|two| sum_of(two, 0.5_f64.sqrt())).collect();
    let n = coarse.len() as f64;
    let along = sum_of(noise, 1.0 / (n * noise.len() as f64).sqrt());
    let mean = sum_of(&coarse, 1.0 / n);
    let shift = pool.sub(along, mean);
    coarse.into_iter().map(|z| pool.add(z, shift)).collect()
}

/// The process in a coordinate `u(x)` whose range is the line.
struct Chart<'p> {
    pool: &'p mut Pool,
    /// Of the state's symbol: `x(u)`, and `u`'s drift and diffusion at the state `x`.
    state: Id,
    drift: Id,
    diffusion: Id,
    from: Id,
    to: Id,
    /// `ln u'(x1)`
    log_slope: Id,
}

impl<'p> Chart<'p> {
    fn new(pool: &'p mut Pool, process: &Scalar, end: usize) -> Chart<'p> {
        let x = pool.symbol_at(symbol::STATE);
        let (u, state) = coordinate(pool, process.state, x);
        let slope = pool.derivative(u, symbol::STATE);
        let bend = pool.derivative(slope, symbol::STATE);
        let diffusion = pool.mul(process.diffusion, slope);
        let variance = pool.power(process.diffusion, 2);
        let bent = pool.mul(variance, bend);
        let bent = pool.scale(0.5, bent);
        let moved = pool.mul(process.drift, slope);
        let drift = pool.add(moved, bent);
        let end = pool.symbol_at(end);
        let to = pool.substitute(u, &[(symbol::STATE, end)]);
        let slope = pool.substitute(slope, &[(symbol::STATE, end)]);
        let log_slope = pool.unary(Unary::Log, slope);
        Chart { pool, state, drift, diffusion, from: u, to, log_slope }
    }

    /// Drift and diffusion of `u` at `u` after `share` of the step.
    fn at(&mut self, u: Id, share: f64) -> (Id, Id) {
        let x = self.pool.substitute(self.state, &[(symbol::STATE, u)]);
        let (dt, time) = (self.pool.symbol_at(symbol::STEP), self.pool.symbol_at(symbol::TIME));
        let gone = self.pool.scale(share, dt);
        let now = self.pool.add(time, gone);
        let by = [(symbol::STATE, x), (symbol::TIME, now)];
        (self.pool.substitute(self.drift, &by), self.pool.substitute(self.diffusion, &by))
    }

    /// `ln w` of the bridge with this noise, in one step more than there are normals.
    fn bridge(&mut self, noise: &[Id]) -> Id {
        let steps = noise.len() + 1;
        let dt = self.pool.symbol_at(symbol::STEP);
        let delta = self.pool.scale(1.0 / steps as f64, dt);
        let root = self.pool.unary(Unary::Sqrt, delta);
        let mut u = self.from;
        // ½ Σ ln (M - j - 1)/(M - j) = -½ ln M
        let constant = self.pool.number(-0.5 * math::ln(2.0 * std::f64::consts::PI * steps as f64));
        let mut sum = self.pool.add(constant, self.log_slope);
        for j in 0..steps {
            let (a, b) = self.at(u, j as f64 / steps as f64);
            let left = (steps - j) as f64;
            let way = self.pool.sub(self.to, u);
            let mut step = self.pool.scale(1.0 / left, way);
            let size = self.pool.mul(b, root);
            if let Some(z) = noise.get(j) {
                let scaled = self.pool.scale(((left - 1.0) / left).sqrt(), *z);
                let push = self.pool.mul(size, scaled);
                step = self.pool.add(step, push);
                let square = self.pool.power(*z, 2);
                let half = self.pool.scale(0.5, square);
                sum = self.pool.add(sum, half);
            } else {
                let positive = self.pool.unary(Unary::Abs, size);
                let log = self.pool.unary(Unary::Log, positive);
                sum = self.pool.sub(sum, log);
            }
            let carried = self.pool.mul(a, delta);
            let residual = self.pool.sub(step, carried);
            let ratio = self.pool.div(residual, size);
            let square = self.pool.power(ratio, 2);
            let half = self.pool.scale(0.5, square);
            sum = self.pool.sub(sum, half);
            u = self.pool.add(u, step);
        }
        sum
    }

    /// `(u1 - u - a δ)/(|b| √δ)` at the last state but one of a free path with this noise.
    fn free(&mut self, noise: &[Id]) -> Id {
        let steps = noise.len() + 1;
        let dt = self.pool.symbol_at(symbol::STEP);
        let delta = self.pool.scale(1.0 / steps as f64, dt);
        let root = self.pool.unary(Unary::Sqrt, delta);
        let mut u = self.from;
        for j in 0..steps {
            let (a, b) = self.at(u, j as f64 / steps as f64);
            let carried = self.pool.mul(a, delta);
            let mean = self.pool.add(u, carried);
            let size = self.pool.mul(b, root);
            let Some(z) = noise.get(j) else {
                let way = self.pool.sub(self.to, mean);
                let positive = self.pool.unary(Unary::Abs, size);
                return self.pool.div(way, positive);
            };
            let push = self.pool.mul(size, *z);
            u = self.pool.add(mean, push);
        }
        u
    }
}

/// `u(x)`, increasing, and `x(u)` with `u` in the state's place.
fn coordinate(pool: &mut Pool, state: &State, x: Id) -> (Id, Id) {
    let (lower, upper) = (pool.number(state.lower), pool.number(state.upper));
    match (state.lower.is_finite(), state.upper.is_finite()) {
        (false, false) => (x, x),
        (true, false) => {
            let above = pool.sub(x, lower);
            let grown = pool.unary(Unary::Exp, x);
            (pool.unary(Unary::Log, above), pool.add(lower, grown))
        }
        (false, true) => {
            let below = pool.sub(upper, x);
            let log = pool.unary(Unary::Log, below);
            let minus = pool.unary(Unary::Neg, x);
            let grown = pool.unary(Unary::Exp, minus);
            (pool.unary(Unary::Neg, log), pool.sub(upper, grown))
        }
        (true, true) => {
            let (above, below) = (pool.sub(x, lower), pool.sub(upper, x));
            let (log_above, log_below) = (pool.unary(Unary::Log, above), pool.unary(Unary::Log, below));
            // The logistic function without overflow.
            let half = pool.scale(0.5, x);
            let turn = pool.unary(Unary::Tanh, half);
            let middle = pool.number(0.5 * (state.lower + state.upper));
            let moved = pool.scale(0.5 * (state.upper - state.lower), turn);
            (pool.sub(log_above, log_below), pool.add(middle, moved))
        }
    }
}

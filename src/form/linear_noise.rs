//! The linear noise approximation of a network: the rate equations and the covariance of small fluctuations about them (van Kampen 2007,
//! chapter X; Elf & Ehrenberg 2003).
//!
//! ```text
//! dm/dt = S v(m),    dC/dt = J C + C Jᵀ + S diag(v(m)) Sᵀ
//! ```
//!
//! in counts of molecules, `v` the macroscopic laws, `J` the Jacobian of `S v`. Exact for the means and covariances of first-order networks;
//! of others the relative error of both falls as one over the volume. What is conserved has no variance: it stays at zero.

use super::ode::{
    Equations, Initial, Prepared, Sparse, Stepper, equations_of, root_mean_square, sizes, stops, symbols_at,
};
use super::{Form, Question, check_start, ode};
use crate::base::{Error, Result};
use crate::expr::{Id, Scratch, Tape};
use crate::models::Model;
use crate::predictive::{Lattice, Predictive};
use crate::process::{Network, Process, RateEquations, symbol};
use nalgebra::{DMatrix, DVector};

/// Species beyond which the covariances' linear system is no longer solved.
const MOST_SPECIES: usize = 60;

/// Relative error that a step may make.
const TOLERANCE: f64 = 1e-9;

/// Means and covariances of the counts of a network along time.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearNoise {
    /// As they were asked, in the model's unit of time.
    pub times: Vec<f64>,
    /// `[time][species]`
    pub mean: Vec<Vec<f64>>,
    /// `[time][species][species]`, in molecules squared.
    pub covariance: Vec<Vec<Vec<f64>>>,
}

impl LinearNoise {
    /// The normal law of every species, `[time][species]`; a point where it has no variance.
    ///
    /// # Errors
    /// [`Error::Numerics`] where a number is not finite.
    pub fn marginals(&self) -> Result<Vec<Vec<Predictive>>> {
        let law = |mean: f64, variance: f64| {
            // Round-off of sums of the size of the mean is no variance.
            if variance > 1e-12 * (1.0 + mean * mean) {
                return Ok(Predictive::Normal { mean, sd: variance.sqrt() });
            }
            Lattice::point(mean).map(Predictive::Lattice).ok_or_else(|| Error::Numerics {
                what: "the linear noise approximation".to_string(),
                why: format!("a mean is {mean}"),
                hint: "check the rates, or use a nearer time".to_string(),
            })
        };
        let row = |(mean, covariance): (&Vec<f64>, &Vec<Vec<f64>>)| {
            mean.iter().enumerate().map(|(i, m)| law(*m, covariance[i][i])).collect()
        };
        self.mean.iter().zip(&self.covariance).map(row).collect()
    }
}

/// Means and covariances of all species at the question's times, from a start without variance: `question.start`, or where that is empty
/// the file's (laws by their means).
///
/// Unknowns: `n + n(n+1)/2` for `n` species, solved to 1e-9 (`question.accuracy.goal` where smaller). Cost: about `n⁶/24` a step, so not for
/// more than some dozens of species. Not where few molecules matter: counts near zero, several stable states, bursts; there the master
/// equation or simulation.
///
/// # Errors
/// [`Error::FormUnavailable`] where the model is no network, has an event that watches the state, or more than 60 species;
/// [`Error::BadOption`] without a start; [`Error::Numerics`] as the rate equations.
pub fn linear_noise(model: &Model, question: &Question) -> Result<LinearNoise> {
    check_start(model, question.start)?;
    let equations = equations_of(model, Form::LinearNoise)?;
    let Process::Network(network) = &model.process else { return Ok(empty()) };
    let n = network.species.len();
    if n > MOST_SPECIES {
        return Err(Form::LinearNoise.unavailable(model, &too_many(n)));
    }
    let file = || model.default_start(question.theta).filter(|x| x.iter().all(|x| x.is_finite()));
    let start = if question.start.is_empty() { file() } else { Some(question.start.to_vec()) };
    let start = start.ok_or_else(|| Error::BadOption {
        flag: "--from".to_string(),
        value: "none".to_string(),
        expected: "a start of every species; the model's file gives none".to_string(),
        hint: None,
    })?;
    let tolerance = question.accuracy.goal.map_or(TOLERANCE, |goal| goal.clamp(1e-12, TOLERANCE));
    let initial = Initial { theta: question.theta, start: &start, t0: question.t0, times: question.times, tolerance };
    let stops = stops(&equations, &initial);
    let mut pool = equations.clone();
    let mut stepper = Stepper::new(Noise::new(network, equations, &initial));
    let mut y = DVector::zeros(n + n * (n + 1) / 2);
    y.rows_mut(0, n).copy_from_slice(&start);
    let mut now = question.t0;
    let mut out = empty();
    for stop in stops {
        now = stepper.advance(&mut y, now, stop.time)?;
        for event in &stop.fires {
            y = fire(&mut pool, question.theta, *event, &y, n, now);
        }
        while question.times.get(out.times.len()).is_some_and(|t| *t <= now) {
            out.times.push(question.times[out.times.len()]);
            out.mean.push(y.as_slice()[..n].to_vec());
            let entry = |i: usize, j: usize| y[place(n, i, j)];
            out.covariance.push((0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect());
        }
    }
    Ok(out)
}

/// Why a network has no linear noise approximation here; `None` where it has.
pub(super) fn why_not(network: &Network) -> Option<String> {
    let n = network.species.len();
    ode::why_not(network).or_else(|| (n > MOST_SPECIES).then(|| too_many(n)))
}

fn too_many(species: usize) -> String {
    format!("it has {species} species, and covariances of {MOST_SPECIES} are solved at most")
}

fn empty() -> LinearNoise {
    LinearNoise { times: Vec::new(), mean: Vec::new(), covariance: Vec::new() }
}

/// Where a covariance stands among the unknowns.
fn place(n: usize, i: usize, j: usize) -> usize {
    let (i, j) = (i.max(j), i.min(j));
    n + i * (i + 1) / 2 + j
}

/// An event `x → g(x)`: the covariance becomes `G C Gᵀ`.
fn fire(
    equations: &mut RateEquations,
    theta: &[f64],
    event: usize,
    y: &DVector<f64>,
    n: usize,
    now: f64,
) -> DVector<f64> {
    let x = &y.as_slice()[..n];
    let symbols = symbols_at(&equations.frame.symbols(theta, now), x, now);
    let mut map = DMatrix::identity(n, n);
    let mut after = y.clone();
    let assigned = equations.events[event].1.clone();
    let pool = &mut equations.frame.pool;
    for (i, id) in assigned {
        after[i] = pool.eval(id, &symbols);
        for j in 0..n {
            let slope = pool.derivative(id, symbol::STATE + j);
            map[(i, j)] = pool.eval(slope, &symbols);
        }
    }
    let before = DMatrix::from_fn(n, n, |i, j| y[place(n, i, j)]);
    let carried = &map * before * map.transpose();
    for i in 0..n {
        (0..=i).for_each(|j| after[place(n, i, j)] = carried[(i, j)]);
    }
    after
}

/// Means, then the lower triangle of the covariance by rows.
pub(super) struct Noise {
    n: usize,
    drift: Tape,
    scratch: Scratch,
    /// `Jᵢⱼ`
    first: Sparse<(usize, usize)>,
    /// `∂Jᵢⱼ/∂x_l`, at `l = n` in time.
    second: Sparse<(usize, usize, usize)>,
    /// `Dᵢⱼ` for `j ≤ i`.
    noise: Sparse<(usize, usize)>,
    /// `∂Dᵢⱼ/∂x_l`, at `l = n` in time.
    noise_slopes: Sparse<(usize, usize, usize)>,
    in_time: Sparse<usize>,
    symbols: Vec<f64>,
    tolerance: f64,
    absolute: Vec<f64>,
}

impl Noise {
    pub fn new(network: &Network, mut equations: RateEquations, initial: &Initial) -> Noise {
        let (jacobian, in_time) = equations.jacobian();
        let n = in_time.len();
        let pool = &mut equations.frame.pool;
        let variables: Vec<usize> = (0..n).map(|l| symbol::STATE + l).chain([symbol::TIME]).collect();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for (i, row) in jacobian.into_iter().enumerate() {
            for (j, id) in row.into_iter().enumerate() {
                first.push(((i, j), id));
                if pool.constant(id).is_none() {
                    variables.iter().enumerate().for_each(|(l, v)| second.push(((i, j, l), pool.derivative(id, *v))));
                }
            }
        }
        let zero = pool.number(0.0);
        let mut table = vec![zero; n * n];
        for reaction in &network.reactions {
            let change = reaction.change();
            for (i, a) in &change {
                for (j, b) in change.iter().filter(|(j, _)| j <= i) {
                    let term = pool.scale((a * b) as f64, reaction.macroscopic);
                    table[i * n + j] = pool.add(table[i * n + j], term);
                }
            }
        }
        let (mut noise, mut noise_slopes) = (Vec::new(), Vec::new());
        for (at, id) in table.into_iter().enumerate().filter(|(_, id)| *id != zero) {
            noise.push(((at / n, at % n), id));
            for (l, v) in variables.iter().enumerate() {
                noise_slopes.push(((at / n, at % n, l), pool.derivative(id, *v)));
            }
        }
        let in_time: Vec<(usize, Id)> = in_time.into_iter().enumerate().collect();
        let lanes: Vec<usize> = (0..n).map(|i| symbol::STATE + i).collect();
        let sizes = sizes(initial.start);
        // A variance is of the size of a mean.
        let of_noise = (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| (sizes[i] * sizes[j]).sqrt());
        Noise {
            n,
            drift: Tape::compile(pool, &equations.drift, &lanes),
            scratch: Scratch::default(),
            first: Sparse::new(pool, first, &lanes),
            second: Sparse::new(pool, second, &lanes),
            noise: Sparse::new(pool, noise, &lanes),
            noise_slopes: Sparse::new(pool, noise_slopes, &lanes),
            in_time: Sparse::new(pool, in_time, &lanes),
            symbols: equations.frame.symbols(initial.theta, f64::NAN),
            tolerance: initial.tolerance,
            absolute: sizes.iter().copied().chain(of_noise).map(|size| initial.tolerance * size).collect(),
        }
    }

    /// Entries of the covariance that a slope `Jᵢⱼ` moves, each as (entry, the covariance it is multiplied with, factor): `(J C + C Jᵀ)ᵢₖ`
    /// has `Jᵢⱼ Cⱼₖ` for every `k`, and where `k = i` twice.
    fn moved(n: usize, i: usize, j: usize) -> impl Iterator<Item = (usize, usize, f64)> {
        (0..n).map(move |k| (place(n, i, k), place(n, j, k), if k == i { 2.0 } else { 1.0 }))
    }
}

impl Equations for Noise {
    fn right(&mut self, y: &DVector<f64>, time: f64) -> DVector<f64> {
        let n = self.n;
        self.symbols[symbol::TIME] = time;
        let x = &y.as_slice()[..n];
        let mut out = DVector::zeros(y.len());
        self.drift.bind(&self.symbols, &mut self.scratch);
        self.drift.run_one(x, &mut out.as_mut_slice()[..n], &mut self.scratch);
        for ((i, j), slope) in self.first.at(&self.symbols, x) {
            Noise::moved(n, i, j).for_each(|(to, from, factor)| out[to] += factor * slope * y[from]);
        }
        for ((i, j), value) in self.noise.at(&self.symbols, x) {
            out[place(n, i, j)] += value;
        }
        out
    }

    fn prepare(&mut self, y: &DVector<f64>, time: f64, shift: f64) -> Option<Prepared> {
        let n = self.n;
        let size = y.len() - n;
        self.symbols[symbol::TIME] = time;
        let x = &y.as_slice()[..n];
        let mut matrix = DMatrix::from_diagonal_element(n, n, shift);
        let mut pairs = DMatrix::from_diagonal_element(size, size, shift);
        for ((i, j), slope) in self.first.at(&self.symbols, x) {
            matrix[(i, j)] -= slope;
            Noise::moved(n, i, j).for_each(|(to, from, factor)| pairs[(to - n, from - n)] -= factor * slope);
        }
        let mut in_time = DVector::zeros(y.len());
        self.in_time.at(&self.symbols, x).for_each(|(i, slope)| in_time[i] = slope);
        // What the covariances take from the means.
        let mut below = DMatrix::zeros(size, n);
        for ((i, j, l), value) in self.second.at(&self.symbols, x) {
            // A slope of a slope of a power at zero is 0/0. A matrix that is not exact costs order, and the step's error tells.
            let value = if value.is_finite() { value } else { 0.0 };
            for (to, from, factor) in Noise::moved(n, i, j) {
                let term = factor * value * y[from];
                if l < n { below[(to - n, l)] += term } else { in_time[to] += term }
            }
        }
        for ((i, j, l), value) in self.noise_slopes.at(&self.symbols, x) {
            let to = place(n, i, j);
            if l < n { below[(to - n, l)] += value } else { in_time[to] += value }
        }
        let numbers = matrix.iter().chain(pairs.iter()).chain(below.iter()).chain(in_time.iter());
        if numbers.into_iter().any(|v| !v.is_finite()) {
            return None;
        }
        let (means, pairs) = (matrix.lu(), pairs.lu());
        let solve = move |r: &DVector<f64>| {
            let state = means.solve(&r.rows(0, n).into_owned())?;
            let rest = pairs.solve(&(r.rows(n, size) + &below * &state))?;
            let mut out = DVector::zeros(r.len());
            out.rows_mut(0, n).copy_from(&state);
            out.rows_mut(n, size).copy_from(&rest);
            Some(out)
        };
        Some(Prepared { solve: Box::new(solve), in_time })
    }

    fn size(&self, error: &DVector<f64>, y: &DVector<f64>, next: &DVector<f64>) -> f64 {
        root_mean_square((error.as_slice(), y.as_slice(), next.as_slice()), &self.absolute, self.tolerance)
    }

    fn typical(&self, y: &DVector<f64>, i: usize) -> f64 {
        let share = if i < self.n { 1e-3 } else { 1.0 };
        self.absolute[i] / self.tolerance.max(1e-300) * share + y[i].abs()
    }
}

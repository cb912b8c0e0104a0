//! The log density as a series in the step, for two or three states with noise in every direction (Aït-Sahalia 2008, Annals of
//! Statistics 36, "Closed-form likelihood expansions for multivariate diffusions", section 4: the irreducible case).
//!
//! With `V = B ρ Bᵀ`, `D = ½ ln det V` and `d = x₁ - x₀`,
//!
//! ```text
//! ln p = -(n/2) ln 2π dt - D(x₁) + C₋₁/dt + C₀ + C₁ dt + C₂ dt²/2
//! ```
//!
//! each `C` a polynomial in `d`. Kolmogorov's forward equation for `ln p`, with `Aⱼ = Σ ∂ᵢVᵢⱼ - aⱼ`, `κ = ½ Σ ∂ᵢ∂ⱼVᵢⱼ - Σ ∂ᵢaᵢ`,
//! `w = V ∇C₋₁` and `g = ∇(C₀ - D)`, is, power by power of the step,
//!
//! ```text
//! C₋₁ = -½ w·∇C₋₁
//! w·∇C₀ = -n/2 - A·∇C₋₁ - ½ V:∇∇C₋₁ + w·∇D
//! C₁ - w·∇C₁ = κ + A·g + ½ V:∇g + ½ g·V g
//! C₂ - ½ w·∇C₂ = A·∇C₁ + ½ V:∇∇C₁ + g·V ∇C₁
//! ```
//!
//! Since `w = -d` to first order, and `d·∇` of a polynomial of degree `p` is `p` times it, every degree follows from those below it
//! by one division. `Cₖ` is kept to degree `2 (K - k)`: with `d = O(√dt)` what is left out is `O(dt^(K + 1/2))`.

use super::JointPairs;
use super::polynomial::Polynomial;
use crate::expr::{Id, Pool, Scratch, Tape, Unary};
use crate::form::Batch;
use crate::process::{Diffusion, symbol};

/// `K`, the power of the step to which the series goes.
const ORDER: usize = 2;
/// What it asks of the coefficients' own Taylor polynomials.
const DEPTH: usize = 2 * ORDER;

/// The series and its gradient, compiled.
#[derive(Debug)]
pub(super) struct Series {
    value: Tape,
    with_gradient: Tape,
    n_params: usize,
}

impl Series {
    /// # Errors
    /// Why the series is not made: more than three states, coefficients that change with time, too long an expression.
    pub fn new(process: &Diffusion) -> Result<Series, String> {
        let n = process.states.len();
        if n > Polynomial::MOST {
            return Err(format!("it has {n} states, and the series is written for {} at most", Polynomial::MOST));
        }
        if process.is_time_dependent() {
            return Err("its coefficients change with time, and the series is of one clock".to_string());
        }
        let mut pool = process.frame.pool.clone();
        // The names cannot be typed, so no model text can use them.
        let ends: Vec<usize> = (0..n).map(|i| pool.add_symbol(&format!("#end.{i}"))).collect();
        let density = log_density(process, &mut pool, &ends);
        let params: Vec<usize> = (0..process.frame.n_params).map(|k| process.frame.param(k)).collect();
        let mut outputs = vec![density];
        outputs.extend(pool.gradient(density, &params));
        if pool.is_full() {
            return Err("its series is too long an expression".to_string());
        }
        let mut lanes: Vec<usize> = (0..n).map(|i| process.frame.variable(i)).collect();
        lanes.push(symbol::STEP);
        lanes.extend(&ends);
        Ok(Series {
            value: Tape::compile(&pool, &outputs[..1], &lanes),
            with_gradient: Tape::compile(&pool, &outputs, &lanes),
            n_params: params.len(),
        })
    }

    /// As [`super::JointTransitions::log_density`]. Cost O(n), one pass of a tape.
    pub fn log_density(&self, symbols: &[f64], pairs: &JointPairs, gradient: bool) -> Batch {
        let (tape, columns) = if gradient { (&self.with_gradient, 1 + self.n_params) } else { (&self.value, 1) };
        let mut symbols = symbols.to_vec();
        symbols.resize(symbols.len() + pairs.x1.len(), f64::NAN);
        let starts = pairs.x0.iter().map(Vec::as_slice);
        let inputs: Vec<&[f64]> =
            starts.chain([pairs.dt.as_slice()]).chain(pairs.x1.iter().map(Vec::as_slice)).collect();
        let mut out = vec![vec![0.0; pairs.len()]; columns];
        let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        tape.run(&symbols, &inputs, &mut slices, &mut Scratch::default());
        let mut columns = out.into_iter();
        let mut value = columns.next().unwrap_or_default();
        let mut slopes: Vec<Vec<f64>> = columns.collect();
        for (i, v) in value.iter_mut().enumerate().filter(|(_, v)| !v.is_finite()) {
            *v = f64::NEG_INFINITY;
            slopes.iter_mut().for_each(|column| column[i] = 0.0);
        }
        Batch { value, gradient: slopes }
    }
}

/// The lower triangle of `V` by rows.
pub(super) fn noise(process: &Diffusion, pool: &mut Pool) -> Vec<Id> {
    let n = process.states.len();
    (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| process.covariance(pool, i, j)).collect()
}

fn log_density(process: &Diffusion, pool: &mut Pool, ends: &[usize]) -> Id {
    let n = process.states.len();
    let triangle = noise(process, pool);
    let covariance: Vec<Vec<Id>> =
        (0..n).map(|i| (0..n).map(|j| triangle[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)]).collect()).collect();
    let all: Vec<usize> = (0..n).collect();
    let determinant = minor(pool, &covariance, &all, &all);
    let log = pool.unary(Unary::Log, determinant);
    let half_log = pool.scale(0.5, log);
    let symbols: Vec<usize> = (0..n).map(|i| process.frame.variable(i)).collect();
    // V⁻¹ by cofactors.
    let precision: Vec<Vec<Id>> = (0..n)
        .map(|i| {
            (0..n)
                .map(|j| {
                    let rows: Vec<usize> = all.iter().copied().filter(|k| *k != i).collect();
                    let columns: Vec<usize> = all.iter().copied().filter(|k| *k != j).collect();
                    let cofactor = minor(pool, &covariance, &rows, &columns);
                    let signed = pool.scale(if (i + j) % 2 == 0 { 1.0 } else { -1.0 }, cofactor);
                    pool.div(signed, determinant)
                })
                .collect()
        })
        .collect();
    let mut taylor = |id: Id| Polynomial::taylor(pool, id, &symbols, DEPTH);
    let local = Local {
        drift: process.drift.iter().map(|a| taylor(*a)).collect(),
        noise: covariance.iter().map(|row| row.iter().map(|v| taylor(*v)).collect()).collect(),
        log_size: taylor(half_log),
    };
    let coefficients = coefficients(pool, &local, &precision);
    let displacements: Vec<Id> = symbols
        .iter()
        .zip(ends)
        .map(|(from, to)| {
            let (from, to) = (pool.symbol_at(*from), pool.symbol_at(*to));
            pool.sub(to, from)
        })
        .collect();
    let moved: Vec<(usize, Id)> = symbols.iter().zip(ends).map(|(from, to)| (*from, pool.symbol_at(*to))).collect();
    let size = pool.substitute(half_log, &moved);
    let dt = pool.symbol_at(symbol::STEP);
    let circle = pool.scale(2.0 * std::f64::consts::PI, dt);
    let log = pool.unary(Unary::Log, circle);
    let spread = pool.scale(-0.5 * n as f64, log);
    let mut sum = pool.sub(spread, size);
    let mut factorial = 1.0;
    for (k, c) in coefficients.iter().enumerate() {
        let value = c.at(pool, &displacements);
        let term = match k {
            0 => pool.div(value, dt),
            _ => {
                factorial *= (k - 1).max(1) as f64;
                let power = pool.power(dt, k as i32 - 1);
                let share = pool.scale(1.0 / factorial, power);
                pool.mul(value, share)
            }
        };
        sum = pool.add(sum, term);
    }
    sum
}

/// The determinant of some rows and columns, by the first row.
fn minor(pool: &mut Pool, matrix: &[Vec<Id>], rows: &[usize], columns: &[usize]) -> Id {
    let Some((first, rest)) = rows.split_first() else { return pool.number(1.0) };
    let mut sum = pool.number(0.0);
    for (k, column) in columns.iter().enumerate() {
        let others: Vec<usize> = columns.iter().copied().filter(|c| c != column).collect();
        let below = minor(pool, matrix, rest, &others);
        let product = pool.mul(matrix[*first][*column], below);
        sum = if k % 2 == 0 { pool.add(sum, product) } else { pool.sub(sum, product) };
    }
    sum
}

/// Taylor polynomials at the start of the step.
struct Local {
    drift: Vec<Polynomial>,
    noise: Vec<Vec<Polynomial>>,
    /// `D`
    log_size: Polynomial,
}

/// `C₋₁, C₀, C₁, C₂`.
fn coefficients(pool: &mut Pool, local: &Local, precision: &[Vec<Id>]) -> Vec<Polynomial> {
    let n = local.drift.len();
    let work = Work { noise: &local.noise };
    // C₋₁, its gradient and w, degree by degree.
    let top = DEPTH + 2;
    let (mut gradient, mut first) = (vec![Polynomial::default(); n], Polynomial::default());
    for i in 0..n {
        for j in 0..n {
            let minus = pool.scale(-1.0, precision[i][j]);
            let line = Polynomial::displacement(pool, j, minus);
            gradient[i].add(pool, 1.0, &line);
        }
        let one = pool.number(0.5);
        let half = Polynomial::displacement(pool, i, one);
        first.add_product(pool, 1.0, (&half, &gradient[i]), (2, 2));
    }
    let mut flow = work.applied(pool, &gradient, (1, 1));
    for degree in 3..=top {
        // The part of w that C₋₁ of this degree has no part in.
        let partial = work.applied(pool, &gradient, (degree - 1, degree - 1));
        let mut known = Polynomial::default();
        for i in 0..n {
            let mut both = flow[i].clone();
            both.add(pool, 1.0, &partial[i]);
            known.add_product(pool, 0.5 / (degree - 1) as f64, (&both, &gradient[i]), (degree, degree));
        }
        for (i, gradient) in gradient.iter_mut().enumerate() {
            let slope = known.slope(pool, i);
            gradient.add(pool, 1.0, &slope);
        }
        for (flow, more) in flow.iter_mut().zip(work.applied(pool, &gradient, (degree - 1, degree - 1))) {
            flow.add(pool, 1.0, &more);
        }
        first.add(pool, 1.0, &known);
    }
    // A and κ.
    let mut pull = Vec::with_capacity(n);
    let mut source = Polynomial::default();
    for j in 0..n {
        let mut sum = Polynomial::default();
        sum.add(pool, -1.0, &local.drift[j]);
        let spread = local.drift[j].slope(pool, j);
        source.add(pool, -1.0, &spread);
        for i in 0..n {
            let slope = local.noise[i][j].slope(pool, i);
            sum.add(pool, 1.0, &slope);
            let bend = slope.slope(pool, j);
            source.add(pool, 0.5, &bend);
        }
        pull.push(sum);
    }
    let slopes = |pool: &mut Pool, of: &Polynomial| -> Vec<Polynomial> { (0..n).map(|i| of.slope(pool, i)).collect() };
    // C₀
    let mut right = Polynomial::constant(pool, -0.5 * n as f64);
    work.add_generator(pool, &mut right, -1.0, (&pull, &gradient), DEPTH);
    let size_slopes = slopes(pool, &local.log_size);
    add_dot(pool, &mut right, 1.0, (&flow, &size_slopes), (0, DEPTH));
    let mut zeroth = Polynomial::default();
    for degree in 1..=DEPTH {
        let known = slopes(pool, &zeroth);
        let mut part = Polynomial::default();
        add_dot(pool, &mut part, 1.0, (&flow, &known), (degree, degree));
        let right = right.part(degree);
        part.add(pool, -1.0, &right);
        zeroth.add(pool, 1.0 / degree as f64, &part);
    }
    let mut tilted = zeroth.clone();
    tilted.add(pool, -1.0, &local.log_size);
    let tilt = slopes(pool, &tilted);
    let mut all = vec![first, zeroth];
    // C₁ and on.
    for k in 1..=ORDER {
        let most = DEPTH - 2 * k;
        let mut right = Polynomial::default();
        let along = work.applied(pool, &tilt, (0, most));
        if k == 1 {
            right.add(pool, 1.0, &source);
            work.add_generator(pool, &mut right, 1.0, (&pull, &tilt), most);
            add_dot(pool, &mut right, 0.5, (&along, &tilt), (0, most));
        } else {
            let last = slopes(pool, &all[k]);
            work.add_generator(pool, &mut right, 1.0, (&pull, &last), most);
            add_dot(pool, &mut right, 1.0, (&along, &last), (0, most));
        }
        let mut made = Polynomial::default();
        for degree in 0..=most {
            let known = slopes(pool, &made);
            let mut part = right.part(degree);
            add_dot(pool, &mut part, 1.0 / k as f64, (&flow, &known), (degree, degree));
            made.add(pool, 1.0 / (1.0 + degree as f64 / k as f64), &part);
        }
        all.push(made);
    }
    all
}

struct Work<'a> {
    noise: &'a [Vec<Polynomial>],
}

impl Work<'_> {
    /// `V u`
    fn applied(&self, pool: &mut Pool, u: &[Polynomial], degrees: (usize, usize)) -> Vec<Polynomial> {
        self.noise
            .iter()
            .map(|row| {
                let mut sum = Polynomial::default();
                row.iter().zip(u).for_each(|(v, u)| sum.add_product(pool, 1.0, (v, u), degrees));
                sum
            })
            .collect()
    }

    /// `sum += factor (A·u + ½ V:∇u)` to a degree.
    fn add_generator(
        &self,
        pool: &mut Pool,
        sum: &mut Polynomial,
        factor: f64,
        (pull, u): (&[Polynomial], &[Polynomial]),
        most: usize,
    ) {
        add_dot(pool, sum, factor, (pull, u), (0, most));
        for (i, row) in self.noise.iter().enumerate() {
            for (v, u) in row.iter().zip(u) {
                let bend = u.slope(pool, i);
                sum.add_product(pool, 0.5 * factor, (v, &bend), (0, most));
            }
        }
    }
}

/// `sum += factor u·v`, some degrees of it.
fn add_dot(
    pool: &mut Pool,
    sum: &mut Polynomial,
    factor: f64,
    (u, v): (&[Polynomial], &[Polynomial]),
    degrees: (usize, usize),
) {
    u.iter().zip(v).for_each(|(u, v)| sum.add_product(pool, factor, (u, v), degrees));
}

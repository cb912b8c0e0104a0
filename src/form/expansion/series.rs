//! The log density as a series in the step, for any text.
//!
//! In `y = ∫ dx/b` the noise is one and the drift `μ = a/b - ½ b'`. By Girsanov's formula the density of `y` is that of Brownian motion times
//! `exp(∫ μ dy)` times the mean of `exp(∫ λ dt)` over Brownian bridges, `λ = -½ (μ² + μ')` (Dacunha-Castelle & Florens-Zmirou 1986,
//! Lemma 1). Its cumulants along the straight way from `y0` to `y1`, `q` from 0 to 1, are the series of Aït-Sahalia (2002, Econometrica 70,
//! eq. 2.13 and 2.14) in its logarithm (2008, Annals of Statistics 36, section 3), summed in `y1 - y0` instead of expanded:
//!
//! ```text
//! ln p = -½ ln 2π dt - (y1-y0)²/(2 dt) + ∫ μ dy - ln b(x1)
//!        + dt ∫ λ dq + dt²/2 ∫ q(1-q) λ'' dq + dt³ (⅛ ∫ q²(1-q)² λ'''' dq + ½ Var_q ∫₀^q λ' dq)
//! ```
//!
//! What is left out is of order dt⁴. The derivatives are Taylor coefficients ([`Pool::jets`]).

use super::formula::{formula, weighted};
use super::gaussian::kessler;
use super::lamperti::log_size;
use super::legendre::Rule;
use super::segment::{Local, local, segment};
use super::{Symbols, Written};
use crate::expr::{Id, Pool};
use crate::process::{Scalar, symbol};

/// Nodes along the way for `1/b`, `μ` and `λ`.
const NODES: usize = 8;
/// Nodes for the derivatives of `λ`, which carry a power of the step.
const FEW: usize = 3;

/// `b f'` of Taylor coefficients: the derivative in `y`, one coefficient shorter.
fn along(pool: &mut Pool, b: &[Id], f: &[Id]) -> Vec<Id> {
    let slope: Vec<Id> = f.iter().enumerate().skip(1).map(|(k, c)| pool.scale(k as f64, *c)).collect();
    product(pool, b, &slope, slope.len())
}

/// The first coefficients of a product.
fn product(pool: &mut Pool, a: &[Id], b: &[Id], length: usize) -> Vec<Id> {
    let coefficient = |n: usize| {
        let mut sum = pool.number(0.0);
        for k in 0..=n {
            let term = pool.mul(a[k], b[n - k]);
            sum = pool.add(sum, term);
        }
        sum
    };
    (0..length).map(coefficient).collect()
}

/// Taylor coefficients of `λ`: as many as of `a`, less one.
fn potential(pool: &mut Pool, at: &Local) -> Vec<Id> {
    let Local { a, b } = at;
    let mut drift: Vec<Id> = Vec::new();
    for (n, top) in a.iter().enumerate() {
        // (a/b)_n by division, and -½ (b')_n.
        let mut left = *top;
        for k in 1..=n {
            let term = pool.mul(b[k], drift[n - k]);
            left = pool.sub(left, term);
        }
        drift.push(pool.div(left, b[0]));
    }
    let drift: Vec<Id> = drift
        .into_iter()
        .enumerate()
        .map(|(n, quotient)| {
            let bend = pool.scale(0.5 * (n + 1) as f64, b[n + 1]);
            pool.sub(quotient, bend)
        })
        .collect();
    let (square, slope) = (product(pool, &drift, &drift, drift.len() - 1), along(pool, b, &drift));
    square
        .into_iter()
        .zip(slope)
        .map(|(square, slope)| {
            let sum = pool.add(square, slope);
            pool.scale(-0.5, sum)
        })
        .collect()
}

/// `Σ_k weight[k][j] value_k` with weights that are expressions, for each `j` of a table.
fn folded(pool: &mut Pool, weights: &[Id], table: &[Vec<f64>]) -> Vec<Id> {
    (0..FEW)
        .map(|j| {
            let column: Vec<f64> = table.iter().map(|row| row[j]).collect();
            weighted(pool, &column, weights)
        })
        .collect()
}

fn dot(pool: &mut Pool, a: &[Id], b: &[Id]) -> Id {
    let mut sum = pool.number(0.0);
    for (a, b) in a.iter().zip(b) {
        let term = pool.mul(*a, *b);
        sum = pool.add(sum, term);
    }
    sum
}

/// The series to `order` 1, 2 or 3 in the step; its moments are Kessler's.
pub(super) fn series(pool: &mut Pool, process: &Scalar, at: &Symbols, order: usize) -> Written {
    let rule = Rule::new(NODES);
    let way = segment(pool, process.state, at.x0, at.x1, &rule.nodes);
    let (mut clocks, mut pulls, mut lambda) = (Vec::new(), Vec::new(), Vec::new());
    for (x, speed) in way.states.iter().zip(&way.speeds) {
        let here = local(pool, process, *x, 1);
        let clock = pool.div(*speed, here.b[0]);
        pulls.push(formula(pool, "clock*a/b", &[("clock", clock), ("a", here.a[0]), ("b", here.b[0])]));
        clocks.push(clock);
        lambda.push(potential(pool, &here)[0]);
    }
    // y1 - y0 = length × clock, where the clock never vanishes.
    let clock = weighted(pool, &rule.weights, &clocks);
    let pull = weighted(pool, &rule.weights, &pulls);
    let ratios: Vec<Id> = clocks.iter().map(|c| pool.div(*c, clock)).collect();
    let shares: Vec<Id> = ratios.iter().zip(&rule.weights).map(|(r, w)| pool.scale(*w, *r)).collect();
    let mut sum = dot(pool, &shares, &lambda);
    if order >= 2 {
        let few = Rule::new(FEW);
        let table = few.interpolation(&rule.nodes);
        let integrals = rule.integrals();
        let places: Vec<Id> = integrals.iter().map(|row| weighted(pool, row, &ratios)).collect();
        let bridge: Vec<Id> = places.iter().map(|q| formula(pool, "q*(1 - q)", &[("q", *q)])).collect();
        let stops = segment(pool, process.state, at.x0, at.x1, &few.nodes);
        // λ', λ'' and λ'''' in y at the few nodes.
        let depth = if order >= 3 { 4 } else { 2 };
        let mut derivatives: Vec<Vec<Id>> = vec![Vec::new(); depth + 1];
        for x in &stops.states {
            let here = local(pool, process, *x, depth + 1);
            let mut jet = potential(pool, &here);
            for row in &mut derivatives {
                row.push(jet[0]);
                jet = along(pool, &here.b, &jet);
            }
        }
        let weights: Vec<Id> = shares.iter().zip(&bridge).map(|(s, b)| pool.mul(*s, *b)).collect();
        let few_weights = folded(pool, &weights, &table);
        let second = dot(pool, &few_weights, &derivatives[2]);
        sum = formula(pool, "sum + 0.5*dt*second", &[("sum", sum), ("dt", at.dt), ("second", second)]);
        if order >= 3 {
            let weights: Vec<Id> = weights.iter().zip(&bridge).map(|(s, b)| pool.mul(*s, *b)).collect();
            let few_weights = folded(pool, &weights, &table);
            let fourth = dot(pool, &few_weights, &derivatives[4]);
            let slopes: Vec<Id> = table
                .iter()
                .zip(&ratios)
                .map(|(row, ratio)| {
                    let slope = weighted(pool, row, &derivatives[1]);
                    pool.mul(*ratio, slope)
                })
                .collect();
            let sums: Vec<Id> = integrals.iter().map(|row| weighted(pool, row, &slopes)).collect();
            let mean = dot(pool, &shares, &sums);
            let squares: Vec<Id> = sums.iter().map(|s| formula(pool, "(s - m)^2", &[("s", *s), ("m", mean)])).collect();
            let spread = dot(pool, &shares, &squares);
            let names = [("sum", sum), ("dt", at.dt), ("fourth", fourth), ("spread", spread)];
            sum = formula(pool, "sum + dt^2*(fourth/8 + 0.5*spread)", &names);
        }
    }
    let b1 = pool.jets(&[process.diffusion], symbol::STATE, at.x1, 0)[0][0];
    let log_b1 = log_size(pool, process.diffusion, b1);
    let names = [
        ("b0", process.diffusion),
        ("b1", b1),
        ("log_b1", log_b1),
        ("d", way.length),
        ("clock", clock),
        ("pull", pull),
        ("dt", at.dt),
        ("sum", sum),
    ];
    let text = "dt*sum + d*pull - 0.5*log(b1/b0) - log_b1 - 0.5*(log(2*pi*dt) + (d*clock)^2/dt)";
    let log_density = formula(pool, text, &names);
    let (mean, variance) = kessler(pool, process, false);
    Written { mean, variance, log_density, scores: Vec::new() }
}

//! One row's step on the mesh: from which place to which with what probability, and the law of the level's move given both.
//!
//! Given the latent's places `v`, `v'` at both ends of a step, the level moves by a normal amount of mean
//! `G(v') - G(v) + ½ dt (a - D)(v) + ½ dt (a - D)(v')` and variance `½ dt R(v) + ½ dt R(v')`: what the latent's own noise carries is told
//! by Itô's formula for `G = ∫ S_yv/S_vv dv`, and time integrals are taken by the trapezoid rule, whose error has mean zero to dt²
//! (Broadie & Kaya 2006, section 3, with Andersen's 2008, eq. 11 and 33, central rule). Jumps come on top, by their number. Student's innovations
//! have that mean and variance too.

use super::mesh::{Mesh, gauss_places};
use super::shape::{Rates, Shape};
use super::student::ln_constant;
use crate::base::math;
use crate::form::Pairs;
use crate::process::chart::GAUSS;

/// Log probability, against the likeliest move, below which a move is left out: 1e-13.
const DEPTH: f64 = 30.0;
/// Probability of more jumps in a row than are counted.
const UNCOUNTED: f64 = 1e-10;
/// Most jumps of one row that are told apart.
const MOST_JUMPS: usize = 12;

/// Which moves are looked at from each place, and how many jumps in one: settled once.
#[derive(Debug, Clone)]
pub(super) struct Band {
    pub dt: f64,
    /// `[place]`: first place and number of places of the moves from there.
    pub moves: Vec<(usize, usize)>,
    /// Numbers of jumps looked at: 0 … this less one.
    pub counts: usize,
}

/// The law of one move.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub ln_p: f64,
    pub mean: f64,
    pub variance: f64,
    /// Expected number of jumps, and mean and variance of one.
    pub jumps: f64,
    pub jump_mean: f64,
    pub jump_variance: f64,
}

/// All moves at one parameter value.
#[derive(Debug, Clone)]
pub(super) struct Moves {
    /// Place after place, in the order of [`Band::moves`].
    pub list: Vec<Move>,
    /// `[place]`: by how much the probabilities of the moves from there missed one before they were scaled.
    pub defect: Vec<f64>,
    /// Degrees of freedom of the level's move given both places; `None` where it is normal.
    pub degrees: Option<f64>,
}

/// `ln p(r | move) = c0 + c1 r + c2 r²` with the probability of the move and of the number of jumps in `c0`: blocks of moves from one
/// place with one number of jumps. Of Student's law with a power `c0 - power ln(1 + (c1 r - c2)²)`.
#[derive(Debug, Clone, Default)]
pub(super) struct Coefficients {
    pub c0: Vec<f64>,
    pub c1: Vec<f64>,
    pub c2: Vec<f64>,
    pub power: Option<f64>,
}

impl Band {
    /// All moves that matter over `dt` at `theta`; `None` where the density is none.
    pub fn new(shape: &Shape, mesh: &Mesh, theta: &[f64], dt: f64) -> Option<Band> {
        let n = mesh.len();
        let mut moves = Vec::with_capacity(n);
        // Ten standard deviations and what a drift may carry; expansions are no densities further out.
        let window = (10.0 * dt.sqrt() / mesh.spacing).ceil() as usize + 10;
        for from in 0..n {
            let near = from.saturating_sub(window)..(from + window + 1).min(n);
            let pairs = Pairs {
                x0: vec![mesh.places[from]; near.len()],
                x1: mesh.places[near.clone()].to_vec(),
                dt: vec![dt; near.len()],
                t0: vec![0.0; near.len()],
            };
            let logs = shape.step.log_density(theta, &pairs);
            let logs: Vec<f64> = logs.iter().zip(&mesh.widths[near.clone()]).map(|(l, w)| l + math::ln(*w)).collect();
            let top = logs.iter().copied().filter(|l| l.is_finite()).fold(f64::NEG_INFINITY, f64::max);
            let peak = logs.iter().position(|l| *l == top)?;
            let matters = |k: &usize| logs[*k] > top - DEPTH;
            let first = (0..peak).rev().take_while(matters).last().unwrap_or(peak);
            let last = (peak..logs.len()).take_while(matters).last().unwrap_or(peak);
            moves.push((near.start + first, last - first + 1));
        }
        let rate = shape.rates(theta, &mesh.places).iter().map(|r| r.jump_rate).fold(0.0, f64::max);
        let counts = if shape.jumps { counts(rate * dt) } else { 1 };
        Some(Band { dt, moves, counts })
    }
}

/// Jump counts that leave out [`UNCOUNTED`], with as many again to spare for parameters that move.
fn counts(mean: f64) -> usize {
    let mut term = math::exp(-mean);
    let mut left = 1.0 - term;
    let mut n = 1;
    while left > UNCOUNTED && n < MOST_JUMPS {
        term *= mean / n as f64;
        left -= term;
        n += 1;
    }
    (n + 2).min(MOST_JUMPS)
}

/// What both ends `[path]` of the latent's step tell of the level's move: its mean.
pub(super) fn told(shape: &Shape, theta: &[f64], dt: f64, from: &[f64], to: &[f64]) -> Vec<f64> {
    let [here, there] = [from, to].map(|places| shape.rates(theta, places));
    let inner: Vec<f64> = from.iter().zip(to).flat_map(|(a, b)| gauss_places(*a, *b)).collect();
    let shares = shape.rates(theta, &inner);
    let each = from.iter().zip(to).zip(here.iter().zip(&there)).zip(shares.chunks(2 * GAUSS.len()));
    each.map(|(((a, b), (here, there)), shares)| {
        let pairs = shares.chunks(2).zip(GAUSS).map(|(r, (_, weight))| weight * (r[0].share + r[1].share));
        0.5 * (b - a) * pairs.sum::<f64>() + 0.5 * dt * (here.drift + there.drift)
    })
    .collect()
}

impl Moves {
    /// The moves of a band at `theta`; `None` where a rate is not finite, a variance not positive, or a place cannot be left.
    pub fn new(shape: &Shape, mesh: &Mesh, band: &Band, theta: &[f64]) -> Option<Moves> {
        let rates = shape.rates(theta, &mesh.places);
        let finite = |r: &Rates| {
            let all = [r.drift, r.variance, r.share, r.jump_rate, r.jump_mean, r.jump_variance];
            all.iter().all(|v| v.is_finite()) && r.variance > 0.0 && r.jump_rate >= 0.0
        };
        let degrees = shape.degrees(theta);
        if !rates.iter().all(finite) || degrees.is_some_and(|nu| !(nu > 2.0 && nu.is_finite())) {
            return None;
        }
        let shared = mesh.integral(shape, theta, |r| r.share);
        let mut pairs = Pairs::default();
        for (from, (first, count)) in band.moves.iter().enumerate() {
            pairs.x0.extend(std::iter::repeat_n(mesh.places[from], *count));
            pairs.x1.extend(&mesh.places[*first..first + count]);
        }
        pairs.dt = vec![band.dt; pairs.x0.len()];
        pairs.t0 = vec![0.0; pairs.x0.len()];
        let logs = shape.step.log_density(theta, &pairs);
        let half = 0.5 * band.dt;
        let mut list = Vec::with_capacity(logs.len());
        let mut defect = Vec::with_capacity(mesh.len());
        for (from, (first, count)) in band.moves.iter().enumerate() {
            let here = &logs[list.len()..list.len() + count];
            let widths = &mesh.widths[*first..first + count];
            let masses: Vec<f64> = here.iter().zip(widths).map(|(l, w)| math::exp(*l) * w).collect();
            let total: f64 = masses.iter().sum();
            if !(total > 0.0 && total.is_finite()) {
                return None;
            }
            defect.push((total - 1.0).abs());
            let ln_total = math::ln(total);
            let r = &rates[from];
            for (k, to) in (*first..first + count).enumerate() {
                let s = &rates[to];
                list.push(Move {
                    ln_p: here[k] + math::ln(widths[k]) - ln_total,
                    mean: shared[to] - shared[from] + half * (r.drift + s.drift),
                    variance: half * (r.variance + s.variance),
                    jumps: half * (r.jump_rate + s.jump_rate),
                    jump_mean: 0.5 * (r.jump_mean + s.jump_mean),
                    jump_variance: 0.5 * (r.jump_variance + s.jump_variance),
                });
            }
        }
        Some(Moves { list, defect, degrees })
    }

    /// As exponents in the level's move: from each place, for each number of jumps, all moves.
    pub fn coefficients(&self, band: &Band) -> Coefficients {
        let mut out = Coefficients::default();
        if let Some(nu) = self.degrees {
            let constant = ln_constant(nu);
            let scale = |m: &Move| 1.0 / ((nu - 2.0) * m.variance).sqrt();
            out.power = Some(0.5 * (nu + 1.0));
            out.c0 = self.list.iter().map(|m| m.ln_p + constant - 0.5 * math::ln(m.variance)).collect();
            out.c1 = self.list.iter().map(scale).collect();
            out.c2 = self.list.iter().zip(&out.c1).map(|(m, scale)| m.mean * scale).collect();
            return out;
        }
        let size = self.list.len() * band.counts;
        [&mut out.c0, &mut out.c1, &mut out.c2].into_iter().for_each(|c| c.reserve(size));
        let mut at = 0;
        for (_, count) in &band.moves {
            for jumps in 0..band.counts {
                for m in &self.list[at..at + count] {
                    let n = jumps as f64;
                    let mean = m.mean + n * m.jump_mean;
                    let variance = m.variance + n * m.jump_variance;
                    let precision = 1.0 / variance;
                    out.c0
                        .push(m.ln_p + m.ln_count(jumps) - 0.5 * (mean * mean * precision + math::ln(TAU * variance)));
                    out.c1.push(mean * precision);
                    out.c2.push(-0.5 * precision);
                }
            }
            at += count;
        }
        out
    }
}

const TAU: f64 = std::f64::consts::TAU;

impl Move {
    /// Log probability of this number of jumps.
    pub fn ln_count(&self, jumps: usize) -> f64 {
        if self.jumps > 0.0 {
            jumps as f64 * math::ln(self.jumps) - self.jumps - math::ln_gamma(jumps as f64 + 1.0)
        } else if jumps == 0 {
            0.0
        } else {
            f64::NEG_INFINITY
        }
    }

    /// The number of jumps of a uniform number, by inversion.
    pub fn jumps_at(&self, u: f64) -> f64 {
        let mut term = math::exp(-self.jumps);
        let (mut below, mut n) = (term, 0.0);
        while below < u && term > 0.0 && n < 1e3 {
            n += 1.0;
            term *= self.jumps / n;
            below += term;
        }
        n
    }
}

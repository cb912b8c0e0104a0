//! One row's step on the mesh: from which place to which with what probability, and the law of the level's move given both.
//!
//! Given the latent's places `v`, `v'` at both ends of a step, the level moves by a normal amount of mean
//! `G(v') - G(v) + ½ dt (a - D)(v) + ½ dt (a - D)(v')` and variance `½ dt R(v) + ½ dt R(v')`: what the latent's own noise carries is told
//! by Itô's formula for `G = ∫ S_yv/S_vv dv`, and time integrals are taken by the trapezoid rule, whose error has mean zero to dt²
//! (Broadie & Kaya 2006, section 3, with Andersen's 2008, eq. 11 and 33, central rule). A row within which the latent state forgets is made of
//! shorter parts. Jumps come on top, by their number. Student's innovations have that mean and variance too.

use super::composed::{self, Banded, Row};
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

/// Halvings of a row that parameters may ask for beyond those it was settled with.
const MORE: u32 = 2;

/// Which moves are looked at from each place, and how many jumps in one: settled once.
#[derive(Debug, Clone)]
pub(super) struct Band {
    pub dt: f64,
    /// `[place]`: first place and number of places of the moves from there.
    pub moves: Vec<(usize, usize)>,
    /// Of a row within which the latent state forgets.
    parts: Option<Parts>,
    /// Numbers of jumps looked at: 0 … this less one.
    pub counts: usize,
}

/// How a row is made of `2^halvings` equal parts.
#[derive(Debug, Clone)]
struct Parts {
    halvings: u32,
    /// `[place]`: as of the band, in one part.
    moves: Vec<(usize, usize)>,
}

/// The law of one move.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub ln_p: f64,
    pub mean: f64,
    pub variance: f64,
    /// Standard deviation of the noise's variance given both places, as a share of it, and what the level moves more where that variance is
    /// twice its mean: of [`composed::mixed`], zero in a row of one part.
    pub spread: f64,
    pub lean: f64,
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

/// `ln p(r | move) = c0 + c1 r + c2 r²` with the probability of the move, of the number of jumps and of the variance in `c0`: blocks of moves
/// from one place with one number of jumps and one of the variances. Of Student's law with a power `c0 - power ln(1 + (c1 r - c2)²)`.
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
        let rates = shape.rates(theta, &mesh.places);
        let halvings = mesh.halvings(shape, theta, dt);
        let (moves, parts) = match halvings {
            0 => (near(shape, mesh, theta, dt)?, None),
            _ => {
                let parts = Parts { halvings, moves: near(shape, mesh, theta, composed::part(dt, halvings))? };
                let whole = parts.joined(shape, mesh, theta, dt, &rates)?.0;
                let band = |row: &Row| {
                    let logs: Vec<f64> = row.probabilities().iter().map(|p| math::ln(*p)).collect();
                    deep(&logs).map(|(from, count)| (row.first + from, count))
                };
                (whole.rows.iter().map(band).collect::<Option<_>>()?, Some(parts))
            }
        };
        let rate = rates.iter().map(|r| r.jump_rate).fold(0.0, f64::max);
        let counts = if shape.jumps { counts(rate * dt) } else { 1 };
        Some(Band { dt, moves, parts, counts })
    }

    /// Variances told apart in each move.
    pub fn sides(&self) -> usize {
        if self.parts.is_some() { 2 } else { 1 }
    }

    /// Blocks of moves from each place.
    pub fn blocks(&self) -> usize {
        self.counts * self.sides()
    }
}

/// From each place the moves that matter in one step of the latent's density.
fn near(shape: &Shape, mesh: &Mesh, theta: &[f64], dt: f64) -> Option<Vec<(usize, usize)>> {
    let n = mesh.len();
    // Ten standard deviations and what a drift may carry; expansions are no densities further out.
    let window = (10.0 * dt.sqrt() / mesh.spacing).ceil() as usize + 10;
    let one = |from: usize| {
        let near = from.saturating_sub(window)..(from + window + 1).min(n);
        let logs = ln_masses(shape, mesh, theta, dt, &[(near.start, near.len())], from);
        deep(&logs).map(|(first, count)| (near.start + first, count))
    };
    (0..n).map(one).collect()
}

/// The entries around the largest that are within [`DEPTH`] of it.
fn deep(logs: &[f64]) -> Option<(usize, usize)> {
    let top = logs.iter().copied().filter(|l| l.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    let peak = logs.iter().position(|l| *l == top)?;
    let matters = |k: &usize| logs[*k] > top - DEPTH;
    let first = (0..peak).rev().take_while(matters).last().unwrap_or(peak);
    let last = (peak..logs.len()).take_while(matters).last().unwrap_or(peak);
    Some((first, last - first + 1))
}

/// Log probabilities of the moves of a band whose first row is of place `from`.
fn ln_masses(shape: &Shape, mesh: &Mesh, theta: &[f64], dt: f64, moves: &[(usize, usize)], from: usize) -> Vec<f64> {
    let mut pairs = Pairs::default();
    for (place, (first, count)) in (from..).zip(moves) {
        pairs.x0.extend(std::iter::repeat_n(mesh.places[place], *count));
        pairs.x1.extend(&mesh.places[*first..first + count]);
    }
    pairs.dt = vec![dt; pairs.x0.len()];
    pairs.t0 = vec![0.0; pairs.x0.len()];
    let widths = moves.iter().flat_map(|(first, count)| &mesh.widths[*first..first + count]);
    shape.step.log_density(theta, &pairs).iter().zip(widths).map(|(l, w)| l + math::ln(*w)).collect()
}

/// The sum of the probabilities of the moves from each place; `None` where one cannot be left.
fn totals(ln_masses: &[f64], moves: &[(usize, usize)]) -> Option<Vec<f64>> {
    let mut at = 0;
    let one = |(_, count): &(usize, usize)| {
        let total: f64 = ln_masses[at..at + count].iter().map(|l| math::exp(*l)).sum();
        at += count;
        (total > 0.0 && total.is_finite()).then_some(total)
    };
    moves.iter().map(one).collect()
}

impl Parts {
    /// The whole row, and the sums of the probabilities of one part.
    fn joined(
        &self,
        shape: &Shape,
        mesh: &Mesh,
        theta: &[f64],
        dt: f64,
        rates: &[Rates],
    ) -> Option<(Banded, Vec<f64>)> {
        let dt = composed::part(dt, self.halvings);
        let logs = ln_masses(shape, mesh, theta, dt, &self.moves, 0);
        let totals = totals(&logs, &self.moves)?;
        let masses: Vec<f64> = logs.iter().map(|l| math::exp(*l)).collect();
        let part = Banded::parts(dt, &self.moves, &masses, rates);
        Some(((0..self.halvings).fold(part, |so_far, _| so_far.doubled()), totals))
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

/// The places of every move, from and to.
fn pairs_of(band: &Band) -> impl Iterator<Item = (usize, usize)> {
    band.moves.iter().enumerate().flat_map(|(from, (first, count))| (*first..first + count).map(move |to| (from, to)))
}

/// Moves in one step, the level's by the trapezoid rule.
fn whole(ln_masses: &[f64], totals: &[f64], band: &Band, rates: &[Rates]) -> Vec<Move> {
    let half = 0.5 * band.dt;
    let one = |(ln_p, (from, to)): (&f64, (usize, usize))| {
        let (r, s) = (&rates[from], &rates[to]);
        Move {
            ln_p: ln_p - math::ln(totals[from]),
            mean: half * (r.drift + s.drift),
            variance: half * (r.variance + s.variance),
            spread: 0.0,
            lean: 0.0,
            jumps: half * (r.jump_rate + s.jump_rate),
            jump_mean: 0.5 * (r.jump_mean + s.jump_mean),
            jump_variance: 0.5 * (r.jump_variance + s.jump_variance),
        }
    };
    ln_masses.iter().zip(pairs_of(band)).map(one).collect()
}

/// Moves of many parts. One that none of them leads to has no weight, and the level's move of the trapezoid rule.
fn made(joined: &Banded, band: &Band, rates: &[Rates]) -> Vec<Move> {
    let kept: Vec<f64> = (band.moves.iter().enumerate())
        .map(|(from, (first, count))| (*first..first + count).map(|to| joined.at(from, to).p).sum())
        .collect();
    let one = |(from, to): (usize, usize)| {
        let (r, s, path) = (&rates[from], &rates[to], joined.at(from, to));
        let trapezoid = |of: fn(&Rates) -> f64| 0.5 * band.dt * (of(r) + of(s));
        let told = path.p > f64::MIN_POSITIVE;
        let mean = |of: f64, otherwise: f64| if told { of / path.p } else { otherwise };
        let drift = mean(path.drift, trapezoid(|r| r.drift));
        let variance = mean(path.variance, trapezoid(|r| r.variance));
        let drifts = (mean(path.square, drift * drift) - drift * drift).max(0.0);
        let variances = (mean(path.variance_square, variance * variance) - variance * variance).max(0.0);
        let both = mean(path.cross, drift * variance) - drift * variance;
        let (spread, lean) = composed::mixed(variance + drifts, variances.sqrt(), both);
        Move {
            ln_p: math::ln(path.p.max(f64::MIN_POSITIVE) / kept[from]),
            mean: drift,
            variance: variance + drifts,
            spread,
            lean,
            jumps: mean(path.jumps, trapezoid(|r| r.jump_rate)),
            jump_mean: 0.5 * (r.jump_mean + s.jump_mean),
            jump_variance: 0.5 * (r.jump_variance + s.jump_variance),
        }
    };
    pairs_of(band).map(one).collect()
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
    /// The moves of a band at `theta`; `None` where a rate is not finite, a variance not positive, a place cannot be left, or the latent
    /// state forgets so much faster than where the band was settled that a row needs more parts.
    pub fn new(shape: &Shape, mesh: &Mesh, band: &Band, theta: &[f64]) -> Option<Moves> {
        let rates = shape.rates(theta, &mesh.places);
        let finite = |r: &Rates| {
            let all = [r.drift, r.variance, r.share, r.jump_rate, r.jump_mean, r.jump_variance];
            all.iter().all(|v| v.is_finite()) && r.variance > 0.0 && r.jump_rate >= 0.0
        };
        let parts = band.parts.as_ref().map_or(0, |parts| parts.halvings);
        if mesh.halvings(shape, theta, band.dt) > parts + MORE {
            return None;
        }
        let degrees = shape.degrees(theta);
        if !rates.iter().all(finite) || degrees.is_some_and(|nu| !(nu > 2.0 && nu.is_finite())) {
            return None;
        }
        let shared = mesh.integral(shape, theta, |r| r.share);
        let (mut list, totals) = match &band.parts {
            None => {
                let logs = ln_masses(shape, mesh, theta, band.dt, &band.moves, 0);
                let totals = totals(&logs, &band.moves)?;
                (whole(&logs, &totals, band, &rates), totals)
            }
            Some(parts) => {
                let (joined, totals) = parts.joined(shape, mesh, theta, band.dt, &rates)?;
                (made(&joined, band, &rates), totals)
            }
        };
        for (m, (from, to)) in list.iter_mut().zip(pairs_of(band)) {
            m.mean += shared[to] - shared[from];
        }
        let defect = totals.iter().map(|total| (total - 1.0).abs()).collect();
        Some(Moves { list, defect, degrees })
    }

    /// As exponents in the level's move: from each place, for each number of jumps, all moves.
    pub fn coefficients(&self, band: &Band) -> Coefficients {
        let mut out = Coefficients::default();
        let size = self.list.len() * band.blocks();
        [&mut out.c0, &mut out.c1, &mut out.c2].into_iter().for_each(|c| c.reserve(size));
        out.power = self.degrees.map(|nu| 0.5 * (nu + 1.0));
        let constant = self.degrees.map_or(0.0, ln_constant);
        let mut at = 0;
        for (_, count) in &band.moves {
            for jumps in 0..band.counts {
                for side in 0..band.sides() {
                    for m in &self.list[at..at + count] {
                        let n = jumps as f64;
                        let (weight, mean, variance) = m.sides(band.sides())[side];
                        let (mean, variance) = (mean + n * m.jump_mean, variance + n * m.jump_variance);
                        let ln_p = m.ln_p + if weight < 1.0 { math::ln(weight) } else { 0.0 };
                        if let Some(nu) = self.degrees {
                            let scale = 1.0 / ((nu - 2.0) * variance).sqrt();
                            out.c0.push(ln_p + constant - 0.5 * math::ln(variance));
                            out.c1.push(scale);
                            out.c2.push(mean * scale);
                            continue;
                        }
                        let precision = 1.0 / variance;
                        let square = mean * mean * precision;
                        out.c0.push(ln_p + m.ln_count(jumps) - 0.5 * (square + math::ln(TAU * variance)));
                        out.c1.push(mean * precision);
                        out.c2.push(-0.5 * precision);
                    }
                }
            }
            at += count;
        }
        out
    }
}

const TAU: f64 = std::f64::consts::TAU;

impl Move {
    /// Weights, means and variances of the level's move: of the gamma law of the noise's variance the two points of Gauss's rule (generalised
    /// Laguerre polynomial of degree two), or the mean variance alone.
    pub fn sides(&self, sides: usize) -> [(f64, f64, f64); 2] {
        let Move { mean, variance, spread, lean, .. } = *self;
        if sides == 1 {
            return [(1.0, mean, variance), (0.0, mean, variance)];
        }
        // As shares of the mean.
        let scale = spread * spread;
        let (away, more) = ((scale * (1.0 + scale)).sqrt(), 0.5 * (scale / (1.0 + scale)).sqrt());
        let own = variance - lean * lean * scale;
        let side = |weight: f64, share: f64| (weight, mean + lean * (share - 1.0), own * share);
        [side(0.5 + more, 1.0 + scale - away), side(0.5 - more, 1.0 + scale + away)]
    }

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

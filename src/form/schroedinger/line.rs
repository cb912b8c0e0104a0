//! A one-dimensional diffusion as reversible chains on grids, finer and finer: its smallest rates and their errors.
//!
//! With the speed density `m = exp(∫2a/b²)/b²` and `D = b²/2` the generator is `f ↦ (D m f')'/m`. On evenly spaced nodes of a
//! smooth coordinate the flux between neighbours is `D m (f_{i+1} - f_i)/h` at their middle, so a step costs `D e^{ψ(middle) - ψ(node)}/h²`
//! with `ψ = ln m`: only differences of `ψ` over half a cell, however many hundred powers of e it spans. The rule sums
//! `∫m` and `∫1/(D m)`, which make a metastable rate, by the midpoint rule: exponentially accurate; the rest of the
//! error runs in even powers of `h` and is extrapolated away (Richardson 1911, Romberg 1955).

use super::super::stationary::{LogSlope, range, stride};
use super::chain::Chain;
use crate::base::math;
use crate::expr::{Scratch, Tape};
use crate::process::chart::Chart;
use crate::process::{Boundary, Scalar, symbol};

/// Logarithm of the speed density, below its peak, at which an infinite side is cut; and the share of it at which the cut is tried.
const DEPTH: f64 = 80.0;
const SHALLOW: f64 = 0.7;
/// Distance of a cut from the peak in the coordinate of the domain towards a finite end: there the state is within 1e-14 of it.
const NEAR: f64 = 32.0;
/// Cells of the first grid, and the most.
const CELLS: [usize; 2] = [250, 16_000];
/// Relative change at which an extrapolated rate has settled.
const SETTLED: f64 = 2e-12;
/// A rate that moves more than this with the cut belongs to a continuum, or hangs on what was cut off.
const MOVES: f64 = 1e-5;

/// The smallest rates of a diffusion, lowest first, with absolute errors: zero the first of them where no end absorbs.
#[derive(Debug)]
pub(super) struct Rates {
    pub rates: Vec<f64>,
    pub errors: Vec<f64>,
}

/// An interval of a coordinate `u`, with the coefficients on it.
struct Line {
    /// `None`: the coordinate is the state itself.
    chart: Option<Chart>,
    from: f64,
    to: f64,
    absorbing: [bool; 2],
    /// What lies beyond each cut as a width at the cut's own density: where an end of the domain is all but reached, so that an
    /// eigenfunction no longer changes, but the speed density still has mass.
    beyond: [f64; 2],
    /// Outputs a, b, b'.
    tape: Tape,
    scratch: Scratch,
}

/// The `n` smallest rates (the zero of the stationary law among them, where there is one).
///
/// # Errors
/// Why there is no discrete spectrum.
pub(super) fn rates(scalar: &Scalar, theta: &[f64], n: usize) -> Result<Rates, String> {
    let mut line = Line::new(scalar, theta)?;
    let killed = line.absorbing != [false, false];
    let first = usize::from(!killed);
    let wanted = n.saturating_sub(first);
    let zero = |v: f64| if killed { Vec::new() } else { vec![v] };
    let mut found = Rates { rates: zero(0.0), errors: zero(0.0) };
    if wanted == 0 {
        return Ok(found);
    }
    let mut cells = CELLS[0];
    let mut table: Vec<Vec<f64>> = vec![Vec::new(); wanted];
    let mut cut = vec![0.0; wanted];
    let mut errors = vec![f64::INFINITY; wanted];
    while cells <= CELLS[1] {
        let chain = line.chain(cells).ok_or_else(|| "its drift or diffusion is not finite".to_string())?;
        let factor = chain.factor();
        let shallow = (cells == CELLS[0]).then(|| line.shallow(&chain).factor());
        for k in 0..wanted {
            let guess = table[k].last().copied();
            let rate = factor.eigenvalue(first + k, guess);
            if let Some(shallow) = &shallow {
                cut[k] = (shallow.eigenvalue(first + k, Some(rate)) / rate - 1.0).abs();
            }
            errors[k] = romberg(&mut table[k], rate);
        }
        // A rate of the continuum is none however well it settles.
        let settled = |k: &usize| cut[*k] > MOVES || errors[*k] <= SETTLED * table[*k].last().copied().unwrap_or(0.0);
        if cells >= 4 * CELLS[0] && (0..wanted).all(|k| settled(&k)) {
            break;
        }
        cells *= 2;
    }
    for k in 0..wanted {
        let rate = table[k].last().copied().unwrap_or(f64::NAN);
        if !(rate > 1e-290) {
            return Err("a rate is too small for a number: below 1e-290".to_string());
        }
        if cut[k] > MOVES || errors[k] > 1e-3 * rate {
            break;
        }
        found.rates.push(rate);
        // What a cut leaves out falls exponentially with its depth.
        let left_out = 4.0 * math::pow(cut[k], 1.0 / SHALLOW);
        found.errors.push(errors[k] + (1e-13 + left_out) * rate);
    }
    Ok(found)
}

/// Put the value on a grid twice as fine into the last row of Romberg's table, best last; returns the estimated error.
fn romberg(row: &mut Vec<f64>, value: f64) -> f64 {
    let before = std::mem::take(row);
    row.push(value);
    let mut power = 1.0;
    for (k, coarse) in before.iter().enumerate() {
        power *= 4.0;
        let next = row[k] + (row[k] - coarse) / (power - 1.0);
        row.push(next);
    }
    match (row.last(), before.last()) {
        (Some(now), Some(then)) => (now - then).abs(),
        _ => f64::INFINITY,
    }
}

impl Line {
    fn new(scalar: &Scalar, theta: &[f64]) -> Result<Line, String> {
        let state = scalar.state;
        let mut pool = scalar.pool().clone();
        let steepness = pool.derivative(scalar.diffusion, symbol::STATE);
        let tape = Tape::compile(&pool, &[scalar.drift, scalar.diffusion, steepness], &[symbol::STATE]);
        let mut scratch = Scratch::default();
        tape.bind(&scalar.symbols(theta, 0.0), &mut scratch);
        let absorbing = [state.lower, state.upper].map(|e| state.boundary == Boundary::Absorbing && e.is_finite());
        // Between ends at which nothing is singular the state is its own coordinate, with nodes on the ends.
        let mut regular = |x: f64| {
            let mut out = [0.0; 3];
            tape.run_one(&[x], &mut out, &mut scratch);
            out.iter().all(|c| c.is_finite()) && out[1] != 0.0
        };
        let finite: Vec<f64> = [state.lower, state.upper].into_iter().filter(|e| e.is_finite()).collect();
        let plain = !finite.is_empty() && finite.iter().all(|e| regular(*e));
        if absorbing != [false, false] && !plain {
            return Err("its noise vanishes at an end that absorbs".to_string());
        }
        if plain && finite.len() == 2 {
            return Ok(Line {
                chart: None,
                from: state.lower,
                to: state.upper,
                absorbing,
                beyond: [0.0; 2],
                tape,
                scratch,
            });
        }
        let mut slope = LogSlope::new(scalar, theta);
        let range = range(&mut slope).map_err(|why| format!("it has no discrete spectrum: {why}"))?;
        let (low, high) = slope.chart.limits();
        let from = deeper(&mut slope, range.ends[0], low);
        let to = deeper(&mut slope, range.ends[1], high);
        let chart = slope.chart;
        if !plain {
            let mut beyond = [0.0; 2];
            let (mut from, mut to) = (from, to);
            if state.lower.is_finite() && from < range.mode - NEAR {
                from = range.mode - NEAR;
                beyond[0] = 1.0 / slope.at(from).max(f64::MIN_POSITIVE);
            }
            if state.upper.is_finite() && to > range.mode + NEAR {
                to = range.mode + NEAR;
                beyond[1] = -1.0 / slope.at(to).min(-f64::MIN_POSITIVE);
            }
            return Ok(Line { chart: Some(chart), from, to, absorbing, beyond, tape, scratch });
        }
        let [from, to] =
            if state.lower.is_finite() { [state.lower, chart.x(to)] } else { [chart.x(from), state.upper] };
        Ok(Line { chart: None, from, to, absorbing, beyond: [0.0; 2], tape, scratch })
    }

    /// Steps up and down between the nodes of `cells` cells; a node on an absorbing end is left out, at the others half a cell
    /// belongs to the node. `None` where a coefficient is not finite.
    fn chain(&mut self, cells: usize) -> Option<Chain> {
        let h = (self.to - self.from) / cells as f64;
        // Three Gauss points in each half cell for the change of ψ, and the middles of cells for D.
        const NODE: f64 = 0.774_596_669_241_483_4;
        let quarter = 0.25 * h;
        let mut u = Vec::with_capacity(7 * cells);
        for half in 0..2 * cells {
            let centre = self.from + (half as f64 + 0.5) * 0.5 * h;
            u.extend([centre - NODE * quarter, centre, centre + NODE * quarter]);
        }
        u.extend((0..cells).map(|i| self.from + (i as f64 + 0.5) * h));
        let (slopes, diffusivities) = self.at(&u)?;
        let change = |half: usize| {
            let s = &slopes[3 * half..3 * half + 3];
            quarter * (5.0 * s[0] + 8.0 * s[1] + 5.0 * s[2]) / 9.0
        };
        let n = cells + 1;
        let (mut up, mut down) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..cells {
            let d = diffusivities[6 * cells + i] / (h * h);
            up[i] = d * math::exp(change(2 * i));
            down[i + 1] = d * math::exp(-change(2 * i + 1));
        }
        up[0] /= 0.5 + self.beyond[0] / h;
        down[n - 1] /= 0.5 + self.beyond[1] / h;
        let kept = usize::from(self.absorbing[0])..n - usize::from(self.absorbing[1]);
        let chain = Chain { down: down[kept.clone()].to_vec(), up: up[kept].to_vec() };
        let fine = |v: &[f64]| v.iter().all(|r| *r >= 0.0 && r.is_finite());
        (fine(&chain.down) && fine(&chain.up)).then_some(chain)
    }

    /// `dψ/du` and `D` in the coordinate. `None` where they are not finite or nothing diffuses.
    fn at(&mut self, u: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        let x: Vec<f64> = u.iter().map(|u| self.chart.map_or(*u, |c| c.x(*u))).collect();
        let mut columns = vec![vec![0.0; x.len()]; 3];
        let mut out: Vec<&mut [f64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
        self.tape.run_bound(&[&x], &mut out, &mut self.scratch);
        let (mut slopes, mut d) = (Vec::with_capacity(u.len()), Vec::with_capacity(u.len()));
        for (i, u) in u.iter().enumerate() {
            let (a, b, steepness) = (columns[0][i], columns[1][i], columns[2][i]);
            let (stretch, bend) = self.chart.map_or((1.0, 0.0), |c| (c.slope(*u), c.bend(*u)));
            slopes.push(2.0 * (a / b - steepness) / b * stretch + bend);
            d.push(0.5 * (b / stretch) * (b / stretch));
        }
        let fine = slopes.iter().all(|s| s.is_finite()) && d.iter().all(|d| *d > 0.0 && d.is_finite());
        fine.then_some((slopes, d))
    }

    /// The chain cut nearer to its peak, at infinite sides.
    fn shallow(&self, chain: &Chain) -> Chain {
        let weights = chain.ln_weights();
        let top = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let inside = |w: &f64| *w > top - SHALLOW * DEPTH;
        let first = weights.iter().position(inside).unwrap_or(0);
        let end = weights.iter().rposition(inside).map_or(weights.len(), |i| i + 1);
        let first = if self.absorbing[0] || self.beyond[0] > 0.0 { 0 } else { first };
        let end = if self.absorbing[1] || self.beyond[1] > 0.0 { weights.len() } else { end };
        chain.part(first, end)
    }
}

/// From where the density has fallen by [`super::super::stationary::DEPTH`] on to [`DEPTH`].
fn deeper(slope: &mut LogSlope, from: f64, limit: f64) -> f64 {
    let (mut u, mut fallen) = (from, super::super::stationary::DEPTH);
    while u != limit && fallen < DEPTH {
        let Some((next, change)) = stride(slope, u, limit) else { break };
        fallen -= change;
        u = next;
    }
    u
}

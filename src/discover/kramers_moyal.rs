//! Kramers-Moyal coefficients given the state, `D_n(x) = lim E[(Δx)^n given x]/(n! dt)`: drift `D1`, half the squared diffusion
//! `D2`, and `D4`, which a diffusion does not have.
//!
//! Two estimators: means in bins of equal count (Friedrich & Peinke 1997), and a local linear regression with a Gaussian kernel
//! (Lamouroux & Lehnertz 2009, Phys. Lett. A 373, 3507; the slope removes their bias at the ends), its bandwidth by
//! cross-validation over blocks of time. `D2` is that of the residual about the mean, so the drift's square is not in it.
//!
//! A finite step is corrected to second order (Gottschall & Peinke 2008, New J. Phys. 10, 083034):
//! `M1/dt = f + dt/2 (f f' + ½ g f'')`, `V/dt = g + dt (g f' + ½ f g' + ¼ g g'')`, `g = 2 D2`; what is left is `O(dt²)`. The slopes are
//! those of polynomials through the estimates, since a difference of noisy values would add more than it takes off.
//!
//! Standard errors take increments, given their states, for martingale differences, which they are for any diffusion: no
//! autocorrelation enters. They do not hold what smoothing bends.

use super::cells::{Cell, Cells};
use super::steps::Steps;
use super::subset::BLOCKS;
use crate::base::{Error, Result, math};
use nalgebra::{DMatrix, DVector};

/// Cells the data are put in before they are smoothed.
const FINE: usize = 200;
/// Degree of the polynomials that give slopes.
const DEGREE: usize = 4;
/// Bandwidths tried, as shares of the range that holds 98 % of the states, each this factor from the next.
const BANDWIDTHS: usize = 12;
const NARROWEST: f64 = 0.01;
const FACTOR: f64 = 1.5;

/// How conditional means are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimator {
    /// Means in this many bins of equal count.
    Histogram {
        /// How many; at least 5.
        bins: usize,
    },
    /// Local linear at this many evenly spaced states between the 1 % and 99 % quantiles; bandwidths by cross-validation.
    Kernel {
        /// How many; at least 5.
        states: usize,
    },
}

/// An estimate with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// The estimate, in the unit of what is estimated.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
}

/// Kramers-Moyal coefficients at one state, each in its power of the state over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// The state they are of: the middle of a kernel, the mean of a bin.
    pub state: f64,
    /// Drift, corrected for the step.
    pub d1: Value,
    /// Half the squared diffusion, corrected for the step.
    pub d2: Value,
    /// As seen: for a diffusion about `D2² dt/2`.
    pub d4: Value,
    /// `D4` over what Pawula's theorem gives a diffusion.
    pub fourth_ratio: f64,
}

/// Kramers-Moyal coefficients over the states that were seen.
#[derive(Debug, Clone, PartialEq)]
pub struct KramersMoyal {
    /// One a state or bin, at increasing states.
    pub at: Vec<Coefficients>,
    /// Of drift and of diffusion; none for bins.
    pub bandwidths: Option<[f64; 2]>,
}

/// Estimate `D_n(x) = lim E[(Δx)ⁿ given x]/(n! dt)` of one state: the drift `D1`, half the squared diffusion `D2`, and `D4`, which
/// a diffusion has only for its step.
///
/// Means in bins of equal count (Friedrich & Peinke 1997) or a local linear regression (Lamouroux & Lehnertz 2009), both without a
/// formula; `D2` and `D4` are those of the residual about the drift. `D1` and `D2` are corrected for a finite step to `O(dt²)`
/// (Gottschall & Peinke 2008). Standard errors take increments for martingale differences and know nothing of what smoothing bends.
/// Not for measurements with noise, which `D2` takes for diffusion. Cost O(n log n), and O(200²) a bandwidth and block.
///
/// # Errors
/// [`Error::Numerics`] for several states, or fewer than 5 bins or states.
pub fn kramers_moyal(steps: &Steps, estimator: Estimator) -> Result<KramersMoyal> {
    let (Estimator::Histogram { bins: wanted } | Estimator::Kernel { states: wanted }) = estimator;
    if steps.states() != 1 || wanted <= DEGREE {
        return Err(Error::Numerics {
            what: "the Kramers-Moyal coefficients".to_string(),
            why: format!("{} states were given and {wanted} places asked", steps.states()),
            hint: format!("give one state and ask more than {DEGREE} places"),
        });
    }
    let x = &steps.x0[0];
    let n = steps.len();
    let increments = steps.increments(0);
    let cells = match estimator {
        Estimator::Histogram { bins } => Cells::of(x, bins),
        Estimator::Kernel { .. } => Cells::of(x, FINE.min(n / 10)),
    };
    let rate: Vec<f64> = (0..n).map(|i| increments[i] / steps.dt[i]).collect();
    let mut smoother = Smoother::new(&cells, x, estimator);
    let drift = smoother.smooth(&cells.sums(&rate, &steps.dt, BLOCKS));
    let about = cells.spread(&drift.in_cells);
    let power = |k: i32| -> Vec<f64> {
        let residual = |i: usize| increments[i] - about[i] * steps.dt[i];
        (0..n).map(|i| math::powi(residual(i), k) / steps.dt[i]).collect()
    };
    let ones = vec![1.0; n];
    let noise = smoother.smooth(&cells.sums(&power(2), &ones, BLOCKS));
    let narrow = smoother.bandwidth;
    smoother.bandwidth = noise.bandwidth;
    let fourth = smoother.smooth(&cells.sums(&power(4), &ones, BLOCKS));
    smoother.bandwidth = narrow;
    // The step as each mean sees it: Σ dt²/Σ dt for the drift, the mean for the rest.
    let total: f64 = steps.dt.iter().sum();
    let seen = [steps.dt.iter().map(|h| h * h).sum::<f64>() / total, total / n as f64];
    let corrected = corrected(&smoother.at, &drift.at, &noise.at, seen);
    let at = (0..smoother.at.len())
        .map(|k| {
            let (g, d4) = (noise.at[k].value, fourth.at[k]);
            let pawula = g * g * seen[1] / 8.0;
            Coefficients {
                state: smoother.at[k],
                d1: Value { value: corrected[0][k], se: drift.at[k].se },
                d2: Value { value: 0.5 * corrected[1][k], se: 0.5 * noise.at[k].se },
                d4: Value { value: d4.value / 24.0, se: d4.se / 24.0 },
                fourth_ratio: if pawula > 0.0 { d4.value / 24.0 / pawula } else { f64::NAN },
            }
        })
        .collect();
    let bandwidths = drift.bandwidth.zip(noise.bandwidth).map(|(a, b)| [a, b]);
    Ok(KramersMoyal { at, bandwidths })
}

/// Places at which a smooth is wanted, and how it is made.
struct Smoother<'a> {
    cells: &'a Cells,
    /// States of the answer.
    at: Vec<f64>,
    /// Range that holds 98 % of the states; none for bins.
    range: Option<f64>,
    /// Taken where it is given instead of chosen.
    bandwidth: Option<f64>,
}

/// A smooth at the places asked and in the cells.
struct Smooth {
    at: Vec<Value>,
    in_cells: Vec<f64>,
    bandwidth: Option<f64>,
}

impl<'a> Smoother<'a> {
    fn new(cells: &'a Cells, x: &[f64], estimator: Estimator) -> Smoother<'a> {
        let (at, range) = match estimator {
            Estimator::Histogram { .. } => (cells.state.clone(), None),
            Estimator::Kernel { states } => {
                let mut sorted = x.to_vec();
                sorted.sort_by(f64::total_cmp);
                let [low, high] = [0.01, 0.99].map(|p| crate::stats::sorted_quantile(&sorted, p));
                let place = |k: usize| low + (high - low) * k as f64 / (states - 1) as f64;
                ((0..states).map(place).collect(), Some(high - low))
            }
        };
        Smoother { cells, at, range, bandwidth: None }
    }

    fn smooth(&self, blocks: &[Vec<Cell>]) -> Smooth {
        let whole = without(blocks, blocks.len());
        let mean = |c: &Cell| if c.w > 0.0 { c.wy / c.w } else { 0.0 };
        let Some(range) = self.range.filter(|r| *r > 0.0) else {
            let se = |c: &Cell| if c.w > 0.0 { c.square().sqrt() / c.w } else { 0.0 };
            let at = whole.iter().map(|c| Value { value: mean(c), se: se(c) }).collect();
            return Smooth { at, in_cells: whole.iter().map(mean).collect(), bandwidth: None };
        };
        let bandwidth = self.bandwidth.unwrap_or_else(|| self.best(blocks, range));
        let value = |x: &f64| {
            let shares = shares(*x, &self.cells.state, &whole, bandwidth);
            let value = shares.iter().zip(&whole).map(|(l, c)| l * c.wy).sum();
            let square: f64 = shares.iter().zip(&whole).map(|(l, c)| l * l * c.square()).sum();
            Value { value, se: square.sqrt() }
        };
        Smooth {
            at: self.at.iter().map(value).collect(),
            in_cells: self.cells.state.iter().map(|x| value(x).value).collect(),
            bandwidth: Some(bandwidth),
        }
    }

    /// The bandwidth with the least loss on blocks left out.
    fn best(&self, blocks: &[Vec<Cell>], range: f64) -> f64 {
        let rest: Vec<Vec<Cell>> = (0..blocks.len()).map(|b| without(blocks, b)).collect();
        let candidates = (0..BANDWIDTHS).map(|k| range * NARROWEST * math::powi(FACTOR, k as i32));
        let scored = candidates.map(|h| {
            let of_block = |b: usize| -> f64 {
                let each = self.cells.state.iter().zip(&blocks[b]).filter(|(_, c)| c.w > 0.0);
                each.map(|(x, c)| {
                    let f: f64 =
                        shares(*x, &self.cells.state, &rest[b], h).iter().zip(&rest[b]).map(|(l, c)| l * c.wy).sum();
                    f * f * c.w - 2.0 * f * c.wy
                })
                .sum()
            };
            (h, (0..blocks.len()).map(of_block).sum::<f64>())
        });
        scored.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(range, |best| best.0)
    }
}

/// The cells of all blocks but one.
fn without(blocks: &[Vec<Cell>], out: usize) -> Vec<Cell> {
    let mut sum = vec![Cell::default(); blocks.first().map_or(0, Vec::len)];
    for (_, block) in blocks.iter().enumerate().filter(|(b, _)| *b != out) {
        sum.iter_mut().zip(block).for_each(|(s, c)| s.add(c));
    }
    sum
}

/// What each cell's `Σ w y` counts for in the local linear estimate at `x`; local constant where the slope cannot be told.
fn shares(x: f64, states: &[f64], cells: &[Cell], bandwidth: f64) -> Vec<f64> {
    let mut shares: Vec<f64> = states
        .iter()
        .map(|s| {
            let d = (s - x) / bandwidth;
            // Beyond six bandwidths a Gaussian is below 2e-8.
            if d.abs() < 6.0 { math::exp(-0.5 * d * d) } else { 0.0 }
        })
        .collect();
    let sum = |power: i32| -> f64 {
        let each = shares.iter().zip(states).zip(cells);
        each.map(|((k, s), c)| k * c.w * math::powi((s - x) / bandwidth, power)).sum()
    };
    let [s0, s1, s2] = [sum(0), sum(1), sum(2)];
    let determinant = s0 * s2 - s1 * s1;
    let is_flat = !(determinant > 1e-9 * s0 * s2);
    for (k, s) in shares.iter_mut().zip(states) {
        let d = (s - x) / bandwidth;
        *k *= match (is_flat, s0 > 0.0) {
            (false, _) => (s2 - s1 * d) / determinant,
            (true, true) => 1.0 / s0,
            (true, false) => 0.0,
        };
    }
    shares
}

/// Drift and squared diffusion with what the step adds taken off, `[drift, squared diffusion][place]`.
pub(super) fn corrected(x: &[f64], drift: &[Value], noise: &[Value], seen: [f64; 2]) -> [Vec<f64>; 2] {
    let raw = [drift, noise].map(|v| v.iter().map(|v| v.value).collect::<Vec<f64>>());
    let se = [drift, noise].map(|v| v.iter().map(|v| v.se).collect::<Vec<f64>>());
    let mut now = raw.clone();
    // Each round leaves a factor of dt of the error of the last; beyond dt² there is nothing to gain.
    for _ in 0..2 {
        let (Some(f), Some(g)) = (slopes(x, &now[0], &se[0]), slopes(x, &now[1], &se[1])) else { return raw };
        for k in 0..x.len() {
            let [f0, f1, f2] = f[k];
            let [g0, g1, g2] = g[k];
            now[0][k] = raw[0][k] - 0.5 * seen[0] * (f0 * f1 + 0.5 * g0 * f2);
            now[1][k] = raw[1][k] - seen[1] * (g0 * f1 + 0.5 * f0 * g1 + 0.25 * g0 * g2);
        }
    }
    now
}

/// Value, slope and curvature at every place of the polynomial through values with errors; `None` where there is none.
fn slopes(x: &[f64], y: &[f64], se: &[f64]) -> Option<Vec<[f64; 3]>> {
    let (low, high) = (x.first()?, x.last()?);
    let (centre, half) = (0.5 * (low + high), 0.5 * (high - low));
    let floor = 1e-3 * se.iter().copied().fold(0.0, f64::max);
    if !(half > 0.0 && floor > 0.0) {
        return None;
    }
    let p = DEGREE + 1;
    let u = |k: usize| (x[k] - centre) / half;
    let design = DMatrix::from_fn(x.len(), p, |k, j| math::powi(u(k), j as i32) / se[k].max(floor));
    let target = DVector::from_fn(x.len(), |k, _| y[k] / se[k].max(floor));
    let c = (design.transpose() * &design).cholesky()?.solve(&(design.transpose() * target));
    let derivative = |k: usize, order: usize| -> f64 {
        let falling = |j: usize| (0..order).map(|m| (j - m) as f64).product::<f64>();
        (order..p).map(|j| c[j] * falling(j) * math::powi(u(k), (j - order) as i32)).sum::<f64>()
            / math::powi(half, order as i32)
    };
    Some((0..x.len()).map(|k| [derivative(k, 0), derivative(k, 1), derivative(k, 2)]).collect())
}

//! Nodes for the transitions of one group of steps: every state that was observed is one, with others between and beyond.
//!
//! Nodes are states, chosen at the parameters at hand but held as they are in derivatives: only their distances in the coordinate of
//! unit noise move.

use super::riccati::{Begin, Path};
use super::tapes::{Tapes, Walker};
use crate::base::math;
use crate::process::{Scalar, State};

/// How far beyond the data a solution must begin to have forgotten it, in `√t`: `2 √(2λ) y` is then above 36.
const BEYOND: f64 = 6.0;
/// Where `√(2Vt)` is this much or more, a solution forgets in proportion: three times the first contour's own `Re √(2λt)`, so that it holds
/// at every point of the contour.
const STEEP: f64 = 9.5;
/// More nodes than this are no answer in time.
const MOST: usize = 60_000;
/// An end nearer than this share of a spacing is reached.
const NEAR: f64 = 1e-7;
/// √(3/5): Gauss's points (Abramowitz & Stegun 1964, table 25.4).
const NODE: f64 = 0.774_596_669_241_483_4;
const WEIGHTS: [f64; 3] = [5.0 / 18.0, 8.0 / 18.0, 5.0 / 18.0];

/// Why there is no grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Refusal {
    /// A coefficient is not finite or the diffusion vanishes near here.
    Broken(f64),
    /// An end that is reached, where the drift in the coordinate of unit noise is infinite and does not keep the state away.
    Singular(f64),
    /// Drift or diffusion has a kink or a jump next to here.
    Kinked(f64),
    TooMany,
}

impl Refusal {
    pub fn why(self) -> String {
        match self {
            Refusal::Broken(x) => {
                format!("drift or diffusion is not finite, or the diffusion vanishes, near {x:.6} among the data")
            }
            Refusal::Singular(x) => {
                format!("the data come near the end at {x:.6}, which is reached and at which the diffusion vanishes")
            }
            Refusal::Kinked(x) => format!(
                "drift or diffusion has a kink or a jump (if, abs, min, max, floor) near {x:.6}, and the equation that is solved contains the slope of the drift"
            ),
            Refusal::TooMany => format!("more than {MOST} nodes are needed"),
        }
    }

    /// What to do instead.
    pub fn hint(self) -> &'static str {
        match self {
            Refusal::Broken(_) => "look at the parameters and at the domain of the state",
            Refusal::Singular(_) => "use --form schroedinger, whose basis keeps the powers at such an end",
            Refusal::Kinked(_) => {
                "use --form schroedinger, which needs no slope and reports its error, or an expansion"
            }
            Refusal::TooMany => "use --form expansion: a step this short is what it is for",
        }
    }
}

/// What stopped the walk on a side.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Open,
    Closed,
}

/// A grid with what the sweeps need, upwards and downwards.
pub(super) struct Grid {
    pub x: Vec<f64>,
    sides: [Side; 2],
    width: Vec<f64>,
    potential: Vec<f64>,
    slope: Vec<f64>,
    pub noise: Vec<f64>,
    pub drift: Vec<f64>,
    /// `∫ μ dy`, `∫ dy` and `∫ V dy` up to each node.
    pub work: Vec<f64>,
    pub y: Vec<f64>,
    pub height: Vec<f64>,
    /// `[parameter]` of the above.
    d_width: Vec<Vec<f64>>,
    d_potential: Vec<Vec<f64>>,
    d_slope: Vec<Vec<f64>>,
    pub d_noise: Vec<Vec<f64>>,
    d_drift: Vec<Vec<f64>>,
    pub d_work: Vec<Vec<f64>>,
}

/// How a grid is laid: spacing in `√t` of the shortest step, and the shortest and longest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Laying {
    pub fineness: f64,
    pub shortest: f64,
    pub longest: f64,
}

impl Grid {
    /// # Errors
    /// The [`Refusal`].
    pub fn new(
        tapes: &Tapes,
        process: &Scalar,
        theta: &[f64],
        observed: &[f64],
        laying: Laying,
        gradient: bool,
    ) -> Result<Grid, Refusal> {
        let symbols = process.symbols(theta, 0.0);
        let (x, sides) = nodes(tapes, process, theta, observed, laying)?;
        if let Some(kink) = tapes.kink(&symbols, &x) {
            return Err(Refusal::Kinked(kink));
        }
        let n = x.len();
        let at = tapes.nodes(&symbols, &x, gradient);
        let points: Vec<f64> = x
            .windows(2)
            .flat_map(|w| {
                let (middle, half) = (0.5 * (w[0] + w[1]), 0.5 * (w[1] - w[0]));
                [middle - NODE * half, middle, middle + NODE * half]
            })
            .collect();
        let inside = tapes.cells(&symbols, &points, gradient);
        let integral = |values: &[f64]| -> Vec<f64> {
            values
                .chunks(3)
                .zip(x.windows(2))
                .map(|(v, w)| (w[1] - w[0]) * (WEIGHTS[0] * v[0] + WEIGHTS[1] * v[1] + WEIGHTS[2] * v[2]))
                .collect()
        };
        let summed = |cells: &[f64]| -> Vec<f64> {
            let mut sum = 0.0;
            std::iter::once(0.0)
                .chain(cells.iter().map(|c| {
                    sum += c;
                    sum
                }))
                .collect()
        };
        let mut node = at.value.into_iter();
        let mut next = || node.next().unwrap_or_default();
        let (potential, slope, noise, drift) = (next(), next(), next(), next());
        let width = integral(&inside.value[0]);
        let cells: Vec<f64> = (0..n - 1).map(|i| 0.5 * width[i] * (potential[i] + potential[i + 1])).collect();
        let (work, y, height) = (summed(&integral(&inside.value[1])), summed(&width), summed(&cells));
        let mut slopes = at.gradient.into_iter();
        let mut next = || slopes.next().unwrap_or_default();
        let (d_potential, d_slope, d_noise, d_drift) = (next(), next(), next(), next());
        let d_width = inside.gradient[0].iter().map(|g| integral(g)).collect();
        let d_work = inside.gradient[1].iter().map(|g| summed(&integral(g))).collect();
        let finite = [&potential, &slope, &noise, &drift, &work, &y].iter().all(|v| v.iter().all(|v| v.is_finite()));
        let grid = Grid {
            x,
            sides,
            width,
            potential,
            slope,
            noise,
            drift,
            work,
            y,
            height,
            d_width,
            d_potential,
            d_slope,
            d_noise,
            d_drift,
            d_work,
        };
        if !(finite && grid.noise.iter().all(|b| *b > 0.0)) {
            return Err(Refusal::Broken(grid.x[0]));
        }
        match grid.singular(laying.shortest) {
            Some(end) => Err(Refusal::Singular(end)),
            None => Ok(grid),
        }
    }

    /// An end that is reached at which the drift `m/y` grows without bound and does not keep the state away, `m < 1/2`: what a
    /// sweep begins with there is not forgotten, but grows against the solution.
    fn singular(&self, t: f64) -> Option<f64> {
        let ends = [(0, 0), (1, self.x.len() - 1)];
        let singular = ends.into_iter().find(|(side, i)| {
            let (side, i) = (*side, *i);
            let mu = self.drift[i];
            // From V = ½(m² - m)/y².
            let m = 1.0 / (1.0 - 2.0 * self.potential[i] / (mu * mu));
            self.sides[side] == Side::Closed && mu.abs() * t.sqrt() > STEEP && m < 0.5
        });
        singular.map(|(_, i)| self.x[i])
    }

    /// The node at an observed state.
    pub fn place(&self, x: f64) -> usize {
        self.x.partition_point(|node| *node < x).min(self.x.len() - 1)
    }

    /// What the sweeps upwards (0) and downwards (1) go over.
    pub fn with_path<T>(&self, side: usize, f: impl FnOnce(&Path, &Begin) -> T) -> T {
        let first = if side == 0 { 0 } else { self.x.len() - 1 };
        let sign = if side == 0 { 1.0 } else { -1.0 };
        let slopes: Vec<f64> = self.d_drift.iter().map(|d| sign * d[first]).collect();
        let begin = match self.sides[side] {
            Side::Open => Begin::Settled,
            Side::Closed => Begin::Closed(sign * self.drift[first], &slopes),
        };
        if side == 0 {
            let path = Path {
                width: &self.width,
                potential: &self.potential,
                slope: &self.slope,
                d_width: &self.d_width,
                d_potential: &self.d_potential,
                d_slope: &self.d_slope,
            };
            return f(&path, &begin);
        }
        let turned = |v: &Vec<f64>| -> Vec<f64> { v.iter().rev().copied().collect() };
        let negated = |v: &Vec<f64>| -> Vec<f64> { v.iter().rev().map(|v| -v).collect() };
        let each = |v: &[Vec<f64>]| -> Vec<Vec<f64>> { v.iter().map(turned).collect() };
        let path = Path {
            width: &turned(&self.width),
            potential: &turned(&self.potential),
            slope: &negated(&self.slope),
            d_width: &each(&self.d_width),
            d_potential: &each(&self.d_potential),
            d_slope: &self.d_slope.iter().map(negated).collect::<Vec<_>>(),
        };
        f(&path, &begin)
    }
}

fn nodes(
    tapes: &Tapes,
    process: &Scalar,
    theta: &[f64],
    observed: &[f64],
    laying: Laying,
) -> Result<(Vec<f64>, [Side; 2]), Refusal> {
    let mut walk = Walk { walker: tapes.walker(&process.symbols(theta, 0.0)), state: process.state, laying };
    let (Some(&low), Some(&high)) = (observed.first(), observed.last()) else { return Err(Refusal::TooMany) };
    let (below, lower) = walk.out(low, -1.0)?;
    let mut x: Vec<f64> = below.into_iter().rev().collect();
    x.push(low);
    for pair in observed.windows(2) {
        let mut here = pair[0];
        loop {
            let h = walk.spacing(here)?;
            let next = walk.step(here, h).ok_or(Refusal::Broken(here))?;
            // The last two cells of a gap are about equal.
            let over = walk.step(here, 2.0 * h).unwrap_or(f64::INFINITY);
            if next >= pair[1] {
                break;
            }
            here = if over >= pair[1] { 0.5 * (here + pair[1]) } else { next };
            if !(x.last().is_some_and(|last| here > *last) && here < pair[1]) {
                break;
            }
            x.push(here);
            if x.len() > MOST {
                return Err(Refusal::TooMany);
            }
            if over >= pair[1] {
                break;
            }
        }
        x.push(pair[1]);
    }
    let (above, upper) = walk.out(high, 1.0)?;
    x.extend(above);
    let mut coefficients = process.coefficients(theta);
    // An end that keeps what arrives sends nothing back.
    let mut kept = |end: f64| end.is_finite() && coefficients.at(0.0, end) == (0.0, 0.0);
    let side = |stopped: bool, kept: bool| if stopped && !kept { Side::Closed } else { Side::Open };
    let sides = [side(lower, kept(process.state.lower)), side(upper, kept(process.state.upper))];
    if x.len() <= MOST { Ok((x, sides)) } else { Err(Refusal::TooMany) }
}

/// Steps of even length in the coordinate of unit noise.
struct Walk<'a> {
    walker: Walker<'a>,
    state: &'a State,
    laying: Laying,
}

impl Walk<'_> {
    /// The spacing that suits the potential and its slope at a state.
    fn spacing(&mut self, x: f64) -> Result<f64, Refusal> {
        let [v, slope, b, _] = self.walker.at(x);
        let scale =
            (0.5 / v.abs().sqrt()).min(0.5 * math::pow(slope.abs(), -1.0 / 3.0)).min(self.laying.shortest.sqrt());
        if !(b > 0.0 && v.is_finite() && slope.is_finite()) {
            return Err(Refusal::Broken(x));
        }
        Ok(self.laying.fineness * scale)
    }

    fn noise(&mut self, x: f64) -> Option<f64> {
        if !self.state.holds(x) {
            return None;
        }
        let [v, _, b, _] = self.walker.at(x);
        (b > 0.0 && b.is_finite() && v.is_finite()).then_some(b)
    }

    /// A classical Runge-Kutta step of `dx/dy = |b|`; `None` where it leaves the domain.
    fn step(&mut self, x: f64, h: f64) -> Option<f64> {
        let k1 = self.noise(x)?;
        let k2 = self.noise(x + 0.5 * h * k1)?;
        let k3 = self.noise(x + 0.5 * h * k2)?;
        let k4 = self.noise(x + h * k3)?;
        let next = x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
        self.noise(next).map(|_| next)
    }

    /// Nodes from a state outwards, and whether an end stopped them.
    fn out(&mut self, from: f64, sign: f64) -> Result<(Vec<f64>, bool), Refusal> {
        let length = BEYOND * self.laying.longest.sqrt();
        let least = NEAR * self.laying.fineness * self.laying.shortest.sqrt();
        let (mut x, mut gone, mut nodes) = (from, 0.0, Vec::new());
        while gone < length {
            let mut h = self.spacing(x)?;
            let next = loop {
                match self.step(x, sign * h) {
                    Some(next) => break Some(next),
                    None if h < least => break None,
                    None => h *= 0.5,
                }
            };
            let moved = next.filter(|next| h >= least && (next - x).abs() > 1e-13 * x.abs());
            let Some(next) = moved else { return Ok((nodes, true)) };
            let [v, ..] = self.walker.at(x);
            gone += h * ((2.0 * v.max(0.0) * self.laying.shortest).sqrt() / STEEP).max(1.0);
            x = next;
            nodes.push(x);
            if nodes.len() > MOST {
                return Err(Refusal::TooMany);
            }
        }
        Ok((nodes, false))
    }
}

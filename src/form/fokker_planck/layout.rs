//! Nested grids fitted to the ends of a domain: each is every other node of the one before, so that Richardson's
//! extrapolation holds up to the ends.
//!
//! An end with coefficients of its own (regular) gets a node, or is one spacing beyond the last: mirror images about it keep
//! the error even in the spacing. Towards an end where the diffusion vanishes the spacing shrinks as a power of the
//! distance (graded meshes: Rice 1969; Brunner 1985), so that the density's own power does not spoil the order. A ring is
//! closed with a whole number of spacings.

use super::super::lamperti::{self, End, Grid, Reach};
use crate::base::math;
use crate::process::chart::gauss;
use crate::process::{Boundary, Coefficients, State};

/// What happens at the two ends of the domain of a question.
pub(super) type Ends = [Boundary; 2];

/// The order that grading restores beside an end.
const ORDER: f64 = 4.0;
/// The share of the range over which a grading fades.
const FADE: f64 = 0.25;
/// Neighbouring sides whose spacings differ by less than this share one smooth stretch.
const ALIKE: f64 = 1.9;
/// Half-steps in which the distance to an end is measured.
const PARTS: usize = 4_000;

/// Grids on `reach`, the finest first, each with twice the spacing of the one before, graded or not. `None` where the state cannot be
/// followed to a regular end.
pub(super) fn nested(
    coefficients: &mut Coefficients,
    (state, ends, graded): (&State, Ends, bool),
    (x0, t0): (f64, f64),
    reach: Reach,
    levels: u32,
) -> Option<Vec<Grid>> {
    // Fine cells in one cell of the coarsest grid.
    let block = 1usize << (levels - 1);
    let mut way = Way { coefficients, state, t0, grades: [None; 2], ring: ends.contains(&Boundary::Periodic) };
    if way.ring {
        return ring(&mut way, x0, reach.spacing, block, levels);
    }
    let mut spacing = reach.spacing;
    let mut sides = [Side::Open(reach.below), Side::Open(reach.above)];
    let plain = lamperti::grid(way.coefficients, state, x0, t0, Reach { spacing: 4.0 * spacing, ..reach });
    for (k, end) in [state.lower, state.upper].into_iter().enumerate() {
        if !plain.blocked[k] || !end.is_finite() {
            continue;
        }
        if regular(way.coefficients, t0, end) {
            sides[k] = Side::Aligned(0.0);
        } else if graded && let Some(grade) = grade(&mut way, x0, end, ends[k], FADE * (reach.below + reach.above)) {
            way.grades[k] = Some(grade);
            spacing *= 1.0 + math::pow(FADE, 1.0 - 1.0 / grade.power);
        }
    }
    for (k, end) in [state.lower, state.upper].into_iter().enumerate() {
        if matches!(sides[k], Side::Aligned(_)) {
            sides[k] = Side::Aligned(way.distance(x0, end, 0.25 * spacing)?);
        }
    }
    let coarsest = block as f64 * spacing;
    let cells = sides.map(|side| match side {
        Side::Aligned(distance) => ((distance / coarsest * (1.0 - 1e-9)).ceil() as usize).max(2) * block,
        Side::Open(_) => usize::MAX,
    });
    let steps = steps(&sides, cells, spacing);
    let mut tracks = [(Vec::new(), false), (Vec::new(), false)];
    for k in 0..2 {
        tracks[k] = way.track(x0, k, sides[k], cells[k], block, &steps);
    }
    Some((0..levels).map(|level| thinned(state, ends, x0, &tracks, &sides, cells, 1 << level)).collect())
}

/// Half-points of the finest grid on one side, and whether the walk was stopped.
type Track = (Vec<f64>, bool);

/// How a side ends.
#[derive(Debug, Clone, Copy)]
enum Side {
    /// Followed for this length of the Lamperti coordinate, or to an end where nothing is aligned.
    Open(f64),
    /// A regular end at this distance.
    Aligned(f64),
}

/// Whether drift and diffusion are finite and the diffusion positive on an end itself.
fn regular(coefficients: &mut Coefficients, t0: f64, end: f64) -> bool {
    let (a, b) = coefficients.at(t0, end);
    a.is_finite() && b.is_finite() && b.abs() > 0.0
}

/// The grading `1 + (scale/y)^{1 - 1/power}/power` of the distance `y` from an end.
#[derive(Debug, Clone, Copy)]
struct Grade {
    end: f64,
    scale: f64,
    power: f64,
    /// `y = flat · |x - end| / b` near the end.
    flat: f64,
}

/// The local powers at an end where the diffusion vanishes: with `b ~ d^γ` and `c = d a/D` the speed density is `y^{δ-1}`,
/// `δ = 1 + (c - γ)/(1 - γ)`, and the fitted fluxes err as the spacing to `1 + δ`. `None` where the end is not reached
/// or needs no grading.
fn grade(way: &mut Way, x0: f64, end: f64, boundary: Boundary, scale: f64) -> Option<Grade> {
    let inwards = (x0 - end).signum();
    let d = 1e-6 * (x0 - end).abs();
    let (a, b) = way.coefficients.at(way.t0, end + inwards * d);
    let (_, twice) = way.coefficients.at(way.t0, end + 2.0 * inwards * d);
    let gamma = math::ln((twice / b).abs()) / std::f64::consts::LN_2;
    let c = 2.0 * d * a * inwards / (b * b);
    let delta = 1.0 + (c - gamma) / (1.0 - gamma);
    if !(delta.is_finite() && gamma < 0.999) {
        return None;
    }
    // What is absorbed leaves a density that vanishes with the other solution.
    let delta = if boundary == Boundary::Absorbing || delta <= 0.0 { 2.0 - delta } else { delta };
    let power = (ORDER / (1.0 + delta)).clamp(1.0, ORDER);
    (power > 1.0).then_some(Grade { end, scale, power, flat: 1.0 / (1.0 - gamma) })
}

/// Signed length of the `q`-th half-step outwards on side `k` (0 below, 1 above), always positive.
type Steps = Box<dyn Fn(usize, usize) -> f64>;

fn steps(sides: &[Side; 2], cells: [usize; 2], spacing: f64) -> Steps {
    let own = |k: usize| match sides[k] {
        Side::Aligned(distance) => Some(distance / cells[k] as f64),
        Side::Open(_) => None,
    };
    let fits = |a: f64, b: f64| a < ALIKE * b && b < ALIKE * a;
    let [below, above] = match [own(0), own(1)] {
        [None, None] => [spacing; 2],
        [Some(d), None] => [d, if fits(d, spacing) { d } else { spacing }],
        [None, Some(d)] => [if fits(d, spacing) { d } else { spacing }, d],
        [Some(d1), Some(d2)] if fits(d1, d2) => {
            // ξ(s) = h s + g s² meets both ends on whole numbers of cells.
            let g = (d2 - d1) / (cells[0] + cells[1]) as f64;
            let h = d1 + g * cells[0] as f64;
            return Box::new(move |k, q| {
                let s = 0.5 * q as f64 + 0.25;
                0.5 * h + g * if k == 0 { -s } else { s }
            });
        }
        [Some(d1), Some(d2)] => [d1, d2],
    };
    Box::new(move |k, _| 0.5 * [below, above][k])
}

/// `dx/dξ` along a grid, and walks along it.
struct Way<'a> {
    coefficients: &'a mut Coefficients,
    state: &'a State,
    t0: f64,
    grades: [Option<Grade>; 2],
    ring: bool,
}

impl Way<'_> {
    /// `dy/dξ` at a state where the diffusion is `b`.
    fn share(&self, x: f64, b: f64) -> f64 {
        let slow = |grade: &Grade| {
            let y = grade.flat * (x - grade.end).abs() / b;
            math::pow(grade.scale / y, 1.0 - 1.0 / grade.power) / grade.power
        };
        1.0 / (1.0 + self.grades.iter().flatten().map(slow).sum::<f64>())
    }

    /// `dx/dξ`; `None` outside the domain or where it is not finite. `clamped` takes a state beyond an end for the end.
    fn speed(&mut self, x: f64, clamped: bool) -> Option<f64> {
        let (lower, upper) = (self.state.lower, self.state.upper);
        let x = if self.ring {
            wrapped(x, lower, upper)
        } else if clamped {
            x.clamp(lower, upper)
        } else {
            x
        };
        if !clamped && !self.ring && !self.state.holds(x) {
            return None;
        }
        let b = self.coefficients.at(self.t0, x).1.abs();
        let speed = b * self.share(x, b);
        (speed.is_finite() && speed > 0.0).then_some(speed)
    }

    /// A classical Runge-Kutta step.
    fn step(&mut self, x: f64, h: f64, clamped: bool) -> Option<f64> {
        let k1 = self.speed(x, clamped)?;
        let k2 = self.speed(x + 0.5 * h * k1, clamped)?;
        let k3 = self.speed(x + 0.5 * h * k2, clamped)?;
        let k4 = self.speed(x + h * k3, clamped)?;
        let next = x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
        let inside = clamped || self.ring || self.state.holds(next);
        (next.is_finite() && inside && (next - x).abs() > 1e-14 * (1e-300 + x.abs())).then_some(next)
    }

    /// `|∫ dξ|` from a state to a regular end, in steps of at most `h`.
    fn distance(&mut self, x0: f64, end: f64, h: f64) -> Option<f64> {
        let (mut x, mut distance) = (x0, 0.0);
        let signed = h * (end - x0).signum();
        for _ in 0..PARTS * PARTS {
            match self.step(x, signed, false) {
                Some(next) => (x, distance) = (next, distance + h),
                None => break,
            }
        }
        let rest = gauss(x, end, &mut |x| self.speed(x, true).map_or(f64::NAN, |speed| 1.0 / speed)).abs();
        (distance + rest).is_finite().then_some(distance + rest)
    }

    /// States at half-steps from the start towards side `k`, and whether an end or infinity stopped the walk.
    fn track(&mut self, x0: f64, k: usize, side: Side, cells: usize, block: usize, steps: &Steps) -> Track {
        let sign = if k == 0 { -1.0 } else { 1.0 };
        let (mut points, mut stopped) = (Vec::new(), false);
        let mut x = x0;
        match side {
            Side::Aligned(_) => {
                let end = if k == 0 { self.state.lower } else { self.state.upper };
                for q in 0..2 * cells - 1 {
                    let Some(next) = self.step(x, sign * steps(k, q), true) else { break };
                    x = next;
                    points.push(x);
                }
                points.push(end);
            }
            Side::Open(length) => {
                let mut gone = 0.0;
                // To the edge of a coarsest cell, so that all grids reach as far.
                let mut q = 0;
                while gone < length || q < 3 * block || q % (2 * block) != block {
                    let h = steps(k, q);
                    let Some(next) = self.step(x, sign * h, false) else {
                        stopped = true;
                        break;
                    };
                    let b = self.coefficients.at(self.t0, next).1.abs();
                    gone += h * self.share(next, b);
                    x = next;
                    points.push(x);
                    q += 1;
                }
            }
        }
        (points, stopped)
    }
}

fn wrapped(x: f64, lower: f64, upper: f64) -> f64 {
    let period = upper - lower;
    let turns = ((x - lower) / period).floor();
    x - turns * period
}

/// The grid of every `stride`-th node of the finest.
fn thinned(
    state: &State,
    ends: Ends,
    x0: f64,
    tracks: &[Track; 2],
    sides: &[Side; 2],
    cells: [usize; 2],
    stride: usize,
) -> Grid {
    let limits = [state.lower, state.upper];
    let (mut at, mut blocked, mut kinds) = ([false; 2], [false; 2], [End::Cut; 2]);
    let mut halves = [Vec::new(), Vec::new()];
    for k in 0..2 {
        let (track, stopped) = &tracks[k];
        let half = |j: usize| track.get(j * stride - 1).copied();
        // Edge, node, edge, …
        let mut points: Vec<f64> = (1..).map_while(half).collect();
        match sides[k] {
            Side::Aligned(_) => {
                (at[k], blocked[k]) = (true, true);
                points.truncate(2 * cells[k] / stride);
                if ends[k] == Boundary::Absorbing {
                    kinds[k] = End::Sink(limits[k]);
                    points.pop();
                } else {
                    kinds[k] = End::Mirror;
                    points.push(limits[k]);
                }
            }
            Side::Open(_) => {
                if points.len().is_multiple_of(2) {
                    points.pop();
                }
                blocked[k] = *stopped;
                if *stopped && limits[k].is_finite() {
                    (at[k], kinds[k]) = (true, End::Edge);
                    match points.last_mut() {
                        Some(edge) => *edge = limits[k],
                        None => points.push(limits[k]),
                    }
                } else if points.is_empty() {
                    points.push(x0 + if k == 0 { -1e-300 } else { 1e-300 });
                }
            }
        }
        halves[k] = points;
    }
    let [mut points, above] = halves;
    points.reverse();
    let start = points.len();
    points.push(x0);
    points.extend(above);
    Grid {
        edges: points.iter().step_by(2).copied().collect(),
        nodes: points.iter().skip(1).step_by(2).copied().collect(),
        start: start / 2,
        at_lower: at[0],
        at_upper: at[1],
        blocked,
        ends: kinds,
        ring: false,
    }
}

/// Grids around a ring: cells in the order of the domain, the first node the first above its lower end.
fn ring(way: &mut Way, x0: f64, spacing: f64, block: usize, levels: u32) -> Option<Vec<Grid>> {
    let (lower, upper) = (way.state.lower, way.state.upper);
    let round = (upper - lower) / PARTS as f64;
    let mut inverse = |x: f64| way.speed(x, false).map_or(f64::NAN, |speed| 1.0 / speed);
    // The midpoint rule is spectrally exact for a periodic function.
    let length: f64 = (0..PARTS).map(|i| inverse(lower + (i as f64 + 0.5) * round) * round).sum();
    let cells = ((length / (block as f64 * spacing)).ceil() as usize).max(4) * block;
    if !(length.is_finite() && cells < 1 << 20) {
        return None;
    }
    let h = 0.5 * length / cells as f64;
    let mut points = vec![x0];
    for q in 1..2 * cells {
        points.push(way.step(points[q - 1], h, true)?);
    }
    let period = upper - lower;
    let thin = |stride: usize| {
        let n = cells / stride;
        // Node `j` is the half-point `2 stride j`; those beyond the upper end come first, one period lower.
        let node = |j: usize| points[2 * stride * j];
        let edge = |j: usize| points[2 * stride * j + stride];
        let beyond = (0..n).filter(|j| node(*j) >= upper).count();
        let order = (n - beyond..n).map(|j| (j, period)).chain((0..n - beyond).map(|j| (j, 0.0)));
        let order: Vec<(usize, f64)> = order.collect();
        let nodes: Vec<f64> = order.iter().map(|(j, back)| node(*j) - back).collect();
        let above: Vec<f64> = order.iter().map(|(j, back)| edge(*j) - back).collect();
        let mut edges = vec![above[n - 1] - period];
        edges.extend(&above);
        Grid {
            edges,
            nodes,
            start: beyond,
            at_lower: false,
            at_upper: false,
            blocked: [true; 2],
            ends: [End::Cut; 2],
            ring: true,
        }
    };
    Some((0..levels).map(|level| thin(1 << level)).collect())
}

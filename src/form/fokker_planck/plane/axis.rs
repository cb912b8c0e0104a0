//! One axis of the grid: fine where the probability is, the start on a node, a reached end on an edge.
//!
//! `u = ∫ dx / b(x)` with `b² = D_kk` along the line through the start, in which the noise is even; where none acts on the axis `u`
//! is `x`. Cells are even in `z`, `u = c + s sinh((z - z₀)/s)`: of one size over the body of the law, wider in its tails. Three cells are one of the coarse grid, whose node is the middle one's: the only coarsening that keeps both
//! the start on a node and an end on an edge.

use crate::base::math;
use crate::process::State;

/// Cells and nodes along one state.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// n + 1
    pub edges: Vec<f64>,
    /// n
    pub nodes: Vec<f64>,
    /// The node at the start value.
    pub start: usize,
    /// Whether the first and last edge are ends of the state's domain.
    pub at_end: [bool; 2],
}

impl Axis {
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Spacing of the nodes at the finest.
    pub fn spacing(&self) -> f64 {
        self.nodes.windows(2).map(|x| x[1] - x[0]).fold(f64::INFINITY, f64::min)
    }

    /// Masses of the start: all in its cell, or `wide` as a normal law of two cells.
    pub fn at_start(&self, wide: bool) -> Vec<f64> {
        const WIDTH: f64 = 2.0;
        let x0 = self.nodes[self.start];
        let sd = WIDTH * (self.edges[self.start + 1] - self.edges[self.start]);
        let below = |x: f64| math::normal_cdf((x - x0) / sd);
        let n = self.len();
        (0..n)
            .map(|i| {
                let low = if i == 0 { 0.0 } else { below(self.edges[i]) };
                let high = if i + 1 == n { 1.0 } else { below(self.edges[i + 1]) };
                if wide { high - low } else { f64::from(u8::from(i == self.start)) }
            })
            .collect()
    }

    /// The plain cell widths.
    pub fn plain_widths(&self) -> Vec<f64> {
        self.edges.windows(2).map(|e| e[1] - e[0]).collect()
    }
}

/// The map `u → x` on one side of the start.
#[derive(Debug, Clone)]
struct Side {
    /// Spacing of the table in u.
    du: f64,
    /// x at 0, du, 2 du, …
    x: Vec<f64>,
    /// Distance in u at which a finite end of the domain lies, and the end.
    end: Option<(f64, f64)>,
}

/// How the coordinates of an axis stretch, below and above the start.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    sides: [Side; 2],
    /// Middle `c` and width `s` of the law's body in u.
    body: (f64, f64),
}

/// Room beyond the farthest state seen, in u. The farthest of some thousand normal values is at 3.7 sd, and 6.4 sd leave 1e-10.
const ROOM: f64 = 1.8;
/// A side on which little was seen still gets this share of the other.
const LEAST: f64 = 0.2;
/// The width of the body against half the range of the states given for it.
const BODY: f64 = 0.5;
/// Points of the table up to the farthest state seen, and the most it may have.
const POINTS: f64 = 400.0;
const MOST: usize = 40_000;

impl Stretch {
    /// From `x0` to past the outermost states `seen`, finest between those of `body`; `room` widens both sides. `b` is the root of the
    /// diffusion along the axis.
    pub fn new(
        mut b: impl FnMut(f64) -> f64,
        state: &State,
        x0: f64,
        [seen, body]: [[f64; 2]; 2],
        room: [f64; 2],
    ) -> Stretch {
        let size = (seen[1] - seen[0]).max(1e-300);
        let even = !(b(x0) > 0.0 && b(x0).is_finite());
        let mut b = |x: f64| if even { size } else { b(x) };
        let du = size / b(x0) / POINTS;
        let distance = seen.map(|x| reach(&mut b, state, x0, x, du));
        let whole = [0, 1].map(|k| (ROOM * room[k]) * distance[k].max(LEAST * distance[1 - k]));
        let sides = [0, 1].map(|k| march(&mut b, state, x0, if k == 0 { -du } else { du }, whole[k]));
        let [low, high] = body.map(|x| reach(&mut b, state, x0, x, du) * if x < x0 { -1.0 } else { 1.0 });
        let least = LEAST * (distance[0] + distance[1]) / POINTS.sqrt();
        Stretch { sides, body: (0.5 * (low + high), BODY * (0.5 * (high - low)).max(least)) }
    }

    fn z(&self, u: f64) -> f64 {
        let (c, s) = self.body;
        s * (asinh((u - c) / s) + asinh(c / s))
    }

    fn u(&self, z: f64) -> f64 {
        let (c, s) = self.body;
        c + s * math::sinh(z / s - asinh(c / s))
    }

    /// About `3 coarse` cells, and exactly three for each of the coarse grid's when `coarsened`.
    pub fn axis(&self, x0: f64, coarse: usize, coarsened: bool) -> Axis {
        let sign = [-1.0, 1.0];
        let reach = [0, 1].map(|k| sign[k] * self.z(sign[k] * self.sides[k].reach()));
        let spacing = (reach[0] + reach[1]) / coarse as f64;
        // k + ½ coarse cells on each side of the start.
        let sides = [0, 1].map(|k| {
            let cells = reach[k] / spacing - 0.5;
            match self.sides[k].end {
                Some(_) => {
                    let cells = cells.round().max(1.0);
                    (cells as usize, reach[k] / (cells + 0.5))
                }
                None => (cells.ceil().max(1.0) as usize, spacing),
            }
        });
        let cells = sides.map(|(k, h)| if coarsened { (k, h) } else { (3 * k + 1, h / 3.0) });
        // Edge, node, …, edge at the half spacings, for the whole cells and the start's half.
        let side = |k: usize| -> Vec<f64> {
            let (n, h) = cells[k];
            let distance = |half: usize| sign[k] * self.u(sign[k] * 0.5 * h * half as f64);
            let mut points: Vec<f64> = (1..=2 * n + 1).map(|half| self.sides[k].at(distance(half))).collect();
            if let (Some((_, end)), Some(last)) = (self.sides[k].end, points.last_mut()) {
                *last = end;
            }
            points
        };
        let mut points: Vec<f64> = side(0).into_iter().rev().collect();
        points.push(x0);
        points.extend(side(1));
        Axis {
            edges: points.iter().step_by(2).copied().collect(),
            nodes: points.iter().skip(1).step_by(2).copied().collect(),
            start: cells[0].0,
            at_end: [0, 1].map(|k| self.sides[k].end.is_some()),
        }
    }
}

impl Side {
    /// How far the axis goes in u.
    fn reach(&self) -> f64 {
        self.end.map_or((self.x.len() - 1) as f64 * self.du, |(u, _)| u)
    }

    /// The state at distance `u`: a cubic through four values of the table, straight on beyond it.
    fn at(&self, u: f64) -> f64 {
        let last = self.x.len() - 1;
        let s = u / self.du;
        if let (Some((end, x)), true) = (self.end, s > last as f64) {
            let share = (s - last as f64) / (end / self.du - last as f64);
            return self.x[last] + (x - self.x[last]) * share.min(1.0);
        }
        if last < 3 || s > last as f64 {
            let i = (s as usize).min(last.saturating_sub(1));
            return self.x[i] + (self.x[(i + 1).min(last)] - self.x[i]) * (s - i as f64);
        }
        let i = (s as usize).clamp(1, last - 2);
        let s = s - i as f64;
        let [a, b, c, d] = [self.x[i - 1], self.x[i], self.x[i + 1], self.x[i + 2]];
        b + s * (0.5 * (c - a) + s * (a - 2.5 * b + 2.0 * c - 0.5 * d + s * (1.5 * (b - c) + 0.5 * (d - a)))) // Catmull & Rom 1974
    }
}

fn asinh(x: f64) -> f64 {
    let a = x.abs();
    math::ln_1p(a + a * a / (1.0 + (1.0 + a * a).sqrt())).copysign(x)
}

/// Distance in u from `x0` to `x`.
fn reach(b: &mut impl FnMut(f64) -> f64, state: &State, x0: f64, x: f64, du: f64) -> f64 {
    let (mut at, mut steps) = (x0, 0usize);
    let du = if x < x0 { -du } else { du };
    while (x - at) * du > 0.0 && steps < MOST {
        match step(b, state, at, du) {
            Some(next) => at = next,
            None => break,
        }
        steps += 1;
    }
    steps as f64 * du.abs()
}

fn march(b: &mut impl FnMut(f64) -> f64, state: &State, x0: f64, du: f64, distance: f64) -> Side {
    let finite = if du < 0.0 { state.lower } else { state.upper };
    let mut x = vec![x0];
    let mut at = x0;
    let steps = ((distance / du.abs()).ceil() as usize).clamp(4, MOST);
    for _ in 0..steps {
        match step(b, state, at, du) {
            Some(next) => at = next,
            None if finite.is_finite() => {
                // Beside an end `b` is about a power of the distance, for which what is left lies between one and two of this.
                let left = (1.5 * (finite - at).abs() / b(at).abs()).min(2.0 * du.abs());
                let u = (x.len() - 1) as f64 * du.abs() + left;
                return Side { du: du.abs(), x, end: Some((u, finite)) };
            }
            None => break,
        }
        x.push(at);
    }
    Side { du: du.abs(), x, end: None }
}

/// One classical Runge-Kutta step of `dx/du = b(x)`; `None` where it leaves the domain or loses finiteness.
fn step(b: &mut impl FnMut(f64) -> f64, state: &State, x: f64, h: f64) -> Option<f64> {
    let mut slope = |x: f64| {
        let value = if state.holds(x) { b(x) } else { return None };
        (value.is_finite() && value > 0.0).then_some(value)
    };
    let k1 = slope(x)?;
    let k2 = slope(x + 0.5 * h * k1)?;
    let k3 = slope(x + 0.5 * h * k2)?;
    let k4 = slope(x + h * k3)?;
    let next = x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
    (next.is_finite() && state.holds(next) && next != x).then_some(next)
}

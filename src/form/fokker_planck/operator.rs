//! The finite-volume matrix: rates between neighbouring cells, and into the ends that keep what arrives.

use super::super::lamperti::{End, Grid};
use super::jumps::Kernel;
use super::layout::Ends;
use crate::base::math;
use crate::process::{Boundary, Coefficients};
use std::sync::Arc;

/// `dm_i/dt = up[i-1] m[i-1] + down[i+1] m[i+1] - (up[i] + down[i]) m[i]` along a chain: columns sum to zero, rates are
/// positive. An end that absorbs is a state of the chain beyond the cells, which nothing leaves.
#[derive(Debug, Clone)]
pub(super) struct Operator {
    /// Around a ring the last entry leads to the first state.
    pub up: Vec<f64>,
    /// Around a ring the first entry leads to the last state.
    pub down: Vec<f64>,
    /// `∫ s(x)/s(x_i) dx` over each cell with the local stationary shape `s`: probability over width is the density at
    /// the node, also where the density is singular at an end of the domain.
    pub widths: Vec<f64>,
    /// The powers of the distance as which the density starts at ends that the diffusion vanishes at.
    pub powers: [Option<f64>; 2],
    /// Whether there is a state for what is absorbed below and above.
    pub sinks: [bool; 2],
    pub ring: bool,
    /// The square of the drift that carries a current around a ring, over the diffusion's; zero elsewhere.
    pub current: f64,
    /// Shared by the stages of steps in time.
    pub jumps: Option<Arc<Kernel>>,
}

impl Operator {
    /// A chain with these rates and nothing else.
    pub fn chain(up: Vec<f64>, down: Vec<f64>) -> Operator {
        let (widths, powers) = (Vec::new(), [None; 2]);
        Operator { up, down, widths, powers, sinks: [false; 2], ring: false, current: 0.0, jumps: None }
    }

    /// Assemble at `time`; `None` where a coefficient is not finite or the diffusion vanishes inside.
    ///
    /// The flux between nodes is that of a frozen drift-to-diffusion ratio: with `q = D p`, `D = b²/2` and
    /// `w = ∫ a/D dx` between the nodes, `J = (B(-w) q_i - B(w) q_{i+1})/h`, `B` the Bernoulli function. Beside an end where
    /// the diffusion vanishes the ratio is frozen times the distance, so that powers of it are kept.
    pub fn new(grid: &Grid, ends: Ends, coefficients: &mut Coefficients, time: f64) -> Option<Operator> {
        let n = grid.len();
        if n < 3 {
            return None;
        }
        let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
        coefficients.eval(time, &grid.nodes, &mut a, &mut b);
        let d: Vec<f64> = b.iter().map(|b| 0.5 * b * b).collect();
        if d.iter().any(|d| !(*d > 0.0 && d.is_finite())) {
            return None;
        }
        let poles = Poles::new(grid);
        let w = poles.drift_over_diffusion(grid, coefficients, time);
        if w.iter().any(|w| !w.is_finite()) {
            return None;
        }
        let edge = |k: usize| if k == 0 { grid.edges[0] } else { grid.edges[n] };
        // (first, second) nodes beside each end, and what leaves the first towards it, per density and D.
        let beside = [(0, 1), (n - 1, n - 2)];
        let mut outwards: [Option<f64>; 2] = [None; 2];
        let mut absorbed = [0.0; 2];
        for (k, (first, second)) in beside.into_iter().enumerate() {
            let (ratio, w_in) = (d[second] / d[first], if k == 0 { w[0] } else { -w[n - 2] });
            outwards[k] = match grid.ends[k] {
                End::Sink(end) => {
                    let w = gauss_ratio(coefficients, time, end, grid.nodes[first]);
                    Some(bernoulli(w) / (grid.nodes[first] - end).abs())
                }
                End::Edge => {
                    let (near, far) = ((grid.nodes[first] - edge(k)).abs(), (grid.nodes[second] - edge(k)).abs());
                    let span = math::ln(far / near);
                    // e^W ~ d^c and the speed density ~ d^power.
                    let (c, power) = (w_in / span, (w_in - math::ln(ratio)) / span);
                    // A state for what is kept, whether or not anything arrives at this time.
                    let holds = coefficients.at(time, edge(k)) == (0.0, 0.0);
                    let absorbs = ends[k] == Boundary::Absorbing || holds && power <= -1.0 + 0.05;
                    if absorbs && c < 1.0 {
                        // Beside it the density is the stationary shape times the scale from the end.
                        absorbed[k] = 1.0 - c;
                        Some((1.0 - c) / near)
                    } else {
                        (holds || ends[k] == Boundary::Absorbing).then_some(0.0)
                    }
                }
                End::Cut | End::Mirror => None,
            };
            if outwards[k].is_some_and(|rate| !(rate.is_finite() && rate >= 0.0)) {
                return None;
            }
        }
        let (widths, powers) = poles.widths(grid, &d, &w, absorbed);
        let (mut up, mut down) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..n - 1 {
            let [forth, back] = poles.rates(grid, i, w[i]);
            up[i] = forth * d[i] / widths[i];
            down[i + 1] = back * d[i + 1] / widths[i + 1];
        }
        let mut current = 0.0;
        if grid.ring {
            let h = grid.nodes[0] - grid.edges[0] + grid.edges[n] - grid.nodes[n - 1];
            let round =
                gauss_ratio(coefficients, time, grid.nodes[n - 1] - (grid.edges[n] - grid.edges[0]), grid.nodes[0]);
            up[n - 1] = bernoulli(-round) * d[n - 1] / (h * widths[n - 1]);
            down[0] = bernoulli(round) * d[0] / (h * widths[0]);
            let work = w.iter().sum::<f64>() + round;
            let size = w.iter().map(|w| w.abs()).sum::<f64>() + round.abs();
            if work.abs() > 1e-12 * size {
                // The part of the drift that is no slope of a potential, in the coordinate in which the diffusion is one.
                let round: f64 = (0..n).map(|i| (grid.edges[i + 1] - grid.edges[i]) / b[i].abs()).sum();
                current = 0.25 * work * work / (round * round);
            }
        }
        if let Some(rate) = outwards[0] {
            down[0] = rate * d[0] / widths[0];
            (up, down) = ([vec![0.0], up].concat(), [vec![0.0], down].concat());
        }
        if let Some(rate) = outwards[1] {
            let last = up.len() - 1;
            up[last] = rate * d[n - 1] / widths[n - 1];
            up.push(0.0);
            down.push(0.0);
        }
        let sinks = outwards.map(|rate| rate.is_some());
        Some(Operator { up, down, widths, powers, sinks, ring: grid.ring, current, jumps: None })
    }

    /// The chain's position of cell `i`.
    pub fn place(&self, i: usize) -> usize {
        i + usize::from(self.sinks[0])
    }

    /// The cells of a chain's probabilities, and what was absorbed below and above.
    pub fn parts(&self, mass: &[f64]) -> (Vec<f64>, [f64; 2]) {
        let (first, last) = (self.place(0), mass.len() - usize::from(self.sinks[1]));
        let below = if self.sinks[0] { mass[0] } else { 0.0 };
        let above = if self.sinks[1] { mass[last] } else { 0.0 };
        (mass[first..last].to_vec(), [below, above])
    }

    /// What flows into the sinks below and above per unit of time.
    pub fn absorption(&self, mass: &[f64]) -> [f64; 2] {
        let n = mass.len();
        let below = if self.sinks[0] { self.down[1] * mass[1] } else { 0.0 };
        let above = if self.sinks[1] { self.up[n - 2] * mass[n - 2] } else { 0.0 };
        [below, above]
    }

    /// `out = A m`, jumps included.
    pub fn apply(&self, mass: &[f64], out: &mut [f64]) {
        let n = mass.len();
        // Through the fluxes, so that what leaves one cell enters the next to the last bit.
        let round = if self.ring { self.up[n - 1] * mass[n - 1] - self.down[0] * mass[0] } else { 0.0 };
        let mut inflow = round;
        for i in 0..n {
            let outflow = if i + 1 < n { self.up[i] * mass[i] - self.down[i + 1] * mass[i + 1] } else { round };
            out[i] = inflow - outflow;
            inflow = outflow;
        }
        if let Some(kernel) = &self.jumps {
            kernel.add(mass, out);
            for (o, (m, rate)) in out.iter_mut().zip(mass.iter().zip(&kernel.leaving)) {
                *o -= rate * m;
            }
        }
    }

    /// Largest rate of leaving a cell.
    pub fn fastest(&self) -> f64 {
        self.up.iter().zip(&self.down).map(|(u, d)| u + d).fold(0.0, f64::max)
    }
}

/// `z/(e^z - 1)`
fn bernoulli(z: f64) -> f64 {
    if z.abs() < 1e-9 { 1.0 - 0.5 * z } else { z / math::exp_m1(z) }
}

// √(3/5) and the weights 5/9, 8/9, 5/9 (Abramowitz & Stegun 1964, table 25.4).
const NODE: f64 = 0.774_596_669_241_483_4;

/// `∫ a/D dx` between two states by three-point Gauss-Legendre quadrature.
fn gauss_ratio(coefficients: &mut Coefficients, time: f64, from: f64, to: f64) -> f64 {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    let mut ratio = |x: f64| {
        let (a, b) = coefficients.at(time, x);
        2.0 * a / (b * b)
    };
    half * (5.0 * ratio(middle - NODE * half) + 8.0 * ratio(middle) + 5.0 * ratio(middle + NODE * half)) / 9.0
}

/// The ends of the domain at which coefficients vanish or grow as powers of the distance; each node belongs to the nearer.
struct Poles {
    ends: [Option<f64>; 2],
    middle: f64,
}

impl Poles {
    fn new(grid: &Grid) -> Poles {
        let n = grid.len();
        let edges = [grid.edges[0], grid.edges[n]];
        let end = |k: usize| (grid.ends[k] == End::Edge).then_some(edges[k]);
        let ends = [end(0), end(1)];
        let middle = if ends.iter().all(|e| e.is_some()) { 0.5 * (edges[0] + edges[1]) } else { f64::NAN };
        Poles { ends, middle }
    }

    fn of(&self, x: f64) -> Option<f64> {
        match self.ends {
            [Some(lower), Some(upper)] => Some(if x < self.middle { lower } else { upper }),
            [one, other] => one.or(other),
        }
    }

    /// `∫ a/D dx` between neighbouring nodes by three-point Gauss-Legendre quadrature, beside an end in the logarithm of the
    /// distance.
    fn drift_over_diffusion(&self, grid: &Grid, coefficients: &mut Coefficients, time: f64) -> Vec<f64> {
        let faces = grid.len() - 1;
        let (mut x, mut weight) = (Vec::with_capacity(3 * faces), Vec::with_capacity(3 * faces));
        for (i, w) in grid.nodes.windows(2).enumerate() {
            match self.of(grid.edges[i + 1]) {
                None => {
                    let (middle, half) = (0.5 * (w[0] + w[1]), 0.5 * (w[1] - w[0]));
                    x.extend([middle - NODE * half, middle, middle + NODE * half]);
                    weight.extend([5.0 * half, 8.0 * half, 5.0 * half]);
                }
                Some(end) => {
                    let sign = (w[0] - end).signum();
                    let middle = ((w[0] - end) * (w[1] - end)).sqrt();
                    let half = 0.5 * math::ln((w[1] - end) / (w[0] - end));
                    let shift = math::exp(NODE * half);
                    for (d, share) in [(middle / shift, 5.0), (middle, 8.0), (middle * shift, 5.0)] {
                        x.push(end + sign * d);
                        weight.push(share * half * sign * d);
                    }
                }
            }
        }
        let (mut a, mut b) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        coefficients.eval(time, &x, &mut a, &mut b);
        let term = |k: usize| weight[k] * 2.0 * a[k] / (b[k] * b[k]);
        (0..faces).map(|i| (term(3 * i) + term(3 * i + 1) + term(3 * i + 2)) / 9.0).collect()
    }

    /// `1/∫ e^{-W}` between neighbouring nodes `i` and `i + 1`, seen from the first and from the second.
    fn rates(&self, grid: &Grid, i: usize, w: f64) -> [f64; 2] {
        let h = grid.nodes[i + 1] - grid.nodes[i];
        let Some(end) = self.of(grid.edges[i + 1]) else { return [bernoulli(-w) / h, bernoulli(w) / h] };
        let (left, right) = ((grid.nodes[i] - end).abs(), (grid.nodes[i + 1] - end).abs());
        // ∫ (x/left)^{-c} dx = left (r^{1-c} - 1)/(1 - c) with r = right/left and e^{-w} = r^{-c}.
        let span = math::ln(right / left);
        let z = span - w;
        [bernoulli(z) / (left * span.abs()), bernoulli(-z) / (right * span.abs())]
    }

    /// Cell widths weighted by the local stationary shape beside an end, times the distance to the power that an end which
    /// absorbs adds; plain widths elsewhere. And those powers in the cells beside the ends.
    fn widths(&self, grid: &Grid, d: &[f64], w: &[f64], absorbed: [f64; 2]) -> (Vec<f64>, [Option<f64>; 2]) {
        let n = grid.len();
        let mut powers = [None; 2];
        if self.ends == [None; 2] {
            return ((0..n).map(|i| grid.edges[i + 1] - grid.edges[i]).collect(), powers);
        }
        // Slope of ln s = ln(1/D) + ∫ a/D against ln(distance), from the chords on both sides of a node.
        let chord = |i: usize, end: f64| {
            let span = math::ln((grid.nodes[i + 1] - end) / (grid.nodes[i] - end));
            (w[i] - math::ln(d[i + 1] / d[i])) / span
        };
        let width = |i: usize| {
            let Some(end) = self.of(grid.nodes[i]) else { return grid.edges[i + 1] - grid.edges[i] };
            let power = match i {
                0 => chord(0, end),
                _ if i == n - 1 => chord(n - 2, end),
                _ => 0.5 * (chord(i - 1, end) + chord(i, end)),
            };
            let side = usize::from(self.ends[0] != Some(end));
            let power = power + absorbed[side];
            if i == [0, n - 1][side] {
                powers[side] = Some(power);
            }
            self.width(grid, i, power)
        };
        ((0..n).map(width).collect(), powers)
    }

    /// The width of a cell in which the shape is this power of the distance from the end.
    fn width(&self, grid: &Grid, i: usize, power: f64) -> f64 {
        let plain = grid.edges[i + 1] - grid.edges[i];
        let Some(end) = self.of(grid.nodes[i]) else { return plain };
        let distance = |x: f64| (x - end).abs();
        let node = distance(grid.nodes[i]);
        let (e, f) = (distance(grid.edges[i]) / node, distance(grid.edges[i + 1]) / node);
        let (near, far) = (e.min(f), e.max(f));
        let k = power + 1.0;
        if near == 0.0 && k <= 0.05 || !power.is_finite() || k.abs() > 200.0 {
            return plain;
        }
        let weighted = if k.abs() < 1e-9 { math::ln(far / near) } else { (math::pow(far, k) - math::pow(near, k)) / k };
        node * weighted
    }
}

//! The finite-volume matrix: rates between neighbouring cells.

use super::super::lamperti::Grid;
use crate::base::math;
use crate::process::Coefficients;

/// `dm_i/dt = up[i-1] m[i-1] + down[i+1] m[i+1] - (up[i] + down[i]) m[i]`: columns sum to zero, rates are positive.
#[derive(Debug, Clone)]
pub(super) struct Operator {
    pub up: Vec<f64>,
    pub down: Vec<f64>,
    /// `∫ s(x)/s(x_i) dx` over each cell with the local stationary shape `s`: probability over width is the density at
    /// the node, also where the density is singular at an end of the domain.
    pub widths: Vec<f64>,
}

impl Operator {
    /// Assemble at `time`; `None` where a coefficient is not finite or the diffusion vanishes inside.
    ///
    /// The flux between nodes is that of a frozen drift-to-diffusion ratio: with `q = D p`, `D = b²/2` and
    /// `w = ∫ a/D dx` between the nodes, `J = (B(-w) q_i - B(w) q_{i+1})/h`, `B` the Bernoulli function. `w` is taken by
    /// three-point Gauss quadrature.
    pub fn new(grid: &Grid, coefficients: &mut Coefficients, time: f64) -> Option<Operator> {
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
        let w = drift_over_diffusion(grid, coefficients, time);
        if w.iter().any(|w| !w.is_finite()) {
            return None;
        }
        let widths = widths(grid, &d, &w);
        let (mut up, mut down) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..n - 1 {
            let h = grid.nodes[i + 1] - grid.nodes[i];
            up[i] = bernoulli(-w[i]) * d[i] / (h * widths[i]);
            down[i + 1] = bernoulli(w[i]) * d[i + 1] / (h * widths[i + 1]);
        }
        // An end that is reached but never left again keeps what arrives.
        if grid.at_lower && is_trap(grid, coefficients, time, (0, 1), d[1] / d[0], w[0]) {
            up[0] = 0.0;
        }
        if grid.at_upper && is_trap(grid, coefficients, time, (n - 1, n - 2), d[n - 2] / d[n - 1], -w[n - 2]) {
            down[n - 1] = 0.0;
        }
        Some(Operator { up, down, widths })
    }

    /// `out = A m`
    pub fn apply(&self, mass: &[f64], out: &mut [f64]) {
        let n = mass.len();
        // Through the fluxes, so that what leaves one cell enters the next to the last bit.
        let mut inflow = 0.0;
        for i in 0..n {
            let outflow = if i + 1 < n { self.up[i] * mass[i] - self.down[i + 1] * mass[i + 1] } else { 0.0 };
            out[i] = inflow - outflow;
            inflow = outflow;
        }
    }

    /// Largest rate of leaving a cell.
    pub fn fastest(&self) -> f64 {
        self.up.iter().zip(&self.down).map(|(u, d)| u + d).fold(0.0, f64::max)
    }
}

/// Whether the end beside node `first` is an exit (Feller 1952): drift and diffusion vanish on it, and the speed density
/// `s`, as a power of the distance, is not integrable there. `ratio` and `w` are `D(second)/D(first)` and `∫ a/D` from the
/// first node to the second.
fn is_trap(
    grid: &Grid,
    coefficients: &mut Coefficients,
    time: f64,
    (first, second): (usize, usize),
    ratio: f64,
    w: f64,
) -> bool {
    let end = if first == 0 { grid.edges[0] } else { grid.edges[grid.len()] };
    let distances = (grid.nodes[second] - end).abs() / (grid.nodes[first] - end).abs();
    let power = (w - math::ln(ratio)) / math::ln(distances);
    coefficients.at(time, end) == (0.0, 0.0) && power <= -1.0 + 0.05
}

/// `z/(e^z - 1)`
fn bernoulli(z: f64) -> f64 {
    if z.abs() < 1e-9 { 1.0 - 0.5 * z } else { z / math::exp_m1(z) }
}

/// `∫ a/D dx` between neighbouring nodes by three-point Gauss-Legendre quadrature.
fn drift_over_diffusion(grid: &Grid, coefficients: &mut Coefficients, time: f64) -> Vec<f64> {
    // √(3/5) and the weights 5/9, 8/9, 5/9 (Abramowitz & Stegun 1964, table 25.4).
    const NODE: f64 = 0.774_596_669_241_483_4;
    let faces = grid.len() - 1;
    let mut x = Vec::with_capacity(3 * faces);
    for w in grid.nodes.windows(2) {
        let (middle, half) = (0.5 * (w[0] + w[1]), 0.5 * (w[1] - w[0]));
        x.extend([middle - NODE * half, middle, middle + NODE * half]);
    }
    let (mut a, mut b) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    coefficients.eval(time, &x, &mut a, &mut b);
    (0..faces)
        .map(|i| {
            let ratio = |k: usize| 2.0 * a[3 * i + k] / (b[3 * i + k] * b[3 * i + k]);
            let half = 0.5 * (grid.nodes[i + 1] - grid.nodes[i]);
            half * (5.0 * ratio(0) + 8.0 * ratio(1) + 5.0 * ratio(2)) / 9.0
        })
        .collect()
}

/// Cell widths weighted by the local stationary shape, taken as a power of the distance to a finite end of the domain
/// that the grid touches; plain widths elsewhere.
fn widths(grid: &Grid, d: &[f64], w: &[f64]) -> Vec<f64> {
    let n = grid.len();
    let plain = |i: usize| grid.edges[i + 1] - grid.edges[i];
    let end = match (grid.at_lower, grid.at_upper) {
        (true, _) => grid.edges[0],
        (false, true) => grid.edges[n],
        (false, false) => return (0..n).map(plain).collect(),
    };
    let distance = |x: f64| (x - end).abs();
    // Slope of ln s = ln(1/D) + ∫ a/D against ln(distance), from the chords on both sides of a node.
    let chord =
        |i: usize| (w[i] - math::ln(d[i + 1] / d[i])) / math::ln(distance(grid.nodes[i + 1]) / distance(grid.nodes[i]));
    (0..n)
        .map(|i| {
            let power = match i {
                0 => chord(0),
                _ if i == n - 1 => chord(n - 2),
                _ => 0.5 * (chord(i - 1) + chord(i)),
            };
            let node = distance(grid.nodes[i]);
            let (near, far) = {
                let (e, f) = (distance(grid.edges[i]) / node, distance(grid.edges[i + 1]) / node);
                (e.min(f), e.max(f))
            };
            let k = power + 1.0;
            if near == 0.0 && k <= 0.05 || !power.is_finite() || k.abs() > 200.0 {
                return plain(i);
            }
            let weighted =
                if k.abs() < 1e-9 { math::ln(far / near) } else { (math::pow(far, k) - math::pow(near, k)) / k };
            node * weighted
        })
        .collect()
}

//! The finite-volume operator of the plane: exponentially fitted fluxes along each axis, the cross term through the corners.
//!
//! The unknowns are the masses of the cells. Along an axis the flux `a p - ½ ∂(D p)` is Scharfetter & Gummel's (1969), as on
//! the line. Where no noise acts on an axis at all that would be first-order upwinding; there the flux is the mean of the
//! two cells', second order but not positive. `½ ∂x∂y(D₁₂ p)` twice is the difference of `D₁₂ p` at the four corners of a cell,
//! each corner the mean of the four cells around it and nothing on the outside: all three parts have zero column sums.

use super::axis::Axis;
use super::coefficients::{Coefficients, Values};
use super::lines::{Rates, Shape, WIDE};
use crate::base::math;

/// The operator on one grid at one time.
pub(super) struct Operator {
    /// Along the first axis (lines are the cells of the second), and along the second.
    pub along: [Rates; 2],
    /// `D₁₂ / 4` over the cell's area, stored like the second axis's fields; `None` where the noises are not correlated.
    pub cross: Option<Vec<f64>>,
    /// Largest |correlation| met.
    pub correlation: f64,
    /// `[axis]`: whether no noise acts along it.
    pub noiseless: [bool; 2],
}

impl Operator {
    /// `None` where a coefficient is not finite on the grid.
    pub fn new(
        axes: &[Axis; 2],
        weights: &[Weights; 2],
        coefficients: &mut Coefficients,
        time: f64,
    ) -> Option<Operator> {
        let (first, no_first) = rates(0, axes, weights, coefficients, time)?;
        let (second, no_second) = rates(1, axes, weights, coefficients, time)?;
        let (cross, correlation) = cross(axes, weights, coefficients, time)?;
        Some(Operator { along: [first, second], cross, correlation, noiseless: [no_first, no_second] })
    }
}

/// √(3/5): the nodes of three-point Gauss-Legendre quadrature, with weights 5/9, 8/9, 5/9.
const GAUSS: [f64; 3] = [-0.774_596_669_241_483_4, 0.0, 0.774_596_669_241_483_4];
const WEIGHTS: [f64; 3] = [5.0 / 9.0, 8.0 / 9.0, 5.0 / 9.0];

/// Values at `along[r]` for all lines of a field swept along `axis`.
fn values(axis: usize, along: &[f64], other: &[f64], coefficients: &mut Coefficients, time: f64) -> Values {
    let shape = Shape { rows: along.len(), lines: other.len() };
    let (mut swept, mut held) = (Vec::with_capacity(shape.size()), Vec::with_capacity(shape.size()));
    for first in (0..shape.lines).step_by(WIDE) {
        for x in along {
            for l in 0..WIDE {
                swept.push(*x);
                held.push(other[(first + l).min(shape.lines - 1)]);
            }
        }
    }
    coefficients.eval(time, if axis == 0 { [&swept, &held] } else { [&held, &swept] })
}

fn rates(
    axis: usize,
    axes: &[Axis; 2],
    weights: &[Weights; 2],
    coefficients: &mut Coefficients,
    time: f64,
) -> Option<(Rates, bool)> {
    let (nodes, other, widths) = (&axes[axis].nodes, &weights[1 - axis].centres, &weights[axis].widths);
    let shape = Shape { rows: nodes.len(), lines: other.len() };
    let d: Vec<f64> = values(axis, nodes, other, coefficients, time).spread[axis].iter().map(|d| 0.5 * d).collect();
    if d.iter().any(|d| !(*d >= 0.0 && d.is_finite())) {
        return None;
    }
    let noiseless = d.iter().all(|d| *d == 0.0);
    let faces: Vec<Values> = GAUSS
        .iter()
        .map(|g| {
            let x: Vec<f64> = nodes.windows(2).map(|w| 0.5 * (w[0] + w[1]) + 0.5 * g * (w[1] - w[0])).collect();
            values(axis, &x, other, coefficients, time)
        })
        .collect();
    let face = Shape { rows: shape.rows - 1, lines: shape.lines };
    let (mut up, mut down) = (vec![0.0; shape.size()], vec![0.0; shape.size()]);
    for r in 0..face.rows {
        let h = nodes[r + 1] - nodes[r];
        for line in 0..shape.lines {
            let (i, here, next) = (face.at(r, line), shape.at(r, line), shape.at(r + 1, line));
            let a = faces[1].drift[axis][i];
            if !a.is_finite() {
                return None;
            }
            // The integral of a/D between the nodes; the flux is (B(-w) D p - B(w) D' p')/h, B the Bernoulli function.
            let ratio = |k: usize| faces[k].drift[axis][i] / faces[k].spread[axis][i];
            let w: f64 = h * (0..3).map(|k| WEIGHTS[k] * ratio(k)).sum::<f64>();
            let (forth, back) = if noiseless {
                (0.5 * a, -0.5 * a)
            } else if w.abs() < LARGEST {
                (bernoulli(-w) * d[here] / h, bernoulli(w) * d[next] / h)
            } else {
                (a.max(0.0), (-a).max(0.0))
            };
            up[here] = forth / widths[r];
            down[next] = back / widths[r + 1];
        }
    }
    let finite = up.iter().chain(&down).all(|v| v.is_finite());
    finite.then_some((Rates { shape, up, down }, noiseless))
}

/// Beyond this share of drift the fitted flux is the upwind one to all digits, and its parts may not be finite.
const LARGEST: f64 = 500.0;

/// `z/(e^z - 1)`
fn bernoulli(z: f64) -> f64 {
    if z.abs() < 1e-9 { 1.0 - 0.5 * z } else { z / math::exp_m1(z) }
}

fn cross(
    axes: &[Axis; 2],
    weights: &[Weights; 2],
    coefficients: &mut Coefficients,
    time: f64,
) -> Option<(Option<Vec<f64>>, f64)> {
    let (rows, lines) = (axes[1].len(), axes[0].len());
    let Values { spread, cross, .. } = values(1, &weights[1].centres, &weights[0].centres, coefficients, time);
    if cross.iter().any(|c| !c.is_finite()) {
        return None;
    }
    if cross.iter().all(|c| *c == 0.0) {
        return Some((None, 0.0));
    }
    let correlation = (0..cross.len())
        .map(|k| cross[k].abs() / (spread[0][k] * spread[1][k]).sqrt())
        .filter(|c| c.is_finite())
        .fold(0.0, f64::max);
    let shape = Shape { rows, lines };
    let mut out = vec![0.0; shape.size()];
    for line in 0..lines {
        for r in 0..rows {
            let k = shape.at(r, line);
            out[k] = 0.25 * cross[k] / (weights[0].widths[line] * weights[1].widths[r]);
        }
    }
    Some((Some(out), correlation.min(1.0)))
}

/// How mass lies in the cells of an axis.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    /// With these a cell's mass is the density at its node.
    pub widths: Vec<f64>,
    /// Where the coefficients of the other axis are taken.
    pub centres: Vec<f64>,
    /// The powers of the distance as which the density starts at the ends of the domain.
    pub powers: [Option<f64>; 2],
}

/// Plain widths and the nodes; where the axis ends with the domain, weighted by the local stationary shape along the line through
/// the start, taken as a power of the distance, so that a density that is infinite at the end keeps its mass and its place.
///
/// # Errors
/// The side of an end that is reached and never left, which a density cannot hold: the shape is not integrable there.
pub(super) fn weights(
    axis: usize,
    axes: &[Axis; 2],
    coefficients: &mut Coefficients,
    time: f64,
) -> Result<Weights, usize> {
    let own = &axes[axis];
    let (mut widths, mut centres, mut powers) = (own.plain_widths(), own.nodes.clone(), [None; 2]);
    let n = own.len();
    let other = axes[1 - axis].nodes[axes[1 - axis].start];
    for side in [0, 1] {
        if !own.at_end[side] {
            continue;
        }
        let end = own.edges[side * n];
        let at = |r: usize| if side == 0 { r } else { n - 1 - r };
        let nodes: Vec<f64> = (0..=NEAR.min(n - 1)).map(|r| own.nodes[at(r)]).collect();
        let d = values(axis, &nodes, &[other], coefficients, time).spread[axis].clone();
        let pick = |r: usize| d[r * WIDE];
        // Slope of ln s = ln(1/D) + ∫ a/D against ln(distance).
        let mut chord = |r: usize| {
            let (from, to) = (nodes[r], nodes[r + 1]);
            let x: Vec<f64> = GAUSS.iter().map(|g| 0.5 * (from + to) + 0.5 * g * (to - from)).collect();
            let v = values(axis, &x, &[other], coefficients, time);
            let w: f64 = (to - from)
                * (0..3).map(|k| WEIGHTS[k] * v.drift[axis][k * WIDE] / v.spread[axis][k * WIDE]).sum::<f64>();
            (w - math::ln(pick(r + 1) / pick(r))) / math::ln((to - end) / (from - end))
        };
        let mut last = chord(0);
        if last <= TRAPPED {
            return Err(side);
        }
        powers[side] = Some(last);
        for r in 0..NEAR.min(n - 1) {
            let next = if r + 1 < nodes.len() { chord(r) } else { last };
            let power = if r == 0 { next } else { 0.5 * (last + next) };
            last = next;
            let node = (nodes[r] - end).abs();
            let (e, f) = ((own.edges[at(r)] - end).abs() / node, (own.edges[at(r) + 1] - end).abs() / node);
            let (near, far) = (e.min(f), e.max(f));
            let k = power + 1.0;
            if power.is_finite()
                && k.abs() > 1e-9
                && (k + 1.0).abs() > 1e-9
                && k.abs() < 200.0
                && !(near == 0.0 && k <= 0.05)
            {
                let mass = (math::pow(far, k) - math::pow(near, k)) / k;
                let moment = (math::pow(far, k + 1.0) - math::pow(near, k + 1.0)) / (k + 1.0);
                widths[at(r)] = node * mass;
                centres[at(r)] = end + (nodes[r] - end) * moment / mass;
            }
        }
    }
    Ok(Weights { widths, centres, powers })
}

/// Cells beside an end whose widths are weighted; farther off the weights are one to second order anyway.
const NEAR: usize = 1_000;
/// Powers of the distance from here down are not integrable.
const TRAPPED: f64 = -0.95;

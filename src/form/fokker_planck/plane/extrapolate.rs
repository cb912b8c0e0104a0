//! Richardson's extrapolation (1911) of the two grids: cells three times as wide, steps three times as long.
//!
//! Where both errors are of second order, an eighth of the difference is what the fine answer is wrong by. The correction is
//! of the *logarithm* of the density, so it keeps the sign.

use super::super::super::lamperti::{End, Grid};
use super::super::law::follow_power;
use super::axis::Axis;
use super::lines::Shape;
use super::operator::Weights;
use crate::base::math;
use crate::predictive::Density;

/// Masses on one grid at one time.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    /// `[y * nx + x]`
    pub mass: Vec<f64>,
    /// Steps taken so far.
    pub steps: usize,
}

/// One grid and what is on it.
pub(super) struct Level {
    pub axes: [Axis; 2],
    pub weights: [Weights; 2],
    /// One a time.
    pub solution: Vec<Cells>,
}

/// The part of the difference of the two grids that is the fine one's error, at this Péclet number of the fine one.
///
/// The fitted flux adds the share `f(w) = (w/2) coth(w/2) - 1` to the diffusion: `w²/12`, of second order, where the drift is weak
/// on a cell, and `|w|/2`, of first, where it is strong. The part is `1/(3^q - 1)` with `3^q = f(3w)/f(w)`.
pub(super) fn share(peclet: f64) -> f64 {
    let excess = |w: f64| 0.5 * w / math::tanh(0.5 * w) - 1.0;
    if peclet < 1e-2 { 1.0 / 8.0 } else { 1.0 / (excess(3.0 * peclet) / excess(peclet) - 1.0) }
}

/// No correction of the log density is taken above this: there the two grids do not yet converge.
const LARGEST: f64 = 0.2;
/// Below this share of the peak a density is not corrected.
const TRUSTED: f64 = 1e-8;
/// Coarse cells next to an end of the domain that are left as they are: the expansion in the spacing fails there.
const NEAR_END: usize = 3;

impl Level {
    pub fn shape(&self) -> Shape {
        Shape { rows: self.axes[1].len(), lines: self.axes[0].len() }
    }

    /// Masses of one component's cells.
    pub fn marginal(&self, time: usize, axis: usize) -> Vec<f64> {
        let nx = self.axes[0].len();
        let rows = self.solution[time].mass.chunks_exact(nx);
        if axis == 1 {
            return rows.map(|row| row.iter().sum()).collect();
        }
        rows.fold(vec![0.0; nx], |mut sum, row| {
            sum.iter_mut().zip(row).for_each(|(s, m)| *s += m);
            sum
        })
    }

    /// How much of the mass is negative.
    pub fn negative(&self, time: usize) -> f64 {
        self.solution[time].mass.iter().filter(|m| **m < 0.0).map(|m| -m).sum()
    }

    /// Probability in the outermost cells of sides that are not ends of the domain.
    pub fn beside(&self, time: usize) -> f64 {
        let side = |axis: usize, side: usize| {
            let masses = self.marginal(time, axis);
            let cell = if side == 0 { masses.first() } else { masses.last() };
            if self.axes[axis].at_end[side] { 0.0 } else { cell.map_or(0.0, |m| m.abs()) }
        };
        side(0, 0) + side(0, 1) + side(1, 0) + side(1, 1)
    }
}

/// The law of one component, and the estimated distance of the fine grid's distribution function from the true one.
/// `None` where nothing positive is left.
pub(super) fn law(
    (fine, coarse, share): (&Level, &Level, f64),
    time: usize,
    axis: usize,
    domain: [f64; 2],
) -> Option<(Density, f64)> {
    let (own, widths) = (&fine.axes[axis], &fine.weights[axis].widths);
    let (mass, rough) = (fine.marginal(time, axis), coarse.marginal(time, axis));
    let density: Vec<f64> = mass.iter().zip(widths).map(|(m, w)| m / w).collect();
    let rough_density: Vec<f64> = rough.iter().zip(&coarse.weights[axis].widths).map(|(m, w)| m / w).collect();
    let peak = density.iter().copied().fold(0.0, f64::max);
    let shared: Vec<f64> = (0..rough.len())
        .map(|c| {
            if near_end(&coarse.axes[axis], c) {
                0.0
            } else {
                correction(density[3 * c + 1], rough_density[c], peak, share)
            }
        })
        .collect();
    // With plain widths density times width is the midpoint rule's term; beside an end the weighted ones hold the mass.
    let plain = own.plain_widths();
    let nodes = own.len();
    let corrected: Vec<(f64, f64)> = (0..nodes)
        .map(|i| {
            let width = if near_end(&coarse.axes[axis], i / 3) { widths[i] } else { plain[i] };
            (width, density[i] * width * math::exp(between(&shared, &own.nodes, i)))
        })
        .collect();
    let (width, corrected): (Vec<f64>, Vec<f64>) = corrected.into_iter().unzip();
    let (mut sum, mut rough_sum, mut distance) = (0.0, 0.0, 0.0f64);
    for (c, m) in rough.iter().enumerate() {
        sum += mass[3 * c..3 * c + 3].iter().sum::<f64>();
        rough_sum += m;
        distance = distance.max((sum - rough_sum).abs());
    }
    let powers = fine.weights[axis].powers;
    let law = within(own, &width, &corrected, powers, domain)?;
    let mut error = share * distance;
    let singular = powers.map(|power| power.filter(|power| *power < 0.0));
    if singular != [None; 2] {
        let shape = &coarse.weights[axis];
        let other = within(&coarse.axes[axis], &shape.widths, &rough, shape.powers, domain)?;
        for (k, power) in singular.into_iter().enumerate().filter_map(|(k, power)| Some((k, power?))) {
            // Beside the end errors fall no faster than the probability there, as the width of its cell does.
            let [end, edge] =
                if k == 0 { [own.edges[0], own.edges[1]] } else { [own.edges[nodes], own.edges[nodes - 1]] };
            let left = 1.0 / (math::pow(3.0, 2.0 * (power + 1.0).max(LEAST_RISE)) - 1.0);
            let looks = (0..LOOKS).map(|look| end + (edge - end) * math::powi(NEARER, look));
            let apart = looks.map(|x| (law.cdf(x) - other.cdf(x)).abs()).fold(0.0, f64::max);
            error = error.max(left * apart);
        }
    }
    Some((law, error))
}

/// Looks into the cell beside an end at which a density is infinite, each so much nearer to it.
const LOOKS: i32 = 40;
const NEARER: f64 = 1e-2;
/// The least rise of the probability with the distance from an end that is counted on.
const LEAST_RISE: f64 = 0.05;

/// The law of masses on an axis; beside an end at which the density is infinite, as the power of the distance that it is.
fn within(axis: &Axis, widths: &[f64], mass: &[f64], powers: [Option<f64>; 2], domain: [f64; 2]) -> Option<Density> {
    let plain = Density::new(axis.edges.clone(), &axis.nodes, widths, mass, domain)?;
    let is_singular = |k: usize| axis.at_end[k] && powers[k].is_some_and(|power| power < 0.0);
    if !is_singular(0) && !is_singular(1) {
        return Some(plain);
    }
    let total: f64 = mass.iter().map(|m| m.max(0.0)).sum();
    let density: Vec<f64> = mass.iter().zip(widths).map(|(m, w)| m.max(0.0) / (w * total)).collect();
    let grid = Grid {
        edges: axis.edges.clone(),
        nodes: axis.nodes.clone(),
        start: axis.start,
        at_lower: axis.at_end[0],
        at_upper: axis.at_end[1],
        blocked: [false; 2],
        ends: [0, 1].map(|k| if is_singular(k) { End::Edge } else { End::Cut }),
        ring: false,
    };
    let mut cells: Vec<f64> = axis.edges.windows(2).map(|e| plain.cdf(e[1]) - plain.cdf(e[0])).collect();
    let (mut edges, mut nodes, mut densities) = (axis.edges.clone(), axis.nodes.clone(), density.clone());
    for k in [1, 0].into_iter().filter(|k| is_singular(*k)) {
        follow_power((&grid, &density, powers[k]), k, (&mut edges, &mut cells, &mut nodes, &mut densities));
    }
    Density::tabulated(edges, &cells, &nodes, &densities, domain)
}

/// Mean and covariance, themselves extrapolated: sums over all cells, where no correction is held back.
pub(super) fn moments((fine, coarse, share): (&Level, &Level, f64), time: usize) -> ([f64; 2], [[f64; 2]; 2]) {
    let on = |level: &Level| {
        let nx = level.axes[0].len();
        let [x, y] = &level.weights;
        let cells = || {
            let masses = level.solution[time].mass.iter().enumerate();
            masses.map(|(k, m)| (*m, [x.centres[k % nx], y.centres[k / nx]]))
        };
        let mean = [0, 1].map(|i| cells().map(|(m, at)| m * at[i]).sum::<f64>());
        let product =
            |i: usize, j: usize| cells().map(|(m, at)| m * (at[i] - mean[i]) * (at[j] - mean[j])).sum::<f64>();
        let both = product(0, 1);
        (mean, [[product(0, 0), both], [both, product(1, 1)]])
    };
    let ((mean, covariance), (rough, rough_covariance)) = (on(fine), on(coarse));
    let better = |fine: f64, coarse: f64| fine + share * (fine - coarse);
    let mean = [0, 1].map(|i| better(mean[i], rough[i]));
    (mean, [0, 1].map(|i| [0, 1].map(|j| better(covariance[i][j], rough_covariance[i][j]))))
}

/// The density at the fine nodes, `[y * nx + x]`, corrected.
pub(super) fn density((fine, coarse, share): (&Level, &Level, f64), time: usize) -> Vec<f64> {
    let (nx, cx) = (fine.axes[0].len(), coarse.axes[0].len());
    let cy = coarse.axes[1].len();
    let at = |level: &Level, i: usize, j: usize| {
        level.solution[time].mass[j * level.axes[0].len() + i]
            / (level.weights[0].widths[i] * level.weights[1].widths[j])
    };
    let mut density: Vec<f64> =
        (0..fine.axes[1].len()).flat_map(|j| (0..nx).map(move |i| (i, j))).map(|(i, j)| at(fine, i, j)).collect();
    let peak = density.iter().copied().fold(0.0, f64::max);
    // Along x at the shared rows first, then along y.
    let rows: Vec<Vec<f64>> = (0..cy)
        .map(|j| {
            let shared: Vec<f64> = (0..cx)
                .map(|i| {
                    let still = near_end(&coarse.axes[0], i) || near_end(&coarse.axes[1], j);
                    if still {
                        0.0
                    } else {
                        correction(density[(3 * j + 1) * nx + 3 * i + 1], at(coarse, i, j), peak, share)
                    }
                })
                .collect();
            (0..nx).map(|i| between(&shared, &fine.axes[0].nodes, i)).collect()
        })
        .collect();
    for i in 0..nx {
        let column: Vec<f64> = rows.iter().map(|row| row[i]).collect();
        for j in 0..fine.axes[1].len() {
            density[j * nx + i] *= math::exp(between(&column, &fine.axes[1].nodes, j));
        }
    }
    density
}

fn near_end(coarse: &Axis, c: usize) -> bool {
    (coarse.at_end[0] && c < NEAR_END) || (coarse.at_end[1] && c + NEAR_END >= coarse.len())
}

fn correction(fine: f64, coarse: f64, peak: f64, share: f64) -> f64 {
    if !(fine > TRUSTED * peak && coarse > TRUSTED * peak) {
        return 0.0;
    }
    (share * math::ln(fine / coarse)).clamp(-LARGEST, LARGEST)
}

/// The value at fine node `i` of what is known at every third one, linear between them.
fn between(shared: &[f64], nodes: &[f64], i: usize) -> f64 {
    let last = shared.len() - 1;
    let left = (i.saturating_sub(1) / 3).min(last);
    if i < 1 || left == last {
        return shared[left];
    }
    let (from, to) = (nodes[3 * left + 1], nodes[3 * left + 4]);
    shared[left] + (shared[left + 1] - shared[left]) * (nodes[i] - from) / (to - from)
}

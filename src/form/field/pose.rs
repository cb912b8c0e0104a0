//! A model's field put on evenly spaced nodes, and its initial values there.

use super::plane::{Plane, PlaneEquation};
use super::problem::{Clock, Equation, Problem, Side};
use super::{Profile, numerics};
use crate::base::Result;
use crate::expr::Pool;
use crate::models::Model;
use crate::process::{Axis, End, Field};

/// Evenly spaced nodes along an axis, both ends among them.
fn nodes(model: &Model, field: &Field, axis: &Axis, theta: &[f64], cells: usize) -> Result<Vec<f64>> {
    let (from, to) = (field.frame.at(axis.from, theta, 0.0), field.frame.at(axis.to, theta, 0.0));
    if !(from < to && (to - from).is_finite()) {
        return Err(numerics(model, format!("its interval along {} is [{from}, {to}]", axis.name)));
    }
    let step = (to - from) / cells as f64;
    let mut nodes: Vec<f64> = (0..=cells).map(|i| from + i as f64 * step).collect();
    nodes[cells] = to;
    Ok(nodes)
}

/// What holds at the two ends of an axis; a Robin end with `b = 0` gives a value.
fn sides(model: &Model, field: &Field, axis: &Axis, theta: &[f64], pool: &mut Pool) -> Result<[Side; 2]> {
    let frame = &field.frame;
    let mut sides = [axis.left, axis.right].map(|end| match end {
        End::Dirichlet(g) => Side::Dirichlet(g),
        End::Neumann(g) => Side::Neumann(g),
        End::Periodic => Side::Periodic,
        End::Robin(a, b, c) => Side::Robin(a, b, c),
    });
    for side in &mut sides {
        let Side::Robin(a, b, c) = *side else { continue };
        if frame.at(b, theta, 0.0) == 0.0 {
            if frame.is_timed(b) || frame.at(a, theta, 0.0) == 0.0 {
                let why = "a Robin end has b = 0: then a must not be zero, and b must not change with time";
                return Err(numerics(model, why.to_string()));
            }
            *side = Side::Dirichlet(pool.div(c, a));
        }
    }
    Ok(sides)
}

pub(super) fn on_line(model: &Model, field: &Field, theta: &[f64], cells: usize) -> Result<Problem> {
    let frame = &field.frame;
    let mut pool = frame.pool.clone();
    let sides = sides(model, field, &field.axes[0], theta, &mut pool)?;
    let equation = Equation {
        pool: &pool,
        symbols: frame.symbols(theta, 0.0),
        x: frame.variable(0),
        u: frame.variable(1),
        diffusion: field.unknown.diffusion[0],
        advection: field.unknown.advection[0],
        source: field.unknown.source,
        conservative: field.conservative,
        rates: None,
        sides,
        clock: Clock::FORWARD,
    };
    Ok(Problem::new(equation, nodes(model, field, &field.axes[0], theta, cells)?))
}

pub(super) fn on_plane(model: &Model, field: &Field, theta: &[f64], cells: usize) -> Result<Plane> {
    let frame = &field.frame;
    let mut pool = frame.pool.clone();
    let mut both = [[Side::Still; 2]; 2];
    for (side, axis) in both.iter_mut().zip(&field.axes) {
        *side = sides(model, field, axis, theta, &mut pool)?;
    }
    let along = |k: usize| nodes(model, field, &field.axes[k], theta, cells);
    let unknown = &field.unknown;
    let equation = PlaneEquation {
        pool: &pool,
        symbols: frame.symbols(theta, 0.0),
        lanes: [0, 1, 2].map(|k| frame.variable(k)),
        diffusion: [unknown.diffusion[0], unknown.diffusion[1]],
        advection: [unknown.advection[0], unknown.advection[1]],
        source: unknown.source,
        conservative: field.conservative,
        sides: both,
    };
    Ok(Plane::new(equation, [along(0)?, along(1)?]))
}

/// The initial values at nodes of a line: the profile's, or the text's, with its mean over a volume in which it jumps.
pub(super) fn start_on_line(field: &Field, theta: &[f64], nodes: &[f64], profile: Option<&Profile>) -> Vec<f64> {
    if let Some(profile) = profile {
        return nodes.iter().map(|x| profile.at(*x)).collect();
    }
    let frame = &field.frame;
    let mut symbols = frame.symbols(theta, 0.0);
    let mut at = |x: f64| {
        symbols[frame.variable(0)] = x;
        frame.pool.eval(field.unknown.initial, &symbols)
    };
    let at_nodes: Vec<f64> = nodes.iter().map(|x| at(*x)).collect();
    let least = LEAST_CHANGE * range(&at_nodes);
    (0..nodes.len()).map(|i| volume_mean(&mut at, nodes, &at_nodes, i, least)).collect()
}

/// The same on a plane, unknown by unknown: means along the first axis, of these along the second.
pub(super) fn start_on_plane(field: &Field, theta: &[f64], plane: &Plane) -> Vec<f64> {
    let frame = &field.frame;
    let mut symbols = frame.symbols(theta, 0.0);
    let [nx, ny] = plane.counts();
    let (x, y) = (plane.nodes(0), plane.nodes(1));
    let mut at = |x: f64, y: f64| {
        symbols[frame.variable(0)] = x;
        symbols[frame.variable(1)] = y;
        frame.pool.eval(field.unknown.initial, &symbols)
    };
    let points: Vec<Vec<f64>> = y.iter().map(|y| x.iter().map(|x| at(*x, *y)).collect()).collect();
    let least = LEAST_CHANGE * range(&points.concat());
    let means = |(y, row): (&f64, &Vec<f64>)| -> Vec<f64> {
        (0..x.len()).map(|i| volume_mean(&mut |x| at(x, *y), x, row, i, least)).collect()
    };
    let rows: Vec<Vec<f64>> = y.iter().zip(&points).map(means).collect();
    let mut start = vec![0.0; nx * ny];
    for i in 0..nx {
        let near = &x[i.saturating_sub(1)..(i + 2).min(x.len())];
        // Lines between the rows tell where the text jumps across them.
        let mut along = |y: f64| {
            let row: Vec<f64> = near.iter().map(|x| at(*x, y)).collect();
            volume_mean(&mut |x| at(x, y), near, &row, i.min(1), least)
        };
        let column: Vec<f64> = rows.iter().map(|row| row[i]).collect();
        for j in 0..ny {
            start[j * nx + i] = volume_mean(&mut along, y, &column, j, least);
        }
    }
    start
}

/// Changes below this part of the whole range of the initial values are no jumps.
const LEAST_CHANGE: f64 = 1e-3;

fn range(values: &[f64]) -> f64 {
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    high - low
}

/// The value of `f` at node `i`, but its mean over the node's volume where the change across the volume happens all at once.
fn volume_mean(f: &mut impl FnMut(f64) -> f64, nodes: &[f64], at_nodes: &[f64], i: usize, least: f64) -> f64 {
    /// Points that tell whether a look at all is worth its price, and what part of the change between two of them is: a smooth
    /// text changes by less, even on the side of a peak.
    const FEW: usize = 8;
    const SUSPICIOUS: f64 = 0.35;
    const ALL: usize = 64;
    let last = nodes.len() - 1;
    let (before, after) = (i.saturating_sub(1), (i + 1).min(last));
    if !(range(&at_nodes[before..=after]) > least) {
        return at_nodes[i];
    }
    let (from, to) = (0.5 * (nodes[before] + nodes[i]), 0.5 * (nodes[i] + nodes[after]));
    let mut parts = |n: usize| -> Vec<f64> {
        let step = (to - from) / n as f64;
        (0..n).map(|k| f(from + (k as f64 + 0.5) * step)).collect()
    };
    let largest = |values: &[f64]| values.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
    let mut few = parts(FEW);
    // The node is inside its volume, but for those at the ends of the axis.
    few.insert(
        if i == 0 {
            0
        } else if i == last {
            FEW
        } else {
            FEW / 2
        },
        at_nodes[i],
    );
    if !(largest(&few) > SUSPICIOUS * range(&few)) {
        return at_nodes[i];
    }
    let all = parts(ALL);
    let jumps = largest(&all) > 0.5 * range(&all) && largest(&all) > least;
    if jumps { all.iter().sum::<f64>() / ALL as f64 } else { at_nodes[i] }
}

//! Grids fitted to a process: nodes evenly spaced in the Lamperti coordinate `y = ∫ dx / b(x)`, the start on a node.
//!
//! In that coordinate the diffusion is one, so one spacing suits the whole range. Both grid forms use it, each with its
//! own number of nodes and its own operator.

use super::Asked;
use crate::base::{Error, Result};
use crate::process::{Coefficients, Scalar, State};

/// What a grid meets on one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    /// Nothing: the probability does not reach so far.
    Cut,
    /// An end of the domain at the last edge, wherever the spacing put it.
    Edge,
    /// An end that sends back, at the last node, whose cell is half a one.
    Mirror,
    /// An end that absorbs, one spacing beyond the last node.
    Sink(f64),
}

/// Cell edges and one node in each cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    /// n + 1
    pub edges: Vec<f64>,
    /// n
    pub nodes: Vec<f64>,
    /// The node at the start value.
    pub start: usize,
    /// Whether the first and last edge are (finite) ends of the process's domain.
    pub at_lower: bool,
    pub at_upper: bool,
    /// Whether the grid could not be carried further on that side, for an end or because the state runs off to infinity.
    pub blocked: [bool; 2],
    pub ends: [End; 2],
    /// Whether the last cell touches the first.
    pub ring: bool,
}

impl Grid {
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
}

/// How far the grid reaches from the start, in the Lamperti coordinate, and its spacing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    pub below: f64,
    pub above: f64,
    pub spacing: f64,
}

/// Nodes at `x0` and every `spacing` of y from it, edges half-way in y.
pub(super) fn grid(coefficients: &mut Coefficients, state: &State, x0: f64, t0: f64, reach: Reach) -> Grid {
    let (down, blocked_below) = march(coefficients, state, x0, t0, -reach.spacing, reach.below);
    let (up, blocked_above) = march(coefficients, state, x0, t0, reach.spacing, reach.above);
    // Points alternate edge, node, edge, …; each side ends with an edge.
    let mut points: Vec<f64> = down.into_iter().rev().collect();
    let start_point = points.len();
    points.push(x0);
    points.extend(up);
    let edges: Vec<f64> = points.iter().step_by(2).copied().collect();
    let nodes: Vec<f64> = points.iter().skip(1).step_by(2).copied().collect();
    let (at_lower, at_upper) = (edges.first() == Some(&state.lower), edges.last() == Some(&state.upper));
    Grid {
        at_lower,
        at_upper,
        blocked: [blocked_below, blocked_above],
        ends: [at_lower, at_upper].map(|at| if at { End::Edge } else { End::Cut }),
        ring: false,
        edges,
        nodes,
        start: start_point / 2,
    }
}

/// Points at half-spacings from `x0` towards one side: an edge, a node, …, an edge. The last edge is the end of the
/// domain where that is reached.
fn march(
    coefficients: &mut Coefficients,
    state: &State,
    x0: f64,
    t0: f64,
    spacing: f64,
    distance: f64,
) -> (Vec<f64>, bool) {
    let end = if spacing < 0.0 { state.lower } else { state.upper };
    let cells = (distance / spacing.abs()).ceil().max(2.0) as usize;
    let mut points = Vec::with_capacity(2 * cells + 1);
    let mut x = x0;
    let mut stopped = false;
    for _ in 0..=2 * cells {
        match half_step(coefficients, state, x, t0, 0.5 * spacing) {
            Some(next) => x = next,
            None => {
                stopped = true;
                break;
            }
        }
        points.push(x);
    }
    if points.len() % 2 == 0 {
        points.pop();
    }
    if stopped && end.is_finite() {
        // The last cell reaches to the end of the domain.
        match points.last_mut() {
            Some(edge) => *edge = end,
            None => points.push(end),
        }
        return (points, true);
    }
    if points.is_empty() {
        points.push(x0 + 0.5 * spacing);
    }
    (points, stopped)
}

/// One classical Runge-Kutta step of `dx/dy = b(x)` over `h`; `None` where it leaves the domain or loses finiteness.
fn half_step(coefficients: &mut Coefficients, state: &State, x: f64, t0: f64, h: f64) -> Option<f64> {
    let mut b = |x: f64| {
        let value = coefficients.at(t0, x).1.abs();
        (state.holds(x) && value.is_finite() && value > 0.0).then_some(value)
    };
    let k1 = b(x)?;
    let k2 = b(x + 0.5 * h * k1)?;
    let k3 = b(x + 0.5 * h * k2)?;
    let k4 = b(x + h * k3)?;
    let next = x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
    (next.is_finite() && state.holds(next) && (next - x).abs() > 1e-14 * (1e-300 + x.abs())).then_some(next)
}

/// States `spacing` apart in `∫ dx/b(x)` around `centre`, increasing: as far as the first beyond each of `range`, at most `most` to a
/// side, and inside the domain.
pub(crate) fn evenly(
    process: &Scalar,
    theta: &[f64],
    centre: f64,
    range: [f64; 2],
    spacing: f64,
    most: usize,
) -> Vec<f64> {
    let mut coefficients = process.coefficients(theta);
    let mut side = |end: f64, spacing: f64| -> Vec<f64> {
        let mut states = vec![centre];
        while states.len() <= most {
            let last = states[states.len() - 1];
            let inside = if spacing < 0.0 { last > end } else { last < end };
            match half_step(&mut coefficients, process.state, last, 0.0, spacing).filter(|_| inside) {
                Some(next) => states.push(next),
                None => break,
            }
        }
        states
    };
    let (below, above) = (side(range[0], -spacing), side(range[1], spacing));
    below.into_iter().rev().chain(above.into_iter().skip(1)).collect()
}

/// A grid is spread over this many standard deviations of the narrowest law asked, with at most `MOST` times the cells.
const WIDTHS: f64 = 16.0;
const MOST: f64 = 8.0;
/// Drift times spacing with 500 cells, at the start and in the middle of each law asked.
const PECLET: f64 = 0.15;

/// The spacing of a grid around a ring.
pub(super) fn around(question: &Asked, coefficients: &mut Coefficients, times: &[f64]) -> Reach {
    const PARTS: usize = 256;
    let (lower, upper) = (question.process.state.lower, question.process.state.upper);
    let part = (upper - lower) / PARTS as f64;
    let (mut range, mut fastest) = (0.0, 0.0f64);
    for i in 0..PARTS {
        let (a, b) = coefficients.at(question.t0, lower + (i as f64 + 0.5) * part);
        range += part / b.abs();
        fastest = fastest.max((a / b).abs());
    }
    let cells = question.accuracy.cells as f64;
    let narrowest = times.first().map_or(f64::INFINITY, |t| (t - question.t0).sqrt());
    let wanted = (range / cells).min(WIDTHS * narrowest / cells).min(PECLET / fastest * 500.0 / cells);
    Reach { below: range, above: range, spacing: wanted.max(range / (MOST * cells)) }
}

/// Find the reach that holds all but `1e-10` of the probability at every asked time, with room for the tails.
///
/// `solve` runs a cheap pilot on a grid and returns the cell masses at each time, and what was absorbed at both ends: first at
/// the question's times, then at those [`on_the_way`] there. Starts from `√horizon` and grows or shrinks each side until the pilot
/// agrees with itself.
///
/// # Errors
/// [`Error::Numerics`] where no finite grid holds the process (it explodes).
pub(super) fn find_reach(
    question: &Asked,
    state: &State,
    coefficients: &mut Coefficients,
    horizon: f64,
    mut solve: impl FnMut(&Grid) -> Result<(Vec<Vec<f64>>, Vec<[f64; 2]>)>,
) -> Result<Reach> {
    const PILOT_CELLS: usize = 160;
    const OUTSIDE: f64 = 1e-11;
    const ROUNDS: usize = 40;
    /// A normal tail of 1e-10 is at 6.4 sd; 8.3 sd leave 1e-16.
    const ROOM: f64 = 1.3;
    /// The least probability whose shape is looked at.
    const LEAST_LEFT: f64 = 1e-4;
    let mut reach = Reach { below: 7.0 * horizon.sqrt(), above: 7.0 * horizon.sqrt(), spacing: 0.0 };
    let broken = |why: &str| Error::Numerics {
        what: format!("the grid of model '{}'", question.model.id),
        why: why.to_string(),
        hint: "check the parameters (an explosive drift has no density), or use --form monte-carlo".to_string(),
    };
    for _ in 0..ROUNDS {
        reach.spacing = (reach.below + reach.above) / PILOT_CELLS as f64;
        let grid = grid(coefficients, state, question.x0, question.t0, reach);
        let (mut masses, atoms) = solve(&grid)?;
        // Where little is left, its shape counts; below the round-off there is none.
        for mass in &mut masses {
            let left = mass.iter().sum::<f64>().max(LEAST_LEFT);
            mass.iter_mut().for_each(|m| *m /= left);
        }
        let (n, spacing) = (grid.len(), reach.spacing);
        let share = |range: std::ops::Range<usize>| {
            masses.iter().map(|m| m[range.clone()].iter().map(|v| v.abs()).sum::<f64>()).fold(0.0, f64::max)
        };
        let mut grown = false;
        if !grid.blocked[0] && share(0..2.min(n)) > OUTSIDE {
            reach.below *= 1.6;
            grown = true;
        }
        if !grid.blocked[1] && share(n.saturating_sub(2)..n) > OUTSIDE {
            reach.above *= 1.6;
            grown = true;
        }
        if !(reach.below + reach.above).is_finite() {
            return Err(broken("it grew without end"));
        }
        if grown {
            continue;
        }
        // Shrink to where the probability is, counted in cells from the start.
        let mut first = masses.iter().map(|m| tail(m.iter())).min().unwrap_or(0);
        let mut last = n - masses.iter().map(|m| tail(m.iter().rev())).min().unwrap_or(0);
        // What was absorbed has been at the end.
        if atoms.iter().any(|a| a[0] > OUTSIDE) {
            first = 0;
        }
        if atoms.iter().any(|a| a[1] > OUTSIDE) {
            last = n;
        }
        let below = (grid.start.saturating_sub(first) as f64 + 2.0) * ROOM * reach.spacing;
        let above = (last.saturating_sub(grid.start) as f64 + 2.0) * ROOM * reach.spacing;
        let new = Reach { below: below.min(reach.below), above: above.min(reach.above), spacing: 0.0 };
        let settled = new.below + new.above > 0.6 * (reach.below + reach.above);
        reach = new;
        if settled {
            // Where the drift carries the mass over many of its own widths, as many cells as the widths need.
            let cells = question.accuracy.cells as f64;
            let range = reach.below + reach.above;
            let masses = &masses[..question.times.len().min(masses.len())];
            let narrowest = masses.iter().map(|m| width(m)).fold(f64::INFINITY, f64::min) * spacing;
            // Jumps spread a law, and leave a peak as wide as the diffusion alone makes it.
            let peak = question.times.first().filter(|_| !question.process.process.jumps.is_empty());
            let narrowest = narrowest.min(peak.map_or(f64::INFINITY, |t| (t - question.t0).sqrt()));
            // Exponential fitting adds the share Pe²/3 to the diffusion, with Pe the drift times the spacing.
            let along = masses.iter().map(|m| grid.nodes[centre(m)]).chain([question.x0]);
            let speeds = along.map(|x| coefficients.at(question.t0, x)).map(|(a, b)| (a / b).abs());
            let fastest = speeds.filter(|v| v.is_finite()).fold(0.0, f64::max);
            let wanted = (range / cells).min(WIDTHS * narrowest / cells).min(PECLET / fastest * 500.0 / cells);
            reach.spacing = wanted.max(range / (MOST * cells));
            return Ok(reach);
        }
    }
    Err(broken("its range did not settle"))
}

/// Times before the last at which a law may reach further than at those asked, increasing.
///
/// A drift `μ` that pulls back, in the coordinate in which the diffusion is one, lets paths out to `z √s - μ s` at the time `s`,
/// `z` the quantile of what may be left out: furthest at `(z/2μ)²`. It may pull less further out, so longer times are looked at
/// as well. A drift that changes with time may carry the law anywhere in between.
pub(super) fn on_the_way(question: &Asked, coefficients: &mut Coefficients, times: &[f64]) -> Vec<f64> {
    /// The quantile of 1e-10.
    const OUTERMOST: f64 = 6.4;
    const LOOKS: usize = 6;
    const EVENLY: usize = 24;
    let Some(horizon) = times.last().map(|t| t - question.t0) else { return Vec::new() };
    let mut looks = Vec::new();
    if question.process.process.is_time_dependent() {
        looks.extend((1..EVENLY).map(|k| k as f64 / EVENLY as f64 * horizon));
    }
    // db/dx by a difference: the drift of the Lamperti coordinate is a/b - b'/2.
    let x0 = question.x0;
    let (a, b) = coefficients.at(question.t0, x0);
    let nudge = 1e-4 * b * horizon.sqrt().min(1.0);
    let slope = (coefficients.at(question.t0, x0 + nudge).1 - b) / nudge;
    let pull = a / b - if slope.is_finite() { 0.5 * slope } else { 0.0 };
    let turn = 0.25 * OUTERMOST * OUTERMOST / (pull * pull);
    if turn > 1e-8 * horizon {
        looks.extend(std::iter::successors(Some(turn), |t| Some(4.0 * t)).take(LOOKS));
    }
    looks.retain(|t| *t < horizon);
    looks.sort_by(f64::total_cmp);
    looks.into_iter().map(|t| question.t0 + t).filter(|t| !times.contains(t)).collect()
}

/// The cell in the middle of masses on a grid.
fn centre(mass: &[f64]) -> usize {
    let mean = mean(mass);
    if mean > 0.0 { (mean.round() as usize).min(mass.len() - 1) } else { 0 }
}

fn mean(mass: &[f64]) -> f64 {
    mass.iter().enumerate().map(|(i, m)| i as f64 * m).sum::<f64>() / mass.iter().sum::<f64>()
}

/// Standard deviation of masses on a grid, in cells.
fn width(mass: &[f64]) -> f64 {
    let total: f64 = mass.iter().sum();
    let mean = mean(mass);
    (mass.iter().enumerate().map(|(i, m)| (i as f64 - mean) * (i as f64 - mean) * m).sum::<f64>() / total)
        .max(0.0)
        .sqrt()
}

/// Number of leading cells that together hold at most 1e-10.
fn tail<'a>(mass: impl Iterator<Item = &'a f64>) -> usize {
    let mut sum = 0.0;
    mass.take_while(|m| {
        sum += m.max(0.0);
        sum < 1e-10
    })
    .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::built_in;

    #[test]
    fn a_square_root_grid_ends_at_zero_and_has_its_start_on_a_node() -> Result<()> {
        let model = built_in("cir")?;
        let process = model.scalar().expect("one-dimensional");
        let mut coefficients = process.coefficients(&[1.0, 1.0, 0.5]);
        let reach = Reach { below: 50.0, above: 2.0, spacing: 0.05 };
        let grid = grid(&mut coefficients, process.state, 1.0, 0.0, reach);
        assert!(grid.at_lower && !grid.at_upper);
        assert_eq!(grid.edges[0], 0.0);
        assert_eq!(grid.nodes[grid.start], 1.0);
        assert!(grid.edges.windows(2).zip(&grid.nodes).all(|(e, x)| e[0] < *x && *x < e[1]));
        // y = 2√x / sigma: the next node is at √x = 1 + sigma h / 2.
        assert!((grid.nodes[grid.start + 1] - 1.0125f64.powi(2)).abs() < 1e-9);
        Ok(())
    }
}

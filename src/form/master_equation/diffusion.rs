//! A diffusion as a continuous-time chain on a lattice, locally consistent with it.
//!
//! Rates at a node are those of a diffusion whose drift and diffusion are frozen there: the exact probability of leaving
//! to the right first and the exact mean time to leave (Kushner & Dupuis 2001, section 5.2, for local consistency). They
//! are positive for any drift. The chain is solved by uniformisation (Jensen 1953): only positive sums. Nodes stand where the
//! Fokker-Planck form has them, so that ends that reflect have one, ends that absorb are one beyond the last, and lattices nest
//! and are extrapolated; rates and solution in time are independent of that form, the matrix of jumps is shared.
//!
//! Cost: nodes × (Λ t + 9 √(Λ t)) with Λ the fastest rate, with jumps nodes². Not for horizons of many thousand relaxation times.

use super::super::fokker_planck::{self, FLOOR, Line, Masses};
use super::super::lamperti::{End, Grid};
use super::super::richardson::is_near_end;
use super::super::{Accuracy, Asked, Solved};
use super::chain::{Chain, MOST_WITH_JUMPS, NO_JUMPS, NO_RATES, TOO_LONG, broken, leaving_a_mirror, rates};
use crate::base::{Result, math};
use crate::process::{Coefficients, Diffusion};

/// Why no lattice answers a diffusion; `None` where one does.
pub(in crate::form) fn why_no_lattice(process: &Diffusion) -> Option<String> {
    match process.states.len() {
        1 if process.jumps.iter().any(|jump| jump.marks.len() > 1) => {
            Some("a jump of it has several marks".to_string())
        }
        1 if process.is_time_dependent() => {
            Some("its coefficients change with time, which uniformisation does not follow".to_string())
        }
        1 => None,
        n => Some(format!("it has {n} states; this form answers one")),
    }
}

/// The lattice of a diffusion; its error from the distances between extrapolations of nested lattices. With a goal the nodes
/// are doubled until the estimate is below it, or there are too many products.
pub(in crate::form) fn solve(question: &Asked) -> Result<Solved> {
    /// Nodes of the finest lattice.
    const FINEST: usize = 16_000;
    let mut cells = question.accuracy.cells;
    let mut best = with_cells(question, cells)?;
    while question.accuracy.goal.is_some_and(|goal| best.error.is_none_or(|error| error > goal)) && 2 * cells <= FINEST
    {
        cells *= 2;
        // What is too much work leaves what there is.
        let Ok(finer) = with_cells(question, cells) else { break };
        best = finer;
    }
    Ok(best)
}

fn with_cells(question: &Asked, cells: usize) -> Result<Solved> {
    let asked = Asked { accuracy: Accuracy { cells, ..question.accuracy }, ..*question };
    // Uniformisation pays for the fastest rate anywhere.
    let line = Line { graded: false, ..Line::of(&asked) };
    let (laws, space, time) = line.laws_by(|coefficients, grid, times| on_grid(&line, coefficients, grid, times))?;
    // Where jumps land between nodes is not smooth in the spacing: extrapolation takes off less.
    let safety = if asked.process.process.jumps.is_empty() { 1.0 } else { 2.0 };
    Ok(Solved { laws, error: Some(safety * space + time + FLOOR) })
}

fn on_grid(line: &Line, coefficients: &mut Coefficients, grid: &Grid, times: &[f64]) -> Result<Masses> {
    let (asked, model) = (line.asked, line.asked.model);
    let process = asked.process.process;
    if !process.jumps.is_empty() && grid.len() > MOST_WITH_JUMPS {
        return Err(broken(model, &format!("with jumps {MOST_WITH_JUMPS} nodes are the limit")));
    }
    let (chain, widths, powers) = posed(line, coefficients, grid).ok_or_else(|| broken(model, NO_RATES))?;
    let chain = chain.with_jumps(process, asked.theta, asked.t0, grid).ok_or_else(|| broken(model, NO_JUMPS))?;
    let before = std::iter::once(&asked.t0).chain(times);
    let spans: Vec<f64> = times.iter().zip(before).map(|(time, before)| time - before).collect();
    // Times come in groups; each is followed from the start.
    let held = chain.follow(&[(grid.start, 1.0)], &spans).ok_or_else(|| broken(model, TOO_LONG))?;
    let error = held.iter().map(|h| h.error_bound).fold(0.0, f64::max);
    let atoms = held.iter().map(|h| h.absorbed).collect();
    Ok(Masses { cells: held.into_iter().map(|h| h.masses).collect(), atoms, flux: Vec::new(), widths, powers, error })
}

/// The chain without jumps, the widths that turn what its nodes hold into densities, and the powers of these at the ends.
fn posed(line: &Line, coefficients: &mut Coefficients, grid: &Grid) -> Option<(Chain, Vec<f64>, [Option<f64>; 2])> {
    let (n, time, x) = (grid.len(), line.asked.t0, &grid.nodes);
    if n < 3 {
        return None;
    }
    let fokker_planck::Shape { widths: shape, powers, sinks } =
        fokker_planck::shape(grid, line.ends, coefficients, time)?;
    // Each end: its node, the next, the edge, and the way inwards.
    let ends = [(0, 1, grid.edges[0], 1.0), (n - 1, n - 2, grid.edges[n], -1.0)];
    let round = x[0] - grid.edges[0] + grid.edges[n] - x[n - 1];
    let beyond: [f64; 2] = std::array::from_fn(|k| {
        let (first, second, edge, _) = ends[k];
        match grid.ends[k] {
            _ if grid.ring => round,
            End::Sink(end) => (x[first] - end).abs(),
            End::Mirror => (x[first] - x[second]).abs(),
            End::Edge if sinks[k] => (x[first] - edge).abs(),
            // The mirror image in the outer edge.
            End::Edge | End::Cut => 2.0 * (x[first] - edge).abs(),
        }
    });
    let (mut up, mut down) = rates(coefficients, time, x, beyond)?;
    // Density times width is the midpoint rule's term, whose sums are moments and distribution function; beside an end to which
    // the spacing was not fitted it is a power of the distance.
    let plain = |i: usize| if is_near_end(grid, i) { shape[i] } else { grid.edges[i + 1] - grid.edges[i] };
    let mut widths: Vec<f64> = (0..n).map(plain).collect();
    for (k, (first, second, edge, inwards)) in ends.into_iter().enumerate() {
        let gap = (x[second] - x[first]).abs();
        let ([a, b], [a1, b1]) = (at(coefficients, time, x[first]), at(coefficients, time, x[second]));
        let mut leaves = None;
        if grid.ends[k] == End::Mirror {
            let rate = leaving_a_mirror(a * inwards, 0.5 * b * b, gap);
            // Nothing flows at a mirror, so density over stationary density is even there.
            let climb = inwards * gap * (a / (b * b) + a1 / (b1 * b1));
            let back = if k == 0 { down[second] } else { up[second] };
            widths[first] = widths[second] * back / rate * (b * b) / (b1 * b1) * math::exp(climb);
            leaves = Some(rate);
        } else if grid.ends[k] == End::Edge && !sinks[k] {
            // Where the diffusion vanishes at an end there is no mirror: what keeps the state inside is the drift alone, so
            // the mean time to the next node is distance over drift (optional stopping), whatever the density does there.
            let [_, beside] = at(coefficients, time, edge + 1e-9 * (x[first] - edge));
            let vanishes = beside.abs() < 1e-2 * b.abs();
            leaves = vanishes.then(|| (a * inwards).max(0.0) / gap);
        }
        if let Some(rate) = leaves {
            if k == 0 { up[0] = rate } else { down[n - 1] = rate }
        }
    }
    let fine = widths.iter().all(|w| *w > 0.0 && w.is_finite()) && up.iter().chain(&down).all(|r| r.is_finite());
    fine.then(|| (Chain::new(up, down, sinks, grid.ring), widths, powers))
}

fn at(coefficients: &mut Coefficients, time: f64, x: f64) -> [f64; 2] {
    let (a, b) = coefficients.at(time, x);
    [a, b]
}

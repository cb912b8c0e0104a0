//! From the masses on two nested grids to one law: densities extrapolated, cells integrated to the same order up to the
//! ends, and what was absorbed as atoms.

use super::super::lamperti::{End, Grid};
use super::super::richardson::{corrections, is_near_end};
use crate::base::math;
use crate::predictive::{Density, Mixed, Predictive};
use crate::process::State;

/// The chain's answer at one time on one grid.
pub(super) struct Held<'a> {
    pub grid: &'a Grid,
    pub widths: &'a [f64],
    pub powers: [Option<f64>; 2],
    pub mass: &'a [f64],
    pub atoms: [f64; 2],
}

/// Below this a law has no density worth a table.
const NOTHING: f64 = 1e-12;

/// The extrapolated law. `None` where nothing positive is left.
pub(super) fn extrapolated(state: &State, fine: &Held, coarse: &Held) -> Option<Predictive> {
    let corrections = corrections((fine.grid, fine.mass, fine.widths), (coarse.grid, coarse.mass, coarse.widths));
    let density: Vec<f64> =
        fine.mass.iter().zip(fine.widths).zip(&corrections).map(|((m, w), c)| m.max(0.0) / w * math::exp(*c)).collect();
    let atoms: [f64; 2] = std::array::from_fn(|k| {
        let third = (fine.atoms[k] - coarse.atoms[k]) / 3.0;
        // Where the grids do not yet converge the finer one is as good as any; a probability stays one.
        let extrapolated = fine.atoms[k] + third;
        if extrapolated > 0.0 && extrapolated < 1.0 { extrapolated } else { fine.atoms[k].clamp(0.0, 1.0) }
    });
    let held: f64 = fine.mass.iter().sum();
    let table = if held > NOTHING { tabulated(state, fine, &density) } else { None };
    // A tenth of the round-off of the rule in time is nothing that arrived.
    if atoms.iter().all(|a| *a < 1e-15) {
        return table.map(Predictive::Density);
    }
    let ends = [state.lower, state.upper];
    let mut places: Vec<(f64, f64)> = (0..2).filter(|k| atoms[*k] >= 1e-15).map(|k| (ends[k], atoms[k])).collect();
    let total: f64 = places.iter().map(|a| a.1).sum();
    if table.is_none() || total >= 1.0 {
        places.iter_mut().for_each(|a| a.1 /= total);
        return Mixed::new(places, None).map(Predictive::Mixed);
    }
    Mixed::new(places, table.map(Predictive::Density)).map(Predictive::Mixed)
}

/// Probabilities of the cells, and the density at the nodes.
fn tabulated(state: &State, held: &Held, density: &[f64]) -> Option<Density> {
    let grid = held.grid;
    let n = grid.len();
    let domain = [state.lower, state.upper];
    let mut cells = integrals(held, density);
    if grid.ring {
        return on_ring(state, grid, cells, density);
    }
    let (mut edges, mut nodes, mut densities) = (grid.edges.clone(), grid.nodes.clone(), density.to_vec());
    for k in 0..2 {
        let (first, second, third) = if k == 0 { (0, 1, 2) } else { (n - 1, n - 2, n - 3) };
        let inner = if k == 0 { edges[1] } else { edges[n - 1] };
        match grid.ends[k] {
            End::Mirror => {
                let parabola = [first, second, third].map(|i| (grid.nodes[i], density[i]));
                cells[first] = under(parabola, domain[k], inner).abs();
            }
            End::Sink(end) => {
                let parabola = [(end, 0.0), (grid.nodes[first], density[first]), (grid.nodes[second], density[second])];
                cells[first] = under(parabola, end, inner).abs();
                let edge = if k == 0 { 0 } else { n };
                edges[edge] = end;
            }
            End::Cut | End::Edge => {}
        }
    }
    // From the upper end down, so that places below stay where they are.
    for k in [1, 0] {
        if matches!(grid.ends[k], End::Edge | End::Sink(_)) {
            follow_power((grid, density, held.powers[k]), k, (&mut edges, &mut cells, &mut nodes, &mut densities));
        }
    }
    Density::tabulated(edges, &cells, &nodes, &densities, domain)
}

/// `∫ p dx` over every cell: the midpoint rule in the number of the node, with its first correction; beside an end that the
/// spacing was not fitted to, density times weighted width.
fn integrals(held: &Held, density: &[f64]) -> Vec<f64> {
    let grid = held.grid;
    let n = grid.len();
    let period = grid.edges[n] - grid.edges[0];
    let node = |i: isize| match usize::try_from(i) {
        Ok(i) if i < n => Some(grid.nodes[i]),
        _ if grid.ring && i < 0 => Some(grid.nodes[n - 1] - period),
        _ if grid.ring => Some(grid.nodes[0] + period),
        _ => None,
    };
    // dx per node, by central differences over a half and a whole, extrapolated.
    let rule: Vec<f64> = (0..n)
        .map(|i| {
            let half = grid.edges[i + 1] - grid.edges[i];
            let spacing = match (node(i as isize - 1), node(i as isize + 1)) {
                (Some(left), Some(right)) => (4.0 * half - 0.5 * (right - left)) / 3.0,
                _ => half,
            };
            density[i] * spacing
        })
        .collect();
    // Half a cell at an end is no term of the rule; its differences continue those inside.
    let whole = |i: usize| match i {
        0 => !matches!(grid.ends[0], End::Mirror | End::Sink(_)),
        _ if i + 1 == n => !matches!(grid.ends[1], End::Mirror | End::Sink(_)),
        _ => true,
    };
    let rise = |i: usize| -> f64 {
        let after = (i + 1) % n;
        if i + 1 == n && !grid.ring {
            return 0.0;
        }
        match (whole(i), whole(after)) {
            (true, true) => rule[after] - rule[i],
            (false, true) if n > 4 => 2.0 * (rule[i + 2] - rule[i + 1]) - (rule[i + 3] - rule[i + 2]),
            (true, false) if n > 4 => 2.0 * (rule[i] - rule[i - 1]) - (rule[i - 1] - rule[i - 2]),
            _ => 0.0,
        }
    };
    (0..n)
        .map(|i| {
            if is_near_end(grid, i) {
                return density[i] * held.widths[i];
            }
            let before = if i > 0 {
                rise(i - 1)
            } else if grid.ring {
                rise(n - 1)
            } else {
                0.0
            };
            let bend = rise(i) - before;
            // No expansion holds on a spike or beside a jump.
            if bend.abs() < 2.0 * rule[i] { rule[i] + bend / 24.0 } else { rule[i] }
        })
        .collect()
}

/// Cells beside an unaligned end that are wide against their distance from it.
const WIDE: usize = 20;
/// Between neighbouring edges of the first cell the distance grows by no more than this, and its power by no more than that;
/// further out the distance by the last.
const STEPS: [f64; 3] = [1.4, 1.2, 1.1];
/// The share of the first cell, which has no smallest distance, that its innermost part may hold.
const INNERMOST: f64 = 1e-8;
/// The least distances from an end at zero and, against its size, from another that floating point tells apart.
const LEAST: [f64; 2] = [1e-290, 1e-15];

type Table<'a> = (&'a mut Vec<f64>, &'a mut Vec<f64>, &'a mut Vec<f64>, &'a mut Vec<f64>);

/// Divide the cells beside an end, in which the density is a power of the distance, so finely that a cubic follows it. In the first
/// it is the power that is known, or that of the two nodes nearest.
pub(super) fn follow_power(
    (grid, density, known): (&Grid, &[f64], Option<f64>),
    k: usize,
    (edges, cells, nodes, densities): Table,
) {
    let n = grid.len();
    let index = |j: usize| if k == 0 { j } else { n - 1 - j };
    let end = match grid.ends[k] {
        End::Sink(end) => end,
        _ => grid.edges[if k == 0 { 0 } else { n }],
    };
    let edge = |i: usize| if i == if k == 0 { 0 } else { n } { end } else { grid.edges[i] };
    let distance = |x: f64| (x - end).abs();
    let count = WIDE.min(n / 3);
    let chord = |j: usize| {
        let (a, b) = (index(j), index(j + 1));
        math::ln(density[b] / density[a]) / math::ln(distance(grid.nodes[b]) / distance(grid.nodes[a]))
    };
    // From the end outwards: distances of edges, probabilities between them, nodes with densities.
    let (mut far, mut held, mut points) = (vec![0.0], Vec::new(), Vec::new());
    for j in 0..count {
        let i = index(j);
        let power = if j == 0 { known.unwrap_or_else(|| chord(0)) } else { 0.5 * (chord(j - 1) + chord(j)) };
        let (a, b) = (distance(edge(i)), distance(edge(i + 1)));
        let (low, high) = (a.min(b), a.max(b));
        let rise = power + 1.0;
        if !(density[i] > 0.0 && power.is_finite() && (rise > 1e-3 || j > 0)) {
            return;
        }
        let step = STEPS[0].min(math::pow(STEPS[1], 1.0 / rise.abs()));
        let parts = if j == 0 {
            let wanted = -math::ln(INNERMOST) / (rise * math::ln(step));
            let told_apart = math::ln(high / LEAST[0].max(LEAST[1] * end.abs())) / math::ln(step);
            wanted.min(told_apart).ceil().max(1.0) as usize
        } else {
            (math::ln(high / low) / math::ln(STEPS[2])).ceil().max(1.0) as usize
        };
        let ratio = if j == 0 { 1.0 / step } else { math::pow(low / high, 1.0 / parts as f64) };
        let mut inner: Vec<f64> = (1..parts).map(|m| high * math::powi(ratio, (parts - m) as i32)).collect();
        inner.push(high);
        // Beside a regular end the first cell is under a parabola.
        let regular = j == 0 && matches!(grid.ends[k], End::Sink(_));
        let node = |j: usize| (distance(grid.nodes[index(j)]), density[index(j)]);
        let parabola = [(0.0, 0.0), node(0), node(1)];
        let size = |d: f64| match d {
            _ if regular => under(parabola, 0.0, d),
            _ if d > 0.0 => math::pow(d, rise),
            _ => 0.0,
        };
        let whole = size(high) - size(low);
        let mut before = low;
        for d in inner {
            held.push(if rise.abs() < 1e-9 {
                cells[i] * math::ln(d / before) / math::ln(high / low)
            } else {
                cells[i] * (size(d) - size(before)) / whole
            });
            let place = if before > 0.0 { (d * before).sqrt() } else { 0.5 * d };
            let power = density[i] * math::pow(place / distance(grid.nodes[i]), power);
            points.push((place, if regular { at(parabola, place).max(0.0) } else { power }));
            far.push(d);
            before = d;
        }
    }
    let sign = if k == 0 { 1.0 } else { -1.0 };
    let mut places: Vec<f64> = far.iter().map(|d| end + sign * d).collect();
    // Too near an end far from zero, places cannot be told apart.
    let distinct = places.windows(2).all(|w| w[0] != w[1])
        && points.windows(2).all(|w| end + sign * w[0].0 != end + sign * w[1].0);
    if !distinct {
        return;
    }
    let (mut at, mut p): (Vec<f64>, Vec<f64>) = points.into_iter().map(|(d, p)| (end + sign * d, p)).unzip();
    if k == 0 {
        edges.splice(..=count, places);
        cells.splice(..count, held);
        nodes.splice(..count, at);
        densities.splice(..count, p);
    } else {
        places.reverse();
        held.reverse();
        at.reverse();
        p.reverse();
        edges.splice(n - count.., places);
        cells.splice(n - count.., held);
        // A lower end may have put nodes of its own in front.
        let from = nodes.len() - count;
        nodes.splice(from.., at);
        densities.splice(from.., p);
    }
}

/// Cut a ring open at the lower end of its domain.
fn on_ring(state: &State, grid: &Grid, cells: Vec<f64>, density: &[f64]) -> Option<Density> {
    let n = grid.len();
    let period = state.upper - state.lower;
    let turned = |i: isize| {
        let turns = i.div_euclid(n as isize) as f64;
        let k = i.rem_euclid(n as isize) as usize;
        (grid.nodes[k] + turns * period, density[k])
    };
    // The cell that the end cuts: the first, or the last of the turn before.
    let cut: isize = if grid.edges[0] <= state.lower { 0 } else { -1 };
    let right = if cut == 0 { grid.edges[1] } else { grid.edges[0] };
    let inside = under([turned(cut - 1), turned(cut), turned(cut + 1)], state.lower, right);
    let whole = cells[cut.rem_euclid(n as isize) as usize];
    let inside = inside.clamp(0.0, whole);
    let others = if cut == 0 { 1..n } else { 0..n - 1 };
    let mut edges = vec![state.lower, right];
    edges.extend(others.clone().map(|i| grid.edges[i + 1]));
    edges.push(state.upper);
    let mut probabilities = vec![inside];
    probabilities.extend(others.map(|i| cells[i]));
    probabilities.push(whole - inside);
    // Two nodes beyond each end, so that the density is as smooth there as elsewhere.
    let (nodes, densities): (Vec<f64>, Vec<f64>) = (-2..n as isize + 2).map(turned).unzip();
    Density::tabulated(edges, &probabilities, &nodes, &densities, [state.lower, state.upper])
}

/// The parabola through three points, at `x`.
fn at(points: [(f64, f64); 3], x: f64) -> f64 {
    let [(a, p), (b, q), (c, r)] = points;
    p * (x - b) * (x - c) / ((a - b) * (a - c))
        + q * (x - a) * (x - c) / ((b - a) * (b - c))
        + r * (x - a) * (x - b) / ((c - a) * (c - b))
}

/// Its integral, by Simpson's rule, which is exact.
fn under(points: [(f64, f64); 3], from: f64, to: f64) -> f64 {
    (to - from) / 6.0 * (at(points, from) + 4.0 * at(points, 0.5 * (from + to)) + at(points, to))
}

//! The laws of a diffusion at later times, from one decomposition.

use super::super::lamperti;
use super::super::{Asked, Form, Solved};
use super::domain::{Domain, FORGOTTEN, broken};
use super::modes::{Coefficients, Modes, Place};
use super::ring;
use crate::base::{Result, math};
use crate::predictive::{Density, Predictive};
use crate::process::Boundary;

/// Cells of the table that the law is read from afterwards.
const CELLS: usize = 2_000;
/// Cells on which two bases are compared: this many times fewer.
const COARSER: usize = 8;
/// Without a goal the basis grows until the distribution function settles to this.
const SETTLED: f64 = 1e-11;
/// The largest error with which an answer is still one.
const WORST: f64 = 1e-3;
/// What the pilot's reach leaves out.
const OUTSIDE: f64 = 1e-13;
/// A horizon this many times the shortest gets a basis of its own.
const HORIZONS: f64 = 16.0;

/// The law at every time, and how far its distribution function may be off: the change from a basis two thirds the size, the mass
/// that is missing and the interpolation of the table.
///
/// Short times need many modes: the basis is then laid over what the process reaches in that time alone, with as many functions
/// as the first horizon needs, up to 640; what is not settled then is in the error, and refused above 1e-3. A start so far out that
/// the stationary law there is nothing (`√(m/m0)` beyond 1e12) is refused alike.
pub(in crate::form) fn solve(question: &Asked) -> Result<Solved> {
    let mut coefficients = Coefficients::new(&question.process, question.theta);
    if question.process.state.boundary == Boundary::Periodic
        && let Some(why) = ring::why_not(&question.process, &mut coefficients)
    {
        return Err(Form::Schroedinger.unavailable(question.model, &why));
    }
    let (mut laws, mut error): (Vec<Predictive>, f64) = (Vec::new(), 0.0);
    let mut times = question.times;
    while let Some(first) = times.first() {
        let together = times.iter().take_while(|t| **t - question.t0 <= HORIZONS * (first - question.t0)).count();
        let (group, rest) = times.split_at(together);
        let (found, off) = of_group(question, group, &mut coefficients)?;
        laws.extend(found);
        error = error.max(off);
        times = rest;
    }
    Ok(Solved { laws, error: Some(error) })
}

/// Cells on which laws are tabulated.
struct Table {
    places: Vec<Place>,
    cells: Cells,
}

/// How a cell's mass is found.
enum Cells {
    /// Density times width, on nodes evenly spaced in a coordinate in which both tails fall to nothing: the midpoint rule, exact but
    /// for terms smaller than any power of the width.
    Even(Vec<f64>),
    /// Three Gauss points in each.
    Gauss(Vec<(Place, f64)>),
}

fn of_group(question: &Asked, times: &[f64], coefficients: &mut Coefficients) -> Result<(Vec<Predictive>, f64)> {
    let domain = Domain::new(question, [question.x0; 2], times, coefficients)?;
    let fastest = FORGOTTEN / (times[0] - question.t0);
    let goal = question.accuracy.goal.unwrap_or(SETTLED).max(SETTLED);
    let coarse = Laid::new(question, times, &domain, COARSER);
    let mut before: Option<Vec<Vec<f64>>> = None;
    let mut last = f64::INFINITY;
    let mut decomposed = None;
    for n in domain.sizes() {
        let modes = domain.modes(question, coefficients, n, fastest)?;
        let found = coarse.laws(question, &modes, coefficients, &domain, times);
        let masses: Vec<Vec<f64>> = found.into_iter().map(|f| f.0).collect();
        let change = before.as_ref().map_or(f64::INFINITY, |b| distance(b, &masses));
        before = Some(masses);
        // Round-off no longer falls.
        let stuck = change < 1e-7 && change > 0.5 * last;
        last = change;
        decomposed = Some(modes);
        if change < goal || stuck {
            break;
        }
    }
    let Some(modes) = decomposed else { return Err(broken(question, "no basis was large enough")) };
    let fine = Laid::new(question, times, &domain, 1);
    let found = fine.laws(question, &modes, coefficients, &domain, times);
    let missing = found.iter().map(|f| (1.0 - f.0.iter().sum::<f64>()).abs()).fold(0.0, f64::max);
    let rough = found.iter().map(|f| roughness(&f.0)).fold(0.0, f64::max);
    let error = last + missing + rough + OUTSIDE;
    // How the innermost cell's share lies in it is not told, where it is next to an end at which the density is infinite.
    let hidden = |side: usize| {
        let held = |f: &(Vec<f64>, Vec<f64>)| if side == 0 { f.0.first().copied() } else { f.0.last().copied() };
        let most = found.iter().filter_map(held).fold(0.0, f64::max);
        if domain.powers()[side] < 0.0 { most } else { 0.0 }
    };
    if !(error < WORST) {
        let why = "its modes cancel beyond what numbers hold: the time is too short, the start too far from where it settles, \
                   or the coefficients are not smooth";
        return Err(Form::Schroedinger.unavailable(question.model, why));
    }
    let ends = [question.process.state.lower, question.process.state.upper];
    let law = |(masses, densities): &(Vec<f64>, Vec<f64>)| {
        // The terms of the midpoint rule are what a density is made of.
        let shares = if domain.is_open() { masses.clone() } else { shares(masses) };
        density(fine.edges.clone(), &fine.nodes, &shares, densities, ends).map(Predictive::Density)
    };
    let laws: Option<Vec<Predictive>> = found.iter().map(law).collect();
    let laws = laws.ok_or_else(|| broken(question, "no probability was left"))?;
    Ok((laws, error + hidden(0).max(hidden(1))))
}

/// Edges and nodes of a table: evenly spaced in the coordinate of unit noise, the ring evenly in the state, finer where a density has
/// a power at an end.
struct Laid {
    edges: Vec<f64>,
    nodes: Vec<f64>,
    /// In the coordinate of unit noise.
    spacing: f64,
}

impl Laid {
    /// With so many times fewer cells than a law is read from.
    fn new(question: &Asked, times: &[f64], domain: &Domain, coarser: usize) -> Laid {
        let state = question.process.state;
        // The narrowest law needs its cells too.
        let ratio = times.last().map_or(1.0, |t| (t - question.t0) / (times[0] - question.t0));
        let n = question.accuracy.cells.max((CELLS as f64 * ratio.sqrt().clamp(1.0, 4.0)) as usize) / coarser;
        let Some(mut reach) = domain.reach else {
            let h = (state.upper - state.lower) / n as f64;
            let edge = |i: usize| if i == n { state.upper } else { state.lower + h * i as f64 };
            let nodes = (0..n).map(|i| state.lower + h * (i as f64 + 0.5)).collect();
            return Laid { edges: (0..=n).map(edge).collect(), nodes, spacing: h };
        };
        reach.spacing = (reach.below + reach.above) / n as f64;
        let mut own = question.process.coefficients(question.theta);
        let grid = lamperti::grid(&mut own, state, question.x0, question.t0, reach);
        let (mut edges, mut nodes) = (grid.edges, grid.nodes);
        grade(&mut edges, &mut nodes, domain.powers());
        Laid { edges, nodes, spacing: reach.spacing }
    }

    /// The masses of the cells and the densities at the nodes, at every time.
    fn laws(
        &self,
        question: &Asked,
        modes: &Modes,
        coefficients: &mut Coefficients,
        domain: &Domain,
        times: &[f64],
    ) -> Vec<(Vec<f64>, Vec<f64>)> {
        let start = modes.ground.place(coefficients, question.x0);
        let after: Vec<f64> = times.iter().map(|t| t - question.t0).collect();
        Table::new(self, modes, coefficients, domain).fill(modes, &start, &after)
    }
}

impl Table {
    fn new(laid: &Laid, modes: &Modes, coefficients: &mut Coefficients, domain: &Domain) -> Table {
        let places = laid.nodes.iter().map(|x| modes.ground.place(coefficients, *x)).collect();
        let cells = if domain.is_open() {
            Cells::Even(laid.nodes.iter().map(|x| laid.spacing * coefficients.at(*x)[1].abs()).collect())
        } else {
            let inner = points(&laid.edges, domain.powers()).into_iter();
            Cells::Gauss(inner.map(|(x, w)| (modes.ground.place(coefficients, x), w)).collect())
        };
        Table { places, cells }
    }

    /// The masses of the cells and the densities at the nodes, at each time `after` the start.
    fn fill(&self, modes: &Modes, start: &Place, after: &[f64]) -> Vec<(Vec<f64>, Vec<f64>)> {
        let solutions: Vec<Vec<f64>> = after.iter().map(|t| modes.evolved(start, *t)).collect();
        let mut chi = vec![0.0; modes.len()];
        // `[place][time]`
        let mut at = |place: &Place| modes.densities(&solutions, start, place, &mut chi);
        let densities: Vec<Vec<f64>> = self.places.iter().map(&mut at).collect();
        let inner: Vec<Vec<f64>> = match &self.cells {
            Cells::Even(_) => Vec::new(),
            Cells::Gauss(inner) => inner.iter().map(|(place, _)| at(place)).collect(),
        };
        let of = |t: usize| {
            let density: Vec<f64> = densities.iter().map(|d| d[t]).collect();
            let masses = match &self.cells {
                Cells::Even(widths) => widths.iter().zip(&density).map(|(w, p)| w * p).collect(),
                Cells::Gauss(points) => {
                    let terms: Vec<f64> = points.iter().zip(&inner).map(|((_, w), p)| w * p[t]).collect();
                    terms.chunks(3).map(|cell| cell.iter().sum()).collect()
                }
            };
            (masses, density)
        };
        (0..after.len()).map(of).collect()
    }
}

/// The largest distance of distribution functions at the edges.
fn distance(before: &[Vec<f64>], now: &[Vec<f64>]) -> f64 {
    let mut most: f64 = 0.0;
    for (b, n) in before.iter().zip(now) {
        let mut sum = 0.0;
        for (b, n) in b.iter().zip(n) {
            sum += b - n;
            most = most.max(sum.abs());
        }
    }
    // Not a number is not near.
    if before.iter().chain(now).flatten().all(|m| m.is_finite()) { most } else { f64::INFINITY }
}

/// What the table's cubic makes of the distribution function between its edges: `h⁴ p'''/384`.
fn roughness(masses: &[f64]) -> f64 {
    masses.windows(4).map(|m| (m[3] - 3.0 * m[2] + 3.0 * m[1] - m[0]).abs()).fold(0.0, f64::max) / 384.0
}

/// Three Gauss points in each cell and their weights. Near an end where the density is infinite as a power of the distance, given
/// for both ends, they are Gauss's in the power's integral, in which it is smooth.
fn points(edges: &[f64], powers: [f64; 2]) -> Vec<(f64, f64)> {
    // √(3/5) and the weights 5/9, 8/9, 5/9.
    const NODE: f64 = 0.774_596_669_241_483_4;
    const GAUSS: [(f64, f64); 3] = [(-NODE, 5.0 / 9.0), (0.0, 8.0 / 9.0), (NODE, 5.0 / 9.0)];
    let (first, last) = (edges[0], edges[edges.len() - 1]);
    let mut points = Vec::with_capacity(3 * edges.len());
    for w in edges.windows(2) {
        let lower = w[1] - first <= last - w[1];
        let (end, power) = if lower { (first, powers[0]) } else { (last, powers[1]) };
        if power >= 0.0 {
            let (middle, half) = (0.5 * (w[0] + w[1]), 0.5 * (w[1] - w[0]));
            points.extend(GAUSS.map(|(at, weight)| (middle + at * half, weight * half)));
            continue;
        }
        let q = power + 1.0;
        let integral = |x: f64| math::pow((x - end).abs(), q) / q;
        let (one, two) = (integral(w[0]), integral(w[1]));
        let (middle, half) = (0.5 * (one + two), 0.5 * (two - one).abs());
        points.extend(GAUSS.map(|(at, weight)| {
            let distance = math::pow(q * (middle + at * half), 1.0 / q);
            let x = if lower { end + distance } else { end - distance };
            (x, weight * half * math::pow(distance, -power))
        }));
    }
    points
}

/// Cells that shrink towards an end where the density is infinite, in place of the first dozen there: no cubic follows a power.
fn grade(edges: &mut Vec<f64>, nodes: &mut Vec<f64>, powers: [f64; 2]) {
    const REPLACED: usize = 13;
    const RATIO: f64 = 1.15;
    const NEAREST: f64 = 1e-14;
    // Further in, where all but a power is nothing: as far as the share that the innermost cell may hold.
    const INNER_RATIO: f64 = 1.4;
    const INNERMOST: f64 = 1e-8;
    const LEAST: f64 = 1e-290;
    for (side, power) in powers.into_iter().enumerate() {
        let n = nodes.len();
        if power >= 0.0 || n < 4 * REPLACED {
            continue;
        }
        let (end, reached) = if side == 0 { (edges[0], edges[REPLACED]) } else { (edges[n], edges[n - REPLACED]) };
        let span = reached - end;
        // Distances must be told apart beside the end itself.
        let nearest = (NEAREST * span.abs()).max(1e-10 * end.abs());
        let mut distances = vec![span.abs()];
        while let Some(last) = distances.last().filter(|d| **d > nearest) {
            distances.push(last / RATIO);
        }
        let innermost = span.abs() * math::exp(math::ln(INNERMOST) / (power + 1.0));
        let innermost = innermost.max(LEAST).max(1e-10 * end.abs());
        while let Some(last) = distances.last().filter(|d| **d > innermost) {
            distances.push(last / INNER_RATIO);
        }
        let place = |distance: f64| end + distance * span.signum();
        let outer: Vec<f64> = distances.iter().skip(1).map(|d| place(*d)).chain([end]).collect();
        let last = distances[distances.len() - 1];
        let middles = distances.windows(2).map(|d| place(0.5 * (d[0] + d[1])));
        let inner: Vec<f64> = middles.chain([place(0.5 * last)]).collect();
        if side == 0 {
            edges.splice(..REPLACED, outer.into_iter().rev());
            nodes.splice(..REPLACED, inner.into_iter().rev());
        } else {
            edges.splice(n - REPLACED + 1.., outer);
            nodes.splice(n - REPLACED.., inner);
        }
    }
}

/// A density given as a function, tabulated on cells with the powers as which it starts at their outer edges. Cost: four evaluations
/// a cell. `None` where nothing positive is left.
pub(in crate::form) fn tabulated(
    mut edges: Vec<f64>,
    mut nodes: Vec<f64>,
    powers: [f64; 2],
    domain: [f64; 2],
    at: impl Fn(f64) -> f64,
) -> Option<Density> {
    grade(&mut edges, &mut nodes, powers);
    let inner = points(&edges, powers);
    let masses: Vec<f64> = inner.chunks(3).map(|cell| cell.iter().map(|(x, w)| w * at(*x)).sum()).collect();
    let densities: Vec<f64> = nodes.iter().map(|x| at(*x)).collect();
    density(edges, &nodes, &shares(&masses), &densities, domain)
}

/// Exact masses as [`Density`] takes them: the terms of a midpoint rule, to which it adds the rule's correction for the distribution
/// function, taken off here first.
fn shares(masses: &[f64]) -> Vec<f64> {
    /// Each round leaves a twelfth of what was wrong.
    const ROUNDS: usize = 8;
    let n = masses.len();
    let mut shares = masses.to_vec();
    for _ in 0..ROUNDS {
        let correction = |i: usize| match shares.get(i + 1) {
            Some(next) if i > 1 && i + 3 < n && (next - shares[i]).abs() < 0.5 * (next + shares[i]) => {
                (next - shares[i]) / 24.0
            }
            _ => 0.0,
        };
        let better: Vec<f64> =
            (0..n).map(|i| masses[i] - correction(i) + if i > 0 { correction(i - 1) } else { 0.0 }).collect();
        shares = better;
    }
    shares
}

/// The table as a law, with the widths that make its densities.
fn density(edges: Vec<f64>, nodes: &[f64], shares: &[f64], densities: &[f64], domain: [f64; 2]) -> Option<Density> {
    let widths: Vec<f64> = (0..nodes.len())
        .map(|i| match shares[i] / densities[i] {
            width if width > 0.0 && width.is_finite() => width,
            _ => edges[i + 1] - edges[i],
        })
        .collect();
    Density::new(edges, nodes, &widths, shares, domain)
}

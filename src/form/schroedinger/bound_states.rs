//! Bound states of `-(ħ²/2m) ψ'' + V(x) ψ = E ψ`: the lowest energies and their wave functions.
//!
//! The Hamiltonian stands in a box on the sine functions' own grid (discrete variable representation: Colbert & Miller 1992,
//! appendix A), so errors fall exponentially with the number of points. A finite end of the domain is a hard wall; an infinite
//! one is cut where the wave function has fallen by `e^-25`, by the integral of its decay (WKB). How many states a box must
//! hold is counted semiclassically, `∫ √(2m(E - V)) dx/(πħ)`; grids grow until energies settle.
//!
//! Not for states in a continuum (fewer states are returned than asked), for splittings below 1e-13 of the largest energy in
//! the box, nor for periodic or reflecting ends. A potential that is singular at a wall (`1/x²`), bends there (`x`) or jumps
//! converges algebraically: then `errors` is what such a series leaves, from three grids in one box. States so weakly bound that a
//! box which holds them cannot resolve the well are left out.

use crate::base::{Error, Result, math};
use crate::expr::{Scratch, Tape};
use crate::models::Model;
use crate::process::{Boundary, Potential, Process};
use nalgebra::DMatrix;
use std::f64::consts::PI;

/// Decay of the wave function at a cut, as `∫ √(2m(V - E)) dx/ħ`.
const DECAY: f64 = 25.0;
/// Energies are taken as settled at this change against the span of energies in the well.
const SETTLED: f64 = 1e-11;
/// Largest matrix: some five seconds.
const MOST_POINTS: usize = 1000;
/// Energies that may be further off than this part of that span are not given.
const WORST: f64 = 5e-3;
const MOST_STATES: usize = 200;

/// Energies and wave functions, lowest first.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundStates {
    /// May be fewer than asked, where no more are bound or the rest is bound too weakly for the box.
    pub energies: Vec<f64>,
    /// How far each energy may be off.
    pub errors: Vec<f64>,
    /// Evenly spaced, the ends of the box among them.
    pub x: Vec<f64>,
    /// `[state][point]`, `∫ ψ² dx = 1`, zero at the ends of the box; the first swing from the left is positive.
    pub psi: Vec<Vec<f64>>,
}

/// The lowest `n` bound states of a potential. Energies and lengths are in the units of the model file.
///
/// Cost: a few symmetric eigenvalue problems of 100 to 400 points, O(points³): milliseconds to a tenth of a second; near the
/// edge of a continuum, where wave functions reach far, or at a singular wall, up to 1000 points and a second or two.
///
/// # Errors
/// [`Error::ModelInvalid`] where the model is no potential or its ends are periodic or reflecting; [`Error::BadOption`] for no
/// states or more than 200; [`Error::Numerics`] where the potential has no lowest point, or no state is found or resolved.
///
/// # Examples
/// ```
/// use kramers::form::schroedinger::bound_states;
/// use kramers::models::built_in;
///
/// let oscillator = built_in("harmonic-oscillator")?; // m, omega
/// let states = bound_states(&oscillator, &[1.0, 1.0], 3)?;
/// assert!((states.energies[2] - 2.5).abs() < 1e-8);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn bound_states(model: &Model, theta: &[f64], n: usize) -> Result<BoundStates> {
    let mut well = Well::new(model, theta)?;
    if !(1..=MOST_STATES).contains(&n) {
        return Err(Error::BadOption {
            flag: "n".to_string(),
            value: n.to_string(),
            expected: format!("from 1 to {MOST_STATES}"),
            hint: None,
        });
    }
    let scan = well.scan()?;
    let mut wanted = n;
    loop {
        match settled(&mut well, &scan, wanted)? {
            Found::Settled(states) => return Ok(states),
            // The weakest may reach so far that the box leaves no points for the well.
            Found::Unsettled(found) => wanted = (found * 3 / 4).min(found.saturating_sub(1)),
        }
        if wanted == 0 {
            let why = format!("its state reaches too far out of the well for {MOST_POINTS} points");
            return Err(well.broken(&why, "it is bound too weakly for this form: a deeper or wider well is not"));
        }
    }
}

enum Found {
    Settled(BoundStates),
    /// So many, not all of which the largest matrix resolves.
    Unsettled(usize),
}

/// The lowest `n` states on grids that grow until their energies settle.
fn settled(well: &mut Well, scan: &Scan, n: usize) -> Result<Found> {
    // Room for one state more than asked; below the edge of the continuum where that is lower.
    let mut top = scan.energy_of(n as f64 + 0.5, well);
    let mut cells = 0;
    let mut before: Option<Vec<f64>> = None;
    let mut seen = 0;
    for round in 0..20 {
        let decay = DECAY * if round == 0 { 0.8 } else { 1.0 };
        let (from, to) = scan.reach(well, top, decay);
        let waves = (to - from) * (2.0 * well.mass * (top - scan.lowest)).sqrt() / (PI * well.hbar);
        cells = ((1.3 * waves).ceil() as usize + 40).max(cells + cells * 2 / 5).min(MOST_POINTS);
        let solved = well.solve(from, to, cells, scan.lowest)?;
        let bound: Vec<f64> = solved.energies.iter().copied().take_while(|e| *e < scan.edge).take(n).collect();
        let Some(last) = bound.last().copied() else {
            if round < 3 {
                before = None;
                continue;
            }
            let (a, b) = (scan.x[0], scan.x[scan.x.len() - 1]);
            let why =
                format!("no bound state was found between {a:e} and {b:e}, its lowest value {:e} seen", scan.lowest);
            return Err(well
                .broken(&why, "check mass, hbar, the depth of the well, and that it is not narrow and far from zero"));
        };
        seen = bound.len();
        let span = last - scan.lowest;
        if let Some(before) = before.filter(|b| b.len() == bound.len()) {
            // What a series that falls but slowly leaves after its last change; and the round-off of the matrix.
            let left = |(a, b): (&f64, &f64)| 3.0 * (a - b).abs() + f64::EPSILON * solved.largest;
            let change = bound.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let errors = if change <= SETTLED * span {
                Some(bound.iter().zip(&before).map(left).collect())
            } else if cells == MOST_POINTS {
                let errors = well.left_by_a_power(scan, (from, to, cells), &bound)?;
                match errors.iter().all(|e| *e <= WORST * span) {
                    true => Some(errors),
                    false => return Ok(Found::Unsettled(bound.len())),
                }
            } else {
                None
            };
            if let Some(errors) = errors {
                return Ok(Found::Settled(states(bound, errors, &solved.vectors, from, to, cells)));
            }
        }
        // The last state may lie nearer the edge of the continuum than was guessed, and reach farther.
        if bound.len() < n {
            top = last + 0.5 * (scan.edge - last).min(span);
        } else if scan.edge.is_finite() {
            // And a box for more than was asked leaves fewer points for the well.
            top = top.min(last + 0.05 * (scan.edge - last)).max(last);
        }
        before = Some(bound);
    }
    Ok(Found::Unsettled(seen))
}

fn states(energies: Vec<f64>, errors: Vec<f64>, vectors: &[Vec<f64>], from: f64, to: f64, cells: usize) -> BoundStates {
    let dx = (to - from) / cells as f64;
    let psi = energies
        .iter()
        .zip(vectors)
        .map(|(_, vector)| {
            let peak = vector.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
            let first = vector.iter().find(|v| v.abs() > 0.05 * peak).copied().unwrap_or(1.0);
            let scale = first.signum() / dx.sqrt();
            std::iter::once(0.0).chain(vector.iter().map(|v| scale * v)).chain([0.0]).collect()
        })
        .collect();
    let x = (0..=cells).map(|i| from + i as f64 * dx).collect();
    BoundStates { energies, errors, x, psi }
}

/// A potential at fixed parameters.
struct Well<'a> {
    model: &'a Model,
    tape: Tape,
    scratch: Scratch,
    mass: f64,
    hbar: f64,
    lower: f64,
    upper: f64,
}

impl<'a> Well<'a> {
    fn new(model: &'a Model, theta: &[f64]) -> Result<Well<'a>> {
        let invalid = |message: String, hint: &str| {
            Err(Error::ModelInvalid { file: model.file.clone(), message, hint: hint.to_string() })
        };
        let Process::Potential(Potential { frame, state, potential, mass, hbar }) = &model.process else {
            let message = format!("'{}' is a {}, not a potential", model.id, model.process.kind());
            return invalid(message, "name a model of kind = \"potential\"; kramers models lists them");
        };
        if matches!(state.boundary, Boundary::Periodic | Boundary::Reflecting) {
            let message = format!("its ends are {}; bound states end at zero", state.boundary.name());
            return invalid(message, "remove the line `boundary = …`");
        }
        let tape = Tape::compile(&frame.pool, &[*potential], &[frame.variable(0)]);
        let mut scratch = Scratch::default();
        tape.bind(&frame.symbols(theta, 0.0), &mut scratch);
        let (mass, hbar) = (frame.at(*mass, theta, 0.0), frame.at(*hbar, theta, 0.0));
        let well = Well { model, tape, scratch, mass, hbar, lower: state.lower, upper: state.upper };
        if !(mass > 0.0 && hbar > 0.0 && (hbar * hbar / mass).is_finite()) {
            return Err(well.broken("mass and hbar are not positive", "check the parameters with --set"));
        }
        Ok(well)
    }

    fn broken(&self, why: &str, hint: &str) -> Error {
        Error::Numerics {
            what: format!("the bound states of model '{}'", self.model.id),
            why: why.to_string(),
            hint: hint.to_string(),
        }
    }

    /// `V(x)`; a value that is not a number counts as a wall.
    fn at(&mut self, x: f64) -> f64 {
        let mut out = [0.0];
        self.tape.run_one(&[x], &mut out, &mut self.scratch);
        if out[0].is_nan() { f64::INFINITY } else { out[0] }
    }

    /// `V(x)` at a point that stands for this width; its mean there where it jumps, so that the order is two.
    fn around(&mut self, x: f64, width: f64) -> f64 {
        const FEW: usize = 8;
        const ALL: usize = 64;
        let mut parts = |n: usize| -> Vec<f64> {
            (0..n).map(|k| self.at(x + ((k as f64 + 0.5) / n as f64 - 0.5) * width)).collect()
        };
        let jumps = |v: &[f64]| {
            let (low, high) = v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
            v.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max) > 0.6 * (high - low)
        };
        let few = parts(FEW);
        if few.iter().all(|v| v.is_finite()) && jumps(&few) {
            let all = parts(ALL);
            if jumps(&all) {
                return all.iter().sum::<f64>() / ALL as f64;
            }
        }
        self.at(x)
    }

    /// Places at every size: nothing is known of the units.
    fn scan(&mut self) -> Result<Scan> {
        const PER_DECADE: i32 = 150;
        const DECADES: i32 = 12;
        let sizes = (-DECADES * PER_DECADE..=DECADES * PER_DECADE)
            .map(|k| math::exp(f64::from(k) / f64::from(PER_DECADE) * std::f64::consts::LN_10));
        let (lower, upper) = (self.lower, self.upper);
        let mut x: Vec<f64> = match (lower.is_finite(), upper.is_finite()) {
            (true, true) => (1..4000).map(|i| lower + (upper - lower) * f64::from(i) / 4000.0).collect(),
            (true, false) => sizes.map(|s| lower + s).collect(),
            (false, true) => sizes.map(|s| upper - s).collect(),
            (false, false) => sizes.flat_map(|s| [-s, s]).chain([0.0]).collect(),
        };
        x.sort_by(f64::total_cmp);
        x.dedup();
        let mut v: Vec<f64> = x.iter().map(|x| self.at(*x)).collect();
        self.look_closer(&mut x, &mut v);
        let mut lowest = v.iter().copied().fold(f64::INFINITY, f64::min);
        let place = v.iter().position(|v| *v == lowest).unwrap_or(0);
        let no_bottom = lower == f64::NEG_INFINITY && place == 0 || upper == f64::INFINITY && place + 1 == v.len();
        if !lowest.is_finite() || (no_bottom && v.iter().any(|v| *v > lowest)) {
            return Err(self.broken("the potential has no lowest point", "check its sign, and the parameters"));
        }
        if lower.is_finite() && place == 0 || upper.is_finite() && place + 1 == v.len() {
            // At a wall a state costs at least ħ²/(8 m d²), d the distance from it (Hardy 1920), however deep the potential falls.
            let cost = 0.125 * self.hbar * self.hbar / self.mass;
            let far = |x: f64| (x - lower).min(upper - x);
            lowest = x.iter().zip(&v).map(|(x, v)| v + cost / (far(*x) * far(*x))).fold(f64::INFINITY, f64::min);
        }
        let ends = [(lower, v[0]), (upper, v[v.len() - 1])];
        let edge = ends.iter().filter(|(end, _)| end.is_infinite()).map(|(_, v)| *v).fold(f64::INFINITY, f64::min);
        if !(edge > lowest) {
            return Err(self.broken("the potential binds nothing", "check its sign, and the parameters"));
        }
        Ok(Scan { x, v, lowest, edge })
    }

    /// More places around the lowest one: a well far from zero is narrower than the distance between places there.
    fn look_closer(&mut self, x: &mut Vec<f64>, v: &mut Vec<f64>) {
        const LOOKS: usize = 3;
        const PARTS: usize = 300;
        for _ in 0..LOOKS {
            let lowest = v.iter().copied().fold(f64::INFINITY, f64::min);
            let place = v.iter().position(|v| *v == lowest).unwrap_or(0);
            let (first, last) = (place.saturating_sub(1), (place + 1).min(x.len() - 1));
            let (from, to) = (x[first], x[last]);
            let more: Vec<f64> = (1..PARTS)
                .map(|k| from + (to - from) * k as f64 / PARTS as f64)
                .filter(|place| x[first..=last].iter().all(|x| x != place))
                .collect();
            x.extend(&more);
            x.sort_by(f64::total_cmp);
            x.dedup();
            *v = x.iter().map(|x| self.at(*x)).collect();
        }
    }

    /// The errors of energies on this grid, from two coarser ones in the same box: what is left of `C hᵖ` with the power that the three
    /// show, and as much again; at least the earlier change, as a jump of the potential between two points makes no series.
    fn left_by_a_power(
        &mut self,
        scan: &Scan,
        (from, to, cells): (f64, f64, usize),
        energies: &[f64],
    ) -> Result<Vec<f64>> {
        /// Of the cells before; and the largest factor between changes that is believed.
        const COARSER: f64 = 0.7;
        const FASTEST: f64 = 8.0;
        let fewer = |times: i32| (cells as f64 * math::powi(COARSER, times)) as usize;
        let coarse = self.solve(from, to, fewer(1), scan.lowest)?.energies;
        let coarser = self.solve(from, to, fewer(2), scan.lowest)?.energies;
        let each = energies.iter().zip(coarse.iter().zip(&coarser));
        Ok(each
            .map(|(fine, (coarse, coarser))| {
                let (last, before) = ((fine - coarse).abs(), (coarse - coarser).abs());
                // The first order is the slowest.
                let factor = if last > 0.0 { (before / last).clamp(1.0 / COARSER, FASTEST) } else { FASTEST };
                (2.0 * last / (factor - 1.0)).max(before)
            })
            .collect())
    }

    /// All energies and vectors (at the inner points) in the box, lowest first (Colbert & Miller 1992, eq. A6).
    fn solve(&mut self, from: f64, to: f64, cells: usize, lowest: f64) -> Result<Solved> {
        let n = cells as f64;
        let width = to - from;
        let unit = 0.5 * self.hbar * self.hbar / self.mass * PI * PI / (2.0 * width * width);
        let inverse_square: Vec<f64> = (0..2 * cells)
            .map(|k| {
                let sine = math::sin(0.5 * PI * k as f64 / n);
                1.0 / (sine * sine)
            })
            .collect();
        let v: Vec<f64> = (1..cells).map(|i| self.around(from + width * i as f64 / n, width / n) - lowest).collect();
        // A wall that no wave of the grid climbs need not be higher, which would only cost digits.
        let highest = unit * n * n * 30.0;
        if v.iter().all(|v| !(*v < highest)) || v.contains(&f64::NEG_INFINITY) {
            return Err(self.broken("the potential is not finite in the well", "check the parameters with --set"));
        }
        let matrix = DMatrix::from_fn(cells - 1, cells - 1, |r, c| {
            let (i, j) = (r + 1, c + 1);
            if i == j {
                return unit * ((2.0 * n * n + 1.0) / 3.0 - inverse_square[2 * i]) + v[r].min(highest);
            }
            let sign = if (i + j) % 2 == 0 { 1.0 } else { -1.0 };
            unit * sign * (inverse_square[i.abs_diff(j)] - inverse_square[i + j])
        });
        let eigen = matrix.symmetric_eigen();
        let mut order: Vec<usize> = (0..cells - 1).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*a].total_cmp(&eigen.eigenvalues[*b]));
        order.truncate(MOST_STATES);
        let energies = order.iter().map(|k| lowest + eigen.eigenvalues[*k]).collect();
        let vectors = order.iter().map(|k| eigen.eigenvectors.column(*k).iter().copied().collect()).collect();
        Ok(Solved { energies, vectors, largest: eigen.eigenvalues.amax() })
    }
}

/// What the matrix of a box gives.
struct Solved {
    energies: Vec<f64>,
    /// `[state][inner point]`
    vectors: Vec<Vec<f64>>,
    /// Its largest energy, against which its round-off is.
    largest: f64,
}

/// The potential at places of every size.
struct Scan {
    x: Vec<f64>,
    v: Vec<f64>,
    lowest: f64,
    /// The lower of its values at infinity: above it nothing is bound.
    edge: f64,
}

impl Scan {
    /// The energy below which so many states lie, by the semiclassical count; the edge where there are fewer.
    fn energy_of(&self, states: f64, well: &Well) -> f64 {
        let count = |e: f64| {
            let momentum = |v: f64| (2.0 * well.mass * (e - v)).max(0.0).sqrt();
            let pairs = self.x.windows(2).zip(self.v.windows(2));
            let action: f64 = pairs.map(|(x, v)| 0.5 * (x[1] - x[0]) * (momentum(v[0]) + momentum(v[1]))).sum();
            action / (PI * well.hbar)
        };
        // The sixteenth of the way to the edge that is left keeps the decay beyond the turning point finite.
        let ceiling = if self.edge.is_finite() { self.edge - (self.edge - self.lowest) / 16.0 } else { f64::MAX };
        let mut scale = 1e-6 * (self.lowest.abs() + well.hbar * well.hbar / well.mass);
        if self.edge.is_finite() {
            scale = scale.min(1e-6 * (self.edge - self.lowest));
        }
        while self.lowest + scale < ceiling && count(self.lowest + scale) < states {
            scale *= 2.0;
        }
        let (mut low, mut high) = (self.lowest + 0.5 * scale, (self.lowest + scale).min(ceiling));
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if count(middle) < states { low = middle } else { high = middle }
        }
        high
    }

    /// The box: from the outermost turning points at this energy outward until the wave function has decayed.
    fn reach(&self, well: &mut Well, energy: f64, decay: f64) -> (f64, f64) {
        let allowed = |v: &f64| *v < energy;
        let last = self.x.len() - 1;
        let first_in = self.v.iter().position(allowed).unwrap_or(0).saturating_sub(1);
        let last_in = (self.v.iter().rposition(allowed).unwrap_or(last) + 1).min(last);
        let span = self.x[last_in] - self.x[first_in];
        let (lower, upper) = (well.lower, well.upper);
        let mut side = |start: f64, end: f64, direction: f64| {
            let (mut x, mut sum, mut step) = (start, 0.0, span / 200.0);
            while sum < decay {
                let next = x + direction * step;
                if end.is_finite() && (next - end) * direction >= 0.0 {
                    return end;
                }
                let above = (well.at(0.5 * (x + next)) - energy).max(0.0);
                let rate = (2.0 * well.mass * above).sqrt() / well.hbar;
                if rate * step > 2.0 {
                    // A steep wall: look closer.
                    if step < 1e-6 * span {
                        return next;
                    }
                    step *= 0.5;
                    continue;
                }
                sum += rate * step;
                x = next;
                if rate * step < 0.5 {
                    step *= 1.1;
                }
                if !x.is_finite() || (x - start).abs() > 1e6 * span {
                    break;
                }
            }
            x
        };
        (side(self.x[first_in], lower, -1.0), side(self.x[last_in], upper, 1.0))
    }
}

//! Bound states of `-(ħ²/2m) ψ'' + V(x) ψ = E ψ`: the lowest energies and their wave functions.
//!
//! The Hamiltonian stands in a box on the sine functions' own grid (discrete variable representation: Colbert & Miller 1992,
//! appendix A), so errors fall exponentially with the number of points. A finite end of the domain is a hard wall; an infinite
//! one is cut where the wave function has fallen by `e^-25`, by the integral of its decay (WKB). How many states a box must
//! hold is counted semiclassically, `∫ √(2m(E - V)) dx/(πħ)`; grids grow until energies settle.
//!
//! Not for states in a continuum (fewer states are returned than asked), for splittings below 1e-13 of the largest energy in
//! the box, nor for periodic or reflecting ends. A potential that is singular at a wall (`1/x²`) converges algebraically, to
//! about 1e-5 of it, and `errors` says so.

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
const MOST_STATES: usize = 200;

/// Energies and wave functions, lowest first.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundStates {
    /// May be fewer than asked, where no more are bound.
    pub energies: Vec<f64>,
    /// Change of each energy from a coarser grid in a smaller box.
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
/// states or more than 200; [`Error::Numerics`] where the potential has no lowest point, binds nothing, or energies do not settle.
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
            flag: "--states".to_string(),
            value: n.to_string(),
            expected: format!("from 1 to {MOST_STATES}"),
            hint: None,
        });
    }
    let scan = well.scan()?;
    // Room for one state more than asked; below the edge of the continuum where that is lower.
    let mut top = scan.energy_of(n as f64 + 0.5, &well);
    let mut cells = 0;
    let mut before: Option<Vec<f64>> = None;
    for round in 0..20 {
        let decay = DECAY * if round == 0 { 0.8 } else { 1.0 };
        let (from, to) = scan.reach(&mut well, top, decay);
        let waves = (to - from) * (2.0 * well.mass * (top - scan.lowest)).sqrt() / (PI * well.hbar);
        cells = ((1.3 * waves).ceil() as usize + 40).max(cells + cells * 2 / 5).min(MOST_POINTS);
        let (energies, vectors) = well.solve(from, to, cells, scan.lowest)?;
        let bound: Vec<f64> = energies.iter().copied().take_while(|e| *e < scan.edge).take(n).collect();
        let Some(last) = bound.last().copied() else {
            if round < 3 {
                before = None;
                continue;
            }
            return Err(well.broken("it binds no state", "check mass, hbar and the depth of the well"));
        };
        let span = last - scan.lowest;
        if let Some(before) = before.filter(|b| b.len() == bound.len()) {
            let errors: Vec<f64> = bound.iter().zip(&before).map(|(a, b)| (a - b).abs()).collect();
            let settled = errors.iter().all(|e| *e <= SETTLED * span);
            if settled || cells == MOST_POINTS {
                if !settled && errors.iter().any(|e| *e > 1e-3 * span) {
                    return Err(well.broken("its energies did not settle", "ask for fewer states"));
                }
                return Ok(states(bound, errors, &vectors, from, to, cells));
            }
        }
        // The last state may lie nearer the edge of the continuum than was guessed, and reach farther.
        if bound.len() < n {
            top = last + 0.5 * (scan.edge - last).min(span);
        }
        before = Some(bound);
    }
    Err(well.broken("its energies did not settle", "ask for fewer states"))
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
        let v: Vec<f64> = x.iter().map(|x| self.at(*x)).collect();
        let lowest = v.iter().copied().fold(f64::INFINITY, f64::min);
        let place = v.iter().position(|v| *v == lowest).unwrap_or(0);
        let no_bottom = lower == f64::NEG_INFINITY && place == 0 || upper == f64::INFINITY && place + 1 == v.len();
        if !lowest.is_finite() || (no_bottom && v.iter().any(|v| *v > lowest)) {
            return Err(self.broken("the potential has no lowest point", "check its sign, and the parameters"));
        }
        let ends = [(lower, v[0]), (upper, v[v.len() - 1])];
        let edge = ends.iter().filter(|(end, _)| end.is_infinite()).map(|(_, v)| *v).fold(f64::INFINITY, f64::min);
        if !(edge > lowest) {
            return Err(self.broken("the potential binds nothing", "check its sign, and the parameters"));
        }
        Ok(Scan { x, v, lowest, edge })
    }

    /// All energies and vectors (at the inner points) in the box, lowest first (Colbert & Miller 1992, eq. A6).
    fn solve(&mut self, from: f64, to: f64, cells: usize, lowest: f64) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let n = cells as f64;
        let width = to - from;
        let unit = 0.5 * self.hbar * self.hbar / self.mass * PI * PI / (2.0 * width * width);
        let inverse_square: Vec<f64> = (0..2 * cells)
            .map(|k| {
                let sine = math::sin(0.5 * PI * k as f64 / n);
                1.0 / (sine * sine)
            })
            .collect();
        let v: Vec<f64> = (1..cells).map(|i| self.at(from + width * i as f64 / n) - lowest).collect();
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
        Ok((energies, vectors))
    }
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

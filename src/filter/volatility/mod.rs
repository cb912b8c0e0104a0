//! The filter of latent volatility: a level seen exactly whose drift and noise hang on one state that is not seen.
//!
//! `dY = a(V) dt + b(V)·dW + jumps`, `dV = c(V) dt + d(V)·dW`, any correlation (leverage), `Y` or `e^Y` in the data: log-volatility, Heston's,
//! the GARCH diffusion, Bates's. The law of `V` given all rows so far stands on a mesh; from row to row it moves by the exact density
//! of the latent's step (Kitagawa 1987; Fridman & Harris 1998 for volatility), and the level's move is judged given both places. The
//! likelihood is deterministic and smooth, with a gradient by Fisher's identity (one pass forward, one back). A row within which the latent
//! state forgets is made of shorter parts.
//!
//! Cost of a row: a thousand or two exponentials, some microseconds. Not for levels whose noise hangs on themselves, or several latent
//! states.

mod composed;
#[cfg(test)]
mod composed_tests;
mod innovated;
mod kernel;
mod law;
mod mesh;
mod outlook;
mod pass;
mod shape;
mod student;
#[cfg(test)]
mod student_tests;
#[cfg(test)]
mod tests;

pub use innovated::innovated;
pub use outlook::{Ahead, Outlook};

use super::observations::{Observations, Steps};
use super::start::Start;
use super::{Filtered, Method, Predicted, Settings};
use crate::base::{Coordinate, Error, Param, Result, math};
use crate::models::Model;
use kernel::{Band, Coefficients, Moves};
use mesh::{Begin, Mesh, Range};
use nalgebra::{DMatrix, DVector};
use pass::{Slopes, Sums};
use rayon::prelude::*;
use shape::Shape;
use std::sync::Arc;

/// Spacing of the mesh in standard deviations of the latent's step over the shortest row.
const FINENESS: f64 = 1.0;
/// The same of the mesh that tells the error.
const FINER: f64 = 0.7;
/// The same where a tolerance above [`ROUGH`] is good enough.
const COARSE: f64 = 1.3;
const ROUGH: f64 = 1e-6;
/// Of which share the spacing is where moves are Student's: their density has poles near the places, the normal law's has none.
const STUDENT: f64 = 0.72;
/// Most lengths of rows, each with moves of its own.
const MOST_LENGTHS: usize = 40;
/// Blocks of rows whose slopes make the metric, and fewest rows of one.
const BLOCKS: usize = 96;
const LEAST_BLOCK: usize = 8;
/// Share of the probability of a step that may be missing where the latent state is.
const MISSING: f64 = 1e-3;

/// Why the filter does not answer a model; `None` where it does.
pub(super) fn why_not(model: &Model) -> Option<String> {
    shape::why_not(model)
}

/// Whether a model that the filter answers is seen through the exponential of its level (a price) or as it is. Cheap: it does not look at the
/// equations.
pub fn sees_exponential(model: &Model) -> Option<bool> {
    match &model.process {
        crate::process::Process::Diffusion(process) => shape::sees_exponential(model, process),
        _ => None,
    }
}

/// What was read, as moves of the level.
#[derive(Debug)]
struct Rows {
    /// Rows with a value, by their place in the record.
    rows: Vec<usize>,
    /// `[row with a value]`: the level.
    levels: Vec<f64>,
    steps: Steps,
    /// What the log-likelihood gains in the unit of the data, `[row with a value]`.
    ln_jacobian: Vec<f64>,
}

impl Rows {
    fn new(shape: &Shape, model: &Model, record: &Observations) -> Result<Rows> {
        let seen = record.values.first().map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<usize> = (0..seen.len()).filter(|i| seen[*i].is_some()).collect();
        let values: Vec<f64> = rows.iter().filter_map(|i| seen[*i]).collect();
        if let Some(k) = values.iter().position(|v| shape.is_exp && *v <= 0.0) {
            return Err(Error::OutsideDomain {
                model: model.id.clone(),
                series: "the record".to_string(),
                value: values[k],
                row: rows[k] + 1,
                lower: 0.0,
                upper: f64::INFINITY,
            });
        }
        let times: Vec<f64> = rows.iter().map(|i| record.times[*i]).collect();
        if let Some(k) = times.windows(2).position(|w| w[1] <= w[0]) {
            return Err(broken(model, &format!("rows {} and {} are of one time", rows[k] + 1, rows[k + 1] + 1)));
        }
        let steps = Steps::new(&times);
        if steps.lengths.len() > MOST_LENGTHS {
            let hint = "use --clock business, or --dt to count rows";
            let why = format!("its rows are of {} lengths, and {MOST_LENGTHS} are told apart", steps.lengths.len());
            return Err(Error::Numerics { what: what(model), why, hint: hint.to_string() });
        }
        let levels: Vec<f64> = values.iter().map(|v| shape.level_of(*v)).collect();
        let ln_jacobian = levels.iter().map(|y| if shape.is_exp { -y } else { 0.0 }).collect();
        Ok(Rows { rows, levels, steps, ln_jacobian })
    }

    /// The move that led to a row, and which length it took.
    fn step(&self, row: usize) -> Option<(f64, usize)> {
        Some((self.levels[row] - self.levels[row - 1], self.steps.to[row]?))
    }
}

fn what(model: &Model) -> String {
    format!("the quadrature filter of model '{}'", model.id)
}

fn broken(model: &Model, why: &str) -> Error {
    let hint = "check the parameters, their start (--set) and the rows of the data".to_string();
    Error::Numerics { what: what(model), why: why.to_string(), hint }
}

fn impossible(model: &Model, moved: f64, row: usize) -> Error {
    broken(model, &format!("the move of {moved} to row {} is impossible", row + 1))
}

/// The filter on one record, mesh and moves settled at one parameter value.
#[derive(Debug)]
pub(super) struct Volatility {
    read: Arc<Read>,
    begin: Begin,
    mesh: Mesh,
    bands: Vec<Band>,
}

/// What hangs on no parameters.
#[derive(Debug)]
struct Read {
    model: Model,
    shape: Shape,
    rows: Rows,
}

/// The log-likelihood with its slopes, and the mean over the record's values of the outer products of the slopes that blocks of rows have.
#[derive(Debug)]
pub(super) struct Told {
    pub total: f64,
    pub gradient: Vec<f64>,
    pub metric: DMatrix<f64>,
}

/// How the coefficients and the first law change with one parameter.
struct Change {
    /// `[length]`
    moves: Vec<Slopes>,
    first: Vec<f64>,
}

/// All that hangs on the parameters: of each length of rows the moves and their exponents, and the first law.
struct At {
    moves: Vec<Moves>,
    coefficients: Vec<Coefficients>,
    first: Vec<f64>,
}

/// A pass forward.
struct Forward {
    /// `[row][place]`, after each row.
    masses: Vec<Vec<f64>>,
    /// `[row]`: log density of the level's move.
    ln_density: Vec<f64>,
}

impl Volatility {
    /// # Errors
    /// [`Error::FormUnavailable`] for another shape of equation; [`Error::OutsideDomain`] and [`Error::Numerics`] for rows that are none;
    /// [`Error::Numerics`] where the latent state has no law to start from.
    pub fn new(model: &Model, record: &Observations, settings: &Settings, theta: &[f64]) -> Result<Volatility> {
        let shape =
            Shape::new(model)?.map_err(|why| super::likelihood::unavailable(model, Method::Quadrature, &why))?;
        let rows = Rows::new(&shape, model, record)?;
        let read = Read { model: model.clone(), shape, rows };
        Volatility::settled(Arc::new(read), &settings.start, theta, fineness(settings.tolerance))
    }

    /// The same record with mesh and moves settled at another point. Cost: some tenths of a millisecond.
    ///
    /// # Errors
    /// As [`Volatility::new`].
    pub fn resettled(&self, settings: &Settings, theta: &[f64]) -> Result<Volatility> {
        Volatility::settled(self.read.clone(), &settings.start, theta, fineness(settings.tolerance))
    }

    fn settled(read: Arc<Read>, from: &Start, theta: &[f64], fineness: f64) -> Result<Volatility> {
        let Read { model, shape, rows } = read.as_ref();
        let none = |why: &str| broken(model, why);
        let dt = rows.steps.lengths.first().copied().ok_or_else(|| none("it needs two rows at least"))?;
        let (begin, range) = start(shape, model, from, theta)?;
        let fineness = fineness * if shape.degrees(theta).is_some() { STUDENT } else { 1.0 };
        let mesh = Mesh::new(shape, theta, &range, dt, fineness)
            .ok_or_else(|| none("drift or diffusion of the latent state is not finite where it may be"))?;
        let bands: Option<Vec<Band>> =
            rows.steps.lengths.iter().map(|dt| Band::new(shape, &mesh, theta, *dt)).collect();
        let bands = bands.ok_or_else(|| none("the latent state's step has no density"))?;
        Ok(Volatility { read, begin, mesh, bands })
    }

    pub fn start(&self) -> Start {
        match self.begin {
            Begin::Stationary => Start::Stationary,
            Begin::File => Start::File,
        }
    }

    fn at(&self, theta: &[f64]) -> Option<At> {
        let moves: Vec<Moves> = self
            .bands
            .iter()
            .map(|band| Moves::new(&self.read.shape, &self.mesh, band, theta))
            .collect::<Option<_>>()?;
        let coefficients = moves.iter().zip(&self.bands).map(|(moves, band)| moves.coefficients(band)).collect();
        let dt = self.bands[0].dt;
        let first = self.mesh.first(&self.read.shape, &self.read.model, self.begin, theta, dt)?;
        Some(At { moves, coefficients, first })
    }

    fn forward(&self, at: &At) -> Result<Forward> {
        let mut now: Vec<f64> = at.first.iter().map(|l| math::exp(*l)).collect();
        let mut out = Forward { masses: vec![now.clone()], ln_density: vec![0.0] };
        for row in 1..self.read.rows.levels.len() {
            let Some((moved, length)) = self.read.rows.step(row) else { continue };
            let (next, density) = pass::forward(&self.bands[length], &at.coefficients[length], &now, moved)
                .ok_or_else(|| impossible(&self.read.model, moved, self.read.rows.rows[row]))?;
            out.ln_density.push(math::ln(density));
            out.masses.push(next.clone());
            now = next;
        }
        Ok(out)
    }

    /// The log-likelihood of the record. Cost: a pass.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the parameters make none.
    pub fn total(&self, theta: &[f64]) -> Result<f64> {
        let at =
            self.at(theta).ok_or_else(|| broken(&self.read.model, "its rates are not finite at these parameters"))?;
        let forward = self.forward(&at)?;
        Ok(forward.ln_density.iter().sum::<f64>() + self.read.rows.ln_jacobian.iter().skip(1).sum::<f64>())
    }

    /// The log-likelihood and its gradient: `Σ E[∂ ln p(move, row) | all rows]` (Fisher's identity), the derivatives of the moves by
    /// central differences over 1e-5 of each parameter. The same sums over blocks of rows are nearly independent, and the mean of their outer
    /// products is near the curvature (Berndt, Hall, Hall & Hausman 1974). Cost: two and a half passes.
    ///
    /// # Errors
    /// As [`Volatility::total`].
    pub fn told(&self, theta: &[f64]) -> Result<Told> {
        let none = || broken(&self.read.model, "its rates are not finite at these parameters");
        let at = self.at(theta).ok_or_else(none)?;
        let forward = self.forward(&at)?;
        let changes: Option<Vec<Change>> =
            (0..theta.len()).into_par_iter().map(|k| self.change(&at, theta, k)).collect();
        let changes = changes.ok_or_else(none)?;
        let n = self.mesh.len();
        let rows = self.read.rows.levels.len();
        let block = rows.div_ceil(BLOCKS).max(LEAST_BLOCK);
        let mut sums: Vec<Sums> = at.coefficients.iter().map(|c| Sums::new(c.c0.len())).collect();
        let (mut after, mut before) = (vec![1.0; n], vec![0.0; n]);
        let mut gradient = DVector::zeros(theta.len());
        let mut metric = DMatrix::zeros(theta.len(), theta.len());
        for row in (1..rows).rev() {
            if let Some((moved, length)) = self.read.rows.step(row) {
                let scale = math::exp(-forward.ln_density[row]);
                let what = (forward.masses[row - 1].as_slice(), moved, scale);
                let (band, c) = (&self.bands[length], &at.coefficients[length]);
                pass::backward(band, c, what, &after, &mut before, &mut sums[length]);
                std::mem::swap(&mut after, &mut before);
            }
            if row % block != 1 && row != 1 {
                continue;
            }
            // What the record says of the place at the first row.
            let begun = |change: &Change| -> f64 {
                let each = forward.masses[0].iter().zip(&after).zip(&change.first);
                each.map(|((m, b), slope)| if m * b > 0.0 { m * b * slope } else { 0.0 }).sum()
            };
            let slope = |change: &Change| {
                let moves = sums.iter().zip(&change.moves).map(|(sums, slopes)| sums.along(slopes));
                moves.sum::<f64>() + if row == 1 { begun(change) } else { 0.0 }
            };
            let score = DVector::from_iterator(theta.len(), changes.iter().map(slope));
            metric += &score * score.transpose();
            gradient += score;
            sums.iter_mut().for_each(Sums::clear);
        }
        let total = forward.ln_density.iter().sum::<f64>() + self.read.rows.ln_jacobian.iter().skip(1).sum::<f64>();
        Ok(Told { total, gradient: gradient.as_slice().to_vec(), metric: metric / rows as f64 })
    }

    /// By central differences; beside a bound by three points to one side.
    fn change(&self, at: &At, theta: &[f64], k: usize) -> Option<Change> {
        let param = &self.read.model.params[k];
        let h = step_of(param, theta[k]);
        let moved = |steps: f64| {
            let mut theta = theta.to_vec();
            theta[k] += steps * h;
            (theta[k] >= param.lower && theta[k] <= param.upper).then(|| self.at(&theta)).flatten()
        };
        let (first, second) = match (moved(-1.0), moved(1.0)) {
            (Some(below), Some(above)) => ((-0.5, below), (0.5, above)),
            (None, Some(above)) => ((2.0, above), (-0.5, moved(2.0)?)),
            (Some(below), None) => ((-2.0, below), (0.5, moved(-2.0)?)),
            (None, None) => return None,
        };
        let weights = [first.0 / h, second.0 / h];
        let others = [&first.1, &second.1];
        // Central differences have no share of the point itself.
        let own = -weights[0] - weights[1];
        let slopes = |length: usize| {
            let mut points =
                vec![(weights[0], &others[0].coefficients[length]), (weights[1], &others[1].coefficients[length])];
            if own != 0.0 {
                points.push((own, &at.coefficients[length]));
            }
            Slopes::new(&at.coefficients[length], &points)
        };
        let own_first = |i: usize| if own != 0.0 { own * at.first[i] } else { 0.0 };
        let first = |i: usize| weights[0] * others[0].first[i] + weights[1] * others[1].first[i] + own_first(i);
        Some(Change {
            moves: (0..at.coefficients.len()).map(slopes).collect(),
            first: (0..at.first.len()).map(first).collect(),
        })
    }

    /// One-step laws and PITs of the readings, and the latent state after the last row.
    ///
    /// # Errors
    /// As [`Volatility::total`].
    pub fn filter(&self, record: &Observations, theta: &[f64]) -> Result<Filtered> {
        let at =
            self.at(theta).ok_or_else(|| broken(&self.read.model, "its rates are not finite at these parameters"))?;
        let forward = self.forward(&at)?;
        let student = at.moves[0].degrees.map(law::Student::new);
        let mut out = Filtered::empty(Method::Quadrature, 1, record.times.len());
        for row in 1..self.read.rows.levels.len() {
            let Some((moved, length)) = self.read.rows.step(row) else { continue };
            let place = self.read.rows.rows[row];
            let mixture = law::next(&self.bands[length], &at.moves[length], student.as_ref(), &forward.masses[row - 1]);
            out.log_likelihood[place] = forward.ln_density[row] + self.read.rows.ln_jacobian[row];
            out.pit[0][place] = Some(mixture.cdf(moved));
            let from = self.read.rows.levels[row - 1];
            let moments = if self.read.shape.is_exp { mixture.exponential(from) } else { Some(mixture.moments(from)) };
            out.predicted[0][place] = moments.map(|(mean, sd)| Predicted { mean, sd });
        }
        let last = forward.masses.last().map(Vec::as_slice).unwrap_or_default();
        let mean: f64 = last.iter().zip(&self.mesh.places).map(|(m, x)| m * x).sum();
        let variance: f64 = last.iter().zip(&self.mesh.places).map(|(m, x)| m * (x - mean) * (x - mean)).sum();
        let mut state = vec![0.0; 2];
        state[self.read.shape.latent] = mean;
        state[self.read.shape.level] = self.read.rows.levels.last().copied().unwrap_or(0.0);
        let mut covariance = vec![vec![0.0; 2]; 2];
        covariance[self.read.shape.latent][self.read.shape.latent] = variance;
        (out.mean, out.covariance) = (state, covariance);
        out.error = self.error(theta, &forward);
        self.require_whole(&at, &forward)?;
        Ok(out)
    }

    /// The largest change of a row's log density on a finer mesh.
    fn error(&self, theta: &[f64], forward: &Forward) -> Option<f64> {
        let finer = Volatility::settled(self.read.clone(), &self.start(), theta, FINER).ok()?;
        let at = finer.at(theta)?;
        let other = finer.forward(&at).ok()?;
        let gaps = forward.ln_density.iter().zip(&other.ln_density).map(|(a, b)| (a - b).abs());
        Some(gaps.fold(0.0, f64::max))
    }

    /// The steps' density must be one where the latent state is.
    fn require_whole(&self, at: &At, forward: &Forward) -> Result<()> {
        let mean =
            |moves: &Moves, masses: &Vec<f64>| -> f64 { moves.defect.iter().zip(masses).map(|(d, m)| d * m).sum() };
        let worst = forward.masses.iter().map(|masses| mean(&at.moves[0], masses)).fold(0.0, f64::max);
        if worst <= MISSING {
            return Ok(());
        }
        Err(broken(
            &self.read.model,
            &format!(
                "the density of the latent state's step misses {worst:.0e} of its probability: the rows are too far apart for it"
            ),
        ))
    }
}

/// Of the mesh, for a tolerance of a row's log-likelihood.
fn fineness(tolerance: f64) -> f64 {
    if tolerance > ROUGH { COARSE } else { FINENESS }
}

/// How the latent state starts, and where it may be.
fn start(shape: &Shape, model: &Model, start: &Start, theta: &[f64]) -> Result<(Begin, Range)> {
    let stationary = || mesh::stationary_range(shape, theta);
    // Without such a law: as far as its noise may carry it within the record.
    let from_file = || {
        let middle = mesh::file_start(shape, model, theta).filter(|v| v.is_finite())?;
        Some(Range { middle, ends: [f64::NEG_INFINITY, f64::INFINITY] })
    };
    let found = match start {
        Start::Auto => stationary().map(|r| (Begin::Stationary, r)).or_else(|| from_file().map(|r| (Begin::File, r))),
        Start::Stationary => stationary().map(|r| (Begin::Stationary, r)),
        Start::File => match from_file() {
            Some(range) => Some((Begin::File, stationary().unwrap_or(range))),
            // A file that says "stationary" means it.
            None => stationary().map(|r| (Begin::Stationary, r)),
        },
        Start::Diffuse | Start::Given { .. } => None,
    };
    found.ok_or_else(|| {
        start.refused(model, "the latent state has no stationary law here, and its file gives no value to start from")
    })
}

/// The step of a difference.
fn step_of(param: &Param, value: f64) -> f64 {
    const SHARE: f64 = 1e-5;
    SHARE
        * match param.coordinate() {
            Coordinate::Log if value > 0.0 => value,
            Coordinate::Logit => (param.upper - param.lower).min(1.0),
            _ => value.abs().max(1e-2),
        }
}

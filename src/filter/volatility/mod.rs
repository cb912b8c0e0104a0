//! The filter of latent volatility: a level seen exactly whose drift and noise hang on one state that is not seen.
//!
//! `dY = a(V) dt + b(V)·dW + jumps`, `dV = c(V) dt + d(V)·dW`, any correlation (leverage), `Y` or `e^Y` in the data: log-volatility, Heston's,
//! the GARCH diffusion, Bates's. The law of `V` given all rows so far stands on a mesh; from row to row it moves by the exact density
//! of the latent's step (Kitagawa 1987; Fridman & Harris 1998 for volatility), and the level's move is judged given both places. The
//! likelihood is deterministic and smooth, with a gradient by Fisher's identity (one pass forward, one back).
//!
//! Cost of a row: a thousand or two exponentials, some microseconds. Not for levels whose noise hangs on themselves, several latent
//! states, or steps so long that the latent state forgets within one (a step over a year of what is measured in years).

mod kernel;
mod law;
mod mesh;
mod outlook;
mod pass;
mod shape;
#[cfg(test)]
mod tests;

pub use outlook::{Ahead, Outlook};

use super::observations::{Observations, Steps};
use super::start::Start;
use super::{Filtered, Method, Predicted, Settings};
use crate::base::{Coordinate, Error, Param, Result, math};
use crate::models::Model;
use kernel::{Band, Coefficients, Moves};
use mesh::{Begin, Mesh, Range};
use pass::Sums;
use rayon::prelude::*;
use shape::Shape;

/// Spacing of the mesh in standard deviations of the latent's step over the shortest row.
const FINENESS: f64 = 1.0;
/// The same of the mesh that tells the error.
const FINER: f64 = 0.7;
/// The same where a tolerance above [`ROUGH`] is good enough.
const COARSE: f64 = 1.3;
const ROUGH: f64 = 1e-6;
/// Most lengths of rows, each with moves of its own.
const MOST_LENGTHS: usize = 40;
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
    model: Model,
    shape: Shape,
    begin: Begin,
    mesh: Mesh,
    bands: Vec<Band>,
    rows: Rows,
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
        let fineness = if settings.tolerance > ROUGH { COARSE } else { FINENESS };
        Volatility::spaced(model, record, settings, theta, fineness)
    }

    fn spaced(
        model: &Model,
        record: &Observations,
        settings: &Settings,
        theta: &[f64],
        fineness: f64,
    ) -> Result<Volatility> {
        let shape =
            Shape::new(model)?.map_err(|why| super::likelihood::unavailable(model, Method::Quadrature, &why))?;
        let rows = Rows::new(&shape, model, record)?;
        let Some(dt) = rows.steps.lengths.first().copied() else {
            return Err(broken(model, "it needs two rows at least"));
        };
        let (begin, range) = start(&shape, model, &settings.start, theta)?;
        let none = |why: &str| broken(model, why);
        let mesh = Mesh::new(&shape, theta, &range, dt, fineness)
            .ok_or_else(|| none("drift or diffusion of the latent state is not finite where it may be"))?;
        let bands: Option<Vec<Band>> =
            rows.steps.lengths.iter().map(|dt| Band::new(&shape, &mesh, theta, *dt)).collect();
        let bands = bands.ok_or_else(|| none("the latent state's step has no density"))?;
        Ok(Volatility { model: model.clone(), shape, begin, mesh, bands, rows })
    }

    pub fn start(&self) -> Start {
        match self.begin {
            Begin::Stationary => Start::Stationary,
            Begin::File => Start::File,
        }
    }

    fn at(&self, theta: &[f64]) -> Option<At> {
        let moves: Vec<Moves> =
            self.bands.iter().map(|band| Moves::new(&self.shape, &self.mesh, band, theta)).collect::<Option<_>>()?;
        let coefficients = moves.iter().zip(&self.bands).map(|(moves, band)| moves.coefficients(band)).collect();
        let dt = self.bands[0].dt;
        let first = self.mesh.first(&self.shape, &self.model, self.begin, theta, dt)?;
        Some(At { moves, coefficients, first })
    }

    fn forward(&self, at: &At) -> Result<Forward> {
        let mut now: Vec<f64> = at.first.iter().map(|l| math::exp(*l)).collect();
        let mut out = Forward { masses: vec![now.clone()], ln_density: vec![0.0] };
        for row in 1..self.rows.levels.len() {
            let Some((moved, length)) = self.rows.step(row) else { continue };
            let (next, density) = pass::forward(&self.bands[length], &at.coefficients[length], &now, moved)
                .ok_or_else(|| impossible(&self.model, moved, self.rows.rows[row]))?;
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
        let at = self.at(theta).ok_or_else(|| broken(&self.model, "its rates are not finite at these parameters"))?;
        let forward = self.forward(&at)?;
        Ok(forward.ln_density.iter().sum::<f64>() + self.rows.ln_jacobian.iter().skip(1).sum::<f64>())
    }

    /// The log-likelihood and its gradient: `Σ E[∂ ln p(move, row) | all rows]` (Fisher's identity), the derivatives of the moves by
    /// central differences over 1e-5 of each parameter. Cost: two and a half passes.
    ///
    /// # Errors
    /// As [`Volatility::total`].
    pub fn total_and_gradient(&self, theta: &[f64]) -> Result<(f64, Vec<f64>)> {
        let none = || broken(&self.model, "its rates are not finite at these parameters");
        let at = self.at(theta).ok_or_else(none)?;
        let forward = self.forward(&at)?;
        let n = self.mesh.len();
        let mut sums: Vec<Sums> = at.coefficients.iter().map(|c| Sums::new(c.c0.len())).collect();
        let (mut after, mut before) = (vec![1.0; n], vec![0.0; n]);
        for row in (1..self.rows.levels.len()).rev() {
            let Some((moved, length)) = self.rows.step(row) else { continue };
            let scale = math::exp(-forward.ln_density[row]);
            let what = (forward.masses[row - 1].as_slice(), moved, scale);
            pass::backward(&self.bands[length], &at.coefficients[length], what, &after, &mut before, &mut sums[length]);
            std::mem::swap(&mut after, &mut before);
        }
        // What the record says of the place at the first row.
        let begun: Vec<f64> = forward.masses[0].iter().zip(&after).map(|(m, b)| m * b).collect();
        let total = forward.ln_density.iter().sum::<f64>() + self.rows.ln_jacobian.iter().skip(1).sum::<f64>();
        let change = |from: &At, to: &At| -> f64 {
            let moves = (0..sums.len()).map(|k| sums[k].along(&from.coefficients[k], &to.coefficients[k]));
            let starts = begun.iter().zip(from.first.iter().zip(&to.first));
            moves.sum::<f64>() + starts.map(|(w, (a, b))| if *w > 0.0 { w * (b - a) } else { 0.0 }).sum::<f64>()
        };
        let slope = |k: usize| -> Option<f64> {
            let h = step_of(&self.model.params[k], theta[k]);
            let moved = |sign: f64| {
                let mut theta = theta.to_vec();
                theta[k] += sign * h;
                let inside = theta[k] >= self.model.params[k].lower && theta[k] <= self.model.params[k].upper;
                inside.then(|| self.at(&theta)).flatten()
            };
            match (moved(-1.0), moved(1.0)) {
                (Some(below), Some(above)) => Some(change(&below, &above) / (2.0 * h)),
                // Beside a bound: three points to one side.
                (None, Some(above)) => {
                    let far = moved(2.0)?;
                    Some((4.0 * change(&at, &above) - change(&at, &far)) / (2.0 * h))
                }
                (Some(below), None) => {
                    let far = moved(-2.0)?;
                    Some((change(&at, &far) - 4.0 * change(&at, &below)) / (2.0 * h))
                }
                (None, None) => None,
            }
        };
        let slopes: Option<Vec<f64>> = (0..theta.len()).into_par_iter().map(slope).collect();
        Ok((total, slopes.ok_or_else(none)?))
    }

    /// One-step laws and PITs of the readings, and the latent state after the last row.
    ///
    /// # Errors
    /// As [`Volatility::total`].
    pub fn filter(&self, record: &Observations, theta: &[f64]) -> Result<Filtered> {
        let at = self.at(theta).ok_or_else(|| broken(&self.model, "its rates are not finite at these parameters"))?;
        let forward = self.forward(&at)?;
        let mut out = Filtered::empty(Method::Quadrature, 1, record.times.len());
        for row in 1..self.rows.levels.len() {
            let Some((moved, length)) = self.rows.step(row) else { continue };
            let place = self.rows.rows[row];
            let mixture = law::next(&self.bands[length], &at.moves[length], &forward.masses[row - 1]);
            out.log_likelihood[place] = forward.ln_density[row] + self.rows.ln_jacobian[row];
            out.pit[0][place] = Some(mixture.cdf(moved));
            let from = self.rows.levels[row - 1];
            let (mean, sd) = if self.shape.is_exp { mixture.exponential(from) } else { mixture.moments(from) };
            out.predicted[0][place] = Some(Predicted { mean, sd });
        }
        let last = forward.masses.last().map(Vec::as_slice).unwrap_or_default();
        let mean: f64 = last.iter().zip(&self.mesh.places).map(|(m, x)| m * x).sum();
        let variance: f64 = last.iter().zip(&self.mesh.places).map(|(m, x)| m * (x - mean) * (x - mean)).sum();
        let mut state = vec![0.0; 2];
        state[self.shape.latent] = mean;
        state[self.shape.level] = self.rows.levels.last().copied().unwrap_or(0.0);
        let mut covariance = vec![vec![0.0; 2]; 2];
        covariance[self.shape.latent][self.shape.latent] = variance;
        (out.mean, out.covariance) = (state, covariance);
        let settings = Settings { start: self.start(), ..Settings::default() };
        out.error = self.error(record, &settings, theta, &forward);
        self.require_whole(&at, &forward)?;
        Ok(out)
    }

    /// The largest change of a row's log density on a finer mesh.
    fn error(&self, record: &Observations, settings: &Settings, theta: &[f64], forward: &Forward) -> Option<f64> {
        let finer = Volatility::spaced(&self.model, record, settings, theta, FINER).ok()?;
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
            &self.model,
            &format!(
                "the density of the latent state's step misses {worst:.0e} of its probability: the rows are too far apart for it"
            ),
        ))
    }
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

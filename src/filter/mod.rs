//! The likelihood of a diffusion that is seen with errors of measurement, only in part, or both: a filter carries the law of the
//! state from row to row, and each row is judged by the law of its readings given all rows before.
//!
//! | method | answers | how |
//! |---|---|---|
//! | `kalman` | affine drift, noise and errors that hang on no state, linear readings, normal errors | exact (Kalman & Bucy 1961; Jazwinski 1970, chapter 7) |
//! | `grid` | one state, any reading, any continuous law of errors | the Fokker-Planck transition on fixed grids, Bayes' rule at every row (Kitagawa 1987) |
//! | `quadrature` | a level that is seen exactly, with one latent state in its drift and noise (stochastic volatility) | the latent's exact step on a mesh, the level's move given both its ends |
//! | `unscented` | the rest, without jumps | a normal law whose moments obey equations closed at sigma points (Särkkä 2007) |
//!
//! Times are the model's. Errors of different readings are independent. Not here: other jumps than the level's, networks, particles.

mod grid;
mod jet;
mod kalman;
mod likelihood;
mod linear;
mod noise;
mod observations;
mod readings;
mod sigma;
mod start;
#[cfg(test)]
pub(crate) mod tests;
mod unscented;
mod volatility;

pub use likelihood::{Likelihood, log_likelihood, method_of};
pub use observations::Observations;
pub use start::Start;
pub use volatility::{Ahead, Outlook, innovated, sees_exponential};

use crate::models::Model;
use crate::process::Process;
use serde::Serialize;

/// How the law of the state is carried along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Mean and covariance by their linear equations, exact.
    Kalman,
    /// The density on nested Fokker-Planck grids, Bayes' rule at every row; with an estimate of its error.
    Grid,
    /// The latent state's step by quadrature on a mesh.
    Quadrature,
    /// Mean and covariance by sigma points, in time and at every reading; an approximation.
    Unscented,
}

impl Method {
    /// Every method, in the order in which [`Method::of`] tries them.
    pub const ALL: [Method; 4] = [Method::Kalman, Method::Grid, Method::Quadrature, Method::Unscented];

    /// The method of this name; `None` where there is none.
    pub fn named(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|m| m.name() == name)
    }

    /// Name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Method::Kalman => "kalman",
            Method::Grid => "grid",
            Method::Quadrature => "quadrature",
            Method::Unscented => "unscented",
        }
    }

    /// Why the method does not answer a model, whatever its parameters; `None` where it does.
    pub fn why_not(self, model: &Model) -> Option<String> {
        let Process::Diffusion(process) = &model.process else {
            return Some(format!("it is a {}, and a filter needs a diffusion", model.process.kind()));
        };
        if self != Method::Quadrature && !process.jumps.is_empty() {
            return Some("it jumps".to_string());
        }
        if self != Method::Quadrature && model.observe.iter().any(|o| o.student.is_some()) {
            return Some("its rows' moves are Student's".to_string());
        }
        match self {
            Method::Quadrature => volatility::why_not(model),
            Method::Kalman => linear::why_not(model),
            Method::Grid => grid::why_not(model),
            Method::Unscented => None,
        }
    }

    /// The first of all methods that answers a model, and why it was taken, as a sentence.
    ///
    /// # Errors
    /// Why none does.
    pub fn of(model: &Model) -> Result<(Method, String), String> {
        let Some(why_not_kalman) = Method::Kalman.why_not(model) else {
            return Ok((
                Method::Kalman,
                "Kalman filter: the model is linear with normal errors, so it is exact".into(),
            ));
        };
        let Some(why_not_grid) = Method::Grid.why_not(model) else {
            return Ok((
                Method::Grid,
                format!("grid filter: one state, and no Kalman filter because {why_not_kalman}"),
            ));
        };
        let Some(why_not_quadrature) = Method::Quadrature.why_not(model) else {
            return Ok((
                Method::Quadrature,
                "quadrature filter: the level is seen exactly, and one latent state moves its volatility".into(),
            ));
        };
        match Method::Unscented.why_not(model) {
            None => Ok((
                Method::Unscented,
                format!(
                    "unscented filter, an approximation: no Kalman filter because {why_not_kalman}, no grid because {why_not_grid}, no quadrature because {why_not_quadrature}"
                ),
            )),
            Some(_) => Err(format!("{why_not_kalman}; {why_not_quadrature}")),
        }
    }
}

/// How to filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `None` takes what [`Method::of`] says.
    pub method: Option<Method>,
    /// The law of the state before the first row is read.
    pub start: Start,
    /// Cells of the finest grid to begin with, more until the error is below `tolerance`; of the grid filter.
    pub cells: usize,
    /// The error of a row's log-likelihood that is good enough, of the grid and of the unscented filter's steps in time; the quadrature filter
    /// takes a coarser mesh where it is large.
    pub tolerance: f64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { method: None, start: Start::Auto, cells: 256, tolerance: 1e-7 }
    }
}

/// Mean and standard deviation of one reading given all rows before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Predicted {
    /// Expected reading, in its own unit.
    pub mean: f64,
    /// Standard deviation of the reading, errors of measurement included.
    pub sd: f64,
}

/// What a filter makes of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Filtered {
    /// How the law of the state was carried.
    pub method: Method,
    /// Log density of each row given those before, zero where nothing was read or the row set the start.
    pub log_likelihood: Vec<f64>,
    /// `[reading][row]`: one-step laws, also where nothing was read; `None` where the law is still diffuse.
    pub predicted: Vec<Vec<Option<Predicted>>>,
    /// `[reading][row]`: probability integral transforms, of each reading given all before it in time and in its row, so
    /// independent uniforms if the model is right. `None` where nothing was read or the value set the start.
    pub pit: Vec<Vec<Option<f64>>>,
    /// Mean of the state after the last row, `[state]`.
    pub mean: Vec<f64>,
    /// Its covariance.
    pub covariance: Vec<Vec<f64>>,
    /// The largest error of a row's log-likelihood, estimated, where the method has an estimate: the grid's, or of the unscented
    /// filter's steps in time (not of its closure).
    pub error: Option<f64>,
}

impl Filtered {
    /// The log-likelihood of the whole record: that of all its rows, in the unit of the data.
    pub fn total(&self) -> f64 {
        self.log_likelihood.iter().sum()
    }

    /// All PITs in the order of rows, those of one row together.
    pub fn pits(&self) -> Vec<f64> {
        (0..self.log_likelihood.len()).flat_map(|row| self.pit.iter().filter_map(move |p| p[row])).collect()
    }

    fn empty(method: Method, readings: usize, rows: usize) -> Filtered {
        Filtered {
            method,
            log_likelihood: vec![0.0; rows],
            predicted: vec![vec![None; rows]; readings],
            pit: vec![vec![None; rows]; readings],
            mean: Vec::new(),
            covariance: Vec::new(),
            error: None,
        }
    }
}

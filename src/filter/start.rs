//! The law of the state at the first row.

use super::linear::LinearProcess;
use super::readings::{diffusion, readings};
use crate::base::{Error, Result};
use crate::expr::Node;
use crate::form::stationary::stationary;
use crate::models::Model;
use crate::process::Initial;

use super::observations::Observations;

/// What is known of the state at the time of the first row, before it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// The stationary law where there is one, else what the model's file gives, else nothing.
    Auto,
    /// The `initial` of each state in the model's file.
    File,
    /// The law that does not change with time; refused where none is known.
    Stationary,
    /// Nothing: the first readings set the state and add nothing to the likelihood.
    Diffuse,
    /// A normal law.
    Given {
        /// `[state]`, in the order of the model's file.
        mean: Vec<f64>,
        /// `[state][state]`, with no negative variance.
        covariance: Vec<Vec<f64>>,
    },
}

impl Start {
    /// Name in documents and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Start::Auto => "auto",
            Start::File => "file",
            Start::Stationary => "stationary",
            Start::Diffuse => "diffuse",
            Start::Given { .. } => "given",
        }
    }

    pub(super) fn refused(&self, model: &Model, why: &str) -> Error {
        Error::Numerics {
            what: format!("the start '{}' of a filter of model '{}'", self.name(), model.id),
            why: why.to_string(),
            hint: "give every state an initial law in the model's file, e.g. initial = \"normal(0, 1)\"".to_string(),
        }
    }

    /// A given law must have the model's size and be a law.
    pub(super) fn check(&self, model: &Model) -> Result<()> {
        let Start::Given { mean, covariance } = self else { return Ok(()) };
        let n = model.process.frame().n_variables;
        let square = covariance.len() == n && covariance.iter().all(|row| row.len() == n);
        let finite = mean.iter().chain(covariance.iter().flatten()).all(|v| v.is_finite());
        if mean.len() != n || !square || !finite || (0..n).any(|i| !(covariance[i][i] >= 0.0)) {
            return Err(self.refused(model, &format!("a mean of {n} states and their covariance are needed")));
        }
        Ok(())
    }
}

/// Mean `[state]` and covariance of the start of a filter of moments.
pub(super) type Moments = (Vec<f64>, Vec<Vec<f64>>);

/// How such a filter starts, settled once.
#[derive(Debug)]
pub(super) enum Begin {
    /// The joint stationary law of a linear process.
    Linear(Box<LinearProcess>),
    /// Each state by its own stationary law.
    Alone,
    File,
    Given(Moments),
    /// States read as they are, from the first row, the others as the file says or by their own stationary law.
    FirstRow,
}

impl Begin {
    /// The way the start asked for is made: under [`Start::Auto`] the joint stationary law of a linear process, each state's own, the file's, and
    /// at last the first row's.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the model has no such start.
    pub fn new(model: &Model, record: &Observations, start: &Start, theta: &[f64]) -> Result<Begin> {
        let joint = || {
            let linear = LinearProcess::new(model).filter(|linear| linear.rates(theta).is_stable())?;
            Some(Begin::Linear(Box::new(linear)))
        };
        let alone = || {
            let n = model.process.frame().n_variables;
            (0..n).all(|i| stationary(model, theta, i).is_ok_and(|law| law.sd().is_some())).then_some(Begin::Alone)
        };
        let file = || by_file(model, theta).map(|_| Begin::File);
        let first = || by_first_row(model, theta, record).map(|_| Begin::FirstRow);
        match start {
            Start::Auto => match joint().or_else(alone) {
                Some(begin) => Ok(begin),
                None => file().or_else(|_| first()),
            },
            Start::Stationary => {
                joint().or_else(alone).ok_or_else(|| start.refused(model, "no stationary law of it is known"))
            }
            Start::File => file(),
            Start::Diffuse => first(),
            Start::Given { mean, covariance } => {
                start.check(model)?;
                Ok(Begin::Given((mean.clone(), covariance.clone())))
            }
        }
    }

    /// By the name it would be asked for.
    pub fn start(&self) -> Start {
        match self {
            Begin::Linear(_) | Begin::Alone => Start::Stationary,
            Begin::File => Start::File,
            Begin::Given((mean, covariance)) => Start::Given { mean: mean.clone(), covariance: covariance.clone() },
            Begin::FirstRow => Start::Diffuse,
        }
    }

    /// Whether the first row sets the start and so adds nothing.
    pub fn takes_first_row(&self) -> bool {
        matches!(self, Begin::FirstRow)
    }

    /// Mean and covariance of the start at `theta`.
    ///
    /// # Errors
    /// [`Error::Numerics`] where there is none at these parameters.
    pub fn moments(&self, model: &Model, theta: &[f64], record: &Observations) -> Result<Moments> {
        match self {
            Begin::Linear(linear) => {
                let (mean, covariance) = linear.rates(theta).stationary()?;
                let n = mean.value.nrows();
                let rows = (0..n).map(|i| (0..n).map(|j| covariance.value[(i, j)]).collect()).collect();
                Ok((mean.value.as_slice().to_vec(), rows))
            }
            Begin::Alone => {
                let n = model.process.frame().n_variables;
                independent((0..n).map(|i| by_stationary(model, theta, i)).collect::<Result<_>>()?)
            }
            Begin::File => by_file(model, theta),
            Begin::Given(moments) => Ok(moments.clone()),
            Begin::FirstRow => by_first_row(model, theta, record),
        }
    }
}

fn independent(pairs: Vec<(f64, f64)>) -> Result<Moments> {
    let n = pairs.len();
    let covariance = (0..n).map(|i| (0..n).map(|j| if i == j { pairs[i].1 } else { 0.0 }).collect()).collect();
    Ok((pairs.iter().map(|p| p.0).collect(), covariance))
}

fn by_stationary(model: &Model, theta: &[f64], i: usize) -> Result<(f64, f64)> {
    let law = stationary(model, theta, i)?;
    match (law.mean(), law.sd()) {
        (Some(mean), Some(sd)) => Ok((mean, sd * sd)),
        _ => Err(Start::Stationary.refused(model, "its stationary law has no variance")),
    }
}

/// Mean and variance of the `initial` of one state.
fn by_initial(model: &Model, theta: &[f64], i: usize) -> Result<(f64, f64)> {
    let process = diffusion(model).ok_or_else(|| Start::File.refused(model, "it is no diffusion"))?;
    let symbols = process.frame.symbols(theta, 0.0);
    let state = &process.states[i];
    let missing = |why: &str| Start::File.refused(model, &format!("{} {why}", state.name));
    let (mean, variance) = match &state.initial {
        None => return Err(missing("has no initial value")),
        Some(Initial::Value(id)) => (process.frame.pool.eval(*id, &symbols), 0.0),
        Some(Initial::Law(law)) => {
            let law =
                law.at(&process.frame, &symbols).ok_or_else(|| missing("has an initial law that is none here"))?;
            (law.mean(), law.variance())
        }
        Some(Initial::Stationary) => by_stationary(model, theta, i)?,
    };
    let fine = mean.is_finite() && variance.is_finite() && variance >= 0.0;
    if fine { Ok((mean, variance)) } else { Err(missing("has an initial law without moments here")) }
}

fn by_file(model: &Model, theta: &[f64]) -> Result<Moments> {
    let n = model.process.frame().n_variables;
    independent((0..n).map(|i| by_initial(model, theta, i)).collect::<Result<_>>()?)
}

fn by_first_row(model: &Model, theta: &[f64], record: &Observations) -> Result<Moments> {
    let frame = model.process.frame();
    let mut pool = frame.pool.clone();
    let list = readings(model, &mut pool);
    let read_of = |i: usize| {
        let itself = |id| pool.node(id) == Node::Symbol(frame.variable(i) as u32);
        let (reading, column) = list.iter().zip(&record.values).find(|(r, _)| itself(r.of))?;
        let y = column.first().copied().flatten()?;
        let mut symbols = frame.symbols(theta, record.times[0]);
        symbols[frame.variable(0)..frame.variable(0) + frame.n_variables].fill(y);
        match &reading.noise {
            None => Some((y, 0.0)),
            Some(noise) => noise.at(frame, &symbols).map(|law| (y - law.mean(), law.variance())),
        }
    };
    let each = |i: usize| match read_of(i) {
        Some(pair) => Ok(pair),
        None => by_initial(model, theta, i).or_else(|_| by_stationary(model, theta, i)),
    };
    independent((0..frame.n_variables).map(each).collect::<Result<_>>()?)
}

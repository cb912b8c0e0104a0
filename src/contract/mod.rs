//! The contract every model keeps: its card is complete, its coefficients are finite, all its forms give one answer, and its
//! parameters are found again in its own paths.
//!
//! [`verify`] runs on a model file (`kramers models FILE --verify`) and, in the tests, on the whole registry, so that a new
//! model arrives tested. A check that does not apply says why; one that a form cannot answer yet says so too.

mod agreement;
mod gradient;
mod others;
mod recovery;

use crate::base::{Purpose, Seed, math};
use crate::form::monte_carlo::Start;
use crate::models::Model;
use crate::process::Process;

/// What came of one check: of a clause, or of one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// What is asked for holds.
    Kept,
    /// It does not hold: the model, or the answer of a form, is wrong.
    Broken,
    /// There is nothing to check, or nothing yet to check it with.
    Absent,
}

/// One clause of the contract: what is asked of the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// What it asks of the model, in a word or two: "card", "bounds", "finite", …
    pub name: &'static str,
    /// Whether the model keeps it.
    pub outcome: Outcome,
    /// What was found, in a sentence.
    pub found: String,
}

/// One form held against the reference, at the model's horizon or, where it only holds there, at a short time.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Name of the form, as `--form` takes it.
    pub form: String,
    /// Whether it agrees with the reference as closely as such a form should; absent where it gave no answer to hold against it.
    pub outcome: Outcome,
    /// Largest difference in mean, sd, 5, 50 and 95 % quantiles of any component, in the reference's sd.
    pub disagreement: Option<f64>,
    /// How far off it was and how far it may be, or why it gave no answer, in a sentence.
    pub found: String,
}

/// What a model was found to keep; [`verify`] makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    /// Id of the model.
    pub model: String,
    /// What the forms are held against.
    pub reference: String,
    /// What is asked of the model itself, in the order it was checked.
    pub clauses: Vec<Clause>,
    /// What is asked of its forms, one a form.
    pub cells: Vec<Cell>,
}

impl Contract {
    /// Whether nothing is broken; what is absent breaks nothing.
    pub fn is_kept(&self) -> bool {
        self.clauses.iter().all(|c| c.outcome != Outcome::Broken)
            && self.cells.iter().all(|c| c.outcome != Outcome::Broken)
    }

    /// Names and findings of what is broken.
    pub fn broken(&self) -> Vec<String> {
        let clauses = self.clauses.iter().filter(|c| c.outcome == Outcome::Broken);
        let cells = self.cells.iter().filter(|c| c.outcome == Outcome::Broken);
        clauses
            .map(|c| format!("{}: {}", c.name, c.found))
            .chain(cells.map(|c| format!("form {}: {}", c.form, c.found)))
            .collect()
    }
}

/// How hard a model is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Paths of a Monte Carlo answer; fewer where paths are long.
    pub paths: usize,
    /// Seed of all paths that are drawn, so that a verdict can be had again.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Effort {
        Effort { paths: 10_000, seed: 7 }
    }
}

/// Hold a model to its contract, at its default parameters and, where it has one, its own start, over its horizon.
///
/// Nothing is refused: what fails is a broken clause or cell, what cannot be asked an absent one. Cost: that of every form of
/// the model once, of [`Effort::paths`] paths, and of a fit to 2000 rows of its own where transitions can be fitted.
pub fn verify(model: &Model, effort: Effort) -> Contract {
    let theta = model.default_params().values;
    let mut clauses = vec![card(model), bounds(model), finite(model, &theta)];
    let key = Seed(effort.seed).key(Purpose::Simulation, 0, 0);
    let agreement = match others::agree(model, &theta, effort, key) {
        Some(agreement) => agreement,
        None => {
            let start = agreement::start_of(model, &theta).unwrap_or_default();
            clauses.push(gradient::gradient(model, &theta, &start, model.horizon / 50.0));
            clauses.push(recovery::recover(model, &theta, key));
            agreement::agree(model, &theta, effort, key)
        }
    };
    clauses.extend(agreement.clauses);
    Contract { model: model.id.clone(), reference: agreement.reference, clauses, cells: agreement.cells }
}

fn clause(name: &'static str, kept: bool, found: impl Into<String>) -> Clause {
    Clause { name, outcome: if kept { Outcome::Kept } else { Outcome::Broken }, found: found.into() }
}

fn absent(name: &'static str, why: impl Into<String>) -> Clause {
    Clause { name, outcome: Outcome::Absent, found: why.into() }
}

/// The larger of two differences; one that is not a number is larger than any.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::INFINITY } else { a.max(b) }
}

/// Title, source, and a meaning and unit for every parameter.
fn card(model: &Model) -> Clause {
    let mut lacks: Vec<String> = Vec::new();
    for (what, text) in [("a title", &model.title), ("a source", &model.source)] {
        if text.is_empty() {
            lacks.push(what.to_string());
        }
    }
    for p in &model.params {
        if p.meaning.is_empty() {
            lacks.push(format!("the meaning of {}", p.name));
        }
        if p.unit.is_empty() {
            lacks.push(format!("the unit of {}", p.name));
        }
    }
    match lacks.is_empty() {
        true => clause("card", true, "title, source, meanings and units are there"),
        false => clause("card", false, format!("it lacks {}", lacks.join(", "))),
    }
}

fn bounds(model: &Model) -> Clause {
    let wrong: Vec<&str> = model
        .params
        .iter()
        .filter(|p| !(p.lower < p.upper && p.default >= p.lower && p.default <= p.upper))
        .map(|p| p.name.as_str())
        .collect();
    match wrong.is_empty() {
        true => clause("bounds", true, format!("hold the defaults of {} parameters", model.params.len())),
        false => clause("bounds", false, format!("do not hold the default of {}", wrong.join(", "))),
    }
}

/// Coefficients at many states of the domain, one variable moved at a time from the start.
fn finite(model: &Model, theta: &[f64]) -> Clause {
    const NAME: &str = "finite";
    let Some(start) = agreement::start_of(model, theta) else {
        return absent(NAME, format!("a {} has no state to start from", model.process.kind()));
    };
    let ends: Vec<(f64, f64)> = match &model.process {
        Process::Diffusion(p) => p.states.iter().map(|s| (s.lower, s.upper)).collect(),
        _ => start.iter().map(|_| (0.0, f64::INFINITY)).collect(),
    };
    let is_network = matches!(model.process, Process::Network(_));
    let mut states = 0;
    for (i, (lower, upper)) in ends.iter().enumerate() {
        let counts = [0.0, 1.0, 2.0, 10.0, 1e3, 1e6];
        for x in if is_network { counts.to_vec() } else { across(*lower, *upper, start[i]) } {
            let mut state = start.clone();
            state[i] = x;
            states += 1;
            if let Err(error) = model.check_finite(theta, &state) {
                return clause(NAME, false, error.to_string());
            }
        }
    }
    clause(NAME, true, format!("coefficients at {states} states of the domain"))
}

/// States across a domain: evenly between finite ends, by decades away from one end, over both signs on the line.
fn across(lower: f64, upper: f64, around: f64) -> Vec<f64> {
    let decades = || (-8..=8).map(|k| math::powi(10.0, k));
    match (lower.is_finite(), upper.is_finite()) {
        (true, true) => (1..100).map(|k| lower + (upper - lower) * 0.01 * f64::from(k)).collect(),
        (true, false) => decades().map(|d| lower + d * (around - lower).abs().max(1e-300)).collect(),
        (false, true) => decades().map(|d| upper - d * (upper - around).abs().max(1e-300)).collect(),
        (false, false) => (-40..=40).map(|k| around + 0.25 * f64::from(k)).collect(),
    }
}

/// The start as Monte Carlo wants it.
fn at(start: &[f64]) -> Start<'_> {
    Start::At(start)
}

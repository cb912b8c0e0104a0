//! Laws found in data: Kramers-Moyal coefficients, a sparse formula written as a model file, and whether the data are what they
//! would have to be, a Markov process without jumps.
//!
//! [`kramers_moyal`] is free of any formula; [`discover`] finds one as well, by regression on the transitions themselves and not
//! on binned values. It fits no latent state and no noise of measurement: [`markov`] tells where there is one.

mod algebra;
mod cells;
mod formula;
mod jumps;
mod kramers_moyal;
mod library;
mod markov;
mod moments;
mod steps;
#[cfg(test)]
mod study;
mod subset;
#[cfg(test)]
mod tests;
mod text;

pub use algebra::Monomial;
pub use formula::{Formula, Part, Term};
pub use jumps::JumpCheck;
pub use kramers_moyal::{Coefficients, Estimator, KramersMoyal, Value, kramers_moyal};
pub use library::{Library, MOST_TERMS};
pub use markov::{LEVEL, LagTest, MarkovCheck, markov};
pub use steps::{LEAST, Steps, Track};
pub use subset::Size;

use crate::base::{Error, Result};
use crate::models::{self, Model};

/// What to look for: the library's degrees, the accuracy of a step, and the words of the model file.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Names of the states, as the model file is to have them.
    pub names: Vec<String>,
    /// Unit of the data's times, which the model file names.
    pub time_unit: String,
    /// Id of the model, which [`read`](crate::models::read) must accept.
    pub id: String,
    /// Title of the model, one line.
    pub title: String,
    /// Highest degree of the drift's terms; `None` takes 5 for a state on the whole line, 3 for a positive one and for two states.
    pub drift_degree: Option<usize>,
    /// Highest degree of the squared diffusion's terms; `None` takes 4 for a state on the whole line, 3 for a positive one, 2 for two states.
    pub noise_degree: Option<usize>,
    /// Order in dt, 1 to 4, to which the mean and variance of a step are expanded: 1 is Euler's step.
    pub order: usize,
    /// Evenly spaced states at which Kramers-Moyal coefficients are wanted.
    pub states: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            names: vec!["x".to_string()],
            time_unit: "time".to_string(),
            id: "discovered".to_string(),
            title: "Discovered in data".to_string(),
            drift_degree: None,
            noise_degree: None,
            order: 3,
            states: 15,
        }
    }
}

/// The law found, as a formula and as a model file, beside what speaks for and against it.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// Drift and squared diffusion, with what cross-validation saw of other sizes.
    pub formula: Formula,
    /// By kernel; of one state only.
    pub coefficients: Option<KramersMoyal>,
    /// One a state; none where residuals have no variance to be held against.
    pub jumps: Vec<Option<JumpCheck>>,
    /// Whether the data are Markov at their own step, of several states by the residuals of the formula; `None` where they are too few to tell.
    pub markov: Option<MarkovCheck>,
    /// The model file, as text.
    pub text: String,
    /// The model that the text reads as, its parameters at the coefficients found.
    pub model: Model,
    /// Transitions that it was learnt from.
    pub transitions: usize,
    /// Mean step of the data, in their time unit.
    pub mean_step: f64,
    /// What should keep a reader from believing it, in a sentence each.
    pub warnings: Vec<String>,
}

/// Share of transitions with too long a step that is worth a word.
const MUCH_SHORT: f64 = 1e-3;

/// Find drift and diffusion in transitions.
///
/// The library is powers of the state (products of powers of two), with `1/x`, `√x` and `log x` where every value is positive; the
/// noises of two states are taken as independent. Not for measurements with noise, nor for steps so long that the expansion does
/// not hold ([`Formula::share_short`]). Cost: about ten rounds of O(n p²) and O(2^p p³) for libraries of p terms; 1e5 transitions
/// take about a second.
///
/// # Errors
/// [`Error::BadOption`] for degrees whose library is longer than [`MOST_TERMS`] and for orders but 1 to 4; [`Error::Numerics`] where names and states
/// differ in number, or no finite formula was found.
pub fn discover(steps: &Steps, settings: &Settings) -> Result<Discovery> {
    let states = steps.states();
    if settings.names.len() != states {
        return Err(refused(
            format!("{} names were given for {states} states", settings.names.len()),
            "name every state",
        ));
    }
    let is_positive = steps.x0.iter().chain(&steps.x1).flatten().all(|x| *x > 0.0);
    let (drift, noise) = libraries(settings, states, is_positive)?;
    let formula = formula::find(steps, &drift, &noise, settings.order);
    let finite = |part: &Part| part.terms.iter().all(|t| t.value.is_finite());
    if !formula.drift.iter().chain(&formula.noise).all(finite) {
        return Err(refused("no finite formula was found".to_string(), "rescale the data, or ask for a lower degree"));
    }
    let noises = formula.noises();
    let at_start = algebra::evaluate(&noises.iter().collect::<Vec<_>>(), &steps.x0);
    if !at_start.iter().flatten().any(|g| *g > 0.0) {
        let why = match formula.share_short > MUCH_SHORT {
            true => ", and the step is too long for the expansion that was to find it",
            false => "",
        };
        return Err(refused(
            format!("the record tells no diffusion: nowhere is the squared noise above zero{why}"),
            "kramers check shows what the rows are; more rows, or a lower --noise-degree, may tell one",
        ));
    }
    let seen = moments::moments(&formula.drifts(), &formula.noises(), steps, settings.order);
    let coefficients = match states {
        1 => Some(kramers_moyal(steps, Estimator::Kernel { states: settings.states })?),
        _ => None,
    };
    let words = text::Words {
        id: &settings.id,
        title: &settings.title,
        names: &settings.names,
        time_unit: &settings.time_unit,
        is_positive,
    };
    let text = text::model_text(&formula, &words);
    let model = models::read("model.toml", &text)?;
    let jumps: Vec<Option<JumpCheck>> = (0..states).map(|s| jumps::check(steps, &formula, &seen, s)).collect();
    let markov = if states == 1 { markov(steps) } else { markov::markov_of_residuals(steps, &seen) };
    let warnings = warnings(&formula, &jumps, markov.as_ref());
    let mean_step = steps.dt.iter().sum::<f64>() / steps.len() as f64;
    Ok(Discovery { formula, coefficients, jumps, markov, text, model, transitions: steps.len(), mean_step, warnings })
}

fn refused(why: String, hint: &str) -> Error {
    Error::Numerics { what: "discovery".to_string(), why, hint: hint.to_string() }
}

fn libraries(settings: &Settings, states: usize, is_positive: bool) -> Result<(Library, Library)> {
    let (drift_degree, noise_degree) = match (states, is_positive) {
        (1, false) => (5, 4),
        (1, true) => (3, 3),
        _ => (3, 2),
    };
    let (drift_degree, noise_degree) =
        (settings.drift_degree.unwrap_or(drift_degree), settings.noise_degree.unwrap_or(noise_degree));
    let drift = Library::drift(states, drift_degree, is_positive);
    let noise = Library::noise(states, noise_degree, is_positive);
    let longest = drift.terms.len().max(noise.terms.len());
    let bad = |flag: &str, value: String, expected: String| Error::BadOption {
        flag: flag.to_string(),
        value,
        expected,
        hint: None,
    };
    if longest > MOST_TERMS {
        return Err(bad(
            "--degree",
            drift_degree.max(noise_degree).to_string(),
            format!("makes {longest} terms, and every subset of at most {MOST_TERMS} is tried"),
        ));
    }
    if !(1..=4).contains(&settings.order) {
        return Err(bad(
            "--order",
            settings.order.to_string(),
            "moments are expanded to order 1, 2, 3 or 4".to_string(),
        ));
    }
    Ok((drift, noise))
}

fn warnings(formula: &Formula, jumps: &[Option<JumpCheck>], markov: Option<&MarkovCheck>) -> Vec<String> {
    let mut warnings = Vec::new();
    if !formula.is_settled {
        warnings.push("the terms did not settle: the last choice is shown, and another is about as good".to_string());
    }
    if !formula.is_solved {
        warnings.push("the estimating equations were not solved: coefficients have no standard errors".to_string());
    }
    if formula.share_short > MUCH_SHORT {
        warnings.push(format!(
            "the step is too long for the expansion at {:.1} % of the transitions: coefficients are biased; sample more often",
            100.0 * formula.share_short
        ));
    }
    if jumps.iter().flatten().any(|j| j.jumps) {
        warnings.push(
            "the fourth moment is too large for a diffusion: the path jumps, or its noise has heavy tails".to_string(),
        );
    }
    if let Some(check) = markov.filter(|m| !m.holds()) {
        let length = match check.length {
            Some(time) => format!("it holds from a step of about {time:.4}: keep only rows that far apart"),
            None => "nor at any lag tried".to_string(),
        };
        warnings.push(format!("the data are not Markov at their own step ({length})"));
    }
    warnings
}

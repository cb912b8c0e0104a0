//! Where a model starts: what --from gives, else what its file gives, else one where that is inside the domain.

use crate::base::rng::Key;
use crate::base::{Error, Result, suggest::nearest};
use crate::form::start::{Starts, start};
use crate::form::stationary::stationary;
use crate::models::Model;
use crate::process::{Initial, Process, State};

fn bad(value: String, expected: String, name: &str) -> Error {
    Error::BadOption { flag: "--from".to_string(), value, expected, hint: Some(format!("--from {name}=1")) }
}

fn states(model: &Model) -> &[State] {
    match &model.process {
        Process::Diffusion(process) => &process.states,
        Process::Value(value) => &value.under.states,
        _ => &[],
    }
}

/// The typed start of every variable, each inside its domain.
fn typed(from: &[(String, f64)], model: &Model) -> Result<Vec<Option<f64>>> {
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let first = names.first().cloned().unwrap_or_default();
    let mut values = vec![None; names.len()];
    for (name, value) in from {
        let Some(i) = names.iter().position(|n| n == name) else {
            let expected = match names.as_slice() {
                [one] => format!("the only state of '{}' is called {one}", model.id),
                _ => format!("the states of '{}' are called {}", model.id, names.join(", ")),
            };
            let close = nearest(name, names.iter().map(String::as_str)).unwrap_or(&first);
            return Err(bad(name.clone(), expected, close));
        };
        if values[i].is_some() {
            return Err(bad(name.clone(), format!("'{}' has the one state {name}, given once", model.id), name));
        }
        if let Some(state) = states(model).get(i)
            && !state.holds(*value)
        {
            let domain = format!("'{}' lives on [{}, {}]", model.id, state.lower, state.upper);
            return Err(bad(format!("{name}={value}"), domain, name));
        }
        values[i] = Some(*value);
    }
    Ok(values)
}

/// One start for every variable: of a law its mean. Empty for a network that starts as its file says.
///
/// # Errors
/// [`Error::BadOption`] where a start is outside its domain or there is none; what a stationary law refuses.
pub(super) fn point(from: &[(String, f64)], model: &Model, theta: &[f64]) -> Result<Vec<f64>> {
    let typed = typed(from, model)?;
    let given = model.initial_values(theta);
    if let Process::Network(network) = &model.process {
        if from.is_empty() {
            return Ok(Vec::new());
        }
        let each = typed.iter().zip(given).zip(&network.species);
        return each
            .map(|((typed, given), species)| {
                let needed = || {
                    bad(String::new(), format!("{} of '{}' needs a start too", species.name, model.id), &species.name)
                };
                typed.or(given).ok_or_else(needed)
            })
            .collect();
    }
    let mut point = Vec::new();
    for (i, state) in states(model).iter().enumerate() {
        let x0 = match (typed[i], given.get(i).copied().flatten(), &state.initial) {
            (Some(x0), _, _) | (None, Some(x0), _) => x0,
            (None, None, Some(Initial::Stationary)) => stationary(model, theta, i)?.mean().unwrap_or(f64::NAN),
            (None, None, _) if state.holds(1.0) && !matches!(model.process, Process::Value(_)) => 1.0,
            (None, None, _) => {
                let expected = format!("{} of '{}' needs a start value inside its domain", state.name, model.id);
                return Err(bad(String::new(), expected, &state.name));
            }
        };
        point.push(x0);
    }
    Ok(point)
}

/// Starts of many paths: as [`point`], with what the file gives as a law drawn for each path.
pub(super) fn starts(from: &[(String, f64)], model: &Model, theta: &[f64], paths: usize, key: Key) -> Result<Starts> {
    let is_random = |s: &State| !matches!(s.initial, None | Some(Initial::Value(_)));
    let typed = typed(from, model)?;
    let drawn = states(model).iter().zip(&typed).any(|(state, typed)| typed.is_none() && is_random(state));
    if !drawn {
        return point(from, model, theta).map(Starts::At);
    }
    let mut columns = match start(model, theta, paths, key)? {
        Starts::At(x) => x.iter().map(|x| vec![*x; paths]).collect(),
        Starts::Each(columns) => columns,
    };
    for (column, typed) in columns.iter_mut().zip(typed) {
        if let Some(x0) = typed {
            column.fill(x0);
        }
    }
    Ok(Starts::Each(columns))
}

//! Whole states from the species that were seen: what is conserved tells the others.

use crate::base::{Error, Result};
use crate::models::Model;
use crate::process::Process;

/// The species that a series of one number is of: the first that moves.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub species: usize,
    v: Vec<i64>,
}

/// How many steps of `v` lead from `base` to `x`, where a whole number of them does.
pub(super) fn along(base: &[f64], v: &[i64], x: &[f64]) -> Option<i64> {
    let i = v.iter().position(|n| *n != 0)?;
    let k = (x[i] - base[i]) / v[i] as f64;
    let arrives = base.iter().zip(v).zip(x).all(|((b, v), x)| b + k * *v as f64 == *x);
    (k.fract() == 0.0 && k.abs() < 9e15 && arrives).then_some(k as i64)
}

impl Seen {
    /// `None` where more than one species moves and the file's start, which tells the totals, is no number for all of them.
    pub fn new(model: &Model, v: &[i64]) -> Option<Seen> {
        let species = v.iter().position(|n| *n != 0)?;
        let seen = Seen { species, v: v.to_vec() };
        seen.base(model, &model.default_params().values).is_some().then_some(seen)
    }

    /// The state at which the line begins to be counted, at these parameters.
    pub fn base(&self, model: &Model, theta: &[f64]) -> Option<Vec<f64>> {
        let alone = self.v.iter().filter(|n| **n != 0).count() == 1;
        let initial = model.initial_values(theta);
        let value = |(s, x): (usize, &Option<f64>)| match x {
            _ if alone && s == self.species => Some(0.0),
            Some(x) if *x >= 0.0 && x.fract() == 0.0 => Some(*x),
            _ => None,
        };
        initial.iter().enumerate().map(value).collect()
    }

    /// Steps from the base to a count of the species.
    pub fn place(&self, base: &[f64], x: f64) -> Option<i64> {
        let k = (x - base[self.species]) / self.v[self.species] as f64;
        let counts = base.iter().zip(&self.v).all(|(b, v)| b + k * *v as f64 >= 0.0);
        (k.fract() == 0.0 && k.abs() < 9e15 && counts).then_some(k as i64)
    }

    /// The whole state at a count of the species.
    pub fn state(&self, base: &[f64], x: f64) -> Option<Vec<f64>> {
        let k = self.place(base, x)?;
        Some(base.iter().zip(&self.v).map(|(b, v)| b + (k * v) as f64).collect())
    }
}

/// The whole state of a network in which one species was seen, and that species' position: the first that moves, where every reaction moves
/// along one line. What is conserved is taken from the file's start at these parameters.
///
/// # Errors
/// [`Error::BadOption`] where the model is no network, one species does not tell the others, or the count cannot be.
pub fn complete(model: &Model, theta: &[f64], x: f64) -> Result<(usize, Vec<f64>)> {
    let bad = |value: String, expected: &str, hint: Option<&str>| Error::BadOption {
        flag: "--value".to_string(),
        value,
        expected: expected.to_string(),
        hint: hint.map(str::to_string),
    };
    let Process::Network(network) = &model.process else {
        return Err(bad(model.id.clone(), "a network of reactions", None));
    };
    let seen = network.direction().and_then(|(v, _)| Seen::new(model, &v)).ok_or_else(|| {
        bad(
            format!("one column for '{}'", model.id),
            "a network in which one species tells the others by what is conserved",
            Some("give the counts of every species"),
        )
    })?;
    let name = &network.species[seen.species].name;
    let base = seen.base(model, theta);
    let state = base.and_then(|base| seen.state(&base, x));
    let expected = "a whole number of molecules that the conserved totals allow";
    state.map(|state| (seen.species, state)).ok_or_else(|| bad(format!("{name} = {x}"), expected, None))
}

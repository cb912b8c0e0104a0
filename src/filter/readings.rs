//! What a model's readings are: functions of the state with an error added.

use crate::expr::{Id, Pool};
use crate::models::Model;
use crate::process::{Diffusion, Distribution, Process};

/// One column of the data.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub of: Id,
    pub noise: Option<Distribution>,
}

/// The process of a model, if it is a diffusion.
pub(super) fn diffusion(model: &Model) -> Option<&Diffusion> {
    if let Process::Diffusion(process) = &model.process { Some(process) } else { None }
}

/// The readings of a model in `pool`, a copy of its own: those its file names, or every state as it is.
pub(super) fn readings(model: &Model, pool: &mut Pool) -> Vec<Reading> {
    if model.observe.is_empty() {
        let frame = model.process.frame();
        let states = (0..frame.n_variables).map(|i| Reading { of: pool.symbol_at(frame.variable(i)), noise: None });
        return states.collect();
    }
    model.observe.iter().map(|o| Reading { of: o.of, noise: o.noise.clone() }).collect()
}

/// How many readings a model has.
pub(super) fn count(model: &Model) -> usize {
    if model.observe.is_empty() { model.process.frame().n_variables } else { model.observe.len() }
}

//! Functionals of whole paths: each block of paths is reduced as soon as it is made, so no more than a block is held.

use super::engine::Engine;
use super::{MOST_STEPS, Run};
use crate::base::{Error, Result};
use crate::expr::LANES;
use crate::models::Model;
use crate::process::Diffusion;
use rayon::prelude::*;

/// One number a path: `reduce` gets a block's states `[time][component][path]` at the times of the run and gives those of its
/// paths, in order.
///
/// # Errors
/// As [`super::simulate`]; a number that is not finite is [`Error::Numerics`].
pub(in crate::form) fn along(
    model: &Model,
    process: &Diffusion,
    run: &Run,
    reduce: impl Fn(&[Vec<Vec<f64>>]) -> Vec<f64> + Sync,
) -> Result<Vec<f64>> {
    let broken = |why: String, hint: &str| Error::Numerics {
        what: format!("the simulation of model '{}'", model.id),
        why,
        hint: hint.to_string(),
    };
    let engine = Engine::new(model, process, run)?;
    let steps = engine.steps() * run.paths as f64;
    if !(steps <= MOST_STEPS) {
        let why = format!("{steps:e} path-steps are more than the limit of {MOST_STEPS:e}");
        return Err(broken(why, "use fewer --paths or a longer --step"));
    }
    let blocks: Vec<Vec<f64>> = (0..run.paths.div_ceil(LANES))
        .into_par_iter()
        .map(|b| {
            let block = engine.block(b * LANES, ((b + 1) * LANES).min(run.paths));
            let states: Vec<Vec<Vec<f64>>> = block.into_iter().map(|(states, _)| states).collect();
            reduce(&states)
        })
        .collect();
    let all = blocks.concat();
    match all.iter().position(|v| !v.is_finite()) {
        None => Ok(all),
        Some(path) => {
            Err(broken(format!("path {path} gave {}", all[path]), "use a shorter --step, or check the parameters"))
        }
    }
}

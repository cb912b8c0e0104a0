//! Functionals of whole paths: each block of paths is reduced as soon as it is made, so no more than a block is held.

use super::Run;
use super::engine::{Pace, Wanted};
use super::prepared;
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
    let engine = prepared(model, process, run, Wanted { kernels: false, pace: Pace::Asked })?;
    let blocks: Vec<Vec<f64>> = (0..run.paths.div_ceil(LANES))
        .into_par_iter()
        .map(|b| {
            let mut states = Vec::with_capacity(run.times.len());
            engine.block(b * LANES, ((b + 1) * LANES).min(run.paths), |_, row| states.push(row.states));
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

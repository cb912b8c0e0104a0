//! What simulated paths read like where a row's move is Student's.

use super::broken;
use super::kernel::told;
use super::shape::Shape;
use crate::base::rng::Key;
use crate::base::{Result, math};
use crate::filter::Method;
use crate::filter::likelihood::unavailable;
use crate::models::Model;
use crate::process::{Family, Law};

/// The readings of simulated paths, `[time][path]`, of a model whose rows' moves are Student's; `None` of another.
///
/// `states` are `[time][component][path]`, a row of the data each. Of every move the part that the latent state's path does not tell (by
/// its ends, as the filter tells it) is stretched by `√((ν - 2)/χ²)`, from a stream of each path's own. Cost: some ten evaluations of the rates a
/// state.
///
/// # Errors
/// What the quadrature filter refuses the model for.
pub fn innovated(
    model: &Model,
    theta: &[f64],
    times: &[f64],
    states: &[Vec<Vec<f64>>],
    key: Key,
) -> Result<Option<Vec<Vec<f64>>>> {
    if model.observe.iter().all(|o| o.student.is_none()) {
        return Ok(None);
    }
    let shape = Shape::new(model)?.map_err(|why| unavailable(model, Method::Quadrature, &why))?;
    let nu = shape.degrees(theta).unwrap_or(f64::NAN);
    let mixing = Law::new(Family::Gamma, &[0.5 * nu, 0.5 * nu]).filter(|_| nu > 2.0);
    let mixing = mixing.ok_or_else(|| broken(model, "its degrees of freedom are not above two"))?;
    // Paths draw from the key, jumps, starts and errors from its twins.
    let key = key.twin().twin().twin().twin();
    let read = |y: f64| if shape.is_exp { math::exp(y) } else { y };
    let mut levels: Vec<f64> = states.first().map(|row| row[shape.level].clone()).unwrap_or_default();
    let mut streams: Vec<_> = (0..levels.len()).map(|path| key.stream(path as u64)).collect();
    let mut out = vec![levels.iter().map(|y| read(*y)).collect::<Vec<f64>>()];
    for (times, rows) in times.windows(2).zip(states.windows(2)) {
        let (before, after) = (&rows[0], &rows[1]);
        let told = told(&shape, theta, times[1] - times[0], &before[shape.latent], &after[shape.latent]);
        for (path, level) in levels.iter_mut().enumerate() {
            let moved = after[shape.level][path] - before[shape.level][path];
            let size = ((nu - 2.0) / nu / mixing.sample(&mut streams[path])).sqrt();
            *level += told[path] + size * (moved - told[path]);
        }
        out.push(levels.iter().map(|y| read(*y)).collect());
    }
    Ok(Some(out))
}

//! Joint draws of the baselines: whole futures, one a path, each with the law that [`crate::predictive::Fitted::predict`] gives at each time.

use super::{last, rows_ahead};
use crate::base::rng::{Stream, word_of};
use crate::base::{Purpose, Result, Seed, Series};
use crate::form::monte_carlo::require_room;
use rayon::prelude::*;

/// Plain baselines are made without a seed: their futures are named by series, window and path alone, the same in every run.
const SEED: Seed = Seed(1);

/// Draws `[time][path]`, each path by its own stream.
///
/// # Errors
/// Where more numbers would be held at once than there is room for.
pub(super) fn drawn(
    history: &Series,
    times: usize,
    paths: usize,
    window: u64,
    path: impl Fn(&mut Stream) -> Vec<f64> + Sync,
) -> Result<Option<Vec<Vec<f64>>>> {
    require_room(times, paths)?;
    let key = SEED.key(Purpose::Forecast, word_of(&history.id), window);
    let each: Vec<Vec<f64>> = (0..paths as u64).into_par_iter().map(|p| path(&mut key.stream(p))).collect();
    Ok(Some(by_time(&each, times)))
}

/// As [`drawn`], of recursions from row to row: `path` gives all rows up to the furthest, and those of the times are kept.
///
/// # Errors
/// As [`drawn`], and for a history without rows.
pub(super) fn drawn_by_row(
    history: &Series,
    times: &[f64],
    paths: usize,
    window: u64,
    path: impl Fn(&mut Stream, usize) -> Vec<f64> + Sync,
) -> Result<Option<Vec<Vec<f64>>>> {
    let (now, _) = last(history)?;
    let rows: Vec<usize> = times.iter().map(|t| rows_ahead(history, now, *t)).collect();
    let most = rows.iter().copied().max().unwrap_or(0);
    drawn(history, times.len(), paths, window, |stream| {
        let whole = path(stream, most);
        rows.iter().map(|h| whole[h - 1]).collect()
    })
}

/// Paths as they were drawn, turned to `[time][path]`.
pub(super) fn by_time(each: &[Vec<f64>], times: usize) -> Vec<Vec<f64>> {
    (0..times).map(|t| each.iter().map(|path| path[t]).collect()).collect()
}

//! How far a field's answer is off, told by finer grids; and answers refined until they are near enough.

use super::{Balance, Options, Profiles, Scheme, solve};
use crate::base::Result;
use crate::models::Model;

/// An answer and how far it is off.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimated {
    pub profiles: Profiles,
    /// Estimated largest error over all nodes and times, in the unknown's unit.
    pub error: f64,
    /// Largest `|u|` over all nodes and times, which tolerances are relative to.
    pub scale: f64,
}

/// Finest grids: cells along an axis in one and in two dimensions.
const FINEST: [usize; 2] = [12_800, 256];
/// Fewer cells than this are not halved.
const LEAST_HALVED: usize = 32;

/// Solve a field, and again on half as many cells with steps twice as long (explicit steps four times, as their order asks), and
/// tell from the difference how far the answer is off: a third of it, all parts of the error falling with the square of the
/// refinement. Where the cells cannot be halved they are doubled instead.
///
/// With a `goal`, cells are doubled: the answers on two such grids are extrapolated (Richardson 1911: `(4 fine - coarse)/3`, fourth order; the
/// balance with them, so it still closes), and grids are halved until two extrapolated answers differ by less than `goal`
/// times the largest `|u|`; the answer stays on the nodes of `options`. Where 12,800 cells (256 a side in two dimensions) are
/// not enough, the error says so.
///
/// Not for solutions with a front thinner than a cell: there the estimate is of the right size but no more.
///
/// # Errors
/// As [`solve`].
pub fn estimate(
    model: &Model,
    theta: &[f64],
    times: &[f64],
    options: &Options,
    goal: Option<f64>,
) -> Result<Estimated> {
    let at = |level: u32| {
        let finer = finer(options, times, level);
        Ok(solve(model, theta, times, &finer)?.thinned(1 << level))
    };
    let first = at(0)?;
    let scale = first.u.iter().flatten().fold(0.0, |most: f64, u| most.max(u.abs()));
    let halves = options.cells.is_multiple_of(2) && options.cells >= LEAST_HALVED;
    let Some(goal) = goal else {
        let error = if halves {
            let coarse = solve(model, theta, times, &coarser(options, times))?;
            distance(&first.clone().thinned(2), &coarse) / 3.0
        } else {
            4.0 / 3.0 * distance(&first, &at(1)?)
        };
        return Ok(Estimated { profiles: first, error, scale });
    };
    let second = at(1)?;
    let finest = FINEST[usize::from(!first.y.is_empty())].max(4 * options.cells);
    let mut before = second;
    let mut profiles = extrapolated(&first, &before);
    let mut error = f64::INFINITY;
    let mut level = 2;
    while error > goal * scale && options.cells << level <= finest {
        let next = at(level)?;
        let better = extrapolated(&before, &next);
        error = distance(&profiles, &better);
        (profiles, before) = (better, next);
        level += 1;
    }
    Ok(Estimated { profiles, error, scale })
}

/// The options with all errors a quarter of what they were, `level` times over.
fn finer(options: &Options, times: &[f64], level: u32) -> Options {
    rescaled(options, times, options.cells << level, f64::from(1u32 << level))
}

/// The options with all errors four times what they were.
fn coarser(options: &Options, times: &[f64]) -> Options {
    rescaled(options, times, options.cells / 2, 0.5)
}

fn rescaled(options: &Options, times: &[f64], cells: usize, finer: f64) -> Options {
    let step = match options.scheme {
        Scheme::TrBdf2 => options.step.map(|h| h / finer),
        Scheme::CrankNicolson => Some(options.step.unwrap_or_else(|| super::usual_step(times)) / finer),
        // Without a step nine tenths of the longest stable one are taken, which goes with the square of the spacing by itself.
        Scheme::ExplicitEuler => options.step.map(|h| h / (finer * finer)),
    };
    // The error of adaptive steps of second order falls with the tolerance to the power 2/3.
    let tolerance = (options.tolerance / (finer * finer * finer)).clamp(1e-13, 0.1);
    Options { cells, tolerance, step, ..options.clone() }
}

fn extrapolated(coarse: &Profiles, fine: &Profiles) -> Profiles {
    let of = |coarse: f64, fine: f64| (4.0 * fine - coarse) / 3.0;
    let rows = coarse.u.iter().zip(&fine.u);
    let books = coarse.balance.iter().zip(&fine.balance).map(|(a, b)| Balance {
        total: of(a.total, b.total),
        left: of(a.left, b.left),
        right: of(a.right, b.right),
        bottom: of(a.bottom, b.bottom),
        top: of(a.top, b.top),
        source: of(a.source, b.source),
    });
    Profiles {
        u: rows.map(|(a, b)| a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect()).collect(),
        balance: books.collect(),
        ..fine.clone()
    }
}

fn distance(a: &Profiles, b: &Profiles) -> f64 {
    a.u.iter().flatten().zip(b.u.iter().flatten()).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

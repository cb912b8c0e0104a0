//! How far a field's answer is off, told by other grids and shorter steps; and answers refined until they are near enough.

use super::{Balance, Options, Profiles, Scheme, solve, solve_along};
use crate::base::Result;
use crate::models::Model;

/// An answer and an estimate of how far it is off.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimated {
    /// Values on the nodes asked for; with a goal extrapolated.
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
/// Cells that show the error of steps, at least a quarter of all, in one and in two dimensions.
const FEW: [usize; 2] = [64, 16];

/// Solve a field and tell how far the answer is off, from the same steps on half and a quarter of the cells, and from all steps
/// halved and quartered on few cells: both parts taken for geometric series, of the second order at best, and half as much again.
/// Where the cells cannot be halved they are doubled instead.
///
/// With a `goal`, cells are doubled and steps halved (explicit steps quartered, as their order asks): the answers on two such grids are
/// extrapolated (Richardson 1911: `(4 fine - coarse)/3`, fourth order; the balance with them, so it still closes), and grids are halved
/// until two extrapolated answers differ by less than `goal` times the largest `|u|` anywhere; the answer stays on the nodes of
/// `options`. Where 12,800 cells (256 a side in two dimensions) are not enough, the error says so.
///
/// Not for solutions with a front thinner than a cell: there the estimate is of the right size but no more. Cost: in one
/// dimension some three times that of [`super::solve`].
///
/// # Errors
/// As [`super::solve`].
pub fn estimate(
    model: &Model,
    theta: &[f64],
    times: &[f64],
    options: &Options,
    goal: Option<f64>,
) -> Result<Estimated> {
    let (first, steps) = solve_along(model, theta, times, options, None)?;
    let scale = first.u.iter().flatten().fold(0.0, |most: f64, u| most.max(u.abs()));
    let base = Base { model, theta, times, options, steps };
    match goal {
        None => Ok(Estimated { error: base.space(&first)? + base.time(&first)?, profiles: first, scale }),
        Some(goal) => base.refined(first, goal, scale),
    }
}

/// A question and the steps that its first answer took.
struct Base<'a> {
    model: &'a Model,
    theta: &'a [f64],
    times: &'a [f64],
    options: &'a Options,
    steps: Vec<f64>,
}

impl Base<'_> {
    /// On this many cells, along the steps of the first answer, each in so many equal parts.
    fn along(&self, cells: usize, parts: usize) -> Result<Profiles> {
        let steps: Vec<f64> = self.steps.iter().flat_map(|h| std::iter::repeat_n(h / parts as f64, parts)).collect();
        let options = Options { cells, ..self.options.clone() };
        solve_along(self.model, self.theta, self.times, &options, Some(&steps)).map(|(profiles, _)| profiles)
    }

    /// With all errors a quarter of what they were, `level` times over, on the nodes of the first answer.
    fn finer(&self, level: u32) -> Result<Profiles> {
        let cells = self.options.cells << level;
        let profiles = match (self.options.scheme, self.options.step) {
            // The longest stable step goes with the square of the spacing by itself.
            (Scheme::ExplicitEuler, None) => {
                solve(self.model, self.theta, self.times, &Options { cells, ..self.options.clone() })?
            }
            (Scheme::ExplicitEuler, Some(_)) => self.along(cells, 1 << (2 * level))?,
            _ => self.along(cells, 1 << level)?,
        };
        Ok(profiles.thinned(1 << level))
    }

    /// The error of cells as wide as they are.
    fn space(&self, first: &Profiles) -> Result<f64> {
        let cells = self.options.cells;
        if cells.is_multiple_of(2) && cells >= LEAST_HALVED {
            let half = self.along(cells / 2, 1)?;
            let last = distance(&first.clone().thinned(2), &half);
            if !cells.is_multiple_of(4) {
                return Ok(beyond(last, 4.0 * last));
            }
            return Ok(beyond(last, distance(&half.thinned(2), &self.along(cells / 4, 1)?)));
        }
        let explicit = self.options.scheme == Scheme::ExplicitEuler;
        let at = |level: u32| {
            if explicit { self.finer(level) } else { Ok(self.along(cells << level, 1)?.thinned(1 << level)) }
        };
        let (double, fourfold) = (at(1)?, at(2)?);
        Ok(before(distance(first, &double), distance(&double, &fourfold)))
    }

    /// The error of steps as long as they are, seen on few cells, which it hardly hangs on.
    fn time(&self, first: &Profiles) -> Result<f64> {
        let least = FEW[usize::from(!first.y.is_empty())];
        let few = (self.options.cells / 4).max(least).min(self.options.cells);
        let (whole, halves, quarters) = (self.along(few, 1)?, self.along(few, 2)?, self.along(few, 4)?);
        Ok(before(distance(&whole, &halves), distance(&halves, &quarters)))
    }

    /// Extrapolated until it is near enough.
    fn refined(&self, first: Profiles, goal: f64, scale: f64) -> Result<Estimated> {
        let finest = FINEST[usize::from(!first.y.is_empty())].max(4 * self.options.cells);
        let mut coarse = self.finer(1)?;
        let mut profiles = extrapolated(&first, &coarse);
        let mut error = f64::INFINITY;
        let mut level = 2;
        while error > goal * scale && self.options.cells << level <= finest {
            let next = self.finer(level)?;
            let better = extrapolated(&coarse, &next);
            error = distance(&profiles, &better);
            (profiles, coarse) = (better, next);
            level += 1;
        }
        Ok(Estimated { profiles, error, scale })
    }
}

/// Half as much again as the series says.
const SAFETY: f64 = 1.5;

/// The ratio of a geometric series of differences, at best of the second order; one that hardly falls is no series.
fn ratio(later: f64, earlier: f64) -> f64 {
    const SECOND_ORDER: f64 = 0.25;
    const SLOWEST: f64 = 0.6;
    if earlier > 0.0 { (later / earlier).clamp(SECOND_ORDER, SLOWEST) } else { SECOND_ORDER }
}

/// What is left of the series after its difference `last`, which followed `earlier`.
fn beyond(last: f64, earlier: f64) -> f64 {
    let ratio = ratio(last, earlier);
    SAFETY * last * ratio / (1.0 - ratio)
}

/// The whole of the series that starts with these two differences.
fn before(first: f64, second: f64) -> f64 {
    SAFETY * first / (1.0 - ratio(second, first))
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

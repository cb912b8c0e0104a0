//! Richardson's extrapolation (1911) of grid densities: the answer on a grid and on every other of its nodes, combined so
//! that the second-order error cancels.
//!
//! The extrapolation is of the *logarithm* of the density, so it cannot go negative. Both grid forms use it, each with
//! its own operator.

use super::lamperti::{self, End, Grid, Reach};
use super::{Asked, fokker_planck};
use crate::base::{Error, Result, math};
use crate::predictive::{Density, Predictive};

/// What an operator gives on one grid.
pub(super) struct Solution {
    /// `[time][cell]`
    pub masses: Vec<Vec<f64>>,
    /// Mass over width is the density at the node.
    pub widths: Vec<f64>,
}

/// No correction of the log density is taken above this: there the two grids do not yet converge.
const LARGEST: f64 = 0.2;
/// Cells next to an end of the domain that are left as they are: the expansion in the spacing fails there.
pub(super) const NEAR_END: usize = 6;

/// A horizon this many times the shortest gets a grid of its own: one spacing cannot resolve both.
pub(super) const HORIZONS_PER_GRID: f64 = 40.0;

/// Answer a question by an operator on grids: horizons grouped, each group's grid fitted by the Fokker-Planck pilot (cheap
/// however far its first guess reaches into a steep drift), and the answers extrapolated.
///
/// # Errors
/// What `solve` refuses, and [`Error::Numerics`] where no grid holds the process or nothing positive is left.
pub(super) fn answers(
    question: &Asked,
    mut solve: impl FnMut(&Grid, &[f64]) -> Result<Solution>,
) -> Result<Vec<Predictive>> {
    let mut answers = Vec::with_capacity(question.times.len());
    for times in groups(question.times, question.t0, HORIZONS_PER_GRID) {
        let reach = fokker_planck::reach(question, times)?;
        answers.extend(extrapolated(question, reach, |grid| solve(grid, times))?);
    }
    Ok(answers)
}

/// Whether a cell is next to an end of the domain that the spacing was not fitted to.
pub(super) fn is_near_end(grid: &Grid, i: usize) -> bool {
    grid.ends[0] == End::Edge && i < NEAR_END || grid.ends[1] == End::Edge && i + NEAR_END >= grid.len()
}

/// Split increasing `times` (after `t0`) into runs whose last is at most `ratio` times the first.
pub(super) fn groups(times: &[f64], t0: f64, ratio: f64) -> Vec<&[f64]> {
    let mut groups = Vec::new();
    let mut start = 0;
    for i in 0..times.len() {
        if times[i] - t0 > ratio * (times[start] - t0) {
            groups.push(&times[start..i]);
            start = i;
        }
    }
    groups.push(&times[start..]);
    groups
}

/// Solve on the grid of `reach` and on one twice as coarse, and extrapolate.
///
/// # Errors
/// What `solve` refuses, and [`Error::Numerics`] where nothing positive is left.
fn extrapolated(
    question: &Asked,
    reach: Reach,
    mut solve: impl FnMut(&Grid) -> Result<Solution>,
) -> Result<Vec<Predictive>> {
    let mut coefficients = question.process.coefficients(question.theta);
    let mut on = |spacing: f64| {
        let reach = Reach { spacing, ..reach };
        let grid = lamperti::grid(&mut coefficients, question.process.state, question.x0, question.t0, reach);
        solve(&grid).map(|solution| (grid, solution))
    };
    let (fine_grid, fine) = on(reach.spacing)?;
    let (coarse_grid, coarse) = on(2.0 * reach.spacing)?;
    let widths = plain_widths(&fine_grid, &fine.widths);
    let domain = [question.process.state.lower, question.process.state.upper];
    fine.masses
        .iter()
        .zip(&coarse.masses)
        .map(|(mass, coarse_mass)| {
            let corrections =
                corrections((&fine_grid, mass, &fine.widths), (&coarse_grid, coarse_mass, &coarse.widths));
            let extrapolated = mass.iter().zip(&corrections).map(|(m, c)| m * math::exp(*c));
            let mass: Vec<f64> =
                extrapolated.zip(widths.iter().zip(&fine.widths)).map(|(m, (w, own))| m * w / own).collect();
            Density::new(fine_grid.edges.clone(), &fine_grid.nodes, &widths, &mass, domain)
                .map(Predictive::Density)
                .ok_or_else(|| Error::Numerics {
                    what: format!("the density of model '{}'", question.model.id),
                    why: "no probability was left on the grid".to_string(),
                    hint: "use --form monte-carlo, or check the parameters with --set".to_string(),
                })
        })
        .collect()
}

/// The plain cell widths, with which density times width is the midpoint rule's term whose sums are moments and
/// distribution function; beside an end the operator's own, weighted for a density like a power of the distance.
fn plain_widths(grid: &Grid, own: &[f64]) -> Vec<f64> {
    let width = |i: usize| if is_near_end(grid, i) { own[i] } else { grid.edges[i + 1] - grid.edges[i] };
    (0..grid.len()).map(width).collect()
}

/// `(ln p_h - ln p_2h)/3` at every fine node, linear between the shared ones.
pub(super) fn corrections(fine: (&Grid, &[f64], &[f64]), coarse: (&Grid, &[f64], &[f64])) -> Vec<f64> {
    let (grid, mass, widths) = fine;
    let (coarse_grid, coarse_mass, coarse_widths) = coarse;
    let n = grid.len();
    // Fine node `start + 2k` is coarse node `start + k`.
    let at_shared = |i: usize| -> f64 {
        let mut k = (i as isize - grid.start as isize) / 2 + coarse_grid.start as isize;
        if grid.ring {
            k = k.rem_euclid(coarse_grid.len() as isize);
        }
        let Some(j) = usize::try_from(k).ok().filter(|j| *j < coarse_grid.len()) else { return 0.0 };
        let (a, b) = (mass[i] / widths[i], coarse_mass[j] / coarse_widths[j]);
        if is_near_end(grid, i) || !(a > 0.0 && b > 0.0) {
            return 0.0;
        }
        let correction = math::ln(a / b) / 3.0;
        if correction.abs() <= LARGEST { correction } else { 0.0 }
    };
    let parity = grid.start % 2;
    (0..n)
        .map(|i| {
            if i % 2 == parity {
                at_shared(i)
            } else {
                let (before, after) = if grid.ring { ((i + n - 1) % n, (i + 1) % n) } else { (i.max(1) - 1, i + 1) };
                // The last node before an end that absorbs has no shared one beyond it.
                match (i > 0 || grid.ring, after < n) {
                    (true, true) => 0.5 * (at_shared(before) + at_shared(after)),
                    (true, false) => at_shared(before),
                    (false, true) => at_shared(after),
                    (false, false) => 0.0,
                }
            }
        })
        .collect()
}

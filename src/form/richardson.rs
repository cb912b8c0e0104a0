//! Richardson's extrapolation (1911) of grid densities: the answer on a grid and on every other of its nodes, combined so
//! that the second-order error cancels.
//!
//! The extrapolation is of the *logarithm* of the density, so it cannot go negative. Both grid forms use it, each with
//! its own operator.

use super::lamperti::{End, Grid};
use crate::base::math;

/// No correction of the log density is taken above this: there the two grids do not yet converge.
const LARGEST: f64 = 0.2;
/// Cells next to an end of the domain that are left as they are: the expansion in the spacing fails there.
pub(super) const NEAR_END: usize = 6;

/// A horizon this many times the shortest gets a grid of its own: one spacing cannot resolve both.
pub(super) const HORIZONS_PER_GRID: f64 = 40.0;

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

//! The Fokker-Planck equation `∂p/∂t = -∂x(a p) + ½ ∂²x(b² p) + jumps` by conservative finite volumes.
//!
//! Space: exponentially fitted fluxes (Scharfetter & Gummel 1969; Chang & Cooper 1970) on nested grids fitted to the process
//! and to the ends of its domain, so the matrix is an M-matrix with zero column sums: mass is kept and the stationary law
//! is reproduced. Two grids and Richardson's extrapolation make the answer fourth-order in space, two more tell its error.
//! Time: for constant coefficients the exponential of the matrix by a contour integral, thirteen digits at any horizon without
//! a step; for coefficients that change with time, TR-BDF2 with steps chosen by its embedded error, which land on the breaks of
//! the model. The start is a unit mass on a node. Ends send back, absorb or are one point; what is absorbed is an atom of the
//! law. Jumps are a matrix with positive entries.
//!
//! Cost: about 0.2 µs a cell and horizon; with jumps, cells² products a jump due. Two dimensions are [`plane`]'s.

mod contour;
mod jumps;
mod law;
mod layout;
mod marks;
mod operator;
#[cfg(test)]
pub(in crate::form) mod orders_tests;
pub mod plane;
mod propagator;
mod resolvent;
mod solve;
#[cfg(test)]
mod stated_tests;
#[cfg(test)]
mod tests;
mod tr_bdf2;

pub(super) use jumps::Kernel;
pub(crate) use propagator::{Meshes, Propagator};
pub(super) use solve::{FLOOR, Line, MOST_CELLS, Masses, remainder, solve};

use super::Asked;
use super::lamperti::{Grid, Reach};
use crate::base::Result;
use crate::process::{Boundary, Coefficients, Diffusion};
use operator::Operator;

/// Why this form does not answer a diffusion; `None` where it does.
pub(super) fn why_not(process: &Diffusion) -> Option<String> {
    match process.states.len() {
        1 if process.jumps.iter().any(|jump| jump.marks.len() > 1) => {
            Some("a jump of it has several marks".to_string())
        }
        1 => None,
        _ => plane::why_not(process),
    }
}

/// `exp(t A) mass` for the tridiagonal generator with these rates up and down from each state, `t > 0`, and how far it may be
/// off beyond round-off.
pub(super) fn exponential(up: Vec<f64>, down: Vec<f64>, mass: &[f64], t: f64) -> (Vec<f64>, f64) {
    contour::exponential(&Operator::chain(up, down), mass, t)
}

/// How far a grid must reach to hold the probability at all `times`, by cheap pilot runs.
///
/// # Errors
/// [`crate::base::Error::Numerics`] where no finite grid holds the process.
pub(super) fn reach(question: &Asked, times: &[f64]) -> Result<Reach> {
    Line::of(question).reach(times)
}

/// The jumps of a process between the nodes of a grid and the ends that absorb; `None` where a rate or a mark has no law.
pub(super) fn kernel(process: &Diffusion, theta: &[f64], time: f64, grid: &Grid, sinks: [bool; 2]) -> Option<Kernel> {
    let states = grid.len() + sinks.iter().filter(|s| **s).count();
    let chain = Operator::chain(vec![0.0; states], vec![0.0; states]);
    Kernel::new(process, theta, time, grid, &Operator { sinks, ring: grid.ring, ..chain })
}

/// How what cells hold becomes a density.
pub(super) struct Shape {
    /// What turns it into densities at their nodes, by the shape of the stationary law.
    pub widths: Vec<f64>,
    /// As [`Masses`] has them.
    pub powers: [Option<f64>; 2],
    /// Which ends keep what arrives.
    pub sinks: [bool; 2],
}

/// The shape of the law in the cells of a grid. `None` where a coefficient is not finite.
pub(super) fn shape(grid: &Grid, ends: [Boundary; 2], coefficients: &mut Coefficients, time: f64) -> Option<Shape> {
    let Operator { widths, powers, sinks, .. } = Operator::new(grid, ends, coefficients, time)?;
    Some(Shape { widths, powers, sinks })
}

/// Rates up and down from each node of a grid: the generator whose adjoint this form solves; an end that is an exit holds
/// what its first node has. `None` where a coefficient is not finite.
pub(super) fn rates(grid: &Grid, coefficients: &mut Coefficients, time: f64) -> Option<[Vec<f64>; 2]> {
    let operator = Operator::new(grid, [Boundary::Auto; 2], coefficients, time)?;
    let (first, n) = (operator.place(0), grid.len());
    let (mut up, mut down) = (operator.up[first..first + n].to_vec(), operator.down[first..first + n].to_vec());
    (up[n - 1], down[0]) = (0.0, 0.0);
    if operator.sinks[0] {
        up[0] = 0.0;
    }
    if operator.sinks[1] {
        down[n - 1] = 0.0;
    }
    Some([up, down])
}

//! The way from one observed state to the next, as expressions at the nodes of a rule.
//!
//! The way is straight in a coordinate in which a finite end of the domain is infinitely far (the logarithm of the distance, the
//! logistic coordinate between two ends): there powers of that distance are exponentials, which a rule of eight nodes integrates
//! to 1e-15 wherever they change by less than a factor of 20 along the way.

use super::formula::formula;
use crate::expr::{Id, Pool};
use crate::process::{Scalar, State, symbol};

/// `x(s)` for `s` from 0 to 1, with `dx/ds = length × speed`.
pub(super) struct Segment {
    /// The distance in the coordinate.
    pub length: Id,
    pub states: Vec<Id>,
    pub speeds: Vec<Id>,
}

/// The states at `places` in `[0, 1]` of the way from `x0` to `x1`.
pub(super) fn segment(pool: &mut Pool, state: &State, x0: Id, x1: Id, places: &[f64]) -> Segment {
    let (length, place, speed) = match (state.lower.is_finite(), state.upper.is_finite()) {
        (false, false) => ("y - x", "x + s*d", "1 + 0*z"),
        (true, false) => ("log1p((y - x)/(x - l))", "l + (x - l)*exp(s*d)", "z - l"),
        (false, true) => ("-log1p((x - y)/(u - x))", "u - (u - x)*exp(-s*d)", "u - z"),
        (true, true) => (
            "log1p((y - x)/(x - l)) - log1p((x - y)/(u - x))",
            "l + (u - l)/(1 + (u - x)/(x - l)*exp(-s*d))",
            "(z - l)*(u - z)/(u - l)",
        ),
    };
    let ends = [state.lower, state.upper].map(|end| pool.number(if end.is_finite() { end } else { 0.0 }));
    let names =
        |d: Id, s: Id, z: Id| [("x", x0), ("y", x1), ("l", ends[0]), ("u", ends[1]), ("d", d), ("s", s), ("z", z)];
    let length = formula(pool, length, &names(x0, x0, x0));
    let states: Vec<Id> = places
        .iter()
        .map(|s| {
            let s = pool.number(*s);
            formula(pool, place, &names(length, s, x0))
        })
        .collect();
    let speeds = states.iter().map(|z| formula(pool, speed, &names(length, length, *z))).collect();
    Segment { length, states, speeds }
}

/// Drift and diffusion, and their Taylor coefficients, at one state.
pub(super) struct Local {
    pub a: Vec<Id>,
    pub b: Vec<Id>,
}

/// The coefficients up to `order` of the drift and one more of the diffusion at `x`.
pub(super) fn local(pool: &mut Pool, process: &Scalar, x: Id, order: usize) -> Local {
    let b = pool.jets(&[process.diffusion], symbol::STATE, x, order + 1).remove(0);
    let a = pool.jets(&[process.drift], symbol::STATE, x, order).remove(0);
    Local { a, b }
}

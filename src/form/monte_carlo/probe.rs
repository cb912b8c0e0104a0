//! Coefficients looked at in many states: what cannot be read off an expression is found out by numbers.

use crate::expr::{Id, Pool};
use crate::process::{Boundary, Diffusion};

/// States looked at.
const STATES: usize = 40;

/// Values of every symbol at states all over the domain, evenly by the golden ratio: whole intervals, four decades either side of
/// one from a finite end, and minus three to three on the whole line. Time is zero, the normals and the step are not set.
pub(super) fn probes(process: &Diffusion, theta: &[f64]) -> Vec<Vec<f64>> {
    let place = |i: usize, s: usize| {
        // Powers of the golden ratio's analogue in each dimension keep the states even in several of them.
        let ratio = 0.618_033_988_749_894_9 / (1.0 + 0.37 * i as f64);
        let share = (0.5 + ratio * (s + 1) as f64).fract();
        let state = &process.states[i];
        let far = crate::base::math::exp(8.0 * (share - 0.5));
        match (state.lower.is_finite(), state.upper.is_finite()) {
            (true, true) => state.lower + share * (state.upper - state.lower),
            (true, false) => state.lower + far,
            (false, true) => state.upper - far,
            (false, false) => 6.0 * (share - 0.5),
        }
    };
    (0..STATES)
        .map(|s| {
            let mut symbols = process.frame.symbols(theta, 0.0);
            (0..process.states.len()).for_each(|i| symbols[process.frame.variable(i)] = place(i, s));
            symbols
        })
        .collect()
}

/// Whether two expressions are one, or have equal values to nine digits wherever both have one.
pub(super) fn are_equal(pool: &Pool, one: Id, other: Id, probes: &[Vec<f64>]) -> bool {
    one == other
        || probes.iter().all(|symbols| {
            let (a, b) = (pool.eval(one, symbols), pool.eval(other, symbols));
            !((a - b).abs() > 1e-9 * (a.abs() + b.abs()) + 1e-300)
        })
}

/// `(at, slope)` with `f = at + slope (x - lower)` in all states, by numbers; `f` gets values of the symbols.
pub(super) fn line_in(
    process: &Diffusion,
    i: usize,
    theta: &[f64],
    f: &mut dyn FnMut(&[f64]) -> f64,
) -> Option<(f64, f64)> {
    let lower = process.states[i].lower;
    let x = process.frame.variable(i);
    let probes = probes(process, theta);
    let first = probes.first()?.clone();
    let mut with = |value: f64| {
        let mut symbols = first.clone();
        symbols[x] = value;
        f(&symbols)
    };
    let (near, far) = (with(lower + 1.0), with(lower + 2.0));
    let slope = far - near;
    let at = near - slope;
    let size = near.abs() + far.abs();
    let small = |v: f64| if v.abs() <= 1e-11 * size { 0.0 } else { v };
    let (at, slope) = (small(at), small(slope));
    let holds = probes.iter().all(|symbols| {
        let wanted = at + slope * (symbols[x] - lower);
        (f(symbols) - wanted).abs() <= 1e-9 * (wanted.abs() + slope.abs() * (symbols[x] - lower).abs() + at.abs())
    });
    (holds && at.is_finite() && slope.is_finite()).then_some((at, slope))
}

/// Whether a state lives on `[lower, ∞)` and its end does what the coefficients make it do.
pub(super) fn is_half_line(process: &Diffusion, i: usize) -> bool {
    let state = &process.states[i];
    state.lower.is_finite()
        && state.upper == f64::INFINITY
        && matches!(state.boundary, Boundary::Auto | Boundary::Natural)
}

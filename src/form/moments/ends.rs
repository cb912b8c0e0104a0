//! Whether the equations of the moments hold at the ends of the domain and far out, where the generator alone does not tell.
//!
//! A diffusion that is sent back at an end gains mean there; one whose noise grows faster than its state may lose it at
//! infinity.

use crate::models::Model;
use crate::process::{Boundary, Diffusion, Process, State};

/// Why the moments are not those of the generator at these parameters. `grows` asks for the noise to be watched far out: where it
/// is at most quadratic there is no need.
pub(super) fn why_not(model: &Model, theta: &[f64], start: Option<&[f64]>, grows: bool) -> Option<String> {
    let Process::Diffusion(process) = &model.process else { return None };
    let given = start.map(<[f64]>::to_vec).or_else(|| model.default_start(theta));
    let inside: Vec<f64> = match given.filter(|x| x.iter().all(|v| v.is_finite())) {
        Some(x) => x,
        None => process.states.iter().map(middle).collect(),
    };
    let at = Probe { process, theta, inside };
    for (i, state) in process.states.iter().enumerate() {
        let finite = state.lower.is_finite() || state.upper.is_finite();
        match state.boundary {
            Boundary::Natural => {}
            Boundary::Auto => {
                let mut ends = [(state.lower, 1.0), (state.upper, -1.0)].into_iter().filter(|e| e.0.is_finite());
                if ends.any(|(end, inwards)| at.is_sent_back(i, end, inwards)) {
                    return Some(format!(
                        "{} is sent back at an end of its domain, which adds to its mean",
                        state.name
                    ));
                }
            }
            other if finite => return Some(format!("the ends of {} are {}", state.name, other.name())),
            _ => {}
        }
    }
    if grows && at.grows_fast() {
        return Some("its noise grows faster than its state, so that means may be lost at infinity".to_string());
    }
    None
}

fn middle(state: &State) -> f64 {
    match (state.lower.is_finite(), state.upper.is_finite()) {
        (true, true) => 0.5 * (state.lower + state.upper),
        (true, false) => state.lower + 1.0,
        (false, true) => state.upper - 1.0,
        (false, false) => 0.3,
    }
}

struct Probe<'a> {
    process: &'a Diffusion,
    theta: &'a [f64],
    inside: Vec<f64>,
}

impl Probe<'_> {
    /// Drift and variance of state `i` at `x`.
    fn at(&self, i: usize, x: &[f64]) -> (f64, f64) {
        let p = self.process;
        let mut symbols = p.frame.symbols(self.theta, 0.0);
        for (k, x) in x.iter().enumerate() {
            symbols[p.frame.variable(k)] = *x;
        }
        let value = |id| p.frame.pool.eval(id, &symbols);
        let b: Vec<f64> = p.diffusion[i].iter().map(|id| value(*id)).collect();
        let mut variance = 0.0;
        for (k, row) in p.correlation.iter().enumerate() {
            for (l, rho) in row.iter().enumerate() {
                if b[k] != 0.0 && b[l] != 0.0 {
                    variance += value(*rho) * b[k] * b[l];
                }
            }
        }
        (value(p.drift[i]), variance)
    }

    /// Whether the noise does not die at an end at least as the root of the distance, or the drift points outwards there.
    fn is_sent_back(&self, i: usize, end: f64, inwards: f64) -> bool {
        let near = |distance: f64| {
            let mut x = self.inside.clone();
            x[i] = end + inwards * distance;
            let (drift, variance) = self.at(i, &x);
            (inwards * drift, variance / distance)
        };
        let (far, close) = (near(1e-5), near(1e-8));
        // Not a number counts as sent back.
        let dies = close.1 <= 1.5 * far.1 + 1e-300;
        let outwards = close.0 < 0.0 && close.0 < -1e-2 * far.0.abs();
        !dies || outwards || !close.0.is_finite()
    }

    fn grows_fast(&self) -> bool {
        let n = self.inside.len();
        let far = |moved: &dyn Fn(usize) -> bool, side: f64, size: f64| {
            let x: Vec<f64> = (0..n)
                .map(|i| {
                    let state = &self.process.states[i];
                    let end = if side > 0.0 { state.upper } else { state.lower };
                    if moved(i) && end.is_infinite() { side * size } else { self.inside[i] }
                })
                .collect();
            let variance: f64 = (0..n).map(|i| self.at(i, &x).1).sum();
            variance / (size * size)
        };
        let fast = |moved: &dyn Fn(usize) -> bool| {
            [1.0, -1.0].into_iter().any(|side| {
                let ratio = far(moved, side, 1e8) / far(moved, side, 1e4);
                ratio > 2.0 || (far(moved, side, 1e8).is_infinite())
            })
        };
        fast(&|_| true) || (0..n).any(|i| fast(&|k| k == i))
    }
}

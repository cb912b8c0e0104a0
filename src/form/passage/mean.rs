//! Mean time of a first passage, and which of two levels comes first, by quadrature.
//!
//! With `W = ∫ 2a/b² dx`, scale density `e^{-W}` and speed density `2 e^W/b²`, all integrals are of products that are positive,
//! carried from panel to panel by the factor `e^{±ΔW}`: nothing is subtracted and nothing overflows before the answer does, so
//! that a time of `e^{100}` has as many digits as one of 1.

use super::{Crossing, between, broken};
use crate::base::{Result, math};
use crate::models::Model;
use crate::process::chart::{Chart, gauss};
use crate::process::{Boundary, Coefficients};

/// The mean time to the first level, and which it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanPassage {
    /// Mean time to the first level reached, in the model's unit of time.
    pub mean: f64,
    /// Probability that it is the one below, and above.
    pub split: [f64; 2],
    /// The estimated relative error of `mean`: the change when every panel is halved.
    pub error: f64,
}

/// Longest panel in the chart, and the largest change of `W` over one.
const PANEL: f64 = 0.25;
const CHANGE: f64 = 0.5;
/// The logarithm below its peak at which a density has nothing left.
const DEPTH: f64 = 45.0;
const MOST_PANELS: usize = 200_000;

/// Mean time to the first level reached and the probabilities of both.
///
/// One level `u` above: `∫_{x₀}^u e^{-W(y)} ∫_l^y 2 e^{W(z)}/b² dz dy` (Gardiner 2009, eq. 5.5.23), from the lower end `l`, which sends back or
/// is never reached. Two: the same from both, weighted by the split (eq. 5.5.24). Relative error about 1e-13 times the height of
/// the barrier. Cost: some 500 evaluations of the coefficients a panel, a few hundred panels; milliseconds.
///
/// # Errors
/// [`crate::base::Error::Numerics`] where there is no level, the start is not between them, coefficients change with time, or
/// the mean is infinite; [`crate::base::Error::FormUnavailable`] for jumps and several states.
pub fn mean_passage(model: &Model, crossing: &Crossing) -> Result<MeanPassage> {
    let (process, state, ends) = between(model, crossing)?;
    if !process.process.jumps.is_empty() {
        return Err(
            super::Form::FokkerPlanck.unavailable(model, "it jumps, and the mean is by quadrature of scale and speed")
        );
    }
    if process.process.is_time_dependent() {
        return Err(broken(model, "its coefficients change with time, so the mean depends on when it starts"));
    }
    let infinite = || broken(model, "its mean is infinite: the level may never be reached, or too late");
    let mut walk =
        Walk { chart: Chart::of(process.state), coefficients: process.coefficients(crossing.theta), parts: 1 };
    let absorbs = [
        ends[0] == Boundary::Absorbing && state.lower.is_finite(),
        ends[1] == Boundary::Absorbing && state.upper.is_finite(),
    ];
    let from = walk.chart.u(crossing.start);
    let levels = [walk.chart.u(state.lower), walk.chart.u(state.upper)];
    let mut once = |parts: usize| -> Option<(f64, [f64; 2])> {
        walk.parts = parts;
        match absorbs {
            [true, true] => walk.between(levels, from),
            [false, _] => Some((walk.one(1.0, from, levels[1])?, [0.0, 1.0])),
            [true, false] => Some((walk.one(-1.0, -from, -levels[0])?, [1.0, 0.0])),
        }
    };
    let (rough, fine) = (once(1).ok_or_else(infinite)?, once(2).ok_or_else(infinite)?);
    let (mean, split) = fine;
    if !(mean.is_finite() && mean > 0.0) {
        return Err(infinite());
    }
    Ok(MeanPassage { mean, split, error: ((rough.0 - mean) / mean).abs() })
}

/// Panels along the chart of a domain.
struct Walk {
    chart: Chart,
    coefficients: Coefficients,
    parts: usize,
}

/// Derivatives along a coordinate `v`: of `W`, of the speed without its `e^W`, of the state.
#[derive(Clone, Copy)]
struct Slopes {
    w: f64,
    speed: f64,
    x: f64,
}

/// Edges of panels and the change of `W` over each.
type Panels = Vec<(f64, f64, f64)>;

impl Walk {
    /// At `v = sign u`.
    fn at(&mut self, sign: f64, v: f64) -> Slopes {
        let (x, slope) = (self.chart.x(sign * v), self.chart.slope(sign * v));
        let (a, b) = self.coefficients.at(0.0, x);
        Slopes { w: sign * 2.0 * a / b * (slope / b), speed: 2.0 / b * (slope / b), x: slope }
    }

    fn rise(&mut self, sign: f64, from: f64, to: f64) -> f64 {
        gauss(from, to, &mut |v| self.at(sign, v).w)
    }

    /// Panels from `from` to `to`, as far as `goes_on` wishes, told the panel's far end and `W` there against the start.
    fn panels(
        &mut self,
        sign: f64,
        from: f64,
        to: f64,
        mut goes_on: impl FnMut(f64, Slopes) -> bool,
    ) -> Option<Panels> {
        let mut panels = Vec::new();
        let (mut v, mut w) = (from, 0.0);
        while v != to {
            let mut next = if to > v { (v + PANEL).min(to) } else { (v - PANEL).max(to) };
            let mut change = self.rise(sign, v, next);
            for _ in 0..60 {
                if change.abs() <= CHANGE {
                    break;
                }
                next = v + 0.5 * (next - v);
                change = self.rise(sign, v, next);
            }
            if !change.is_finite() || next == v || panels.len() > MOST_PANELS {
                return None;
            }
            let step = (next - v) / self.parts as f64;
            for part in 0..self.parts {
                let (a, b) = (v + part as f64 * step, v + (part + 1) as f64 * step);
                panels.push((a, b, self.rise(sign, a, b)));
            }
            w += change;
            v = next;
            let slopes = self.at(sign, v);
            if !goes_on(w, slopes) {
                break;
            }
        }
        Some(panels)
    }

    /// Mean time from `from` up to `to` in the coordinate `sign u`, from a lower end that is not left.
    fn one(&mut self, sign: f64, from: f64, to: f64) -> Option<f64> {
        let (low, high) = self.chart.limits();
        let end = if sign > 0.0 { low } else { -high };
        // Down from the start to where the speed has nothing left; what is still there at the limit never comes back.
        let mut highest = f64::NEG_INFINITY;
        let mut height = f64::NEG_INFINITY;
        let mut below = self.panels(sign, from, end, |w, slopes| {
            height = w + math::ln(slopes.speed);
            highest = highest.max(height);
            height > highest - DEPTH || slopes.w < 0.0
        })?;
        if !(height < highest - 0.5 * DEPTH) && from != end {
            return None;
        }
        below.reverse();
        let mut inside = 0.0;
        for (b, a, w) in below {
            inside = self.carried(sign, (a, b, -w), inside, Kind::Time).0;
        }
        let mut total = 0.0;
        let mut last = 0.0;
        for panel in self.panels(sign, from, to, |_, _| true)? {
            let (next, outer) = self.carried(sign, panel, inside, Kind::Time);
            (inside, last) = (next, outer);
            total += outer;
        }
        // At an end of the domain the panels are cut off; what they leave must be nothing.
        let at_limit = to == if sign > 0.0 { high } else { -low };
        (!at_limit || last < 1e-12 * total).then_some(total)
    }

    /// Mean time to the first of two levels, and the split.
    fn between(&mut self, levels: [f64; 2], from: f64) -> Option<(f64, [f64; 2])> {
        let below = self.panels(1.0, levels[0], from, |_, _| true)?;
        let above = self.panels(-1.0, -levels[1], -from, |_, _| true)?;
        // ∫ e^{-W} on each side against its value at the start.
        let mut scale = [0.0; 2];
        let mut waits = [0.0; 2];
        for (k, (sign, panels)) in [(1.0, below), (-1.0, above)].into_iter().enumerate() {
            for panel in panels {
                let (next, outer) = self.carried(sign, panel, scale[k], Kind::Scale);
                scale[k] = next;
                waits[k] += outer;
            }
        }
        let up = scale[0] / (scale[0] + scale[1]);
        let down = scale[1] / (scale[0] + scale[1]);
        let mean = down * waits[0] + up * waits[1];
        mean.is_finite().then_some((mean, [down, up]))
    }

    /// Over a panel `(from, to, ΔW)`: the inner integral `∫ f(z) e^{±(W(z) - W(v))} dz` brought from its start to its end, and the outer one
    /// of it over the panel.
    fn carried(&mut self, sign: f64, (from, to, change): (f64, f64, f64), inside: f64, kind: Kind) -> (f64, f64) {
        let turn = if kind == Kind::Time { 1.0 } else { -1.0 };
        let parts = |s: Slopes| if kind == Kind::Time { (s.speed, s.x) } else { (s.x, s.speed) };
        let inner = |to: f64, walk: &mut Walk| {
            gauss(from, to, &mut |z| {
                let more = walk.rise(sign, z, to);
                parts(walk.at(sign, z)).0 * math::exp(-turn * more)
            })
        };
        let outer = gauss(from, to, &mut |v| {
            let before = inside * math::exp(-turn * self.rise(sign, from, v));
            let here = inner(v, self);
            parts(self.at(sign, v)).1 * (before + here)
        });
        (inside * math::exp(-turn * change) + inner(to, self), outer)
    }
}

/// Which of the two densities is inside.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Speed inside, scale outside: the time from a level that sends back.
    Time,
    /// Scale inside, speed outside: the time from a level that absorbs.
    Scale,
}

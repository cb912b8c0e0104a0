//! What a step does at the ends of the domain: absorbed, sent back, wrapped, with what the path did between the two states
//! drawn from the Brownian bridge, so that the weak order stays one instead of one half.

use super::normals::Uniforms;
use crate::base::math;
use crate::process::{Boundary, Diffusion, State};

/// The ends of a process at which a path between its steps is watched.
pub(super) struct Ends<'a> {
    process: &'a Diffusion,
    /// States whose bridges are drawn.
    pub watched: Vec<usize>,
    absorbs: bool,
    acts: bool,
}

impl<'a> Ends<'a> {
    /// Where jumps cut the steps there is no one bridge, and ends are looked at after each step only.
    pub fn new(process: &'a Diffusion, bridged: bool) -> Ends<'a> {
        let has_end = |s: &State| s.lower.is_finite() || s.upper.is_finite();
        let is = |s: &State, kinds: &[Boundary]| kinds.contains(&s.boundary) && has_end(s);
        let watched = |i: &usize| is(&process.states[*i], &[Boundary::Absorbing, Boundary::Reflecting]);
        Ends {
            process,
            watched: (0..process.states.len()).filter(|i| bridged && process.jumps.is_empty() && watched(i)).collect(),
            absorbs: process.states.iter().any(|s| s.boundary == Boundary::Absorbing),
            acts: process
                .states
                .iter()
                .any(|s| is(s, &[Boundary::Absorbing, Boundary::Reflecting, Boundary::Periodic])),
        }
    }

    pub fn absorbs(&self) -> bool {
        self.absorbs
    }

    /// Whether a step may be altered at an end.
    pub fn acts(&self) -> bool {
        self.acts
    }

    /// Whether a step must remember where it began.
    pub fn looks_back(&self) -> bool {
        self.absorbs || !self.watched.is_empty()
    }

    /// After a step from `before` to `x` over which watched states had these variances.
    pub fn act(
        &self,
        x: &mut [Vec<f64>],
        before: &[Vec<f64>],
        variances: &[Vec<f64>],
        uniforms: &mut Uniforms,
        stopped: &mut [bool],
    ) {
        if !self.acts {
            return;
        }
        let mut u = vec![0.0; stopped.len()];
        for (i, variance) in self.watched.iter().zip(variances) {
            let state = &self.process.states[*i];
            for (end, sign) in [(state.lower, 1.0), (state.upper, -1.0)].into_iter().filter(|(e, _)| e.is_finite()) {
                uniforms.next_into(&mut u);
                let paths = x[*i].iter_mut().zip(&before[*i]).zip(variance.iter().zip(&u));
                match state.boundary {
                    Boundary::Reflecting => {
                        paths.for_each(|((x, from), (v, u))| *x = pushed(state, (end, sign), *from, *x, *v, *u));
                    }
                    _ => paths.for_each(|((x, from), (v, u))| *x = hit((end, sign), *from, *x, *v, *u)),
                }
            }
        }
        for (state, x) in self.process.states.iter().zip(x.iter_mut()) {
            turn(state, x);
        }
        if self.absorbs {
            self.stop(x, before, stopped);
        }
    }

    /// A path stays where it was stopped, and is stopped at the end it stepped over.
    pub fn stop(&self, x: &mut [Vec<f64>], before: &[Vec<f64>], stopped: &mut [bool]) {
        for (p, stopped) in stopped.iter_mut().enumerate() {
            for i in 0..x.len() {
                if *stopped {
                    x[i][p] = before[i][p];
                }
            }
            for (state, x) in self.process.states.iter().zip(x.iter_mut()) {
                if state.boundary == Boundary::Absorbing && !(x[p] > state.lower && x[p] < state.upper) {
                    // NaN stays NaN, to be reported.
                    x[p] = if x[p] <= state.lower {
                        state.lower
                    } else if x[p] >= state.upper {
                        state.upper
                    } else {
                        x[p]
                    };
                    *stopped = true;
                }
            }
        }
    }

    /// Whether some state lies on or beyond an absorbing end.
    pub fn is_absorbed(&self, x: &[f64]) -> bool {
        let states = self.process.states.iter().zip(x);
        states.filter(|(s, _)| s.boundary == Boundary::Absorbing).any(|(s, x)| *x <= s.lower || *x >= s.upper)
    }

    /// States at absorbing ends stand on them in the output.
    pub fn keep(&self, x: &[Vec<f64>], states: &mut [Vec<f64>]) {
        for ((state, x), out) in self.process.states.iter().zip(x).zip(states) {
            if state.boundary == Boundary::Absorbing {
                out.clone_from(x);
            }
        }
    }
}

/// The end itself where the bridge from `from` to `x` reached it: with probability `exp(-2 d₀ d₁/v)` for distances `d` from the end and a
/// variance `v` of the step (Beaglehole, Dybvig & Zhou 1997; Gobet 2000: weak order one).
fn hit((end, sign): (f64, f64), from: f64, x: f64, variance: f64, u: f64) -> f64 {
    let (d0, d1) = (sign * (from - end), sign * (x - end));
    let crossed = d0 > 0.0 && d1 > 0.0 && u < math::exp(-2.0 * d0 * d1 / variance);
    if crossed { end } else { x }
}

/// Where the step ends once the end has pushed it back by as much as the unhindered bridge went beyond: `x + max(0, S - d₀)` with `S` the
/// depth of the bridge below its start, `½ (-Δ + √(Δ² - 2 v ln u))` (Asmussen, Glynn & Pitman 1995; Lépingle 1995: weak order one, exact
/// for a Brownian motion with drift). Between two ends the nearer one to the start pushes.
fn pushed(state: &State, (end, sign): (f64, f64), from: f64, x: f64, variance: f64, u: f64) -> f64 {
    let other = if sign > 0.0 { state.upper } else { state.lower };
    if (from - end).abs() > (other - from).abs() {
        return x;
    }
    let (d0, delta) = (sign * (from - end), sign * (x - from));
    let depth = 0.5 * (-delta + (delta * delta - 2.0 * variance * math::ln(u)).sqrt());
    let push = depth - d0;
    // NaN stays NaN, to be reported.
    if push > 0.0 { x + sign * push } else { x }
}

/// Mirror or wrap what stepped over an end.
fn turn(state: &State, x: &mut [f64]) {
    let (lower, upper) = (state.lower, state.upper);
    match state.boundary {
        Boundary::Reflecting => {
            for x in x {
                if *x < lower {
                    *x = 2.0 * lower - *x;
                }
                if *x > upper {
                    *x = 2.0 * upper - *x;
                }
                // A step over both ends goes to and fro between them.
                if *x < lower && upper.is_finite() {
                    let turn = (*x - lower).rem_euclid(2.0 * (upper - lower));
                    *x = lower + turn.min(2.0 * (upper - lower) - turn);
                }
            }
        }
        Boundary::Periodic => {
            let length = upper - lower;
            for x in x {
                *x -= length * ((*x - lower) / length).floor();
            }
        }
        Boundary::Auto | Boundary::Natural | Boundary::Absorbing => {}
    }
}

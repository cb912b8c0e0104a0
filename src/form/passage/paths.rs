//! First passage of simulated paths, looked at between their steps through Brownian bridges.

use super::{Crossing, broken};
use crate::base::rng::Key;
use crate::base::{Result, math};
use crate::form::monte_carlo::{Run, Scheme, Start, require_room, simulate};
use crate::models::Model;
use crate::process::Process;

/// What paths say of a first passage.
#[derive(Debug, Clone, PartialEq)]
pub struct Reached {
    /// Probability that a level has been reached, at each time, and its standard error.
    pub probability: Vec<f64>,
    /// See `probability`.
    pub se: Vec<f64>,
    /// How many were simulated.
    pub paths: usize,
}

/// Most states kept of one run.
const STATES: usize = 20_000_000;
/// Steps between two times, where there is room for them.
const STEPS: usize = 64;

/// As [`super::first_passage`], by Euler's paths of any diffusion of one state: a path that is on the near side of a level at both
/// ends of a step with variance `v` reached it in between with probability `exp(-2 d₀ d₁/v)`, `d` the distances from the level (Beaglehole,
/// Dybvig & Zhou 1997; Gobet 2000: weak order one). The probabilities themselves are averaged, so that no coin is tossed for them. Over a step with a
/// jump the bridge is of its last part. Cost: up to 64 steps a path and time.
///
/// # Errors
/// As [`simulate`], and where no level is given or the start is not between them.
pub fn passage_by_paths(
    model: &Model,
    crossing: &Crossing,
    t0: f64,
    times: &[f64],
    paths: usize,
    key: Key,
) -> Result<Reached> {
    let Process::Diffusion(process) = &model.process else {
        return Err(broken(model, &format!("it is a {}, which has no paths in continuous time", model.process.kind())));
    };
    let [below, above] = crossing.levels;
    if below.is_none() && above.is_none() {
        return Err(broken(model, "there is no level to reach"));
    }
    if below.is_some_and(|b| !(crossing.start > b)) || above.is_some_and(|a| !(crossing.start < a)) {
        return Err(broken(model, "the start is not between the levels"));
    }
    if process.states.len() != 1 {
        return Err(broken(model, "it has several states, and one start was given"));
    }
    let steps = (STATES / (paths * times.len()).max(1)).clamp(1, STEPS);
    require_room(times.len() * steps, paths)?;
    let mut from = t0;
    let mut fine = Vec::with_capacity(times.len() * steps);
    let mut longest: f64 = 0.0;
    for time in times {
        let h = (time - from) / steps as f64;
        longest = longest.max(h);
        fine.extend((1..=steps).map(|i| if i == steps { *time } else { from + h * i as f64 }));
        from = *time;
    }
    let run = Run {
        theta: crossing.theta,
        start: Start::At(&[crossing.start]),
        t0,
        times: &fine,
        paths,
        // A hair longer, so that round-off does not cut a step in two.
        step: longest * (1.0 + 1e-9),
        scheme: Scheme::EulerMaruyama,
        key,
    };
    let walked = simulate(model, &run)?;
    // Probability that each path has reached nothing so far.
    let mut survives = vec![1.0; paths];
    let mut before = vec![crossing.start; paths];
    let n = paths as f64;
    let mut reached = Reached { probability: Vec::new(), se: Vec::new(), paths };
    for (i, (states, kernels)) in walked.states.iter().zip(&walked.kernels).enumerate() {
        for (p, (x, kernel)) in states[0].iter().zip(&kernels[0]).enumerate() {
            for (level, sign) in [(below, 1.0), (above, -1.0)] {
                let Some(level) = level else { continue };
                let (d0, d1) = (sign * (before[p] - level), sign * (x - level));
                survives[p] *= match d0 > 0.0 && d1 > 0.0 {
                    true if kernel.1 > 0.0 => -math::exp_m1(-2.0 * d0 * d1 / (kernel.1 * kernel.1)),
                    true => 1.0,
                    false => 0.0,
                };
            }
            before[p] = *x;
        }
        if (i + 1) % steps == 0 {
            let alive = survives.iter().sum::<f64>() / n;
            let spread: f64 = survives.iter().map(|s| (s - alive) * (s - alive)).sum();
            reached.probability.push(1.0 - alive);
            reached.se.push((spread / (n - 1.0).max(1.0) / n).sqrt());
        }
    }
    Ok(reached)
}

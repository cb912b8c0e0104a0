//! First passage of a one-dimensional process: when it reaches a level, or one of two, and which.
//!
//! [`first_passage`] gives the law of the time from the Fokker-Planck equation with levels that absorb; [`mean_passage`] its mean and
//! the split between two levels by quadrature of scale and speed (Gardiner 2009, section 5.5; Pavliotis 2014, section 7.2);
//! [`passage_by_paths`] asks simulated paths, for what the equation does not answer and as a witness of what it does.

mod mean;
mod paths;
#[cfg(test)]
mod tests;

pub use mean::{MeanPassage, mean_passage};
pub use paths::{Reached, passage_by_paths};

use super::fokker_planck::{self, FLOOR, Line, MOST_CELLS};
use super::{Accuracy, Asked, Form};
use crate::base::{Error, Result};
use crate::models::Model;
use crate::process::{Boundary, Process, Scalar, State};

/// A question of first passage: from a start to a level below, one above, or the first of both.
#[derive(Debug, Clone)]
pub struct Crossing<'a> {
    /// `[parameter]` in the order of the model, natural units.
    pub theta: &'a [f64],
    /// State at the start, strictly between the levels.
    pub start: f64,
    /// Below and above the start; without a level an end that absorbs is one.
    pub levels: [Option<f64>; 2],
}

/// The law of a first passage at times asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Probability that no level has been reached, at each time.
    pub survival: Vec<f64>,
    /// Where the process is kept below and above: the level asked, or an end of the domain that absorbs or is never left.
    pub places: [Option<f64>; 2],
    /// Probability that the place below or above has been reached, and first, at each time: with `survival` they sum to one.
    pub reached: Vec<[f64; 2]>,
    /// The density of the time at which that happens: its integral is `reached`.
    pub density: Vec<[f64; 2]>,
    /// The estimated error of `survival` and `reached`.
    pub error: f64,
}

/// Survival and density of the first passage after `t0`, at increasing `times`.
///
/// Conservative finite volumes on the interval between the levels; what flows into them is counted, so survival and what
/// arrived sum to one. Four nested grids: fourth order, and an estimate of the error; with a goal they are refined until that is
/// below it or the grids are too large, which the error then says. Cost: as [`Form::FokkerPlanck`]. Jumps across a level count.
/// Not for times so early that hardly anything has arrived: the error is absolute.
///
/// # Errors
/// [`Error::FormUnavailable`] where the process is no line; [`Error::Numerics`] where no level is given, one is outside the domain,
/// the start is not between them, or the equation breaks down.
pub fn first_passage(
    model: &Model,
    crossing: &Crossing,
    t0: f64,
    times: &[f64],
    accuracy: Accuracy,
) -> Result<Passage> {
    let (process, state, ends) = between(model, crossing)?;
    if times.is_empty() {
        let (none, places) = (Vec::new(), [None; 2]);
        return Ok(Passage { survival: none, places, reached: Vec::new(), density: Vec::new(), error: 0.0 });
    }
    if !(times[0] > t0 && times.windows(2).all(|w| w[0] < w[1])) {
        return Err(broken(model, "the times are not increasing and after the start"));
    }
    let mut accuracy = accuracy;
    loop {
        let asked = Asked { model, process, theta: crossing.theta, x0: crossing.start, t0, times, accuracy };
        let (passage, space, time) = arrivals(&Line { state: &state, ends, ..Line::of(&asked) }, times)?;
        match accuracy.refined(space, time, MOST_CELLS[usize::from(!process.process.jumps.is_empty())]) {
            Some(finer) => accuracy = finer,
            None => return Ok(passage),
        }
    }
}

/// What has arrived at the ends of a line at each time; the errors of cells and of steps.
fn arrivals(line: &Line, times: &[f64]) -> Result<(Passage, f64, f64)> {
    let family = line.family(times)?;
    let [lower, upper] = [line.state.lower, line.state.upper];
    let mut passage = Passage {
        survival: Vec::new(),
        places: [(0, lower), (1, upper)]
            .map(|(k, end)| (line.ends[k] == Boundary::Absorbing && end.is_finite()).then_some(end)),
        reached: Vec::new(),
        density: Vec::new(),
        error: 0.0,
    };
    let third = |fine: f64, coarse: f64| fine + (fine - coarse) / 3.0;
    let mut space: f64 = 0.0;
    for i in 0..times.len() {
        let reached = |level: usize, k: usize| third(family[level].1.atoms[i][k], family[level + 1].1.atoms[i][k]);
        let flux = |k: usize| third(family[0].1.flux[i][k], family[1].1.flux[i][k]).max(0.0);
        let each = [reached(0, 0).clamp(0.0, 1.0), reached(0, 1).clamp(0.0, 1.0)];
        for (k, end) in [lower, upper].into_iter().enumerate() {
            let last = (reached(0, k) - reached(1, k)).abs();
            let before = (reached(1, k) - reached(2, k)).abs();
            space = space.max(fokker_planck::remainder(last, before));
            if each[k] > 0.0 {
                passage.places[k] = Some(end);
            }
        }
        passage.survival.push((1.0 - each[0] - each[1]).clamp(0.0, 1.0));
        passage.reached.push(each);
        passage.density.push([flux(0), flux(1)]);
    }
    let time = 5.0 / 3.0 * family.iter().map(|(_, masses)| masses.error).fold(0.0, f64::max);
    passage.error = space + time + FLOOR;
    Ok((passage, space, time))
}

/// The process, its state between the levels, and what happens there.
fn between<'a>(model: &'a Model, crossing: &Crossing) -> Result<(Scalar<'a>, State, [Boundary; 2])> {
    let line = if let Process::Diffusion(process) = &model.process { process.line() } else { None };
    if let (Some(why), _) = (Form::FokkerPlanck.why_not(model), line) {
        return Err(Form::FokkerPlanck.unavailable(model, &why));
    }
    let Some(process) = line else { return Err(Form::FokkerPlanck.unavailable(model, "it is not one-dimensional")) };
    let mut state = process.state.clone();
    let mut ends = [state.boundary; 2];
    if state.boundary == Boundary::Periodic {
        return Err(broken(model, "its ends are one point; a level on a ring is reached from both sides"));
    }
    let [below, above] = crossing.levels;
    let (lower, upper) = (state.lower, state.upper);
    if let Some(level) = crossing.levels.into_iter().flatten().find(|level| !(lower..=upper).contains(level)) {
        let why = format!("{} lives between {lower} and {upper}, and never is at {level}", state.name);
        return Err(broken(model, &why));
    }
    if let Some(level) = below {
        (state.lower, ends[0]) = (level, Boundary::Absorbing);
    }
    if let Some(level) = above {
        (state.upper, ends[1]) = (level, Boundary::Absorbing);
    }
    let absorbs = |end: f64, boundary: Boundary| boundary == Boundary::Absorbing && end.is_finite();
    if !absorbs(state.lower, ends[0]) && !absorbs(state.upper, ends[1]) {
        return Err(broken(model, "there is no level to reach"));
    }
    if !state.holds(crossing.start) {
        return Err(broken(model, "the start is not between the levels"));
    }
    Ok((process, state, ends))
}

fn broken(model: &Model, why: &str) -> Error {
    Error::Numerics {
        what: format!("the first passage of model '{}'", model.id),
        why: why.to_string(),
        hint: "give a level below or above a start inside the domain".to_string(),
    }
}

//! How far the grid must reach, and how fast the drift turns: from a few thousand pilot paths.

use super::coefficients::Coefficients;
use crate::base::{Error, Purpose, Result, Seed};
use crate::form::monte_carlo::{Run, Scheme, Start, simulate};
use crate::models::Model;
use crate::process::Diffusion;

/// What the pilot paths saw.
#[derive(Debug, Clone)]
pub(super) struct Pilot {
    /// `[component][side]`: the outermost states.
    pub seen: [[f64; 2]; 2],
    /// `[component][side]`: where four-fifths of the states and the start are.
    pub body: [[f64; 2]; 2],
    /// The rate at which the drift changes along a path.
    pub rate: f64,
    /// `[component]`: the middle `2|a|/D` of the states, whose product with the spacing is the Péclet number; zero without noise.
    pub steepness: [f64; 2],
}

const PATHS: usize = 4096;
/// Steps over the horizon; where the drift is too steep for them, the last.
const STEPS: [f64; 3] = [256.0, 2048.0, 32_768.0];
/// Times on the way that are looked at, so that the grid holds an excursion too.
const LOOKS: usize = 16;
/// Paths at which the drift's slopes are taken.
const SLOPES: usize = 256;

/// The pilot's random numbers are its own, so the answer of a grid does not hang on the question's seed.
///
/// # Errors
/// [`Error::Numerics`] where the paths run off to infinity.
pub(super) fn pilot(
    (model, process): (&Model, &Diffusion),
    theta: &[f64],
    start: [f64; 2],
    t0: f64,
    horizon: f64,
) -> Result<Pilot> {
    let times: Vec<f64> = (1..=LOOKS).map(|k| t0 + horizon * k as f64 / LOOKS as f64).collect();
    let run = |steps: f64| Run {
        theta,
        start: Start::At(&start),
        t0,
        times: &times,
        paths: PATHS,
        step: horizon / steps,
        scheme: Scheme::EulerMaruyama,
        key: Seed(0).key(Purpose::Simulation, 0, 0),
    };
    let found = STEPS.iter().find_map(|steps| simulate(model, &run(*steps)).ok()).ok_or_else(|| Error::Numerics {
        what: format!("the grid of model '{}'", model.id),
        why: "the pilot paths run off to infinity".to_string(),
        hint: "check the parameters with --set: an explosive drift has no density".to_string(),
    })?;
    let seen = [0, 1].map(|i| {
        let all = || found.states.iter().flat_map(|row| row[i].iter().copied()).chain([start[i]]);
        [all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max)]
    });
    let body = [0, 1].map(|i| {
        let mut all: Vec<f64> = found.states.iter().flat_map(|row| row[i].iter().copied()).collect();
        all.sort_by(f64::total_cmp);
        [all[all.len() / 10].min(start[i]), all[all.len() - all.len() / 10 - 1].max(start[i])]
    });
    let mut coefficients = Coefficients::new(process, theta);
    let (mut rate, mut steepness) = (0.0f64, [0.0f64; 2]);
    for (row, time) in found.states.iter().zip(&times) {
        let (turning, steep) = slopes(&mut coefficients, row, &seen, *time);
        rate = rate.max(turning);
        steepness = [0, 1].map(|i| steepness[i].max(steep[i]));
    }
    Ok(Pilot { seen, body, rate, steepness })
}

/// The largest of the mean `|∂aᵢ/∂xᵢ|` and of the root mean product of the two cross slopes: what decays and what turns. And the
/// middle `2|a|/D` of each component.
fn slopes(coefficients: &mut Coefficients, states: &[Vec<f64>], seen: &[[f64; 2]; 2], time: f64) -> (f64, [f64; 2]) {
    let at = [&states[0][..SLOPES], &states[1][..SLOPES]];
    let here = coefficients.eval(time, at);
    let mut slope = |j: usize| -> [Vec<f64>; 2] {
        let by = 1e-3 * (seen[j][1] - seen[j][0]);
        let moved: Vec<f64> = at[j].iter().map(|x| x + by).collect();
        let there = coefficients.eval(time, if j == 0 { [&moved, at[1]] } else { [at[0], &moved] });
        [0, 1].map(|i| there.drift[i].iter().zip(&here.drift[i]).map(|(a, b)| ((a - b) / by).abs()).collect())
    };
    let [xx, yx] = slope(0);
    let [xy, yy] = slope(1);
    let mean = |values: Vec<f64>| {
        let finite: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        finite.iter().sum::<f64>() / finite.len().max(1) as f64
    };
    let turning = mean(xy.iter().zip(&yx).map(|(a, b)| a * b).collect()).sqrt();
    let steepness = [0, 1].map(|i| {
        let mut all: Vec<f64> = (0..SLOPES)
            .filter(|k| here.spread[i][*k] > 0.0)
            .map(|k| 2.0 * (here.drift[i][k] / here.spread[i][k]).abs())
            .collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(0.0)
    });
    (mean(xx).max(mean(yy)).max(turning), steepness)
}

//! Data drawn from a fitted model on the times of the data it was fitted to.

use crate::base::rng::{Purpose, Seed};
use crate::base::{Error, Result};
use crate::form::Pairs;
use crate::form::monte_carlo::{Run, Scheme, Start, simulate};
use crate::models::Model;
use crate::stats;

/// Inner steps a row of typical length is simulated in where the law is not closed.
const STEPS: f64 = 16.0;

/// Draws `paths` copies of the data's transitions: each run of transitions that follow one another begins where the data begin.
///
/// By the closed law where there is one, else by Milstein's scheme or Euler's, the first that applies, in sixteen inner `batch` names the random numbers. Cost `paths × rows × steps`.
///
/// # Errors
/// As [`simulate`].
pub(super) fn replicate(
    model: &Model,
    theta: &[f64],
    pairs: &Pairs,
    paths: usize,
    seed: Seed,
    batch: u64,
) -> Result<Vec<Pairs>> {
    let scheme = [Scheme::Exact, Scheme::Milstein, Scheme::EulerMaruyama]
        .into_iter()
        .find(|s| s.why_not(model).is_none())
        .ok_or_else(|| Error::Numerics {
            what: format!("the bootstrap of model '{}'", model.id),
            why: format!("it is a {}, which has no paths", model.process.kind()),
            hint: "take --intervals observed or profile".to_string(),
        })?;
    let step = stats::quantile(&pairs.dt, 0.5) / STEPS;
    let mut copies = vec![pairs.clone(); paths];
    for (segment, (from, to)) in segments(pairs).into_iter().enumerate() {
        let times: Vec<f64> =
            (from..to).map(|i| if i + 1 < to { pairs.t0[i + 1] } else { pairs.t0[i] + pairs.dt[i] }).collect();
        let run = Run {
            theta,
            start: Start::At(&[pairs.x0[from]]),
            t0: pairs.t0[from],
            times: &times,
            paths,
            step,
            scheme,
            key: seed.key(Purpose::Bootstrap, batch, segment as u64),
        };
        for (row, states) in simulate(model, &run)?.states.iter().enumerate() {
            for (copy, x) in copies.iter_mut().zip(&states[0]) {
                copy.x1[from + row] = *x;
                if from + row + 1 < to {
                    copy.x0[from + row + 1] = *x;
                }
            }
        }
    }
    Ok(copies)
}

/// Runs `from..to` of transitions of which each begins where and when the last one ended.
fn segments(pairs: &Pairs) -> Vec<(usize, usize)> {
    let follows = |i: usize| {
        let ended = pairs.t0[i - 1] + pairs.dt[i - 1];
        pairs.x0[i] == pairs.x1[i - 1] && (pairs.t0[i] - ended).abs() <= 1e-9 * pairs.dt[i - 1].max(ended.abs())
    };
    let mut starts: Vec<usize> = (0..pairs.len()).filter(|i| *i == 0 || !follows(*i)).collect();
    starts.push(pairs.len());
    starts.windows(2).map(|w| (w[0], w[1])).collect()
}

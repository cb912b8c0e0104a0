//! Means, standard deviations, quantiles and histograms of counts on an output grid, without keeping the paths.

use super::super::summary::{Places, Summary, streamed};
use super::chemistry::Chemistry;
use super::engine::Engine;
use super::path::Course;
use super::{Method, Run, Tally, network_of};
use crate::base::Result;
use crate::models::Model;
use crate::process::Network;
use std::sync::Mutex;

/// What is known of many paths of a network, and how it was found.
#[derive(Debug, Clone)]
pub struct Summarised {
    /// Every species at every output time, in counts.
    pub summary: Summary,
    /// What was done, the paths that chose the bins counted twice.
    pub tally: Tally,
    /// How it was simulated, never [`Method::Auto`].
    pub method: Method,
    /// Why so: half a sentence, without a full stop.
    pub why: String,
}

/// Whether [`simulate_summary`] follows a network: events and members beyond counts are simulated path by path.
pub fn can_summarise(network: &Network) -> bool {
    super::counts::refused_events(network).is_none()
}

/// Simulate a network and keep no path: as [`super::simulate`], but memory is bins and a few numbers for each output time and species,
/// and some blocks of paths a thread. A few of the paths choose the bins and are simulated twice: an eighth, and not more than a
/// thousand. The bytes do not depend on threads.
///
/// # Errors
/// As [`super::simulate`].
pub fn simulate_summary(model: &Model, run: &Run) -> Result<Summarised> {
    let network = network_of(model, super::counts::refused_events)?;
    let course = Course::new(model, network, run)?;
    let chemistry = Chemistry::new(model, network, run.theta, run.t0);
    let engine = Engine::new(&chemistry, &course)?;
    engine.require_patience()?;
    let blocks = engine.blocks();
    let n = network.species.len();
    let pilot = blocks.iter().take_while(|b| b.start < (run.paths / 8).clamp(1, 1_000)).count();
    // Sums of whole numbers, the same in any order.
    let tally = Mutex::new(Tally::default());
    let each = |block: usize, take: &mut dyn FnMut(usize, &[f64])| -> Result<()> {
        let (rows, done) = engine.simulate(blocks[block].clone())?;
        if let Ok(mut tally) = tally.lock() {
            tally.add(&done);
        }
        for place in 0..run.times.len() * n {
            take(place, &rows.iter().map(|row| row[place]).collect::<Vec<f64>>());
        }
        Ok(())
    };
    let places = Places { times: run.times.len(), components: n };
    let summary = streamed(run.paths, (blocks.len(), pilot), places, run.key.is_antithetic(), each)?;
    let tally = tally.into_inner().unwrap_or_default();
    Ok(Summarised { summary, tally, method: engine.method, why: engine.why })
}

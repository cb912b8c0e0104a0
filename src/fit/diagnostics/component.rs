//! The one-step residuals of one component among several.

use super::LAGS;
use crate::base::math;
use crate::stats::{self, Tally};

/// One component's one-step scores, each given the states before it: independent and standard normal where the model is right.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentCheck {
    /// The state or species, or what else was looked at.
    pub state: String,
    /// Normal scores in the order of the rows: of several states each given those before it in the same row as well (Rosenblatt 1952), of counts
    /// randomised (Dunn & Smyth 1996).
    pub scores: Vec<f64>,
    /// Kolmogorov-Smirnov p-value that they are standard normal.
    pub pit_ks_p: f64,
    /// Ljung-Box p-value (ten lags).
    pub ljung_box_p: f64,
    /// Of counts: how often each came one row ahead, and how often it should have.
    pub tally: Option<Tally>,
}

impl ComponentCheck {
    /// Of probability integral transforms, none where nothing was read.
    pub fn of_pits(state: &str, pits: &[Option<f64>]) -> ComponentCheck {
        let score = |p: &f64| math::normal_quantile(p.clamp(1e-300, 1.0 - f64::EPSILON));
        ComponentCheck::of(state, pits.iter().flatten().map(score).collect(), None)
    }

    /// Of normal scores, with the counts they were made of.
    pub fn of(state: &str, scores: Vec<f64>, tally: Option<Tally>) -> ComponentCheck {
        let pits: Vec<f64> = scores.iter().map(|z| math::normal_cdf(*z)).collect();
        ComponentCheck {
            state: state.to_string(),
            pit_ks_p: stats::ks_uniform_p(&pits),
            ljung_box_p: stats::ljung_box_p(&scores, LAGS),
            scores,
            tally,
        }
    }
}

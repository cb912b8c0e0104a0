//! Numbers of a report in words.

use super::table::short;
use crate::backtest::{ModelScores, Scores, Skill};

/// Skill in words. Below half a percent nobody would notice, however significant a long record makes it.
pub(super) fn against_random_walk(skill: Skill) -> &'static str {
    const NOTICEABLE: f64 = 0.005;
    match skill.verdict() {
        0 => "not to be told from a random walk with drift",
        _ if skill.value.abs() < NOTICEABLE => "as good as a random walk with drift, within half a percent",
        1 => "better than a random walk with drift, significantly so (5 %)",
        _ => "significantly worse (5 %) than a random walk with drift: do not use it",
    }
}

/// The best baseline, where it did better than the model; none where no baseline did by more than anybody would notice.
pub(super) fn beaten_by(chosen: &ModelScores, scores: &Scores) -> Option<String> {
    const NOTICEABLE: f64 = 0.995;
    let rivals = scores.pooled.iter().filter(|s| s.baseline && s.all.crps < NOTICEABLE * chosen.all.crps);
    let best = rivals.min_by(|a, b| a.all.crps.total_cmp(&b.all.crps))?;
    let p = chosen.against.iter().find(|a| a.baseline == best.model).and_then(|a| a.crps).map(|test| test.p);
    let told = match p {
        Some(p) if p < 0.05 => ", by more than chance explains",
        Some(_) => ", by no more than chance may explain",
        None => "",
    };
    Some(format!("The baseline {} did better{told}: CRPS {}.", best.model, short(best.all.crps)))
}

pub(super) fn width_remark(coverage: f64) -> &'static str {
    if coverage > 0.87 {
        ": too wide for these rows"
    } else if coverage < 0.73 {
        ": too narrow for these rows"
    } else {
        ""
    }
}

//! Numbers of a report in words.

use super::table::short;
use crate::backtest::{ModelScores, Scores, Skill};

/// Below half a percent nobody would notice, however significant a long record makes it.
pub(super) const NOTICEABLE: f64 = 0.005;

/// Skill in words.
pub(super) fn against_random_walk(skill: Skill) -> &'static str {
    match skill.verdict() {
        0 => "not to be told from a random walk with drift",
        _ if skill.value.abs() < NOTICEABLE => "as good as a random walk with drift, within half a percent",
        1 => "better than a random walk with drift, significantly so (5 %)",
        _ => "significantly worse (5 %) than a random walk with drift: do not use it",
    }
}

/// A share in percent with its sign, and no minus before a zero.
pub(super) fn signed_percent(share: f64) -> String {
    let text = format!("{:+.1}", 100.0 * share);
    if text == "-0.0" { "0.0".to_string() } else { text }
}

/// The best baseline, where it did better than the model; none where no baseline did by more than anybody would notice. One that left windows
/// unanswered was scored on others, perhaps easier ones, and is no rival.
pub(super) fn beaten_by(chosen: &ModelScores, scores: &Scores) -> Option<String> {
    let rivals = scores.pooled.iter().filter(|s| {
        s.baseline && s.all.windows >= chosen.all.windows && s.all.crps < (1.0 - NOTICEABLE) * chosen.all.crps
    });
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

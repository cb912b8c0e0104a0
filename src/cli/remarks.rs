//! Numbers of a report in words.

use crate::backtest::Skill;

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

pub(super) fn width_remark(coverage: f64) -> &'static str {
    if coverage > 0.87 {
        ": too wide for these rows"
    } else if coverage < 0.73 {
        ": too narrow for these rows"
    } else {
        ""
    }
}

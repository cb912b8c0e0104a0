//! `--fail-if`: a comparison of two expressions in the pooled scores of the first model.

use crate::backtest::ModelScores;
use crate::base::{Error, Result};
use crate::expr::{Id, Pool};

/// One side, the other, and which must be less.
pub(super) struct Condition {
    pool: Pool,
    left: Id,
    right: Id,
    less: bool,
}

const SCORES: [&str; 10] =
    ["crps", "log_score", "mae", "rmse", "coverage_50", "coverage_80", "coverage_95", "skill", "skill_se", "pit_ks_p"];

impl Condition {
    /// # Errors
    /// [`Error::BadOption`] where there is no comparison, [`Error::Expression`] for a name that is no score.
    pub fn parse(text: &str) -> Result<Condition> {
        let bad = || Error::BadOption {
            flag: "--fail-if".to_string(),
            value: text.to_string(),
            expected: format!("two expressions with < or > between them, in {}", SCORES.join(", ")),
            hint: Some("--fail-if 'skill < 0'".to_string()),
        };
        let at = text.find(['<', '>']).ok_or_else(bad)?;
        let mut pool = Pool::new(SCORES);
        let left = pool.parse(&text[..at], "--fail-if")?;
        // <= and >= are taken as < and >: scores are never equal but by accident.
        let right = pool.parse(text[at + 1..].trim_start_matches('='), "--fail-if")?;
        Ok(Condition { left, right, less: text[at..].starts_with('<'), pool })
    }

    /// Whether it holds; a score that is not a number fails too.
    pub fn holds(&self, s: &ModelScores) -> bool {
        let (skill, se) = s.skill.map_or((f64::NAN, f64::NAN), |s| (s.value, s.se));
        let a = &s.all;
        let values =
            [a.crps, a.log_score, a.mae, a.rmse, a.coverage_50, a.coverage_80, a.coverage_95, skill, se, s.pit_ks_p];
        let (left, right) = (self.pool.eval(self.left, &values), self.pool.eval(self.right, &values));
        if left.is_nan() || right.is_nan() {
            return true;
        }
        if self.less { left < right } else { left > right }
    }
}

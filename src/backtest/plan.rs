//! Which rows are held out, where the cutoffs stand, and when models are fitted again.

use crate::base::{Error, Result, Series, Stamp};

/// What part of the series is held out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Split {
    /// This share of the rows, strictly between 0 and 1.
    Share(f64),
    /// The last so many rows.
    Rows(usize),
    /// Rows from this moment on.
    Date(Stamp),
}

/// When models are fitted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refit {
    EveryWindow,
    Every(usize),
    Never,
}

/// A backtest's windows. The schema is frozen on the rows before `first_test`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub rows: usize,
    /// First held-out row; the first cutoff is the row before it.
    pub first_test: usize,
    /// Rows ahead that are scored, increasing.
    pub horizons: Vec<usize>,
    /// Whether paths over all horizons are scored beside the law of each.
    pub paths: PathScores,
    pub step: usize,
    pub refit: Refit,
}

/// Energy and variogram scores cost joint draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathScores {
    Told,
    LeftOut,
}

/// Windows a block has when every window is fitted: warm starts reach no further.
const WARM_BLOCK: usize = 20;
/// Rows to learn from.
const LEAST_TRAIN: usize = 20;
/// Held-out rows.
const LEAST_TEST: usize = 5;

/// A share as people type it.
fn percent(share: f64) -> String {
    format!("{}%", (1e10 * share).round() / 1e8)
}

impl Plan {
    /// # Errors
    /// [`Error::BadOption`] for a split that leaves nothing to learn from or to test on, [`Error::TooFewRows`].
    pub fn new(series: &Series, split: Split, horizon: usize, step: usize, refit: Refit) -> Result<Plan> {
        let n = series.len();
        if n < LEAST_TRAIN + LEAST_TEST {
            return Err(Error::TooFewRows {
                series: series.id.clone(),
                rows: n,
                needed: LEAST_TRAIN + LEAST_TEST,
                purpose: format!(
                    "a backtest (report) with {LEAST_TRAIN} rows to learn from and {LEAST_TEST} to test on"
                ),
            });
        }
        let bad = |value: String, expected: String| Error::BadOption {
            flag: "--test".to_string(),
            value,
            expected,
            hint: Some("use a share such as 20%, a number of rows such as 250, or a date".to_string()),
        };
        let (first_test, asked) = match split {
            Split::Share(share) => {
                if !(share > 0.0 && share < 1.0) {
                    return Err(bad(percent(share), "a share must lie strictly between 0 and 1".to_string()));
                }
                (n - ((n as f64 * share).round() as usize).min(n), percent(share))
            }
            Split::Rows(rows) => (n.saturating_sub(rows), rows.to_string()),
            Split::Date(date) => {
                let Some(stamps) = &series.stamps else {
                    return Err(bad(
                        crate::base::series::format_stamp(date),
                        "the series has no dates; give a share or a number of rows".to_string(),
                    ));
                };
                (stamps.partition_point(|s| *s < date), crate::base::series::format_stamp(date))
            }
        };
        if first_test < LEAST_TRAIN || n - first_test < LEAST_TEST {
            let why = format!(
                "it leaves {first_test} rows to learn from and {} to test on; at least {LEAST_TRAIN} and {LEAST_TEST} are needed",
                n - first_test
            );
            return Err(bad(asked, why));
        }
        if horizon == 0 || horizon > n - first_test {
            return Err(Error::BadOption {
                flag: "--horizon".to_string(),
                value: horizon.to_string(),
                expected: format!("a number of rows from 1 to the {} held out", n - first_test),
                hint: Some("--horizon 5 looks five rows ahead".to_string()),
            });
        }
        if step == 0 || refit == Refit::Every(0) {
            return Err(Error::BadOption {
                flag: if step == 0 { "--step" } else { "--refit" }.to_string(),
                value: "0".to_string(),
                expected: format!("a number of {} of at least 1", if step == 0 { "rows" } else { "windows" }),
                hint: Some(
                    if step == 0 {
                        "--step 5 puts the cutoffs five rows apart"
                    } else {
                        "--refit 10 fits again every ten windows"
                    }
                    .to_string(),
                ),
            });
        }
        Ok(Plan { rows: n, first_test, horizons: horizons(horizon), paths: PathScores::Told, step, refit })
    }

    /// Number of cutoffs that have at least one row after them.
    pub fn windows(&self) -> usize {
        (self.rows - self.first_test).div_ceil(self.step)
    }

    /// Last row a window sees.
    pub fn cutoff(&self, window: usize) -> usize {
        self.first_test - 1 + window * self.step
    }

    /// Windows in the blocks that are fitted together, in order.
    pub(super) fn blocks(&self) -> Vec<Vec<usize>> {
        let size = match self.refit {
            Refit::EveryWindow => WARM_BLOCK,
            Refit::Every(k) => k,
            // Fitting once a block on the same rows gives the same fit, and lets blocks run in parallel.
            Refit::Never => self.windows().div_ceil(8).max(1),
        };
        let windows: Vec<usize> = (0..self.windows()).collect();
        windows.chunks(size).map(<[usize]>::to_vec).collect()
    }

    /// Whether a window that saw so many horizons has its paths scored: all of them, and more than one.
    pub(super) fn scores_paths(&self, seen: usize) -> bool {
        self.paths == PathScores::Told && seen > 1 && seen == self.horizons.len()
    }

    pub(super) fn refits(&self, window: usize) -> bool {
        match self.refit {
            Refit::EveryWindow => true,
            Refit::Every(k) => window.is_multiple_of(k),
            Refit::Never => false,
        }
    }

    /// Last row a fit made at this window may learn from.
    pub(super) fn train_end(&self, window: usize) -> usize {
        if self.refit == Refit::Never { self.cutoff(0) } else { self.cutoff(window) }
    }
}

/// Horizons that are scored up to `longest`: all up to five, then a 1-2-5 ladder and the longest itself.
pub fn horizons(longest: usize) -> Vec<usize> {
    let ladder = (0..7u32).flat_map(|e| [1, 2, 5].map(|m| m * 10usize.pow(e)));
    let mut all: Vec<usize> = (1..=longest.min(5)).chain(ladder.filter(|h| *h > 5 && *h < longest)).collect();
    if longest > 5 {
        all.push(longest);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_keeps_the_first_five_and_the_last() {
        assert_eq!(horizons(3), [1, 2, 3]);
        assert_eq!(horizons(20), [1, 2, 3, 4, 5, 10, 20]);
        assert_eq!(horizons(250), [1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 250]);
    }
}

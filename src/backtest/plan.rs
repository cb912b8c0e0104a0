//! Which rows are held out, where the cutoffs stand, and when models are fitted again.

use super::Unit;
use crate::base::{Error, Result, Series, Stamp};
use std::fmt;
use std::ops::Range;

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
    /// At every cutoff.
    EveryWindow,
    /// At the first cutoff and at every so many after it, one at least.
    Every(usize),
    /// On the rows before the first cutoff alone.
    Never,
}

/// Which rows a fit learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// All before it.
    Expanding,
    /// The last so many before it, or all where there are fewer; older ones are not seen by the forecast either.
    Sliding(usize),
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Window::Expanding => f.write_str("expanding"),
            Window::Sliding(rows) => write!(f, "{rows}"),
        }
    }
}

/// A backtest's windows: which rows are held out, where the cutoffs stand, and which rows fits learn from. Positions of rows and windows are counted
/// from zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Rows of the whole series, held out or not.
    pub rows: usize,
    /// First held-out row; the first cutoff is the row before it.
    pub first_test: usize,
    /// Rows ahead that are scored, increasing.
    pub horizons: Vec<usize>,
    /// Whether paths over all horizons are scored beside the law of each.
    pub paths: PathScores,
    /// Rows from one cutoff to the next, one at least.
    pub step: usize,
    /// How often models learn again as the cutoffs move on.
    pub refit: Refit,
    /// Whether fits learn from all rows before the cutoff or from the last ones.
    pub window: Window,
    /// Rows up to and with the cutoff that a fit made there does not learn from; the forecast starts from the cutoff all the same. Of use
    /// where the last rows are still revised, or hang together with what is forecast.
    pub embargo: usize,
}

/// Whether paths are scored by energy and variogram scores, which cost joint draws of every window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathScores {
    /// Scored in windows that see all of several horizons, where the forecaster gives joint draws.
    Told,
    /// Not asked for, so nothing is drawn.
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
    /// The windows of a series: rows held out by `split`, the first cutoff on the row before them, another every `step` rows, each scored at the
    /// [`horizons`] up to `horizon` rows ahead. Fits learn from all rows up to their cutoff ([`Plan::learning`] changes that), and paths are scored.
    ///
    /// # Errors
    /// [`Error::BadOption`] for a split that leaves fewer than twenty rows to learn from or five to test on, for a horizon beyond the held-out
    /// rows, and for a step or refits of zero; [`Error::TooFewRows`] below twenty-five rows.
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
        Ok(Plan {
            rows: n,
            first_test,
            horizons: horizons(horizon),
            paths: PathScores::Told,
            step,
            refit,
            window: Window::Expanding,
            embargo: 0,
        })
    }

    /// The same windows, learning from other rows: from the last of a sliding window, or without the `embargo` rows up to and with the cutoff.
    ///
    /// # Errors
    /// [`Error::BadOption`] where a fit would have fewer than twenty rows to learn from.
    pub fn learning(self, window: Window, embargo: usize) -> Result<Plan> {
        let bad = |flag: &str, value: usize, expected: String, hint: &str| {
            Err(Error::BadOption {
                flag: flag.to_string(),
                value: value.to_string(),
                expected,
                hint: Some(hint.to_string()),
            })
        };
        if let Window::Sliding(rows) = window
            && rows < LEAST_TRAIN
        {
            let hint = "--window 250 learns from the last 250 rows, --window expanding from all";
            return bad("--window", rows, format!("a fit needs at least {LEAST_TRAIN} rows to learn from"), hint);
        }
        if self.first_test < LEAST_TRAIN.saturating_add(embargo) {
            let left = self.first_test.saturating_sub(embargo);
            let why = format!(
                "it leaves the first fit {left} of the {} rows before the test; at least {LEAST_TRAIN} are needed",
                self.first_test
            );
            return bad("--embargo", embargo, why, "--embargo 5 keeps the last five rows before a cutoff from the fit");
        }
        Ok(Plan { window, embargo, ..self })
    }

    /// Number of cutoffs that have at least one row after them.
    pub fn windows(&self) -> usize {
        (self.rows - self.first_test).div_ceil(self.step)
    }

    /// Position of the last row a window sees; windows are counted from zero.
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

    /// The units of work of so many models: model by model, and block by block in time.
    pub fn units(&self, models: usize) -> impl Iterator<Item = Unit> {
        let blocks = self.blocks().len();
        (0..models).flat_map(move |model| (0..blocks).map(move |block| Unit { model, block }))
    }

    pub(super) fn refits(&self, window: usize) -> bool {
        match self.refit {
            Refit::EveryWindow => true,
            Refit::Every(k) => window.is_multiple_of(k),
            Refit::Never => false,
        }
    }

    /// The rows that a fit made at this window learns from, the embargo left out; without refits those of the first cutoff at any window.
    pub fn train(&self, window: usize) -> Range<usize> {
        // With no refits the only rows ever learnt from are those before the first cutoff.
        let cutoff = if self.refit == Refit::Never { self.cutoff(0) } else { self.cutoff(window) };
        let end = (cutoff + 1).saturating_sub(self.embargo);
        match self.window {
            Window::Expanding => 0..end,
            Window::Sliding(rows) => end.saturating_sub(rows)..end,
        }
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

    fn plan(refit: Refit) -> Plan {
        Plan {
            rows: 100,
            first_test: 60,
            horizons: vec![1, 2],
            paths: PathScores::Told,
            step: 4,
            refit,
            window: Window::Expanding,
            embargo: 0,
        }
    }

    #[test]
    fn a_fit_learns_up_to_its_cutoff_or_as_far_back_and_as_late_as_it_is_told() -> Result<()> {
        assert_eq!(plan(Refit::EveryWindow).windows(), 10);
        assert_eq!((0..10).map(|w| plan(Refit::EveryWindow).cutoff(w)).max(), Some(95));
        let rows = |refit, window, embargo| -> Result<_> {
            let plan = plan(refit).learning(window, embargo)?;
            Ok([plan.train(0), plan.train(3)])
        };
        assert_eq!(rows(Refit::EveryWindow, Window::Expanding, 0)?, [0..60, 0..72]);
        assert_eq!(rows(Refit::EveryWindow, Window::Expanding, 7)?, [0..53, 0..65]);
        assert_eq!(rows(Refit::Every(2), Window::Sliding(30), 0)?, [30..60, 42..72]);
        assert_eq!(rows(Refit::Every(2), Window::Sliding(30), 7)?, [23..53, 35..65]);
        assert_eq!(rows(Refit::Every(2), Window::Sliding(70), 0)?, [0..60, 2..72]);
        assert_eq!(rows(Refit::Never, Window::Sliding(30), 7)?, [23..53, 23..53]);
        Ok(())
    }

    #[test]
    fn a_fit_without_rows_to_learn_from_is_refused_with_the_number() {
        for (window, embargo, flag) in [
            (Window::Sliding(19), 0, "--window"),
            (Window::Expanding, 41, "--embargo"),
            (Window::Sliding(usize::MAX), usize::MAX, "--embargo"),
        ] {
            let refused = plan(Refit::EveryWindow).learning(window, embargo);
            assert!(matches!(&refused, Err(Error::BadOption { flag: f, .. }) if f == flag), "{refused:?}");
        }
        assert!(plan(Refit::EveryWindow).learning(Window::Sliding(usize::MAX), 40).is_ok());
    }

    #[test]
    fn blocks_hold_every_window_once_whatever_the_policy() {
        for refit in [Refit::EveryWindow, Refit::Every(3), Refit::Never] {
            let plan = plan(refit);
            let windows: Vec<usize> = plan.blocks().concat();
            assert_eq!(windows, (0..plan.windows()).collect::<Vec<_>>());
            // A block begins with a fit, so that it needs nothing of the one before it.
            let alone = |block: &Vec<usize>| refit == Refit::Never || plan.refits(block[0]);
            assert!(plan.blocks().iter().all(alone), "{refit:?}");
        }
    }
}

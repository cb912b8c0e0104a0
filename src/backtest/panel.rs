//! Panels: many series in one queue of work, their results in order, and their scores together.
//!
//! It knows neither series nor models: what is done for one series is the caller's. Threads take series from one counter and share the work inside
//! each, so that the last series keep them all busy too.

use super::{Backtest, Row, Trouble};
use crate::base::Result;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

/// Do `work` for each of `count` pieces on all threads, and hand the results to `take` in their order, as soon as it is their turn.
///
/// `take` runs on the caller's thread, so it may write. Pieces are begun in order: what waits for its turn is seldom more than what is being worked on.
///
/// # Errors
/// The first of `take`; pieces not yet begun are left out then.
pub fn in_order<T: Send>(
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, finished) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..count).into_par_iter().with_max_len(1).for_each_with(sender, |sender, _| {
                let piece = next.fetch_add(1, Ordering::Relaxed);
                if !stopped.load(Ordering::Relaxed) {
                    // Nobody listens any more where `take` has failed.
                    let _ = sender.send((piece, work(piece)));
                }
            });
        });
        let mut waiting = BTreeMap::new();
        let mut turn = 0;
        for (piece, done) in finished {
            waiting.insert(piece, done);
            while let Some(done) = waiting.remove(&turn) {
                if let Err(error) = take(turn, done) {
                    stopped.store(true, Ordering::Relaxed);
                    return Err(error);
                }
                turn += 1;
            }
        }
        Ok(())
    })
}

/// The backtests of several series as one, windows told apart and models by their names.
///
/// Scores are in the units of each series: pool what is comparable. Holds every forecast, some 220 bytes each.
#[derive(Debug, Default)]
pub struct Pool {
    whole: Option<Backtest>,
    windows: usize,
}

impl Pool {
    /// Take in the backtest of one more series: its windows are counted on from those before, its models found by their names, new ones put at
    /// the end, and its horizons joined to the others.
    pub fn add(&mut self, result: Backtest) {
        let windows = result.plan.windows();
        let Some(whole) = &mut self.whole else {
            (self.whole, self.windows) = (Some(result), windows);
            return;
        };
        // A short series is held against fewer baselines.
        let mut place = Vec::with_capacity(result.models.len());
        for (name, baseline) in result.models.into_iter().zip(result.baseline) {
            place.push(whole.models.iter().position(|m| *m == name).unwrap_or_else(|| {
                whole.models.push(name);
                whole.baseline.push(baseline);
                whole.models.len() - 1
            }));
        }
        let offset = self.windows;
        let moved = |row: Row| Row { model: place[row.model], window: row.window + offset, ..row };
        whole.rows.extend(result.rows.into_iter().map(moved));
        let told = |trouble: Trouble| Trouble { model: place[trouble.model], ..trouble };
        whole.troubles.extend(result.troubles.into_iter().map(told));
        whole.naive_errors.extend(result.naive_errors.into_iter().map(|(window, error)| (window + offset, error)));
        whole.plan.horizons.extend(result.plan.horizons);
        whole.plan.horizons.sort_unstable();
        whole.plan.horizons.dedup();
        self.windows += windows;
    }

    /// All that were taken in, as one backtest; `None` where there was none.
    pub fn whole(self) -> Option<Backtest> {
        self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::{PathScores, Plan, Refit, Window};
    use crate::base::Error;

    #[test]
    fn results_come_in_order_and_every_piece_is_done_once() -> Result<()> {
        let begun = AtomicUsize::new(0);
        let mut seen = Vec::new();
        let work = |piece: usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            // Pieces of very different lengths, with work of their own to share.
            let rounds = if piece.is_multiple_of(7) { 20_000u64 } else { 10 };
            (0..rounds).into_par_iter().map(|k| k.wrapping_mul(piece as u64)).sum::<u64>()
        };
        in_order(100, work, |piece, sum| {
            seen.push((piece, sum));
            Ok(())
        })?;
        assert_eq!(begun.into_inner(), 100);
        let sum = |piece: u64| if piece.is_multiple_of(7) { piece * 20_000 * 19_999 / 2 } else { piece * 45 };
        assert_eq!(seen, (0..100).map(|p| (p as usize, sum(p))).collect::<Vec<_>>());
        in_order(0, |_| (), |_, ()| Err(Error::Interrupted))
    }

    #[test]
    fn a_failure_of_the_taker_ends_the_work() {
        let mut taken = 0;
        let refused = in_order(
            1000,
            |piece| piece,
            |piece, _| {
                taken += 1;
                if piece == 3 { Err(Error::Interrupted) } else { Ok(()) }
            },
        );
        assert_eq!((refused, taken), (Err(Error::Interrupted), 4));
    }

    fn result(models: &[&str], horizons: &[usize]) -> Backtest {
        let plan = Plan {
            rows: 50,
            first_test: 46,
            horizons: horizons.to_vec(),
            paths: PathScores::LeftOut,
            step: 2,
            refit: Refit::Never,
            window: Window::Expanding,
            embargo: 0,
        };
        let row = |model: usize, window: usize| Row {
            model,
            window,
            cutoff: plan.cutoff(window),
            horizon: 1,
            actual: 0.0,
            mean: None,
            sd: None,
            quantiles: [0.0; 7],
            crps: 0.5,
            log_score: None,
            pit: 0.5,
            own: 0.0,
            tail: None,
            joint: None,
        };
        let rows = (0..models.len()).flat_map(|m| [row(m, 0), row(m, 1)]).collect();
        Backtest {
            models: models.iter().map(|m| m.to_string()).collect(),
            baseline: vec![false; models.len()],
            plan,
            naive_errors: vec![(0, 1.0)],
            rows,
            troubles: vec![Trouble { model: models.len() - 1, cutoff: 47, why: "why".to_string(), is_answered: false }],
        }
    }

    #[test]
    fn pooled_models_are_told_by_name_and_windows_by_series() {
        let mut pool = Pool::default();
        pool.add(result(&["ou", "random-walk"], &[1, 2]));
        pool.add(result(&["ou", "climatology", "random-walk"], &[1, 3]));
        let whole = pool.whole().expect("two series");
        assert_eq!(whole.models, ["ou", "random-walk", "climatology"]);
        assert_eq!(whole.plan.horizons, [1, 2, 3]);
        let of = |model: usize| whole.rows.iter().filter(|r| r.model == model).map(|r| r.window).collect::<Vec<_>>();
        assert_eq!((of(0), of(1), of(2)), (vec![0, 1, 2, 3], vec![0, 1, 2, 3], vec![2, 3]));
        assert_eq!(whole.failures().map(|f| f.model).collect::<Vec<_>>(), [1, 1]);
        assert!(Pool::default().whole().is_none());
    }
}

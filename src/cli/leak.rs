//! `backtest --prove-no-leak`: every row after a cutoff is destroyed, and the forecasts made up to it must stay the same, bit by bit.

use crate::backtest::{Backtest, Plan, Row};
use crate::base::{Result, Series};

/// Cutoffs that are tried: of the first window, the last, and some between.
const TRIED: usize = 4;

/// What came of it.
pub(super) struct Proof {
    /// Forecasts compared, over all cutoffs.
    pub compared: usize,
    /// The first that changed: model, row of its cutoff, row from which everything was destroyed.
    pub leak: Option<(String, usize, usize)>,
}

/// Run `again` on copies of the series that are destroyed after some cutoffs, and compare with `result`.
///
/// # Errors
/// Those of `again`.
pub(super) fn prove(
    series: &Series,
    plan: &Plan,
    result: &Backtest,
    again: &dyn Fn(&Series) -> Result<Backtest>,
) -> Result<Proof> {
    let last = plan.windows().saturating_sub(1);
    let mut windows: Vec<usize> = (0..TRIED).map(|k| k * last / (TRIED - 1)).collect();
    windows.dedup();
    let mut proof = Proof { compared: 0, leak: None };
    for window in windows {
        let cutoff = plan.cutoff(window);
        let destroyed = again(&destroyed(series, cutoff))?;
        // A forecast that failed in one and not in the other has changed as well.
        let seen = |of: &Backtest| of.rows.iter().filter(|r| r.cutoff <= cutoff).map(told).collect::<Vec<_>>();
        let (before, after) = (seen(result), seen(&destroyed));
        proof.compared += before.len();
        let differs = (0..before.len().max(after.len())).find(|i| before.get(*i) != after.get(*i));
        if let (Some(i), None) = (differs, &proof.leak) {
            let (model, at) = before.get(i).or(after.get(i)).map_or((0, cutoff), |row| (row.0, row.1));
            proof.leak = Some((result.models.get(model).cloned().unwrap_or_default(), at, cutoff + 1));
        }
    }
    Ok(proof)
}

/// What a forecast says, without what came: model, cutoff, horizon, and the bits of its numbers.
fn told(row: &Row) -> (usize, usize, usize, Vec<u64>) {
    let numbers = [row.mean, row.sd].into_iter().flatten().chain(row.quantiles);
    (row.model, row.cutoff, row.horizon, numbers.map(f64::to_bits).collect())
}

/// The series with every value after row `cutoff` replaced by one from elsewhere in its range: times stay, since a forecast is asked at them.
fn destroyed(series: &Series, cutoff: usize) -> Series {
    let mut out = series.clone();
    let (low, high) = series.value.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    for (k, value) in out.value.iter_mut().enumerate().skip(cutoff + 1) {
        // The golden ratio's multiples fill the range and repeat nothing.
        let share = (k as f64 * 0.618_033_988_749_894_9).fract();
        *value = low + share * (high - low);
    }
    out
}

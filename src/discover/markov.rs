//! Is the next state told by the present one alone? And if not at the step of the data, at which multiple of it?
//!
//! In bins of the middle of three states, `x3` is compared between triples whose `x1` was low and those whose `x1` was high, by
//! Wilcoxon's rank sum (Renner, Peinke & Friedrich 2001, J. Fluid Mech. 433, 383); once for where `x3` lies, once for how far it
//! spreads, since a latent volatility shows only there. Within a bin both are first freed of what `x2` explains linearly. Triples do
//! not overlap in what they predict, so the bins' statistics are independent under the null. The smallest lag that passes is the
//! Markov-Einstein length (Friedrich, Peinke, Sahimi & Reza Rahimi Tabar 2011, Phys. Rep. 506, 87).

use super::moments::Moments;
use super::steps::Steps;
use crate::base::math;

/// The level of the test: a p-value below it refuses that the data are Markov.
pub const LEVEL: f64 = 0.01;
/// Triples a bin should have; bins are at most this many.
const IN_BIN: usize = 200;
const MOST_BINS: usize = 200;
/// Lags with fewer triples are not tried.
const LEAST_TRIPLES: usize = 300;

/// The test at one lag: three states, each so many steps after the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct LagTest {
    /// The lag, in steps of the data.
    pub lag: usize,
    /// The lag in time, the mean over the triples.
    pub time: f64,
    /// Triples (before, now, after) that were tested: no two predict the same transition.
    pub triples: usize,
    /// Standard normal under the Markov property: of the place, and of the spread.
    pub z: [f64; 2],
    /// Of the larger, times two (Bonferroni).
    pub p: f64,
}

/// Whether one state, or the residuals of a formula, are Markov, and from which lag on.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkovCheck {
    /// Lags 1, 2, 4, … up to the first that passes.
    pub lags: Vec<LagTest>,
    /// The smallest lag that passes, in time; `None` where none of those tried does.
    pub length: Option<f64>,
}

impl MarkovCheck {
    fn of(lags: Vec<LagTest>) -> MarkovCheck {
        let length = lags.iter().find(|t| t.p >= LEVEL).map(|t| t.time);
        MarkovCheck { lags, length }
    }

    /// p-value at the step of the data; NaN where no lag was tested.
    pub fn p_at_step(&self) -> f64 {
        self.lags.first().map_or(f64::NAN, |t| t.p)
    }

    /// Whether the data are Markov at their own step: not refused at [`LEVEL`].
    pub fn holds(&self) -> bool {
        self.p_at_step() >= LEVEL
    }
}

/// Test whether the present state alone tells the next, at lags 1, 2, 4, … until one passes at [`LEVEL`]: that lag is the
/// Markov-Einstein length (Friedrich, Peinke, Sahimi & Reza Rahimi Tabar 2011).
///
/// In bins of the present, rows are split by what came before; Wilcoxon's rank sum asks whether what came after lies elsewhere, and
/// whether it spreads otherwise (Renner, Peinke & Friedrich 2001). One state only. `None` with fewer than 300 triples at the first lag. Cost O(n log n) a lag.
pub fn markov(steps: &Steps) -> Option<MarkovCheck> {
    let mut lags = Vec::new();
    let mut lag = 1;
    while let Some(test) = at_lag(steps, lag) {
        let passes = test.p >= LEVEL;
        lags.push(test);
        if passes {
            break;
        }
        lag *= 2;
    }
    (!lags.is_empty()).then(|| MarkovCheck::of(lags))
}

/// Test several states at the step of the data: standardised residuals of a formula against those of the step before, and their
/// sizes. The formula must be right, or its error is what is found.
pub(super) fn markov_of_residuals(steps: &Steps, seen: &Moments) -> Option<MarkovCheck> {
    let states = steps.states();
    let mut worst = [0.0_f64; 2];
    let mut count = 0;
    let mut tested = 0.0;
    for state in 0..states {
        let increments = steps.increments(state);
        let residual = |i: usize| {
            let sd = seen.variance[state][i].sqrt();
            if sd > 0.0 { (increments[i] - seen.mean[state][i]) / sd } else { 0.0 }
        };
        let pairs: Vec<(f64, f64)> =
            (1..steps.len()).filter(|i| steps.follows[*i]).map(|i| (residual(i - 1), residual(i))).collect();
        count = pairs.len();
        for (k, size) in [false, true].into_iter().enumerate() {
            let (a, b): (Vec<f64>, Vec<f64>) =
                pairs.iter().map(|(a, b)| if size { (a.abs(), b.abs()) } else { (*a, *b) }).unzip();
            let (ma, mb) = (crate::stats::mean(&a), crate::stats::mean(&b));
            let products: Vec<f64> = a.iter().zip(&b).map(|(a, b)| (a - ma) * (b - mb)).collect();
            let z = products.iter().sum::<f64>() / products.iter().map(|p| p * p).sum::<f64>().sqrt();
            if z.is_finite() {
                tested += 1.0;
                worst[k] = if z.abs() > worst[k].abs() { z } else { worst[k] };
            }
        }
    }
    let largest = worst[0].abs().max(worst[1].abs());
    let p = (tested * 2.0 * math::normal_sf(largest)).min(1.0);
    let time = steps.dt.iter().sum::<f64>() / steps.len() as f64;
    (count >= LEAST_TRIPLES && tested > 0.0)
        .then(|| MarkovCheck::of(vec![LagTest { lag: 1, time, triples: count, z: worst, p }]))
}

/// One triple: where it came from, was and went.
#[derive(Debug, Clone, Copy)]
struct Triple {
    x1: f64,
    x2: f64,
    x3: f64,
}

fn triples(steps: &Steps, lag: usize) -> (Vec<Triple>, f64) {
    let (x0, x1) = (&steps.x0[0], &steps.x1[0]);
    let (mut triples, mut time) = (Vec::new(), 0.0);
    // Transitions since the last gap, and since the last triple's middle.
    let (mut run, mut since) = (0, 0);
    for i in 0..steps.len() {
        if steps.follows[i] {
            run += 1;
            since += 1;
        } else {
            (run, since) = (1, 0);
        }
        if run >= 2 * lag && since >= lag {
            let middle = i + 1 - lag;
            triples.push(Triple { x1: x0[middle - lag], x2: x0[middle], x3: x1[i] });
            time += steps.dt[middle..=i].iter().sum::<f64>();
            since = 0;
        }
    }
    let count = triples.len().max(1) as f64;
    (triples, time / count)
}

fn at_lag(steps: &Steps, lag: usize) -> Option<LagTest> {
    let (mut triples, time) = triples(steps, lag);
    let n = triples.len();
    if n < LEAST_TRIPLES {
        return None;
    }
    triples.sort_by(|a, b| a.x2.total_cmp(&b.x2));
    let bins = (n / IN_BIN).clamp(1, MOST_BINS);
    let mut sums = [0.0_f64; 2];
    let mut used = [0.0_f64; 2];
    // The outermost bins are wide, and a wide bin is not conditional on its state.
    let outer = bins / 40 + usize::from(bins > 10);
    for bin in outer..bins - outer {
        let members = &triples[bin * n / bins..(bin + 1) * n / bins];
        let x2: Vec<f64> = members.iter().map(|t| t.x2).collect();
        let past = freed(&members.iter().map(|t| t.x1 - t.x2).collect::<Vec<f64>>(), &x2);
        let next = freed(&members.iter().map(|t| t.x3 - t.x2).collect::<Vec<f64>>(), &x2);
        let sizes = [&past, &next].map(|r| freed(&r.iter().map(|v| v.abs()).collect::<Vec<f64>>(), &x2));
        for (k, (past, next)) in [(&past, &next), (&sizes[0], &sizes[1])].into_iter().enumerate() {
            if let Some(z) = rank_sum(past, next) {
                sums[k] += z;
                used[k] += 1.0;
            }
        }
    }
    let z = [0, 1].map(|k| if used[k] > 0.0 { sums[k] / used[k].sqrt() } else { 0.0 });
    let p = (4.0 * math::normal_sf(z[0].abs().max(z[1].abs()))).min(1.0);
    (used[0] > 0.0).then_some(LagTest { lag, time, triples: n, z, p })
}

/// What is left of `y` after a line in `x`.
fn freed(y: &[f64], x: &[f64]) -> Vec<f64> {
    let (mx, my) = (crate::stats::mean(x), crate::stats::mean(y));
    let xx: f64 = x.iter().map(|x| (x - mx) * (x - mx)).sum();
    let xy: f64 = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum();
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    x.iter().zip(y).map(|(x, y)| y - my - slope * (x - mx)).collect()
}

/// Wilcoxon's statistic of `next` between a high and a low half of `past`, standardised, ties at their mean rank.
fn rank_sum(past: &[f64], next: &[f64]) -> Option<f64> {
    let n = past.len();
    let middle = crate::stats::quantile(past, 0.5);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| next[*a].total_cmp(&next[*b]));
    let (mut sum, mut high, mut ties) = (0.0, 0.0, 0.0);
    let mut from = 0;
    while from < n {
        let mut to = from + 1;
        while to < n && next[order[to]] == next[order[from]] {
            to += 1;
        }
        let rank = 0.5 * (from + to + 1) as f64;
        let tied = (to - from) as f64;
        ties += tied * (tied * tied - 1.0);
        for i in &order[from..to] {
            if past[*i] > middle {
                sum += rank;
                high += 1.0;
            }
        }
        from = to;
    }
    let all = n as f64;
    let low = all - high;
    let variance = high * low / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    (variance > 0.0).then(|| (sum - 0.5 * high * (all + 1.0)) / variance.sqrt())
}

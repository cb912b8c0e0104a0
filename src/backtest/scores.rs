//! Scores of a backtest: by horizon and pooled, with skill against the random walk and its standard error.

use super::{Backtest, Row};
use crate::baseline::RANDOM_WALK;
use crate::stats;

/// Mean scores over a set of forecasts; lower is better but for coverage, which should be its level.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    pub windows: usize,
    pub crps: f64,
    /// Mean negative log density; infinite where something happened that the model gave no chance, NaN without densities.
    pub log_score: f64,
    /// Absolute error of the median.
    pub mae: f64,
    /// Root-mean-square error of the mean, of the median where a law has no mean.
    pub rmse: f64,
    pub coverage_50: f64,
    pub coverage_80: f64,
    pub coverage_95: f64,
}

/// One model's scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelScores {
    pub model: String,
    pub baseline: bool,
    /// All horizons pooled.
    pub all: Scored,
    pub by_horizon: Vec<(usize, Scored)>,
    /// Over the windows both have.
    pub skill: Option<Skill>,
    /// PITs at the shortest horizon, in the order of the windows.
    pub pit: Vec<f64>,
    pub pit_ks_p: f64,
}

/// Skill against the random walk, `1 - CRPS/CRPS(random walk)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skill {
    pub value: f64,
    pub se: f64,
    /// Standard errors beyond which it is significant at 5 %: more than 1.96 where few windows overlap much.
    pub critical: f64,
}

impl Skill {
    /// 1 better, -1 worse, 0 not to be told apart at 5 %.
    pub fn verdict(&self) -> i8 {
        let beyond = self.value.abs() > self.critical * self.se;
        if beyond { if self.value > 0.0 { 1 } else { -1 } } else { 0 }
    }
}

/// Every model's scores, in the order of the backtest.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    pub pooled: Vec<ModelScores>,
}

impl Scores {
    pub fn of(backtest: &Backtest) -> Scores {
        let walk = backtest.models.iter().position(|m| m == RANDOM_WALK);
        let pooled = (0..backtest.models.len()).filter_map(|m| model_scores(backtest, m, walk)).collect();
        Scores { pooled }
    }

    pub fn get(&self, model: &str) -> Option<&ModelScores> {
        self.pooled.iter().find(|s| s.model == model)
    }
}

fn model_scores(backtest: &Backtest, model: usize, walk: Option<usize>) -> Option<ModelScores> {
    let rows: Vec<&Row> = backtest.rows.iter().filter(|r| r.model == model).collect();
    if rows.is_empty() {
        return None;
    }
    let horizons = &backtest.plan.horizons;
    let by_horizon = horizons
        .iter()
        .map(|h| (*h, rows.iter().copied().filter(|r| r.horizon == *h).collect::<Vec<_>>()))
        .filter(|(_, r)| !r.is_empty())
        .map(|(h, r)| (h, scored(&r)))
        .collect();
    let shortest = horizons.first().copied().unwrap_or(1);
    let pit: Vec<f64> = rows.iter().filter(|r| r.horizon == shortest).map(|r| r.pit).collect();
    let skill = walk.filter(|w| *w != model).and_then(|w| skill(backtest, model, w));
    Some(ModelScores {
        model: backtest.models[model].clone(),
        baseline: backtest.baseline[model],
        all: scored(&rows),
        by_horizon,
        skill,
        pit_ks_p: stats::ks_uniform_p(&pit),
        pit,
    })
}

fn scored(rows: &[&Row]) -> Scored {
    let n = rows.len() as f64;
    let mean = |f: &dyn Fn(&Row) -> f64| rows.iter().map(|r| f(r)).sum::<f64>() / n;
    let inside = |low: usize, high: usize| {
        mean(&|r| f64::from(u8::from(r.actual >= r.quantiles[low] && r.actual <= r.quantiles[high])))
    };
    let mut windows: Vec<usize> = rows.iter().map(|r| r.window).collect();
    windows.sort_unstable();
    windows.dedup();
    Scored {
        windows: windows.len(),
        crps: mean(&|r| r.crps),
        log_score: mean(&|r| r.log_score.unwrap_or(f64::NAN)),
        mae: mean(&|r| (r.actual - r.quantiles[3]).abs()),
        rmse: mean(&|r| square(r.actual - r.mean.unwrap_or(r.quantiles[3]))).sqrt(),
        coverage_50: inside(2, 4),
        coverage_80: inside(1, 5),
        coverage_95: inside(0, 6),
    }
}

fn square(x: f64) -> f64 {
    x * x
}

/// Skill over the windows in which both models answered: mean CRPS a window over horizons, then the ratio, its variance
/// by the delta method with as many autocovariances as windows overlap. None where they overlap over half the record.
fn skill(backtest: &Backtest, model: usize, walk: usize) -> Option<Skill> {
    let mine = window_means(backtest, model);
    let theirs = window_means(backtest, walk);
    let pairs: Vec<(f64, f64)> = mine.iter().zip(&theirs).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
    if pairs.len() < 2 {
        return None;
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let (ours, reference) = (stats::mean(&a), stats::mean(&b));
    let ratio = ours / reference;
    let residual: Vec<f64> = a.iter().zip(&b).map(|(a, b)| (a - ratio * b) / reference).collect();
    let overlap = backtest.plan.horizons.last().map_or(0, |h| (h - 1) / backtest.plan.step);
    let (value, se) = (1.0 - ratio, stats::variance_of_mean(&residual, overlap).sqrt());
    // Share of the sample that the kernel spans.
    let b = (overlap + 1) as f64 / residual.len() as f64;
    (value.is_finite() && se.is_finite() && b <= 0.5).then_some(Skill { value, se, critical: fixed_b_critical(b) })
}

/// Two-sided 5 % point of a t-ratio whose variance is Bartlett's with bandwidth `b` of the sample (Kiefer & Vogelsang 2005,
/// table 1): the normal point 1.96 rejects far too often once windows overlap over a good part of the record.
fn fixed_b_critical(b: f64) -> f64 {
    1.96 + b * (2.9694 + b * (0.4160 - b * 0.5324))
}

/// Mean CRPS of each window over its horizons.
pub(super) fn window_means(backtest: &Backtest, model: usize) -> Vec<Option<f64>> {
    let windows = backtest.rows.iter().map(|r| r.window + 1).max().unwrap_or(0);
    let mut sums = vec![(0.0, 0.0); windows];
    for row in backtest.rows.iter().filter(|r| r.model == model) {
        sums[row.window].0 += row.crps;
        sums[row.window].1 += 1.0;
    }
    sums.into_iter().map(|(sum, n)| (n > 0.0).then(|| sum / n)).collect()
}

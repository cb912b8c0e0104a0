//! Scores of a backtest: by horizon and pooled, with skill against the random walk and its standard error.

use super::calibration::{self, PitHistogram, Reliability};
use super::joint::{self, JointAgainst, JointScores};
use super::{Backtest, LEVELS, RISKS, Row};
use crate::base::{Purpose, Seed, math};
use crate::baseline::RANDOM_WALK;
use crate::stats::{
    self, Berkowitz, DieboldMariano, ValueAtRisk, diebold_mariano, interval_score, pinball, value_at_risk,
};

/// Mean scores over a set of forecasts; lower is better but for coverage, which should be its level.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// How many windows have at least one of these forecasts.
    pub windows: usize,
    /// Mean continuous ranked probability score, in the unit of the scored variable (Gneiting & Raftery 2007, eq. 20).
    pub crps: f64,
    /// Mean negative log density; infinite where something happened that the model gave no chance, NaN without densities.
    pub log_score: f64,
    /// Absolute error of the median.
    pub mae: f64,
    /// Absolute error of the median over the mean absolute change from row to row before the first cutoff: below one, better than the naive
    /// forecast of one row was there (Hyndman & Koehler 2006, eq. 5). NaN where nothing ever changed.
    pub mase: f64,
    /// Root-mean-square error of the mean, of the median where a law has no mean.
    pub rmse: f64,
    /// Share of outcomes inside the central 50 % interval, its ends included.
    pub coverage_50: f64,
    /// Likewise of the 80 % interval.
    pub coverage_80: f64,
    /// Likewise of the 95 % interval.
    pub coverage_95: f64,
    /// Mean quantile (pinball) loss over the levels kept (Koenker & Bassett 1978).
    pub pinball: f64,
    /// [`interval_score`]s at 50, 80 and 95 %.
    pub winkler: [f64; 3],
    /// Of one horizon; empty where horizons are pooled.
    pub reliability: Vec<Reliability>,
}

/// One model's scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelScores {
    /// Its name, as in [`Backtest::models`].
    pub model: String,
    /// Whether it is one that must be beaten, not a candidate.
    pub baseline: bool,
    /// All horizons pooled.
    pub all: Scored,
    /// Each horizon in rows ahead with its scores, nearest first; horizons that no window reached are left out.
    pub by_horizon: Vec<(usize, Scored)>,
    /// Over the windows both have.
    pub skill: Option<Skill>,
    /// PITs at the shortest horizon, in the order of the windows.
    pub pit: Vec<f64>,
    /// Kolmogorov-Smirnov p-value that `pit` is uniform, its values taken as independent.
    pub pit_ks_p: f64,
    /// The same transforms in bins.
    pub pit_histogram: PitHistogram,
    /// Whether their normal scores are independent and standard normal.
    pub berkowitz: Option<Berkowitz>,
    /// Of paths over all horizons, where there are several and the model gives joint draws.
    pub joint: Option<JointScores>,
    /// Tests of equal accuracy against every baseline but itself, below zero where this model is better.
    pub against: Vec<Against>,
    /// p-value of the model confidence set by CRPS over the windows in which all answered: above 0.1 it may be the best; 1 where none could be made.
    pub confidence_set_p: f64,
    /// Of returns at the shortest horizon: tests of value at risk and expected shortfall at 1, 2.5 and 5 %.
    pub risk: Vec<ValueAtRisk>,
}

/// One model beside one baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Against {
    /// Name of the other, as in [`Backtest::models`].
    pub baseline: String,
    /// Of the mean CRPS of each window; `None` where [`diebold_mariano`] has no answer.
    pub crps: Option<DieboldMariano>,
    /// Likewise of the mean log score; `None` too where one of the two has no density.
    pub log_score: Option<DieboldMariano>,
    /// Of the scores of paths.
    pub joint: JointAgainst,
}

/// Skill against the random walk, `1 - CRPS/CRPS(random walk)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skill {
    /// One for a perfect forecast, zero for one like the walk's, below zero for a worse one.
    pub value: f64,
    /// Standard error by the delta method, with as many autocovariances as windows overlap.
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
    /// All that answered at least once, over all their windows.
    pub pooled: Vec<ModelScores>,
}

impl Scores {
    /// Scores of every model of a backtest, pooled over windows and horizons and by horizon, with the tests against the baselines.
    /// Cost: O(rows log rows) a model.
    pub fn of(backtest: &Backtest) -> Scores {
        let walk = backtest.models.iter().position(|m| m == RANDOM_WALK);
        let sets = confidence_set(backtest);
        let pooled = (0..backtest.models.len()).filter_map(|m| model_scores(backtest, m, walk, sets[m])).collect();
        Scores { pooled }
    }

    /// Scores of one model by its name; `None` where it was not in the backtest.
    pub fn get(&self, model: &str) -> Option<&ModelScores> {
        self.pooled.iter().find(|s| s.model == model)
    }
}

fn model_scores(backtest: &Backtest, model: usize, walk: Option<usize>, in_set: f64) -> Option<ModelScores> {
    let rows: Vec<&Row> = backtest.rows.iter().filter(|r| r.model == model).collect();
    if rows.is_empty() {
        return None;
    }
    let horizons = &backtest.plan.horizons;
    let by_horizon = horizons
        .iter()
        .map(|h| (*h, rows.iter().copied().filter(|r| r.horizon == *h).collect::<Vec<_>>()))
        .filter(|(_, r)| !r.is_empty())
        .map(|(h, r)| {
            let reliability = calibration::reliability(&r, h, backtest.plan.step);
            (h, Scored { reliability, ..scored(&r, backtest) })
        })
        .collect();
    let shortest = horizons.first().copied().unwrap_or(1);
    let pit: Vec<f64> = rows.iter().filter(|r| r.horizon == shortest).map(|r| r.pit).collect();
    let skill = walk.filter(|w| *w != model).and_then(|w| skill(backtest, model, w));
    Some(ModelScores {
        model: backtest.models[model].clone(),
        baseline: backtest.baseline[model],
        all: scored(&rows, backtest),
        by_horizon,
        skill,
        pit_ks_p: stats::ks_uniform_p(&pit),
        pit_histogram: calibration::histogram(&pit),
        berkowitz: calibration::of_normal_scores(&pit),
        pit,
        joint: joint::pooled(backtest, model),
        against: against(backtest, model),
        confidence_set_p: in_set,
        risk: risk(&rows),
    })
}

/// Windows that overlap each window of the longest horizon.
pub(super) fn overlap(backtest: &Backtest) -> usize {
    backtest.plan.horizons.last().map_or(0, |h| (h - 1) / backtest.plan.step)
}

fn against(backtest: &Backtest, model: usize) -> Vec<Against> {
    let test = |other: usize, loss: &dyn Fn(&Row) -> f64| {
        let (mine, theirs) = (window_means(backtest, model, loss), window_means(backtest, other, loss));
        let both = mine.iter().zip(&theirs).filter_map(|(a, b)| Some((*a)? - (*b)?)).collect::<Vec<f64>>();
        diebold_mariano(&both, overlap(backtest) + 1)
    };
    let others = (0..backtest.models.len()).filter(|other| *other != model && backtest.baseline[*other]);
    others
        .map(|other| Against {
            baseline: backtest.models[other].clone(),
            crps: test(other, &|r| r.crps),
            log_score: test(other, &|r| r.log_score.unwrap_or(f64::NAN)),
            joint: joint::against(backtest, model, other),
        })
        .collect()
}

/// p-values over the windows that every model answered.
fn confidence_set(backtest: &Backtest) -> Vec<f64> {
    let all: Vec<Vec<Option<f64>>> =
        (0..backtest.models.len()).map(|m| window_means(backtest, m, &|r| r.crps)).collect();
    let windows = all.first().map_or(0, Vec::len);
    let whole: Vec<usize> = (0..windows).filter(|w| all.iter().all(|l| l[*w].is_some_and(f64::is_finite))).collect();
    let losses: Vec<Vec<f64>> = all.iter().map(|l| whole.iter().filter_map(|w| l[*w]).collect()).collect();
    // The losses of daily forecasts hang together a little also where windows do not overlap.
    let block = (overlap(backtest) + 1).max(math::pow(whole.len() as f64, 1.0 / 3.0) as usize);
    stats::model_confidence_set(&losses, block, Seed(1).key(Purpose::Scores, 0, 0))
}

fn risk(rows: &[&Row]) -> Vec<ValueAtRisk> {
    let tails: Vec<(f64, [(f64, f64); 3])> = rows.iter().filter_map(|r| Some((r.actual, r.tail?))).collect();
    if tails.is_empty() {
        return Vec::new();
    }
    let actual: Vec<f64> = tails.iter().map(|t| t.0).collect();
    let one = |(k, level): (usize, &f64)| {
        let of = |f: &dyn Fn((f64, f64)) -> f64| tails.iter().map(|t| f(t.1[k])).collect::<Vec<f64>>();
        value_at_risk(&actual, &of(&|t| t.0), &of(&|t| t.1), *level)
    };
    RISKS.iter().enumerate().map(one).collect()
}

fn scored(rows: &[&Row], backtest: &Backtest) -> Scored {
    let n = rows.len() as f64;
    let mean = |f: &dyn Fn(&Row) -> f64| rows.iter().map(|r| f(r)).sum::<f64>() / n;
    let inside = |low: usize, high: usize| mean(&|r| f64::from(u8::from(r.is_between(low, high))));
    let mut windows: Vec<usize> = rows.iter().map(|r| r.window).collect();
    windows.sort_unstable();
    windows.dedup();
    Scored {
        windows: windows.len(),
        crps: mean(&|r| r.crps),
        log_score: mean(&|r| r.log_score.unwrap_or(f64::NAN)),
        mae: mean(&|r| (r.actual - r.quantiles[3]).abs()),
        mase: mean(&|r| (r.actual - r.quantiles[3]).abs() / backtest.naive_error(r.window)),
        rmse: mean(&|r| square(r.actual - r.mean.unwrap_or(r.quantiles[3]))).sqrt(),
        coverage_50: inside(2, 4),
        coverage_80: inside(1, 5),
        coverage_95: inside(0, 6),
        pinball: mean(&|r| {
            let all = LEVELS.iter().zip(&r.quantiles).map(|(p, q)| pinball(*p, *q, r.actual));
            all.sum::<f64>() / LEVELS.len() as f64
        }),
        winkler: [(2, 4), (1, 5), (0, 6)].map(|(low, high): (usize, usize)| {
            mean(&|r| interval_score(r.quantiles[low], r.quantiles[high], 2.0 * LEVELS[low], r.actual))
        }),
        reliability: Vec::new(),
    }
}

fn square(x: f64) -> f64 {
    x * x
}

/// Skill over the windows in which both models answered: mean CRPS a window over horizons, then the ratio, its variance
/// by the delta method with as many autocovariances as windows overlap. None where they overlap over half the record.
fn skill(backtest: &Backtest, model: usize, walk: usize) -> Option<Skill> {
    let mine = window_means(backtest, model, &|r| r.crps);
    let theirs = window_means(backtest, walk, &|r| r.crps);
    let pairs: Vec<(f64, f64)> = mine.iter().zip(&theirs).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
    if pairs.len() < 2 {
        return None;
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let (ours, reference) = (stats::mean(&a), stats::mean(&b));
    let ratio = ours / reference;
    let residual: Vec<f64> = a.iter().zip(&b).map(|(a, b)| (a - ratio * b) / reference).collect();
    let overlap = overlap(backtest);
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

/// Mean loss of each window over its horizons.
pub(super) fn window_means(backtest: &Backtest, model: usize, loss: &dyn Fn(&Row) -> f64) -> Vec<Option<f64>> {
    let windows = backtest.rows.iter().map(|r| r.window + 1).max().unwrap_or(0);
    let mut sums = vec![(0.0, 0.0); windows];
    for row in backtest.rows.iter().filter(|r| r.model == model) {
        sums[row.window].0 += loss(row);
        sums[row.window].1 += 1.0;
    }
    sums.into_iter().map(|(sum, n)| (n > 0.0).then(|| sum / n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::{Plan, Pool, Refit, Split, backtest, naive_error};
    use crate::base::{Clock, ClockKind, Series, Transform};
    use crate::baseline::RandomWalk;

    fn walk(unit: f64, n: usize) -> Series {
        let mut stream = Seed(13).key(Purpose::Simulation, 0, 0).stream(0);
        let mut x = 0.0;
        let step = |_| {
            x += unit * stream.normal();
            x
        };
        Series {
            id: "walk".into(),
            value_name: "x".into(),
            time: (0..n).map(|i| i as f64).collect(),
            value: (0..n).map(step).collect(),
            stamps: None,
            clock: Clock { kind: ClockKind::Plain, unit: "day".into(), step: 1.0 },
        }
    }

    fn run(series: &Series, transform: Transform) -> Backtest {
        let plan = Plan::new(series, Split::Rows(100), 2, 1, Refit::Never).expect("a plan");
        backtest(series, transform, &[&RandomWalk { transform }], &plan, &|| {}, None).expect("a backtest")
    }

    #[test]
    fn scaled_errors_have_no_unit_and_each_series_its_own_scale() {
        let (small, large) = (run(&walk(1.0, 300), Transform::None), run(&walk(1000.0, 300), Transform::None));
        let mut pool = Pool::default();
        pool.add(small.clone());
        pool.add(large.clone());
        let pooled = pool.whole().expect("two");
        let of = |backtest: &Backtest| Scores::of(backtest).pooled.remove(0);
        let (one, other, both) = (of(&small), of(&large), of(&pooled));
        assert!((one.all.mase - other.all.mase).abs() < 1e-9 && (both.all.mase - one.all.mase).abs() < 1e-9);
        assert!((other.all.mae / one.all.mae - 1000.0).abs() < 1e-6);
        // One row ahead nothing beats the naive forecast of a walk, and the drift costs little: |N(0, 1)| has a relative spread of 0.76, over 100
        // errors and 199 changes.
        let ahead = &one.by_horizon[0].1;
        assert!((ahead.mase - 1.0).abs() < 4.0 * 0.76 * (1f64 / 100.0 + 1.0 / 199.0).sqrt(), "{}", ahead.mase);
        // Of increments the naive forecast is the increment before: its errors are larger by √2, with a relative s.e. of some 5.5 % over 199.
        let increments = of(&run(&walk(1.0, 300), Transform::Diff)).by_horizon[0].1.mase;
        assert!((increments * 2f64.sqrt() / ahead.mase - 1.0).abs() < 4.0 * 0.055, "{increments}");
        // A series that stood still has no scale.
        let mut still = walk(1.0, 300);
        still.value[..200].fill(5.0);
        assert!(naive_error(&still, Transform::None, &small.plan).is_nan());
    }
}

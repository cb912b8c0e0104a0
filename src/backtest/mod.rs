//! Rolling-origin backtests: every forecast sees only rows before its cutoff, and only a [`Backtest`] scores.
//!
//! A series is cut by [`Series::slice`] and nothing else, so no later row can reach a forecast. Windows are grouped into
//! fixed blocks; a block is fitted at its first cutoff, warm starts stay inside it, and blocks run in parallel, so the
//! numbers do not depend on threads.

mod calibration;
mod joint;
mod panel;
mod plan;
mod scores;
mod select;
mod sink;
#[cfg(test)]
mod truth_tests;
#[cfg(test)]
mod volatility_study;
#[cfg(test)]
mod window_tests;

pub use calibration::{PitHistogram, Reliability};
pub use joint::{Estimated, Joint, JointAgainst, JointScores};
pub use panel::{Pool, in_order};
pub use plan::{PathScores, Plan, Refit, Split, Window, horizons};
pub use scores::{Against, ModelScores, Scored, Scores, Skill};
pub use select::{Candidate, choose};
pub use sink::{Done, Sink, Unit};

use crate::base::{Purpose, Result, Seed, Series, Transform, math};
use crate::predictive::{Fitted, Forecaster, Predictive};
use crate::stats;
use rayon::prelude::*;

/// One forecast and what came of it: a row of the long table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Position among [`Backtest::models`].
    pub model: usize,
    /// Counted from zero, along the cutoffs and in a pool from series to series.
    pub window: usize,
    /// Row of the last level seen.
    pub cutoff: usize,
    /// Rows ahead of the cutoff, one at least.
    pub horizon: usize,
    /// Of the scored variable: the level, or the transformed value of the target row.
    pub actual: f64,
    /// Mean of the forecast's law; `None` where it is infinite or not known.
    pub mean: Option<f64>,
    /// Standard deviation of the forecast's law; `None` where it is infinite or not known.
    pub sd: Option<f64>,
    /// At [`LEVELS`].
    pub quantiles: [f64; 7],
    /// Continuous ranked probability score of the law at the actual value, in the unit of the scored variable; lower is better.
    pub crps: f64,
    /// Negative log density; `None` where the law has none. Where a forecaster is of counts, of all negative log probabilities of
    /// [`Predictive::log_probability_of_count`].
    pub log_score: Option<f64>,
    /// Probability up to the value; of separate points that below it and a part of its own that is drawn at random, so that the transforms of a right
    /// law are uniform (Czado, Gneiting & Held 2009, section 2.1).
    pub pit: f64,
    /// Probability of the value itself; zero where the law has a density.
    pub own: f64,
    /// Value at risk and expected shortfall at [`RISKS`], of increments at the shortest horizon.
    pub tail: Option<[(f64, f64); 3]>,
    /// Scores of the window's joint draws, at its longest horizon; `None` elsewhere, of one horizon, and of windows that end before it.
    pub joint: Option<Joint>,
}

/// Probabilities of the values at risk.
pub const RISKS: [f64; 3] = [0.01, 0.025, 0.05];

/// Probabilities of the quantiles kept: the median and the central 50, 80 and 95 %.
pub const LEVELS: [f64; 7] = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975];

/// What went wrong in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// Position among [`Backtest::models`].
    pub model: usize,
    /// Row of the last level seen.
    pub cutoff: usize,
    /// What the fit or the forecast said.
    pub why: String,
    /// Whether there is a forecast nevertheless: the fit is one with reservations, and was used.
    pub is_answered: bool,
}

/// A finished backtest of one series.
#[derive(Debug, Clone)]
pub struct Backtest {
    /// Names of the forecasters, in the order they were given.
    pub models: Vec<String>,
    /// `[model]`: whether it is one that must be beaten, not a candidate.
    pub baseline: Vec<bool>,
    /// The windows; in a pool those of the first series, with the horizons of all.
    pub plan: Plan,
    /// Mean absolute change of the scored variable from row to row before the first cutoff, one a series, with its first window.
    pub naive_errors: Vec<(usize, f64)>,
    /// In the order model, window, horizon.
    pub rows: Vec<Row>,
    /// In the order model, window; empty where every fit was without reservations and answered everywhere.
    pub troubles: Vec<Trouble>,
}

impl Row {
    /// Whether the interval between two of [`LEVELS`] holds the value. On separate points an interval with at least its probability has more than that, so
    /// there the transform decides: a value at an end is inside with the share of its own probability that the interval needs.
    fn is_between(&self, low: usize, high: usize) -> bool {
        if self.own > 0.0 {
            return (LEVELS[low]..=LEVELS[high]).contains(&self.pit);
        }
        (self.quantiles[low]..=self.quantiles[high]).contains(&self.actual)
    }
}

impl Backtest {
    /// Windows in which a model could not be fitted or asked.
    pub fn failures(&self) -> impl Iterator<Item = &Trouble> {
        self.troubles.iter().filter(|trouble| !trouble.is_answered)
    }

    /// The naive error of the series that a window is of; NaN where it never moved.
    fn naive_error(&self, window: usize) -> f64 {
        let after = self.naive_errors.partition_point(|(first, _)| *first <= window);
        self.naive_errors[..after].last().map_or(f64::NAN, |(_, error)| *error)
    }
}

/// Mean absolute change of the scored variable from row to row before the first cutoff; NaN where there is none.
fn naive_error(series: &Series, transform: Transform, plan: &Plan) -> f64 {
    let first = usize::from(!transform.is_state());
    let scored: Vec<f64> = (first..plan.first_test).map(|row| actual(series, transform, row)).collect();
    let changes: Vec<f64> = scored.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    Some(stats::mean(&changes)).filter(|error| *error > 0.0).unwrap_or(f64::NAN)
}

/// Run `forecasters` over the windows of `plan`: each is fitted to the rows its plan allows, asked for the laws at every horizon and, where there
/// are several, for joint draws, and scored on what came. What is scored is the level under `none` and `log`, the transformed value of the target
/// row under the other transforms.
///
/// `tick` is called once for every finished window, from any thread; blocks that `sink` knows are not done again. Where one forecaster is of counts,
/// all are scored by the probability of the count. The same bytes for any number of threads.
///
/// Cost: fits × fit cost + windows × horizons × (answer + score).
///
/// # Errors
/// None from single windows: what goes wrong in one is kept in [`Backtest::troubles`].
pub fn backtest(
    series: &Series,
    transform: Transform,
    forecasters: &[&dyn Forecaster],
    plan: &Plan,
    tick: &(dyn Fn() + Sync),
    sink: Option<&dyn Sink>,
) -> Result<Backtest> {
    let blocks = plan.blocks();
    let units: Vec<Unit> = plan.units(forecasters.len()).collect();
    let counts = forecasters.iter().any(|f| f.counts());
    let one = |unit: Unit| {
        let windows = &blocks[unit.block];
        if let Some(done) = sink.and_then(|sink| sink.known(unit)) {
            windows.iter().for_each(|_| tick());
            return done;
        }
        let done = block(series, transform, (unit.model, forecasters[unit.model], counts), plan, windows, tick);
        if let Some(sink) = sink {
            sink.keep(unit, &done);
        }
        done
    };
    let done: Vec<Done> = units.into_par_iter().map(one).collect();
    let (rows, troubles): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    Ok(Backtest {
        models: forecasters.iter().map(|f| f.name().to_string()).collect(),
        baseline: forecasters.iter().map(|f| f.is_baseline()).collect(),
        plan: plan.clone(),
        naive_errors: vec![(0, naive_error(series, transform, plan))],
        rows: rows.into_iter().flatten().collect(),
        troubles: troubles.into_iter().flatten().collect(),
    })
}

/// The windows of one block, in order.
fn block(
    series: &Series,
    transform: Transform,
    (model, forecaster, counts): (usize, &dyn Forecaster, bool),
    plan: &Plan,
    windows: &[usize],
    tick: &(dyn Fn() + Sync),
) -> Done {
    let mut rows = Vec::new();
    let mut troubles = Vec::new();
    let mut trouble = |cutoff: usize, why: String, is_answered: bool| {
        troubles.push(Trouble { model, cutoff, why, is_answered });
    };
    let mut fitted: Option<Box<dyn Fitted>> = None;
    // First row that the fit has seen, and so the forecast.
    let mut from = 0;
    for window in windows {
        let cutoff = plan.cutoff(*window);
        if fitted.is_none() || plan.refits(*window) {
            let rows = plan.train(*window);
            from = rows.start;
            let train = series.slice(rows.start, rows.end);
            // A search that loses its way from the fit before may find it from the start.
            let fit = match (forecaster.fit(&train, fitted.as_deref()), &fitted) {
                (Err(_), Some(_)) => forecaster.fit(&train, None),
                (fit, _) => fit,
            };
            match fit {
                Ok(fit) => {
                    fit.doubt().into_iter().for_each(|doubt| trouble(cutoff, doubt, true));
                    fitted = Some(fit);
                }
                Err(error) => {
                    trouble(cutoff, error.to_string(), false);
                    fitted = None;
                }
            }
        }
        if let Some(fitted) = fitted.as_deref() {
            let targets: Vec<usize> = plan.horizons.iter().copied().filter(|h| cutoff + h < series.len()).collect();
            let times: Vec<f64> = targets.iter().map(|h| series.time[cutoff + h]).collect();
            let history = series.slice(from, cutoff + 1);
            match fitted.predict(&history, &times, *window as u64) {
                Ok(laws) => {
                    let from = rows.len();
                    for (law, horizon) in laws.iter().zip(&targets) {
                        let target = cutoff + horizon;
                        let actual = actual(series, transform, target);
                        let mut row = score([model, *window, cutoff, *horizon], actual, law, counts);
                        let is_return = !transform.is_state() && plan.horizons.first() == Some(horizon);
                        row.tail = is_return.then(|| RISKS.map(|p| (law.quantile(p), law.shortfall(p))));
                        rows.push(row);
                    }
                    let mine: &mut [Row] = &mut rows[from..];
                    if plan.scores_paths(mine.len()) {
                        let found = joint::score(fitted, &history, &times, mine, *window);
                        mine.iter_mut().next_back().into_iter().for_each(|row| row.joint = found);
                    }
                }
                Err(error) => trouble(cutoff, error.to_string(), false),
            }
        }
        tick();
    }
    (rows, troubles)
}

/// The scored variable at a row.
fn actual(series: &Series, transform: Transform, row: usize) -> f64 {
    if transform.is_state() { series.value[row] } else { transform.forward(series.value[row - 1], series.value[row]) }
}

/// The uniform number of a randomised transform: the same for all models.
fn drawn(window: usize, horizon: usize) -> f64 {
    Seed(1).key(Purpose::Scores, 0, window as u64).stream(horizon as u64).uniform()
}

fn score([model, window, cutoff, horizon]: [usize; 4], actual: f64, law: &Predictive, counts: bool) -> Row {
    let own = match law {
        Predictive::Lattice(lattice) => math::exp(lattice.log_pmf(actual)),
        _ => 0.0,
    };
    let log_score = if counts { law.log_probability_of_count(actual) } else { law.log_pdf(actual) };
    Row {
        model,
        window,
        cutoff,
        horizon,
        actual,
        mean: law.mean(),
        sd: law.sd(),
        quantiles: LEVELS.map(|p| law.quantile(p)),
        crps: law.crps(actual),
        log_score: log_score.map(|l| -l),
        pit: law.cdf(actual) - drawn(window, horizon) * own,
        own,
        tail: None,
        joint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock, ClockKind};
    use crate::baseline::{Climatology, RandomWalk};
    use crate::fit::Settings;
    use crate::forecast::ModelForecaster;
    use crate::models::built_in;

    /// An Ornstein-Uhlenbeck path around 3, exactly simulated.
    fn path(n: usize) -> Series {
        let mut stream = Seed(11).key(Purpose::Simulation, 0, 0).stream(0);
        let (kappa, theta, sigma, dt): (f64, f64, f64, f64) = (4.0, 3.0, 0.6, 0.05);
        let decay = (-kappa * dt).exp();
        let sd = sigma * ((1.0 - decay * decay) / (2.0 * kappa)).sqrt();
        let mut x = theta;
        let value = (0..n)
            .map(|_| {
                x = theta + (x - theta) * decay + sd * stream.normal();
                x
            })
            .collect();
        Series {
            id: "path".into(),
            value_name: "x".into(),
            time: (0..n).map(|i| i as f64 * dt).collect(),
            value,
            stamps: None,
            clock: Clock { kind: ClockKind::Plain, unit: "day".into(), step: dt },
        }
    }

    fn run(series: &Series, plan: &Plan) -> Result<Backtest> {
        let settings = Settings { starts: 1, ..Settings::default() };
        let models = ["ou", "cir", "ckls"].map(|id| built_in(id).expect("built in"));
        let own: Vec<_> =
            models.into_iter().map(|m| ModelForecaster::new(m, Transform::None, settings.clone())).collect();
        let walk = RandomWalk { transform: Transform::None };
        let past = Climatology { transform: Transform::None };
        let mut all: Vec<&dyn Forecaster> = own.iter().map(|f| f as &dyn Forecaster).collect();
        all.extend([&walk as &dyn Forecaster, &past]);
        backtest(series, Transform::None, &all, plan, &|| {}, None)
    }

    #[test]
    fn the_true_model_beats_the_baselines_and_is_calibrated() -> Result<()> {
        let series = path(600);
        let plan = Plan::new(&series, Split::Share(0.3), 5, 1, Refit::Every(60))?;
        let result = run(&series, &plan)?;
        assert!(result.failures().next().is_none(), "{:?}", result.troubles);
        let scores = Scores::of(&result);
        let at = |name: &str| scores.pooled.iter().find(|s| s.model == name).expect("scored");
        assert!(at("ou").all.crps < at("random-walk").all.crps);
        assert!(at("ou").all.crps < at("climatology").all.crps);
        let skill = at("ou").skill.expect("against the random walk");
        assert!(skill.value > 3.0 * skill.se && skill.verdict() == 1, "{skill:?}");
        assert!(at("ou").pit_ks_p > 0.01, "{}", at("ou").pit_ks_p);
        assert!(at("random-walk").skill.is_none());
        Ok(())
    }

    #[test]
    fn garbage_after_a_cutoff_leaves_its_forecast_bit_identical() -> Result<()> {
        let series = path(260);
        let plan = Plan::new(&series, Split::Rows(60), 3, 6, Refit::Every(2))?;
        let clean = run(&series, &plan)?;
        for window in 0..plan.windows() {
            let cutoff = plan.cutoff(window);
            let mut spoilt = series.clone();
            for (i, v) in spoilt.value.iter_mut().enumerate().skip(cutoff + 1) {
                *v = 1e3 + (i as f64 * 0.7).sin() * 900.0;
            }
            let dirty = run(&spoilt, &plan)?;
            let forecast = |b: &Backtest| -> Vec<(usize, usize, Vec<u64>)> {
                b.rows
                    .iter()
                    .filter(|r| r.window == window)
                    .map(|r| {
                        let numbers = r.quantiles.iter().chain(r.mean.iter()).chain(r.sd.iter());
                        (r.model, r.horizon, numbers.map(|q| q.to_bits()).collect())
                    })
                    .collect()
            };
            assert_eq!(forecast(&clean), forecast(&dirty), "window {window}");
            assert_eq!(forecast(&clean).len(), 5 * 3);
        }
        Ok(())
    }

    #[test]
    fn counts_are_told_on_one_measure_and_the_true_network_wins() -> Result<()> {
        let model = built_in("immigration-death")?;
        // Arrivals and deaths on a grid so fine that two seldom fall into one cell of it; the law of a row is close to exact.
        let mut stream = Seed(12).key(Purpose::Simulation, 0, 0).stream(0);
        let (alpha, mu, fine, dt) = (6.0, 0.5, 200, 0.5);
        let mut x: f64 = 12.0;
        let value: Vec<f64> = (0..160)
            .map(|_| {
                for _ in 0..fine {
                    let h = dt / f64::from(fine);
                    let u = stream.uniform();
                    if u < alpha * h {
                        x += 1.0;
                    } else if u < (alpha + mu * x) * h {
                        x -= 1.0;
                    }
                }
                x
            })
            .collect();
        let series = Series {
            id: "counts".into(),
            value_name: "x".into(),
            time: (0..value.len()).map(|i| i as f64 * dt).collect(),
            value,
            stamps: None,
            clock: Clock { kind: ClockKind::Plain, unit: "s".into(), step: dt },
        };
        let plan = Plan::new(&series, Split::Share(0.4), 4, 1, Refit::Every(30))?;
        let own = ModelForecaster::new(model, Transform::None, Settings { starts: 1, ..Settings::default() });
        let walk = RandomWalk { transform: Transform::None };
        let past = Climatology { transform: Transform::None };
        let all: [&dyn Forecaster; 3] = [&own, &walk, &past];
        let result = backtest(&series, Transform::None, &all, &plan, &|| {}, None)?;
        assert!(result.failures().next().is_none(), "{:?}", result.troubles);
        let scores = Scores::of(&result);
        let at = |name: &str| &scores.pooled.iter().find(|s| s.model == name).expect("scored").all;
        let own = at("immigration-death");
        for baseline in ["random-walk", "climatology"] {
            let other = at(baseline);
            assert!(own.crps < other.crps, "{baseline}: {} {}", own.crps, other.crps);
            assert!(own.log_score < other.log_score, "{baseline}: {} {}", own.log_score, other.log_score);
            assert!(other.log_score.is_finite());
        }
        // A score of probabilities: about half the logarithm of 2 π e times the variance, here some 9 within four rows.
        assert!((1.8..3.2).contains(&own.log_score), "{}", own.log_score);
        // Probabilities of counts add up, whatever the law they are of.
        let law = Predictive::Normal { mean: 3.2, sd: 2.1 };
        let total: f64 = (0..40).filter_map(|x| law.log_probability_of_count(f64::from(x))).map(f64::exp).sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
        Ok(())
    }
}

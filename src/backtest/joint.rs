//! Scores of whole paths: energy and variogram scores of joint draws over all horizons of a window.

use super::scores::overlap;
use super::{Backtest, Row};
use crate::base::Series;
use crate::predictive::{Estimator, Fitted};
use crate::stats::{self, DieboldMariano, diebold_mariano, energy_score, variogram_score};

/// Joint draws a window. Scores are estimated without bias from them, so more would only take noise away, some 5 % of a window's score.
pub(super) const DRAWS: usize = 200;
/// Order of the variogram score (Scheuerer & Hamill 2015, section 4).
const ORDER: f64 = 0.5;

/// One window's scores of paths; the components are the scored variable at the horizons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Joint {
    /// [`energy_score`].
    pub energy: f64,
    /// [`variogram_score`] of order one half with equal weights.
    pub variogram: f64,
    /// Likewise, weighted by one over the rows between two horizons.
    pub variogram_by_distance: f64,
}

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimated {
    /// Mean over the windows, in the unit of the score.
    pub value: f64,
    /// With as many autocovariances as windows overlap.
    pub se: f64,
}

/// One model's scores of paths over its windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointScores {
    /// Windows in which all horizons were seen and the model gave joint draws.
    pub windows: usize,
    /// Mean of [`Joint::energy`]; lower is better.
    pub energy: Estimated,
    /// Mean of [`Joint::variogram`]; lower is better.
    pub variogram: Estimated,
    /// Mean of [`Joint::variogram_by_distance`]; lower is better.
    pub variogram_by_distance: Estimated,
}

/// Tests of equal accuracy of paths against a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JointAgainst {
    /// Of [`Joint::energy`], below zero where this model loses less; `None` where [`diebold_mariano`] has no answer.
    pub energy: Option<DieboldMariano>,
    /// Likewise of [`Joint::variogram`].
    pub variogram: Option<DieboldMariano>,
    /// Likewise of [`Joint::variogram_by_distance`].
    pub variogram_by_distance: Option<DieboldMariano>,
}

/// Score the paths of one window, whose rows are `rows`, one a horizon. None of a forecaster whose joint draws are not given, break down or are not
/// finite: its laws are scored alone, and [`JointScores::windows`] tells how often there were draws. Cost: [`DRAWS`] joint draws, and their pairs.
pub(super) fn score(
    fitted: &dyn Fitted,
    history: &Series,
    times: &[f64],
    rows: &[Row],
    window: usize,
) -> Option<Joint> {
    let draws = fitted.joint(history, times, DRAWS, window as u64).ok().flatten()?;
    let actual: Vec<f64> = rows.iter().map(|r| r.actual).collect();
    let apart = |i: usize, j: usize| 1.0 / rows[i].horizon.abs_diff(rows[j].horizon) as f64;
    let variogram =
        |weight: &dyn Fn(usize, usize) -> f64| variogram_score(&draws, &actual, ORDER, weight, Estimator::Fair);
    Some(Joint {
        energy: energy_score(&draws, &actual, Estimator::Fair)?,
        variogram: variogram(&|_, _| 1.0)?,
        variogram_by_distance: variogram(&apart)?,
    })
}

/// A part of [`Joint`].
type Part = fn(&Joint) -> f64;
const PARTS: [Part; 3] = [|j| j.energy, |j| j.variogram, |j| j.variogram_by_distance];

fn by_window(backtest: &Backtest, model: usize) -> Vec<(usize, Joint)> {
    backtest.rows.iter().filter(|r| r.model == model).filter_map(|r| Some((r.window, r.joint?))).collect()
}

/// Pooled over windows; none where there are no joint draws.
pub(super) fn pooled(backtest: &Backtest, model: usize) -> Option<JointScores> {
    let told = by_window(backtest, model);
    let [energy, variogram, variogram_by_distance] = PARTS.map(|part| {
        let values: Vec<f64> = told.iter().map(|(_, joint)| part(joint)).collect();
        Estimated { value: stats::mean(&values), se: stats::variance_of_mean(&values, overlap(backtest)).sqrt() }
    });
    (!told.is_empty()).then_some(JointScores { windows: told.len(), energy, variogram, variogram_by_distance })
}

/// Tests over the windows both have, in the order of [`PARTS`].
pub(super) fn against(backtest: &Backtest, model: usize, other: usize) -> JointAgainst {
    let (mine, theirs) = (by_window(backtest, model), by_window(backtest, other));
    let both: Vec<(Joint, Joint)> = mine
        .iter()
        .filter_map(|(window, joint)| {
            let at = theirs.binary_search_by_key(window, |(w, _)| *w).ok()?;
            Some((*joint, theirs[at].1))
        })
        .collect();
    let [energy, variogram, variogram_by_distance] = PARTS.map(|part| {
        let differences: Vec<f64> = both.iter().map(|(a, b)| part(a) - part(b)).collect();
        diebold_mariano(&differences, overlap(backtest) + 1)
    });
    JointAgainst { energy, variogram, variogram_by_distance }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::{Plan, Refit, Scores, Split, backtest};
    use crate::base::{Clock, ClockKind, Purpose, Result, Seed, Transform};
    use crate::baseline::RandomWalk;
    use crate::predictive::{Forecaster, Predictive};

    /// A random walk of steps that are N(0, 1), told with joint draws that follow each other or with ones that do not.
    #[derive(Clone, Copy)]
    struct Told {
        name: &'static str,
        joint: Option<bool>,
    }

    impl Forecaster for Told {
        fn name(&self) -> &str {
            self.name
        }

        fn is_baseline(&self) -> bool {
            true
        }

        fn fit(&self, _train: &Series, _previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
            Ok(Box::new(*self))
        }
    }

    impl Fitted for Told {
        fn predict(&self, history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
            let (now, mean) = (history.time[history.len() - 1], history.value[history.len() - 1]);
            Ok(times.iter().map(|t| Predictive::Normal { mean, sd: (t - now).sqrt() }).collect())
        }

        fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
            let key = Seed(8).key(Purpose::Forecast, 0, window);
            let (now, level) = (history.time[history.len() - 1], history.value[history.len() - 1]);
            let path = |p: usize, follow: bool| -> Vec<f64> {
                let mut stream = key.stream(p as u64);
                let (mut x, mut before) = (level, now);
                let step = |t: &f64| {
                    x = if follow {
                        x + (t - before).sqrt() * stream.normal()
                    } else {
                        level + (t - now).sqrt() * stream.normal()
                    };
                    before = *t;
                    x
                };
                times.iter().map(step).collect()
            };
            let all = |follow| (0..paths).map(|p| path(p, follow)).collect::<Vec<_>>();
            let turn = |paths: Vec<Vec<f64>>| (0..times.len()).map(|t| paths.iter().map(|p| p[t]).collect()).collect();
            Ok(self.joint.map(|follow| turn(all(follow))))
        }

        fn parameters(&self) -> &[f64] {
            &[]
        }
    }

    fn walk(n: usize) -> Series {
        let mut stream = Seed(9).key(Purpose::Simulation, 0, 0).stream(0);
        let mut x = 100.0;
        let step = |_| {
            x += stream.normal();
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

    fn run(horizon: usize) -> Backtest {
        let series = walk(900);
        let plan = Plan::new(&series, Split::Rows(800), horizon, 1, Refit::Never).expect("a plan");
        let told = |name, joint| Told { name, joint };
        let (follows, apart, silent) = (told("follows", Some(true)), told("apart", Some(false)), told("silent", None));
        let all: [&dyn Forecaster; 4] = [&follows, &apart, &silent, &RandomWalk { transform: Transform::None }];
        backtest(&series, Transform::None, &all, &plan, &|| {}, None).expect("a backtest")
    }

    #[test]
    fn paths_tell_apart_what_the_laws_of_single_times_cannot() {
        let result = run(4);
        let scores = Scores::of(&result);
        let at = |name: &str| scores.get(name).expect("scored");
        let (follows, apart) = (at("follows"), at("apart"));
        assert_eq!(follows.all.crps, apart.all.crps);
        let (right, wrong) = (follows.joint.expect("draws"), apart.joint.expect("draws"));
        // The last three cutoffs do not see all four rows ahead.
        assert_eq!((right.windows, result.plan.windows()), (797, 800));
        assert!(right.energy.value < wrong.energy.value && right.variogram.value < wrong.variogram.value);
        let tests = &follows.against.iter().find(|a| a.baseline == "apart").expect("a baseline").joint;
        for test in [tests.energy, tests.variogram, tests.variogram_by_distance] {
            let test = test.expect("enough windows");
            assert!(test.statistic < -3.0 && test.p < 0.01, "{test:?}");
        }
        // Near horizons, the more dependent ones, weigh more.
        assert!(right.variogram_by_distance.value < right.variogram.value);
        assert!(at("silent").joint.is_none());
        let none = &follows.against.iter().find(|a| a.baseline == "silent").expect("a baseline").joint;
        assert_eq!(*none, JointAgainst::default());
    }

    #[test]
    fn the_mean_energy_score_of_the_truth_is_half_the_mean_distance_of_two_paths() {
        let right = Scores::of(&run(4)).get("follows").and_then(|s| s.joint).expect("draws");
        let key = Seed(10).key(Purpose::Scores, 0, 0);
        let distance = |k: u64| {
            let mut stream = key.stream(k);
            let (mut apart, mut square) = (0.0, 0.0);
            for _ in 0..4 {
                apart += stream.normal() - stream.normal();
                square += apart * apart;
            }
            0.5 * square.sqrt()
        };
        let all: Vec<f64> = (0..20_000).map(distance).collect();
        let se = stats::sd(&all) / (all.len() as f64).sqrt();
        let off = right.energy.value - stats::mean(&all);
        assert!(off.abs() < 4.0 * right.energy.se.hypot(se), "{right:?} {}", stats::mean(&all));
    }

    #[test]
    fn one_horizon_has_no_paths_and_asked_for_none_there_are_none() {
        assert!(run(1).rows.iter().all(|r| r.joint.is_none()));
        let rows = run(2).rows;
        assert!(rows.iter().all(|r| r.joint.is_none() || r.horizon == 2) && rows.iter().any(|r| r.joint.is_some()));
    }
}

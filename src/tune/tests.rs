use super::*;
use crate::base::{Clock, ClockKind, Purpose, Seed};
use crate::fit::{Optimizer, Settings, Stochastic};
use crate::models::built_in;

fn series(dt: f64, value: Vec<f64>) -> Series {
    Series {
        id: "path".into(),
        value_name: "x".into(),
        time: (0..value.len()).map(|i| i as f64 * dt).collect(),
        value,
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "day".into(), step: dt },
    }
}

/// An Ornstein-Uhlenbeck path around 3, exactly simulated.
fn reverting(n: usize) -> Series {
    let mut stream = Seed(21).key(Purpose::Simulation, 0, 0).stream(0);
    let (kappa, theta, sigma, dt): (f64, f64, f64, f64) = (4.0, 3.0, 0.6, 0.05);
    let decay = (-kappa * dt).exp();
    let sd = sigma * ((1.0 - decay * decay) / (2.0 * kappa)).sqrt();
    let mut x = theta;
    let step = |_| {
        x = theta + (x - theta) * decay + sd * stream.normal();
        x
    };
    series(dt, (0..n).map(step).collect())
}

/// A geometric Brownian motion, exactly simulated.
fn growing(n: usize) -> Series {
    let mut stream = Seed(22).key(Purpose::Simulation, 0, 0).stream(0);
    let mut y: f64 = 0.0;
    let step = |_| {
        y += 0.01 + 0.05 * stream.normal();
        y.exp()
    };
    series(1.0, (0..n).map(step).collect())
}

fn base(model: &str) -> ModelForecaster {
    let settings = Settings { starts: 1, max_iterations: 120, ..Settings::default() };
    let mut base = ModelForecaster::new(built_in(model).expect("built in"), Transform::None, settings);
    base.accuracy.paths = 1_000;
    base
}

fn search(over: &[Dimension], trials: usize) -> Search {
    Search { over: over.to_vec(), trials, horizon: Some(3), ..Search::default() }
}

fn quietly(series: &Series, first_test: usize, base: &ModelForecaster, search: &Search) -> Tuning {
    tune(series, first_test, base, search, &|_| {}).expect("a search")
}

#[test]
fn every_rung_has_a_third_of_the_trials_and_three_times_the_work() {
    let all = rungs(27, None, 81, 900);
    let plain: Vec<_> = all.iter().map(|r| (r.trials, r.windows, r.max_iterations, r.stride)).collect();
    assert_eq!(plain, [(27, 9, 100, 9), (9, 27, 300, 3), (3, 81, 900, 1)]);
    // Each rung costs as much as its neighbours, here three whole fits.
    assert_eq!(cost(&all), 9.0);
    // Eighty-one trials want four rungs and a first with three windows; fewer windows allow fewer.
    assert_eq!(rungs(81, None, 81, 900).len(), 4);
    assert_eq!(rungs(81, None, 20, 900).len(), 2);
    // The last rung compares at least three.
    assert_eq!(rungs(8, None, 81, 900).len(), 1);
    // Asked for one: a random search, everything at once.
    let random = rungs(27, Some(1), 81, 900);
    assert_eq!((random.len(), random[0].trials, random[0].windows, random[0].max_iterations), (1, 27, 81, 900));
    assert_eq!(rungs(9, None, 81, 1)[0].max_iterations, 1);
}

#[test]
fn the_windows_of_a_rung_are_among_those_of_the_next() {
    let plan = validation_plan(&reverting(700), &search(&[], 1)).expect("a plan");
    let cutoffs = |stride: usize| {
        let plan = Plan { step: plan.step * stride, ..plan.clone() };
        (0..plan.windows()).map(|w| plan.cutoff(w)).collect::<Vec<_>>()
    };
    for rung in rungs(27, None, plan.windows(), 10) {
        assert_eq!(cutoffs(rung.stride).len(), rung.windows);
        assert!(cutoffs(rung.stride).iter().all(|c| cutoffs(1).contains(c) && *c + 1 >= plan.first_test));
    }
}

#[test]
fn any_number_of_threads_gives_the_same_search() {
    let data = reverting(260);
    let over = [Dimension::Optimizer, Dimension::LearningRate, Dimension::Transform, Dimension::Objective];
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| quietly(&data, 210, &base("ou"), &search(&over, 9)))
    };
    let one = with(1);
    assert_eq!(one, with(3));
    assert_eq!(one.trials.len(), 9);
    assert_eq!(one.rungs.iter().map(|r| r.trials).collect::<Vec<_>>(), [9, 3]);
    assert_eq!(one.trials.iter().filter(|t| t.rung == 2).count(), 3);
    let another = Settings { seed: Seed(2), ..base("ou").settings };
    let other = quietly(&data, 210, &ModelForecaster { settings: another, ..base("ou") }, &search(&over, 9));
    assert_ne!(one.trials, other.trials);
}

#[test]
fn garbage_in_the_test_rows_changes_nothing() {
    // Of so many rows the forms that solve an equation for every state are not tried, which take a minute here.
    let data = reverting(440);
    let mut spoilt = data.clone();
    for (i, v) in spoilt.value.iter_mut().enumerate().skip(390) {
        *v = -1e3 - (i as f64 * 0.7).sin() * 900.0;
    }
    let over = [Dimension::Transform, Dimension::Form];
    let clean = quietly(&data, 390, &base("ou"), &search(&over, 6));
    assert_eq!(clean, quietly(&spoilt, 390, &base("ou"), &search(&over, 6)));
    // The slice that validates counts: this search can see.
    let mut seen = data.clone();
    seen.value[385] += 1.0;
    assert_ne!(clean, quietly(&seen, 390, &base("ou"), &search(&over, 6)));
    assert_eq!((clean.first_validation, clean.first_test), (312, 390));
}

#[test]
fn the_log_transform_wins_for_brownian_motion_on_prices() {
    let data = growing(500);
    let result = quietly(&data, 400, &base("bm"), &search(&[Dimension::Transform], 5));
    assert_eq!(result.trials.len(), 5);
    let best = result.best().expect("one is chosen");
    assert_eq!(best.choice.transform, Transform::Log, "{:#?}", result.trials);
    // The level's own Brownian motion has the noise of an average level, not of today's.
    let plain = result.trials.iter().find(|t| t.choice.transform == Transform::None).expect("tried");
    assert!(plain.crps.expect("scored") > 1.05 * best.crps.expect("scored"));
    // Brownian motion of log returns lets returns pile up: far worse.
    let piled = result.trials.iter().find(|t| t.choice.transform == Transform::LogReturn).expect("tried");
    assert!(piled.crps.expect("scored") > 1.2 * best.crps.expect("scored"));
}

#[test]
fn the_score_of_levels_is_the_same_through_log_and_through_log_returns() {
    // Brownian motion of the log, and log returns as white noise (an OU that forgets at once), are one law of the level: asked in
    // closed form, and along paths of the returns.
    let data = growing(400);
    let plan = validation_plan(&data, &search(&[], 1)).expect("a plan");
    let learn = data.slice(0, plan.first_test);
    let score = |forecaster: &ModelForecaster| {
        let fitted = forecaster.fit_model(&learn, None).expect("a fit");
        stats::mean(&score::window_scores(&data, fitted, &plan).expect("scores"))
    };
    let log = score(&ModelForecaster { transform: Transform::Log, ..base("bm") });
    let mut white = base("ou");
    white.transform = Transform::LogReturn;
    white.accuracy.paths = 4_000;
    white.settings.fixed = vec![("kappa".into(), 50.0)];
    let returns = score(&white);
    // 4,000 paths leave a CRPS about 1/4,000 too high and as much noise.
    assert!((returns / log - 1.0).abs() < 0.01, "{returns} {log}");
}

#[test]
fn a_learning_rate_that_cannot_work_loses() {
    let data = reverting(400);
    let mut base = base("ou");
    base.settings.max_iterations = 30;
    base.settings.optimizer = Optimizer::Adam;
    // Far from the optimum: one that does not move loses.
    base.settings.initial = [("kappa", 1.0), ("theta", 1.0), ("sigma", 2.0)].map(|(p, v)| (p.to_string(), v)).to_vec();
    let rate = |learning_rate| Choice { stochastic: Stochastic { learning_rate, batch_size: 64 }, ..Choice::of(&base) };
    let plan = validation_plan(&data, &search(&[], 1)).expect("a plan");
    for bad in [1e-9, 1e9] {
        let result = run(&data, &plan, &base, vec![rate(bad), rate(0.1)], None, &|_| {});
        let best = result.best().expect("one is chosen");
        assert_eq!(best.choice.stochastic.learning_rate, 0.1, "{:#?}", result.trials);
    }
}

#[test]
fn a_fit_that_fails_loses_and_says_why() {
    let mut data = reverting(200);
    data.value[10] = -1.0;
    let base = base("ou");
    let log = Choice { transform: Transform::Log, ..Choice::of(&base) };
    let plan = validation_plan(&data, &search(&[], 1)).expect("a plan");
    let result = run(&data, &plan, &base, vec![log.clone(), Choice::of(&base)], None, &|_| {});
    assert_eq!(result.best().expect("one is chosen").number, 2);
    let failed = &result.trials[1];
    assert_eq!((failed.crps, failed.status.as_str()), (None, "not fitted"));
    assert!(failed.remark.contains("log"), "{}", failed.remark);
    // With nothing else there is nothing to choose.
    let none = run(&data, &plan, &base, vec![log], None, &|_| {});
    assert!(none.best().is_none() && none.trials.len() == 1);
}

#[test]
fn a_fit_cut_short_is_compared_on_early_rungs_and_refused_on_the_last() {
    let data = reverting(300);
    let mut base = base("ou");
    base.settings.max_iterations = 1;
    let plan = validation_plan(&data, &search(&[], 1)).expect("a plan");
    let rung = Rung { trials: 1, windows: plan.windows(), max_iterations: 1, stride: 1 };
    let trial = Trial::new(1, Choice { optimizer: Optimizer::NelderMead, ..Choice::of(&base) });
    let early = attempt(&trial, &data, &plan, &base, &rung, false);
    assert_eq!(early.status, "max-iterations");
    assert!(early.crps.is_some());
    let late = attempt(&trial, &data, &plan, &base, &rung, true);
    assert!(late.crps.is_none() && late.remark.contains("--max-iterations"), "{late:?}");
}

#[test]
fn the_design_begins_with_the_settings_as_they_are_and_repeats_nothing() {
    let data = reverting(300);
    let base = base("ou");
    let space = |over: &[Dimension]| Space::of(&base, &data, 240, over).expect("a space");
    let two = space(&[Dimension::Objective]).design(10, Seed(1));
    assert_eq!(two.len(), 2);
    assert_eq!(two[0], Choice::of(&base));
    // Learning rates only tell trials of adam apart.
    let mixed = space(&[Dimension::Optimizer, Dimension::LearningRate]).design(32, Seed(1));
    assert_eq!(mixed.len(), 32);
    assert_eq!(mixed.iter().filter(|c| c.optimizer != Optimizer::Adam).count(), 4);
    let mut rates: Vec<f64> = mixed.iter().filter_map(Choice::batches).map(|s| s.learning_rate).collect();
    rates.sort_by(f64::total_cmp);
    assert!(rates[0] >= 1e-3 && rates[27] <= 0.5 && rates[0] < 2e-3 && rates[27] > 0.25, "{rates:?}");
    // Log-uniform: half of them below the geometric mean of the ends.
    let below = rates.iter().filter(|r| **r < (1e-3f64 * 0.5).sqrt()).count();
    assert!((11..=17).contains(&below), "{rates:?}");
    // A batch is never longer than the record.
    assert_eq!(space(&[Dimension::Optimizer, Dimension::BatchSize]).batches.last(), Some(&128));
}

#[test]
fn what_makes_no_difference_is_left_out_and_said() {
    let data = reverting(500);
    let all = Space::of(&base("ou"), &data, 400, &Dimension::ALL).expect("a space");
    // OU is answered in closed form, so no grid; the equation is not solved for 400 states unasked.
    assert!(!all.over().contains(&Dimension::Cells) && all.over().len() == 7);
    assert!(all.notes.iter().any(|n| n.contains("fokker-planck")), "{:?}", all.notes);
    let refused = Space::of(&base("ou"), &data, 400, &[Dimension::LearningRate, Dimension::Cells]);
    assert!(matches!(refused, Err(Error::BadOption { .. })));
    let ckls = Space::of(&base("ckls"), &data, 400, &Dimension::ALL).expect("a space");
    assert!(ckls.over().contains(&Dimension::Cells));
    let field = Space::of(&base("heat-rod"), &data, 400, &Dimension::ALL);
    assert!(matches!(field, Err(Error::FormUnavailable { .. })), "{field:?}");
}

#[test]
fn a_slice_too_small_to_validate_on_is_refused() {
    let data = reverting(100);
    for (validation, first_test) in [(0.0, 100), (1.0, 100), (0.01, 100), (0.2, 22), (f64::NAN, 100)] {
        let search = Search { validation, ..search(&[Dimension::Form], 3) };
        let refused = tune(&data, first_test, &base("ou"), &search, &|_| {});
        assert!(matches!(refused, Err(Error::BadOption { ref flag, .. }) if flag == "--validation"), "{refused:?}");
    }
    let far = Search { horizon: Some(50), ..search(&[Dimension::Form], 3) };
    assert!(tune(&data, 100, &base("ou"), &far, &|_| {}).is_err());
}

//! Every score is best in expectation at the law that the outcomes are of, moves with the unit of the data as it should, and does not look at the
//! order of draws.

use super::{energy_score, interval_score, mean, pinball, sd, variogram_score};
use crate::base::{Purpose, Seed, Stream};
use crate::predictive::{Ensemble, Estimator, Predictive};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

type OfLaw<'a> = &'a dyn Fn(&Predictive, f64) -> f64;
type OfPaths<'a> = &'a dyn Fn(&[Vec<f64>], &[f64]) -> f64;

/// How many standard errors the mean of `rival - truth` lies above zero.
fn excess(differences: &[f64]) -> f64 {
    mean(differences) / (sd(differences) / (differences.len() as f64).sqrt())
}

#[test]
fn scores_of_one_law_are_best_at_the_truth() {
    let crps = |law: &Predictive, y: f64| law.crps(y);
    let log = |law: &Predictive, y: f64| -law.log_pdf(y).expect("a density");
    let quantile = |law: &Predictive, y: f64| pinball(0.9, law.quantile(0.9), y);
    let interval = |law: &Predictive, y: f64| interval_score(law.quantile(0.1), law.quantile(0.9), 0.2, y);
    let scores: [OfLaw; 4] = [&crps, &log, &quantile, &interval];
    let normal = |mean: f64, sd: f64| Predictive::Normal { mean, sd };
    let student = |location: f64, scale: f64, df: f64| Predictive::StudentT { location, scale, df };
    let lognormal = |mu: f64, sigma: f64| Predictive::LogNormal { mu, sigma };
    let cases = [
        (normal(1.0, 2.0), vec![normal(1.6, 2.0), normal(1.0, 1.4), normal(1.0, 2.8)]),
        (student(0.0, 1.0, 5.0), vec![student(0.3, 1.0, 5.0), student(0.0, 1.4, 5.0), normal(0.0, 0.7)]),
        (lognormal(0.2, 0.5), vec![lognormal(0.35, 0.5), lognormal(0.2, 0.7), lognormal(0.2, 0.36)]),
    ];
    for (truth, rivals) in &cases {
        let mut stream = Seed(41).key(Purpose::Scores, 0, 0).stream(0);
        let outcomes: Vec<f64> = (0..12_000).map(|_| truth.sample(&mut stream)).collect();
        for rival in rivals {
            for (k, score) in scores.iter().enumerate() {
                let worse: Vec<f64> = outcomes.iter().map(|y| score(rival, *y) - score(truth, *y)).collect();
                let found = excess(&worse);
                assert!(found > 4.0, "score {k}: {rival:?} beside the true {truth:?}: {found} s.e.");
            }
        }
    }
}

/// One draw of a random walk of three steps with steps of `sd`, shifted; `shared` is the share of the variance common to all three.
fn walk(stream: &mut Stream, shift: f64, sd: f64, shared: bool) -> [f64; 3] {
    let z = [stream.normal(), stream.normal(), stream.normal()];
    let steps =
        if shared { [z[0], z[0] + z[1], z[0] + z[1] + z[2]] } else { [z[0], 2f64.sqrt() * z[1], 3f64.sqrt() * z[2]] };
    steps.map(|s| shift + sd * s)
}

/// Standard errors by which a rival's score of paths exceeds that of the law the outcomes are of, 60 draws a time.
fn of_paths(rival: (f64, f64, bool), score: OfPaths) -> f64 {
    let key = Seed(42).key(Purpose::Scores, 0, 0);
    let one = |k: u64| {
        let mut stream = key.stream(k);
        let actual = walk(&mut stream, 0.0, 1.0, true);
        let mut draws = |shift: f64, sd: f64, shared: bool| -> Vec<Vec<f64>> {
            let points: Vec<[f64; 3]> = (0..60).map(|_| walk(&mut stream, shift, sd, shared)).collect();
            (0..3).map(|i| points.iter().map(|p| p[i]).collect()).collect()
        };
        let (right, wrong) = (draws(0.0, 1.0, true), draws(rival.0, rival.1, rival.2));
        score(&wrong, &actual) - score(&right, &actual)
    };
    excess(&(0..4000).map(one).collect::<Vec<_>>())
}

#[test]
fn scores_of_paths_are_best_at_the_truth_and_the_variogram_sees_dependence_better() {
    let energy = |draws: &[Vec<f64>], y: &[f64]| energy_score(draws, y, Estimator::Fair).expect("a score");
    let variogram =
        |draws: &[Vec<f64>], y: &[f64]| variogram_score(draws, y, 0.5, |_, _| 1.0, Estimator::Fair).expect("a score");
    for (rival, seen) in [((0.0, 1.6, true), true), ((0.0, 0.6, true), true), ((0.7, 1.0, true), false)] {
        assert!(of_paths(rival, &energy) > 4.0, "{rival:?}");
        let found = of_paths(rival, &variogram);
        // A shift of all components leaves their differences as they were.
        assert!(if seen { found > 4.0 } else { found.abs() < 4.0 }, "{rival:?}: {found}");
    }
    // The same law at every time, but independent ones.
    let (e, v) = (of_paths((0.0, 1.0, false), &energy), of_paths((0.0, 1.0, false), &variogram));
    assert!(e > 4.0 && v > e, "{e} {v}");
}

#[test]
fn the_fair_crps_of_few_draws_is_that_of_their_law_and_the_empirical_one_is_above() {
    // Three draws: the empirical score is too large by ½ E|X - X'|/3 = 1/(3 √π).
    let law = Predictive::Normal { mean: 0.0, sd: 1.0 };
    let mut stream = Seed(43).key(Purpose::Scores, 0, 0).stream(0);
    let (mut fair, mut empirical) = (Vec::new(), Vec::new());
    for _ in 0..20_000 {
        let y = stream.normal();
        let draws = (0..3).map(|_| stream.normal()).collect();
        let ensemble = Ensemble::new(draws, Vec::new()).expect("finite");
        fair.push(ensemble.crps_fair(y).expect("three draws") - law.crps(y));
        empirical.push(ensemble.crps(y) - law.crps(y) - 1.0 / (3.0 * std::f64::consts::PI.sqrt()));
    }
    assert!(excess(&fair).abs() < 4.0 && excess(&empirical).abs() < 4.0, "{} {}", excess(&fair), excess(&empirical));
}

#[test]
fn one_draw_is_a_point_and_its_scores_are_distances() {
    let one = Ensemble::new(vec![2.5], Vec::new()).expect("finite");
    assert_eq!((one.crps(4.0), one.crps_fair(4.0)), (1.5, None));
    // Between two equal draws and one there is no difference to the empirical law.
    let two = Ensemble::new(vec![2.5, 2.5], Vec::new()).expect("finite");
    assert_eq!((two.crps(4.0), two.crps_fair(4.0)), (1.5, Some(1.5)));
    // A normal law that narrows ends as the point.
    let narrow = Predictive::Normal { mean: 2.5, sd: 1e-9 };
    assert!((narrow.crps(4.0) - 1.5).abs() < 1e-8);
    let path = variogram_score(&[vec![1.0], vec![5.0]], &[0.0, 9.0], 0.5, |_, _| 1.0, Estimator::Empirical);
    assert_eq!(path, Some(2.0));
}

/// Components of draws, in the order of the draws given.
fn turned(draws: &[Vec<f64>], by: usize) -> Vec<Vec<f64>> {
    let turn = |row: &Vec<f64>| (0..row.len()).map(|k| row[(k * by + 3) % row.len()]).collect();
    draws.iter().map(turn).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]

    #[test]
    fn scores_scale_with_the_unit_and_do_not_look_at_the_order_of_draws(
        values in prop::collection::vec(-50.0..50.0f64, 33),
        actual in prop::collection::vec(-60.0..60.0f64, 3),
        (scale, shift) in (0.01..100.0f64, -1e3..1e3f64),
    ) {
        // Eleven is a prime: any multiple but its own goes through all draws.
        let draws: Vec<Vec<f64>> = values.chunks_exact(11).map(<[f64]>::to_vec).collect();
        let map = |row: &Vec<f64>| row.iter().map(|x| shift + scale * x).collect::<Vec<f64>>();
        let (other, seen) = (draws.iter().map(map).collect::<Vec<_>>(), map(&actual));
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs() + shift.abs());
        let crps = |row: &Vec<f64>, y: f64| {
            let law = Ensemble::new(row.clone(), Vec::new()).expect("finite");
            [law.crps(y), law.crps_fair(y).expect("eleven")]
        };
        for k in 0..2 {
            prop_assert!(near(crps(&other[0], seen[0])[k], scale * crps(&draws[0], actual[0])[k]));
        }
        prop_assert_eq!(crps(&draws[0], actual[0]), crps(&turned(&draws, 5)[0], actual[0]));
        for estimator in [Estimator::Empirical, Estimator::Fair] {
            let energy = |d: &[Vec<f64>], y: &[f64]| energy_score(d, y, estimator).expect("a score");
            let variogram =
                |d: &[Vec<f64>], y: &[f64]| variogram_score(d, y, 0.5, |i, j| 1.0 / i.abs_diff(j) as f64, estimator).expect("a score");
            prop_assert!(near(energy(&other, &seen), scale * energy(&draws, &actual)));
            prop_assert!(near(variogram(&other, &seen), scale * variogram(&draws, &actual)));
            let again = turned(&draws, 7);
            prop_assert!((energy(&again, &actual) - energy(&draws, &actual)).abs() < 1e-11);
            prop_assert!((variogram(&again, &actual) - variogram(&draws, &actual)).abs() < 1e-11);
        }
        let (low, high) = (actual[0].min(actual[1]), actual[0].max(actual[1]));
        let (l, h) = (shift + scale * low, shift + scale * high);
        prop_assert!(near(interval_score(l, h, 0.1, seen[2]), scale * interval_score(low, high, 0.1, actual[2])));
        prop_assert!(near(pinball(0.3, l, seen[2]), scale * pinball(0.3, low, actual[2])));
    }
}

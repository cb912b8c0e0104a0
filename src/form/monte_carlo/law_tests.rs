use super::law::Gap;
use crate::base::{Purpose, Result, Seed};
use crate::form::monte_carlo::{Run, Scheme, Start, coarseness};
use crate::form::{Accuracy, Answer, Form, Question, answer, marginals};
use crate::models::{Model, built_in};

fn question<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64], accuracy: Accuracy) -> Question<'a> {
    Question { theta, start, t0: 0.0, times, accuracy, key: Seed(3).key(Purpose::Simulation, 0, 0) }
}

/// The largest distance from the closed law, over the samples.
fn truth(model: &Model, question: &Question, found: &Answer) -> Result<f64> {
    let wanted = marginals(model, Form::Exact, question)?;
    let rows = found.laws.iter().flatten().zip(wanted.iter().flatten());
    let far = rows.map(|(found, wanted)| {
        let grid = (1..2000).map(|k| wanted.quantile(f64::from(k) / 2000.0));
        grid.map(|x| (found.cdf(x) - wanted.cdf(x)).abs()).fold(0.0, f64::max)
    });
    Ok(far.fold(0.0, f64::max))
}

#[test]
fn the_error_told_is_above_the_true_one_and_a_goal_is_met() -> Result<()> {
    for (id, theta, start) in
        [("ou", &[1.5, 0.5, 0.8][..], -1.0), ("cir", &[1.2, 0.06, 0.25], 0.04), ("gbm", &[0.3, 0.9], 1.0)]
    {
        let model = built_in(id)?;
        for goal in [None, Some(0.05), Some(0.01)] {
            let accuracy = Accuracy { goal, ..Accuracy::default() };
            let (start, times) = ([start], [0.7]);
            let question = question(theta, &start, &times, accuracy);
            let found = answer(&model, Form::MonteCarlo, &question)?;
            let (error, truth) = (found.error.expect("told"), truth(&model, &question, &found)?);
            assert!(truth < error, "{id} {goal:?}: {truth} {error}");
            assert!(error < goal.unwrap_or(0.03), "{id} {goal:?}: {error}");
        }
        // A coarse step that was given is taken, and its error told.
        let accuracy = Accuracy { step: Some(0.35), ..Accuracy::default() };
        let (start, times) = ([start], [0.7]);
        let question = question(theta, &start, &times, accuracy);
        let found = answer(&model, Form::MonteCarlo, &question)?;
        let (error, truth) = (found.error.expect("told"), truth(&model, &question, &found)?);
        assert!(error > 0.02 && truth < error, "{id}: {truth} {error}");
    }
    Ok(())
}

#[test]
fn an_order_that_was_seen_leaves_the_error_told_above_the_true_one() -> Result<()> {
    for (id, theta, start) in
        [("ou", &[1.5, 0.5, 0.8][..], -1.0), ("cir", &[1.2, 0.06, 0.25], 0.04), ("gbm", &[0.3, 0.9], 1.0)]
    {
        let model = built_in(id)?;
        for (scheme, seed) in [Scheme::EulerMaruyama, Scheme::Weak2, Scheme::DriftImplicit]
            .into_iter()
            .flat_map(|s| (0..4).map(move |k| (s, k)))
        {
            // From a step of the whole horizon down, so that orders are seen on the way.
            let accuracy = Accuracy { goal: Some(0.02), step: Some(0.7), scheme, ..Accuracy::default() };
            let (start, times) = ([start], [0.7]);
            let key = Seed(40 + seed).key(Purpose::Simulation, 0, 0);
            let question = Question { key, ..question(theta, &start, &times, accuracy) };
            let found = answer(&model, Form::MonteCarlo, &question)?;
            let (error, truth) = (found.error.expect("told"), truth(&model, &question, &found)?);
            assert!(truth < error && error < 0.02, "{id} {} {seed}: {truth} {error}", scheme.name());
        }
    }
    Ok(())
}

#[test]
fn an_order_is_seen_only_where_gaps_stand_out_of_their_noise() {
    let order = |before: f64, now: f64, spread: f64, scheme| {
        Gap { most: now, spread }.order(Gap { most: before, spread }, scheme)
    };
    assert!((order(0.08, 0.04, 0.0, Scheme::EulerMaruyama) - 1.0).abs() < 1e-12);
    assert!((order(0.08, 0.02, 0.0, Scheme::EulerMaruyama) - 1.0).abs() < 1e-12, "no more than the scheme's");
    assert!((order(0.08, 0.02, 0.0, Scheme::Weak2) - 2.0).abs() < 1e-12);
    // (0.08 - 0.008)/(0.04 + 0.008) = 3/2.
    assert!((order(0.08, 0.04, 0.004, Scheme::EulerMaruyama) - 1.5f64.log2()).abs() < 1e-12);
    assert_eq!(order(0.004, 0.002, 0.002, Scheme::EulerMaruyama), 0.5);
    assert_eq!(order(0.0, 0.0, 0.0, Scheme::EulerMaruyama), 0.5);
}

#[test]
fn paths_put_on_an_end_that_is_left_again_count_as_wrong() -> Result<()> {
    // 2 kappa theta / sigma² = 0.5: long steps put a quarter of the paths on zero, where the process never stays.
    let model = built_in("cir")?;
    for (scheme, step) in [
        (Scheme::EulerMaruyama, 0.25),
        (Scheme::EulerMaruyama, 0.05),
        (Scheme::EulerMaruyama, 1.0),
        (Scheme::Milstein, 1.0),
        (Scheme::Milstein, 0.25),
    ] {
        let accuracy = Accuracy { step: Some(step), scheme, ..Accuracy::default() };
        let question = question(&[1.0, 0.04, 0.4], &[0.04], &[1.0], accuracy);
        let found = answer(&model, Form::MonteCarlo, &question)?;
        let (error, truth) = (found.error.expect("told"), truth(&model, &question, &found)?);
        assert!(truth <= error && error <= 1.0, "{} {step}: {truth} {error}", scheme.name());
    }
    Ok(())
}

#[test]
#[ignore = "a few seconds: as many paths as a goal is given"]
fn a_goal_out_of_reach_is_answered_by_what_was_reached() -> Result<()> {
    let model = built_in("ou")?;
    let accuracy = Accuracy { goal: Some(1e-6), ..Accuracy::default() };
    let question = question(&[1.5, 0.5, 0.8], &[-1.0], &[0.7], accuracy);
    let found = answer(&model, Form::MonteCarlo, &question)?;
    let error = found.error.expect("told");
    println!("reached {error}, true {}", truth(&model, &question, &found)?);
    assert!(error > 1e-6 && error < 1e-2 && truth(&model, &question, &found)? < error, "{error}");
    Ok(())
}

#[test]
fn a_network_has_the_error_of_sampling() -> Result<()> {
    let model = built_in("birth-death").or_else(|_| built_in("schloegl"))?;
    let theta: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let start = model.default_start(&theta).unwrap_or_default();
    let accuracy = Accuracy { paths: 200, ..Accuracy::default() };
    let found = answer(&model, Form::MonteCarlo, &question(&theta, &start, &[0.01], accuracy))?;
    // √(ln(2/0.05)/400)
    assert!((found.error.expect("told") - 0.096_03).abs() < 1e-4);
    Ok(())
}

/// Euler's stationary variance of an Ornstein-Uhlenbeck process is the true one over `1 - κh/2`, so the distance is known.
#[test]
fn a_step_that_is_too_long_is_told_and_a_short_one_is_not() -> Result<()> {
    let model = built_in("ou")?;
    let times: Vec<f64> = (1..=60).map(|i| 0.5 * f64::from(i)).collect();
    let told = |step: f64, scheme| {
        let key = Seed(3).key(Purpose::Simulation, 0, 0);
        let run = Run {
            theta: &[2.0, 0.0, 1.0],
            start: Start::At(&[0.0]),
            t0: 0.0,
            times: &times,
            paths: 1,
            step,
            scheme,
            key,
        };
        coarseness(&model, &run)
    };
    let long = told(0.25, Scheme::EulerMaruyama)?.expect("a trial");
    // Variances over 0.75 and over 0.5: sds 0.577 and 0.707, apart by 0.05 where they are most.
    assert!(long > 0.02 && long < 0.08, "{long}");
    assert!(told(0.005, Scheme::EulerMaruyama)?.expect("a trial") < 0.01);
    assert_eq!(told(1e-8, Scheme::EulerMaruyama)?, None);
    assert_eq!(told(0.5, Scheme::Exact)?, None);
    Ok(())
}

//! Fits of simulated data, and every status provoked.

use super::*;
use crate::base::{Clock, ClockKind, Purpose};
use crate::form::monte_carlo::{Run, Scheme, Start, simulate};
use crate::models::built_in;

/// One path of a model, sampled `n` times every `dt`, simulated in steps a twentieth as long.
pub(super) fn path(model: &Model, theta: &[f64], x0: f64, n: usize, dt: f64) -> Series {
    path_with(model, theta, x0, n, dt, 21)
}

pub(super) fn path_with(model: &Model, theta: &[f64], x0: f64, n: usize, dt: f64, seed: u64) -> Series {
    let times: Vec<f64> = (1..n).map(|i| i as f64 * dt).collect();
    let key = Seed(seed).key(Purpose::Simulation, 0, 0);
    let run = Run {
        theta,
        start: Start::At(&[x0]),
        t0: 0.0,
        times: &times,
        paths: 1,
        step: dt / 20.0,
        scheme: Scheme::Milstein,
        key,
    };
    let states = simulate(model, &run).expect("a finite path").states;
    Series {
        id: model.id.clone(),
        value_name: "x".into(),
        time: std::iter::once(0.0).chain(times).collect(),
        value: std::iter::once(x0).chain(states.into_iter().map(|row| row[0][0])).collect(),
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "year".into(), step: dt },
    }
}

/// Parameters at which each built-in model is simulated; defaults where they are telling enough.
fn truth(id: &str) -> (Vec<f64>, f64) {
    match id {
        "ckls" => (vec![2.0, -1.0, 0.4, 0.8], 2.0),
        "cev" => (vec![0.1, 0.4, 0.7], 2.0),
        "logistic" => (vec![2.0, 3.0, 0.3], 2.0),
        "exp-ou" => (vec![2.0, 0.5, 0.3], 1.6),
        "double-well" => (vec![0.5, 1.0, 0.8], 1.0),
        other => (built_in(other).expect("built in").default_params().values, 1.0),
    }
}

pub(super) fn settings(objective: Objective) -> Settings {
    Settings { objective, starts: 2, ..Settings::default() }
}

#[test]
fn every_model_is_recovered_from_its_own_path_by_both_objectives() {
    // The contract test does this for every registered model at its defaults; here are harder parameters.
    for id in ["bm", "gbm", "ou", "cir", "ckls", "cev", "exp-ou", "double-well", "logistic"] {
        let model = built_in(id).expect("built in");
        let (theta, x0) = truth(id);
        let series = path(&model, &theta, x0, 3000, 0.02);
        let data = Observed::of(&series, Transform::None, &model).expect("usable");
        for objective in [Objective::Kl, Objective::Mse] {
            let fit = fit(&model, &data, &settings(objective)).expect("a fit");
            if objective == Objective::Mse && id == "exp-ou" {
                // All its parameters are in the drift, so sigma is told by half its square in the mean only.
                assert!(fit.warnings.iter().any(|w| w.contains("second stage")), "{:?}", fit.warnings);
                continue;
            }
            assert_eq!(fit.status, Status::Converged, "{id} {objective:?}: {:?}", fit.params);
            for (p, truth) in fit.params.iter().zip(&theta) {
                let se = p.se.expect("a standard error");
                assert!(
                    (p.estimate - truth).abs() < 4.0 * se,
                    "{id} {objective:?} {}: {} ± {se}, truth {truth}",
                    p.name,
                    p.estimate
                );
            }
        }
    }
}

#[test]
fn least_squares_claims_no_likelihood() {
    let model = built_in("ou").expect("built in");
    let series = path(&model, &[2.0, 1.0, 0.5], 1.0, 500, 0.05);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let fit = fit(&model, &data, &settings(Objective::Mse)).expect("a fit");
    assert!(fit.log_likelihood.is_none() && fit.aic.is_none());
}

#[test]
fn the_likelihood_is_told_in_data_units_whatever_the_transform() {
    // A gbm in x is a bm in ln x: the same law, so the same log-likelihood.
    let gbm = built_in("gbm").expect("built in");
    let bm = built_in("bm").expect("built in");
    let series = path(&gbm, &[0.1, 0.3], 50.0, 400, 0.01);
    let direct = fit(&gbm, &Observed::of(&series, Transform::None, &gbm).expect("usable"), &Settings::default());
    let logs = fit(&bm, &Observed::of(&series, Transform::Log, &bm).expect("usable"), &Settings::default());
    let (direct, logs) = (direct.expect("a fit"), logs.expect("a fit"));
    let gap = direct.log_likelihood.expect("kl") - logs.log_likelihood.expect("kl");
    assert!(gap.abs() < 1e-7, "{gap}");
}

#[test]
fn auto_sees_that_monthly_gaussian_steps_are_wrong_and_takes_none() {
    let model = built_in("ckls").expect("built in");
    let series = path(&model, &[2.0, -0.3, 0.15, 1.45], 6.0, 400, 1.0 / 12.0);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let fit = fit(&model, &data, &settings(Objective::Kl)).expect("a fit");
    assert!(matches!(fit.form, Form::Expansion | Form::FokkerPlanck), "{}", fit.form_choice.why);
    assert!(fit.form_choice.error.is_some_and(|e| e.abs() < 1e-3), "{:?}", fit.form_choice);
    assert_eq!(fit.status, Status::Converged);
}

#[test]
fn a_parameter_on_its_bound_is_named() {
    let mut model = built_in("ou").expect("built in");
    // The truth, 0.5, lies above the highest volatility allowed.
    model.params[2].upper = 0.3;
    model.params[2].default = 0.2;
    let series = path(&built_in("ou").expect("built in"), &[2.0, 1.0, 0.5], 1.0, 500, 0.05);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let fit = fit(&model, &data, &settings(Objective::Kl)).expect("a fit");
    assert_eq!(fit.status, Status::AtBound("sigma".into()));
    assert!(fit.params[2].at_bound && fit.params[2].se.is_none());
}

#[test]
fn a_parameter_the_data_cannot_tell_is_called_flat() {
    let text = crate::models::built_in_text("ou").expect("ou").replace("law", "#law");
    // Only the product of kappa and speed is in the equation.
    let text = text.replace("\"kappa*(theta - x)\"", "\"kappa*speed*(theta - x)\"").replace(
        "[params.theta]",
        "[params.speed]\nmeaning = \"idle\"\nunit = \"1\"\ndefault = 1.0\nbounds = [1e-3, 1e3]\n\n[params.theta]",
    );
    let model = crate::models::read("flat.toml", &text).expect("a model");
    let series = path(&built_in("ou").expect("built in"), &[2.0, 1.0, 0.5], 1.0, 500, 0.05);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let settings = Settings { form: FormRequest::Asked(Form::Euler), ..settings(Objective::Kl) };
    let fit = fit(&model, &data, &settings).expect("a fit");
    assert!(matches!(&fit.status, Status::Flat(p) if p == "kappa" || p == "speed"), "{:?}", fit.status);
}

#[test]
fn a_far_level_that_is_quickly_returned_to_is_found_from_the_defaults() {
    for (id, theta) in [("ou", [54.0, 100.0, 9.0]), ("cir", [54.0, 100.0, 0.9])] {
        let model = built_in(id).expect("built in");
        for seed in 1..=8 {
            let series = path_with(&model, &theta, 100.0, 480, 1.0 / 252.0, seed);
            let data = Observed::of(&series, Transform::None, &model).expect("usable");
            let fit = fit(&model, &data, &Settings { starts: 1, ..settings(Objective::Kl) }).expect("a fit");
            assert_eq!(fit.status, Status::Converged, "{id}, {seed}");
            for (found, truth) in fit.params.iter().zip(theta) {
                let se = found.se.expect("a standard error");
                assert!((found.estimate - truth).abs() < 4.0 * se, "{id}, {seed}: {found:?}");
            }
        }
    }
}

/// At this step the expansions have an optimum of their own, where they are nearly right, far from that of the model.
#[test]
fn more_rows_than_one_would_look_at_are_still_fitted_by_the_equation() {
    let model = built_in("double-well").expect("built in");
    let theta = [1.0, 1.0, 1.2];
    let series = path_with(&model, &theta, 1.0, 4_500, 0.2, 5);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let fit = fit(&model, &data, &Settings { starts: 1, ..settings(Objective::Kl) }).expect("a fit");
    assert_eq!((&fit.status, fit.form), (&Status::Converged, Form::FokkerPlanck), "{:?}", fit.form_choice);
    for (found, truth) in fit.params.iter().zip(theta) {
        assert!((found.estimate - truth).abs() < 4.0 * found.se.expect("a standard error"), "{found:?}");
    }
}

#[test]
fn one_iteration_is_not_convergence() {
    let model = built_in("ckls").expect("built in");
    let series = path(&model, &[2.0, -1.0, 0.4, 0.8], 2.0, 500, 0.05);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let settings = Settings {
        form: FormRequest::Asked(Form::Euler),
        max_iterations: 1,
        initial: vec![("gamma".into(), 2.0), ("sigma".into(), 2.0)],
        starts: 1,
        ..Settings::default()
    };
    let fit = fit(&model, &data, &settings).expect("a fit");
    assert_eq!(fit.status, Status::MaxIterations);
    assert!(fit.iterations <= 1, "{}", fit.iterations);
}

#[test]
fn a_start_that_ends_in_a_worse_valley_is_local() {
    let good = |value: f64| Solved {
        theta: vec![0.0],
        value,
        rank: value,
        iterations: 1,
        status: Status::Converged,
        se: vec![None],
    };
    let outcomes = outcomes(&[good(1.0), good(1.1)], 100, Objective::Kl);
    assert_eq!(outcomes[0].status, Status::Converged);
    assert_eq!(outcomes[1].status, Status::ConvergedLocal);
    // Also where the start that found the lower point did not end well: the fit is the optimum, and is called local.
    let lower = Solved { status: Status::MaxIterations, ..good(0.9) };
    let solved = [lower, good(1.0)];
    assert_eq!(best_of(&solved), 1);
    assert_eq!(super::outcomes(&solved, 100, Objective::Kl)[1].status, Status::ConvergedLocal);
}

#[test]
fn a_likelihood_that_is_zero_everywhere_has_failed() {
    // A drift that is never finite for these data.
    let text = crate::models::built_in_text("bm").expect("bm").replace("law", "#law");
    let text = text.replace("drift.x     = \"mu\"", "drift.x     = \"mu + 1e-9*log(40 - x)\"");
    let model = crate::models::read("nan.toml", &text).expect("a model");
    let mut series = path(&built_in("bm").expect("built in"), &[0.1, 1.0], 1.0, 100, 0.05);
    series.value.iter_mut().for_each(|v| *v += 1000.0);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let settings = Settings { form: FormRequest::Asked(Form::Euler), ..settings(Objective::Kl) };
    let fit = fit(&model, &data, &settings).expect("a fit");
    assert!(matches!(fit.status, Status::Failed(_)), "{:?}", fit.status);
    assert!(fit.log_likelihood.is_none());
}

#[test]
fn a_square_root_process_on_the_edge_of_fellers_condition_is_fitted() {
    // 2 kappa theta = sigma²: the path comes as near zero as it can without staying there.
    let model = built_in("cir").expect("built in");
    let theta = [1.0, 0.5, 1.0];
    let series = path(&model, &theta, 0.5, 3000, 0.02);
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let fit = fit(&model, &data, &settings(Objective::Kl)).expect("a fit");
    assert_eq!(fit.status, Status::Converged, "{fit:?}");
    for (p, truth) in fit.params.iter().zip(theta) {
        let se = p.se.expect("a standard error");
        assert!((p.estimate - truth).abs() < 4.0 * se, "{}: {} ± {se}, truth {truth}", p.name, p.estimate);
    }
}

//! Reactions recovered from their mean curves.

use super::trajectories::{Column, Trajectories, fit_trajectories};
use super::*;
use crate::base::{Purpose, math};
use crate::form::ode;
use crate::models::built_in;

fn settings() -> Settings {
    Settings { objective: Objective::Mse, starts: 3, ..Settings::default() }
}

/// Of `A → B → C` from `a` molecules: the closed solution.
fn consecutive(k: [f64; 2], a: f64, t: f64) -> [f64; 3] {
    let first = a * math::exp(-k[0] * t);
    let second = a * k[0] / (k[1] - k[0]) * (math::exp(-k[0] * t) - math::exp(-k[1] * t));
    [first, second, a - first - second]
}

/// Species B and C at 20 times, with errors of `sd`; those of C weigh a quarter and are twice as large.
fn measured(k: [f64; 2], a: f64, sd: f64, path: u64) -> Trajectories {
    let times: Vec<f64> = (1..=20).map(|i| f64::from(i) * 0.25).collect();
    let mut stream = Seed(5).key(Purpose::Simulation, 0, 0).stream(path);
    let mut column = |component: usize, name: &str, times_sd: f64| Column {
        component: name.to_string(),
        values: times
            .iter()
            .map(|t| Some(consecutive(k, a, *t)[component] + times_sd * sd * stream.normal()))
            .collect(),
        weight: vec![1.0 / (times_sd * times_sd); times.len()],
    };
    let columns = vec![column(1, "B", 1.0), column(2, "C", 2.0)];
    Trajectories { name: "one".into(), t0: 0.0, start: vec![("A".into(), a)], times: times.clone(), columns }
}

#[test]
fn consecutive_reactions_come_back_to_six_digits_without_noise() -> Result<()> {
    let model = built_in("consecutive-first-order")?;
    let truth = [1.3, 0.4];
    let fit = fit_trajectories(&model, &[measured(truth, 100.0, 0.0, 0)], &settings())?;
    assert_eq!(fit.status, Status::Converged);
    assert_eq!(fit.means, "closed moments");
    for (a, b) in fit.theta.iter().zip(truth) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
    assert!((fit.fitted[0][0][3] - consecutive(truth, 100.0, 1.0)[1]).abs() < 1e-6);
    Ok(())
}

#[test]
fn noise_leaves_them_within_three_standard_errors_and_the_errors_are_honest() -> Result<()> {
    let model = built_in("consecutive-first-order")?;
    let truth = [1.3, 0.4];
    let one = Settings { starts: 1, ..settings() };
    let mut squares = 0.0;
    let runs = 30;
    for path in 0..runs {
        // Two experiments from different starts.
        let data = [measured(truth, 100.0, 0.5, 2 * path), measured(truth, 30.0, 0.5, 2 * path + 1)];
        let fit = fit_trajectories(&model, &data, &one)?;
        assert_eq!(fit.status, Status::Converged);
        assert_eq!(fit.degrees_of_freedom, 78);
        for (p, t) in fit.params.iter().zip(truth) {
            let z = (p.estimate - t) / p.se.expect("a standard error");
            squares += z * z / (2 * runs) as f64;
            assert!(z.abs() < 4.5, "{p:?}");
            assert!(path > 0 || z.abs() < 3.0, "{p:?}");
        }
    }
    // The mean of 60 squares of Student's t with 78 degrees: 1.026, within four of its standard deviations.
    assert!((squares - 1.026).abs() < 4.0 * (2.1f64 / 60.0).sqrt(), "{squares}");
    Ok(())
}

#[test]
fn a_network_whose_means_do_not_close_is_fitted_by_its_rate_equations() -> Result<()> {
    let model = built_in("dimerisation")?;
    let truth: Vec<f64> = model.params.iter().map(|p| p.default * 1.3).collect();
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let start = model.default_start(&truth).expect("a start");
    let times: Vec<f64> = (0..=24).map(|i| f64::from(i) * 20.0).collect();
    let initial = ode::Initial { theta: &truth, start: &start, t0: 0.0, times: &times, tolerance: 1e-11 };
    let states = ode::rate_equations(&model, &initial)?.states;
    let column = |i: usize| Column {
        component: names[i].clone(),
        values: states.iter().enumerate().map(|(t, x)| (t % 5 != 3).then_some(x[i])).collect(),
        weight: Vec::new(),
    };
    let data = Trajectories {
        name: "one".into(),
        times,
        columns: (0..names.len()).map(column).collect(),
        ..Default::default()
    };
    let fit = fit_trajectories(&model, &[data], &Settings { starts: 1, ..settings() })?;
    assert_eq!(fit.means, "rate equations");
    assert_eq!(fit.status, Status::Converged);
    for (a, b) in fit.theta.iter().zip(&truth) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_fitted_is_said() -> Result<()> {
    let model = built_in("consecutive-first-order")?;
    let good = measured([1.3, 0.4], 100.0, 0.1, 9);
    let refused = |data: Trajectories, settings: Settings| {
        assert!(matches!(fit_trajectories(&model, &[data], &settings), Err(Error::BadOption { .. })));
    };
    refused(good.clone(), Settings::default());
    refused(Trajectories { t0: 1.0, ..good.clone() }, settings());
    let mut named = good.clone();
    named.columns[0].component = "Q".into();
    refused(named, settings());
    let mut short = good.clone();
    short.columns[0].values.pop();
    refused(short, settings());
    let few = Trajectories {
        times: vec![1.0],
        columns: vec![Column { component: "A".into(), values: vec![Some(3.0)], weight: vec![] }],
        ..good
    };
    assert!(matches!(fit_trajectories(&model, &[few], &settings()), Err(Error::TooFewRows { .. })));
    // Only A is seen: k2 is told by nothing.
    let times: Vec<f64> = (1..=9).map(f64::from).collect();
    let values = times.iter().map(|t| Some(100.0 * math::exp(-0.3 * t) + 0.1 * math::sin(9.0 * t))).collect();
    let blind = Trajectories {
        times,
        columns: vec![Column { component: "A".into(), values, weight: vec![] }],
        ..Default::default()
    };
    assert_eq!(fit_trajectories(&model, &[blind], &settings())?.status, Status::Flat("k2".into()));
    Ok(())
}

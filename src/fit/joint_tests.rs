use super::joint::{JointFit, fit_joint};
use super::{Objective, Settings, Status};
use crate::base::{Error, Purpose, Result, Seed};
use crate::form::joint::tests::{ROTATION, SPRING};
use crate::form::joint::{JointForm, JointPairs, JointTransitions};
use crate::form::monte_carlo::{Run, Scheme, Start, simulate};
use crate::models::{Model, built_in, read};

/// A record of a linear model from its own exact law.
pub(super) fn exact_record(
    model: &Model,
    theta: &[f64],
    start: &[f64],
    dt: f64,
    rows: usize,
    path: u64,
) -> Result<JointPairs> {
    let law = JointTransitions::new(model, JointForm::Exact)?;
    let mut stream = Seed(7).key(Purpose::Simulation, 0, 0).stream(path);
    let mut values: Vec<Vec<f64>> = start.iter().map(|x| vec![*x]).collect();
    for row in 0..rows {
        let now: Vec<Vec<f64>> = values.iter().map(|column| vec![column[row]]).collect();
        let pairs = JointPairs { x0: now.clone(), x1: now, dt: vec![dt], t0: vec![0.0] };
        let m = law.moments(theta, &pairs);
        let v = |i: usize, j: usize| m.covariance[i][j][0];
        let (z0, z1) = (stream.normal(), stream.normal());
        let root = v(0, 0).sqrt();
        values[0].push(m.mean[0][0] + root * z0);
        values[1].push(m.mean[1][0] + v(0, 1) / root * z0 + (v(1, 1) - v(0, 1) * v(0, 1) / v(0, 0)).sqrt() * z1);
    }
    let times: Vec<f64> = (0..=rows).map(|i| i as f64 * dt).collect();
    JointPairs::of(&times, &values)
}

/// A record by small Euler steps.
fn simulated(model: &Model, theta: &[f64], start: &[f64], dt: f64, rows: usize, steps: usize) -> Result<JointPairs> {
    let times: Vec<f64> = (1..=rows).map(|i| i as f64 * dt).collect();
    let run = Run {
        theta,
        start: Start::At(start),
        t0: 0.0,
        times: &times,
        paths: 1,
        step: dt / steps as f64,
        scheme: Scheme::EulerMaruyama,
        key: Seed(3).key(Purpose::Simulation, 0, 0),
    };
    let paths = simulate(model, &run)?;
    let column = |i: usize| std::iter::once(start[i]).chain(paths.states.iter().map(|row| row[i][0])).collect();
    let values: Vec<Vec<f64>> = (0..start.len()).map(column).collect();
    let times: Vec<f64> = std::iter::once(0.0).chain(times).collect();
    JointPairs::of(&times, &values)
}

fn one_start() -> Settings {
    Settings { starts: 1, ..Settings::default() }
}

/// Every estimate within three standard errors of the truth, and the law of every state's scores not rejected.
fn recovers(fit: &JointFit, truth: &[f64]) {
    assert_eq!(fit.status, Status::Converged, "{:?}", fit);
    for (p, truth) in fit.params.iter().zip(truth) {
        let se = p.se.expect("se");
        assert!(
            (p.estimate - truth).abs() < 3.0 * se,
            "{} {}: {} ± {se}, truth {truth}",
            fit.model,
            p.name,
            p.estimate
        );
    }
    for check in &fit.checks {
        assert!(check.pit_ks_p > 1e-3 && check.ljung_box_p > 1e-3, "{} {check:?}", fit.model);
    }
}

#[test]
fn a_turning_ornstein_uhlenbeck_process_is_recovered_from_every_start() -> Result<()> {
    let model = read("test.toml", ROTATION)?;
    let truth = model.default_params().values;
    let pairs = exact_record(&model, &truth, &[0.4, 0.0], 0.1, 800, 0)?;
    let fit = fit_joint(&model, &pairs, None, &Settings::default())?;
    assert_eq!((fit.form, fit.gap), (JointForm::Exact, None));
    assert!(
        fit.starts.len() == 3 && fit.starts.iter().all(|s| s.below_best.is_some_and(|b| b < 1e-6)),
        "{:?}",
        fit.starts
    );
    recovers(&fit, &truth);
    Ok(())
}

#[test]
fn an_oscillator_with_noise_on_its_velocity_alone_is_recovered_by_three_forms() -> Result<()> {
    let model = read("test.toml", SPRING)?;
    let truth = model.default_params().values;
    let pairs = exact_record(&model, &truth, &[0.5, 0.0], 0.05, 1000, 1)?;
    let exact = fit_joint(&model, &pairs, None, &one_start())?;
    recovers(&exact, &truth);
    let local = fit_joint(&model, &pairs, Some(JointForm::LocalLinear), &one_start())?;
    assert!((exact.objective_value - local.objective_value).abs() < 1e-12);
    let kessler = fit_joint(&model, &pairs, Some(JointForm::Kessler), &one_start())?;
    for (a, b) in kessler.params.iter().zip(&exact.params) {
        assert!((a.estimate - b.estimate).abs() < b.se.expect("se"), "{}: {} {}", a.name, a.estimate, b.estimate);
    }
    Ok(())
}

#[test]
fn a_neuron_with_noise_on_its_voltage_alone_is_recovered() -> Result<()> {
    let model = built_in("fitzhugh-nagumo")?;
    let truth = model.default_params().values;
    let pairs = simulated(&model, &truth, &[-1.2, -0.6], 0.2, 1000, 40)?;
    let fit = fit_joint(&model, &pairs, None, &one_start())?;
    assert_eq!(fit.form, JointForm::LocalLinear);
    recovers(&fit, &truth);
    assert!(fit.gap.is_some_and(|gap| gap.per_100.abs() < 1.0), "{:?}", fit.gap);
    Ok(())
}

#[test]
fn heston_with_its_variance_observed_is_recovered() -> Result<()> {
    let model = built_in("heston")?;
    let truth = model.default_params().values;
    let pairs = simulated(&model, &truth, &[4.6, 0.04], 1.0 / 252.0, 1500, 10)?;
    let fit = fit_joint(&model, &pairs, None, &one_start())?;
    assert_eq!(fit.form, JointForm::Kessler);
    recovers(&fit, &truth);
    Ok(())
}

#[test]
fn data_that_do_not_suit_are_refused() -> Result<()> {
    let model = read("test.toml", ROTATION)?;
    let truth = model.default_params().values;
    let pairs = exact_record(&model, &truth, &[0.4, 0.0], 0.1, 20, 0)?;
    let single = JointPairs { x0: pairs.x0[..1].to_vec(), x1: pairs.x1[..1].to_vec(), ..pairs.clone() };
    assert!(fit_joint(&model, &single, None, &one_start()).is_err_and(|e| e.to_string().contains("x, y")));
    let few = exact_record(&model, &truth, &[0.4, 0.0], 0.1, 5, 0)?;
    assert!(matches!(fit_joint(&model, &few, None, &one_start()), Err(Error::TooFewRows { .. })));
    let mse = Settings { objective: Objective::Mse, ..one_start() };
    assert!(matches!(fit_joint(&model, &pairs, None, &mse), Err(Error::BadOption { .. })));
    assert!(matches!(fit_joint(&built_in("heston")?, &pairs, None, &one_start()), Err(Error::OutsideDomain { .. })));
    Ok(())
}

#[test]
fn a_held_parameter_stays_and_has_no_error() -> Result<()> {
    let model = read("test.toml", ROTATION)?;
    let truth = model.default_params().values;
    let pairs = exact_record(&model, &truth, &[0.4, 0.0], 0.1, 200, 2)?;
    let settings = Settings { fixed: vec![("rho".to_string(), 0.3)], ..one_start() };
    let fit = fit_joint(&model, &pairs, None, &settings)?;
    let rho = fit.params.iter().find(|p| p.name == "rho").expect("rho");
    assert!(rho.fixed && rho.estimate == 0.3 && rho.se.is_none());
    assert_eq!(fit.status, Status::Converged);
    Ok(())
}

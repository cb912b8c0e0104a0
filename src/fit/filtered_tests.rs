use super::filtered::{FilteredFit, fit_filtered};
use super::{Objective, Settings, Status};
use crate::base::{Purpose, Result, Seed};
use crate::filter::{self, Method, Observations, Settings as Filtering};
use crate::form::monte_carlo::{Run, Scheme, Start, simulate};
use crate::models::{Model, built_in_text, read};

const ERROR: &str = "\n[params.err]\nmeaning = \"error\"\nunit = \"1\"\ndefault = 1.0\nbounds = [1e-30, 1e30]\n\
    [observe.s]\nof = \"x\"\nnoise = \"normal(0, err)\"\nunit = \"1\"\n";

fn noisy(id: &str) -> Model {
    let text = built_in_text(id).expect(id).replace("law    =", "# law =");
    read("m.toml", &format!("{text}{ERROR}")).unwrap_or_else(|e| panic!("{e}"))
}

/// One state of a path, read with a normal error.
fn record(model: &Model, theta: &[f64], start: &[f64], times: &[f64], seed: u64) -> Observations {
    let shortest = times.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
    let run = Run {
        theta,
        start: Start::At(start),
        t0: 0.0,
        times,
        paths: 1,
        step: shortest / 32.0,
        scheme: Scheme::EulerMaruyama,
        key: Seed(seed).key(Purpose::Simulation, 0, 0),
    };
    let paths = simulate(model, &run).expect("paths");
    let mut errors = Seed(seed).key(Purpose::Simulation, 9, 0).stream(0);
    let err = theta[theta.len() - 1];
    let values = paths.states.iter().map(|state| Some(state[0][0] + err * errors.normal())).collect();
    Observations { times: times.to_vec(), values: vec![values] }
}

fn within_three(fit: &FilteredFit, truth: &[f64]) {
    for (p, t) in fit.params.iter().zip(truth) {
        let se = p.se.unwrap_or_else(|| panic!("{} has no s.e.: {:?}", p.name, fit.status));
        println!("{} {}: {:.4} ± {se:.4}, true {t}", fit.model, p.name, p.estimate);
        assert!((p.estimate - t).abs() < 3.0 * se, "{} {} ± {se}, true {t}", p.name, p.estimate);
    }
}

#[test]
fn rate_level_volatility_and_error_are_found_again() -> Result<()> {
    let model = noisy("ou");
    let truth = [0.8, 2.0, 0.6, 0.15];
    let times: Vec<f64> = (1..=600).map(|i| 0.25 * f64::from(i) + 0.08 * f64::from(i % 3)).collect();
    let mut record = record(&model, &truth, &[2.0], &times, 21);
    (0..600).step_by(17).for_each(|i| record.values[0][i] = None);
    let fit = fit_filtered(&model, &record, &Filtering::default(), &Settings::default())?;
    assert_eq!((fit.status.clone(), fit.method), (Status::Converged, Method::Kalman), "{:?}", fit.starts);
    within_three(&fit, &truth);
    assert!(fit.starts.iter().filter(|s| s.status == Status::Converged).count() >= 2, "{:?}", fit.starts);
    assert!(fit.pit_ks_p > 1e-3 && fit.ljung_box_p > 1e-3, "{} {}", fit.pit_ks_p, fit.ljung_box_p);
    assert!(fit.filtered.is_some_and(|f| f.mean.len() == 1 && f.covariance[0][0] > 0.0));
    let mse = Settings { objective: Objective::Mse, ..Settings::default() };
    assert!(fit_filtered(&model, &record, &Filtering::default(), &mse).is_err());
    Ok(())
}

#[test]
fn a_spring_is_found_from_its_position_alone() -> Result<()> {
    let model = filter::tests::spring();
    let truth = [1.5, 0.6, 0.8, 0.1];
    let times: Vec<f64> = (1..=400).map(|i| 0.25 * f64::from(i)).collect();
    let record = record(&model, &truth, &[0.2, 0.0], &times, 22);
    let fit = fit_filtered(&model, &record, &Filtering::default(), &Settings::default())?;
    assert_eq!((fit.status.clone(), fit.method), (Status::Converged, Method::Kalman), "{:?}", fit.starts);
    within_three(&fit, &truth);
    Ok(())
}

/// A nonlinear drift by the grid: the same statuses, differences in place of exact slopes.
#[test]
#[ignore = "minutes: differences on grids; converged within three standard errors, 967 s on a machine shared by nine"]
fn a_double_well_is_found_through_its_error() -> Result<()> {
    let model = noisy("double-well");
    let truth = [1.0, 1.0, 0.8, 0.2];
    let times: Vec<f64> = (1..=150).map(|i| 0.2 * f64::from(i)).collect();
    let record = record(&model, &truth, &[1.0], &times, 23);
    let filtering = Filtering { tolerance: 1e-5, cells: 64, ..Filtering::default() };
    let settings = Settings {
        starts: 1,
        initial: vec![("sigma".to_string(), 0.6), ("err".to_string(), 0.3)],
        ..Settings::default()
    };
    let fit = fit_filtered(&model, &record, &filtering, &settings)?;
    assert_eq!((fit.status.clone(), fit.method), (Status::Converged, Method::Grid), "{:?}", fit.starts);
    within_three(&fit, &truth);
    Ok(())
}

//! Fits by the exact densities of the monthly rates that the Gaussian schemes get wrong, and the choice that sees it.

use super::*;
use crate::base::{Clock, ClockKind, Purpose};
use crate::form::{Accuracy, Question, laws};
use crate::models::built_in;

/// The log-likelihood at the optimum. The Gaussian schemes reach -237.9 and -237.8.
const OPTIMUM: f64 = -248.621_486_595_9;

/// The 298 monthly rates of `../shared/fits/Irates.csv`; `None` (said) where a clone stands alone.
fn rates() -> Option<Series> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fits/Irates.csv");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not here");
        return None;
    };
    let mut lines = text.lines().map(|l| l.split(',').map(|f| f.trim_matches('"')).collect::<Vec<_>>());
    let head = lines.next()?;
    let column = |name: &str| head.iter().position(|h| *h == name);
    let (month, r1) = (column("month")?, column("r1")?);
    let value: Vec<f64> = lines
        .skip_while(|row| row[month] != "1964-07")
        .take_while(|row| row[month] != "1989-05")
        .filter_map(|row| row[r1].parse().ok())
        .collect();
    assert_eq!((value.len(), value[0], value[297]), (298, 3.317, 8.63));
    Some(Series {
        id: "r1".into(),
        value_name: "r1".into(),
        time: (0..value.len()).map(|i| i as f64 / 12.0).collect(),
        value,
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "year".into(), step: 1.0 / 12.0 },
    })
}

fn run(data: &Observed, form: FormRequest, starts: usize) -> Fit {
    let model = built_in("ckls").expect("built in");
    let fit = fit(&model, data, &Settings { form, starts, ..Settings::default() }).expect("a fit");
    assert_eq!(fit.status, Status::Converged);
    fit
}

#[test]
fn auto_sees_that_gaussian_steps_of_months_are_wrong() {
    let Some(series) = rates() else { return };
    let model = built_in("ckls").expect("built in");
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let chosen = run(&data, FormRequest::Auto, 3);
    assert!(matches!(chosen.form, Form::Expansion | Form::FokkerPlanck), "{:?}", chosen.form_choice);
    // What it says of itself, 1e-3 per 100 transitions, is kept a hundred times over.
    assert!((chosen.log_likelihood.expect("kl gives one") - OPTIMUM).abs() < 3e-5);
}

#[test]
fn the_spectrum_finds_the_optimum_of_the_equation() {
    let Some(series) = rates() else { return };
    let model = built_in("ckls").expect("built in");
    let data = Observed::of(&series, Transform::None, &model).expect("usable");
    let solved = run(&data, FormRequest::Asked(Form::FokkerPlanck), 3);
    let spectral = run(&data, FormRequest::Asked(Form::Schroedinger), 3);
    for fit in [&solved, &spectral] {
        assert!((fit.log_likelihood.expect("kl gives one") - OPTIMUM).abs() < 1e-6);
    }
    for (a, b) in spectral.theta.iter().zip(&solved.theta) {
        assert!((a / b - 1.0).abs() < 1e-6, "{:?} {:?}", spectral.theta, solved.theta);
    }
}

/// A path of a square-root process that reaches zero, by its law.
fn reaching() -> Pairs {
    let cir = built_in("cir").expect("built in");
    let theta = [0.8, 0.06, 0.35];
    let key = Seed(5).key(Purpose::Simulation, 0, 0);
    let (mut x, mut pairs) = (0.06, Pairs::default());
    for i in 0..150 {
        let accuracy = Accuracy::default();
        let question = Question { theta: &theta, start: &[x], t0: 0.0, times: &[1.0 / 12.0], accuracy, key };
        let law = laws(&cir, Form::Exact, &question).expect("a law").remove(0);
        let next = law.quantile((key.words(i, 0)[0] >> 11) as f64 / (1u64 << 53) as f64);
        pairs.x0.push(x);
        pairs.x1.push(next);
        pairs.dt.push(1.0 / 12.0);
        pairs.t0.push(i as f64 / 12.0);
        x = next;
    }
    pairs
}

#[test]
#[ignore = "passes; 19 s without full optimisation on a busy machine, since each slope is twelve decompositions"]
fn beside_an_end_that_is_reached_auto_fits_by_the_spectrum() {
    let data = Observed { pairs: reaching(), ln_jacobian: 0.0, weight: Vec::new() };
    let known = built_in("cir").expect("built in");
    let mut model = known.clone();
    model.law = None;
    let by = |model: &Model, form: FormRequest| {
        fit(model, &data, &Settings { form, starts: 1, ..Settings::default() }).expect("a fit")
    };
    let exact = by(&known, FormRequest::Asked(Form::Exact));
    let spectral = by(&model, FormRequest::Auto);
    assert_eq!((spectral.form, &spectral.status), (Form::Schroedinger, &Status::Converged));
    for (a, b) in spectral.theta.iter().zip(&exact.theta) {
        assert!((a / b - 1.0).abs() < 1e-5, "{:?} {:?}", spectral.theta, exact.theta);
    }
}

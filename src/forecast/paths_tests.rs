//! Whole futures against the laws of their times, and against the covariances they should have.

use super::*;
use crate::base::{Clock, ClockKind, Seed};
use crate::models::built_in;
use crate::stats;

/// A series of evenly spaced rows.
pub(super) fn rows(value: Vec<f64>, dt: f64) -> Series {
    Series {
        id: "path".into(),
        value_name: "price".into(),
        time: (0..value.len()).map(|i| i as f64 * dt).collect(),
        value,
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "day".into(), step: dt },
    }
}

/// An exact Ornstein-Uhlenbeck path: speed 4, mean 3, noise 0.6, rows a twentieth apart.
pub(super) fn reverting(n: usize, seed: u64) -> Series {
    let mut stream = Seed(seed).key(Purpose::Simulation, 0, 0).stream(0);
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
    rows(value, dt)
}

pub(super) fn fitted(model: &str, transform: Transform, train: &Series, parameters: Parameters) -> FittedModel {
    let model = built_in(model).expect("built in");
    let settings = Settings { starts: 1, ..Settings::default() };
    let forecaster = ModelForecaster { parameters, ..ModelForecaster::new(model, transform, settings) };
    forecaster.fit_model(train, None).expect("fits")
}

/// Draws have the laws of their times: mean and sd of the probabilities below them within four standard errors.
#[track_caller]
fn have_their_laws(model: &FittedModel, history: &Series, ahead: &[usize], n: usize) {
    let (all, _) = history.ahead(*ahead.last().expect("a row"));
    let times: Vec<f64> = ahead.iter().map(|h| all[h - 1]).collect();
    let laws = model.predict(history, &times, 1).expect("laws");
    let draws = model.joint(history, &times, n, 1).expect("draws").expect("joint");
    for (law, row) in laws.iter().zip(&draws) {
        assert_eq!(row.len(), n);
        // Half of the probability of a point, where it has one.
        let own = |x: f64| match law {
            Predictive::Lattice(l) => 0.5 * l.log_pmf(x).exp(),
            _ => 0.0,
        };
        let pits: Vec<f64> = row.iter().map(|x| law.cdf(*x) - own(*x)).collect();
        let (mean, sd) = (stats::mean(&pits), stats::sd(&pits));
        let id = &model.forecaster.model.id;
        assert!((mean - 0.5).abs() < 4.0 / (12.0 * n as f64).sqrt(), "{id}: {mean}");
        if !matches!(law, Predictive::Lattice(_)) {
            let slack = 4.0 * (12.0 / 180.0f64 / 4.0 / n as f64).sqrt();
            assert!((sd - (1.0f64 / 12.0).sqrt()).abs() < slack, "{id}: {sd}");
        }
    }
}

#[test]
fn draws_at_several_times_have_the_laws_of_these_times() -> Result<()> {
    let train = reverting(120, 11);
    for (model, transform) in [
        ("ou", Transform::None),
        ("cir", Transform::None),
        ("ou", Transform::Log),
        // No closed law: short steps.
        ("ckls", Transform::None),
        ("bm", Transform::Diff),
    ] {
        have_their_laws(&fitted(model, transform, &train, Parameters::Point), &train, &[1, 3, 10], 4_000);
    }
    // Draws of the parameters too.
    let folded = fitted("ou", Transform::None, &reverting(40, 12), Parameters::Normal { draws: 16 });
    assert_eq!(folded.draws.len(), 16);
    have_their_laws(&folded, &reverting(40, 12), &[1, 5], 4_000);
    let counts: Vec<f64> = (0..60).map(|i: u32| f64::from(10 + (i * 7) % 5)).collect();
    let counts = rows(counts, 0.5);
    have_their_laws(&fitted("immigration-death", Transform::None, &counts, Parameters::Point), &counts, &[1, 4], 3_000);
    Ok(())
}

#[test]
fn two_times_of_a_path_hang_together_as_the_law_says() -> Result<()> {
    let train = reverting(200, 3);
    let model = fitted("ou", Transform::None, &train, Parameters::Point);
    let (all, _) = train.ahead(8);
    let n = 8_000;
    let draws = model.joint(&train, &[all[3], all[7]], n, 0)?.expect("joint");
    // Cov(x_s, x_t) = Var(x_s) e^{-κ(t - s)}.
    let kappa = model.fit.theta[0];
    let laws = model.predict(&train, &[all[3], all[7]], 0)?;
    let sds: Vec<f64> = laws.iter().map(|law| law.sd().expect("sd")).collect();
    let exact = sds[0] / sds[1] * (-kappa * (all[7] - all[3])).exp();
    let means = [stats::mean(&draws[0]), stats::mean(&draws[1])];
    let cov: f64 = draws[0].iter().zip(&draws[1]).map(|(a, b)| (a - means[0]) * (b - means[1])).sum();
    let found = cov / (n as f64 - 1.0) / stats::sd(&draws[0]) / stats::sd(&draws[1]);
    assert!((found - exact).abs() < 4.0 * (1.0 - exact * exact) / (n as f64).sqrt(), "{found} {exact}");
    Ok(())
}

#[test]
fn a_level_moved_moves_what_its_transform_says() -> Result<()> {
    let train = reverting(60, 5);
    let last = train.value[59];
    let moved = started_at(&train, Transform::None, 2.0)?;
    assert_eq!((moved.value[59], &moved.value[..59]), (2.0, &train.value[..59]));
    for transform in [Transform::Diff, Transform::Return, Transform::LogReturn] {
        let moved = started_at(&train, transform, 2.0 * last)?;
        assert!((moved.value[59] - 2.0 * last).abs() < 1e-12);
        let (was, is) = (transform.apply(&train)?, transform.apply(&moved)?);
        assert!(was.value.iter().zip(&is.value).all(|(a, b)| (a - b).abs() < 1e-12), "{transform:?}");
    }
    assert!(
        started_at(&train, Transform::Log, -1.0).is_err() && started_at(&train, Transform::None, f64::NAN).is_err()
    );
    Ok(())
}

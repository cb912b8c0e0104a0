//! The plain baselines on rows worked out by hand.

use super::*;
use crate::base::{Clock, ClockKind, Purpose, Result, Seed, Series, Transform};
use crate::predictive::Forecaster;

fn line() -> Series {
    let value = vec![1.0, 2.5, 2.5, 4.0];
    Series {
        id: "s".into(),
        value_name: "s".into(),
        time: vec![0.0, 1.0, 2.0, 3.0],
        value,
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "day".into(), step: 1.0 },
    }
}

#[test]
fn the_random_walk_goes_on_from_the_last_level_at_its_drift() -> Result<()> {
    let walk = RandomWalk { transform: Transform::None }.fit(&line(), None)?;
    let law = &walk.predict(&line(), &[5.0], 0)?[0];
    // Residuals 0.5, -1, 0.5: variance 1.5/2; two ahead of a record of three.
    assert_eq!(law.mean(), Some(6.0));
    let sd = (0.75f64 * (2.0 + 4.0 / 3.0)).sqrt();
    assert!((law.sd().expect("sd") - sd).abs() < 1e-15);
    Ok(())
}

#[test]
fn under_the_log_transform_logarithms_walk() -> Result<()> {
    let mut series = line();
    series.value.iter_mut().for_each(|v| *v = math::exp(*v));
    let walk = RandomWalk { transform: Transform::Log }.fit(&series, None)?;
    let law = &walk.predict(&series, &[5.0], 0)?[0];
    // The line's walk, of the logarithm.
    assert!((math::ln(law.quantile(0.5)) - 6.0).abs() < 1e-12);
    let sd = (0.75f64 * (2.0 + 4.0 / 3.0)).sqrt();
    assert!((math::ln(law.quantile(0.841_344_746_068_543)) - 6.0 - sd).abs() < 1e-9);
    Ok(())
}

#[test]
fn climatology_does_not_look_at_the_last_level() -> Result<()> {
    let past = Climatology { transform: Transform::None }.fit(&line(), None)?;
    let law = &past.predict(&line(), &[5.0], 0)?[0];
    assert_eq!(law.quantile(0.5), 2.5);
    Ok(())
}

/// Levels one row apart.
fn rows(value: Vec<f64>) -> Series {
    let time = (0..value.len()).map(|i| i as f64).collect();
    Series { time, value, ..line() }
}

/// Standard normal numbers from our own streams.
fn normals(n: usize, seed: u64) -> Vec<f64> {
    let mut stream = Seed(seed).key(Purpose::Simulation, 0, 0).stream(0);
    (0..n).map(|_| stream.normal()).collect()
}

#[test]
fn holidays_of_a_business_clock_are_no_gaps() {
    let mut series = rows((0..100).map(|i| f64::from(i % 7)).collect());
    series.time.iter_mut().skip(50).for_each(|t| *t += 1.0);
    assert!(require_even(&series, "ar").is_err_and(|e| e.to_string().contains("row 50")));
    series.clock.kind = ClockKind::Business;
    assert!(require_even(&series, "ar").is_ok());
    series.time.iter_mut().enumerate().for_each(|(i, t)| *t += (i / 5) as f64);
    assert!(require_even(&series, "ar").is_err());
}

#[test]
fn weighted_squares_are_those_of_the_recursion() -> Result<()> {
    let fitted = Ewma { transform: Transform::None }.fit(&line(), None)?;
    let law = &fitted.predict(&line(), &[5.0], 0)?[0];
    // Steps 1.5, 0, 1.5 from their mean square 1.5.
    let mut variance = 1.5f64;
    for r in [1.5f64, 0.0, 1.5] {
        variance = 0.94 * variance + 0.06 * r * r;
    }
    assert_eq!(law.mean(), Some(4.0));
    assert!((law.sd().expect("sd") - (2.0 * variance).sqrt()).abs() < 1e-15);
    Ok(())
}

#[test]
fn a_season_is_repeated() -> Result<()> {
    let series = rows((0..40).map(|i| [1.0, 5.0, 2.0, 0.0][i % 4] + 0.1 * (i / 4) as f64).collect());
    let fitted = SeasonalNaive { transform: Transform::None, period: 4 }.fit(&series, None)?;
    let laws = fitted.predict(&series, &[40.0, 41.0, 45.0], 0)?;
    let means: Vec<f64> = laws.iter().filter_map(|l| l.mean()).collect();
    assert_eq!(means, [1.0 + 0.1 * 9.0, 5.0 + 0.1 * 9.0, 5.0 + 0.1 * 9.0]);
    assert!((laws[2].sd().expect("sd") / laws[1].sd().expect("sd") - 2.0f64.sqrt()).abs() < 1e-12);
    Ok(())
}

#[test]
fn an_autoregression_of_order_two_is_found_and_goes_on_as_it_should() -> Result<()> {
    let (phi, mut z) = ([1.2, -0.5], vec![0.0, 0.0]);
    for e in normals(4_000, 2) {
        let n = z.len();
        z.push(phi[0] * z[n - 1] + phi[1] * z[n - 2] + e);
    }
    let series = rows(z.iter().map(|z| 50.0 + z).collect());
    let fitted = Autoregressive { transform: Transform::None }.fit(&series, None)?;
    let last = series.len() - 1;
    let at = |h: usize| series.time[last] + h as f64;
    let laws = fitted.predict(&series, &[at(1), at(2), at(400)], 0)?;
    let expected = 50.0 + phi[0] * z[last] + phi[1] * z[last - 1];
    assert!((laws[0].mean().expect("mean") - expected).abs() < 0.2, "{:?} {expected}", laws[0]);
    assert!((laws[0].sd().expect("sd") - 1.0).abs() < 4.0 / (2.0f64 * 4_000.0).sqrt());
    assert!((laws[1].sd().expect("sd") - (1.0f64 + 1.44).sqrt()).abs() < 0.08);
    // Far ahead the stationary law: γ₀ = (1 - φ₂)/((1 + φ₂)((1 - φ₂)² - φ₁²)).
    let stationary = f64::sqrt(1.5 / (0.5 * (2.25 - 1.44)));
    assert!((laws[2].sd().expect("sd") / stationary - 1.0).abs() < 0.1, "{:?} {stationary}", laws[2]);
    assert!((laws[2].mean().expect("mean") - 50.0).abs() < 0.3);
    Ok(())
}

#[test]
fn smoothing_finds_its_weight_and_the_growth_of_its_spread() -> Result<()> {
    // Local level: the weight that data with α = 0.3 were made by.
    let (mut level, mut y) = (10.0, Vec::new());
    for e in normals(3_000, 4) {
        y.push(level + e);
        level += 0.3 * e;
    }
    let series = rows(y);
    let fitted = Smoothing { transform: Transform::None }.fit(&series, None)?;
    assert!((fitted.parameters()[4] - 0.3).abs() < 4.0 * (2.0 * 0.3 / 3_000.0f64).sqrt(), "{:?}", fitted.parameters());
    let last = series.time[series.len() - 1];
    let laws = fitted.predict(&series, &[last + 1.0, last + 10.0], 0)?;
    assert!((laws[0].mean().expect("mean") - level).abs() < 0.2);
    let ratio = laws[1].sd().expect("sd") / laws[0].sd().expect("sd");
    assert!((ratio - (1.0f64 + 9.0 * 0.09).sqrt()).abs() < 0.1, "{ratio}");
    // A straight line with small errors goes on.
    let noisy: Vec<f64> = normals(200, 5).iter().enumerate().map(|(i, e)| 2.0 * i as f64 + 0.1 * e).collect();
    let line = rows(noisy);
    let ahead = Smoothing { transform: Transform::None }.fit(&line, None)?.predict(&line, &[209.0], 0)?;
    assert!((ahead[0].mean().expect("mean") - 418.0).abs() < 0.5, "{:?}", ahead[0]);
    Ok(())
}

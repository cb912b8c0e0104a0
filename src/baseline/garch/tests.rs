//! The likelihood against the published benchmark and its own differences; forecasts against the recursion's own expectation.

use super::likelihood::Likelihood;
use super::*;
use crate::base::{Clock, ClockKind};

/// Returns of a GARCH process, from our own streams.
fn simulated(n: usize, nu: Option<f64>, seed: u64) -> Vec<f64> {
    let v = Variances { mean: 0.05, constant: 0.05, up: 0.04, down: 0.14, beta: 0.87 };
    let mut stream = Seed(seed).key(Purpose::Simulation, 0, 0).stream(0);
    let mut h: f64 = 0.05 / (1.0 - 0.09 - 0.87);
    (0..n)
        .map(|_| {
            let z = match nu {
                None => stream.normal(),
                Some(nu) => {
                    let t = Predictive::StudentT { location: 0.0, scale: 1.0, df: nu }.sample(&mut stream);
                    t * ((nu - 2.0) / nu).sqrt()
                }
            };
            let e = z * h.sqrt();
            h = v.next(e, h);
            v.mean + e
        })
        .collect()
}

fn marks_and_pounds() -> Option<Vec<f64>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fits/MarkPound.csv");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: ../shared/fits is not here");
        return None;
    };
    let header = text.lines().next().unwrap_or_default();
    let column = header.split(',').position(|c| c.trim_matches('"') == "value").unwrap_or(1);
    Some(text.lines().skip(1).filter_map(|l| l.split(',').nth(column)?.trim_matches('"').parse().ok()).collect())
}

#[test]
fn the_published_benchmark_is_met_to_five_digits() {
    let Some(returns) = marks_and_pounds() else { return };
    assert_eq!(returns.len(), 1974);
    let fit = fit_garch("dm/gbp", &returns, Garch::ALL[0], None).expect("a fit");
    assert_eq!(fit.status, Status::Converged);
    // Fiorentini, Calzolari & Panattoni (1996); converged: -1106.607881.
    assert!((fit.log_likelihood + 1_106.607_881).abs() < 1e-5, "{}", fit.log_likelihood);
    let published = [
        ("mu", -0.006_190_41, 0.008_462_12),
        ("omega", 0.010_761_3, 0.002_852_71),
        ("alpha", 0.153_134, 0.026_522_8),
        ("beta", 0.805_974, 0.033_552_7),
    ];
    for (p, (name, value, se)) in fit.params.iter().zip(published) {
        assert_eq!(p.name, name);
        assert!((p.estimate / value - 1.0).abs() < 1e-5, "{name}: {} and {value}", p.estimate);
        assert!((p.se.expect("an s.e.") / se - 1.0).abs() < 1e-3, "{name}: {:?} and {se}", p.se);
    }
}

#[test]
fn scores_are_the_slopes_of_the_likelihood() {
    let returns = simulated(300, Some(6.0), 1);
    for model in Garch::ALL {
        let objective = Likelihood::new(&returns, model.innovations, !model.leverage);
        let theta = [0.02, 0.06, 0.07, if model.leverage { 0.15 } else { 0.07 }, 0.8, 7.0];
        let gradient = objective.at(&theta).1;
        for k in 0..SIZE {
            let h = 1e-5 * theta[k].abs().max(0.1);
            let at = |step: f64| {
                let mut moved = theta;
                moved[k] += step;
                objective.at(&moved).0
            };
            let slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            let free = model.leverage || k != DOWN;
            assert!(
                !free || (gradient[k] - slope).abs() < 1e-7 * (1.0 + slope.abs()),
                "{model:?} {k}: {gradient:?} {slope}"
            );
        }
    }
}

#[test]
fn a_simulated_leverage_and_its_tails_are_found() {
    let returns = simulated(8_000, Some(6.0), 7);
    let fit = fit_garch("s", &returns, Garch::ALL[3], None).expect("a fit");
    assert_eq!(fit.status, Status::Converged);
    let truth = [0.05, 0.05, 0.04, 0.14, 0.87, 6.0];
    for (p, truth) in fit.params.iter().zip(truth) {
        let se = p.se.expect("an s.e.");
        assert!((p.estimate - truth).abs() < 4.0 * se, "{}: {} ± {se}, {truth}", p.name, p.estimate);
    }
    // A fit of the first 7,999 rows is where that of all begins.
    let before = fit_garch("s", &returns[..7_999], Garch::ALL[3], None).expect("a fit");
    let warm = fit_garch("s", &returns, Garch::ALL[3], Some(&before.known)).expect("a fit");
    assert!((warm.log_likelihood - fit.log_likelihood).abs() < 1e-9 * fit.log_likelihood.abs());
    assert!(warm.iterations <= 4, "{} and {}", warm.iterations, fit.iterations);
}

fn levels(returns: &[f64]) -> Series {
    let mut value = vec![100.0];
    for r in returns {
        value.push(value[value.len() - 1] * (1.0 + 0.01 * r));
    }
    Series {
        id: "s".into(),
        value_name: "s".into(),
        time: (0..value.len()).map(|i| i as f64).collect(),
        value,
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "row".into(), step: 1.0 },
    }
}

#[test]
fn variances_ahead_are_what_the_recursion_expects() {
    let series = levels(&simulated(1_500, None, 3));
    for innovations in [Innovations::Normal, Innovations::Student] {
        let model = Garch { leverage: true, innovations };
        let forecaster = GarchForecaster { model, transform: Transform::Return, seed: Seed(1) };
        let fitted = forecaster.fit(&series, None).expect("a fit");
        let theta = fitted.parameters();
        let v = Variances::of(theta);
        let last = series.time[series.len() - 1];
        let laws = fitted.predict(&series, &[last + 1.0, last + 10.0], 0).expect("laws");
        let returns = returns(&series, Transform::Return).expect("returns");
        let first = v.ahead(&returns);
        assert!((laws[0].sd().expect("sd") / first.sqrt() - 1.0).abs() < 1e-12);
        // E hₖ₊₁ = ω + ((α↑ + α↓)/2 + β) E hₖ, the innovations being symmetric.
        let persistence = 0.5 * (v.up + v.down) + v.beta;
        let mut h = first;
        for _ in 1..10 {
            h = v.constant + persistence * h;
        }
        let sd = laws[1].sd().expect("sd");
        assert!((sd / h.sqrt() - 1.0).abs() < 0.12, "{sd} and {}", h.sqrt());
        assert!((laws[1].mean().expect("mean") - v.mean).abs() < 4.0 * sd / 1_000f64.sqrt());
    }
}

/// Without leverage the weight after a fall was the one the search began with.
#[test]
fn the_next_variance_is_the_recursion_at_the_estimates_that_are_told() {
    let series = levels(&simulated(600, Some(6.0), 4));
    let returns = returns(&series, Transform::Return).expect("returns");
    for model in Garch::ALL {
        let fit = fit_garch("s", &returns, model, None).expect("a fit");
        let value = |name: &str| fit.value(name);
        let [mu, omega, alpha, beta] = ["mu", "omega", "alpha", "beta"].map(|name| value(name).expect(name));
        let down = value("alpha_down").unwrap_or(alpha);
        let mean_square = returns.iter().map(|r| (r - mu) * (r - mu)).sum::<f64>() / returns.len() as f64;
        let mut h = omega + (0.5 * (alpha + down) + beta) * mean_square;
        for r in &returns {
            h = omega + if *r < mu { down } else { alpha } * (r - mu) * (r - mu) + beta * h;
        }
        let fitted = GarchForecaster { model, transform: Transform::Return, seed: Seed(1) }.fit(&series, None);
        let time = series.time[series.len() - 1] + 1.0;
        let sd = fitted.expect("a fit").predict(&series, &[time], 0).expect("laws")[0].sd().expect("an sd");
        assert!((sd / h.sqrt() - 1.0).abs() < 1e-9, "{model:?}: {sd} {}", h.sqrt());
    }
}

#[test]
fn a_level_one_row_ahead_is_the_last_times_the_return() {
    let series = levels(&simulated(500, None, 5));
    let forecaster = GarchForecaster { model: Garch::ALL[3], transform: Transform::Log, seed: Seed(1) };
    let fitted = forecaster.fit(&series, None).expect("a fit");
    let last = series.len() - 1;
    let laws = fitted.predict(&series, &[series.time[last] + 1.0, series.time[last] + 5.0], 0).expect("laws");
    let level = series.value[last];
    assert!((laws[0].mean().expect("mean") - level * (1.0 + fitted.parameters()[MU])).abs() < 1e-9);
    assert!(laws[1].sd().expect("sd") > laws[0].sd().expect("sd"));
}

#[test]
fn uneven_rows_and_short_records_are_refused_by_name() {
    let mut series = levels(&simulated(100, None, 5));
    series.time.iter_mut().skip(50).for_each(|t| *t += 2.0);
    let forecaster = GarchForecaster { model: Garch::ALL[0], transform: Transform::Log, seed: Seed(1) };
    let error = forecaster.fit(&series, None).err().expect("a refusal").to_string();
    assert!(error.contains("garch") && error.contains("row 50"), "{error}");
    assert!(matches!(fit_garch("s", &[0.1; 20], Garch::ALL[0], None), Err(Error::TooFewRows { .. })));
    assert!(matches!(fit_garch("s", &[0.1; 40], Garch::ALL[0], None), Err(Error::Constant { .. })));
}

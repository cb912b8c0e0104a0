//! Simulated prices with a volatility that nobody sees: the fitted model against GJR-GARCH with t innovations.

use super::{Plan, Refit, Scores, Split, backtest};
use crate::base::{Clock, ClockKind, Purpose, Result, Seed, Series, Transform, math};
use crate::baseline::baseline;
use crate::fit::Settings;
use crate::forecast::ModelForecaster;
use crate::form::monte_carlo::{Run, Scheme, Start, simulate};
use crate::models::built_in;
use crate::predictive::Forecaster;

const DT: f64 = 1.0 / 252.0;
/// kappa, theta, xi, rho, mu: a half-life of 17 days, volatility 22 % in the middle and a kurtosis of daily moves of seven.
const TRUTH: [f64; 5] = [10.0, -3.0, 4.0, -0.6, 0.08];

fn prices(rows: usize, seed: u64) -> Result<Series> {
    let model = built_in("log-volatility")?;
    let time: Vec<f64> = (0..rows).map(|i| i as f64 * DT).collect();
    let run = Run {
        theta: &TRUTH,
        start: Start::At(&[4.6, -3.0]),
        t0: 0.0,
        times: &time[1..],
        paths: 1,
        step: DT / 20.0,
        scheme: Scheme::EulerMaruyama,
        key: Seed(seed).key(Purpose::Simulation, 0, 0),
    };
    let states = simulate(&model, &run)?.states;
    let value = std::iter::once(4.6).chain(states.iter().map(|row| row[0][0])).map(math::exp).collect();
    let clock = Clock { kind: ClockKind::Business, unit: "year".into(), step: DT };
    Ok(Series { id: "prices".into(), value_name: "s".into(), time, value, stamps: None, clock })
}

/// What one seed says.
struct Told {
    /// Estimates less the truth, in standard errors.
    z: Vec<f64>,
    log_scores: [f64; 2],
    p: f64,
    crps_p: f64,
    pit_p: f64,
}

fn told(rows: usize, seed: u64) -> Result<Told> {
    let series = prices(rows, seed)?;
    let plan = Plan::new(&series, Split::Share(0.5), 1, 1, Refit::Never)?;
    let settings = Settings { starts: 1, ..Settings::default() };
    let own = ModelForecaster::new(built_in("log-volatility")?, Transform::LogReturn, settings);
    let train = series.slice(0, plan.first_test);
    let fit = own.fit_model(&train, None)?.fit;
    let z = fit.params.iter().zip(TRUTH).map(|(p, truth)| (p.estimate - truth) / p.se.unwrap_or(f64::NAN)).collect();
    let gjr = baseline("gjr-t", &train, Transform::LogReturn, Seed(1)).expect("a baseline");
    let walk = baseline("random-walk", &train, Transform::LogReturn, Seed(1)).expect("a baseline");
    let all: [&dyn Forecaster; 3] = [&own, gjr.as_ref(), walk.as_ref()];
    let result = backtest(&series, Transform::LogReturn, &all, &plan, &|| {}, None)?;
    assert!(result.failures().next().is_none(), "{:?}", result.troubles);
    let scores = Scores::of(&result);
    let ours = &scores.pooled[0];
    let against = ours.against.iter().find(|a| a.baseline == "gjr-t").expect("told");
    let p = |test: &Option<crate::stats::DieboldMariano>| test.as_ref().map_or(f64::NAN, |t| t.p);
    Ok(Told {
        z,
        log_scores: [
            ours.all.log_score,
            scores.pooled.iter().find(|s| s.model == "gjr-t").expect("told").all.log_score,
        ],
        p: p(&against.log_score),
        crps_p: p(&against.crps),
        pit_p: ours.pit_ks_p,
    })
}

#[test]
fn a_volatility_that_nobody_sees_is_learnt_and_beats_garch() -> Result<()> {
    let told = told(2_000, 2)?;
    assert!(told.z.iter().all(|z| z.abs() < 3.0), "{:?}", told.z);
    assert!(told.log_scores[0] < told.log_scores[1], "{:?}", told.log_scores);
    assert!(told.pit_p > 1e-3, "{}", told.pit_p);
    Ok(())
}

/// Half of 8,000 rows to learn from and half to forecast, one row at a time, by one fit each.
#[test]
#[ignore = "minutes; just latent-volatility"]
fn study_of_latent_volatility() -> Result<()> {
    println!(
        "Log-volatility simulated at kappa 10, theta -3, xi 4, rho -0.6, mu 0.08; 4,000 daily rows to fit, 4,000 to forecast.\n"
    );
    println!(
        "| seed | (estimate - truth) / s.e.: kappa | theta | xi | rho | mu | log score | GJR-t | DM p, log score | DM p, CRPS | PIT p |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let (mut wins, mut misses, mut uniform) = (0, 0, 0);
    for seed in 1..=20 {
        let told = told(8_000, seed)?;
        let z: Vec<String> = told.z.iter().map(|z| format!("{z:.2}")).collect();
        println!(
            "| {seed} | {} | {:.4} | {:.4} | {:.1e} | {:.1e} | {:.3} |",
            z.join(" | "),
            told.log_scores[0],
            told.log_scores[1],
            told.p,
            told.crps_p,
            told.pit_p
        );
        wins += usize::from(told.log_scores[0] < told.log_scores[1] && told.p < 0.05);
        misses += told.z.iter().filter(|z| z.is_nan() || z.abs() > 3.0).count();
        uniform += usize::from(told.pit_p > 0.01);
    }
    println!(
        "\nBetter than GJR-t in log score with p < 0.05: {wins} of 20 seeds. Estimates further than 3 s.e. from the truth: {misses} of 100. PITs uniform (p > 0.01): {uniform} of 20."
    );
    assert!(wins >= 18 && misses <= 2, "{wins} {misses}");
    Ok(())
}

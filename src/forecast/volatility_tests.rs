//! Volatility that is not seen: fits taken on, and draws of the parameters folded in.

use super::paths_tests::rows;
use super::*;
use crate::base::math;
use crate::baseline::baseline;
use crate::form::monte_carlo::{Run, Scheme, Start, simulate};
use crate::models::built_in;
use crate::stats;

const DT: f64 = 1.0 / 252.0;

fn prices(n: usize, seed: u64) -> Series {
    let model = built_in("log-volatility").expect("built in");
    let times: Vec<f64> = (1..n).map(|i| i as f64 * DT).collect();
    let run = Run {
        theta: &[10.0, -3.0, 4.0, -0.6, 0.08],
        start: Start::At(&[4.6, -3.0]),
        t0: 0.0,
        times: &times,
        paths: 1,
        step: DT / 8.0,
        scheme: Scheme::EulerMaruyama,
        key: crate::base::Seed(seed).key(Purpose::Simulation, 0, 0),
    };
    let states = simulate(&model, &run).expect("simulates").states;
    rows(std::iter::once(4.6).chain(states.iter().map(|row| row[0][0])).map(math::exp).collect(), DT)
}

fn own(parameters: Parameters) -> ModelForecaster {
    let settings = Settings { starts: 1, ..Settings::default() };
    let model = built_in("log-volatility").expect("built in");
    ModelForecaster { parameters, ..ModelForecaster::new(model, Transform::LogReturn, settings) }
}

#[test]
fn a_fit_taken_on_is_the_one_from_scratch_in_a_few_steps() -> Result<()> {
    let series = prices(1_600, 2);
    let forecaster = own(Parameters::Point);
    let before = forecaster.fit_model(&series.slice(0, 1_500), None)?;
    let cold = forecaster.fit_model(&series, None)?;
    let warm = forecaster.fit_model(&series, Some(before.parameters()))?;
    assert!(warm.fit.status.can_forecast() && warm.fit.iterations < 12, "{} {}", warm.fit.status, warm.fit.iterations);
    let gap = warm.fit.log_likelihood.zip(cold.fit.log_likelihood).map(|(a, b)| (a - b).abs());
    // Both meshes are right to 1e-6 a row; both points to 1e-6 of a standard error.
    assert!(gap.is_some_and(|gap| gap < 1e-4), "{gap:?}");
    // A combination takes its members on, and answers as one made of them.
    let member = || Member::Own(Box::new(own(Parameters::Point)));
    let gjr =
        || Member::Baseline(baseline("gjr-t", &series, Transform::LogReturn, forecaster.settings.seed).expect("gjr-t"));
    let pool = Pool {
        name: "both".into(),
        members: vec![member(), gjr()],
        weighting: Weighting::Equal,
        transform: Transform::LogReturn,
        horizons: vec![1],
    };
    let first = Forecaster::fit(&pool, &series.slice(0, 1_500), None)?;
    let second = Forecaster::fit(&pool, &series, Some(first.as_ref()))?;
    let time = [series.time[1_599] + DT];
    let [pooled, alone] = [second.predict(&series, &time, 0)?, warm.predict(&series, &time, 0)?];
    let garch = baseline("gjr-t", &series, Transform::LogReturn, forecaster.settings.seed).expect("gjr-t");
    let garch = garch.fit(&series, None)?.predict(&series, &time, 0)?;
    for x in [-0.05, -0.01, 0.0, 0.02] {
        let mean = 0.5 * (alone[0].cdf(x) + garch[0].cdf(x));
        assert!((pooled[0].cdf(x) - mean).abs() < 1e-6, "{x}: {} {mean}", pooled[0].cdf(x));
    }
    Ok(())
}

#[test]
fn draws_of_the_parameters_are_folded_in() -> Result<()> {
    let series = prices(900, 3);
    let folded = own(Parameters::Normal { draws: 16 }).fit_model(&series, None)?;
    assert_eq!(folded.draws.len(), 16);
    // Draws are around the estimate as wide as the standard errors say: sixteen points of a net.
    for (k, p) in folded.fit.params.iter().enumerate() {
        let values: Vec<f64> = folded
            .draws
            .iter()
            .map(|d| built_in("log-volatility").expect("built in").params[k].to_coordinate(d[k]))
            .collect();
        let slope = built_in("log-volatility").expect("built in").params[k].derivative(stats::mean(&values)).abs();
        let ratio = stats::sd(&values) * slope / p.se.expect("an s.e.");
        assert!((0.6..1.6).contains(&ratio), "{}: {ratio}", p.name);
    }
    // The law is the mean of the laws at the draws.
    let times = [1.0, 10.0].map(|h| series.time[899] + h * DT);
    let laws = folded.predict(&series, &times, 0)?;
    let record = crate::filter::Observations::of(&series);
    for x in [-0.04, 0.0, 0.03] {
        let mut sums = [0.0; 2];
        for theta in &folded.draws {
            let mut outlook = Outlook::new(&folded.forecaster.model, theta, &record)?;
            for (sum, law) in sums.iter_mut().zip(outlook.laws(&times, Ahead::Move)?) {
                *sum += law.cdf(x) / 16.0;
            }
        }
        for (law, mean) in laws.iter().zip(sums) {
            assert!((law.cdf(x) - mean).abs() < 1e-9, "{x}: {} {mean}", law.cdf(x));
        }
    }
    // Joint draws share the paths among the parameters' draws.
    let drawn = folded.joint(&series, &times, 4_000, 0)?.expect("draws");
    assert!(drawn.iter().all(|row| row.len() == 4_000));
    for (law, row) in laws.iter().zip(&drawn) {
        let pits: Vec<f64> = row.iter().map(|x| law.cdf(*x)).collect();
        assert!(stats::ks_uniform_p(&pits) > 1e-3, "{}", stats::ks_uniform_p(&pits));
    }
    let refused = own(Parameters::Bootstrap { draws: 20 }).fit_model(&series, None).expect_err("refused").to_string();
    assert!(refused.contains("bootstrap"), "{refused}");
    Ok(())
}

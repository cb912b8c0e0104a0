//! Joint draws of every baseline have the laws that `predict` gives at each time.

use super::*;
use crate::base::{Clock, Purpose, Seed};
use crate::predictive::{Fitted, Forecaster};
use crate::stats;

/// Positive levels that revert a little and have a season of four.
fn levels(n: usize) -> Series {
    let mut stream = Seed(21).key(Purpose::Simulation, 0, 0).stream(0);
    let mut x = 0.0;
    let value = (0..n)
        .map(|i| {
            x = 0.9 * x + 0.05 * stream.normal();
            5.0 * (x + 0.05 * f64::from(u8::from(i % 4 == 0))).exp()
        })
        .collect();
    Series {
        id: "levels".into(),
        value_name: "x".into(),
        time: (0..n).map(|i| i as f64).collect(),
        value,
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "day".into(), step: 1.0 },
    }
}

fn fitted(name: &str, train: &Series, transform: Transform) -> Box<dyn Fitted> {
    let forecaster: Box<dyn Forecaster> = match name {
        "seasonal-naive" => Box::new(SeasonalNaive { transform, period: 4 }),
        _ => baseline(name, train, transform, Seed(1)).expect("a baseline"),
    };
    forecaster.fit(train, None).expect("fits")
}

#[test]
fn each_row_of_the_draws_has_the_law_of_that_row() -> Result<()> {
    let train = levels(160);
    let now = train.time[train.len() - 1];
    // Rows two, one beyond a season, and one that is not the next.
    let times = [1.0, 2.0, 5.0, 9.0].map(|h| now + h);
    let n = 4_000;
    for transform in [Transform::None, Transform::Log, Transform::Return] {
        for name in BASELINES {
            let model = fitted(name, &train, transform);
            let laws = model.predict(&train, &times, 3)?;
            let draws = model.joint(&train, &times, n, 3)?.expect("joint draws");
            assert_eq!((draws.len(), draws[0].len()), (4, n));
            for (law, row) in laws.iter().zip(&draws) {
                let pits: Vec<f64> = row.iter().map(|x| law.cdf(*x)).collect();
                // Uniform numbers: means and spreads within four standard errors, and of laws that are themselves a thousand paths of theirs.
                let paths = if matches!(law, Predictive::Ensemble(_)) { 1_000.0 } else { f64::INFINITY };
                let se = (1.0 / n as f64 + 1.0 / paths).sqrt();
                let (mean, sd) = (stats::mean(&pits), stats::sd(&pits));
                assert!((mean - 0.5).abs() < 4.0 * se / 12f64.sqrt(), "{name} {transform:?}: {mean}");
                let exact = (1.0 / 12.0f64).sqrt();
                // Var of (u - ½)² is 1/180.
                let slack = 4.0 * se * (1.0 / 180.0f64).sqrt() / (2.0 * exact);
                assert!((sd - exact).abs() < slack, "{name} {transform:?}: {sd} {exact}");
            }
        }
    }
    Ok(())
}

#[test]
fn draws_of_two_rows_move_together_as_the_recursion_says() -> Result<()> {
    let train = levels(160);
    let now = train.time[train.len() - 1];
    let times = [now + 4.0, now + 8.0];
    let n = 6_000;
    let correlation = |name: &str| -> Result<f64> {
        let draws = fitted(name, &train, Transform::None).joint(&train, &times, n, 0)?.expect("joint draws");
        let means = [stats::mean(&draws[0]), stats::mean(&draws[1])];
        let sum: f64 = draws[0].iter().zip(&draws[1]).map(|(a, b)| (a - means[0]) * (b - means[1])).sum();
        Ok(sum / (n as f64 - 1.0) / stats::sd(&draws[0]) / stats::sd(&draws[1]))
    };
    // A walk of τ and 2τ with one drift drawn for both: cov = σ²(τ + 2τ²/T), over the two sds.
    let span = 159.0;
    let walk = (4.0 + 32.0 / span) / ((4.0f64 + 16.0 / span) * (8.0 + 64.0 / span)).sqrt();
    for (name, exact) in [
        ("random-walk", walk),
        ("ewma", 0.5f64.sqrt()),
        // The second season stands on the first.
        ("seasonal-naive", 0.5f64.sqrt()),
        ("climatology", 0.0),
    ] {
        let found = correlation(name)?;
        // Fisher: (1 - r²)/√n.
        assert!((found - exact).abs() < 4.0 * (1.0 - exact * exact) / (n as f64).sqrt(), "{name}: {found} {exact}");
    }
    Ok(())
}

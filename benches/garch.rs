//! What does it cost to fit GJR with Student's innovations again at every origin? `cargo bench --no-default-features --bench garch CSV [ORIGINS]`
//! reads prices from the last column and prints JSON lines: the whole backtest, and cold fits at some origins. Beside arch in one run:
//! `benches/peers/garch.py`.

#![allow(clippy::expect_used)] // A bench may stop.

use kramers::backtest::{Plan, Refit, Scores, Split, backtest};
use kramers::base::math::ln;
use kramers::base::{Clock, ClockKind, Seed, Series, Transform};
use kramers::baseline::{Garch, GarchForecaster, Innovations, fit_garch};
use kramers::predictive::Forecaster;
use std::time::Instant;

/// Origins at which cold fits are told.
const TOLD: usize = 11;
const GJR_T: Garch = Garch { leverage: true, innovations: Innovations::Student };

fn main() {
    // Cargo adds --bench.
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(path) = words.first() else { return };
    let origins: usize = words.get(1).map_or(2530, |n| n.parse().expect("a number of origins"));
    let text = std::fs::read_to_string(path).expect("a readable file");
    let value: Vec<f64> = text.lines().skip(1).filter_map(|l| l.rsplit(',').next()?.trim().parse().ok()).collect();
    let step = 1.0 / 252.0;
    let series = Series {
        id: "prices".into(),
        value_name: "price".into(),
        time: (0..value.len()).map(|i| i as f64 * step).collect(),
        value,
        stamps: None,
        clock: Clock { kind: ClockKind::Business, unit: "year".into(), step },
    };
    let plan = Plan::new(&series, Split::Rows(origins), 1, 1, Refit::EveryWindow).expect("a plan");
    let forecaster = GarchForecaster { model: GJR_T, transform: Transform::LogReturn, seed: Seed(1) };
    let all: [&dyn Forecaster; 1] = [&forecaster];
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let started = Instant::now();
        let result =
            pool.install(|| backtest(&series, Transform::LogReturn, &all, &plan, &|| {}, None)).expect("a backtest");
        let seconds = started.elapsed().as_secs_f64();
        let score = Scores::of(&result).pooled[0].all.log_score;
        println!(
            "{{\"what\":\"backtest\",\"threads\":{threads},\"origins\":{origins},\"seconds\":{seconds},\"failures\":{},\"log_score\":{score}}}",
            result.failures().count()
        );
    }
    // In percent, as arch wants them.
    let returns: Vec<f64> = series.value.windows(2).map(|w| 100.0 * ln(w[1] / w[0])).collect();
    for k in 0..TOLD {
        let n = plan.cutoff(k * (plan.windows() - 1) / (TOLD - 1));
        let started = Instant::now();
        let fit = fit_garch("prices", &returns[..n], GJR_T, None).expect("a fit");
        let seconds = started.elapsed().as_secs_f64();
        let params: Vec<String> = fit.params.iter().map(|p| format!("\"{}\":{}", p.name, p.estimate)).collect();
        println!(
            "{{\"what\":\"fit\",\"returns\":{n},\"seconds\":{seconds},\"status\":\"{}\",\"log_likelihood\":{},{}}}",
            fit.status.name(),
            fit.log_likelihood,
            params.join(",")
        );
    }
}

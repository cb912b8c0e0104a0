//! How often the 95 % intervals hold the truth, and the bias of the speed of mean reversion before and after correction.

use super::follow::Chart;
use super::likelihood::Likelihood;
use super::profile::Line;
use super::tests::{drawn, from};
use super::{Method, bootstrap, jackknife, speed};
use crate::fit::{Observed, fit};
use crate::form::Form;
use crate::models::{Model, built_in};
use crate::stats;
use rayon::prelude::*;
use std::fmt::Write;

/// A process, how it is observed, and how it is fitted.
#[derive(Clone, Copy)]
struct Scenario {
    id: &'static str,
    what: &'static str,
    theta: &'static [f64],
    x0: f64,
    n: usize,
    dt: f64,
    form: Form,
}

const MONTH: f64 = 1.0 / 12.0;
const WEEK: f64 = 1.0 / 52.0;

/// Twenty-five years of months and twenty-four of weeks; near a unit root the process returns once in ten years or more.
const SCENARIOS: [Scenario; 12] = [
    Scenario { id: "ou", what: "monthly", theta: &[1.0, 1.0, 0.5], x0: 1.0, n: 300, dt: MONTH, form: Form::Exact },
    Scenario { id: "ou", what: "weekly", theta: &[1.0, 1.0, 0.5], x0: 1.0, n: 1250, dt: WEEK, form: Form::Exact },
    Scenario {
        id: "ou",
        what: "monthly, near unit root",
        theta: &[0.1, 1.0, 0.5],
        x0: 1.0,
        n: 300,
        dt: MONTH,
        form: Form::Exact,
    },
    Scenario {
        id: "ou",
        what: "weekly, near unit root",
        theta: &[0.1, 1.0, 0.5],
        x0: 1.0,
        n: 1250,
        dt: WEEK,
        form: Form::Exact,
    },
    Scenario { id: "cir", what: "monthly", theta: &[1.0, 5.0, 0.8], x0: 5.0, n: 300, dt: MONTH, form: Form::Exact },
    Scenario { id: "cir", what: "weekly", theta: &[1.0, 5.0, 0.8], x0: 5.0, n: 1250, dt: WEEK, form: Form::Exact },
    Scenario {
        id: "cir",
        what: "monthly, near unit root",
        theta: &[0.1, 5.0, 0.5],
        x0: 5.0,
        n: 300,
        dt: MONTH,
        form: Form::Exact,
    },
    Scenario {
        id: "cir",
        what: "weekly, near unit root",
        theta: &[0.1, 5.0, 0.5],
        x0: 5.0,
        n: 1250,
        dt: WEEK,
        form: Form::Exact,
    },
    Scenario {
        id: "ckls",
        what: "monthly",
        theta: &[5.0, -1.0, 0.3, 1.0],
        x0: 5.0,
        n: 300,
        dt: MONTH,
        form: Form::Kessler,
    },
    Scenario {
        id: "ckls",
        what: "weekly",
        theta: &[5.0, -1.0, 0.3, 1.0],
        x0: 5.0,
        n: 1250,
        dt: WEEK,
        form: Form::Kessler,
    },
    Scenario {
        id: "ckls",
        what: "monthly, near unit root",
        theta: &[0.5, -0.1, 0.1, 1.0],
        x0: 5.0,
        n: 300,
        dt: MONTH,
        form: Form::Kessler,
    },
    Scenario {
        id: "ckls",
        what: "weekly, near unit root",
        theta: &[0.5, -0.1, 0.1, 1.0],
        x0: 5.0,
        n: 1250,
        dt: WEEK,
        form: Form::Kessler,
    },
];

/// Whether each interval of one path holds the truth, `[way][parameter]`; none where no interval was given.
struct Told {
    covers: Vec<Vec<Option<bool>>>,
    /// Error of the speed of mean reversion: as estimated, corrected by the known bias, by the jackknife.
    speed: [Option<f64>; 3],
}

fn holds(interval: Option<(f64, f64)>, truth: f64) -> Option<bool> {
    interval.map(|(low, high)| low <= truth && truth <= high)
}

/// One path's intervals by observed information, sandwich and profile; by the bootstrap, percentile and basic, where replicates are
/// asked. None where the fit cannot be used.
fn told(model: &Model, scenario: &Scenario, data: &Observed, replicates: usize) -> Option<Told> {
    let settings = from(model, scenario.theta, scenario.form);
    let fit = fit(model, data, &settings).expect("a fit");
    if !fit.status.can_forecast() {
        return None;
    }
    let truth = scenario.theta;
    if replicates > 0 {
        let found = bootstrap(model, data, &settings, &fit, replicates).ok()?;
        let by = |way: fn(&super::BootstrapEstimate) -> (f64, f64)| {
            found.params.iter().zip(truth).map(|(p, t)| holds(Some(way(p)), *t)).collect()
        };
        let k = &found.params[0];
        let speed = [Some(k.estimate - truth[0]), Some(k.corrected - truth[0]), None];
        return Some(Told { covers: vec![by(|p| p.percentile), by(|p| p.basic)], speed });
    }
    let likelihood = Likelihood::new(model, data, &settings, &fit).expect("a likelihood");
    let mut covers: Vec<Vec<Option<bool>>> = [Method::Observed, Method::Sandwich]
        .into_iter()
        .map(|method| match super::covariance::of(&likelihood, method) {
            Ok(c) => c.interval.iter().zip(truth).map(|(i, t)| holds(*i, *t)).collect(),
            Err(_) => vec![None; truth.len()],
        })
        .collect();
    let chart = Chart::new(&likelihood);
    let by_profile = |i: usize| {
        let ends = Line::new(&chart, i).ends();
        let low = ends[0].map_or(f64::NEG_INFINITY, |u| chart.natural(i, u));
        let high = ends[1].map_or(f64::INFINITY, |u| chart.natural(i, u));
        holds(Some((low, high)), truth[i])
    };
    covers.push((0..truth.len()).map(by_profile).collect());
    // The speed of ckls is minus its second parameter.
    let of = |theta: &[f64]| if scenario.id == "ckls" { -theta[1] } else { theta[0] };
    let analytic = speed(model, data, &fit).and_then(|s| s.corrected);
    let halves = jackknife(model, data, &settings, &fit, 2).ok().and_then(|j| {
        let values: Option<Vec<f64>> = j.params.iter().map(|p| p.corrected).collect();
        values.map(|v| of(&v))
    });
    let error = |value: f64| value - of(truth);
    Some(Told { covers, speed: [Some(error(of(&fit.theta))), analytic.map(error), halves.map(error)] })
}

fn paths(scenario: &Scenario, count: usize, replicates: usize) -> (Model, Vec<Told>) {
    let model = built_in(scenario.id).expect("built in");
    let data = drawn(&model, scenario.theta, scenario.x0, scenario.n, scenario.dt, count, 2024);
    let told = data.par_iter().filter_map(|data| told(&model, scenario, data, replicates)).collect();
    (model, told)
}

/// Share that holds the truth among the intervals given, its standard error, and how many were given.
fn share(told: &[Told], way: usize, k: usize) -> (f64, f64, usize) {
    let given: Vec<bool> = told.iter().filter_map(|t| t.covers[way][k]).collect();
    let n = given.len() as f64;
    let p = given.iter().filter(|c| **c).count() as f64 / n;
    (p, (p * (1.0 - p) / n).sqrt(), given.len())
}

fn percent(told: &[Told], way: usize, k: usize) -> String {
    let (p, se, given) = share(told, way, k);
    let all = if given == told.len() { String::new() } else { format!(" of {given}") };
    format!("{:.1} ± {:.1}{all}", 100.0 * p, 100.0 * se)
}

fn errors(told: &[Told], which: usize) -> Vec<f64> {
    told.iter().filter_map(|t| t.speed[which]).collect()
}

fn bias(told: &[Told], which: usize) -> String {
    let errors = errors(told, which);
    if errors.len() < 2 {
        return "-".to_string();
    }
    let root = (stats::mean(&errors).powi(2) + stats::sd(&errors).powi(2)).sqrt();
    let se = stats::sd(&errors) / (errors.len() as f64).sqrt();
    format!("{:+.3} ± {se:.3} ({root:.3})", stats::mean(&errors))
}

#[test]
fn intervals_of_an_ou_process_hold_the_truth_as_often_as_they_say() {
    let scenario = Scenario { what: "", n: 600, dt: 0.1, ..SCENARIOS[0] };
    let (_, told) = paths(&scenario, 80, 0);
    assert_eq!(told.len(), 80, "every fit can be used");
    // Sixty years of a process that returns in one: 95 % to first order, with a binomial s.e. of 2.4; four of them, one-sided.
    for way in 0..3 {
        for k in 0..3 {
            let (p, _, given) = share(&told, way, k);
            assert!(given == 80 && p >= 0.95 - 4.0 * 0.0244, "way {way}, parameter {k}: {p}");
        }
    }
}

#[test]
fn the_speed_is_over_estimated_by_four_over_t_and_both_corrections_take_it_off() {
    let scenario = Scenario { what: "", n: 150, dt: 0.1, ..SCENARIOS[0] };
    let model = built_in("ou").expect("ou");
    let data = drawn(&model, scenario.theta, scenario.x0, scenario.n, scenario.dt, 240, 77);
    let errors: Vec<[f64; 3]> = data
        .par_iter()
        .map(|data| {
            let settings = from(&model, scenario.theta, scenario.form);
            let fit = fit(&model, data, &settings).expect("a fit");
            let analytic = speed(&model, data, &fit).and_then(|s| s.corrected).expect("known");
            let halves = jackknife(&model, data, &settings, &fit, 2).expect("halves");
            [fit.theta[0], analytic, halves.params[0].corrected.unwrap_or(f64::NAN)].map(|v| v - scenario.theta[0])
        })
        .collect();
    let of = |k: usize| {
        let e: Vec<f64> = errors.iter().map(|e| e[k]).filter(|e| e.is_finite()).collect();
        (stats::mean(&e), stats::sd(&e) / (e.len() as f64).sqrt(), e.len())
    };
    let (raw, analytic, halves) = (of(0), of(1), of(2));
    // 4/15 and a little, from the steps: (5/2 + e^κδ + e^2κδ/2)/15.
    let turn = 0.1f64.exp();
    let wanted = (2.5 + turn + 0.5 * turn * turn) / 15.0;
    assert!((raw.0 - wanted).abs() < 4.0 * raw.1 + 0.1 * wanted, "{raw:?} {wanted}");
    assert!(analytic.0.abs() < 4.0 * analytic.1 && analytic.0.abs() < 0.4 * raw.0, "{analytic:?} {raw:?}");
    assert!(halves.2 > 230 && halves.0.abs() < 4.0 * halves.1 && halves.0.abs() < 0.5 * raw.0, "{halves:?}");
}

/// Prints `reports/validation/coverage.md`; the number of paths is 1,000, or `COVERAGE_PATHS`.
#[test]
#[ignore = "the study behind the table: a quarter of an hour"]
fn study_of_coverage() {
    let count = std::env::var("COVERAGE_PATHS").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let mut coverage = format!(
        "| model | observed | parameter | truth | fits of {count} | observed information | sandwich | profile |\n|---|---|---|---|---|---|---|---|\n"
    );
    let mut biases =
        "| model | observed | speed | bias | less 4/T | jackknife, two halves |\n|---|---|---|---|---|---|\n"
            .to_string();
    for scenario in &SCENARIOS {
        let began = std::time::Instant::now();
        let (model, told) = paths(scenario, count, 0);
        let at = format!("{} | {} × {}", scenario.id, scenario.n, scenario.what);
        for (k, p) in model.params.iter().enumerate() {
            let row: Vec<String> = (0..3).map(|way| percent(&told, way, k)).collect();
            let (name, truth) = (&p.name, scenario.theta[k]);
            writeln!(coverage, "| {at} | {name} | {truth} | {} | {} |", told.len(), row.join(" | ")).expect("text");
        }
        let truth = if scenario.id == "ckls" { -scenario.theta[1] } else { scenario.theta[0] };
        let row: Vec<String> = (0..3).map(|which| bias(&told, which)).collect();
        writeln!(biases, "| {at} | {truth} | {} |", row.join(" | ")).expect("text");
        eprintln!("{at}: {:.1} s", began.elapsed().as_secs_f64());
    }
    let mut boots = "| model | observed | parameter | truth | fits | percentile | basic | bias of the speed | less the bootstrap's |\n|---|---|---|---|---|---|---|---|---|\n".to_string();
    for scenario in [SCENARIOS[0], SCENARIOS[2], SCENARIOS[4], SCENARIOS[6]] {
        let began = std::time::Instant::now();
        let (model, told) = paths(&scenario, 100.min(count), 200);
        let at = format!("{} | {} × {}", scenario.id, scenario.n, scenario.what);
        for (k, p) in model.params.iter().enumerate() {
            let row: Vec<String> = (0..2).map(|way| percent(&told, way, k)).collect();
            let (raw, corrected) =
                if k == 0 { (bias(&told, 0), bias(&told, 1)) } else { (String::new(), String::new()) };
            let (name, truth) = (&p.name, scenario.theta[k]);
            writeln!(boots, "| {at} | {name} | {truth} | {} | {} | {raw} | {corrected} |", told.len(), row.join(" | "))
                .expect("text");
        }
        eprintln!("{at}, bootstrap: {:.1} s", began.elapsed().as_secs_f64());
    }
    println!(
        "## Intervals\n\n{coverage}\n## Bias of the speed of mean reversion (root mean square error)\n\n{biases}\n## Parametric bootstrap, 200 replicates\n\n{boots}"
    );
}

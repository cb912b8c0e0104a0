//! The filter against closed forms, other forms and its own differences.

use super::*;
use crate::base::{Purpose, Seed};
use crate::form::affine;
use crate::form::monte_carlo::{Run, Scheme, Start as From, simulate};
use crate::models::{built_in, built_in_text, read};
use crate::predictive::Predictive;
use crate::stats;

pub(super) const DT: f64 = 1.0 / 252.0;

pub(super) fn model(id: &str) -> Model {
    built_in(id).expect("built in")
}

/// Prices of a simulated path, by short Euler steps.
pub(super) fn simulated(model: &Model, theta: &[f64], latent: f64, rows: usize, seed: u64) -> Observations {
    let times: Vec<f64> = (1..rows).map(|i| i as f64 * DT).collect();
    let run = Run {
        theta,
        start: From::At(&[4.6, latent]),
        t0: 0.0,
        times: &times,
        paths: 1,
        step: DT / 20.0,
        scheme: Scheme::EulerMaruyama,
        key: Seed(seed).key(Purpose::Simulation, 0, 0),
    };
    let states = simulate(model, &run).expect("simulates").states;
    let levels = std::iter::once(4.6).chain(states.iter().map(|row| row[0][0]));
    let values = levels.map(|y| Some(math::exp(y))).collect();
    Observations { times: std::iter::once(0.0).chain(times.iter().copied()).collect(), values: vec![values] }
}

#[test]
fn without_noise_of_the_volatility_it_is_the_normal_likelihood() {
    let model = model("log-volatility");
    let theta = [5.0, -3.0, 1e-3, -0.5, 0.1];
    let record = simulated(&model, &theta, -3.0, 300, 1);
    let filter = Volatility::new(&model, &record, &Settings::default(), &theta).expect("a filter");
    let total = filter.total(&theta).expect("a likelihood");
    let prices: Vec<f64> = record.values[0].iter().flatten().copied().collect();
    let variance = math::exp(-3.0);
    let exact: f64 = prices
        .windows(2)
        .map(|w| {
            let moved = (w[1] / w[0]).ln() - (0.1 - 0.5 * variance) * DT;
            -0.5 * (moved * moved / (variance * DT) + (std::f64::consts::TAU * variance * DT).ln()) - w[1].ln()
        })
        .sum();
    // The volatility still moves by a ten-thousandth.
    assert!((total - exact).abs() < 1e-3, "{total} {exact}");
}

#[test]
fn the_slope_is_that_of_the_likelihood() {
    for (id, theta) in [
        ("log-volatility", vec![6.0, -3.2, 2.0, -0.6, 0.1]),
        ("log-volatility-jumps", vec![6.0, -3.2, 2.0, -0.6, 0.1, 20.0, -0.02, 0.1]),
        ("heston", vec![5.0, 0.05, 0.5, -0.6, 0.1]),
        ("garch-diffusion", vec![5.0, 0.05, 1.5, -0.3, 0.1]),
        ("log-volatility-t", vec![6.0, -3.2, 2.0, -0.6, 0.1, 5.5]),
    ] {
        let model = model(id);
        let record = simulated(&model, &theta, if id.starts_with("log") { -3.0 } else { 0.05 }, 200, 3);
        let filter = Volatility::new(&model, &record, &Settings::default(), &theta).expect("a filter");
        slopes_are_differences(id, &filter, &theta);
    }
}

/// The gradient beside differences of the fourth order.
pub(super) fn slopes_are_differences(id: &str, filter: &Volatility, theta: &[f64]) {
    let Told { total, gradient: slopes, .. } = filter.told(theta).expect("a slope");
    assert!((total - filter.total(theta).expect("a value")).abs() < 1e-9);
    for k in 0..theta.len() {
        let h = 1e-4 * theta[k].abs();
        let at = |steps: f64| {
            let mut moved = theta.to_vec();
            moved[k] += steps * h;
            filter.total(&moved).expect("a value")
        };
        let difference = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * h);
        let size = slopes.iter().zip(theta).map(|(s, t)| (s * t).abs()).fold(1.0, f64::max) / theta[k].abs();
        assert!((slopes[k] - difference).abs() < 1e-6 * size, "{id} {k}: {} {difference}", slopes[k]);
    }
}

/// At the truth the outer products of the scores of 96 blocks are the curvature to a few times the root of 2/96 (White 1982, theorem 3.3).
#[test]
fn the_metric_is_near_the_curvature() {
    let model = model("log-volatility");
    let theta = [10.0, -3.2, 3.0, -0.6, 0.1];
    let record = simulated(&model, &theta, -3.2, 4_000, 8);
    let filter = Volatility::new(&model, &record, &Settings::default(), &theta).expect("a filter");
    let metric = filter.told(&theta).expect("told").metric;
    for k in 0..theta.len() {
        let h = 1e-3 * theta[k].abs();
        let slope = |steps: f64| {
            let mut moved = theta;
            moved[k] += steps * h;
            filter.told(&moved).expect("told").gradient[k]
        };
        let curvature = -(slope(1.0) - slope(-1.0)) / (2.0 * h) / 4_000.0;
        let ratio = metric[(k, k)] / curvature;
        assert!((ratio - 1.0).abs() < 4.0 * (2.0f64 / 96.0).sqrt(), "{k}: {ratio}");
    }
}

/// From a latent state that is all but known: a single row from the file's value.
#[test]
fn hestons_laws_ahead_are_those_of_its_characteristic_function() {
    let model = model("heston");
    let theta = [4.0, 0.06, 0.4, -0.7, 0.08];
    let record = Observations { times: vec![0.0, DT], values: vec![vec![Some(100.0), Some(100.5)]] };
    let mut outlook = Outlook::new(&model, &theta, &record).expect("an outlook");
    // All of the latent state in one place.
    let place = outlook.filter.mesh.places.partition_point(|v| *v < 0.05);
    outlook.masses.fill(0.0);
    outlook.masses[place] = 1.0;
    let v = outlook.filter.mesh.places[place];
    let level = 100.5f64.ln();
    for (rows, tolerance) in [(1, 2e-3), (5, 1e-3), (20, 1e-3), (120, 1e-3)] {
        let time = rows as f64 * DT;
        let laws = outlook.laws(&[DT + time], Ahead::Level).expect("laws");
        let law = &laws[0];
        let sd = law.sd().expect("an sd");
        let points: Vec<f64> = (-40..=40).map(|i| level + 0.1 * f64::from(i) * sd).collect();
        let exact = affine::density(&model, &theta, &[level, v], time, 0, &points).expect("exact").values;
        let peak = exact.iter().copied().fold(0.0, f64::max);
        for (x, p) in points.iter().zip(&exact) {
            let ours = law.log_pdf(*x).expect("a density").exp();
            assert!((ours - p).abs() < tolerance * peak, "{rows} rows, {x}: {ours} {p} of {peak}");
        }
    }
}

#[test]
fn laws_of_several_rows_are_those_of_simulated_paths() {
    for (id, theta, latent) in [
        ("log-volatility", vec![8.0, -3.2, 3.0, -0.6, 0.1], -2.5),
        ("log-volatility-jumps", vec![8.0, -3.2, 3.0, -0.6, 0.1, 30.0, -0.02, 0.15], -2.5),
        ("garch-diffusion", vec![8.0, 0.05, 2.5, -0.5, 0.1], 0.08),
    ] {
        let model = model(id);
        let record = Observations { times: vec![0.0, DT], values: vec![vec![Some(100.0), Some(100.5)]] };
        let mut outlook = Outlook::new(&model, &theta, &record).expect("an outlook");
        let place = outlook.filter.mesh.places.partition_point(|v| *v < latent);
        outlook.masses.fill(0.0);
        outlook.masses[place] = 1.0;
        let start = [100.5f64.ln(), outlook.filter.mesh.places[place]];
        let times = [1.0, 5.0, 20.0].map(|rows| rows * DT);
        let run = Run {
            theta: &theta,
            start: From::At(&start),
            t0: 0.0,
            times: &times,
            paths: 20_000,
            step: DT / 16.0,
            scheme: Scheme::EulerMaruyama,
            key: Seed(5).key(Purpose::Simulation, 0, 0),
        };
        let states = simulate(&model, &run).expect("simulates").states;
        let ahead = times.map(|t| DT + t);
        let laws = outlook.laws(&ahead, Ahead::Level).expect("laws");
        let drawn = outlook.draws(&ahead, Ahead::Level, 20_000, Seed(6).key(Purpose::Forecast, 0, 0)).expect("draws");
        for ((law, row), own) in laws.iter().zip(&states).zip(&drawn) {
            let values: Vec<f64> = row.iter().map(|state| state[0]).collect();
            for sample in [&values, own] {
                // Kolmogorov's statistic of the sample: 1.95 is passed once in a thousand times.
                let mut pits: Vec<f64> = sample.iter().map(|x| law.cdf(*x)).collect();
                pits.sort_by(f64::total_cmp);
                let n = pits.len() as f64;
                let gaps = pits.iter().enumerate().map(|(i, p)| (p - (i as f64 + 0.5) / n).abs());
                let worst = gaps.fold(0.0, f64::max) * n.sqrt();
                assert!(worst < 1.95, "{id}: {worst}");
            }
        }
    }
}

#[test]
fn one_step_laws_of_a_simulated_path_are_calibrated_and_the_mesh_is_fine_enough() {
    let model = model("log-volatility");
    let theta = [8.0, -3.2, 3.0, -0.7, 0.1];
    let record = simulated(&model, &theta, -3.2, 1_500, 11);
    let filter = Volatility::new(&model, &record, &Settings::default(), &theta).expect("a filter");
    let filtered = filter.filter(&record, &theta).expect("filters");
    let pits = filtered.pits();
    assert_eq!(pits.len(), 1_499);
    assert!(stats::ks_uniform_p(&pits) > 0.01, "{}", stats::ks_uniform_p(&pits));
    assert!(filtered.error.expect("an estimate") < 1e-6, "{:?}", filtered.error);
    assert!((filtered.total() - filter.total(&theta).expect("a value")).abs() < 1e-9);
}

#[test]
fn an_outlook_that_follows_a_record_is_the_one_made_at_its_end() {
    let model = model("log-volatility");
    let theta = [8.0, -3.2, 3.0, -0.7, 0.1];
    let record = simulated(&model, &theta, -3.2, 120, 12);
    let mut followed = Outlook::new(&model, &theta, &record.first(100)).expect("an outlook");
    for rows in [101, 110, 120] {
        followed.follow(&record.first(rows)).expect("follows");
    }
    let fresh = Outlook::new(&model, &theta, &record).expect("an outlook");
    let gap = followed.masses.iter().zip(&fresh.masses).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(gap < 1e-12, "{gap}");
    // A changed past is not followed but begun anew.
    let mut other = record.clone();
    other.values[0][50] = Some(90.0);
    followed.follow(&other).expect("follows");
    let anew = Outlook::new(&model, &theta, &other).expect("an outlook");
    let gap = followed.masses.iter().zip(&anew.masses).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(gap < 1e-12, "{gap}");
}

#[test]
fn what_is_not_latent_volatility_is_refused_by_name() {
    for (id, part) in
        [("sabr", "hang on f itself"), ("two-factor-gaussian", "neither a state"), ("ou", "not one state")]
    {
        let why = why_not(&model(id)).expect("refused");
        assert!(why.contains(part), "{id}: {why}");
    }
    for id in [
        "heston",
        "bates",
        "garch-diffusion",
        "log-volatility",
        "log-volatility-level",
        "log-volatility-jumps",
        "log-volatility-t",
    ] {
        assert_eq!(why_not(&model(id)), None, "{id}");
    }
    let text = built_in_text("heston")
        .expect("heston")
        .replace("drift.y        = \"mu - v/2\"", "drift.y        = \"mu*sin(t)\"");
    let timed = read("m.toml", &text).expect("reads");
    assert!(why_not(&timed).expect("refused").contains("change with time"));
    let record = Observations { times: vec![0.0, DT, DT], values: vec![vec![Some(1.0); 3]] };
    let heston = model("heston");
    let theta = heston.default_params().values;
    let twice = Volatility::new(&heston, &record, &Settings::default(), &theta).expect_err("two rows at one time");
    assert!(twice.to_string().contains("of one time"), "{twice}");
    let law = Outlook::new(
        &heston,
        &theta,
        &Observations { times: vec![0.0, DT], values: vec![vec![Some(1.0), Some(1.01)]] },
    );
    let laws = law.expect("an outlook").laws(&[2.0 * DT], Ahead::Move).expect("laws");
    assert!(matches!(laws[0], Predictive::Density(_)));
}

//! Student's innovations against a quadrature written out, the normal law they end in, and simulated paths.

use super::tests::{DT, model, simulated};
use super::*;
use crate::base::{Purpose, Seed};
use crate::process::{Family, Law};
use crate::stats;

const THETA: [f64; 6] = [8.0, -3.2, 3.0, -0.6, 0.1, 5.0];

/// Log prices `[row][path]` from 4.6 and the latent state `h`, by short Euler steps: the free part of a row's move under a variance of its own.
fn paths(theta: &[f64], h: f64, rows: usize, paths: usize, seed: u64) -> Vec<Vec<f64>> {
    const STEPS: usize = 16;
    let &[kappa, mean, xi, rho, mu, nu] = theta else { panic!("six parameters") };
    let mixing = Law::new(Family::Gamma, &[0.5 * nu, 0.5 * nu]).expect("a law");
    let key = Seed(seed).key(Purpose::Simulation, 0, 0);
    let dt = DT / STEPS as f64;
    let mut out = vec![Vec::with_capacity(paths); rows];
    for p in 0..paths {
        let mut stream = key.stream(p as u64);
        let (mut y, mut h) = (4.6, h);
        for row in &mut out {
            let (mut told, mut free) = (0.0, 0.0);
            for _ in 0..STEPS {
                let (a, b) = (dt.sqrt() * stream.normal(), dt.sqrt() * stream.normal());
                let sd = (0.5 * h).exp();
                told += (mu - 0.5 * sd * sd) * dt + sd * rho * a;
                free += sd * (1.0 - rho * rho).sqrt() * b;
                h += kappa * (mean - h) * dt + xi * a;
            }
            let size = ((nu - 2.0) / nu / mixing.sample(&mut stream)).sqrt();
            y += told + size * free;
            row.push(y);
        }
    }
    out
}

fn record_of(levels: impl Iterator<Item = f64>) -> Observations {
    let values: Vec<Option<f64>> = levels.map(|y| Some(y.exp())).collect();
    Observations { times: (0..values.len()).map(|i| i as f64 * DT).collect(), values: vec![values] }
}

/// The same integral on a fine even grid of the latent state, everything written out for this one model.
#[test]
fn the_likelihood_of_a_few_rows_is_the_integral_written_out() {
    let moves = [0.011, -0.034, 0.002, 0.09];
    let mut level = 4.6;
    let record = record_of(std::iter::once(4.6).chain(moves.map(|r| {
        level += r;
        level
    })));
    let [kappa, mean, xi, rho, mu, nu] = THETA;
    let n = 1_201;
    let sd = xi / (2.0 * kappa).sqrt();
    let width = 18.0 * sd / (n - 1) as f64;
    let places: Vec<f64> = (0..n).map(|i| mean + (i as f64 - 600.0) * width).collect();
    let normal = |x: f64, variance: f64| (-0.5 * x * x / variance).exp() / (std::f64::consts::TAU * variance).sqrt();
    let decay = (-kappa * DT).exp();
    let variance = sd * sd * (1.0 - decay * decay);
    let drift = |h: f64| {
        let share = rho * (0.5 * h).exp() / xi;
        mu - 0.5 * h.exp() - kappa * (mean - h) * share - 0.25 * xi * xi * share
    };
    let constant = student::ln_constant(nu);
    let mut masses: Vec<f64> = places.iter().map(|h| width * normal(h - mean, sd * sd)).collect();
    let mut total = 0.0;
    for (i, r) in moves.iter().enumerate() {
        let mut next = vec![0.0; n];
        for (h, mass) in places.iter().zip(&masses).filter(|(_, m)| **m > 1e-18) {
            for (to, next) in places.iter().zip(&mut next) {
                let away = to - mean - (h - mean) * decay;
                if away * away > 80.0 * variance {
                    continue;
                }
                let told = 2.0 * rho / xi * ((0.5 * to).exp() - (0.5 * h).exp()) + 0.5 * DT * (drift(*h) + drift(*to));
                let spread = 0.5 * DT * (1.0 - rho * rho) * (h.exp() + to.exp());
                let q = (r - told) * (r - told) / ((nu - 2.0) * spread);
                let density = constant - 0.5 * spread.ln() - 0.5 * (nu + 1.0) * q.ln_1p();
                *next += mass * width * normal(away, variance) * density.exp();
            }
        }
        let row: f64 = next.iter().sum();
        total += row.ln() - record.values[0][i + 1].expect("a value").ln();
        masses = next.iter().map(|m| m / row).collect();
    }
    let filter = Volatility::new(&model("log-volatility-t"), &record, &Settings::default(), &THETA).expect("a filter");
    let ours = filter.total(&THETA).expect("a likelihood");
    assert!((ours - total).abs() < 1e-6, "{ours} {total}");
}

#[test]
fn many_degrees_of_freedom_are_the_normal_law_but_for_one_over_their_number() {
    let (plain, heavy) = (model("log-volatility"), model("log-volatility-t"));
    let record = simulated(&plain, &THETA[..5], -3.2, 200, 3);
    let filter = Volatility::new(&plain, &record, &Settings::default(), &THETA[..5]).expect("a filter");
    let normal = filter.total(&THETA[..5]).expect("a likelihood");
    let off = |nu: f64| {
        let theta = [&THETA[..5], &[nu]].concat();
        let filter = Volatility::new(&heavy, &record, &Settings::default(), &theta).expect("a filter");
        filter.total(&theta).expect("a likelihood") - normal
    };
    let (few, many) = (off(1e4), off(1e5));
    assert!(few.abs() < 200.0 * 10.0 / 1e4 && (few / many - 10.0).abs() < 0.1, "{few} {many}");
}

#[test]
fn laws_and_draws_of_several_rows_are_those_of_simulated_paths() {
    let model = model("log-volatility-t");
    let record = record_of([4.6, 4.605].into_iter());
    let mut outlook = Outlook::new(&model, &THETA, &record).expect("an outlook");
    let place = outlook.filter.mesh.places.partition_point(|v| *v < -2.8);
    outlook.masses.fill(0.0);
    outlook.masses[place] = 1.0;
    let simulated = paths(&THETA, outlook.filter.mesh.places[place], 20, 20_000, 5);
    let times = [1.0, 5.0, 20.0].map(|rows| (1.0 + rows) * DT);
    let laws = outlook.laws(&times, Ahead::Level).expect("laws");
    let drawn = outlook.draws(&times, Ahead::Level, 20_000, Seed(6).key(Purpose::Forecast, 0, 0)).expect("draws");
    for ((law, row), own) in laws.iter().zip([0, 4, 19]).zip(&drawn) {
        let moved: Vec<f64> = simulated[row].iter().map(|y| y + 0.005).collect();
        for sample in [&moved, own] {
            let pits: Vec<f64> = sample.iter().map(|x| law.cdf(*x)).collect();
            assert!(stats::ks_uniform_p(&pits) > 1e-3, "{row}: {}", stats::ks_uniform_p(&pits));
        }
    }
    // Far out a single row's law is the mixture itself, and that of several does not end.
    let far = laws[0].log_pdf(4.605 - 1.0).expect("a density");
    let exact = law::next(&outlook_band(&outlook), &outlook_moves(&outlook), None, &outlook.masses);
    assert!(far.is_finite() && far > exact.densities(&[-1.0])[0].max(1e-300).ln(), "{far}");
    assert!(laws[2].log_pdf(4.605 - 1.5).expect("a density") > -25.0);
}

#[test]
fn simulated_states_are_read_with_the_law_of_the_filter() {
    use crate::form::monte_carlo::{Run, Scheme, Start as From, simulate};
    let model = model("log-volatility-t");
    let mut outlook = Outlook::new(&model, &THETA, &record_of([4.6, 4.605].into_iter())).expect("an outlook");
    let place = outlook.filter.mesh.places.partition_point(|v| *v < -2.8);
    outlook.masses.fill(0.0);
    outlook.masses[place] = 1.0;
    let start = [4.605, outlook.filter.mesh.places[place]];
    let times: Vec<f64> = (1..=10).map(|i| f64::from(i) * DT).collect();
    let key = Seed(9).key(Purpose::Simulation, 0, 0);
    let (start_at, step, scheme) = (From::At(&start), DT / 16.0, Scheme::EulerMaruyama);
    let run = Run { theta: &THETA, start: start_at, t0: 0.0, times: &times, paths: 20_000, step, scheme, key };
    let mut states = vec![start.iter().map(|x| vec![*x; 20_000]).collect::<Vec<_>>()];
    states.extend(simulate(&model, &run).expect("simulates").states);
    let rows: Vec<f64> = std::iter::once(0.0).chain(times).collect();
    let read = innovated(&model, &THETA, &rows, &states, key).expect("reads").expect("innovations");
    for row in [1, 10] {
        let laws = outlook.laws(&[DT + rows[row]], Ahead::Level).expect("laws");
        let pits: Vec<f64> = read[row].iter().map(|s| laws[0].cdf(s.ln())).collect();
        assert!(stats::ks_uniform_p(&pits) > 1e-3, "{row}: {}", stats::ks_uniform_p(&pits));
    }
    // Without innovations there is nothing to stretch.
    let plain = tests::model("log-volatility");
    assert!(innovated(&plain, &THETA[..5], &rows, &states, key).expect("reads").is_none());
}

/// The first length's moves, as they are at the outlook's parameters.
fn outlook_moves(outlook: &Outlook) -> Moves {
    let Volatility { read, mesh, bands, .. } = &outlook.filter;
    Moves::new(&read.shape, mesh, &bands[0], &THETA).expect("moves")
}

fn outlook_band(outlook: &Outlook) -> Band {
    outlook.filter.bands[0].clone()
}

#[test]
fn one_step_laws_of_simulated_rows_are_calibrated_and_degrees_of_freedom_are_found() {
    let model = model("log-volatility-t");
    let levels = paths(&THETA, -3.2, 3_000, 1, 11);
    let record = record_of(levels.iter().map(|row| row[0]));
    let filter = Volatility::new(&model, &record, &Settings::default(), &THETA).expect("a filter");
    let filtered = filter.filter(&record, &THETA).expect("filters");
    assert!(stats::ks_uniform_p(&filtered.pits()) > 0.01, "{}", stats::ks_uniform_p(&filtered.pits()));
    assert!(filtered.error.expect("an estimate") < 1e-6, "{:?}", filtered.error);
    // A price has no mean under such moves.
    assert!(filtered.predicted[0].iter().all(Option::is_none));
    // The score at the truth is no larger than its standard deviation allows, in every parameter.
    let told = filter.told(&THETA).expect("told");
    let z = |k: usize| told.gradient[k] / (3_000.0 * told.metric[(k, k)]).sqrt();
    assert!((0..THETA.len()).all(|k| z(k).abs() < 3.5), "{:?}", (0..THETA.len()).map(z).collect::<Vec<_>>());
}

#[test]
fn innovations_are_refused_where_they_say_nothing() {
    use crate::models::{built_in_text, read};
    let text = built_in_text("log-volatility-t").expect("built in");
    let jumps = format!("{text}\n[[jump]]\nrate = \"1\"\nmark.J = \"normal(0, 1)\"\nafter.y = \"y + J\"\n");
    let why = why_not(&read("m.toml", &jumps).expect("reads")).expect("refused");
    assert!(why.contains("jumps besides"), "{why}");
    for (from, part) in [
        ("student(h)", "parameters only"),
        ("student(nu, 2)", "student(degrees of freedom)"),
        ("cauchy(1)", "student(degrees of freedom)"),
    ] {
        let error = read("m.toml", &text.replace("student(nu)", from)).expect_err("refused").to_string();
        assert!(error.contains(part), "{error}");
    }
    let one = built_in_text("gbm").expect("gbm");
    let error = read("m.toml", &format!("{one}\n[observe.s]\nof = \"x\"\ninnovations = \"student(5)\"\n"));
    assert!(error.expect_err("refused").to_string().contains("two states"));
}

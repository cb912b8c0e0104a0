//! Two exact log densities that share nothing but the coefficients, held against each other transition by transition.
//!
//! The spectrum's error is up to 2e-13 of the peak, so it is independent to six digits down to 1e-6 of the peak and
//! to four down to 1e-8; further out the equation stands alone (against closed laws in its own tests).

use super::likelihood::{Spectrum, settle};
use crate::form::{Pairs, likelihood};
use crate::models::{Model, built_in};
use std::time::Instant;

/// From each start to 41 states within eight standard deviations.
fn fan(model: &Model, theta: &[f64], starts: &[f64], dt: f64) -> Pairs {
    let process = model.scalar().expect("one-dimensional");
    let mut coefficients = process.coefficients(theta);
    let mut pairs = Pairs::default();
    for x0 in starts {
        let b = coefficients.at(0.0, *x0).1;
        for k in -20..=20 {
            let x1 = x0 + f64::from(k) * 0.4 * b * dt.sqrt();
            if process.state.holds(x1) {
                pairs.x0.push(*x0);
                pairs.x1.push(x1);
                pairs.dt.push(dt);
                pairs.t0.push(0.0);
            }
        }
    }
    pairs
}

/// What two exact forms differ by.
struct Agreement {
    /// Transitions above 1e-6 of the peak of their start, and those from there down to 1e-8.
    rows: [usize; 2],
    worst: [f64; 2],
    beyond: usize,
    /// What each says of itself.
    errors: [f64; 2],
    seconds: [f64; 2],
}

fn compare(model: &Model, theta: &[f64], starts: &[f64], dt: f64) -> Agreement {
    let pairs = fan(model, theta, starts, dt);
    let process = model.scalar().expect("one-dimensional");
    let began = Instant::now();
    let equation = likelihood::log_transitions(model, theta, &pairs).expect("densities");
    let middle = began.elapsed().as_secs_f64();
    let spectrum = settle(&Spectrum { model, process, pairs: &pairs }, theta).expect("a basis");
    let seconds = [middle, began.elapsed().as_secs_f64() - middle];
    let (mut rows, mut worst, mut beyond) = ([0; 2], [0.0f64; 2], 0);
    for (i, (one, two)) in equation.value.iter().zip(&spectrum.seen.value).enumerate() {
        let same_start = |j: &usize| pairs.x0[*j] == pairs.x0[i];
        let peak = (0..pairs.len()).filter(same_start).map(|j| equation.value[j]).fold(f64::NEG_INFINITY, f64::max);
        let share = (one - peak).exp();
        let class = match share {
            s if s > 1e-6 => 0,
            s if s > 1e-8 => 1,
            _ => {
                beyond += 1;
                continue;
            }
        };
        rows[class] += 1;
        worst[class] = worst[class].max((one - two).abs());
    }
    Agreement { rows, worst, beyond, errors: [equation.error, spectrum.error / pairs.len() as f64], seconds }
}

fn cases() -> [(&'static str, Vec<f64>, Vec<f64>); 2] {
    [
        ("ckls", vec![2.154, -0.2733, 0.1509, 1.398], vec![3.5, 6.0, 9.0, 15.0]),
        ("double-well", vec![1.0, 1.0, 0.8], vec![-1.4, -0.9, 0.1, 1.2]),
    ]
}

#[test]
fn the_equation_and_the_spectrum_agree_transition_by_transition() {
    for (id, theta, starts) in cases() {
        let model = built_in(id).expect("built in");
        for dt in [1.0 / 52.0, 1.0 / 12.0] {
            let found = compare(&model, &theta, &starts, dt);
            assert!(found.rows[0] >= 60 && found.rows[1] >= 2, "{id} {dt}: {:?}", found.rows);
            assert!(found.worst[0] < 1e-6 && found.worst[1] < 1e-4, "{id} {dt}: {:?}", found.worst);
        }
    }
}

#[test]
#[ignore = "a study: prints the table of reports/validation/exact-likelihoods.md"]
fn agreement_at_days_weeks_and_months() {
    println!(
        "| model | step | rows above 1e-6 | largest difference | rows down to 1e-8 | largest difference | rows further out | own errors: equation, spectrum | ms: equation, spectrum |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (id, theta, starts) in cases() {
        let model = built_in(id).expect("built in");
        for (name, dt) in [("day", 1.0 / 252.0), ("week", 1.0 / 52.0), ("month", 1.0 / 12.0)] {
            let f = compare(&model, &theta, &starts, dt);
            println!(
                "| {id} | {name} | {} | {:.1e} | {} | {:.1e} | {} | {:.0e}, {:.0e} | {:.1}, {:.1} |",
                f.rows[0],
                f.worst[0],
                f.rows[1],
                f.worst[1],
                f.beyond,
                f.errors[0],
                f.errors[1],
                1e3 * f.seconds[0],
                1e3 * f.seconds[1]
            );
        }
    }
}

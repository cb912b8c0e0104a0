//! Densities, gradients and tails against closed laws and against the spectrum.

use super::*;
use crate::form::{Transitions, schroedinger};
use crate::models::built_in;
use std::time::Instant;

/// Transitions from several starts over distances of up to `reach` standard deviations.
fn fan(model: &Model, theta: &[f64], starts: &[f64], dt: f64, reach: f64) -> Pairs {
    let process = model.scalar().expect("one-dimensional");
    let mut coefficients = process.coefficients(theta);
    let mut pairs = Pairs::default();
    for x0 in starts {
        let b = coefficients.at(0.0, *x0).1;
        for k in -12..=12 {
            let x1 = x0 + f64::from(k) / 12.0 * reach * b * dt.sqrt();
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

fn closed_laws() -> [(&'static str, Vec<f64>, Vec<f64>); 5] {
    [
        ("bm", vec![0.3, 0.8], vec![-1.0, 2.0]),
        ("gbm", vec![0.1, 0.3], vec![0.5, 2.0]),
        ("ou", vec![1.5, 0.5, 0.8], vec![-2.0, 0.5, 3.0]),
        ("cir", vec![1.3, 0.9, 0.4], vec![0.3, 0.9, 2.0]),
        ("cir", vec![0.4868, 7.17, 0.895], vec![3.0, 8.0, 16.0]),
    ]
}

#[test]
fn closed_laws_at_every_step_and_in_the_tails() {
    for (id, theta, starts) in closed_laws() {
        let model = built_in(id).expect("built in");
        let exact = Transitions::new(&model, Form::Exact).expect("closed");
        for dt in [1.0 / 252.0, 1.0 / 52.0, 1.0 / 12.0, 1.0] {
            let pairs = fan(&model, &theta, &starts, dt, 5.0);
            let found = log_transitions(&model, &theta, &pairs).expect("densities");
            let truth = exact.log_density(&theta, &pairs, false).value;
            let worst =
                found.value.iter().zip(&truth).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max);
            eprintln!("{id} {dt:.4}: {worst:.1e} estimated {:.1e} n {}", found.error, pairs.len());
            assert!(worst < 1e-7, "{id} {dt}: {worst:e}");
        }
    }
}

#[test]
fn beside_an_end_that_is_reached_and_singular_there_is_no_answer_rather_than_a_wrong_one() {
    let model = built_in("cir").expect("built in");
    let pairs = fan(&model, &[0.8, 0.06, 0.35], &[0.03, 0.06], 1.0 / 12.0, 2.0);
    let near = log_transitions(&model, &[0.8, 0.06, 0.35], &pairs).expect("an answer");
    assert!(near.value.iter().all(|v| *v == f64::NEG_INFINITY));
    // Far from it the same parameters are no trouble.
    let pairs = fan(&model, &[0.8, 0.06, 0.35], &[3.0], 1.0 / 12.0, 5.0);
    let exact = Transitions::new(&model, Form::Exact).expect("closed");
    let truth = exact.log_density(&[0.8, 0.06, 0.35], &pairs, false).value;
    let far = log_transitions(&model, &[0.8, 0.06, 0.35], &pairs).expect("an answer");
    assert!(far.value.iter().zip(&truth).all(|(a, b)| (a - b).abs() < 1e-8));
}

#[test]
fn gradients_are_those_of_closed_laws() {
    for (id, theta, starts) in closed_laws() {
        let model = built_in(id).expect("built in");
        let process = model.scalar().expect("one-dimensional");
        let exact = Transitions::new(&model, Form::Exact).expect("closed");
        let pairs = fan(&model, &theta, &starts, 1.0 / 12.0, 4.0);
        let truth = exact.log_density(&theta, &pairs, true).gradient;
        let found = Resolvent::new(&process).log_density(&process, &theta, &pairs, true).gradient;
        for (k, (a, b)) in found.iter().zip(&truth).enumerate() {
            let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max);
            eprintln!("{id} {k}: {worst:.1e}");
            assert!(worst < 1e-7, "{id} {k}: {worst:e}");
        }
        let scores = Resolvent::new(&process).normal_scores(&process, &theta, &pairs);
        let truth = exact.normal_scores(&theta, &pairs);
        let worst = scores.iter().zip(&truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        eprintln!("{id} scores {worst:.1e}");
        assert!(worst < 1e-7, "{id}: {worst:e}");
    }
}

#[test]
fn agrees_with_the_spectrum_on_models_without_a_law() {
    for (id, theta, starts) in [
        ("ckls", vec![2.0, -0.26, 0.13, 1.45], vec![4.0, 7.0, 12.0]),
        ("double-well", vec![1.0, 1.0, 0.8], vec![-1.0, 0.2, 1.3]),
    ] {
        let model = built_in(id).expect("built in");
        for dt in [1.0 / 52.0, 1.0 / 12.0] {
            let pairs = fan(&model, &theta, &starts, dt, 5.0);
            let from = Instant::now();
            let found = log_transitions(&model, &theta, &pairs).expect("densities");
            let middle = from.elapsed();
            let other = schroedinger::log_transitions(&model, &theta, &pairs).expect("densities");
            let worst = found.value.iter().zip(&other.value).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            eprintln!(
                "{id} {dt:.4}: {worst:.1e} estimated {:.1e} and {:.1e}, {} in the tail, {middle:?} and {:?}",
                found.error,
                other.error,
                other.doubtful,
                from.elapsed() - middle
            );
            assert!(worst < 1e-6, "{id} {dt}: {worst:e}");
        }
    }
}

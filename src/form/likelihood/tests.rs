//! Densities, gradients and tails against closed laws and against the spectrum.

use super::*;
use crate::form::Transitions;
use crate::models::{built_in, read};
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
            assert!(worst < 1e-7, "{id} {dt}: {worst:e}");
        }
    }
}

#[test]
fn beside_an_end_that_is_reached_and_singular_there_is_no_answer_rather_than_a_wrong_one() {
    let model = built_in("cir").expect("built in");
    let pairs = fan(&model, &[0.8, 0.06, 0.35], &[0.03, 0.06], 1.0 / 12.0, 2.0);
    let refused = log_transitions(&model, &[0.8, 0.06, 0.35], &pairs).expect_err("an end that is reached");
    assert!(refused.to_string().contains("at which the diffusion vanishes"), "{refused}");
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
            assert!(worst < 1e-7, "{id} {k}: {worst:e}");
        }
        let scores = Resolvent::new(&process).normal_scores(&process, &theta, &pairs);
        let truth = exact.normal_scores(&theta, &pairs);
        let worst = scores.iter().zip(&truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-7, "{id}: {worst:e}");
    }
}

/// Evenly spread over (0, 1).
fn spread(i: usize) -> f64 {
    (0.5 + i as f64 * 0.618_033_988_749_894_9).fract()
}

/// As many transitions with all states different, over steps of one to `longest` rows.
fn many(model: &Model, theta: &[f64], n: usize, dt: f64, longest: usize) -> Pairs {
    let process = model.scalar().expect("one-dimensional");
    let mut coefficients = process.coefficients(theta);
    let mut pairs = Pairs::default();
    for i in 0..n {
        let (x0, dt) = (0.3 + 1.5 * spread(i), dt * (1 + i % longest) as f64);
        let z = 6.0 * (spread(7 * i + 3) - 0.5);
        pairs.x0.push(x0);
        pairs.x1.push(x0 + z * coefficients.at(0.0, x0).1 * dt.sqrt());
        pairs.dt.push(dt);
        pairs.t0.push(0.0);
    }
    pairs
}

#[test]
fn dropped_rows_are_longer_steps() {
    for (id, theta) in [("ou", vec![1.5, 0.5, 0.8]), ("cir", vec![1.3, 0.9, 0.4])] {
        let model = built_in(id).expect("built in");
        let process = model.scalar().expect("one-dimensional");
        let exact = Transitions::new(&model, Form::Exact).expect("closed");
        let pairs = many(&model, &theta, 120, 1.0 / 52.0, 8);
        let keep: Vec<usize> = (0..pairs.len()).filter(|i| process.state.holds(pairs.x1[*i])).collect();
        let pairs = pairs.at(&keep);
        let truth = exact.log_density(&theta, &pairs, true);
        let found = Resolvent::new(&process).log_density(&process, &theta, &pairs, true);
        let apart =
            |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max);
        let worst = apart(&found.value, &truth.value);
        assert!(worst < 1e-7, "{id}: {worst:e}");
        for (a, b) in found.gradient.iter().zip(&truth.gradient) {
            assert!(apart(a, b) < 1e-7, "{id}: {:e}", apart(a, b));
        }
    }
}

#[test]
fn a_kink_among_the_data_is_refused_by_name_and_one_elsewhere_is_none() {
    let model = |drift: &str| {
        let text = format!(
            "schema = 1\nid = \"d\"\ntitle = \"d\"\nkind = \"diffusion\"\n[state.x]\ndomain = [-inf, inf]\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"0.8\"\n"
        );
        read("d.toml", &text).expect("a model")
    };
    let pairs = Pairs { x0: vec![-0.3, 0.2], x1: vec![0.1, 0.4], dt: vec![0.05; 2], t0: vec![0.0; 2] };
    for drift in ["-abs(x)", "max(x, 0) - x", "if(x > 0.1, -x, -2*x)", "-floor(x)"] {
        let refused = log_transitions(&model(drift), &[], &pairs).expect_err("a kink");
        assert!(refused.to_string().contains("kink"), "{drift}: {refused}");
    }
    // Ten standard deviations away it changes nothing.
    let plain = log_transitions(&model("-x"), &[], &pairs).expect("densities").value;
    let far = log_transitions(&model("max(-x, -30)"), &[], &pairs).expect("densities").value;
    assert!(plain.iter().zip(&far).all(|(a, b)| (a - b).abs() < 1e-9), "{plain:?} {far:?}");
}

#[test]
#[ignore = "a study of cost: prints how long a pass over many days takes"]
fn cost_of_many_days() {
    for (id, theta) in [("ou", vec![1.5, 0.5, 0.8]), ("cir", vec![1.3, 0.9, 0.4])] {
        let model = built_in(id).expect("built in");
        let process = model.scalar().expect("one-dimensional");
        for (n, longest) in [(1_000, 1), (15_000, 1), (15_000, 8), (60_000, 1)] {
            let pairs = many(&model, &theta, n, 1.0 / 252.0, longest);
            let resolvent = Resolvent::new(&process);
            let began = Instant::now();
            let found = resolvent.log_density(&process, &theta, &pairs, true);
            let seconds = began.elapsed().as_secs_f64();
            let truth = Transitions::new(&model, Form::Exact).expect("closed").log_density(&theta, &pairs, false).value;
            let worst = found.value.iter().zip(&truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            println!("| {id} | {n} | 1 to {longest} | {:.0} | {worst:.1e} |", 1e3 * seconds);
        }
    }
}

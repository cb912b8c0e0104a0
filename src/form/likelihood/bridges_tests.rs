//! Simulated densities against closed laws, their error in the step, and their gradients.

use super::bridges::{Bridges, extrapolated, spread};
use super::*;
use crate::form::Transitions;
use crate::models::{built_in, built_in_ids, read};

/// Transitions from `x0` to where the closed law has these normal scores.
fn fan(model: &Model, theta: &[f64], x0: f64, dt: f64, scores: &[f64]) -> Pairs {
    let exact = Transitions::new(model, Form::Exact).expect("closed");
    let one = |x1: f64| Pairs { x0: vec![x0], x1: vec![x1], dt: vec![dt], t0: vec![0.0] };
    let law = exact.moments(theta, &one(x0));
    let mut pairs = Pairs::default();
    for z in scores {
        let x1 = law.mean[0] + z * law.variance[0].sqrt();
        pairs.x0.push(x0);
        pairs.x1.push(x1);
        pairs.dt.push(dt);
        pairs.t0.push(0.0);
    }
    pairs
}

fn closed_laws() -> [(&'static str, Vec<f64>, f64); 3] {
    [("ou", vec![1.5, 0.5, 0.8], -0.3), ("cir", vec![1.3, 0.9, 0.4], 0.6), ("gbm", vec![0.1, 0.3], 2.0)]
}

#[test]
fn closed_laws_are_met_within_four_standard_errors() {
    let scores = [-2.0, -1.0, -0.3, 0.4, 1.2, 2.1];
    for (id, theta, x0) in closed_laws() {
        let model = built_in(id).expect("built in");
        let exact = Transitions::new(&model, Form::Exact).expect("closed");
        for dt in [1.0 / 52.0, 1.0 / 12.0, 0.25] {
            let pairs = fan(&model, &theta, x0, dt, &scores);
            let truth = exact.log_density(&theta, &pairs, false).value;
            let found = simulated_log_transitions(&model, &theta, &pairs).expect("densities");
            let (mut worst, mut error, mut sd) = (0.0_f64, 0.0_f64, 0.0_f64);
            for i in 0..pairs.len() {
                let off = (found.value[i] - truth[i]).abs();
                worst = worst.max(off / (found.standard_error[i] + 1e-9));
                (error, sd) = (error.max(off), sd.max(found.standard_error[i]));
            }
            let z = exact.normal_scores(&theta, &pairs);
            let simulated = Transitions::new(&model, Form::MonteCarlo).expect("bridges").normal_scores(&theta, &pairs);
            let far = z.iter().zip(&simulated).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            eprintln!("{id} {dt:.4}: error {error:.1e} sd {sd:.1e} worst {worst:.1} scores {far:.1e}");
            assert!(worst < 4.0, "{id} {dt}: {worst} standard errors");
            // Two paths a rung of an eighth of a standard deviation.
            assert!(far < 0.05, "{id} {dt}: scores {far}");
        }
    }
}

/// Of `M` Euler steps of the Ornstein-Uhlenbeck process, which are normal.
fn euler_law(theta: &[f64], x0: f64, x1: f64, dt: f64, steps: i32) -> f64 {
    let delta = dt / f64::from(steps);
    let kept = 1.0 - theta[0] * delta;
    let mean = theta[1] + (x0 - theta[1]) * kept.powi(steps);
    let variance = theta[2] * theta[2] * delta * (1.0 - kept.powi(2 * steps)) / (1.0 - kept * kept);
    -0.5 * ((2.0 * std::f64::consts::PI * variance).ln() + (x1 - mean) * (x1 - mean) / variance)
}

#[test]
fn bridges_give_the_density_of_their_steps_whose_error_is_of_first_order_and_extrapolated_of_second() {
    let (model, theta, x0, dt) = (built_in("ou").expect("built in"), [1.5, 0.5, 0.8], -0.3, 0.25);
    let process = model.scalar().expect("one state");
    let pairs = fan(&model, &theta, x0, dt, &[-1.0, 0.5, 1.5]);
    let truth = Transitions::new(&model, Form::Exact).expect("closed").log_density(&theta, &pairs, false).value;
    for steps in [4, 8] {
        let bridges = Bridges::new(&process, steps as usize, 4_000);
        bridges.each(&process, &theta, &pairs, false, |i, [fine, coarse]| {
            let law = |steps: i32| euler_law(&theta, x0, pairs.x1[i], dt, steps);
            // Standard errors of each mean alone.
            let (a, b) = (fine.log - law(steps), coarse.log - law(steps / 2));
            let (sd_a, sd_b) = (spread(&fine, &fine), spread(&coarse, &coarse));
            eprintln!("{steps} {i}: {a:.1e} of {sd_a:.1e}, {b:.1e} of {sd_b:.1e}");
            assert!(a.abs() < 4.0 * sd_a && b.abs() < 4.0 * sd_b, "{steps} {i}: {a} {sd_a}, {b} {sd_b}");
            let both = extrapolated(&fine, &coarse).0 - (2.0 * law(steps) - law(steps / 2));
            assert!(both.abs() < 4.0 * spread(&fine, &coarse), "{steps} {i}: {both}");
        });
    }
    // The law that the bridges were just seen to have, at steps where theory holds.
    for (i, truth) in truth.iter().enumerate() {
        let plain = |steps: i32| euler_law(&theta, x0, pairs.x1[i], dt, steps) - truth;
        let both = |steps: i32| 2.0 * plain(steps) - plain(steps / 2);
        let slopes = ((plain(32) / plain(64)).log2(), (both(32) / both(64)).log2());
        eprintln!("{i}: slopes {slopes:?}; at 8 steps {:.1e} and {:.1e}", plain(8), both(8));
        assert!((slopes.0 - 1.0).abs() < 0.1 && (slopes.1 - 2.0).abs() < 0.1, "{slopes:?}");
    }
}

#[test]
fn the_gradient_is_the_difference_quotient_of_the_simulated_value_for_every_built_in_model() {
    let mut compared = 0;
    for id in built_in_ids() {
        let model = built_in(id).expect("built in");
        let Ok(transitions) = Transitions::new(&model, Form::MonteCarlo) else { continue };
        let state = model.scalar().expect("one state").state.clone();
        let x0 = match (state.lower.is_finite(), state.upper.is_finite()) {
            (true, true) => 0.6 * state.lower + 0.4 * state.upper,
            (true, false) => state.lower + 1.0,
            _ => 0.3,
        };
        let theta = model.default_params().values;
        let mut pairs = Pairs { x0: vec![x0], x1: vec![x0], dt: vec![model.horizon / 50.0], t0: vec![0.1] };
        let law = transitions.moments(&theta, &pairs);
        pairs.x1 = vec![law.mean[0] + law.variance[0].sqrt()];
        let exact = transitions.log_density(&theta, &pairs, true);
        assert_eq!(exact.value, transitions.log_density(&theta, &pairs, false).value);
        assert!(exact.value[0].is_finite(), "{id}: {:?}", exact.value);
        for (k, p) in model.params.iter().enumerate() {
            let value = |h: f64| {
                let mut moved = theta.clone();
                moved[k] += h;
                transitions.log_density(&moved, &pairs, false).value[0]
            };
            let size = p.size(theta[k]);
            let h = 1e-3 * if size.is_finite() { size.min(theta[k].abs().max(1e-3)) } else { theta[k].abs().max(0.1) };
            // Of eighth order.
            let weights = [(1.0, 0.8), (2.0, -0.2), (3.0, 4.0 / 105.0), (4.0, -1.0 / 280.0)];
            let quotient: f64 = weights.iter().map(|(j, w)| w * (value(j * h) - value(-j * h))).sum::<f64>() / h;
            let off = (exact.gradient[k][0] - quotient).abs() / (1.0 + quotient.abs());
            assert!(off < 1e-8, "{id} {}: {} {quotient}", p.name, exact.gradient[k][0]);
            compared += 1;
        }
    }
    eprintln!("{compared} slopes of simulated densities compared");
    assert!(compared > 50, "{compared}");
}

#[test]
fn the_fokker_planck_density_is_met_where_there_is_no_closed_law() {
    for (id, theta, x0) in [("ckls", vec![2.0, -0.26, 0.13, 1.45], 7.0), ("double-well", vec![1.0, 1.0, 0.8], 0.4)] {
        let model = built_in(id).expect("built in");
        let x1: Vec<f64> = [0.85, 0.95, 1.0, 1.1].iter().map(|s| s * x0).collect();
        let pairs = Pairs { x0: vec![x0; 4], x1, dt: vec![1.0 / 12.0; 4], t0: vec![0.0; 4] };
        let truth = log_transitions(&model, &theta, &pairs).expect("densities").value;
        let found = simulated_log_transitions(&model, &theta, &pairs).expect("densities");
        for i in 0..4 {
            let off = (found.value[i] - truth[i]).abs() / found.standard_error[i];
            eprintln!("{id} {i}: {off:.2} of {:.1e}", found.standard_error[i]);
            assert!(off < 4.0, "{id} {i}: {off} standard errors");
        }
    }
}

#[test]
fn ends_that_bridges_cannot_know_are_refused_by_name() {
    let text = "schema = 1\nid = \"box\"\ntitle = \"Box\"\nkind = \"diffusion\"\nsource = \"test\"\n[state.x]\ndomain = [-1, 1]\n\
                boundary = \"reflecting\"\n[params.s]\ndefault = 1.0\nbounds = [1e-6, 1e6]\n[dynamics]\ndrift.x = \"-x\"\ndiffusion.x = \"s\"\n";
    let model = read("test.toml", text).expect("model");
    let error = Transitions::new(&model, Form::MonteCarlo).expect_err("ends").to_string();
    assert!(error.contains("monte-carlo") && error.contains("reflecting"), "{error}");
}

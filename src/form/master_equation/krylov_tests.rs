//! Steps by the resolvent against positive sums, and against a closed law where those would take for ever.

use super::flow::Flow;
use super::krylov::Resolvent;
use super::space::{Cloud, Reactions};
use super::*;
use crate::base::{Result, math};
use crate::models::{Model, read};
use crate::process::Process;

/// `0 -> A <-> B -> 0` with a fast exchange.
fn exchange(supply: f64, fast: f64, decay: f64) -> Model {
    let text = format!(
        "schema = 1\nid = \"exchange\"\ntitle = \"test\"\nsource = \"test\"\nkind = \"network\"\ncounting = \"combinations\"\n\
         [species.A]\n[species.B]\n[[reaction]]\nequation = \"0 -> A\"\nrate = {supply}\n[[reaction]]\nequation = \"A -> B\"\nrate = {fast}\n\
         [[reaction]]\nequation = \"B -> A\"\nrate = {fast}\n[[reaction]]\nequation = \"B -> 0\"\nrate = {decay}\n"
    );
    read("exchange.toml", &text).expect("a model")
}

/// Means from none: Poisson laws independent of each other (Jahnke & Huisinga 2007, theorem 1).
fn means(supply: f64, fast: f64, decay: f64, t: f64) -> [f64; 2] {
    // Modes of the exchange: rates (2 fast + decay ± root)/2, the slow one without cancellation.
    let root = (4.0 * fast * fast + decay * decay).sqrt();
    let quick = 0.5 * (2.0 * fast + decay + root);
    let slow = fast * decay / quick;
    let rest = [supply * (fast + decay) / (fast * decay), supply / decay];
    // From `m' = M m + (supply, 0)`: m = rest + c₁ e^{-slow t} v₁ + c₂ e^{-quick t} v₂ with v = (fast, fast - rate).
    let (v1, v2) = (fast - slow, fast - quick);
    let c1 = -(rest[1] * fast - rest[0] * v2) / (fast * (v1 - v2));
    let c2 = -(rest[0] / fast) - c1;
    let (e1, e2) = (c1 * math::exp(-slow * t), c2 * math::exp(-quick * t));
    [rest[0] + fast * (e1 + e2), rest[1] + v1 * e1 + v2 * e2]
}

fn poisson(mean: f64, k: f64) -> f64 {
    math::exp(k * math::ln(mean) - mean - math::ln_gamma(k + 1.0))
}

/// `Σ |p - exact|` over the states held, and what the exact law has beside them.
fn error(law: &Snapshot, means: [f64; 2]) -> f64 {
    let truth = |i: usize| poisson(means[0], law.state(i)[0]) * poisson(means[1], law.state(i)[1]);
    let apart: f64 = (0..law.len()).map(|i| (law.p[i] - truth(i)).abs()).sum();
    apart + (1.0 - (0..law.len()).map(truth).sum::<f64>()).max(0.0)
}

#[test]
fn a_step_by_the_resolvent_is_the_positive_sum() -> Result<()> {
    let model = exchange(6.0, 40.0, 1.0);
    let Process::Network(network) = &model.process else { panic!("a network") };
    let mut reactions = Reactions::new(&model, network, &[], &[0.0, 0.0]);
    let all: Vec<i64> = (0..30).flat_map(|a| (0..30).flat_map(move |b| [a, b])).collect();
    let p: Vec<f64> = all.chunks(2).map(|x| poisson(4.0, x[0] as f64) * poisson(7.0, x[1] as f64)).collect();
    let cloud = Cloud::new(2, &all, &p);
    let flow = Flow::new(&mut reactions, &cloud, 0.0)?;
    for h in [0.01, 0.3, 4.0] {
        let sum = flow.advance(&cloud.p, (&[], &[]), h).p;
        let (step, apart) = Resolvent::new(&flow, cloud.len(), 0.1 * h).advance(&cloud.p, h, 1e-11).expect("converged");
        let error: f64 = step.iter().zip(&sum).map(|(a, b)| (a - b).abs()).sum();
        assert!(error <= apart + 1e-13 && apart <= 1e-11, "{h}: {error} {apart}");
    }
    Ok(())
}

#[test]
fn a_stiff_network_is_solved_within_its_bound() -> Result<()> {
    // Positive sums would take 1e8 products.
    let (supply, fast, decay, t) = (6.0, 1e6, 1.0, 2.0);
    let ask =
        Projection { theta: &[], start: &[], t0: 0.0, times: &[0.5, t], tolerance: 1e-8, most_states: MOST_STATES };
    let laws = project(&exchange(supply, fast, decay), &ask)?;
    for (law, t) in laws.iter().zip([0.5, t]) {
        let error = error(law, means(supply, fast, decay, t));
        assert!(error <= law.error_bound && law.error_bound <= 1e-7, "{t}: {error} {}", law.error_bound);
        assert!(law.excess > 0.0 && law.excess < law.error_bound);
    }
    Ok(())
}

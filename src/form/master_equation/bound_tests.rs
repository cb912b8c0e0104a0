//! The bound of a projection is never below its error: a thousand networks with closed laws, drawn at random.

use super::*;
use crate::base::rng::Stream;
use crate::base::{Purpose, Result, Seed, math};
use crate::models::{Model, read};

/// What the closed laws themselves may be off by: round-off of their parameters, times the counts.
const ROUND_OFF: f64 = 1e-13;

fn network(species: &str, reactions: &[(&str, f64)]) -> Model {
    let mut text = String::from(
        "schema = 1\nid = \"test\"\ntitle = \"test\"\nsource = \"test\"\nkind = \"network\"\ncounting = \"combinations\"\n",
    );
    text.push_str(species);
    for (equation, rate) in reactions {
        text.push_str(&format!("[[reaction]]\nequation = \"{equation}\"\nrate = {rate:e}\n"));
    }
    read("test.toml", &text).expect("a model")
}

/// Probabilities from `first` on by the ratio of each to the one before, from the mode both ways, brought to sum one.
fn by_ratios(first: usize, mode: usize, size: usize, ratio: &dyn Fn(f64) -> f64) -> Vec<f64> {
    let mut law = vec![0.0; size];
    let mode = mode.clamp(first, size - 1);
    law[mode] = 1.0;
    (mode + 1..size).for_each(|k| law[k] = law[k - 1] * ratio(k as f64));
    (first..mode).rev().for_each(|k| law[k] = law[k + 1] / ratio((k + 1) as f64));
    let sum: f64 = law.iter().rev().sum();
    law.iter().map(|p| p / sum).collect()
}

fn poisson(mean: f64) -> Vec<f64> {
    by_ratios(0, mean as usize, (mean + 60.0 + 14.0 * mean.sqrt()) as usize, &|k| mean / k)
}

/// Of `n` trials with odds `p : q`.
fn binomial(n: usize, p: f64, q: f64) -> Vec<f64> {
    by_ratios(0, (n as f64 * p / (p + q)) as usize, n + 1, &|k| (n as f64 - k + 1.0) / k * (p / q))
}

/// A network, its time, and the probability of a state.
type Drawn = (Model, f64, Box<dyn Fn(&[f64]) -> f64>);

fn at(law: &[f64], x: f64) -> f64 {
    law.get(x as usize).copied().unwrap_or(0.0)
}

fn draw(stream: &mut Stream, kind: usize) -> Drawn {
    let mut between = |a: f64, b: f64| a * math::pow(b / a, stream.uniform());
    let (g, t) = (between(0.1, 5.0), between(0.05, 2.0));
    match kind {
        // Survivors of the first and newcomers.
        0 => {
            let (k, n) = (between(0.5, 60.0), between(1.0, 40.0) as usize);
            let (stay, gone) = (math::exp(-g * t), -math::exp_m1(-g * t));
            let (old, new) = (binomial(n, stay, gone), poisson(k / g * gone));
            let mut law = vec![0.0; old.len() + new.len()];
            old.iter().enumerate().for_each(|(i, p)| new.iter().enumerate().for_each(|(j, q)| law[i + j] += p * q));
            let model = network(&format!("[species.X]\ninitial = {n}\n"), &[("0 -> X", k), ("X -> 0", g)]);
            (model, t, Box::new(move |x| at(&law, x[0])))
        }
        // Death alone.
        1 => {
            let n = between(1.0, 300.0) as usize;
            let law = binomial(n, math::exp(-g * t), -math::exp_m1(-g * t));
            (network(&format!("[species.X]\ninitial = {n}\n"), &[("X -> 0", g)]), t, Box::new(move |x| at(&law, x[0])))
        }
        // Birth alone: negative binomial (Yule 1925).
        2 => {
            let (n, t) = (between(1.0, 12.0) as usize, (1.5 / g).min(t));
            let missed = -math::exp_m1(-g * t);
            let mean = n as f64 * math::exp(g * t);
            let law =
                by_ratios(n, mean as usize, n + (60.0 * mean) as usize + 200, &|k| (k - 1.0) / (k - n as f64) * missed);
            (
                network(&format!("[species.X]\ninitial = {n}\n"), &[("X -> 2 X", g)]),
                t,
                Box::new(move |x| at(&law, x[0])),
            )
        }
        // Two steps in a closed vessel: multinomial.
        3 => {
            let (n, h) = (between(1.0, 40.0) as usize, g * between(1.3, 4.0));
            let a = math::exp(-g * t);
            let b = g / (h - g) * -math::exp_m1(-(h - g) * t) * a;
            let first = binomial(n, a, 1.0 - a);
            let second: Vec<Vec<f64>> = (0..=n).map(|m| binomial(m, b, 1.0 - a - b)).collect();
            let model = network(
                &format!("[species.A]\ninitial = {n}\n[species.B]\n[species.C]\n"),
                &[("A -> B", g), ("B -> C", h)],
            );
            (model, t, Box::new(move |x| first[x[0] as usize] * at(&second[n - x[0] as usize], x[1])))
        }
        // The same, open: Poisson laws independent of each other (Jahnke & Huisinga 2007).
        _ => {
            let (k, h) = (between(0.5, 20.0), g * between(1.3, 4.0));
            let gone = |rate: f64| -math::exp_m1(-rate * t) / rate;
            let means = [k * gone(g), k * g / (h - g) * (gone(g) - gone(h))];
            let laws = means.map(poisson);
            let model = network("[species.A]\n[species.B]\n", &[("0 -> A", k), ("A -> B", g), ("B -> 0", h)]);
            (model, t, Box::new(move |x| at(&laws[0], x[0]) * at(&laws[1], x[1])))
        }
    }
}

/// `Σ |p - exact|` over all states.
fn error(law: &Snapshot, exact: &dyn Fn(&[f64]) -> f64) -> f64 {
    let (mut apart, mut held) = (0.0, 0.0);
    for i in 0..law.len() {
        let truth = exact(law.state(i));
        apart += (law.p[i] - truth).abs();
        held += truth;
    }
    apart + (1.0 - held).max(0.0)
}

#[test]
fn the_bound_is_never_below_the_error_in_a_thousand_draws() -> Result<()> {
    let mut stream = Seed(5).key(Purpose::Simulation, 0, 0).stream(0);
    let (mut sharpest, mut widest, mut largest): (f64, f64, f64) = (f64::INFINITY, 0.0, 0.0);
    for draw_number in 0..1000 {
        let (model, t, exact) = draw(&mut stream, draw_number % 5);
        let tolerance = math::pow(10.0, -2.0 - 8.0 * stream.uniform());
        let ask = Projection { theta: &[], start: &[], t0: 0.0, times: &[t], tolerance, most_states: MOST_STATES };
        // On a window, and on a cloud as it goes with slopes.
        let laws = [project(&model, &ask)?.remove(0), sensitivities(&model, &ask, &[])?.remove(0).law];
        for law in laws {
            let error = error(&law, &*exact);
            let place = format!("{draw_number} {tolerance:e}: {error:e} {:e}", law.error_bound);
            assert!(law.error_bound >= error - ROUND_OFF, "{place}");
            assert!(law.error_bound <= tolerance, "{place}");
            if error > 1e-11 {
                sharpest = sharpest.min(law.error_bound / error);
                widest = widest.max(law.error_bound / error);
            }
            largest = largest.max(error - law.error_bound);
        }
    }
    println!("1,000 draws, 2,000 laws: bound over error {sharpest} to {widest}; largest error less bound {largest:e}");
    Ok(())
}

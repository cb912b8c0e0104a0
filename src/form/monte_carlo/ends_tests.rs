use super::{Run, Scheme, Start, simulate, summarise};
use crate::base::{Purpose, Result, Seed, math};
use crate::form::{Accuracy, Form, Question, marginals};
use crate::models::{Model, read};
use crate::stats;

fn model(domain: &str, boundary: &str, drift: &str, noise: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"h\"\ntitle = \"h\"\nkind = \"diffusion\"\n[state.x]\ndomain = {domain}\nboundary = \"{boundary}\"\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"{noise}\"\n"
    );
    read("m.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

fn run<'a>(start: &'a [f64], times: &'a [f64], (paths, step): (usize, f64)) -> Run<'a> {
    let key = Seed(31).key(Purpose::Simulation, 0, 0);
    Run { theta: &[], start: Start::At(start), t0: 0.0, times, paths, step, scheme: Scheme::EulerMaruyama, key }
}

#[test]
fn what_survives_an_absorbing_end_is_the_reflection_principle_at_any_step() -> Result<()> {
    let model = model("[0.0, inf]", "absorbing", "0", "1");
    let (a, paths) = (0.7, 40_000usize);
    for steps in [1.0, 2.0, 16.0] {
        let out = simulate(&model, &run(&[a], &[0.5, 1.0], (paths, 1.0 / steps)))?;
        let [half, whole] = [0, 1].map(|t| &out.states[t][0]);
        assert!(half.iter().zip(whole).all(|(h, w)| *h != 0.0 || *w == 0.0), "a stopped path moved");
        let alive: Vec<f64> = whole.iter().copied().filter(|x| *x > 0.0).collect();
        let survival = 1.0 - 2.0 * math::normal_sf(a);
        let error = (survival * (1.0 - survival) / paths as f64).sqrt();
        let share = alive.len() as f64 / paths as f64;
        assert!((share - survival).abs() < 4.0 * error, "{steps}: {share} {survival}");
        // By images: P(x > y, alive) = Φ(a - y) - Φ(-a - y).
        let u: Vec<f64> =
            alive.iter().map(|y| (math::normal_cdf(a - y) - math::normal_cdf(-a - y)) / survival).collect();
        assert!(stats::ks_uniform_p(&u) > 6e-5, "{steps}: {}", stats::ks_uniform_p(&u));
    }
    let question = Question {
        theta: &[],
        start: &[a],
        t0: 0.0,
        times: &[1.0],
        accuracy: Accuracy { paths: 500, ..Accuracy::default() },
        key: Seed(31).key(Purpose::Simulation, 0, 0),
    };
    let law = marginals(&model, Form::MonteCarlo, &question)?;
    assert_eq!(law[0][0].log_pdf(0.5), None, "an atom at zero has no density beside it");
    Ok(())
}

#[test]
fn between_two_absorbing_ends_the_first_mode_decays_at_its_rate() -> Result<()> {
    let model = model("[0.0, 1.0]", "absorbing", "0", "1");
    let paths = 40_000;
    let out = simulate(&model, &run(&[0.5], &[0.1, 0.2], (paths, 0.01)))?;
    // Σ 4/(π n) sin(n π/2) exp(-n² π² t/2) over odd n (Carslaw & Jaeger 1959, section 3.4).
    for (t, row) in [0.1, 0.2].into_iter().zip(&out.states) {
        let pi = std::f64::consts::PI;
        let mode = |k: i32| {
            let n = f64::from(2 * k + 1);
            (if k % 2 == 0 { 1.0 } else { -1.0 }) * 4.0 / (pi * n) * math::exp(-0.5 * n * n * pi * pi * t)
        };
        let wanted: f64 = (0..20).map(mode).sum();
        let alive = row[0].iter().filter(|x| **x > 0.0 && **x < 1.0).count() as f64 / paths as f64;
        // A bridge that touches both ends in one step of 0.01 is not to be seen: exp(-2/0.01).
        assert!(
            (alive - wanted).abs() < 4.0 * (wanted * (1.0 - wanted) / paths as f64).sqrt(),
            "{t}: {alive} {wanted}"
        );
    }
    Ok(())
}

/// Survival of an Ornstein-Uhlenbeck process above its mean until t = 1, from `x = 1`, less the truth `2Φ(x e^{-t}/s) - 1`.
fn ou_bias(steps: f64, paths: usize) -> Result<f64> {
    let model = model("[0.0, inf]", "absorbing", "-x", "1");
    let alive = 1.0 - summarise(&model, &run(&[1.0], &[1.0], (paths, 1.0 / steps)))?.at[0][0].cdf(0.0);
    Ok(alive - absorbed_truth())
}

fn absorbed_truth() -> f64 {
    let s = (-0.5 * math::exp_m1(-2.0)).sqrt();
    2.0 * math::normal_cdf(math::exp(-1.0) / s) - 1.0
}

#[test]
fn an_absorbing_end_of_an_ornstein_uhlenbeck_process_is_right_to_first_order_in_the_step() -> Result<()> {
    let paths = 200_000;
    let error = 0.5 / f64::sqrt(paths as f64);
    let [coarse, fine] = [ou_bias(4.0, paths)?, ou_bias(64.0, paths)?];
    // Watched at steps alone the end would seem 0.58 √h further off, and 0.15 more would live at h = 1/4.
    assert!(coarse.abs() < 0.07, "{coarse}");
    assert!(fine.abs() < 4.0 * error + coarse.abs() / 12.0, "{coarse} {fine}");
    Ok(())
}

#[test]
fn reflection_folds_the_normal_law_in_a_single_step() -> Result<()> {
    let at_zero = model("[0.0, inf]", "reflecting", "0", "1");
    for step in [1.0, 0.25] {
        let out = simulate(&at_zero, &run(&[0.3], &[1.0], (20_000, step)))?;
        let cdf = |x: f64| math::normal_cdf(x - 0.3) - math::normal_cdf(-x - 0.3);
        let u: Vec<f64> = out.states[0][0].iter().map(|x| cdf(*x)).collect();
        assert!(stats::ks_uniform_p(&u) > 6e-5, "{}", stats::ks_uniform_p(&u));
    }
    // With drift μ: P(x ≤ y) = Φ((y - x₀ - μt)/√t) - e^{2μy} Φ((-y - x₀ - μt)/√t) (Harrison 1985, section 1.8).
    for boundary in ["[0.0, inf]", "[-inf, 0.0]"] {
        let sign = if boundary.starts_with("[0") { 1.0 } else { -1.0 };
        let drifting = model(boundary, "reflecting", if sign > 0.0 { "-1" } else { "1" }, "1");
        let out = simulate(&drifting, &run(&[sign * 0.3], &[1.0], (20_000, 1.0)))?;
        let cdf = |y: f64| math::normal_cdf(y + 0.7) - math::exp(-2.0 * y) * math::normal_cdf(0.7 - y);
        let u: Vec<f64> = out.states[0][0].iter().map(|x| cdf(sign * x)).collect();
        assert!(stats::ks_uniform_p(&u) > 6e-5, "{}", stats::ks_uniform_p(&u));
    }
    // Ten lengths in one step: to and fro, and still inside and even.
    let between = model("[0.0, 1.0]", "reflecting", "0", "1");
    let out = simulate(&between, &run(&[0.3], &[100.0], (20_000, 100.0)))?;
    assert!(stats::ks_uniform_p(&out.states[0][0]) > 6e-5);
    Ok(())
}

/// The second moment at t = 1 of an Ornstein-Uhlenbeck process reflected at its mean, from 0.5: that of the free one, by symmetry.
fn reflected_bias(steps: f64, paths: usize) -> Result<f64> {
    let model = model("[0.0, inf]", "reflecting", "-x", "1");
    let at = &summarise(&model, &run(&[0.5], &[1.0], (paths, 1.0 / steps)))?.at[0][0];
    Ok(at.mean * at.mean + at.sd * at.sd - reflected_truth())
}

fn reflected_truth() -> f64 {
    0.25 * math::exp(-2.0) - 0.5 * math::exp_m1(-2.0)
}

#[test]
fn a_reflecting_end_of_an_ornstein_uhlenbeck_process_is_right_to_first_order_in_the_step() -> Result<()> {
    let paths = 200_000;
    let error = 0.7 / f64::sqrt(paths as f64);
    let [coarse, fine] = [reflected_bias(4.0, paths)?, reflected_bias(64.0, paths)?];
    assert!(fine.abs() < 4.0 * error + coarse.abs() / 12.0, "{coarse} {fine}");
    Ok(())
}

/// The bias of a step with its bridge at one of the two kinds of end, without sampling: the law of the step, Gaussian with the
/// drift held, on `[0, 6]`, taken step by step back from the end. Of [`ou_bias`] and [`reflected_bias`].
pub(in crate::form) fn expected_bias(reflects: bool, steps: usize) -> f64 {
    const NODES: usize = 1801;
    let (h, dy) = (1.0 / steps as f64, 6.0 / (NODES - 1) as f64);
    let root = h.sqrt();
    // Gregory's rule to the fourth order at the end.
    let ends = [3.0 / 8.0, 7.0 / 6.0, 23.0 / 24.0];
    let weight = |j: usize| dy * ends.get(j).copied().unwrap_or(1.0);
    let density = |x: f64, y: f64| {
        let mean = x - x * h;
        let free = math::normal_pdf((y - mean) / root) / root;
        if reflects {
            // The slope of Φ((y - m)/√h) - e^{2μy} Φ((-y - m)/√h), Harrison 1985, section 1.8.
            let image = math::normal_pdf((y + mean) / root) / root + 2.0 * x * math::normal_cdf(-(y + mean) / root);
            free + math::exp(-2.0 * x * y) * image
        } else {
            -free * math::exp_m1(-2.0 * x * y / h)
        }
    };
    // Beyond nine standard deviations nothing comes.
    let band = |i: usize| {
        let place = |x: f64| (x / dy).clamp(0.0, (NODES - 1) as f64) as usize;
        let mean = dy * i as f64 * (1.0 - h);
        place(mean - 9.0 * root)..place(mean + 9.0 * root) + 1
    };
    let rows: Vec<(usize, Vec<f64>)> = (0..NODES)
        .map(|i| (band(i).start, band(i).map(|j| weight(j) * density(dy * i as f64, dy * j as f64)).collect()))
        .collect();
    let mut u: Vec<f64> = (0..NODES).map(|j| if reflects { math::powi(dy * j as f64, 2) } else { 1.0 }).collect();
    for _ in 0..steps {
        u = rows.iter().map(|(from, row)| row.iter().zip(&u[*from..]).map(|(k, u)| k * u).sum()).collect();
    }
    let at = |x: f64| u[(x / dy).round() as usize];
    if reflects { at(0.5) - reflected_truth() } else { at(1.0) - absorbed_truth() }
}

#[test]
fn sampled_and_expected_biases_at_ends_are_one() -> Result<()> {
    let paths = 200_000;
    for steps in [1, 4] {
        let gaps = [
            ou_bias(steps as f64, paths)? - expected_bias(false, steps),
            reflected_bias(steps as f64, paths)? - expected_bias(true, steps),
        ];
        let errors = [0.5, 0.7].map(|sd| 4.0 * sd / f64::sqrt(paths as f64));
        assert!(gaps.iter().zip(errors).all(|(gap, error)| gap.abs() < error), "{steps}: {gaps:?} {errors:?}");
    }
    Ok(())
}

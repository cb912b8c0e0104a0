use super::square_root::SquareRoot;
use super::{Run, Scheme, Start, Summary, simulate, summarise};
use crate::base::{Purpose, Result, Seed, math};
use crate::form::exact::transition;
use crate::models::{Model, built_in, read};
use crate::process::ClosedLaw;
use crate::stats;

fn run<'a>(scheme: Scheme, theta: &'a [f64], start: &'a [f64], (paths, step): (usize, f64)) -> Run<'a> {
    let key = Seed(77).key(Purpose::Simulation, 0, 0);
    Run { theta, start: Start::At(start), t0: 0.0, times: &[1.0], paths, step, scheme, key }
}

/// Feller's condition holds, is violated, and is violated by much.
const CASES: [[f64; 3]; 3] = [[2.0, 0.04, 0.2], [1.0, 0.04, 0.6], [0.5, 0.04, 1.0]];

fn mean_and_variance(theta: &[f64; 3], x0: f64, t: f64) -> (f64, f64) {
    let [kappa, level, sigma] = *theta;
    let e = math::exp(-kappa * t);
    let variance =
        x0 * sigma * sigma / kappa * (e - e * e) + level * sigma * sigma / (2.0 * kappa) * (1.0 - e) * (1.0 - e);
    (level + (x0 - level) * e, variance)
}

fn assert_moments(summary: &Summary, (mean, variance): (f64, f64), samples: &[f64], slack: f64, what: &str) {
    let n = summary.paths as f64;
    let at = &summary.at[0][0];
    let m = stats::mean(samples);
    let fourth = samples.iter().map(|x| (x - m).powi(4)).sum::<f64>() / n;
    let of_variance = ((fourth - at.sd.powi(4)) / n).sqrt();
    assert!((at.mean - mean).abs() < 4.0 * at.error + slack * mean, "{what}: mean {} against {mean}", at.mean);
    let gap = (at.sd * at.sd - variance).abs();
    assert!(gap < 4.0 * of_variance + slack * variance, "{what}: variance {} against {variance}", at.sd * at.sd);
}

#[test]
fn the_square_root_schemes_are_never_negative_and_have_its_moments_at_a_long_step() -> Result<()> {
    let model = built_in("cir")?;
    for theta in &CASES {
        for (scheme, step, slack) in
            [(Scheme::QuadraticExponential, 0.5, 0.0), (Scheme::Alfonsi, 0.125, 2e-3), (Scheme::Exact, 1.0, 0.0)]
        {
            let run = run(scheme, theta, &[0.03], (100_000, step));
            let states = simulate(&model, &run)?.states.remove(0).remove(0);
            let what = format!("{} {theta:?}", scheme.name());
            assert!(states.iter().all(|x| *x >= 0.0), "{what}");
            assert_moments(&summarise(&model, &run)?, mean_and_variance(theta, 0.03, 1.0), &states, slack, &what);
        }
    }
    Ok(())
}

#[test]
fn exact_draws_of_the_square_root_process_have_its_law() -> Result<()> {
    let model = built_in("cir")?;
    for theta in &CASES {
        let run = Run { times: &[0.4, 1.0], ..run(Scheme::Exact, theta, &[0.03], (20_000, 1.0)) };
        let out = simulate(&model, &run)?;
        for (t, row) in [0.4, 1.0].into_iter().zip(&out.states) {
            let law = transition(ClosedLaw::SquareRoot, theta, 0.03, t);
            // Draws of tiny shape underflow to zero, where the law has next to no mass: their uniforms are spread over it.
            let u: Vec<f64> = row[0].iter().map(|x| law.cdf(x.max(1e-290))).collect();
            assert!(stats::ks_uniform_p(&u) > 6e-5, "{theta:?} {t}: {}", stats::ks_uniform_p(&u));
        }
        // From the first time to the second it moves by the same law.
        let u: Vec<f64> = (0..20_000)
            .map(|p| {
                transition(ClosedLaw::SquareRoot, theta, out.states[0][0][p].max(1e-290), 0.6)
                    .cdf(out.states[1][0][p].max(1e-290))
            })
            .collect();
        assert!(stats::ks_uniform_p(&u) > 6e-5, "{theta:?}: {}", stats::ks_uniform_p(&u));
    }
    Ok(())
}

/// `E exp(-5 x)` at t = 1 from 0.3: `(1 + 5 s)^(-2κθ/σ²) exp(-5 x₀ e^{-κ}/(1 + 5 s))`, `s = σ²(1 - e^{-κ})/(2κ)`.
fn laplace_truth(theta: &[f64; 3]) -> f64 {
    let [kappa, level, sigma] = *theta;
    let e = math::exp(-kappa);
    let left = 1.0 + 5.0 * sigma * sigma * (1.0 - e) / (2.0 * kappa);
    math::pow(left, -2.0 * kappa * level / (sigma * sigma)) * math::exp(-5.0 * 0.3 * e / left)
}

/// Bias of it, with four standard errors.
fn laplace_bias(scheme: Scheme, theta: &[f64; 3], steps: f64, paths: usize) -> Result<(f64, f64)> {
    let model = built_in("cir")?;
    let x = simulate(&model, &run(scheme, theta, &[0.3], (paths, 1.0 / steps)))?.states.remove(0).remove(0);
    let y: Vec<f64> = x.iter().map(|x| math::exp(-5.0 * x)).collect();
    Ok((stats::mean(&y) - laplace_truth(theta), 4.0 * stats::sd(&y) / (paths as f64).sqrt()))
}

#[test]
fn alfonsi_is_nearer_than_euler_by_an_order() -> Result<()> {
    let theta = [1.0, 0.2, 0.7];
    let (euler, _) = laplace_bias(Scheme::EulerMaruyama, &theta, 4.0, 200_000)?;
    for scheme in [Scheme::Alfonsi, Scheme::QuadraticExponential] {
        let (bias, error) = laplace_bias(scheme, &theta, 4.0, 200_000)?;
        assert!(bias.abs() < 0.2 * euler.abs() + error, "{}: {bias} ± {error} against {euler}", scheme.name());
    }
    Ok(())
}

/// The weak error of a scheme on `E exp(-5 x)` at t = 1 from 0.3 without sampling: the mean over the normals of a step, taken step by
/// step back from the end, on a grid even in `√x` with cubics between its nodes.
pub(in crate::form) fn expected_bias(scheme: Scheme, steps: usize) -> Result<f64> {
    const NODES: usize = 2000;
    const MOST: f64 = 2.0;
    let theta = [1.0, 0.2, 0.4];
    let model = built_in("cir")?;
    let crate::process::Process::Diffusion(process) = &model.process else { panic!("a diffusion") };
    let root = SquareRoot::of(process, &theta).expect("a square-root process");
    let h = 1.0 / steps as f64;
    let step = |x: f64, z: f64| match scheme {
        Scheme::Alfonsi => root.alfonsi(x, h, z),
        _ => root.quadratic_exponential(x, h, z),
    };
    // Alfonsi's step reads a normal as one of three points; else the trapezoidal rule.
    let normals: Vec<(f64, f64)> = match scheme {
        Scheme::Alfonsi => vec![(-1.5, 1.0 / 6.0), (0.0, 2.0 / 3.0), (1.5, 1.0 / 6.0)],
        _ => (-512..=512).map(|k| f64::from(k) / 64.0).map(|z| (z, math::normal_pdf(z) / 64.0)).collect(),
    };
    let node = |i: usize| math::powi(MOST * i as f64 / (NODES - 1) as f64, 2);
    let places: Vec<Vec<f64>> = (0..NODES)
        .map(|i| normals.iter().map(|(z, _)| step(node(i), *z).sqrt() / MOST * (NODES - 1) as f64).collect())
        .collect();
    let at = |u: &[f64], place: f64| {
        let i = (place as usize).clamp(1, NODES - 3);
        let s = (place - i as f64).min(2.0);
        u[i - 1] * (-s * (s - 1.0) * (s - 2.0) / 6.0)
            + u[i] * ((s + 1.0) * (s - 1.0) * (s - 2.0) / 2.0)
            + u[i + 1] * (-(s + 1.0) * s * (s - 2.0) / 2.0)
            + u[i + 2] * ((s + 1.0) * s * (s - 1.0) / 6.0)
    };
    let mean = |u: &[f64], places: &[f64]| {
        places.iter().zip(&normals).map(|(place, (_, weight))| weight * at(u, *place)).sum::<f64>()
    };
    let mut u: Vec<f64> = (0..NODES).map(|i| math::exp(-5.0 * node(i))).collect();
    for _ in 0..steps {
        u = places.iter().map(|places| mean(&u, places)).collect();
    }
    Ok(at(&u, 0.3f64.sqrt() / MOST * (NODES - 1) as f64) - laplace_truth(&theta))
}

#[test]
fn sampled_and_expected_biases_of_the_square_root_schemes_are_one() -> Result<()> {
    for scheme in [Scheme::Alfonsi, Scheme::QuadraticExponential] {
        let (bias, error) = laplace_bias(scheme, &[1.0, 0.2, 0.4], 2.0, 100_000)?;
        let expected = expected_bias(scheme, 2)?;
        assert!((bias - expected).abs() < error, "{}: {bias} ± {error} {expected}", scheme.name());
    }
    Ok(())
}

#[test]
fn a_log_price_keeps_its_martingale_and_the_call_of_fang_and_oosterlee() -> Result<()> {
    let model = built_in("heston")?;
    // kappa, theta, xi, rho, mu: Fang & Oosterlee 2008, section 5.3; 2 κ θ < ξ².
    let theta = [1.5768, 0.0398, 0.5751, -0.5711, 0.0];
    let start = [math::ln(100.0), 0.0175];
    for (step, bias) in [(0.5, 0.15), (1.0 / 16.0, 0.02)] {
        let run = run(Scheme::QuadraticExponential, &theta, &start, (200_000, step));
        let out = simulate(&model, &run)?;
        assert!(out.states[0][1].iter().all(|v| *v >= 0.0));
        let price: Vec<f64> = out.states[0][0].iter().map(|y| math::exp(*y)).collect();
        let error = |x: &[f64]| 4.0 * stats::sd(x) / (x.len() as f64).sqrt();
        assert!((stats::mean(&price) - 100.0).abs() < error(&price), "{step}: {}", stats::mean(&price));
        let call: Vec<f64> = price.iter().map(|s| (s - 100.0).max(0.0)).collect();
        let gap = stats::mean(&call) - 5.785_155_434_376_19;
        assert!(gap.abs() < error(&call) + bias, "{step}: {gap} ± {}", error(&call));
    }
    Ok(())
}

fn text(states: &str, dynamics: &str) -> Model {
    let text =
        format!("schema = 1\nid = \"m\"\ntitle = \"m\"\nkind = \"diffusion\"\n{states}\n[dynamics]\n{dynamics}\n");
    read("m.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn square_root_processes_are_recognised_by_their_coefficients() -> Result<()> {
    let applies = |model: &Model| [Scheme::Alfonsi, Scheme::QuadraticExponential].map(|s| s.why_not(model).is_none());
    let half = "[state.x]\ndomain = [0.0, inf]";
    assert_eq!(applies(&built_in("cir")?), [true, true]);
    assert_eq!(applies(&built_in("heston")?), [false, true]);
    assert_eq!(applies(&text(half, "drift.x = \"3 - 2*x + x\"\ndiffusion.x = \"x/sqrt(4*x)\"")), [true, true]);
    assert_eq!(
        applies(&text("[state.x]\ndomain = [1.0, inf]", "drift.x = \"3 - x\"\ndiffusion.x = \"sqrt(x - 1)\"")),
        [true, true]
    );
    for (drift, noise) in [
        ("1 - x", "x"),
        ("1 - x^2", "sqrt(x)"),
        ("1 - x", "sqrt(x + 1)"),
        ("-1 - x", "sqrt(x)"),
        ("1 - x*t", "sqrt(x)"),
    ] {
        assert_eq!(
            applies(&text(half, &format!("drift.x = \"{drift}\"\ndiffusion.x = \"{noise}\""))),
            [false; 2],
            "{drift} {noise}"
        );
    }
    assert_eq!(applies(&built_in("bates")?), [false; 2]);
    assert_eq!(applies(&built_in("sabr")?), [false; 2]);
    Ok(())
}

//! The series against laws known in closed form, against itself by Chapman and Kolmogorov, and against the other forms.

use super::tests::{PREDATORS, ROTATION, SPRING};
use super::*;
use crate::models::{built_in, read};

fn defaults(model: &Model) -> Vec<f64> {
    model.default_params().values
}

fn one(x0: [f64; 2], x1: [f64; 2], dt: f64) -> JointPairs {
    JointPairs {
        x0: x0.iter().map(|x| vec![*x]).collect(),
        x1: x1.iter().map(|x| vec![*x]).collect(),
        dt: vec![dt],
        t0: vec![0.0],
    }
}

/// Ends up to `reach` standard deviations of a short step away, all around.
fn around(model: &Model, theta: &[f64], x0: [f64; 2], dt: f64, reach: f64) -> Result<JointPairs> {
    let law = JointTransitions::new(model, JointForm::LocalLinear)?.moments(theta, &one(x0, x0, dt));
    let mut pairs = JointPairs { x0: vec![Vec::new(); 2], x1: vec![Vec::new(); 2], ..JointPairs::default() };
    for a in -4..=4 {
        for b in -4..=4 {
            for (i, z) in [a, b].into_iter().enumerate() {
                pairs.x0[i].push(x0[i]);
                pairs.x1[i].push(law.mean[i][0] + 0.25 * f64::from(z) * reach * law.covariance[i][i][0].sqrt());
            }
            pairs.dt.push(dt);
            pairs.t0.push(0.0);
        }
    }
    Ok(pairs)
}

/// The largest difference of two log densities where the second is within `e^-8.5` of its peak: four standard deviations.
fn distance(found: &[f64], truth: &[f64]) -> f64 {
    let peak = truth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let near = found.iter().zip(truth).filter(|(_, b)| **b > peak - 8.5);
    near.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn correlated_brownian_motion_is_exact() -> Result<()> {
    let still = ROTATION
        .replace("drift.x = \"-k*(x - mu) - omega*y\"", "drift.x = \"mu\"")
        .replace("drift.y = \"omega*(x - mu) - k*y\"", "drift.y = \"k - omega\"");
    let model = read("test.toml", &still)?;
    let theta = defaults(&model);
    for dt in [1e-3, 0.1, 2.0] {
        let pairs = around(&model, &theta, [0.3, -0.2], dt, 4.0)?;
        let series = JointTransitions::new(&model, JointForm::Expansion)?.log_density(&theta, &pairs, true);
        let exact = JointTransitions::new(&model, JointForm::Exact)?.log_density(&theta, &pairs, true);
        let all = series.value.iter().chain(series.gradient.iter().flatten());
        for (a, b) in all.zip(exact.value.iter().chain(exact.gradient.iter().flatten())) {
            assert!((a - b).abs() < 1e-11 * (1.0 + b.abs()), "{dt}: {a} {b}");
        }
    }
    Ok(())
}

#[test]
fn on_a_turning_linear_drift_the_error_falls_with_the_power_of_the_step_that_theory_says() -> Result<()> {
    let model = read("test.toml", ROTATION)?;
    let theta = [1.2, 2.0, 0.4, 0.5, 0.8, 0.3];
    let series = JointTransitions::new(&model, JointForm::Expansion)?;
    let exact = JointTransitions::new(&model, JointForm::Exact)?;
    let error = |dt: f64| -> Result<f64> {
        let pairs = around(&model, &theta, [0.9, -0.6], dt, 4.0)?;
        let truth = exact.log_density(&theta, &pairs, false).value;
        Ok(distance(&series.log_density(&theta, &pairs, false).value, &truth))
    };
    let (coarse, fine) = (error(2e-3)?, error(1e-3)?);
    let slope = (coarse / fine).log2();
    eprintln!("{coarse:e} {fine:e} slope {slope}; at 1/52 {:e} 1/12 {:e}", error(1.0 / 52.0)?, error(1.0 / 12.0)?);
    assert!((slope - 2.5).abs() < 0.1, "{slope}");
    Ok(())
}

/// `x = e^u`, `y = v + ½ u²` of two correlated Ornstein-Uhlenbeck processes, written in `x` and `y` by Itô's formula: noise that
/// varies with the state in every entry, with a law that is known.
const BENT: &str = r#"
schema = 1
id = "bent"
title = "Correlated Ornstein-Uhlenbeck processes in bent coordinates"
kind = "diffusion"
source = "test"
noise = ["w1", "w2"]
correlation = { "w1,w2" = "rho" }
[state.x]
domain = [0.0, inf]
[state.y]
domain = [-inf, inf]
[params.k]
default = 1.2
bounds = [1e-6, 1e6]
[params.omega]
default = 2.0
bounds = [-inf, inf]
[params.mu]
default = 0.4
bounds = [-inf, inf]
[params.s]
default = 0.5
bounds = [1e-6, 1e6]
[params.q]
default = 0.8
bounds = [1e-6, 1e6]
[params.rho]
default = 0.3
bounds = [-0.999, 0.999]
[dynamics]
drift.x = "x*(-k*(log(x) - mu) - omega*(y - 0.5*log(x)^2) + 0.5*s^2)"
drift.y = "omega*(log(x) - mu) - k*(y - 0.5*log(x)^2) + log(x)*(-k*(log(x) - mu) - omega*(y - 0.5*log(x)^2)) + 0.5*s^2"
diffusion.x.w1 = "s*x"
diffusion.y.w1 = "s*log(x)"
diffusion.y.w2 = "q"
"#;

#[test]
fn where_every_entry_of_the_noise_varies_it_is_the_law_to_the_same_power() -> Result<()> {
    let (bent, straight) = (read("test.toml", BENT)?, read("test.toml", ROTATION)?);
    let theta = [1.2, 2.0, 0.4, 0.5, 0.8, 0.3];
    let series = JointTransitions::new(&bent, JointForm::Expansion)?;
    let exact = JointTransitions::new(&straight, JointForm::Exact)?;
    let error = |dt: f64| -> Result<f64> {
        let inner = around(&straight, &theta, [0.6, -0.5], dt, 4.0)?;
        let bend = |u: &[f64], v: &[f64]| -> Vec<Vec<f64>> {
            let y = u.iter().zip(v).map(|(u, v)| v + 0.5 * u * u).collect();
            vec![u.iter().map(|u| u.exp()).collect(), y]
        };
        let pairs = JointPairs {
            x0: bend(&inner.x0[0], &inner.x0[1]),
            x1: bend(&inner.x1[0], &inner.x1[1]),
            dt: inner.dt.clone(),
            t0: inner.t0.clone(),
        };
        let truth = exact.log_density(&theta, &inner, false).value;
        let truth: Vec<f64> = truth.iter().zip(&inner.x1[0]).map(|(p, u)| p - u).collect();
        Ok(distance(&series.log_density(&theta, &pairs, false).value, &truth))
    };
    let (coarse, fine) = (error(1e-4)?, error(5e-5)?);
    let slope = (coarse / fine).log2();
    eprintln!(
        "{coarse:e} {fine:e} slope {slope}; at 1/252 {:e} 1/52 {:e} 1/12 {:e}",
        error(1.0 / 252.0)?,
        error(1.0 / 52.0)?,
        error(1.0 / 12.0)?
    );
    assert!((slope - 2.5).abs() < 0.1, "{slope}");
    Ok(())
}

/// `ln ∫ p(x0, z; dt/2) p(z, x1; dt/2) dz` by the trapezoidal rule over eight standard deviations.
fn composed(series: &JointTransitions, theta: &[f64], x0: [f64; 2], x1: [f64; 2], dt: f64, sd: [f64; 2]) -> f64 {
    const WIDTH: f64 = 0.3;
    let (mut first, mut second) = (JointPairs::default(), JointPairs::default());
    for pairs in [&mut first, &mut second] {
        (pairs.x0, pairs.x1) = (vec![Vec::new(); 2], vec![Vec::new(); 2]);
    }
    for a in -27..=27 {
        for b in -27..=27 {
            for (i, k) in [a, b].into_iter().enumerate() {
                let z = 0.5 * (x0[i] + x1[i]) + WIDTH * f64::from(k) * 0.5 * sd[i];
                first.x0[i].push(x0[i]);
                first.x1[i].push(z);
                second.x0[i].push(z);
                second.x1[i].push(x1[i]);
            }
            for pairs in [&mut first, &mut second] {
                pairs.dt.push(0.5 * dt);
                pairs.t0.push(0.0);
            }
        }
    }
    let (p, q) = (series.log_density(theta, &first, false).value, series.log_density(theta, &second, false).value);
    let sum: f64 = p.iter().zip(&q).map(|(p, q)| (p + q).exp()).sum();
    (sum * WIDTH * WIDTH * 0.25 * sd[0] * sd[1]).ln()
}

#[test]
fn two_half_steps_are_one_step_to_the_same_power_and_closer_than_normal_laws() -> Result<()> {
    for (model, x0) in [(built_in("heston")?, [4.6, 0.06]), (read("test.toml", PREDATORS)?, [1.7, 0.9])] {
        let theta = defaults(&model);
        let from = std::time::Instant::now();
        let series = JointTransitions::new(&model, JointForm::Expansion)?;
        eprintln!("{} made in {:?}", model.id, from.elapsed());
        let error = |dt: f64, form: JointForm| -> Result<f64> {
            let law = JointTransitions::new(&model, JointForm::LocalLinear)?.moments(&theta, &one(x0, x0, dt));
            let sd = [law.covariance[0][0][0].sqrt(), law.covariance[1][1][0].sqrt()];
            let other = JointTransitions::new(&model, form)?;
            let mut worst = 0.0_f64;
            for z in [[1.0, 0.7], [-1.2, 0.4], [0.3, -1.4], [-0.8, -0.9]] {
                let x1 = [law.mean[0][0] + z[0] * sd[0], law.mean[1][0] + z[1] * sd[1]];
                let truth = composed(&series, &theta, x0, x1, dt, sd);
                worst = worst.max((other.log_density(&theta, &one(x0, x1, dt), false).value[0] - truth).abs());
            }
            Ok(worst)
        };
        let slope = (error(2.5e-4, JointForm::Expansion)? / error(1.25e-4, JointForm::Expansion)?).log2();
        let own = error(1.0 / 252.0, JointForm::Expansion)?;
        let (kessler, linear) = (error(1.0 / 252.0, JointForm::Kessler)?, error(1.0 / 252.0, JointForm::LocalLinear)?);
        eprintln!("{} slope {slope}; at 1/252 {own:e}, kessler {kessler:e}, local-linear {linear:e}", model.id);
        assert!((slope - 2.5).abs() < 0.1, "{} {slope}", model.id);
        assert!(20.0 * own < kessler.min(linear), "{}: {own} {kessler} {linear}", model.id);
    }
    Ok(())
}

#[test]
fn three_states_have_it_to_the_same_power() -> Result<()> {
    let text = ROTATION
        .replace("noise = [\"w1\", \"w2\"]", "noise = [\"w1\", \"w2\", \"w3\"]")
        .replace("[params.k]", "[state.z]\ndomain = [-inf, inf]\n[params.k]")
        .replace(
            "diffusion.x.w1",
            "drift.z = \"x - 0.5*z + k*y\"\ndiffusion.z.w3 = \"0.6\"\ndiffusion.z.w1 = \"0.2\"\ndiffusion.x.w1",
        );
    let model = read("test.toml", &text)?;
    let theta = [1.2, 2.0, 0.4, 0.5, 0.8, 0.3];
    let from = std::time::Instant::now();
    let (series, exact) =
        (JointTransitions::new(&model, JointForm::Expansion)?, JointTransitions::new(&model, JointForm::Exact)?);
    eprintln!("three states made in {:?}", from.elapsed());
    let error = |dt: f64| {
        let column = |x: f64| vec![x; 4];
        let ends = |x: f64, z: [f64; 4]| z.iter().map(|z| x + z * dt.sqrt()).collect();
        let pairs = JointPairs {
            x0: vec![column(0.9), column(-0.6), column(0.3)],
            x1: vec![
                ends(0.9, [0.6, -0.5, 0.1, 0.9]),
                ends(-0.6, [0.9, 0.4, -1.1, 0.2]),
                ends(0.3, [-0.5, 0.7, 0.3, -0.8]),
            ],
            dt: vec![dt; 4],
            t0: vec![0.0; 4],
        };
        let truth = exact.log_density(&theta, &pairs, true);
        let found = series.log_density(&theta, &pairs, true);
        (distance(&found.value, &truth.value), distance(&found.gradient[1], &truth.gradient[1]))
    };
    let (coarse, fine) = (error(2e-3), error(1e-3));
    let slope = (coarse.0 / fine.0).log2();
    eprintln!("{coarse:?} {fine:?} slope {slope}");
    assert!((slope - 2.5).abs() < 0.1, "{slope}");
    assert!(fine.1 < 1e-4, "{fine:?}");
    Ok(())
}

#[test]
fn what_has_no_series_is_refused_with_the_forms_that_answer() -> Result<()> {
    let spring = read("test.toml", SPRING)?;
    let error = JointTransitions::new(&spring, JointForm::Expansion).expect_err("no noise on x").to_string();
    assert!(error.contains("no noise acts on x itself") && error.contains("local-linear"), "{error}");
    let timed = read("test.toml", &ROTATION.replace("omega*(x - mu) - k*y", "omega*(x - mu) - k*y + sin(t)"))?;
    assert!(JointForm::Expansion.why_not(&timed).is_some_and(|why| why.contains("time")));
    Ok(())
}

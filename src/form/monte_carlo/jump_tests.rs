use super::{Paths, Run, Scheme, Start, simulate};
use crate::base::{Purpose, Result, Seed, math};
use crate::form::moments::closed_moments;
use crate::models::{Model, built_in, read};
use crate::stats;

fn model(states: &str, dynamics: &str, jumps: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"m\"\ntitle = \"m\"\nkind = \"diffusion\"\n{states}\n[dynamics]\n{dynamics}\n{jumps}\n"
    );
    read("m.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

fn run_to(model: &Model, start: &[f64], times: &[f64], (paths, step): (usize, f64)) -> Result<Paths> {
    let theta: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let key = Seed(21).key(Purpose::Simulation, 0, 0);
    let scheme = Scheme::EulerMaruyama;
    simulate(model, &Run { theta: &theta, start: Start::At(start), t0: 0.0, times, paths, step, scheme, key })
}

/// Mean and variance lie within four standard errors of these.
fn assert_moments(sample: &[f64], mean: f64, variance: f64, allowance: f64, what: &str) {
    let n = sample.len() as f64;
    let (m, s) = (stats::mean(sample), stats::sd(sample));
    let fourth = sample.iter().map(|x| (x - m).powi(4)).sum::<f64>() / n;
    let of_variance = ((fourth - s.powi(4)) / n).sqrt();
    assert!((m - mean).abs() <= 4.0 * s / n.sqrt() + allowance * mean.abs(), "{what}: mean {m} against {mean}");
    let gap = (s * s - variance).abs();
    assert!(gap <= 4.0 * of_variance + allowance * variance, "{what}: variance {} against {variance}", s * s);
}

#[test]
fn counts_of_jumps_are_poisson_at_a_step_as_long_as_the_horizon() -> Result<()> {
    let counter =
        model("[state.n]", "drift.n = \"0\"\ndiffusion.n = \"0\"", "[[jump]]\nrate = \"3\"\nafter.n = \"n + 1\"");
    let paths = run_to(&counter, &[0.0], &[0.5, 4.0], (20_000, 100.0))?;
    for (t, mean) in [(0, 1.5), (1, 12.0)] {
        let counts = &paths.states[t][0];
        assert!(counts.iter().all(|n| n.fract() == 0.0));
        assert_moments(counts, mean, mean, 0.0, "counts");
        // P(N <= k) = Q(k + 1, mean).
        for k in [0.0, mean.floor()] {
            let p = math::gamma_q(k + 1.0, mean);
            let share = counts.iter().filter(|n| **n <= k).count() as f64 / 2e4;
            assert!((share - p).abs() < 4.0 * (p * (1.0 - p) / 2e4).sqrt(), "{k}: {share} {p}");
        }
    }
    let gaps: Vec<f64> = paths.states[1][0].iter().zip(&paths.states[0][0]).map(|(b, a)| b - a).collect();
    assert_moments(&gaps, 10.5, 10.5, 0.0, "increments");
    let first = &paths.states[0][0];
    let both: f64 = gaps.iter().zip(first).map(|(g, f)| (g - 10.5) * (f - 1.5)).sum::<f64>() / 2e4;
    assert!(both.abs() < 4.0 * (10.5f64 * 1.5 / 2e4).sqrt(), "increments hang together: {both}");
    Ok(())
}

#[test]
fn two_kinds_of_jumps_keep_their_own_clocks() -> Result<()> {
    let both = model(
        "[state.a]\n[state.b]",
        "drift.a = \"0\"\ndrift.b = \"0\"\n[dynamics.diffusion]",
        "[[jump]]\nrate = \"2\"\nafter.a = \"a + 1\"\n[[jump]]\nrate = \"5\"\nafter.b = \"b + 1\"",
    );
    let paths = run_to(&both, &[0.0, 0.0], &[1.0], (20_000, 0.3))?;
    assert_moments(&paths.states[0][0], 2.0, 2.0, 0.0, "a");
    assert_moments(&paths.states[0][1], 5.0, 5.0, 0.0, "b");
    let product = |p: usize| (paths.states[0][0][p] - 2.0) * (paths.states[0][1][p] - 5.0);
    let covariance = (0..20_000).map(product).sum::<f64>() / 2e4;
    assert!(covariance.abs() < 4.0 * (10.0f64 / 2e4).sqrt(), "{covariance}");
    Ok(())
}

#[test]
fn a_log_price_with_jumps_has_mertons_mixture_of_normals_at_any_step() -> Result<()> {
    let (m, s, lambda, mj, sj) = (0.02, 0.2, 2.0, -0.1, 0.3);
    let merton = model(
        "[state.y]",
        "drift.y = \"0.02\"\ndiffusion.y = \"0.2\"",
        "[[jump]]\nrate = \"2\"\nmark.J = \"normal(-0.1, 0.3)\"\nafter.y = \"y + J\"",
    );
    for (step, t) in [(10.0, 1.5), (0.07, 0.8)] {
        let paths = run_to(&merton, &[0.0], &[t], (20_000, step))?;
        // Merton (1976), eq. 16: Σ P(N = n) N(m t + n mj, s² t + n sj²).
        let cdf = |y: f64| -> f64 {
            let mut weight = math::exp(-lambda * t);
            (0..60)
                .map(|n| {
                    let k = f64::from(n);
                    if n > 0 {
                        weight *= lambda * t / k;
                    }
                    weight * math::normal_cdf((y - m * t - k * mj) / (s * s * t + k * sj * sj).sqrt())
                })
                .sum()
        };
        let u: Vec<f64> = paths.states[0][0].iter().map(|y| cdf(*y)).collect();
        // Four sigma, two-sided.
        assert!(stats::ks_uniform_p(&u) > 6e-5, "step {step}: {}", stats::ks_uniform_p(&u));
    }
    Ok(())
}

#[test]
fn the_kernels_of_the_last_step_are_the_density_of_what_jumps() -> Result<()> {
    let merton = model(
        "[state.y]",
        "drift.y = \"0\"\ndiffusion.y = \"0.5\"",
        "[[jump]]\nrate = \"3\"\nmark.J = \"normal(0, 0.4)\"\nafter.y = \"y + J\"",
    );
    let paths = run_to(&merton, &[0.0], &[0.5], (40_000, 0.125))?;
    for y in [-0.8, 0.0, 0.5] {
        let each: Vec<f64> = paths.kernels[0][0].iter().map(|(m, s)| math::normal_pdf((y - m) / s) / s).collect();
        let mut weight = math::exp(-1.5);
        let wanted: f64 = (0..40)
            .map(|n| {
                let k = f64::from(n);
                if n > 0 {
                    weight *= 1.5 / k;
                }
                let sd = (0.125 + k * 0.16).sqrt();
                weight * math::normal_pdf(y / sd) / sd
            })
            .sum();
        let error = 4.0 * stats::sd(&each) / 200.0;
        assert!((stats::mean(&each) - wanted).abs() < error, "{y}: {} {wanted} ± {error}", stats::mean(&each));
    }
    Ok(())
}

#[test]
fn a_self_exciting_rate_has_its_closed_moments() -> Result<()> {
    let hawkes = model(
        "[state.l]\ndomain = [0.0, inf]\nboundary = \"natural\"\n[state.n]",
        "drift.l = \"2*(1.5 - l)\"\ndrift.n = \"0\"\n[dynamics.diffusion]",
        "[[jump]]\nrate = \"l\"\nafter.l = \"l + 0.9\"\nafter.n = \"n + 1\"",
    );
    let (start, times) = ([1.5, 0.0], [1.3]);
    let wanted = closed_moments(&hawkes, &[], &start, 0.0, &times).expect("closed")?;
    let paths = run_to(&hawkes, &start, &times, (20_000, 1.3 / 256.0))?;
    let covariance = wanted.covariance.as_ref().expect("closed");
    for i in 0..2 {
        // The rate is held over a step: a bias of order h, here 0.5 %.
        assert_moments(&paths.states[0][i], wanted.mean[0][i], covariance[0][i][i], 0.005, "hawkes");
    }
    Ok(())
}

#[test]
fn bates_has_its_closed_moments() -> Result<()> {
    let bates = built_in("bates")?;
    let theta: Vec<f64> = bates.params.iter().map(|p| p.default).collect();
    let (start, times) = ([100f64.ln(), 0.04], [0.5, 1.0]);
    let wanted = closed_moments(&bates, &theta, &start, 0.0, &times).expect("closed")?;
    let paths = run_to(&bates, &start, &times, (20_000, 1.0 / 128.0))?;
    let covariance = wanted.covariance.as_ref().expect("closed");
    for t in 0..2 {
        assert_moments(&paths.states[t][0], wanted.mean[t][0], covariance[t][0][0], 2e-3, "y");
        assert_moments(&paths.states[t][1], wanted.mean[t][1], covariance[t][1][1], 0.02, "v");
    }
    Ok(())
}

#[test]
fn a_jump_of_one_state_does_not_lift_another_that_truncation_holds_below_its_end() -> Result<()> {
    // Much below Feller's condition half of the truncated paths are below zero; jumps of y were once to lift v there.
    let text = |rate: &str| {
        model(
            "[state.v]\ndomain = [0.0, inf]\n[state.y]",
            "drift.v = \"0.04 - v\"\ndrift.y = \"0\"\ndiffusion.v = \"0.8*sqrt(v)\"",
            &format!("[[jump]]\nrate = \"{rate}\"\nafter.y = \"y + 1\""),
        )
    };
    let mean = |model: &Model| -> Result<f64> {
        Ok(stats::mean(&run_to(model, &[0.04, 0.0], &[1.0], (20_000, 1.0 / 64.0))?.states[0][0]))
    };
    let (still, busy) = (mean(&text("0"))?, mean(&text("40"))?);
    // Jumps cut the steps, which makes truncation a little better; lifting would have made it much worse.
    assert!(busy < still * 1.02, "{still} {busy}");
    Ok(())
}

#[test]
fn at_rate_zero_the_bytes_are_those_without_jumps() -> Result<()> {
    let still = model(
        "[state.x]",
        "drift.x = \"-x\"\ndiffusion.x = \"1 + 0.1*x\"",
        "[[jump]]\nrate = \"0*x\"\nmark.J = \"normal(0, 1)\"\nafter.x = \"x + J\"\n[[jump]]\nrate = \"max(-1, 0)\"\nafter.x = \"0\"",
    );
    let without = model("[state.x]", "drift.x = \"-x\"\ndiffusion.x = \"1 + 0.1*x\"", "");
    let bits = |model: &Model| -> Result<Vec<u64>> {
        let paths = run_to(model, &[0.3], &[0.4, 1.0], (300, 0.05))?;
        let kernels = paths.kernels.concat().concat().into_iter().flat_map(|k| [k.0, k.1]);
        Ok(paths.states.concat().concat().into_iter().chain(kernels).map(f64::to_bits).collect())
    };
    assert_eq!(bits(&still)?, bits(&without)?);
    Ok(())
}

#[test]
fn jumps_give_the_same_bytes_on_any_number_of_threads() -> Result<()> {
    let bates = built_in("bates")?;
    let on = |threads: usize| -> Result<Vec<u64>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let paths = pool.install(|| run_to(&bates, &[4.6, 0.04], &[2.0], (500, 0.05)))?;
        Ok(paths.states.concat().concat().into_iter().map(f64::to_bits).collect())
    };
    assert_eq!(on(1)?, on(3)?);
    Ok(())
}

#[test]
fn a_rate_that_changes_with_time_jumps_where_it_is_high() -> Result<()> {
    let pulsed = model(
        "[state.n]",
        "drift.n = \"0\"\ndiffusion.n = \"0\"",
        "[[jump]]\nrate = \"10*max(0, 1 - t)\"\nafter.n = \"n + t\"",
    );
    // E n = ∫ 10 (1 - t) t dt = 10/6, Var n = ∫ 10 (1 - t) t² dt = 10/12; the left end of the step overstates it by h/2.
    let paths = run_to(&pulsed, &[0.0], &[2.0], (20_000, 1.0 / 512.0))?;
    assert_moments(&paths.states[0][0], 10.0 / 6.0, 10.0 / 12.0, 0.003, "pulsed");
    Ok(())
}

#[test]
fn negative_rates_and_explosions_are_errors() {
    let start = [1.0];
    let negative =
        model("[state.n]", "drift.n = \"0\"\ndiffusion.n = \"1\"", "[[jump]]\nrate = \"-n\"\nafter.n = \"n + 1\"");
    assert!(run_to(&negative, &start, &[1.0], (10, 0.1)).is_err());
    let explosive =
        model("[state.n]", "drift.n = \"0\"\ndiffusion.n = \"0\"", "[[jump]]\nrate = \"n^2\"\nafter.n = \"2*n\"");
    assert!(run_to(&explosive, &start, &[50.0], (10, 1.0)).is_err());
}

#[test]
fn a_jump_over_an_absorbing_end_stays_there() -> Result<()> {
    let falling = model(
        "[state.x]\ndomain = [0.0, inf]\nboundary = \"absorbing\"",
        "drift.x = \"0\"\ndiffusion.x = \"5*sqrt(x)\"",
        "[[jump]]\nrate = \"1\"\nafter.x = \"-1\"",
    );
    let paths = run_to(&falling, &[1e6], &[1.0], (20_000, 1.0))?;
    let alive = paths.states[0][0].iter().filter(|x| **x > 0.0).count() as f64 / 2e4;
    let p = (-1.0f64).exp();
    assert!((alive - p).abs() < 4.0 * (p * (1.0 - p) / 2e4).sqrt(), "{alive} {p}");
    Ok(())
}

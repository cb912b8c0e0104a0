//! The form against closed laws, reference values and itself.

use crate::base::{Purpose, Result, Seed, math};
use crate::form::{Accuracy, Answer, Form, Question, answer, laws};
use crate::models::{Model, built_in, read};
use crate::predictive::Predictive;

fn ask<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64], cells: usize) -> Question<'a> {
    let accuracy = Accuracy { cells, tolerance: 1e-9, ..Accuracy::default() };
    Question { theta, start, t0: 0.0, times, accuracy, key: Seed(1).key(Purpose::Forecast, 0, 0) }
}

#[test]
fn ornstein_uhlenbeck_converges_at_fourth_order_to_its_law() -> Result<()> {
    let model = built_in("ou")?;
    let theta = [1.5, 0.5, 0.8];
    let error = |cells: usize| -> Result<f64> {
        let exact = &laws(&model, Form::Exact, &ask(&theta, &[-1.0], &[0.7], cells))?[0];
        let grid = &laws(&model, Form::FokkerPlanck, &ask(&theta, &[-1.0], &[0.7], cells))?[0];
        let worst = [0.05, 0.3, 0.5, 0.8, 0.95].map(|p| (grid.quantile(p) - exact.quantile(p)).abs());
        Ok(worst.into_iter().fold(0.0, f64::max))
    };
    let (coarse, fine) = (error(150)?, error(300)?);
    assert!(fine < 1e-5, "{fine}");
    assert!((coarse / fine).log2() > 3.0, "{coarse} {fine}");
    Ok(())
}

#[test]
fn a_square_root_process_that_touches_zero_keeps_its_law() -> Result<()> {
    // 2 kappa theta / sigma² = 0.5: Feller's condition fails and the density is infinite at zero.
    let model = built_in("cir")?;
    let theta = [1.0, 0.25, 1.0];
    let times = [0.2, 1.0, 5.0];
    let exact = laws(&model, Form::Exact, &ask(&theta, &[0.3], &times, 800))?;
    let grid = laws(&model, Form::FokkerPlanck, &ask(&theta, &[0.3], &times, 800))?;
    for (e, g) in exact.iter().zip(&grid) {
        assert!((e.mean().expect("mean") - g.mean().expect("mean")).abs() < 1e-4, "{:?} {:?}", e.mean(), g.mean());
        for p in [0.3, 0.5, 0.95] {
            assert!((g.cdf(e.quantile(p)) - p).abs() < 5e-4, "{p}: {}", g.cdf(e.quantile(p)));
        }
    }
    Ok(())
}

#[test]
fn what_is_absorbed_at_zero_leaves_the_martingale_mean() -> Result<()> {
    // cev with gamma >= 1/2 is stopped at zero, and e^{-mu t} x stays a martingale (Delbaen & Shirakawa 2002).
    let model = built_in("cev")?;
    for (gamma, t) in [(0.6, 2.0), (0.6, 4.0), (0.5, 2.0), (0.8, 4.0)] {
        let theta = [0.05, 0.4, gamma];
        let law = &laws(&model, Form::FokkerPlanck, &ask(&theta, &[0.3], &[t], 500))?[0];
        let mean = law.mean().expect("mean");
        assert!((mean / (0.3 * math::exp(0.05 * t)) - 1.0).abs() < 2e-3, "{gamma} {t}: {mean}");
    }
    Ok(())
}

#[test]
fn the_double_well_settles_to_boltzmann() -> Result<()> {
    let model = built_in("double-well")?;
    let theta = [0.3, 1.0, 0.8];
    let law = &laws(&model, Form::FokkerPlanck, &ask(&theta, &[0.9], &[200.0], 600))?[0];
    // p ∝ exp(-2 U / sigma²), U = height ((x/width)² - 1)².
    let weight = |x: f64| math::exp(-2.0 * 0.3 * (x * x - 1.0).powi(2) / 0.64);
    let total: f64 = (-40_000..40_000).map(|i| weight(f64::from(i) * 1e-4) * 1e-4).sum();
    for x in [-1.4, -0.5, 0.0, 1.0] {
        let pdf = math::exp(law.log_pdf(x).expect("a density"));
        assert!((pdf / (weight(x) / total) - 1.0).abs() < 1e-3, "{x}: {pdf} {}", weight(x) / total);
    }
    assert!(law.mean().expect("mean").abs() < 1e-3);
    Ok(())
}

pub(super) fn model(boundary: &str, domain: &str, drift: &str, diffusion: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"m\"\ntitle = \"m\"\nkind = \"diffusion\"\n[state.x]\ndomain = {domain}\nboundary = \"{boundary}\"\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"{diffusion}\"\n"
    );
    read("m.toml", &text).expect("reads")
}

/// As [`model`] on the unit interval, with jumps whose rate hangs on the state and that may lead out of it.
pub(super) fn jumping(boundary: &str, drift: &str, diffusion: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"m\"\ntitle = \"m\"\nkind = \"diffusion\"\n[state.x]\ndomain = [0.0, 1.0]\nboundary = \"{boundary}\"\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"{diffusion}\"\n[[jump]]\nrate = \"1 + x\"\nmark.J = \"normal(0.1*x, 0.4)\"\nafter.x = \"x + J\"\n"
    );
    read("m.toml", &text).expect("reads")
}

pub(super) fn line(model: &Model) -> Option<crate::process::Scalar<'_>> {
    match &model.process {
        crate::process::Process::Diffusion(process) => process.line(),
        _ => None,
    }
}

pub(super) fn solved(model: &Model, theta: &[f64], start: f64, times: &[f64], cells: usize) -> Answer {
    answer(model, Form::FokkerPlanck, &ask(theta, &[start], times, cells)).expect("an answer")
}

/// The largest distance between two distribution functions.
fn distance(found: &Predictive, cdf: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    (0..=4000)
        .map(|i| from + (to - from) * f64::from(i) / 4000.0)
        .map(|x| (found.cdf(x) - cdf(x)).abs())
        .fold(0.0, f64::max)
}

fn atoms(law: &Predictive) -> Vec<(f64, f64)> {
    match law {
        Predictive::Mixed(mixed) => mixed.atoms().to_vec(),
        _ => Vec::new(),
    }
}

/// Order from two errors whose spacings differ by this factor.
fn order(coarse: f64, fine: f64, factor: f64) -> f64 {
    math::ln(coarse / fine) / math::ln(factor)
}

#[test]
fn the_estimate_is_near_the_error_wherever_the_law_is_closed() -> Result<()> {
    for (id, theta, start, t) in [
        ("gbm", vec![0.05, 0.3], 1.0, 1.0),
        ("ou", vec![1.5, 0.5, 0.8], -1.0, 0.7),
        // Feller's condition fails: the density is infinite at zero, the more the smaller theta.
        ("cir", vec![1.0, 0.25, 1.0], 0.3, 0.2),
        ("cir", vec![1.0, 0.25, 1.0], 0.3, 1.0),
        ("cir", vec![1.0, 0.125, 1.0], 0.3, 1.0),
        ("cir", vec![1.0, 0.05, 1.0], 0.3, 5.0),
        ("cir", vec![1.2, 0.06, 0.25], 0.04, 0.5),
    ] {
        let model = built_in(id)?;
        let exact = laws(&model, Form::Exact, &ask(&theta, &[start], &[t], 10))?.remove(0);
        for cells in [125, 250, 500] {
            let found = solved(&model, &theta, start, &[t], cells);
            let estimate = found.error.expect("an estimate");
            let error = distance(&found.laws[0][0], |x| exact.cdf(x), exact.quantile(1e-9), exact.quantile(1.0 - 1e-9));
            assert!(error < 3.0 * estimate, "{id} {theta:?} {cells}: {error} {estimate}");
            assert!(estimate < 50.0 * error + 1e-9, "{id} {theta:?} {cells}: {error} {estimate}");
            assert!(cells < 500 || error < 2e-6, "{id} {theta:?}: {error}");
        }
    }
    Ok(())
}

#[test]
fn a_goal_is_reached_or_what_was_reached_is_said() -> Result<()> {
    let goal = 1e-8;
    for (id, theta, start) in [("ou", vec![1.5, 0.5, 0.8], -1.0), ("cir", vec![1.0, 0.25, 1.0], 0.3)] {
        let model = built_in(id)?;
        let mut question = ask(&theta, &[], &[0.7], 100);
        let from = [start];
        question.start = &from;
        question.accuracy.goal = Some(goal);
        let found = answer(&model, Form::FokkerPlanck, &question)?;
        let exact = laws(&model, Form::Exact, &question)?.remove(0);
        let error = distance(&found.laws[0][0], |x| exact.cdf(x), exact.quantile(1e-8), exact.quantile(1.0 - 1e-8));
        assert!(found.error.is_some_and(|e| e < 1.1 * goal) && error < 2.0 * goal, "{id}: {error} {:?}", found.error);
    }
    Ok(())
}

#[test]
fn reflected_brownian_motion_has_its_law_to_fourth_order() {
    // Harrison (1985), section 1.8.
    let (x0, t, mu) = (0.35f64, 0.3f64, -0.7);
    let walled = model("reflecting", "[0.0, inf]", "-0.7", "1");
    let above = |x: f64, from: f64| math::normal_cdf((x - from - mu * t) / t.sqrt());
    let exact = |x: f64| above(x, x0) - math::exp(2.0 * mu * x) * math::normal_cdf((-x - x0 - mu * t) / t.sqrt());
    let error = |cells| distance(&solved(&walled, &[], x0, &[t], cells).laws[0][0], exact, 1e-9, 4.0);
    let (coarse, fine) = (error(400), error(1600));
    assert!(fine < 1e-9 || order(coarse, fine, 4.0) > 3.5, "{coarse} {fine}");
    assert!(coarse < 5e-8, "{coarse}");
}

#[test]
fn what_is_absorbed_is_an_atom_and_the_rest_a_density() {
    // Images, with the drift by Girsanov's factor: Brownian motion absorbed at one end, and at two.
    let (x0, t, mu) = (0.35f64, 0.3f64, -0.7);
    let one = model("absorbing", "[0.0, inf]", "-0.7", "1");
    let found = solved(&one, &[], x0, &[t], 500);
    let exact = |x: f64| {
        let image = math::exp(-2.0 * mu * x0) * math::normal_cdf((-x - x0 + mu * t) / t.sqrt());
        1.0 - math::normal_cdf((x0 - x + mu * t) / t.sqrt()) + image
    };
    let law = &found.laws[0][0];
    let gap = distance(law, exact, 0.0, 4.0);
    assert!(gap < 1e-7 && found.error.is_some_and(|e| gap < 3.0 * e), "{gap} {:?}", found.error);
    assert!((atoms(law)[0].1 - exact(0.0)).abs() < 1e-8 && law.cdf(-1e-9) == 0.0);
    // What is left is a martingale with its drift taken out.
    let mean = law.mean().expect("a mean");
    let wanted: f64 = (0..40_000).map(|i| (1.0 - exact((f64::from(i) + 0.5) * 1e-4)) * 1e-4).sum();
    assert!((mean - wanted).abs() < 1e-7, "{mean} {wanted}");

    let two = model("absorbing", "[0.0, 1.0]", "-0.7", "1");
    let law = solved(&two, &[], x0, &[t], 500).laws.remove(0).remove(0);
    let image = |x: f64| -> f64 {
        let kernel = |d: f64| math::exp(-0.5 * d * d / t) / (2.0 * std::f64::consts::PI * t).sqrt();
        (-9..=9).map(|k| kernel(x - x0 + 2.0 * f64::from(k)) - kernel(x + x0 + 2.0 * f64::from(k))).sum()
    };
    for x in [0.01, 0.1, 0.5, 0.9, 0.99] {
        let wanted = image(x) * math::exp(mu * (x - x0) - 0.5 * mu * mu * t);
        let pdf = math::exp(law.log_pdf(x).expect("a density"));
        // Beside an end that absorbs the density is interpolated to the third order in the distance from it.
        assert!((pdf / wanted - 1.0).abs() < 1e-4, "{x}: {pdf} {wanted}");
    }
    let left: f64 = (0..10_000)
        .map(|i| (f64::from(i) + 0.5) * 1e-4)
        .map(|x| image(x) * math::exp(mu * (x - x0) - 0.5 * mu * mu * t) * 1e-4)
        .sum();
    let absorbed: f64 = atoms(&law).iter().map(|a| a.1).sum();
    assert!(atoms(&law).len() == 2 && (absorbed + left - 1.0).abs() < 1e-7, "{absorbed} {left}");
}

#[test]
fn a_ring_with_a_current_wraps_the_normal_law() {
    let ring = model("periodic", "[0.0, 1.0]", "3", "0.5");
    let (x0, t) = (0.3, 0.2f64);
    let wrapped = |x: f64| -> f64 {
        let z = |x: f64, k: f64| math::normal_cdf((x + k - x0 - 3.0 * t) / (0.5 * t.sqrt()));
        (-9..=9).map(|k| z(x, f64::from(k)) - z(0.0, f64::from(k))).sum()
    };
    let error = |cells| distance(&solved(&ring, &[], x0, &[t], cells).laws[0][0], wrapped, 0.0, 1.0);
    let (coarse, fine) = (error(200), error(400));
    assert!(fine < 1e-7 && (order(coarse, fine, 2.0) - 4.0).abs() < 0.1, "{coarse} {fine}");
    // Long after, it is even, whatever the current.
    let late = solved(&ring, &[], x0, &[50.0], 200);
    assert!(distance(&late.laws[0][0], |x| x, 0.0, 1.0) < 1e-10);
}

#[test]
fn a_price_that_reaches_zero_stays_there() -> Result<()> {
    // The law of a squared Bessel process: at gamma = 1/2 and without drift P(X_t = 0) = exp(-2 x/(σ² t)) (Feller 1951).
    let model = built_in("cev")?;
    for cells in [250, 500] {
        let found = solved(&model, &[0.0, 0.4, 0.5], 0.3, &[2.0], cells);
        let exact = math::exp(-2.0 * 0.3 / (0.16 * 2.0));
        let gap = (atoms(&found.laws[0][0])[0].1 - exact).abs();
        assert!(gap < 3.0 * found.error.expect("an estimate") && gap < 2e-5, "{cells}: {gap} {:?}", found.error);
        let mean = found.laws[0][0].mean().expect("a mean");
        assert!((mean / 0.3 - 1.0).abs() < 1e-5, "{mean}");
    }
    // Cox (1975) with mu = 0.05 from 100: the Bessel density at 110, to 16 digits. The second diffusion is that of the reference
    // value for cev.
    for (sigma, wanted) in [(2.0, 0.018_012_088_894_905_6), (2f64.sqrt(), 0.024_841_210_861_501_6)] {
        let found = solved(&model, &[0.05, sigma, 0.5], 100.0, &[1.0], 500);
        let pdf = math::exp(found.laws[0][0].log_pdf(110.0).expect("a density"));
        assert!((pdf / wanted - 1.0).abs() < 1e-6, "{sigma}: {pdf} {wanted}");
    }
    Ok(())
}

#[test]
fn a_named_pulse_is_stepped_on_however_narrow() {
    // The drift adds 0.2 within a hundredth of the horizon; in a two-thousandth it outruns the grid, which the estimate says.
    let pulse = |t: f64, length: f64| {
        let drift = format!("if(t < {t}, 0, if(t < {t} + {length}, 0.2/{length}, 0))");
        model("auto", "[-inf, inf]", &drift, "0.5")
    };
    for (t, length) in [(0.1234, 0.01), (0.5, 0.01), (0.987, 0.01), (0.5, 0.0005)] {
        let found = solved(&pulse(t, length), &[], 0.2, &[1.0], 500);
        let mean = found.laws[0][0].mean().expect("a mean");
        let error = distance(&found.laws[0][0], |x| math::normal_cdf((x - 0.4) / 0.5), -2.0, 3.0);
        assert!(found.error.is_some_and(|e| error < 3.0 * e && e < 3e-3), "{t}: {error} {:?}", found.error);
        assert!((mean - 0.4).abs() < 1e-5, "{t}: {mean}");
    }
}

#[test]
fn jumps_of_a_price_mix_its_lognormals() -> Result<()> {
    // Merton (1976): Poisson many lognormals; the reference density of ln(S/S₀) at -0.15.
    let model = built_in("merton-jump")?;
    let (mu, sigma, lambda, mj, sj) = (0.05, 0.2, 0.8, -0.1, 0.25);
    let kbar = math::exp_m1(mj + 0.5 * sj * sj);
    let exact = |x: f64| -> f64 {
        let each = |n: i32| {
            let n = f64::from(n);
            let weight = math::exp(-lambda + n * math::ln(lambda) - math::ln_gamma(n + 1.0));
            let mean = mu - lambda * kbar - 0.5 * sigma * sigma + n * mj;
            weight * math::normal_cdf((math::ln(x) - mean) / (sigma * sigma + n * sj * sj).sqrt())
        };
        (0..40).map(each).sum()
    };
    for cells in [100, 200] {
        let found = solved(&model, &[mu, sigma, lambda, mj, sj], 1.0, &[1.0], cells);
        let (law, estimate) = (&found.laws[0][0], found.error.expect("an estimate"));
        let error = distance(law, exact, 0.05, 4.0);
        assert!(error < 3.0 * estimate && estimate < 50.0 * error, "{cells}: {error} {estimate}");
        if cells == 200 {
            let x = math::exp(-0.15);
            let pdf = math::exp(law.log_pdf(x).expect("a density")) * x;
            assert!(error < 1e-5 && (pdf - 1.043_869_338_135_354_5).abs() < 1e-5, "{error} {pdf}");
            assert!((law.mean().expect("a mean") - math::exp(mu)).abs() < 1e-5);
        }
    }
    Ok(())
}

#[test]
fn jumps_of_an_ornstein_uhlenbeck_process_have_its_moments() -> Result<()> {
    let model = built_in("ou-jump")?;
    let (kappa, x0, t, lambda, mj, sj) = (1.0, 0.5, 1.0, 0.5, 0.3, 1.0);
    let law = solved(&model, &[kappa, 0.0, 1.0, lambda, mj, sj], x0, &[t], 200).laws.remove(0).remove(0);
    let mean = x0 * math::exp(-t) - lambda * mj * math::exp_m1(-t);
    let variance = -0.5 * math::exp_m1(-2.0 * t) * (1.0 + lambda * (sj * sj + mj * mj));
    assert!((law.mean().expect("a mean") - mean).abs() < 1e-5);
    assert!((law.sd().expect("an sd").powi(2) - variance).abs() < 2e-5);
    Ok(())
}

//! The lattice of a diffusion with ends and jumps: against closed laws, and against the Fokker-Planck form, whose rates are others.

use crate::base::{Purpose, Result, Seed, math};
use crate::form::{Accuracy, Answer, Form, Question, answer, laws};
use crate::models::{Model, built_in, read};
use crate::predictive::Predictive;

fn ask<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64], cells: usize) -> Question<'a> {
    let accuracy = Accuracy { cells, ..Accuracy::default() };
    Question { theta, start, t0: 0.0, times, accuracy, key: Seed(1).key(Purpose::Forecast, 0, 0) }
}

fn model(boundary: &str, domain: &str, drift: &str, diffusion: &str, more: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"m\"\ntitle = \"m\"\nkind = \"diffusion\"\n[state.x]\ndomain = {domain}\n\
         boundary = \"{boundary}\"\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"{diffusion}\"\n{more}"
    );
    read("m.toml", &text).expect("a model")
}

fn lattice(model: &Model, start: f64, times: &[f64], cells: usize) -> Result<Answer> {
    answer(model, Form::MasterEquation, &ask(&[], &[start], times, cells))
}

fn apart(law: &Predictive, cdf: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let each = (0..=1000).map(|i| from + (to - from) * f64::from(i) / 1000.0);
    each.map(|x| (law.cdf(x) - cdf(x)).abs()).fold(0.0, f64::max)
}

fn atom(law: &Predictive) -> f64 {
    if let Predictive::Mixed(law) = law { law.atoms()[0].1 } else { 0.0 }
}

#[test]
fn brownian_motion_absorbed_at_a_level_leaves_the_inverse_gaussian_atom() -> Result<()> {
    let (mu, sigma, x0) = (-0.3, 0.8, 1.0f64);
    let model = model("absorbing", "[0.0, inf]", "-0.3", "0.8", "");
    let times = [0.4, 1.5];
    let mut errors = Vec::new();
    for cells in [60, 120, 240] {
        let found = lattice(&model, x0, &times, cells)?;
        let mut worst: f64 = 0.0;
        for (t, law) in times.iter().zip(&found.laws) {
            // Reflection principle with drift: Borodin & Salminen (2002), part II, 1.2.4 and 1.2.8.
            let s = sigma * t.sqrt();
            let image = math::exp(-2.0 * mu * x0 / (sigma * sigma));
            let below = |x: f64| {
                1.0 - math::normal_cdf((x0 + mu * t - x) / s) + image * math::normal_cdf((-x0 + mu * t - x) / s)
            };
            worst = worst.max((atom(&law[0]) - below(0.0)).abs()).max(apart(&law[0], below, 0.0, 6.0));
        }
        let estimate = found.error.expect("an estimate");
        assert!(worst <= estimate && estimate < 100.0 * worst + 1e-8, "{cells}: {worst:e} {estimate:e}");
        errors.push(worst);
    }
    // The cell beside the end is under a parabola, so the table is of third order.
    assert!((errors[1] / errors[2]).log2() > 2.7 && errors[2] < 1e-6, "{errors:?}");
    Ok(())
}

#[test]
fn on_a_ring_and_between_mirrors_the_lattice_is_the_fokker_planck_law() -> Result<()> {
    for (boundary, domain, drift, diffusion, start) in [
        ("reflecting", "[0.0, inf]", "0.5 - 1.5*x", "0.8", 0.3),
        ("reflecting", "[-1.0, 1.0]", "1 - 2*x", "0.6 + 0.2*x", 0.2),
        ("periodic", "[0.0, 1.0]", "0.7 - sin(2*pi*x)", "0.5 + 0.1*cos(2*pi*x)", 0.15),
        ("absorbing", "[-1.0, 1.0]", "1 - 2*x", "0.6 + 0.2*x", 0.2),
    ] {
        let model = model(boundary, domain, drift, diffusion, "");
        let times = [0.1, 1.0];
        let ours = lattice(&model, start, &times, 300)?;
        let grid = answer(&model, Form::FokkerPlanck, &ask(&[], &[start], &times, 600))?;
        let allowed = ours.error.expect("an estimate") + grid.error.expect("an estimate");
        let mut worst: f64 = 0.0;
        for (a, b) in ours.laws.iter().zip(&grid.laws) {
            worst = worst.max(apart(&a[0], |x| b[0].cdf(x), -1.0, 3.0));
        }
        assert!(worst <= allowed && allowed < 3e-6, "{boundary} {domain}: {worst:e} {allowed:e}");
    }
    Ok(())
}

#[test]
fn reflected_brownian_motion_is_its_image_sum_on_the_lattice() -> Result<()> {
    // On [0, 1] with a mirror at both ends, sigma = 0.8: 1/2 erf sums over images 2k ± x0.
    let model = model("reflecting", "[0.0, 1.0]", "0", "0.8", "");
    let (x0, t) = (0.3, 0.2f64);
    let s = 0.8 * t.sqrt();
    let below = |x: f64| -> f64 {
        let each = |k: i32| {
            let shift = 2.0 * f64::from(k);
            let side = |centre: f64| math::normal_cdf((x - centre) / s) - math::normal_cdf(-centre / s);
            side(shift + x0) + side(shift - x0)
        };
        (-8..=8).map(each).sum()
    };
    let law = lattice(&model, x0, &[t], 200)?;
    let worst = apart(&law.laws[0][0], below, 0.0, 1.0);
    let estimate = law.error.expect("an estimate");
    assert!(worst <= estimate && estimate < 1e-6, "{worst:e} {estimate:e}");
    Ok(())
}

#[test]
fn mertons_density_is_that_of_his_mixture_on_the_lattice() -> Result<()> {
    // Density of ln(S_1/S_0) at -0.15: a Poisson mixture in forty digits.
    let merton = built_in("merton-jump")?;
    let theta = [0.05, 0.2, 0.8, -0.1, 0.25];
    let found = answer(&merton, Form::MasterEquation, &ask(&theta, &[1.0], &[1.0], 150))?;
    let x = math::exp(-0.15);
    let density = x * math::exp(found.laws[0][0].log_pdf(x).expect("a density"));
    assert!((density - 1.043_869_338_135_354_5).abs() < 2e-5, "{density}");
    assert!(found.error.expect("an estimate") < 1e-4);
    Ok(())
}

#[test]
fn a_jump_beyond_an_end_that_absorbs_stays_out() -> Result<()> {
    let jumps = "[[jump]]\nrate = \"1 + x\"\nmark.J = \"normal(0.1*x, 0.4)\"\nafter.x = \"x + J\"\n";
    let model = model("absorbing", "[0.0, 1.0]", "0.3", "0.5", jumps);
    let ours = lattice(&model, 0.4, &[0.3], 120)?;
    let grid = answer(&model, Form::FokkerPlanck, &ask(&[], &[0.4], &[0.3], 240))?;
    let worst = apart(&ours.laws[0][0], |x| grid.laws[0][0].cdf(x), 0.0, 1.0);
    let allowed = ours.error.expect("an estimate") + grid.error.expect("an estimate");
    assert!(worst <= allowed && allowed < 1e-4, "{worst:e} {allowed:e}");
    Ok(())
}

#[test]
fn what_cev_leaves_at_zero_keeps_its_mean_on_the_lattice() -> Result<()> {
    // Stopped at zero e^{-mu t} x is a martingale (Delbaen & Shirakawa 2002), and the law is closed: Cox (1975).
    let cev = built_in("cev")?;
    for gamma in [0.5, 0.75] {
        let theta = [0.05, 0.4, gamma];
        let law = laws(&cev, Form::MasterEquation, &ask(&theta, &[0.3], &[2.0], 400))?.remove(0);
        let grid = laws(&cev, Form::FokkerPlanck, &ask(&theta, &[0.3], &[2.0], 800))?.remove(0);
        let mean = law.mean().expect("a mean");
        assert!((mean / (0.3 * math::exp(0.1)) - 1.0).abs() < 2e-3, "{gamma}: {mean}");
        assert!((atom(&law) - atom(&grid)).abs() < 1e-3, "{gamma}: {} {}", atom(&law), atom(&grid));
    }
    Ok(())
}

#[test]
fn a_ring_turns_with_its_current() -> Result<()> {
    // Constant drift and noise: the wrapped normal law.
    let model = model("periodic", "[0.0, 1.0]", "0.9", "0.4", "");
    let (x0, t) = (0.25, 0.3f64);
    let s = 0.4 * t.sqrt();
    let law = lattice(&model, x0, &[t], 200)?;
    let below = |x: f64| -> f64 {
        let each = |k: i32| {
            let centre = x0 + 0.9 * t + f64::from(k);
            math::normal_cdf((x - centre) / s) - math::normal_cdf(-centre / s)
        };
        (-8..=8).map(each).sum()
    };
    let worst = apart(&law.laws[0][0], below, 0.0, 1.0);
    let estimate = law.error.expect("an estimate");
    assert!(worst <= estimate && estimate < 1e-6, "{worst:e} {estimate:e}");
    Ok(())
}

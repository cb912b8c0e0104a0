//! Orders, published values and refusals of the rate equations.

use super::*;
use crate::base::Error;
use crate::base::math;
use crate::models::{built_in, read};

fn of(text: &str) -> RateEquations {
    let model = read(
        "test.toml",
        &format!("schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n{text}"),
    )
    .expect("a model");
    let Process::Network(network) = model.process else { panic!("no network") };
    network.rate_equations()
}

fn asked<'a>(start: &'a [f64], times: &'a [f64], tolerance: f64) -> Initial<'a> {
    Initial { theta: &[], start, t0: 0.0, times, tolerance }
}

/// `x(1)` of `x' = 2 + sin 3t - x²` by so many equal steps.
fn fixed(steps: usize) -> f64 {
    let equations = of(
        "[species.X]\n[[reaction]]\nequation = \"0 -> X\"\nlaw = \"2 + sin(3*t)\"\n[[reaction]]\nequation = \"2 X -> X\"\nrate = 1\n",
    );
    let mut stepper = Stepper::new(Plain::new(equations, &asked(&[0.3], &[1.0], 1e-9)));
    let mut x = DVector::from_element(1, 0.3);
    let h = 1.0 / steps as f64;
    for k in 0..steps {
        x = stepper.attempt(&x, k as f64 * h, h, 2.0).expect("a step").0;
    }
    x[0]
}

#[test]
fn the_order_is_four_also_where_the_equations_change_with_time() {
    let exact = fixed(2_000);
    let (coarse, fine) = ((fixed(8) - exact).abs(), (fixed(32) - exact).abs());
    let order = (coarse / fine).log2() / 2.0;
    assert!(order > 3.7, "{order}: {coarse:e} {fine:e}");
}

#[test]
fn robertsons_stiff_reactions_reach_the_published_values() -> Result<()> {
    // Hairer & Wanner 1996, section IV.10: rates 0.04, 3e7, 1e4.
    let text = "[species.A]\n[species.B]\n[species.C]\n\
         [[reaction]]\nequation = \"A -> B\"\nrate = 0.04\n\
         [[reaction]]\nequation = \"2 B -> B + C\"\nrate = 3e7\n\
         [[reaction]]\nequation = \"B + C -> A + C\"\nrate = 1e4\n";
    let out = solve(of(text), &asked(&[1.0, 0.0, 0.0], &[0.4, 40.0, 4e5], 1e-9))?;
    // CVODE's documented values (Hindmarsh et al. 2005, example cvRoberts_dns).
    assert!((out.states[0][0] - 9.8517e-1).abs() < 1e-5 && (out.states[0][1] / 3.3864e-5 - 1.0).abs() < 1e-3);
    assert!((out.states[1][0] - 7.1583e-1).abs() < 1e-4, "{:?}", out.states[1]);
    assert!((out.states[2][0] / 4.9394e-3 - 1.0).abs() < 5e-3, "{:?}", out.states[2]);
    for state in &out.states {
        assert!((state.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
    assert!(out.steps < 2_000, "{}", out.steps);
    Ok(())
}

#[test]
fn a_linear_network_is_its_exponential_to_the_tolerance_asked() -> Result<()> {
    let text = "[species.A]\n[species.B]\n[[reaction]]\nequation = \"A -> B\"\nrate = 2\n[[reaction]]\nequation = \"B -> A\"\nrate = 1\n";
    for tolerance in [1e-4, 1e-6, 1e-9] {
        let times = [0.1, 1.0, 5.0];
        let out = solve(of(text), &asked(&[90.0, 0.0], &times, tolerance))?;
        for (t, x) in times.iter().zip(&out.states) {
            let exact = 30.0 + 60.0 * math::exp(-3.0 * t);
            assert!((x[0] - exact).abs() < 50.0 * 90.0 * tolerance, "{tolerance}: {} {exact}", x[0]);
        }
    }
    Ok(())
}

#[test]
fn the_oregonator_goes_round() -> Result<()> {
    // (500, 1000, 2000), the file's start, is its fixed point: unstable, but a point without noise stays on it.
    let model = built_in("oregonator")?;
    let theta: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let times: Vec<f64> = (1..=200).map(|k| 0.05 * f64::from(k)).collect();
    let ask = |tolerance| {
        let initial = Initial { theta: &theta, start: &[600.0, 1000.0, 2000.0], t0: 0.0, times: &times, tolerance };
        rate_equations(&model, &initial)
    };
    let (out, fine) = (ask(1e-6)?, ask(1e-10)?);
    let ys: Vec<f64> = out.states.iter().map(|x| x[1]).collect();
    let peaks = ys.windows(3).filter(|w| w[1] > w[0] && w[1] > w[2] && w[1] > 3_000.0).count();
    assert!(peaks >= 3, "{peaks}");
    for (a, b) in out.states.iter().zip(&fine.states) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-2 * (b.abs() + 100.0)), "{a:?} {b:?}");
    }
    assert!(out.steps < 5_000, "{}", out.steps);
    Ok(())
}

#[test]
fn a_solution_that_runs_to_infinity_is_an_error() {
    let equations = of("[species.X]\n[[reaction]]\nequation = \"2 X -> 3 X\"\nrate = 1\n");
    assert!(matches!(solve(equations, &asked(&[1.0], &[2.0], 1e-6)), Err(Error::Numerics { .. })));
}

#[test]
fn concentrations_in_a_large_unit_are_solved_as_well() -> Result<()> {
    let text = "[species.A]\n[species.B]\n[[reaction]]\nequation = \"2 A -> B\"\nrate = 3e5\n";
    let out = solve(of(text), &asked(&[2e-6, 0.0], &[1.5], 1e-10))?;
    // dA/dt = -2 k A².
    let exact = 2e-6 / (1.0 + 2.0 * 3e5 * 2e-6 * 1.5);
    assert!((out.states[0][0] / exact - 1.0).abs() < 1e-8, "{}", out.states[0][0]);
    Ok(())
}

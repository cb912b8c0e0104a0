//! Slopes of rate equations against closed forms and differences.

use super::sensitivity::Varied;
use super::*;
use crate::base::math;
use crate::models::{Model, built_in, read};

fn of(text: &str) -> Result<Model> {
    let head = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n";
    read("test.toml", &format!("{head}{text}"))
}

fn param(name: &str) -> String {
    format!("[params.{name}]\ndefault = 1.0\nbounds = [1e-9, 1e9]\n")
}

#[test]
fn consecutive_reactions_have_the_slopes_of_their_closed_solution() -> Result<()> {
    let model = built_in("consecutive-first-order")?;
    let theta = [1.3, 0.4];
    let times = [0.5, 2.0, 9.0];
    let initial = Initial { theta: &theta, start: &[100.0, 0.0, 0.0], t0: 0.0, times: &times, tolerance: 1e-10 };
    // The start of A is moved with the second parameter, to see that it is carried.
    let found = sensitivities(&model, &initial, &[0, 1], &[vec![0.0; 3], vec![1.0, 0.0, 0.0]])?;
    let closed = |k: [f64; 2], a: f64, t: f64| {
        let [first, second] = [math::exp(-k[0] * t), math::exp(-k[1] * t)];
        let b = a * k[0] / (k[1] - k[0]) * (first - second);
        [a * first, b, a - a * first - b]
    };
    for (i, t) in times.iter().enumerate() {
        for k in 0..2 {
            let at = |h: f64| {
                let mut moved = theta;
                moved[k] += h;
                closed(moved, if k == 1 { 100.0 + h } else { 100.0 }, *t)
            };
            let h = 1e-3;
            for s in 0..3 {
                let slope = (8.0 * (at(h)[s] - at(-h)[s]) - (at(2.0 * h)[s] - at(-2.0 * h)[s])) / (12.0 * h);
                let found = found.slopes[i][k][s];
                assert!((found - slope).abs() < 1e-7, "{t} {k} {s}: {found} {slope}");
            }
        }
    }
    Ok(())
}

#[test]
fn robertsons_stiff_reactions_have_the_slopes_of_differences() -> Result<()> {
    let params = ["k1", "k2", "k3"].map(param).concat();
    let model = of(&format!(
        "[species.A]\n[species.B]\n[species.C]\n{params}[[reaction]]\nequation = \"A -> B\"\nrate = \"k1\"\n\
         [[reaction]]\nequation = \"2 B -> B + C\"\nrate = \"k2\"\n[[reaction]]\nequation = \"B + C -> A + C\"\nrate = \"k3\"\n"
    ))?;
    let theta = [0.04, 3e7, 1e4];
    let solve = |theta: &[f64], tolerance: f64| {
        rate_equations(&model, &Initial { theta, start: &[1.0, 0.0, 0.0], t0: 0.0, times: &[40.0], tolerance })
    };
    // The values of CVODE's documentation, with more digits by a solution of tolerance 1e-14.
    let state = solve(&theta, 1e-13)?.states[0].clone();
    for (x, published) in state.iter().zip([0.7158270688, 9.185534765e-6, 0.2841637457]) {
        assert!((x / published - 1.0).abs() < 1e-6, "{x} {published}");
    }
    let initial = Initial { theta: &theta, start: &[1.0, 0.0, 0.0], t0: 0.0, times: &[40.0], tolerance: 1e-11 };
    let found = sensitivities(&model, &initial, &[0, 1, 2], &vec![vec![0.0; 3]; 3])?;
    for k in 0..3 {
        let at = |steps: f64| {
            let mut moved = theta;
            moved[k] *= 1.0 + 1e-2 * steps;
            solve(&moved, 1e-13).map(|out| out.states[0].clone())
        };
        let [a, b, c, d] = [at(1.0)?, at(-1.0)?, at(2.0)?, at(-2.0)?];
        for s in 0..3 {
            let slope = (8.0 * (a[s] - b[s]) - (c[s] - d[s])) / (0.12 * theta[k]);
            let (found, slope) = (found.slopes[0][k][s] * theta[k], slope * theta[k]);
            assert!((found - slope).abs() < 1e-6 * state[s], "{k} {s}: {found} {slope}");
        }
    }
    assert!(found.steps < 3_000, "{}", found.steps);
    Ok(())
}

#[test]
fn breaks_and_events_at_times_that_are_parameters_move_the_slopes() -> Result<()> {
    let params = ["k", "tau", "q"].map(param).concat();
    // Until tau nothing decays; at 2 tau a part q is taken away.
    let model = of(&format!(
        "breaks = [\"tau\"]\n[species.X]\ninitial = 10\n{params}[[reaction]]\nequation = \"X -> 0\"\nlaw = \"if(t < tau, 0, k*X)\"\n\
         [[event]]\nwhen = \"t >= 2*tau\"\nafter.X = \"X*(1 - q) + t\"\n"
    ))?;
    let (k, tau, q, t) = (0.7, 1.1, 0.3, 3.0);
    let theta = [k, tau, q];
    let initial = Initial { theta: &theta, start: &[10.0], t0: 0.0, times: &[t], tolerance: 1e-11 };
    let found = sensitivities(&model, &initial, &[0, 1, 2], &vec![vec![0.0]; 3])?;
    let closed =
        |[k, tau, q]: [f64; 3]| (10.0 * math::exp(-k * tau) * (1.0 - q) + 2.0 * tau) * math::exp(-k * (t - 2.0 * tau));
    assert!((found.states[0][0] / closed(theta) - 1.0).abs() < 1e-9);
    for p in 0..3 {
        let at = |h: f64| {
            let mut moved = theta;
            moved[p] += h;
            closed(moved)
        };
        let slope = (8.0 * (at(1e-3) - at(-1e-3)) - (at(2e-3) - at(-2e-3))) / 12e-3;
        let found = found.slopes[0][p][0];
        assert!((found / slope - 1.0).abs() < 1e-7, "{p}: {found} {slope}");
    }
    Ok(())
}

#[test]
fn the_order_of_slopes_is_four_also_where_the_equations_change_with_time() -> Result<()> {
    // With anything but the exact Jacobian of states and slopes together the order would be lower.
    let model = of(&format!(
        "[species.X]\n[species.Y]\n{}{}[[reaction]]\nequation = \"0 -> X\"\nlaw = \"2 + sin(3*k*t)\"\n[[reaction]]\nequation = \"X + Y -> Y\"\n\
         rate = \"k\"\n[[reaction]]\nequation = \"2 X -> X + Y\"\nrate = \"q\"\n",
        param("k"),
        param("q")
    ))?;
    let theta = [1.1, 0.7];
    let initial = Initial { theta: &theta, start: &[0.3, 0.4], t0: 0.0, times: &[1.0], tolerance: 1e-9 };
    let fixed = |steps: usize| -> Result<DVector<f64>> {
        let equations = equations_of(&model, Form::RateEquations)?;
        let mut stepper = Stepper::new(Varied::new(equations, &initial, &[0, 1]));
        let mut y = DVector::from_vec(vec![0.3, 0.4, 0.0, 0.0, 0.0, 0.0]);
        let h = 1.0 / steps as f64;
        for k in 0..steps {
            y = stepper.attempt(&y, k as f64 * h, h, 2.0).expect("a step").0;
        }
        Ok(y)
    };
    let (exact, coarse, fine) = (fixed(1_000)?, fixed(8)?, fixed(32)?);
    for i in 0..6 {
        let errors = [(coarse[i] - exact[i]).abs(), (fine[i] - exact[i]).abs()];
        let order = (errors[0] / errors[1]).log2() / 2.0;
        assert!(order > 3.7, "{i}: {order}: {errors:?}");
    }
    Ok(())
}

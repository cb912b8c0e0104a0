//! Slopes of probabilities against closed forms and against differences of the law itself.

use super::*;
use crate::base::{Result, math};
use crate::models::{Model, built_in, read};

/// A network with parameters `name = value`.
fn network(params: &[(&str, f64)], body: &str) -> Model {
    let mut text = String::from(
        "schema = 1\nid = \"test\"\ntitle = \"test\"\nsource = \"test\"\nkind = \"network\"\ncounting = \"combinations\"\n",
    );
    for (name, value) in params {
        let bounds = "bounds = [1e-9, 1e9]";
        text.push_str(&format!("[params.{name}]\nmeaning = \"test\"\nunit = \"1\"\ndefault = {value}\n{bounds}\n"));
    }
    read("test.toml", &(text + body)).expect("a model")
}

fn defaults(model: &Model) -> Vec<f64> {
    model.params.iter().map(|p| p.default).collect()
}

fn ask<'a>(theta: &'a [f64], times: &'a [f64], tolerance: f64) -> Projection<'a> {
    Projection { theta, start: &[], t0: 0.0, times, tolerance, most_states: MOST_STATES }
}

/// The largest difference between the slopes and a central quotient of fourth order of the same law, in sum over the states.
fn apart(model: &Model, theta: &[f64], times: &[f64], free: &[usize]) -> Result<f64> {
    let answers = sensitivities(model, &ask(theta, times, 1e-13), free)?;
    let mut worst: f64 = 0.0;
    for (i, k) in free.iter().enumerate() {
        let h = 1e-3 * theta[*k];
        let mut moved = Vec::new();
        for offset in [-2.0, -1.0, 1.0, 2.0] {
            let mut theta = theta.to_vec();
            theta[*k] += offset * h;
            moved.push(project(model, &ask(&theta, times, 1e-13))?);
        }
        for (t, answer) in answers.iter().enumerate() {
            let p = |law: &Snapshot, state: &[f64]| {
                (0..law.len()).find(|j| law.state(*j) == state).map_or(0.0, |j| law.p[j])
            };
            let mut total = 0.0;
            for j in 0..answer.law.len() {
                let state = answer.law.state(j);
                let at: Vec<f64> = moved.iter().map(|laws| p(&laws[t], state)).collect();
                let quotient = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / (12.0 * h);
                total += theta[*k] * (quotient - answer.slopes[i][j]).abs();
            }
            worst = worst.max(total);
        }
    }
    Ok(worst)
}

#[test]
fn slopes_of_immigration_and_death_are_those_of_poissons_law() -> Result<()> {
    let model = network(
        &[("k", 12.0), ("g", 0.8)],
        "[species.X]\n[[reaction]]\nequation = \"0 -> X\"\nrate = \"k\"\n[[reaction]]\nequation = \"X -> 0\"\nrate = \"g\"\n",
    );
    let (k, g) = (12.0, 0.8);
    let times = [0.4, 3.0];
    for (t, answer) in times.iter().zip(sensitivities(&model, &ask(&[k, g], &times, 1e-13), &[0, 1])?) {
        let decay = math::exp(-g * t);
        let mean = k / g * (1.0 - decay);
        let moves = [mean / k, k * (t * decay / g - (1.0 - decay) / (g * g))];
        for (slopes, moves) in answer.slopes.iter().zip(moves) {
            for i in 0..answer.law.len() {
                let x = answer.law.state(i)[0];
                let p = math::exp(x * math::ln(mean) - mean - math::ln_gamma(x + 1.0));
                let exact = p * (x / mean - 1.0) * moves;
                assert!((slopes[i] - exact).abs() < 1e-12, "{t} {x}: {} {exact}", slopes[i]);
            }
            assert!(slopes.iter().sum::<f64>().abs() < 1e-11);
        }
    }
    Ok(())
}

#[test]
fn slopes_are_the_difference_quotients_of_the_law() -> Result<()> {
    // Two reactions with one change, a Hill law whose symbolic slope is no number at zero, a start from a law.
    let hill = network(
        &[("a", 20.0), ("n", 2.5), ("m", 3.0), ("g", 1.2)],
        "[species.X]\ninitial = \"poisson(m)\"\n[species.Y]\n[[reaction]]\nequation = \"0 -> X\"\nlaw = \"a/(1 + (Y/5)^n)\"\n\
         [[reaction]]\nequation = \"0 -> X\"\nrate = 2\n[[reaction]]\nequation = \"X -> Y\"\nrate = \"g\"\n\
         [[reaction]]\nequation = \"Y -> 0\"\nrate = \"g/2\"\n",
    );
    let error = apart(&hill, &defaults(&hill), &[0.5, 2.0], &[0, 1, 2, 3])?;
    assert!(error < 1e-8, "{error}");
    // A break and an event whose times are parameters, and a reaction of two molecules.
    let switched = network(
        &[("k0", 3.0), ("k1", 15.0), ("c", 0.02), ("tau", 0.7), ("wash", 1.4)],
        "[species.X]\ninitial = 4\n[[reaction]]\nequation = \"0 -> X\"\nlaw = \"if(t < tau, k0, k1)\"\n\
         [[reaction]]\nequation = \"2 X -> 0\"\nrate = \"c\"\n[[event]]\nwhen = \"t >= wash\"\nafter.X = \"floor(X/2)\"\n",
    );
    let error = apart(&switched, &defaults(&switched), &[0.5, 1.0, 2.0], &[0, 1, 2, 3, 4])?;
    assert!(error < 1e-8, "{error}");
    Ok(())
}

#[test]
fn slopes_of_a_stationary_start_are_those_of_the_law_at_rest() -> Result<()> {
    let model = network(
        &[("kon", 0.4), ("koff", 0.9), ("kr", 12.0), ("g", 1.0), ("more", 2.0), ("tau", 1.0)],
        "[species.off]\ninitial = 1\n[species.on]\ninitial = 0\n[species.rna]\ninitial = \"stationary\"\n\
         [[reaction]]\nequation = \"off -> on\"\nlaw = \"off*if(t < tau, kon, more)\"\n[[reaction]]\nequation = \"on -> off\"\nrate = \"koff\"\n\
         [[reaction]]\nequation = \"on -> on + rna\"\nrate = \"kr\"\n[[reaction]]\nequation = \"rna -> 0\"\nrate = \"g\"\n",
    );
    let error = apart(&model, &defaults(&model), &[0.5, 1.5], &[0, 1, 2, 3, 4, 5])?;
    assert!(error < 1e-7, "{error}");
    Ok(())
}

#[test]
fn what_has_no_slope_is_refused_by_name() -> Result<()> {
    let counted = network(
        &[("n", 5.0), ("g", 1.0)],
        "[species.X]\ninitial = \"n\"\n[[reaction]]\nequation = \"X -> 0\"\nrate = \"g\"\n",
    );
    let theta = defaults(&counted);
    let text = sensitivities(&counted, &ask(&theta, &[1.0], 1e-9), &[0]).expect_err("a count").to_string();
    assert!(text.contains("'n'"), "{text}");
    assert_eq!(sensitivities(&counted, &ask(&theta, &[1.0], 1e-9), &[1])?.len(), 1);
    assert!(sensitivities(&built_in("ou")?, &ask(&[1.0, 0.0, 1.0], &[1.0], 1e-9), &[0]).is_err());
    Ok(())
}

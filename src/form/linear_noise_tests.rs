//! The linear noise approximation where it is exact, and how fast its error falls where it is not.

use super::linear_noise::Noise;
use super::ode::{Initial, Stepper, equations_of};
use super::*;
use crate::base::{Purpose, Seed};
use crate::models::{built_in, read};
use nalgebra::DVector;

fn question<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64]) -> Question<'a> {
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    Question { theta, start, t0: 0.0, times, accuracy: Accuracy::default(), key }
}

#[test]
fn networks_of_first_order_have_their_exact_moments() -> Result<()> {
    for (id, start) in [
        ("immigration-death", vec![3.0]),
        ("consecutive-first-order", vec![80.0, 5.0, 0.0]),
        ("reversible-isomerisation", vec![60.0, 40.0]),
        ("telegraph-gene", vec![1.0, 0.0, 4.0]),
        ("birth-death", vec![50.0]),
    ] {
        let model = built_in(id)?;
        let theta = model.default_params().values;
        let times = [0.3, 1.0, 4.0];
        let found = linear_noise(&model, &question(&theta, &start, &times))?;
        let exact = moments::closed_moments(&model, &theta, &start, 0.0, &times).expect("they close")?;
        let covariance = exact.covariance.expect("they close");
        assert_eq!(found.times, times);
        let size = 1.0 + exact.mean.iter().flatten().fold(0.0f64, |a, b| a.max(b.abs()));
        for t in 0..times.len() {
            for i in 0..start.len() {
                let (a, b) = (found.mean[t][i], exact.mean[t][i]);
                assert!((a - b).abs() < 1e-7 * size, "{id} {t} {i}: {a} {b}");
                for j in 0..start.len() {
                    let (a, b) = (found.covariance[t][i][j], covariance[t][i][j]);
                    assert!((a - b).abs() < 1e-6 * size, "{id} {t} {i} {j}: {a} {b}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_conserved_has_no_variance() -> Result<()> {
    let model = built_in("michaelis-menten")?;
    let theta = model.default_params().values;
    let found = linear_noise(&model, &question(&theta, &[10.0, 30.0, 0.0, 0.0], &[1.0, 5.0]))?;
    for (mean, c) in found.mean.iter().zip(&found.covariance) {
        // E + ES and S + ES + P.
        for total in [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0]] {
            let sum: f64 = (0..4).map(|i| total[i] * mean[i]).sum();
            assert!((sum - if total[0] == 1.0 { 10.0 } else { 30.0 }).abs() < 1e-8, "{sum}");
            let spread: f64 =
                (0..4).flat_map(|i| (0..4).map(move |j| (i, j))).map(|(i, j)| total[i] * total[j] * c[i][j]).sum();
            assert!(spread.abs() < 1e-8, "{spread}");
        }
    }
    let laws = found.marginals()?;
    assert!(laws[0].iter().all(|law| law.sd().is_some_and(|sd| sd > 0.0)));
    Ok(())
}

#[test]
fn errors_of_a_dimerisation_fall_as_one_over_the_volume() -> Result<()> {
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"combinations\"\nvolume = \"v\"\n\
         [species.A]\n[species.D]\n[params.v]\ndefault = 1.0\nbounds = [1e-9, 1e9]\n\
         [[reaction]]\nequation = \"2 A -> D\"\nrate = 0.6\n[[reaction]]\nequation = \"D -> 2 A\"\nrate = 0.4\n";
    let model = read("test.toml", text)?;
    let errors = |volume: f64| -> Result<[f64; 2]> {
        let (theta, start, times) = ([volume], [2.0 * volume, 0.0], [0.8]);
        let asked = question(&theta, &start, &times);
        let found = linear_noise(&model, &asked)?;
        let exact = network::snapshots(&model, &asked)?;
        let (mean, variance) = (exact[0].mean()[0], exact[0].sd()[0] * exact[0].sd()[0]);
        Ok([(found.mean[0][0] / mean - 1.0).abs(), (found.covariance[0][0][0] / variance - 1.0).abs()])
    };
    let (small, large) = (errors(50.0)?, errors(400.0)?);
    for (small, large) in small.iter().zip(&large) {
        let order = (small / large).log2() / 3.0;
        assert!((order - 1.0).abs() < 0.1, "{order}: {small:e} {large:e}");
    }
    Ok(())
}

#[test]
fn an_event_maps_means_and_covariances() -> Result<()> {
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"combinations\"\n\
         [species.A]\ninitial = 0\n[species.B]\ninitial = 7\n[[reaction]]\nequation = \"0 -> A\"\nrate = 50\n\
         [[reaction]]\nequation = \"A -> 0\"\nrate = 1\n[[event]]\nwhen = \"t >= 1\"\nafter.A = \"A/2\"\nafter.B = \"B + A\"\n";
    let model = read("test.toml", text)?;
    let found = linear_noise(&model, &question(&[], &[], &[1.0]))?;
    // Poisson before: mean and variance 50 (1 - 1/e).
    let m = 50.0 * (1.0 - (-1.0f64).exp());
    let expected = [[m / 4.0, m / 2.0], [m / 2.0, m]];
    assert!((found.mean[0][0] - m / 2.0).abs() < 1e-6 && (found.mean[0][1] - 7.0 - m).abs() < 1e-6, "{:?}", found.mean);
    for i in 0..2 {
        for j in 0..2 {
            assert!((found.covariance[0][i][j] - expected[i][j]).abs() < 1e-6, "{:?}", found.covariance);
        }
    }
    Ok(())
}

#[test]
fn the_order_of_means_and_covariances_is_four() -> Result<()> {
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"combinations\"\n[species.X]\n[species.Y]\n\
         [[reaction]]\nequation = \"0 -> X\"\nlaw = \"2 + sin(3*t)\"\n[[reaction]]\nequation = \"X + Y -> Y\"\nrate = 1.1\n\
         [[reaction]]\nequation = \"2 X -> X + Y\"\nrate = 0.7\n";
    let model = read("test.toml", text)?;
    let initial = Initial { theta: &[], start: &[0.3, 0.4], t0: 0.0, times: &[1.0], tolerance: 1e-9 };
    let Process::Network(network) = &model.process else { panic!("no network") };
    let fixed = |steps: usize| -> Result<DVector<f64>> {
        let mut stepper = Stepper::new(Noise::new(network, equations_of(&model, Form::LinearNoise)?, &initial));
        let mut y = DVector::from_vec(vec![0.3, 0.4, 0.0, 0.0, 0.0]);
        let h = 1.0 / steps as f64;
        for k in 0..steps {
            y = stepper.attempt(&y, k as f64 * h, h, 2.0).expect("a step").0;
        }
        Ok(y)
    };
    let (exact, coarse, fine) = (fixed(1_000)?, fixed(8)?, fixed(32)?);
    for i in 0..5 {
        let errors = [(coarse[i] - exact[i]).abs(), (fine[i] - exact[i]).abs()];
        let order = (errors[0] / errors[1]).log2() / 2.0;
        assert!(order > 3.7, "{i}: {order}: {errors:?}");
    }
    Ok(())
}

#[test]
fn a_power_of_nothing_is_no_obstacle() -> Result<()> {
    // Hill laws from (0, 0): their second slopes are powers of zero there.
    let model = built_in("toggle-switch")?;
    let theta: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let found = linear_noise(&model, &question(&theta, &[0.0, 0.0], &[1e-3]))?;
    // Nothing but births yet: Poisson, a variance of the size of the mean.
    for s in 0..2 {
        let ratio = found.covariance[0][s][s] / found.mean[0][s];
        assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
    }
    Ok(())
}

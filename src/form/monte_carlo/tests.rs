use super::*;
use crate::base::{Purpose, Seed, math};
use crate::form::{Accuracy, Form, Question, marginals};
use crate::models::built_in;
use crate::stats;

#[test]
fn a_square_root_process_never_goes_below_zero_and_keeps_its_mean() -> Result<()> {
    let model = built_in("cir")?;
    let key = Seed(9).key(Purpose::Simulation, 0, 0);
    let paths = 20_000;
    let run = Run {
        theta: &[2.0, 0.04, 0.5],
        start: Start::At(&[0.04]),
        t0: 0.0,
        times: &[1.0],
        paths,
        step: 1.0 / 512.0,
        scheme: Scheme::EulerMaruyama,
        key,
    };
    let out = simulate(&model, &run)?;
    assert!(out.states[0][0].iter().all(|x| *x >= 0.0));
    let mean = out.states[0][0].iter().sum::<f64>() / paths as f64;
    // Stationary sd: sigma √(theta / 2 kappa) = 0.05; four standard errors and the weak error of a 1/512 step.
    assert!((mean - 0.04).abs() < 4.0 * 0.05 / (paths as f64).sqrt() + 1e-3, "{mean}");
    Ok(())
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() -> Result<()> {
    let model = built_in("double-well")?;
    let key = Seed(3).key(Purpose::Simulation, 0, 0);
    let run = Run {
        theta: &[1.0, 1.0, 0.7],
        start: Start::At(&[0.1]),
        t0: 0.0,
        times: &[0.5, 1.0],
        paths: 1_000,
        step: 0.01,
        scheme: Scheme::Milstein,
        key,
    };
    let on = |threads: usize| -> Result<Vec<u64>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let paths = pool.install(|| simulate(&model, &run))?;
        Ok(paths.states.concat().concat().into_iter().map(f64::to_bits).collect())
    };
    let one = on(1)?;
    assert_eq!(one, on(2)?);
    assert_eq!(one, on(3)?);
    Ok(())
}

#[test]
fn an_exploding_path_is_an_error_and_not_a_number() {
    let model = built_in("double-well").expect("built in");
    let key = Seed(3).key(Purpose::Simulation, 0, 0);
    let run = Run {
        theta: &[1000.0, 1.0, 0.7],
        start: Start::At(&[5.0]),
        t0: 0.0,
        times: &[50.0],
        paths: 10,
        step: 1.0,
        scheme: Scheme::EulerMaruyama,
        key,
    };
    assert!(matches!(simulate(&model, &run), Err(Error::Numerics { .. })));
}

fn key() -> Key {
    Seed(31).key(Purpose::Simulation, 0, 0)
}

fn defaults(model: &Model) -> Vec<f64> {
    model.params.iter().map(|p| p.default).collect()
}

fn read_text(text: &str) -> Model {
    crate::models::read("m.toml", text).unwrap_or_else(|e| panic!("{e}"))
}

/// Everything but the theta of a run of Euler-Maruyama.
fn euler<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64], (paths, step): (usize, f64)) -> Run<'a> {
    let (start, scheme) = (Start::At(start), Scheme::EulerMaruyama);
    Run { theta, start, t0: 0.0, times, paths, step, scheme, key: key() }
}

#[test]
fn correlated_prices_have_their_covariance_matrix() -> Result<()> {
    let model = built_in("correlated-gbm")?;
    let theta = defaults(&model);
    let (paths, start, times) = (40_000, [1.0, 2.0], [0.5, 2.0]);
    let wanted = crate::form::moments::closed_moments(&model, &theta, &start, 0.0, &times).expect("closed")?;
    let out = simulate(&model, &euler(&theta, &start, &times, (paths, 1.0 / 64.0)))?;
    let n = paths as f64;
    for (t, row) in out.states.iter().enumerate() {
        let mean: Vec<f64> = row.iter().map(|x| stats::mean(x)).collect();
        for (i, j) in [(0, 0), (0, 1), (1, 1)] {
            let products: Vec<f64> = (0..paths).map(|p| (row[i][p] - mean[i]) * (row[j][p] - mean[j])).collect();
            let wanted = wanted.covariance.as_ref().expect("closed")[t][i][j];
            let error = 4.0 * stats::sd(&products) / n.sqrt() + 2e-3 * wanted;
            let found = stats::mean(&products);
            assert!((found - wanted).abs() < error, "{t} {i} {j}: {found} {wanted}");
        }
        // The logarithms are normal with correlation rho.
        let logs: Vec<Vec<f64>> = row.iter().map(|x| x.iter().map(|v| v.ln()).collect()).collect();
        let (m, s) = ([0, 1].map(|i| stats::mean(&logs[i])), [0, 1].map(|i| stats::sd(&logs[i])));
        let rho = (0..paths).map(|p| (logs[0][p] - m[0]) * (logs[1][p] - m[1])).sum::<f64>() / (n * s[0] * s[1]);
        assert!((rho - 0.5).abs() < 4.0 * 0.75 / n.sqrt() + 2e-3, "{rho}");
    }
    Ok(())
}

#[test]
fn heston_has_its_closed_moments_to_first_order_in_the_step() -> Result<()> {
    let model = built_in("heston")?;
    let theta = [2.0, 0.04, 0.3, -0.7, 0.05];
    let (paths, start, times) = (100_000, [0.0, 0.09], [0.5]);
    let wanted = crate::form::moments::closed_moments(&model, &theta, &start, 0.0, &times).expect("closed")?;
    let bias = |step: f64| -> Result<[(f64, f64); 3]> {
        let out = simulate(&model, &euler(&theta, &start, &times, (paths, step)))?;
        let (y, v) = (&out.states[0][0], &out.states[0][1]);
        let (my, mv) = (stats::mean(y), stats::mean(v));
        let products: Vec<f64> = y.iter().zip(v).map(|(y, v)| (y - my) * (v - mv)).collect();
        let covariance = wanted.covariance.as_ref().expect("closed");
        let gap = |x: &[f64], wanted: f64| (stats::mean(x) - wanted, 4.0 * stats::sd(x) / (paths as f64).sqrt());
        Ok([gap(y, wanted.mean[0][0]), gap(v, wanted.mean[0][1]), gap(&products, covariance[0][0][1])])
    };
    // A quarter of a step leaves a bias of a quarter; what is left is noise.
    let (coarse, fine) = (bias(1.0 / 16.0)?, bias(1.0 / 64.0)?);
    for ((c, _), (f, error)) in coarse.into_iter().zip(fine) {
        assert!(f.abs() < error + 0.3 * c.abs(), "coarse {c}, fine {f} ± {error}");
    }
    Ok(())
}

#[test]
fn a_ring_wraps_and_forgets_where_it_began() -> Result<()> {
    let ring = read_text(
        "schema = 1\nid = \"r\"\ntitle = \"r\"\nkind = \"diffusion\"\n[state.x]\ndomain = [0.0, 1.0]\nboundary = \"periodic\"\n[dynamics]\ndrift.x = \"3\"\ndiffusion.x = \"1\"\n",
    );
    let out = simulate(&ring, &euler(&[], &[0.2], &[0.01, 3.0], (20_000, 0.01)))?;
    assert!(out.states.concat().concat().iter().all(|x| (0.0..=1.0).contains(x)));
    assert!(stats::ks_uniform_p(&out.states[1][0]) > 6e-5);
    // After one step: a wrapped normal, E exp(2πi x) = exp(2πi (0.2 + 0.03) - 2π² 0.01).
    let tau = std::f64::consts::TAU;
    let cosines: Vec<f64> = out.states[0][0].iter().map(|x| math::cos(tau * x)).collect();
    let wanted = math::exp(-0.5 * tau * tau * 0.01) * math::cos(tau * 0.23);
    assert!((stats::mean(&cosines) - wanted).abs() < 4.0 * stats::sd(&cosines) / 20_000f64.sqrt());
    // The seam is a place like any other, which a Gaussian of the last step does not know: no density is given.
    let question = Question {
        theta: &[],
        start: &[0.2],
        t0: 0.0,
        times: &[0.5],
        accuracy: Accuracy { paths: 500, ..Accuracy::default() },
        key: key(),
    };
    assert_eq!(marginals(&ring, Form::MonteCarlo, &question)?[0][0].log_pdf(0.5), None);
    Ok(())
}

#[test]
fn steps_land_on_the_breaks() -> Result<()> {
    let text = |breaks: &str| {
        format!(
            "schema = 1\nid = \"b\"\ntitle = \"b\"\nkind = \"diffusion\"\n{breaks}\n[state.x]\n[params.t0]\ndefault = 0.3\n[dynamics]\ndrift.x = \"max(0, min(1, 1e9*(t - t0) + 1))\"\ndiffusion.x = \"1e-9\"\n"
        )
    };
    // The drift is one from t0 on: x(1) = 0.7 where a step begins at the break, however long the steps.
    let with = read_text(&text("breaks = [\"t0\", \"t0\", \"5\", \"-1\"]"));
    let at_one =
        |model: &Model| Ok::<f64, Error>(simulate(model, &euler(&[0.3], &[0.0], &[1.0], (1, 1.0)))?.states[0][0][0]);
    assert!((at_one(&with)? - 0.7).abs() < 1e-7);
    assert!((at_one(&read_text(&text("")))? - 0.7).abs() > 0.1);
    Ok(())
}

#[test]
fn milstein_is_refused_where_a_noise_hangs_on_another_state() -> Result<()> {
    let refused = |id: &str| -> Result<bool> {
        let model = built_in(id)?;
        let theta = defaults(&model);
        let start = model.default_start(&theta).unwrap_or(vec![4.6, 0.04]);
        let run = Run { scheme: Scheme::Milstein, ..euler(&theta, &start, &[0.1], (3, 0.05)) };
        Ok(matches!(simulate(&model, &run), Err(Error::FormUnavailable { .. })))
    };
    assert!(refused("heston")? && refused("sabr")?);
    assert!(!refused("correlated-gbm")? && !refused("two-factor-gaussian")?);
    Ok(())
}

#[test]
fn starts_that_are_not_one_a_path_are_an_error() -> Result<()> {
    let model = built_in("heston")?;
    let theta = defaults(&model);
    let columns = vec![vec![4.6; 10], vec![0.04; 9]];
    let run = Run { start: Start::Each(&columns), ..euler(&theta, &[], &[0.1], (10, 0.05)) };
    assert!(simulate(&model, &run).is_err());
    assert!(simulate(&model, &euler(&theta, &[4.6], &[0.1], (10, 0.05))).is_err());
    Ok(())
}

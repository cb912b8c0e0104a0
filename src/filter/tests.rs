use super::*;
use crate::base::rng::Stream;
use crate::base::{Purpose, Result, Seed, math};
use crate::form::monte_carlo::{Run, Scheme, simulate};
use crate::models::{built_in_text, read};
use nalgebra::{DMatrix, DVector};

/// A built-in model read with an error.
fn noisy(id: &str, of: &str, noise: &str) -> Model {
    let mut text = built_in_text(id).expect(id).replace("law    =", "# law =");
    text.push_str("\n[params.err]\nmeaning = \"error\"\nunit = \"1\"\ndefault = 0.3\nbounds = [1e-9, 1e9]\n");
    text.push_str(&format!("\n[observe.s]\nof = \"{of}\"\nnoise = \"{noise}\"\nunit = \"1\"\n"));
    read("m.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

/// A particle on a spring, its position read with an error.
pub(crate) fn spring() -> Model {
    let text = r#"
schema = 1
id     = "spring"
title  = "Particle on a spring in a bath, position read with an error"
kind   = "diffusion"
source = "Chandrasekhar (1943), doi:10.1103/RevModPhys.15.1"
noise  = ["w1"]
[state.x]
unit = "length"
domain = [-inf, inf]
[state.v]
unit = "length/time"
domain = [-inf, inf]
[observe.s]
of = "x"
noise = "normal(0, err)"
unit = "length"
[params.omega]
meaning = "frequency"
unit = "1/time"
default = 1.5
bounds = [1e-6, 1e6]
[params.gamma]
meaning = "friction"
unit = "1/time"
default = 0.6
bounds = [1e-6, 1e6]
[params.sigma]
meaning = "strength of the noise"
unit = "length/time^1.5"
default = 0.8
bounds = [1e-6, 1e6]
[params.err]
meaning = "error of measurement"
unit = "length"
default = 0.1
bounds = [1e-9, 1e9]
[dynamics]
drift.x = "v"
drift.v = "-gamma*v - omega^2*x"
diffusion.v.w1 = "sigma"
"#;
    read("m.toml", text).unwrap_or_else(|e| panic!("{e}"))
}

fn stream(n: u64) -> Stream {
    Seed(11).key(Purpose::Simulation, n, 0).stream(0)
}

/// A record of an Ornstein-Uhlenbeck process at these times.
pub(crate) fn ou_record(theta: &[f64], times: &[f64], missing: &[usize], n: u64) -> Observations {
    let [kappa, level, sigma, err] = theta else { panic!("four") };
    let mut stream = stream(n);
    let mut x = level + sigma / (2.0 * kappa).sqrt() * stream.normal();
    let values = times.iter().enumerate().map(|(i, t)| {
        if i > 0 {
            let decay = (-kappa * (t - times[i - 1])).exp();
            let sd = sigma * ((1.0 - decay * decay) / (2.0 * kappa)).sqrt();
            x = level + (x - level) * decay + sd * stream.normal();
        }
        let y = x + err * stream.normal();
        (!missing.contains(&i)).then_some(y)
    });
    Observations { values: vec![values.collect()], times: times.to_vec() }
}

fn uneven(n: usize) -> Vec<f64> {
    (0..n).map(|i| 0.2 * i as f64 + 0.11 * (1.7 * i as f64).sin()).collect()
}

/// Paths of a model from its start, one state read with an error at even times.
fn simulated(
    model: &Model,
    theta: &[f64],
    start: &[f64],
    (dt, rows): (f64, usize),
    err: f64,
    seed: u64,
) -> Observations {
    let times: Vec<f64> = (1..=rows).map(|i| dt * i as f64).collect();
    let run = Run {
        theta,
        start: crate::form::monte_carlo::Start::At(start),
        t0: 0.0,
        times: &times,
        paths: 1,
        step: dt / 64.0,
        scheme: Scheme::EulerMaruyama,
        key: Seed(seed).key(Purpose::Simulation, 0, 0),
    };
    let paths = simulate(model, &run).expect("paths");
    let mut errors = stream(100 + seed);
    let values = paths.states.iter().map(|state| Some(state[0][0] + err * errors.normal())).collect();
    Observations { times, values: vec![values] }
}

/// `ln` of the normal density of all values at once, from their means and covariances.
fn direct(y: &[f64], mean: &[f64], covariance: &DMatrix<f64>) -> f64 {
    let off = DVector::from_iterator(y.len(), y.iter().zip(mean).map(|(y, m)| y - m));
    let chol = covariance.clone().cholesky().expect("definite");
    let ln_det: f64 = chol.l().diagonal().iter().map(|l| 2.0 * l.ln()).sum();
    -0.5 * (y.len() as f64 * std::f64::consts::TAU.ln() + ln_det + off.dot(&chol.solve(&off)))
}

fn at(model: &Model, theta: &[f64], record: &Observations, method: Method, start: Start) -> Filtered {
    let settings = Settings { method: Some(method), start, ..Settings::default() };
    log_likelihood(model, theta, record, &settings).unwrap_or_else(|e| panic!("{e}"))
}

const OU: [f64; 4] = [0.9, 0.4, 0.7, 0.25];

#[test]
fn kalman_is_the_normal_density_of_all_readings() {
    let model = noisy("ou", "2*x + 1", "normal(0.05, err)");
    let times = uneven(30);
    let record = ou_record(&OU, &times, &[0, 7, 8, 20], 1);
    let kept: Vec<usize> = (0..30).filter(|i| record.values[0][*i].is_some()).collect();
    let y: Vec<f64> = kept.iter().map(|i| record.values[0][*i].unwrap()).collect();
    let [kappa, level, sigma, err] = OU;
    let covariance = DMatrix::from_fn(y.len(), y.len(), |i, j| {
        let gap = (times[kept[i]] - times[kept[j]]).abs();
        let error = if i == j { err * err } else { 0.0 };
        4.0 * sigma * sigma / (2.0 * kappa) * (-kappa * gap).exp() + error
    });
    let wanted = direct(&y, &vec![2.0 * level + 1.05; y.len()], &covariance);
    let got = at(&model, &OU, &record, Method::Kalman, Start::Auto);
    assert!((got.total() - wanted).abs() < 1e-10, "{} {wanted}", got.total());
    assert_eq!(got.pits().len(), y.len());
    // The unscented filter is exact here too, and so is a start given in numbers.
    let unscented = at(&model, &OU, &record, Method::Unscented, Start::Auto);
    for (a, b) in got.log_likelihood.iter().zip(&unscented.log_likelihood) {
        assert!((a - b).abs() < 1e-10, "{a} {b}");
    }
    let given = Start::Given { mean: vec![level], covariance: vec![vec![sigma * sigma / (2.0 * kappa)]] };
    assert!((at(&model, &OU, &record, Method::Kalman, given).total() - wanted).abs() < 1e-10);
}

/// Brownian motion with a drift, its start unknown: given the first reading the others are normal.
#[test]
fn a_diffuse_start_conditions_on_the_first_reading() {
    let model = noisy("bm", "x", "normal(0, err)");
    let theta = [0.3, 0.8, 0.2];
    let times = uneven(25);
    let record = ou_record(&OU, &times, &[0], 2);
    let got = at(&model, &theta, &record, Method::Kalman, Start::Auto);
    let y: Vec<f64> = record.values[0].iter().flatten().copied().collect();
    let (first, rest) = (y[0], &y[1..]);
    let since = |i: usize| times[i + 2] - times[1];
    let mean: Vec<f64> = (0..rest.len()).map(|i| first + theta[0] * since(i)).collect();
    // The first reading's own error is shared by all differences from it.
    let covariance = DMatrix::from_fn(rest.len(), rest.len(), |i, j| {
        let error = theta[2] * theta[2];
        theta[1] * theta[1] * since(i.min(j)) + error + if i == j { error } else { 0.0 }
    });
    let wanted = direct(rest, &mean, &covariance);
    assert!((got.total() - wanted).abs() < 1e-10, "{} {wanted}", got.total());
    assert!(got.pit[0][1].is_none() && got.predicted[0][1].is_none() && got.pit[0][2].is_some());
    // The grid's flat start is the same condition.
    let grid = at(&model, &theta, &record, Method::Grid, Start::Auto);
    assert!((grid.total() - wanted).abs() < 1e-5, "{} {wanted}", grid.total());
}

/// A free particle of which only the position is read: two readings set position and velocity.
#[test]
fn a_latent_state_with_a_diffuse_start_needs_as_many_readings_as_states() {
    let model = spring();
    let theta = [1.5, 0.6, 0.8, 0.1];
    let record = simulated(&model, &theta, &[0.3, 0.0], (0.3, 40), 0.1, 3);
    let diffuse = at(&model, &theta, &record, Method::Kalman, Start::Diffuse);
    assert!(diffuse.log_likelihood[..2] == [0.0, 0.0] && diffuse.log_likelihood[2] != 0.0);
    // The limit of ever wider starts, less what the first two rows add there.
    let wide = |s: f64| {
        let start = Start::Given { mean: vec![0.0; 2], covariance: vec![vec![s, 0.0], vec![0.0, s]] };
        let f = at(&model, &theta, &record, Method::Kalman, start);
        f.log_likelihood[2..].iter().sum::<f64>()
    };
    let gap = |s: f64| (wide(s) - diffuse.total()).abs();
    assert!(gap(1e6) < 1e-5 && gap(1e4) > 5.0 * gap(1e6), "{} {}", gap(1e4), gap(1e6));
    let stationary = at(&model, &theta, &record, Method::Kalman, Start::Auto);
    let unscented = at(&model, &theta, &record, Method::Unscented, Start::Auto);
    for (a, b) in stationary.log_likelihood.iter().zip(&unscented.log_likelihood) {
        assert!((a - b).abs() < 1e-10, "{a} {b}");
    }
    for (a, b) in stationary.covariance.iter().flatten().zip(unscented.covariance.iter().flatten()) {
        assert!((a - b).abs() < 1e-9);
    }
    assert!(Method::of(&model).is_ok_and(|(method, _)| method == Method::Kalman));
}

#[test]
fn the_grid_gives_each_reading_the_density_kalman_gives() {
    let model = noisy("ou", "x", "normal(0, err)");
    let record = ou_record(&OU, &uneven(40), &[0, 7, 8], 4);
    let exact = at(&model, &OU, &record, Method::Kalman, Start::Auto);
    let grid = at(&model, &OU, &record, Method::Grid, Start::Auto);
    let pairs = exact.log_likelihood.iter().zip(&grid.log_likelihood);
    let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let told = grid.error.expect("an error");
    println!("grid against kalman {worst:.2e}, told {told:.2e}");
    assert!(worst < 1e-6 && told <= 1e-7 && worst < 10.0 * told + 1e-10, "{worst} {told}");
    for (a, b) in exact.predicted[0].iter().zip(&grid.predicted[0]) {
        let (a, b) = (a.expect("a law"), b.expect("a law"));
        assert!((a.mean - b.mean).abs() < 1e-6 && (a.sd - b.sd).abs() < 1e-6);
    }
    for (a, b) in exact.pits().iter().zip(grid.pits()) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
    assert!((exact.mean[0] - grid.mean[0]).abs() < 1e-6);
    assert!((exact.covariance[0][0] - grid.covariance[0][0]).abs() < 1e-6);
}

/// The unscented filter's closure errs with the spread of the law over the wells: read oftener and better, it errs less.
#[test]
fn the_unscented_filter_nears_the_grid_as_the_law_narrows() {
    let model = noisy("double-well", "x", "normal(0, err)");
    assert!(Method::of(&model).is_ok_and(|(method, why)| method == Method::Grid && why.contains("not linear")));
    let gap = |narrow: f64, rows: usize| {
        let theta = [1.0, 1.0, 0.8, 0.2 * narrow];
        let record = simulated(&model, &theta, &[1.0], (0.1 * narrow, rows), 0.2 * narrow, 5);
        let grid = at(&model, &theta, &record, Method::Grid, Start::Auto);
        let unscented = at(&model, &theta, &record, Method::Unscented, Start::Auto);
        let gaps: Vec<f64> =
            grid.log_likelihood.iter().zip(&unscented.log_likelihood).skip(10).map(|(a, b)| (a - b).abs()).collect();
        let mean = crate::stats::mean(&gaps);
        let worst = gaps.iter().copied().fold(0.0, f64::max);
        println!("double well x{narrow}: mean {mean:.2e}, worst {worst:.2e}, grid tells {:?}", grid.error);
        (mean, grid, unscented)
    };
    let (wide, grid, unscented) = gap(1.0, 200);
    // The grid's is the better model of the data it came from.
    assert!(grid.total() > unscented.total());
    let p = crate::stats::ks_uniform_p(&grid.pits());
    assert!(p > 1e-3, "{p}");
    let (narrow, ..) = gap(0.125, 200);
    assert!(narrow < 0.125 * wide, "{narrow} {wide}");
}

/// A law of errors that is not normal, against a sum over a fine mesh of normal transitions.
#[test]
fn the_grid_weighs_with_other_laws_of_errors() {
    let theta = [0.9, 0.4, 0.7, 0.25];
    let record = Observations { times: vec![0.0, 0.5, 0.8], values: vec![vec![Some(0.9), Some(0.3), Some(1.1)]] };
    let [kappa, level, sigma, err] = theta;
    type Density = fn(f64, f64) -> f64;
    let laws: [(&str, Density); 3] = [
        ("exponential(1/err)", |e, s| if e > 0.0 { (-e / s).exp() / s } else { 0.0 }),
        ("lognormal(log(err), 0.5)", |e, s| {
            if e > 0.0 {
                (-0.5 * ((e / s).ln() / 0.5).powi(2)).exp() / (e * 0.5 * std::f64::consts::TAU.sqrt())
            } else {
                0.0
            }
        }),
        ("uniform(-err, 2*err)", |e, s| if e > -s && e < 2.0 * s { 1.0 / (3.0 * s) } else { 0.0 }),
    ];
    for (noise, density) in laws {
        let model = noisy("ou", "x", noise);
        let got = at(&model, &theta, &record, Method::Grid, Start::Auto);
        let n = 1200;
        let h = 6.0 / n as f64;
        // Where a density jumps, it jumps half-way between two places.
        let x: Vec<f64> = (0..n).map(|i| level - 3.0 + h * (i as f64 + 0.5)).collect();
        let normal = |x: f64, m: f64, s: f64| (-0.5 * ((x - m) / s).powi(2)).exp() / (s * std::f64::consts::TAU.sqrt());
        let mut p: Vec<f64> = x.iter().map(|x| normal(*x, level, sigma / (2.0 * kappa).sqrt())).collect();
        let mut total = 0.0;
        for (row, y) in record.values[0].iter().enumerate() {
            if row > 0 {
                let decay = (-kappa * (record.times[row] - record.times[row - 1])).exp();
                let sd = sigma * ((1.0 - decay * decay) / (2.0 * kappa)).sqrt();
                p = x
                    .iter()
                    .map(|to| {
                        x.iter().zip(&p).map(|(from, p)| p * h * normal(*to, level + (from - level) * decay, sd)).sum()
                    })
                    .collect();
            }
            let weighed: Vec<f64> = x.iter().zip(&p).map(|(x, p)| p * density(y.unwrap() - x, err)).collect();
            let sum: f64 = weighed.iter().sum::<f64>() * h;
            total += sum.ln();
            p = weighed.iter().map(|w| w / sum).collect();
        }
        // The plain sum errs by h²/24 times the slopes beside each jump, some 1/err², in each of three rows.
        let told = got.error.expect("an error");
        println!("{noise}: {} {total} told {told:.1e}", got.total());
        assert!((got.total() - total).abs() < 6.0 * told + 2.0 * h * h, "{noise}: {} {total} {told}", got.total());
    }
}

#[test]
fn gradients_are_the_slopes_of_the_value() -> Result<()> {
    let ou = noisy("ou", "x", "normal(0, err)");
    let record = ou_record(&OU, &uneven(25), &[4], 6);
    let spring = spring();
    let theta = [1.5, 0.6, 0.8, 0.1];
    let latent = simulated(&spring, &theta, &[0.3, 0.0], (0.3, 25), 0.1, 3);
    let bm = noisy("bm", "x", "normal(0, err)");
    let cases: [(&Model, &[f64], &Observations, Method, f64); 5] = [
        (&ou, &OU, &record, Method::Kalman, 1e-7),
        (&spring, &theta, &latent, Method::Kalman, 1e-7),
        (&bm, &[0.3, 0.8, 0.2], &record, Method::Kalman, 1e-7),
        (&ou, &OU, &record, Method::Grid, 1e-6),
        (&spring, &theta, &latent, Method::Unscented, 1e-7),
    ];
    for (model, theta, record, method, within) in cases {
        let settings = Settings { method: Some(method), ..Settings::default() };
        let likelihood = Likelihood::settled(model, record, &settings, theta)?;
        let (value, gradient) = likelihood.value_and_gradient(theta);
        assert!((value - likelihood.value(theta)).abs() < 1e-13);
        let kalman = Settings { method: Some(Method::Kalman), ..Settings::default() };
        let oracle = Likelihood::settled(model, record, &kalman, theta)?;
        for k in 0..theta.len() {
            let h = 1e-4 * theta[k].abs();
            let moved = |s: f64| {
                let mut at = theta.to_vec();
                at[k] += s * h;
                oracle.value(&at)
            };
            let slope = (8.0 * (moved(1.0) - moved(-1.0)) - (moved(2.0) - moved(-2.0))) / (12.0 * h);
            let gap = (slope - gradient[k]).abs() / (1.0 + slope.abs());
            assert!(gap < within, "{} {method:?} {k}: {slope} {}", model.id, gradient[k]);
        }
    }
    Ok(())
}

#[test]
fn what_a_filter_cannot_do_is_said() {
    let ou = noisy("ou", "x", "normal(0, err)");
    let good = ou_record(&OU, &uneven(5), &[], 1);
    let refuse = |record: Observations| {
        let result = log_likelihood(&ou, &OU, &record, &Settings::default());
        result.expect_err("refused").to_string()
    };
    assert!(refuse(Observations { times: vec![0.0, 1.0], ..good.clone() }).contains("there are 2 times"));
    assert!(refuse(Observations { values: vec![], ..good.clone() }).contains("one column each"));
    let backwards = good.times.iter().rev().copied().collect();
    assert!(refuse(Observations { times: backwards, ..good.clone() }).contains("must not decrease"));
    assert!(refuse(Observations { values: vec![vec![None; 5]], ..good.clone() }).contains("needs at least 1"));
    assert!(refuse(Observations { values: vec![vec![Some(f64::NAN); 5]], ..good.clone() }).contains("NaN"));
    let jumps = noisy("merton-jump", "x", "normal(0, err)");
    assert!(Method::of(&jumps).is_err_and(|why| why.contains("jumps")));
    let student = noisy("double-well", "x", "beta(2, 3)");
    let (method, why) = Method::of(&student).expect("a method");
    assert!(method == Method::Unscented && why.contains("beta"), "{why}");
    let error = log_likelihood(&student, &OU, &good, &Settings { method: Some(Method::Kalman), ..Settings::default() });
    assert!(error.is_err_and(|e| e.to_string().contains("is not linear")));
    // A start that the process does not have.
    let bm = noisy("bm", "x", "normal(0, err)");
    let settings = Settings { start: Start::Stationary, ..Settings::default() };
    assert!(
        log_likelihood(&bm, &[0.1, 1.0, 0.1], &good, &settings).is_err_and(|e| e.to_string().contains("stationary"))
    );
}

/// States seen several times at one moment, and a value nobody expects.
#[test]
fn repeated_times_and_far_values_stay_numbers() {
    let model = noisy("ou", "x", "normal(0, err)");
    let record = Observations {
        times: vec![0.0, 0.0, 1.0, 1.0, 50.0],
        values: vec![vec![Some(0.1), Some(0.2), Some(9.0), None, Some(0.4)]],
    };
    let exact = at(&model, &OU, &record, Method::Kalman, Start::Auto);
    assert!(exact.log_likelihood.iter().all(|l| l.is_finite()) && exact.log_likelihood[2] < -50.0);
    let unscented = at(&model, &OU, &record, Method::Unscented, Start::Auto);
    assert!((exact.total() - unscented.total()).abs() < 1e-8 * exact.total().abs());
    assert!(math::normal_cdf(0.0) == 0.5 && exact.pit[0][3].is_none());
}

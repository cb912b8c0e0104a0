//! The bootstrap against closed laws of an estimator, and the same bytes from any number of threads.

use super::replicate::replicate;
use super::tests::{drawn, from};
use super::*;
use crate::base::Seed;
use crate::fit::fit;
use crate::form::{Form, Pairs};
use crate::models::built_in;
use crate::stats;

#[test]
fn replicates_of_brownian_motion_have_the_law_of_its_estimator() {
    let model = built_in("bm").expect("bm");
    let data = drawn(&model, &[0.3, 0.7], 0.0, 40, 0.25, 1, 3).remove(0);
    let settings = from(&model, &[0.3, 0.7], Form::Exact);
    let fit = fit(&model, &data, &settings).expect("a fit");
    let replicates = 600;
    let found = bootstrap(&model, &data, &settings, &fit, replicates).expect("refits");
    assert_eq!((found.failures, found.draws.len()), (0, replicates));
    let (mu, sigma) = (&found.params[0], &found.params[1]);
    let root = (replicates as f64).sqrt();
    // mu: normal with sd sigma/√T; sigma: σ √(chi²(39)/40), of mean σ (1 - 3/160) and sd about σ/√80.
    let sd = fit.theta[1] / 10f64.sqrt();
    assert!(mu.bias.abs() < 4.0 * sd / root && (mu.se / sd - 1.0).abs() < 4.0 / (2.0 * replicates as f64).sqrt());
    let sd = fit.theta[1] / 80f64.sqrt();
    assert!((sigma.bias / fit.theta[1] + 3.0 / 160.0).abs() * fit.theta[1] < 4.0 * sd / root, "{sigma:?}");
    assert!((sigma.corrected - fit.theta[1] + sigma.bias).abs() < 1e-14);
    // The sd of a 2.5 % point of a normal law is √(p q/n)/φ = 2.67 sd/√n.
    let wanted = fit.theta[0] - POINT * mu_sd(&fit.theta);
    assert!((mu.percentile.0 - wanted).abs() < 4.0 * 2.67 * mu_sd(&fit.theta) / root);
    assert!((mu.basic.0 + mu.percentile.1 - 2.0 * mu.estimate).abs() < 1e-12);
    assert!(sigma.basic.0 > 0.0 && sigma.basic.1 > sigma.percentile.1, "reflected upwards: {sigma:?}");
}

fn mu_sd(theta: &[f64]) -> f64 {
    theta[1] / 10f64.sqrt()
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let model = built_in("ou").expect("ou");
    let data = drawn(&model, &[1.0, 1.0, 0.5], 1.0, 60, 0.1, 1, 4).remove(0);
    let settings = from(&model, &[1.0, 1.0, 0.5], Form::Exact);
    let fit = fit(&model, &data, &settings).expect("a fit");
    let by = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| bootstrap(&model, &data, &settings, &fit, 40)).expect("refits")
    };
    let (one, three) = (by(1), by(3));
    assert_eq!(one, three);
    assert_eq!(one.draws.len() + one.failures, 40);
}

#[test]
fn a_copy_keeps_the_times_and_each_series_begins_where_the_data_do() {
    // Two series, with a gap in the second; milstein's steps for a model without a closed law.
    for (id, theta) in [("ou", vec![2.0, 1.0, 0.3]), ("ckls", vec![2.0, -2.0, 0.3, 0.7])] {
        let model = built_in(id).expect("built in");
        let pairs = Pairs {
            x0: vec![1.0, 1.1, 3.0, 2.0],
            x1: vec![1.1, 1.2, 2.0, 1.5],
            dt: vec![0.1, 0.1, 0.1, 0.5],
            t0: vec![0.0, 0.1, 0.0, 0.1],
        };
        let copies = replicate(&model, &theta, &pairs, 4000, Seed(2), 0).expect("paths");
        let column = |i: usize| copies.iter().map(|c| c.x1[i]).collect::<Vec<f64>>();
        for copy in &copies {
            assert_eq!((copy.x0[0], copy.x0[2], &copy.dt, &copy.t0), (1.0, 3.0, &pairs.dt, &pairs.t0));
            assert_eq!((copy.x0[1], copy.x0[3]), (copy.x1[0], copy.x1[2]));
        }
        // The mean returns to one at speed two, over 0.1 and then 0.6.
        for (i, start, t) in [(0, 1.0, 0.1), (2, 3.0, 0.1), (3, 3.0, 0.6f64)] {
            let wanted = 1.0 + (start - 1.0) * (-2.0 * t).exp();
            let x = column(i);
            let tolerance = 4.0 * stats::sd(&x) / 4000f64.sqrt() + 2e-3;
            assert!((stats::mean(&x) - wanted).abs() < tolerance, "{id} {i}: {} {wanted}", stats::mean(&x));
        }
    }
}

#[test]
fn refits_that_fail_are_counted_and_too_few_are_an_error() {
    let model = built_in("ou").expect("ou");
    let data = drawn(&model, &[1.0, 1.0, 0.5], 1.0, 40, 0.1, 1, 4).remove(0);
    let settings = from(&model, &[1.0, 1.0, 0.5], Form::Exact);
    let fitted = fit(&model, &data, &settings).expect("a fit");
    assert!(bootstrap(&model, &data, &settings, &fitted, 10).is_err(), "ten replicates tell no 2.5 % point");
    let hurried = crate::fit::Settings { max_iterations: 0, ..settings };
    let error = bootstrap(&model, &data, &hurried, &fitted, 30).expect_err("none converged");
    assert!(error.to_string().contains("of 30 fits"), "{error}");
}

//! Errors of schemes, variances between levels, and what fits and divergences give.

use super::table::Table;
use kramers::base::{Purpose, Seed, Transform};
use kramers::data::{LoadOptions, load};
use kramers::fit::{Observed, Settings, fit};
use kramers::form::monte_carlo::{Run, Scheme, Start, simulate};
use kramers::form::stationary::stationary;
use kramers::models::built_in;
use kramers::predictive::{Lattice, Predictive};

pub fn add(table: &mut Table) {
    schemes(table);
    levels(table);
    divergences(table);
    likelihood(table);
}

/// Four standard errors of the mean of `sample`.
fn four_errors(sample: &[f64]) -> (f64, f64) {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let variance = sample.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n;
    (mean, 4.0 * (variance / n).sqrt())
}

fn schemes(table: &mut Table) {
    let problem = "gbm_scheme_errors";
    let model = built_in("gbm").expect("built in");
    let (mu, sigma, paths) = (0.05, 0.5, 40_000);
    let key = Seed(5).key(Purpose::Simulation, 0, 0);
    for (scheme, name) in [(Scheme::EulerMaruyama, "euler"), (Scheme::Milstein, "milstein")] {
        for steps in [8, 64] {
            let h = 1.0 / f64::from(steps);
            let run = Run {
                theta: &[mu, sigma],
                start: Start::At(&[1.0]),
                t0: 0.0,
                times: &[1.0],
                paths,
                step: h,
                scheme,
                key,
            };
            let ends = simulate(&model, &run).expect("paths").states.remove(0).remove(0);
            // The same noise through the closed solution.
            let exact: Vec<f64> = (0..paths)
                .map(|path| {
                    let mut stream = key.stream(path as u64);
                    let w = (0..steps).map(|_| stream.normal()).sum::<f64>() * h.sqrt();
                    (mu - 0.5 * sigma * sigma + sigma * w).exp()
                })
                .collect();
            let squares: Vec<f64> = ends.iter().zip(&exact).map(|(x, e)| (x - e).powi(2)).collect();
            let (square, allowed) = four_errors(&squares);
            let quantity = format!("{name}_strong_rms(N={steps})");
            table.add_absolute(
                problem,
                &quantity,
                "monte-carlo",
                square.sqrt(),
                allowed / (2.0 * square.sqrt()),
                "4 s.e.",
            );
            if name == "euler" {
                let firsts: Vec<f64> = ends.iter().zip(&exact).map(|(x, e)| x - e).collect();
                let (error, allowed) = four_errors(&firsts);
                table.add_absolute(
                    problem,
                    &format!("euler_weak_mean_error(N={steps})"),
                    "monte-carlo",
                    error,
                    allowed,
                    "4 s.e.",
                );
                let seconds: Vec<f64> = ends.iter().zip(&exact).map(|(x, e)| x * x - e * e).collect();
                let (error, allowed) = four_errors(&seconds);
                let quantity = format!("euler_weak_second_moment_error(N={steps})");
                table.add_absolute(problem, &quantity, "monte-carlo", error, allowed, "4 s.e.");
            }
        }
    }
}

fn levels(table: &mut Table) {
    for n in [4, 16, 64] {
        for quantity in ["V_l", "mean_l"] {
            let why = "within 4 s.e. in src/form/value/methods_tests.rs, where levels can be looked into";
            table.absent("mlmc_gbm_level_variance", &format!("{quantity}(N={n})"), why);
        }
    }
}

fn divergences(table: &mut Table) {
    let problem = "kl_and_fit";
    let normal = |mean, sd| Predictive::Normal { mean, sd };
    let gamma = |shape: f64, rate: f64| Predictive::ScaledChiSquare { scale: 0.5 / rate, df: 2.0 * shape, lambda: 0.0 };
    for (quantity, p, q) in [
        ("KL(N(0.2,0.9^2)||N(-0.3,1.4^2))", normal(0.2, 0.9), normal(-0.3, 1.4)),
        ("KL(Gamma(2.3,rate1.5)||Gamma(3.1,rate1.1))", gamma(2.3, 1.5), gamma(3.1, 1.1)),
    ] {
        let log = |law: &Predictive, x: f64| law.log_pdf(x).expect("a density");
        let found = p.expect(&mut |x| log(&p, x) - log(&q, x)).expect("an expectation");
        table.add(problem, quantity, "expectation under the law", found, 1e-9, "quadrature");
    }
    let poisson = |mean: f64| {
        let mut p = (-mean).exp();
        let points = (0..200).map(|n| {
            let point = (f64::from(n), p);
            p *= mean / f64::from(n + 1);
            point
        });
        Predictive::Lattice(Lattice::new(points.collect::<Vec<_>>()).expect("a law"))
    };
    let (p, q) = (poisson(4.0), poisson(5.5));
    let log = |law: &Predictive, x: f64| law.log_pdf(x).expect("a probability");
    let found = p.expect(&mut |x| log(&p, x) - log(&q, x)).expect("an expectation");
    table.add(problem, "KL(Poisson 4||Poisson 5.5)", "expectation under the law", found, 1e-10, "sum");
    // Girsanov: half the mean square of the difference of the drifts over sigma, under the stationary law of the first.
    let settled = stationary(&built_in("ou").expect("built in"), &[1.5, 0.5, 0.8], 0).expect("a stationary law");
    let rate = |x: f64| 0.5 * ((1.5 * (0.5 - x) - (0.3 - x)) / 0.8).powi(2);
    let found = settled.expect(&mut |x| rate(x)).expect("an expectation");
    let quantity = "OU path KL rate (k1=1.5,th1=0.5 || k2=1,th2=0.3, sigma=0.8)";
    table.add(problem, quantity, "stationary law", found, 1e-9, "quadrature");
}

fn likelihood(table: &mut Table) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/numerics/ou_2000.csv");
    let bytes = std::fs::read(path).expect("beside the reference values");
    let options = LoadOptions { dt: Some(0.02), ..LoadOptions::default() };
    let series = load("ou_2000.csv", &bytes, &options).expect("a loadable file").series.remove(0);
    let model = built_in("ou").expect("built in");
    let data = Observed::of(&series, Transform::None, &model).expect("usable data");
    let found = fit(&model, &data, &Settings::default()).expect("a fit");
    for (k, quantity) in ["kappa_hat", "theta_hat", "sigma_hat"].iter().enumerate() {
        table.add("ou_mle", quantity, "exact likelihood", found.theta[k], 1e-6, "certified optimum");
    }
    let minus = -found.log_likelihood.expect("kl gives one");
    table.add_absolute("ou_mle", "neg_loglik_min", "exact likelihood", minus, 1e-8, "certified optimum");
}

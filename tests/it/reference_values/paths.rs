//! Errors of schemes, variances between levels, and what fits and divergences give.

use super::table::{Table, text};
use kramers::base::{Purpose, Seed};
use kramers::form::Accuracy;
use kramers::form::monte_carlo::{Run, Scheme, Start, simulate};
use kramers::form::value::{Method, value_by};
use kramers::models::built_in;

pub fn add(table: &mut Table) {
    schemes(table);
    levels(table);
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
            let run = |scheme| Run {
                theta: &[mu, sigma],
                start: Start::At(&[1.0]),
                t0: 0.0,
                times: &[1.0],
                paths,
                step: h,
                scheme,
                key,
            };
            let ends = simulate(&model, &run(scheme)).expect("paths").states.remove(0).remove(0);
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
    let _ = (Method::Multilevel, value_by, Accuracy::default(), text);
    let _ = table;
}

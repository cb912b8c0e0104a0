//! Scores of forecasts read from standard input, one a line: a name, then numbers; the score goes to standard output with all its digits.
//!
//! ```text
//! echo 'normal-crps 0 1 0.3' | cargo run -q --example scores
//! ```
//!
//! | name | numbers |
//! |---|---|
//! | `normal-crps`, `normal-log` | mean, sd, y |
//! | `lognormal-crps`, `lognormal-log` | mean and sd of the logarithm, y |
//! | `student-crps`, `student-log` | location, scale, degrees of freedom, y |
//! | `ensemble-crps`, `ensemble-crps-fair` | y, then the members |
//! | `pinball` | level, quantile, y |
//! | `interval` | alpha, lower, upper, y |
//! | `energy`, `energy-fair` | how many components, y, then the members one after another |
//! | `variogram`, `variogram-fair`, `variogram-by-distance` | order, how many components, y, then the members |

use kramers::predictive::{Ensemble, Estimator, Predictive};
use kramers::stats::{energy_score, interval_score, pinball, variogram_score};
use std::io::{BufRead, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (name, rest) = line.split_once(' ').ok_or("a line is a name and numbers")?;
        let numbers = rest.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let score = score(name, &numbers).ok_or_else(|| format!("no score '{name}' of {} numbers", numbers.len()))?;
        writeln!(out, "{score:?}")?;
    }
    Ok(())
}

fn score(name: &str, numbers: &[f64]) -> Option<f64> {
    if let Some(kind) = name.strip_suffix("-crps").filter(|kind| *kind != "ensemble") {
        let (law, y) = law(kind, numbers)?;
        return Some(law.crps(y));
    }
    if let Some(kind) = name.strip_suffix("-log") {
        let (law, y) = law(kind, numbers)?;
        return law.log_pdf(y).map(|l| -l);
    }
    match (name, numbers) {
        ("ensemble-crps", [y, members @ ..]) => Some(Ensemble::new(members.to_vec(), Vec::new())?.crps(*y)),
        ("ensemble-crps-fair", [y, members @ ..]) => Ensemble::new(members.to_vec(), Vec::new())?.crps_fair(*y),
        ("pinball", [level, quantile, y]) => Some(pinball(*level, *quantile, *y)),
        ("interval", [alpha, lower, upper, y]) => Some(interval_score(*lower, *upper, *alpha, *y)),
        ("energy", [d, rest @ ..]) => with(*d, rest, |x, y| energy_score(x, y, Estimator::Empirical)),
        ("energy-fair", [d, rest @ ..]) => with(*d, rest, |x, y| energy_score(x, y, Estimator::Fair)),
        ("variogram", [p, d, rest @ ..]) => {
            with(*d, rest, |x, y| variogram_score(x, y, *p, |_, _| 1.0, Estimator::Empirical))
        }
        ("variogram-fair", [p, d, rest @ ..]) => {
            with(*d, rest, |x, y| variogram_score(x, y, *p, |_, _| 1.0, Estimator::Fair))
        }
        ("variogram-by-distance", [p, d, rest @ ..]) => {
            let apart = |i: usize, j: usize| 1.0 / i.abs_diff(j) as f64;
            with(*d, rest, |x, y| variogram_score(x, y, *p, apart, Estimator::Empirical))
        }
        _ => None,
    }
}

fn law(kind: &str, numbers: &[f64]) -> Option<(Predictive, f64)> {
    match (kind, numbers) {
        ("normal", [mean, sd, y]) => Some((Predictive::Normal { mean: *mean, sd: *sd }, *y)),
        ("lognormal", [mu, sigma, y]) => Some((Predictive::LogNormal { mu: *mu, sigma: *sigma }, *y)),
        ("student", [location, scale, df, y]) => {
            Some((Predictive::StudentT { location: *location, scale: *scale, df: *df }, *y))
        }
        _ => None,
    }
}

/// The members as `[component][draw]`, and what came.
fn with(d: f64, rest: &[f64], score: impl Fn(&[Vec<f64>], &[f64]) -> Option<f64>) -> Option<f64> {
    let d = d as usize;
    if d == 0 || rest.len() < 2 * d || !rest.len().is_multiple_of(d) {
        return None;
    }
    let (actual, members) = rest.split_at(d);
    let draws: Vec<Vec<f64>> = (0..d).map(|i| members.iter().skip(i).step_by(d).copied().collect()).collect();
    score(&draws, actual)
}

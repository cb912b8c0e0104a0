//! Rows within which the latent state forgets: the same law by many short rows, and the limit in which nothing is left of it.

use super::kernel::{Band, Moves};
use super::tests::{DT, model, simulated, slopes_are_differences};
use super::*;

/// The law of a move over many rows, row by row, and of one row as long.
fn two_ways(id: &str, theta: &[f64], rows: usize, latent: f64) -> f64 {
    let model = model(id);
    let long = rows as f64 * DT;
    let record = Observations { times: vec![0.0, DT], values: vec![vec![Some(100.0), Some(100.5)]] };
    let mut outlook = Outlook::new(&model, theta, &record).expect("an outlook");
    // All of the latent state in one place.
    let place = outlook.filter.mesh.places.partition_point(|v| *v < latent);
    outlook.masses.fill(0.0);
    outlook.masses[place] = 1.0;
    let law = outlook.laws(&[DT + long], Ahead::Level).expect("laws").swap_remove(0);
    let Volatility { read, mesh, .. } = &outlook.filter;
    let band = Band::new(&read.shape, mesh, theta, long).expect("a band");
    let moves = Moves::new(&read.shape, mesh, &band, theta).expect("moves");
    let one = law::next(&band, &moves, None, &outlook.masses);
    let sd = law.sd().expect("an sd");
    let points: Vec<f64> = (-40..=40).map(|i| 0.1 * f64::from(i) * sd).collect();
    let level = 100.5f64.ln();
    let told: Vec<f64> = points.iter().map(|x| law.log_pdf(level + x).expect("a density").exp()).collect();
    let peak = told.iter().copied().fold(0.0, f64::max);
    one.densities(&points).iter().zip(&told).map(|(a, b)| (a - b).abs() / peak).fold(0.0, f64::max)
}

/// The mixture of two laws has the first four cumulants to the leading order only: what is left of the higher ones, as a share of the peak, grows
/// with the correlation, is largest at some times of memory, and is gone where nothing or all is forgotten.
#[test]
fn a_long_row_is_near_many_short_ones() {
    let cases = [(2.5, 25, 0.25), (12.6, 20, 1.0), (12.6, 40, 2.0), (50.0, 40, 8.0), (500.0, 50, 99.0)];
    for (rho, allowed) in [(0.0, [3e-3, 3e-3, 4e-3, 3e-3, 1e-4]), (-0.5, [3e-3, 4e-3, 8e-3, 2e-2, 8e-3])] {
        for ((kappa, rows, memories), allowed) in cases.into_iter().zip(allowed) {
            let theta = [kappa, -3.2, 0.8 * (2.0f64 * kappa).sqrt(), rho, 0.1];
            let apart = two_ways("log-volatility", &theta, rows, -2.6);
            assert!(apart < allowed, "rho {rho}, {memories} times of memory: {apart}");
        }
    }
}

/// Cumulants of the mixture: variance, third and fourth as they were asked.
#[test]
fn the_mixture_has_the_cumulants_it_was_made_of() {
    for (v, sd, both) in [(1.0, 0.3, 0.0), (2.0, 0.3, 0.1), (1.0, 0.05, -0.04), (0.5, 0.2, -0.05)] {
        let (spread, lean) = composed::mixed(v, sd, both);
        let m = kernel::Move {
            ln_p: 0.0,
            mean: 0.0,
            variance: v,
            spread,
            lean,
            jumps: 0.0,
            jump_mean: 0.0,
            jump_variance: 0.0,
        };
        let sides = m.sides(2);
        let sum = |of: &dyn Fn(f64, f64) -> f64| sides.iter().map(|(w, m, v)| w * of(*m, *v)).sum::<f64>();
        assert!(sum(&|m, _| m).abs() < 1e-14 && (sum(&|_, _| 1.0) - 1.0).abs() < 1e-14);
        assert!((sum(&|m, v| v + m * m) - v).abs() < 1e-13 * v);
        let (together, third) = (sum(&|m, v| m * (v - 1.0)), 3.0 * both);
        assert!((3.0 * together - third).abs() < 1e-12, "{together} {both}");
        // The symmetric part: of the variances' spread and of two means.
        let own = v - lean * lean * spread * spread;
        let fourth = 3.0 * (own * spread).powi(2) - 2.0 * (lean * spread).powi(4);
        assert!((fourth - 3.0 * sd * sd).abs() < 1e-12, "{fourth} {}", 3.0 * sd * sd);
    }
}

#[test]
fn what_forgets_at_once_leaves_a_normal_law() {
    let model = model("log-volatility");
    // Standard deviation of the log variance 0.8, forgotten within a thousandth of a row.
    let kappa = 252e3;
    let theta = [kappa, -3.2, 0.8 * (2.0f64 * kappa).sqrt(), 0.0, 0.1];
    let record = simulated(&model, &[5.0, -3.0, 1e-3, 0.0, 0.1], -3.0, 200, 4);
    let filter = Volatility::new(&model, &record, &Settings::default(), &theta).expect("a filter");
    let total = filter.total(&theta).expect("a likelihood");
    let variance = (-3.2f64 + 0.32).exp();
    let prices: Vec<f64> = record.values[0].iter().flatten().copied().collect();
    let normal: f64 = prices
        .windows(2)
        .map(|w| {
            let moved = (w[1] / w[0]).ln() - (0.1 - 0.5 * variance) * DT;
            -0.5 * (moved * moved / (variance * DT) + (std::f64::consts::TAU * variance * DT).ln()) - w[1].ln()
        })
        .sum();
    // The variance of a row's mean variance is of the order of a thousandth of its square.
    assert!((total - normal).abs() < 1e-3 * 200.0, "{total} {normal}");
}

#[test]
fn the_slope_is_that_of_the_likelihood_there_too() {
    for (id, theta) in
        [("log-volatility", vec![300.0, -3.2, 15.0, -0.6, 0.1]), ("heston", vec![200.0, 0.05, 2.0, -0.6, 0.1])]
    {
        let model = model(id);
        let record = simulated(&model, &theta, if id == "heston" { 0.05 } else { -3.2 }, 100, 3);
        let filter = Volatility::new(&model, &record, &Settings::default(), &theta).expect("a filter");
        slopes_are_differences(id, &filter, &theta);
    }
}

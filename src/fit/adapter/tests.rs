//! Every optimiser on a crooked valley with a wall beside it.

use super::*;
use crate::base::Seed;
use crate::fit::Stochastic;

/// Rosenbrock's (1960) valley, undefined to the left of -2.
fn valley(p: &[f64]) -> (f64, Vec<f64>) {
    let (x, y) = (p[0], p[1]);
    if x < -2.0 {
        return (f64::NAN, vec![f64::NAN; 2]);
    }
    let bend = y - x * x;
    ((1.0 - x).powi(2) + 100.0 * bend * bend, vec![-2.0 * (1.0 - x) - 400.0 * x * bend, 200.0 * bend])
}

#[test]
fn both_find_the_end_of_the_valley_past_a_wall_of_nan() {
    let quasi = lbfgs(&valley, &[-1.9, 2.0], 1e-10, 500);
    assert!((quasi.point[0] - 1.0).abs() < 1e-6, "{quasi:?}");
    let simplex = nelder_mead(&valley, &[-1.9, 2.0], 0.5, 2000);
    assert!((simplex.point[0] - 1.0).abs() < 1e-4, "{simplex:?}");
}

#[test]
fn the_others_find_it_too_each_in_its_way() {
    // Gauss and Newton's curvature of the two residuals 1 - x and 10 (y - x²).
    let curvature =
        |p: &[f64]| DMatrix::from_row_slice(2, 2, &[2.0 + 800.0 * p[0] * p[0], -400.0 * p[0], -400.0 * p[0], 200.0]);
    let region = trust_region(&valley, &curvature, &[-1.9, 2.0], 1e-10, 500);
    assert!((region.point[0] - 1.0).abs() < 1e-6, "{region:?}");
    let swarm = particle_swarm(&valley, &[-0.5, 0.5], Seed(1), 500);
    assert!((swarm.point[0] - 1.0).abs() < 1e-2, "{swarm:?}");
    assert_eq!(particle_swarm(&valley, &[-0.5, 0.5], Seed(1), 500).point, swarm.point);
}

#[test]
fn batches_lead_to_the_mean_and_their_random_order_is_named_by_the_seed() {
    let data: Vec<f64> = (0..500).map(|i| (f64::from(i) * 0.7).sin() + 3.0).collect();
    let mean = data.iter().sum::<f64>() / 500.0;
    let part = |p: &[f64], rows: &[usize]| {
        let n = rows.len() as f64;
        let gaps: Vec<f64> = rows.iter().map(|i| p[0] - data[*i]).collect();
        (gaps.iter().map(|g| g * g).sum::<f64>() / n, vec![2.0 * gaps.iter().sum::<f64>() / n])
    };
    let all: Vec<usize> = (0..500).collect();
    let whole = |p: &[f64]| part(p, &all);
    let how = Stochastic { learning_rate: 0.1, batch_size: 20 };
    let run = |seed| adam(&whole, &part, 500, &[0.0], how, Seed(seed), 60);
    let found = run(1);
    assert!((found.point[0] - mean).abs() < 0.05, "{found:?}, {mean}");
    assert_eq!(run(1).point, found.point);
    assert_ne!(run(2).point, found.point);
}

#[test]
fn an_objective_that_is_never_a_number_ends_and_moves_nothing() {
    let nowhere = |_: &[f64]| (f64::NAN, vec![f64::NAN]);
    assert_eq!(lbfgs(&nowhere, &[1.0], 1e-8, 50).point, [1.0]);
    assert_eq!(nelder_mead(&nowhere, &[1.0], 0.1, 50).point.len(), 1);
    assert_eq!(particle_swarm(&nowhere, &[1.0], Seed(1), 50).point.len(), 1);
    assert_eq!(trust_region(&nowhere, &|_| DMatrix::zeros(1, 1), &[1.0], 1e-8, 50).point, [1.0]);
}

//! Chains on given nodes against closed laws, with the order of their convergence.

use super::nodes::{NodeLaw, Nodes, on_nodes};
use crate::base::{Error, Result, math};
use crate::models::{Model, built_in, read};
use std::f64::consts::PI;

fn brownian(boundary: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"test\"\ntitle = \"test\"\nsource = \"test\"\nkind = \"diffusion\"\n\
         [state.x]\ndomain = [0.0, 1.0]\nboundary = \"{boundary}\"\ninitial = 0.3\n\
         [dynamics]\ndrift.x = \"0\"\ndiffusion.x = \"0.8\"\n"
    );
    read("test.toml", &text).expect("a model")
}

fn midpoints(n: usize) -> Vec<f64> {
    (0..n).map(|i| (i as f64 + 0.5) / n as f64).collect()
}

fn at(model: &Model, x0: f64, t: f64, nodes: &[f64]) -> Result<NodeLaw> {
    let law = on_nodes(model, &Nodes { theta: &[], x0, t0: 0.0, times: &[0.4 * t, t], nodes })?.remove(1);
    let total: f64 = law.masses.iter().chain(&law.absorbed).sum();
    assert!((total - 1.0).abs() < 1e-13 && law.error_bound < 1e-12, "{total} {}", law.error_bound);
    assert!(law.masses.iter().chain(&law.absorbed).all(|m| *m >= 0.0));
    Ok(law)
}

/// Errors on more and more nodes fall as the square of the spacing.
fn assert_second_order(errors: &[f64]) {
    for pair in errors.windows(2) {
        let order = (pair[0] / pair[1]).log2();
        assert!((order - 2.0).abs() < 0.1, "{errors:?}: {order}");
    }
}

#[test]
fn absorbing_ends_take_what_the_series_says() -> Result<()> {
    // Σ over odd k of 4/(kπ) sin(kπ x0) exp(-k²π² σ² t / 2) is left (Carslaw & Jaeger 1959, section 3.3).
    let (x0, t) = (0.3, 0.5);
    let left: f64 = (0..60)
        .map(|j| f64::from(2 * j + 1))
        .map(|k| 4.0 / (k * PI) * math::sin(k * PI * x0) * math::exp(-k * k * PI * PI * 0.32 * t))
        .sum();
    let model = brownian("absorbing");
    let errors = [20, 40, 80]
        .map(|n| at(&model, x0, t, &(1..n).map(|i| f64::from(i) / f64::from(n)).collect::<Vec<_>>()))
        .into_iter()
        .map(|law| Ok((law?.masses.iter().sum::<f64>() - left).abs()))
        .collect::<Result<Vec<f64>>>()?;
    assert_second_order(&errors);
    Ok(())
}

#[test]
fn periodic_ends_give_the_wrapped_normal_law() -> Result<()> {
    let model = brownian("periodic");
    let (t, x0) = (0.05, 0.0125);
    let sd = 0.8 * f64::sqrt(t);
    let density = |x: f64| -> f64 {
        (-5..=5).map(|k| (x - x0 + f64::from(k)) / sd).map(|z| math::exp(-0.5 * z * z) / (sd * (2.0 * PI).sqrt())).sum()
    };
    let mut errors = Vec::new();
    // The start is a node of every lattice.
    for n in [40, 120, 360] {
        let nodes = midpoints(n);
        let law = at(&model, x0, t, &nodes)?;
        let apart = nodes.iter().zip(&law.masses).map(|(x, m)| (m * n as f64 - density(*x)).abs());
        errors.push(apart.fold(0.0, f64::max));
    }
    for pair in errors.windows(2) {
        let order = (pair[0] / pair[1]).ln() / 3f64.ln();
        assert!((order - 2.0).abs() < 0.1, "{errors:?}: {order}");
    }
    Ok(())
}

#[test]
fn reflecting_ends_give_the_cosine_series() -> Result<()> {
    let model = brownian("reflecting");
    let (x0, t) = (0.3125, 0.1);
    let series = |x: f64| -> f64 {
        let term =
            |k: f64| 2.0 * math::cos(k * PI * x0) * math::cos(k * PI * x) * math::exp(-k * k * PI * PI * 0.32 * t);
        1.0 + (1..60).map(f64::from).map(term).sum::<f64>()
    };
    let mut errors = Vec::new();
    for n in [24, 72] {
        // x0 = 7.5/24 is a midpoint of both.
        let nodes = midpoints(n);
        let law = at(&model, x0, t, &nodes)?;
        errors.push(nodes.iter().zip(&law.masses).map(|(x, m)| (m * n as f64 - series(*x)).abs()).fold(0.0, f64::max));
    }
    let order = (errors[0] / errors[1]).ln() / 3f64.ln();
    assert!((order - 2.0).abs() < 0.1, "{errors:?}: {order}");
    Ok(())
}

#[test]
fn mertons_density_is_reached_at_second_order() -> Result<()> {
    // ln(S/S0) is a Poisson mixture of normal laws (Merton 1976); at -0.15 also by Fourier inversion in forty digits.
    let model = built_in("merton-jump")?;
    let [mu, sigma, lambda, mj, sj] = [0.05, 0.2, 0.8, -0.1, 0.25];
    let theta = [mu, sigma, lambda, mj, sj];
    let drift = mu - lambda * math::exp_m1(mj + 0.5 * sj * sj) - 0.5 * sigma * sigma;
    let density = |y: f64| -> f64 {
        let mut weight = math::exp(-lambda);
        let mut sum = 0.0;
        for n in 0..40 {
            let n = f64::from(n);
            let variance = sigma * sigma + n * sj * sj;
            let z = (y - drift - n * mj) * (y - drift - n * mj) / variance;
            sum += weight * math::exp(-0.5 * z) / (2.0 * PI * variance).sqrt();
            weight *= lambda / (n + 1.0);
        }
        sum
    };
    assert!((density(-0.15) - 1.043_869_338_135_354_5).abs() < 1e-14);
    let mut errors = Vec::new();
    for per in [3, 6, 12] {
        let h = 0.15 / f64::from(per);
        let (below, above) = ((3.0 / h) as i32, (2.2 / h) as i32);
        let nodes: Vec<f64> = (-below..=above).map(|i| math::exp(h * f64::from(i))).collect();
        let law = on_nodes(&model, &Nodes { theta: &theta, x0: 1.0, t0: 0.0, times: &[1.0], nodes: &nodes })?.remove(0);
        let mean: f64 = nodes.iter().zip(&law.masses).map(|(x, m)| x * m).sum();
        assert!((mean / math::exp(0.05) - 1.0).abs() < 1e-4, "{mean}");
        let apart = |i: i32| law.masses[(below + i) as usize] / h - density(h * f64::from(i));
        errors.push((-below..=above).map(|i| apart(i).abs()).fold(0.0, f64::max));
        assert!(apart(-per).abs() < 7e-5, "{}", apart(-per));
    }
    assert_second_order(&errors);
    Ok(())
}

#[test]
fn nodes_that_make_no_lattice_are_refused() {
    let model = brownian("absorbing");
    for nodes in [vec![], vec![0.2, 0.4], vec![0.4, 0.2, 0.6], vec![0.4, 0.6, 0.8], vec![-0.1, 0.3, 0.9]] {
        let ask = Nodes { theta: &[], x0: 0.3, t0: 0.0, times: &[1.0], nodes: &nodes };
        assert!(matches!(on_nodes(&model, &ask), Err(Error::BadOption { .. })), "{nodes:?}");
    }
}

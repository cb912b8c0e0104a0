//! Gauss and Legendre's rule on `[0, 1]`, and what its values say of a function between its nodes.
//!
//! With `P_n` the Legendre polynomials on that interval, the polynomial through values at the nodes is
//! `Σ_n (2n+1) P_n(s) Σ_j w_j P_n(s_j) f_j` (Abramowitz & Stegun 1964, 25.4.29 and 22.2.10).

use crate::base::math;

/// Nodes and weights.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub nodes: Vec<f64>,
    pub weights: Vec<f64>,
}

/// `P_0 … P_n` at `s`.
fn polynomials(n: usize, s: f64) -> Vec<f64> {
    let x = 2.0 * s - 1.0;
    let mut p = vec![1.0, x];
    for k in 1..n {
        let k1 = k as f64;
        p.push(((2.0 * k1 + 1.0) * x * p[k] - k1 * p[k - 1]) / (k1 + 1.0));
    }
    p
}

impl Rule {
    /// The rule of `n` nodes, exact for polynomials of degree 2n - 1.
    pub fn new(n: usize) -> Rule {
        let size = n as f64;
        let (mut nodes, mut weights) = (Vec::new(), Vec::new());
        for i in (0..n).rev() {
            let mut x = math::cos(std::f64::consts::PI * (i as f64 + 0.75) / (size + 0.5));
            let mut slope = 1.0;
            // Newton's steps from there are quadratic at once.
            for _ in 0..8 {
                let p = polynomials(n, 0.5 * (x + 1.0));
                slope = size * (x * p[n] - p[n - 1]) / (x * x - 1.0);
                x -= p[n] / slope;
            }
            nodes.push(0.5 * (x + 1.0));
            weights.push(1.0 / ((1.0 - x * x) * slope * slope));
        }
        Rule { nodes, weights }
    }

    /// `[k][j]`: the weight of the value at node `j` in the integral from 0 to node `k`.
    pub fn integrals(&self) -> Vec<Vec<f64>> {
        let n = self.nodes.len();
        let at: Vec<Vec<f64>> = self.nodes.iter().map(|s| polynomials(n, *s)).collect();
        let weight = |k: usize, j: usize| {
            let higher: f64 = (1..n).map(|m| 0.5 * at[j][m] * (at[k][m + 1] - at[k][m - 1])).sum();
            self.weights[j] * (self.nodes[k] + higher)
        };
        (0..n).map(|k| (0..n).map(|j| weight(k, j)).collect()).collect()
    }

    /// `[k][j]`: the weight of the value at node `j` in the polynomial through them at `places[k]`.
    pub fn interpolation(&self, places: &[f64]) -> Vec<Vec<f64>> {
        let n = self.nodes.len();
        let at: Vec<Vec<f64>> = self.nodes.iter().map(|s| polynomials(n, *s)).collect();
        let there = |place: f64| {
            let p = polynomials(n, place);
            let weight = |j: usize| self.weights[j] * (0..n).map(|m| (2 * m + 1) as f64 * at[j][m] * p[m]).sum::<f64>();
            (0..n).map(weight).collect()
        };
        places.iter().map(|place| there(*place)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_integrate_and_interpolate_what_they_must() {
        for n in [3, 5, 8] {
            let rule = Rule::new(n);
            for power in 0..2 * n as i32 {
                let sum: f64 = rule.nodes.iter().zip(&rule.weights).map(|(s, w)| w * s.powi(power)).sum();
                assert!((sum - 1.0 / f64::from(power + 1)).abs() < 2e-15, "{n} {power}: {sum}");
            }
            let (whole, between) = (rule.integrals(), rule.interpolation(&[0.0, 0.3, 1.0]));
            for power in 0..n as i32 {
                let values: Vec<f64> = rule.nodes.iter().map(|s| s.powi(power)).collect();
                let dot = |row: &[f64]| row.iter().zip(&values).map(|(a, b)| a * b).sum::<f64>();
                for (k, s) in rule.nodes.iter().enumerate() {
                    let want = s.powi(power + 1) / f64::from(power + 1);
                    assert!((dot(&whole[k]) - want).abs() < 5e-15, "{n} {power}");
                }
                for (row, s) in between.iter().zip([0.0f64, 0.3, 1.0]) {
                    assert!((dot(row) - s.powi(power)).abs() < 2e-14, "{n} {power} at {s}: {}", dot(row));
                }
            }
        }
    }
}

//! The multivariate normal log density with its slopes in mean and covariance.

use super::matrix::{Matrix, lower_root};
use crate::base::math;

/// ln 2π
const LN_2PI: f64 = 1.837_877_066_409_345_5;

/// A normal law of a vector, ready to be asked: `V = L Lᵀ`.
pub(super) struct Normal {
    root: Matrix,
}

impl Normal {
    /// `None` where the covariance is not positive definite, or not finite.
    pub fn new(covariance: &Matrix) -> Option<Normal> {
        lower_root(covariance).map(|root| Normal { root })
    }

    /// `z = L⁻¹ r`: standard normal and independent if the law is right. Component `i` is the residual given those before it, so
    /// this is Rosenblatt's (1952) transform told on the normal scale.
    pub fn scores(&self, residual: &[f64]) -> Vec<f64> {
        let mut z = residual.to_vec();
        for i in 0..z.len() {
            let known: f64 = (0..i).map(|k| self.root.at(i, k) * z[k]).sum();
            z[i] = (z[i] - known) / self.root.at(i, i);
        }
        z
    }

    /// `-½ (n ln 2π + ln det V + rᵀ V⁻¹ r)`
    pub fn log_density(&self, residual: &[f64]) -> f64 {
        let n = residual.len();
        let square: f64 = self.scores(residual).iter().map(|z| z * z).sum();
        let log_root: f64 = (0..n).map(|i| math::ln(self.root.at(i, i))).sum();
        -0.5 * (n as f64 * LN_2PI + square) - log_root
    }

    /// Slopes of the log density: `u = V⁻¹ r` by the mean, `½ (u uᵀ - V⁻¹)` by the covariance, its entries taken as free.
    pub fn slopes(&self, residual: &[f64]) -> (Vec<f64>, Matrix) {
        let n = residual.len();
        let u = self.up(self.scores(residual));
        let mut slope = Matrix::zero(n);
        for j in 0..n {
            let unit: Vec<f64> = (0..n).map(|i| if i == j { 1.0 } else { 0.0 }).collect();
            let column = self.up(self.scores(&unit));
            for i in 0..n {
                slope.set(i, j, 0.5 * (u[i] * u[j] - column[i]));
            }
        }
        (u, slope)
    }

    /// `L⁻ᵀ z`
    fn up(&self, mut z: Vec<f64>) -> Vec<f64> {
        for i in (0..z.len()).rev() {
            let known: f64 = (i + 1..z.len()).map(|k| self.root.at(k, i) * z[k]).sum();
            z[i] = (z[i] - known) / self.root.at(i, i);
        }
        z
    }
}

//! Sigma points: the places whose weighted mean and covariance are those of a law (Julier & Uhlmann 2004).

use nalgebra::DMatrix;

/// Points around a mean.
#[derive(Debug, Clone)]
pub(super) struct Points {
    /// `[state][point]`, before any clamping to the domain.
    pub x: Vec<Vec<f64>>,
    /// Sum to one, none negative.
    pub weights: Vec<f64>,
}

impl Points {
    /// `m` and `m ± √(n + κ) Lⱼ`, `L Lᵀ = P`: right for the moments of a normal law to third order, with `κ = 3 - n` also the fourth
    /// along each `Lⱼ`; beyond three states `κ = 0`, which keeps weights positive (Arasaratnam & Haykin 2009).
    pub fn new(mean: &[f64], covariance: &DMatrix<f64>) -> Points {
        let n = mean.len();
        let root = semidefinite_root(covariance);
        let spread = (n as f64).max(3.0);
        let side = 0.5 / spread;
        let reach = spread.sqrt();
        let mut weights = vec![side; 2 * n + 1];
        weights[0] = 1.0 - 2.0 * n as f64 * side;
        let row = |i: usize| {
            let mut row = vec![mean[i]; 2 * n + 1];
            for j in 0..n {
                row[1 + 2 * j] += reach * root[(i, j)];
                row[2 + 2 * j] -= reach * root[(i, j)];
            }
            row
        };
        Points { x: (0..n).map(row).collect(), weights }
    }

    pub fn mean(&self, values: &[f64]) -> f64 {
        self.weights.iter().zip(values).map(|(w, v)| w * v).sum()
    }
}

/// The lower triangle `L` with `L Lᵀ = P`, columns without a positive pivot left out: a covariance may be singular, and round-off may
/// leave it a little less than that.
fn semidefinite_root(p: &DMatrix<f64>) -> DMatrix<f64> {
    let n = p.nrows();
    let mut root = DMatrix::zeros(n, n);
    for j in 0..n {
        let pivot = p[(j, j)] - (0..j).map(|k| root[(j, k)] * root[(j, k)]).sum::<f64>();
        // A NaN stays one, for the caller to see.
        if pivot <= 1e-15 * p[(j, j)].abs() {
            continue;
        }
        let length = pivot.sqrt();
        for i in j..n {
            let rest: f64 = p[(i, j)] - (0..j).map(|k| root[(i, k)] * root[(j, k)]).sum::<f64>();
            root[(i, j)] = if i == j { length } else { rest / length };
        }
    }
    root
}

//! Small square matrices by rows: what one observation of a few states needs, with no decomposition that calls the C library.

/// `n × n`, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    n: usize,
    entries: Vec<f64>,
}

impl Matrix {
    pub fn zero(n: usize) -> Matrix {
        Matrix { n, entries: vec![0.0; n * n] }
    }

    /// `factor` on the diagonal.
    pub fn diagonal(n: usize, factor: f64) -> Matrix {
        let mut m = Matrix::zero(n);
        (0..n).for_each(|i| m.set(i, i, factor));
        m
    }

    /// `a bᵀ`
    pub fn outer(a: &[f64], b: &[f64]) -> Matrix {
        Matrix { n: a.len(), entries: a.iter().flat_map(|a| b.iter().map(move |b| a * b)).collect() }
    }

    /// From the lower triangle, row by row, of a symmetric one.
    pub fn symmetric(n: usize, mut lower: impl FnMut(usize) -> f64) -> Matrix {
        let mut m = Matrix::zero(n);
        for i in 0..n {
            for j in 0..=i {
                let value = lower(i * (i + 1) / 2 + j);
                m.set(i, j, value);
                m.set(j, i, value);
            }
        }
        m
    }

    /// From all entries, row by row.
    pub fn full(n: usize, entry: impl FnMut(usize) -> f64) -> Matrix {
        Matrix { n, entries: (0..n * n).map(entry).collect() }
    }

    pub fn size(&self) -> usize {
        self.n
    }

    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.entries[i * self.n + j]
    }

    pub fn set(&mut self, i: usize, j: usize, value: f64) {
        self.entries[i * self.n + j] = value;
    }

    pub fn entries(&self) -> &[f64] {
        &self.entries
    }

    pub fn transposed(&self) -> Matrix {
        Matrix::full(self.n, |k| self.at(k % self.n, k / self.n))
    }

    pub fn times(&self, other: &Matrix) -> Matrix {
        let n = self.n;
        let mut out = Matrix::zero(n);
        for (row, left) in out.entries.chunks_exact_mut(n).zip(self.entries.chunks_exact(n)) {
            for (a, right) in left.iter().zip(other.entries.chunks_exact(n)) {
                row.iter_mut().zip(right).for_each(|(o, b)| *o += a * b);
            }
        }
        out
    }

    pub fn times_vector(&self, v: &[f64]) -> Vec<f64> {
        self.entries.chunks_exact(self.n).map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum()).collect()
    }

    /// `self += factor · other`
    pub fn add(&mut self, factor: f64, other: &Matrix) {
        self.entries.iter_mut().zip(&other.entries).for_each(|(a, b)| *a += factor * b);
    }

    pub fn scaled(mut self, factor: f64) -> Matrix {
        self.entries.iter_mut().for_each(|a| *a *= factor);
        self
    }

    /// Largest sum of absolute values of a column.
    pub fn one_norm(&self) -> f64 {
        (0..self.n).map(|j| (0..self.n).map(|i| self.at(i, j).abs()).sum::<f64>()).fold(0.0, f64::max)
    }
}

/// The lower triangle `L` with `L Lᵀ = V`; `None` where `V` is not positive definite, or not finite.
pub(super) fn lower_root(v: &Matrix) -> Option<Matrix> {
    let n = v.size();
    let mut root = Matrix::zero(n);
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| root.at(i, k) * root.at(j, k)).sum();
            let rest = v.at(i, j) - known;
            // What is left of a diagonal after all its digits have cancelled is round-off.
            if i == j && !(rest > 4.0 * f64::EPSILON * v.at(i, i) && rest.is_finite()) {
                return None;
            }
            root.set(i, j, if i == j { rest.sqrt() } else { rest / root.at(j, j) });
        }
    }
    Some(root)
}

/// Smallest share of a diagonal that Cholesky's method has left of it: one for independent components, zero for a singular matrix.
pub(super) fn definiteness(v: &Matrix) -> f64 {
    let Some(root) = lower_root(v) else { return 0.0 };
    (0..v.size()).map(|i| root.at(i, i) * root.at(i, i) / v.at(i, i)).fold(f64::INFINITY, f64::min)
}

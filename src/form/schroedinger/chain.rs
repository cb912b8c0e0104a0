//! Eigenpairs of a reversible chain on a line from its rates alone, each to full *relative* accuracy.
//!
//! With stationary weights `π` the generator is `-Q = W⁻¹ BᵀK B` (`W` the weights, `K` the conductances `πᵢ upᵢ`, `B` the
//! differences), similar to a product of bidiagonal matrices whose entries are square roots of rates. Such a factor fixes every
//! eigenvalue to about `n ε` of itself, however small (Demmel & Kahan 1990); multiplied out, as a tridiagonal matrix, it does
//! not. Eigenvalues come by bisection on the signs of progressive quotient-difference pivots (Fernando & Parlett 1994),
//! vectors by the twisted factors of the same transforms (Dhillon & Parlett 2004).

/// Shifts counted together: the divisions of one wait for those of another.
const LANES: usize = 8;

/// Rates to the left and to the right of each state. `down[0]` and `up[n-1]` lead out for good; both zero for a chain that
/// keeps its probability.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub down: Vec<f64>,
    pub up: Vec<f64>,
}

/// The bidiagonal factor: `q` its squared diagonal, `e` the squares beside it.
#[derive(Debug)]
pub(super) struct Factor {
    q: Vec<f64>,
    e: Vec<f64>,
}

impl Chain {
    /// `q_i = down_i + r_i`, `r_i = up_i r_{i+1}/q_{i+1}`, `e_i = up_i down_{i+1}/q_{i+1}`: sums, products and quotients of
    /// positive numbers, so every entry is right to a few units in the last place.
    pub fn factor(&self) -> Factor {
        let n = self.down.len();
        let (mut q, mut e) = (vec![0.0; n], vec![0.0; n]);
        let mut r = self.up[n - 1];
        q[n - 1] = self.down[n - 1] + r;
        for i in (0..n - 1).rev() {
            r *= self.up[i] / q[i + 1];
            q[i] = self.down[i] + r;
            e[i] = self.up[i] * (self.down[i + 1] / q[i + 1]);
        }
        Factor { q, e }
    }

    /// Natural logarithm of the stationary weight of each state against the first.
    pub fn ln_weights(&self) -> Vec<f64> {
        let mut sum = 0.0;
        let steps = self.up.iter().zip(self.down.iter().skip(1)).map(|(u, d)| crate::base::math::ln(u / d));
        std::iter::once(0.0)
            .chain(steps.map(|s| {
                sum += s;
                sum
            }))
            .collect()
    }

    /// The states from `first` to before `end`, nothing leaving at the cuts.
    pub fn part(&self, first: usize, end: usize) -> Chain {
        let (mut down, mut up) = (self.down[first..end].to_vec(), self.up[first..end].to_vec());
        if first > 0 {
            down[0] = 0.0;
        }
        if end < self.up.len() {
            up[end - first - 1] = 0.0;
        }
        Chain { down, up }
    }
}

impl Factor {
    /// A number above all eigenvalues (Gershgorin).
    pub fn ceiling(&self) -> f64 {
        let most = |v: &[f64]| v.iter().copied().fold(0.0, f64::max);
        2.0 * (most(&self.q) + most(&self.e))
    }

    /// Eigenvalues below each shift: the negative pivots of `d ← d q_{i+1}/(d + e_i) - λ`.
    fn below(&self, shifts: [f64; LANES]) -> [usize; LANES] {
        let mut count = [0; LANES];
        let mut d = shifts.map(|s| self.q[0] - s);
        for (e, q) in self.e.iter().zip(&self.q[1..]) {
            for k in 0..LANES {
                let pivot = d[k] + e;
                count[k] += usize::from(pivot < 0.0);
                let ratio = d[k] / pivot;
                // Infinity over infinity, after a pivot of zero.
                let ratio = if ratio.is_nan() { 1.0 } else { ratio };
                d[k] = ratio * q - shifts[k];
            }
        }
        for k in 0..LANES {
            count[k] += usize::from(d[k] < 0.0);
        }
        count
    }

    /// The `k`-th eigenvalue from below, from zero, to the last bits; looked for near `guess` first. Cost O(n), some 20 passes.
    ///
    /// The search is over the numbers as they are stored, so that 1e-109 takes no longer than 1.
    pub fn eigenvalue(&self, k: usize, guess: Option<f64>) -> f64 {
        let (mut low, mut high) = (f64::MIN_POSITIVE, self.ceiling().max(f64::MIN_POSITIVE));
        if let Some(guess) = guess.filter(|g| *g > low && *g < high) {
            let near = [0.9, 0.99, 0.999, 0.9999, 1.0001, 1.001, 1.01, 1.1].map(|f| f * guess);
            for (shift, count) in near.into_iter().zip(self.below(near)) {
                if count <= k { low = low.max(shift) } else { high = high.min(shift) }
            }
        }
        let (mut low, mut high) = (low.to_bits(), high.to_bits());
        while high - low > 2 {
            let step = ((high - low) / (LANES as u64 + 1)).max(1);
            let mut shifts = [0.0; LANES];
            for (i, shift) in shifts.iter_mut().enumerate() {
                *shift = f64::from_bits((low + step * (i as u64 + 1)).min(high));
            }
            for (shift, count) in shifts.into_iter().zip(self.below(shifts)) {
                let bits = shift.to_bits();
                if count <= k { low = low.max(bits) } else { high = high.min(bits) }
            }
        }
        f64::from_bits(low + (high - low) / 2)
    }

    /// The eigenvector of `lambda` in the symmetric coordinates `√π f`, of length one. Cost O(n).
    pub fn eigenvector(&self, lambda: f64) -> Vec<f64> {
        let n = self.q.len();
        let (q, e) = (&self.q, &self.e);
        // From the left: progressive pivots. From the right: stationary ones.
        let (mut from_left, mut d) = (vec![0.0; n], vec![0.0; n]);
        d[0] = q[0] - lambda;
        for i in 0..n {
            from_left[i] = away_from_zero(d[i] + e[i]);
            if i + 1 < n {
                d[i + 1] = d[i] / from_left[i] * q[i + 1] - lambda;
            }
        }
        let (mut from_right, mut s) = (vec![0.0; n], vec![0.0; n]);
        s[n - 1] = -lambda;
        for i in (0..n).rev() {
            from_right[i] = away_from_zero(q[i] + s[i]);
            if i > 0 {
                s[i - 1] = s[i] / from_right[i] * e[i - 1] - lambda;
            }
        }
        let twist = |i: &usize| (d[*i] + s[*i] + lambda).abs();
        let k = (0..n).min_by(|a, b| twist(a).total_cmp(&twist(b))).unwrap_or(0);
        let mut v = vec![0.0; n];
        v[k] = 1.0;
        for i in (0..k).rev() {
            v[i] = (e[i] * q[i + 1]).sqrt() / from_left[i] * v[i + 1];
        }
        for i in k + 1..n {
            v[i] = (e[i - 1] * q[i]).sqrt() / from_right[i] * v[i - 1];
        }
        let length = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        v.iter_mut().for_each(|v| *v /= length);
        v
    }
}

fn away_from_zero(pivot: f64) -> f64 {
    if pivot.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { pivot }
}

//! Tridiagonal matrices, cyclic ones too, and the solution of `(I - c A) x = b`.

use super::system::Matrix;
use crate::base::math;

/// Row `i` is `lower[i] u[i-1] + diagonal[i] u[i] + upper[i] u[i+1]`; in a cyclic matrix the indices run round.
#[derive(Debug, Clone)]
pub(super) struct Tridiagonal {
    pub lower: Vec<f64>,
    pub diagonal: Vec<f64>,
    pub upper: Vec<f64>,
    pub cyclic: bool,
    work: Work,
}

/// Work space of a solve.
#[derive(Debug, Clone, Default)]
struct Work {
    pivots: Vec<f64>,
    upper: Vec<f64>,
    corner: Vec<f64>,
}

impl Tridiagonal {
    /// Of `n` rows, three at least.
    pub fn new(n: usize, cyclic: bool) -> Tridiagonal {
        let zeros = || vec![0.0; n];
        let work = Work { pivots: zeros(), upper: zeros(), corner: zeros() };
        Tridiagonal { lower: zeros(), diagonal: zeros(), upper: zeros(), cyclic, work }
    }

    pub fn clear(&mut self) {
        for row in [&mut self.lower, &mut self.diagonal, &mut self.upper] {
            row.fill(0.0);
        }
    }

    /// Sum of the sizes in row `i`: no eigenvalue is larger than the largest of these (Gershgorin 1931).
    pub fn row_size(&self, i: usize) -> f64 {
        self.lower[i].abs() + self.diagonal[i].abs() + self.upper[i].abs()
    }

    /// Put `A x` into `y`.
    pub fn times(&self, x: &[f64], y: &mut [f64]) {
        let n = x.len();
        for i in 0..n {
            y[i] = self.diagonal[i] * x[i];
            if i > 0 || self.cyclic {
                y[i] += self.lower[i] * x[(i + n - 1) % n];
            }
            if i + 1 < n || self.cyclic {
                y[i] += self.upper[i] * x[(i + 1) % n];
            }
        }
    }

    /// Put the solution of `(I - c A) x = x` into `x`, where rows marked `fixed` (first and last) are those of the identity.
    /// False where a pivot vanishes.
    ///
    /// Elimination without pivoting (Thomas): the matrices here are dominated by their diagonal but for sources that grow,
    /// where a bad pivot asks for a shorter step. Cyclic systems by the formula of Sherman & Morrison (1950). O(n).
    pub fn solve_line(&mut self, c: f64, fixed: [bool; 2], x: &mut [f64]) -> bool {
        let mut work = std::mem::take(&mut self.work);
        let solved = self.eliminate(c, fixed, x, &mut work);
        self.work = work;
        solved
    }

    fn eliminate(&self, c: f64, fixed: [bool; 2], x: &mut [f64], work: &mut Work) -> bool {
        let n = x.len();
        let row = |i: usize| {
            if (i == 0 && fixed[0]) || (i + 1 == n && fixed[1]) {
                return (0.0, 1.0, 0.0);
            }
            (-c * self.lower[i], 1.0 - c * self.diagonal[i], -c * self.upper[i])
        };
        // The corners are taken out as a rank-one matrix whose scale is the first diagonal.
        let (below, above) = if self.cyclic { (row(0).0, row(n - 1).2) } else { (0.0, 0.0) };
        let scale = if self.cyclic { -row(0).1 } else { 0.0 };
        let diagonal = |i: usize| match i {
            0 => row(0).1 - scale,
            _ if self.cyclic && i + 1 == n => row(i).1 - below * above / scale,
            _ => row(i).1,
        };
        work.pivots[0] = diagonal(0);
        for i in 1..n {
            work.upper[i - 1] = row(i - 1).2 / work.pivots[i - 1];
            work.pivots[i] = diagonal(i) - row(i).0 * work.upper[i - 1];
        }
        let worst = work.pivots.iter().fold(f64::INFINITY, |least, p| least.min(p.abs()));
        if !(worst > 1e-12) || !work.pivots.iter().all(|p| p.is_finite()) {
            return false;
        }
        let sweep = |x: &mut [f64]| {
            x[0] /= work.pivots[0];
            for i in 1..n {
                x[i] = (x[i] - row(i).0 * x[i - 1]) / work.pivots[i];
            }
            for i in (0..n - 1).rev() {
                x[i] -= work.upper[i] * x[i + 1];
            }
        };
        sweep(x);
        if self.cyclic {
            work.corner.fill(0.0);
            work.corner[0] = scale;
            work.corner[n - 1] = above;
            let mut corner = std::mem::take(&mut work.corner);
            sweep(&mut corner);
            let ratio = below / scale;
            let factor = (x[0] + ratio * x[n - 1]) / (1.0 + corner[0] + ratio * corner[n - 1]);
            for (x, z) in x.iter_mut().zip(&corner) {
                *x -= factor * z;
            }
            work.corner = corner;
        }
        x.iter().all(|x| x.is_finite())
    }
}

impl Matrix for Tridiagonal {
    fn fastest(&self) -> f64 {
        self.diagonal.iter().fold(0.0, |most, d| most.max(d.abs()))
    }

    fn reach(&self, held: &[(usize, usize)]) -> f64 {
        let free = (0..self.diagonal.len()).filter(|i| held.iter().all(|(node, _)| node != i));
        free.fold(0.0, |most, i| most.max(self.row_size(i)))
    }

    fn solve(&mut self, c: f64, held: &[(usize, usize)], x: &mut [f64]) -> bool {
        let at = |node: usize| held.iter().any(|(held, _)| *held == node);
        self.solve_line(c, [at(0), at(x.len() - 1)], x)
    }
}

/// `z/(eᶻ - 1)` (Bernoulli) and its derivative.
fn bernoulli(z: f64) -> (f64, f64) {
    if z.abs() < 1e-2 {
        let square = z * z;
        let value = 1.0 - 0.5 * z + square / 12.0 * (1.0 - square / 60.0 * (1.0 - square / 42.0));
        return (value, -0.5 + z / 6.0 * (1.0 - square / 30.0 * (1.0 - square / 28.0)));
    }
    if z < 0.0 {
        let (value, slope) = bernoulli(-z);
        return (value - z, -1.0 - slope);
    }
    let e = math::exp(-z);
    let lost = -math::exp_m1(-z);
    (z * e / lost, (e * (1.0 - z) - e * e) / (lost * lost))
}

/// The two weights of an exponentially fitted flux `v u - D u'` between nodes `h` apart, `forward u_left - back u_right`:
/// exact where `D`, `v` and the flux are constant between them (Scharfetter & Gummel 1969, eq. 39), never negative, and
/// upwind where there is no diffusion. With derivatives in `D` and `v`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fitted {
    pub forward: f64,
    pub back: f64,
    pub forward_d: f64,
    pub back_d: f64,
    pub forward_v: f64,
    pub back_v: f64,
}

impl Fitted {
    pub fn new(d: f64, v: f64, h: f64) -> Fitted {
        let z = v * h / d;
        if !(z.abs() < 700.0) {
            let downwind = f64::from(u8::from(v > 0.0));
            return Fitted {
                forward: v.max(0.0),
                back: (-v).max(0.0),
                forward_d: 0.0,
                back_d: 0.0,
                forward_v: downwind,
                back_v: downwind - 1.0,
            };
        }
        let (back, back_slope) = bernoulli(z);
        let (forward, forward_slope) = bernoulli(-z);
        Fitted {
            forward: d / h * forward,
            back: d / h * back,
            forward_d: (forward + z * forward_slope) / h,
            back_d: (back - z * back_slope) / h,
            forward_v: -forward_slope,
            back_v: back_slope,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cyclic_system_is_solved_to_round_off() {
        for (n, cyclic) in [(3, true), (3, false), (17, true), (17, false)] {
            let mut a = Tridiagonal::new(n, cyclic);
            for i in 0..n {
                let s = i as f64;
                (a.lower[i], a.diagonal[i], a.upper[i]) = (1.0 + 0.1 * s, -3.0 - 0.2 * s, 2.0 - 0.03 * s);
            }
            let x: Vec<f64> = (0..n).map(|i| (i as f64 * 1.3).sin() + 0.2).collect();
            let c = 0.7;
            let at = |i: isize| match i {
                -1 if cyclic => x[n - 1],
                i if i == n as isize && cyclic => x[0],
                i if i < 0 || i >= n as isize => 0.0,
                i => x[i as usize],
            };
            let row = |i: usize| {
                let k = i as isize;
                x[i] - c * (a.lower[i] * at(k - 1) + a.diagonal[i] * x[i] + a.upper[i] * at(k + 1))
            };
            let mut b: Vec<f64> = (0..n).map(row).collect();
            assert!(a.solve_line(c, [false; 2], &mut b));
            for (b, x) in b.iter().zip(&x) {
                assert!((b - x).abs() < 1e-13, "{n} {cyclic}: {b} {x}");
            }
        }
    }

    #[test]
    fn the_slopes_of_the_fitted_weights_are_their_difference_quotients() {
        for (d, v) in [(1.0, 0.3), (0.02, 1.0), (0.5, -0.4), (1.0, 1e-4), (0.3, -4.0)] {
            let (h, e) = (0.1, 1e-5);
            let w = Fitted::new(d, v, h);
            let by_d = (Fitted::new(d + e * d, v, h), Fitted::new(d - e * d, v, h), 2.0 * e * d);
            let by_v = (Fitted::new(d, v + e, h), Fitted::new(d, v - e, h), 2.0 * e);
            for (slope, quotient) in [
                (w.forward_d, (by_d.0.forward - by_d.1.forward) / by_d.2),
                (w.back_d, (by_d.0.back - by_d.1.back) / by_d.2),
                (w.forward_v, (by_v.0.forward - by_v.1.forward) / by_v.2),
                (w.back_v, (by_v.0.back - by_v.1.back) / by_v.2),
            ] {
                assert!((slope - quotient).abs() < 1e-6 * (1.0 + slope.abs()), "{d} {v}: {slope} {quotient}");
            }
            assert!((w.forward - w.back - v).abs() < 1e-12, "constant u is carried at v");
        }
        let upwind = Fitted::new(0.0, -2.0, 0.1);
        assert_eq!((upwind.forward, upwind.back), (0.0, 2.0));
    }
}

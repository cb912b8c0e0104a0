//! The linear equations that means and covariances obey, and their solution by a matrix exponential.
//!
//! With the drift `a(x) = A x + b` and the noise `C(x)` quadratic, jumps and reactions included,
//!
//! ```text
//! dm/dt = A m + b,     dP/dt = A P + P Aᵀ + b mᵀ + m bᵀ        (P = m mᵀ, which makes the next line linear)
//! dΣ/dt = A Σ + Σ Aᵀ + C(m) + ½ C'' : Σ
//! ```
//!
//! The covariance is a component of its own, so that nothing cancels as it would in `E[x xᵀ] - m mᵀ`. The state is measured from
//! its start.

use super::exponential::exponential;
use super::rates::Rates;
use crate::base::Result;
use crate::process::polynomial::Polynomial;
use nalgebra::{DMatrix, DVector};

/// Equations beyond this many are not solved: their exponential takes the cube of it.
const MOST_EQUATIONS: usize = 900;

pub(super) struct System {
    n: usize,
    /// Whether covariances are among the unknowns.
    pub with_covariance: bool,
    /// Whether the noise is quadratic, which wants the products of the means.
    with_products: bool,
    matrix: DMatrix<f64>,
    origin: Vec<f64>,
}

impl System {
    /// The equations of a process whose rates have numbers for coefficients, with states measured from `origin`.
    pub fn new(rates: &Rates, origin: &[f64]) -> System {
        let n = origin.len();
        let reading = Reading { rates };
        let pairs = n * (n + 1) / 2;
        let squares = |with: bool| 1 + n + pairs * if with { 2 } else { 1 };
        let second = rates.second.as_ref().ok();
        let with_products =
            second.is_some_and(|table| table.iter().flatten().any(|c| c.degree().is_some_and(|d| d == 2)));
        let second = second.filter(|_| squares(with_products) <= MOST_EQUATIONS);
        let size = if second.is_some() { squares(with_products) } else { 1 + n };
        let mut system = System {
            n,
            with_covariance: second.is_some(),
            with_products: with_products && second.is_some(),
            matrix: DMatrix::zeros(size, size),
            origin: origin.to_vec(),
        };
        let slopes: Vec<Vec<f64>> =
            rates.first.iter().map(|f| (0..n).map(|k| reading.coefficient(f, &[k])).collect()).collect();
        let drift: Vec<f64> = rates.first.iter().map(|f| reading.value(f, origin)).collect();
        system.means(&slopes, &drift);
        if let Some(table) = second {
            system.covariances(&slopes, &reading, table);
            if system.with_products {
                system.products(&slopes, &drift);
            }
        }
        system
    }

    fn mean(&self, i: usize) -> usize {
        1 + i
    }

    fn covariance(&self, i: usize, j: usize) -> usize {
        let (i, j) = (i.max(j), i.min(j));
        1 + self.n + i * (i + 1) / 2 + j
    }

    fn product(&self, i: usize, j: usize) -> usize {
        self.covariance(i, j) + self.n * (self.n + 1) / 2
    }

    fn means(&mut self, slopes: &[Vec<f64>], drift: &[f64]) {
        for i in 0..self.n {
            let row = self.mean(i);
            self.matrix[(row, 0)] = drift[i];
            for k in 0..self.n {
                let column = self.mean(k);
                self.matrix[(row, column)] = slopes[i][k];
            }
        }
    }

    fn covariances(&mut self, slopes: &[Vec<f64>], reading: &Reading, table: &[Vec<Polynomial>]) {
        for i in 0..self.n {
            for j in 0..=i {
                let row = self.covariance(i, j);
                for k in 0..self.n {
                    let (left, right) = (self.covariance(k, j), self.covariance(i, k));
                    self.matrix[(row, left)] += slopes[i][k];
                    self.matrix[(row, right)] += slopes[j][k];
                }
                let noise = &table[i][j];
                self.matrix[(row, 0)] = reading.value(noise, &self.origin);
                for k in 0..self.n {
                    let column = self.mean(k);
                    self.matrix[(row, column)] = reading.slope(noise, &self.origin, k);
                    for l in 0..=k {
                        let c = reading.coefficient(noise, &[k, l]);
                        if c != 0.0 {
                            let (covariance, product) = (self.covariance(k, l), self.product(k, l));
                            self.matrix[(row, covariance)] += c;
                            self.matrix[(row, product)] += c;
                        }
                    }
                }
            }
        }
    }

    fn products(&mut self, slopes: &[Vec<f64>], drift: &[f64]) {
        for i in 0..self.n {
            for j in 0..=i {
                let row = self.product(i, j);
                let (one, other) = (self.mean(i), self.mean(j));
                self.matrix[(row, other)] += drift[i];
                self.matrix[(row, one)] += drift[j];
                for k in 0..self.n {
                    let (left, right) = (self.product(k, j), self.product(i, k));
                    self.matrix[(row, left)] += slopes[i][k];
                    self.matrix[(row, right)] += slopes[j][k];
                }
            }
        }
    }

    /// Means `[time][component]` and covariances `[time][component][component]` at `times`, from a state whose mean is the origin
    /// and whose covariance is `covariance`. One matrix exponential for each distinct step.
    ///
    /// # Errors
    /// [`crate::base::Error::Numerics`] where a moment outgrows all numbers.
    pub fn solve(&self, covariance: &[Vec<f64>], t0: f64, times: &[f64]) -> Result<Solution> {
        let n = self.n;
        let mut now = DVector::zeros(self.matrix.nrows());
        now[0] = 1.0;
        if self.with_covariance {
            for i in 0..n {
                for j in 0..=i {
                    now[self.covariance(i, j)] = covariance[i][j];
                }
            }
        }
        let (mut at, mut last): (f64, Option<(f64, DMatrix<f64>)>) = (t0, None);
        let mut solution = Solution { mean: Vec::new(), covariance: Vec::new() };
        for time in times {
            let dt = time - at;
            // Equal steps share their exponential.
            let step = match last.take() {
                Some((known, step)) if (known - dt).abs() <= 1e-15 * time.abs().max(dt.abs()) => (known, step),
                _ => (dt, exponential(&(&self.matrix * dt))?),
            };
            now = &step.1 * now;
            last = Some(step);
            at = *time;
            solution.mean.push((0..n).map(|i| self.origin[i] + now[self.mean(i)]).collect());
            if self.with_covariance {
                let row = |i: usize| (0..n).map(|j| now[self.covariance(i, j)]).collect();
                solution.covariance.push((0..n).map(row).collect());
            }
        }
        Ok(solution)
    }
}

pub(super) struct Solution {
    pub mean: Vec<Vec<f64>>,
    /// Empty where not asked.
    pub covariance: Vec<Vec<Vec<f64>>>,
}

/// Numbers out of polynomials whose coefficients are numbers.
struct Reading<'a> {
    rates: &'a Rates,
}

impl Reading<'_> {
    fn number(&self, id: crate::expr::Id) -> f64 {
        self.rates.pool.constant(id).unwrap_or_else(|| self.rates.pool.eval(id, &[]))
    }

    fn coefficient(&self, p: &Polynomial, variables: &[usize]) -> f64 {
        p.coefficient(variables).map_or(0.0, |id| self.number(id))
    }

    fn value(&self, p: &Polynomial, x: &[f64]) -> f64 {
        let term = |(m, c): (&crate::process::polynomial::Monomial, &crate::expr::Id)| {
            m.powers.iter().fold(self.number(*c), |v, (i, n)| v * crate::base::math::powi(x[*i], *n))
        };
        p.terms.iter().map(term).sum()
    }

    /// ∂p/∂x_k at `x`, of a quadratic.
    fn slope(&self, p: &Polynomial, x: &[f64], k: usize) -> f64 {
        let mixed: f64 = (0..x.len())
            .map(|l| {
                let twice = if l == k { 2.0 } else { 1.0 };
                twice * self.coefficient(p, &[k, l]) * x[l]
            })
            .sum();
        self.coefficient(p, &[k]) + mixed
    }
}

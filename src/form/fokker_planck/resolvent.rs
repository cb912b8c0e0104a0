//! `(z/t - A)⁻¹ m` at every pole of the contour where `A` is more than a chain: closed to a ring, or with jumps.
//!
//! A ring is a chain with one state taken out; the sum of all equations gives that state without a subtraction. Jumps are
//! put on the right-hand side and iterated: what has jumped `k` times is a `k`-fold product with the chain's resolvent (the
//! Dyson series), and each factor is below a fifth while less than one jump is due.

use super::contour::{Lane, POLES, Rule};
use super::operator::Operator;

type Complex = [Lane; 2];
const ZERO: Complex = [[0.0; POLES]; 2];

/// Iterations beyond which the time is halved instead.
const MOST: usize = 60;
/// What the last iteration may change, against the mass.
const SETTLED: f64 = 1e-16;

fn product(a: &Complex, b: &Complex) -> Complex {
    let mut c = ZERO;
    for k in 0..POLES {
        c[0][k] = a[0][k] * b[0][k] - a[1][k] * b[1][k];
        c[1][k] = a[0][k] * b[1][k] + a[1][k] * b[0][k];
    }
    c
}

fn inverse(a: &Complex) -> Complex {
    let mut c = ZERO;
    for k in 0..POLES {
        let norm = 1.0 / (a[0][k] * a[0][k] + a[1][k] * a[1][k]);
        c[0][k] = a[0][k] * norm;
        c[1][k] = -a[1][k] * norm;
    }
    c
}

/// `a += factor b`
fn add(a: &mut Complex, factor: f64, b: &Complex) {
    for part in 0..2 {
        for k in 0..POLES {
            a[part][k] += factor * b[part][k];
        }
    }
}

/// `exp(t A) mass` in one part; `None` where the jumps do not settle.
pub(super) fn once(operator: &Operator, rule: &Rule, mass: &[f64], t: f64) -> Option<Vec<f64>> {
    let n = mass.len();
    let factors = Factors::new(operator, rule, t);
    let real = |m: f64| {
        let mut c = ZERO;
        c[0] = [m; POLES];
        c
    };
    let source: Vec<Complex> = mass.iter().map(|m| real(*m)).collect();
    let mut x = source.clone();
    factors.solve(operator, &mut x);
    if let Some(kernel) = &operator.jumps {
        // A pole counts as much as its weight.
        let mut size = [0.0; POLES];
        for k in 0..POLES {
            size[k] = (rule.weight[0][k].abs() + rule.weight[1][k].abs()) / (POLES as f64 * t);
        }
        let total: f64 = mass.iter().map(|m| m.abs()).sum();
        // x = x_0 + x_1 + …, each the chain's answer to the jumps of the one before.
        let mut term = x.clone();
        let mut settled = false;
        for _ in 0..MOST {
            let mut next = vec![ZERO; n];
            for (i, to) in next.iter_mut().enumerate() {
                let (first, row) = kernel.row(i);
                for (rate, from) in row.iter().zip(&term[first..]) {
                    add(to, *rate, from);
                }
            }
            factors.solve(operator, &mut next);
            let mut change: f64 = 0.0;
            for (x, d) in x.iter_mut().zip(&next) {
                add(x, 1.0, d);
                change += (0..POLES).map(|k| size[k] * (d[0][k].abs() + d[1][k].abs())).sum::<f64>();
            }
            term = next;
            if change <= SETTLED * total {
                settled = true;
                break;
            }
        }
        if !settled {
            return None;
        }
    }
    let scale = 1.0 / (POLES as f64 * t);
    let value = |x: &Complex| -> f64 {
        scale * (0..POLES).map(|k| rule.weight[0][k] * x[1][k] + rule.weight[1][k] * x[0][k]).sum::<f64>()
    };
    Some(x.iter().map(value).collect())
}

/// The chain eliminated from its first state to its last, of a ring without its last state.
struct Factors {
    /// `[state]`
    pivots: Vec<Complex>,
    /// `z/t`, and the rates of jumping away added where they are.
    diagonal: Vec<Complex>,
    /// Of a ring: what each state gets from the last, and the inverse of the last's own pivot.
    border: Option<(Vec<Complex>, Complex)>,
}

impl Factors {
    fn new(operator: &Operator, rule: &Rule, t: f64) -> Factors {
        let n = operator.up.len();
        let chain = if operator.ring { n - 1 } else { n };
        let diagonal: Vec<Complex> = (0..n)
            .map(|i| {
                let leaving = operator.jumps.as_ref().map_or(0.0, |kernel| kernel.leaving[i]);
                let mut c = ZERO;
                for k in 0..POLES {
                    c[0][k] = rule.z[0][k] / t + leaving;
                    c[1][k] = rule.z[1][k] / t;
                }
                c
            })
            .collect();
        // Pivots are `up + e`, `e_i = z/t + down_i e_{i-1}/pivot_{i-1}`: no subtraction. What leaves the first state downwards
        // leaves the chain.
        let mut pivots = Vec::with_capacity(chain);
        let mut excess = ZERO;
        excess[0] = [1.0; POLES];
        for i in 0..chain {
            let mut e = diagonal[i];
            add(&mut e, operator.down[i], &excess);
            let mut pivot = e;
            pivot[0].iter_mut().for_each(|p| *p += operator.up[i]);
            let inverse = inverse(&pivot);
            excess = product(&e, &inverse);
            pivots.push(inverse);
        }
        let mut factors = Factors { pivots, diagonal, border: None };
        if operator.ring {
            let mut from_last = vec![ZERO; n];
            from_last[0][0] = [operator.up[n - 1]; POLES];
            from_last[n - 2][0].iter_mut().for_each(|x| *x += operator.down[n - 1]);
            factors.along(operator, &mut from_last);
            let mut pivot = factors.diagonal[n - 1];
            for (d, x) in factors.diagonal.iter().zip(&from_last[..n - 1]) {
                add(&mut pivot, 1.0, &product(d, x));
            }
            factors.border = Some((from_last, inverse(&pivot)));
        }
        factors
    }

    /// Solve along the chain in place.
    fn along(&self, operator: &Operator, x: &mut [Complex]) {
        let chain = self.pivots.len();
        let mut before = ZERO;
        for i in 0..chain {
            let mut row = x[i];
            if i > 0 {
                add(&mut row, operator.up[i - 1], &before);
            }
            before = product(&row, &self.pivots[i]);
            x[i] = before;
        }
        for i in (0..chain - 1).rev() {
            let mut above = ZERO;
            add(&mut above, operator.down[i + 1], &x[i + 1]);
            let more = product(&above, &self.pivots[i]);
            add(&mut x[i], 1.0, &more);
        }
    }

    fn solve(&self, operator: &Operator, x: &mut [Complex]) {
        self.along(operator, x);
        let Some((from_last, pivot)) = &self.border else { return };
        let n = x.len();
        let mut last = x[n - 1];
        add(&mut last, operator.up[n - 2], &x[n - 2]);
        add(&mut last, operator.down[0], &x[0]);
        let last = product(&last, pivot);
        for (x, share) in x.iter_mut().zip(&from_last[..n - 1]) {
            add(x, 1.0, &product(share, &last));
        }
        x[n - 1] = last;
    }
}

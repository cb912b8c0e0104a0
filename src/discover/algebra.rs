//! Sums of products of powers, `c x^(i/2) y^(j/2) (log x)^k`: closed under products and derivatives, so that the generator of a
//! formula made of them can be applied exactly, as often as needed, in the coefficients alone.

use crate::base::math;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Transitions evaluated together.
const TOGETHER: usize = 512;

/// A term of a library, `x₀^(halves₀/2) x₁^(halves₁/2) log(x₀)^log`; all zero is the constant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monomial {
    /// `[state]`: twice the power, so that 1 is a square root and -2 a reciprocal; zero for a second state that is not there.
    pub halves: [i32; 2],
    /// Power of the logarithm of the first state, zero or positive.
    pub log: i32,
}

impl Monomial {
    fn times(self, other: Monomial) -> Monomial {
        let halves = [self.halves[0] + other.halves[0], self.halves[1] + other.halves[1]];
        Monomial { halves, log: self.log + other.log }
    }
}

/// `Σ c m`, in the order of the monomials.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sum(BTreeMap<Monomial, f64>);

impl Sum {
    /// One term.
    pub fn of(monomial: Monomial, coefficient: f64) -> Sum {
        Sum::from_terms([(monomial, coefficient)])
    }

    /// The sum of terms, equal monomials added up.
    pub fn from_terms(terms: impl IntoIterator<Item = (Monomial, f64)>) -> Sum {
        let mut sum = Sum::default();
        for (monomial, coefficient) in terms {
            sum.add_term(monomial, coefficient);
        }
        sum
    }

    /// The power of a state.
    pub fn power(state: usize, power: i32) -> Sum {
        let mut halves = [0; 2];
        halves[state] = 2 * power;
        Sum::of(Monomial { halves, log: 0 }, 1.0)
    }

    fn add_term(&mut self, monomial: Monomial, coefficient: f64) {
        let c = self.0.entry(monomial).or_insert(0.0);
        *c += coefficient;
        if *c == 0.0 {
            self.0.remove(&monomial);
        }
    }

    /// Whether no term is left.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// `self += scale · other`
    pub fn add(&mut self, other: &Sum, scale: f64) {
        for (monomial, c) in &other.0 {
            self.add_term(*monomial, scale * c);
        }
    }

    /// The product.
    pub fn times(&self, other: &Sum) -> Sum {
        let mut product = Sum::default();
        for (a, ca) in &self.0 {
            for (b, cb) in &other.0 {
                product.add_term(a.times(*b), ca * cb);
            }
        }
        product
    }

    /// The slope in one state.
    pub fn derivative(&self, state: usize) -> Sum {
        let mut slope = Sum::default();
        for (m, c) in &self.0 {
            let mut lower = *m;
            lower.halves[state] -= 2;
            slope.add_term(lower, c * 0.5 * f64::from(m.halves[state]));
            if state == 0 && m.log != 0 {
                slope.add_term(Monomial { log: m.log - 1, ..lower }, c * f64::from(m.log));
            }
        }
        slope
    }

    /// `L h = Σ f_i ∂_i h + ½ Σ g_i ∂_i² h`, the generator of `dx_i = f_i dt + √g_i dW_i`.
    pub fn generator(drift: &[Sum], noise: &[Sum], h: &Sum) -> Sum {
        let mut sum = Sum::default();
        for (state, (f, g)) in drift.iter().zip(noise).enumerate() {
            let slope = h.derivative(state);
            sum.add(&f.times(&slope), 1.0);
            sum.add(&g.times(&slope.derivative(state)), 0.5);
        }
        sum
    }

    /// Values at one state.
    pub fn at(&self, x: &[f64]) -> f64 {
        self.0.iter().map(|(m, c)| c * factor(x, *m)).sum()
    }
}

fn factor(x: &[f64], m: Monomial) -> f64 {
    let powers: f64 = x.iter().zip(m.halves).map(|(x, h)| half_power(*x, h)).product();
    if m.log == 0 { powers } else { powers * math::powi(math::ln(x[0]), m.log) }
}

fn half_power(x: f64, halves: i32) -> f64 {
    if halves % 2 == 0 { math::powi(x, halves / 2) } else { math::powi(x.sqrt(), halves) }
}

/// Values of several sums at all states, `[sum][state]`; powers that they share are computed once.
pub(super) fn evaluate(sums: &[&Sum], x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = x.first().map_or(0, Vec::len);
    let blocks: Vec<Vec<Vec<f64>>> = (0..n.div_ceil(TOGETHER))
        .into_par_iter()
        .map(|block| {
            let rows = block * TOGETHER..((block + 1) * TOGETHER).min(n);
            let mut powers: BTreeMap<(usize, i32), Vec<f64>> = BTreeMap::new();
            let logs: Vec<f64> = match sums.iter().any(|s| s.0.keys().any(|m| m.log != 0)) {
                true => x[0][rows.clone()].iter().map(|x| math::ln(*x)).collect(),
                false => Vec::new(),
            };
            for (state, h) in sums.iter().flat_map(|s| s.0.keys()).flat_map(|m| m.halves.into_iter().enumerate()) {
                if h != 0 {
                    let column = || x[state][rows.clone()].iter().map(|x| half_power(*x, h)).collect();
                    powers.entry((state, h)).or_insert_with(column);
                }
            }
            sums.iter().map(|sum| values(sum, rows.len(), &powers, &logs)).collect()
        })
        .collect();
    let mut out = vec![Vec::with_capacity(n); sums.len()];
    for block in blocks {
        for (all, part) in out.iter_mut().zip(block) {
            all.extend(part);
        }
    }
    out
}

fn values(sum: &Sum, rows: usize, powers: &BTreeMap<(usize, i32), Vec<f64>>, logs: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; rows];
    for (m, c) in &sum.0 {
        let column = |state: usize| powers.get(&(state, m.halves[state]));
        match (column(0), column(1), m.log) {
            (None, None, 0) => out.iter_mut().for_each(|o| *o += c),
            (Some(p), None, 0) | (None, Some(p), 0) => out.iter_mut().zip(p).for_each(|(o, p)| *o += c * p),
            (Some(p), Some(q), 0) => out.iter_mut().zip(p).zip(q).for_each(|((o, p), q)| *o += c * p * q),
            (p, q, log) => {
                for (i, o) in out.iter_mut().enumerate() {
                    let power = |column: Option<&Vec<f64>>| column.map_or(1.0, |p| p[i]);
                    *o += c * power(p) * power(q) * math::powi(logs[i], log);
                }
            }
        }
    }
    out
}

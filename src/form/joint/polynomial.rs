//! Polynomials in a few displacements whose coefficients are expressions, kept by degree.

use crate::expr::{Id, Pool};
use std::collections::BTreeMap;

/// Power of each displacement; those that are not there have none.
type Powers = [u8; Polynomial::MOST];

/// `Σ c(k) d₁^k₁ … dₙ^kₙ`, `parts[degree]` the terms of one degree. Coefficients that are zero are not kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Polynomial {
    parts: Vec<BTreeMap<Powers, Id>>,
}

impl Polynomial {
    /// Most displacements.
    pub const MOST: usize = 3;

    /// The Taylor polynomial of an expression at the symbols' own place: jets in one symbol after another.
    pub fn taylor(pool: &mut Pool, of: Id, symbols: &[usize], order: usize) -> Polynomial {
        let mut terms = vec![([0; Polynomial::MOST], of, order)];
        for (i, symbol) in symbols.iter().enumerate() {
            let at = pool.symbol_at(*symbol);
            let mut next = Vec::new();
            for (powers, coefficient, left) in terms {
                let jets = pool.jets(&[coefficient], *symbol, at, left);
                for (k, c) in jets.into_iter().flatten().enumerate() {
                    let mut powers = powers;
                    powers[i] = k as u8;
                    next.push((powers, c, left - k));
                }
            }
            terms = next;
        }
        let mut all = Polynomial::default();
        for (powers, coefficient, _) in terms {
            all.add_term(pool, powers, coefficient);
        }
        all
    }

    /// `factor dᵢ`
    pub fn displacement(pool: &mut Pool, i: usize, factor: Id) -> Polynomial {
        let mut powers = [0; Polynomial::MOST];
        powers[i] = 1;
        let mut all = Polynomial::default();
        all.add_term(pool, powers, factor);
        all
    }

    pub fn constant(pool: &mut Pool, value: f64) -> Polynomial {
        let value = pool.number(value);
        let mut all = Polynomial::default();
        all.add_term(pool, [0; Polynomial::MOST], value);
        all
    }

    fn add_term(&mut self, pool: &mut Pool, powers: Powers, coefficient: Id) {
        if pool.constant(coefficient) == Some(0.0) {
            return;
        }
        let degree: usize = powers.iter().map(|k| usize::from(*k)).sum();
        if self.parts.len() <= degree {
            self.parts.resize(degree + 1, BTreeMap::new());
        }
        let sum = match self.parts[degree].get(&powers) {
            Some(known) => pool.add(*known, coefficient),
            None => coefficient,
        };
        self.parts[degree].insert(powers, sum);
    }

    fn terms(&self) -> impl Iterator<Item = (Powers, Id)> + '_ {
        self.parts.iter().flatten().map(|(powers, c)| (*powers, *c))
    }

    /// `self += factor other`
    pub fn add(&mut self, pool: &mut Pool, factor: f64, other: &Polynomial) {
        for (powers, c) in other.terms() {
            let c = pool.scale(factor, c);
            self.add_term(pool, powers, c);
        }
    }

    /// `self += factor a b`, degrees `from..=to` of it.
    pub fn add_product(
        &mut self,
        pool: &mut Pool,
        factor: f64,
        (a, b): (&Polynomial, &Polynomial),
        (from, to): (usize, usize),
    ) {
        for (i, part_a) in a.parts.iter().enumerate() {
            for (j, part_b) in b.parts.iter().enumerate().filter(|(j, _)| (from..=to).contains(&(i + j))) {
                debug_assert!(i + j <= to);
                for (p, c) in part_a {
                    for (q, d) in part_b {
                        let powers = std::array::from_fn(|k| p[k] + q[k]);
                        let product = pool.mul(*c, *d);
                        let product = pool.scale(factor, product);
                        self.add_term(pool, powers, product);
                    }
                }
            }
        }
    }

    /// The terms of one degree.
    pub fn part(&self, degree: usize) -> Polynomial {
        let mut parts = vec![BTreeMap::new(); degree];
        parts.extend(self.parts.get(degree).cloned());
        Polynomial { parts }
    }

    /// `∂/∂dᵢ`
    pub fn slope(&self, pool: &mut Pool, i: usize) -> Polynomial {
        let mut all = Polynomial::default();
        for (mut powers, c) in self.terms().filter(|(powers, _)| powers[i] > 0) {
            let c = pool.scale(f64::from(powers[i]), c);
            powers[i] -= 1;
            all.add_term(pool, powers, c);
        }
        all
    }

    /// The value at these displacements.
    pub fn at(&self, pool: &mut Pool, displacements: &[Id]) -> Id {
        let mut sum = pool.number(0.0);
        for (powers, c) in self.terms() {
            let mut term = c;
            for (d, k) in displacements.iter().zip(powers) {
                let power = pool.power(*d, i32::from(k));
                term = pool.mul(term, power);
            }
            sum = pool.add(sum, term);
        }
        sum
    }
}

//! The terms that a drift or a squared diffusion may be made of.

use super::algebra::{Monomial, Sum, evaluate};
use super::steps::Steps;

/// Most terms of a library: every subset of them is tried.
pub const MOST_TERMS: usize = 12;

/// Candidate terms of a drift or a squared diffusion, the plain ones first.
#[derive(Debug, Clone, PartialEq)]
pub struct Library {
    /// The candidates, in the order that [`Size::terms`](super::Size) counts in.
    pub terms: Vec<Monomial>,
}

impl Library {
    /// Powers of one state up to `degree`.
    fn powers(degree: usize) -> Vec<Monomial> {
        (0..=degree as i32).map(|p| Monomial { halves: [2 * p, 0], log: 0 }).collect()
    }

    /// Products of powers of two states up to a total degree.
    fn products(degree: usize) -> Vec<Monomial> {
        let degree = degree as i32;
        let of = |total: i32| (0..=total).map(move |j| Monomial { halves: [2 * (total - j), 2 * j], log: 0 });
        (0..=degree).flat_map(of).collect()
    }

    /// Terms for a drift: powers; for a state that is always positive also `1/x`, `√x` and `log x`.
    pub fn drift(states: usize, degree: usize, is_positive: bool) -> Library {
        let mut terms = if states == 1 { Library::powers(degree) } else { Library::products(degree) };
        if states == 1 && is_positive {
            let one = |halves: i32, log: i32| Monomial { halves: [halves, 0], log };
            terms.extend([one(-2, 0), one(1, 0), one(0, 1)]);
        }
        Library { terms }
    }

    /// Terms for a squared diffusion: powers; for a state that is always positive also `√x`.
    pub fn noise(states: usize, degree: usize, is_positive: bool) -> Library {
        let mut terms = if states == 1 { Library::powers(degree) } else { Library::products(degree) };
        if states == 1 && is_positive {
            terms.push(Monomial { halves: [1, 0], log: 0 });
        }
        Library { terms }
    }

    /// `[term][transition]`: the terms at the state before each transition.
    pub(super) fn columns(&self, steps: &Steps) -> Vec<Vec<f64>> {
        let sums: Vec<Sum> = self.terms.iter().map(|m| Sum::of(*m, 1.0)).collect();
        evaluate(&sums.iter().collect::<Vec<_>>(), &steps.x0)
    }
}

impl Monomial {
    /// As a model file writes it; empty for the constant.
    pub fn text(&self, names: &[String]) -> String {
        let power = |(name, halves): (&String, i32)| match halves {
            0 => None,
            1 => Some(format!("sqrt({name})")),
            2 => Some(name.clone()),
            h if h % 2 == 0 => Some(format!("{name}^{}", signed(h / 2))),
            h => Some(format!("{name}^({h}/2)")),
        };
        let mut factors: Vec<String> = names.iter().zip(self.halves).filter_map(power).collect();
        if let (Some(name), 1..) = (names.first(), self.log) {
            factors.push(if self.log == 1 { format!("log({name})") } else { format!("log({name})^{}", self.log) });
        }
        factors.join("*")
    }

    /// Whether it can be evaluated at a negative state.
    pub(super) fn needs_positive(&self) -> bool {
        self.log != 0 || self.halves.iter().any(|h| h % 2 != 0 || *h < 0)
    }

    /// Total power, in halves.
    pub(super) fn degree_in_halves(&self) -> i32 {
        self.halves.iter().sum()
    }

    /// A short name for a parameter: `3` for x³ of one state, `21` for x²y, `m1` for 1/x, `log`, `sqrt`.
    pub(super) fn tag(&self, states: usize) -> String {
        match (self.log, self.halves, states) {
            (1.., ..) => "log".to_string(),
            (_, [1, 0], _) => "sqrt".to_string(),
            (_, [h, _], 1) if h < 0 => format!("m{}", -h / 2),
            (_, [h, _], 1) => (h / 2).to_string(),
            (_, [h, k], _) => format!("{}{}", h / 2, k / 2),
        }
    }
}

fn signed(power: i32) -> String {
    if power < 0 { format!("({power})") } else { power.to_string() }
}

//! Mass action with a constant rate, `k Π n (n-1) …`, evaluated without a tape.

use crate::expr::{Scratch, Tape};
use crate::process::{Counting, Network, symbol};

/// `k x_a (x_b - m_b) (x_c - m_c)`: every law up to third order, under either counting. Where fewer molecules react, the places that
/// are left over are those of [`Law::one`], whose count is one. 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Law {
    /// With volume and factorials in it.
    pub k: f64,
    pub a: u32,
    pub b: u32,
    pub c: u32,
    pub less_b: f32,
    pub less_c: f32,
}

impl Law {
    /// The place after the last species, where a state holds the number one.
    pub fn one(network: &Network) -> u32 {
        network.species.len() as u32
    }

    /// `x`: `[species]`, then a one.
    #[inline(always)]
    pub fn at(&self, x: &[f64]) -> f64 {
        self.k
            * x[self.a as usize]
            * (x[self.b as usize] - f64::from(self.less_b))
            * (x[self.c as usize] - f64::from(self.less_c))
    }

    /// Of a reaction whose law is on the tape.
    pub fn elsewhere(one: u32) -> Law {
        Law { k: -1.0, a: one, b: one, c: one, less_b: 0.0, less_c: 0.0 }
    }

    /// Whether it is one: not that of [`Law::elsewhere`].
    #[inline(always)]
    pub fn is_counted(&self) -> bool {
        self.k >= 0.0
    }

    /// The species it reads.
    pub fn reads(self, one: u32) -> impl Iterator<Item = u32> {
        let [a, b, c] = [self.a, self.b, self.c];
        let b = if b == a { one } else { b };
        let c = if c == a || c == b { one } else { c };
        [a, b, c].into_iter().filter(move |s| *s != one)
    }
}

/// The law of every reaction that is mass action up to third order with a rate free of time, `[reaction]`. Cost: one pass of the pool.
pub(super) fn laws(network: &Network, theta: &[f64], t0: f64) -> Vec<Option<Law>> {
    let frame = &network.frame;
    let moves = frame.pool.dependents(symbol::TIME);
    let rates: Vec<_> = network.reactions.iter().filter_map(|r| r.rate).collect();
    let wanted: Vec<_> = rates.iter().copied().chain([network.volume]).collect();
    let tape = Tape::compile(&frame.pool, &wanted, &[]);
    let (mut scratch, mut values) = (Scratch::default(), vec![0.0; wanted.len()]);
    tape.bind(&frame.symbols(theta, t0), &mut scratch);
    tape.run_one(&[], &mut values, &mut scratch);
    let volume = values.pop().unwrap_or(1.0);
    let one = Law::one(network);
    let mut values = values.into_iter();
    let law = |reaction: &crate::process::Reaction| {
        let (id, rate) = (reaction.rate?, values.next()?);
        let order: u32 = reaction.reactants.iter().map(|r| r.1).sum();
        if moves[id.index()] || order > 3 {
            return None;
        }
        let mut places = [(one, 0.0f32); 3];
        let each = reaction.reactants.iter().flat_map(|(s, count)| (0..*count).map(move |j| (*s as u32, j as f32)));
        places.iter_mut().zip(each).for_each(|(place, each)| *place = each);
        let ways: f64 = match network.counting {
            Counting::Ordered => 1.0,
            Counting::Combinations => reaction.reactants.iter().flat_map(|r| 1..=r.1).map(f64::from).product(),
        };
        let k = rate * crate::base::math::powi(volume, 1 - order as i32) / ways;
        // What is no rate is left to the tape, which says so where it is met.
        let [(a, _), (b, less_b), (c, less_c)] = places;
        (k >= 0.0 && k.is_finite()).then_some(Law { k, a, b, c, less_b, less_c })
    };
    network.reactions.iter().map(law).collect()
}

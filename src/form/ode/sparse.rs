//! Expressions that stand at few places of a table.

use crate::expr::{Id, Pool, Scratch, Tape};

/// Expressions that are not zero everywhere, each with its place.
pub(in crate::form) struct Sparse<P> {
    places: Vec<P>,
    tape: Tape,
    scratch: Scratch,
    out: Vec<f64>,
}

impl<P: Copy> Sparse<P> {
    /// Of the entries that are not zero.
    pub fn new(pool: &Pool, entries: Vec<(P, Id)>, lanes: &[usize]) -> Sparse<P> {
        let kept: Vec<(P, Id)> = entries.into_iter().filter(|(_, id)| pool.constant(*id) != Some(0.0)).collect();
        let ids: Vec<Id> = kept.iter().map(|(_, id)| *id).collect();
        Sparse {
            places: kept.iter().map(|(place, _)| *place).collect(),
            tape: Tape::compile(pool, &ids, lanes),
            scratch: Scratch::default(),
            out: vec![0.0; ids.len()],
        }
    }

    /// Places and values; `symbols` has the time and the parameters.
    pub fn at<'a>(&'a mut self, symbols: &[f64], x: &[f64]) -> impl Iterator<Item = (P, f64)> + 'a {
        self.tape.bind(symbols, &mut self.scratch);
        self.tape.run_one(x, &mut self.out, &mut self.scratch);
        self.places.iter().copied().zip(self.out.iter().copied())
    }
}

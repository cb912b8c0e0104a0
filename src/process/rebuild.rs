//! Expressions carried to another pool with others in place of their symbols.

use crate::expr::{Id, Pool};

/// `id` of `from`, made in `to`, where `put` gives what stands for each symbol. Cost: linear in the size of the expression.
pub(crate) fn rebuild(from: &Pool, id: Id, to: &mut Pool, put: &mut dyn FnMut(&mut Pool, usize) -> Id) -> Id {
    let map: Vec<Id> = (0..from.symbols().len()).map(|s| put(to, s)).collect();
    to.import(from, id, &map)
}

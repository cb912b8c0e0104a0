//! Where finished blocks are kept, so that a run that was cut off goes on where it was.

use super::{Row, Trouble};

/// One model on one block of windows: the unit of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    pub model: usize,
    pub block: usize,
}

/// What a unit gave.
pub type Done = (Vec<Row>, Vec<Trouble>);

/// A store of finished blocks. Both are called from any thread.
pub trait Sink: Sync {
    /// What the unit gave in a run before, to the last bit.
    fn known(&self, unit: Unit) -> Option<Done>;

    /// A unit is done.
    fn keep(&self, unit: Unit, done: &Done);
}

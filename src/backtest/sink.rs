//! Where finished blocks are kept, so that a run that was cut off goes on where it was.

use super::{Row, Trouble};

/// One model on one block of windows: the unit of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    /// Position among the forecasters of the run.
    pub model: usize,
    /// Position among the plan's blocks, in the order of time.
    pub block: usize,
}

/// What a unit gave.
pub type Done = (Vec<Row>, Vec<Trouble>);

/// A store of finished blocks, of this run or of one before that was cut off. Both methods are called from any thread.
pub trait Sink: Sync {
    /// What the unit gave in a run before, to the last bit; `None` where it is not known, and is done.
    fn known(&self, unit: Unit) -> Option<Done>;

    /// A unit is done; each is told once.
    fn keep(&self, unit: Unit, done: &Done);
}

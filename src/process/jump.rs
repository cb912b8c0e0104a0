//! Jumps of a diffusion: at rate `λ(X, t)` marks are drawn and the state becomes `after(X, marks, t)`.

use super::distribution::Distribution;
use crate::expr::Id;

/// One random size drawn at a jump.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub name: String,
    /// Its position among the symbols of the pool.
    pub symbol: usize,
    pub law: Distribution,
}

/// A compound Poisson part, with a rate that may hang on state and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Jump {
    pub rate: Id,
    pub marks: Vec<Mark>,
    /// `[state]`: where each state is after the jump, in states before it, marks, time and parameters.
    pub after: Vec<Id>,
}

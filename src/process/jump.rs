//! Jumps of a diffusion: at rate `λ(X, t)` marks are drawn and the state becomes `after(X, marks, t)`.

use super::distribution::Distribution;
use crate::expr::Id;

/// One random size drawn at a jump, which the state after it may hang on.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The symbol that `after` uses for it.
    pub name: String,
    /// Its position among the symbols of the pool.
    pub symbol: usize,
    /// What it is drawn from, its arguments in state, time and parameters.
    pub law: Distribution,
}

/// A compound Poisson part: at rate `λ(X, t)` marks are drawn and the state becomes `after(X, marks, t)` (Merton 1976 and Kou 2002 are of this kind).
#[derive(Debug, Clone, PartialEq)]
pub struct Jump {
    /// Jumps per time λ, in state, time and parameters; not negative.
    pub rate: Id,
    /// What is drawn at each jump, anew and independently.
    pub marks: Vec<Mark>,
    /// `[state]`: where each state is after the jump, in states before it, marks, time and parameters.
    pub after: Vec<Id>,
}

//! A quantum particle in a potential: `-(ħ²/2m) ψ'' + V(x) ψ = E ψ`.

use super::diffusion::State;
use super::frame::Frame;
use crate::expr::Id;

/// A quantum potential V(x): levels of -(ħ²/2m) ψ″ + V ψ = E ψ.
#[derive(Debug, Clone)]
pub struct Potential {
    /// The symbols, the place of the particle as the one variable, and the pool of all expressions.
    pub frame: Frame,
    /// The place x and the interval it is bound to.
    pub state: State,
    /// V, an energy, in the place and the parameters.
    pub potential: Id,
    /// In the parameters, as is `hbar`.
    pub mass: Id,
    /// Planck's constant over 2π in the file's units; 1 where it does not say.
    pub hbar: Id,
}

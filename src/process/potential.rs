//! A quantum particle in a potential: `-(ħ²/2m) ψ'' + V(x) ψ = E ψ`.

use super::diffusion::State;
use super::frame::Frame;
use crate::expr::Id;

/// A quantum potential V(x): levels of -(ħ²/2m) ψ″ + V ψ = E ψ.
#[derive(Debug, Clone)]
pub struct Potential {
    pub frame: Frame,
    pub state: State,
    pub potential: Id,
    /// In the parameters, as is `hbar`.
    pub mass: Id,
    pub hbar: Id,
}

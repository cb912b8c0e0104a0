//! The Schrödinger form. So far: bound states of a particle in a potential.

mod bound_states;
#[cfg(test)]
mod tests;

pub use bound_states::{BoundStates, bound_states};

use super::{Asked, Form, Solved};
use crate::base::Result;
use crate::process::Diffusion;

/// Why this form does not answer a diffusion; `None` where it does.
pub(super) fn why_not(_: &Diffusion) -> Option<String> {
    Some("diffusions by their spectrum come later".to_string())
}

pub(super) fn solve(asked: &Asked) -> Result<Solved> {
    Err(Form::Schroedinger.unavailable(asked.model, "diffusions by their spectrum come later"))
}

//! The Schrödinger form. So far: bound states of a particle in a potential.

mod bound_states;
#[cfg(test)]
mod tests;

pub use bound_states::{BoundStates, bound_states};

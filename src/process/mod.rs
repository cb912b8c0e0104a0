//! What moves: stochastic processes as values, apart from how they are posed or solved.
//!
//! Built so far: one-dimensional Itô diffusions. A process is expressions in a [`crate::expr::Pool`]; it knows no
//! numbers for its parameters, no data and no algorithm.

mod diffusion;
mod law;

pub use diffusion::{Boundary, Coefficients, Diffusion, State, symbol};
pub use law::{ClosedLaw, LawClaim};

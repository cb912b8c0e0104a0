//! Master equations: of a network exactly, by finite state projection ([`project`]); of a diffusion on a lattice (`diffusion`), also on
//! nodes of the caller's ([`on_nodes`]), with ends and jumps (`chain`).
//!
//! Networks: a window of rows that moves with the probability (`window`, `layout`, `product`), or a cloud of states where there are
//! events (`flow`, `space`), or the contour integral of a long line (`line`); laws that stand still ([`stationary`]) and times until a
//! count is reached ([`mean_first_passage`], [`first_passage_law`]). Slopes of the probabilities in the parameters: [`sensitivities`].

#[cfg(test)]
mod bound_tests;
mod chain;
mod coordinates;
mod diffusion;
mod driver;
mod elimination;
mod first_passage;
mod flow;
mod krylov;
#[cfg(test)]
mod krylov_tests;
#[cfg(test)]
mod lattice_tests;
mod layout;
mod line;
mod network;
mod nodes;
#[cfg(test)]
mod nodes_tests;
mod outlook;
#[cfg(test)]
mod outlook_tests;
mod passage_law;
mod product;
mod sensitivity;
#[cfg(test)]
mod sensitivity_tests;
mod series;
mod snapshot;
mod space;
mod stationary;
#[cfg(test)]
mod tests;
mod window;

pub(super) use diffusion::{solve, why_no_lattice};
pub use first_passage::mean_first_passage;
pub(super) use flow::poisson_weights;
pub(super) use network::why_not;
pub use network::{MOST_STATES, Projection, project};
pub use nodes::{NodeLaw, Nodes, on_nodes};
pub use passage_law::{PassageLaw, first_passage_law};
pub use sensitivity::{SnapshotWithSlopes, sensitivities};
pub use snapshot::Snapshot;
pub use stationary::{stationary, stationary_at};

//! Expressions: text → shared graph → symbolic derivative → tape over blocks of states.
//!
//! A [`Pool`] holds every expression of one model as a graph in which equal sub-expressions are one node, so common
//! sub-expressions are shared for free, through any order of derivative. A [`Tape`] is the compiled form; it runs over
//! blocks of states without allocation or branching per state. [`Pool::eval`] is the plain evaluator kept as oracle.
//!
//! This room knows nothing of drift, diffusion or parameters: only of named symbols.

mod derive;
mod parse;
mod pool;
mod print;
mod tape;

pub use pool::{Binary, Id, Node, Pool, Unary};
pub use tape::{LANES, Scratch, Tape};

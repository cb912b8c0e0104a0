//! Expressions: text → shared graph → symbolic derivative → tape over blocks of states.
//!
//! A [`Pool`] holds every expression of one model as a graph in which equal sub-expressions are one node, so common
//! sub-expressions are shared for free, through any order of derivative. A [`Tape`] is the compiled form; it runs over
//! blocks of states without allocation or branching per state. [`Pool::eval`] is the plain evaluator kept as oracle.
//!
//! ```
//! use kramers::expr::{Pool, Scratch, Tape};
//!
//! let mut pool = Pool::new(["x", "kappa", "theta"]);
//! let drift = pool.parse("kappa*(theta - x)", "my.toml")?;
//! let slope = pool.derivative(drift, 0);
//! assert_eq!((pool.print(slope).as_str(), pool.unicode(drift).as_str()), ("-kappa", "κ·(θ − x)"));
//!
//! let tape = Tape::compile(&pool, &[drift], &[0]);
//! let mut out = [0.0; 3];
//! tape.run(&[f64::NAN, 2.0, 1.0], &[&[0.0, 1.0, 2.0]], &mut [&mut out], &mut Scratch::default());
//! assert_eq!(out, [2.0, 0.0, -2.0]);
//! # Ok::<(), kramers::base::Error>(())
//! ```
//!
//! This room knows nothing of drift, diffusion or parameters: only of named symbols.

mod algebra;
mod call;
mod compile;
mod derive;
mod glyphs;
mod jet;
mod lanes;
mod layout;
mod lower;
mod mathml;
mod mistake;
mod op;
mod parse;
mod pool;
mod print;
#[cfg(test)]
mod properties;
mod rewrite;
mod tape;
mod unicode;

pub use op::{Binary, Unary};
pub use pool::{Id, Node, Pool};
pub use tape::{LANES, Scratch, Tape};

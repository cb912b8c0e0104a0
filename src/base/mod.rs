//! The ground floor: values every other room speaks in. Series and their clocks, transforms, named parameters,
//! seeds, arithmetic that is the same on every machine, and errors that carry a hint.
//!
//! Nothing here knows a model, a file or a terminal.

pub mod dispatch;
pub mod error;
pub mod findings;
pub(crate) mod hints;
pub mod limits;
pub mod math;
mod mend;
pub mod order;
pub mod params;
pub mod rng;
pub mod series;
pub mod sobol;
pub mod suggest;
pub mod text;
pub mod transform;

pub use error::{Error, Result};
pub use findings::Finding;
pub use limits::Limit;
pub use order::sort_floats;
pub use params::{Coordinate, Param, Params};
pub use rng::{Purpose, Seed, Stream};
pub use series::{Clock, ClockKind, Series, Stamp};
pub use transform::Transform;

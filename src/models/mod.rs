//! The registry of models and the reader of model files: bytes in, [`Model`] out, no file access.
//!
//! Built-in models are the files of `models/`, embedded at build; a user's file is read by the same code.

mod annotate;
mod card;
mod equation;
mod observed;
mod read;
mod registry;
mod write;
#[cfg(test)]
mod write_tests;

pub use annotate::annotate;
pub use card::{Model, Observation};
pub use read::{read, to_toml};
pub use registry::{built_in, built_in_ids, built_in_text};
pub use write::write;

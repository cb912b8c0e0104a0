//! kramers
pub mod base;
#[cfg(feature = "data")]
pub mod data;
pub mod expr;
pub mod fit;
pub mod form;
pub mod models;
pub mod predictive;
pub mod process;
#[cfg(feature = "report")]
pub mod report;
pub mod stats;

//! kramers
pub mod backtest;
pub mod base;
pub mod baseline;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "data")]
pub mod data;
pub mod expr;
pub mod fit;
pub mod forecast;
pub mod form;
pub mod models;
pub mod predictive;
pub mod process;
#[cfg(feature = "report")]
pub mod report;
pub mod stats;

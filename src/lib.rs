//! kramers
pub mod base;
pub mod expr;
pub mod form;
pub mod models;
pub mod predictive;
pub mod process;

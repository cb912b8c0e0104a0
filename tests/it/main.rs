//! The one integration binary: each more would link polars again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)] // Tests may panic, and use the platform as an oracle.

mod compare;
mod contract;
mod determinism;
mod discover;
mod examples;
mod faults;
mod first_hour;
mod fitted_pages;
mod forecasts;
mod forms;
mod guide;
mod honesty;
mod hostile;
mod kramers_moyal;
mod language;
mod learning;
mod mistakes;
mod panel;
mod reference_fits;
mod reference_values;
mod refusals;
mod report;
mod run;
mod schema;
mod scores;
mod soak;
mod tidy;
mod whole_job;

//! **kramers**: a stochastic process is written down once, as text, and answered in several forms; everything after that
//! sees only a predictive distribution.
//!
//! ```text
//! CSV ─▶ Series ──────────────────┐
//!                                 ├─▶ Fit ─▶ Forecast ─▶ Backtest ─▶ Report (HTML · CSV · JSON)
//! models/*.toml ─▶ Process ─▶ Form ─▶ Predictive
//! ```
//!
//! # A tour
//!
//! A model is a text; its law at a later time can be asked of several forms, which agree:
//!
//! ```
//! use kramers::base::{Purpose, Seed};
//! use kramers::form::{Accuracy, Form, Question, laws};
//! use kramers::models::built_in;
//!
//! let cir = built_in("cir")?;
//! let question = Question {
//!     theta: &[1.0, 0.5, 0.4], // kappa, theta, sigma
//!     start: &[0.3],
//!     t0: 0.0,
//!     times: &[0.25, 2.0],
//!     accuracy: Accuracy::default(),
//!     key: Seed(1).key(Purpose::Forecast, 0, 0),
//! };
//! let exact = laws(&cir, Form::Exact, &question)?;
//! let grid = laws(&cir, Form::FokkerPlanck, &question)?;
//! for (e, g) in exact.iter().zip(&grid) {
//!     assert!((e.quantile(0.95) - g.quantile(0.95)).abs() < 1e-4);
//! }
//! # Ok::<(), kramers::base::Error>(())
//! ```
//!
//! Its parameters are learnt from a series, and a fit says whether to believe it:
//!
//! ```
//! use kramers::base::{Clock, ClockKind, Purpose, Seed, Series, Transform};
//! use kramers::fit::{Observed, Settings, Status, fit};
//! use kramers::models::built_in;
//!
//! let mut stream = Seed(7).key(Purpose::Simulation, 0, 0).stream(0);
//! let mut x = 1.0;
//! let value: Vec<f64> = (0..400).map(|_| { x += 0.1 * (2.0 - x) + 0.2 * stream.normal(); x }).collect();
//! let series = Series {
//!     id: "demo".into(),
//!     value_name: "x".into(),
//!     time: (0..400).map(f64::from).collect(),
//!     value,
//!     stamps: None,
//!     clock: Clock { kind: ClockKind::Plain, unit: "min".into(), step: 1.0 },
//! };
//! let ou = built_in("ou")?;
//! let fit = fit(&ou, &Observed::of(&series, Transform::None, &ou)?, &Settings::default())?;
//! assert_eq!(fit.status, Status::Converged);
//! assert!((fit.theta[1] - 2.0).abs() < 4.0 * fit.params[1].se.unwrap());
//! # Ok::<(), kramers::base::Error>(())
//! ```
//!
//! # Rooms
//!
//! Imports run one way: `base ← expr ← process ← models ← predictive ← stats ← form ← filter ← fit ← contract ← {baseline, discover} ← forecast ← backtest
//! ← tune ← report ← cli`, and `data → base`. `ARCHITECTURE.md` has the map and the invariants.
//!
//! Features `data` (CSV, with polars), `report` (HTML) and `cli` (the program) are on by default; the mathematics builds
//! and tests without them.
#![warn(missing_docs)]
// Tests may use the platform's arithmetic as an oracle.
#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod backtest;
pub mod base;
pub mod baseline;
#[cfg(feature = "cli")]
pub mod cli;
pub mod contract;
#[cfg(feature = "data")]
pub mod data;
pub mod discover;
pub mod expr;
pub mod filter;
pub mod fit;
pub mod forecast;
pub mod form;
pub mod models;
pub mod predictive;
pub mod process;
#[cfg(feature = "report")]
pub mod report;
pub mod stats;
pub mod tune;

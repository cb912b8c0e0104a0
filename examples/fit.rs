//! Fit a model to a series, and read whether to believe it.
//!
//! ```text
//! cargo run --release --example fit
//! ```

use kramers::base::{Error, Transform};
use kramers::data::{LoadOptions, load};
use kramers::fit::{Observed, Settings, Status, fit};
use kramers::models::built_in;

/// Readings of a chemical process every two hours (Box & Jenkins, Series A).
const DATA: &[u8] = include_bytes!("../data/chemical-process.csv");

pub fn main() -> Result<(), Error> {
    let loaded = load("chemical-process.csv", DATA, &LoadOptions::default())?;
    let series = &loaded.series[0];
    let ou = built_in("ou")?;
    let fit = fit(&ou, &Observed::of(series, Transform::None, &ou)?, &Settings::default())?;
    println!("{} of {} rows: {}, by the {} form", ou.title, series.len(), fit.status, fit.form.name());
    for p in &fit.params {
        println!("{:6} {:8.4} ± {:.4} {}", p.name, p.estimate, p.se.unwrap_or(f64::NAN), p.unit);
    }
    // A status is part of the answer: an optimum that was not reached is no estimate.
    assert_eq!(fit.status, Status::Converged);
    Ok(())
}

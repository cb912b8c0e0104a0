//! A fitted model's law at later times: not a number, a distribution.
//!
//! ```text
//! cargo run --release --example forecast
//! ```

use kramers::base::{Error, Transform};
use kramers::data::{LoadOptions, load};
use kramers::fit::Settings;
use kramers::forecast::ModelForecaster;
use kramers::models::built_in;

const DATA: &[u8] = include_bytes!("../data/chemical-process.csv");

pub fn main() -> Result<(), Error> {
    let loaded = load("chemical-process.csv", DATA, &LoadOptions::default())?;
    let series = &loaded.series[0];
    let forecaster = ModelForecaster::new(built_in("ou")?, Transform::None, Settings::default());
    let fitted = forecaster.fit_model(series, None)?;
    let (times, _) = series.ahead(5);
    let laws = fitted.predict_levels(series, &times, 0)?;
    println!("hours  median  80 % interval");
    for (t, law) in times.iter().zip(&laws) {
        println!("{t:5}  {:6.2}  {:.2} to {:.2}", law.quantile(0.5), law.quantile(0.1), law.quantile(0.9));
    }
    // What is not known grows with the distance.
    let width = |k: usize| laws[k].quantile(0.9) - laws[k].quantile(0.1);
    assert!(width(4) > width(0));
    Ok(())
}

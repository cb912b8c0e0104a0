//! A model on rolling origins beside the baselines it must beat.
//!
//! ```text
//! cargo run --release --example backtest
//! ```

use kramers::backtest::{Plan, Refit, Scores, Split, backtest};
use kramers::base::{Error, Seed, Transform};
use kramers::baseline::baseline;
use kramers::data::{LoadOptions, load};
use kramers::fit::Settings;
use kramers::forecast::ModelForecaster;
use kramers::models::built_in;
use kramers::predictive::Forecaster;

const DATA: &[u8] = include_bytes!("../data/chemical-process.csv");

pub fn main() -> Result<(), Error> {
    let loaded = load("chemical-process.csv", DATA, &LoadOptions::default())?;
    let series = &loaded.series[0];
    // The last fifth is held out; five rows ahead from every second row, fitted again every ten windows.
    let plan = Plan::new(series, Split::Share(0.2), 5, 2, Refit::Every(10))?;
    let train = series.slice(0, plan.first_test);
    let model = ModelForecaster::new(built_in("ou")?, Transform::None, Settings::default());
    let naive: Vec<Box<dyn Forecaster>> = ["random-walk", "climatology"]
        .iter()
        .filter_map(|name| baseline(name, &train, Transform::None, Seed(1)))
        .collect();
    let mut all: Vec<&dyn Forecaster> = vec![&model];
    all.extend(naive.iter().map(Box::as_ref));
    let result = backtest(series, Transform::None, &all, &plan, &|| (), None)?;
    assert!(result.failures().next().is_none());
    println!("{} windows on the last {} rows\n", plan.windows(), series.len() - plan.first_test);
    for scores in &Scores::of(&result).pooled {
        let skill = scores.skill.map_or(String::new(), |s| format!("skill {:+.3} ± {:.3}", s.value, s.se));
        println!(
            "{:12} CRPS {:.4}  in 80 %: {:.0} %  {skill}",
            scores.model,
            scores.all.crps,
            100.0 * scores.all.coverage_80
        );
    }
    Ok(())
}

//! Which baselines a record is held against.

use super::{
    Autoregressive, Climatology, Ewma, Garch, GarchForecaster, RandomWalk, SeasonalNaive, Smoothing, require_even,
    season_of,
};
use crate::base::{Seed, Series, Transform};
use crate::predictive::Forecaster;

/// Training rows from which the baselines that estimate more than two numbers are worth having.
const ENOUGH: usize = 100;

/// Every baseline, by the names they are asked for.
pub const BASELINES: [&str; 10] =
    ["random-walk", "climatology", "seasonal-naive", "ewma", "ar", "smoothing", "garch", "garch-t", "gjr", "gjr-t"];

/// The baseline of this name; `None` for a name that is none, and for `seasonal-naive` where the record's step has no season by custom.
pub fn baseline(name: &str, train: &Series, transform: Transform, seed: Seed) -> Option<Box<dyn Forecaster>> {
    Some(match name {
        "random-walk" => Box::new(RandomWalk { transform }),
        "climatology" => Box::new(Climatology { transform }),
        "seasonal-naive" => Box::new(SeasonalNaive { transform, period: season_of(train)? }),
        "ewma" => Box::new(Ewma { transform }),
        "ar" => Box::new(Autoregressive { transform }),
        "smoothing" => Box::new(Smoothing { transform }),
        _ => {
            let model = Garch::ALL.into_iter().find(|model| model.name() == name)?;
            Box::new(GarchForecaster { model, transform, seed })
        }
    })
}

/// The baselines a record is held against unless others are asked for: the random walk and climatology always; of a hundred evenly spaced
/// rows or more also autoregression, smoothing, `ewma`, `garch` and `gjr-t`, and a season where there is one by custom.
pub fn usual(train: &Series, transform: Transform, seed: Seed) -> Vec<Box<dyn Forecaster>> {
    let is_regular = train.len() >= ENOUGH && require_even(train, "").is_ok();
    let names: &[&str] = match is_regular {
        true => &["random-walk", "climatology", "seasonal-naive", "ewma", "ar", "smoothing", "garch", "gjr-t"],
        false => &["random-walk", "climatology"],
    };
    names.iter().filter_map(|name| baseline(name, train, transform, seed)).collect()
}

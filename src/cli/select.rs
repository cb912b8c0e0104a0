//! Plans and candidate models from the flags.

use super::args::{DataArgs, EstimateArgs, PlanArgs};
use super::input::{read_observed_model, settings};
use super::output::Output;
use crate::backtest::{Plan, Refit, Split};
use crate::base::{Error, Limit, Result, Series, Transform};
use crate::data::Splits;
use crate::fit::Settings;
use crate::forecast::{ModelForecaster, Parameters};
use crate::models::{built_in, built_in_ids};

/// Rows ahead that are looked at unless the user says otherwise.
const HORIZON: usize = 20;
/// Most windows of a backtest unless the user says otherwise.
const WINDOWS: usize = 250;
/// Fits of a backtest unless the user says otherwise.
const FITS: usize = 8;

/// The backtest's plan for one series.
pub(super) fn plan(series: &Series, args: &PlanArgs) -> Result<Plan> {
    let split = split(&args.test)?;
    let held_out = series.len() - first_test(series, &args.test)?;
    let horizon = args.horizon.unwrap_or_else(|| HORIZON.min(held_out / 5).max(1));
    let step = args.step.unwrap_or_else(|| held_out.div_ceil(WINDOWS));
    let refit = match args.refit.as_deref() {
        None => Refit::Every(held_out.div_ceil(step.max(1)).div_ceil(FITS).max(1)),
        Some("every") => Refit::EveryWindow,
        Some("never") => Refit::Never,
        Some("1") => Refit::EveryWindow,
        Some(text) => match text.parse::<usize>() {
            Ok(k) => Refit::Every(k),
            Err(_) => {
                return Err(Error::BadOption {
                    flag: "--refit".to_string(),
                    value: text.to_string(),
                    expected: "one of every, never, or a number of windows".to_string(),
                    hint: Some("--refit 10 fits again every ten windows".to_string()),
                });
            }
        },
    };
    let plan = Plan::new(series, split, horizon, step, refit)?.learning(args.window, args.embargo)?;
    Limit::Forecasts.require(plan.windows() as f64 * plan.horizons.len() as f64, &series.id)?;
    Ok(plan)
}

/// First held-out row of a series, or why it cannot be split.
pub(super) fn first_test(series: &Series, test: &str) -> Result<usize> {
    Plan::new(series, split(test)?, 1, 1, Refit::Never).map(|plan| plan.first_test)
}

/// The one cleaning rule that reaches back from later rows has no place where rows are held out.
///
/// # Errors
/// [`Error::BadOption`].
pub(super) fn refuse_leaking_rules(data: &DataArgs) -> Result<()> {
    if data.clean.splits != Splits::Adjust {
        return Ok(());
    }
    Err(Error::BadOption {
        flag: "--clean".to_string(),
        value: "splits=adjust".to_string(),
        expected: "it rescales rows before a split by what came later, which a backtest must not see".to_string(),
        hint: Some(
            "adjust the file first, use an adjusted column (--value 'Adj Close'), or --clean splits=keep".to_string(),
        ),
    })
}

/// `20%`, `0.2`, `250` or `2019-01-01`.
fn split(text: &str) -> Result<Split> {
    let share = text.strip_suffix('%').and_then(|t| t.trim().parse::<f64>().ok()).map(|p| p / 100.0);
    if let Some(share) = share {
        return Ok(Split::Share(share));
    }
    if let Ok(rows) = text.parse::<usize>() {
        return Ok(Split::Rows(rows));
    }
    if let Ok(share) = text.parse::<f64>() {
        return Ok(Split::Share(share));
    }
    let full = if text.len() == 7 { format!("{text}-01") } else { text.to_string() };
    match chrono::NaiveDate::parse_from_str(&full, "%Y-%m-%d") {
        Ok(date) => Ok(Split::Date(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())),
        Err(_) => Err(Error::BadOption {
            flag: "--test".to_string(),
            value: text.to_string(),
            expected: "a share, a number of rows, or a date".to_string(),
            hint: Some("--test 20%, --test 250 or --test 2019-01-01".to_string()),
        }),
    }
}

/// A model by its name, with what its forecasts are made of.
///
/// # Errors
/// What the reading of the model refuses.
pub(super) fn own(
    name: &str,
    transform: Transform,
    settings: &Settings,
    parameters: Parameters,
    output: &Output,
) -> Result<ModelForecaster> {
    let model = read_observed_model(name, output)?;
    Ok(ModelForecaster { parameters, ..ModelForecaster::new(model, transform, settings.clone()) })
}

/// The tag of models that are tried on every series whose values they hold.
const CANDIDATE: &str = "candidate";

/// The models asked for, or the built-in candidates.
pub(super) fn forecasters(
    models: &[String],
    data: &DataArgs,
    estimate: &EstimateArgs,
    seed: u64,
    output: &Output,
) -> Result<Vec<ModelForecaster>> {
    let settings = settings(estimate, seed)?;
    let models = if models.is_empty() {
        // Those worth trying on any series say so by a tag; the others are asked for by name.
        let all = built_in_ids().map(built_in).collect::<Result<Vec<_>>>()?;
        all.into_iter().filter(|m| m.tags.iter().any(|t| t == CANDIDATE)).collect()
    } else {
        models.iter().map(|name| read_observed_model(name, output)).collect::<Result<Vec<_>>>()?
    };
    Ok(models.into_iter().map(|m| ModelForecaster::new(m, data.transform, settings.clone())).collect())
}

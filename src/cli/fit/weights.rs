//! `--weight COL`: how much each row of a fit counts.

use crate::base::{Error, Result, Series};
use crate::cli::args::{DataArgs, FitArgs};
use crate::cli::input::read_points;
use crate::cli::output::Output;

/// Weights of the steps of one series, each that of the row it begins at.
///
/// # Errors
/// [`Error::BadOption`] where a row has no weight, or one that is not positive.
pub(super) fn of_steps(
    column: &str,
    args: &DataArgs,
    series: &Series,
    steps: usize,
    output: &Output,
) -> Result<Vec<f64>> {
    let wrong = |why: String| Error::BadOption {
        flag: "--weight".to_string(),
        value: column.to_string(),
        expected: why,
        hint: Some("give every row a positive number, 1 where it counts as any other".to_string()),
    };
    if args.input == "-" {
        return Err(wrong("a second column is read from a file: save the stream first".to_string()));
    }
    let read = match read_points(&DataArgs { value: Some(column.to_string()), ..args.clone() }, &output.silent()) {
        // As data a column that never moves says nothing; as weights it says that all rows are alike.
        Err(Error::Constant { value, .. }) if value > 0.0 => return Ok(vec![value; steps]),
        read => read?,
    };
    let all = &read.loaded.series;
    let same = all.iter().find(|other| other.id == series.id || all.len() == 1);
    let Some(weights) = same else { return Err(wrong(format!("series {} has no such column", series.id))) };
    let key = |s: &Series, i: usize| s.stamps.as_ref().map_or(s.time[i].to_bits() as i64, |stamps| stamps[i]);
    let known: std::collections::HashMap<i64, f64> =
        (0..weights.len()).map(|i| (key(weights, i), weights.value[i])).collect();
    // Transforms that difference take a row from the front.
    let first = series.len() - steps - 1;
    (first..first + steps)
        .map(|i| match known.get(&key(series, i)) {
            Some(w) if *w > 0.0 => Ok(*w),
            Some(w) => Err(wrong(format!("row {} of series {} has the weight {w}", i + 1, series.id))),
            None => Err(wrong(format!("row {} of series {} has no weight", i + 1, series.id))),
        })
        .collect()
}

/// # Errors
/// [`Error::BadOption`] where weights were asked for and mean nothing.
pub(super) fn refuse(args: &FitArgs, what: &str) -> Result<()> {
    match &args.weight {
        None => Ok(()),
        Some(column) => Err(Error::BadOption {
            flag: "--weight".to_string(),
            value: column.clone(),
            expected: format!("steps of one series, or mean curves; {what} take no weights"),
            hint: Some("leave --weight out".to_string()),
        }),
    }
}

//! What a run saw of a series, kept in its document, so that later rows can be told from other data.

use super::args::{ClockArg, DataArgs};
use crate::base::rng::word_of;
use crate::base::series::format_stamp;
use crate::base::{ClockKind, Error, Result, Series};
use serde_json::{Value, json};
use std::fmt::Write as _;

fn label(series: &Series, row: usize) -> String {
    series.stamps.as_ref().map_or_else(|| series.time[row].to_string(), |stamps| format_stamp(stamps[row]))
}

/// A fingerprint of the first `rows` rows: their times and values, to the last bit.
fn fingerprint(series: &Series, rows: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{},{}", label(series, row), series.value[row]);
    }
    format!("{:016x}", word_of(&text))
}

/// The record of a series: what it was called, how many rows it had, where they began and ended.
pub(super) fn record(series: &Series) -> Value {
    let last = series.len().saturating_sub(1);
    json!({
        "id": series.id, "rows": series.len(), "clock": series.clock,
        "first": label(series, 0), "last": label(series, last), "last_value": series.value[last],
        "fingerprint": fingerprint(series, series.len()),
    })
}

/// Read the clock of a record's run into what the user left open.
pub(super) fn adopt_clock(record: &Value, data: &mut DataArgs) {
    if data.clock.is_some() || data.dt.is_some() {
        return;
    }
    let clock = &record["clock"];
    if clock["kind"] == json!(ClockKind::Business) {
        data.clock = Some(ClockArg::Business);
    } else if clock["kind"] == json!(ClockKind::Calendar) {
        data.clock = Some(ClockArg::Calendar);
    } else if clock["kind"] == json!(ClockKind::Fixed) {
        data.dt = clock["step"].as_f64();
    }
}

/// How many rows a series has beyond those of a record.
///
/// # Errors
/// [`Error::BadOption`] where it is not the same series going on, with what differs.
pub(super) fn new_rows(series: &Series, record: &Value, file: &str) -> Result<usize> {
    let differs = |expected: String, hint: String| {
        Err(Error::BadOption { flag: "ROWS".to_string(), value: file.to_string(), expected, hint: Some(hint) })
    };
    let refit = "fit anew: kramers forecast DATA -m MODEL".to_string();
    let Some(rows) = record["rows"].as_u64().map(|rows| rows as usize) else {
        return differs("the run does not say which rows it saw".to_string(), refit);
    };
    let text = |key: &str| record[key].as_str().unwrap_or_default().to_string();
    let id = &series.id;
    let unit = record["clock"]["unit"].as_str().unwrap_or_default();
    if unit != series.clock.unit {
        let expected = format!(
            "'{id}' counts time in '{}' here, and the parameters of the run are in '{unit}'",
            series.clock.unit
        );
        return differs(expected, "give the --clock, --dt and --time of the run".to_string());
    }
    if label(series, 0) != text("first") {
        let expected = format!("'{id}' begins at {} here, and in the run at {}", label(series, 0), text("first"));
        return differs(expected, format!("give the rows from there on: --since {}", text("first")));
    }
    if series.len() < rows {
        let expected = format!("'{id}' has {} rows here, and the run saw {rows}", series.len());
        return differs(expected, "give a file with the rows of the run and those that came since".to_string());
    }
    let at = rows.saturating_sub(1);
    let last = (label(series, at), series.value[at]);
    let was = (text("last"), record["last_value"].as_f64().unwrap_or(f64::NAN));
    if last != was {
        let expected =
            format!("row {rows} of '{id}' is {} = {} here, and was {} = {} in the run", last.0, last.1, was.0, was.1);
        return differs(expected, refit);
    }
    if fingerprint(series, rows) != text("fingerprint") {
        let expected =
            format!("the first {rows} rows of '{id}' are not those the run saw, though they begin and end alike");
        return differs(expected, refit);
    }
    Ok(series.len() - rows)
}

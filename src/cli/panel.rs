//! Several columns of a file as one record: `--value x,v` or `--value x=COL,v=COL`.

use super::args::DataArgs;
use super::input::{Data, read_data};
use super::output::Output;
use crate::base::{Error, Result, Series};
use crate::filter::Observations;
use std::collections::BTreeMap;

/// Readings of one series on common times.
pub(super) struct Panel {
    pub id: String,
    pub unit: String,
    pub observations: Observations,
}

impl Panel {
    /// The rows in which nothing is missing, `[reading][row]`, their times, and how many rows were left out.
    pub fn complete(&self) -> (Vec<f64>, Vec<Vec<f64>>, usize) {
        let Observations { times, values } = &self.observations;
        let whole: Vec<usize> = (0..times.len()).filter(|i| values.iter().all(|column| column[*i].is_some())).collect();
        let take = |column: &Vec<Option<f64>>| whole.iter().filter_map(|i| column[*i]).collect();
        let left_out = times.len() - whole.len();
        (whole.iter().map(|i| times[*i]).collect(), values.iter().map(take).collect(), left_out)
    }
}

/// The columns of `names`, in their order: as `--value` says, or those called so.
pub(super) fn read_panels(args: &DataArgs, names: &[String], output: &Output) -> Result<(Data, Vec<Panel>)> {
    let columns = columns(args.value.as_deref(), names)?;
    if args.input == "-" && columns.len() > 1 {
        return Err(Error::BadOption {
            flag: "DATA".to_string(),
            value: "-".to_string(),
            expected: "several columns are read from a file".to_string(),
            hint: Some("save the stream to a file first".to_string()),
        });
    }
    let mut read = Vec::new();
    for (k, column) in columns.iter().enumerate() {
        let one = DataArgs { value: column.clone(), ..args.clone() };
        // What is inferred of the file is said once.
        let said = if k > 0 { &output.silent() } else { output };
        // A column called as the reading is it; else the one that the file leaves no doubt about.
        let named = DataArgs { value: Some(names[k].clone()), ..args.clone() };
        read.push(match (column, read_data(&named, &output.silent())) {
            (None, Ok(_)) => read_data(&named, said)?,
            _ => read_data(&one, said)?,
        });
    }
    let mut panels = Vec::new();
    for first in &read[0].loaded.series {
        // Without a column of ids a series is called by its column.
        let alone = read.iter().all(|data| data.loaded.series.len() == 1);
        let of = |data: &'_ Data| data.loaded.series.iter().position(|other| alone || other.id == first.id);
        let same: Option<Vec<&Series>> = read.iter().map(|data| Some(&data.loaded.series[of(data)?])).collect();
        let Some(same) = same else { continue };
        panels.push(Panel { id: first.id.clone(), unit: first.clock.unit.clone(), observations: joined(&same) });
    }
    let first = read.swap_remove(0);
    Ok((first, panels))
}

/// The column of each name; `None` where the file has only one to take.
fn columns(given: Option<&str>, names: &[String]) -> Result<Vec<Option<String>>> {
    let wrong = |value: &str, why: String| Error::BadOption {
        flag: "--value".to_string(),
        value: value.to_string(),
        expected: why,
        hint: Some(format!("--value {}", names.iter().map(|n| format!("{n}=COLUMN")).collect::<Vec<_>>().join(","))),
    };
    let Some(given) = given else {
        return Ok(match names {
            [_] => vec![None],
            several => several.iter().cloned().map(Some).collect(),
        });
    };
    let parts: Vec<&str> = given.split(',').map(str::trim).collect();
    if parts.len() != names.len() {
        return Err(wrong(given, format!("{} columns, of {}", names.len(), names.join(", "))));
    }
    let mut columns = vec![None; names.len()];
    for (k, part) in parts.iter().enumerate() {
        let (place, column) = match part.split_once('=') {
            None => (k, *part),
            Some((name, column)) => match names.iter().position(|n| n == name.trim()) {
                Some(place) => (place, column.trim()),
                None => return Err(wrong(part, format!("the model is seen through {}", names.join(", ")))),
            },
        };
        columns[place] = Some(column.to_string());
    }
    Ok(columns)
}

/// All rows of several series of one file on common times; dates tell rows of different columns together, times else.
fn joined(series: &[&Series]) -> Observations {
    // A row of a file is known by its date, else by its time. Times run from each column's own first row.
    let key = |s: &Series, i: usize| -> i64 {
        match &s.stamps {
            Some(stamps) => stamps[i],
            None => ordered(s.time[i]),
        }
    };
    let mut rows: BTreeMap<i64, (f64, Vec<Option<f64>>)> = BTreeMap::new();
    for (k, s) in series.iter().enumerate() {
        let shift = (0..s.len()).find_map(|i| rows.get(&key(s, i)).map(|(time, _)| time - s.time[i])).unwrap_or(0.0);
        for i in 0..s.len() {
            let row = rows.entry(key(s, i)).or_insert_with(|| (s.time[i] + shift, vec![None; series.len()]));
            row.1[k] = Some(s.value[i]);
        }
    }
    let times = rows.values().map(|r| r.0).collect();
    let values = (0..series.len()).map(|k| rows.values().map(|r| r.1[k]).collect()).collect();
    Observations { times, values }
}

/// Bits that are ordered as the numbers are.
fn ordered(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

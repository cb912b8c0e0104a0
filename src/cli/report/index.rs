//! The list of all reports in a folder of reports, written anew with every report.

use crate::base::{Limit, Result};
use crate::cli::files::{Turn, write_whole};
use crate::cli::json;
use crate::cli::output::Output;
use crate::cli::values::VERSION;
use crate::report::{INDEX_MARK, IndexRow, index_html};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder that reports stand in unless the user says otherwise.
pub(super) const REPORTS: &str = "reports";
/// Write `index.html` beside the folder of a report, where that is a folder of reports: one of that name, or with a list of ours in it.
/// A page that somebody else put there is left as it is.
///
/// # Errors
/// [`crate::base::Error::FileUnwritable`].
pub(super) fn write(report: &Path, output: &Output) -> Result<Option<PathBuf>> {
    let Some(folder) = report.parent().filter(|p| !p.as_os_str().is_empty()) else { return Ok(None) };
    let path = folder.join("index.html");
    let there = std::fs::read_to_string(&path).ok();
    let ours = there.as_deref().is_some_and(|page| page.contains(INDEX_MARK));
    let named = folder.file_name().is_some_and(|name| name == REPORTS);
    if !ours && (!named || path.exists()) {
        if named {
            output.say(&format!("note: {} is no list of reports of ours and is left as it is", path.display()));
        }
        return Ok(None);
    }
    // Of two reports that end at once, the later list has both.
    let _turn = Turn::wait(folder);
    let (rows, unread) = rows(folder);
    write_whole(&path, &index_html(&rows, unread, VERSION).map_err(super::broken)?)?;
    Ok(Some(path))
}

/// Every folder with a report in it, and how many had a `run.json` that could not be read as one of a report.
fn rows(folder: &Path) -> (Vec<IndexRow>, usize) {
    let (mut rows, mut unread) = (Vec::new(), 0);
    let Ok(entries) = std::fs::read_dir(folder) else { return (rows, unread) };
    for entry in entries.filter_map(|e| e.ok()) {
        let run = entry.path().join("run.json");
        if !entry.path().join("index.html").is_file() || !run.is_file() {
            continue;
        }
        let small = run.metadata().is_ok_and(|m| Limit::DocumentBytes.allows(m.len() as f64));
        let read = || {
            let text = std::fs::read_to_string(&run).ok()?;
            let few = Limit::DocumentValues.allows(json::values(text.as_bytes()) as f64);
            few.then(|| serde_json::from_str::<Value>(&text).ok()).flatten()
        };
        let row = if small { read().and_then(|v| row(&entry.file_name().to_string_lossy(), &v)) } else { None };
        match row {
            Some(row) => rows.push(row),
            None => unread += 1,
        }
    }
    (rows, unread)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// What a document says of its report; none where it is of something else.
pub(in crate::cli) fn row(folder: &str, run: &Value) -> Option<IndexRow> {
    if run["schema"] != "kramers/report@1" {
        return None;
    }
    let series = run["series"].as_array()?;
    let mut models: Vec<String> = series.iter().map(|s| text(&s["chosen"])).collect();
    models.sort();
    models.dedup();
    let skills: Vec<(f64, f64)> = series.iter().filter_map(skill).collect();
    let (skill, verdict) = match series.as_slice() {
        [one] => (skills.first().copied(), text(&one["verdict"][1])),
        many => {
            let better = skills.iter().filter(|s| s.0 > 1.959964 * s.1).count();
            (None, format!("{} series; in {better} of them better than a random walk by more than chance.", many.len()))
        }
    };
    // Dates and numbers of one file are written alike; those of several series are of the first.
    let range = |end: &str| series.first().map_or(String::new(), |s| text(&s["range"][end]));
    let (first, last) = (range("first"), range("last"));
    Some(IndexRow { folder: folder.to_string(), model: models.join(", "), verdict, skill, first, last })
}

/// Skill of the chosen model of one series, pooled over horizons.
fn skill(series: &Value) -> Option<(f64, f64)> {
    let chosen =
        series["scores"].as_array()?.iter().find(|s| s["model"] == series["chosen"] && s["horizon"] == "all")?;
    let skill = &chosen["skill"]["random-walk"];
    Some((skill["value"].as_f64()?, skill["se"].as_f64()?))
}

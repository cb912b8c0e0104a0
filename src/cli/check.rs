//! `kramers check`: what is in a file and what cleaning would do.

use super::args::{CheckArgs, Common};
use super::input::look_at_data;
use super::output::{Folder, Output};
use super::table::{short, table};
use super::values::{VERSION, finding};
use super::{Outcome, select};
use crate::base::series::format_stamp;
use crate::base::{Result, Series, Transform};
use crate::stats;
use serde_json::json;

pub(super) fn run(args: &CheckArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let folder = Folder::asked(common)?;
    let data = look_at_data(&args.data, &output.hushed())?;
    let loaded = &data.loaded;
    let columns: Vec<Vec<String>> = loaded
        .columns
        .iter()
        .map(|c| {
            let kind = format!("{:?}", c.kind).to_lowercase();
            let shown = |v: &Option<String>| v.clone().unwrap_or_default();
            vec![
                c.name.clone(),
                kind,
                c.missing.to_string(),
                shown(&c.min),
                shown(&c.max),
                shown(&c.first),
                shown(&c.last),
            ]
        })
        .collect();
    let mut text =
        format!("{}: {} rows, {} used, {} dropped\n\n", data.file, loaded.rows, loaded.used, loaded.dropped());
    text.push_str(&table(&["column", "kind", "missing", "min", "max", "first", "last"], &columns));
    text.push_str("\nread as\n");
    for sentence in &loaded.inference {
        text.push_str(&format!("  {sentence}\n"));
    }
    text.push_str("\nseries\n");
    for s in &loaded.series {
        let span = match s.stamps.as_ref().and_then(|s| Some((*s.first()?, *s.last()?))) {
            Some((from, to)) => format!("{} to {}", format_stamp(from), format_stamp(to)),
            None => format!("{} to {}", short(s.time[0]), short(s.time[s.len() - 1])),
        };
        text.push_str(&format!(
            "  {}: {} rows, {span}, a row is {} {}\n",
            s.id,
            s.len(),
            short(s.clock.step),
            s.clock.unit
        ));
        text.push_str(&format!("    {}\n", held_out(s, &args.test)));
        if args.data.transform != Transform::None {
            text.push_str(&format!("    {}\n", transformed(s, args.data.transform)));
        }
    }
    text.push_str("\nfindings\n");
    if loaded.findings.is_empty() {
        text.push_str("  none\n");
    }
    for f in &loaded.findings {
        text.push_str(&format!("  {} {}: {}\n", f.count, f.rule, f.action));
    }
    output.text(&text);
    let document = json!({
        "schema": "kramers/check@1",
        "version": VERSION,
        "data": super::values::data(&data, args.data.transform.name()),
        "rows": loaded.rows,
        "used": loaded.used,
        "columns": loaded.columns,
        "series": loaded.series.iter().map(|s| json!({
            "id": s.id, "rows": s.len(), "time_unit": s.clock.unit, "clock": s.clock.kind, "step": s.clock.step,
            "from": s.time.first(), "to": s.time.last(), "regular": s.is_regular(),
            "first_test": select::first_test(s, &args.test).ok(),
        })).collect::<Vec<_>>(),
        "findings": loaded.findings.iter().map(finding).collect::<Vec<_>>(),
    });
    output.deliver(&document, folder.as_ref())?;
    Ok(if loaded.dropped() > 0 { Outcome::Flagged } else { Outcome::Good })
}

/// What a report would hold out of a series.
fn held_out(series: &Series, test: &str) -> String {
    match select::first_test(series, test) {
        Ok(first) => {
            let from = match &series.stamps {
                Some(stamps) => format_stamp(stamps[first]),
                None => short(series.time[first]),
            };
            format!("held out ({test}): the last {} rows, from {from}", series.len() - first)
        }
        Err(error) => format!("nothing held out: {error}"),
    }
}

/// What a transform makes of a series.
fn transformed(series: &Series, transform: Transform) -> String {
    match transform.apply(series) {
        Ok(z) => format!(
            "{}: {} values, mean {}, sd {}",
            z.value_name,
            z.len(),
            short(stats::mean(&z.value)),
            short(stats::sd(&z.value))
        ),
        Err(error) => error.to_string(),
    }
}

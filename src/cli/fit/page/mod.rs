//! The page of a fit, of whatever was fitted to what: a part for each fit, made of what all of them have, and of the sections of its kind.

mod conserved;
mod counts;
mod curves;
mod fields;
mod steps;

pub(in crate::cli) use conserved::{Seen, section};
pub(super) use counts::{of_complete, of_counts, of_snapshots};
pub(super) use curves::of_trajectories;
pub(in crate::cli) use curves::{CurveRows, of_curve};
pub(in crate::cli) use fields::{Rows, of_field};
pub(super) use steps::{Step, of_filter, of_several, of_states, of_steps};

use crate::base::{Error, Result};
use crate::cli::output::Folder;
use crate::cli::report::{card, command::command, row, write_figures};
use crate::cli::table::short;
use crate::cli::values::VERSION;
use crate::fit::{Estimate, Status};
use crate::models::Model;
use crate::report::{
    FittedPart, FittedSection, FittedTable, FittedView, ReportError, TableView, fitted_figures, fitted_html, fixed,
    p_is,
};
use serde_json::Value;

/// Half the width of a 95 % range, in standard deviations.
const POINT: f64 = 1.959964;

/// Write the page and the numbers of its figures beside `run.json`. `data` is the document's part on what was read.
pub(in crate::cli) fn write(
    folder: &Folder,
    model: &Model,
    parts: Vec<FittedPart>,
    data: &Value,
    seed: u64,
) -> Result<()> {
    let broken = |error: ReportError| Error::Numerics {
        what: "the page".to_string(),
        why: error.to_string(),
        hint: "this is a bug of kramers; --json gives the numbers without the page".to_string(),
    };
    let text = |key: &str| data[key].as_str().map_or_else(|| data[key].to_string(), str::to_string);
    let told = [("file", "name"), ("sha256", "sha256"), ("rows used", "used"), ("transform", "transform")];
    let known = told.into_iter().filter(|(_, key)| !data[*key].is_null());
    let mut provenance: Vec<(String, String)> = known.map(|(label, key)| (label.to_string(), text(key))).collect();
    let inferred = data["inference"].as_array().into_iter().flatten().filter_map(Value::as_str);
    provenance.extend(inferred.map(|sentence| ("inferred".to_string(), sentence.to_string())));
    provenance.extend([("seed".to_string(), seed.to_string()), ("kramers".to_string(), VERSION.to_string())]);
    let title = match parts.as_slice() {
        [one] => format!("{}: {}", model.title, one.id),
        _ => format!("{}: {}", model.title, text("name")),
    };
    let files = ["run.json", "figures.json"].map(str::to_string).to_vec();
    let view = FittedView {
        title,
        version: VERSION.to_string(),
        command: command(std::env::args()),
        provenance,
        parts,
        files,
    };
    write_figures(folder, &fitted_figures(&view), "panel")?;
    folder.write("index.html", &fitted_html(&view).map_err(broken)?)
}

/// What every fit can tell of itself.
struct Fitted<'a> {
    model: &'a Model,
    id: &'a str,
    params: &'a [Estimate],
    status: &'a Status,
    /// How many values of what, e.g. "250 transitions".
    of: String,
    transform: &'a str,
    /// The form or method that answered, and why.
    form: String,
    time_unit: &'a str,
    iterations: u64,
    /// Log-likelihood, AIC and BIC.
    likelihood: [Option<f64>; 3],
    /// What else is told under the estimates.
    facts: Vec<(String, String)>,
    /// What a test asks, and its p-value.
    tests: Vec<(String, f64)>,
    warnings: &'a [String],
}

/// The part of a page that every fit has, with the sections and tables of its kind.
fn part(of: Fitted, sections: Vec<FittedSection>, tables: Vec<FittedTable>) -> FittedPart {
    let model = of.model;
    let mut facts = vec![
        ("status".to_string(), of.status.to_string()),
        ("fitted to".to_string(), of.of.clone()),
        ("iterations".to_string(), of.iterations.to_string()),
    ];
    if let [Some(l), aic, bic] = of.likelihood {
        facts.push(("log-likelihood".to_string(), fixed(l, 4)));
        if let (Some(aic), Some(bic)) = (aic, bic) {
            facts.push(("AIC, BIC".to_string(), format!("{}, {}", fixed(aic, 2), fixed(bic, 2))));
        }
    }
    facts.extend(of.facts.clone());
    facts.extend(of.tests.iter().map(|(what, p)| (format!("test: {what}"), p_is(*p))));
    FittedPart {
        id: of.id.to_string(),
        verdict: vec![reached(&of), held(&of.tests), known(&of)],
        answers: answers(&of),
        model: card(model, of.transform, of.form.clone()),
        params: of.params.iter().map(|e| row(e, model, of.time_unit)).collect(),
        facts,
        // What has neither a figure nor a word of its own to say is left out.
        sections: sections.into_iter().filter(|s| !s.panels.is_empty() || !s.said.is_empty()).collect(),
        tables,
        warnings: of.warnings.to_vec(),
    }
}

/// Whether the search ended where it should.
fn reached(of: &Fitted) -> String {
    match of.status {
        Status::Converged => format!("The fit converged: {} to {}.", of.model.title, of.of),
        Status::AtBound(name) => format!(
            "The fit to {} ended with {name} on its bound: the data would have it beyond, and its interval is not to be had.",
            of.of
        ),
        Status::Flat(name) => {
            format!("The fit to {} cannot tell {name}: another value would fit as well.", of.of)
        }
        other => format!("The fit to {} did not converge ({other}): take no number here as an estimate.", of.of),
    }
}

/// Below this a p-value speaks against the model, divided by how many were looked at (Bonferroni).
const SPEAKS: f64 = 0.05;

fn worst(tests: &[(String, f64)]) -> Option<&(String, f64)> {
    tests.iter().filter(|t| t.1.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Whether what is left over looks as a right model would leave it.
fn held(tests: &[(String, f64)]) -> String {
    let n = tests.iter().filter(|t| t.1.is_finite()).count();
    match worst(tests) {
        None => "What is left over was not tested: there is too little of it, or it is of no law.".to_string(),
        Some((what, p)) if *p < SPEAKS / n as f64 => {
            format!("The residuals speak against the model: the test of \u{201c}{what}\u{201d} has {}.", p_is(*p))
        }
        Some((_, p)) if n == 1 => {
            format!("The residuals are as a right model would leave them, as far as one test can tell ({}).", p_is(*p))
        }
        Some((_, p)) => {
            format!("The residuals are as a right model would leave them: of {n} tests the smallest {}.", p_is(*p))
        }
    }
}

/// The parameter that is known least well.
fn known(of: &Fitted) -> String {
    let free = of.params.iter().filter(|p| !p.fixed);
    let share = |p: &&Estimate| p.se.map(|se| se / p.estimate.abs()).filter(|s| s.is_finite());
    let unknown: Vec<&str> = free.clone().filter(|p| p.se.is_none()).map(|p| p.name.as_str()).collect();
    let least = free.filter_map(|p| Some((p, share(&p)?))).max_by(|a, b| a.1.total_cmp(&b.1));
    match (least, unknown.as_slice()) {
        (None, []) => "No parameter was free.".to_string(),
        (None, _) => "How well the parameters are known cannot be said: they have no standard errors.".to_string(),
        (Some((p, share)), unknown) => {
            let ends = match (p.lower, p.upper) {
                (Some(low), Some(high)) => format!(", between {} and {} with 95 %", short(low), short(high)),
                _ => String::new(),
            };
            let none = if unknown.is_empty() {
                String::new()
            } else {
                format!(" There is no standard error of {}.", unknown.join(", "))
            };
            format!(
                "Least certain is {}: {} ± {:.0} %{ends}.{none}",
                p.name,
                short(p.estimate),
                (100.0 * share).max(1.0)
            )
        }
    }
}

/// Which model, how sure, does it hold, can it be done again.
fn answers(of: &Fitted) -> Vec<(String, String)> {
    let pair = |question: &str, answer: String| (question.to_string(), answer);
    let free = of.params.iter().filter(|p| !p.fixed).count();
    let n = of.tests.iter().filter(|t| t.1.is_finite()).count();
    let holds = match worst(&of.tests) {
        None => "It was not tested: see the figures.".to_string(),
        Some((_, p)) if *p < SPEAKS / n as f64 => "No: see the residuals before its numbers are used.".to_string(),
        Some(_) => format!("Nothing in {} test{} speaks against it.", n, if n == 1 { "" } else { "s" }),
    };
    let sure = match of.status {
        Status::Converged => "The intervals below are of 95 %, under this model.".to_string(),
        other => format!("Less than the intervals say: the fit is {other}."),
    };
    vec![
        pair(
            "Which model?",
            format!("{} ({}), {free} parameter{}.", of.model.title, of.model.id, if free == 1 { "" } else { "s" }),
        ),
        pair("How sure is it?", sure),
        pair("Does it hold?", holds),
        pair("Can I redo it?", format!("Yes: the command is below, under that question. kramers {VERSION}.")),
    ]
}

/// A number that may well be whole, without empty decimals.
fn plain(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e9 { fixed(x, 0) } else { short(x) }
}

/// What a page calls data that were read as one series: the file, since a series is called by its first column.
pub(in crate::cli) fn id<'a>(data: &'a Value, names: &'a str, alone: bool) -> &'a str {
    data["name"].as_str().filter(|_| alone).unwrap_or(names)
}

/// A table from header and rows.
fn table(caption: &str, header: &[&str], rows: Vec<Vec<String>>) -> TableView {
    TableView { caption: caption.to_string(), header: header.iter().map(|h| h.to_string()).collect(), rows }
}

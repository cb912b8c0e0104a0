//! Fits of networks to the counts of all their species: sampled in time, or after every single reaction (`--as reactions`).

use super::several::{checks_json, checks_table};
use super::{estimates, finish, head, likelihood, page, reached};
use crate::base::{Error, Result, Transform};
use crate::cli::Outcome;
use crate::cli::args::{Common, FitArgs, RowsArg};
use crate::cli::input::settings;
use crate::cli::output::{Folder, Output};
use crate::cli::panel::{Panel, read_panels};
use crate::cli::values;
use crate::fit::{CountSeries, CountsFit, Settings, Status, fit_complete, fit_counts};
use crate::form::{Form, Transitions};
use crate::models::Model;
use crate::process::Process;
use serde_json::{Value, json};

/// Whether the rows are whole states of a network: after every reaction, or transitions of several species that are all given.
pub(super) fn is_of_states(model: &Model, args: &FitArgs) -> bool {
    let columns = args.data.value.as_deref().map(|value| value.split(',').count());
    match (args.rows, &model.process) {
        // Refused by name where the model is no network.
        (RowsArg::Reactions, _) => true,
        (RowsArg::Transitions, Process::Network(network)) => {
            let species = network.species.len();
            // Unless a column is named: where one species does not tell the others, all are read.
            let tells = || Transitions::new(model, Form::MasterEquation).is_ok();
            species > 1 && columns.map_or_else(|| !tells(), |columns| columns == species)
        }
        _ => false,
    }
}

pub(super) fn run(
    model: &Model,
    args: &FitArgs,
    common: &Common,
    folder: Option<&Folder>,
    output: &Output,
) -> Result<Outcome> {
    if args.data.transform != Transform::None {
        return Err(Error::BadOption {
            flag: "--transform".to_string(),
            value: args.data.transform.name().to_string(),
            expected: "none: a network is of counts of molecules".to_string(),
            hint: Some("leave --transform out".to_string()),
        });
    }
    let settings = Settings { initial: args.set.clone(), ..settings(&args.estimate, common.seed)? };
    let species: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let (data, panels) = read_panels(&args.data, &species, output)?;
    let read = values::data(&data, args.data.transform.name());
    let all: Vec<CountSeries> = panels.iter().map(|panel| series(panel, output)).collect();
    // One set of rates for all paths with --joint, else one for each.
    let groups: Vec<&[CountSeries]> = if args.joint { vec![&all] } else { all.chunks(1).collect() };
    let (mut documents, mut parts, mut good) = (Vec::new(), Vec::new(), true);
    for group in groups {
        let names: Vec<&str> = group.iter().map(|s| s.name.as_str()).collect();
        let names = names.join(", ");
        let spinner = output.spinner(format!("fitting {} to {names}", model.id));
        let fit = match args.rows {
            RowsArg::Reactions => fit_complete(model, group, &settings),
            _ => fit_counts(model, group, &settings),
        };
        spinner.finish_and_clear();
        let fit = fit?;
        good &= fit.status == Status::Converged;
        let id = page::id(&read, &names, all.len() == 1);
        output.text(&told(id, &fit));
        let mut map = head(common.seed);
        if let Value::Object(body) = body(&fit, args.rows) {
            map.extend(body);
        }
        let mut data = read.clone();
        data["series"] = json!(names);
        data["time_unit"] = json!(panels.first().map_or("", |p| p.unit.as_str()));
        map.insert("data".into(), data);
        documents.push(Value::Object(map));
        let unit = panels.first().map_or("", |p| p.unit.as_str());
        parts.push(match args.rows {
            RowsArg::Reactions => page::of_complete(model, id, unit, group, &fit),
            _ => page::of_counts(model, id, unit, group, &fit),
        });
    }
    if let Some(folder) = folder {
        page::write(folder, model, parts, &read, common.seed)?;
    }
    finish(documents, common, folder, output)?;
    Ok(if good { Outcome::Good } else { Outcome::Flagged })
}

fn series(panel: &Panel, output: &Output) -> CountSeries {
    let (times, columns, left_out) = panel.complete();
    if left_out > 0 {
        output.say(&format!("note: {}: {left_out} rows in which a species is missing are left out", panel.id));
    }
    let states = (0..times.len()).map(|i| columns.iter().map(|column| column[i]).collect()).collect();
    CountSeries { name: panel.id.clone(), times, states }
}

fn told(names: &str, fit: &CountsFit) -> String {
    let mut text = format!(
        "{} fitted to {names}: {} after {} iterations, {} {}\n\n{}\n",
        fit.model,
        fit.status,
        fit.iterations,
        fit.transitions,
        if fit.happened.is_empty() { "transitions" } else { "reactions" },
        estimates(&fit.params)
    );
    if let Some(l) = fit.log_likelihood {
        text.push_str(&likelihood(l, fit.aic, fit.bic, fit.transitions));
    }
    text.push_str(&format!("likelihood of {}\n", fit.likelihood));
    if !fit.checks.is_empty() {
        text.push_str(&format!("\n{}\n", checks_table(&fit.checks)));
    }
    text.push_str(&reached(&fit.starts));
    text + "\n"
}

fn body(fit: &CountsFit, rows: RowsArg) -> Value {
    json!({
        "model": fit.model, "form": "master-equation", "objective": "kl", "likelihood": fit.likelihood,
        "as": if rows == RowsArg::Reactions { "reactions" } else { "transitions" },
        "status": fit.status.name(), "status_detail": fit.status.to_string(), "iterations": fit.iterations,
        "objective_value": fit.objective_value, "log_likelihood": fit.log_likelihood, "aic": fit.aic, "bic": fit.bic,
        "transitions": fit.transitions, "happened": fit.happened,
        "params": Value::Object(values::estimates(&fit.params)), "starts": fit.starts,
        "diagnostics": checks_json(&fit.checks), "warnings": fit.warnings,
    })
}

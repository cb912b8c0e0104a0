//! Fits of several states, of readings with errors, and of several series together.

use super::{estimates, finish, head, likelihood, page, reached};
use crate::base::{Error, Result, Transform};
use crate::cli::Outcome;
use crate::cli::args::{Common, FitArgs, IntervalsArg};
use crate::cli::input::{read_data, settings};
use crate::cli::output::{Folder, Output};
use crate::cli::panel::{Panel, read_panels};
use crate::cli::table::{short, table};
use crate::cli::values::{self, finite};
use crate::filter::{self, Method};
use crate::fit::diagnostics::ComponentCheck;
use crate::fit::{
    FilteredFit, JointFit, Observed, Settings, SeveralFit, Status, fit_filtered, fit_joint, fit_several,
    fit_several_joint,
};
use crate::form::joint::{JointForm, JointPairs};
use crate::models::Model;
use crate::process::Process;
use serde_json::{Map, Value, json};

/// Whether the model has several states, or is seen with an error or in part.
pub(super) fn is_of_several(model: &Model) -> bool {
    matches!(&model.process, Process::Diffusion(p) if p.states.len() > 1) || !model.observe.is_empty()
}

pub(super) fn run(
    model: &Model,
    args: &FitArgs,
    common: &Common,
    folder: Option<&Folder>,
    output: &Output,
) -> Result<Outcome> {
    refuse(model, args)?;
    let filter = Method::named(&args.estimate.form);
    // Columns given for every state are the states themselves, whatever else the file observes.
    let states_given = names_states(model, args.data.value.as_deref());
    let is_filtered = (!model.observe.is_empty() && !states_given) || filter.is_some();
    let states = matches!(&model.process, Process::Diffusion(p) if p.states.len() > 1);
    let mut estimate = args.estimate.clone();
    let form = JointForm::named(&estimate.form);
    if states || is_filtered {
        if form.is_none() && filter.is_none() && estimate.form != "auto" {
            return Err(no_form(model, &estimate.form, is_filtered));
        }
        estimate.form = "auto".to_string();
    }
    let settings = Settings { initial: args.set.clone(), ..settings(&estimate, common.seed)? };
    if args.joint && !is_filtered {
        return if states {
            let (read, panels, _) = panels(model, args, is_filtered, output)?;
            let pairs: Vec<JointPairs> = panels.iter().map(|p| pairs(p, output)).collect::<Result<_>>()?;
            let names: Vec<&str> = panels.iter().map(|p| p.id.as_str()).collect();
            let fit = fit_several_joint(model, &pairs, form, &args.local, &settings)?;
            together(model, (&fit, &names, &panels[0].unit), &read, common, folder, output)
        } else {
            let data = read_data(&args.data, output)?;
            let observed: Vec<Observed> = data
                .loaded
                .series
                .iter()
                .map(|s| Observed::of(s, args.data.transform, model))
                .collect::<Result<_>>()?;
            let names: Vec<&str> = data.loaded.series.iter().map(|s| s.id.as_str()).collect();
            let fit = fit_several(model, &observed, &args.local, &settings)?;
            let unit = data.loaded.series.first().map_or("", |s| s.clock.unit.as_str()).to_string();
            let read = values::data(&data, args.data.transform.name());
            together(model, (&fit, &names, &unit), &read, common, folder, output)
        };
    }
    let (read, panels, names) = panels(model, args, is_filtered, output)?;
    let (mut documents, mut parts, mut good) = (Vec::new(), Vec::new(), true);
    for panel in &panels {
        let spinner = output.spinner(format!("fitting {} to {}", model.id, panel.id));
        let id = page::id(&read, &panel.id, panels.len() == 1);
        let found = if is_filtered {
            let filtering = filter::Settings { method: filter, ..filter::Settings::default() };
            fit_filtered(model, &panel.observations, &filtering, &settings).map(|fit| {
                let part = page::of_filter(model, (id, &names), panel, &fit);
                (of_filter(&panel.id, &panel.unit, &fit), part)
            })
        } else {
            pairs(panel, output)
                .and_then(|pairs| fit_joint(model, &pairs, form, &settings))
                .map(|fit| (of_states(&panel.id, &panel.unit, &fit), page::of_states(model, id, panel, &fit)))
        };
        spinner.finish_and_clear();
        let ((text, status, body), part) = found?;
        parts.push(part);
        output.text(&text);
        good &= status == Status::Converged;
        let mut map = head(common.seed);
        map.extend(body);
        let mut data = read.clone();
        data["series"] = json!(panel.id);
        data["time_unit"] = json!(panel.unit);
        map.insert("data".into(), data);
        documents.push(Value::Object(map));
    }
    if let Some(folder) = folder {
        page::write(folder, model, parts, &read, common.seed)?;
    }
    finish(documents, common, folder, output)?;
    Ok(if good { Outcome::Good } else { Outcome::Flagged })
}

/// Whether `--value` gives a column for every state by its name.
fn names_states(model: &Model, value: Option<&str>) -> bool {
    let given: Vec<&str> =
        value.unwrap_or("").split(',').filter_map(|part| Some(part.split_once('=')?.0.trim())).collect();
    let states: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    given.len() == states.len() && states.iter().all(|s| given.contains(&s.as_str()))
}

/// What these fits do not have.
fn refuse(model: &Model, args: &FitArgs) -> Result<()> {
    let is_line = matches!(&model.process, Process::Diffusion(p) if p.states.len() == 1) && model.observe.is_empty();
    let asked = &args.uncertainty;
    let flags = [
        ("--transform", args.data.transform.name(), args.data.transform != Transform::None && !is_line),
        ("--intervals", "other than observed", asked.intervals != IntervalsArg::Observed),
        ("--of", "given", !asked.of.is_empty()),
        ("--null", "given", !asked.null.is_empty()),
    ];
    match flags.into_iter().find(|(.., given)| *given) {
        None => Ok(()),
        Some((flag, value, _)) => Err(Error::BadOption {
            flag: flag.to_string(),
            value: value.to_string(),
            expected: "a fit of one state that is seen as it is".to_string(),
            hint: Some(format!("leave {flag} out")),
        }),
    }
}

fn no_form(model: &Model, typed: &str, is_filtered: bool) -> Error {
    let names: Vec<&str> = match is_filtered {
        true => Method::ALL.into_iter().map(Method::name).collect(),
        false => JointForm::ALL.into_iter().map(JointForm::name).collect(),
    };
    Error::BadOption {
        flag: "--form".to_string(),
        value: typed.to_string(),
        expected: format!("'{}' is fitted by auto, {}", model.id, names.join(", ")),
        hint: Some("--form auto takes the one that suits".to_string()),
    }
}

/// The columns that the model's readings, or its states, are in, and the names of these.
fn panels(
    model: &Model,
    args: &FitArgs,
    is_filtered: bool,
    output: &Output,
) -> Result<(Value, Vec<Panel>, Vec<String>)> {
    let names: Vec<String> = match model.observe.as_slice() {
        seen if is_filtered && !seen.is_empty() => seen.iter().map(|o| o.name.clone()).collect(),
        _ => model.variables().into_iter().map(|v| v.0).collect(),
    };
    let (data, panels) = read_panels(&args.data, &names, output)?;
    let mut read = values::data(&data, args.data.transform.name());
    read["readings"] = json!(names);
    Ok((read, panels, names))
}

fn pairs(panel: &Panel, output: &Output) -> Result<JointPairs> {
    let (times, columns, left_out) = panel.complete();
    if left_out > 0 {
        output.say(&format!("note: {}: {left_out} rows in which a state is missing are left out", panel.id));
    }
    JointPairs::of(&times, &columns)
}

pub(super) fn checks_table(checks: &[ComponentCheck]) -> String {
    let rows: Vec<Vec<String>> =
        checks.iter().map(|c| vec![c.state.clone(), short(c.pit_ks_p), short(c.ljung_box_p)]).collect();
    table(&["does it hold?", "PIT uniform, p", "no autocorrelation, p"], &rows)
}

pub(super) fn checks_json(checks: &[ComponentCheck]) -> Value {
    let one = |c: &ComponentCheck| {
        (c.state.clone(), json!({ "pit_ks_p": finite(c.pit_ks_p), "ljung_box_p": finite(c.ljung_box_p) }))
    };
    Value::Object(checks.iter().map(one).collect())
}

type Answer = (String, Status, Map<String, Value>);

fn of_states(id: &str, unit: &str, fit: &JointFit) -> Answer {
    let mut text = format!(
        "{} fitted to {id}: {} after {} iterations, {} transitions, time in {unit}\n\n{}\n",
        fit.model,
        fit.status,
        fit.iterations,
        fit.transitions,
        estimates(&fit.params)
    );
    if let Some(l) = fit.log_likelihood {
        text.push_str(&likelihood(l, fit.aic, fit.bic, fit.transitions));
    }
    text.push_str(&format!("form {}", fit.form.name()));
    if let Some(gap) = &fit.gap {
        text.push_str(&format!(
            "; {} would say {} more per 100 transitions, which is the size of the error both make",
            gap.other.name(),
            short(gap.per_100)
        ));
    }
    text.push_str(&format!("\n\n{}\n{}\n", checks_table(&fit.checks), reached(&fit.starts)));
    let body = json!({
        "model": fit.model, "form": fit.form.name(), "objective": "kl",
        "form_gap_per_100": fit.gap.as_ref().map(|g| g.per_100),
        "status": fit.status.name(), "status_detail": fit.status.to_string(), "iterations": fit.iterations,
        "objective_value": fit.objective_value, "log_likelihood": fit.log_likelihood, "aic": fit.aic, "bic": fit.bic,
        "transitions": fit.transitions, "params": Value::Object(values::estimates(&fit.params)),
        "starts": fit.starts, "diagnostics": checks_json(&fit.checks), "warnings": fit.warnings,
    });
    (text, fit.status.clone(), object(body))
}

fn of_filter(id: &str, unit: &str, fit: &FilteredFit) -> Answer {
    let mut text = format!(
        "{} fitted to {id}: {} after {} iterations, {} values, time in {unit}\n\n{}\n",
        fit.model,
        fit.status,
        fit.iterations,
        fit.observations,
        estimates(&fit.params)
    );
    if let Some(l) = fit.log_likelihood {
        text.push_str(&likelihood(l, fit.aic, fit.bic, fit.observations));
    }
    text.push_str(&format!("filter {}: {}\n", fit.method.name(), fit.why));
    text.push_str(&format!(
        "one-step PIT uniform: p = {}   no autocorrelation: p = {}\n{}\n",
        short(fit.pit_ks_p),
        short(fit.ljung_box_p),
        reached(&fit.starts)
    ));
    let end = fit.filtered.as_ref().map(|f| json!({ "mean": f.mean, "covariance": f.covariance }));
    let body = json!({
        "model": fit.model, "form": fit.method.name(), "form_why": fit.why, "objective": "kl",
        "status": fit.status.name(), "status_detail": fit.status.to_string(), "iterations": fit.iterations,
        "objective_value": fit.objective_value, "log_likelihood": fit.log_likelihood, "aic": fit.aic, "bic": fit.bic,
        "transitions": fit.observations, "params": Value::Object(values::estimates(&fit.params)),
        "starts": fit.starts, "state_at_the_end": end,
        "diagnostics": { "pit_ks_p": finite(fit.pit_ks_p), "ljung_box_p": finite(fit.ljung_box_p) },
        "warnings": fit.warnings,
    });
    (text, fit.status.clone(), object(body))
}

fn together(
    model: &Model,
    (fit, names, unit): (&SeveralFit, &[&str], &str),
    read: &Value,
    common: &Common,
    folder: Option<&Folder>,
    output: &Output,
) -> Result<Outcome> {
    let total: usize = fit.transitions.iter().sum();
    let mut text = format!(
        "{} fitted to {} series together: {} after {} iterations, {total} transitions, time in {unit}\n\n{}",
        fit.model,
        names.len(),
        fit.status,
        fit.iterations,
        estimates(&fit.shared)
    );
    for (name, local) in names.iter().zip(&fit.local).filter(|(_, local)| !local.is_empty()) {
        text.push_str(&format!("\nof {name}\n{}", estimates(local)));
    }
    text.push('\n');
    if let Some(l) = fit.log_likelihood {
        text.push_str(&likelihood(l, fit.aic, fit.bic, total));
    }
    text.push_str(&format!("form {}\n{}\n", fit.form, reached(&fit.starts)));
    output.text(&text);
    let each = names.iter().zip(&fit.local).zip(fit.transitions.iter().zip(&fit.checks));
    let series: Vec<Value> = each
        .map(|((name, local), (n, checks))| {
            json!({
                "series": name, "transitions": n, "params": Value::Object(values::estimates(local)),
                "diagnostics": checks_json(checks),
            })
        })
        .collect();
    let mut map = head(common.seed);
    map.extend(object(json!({
        "model": fit.model, "form": fit.form, "objective": "kl", "joint": true,
        "status": fit.status.name(), "status_detail": fit.status.to_string(), "iterations": fit.iterations,
        "objective_value": fit.objective_value, "log_likelihood": fit.log_likelihood, "aic": fit.aic, "bic": fit.bic,
        "transitions": total, "params": Value::Object(values::estimates(&fit.shared)), "local": series,
        "starts": fit.starts, "warnings": fit.warnings, "data": read,
    })));
    if let Some(folder) = folder {
        page::write(folder, model, vec![page::of_several(model, names, unit, fit)], read, common.seed)?;
    }
    finish(vec![Value::Object(map)], common, folder, output)?;
    Ok(if fit.status == Status::Converged { Outcome::Good } else { Outcome::Flagged })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

//! Fits of what are not steps of one path: replicates at given times (`--as snapshots`) and mean curves (`--as trajectories`).

use super::{estimates, finish, head, likelihood, page, reached};
use crate::base::{Error, Result};
use crate::cli::Outcome;
use crate::cli::args::{Common, DataArgs, FitArgs, RowsArg};
use crate::cli::input::{called_as, read_points, settings};
use crate::cli::number::assignment;
use crate::cli::output::{Folder, Output};
use crate::cli::panel::{Panel, read_panels};
use crate::cli::table::{short, short_or_dash, table};
use crate::cli::values;
use crate::fit::snapshots::{Begin, SnapshotFit, SnapshotOptions, Snapshots, fit_snapshots};
use crate::fit::trajectories::{Column, Trajectories, TrajectoryFit, fit_trajectories};
use crate::fit::{Objective, Settings, Status};
use crate::models::Model;
use serde_json::{Map, Value, json};

pub(super) fn run(
    model: &Model,
    args: &FitArgs,
    common: &Common,
    folder: Option<&Folder>,
    output: &Output,
) -> Result<Outcome> {
    let settings = Settings { initial: args.set.clone(), ..settings(&args.estimate, common.seed)? };
    match args.rows {
        RowsArg::Trajectories => of_trajectories(model, args, &settings, common, folder, output),
        _ => of_snapshots(model, args, &settings, common, folder, output),
    }
}

/// Starts by name, as typed.
fn pairs(typed: &str) -> Result<Vec<(String, f64)>> {
    let one = |part: &str| {
        assignment(part.trim()).map_err(|why| Error::BadOption {
            flag: "--from".to_string(),
            value: typed.to_string(),
            expected: format!("STATE=VALUE, stationary or first: {why}"),
            hint: Some("--from x=1".to_string()),
        })
    };
    typed.split(',').map(one).collect()
}

fn begin(model: &Model, typed: Option<&str>) -> Result<Begin> {
    Ok(match typed {
        None => Begin::File { t0: 0.0 },
        Some("stationary") => Begin::Stationary,
        Some("first") => Begin::Empirical,
        Some(text) => {
            Begin::At { t0: 0.0, x: crate::cli::start::point(&pairs(text)?, model, &model.default_params().values)? }
        }
    })
}

fn of_snapshots(
    model: &Model,
    args: &FitArgs,
    settings: &Settings,
    common: &Common,
    folder: Option<&Folder>,
    output: &Output,
) -> Result<Outcome> {
    super::weights::refuse(args, "fits of snapshots")?;
    let (component, value) = match args.data.value.as_deref().and_then(|v| v.split_once('=')) {
        Some((component, column)) => (Some(component.trim().to_string()), Some(column.trim().to_string())),
        None => (None, args.data.value.clone()),
    };
    let data = called_as(model, &DataArgs { value, ..args.data.clone() }, output, read_points)?;
    let read = values::data(&data, args.data.transform.name());
    let component = match component {
        Some(named) => named,
        None => seen(model, &data.loaded.value_column)?,
    };
    let options = SnapshotOptions {
        begin: begin(model, args.from.as_deref())?,
        component: Some(component.clone()),
        binned: args.bins.is_some() || settings.objective == Objective::Mse,
        bins: args.bins.map(|n| n as usize),
    };
    let (mut documents, mut parts, mut good) = (Vec::new(), Vec::new(), true);
    for series in &data.loaded.series {
        let mut snapshots = Snapshots { times: Vec::new(), values: Vec::new() };
        for (t, v) in series.time.iter().zip(&series.value) {
            if snapshots.times.last() != Some(t) {
                snapshots.times.push(*t);
                snapshots.values.push(Vec::new());
            }
            if let Some(last) = snapshots.values.last_mut() {
                last.push(*v);
            }
        }
        let spinner = output.spinner(format!("fitting {} to {}", model.id, series.id));
        let fit = fit_snapshots(model, &snapshots, &options, settings);
        spinner.finish_and_clear();
        let fit = fit?;
        good &= fit.status == Status::Converged;
        output.text(&told(&series.id, &fit));
        documents.push(with_data(common.seed, body(&fit), &read, &series.id));
        parts.push(page::of_snapshots(model, &series.id, &component, &fit));
    }
    if let Some(folder) = folder {
        page::write(folder, model, parts, &read, common.seed)?;
    }
    finish(documents, common, folder, output)?;
    Ok(if good { Outcome::Good } else { Outcome::Flagged })
}

/// The component a column is of: the one it is called as, or the only one there is.
fn seen(model: &Model, column: &str) -> Result<String> {
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    match (names.iter().find(|name| *name == column), names.as_slice()) {
        (Some(name), _) | (None, [name]) => Ok(name.clone()),
        _ => Err(Error::BadOption {
            flag: "--value".to_string(),
            value: column.to_string(),
            expected: format!("the component it measures, one of {}", names.join(", ")),
            hint: Some(format!("--value {}={column}", names[names.len() - 1])),
        }),
    }
}

fn told(id: &str, fit: &SnapshotFit) -> String {
    let mut text = format!(
        "{} fitted to snapshots of {id}: {} after {} iterations, {} values at {} times\n\n{}\n",
        fit.model,
        fit.status,
        fit.iterations,
        fit.observations,
        fit.fitted.len(),
        estimates(&fit.params)
    );
    match fit.log_likelihood {
        Some(l) => text.push_str(&likelihood(l, fit.aic, fit.bic, fit.observations)),
        None => text.push_str(&format!("objective {}\n", short(fit.objective_value))),
    }
    if let Some((low, high)) = fit.log_likelihood_bounds {
        text.push_str(&format!("of the whole master equation between {low:.6} and {high:.6}\n"));
    }
    text.push_str(&format!("form {}\n\n", fit.form.name()));
    let rows: Vec<Vec<String>> = fit
        .fitted
        .iter()
        .map(|c| {
            vec![
                short(c.time),
                c.replicates.to_string(),
                short(c.mean),
                short_or_dash(c.fitted_mean),
                short(c.sd),
                short_or_dash(c.fitted_sd),
            ]
        })
        .collect();
    text.push_str(&table(&["t", "values", "mean", "of the law", "sd", "of the law"], &rows));
    text.push_str(&format!("\n{}", reached(&fit.starts)));
    text + "\n"
}

fn body(fit: &SnapshotFit) -> Value {
    let fitted = fit.fitted.iter().map(|c| {
        json!({
            "t": c.time, "values": c.replicates, "mean": c.mean, "sd": c.sd,
            "fitted_mean": c.fitted_mean, "fitted_sd": c.fitted_sd,
        })
    });
    let histograms = fit
        .histograms
        .iter()
        .map(|h| json!({ "t": h.time, "observed": h.observed, "fitted": h.fitted, "error_bound": h.error_bound }));
    json!({
        "model": fit.model, "form": fit.form.name(), "as": "snapshots", "objective": fit.objective,
        "status": fit.status.name(), "status_detail": fit.status.to_string(), "iterations": fit.iterations,
        "objective_value": fit.objective_value, "log_likelihood": fit.log_likelihood, "aic": fit.aic, "bic": fit.bic,
        "log_likelihood_bounds": fit.log_likelihood_bounds.map(|(low, high)| [low, high].map(|l| Some(l).filter(|l| l.is_finite()))),
        "values": fit.observations, "params": Value::Object(values::estimates(&fit.params)),
        "fitted": fitted.collect::<Vec<_>>(), "histograms": histograms.collect::<Vec<_>>(), "starts": fit.starts, "warnings": fit.warnings,
    })
}

fn of_trajectories(
    model: &Model,
    args: &FitArgs,
    settings: &Settings,
    common: &Common,
    folder: Option<&Folder>,
    output: &Output,
) -> Result<Outcome> {
    let components: Vec<String> = match &args.data.value {
        Some(given) => given.split(',').map(|part| part.split('=').next().unwrap_or(part).trim().to_string()).collect(),
        None => model.variables().into_iter().map(|v| v.0).collect(),
    };
    let mut names = components.clone();
    names.extend(args.weight.clone());
    let given = match (&args.data.value, &args.weight) {
        (Some(given), Some(weight)) => Some(format!("{given},{weight}")),
        (given, _) => given.clone(),
    };
    let (data, panels) = read_panels(&DataArgs { value: given, ..args.data.clone() }, &names, output)?;
    let read = values::data(&data, args.data.transform.name());
    let settings = Settings { objective: Objective::Mse, ..settings.clone() };
    let experiments: Vec<Trajectories> =
        panels.iter().map(|panel| experiment(model, args, &components, panel)).collect::<Result<_>>()?;
    let fit = fit_trajectories(model, &experiments, &settings)?;
    let names: Vec<&str> = experiments.iter().map(|e| e.name.as_str()).collect();
    output.text(&curves(&names.join(", "), &fit));
    let document = json!({
        "model": fit.model, "form": fit.means, "as": "trajectories", "objective": "mse",
        "status": fit.status.name(), "status_detail": fit.status.to_string(), "iterations": fit.iterations,
        "objective_value": fit.squares, "rss": fit.squares, "residual_sd": fit.sd, "values": fit.observations,
        "degrees_of_freedom": fit.degrees_of_freedom, "params": Value::Object(values::estimates(&fit.params)),
        "fitted": fit.fitted, "starts": fit.starts, "warnings": fit.warnings,
    });
    if let Some(folder) = folder {
        let names = names.join(", ");
        let part = page::of_trajectories(model, page::id(&read, &names, experiments.len() == 1), &experiments, &fit);
        page::write(folder, model, vec![part], &read, common.seed)?;
    }
    finish(vec![with_data(common.seed, document, &read, &names.join(", "))], common, folder, output)?;
    Ok(if fit.status == Status::Converged { Outcome::Good } else { Outcome::Flagged })
}

/// One experiment: columns called as a parameter give its value there, `--from first` begins in the first row.
fn experiment(model: &Model, args: &FitArgs, components: &[String], panel: &Panel) -> Result<Trajectories> {
    let states: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let (mut given, mut columns) = (Vec::new(), Vec::new());
    for (name, values) in components.iter().zip(&panel.observations.values) {
        if states.contains(name) || !model.params.iter().any(|p| p.name == *name) {
            // The weights are the last column; a row without one counts for nothing.
            let weight = args.weight.as_ref().and(panel.observations.values.last());
            let weight: Vec<f64> = weight.map_or(Vec::new(), |w| w.iter().map(|w| w.unwrap_or(0.0)).collect());
            columns.push(Column { component: name.clone(), values: values.clone(), weight });
            continue;
        }
        let mut known = values.iter().flatten();
        match known.next() {
            Some(first) if known.all(|value| value == first) => given.push((name.clone(), *first)),
            _ => {
                return Err(Error::BadOption {
                    flag: "--value".to_string(),
                    value: format!("{name} in {}", panel.id),
                    expected: "one value of a parameter that an experiment gives".to_string(),
                    hint: Some("tell experiments apart with --id".to_string()),
                });
            }
        }
    }
    let mut times = panel.observations.times.clone();
    let (mut t0, mut start) = (0.0, Vec::new());
    match args.from.as_deref() {
        Some("first") if !times.is_empty() => {
            t0 = times.remove(0);
            for column in &mut columns {
                if let Some(value) = column.values.remove(0) {
                    start.push((column.component.clone(), value));
                }
                column.weight.drain(..1.min(column.weight.len()));
            }
        }
        Some("first") | None => {}
        Some(typed) => start = pairs(typed)?,
    }
    Ok(Trajectories { name: panel.id.clone(), t0, start, given, times, columns })
}

fn curves(id: &str, fit: &TrajectoryFit) -> String {
    let text = format!(
        "{} fitted to {id}: {} after {} iterations, {} values, means by {}\n\n{}\nresidual sd {} with {} degrees of freedom, sum of squares {}\n",
        fit.model,
        fit.status,
        fit.iterations,
        fit.observations,
        fit.means,
        estimates(&fit.params),
        short(fit.sd),
        fit.degrees_of_freedom,
        short(fit.squares)
    );
    text + "\n"
}

fn with_data(seed: u64, body: Value, read: &Value, id: &str) -> Value {
    let mut map: Map<String, Value> = head(seed);
    if let Value::Object(body) = body {
        map.extend(body);
    }
    let mut data = read.clone();
    data["series"] = json!(id);
    map.insert("data".into(), data);
    Value::Object(map)
}

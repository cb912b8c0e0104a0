//! Curves on the command line: their parameters by least squares.

use super::Outcome;
use super::args::{Common, FitArgs, RobustArg};
use super::fit::{estimates, page};
use super::input::read_points;
use super::output::{Folder, Output};
use super::table::short;
use super::values::{self, VERSION};
use crate::base::{Error, Result, Seed, Series, Transform};
use crate::fit::Status;
use crate::fit::curve::{CurveFit, CurveSettings, Experiment, Loss, Rows, fit as fit_curve, fit_jointly};
use crate::models::Model;
use crate::process::Process;
use serde_json::{Value, json};

/// Fit a curve to rows of input and value; with `--id` to those of each experiment by itself.
pub(super) fn fit(
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
            expected: format!("'{}' is a curve, which is fitted to the values as they are", model.id),
            hint: Some("write the transform into the curve's formula and a column of the file".to_string()),
        });
    }
    let settings = CurveSettings {
        fixed: args.estimate.fix.clone(),
        initial: args.set.clone(),
        starts: args.estimate.starts as usize,
        max_iterations: args.estimate.max_iterations,
        seed: Seed(common.seed),
        loss: match args.robust {
            None => Loss::Squares,
            Some(RobustArg::Huber) => Loss::HUBER,
            Some(RobustArg::DensityPower) => {
                return Err(Error::BadOption {
                    flag: "--robust".to_string(),
                    value: "density-power".to_string(),
                    expected: "a likelihood, and a curve is fitted by squares".to_string(),
                    hint: Some("--robust huber".to_string()),
                });
            }
        },
    };
    let data = read_points(&args.data, output)?;
    let read = values::data(&data, Transform::None.name());
    let (mut documents, mut parts, mut good) = (Vec::new(), Vec::new(), true);
    let rows = |series: &Series| Rows { x: series.time.clone(), y: series.value.clone(), weight: Vec::new() };
    let mut tell = |id: &str, series: &[Series], fitted: &CurveFit| {
        good &= fitted.status == Status::Converged;
        output.text(&describe(model, id, fitted));
        documents.push(document(model, id, fitted, common.seed, &read));
        let rows: Vec<_> = series.iter().map(|s| page::CurveRows { name: &s.id, x: &s.time, y: &s.value }).collect();
        parts.push(page::of_curve(model, id, &rows, fitted));
    };
    if args.joint {
        let one = |series: &Series| Experiment { name: series.id.clone(), rows: rows(series) };
        let experiments: Vec<Experiment> = data.loaded.series.iter().map(one).collect();
        let local: Vec<&str> = args.local.iter().map(String::as_str).collect();
        let names: Vec<&str> = experiments.iter().map(|e| e.name.as_str()).collect();
        tell(&names.join(", "), &data.loaded.series, &fit_jointly(model, &experiments, &local, &settings)?);
    } else {
        for series in &data.loaded.series {
            tell(&series.id, std::slice::from_ref(series), &fit_curve(model, &rows(series), &settings)?);
        }
    }
    if let Some(folder) = folder {
        page::write(folder, model, parts, &read, common.seed)?;
    }
    let document = match documents.as_slice() {
        [one] => one.clone(),
        many => json!({ "schema": "kramers/fit@1", "version": VERSION, "seed": common.seed, "series": many }),
    };
    output.deliver(&document, folder)?;
    Ok(if good { Outcome::Good } else { Outcome::Flagged })
}

/// A fit for people.
fn describe(model: &Model, id: &str, fit: &CurveFit) -> String {
    let unit = match &model.process {
        Process::Curve(curve) if curve.output.unit != "1" => format!(" {}", curve.output.unit),
        _ => String::new(),
    };
    let mut text = format!(
        "{} fitted to {id}: {} after {} iterations, {} rows\n\n{}\nresidual sd {}{unit} with {} degrees of freedom, sum of squares {}\n",
        model.id,
        fit.status,
        fit.iterations,
        fit.rows,
        estimates(&fit.params),
        short(fit.sd),
        fit.degrees_of_freedom,
        short(fit.squares)
    );
    if fit.starts.len() > 1 {
        let best = fit.starts.iter().filter(|s| s.status.is_good()).count();
        text.push_str(&format!("{best} of {} starts ended at this sum of squares\n", fit.starts.len()));
    }
    text.push('\n');
    text
}

fn document(model: &Model, id: &str, fit: &CurveFit, seed: u64, read: &Value) -> Value {
    let mut data = read.clone();
    data["series"] = json!(id);
    let body = json!({
        "schema": "kramers/fit@1", "version": VERSION, "seed": seed, "model": model.id,
        "form": "curve", "objective": "mse",
        "status": fit.status.name(), "status_detail": fit.status.to_string(), "iterations": fit.iterations,
        "objective_value": fit.squares, "rss": fit.squares, "residual_sd": fit.sd,
        "rows": fit.rows, "degrees_of_freedom": fit.degrees_of_freedom,
        "params": Value::Object(values::estimates(&fit.params)),
        "starts": fit.starts,
        "warnings": fit.status.remedy().into_iter().collect::<Vec<_>>(),
    });
    let Value::Object(mut map) = body else { return Value::Null };
    map.insert("data".to_string(), data);
    Value::Object(map)
}

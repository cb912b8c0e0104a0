//! `kramers fit`: parameters with intervals, and an honest status.

mod counts;
pub(super) mod page;
mod rows;
mod several;
mod uncertainty;
mod weights;

use super::Outcome;
use super::args::{Common, FitArgs, RobustArg, RowsArg};
use super::curve;
use super::field;
use super::input::{called_as, read_data, read_observed_model, settings};
use super::output::{Folder, Output};
use super::table::{short, short_or_dash, table};
use super::values::{self, VERSION};
use crate::base::{Result, Series, Transform};
use crate::fit::diagnostics::{Diagnostics, diagnose};
use crate::fit::{Estimate, Fit, Objective, Observed, Robust, StartOutcome, Status, fit};
use crate::process::Process;
use serde_json::{Map, Value, json};
use uncertainty::Told;

pub(super) fn run(args: &FitArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let folder = Folder::asked(common)?;
    let model = read_observed_model(&args.model, output)?;
    if let Some(field) = field::as_field(&model) {
        weights::refuse(args, "fits of fields")?;
        return field::fit(&model, field, args, common, folder.as_ref(), output);
    }
    if matches!(model.process, Process::Curve(_)) {
        weights::refuse(args, "fits of curves")?;
        return curve::fit(&model, args, common, folder.as_ref(), output);
    }
    if counts::is_of_states(&model, args) {
        return counts::run(&model, args, common, folder.as_ref(), output);
    }
    if args.rows != RowsArg::Transitions {
        return rows::run(&model, args, common, folder.as_ref(), output);
    }
    if args.joint || several::is_of_several(&model) {
        weights::refuse(args, "fits of several series or states")?;
        return several::run(&model, args, common, folder.as_ref(), output);
    }
    let mut settings = settings(&args.estimate, common.seed)?;
    settings.initial = args.set.clone();
    settings.robust = args.robust.map(|robust| match robust {
        RobustArg::Huber => Robust::HUBER,
        RobustArg::DensityPower => Robust::DENSITY_POWER,
    });
    let data = called_as(&model, &args.data, output, read_data)?;
    let read = values::data(&data, args.data.transform.name());
    let (mut documents, mut parts, mut good) = (Vec::new(), Vec::new(), true);
    for series in &data.loaded.series {
        let mut observed = Observed::of(series, args.data.transform, &model)?;
        if let Some(column) = &args.weight {
            observed.weight = weights::of_steps(column, &args.data, series, observed.pairs.len(), output)?;
        }
        let spinner = output.spinner(format!("fitting {} to {}", model.id, series.id));
        let fitted = fit(&model, &observed, &settings).and_then(|mut fit| {
            let tests = diagnose(&model, &observed, &settings, &fit)?;
            let told = uncertainty::tell(&model, &observed, &settings, &mut fit, &args.uncertainty)?;
            Ok((fit, tests, told))
        });
        spinner.finish_and_clear();
        let (fit, tests, told) = fitted?;
        output.text(&describe(&series.id, &series.clock.unit, &fit, &tests, &told, args.data.transform));
        good &= fit.status == Status::Converged;
        if folder.is_some() {
            let (transform, settings) = (args.data.transform, &settings);
            let step = page::Step {
                model: &model,
                series,
                observed: &observed,
                transform,
                settings,
                fit: &fit,
                tests: &tests,
                told: &told,
            };
            parts.push(page::of_steps(&step)?);
        }
        documents.push(document(series, &fit, &tests, told, common.seed, &read));
    }
    if let Some(folder) = &folder {
        page::write(folder, &model, parts, &read, common.seed)?;
    }
    finish(documents, common, folder.as_ref(), output)?;
    Ok(if good { Outcome::Good } else { Outcome::Flagged })
}

/// One fit a series, each the document it would be alone.
fn finish(mut documents: Vec<Value>, common: &Common, folder: Option<&Folder>, output: &Output) -> Result<()> {
    let document = match documents.len() {
        1 => documents.remove(0),
        _ => json!({ "schema": "kramers/fit@1", "version": VERSION, "seed": common.seed, "series": documents }),
    };
    output.deliver(&document, folder)
}

fn document(series: &Series, fit: &Fit, tests: &Diagnostics, told: Told, seed: u64, data: &Value) -> Value {
    let mut map = head(seed);
    map.append(&mut values::fit(fit, tests));
    map.extend(told.body);
    let mut data = data.clone();
    data["transitions"] = json!(fit.transitions);
    data["time_unit"] = json!(series.clock.unit);
    data["series"] = json!(series.id);
    map.insert("data".into(), data);
    Value::Object(map)
}

fn head(seed: u64) -> Map<String, Value> {
    Map::from_iter([
        ("schema".to_string(), json!("kramers/fit@1")),
        ("version".to_string(), json!(VERSION)),
        ("seed".to_string(), json!(seed)),
    ])
}

/// A fit for people.
fn describe(id: &str, time_unit: &str, fit: &Fit, tests: &Diagnostics, told: &Told, transform: Transform) -> String {
    let on = if transform == Transform::None { String::new() } else { format!(" on {}", transform.name()) };
    let mut text = format!(
        "{} fitted to {id}{on}: {} after {} iterations, {} transitions, time in {time_unit}\n\n",
        fit.model, fit.status, fit.iterations, fit.transitions
    );
    text.push_str(&estimates(&fit.params));
    text.push('\n');
    match fit.log_likelihood {
        Some(l) => text.push_str(&likelihood(l, fit.aic, fit.bic, fit.transitions)),
        None if fit.objective == Objective::Kl => {
            text.push_str("no likelihood: it is zero or not a number here, or rows were made to count less\n");
        }
        None => text.push_str(&format!(
            "weighted mean squared error {} (no likelihood under mse)\n",
            short(fit.objective_value)
        )),
    }
    text.push_str(&format!("form {}: {}\n", fit.form.name(), fit.form_choice.why));
    text.push_str(&told.text);
    text.push_str(&tested(tests));
    if fit.log_likelihood.is_some() {
        text.push_str(&reached(&fit.starts));
    }
    text.push('\n');
    text
}

fn likelihood(l: f64, aic: Option<f64>, bic: Option<f64>, n: usize) -> String {
    format!(
        "log-likelihood {l:.6} (data units)   AIC {:.3}   BIC {:.3}   cross-entropy {}\n",
        aic.unwrap_or(f64::NAN),
        bic.unwrap_or(f64::NAN),
        short(-l / n as f64)
    )
}

/// How many starts came to the same place.
fn reached(starts: &[StartOutcome]) -> String {
    if starts.len() < 2 {
        return String::new();
    }
    let good = starts.iter().filter(|s| s.below_best.is_some_and(|b| b < 1e-6)).count();
    format!("{good} of {} starts ended within 1e-6 of this log-likelihood\n", starts.len())
}

/// What a test asks, and its p-value.
pub(super) fn test_lines(tests: &Diagnostics) -> Vec<(String, f64)> {
    let mut lines = vec![("one-step PIT uniform (KS)".to_string(), tests.ks_p)];
    if let Some(b) = &tests.berkowitz {
        lines.push(("scores standard normal and independent (Berkowitz)".to_string(), b.p));
    }
    lines.push(("no autocorrelation (Ljung-Box, 10 lags)".to_string(), tests.ljung_box_p));
    lines.push(("nor of squares".to_string(), tests.squared_ljung_box_p));
    if let Some(m) = &tests.martingale {
        lines.push((format!("moments given the state (martingale, {} df)", m.df), m.p));
    }
    lines
}

fn tested(tests: &Diagnostics) -> String {
    let rows: Vec<Vec<String>> = test_lines(tests).into_iter().map(|(what, p)| vec![what, short(p)]).collect();
    format!("\n{}\n", table(&["does the model hold?", "p"], &rows))
}

/// A table of estimates with their intervals.
pub(super) fn estimates(params: &[Estimate]) -> String {
    let row = |p: &Estimate| {
        let remark = if p.fixed {
            "held"
        } else if p.at_bound {
            "at bound"
        } else {
            ""
        };
        vec![
            p.name.clone(),
            short(p.estimate),
            short_or_dash(p.se),
            short_or_dash(p.lower),
            short_or_dash(p.upper),
            p.unit.clone(),
            remark.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = params.iter().map(row).collect();
    table(&["parameter", "estimate", "s.e.", "2.5 %", "97.5 %", "unit", ""], &rows)
}

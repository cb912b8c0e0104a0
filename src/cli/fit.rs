//! `kramers fit`: parameters with intervals, and an honest status.

use super::Outcome;
use super::args::{Common, FitArgs};
use super::curve;
use super::field;
use super::input::{read_data, read_observed_model, settings};
use super::output::{Folder, Output};
use super::table::{short, short_or_dash, table};
use super::values::{self, VERSION};
use crate::base::{Result, Transform};
use crate::fit::{Estimate, Fit, Objective, Observed, Status, fit};
use crate::process::Process;
use serde_json::{Map, Value, json};

pub(super) fn run(args: &FitArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let folder = Folder::asked(common)?;
    let model = read_observed_model(&args.model, output)?;
    if let Some(field) = field::as_field(&model) {
        return field::fit(&model, field, args, common, folder.as_ref(), output);
    }
    if matches!(model.process, Process::Curve(_)) {
        return curve::fit(&model, args, common, folder.as_ref(), output);
    }
    let mut settings = settings(&args.estimate, common.seed)?;
    settings.initial = args.set.clone();
    let data = read_data(&args.data, output)?;
    let mut fits = Vec::new();
    for series in &data.loaded.series {
        let observed = Observed::of(series, args.data.transform, &model)?;
        let spinner = output.spinner(format!("fitting {} to {}", model.id, series.id));
        let fit = fit(&model, &observed, &settings);
        spinner.finish_and_clear();
        let fit = fit?;
        output.text(&describe(&series.id, &series.clock.unit, &fit, args.data.transform));
        fits.push((series, fit));
    }
    let document = document(&fits, common.seed, &values::data(&data, args.data.transform.name()));
    output.document(&document);
    if let Some(folder) = folder {
        folder.write_document(&document)?;
    }
    let good = fits.iter().all(|(_, f)| f.status == Status::Converged);
    Ok(if good { Outcome::Good } else { Outcome::Flagged })
}

fn document(fits: &[(&crate::base::Series, Fit)], seed: u64, data: &Value) -> Value {
    let one = |series: &crate::base::Series, fit: &Fit| {
        let mut map = Map::new();
        map.insert("schema".into(), json!("kramers/fit@1"));
        map.insert("version".into(), json!(VERSION));
        map.insert("seed".into(), json!(seed));
        map.append(&mut values::fit(fit));
        let mut data = data.clone();
        data["transitions"] = json!(fit.transitions);
        data["time_unit"] = json!(series.clock.unit);
        data["series"] = json!(series.id);
        map.insert("data".into(), data);
        Value::Object(map)
    };
    match fits {
        [(series, fit)] => one(series, fit),
        // A panel: one fit a series, each the document it would be alone.
        many => json!({
            "schema": "kramers/fit@1", "version": VERSION, "seed": seed,
            "series": many.iter().map(|(s, f)| one(s, f)).collect::<Vec<_>>(),
        }),
    }
}

/// A fit for people.
pub(super) fn describe(id: &str, time_unit: &str, fit: &Fit, transform: Transform) -> String {
    let on = if transform == Transform::None { String::new() } else { format!(" on {}", transform.name()) };
    let mut text = format!(
        "{} fitted to {id}{on}: {} after {} iterations, {} transitions, time in {time_unit}\n\n",
        fit.model, fit.status, fit.iterations, fit.transitions
    );
    text.push_str(&estimates(&fit.params));
    text.push('\n');
    match fit.log_likelihood {
        Some(l) => text.push_str(&format!(
            "log-likelihood {l:.6} (data units)   AIC {:.3}   BIC {:.3}   cross-entropy {}\n",
            fit.aic.unwrap_or(f64::NAN),
            fit.bic.unwrap_or(f64::NAN),
            short(-l / fit.transitions as f64)
        )),
        None if fit.objective == Objective::Kl => text.push_str("no likelihood: it is zero or not a number here\n"),
        None => text.push_str(&format!(
            "weighted mean squared error {} (no likelihood under mse)\n",
            short(fit.objective_value)
        )),
    }
    text.push_str(&format!("form {}: {}\n", fit.form.name(), fit.form_choice.why));
    text.push_str(&format!(
        "one-step PIT uniform: p = {}   no autocorrelation (Ljung-Box, 10 lags): p = {}\n",
        short(fit.pit_ks_p),
        short(fit.ljung_box_p)
    ));
    if fit.starts.len() > 1 {
        let good = fit.starts.iter().filter(|s| s.below_best.is_some_and(|b| b < 1e-6)).count();
        if fit.log_likelihood.is_some() {
            text.push_str(&format!("{good} of {} starts ended within 1e-6 of this log-likelihood\n", fit.starts.len()));
        }
    }
    for warning in &fit.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push('\n');
    text
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

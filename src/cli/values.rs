//! The JSON documents of a run. Keys grow but never change meaning; a number that is not finite is null.

use super::input::Data;
use super::record::record;
use crate::backtest::{
    Backtest, Estimated, JointScores, LEVELS, ModelScores, PitHistogram, Reliability, Scored, Scores,
};
use crate::base::series::format_stamp;
use crate::base::text::csv_cell;
use crate::base::{Series, Stamp};
use crate::fit::diagnostics::Diagnostics;
use crate::fit::{Estimate, Fit, Objective};
use crate::predictive::Predictive;
use serde_json::{Map, Value, json};

/// Version of the program in every document.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The `data` part: what was read.
pub(super) fn data(data: &Data, transform: &str) -> Value {
    let loaded = &data.loaded;
    json!({
        "name": data.file,
        "sha256": loaded.sha256,
        "rows": loaded.rows,
        "used": loaded.used,
        "dropped": loaded.dropped(),
        "time_column": loaded.time_column,
        "value_column": loaded.value_column,
        "id_column": loaded.id_column,
        "records": loaded.series.iter().map(record).collect::<Vec<_>>(),
        "transform": transform,
        "inference": loaded.inference,
        "findings": loaded.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

pub(super) fn finding(finding: &crate::base::Finding) -> Value {
    json!({ "rule": finding.rule, "count": finding.count, "action": finding.action, "dropped": finding.dropped })
}

/// Estimates by name.
pub(super) fn estimates(params: &[Estimate]) -> Map<String, Value> {
    let one = |p: &Estimate| {
        let value = json!({
            "estimate": p.estimate, "se": p.se, "lower": p.lower, "upper": p.upper,
            "unit": p.unit, "at_bound": p.at_bound, "fixed": p.fixed,
        });
        (p.name.clone(), value)
    };
    params.iter().map(one).collect()
}

/// `kramers/fit@1` without its schema and data.
pub(super) fn fit(fit: &Fit, tests: &Diagnostics) -> Map<String, Value> {
    let params = estimates(&fit.params);
    let document = json!({
        "model": fit.model,
        "form": fit.form.name(),
        "form_why": fit.form_choice.why,
        "form_error_per_100": fit.form_choice.error,
        "objective": fit.objective,
        "optimizer": fit.optimizer,
        "status": fit.status.name(),
        "status_detail": fit.status.to_string(),
        "iterations": fit.iterations,
        "objective_value": fit.objective_value,
        "log_likelihood": fit.log_likelihood,
        "cross_entropy": fit.log_likelihood.filter(|_| fit.objective == Objective::Kl).map(|l| -l / fit.transitions as f64),
        "aic": fit.aic,
        "bic": fit.bic,
        "transitions": fit.transitions,
        "params": params,
        "starts": fit.starts,
        "diagnostics": diagnostics(tests),
        "warnings": fit.warnings,
    });
    match document {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn diagnostics(tests: &Diagnostics) -> Value {
    json!({
        "pit_ks_p": finite(tests.ks_p),
        "berkowitz_p": tests.berkowitz.as_ref().map(|b| finite(b.p)),
        "ljung_box_p": finite(tests.ljung_box_p),
        "squared_ljung_box_p": finite(tests.squared_ljung_box_p),
        "martingale_p": tests.martingale.as_ref().map(|m| finite(m.p)),
        "martingale_df": tests.martingale.as_ref().map(|m| m.df),
    })
}

pub(super) fn finite(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { Value::Null }
}

/// One horizon of a forecast.
pub(super) fn horizon(
    law: &Predictive,
    h: usize,
    time: f64,
    stamp: Option<Stamp>,
    component: &str,
    levels: &[f64],
) -> Value {
    let quantiles: Map<String, Value> =
        probabilities(levels).into_iter().map(|p| (format!("{}", round(p)), finite(law.quantile(p)))).collect();
    json!({
        "time": time,
        "label": stamp.map(format_stamp),
        "h": h,
        "component": component,
        "mean": law.mean(),
        "sd": law.sd(),
        "quantiles": quantiles,
    })
}

/// Probabilities at the ends of central intervals, and the median, increasing.
pub(super) fn probabilities(levels: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> = levels.iter().flat_map(|l| [0.5 - 0.5 * l, 0.5 + 0.5 * l]).chain([0.5]).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// Probabilities as they are written: without the noise of halving.
pub(super) fn round(p: f64) -> f64 {
    (p * 1e9).round() / 1e9
}

/// Score rows of one series: pooled first, then by horizon.
pub(super) fn scores(series: &str, scores: &Scores) -> Vec<Value> {
    let pooled = scores.pooled.iter().map(|m| score_row(series, m, json!("all"), &m.all));
    let by_horizon =
        scores.pooled.iter().flat_map(|m| m.by_horizon.iter().map(|(h, s)| score_row(series, m, json!(h), s)));
    pooled.chain(by_horizon).collect()
}

fn score_row(series: &str, model: &ModelScores, horizon: Value, s: &Scored) -> Value {
    let pooled = horizon == json!("all");
    let skill = model
        .skill
        .filter(|_| pooled)
        .map(|s| json!({ "random-walk": { "value": s.value, "se": s.se, "critical": s.critical } }));
    let mut row = json!({
        "series": series,
        "model": model.model,
        "baseline": model.baseline,
        "horizon": horizon,
        "windows": s.windows,
        "crps": finite(s.crps),
        "log_score": finite(s.log_score),
        "mae": finite(s.mae),
        "rmse": finite(s.rmse),
        "mase": finite(s.mase),
        "pinball": finite(s.pinball),
        "winkler": { "0.5": finite(s.winkler[0]), "0.8": finite(s.winkler[1]), "0.95": finite(s.winkler[2]) },
        "coverage": { "0.5": s.coverage_50, "0.8": s.coverage_80, "0.95": s.coverage_95 },
        "pit_ks_p": if pooled { finite(model.pit_ks_p) } else { Value::Null },
        "skill": skill.unwrap_or_else(|| json!({})),
        "diebold_mariano": if pooled { against(model) } else { json!({}) },
        "confidence_set_p": if pooled { finite(model.confidence_set_p) } else { Value::Null },
        "value_at_risk": if pooled { json!(model.risk) } else { json!([]) },
        "reliability": s.reliability.iter().map(reliability).collect::<Vec<_>>(),
        "pit": if pooled { pit(&model.pit_histogram) } else { Value::Null },
        "berkowitz": model.berkowitz.filter(|_| pooled),
    });
    paths(&mut row, model.joint.filter(|_| pooled));
    row
}

/// Scores of paths over all horizons: null where there are none, and of single horizons.
fn paths(row: &mut Value, joint: Option<JointScores>) {
    row["joint_windows"] = json!(joint.map_or(0, |j| j.windows));
    let each = joint.map(|j| [j.energy, j.variogram, j.variogram_by_distance]);
    for (k, name) in ["energy", "variogram", "variogram_by_distance"].into_iter().enumerate() {
        let number = |of: fn(Estimated) -> f64| each.map_or(Value::Null, |all| finite(of(all[k])));
        row[name] = number(|e| e.value);
        row[format!("{name}_se")] = number(|e| e.se);
    }
}

fn reliability(r: &Reliability) -> Value {
    json!({ "nominal": r.nominal, "observed": finite(r.observed), "low": r.low, "high": r.high })
}

/// Counts of a histogram of equal bins, and the range that all of them lie in together for 95 % of right laws.
fn pit(histogram: &PitHistogram) -> Value {
    json!({ "counts": histogram.counts, "low": histogram.low, "high": histogram.high })
}

/// Tests of equal accuracy, by the baseline they are against.
fn against(model: &ModelScores) -> Value {
    let each = model.against.iter().map(|a| {
        let tests = json!({
            "crps": a.crps, "log_score": a.log_score, "energy": a.joint.energy, "variogram": a.joint.variogram,
            "variogram_by_distance": a.joint.variogram_by_distance,
        });
        (a.baseline.clone(), tests)
    });
    Value::Object(each.collect())
}

/// The long table of a backtest as CSV: one row a series, model, cutoff and horizon. Scores of a window's paths stand at its longest horizon.
pub(super) fn long_table(series: &Series, result: &Backtest) -> String {
    let label = |row: usize| match &series.stamps {
        Some(stamps) => format_stamp(stamps[row]),
        None => series.time[row].to_string(),
    };
    let number = |v: Option<f64>| v.filter(|v| v.is_finite()).map_or(String::new(), |v| v.to_string());
    let mut out = String::new();
    for row in &result.rows {
        let quantiles: Vec<String> = row.quantiles.iter().map(|q| number(Some(*q))).collect();
        let cells = [
            csv_cell(&series.id),
            csv_cell(&result.models[row.model]),
            label(row.cutoff),
            label(row.cutoff + row.horizon),
            row.horizon.to_string(),
            number(Some(row.actual)),
            number(row.mean),
            number(row.sd),
            quantiles.join(","),
            number(Some(row.crps)),
            number(row.log_score),
            number(Some(row.pit)),
            number(row.joint.map(|j| j.energy)),
            number(row.joint.map(|j| j.variogram)),
            number(row.joint.map(|j| j.variogram_by_distance)),
        ];
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

/// Header of [`long_table`].
pub(super) fn long_header() -> String {
    long_columns().join(",") + "\n"
}

/// Names of the columns of the long table.
pub(super) fn long_columns() -> Vec<String> {
    let before = ["series", "model", "cutoff", "time", "horizon", "actual", "mean", "sd"].map(str::to_string);
    let quantiles = LEVELS.iter().map(|p| format!("q{p}"));
    before
        .into_iter()
        .chain(quantiles)
        .chain(["crps", "logs", "pit", "energy", "variogram", "variogram_by_distance"].map(str::to_string))
        .collect()
}

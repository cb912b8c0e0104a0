//! The page of a fit to replicates or mean curves.

use crate::base::{Error, Result};
use crate::cli::output::Folder;
use crate::cli::table::{short, short_or_dash};
use crate::cli::values::VERSION;
use crate::fit::snapshots::SnapshotFit;
use crate::fit::trajectories::{Trajectories, TrajectoryFit};
use crate::fit::{Estimate, Status};
use crate::models::Model;
use crate::report::{Beside, FittedPanel, FittedView, ReportError, TableView, fitted_html, with_unit};

/// Write the page beside `run.json`.
pub(super) fn write(folder: &Folder, view: &FittedView) -> Result<()> {
    let broken = |error: ReportError| Error::Numerics {
        what: "the page".to_string(),
        why: error.to_string(),
        hint: "this is a bug of kramers; --json gives the numbers without the page".to_string(),
    };
    folder.write("index.html", &fitted_html(view).map_err(broken)?)
}

/// Histograms of counts with their fitted probabilities, one panel a time.
pub(super) fn of_snapshots(model: &Model, id: &str, component: &str, fit: &SnapshotFit) -> FittedView {
    let unit = unit_of(model, component);
    let panels = fit.histograms.iter().map(|h| {
        let total: f64 = h.observed.iter().sum();
        FittedPanel {
            title: format!("t = {}, {} values", short(h.time), total),
            x: with_unit(component, &unit),
            y: "share, probability".to_string(),
            beside: Beside::Counts {
                first: 0.0,
                observed: h.observed.iter().map(|n| n / total.max(1.0)).collect(),
                fitted: h.fitted.clone(),
            },
        }
    });
    let rows = fit.fitted.iter().map(|c| {
        let numbers = [Some(c.mean), c.fitted_mean, Some(c.sd), c.fitted_sd].map(short_or_dash);
        [short(c.time), c.replicates.to_string()].into_iter().chain(numbers).collect()
    });
    let table = TableView {
        caption: "Means and standard deviations".to_string(),
        header: ["t", "values", "mean", "mean of the law", "sd", "sd of the law"].map(str::to_string).to_vec(),
        rows: rows.collect(),
    };
    let mut verdict = vec![reached(&fit.status, fit.observations, &format!("at {} times", fit.fitted.len()))];
    match fit.log_likelihood {
        Some(l) => verdict.push(format!("The log-likelihood is {l:.4}.")),
        None => verdict.push(format!("The objective is {}.", short(fit.objective_value))),
    }
    if let Some((low, high)) = fit.log_likelihood_bounds {
        verdict.push(format!("That of the whole master equation lies between {low:.6} and {high:.6}."));
    }
    view(model, id, verdict, &fit.warnings, &fit.params, panels.collect(), vec![table])
}

/// Points and curves, one panel a component and experiment.
pub(super) fn of_trajectories(model: &Model, id: &str, data: &[Trajectories], fit: &TrajectoryFit) -> FittedView {
    let mut panels = Vec::new();
    let mut tables = Vec::new();
    for (experiment, fitted) in data.iter().zip(&fit.fitted) {
        for (column, curve) in experiment.columns.iter().zip(fitted) {
            let measured = experiment.times.iter().zip(&column.values);
            let name = if data.len() > 1 {
                format!("{}, {}", experiment.name, column.component)
            } else {
                column.component.clone()
            };
            panels.push(FittedPanel {
                title: name.clone(),
                x: "t".to_string(),
                y: with_unit(&column.component, &unit_of(model, &column.component)),
                beside: Beside::Curve {
                    observed: measured.clone().filter_map(|(t, v)| Some((*t, (*v)?))).collect(),
                    fitted: experiment.times.iter().copied().zip(curve.iter().copied()).collect(),
                },
            });
            tables.push(TableView {
                caption: name,
                header: ["t", "measured", "fitted", "residual"].map(str::to_string).to_vec(),
                rows: measured
                    .zip(curve)
                    .map(|((t, v), c)| vec![short(*t), short_or_dash(*v), short(*c), short_or_dash(v.map(|v| v - c))])
                    .collect(),
            });
        }
    }
    let verdict = vec![
        reached(&fit.status, fit.observations, &format!("in {} experiments", data.len())),
        format!(
            "What is left over has a standard deviation of {}, on {} degrees of freedom.",
            short(fit.sd),
            fit.degrees_of_freedom
        ),
    ];
    view(model, id, verdict, &fit.warnings, &fit.params, panels, tables)
}

fn unit_of(model: &Model, component: &str) -> String {
    model.variables().into_iter().find(|(name, _)| name == component).map_or(String::new(), |(_, unit)| unit)
}

fn reached(status: &Status, values: usize, where_: &str) -> String {
    let end = match status {
        Status::Converged => "The fit converged".to_string(),
        other => format!("The fit ended as {other}, and its numbers are to be taken with care"),
    };
    format!("{end}: {values} values {where_}.")
}

fn view(
    model: &Model,
    id: &str,
    verdict: Vec<String>,
    warnings: &[String],
    params: &[Estimate],
    panels: Vec<FittedPanel>,
    tables: Vec<TableView>,
) -> FittedView {
    let row = |p: &Estimate| {
        let remark = if p.fixed {
            "held"
        } else if p.at_bound {
            "at bound"
        } else {
            ""
        };
        let numbers = [Some(p.estimate), p.se, p.lower, p.upper].map(short_or_dash);
        std::iter::once(p.name.clone()).chain(numbers).chain([p.unit.clone(), remark.to_string()]).collect()
    };
    FittedView {
        title: format!("{}: {id}", model.title),
        version: VERSION.to_string(),
        verdict,
        equations: model.equations(),
        notes: warnings.iter().map(|w| format!("Warning: {w}.")).collect(),
        estimates: TableView {
            caption: "Estimates with 95 % intervals".to_string(),
            header: ["parameter", "estimate", "s.e.", "2.5 %", "97.5 %", "unit", ""].map(str::to_string).to_vec(),
            rows: params.iter().map(row).collect(),
        },
        panels,
        tables,
        files: vec!["run.json".to_string()],
    }
}

//! The page of a fit to replicates, mean curves or the rows of a curve.

use crate::base::{Error, Result};
use crate::cli::output::Folder;
use crate::cli::report::{command::command, write_figures};
use crate::cli::table::{short, short_or_dash};
use crate::cli::values::VERSION;
use crate::fit::curve::CurveFit;
use crate::fit::snapshots::{Histogram, SnapshotFit};
use crate::fit::trajectories::{Trajectories, TrajectoryFit};
use crate::fit::{Estimate, Status};
use crate::form::curve::Compiled;
use crate::models::Model;
use crate::process::Process;
use crate::report::{
    Beside, FittedPanel, FittedSection, FittedView, ReportError, TableView, fitted_figures, fitted_html, fixed,
    with_unit,
};
use crate::stats;
use serde_json::Value;

/// Half the width of a 95 % range, in standard deviations.
const POINT: f64 = 1.959964;
/// Points of a curve between its rows.
const SMOOTH: usize = 121;

/// Write the page and the numbers of its figures beside `run.json`. `data` is the document's part on what was read.
pub(in crate::cli) fn write(folder: &Folder, view: FittedView, data: &Value, seed: u64) -> Result<()> {
    let broken = |error: ReportError| Error::Numerics {
        what: "the page".to_string(),
        why: error.to_string(),
        hint: "this is a bug of kramers; --json gives the numbers without the page".to_string(),
    };
    let text = |key: &str| data[key].as_str().map_or_else(|| data[key].to_string(), str::to_string);
    let provenance = [
        ("file", text("name")),
        ("sha256", text("sha256")),
        ("rows used", text("used")),
        ("seed", seed.to_string()),
        ("kramers", VERSION.to_string()),
    ];
    let view = FittedView {
        command: command(std::env::args()),
        provenance: provenance.map(|(label, value)| (label.to_string(), value)).to_vec(),
        ..view
    };
    write_figures(folder, &fitted_figures(&view), "panel")?;
    folder.write("index.html", &fitted_html(&view).map_err(broken)?)
}

/// Histograms of counts with their fitted probabilities, one panel a time.
pub(super) fn of_snapshots(model: &Model, id: &str, component: &str, fit: &SnapshotFit) -> FittedView {
    let unit = unit_of(model, component);
    let total = |h: &Histogram| h.observed.iter().sum::<f64>();
    let title = |h: &Histogram| format!("t = {}, {} values", short(h.time), total(h));
    let histogram = |h: &Histogram| FittedPanel {
        title: title(h),
        x: with_unit(component, &unit),
        y: "share, probability".to_string(),
        beside: Beside::Counts {
            first: 0.0,
            observed: h.observed.iter().map(|n| n / total(h).max(1.0)).collect(),
            fitted: h.fitted.clone(),
        },
    };
    let mut sections = Vec::new();
    if !fit.histograms.is_empty() {
        sections.push(FittedSection {
            name: "counts",
            subject: "Data and law",
            question: "Are the counts as the fitted law says?",
            said: "Every time has its own histogram; none of them was binned for the fit.".to_string(),
            note: "Bars are the shares of what was counted, the line is the fitted law.",
            panels: fit.histograms.iter().map(histogram).collect(),
        });
    }
    sections.push(count_residuals(component, &unit, fit));
    sections.push(conserved(model, &[], &[]));
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
    view(model, id, verdict, &fit.warnings, &fit.params, sections, vec![table])
}

/// How far the counts are from what the law expects, in standard deviations; of values without histograms the means are.
fn count_residuals(component: &str, unit: &str, fit: &SnapshotFit) -> FittedSection {
    let panel = |title: String, x: String, points: Vec<(f64, f64)>| FittedPanel {
        title,
        x,
        y: "standard deviations off".to_string(),
        beside: Beside::About { points, level: 0.0, band: POINT },
    };
    let panels: Vec<FittedPanel> = if fit.histograms.is_empty() {
        let off = |c: &crate::fit::snapshots::Checked| {
            let se = c.fitted_sd? / (c.replicates as f64).sqrt();
            Some((c.time, (c.mean - c.fitted_mean?) / se)).filter(|p| p.1.is_finite())
        };
        vec![panel("means".to_string(), "t".to_string(), fit.fitted.iter().filter_map(off).collect())]
    } else {
        let one = |h: &Histogram| {
            let n: f64 = h.observed.iter().sum();
            let off = |(k, (seen, p)): (usize, (&f64, &f64))| {
                // Pearson's residual of a binomial count; with less than one expected it is no normal number.
                let expected = n * p;
                (expected >= 1.0).then(|| (k as f64, (seen - expected) / (expected * (1.0 - p)).sqrt()))
            };
            let points = h.observed.iter().zip(&h.fitted).enumerate().filter_map(off).filter(|p| p.1.is_finite());
            panel(format!("t = {}", short(h.time)), with_unit(component, unit), points.collect())
        };
        fit.histograms.iter().map(one).collect()
    };
    residuals(
        panels,
        "Each dot is how far a count is from what the law expects, in its standard deviations. 95 of 100 lie in the grey range if the law is right.",
    )
}

/// Points and curves, one panel a component and experiment.
pub(super) fn of_trajectories(model: &Model, id: &str, data: &[Trajectories], fit: &TrajectoryFit) -> FittedView {
    let (mut panels, mut off) = (Vec::new(), Vec::new());
    for (experiment, fitted) in data.iter().zip(&fit.fitted) {
        for (column, curve) in experiment.columns.iter().zip(fitted) {
            let observed: Vec<(f64, f64)> =
                experiment.times.iter().zip(&column.values).filter_map(|(t, v)| Some((*t, (*v)?))).collect();
            let name = if data.len() > 1 {
                format!("{}, {}", experiment.name, column.component)
            } else {
                column.component.clone()
            };
            let y = with_unit(&column.component, &unit_of(model, &column.component));
            let measured = column.values.iter().zip(curve).enumerate();
            let scaled = measured.filter_map(|(i, (v, c))| {
                // A value that weighs w has a variance of sd²/w.
                let weight = column.weight.get(i).copied().unwrap_or(1.0);
                Some((experiment.times[i], ((*v)? - c) * weight.sqrt() / fit.sd)).filter(|p| p.1.is_finite())
            });
            off.push(FittedPanel {
                title: name.clone(),
                x: "t".to_string(),
                y: "standard deviations off".to_string(),
                beside: Beside::About { points: scaled.collect(), level: 0.0, band: POINT },
            });
            panels.push(FittedPanel {
                title: name,
                x: "t".to_string(),
                y,
                beside: Beside::Curve {
                    observed,
                    fitted: experiment.times.iter().copied().zip(curve.iter().copied()).collect(),
                },
            });
        }
    }
    let columns: Vec<&str> =
        data.first().map_or(Vec::new(), |d| d.columns.iter().map(|c| c.component.as_str()).collect());
    let verdict = vec![
        reached(
            &fit.status,
            fit.observations,
            &format!("in {} experiment{}", data.len(), if data.len() == 1 { "" } else { "s" }),
        ),
        left_over(fit.sd, fit.degrees_of_freedom),
    ];
    let sections = vec![curves(panels), residuals(off, OFF_THE_CURVE), conserved(model, &columns, data)];
    view(model, id, verdict, &fit.warnings, &fit.params, sections, Vec::new())
}

/// One experiment of a curve: its name, inputs and values.
pub(in crate::cli) struct CurveRows<'a> {
    pub name: &'a str,
    pub x: &'a [f64],
    pub y: &'a [f64],
}

/// Rows of a curve with the curve through them, one panel an experiment.
pub(in crate::cli) fn of_curve(model: &Model, id: &str, data: &[CurveRows], fit: &CurveFit) -> FittedView {
    let (input, output, unit) = match &model.process {
        Process::Curve(c) => {
            (with_unit(&c.input.name, &c.input.unit), with_unit(&c.output.name, &c.output.unit), c.output.unit.clone())
        }
        _ => Default::default(),
    };
    let (mut panels, mut off) = (Vec::new(), Vec::new());
    let mut at = 0;
    for rows in data {
        let fitted = fit.fitted.get(at..at + rows.x.len()).unwrap_or_default();
        at += rows.x.len();
        let panel =
            |y: &str, beside| FittedPanel { title: rows.name.to_string(), x: input.clone(), y: y.to_string(), beside };
        let mut through: Vec<(f64, f64)> = rows.x.iter().copied().zip(fitted.iter().copied()).collect();
        through.sort_by(|a, b| a.0.total_cmp(&b.0));
        let line = if data.len() == 1 { smooth(model, fit, rows.x) } else { None };
        let observed = rows.x.iter().copied().zip(rows.y.iter().copied()).collect();
        panels.push(panel(&output, Beside::Curve { observed, fitted: line.unwrap_or(through) }));
        let points = rows.x.iter().zip(rows.y).zip(fitted).map(|((x, y), f)| (*x, (y - f) / fit.sd));
        let points = points.filter(|p| p.1.is_finite()).collect();
        off.push(panel("standard deviations off", Beside::About { points, level: 0.0, band: POINT }));
    }
    let verdict = vec![
        reached(&fit.status, fit.rows, &format!("of {}", if unit.is_empty() { id } else { &output })),
        left_over(fit.sd, fit.degrees_of_freedom),
    ];
    let warnings: Vec<String> = fit.status.remedy().into_iter().collect();
    let sections = vec![curves(panels), residuals(off, OFF_THE_CURVE)];
    view(model, id, verdict, &warnings, &fit.params, sections, Vec::new())
}

/// The curve at even steps between the first and last input; none where it has no value at one of them.
fn smooth(model: &Model, fit: &CurveFit, x: &[f64]) -> Option<Vec<(f64, f64)>> {
    let (low, high) = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    let at: Vec<f64> = (0..SMOOTH).map(|i| low + (high - low) * i as f64 / (SMOOTH - 1) as f64).collect();
    let values = Compiled::new(model).ok()?.at(&fit.theta(), &at).ok()?.value;
    Some(at.into_iter().zip(values).collect())
}

const OFF_THE_CURVE: &str = "Each dot is how far a value is from the curve, in standard deviations of what is left over. 95 of 100 lie in the grey range if errors are normal and alike; a wave means that the curve has the wrong shape.";

fn curves(panels: Vec<FittedPanel>) -> FittedSection {
    FittedSection {
        name: "curves",
        subject: "Data and fit",
        question: "Does the fit go through the data?",
        said: "What was measured, and the fitted curve.".to_string(),
        note: "Dots are what was measured, the line is the fit.",
        panels,
    }
}

fn residuals(panels: Vec<FittedPanel>, note: &'static str) -> FittedSection {
    let all = panels.iter().flat_map(|p| match &p.beside {
        Beside::About { points, .. } => points.as_slice(),
        _ => &[],
    });
    let (n, outside) = all.fold((0usize, 0usize), |(n, out), p| (n + 1, out + usize::from(p.1.abs() > POINT)));
    FittedSection {
        name: "residuals",
        subject: "Residuals",
        question: "What did the fit leave over?",
        said: format!(
            "{outside} of {n} lie outside the grey range; {} would be expected by chance.",
            fixed(0.05 * n as f64, 1)
        ),
        note,
        panels,
    }
}

/// Whether what the reactions cannot change stays the same in the data.
fn conserved(model: &Model, columns: &[&str], data: &[Trajectories]) -> FittedSection {
    let (mut panels, mut said) = (Vec::new(), Vec::new());
    let laws = match &model.process {
        Process::Network(network) => network.conservation_laws().into_iter().map(|law| (network, law)).collect(),
        _ => Vec::new(),
    };
    for (network, law) in &laws {
        let text = law.print(network, f64::NAN);
        let name = text.split(" = ").next().unwrap_or_default().to_string();
        let missing: Vec<&str> = law
            .weights
            .iter()
            .map(|(s, _)| network.species[*s].name.as_str())
            .filter(|s| !columns.contains(s))
            .collect();
        if !missing.is_empty() {
            said.push(format!(
                "No reaction changes {name}; the data cannot show it, since {} was not measured.",
                missing.join(", ")
            ));
            continue;
        }
        for experiment in data {
            let points = totals(experiment, |name| {
                law.weights.iter().find(|(s, _)| network.species[*s].name == name).map(|(_, w)| *w as f64)
            });
            let values: Vec<f64> = points.iter().map(|p| p.1).collect();
            let (level, sd) = (stats::mean(&values), stats::sd(&values));
            if !sd.is_finite() {
                continue;
            }
            said.push(format!(
                "No reaction changes {name}: in {} it is {} on average, and varies by {} ({:.1} %).",
                experiment.name,
                short(level),
                short(sd),
                100.0 * sd / level.abs()
            ));
            panels.push(FittedPanel {
                title: format!("{name} in {}", experiment.name),
                x: "t".to_string(),
                y: "conserved sum".to_string(),
                beside: Beside::About { points, level, band: POINT * sd },
            });
        }
    }
    if laws.is_empty() {
        said.push(
            "The reactions of this model leave no sum of species unchanged, so there is nothing to check.".to_string(),
        );
    }
    FittedSection {
        name: "conserved",
        subject: "Conservation",
        question: "Does what must not change stay the same?",
        said: said.join(" "),
        note: "Dots are the conserved sum in the data, the dashed line is their mean. A slope means that something is lost, made, or not in the model.",
        panels,
    }
}

/// A weighted sum of columns at the times at which none is missing.
fn totals(experiment: &Trajectories, weight: impl Fn(&str) -> Option<f64>) -> Vec<(f64, f64)> {
    let columns: Vec<_> = experiment.columns.iter().filter_map(|c| Some((c, weight(&c.component)?))).collect();
    let at = |i: usize| columns.iter().map(|(c, w)| Some(w * c.values[i]?)).sum::<Option<f64>>();
    experiment.times.iter().enumerate().filter_map(|(i, t)| Some((*t, at(i)?))).collect()
}

fn left_over(sd: f64, degrees_of_freedom: usize) -> String {
    format!("What is left over has a standard deviation of {}, on {degrees_of_freedom} degrees of freedom.", short(sd))
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
    sections: Vec<FittedSection>,
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
        command: String::new(),
        provenance: Vec::new(),
        // What has neither a figure nor a word of its own to say is left out.
        sections: sections
            .into_iter()
            .filter(|s| !s.panels.is_empty() || matches!(model.process, Process::Network(_)))
            .collect(),
        tables,
        files: vec!["run.json".to_string(), "figures.json".to_string()],
    }
}

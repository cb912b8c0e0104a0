//! Pages of fits to mean curves and to the rows of a curve.

use super::conserved::{self, Record, Seen};
use super::{Fitted, part};
use crate::cli::table::short;
use crate::fit::curve::CurveFit;
use crate::fit::trajectories::{Trajectories, TrajectoryFit};
use crate::form::curve::Compiled;
use crate::models::Model;
use crate::process::Process;
use crate::report::view::Axis;
use crate::report::{Beside, FittedPanel, FittedPart, FittedSection, Named, fixed, with_unit};
use crate::stats;

/// Points of a curve between its rows.
const SMOOTH: usize = 121;
/// Lags of the test that residuals along a curve tell nothing of each other, and values that it needs.
const LAGS: usize = 10;
const ENOUGH: usize = 3 * LAGS;

/// Points and curves, one panel a component and experiment.
pub(in crate::cli::fit) fn of_trajectories(
    model: &Model,
    id: &str,
    data: &[Trajectories],
    fit: &TrajectoryFit,
) -> FittedPart {
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
            off.push((name.clone(), scaled.collect()));
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
    let record = |d: &'_ Trajectories| {
        (0..d.times.len()).map(|i| d.columns.iter().map(|c| c.values[i]).collect()).collect::<Vec<Vec<Option<f64>>>>()
    };
    let records: Vec<Record> =
        data.iter().map(|d| Record { name: &d.name, times: &d.times, rows: record(d) }).collect();
    let kept = conserved::section(model, &fit.theta, &columns, &records, Seen::Measured, "t");
    let tests = waves(&off);
    let mut sections = vec![curves(panels)];
    sections.extend(residuals(off, "t"));
    sections.push(kept);
    let experiments = format!("{} experiment{}", data.len(), if data.len() == 1 { "" } else { "s" });
    let told = Fitted {
        model,
        id,
        params: &fit.params,
        status: &fit.status,
        of: format!("{} values in {experiments}", fixed(fit.observations as f64, 0)),
        transform: "none",
        form: format!("means by {}", fit.means),
        time_unit: "",
        iterations: fit.iterations,
        likelihood: [None; 3],
        facts: left_over(fit.sd, fit.degrees_of_freedom, fit.squares),
        tests,
        warnings: &fit.warnings,
    };
    part(told, sections, Vec::new())
}

/// One experiment of a curve: its name, inputs and values.
pub(in crate::cli) struct CurveRows<'a> {
    pub name: &'a str,
    pub x: &'a [f64],
    pub y: &'a [f64],
}

/// Rows of a curve with the curve through them, one panel an experiment.
pub(in crate::cli) fn of_curve(model: &Model, id: &str, data: &[CurveRows], fit: &CurveFit) -> FittedPart {
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
        let mut points: Vec<(f64, f64)> = points.filter(|p| p.1.is_finite()).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        off.push((rows.name.to_string(), points));
    }
    let warnings: Vec<String> = fit.status.remedy().into_iter().collect();
    let tests = waves(&off);
    let mut sections = vec![curves(panels)];
    sections.extend(residuals(off, &input));
    let of = if unit.is_empty() { id } else { &output };
    let told = Fitted {
        model,
        id,
        params: &fit.params,
        status: &fit.status,
        of: format!("{} values of {of}", fixed(fit.rows as f64, 0)),
        transform: "none",
        form: "least squares on the curve's formula".to_string(),
        time_unit: "",
        iterations: fit.iterations,
        likelihood: [None; 3],
        facts: left_over(fit.sd, fit.degrees_of_freedom, fit.squares),
        tests,
        warnings: &warnings,
    };
    part(told, sections, Vec::new())
}

/// Whether what is left over along each curve tells nothing of what follows.
fn waves(off: &[Named<Vec<(f64, f64)>>]) -> Vec<(String, f64)> {
    let one = |(name, points): &Named<Vec<(f64, f64)>>| {
        let values: Vec<f64> = points.iter().map(|p| p.1).collect();
        let what = format!("{name}: no autocorrelation along the curve (Ljung-Box, {LAGS} lags)");
        (values.len() >= ENOUGH).then(|| (what, stats::ljung_box_p(&values, LAGS)))
    };
    off.iter().filter_map(one).collect()
}

/// What is left over, along the curve and by its size.
pub(super) fn residuals(off: Vec<Named<Vec<(f64, f64)>>>, x: &str) -> Vec<FittedSection> {
    let values =
        |(name, points): &Named<Vec<(f64, f64)>>| (name.clone(), points.iter().map(|p| p.1).collect::<Vec<f64>>());
    let of: Vec<Named<Vec<f64>>> = off.iter().map(values).filter(|(_, v)| v.len() >= 5).collect();
    let long: Vec<Named<Vec<f64>>> = of.iter().filter(|(_, v)| v.len() >= ENOUGH).cloned().collect();
    let mut sections = vec![FittedSection::residuals(off, Axis::Numbers, x, OFF_THE_CURVE)];
    if !of.is_empty() {
        sections.push(FittedSection::quantiles(of));
    }
    if !long.is_empty() {
        sections.push(FittedSection::acf(long));
    }
    sections
}

/// The curve at even steps between the first and last input; none where it has no value at one of them.
fn smooth(model: &Model, fit: &CurveFit, x: &[f64]) -> Option<Vec<(f64, f64)>> {
    let (low, high) = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    let at: Vec<f64> = (0..SMOOTH).map(|i| low + (high - low) * i as f64 / (SMOOTH - 1) as f64).collect();
    let values = Compiled::new(model).ok()?.at(&fit.theta(), &at).ok()?.value;
    Some(at.into_iter().zip(values).collect())
}

const OFF_THE_CURVE: &str = "Each dot is how far a value is from the curve, in standard deviations of what is left over. 95 of 100 lie in the grey range if errors are normal and alike; a wave means that the curve has the wrong shape.";

pub(super) fn curves(panels: Vec<FittedPanel>) -> FittedSection {
    FittedSection {
        name: "curves",
        subject: "Data and fit",
        question: "Does the fit go through the data?",
        said: "What was measured, and the fitted curve.".to_string(),
        note: "Dots are what was measured, the line is the fit.",
        panels,
    }
}

pub(super) fn left_over(sd: f64, degrees_of_freedom: usize, squares: f64) -> Vec<(String, String)> {
    vec![
        (
            "standard deviation left over".to_string(),
            format!("{}, on {degrees_of_freedom} degrees of freedom", short(sd)),
        ),
        ("sum of squares".to_string(), short(squares)),
    ]
}

fn unit_of(model: &Model, component: &str) -> String {
    model.variables().into_iter().find(|(name, _)| name == component).map_or(String::new(), |(_, unit)| unit)
}

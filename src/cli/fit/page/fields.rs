//! Pages of fits of fields to values measured at places and times.

use super::curves::{curves, left_over, residuals};
use super::{Fitted, POINT, part, plain};
use crate::fit::Estimate;
use crate::fit::field::FieldFit;
use crate::models::Model;
use crate::process::Field;
use crate::report::{Beside, FittedPanel, FittedPart, Named, fixed, with_unit};

/// What was measured: place, time and value of every row.
pub(in crate::cli) struct Rows<'a> {
    pub x: &'a [f64],
    pub t: &'a [f64],
    pub u: &'a [f64],
}

/// One panel a place through time or a time along the axis, whichever are fewer.
pub(in crate::cli) fn of_field(
    model: &Model,
    field: &Field,
    id: &str,
    rows: &Rows,
    fit: &FieldFit,
    warnings: &[String],
) -> FittedPart {
    let axis = &field.axes[0];
    let by_place = distinct(rows.x).len() <= distinct(rows.t).len();
    let (groups, along) = if by_place { (rows.x, rows.t) } else { (rows.t, rows.x) };
    let named = if by_place { axis.name.as_str() } else { "t" };
    let x = if by_place { "t".to_string() } else { with_unit(&axis.name, &axis.unit) };
    let y = with_unit(&field.unknown.name, &field.unknown.unit);
    let mut panels = Vec::new();
    let mut off: Vec<Named<Vec<(f64, f64)>>> = Vec::new();
    for group in distinct(groups) {
        let mut of: Vec<usize> = (0..groups.len()).filter(|i| groups[*i] == group).collect();
        of.sort_by(|a, b| along[*a].total_cmp(&along[*b]));
        let points = |values: &[f64]| of.iter().map(|i| (along[*i], values[*i])).collect::<Vec<(f64, f64)>>();
        let title = format!("{named} = {}", plain(group));
        let left = of.iter().map(|i| (along[*i], (rows.u[*i] - fit.fitted[*i]) / fit.sd));
        off.push((title.clone(), left.filter(|p| p.1.is_finite()).collect()));
        let beside = Beside::Curve { observed: points(rows.u), fitted: points(&fit.fitted) };
        panels.push(FittedPanel { title, x: x.clone(), y: y.clone(), beside });
    }
    let estimate = |k: usize| {
        let (value, se) = (fit.theta[k], fit.se[k]);
        Estimate {
            name: model.params[k].name.clone(),
            estimate: value,
            se,
            lower: se.map(|se| value - POINT * se),
            upper: se.map(|se| value + POINT * se),
            unit: model.params[k].unit.clone(),
            at_bound: false,
            fixed: fit.held[k],
        }
    };
    let params: Vec<Estimate> = (0..fit.theta.len()).map(estimate).collect();
    let mut facts =
        left_over(fit.sd, rows.u.len().saturating_sub(params.iter().filter(|p| !p.fixed).count()), fit.squares);
    facts.push(("error of the grid".to_string(), format!("about {:.0e}", fit.grid_error)));
    let mut sections = vec![curves(panels)];
    sections.extend(residuals(off, &x));
    let told = Fitted {
        model,
        id,
        params: &params,
        status: &fit.status,
        of: format!("{} values of {}", fixed(rows.u.len() as f64, 0), field.unknown.name),
        transform: "none",
        form: "least squares on the solved equation".to_string(),
        time_unit: "",
        iterations: fit.iterations,
        likelihood: [None; 3],
        facts,
        tests: Vec::new(),
        warnings,
    };
    part(told, sections, Vec::new())
}

fn distinct(values: &[f64]) -> Vec<f64> {
    let mut all = values.to_vec();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

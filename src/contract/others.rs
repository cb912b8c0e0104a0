//! The contract of what has no law of a state: fields, values, curves and potentials.

use super::agreement::Agreement;
use super::{Cell, Clause, Effort, Outcome, clause, larger};
use crate::base::Result;
use crate::base::rng::Key;
use crate::form::value::value;
use crate::form::{Accuracy, Form, curve, field, schroedinger};
use crate::models::Model;
use crate::process::Process;

/// Change of a field's profile from half as many cells, against its range.
const FIELD_BOUND: f64 = 5e-3;
/// Difference of a value by a grid from the reference, against the value.
const VALUE_BOUND: f64 = 1e-3;
/// Relative change of an energy from a coarser grid.
const ENERGY_BOUND: f64 = 1e-6;

fn cell(form: &str, kept: bool, disagreement: f64, found: String) -> Cell {
    let outcome = if kept { Outcome::Kept } else { Outcome::Broken };
    Cell { form: form.to_string(), outcome, disagreement: Some(disagreement), found }
}

fn failed(form: &str, found: String) -> Cell {
    Cell { form: form.to_string(), outcome: Outcome::Broken, disagreement: None, found }
}

fn not_here(form: Form, found: String) -> Cell {
    Cell { form: form.name().to_string(), outcome: Outcome::Absent, disagreement: None, found }
}

/// The agreement of a field, value, curve or potential; `None` for what has a law of a state.
pub(super) fn agree(model: &Model, theta: &[f64], effort: Effort, key: Key) -> Option<Agreement> {
    match &model.process {
        Process::Field(_) => Some(of_field(model, theta)),
        Process::Value(_) => Some(of_value(model, theta, effort, key)),
        Process::Curve(_) => Some(Agreement {
            reference: "differences".to_string(),
            clauses: vec![of_curve(model, theta)],
            cells: Vec::new(),
        }),
        Process::Potential(_) => Some(of_potential(model, theta)),
        Process::Diffusion(_) | Process::Network(_) => None,
    }
}

/// Finite volumes on the usual cells and on half as many, and the balance of what flowed.
fn of_field(model: &Model, theta: &[f64]) -> Agreement {
    let usual = field::Options::usual(model);
    let on = |cells: usize| field::solve(model, theta, &[model.horizon], &field::Options { cells, ..usual.clone() });
    let name = Form::FokkerPlanck.name();
    let (cells, clauses) = match (on(usual.cells), on(usual.cells / 2)) {
        (Ok(fine), Ok(coarse)) => {
            // Every second node of the fine profile is a node of the coarse one.
            let fine = fine.thinned(2);
            let (a, b) = (&fine.u[0], &coarse.u[0]);
            let range =
                |u: &[f64]| u.iter().fold(f64::MIN, |m, v| m.max(*v)) - u.iter().fold(f64::MAX, |m, v| m.min(*v));
            let scale = range(a).max(1e-300);
            let worst = b.iter().zip(a).map(|(x, y)| (x - y).abs()).fold(0.0, larger) / scale;
            let (half, whole) = (usual.cells / 2, usual.cells);
            let found = format!("largest change of the profile from {half} to {whole} cells at t = {}", model.horizon);
            (vec![cell(name, worst <= FIELD_BOUND, worst, found)], vec![balance(model, theta)])
        }
        (Err(e), _) | (_, Err(e)) => (vec![failed(name, e.to_string())], Vec::new()),
    };
    let absent = Form::of_kind(&model.process).filter_map(|f| Some(not_here(f, f.why_not(model)?)));
    let cells = cells.into_iter().chain(absent).collect();
    Agreement { reference: "twice the cells".to_string(), clauses, cells }
}

/// Between two times the total changes by what flowed in and was made, and by nothing else.
fn balance(model: &Model, theta: &[f64]) -> Clause {
    let times = [0.5 * model.horizon, model.horizon];
    let usual = field::Options::usual(model);
    let solved = field::solve(model, theta, &times, &field::Options { cells: usual.cells / 2, ..usual });
    match solved.as_ref().map(|p| p.balance.as_slice()) {
        Ok([a, b]) => {
            let out = |b: &field::Balance| b.left + b.right + b.bottom + b.top;
            let flowed = out(a) - out(b) + (b.source - a.source);
            let size = [a.total, b.total, b.left, b.right, b.bottom, b.top, b.source]
                .iter()
                .map(|v| v.abs())
                .fold(1e-300, f64::max);
            let off = (b.total - a.total - flowed).abs() / size;
            clause("balance", off <= 1e-9, format!("total, flows and source close within {off:.0e}"))
        }
        Ok(_) => super::absent("balance", "the equation is not conservative"),
        Err(e) => clause("balance", false, e.to_string()),
    }
}

/// Every form that answers the value, against the closed law or the first that does.
fn of_value(model: &Model, theta: &[f64], effort: Effort, key: Key) -> Agreement {
    let start: Vec<f64> = model.initial_values(theta).into_iter().map(|x| x.unwrap_or(1.0)).collect();
    let ask = |form: Form| {
        let accuracy = Accuracy { paths: effort.paths, ..Accuracy::default() };
        value(model, form, theta, &start, accuracy, key)
    };
    let best = Form::of_choice(model);
    let reference = match ask(best) {
        Ok(valued) => valued.value,
        Err(e) => {
            return Agreement {
                reference: best.name().to_string(),
                clauses: vec![clause("forms", false, e.to_string())],
                cells: Vec::new(),
            };
        }
    };
    let cells = Form::of_kind(&model.process)
        .map(|form| match form.why_not(model).map_or_else(|| Ok(ask(form)), Err) {
            Err(why) => not_here(form, why),
            Ok(Err(e)) => failed(form.name(), e.to_string()),
            Ok(Ok(v)) => {
                let size = reference.abs().max(1e-300);
                let off = (v.value - reference).abs() / size;
                let sampled = if form == Form::MonteCarlo { 4.0 * v.error.unwrap_or(0.0) / size } else { 0.0 };
                let found = format!("{:.6}, the reference {reference:.6}", v.value);
                cell(form.name(), off <= VALUE_BOUND + sampled, off, found)
            }
        })
        .collect();
    Agreement { reference: best.name().to_string(), clauses: Vec::new(), cells }
}

/// The Jacobian of a curve against differences of its values.
fn of_curve(model: &Model, theta: &[f64]) -> Clause {
    let xs = [0.3, 1.0, 2.0, 5.0, 300.0];
    let worst = || -> Result<f64> {
        let slopes = curve::Compiled::new(model)?.at(theta, &xs)?;
        let mut worst: f64 = 0.0;
        for (k, slope) in slopes.jacobian.iter().enumerate() {
            let h = 1e-5 * theta[k].abs().max(1e-3);
            let at = |move_by: f64| {
                let mut moved = theta.to_vec();
                moved[k] += move_by;
                curve::evaluate(model, &moved, &xs)
            };
            let (up, down, twice, under) = (at(h)?, at(-h)?, at(2.0 * h)?, at(-2.0 * h)?);
            for i in 0..xs.len() {
                let quotient = (8.0 * (up[i] - down[i]) - (twice[i] - under[i])) / (12.0 * h);
                let scale = slope[i].abs() + slopes.value[i].abs() / theta[k].abs().max(1e-3);
                worst = larger(worst, (quotient - slope[i]).abs() / scale.max(1e-300));
            }
        }
        Ok(worst)
    };
    match worst() {
        Ok(w) => clause("gradient", w <= 1e-8, format!("Jacobian within {w:.0e} of differences")),
        Err(e) => clause("gradient", false, e.to_string()),
    }
}

/// The lowest levels, and how far a coarser grid moves them.
fn of_potential(model: &Model, theta: &[f64]) -> Agreement {
    let found = schroedinger::bound_states(model, theta, 3);
    let cells = match found {
        Ok(states) => {
            let size = states.energies.iter().map(|e| e.abs()).fold(0.0, f64::max).max(1e-300);
            let worst = states.errors.iter().copied().fold(0.0, larger) / size;
            let levels: Vec<String> = states.energies.iter().map(|e| format!("{e:.6}")).collect();
            vec![cell("schroedinger", worst <= ENERGY_BOUND, worst, format!("E = {}", levels.join(", ")))]
        }
        Err(e) => vec![failed("schroedinger", e.to_string())],
    };
    Agreement { reference: "a coarser grid".to_string(), clauses: Vec::new(), cells }
}

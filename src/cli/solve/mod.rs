//! `kramers solve`: a law, a field, a value, a spectrum or a curve, at asked times.

mod law;
mod passage;
mod rates;
mod value;

use super::Outcome;
use super::args::{Common, SolveArgs};
use super::field::of_field;
use super::input::read_model;
use super::output::{Folder, Output};
use super::table::{short, table};
use super::values::VERSION;
use crate::base::{Error, Params, Result};
use crate::form::{Accuracy, Form, curve, monte_carlo, schroedinger};
use crate::models::Model;
use crate::process::{Curve, Process};
use law::of_law;
use passage::of_passage;
use serde_json::{Map, Value, json};
use value::of_value;

/// What a kind of model answers: text for people and its part of the document.
pub(super) struct Answer {
    pub text: String,
    pub form: String,
    pub body: Map<String, Value>,
    /// The tolerance asked for and not reached.
    pub missed: Option<f64>,
}

pub(super) fn run(args: &SolveArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let folder = Folder::asked(common)?;
    let model = read_model(&args.model, output)?;
    let mut params = model.default_params();
    for (name, value) in &args.set {
        params.set(name, *value)?;
    }
    refuse_what_does_not_apply(&model, args)?;
    let mut times = if args.at.is_empty() { vec![model.horizon] } else { args.at.clone() };
    times.sort_by(f64::total_cmp);
    times.dedup();
    // A curve's inputs are what its domain holds; times are after the start.
    if let Some(time) = times.iter().find(|t| !matches!(model.process, Process::Curve(_)) && !(**t > 0.0)) {
        let expected = "times above zero".to_string();
        return Err(Error::BadOption { flag: "--at".to_string(), value: time.to_string(), expected, hint: None });
    }
    let answer = match &model.process {
        _ if !args.passage.is_empty() => of_passage(&model, &params, args, &times)?,
        Process::Diffusion(_) | Process::Network(_) => of_law(&model, &params, args, common, &times)?,
        Process::Field(field) => of_field(&model, field, &params, args, &times, folder.as_ref())?,
        Process::Value(_) => of_value(&model, &params, args, common)?,
        Process::Potential(_) => of_potential(&model, &params)?,
        Process::Curve(process) => of_curve(&model, process, &params, &times)?,
    };
    output.text(&answer.text);
    let mut document = Map::new();
    document.insert("schema".into(), json!("kramers/solve@1"));
    document.insert("version".into(), json!(VERSION));
    document.insert("seed".into(), json!(common.seed));
    document.insert("model".into(), json!(model.id));
    document.insert("form".into(), json!(answer.form));
    let values = params.list.iter().zip(&params.values).map(|(p, v)| (p.name.clone(), json!(v)));
    document.insert("params".into(), Value::Object(values.collect()));
    document.extend(answer.body);
    let missed = answer.missed.map(|tol| format!("the error asked for, {tol:e}, was not reached or is not known"));
    document.insert("warnings".into(), json!(missed.as_slice()));
    let document = Value::Object(document);
    output.deliver(&document, folder.as_ref())?;
    Ok(if missed.is_none() { Outcome::Good } else { Outcome::Flagged })
}

/// A flag that would change nothing is a misunderstanding.
fn refuse_what_does_not_apply(model: &Model, args: &SolveArgs) -> Result<()> {
    let given = [
        ("--profile", args.profile.is_some()),
        ("--passage", !args.passage.is_empty()),
        ("--scheme", args.scheme.is_some()),
        ("--tol", args.tol.is_some()),
        ("--grid", !args.grid.is_empty()),
        ("--form", args.form != "auto"),
        ("--from", !args.from.is_empty()),
        ("--at", !args.at.is_empty()),
        ("--cells", args.cells.is_some()),
        ("--paths", args.paths.is_some()),
        ("--step", args.step.is_some()),
    ];
    let is_line = model.variables().len() == 1;
    let (what, apply): (&str, &[&str]) = match &model.process {
        Process::Network(_) if !args.passage.is_empty() => {
            ("the mean time until a network has a count", &["--passage", "--from"])
        }
        _ if !args.passage.is_empty() => {
            ("a first passage, which is by fokker-planck", &["--passage", "--from", "--at", "--tol", "--cells"])
        }
        Process::Diffusion(_) if is_line => (
            "a diffusion",
            &["--form", "--from", "--at", "--tol", "--cells", "--paths", "--step", "--scheme", "--passage", "--grid"],
        ),
        Process::Diffusion(_) => (
            "a diffusion of several states",
            &["--form", "--from", "--at", "--tol", "--cells", "--paths", "--step", "--scheme", "--passage"],
        ),
        Process::Network(_) => ("a network", &["--form", "--from", "--at", "--tol", "--paths", "--step", "--passage"]),
        Process::Value(_) => ("a value", &["--form", "--from", "--tol", "--cells", "--paths", "--step", "--scheme"]),
        Process::Field(_) => ("a field", &["--at", "--tol", "--cells", "--step", "--scheme", "--profile"]),
        Process::Curve(_) => ("a curve", &["--at"]),
        Process::Potential(_) => ("a potential", &[]),
    };
    match given.into_iter().find(|(flag, given)| *given && !apply.contains(flag)) {
        None => Ok(()),
        Some((flag, _)) => Err(Error::BadOption {
            flag: flag.to_string(),
            value: match flag {
                "--form" => args.form.clone(),
                "--scheme" => args.scheme.clone().unwrap_or_default(),
                _ => "given".to_string(),
            },
            expected: format!("it says nothing about {what}, such as '{}'", model.id),
            hint: Some(format!("leave {flag} out; kramers models {} shows what the model has", args.model)),
        }),
    }
}

/// The form asked for; `None` leaves the choice to us.
fn form_asked(args: &SolveArgs, model: &Model) -> Result<Option<Form>> {
    match (args.form.as_str(), Form::named(&args.form)) {
        ("auto", _) => Ok(None),
        (_, Some(form)) => form.require(model).map(|()| Some(form)),
        (name, None) => Err(Error::BadOption {
            flag: "--form".to_string(),
            value: name.to_string(),
            expected: format!(
                "one of auto, {}",
                Form::of(model).iter().map(|f| f.name()).collect::<Vec<_>>().join(", ")
            ),
            hint: Some("--form auto takes the closed law where there is one".to_string()),
        }),
    }
}

/// How much work is done; a scheme that is none of paths of a diffusion was looked at before.
fn accuracy(args: &SolveArgs) -> Accuracy {
    let default = Accuracy::default();
    let scheme = args.scheme.as_deref().and_then(monte_carlo::Scheme::named);
    Accuracy {
        scheme: scheme.unwrap_or(default.scheme),
        cells: args.cells.unwrap_or(default.cells),
        paths: args.paths.unwrap_or(default.paths),
        goal: args.tol,
        step: args.step,
        ..default
    }
}

/// The lowest levels.
fn of_potential(model: &Model, params: &Params) -> Result<Answer> {
    const LEVELS: usize = 6;
    let states = schroedinger::bound_states(model, &params.values, LEVELS)?;
    let rows: Vec<Vec<String>> = states
        .energies
        .iter()
        .zip(&states.errors)
        .enumerate()
        .map(|(n, (e, error))| vec![n.to_string(), format!("{e:.10}"), format!("{error:.0e}")])
        .collect();
    let text = format!("{}: the lowest levels\n\n{}", model.id, table(&["n", "energy", "error"], &rows));
    let body = Map::from_iter([
        ("eigenvalues".to_string(), json!(states.energies)),
        ("errors".to_string(), json!(states.errors)),
    ]);
    Ok(Answer { text, form: "schroedinger".to_string(), body, missed: None })
}

/// A curve at the asked inputs.
fn of_curve(model: &Model, process: &Curve, params: &Params, inputs: &[f64]) -> Result<Answer> {
    let values = curve::evaluate(model, &params.values, inputs)?;
    let rows: Vec<Vec<String>> = inputs.iter().zip(&values).map(|(x, y)| vec![short(*x), short(*y)]).collect();
    let text = table(&[&process.input.name, &process.output.name], &rows);
    let body = Map::from_iter([("x".to_string(), json!(inputs)), ("y".to_string(), json!(values))]);
    Ok(Answer { text, form: "curve".to_string(), body, missed: None })
}

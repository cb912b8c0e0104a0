//! The value of a payoff.

use super::{Answer, accuracy, form_asked};
use crate::base::rng::Key;
use crate::base::{Error, Params, Purpose, Result, Seed, suggest::nearest};
use crate::cli::args::{Common, SolveArgs};
use crate::cli::start::point;
use crate::cli::table::{short, short_or_dash, table};
use crate::form::value::{Method, Sampled, value, value_by};
use crate::form::{Accuracy, Form};
use crate::models::Model;
use serde_json::{Map, json};

/// One form's value, or with `auto` every form's, the one of choice first in the document; or by paths of one method.
pub(super) fn of_value(model: &Model, params: &Params, args: &SolveArgs, common: &Common) -> Result<Answer> {
    let start = point(&args.from, model, &params.values)?;
    let key = Seed(common.seed).key(Purpose::Simulation, 0, 0);
    let asked = form_asked(args, model)?;
    if let Some(method) = method(args, asked)? {
        return by_paths(model, method, params, &start, args, key);
    }
    let best = asked.unwrap_or_else(|| Form::of_choice(model));
    let forms = asked.map_or_else(|| Form::of(model), |form| vec![form]);
    let accuracy = Accuracy { goal: None, ..accuracy(args) };
    let (mut rows, mut reasons) = (Vec::new(), String::new());
    let mut chosen = (f64::NAN, None);
    let mut all = Vec::new();
    for form in forms {
        let found = match (form, args.tol) {
            (Form::MonteCarlo, Some(_)) => {
                sampled(model, params, &start, args, key).map(|found| (found.value, Some(total(&found)), None))
            }
            _ => value(model, form, &params.values, &start, accuracy, key)
                .map(|found| (found.value, found.error, found.delta)),
        };
        let (worth, error, delta) = match found {
            // What one form cannot do says nothing against the others.
            Err(Error::Numerics { why, .. }) if form != best => {
                rows.push(vec![form.name().to_string(), short_or_dash(None), short_or_dash(None), short_or_dash(None)]);
                reasons.push_str(&format!("\nno value by {}: {why}\n", form.name()));
                all.push(json!({ "form": form.name(), "why": why }));
                continue;
            }
            found => found?,
        };
        let cells = [format!("{worth:.6}"), short_or_dash(error), short_or_dash(delta)];
        rows.push(std::iter::once(form.name().to_string()).chain(cells).collect());
        if form == best {
            chosen = (worth, error);
        }
        all.push(json!({ "form": form.name(), "value": worth, "error": error, "delta": delta }));
    }
    let text = format!("{}\n\n{}{reasons}", model.id, table(&["form", "value", "error", "delta"], &rows));
    let body = Map::from_iter([
        ("value".to_string(), json!(chosen.0)),
        ("error".to_string(), json!(chosen.1)),
        ("forms".to_string(), json!(all)),
    ]);
    let missed = args.tol.filter(|tol| chosen.1.is_some_and(|error| error > *tol));
    Ok(Answer { text, form: best.name().to_string(), body, missed })
}

/// The way of making paths asked for.
fn method(args: &SolveArgs, form: Option<Form>) -> Result<Option<Method>> {
    let Some(name) = &args.scheme else { return Ok(None) };
    let names = Method::ALL.map(Method::name);
    let wrong = |expected: String, hint: Option<String>| Error::BadOption {
        flag: "--scheme".to_string(),
        value: name.clone(),
        expected,
        hint,
    };
    if form.is_some_and(|form| form != Form::MonteCarlo) {
        let expected = format!("of a value it says how paths are made, and --form {} makes none", args.form);
        return Err(wrong(expected, Some("--form monte-carlo".to_string())));
    }
    let near = nearest(name, names.iter().copied()).map(|near| format!("did you mean --scheme {near}?"));
    Method::named(name).map(Some).ok_or_else(|| wrong(format!("of a value one of {}", names.join(", ")), near))
}

/// Levels of paths where they apply, plain paths elsewhere, to the tolerance.
fn sampled(model: &Model, params: &Params, start: &[f64], args: &SolveArgs, key: Key) -> Result<Sampled> {
    match value_by(model, Method::Multilevel, &params.values, start, accuracy(args), key) {
        Err(Error::FormUnavailable { .. }) => {
            value_by(model, Method::Plain, &params.values, start, accuracy(args), key)
        }
        other => other,
    }
}

/// Root of the mean square error as far as it is known.
fn total(found: &Sampled) -> f64 {
    let bias = found.bias.unwrap_or(0.0);
    (found.error * found.error + bias * bias).sqrt()
}

fn by_paths(
    model: &Model,
    method: Method,
    params: &Params,
    start: &[f64],
    args: &SolveArgs,
    key: Key,
) -> Result<Answer> {
    let found = value_by(model, method, &params.values, start, accuracy(args), key)?;
    let report = &found.report;
    let mut text =
        format!("{} by {} paths: {:.6} ± {}", model.id, report.method.name(), found.value, short(found.error));
    if let Some(bias) = found.bias {
        text.push_str(&format!(", and a bias of the steps of about {}", short(bias)));
    }
    let rows: Vec<Vec<String>> = report
        .levels
        .iter()
        .map(|l| vec![l.steps.to_string(), l.samples.to_string(), short(l.mean), short(l.variance), short(l.cost)])
        .collect();
    let header = ["steps", "samples", "mean", "variance", "cost of one"];
    text.push_str(&format!("\n\n{}", table(&header, &rows)));
    text.push_str(&format!(
        "\n{} steps of a path in all; {} by theory from these variances; plain paths of the finest step would take {}\n",
        short(report.cost),
        short(report.predicted),
        short(report.plain)
    ));
    if let Some((mean, variance)) = report.orders {
        text.push_str(&format!(
            "corrections fall with the step to the power {mean:.2}, their variance {variance:.2}\n"
        ));
    }
    let levels = report.levels.iter().map(
        |l| json!({ "steps": l.steps, "samples": l.samples, "mean": l.mean, "variance": l.variance, "cost": l.cost }),
    );
    let body = Map::from_iter([
        ("value".to_string(), json!(found.value)),
        ("error".to_string(), json!(found.error)),
        ("bias".to_string(), json!(found.bias)),
        ("scheme".to_string(), json!(report.method.name())),
        ("levels".to_string(), levels.collect()),
        ("cost".to_string(), json!({ "steps": report.cost, "predicted": report.predicted, "plain": report.plain })),
    ]);
    let missed = args.tol.filter(|tol| total(&found) > *tol);
    Ok(Answer { text, form: Form::MonteCarlo.name().to_string(), body, missed })
}

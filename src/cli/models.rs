//! `kramers models`: the registry, or one model's card.

use super::Outcome;
use super::args::{Common, ModelsArgs};
use super::input::read_model;
use super::output::{Folder, Output};
use super::table::{short, table};
use super::values::VERSION;
use super::verify;
use crate::base::{Param, Result};
use crate::form::Form;
use crate::form::moments::moment_formulas;
use crate::models::{Model, built_in, built_in_ids};
use crate::process::{Distribution, Initial, Process, State};
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn run(args: &ModelsArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let folder = Folder::asked(common)?;
    let models = match &args.model {
        Some(name) => vec![read_model(name, output)?],
        None => built_in_ids().map(built_in).collect::<Result<Vec<_>>>()?,
    };
    if args.verify {
        let (outcome, contracts) = verify::run(&models, common.seed, output);
        let document =
            json!({ "schema": "kramers/models@1", "version": VERSION, "seed": common.seed, "contracts": contracts });
        output.deliver(&document, folder.as_ref())?;
        return Ok(outcome);
    }
    match (&args.model, models.as_slice()) {
        (Some(_), [model]) => output.text(&card(model)),
        _ => {
            let rows: Vec<Vec<String>> = models
                .iter()
                .map(|m| vec![m.id.clone(), m.process.kind().to_string(), m.title.clone(), m.tags.join(", ")])
                .collect();
            output.text(&table(&["model", "kind", "what it is", "tags"], &rows));
            if !output.json {
                output.say("\nhint: kramers models ID shows one model's parameters, forms and source");
            }
        }
    }
    let document = json!({
        "schema": "kramers/models@1",
        "version": VERSION,
        "models": models.iter().map(model_document).collect::<Vec<_>>(),
    });
    output.deliver(&document, folder.as_ref())?;
    Ok(Outcome::Good)
}

fn model_document(model: &Model) -> Value {
    let domains = domains(model);
    let domain = |d: &(String, f64, f64)| json!([bound(d.1), bound(d.2)]);
    json!({
        "id": model.id, "title": model.title, "kind": model.process.kind(), "tags": model.tags,
        "equation": model.equation(),
        // One state's own domain, as ever; several by name.
        "domain": match domains.as_slice() {
            [one] => domain(one),
            all => Value::Object(all.iter().map(|d| (d.0.clone(), domain(d))).collect()),
        },
        "variables": model.variables().iter().map(|(name, unit)| json!({ "name": name, "unit": unit })).collect::<Vec<_>>(),
        "parameters": model.params.iter().map(|p| json!({
            "name": p.name, "meaning": p.meaning, "unit": p.unit, "default": p.default,
            "bounds": [bound(p.lower), bound(p.upper)],
        })).collect::<Vec<_>>(),
        "forms": Form::of(model).iter().map(|f| f.name()).collect::<Vec<_>>(),
        "forms_not": Form::of_kind(&model.process).filter_map(|f| Some((f.name().to_string(), json!(f.why_not(model)?))))
            .collect::<serde_json::Map<_, _>>(),
        "law": model.law.as_ref().map(|l| l.law.name()), "source": model.source,
    })
}

/// An infinite bound has no number in JSON.
fn bound(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

/// Name and ends of every state that has them.
fn domains(model: &Model) -> Vec<(String, f64, f64)> {
    let of = |s: &State| (s.name.clone(), s.lower, s.upper);
    match &model.process {
        Process::Diffusion(p) => p.states.iter().map(of).collect(),
        Process::Value(p) => p.under.states.iter().map(of).collect(),
        Process::Potential(p) => vec![of(&p.state)],
        Process::Curve(p) => [&p.input, &p.output].iter().map(|q| (q.name.clone(), q.lower, q.upper)).collect(),
        Process::Network(p) => p.species.iter().map(|s| (s.name.clone(), 0.0, f64::INFINITY)).collect(),
        Process::Field(_) => Vec::new(),
    }
}

/// Everything a person wants to know before using a model.
fn card(model: &Model) -> String {
    let mut out = format!("{} ({})\n\n", model.title, model.id);
    let calculus = if matches!(model.process, Process::Diffusion(_)) { "   (Itô)" } else { "" };
    for (i, line) in model.unicode_equations().iter().enumerate() {
        let _ = writeln!(out, "  {line}{}", if i == 0 { calculus } else { "" });
    }
    out.push('\n');
    out.push_str(&variables(model));
    if !model.params.is_empty() {
        let rows: Vec<Vec<String>> = model.params.iter().map(param_row).collect();
        let _ = writeln!(out, "{}", table(&["parameter", "meaning", "unit", "default", "bounds"], &rows));
    }
    let law = match &model.law {
        Some(claim) => format!("{} (checked against the equation on load)", claim.law.name()),
        None => "none in closed form".to_string(),
    };
    let mut lines = vec![("kind", model.process.kind().to_string())];
    if model.scalar().is_some() {
        lines.push(("law", law));
    }
    let start = model.default_start(&model.default_params().values);
    if let (Process::Network(network), Some(start)) = (&model.process, &start) {
        for law in network.conservation_laws() {
            lines.push(("keeps", law.print(network, law.total(start))));
        }
    }
    for (i, formula) in moment_formulas(model).into_iter().enumerate() {
        lines.push((if i == 0 { "moments" } else { "" }, formula));
    }
    let forms: Vec<&str> = Form::of(model).iter().map(|f| f.name()).collect();
    let by_solve = match &model.process {
        Process::Potential(_) => Some("schroedinger: the bound states, by kramers solve"),
        Process::Curve(_) => Some("its own values, by kramers solve --at"),
        _ => None,
    };
    lines.push(("forms", by_solve.map_or_else(|| forms.join(", "), str::to_string)));
    // Forms that do not apply for one reason share a line.
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (form, why) in Form::of_kind(&model.process).filter_map(|f| Some((f.name(), f.why_not(model)?))) {
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, forms)) => forms.push(form),
            None => reasons.push((why, vec![form])),
        }
    }
    lines.extend(reasons.iter().map(|(why, forms)| ("", format!("not {}: {why}", forms.join(", ")))));
    lines.push(("tags", model.tags.join(", ")));
    lines.push(("source", model.source.clone()));
    for (name, text) in lines {
        let _ = writeln!(out, "{name:<8}{text}");
    }
    out
}

fn param_row(p: &Param) -> Vec<String> {
    let bounds = format!("[{}, {}]", short(p.lower), short(p.upper));
    vec![p.name.clone(), p.meaning.clone(), p.unit.clone(), short(p.default), bounds]
}

/// What moves, where it lives, how it starts, and what of it is measured.
fn variables(model: &Model) -> String {
    let theta = model.default_params().values;
    let starts = model.initial_values(&theta);
    let domains = domains(model);
    let rows: Vec<Vec<String>> = model
        .variables()
        .iter()
        .enumerate()
        .map(|(i, (name, unit))| {
            let domain = domains.get(i).map_or(String::new(), |d| format!("[{}, {}]", short(d.1), short(d.2)));
            let start = match (initial(model, i), starts.get(i).copied().flatten()) {
                (Some(text), Some(_)) if is_law(model, i) => text,
                (Some(text), Some(value)) if text.parse() != Ok(value) => format!("{text} = {}", short(value)),
                (Some(_), Some(value)) => short(value),
                (Some(text), None) => text,
                (None, _) => String::new(),
            };
            vec![name.clone(), unit.clone(), domain, start]
        })
        .collect();
    let mut out = format!("{}\n", table(&["variable", "unit", "domain", "start"], &rows));
    if !model.observe.is_empty() {
        let pool = &model.process.frame().pool;
        let rows: Vec<Vec<String>> = model
            .observe
            .iter()
            .map(|o| {
                let noise = match o.student {
                    Some(nu) => format!("moves are student({})", pool.print(nu)),
                    None => o.noise.as_ref().map_or(String::new(), |n| law_text(model, n)),
                };
                vec![o.name.clone(), pool.print(o.of), noise, o.unit.clone()]
            })
            .collect();
        let _ = writeln!(out, "{}", table(&["observed", "of", "error", "unit"], &rows));
    }
    out
}

fn law_text(model: &Model, law: &Distribution) -> String {
    let pool = &model.process.frame().pool;
    let arguments: Vec<String> = law.arguments.iter().map(|a| pool.print(*a)).collect();
    format!("{}({})", law.family.name(), arguments.join(", "))
}

/// Whether a variable starts from a law.
fn is_law(model: &Model, i: usize) -> bool {
    let initial = match &model.process {
        Process::Diffusion(p) => p.states.get(i).and_then(|s| s.initial.as_ref()),
        Process::Network(p) => p.species.get(i).map(|s| &s.initial),
        _ => None,
    };
    matches!(initial, Some(Initial::Law(_)))
}

/// How a variable starts, as the file says it.
fn initial(model: &Model, i: usize) -> Option<String> {
    let initial = match &model.process {
        Process::Diffusion(p) => p.states.get(i)?.initial.as_ref()?,
        Process::Value(p) => p.under.states.get(i)?.initial.as_ref()?,
        Process::Network(p) => &p.species.get(i)?.initial,
        _ => return None,
    };
    Some(match initial {
        Initial::Value(id) => model.process.frame().pool.print(*id),
        Initial::Law(law) => law_text(model, law),
        Initial::Stationary => "stationary".to_string(),
    })
}

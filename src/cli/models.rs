//! `kramers models`: the registry, or one model's card.

use super::Outcome;
use super::args::{Common, ModelsArgs};
use super::input::read_model;
use super::output::{Folder, Output};
use super::table::{short, table};
use super::values::VERSION;
use crate::base::Result;
use crate::models::{Model, built_in, built_in_ids};
use serde_json::{Value, json};

pub(super) fn run(args: &ModelsArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let folder = Folder::asked(common)?;
    let models = match &args.model {
        Some(name) => vec![read_model(name, output)?],
        None => built_in_ids().map(built_in).collect::<Result<Vec<_>>>()?,
    };
    match (&args.model, models.as_slice()) {
        (Some(_), [model]) => output.text(&card(model)),
        _ => {
            let rows: Vec<Vec<String>> =
                models.iter().map(|m| vec![m.id.clone(), m.title.clone(), m.equation()]).collect();
            output.text(&table(&["model", "what it is", "equation"], &rows));
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
    output.document(&document);
    if let Some(folder) = folder {
        folder.write_document(&document)?;
    }
    Ok(Outcome::Good)
}

fn model_document(model: &Model) -> Value {
    let state = &model.process.state;
    json!({
        "id": model.id, "title": model.title, "kind": "diffusion", "tags": model.tags, "equation": model.equation(),
        "domain": [bound(state.lower), bound(state.upper)], "parameters": model.params.iter().map(|p| json!({
            "name": p.name, "meaning": p.meaning, "unit": p.unit, "default": p.default,
            "bounds": [bound(p.lower), bound(p.upper)],
        })).collect::<Vec<_>>(),
        "forms": model.forms(), "law": model.law.as_ref().map(|l| l.law.name()), "source": model.source,
    })
}

/// An infinite bound has no number in JSON.
fn bound(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

fn card(model: &Model) -> String {
    let state = &model.process.state;
    let rows: Vec<Vec<String>> = model
        .params
        .iter()
        .map(|p| {
            let bounds = format!("[{}, {}]", short(p.lower), short(p.upper));
            vec![p.name.clone(), p.meaning.clone(), p.unit.clone(), short(p.default), bounds]
        })
        .collect();
    let law = match &model.law {
        Some(claim) => format!("{} (checked against the equation on load)", claim.law.name()),
        None => "none in closed form".to_string(),
    };
    format!(
        "{} ({})\n\n  {}   (Itô)\n  {} in [{}, {}], {}\n\n{}\nlaw     {law}\nforms   {}\ntags    {}\nsource  {}\n",
        model.title,
        model.id,
        model.equation(),
        state.name,
        state.lower,
        state.upper,
        state.unit,
        table(&["parameter", "meaning", "unit", "default", "bounds"], &rows),
        model.forms().join(", "),
        model.tags.join(", "),
        model.source,
    )
}

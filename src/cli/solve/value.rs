//! The value of a payoff.

use super::{Answer, accuracy, form_asked};
use crate::base::{Params, Purpose, Result, Seed};
use crate::cli::args::{Common, SolveArgs};
use crate::cli::start::point;
use crate::cli::table::{short, table};
use crate::form::Form;
use crate::form::value::value;
use crate::models::Model;
use serde_json::{Map, Value, json};

/// One form's value, or with `auto` every form's, the one of choice first in the document.
pub(super) fn of_value(model: &Model, params: &Params, args: &SolveArgs, common: &Common) -> Result<Answer> {
    let start = point(&args.from, model, &params.values)?;
    let key = Seed(common.seed).key(Purpose::Simulation, 0, 0);
    let asked = form_asked(args, model)?;
    let best = asked.unwrap_or_else(|| Form::of_choice(model));
    let forms = asked.map_or_else(|| Form::of(model), |form| vec![form]);
    let mut rows = Vec::new();
    let mut chosen = Value::Null;
    let mut all = Vec::new();
    for form in forms {
        let v = value(model, form, &params.values, &start, accuracy(args), key)?;
        let or_nan = |v: Option<f64>| v.map_or("–".to_string(), short);
        rows.push(vec![form.name().to_string(), format!("{:.6}", v.value), or_nan(v.error), or_nan(v.delta)]);
        let entry = json!({ "form": form.name(), "value": v.value, "error": v.error, "delta": v.delta });
        if form == best {
            chosen = json!(v.value);
        }
        all.push(entry);
    }
    let text = format!("{}\n\n{}", model.id, table(&["form", "value", "error", "delta"], &rows));
    let body = Map::from_iter([("value".to_string(), chosen), ("forms".to_string(), json!(all))]);
    Ok(Answer { text, form: best.name().to_string(), body, missed: None })
}

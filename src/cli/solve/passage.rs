//! When a state first reaches a level, or one of two: `--passage`.

use super::{Answer, accuracy};
use crate::base::{Error, Params, Result};
use crate::cli::args::SolveArgs;
use crate::cli::start::point;
use crate::cli::table::{short, table};
use crate::form::passage::{Crossing, MeanPassage, Passage, first_passage, mean_passage};
use crate::form::{Form, master_equation};
use crate::models::Model;
use crate::process::Process;
use serde_json::{Map, Value, json};

fn bad(value: String, expected: String, hint: &str) -> Error {
    Error::BadOption { flag: "--passage".to_string(), value, expected, hint: Some(hint.to_string()) }
}

/// Survival and density of the first passage at the asked times, its mean, and which level comes first.
pub(super) fn of_passage(model: &Model, params: &Params, args: &SolveArgs, times: &[f64]) -> Result<Answer> {
    let start = point(&args.from, model, &params.values)?;
    if let Process::Network(_) = model.process {
        return of_counts(model, params, args, &start);
    }
    let [x0] = start.as_slice() else {
        let why = format!("'{}' has {} states, and first passage is of one", model.id, start.len());
        return Err(bad(String::new(), why, "kramers simulate gives paths to look at"));
    };
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let mut levels = [None, None];
    for (name, level) in &args.passage {
        let side = usize::from(level > x0);
        let typed = format!("{name}={level}");
        if *name != names[0] {
            return Err(bad(
                typed,
                format!("the only state of '{}' is called {}", model.id, names[0]),
                "--passage x=1",
            ));
        }
        if level == x0 || levels[side].is_some() {
            let why = format!("levels lie on different sides of the start, {x0}");
            return Err(bad(typed, why, "give one level below the start, one above, or both; --from moves the start"));
        }
        levels[side] = Some(*level);
    }
    let crossing = Crossing { theta: &params.values, start: *x0, levels };
    let law = first_passage(model, &crossing, 0.0, times, accuracy(args))?;
    let mean = mean_passage(model, &crossing);
    let missed = args.tol.filter(|tol| law.error > *tol);
    Ok(Answer {
        text: text(model, &names[0], levels, times, &law, mean.as_ref()),
        form: Form::FokkerPlanck.name().to_string(),
        body: body(levels, times, &law, mean.ok().as_ref()),
        missed,
    })
}

fn text(
    model: &Model,
    name: &str,
    levels: [Option<f64>; 2],
    times: &[f64],
    law: &Passage,
    mean: std::result::Result<&MeanPassage, &Error>,
) -> String {
    let places: Vec<String> = levels.iter().flatten().map(|l| format!("{name} = {}", short(*l))).collect();
    let mut text = format!(
        "{}: first passage to {}, by fokker-planck, right to {:.0e}\n\n",
        model.id,
        places.join(" or "),
        law.error
    );
    let mut header = vec!["t".to_string(), "survival".to_string()];
    // An end that absorbs is a place of its own, asked or not.
    for place in law.places.iter().flatten() {
        header.extend([format!("reached {}", short(*place)), format!("density {}", short(*place))]);
    }
    let sides: Vec<usize> = (0..2).filter(|k| law.places[*k].is_some()).collect();
    let rows: Vec<Vec<String>> = (0..times.len())
        .map(|i| {
            let mut row = vec![short(times[i]), format!("{:.9}", law.survival[i])];
            row.extend(sides.iter().flat_map(|k| [law.reached[i][*k], law.density[i][*k]]).map(|v| format!("{v:.9}")));
            row
        })
        .collect();
    text.push_str(&table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &rows));
    match mean {
        Ok(mean) => {
            text.push_str(&format!("\nmean time {:.12}", mean.mean));
            if let ([below, ..], 2) = (places.as_slice(), levels.iter().flatten().count()) {
                text.push_str(&format!(", {below} reached first with probability {:.9}", mean.split[0]));
            }
            text.push('\n');
        }
        Err(why) => text.push_str(&format!("\nno mean time: {why}\n")),
    }
    text
}

fn body(levels: [Option<f64>; 2], times: &[f64], law: &Passage, mean: Option<&MeanPassage>) -> Map<String, Value> {
    let at: Vec<Value> = (0..times.len())
        .map(|i| json!({ "t": times[i], "survival": law.survival[i], "reached": law.reached[i], "density": law.density[i] }))
        .collect();
    Map::from_iter([
        ("levels".to_string(), json!(levels)),
        ("places".to_string(), json!(law.places)),
        ("mean_time".to_string(), json!(mean.map(|m| m.mean))),
        ("split".to_string(), json!(mean.map(|m| m.split))),
        ("error".to_string(), json!(law.error)),
        ("at".to_string(), json!(at)),
    ])
}

/// The mean time until a species of a network reaches a count.
fn of_counts(model: &Model, params: &Params, args: &SolveArgs, start: &[f64]) -> Result<Answer> {
    let [(name, target)] = args.passage.as_slice() else {
        return Err(bad(
            String::new(),
            "a network is asked for one count of one species".to_string(),
            "--passage X=10",
        ));
    };
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let Some(species) = names.iter().position(|n| n == name) else {
        let why = format!("the species of '{}' are {}", model.id, names.join(", "));
        return Err(bad(name.clone(), why, "--passage X=10"));
    };
    let given = if start.is_empty() { model.default_start(&params.values).unwrap_or_default() } else { start.to_vec() };
    let mean = master_equation::mean_first_passage(model, &params.values, &given, species, *target)?;
    let text = format!("{}: mean time until {name} is {target}, by the master equation: {mean:.12}\n", model.id);
    let body = Map::from_iter([("mean_time".to_string(), json!(mean))]);
    Ok(Answer { text, form: Form::MasterEquation.name().to_string(), body, missed: None })
}

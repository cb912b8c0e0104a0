//! `kramers solve`: a law, a field, a value, a spectrum or a curve, at asked times.

use super::Outcome;
use super::args::{Common, SolveArgs};
use super::input::read_model;
use super::output::{Folder, Output};
use super::start::{point, starts};
use super::table::{short, table};
use super::values::VERSION;
use crate::base::{Error, Params, Purpose, Result, Seed};
use crate::form::master_equation::Snapshot;
use crate::form::monte_carlo::marginals_from;
use crate::form::start::Starts;
use crate::form::value::value;
use crate::form::{Accuracy, Form, Question, curve, field, marginals, network, schroedinger};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Curve, Process};
use serde_json::{Map, Value, json};

/// What a kind of model answers: text for people and its part of the document.
struct Answer {
    text: String,
    form: String,
    body: Map<String, Value>,
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
    let answer = match &model.process {
        Process::Diffusion(_) | Process::Network(_) => of_law(&model, &params, args, common, &times)?,
        Process::Field(_) => of_field(&model, &params, args, &times)?,
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
    let document = Value::Object(document);
    output.document(&document);
    if let Some(folder) = folder {
        folder.write_document(&document)?;
    }
    Ok(Outcome::Good)
}

/// A flag that would change nothing is a misunderstanding.
fn refuse_what_does_not_apply(model: &Model, args: &SolveArgs) -> Result<()> {
    let (form, from, at) = match &model.process {
        Process::Diffusion(_) | Process::Network(_) => (true, true, true),
        Process::Value(_) => (true, true, false),
        Process::Field(_) | Process::Curve(_) => (false, false, true),
        Process::Potential(_) => (false, false, false),
    };
    let given = [
        ("--form", form, args.form != "auto"),
        ("--from", from, !args.from.is_empty()),
        ("--at", at, !args.at.is_empty()),
    ];
    match given.into_iter().find(|(_, applies, given)| *given && !applies) {
        None => Ok(()),
        Some((flag, ..)) => Err(Error::BadOption {
            flag: flag.to_string(),
            value: if flag == "--form" { args.form.clone() } else { String::new() },
            expected: format!("it says nothing about a {} such as '{}'", model.process.kind(), model.id),
            hint: Some(format!("leave {flag} out; kramers models {} shows what the model has", args.model)),
        }),
    }
}

/// The form asked for, or the one of choice.
fn form_of(args: &SolveArgs, model: &Model) -> Result<Form> {
    match (args.form.as_str(), Form::named(&args.form)) {
        ("auto", _) => Ok(Form::of_choice(model)),
        (_, Some(form)) => form.require(model).map(|()| form),
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

fn accuracy(args: &SolveArgs) -> Accuracy {
    let default = Accuracy::default();
    Accuracy {
        cells: args.cells.unwrap_or(default.cells),
        paths: args.paths.unwrap_or(default.paths),
        step: args.step,
        ..default
    }
}

/// Mean, sd and quantiles of every component; densities of one state on a grid.
fn of_law(model: &Model, params: &Params, args: &SolveArgs, common: &Common, times: &[f64]) -> Result<Answer> {
    let key = Seed(common.seed).key(Purpose::Simulation, 0, 0);
    let mut form = form_of(args, model)?;
    // A start drawn from a law is answered along paths; the other forms begin at a point.
    let drawn = match starts(&args.from, model, &params.values, accuracy(args).paths, key)? {
        Starts::Each(columns) => Some(columns),
        Starts::At(_) => None,
    };
    if drawn.is_some() && form != Form::MonteCarlo {
        if args.form != "auto" {
            let why = format!("'{}' starts from a law, and {} begins at a point", model.id, form.name());
            return Err(Error::BadOption {
                flag: "--form".to_string(),
                value: form.name().to_string(),
                expected: why,
                hint: Some("give every state a start with --from, or use --form monte-carlo".to_string()),
            });
        }
        form = Form::MonteCarlo;
    }
    let start = point(&args.from, model, &params.values)?;
    let question = Question { theta: &params.values, start: &start, t0: 0.0, times, accuracy: accuracy(args), key };
    // A network's joint laws are solved once, for the species and for the bound.
    let is_projected = matches!(model.process, Process::Network(_)) && form == Form::MasterEquation;
    let joint = if is_projected { Some(network::snapshots(model, &question)?) } else { None };
    let laws = match (&drawn, &joint) {
        (Some(columns), _) => marginals_from(model, &question, columns)?,
        (None, Some(snapshots)) => network::species_laws(model, snapshots)?,
        (None, None) => marginals(model, form, &question)?,
    };
    let (names, units): (Vec<String>, Vec<String>) = model.variables().into_iter().unzip();
    let mut rows = Vec::new();
    let mut at = Vec::new();
    for (t, row) in times.iter().zip(&laws) {
        let mut entry = Map::new();
        entry.insert("t".into(), json!(t));
        for ((name, unit), law) in names.iter().zip(&units).zip(row) {
            let q = [0.05, 0.5, 0.95].map(|p| law.quantile(p));
            let or_nan = |v: Option<f64>| short(v.unwrap_or(f64::NAN));
            rows.push(vec![
                short(*t),
                name.clone(),
                or_nan(law.mean()),
                or_nan(law.sd()),
                short(q[0]),
                short(q[1]),
                short(q[2]),
                unit.clone(),
            ]);
        }
        let named = |f: &dyn Fn(&Predictive) -> Option<f64>| -> Value {
            match row.as_slice() {
                [one] if matches!(model.process, Process::Diffusion(_)) => json!(f(one)),
                all => Value::Object(names.iter().cloned().zip(all.iter().map(|l| json!(f(l)))).collect()),
            }
        };
        entry.insert("mean".into(), named(&|l| l.mean()));
        entry.insert("sd".into(), named(&|l| l.sd()));
        if let [law] = row.as_slice() {
            entry.extend(density(law));
        }
        at.push(Value::Object(entry));
    }
    let bound = joint.map_or(String::new(), |snapshots| error_bounds(&snapshots, &mut at));
    let text = format!(
        "{} by {}{bound}\n\n{}",
        model.id,
        form.name(),
        table(&["t", "component", "mean", "sd", "q05", "q50", "q95", "unit"], &rows)
    );
    Ok(Answer { text, form: form.name().to_string(), body: Map::from_iter([("at".to_string(), Value::Array(at))]) })
}

/// States, their probabilities and the certified bound of a network's master equation, put into the document; the largest
/// bound in words.
fn error_bounds(snapshots: &[Snapshot], at: &mut [Value]) -> String {
    /// More states than this are for a program of one's own.
    const SHOWN: usize = 20_000;
    let mut largest: f64 = 0.0;
    for (snapshot, entry) in snapshots.iter().zip(at) {
        largest = largest.max(snapshot.error_bound);
        if let Value::Object(entry) = entry {
            entry.insert("error_bound".into(), json!(snapshot.error_bound));
            if snapshot.len() <= SHOWN {
                let states: Vec<&[f64]> = (0..snapshot.len()).map(|i| snapshot.state(i)).collect();
                entry.insert("states".into(), json!(states));
                entry.insert("p".into(), json!(snapshot.p));
            }
        }
    }
    format!(", at most {largest:.0e} of the probability left out")
}

/// A density at 201 points between extreme quantiles, with the mass its trapezoids hold.
fn density(law: &Predictive) -> Map<String, Value> {
    let (low, high) = (law.quantile(1e-6), law.quantile(1.0 - 1e-6));
    if law.log_pdf(law.quantile(0.5)).is_none() || !(high > low) {
        return Map::new();
    }
    let x: Vec<f64> = (0..=200).map(|i| low + (high - low) * f64::from(i) / 200.0).collect();
    let p: Vec<f64> = x.iter().map(|x| law.log_pdf(*x).map_or(0.0, crate::base::math::exp)).collect();
    let mass: f64 = x.windows(2).zip(p.windows(2)).map(|(x, p)| 0.5 * (x[1] - x[0]) * (p[0] + p[1])).sum();
    Map::from_iter([("x".to_string(), json!(x)), ("p".to_string(), json!(p)), ("mass".to_string(), json!(mass))])
}

fn of_field(model: &Model, params: &Params, args: &SolveArgs, times: &[f64]) -> Result<Answer> {
    let mut options = field::Options::default();
    if let Some(cells) = args.cells {
        options.cells = cells;
    }
    let solved = field::solve(model, &params.values, times, &options)?;
    // A person sees eleven points; the document has all.
    let last = solved.x.len().saturating_sub(1);
    let shown: Vec<usize> = (0..=10).map(|k| k * last / 10).collect();
    let (u, unit) = model.variables().into_iter().next().unwrap_or_default();
    let mut header = vec!["x".to_string()];
    header.extend(times.iter().map(|t| format!("t = {}", short(*t))));
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|i| std::iter::once(short(solved.x[*i])).chain(solved.u.iter().map(|u| short(u[*i]))).collect())
        .collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let text = format!(
        "{} on {} cells, {} steps: {u} in {unit}\n\n{}",
        model.id,
        options.cells,
        solved.steps,
        table(&header, &rows)
    );
    let at: Vec<Value> = times.iter().zip(&solved.u).map(|(t, u)| json!({ "t": t, "x": solved.x, "u": u })).collect();
    let body = Map::from_iter([("at".to_string(), json!(at)), ("steps".to_string(), json!(solved.steps))]);
    Ok(Answer { text, form: Form::FokkerPlanck.name().to_string(), body })
}

/// One form's value, or with `auto` every form's, the one of choice first in the document.
fn of_value(model: &Model, params: &Params, args: &SolveArgs, common: &Common) -> Result<Answer> {
    let start = point(&args.from, model, &params.values)?;
    let key = Seed(common.seed).key(Purpose::Simulation, 0, 0);
    let best = form_of(args, model)?;
    let forms = if args.form == "auto" { Form::of(model) } else { vec![best] };
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
    Ok(Answer { text, form: best.name().to_string(), body })
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
    Ok(Answer { text, form: "schroedinger".to_string(), body })
}

/// A curve at the asked inputs.
fn of_curve(model: &Model, process: &Curve, params: &Params, inputs: &[f64]) -> Result<Answer> {
    let values = curve::evaluate(model, &params.values, inputs)?;
    let rows: Vec<Vec<String>> = inputs.iter().zip(&values).map(|(x, y)| vec![short(*x), short(*y)]).collect();
    let text = table(&[&process.input.name, &process.output.name], &rows);
    let body = Map::from_iter([("x".to_string(), json!(inputs)), ("y".to_string(), json!(values))]);
    Ok(Answer { text, form: "curve".to_string(), body })
}

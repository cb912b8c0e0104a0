//! The laws of a diffusion or a network at asked times.

use super::rates::rates;
use super::{Answer, accuracy, form_asked};
use crate::base::{Error, Params, Purpose, Result, Seed};
use crate::cli::args::{Common, SolveArgs};
use crate::cli::caveat::caveat;
use crate::cli::start::{point, starts};
use crate::cli::table::{short, short_or_dash, table};
use crate::form::master_equation::Snapshot;
use crate::form::monte_carlo::{Scheme, answer_from};
use crate::form::start::Starts;
use crate::form::{self, Chosen, Form, Question, choose, network};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::Process;
use serde_json::{Map, Value, json};

/// Probabilities of the quantiles in a document.
const LEVELS: [f64; 7] = [0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975];

/// What was found, by which form and why.
struct Found {
    chosen: Chosen,
    /// Empty where it is drawn from a law.
    start: Vec<f64>,
    /// Of a network's master equation.
    joint: Option<Vec<Snapshot>>,
}

/// Mean, sd and quantiles of every component; densities of one state on a grid.
pub(super) fn of_law(
    model: &Model,
    params: &Params,
    args: &SolveArgs,
    common: &Common,
    times: &[f64],
) -> Result<Answer> {
    let found = find(model, params, args, common, times)?;
    let Chosen { form, answer: form::Answer { laws, error }, why } = &found.chosen;
    let (names, units): (Vec<String>, Vec<String>) = model.variables().into_iter().unzip();
    let mut rows = Vec::new();
    let mut at = Vec::new();
    let mut atoms = Vec::new();
    for (t, row) in times.iter().zip(laws) {
        let mut entry = Map::new();
        entry.insert("t".into(), json!(t));
        for ((name, unit), law) in names.iter().zip(&units).zip(row) {
            let [low, middle, high] = [0.05, 0.5, 0.95].map(|p| short(law.quantile(p)));
            let (mean, sd) = (short_or_dash(law.mean()), short_or_dash(law.sd()));
            rows.push(vec![short(*t), name.clone(), mean, sd, low, middle, high, unit.clone()]);
        }
        let named = |f: &dyn Fn(&Predictive) -> Option<f64>| -> Value {
            match row.as_slice() {
                [one] if matches!(model.process, Process::Diffusion(_)) => json!(f(one)),
                all => Value::Object(names.iter().cloned().zip(all.iter().map(|l| json!(f(l)))).collect()),
            }
        };
        entry.insert("mean".into(), named(&|l| l.mean()));
        entry.insert("sd".into(), named(&|l| l.sd()));
        let quantiles = LEVELS.map(|p| (p.to_string(), named(&|l| Some(l.quantile(p)).filter(|q| q.is_finite()))));
        entry.insert("quantiles".into(), Value::Object(Map::from_iter(quantiles)));
        if let [law] = row.as_slice() {
            entry.extend(density(law, &args.grid));
        }
        for (name, law) in names.iter().zip(row) {
            if let Predictive::Mixed(law) = law {
                let at = |(x, p): &(f64, f64)| {
                    format!("{name} = {} with probability {p:.6} at t = {}", short(*x), short(*t))
                };
                atoms.extend(law.atoms().iter().map(at));
                entry.insert("atoms".to_string(), json!(law.atoms()));
            }
        }
        at.push(Value::Object(entry));
    }
    let bound = found.joint.as_ref().map_or(String::new(), |snapshots| error_bounds(snapshots, &mut at));
    let from: Vec<String> = names.iter().zip(&found.start).map(|(n, x)| format!("{n} = {}", short(*x))).collect();
    let from = if from.is_empty() { String::new() } else { format!(" from {}", from.join(", ")) };
    let mut text = format!("{}{from} by {}{bound}", model.id, form.name());
    if !why.is_empty() {
        text.push_str(&format!(": {why}"));
    }
    text.push_str("\n\n");
    text.push_str(&table(&["t", "component", "mean", "sd", "q05", "q50", "q95", "unit"], &rows));
    if !atoms.is_empty() {
        text.push_str(&format!("\n{}\n", atoms.join("\n")));
    }
    if let (false, [name]) = (args.grid.is_empty(), names.as_slice()) {
        text.push_str(&format!("\n{}", points(name, args, times, laws)));
    }
    let caveat = caveat(model, *form);
    match (error, caveat) {
        (_, Some(caveat)) => text.push_str(&format!("\n{caveat}: how far it is off is not known\n")),
        (Some(error), None) if found.joint.is_none() => {
            text.push_str(&format!(
                "\nthe distribution functions are right to {error:.0e}, by the form's own estimate\n"
            ));
        }
        _ => {}
    }
    let mut body = Map::from_iter([
        ("why".to_string(), json!(why)),
        ("from".to_string(), Value::Object(names.iter().cloned().zip(found.start.iter().map(|x| json!(x))).collect())),
        ("error".to_string(), json!(error)),
        ("caveat".to_string(), json!(caveat)),
        ("at".to_string(), Value::Array(at)),
    ]);
    if *form == Form::Schroedinger {
        let (rates, part) = rates(model, &params.values);
        text.push_str(&rates);
        body.extend(part);
    }
    let missed = args.tol.filter(|tol| !error.is_some_and(|error| error <= *tol));
    Ok(Answer { text, form: form.name().to_string(), body, missed })
}

/// The laws, by the form asked for or the one of choice.
fn find(model: &Model, params: &Params, args: &SolveArgs, common: &Common, times: &[f64]) -> Result<Found> {
    let key = Seed(common.seed).key(Purpose::Simulation, 0, 0);
    let asked = scheme_means_paths(args, model, form_asked(args, model)?)?;
    // A start drawn from a law is answered along paths; the other forms begin at a point.
    let drawn = match starts(&args.from, model, &params.values, accuracy(args).paths, key)? {
        Starts::Each(columns) => Some(columns),
        Starts::At(_) => None,
    };
    let start = point(&args.from, model, &params.values)?;
    let question = Question { theta: &params.values, start: &start, t0: 0.0, times, accuracy: accuracy(args), key };
    let found = |form, answer, why: &str| Found {
        chosen: Chosen { form, answer, why: why.to_string() },
        start: start.clone(),
        joint: None,
    };
    if let Some(columns) = drawn {
        return match asked {
            None | Some(Form::MonteCarlo) => {
                let why = if asked.is_none() { "its start is a law" } else { "" };
                Ok(Found {
                    start: Vec::new(),
                    ..found(Form::MonteCarlo, answer_from(model, &question, &columns)?, why)
                })
            }
            Some(form) => Err(Error::BadOption {
                flag: "--form".to_string(),
                value: form.name().to_string(),
                expected: format!("'{}' starts from a law, and {} begins at a point", model.id, form.name()),
                hint: Some("give every state a start with --from, or use --form monte-carlo".to_string()),
            }),
        };
    }
    // A network's joint laws are solved once, for the species and for the bound.
    let is_network = matches!(model.process, Process::Network(_));
    if is_network && asked.unwrap_or_else(|| Form::of_choice(model)) == Form::MasterEquation {
        let snapshots = network::snapshots(model, &question)?;
        let error = snapshots.iter().map(|s| s.error_bound).fold(0.0, f64::max);
        let answer = form::Answer { laws: network::species_laws(model, &snapshots)?, error: Some(error) };
        return Ok(Found { joint: Some(snapshots), ..found(Form::MasterEquation, answer, "") });
    }
    match asked {
        Some(form) => Ok(found(form, form::answer(model, form, &question)?, "")),
        None => Ok(Found { chosen: choose(model, &question)?, start: start.clone(), joint: None }),
    }
}

/// A scheme is of paths: with `auto` it asks for them.
fn scheme_means_paths(args: &SolveArgs, model: &Model, asked: Option<Form>) -> Result<Option<Form>> {
    let Some(name) = &args.scheme else { return Ok(asked) };
    let fit: Vec<&str> = Scheme::of(model).into_iter().map(Scheme::name).collect();
    let wrong = |expected: String, hint: String| Error::BadOption {
        flag: "--scheme".to_string(),
        value: name.clone(),
        expected,
        hint: Some(hint),
    };
    match (Scheme::named(name), asked) {
        (None, _) => {
            Err(wrong("that is no scheme for paths".to_string(), format!("'{}' has {}", model.id, fit.join(", "))))
        }
        (_, None | Some(Form::MonteCarlo)) => Ok(Some(Form::MonteCarlo)),
        (_, Some(form)) => {
            Err(wrong(format!("--form {} makes no paths", form.name()), "--form monte-carlo".to_string()))
        }
    }
}

/// Density and distribution function at the points of `--grid`.
fn points(name: &str, args: &SolveArgs, times: &[f64], laws: &[Vec<Predictive>]) -> String {
    let mut header = vec![name.to_string()];
    for t in times {
        header.extend([format!("p(t = {})", short(*t)), format!("F(t = {})", short(*t))]);
    }
    let rows: Vec<Vec<String>> = args
        .grid
        .iter()
        .map(|x| {
            let mut row = vec![short(*x)];
            for law in laws.iter().filter_map(|row| row.first()) {
                let p = law.log_pdf(*x).map(crate::base::math::exp);
                row.extend([p.map_or("—".to_string(), |p| format!("{p:.9}")), format!("{:.9}", law.cdf(*x))]);
            }
            row
        })
        .collect();
    table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &rows)
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

/// A density at the asked points, else at 201 points between extreme quantiles; in the latter case with the mass its trapezoids hold.
fn density(law: &Predictive, grid: &[f64]) -> Map<String, Value> {
    let (low, high) = (law.quantile(1e-6), law.quantile(1.0 - 1e-6));
    let cdf = || json!(grid.iter().map(|x| law.cdf(*x)).collect::<Vec<f64>>());
    if law.log_pdf(law.quantile(0.5)).is_none() || !(high > low) {
        return match grid {
            [] => Map::new(),
            asked => Map::from_iter([("x".to_string(), json!(asked)), ("cdf".to_string(), cdf())]),
        };
    }
    let x: Vec<f64> = match grid {
        [] => (0..=200).map(|i| low + (high - low) * f64::from(i) / 200.0).collect(),
        asked => asked.to_vec(),
    };
    let p: Vec<f64> = x.iter().map(|x| law.log_pdf(*x).map_or(0.0, crate::base::math::exp)).collect();
    let mass: f64 = x.windows(2).zip(p.windows(2)).map(|(x, p)| 0.5 * (x[1] - x[0]) * (p[0] + p[1])).sum();
    let mut shown = Map::from_iter([("x".to_string(), json!(x)), ("p".to_string(), json!(p))]);
    match grid {
        [] => shown.insert("mass".to_string(), json!(mass)),
        _ => shown.insert("cdf".to_string(), cdf()),
    };
    shown
}

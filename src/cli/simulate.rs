//! `kramers simulate`: paths of a model to CSV, or their summary.

use super::Outcome;
use super::args::{Common, SchemeArg, SimulateArgs};
use super::input::read_model;
use super::output::{Growing, Output};
use super::paths::{Asked, Paths, paths};
use super::start::point;
use super::values::VERSION;
use crate::base::rng::Key;
use crate::base::{Error, Limit, Params, Purpose, Result, Seed, math};
use crate::filter::innovated;
use crate::form::monte_carlo::ssa::{Method, can_summarise, simulate_summary};
use crate::form::monte_carlo::{Scheme, Spread, coarseness, summarise};
use crate::form::observe;
use crate::form::start::Starts;
use crate::models::Model;
use crate::predictive::Ensemble;
use crate::process::Process;
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn run(args: &SimulateArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let model = read_model(&args.model, output)?;
    let mut params = model.default_params();
    for (name, value) in &args.set {
        params.set(name, *value)?;
    }
    let until = args.until.unwrap_or(model.horizon);
    if let Process::Field(_) | Process::Value(_) | Process::Potential(_) | Process::Curve(_) = &model.process {
        return Err(Error::BadOption {
            flag: "MODEL".to_string(),
            value: model.id.clone(),
            expected: format!("a {} has no random paths", model.process.kind()),
            hint: Some(format!("kramers solve {}", args.model)),
        });
    }
    let every = args.every.unwrap_or(until / 100.0);
    let count = (until / every + 1e-9).floor();
    if count < 1.0 {
        return Err(Error::BadOption {
            flag: "--every".to_string(),
            value: every.to_string(),
            expected: format!("it is longer than --until {until}, so there is no output time"),
            hint: Some(format!("--every {} gives a hundred output times", until / 100.0)),
        });
    }
    let is_kept = !(args.summary && is_streamed(&model, args.scheme));
    // Of paths that are not kept the output times are.
    let held = count * if is_kept { args.paths as f64 } else { 1.0 };
    let place = format!("simulate --every {every} --until {until} --paths {}", args.paths);
    Limit::ValuesHeld.require_or(held, &place, spacing(until, held / count))?;
    let times: Vec<f64> = (1..=count as usize).map(|i| args.start_time + i as f64 * every).collect();
    let key = Seed(common.seed).key(Purpose::Simulation, 0, 0);
    let key = if args.antithetic { key.antithetic() } else { key };
    let asked = Asked {
        theta: &params.values,
        from: &args.from,
        t0: args.start_time,
        times: &times,
        paths: args.paths as usize,
        step: args.step.unwrap_or((every / 8.0).min(until / 200.0)),
        epsilon: args.epsilon,
        key,
    };
    if args.summary && is_streamed(&model, args.scheme) {
        return summary(&model, &params, &asked, args, common, output);
    }
    let Paths { model, scheme, why, coarseness, states } = paths(&model, args.scheme, &asked)?;
    if let Some(why) = &why {
        output.say(&format!("note: {why}"));
    }
    let times: Vec<f64> = std::iter::once(args.start_time).chain(times.iter().copied()).collect();
    let columns = columns(&model, &params.values, &times, states, key)?;
    match args.summary {
        true => deliver(common, output, std::iter::once(summary_csv(&times, &columns)))?,
        false => deliver(common, output, paths_csv(&times, &columns))?,
    }
    let warnings = too_coarse(coarseness, asked.step);
    output.warn(&json!({ "warnings": warnings }));
    output.document_from(|| json!({
        "schema": "kramers/simulate@1", "version": VERSION, "seed": common.seed, "model": model.id,
        "params": values(&params),
        "scheme": scheme, "scheme_why": why, "step": asked.step, "step_error": coarseness, "warnings": warnings, "paths": columns.first().and_then(|c| c.values.first()).map_or(0, Vec::len),
        "at": times.iter().enumerate().map(|(k, t)| at(*t, &columns, k, args.summary)).collect::<Vec<_>>(),
    }));
    Ok(Outcome::Good)
}

/// Whether a summary needs no path: of the states of a diffusion, which nothing is read off, and of counts.
fn is_streamed(model: &Model, scheme: Option<SchemeArg>) -> bool {
    let fits = match &model.process {
        Process::Diffusion(_) => matches!(scheme, None | Some(SchemeArg::Step(_))),
        // Events and members beyond counts are followed path by path.
        Process::Network(network) => can_summarise(network) && matches!(scheme, None | Some(SchemeArg::Counts(_))),
        _ => false,
    };
    fits && model.readings().is_empty()
}

/// Means, sds and quantiles of paths that are not kept.
fn summary(
    model: &Model,
    params: &Params,
    asked: &Asked,
    args: &SimulateArgs,
    common: &Common,
    output: &Output,
) -> Result<Outcome> {
    let Summed { scheme, why, coarseness, first, at: rows } = match model.process {
        Process::Network(_) => of_counts(model, asked, args, output)?,
        _ => of_states(model, asked, args)?,
    };
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let mut csv = String::from("t");
    for name in &names {
        let of = if names.len() == 1 { String::new() } else { format!("_{name}") };
        let _ = write!(csv, ",mean_{name},se_{name},sd_{name},q0.05{of},q0.5{of},q0.95{of}");
    }
    csv.push('\n');
    let _ = write!(csv, "{}", asked.t0);
    for start in &first {
        let Begun { mean, error, sd, quantiles: [low, middle, high] } = start;
        let _ = write!(csv, ",{mean},{error},{sd},{low},{middle},{high}");
    }
    csv.push('\n');
    for (t, row) in asked.times.iter().zip(&rows) {
        let _ = write!(csv, "{t}");
        for spread in row {
            let [low, middle, high] = [0.05, 0.5, 0.95].map(|p| spread.quantile(p));
            let _ = write!(csv, ",{},{},{},{low},{middle},{high}", spread.mean, spread.error, spread.sd);
        }
        csv.push('\n');
    }
    deliver(common, output, std::iter::once(csv))?;
    let named = |values: Vec<f64>| -> Value {
        Value::Object(names.iter().cloned().zip(values.into_iter().map(|v| json!(v))).collect())
    };
    let of = |row: &[Spread], f: fn(&Spread) -> f64| named(row.iter().map(f).collect());
    let begin = json!({
        "t": asked.t0, "mean": named(first.iter().map(|f| f.mean).collect()), "sd": named(first.iter().map(|f| f.sd).collect()),
    });
    let at = |(t, row): (&f64, &Vec<Spread>)| {
        json!({
            "t": t, "mean": of(row, |s| s.mean), "se": of(row, |s| s.error), "sd": of(row, |s| s.sd),
            "min": of(row, |s| s.min), "max": of(row, |s| s.max), "rank_error": of(row, Spread::rank_error),
        })
    };
    let warnings = too_coarse(coarseness, asked.step);
    output.warn(&json!({ "warnings": warnings }));
    output.document_from(|| {
        json!({
            "schema": "kramers/simulate@1", "version": VERSION, "seed": common.seed, "model": model.id,
            "params": values(params), "scheme": scheme, "scheme_why": why, "step": asked.step, "step_error": coarseness,
            "warnings": warnings, "paths": asked.paths,
            "at": std::iter::once(begin).chain(asked.times.iter().zip(&rows).map(at)).collect::<Vec<_>>(),
        })
    });
    Ok(Outcome::Good)
}

/// Spreads of paths that were not kept.
struct Summed {
    scheme: &'static str,
    why: Option<String>,
    coarseness: Option<f64>,
    /// Of the starts, a component each.
    first: Vec<Begun>,
    /// `[time][component]`
    at: Vec<Vec<Spread>>,
}

/// One component of the starts.
struct Begun {
    mean: f64,
    error: f64,
    sd: f64,
    /// At 5, 50 and 95 %.
    quantiles: [f64; 3],
}

const ENDS: [f64; 3] = [0.05, 0.5, 0.95];

fn of_states(model: &Model, asked: &Asked, args: &SimulateArgs) -> Result<Summed> {
    let scheme = match args.scheme {
        Some(SchemeArg::Step(scheme)) => scheme,
        _ => Scheme::EulerMaruyama,
    };
    let begin = asked.begin(model)?;
    let run = asked.run(&begin, scheme);
    let at = summarise(model, &run)?.at;
    let coarseness = coarseness(model, &run)?;
    let starts: Vec<Ensemble> = match &begin {
        Starts::At(x) => x.iter().filter_map(|x| Ensemble::new(vec![*x], Vec::new())).collect(),
        Starts::Each(columns) => columns.iter().filter_map(|c| Ensemble::new(c.clone(), Vec::new())).collect(),
    };
    let begun = |start: &Ensemble| Begun {
        mean: start.mean(),
        error: start.sd() / (asked.paths as f64).sqrt(),
        sd: start.sd(),
        quantiles: ENDS.map(|p| start.quantile(p)),
    };
    Ok(Summed { scheme: scheme.name(), why: None, coarseness, first: starts.iter().map(begun).collect(), at })
}

/// The shortest `--every` of two digits whose output times can be held, `each` numbers a time; `None` where not even one can.
fn spacing(until: f64, each: f64) -> Option<String> {
    let most = (Limit::ValuesHeld.most() as f64 / each).floor();
    let every = until / most;
    let unit = math::powi(10.0, math::ln(every).div_euclid(math::ln(10.0)) as i32 - 1);
    let every = (every / unit).ceil() * unit;
    let text = format!("--every {every:.1e} is the shortest that fits; or fewer --paths, or a nearer end");
    (most >= 1.0 && every.is_finite() && every > 0.0).then_some(text)
}

fn of_counts(model: &Model, asked: &Asked, args: &SimulateArgs, output: &Output) -> Result<Summed> {
    let method = match args.scheme {
        Some(SchemeArg::Counts(method)) => method,
        _ => Method::Auto,
    };
    let (start, times) = (point(asked.from, model, asked.theta)?, asked.with_start());
    let found = simulate_summary(model, &asked.counted(&start, &times, method))?;
    let why = format!("{} reactions by {}: {}", found.tally.events, found.method.name(), found.why);
    output.say(&format!("note: {why}"));
    let mut at = found.summary.at;
    let first = if at.is_empty() { Vec::new() } else { at.remove(0) };
    let begun = |s: &Spread| Begun { mean: s.mean, error: s.error, sd: s.sd, quantiles: ENDS.map(|p| s.quantile(p)) };
    Ok(Summed {
        scheme: found.method.name(),
        why: Some(why),
        coarseness: None,
        first: first.iter().map(begun).collect(),
        at,
    })
}

/// Beyond this distance of two distribution functions people see the difference.
const NOTICEABLE: f64 = 0.02;

/// What is said of a step at which paths are surely off.
fn too_coarse(coarseness: Option<f64>, step: f64) -> Vec<String> {
    let told = coarseness.filter(|gap| *gap > NOTICEABLE).map(|gap| {
        format!(
            "paths at the step {step} and at twice it differ by {gap:.2} or more in their distribution functions: take --step {}",
            step / 8.0
        )
    });
    told.into_iter().collect()
}

/// A table to stdout, or to the file asked for, piece by piece.
fn deliver(common: &Common, output: &Output, mut pieces: impl Iterator<Item = String>) -> Result<()> {
    match common.output.as_deref() {
        Some("-") | None => pieces.for_each(|piece| output.text(&piece)),
        Some(path) => {
            let mut file = Growing::begin(path.as_ref())?;
            pieces.try_for_each(|piece| file.push(&piece))?;
            file.finish()?;
            output.say(&format!("wrote {path}"));
        }
    }
    Ok(())
}

fn values(params: &Params) -> Value {
    Value::Object(params.list.iter().zip(&params.values).map(|(p, v)| (p.name.clone(), json!(v))).collect())
}

/// A named quantity along the paths, `[time][path]`.
struct Column {
    name: String,
    values: Vec<Vec<f64>>,
}

/// Every state, then every reading.
fn columns(model: &Model, theta: &[f64], times: &[f64], states: Vec<Vec<Vec<f64>>>, key: Key) -> Result<Vec<Column>> {
    // Only a level with one latent state has innovations, and it is all that is read.
    let read = match innovated(model, theta, times, &states, key)? {
        Some(read) => vec![read],
        None => observe(model, theta, times, &states, key),
    };
    let mut columns: Vec<Column> =
        model.variables().into_iter().map(|(name, _)| Column { name, values: Vec::new() }).collect();
    for row in states {
        for (column, values) in columns.iter_mut().zip(row) {
            column.values.push(values);
        }
    }
    let observed = model.readings().into_iter().zip(read).map(|(o, values)| Column { name: o.name, values });
    columns.extend(observed);
    Ok(columns)
}

/// Paths whose lines are made at once: as text they need several times the room of their numbers.
const TOGETHER: usize = 256;

fn paths_csv(times: &[f64], columns: &[Column]) -> impl Iterator<Item = String> {
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let header = format!("path,t,{}\n", names.join(","));
    let paths = columns.first().and_then(|c| c.values.first()).map_or(0, Vec::len);
    let lines = move |first: usize| {
        let mut out = String::new();
        for path in first..(first + TOGETHER).min(paths) {
            for (k, t) in times.iter().enumerate() {
                let _ = write!(out, "{},{t}", path + 1);
                for column in columns {
                    let _ = write!(out, ",{}", column.values[k][path]);
                }
                out.push('\n');
            }
        }
        out
    };
    std::iter::once(header).chain((0..paths).step_by(TOGETHER).map(lines))
}

fn ensemble(row: &[f64]) -> Option<Ensemble> {
    Ensemble::new(row.to_vec(), Vec::new())
}

fn summary_csv(times: &[f64], columns: &[Column]) -> String {
    let mut out = String::from("t");
    for Column { name, .. } in columns {
        // Alone, a column's quantiles need no name.
        let of = if columns.len() == 1 { String::new() } else { format!("_{name}") };
        let _ = write!(out, ",mean_{name},sd_{name},q0.05{of},q0.5{of},q0.95{of}");
    }
    out.push('\n');
    for (k, t) in times.iter().enumerate() {
        let _ = write!(out, "{t}");
        for column in columns {
            if let Some(e) = ensemble(&column.values[k]) {
                let [low, middle, high] = [0.05, 0.5, 0.95].map(|p| e.quantile(p));
                let _ = write!(out, ",{},{},{low},{middle},{high}", e.mean(), e.sd());
            }
        }
        out.push('\n');
    }
    out
}

fn at(t: f64, columns: &[Column], k: usize, summary: bool) -> Value {
    let mut row = serde_json::Map::new();
    row.insert("t".to_string(), json!(t));
    if summary {
        let of = |f: fn(&Ensemble) -> f64| -> serde_json::Map<String, Value> {
            columns.iter().map(|c| (c.name.clone(), json!(ensemble(&c.values[k]).map(|e| f(&e))))).collect()
        };
        row.insert("mean".to_string(), Value::Object(of(Ensemble::mean)));
        row.insert("sd".to_string(), Value::Object(of(Ensemble::sd)));
    } else {
        row.extend(columns.iter().map(|c| (c.name.clone(), json!(c.values[k]))));
    }
    Value::Object(row)
}

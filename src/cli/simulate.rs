//! `kramers simulate`: paths of a model to CSV, or their summary.

use super::Outcome;
use super::args::{Common, SchemeArg, SimulateArgs};
use super::input::read_model;
use super::output::{Output, write_whole};
use super::values::VERSION;
use crate::base::{Error, Purpose, Result, Seed};
use crate::form::monte_carlo::{Run, Scheme, simulate};
use crate::models::Model;
use crate::predictive::Ensemble;
use serde_json::{Value, json};
use std::fmt::Write;

/// Numbers held at once: output times × paths.
const MOST_VALUES: f64 = 4e7;

pub(super) fn run(args: &SimulateArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let model = read_model(&args.model, output)?;
    let mut params = model.default_params();
    for (name, value) in &args.set {
        params.set(name, *value)?;
    }
    let x0 = start(args, &model)?;
    model.check_finite(&params.values, &[x0])?;
    let every = args.every.unwrap_or(args.until / 100.0);
    let count = (args.until / every + 1e-9).floor();
    if count < 1.0 {
        return Err(Error::BadOption {
            flag: "--every".to_string(),
            value: every.to_string(),
            expected: format!("it is longer than --until {}, so there is no output time", args.until),
            hint: Some(format!("--every {} gives a hundred output times", args.until / 100.0)),
        });
    }
    if !(count * args.paths as f64 <= MOST_VALUES) {
        return Err(Error::BadOption {
            flag: "--every".to_string(),
            value: every.to_string(),
            expected: format!("{count} times × {} paths are more than {MOST_VALUES:e} numbers", args.paths),
            hint: Some(format!("--every {} --paths 100, or an earlier --until", args.until / 100.0)),
        });
    }
    let times: Vec<f64> = (1..=count as usize).map(|i| args.start_time + i as f64 * every).collect();
    let run = Run {
        theta: &params.values,
        x0,
        t0: args.start_time,
        times: &times,
        paths: args.paths as usize,
        step: args.step.unwrap_or(every / 8.0),
        scheme: match args.scheme {
            SchemeArg::EulerMaruyama => Scheme::EulerMaruyama,
            SchemeArg::Milstein => Scheme::Milstein,
        },
        key: Seed(common.seed).key(Purpose::Simulation, 0, 0),
    };
    let mut states = simulate(&model, &run)?.states;
    // The start is a row of its own.
    states.insert(0, vec![x0; run.paths]);
    let times: Vec<f64> = std::iter::once(args.start_time).chain(times.iter().copied()).collect();
    let text = if args.summary { summary_csv(&model, &times, &states) } else { paths_csv(&model, &times, &states) };
    match common.output.as_deref() {
        Some("-") | None => output.text(&text),
        Some(path) => {
            write_whole(path.as_ref(), &text)?;
            output.say(&format!("wrote {path}"));
        }
    }
    output.document_from(|| json!({
        "schema": "kramers/simulate@1", "version": VERSION, "seed": common.seed, "model": model.id,
        "params": params.list.iter().zip(&params.values).map(|(p, v)| (p.name.clone(), json!(v))).collect::<serde_json::Map<_, _>>(),
        "scheme": run.scheme.name(), "step": run.step, "paths": run.paths,
        "at": times.iter().zip(&states).map(|(t, row)| at(&model, *t, row, args.summary)).collect::<Vec<_>>(),
    }));
    Ok(Outcome::Good)
}

fn start(args: &SimulateArgs, model: &Model) -> Result<f64> {
    let state = &model.process.state;
    let bad = |value: String, expected: String| Error::BadOption {
        flag: "--from".to_string(),
        value,
        expected,
        hint: Some(format!("--from {}=1", state.name)),
    };
    let x0 = match args.from.as_slice() {
        [] if state.holds(1.0) => 1.0,
        [] => return Err(bad(String::new(), format!("'{}' needs a start value inside its domain", model.id))),
        [(name, value)] if *name == state.name => *value,
        [(name, _), ..] if *name != state.name => {
            return Err(bad(name.clone(), format!("the only state of '{}' is called {}", model.id, state.name)));
        }
        [_, (name, _), ..] | [(name, _)] => {
            return Err(bad(name.clone(), format!("'{}' has the one state {}, given once", model.id, state.name)));
        }
    };
    if !state.holds(x0) {
        let domain = format!("'{}' lives on [{}, {}]", model.id, state.lower, state.upper);
        return Err(bad(format!("{}={x0}", state.name), domain));
    }
    Ok(x0)
}

fn paths_csv(model: &Model, times: &[f64], states: &[Vec<f64>]) -> String {
    let mut out = format!("path,t,{}\n", model.process.state.name);
    for path in 0..states.first().map_or(0, Vec::len) {
        for (t, row) in times.iter().zip(states) {
            let _ = writeln!(out, "{},{t},{}", path + 1, row[path]);
        }
    }
    out
}

fn ensemble(row: &[f64]) -> Option<Ensemble> {
    Ensemble::new(row.to_vec(), Vec::new())
}

fn summary_csv(model: &Model, times: &[f64], states: &[Vec<f64>]) -> String {
    let mut out = format!("t,mean_{0},sd_{0},q0.05,q0.5,q0.95\n", model.process.state.name);
    for (t, row) in times.iter().zip(states) {
        if let Some(e) = ensemble(row) {
            let [low, middle, high] = [0.05, 0.5, 0.95].map(|p| e.quantile(p));
            let _ = writeln!(out, "{t},{},{},{low},{middle},{high}", e.mean(), e.sd());
        }
    }
    out
}

fn at(model: &Model, t: f64, row: &[f64], summary: bool) -> Value {
    let name = &model.process.state.name;
    match ensemble(row).filter(|_| summary) {
        Some(e) => json!({ "t": t, "mean": { name: e.mean() }, "sd": { name: e.sd() } }),
        None => json!({ "t": t, name: row }),
    }
}

//! `kramers tune`: settings of a fit, chosen by the forecasts they make on rows before the test.

use super::args::{Cli, Common, EstimateArgs, TuneArgs};
use super::input::{read_data, read_observed_model, settings};
use super::output::{Folder, Output};
use super::table::{short, short_or_dash, table};
use super::values::{self, VERSION};
use super::{Outcome, select};
use crate::base::text::csv_cell;
use crate::base::{Error, Result, Series, suggest::nearest};
use crate::fit::{Objective, Optimizer};
use crate::forecast::ModelForecaster;
use crate::form::Form;
use crate::tune::{Dimension, Event, Search, Trial, Tuning, tune};
use clap::CommandFactory;
use clap::parser::ValueSource;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

pub(super) fn run(args: &TuneArgs, common: &Common, output: &Output) -> Result<Outcome> {
    select::refuse_leaking_rules(&args.data)?;
    let folder = Folder::asked(common)?;
    let model = read_observed_model(&args.model, output)?;
    let typed = typed();
    let over = over(args, &typed)?;
    let mut settings = settings(&args.estimate, common.seed)?;
    let of_adam = |d: &Dimension| matches!(d, Dimension::LearningRate | Dimension::BatchSize);
    if over.iter().any(of_adam) && !over.contains(&Dimension::Optimizer) && !typed.contains(&Dimension::Optimizer) {
        // Only adam has a rate and batches; to search over them is to ask for it.
        settings.optimizer = Optimizer::Adam;
    }
    let mut base = ModelForecaster::new(model, args.data.transform, settings);
    if let Some(cells) = args.cells {
        base.accuracy.cells = cells;
    }
    let search = Search {
        over,
        trials: args.trials as usize,
        rungs: args.rungs.map(|r| r as usize),
        validation: args.validation,
        horizon: args.horizon,
    };
    let data = read_data(&args.data, output)?;
    let (mut documents, mut csv, mut is_flagged) = (Vec::new(), CSV.to_string(), false);
    for series in &data.loaded.series {
        let first_test = select::first_test(series, &args.test)?;
        let spinner = output.spinner(format!("{} trials of {} on {}", search.trials, base.model.id, series.id));
        let watch = Watch::default();
        let found = tune(series, first_test, &base, &search, &|event| watch.see(event));
        spinner.finish_and_clear();
        let found = found?;
        for note in &found.notes {
            output.detail(&format!("note: {}: {note}", series.id));
        }
        output.text(&describe(series, &base, &found, &watch, args));
        csv.push_str(&rows(series, &found));
        is_flagged |= found.best().is_none();
        documents.push(one(series, &found, &args.estimate));
    }
    let document = json!({
        "schema": "kramers/tune@1", "version": VERSION, "seed": common.seed, "model": base.model.id,
        "answer": base.answer.name(),
        "config": {
            "over": search.over.iter().map(|d| d.name()).collect::<Vec<_>>(), "trials": search.trials, "rungs": search.rungs,
            "validation": search.validation, "test": args.test, "horizon": search.horizon,
        },
        "data": values::data(&data, args.data.transform.name()), "series": documents,
    });
    if let Some(folder) = &folder {
        folder.write("tune.csv", &csv)?;
    }
    output.deliver(&document, folder.as_ref())?;
    Ok(if is_flagged { Outcome::Flagged } else { Outcome::Good })
}

/// The dimensions whose flag was typed, rather than left at its default.
fn typed() -> Vec<Dimension> {
    let matches = Cli::command().try_get_matches_from(std::env::args_os()).ok();
    let verb = matches.as_ref().and_then(|m| m.subcommand_matches("tune"));
    let is_typed = |d: &Dimension| {
        verb.is_some_and(|verb| verb.value_source(&d.name().replace('-', "_")) == Some(ValueSource::CommandLine))
    };
    Dimension::ALL.into_iter().filter(is_typed).collect()
}

/// What to search over: what `--over` names, else everything no flag holds.
fn over(args: &TuneArgs, typed: &[Dimension]) -> Result<Vec<Dimension>> {
    let names: Vec<&str> = Dimension::ALL.into_iter().map(Dimension::name).collect();
    let bad = |value: &str, expected: String, hint: String| Error::BadOption {
        flag: "--over".to_string(),
        value: value.to_string(),
        expected,
        hint: Some(hint),
    };
    let mut over = Vec::new();
    for name in &args.over {
        let Some(dimension) = Dimension::named(name) else {
            let hint = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => "--over learning-rate,batch-size".to_string(),
            };
            return Err(bad(name, format!("some of {}", names.join(", ")), hint));
        };
        if typed.contains(&dimension) {
            return Err(bad(
                name,
                format!("--{name} holds it at a value"),
                format!("leave out --{name}, or {name} from --over"),
            ));
        }
        over.push(dimension);
    }
    if over.is_empty() {
        over = Dimension::ALL.into_iter().filter(|d| !typed.contains(d)).collect();
    }
    Ok(over)
}

/// Wall time of the trials, for the screen only: files must not differ between runs. A thread that waits inside a trial may do part of
/// another, so with many threads it is rough.
#[derive(Default)]
struct Watch {
    clocks: Mutex<HashMap<usize, (Option<Instant>, Duration)>>,
}

impl Watch {
    fn see(&self, event: Event) {
        // A poisoned clock loses times, no results.
        let Ok(mut clocks) = self.clocks.lock() else { return };
        match event {
            Event::Begun { trial, .. } => clocks.entry(trial).or_default().0 = Some(Instant::now()),
            Event::Ended { trial, .. } => {
                let clock = clocks.entry(trial).or_default();
                clock.1 += clock.0.take().map_or(Duration::ZERO, |begun| begun.elapsed());
            }
        }
    }

    fn seconds(&self, trial: usize) -> f64 {
        self.clocks.lock().ok().and_then(|c| c.get(&trial).map(|c| c.1.as_secs_f64())).unwrap_or(0.0)
    }
}

fn objective(trial: &Trial) -> &'static str {
    match trial.choice.objective {
        Objective::Kl => "kl",
        Objective::Mse => "mse",
    }
}

fn form(trial: &Trial) -> &'static str {
    trial.form.map_or("", Form::name)
}

/// The settings of a trial as flags of `fit`.
fn flags(trial: &Trial, estimate: &EstimateArgs) -> String {
    let choice = &trial.choice;
    let mut flags = format!(
        "--transform {} --objective {} --form {} --optimizer {}",
        choice.transform.name(),
        objective(trial),
        trial.form.map_or("auto", Form::name),
        choice.optimizer.name()
    );
    if let Some(stochastic) = choice.batches() {
        flags
            .push_str(&format!(" --learning-rate {} --batch-size {}", stochastic.learning_rate, stochastic.batch_size));
    }
    flags.push_str(&format!(" --starts {} --max-iterations {}", choice.starts, estimate.max_iterations));
    for (name, value) in &estimate.fix {
        flags.push_str(&format!(" --fix {name}={value}"));
    }
    flags
}

fn describe(series: &Series, base: &ModelForecaster, found: &Tuning, watch: &Watch, args: &TuneArgs) -> String {
    let over: Vec<&str> = found.over.iter().map(|d| d.name()).collect();
    let mut text = format!(
        "{}: {} trials of {} over {}\nlearnt from rows 1 to {}, scored on rows {} to {} by the CRPS of the level at {:?} rows ahead; the last {} rows were not looked at\n",
        series.id,
        found.trials.len(),
        base.model.id,
        over.join(", "),
        found.first_validation,
        found.first_validation + 1,
        found.first_test,
        found.horizons,
        series.len() - found.first_test,
    );
    for (at, rung) in found.rungs.iter().enumerate() {
        text.push_str(&format!(
            "rung {}: {} trials, {} windows, at most {} iterations\n",
            at + 1,
            rung.trials,
            rung.windows,
            rung.max_iterations
        ));
    }
    let has_grid = found.over.contains(&Dimension::Cells);
    let lines: Vec<Vec<String>> = found
        .trials
        .iter()
        .enumerate()
        .map(|(at, t)| {
            let (rate, batch) = t
                .choice
                .batches()
                .map_or(("—".to_string(), "—".to_string()), |s| (short(s.learning_rate), s.batch_size.to_string()));
            vec![
                (at + 1).to_string(),
                t.number.to_string(),
                t.choice.transform.name().to_string(),
                objective(t).to_string(),
                form(t).to_string(),
                t.choice.optimizer.name().to_string(),
                rate,
                batch,
                t.choice.starts.to_string(),
                if has_grid { t.choice.cells.to_string() } else { "—".to_string() },
                short_or_dash(t.crps),
                short_or_dash(t.se),
                t.rung.to_string(),
                t.status.clone(),
                t.iterations.to_string(),
                format!("{:.2}", watch.seconds(t.number)),
            ]
        })
        .collect();
    let header = [
        "rank",
        "trial",
        "transform",
        "objective",
        "form",
        "optimizer",
        "rate",
        "batch",
        "starts",
        "cells",
        "CRPS",
        "± s.e.",
        "rung",
        "status",
        "iterations",
        "seconds",
    ];
    text.push_str(&format!("\n{}\n", table(&header, &lines)));
    for trial in found.trials.iter().filter(|t| !t.remark.is_empty()) {
        text.push_str(&format!("trial {} lost: {}\n", trial.number, trial.remark));
    }
    match found.best() {
        Some(best) => {
            text.push_str(&format!(
                "trial {} is the simplest within one standard error of the lowest CRPS of the last rung\n\nkramers fit {} -m {} {}\n\n",
                best.number,
                args.data.input,
                args.model,
                flags(best, &args.estimate)
            ));
        }
        None => text.push_str("none is chosen: no fit of the last rung can be used; raise --max-iterations\n\n"),
    }
    text
}

fn one(series: &Series, found: &Tuning, estimate: &EstimateArgs) -> Value {
    let trial = |(at, t): (usize, &Trial)| {
        let stochastic = t.choice.batches();
        json!({
            "rank": at + 1, "trial": t.number, "transform": t.choice.transform, "objective": t.choice.objective,
            "form": t.form.map(Form::name), "optimizer": t.choice.optimizer,
            "learning_rate": stochastic.map(|s| s.learning_rate), "batch_size": stochastic.map(|s| s.batch_size),
            "starts": t.choice.starts, "cells": t.choice.cells, "crps": t.crps, "se": t.se, "rung": t.rung,
            "windows": t.windows, "status": t.status, "iterations": t.iterations, "remark": t.remark,
        })
    };
    json!({
        "id": series.id,
        "first_validation": found.first_validation, "first_test": found.first_test, "rows": series.len(),
        "horizons": found.horizons, "over": found.over.iter().map(|d| d.name()).collect::<Vec<_>>(),
        "rungs": found.rungs, "notes": found.notes,
        "chosen": found.best().map(|t| t.number), "flags": found.best().map(|t| flags(t, estimate)),
        "trials": found.trials.iter().enumerate().map(trial).collect::<Vec<_>>(),
    })
}

const CSV: &str = "series,rank,trial,chosen,transform,objective,form,optimizer,learning_rate,batch_size,starts,cells,crps,se,rung,windows,status,iterations\n";

fn rows(series: &Series, found: &Tuning) -> String {
    let number = |v: Option<f64>| v.map_or(String::new(), |v| v.to_string());
    let mut out = String::new();
    for (at, t) in found.trials.iter().enumerate() {
        let stochastic = t.choice.batches();
        let cells = [
            csv_cell(&series.id),
            (at + 1).to_string(),
            t.number.to_string(),
            u8::from(found.is_chosen && at == 0).to_string(),
            t.choice.transform.name().to_string(),
            objective(t).to_string(),
            form(t).to_string(),
            t.choice.optimizer.name().to_string(),
            number(stochastic.map(|s| s.learning_rate)),
            stochastic.map_or(String::new(), |s| s.batch_size.to_string()),
            t.choice.starts.to_string(),
            t.choice.cells.to_string(),
            number(t.crps),
            number(t.se),
            t.rung.to_string(),
            t.windows.to_string(),
            t.status.clone(),
            t.iterations.to_string(),
        ];
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

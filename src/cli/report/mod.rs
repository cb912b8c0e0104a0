//! `kramers report`: the whole job, from a file to a page.

mod series;

use crate::backtest::{Backtest, Candidate, ModelScores, Plan, Scores, Window, choose};
use crate::base::series::format_stamp;
use crate::base::{ClockKind, Error, Result, Series, Stamp};
use crate::cli::args::{Common, ReportArgs};
use crate::cli::backtest::{failures, with_baselines};
use crate::cli::input::{Data, model_name, read_data};
use crate::cli::output::{Folder, Output};
use crate::cli::remarks::{against_random_walk, beaten_by, width_remark};
use crate::cli::table::short;
use crate::cli::values::{self, VERSION, long_header, long_table};
use crate::cli::{Outcome, select};
use crate::fit::diagnostics::Diagnostics;
use crate::forecast::{FittedModel, ModelForecaster};
use crate::predictive::Predictive;
use crate::report::view::{FindingRow, ReportView};
use crate::report::{self, ReportError};
use serde_json::{Value, json};
use series::series_view;
use std::path::PathBuf;

/// Central intervals drawn, outermost first.
const BANDS: [f64; 3] = [0.95, 0.8, 0.5];
/// Models that are backtested besides the chosen one.
const RUNNERS_UP: usize = 2;

/// One series, worked through.
struct Study<'a> {
    series: &'a Series,
    plan: Plan,
    candidates: Vec<Candidate>,
    /// Fitted to all rows.
    fitted: FittedModel,
    tests: Diagnostics,
    result: Backtest,
    scores: Scores,
    held_out: Vec<Predictive>,
    ahead: (Vec<f64>, Option<Vec<Stamp>>, Vec<Predictive>),
    warnings: Vec<String>,
}

pub(super) fn run(args: &ReportArgs, common: &Common, output: &Output) -> Result<Outcome> {
    select::refuse_leaking_rules(&args.data)?;
    let forecasters = select::forecasters(&args.model, &args.data, &args.estimate, common.seed, output)?;
    let data = read_data(&args.data, output)?;
    let path = common.output.clone().map_or_else(|| PathBuf::from("reports").join(&data.stem), PathBuf::from);
    let folder = Folder::open(&path)?;
    let studies = data
        .loaded
        .series
        .iter()
        .map(|series| study(series, args, common.seed, &forecasters, output))
        .collect::<Result<Vec<_>>>()?;
    let view = view(&studies, args, common, &data);
    let document = document(&studies, &view, args, common, &data);
    let broken = |e: ReportError| Error::Numerics {
        what: "the report".to_string(),
        why: e.to_string(),
        hint: "this is a bug of ours; the numbers are in run.json".to_string(),
    };
    folder.write_document(&document)?;
    folder.write("forecast.csv", &report::forecast_csv(&view))?;
    folder.write("held_out.csv", &report::held_out_csv(&view))?;
    folder.write("scores.csv", &report::scores_csv(&view))?;
    folder.write("horizons.csv", &report::horizons_csv(&view))?;
    let long: String = studies.iter().map(|s| long_table(s.series, &s.result)).collect();
    folder.write("backtest.csv", &(long_header() + &long))?;
    folder.write("index.html", &report::html(&view).map_err(broken)?)?;
    output.document(&document);
    for s in &view.series {
        output.text(&format!("{}\n", s.id));
        for line in &s.verdict {
            output.text(&format!("  {line}\n"));
        }
        for warning in &s.warnings {
            output.say(&format!("warning: {}: {warning}", s.id));
        }
    }
    output.text(&format!("\n{}\n", folder.path("index.html").display()));
    let good = studies.iter().all(|s| s.fitted.fit.status.is_good());
    Ok(if good { Outcome::Good } else { Outcome::Flagged })
}

fn study<'a>(
    series: &'a Series,
    args: &ReportArgs,
    seed: u64,
    forecasters: &[ModelForecaster],
    output: &Output,
) -> Result<Study<'a>> {
    let plan = select::plan(series, &args.plan)?;
    let train = series.slice(0, plan.first_test);
    let longest = plan.horizons.last().copied().unwrap_or(1);
    let spinner = output.spinner(format!("choosing a model for {}", series.id));
    let candidates = choose(&train, candidates_for(series, args, forecasters), longest);
    spinner.finish_and_clear();
    let candidates = candidates?;
    for c in &candidates {
        let crps = c.validation_crps.map_or_else(|| "not scored".to_string(), |v| format!("CRPS {}", short(v)));
        output.detail(&format!("{}: {}: {}, {crps} {}", series.id, c.model, c.status, c.remark));
    }
    let usable: Vec<ModelForecaster> = candidates.iter().filter_map(|c| c.forecaster.clone()).collect();
    let Some(chosen) = usable.first() else {
        let why: Vec<String> = candidates.iter().map(|c| format!("{}: {}", c.model, c.remark)).collect();
        // One reason for all (or a single model) is said best by the refusal itself.
        if let [first, rest @ ..] = candidates.as_slice()
            && rest.iter().all(|c| c.remark == first.remark)
            && let Some(forecaster) = forecasters.first()
        {
            forecaster.fit_model(&train, None)?;
        }
        return Err(Error::NoCandidate { series: series.id.clone(), why: why.join("; ") });
    };
    // Every model the user named is scored; of the whole registry only the best few.
    let tested = if args.model.is_empty() { &usable[..usable.len().min(1 + RUNNERS_UP)] } else { &usable[..] };
    let result = with_baselines(series, tested, &plan, &args.plan, seed, output)?;
    let scores = Scores::of(&result);
    let at_cutoff = chosen.fit_model(&train, None)?;
    let times: Vec<f64> = (1..=longest).map(|h| series.time[plan.first_test - 1 + h]).collect();
    let held_out = at_cutoff.predict_levels(&train, &times, 0)?;
    let fitted = chosen.fit_model(series, None)?;
    let (times, stamps) = series.ahead(longest);
    let ahead = fitted.predict_levels(series, &times, 0)?;
    let mut warnings = failures(&series.id, series, &result);
    warnings.extend(fitted.fit.warnings.iter().cloned());
    let tests = fitted.diagnose(series)?;
    Ok(Study {
        series,
        plan,
        candidates,
        fitted,
        tests,
        result,
        scores,
        held_out,
        ahead: (times, stamps, ahead),
        warnings,
    })
}

/// The models asked for, or of the registry those whose tags fit: a business clock tells of a market, so physics and
/// chemistry are left out there.
fn candidates_for(series: &Series, args: &ReportArgs, forecasters: &[ModelForecaster]) -> Vec<ModelForecaster> {
    let market = series.clock.kind == ClockKind::Business;
    let fits = |f: &&ModelForecaster| !args.model.is_empty() || !market || f.model.tags.iter().any(|t| t == "finance");
    forecasters.iter().filter(fits).cloned().collect()
}

impl Study<'_> {
    fn model(&self) -> &ModelForecaster {
        &self.fitted.forecaster
    }

    fn x(&self, row: usize) -> f64 {
        self.series.stamps.as_ref().map_or(self.series.time[row], |s| s[row] as f64)
    }

    fn label(&self, row: usize) -> String {
        match &self.series.stamps {
            Some(stamps) => format_stamp(stamps[row]),
            None => format!("{} {}", short(self.series.time[row]), self.series.clock.unit),
        }
    }

    fn chosen_scores(&self) -> Option<&ModelScores> {
        self.scores.get(&self.model().model.id)
    }

    /// Three sentences: which model and why, how it did, what it says.
    fn verdict(&self) -> Vec<String> {
        let model = &self.model().model;
        let chosen = self.candidates.first();
        let why = chosen.map_or("", |c| c.remark.as_str());
        let first = format!(
            "{} ({}) was chosen ({why}); its fit to all {} rows {}.",
            model.title,
            model.id,
            self.series.len(),
            {
                let status = &self.fitted.fit.status;
                if status.name() == "converged" { "converged".to_string() } else { format!("is {status}") }
            }
        );
        let rows = self.plan.rows - self.plan.first_test;
        let second = match self.chosen_scores() {
            Some(s) => match s.skill {
                Some(skill) => format!(
                    "On the {rows} held-out rows it is {}: CRPS {} (skill {:+.1} ± {:.1} %). Its 80 % interval held {:.0} % of what came{}.",
                    against_random_walk(skill),
                    short(s.all.crps),
                    100.0 * skill.value,
                    100.0 * skill.se,
                    100.0 * s.all.coverage_80,
                    width_remark(s.all.coverage_80),
                ),
                None => format!("On the {rows} held-out rows its CRPS is {}.", short(s.all.crps)),
            },
            None => "It could not answer on the held-out rows.".to_string(),
        };
        let second = match self.chosen_scores().and_then(|chosen| beaten_by(chosen, &self.scores)) {
            Some(rival) => format!("{second} {rival}"),
            None => second,
        };
        let last = self.series.len() - 1;
        let third = match self.ahead.2.last() {
            Some(law) => format!(
                "From {} at {}, {} rows ahead: half of the chance below {}, and 80 % between {} and {}.",
                short(self.series.value[last]),
                self.label(last),
                self.ahead.2.len(),
                short(law.quantile(0.5)),
                short(law.quantile(0.1)),
                short(law.quantile(0.9))
            ),
            None => "No forecast was made.".to_string(),
        };
        vec![first, second, third]
    }
}

fn view(studies: &[Study], args: &ReportArgs, common: &Common, data: &Data) -> ReportView {
    let loaded = &data.loaded;
    let mut provenance = vec![
        ("file".to_string(), data.file.clone()),
        ("sha256".to_string(), loaded.sha256.clone()),
        ("rows".to_string(), format!("{} read, {} used, {} dropped", loaded.rows, loaded.used, loaded.dropped())),
        ("transform".to_string(), args.data.transform.name().to_string()),
        ("cleaning".to_string(), args.data.clean.to_string()),
    ];
    if let Some(study) = studies.first() {
        let held_out = study.plan.rows - study.plan.first_test;
        provenance.push((
            "held out".to_string(),
            format!(
                "the last {held_out} rows, from {}; {} windows",
                study.label(study.plan.first_test),
                study.plan.windows()
            ),
        ));
    }
    provenance.extend(loaded.inference.iter().map(|s| ("inferred".to_string(), s.clone())));
    ReportView {
        title: data.stem.clone(),
        version: VERSION.to_string(),
        command: command(args, common, data),
        seed: common.seed,
        provenance,
        findings: loaded
            .findings
            .iter()
            .map(|f| FindingRow { rule: f.rule.clone(), count: f.count, action: f.action.clone() })
            .collect(),
        series: studies.iter().map(|s| series_view(s, args)).collect(),
        notes: notes(studies, args),
    }
}

fn notes(studies: &[Study], args: &ReportArgs) -> Vec<String> {
    let mut notes = vec![
        "The model was chosen on a validation slice of the training rows; the held-out rows took no part in it.".to_string(),
        "Every backtest forecast was made from rows up to its cutoff only; the shown parameters and the forecast ahead use all rows.".to_string(),
        "Scores are in data units and lower is better; overlapping windows are allowed for in the standard error of the skill.".to_string(),
    ];
    if args.model.is_empty() && studies.iter().any(|s| s.series.clock.kind == ClockKind::Business) {
        notes.push("The clock is one of business days, so the candidates were the built-in models tagged \"finance\"; -m names others.".to_string());
    }
    if studies.iter().any(|s| s.model().answer != crate::form::Form::Exact) {
        notes.push("Where a model has no closed law its forecasts come from the Fokker-Planck equation.".to_string());
    }
    notes
}

/// The command that makes this report again, without folders of this machine.
fn command(args: &ReportArgs, common: &Common, data: &Data) -> String {
    // A path below the working folder is told as typed, others by their name alone.
    let typed = std::path::Path::new(&args.data.input);
    let input = if typed.is_absolute() { data.file.clone() } else { args.data.input.clone() };
    let mut words = vec!["kramers report".to_string(), input];
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.push(format!("{name} {value}"));
        }
    };
    let d = &args.data;
    flag("--time", d.time.clone());
    flag("--value", d.value.clone());
    flag("--id", d.id.clone());
    flag("--only", d.only.clone());
    flag("--since", d.since.clone());
    flag("--before", d.before.clone());
    flag("--transform", (d.transform != crate::base::Transform::None).then(|| d.transform.name().to_string()));
    flag("--dt", d.dt.map(|v| v.to_string()));
    flag(
        "-m",
        (!args.model.is_empty()).then(|| args.model.iter().map(|m| model_name(m)).collect::<Vec<_>>().join(",")),
    );
    flag("--test", (args.plan.test != "20%").then(|| args.plan.test.clone()));
    flag("--horizon", args.plan.horizon.map(|h| h.to_string()));
    flag("--step", args.plan.step.map(|s| s.to_string()));
    flag("--refit", args.plan.refit.clone());
    flag("--window", (args.plan.window != Window::Expanding).then(|| args.plan.window.to_string()));
    flag("--embargo", (args.plan.embargo != 0).then(|| args.plan.embargo.to_string()));
    flag("--seed", (common.seed != 1).then(|| common.seed.to_string()));
    words.join(" ")
}
/// `kramers/report@1`: the same values as the page.
fn document(studies: &[Study], view: &ReportView, args: &ReportArgs, common: &Common, data: &Data) -> Value {
    let series: Vec<Value> = studies
        .iter()
        .zip(&view.series)
        .map(|(s, v)| {
            let (times, stamps, laws) = &s.ahead;
            let horizons: Vec<Value> = laws
                .iter()
                .enumerate()
                .map(|(i, law)| {
                    let stamp = stamps.as_ref().map(|s| s[i]);
                    values::horizon(law, i + 1, times[i], stamp, &s.series.value_name, &BANDS)
                })
                .collect();
            json!({
                "id": s.series.id,
                "verdict": v.verdict,
                "time_unit": s.series.clock.unit,
                "clock": s.series.clock.kind,
                "plan": {
                    "rows": s.plan.rows, "first_test": s.plan.first_test, "horizons": s.plan.horizons,
                    "step": s.plan.step, "windows": s.plan.windows(),
                },
                "candidates": v.candidates,
                "chosen": s.model().model.id,
                "answer": s.model().answer.name(),
                "fit": values::fit(&s.fitted.fit, &s.tests),
                "scores": values::scores(&s.series.id, &s.scores),
                "horizons": horizons,
                "warnings": v.warnings,
            })
        })
        .collect();
    json!({
        "schema": "kramers/report@1", "version": VERSION, "command": view.command, "seed": common.seed,
        "config": {
            "test": args.plan.test, "horizon": args.plan.horizon, "step": args.plan.step, "refit": args.plan.refit,
            "window": args.plan.window.to_string(), "embargo": args.plan.embargo,
            "models": args.model.iter().map(|m| model_name(m)).collect::<Vec<_>>(), "transform": args.data.transform.name(), "clean": args.data.clean.to_string(),
        },
        "data": values::data(data, args.data.transform.name()),
        "series": series,
        "notes": view.notes,
    })
}

//! `kramers report`: the whole job, from a file to a page.

pub(in crate::cli) mod command;
mod index;
pub(in crate::cli) mod law;
mod series;
mod several;
mod through;
mod verdict;

use crate::backtest::{Backtest, Candidate, Plan, Scores, choose};
use crate::base::series::format_stamp;
use crate::base::{ClockKind, Error, Result, Series, Stamp};
use crate::cli::args::{Common, ReportArgs};
use crate::cli::backtest::{troubles, with_baselines};
use crate::cli::input::{Data, called_as, model_name, read_data};
use crate::cli::output::{Folder, Output};
use crate::cli::table::short;
use crate::cli::values::{self, VERSION, long_header, long_table};
use crate::cli::{Outcome, select};
use crate::fit::diagnostics::Diagnostics;
use crate::forecast::{FittedModel, ModelForecaster};
use crate::predictive::Predictive;
use crate::report::view::{CoefficientView, FindingRow, ProfileView, ReportView, Through};
use crate::report::{self, FigureNumbers, Named, ReportError};
use crate::stats::Tally;
use command::command;
use serde_json::{Value, json};
use series::series_view;
pub(in crate::cli) use series::{card, row};
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
    through: Through,
    coefficients: Vec<CoefficientView>,
    profiles: (Vec<ProfileView>, String),
    /// Of counts: how often each came one row ahead, beside its law.
    counts: Vec<Named<Tally>>,
}

pub(super) fn run(args: &ReportArgs, common: &Common, output: &Output) -> Result<Outcome> {
    select::refuse_leaking_rules(&args.data)?;
    let forecasters = select::forecasters(&args.model, &args.data, &args.estimate, common.seed, output)?;
    for forecaster in &forecasters {
        several::refuse(&forecaster.model, args)?;
    }
    let data = match forecasters.as_slice() {
        [one] => called_as(&one.model, &args.data, output, read_data)?,
        _ => read_data(&args.data, output)?,
    };
    let path = common.output.clone().map_or_else(|| PathBuf::from(index::REPORTS).join(&data.stem), PathBuf::from);
    let folder = Folder::open(&path)?;
    // Only series with a section of their own are looked at from all sides.
    let sections = data.loaded.series.len().min(report::MOST_SECTIONS);
    let drawn = |i: usize| (i < sections).then_some(sections);
    let studies = data
        .loaded
        .series
        .iter()
        .enumerate()
        .map(|(i, series)| study(series, args, common.seed, &forecasters, drawn(i), output))
        .collect::<Result<Vec<_>>>()?;
    let view = view(&studies, args, common, &data);
    let document = document(&studies, &view, args, common, &data);
    folder.write("forecast.csv", &report::forecast_csv(&view))?;
    folder.write("held_out.csv", &report::held_out_csv(&view))?;
    folder.write("scores.csv", &report::scores_csv(&view))?;
    folder.write("horizons.csv", &report::horizons_csv(&view))?;
    let long: String = studies.iter().map(|s| long_table(s.series, &s.result)).collect();
    folder.write("backtest.csv", &(long_header() + &long))?;
    write_figures(&folder, &report::figures(&view), "series")?;
    folder.write("index.html", &report::html(&view).map_err(broken)?)?;
    folder.write_document(&document)?;
    index::write(&path, output)?;
    output.document(&document);
    output.warn(&document);
    for s in &view.series {
        output.text(&format!("{}\n", s.id));
        for line in &s.verdict {
            output.text(&format!("  {line}\n"));
        }
    }
    output.text(&format!("\n{}\n", folder.path("index.html").display()));
    let good = studies.iter().all(|s| s.fitted.fit.status.is_good());
    Ok(if good { Outcome::Good } else { Outcome::Flagged })
}

/// Whether a document is one that the list of reports shows: what reads it, for those who test it with any document.
pub(super) fn is_listed(document: &Value) -> bool {
    index::row("", document).is_some()
}

/// The numbers of figures as one document, and each as a table whose first column is called `by`.
///
/// # Errors
/// [`Error::FileUnwritable`].
pub(super) fn write_figures(folder: &Folder, figures: &[FigureNumbers], by: &str) -> Result<()> {
    let document = json!({ "schema": "kramers/figures@1", "version": VERSION, "figures": figures });
    folder.write("figures.json", &format!("{document}\n"))?;
    figures.iter().try_for_each(|figure| folder.write(&format!("figures/{}.csv", figure.name), &figure.csv(by)))
}

fn broken(error: ReportError) -> Error {
    Error::Numerics {
        what: "the report".to_string(),
        why: error.to_string(),
        hint: "this is a bug of ours; the numbers are in run.json".to_string(),
    }
}

/// Axis position of a row: seconds of dates, else the series' own time.
pub(in crate::cli) fn x(series: &Series, row: usize) -> f64 {
    series.stamps.as_ref().map_or(series.time[row], |s| s[row] as f64)
}

fn study<'a>(
    series: &'a Series,
    args: &ReportArgs,
    seed: u64,
    forecasters: &[ModelForecaster],
    drawn: Option<usize>,
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
    let mut warnings = troubles(series, &result);
    warnings.extend(fitted.fit.warnings.iter().cloned());
    let tests = fitted.diagnose(series)?;
    let spinner = output.spinner(format!("drawing {}", series.id));
    let of = law::Of::from(&fitted);
    let known = || of.model.scalar().and_then(|_| of.covariance(series));
    let (through, coefficients, profiles, counts) = match drawn {
        Some(sharing) => (
            through::through(series, &plan, &at_cutoff)?,
            law::coefficients(series, &of, known().as_ref())?,
            law::profiles(series, &fitted, sharing)?,
            law::counted(series, &fitted)?,
        ),
        None => Default::default(),
    };
    spinner.finish_and_clear();
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
        through,
        coefficients,
        profiles,
        counts,
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
        x(self.series, row)
    }

    fn label(&self, row: usize) -> String {
        match &self.series.stamps {
            Some(stamps) => format_stamp(stamps[row]),
            None => format!("{} {}", short(self.series.time[row]), self.series.clock.unit),
        }
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
        command: command(std::env::args()),
        seed: common.seed,
        provenance,
        findings: loaded
            .findings
            .iter()
            .map(|f| FindingRow { rule: f.rule.clone(), count: f.count, action: f.action.clone() })
            .collect(),
        series: studies.iter().map(|s| series_view(s, args, &loaded.sha256, common.seed)).collect(),
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
                "range": { "first": s.label(0), "last": s.label(s.series.len() - 1) },
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

//! `kramers backtest`: rolling-origin scores against baselines.

use super::args::{BacktestArgs, Common};
use super::checkpoint::Checkpoint;
use super::input::{Data, read_data, read_model_text};
use super::leak::{Proof, prove};
use super::output::{Folder, Output};
use super::table::{short, table};
use super::values::{self, VERSION, long_header, long_table};
use super::{Outcome, select};
use crate::backtest::{Backtest, ModelScores, Plan, Scores, Sink, backtest};
use crate::base::rng::word_of;
use crate::base::{Error, Result, Seed, Series};
use crate::baseline::{RANDOM_WALK, baseline, usual};
use crate::expr::Pool;
use crate::forecast::ModelForecaster;
use crate::predictive::Forecaster;
use serde_json::json;

pub(super) fn run(args: &BacktestArgs, common: &Common, output: &Output) -> Result<Outcome> {
    select::refuse_leaking_rules(&args.data)?;
    let folder = Folder::asked(common)?;
    let condition = args.fail_if.as_deref().map(Condition::parse).transpose()?;
    let forecasters = select::forecasters(&args.model, &args.data, &args.estimate, common.seed, output)?;
    let data = read_data(&args.data, output)?;
    let checkpoint = checkpoint(args, common, &data, folder.as_ref(), output)?;
    let (mut results, mut rows, mut warnings, mut csv) = (Vec::new(), Vec::new(), Vec::new(), long_header());
    let (mut flagged, mut proofs) = (false, Vec::new());
    for (k, series) in data.loaded.series.iter().enumerate() {
        let plan = select::plan(series, &args.plan)?;
        let train = series.slice(0, plan.first_test);
        let settled = settle(&train, &forecasters)?;
        let blocks = checkpoint.as_ref().map(|c| c.of(k));
        let sink = blocks.as_ref().map(|blocks| blocks as &dyn Sink);
        let result = with_baselines(series, &settled, &plan, &args.plan.baselines, common.seed, sink, output)?;
        if args.prove_no_leak {
            let again = |other: &Series| {
                with_baselines(other, &settled, &plan, &args.plan.baselines, common.seed, None, output)
            };
            let proof = prove(series, &plan, &result, &again)?;
            output.text(&leak_text(&series.id, &proof));
            flagged |= proof.leak.is_some();
            proofs.push(json!({
                "series": series.id, "compared": proof.compared,
                "leak": proof.leak.as_ref().map(|(model, cutoff, from)| json!({ "model": model, "cutoff": cutoff + 1, "destroyed_from": from + 1 })),
            }));
        }
        let scores = Scores::of(&result);
        flagged |= !result.failures.is_empty();
        warnings.extend(failures(&series.id, series, &result));
        output.text(&describe(series, &plan, &scores));
        flagged |= condition.as_ref().is_some_and(|c| scores.pooled.first().is_none_or(|s| c.holds(s)));
        csv.push_str(&long_table(series, &result));
        rows.extend(values::scores(&series.id, &scores));
        results.push(result);
    }
    let mut all = values::pooled_scores(&results.iter().collect::<Vec<_>>());
    all.append(&mut rows);
    for warning in &warnings {
        output.say(&format!("warning: {warning}"));
    }
    let mut document = json!({
        "schema": "kramers/backtest@1", "version": VERSION, "seed": common.seed,
        "config": { "test": args.plan.test, "horizon": args.plan.horizon, "step": args.plan.step, "refit": args.plan.refit },
        "data": values::data(&data, args.data.transform.name()), "scores": all, "warnings": warnings,
    });
    if args.prove_no_leak {
        document["leak_proof"] = json!(proofs);
    }
    output.document(&document);
    if let Some(folder) = folder {
        folder.write("backtest.csv", &csv)?;
        folder.write_document(&document)?;
    }
    if let Some(checkpoint) = checkpoint {
        checkpoint.done();
    }
    Ok(if flagged { Outcome::Flagged } else { Outcome::Good })
}

/// The file of finished blocks beside the results, where there is a folder for it.
fn checkpoint(
    args: &BacktestArgs,
    common: &Common,
    data: &Data,
    folder: Option<&Folder>,
    output: &Output,
) -> Result<Option<Checkpoint>> {
    let Some(folder) = folder else {
        return match args.resume {
            false => Ok(None),
            true => Err(Error::BadOption {
                flag: "--resume".to_string(),
                value: "without -o".to_string(),
                expected: "a run whose results have a folder, where its finished blocks are kept".to_string(),
                hint: Some("-o FOLDER, the one of the run that was cut off".to_string()),
            }),
        };
    };
    // Whatever changes a number, the text of a model's file too; neither threads nor folders.
    let text = |name: &String| Ok(format!("{name} {:x}", word_of(&read_model_text(name, &output.silent())?.1)));
    let models: Vec<String> = args.model.iter().map(text).collect::<Result<_>>()?;
    let run = format!(
        "kramers {VERSION} backtest {} {models:?} {:?} {:?} {:?} seed {}",
        data.loaded.sha256, args.plan, args.estimate, args.data, common.seed
    );
    let checkpoint = Checkpoint::open(&folder.path(""), &run.replace('\n', " "), args.resume)?;
    if args.resume {
        output.say(&format!("resuming: {} blocks were done", checkpoint.known()));
    }
    Ok(Some(checkpoint))
}

/// Settle each model's form on the training rows; a model that cannot learn from them is refused here, before the work.
fn settle(train: &Series, forecasters: &[ModelForecaster]) -> Result<Vec<ModelForecaster>> {
    let settled = |f: &ModelForecaster| {
        let fitted = f.fit_model(train, None)?;
        fitted.require_usable(train)?;
        Ok(f.settled_by(&fitted))
    };
    forecasters.iter().map(settled).collect()
}

/// Backtest the models and the baselines together.
pub(super) fn with_baselines(
    series: &Series,
    forecasters: &[ModelForecaster],
    plan: &Plan,
    asked: &[String],
    seed: u64,
    sink: Option<&dyn Sink>,
    output: &Output,
) -> Result<Backtest> {
    let transform = forecasters.first().map_or(crate::base::Transform::None, |f| f.transform);
    let train = series.slice(0, plan.first_test);
    let baselines: Vec<Box<dyn Forecaster>> = match asked {
        [] => usual(&train, transform, Seed(seed)),
        names => {
            let walk = (!names.iter().any(|name| name == RANDOM_WALK)).then_some(RANDOM_WALK);
            let names = walk.into_iter().chain(names.iter().map(String::as_str));
            names.filter_map(|name| baseline(name, &train, transform, Seed(seed))).collect()
        }
    };
    let mut all: Vec<&dyn Forecaster> = forecasters.iter().map(|f| f as &dyn Forecaster).collect();
    all.extend(baselines.iter().map(|b| b.as_ref()));
    let bar = output.bar(plan.windows() * all.len(), &format!("backtest {}", series.id));
    let result = backtest(series, transform, &all, plan, &|| bar.inc(1), sink);
    bar.finish_and_clear();
    result
}

/// What destroying later rows showed.
fn leak_text(id: &str, proof: &Proof) -> String {
    match &proof.leak {
        None => format!(
            "{id}: no leak: {} forecasts are the same to the last bit after every row behind their cutoff was destroyed\n\n",
            proof.compared
        ),
        Some((model, cutoff, from)) => format!(
            "{id}: LEAK: {model}'s forecast from row {} changed when the rows from {} on were destroyed\n\n",
            cutoff + 1,
            from + 1
        ),
    }
}

/// One sentence a model that could not answer somewhere.
pub(super) fn failures(id: &str, series: &Series, result: &Backtest) -> Vec<String> {
    (0..result.models.len())
        .filter_map(|m| {
            let mine: Vec<_> = result.failures.iter().filter(|f| f.0 == m).collect();
            let first = mine.first()?;
            Some(format!(
                "{id}: {} could not answer in {} windows, the first at row {} of {}: {}",
                result.models[m],
                mine.len(),
                first.1 + 1,
                series.len(),
                first.2
            ))
        })
        .collect()
}

fn describe(series: &Series, plan: &Plan, scores: &Scores) -> String {
    let rows: Vec<Vec<String>> = scores.pooled.iter().map(row).collect();
    format!(
        "{}: {} windows on the last {} of {} rows, horizons {:?}\n\n{}\n",
        series.id,
        plan.windows(),
        plan.rows - plan.first_test,
        plan.rows,
        plan.horizons,
        table(
            &[
                "model",
                "CRPS",
                "log score",
                "MAE",
                "RMSE",
                "50 %",
                "80 %",
                "95 %",
                "skill",
                "± s.e.",
                "PIT p",
                "Berkowitz p"
            ],
            &rows
        )
    )
}

fn row(s: &ModelScores) -> Vec<String> {
    let (skill, se) = s.skill.map_or((f64::NAN, f64::NAN), |s| (s.value, s.se));
    let a = &s.all;
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let mut cells = vec![s.model.clone()];
    cells.extend([a.crps, a.log_score, a.mae, a.rmse].map(short));
    cells.extend([a.coverage_50, a.coverage_80, a.coverage_95].map(percent));
    cells.extend([skill, se, s.pit_ks_p, s.berkowitz.map_or(f64::NAN, |b| b.p)].map(short));
    cells
}

/// `--fail-if`: a comparison of two expressions in the pooled scores of the first model.
struct Condition {
    pool: Pool,
    left: crate::expr::Id,
    right: crate::expr::Id,
    less: bool,
}

const SCORES: [&str; 10] =
    ["crps", "log_score", "mae", "rmse", "coverage_50", "coverage_80", "coverage_95", "skill", "skill_se", "pit_ks_p"];

impl Condition {
    fn parse(text: &str) -> Result<Condition> {
        let bad = || Error::BadOption {
            flag: "--fail-if".to_string(),
            value: text.to_string(),
            expected: format!("two expressions with < or > between them, in {}", SCORES.join(", ")),
            hint: Some("--fail-if 'skill < 0'".to_string()),
        };
        let at = text.find(['<', '>']).ok_or_else(bad)?;
        let mut pool = Pool::new(SCORES);
        let left = pool.parse(&text[..at], "--fail-if")?;
        // <= and >= are taken as < and >: scores are never equal but by accident.
        let right = pool.parse(text[at + 1..].trim_start_matches('='), "--fail-if")?;
        Ok(Condition { left, right, less: text[at..].starts_with('<'), pool })
    }

    /// Whether it holds; a score that is not a number fails too.
    fn holds(&self, s: &ModelScores) -> bool {
        let (skill, se) = s.skill.map_or((f64::NAN, f64::NAN), |s| (s.value, s.se));
        let a = &s.all;
        let values =
            [a.crps, a.log_score, a.mae, a.rmse, a.coverage_50, a.coverage_80, a.coverage_95, skill, se, s.pit_ks_p];
        let (left, right) = (self.pool.eval(self.left, &values), self.pool.eval(self.right, &values));
        if left.is_nan() || right.is_nan() {
            return true;
        }
        if self.less { left < right } else { left > right }
    }
}

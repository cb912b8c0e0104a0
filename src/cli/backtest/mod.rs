//! `kramers backtest`: rolling-origin scores against baselines, of one series or of thousands.

mod condition;
mod document;
mod one;
mod tables;
mod words;

pub(super) use one::with_baselines;
pub(super) use words::troubles;

use super::args::{BacktestArgs, Common};
use super::checkpoint::Checkpoint;
use super::combine::{Combination, Models, read_models, require_model};
use super::input::{Data, read_data, read_model_text, settings};
use super::output::{Folder, Output};
use super::values::{self, VERSION};
use super::{Outcome, select};
use crate::backtest::{Plan, Pool, Scores, in_order};
use crate::base::rng::word_of;
use crate::base::{Error, Result};
use condition::Condition;
use document::Document;
use one::{Asked, Job, Studied};
use serde_json::{Value, json};
use tables::LongTables;
use words::{Summary, describe_panel, panel_document};

/// Series whose scores are told one by one; of more there is the pooled table and what stands out.
const SHOWN: usize = 20;

pub(super) fn run(args: &BacktestArgs, common: &Common, output: &Output) -> Result<Outcome> {
    select::refuse_leaking_rules(&args.data)?;
    let folder = Folder::asked(common)?;
    let condition = args.fail_if.as_deref().map(Condition::parse).transpose()?;
    let combinations = args.model.iter().map(|typed| Combination::parse(typed)).collect::<Result<Vec<_>>>()?;
    require_model(&combinations)?;
    let (settings, transform) = (settings(&args.estimate, common.seed)?, args.data.transform);
    let models = read_models(&combinations, transform, &settings, &args.law, output)?;
    let data = read_data(&args.data, output)?;
    let checkpoint = checkpoint(args, common, (&data, &models), folder.as_ref(), output)?;
    let tables = LongTables::begin(args, folder.as_ref())?;
    let series = &data.loaded.series;
    let job = Job {
        args,
        models: &models,
        combinations: &combinations,
        seed: common.seed,
        alone: series.len() == 1,
        shown: series.len() <= SHOWN,
        lines: tables.wants_lines(),
    };
    let asked: Vec<Result<Asked>> = series.iter().map(|s| Asked::new(s, &job)).collect();
    let what = if job.alone { series[0].id.clone() } else { format!("{} series", series.len()) };
    let work = asked.iter().flatten().map(|asked| asked.work(&job)).sum();
    let bar = output.bar(work, &format!("backtest {what}"));
    let study = |k: usize| -> Result<Studied> {
        let asked = asked[k].as_ref().map_err(Error::clone)?;
        let blocks = checkpoint.as_ref().map(|c| c.of(k));
        let studied = asked.study(&series[k], &job, blocks.as_ref(), &|| bar.inc(1));
        // What was refused takes no time any more.
        studied.inspect_err(|_| bar.inc(asked.work(&job) as u64))
    };
    let mut gathered = Gathered::new(&job, tables, condition);
    in_order(series.len(), study, |k, studied| match studied {
        Err(error) if job.alone => Err(error),
        Err(error) => {
            gathered.refused.push((series[k].id.clone(), error));
            Ok(())
        }
        // The bar gives way to the lines of a series.
        Ok(studied) => bar.suspend(|| gathered.take(&data, k, studied, output)),
    })?;
    bar.finish_and_clear();
    let outcome = gathered.finish(args, common, &data, folder.as_ref(), output)?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.done();
    }
    Ok(outcome)
}

/// What came of the series so far, in their order.
struct Gathered {
    tables: LongTables,
    condition: Option<Condition>,
    shown: bool,
    flagged: bool,
    pool: Pool,
    plans: Vec<Plan>,
    summaries: Vec<Summary>,
    /// Scores by the name of their series.
    scores: Vec<(String, Scores)>,
    warnings: Vec<String>,
    proofs: Vec<Value>,
    /// Weights of combinations at the first cutoffs.
    combinations: Vec<Value>,
    /// Series of which nothing could be made, and why.
    refused: Vec<(String, Error)>,
}

impl Gathered {
    fn new(job: &Job, tables: LongTables, condition: Option<Condition>) -> Gathered {
        Gathered {
            tables,
            condition,
            shown: job.shown,
            flagged: false,
            pool: Pool::default(),
            plans: Vec::new(),
            summaries: Vec::new(),
            scores: Vec::new(),
            warnings: Vec::new(),
            proofs: Vec::new(),
            combinations: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// One more series is done.
    fn take(&mut self, data: &Data, k: usize, studied: Studied, output: &Output) -> Result<()> {
        let series = &data.loaded.series[k];
        self.tables.push(series, &studied.result, &studied.lines)?;
        output.text(&studied.text);
        if let Some(proof) = studied.proof {
            self.flagged |= proof.leak.is_some();
            self.proofs.push(json!({
                "series": series.id, "compared": proof.compared,
                "leak": proof.leak.as_ref().map(|(model, cutoff, from)| json!({ "model": model, "cutoff": cutoff + 1, "destroyed_from": from + 1 })),
            }));
        }
        self.flagged |= studied.result.failures().next().is_some();
        self.warnings.extend(studied.warnings);
        self.combinations.extend(studied.combinations);
        self.summaries.push(Summary::of(&series.id, &studied.scores));
        self.scores.push((series.id.clone(), studied.scores));
        self.plans.push(studied.result.plan.clone());
        self.pool.add(studied.result);
        Ok(())
    }

    /// All series are done: what is told of them together, the document and the files.
    fn finish(
        mut self,
        args: &BacktestArgs,
        common: &Common,
        data: &Data,
        folder: Option<&Folder>,
        output: &Output,
    ) -> Result<Outcome> {
        let asked = data.loaded.series.len();
        let Some(whole) = self.pool.whole() else {
            // Nothing at all came of it: the first reason will do for all.
            return Err(self.refused.into_iter().next().map_or(Error::Interrupted, |(_, error)| error));
        };
        let scores = Scores::of(&whole);
        drop(whole);
        if !self.shown {
            output.text(&describe_panel(asked, &self.plans, &self.summaries, &scores));
        }
        self.flagged |= !self.refused.is_empty();
        self.flagged |= self.condition.is_some_and(|c| scores.pooled.first().is_none_or(|s| c.holds(s)));
        let refused = self.refused.iter().map(|(id, error)| format!("{id}: left out: {error}"));
        let warnings: Vec<String> = refused.chain(self.warnings).collect();
        let plan = &args.plan;
        let mut document = json!({
            "schema": "kramers/backtest@1", "version": VERSION, "seed": common.seed,
            "config": {
                "test": plan.test, "horizon": plan.horizon, "step": plan.step, "refit": plan.refit,
                "window": plan.window.to_string(), "embargo": plan.embargo,
            },
            "data": values::data(data, args.data.transform.name()), "scores": null, "warnings": warnings,
        });
        if asked > 1 {
            document["panel"] = panel_document(asked, &self.summaries, &scores, &self.refused);
        }
        if !self.combinations.is_empty() {
            document["combinations"] = json!(self.combinations);
        }
        if args.prove_no_leak {
            document["leak_proof"] = json!(self.proofs);
        }
        self.scores.insert(0, ("all".to_string(), scores));
        let whole = Document { frame: &document, scores: &self.scores };
        output.document(&whole);
        if let Some(folder) = folder {
            self.tables.finish(folder)?;
            folder.write_document(&whole)?;
        }
        output.warn(&document);
        Ok(if self.flagged { Outcome::Flagged } else { Outcome::Good })
    }
}

/// The file of finished blocks beside the results, where there is a folder for it.
fn checkpoint<'a>(
    args: &BacktestArgs,
    common: &Common,
    (data, models): (&Data, &Models),
    folder: Option<&Folder>,
    output: &'a Output,
) -> Result<Option<Checkpoint<'a>>> {
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
    let models: Vec<String> = models.iter().map(|(name, _)| text(name)).collect::<Result<_>>()?;
    let asked = &args.model;
    let run = format!(
        "kramers {VERSION} backtest {} {models:?} {asked:?} {:?} {:?} {:?} {:?} seed {}",
        data.loaded.sha256, args.plan, args.estimate, args.law, args.data, common.seed
    );
    let checkpoint = Checkpoint::open(&folder.path(""), &run.replace('\n', " "), args.resume, output)?;
    if args.resume {
        output.say(&format!("resuming: {} blocks were done", checkpoint.known()));
    }
    Ok(Some(checkpoint))
}

//! The backtest of one series: its plan, the forms of its models settled, its windows, and what is told of it.

use super::words::{describe, leak_text, troubles};
use crate::backtest::{Backtest, Plan, Scores, Sink, backtest};
use crate::base::{Error, Result, Seed, Series, Transform};
use crate::baseline::{RANDOM_WALK, baseline, usual};
use crate::cli::args::{BacktestArgs, PlanArgs};
use crate::cli::checkpoint::SeriesBlocks;
use crate::cli::combine::{Combination, Making, Models, first_weights};
use crate::cli::leak::{Proof, prove};
use crate::cli::output::Output;
use crate::cli::select;
use crate::cli::values::long_table;
use crate::forecast::{FittedModel, ModelForecaster};
use crate::predictive::{Fitted, Forecaster};
use serde_json::Value;

/// What every series of a run is asked.
pub(super) struct Job<'a> {
    pub args: &'a BacktestArgs,
    /// The models of kramers by the names they were typed by, and all that was typed.
    pub models: &'a Models,
    pub combinations: &'a [Combination],
    pub seed: u64,
    /// The only series of the run: what a model refuses ends it, and all of its scores are told.
    pub alone: bool,
    /// Few enough series to tell each one's scores.
    pub shown: bool,
    /// Whether the rows of the long table are wanted as text.
    pub lines: bool,
}

impl Job<'_> {
    /// How the combinations of a series are made.
    fn making<'a>(&'a self, plan: &'a Plan) -> Making<'a> {
        Making {
            models: self.models,
            transform: self.args.data.transform,
            seed: Seed(self.seed),
            weighting: self.args.law.weighting(),
            horizons: &plan.horizons,
        }
    }
}

/// One series with its plan and baselines.
pub(super) struct Asked {
    pub plan: Plan,
    /// Baselines, then combinations.
    others: Vec<Box<dyn Forecaster>>,
}

/// What a backtest of one series gave, told already.
pub(super) struct Studied {
    pub result: Backtest,
    pub scores: Scores,
    /// Its rows of the long table.
    pub lines: String,
    pub text: String,
    pub warnings: Vec<String>,
    pub proof: Option<Proof>,
    /// Weights of combinations at the first cutoff.
    pub combinations: Vec<Value>,
}

impl Asked {
    /// # Errors
    /// A plan that the series is too short for.
    pub fn new(series: &Series, job: &Job) -> Result<Asked> {
        let plan = select::plan(series, &job.args.plan)?;
        let mut others = baselines(series, &plan, job.args.data.transform, &job.args.plan, job.seed);
        let train = plan.train(0);
        let more = job.making(&plan).others(job.combinations, &series.slice(train.start, train.end), &others)?;
        others.extend(more);
        Ok(Asked { plan, others })
    }

    /// Windows times forecasters: what the progress bar counts.
    pub fn work(&self, job: &Job) -> usize {
        self.plan.windows() * (job.models.len() + self.others.len())
    }

    /// Run it, or take from `blocks` what a run before has done.
    ///
    /// # Errors
    /// What refuses the only model there is, or all of them.
    pub fn study(
        &self,
        series: &Series,
        job: &Job,
        blocks: Option<&SeriesBlocks>,
        tick: &(dyn Fn() + Sync),
    ) -> Result<Studied> {
        let train = self.plan.train(0);
        // What a run before has done whole needs no form of fitting any more.
        let known = blocks.is_some_and(|b| self.plan.units(job.models.len()).all(|unit| b.holds(unit)));
        let models = match known && !job.args.prove_no_leak {
            true => job.models.iter().map(|(_, f)| Model::Settled(f.clone())).collect(),
            false => settle(&series.slice(train.start, train.end), job)?,
        };
        let mut all: Vec<&dyn Forecaster> = models.iter().map(Model::forecaster).collect();
        all.extend(self.others.iter().map(|b| b.as_ref()));
        let transform = job.args.data.transform;
        let sink = blocks.map(|blocks| blocks as &dyn Sink);
        let result = backtest(series, transform, &all, &self.plan, tick, sink)?;
        let proof = match job.args.prove_no_leak {
            false => None,
            true => {
                let again = |other: &Series| backtest(other, transform, &all, &self.plan, &|| {}, None);
                Some(prove(series, &self.plan, &result, &again)?)
            }
        };
        let mut scores = Scores::of(&result);
        let first = series.slice(train.start, train.end);
        let (weights, combinations) = first_weights(&job.making(&self.plan), job.combinations, &first)?;
        let mut text = proof.as_ref().map(|proof| leak_text(&series.id, proof)).unwrap_or_default();
        if job.shown {
            text.push_str(&describe(series, &self.plan, &scores));
            text.push_str(&weights);
        }
        if !job.shown {
            // By horizon they would be most of a document of thousands of series; they are in the long table, as the transforms are.
            for model in &mut scores.pooled {
                (model.by_horizon, model.pit) = Default::default();
            }
        }
        Ok(Studied {
            lines: if job.lines { long_table(series, &result) } else { String::new() },
            warnings: troubles(series, &result).into_iter().map(|text| format!("{}: {text}", series.id)).collect(),
            result,
            scores,
            text,
            proof,
            combinations,
        })
    }
}

/// The baselines asked for, or those that suit the record.
fn baselines(
    series: &Series,
    plan: &Plan,
    transform: Transform,
    args: &PlanArgs,
    seed: u64,
) -> Vec<Box<dyn Forecaster>> {
    let train = series.slice(0, plan.first_test);
    match args.baselines.as_slice() {
        [] => usual(&train, transform, Seed(seed)),
        names => {
            let walk = (!names.iter().any(|name| name == RANDOM_WALK)).then_some(RANDOM_WALK);
            let names = walk.into_iter().chain(names.iter().map(String::as_str));
            names.filter_map(|name| baseline(name, &train, transform, Seed(seed))).collect()
        }
    }
}

/// Backtest the models and the baselines together, with a bar of their own.
///
/// # Errors
/// As [`backtest`].
pub(in crate::cli) fn with_baselines(
    series: &Series,
    forecasters: &[ModelForecaster],
    plan: &Plan,
    args: &PlanArgs,
    seed: u64,
    output: &Output,
) -> Result<Backtest> {
    let transform = forecasters.first().map_or(Transform::None, |f| f.transform);
    let baselines = baselines(series, plan, transform, args, seed);
    let mut all: Vec<&dyn Forecaster> = forecasters.iter().map(|f| f as &dyn Forecaster).collect();
    all.extend(baselines.iter().map(|b| b.as_ref()));
    let bar = output.bar(plan.windows() * all.len(), &format!("backtest {}", series.id));
    let result = backtest(series, transform, &all, plan, &|| bar.inc(1), None);
    bar.finish_and_clear();
    result
}

/// A model on its way through one series.
enum Model {
    Settled(ModelForecaster),
    Refused(Refused),
}

/// A model that cannot learn from a series: it keeps its place among the others, and every window counts as failed.
struct Refused {
    model: ModelForecaster,
    why: Error,
}

impl Model {
    fn forecaster(&self) -> &dyn Forecaster {
        match self {
            Model::Settled(model) => model,
            Model::Refused(refused) => refused,
        }
    }
}

impl Forecaster for Refused {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn counts(&self) -> bool {
        self.model.counts()
    }

    fn fit(&self, _train: &Series, _previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        Err(self.why.clone())
    }
}

/// Names of the parameters.
fn names(fitted: &FittedModel) -> impl Iterator<Item = String> {
    fitted.forecaster.model.params.iter().map(|p| p.name.clone())
}

/// Settle each model's form on the training rows, before the work.
fn settle(train: &Series, job: &Job) -> Result<Vec<Model>> {
    let mut models = Vec::new();
    let mut first = None;
    for (_, forecaster) in job.models {
        let fitted = forecaster.fit_model(train, None).and_then(|fitted| {
            fitted.require_usable(train)?;
            let mut settled = forecaster.settled_by(&fitted);
            // These rows stand before every cutoff: later searches begin where this one ended, and not from everywhere again. One that found
            // nothing sharp is no place to begin.
            if fitted.fit.status.is_good() {
                settled.settings.starts = 1;
                settled.settings.initial = names(&fitted).zip(fitted.fit.theta.iter().copied()).collect();
            }
            Ok(settled)
        });
        models.push(match fitted {
            Ok(settled) => Model::Settled(settled),
            Err(error) if job.alone => return Err(error),
            Err(why) => {
                first.get_or_insert_with(|| why.clone());
                Model::Refused(Refused { model: forecaster.clone(), why })
            }
        });
    }
    match first {
        Some(error) if models.iter().all(|m| matches!(m, Model::Refused(_))) => Err(error),
        _ => Ok(models),
    }
}

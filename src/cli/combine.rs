//! Combinations of models as they are typed: names joined by +, each a model or a baseline.

use super::args::LawArgs;
use super::output::Output;
use super::select::own;
use super::table::short;
use crate::base::{Error, Result, Seed, Series, Transform};
use crate::baseline::{BASELINES, baseline};
use crate::fit::Settings;
use crate::forecast::{FittedPool, Member, ModelForecaster, Pool, Weighting};
use crate::models::built_in_ids;
use crate::predictive::Forecaster;
use serde_json::{Map, Value, json};

/// One word of `-m`: a model or baseline alone, or several under weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Combination {
    pub members: Vec<String>,
}

impl Combination {
    /// # Errors
    /// [`Error::BadOption`] where a name is missing beside a +, or stands twice.
    pub fn parse(typed: &str) -> Result<Combination> {
        // A file may have a + in its name.
        let is_file = std::path::Path::new(typed).is_file();
        let members: Vec<String> = match is_file {
            true => vec![typed.to_string()],
            false => typed.split('+').map(|name| name.trim().to_string()).collect(),
        };
        let bad = |expected: String| {
            Err(Error::BadOption {
                flag: "-m".to_string(),
                value: typed.to_string(),
                expected,
                hint: Some("-m ou+garch-t combines the two under equal weights, or --weights stack".to_string()),
            })
        };
        if members.iter().any(String::is_empty) {
            return bad("a name is missing beside a +".to_string());
        }
        match (1..members.len()).find(|i| members[..*i].contains(&members[*i])) {
            Some(i) => bad(format!("{} stands there twice", members[i])),
            None => Ok(Combination { members }),
        }
    }

    pub fn is_several(&self) -> bool {
        self.members.len() > 1
    }
}

/// Whether a name is that of a baseline; a model of the same name comes first.
fn is_baseline(name: &str) -> bool {
    BASELINES.contains(&name) && !built_in_ids().any(|id| id == name)
}

/// Models by the names they were typed by.
pub(super) type Models = Vec<(String, ModelForecaster)>;

/// The models of kramers in some combinations, read once: those typed alone, then members of combinations.
///
/// # Errors
/// What the reading of a model refuses; [`Error::BadOption`] for weights to be stacked where nothing is combined.
pub(super) fn read_models(
    asked: &[Combination],
    transform: Transform,
    settings: &Settings,
    law: &LawArgs,
    output: &Output,
) -> Result<Models> {
    if law.weighting() == Weighting::Stack && !asked.iter().any(Combination::is_several) {
        return Err(Error::BadOption {
            flag: "--weights".to_string(),
            value: "stack".to_string(),
            expected: "several models joined by +, and none are".to_string(),
            hint: Some("-m ou+garch-t".to_string()),
        });
    }
    let mut models = Models::new();
    let (several, alone): (Vec<&Combination>, Vec<&Combination>) = asked.iter().partition(|c| c.is_several());
    for name in alone.into_iter().chain(several).flat_map(|c| &c.members).filter(|name| !is_baseline(name)) {
        if models.iter().all(|(known, _)| known != name) {
            models.push((name.clone(), own(name, transform, settings, law.parameters(), output)?));
        }
    }
    Ok(models)
}

/// How the pools of one series are made.
pub(super) struct Making<'a> {
    /// All models of kramers that are members.
    pub models: &'a [(String, ModelForecaster)],
    pub transform: Transform,
    pub seed: Seed,
    pub weighting: Weighting,
    /// Rows ahead that weights are stacked for.
    pub horizons: &'a [usize],
}

impl Making<'_> {
    /// The pool of a combination for one series.
    ///
    /// # Errors
    /// [`Error::BadOption`] for a baseline that does not suit the series.
    pub fn pool(&self, combination: &Combination, train: &Series) -> Result<Pool> {
        let member = |name: &String| match self.models.iter().find(|(known, _)| known == name) {
            Some((_, own)) => Ok(Member::Own(Box::new(own.clone()))),
            None => self.baseline(name, train).map(Member::Baseline),
        };
        let members = combination.members.iter().map(member).collect::<Result<Vec<_>>>()?;
        Ok(Pool {
            name: members.iter().map(Member::name).collect::<Vec<_>>().join("+"),
            members,
            weighting: self.weighting,
            transform: self.transform,
            horizons: self.horizons.to_vec(),
        })
    }

    fn baseline(&self, name: &str, train: &Series) -> Result<Box<dyn Forecaster>> {
        baseline(name, train, self.transform, self.seed).ok_or_else(|| Error::BadOption {
            flag: "-m".to_string(),
            value: name.to_string(),
            expected: format!("a step of {} {} has no season by custom", train.clock.step, train.clock.unit),
            hint: Some("leave it out of the combination".to_string()),
        })
    }

    /// What a backtest has besides its models and the baselines already there: the baselines that are members, and the combinations.
    ///
    /// # Errors
    /// As [`Making::pool`].
    pub fn others(
        &self,
        asked: &[Combination],
        train: &Series,
        present: &[Box<dyn Forecaster>],
    ) -> Result<Vec<Box<dyn Forecaster>>> {
        let mut all: Vec<Box<dyn Forecaster>> = Vec::new();
        for name in asked.iter().flat_map(|c| &c.members).filter(|name| is_baseline(name)) {
            if !present.iter().chain(&all).any(|made| made.name() == name) {
                all.push(self.baseline(name, train)?);
            }
        }
        for combination in asked.iter().filter(|c| c.is_several()) {
            all.push(Box::new(self.pool(combination, train)?));
        }
        Ok(all)
    }
}

/// The weights of a pool for people.
pub(super) fn weights_text(pool: &FittedPool) -> String {
    let each: Vec<String> = pool.names.iter().zip(&pool.weights).map(|(n, w)| format!("{n} {}", short(*w))).collect();
    let how = match &pool.stacked {
        Some(s) => format!("stacked on {} past forecasts, mean log score {}", s.observations, short(-s.log_score)),
        None => "equal".to_string(),
    };
    format!("weights: {} ({how})\n", each.join(", "))
}

/// The weights of a pool as a document.
pub(super) fn weights_value(pool: &FittedPool) -> Value {
    let weights: Map<String, Value> = pool.names.iter().cloned().zip(pool.weights.iter().map(|w| json!(w))).collect();
    match &pool.stacked {
        Some(s) => json!({
            "weighting": "stack", "weights": weights,
            "observations": s.observations, "log_score": -s.log_score, "gap": s.gap,
        }),
        None => json!({ "weighting": "equal", "weights": weights }),
    }
}

/// The weights that combinations have at the first cutoff of a backtest: in words, and as a document.
///
/// # Errors
/// As [`Pool::fit_pool`].
pub(super) fn first_weights(making: &Making, asked: &[Combination], train: &Series) -> Result<(String, Vec<Value>)> {
    let (mut text, mut documents) = (String::new(), Vec::new());
    for combination in asked.iter().filter(|c| c.is_several()) {
        let pool = making.pool(combination, train)?;
        let fitted = pool.fit_pool(train)?;
        text.push_str(&format!("{}: {} at the first cutoff: {}", train.id, pool.name, weights_text(&fitted)));
        let mut document = weights_value(&fitted);
        document["series"] = json!(train.id);
        document["model"] = json!(pool.name);
        documents.push(document);
    }
    Ok((text, documents))
}

/// A backtest needs a model.
///
/// # Errors
/// [`Error::BadOption`] where there are baselines alone.
pub(super) fn require_model(asked: &[Combination]) -> Result<()> {
    if asked.iter().flat_map(|c| &c.members).any(|name| !is_baseline(name)) {
        return Ok(());
    }
    Err(Error::BadOption {
        flag: "-m".to_string(),
        value: asked.iter().map(|c| c.members.join("+")).collect::<Vec<_>>().join(","),
        expected: "at least one model; baselines are what it is held against".to_string(),
        hint: Some("-m ou --baselines garch-t,gjr-t".to_string()),
    })
}

//! `kramers forecast`: quantiles ahead, in the unit of the data, with the chances of events, scenarios, and whole futures.

mod ahead;
mod events;
mod known;

use super::Outcome;
use super::args::{Common, ForecastArgs};
use super::combine::{Combination, Making, Models, read_models, weights_text, weights_value};
use super::input::{Data, read_data, settings};
use super::output::{Folder, Output};
use super::values::{self, VERSION};
use crate::backtest::horizons;
use crate::base::series::format_stamp;
use crate::base::text::csv_cell;
use crate::base::{Error, Limit, Result, Seed, Series, Transform};
use crate::forecast::{FittedPool, Levels, ModelForecaster, Parameters, started_at};
use crate::form::{Accuracy, Form};
use ahead::{Ahead, csv_header};
use events::{Answered, Asked};
use known::Known;
use serde_json::{Value, json};

/// Whether a forecast can go on from a document: what reads it, for those who test it with any bytes.
pub(super) fn is_known(bytes: &[u8]) -> bool {
    Known::read("run.json", bytes).is_ok()
}

pub(super) fn run(args: &ForecastArgs, common: &Common, output: &Output) -> Result<Outcome> {
    if args.horizon == 0 {
        return Err(Error::BadOption {
            flag: "--horizon".to_string(),
            value: args.horizon.to_string(),
            expected: "a number of rows of at least 1".to_string(),
            hint: Some(Limit::Horizon.mend().to_string()),
        });
    }
    Limit::Horizon.require(args.horizon as f64, "forecast --horizon")?;
    let folder = Folder::asked(common)?;
    if let (Some(paths), None) = (args.paths, &folder) {
        return Err(Error::BadOption {
            flag: "--paths".to_string(),
            value: paths.to_string(),
            expected: "a folder to write paths.csv to".to_string(),
            hint: Some("-o FOLDER".to_string()),
        });
    }
    let events = args.event.iter().map(|typed| Asked::parse(typed)).collect::<Result<Vec<_>>>()?;
    let known = Known::asked(args)?;
    let (data_args, name) = match (&known, &args.rows) {
        (Some(known), Some(rows)) => {
            refuse_estimation(args)?;
            (known.data_args(&args.data, rows), args.model.clone().unwrap_or_else(|| known.model.clone()))
        }
        _ => (args.data.clone(), args.model.clone().unwrap_or_default()),
    };
    let combination = Combination::parse(&name)?;
    let mut settings = settings(&args.estimate, common.seed)?;
    settings.fixed.extend(args.set.iter().cloned());
    let transform = data_args.transform;
    let mut models = read_models(std::slice::from_ref(&combination), transform, &settings, &args.law, output)?;
    for (_, own) in &mut models {
        own.answer = answer(&args.answer, own)?;
        if let Some(known) = &known {
            known.require_model(&own.model)?;
        }
    }
    let data = read_data(&data_args, output)?;
    let job = Job { args, combination: &combination, transform, events: &events, data: &data };
    let mut told = Told::new(args);
    for series in &data.loaded.series {
        let mut new_rows = None;
        if let (Some(known), Some(rows)) = (&known, &args.rows) {
            let Some((params, new)) = known.of(series, rows)? else {
                told.warnings.push(format!("{}: the run does not know this series; it is left out", series.id));
                told.flagged = true;
                continue;
            };
            output
                .say(&format!("note: {}: {new} rows since the fit, whose parameters are used as they were", series.id));
            models.iter_mut().for_each(|(_, own)| own.settings.fixed.clone_from(&params));
            new_rows = Some(new);
        }
        let pool = job.fitted(series, &models, common)?;
        told.take(&job, series, &pool, output)?;
        if let (Some(new), Some(document)) = (new_rows, told.documents.last_mut()) {
            document["new_rows"] = json!(new);
        }
    }
    if let (Some(known), true) = (&known, told.documents.is_empty()) {
        return Err(known.stranger(&data.loaded.series));
    }
    let law = &args.law;
    let mut document = json!({
        "schema": "kramers/forecast@1", "version": VERSION, "seed": common.seed, "model": told.model,
        "answer": told.answer, "levels": args.levels, "params": law.parameters().name(),
        "data": values::data(&data, transform.name()), "series": told.documents, "warnings": told.warnings,
    });
    if let Some(known) = &known {
        document["run"] = json!(known.name());
    }
    if let Some(folder) = &folder {
        folder.write("forecast.csv", &told.csv)?;
        if args.paths.is_some() {
            folder.write("paths.csv", &told.paths)?;
        }
    }
    output.deliver(&document, folder.as_ref())?;
    Ok(if told.flagged { Outcome::Flagged } else { Outcome::Good })
}

/// Parameters of an earlier run are used as they stand: nothing is estimated, and nothing is known of how far they may be off.
fn refuse_estimation(args: &ForecastArgs) -> Result<()> {
    let refuse = |flag: &str, value: String| {
        Err(Error::BadOption {
            flag: flag.to_string(),
            value,
            expected: "not with the parameters of an earlier run".to_string(),
            hint: Some("fit anew: kramers forecast DATA -m MODEL".to_string()),
        })
    };
    let parameters = args.law.parameters();
    if parameters != Parameters::Point {
        return refuse("--params", parameters.name().to_string());
    }
    match args.set.first().or(args.estimate.fix.first()) {
        Some((name, value)) => refuse("--set", format!("{name}={value}")),
        None => Ok(()),
    }
}

/// What is asked of every series.
struct Job<'a> {
    args: &'a ForecastArgs,
    combination: &'a Combination,
    transform: Transform,
    events: &'a [Asked],
    data: &'a Data,
}

impl Job<'_> {
    /// The models typed, fitted to a series; of an earlier run with its parameters held.
    fn fitted(&self, series: &Series, models: &Models, common: &Common) -> Result<FittedPool> {
        let horizons = &horizons(self.args.horizon);
        let (seed, weighting) = (Seed(common.seed), self.args.law.weighting());
        let making = Making { models, transform: self.transform, seed, weighting, horizons };
        making.pool(self.combination, series)?.fit_pool(series)
    }

    /// The histories forecast from: the rows as they are, then one a value of `--from`.
    fn histories(&self, series: &Series, column: &str) -> Result<Vec<(Option<String>, Series)>> {
        let mut all = vec![(None, series.clone())];
        for (name, value) in &self.args.from {
            if !["x", "value", column, &series.value_name].iter().any(|known| known.eq_ignore_ascii_case(name)) {
                return Err(Error::BadOption {
                    flag: "--from".to_string(),
                    value: format!("{name}={value}"),
                    expected: format!("what is forecast is called {column} (or x)"),
                    hint: Some(format!("--from x={value}")),
                });
            }
            all.push((Some(format!("{name}={value}")), started_at(series, self.transform, *value)?));
        }
        Ok(all)
    }
}

/// What is told of all series so far.
struct Told {
    model: String,
    /// The form that answers, of the models of kramers.
    answer: Option<Value>,
    documents: Vec<Value>,
    csv: String,
    paths: String,
    warnings: Vec<String>,
    flagged: bool,
}

impl Told {
    fn new(args: &ForecastArgs) -> Told {
        Told {
            model: String::new(),
            answer: None,
            documents: Vec::new(),
            csv: csv_header(&args.levels, !args.from.is_empty()),
            paths: "series,path,h,time,value\n".to_string(),
            warnings: Vec::new(),
            flagged: false,
        }
    }

    /// One series more: its fits, its forecast, what was asked of it.
    fn take(&mut self, job: &Job, series: &Series, pool: &FittedPool, output: &Output) -> Result<()> {
        let own: Vec<_> = pool.members.iter().filter_map(|member| member.own()).collect();
        self.flagged |= own.iter().any(|fitted| !fitted.fit.status.is_good());
        self.model = pool.names.join("+");
        let answers: Vec<&str> = own.iter().map(|fitted| fitted.forecaster.answer.name()).collect();
        self.answer = match answers.as_slice() {
            [] => None,
            [one] => Some(json!(one)),
            several => Some(json!(several)),
        };
        let mut document = json!({ "id": series.id });
        if let ([_], [fitted]) = (pool.members.as_slice(), own.as_slice()) {
            document["fit"] = Value::Object(values::fit(&fitted.fit, &fitted.diagnose(series)?));
            if !fitted.draws.is_empty() {
                document["draws"] = json!(fitted.draws.len());
            }
        } else {
            document["combination"] = weights_value(pool);
            let mut members = Vec::new();
            for (name, member) in pool.names.iter().zip(&pool.members) {
                members.push(match member.own() {
                    Some(own) => json!({ "model": name, "fit": values::fit(&own.fit, &own.diagnose(series)?) }),
                    None => json!({ "model": name, "baseline": true }),
                });
            }
            document["members"] = json!(members);
        }
        let column = &job.data.loaded.value_column;
        let mut scenarios = Vec::new();
        for (scenario, history) in job.histories(series, column)? {
            let (horizons, events) = self.forecast(job, (scenario.as_deref(), &history), pool, output)?;
            match scenario {
                None => (document["horizons"], document["events"]) = (horizons, events),
                Some(name) => scenarios.push(json!({ "from": name, "horizons": horizons, "events": events })),
            }
        }
        if !scenarios.is_empty() {
            document["scenarios"] = json!(scenarios);
        }
        if let Some(paths) = job.args.paths {
            self.write_paths(series, pool, job.args.horizon, paths as usize)?;
        }
        self.documents.push(document);
        Ok(())
    }

    /// The forecast and the events of one history: told, and as documents.
    fn forecast(
        &mut self,
        job: &Job,
        (scenario, history): (Option<&str>, &Series),
        pool: &FittedPool,
        output: &Output,
    ) -> Result<(Value, Value)> {
        let args = job.args;
        let (times, stamps) = history.ahead(args.horizon);
        let levels = Levels { of: pool, transform: job.transform, paths: Accuracy::default().paths };
        let laws = levels.predict(history, &times, 0)?;
        let ahead = Ahead { series: history, scenario, laws, times, stamps, levels: &args.levels };
        let answered = Answered::of(job.events, pool, history, &job.data.loaded.value_column, args.horizon)?;
        output.text(&ahead.describe());
        if scenario.is_none() && pool.members.len() > 1 {
            output.text(&format!("{}\n", weights_text(pool)));
        }
        output.text(&answered.describe());
        if !output.quiet {
            output.text(&ahead.chart());
        }
        self.csv.push_str(&ahead.csv(!args.from.is_empty()));
        Ok((json!(ahead.horizons()), json!(answered.values)))
    }

    /// Whole futures, one row a path and time.
    fn write_paths(&mut self, series: &Series, pool: &FittedPool, horizon: usize, paths: usize) -> Result<()> {
        let (times, stamps) = series.ahead(horizon);
        let rows = Levels { of: pool, transform: pool.transform, paths }.joint(series, &times, 0)?;
        let label = |h: usize| stamps.as_ref().map_or_else(|| times[h].to_string(), |s| format_stamp(s[h]));
        let labels: Vec<String> = (0..horizon).map(label).collect();
        for path in 0..paths {
            for (h, row) in rows.iter().enumerate() {
                let cells = [
                    csv_cell(&series.id),
                    (path + 1).to_string(),
                    (h + 1).to_string(),
                    labels[h].clone(),
                    row[path].to_string(),
                ];
                self.paths.push_str(&cells.join(","));
                self.paths.push('\n');
            }
        }
        Ok(())
    }
}

fn answer(name: &str, forecaster: &ModelForecaster) -> Result<Form> {
    if name == "auto" {
        return Ok(Form::of_choice(&forecaster.model));
    }
    let answering = [Form::Exact, Form::FokkerPlanck, Form::MasterEquation, Form::MonteCarlo];
    match Form::named(name).filter(|f| answering.contains(f)) {
        Some(form) => form.require(&forecaster.model).map(|()| form),
        None => Err(Error::BadOption {
            flag: "--answer".to_string(),
            value: name.to_string(),
            expected: "one of auto, exact, fokker-planck, master-equation, monte-carlo".to_string(),
            hint: Some("--answer auto takes the exact law where there is one".to_string()),
        }),
    }
}

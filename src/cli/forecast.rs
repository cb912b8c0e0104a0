//! `kramers forecast`: quantiles ahead, in the unit of the data.

use super::Outcome;
use super::args::{Common, ForecastArgs};
use super::input::{read_data, read_observed_model, settings};
use super::output::{Folder, Output};
use super::table::{short, short_or_dash, table};
use super::values::{self, VERSION, horizon, probabilities, quoted, round};
use crate::base::series::format_stamp;
use crate::base::{Error, Result, Series, Stamp};
use crate::forecast::ModelForecaster;
use crate::form::Form;
use crate::predictive::Predictive;
use serde_json::{Value, json};

/// A forecast further than this is surely a slip, and would take longer than anybody waits.
const MOST_ROWS: usize = 100_000;

pub(super) fn run(args: &ForecastArgs, common: &Common, output: &Output) -> Result<Outcome> {
    if args.horizon == 0 || args.horizon > MOST_ROWS {
        return Err(Error::BadOption {
            flag: "--horizon".to_string(),
            value: args.horizon.to_string(),
            expected: format!("a number of rows from 1 to {MOST_ROWS}"),
            hint: Some("--horizon 20 looks twenty rows ahead".to_string()),
        });
    }
    let folder = Folder::asked(common)?;
    let model = read_observed_model(&args.model, output)?;
    let mut settings = settings(&args.estimate, common.seed)?;
    settings.fixed.extend(args.set.iter().cloned());
    let data = read_data(&args.data, output)?;
    let mut forecaster = ModelForecaster::new(model, args.data.transform, settings);
    forecaster.answer = answer(&args.answer, &forecaster)?;
    let mut flagged = false;
    let mut documents = Vec::new();
    let mut csv = csv_header(&args.levels);
    for series in &data.loaded.series {
        let fitted = forecaster.fit_model(series, None)?;
        fitted.require_usable(series)?;
        flagged |= !fitted.fit.status.is_good();
        if !fitted.fit.status.is_good() {
            output.say(&format!("warning: {}: {}", series.id, fitted.fit.status));
        }
        let (times, stamps) = series.ahead(args.horizon);
        let laws = fitted.predict_levels(series, &times, 0)?;
        let ahead = Ahead { series, laws, times, stamps, levels: &args.levels };
        output.text(&ahead.describe());
        csv.push_str(&ahead.csv());
        let horizons = ahead.horizons();
        documents.push(json!({ "id": series.id, "fit": values::fit(&fitted.fit, &fitted.diagnose(series)?), "horizons": horizons }));
    }
    let document = json!({
        "schema": "kramers/forecast@1", "version": VERSION, "seed": common.seed, "model": forecaster.model.id,
        "answer": forecaster.answer.name(), "levels": args.levels,
        "data": values::data(&data, args.data.transform.name()), "series": documents,
    });
    output.document(&document);
    if let Some(folder) = folder {
        folder.write("forecast.csv", &csv)?;
        folder.write_document(&document)?;
    }
    Ok(if flagged { Outcome::Flagged } else { Outcome::Good })
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

fn csv_header(levels: &[f64]) -> String {
    let quantiles: Vec<String> = probabilities(levels).iter().map(|p| format!("q{}", round(*p))).collect();
    format!("series,time,h,mean,sd,{}\n", quantiles.join(","))
}

/// One series' forecast, to be told three ways from the same values.
struct Ahead<'a> {
    series: &'a Series,
    laws: Vec<Predictive>,
    times: Vec<f64>,
    stamps: Option<Vec<Stamp>>,
    levels: &'a [f64],
}

impl Ahead<'_> {
    fn stamp(&self, i: usize) -> Option<Stamp> {
        self.stamps.as_ref().map(|s| s[i])
    }

    fn label(&self, i: usize, number: impl Fn(f64) -> String) -> String {
        self.stamp(i).map_or_else(|| number(self.times[i]), format_stamp)
    }

    fn horizons(&self) -> Vec<Value> {
        let one = |(i, law): (usize, &Predictive)| {
            horizon(law, i + 1, self.times[i], self.stamp(i), &self.series.value_name, self.levels)
        };
        self.laws.iter().enumerate().map(one).collect()
    }

    fn describe(&self) -> String {
        let probabilities = probabilities(self.levels);
        let names: Vec<String> = probabilities.iter().map(|p| format!("{} %", round(100.0 * p))).collect();
        let mut header = vec!["rows ahead", "time", "mean", "sd"];
        header.extend(names.iter().map(String::as_str));
        let row = |(i, law): (usize, &Predictive)| {
            let mut row =
                vec![(i + 1).to_string(), self.label(i, short), short_or_dash(law.mean()), short_or_dash(law.sd())];
            row.extend(probabilities.iter().map(|p| short(law.quantile(*p))));
            row
        };
        let rows: Vec<Vec<String>> = self.laws.iter().enumerate().map(row).collect();
        format!("{} ahead of {} rows\n\n{}\n", self.series.id, self.series.len(), table(&header, &rows))
    }

    fn csv(&self) -> String {
        let number = |v: Option<f64>| v.map_or(String::new(), |v| v.to_string());
        let probabilities = probabilities(self.levels);
        let row = |(i, law): (usize, &Predictive)| {
            let quantiles: Vec<String> = probabilities.iter().map(|p| law.quantile(*p).to_string()).collect();
            format!(
                "{},{},{},{},{},{}\n",
                quoted(&self.series.id),
                self.label(i, |t| t.to_string()),
                i + 1,
                number(law.mean()),
                number(law.sd()),
                quantiles.join(",")
            )
        };
        self.laws.iter().enumerate().map(row).collect()
    }
}

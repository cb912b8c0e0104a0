//! The forecast of one history, told three ways from the same values.

use crate::base::series::format_stamp;
use crate::base::text::csv_cell;
use crate::base::{Series, Stamp};
use crate::cli::fan::fan_text;
use crate::cli::table::{short, short_or_dash, table};
use crate::cli::values::{horizon, probabilities, round};
use crate::predictive::Predictive;
use serde_json::Value;

/// Header of [`Ahead::csv`]; with a column for the scenario where there are some.
pub(super) fn csv_header(levels: &[f64], scenarios: bool) -> String {
    let quantiles: Vec<String> = probabilities(levels).iter().map(|p| format!("q{}", round(*p))).collect();
    format!("series,{}time,h,mean,sd,{}\n", if scenarios { "from," } else { "" }, quantiles.join(","))
}

/// One history's forecast.
pub(super) struct Ahead<'a> {
    /// With its last value changed, in a scenario.
    pub series: &'a Series,
    /// What the scenario is called; `None` of the rows as they are.
    pub scenario: Option<&'a str>,
    pub laws: Vec<Predictive>,
    pub times: Vec<f64>,
    pub stamps: Option<Vec<Stamp>>,
    pub levels: &'a [f64],
}

impl Ahead<'_> {
    fn stamp(&self, i: usize) -> Option<Stamp> {
        self.stamps.as_ref().map(|s| s[i])
    }

    /// The date of a row ahead, or its time.
    pub fn label(&self, i: usize, number: impl Fn(f64) -> String) -> String {
        self.stamp(i).map_or_else(|| number(self.times[i]), format_stamp)
    }

    pub fn horizons(&self) -> Vec<Value> {
        let one = |(i, law): (usize, &Predictive)| {
            horizon(law, i + 1, self.times[i], self.stamp(i), &self.series.value_name, self.levels)
        };
        self.laws.iter().enumerate().map(one).collect()
    }

    pub fn describe(&self) -> String {
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
        let from = self.scenario.map_or_else(String::new, |name| format!(", had the last been {name}"));
        format!("{} ahead of {} rows{from}\n\n{}\n", self.series.id, self.series.len(), table(&header, &rows))
    }

    /// The last rows and the bands ahead as a chart of characters.
    pub fn chart(&self) -> String {
        let quantiles: Vec<[f64; 5]> =
            self.laws.iter().map(|law| [0.025, 0.25, 0.5, 0.75, 0.975].map(|p| law.quantile(p))).collect();
        let seen = |row: usize| match &self.series.stamps {
            Some(stamps) => format_stamp(stamps[row]),
            None => short(self.series.time[row]),
        };
        let n = self.series.len();
        let labels = |shown: usize| [seen(n - shown), seen(n - 1), self.label(self.laws.len() - 1, short)];
        let text = fan_text(&self.series.value, &quantiles, &labels);
        if text.is_empty() { text } else { format!("{text}\n") }
    }

    /// The rows under [`csv_header`]; `scenarios` as there.
    pub fn csv(&self, scenarios: bool) -> String {
        let number = |v: Option<f64>| v.map_or(String::new(), |v| v.to_string());
        let probabilities = probabilities(self.levels);
        let row = |(i, law): (usize, &Predictive)| {
            let quantiles: Vec<String> = probabilities.iter().map(|p| law.quantile(*p).to_string()).collect();
            format!(
                "{},{}{},{},{},{},{}\n",
                csv_cell(&self.series.id),
                if scenarios { format!("{},", csv_cell(self.scenario.unwrap_or_default())) } else { String::new() },
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

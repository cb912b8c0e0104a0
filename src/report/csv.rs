//! The tables beside the page: the same values in full precision, safe to open in a spreadsheet.
//!
//! A text cell that a spreadsheet would run as a formula gets a leading apostrophe; a value that is not there is empty.

use super::format;
use super::view::{Axis, Band, Fan, Point, ReportView};
use crate::base::text::csv_cell;

/// The forecast from the last row on: `series,time_label,x,median,lower_50,upper_50,…`, one line a time.
pub fn forecast_csv(view: &ReportView) -> String {
    fan_csv(view, false)
}

/// The held-out window shown in the fan chart, with what came: `series,time_label,x,actual,median,lower_50,…`.
pub fn held_out_csv(view: &ReportView) -> String {
    fan_csv(view, true)
}

fn fan_csv(view: &ReportView, held_out: bool) -> String {
    let fans: Vec<&Fan> = view.series.iter().map(|s| if held_out { &s.held_out } else { &s.forecast }).collect();
    let levels = levels(&fans);
    let mut head = vec!["series".to_string(), "time_label".into(), "x".into()];
    if held_out {
        head.push("actual".into());
    }
    head.push("median".into());
    for level in &levels {
        head.extend([format!("lower_{level}"), format!("upper_{level}")]);
    }
    let mut table = Table::new(&head);
    for (series, fan) in view.series.iter().zip(&fans) {
        for (i, &x) in fan.x.iter().enumerate() {
            let label = match series.axis {
                Axis::Dates => csv_cell(&format::moment(Axis::Dates, x)),
                Axis::Numbers => number(x),
            };
            let mut row = vec![csv_cell(&series.id), label, number(x)];
            if held_out {
                row.push(number(at(&fan.truth, x)));
            }
            row.push(number(value(&fan.median, i)));
            for level in &levels {
                let band = fan.bands.iter().find(|b| &format::level(b.level) == level);
                let side = |pick: fn(&Band) -> &[f64]| number(band.map_or(f64::NAN, |b| value(pick(b), i)));
                row.extend([side(|b| &b.lower), side(|b| &b.upper)]);
            }
            table.push(&row);
        }
    }
    table.into_text()
}

/// The score table: `series,model,baseline,chosen,windows,crps,log_score,mae,rmse,coverage_50,…,skill,skill_se,walk_p,…`.
pub fn scores_csv(view: &ReportView) -> String {
    let mut table = Table::new(&[
        "series",
        "model",
        "baseline",
        "chosen",
        "windows",
        "crps",
        "log_score",
        "mae",
        "rmse",
        "coverage_50",
        "coverage_80",
        "coverage_95",
        "skill",
        "skill_se",
        "walk_p",
        "rival_p",
        "confidence_set_p",
    ]);
    for series in &view.series {
        for s in &series.scores {
            let mut row = vec![
                csv_cell(&series.id),
                csv_cell(&s.model),
                s.baseline.to_string(),
                s.chosen.to_string(),
                s.windows.to_string(),
            ];
            let scores = [s.crps, s.log_score, s.mae, s.rmse, s.coverage_50, s.coverage_80, s.coverage_95];
            row.extend(scores.map(number));
            row.extend([s.skill, s.skill_se, s.walk_p, s.rival_p, s.best_p].map(|v| number(v.unwrap_or(f64::NAN))));
            table.push(&row);
        }
    }
    table.into_text()
}

/// Scores by horizon, as drawn: `series,model,horizon,windows,crps,mae,coverage_80`.
pub fn horizons_csv(view: &ReportView) -> String {
    let mut table = Table::new(&["series", "model", "horizon", "windows", "crps", "mae", "coverage_80"]);
    for series in &view.series {
        for h in &series.by_horizon {
            let mut row = vec![csv_cell(&series.id), csv_cell(&h.model), h.horizon.to_string(), h.windows.to_string()];
            row.extend([h.crps, h.mae, h.coverage_80].map(number));
            table.push(&row);
        }
    }
    table.into_text()
}

/// Every band level that occurs, ascending, as written in a column name.
fn levels(fans: &[&Fan]) -> Vec<String> {
    let mut found: Vec<f64> = fans.iter().flat_map(|f| &f.bands).map(|b| b.level).filter(|l| l.is_finite()).collect();
    found.sort_by(f64::total_cmp);
    let mut names: Vec<String> = found.into_iter().map(format::level).collect();
    names.dedup();
    names
}

fn value(values: &[f64], i: usize) -> f64 {
    values.get(i).copied().unwrap_or(f64::NAN)
}

fn at(points: &[Point], x: f64) -> f64 {
    points.iter().find(|p| p.x == x).map_or(f64::NAN, |p| p.y)
}

/// Lines already quoted and joined.
pub(super) struct Table(String);

impl Table {
    /// A table with this header, its cells already fit for a CSV.
    pub fn new<S: AsRef<str>>(head: &[S]) -> Self {
        let mut table = Table(String::new());
        table.push(head);
        table
    }

    /// One more line of cells already fit for a CSV, as many as the header has.
    pub fn push<S: AsRef<str>>(&mut self, cells: &[S]) {
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            self.0.push_str(cell.as_ref());
        }
        self.0.push('\n');
    }

    /// The whole table, every line ended.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// The shortest text that reads back as the same number; empty for NaN and infinities.
pub(super) fn number(value: f64) -> String {
    match value {
        v if !v.is_finite() => String::new(),
        0.0 => "0".into(),
        v if (1e-5..1e16).contains(&v.abs()) => v.to_string(),
        v => format!("{v:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn numbers_read_back_exactly() {
        for v in [0.1 + 0.2, -1.0 / 3.0, 1e-300, 6.02214076e23, 20275.7128, -0.5] {
            assert_eq!(number(v).parse::<f64>(), Ok(v));
        }
        assert_eq!(number(f64::NAN), "");
        assert_eq!(number(-0.0), "0");
    }

    #[test]
    fn tables_have_one_line_a_value_and_equal_widths() {
        let view = sample::panel();
        for csv in [forecast_csv(&view), held_out_csv(&view), scores_csv(&view), horizons_csv(&view)] {
            let widths: Vec<usize> = csv.lines().map(|l| l.matches(',').count()).collect();
            assert!(widths.iter().all(|w| *w == widths[0]), "{csv}");
        }
        let rows: usize = view.series.iter().map(|s| s.forecast.x.len()).sum();
        assert_eq!(forecast_csv(&view).lines().count(), rows + 1);
        let head = "series,time_label,x,median,lower_50,upper_50,lower_80,upper_80,lower_95,upper_95";
        assert_eq!(forecast_csv(&view).lines().next(), Some(head));
    }

    #[test]
    fn a_hostile_series_name_stays_one_cell() {
        let csv = scores_csv(&sample::hostile());
        assert!(csv.lines().nth(1).is_some_and(|l| l.starts_with("\"'=<script>")), "{csv}");
    }

    #[test]
    fn nothing_to_say_is_a_header() {
        assert_eq!(scores_csv(&sample::empty()).lines().count(), 1);
    }
}

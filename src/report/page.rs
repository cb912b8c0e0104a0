//! What the template walks through: the view, and beside it what is made from it once (figures, sentences, marks).

use serde::Serialize;

use super::error::ReportError;
use super::figure::{self, MOST_LINES, Measure, PitBins};
use super::format::{NOTHING, fixed, level, moment, num, percent, skill, to_error};
use super::view::{Axis, Fan, ParamRow, ReportView, ScoreRow, SeriesView};
use super::words;

/// Series of a panel that get a section of their own; the overview lists all of them. Keeps the page openable.
pub const MOST_SECTIONS: usize = 24;
/// Rows of a table under a figure; longer ones show every k-th row and say so.
const MOST_ROWS: usize = 40;

#[derive(Serialize)]
pub struct Page<'a> {
    pub view: &'a ReportView,
    pub panel: bool,
    pub panel_line: String,
    pub overview: Vec<OverviewRow>,
    pub sections: Vec<Section<'a>>,
    /// Series without a section.
    pub left_out: usize,
}

/// One line of a panel's overview, already in words.
#[derive(Serialize)]
pub struct OverviewRow {
    /// Empty where the series has no section.
    pub anchor: String,
    pub id: String,
    pub rows: String,
    pub model: String,
    pub crps: String,
    pub skill: String,
    pub mark: String,
    pub coverage: String,
    pub ks_p: f64,
    pub warnings: usize,
}

#[derive(Serialize)]
pub struct Section<'a> {
    pub view: &'a SeriesView,
    pub anchor: String,
    pub facts: Vec<[String; 3]>,
    pub says: Says,
    pub figures: Figures,
    pub params: Vec<ParamLine<'a>>,
    pub scores: Vec<ScoreLine<'a>>,
    pub held_table: NumberTable,
    pub forecast_table: NumberTable,
    pub pit_table: NumberTable,
    pub crps_table: NumberTable,
    pub coverage_table: NumberTable,
    /// Models beyond those a figure can keep apart.
    pub lines_left_out: usize,
}

#[derive(Serialize)]
pub struct Says {
    pub data: String,
    pub held_out: String,
    pub ahead: String,
    pub calibration: String,
    pub error: String,
    pub scores: String,
}

/// SVG text; empty where there is nothing to ask.
#[derive(Serialize)]
pub struct Figures {
    pub history: String,
    pub held_out: String,
    pub forecast: String,
    pub pit: String,
    pub crps: String,
    pub coverage: String,
}

#[derive(Serialize)]
pub struct ParamLine<'a> {
    pub row: &'a ParamRow,
    pub estimate: String,
    pub se: String,
    pub interval: String,
    pub mark: String,
}

#[derive(Serialize)]
pub struct ScoreLine<'a> {
    pub row: &'a ScoreRow,
    pub skill: String,
    pub mark: String,
    /// The columns in which this row is the best: names of the fields.
    pub best: Vec<&'static str>,
}

/// The numbers behind a figure.
#[derive(Serialize, Default)]
pub struct NumberTable {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// 1 where all rows are there, k where every k-th is.
    pub every: usize,
}

/// Everything the template needs, in one value.
pub fn page(view: &ReportView) -> Result<Page<'_>, ReportError> {
    let panel = view.series.len() > 1;
    let shown = view.series.iter().take(MOST_SECTIONS);
    let sections = shown.enumerate().map(|(i, s)| section(s, anchor(i))).collect::<Result<Vec<_>, _>>()?;
    let scale = skill_scale(view.series.iter().filter_map(words::chosen));
    let overview = view.series.iter().enumerate().map(|(i, s)| overview_row(s, i, scale)).collect();
    Ok(Page {
        view,
        panel,
        panel_line: words::panel(&view.series),
        overview: if panel { overview } else { Vec::new() },
        left_out: view.series.len() - sections.len(),
        sections,
    })
}

fn anchor(i: usize) -> String {
    format!("s{}", i + 1)
}

fn overview_row(series: &SeriesView, i: usize, scale: (f64, f64)) -> OverviewRow {
    let score = words::chosen(series);
    OverviewRow {
        anchor: if i < MOST_SECTIONS { anchor(i) } else { String::new() },
        id: series.id.clone(),
        rows: fixed(series.history.len() as f64, 0),
        model: score.map_or(series.model.id.clone(), |s| s.model.clone()),
        crps: num(score.map_or(f64::NAN, |s| s.crps)),
        skill: score.map_or(NOTHING.into(), skill_cell),
        mark: score.map_or_else(String::new, |s| skill_mark(s, scale)),
        coverage: percent(score.map_or(f64::NAN, |s| s.coverage_80)),
        ks_p: series.pit_ks_p,
        warnings: series.warnings.len(),
    }
}

fn section(series: &SeriesView, anchor: String) -> Result<Section<'_>, ReportError> {
    let bins = PitBins::new(&series.pit);
    let horizon = |measure| {
        if !figure::drawable(series, measure) {
            return Ok(String::new());
        }
        figure::both(|size| figure::by_horizon(series, measure, size.lower()))
    };
    let scale = skill_scale(series.scores.iter());
    let mut models: Vec<&str> = series.by_horizon.iter().map(|h| h.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    Ok(Section {
        view: series,
        anchor,
        facts: words::key_facts(series),
        says: Says {
            data: words::data(series),
            held_out: words::held_out(series),
            ahead: words::ahead(series),
            calibration: words::calibration(series, &bins),
            error: words::error_by_horizon(series),
            scores: words::scores(series),
        },
        figures: Figures {
            history: figure::both(|size| figure::history(series, size))?,
            held_out: figure::both(|size| figure::fan(series, &series.held_out, size))?,
            forecast: figure::both(|size| figure::fan(series, &series.forecast, size))?,
            pit: figure::both(|size| figure::pit(&bins, size))?,
            crps: horizon(Measure::Crps)?,
            coverage: horizon(Measure::Coverage80)?,
        },
        params: series.params.iter().map(param_line).collect(),
        scores: score_lines(&series.scores, scale),
        held_table: fan_table(series, &series.held_out),
        forecast_table: fan_table(series, &series.forecast),
        pit_table: pit_table(&bins),
        crps_table: horizon_table(series, Measure::Crps),
        coverage_table: horizon_table(series, Measure::Coverage80),
        lines_left_out: models.len().saturating_sub(MOST_LINES),
    })
}

fn param_line(row: &ParamRow) -> ParamLine<'_> {
    let digits = |v: Option<f64>| to_error(v.unwrap_or(f64::NAN), row.se);
    let interval = match (row.lower, row.upper) {
        (None, None) => NOTHING.into(),
        (lower, upper) => format!("{} … {}", digits(lower), digits(upper)),
    };
    ParamLine { row, estimate: digits(Some(row.estimate)), se: digits(row.se), interval, mark: param_mark(row) }
}

/// The interval beside zero: how far from nothing the parameter is, on its own scale.
fn param_mark(row: &ParamRow) -> String {
    match (row.lower, row.upper) {
        (Some(lower), Some(upper)) => {
            figure::interval_mark(lower, row.estimate, upper, (lower.min(0.0), upper.max(0.0)))
        }
        _ => String::new(),
    }
}

fn skill_interval(row: &ScoreRow) -> Option<(f64, f64, f64)> {
    let (skill, se) = (row.skill?, row.skill_se?);
    // 97.5 % point of the standard normal law.
    let half = 1.959964 * se;
    [skill, half].iter().all(|v| v.is_finite()).then_some((skill - half, skill, skill + half))
}

/// One scale for every skill mark of a table, zero included. Baselines may be far off the scale: they get no mark.
fn skill_scale<'a>(rows: impl Iterator<Item = &'a ScoreRow>) -> (f64, f64) {
    rows.filter(|r| !r.baseline || r.chosen)
        .filter_map(skill_interval)
        .fold((0.0, 0.0), |(lo, hi): (f64, f64), (a, _, b)| (lo.min(a), hi.max(b)))
}

/// Skill in percent for a column that says so in its head.
fn skill_cell(row: &ScoreRow) -> String {
    skill(row.skill, row.skill_se).trim_end_matches("\u{a0}%").to_string()
}

fn skill_mark(row: &ScoreRow, scale: (f64, f64)) -> String {
    skill_interval(row)
        .map_or_else(String::new, |(lower, skill, upper)| figure::interval_mark(lower, skill, upper, scale))
}

type Cost = fn(&ScoreRow) -> f64;

/// Each column of the score table as a cost, so that the best row is the lowest.
const COSTS: [(&str, Cost); 8] = [
    ("crps", |s| s.crps),
    ("log_score", |s| s.log_score),
    ("mae", |s| s.mae),
    ("rmse", |s| s.rmse),
    ("coverage_50", |s| (s.coverage_50 - 0.5).abs()),
    ("coverage_80", |s| (s.coverage_80 - 0.8).abs()),
    ("coverage_95", |s| (s.coverage_95 - 0.95).abs()),
    ("skill", |s| -s.skill.unwrap_or(f64::NAN)),
];

fn score_lines(scores: &[ScoreRow], scale: (f64, f64)) -> Vec<ScoreLine<'_>> {
    let lowest = COSTS.map(|(_, cost)| scores.iter().map(cost).filter(|c| c.is_finite()).fold(f64::INFINITY, f64::min));
    let line = |row| ScoreLine {
        row,
        skill: skill_cell(row),
        mark: skill_mark(row, scale),
        best: COSTS
            .iter()
            .zip(lowest)
            .filter(|((_, cost), low)| cost(row) == *low && low.is_finite())
            .map(|((name, _), _)| *name)
            .collect(),
    };
    // With one row there is nothing to be better than.
    scores.iter().map(line).map(|l| if scores.len() > 1 { l } else { ScoreLine { best: Vec::new(), ..l } }).collect()
}

fn strided(head: Vec<String>, rows: Vec<Vec<String>>) -> NumberTable {
    let every = rows.len().div_ceil(MOST_ROWS).max(1);
    NumberTable { head, rows: rows.into_iter().step_by(every).collect(), every }
}

fn fan_table(series: &SeriesView, fan: &Fan) -> NumberTable {
    let when = match series.axis {
        Axis::Dates => "date".to_string(),
        Axis::Numbers if series.time_unit.is_empty() => "time".into(),
        Axis::Numbers => format!("time ({})", series.time_unit),
    };
    let mut bands: Vec<_> = fan.bands.iter().collect();
    bands.sort_by(|a, b| a.level.total_cmp(&b.level));
    let known = !fan.truth.is_empty();
    let mut head = vec![when];
    head.extend(known.then(|| "actual".to_string()));
    head.push("median".into());
    head.extend(bands.iter().map(|b| format!("{}\u{a0}% band", level(b.level))));
    let value = |values: &[f64], i: usize| num(values.get(i).copied().unwrap_or(f64::NAN));
    let rows = fan.x.iter().enumerate().map(|(i, &x)| {
        let mut row = vec![moment(series.axis, x)];
        if known {
            row.push(num(fan.truth.iter().find(|p| p.x == x).map_or(f64::NAN, |p| p.y)));
        }
        row.push(value(&fan.median, i));
        row.extend(bands.iter().map(|b| format!("{} … {}", value(&b.lower, i), value(&b.upper, i))));
        row
    });
    strided(head, rows.collect())
}

fn pit_table(bins: &PitBins) -> NumberTable {
    let head = ["bin", "outcomes", "range of chance"].map(String::from).to_vec();
    let rows = bins.counts.iter().enumerate().map(|(i, count)| {
        let bin = format!("{:.1} … {:.1}", i as f64 / 10.0, (i + 1) as f64 / 10.0);
        vec![bin, fixed(*count as f64, 0), format!("{} … {}", bins.band.0, bins.band.1)]
    });
    if bins.n == 0 { NumberTable::default() } else { strided(head, rows.collect()) }
}

fn horizon_table(series: &SeriesView, measure: Measure) -> NumberTable {
    let mut models: Vec<&str> = Vec::new();
    let mut horizons: Vec<usize> = Vec::new();
    for row in &series.by_horizon {
        if !models.contains(&row.model.as_str()) {
            models.push(&row.model);
        }
        horizons.push(row.horizon);
    }
    horizons.sort_unstable();
    horizons.dedup();
    let cell = |model: &str, horizon: usize| {
        let row = series.by_horizon.iter().find(|r| r.model == model && r.horizon == horizon);
        match measure {
            Measure::Crps => num(row.map_or(f64::NAN, |r| r.crps)),
            Measure::Coverage80 => percent(row.map_or(f64::NAN, |r| r.coverage_80)),
        }
    };
    let head = std::iter::once("rows ahead".to_string()).chain(models.iter().map(|m| m.to_string())).collect();
    let line = |h: usize| std::iter::once(h.to_string()).chain(models.iter().map(|m| cell(m, h))).collect();
    strided(head, horizons.into_iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_best_of_each_column_is_marked_once() {
        let view = sample::single();
        let page = page(&view).unwrap();
        let scores = &page.sections[0].scores;
        for (name, _) in COSTS {
            assert_eq!(scores.iter().filter(|s| s.best.contains(&name)).count(), 1, "{name}");
        }
        assert!(scores[0].best.contains(&"crps"));
    }

    #[test]
    fn long_tables_are_strided_and_short_ones_whole() {
        let rows = |n: usize| strided(vec![], vec![vec![]; n]);
        assert_eq!((rows(40).rows.len(), rows(40).every), (40, 1));
        assert_eq!((rows(81).rows.len(), rows(81).every), (27, 3));
        assert_eq!(rows(0).rows.len(), 0);
    }

    #[test]
    fn a_panel_of_many_series_keeps_its_overview_whole() {
        let mut view = sample::panel();
        let one = sample::bare("x");
        view.series = vec![one; MOST_SECTIONS + 3];
        let page = page(&view).unwrap();
        assert_eq!((page.overview.len(), page.sections.len(), page.left_out), (MOST_SECTIONS + 3, MOST_SECTIONS, 3));
        assert!(page.overview[MOST_SECTIONS].anchor.is_empty());
    }
}

//! What the template walks through: the view, and beside it what is made from it once (figures, sentences, marks).

use serde::Serialize;

use super::error::ReportError;
use super::figure::{self, Acf, MOST_LINES, Measure, PitBins, Quantiles, Size};
use super::format::{NOTHING, fixed, num, percent, skill, to_error};
use super::numbers::{Shown, numbers};
use super::view::{ParamRow, ReportView, ScoreRow, SeriesView};
use super::words;

/// Series of a panel that get a section of their own; the overview lists all of them. Keeps the page openable.
pub const MOST_SECTIONS: usize = 24;
/// A model of the confidence set: its p-value is above this (Hansen, Lunde & Nason 2011).
const IN_THE_SET: f64 = 0.1;

/// What the template of a report knows.
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

/// One series of the page.
#[derive(Serialize)]
pub struct Section<'a> {
    pub view: &'a SeriesView,
    pub anchor: String,
    pub facts: Vec<[String; 3]>,
    pub says: Says,
    pub figures: Figures,
    pub params: Vec<ParamLine<'a>>,
    pub scores: Vec<ScoreLine<'a>>,
    /// Models beyond those a figure can keep apart.
    pub lines_left_out: usize,
}

/// The sentence under each figure of a series; empty where there is nothing to say.
#[derive(Serialize)]
pub struct Says {
    pub data: String,
    pub law: String,
    pub profiles: String,
    pub held_out: String,
    pub density: String,
    pub ahead: String,
    pub calibration: String,
    pub counts: String,
    pub acf: String,
    pub quantiles: String,
    pub error: String,
    pub coverage: String,
    pub scores: String,
    pub losses: String,
}

/// A picture with the numbers under it.
#[derive(Serialize)]
pub struct Figure {
    /// SVG elements: of both widths, or of one panel each.
    pub svg: Vec<String>,
    pub table: Option<Shown>,
}

/// None where there is nothing to ask.
#[derive(Serialize)]
pub struct Figures {
    pub history: Option<Figure>,
    pub drift: Option<Figure>,
    pub diffusion: Option<Figure>,
    pub profiles: Option<Figure>,
    pub held_out: Option<Figure>,
    pub density: Option<Figure>,
    pub forecast: Option<Figure>,
    pub pit: Option<Figure>,
    pub counts: Option<Figure>,
    pub acf: Option<Figure>,
    pub quantiles: Option<Figure>,
    pub crps: Option<Figure>,
    pub coverage: Option<Figure>,
    pub skill: Option<Figure>,
    pub losses: Option<Figure>,
    pub validation: Option<Figure>,
}

/// A line of the table of parameters, as text.
#[derive(Serialize)]
pub struct ParamLine<'a> {
    pub row: &'a ParamRow,
    pub estimate: String,
    pub se: String,
    pub interval: String,
    pub mark: String,
}

/// A line of the table of scores, as text.
#[derive(Serialize)]
pub struct ScoreLine<'a> {
    pub row: &'a ScoreRow,
    pub skill: String,
    /// The columns in which this row is the best: names of the fields.
    pub best: Vec<&'static str>,
    /// May be the best of all by the model confidence set.
    pub in_set: bool,
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
    let (acf, quantiles) = (Acf::of(&series.residuals), Quantiles::of(&series.residuals));
    let mut models: Vec<&str> = series.by_horizon.iter().map(|h| h.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    Ok(Section {
        view: series,
        anchor,
        facts: words::key_facts(series),
        says: Says {
            data: words::data(series),
            law: words::law(&series.coefficients),
            profiles: words::profiles(&series.profiles, &series.no_profiles),
            held_out: words::held_out(series),
            density: words::density(series),
            ahead: words::ahead(series),
            calibration: words::calibration(series, &bins),
            counts: words::counted(&series.counts),
            acf: words::acf(acf.as_ref()),
            quantiles: words::quantiles(quantiles.as_ref()),
            error: words::error_by_horizon(series),
            coverage: words::coverage(series),
            scores: words::scores(series),
            losses: words::losses(series),
        },
        figures: figures(series, &bins, acf.as_ref(), quantiles.as_ref())?,
        params: series.params.iter().map(param_line).collect(),
        scores: score_lines(&series.scores),
        lines_left_out: models.len().saturating_sub(MOST_LINES),
    })
}

fn figures(
    series: &SeriesView,
    bins: &PitBins,
    acf: Option<&Acf>,
    quantiles: Option<&Quantiles>,
) -> Result<Figures, ReportError> {
    let numbers = numbers(series);
    let table = |name: &str| numbers.iter().find(|n| n.name == name).map(|n| n.shown());
    type Draw<'d> = &'d dyn Fn(Size) -> Result<String, ReportError>;
    // What every report has is drawn even where it is empty, and then says so.
    let always = |name: &str, draw: Draw| -> Result<Option<Figure>, ReportError> {
        Ok(Some(Figure { svg: vec![figure::both(draw)?], table: table(name) }))
    };
    let if_any = |name: &str, draw: Draw| if table(name).is_some() { always(name, draw) } else { Ok(None) };
    let law = |name: &str| -> Result<Option<Figure>, ReportError> {
        let Some(of) = series.coefficients.iter().find(|c| c.name == name) else { return Ok(None) };
        if_any(name, &|size| figure::law(of, size))
    };
    let horizon = |name: &str, measure| -> Result<Option<Figure>, ReportError> {
        if !figure::drawable(series, measure) {
            return Ok(None);
        }
        always(name, &|size| figure::by_horizon(series, measure, size.lower()))
    };
    let profiles = match table("profiles") {
        None => None,
        table => {
            let panels = series.profiles.iter().map(|p| figure::profile(p, Size::SMALL));
            Some(Figure { svg: panels.collect::<Result<_, _>>()?, table })
        }
    };
    let counts = match series.counts.as_slice() {
        [(name, tally), ..] => if_any("counts", &|size| figure::counts(tally, name, size))?,
        [] => None,
    };
    Ok(Figures {
        counts,
        history: always("history", &|size| figure::history(series, size))?,
        drift: law("drift")?,
        diffusion: law("diffusion")?,
        profiles,
        held_out: always("held_out", &|size| figure::fan(series, &series.held_out, size))?,
        density: if_any("density", &|size| figure::through(series, size))?,
        forecast: always("forecast", &|size| figure::fan(series, &series.forecast, size))?,
        pit: always("pit", &|size| figure::pit(bins, size))?,
        acf: if_any("acf", &|size| figure::acf(acf, size))?,
        quantiles: if_any("quantiles", &|size| figure::quantiles(quantiles, size))?,
        crps: horizon("crps", Measure::Crps)?,
        coverage: horizon("coverage", Measure::Coverage80)?,
        skill: if_any("skill", &|size| figure::skill(series, size))?,
        losses: if_any("losses", &|size| figure::losses(series, size))?,
        validation: if_any("validation", &|size| figure::validation(series, size))?,
    })
}

pub fn param_line(row: &ParamRow) -> ParamLine<'_> {
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

/// One scale for every skill mark of a table, zero included. Baselines may be far off the scale: they get no mark.
fn skill_scale<'a>(rows: impl Iterator<Item = &'a ScoreRow>) -> (f64, f64) {
    rows.filter(|r| !r.baseline || r.chosen)
        .filter_map(figure::interval)
        .fold((0.0, 0.0), |(lo, hi): (f64, f64), (a, _, b)| (lo.min(a), hi.max(b)))
}

/// Skill in percent for a column that says so in its head.
fn skill_cell(row: &ScoreRow) -> String {
    skill(row.skill, row.skill_se).trim_end_matches("\u{a0}%").to_string()
}

fn skill_mark(row: &ScoreRow, scale: (f64, f64)) -> String {
    figure::interval(row)
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

fn score_lines(scores: &[ScoreRow]) -> Vec<ScoreLine<'_>> {
    let lowest = COSTS.map(|(_, cost)| scores.iter().map(cost).filter(|c| c.is_finite()).fold(f64::INFINITY, f64::min));
    let line = |row| ScoreLine {
        row,
        skill: skill_cell(row),
        best: COSTS
            .iter()
            .zip(lowest)
            .filter(|((_, cost), low)| cost(row) == *low && low.is_finite())
            .map(|((name, _), _)| *name)
            .collect(),
        in_set: row.best_p.is_some_and(|p| p > IN_THE_SET),
    };
    // With one row there is nothing to be better than.
    scores.iter().map(line).map(|l| if scores.len() > 1 { l } else { ScoreLine { best: Vec::new(), ..l } }).collect()
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
    fn a_panel_of_many_series_keeps_its_overview_whole() {
        let mut view = sample::panel();
        let one = sample::bare("x");
        view.series = vec![one; MOST_SECTIONS + 3];
        let page = page(&view).unwrap();
        assert_eq!((page.overview.len(), page.sections.len(), page.left_out), (MOST_SECTIONS + 3, MOST_SECTIONS, 3));
        assert!(page.overview[MOST_SECTIONS].anchor.is_empty());
    }
}

//! The page of a fit: what was estimated and how well, and the data beside what was fitted to them, question by question.

mod sections;
#[cfg(test)]
mod tests;

pub use sections::Named;

use super::error::ReportError;
use super::field::TableView;
use super::figure::{Beside, FittedPanel, Size, beside, both};
use super::html::environment;
use super::numbers::{Cell, FigureNumbers, Numbers, SeriesNumbers, Shown};
use super::numbers::{of_acf, of_coefficient, of_counts, of_pit, of_profiles, of_quantiles};
use super::page::{MOST_SECTIONS, ParamLine, param_line};
use super::view::{ModelView, ParamRow};
use minijinja::value::Serde;
use serde::Serialize;

/// Panels of one section that are drawn; of more the most telling ones are.
const MOST_PANELS: usize = 9;

/// All that the page of a fit may know.
#[derive(Debug, Clone)]
pub struct FittedView {
    /// Title of the model and id of what it was fitted to.
    pub title: String,
    /// Version of the program that made the page.
    pub version: String,
    /// The command, and what it was made from.
    pub command: String,
    /// Label and value: file, sha256, rows used, seed, version.
    pub provenance: Vec<(String, String)>,
    /// One a fit.
    pub parts: Vec<FittedPart>,
    /// Names of the files beside the page.
    pub files: Vec<String>,
}

/// One fit.
#[derive(Debug, Clone)]
pub struct FittedPart {
    /// What it was fitted to.
    pub id: String,
    /// What came out, in a sentence each.
    pub verdict: Vec<String>,
    /// What a reader asks first, and the answer in a few words.
    pub answers: Vec<(String, String)>,
    /// The model's card.
    pub model: ModelView,
    /// The parameters with their standard errors and intervals.
    pub params: Vec<ParamRow>,
    /// Label and value: status, log-likelihood, tests, …
    pub facts: Vec<(String, String)>,
    /// The figures, question by question; those with nothing to draw still have something to say.
    pub sections: Vec<FittedSection>,
    /// Tables beside the figures.
    pub tables: Vec<FittedTable>,
    /// In a sentence each.
    pub warnings: Vec<String>,
}

/// A table under a question of its own.
#[derive(Debug, Clone, Serialize)]
pub struct FittedTable {
    /// Heading, in a word or two.
    pub subject: &'static str,
    /// What the table answers.
    pub question: &'static str,
    /// The answer, in a sentence.
    pub said: String,
    /// The rows.
    pub table: TableView,
}

/// One question, with a panel for each time, component or law.
#[derive(Debug, Clone)]
pub struct FittedSection {
    /// File name of its numbers, without its ending.
    pub name: &'static str,
    /// Heading of the section, in a word or two.
    pub subject: &'static str,
    /// What its figures answer.
    pub question: &'static str,
    /// The answer in a sentence or two.
    pub said: String,
    /// How to read the figures.
    pub note: &'static str,
    /// One a time, component or law; may be empty.
    pub panels: Vec<FittedPanel>,
}

impl FittedSection {
    /// What the panels are drawn from; panels without a title of their own are called `part`.
    fn numbers(&self, part: &str, alone: bool) -> FigureNumbers {
        let id = |title: &str| match (title.is_empty(), alone) {
            (true, _) => part.to_string(),
            (false, true) => title.to_string(),
            (false, false) => format!("{part}: {title}"),
        };
        let one = |panel: &FittedPanel| SeriesNumbers { id: id(&panel.title), numbers: self.of(panel) };
        FigureNumbers { name: self.name, question: self.question, series: self.panels.iter().map(one).collect() }
    }

    fn of(&self, panel: &FittedPanel) -> Numbers {
        let (name, question) = (self.name, self.question);
        let (columns, rows): (&[&str], Vec<Vec<Cell>>) = match &panel.beside {
            Beside::Counts(tally) => return of_counts(name, question, tally),
            Beside::Path { axis, points } => {
                let one = |(x, y): &(f64, f64)| vec![Cell::When(*x, *axis), Cell::Number(*y)];
                (&["x", "y"], points.iter().map(one).collect())
            }
            Beside::Curve { observed, fitted } => {
                let kind =
                    |kind: &str, (x, y): &(f64, f64)| vec![Cell::Text(kind.into()), Cell::Number(*x), Cell::Number(*y)];
                let points = observed.iter().map(|p| kind("observed", p));
                (&["kind", "x", "y"], points.chain(fitted.iter().map(|p| kind("fitted", p))).collect())
            }
            Beside::About { axis, points, level, band } => {
                let ends = [level - band, level + band].map(Cell::Number);
                let one = |(x, y): &(f64, f64)| {
                    [Cell::When(*x, *axis), Cell::Number(*y)].into_iter().chain(ends.clone()).collect()
                };
                (&["x", "y", "least_by_chance", "most_by_chance"], points.iter().map(one).collect())
            }
            Beside::Law(of) => return of_coefficient(name, question, of),
            Beside::Profile(of) => return of_profiles(name, question, std::slice::from_ref(of)),
            Beside::Acf(residuals) => return of_acf(name, question, residuals),
            Beside::Quantiles(residuals) => return of_quantiles(name, question, residuals),
            Beside::Pit(pit) => return of_pit(name, question, pit),
        };
        let columns = columns.iter().map(|c| c.to_string()).collect();
        Numbers { name, question, columns, rows, brief: Vec::new() }
    }

    /// The panels that are drawn, in their order.
    fn drawn(&self) -> Vec<&FittedPanel> {
        if self.panels.len() <= MOST_PANELS {
            return self.panels.iter().collect();
        }
        let last = self.panels.len() - 1;
        let mut order: Vec<usize> = (0..=last).collect();
        let weight = |i: &usize| if *i == 0 || *i == last { f64::INFINITY } else { telling(&self.panels[*i]) };
        order.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.cmp(b)));
        order.truncate(MOST_PANELS);
        order.sort_unstable();
        order.into_iter().map(|i| &self.panels[i]).collect()
    }
}

/// How much of a panel lies where chance alone would not put it.
fn telling(panel: &FittedPanel) -> f64 {
    match &panel.beside {
        Beside::Counts(tally) => tally.excess() as f64 / tally.n.max(1) as f64,
        Beside::About { points, level, band, .. } => {
            points.iter().filter(|p| (p.1 - level).abs() > *band).count() as f64 / points.len().max(1) as f64
        }
        _ => 0.0,
    }
}

/// The numbers of every figure of the page that has something to draw, in the order of its sections.
pub fn fitted_figures(view: &FittedView) -> Vec<FigureNumbers> {
    let mut all: Vec<FigureNumbers> = Vec::new();
    for part in &view.parts {
        for section in part.sections.iter().filter(|s| !s.panels.is_empty()) {
            let mut found = section.numbers(&part.id, view.parts.len() == 1);
            match all.iter_mut().find(|f| f.name == found.name) {
                Some(figure) => figure.series.append(&mut found.series),
                None => all.push(found),
            }
        }
    }
    all
}

#[derive(Serialize)]
struct Panel<'a> {
    title: &'a str,
    picture: String,
}

#[derive(Serialize)]
struct Section<'a> {
    subject: &'a str,
    question: &'a str,
    said: &'a str,
    note: &'a str,
    /// One panel alone is drawn in the two widths of a page.
    alone: Option<String>,
    panels: Vec<Panel<'a>>,
    left_out: usize,
    table: Option<Shown>,
}

#[derive(Serialize)]
struct Part<'a> {
    anchor: String,
    id: &'a str,
    verdict: &'a [String],
    answers: &'a [(String, String)],
    model: &'a ModelView,
    params: Vec<ParamLine<'a>>,
    facts: &'a [(String, String)],
    sections: Vec<Section<'a>>,
    tables: &'a [FittedTable],
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    version: &'a str,
    command: &'a str,
    provenance: &'a [(String, String)],
    parts: Vec<Part<'a>>,
    /// Fits without a part of their own on the page.
    left_out: usize,
    files: &'a [String],
}

/// The page of a fit, one self-contained HTML file: verdict, parameters, and a section of figures a question; the same bytes for the same view.
/// Of many fits the first [`MOST_SECTIONS`] are shown, and the page says so.
///
/// # Errors
/// Only where a template or the drawing backend is broken, which is a bug of this crate.
pub fn fitted_html(view: &FittedView) -> Result<String, ReportError> {
    let shown = view.parts.len().min(MOST_SECTIONS);
    let parts = view.parts[..shown].iter().enumerate().map(|(i, p)| part(i, p)).collect::<Result<_, _>>()?;
    let page = Page {
        title: &view.title,
        version: &view.version,
        command: &view.command,
        provenance: &view.provenance,
        parts,
        left_out: view.parts.len() - shown,
        files: &view.files,
    };
    Ok(environment()?.get_template("fitted.html")?.render(Serde(page))?)
}

fn part(i: usize, of: &FittedPart) -> Result<Part<'_>, ReportError> {
    Ok(Part {
        anchor: format!("s{}", i + 1),
        id: &of.id,
        verdict: &of.verdict,
        answers: &of.answers,
        model: &of.model,
        params: of.params.iter().map(param_line).collect(),
        facts: &of.facts,
        sections: of.sections.iter().map(|s| section(s, &of.id)).collect::<Result<_, _>>()?,
        tables: &of.tables,
        warnings: &of.warnings,
    })
}

fn section<'a>(of: &'a FittedSection, part: &str) -> Result<Section<'a>, ReportError> {
    let alone = match of.panels.as_slice() {
        [one] => Some(both(|size| beside(one, size))?),
        _ => None,
    };
    let drawn = if alone.is_some() { Vec::new() } else { of.drawn() };
    let table = match of.panels.as_slice() {
        [] => None,
        [one] => Some(of.of(one).shown()),
        _ => Some(of.numbers(part, true).shown("panel")),
    };
    let left_out = if alone.is_some() { 0 } else { of.panels.len() - drawn.len() };
    let small = |panel: &'a FittedPanel| Ok(Panel { title: &panel.title, picture: beside(panel, Size::SMALL)? });
    Ok(Section {
        subject: of.subject,
        question: of.question,
        said: &of.said,
        note: of.note,
        alone,
        panels: drawn.into_iter().map(small).collect::<Result<_, ReportError>>()?,
        left_out,
        table,
    })
}

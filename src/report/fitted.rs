//! The page of a fit to replicates, mean curves or the rows of a curve: estimates, and the data beside what was fitted.

use super::error::ReportError;
use super::field::TableView;
use super::figure::{Beside, FittedPanel, beside};
use super::html::environment;
use super::numbers::{Cell, FigureNumbers, Numbers, SeriesNumbers, Shown};
use minijinja::value::Serde;
use serde::Serialize;

/// All that the page of a fit may know.
#[derive(Debug, Clone)]
pub struct FittedView {
    /// Title of the model and id of what it was fitted to.
    pub title: String,
    /// Version of the program that made the page.
    pub version: String,
    /// What came out, in a sentence each.
    pub verdict: Vec<String>,
    /// Lines of the model's card.
    pub equations: Vec<String>,
    /// Warnings and remarks, in a sentence each.
    pub notes: Vec<String>,
    /// The parameters with their standard errors and intervals.
    pub estimates: TableView,
    /// The command, and what it was made from.
    pub command: String,
    /// Label and value: file, sha256, rows used, seed, version.
    pub provenance: Vec<(String, String)>,
    /// The figures, question by question; those with nothing to draw still have something to say.
    pub sections: Vec<FittedSection>,
    /// Summaries beside the figures.
    pub tables: Vec<TableView>,
    /// Names of the files beside the page.
    pub files: Vec<String>,
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
    /// What the panels are drawn from.
    fn numbers(&self) -> FigureNumbers {
        let one = |panel: &FittedPanel| SeriesNumbers { id: panel.title.clone(), numbers: self.of(panel) };
        FigureNumbers { name: self.name, question: self.question, series: self.panels.iter().map(one).collect() }
    }

    fn of(&self, panel: &FittedPanel) -> Numbers {
        let row = |values: &[f64]| values.iter().copied().map(Cell::Number).collect::<Vec<_>>();
        let (columns, rows): (&[&str], Vec<Vec<Cell>>) = match &panel.beside {
            Beside::Counts { first, observed, fitted } => {
                let at = |values: &[f64], k: usize| values.get(k).copied().unwrap_or(0.0);
                let n = observed.len().max(fitted.len());
                let one = |k: usize| row(&[first + k as f64, at(observed, k), at(fitted, k)]);
                (&["count", "observed", "fitted"], (0..n).map(one).collect())
            }
            Beside::Curve { observed, fitted } => {
                let kind =
                    |kind: &str, (x, y): &(f64, f64)| vec![Cell::Text(kind.into()), Cell::Number(*x), Cell::Number(*y)];
                let points = observed.iter().map(|p| kind("observed", p));
                (&["kind", "x", "y"], points.chain(fitted.iter().map(|p| kind("fitted", p))).collect())
            }
            Beside::About { points, level, band } => {
                let one = |(x, y): &(f64, f64)| row(&[*x, *y, level - band, level + band]);
                (&["x", "y", "least_by_chance", "most_by_chance"], points.iter().map(one).collect())
            }
        };
        let columns = columns.iter().map(|c| c.to_string()).collect();
        Numbers { name: self.name, question: self.question, columns, rows, brief: Vec::new() }
    }
}

/// The numbers of every figure of the page that has something to draw, in the order of its sections.
pub fn fitted_figures(view: &FittedView) -> Vec<FigureNumbers> {
    view.sections.iter().filter(|s| !s.panels.is_empty()).map(FittedSection::numbers).collect()
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
    panels: Vec<Panel<'a>>,
    table: Option<Shown>,
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    version: &'a str,
    verdict: &'a [String],
    equations: &'a [String],
    notes: &'a [String],
    estimates: &'a TableView,
    command: &'a str,
    provenance: &'a [(String, String)],
    sections: Vec<Section<'a>>,
    tables: &'a [TableView],
    files: &'a [String],
}

/// The page of a fit, one self-contained HTML file: verdict, parameters, and a section of figures a question. The same bytes for the same view.
///
/// # Errors
/// Only where a template or the drawing backend is broken, which is a bug of this crate.
pub fn fitted_html(view: &FittedView) -> Result<String, ReportError> {
    let drawn = |panel: &'_ FittedPanel| beside(panel);
    let section = |s: &'_ FittedSection| -> Result<Vec<String>, ReportError> { s.panels.iter().map(drawn).collect() };
    let pictures = view.sections.iter().map(section).collect::<Result<Vec<_>, _>>()?;
    let sections = view.sections.iter().zip(pictures).map(|(s, pictures)| Section {
        subject: s.subject,
        question: s.question,
        said: &s.said,
        note: s.note,
        panels: s.panels.iter().zip(pictures).map(|(p, picture)| Panel { title: &p.title, picture }).collect(),
        table: (!s.panels.is_empty()).then(|| s.numbers().shown("panel")),
    });
    let page = Page {
        title: &view.title,
        version: &view.version,
        verdict: &view.verdict,
        equations: &view.equations,
        notes: &view.notes,
        estimates: &view.estimates,
        command: &view.command,
        provenance: &view.provenance,
        sections: sections.collect(),
        tables: &view.tables,
        files: &view.files,
    };
    Ok(environment()?.get_template("fitted.html")?.render(Serde(page))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> FittedView {
        let panel = |k: usize| FittedPanel {
            title: format!("t = {k}"),
            x: "rna".into(),
            y: "share of cells".into(),
            beside: Beside::Counts { first: 0.0, observed: vec![0.6, 0.4], fitted: vec![0.5, 0.5] },
        };
        let about =
            FittedPanel { beside: Beside::About { points: vec![(0.0, 1.0)], level: 0.0, band: 2.0 }, ..panel(9) };
        let section = |name, panels: Vec<FittedPanel>| FittedSection {
            name,
            subject: "Counts",
            question: "Does the law fit?",
            said: "It does.".into(),
            note: "Bars are counts.",
            panels,
        };
        let row = |cells: [&str; 3]| cells.map(str::to_string).to_vec();
        let table = TableView {
            caption: "Estimates".into(),
            header: row(["parameter", "estimate", "s.e."]),
            rows: vec![row(["kr", "1.5", "0.1"])],
        };
        FittedView {
            title: "<script>alert(1)</script>".into(),
            version: "0".into(),
            verdict: vec!["The fit converged.".into()],
            equations: vec!["on -> on + rna".into()],
            notes: vec!["warning: none".into()],
            estimates: table.clone(),
            command: "kramers fit <b>".into(),
            provenance: vec![("sha256".into(), "abc".into())],
            sections: vec![
                section("counts", (0..4).map(panel).collect()),
                section("residuals", vec![about]),
                section("conserved", vec![]),
            ],
            tables: vec![table],
            files: vec!["run.json".into()],
        }
    }

    #[test]
    fn the_page_stands_alone_and_shows_every_panel() {
        let page = fitted_html(&view()).unwrap();
        assert!(
            !page.contains("<script") && !page.contains("http:") && !page.contains("https:") && !page.contains("NaN")
        );
        assert_eq!(page.matches("svg class=\"fig small\"").count(), 5);
        assert!(page.contains("href=\"run.json\"") && page.contains("t = 3") && page.contains("kramers fit &lt;b&gt;"));
        assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
        assert!(page.contains("figures/residuals.csv"));
    }

    #[test]
    fn every_panel_has_its_numbers_in_a_file() {
        let all = fitted_figures(&view());
        assert_eq!(all.iter().map(|f| f.name).collect::<Vec<_>>(), ["counts", "residuals"]);
        let lines: Vec<String> = all[0].csv("panel").lines().take(2).map(String::from).collect();
        assert_eq!(lines, ["panel,count,observed,fitted", "t = 0,0,0.6,0.5"]);
        assert_eq!(all[1].csv("panel").lines().nth(1), Some("t = 9,0,1,-2,2"));
    }
}

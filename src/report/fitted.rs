//! The page of a fit to replicates or mean curves: estimates, and the data beside what was fitted.

use super::error::ReportError;
use super::field::TableView;
use super::figure::{FittedPanel, beside};
use super::html::environment;
use minijinja::value::Serde;
use serde::Serialize;

/// All a page may know.
#[derive(Debug, Clone)]
pub struct FittedView {
    pub title: String,
    pub version: String,
    /// What came out, in a sentence each.
    pub verdict: Vec<String>,
    /// Lines of the model's card.
    pub equations: Vec<String>,
    pub notes: Vec<String>,
    pub estimates: TableView,
    pub panels: Vec<FittedPanel>,
    pub tables: Vec<TableView>,
    /// Names of the files beside the page.
    pub files: Vec<String>,
}

#[derive(Serialize)]
struct Panel {
    title: String,
    picture: String,
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    version: &'a str,
    verdict: &'a [String],
    equations: &'a [String],
    notes: &'a [String],
    estimates: &'a TableView,
    panels: Vec<Panel>,
    tables: &'a [TableView],
    files: &'a [String],
}

/// One self-contained page.
///
/// # Errors
/// Only where a template or the drawing backend is broken, which is a bug of this crate.
pub fn fitted_html(view: &FittedView) -> Result<String, ReportError> {
    let drawn = |panel: &FittedPanel| Ok(Panel { title: panel.title.clone(), picture: beside(panel)? });
    let page = Page {
        title: &view.title,
        version: &view.version,
        verdict: &view.verdict,
        equations: &view.equations,
        notes: &view.notes,
        estimates: &view.estimates,
        panels: view.panels.iter().map(drawn).collect::<Result<_, ReportError>>()?,
        tables: &view.tables,
        files: &view.files,
    };
    Ok(environment()?.get_template("fitted.html")?.render(Serde(page))?)
}

#[cfg(test)]
mod tests {
    use super::super::figure::Beside;
    use super::*;

    #[test]
    fn the_page_stands_alone_and_shows_every_panel() {
        let panel = |k: usize| FittedPanel {
            title: format!("t = {k}"),
            x: "rna".into(),
            y: "share of cells".into(),
            beside: Beside::Counts { first: 0.0, observed: vec![0.6, 0.4], fitted: vec![0.5, 0.5] },
        };
        let row = |cells: [&str; 3]| cells.map(str::to_string).to_vec();
        let table = TableView {
            caption: "Estimates".into(),
            header: row(["parameter", "estimate", "s.e."]),
            rows: vec![row(["kr", "1.5", "0.1"])],
        };
        let view = FittedView {
            title: "<script>alert(1)</script>".into(),
            version: "0".into(),
            verdict: vec!["The fit converged.".into()],
            equations: vec!["on -> on + rna".into()],
            notes: vec!["warning: none".into()],
            estimates: table.clone(),
            panels: (0..4).map(panel).collect(),
            tables: vec![table],
            files: vec!["run.json".into()],
        };
        let page = fitted_html(&view).unwrap();
        assert!(!page.contains("<script") && !page.contains("http") && !page.contains("NaN"));
        assert_eq!(page.matches("svg class=\"fig small\"").count(), 4);
        assert!(page.contains("href=\"run.json\"") && page.contains("t = 3"));
        assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
    }
}

//! The page of a field: its picture and its profiles.

use super::error::ReportError;
use super::figure::{HeatMap, HeatMapLabels, both, heat_maps_of_page};
use super::html::environment;
use minijinja::value::Serde;
use serde::Serialize;

/// Numbers as text under a line that says what they are.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TableView {
    /// The line above the table; empty where the page needs none.
    pub caption: String,
    /// `[column]`
    pub header: Vec<String>,
    /// `[row][column]`, each as long as the header.
    pub rows: Vec<Vec<String>>,
}

/// All that the page of a solved field may know.
#[derive(Debug, Clone)]
pub struct FieldView {
    /// Title of the model.
    pub title: String,
    /// Version of the program that made the page.
    pub version: String,
    /// Lines of the model's card: its equations.
    pub equations: Vec<String>,
    /// How it was solved and how far it is off, in a sentence.
    pub answer: String,
    /// What else is worth saying of the solution, in a sentence each.
    pub notes: Vec<String>,
    /// The solution: over place and time in one panel, or over the plane in a panel a time.
    pub panels: Vec<HeatMap>,
    /// What the axes and the colours of all panels are.
    pub labels: HeatMapLabels,
    /// The same at some nodes and times, as numbers.
    pub tables: Vec<TableView>,
    /// Names of the files beside the page.
    pub files: Vec<String>,
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    version: &'a str,
    equations: &'a [String],
    answer: &'a str,
    notes: &'a [String],
    picture: String,
    tables: &'a [TableView],
    files: &'a [String],
}

/// The page of a solved field, one self-contained HTML file: maps of colour and tables. The same bytes for the same view.
///
/// # Errors
/// Only where a template or the drawing backend is broken, which is a bug of this crate.
pub fn field_html(view: &FieldView) -> Result<String, ReportError> {
    let page = Page {
        title: &view.title,
        version: &view.version,
        equations: &view.equations,
        answer: &view.answer,
        notes: &view.notes,
        picture: both(|size| heat_maps_of_page(&view.panels, &view.labels, size))?,
        tables: &view.tables,
        files: &view.files,
    };
    Ok(environment()?.get_template("field.html")?.render(Serde(page))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(title: &str) -> FieldView {
        let x: Vec<f64> = (0..=80).map(|k| f64::from(k) / 80.0).collect();
        let y: Vec<f64> = (0..=60).map(|k| f64::from(k) / 600.0).collect();
        let at = |t: f64, x: f64| (-9.87 * t).exp() * (std::f64::consts::PI * x).sin();
        let values = y.iter().flat_map(|t| x.iter().map(move |x| at(*t, *x))).collect();
        let of = |text: &str| text.to_string();
        let times: Vec<f64> = (0..9).map(|k| f64::from(k) / 80.0).collect();
        let row = |k: usize| {
            let place = k as f64 / 10.0;
            std::iter::once(place).chain(times.iter().map(|t| at(*t, place))).map(|v| format!("{v:.6}")).collect()
        };
        let table = TableView {
            caption: of("u (K) at eleven places"),
            header: std::iter::once(of("x")).chain(times.iter().map(|t| format!("t = {t}"))).collect(),
            rows: (0..=10).map(row).collect(),
        };
        FieldView {
            title: of(title),
            version: of("0"),
            equations: vec![of("∂u/∂t = D ∂²u/∂x²")],
            answer: of("heat-rod by crank-nicolson on 200 cells, 64 steps: u in K, off by about 1e-6"),
            notes: vec![of("An explicit step would be stable only up to 1e-5.")],
            panels: vec![HeatMap { title: String::new(), x, y, values }],
            labels: HeatMapLabels {
                x: of("x (length)"),
                y: of("t (time)"),
                colour: of("u (K)"),
                alt: of("heat of a rod"),
            },
            tables: vec![table],
            files: vec![of("profiles.csv"), of("run.json")],
        }
    }

    #[test]
    fn the_page_stands_alone_and_has_a_picture_for_a_phone() {
        let page = field_html(&view("<script>alert(1)</script>")).unwrap();
        assert!(
            !page.contains("<script") && !page.contains("http:") && !page.contains("https:") && !page.contains("NaN")
        );
        assert_eq!(page.matches("svg class=\"fig wide\"").count(), 1);
        assert_eq!(page.matches("svg class=\"fig narrow\"").count(), 1);
        assert!(page.contains("<th>t = 0.1</th>") && page.contains("href=\"run.json\""));
        assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
    }

    #[test]
    #[ignore = "writes a page to look at"]
    fn a_page_to_look_at() {
        std::fs::write(std::env::temp_dir().join("rod.html"), field_html(&view("Heat along a rod")).unwrap()).unwrap();
    }
}

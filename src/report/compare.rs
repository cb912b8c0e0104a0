//! The page of `compare`: one question answered by every form, as a table and two figures.

use super::error::ReportError;
use super::figure::{both, cost, densities};
use super::format::num;
use super::html::environment;
use minijinja::value::Serde;
use serde::Serialize;

/// One form's answer to one component at one time.
#[derive(Debug, Clone, Default)]
pub struct FormView {
    pub form: String,
    pub mean: Option<f64>,
    pub sd: Option<f64>,
    /// At 5, 50 and 95 %.
    pub quantiles: [f64; 3],
    /// The form's own estimate of the largest error of its distribution function.
    pub error: Option<f64>,
    /// Largest distance of its distribution function from the reference's.
    pub distance: Option<f64>,
    pub seconds: f64,
    /// Points of the density.
    pub density: Vec<(f64, f64)>,
    /// Whether it is one Gaussian step, an approximation that is not meant to agree at any horizon.
    pub is_rough: bool,
    /// Where a form is of another process, or did not get as far as asked: in words.
    pub note: String,
}

/// All a page may know.
#[derive(Debug, Clone, Default)]
pub struct CompareView {
    pub title: String,
    pub version: String,
    pub command: String,
    /// Lines of the model's card: its equations.
    pub equations: Vec<String>,
    /// The question and the answer to it in sentences.
    pub question: String,
    pub verdict: String,
    pub variable: String,
    pub tolerance: f64,
    pub forms: Vec<FormView>,
    /// Forms that do not apply, with the reason.
    pub absent: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    version: &'a str,
    command: &'a str,
    equations: &'a [String],
    question: &'a str,
    verdict: &'a str,
    rows: Vec<Vec<String>>,
    absent: &'a [(String, String)],
    densities: String,
    cost: String,
}

/// One self-contained page.
///
/// # Errors
/// Only where a template or the drawing backend is broken, which is a bug of this crate.
pub fn compare_html(view: &CompareView) -> Result<String, ReportError> {
    let shown = |v: Option<f64>| num(v.unwrap_or(f64::NAN));
    let rows = view.forms.iter().map(|f| {
        let [low, middle, high] = f.quantiles.map(num);
        vec![
            f.form.clone(),
            shown(f.mean),
            shown(f.sd),
            low,
            middle,
            high,
            shown(f.error),
            shown(f.distance),
            num(f.seconds),
            f.note.clone(),
        ]
    });
    let page = Page {
        title: &view.title,
        version: &view.version,
        command: &view.command,
        equations: &view.equations,
        question: &view.question,
        verdict: &view.verdict,
        rows: rows.collect(),
        absent: &view.absent,
        densities: both(|size| densities(&view.forms, &view.variable, size))?,
        cost: both(|size| cost(&view.forms, view.tolerance, size))?,
    };
    Ok(environment()?.get_template("compare.html")?.render(Serde(page))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_stands_alone_and_shows_hostile_text_harmless() {
        let view = CompareView {
            title: "<script>alert(1)</script>".into(),
            forms: vec![FormView { form: "exact".into(), quantiles: [f64::NAN; 3], ..FormView::default() }],
            absent: vec![("schroedinger".into(), "it <b>jumps</b>".into())],
            tolerance: 1e-6,
            ..CompareView::default()
        };
        let page = compare_html(&view).unwrap();
        assert!(page.starts_with("<!doctype html>") && !page.contains("<script") && !page.contains("<b>jumps"));
        assert!(!page.contains("http") && !page.contains("NaN"), "{page}");
        assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
    }
}

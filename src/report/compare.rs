//! The page of `compare`: one question answered by every form, as a table and two figures.

use super::error::ReportError;
use super::figure::{both, cost, densities, key};
use super::format::num;
use super::html::environment;
use minijinja::value::Serde;
use serde::Serialize;

/// What one form says of one component at the last time asked.
#[derive(Debug, Clone)]
pub struct LawView {
    /// Mean, in the unit of the component; `None` where it is infinite or unknown.
    pub mean: Option<f64>,
    /// Standard deviation, in the same unit; `None` where it is infinite or unknown.
    pub sd: Option<f64>,
    /// At 5, 50 and 95 %.
    pub quantiles: [f64; 3],
    /// Points (value, density), increasing in the value; of counts (count, probability). Empty where the law has no density.
    pub density: Vec<(f64, f64)>,
}

impl Default for LawView {
    fn default() -> LawView {
        LawView { mean: None, sd: None, quantiles: [f64::NAN; 3], density: Vec::new() }
    }
}

/// One form's answer at the last time asked.
#[derive(Debug, Clone, Default)]
pub struct FormView {
    /// Name of the form, as `--form` takes it.
    pub form: String,
    /// `[component]`, as the page's variables.
    pub laws: Vec<LawView>,
    /// The form's own estimate of the largest error of its distribution function.
    pub error: Option<f64>,
    /// Largest distance of its distribution function from the reference's.
    pub distance: Option<f64>,
    /// Wall time that the form took, in seconds.
    pub seconds: f64,
    /// Whether it is one Gaussian step, an approximation that is not meant to agree at any horizon.
    pub is_rough: bool,
    /// Where a form is of another process, or did not get as far as asked: in words.
    pub note: String,
}

/// A component: what it is called and measured in.
#[derive(Debug, Clone, Default)]
pub struct VariableView {
    /// Name of the state or species.
    pub name: String,
    /// Unit as the model file writes it.
    pub unit: String,
    /// Whether it counts, and has probabilities instead of a density.
    pub is_count: bool,
}

/// All that the page of a comparison of forms may know.
#[derive(Debug, Clone, Default)]
pub struct CompareView {
    /// Title of the model.
    pub title: String,
    /// Version of the program that made the page.
    pub version: String,
    /// The command line that made it, as it can be typed again.
    pub command: String,
    /// Lines of the model's card: its equations.
    pub equations: Vec<String>,
    /// The question, in a sentence.
    pub question: String,
    /// The answer to it: the quickest form that is right, in a sentence or two.
    pub verdict: String,
    /// The components shown, the first few of them.
    pub variables: Vec<VariableView>,
    /// How many components the model has.
    pub components: usize,
    /// Error of the distribution function that is asked for, a probability: the rule in the figure of costs.
    pub tolerance: f64,
    /// The forms that answered, in the order of the table.
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
    /// Whether a row says which component it is of.
    many: bool,
    /// In words, where not all components are shown.
    part: String,
    rows: Vec<Vec<String>>,
    absent: &'a [(String, String)],
    key: String,
    densities: Vec<String>,
    cost: String,
}

/// The page of a comparison of forms, one self-contained HTML file: the forms in a table, their laws and their costs as figures. The same bytes for the same view.
///
/// # Errors
/// Only where a template or the drawing backend is broken, which is a bug of this crate.
pub fn compare_html(view: &CompareView) -> Result<String, ReportError> {
    let shown = |v: Option<f64>| num(v.unwrap_or(f64::NAN));
    // What is of all components stands on the first row of a form.
    let row = |f: &FormView, k: usize, law: &LawView| {
        let [low, middle, high] = law.quantiles.map(num);
        let first = |text: String| if k == 0 { text } else { String::new() };
        let whole = [shown(f.error), shown(f.distance), num(f.seconds), f.note.clone()].map(first);
        let name = view.variables.get(k).map_or(String::new(), |v| v.name.clone());
        [first(f.form.clone()), name, shown(law.mean), shown(law.sd), low, middle, high]
            .into_iter()
            .chain(whole)
            .collect()
    };
    let rows = view.forms.iter().flat_map(|f| f.laws.iter().enumerate().map(move |(k, law)| row(f, k, law)));
    let part = match (view.variables.len(), view.components) {
        (some, all) if some < all => format!("The first {some} of {all} components are shown; compare.csv has all."),
        _ => String::new(),
    };
    let figures = view.variables.iter().enumerate();
    let page = Page {
        title: &view.title,
        version: &view.version,
        command: &view.command,
        equations: &view.equations,
        question: &view.question,
        verdict: &view.verdict,
        many: view.variables.len() > 1,
        part,
        rows: rows.collect(),
        absent: &view.absent,
        key: key(&view.forms),
        densities: figures
            .map(|(k, of)| both(|size| densities(&view.forms, k, of, size)))
            .collect::<Result<Vec<String>, ReportError>>()?,
        cost: both(|size| cost(&view.forms, view.tolerance, size))?,
    };
    Ok(environment()?.get_template("compare.html")?.render(Serde(page))?)
}

#[cfg(test)]
mod tests;

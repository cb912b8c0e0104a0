//! The page: templates and style sheet filled and joined into one file that needs nothing else.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, escape_formatter};
use std::borrow::Cow;

use super::error::ReportError;
use super::format::{fixed, num, p_value, percent};
use super::page::page;
use super::view::ReportView;
use crate::base::text::printable;

const TEMPLATES: [(&str, &str); 8] = [
    ("compare.html", include_str!("compare.html.jinja")),
    ("fitted.html", include_str!("fitted.html.jinja")),
    ("field.html", include_str!("field.html.jinja")),
    ("head.html", include_str!("head.html.jinja")),
    ("index.html", include_str!("index.html.jinja")),
    ("page.html", include_str!("page.html.jinja")),
    ("series.html", include_str!("series.html.jinja")),
    ("macros.html", include_str!("macros.html.jinja")),
];
const STYLE: &str = include_str!("style.css");

/// One self-contained HTML file: no script, no network, light, dark and print; the same bytes for the same view.
///
/// # Errors
/// Only where a template or the drawing backend is broken, which is a bug of this crate.
///
/// ```
/// # use kramers::report::{html, view::ReportView};
/// let view = ReportView {
///     title: "empty".into(), version: "0".into(), command: "kramers report".into(), seed: 1,
///     provenance: vec![], findings: vec![], series: vec![], notes: vec![],
/// };
/// assert!(html(&view)?.starts_with("<!doctype html>"));
/// # Ok::<(), kramers::report::ReportError>(())
/// ```
pub fn html(view: &ReportView) -> Result<String, ReportError> {
    Ok(environment()?.get_template("page.html")?.render(Serde(page(view)?))?)
}

/// The templates, their filters and the style sheet.
pub(super) fn environment() -> Result<Environment<'static>, ReportError> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    // What acts instead of being seen (direction of writing, no width) has no place in a page either.
    env.set_formatter(|out, state, value| match value.as_str().map(printable) {
        Some(Cow::Owned(shown)) if !value.is_safe() => escape_formatter(out, state, &shown.into()),
        _ => escape_formatter(out, state, value),
    });
    // A line that holds only a tag leaves no trace in the page.
    env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    env.add_filter("num", |v: Option<f64>| num(v.unwrap_or(f64::NAN)));
    env.add_filter("percent", |v: Option<f64>| percent(v.unwrap_or(f64::NAN)));
    env.add_filter("p_value", |v: Option<f64>| p_value(v.unwrap_or(f64::NAN)));
    env.add_filter("count", |n: usize| fixed(n as f64, 0));
    env.add_global("style", STYLE);
    for (name, source) in TEMPLATES {
        env.add_template(name, source)?;
    }
    Ok(env)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn pages() -> Vec<String> {
        [sample::single(), sample::panel(), sample::hostile(), sample::empty(), sample::broken()]
            .iter()
            .map(|v| html(v).unwrap())
            .collect()
    }

    #[test]
    fn nothing_is_run_and_nothing_is_fetched() {
        for page in pages() {
            let lower = page.to_lowercase();
            for bad in
                ["<script", "javascript:", " src=", "<link", "@import", "url(", "http:", "https:", "onerror=", "<img"]
            {
                assert!(!lower.contains(bad), "{bad}");
            }
        }
    }

    #[test]
    fn hostile_names_are_shown_not_run() {
        let page = html(&sample::hostile()).unwrap();
        assert!(page.contains("&lt;script&gt;"));
        assert!(!page.contains("<b>bold"));
    }

    #[test]
    fn no_number_is_ever_shown_as_nan() {
        for page in pages() {
            for bad in ["NaN", ">inf", "<td>none", "-0.0"] {
                assert!(!page.contains(bad), "{bad}");
            }
        }
    }

    #[test]
    fn headings_go_down_one_step_at_a_time() {
        for page in pages() {
            let levels: Vec<u32> =
                page.match_indices("<h").filter_map(|(i, _)| page[i + 2..].chars().next()?.to_digit(10)).collect();
            assert_eq!(levels.iter().filter(|l| **l == 1).count(), 1);
            assert!(levels.windows(2).all(|w| w[1] <= w[0] + 1), "{levels:?}");
        }
    }

    #[test]
    fn every_figure_is_named_and_every_table_captioned() {
        for page in pages() {
            let figures = page.matches("<svg class=\"fig").count();
            assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), figures);
            assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
            assert!(page.contains("<html lang=\"en\">") && page.contains("<title>"));
        }
    }

    #[test]
    fn tags_close_in_order() {
        const VOID: [&str; 4] = ["meta", "br", "!doctype", "col"];
        for page in pages() {
            let mut open: Vec<&str> = Vec::new();
            for piece in page.split('<').skip(1) {
                let tag = piece.split('>').next().unwrap_or("");
                let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or("");
                if tag.starts_with('/') {
                    assert_eq!(open.pop(), Some(name), "{piece}");
                } else if !tag.ends_with('/') && !VOID.contains(&name) {
                    open.push(name);
                }
            }
            assert!(open.is_empty(), "{open:?}");
        }
    }

    #[test]
    fn the_same_view_gives_the_same_bytes() {
        assert_eq!(html(&sample::panel()), html(&sample::panel()));
    }

    #[test]
    fn a_long_history_stays_a_small_page() {
        let view = sample::long(15_000);
        let size = html(&view).unwrap().len();
        assert!(size < 700_000, "{size}");
    }

    #[test]
    fn links_of_a_panel_lead_somewhere() {
        let page = html(&sample::panel()).unwrap();
        let targets: Vec<&str> = page.split("href=\"#").skip(1).filter_map(|p| p.split('"').next()).collect();
        assert!(targets.len() >= 3);
        for target in targets {
            assert_eq!(page.matches(&format!("id=\"{target}\"")).count(), 1, "{target}");
        }
    }
}

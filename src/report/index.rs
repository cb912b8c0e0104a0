//! The list of all reports in a folder.

use super::error::ReportError;
use super::format;
use super::html::environment;
use minijinja::value::Serde;
use serde::Serialize;

/// What tells a list of ours from a page that somebody else put there.
pub const INDEX_MARK: &str = "kramers reports";

/// One report, as a line of the page over all reports.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexRow {
    /// Name of its folder.
    pub folder: String,
    /// Id of the model chosen; of several series all that were, separated by commas.
    pub model: String,
    /// How it did on the held-out rows, in a sentence.
    pub verdict: String,
    /// Against the random walk, with its standard error; None of several series.
    pub skill: Option<(f64, f64)>,
    /// First time of the data, as written; empty where it is not told.
    pub first: String,
    /// Last time of the data, likewise.
    pub last: String,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    link: String,
    model: &'a str,
    verdict: &'a str,
    skill: String,
    first: &'a str,
    last: &'a str,
}

#[derive(Serialize)]
struct Page<'a> {
    mark: &'static str,
    version: &'a str,
    rows: Vec<Row<'a>>,
    unread: usize,
}

/// The page over all reports of a folder, by name; `unread` folders had a `run.json` that was none of a report.
///
/// # Errors
/// Only where a template is broken, which is a bug of this crate.
pub fn index_html(rows: &[IndexRow], unread: usize, version: &str) -> Result<String, ReportError> {
    let mut sorted: Vec<&IndexRow> = rows.iter().collect();
    sorted.sort_by(|a, b| a.folder.cmp(&b.folder));
    let rows = sorted.into_iter().map(|r| Row {
        name: &r.folder,
        link: in_link(&r.folder),
        model: &r.model,
        verdict: &r.verdict,
        skill: format::skill(r.skill.map(|s| s.0), r.skill.map(|s| s.1)).trim_end_matches("\u{a0}%").to_string(),
        first: &r.first,
        last: &r.last,
    });
    let page = Page { mark: INDEX_MARK, version, rows: rows.collect(), unread };
    Ok(environment()?.get_template("index.html")?.render(Serde(page))?)
}

/// A name as part of a relative link: RFC 3986, section 2.3; whatever else it holds, it names no scheme.
fn in_link(name: &str) -> String {
    let mut link = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => link.push(char::from(byte)),
            _ => link.push_str(&format!("%{byte:02X}")),
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(folder: &str) -> IndexRow {
        IndexRow {
            folder: folder.into(),
            model: "ou".into(),
            verdict: "It is better.".into(),
            skill: Some((0.012, 0.004)),
            first: "1999-01-04".into(),
            last: "2021-05-21".into(),
        }
    }

    #[test]
    fn reports_are_listed_by_name_whatever_order_they_came_in() {
        let rows = [row("wti"), row("dgs10"), row("eurusd")];
        let page = index_html(&rows, 0, "0").unwrap();
        let at = |name: &str| page.find(&format!("href=\"{name}/index.html\"")).unwrap();
        assert!(at("dgs10") < at("eurusd") && at("eurusd") < at("wti"));
        let turned = [row("eurusd"), row("wti"), row("dgs10")];
        assert_eq!(page, index_html(&turned, 0, "0").unwrap());
        assert!(page.contains("+1.2\u{a0}±\u{a0}0.4") && page.contains(INDEX_MARK));
    }

    #[test]
    fn hostile_names_neither_run_nor_lead_away() {
        let evil = "javascript:<script>alert(\"1\")";
        let page =
            index_html(&[row(evil), IndexRow { verdict: evil.into(), skill: None, ..row("x") }], 2, "0").unwrap();
        assert!(!page.contains("<script") && !page.contains("href=\"javascript:"), "{page}");
        assert!(page.contains("javascript%3A%3Cscript%3E") && page.contains("2 folders"));
        assert!(index_html(&[], 0, "0").unwrap().contains("no report here yet"));
    }
}

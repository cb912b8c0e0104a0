//! A TOML table read key by key: every mistake is placed at its line and column, unknown keys are errors.

use crate::base::text::{printable, visible};
use crate::base::{Error, Result, suggest::nearest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text of a model file and its name, for errors.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// Line and column (from 1) of a byte offset.
    pub fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// [`Error::ModelSyntax`] at an offset of the file, in bytes.
    pub fn error(&self, offset: usize, message: impl Into<String>) -> Error {
        let (line, column) = self.place(offset);
        Error::ModelSyntax { file: self.file.to_string(), line, column, message: message.into() }
    }

    /// The mistake of an expression that stands at `offset`, placed in the file. `called` names the expression.
    pub fn moved(&self, error: Error, offset: usize, called: &str) -> Error {
        let Error::Expression { place, line, column, message, text, caret, nearest } = error else { return error };
        let (first_line, first_column) = self.place(offset);
        // The opening quote is one character, of a multi-line text three and perhaps a line break; a bare number has none.
        let quoted = self.text.get(offset..).unwrap_or_default();
        let long = quoted.starts_with("\"\"\"") || quoted.starts_with("'''");
        let breaks = usize::from(long && quoted.get(3..4) == Some("\n"));
        let quote = if long { 3 } else { usize::from(quoted.starts_with(['"', '\''])) };
        Error::Expression {
            place,
            line: first_line + line - 1 + breaks,
            column: if line == 1 && breaks == 0 { first_column + column - 1 + quote } else { column },
            message: format!("{called}: {message}"),
            text,
            caret,
            nearest,
        }
    }

    /// [`Error::ModelInvalid`], for a mistake that has no place of its own.
    pub fn invalid(&self, message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::ModelInvalid { file: self.file.to_string(), message: message.into(), hint: hint.into() }
    }
}

/// One table, its known keys declared up front.
pub(super) struct Reader<'a, 'b> {
    pub source: Source<'a>,
    table: &'b DeTable<'a>,
    /// Where the table stands, for "missing key" errors.
    pub offset: usize,
    path: String,
}

impl<'a, 'b> Reader<'a, 'b> {
    /// # Errors
    /// [`Error::UnknownKey`] where the table has a key that is not in `known` (an empty list allows all).
    pub fn new(
        source: Source<'a>,
        table: &'b DeTable<'a>,
        offset: usize,
        path: &str,
        known: &[&str],
    ) -> Result<Reader<'a, 'b>> {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.is_empty() && !known.contains(&name) {
                let (line, column) = source.place(key.span().start);
                return Err(Error::UnknownKey {
                    file: source.file.to_string(),
                    line,
                    column,
                    key: if path.is_empty() { name.to_string() } else { format!("{path}.{name}") },
                    nearest: nearest(name, known.iter().copied()).map(str::to_string),
                    available: known.iter().map(ToString::to_string).collect(),
                });
            }
        }
        Ok(Reader { source, table, offset, path: path.to_string() })
    }

    fn find(&self, key: &str) -> Option<&'b Spanned<DeValue<'a>>> {
        self.table.iter().find(|(k, _)| k.get_ref().as_ref() == key).map(|(_, v)| v)
    }

    /// Keys with the offsets of their values, in the order of the file.
    pub fn keys(&self) -> Vec<(String, usize)> {
        self.table.iter().map(|(k, v)| (k.get_ref().to_string(), v.span().start)).collect()
    }

    fn missing(&self, key: &str) -> Error {
        let table = if self.path.is_empty() { "the file".to_string() } else { format!("[{}]", self.path) };
        self.source.error(self.offset, format!("{table} lacks the key '{key}'"))
    }

    /// A text; characters that act instead of being seen written out.
    pub fn text(&self, key: &str) -> Result<Option<(String, usize)>> {
        match self.find(key) {
            None => Ok(None),
            Some(value) => match value.get_ref() {
                DeValue::String(text) => Ok(Some((printable(text).into_owned(), value.span().start))),
                other => Err(self
                    .source
                    .error(value.span().start, format!("'{key}' wants a text in quotes, not a {}", other.type_str()))),
            },
        }
    }

    /// As [`Reader::text`], and a mistake where the key is missing.
    pub fn needed_text(&self, key: &str) -> Result<(String, usize)> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// A text or a number, as the text of an expression, and its place.
    pub fn expression(&self, key: &str) -> Result<Option<(String, usize)>> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let at = value.span().start;
        match value.get_ref() {
            DeValue::String(text) => Ok(Some((text.to_string(), at))),
            DeValue::Integer(_) | DeValue::Float(_) => Ok(Some((self.as_number(key, value)?.to_string(), at))),
            other => {
                let message = format!("'{key}' wants an expression in quotes or a number, not a {}", other.type_str());
                Err(self.source.error(at, message))
            }
        }
    }

    /// As [`Reader::expression`], and a mistake where the key is missing.
    pub fn needed_expression(&self, key: &str) -> Result<(String, usize)> {
        self.expression(key)?.ok_or_else(|| self.missing(key))
    }

    /// Whether a table stands at `key`.
    pub fn is_table(&self, key: &str) -> bool {
        self.find(key).is_some_and(|v| matches!(v.get_ref(), DeValue::Table(_)))
    }

    /// Whether a list stands at `key`.
    pub fn is_list(&self, key: &str) -> bool {
        self.find(key).is_some_and(|v| matches!(v.get_ref(), DeValue::Array(_)))
    }

    /// Whether anything stands at `key`.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// True or false; false where the key is missing.
    pub fn flag(&self, key: &str) -> Result<bool> {
        match self.find(key) {
            None => Ok(false),
            Some(value) => match value.get_ref() {
                DeValue::Boolean(flag) => Ok(*flag),
                _ => Err(self.source.error(value.span().start, format!("'{key}' wants true or false"))),
            },
        }
    }

    /// Numbers of a list, or the one number there is; empty where the key is missing.
    pub fn numbers(&self, key: &str) -> Result<Vec<f64>> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| self.as_number(key, item)).collect(),
            _ => Ok(vec![self.as_number(key, value)?]),
        }
    }

    /// A number, which may be infinite but not NaN; `None` where the key is missing.
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        self.find(key).map(|v| self.as_number(key, v)).transpose()
    }

    /// As [`Reader::number`], and a mistake where the key is missing.
    pub fn needed_number(&self, key: &str) -> Result<f64> {
        self.number(key)?.ok_or_else(|| self.missing(key))
    }

    fn as_number(&self, key: &str, value: &Spanned<DeValue<'a>>) -> Result<f64> {
        let parsed = match value.get_ref() {
            DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(|i| i as f64),
            DeValue::Float(f) => f.as_str().parse().ok(),
            _ => None,
        };
        match parsed {
            Some(number) if !f64::is_nan(number) => Ok(number),
            _ => Err(self.source.error(value.span().start, format!("'{key}' wants a number"))),
        }
    }

    /// A pair of numbers, lower first.
    pub fn range(&self, key: &str) -> Result<Option<(f64, f64)>> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let wrong =
            || self.source.error(value.span().start, format!("'{key}' wants [lower, upper] with lower < upper"));
        let DeValue::Array(items) = value.get_ref() else { return Err(wrong()) };
        let mut numbers = Vec::new();
        for item in items.iter() {
            numbers.push(self.as_number(key, item)?);
        }
        match numbers.as_slice() {
            [lower, upper] if lower < upper => Ok(Some((*lower, *upper))),
            _ => Err(wrong()),
        }
    }

    /// The texts or numbers of a list, each as the text of an expression with its place.
    pub fn expressions(&self, key: &str) -> Result<Vec<(String, usize)>> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let wrong = || self.source.error(value.span().start, format!("'{key}' wants a list of expressions in quotes"));
        let DeValue::Array(items) = value.get_ref() else { return Err(wrong()) };
        let each = |item: &Spanned<DeValue<'a>>| match item.get_ref() {
            DeValue::String(text) => Ok((text.to_string(), item.span().start)),
            DeValue::Integer(_) | DeValue::Float(_) => Ok((self.as_number(key, item)?.to_string(), item.span().start)),
            _ => Err(wrong()),
        };
        items.iter().map(each).collect()
    }

    /// The texts of a list, each a name on one line; empty where the key is missing.
    pub fn texts(&self, key: &str) -> Result<Vec<String>> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let wrong = || self.source.error(value.span().start, format!("'{key}' wants a list of texts"));
        let DeValue::Array(items) = value.get_ref() else { return Err(wrong()) };
        items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(visible(text).into_owned()),
                _ => Err(wrong()),
            })
            .collect()
    }

    /// The tables of a list of tables, `[[key]]`.
    pub fn tables(&self, key: &str, known: &[&str]) -> Result<Vec<Reader<'a, 'b>>> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let wrong = |at: usize| self.source.error(at, format!("'{key}' wants its own tables, each under [[{key}]]"));
        let DeValue::Array(items) = value.get_ref() else { return Err(wrong(value.span().start)) };
        let each = |(i, item): (usize, &'b Spanned<DeValue<'a>>)| match item.get_ref() {
            DeValue::Table(table) => {
                Reader::new(self.source, table, item.span().start, &format!("{key}[{}]", i + 1), known)
            }
            _ => Err(wrong(item.span().start)),
        };
        items.iter().enumerate().map(each).collect()
    }

    /// The sub-table at `key`.
    pub fn table(&self, key: &str, known: &[&str]) -> Result<Option<Reader<'a, 'b>>> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let path = if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) };
        match value.get_ref() {
            DeValue::Table(table) => Reader::new(self.source, table, value.span().start, &path, known).map(Some),
            _ => Err(self.source.error(value.span().start, format!("'{path}' wants a table, [{path}]"))),
        }
    }

    /// As [`Reader::table`], and a mistake where the key is missing.
    pub fn needed_table(&self, key: &str, known: &[&str]) -> Result<Reader<'a, 'b>> {
        self.table(key, known)?.ok_or_else(|| self.missing(key))
    }
}

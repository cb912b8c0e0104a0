//! The shape of a CSV text: separator, header, where each row stands, whether all rows are as long as the header.
//!
//! This pass owns every structural refusal, so that the reader behind it only ever sees well-formed text.

use super::{dates, number};
use crate::base::text::visible;
use crate::base::{Error, Limit, Result};
use std::borrow::Cow;
use std::ops::Range;

/// Rows looked at to find the separator.
const SNIFFED_ROWS: usize = 64;
/// Where two separators fit equally well, the rarer one in ordinary text wins.
const SEPARATORS: [u8; 4] = [b'\t', b';', b'|', b','];

/// What the scan found.
#[derive(Debug)]
pub(super) struct Layout {
    pub separator: u8,
    /// Trimmed, as they stand in the file; an unnamed column is called `column_N`.
    pub names: Vec<String>,
    /// Columns whose header was empty.
    pub unnamed: Vec<bool>,
    pub has_header: bool,
    /// Byte offset of the first row under the header.
    pub body: usize,
    /// Physical line (1-based) of each data row.
    pub lines: Vec<u32>,
    /// Blank lines between rows: how many, and the first.
    pub blank: usize,
    pub first_blank: usize,
    /// Whether the text must be rewritten before a plain CSV reader may see it.
    pub untidy: bool,
    /// Names with characters in them that act instead of being seen: written out.
    pub renamed: usize,
}

/// One row of the file, which may span lines inside quotes.
struct Record {
    fields: usize,
    /// Every field is empty.
    blank: bool,
    /// Quotes or spaces that plain readers disagree about.
    untidy: bool,
    line: usize,
    /// Line of a quote that never closes.
    open_quote: Option<usize>,
}

/// Walks a text row by row.
struct Records<'a> {
    bytes: &'a [u8],
    separator: u8,
    at: usize,
    line: usize,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8], separator: u8) -> Records<'a> {
        Records { bytes, separator, at: 0, line: 1 }
    }

    /// The next row; `on_field` gets the byte range of each field, quotes included, line end excluded.
    fn next(&mut self, mut on_field: impl FnMut(Range<usize>)) -> Option<Record> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let mut record = Record { fields: 0, blank: true, untidy: false, line: self.line, open_quote: None };
        loop {
            let start = self.at;
            let end = self.field_end(&mut record);
            let last = self.bytes.get(end) != Some(&self.separator);
            let stop = if last && end > start && self.bytes[end - 1] == b'\r' { end - 1 } else { end };
            record.fields += 1;
            record.blank = record.blank && is_blank(&self.bytes[start..stop]);
            on_field(start..stop);
            self.at = end + 1;
            if last {
                self.line += 1;
                return Some(record);
            }
        }
    }

    /// Offset of the separator or line feed that ends the field at `self.at`.
    fn field_end(&mut self, record: &mut Record) -> usize {
        let (bytes, separator) = (self.bytes, self.separator);
        let mut at = self.at;
        while at < bytes.len() && matches!(bytes[at], b' ' | b'\t') && bytes[at] != separator {
            at += 1;
        }
        if bytes.get(at) == Some(&b'"') {
            record.untidy |= at != self.at;
            let opened = self.line;
            at += 1;
            loop {
                match bytes.get(at) {
                    None => {
                        record.open_quote.get_or_insert(opened);
                        return bytes.len();
                    }
                    Some(b'"') if bytes.get(at + 1) == Some(&b'"') => at += 2,
                    Some(b'"') => break,
                    Some(b) => {
                        self.line += usize::from(*b == b'\n');
                        at += 1;
                    }
                }
            }
            at += 1;
        }
        let tail = bytes[at..].iter().position(|b| {
            record.untidy |= *b == b'"';
            *b == separator || *b == b'\n'
        });
        let end = tail.map_or(bytes.len(), |n| at + n);
        // Anything between a closing quote and the separator, a carriage return included.
        record.untidy |= at > self.at && bytes[at - 1] == b'"' && end > at;
        end
    }
}

fn is_blank(field: &[u8]) -> bool {
    field.iter().all(u8::is_ascii_whitespace) || field.trim_ascii() == b"\"\""
}

/// A field's content: trimmed, quotes taken off, doubled quotes made single.
fn content(raw: &str) -> Cow<'_, str> {
    let raw = raw.trim();
    match raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')) {
        Some(inner) if inner.contains('"') => Cow::Owned(inner.replace("\"\"", "\"").trim().to_string()),
        Some(inner) => Cow::Borrowed(inner.trim()),
        None => Cow::Borrowed(raw),
    }
}

/// The separator under which most of the first rows are as long as the header.
fn sniff(bytes: &[u8]) -> u8 {
    let score = |separator: u8| {
        let mut records = Records::new(bytes, separator);
        let header = records.next(|_| {}).map_or(0, |r| r.fields);
        if header < 2 {
            return (0, 0);
        }
        let rows: Vec<usize> = std::iter::from_fn(|| records.next(|_| {}))
            .take(SNIFFED_ROWS)
            .filter(|r| !r.blank)
            .map(|r| r.fields)
            .collect();
        let agreeing = rows.iter().filter(|n| **n == header).count();
        // In thousandths, so that one ragged row does not cost the right separator the file.
        (1 + 1000 * agreeing / rows.len().max(1), header)
    };
    // `max_by_key` keeps the last of equals; the list is in order of preference.
    let best = SEPARATORS.iter().rev().copied().max_by_key(|s| score(*s));
    best.filter(|s| score(*s).0 > 0).unwrap_or(b',')
}

/// Reads the shape of the whole text.
///
/// # Errors
/// `DataHeaderOnly`, `DuplicateHeader`, `DataRagged`, `DataUnclosedQuote`, `OverLimit` (bytes in a row, columns, rows, cells).
/// Cost: one pass over the bytes.
pub(super) fn scan(name: &str, text: &str) -> Result<Layout> {
    let bytes = text.as_bytes();
    first_row_is_short(name, bytes)?;
    let separator = sniff(bytes);
    let mut records = Records::new(bytes, separator);
    let mut header: Vec<String> = Vec::new();
    let mut body = 0;
    let mut first_line = 1;
    // Blank lines above the header are no rows.
    loop {
        header.clear();
        let start = records.at;
        let most = Limit::Columns.most() as usize;
        let keep = |f: Range<usize>| {
            if header.len() < most {
                header.push(content(&text[f]).into_owned());
            }
        };
        let Some(record) = records.next(keep) else { break };
        closed(name, &record)?;
        Limit::Columns.require(record.fields as f64, name)?;
        if !record.blank {
            first_line = record.line;
            body = start;
            break;
        }
    }
    let has_header = !header.iter().all(|cell| is_datum(cell));
    if has_header {
        body = records.at.min(bytes.len());
    } else {
        records = Records { bytes, separator, at: body, line: first_line };
    }
    let renamed = if has_header { written_out(&mut header) } else { 0 };
    let (names, unnamed) = names(name, header, has_header)?;
    let mut layout = Layout {
        separator,
        names,
        unnamed,
        has_header,
        body,
        lines: Vec::new(),
        blank: 0,
        first_blank: 0,
        untidy: false,
        renamed,
    };
    rows(name, &mut records, &mut layout)?;
    if layout.lines.is_empty() {
        return Err(Error::DataHeaderOnly { name: name.into() });
    }
    Ok(layout)
}

fn rows(name: &str, records: &mut Records<'_>, layout: &mut Layout) -> Result<()> {
    let expected = layout.names.len();
    let most = (Limit::Rows.most() as usize).min(Limit::Cells.most() as usize / expected.max(1));
    let longest = Limit::LineBytes.most() as usize;
    let mut blanks: Vec<u32> = Vec::new();
    loop {
        let start = records.at;
        let Some(record) = records.next(|_| {}) else { break };
        closed(name, &record)?;
        if records.at - start > longest.saturating_add(1) {
            return Err(
                Limit::LineBytes.over(Some((records.at - start - 1) as f64), &format!("{name}:{}", record.line))
            );
        }
        if layout.lines.len() + blanks.len() >= most {
            let limit = if Limit::Rows.allows(most as f64 + 1.0) { Limit::Cells } else { Limit::Rows };
            return Err(limit.over(None, name));
        }
        if record.blank && (record.fields == 1 || record.fields == expected) {
            blanks.push(record.line as u32);
            continue;
        }
        if record.fields != expected {
            let (line, found) = (record.line, record.fields);
            return Err(Error::DataRagged { name: name.into(), line, expected, found });
        }
        if !blanks.is_empty() {
            layout.untidy = true;
            if expected == 1 {
                // In a file of one column an empty line is an empty cell.
                layout.lines.append(&mut blanks);
            } else {
                layout.first_blank = if layout.blank == 0 { blanks[0] as usize } else { layout.first_blank };
                layout.blank += blanks.len();
                blanks.clear();
            }
        }
        layout.untidy |= record.untidy;
        layout.lines.push(record.line as u32);
    }
    // Blank lines at the end of the file are no finding, but a plain reader need not see them.
    layout.untidy |= !blanks.is_empty();
    Ok(())
}

/// Before anything is made of its fields: the first row with something in it must be no longer than a row may be. Inside of quotes a row
/// goes on after a line break, so of the rest of it the other rows' check is enough.
fn first_row_is_short(name: &str, bytes: &[u8]) -> Result<()> {
    let longest = Limit::LineBytes.most() as usize;
    let first = bytes.split(|b| *b == b'\n').zip(1..).find(|(line, _)| !line.trim_ascii().is_empty());
    match first {
        Some((line, at)) if line.len() > longest => {
            Err(Limit::LineBytes.over(Some(line.len() as f64), &format!("{name}:{at}")))
        }
        _ => Ok(()),
    }
}

/// Names in which nothing acts instead of being seen; how many had to be changed.
fn written_out(header: &mut [String]) -> usize {
    let mut changed = 0;
    for cell in header {
        if let Cow::Owned(safe) = visible(cell) {
            *cell = safe;
            changed += 1;
        }
    }
    changed
}

fn closed(name: &str, record: &Record) -> Result<()> {
    match record.open_quote {
        Some(line) => Err(Error::DataUnclosedQuote { name: name.into(), line }),
        None => Ok(()),
    }
}

/// Whether a cell of the first line is data rather than a name.
fn is_datum(cell: &str) -> bool {
    number::parse(cell, number::Decimal::Dot).is_number()
        || number::parse(cell, number::Decimal::Comma).is_number()
        || dates::fields(cell).is_some()
}

fn names(name: &str, header: Vec<String>, has_header: bool) -> Result<(Vec<String>, Vec<bool>)> {
    let unnamed: Vec<bool> = header.iter().map(|cell| !has_header || cell.is_empty()).collect();
    let mut seen = std::collections::HashMap::new();
    for (at, cell) in header.iter().enumerate().filter(|(at, _)| !unnamed[*at]) {
        if let Some(first) = seen.insert(cell.clone(), at) {
            return Err(Error::DuplicateHeader {
                name: name.into(),
                column: cell.clone(),
                first: first + 1,
                second: at + 1,
            });
        }
    }
    let named = |at: usize| {
        let mut made = format!("column_{}", at + 1);
        while seen.contains_key(&made) {
            made.push('_');
        }
        made
    };
    let made: Vec<String> =
        unnamed.iter().enumerate().map(|(at, u)| if *u { named(at) } else { String::new() }).collect();
    let names = header.into_iter().zip(made).map(|(cell, made)| if made.is_empty() { cell } else { made });
    Ok((names.collect(), unnamed))
}

/// The rows of the text as any CSV reader understands them: no blank line, quotes only where needed.
pub(super) fn tidy(text: &str, layout: &Layout) -> String {
    let separator = char::from(layout.separator);
    let columns = layout.names.len();
    let mut out = String::with_capacity(text.len() - layout.body + 16);
    let mut records = Records { bytes: text.as_bytes(), separator: layout.separator, at: layout.body, line: 1 };
    let mut rows = 0;
    while rows < layout.lines.len() {
        let start = out.len();
        let Some(record) = records.next(|field| push_field(&mut out, &content(&text[field]), separator)) else {
            break;
        };
        if record.blank && columns > 1 {
            out.truncate(start);
            continue;
        }
        out.pop();
        out.push('\n');
        rows += 1;
    }
    out
}

/// Writes a field and a separator after it.
fn push_field(out: &mut String, field: &str, separator: char) {
    if field.is_empty() || field.contains(['"', '\n', '\r', separator]) {
        out.push('"');
        out.push_str(&field.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(field);
    }
    out.push(separator);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> Layout {
        scan("t.csv", text).expect(text)
    }

    #[test]
    fn each_separator_is_found() {
        for (separator, name) in [(',', "comma"), (';', "semicolon"), ('\t', "tab"), ('|', "bar")] {
            let text = format!("a{separator}b{separator}c\n1{separator}2{separator}3\n");
            assert_eq!(layout(&text).separator, separator as u8, "{name}");
        }
    }

    #[test]
    fn decimal_commas_do_not_pass_for_separators() {
        assert_eq!(layout("Date;Rate, pct\n1.1.2020;1,5\n2.1.2020;1,6\n").separator, b';');
        assert_eq!(layout("a,b\n\"x;1\",2\n\"y;2\",3\n").separator, b',');
    }

    #[test]
    fn a_short_and_a_long_row_are_named_by_line() {
        for (text, found) in [("a,b\n1,2\n3\n", 1), ("a,b\n1,2\n3,4,5\n", 3)] {
            let expected = Error::DataRagged { name: "t.csv".into(), line: 3, expected: 2, found };
            assert_eq!(scan("t.csv", text).err(), Some(expected));
        }
    }

    #[test]
    fn lines_are_physical_lines_even_after_quoted_line_feeds_and_blank_lines() {
        let shape = layout("a,b\n\"x\ny\",1\n\n,\nz,2\n\n");
        assert_eq!(shape.lines, [2, 6]);
        assert_eq!((shape.blank, shape.first_blank), (2, 4));
        assert_eq!(tidy("a,b\n\"x\ny\",1\n\n,\nz,2\n\n", &shape), "\"x\ny\",1\nz,2\n");
    }

    #[test]
    fn a_blank_line_in_one_column_is_an_empty_cell() {
        let shape = layout("a\n1\n\n2\n\n");
        assert_eq!(shape.lines, [2, 3, 4]);
        assert_eq!(tidy("a\n1\n\n2\n\n", &shape), "1\n\"\"\n2\n");
    }

    #[test]
    fn stray_quotes_are_text_and_an_open_quote_is_an_error() {
        let text = "a,b\n5\" pipe,1\n \"q\" ,\"2\"\"\"\r\n";
        let shape = layout(text);
        assert!(shape.untidy);
        assert_eq!(tidy(text, &shape), "\"5\"\" pipe\",1\nq,\"2\"\"\"\n");
        let error = scan("t.csv", "a,b\n1,2\n\"3,4\n5,6\n");
        assert_eq!(error.err(), Some(Error::DataUnclosedQuote { name: "t.csv".into(), line: 3 }));
    }

    #[test]
    fn a_name_twice_is_refused_and_empty_names_are_numbered() {
        let error = scan("t.csv", "a,b,a\n1,2,3\n").err();
        assert!(matches!(error, Some(Error::DuplicateHeader { first: 1, second: 3, .. })));
        assert_eq!(layout("\"\",b,\n1,2,3\n").names, ["column_1", "b", "column_3"]);
    }

    #[test]
    fn a_first_line_of_data_is_not_a_header() {
        let shape = layout("2020-01-01,1.5\n2020-01-02,1.6\n");
        assert!(!shape.has_header);
        assert_eq!(shape.lines, [1, 2]);
        assert_eq!(shape.names, ["column_1", "column_2"]);
    }

    #[test]
    fn a_header_alone_is_refused() {
        for text in ["a,b", "a,b\n", "a,b\n\n\n"] {
            assert_eq!(scan("t", text).err(), Some(Error::DataHeaderOnly { name: "t".into() }));
        }
    }
}

//! Text to columns of text, by polars: the only file that names it. Cells are understood elsewhere.

use super::scan::{self, Layout};
use crate::base::{Error, Result};
use polars::prelude::{
    CsvReadOptions, CsvReader, DataFrame, DataType, Field, PolarsResult, Schema, SerReader, StringChunked,
};
use std::io::Cursor;
use std::sync::Arc;

/// One column, cells trimmed, "" for an empty one.
#[derive(Debug)]
pub(super) struct TextColumn {
    cells: StringChunked,
}

impl TextColumn {
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(|cell| cell.unwrap_or("").trim())
    }

    pub(super) fn cell(&self, row: usize) -> &str {
        self.cells.get(row).unwrap_or("").trim()
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }
}

/// The columns of the text, one for each name of the layout, each as long as `layout.lines`.
///
/// # Errors
/// `DataUnreadable` where polars refuses what the scan let pass.
pub(super) fn columns(name: &str, text: &str, layout: &Layout) -> Result<Vec<TextColumn>> {
    let refused = |reason: String| Error::DataUnreadable { name: name.into(), reason };
    let tidied = layout.untidy.then(|| scan::tidy(text, layout));
    let body = tidied.as_deref().unwrap_or(&text[layout.body..]);
    let frame = frame(body.as_bytes(), layout).map_err(|error| refused(error.to_string()))?;
    if frame.height() != layout.lines.len() || frame.width() != layout.names.len() {
        return Err(refused(format!(
            "the CSV reader found {} rows of {} columns where {} of {} stand",
            frame.height(),
            frame.width(),
            layout.lines.len(),
            layout.names.len()
        )));
    }
    let text =
        |column: &polars::prelude::Column| column.str().map(|cells| TextColumn { cells: cells.rechunk().into_owned() });
    frame.columns().iter().map(text).collect::<PolarsResult<_>>().map_err(|error| refused(error.to_string()))
}

fn frame(body: &[u8], layout: &Layout) -> PolarsResult<DataFrame> {
    let fields = (0..layout.names.len()).map(|at| Field::new(at.to_string().into(), DataType::String));
    let options = CsvReadOptions::default()
        .with_has_header(false)
        .with_infer_schema_length(Some(0))
        .with_schema(Some(Arc::new(Schema::from_iter(fields))))
        .with_raise_if_empty(false)
        .with_rechunk(true)
        .map_parse_options(|parse| parse.with_separator(layout.separator));
    CsvReader::new(Cursor::new(body)).with_options(options).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Vec<Vec<String>> {
        let layout = scan::scan("t", text).expect(text);
        let columns = columns("t", text, &layout).expect(text);
        columns.iter().map(|c| c.cells().map(str::to_string).collect()).collect()
    }

    #[test]
    fn quoted_cells_keep_separators_quotes_and_line_feeds() {
        let read = table("a,b\n\"x,\"\"y\"\"\nz\",1\n\"\", 2 \n");
        assert_eq!(read, [["x,\"y\"\nz", ""], ["1", "2"]]);
    }

    #[test]
    fn carriage_returns_are_no_part_of_a_cell() {
        assert_eq!(table("a,b\r\n1,\"2\"\r\n3,4"), [["1", "3"], ["2", "4"]]);
    }

    #[test]
    fn comment_and_odd_marks_are_text() {
        assert_eq!(table("a|b\n#1|'x\n,|\u{fffd}"), [["#1", ","], ["'x", "\u{fffd}"]]);
    }

    #[test]
    fn an_empty_cell_in_a_single_column_keeps_its_row() {
        assert_eq!(table("a\n1\n\"\"\n\n3\n"), [["1", "", "", "3"]]);
    }
}

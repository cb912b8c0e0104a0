//! Parquet: a file as the text of a table, which is then read as any CSV; and a table written piece by piece.
//!
//! Numbers become their shortest text that reads back as the same number, so nothing is lost on the way.

use super::columns::Cells;
use crate::base::{Error, Limit, Result};
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    Column, CsvWriter, DataFrame, DataType, IntoColumn, NamedFrom, ParquetReader, ParquetWriter, PolarsError,
    SerReader, SerWriter, Series, TimeUnit,
};
use std::io::{Cursor, Write};
use std::path::PathBuf;

/// The table of a Parquet file as CSV.
///
/// # Errors
/// [`Error::DataUnreadable`] where the file is broken or has columns of lists or the like.
pub(super) fn to_csv(name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let refused =
        |error: PolarsError| Error::DataUnreadable { name: name.to_string(), reason: format!("as Parquet: {error}") };
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    // A few bytes can stand for any number of rows: what the file says of itself comes first.
    let (rows, columns) = (reader.num_rows().map_err(refused)?, reader.schema().map_err(refused)?.len());
    Limit::Columns.require(columns as f64, name)?;
    Limit::Rows.require(rows as f64, name)?;
    Limit::Cells.require(rows as f64 * columns as f64, name)?;
    let mut frame = reader.finish().map_err(refused)?;
    let mut text = Vec::new();
    CsvWriter::new(&mut text).finish(&mut frame).map_err(refused)?;
    Ok(text)
}

/// A table on its way to a file, one row group a piece.
pub struct TableWriter {
    name: String,
    /// Opened by the first piece, which tells the kinds of the columns.
    open: State,
}

enum State {
    Waiting(Option<Box<dyn Write + Send>>),
    Open(BatchedWriter<Box<dyn Write + Send>>),
}

impl TableWriter {
    /// Begin a table that goes to `out`; `name` is the file's, for messages.
    ///
    /// # Errors
    /// None here; [`Error::NoParquet`] from a program built without it.
    pub fn begin(name: &str, out: Box<dyn Write + Send>) -> Result<TableWriter> {
        Ok(TableWriter { name: name.to_string(), open: State::Waiting(Some(out)) })
    }

    /// One more piece: columns of one length, of the names and kinds of the first piece.
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn push(&mut self, columns: &[(String, Cells)]) -> Result<()> {
        let path = PathBuf::from(&self.name);
        let refused = |error: PolarsError| Error::FileUnwritable { path: path.clone(), reason: error.to_string() };
        let height = columns.first().map_or(0, |(_, cells)| cells.len());
        let columns = columns.iter().map(column).collect::<std::result::Result<_, _>>().map_err(&refused)?;
        let frame = DataFrame::new(height, columns).map_err(&refused)?;
        if let State::Waiting(out) = &mut self.open
            && let Some(out) = out.take()
        {
            self.open = State::Open(ParquetWriter::new(out).batched(frame.schema()).map_err(&refused)?);
        }
        match &mut self.open {
            State::Open(writer) => writer.write_batch(&frame).map_err(refused),
            State::Waiting(_) => Ok(()),
        }
    }

    /// The table is whole.
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn finish(self) -> Result<()> {
        match self.open {
            State::Open(writer) => writer
                .finish()
                .map(|_| ())
                .map_err(|error| Error::FileUnwritable { path: self.name.into(), reason: error.to_string() }),
            State::Waiting(_) => Ok(()),
        }
    }
}

fn column((name, cells): &(String, Cells)) -> std::result::Result<Column, PolarsError> {
    let name = name.as_str().into();
    let series = match cells {
        Cells::Text(text) => Series::new(name, text),
        Cells::Counts(counts) => Series::new(name, counts),
        // What is not finite is missing, as in the CSV.
        Cells::Numbers(numbers) => {
            Series::new(name, numbers.iter().map(|v| v.filter(|v| v.is_finite())).collect::<Vec<_>>())
        }
        Cells::Moments(seconds) => {
            let milliseconds: Vec<i64> = seconds.iter().map(|s| s * 1000).collect();
            Series::new(name, milliseconds).cast(&DataType::Datetime(TimeUnit::Milliseconds, None))?
        }
    };
    Ok(series.into_column())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, load};
    use std::sync::{Arc, Mutex};

    /// A place to write to that can be looked at afterwards.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no other thread fails").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(pieces: &[Vec<(String, Cells)>]) -> Vec<u8> {
        let kept = Kept::default();
        let mut writer = TableWriter::begin("t.parquet", Box::new(kept.clone())).expect("a writer");
        pieces.iter().for_each(|piece| writer.push(piece).expect("a piece"));
        writer.finish().expect("a whole file");
        let bytes = kept.0.lock().expect("no other thread fails").clone();
        bytes
    }

    #[test]
    fn a_panel_written_in_pieces_is_read_as_its_csv_is() {
        let hard = [0.1 + 0.2, 1e-300, -1.0 / 3.0, 6.02214076e23, 5.0];
        let piece = |id: &str| {
            vec![
                ("unique_id".to_string(), Cells::Text(vec![id.to_string(); 5])),
                ("ds".to_string(), Cells::Moments((0..5).map(|i| 86_400 * (10_000 + i)).collect())),
                ("y".to_string(), Cells::Numbers(hard.iter().map(|v| Some(*v)).collect())),
            ]
        };
        let bytes = written(&[piece("a"), piece("b")]);
        let loaded = load("t.parquet", &bytes, &LoadOptions::default()).expect("a panel");
        let ids: Vec<&str> = loaded.series.iter().map(|s| s.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        for series in &loaded.series {
            assert_eq!(series.value, hard);
            assert_eq!(series.stamps.as_ref().map(|s| s[0]), Some(864_000_000));
        }
        assert!(loaded.inference.iter().any(|said| said.contains("Parquet")), "{:?}", loaded.inference);
    }

    #[test]
    fn missing_values_stay_missing_and_a_broken_file_is_refused() {
        let values = Cells::Numbers(vec![Some(1.0), None, Some(f64::NAN), Some(2.0), Some(3.5)]);
        let bytes = written(&[vec![("t".to_string(), Cells::Counts(vec![0, 1, 2, 3, 4])), ("x".to_string(), values)]]);
        let loaded = load("t.parquet", &bytes, &LoadOptions::default()).expect("a series");
        assert_eq!(loaded.series[0].value, [1.0, 2.0, 3.5]);
        assert_eq!(loaded.dropped(), 2);
        let cut = load("t.parquet", &bytes[..bytes.len() / 2], &LoadOptions::default());
        assert!(matches!(cut, Err(Error::DataUnreadable { .. })), "{cut:?}");
    }
}

//! Columns of a table on its way out.

use crate::base::Stamp;

/// The cells of one column on its way out, `[row]`, for [`TableWriter`](super::TableWriter).
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Words, written as they are: ids, names, dates of another program.
    Text(Vec<String>),
    /// Whole numbers from zero on: rows, replicates, molecules.
    Counts(Vec<u32>),
    /// `None` and what is not finite are missing.
    Numbers(Vec<Option<f64>>),
    /// Calendar moments, in seconds since 1970-01-01 and no time zone; written as timestamps.
    Moments(Vec<Stamp>),
}

impl Cells {
    /// Cells in it, the missing ones among them.
    pub fn len(&self) -> usize {
        match self {
            Cells::Text(cells) => cells.len(),
            Cells::Counts(cells) => cells.len(),
            Cells::Numbers(cells) => cells.len(),
            Cells::Moments(cells) => cells.len(),
        }
    }

    /// Whether it has no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

//! Columns of a table on its way out.

use crate::base::Stamp;

/// The cells of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    Text(Vec<String>),
    Counts(Vec<u32>),
    /// `None` and what is not finite are missing.
    Numbers(Vec<Option<f64>>),
    /// Seconds since 1970.
    Moments(Vec<Stamp>),
}

impl Cells {
    pub fn len(&self) -> usize {
        match self {
            Cells::Text(cells) => cells.len(),
            Cells::Counts(cells) => cells.len(),
            Cells::Numbers(cells) => cells.len(),
            Cells::Moments(cells) => cells.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

//! In the place of `parquet.rs` where the program is built without it: the same calls, all refused.

use super::columns::Cells;
use crate::base::{Error, Result};
use std::convert::Infallible;
use std::io::Write;

/// # Errors
/// [`Error::NoParquet`].
pub(super) fn to_csv(name: &str, _bytes: &[u8]) -> Result<Vec<u8>> {
    Err(Error::NoParquet { name: name.to_string() })
}

/// The writer of a build without Parquet: none is ever made.
pub struct TableWriter(Infallible);

impl TableWriter {
    /// Refuse to begin a file: this build has no Parquet.
    ///
    /// # Errors
    /// [`Error::NoParquet`], always.
    pub fn begin(name: &str, _out: Box<dyn Write + Send>) -> Result<TableWriter> {
        Err(Error::NoParquet { name: name.to_string() })
    }

    /// Never called: there is no writer.
    ///
    /// # Errors
    /// None.
    pub fn push(&mut self, _columns: &[(String, Cells)]) -> Result<()> {
        match self.0 {}
    }

    /// Never called: there is no writer.
    ///
    /// # Errors
    /// None.
    pub fn finish(self) -> Result<()> {
        match self.0 {}
    }
}

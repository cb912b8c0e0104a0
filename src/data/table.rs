//! A table of numbers: some columns of a CSV, row by row, with no time axis made of any of them.

use super::number::{self, Cell, Decimal};
use super::{decode, read, scan};
use crate::base::suggest::nearest;
use crate::base::{Error, Result};

/// Columns of numbers, all of one length, rows in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberTable {
    /// `[wanted column][row]`, in the order they were asked for; all finite.
    pub columns: Vec<Vec<f64>>,
    /// Rows left out because a cell is missing.
    pub dropped: usize,
}

/// Read the named columns; rows in which one of them is missing are left out and counted. A file with exactly as many columns
/// as names and none of the names is taken in order.
///
/// # Errors
/// Those of the file as for [`super::load`]; [`Error::UnknownColumn`], [`Error::NotANumber`], and [`Error::AllMissing`] where no
/// row is left.
///
/// ```
/// use kramers::data::numbers;
/// let table = numbers("profile.csv", b"u,x\n100,0\n.,0.5\n0,1\n", &["x", "u"])?;
/// assert_eq!(table.columns, [vec![0.0, 1.0], vec![100.0, 0.0]]);
/// assert_eq!(table.dropped, 1);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn numbers(name: &str, bytes: &[u8], wanted: &[&str]) -> Result<NumberTable> {
    let decoded = decode::decode(name, bytes)?;
    let layout = scan::scan(name, &decoded.text)?;
    let text = read::columns(name, &decoded.text, &layout)?;
    let named = |wanted: &&str| layout.names.iter().position(|n| n == wanted);
    let in_order = layout.names.len() == wanted.len() && !wanted.iter().any(|w| named(w).is_some());
    let mut columns = Vec::new();
    for (k, want) in wanted.iter().enumerate() {
        let at = if in_order { Some(k) } else { named(want) };
        let Some(at) = at else {
            return Err(Error::UnknownColumn {
                name: name.to_string(),
                column: want.to_string(),
                nearest: nearest(want, layout.names.iter().map(String::as_str)).map(str::to_string),
                available: layout.names.clone(),
            });
        };
        let mut values = Vec::with_capacity(text[at].len());
        for (row, cell) in text[at].cells().enumerate() {
            values.push(match number::parse(cell, Decimal::Dot) {
                Cell::Number(value) => value,
                Cell::Missing => f64::NAN,
                Cell::NonFinite(_) | Cell::Other => {
                    return Err(Error::NotANumber {
                        name: name.to_string(),
                        line: layout.lines[row] as usize,
                        column: layout.names[at].clone(),
                        cell: cell.to_string(),
                    });
                }
            });
        }
        columns.push(values);
    }
    let rows = layout.lines.len();
    let whole: Vec<usize> = (0..rows).filter(|i| columns.iter().all(|c| !c[*i].is_nan())).collect();
    if whole.is_empty() {
        return Err(Error::AllMissing { name: name.to_string(), column: wanted.join(", "), rows });
    }
    let kept = columns.iter().map(|c| whole.iter().map(|i| c[*i]).collect()).collect();
    Ok(NumberTable { columns: kept, dropped: rows - whole.len() })
}

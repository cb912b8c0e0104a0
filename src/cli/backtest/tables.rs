//! The long table on its way to its files: written as series are done, under its own name only when it is whole.

use crate::backtest::{Backtest, Joint};
use crate::base::{Error, Result, Series};
use crate::cli::args::{BacktestArgs, TableArg};
use crate::cli::output::{Folder, Growing};
use crate::cli::values::{long_columns, long_header};
use crate::data::{Cells, TableWriter};

/// The files of the long table that were asked for.
#[derive(Default)]
pub(super) struct LongTables {
    csv: Option<Growing>,
    parquet: Option<(Growing, TableWriter)>,
}

impl LongTables {
    /// Open the files in the folder of the run, where there is one.
    ///
    /// # Errors
    /// [`Error::BadOption`] for a table without a folder, [`Error::NoParquet`], [`Error::FileUnwritable`].
    pub fn begin(args: &BacktestArgs, folder: Option<&Folder>) -> Result<LongTables> {
        let wanted = |table: TableArg| args.table.contains(&table);
        let Some(folder) = folder else {
            return match wanted(TableArg::Parquet) {
                false => Ok(LongTables::default()),
                true => Err(Error::BadOption {
                    flag: "--table".to_string(),
                    value: "parquet".to_string(),
                    expected: "a folder to write the long table to".to_string(),
                    hint: Some("-o FOLDER".to_string()),
                }),
            };
        };
        let mut tables = LongTables::default();
        if wanted(TableArg::Parquet) {
            let file = Growing::begin(&folder.path("backtest.parquet"))?;
            let writer = TableWriter::begin("backtest.parquet", Box::new(file.handle()?))?;
            tables.parquet = Some((file, writer));
        }
        if wanted(TableArg::Csv) {
            let mut file = Growing::begin(&folder.path("backtest.csv"))?;
            file.push(&long_header())?;
            tables.csv = Some(file);
        }
        Ok(tables)
    }

    /// Whether lines of text are wanted.
    pub fn wants_lines(&self) -> bool {
        self.csv.is_some()
    }

    /// The rows of one more series.
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn push(&mut self, series: &Series, result: &Backtest, lines: &str) -> Result<()> {
        if let Some(file) = &mut self.csv {
            file.push(lines)?;
        }
        if let Some((_, writer)) = &mut self.parquet {
            writer.push(&columns(series, result))?;
        }
        Ok(())
    }

    /// All series are in.
    ///
    /// # Errors
    /// [`Error::FileUnwritable`].
    pub fn finish(self, folder: &Folder) -> Result<()> {
        if let Some((file, writer)) = self.parquet {
            writer.finish()?;
            file.finish_in(folder)?;
        }
        self.csv.map_or(Ok(()), |file| file.finish_in(folder))
    }
}

/// The long table of one series by columns: as [`crate::cli::values::long_table`], dates as moments.
fn columns(series: &Series, result: &Backtest) -> Vec<(String, Cells)> {
    let rows = &result.rows;
    let at = |row: &dyn Fn(usize) -> usize| match &series.stamps {
        Some(stamps) => Cells::Moments((0..rows.len()).map(|k| stamps[row(k)]).collect()),
        None => Cells::Numbers((0..rows.len()).map(|k| Some(series.time[row(k)])).collect()),
    };
    let numbers = |f: &dyn Fn(usize) -> Option<f64>| Cells::Numbers((0..rows.len()).map(f).collect());
    let quantile = |q: usize| numbers(&|k| Some(rows[k].quantiles[q]));
    let mut cells = vec![
        Cells::Text(vec![series.id.clone(); rows.len()]),
        Cells::Text(rows.iter().map(|r| result.models[r.model].clone()).collect()),
        at(&|k| rows[k].cutoff),
        at(&|k| rows[k].cutoff + rows[k].horizon),
        Cells::Counts(rows.iter().map(|r| r.horizon as u32).collect()),
        numbers(&|k| Some(rows[k].actual)),
        numbers(&|k| rows[k].mean),
        numbers(&|k| rows[k].sd),
    ];
    cells.extend((0..crate::backtest::LEVELS.len()).map(quantile));
    cells.extend([numbers(&|k| Some(rows[k].crps)), numbers(&|k| rows[k].log_score), numbers(&|k| Some(rows[k].pit))]);
    let joint = |f: fn(&Joint) -> f64| numbers(&|k| rows[k].joint.as_ref().map(f));
    cells.extend([joint(|j| j.energy), joint(|j| j.variogram), joint(|j| j.variogram_by_distance)]);
    long_columns().into_iter().zip(cells).collect()
}

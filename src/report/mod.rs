//! The page people look at: figures (SVG), one self-contained HTML file, and the CSV tables beside it.
//!
//! Values come in as a [`view::ReportView`], strings go out; nothing here fits a model or touches a file. The only
//! arithmetic is what a figure needs to be read: counts, autocorrelations and ordered values with the range that chance allows them.

mod compare;
mod csv;
mod error;
mod field;
mod figure;
mod fitted;
mod format;
mod html;
mod index;
mod numbers;
mod page;
#[cfg(test)]
mod sample;
pub mod view;
mod words;

pub use compare::{CompareView, FormView, LawView, VariableView, compare_html};
pub use csv::{forecast_csv, held_out_csv, horizons_csv, scores_csv};
pub use error::ReportError;
pub use field::{FieldView, TableView, field_html};
pub use figure::{Beside, CurveView, FittedPanel, HeatMap, HeatMapLabels, coefficients, heat_maps};
pub use fitted::{FittedPart, FittedSection, FittedTable, FittedView, Named, fitted_figures, fitted_html};
pub use format::{fixed, num, p_is, with_unit};
pub use html::html;
pub use index::{INDEX_MARK, IndexRow, index_html};
pub use numbers::{FigureNumbers, Numbers, SeriesNumbers, figures};
pub use page::MOST_SECTIONS;

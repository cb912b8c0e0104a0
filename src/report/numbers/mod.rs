//! The numbers of the figures: what is drawn, what stands under it, its CSV file and its part of `figures.json` are the same values.

mod of_series;

pub use of_series::{numbers, of_acf, of_coefficient, of_counts, of_pit, of_profiles, of_quantiles};

use super::csv::{self, Table};
use super::format::{fixed, moment, num};
use super::view::{Axis, ReportView};
use crate::base::text::csv_cell;
use serde::Serialize;
use serde::ser::Serializer;

/// Rows of a table under a figure; longer ones show every k-th row and say so.
const MOST_ROWS: usize = 40;

/// One number, name or time of a figure.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Number(f64),
    /// A count, shown without decimals.
    Count(usize),
    Text(String),
    /// A position on the time axis; dates are written as such.
    When(f64, Axis),
}

impl Cell {
    /// For a person: four digits.
    fn shown(&self) -> String {
        match self {
            Cell::Number(v) => num(*v),
            Cell::Count(n) => fixed(*n as f64, 0),
            Cell::Text(text) => text.clone(),
            Cell::When(x, axis) => moment(*axis, *x),
        }
    }

    fn in_csv(&self) -> String {
        match self {
            Cell::Number(v) | Cell::When(v, Axis::Numbers) => csv::number(*v),
            Cell::Count(n) => n.to_string(),
            Cell::Text(text) => csv_cell(text),
            Cell::When(x, axis) => csv_cell(&moment(*axis, *x)),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Number(v) | Cell::When(v, Axis::Numbers) if v.is_finite() => to.serialize_f64(*v),
            Cell::Number(_) | Cell::When(_, Axis::Numbers) => to.serialize_none(),
            Cell::Count(n) => to.serialize_u64(*n as u64),
            Cell::Text(text) => to.serialize_str(text),
            Cell::When(x, axis) => to.serialize_str(&moment(*axis, *x)),
        }
    }
}

/// The numbers of one figure of one series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Numbers {
    /// File name without its ending.
    #[serde(skip)]
    pub name: &'static str,
    /// What the figure answers.
    #[serde(skip)]
    pub question: &'static str,
    /// Names of the columns, of the words that CSV and JSON have.
    pub columns: Vec<String>,
    /// `[row][column]`
    pub rows: Vec<Vec<Cell>>,
    /// Positions of the columns that the page shows; empty where it shows all.
    #[serde(skip)]
    pub brief: Vec<usize>,
}

/// What the page shows of a figure's numbers, as text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// 1 where all rows are there, k where every k-th is.
    pub every: usize,
    /// Whether columns were left out.
    pub brief: bool,
    pub name: &'static str,
}

impl Numbers {
    /// What the page shows of them: the columns it shows, and of many rows every k-th.
    pub fn shown(&self) -> Shown {
        let every = self.rows.len().div_ceil(MOST_ROWS).max(1);
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let places = if self.brief.is_empty() { &all } else { &self.brief };
        let row = |cells: &Vec<Cell>| places.iter().filter_map(|p| cells.get(*p)).map(Cell::shown).collect();
        Shown {
            head: places.iter().filter_map(|p| self.columns.get(*p)).map(|c| c.replace('_', " ")).collect(),
            rows: self.rows.iter().step_by(every).map(row).collect(),
            every,
            brief: !self.brief.is_empty(),
            name: self.name,
        }
    }
}

/// One figure over all series of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureNumbers {
    /// File name without its ending.
    pub name: &'static str,
    /// What the figure answers.
    pub question: &'static str,
    /// Series by series, those that have it.
    pub series: Vec<SeriesNumbers>,
}

/// The numbers of one series, with its name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesNumbers {
    /// Id of the series, or title of the panel.
    pub id: String,
    /// Its numbers.
    #[serde(flatten)]
    pub numbers: Numbers,
}

/// The numbers of every figure, in the order of the page.
pub fn figures(view: &ReportView) -> Vec<FigureNumbers> {
    let mut all: Vec<FigureNumbers> = Vec::new();
    for series in &view.series {
        for numbers in numbers(series) {
            let (name, question) = (numbers.name, numbers.question);
            let one = SeriesNumbers { id: series.id.clone(), numbers };
            match all.iter_mut().find(|f| f.name == name) {
                Some(figure) => figure.series.push(one),
                None => all.push(FigureNumbers { name, question, series: vec![one] }),
            }
        }
    }
    all
}

impl FigureNumbers {
    /// The columns of all series, each once.
    fn columns(&self) -> Vec<&String> {
        let mut columns: Vec<&String> = Vec::new();
        for column in self.series.iter().flat_map(|s| &s.numbers.columns) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    }

    /// All series in one table of the page, under a first column called `by`.
    pub fn shown(&self, by: &str) -> Shown {
        let mut columns = vec![by.to_string()];
        columns.extend(self.columns().into_iter().cloned());
        let row = |id: &str, of: &Numbers, row: &[Cell]| {
            let cell = |c: &String| of.columns.iter().position(|own| own == c).and_then(|p| row.get(p).cloned());
            let cells = columns[1..].iter().map(|c| cell(c).unwrap_or(Cell::Text(String::new())));
            std::iter::once(Cell::Text(id.into())).chain(cells).collect()
        };
        let rows = self.series.iter().flat_map(|s| s.numbers.rows.iter().map(|r| row(&s.id, &s.numbers, r))).collect();
        Numbers { name: self.name, question: self.question, columns, rows, brief: Vec::new() }.shown()
    }

    /// One line a row under a first column called `by`; columns that a series does not have are empty there.
    pub fn csv(&self, by: &str) -> String {
        let columns = self.columns();
        let head = columns.iter().map(|c| csv_cell(c));
        let mut table = Table::new(&std::iter::once(by.to_string()).chain(head).collect::<Vec<_>>());
        for SeriesNumbers { id, numbers } in &self.series {
            let places: Vec<Option<usize>> =
                columns.iter().map(|c| numbers.columns.iter().position(|own| own == *c)).collect();
            for row in &numbers.rows {
                let cells = places.iter().map(|p| p.and_then(|p| row.get(p)).map_or(String::new(), Cell::in_csv));
                table.push(&std::iter::once(csv_cell(id)).chain(cells).collect::<Vec<_>>());
            }
        }
        table.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn files_and_page_have_the_same_numbers() {
        let view = sample::panel();
        let all = figures(&view);
        let names: Vec<&str> = all.iter().map(|f| f.name).collect();
        for name in
            ["history", "density", "drift", "profiles", "held_out", "forecast", "pit", "acf", "quantiles", "crps"]
        {
            assert!(names.contains(&name), "{name} in {names:?}");
        }
        for figure in &all {
            assert_eq!(figure.series.len(), view.series.len(), "{}", figure.name);
            assert!(figure.question.ends_with('?'), "{}", figure.name);
            let csv = figure.csv("series");
            let rows: usize = figure.series.iter().map(|s| s.numbers.rows.len()).sum();
            assert_eq!(csv.lines().count(), rows + 1, "{}", figure.name);
            let widths: Vec<usize> = csv.lines().map(|l| l.matches(',').count()).collect();
            assert!(widths.iter().all(|w| *w == widths[0]), "{}", figure.name);
            for series in &figure.series {
                let of = &series.numbers;
                assert!(of.rows.iter().all(|r| r.len() == of.columns.len()), "{}", figure.name);
                assert!(
                    of.shown().rows.len() <= MOST_ROWS && of.shown().rows.len() * of.shown().every >= of.rows.len()
                );
            }
        }
    }

    #[test]
    fn numbers_are_whole_in_files_and_short_on_the_page() {
        let third = Cell::Number(1.0 / 3.0);
        assert_eq!((third.in_csv().as_str(), third.shown().as_str()), ("0.3333333333333333", "0.3333"));
        let nothing = Cell::Number(f64::NAN);
        assert_eq!((nothing.in_csv().as_str(), nothing.shown().as_str()), ("", "—"));
        assert_eq!(Cell::When(0.0, Axis::Dates).in_csv(), "1970-01-01");
        assert_eq!(Cell::Text("=1+1".into()).in_csv(), "'=1+1");
    }

    #[test]
    fn broken_and_empty_views_have_files_too() {
        for view in [sample::broken(), sample::empty(), sample::hostile()] {
            for figure in figures(&view) {
                assert!(
                    !figure.csv("series").contains("NaN") && !figure.csv("series").contains("inf"),
                    "{}",
                    figure.name
                );
            }
        }
    }
}

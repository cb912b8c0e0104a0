//! A cell to a number: decimal point or comma, thousands groups, missing marks. One column at a time.

use std::borrow::Cow;

/// Cells that say "no value". Compared without regard to case.
///
/// `ND` is the Federal Reserve's "no data", `.` is FRED's and SAS's mark, `#N/A` is a spreadsheet's.
const MISSING: [&str; 12] = ["", "na", "n/a", "nan", ".", "null", "none", "-", "--", "nd", "#n/a", "<na>"];

/// What separates the whole part from the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decimal {
    Dot,
    Comma,
}

/// A cell, read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Missing,
    /// Finite.
    Number(f64),
    NonFinite(f64),
    /// Text.
    Other,
}

impl Cell {
    pub(super) fn is_number(self) -> bool {
        matches!(self, Cell::Number(_))
    }
}

pub(super) fn is_missing(text: &str) -> bool {
    text.len() <= 4 && MISSING.iter().any(|m| text.eq_ignore_ascii_case(m))
}

/// Reads one trimmed cell.
pub(super) fn parse(text: &str, decimal: Decimal) -> Cell {
    let Some(first) = text.bytes().next() else { return Cell::Missing };
    if decimal == Decimal::Dot && (first.is_ascii_digit() || first == b'-' || first == b'.') {
        // Nearly every cell of nearly every file.
        if let Ok(value) = text.parse::<f64>() {
            return of(value);
        }
    }
    if is_missing(text) {
        return Cell::Missing;
    }
    if first.is_ascii_alphabetic() || text.contains(['n', 'N']) {
        // inf, Infinity, -inf, +nan: the only words a number may be.
        return text.parse::<f64>().map_or(Cell::Other, of);
    }
    match plain(text, decimal) {
        Some(text) => text.parse::<f64>().map_or(Cell::Other, of),
        None => Cell::Other,
    }
}

fn of(value: f64) -> Cell {
    if value.is_finite() {
        Cell::Number(value)
    } else if value.is_nan() {
        Cell::Missing
    } else {
        Cell::NonFinite(value)
    }
}

fn is_space(c: char) -> bool {
    // Space, no-break space, thin space, narrow no-break space.
    matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}

/// The number as Rust writes it: groups of three closed up, a dot for the decimal mark, a plain minus.
fn plain(text: &str, decimal: Decimal) -> Option<String> {
    let (mark, group) = match decimal {
        Decimal::Dot => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let (sign, rest) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (whole, fraction) = match mantissa.split_once(mark) {
        Some((whole, fraction)) => (whole, fraction),
        None => (mantissa, ""),
    };
    if !fraction.bytes().all(|b| b.is_ascii_digit())
        || !exponent.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'+')
    {
        return None;
    }
    let whole = ungroup(whole, group)?;
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    Some(format!("{sign}{whole}.{fraction}{exponent}"))
}

/// Digits of `1,234,567`: one kind of mark, one to three digits, then threes.
fn ungroup(whole: &str, group: char) -> Option<Cow<'_, str>> {
    if whole.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Cow::Borrowed(whole));
    }
    let mark = whole.chars().find(|c| !c.is_ascii_digit())?;
    if !(mark == group || is_space(mark) || matches!(mark, '\'' | '\u{2019}')) {
        return None;
    }
    let mut parts = whole.split(mark);
    let head = parts.next().unwrap_or_default();
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !(1..=3).contains(&head.len()) || !digits(head) {
        return None;
    }
    parts.all(|part| part.len() == 3 && digits(part)).then(|| Cow::Owned(whole.replace(mark, "")))
}

/// What the marks of one cell say about its decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vote {
    None,
    Dot,
    Comma,
    /// `1,234`: thousands or a fraction.
    UnclearComma,
    /// `1.234`
    UnclearDot,
}

fn vote(text: &str) -> Vote {
    let unclear = |mark: u8, otherwise: Vote, grouped: Vote| {
        let at = text.bytes().position(|b| b == mark).unwrap_or(0);
        let whole = text[..at].trim_start_matches(['-', '+']);
        let tail = &text[at + 1..];
        let group = (1..=3).contains(&whole.len()) && whole != "0" && tail.len() == 3;
        if group && tail.bytes().all(|b| b.is_ascii_digit()) { grouped } else { otherwise }
    };
    let count = |mark: u8| text.bytes().filter(|b| *b == mark).count();
    match (count(b','), count(b'.')) {
        (0, 0) => Vote::None,
        (0, 1) => unclear(b'.', Vote::Dot, Vote::UnclearDot),
        (1, 0) => unclear(b',', Vote::Comma, Vote::UnclearComma),
        (0, _) => Vote::Comma,
        (_, 0) => Vote::Dot,
        _ => {
            if text.rfind('.') > text.rfind(',') {
                Vote::Dot
            } else {
                Vote::Comma
            }
        }
    }
}

/// A column read as numbers. Row by row in `value`: NaN for a missing or unreadable cell, infinities as they stand.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    pub value: Vec<f64>,
    pub decimal: Decimal,
    pub missing: usize,
    /// Rows whose cell is text, ascending.
    pub bad: Vec<u32>,
    dots: usize,
    commas: usize,
    unclear_dots: usize,
    unclear_commas: usize,
}

impl Numbers {
    pub(super) fn readable(&self) -> usize {
        self.value.len() - self.missing - self.bad.len()
    }

    /// The decimal mark this column proves, if it proves one.
    pub(super) fn proves(&self) -> Option<Decimal> {
        match self.dots.cmp(&self.commas) {
            std::cmp::Ordering::Greater => Some(Decimal::Dot),
            std::cmp::Ordering::Less => Some(Decimal::Comma),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// Whether another decimal mark would give other numbers and nothing in this column decides.
    pub(super) fn undecided(&self) -> bool {
        self.dots == 0 && self.commas == 0 && self.unclear_commas + self.unclear_dots > 0
    }

    /// Cells such as `1,234` stand in it.
    pub(super) fn has_groups(&self) -> bool {
        self.unclear_commas > 0
    }

    /// The mark to use, given what the rest of the file proves.
    ///
    /// `1,234` alone is thousands in a comma-separated file and a fraction in any other; `1.234` alone is a fraction
    /// unless the file writes its fractions with commas.
    pub(super) fn decide(&self, file: Option<Decimal>, separator: u8) -> Decimal {
        match self.proves() {
            Some(decimal) => decimal,
            None if !self.undecided() => Decimal::Dot,
            None => file.unwrap_or(match (self.unclear_commas > 0, separator) {
                (true, b';' | b'\t' | b'|') => Decimal::Comma,
                _ => Decimal::Dot,
            }),
        }
    }
}

/// Reads a column with one decimal mark, counting what its cells say about the mark.
pub(super) fn read<'a>(cells: impl Iterator<Item = &'a str>, decimal: Decimal) -> Numbers {
    let mut numbers = Numbers {
        value: Vec::with_capacity(cells.size_hint().0),
        decimal,
        missing: 0,
        bad: Vec::new(),
        dots: 0,
        commas: 0,
        unclear_dots: 0,
        unclear_commas: 0,
    };
    for (row, text) in cells.enumerate() {
        let cell = parse(text, decimal);
        let value = match cell {
            Cell::Number(value) | Cell::NonFinite(value) => value,
            Cell::Missing => {
                numbers.missing += 1;
                f64::NAN
            }
            Cell::Other => {
                numbers.bad.push(row as u32);
                f64::NAN
            }
        };
        numbers.value.push(value);
        // A cell that is a number under neither mark has no say.
        let says = cell.is_number()
            || (cell == Cell::Other && text.contains([',', '.']) && parse(text, other(decimal)).is_number());
        match if says { vote(text) } else { Vote::None } {
            Vote::None => {}
            Vote::Dot => numbers.dots += 1,
            Vote::Comma => numbers.commas += 1,
            Vote::UnclearDot => numbers.unclear_dots += 1,
            Vote::UnclearComma => numbers.unclear_commas += 1,
        }
    }
    numbers
}

fn other(decimal: Decimal) -> Decimal {
    match decimal {
        Decimal::Dot => Decimal::Comma,
        Decimal::Comma => Decimal::Dot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(cells: &[&str], file: Option<Decimal>, separator: u8) -> Vec<f64> {
        let decimal = read(cells.iter().copied(), Decimal::Dot).decide(file, separator);
        read(cells.iter().copied(), decimal).value
    }

    #[test]
    fn numbers_of_every_spelling() {
        for (text, decimal, value) in [
            ("1,234.5", Decimal::Dot, 1234.5),
            ("1.234,5", Decimal::Comma, 1234.5),
            ("1 234", Decimal::Dot, 1234.0),
            ("1\u{202f}234,5", Decimal::Comma, 1234.5),
            ("1'234'567.25", Decimal::Dot, 1_234_567.25),
            ("-1,5", Decimal::Comma, -1.5),
            ("\u{2212}3.5", Decimal::Dot, -3.5),
            ("+.5", Decimal::Dot, 0.5),
            (",5", Decimal::Comma, 0.5),
            ("5.", Decimal::Dot, 5.0),
            ("1e-3", Decimal::Dot, 1e-3),
            ("1,5E3", Decimal::Comma, 1500.0),
        ] {
            assert_eq!(parse(text, decimal), Cell::Number(value), "{text}");
        }
    }

    #[test]
    fn text_is_not_a_number() {
        for text in
            ["abc", "1,23,4", "12,34.5", "1.2.3", "0x10", "1 2", "5%", "1e", ",", "--5", "1,2345.0", "e5", "1_000"]
        {
            assert_eq!(parse(text, Decimal::Dot), Cell::Other, "{text}");
        }
    }

    #[test]
    fn missing_marks_and_infinities_are_told_apart() {
        for text in ["", "NA", "n/a", "NaN", "nan", ".", "null", "None", "-", "ND", "#N/A", "-nan"] {
            assert_eq!(parse(text, Decimal::Dot), Cell::Missing, "{text}");
        }
        for text in ["inf", "-Inf", "Infinity", "1e999"] {
            assert!(matches!(parse(text, Decimal::Dot), Cell::NonFinite(_)), "{text}");
        }
    }

    #[test]
    fn a_column_settles_its_own_decimal_mark() {
        assert_eq!(decided(&["1,234", "2,5"], None, b';'), [1.234, 2.5]);
        assert_eq!(decided(&["1,234", "2,000.5"], None, b','), [1234.0, 2000.5]);
        assert_eq!(decided(&["1,234", "999.5"], None, b','), [1234.0, 999.5]);
        assert_eq!(decided(&["1.234.567", "12"], None, b';'), [1_234_567.0, 12.0]);
    }

    #[test]
    fn an_undecided_column_follows_the_file_then_the_separator() {
        assert_eq!(decided(&["1,234", "5"], None, b','), [1234.0, 5.0]);
        assert_eq!(decided(&["1,234", "5"], None, b';'), [1.234, 5.0]);
        assert_eq!(decided(&["1.234", "5"], None, b';'), [1.234, 5.0]);
        assert_eq!(decided(&["1.234", "5"], Some(Decimal::Comma), b';'), [1234.0, 5.0]);
    }
}

//! A cell to a moment. Which of day and month comes first is decided over the whole column, in `timeline.rs`.

use chrono::{Datelike, NaiveDate};

/// Microseconds in a day; moments are microseconds since 1970-01-01T00:00.
pub(super) const DAY: i64 = 86_400 * SECOND;
pub(super) const SECOND: i64 = 1_000_000;

/// Which of day and month stands first in dates such as `4/5/2021`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// Month, day, year: 4/8/2021 is 8 April.
    Mdy,
    /// Day, month, year: 4/8/2021 is 4 August.
    Dmy,
}

impl DateOrder {
    /// `m/d/y` or `d/m/y`.
    pub fn name(self) -> &'static str {
        match self {
            DateOrder::Mdy => "m/d/y",
            DateOrder::Dmy => "d/m/y",
        }
    }
}

impl std::str::FromStr for DateOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<DateOrder, String> {
        match text {
            "mdy" => Ok(DateOrder::Mdy),
            "dmy" => Ok(DateOrder::Dmy),
            _ => Err("one of mdy, dmy".to_string()),
        }
    }
}

/// How a date is written. A column keeps to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// `2021-04-08`, with its mark.
    Iso(u8),
    /// `20210408`, here only before a time of day; alone it is first of all a number.
    Compact,
    /// `2021-04`
    YearMonth,
    /// `4/8/2021` or `8/4/2021`, with its mark.
    Triple(u8),
    /// `8 Apr 2021`
    DayName,
    /// `Apr 8, 2021`
    NameDay,
    /// `Apr 2021`
    NameYear,
    /// `04/2021`
    MonthYear,
    /// `2021-Q2`
    Quarter,
}

/// The parts of a date as written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fields {
    pub family: Family,
    pub year: i32,
    /// Month; in a `Triple`, the number that stands first.
    pub first: u8,
    /// Day; in a `Triple`, the number that stands second.
    pub second: u8,
    /// Time of day in microseconds.
    pub clock: i64,
    /// Seconds east of Greenwich, where the cell says.
    pub offset: Option<i32>,
}

impl Fields {
    /// Microseconds since 1970, offset applied; `None` where there is no such day.
    pub(super) fn moment(&self, order: DateOrder) -> Option<i64> {
        let swap = matches!(self.family, Family::Triple(_)) && order == DateOrder::Dmy;
        let (month, day) = if swap { (self.second, self.first) } else { (self.first, self.second) };
        let day = days(self.year, month.into(), day.into())?;
        Some(day * DAY + self.clock - i64::from(self.offset.unwrap_or(0)) * SECOND)
    }
}

/// Days since 1970-01-01.
pub(super) fn days(year: i32, month: u32, day: u32) -> Option<i64> {
    const EPOCH: i32 = 719_163; // 1970-01-01 counted from 0001-01-01 as day 1
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    (1..=9999).contains(&year).then(|| i64::from(date.num_days_from_ce() - EPOCH))
}

/// Reads the parts of a trimmed cell. Plain numbers (`1999`, `20210408`, epochs) are no dates here.
pub(super) fn fields(text: &str) -> Option<Fields> {
    // The longest: "Wednesday"-free "September 30, 2021 12:34:56.123456789 AM +05:30".
    if !(6..=56).contains(&text.len()) || !text.is_ascii() {
        return None;
    }
    let (date, clock) = split_clock(text);
    let (clock, offset) = match clock {
        Some(clock) => time_of_day(clock)?,
        None => (0, None),
    };
    let (family, year, first, second) = calendar(date, text.len() > date.len())?;
    Some(Fields { family, year, first, second, clock, offset })
}

fn split_clock(text: &str) -> (&str, Option<&str>) {
    let bytes = text.as_bytes();
    let cut = match bytes.iter().position(|b| *b == b':') {
        Some(colon) => bytes[..colon].iter().rposition(|b| matches!(b, b'T' | b't' | b' ')),
        // 20210408 170000, 20210408T170000Z
        None => (bytes.len() >= 15 && bytes[..8].iter().all(u8::is_ascii_digit) && matches!(bytes[8], b'T' | b' '))
            .then_some(8),
    };
    match cut {
        Some(cut) => (text[..cut].trim_end().trim_end_matches(','), Some(&text[cut + 1..])),
        None => match text.strip_suffix('Z') {
            Some(date) => (date, None),
            None => (text, None),
        },
    }
}

/// `17:00`, `17:00:00.25`, `5:00 PM`, `170000`, each with `Z`, `UTC`, `+02`, `+0200` or `+02:00` after it.
fn time_of_day(text: &str) -> Option<(i64, Option<i32>)> {
    let (text, offset) = split_offset(text.trim())?;
    let lower = text.to_ascii_lowercase();
    let (text, half) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(rest), _) => (rest.trim_end(), Some(0)),
        (_, Some(rest)) => (rest.trim_end(), Some(12)),
        _ => (lower.as_str(), None),
    };
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut parts = [0i64; 3];
    if whole.contains(':') {
        let mut pieces = whole.split(':');
        for (part, piece) in parts.iter_mut().zip(pieces.by_ref()) {
            *part = digits(piece, 1, 2)?;
        }
        if pieces.next().is_some() {
            return None;
        }
    } else if whole.len() == 6 {
        for (part, at) in parts.iter_mut().zip([0, 2, 4]) {
            *part = digits(whole.get(at..at + 2)?, 2, 2)?;
        }
    } else {
        return None;
    }
    let [mut hour, minute, second] = parts;
    if let Some(half) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + half;
    }
    // 24:00 is midnight at the end of a day; second 60 is a leap second.
    let valid = hour < 24 && minute < 60 && second <= 60 || (hour, minute, second) == (24, 0, 0);
    let micros = micros(fraction)?;
    valid.then_some((((hour * 60 + minute) * 60 + second) * SECOND + micros, offset))
}

/// The first six digits after the decimal mark.
fn micros(fraction: &str) -> Option<i64> {
    if fraction.len() > 12 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut micros = 0;
    for at in 0..6 {
        micros = micros * 10 + fraction.as_bytes().get(at).map_or(0, |b| i64::from(b - b'0'));
    }
    Some(micros)
}

fn split_offset(text: &str) -> Option<(&str, Option<i32>)> {
    for zulu in ["Z", "z", "UTC", "GMT"] {
        if let Some(rest) = text.strip_suffix(zulu) {
            return Some((rest.trim_end(), Some(0)));
        }
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (clock, offset) = text.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let offset = offset[1..].replace(':', "");
    let (hours, minutes) = match offset.len() {
        2 => (digits(&offset, 2, 2)?, 0),
        4 => (digits(&offset[..2], 2, 2)?, digits(&offset[2..], 2, 2)?),
        _ => return None,
    };
    (hours <= 15 && minutes < 60).then_some((clock.trim_end(), Some(sign * (hours as i32 * 60 + minutes as i32) * 60)))
}

fn digits(text: &str, least: usize, most: usize) -> Option<i64> {
    let fits = (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[derive(Clone, Copy)]
enum Token {
    Number {
        value: i32,
        digits: usize,
    },
    Month(u8),
    /// The letter Q.
    Quarter,
}

/// Family, year, first and second number of a date without a time of day.
fn calendar(text: &str, has_clock: bool) -> Option<(Family, i32, u8, u8)> {
    use Token::{Month, Number, Quarter};
    let mut tokens = [Month(0); 3];
    let mut marks = [0u8; 3];
    let mut count = 0;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        if count == 3 {
            return None;
        }
        let digit = rest[0].is_ascii_digit();
        let kind = |b: &u8| if digit { b.is_ascii_digit() } else { b.is_ascii_alphabetic() };
        let end = rest.iter().position(|b| !kind(b)).unwrap_or(rest.len());
        tokens[count] = token(&rest[..end])?;
        rest = &rest[end..];
        let gap = rest.iter().position(|b| b.is_ascii_alphanumeric()).unwrap_or(rest.len());
        marks[count] = mark(&rest[..gap], gap == rest.len())?;
        rest = &rest[gap..];
        count += 1;
    }
    let small = |value: i32| u8::try_from(value).ok();
    let slash = |mark: u8| matches!(mark, b'-' | b'/');
    match (&tokens[..count], marks) {
        ([Number { value, digits: 8 }], _) if has_clock => {
            Some((Family::Compact, value / 10_000, small(value / 100 % 100)?, small(value % 100)?))
        }
        (
            [Number { value: y, digits: 4 }, Number { value: m, digits: 1 | 2 }, Number { value: d, digits: 1 | 2 }],
            [a, b, _],
        ) if a == b && (slash(a) || a == b'.') => Some((Family::Iso(a), *y, small(*m)?, small(*d)?)),
        ([Number { value: y, digits: 4 }, Number { value: m, digits: 1 | 2 }], [a, ..]) if slash(a) => {
            Some((Family::YearMonth, *y, small(*m)?, 1))
        }
        ([Number { value: m, digits: 1 | 2 }, Number { value: y, digits: 4 }], [a, ..]) if slash(a) => {
            Some((Family::MonthYear, *y, small(*m)?, 1))
        }
        (
            [
                Number { value: a, digits: 1 | 2 },
                Number { value: b, digits: 1 | 2 },
                Number { value: y, digits: n @ (2 | 4) },
            ],
            [p, q, _],
        ) if p == q && (slash(p) || p == b'.') => Some((Family::Triple(p), century(*y, *n), small(*a)?, small(*b)?)),
        ([Number { value: d, digits: 1 | 2 }, Month(m), Number { value: y, digits: n @ (2 | 4) }], _) => {
            Some((Family::DayName, century(*y, *n), *m, small(*d)?))
        }
        ([Month(m), Number { value: d, digits: 1 | 2 }, Number { value: y, digits: 4 }], _) => {
            Some((Family::NameDay, *y, *m, small(*d)?))
        }
        ([Month(m), Number { value: y, digits: n @ (2 | 4) }], _) => Some((Family::NameYear, century(*y, *n), *m, 1)),
        ([Number { value: y, digits: 4 }, Quarter, Number { value: q @ 1..=4, digits: 1 }], _) => {
            Some((Family::Quarter, *y, small(q * 3 - 2)?, 1))
        }
        _ => None,
    }
}

/// Two-digit years are 1969 to 2068, as POSIX reads them.
fn century(year: i32, digits: usize) -> i32 {
    match (digits, year) {
        (2, 69..) => 1900 + year,
        (2, _) => 2000 + year,
        _ => year,
    }
}

fn token(word: &[u8]) -> Option<Token> {
    const MONTHS: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    if word.first()?.is_ascii_digit() {
        if word.len() > 8 {
            return None;
        }
        let value = word.iter().fold(0, |n, b| n * 10 + i32::from(b - b'0'));
        return Some(Token::Number { value, digits: word.len() });
    }
    if word.eq_ignore_ascii_case(b"q") {
        return Some(Token::Quarter);
    }
    let named = |month: &&[u8]| {
        month.len() >= word.len()
            && month[..word.len()].eq_ignore_ascii_case(word)
            && (word.len() == 3 || word.len() == month.len())
    };
    let at = if word.eq_ignore_ascii_case(b"sept") { 8 } else { MONTHS.iter().position(named)? };
    Some(Token::Month(at as u8 + 1))
}

/// One mark for what stands between two parts; 0 for nothing.
fn mark(gap: &[u8], last: bool) -> Option<u8> {
    match gap {
        b"" => Some(0),
        // "8. 4. 2021." as some write it
        b"." if last => Some(0),
        _ if last => None,
        b"-" => Some(b'-'),
        b"/" => Some(b'/'),
        b"." | b". " => Some(b'.'),
        b" " | b", " | b"," => Some(b' '),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::series::format_stamp;

    fn read(text: &str, order: DateOrder) -> Option<String> {
        Some(format_stamp(fields(text)?.moment(order)?.div_euclid(SECOND)))
    }

    #[test]
    fn dates_of_every_spelling() {
        for (text, expected) in [
            ("2021-04-08", "2021-04-08"),
            ("2021/4/8", "2021-04-08"),
            ("1946-12", "1946-12-01"),
            ("12/1946", "1946-12-01"),
            ("4/8/2021", "2021-04-08"),
            ("4-8-2021", "2021-04-08"),
            ("4.8.21", "2021-04-08"),
            ("1/2/68", "2068-01-02"),
            ("1/2/69", "1969-01-02"),
            ("8 Apr 2021", "2021-04-08"),
            ("08-APR-21", "2021-04-08"),
            ("April 8, 2021", "2021-04-08"),
            ("Apr 2021", "2021-04-01"),
            ("Sept 30, 2021", "2021-09-30"),
            ("1999-Q3", "1999-07-01"),
            ("1999Q3", "1999-07-01"),
            ("2021-04-08T17:30", "2021-04-08 17:30"),
            ("2021-04-08 17:30:15.250", "2021-04-08 17:30"),
            ("2021-04-08T17:30:00Z", "2021-04-08 17:30"),
            ("2021-04-08 17:30:00+02:00", "2021-04-08 15:30"),
            ("2021-04-08 17:30:00-0500", "2021-04-08 22:30"),
            ("4/8/2021 5:30 PM", "2021-04-08 17:30"),
            ("4/8/2021, 12:05 AM", "2021-04-08 00:05"),
            ("20210408 170000", "2021-04-08 17:00"),
            ("20210408T170000Z", "2021-04-08 17:00"),
            ("0001-01-01", "0001-01-01"),
        ] {
            assert_eq!(read(text, DateOrder::Mdy).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(read("8.4.2021", DateOrder::Dmy).as_deref(), Some("2021-04-08"));
    }

    #[test]
    fn fractions_of_a_second_are_kept() {
        let moment = fields("1970-01-01 00:00:01,25").and_then(|f| f.moment(DateOrder::Mdy));
        assert_eq!(moment, Some(1_250_000));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "2021-02-30",
            "2021-13-01",
            "1999",
            "20210408",
            "1.5",
            "12.2012",
            "1946.12",
            "2021-04-08 25:00",
            "abc",
            "1/2/3/4",
            "2021-04/08",
            "Apr",
            "8 Foo 2021",
            "2021-04-08 17:61",
            "13/13/2021",
            "2021-04-08T",
            "0/0/0",
            "--------",
            "1999Q5",
            "2021-04-08 17:30+99:00",
            "1,234.5",
        ] {
            assert_eq!(read(text, DateOrder::Mdy), None, "{text}");
        }
    }
}

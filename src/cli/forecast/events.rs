//! Events as people type them: `price < 80 by 2027-01-31`, `x > 1.2 at 20 rows`, `first passage of 80`.

use crate::base::series::format_stamp;
use crate::base::{Error, Limit, Result, Series, suggest::nearest};
use crate::cli::number::number;
use crate::cli::table::{short, table};
use crate::cli::values::finite;
use crate::forecast::{Event, FittedPool, Side, When};
use serde_json::{Map, Value, json};

/// Paths an event is counted on, where it is; fewer where so many rows would not fit.
const PATHS: usize = 20_000;
const STATES: usize = 20_000_000;
/// Probabilities of a first passage that are told.
const TOLD: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];
/// The words between a level and its time.
const WORDS: [(&str, When); 3] = [("at", When::At), ("by", When::By), ("within", When::Within)];

/// One event, read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    typed: String,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Level {
        column: String,
        event: Event,
        until: Until,
    },
    /// When a level is first reached, within the horizon.
    First(f64),
}

#[derive(Debug, Clone, PartialEq)]
enum Until {
    Rows(usize),
    /// The end of that day, or a moment, as seconds since 1970.
    Date(i64),
}

fn bad(typed: &str, expected: String, hint: &str) -> Error {
    Error::BadOption {
        flag: "--event".to_string(),
        value: format!("'{typed}'"),
        expected,
        hint: Some(format!("--event '{hint}'")),
    }
}

impl Asked {
    /// # Errors
    /// [`Error::BadOption`] with the part that cannot be read.
    pub fn parse(typed: &str) -> Result<Asked> {
        const EXAMPLE: &str = "x < 80 by 20 rows";
        let read = |what| Ok(Asked { typed: typed.trim().to_string(), what });
        let level_of =
            |text: &str| number(text).map_err(|why| bad(typed, format!("the level is no number: {why}"), EXAMPLE));
        if let Some(level) = typed.trim().strip_prefix("first passage of ") {
            return read(What::First(level_of(level)?));
        }
        let Some(at) = typed.find(['<', '>']) else {
            let why = "a column, < or >, a level, then at, by or within, and a date or a number of rows".to_string();
            return Err(bad(typed, why, EXAMPLE));
        };
        let (column, rest) = (typed[..at].trim().to_string(), &typed[at + 1..]);
        let (or_equal, rest) = rest.strip_prefix('=').map_or((false, rest), |rest| (true, rest));
        let mut words = rest.split_whitespace();
        let level = level_of(words.next().unwrap_or_default())?;
        let word = words.next().unwrap_or_default();
        let Some((_, when)) = WORDS.into_iter().find(|(name, _)| *name == word) else {
            let why = "after the level comes at (on that row), by (touched at any time until then) or within (seen on a row until then)";
            return Err(bad(typed, why.to_string(), EXAMPLE));
        };
        let until = until(words.collect::<Vec<_>>().join(" ").as_str())
            .ok_or_else(|| bad(typed, "its end is neither a date nor a number of rows".to_string(), EXAMPLE))?;
        let side = if typed[at..].starts_with('<') { Side::Below } else { Side::Above };
        read(What::Level { column, event: Event { side, level, or_equal, when }, until })
    }

    /// How many rows ahead it ends, the horizon for a first passage.
    ///
    /// # Errors
    /// [`Error::BadOption`] for a column that is another, a date of a series without dates, or an end that is past or too far.
    pub fn rows(&self, series: &Series, column: &str, horizon: usize) -> Result<usize> {
        let What::Level { column: typed, until, .. } = &self.what else { return Ok(horizon) };
        let names = ["x", "value", column, &series.value_name, &series.id];
        if !names.iter().any(|name| name.eq_ignore_ascii_case(typed)) {
            let near = nearest(typed, names).unwrap_or(column);
            let why = format!("what is forecast is called {column} (or x), not '{typed}'");
            return Err(bad(&self.typed, why, &self.typed.replacen(typed.as_str(), near, 1)));
        }
        let most = Limit::Horizon.most() as usize;
        let rows = match until {
            Until::Rows(rows) => *rows,
            Until::Date(date) => {
                let (_, stamps) = series.ahead(most);
                let Some(stamps) = stamps else {
                    let why = format!("series '{}' has no dates; give a number of rows", series.id);
                    return Err(bad(&self.typed, why, "x < 80 by 20 rows"));
                };
                stamps.partition_point(|stamp| stamp <= date)
            }
        };
        if (1..most).contains(&rows) {
            return Ok(rows);
        }
        let last = series
            .stamps
            .as_ref()
            .and_then(|s| s.last())
            .map(|s| format!(", and the last row is {}", format_stamp(*s)));
        let why = format!("its end must lie 1 to {most} rows ahead (the limit 'horizon'){}", last.unwrap_or_default());
        Err(bad(&self.typed, why, "x < 80 by 20 rows"))
    }
}

/// `20`, `20 rows`, `2027-01-31` or `2027-01`, the last of that day or month.
fn until(text: &str) -> Option<Until> {
    const DAY: i64 = 86_400;
    let plain = text.strip_suffix("rows").or(text.strip_suffix("row")).unwrap_or(text).trim();
    if let Ok(rows) = plain.parse() {
        return Some(Until::Rows(rows));
    }
    let seconds = |date: chrono::NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    if let Ok(date) = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(Until::Date(seconds(date) + DAY - 1));
    }
    let first = chrono::NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok()?;
    let next = first.checked_add_months(chrono::Months::new(1))?;
    Some(Until::Date(seconds(next) - 1))
}

/// What came of the events of one history: rows of a table, lines, and the document.
#[derive(Default)]
pub(super) struct Answered {
    rows: Vec<Vec<String>>,
    lines: String,
    pub values: Vec<Value>,
}

impl Answered {
    /// # Errors
    /// As [`Asked::rows`] and [`FittedPool::chance`].
    pub fn of(asked: &[Asked], pool: &FittedPool, history: &Series, column: &str, horizon: usize) -> Result<Answered> {
        let mut answered = Answered::default();
        for one in asked {
            let rows = one.rows(history, column, horizon)?;
            let (times, stamps) = history.ahead(rows);
            let label = |i: usize| stamps.as_ref().map_or_else(|| short(times[i]), |s| format_stamp(s[i]));
            let paths = PATHS.min((STATES / rows).max(1_000));
            match &one.what {
                What::Level { event, .. } => {
                    let chance = pool.chance(history, event, &times, paths, 0)?;
                    let se = chance.se.map_or_else(|| "—".to_string(), short);
                    answered.rows.push(vec![
                        one.typed.clone(),
                        label(rows - 1),
                        short(chance.probability),
                        se,
                        chance.how.clone(),
                    ]);
                    answered.values.push(json!({
                        "event": one.typed, "rows": rows, "until": label(rows - 1),
                        "probability": finite(chance.probability), "se": chance.se, "how": chance.how,
                    }));
                }
                What::First(level) => {
                    let first = pool.first(history, *level, &times, paths, 0)?;
                    let now = history.time.last().copied().unwrap_or(0.0);
                    let (mut told, mut quantiles, mut labels) = (Vec::new(), Map::new(), Map::new());
                    for p in TOLD {
                        let time = first.quantile(p, now);
                        // The row by which it has happened.
                        let by = time.and_then(|time| times.iter().position(|t| *t >= time)).map(&label);
                        told.push(format!("{} % {}", 100.0 * p, by.as_deref().unwrap_or("later")));
                        quantiles.insert(p.to_string(), time.map_or(Value::Null, |t| json!(t)));
                        labels.insert(p.to_string(), json!(by));
                    }
                    let reached = first.reached.last().copied().unwrap_or(0.0);
                    answered.lines.push_str(&format!(
                        "{}: reached within {rows} rows with probability {}{}; by {} ({})\n",
                        one.typed,
                        short(reached),
                        first.se.map_or_else(String::new, |se| format!(" ± {}", short(se))),
                        told.join(", "),
                        first.how
                    ));
                    answered.values.push(json!({
                        "event": one.typed, "rows": rows, "until": label(rows - 1),
                        "probability": finite(reached), "se": first.se, "how": first.how,
                        "quantiles": quantiles, "labels": labels,
                    }));
                }
            }
        }
        Ok(answered)
    }

    /// For people; nothing where nothing was asked.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        if !self.rows.is_empty() {
            text = table(&["event", "until", "probability", "± s.e.", "how"], &self.rows);
        }
        text.push_str(&self.lines);
        if text.is_empty() { text } else { format!("{text}\n") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_they_are_typed() {
        let level = |typed: &str| match Asked::parse(typed).expect("reads").what {
            What::Level { column, event, until } => (column, event, until),
            What::First(_) => panic!("{typed}"),
        };
        let (column, event, until) = level("price < 80 by 2027-01-31");
        assert_eq!((column.as_str(), event.side, event.level, event.when), ("price", Side::Below, 80.0, When::By));
        assert_eq!(until, Until::Date(1_801_440_000 - 1));
        assert_eq!(level("x>=1/4 at 12").1, Event { side: Side::Above, level: 0.25, or_equal: true, when: When::At });
        assert_eq!(level("x > -3 within 5 rows").2, Until::Rows(5));
        assert_eq!(level("x > 3 by 2024-02").2, Until::Date(1_709_251_200 - 1));
        assert_eq!(Asked::parse("first passage of 1e2").expect("reads").what, What::First(100.0));
        for wrong in
            ["price 80", "x < eighty by 5", "x < 80 until 5", "x < 80 by", "x < 80 by soon", "first passage of x"]
        {
            assert!(Asked::parse(wrong).is_err(), "{wrong}");
        }
    }
}

//! What a column's name tells: time, its unit, a value, an identity, a row number. Tables, and nothing else.

const TIMES: [&str; 9] = ["time", "t", "date", "datetime", "timestamp", "ds", "epoch", "unix", "elapsed"];

/// Units as names are abbreviated; the first of each row is what we call it.
const UNITS: [&[&str]; 9] = [
    &["year", "years", "yr", "yrs", "y", "a"],
    &["quarter", "quarters"],
    &["month", "months", "mo"],
    &["week", "weeks", "wk"],
    &["day", "days", "d"],
    &["h", "hour", "hours", "hr", "hrs"],
    &["min", "mins", "minute", "minutes"],
    &["s", "second", "seconds", "sec", "secs"],
    &["ms", "millisecond", "milliseconds", "msec"],
];

/// Value columns in order of preference.
const VALUES: [&str; 12] = [
    "y",
    "value",
    "adj close",
    "adjusted close",
    "adjclose",
    "close",
    "close/last",
    "price",
    "rate",
    "last",
    "settle",
    "mid",
];

const IDS: [&str; 14] = [
    "unique_id",
    "id",
    "ticker",
    "symbol",
    "series",
    "series_id",
    "item_id",
    "asset",
    "instrument",
    "isin",
    "permno",
    "name",
    "item",
    "code",
];

const ROW_NUMBERS: [&str; 13] = [
    // What pandas calls an index without a name in Parquet.
    "__index_level_0__",
    "rownames",
    "row_names",
    "row.names",
    "rowname",
    "unnamed: 0",
    "index",
    "row",
    "rownum",
    "row_number",
    "obs",
    "no",
    "#",
];

/// Lower case, without a unit in brackets, with spaces for underscores and hyphens.
fn plain(name: &str) -> String {
    let bare = name.split(['(', '[']).next().unwrap_or(name).trim();
    bare.to_lowercase().replace(['_', '-'], " ")
}

/// Named for time outright: `time`, `t_min`, `Date`, `time (s)`.
pub(super) fn is_time(name: &str) -> bool {
    let plain = plain(name);
    let mut words = plain.split([' ', '/']);
    let base = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    TIMES.contains(&base) && (rest.is_empty() || rest.iter().all(|w| unit_word(w).is_some()))
}

/// A word of time somewhere in the name: `open_time`, `observation_date`.
pub(super) fn hints_time(name: &str) -> bool {
    plain(name).split([' ', '/']).any(|w| w != "t" && TIMES.contains(&w))
}

/// The name is a unit of time and nothing more: `year`, `month`, `Hours`.
pub(super) fn is_period(name: &str) -> bool {
    let plain = plain(name);
    plain == "period" || (plain.len() > 2 && unit_word(&plain).is_some())
}

fn unit_word(word: &str) -> Option<&'static str> {
    UNITS.iter().find(|row| row.contains(&word)).map(|row| row[0])
}

/// The unit a time column's name holds: `time_min`, `time (min)`, `t [s]`, `hour`.
pub(super) fn time_unit(name: &str) -> Option<String> {
    if let Some((_, inside)) = name.split_once(['(', '[']) {
        let inside = inside.trim_end_matches([')', ']', ' ']).trim();
        if !inside.is_empty() {
            return Some(unit_word(&inside.to_lowercase()).unwrap_or(inside).to_string());
        }
    }
    let plain = plain(name);
    let words: Vec<&str> = plain.split([' ', '/']).collect();
    let word = words.last().filter(|w| words.len() > 1 || w.len() > 2)?;
    unit_word(word).map(str::to_string)
}

/// Place in the list of preferred value names; lower is better.
pub(super) fn value_rank(name: &str) -> Option<usize> {
    let plain = plain(name);
    VALUES.iter().position(|v| *v == plain)
}

/// Place in the list of id names; lower is better.
pub(super) fn id_rank(name: &str) -> Option<usize> {
    let lower = name.to_lowercase();
    IDS.iter().position(|i| *i == lower)
}

pub(super) fn is_row_number(name: &str) -> bool {
    ROW_NUMBERS.contains(&name.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_time() {
        for name in ["Date", "time", "t", "ds", "time_min", "Time (h)", "t [s]", "time/s", "TIMESTAMP"] {
            assert!(is_time(name), "{name}");
        }
        for name in ["update", "time_to_event", "conc", "x", "temperature", "rate"] {
            assert!(!is_time(name), "{name}");
        }
        assert!(hints_time("observation_date") && hints_time("open_time") && !hints_time("dates"));
        assert!(is_period("Year") && is_period("hours") && !is_period("d") && !is_period("yearly"));
    }

    #[test]
    fn units_in_names() {
        for (name, unit) in [
            ("time_min", "min"),
            ("time_h", "h"),
            ("t_s", "s"),
            ("Time (min)", "min"),
            ("t [seconds]", "s"),
            ("time (fs)", "fs"),
            ("year", "year"),
            ("Months", "month"),
            ("time_day", "day"),
        ] {
            assert_eq!(time_unit(name).as_deref(), Some(unit), "{name}");
        }
        for name in ["time", "t", "d", "conc"] {
            assert_eq!(time_unit(name), None, "{name}");
        }
    }

    #[test]
    fn preferred_values_are_ranked() {
        assert!(value_rank("Adj Close") < value_rank("close") && value_rank("y") < value_rank("value"));
        assert_eq!(value_rank("adj_close"), value_rank("Adj Close"));
        assert_eq!(value_rank("Price (USD)"), value_rank("price"));
        assert_eq!(value_rank("volume"), None);
    }
}

//! `--limit NAME=VALUE`: how much a run may ask for.

use crate::base::{Limit, suggest::nearest};
use std::fmt::Write as _;
use std::num::NonZeroUsize;

/// `columns=20000`, also `values-held=1e9`.
pub(super) fn limit(text: &str) -> Result<(Limit, u64), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("'{text}' is not NAME=VALUE"))?;
    let Some(limit) = Limit::named(name.trim()) else {
        let near = nearest(name.trim(), Limit::all().map(Limit::name));
        let names: Vec<&str> = Limit::all().map(Limit::name).collect();
        let near = near.map_or_else(String::new, |n| format!("; did you mean '{n}'?"));
        return Err(format!("there is no limit '{name}'{near} The limits are {}", names.join(", ")));
    };
    let whole = |v: &f64| *v >= 1.0 && *v < 9e15 && v.fract() == 0.0;
    match value.trim().parse::<f64>().ok().filter(whole) {
        Some(value) => Ok((limit, value as u64)),
        None => Err(format!("'{value}' is not a whole number above zero, such as 20000 or 1e9")),
    }
}

/// As many threads as any machine has use for: each has a stack of its own.
pub(super) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse::<NonZeroUsize>().ok().filter(|n| n.get() <= 1024).ok_or_else(|| "1 to 1024 threads".to_string())
}

/// The table of all limits.
pub(super) fn help() -> String {
    let mut text = String::from(
        "Move a limit, as NAME=VALUE; may be given several times. Limits change no answer: what would cost more memory or time than \
         a run should take unasked is refused, with the name of the limit. Their defaults:\n",
    );
    for limit in Limit::all() {
        // Writing to a string does not fail.
        let _ = write!(text, "\n  {:<18} {:>12}  {}", limit.name(), limit.default(), limit.what());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_whole_numbers_are_taken_and_slips_are_told() {
        assert_eq!(limit("columns=20000"), Ok((Limit::Columns, 20_000)));
        assert_eq!(limit("path-steps=1e12"), Ok((Limit::PathSteps, 1_000_000_000_000)));
        assert!(limit("colums=2").is_err_and(|e| e.contains("did you mean 'columns'?")));
        for wrong in ["columns", "columns=", "columns=0", "columns=-1", "columns=1.5", "columns=nan", "columns=1e300"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
        assert!(Limit::all().all(|l| help().contains(l.name())));
    }
}

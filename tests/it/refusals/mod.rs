//! Bad input of every kind: exit code 2, what, where and why, and the next thing to type. Some tests type it.

mod files;
mod models;
mod questions;
mod tables;
mod typed;

use super::run::{Place, Ran, dated, day, table, walk};

/// Rows of the usable file.
const ROWS: usize = 120;

/// A folder with one usable file, `good.csv`.
fn place() -> Place {
    Place::new().with("good.csv", dated(&walk(ROWS)))
}

/// The command is refused in words and as a document; every needle is in the message, or in a hint if it starts with
/// "hint: ".
#[track_caller]
fn refused(place: &Place, line: &str, code: &str, needles: &[&str]) -> Ran {
    let ran = place.typed(line).ends(2);
    let says = said(&ran);
    assert!(ran.stdout.is_empty(), "{line}: on stdout:\n{}", ran.stdout);
    let (message, hints) = says.split_once("\n\n").unwrap_or_else(|| panic!("{line}: no hint\n{says}"));
    assert!(hints.lines().all(|l| l.starts_with("hint: ") && l.len() > 10), "{line}\n{says}");
    for needle in needles {
        let holds = match needle.strip_prefix("hint: ") {
            Some(hint) => hints.contains(hint),
            None => message.contains(needle),
        };
        assert!(holds, "{line}: '{needle}' is missing\n{says}");
    }
    let json = place.typed(&format!("{line} --json")).ends(2);
    let document = json.document();
    assert_eq!(document["schema"], "kramers/error@1", "{line}");
    assert_eq!(document["error"]["code"], code, "{line}");
    assert_eq!(format!("error: {}", document["error"]["message"].as_str().expect("a message")), message, "{line}");
    let listed: Vec<&str> =
        document["error"]["hints"].as_array().expect("hints").iter().filter_map(|h| h.as_str()).collect();
    assert_eq!(
        listed.iter().map(|h| format!("hint: {h}")).collect::<Vec<_>>(),
        hints.lines().collect::<Vec<_>>(),
        "{line}"
    );
    ran
}

/// stderr from "error: " on. Before it may stand what was read, a note a line.
#[track_caller]
fn said(ran: &Ran) -> &str {
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    let mut start = 0;
    for line in ran.stderr.split_inclusive('\n') {
        if line.starts_with("error: ") {
            return ran.stderr[start..].trim_end();
        }
        assert!(line.starts_with("note: "), "neither note nor error: {line}");
        start += line.len();
    }
    panic!("no error in\n{}", ran.stderr);
}

/// `good.csv` with row `at` (from 0) written by `row` instead.
fn with_row(at: usize, row: impl Fn(&str, f64) -> String) -> String {
    let values = walk(ROWS);
    table(
        "date,value",
        (0..ROWS).map(|i| if i == at { row(&day(i), values[i]) } else { format!("{},{}", day(i), values[i]) }),
    )
}

fn below_zero() -> String {
    dated(&walk(ROWS).iter().map(|x| x - 1.0).collect::<Vec<_>>())
}

/// Dates whose day and month can be exchanged, in no order either way.
fn ambiguous_dates() -> String {
    let values = walk(60);
    table(
        "date,value",
        (0..60).map(|i| format!("{}/{}/{},{}", 1 + (7 * i) % 12, 1 + (5 * i + 3) % 12, 2000 + i / 4, values[i])),
    )
}

fn two_values() -> String {
    let values = walk(ROWS);
    table("date,bid rate,ask rate", (0..ROWS).map(|i| format!("{},{},{}", day(i), values[i], values[i] + 0.01)))
}

/// One test a refusal: its name, the folder, the command, the code, and what must be said.
macro_rules! refusals {
    ($($name:ident: $place:expr, $line:expr, $code:literal, [$($needle:expr),* $(,)?];)*) => {
        $(
            #[test]
            fn $name() {
                refused(&$place, &$line, $code, &[$($needle),*]);
            }
        )*
    };
}

use refusals;

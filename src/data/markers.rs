//! Numbers that mean "missing" and were left in: -999, 9999 and their like.
//!
//! What is missing is often written as a number that cannot be meant. It stands several times in the column, and further from all
//! other values than they are from each other. A finding says so and nothing is changed: a flood is also far out, and a rule that read later
//! rows to judge an earlier one would look ahead. `--clean sentinel=-999` leaves such rows out, each by what stands in it.

use super::clean::{Context, Row};
use super::tally::{Rule, Tallies};

/// Once may be a slip of the pen, which is an outlier.
const REPEATED: usize = 2;
/// Distance from the nearest other value, in ranges of the others.
const FAR: f64 = 3.0;
/// Fewer other values tell no range.
const ENOUGH: usize = 8;

/// Counts rows whose value is the lowest or the highest, repeated, and far from the rest.
pub(super) fn find(rows: &[Row], context: &Context<'_>, tallies: &mut Tallies) {
    let mut values: Vec<f64> = rows.iter().map(|r| r.value).collect();
    values.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (values.first().copied(), values.last().copied()) else { return };
    let repeats = |value: f64| values.iter().filter(|v| **v == value).count() >= REPEATED;
    let candidates: Vec<f64> = [low, high].into_iter().filter(|v| repeats(*v)).collect();
    let others: Vec<f64> = values.iter().copied().filter(|v| !candidates.contains(v)).collect();
    let (Some(least), Some(most)) = (others.first(), others.last()) else { return };
    let range = most - least;
    if others.len() < ENOUGH || range == 0.0 {
        return;
    }
    for marker in candidates {
        if (least - marker).max(marker - most) <= FAR * range {
            continue;
        }
        for row in rows.iter().filter(|r| r.value == marker) {
            tallies.add(Rule::Marker, 1, 0, || {
                format!("{} is {marker}; --clean sentinel={marker} drops such rows", (context.place)(row.row))
            });
        }
    }
}

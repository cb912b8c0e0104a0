//! Rows of one series to usable rows: order, repeated times, missing and infinite values, gaps, split-like jumps.
//! Each treatment follows a rule and is counted.

use super::clock::median;
use super::dates::SECOND;
use super::rules::{CleanRules, Duplicates, Positive, Splits};
use super::tally::{Rule, Tallies};
use crate::base::math::ln;
use crate::base::series::format_stamp;
use crate::base::{Error, Result};

/// One row of the file on its way to a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    /// Position on the time axis; what rows are sorted by.
    pub at: f64,
    /// Microseconds since 1970 where the file has dates, else 0.
    pub moment: i64,
    /// NaN where missing.
    pub value: f64,
    /// Row of the file, counted from 0.
    pub row: u32,
    /// Count among the distinct times of the series, missing values included.
    pub raw: u32,
}

/// What cleaning needs to know beside the rows.
pub(super) struct Context<'a> {
    pub rules: &'a CleanRules,
    /// Rows with one time are replicates and stay.
    pub allow_repeats: bool,
    pub needs_positive: bool,
    pub has_dates: bool,
    /// The axis is only the count of rows: gaps in it mean nothing.
    pub counted: bool,
    /// "line 5, 1986-01-20"
    pub place: &'a dyn Fn(u32) -> String,
}

/// A share of repeated times beyond which rows are replicates, not slips.
const REPEATED_SHARE: f64 = 0.2;
/// A spacing of this many usual ones is a gap.
const GAP: f64 = 5.0;
/// A jump of this many usual changes (median absolute logarithmic change) may be a split.
const JUMP: f64 = 12.0;
/// Fewer changes than this tell no usual one.
const ENOUGH_CHANGES: usize = 8;
/// More split-like jumps than this and than this share of the rows: the series is a jumpy one, splits are rare.
const USUAL_SPLITS: usize = 3;
const SPLIT_SHARE: f64 = 0.01;
/// Ratios of shares after to before.
const SPLITS: [(f64, &str); 8] =
    [(2.0, "2"), (3.0, "3"), (1.5, "3/2"), (4.0, "4"), (5.0, "5"), (7.0, "7"), (10.0, "10"), (20.0, "20")];

/// Sorts rows and merges those of one time; afterwards rows are the raw rows of the clock.
///
/// # Errors
/// [`Error::RepeatedTimes`] where more than a fifth of the rows repeat a time.
pub(super) fn order(series: &str, rows: &mut Vec<Row>, context: &Context<'_>, tallies: &mut Tallies) -> Result<()> {
    let descents = rows.windows(2).filter(|w| w[1].at < w[0].at).count();
    if descents > 0 {
        let climbs = rows.windows(2).any(|w| w[1].at > w[0].at);
        let rule = if climbs { Rule::Unsorted } else { Rule::NewestFirst };
        let at = rows.windows(2).find(|w| w[1].at < w[0].at).map_or(0, |w| w[1].row);
        let count = if climbs { descents } else { rows.len() };
        tallies.add(rule, count, 0, || (context.place)(at));
        // Stable, so that "first" and "last" of one time keep meaning what the file says.
        rows.sort_by(|a, b| a.at.total_cmp(&b.at));
    }
    let repeated = rows.windows(2).filter(|w| w[1].at == w[0].at).count();
    if repeated > 0 && context.allow_repeats {
        let first = rows.windows(2).find(|w| w[1].at == w[0].at).map_or(0, |w| w[1].row);
        tallies.add(Rule::Repeated, repeated, 0, || (context.place)(first));
    } else if repeated > 0 {
        if repeated as f64 > REPEATED_SHARE * rows.len() as f64 {
            return Err(Error::RepeatedTimes { series: series.into(), count: repeated });
        }
        *rows = rows.chunk_by(|a, b| a.at == b.at).map(|same| merge(same, context, tallies)).collect();
    }
    let mut raw = 0;
    let mut before = f64::NEG_INFINITY;
    for row in rows.iter_mut() {
        raw += u32::from(row.at > before && before != f64::NEG_INFINITY);
        before = row.at;
        row.raw = raw;
    }
    Ok(())
}

/// One row out of those of one time; a row with a value goes before one without.
fn merge(same: &[Row], context: &Context<'_>, tallies: &mut Tallies) -> Row {
    let mut usable = same.iter().filter(|r| r.value.is_finite());
    let first = *usable.clone().next().unwrap_or(&same[0]);
    if same.len() == 1 {
        return first;
    }
    tallies.add(Rule::Duplicate, same.len() - 1, same.len() - 1, || (context.place)(same[1].row));
    match context.rules.duplicates {
        Duplicates::First | Duplicates::Error => first,
        Duplicates::Last => *usable.next_back().unwrap_or(&first),
        Duplicates::Mean => {
            let (sum, count) = usable.fold((0.0, 0.0), |(sum, count), r| (sum + r.value, count + 1.0));
            Row { value: if count > 0.0 { sum / count } else { first.value }, ..first }
        }
    }
}

/// Counts spacings far beyond the usual one. `rows` are raw rows in order.
pub(super) fn gaps(rows: &[Row], context: &Context<'_>, tallies: &mut Tallies) {
    let spacings: Vec<f64> = rows.windows(2).map(|w| w[1].at - w[0].at).filter(|g| *g > 0.0).collect();
    if context.counted || spacings.len() < 4 {
        return;
    }
    let Some(usual) = median(spacings) else { return };
    for w in rows.windows(2) {
        let spacing = w[1].at - w[0].at;
        if spacing > GAP * usual {
            tallies.add(Rule::Gap, 1, 0, || (context.place)(w[1].row));
            tallies.largest(spacing, || match context.has_dates {
                true => {
                    let label = |r: &Row| format_stamp(r.moment.div_euclid(SECOND));
                    format!("{} days, {} to {}", round(spacing / super::dates::DAY as f64), label(&w[0]), label(&w[1]))
                }
                false => format!("{}, from {} to {}", round(spacing), w[0].at, w[1].at),
            });
        }
    }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Leaves out rows without a usable value, then looks for split-like jumps.
pub(super) fn values(rows: &mut Vec<Row>, context: &Context<'_>, tallies: &mut Tallies) {
    let drop_negative = context.rules.positive == Positive::Drop;
    rows.retain(|r| {
        let (rule, dropped) = if r.value.is_nan() {
            (Rule::Missing, 1)
        } else if context.rules.sentinels.holds(r.value) {
            (Rule::Sentinel, 1)
        } else if r.value.is_infinite() {
            (Rule::NonFinite, 1)
        } else if r.value <= 0.0 && (drop_negative || context.needs_positive) {
            (Rule::NonPositive, usize::from(drop_negative))
        } else {
            return true;
        };
        tallies.add(rule, 1, dropped, || (context.place)(r.row));
        dropped == 0
    });
    splits(rows, context, tallies);
}

fn splits(rows: &mut [Row], context: &Context<'_>, tallies: &mut Tallies) {
    if rows.len() <= ENOUGH_CHANGES || rows.iter().any(|r| r.value <= 0.0) {
        return;
    }
    let changes: Vec<f64> = rows.windows(2).map(|w| ln(w[1].value / w[0].value)).collect();
    // Rates that often stand still would have a usual change of zero.
    let moved: Vec<f64> = changes.iter().map(|c| c.abs()).filter(|c| *c > 0.0).collect();
    if moved.len() < ENOUGH_CHANGES {
        return;
    }
    let Some(usual) = median(moved) else { return };
    let jumps: Vec<_> = changes.iter().map(|change| split(*change, usual)).collect();
    let found = jumps.iter().flatten().count();
    if found > USUAL_SPLITS.max((rows.len() as f64 * SPLIT_SHARE) as usize) {
        return;
    }
    for ((jump, change), row) in jumps.iter().zip(&changes).zip(&rows[1..]) {
        let Some((_, name)) = jump else { continue };
        tallies.add(Rule::Split, 1, 0, || {
            let inverse = if *name == "3/2" { "2/3".to_string() } else { format!("1/{name}") };
            let near = if *change > 0.0 { name } else { inverse.as_str() };
            format!("{} (near {near})", (context.place)(row.row))
        });
    }
    if context.rules.splits == Splits::Adjust {
        // From the last row back, so that each row takes the ratios of all jumps after it.
        let mut factor = 1.0;
        for at in (1..rows.len()).rev() {
            rows[at].value *= factor;
            if let Some((ratio, _)) = jumps[at - 1] {
                factor *= if changes[at - 1] > 0.0 { ratio } else { 1.0 / ratio };
            }
        }
        rows[0].value *= factor;
    }
}

/// The split ratio a logarithmic change is near to: within 3 %, or within what the series moves in any case (eight usual
/// changes, at most 10 %), since a split comes on top of a day's own move.
fn split(change: f64, usual: f64) -> Option<(f64, &'static str)> {
    if change.abs() <= JUMP * usual {
        return None;
    }
    let near = (8.0 * usual).clamp(ln(1.03), ln(1.1));
    SPLITS
        .into_iter()
        .map(|(ratio, name)| ((change.abs() - ln(ratio)).abs(), ratio, name))
        .filter(|(distance, ..)| *distance <= near)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, ratio, name)| (ratio, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_ratios_are_known_within_three_percent_or_the_usual_move() {
        let named = |ratio: f64, usual: f64| split(ln(ratio), usual).map(|s| s.1);
        assert_eq!(named(0.51, 0.002), Some("2"));
        assert_eq!(named(0.549, 0.002), None);
        assert_eq!(named(0.549, 0.014), Some("2"));
        assert_eq!(named(1.49, 0.002), Some("3/2"));
        assert_eq!(named(0.0502, 0.002), Some("20"));
        assert_eq!(named(0.5, 0.1), None, "no more than this series moves anyway");
    }
}

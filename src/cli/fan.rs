//! A fan chart of characters: the last rows of a history, then the bands of a forecast.

use super::table::short;
use unicode_width::UnicodeWidthStr;

/// Lines of the chart, and columns of it without the axis.
const LINES: usize = 13;
const COLUMNS: usize = 66;
/// Columns of the history.
const BEFORE: usize = 26;
/// Characters of the axis.
const AXIS: usize = 11;

/// The chart: `history` with its last rows as dots, `quantiles` of the rows ahead at 2.5, 25, 50, 75 and 97.5 % as a light band, a dark one and a line.
/// `labels` are those of the first row shown, the last row and the last ahead, given the number of rows shown. At most 80 columns wide; empty
/// where there is nothing to show.
pub(super) fn fan_text(history: &[f64], quantiles: &[[f64; 5]], labels: &dyn Fn(usize) -> [String; 3]) -> String {
    let ahead = quantiles.len();
    let shown = history.len().min(BEFORE);
    let values = || history[history.len() - shown..].iter().copied();
    let all = || values().chain(quantiles.iter().flatten().copied()).filter(|v| v.is_finite());
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if ahead == 0 || shown == 0 || !(high > low) {
        return String::new();
    }
    let room = COLUMNS - BEFORE;
    // A row has as many whole columns as fit; of more rows than columns, those that fall on one.
    let width = (room / ahead).clamp(1, 4);
    let columns = (width * ahead).min(room);
    let row_of = |c: usize| if ahead > room { (c + 1) * ahead / room - 1 } else { c / width };
    // Two halves a line, so that bands end where they should to half a line.
    let halves = 2 * LINES - 1;
    let height = |v: f64| (((v - low) / (high - low) * halves as f64).round() as usize).min(halves);
    let mut cells = vec![vec![' '; shown + columns]; LINES];
    for (c, v) in values().enumerate() {
        cells[height(v) / 2][c] = '•';
    }
    for c in 0..columns {
        let [outer, inner, middle, inner_up, outer_up] = quantiles[row_of(c)];
        let band = |from: f64, to: f64| height(from) / 2..=height(to) / 2;
        if [outer, inner, middle, inner_up, outer_up].iter().any(|v| !v.is_finite()) {
            continue;
        }
        band(outer, outer_up).for_each(|line| cells[line][shown + c] = '░');
        band(inner, inner_up).for_each(|line| cells[line][shown + c] = '▒');
        cells[height(middle) / 2][shown + c] = '━';
    }
    let mut text = String::new();
    for line in (0..LINES).rev() {
        let is_tick = [0, LINES / 2, LINES - 1].contains(&line);
        let tick = if is_tick { short(low + (high - low) * line as f64 / (LINES - 1) as f64) } else { String::new() };
        let gap = " ".repeat((AXIS - 1).saturating_sub(tick.width()));
        let row: String = cells[line].iter().collect();
        text.push_str(&format!("{gap}{tick} │{}\n", row.trim_end()));
    }
    let [first, now, last] = labels(shown);
    let mut under = " ".repeat(AXIS + 1);
    for (label, at) in [(first, 0), (now, shown.saturating_sub(1)), (last, shown + columns - 1)] {
        // Each label ends at its row, the first begins there; the one in the middle is left out where it has no room, the last one moves on.
        let end = AXIS + 1 + at + 1;
        let is_last = at + 1 == shown + columns;
        let own = if at == 0 { AXIS + 1 } else { end.saturating_sub(label.width()) };
        let start = if is_last { own.max(under.width()) } else { own };
        if under.width() <= start || at == 0 {
            under.push_str(&" ".repeat(start.saturating_sub(under.width())));
            under.push_str(&label);
            under.push(' ');
        }
    }
    format!("{text}{}\n{:AXIS$}  ━ median  ▒ 50 %  ░ 95 %\n", under.trim_end(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(_: usize) -> [String; 3] {
        ["2020-01-01".into(), "2020-02-01".into(), "2020-03-01".into()]
    }

    fn band(middle: f64, sd: f64) -> [f64; 5] {
        [-1.96, -0.67, 0.0, 0.67, 1.96].map(|z| middle + z * sd)
    }

    #[test]
    fn the_chart_is_narrow_and_shows_bands_around_a_median() {
        let history: Vec<f64> = (0..60).map(|i| 10.0 + f64::from(i % 5)).collect();
        for ahead in [1, 3, 20, 40, 500] {
            let quantiles: Vec<[f64; 5]> = (1..=ahead).map(|h| band(12.0, 0.2 * f64::from(h).sqrt())).collect();
            let text = fan_text(&history, &quantiles, &labels);
            assert!(text.lines().all(|line| line.width() <= 80), "{ahead}\n{text}");
            assert_eq!(text.lines().count(), LINES + 2);
            assert!(text.contains('━') && text.contains('░') && text.matches('•').count() == BEFORE, "{text}");
            assert!(text.contains("2020-01-01") && text.contains("2020-03-01"), "{text}");
        }
        // The median of a level forecast is one line; the outer band grows and never stands inside the inner one.
        let quantiles: Vec<[f64; 5]> = (1..=10).map(|h| band(12.0, 0.3 * f64::from(h))).collect();
        let text = fan_text(&history, &quantiles, &labels);
        assert_eq!(text.lines().filter(|line| line.contains("━━━━")).count(), 1, "{text}");
        let column = |c: usize| text.lines().take(LINES).filter_map(|line| line.chars().nth(c)).collect::<String>();
        let light = |c: usize| column(c).matches('░').count();
        assert!(light(AXIS + 2 + BEFORE + 30) > light(AXIS + 2 + BEFORE), "{text}");
    }

    #[test]
    fn nothing_to_show_is_no_chart() {
        assert_eq!(fan_text(&[], &[band(0.0, 1.0)], &labels), "");
        assert_eq!(fan_text(&[1.0], &[], &labels), "");
        assert_eq!(fan_text(&[1.0, 1.0], &[[1.0; 5]], &labels), "");
        let broken = fan_text(&[1.0, 2.0], &[[f64::NAN; 5], band(1.5, 0.2)], &labels);
        assert!(broken.contains('░'));
    }
}

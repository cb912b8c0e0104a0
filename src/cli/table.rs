//! Plain text tables that read well without colour.

use crate::base::text::clip;
use unicode_width::UnicodeWidthStr;

/// Characters of a cell that are shown: a name may be as long as its file.
const WIDEST: usize = 120;

/// Rows under a header, columns aligned: text to the left, numbers to the right.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let columns = header.len();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| clip(cell, WIDEST)).collect()).collect();
    let width =
        |c: usize| rows.iter().map(|r| r.get(c).map_or(0, |v| v.width())).chain([header[c].width()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let numeric: Vec<bool> = (0..columns)
        .map(|c| rows.iter().all(|r| r.get(c).is_none_or(|v| v.is_empty() || v == "—" || v.parse::<f64>().is_ok())))
        .collect();
    let line = |cells: &dyn Fn(usize) -> String| {
        let padded: Vec<String> = (0..columns)
            .map(|c| {
                let cell = cells(c);
                let gap = " ".repeat(widths[c].saturating_sub(cell.width()));
                if numeric[c] { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
            })
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut out = line(&|c| header[c].to_string());
    for row in &rows {
        out.push_str(&line(&|c| row.get(c).cloned().unwrap_or_default()));
    }
    out
}

/// Four significant digits, without trailing noise; an en dash of its own for what is not a number.
pub(super) fn short(value: f64) -> String {
    if value.is_nan() {
        return "—".to_string();
    }
    if value == 0.0 || value.is_infinite() {
        return format!("{value}");
    }
    let size = value.abs();
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let digits = 3 - libm::log10(size).floor() as i32;
    format!("{value:.*}", digits.clamp(0, 8) as usize)
}

pub(super) fn short_or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "—".to_string(), short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_at_every_size() {
        let shown: Vec<String> = [1234567.0, 12.3456, 0.00123456, 1e-9, f64::NAN, 0.0].map(short).to_vec();
        assert_eq!(shown, ["1234567", "12.35", "0.001235", "1.000e-9", "—", "0"]);
    }

    #[test]
    fn numbers_stand_right_and_words_left() {
        let text =
            table(&["model", "crps"], &[vec!["ou".into(), "0.5".into()], vec!["climatology".into(), "12".into()]]);
        assert_eq!(text, "model        crps\nou            0.5\nclimatology    12\n");
    }
}

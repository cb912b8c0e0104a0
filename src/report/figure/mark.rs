//! A small mark in a table cell: an interval with its estimate, beside zero.
//!
//! The numbers stand next to it, so it is hidden from screen readers; too small to need plotters.

/// Width of the mark in CSS pixels.
const WIDTH: f64 = 72.0;

/// An interval on an axis from `lo` to `hi`; empty where something is missing or off the axis. Zero is ticked where it is in sight.
pub fn interval_mark(lower: f64, estimate: f64, upper: f64, (lo, hi): (f64, f64)) -> String {
    let all = [lower, estimate, upper, lo, hi];
    if !all.into_iter().all(super::usable) || hi <= lo || lower < lo || upper > hi {
        return String::new();
    }
    let place = |v: f64| format!("{:.1}", 4.0 + (v - lo) / (hi - lo) * (WIDTH - 8.0));
    let zero = if (lo..=hi).contains(&0.0) {
        format!("<path class=\"s-rule\" d=\"M{} 1V15\"/>", place(0.0))
    } else {
        String::new()
    };
    format!(
        "<svg class=\"mark\" viewBox=\"0 0 {WIDTH} 16\" aria-hidden=\"true\">{zero}<path class=\"s-chosen\" d=\"M{} 8H{}\"/>\
         <circle class=\"f-chosen\" cx=\"{}\" cy=\"8\" r=\"2.8\"/></svg>",
        place(lower),
        place(upper),
        place(estimate)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stays_inside_and_vanishes_without_numbers() {
        let mark = interval_mark(1.0, 2.0, 4.0, (0.0, 4.0));
        assert!(mark.contains("M20.0 8H68.0") && mark.contains("M4.0 1V15"), "{mark}");
        assert_eq!(interval_mark(f64::NAN, 2.0, 4.0, (0.0, 4.0)), "");
        assert_eq!(interval_mark(2.0, 2.0, 2.0, (2.0, 2.0)), "");
    }
}

//! Where the ticks of an axis stand and what they say: round numbers, few of them.
//!
//! Exponents come from decimal formatting, not from a logarithm, so ticks are the same on every machine.

use super::super::format::{fixed, num};
use super::super::view::Axis;
use super::dates;

/// One tick: position, label, and a second line where the coarser unit changes (the year under a month).
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub label: String,
    pub under: Option<String>,
}

/// An axis: its ends and its ticks.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    pub lo: f64,
    pub hi: f64,
    pub ticks: Vec<Tick>,
}

impl Scale {
    /// An axis of plain numbers with about `count` ticks between `lo` and `hi`.
    pub fn numbers(lo: f64, hi: f64, count: usize) -> Scale {
        let (lo, hi) = apart(lo, hi);
        Scale { lo, hi, ticks: number_ticks(lo, hi, count) }
    }

    /// Whole numbers only, for counts of rows.
    pub fn whole(lo: f64, hi: f64, count: usize) -> Scale {
        let mut scale = Scale::numbers(lo, hi, count);
        scale.ticks.retain(|t| t.at.fract() == 0.0);
        scale
    }

    /// Values with a little air above and below; `None` where no value can be drawn.
    pub fn values(values: impl Iterator<Item = f64>, count: usize) -> Option<Scale> {
        let (lo, hi) = extent(values)?;
        let (lo, hi) = apart(lo, hi);
        let air = (hi - lo) * 0.04;
        Some(Scale::numbers(lo - air, hi + air, count))
    }

    /// Times: dates or the series' own unit; `None` where no time can be drawn.
    pub fn times(axis: Axis, times: impl Iterator<Item = f64>, count: usize) -> Option<Scale> {
        let (lo, hi) = extent(times)?;
        let (lo, hi) = apart(lo, hi);
        let ticks = match axis {
            Axis::Dates => dates::ticks(lo, hi, count),
            Axis::Numbers => number_ticks(lo, hi, count),
        };
        Some(Scale { lo, hi, ticks })
    }
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| super::usable(*v)).fold(None, |range: Option<(f64, f64)>, v| {
        let (lo, hi) = range.unwrap_or((v, v));
        Some((lo.min(v), hi.max(v)))
    })
}

/// Ends in order that differ enough to divide by, whatever came in.
fn apart(a: f64, b: f64) -> (f64, f64) {
    let (lo, hi) = (a.min(b), a.max(b));
    let size = lo.abs().max(hi.abs());
    if hi - lo > size * 1e-12 && hi - lo > 1e-290 {
        return (lo, hi);
    }
    let air = if size > 1e-280 { size * 0.05 } else { 1.0 };
    (lo - air, hi + air)
}

/// The power of ten at or below a positive number, and its exponent.
fn decade(value: f64) -> (f64, i32) {
    let text = format!("{value:e}");
    let exponent: i32 = text.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    (format!("1e{exponent}").parse().unwrap_or(1.0), exponent)
}

fn number_ticks(lo: f64, hi: f64, count: usize) -> Vec<Tick> {
    let raw = (hi - lo) / count.max(1) as f64;
    let (ten, mut exponent) = decade(raw);
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * ten >= raw * (1.0 - 1e-9)).unwrap_or(10.0);
    if factor == 10.0 {
        exponent += 1;
    }
    let step = factor * ten;
    let (first, last) = ((lo / step - 1e-9).ceil(), (hi / step + 1e-9).floor());
    // Steps smaller than the numbers' own resolution give no ticks worth having.
    if last - first > 60.0 || first.abs().max(last.abs()) > 1e12 {
        return [lo, hi].map(|at| Tick { at, label: num(at), under: None }).to_vec();
    }
    let plain = lo.abs().max(hi.abs()) < 1e6 && (-5..7).contains(&exponent);
    (0..=(last - first) as i64)
        .map(|i| {
            let at = (first + i as f64) * step;
            let label = if plain { fixed(at, (-exponent).max(0) as usize) } else { num(at) };
            Tick { at, label, under: None }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(lo: f64, hi: f64, count: usize) -> Vec<String> {
        Scale::numbers(lo, hi, count).ticks.into_iter().map(|t| t.label).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(labels(0.0, 1.0, 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-3.0, 12.0, 4), ["0", "5", "10"]);
        assert_eq!(labels(-0.5, 0.5, 2), ["−0.5", "0.0", "0.5"]);
        assert_eq!(labels(0.0, 36_420.0, 4), ["0", "10,000", "20,000", "30,000"]);
        for (lo, hi) in [(1.0821, 1.5713), (-7e5, 3e5), (1e-9, 4e-9), (0.0, 1e40)] {
            let scale = Scale::numbers(lo, hi, 5);
            assert!((2..=8).contains(&scale.ticks.len()), "{scale:?}");
            let slack = (hi - lo) * 1e-9;
            assert!(scale.ticks.iter().all(|t| t.at >= lo - slack && t.at <= hi + slack), "{scale:?}");
        }
    }

    #[test]
    fn degenerate_ranges_still_make_an_axis() {
        for (lo, hi) in [(0.0, 0.0), (5.0, 5.0), (1e15, 1e15 + 0.5), (-1e299, 1e299), (0.0, 5e-324), (3.0, 1.0)] {
            let scale = Scale::numbers(lo, hi, 5);
            assert!(scale.hi > scale.lo && (scale.hi - scale.lo).is_finite(), "{scale:?}");
            assert!(scale.ticks.len() < 70);
        }
        assert_eq!(Scale::values([f64::NAN, f64::INFINITY].into_iter(), 5), None);
    }

    #[test]
    fn counts_of_rows_have_no_fractions() {
        assert!(Scale::whole(1.0, 3.0, 6).ticks.iter().all(|t| t.at.fract() == 0.0));
    }
}

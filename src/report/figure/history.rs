//! The data as they are: one line, the held-out part on a tinted ground.

use super::super::error::ReportError;
use super::super::format::{clip, moment};
use super::super::view::SeriesView;
use super::axis::Scale;
use super::canvas::{Frame, Hang, Ink, Size, figure, no_data};
use super::thin::thin;

/// What do the data look like, and which part was kept from the fit?
pub fn history(series: &SeriesView, size: Size) -> Result<String, ReportError> {
    let alt = format!("Line of {} through time", series.value_name);
    let points: Vec<(f64, f64)> = series.history.iter().map(|p| (p.x, p.y)).collect();
    let x = Scale::times(series.axis, points.iter().map(|p| p.0), ticks_across(size));
    let y = Scale::values(points.iter().map(|p| p.1), 5);
    let (Some(x), Some(y)) = (x, y) else { return no_data(size, &alt) };
    // Room above the line for the words "held out".
    let y = Scale::numbers(y.lo, y.hi + (y.hi - y.lo) * 0.08, 5);
    let (lo, hi) = (x.lo, x.hi);
    let frame = Frame {
        size,
        y_title: clip(&series.value_name, size.width as usize / 8),
        x_title: super::fan::time_title(series),
        right: 16.0,
        alt: format!(
            "{alt}, from {} to {}, held out from {}",
            moment(series.axis, lo),
            moment(series.axis, hi),
            moment(series.axis, series.test_from)
        ),
        x,
        y,
    };
    let cut = series.test_from;
    figure(&frame, |plot| {
        let held = super::usable(cut) && cut <= hi;
        let from = cut.max(lo);
        if held {
            plot.rect((from, frame.y.lo), (hi, frame.y.hi), Ink::HeldArea)?;
        }
        let (before, after): (Vec<_>, Vec<_>) = points.iter().partition(|p| !held || p.0 < cut);
        let columns = plot.columns();
        let before = thin(&before, columns);
        let mut after = thin(&after, columns);
        plot.line(&before, Ink::Data, 1.2)?;
        if let Some(&joint) = before.last() {
            after.insert(0, joint);
        }
        plot.line(&after, Ink::HeldLine, 1.2)?;
        if points.len() <= 60 {
            for &p in &points {
                plot.dot(p, 2.2, if held && p.0 >= cut { Ink::HeldLine } else { Ink::Data })?;
            }
        }
        if held {
            plot.line(&[(from, frame.y.lo), (from, frame.y.hi)], Ink::HeldLine, 1.0)?;
            let (px, py) = plot.place(from, frame.y.hi);
            let (hang, px) =
                if px > plot.right_edge() - 60.0 { (Hang::Right, px - 6.0) } else { (Hang::Left, px + 6.0) };
            plot.text_at(px, py + 9.0, "held out", Ink::HeldLine, hang)?;
        }
        Ok(())
    })
}

/// How many ticks a time axis of this width carries without crowding.
pub fn ticks_across(size: Size) -> usize {
    (size.width as usize / 95).max(3)
}

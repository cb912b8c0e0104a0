//! Returns through time beside the values they should seldom fall below.

use super::super::error::ReportError;
use super::super::format::{clip, level, moment, num};
use super::super::view::{LossesView, SeriesView};
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};
use super::fan::time_title;
use super::history::ticks_across;
use super::thin::thin;

/// Positions of what fell below the limit of one level.
pub fn hits(of: &LossesView, level: usize) -> Vec<usize> {
    let Some(limits) = of.limits.get(level) else { return Vec::new() };
    (0..of.x.len()).filter(|i| of.actual.get(*i).zip(limits.get(*i)).is_some_and(|(a, l)| a < l)).collect()
}

/// Do large losses come as seldom as the model says, and not in clusters?
pub fn losses(series: &SeriesView, size: Size) -> Result<String, ReportError> {
    let of = &series.losses;
    let alt = format!("{} with its values at risk and the times it fell below them", of.variable);
    let y = Scale::values(of.actual.iter().chain(of.limits.iter().flatten()).copied(), 5);
    let x = Scale::times(series.axis, of.x.iter().copied(), ticks_across(size));
    let (Some(x), Some(y)) = (x, y) else { return no_data(size, &alt) };
    let frame = Frame {
        size,
        y_title: clip(&of.variable, size.width as usize / 8),
        x_title: time_title(series),
        right: 54.0,
        alt,
        x,
        y,
    };
    figure(&frame, |plot| {
        let came: Vec<(f64, f64)> = of.x.iter().copied().zip(of.actual.iter().copied()).collect();
        plot.line(&thin(&came, plot.columns()), Ink::Data, 1.0)?;
        let mut labels = Vec::new();
        for (k, limits) in of.limits.iter().enumerate() {
            let ink = if k == 0 { Ink::Model(0) } else { Ink::Chosen };
            let line: Vec<(f64, f64)> = of.x.iter().copied().zip(limits.iter().copied()).collect();
            plot.line(&thin(&line, plot.columns()), ink, 1.6)?;
            labels.extend(limits.last().map(|l| (*l, format!("{} %", level(of.levels[k])), ink)));
        }
        let widest = of.levels.len().saturating_sub(1);
        for i in hits(of, widest) {
            plot.dot((of.x[i], of.actual[i]), 3.0, Ink::BarOut)?;
            let about = (of.x.last().unwrap_or(&1.0) - of.x.first().unwrap_or(&0.0)) / 200.0;
            let text = format!("{}: {}", moment(series.axis, of.x[i]), num(of.actual[i]));
            plot.hover((of.x[i] - about, of.x[i] + about), &text);
        }
        plot.labels_right(&labels)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn what_fell_below_is_marked() {
        let series = sample::single().series.remove(0);
        let below = hits(&series.losses, 1).len();
        assert!(below > 0 && hits(&series.losses, 0).len() <= below);
        let svg = losses(&series, Size::WIDE).unwrap();
        assert_eq!(svg.matches("f-barout").count(), below);
        assert!(hits(&LossesView::default(), 0).is_empty());
        assert!(losses(&sample::bare("x"), Size::WIDE).unwrap().contains("no data"));
    }
}

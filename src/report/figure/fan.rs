//! A forecast through time: bands, median, the rows before it, and what came.

use super::super::error::ReportError;
use super::super::format::{clip, level, moment, num};
use super::super::view::{Axis, Fan, Point, SeriesView};
use super::axis::Scale;
use super::canvas::{Drawn, Frame, Ink, Plot, Size, figure, no_data};
use super::history::ticks_across;
use super::thin::thin;

/// How many of the known rows one band held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    pub level: f64,
    pub inside: usize,
    pub known: usize,
}

/// Counts, band by band, the rows of `fan` whose truth is known and lies inside.
pub fn held(fan: &Fan) -> Vec<Held> {
    fan.bands
        .iter()
        .map(|band| {
            let mut count = Held { level: band.level, inside: 0, known: 0 };
            for (i, x) in fan.x.iter().enumerate() {
                let truth = fan.truth.iter().find(|p| p.x == *x && p.y.is_finite());
                if let (Some(truth), Some(lower), Some(upper)) = (truth, band.lower.get(i), band.upper.get(i)) {
                    count.known += 1;
                    count.inside += usize::from((*lower..=*upper).contains(&truth.y));
                }
            }
            count
        })
        .collect()
}

/// The x title of a time axis: dates speak for themselves.
pub fn time_title(series: &SeriesView) -> Option<String> {
    match series.axis {
        Axis::Dates => None,
        Axis::Numbers if series.time_unit.is_empty() => Some("time".into()),
        Axis::Numbers => Some(format!("time ({})", clip(&series.time_unit, 24))),
    }
}

/// Where does the forecast put the values, and, where known, what came?
pub fn fan(series: &SeriesView, fan: &Fan, size: Size) -> Result<String, ReportError> {
    let alt = format!("Forecast bands and median of {}", series.value_name);
    let edges = fan.bands.iter().flat_map(|b| b.lower.iter().chain(&b.upper));
    let before = context(fan);
    let known = || before.iter().chain(&fan.truth);
    let y = Scale::values(edges.chain(&fan.median).copied().chain(known().map(|p| p.y)), 5);
    let x = Scale::times(series.axis, fan.x.iter().copied().chain(known().map(|p| p.x)), ticks_across(size));
    let (Some(x), Some(y)) = (x, y) else { return no_data(size, &alt) };
    let first = fan.x.first().copied().unwrap_or(x.lo);
    let frame = Frame {
        size,
        y_title: clip(&series.value_name, size.width as usize / 8),
        x_title: time_title(series),
        right: 62.0,
        alt: format!("{alt}, from {} to {}", moment(series.axis, first), moment(series.axis, x.hi)),
        x,
        y,
    };
    figure(&frame, |plot| {
        let cut = before.iter().rev().find(|p| super::usable(p.y)).filter(|p| p.x < first);
        bands(plot, fan, cut)?;
        if let Some(cut) = cut {
            plot.line(&[(cut.x, frame.y.lo), (cut.x, frame.y.hi)], Ink::Rule, 1.0)?;
        }
        let before: Vec<_> = before.iter().map(|p| (p.x, p.y)).collect();
        plot.line(&thin(&before, plot.columns()), Ink::Data, 1.4)?;
        let mut median: Vec<_> = fan.x.iter().copied().zip(fan.median.iter().copied()).collect();
        if let Some(cut) = cut {
            median.insert(0, (cut.x, cut.y));
        }
        plot.line(&median, Ink::Median, 2.0)?;
        if let [only] = median.as_slice() {
            plot.dot(*only, 3.0, Ink::Median)?;
        }
        truth(plot, fan, cut)?;
        plot.hovers(&told(series, fan));
        end_labels(plot, fan)
    })
}

/// The rows before the cutoff that are drawn: twice the forecast's own length, so that it is not squeezed to the side.
fn context(fan: &Fan) -> &[Point] {
    let most = (2 * fan.x.len()).max(30);
    &fan.before[fan.before.len().saturating_sub(most)..]
}

fn bands(plot: &Plot, fan: &Fan, cut: Option<&Point>) -> Drawn {
    for band in &fan.bands {
        let edge = |values: &[f64]| -> Vec<(f64, f64)> {
            let start = cut.map(|p| (p.x, p.y));
            start.into_iter().chain(fan.x.iter().copied().zip(values.iter().copied())).collect()
        };
        let (lower, mut ring) = (edge(&band.lower), edge(&band.upper));
        if let ([(x, a)], [(_, b)]) = (lower.as_slice(), ring.as_slice()) {
            // One time and nothing before it has no area: a bar stands for the band.
            plot.line(&[(*x, *a), (*x, *b)], Ink::Band, 14.0)?;
        }
        ring.extend(lower.into_iter().rev());
        plot.area(&ring, Ink::Band)?;
    }
    Ok(())
}

fn truth(plot: &Plot, fan: &Fan, cut: Option<&Point>) -> Drawn {
    let came: Vec<_> = fan.truth.iter().map(|p| (p.x, p.y)).collect();
    let joined: Vec<_> =
        cut.map(|p| (p.x, p.y)).into_iter().filter(|_| !came.is_empty()).chain(came.iter().copied()).collect();
    plot.line(&thin(&joined, plot.columns()), Ink::Truth, 1.6)?;
    if came.len() <= plot.columns() / 7 {
        for point in came {
            plot.dot(point, 2.6, Ink::Truth)?;
        }
    }
    Ok(())
}

/// The forecast at each of its times, in words.
fn told(series: &SeriesView, fan: &Fan) -> Vec<(f64, String)> {
    let at = |values: &[f64], i: usize| num(values.get(i).copied().unwrap_or(f64::NAN));
    let one = |(i, x): (usize, &f64)| {
        let mut text = format!("{}: median {}", moment(series.axis, *x), at(&fan.median, i));
        if let Some(came) = fan.truth.iter().find(|p| p.x == *x) {
            text += &format!(", came {}", num(came.y));
        }
        for band in &fan.bands {
            text += &format!("\n{} %: {} to {}", level(band.level), at(&band.lower, i), at(&band.upper, i));
        }
        (*x, text)
    };
    fan.x.iter().enumerate().map(one).collect()
}

fn end_labels(plot: &Plot, fan: &Fan) -> Drawn {
    let last = |values: &[f64]| values.iter().rev().copied().find(|v| v.is_finite()).unwrap_or(f64::NAN);
    let mut labels: Vec<_> =
        fan.bands.iter().map(|b| (last(&b.upper), format!("{} %", level(b.level)), Ink::Muted)).collect();
    labels.push((last(&fan.median), "median".into(), Ink::Median));
    plot.labels_right(&labels)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn rows_inside_a_band_are_counted_only_where_truth_is_known() {
        let mut series = sample::single().series.remove(0);
        let fan = &mut series.held_out;
        fan.truth.truncate(3);
        fan.truth[0].y = f64::NAN;
        fan.truth[1].y = fan.median[1];
        fan.truth[2].y = 1e9;
        let counts: Vec<_> = held(fan).iter().map(|h| (h.inside, h.known)).collect();
        assert_eq!(counts, [(1, 2), (1, 2), (1, 2)]);
    }

    #[test]
    fn broken_fans_draw_without_panic() {
        let mut series = sample::single().series.remove(0);
        series.forecast.median[2] = f64::NAN;
        series.forecast.bands[0].upper[1] = f64::INFINITY;
        series.forecast.bands[1].lower.truncate(1);
        let svg = fan(&series, &series.forecast, Size::WIDE).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let empty = Fan { before: vec![], x: vec![], median: vec![], bands: vec![], truth: vec![] };
        assert!(fan(&series, &empty, Size::NARROW).unwrap().contains("no data"));
    }

    #[test]
    fn one_step_without_context_still_shows_its_bands() {
        let mut series = sample::single().series.remove(0);
        let f = &mut series.forecast;
        f.before.clear();
        f.x.truncate(1);
        f.median.truncate(1);
        for b in &mut f.bands {
            b.lower.truncate(1);
            b.upper.truncate(1);
        }
        assert_eq!(fan(&series, &series.forecast, Size::WIDE).unwrap().matches("s-band").count(), 3);
    }
}

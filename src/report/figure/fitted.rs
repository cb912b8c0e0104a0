//! Data beside what was fitted to them: histograms of counts with their probabilities, and curves through points.

use super::super::error::ReportError;
use super::super::format::{clip, num};
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};

/// Data and the law or curve fitted to them.
#[derive(Debug, Clone, PartialEq)]
pub enum Beside {
    /// Shares of counts as bars, from `first` on, and the probabilities fitted to them as a line.
    Counts {
        /// The count of the first bar.
        first: f64,
        /// Shares of what was counted, `first`, `first + 1`, … on; they sum to one.
        observed: Vec<f64>,
        /// Probabilities of the same counts; may go on longer than the data.
        fitted: Vec<f64>,
    },
    /// Points and the curve through them, both in the order of x.
    Curve {
        /// (x, y) of the data.
        observed: Vec<(f64, f64)>,
        /// (x, y) along the curve, at places of its own.
        fitted: Vec<(f64, f64)>,
    },
    /// Points that should lie about a level, 95 of 100 within `band` of it.
    About {
        /// (x, y), in any order.
        points: Vec<(f64, f64)>,
        /// Where y should lie.
        level: f64,
        /// Half the width of the range that is shaded, in the unit of y.
        band: f64,
    },
}

/// One small figure of the page of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedPanel {
    /// Above the panel.
    pub title: String,
    /// Title of the horizontal axis, with its unit.
    pub x: String,
    /// Title of the vertical axis, with its unit.
    pub y: String,
    /// What is drawn.
    pub beside: Beside,
}

/// Does the fit go through the data?
///
/// # Errors
/// Only where the drawing backend is broken.
pub fn beside(panel: &FittedPanel) -> Result<String, ReportError> {
    let size = Size::SMALL;
    let most = size.width as usize / 8;
    let frame = |x: Scale, y: Scale| Frame {
        size,
        x,
        y,
        y_title: clip(&panel.y, most),
        x_title: Some(clip(&panel.x, most)),
        right: 14.0,
        alt: format!("{}: data and fit", panel.title),
    };
    match &panel.beside {
        Beside::Counts { first, observed, fitted } => {
            let shares = || observed.iter().chain(fitted).copied().filter(|v| super::usable(*v));
            let top = shares().fold(0.0, f64::max);
            // The far tail of a law is no reason to press the rest together.
            let last = (0..observed.len().max(fitted.len()))
                .rev()
                .find(|k| [observed, fitted].iter().any(|v| v.get(*k).is_some_and(|p| *p > 2e-3 * top)));
            let (Some(last), true) = (last, top > 0.0) else { return no_data(size, &panel.title) };
            let at = |k: usize| first + k as f64;
            let x = Scale::whole(first - 0.5, at(last) + 0.5, 5);
            figure(&frame(x, Scale::numbers(0.0, 1.08 * top, 4)), |plot| {
                for (k, share) in observed.iter().enumerate().take(last + 1).filter(|(_, s)| **s > 0.0) {
                    plot.rect((at(k) - 0.45, 0.0), (at(k) + 0.45, *share), Ink::Bar)?;
                }
                let line: Vec<(f64, f64)> =
                    fitted.iter().take(last + 1).enumerate().map(|(k, p)| (at(k), *p)).collect();
                plot.line(&line, Ink::Target, 1.8)?;
                let told = |(k, p): (usize, &(f64, f64))| {
                    let seen = observed.get(k).copied().unwrap_or(0.0);
                    (p.0, format!("{}: observed {}, fitted {}", num(p.0), num(seen), num(p.1)))
                };
                plot.hovers(&line.iter().enumerate().map(told).collect::<Vec<_>>());
                // Few counts are points, not a curve.
                let points = if line.len() <= 40 { &line[..] } else { &[] };
                points.iter().try_for_each(|point| plot.dot(*point, 2.2, Ink::Target))
            })
        }
        Beside::Curve { observed, fitted } => {
            let all = || observed.iter().chain(fitted);
            let (x, y) = (Scale::values(all().map(|p| p.0), 5), Scale::values(all().map(|p| p.1), 4));
            let (Some(x), Some(y)) = (x, y) else { return no_data(size, &panel.title) };
            figure(&frame(x, y), |plot| {
                plot.line(fitted, Ink::Target, 1.8)?;
                observed.iter().try_for_each(|point| plot.dot(*point, 2.6, Ink::Median))
            })
        }
        Beside::About { points, level, band } => {
            let edges = [level - band, level + band];
            let reach = points.iter().map(|p| p.1).chain(edges);
            let (x, y) = (Scale::values(points.iter().map(|p| p.0), 5), Scale::values(reach, 4));
            let (Some(x), Some(y)) = (x, y) else { return no_data(size, &panel.title) };
            let frame = frame(x, y);
            figure(&frame, |plot| {
                let (lo, hi) = (frame.x.lo, frame.x.hi);
                plot.rect((lo, edges[0]), (hi, edges[1]), Ink::Tolerance)?;
                plot.line(&[(lo, *level), (hi, *level)], Ink::Target, 1.4)?;
                for point in points {
                    let outside = (point.1 - level).abs() > *band;
                    plot.dot(*point, 2.6, if outside { Ink::BarOut } else { Ink::Median })?;
                }
                Ok(())
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_bars_and_curves_are_points_with_a_line() {
        let panel = |beside| FittedPanel { title: "t".into(), x: "rna".into(), y: "share".into(), beside };
        let counts = Beside::Counts { first: 0.0, observed: vec![0.5, 0.3, 0.2], fitted: vec![0.48, 0.32, 0.2, 1e-9] };
        let drawn = beside(&panel(counts)).unwrap();
        assert_eq!(drawn.matches("f-bar").count(), 3, "{drawn}");
        assert!(drawn.contains("s-target"));
        let curve = Beside::Curve { observed: vec![(0.0, 1.0), (f64::NAN, 2.0)], fitted: vec![(0.0, 1.1), (1.0, 0.4)] };
        let drawn = beside(&panel(curve)).unwrap();
        assert!(drawn.contains("s-target") && drawn.contains("f-median") && !drawn.contains("NaN"), "{drawn}");
        let points = vec![(0.0, 0.1), (1.0, -3.0), (2.0, f64::NAN)];
        let drawn = beside(&panel(Beside::About { points, level: 0.0, band: 1.96 })).unwrap();
        assert!(drawn.matches("f-barout").count() == 1 && drawn.contains("f-tolerance"), "{drawn}");
        let none = Beside::Counts { first: 0.0, observed: vec![], fitted: vec![] };
        assert!(beside(&panel(none)).unwrap().contains("no data"));
    }
}

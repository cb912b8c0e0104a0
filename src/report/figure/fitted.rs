//! Data beside what was fitted to them: one kind of panel for each question about a fit.

use super::super::error::ReportError;
use super::super::format::{clip, moment, num};
use super::super::view::{Axis, CoefficientView, ProfileView};
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};
use super::history::ticks_across;
use super::thin::thin;
use super::{Acf, PitBins, Quantiles};
use crate::stats::Tally;

/// Dots of a record drawn: more would be one stain, and a heavy page.
const MOST_DOTS: usize = 1200;

/// Data and the law or curve fitted to them.
#[derive(Debug, Clone, PartialEq)]
pub enum Beside {
    /// How often each count came, and how often by the law.
    Counts(Tally),
    /// A record through time.
    Path {
        /// What the horizontal axis is.
        axis: Axis,
        /// (x, y), in the order of x.
        points: Vec<(f64, f64)>,
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
        /// What the horizontal axis is.
        axis: Axis,
        /// (x, y), in any order.
        points: Vec<(f64, f64)>,
        /// Where y should lie.
        level: f64,
        /// Half the width of the range that is shaded, in the unit of y.
        band: f64,
    },
    /// Drift or diffusion over the state.
    Law(CoefficientView),
    /// The log-likelihood along one parameter.
    Profile(ProfileView),
    /// Autocorrelations of these residuals.
    Acf(Vec<f64>),
    /// These residuals in order, beside the normal law.
    Quantiles(Vec<f64>),
    /// The same as probabilities, in ten bins.
    Pit(Vec<f64>),
}

/// One figure of a section.
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
pub fn beside(panel: &FittedPanel, size: Size) -> Result<String, ReportError> {
    match &panel.beside {
        Beside::Counts(tally) => super::counts::counts(tally, &panel.x, size),
        Beside::Path { axis, points } => path(panel, size, *axis, points),
        Beside::Curve { observed, fitted } => curve(panel, size, (observed, fitted)),
        Beside::About { axis, points, level, band } => about(panel, size, *axis, points, (*level, *band)),
        Beside::Law(of) => super::law(of, size),
        Beside::Profile(of) => super::profile(of, size),
        Beside::Acf(residuals) => super::acf(Acf::of(residuals).as_ref(), size),
        Beside::Quantiles(residuals) => super::quantiles(Quantiles::of(residuals).as_ref(), size),
        Beside::Pit(pit) => super::pit(&PitBins::new(pit), size),
    }
}

fn frame(panel: &FittedPanel, size: Size, x: Scale, y: Scale) -> Frame {
    let most = size.width as usize / 8;
    Frame {
        size,
        x,
        y,
        y_title: clip(&panel.y, most),
        x_title: Some(clip(&panel.x, most)).filter(|x| !x.is_empty()),
        right: 14.0,
        alt: format!("{}: data and fit", panel.title),
    }
}

fn path(panel: &FittedPanel, size: Size, axis: Axis, points: Points) -> Result<String, ReportError> {
    let x = Scale::times(axis, points.iter().map(|p| p.0), ticks_across(size));
    let (Some(x), Some(y)) = (x, Scale::values(points.iter().map(|p| p.1), 4)) else {
        return no_data(size, &panel.title);
    };
    figure(&frame(panel, size.lower(), x, y), |plot| plot.line(&thin(points, plot.columns()), Ink::Data, 1.4))
}

type Points<'a> = &'a [(f64, f64)];

fn curve(panel: &FittedPanel, size: Size, (observed, fitted): (Points, Points)) -> Result<String, ReportError> {
    let all = || observed.iter().chain(fitted);
    let (x, y) = (Scale::values(all().map(|p| p.0), 5), Scale::values(all().map(|p| p.1), 4));
    let (Some(x), Some(y)) = (x, y) else { return no_data(size, &panel.title) };
    figure(&frame(panel, size, x, y), |plot| {
        let columns = plot.columns();
        plot.line(&thin(fitted, columns), Ink::Target, 1.8)?;
        thin(observed, columns).iter().try_for_each(|point| plot.dot(*point, radius(observed), Ink::Median))
    })
}

/// Many dots are small ones.
fn radius(points: Points) -> f64 {
    if points.len() > 400 { 1.5 } else { 2.6 }
}

fn about(
    panel: &FittedPanel,
    size: Size,
    axis: Axis,
    points: Points,
    (level, band): (f64, f64),
) -> Result<String, ReportError> {
    let edges = [level - band, level + band];
    let reach = points.iter().map(|p| p.1).chain(edges);
    let x = Scale::times(axis, points.iter().map(|p| p.0), ticks_across(size));
    let (Some(x), Some(y)) = (x, Scale::values(reach, 4)) else { return no_data(size, &panel.title) };
    let frame = frame(panel, size, x, y);
    figure(&frame, |plot| {
        let (lo, hi) = (frame.x.lo, frame.x.hi);
        if band > 0.0 {
            plot.rect((lo, edges[0]), (hi, edges[1]), Ink::Tolerance)?;
        }
        plot.line(&[(lo, level), (hi, level)], Ink::Target, 1.4)?;
        let is_out = |p: &(f64, f64)| (p.1 - level).abs() > band * (1.0 + 1e-12);
        let shown = scattered(points, is_out);
        for point in &shown {
            let outside = is_out(point);
            plot.dot(*point, radius(points), if outside { Ink::BarOut } else { Ink::Median })?;
        }
        let told = |p: &(f64, f64)| (p.0, format!("{}: {}", moment(axis, p.0), num(p.1)));
        plot.hovers(&shown.iter().map(told).collect::<Vec<_>>());
        Ok(())
    })
}

/// Every k-th point, and all that are out of their range as long as these are not too many.
fn scattered(points: Points, is_out: impl Fn(&(f64, f64)) -> bool) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(MOST_DOTS).max(1);
    let out = points.iter().filter(|p| is_out(p)).count() <= MOST_DOTS;
    let kept = points.iter().enumerate().filter(|(i, p)| i % every == 0 || out && is_out(p));
    kept.map(|(_, p)| *p).filter(|p| super::usable(p.0) && super::usable(p.1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Bars;

    fn panel(beside: Beside) -> FittedPanel {
        FittedPanel { title: "t".into(), x: "rna".into(), y: "share".into(), beside }
    }

    #[test]
    fn curves_are_points_with_a_line_and_residuals_have_their_range() {
        let curve = Beside::Curve { observed: vec![(0.0, 1.0), (f64::NAN, 2.0)], fitted: vec![(0.0, 1.1), (1.0, 0.4)] };
        let drawn = beside(&panel(curve), Size::SMALL).unwrap();
        assert!(drawn.contains("s-target") && drawn.contains("f-median") && !drawn.contains("NaN"), "{drawn}");
        let points = vec![(0.0, 0.1), (1.0, -3.0), (2.0, f64::NAN)];
        let about = Beside::About { axis: Axis::Numbers, points, level: 0.0, band: 1.96 };
        let drawn = beside(&panel(about), Size::WIDE).unwrap();
        assert!(drawn.matches("f-barout").count() == 1 && drawn.contains("f-tolerance"), "{drawn}");
        let many: Vec<(f64, f64)> = (0..9000).map(|i| (f64::from(i), if i == 7 { 5.0 } else { 0.1 })).collect();
        let shown = scattered(&many, |p| p.1.abs() > 1.96);
        assert!(shown.len() <= MOST_DOTS + 1 && shown.contains(&(7.0, 5.0)), "{}", shown.len());
        let exact = Beside::About { axis: Axis::Dates, points: vec![(0.0, 10.0), (9e4, 9.0)], level: 10.0, band: 0.0 };
        let drawn = beside(&panel(exact), Size::NARROW).unwrap();
        assert!(drawn.matches("f-barout").count() == 1 && !drawn.contains("f-tolerance"), "{drawn}");
    }

    #[test]
    fn what_cannot_be_drawn_says_so() {
        let bars = Bars { first: 0, width: 1, len: 0 };
        let empty = Tally { bars, n: 0, observed: vec![], expected: vec![], range: vec![] };
        for nothing in [
            Beside::Counts(empty),
            Beside::Path { axis: Axis::Numbers, points: vec![(f64::NAN, 1.0)] },
            Beside::Curve { observed: vec![], fitted: vec![] },
            Beside::About { axis: Axis::Dates, points: vec![], level: f64::NAN, band: f64::NAN },
            Beside::Law(CoefficientView::default()),
            Beside::Acf(vec![f64::NAN; 40]),
            Beside::Quantiles(vec![]),
            Beside::Pit(vec![f64::NAN]),
        ] {
            let drawn = beside(&panel(nothing.clone()), Size::SMALL).unwrap();
            assert!(drawn.contains("no data"), "{nothing:?}");
        }
    }
}

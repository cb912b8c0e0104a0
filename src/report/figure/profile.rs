//! The likelihood as one parameter sees it.

use super::super::error::ReportError;
use super::super::format::{clip, num, with_unit};
use super::super::view::ProfileView;
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};

/// Drop in log-likelihood at which a value is ruled out at 5 %: half the 95 % point of chi-square on one degree of freedom.
const RULED_OUT: f64 = 1.920729;

/// Which values of this parameter do the data rule out?
pub fn profile(of: &ProfileView, size: Size) -> Result<String, ReportError> {
    let alt = format!("Log-likelihood along {} below its highest", of.name);
    // Far beyond the interval the curve says no more.
    let points: Vec<(f64, f64)> =
        of.curve.iter().copied().filter(|p| p.1 < 3.0 * RULED_OUT).map(|p| (p.0, -p.1)).collect();
    let x = Scale::values(points.iter().map(|p| p.0), 4);
    let y = Scale::values(points.iter().map(|p| p.1).chain([0.3, -1.6 * RULED_OUT]), 4);
    let (Some(x), Some(y), true) = (x, y, points.len() > 1) else { return no_data(size, &alt) };
    let frame = Frame {
        size,
        x,
        y,
        y_title: "log-likelihood below its highest".into(),
        x_title: Some(clip(&with_unit(&of.name, &of.unit), 44)),
        right: 14.0,
        alt,
    };
    figure(&frame, |plot| {
        let (lo, hi) = (of.lower.unwrap_or(frame.x.lo), of.upper.unwrap_or(frame.x.hi));
        plot.rect((lo.max(frame.x.lo), frame.y.lo), (hi.min(frame.x.hi), frame.y.hi), Ink::HeldArea)?;
        plot.line(&[(frame.x.lo, -RULED_OUT), (frame.x.hi, -RULED_OUT)], Ink::Target, 1.2)?;
        plot.line(&points, Ink::Median, 2.0)?;
        plot.line(&[(of.estimate, frame.y.lo), (of.estimate, 0.0)], Ink::Rule, 1.0)?;
        plot.dot((of.estimate, 0.0), 3.0, Ink::Median)?;
        let told = |p: &(f64, f64)| (p.0, format!("{} = {}: {} below", of.name, num(p.0), num(-p.1)));
        plot.hovers(&points.iter().map(told).collect::<Vec<_>>());
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn the_interval_is_tinted_and_an_open_end_reaches_the_frame() {
        let mut of = sample::single().series.remove(0).profiles.remove(0);
        let svg = profile(&of, Size::SMALL).unwrap();
        assert!(svg.contains("f-heldarea") && svg.contains("s-target") && svg.contains("small"), "{svg}");
        (of.lower, of.upper) = (None, None);
        of.curve[0].1 = f64::INFINITY;
        assert!(!profile(&of, Size::WIDE).unwrap().contains("inf"));
        of.curve.clear();
        assert!(profile(&of, Size::NARROW).unwrap().contains("no data"));
    }
}

//! Drift and diffusion of the fitted law over the states that were seen, with what the data say without a model.

use super::super::error::ReportError;
use super::super::format::{clip, num, with_unit};
use super::super::view::CoefficientView;
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};

/// Where does the law push, or how strongly does it shake, and how well is that known?
pub fn law(of: &CoefficientView, size: Size) -> Result<String, ReportError> {
    let alt = format!("Fitted {} over {}, with its 95 % band", of.name, of.state);
    let curve = of.value.iter().chain(&of.lower).chain(&of.upper).copied();
    // A bin that says nearly nothing must not flatten the curve.
    let y = Scale::values(curve.chain(of.seen.iter().map(|s| s.value)), 5);
    let x = Scale::values(of.x.iter().copied(), if size.width > 600 { 8 } else { 4 });
    let (Some(x), Some(y)) = (x, y) else { return no_data(size, &alt) };
    let most = size.width as usize / 8;
    let frame = Frame {
        size: size.lower(),
        y_title: clip(&with_unit(&of.name, &of.unit), most),
        x_title: Some(clip(&of.state, most)),
        right: 14.0,
        alt,
        x,
        y,
    };
    let points = |y: &[f64]| -> Vec<(f64, f64)> { of.x.iter().copied().zip(y.iter().copied()).collect() };
    figure(&frame, |plot| {
        let mut ring = points(&of.upper);
        ring.extend(points(&of.lower).into_iter().rev());
        plot.area(&ring, Ink::Band)?;
        if frame.y.lo < 0.0 && frame.y.hi > 0.0 {
            plot.line(&[(frame.x.lo, 0.0), (frame.x.hi, 0.0)], Ink::Rule, 1.0)?;
        }
        for seen in &of.seen {
            let (low, high) = (seen.lower.max(frame.y.lo), seen.upper.min(frame.y.hi));
            plot.line(&[(seen.x, low), (seen.x, high)], Ink::Data, 1.2)?;
            plot.dot((seen.x, seen.value), 2.8, Ink::Data)?;
        }
        plot.line(&points(&of.value), Ink::Median, 2.2)?;
        let told = |(i, x): (usize, &f64)| {
            let at = |v: &[f64]| num(v.get(i).copied().unwrap_or(f64::NAN));
            (*x, format!("{} {}: {} ({} to {})", of.name, num(*x), at(&of.value), at(&of.lower), at(&of.upper)))
        };
        plot.hovers(&of.x.iter().enumerate().map(told).collect::<Vec<_>>());
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn curve_band_and_bins_are_drawn_and_a_missing_band_is_none() {
        let mut of = sample::single().series.remove(0).coefficients.remove(0);
        let svg = law(&of, Size::WIDE).unwrap();
        assert!(svg.contains("f-band") && svg.contains("s-median") && svg.contains("f-data"), "{svg}");
        of.lower.fill(f64::NAN);
        of.upper.clear();
        let svg = law(&of, Size::NARROW).unwrap();
        assert!(!svg.contains("f-band") && svg.contains("s-median") && !svg.contains("NaN"), "{svg}");
        assert!(law(&CoefficientView::default(), Size::WIDE).unwrap().contains("no data"));
    }
}

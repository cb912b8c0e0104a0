//! Drift and diffusion over the state: estimates with their band, and the formula through them.
//!
//! An SVG file of its own, so it brings its colours and fonts along instead of taking the page's.

use super::super::error::ReportError;
use super::super::format::{clip, escape};
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};

/// One curve: what is estimated at each state, and what the formula says there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CurveView {
    /// What is measured, with its unit.
    pub title: String,
    /// Increasing.
    pub x: Vec<f64>,
    /// `[x]`: the estimates.
    pub value: Vec<f64>,
    /// `[x]`: lower ends of the pointwise 95 % intervals.
    pub lower: Vec<f64>,
    /// `[x]`: upper ends of the pointwise 95 % intervals.
    pub upper: Vec<f64>,
    /// `[x]`: what the formula says at the same states.
    pub formula: Vec<f64>,
}

const STYLE: &str = "text{font-family:system-ui,'DejaVu Sans',Arial,sans-serif;font-size:52px}.f-label{fill:#222}.f-muted{fill:#666}.s-grid{stroke:#e4e4e4}.s-rule{stroke:#999}.f-band{fill:#0072B2;fill-opacity:.2}.f-median{fill:#0072B2}.s-target{stroke:#D55E00}.f-target{fill:#D55E00}";

/// Where does the state go, and how strongly is it shaken? Panels under each other: dots and band are estimates, the line is the
/// formula.
///
/// # Errors
/// Only where the drawing backend is broken.
pub fn coefficients(panels: &[CurveView], variable: &str) -> Result<String, ReportError> {
    let size = Size::WIDE;
    let mut inner = String::new();
    for (k, panel) in panels.iter().enumerate() {
        let drawn = draw(panel, variable, size)?;
        let place =
            format!("<svg y=\"{}\" width=\"{}\" height=\"{}\" ", k as i32 * size.height, size.width, size.height);
        inner.push_str(&drawn.replacen("<svg ", &place, 1));
    }
    let height = panels.len() as i32 * size.height;
    let alt = escape(&format!("Drift and diffusion over {variable}"));
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{height}\" viewBox=\"0 0 {0} {height}\" role=\"img\" aria-label=\"{alt}\"><style>{STYLE}</style><rect width=\"{0}\" height=\"{height}\" fill=\"#fff\"/>{inner}</svg>\n",
        size.width
    ))
}

fn draw(panel: &CurveView, variable: &str, size: Size) -> Result<String, ReportError> {
    let values = panel.value.iter().chain(&panel.lower).chain(&panel.upper).chain(&panel.formula).copied();
    let (Some(x), Some(y)) = (Scale::values(panel.x.iter().copied(), 8), Scale::values(values, 5)) else {
        return no_data(size, &panel.title);
    };
    let frame = Frame {
        size,
        x,
        y,
        y_title: clip(&panel.title, size.width as usize / 8),
        x_title: Some(clip(variable, size.width as usize / 8)),
        right: 90.0,
        alt: panel.title.clone(),
    };
    let points = |y: &[f64]| -> Vec<(f64, f64)> { panel.x.iter().copied().zip(y.iter().copied()).collect() };
    figure(&frame, |plot| {
        let mut edge = points(&panel.upper);
        edge.extend(points(&panel.lower).into_iter().rev());
        plot.area(&edge, Ink::Band)?;
        plot.line(&points(&panel.formula), Ink::Target, 2.0)?;
        for point in points(&panel.value) {
            plot.dot(point, 3.0, Ink::Median)?;
        }
        let ends = [(&panel.formula, "formula", Ink::Target), (&panel.value, "estimate", Ink::Median)];
        let labels: Vec<_> = ends
            .into_iter()
            .filter_map(|(y, name, ink)| Some((*y.last()?, name.to_string(), ink)))
            .filter(|(y, ..)| super::usable(*y))
            .collect();
        plot.labels_right(&labels)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_panels_are_drawn_in_a_file_that_stands_alone() {
        let panel = |title: &str| CurveView {
            title: title.into(),
            x: vec![0.0, 1.0, 2.0],
            value: vec![1.0, 0.0, -1.0],
            lower: vec![0.8, -0.2, -1.2],
            upper: vec![1.2, 0.2, -0.8],
            formula: vec![1.1, 0.1, f64::NAN],
        };
        let file = coefficients(&[panel("drift"), panel("a < b")], "x (mol)").unwrap();
        assert!(file.starts_with("<svg xmlns") && file.trim_end().ends_with("</svg>"));
        assert_eq!(file.matches("<svg").count(), 3);
        assert!(file.contains("f-band") && file.contains("s-target") && file.contains("estimate"), "{file}");
        assert!(file.contains("a &lt; b") && !file.contains("NaN"), "{file}");
        let bare = coefficients(&[CurveView::default()], "x").unwrap();
        assert!(bare.contains("no data"), "{bare}");
    }
}

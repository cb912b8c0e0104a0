//! Heat maps: how large a value is over two axes, one panel or several beside each other with one colour bar.
//!
//! As a file of its own it brings its colours and fonts along; on a page it takes those of the page.

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, IntoFont, PathElement, Rectangle, SVGBackend, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};

use super::super::error::ReportError;
use super::super::format::escape;
use super::axis::Scale;
use super::canvas::{Drawn, Size, without};

/// Whole-number steps of the SVG per CSS pixel, as on the canvas of the page's figures.
const FINE: f64 = 4.0;
/// Colours told apart; neighbours of one colour are drawn as one rectangle.
const SHADES: usize = 64;
/// Most rectangles along an axis: more would be finer than the picture.
const MOST: usize = 240;

const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);

/// One panel of a map of colour: values at places along two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// Above the panel.
    pub title: String,
    /// Increasing.
    pub x: Vec<f64>,
    /// Increasing.
    pub y: Vec<f64>,
    /// `[y × len(x) + x]`; what is not finite is left white.
    pub values: Vec<f64>,
}

/// What the axes and colours of all panels measure, with units.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMapLabels {
    /// Title of the horizontal axis.
    pub x: String,
    /// Title of the vertical axis.
    pub y: String,
    /// Title of the colour bar.
    pub colour: String,
    /// What a reader who cannot see the figure is told.
    pub alt: String,
}

/// Where things stand, in CSS pixels.
struct Layout {
    panel: (f64, f64),
    columns: usize,
    /// Room for the labels of the vertical axis, and for the bar and its labels.
    left: f64,
    bar: f64,
    width: f64,
    height: f64,
}

const TOP: f64 = 46.0;
const BELOW: f64 = 52.0;
const GAP: f64 = 16.0;

impl Layout {
    fn file(panels: &[HeatMap], columns: usize) -> Layout {
        let columns = columns.clamp(1, panels.len().max(1));
        Layout::of(panels, columns, if columns == 1 { (560.0, 340.0) } else { (340.0, 220.0) }, (62.0, 96.0))
    }

    /// As wide as the figures of a page: two panels beside each other on a wide one.
    fn page(panels: &[HeatMap], size: Size) -> Layout {
        let wide = size.width > 600;
        let columns = if wide && panels.len() > 1 { 2 } else { 1 };
        let (left, bar) = if wide { (58.0, 90.0) } else { (46.0, 72.0) };
        let each = (f64::from(size.width) - bar) / columns as f64 - left - GAP;
        Layout::of(panels, columns, (each, if wide && columns == 1 { 340.0 } else { 220.0 }), (left, bar))
    }

    fn of(panels: &[HeatMap], columns: usize, panel: (f64, f64), (left, bar): (f64, f64)) -> Layout {
        let rows = panels.len().div_ceil(columns);
        let width = columns as f64 * (left + panel.0 + GAP) + bar;
        Layout { panel, columns, left, bar, width, height: rows as f64 * (TOP + panel.1 + BELOW) }
    }

    /// Left, top, right and bottom of a panel's drawing.
    fn place(&self, k: usize) -> [f64; 4] {
        let (column, row) = ((k % self.columns) as f64, (k / self.columns) as f64);
        let left = column * (self.left + self.panel.0 + GAP) + self.left;
        let top = row * (TOP + self.panel.1 + BELOW) + TOP;
        [left, top, left + self.panel.0, top + self.panel.1]
    }
}

/// Draw panels, `columns` beside each other, as one SVG file. Colours are those of viridis, from the least to the largest value
/// of all panels.
///
/// # Errors
/// Only where the drawing backend is broken.
pub fn heat_maps(panels: &[HeatMap], labels: &HeatMapLabels, columns: usize) -> Result<String, ReportError> {
    let layout = Layout::file(panels, columns);
    let start =
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\"", layout.width, layout.height);
    let body = drawn(panels, labels, &layout, Some(&PAPER))?;
    Ok(element(&start, &layout, labels, &body) + "\n")
}

/// The same for a page, in its fonts and in the colour of its text.
///
/// # Errors
/// As for [`heat_maps`].
pub fn heat_maps_of_page(panels: &[HeatMap], labels: &HeatMapLabels, size: Size) -> Result<String, ReportError> {
    let layout = Layout::page(panels, size);
    let body = drawn(panels, labels, &layout, None)?;
    let RGBColor(r, g, b) = INK;
    let body = body.replace(&format!("\"#{r:02X}{g:02X}{b:02X}\""), "\"currentColor\"");
    let body = without(&without(&body, " font-family=\""), " font-size=\"");
    Ok(element(&format!("<svg class=\"fig {}\"", size.class), &layout, labels, &body))
}

fn drawn(
    panels: &[HeatMap],
    labels: &HeatMapLabels,
    layout: &Layout,
    paper: Option<&RGBColor>,
) -> Result<String, ReportError> {
    let finite = panels.iter().flat_map(|p| &p.values).copied().filter(|v| super::usable(*v));
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let colours = Scale::numbers(if low.is_finite() { low } else { 0.0 }, if high.is_finite() { high } else { 1.0 }, 5);
    let mut svg = String::new();
    {
        let size = (fine(layout.width) as u32, fine(layout.height) as u32);
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        if let Some(paper) = paper {
            root.fill(paper).map_err(refused)?;
        }
        let draw = Draw { root: &root, colours: &colours };
        for (k, panel) in panels.iter().enumerate() {
            draw.panel(panel, labels, layout.place(k))?;
        }
        draw.bar(&labels.colour, layout.width - layout.bar + 6.0, layout)?;
        root.present().map_err(refused)?;
    }
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    Ok(body.replace(">\n", ">").replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", "").trim_end().to_string())
}

fn element(start: &str, layout: &Layout, labels: &HeatMapLabels, body: &str) -> String {
    format!(
        "{start} viewBox=\"0 0 {} {}\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"{}\">{body}",
        fine(layout.width),
        fine(layout.height),
        escape(&labels.alt),
    )
}

fn fine(px: f64) -> i32 {
    (px * FINE).round() as i32
}

fn refused<E: std::fmt::Display>(error: E) -> ReportError {
    ReportError::Figure(error.to_string())
}

struct Draw<'a, 'b> {
    root: &'b DrawingArea<SVGBackend<'a>, Shift>,
    colours: &'b Scale,
}

impl Draw<'_, '_> {
    fn shade(&self, value: f64) -> Option<usize> {
        let share = (value - self.colours.lo) / (self.colours.hi - self.colours.lo);
        super::usable(value).then(|| ((share * SHADES as f64) as usize).min(SHADES - 1))
    }

    fn text(&self, text: &str, (px, py): (f64, f64), side: HPos) -> Drawn {
        let style = ("sans-serif", fine(13.0)).into_font().color(&INK).pos(Pos::new(side, VPos::Center));
        self.root.draw(&Text::new(text.to_string(), (fine(px), fine(py)), style)).map_err(refused)
    }

    fn line(&self, from: (f64, f64), to: (f64, f64)) -> Drawn {
        let points = vec![(fine(from.0), fine(from.1)), (fine(to.0), fine(to.1))];
        self.root.draw(&PathElement::new(points, INK.stroke_width(fine(1.0) as u32))).map_err(refused)
    }

    fn fill(&self, from: (f64, f64), to: (f64, f64), shade: usize) -> Drawn {
        let corners = [(fine(from.0), fine(from.1)), (fine(to.0), fine(to.1))];
        let colour = viridis((shade as f64 + 0.5) / SHADES as f64);
        self.root.draw(&Rectangle::new(corners, colour.filled())).map_err(refused)
    }

    fn frame(&self, [left, top, right, bottom]: [f64; 4]) -> Drawn {
        for (from, to) in [
            ((left, top), (right, top)),
            ((left, bottom), (right, bottom)),
            ((left, top), (left, bottom)),
            ((right, top), (right, bottom)),
        ] {
            self.line(from, to)?;
        }
        Ok(())
    }

    fn panel(&self, panel: &HeatMap, labels: &HeatMapLabels, place: [f64; 4]) -> Drawn {
        let [left, top, right, bottom] = place;
        let (Some(x), Some(y)) = (Edges::of(&panel.x, left, right), Edges::of(&panel.y, bottom, top)) else {
            return self.text("no data", (0.5 * (left + right), 0.5 * (top + bottom)), HPos::Center);
        };
        for (row, low) in y.nodes.iter().zip(y.pixels.windows(2)) {
            let mut k = 0;
            while k < x.nodes.len() {
                let value = |k: usize| panel.values.get(row * panel.x.len() + x.nodes[k]).copied().unwrap_or(f64::NAN);
                let shade = self.shade(value(k));
                let from = k;
                while k < x.nodes.len() && self.shade(value(k)) == shade {
                    k += 1;
                }
                if let Some(shade) = shade {
                    self.fill((x.pixels[from], low[1]), (x.pixels[k], low[0]), shade)?;
                }
            }
        }
        self.frame(place)?;
        for tick in Scale::numbers(x.from, x.to, if right - left > 260.0 { 6 } else { 4 }).ticks {
            let px = left + (tick.at - x.from) / (x.to - x.from) * (right - left);
            self.line((px, bottom), (px, bottom + 5.0))?;
            self.text(&tick.label, (px, bottom + 15.0), HPos::Center)?;
        }
        for tick in Scale::numbers(y.from, y.to, 5).ticks {
            let py = bottom - (tick.at - y.from) / (y.to - y.from) * (bottom - top);
            self.line((left - 5.0, py), (left, py))?;
            self.text(&tick.label, (left - 9.0, py), HPos::Right)?;
        }
        self.text(&panel.title, (0.5 * (left + right), top - 14.0), HPos::Center)?;
        self.text(&labels.x, (0.5 * (left + right), bottom + 35.0), HPos::Center)?;
        // Upright, above the axis: turned text is slow to read.
        self.text(&labels.y, (left - 44.0, top - 14.0), HPos::Left)
    }

    fn bar(&self, title: &str, left: f64, layout: &Layout) -> Drawn {
        let [_, top, _, bottom] = layout.place(0);
        let (right, step) = (left + 18.0, (bottom - top) / SHADES as f64);
        for shade in 0..SHADES {
            let low = bottom - shade as f64 * step;
            self.fill((left, low - step), (right, low), shade)?;
        }
        self.frame([left, top, right, bottom])?;
        let (lo, hi) = (self.colours.lo, self.colours.hi);
        for tick in &self.colours.ticks {
            let py = bottom - (tick.at - lo) / (hi - lo) * (bottom - top);
            self.line((right, py), (right + 4.0, py))?;
            self.text(&tick.label, (right + 8.0, py), HPos::Left)?;
        }
        self.text(title, (layout.width - 8.0, top - 30.0), HPos::Right)
    }
}

/// The rectangles along one axis: which node each shows, and the pixels between them, half-way between nodes.
struct Edges {
    nodes: Vec<usize>,
    pixels: Vec<f64>,
    from: f64,
    to: f64,
}

impl Edges {
    fn of(nodes: &[f64], first: f64, last: f64) -> Option<Edges> {
        let (from, to) = (*nodes.first()?, *nodes.last()?);
        if !(from < to && super::usable(from) && super::usable(to)) {
            return None;
        }
        let every = nodes.len().div_ceil(MOST);
        let kept: Vec<usize> = (0..nodes.len()).step_by(every).collect();
        let pixel = |x: f64| first + (x - from) / (to - from) * (last - first);
        let mut pixels = vec![first];
        pixels.extend(kept.windows(2).map(|w| pixel(0.5 * (nodes[w[0]] + nodes[w[1]]))));
        pixels.push(last);
        Some(Edges { nodes: kept, pixels, from, to })
    }
}

/// The colours of viridis (Smith & van der Walt 2015), by polynomials fitted to its table (Zucker 2018).
fn viridis(share: f64) -> RGBColor {
    const COEFFICIENTS: [[f64; 3]; 7] = [
        [0.277_727, 0.005_407, 0.334_100],
        [0.105_093, 1.404_614, 1.384_590],
        [-0.330_862, 0.214_848, 0.095_095],
        [-4.634_230, -5.799_101, -19.332_441],
        [6.228_270, 14.179_933, 56.690_553],
        [4.776_385, -13.745_145, -65.353_033],
        [-5.435_456, 4.645_853, 26.312_435],
    ];
    let channel = |k: usize| {
        let value = COEFFICIENTS.iter().rev().fold(0.0, |sum, row| sum * share + row[k]);
        (value * 255.0).clamp(0.0, 255.0).round() as u8
    };
    RGBColor(channel(0), channel(1), channel(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> HeatMapLabels {
        let of = |text: &str| text.to_string();
        HeatMapLabels { x: of("x (length)"), y: of("t (time)"), colour: of("u <K>"), alt: of("u \"over\" x and t") }
    }

    fn panel(values: Vec<f64>) -> HeatMap {
        HeatMap { title: "run".to_string(), x: vec![0.0, 0.5, 1.0], y: vec![0.0, 2.0], values }
    }

    #[test]
    fn viridis_goes_from_dark_to_light_without_turning() {
        assert_eq!(viridis(0.0), RGBColor(71, 1, 85));
        let light = |share: f64| {
            let RGBColor(r, g, b) = viridis(share);
            0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
        };
        let lights: Vec<f64> = (0..=20).map(|k| light(f64::from(k) / 20.0)).collect();
        assert!(lights.windows(2).all(|w| w[1] > w[0]), "{lights:?}");
    }

    #[test]
    fn equal_neighbours_are_one_rectangle_and_gaps_are_white() {
        let svg = heat_maps(&[panel(vec![1.0, 1.0, 2.0, f64::NAN, 1.0, 1.0])], &labels(), 1).unwrap();
        // Paper, three patches (1 1 | 2, then 1 1), and the bar.
        assert_eq!(svg.matches("<rect").count(), 1 + 3 + SHADES);
        assert!(svg.contains("u &lt;K&gt;") && svg.contains("u &quot;over&quot; x"), "{svg}");
    }

    #[test]
    fn on_a_page_it_has_the_pages_colours_and_width() {
        let panels = [panel(vec![1.0; 6]), panel(vec![2.0; 6])];
        for size in [Size::WIDE, Size::NARROW] {
            let svg = heat_maps_of_page(&panels, &labels(), size).unwrap();
            assert!(svg.contains(&format!("class=\"fig {}\" viewBox=\"0 0 {} ", size.class, 4 * size.width)), "{svg}");
            assert!(svg.contains("currentColor") && !svg.contains("#333333") && !svg.contains("font-size"), "{svg}");
        }
    }

    #[test]
    fn a_panel_without_extent_says_so() {
        let empty = HeatMap { title: String::new(), x: vec![1.0], y: Vec::new(), values: vec![f64::NAN] };
        assert!(heat_maps(&[empty], &labels(), 2).unwrap().contains("no data"));
        assert!(heat_maps(&[], &labels(), 2).unwrap().ends_with("</svg>\n"));
    }
}

//! The drawing surface: plotters behind a handful of strokes in data coordinates, and a theme that is the page's.
//!
//! Every stroke is drawn in a sentinel colour and then given a CSS class, so one figure serves light, dark and print.

use plotters::coord::Shift;
use plotters::prelude::{
    Circle, DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon, Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};
use std::cell::RefCell;

use super::super::error::ReportError;
use super::super::format::escape;
use super::axis::{Scale, Tick};

/// Whole-number steps of the SVG per CSS pixel: plotters draws in integers, and a pixel is too coarse for a curve.
const FINE: i32 = 4;
/// Height of one line of tick labels, CSS pixels.
const LINE: f64 = 16.0;

pub type Drawn = Result<(), ReportError>;

/// Width and height of a figure in CSS pixels, and the class under which the style sheet finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: i32,
    pub height: i32,
    pub class: &'static str,
}

impl Size {
    pub const WIDE: Size = Size { width: 840, height: 320, class: "wide" };
    pub const NARROW: Size = Size { width: 360, height: 270, class: "narrow" };

    /// One of many side by side.
    pub const SMALL: Size = Size { width: 400, height: 240, class: "small" };

    /// The same width at a part of the height.
    pub fn lower(self) -> Size {
        Size { height: self.height * 4 / 5, ..self }
    }
}

/// What a stroke stands for; the style sheet gives it colour, dash and opacity (`.s-NAME`, `.f-NAME`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Label,
    Muted,
    Grid,
    Rule,
    Data,
    HeldLine,
    HeldArea,
    Band,
    Median,
    Truth,
    /// Under a line or dot that lies on colours, so that it is seen on all of them.
    Halo,
    Bar,
    BarOut,
    Tolerance,
    Target,
    Chosen,
    Model(u8),
    /// A line among others that may lie on it: its gaps show them.
    Over(u8),
    Baseline(u8),
}

/// Distinct lines of models before they repeat.
pub const MODEL_LINES: u8 = 5;
/// Distinct lines of baselines before they repeat.
pub const BASELINE_LINES: u8 = 4;

impl Ink {
    fn all() -> impl Iterator<Item = Ink> {
        use Ink::*;
        let single = [
            Label, Muted, Grid, Rule, Data, HeldLine, HeldArea, Band, Median, Truth, Halo, Bar, BarOut, Tolerance,
            Target, Chosen,
        ];
        let lines = (0..MODEL_LINES).flat_map(|k| [Model(k), Over(k)]);
        single.into_iter().chain(lines).chain((0..BASELINE_LINES).map(Baseline))
    }

    /// The class by which the style sheet colours it.
    pub fn class(self) -> String {
        match self {
            Ink::Model(i) => format!("model{}", i % MODEL_LINES),
            Ink::Over(i) => format!("over{}", i % MODEL_LINES),
            Ink::Baseline(i) => format!("base{}", i % BASELINE_LINES),
            other => format!("{other:?}").to_lowercase(),
        }
    }

    fn sentinel(self) -> RGBColor {
        let rank = Ink::all().position(|ink| ink.class() == self.class()).unwrap_or(0);
        RGBColor(0xC0, 0xDE, rank as u8)
    }
}

/// Everything around the drawing.
pub struct Frame {
    pub size: Size,
    pub x: Scale,
    pub y: Scale,
    /// Above the y axis: what is measured, with its unit.
    pub y_title: String,
    /// Below the x axis; dates need none.
    pub x_title: Option<String>,
    /// Room on the right for labels, CSS pixels.
    pub right: f64,
    /// What a reader who cannot see the figure is told.
    pub alt: String,
}

/// Where a text hangs on its point.
#[derive(Debug, Clone, Copy)]
pub enum Hang {
    Left,
    Centre,
    Right,
}

/// The open drawing: strokes take data coordinates, `at_` ones CSS pixels.
pub struct Plot<'a, 'b> {
    root: &'b DrawingArea<SVGBackend<'a>, Shift>,
    frame: &'b Frame,
    left: f64,
    top: f64,
    bottom: f64,
    /// SVG below and above what plotters draws: it knows neither paths of many cells nor titles.
    under: RefCell<String>,
    over: RefCell<String>,
}

/// Shades of a density: enough for an even picture, few enough for a small file.
pub const SHADES: u8 = 12;

/// A rectangle between two data corners, in one of [`SHADES`].
pub struct Cell {
    pub from: (f64, f64),
    pub to: (f64, f64),
    pub shade: u8,
}

/// Draws axes and grid of `frame`, then what `paint` adds, and returns the SVG element.
pub fn figure(frame: &Frame, paint: impl FnOnce(&Plot) -> Drawn) -> Result<String, ReportError> {
    let (mut svg, under, over) = (String::new(), RefCell::default(), RefCell::default());
    let (under, over) = {
        let (w, h) = (frame.size.width * FINE, frame.size.height * FINE);
        let root = SVGBackend::with_string(&mut svg, (w as u32, h as u32)).into_drawing_area();
        let years = frame.x.ticks.iter().any(|t| t.under.is_some());
        let below = LINE * (1.0 + f64::from(years) + f64::from(frame.x_title.is_some())) + 8.0;
        let widest = frame.y.ticks.iter().map(|t| t.label.chars().count()).max().unwrap_or(0);
        let plot = Plot {
            root: &root,
            frame,
            left: 14.0 + 7.0 * widest as f64,
            top: 28.0,
            bottom: f64::from(frame.size.height) - below,
            under,
            over,
        };
        plot.axes()?;
        paint(&plot)?;
        root.present().map_err(refused)?;
        (plot.under.into_inner(), plot.over.into_inner())
    };
    Ok(themed(&svg, frame.size, &frame.alt, &under, &over))
}

/// A figure of the same size that only says that there is nothing to draw.
pub fn no_data(size: Size, alt: &str) -> Result<String, ReportError> {
    let blank = |_| Scale { lo: 0.0, hi: 1.0, ticks: Vec::new() };
    let frame = Frame {
        size: Size { height: 90, ..size },
        x: blank(()),
        y: blank(()),
        y_title: String::new(),
        x_title: None,
        right: 14.0,
        alt: format!("{alt}: no data"),
    };
    figure(&frame, |plot| plot.text_at(f64::from(size.width) / 2.0, 45.0, "no data", Ink::Muted, Hang::Centre))
}

fn refused<E: std::fmt::Display>(error: E) -> ReportError {
    ReportError::Figure(error.to_string())
}

fn fine(px: f64) -> i32 {
    // A cast saturates, so even a wild coordinate stays a number.
    (px * f64::from(FINE)).round() as i32
}

impl Plot<'_, '_> {
    /// CSS pixel at which the axes end on the right.
    pub fn right_edge(&self) -> f64 {
        f64::from(self.frame.size.width) - self.frame.right
    }

    /// CSS pixels of a data point.
    pub fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let (sx, sy) = (&self.frame.x, &self.frame.y);
        let px = self.left + (x - sx.lo) / (sx.hi - sx.lo) * (self.right_edge() - self.left);
        let py = self.bottom - (y - sy.lo) / (sy.hi - sy.lo) * (self.bottom - self.top);
        (px, py)
    }

    /// The pixels between the x axis' ends, for thinning.
    pub fn columns(&self) -> usize {
        (self.right_edge() - self.left).max(1.0) as usize
    }

    fn pixels(&self, points: &[(f64, f64)]) -> Vec<(i32, i32)> {
        let mut pixels: Vec<(i32, i32)> = points
            .iter()
            .filter(|(x, y)| super::usable(*x) && super::usable(*y))
            .map(|&(x, y)| self.place(x, y))
            .map(|(px, py)| (fine(px), fine(py)))
            .collect();
        pixels.dedup();
        pixels
    }

    /// A line through data points, `width` in CSS pixels; points that cannot be drawn are left out.
    pub fn line(&self, points: &[(f64, f64)], ink: Ink, width: f64) -> Drawn {
        let pixels = self.pixels(points);
        if pixels.len() < 2 {
            return Ok(());
        }
        let stroke = ink.sentinel().stroke_width(fine(width) as u32);
        self.root.draw(&PathElement::new(pixels, stroke)).map_err(refused)
    }

    /// A filled area with data points for corners, in order around it.
    pub fn area(&self, points: &[(f64, f64)], ink: Ink) -> Drawn {
        let pixels = self.pixels(points);
        if pixels.len() < 3 {
            return Ok(());
        }
        self.root.draw(&Polygon::new(pixels, ink.sentinel().filled())).map_err(refused)
    }

    /// A filled rectangle between two data corners.
    pub fn rect(&self, a: (f64, f64), b: (f64, f64), ink: Ink) -> Drawn {
        let corners = self.pixels(&[a, b]);
        let (Some(&p), Some(&q)) = (corners.first(), corners.get(1)) else { return Ok(()) };
        let ordered = [(p.0.min(q.0), p.1.min(q.1)), (p.0.max(q.0), p.1.max(q.1))];
        self.root.draw(&Rectangle::new(ordered, ink.sentinel().filled())).map_err(refused)
    }

    /// A filled dot at a data point, `radius` in CSS pixels.
    pub fn dot(&self, (x, y): (f64, f64), radius: f64, ink: Ink) -> Drawn {
        match self.pixels(&[(x, y)]).first() {
            Some(&centre) => {
                self.root.draw(&Circle::new(centre, fine(radius), ink.sentinel().filled())).map_err(refused)
            }
            None => Ok(()),
        }
    }

    /// A text at a place in CSS pixels, hung on it by its left, middle or right.
    pub fn text_at(&self, px: f64, py: f64, text: &str, ink: Ink, hang: Hang) -> Drawn {
        let side = match hang {
            Hang::Left => HPos::Left,
            Hang::Centre => HPos::Center,
            Hang::Right => HPos::Right,
        };
        // The style sheet sets family and size.
        let style = ("sans-serif", 1).into_font().color(&ink.sentinel()).pos(Pos::new(side, VPos::Center));
        self.root.draw(&Text::new(text.to_string(), (fine(px), fine(py)), style)).map_err(refused)
    }

    /// Coloured cells, below everything else; a path a shade, since thousands of elements would be a heavy page.
    pub fn cells(&self, cells: &[Cell]) {
        let mut under = self.under.borrow_mut();
        for shade in 0..SHADES {
            let path: String = cells.iter().filter(|c| c.shade == shade).map(|c| self.outline(c)).collect();
            if !path.is_empty() {
                under.push_str(&format!("<path class=\"v{shade}\" shape-rendering=\"crispEdges\" d=\"{path}\"/>"));
            }
        }
    }

    fn outline(&self, cell: &Cell) -> String {
        let corners = self.pixels(&[cell.from, cell.to]);
        let (Some(p), Some(q)) = (corners.first(), corners.get(1)) else { return String::new() };
        let (w, h) = ((q.0 - p.0).abs().max(1), (q.1 - p.1).abs().max(1));
        format!("M{} {}h{w}v{h}h-{w}z", p.0.min(q.0), p.1.min(q.1))
    }

    /// What a pointer resting between two x positions is told. A phone has no pointer, so narrow figures carry none.
    pub fn hover(&self, (from, to): (f64, f64), text: &str) {
        let (a, b) = (self.place(from, self.frame.y.lo).0, self.place(to, self.frame.y.lo).0);
        let (a, b) = (a.max(self.left), b.min(self.right_edge()));
        if self.frame.size == Size::NARROW || a >= b || a.is_nan() || b.is_nan() {
            return;
        }
        let (x, y, w, h) = (fine(a), fine(self.top), fine(b - a), fine(self.bottom - self.top));
        self.over.borrow_mut().push_str(&format!(
            "<rect class=\"hit\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"><title>{}</title></rect>",
            escape(text)
        ));
    }

    /// [`Plot::hover`] around each of increasing positions, half way to its neighbours.
    pub fn hovers(&self, items: &[(f64, String)]) {
        let spans = around(&items.iter().map(|i| i.0).collect::<Vec<_>>());
        items.iter().zip(spans).for_each(|((_, text), span)| self.hover(span, text));
    }

    /// Labels on the right edge at the heights of `items`, pushed apart so that none covers another.
    pub fn labels_right(&self, items: &[(f64, String, Ink)]) -> Drawn {
        let mut placed: Vec<(f64, &str, Ink)> = items
            .iter()
            .filter(|(y, _, _)| super::usable(*y))
            .map(|(y, text, ink)| (self.place(self.frame.x.hi, *y).1, text.as_str(), *ink))
            .collect();
        placed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let heights = spread(placed.iter().map(|p| p.0).collect(), 14.0, self.top, self.bottom);
        for (&(_, text, ink), py) in placed.iter().zip(heights) {
            self.text_at(self.right_edge() + 7.0, py, text, ink, Hang::Left)?;
        }
        Ok(())
    }

    fn axes(&self) -> Drawn {
        let Frame { x, y, .. } = self.frame;
        for Tick { at, label, .. } in &y.ticks {
            self.line(&[(x.lo, *at), (x.hi, *at)], Ink::Grid, 1.0)?;
            let py = self.place(x.lo, *at).1;
            self.text_at(self.left - 7.0, py, label, Ink::Muted, Hang::Right)?;
        }
        let mut depth = self.bottom + 4.0;
        if !x.ticks.is_empty() {
            self.line(&[(x.lo, y.lo), (x.hi, y.lo)], Ink::Rule, 1.0)?;
        }
        for Tick { at, label, under } in &x.ticks {
            let px = self.place(*at, y.lo).0;
            let (a, b) = ((fine(px), fine(self.bottom)), (fine(px), fine(self.bottom + 5.0)));
            let stroke = Ink::Rule.sentinel().stroke_width(FINE as u32);
            self.root.draw(&PathElement::new(vec![a, b], stroke)).map_err(refused)?;
            self.text_at(px, depth + 10.0, label, Ink::Muted, Hang::Centre)?;
            if let Some(under) = under {
                self.text_at(px, depth + 10.0 + LINE, under, Ink::Muted, Hang::Centre)?;
            }
        }
        depth = f64::from(self.frame.size.height) - 10.0;
        if let Some(title) = &self.frame.x_title {
            let middle = (self.left + self.right_edge()) / 2.0;
            self.text_at(middle, depth, title, Ink::Label, Hang::Centre)?;
        }
        self.text_at(2.0, 10.0, &self.frame.y_title, Ink::Label, Hang::Left)
    }
}

/// The stretch of each of increasing positions: half way to its neighbours, as far on the other side at the ends.
pub fn around(x: &[f64]) -> Vec<(f64, f64)> {
    let half = |i: usize| 0.5 * (x[i + 1] - x[i]);
    let span = |i: usize| match x.len() {
        0 | 1 => (x[i] - 0.5, x[i] + 0.5),
        n => (x[i] - half(i.saturating_sub(1)), x[i] + half(i.min(n - 2))),
    };
    (0..x.len()).map(span).collect()
}

/// Moves sorted heights apart to at least `gap` with the least displacement, then between `top` and `bottom` while
/// there is room.
fn spread(mut heights: Vec<f64>, gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    // With the gaps taken out, "apart" is "not descending": isotonic regression by pooling adjacent violators.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (i, h) in heights.iter().enumerate() {
        pools.push((h - gap * i as f64, 1));
        while let [.., (a, n), (b, m)] = pools.as_slice() {
            if a <= b {
                break;
            }
            let merged = ((a * *n as f64 + b * *m as f64) / (n + m) as f64, n + m);
            pools.truncate(pools.len() - 2);
            pools.push(merged);
        }
    }
    let levels = pools.into_iter().flat_map(|(level, n)| std::iter::repeat_n(level, n));
    let mut floor = top;
    for ((i, h), level) in heights.iter_mut().enumerate().zip(levels) {
        *h = (level + gap * i as f64).max(floor);
        floor = *h + gap;
    }
    let mut ceiling = bottom;
    for h in heights.iter_mut().rev() {
        *h = h.min(ceiling);
        ceiling = *h - gap;
    }
    heights
}

/// Gives plotters' output the page's classes instead of colours, and says what the picture shows.
///
/// Text was escaped by plotters, so a quoted attribute cannot come from the data.
fn themed(svg: &str, size: Size, alt: &str, under: &str, over: &str) -> String {
    let body = svg.split_once('>').map_or("", |(_, body)| body).trim_end().trim_end_matches("</svg>");
    let mut body = body.replace(">\n", ">").replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", "");
    for ink in Ink::all() {
        let RGBColor(r, g, b) = ink.sentinel();
        let (colour, class) = (format!("#{r:02X}{g:02X}{b:02X}"), ink.class());
        body = body.replace(&format!("fill=\"{colour}\""), &format!("class=\"f-{class}\""));
        body = body.replace(&format!("stroke=\"{colour}\""), &format!("class=\"s-{class}\""));
    }
    body = without(&without(&body, " font-family=\""), " font-size=\"");
    format!(
        "<svg class=\"fig {}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{under}{}{over}</svg>",
        size.class,
        size.width * FINE,
        size.height * FINE,
        escape(alt),
        body.trim_end()
    )
}

/// `text` without every attribute that opens with `start` (name, `=` and the quote).
pub fn without(text: &str, start: &str) -> String {
    let mut pieces = text.split(start);
    let mut kept = pieces.next().unwrap_or("").to_string();
    for piece in pieces {
        kept.push_str(piece.split_once('"').map_or("", |(_, rest)| rest));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let evil = "</text><script>alert(\"fill=\\\"#C0DE00\\\"\")&";
        let frame = Frame {
            size: Size::WIDE,
            x: Scale::numbers(0.0, 1.0, 5),
            y: Scale::numbers(0.0, 1.0, 5),
            y_title: evil.into(),
            x_title: None,
            right: 10.0,
            alt: evil.into(),
        };
        let svg = figure(&frame, |plot| plot.dot((f64::NAN, 1.0), 2.0, Ink::Truth)).unwrap();
        assert!(!svg.contains("<script"), "{svg}");
        assert!(!svg.contains("http") && !svg.contains("=\"#C0DE"), "{svg}");
        assert!(svg.ends_with("</svg>") && svg.contains("class=\"s-grid\""), "{svg}");
    }

    #[test]
    fn stretches_meet_half_way_and_one_has_a_width() {
        assert_eq!(around(&[1.0, 2.0, 6.0]), [(0.5, 1.5), (1.5, 4.0), (4.0, 8.0)]);
        assert_eq!(around(&[3.0]), [(2.5, 3.5)]);
        assert!(around(&[]).is_empty());
    }

    #[test]
    fn labels_move_apart_but_stay_inside() {
        assert_eq!(spread(vec![50.0, 50.0], 10.0, 0.0, 100.0), [45.0, 55.0]);
        let heights = spread(vec![10.0, 11.0, 99.0, 100.0], 14.0, 0.0, 100.0);
        assert!(heights.windows(2).all(|w| w[1] - w[0] >= 14.0 - 1e-9), "{heights:?}");
        assert!(heights.iter().all(|h| (0.0..=100.0).contains(h)), "{heights:?}");
    }

    #[test]
    fn every_ink_has_its_own_class_and_colour() {
        let mut seen: Vec<_> = Ink::all().map(|i| (i.class(), i.sentinel().2)).collect();
        let all = seen.len();
        seen.dedup_by_key(|s| s.0.clone());
        assert_eq!(seen.len(), all);
    }
}

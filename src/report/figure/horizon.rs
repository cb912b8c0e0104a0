//! Scores against the distance of the forecast: one line a model, the chosen one strongest, baselines grey and dashed.

use super::super::error::ReportError;
use super::super::format::{clip, num};
use super::super::view::{HorizonRow, SeriesView};
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};
use crate::stats::binomial_range;

/// More lines than this cannot be told apart; the best-scored models are drawn.
pub const MOST_LINES: usize = 8;

/// What is drawn against the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Crps,
    Coverage80,
}

impl Measure {
    fn of(self, row: &HorizonRow) -> f64 {
        match self {
            Measure::Crps => row.crps,
            Measure::Coverage80 => row.coverage_80 * 100.0,
        }
    }
}

/// One model's line.
struct Line<'a> {
    model: &'a str,
    ink: Ink,
    width: f64,
    points: Vec<(f64, f64)>,
}

/// The models in the order of the score table, then those that it does not name.
fn lines(series: &SeriesView, measure: Measure) -> Vec<Line<'_>> {
    let mut names: Vec<&str> = series.scores.iter().map(|s| s.model.as_str()).collect();
    names.extend(series.by_horizon.iter().map(|h| h.model.as_str()));
    let (mut models, mut baselines) = (0, 0);
    let mut lines: Vec<Line> = Vec::new();
    for name in names {
        if lines.iter().any(|l| l.model == name) {
            continue;
        }
        let score = series.scores.iter().find(|s| s.model == name);
        let (ink, width) = if score.is_some_and(|s| s.chosen) {
            (Ink::Chosen, 2.6)
        } else if score.is_some_and(|s| s.baseline) {
            baselines += 1;
            (Ink::Baseline(baselines - 1), 1.6)
        } else {
            models += 1;
            (Ink::Model(models - 1), 1.6)
        };
        let rows = series.by_horizon.iter().filter(|h| h.model == name);
        let points: Vec<_> = rows.map(|h| (h.horizon as f64, measure.of(h))).filter(|p| super::usable(p.1)).collect();
        if !points.is_empty() {
            lines.push(Line { model: name, ink, width, points });
        }
    }
    if measure == Measure::Crps {
        let above = above_frame(series);
        lines.retain(|l| !above.iter().any(|(name, _)| *name == l.model));
    }
    lines.sort_by_key(|l| l.ink != Ink::Chosen);
    lines.truncate(MOST_LINES);
    lines
}

/// Models whose every CRPS is more than [`OFF`] times the chosen one's largest, with their smallest: on one axis with them
/// the others would lie flat on zero.
pub fn above_frame(series: &SeriesView) -> Vec<(&str, f64)> {
    const OFF: f64 = 3.0;
    let Some(chosen) = series.scores.iter().find(|s| s.chosen) else { return Vec::new() };
    let of = |name: &str| series.by_horizon.iter().filter(|h| h.model == *name).map(|h| h.crps).collect::<Vec<_>>();
    let top = of(&chosen.model).into_iter().fold(0.0, f64::max);
    let lowest = |name: &str| of(name).into_iter().fold(f64::INFINITY, f64::min);
    let names = series.scores.iter().map(|s| s.model.as_str());
    names.map(|n| (n, lowest(n))).filter(|(_, low)| top > 0.0 && low.is_finite() && *low > OFF * top).collect()
}

/// The share of outcomes, percent, that an honest 80 % band holds in 95 of 100 records: horizon, low, high. Windows that overlap say
/// the same thing twice, so only those that fit beside each other are counted.
pub fn coverage_by_chance(series: &SeriesView) -> Vec<(usize, f64, f64)> {
    let Some(chosen) = series.scores.iter().find(|s| s.chosen) else { return Vec::new() };
    let of_chosen = series.by_horizon.iter().filter(|h| h.model == chosen.model);
    let one = |row: &HorizonRow| {
        let n = row.windows / row.horizon.div_ceil(series.step.max(1)).max(1);
        let (low, high) = binomial_range(n, 0.8, 0.95);
        (n > 0).then(|| (row.horizon, 100.0 * low as f64 / n as f64, 100.0 * high as f64 / n as f64))
    };
    of_chosen.filter_map(one).collect()
}

/// Whether there are at least two horizons to draw a line between.
pub fn drawable(series: &SeriesView, measure: Measure) -> bool {
    lines(series, measure).iter().any(|l| l.points.len() > 1)
}

/// How does the forecast fare as it reaches further?
pub fn by_horizon(series: &SeriesView, measure: Measure, size: Size) -> Result<String, ReportError> {
    let alt = match measure {
        Measure::Crps => "CRPS by horizon, one line a model",
        Measure::Coverage80 => "Share of outcomes inside the 80 % band by horizon, one line a model",
    };
    let lines = lines(series, measure);
    let points = || lines.iter().flat_map(|l| &l.points);
    let wide = size.width > 600;
    let few = if wide { 6 } else { 4 };
    let x = Scale::times(super::super::view::Axis::Numbers, points().map(|p| p.0), few);
    let target = (measure == Measure::Coverage80).then_some(80.0);
    let zero = (measure == Measure::Crps).then_some(0.0);
    let chance = target.map_or_else(Vec::new, |_| coverage_by_chance(series));
    let edges = chance.iter().flat_map(|(_, low, high)| [*low, *high]);
    let y = Scale::values(points().map(|p| p.1).chain(target).chain(zero).chain(edges), 5);
    let (Some(x), Some(mut y)) = (x, y) else { return no_data(size, alt) };
    if zero.is_some() && y.hi > 0.0 {
        y = Scale::numbers(0.0, y.hi, 5);
    }
    if target.is_some() {
        y = Scale::numbers(y.lo.max(0.0), y.hi.min(102.0), 5);
    }
    let unit = if series.score_unit.is_empty() { String::new() } else { format!(" ({})", series.score_unit) };
    let title = match measure {
        Measure::Crps => format!("CRPS{unit}"),
        Measure::Coverage80 => "inside the 80 % band (%)".into(),
    };
    let frame = Frame {
        size,
        x: Scale::whole(x.lo, x.hi, few),
        y,
        y_title: clip(&title, size.width as usize / 8),
        x_title: Some("rows ahead".into()),
        right: if wide { 128.0 } else { 96.0 },
        alt: alt.into(),
    };
    figure(&frame, |plot| {
        let mut labels = Vec::new();
        let at = |edge: fn(&(usize, f64, f64)) -> f64| chance.iter().map(move |c| (c.0 as f64, edge(c)));
        let ring: Vec<(f64, f64)> = at(|c| c.1).chain(at(|c| c.2).rev()).collect();
        plot.area(&ring, Ink::Tolerance)?;
        if let Some(target) = target {
            plot.line(&[(frame.x.lo, target), (frame.x.hi, target)], Ink::Target, 1.4)?;
            labels.push((target, "target 80 %".to_string(), Ink::Target));
        }
        // The chosen line is drawn last, on top.
        for line in lines.iter().rev() {
            plot.line(&line.points, line.ink, line.width)?;
            if line.points.len() <= 12 {
                for &p in &line.points {
                    plot.dot(p, line.width + 0.8, line.ink)?;
                }
            }
        }
        plot.hovers(&told(&lines));
        let most = if wide { 18 } else { 13 };
        labels.extend(lines.iter().filter_map(|l| Some((l.points.last()?.1, clip(l.model, most), l.ink))));
        plot.labels_right(&labels)
    })
}

/// Every line's value at each horizon of the first.
fn told(lines: &[Line]) -> Vec<(f64, String)> {
    let Some(first) = lines.first() else { return Vec::new() };
    let at = |x: f64| {
        let values = lines.iter().filter_map(|l| Some((l.model, l.points.iter().find(|p| p.0 == x)?.1)));
        values.map(|(model, y)| format!("{} {}", clip(model, 24), num(y))).collect::<Vec<_>>().join("\n")
    };
    first.points.iter().map(|(x, _)| (*x, format!("{x} rows ahead\n{}", at(*x)))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn overlapping_windows_widen_what_chance_allows() {
        let mut series = sample::single().series.remove(0);
        series.step = 1;
        let chance = coverage_by_chance(&series);
        assert_eq!(chance.len(), 20);
        // R: qbinom(c(0.025, 0.975), c(147, 7), 0.8) are 108, 127 and 3, 7.
        assert_eq!((chance[0].1, chance[0].2), (100.0 * 108.0 / 147.0, 100.0 * 127.0 / 147.0));
        assert_eq!((chance[19].1, chance[19].2), (100.0 * 3.0 / 7.0, 100.0));
        series.step = 20;
        assert_eq!(coverage_by_chance(&series)[19].1, chance[0].1);
    }

    #[test]
    fn the_chosen_model_is_the_strong_line_and_baselines_are_grey() {
        let view = sample::single();
        let svg = by_horizon(&view.series[0], Measure::Crps, Size::WIDE).unwrap();
        assert!(svg.contains("s-chosen") && svg.contains("s-base0") && svg.contains("random-walk"), "{svg}");
        let cover = by_horizon(&view.series[0], Measure::Coverage80, Size::NARROW).unwrap();
        assert!(cover.contains("target 80 %"));
    }

    #[test]
    fn a_hopeless_model_is_left_out_of_the_frame_and_named() {
        let mut series = sample::single().series.remove(0);
        for row in series.by_horizon.iter_mut().filter(|r| r.model == "climatology") {
            row.crps *= 1000.0;
        }
        let svg = by_horizon(&series, Measure::Crps, Size::WIDE).unwrap();
        assert!(!svg.contains("climatology"));
        assert_eq!(above_frame(&series).iter().map(|a| a.0).collect::<Vec<_>>(), ["climatology"]);
    }

    #[test]
    fn one_horizon_or_none_is_no_line() {
        let mut series = sample::single().series.remove(0);
        series.by_horizon.retain(|h| h.horizon == 1);
        assert!(!drawable(&series, Measure::Crps));
        series.by_horizon.clear();
        assert!(by_horizon(&series, Measure::Crps, Size::WIDE).unwrap().contains("no data"));
    }
}

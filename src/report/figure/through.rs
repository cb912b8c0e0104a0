//! Forecast densities through the held-out rows, as colours, with what came on them.

use super::super::error::ReportError;
use super::super::format::{clip, moment, num};
use super::super::view::{SeriesView, Through};
use super::axis::Scale;
use super::canvas::{Cell, Drawn, Frame, Ink, Plot, SHADES, Size, around, figure, no_data};
use super::fan::time_title;
use super::history::ticks_across;

/// Was what came where the forecasts put their weight, all along?
///
/// Between two neighbouring quantiles the density is the probability between them over their distance, so every colour is a number
/// of the table.
pub fn through(series: &SeriesView, size: Size) -> Result<String, ReportError> {
    let shown = &series.through;
    let alt = format!("Forecast densities of {} through time, with what came", shown.variable);
    let edges = shown.quantiles.iter().flat_map(|q| q.first().into_iter().chain(q.last()));
    let y = Scale::values(edges.chain(&shown.actual).copied(), 5);
    let spans = around(&shown.x);
    let ends = spans.iter().flat_map(|s| [s.0, s.1]);
    let (Some(x), Some(y)) = (Scale::times(series.axis, ends, ticks_across(size)), y) else {
        return no_data(size, &alt);
    };
    let frame = Frame {
        size,
        y_title: clip(&shown.variable, size.width as usize / 8),
        x_title: time_title(series),
        right: 14.0,
        alt: format!("{alt}, {} of them", shown.x.len()),
        x,
        y,
    };
    let cells = cells(shown, &spans);
    figure(&frame, |plot| {
        plot.cells(&cells);
        came(plot, shown)?;
        let told = |(i, x): (usize, &f64)| {
            let quantiles = shown.quantiles.get(i)?;
            let (low, high) = (quantiles.first()?, quantiles.last()?);
            let (from, to) = (num(*low), num(*high));
            Some((*x, format!("{}: came {}, forecast {from} to {to}", moment(series.axis, *x), num(shown.actual[i]))))
        };
        plot.hovers(&shown.x.iter().enumerate().filter_map(told).collect::<Vec<_>>());
        Ok(())
    })
}

/// What came, on a pale edge that sets it off from every colour.
fn came(plot: &Plot, shown: &Through) -> Drawn {
    let points: Vec<(f64, f64)> = shown.x.iter().copied().zip(shown.actual.iter().copied()).collect();
    for (ink, width) in [(Ink::Halo, 3.6), (Ink::Truth, 1.4)] {
        plot.line(&points, ink, width)?;
    }
    points.iter().try_for_each(|p| plot.dot(*p, 2.0, Ink::Truth))
}

/// A cell between each two quantiles of each time, shaded by its density up to the highest but one in fifty: a single spike would
/// leave all the rest dark.
fn cells(shown: &Through, spans: &[(f64, f64)]) -> Vec<Cell> {
    let mut found: Vec<((f64, f64), f64, f64, f64)> = Vec::new();
    for (quantiles, span) in shown.quantiles.iter().zip(spans) {
        for (q, p) in quantiles.windows(2).zip(shown.levels.windows(2)) {
            let density = (p[1] - p[0]) / (q[1] - q[0]);
            if super::usable(q[0]) && super::usable(q[1]) {
                found.push((*span, q[0], q[1], density));
            }
        }
    }
    let mut heights: Vec<f64> = found.iter().map(|f| f.3).filter(|d| super::usable(*d)).collect();
    heights.sort_by(f64::total_cmp);
    let top = heights.get(heights.len() * 49 / 50).copied().unwrap_or(1.0);
    // Quantiles that fall together, of a law with atoms, are as dense as can be.
    let shade = |d: f64| if d < top { (d / top * f64::from(SHADES)) as u8 } else { SHADES - 1 };
    found
        .into_iter()
        .map(|((a, b), low, high, d)| Cell { from: (a, low), to: (b, high), shade: shade(d).min(SHADES - 1) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn the_densest_cells_are_the_brightest_and_broken_ones_are_left_out() {
        let mut series = sample::single().series.remove(0);
        let shown = &mut series.through;
        shown.quantiles[0][0] = f64::NEG_INFINITY;
        shown.actual[1] = f64::NAN;
        let cells = cells(shown, &around(&shown.x));
        assert_eq!(cells.len(), shown.x.len() * (shown.levels.len() - 1) - 1);
        let middle = |c: &Cell| c.to.1 - c.from.1;
        let bright: Vec<f64> = cells.iter().filter(|c| c.shade == SHADES - 1).map(middle).collect();
        let dark: Vec<f64> = cells.iter().filter(|c| c.shade == 0).map(middle).collect();
        assert!(bright.iter().all(|b| dark.iter().all(|d| b < d)), "dense cells are narrow");
        let svg = through(&series, Size::WIDE).unwrap();
        assert!(svg.contains("class=\"v11\"") && svg.contains("s-halo") && !svg.contains("NaN"), "{svg}");
        assert_eq!(svg.matches("class=\"hit\"").count(), series.through.x.len());
        assert!(!through(&series, Size::NARROW).unwrap().contains("class=\"hit\""));
        assert!(through(&sample::bare("x"), Size::WIDE).unwrap().contains("no data"));
    }
}

//! Counts beside what their law expects, and the range that chance allows them.

use super::super::error::ReportError;
use super::super::format::{clip, fixed, num};
use super::axis::Scale;
use super::canvas::{Frame, Ink, Size, figure, no_data};
use crate::stats::Tally;

/// What a bar stands for: one number, or the numbers from one to another.
fn bar_name(low: f64, high: f64) -> String {
    if low == high { fixed(low, 0) } else { format!("{} to {}", fixed(low, 0), fixed(high, 0)) }
}

/// Did each count come as often as the law says?
pub fn counts(of: &Tally, x_title: &str, size: Size) -> Result<String, ReportError> {
    let alt = format!(
        "How often each {x_title} came, and how often by the law; {} bars outside the range of chance",
        of.beyond()
    );
    let bars = of.bars.len;
    if of.n == 0 || bars == 0 {
        return no_data(size, &alt);
    }
    let half = 0.5;
    let ends = |bar: usize| {
        let (low, high) = of.bars.ends(bar);
        (low - half, high + half)
    };
    let top = (0..bars).map(|b| (of.observed[b].max(of.range[b].1) as f64).max(of.expected[b])).fold(1.0, f64::max);
    let most = size.width as usize / 8;
    let frame = Frame {
        size: size.lower(),
        x: Scale::whole(ends(0).0, ends(bars - 1).1, if size.width > 600 { 10 } else { 5 }),
        y: Scale::whole(0.0, 1.08 * top, 4),
        y_title: clip(if of.bars.width == 1 { "how often" } else { "how often, bar by bar" }, most),
        x_title: Some(clip(x_title, most)),
        right: 14.0,
        alt,
    };
    figure(&frame, |plot| {
        for bar in 0..bars {
            let ((a, b), (low, high)) = (ends(bar), of.range[bar]);
            // A range that is one number is seen as well.
            let air = 0.006 * (frame.y.hi - frame.y.lo);
            plot.rect((a, (low as f64 - air).max(frame.y.lo)), (b, high as f64 + air), Ink::Tolerance)?;
        }
        for bar in (0..bars).filter(|b| of.observed[*b] > 0) {
            let ((a, b), (low, high), seen) = (ends(bar), of.range[bar], of.observed[bar]);
            let gap = 0.14 * (b - a);
            let ink = if seen < low || seen > high { Ink::BarOut } else { Ink::Bar };
            plot.rect((a + gap, 0.0), (b - gap, seen as f64), ink)?;
        }
        let middle = |bar: usize| 0.5 * (ends(bar).0 + ends(bar).1);
        let line: Vec<(f64, f64)> = (0..bars).map(|bar| (middle(bar), of.expected[bar])).collect();
        plot.line(&line, Ink::Target, 1.6)?;
        // Few counts are points, not a curve; an empty bar that should not be is marked where it would end.
        let points = if bars <= 40 { &line[..] } else { &[] };
        points.iter().try_for_each(|point| plot.dot(*point, 2.0, Ink::Target))?;
        for bar in (0..bars).filter(|b| of.observed[*b] == 0 && of.range[*b].0 > 0) {
            plot.dot((middle(bar), 0.0), 3.0, Ink::BarOut)?;
        }
        for bar in 0..bars {
            let ((low, high), range) = (of.bars.ends(bar), of.range[bar]);
            let text = format!(
                "{}: {} times, expected {}, {} to {} by chance",
                bar_name(low, high),
                of.observed[bar],
                num(of.expected[bar]),
                range.0,
                range.1
            );
            plot.hover(ends(bar), &text);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Bars;

    fn tally(observed: Vec<usize>, range: Vec<(usize, usize)>) -> Tally {
        let bars = Bars { first: 3, width: 1, len: observed.len() };
        let expected = range.iter().map(|r| 0.5 * (r.0 + r.1) as f64).collect();
        Tally { bars, n: observed.iter().sum(), observed, expected, range }
    }

    #[test]
    fn bars_out_of_their_range_are_marked_and_an_empty_one_too() {
        let drawn = counts(&tally(vec![5, 20, 0], vec![(2, 9), (3, 12), (4, 9)]), "rna", Size::SMALL).unwrap();
        assert_eq!((drawn.matches("class=\"f-bar\"").count(), drawn.matches("f-barout").count()), (1, 2), "{drawn}");
        assert!(drawn.contains("4: 20 times, expected 7.500, 3 to 12 by chance") && drawn.contains("2 bars outside"));
        assert!(drawn.contains("f-tolerance") && drawn.contains("s-target"));
        assert!(counts(&tally(vec![], vec![]), "rna", Size::WIDE).unwrap().contains("no data"));
        assert_eq!((bar_name(3.0, 3.0).as_str(), bar_name(10.0, 19.0).as_str()), ("3", "10 to 19"));
    }
}

//! All models on one scale: what each saves of the random walk's error, with its interval; and how they did where they were chosen.

use super::super::error::ReportError;
use super::super::format::{clip, num};
use super::super::view::{CandidateRow, ScoreRow, SeriesView};
use super::axis::{Scale, Tick};
use super::canvas::{Frame, Hang, Ink, Size, figure, no_data};

/// Most models drawn.
const MOST: usize = 14;

/// Skill with the ends of its 95 % interval, percent; the random walk's is nothing.
pub fn interval(row: &ScoreRow) -> Option<(f64, f64, f64)> {
    let (value, se) = (row.skill?, row.skill_se?);
    // 97.5 % point of the standard normal law.
    let half = 1.959964 * se;
    [value, half].iter().all(|v| super::usable(*v)).then_some((
        100.0 * (value - half),
        100.0 * value,
        100.0 * (value + half),
    ))
}

/// One model's line: its name, its value between the ends of its interval, its ink.
struct Line {
    model: String,
    at: (f64, f64, f64),
    ink: Ink,
}

fn ink(chosen: bool, baseline: bool) -> Ink {
    match (chosen, baseline) {
        (true, _) => Ink::Chosen,
        (_, true) => Ink::Data,
        _ => Ink::Model(0),
    }
}

/// Which models are better than naive, and by more than luck?
pub fn skill(series: &SeriesView, size: Size) -> Result<String, ReportError> {
    let line = |r: &ScoreRow| Some(Line { model: r.model.clone(), at: interval(r)?, ink: ink(r.chosen, r.baseline) });
    let lines: Vec<Line> = series.scores.iter().filter_map(line).take(MOST).collect();
    let title = if size.width > 600 { "error saved against a random walk (%)" } else { "error saved (%)" };
    let alt = "Skill of every model against the random walk, with 95 % intervals";
    draw(&lines, (-25.0, 100.0), Some(0.0), title, alt, size)
}

/// Which model told the validation slice best?
pub fn validation(series: &SeriesView, size: Size) -> Result<String, ReportError> {
    let line = |c: &CandidateRow| {
        let crps = c.validation_crps.filter(|v| super::usable(*v))?;
        Some(Line { model: c.model.clone(), at: (crps, crps, crps), ink: ink(c.chosen, false) })
    };
    let lines: Vec<Line> = series.candidates.iter().filter_map(line).take(MOST).collect();
    let best = lines.iter().map(|l| l.at.1).fold(f64::INFINITY, f64::min);
    let unit = if series.score_unit.is_empty() { String::new() } else { format!(" ({})", series.score_unit) };
    let title = clip(&format!("CRPS on the validation slice{unit}"), size.width as usize / 8);
    draw(&lines, (0.0, 1.5 * best), None, &title, "CRPS of every candidate on the validation slice", size)
}

/// Lines under each other. One that lies outside `near` would press all others together: it is an arrow with its number.
fn draw(
    lines: &[Line],
    near: (f64, f64),
    mark: Option<f64>,
    title: &str,
    alt: &str,
    size: Size,
) -> Result<String, ReportError> {
    let wide = size.width > 600;
    let is_near = |l: &&Line| (near.0..=near.1).contains(&l.at.1);
    let span = near.1 - near.0;
    let ends = lines.iter().filter(is_near).flat_map(|l| [l.at.0.max(near.0 - span), l.at.2.min(near.1 + span)]);
    let (Some(x), false) = (Scale::values(ends.chain(mark), if wide { 7 } else { 4 }), lines.is_empty()) else {
        return no_data(size, alt);
    };
    let n = lines.len() as f64;
    let most = if wide { 22 } else { 12 };
    let ticks = lines.iter().enumerate();
    let ticks = ticks.map(|(i, l)| Tick { at: n - i as f64, label: clip(&l.model, most), under: None }).collect();
    let frame = Frame {
        size: Size { height: 76 + 24 * lines.len() as i32, ..size },
        x,
        y: Scale { lo: 0.4, hi: n + 0.6, ticks },
        y_title: String::new(),
        x_title: Some(title.into()),
        right: 20.0,
        alt: alt.into(),
    };
    figure(&frame, |plot| {
        if let Some(mark) = mark {
            plot.line(&[(mark, frame.y.lo), (mark, frame.y.hi)], Ink::Target, 1.4)?;
        }
        for (i, line) in lines.iter().enumerate() {
            let (y, (low, value, high)) = (n - i as f64, line.at);
            if is_near(&line) {
                plot.line(&[(low.max(frame.x.lo), y), (high.min(frame.x.hi), y)], line.ink, 2.4)?;
                plot.dot((value, y), 4.0, line.ink)?;
            } else if value < near.0 {
                // Beside the mark, on the side with more room.
                let (px, py) = plot.place(mark.unwrap_or(frame.x.lo), y);
                let (hang, px) =
                    if 2.0 * px > plot.right_edge() { (Hang::Right, px - 8.0) } else { (Hang::Left, px + 8.0) };
                plot.text_at(px, py, &format!("← {}", num(value)), Ink::Muted, hang)?;
            } else {
                let (px, py) = plot.place(frame.x.hi, y);
                plot.text_at(px - 4.0, py, &format!("{} →", num(value)), Ink::Muted, Hang::Right)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn every_model_has_its_interval_and_a_hopeless_one_an_arrow() {
        let series = sample::single().series.remove(0);
        let svg = skill(&series, Size::WIDE).unwrap();
        for row in series.scores.iter().filter(|r| r.skill.is_some()) {
            assert!(svg.contains(&row.model), "{}", row.model);
        }
        assert!(svg.contains("s-chosen") && svg.contains('←'), "{svg}");
        let svg = validation(&series, Size::NARROW).unwrap();
        assert!(svg.contains("gbm") && !svg.contains("logistic"), "one that was not scored is no line: {svg}");
        assert!(validation(&sample::bare("x"), Size::WIDE).unwrap().contains("no data"));
        assert!(skill(&sample::bare("x"), Size::NARROW).unwrap().contains("no data"));
    }
}

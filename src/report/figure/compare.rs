//! Forms side by side: their densities over each other, and what their accuracy costs.

use super::super::compare::{FormView, VariableView};
use super::super::error::ReportError;
use super::super::format::{clip, escape, superscript, with_unit};
use super::axis::{Scale, Tick};
use super::canvas::{Frame, Hang, Ink, MODEL_LINES, Size, figure, no_data};
use super::labels::{Room, around};

/// An ink and a width for each form's density: the first widest, so that all are seen where they agree; the one-step approximations
/// thin and grey.
fn strokes(forms: &[FormView]) -> Vec<(Ink, f64)> {
    let last = forms.iter().filter(|f| !f.is_rough).count().min(usize::from(MODEL_LINES)) as u8;
    let (mut lines, mut greys) = (0, 0);
    let count = |n: &mut u8| std::mem::replace(n, *n + 1);
    let stroke = |f: &FormView| match f.is_rough {
        true => (Ink::Baseline(count(&mut greys)), 1.6),
        false => {
            let rank = count(&mut lines);
            (Ink::Over(rank), 1.6 * f64::from(last.saturating_sub(rank % MODEL_LINES).max(1)))
        }
    };
    forms.iter().map(stroke).collect()
}

/// The colour of a form's dot and name: that of its density.
fn solid(ink: Ink) -> Ink {
    match ink {
        Ink::Over(k) => Ink::Model(k),
        other => other,
    }
}

/// A short piece of each form's line with its name, for all densities of a page.
pub fn key(forms: &[FormView]) -> String {
    let pieces = forms.iter().zip(strokes(forms)).filter(|(f, _)| f.laws.iter().any(|l| l.density.len() > 1));
    let one = |(form, (ink, width)): (&FormView, (Ink, f64))| {
        format!(
            "<span><svg class=\"sample\" viewBox=\"0 0 160 48\" aria-hidden=\"true\"><path class=\"s-{}\" stroke-width=\"{:.1}\" d=\"M0 24H160\"/></svg>{}</span>\n",
            ink.class(),
            4.0 * width,
            escape(&form.form)
        )
    };
    pieces.map(one).collect()
}

/// Do the forms draw the same law of component `k`?
pub fn densities(forms: &[FormView], k: usize, of: &VariableView, size: Size) -> Result<String, ReportError> {
    let alt = format!("The density of {} by every form, one over the other", of.name);
    let strokes = strokes(forms);
    let drawn = || forms.iter().zip(&strokes).filter_map(|(f, s)| Some((&f.laws.get(k)?.density, s)));
    let points = || drawn().flat_map(|(density, _)| density);
    let wide = size.width > 600;
    let x = Scale::values(points().map(|p| p.0), if wide { 8 } else { 4 });
    let top = points().map(|p| p.1).filter(|p| super::usable(*p)).fold(0.0, f64::max);
    let (Some(x), true) = (x, top > 0.0) else { return no_data(size, &alt) };
    let unit = if of.unit == "1" { "" } else { &of.unit };
    let most = size.width as usize / 8;
    let frame = Frame {
        size,
        x,
        y: Scale::numbers(0.0, 1.05 * top, 5),
        y_title: match (of.is_count, unit) {
            (true, _) => "probability".into(),
            (false, "") => "density".into(),
            (false, unit) => clip(&format!("density (1/{unit})"), most),
        },
        x_title: Some(clip(&with_unit(&of.name, unit), most)),
        right: 14.0,
        alt,
    };
    figure(&frame, |plot| drawn().try_for_each(|(density, (ink, width))| plot.line(density, *ink, *width)))
}

/// What does accuracy cost? Error against seconds, both in powers of ten; low and left is good.
pub fn cost(forms: &[FormView], tolerance: f64, size: Size) -> Result<String, ReportError> {
    let alt = "Error against computing time, one dot a form";
    // What is exact to round-off is drawn on the floor.
    const FLOOR: f64 = 1e-16;
    let strokes = strokes(forms);
    let dots: Vec<(usize, &FormView, (f64, f64))> = forms
        .iter()
        .enumerate()
        .filter_map(|(rank, f)| {
            let error = f.error?.max(f.distance.unwrap_or(0.0)).max(FLOOR);
            let place = (libm::log10(f.seconds.max(1e-7)), libm::log10(error));
            (super::usable(place.0) && super::usable(place.1)).then_some((rank, f, place))
        })
        .collect();
    if dots.is_empty() {
        return no_data(size, alt);
    }
    let extent = |values: &dyn Fn(&(f64, f64)) -> f64, also: Option<f64>| {
        let all = || dots.iter().map(|d| values(&d.2)).chain(also);
        (all().fold(f64::INFINITY, f64::min).floor() - 0.3, all().fold(f64::NEG_INFINITY, f64::max).ceil() + 0.3)
    };
    let x = extent(&|p| p.0, None);
    let y = extent(&|p| p.1, Some(libm::log10(tolerance)));
    let frame = Frame {
        size,
        x: decades(x, if size.width > 600 { 9 } else { 5 }, &|k| seconds(k)),
        y: decades(y, 7, &|k| power(k)),
        y_title: "largest error of the distribution function".into(),
        x_title: Some("time to answer".into()),
        right: 24.0,
        alt: alt.into(),
    };
    figure(&frame, |plot| {
        let level = libm::log10(tolerance);
        plot.line(&[(frame.x.lo, level), (frame.x.hi, level)], Ink::Target, 1.4)?;
        let ((left, bottom), (right, top)) = (plot.place(frame.x.lo, frame.y.lo), plot.place(frame.x.hi, frame.y.hi));
        let mut room = Room::new([left, top, f64::from(size.width), bottom]);
        let line = plot.place(frame.x.lo, level).1;
        room.keep_free([left, line - 1.5, right, line + 1.5]);
        for (rank, _, place) in &dots {
            let (px, py) = plot.place(place.0, place.1);
            room.keep_free([px - 6.0, py - 6.0, px + 6.0, py + 6.0]);
            plot.dot(*place, 5.0, solid(strokes[*rank].0))?;
        }
        for (rank, form, place) in &dots {
            let name = clip(&form.form, 18);
            if let Some((px, py, hang)) = room.put(&name, &around(plot.place(place.0, place.1), 9.0)) {
                plot.text_at(px, py, &name, solid(strokes[*rank].0), hang)?;
            }
        }
        let ends = [-10.0, 10.0].map(|off| line + off);
        let wanted = ends
            .map(|y| [(right, y, Hang::Right), (left + 4.0, y, Hang::Left), (0.5 * (left + right), y, Hang::Centre)]);
        match room.put("good enough", &wanted.concat()) {
            Some((px, py, hang)) => plot.text_at(px, py, "good enough", Ink::Target, hang),
            None => Ok(()),
        }
    })
}

/// An axis of powers of ten between two exponents, at most about `most` ticks.
fn decades((lo, hi): (f64, f64), most: usize, label: &dyn Fn(i32) -> String) -> Scale {
    let (first, last) = (lo.ceil() as i32, hi.floor() as i32);
    let every = (1..).find(|k| (last - first) / k < most as i32).unwrap_or(1);
    let ticks = (first..=last)
        .filter(|k| (k - first) % every == 0)
        .map(|k| Tick { at: f64::from(k), label: label(k), under: None })
        .collect();
    Scale { lo, hi, ticks }
}

fn power(k: i32) -> String {
    format!("10{}", superscript(&k.to_string()))
}

fn seconds(k: i32) -> String {
    match k {
        -9..=-7 => format!("{} ns", [1, 10, 100][(k + 9) as usize]),
        -6..=-4 => format!("{} µs", [1, 10, 100][(k + 6) as usize]),
        -3..=-1 => format!("{} ms", [1, 10, 100][(k + 3) as usize]),
        0..=2 => format!("{} s", [1, 10, 100][k as usize]),
        _ => format!("{} s", power(k)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::compare::LawView;
    use super::*;

    fn form(name: &str, error: Option<f64>, seconds: f64) -> FormView {
        let density = vec![(0.0, 0.1), (1.0, 0.4), (2.0, 0.1)];
        FormView {
            form: name.into(),
            error,
            seconds,
            laws: vec![LawView { density, ..LawView::default() }],
            ..FormView::default()
        }
    }

    fn of(unit: &str) -> VariableView {
        VariableView { name: "x".into(), unit: unit.into(), is_count: false }
    }

    #[test]
    fn every_form_is_drawn_and_named() {
        let forms = [form("exact", Some(0.0), 1e-5), form("fokker-planck", Some(1e-7), 2e-3)];
        let lines = densities(&forms, 0, &of("mol"), Size::WIDE).unwrap();
        assert!(lines.contains("s-over0") && lines.contains("s-over1"), "{lines}");
        assert!(lines.contains("x (mol)") && lines.contains("density (1/mol)"), "{lines}");
        let named = key(&forms);
        assert!(named.contains("s-over1") && named.contains("fokker-planck"), "{named}");
        for size in [Size::WIDE, Size::NARROW] {
            let dots = cost(&forms, 1e-6, size).unwrap();
            assert!(dots.contains("10⁻¹⁶") && dots.contains("good enough") && dots.contains("fokker-planck"), "{dots}");
        }
    }

    #[test]
    fn a_unit_of_one_is_none() {
        let lines = densities(&[form("exact", None, 1.0)], 0, &of("1"), Size::WIDE).unwrap();
        assert!(!lines.contains("(1") && lines.contains("density"), "{lines}");
    }

    #[test]
    fn the_first_line_is_the_widest() {
        let forms: Vec<FormView> = (0..7).map(|k| FormView { is_rough: k == 2, ..form("f", None, 1.0) }).collect();
        let strokes = strokes(&forms);
        assert_eq!(strokes.iter().map(|s| s.0).filter(|ink| matches!(ink, Ink::Over(_))).count(), 6);
        assert!(
            strokes[0].1 > strokes[1].1 && strokes[1].1 > strokes[3].1 && strokes[2].0 == Ink::Baseline(0),
            "{strokes:?}"
        );
        assert!(strokes.iter().all(|s| s.1 > 0.0));
    }

    #[test]
    fn without_an_error_or_a_density_there_is_no_data() {
        let bare = FormView { form: "monte-carlo".into(), ..FormView::default() };
        assert!(densities(std::slice::from_ref(&bare), 0, &of("n"), Size::NARROW).unwrap().contains("no data"));
        assert!(cost(&[bare], 1e-6, Size::NARROW).unwrap().contains("no data"));
    }
}

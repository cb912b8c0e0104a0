//! Forms side by side: their densities over each other, and what their accuracy costs.

use super::super::compare::FormView;
use super::super::error::ReportError;
use super::super::format::{clip, superscript};
use super::axis::{Scale, Tick};
use super::canvas::{Frame, Hang, Ink, Size, figure, no_data};

/// A colour for each form, grey for the one-step approximations.
fn inks(forms: &[FormView]) -> Vec<Ink> {
    let (mut lines, mut greys) = (0, 0);
    let count = |n: &mut u8| std::mem::replace(n, *n + 1);
    forms
        .iter()
        .map(|f| if f.is_rough { Ink::Baseline(count(&mut greys)) } else { Ink::Model(count(&mut lines)) })
        .collect()
}

/// Do the forms draw the same law? Each density is a little thinner than the one under it, so that all are seen where they agree.
pub fn densities(forms: &[FormView], variable: &str, size: Size) -> Result<String, ReportError> {
    let alt = "The density by every form, one over the other";
    let inks = inks(forms);
    let drawn: Vec<(usize, &FormView)> = forms.iter().enumerate().filter(|(_, f)| f.density.len() > 1).collect();
    let points = || drawn.iter().flat_map(|(_, f)| &f.density);
    let wide = size.width > 600;
    let x = Scale::values(points().map(|p| p.0), if wide { 8 } else { 4 });
    let top = points().map(|p| p.1).filter(|p| super::usable(*p)).fold(0.0, f64::max);
    let (Some(x), true) = (x, top > 0.0) else { return no_data(size, alt) };
    let frame = Frame {
        size,
        x,
        y: Scale::numbers(0.0, 1.05 * top, 5),
        y_title: "density".into(),
        x_title: Some(clip(variable, size.width as usize / 8)),
        right: if wide { 150.0 } else { 14.0 },
        alt: alt.into(),
    };
    figure(&frame, |plot| {
        let n = drawn.len();
        for (k, (rank, form)) in drawn.iter().enumerate() {
            let width = if form.is_rough { 1.6 } else { 1.4 + 1.8 * (n - 1 - k) as f64 };
            plot.line(&form.density, inks[*rank], width)?;
        }
        // A key in the order of the table, thickest first.
        for (k, (rank, form)) in drawn.iter().enumerate().filter(|_| wide) {
            let py = 44.0 + 20.0 * k as f64;
            plot.text_at(plot.right_edge() + 12.0, py, &clip(&form.form, 18), inks[*rank], Hang::Left)?;
        }
        Ok(())
    })
}

/// What does accuracy cost? Error against seconds, both in powers of ten; low and left is good.
pub fn cost(forms: &[FormView], tolerance: f64, size: Size) -> Result<String, ReportError> {
    let alt = "Error against computing time, one dot a form";
    // What is exact to round-off is drawn on the floor.
    const FLOOR: f64 = 1e-16;
    let inks = inks(forms);
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
    let wide = size.width > 600;
    let x = extent(&|p| p.0, None);
    let y = extent(&|p| p.1, Some(libm::log10(tolerance)));
    let frame = Frame {
        size,
        x: decades(x, 9, &|k| seconds(k)),
        y: decades(y, 7, &|k| power(k)),
        y_title: "largest error of the distribution function".into(),
        x_title: Some("time to answer".into()),
        right: if wide { 120.0 } else { 24.0 },
        alt: alt.into(),
    };
    figure(&frame, |plot| {
        let level = libm::log10(tolerance);
        plot.line(&[(frame.x.lo, level), (frame.x.hi, level)], Ink::Target, 1.4)?;
        plot.labels_right(&[(level, if wide { "good enough".to_string() } else { String::new() }, Ink::Target)])?;
        for (rank, form, place) in &dots {
            plot.dot(*place, 5.0, inks[*rank])?;
            let (px, py) = plot.place(place.0, place.1);
            let (hang, shift) = if px > plot.right_edge() - 110.0 { (Hang::Right, -9.0) } else { (Hang::Left, 9.0) };
            plot.text_at(px + shift, py - 1.0, &clip(&form.form, 18), inks[*rank], hang)?;
        }
        Ok(())
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
    use super::*;

    fn form(name: &str, error: Option<f64>, seconds: f64) -> FormView {
        FormView {
            form: name.into(),
            error,
            seconds,
            density: vec![(0.0, 0.1), (1.0, 0.4), (2.0, 0.1)],
            ..FormView::default()
        }
    }

    #[test]
    fn every_form_is_drawn_and_named() {
        let forms = [form("exact", Some(0.0), 1e-5), form("fokker-planck", Some(1e-7), 2e-3)];
        let lines = densities(&forms, "x (mol)", Size::WIDE).unwrap();
        assert!(lines.contains("s-model0") && lines.contains("s-model1") && lines.contains("fokker-planck"), "{lines}");
        let dots = cost(&forms, 1e-6, Size::WIDE).unwrap();
        assert!(dots.contains("10⁻¹⁶") && dots.contains("10 µs") && dots.contains("good enough"), "{dots}");
    }

    #[test]
    fn without_an_error_or_a_density_there_is_no_data() {
        let bare = FormView { form: "monte-carlo".into(), ..FormView::default() };
        assert!(densities(std::slice::from_ref(&bare), "n", Size::NARROW).unwrap().contains("no data"));
        assert!(cost(&[bare], 1e-6, Size::NARROW).unwrap().contains("no data"));
    }
}

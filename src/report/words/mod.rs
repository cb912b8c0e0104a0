//! The sentence under each question: what the figure or table shows, read from the same numbers.

mod fit;

pub use fit::{acf, bars, counted, law, profiles, quantiles};

use super::figure::{PitBins, above_frame, coverage_by_chance, held, hits};
use super::format::{clip, fixed, level, moment, num, p_is, p_value, percent};
use super::view::{Axis, Fan, ScoreRow, SeriesView};

/// Below this a test's p-value is called out.
const SIGNIFICANT: f64 = 0.05;

fn count(n: usize) -> String {
    fixed(n as f64, 0)
}

fn rows(n: usize) -> String {
    if n == 1 { "1 row".into() } else { format!("{} rows", count(n)) }
}

/// A moment with the series' own unit where the axis is not a calendar.
fn when(series: &SeriesView, x: f64) -> String {
    match series.axis {
        Axis::Numbers if !series.time_unit.is_empty() => {
            format!("{}\u{a0}{}", moment(series.axis, x), clip(&series.time_unit, 24))
        }
        axis => moment(axis, x),
    }
}

/// Under the data: how many rows, from when to when, and how many are held out.
pub fn data(series: &SeriesView) -> String {
    let (Some(first), Some(last)) = (series.history.first(), series.history.last()) else {
        return "There are no rows to show.".into();
    };
    let kept = series.history.iter().filter(|p| p.x >= series.test_from).count();
    let mut text =
        format!("{} from {} to {}.", rows(series.history.len()), when(series, first.x), when(series, last.x));
    if kept > 0 {
        text += &format!(
            " The tinted part, {} from {} on, is held out: every forecast scored there saw earlier rows only.",
            rows(kept),
            when(series, series.test_from)
        );
    }
    text
}

/// Under the held-out window: when it was forecast, and how much of what came lay in its bands.
pub fn held_out(series: &SeriesView) -> String {
    let fan = &series.held_out;
    let Some(last) = fan.x.last() else { return "No held-out window was forecast.".into() };
    let mut text = match fan.before.last() {
        Some(cut) => format!(
            "One window of the backtest: made at {}, {} ahead, to {}.",
            when(series, cut.x),
            rows(fan.x.len()),
            when(series, *last)
        ),
        None => format!("One window of the backtest, {} ahead, to {}.", rows(fan.x.len()), when(series, *last)),
    };
    let mut counts: Vec<_> = held(fan).into_iter().filter(|h| h.known > 0).collect();
    counts.sort_by(|a, b| a.level.total_cmp(&b.level));
    if let Some(known) = counts.first().map(|h| h.known) {
        let parts: Vec<String> =
            counts.iter().map(|h| format!("{} in the {}\u{a0}% band", count(h.inside), level(h.level))).collect();
        text += &format!(
            " Of {} known, {}. Rows of one window move together; the score table pools all windows.",
            rows(known),
            parts.join(", ")
        );
    }
    text
}

/// Under the forecast: its median and main interval at the end.
pub fn ahead(series: &SeriesView) -> String {
    let fan = &series.forecast;
    let (Some(&last), Some(&median)) = (fan.x.last(), fan.median.last()) else {
        return "No forecast was made.".into();
    };
    let when = when(series, last);
    let mut text = format!("{} ahead, at {when}: median {}", rows(fan.x.len()), num(median));
    if let Some((share, lower, upper)) = main_band(fan) {
        let (share, lower, upper) = (level(share), num(lower), num(upper));
        text += &format!("; with probability {share}\u{a0}% between {lower} and {upper}");
    }
    text + "."
}

/// The 80 % band at the last time, or the first band there is.
fn main_band(fan: &Fan) -> Option<(f64, f64, f64)> {
    let band = fan.bands.iter().find(|b| (b.level - 0.8).abs() < 1e-9).or(fan.bands.first())?;
    Some((band.level, *band.lower.last()?, *band.upper.last()?))
}

/// Under the histogram of probability integral transforms: whether they are as forecast.
pub fn calibration(series: &SeriesView, bins: &PitBins) -> String {
    if bins.n == 0 {
        return "No one-step forecast was scored, so calibration cannot be judged.".into();
    }
    let p = series.pit_ks_p;
    let verdict = match p {
        p if !p.is_finite() => "The test of uniformity gave no answer.".into(),
        p if p < SIGNIFICANT => format!(
            "The outcomes are not spread as forecast: Kolmogorov-Smirnov {}. Read the stated probabilities with care.",
            p_is(p)
        ),
        p => format!(
            "The outcomes are spread as forecast, as far as {} can tell: Kolmogorov-Smirnov {}.",
            rows(bins.n),
            p_is(p)
        ),
    };
    let bars = match bins.surprising() {
        0 => "All ten bars lie within the range that chance allows them together.".into(),
        1 => "One of ten bars lies outside the range that chance allows them together.".into(),
        k => format!("{k} of ten bars lie outside the range that chance allows them together."),
    };
    format!("{} one-step forecasts. {verdict} {bars}", count(bins.n))
}

/// Under the error by horizon: the chosen model beside the best baseline, as far ahead as was looked.
pub fn error_by_horizon(series: &SeriesView) -> String {
    let Some(chosen) = chosen(series) else { return String::new() };
    let of = |model: &str| {
        series
            .by_horizon
            .iter()
            .filter(|h| h.model == model && h.crps.is_finite())
            .max_by_key(|h| h.horizon)
            .map(|h| (h.horizon, h.crps, h.windows))
    };
    let Some((horizon, crps, windows)) = of(&chosen.model) else { return String::new() };
    let rival = series.scores.iter().filter(|s| s.baseline && !s.chosen).filter_map(|s| Some((s, of(&s.model)?)));
    let same = rival.filter(|(_, (h, _, n))| *h == horizon && *n >= windows);
    let mut text = format!("At {} ahead {} has a CRPS of {}", rows(horizon), chosen.model, num(crps));
    if let Some((score, (_, other, _))) = same.min_by(|a, b| a.1.1.total_cmp(&b.1.1)) {
        let better = if crps < other { "below" } else { "not below" };
        text += &format!(", {better} the best baseline there ({}, {})", score.model, num(other));
    }
    text += ".";
    for (model, lowest) in above_frame(series) {
        text += &format!(" {model}, never below {}, lies above the frame.", num(lowest));
    }
    text
}

/// Whether the 80 % bands hold what they should, at every distance.
pub fn coverage(series: &SeriesView) -> String {
    let Some(chosen) = chosen(series) else { return String::new() };
    let chance = coverage_by_chance(series);
    let of = |h: usize| series.by_horizon.iter().find(|r| r.model == chosen.model && r.horizon == h);
    let sides: Vec<(usize, bool)> = chance
        .iter()
        .filter_map(|(h, low, high)| {
            let share = 100.0 * of(*h)?.coverage_80;
            (share < *low || share > *high).then_some((*h, share < *low))
        })
        .collect();
    let narrow = sides.iter().filter(|s| s.1).count();
    let wide = sides.len() - narrow;
    match (narrow, wide) {
        (0, 0) => format!(
            "The bands of {} hold as much as they should, at every distance, as far as chance lets one tell.",
            chosen.model
        ),
        (_, 0) => format!("The bands of {} are too narrow at {narrow} of {} distances.", chosen.model, chance.len()),
        (0, _) => format!("The bands of {} are too wide at {wide} of {} distances.", chosen.model, chance.len()),
        _ => format!(
            "The bands of {} are too narrow at {narrow} and too wide at {wide} of {} distances.",
            chosen.model,
            chance.len()
        ),
    }
}

/// How often what came lay outside the outermost quantiles shown.
pub fn density(series: &SeriesView) -> String {
    let of = &series.through;
    let (Some(low), Some(high)) = (of.levels.first(), of.levels.last()) else { return String::new() };
    let outside = of
        .quantiles
        .iter()
        .zip(&of.actual)
        .filter(|(q, actual)| q.first().zip(q.last()).is_some_and(|(a, b)| !(*a..=*b).contains(*actual)));
    let (outside, expected) = (outside.count(), (1.0 - (high - low)) * of.x.len() as f64);
    format!(
        "{} forecasts, each made {} before what it is of, with the parameters fitted before the first of them. {} of the outcomes lie outside the colours; {} would be expected.",
        count(of.x.len()),
        rows(of.ahead),
        count(outside),
        fixed(expected, 1)
    )
}

/// How many losses went beyond the limits.
pub fn losses(series: &SeriesView) -> String {
    let of = &series.losses;
    let n = of.x.len();
    let one = |(k, p): (usize, &f64)| {
        let expected = p * n as f64;
        format!(
            "{} below the {}\u{a0}% line, where {} are to be expected",
            count(hits(of, k).len()),
            level(*p),
            fixed(expected, 1)
        )
    };
    let told: Vec<String> = of.levels.iter().enumerate().map(one).collect();
    format!("Of {} held-out rows, {}. The tests are below.", count(n), told.join("; "))
}

/// Under the scores: how the chosen model stands among all.
pub fn scores(series: &SeriesView) -> String {
    let Some(chosen) = chosen(series) else { return String::new() };
    // Whoever left windows unanswered was scored on others.
    let whole = || series.scores.iter().filter(|s| s.crps.is_finite() && s.windows >= chosen.windows);
    let Some(best) = whole().min_by(|a, b| a.crps.total_cmp(&b.crps)) else { return String::new() };
    if best.chosen {
        let runner = whole().filter(|s| !s.chosen).min_by(|a, b| a.crps.total_cmp(&b.crps));
        return match runner {
            Some(r) => {
                format!("The model chosen beforehand, {}, has the lowest CRPS; next is {}.", best.model, r.model)
            }
            None => format!("Only {} was scored.", best.model),
        };
    }
    let kind = if best.baseline { "the baseline " } else { "" };
    format!(
        "The lowest CRPS on the held-out rows belongs to {kind}{}, not to {}, which was chosen before they were seen.",
        best.model, chosen.model
    )
}

/// What a panel says as a whole.
pub fn panel(series: &[SeriesView]) -> String {
    let skills: Vec<(f64, f64)> = series
        .iter()
        .filter_map(chosen)
        .filter_map(|s| Some((s.skill?, s.skill_se.unwrap_or(f64::NAN))))
        .filter(|(skill, _)| skill.is_finite())
        .collect();
    if skills.is_empty() {
        return format!("{} series.", count(series.len()));
    }
    let better = skills.iter().filter(|(skill, _)| *skill > 0.0).count();
    let clearly = skills.iter().filter(|(skill, se)| *skill > 2.0 * se).count();
    let lost = series.iter().filter(|s| {
        let baselines = s.scores.iter().filter(|r| r.baseline && !r.chosen).map(|r| r.crps);
        chosen(s).is_some_and(|c| baselines.fold(f64::INFINITY, f64::min) < c.crps)
    });
    let lost = match lost.count() {
        0 => "In none of them did a baseline have a lower error than the chosen model.".to_string(),
        k => format!(
            "A baseline had a lower error than the chosen model in {} of the {}.",
            count(k),
            count(series.len())
        ),
    };
    format!(
        "In {} of {} series the chosen model forecast better than a random walk, in {} of them by more than two standard errors. {lost}",
        count(better),
        count(skills.len()),
        count(clearly)
    )
}

/// The few numbers under the verdict: label, value, and what it should be compared with.
pub fn key_facts(series: &SeriesView) -> Vec<[String; 3]> {
    let Some(score) = chosen(series) else { return Vec::new() };
    let unit = if series.score_unit.is_empty() { String::new() } else { format!(", {}", clip(&series.score_unit, 32)) };
    let mut facts = vec![[format!("CRPS{unit}"), num(score.crps), format!("over {} windows", count(score.windows))]];
    if score.skill.is_some() {
        let aim = "against a random walk".into();
        facts.push(["skill".into(), super::format::skill(score.skill, score.skill_se), aim]);
    }
    facts.push(["inside the 80\u{a0}% band".into(), percent(score.coverage_80), "80\u{a0}% if honest".into()]);
    facts.push(["calibration, KS p".into(), p_value(series.pit_ks_p), "below 0.05 is a warning".into()]);
    facts
}

/// The score row of the chosen model.
pub fn chosen(series: &SeriesView) -> Option<&ScoreRow> {
    series.scores.iter().find(|s| s.chosen)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_baseline_that_wins_is_named() {
        let mut series = sample::single().series.remove(0);
        assert!(scores(&series).starts_with("The model chosen beforehand, cir"), "{}", scores(&series));
        let walk = series.scores.iter_mut().find(|s| s.baseline).unwrap();
        walk.crps = 0.0;
        let text = scores(&series);
        assert!(text.contains("belongs to the baseline random-walk, not to cir"), "{text}");
    }

    #[test]
    fn a_panel_tells_where_baselines_did_better() {
        let mut view = sample::panel();
        assert!(panel(&view.series).contains("In none of them"), "{}", panel(&view.series));
        for series in &mut view.series[..2] {
            series.scores.iter_mut().filter(|s| s.baseline).for_each(|s| s.crps = 0.0);
        }
        assert!(
            panel(&view.series).ends_with("a lower error than the chosen model in 2 of the 5."),
            "{}",
            panel(&view.series)
        );
    }

    #[test]
    fn bands_that_are_too_wide_or_narrow_are_told_apart() {
        let mut series = sample::single().series.remove(0);
        let mut told = |coverage: f64| {
            series.by_horizon.iter_mut().for_each(|h| h.coverage_80 = coverage);
            super::coverage(&series)
        };
        assert!(told(0.8).contains("as much as they should"));
        assert!(told(0.5).contains("too narrow at 20 of 20"));
        assert!(told(1.0).contains("too wide at 20 of 20"));
    }

    #[test]
    fn outcomes_outside_are_counted() {
        let mut series = sample::single().series.remove(0);
        series.through.actual.fill(1e9);
        let n = series.through.x.len();
        assert!(density(&series).contains(&format!(" {n} of the outcomes lie outside")), "{}", density(&series));
        assert!(losses(&series).contains("below the 5\u{a0}% line"));
    }

    #[test]
    fn a_failed_test_is_said() {
        let mut series = sample::single().series.remove(0);
        let bins = PitBins::new(&series.pit);
        series.pit_ks_p = 0.0001;
        assert!(calibration(&series, &bins).contains("not spread as forecast"));
        series.pit_ks_p = f64::NAN;
        assert!(calibration(&series, &bins).contains("no answer"));
    }

    #[test]
    fn nothing_in_nothing_out() {
        let series = sample::bare("x");
        assert_eq!(data(&series), "There are no rows to show.");
        assert!(ahead(&series).starts_with("No forecast"));
        assert!(held_out(&series).starts_with("No held-out"));
        assert!(key_facts(&series).is_empty() && scores(&series).is_empty());
        assert!(density(&series).is_empty() && coverage(&series).is_empty() && law(&series.coefficients).is_empty());
        assert_eq!(panel(&[series]), "1 series.");
    }
}

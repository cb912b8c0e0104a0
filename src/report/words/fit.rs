//! What the figures of the fit show, in sentences.

use super::super::figure::{Acf, Quantiles};
use super::super::format::fixed;
use super::super::view::{CoefficientView, ProfileView};
use super::{count, rows};
use crate::report::Named;
use crate::stats::Tally;

/// Where the fitted law and the bins of the data differ.
pub fn law(coefficients: &[CoefficientView]) -> String {
    let Some(first) = coefficients.first() else { return String::new() };
    let bins: Vec<String> = coefficients
        .iter()
        .filter(|c| !c.seen.is_empty())
        .map(|c| {
            let held =
                c.seen.iter().filter(|s| near(&c.x, &c.value, s.x).is_some_and(|v| (s.lower..=s.upper).contains(&v)));
            format!("{} of {} of the {}", held.count(), c.seen.len(), c.name)
        })
        .collect();
    let mut text = format!("Over the states of {} that were seen.", first.state);
    if !bins.is_empty() {
        text += &format!(
            " The dots are what the data say without a model, bin by bin; the fitted curve passes through the bars of {}, where 95 of 100 are to be expected.",
            bins.join(" and ")
        );
    }
    text
}

/// The value of a curve at `x`, straight between its points.
fn near(x: &[f64], y: &[f64], at: f64) -> Option<f64> {
    let i = x.windows(2).position(|w| (w[0]..=w[1]).contains(&at))?;
    let share = (at - x[i]) / (x[i + 1] - x[i]);
    Some(y.get(i)? + share * (y.get(i + 1)? - y.get(i)?))
}

/// Whether counts stay within what chance allows.
pub fn bars(tally: &Tally) -> String {
    match tally.beyond() {
        0 => "all bars lie within the range that chance allows them together.".to_string(),
        1 => format!("one of {} bars lies outside the range that chance allows them together.", tally.bars.len),
        k => format!("{k} of {} bars lie outside the range that chance allows them together.", tally.bars.len),
    }
}

/// What the counts of each species one row ahead show.
pub fn counted(of: &[Named<Tally>]) -> String {
    let Some((_, first)) = of.first() else { return String::new() };
    let said = of.iter().map(|(name, tally)| format!("Of {name} {}", bars(tally))).collect::<Vec<_>>().join(" ");
    format!("Each of {} has a law of its own, given the row before it. {said}", rows(first.n))
}

/// Which parameters the data leave open; why there are no profiles, where there are none.
pub fn profiles(profiles: &[ProfileView], none: &str) -> String {
    let open: Vec<&str> =
        profiles.iter().filter(|p| p.lower.is_none() || p.upper.is_none()).map(|p| p.name.as_str()).collect();
    match (profiles.is_empty(), open.as_slice()) {
        (true, _) => none.to_string(),
        (false, []) => {
            "Every parameter is held from both sides: values outside the tint are ruled out at 5\u{a0}%.".into()
        }
        (false, open) => format!(
            "The data do not hold {} from both sides: where the tint reaches the frame, no value on that side is ruled out.",
            open.join(" and ")
        ),
    }
}

/// Of twenty bars one leaves its range by chance, and so many with a chance of 1.6 %.
const ENOUGH: usize = 4;

/// What the autocorrelations say.
pub fn acf(found: Option<&Acf>) -> String {
    let Some(acf) = found else { return String::new() };
    let (plain, squares) = acf.beyond();
    let lags = acf.residuals.len();
    let first = match plain {
        0..ENOUGH => "The residuals tell nothing of the next ones".to_string(),
        k => {
            format!(
                "The residuals still tell of the next ones, at {k} of {lags} distances: the drift misses something, of a network its rates"
            )
        }
    };
    let second = match squares {
        0..ENOUGH => "nor does their size".to_string(),
        k => format!(
            "and their size tells of the next size, at {k} of {lags}: volatility clusters in a way this model does not know"
        ),
    };
    format!("{first}, {second}.")
}

/// What the quantile plot says.
pub fn quantiles(found: Option<&Quantiles>) -> String {
    let Some(found) = found else { return String::new() };
    let tail = |p: Option<&(f64, f64, f64, f64)>| p.map_or((0.0, 0.0), |p| (p.0, p.1));
    let (low, high) = (tail(found.points.first()), tail(found.points.last()));
    let ends = format!(
        "The smallest and the largest of {} are {} and {}, where {} and {} are to be expected.",
        rows(found.n),
        fixed(low.1, 1),
        fixed(high.1, 1),
        fixed(low.0, 1),
        fixed(high.0, 1)
    );
    match found.beyond() {
        0 => format!("The residuals are spread as a right model would leave them. {ends}"),
        k => format!(
            "The surprises are not of the sizes that the model says: {} of {} points leave the grey range. {ends}",
            count(k),
            count(found.points.len())
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn bins_off_the_curve_are_counted() {
        let mut series = sample::single().series.remove(0);
        series.coefficients.truncate(1);
        let n = series.coefficients[0].seen.len();
        series.coefficients[0].seen[0].lower = 50.0;
        series.coefficients[0].seen[0].upper = 60.0;
        assert!(law(&series.coefficients).contains(&format!("{} of {n} of the drift", n - 1)));
    }

    #[test]
    fn an_open_parameter_is_named_and_a_reason_told_where_there_are_none() {
        let mut series = sample::single().series.remove(0);
        let told = |s: &crate::report::view::SeriesView| profiles(&s.profiles, &s.no_profiles);
        assert!(told(&series).starts_with("Every parameter"));
        series.profiles[1].upper = None;
        assert!(told(&series).contains("do not hold theta"), "{}", told(&series));
        series.profiles.clear();
        series.no_profiles = "too dear".into();
        assert_eq!(told(&series), "too dear");
    }

    #[test]
    fn residuals_are_told_as_they_are() {
        let acf_of =
            |plain: f64, squares: f64| Acf { residuals: vec![plain; 20], squares: vec![squares; 20], band: 0.1 };
        assert!(acf(Some(&acf_of(0.0, 0.0))).starts_with("The residuals tell nothing"));
        assert!(acf(Some(&acf_of(0.0, 0.3))).contains("volatility clusters"));
        assert!(acf(Some(&acf_of(-0.2, 0.0))).contains("the drift misses"));
        let inside = Quantiles { n: 100, points: vec![(-2.5, -2.4, -3.5, -1.0), (2.5, 2.6, 1.0, 3.5)] };
        assert!(quantiles(Some(&inside)).contains("as a right model"));
        let heavy = Quantiles { points: vec![(-2.5, -6.0, -3.5, -1.0), (0.5, 0.6, 0.2, 0.8)], ..inside };
        let told = quantiles(Some(&heavy));
        assert!(told.contains("1 of 2 points leave the grey range") && told.contains("−6.0 and 0.6"), "{told}");
        assert!(acf(None).is_empty() && quantiles(None).is_empty());
    }
}

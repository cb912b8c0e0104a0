//! What the figures of the fit show, in sentences.

use super::super::figure::{Acf, Quantiles};
use super::super::format::fixed;
use super::super::view::SeriesView;
use super::{count, rows};

/// Where the fitted law and the bins of the data differ.
pub fn law(series: &SeriesView) -> String {
    let Some(first) = series.coefficients.first() else { return String::new() };
    let bins: Vec<String> = series
        .coefficients
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

/// Which parameters the data leave open.
pub fn profiles(series: &SeriesView) -> String {
    let open: Vec<&str> =
        series.profiles.iter().filter(|p| p.lower.is_none() || p.upper.is_none()).map(|p| p.name.as_str()).collect();
    match (series.profiles.is_empty(), open.as_slice()) {
        (true, _) => series.no_profiles.clone(),
        (false, []) => {
            "Every parameter is held from both sides: values outside the tint are ruled out at 5\u{a0}%.".into()
        }
        (false, open) => format!(
            "The data do not hold {} from both sides: where the tint reaches the frame, no value on that side is ruled out.",
            open.join(" and ")
        ),
    }
}

/// What the autocorrelations say.
pub fn acf(found: Option<&Acf>) -> String {
    let Some(acf) = found else { return String::new() };
    let (plain, squares) = acf.beyond();
    let lags = acf.residuals.len();
    // One in twenty is what chance gives.
    let first = match plain {
        0 | 1 => "The residuals tell nothing of the next ones".to_string(),
        k => {
            format!("The residuals still tell of the next ones, at {k} of {lags} distances: the drift misses something")
        }
    };
    let second = match squares {
        0 | 1 => "nor does their size: volatility does not cluster beyond the model".to_string(),
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
        assert!(law(&series).contains(&format!("{} of {n} of the drift", n - 1)), "{}", law(&series));
    }

    #[test]
    fn an_open_parameter_is_named_and_a_reason_told_where_there_are_none() {
        let mut series = sample::single().series.remove(0);
        assert!(profiles(&series).starts_with("Every parameter"));
        series.profiles[1].upper = None;
        assert!(profiles(&series).contains("do not hold theta"), "{}", profiles(&series));
        series.profiles.clear();
        series.no_profiles = "too dear".into();
        assert_eq!(profiles(&series), "too dear");
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

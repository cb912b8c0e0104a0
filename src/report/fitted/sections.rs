//! The sections of a fit's page: each its question, its figures, and the answer in words from the same numbers.

use super::super::figure::{Acf, Beside, FittedPanel, PitBins, Quantiles};
use super::super::format::{fixed, p_is};
use super::super::view::{Axis, CoefficientView, ProfileView};
use super::super::words;
use super::FittedSection;
use crate::base::math;
use crate::stats::{Tally, ks_uniform_p};

/// Half the width of a 95 % range, in standard deviations.
const POINT: f64 = 1.959964;

/// Something that is looked at by its name: a series, a state, a species; without a name where there is only one.
pub type Named<T> = (String, T);

/// What one panel says, after its name where there are several.
fn joined<T>(of: &[Named<T>], say: impl Fn(&T) -> String) -> String {
    let alone = of.len() == 1;
    let one = |(name, of): &Named<T>| if alone { say(of) } else { format!("{name}: {}", say(of)) };
    of.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn panels<T>(of: Vec<Named<T>>, x: &str, y: &str, beside: impl Fn(T) -> Beside) -> Vec<FittedPanel> {
    let one = |(title, of): Named<T>| FittedPanel { title, x: x.into(), y: y.into(), beside: beside(of) };
    of.into_iter().map(one).collect()
}

/// How a figure of counts is read.
const READ_BARS: &str = "Bars are how often each count came, the dashed line how often it should have. Of a right law all bars of a panel end in the grey range in 95 of 100 records or more; those that do not are marked. Parameters fitted to the same counts make the range a little wide.";

impl FittedSection {
    /// What was observed, one panel a component.
    pub fn history(of: Vec<Named<Vec<(f64, f64)>>>, axis: Axis, x: &str) -> FittedSection {
        let rows = of.iter().map(|(_, points)| points.len()).max().unwrap_or(0);
        let panel = |(name, points): Named<Vec<(f64, f64)>>| FittedPanel {
            title: name.clone(),
            x: x.into(),
            y: name,
            beside: Beside::Path { axis, points },
        };
        FittedSection {
            name: "history",
            subject: "Data",
            question: "What was observed?",
            said: format!("{} rows.", fixed(rows as f64, 0)),
            note: "All rows; of many in one pixel column the lowest and the highest are drawn.",
            panels: of.into_iter().map(panel).collect(),
        }
    }

    /// Counts one row ahead of each species, beside the laws of all rows, each given the row before it.
    pub fn steps_counted(of: Vec<Named<Tally>>) -> FittedSection {
        let panel = |(name, tally): Named<Tally>| FittedPanel {
            title: name.clone(),
            x: name,
            y: String::new(),
            beside: Beside::Counts(tally),
        };
        FittedSection {
            name: "counts",
            subject: "Counts",
            question: "Does each count come as often as the law says?",
            said: words::counted(&of),
            note: READ_BARS,
            panels: of.into_iter().map(panel).collect(),
        }
    }

    /// Counts of replicates at each time, `x` what is counted.
    pub fn replicates_counted(of: Vec<Named<Tally>>, x: &str) -> FittedSection {
        let off = of.iter().filter(|(_, tally)| tally.beyond() > 0).count();
        let said = match of.as_slice() {
            [(_, one)] => format!("At this time {}", words::bars(one)),
            all => format!(
                "At {off} of {} times some bar lies outside the range that chance allows; of a right law at most {} would.",
                all.len(),
                fixed(0.05 * all.len() as f64, 1)
            ),
        };
        FittedSection {
            name: "counts",
            subject: "Data and law",
            question: "Are the counts as the fitted law says?",
            said: format!("Every time has its own histogram; none of them was binned for the fit. {said}"),
            note: READ_BARS,
            panels: panels(of, x, "", Beside::Counts),
        }
    }

    /// Residuals in the order of something, in standard deviations.
    pub fn residuals(of: Vec<Named<Vec<(f64, f64)>>>, axis: Axis, x: &str, note: &'static str) -> FittedSection {
        let all = of.iter().flat_map(|(_, points)| points);
        let (n, outside) = all.fold((0usize, 0usize), |(n, out), p| (n + 1, out + usize::from(p.1.abs() > POINT)));
        let about = |points| Beside::About { axis, points, level: 0.0, band: POINT };
        FittedSection {
            name: "residuals",
            subject: "Residuals",
            question: "What did the fit leave over?",
            said: format!(
                "{} of {} lie outside the grey range; {} would be expected by chance.",
                fixed(outside as f64, 0),
                fixed(n as f64, 0),
                fixed(0.05 * n as f64, 1)
            ),
            note,
            panels: panels(of, x, "standard deviations off", about),
        }
    }

    /// Autocorrelations of residuals and of their squares.
    pub fn acf(of: Vec<Named<Vec<f64>>>) -> FittedSection {
        FittedSection {
            name: "acf",
            subject: "Autocorrelation",
            question: "Does one surprise tell the next?",
            said: joined(&of, |residuals| words::acf(Acf::of(residuals).as_ref())),
            note: "Strong bars are of the residuals, the others of their squares. Of a right model 95 of 100 bars end in the grey range.",
            panels: panels(of, "", "", Beside::Acf),
        }
    }

    /// Residuals in order beside those of a normal law.
    pub fn quantiles(of: Vec<Named<Vec<f64>>>) -> FittedSection {
        FittedSection {
            name: "quantiles",
            subject: "Quantiles",
            question: "Are the surprises as large as the model says they may be?",
            said: joined(&of, |residuals| words::quantiles(Quantiles::of(residuals).as_ref())),
            note: "Residuals in order against what a normal law would give: a right model leaves them on the dashed line, and in 95 of 100 records all points in the grey range. Steeper at the ends: larger surprises than the model allows.",
            panels: panels(of, "", "", Beside::Quantiles),
        }
    }

    /// Residuals as probabilities.
    pub fn pit(of: Vec<Named<Vec<f64>>>) -> FittedSection {
        let transforms = |scores: &Vec<f64>| scores.iter().map(|z| math::normal_cdf(*z)).collect::<Vec<f64>>();
        let of: Vec<Named<Vec<f64>>> = of.into_iter().map(|(name, scores)| (name, transforms(&scores))).collect();
        let said = |pit: &Vec<f64>| {
            let p = ks_uniform_p(pit);
            let even = if p < 0.05 {
                "The outcomes are not spread as the law says"
            } else {
                "The outcomes are spread as the law says"
            };
            let outside = match PitBins::new(pit).surprising() {
                0 => "all ten bars lie within the range of chance".to_string(),
                1 => "one of ten bars lies outside the range of chance".to_string(),
                k => format!("{k} of ten bars lie outside the range of chance"),
            };
            format!("{even}: Kolmogorov-Smirnov {}, {outside}.", p_is(p))
        };
        FittedSection {
            name: "pit",
            subject: "Calibration",
            question: "Are the probabilities of one step honest?",
            said: joined(&of, said),
            note: "A right law fills all ten bars evenly; in 95 of 100 records all ten then end in the grey range. High at both ends: its spread is too small. High in the middle: too large. Sloped: biased.",
            panels: panels(of, "", "", Beside::Pit),
        }
    }

    /// Drift or diffusion, called `name` as the view is, one panel a series.
    pub fn law(of: Vec<Named<CoefficientView>>) -> FittedSection {
        let is_drift = of.iter().any(|(_, c)| c.name == "drift");
        let said = joined(&of, |c| words::law(std::slice::from_ref(c)));
        FittedSection {
            name: if is_drift { "drift" } else { "diffusion" },
            subject: if is_drift { "Drift" } else { "Diffusion" },
            question: if is_drift { "Where does the fitted law push?" } else { "How strongly does it shake?" },
            said,
            note: "The line is the fitted law with its 95 % interval at each state; dots, where there are some, are what the data say without a model, bin by bin, with 95 % bars.",
            panels: panels(of, "", "", Beside::Law),
        }
    }

    /// Likelihood profiles, one panel a parameter.
    pub fn profiles(of: Vec<ProfileView>) -> FittedSection {
        let said = words::profiles(&of, "");
        let named = of.into_iter().map(|p| (p.name.clone(), p)).collect();
        FittedSection {
            name: "profiles",
            subject: "Likelihood profiles",
            question: "Which values of the parameters do the data rule out?",
            said,
            note: "How much the log-likelihood falls when one parameter is held away from its estimate (the dot) and all others are fitted anew. Where the curve lies below the dashed line a value is ruled out at 5 %; the rest is tinted.",
            panels: panels(named, "", "", Beside::Profile),
        }
    }
}

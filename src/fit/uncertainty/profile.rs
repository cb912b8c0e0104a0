//! The likelihood as one parameter sees it, and the values it does not rule out.

use super::POINT;
use super::follow::{Chart, Way};
use super::likelihood::{Likelihood, refused};
use crate::base::{Coordinate, Result};
use crate::fit::{Fit, Observed, Settings};
use crate::models::Model;
use serde::Serialize;

/// How exactly an end of the interval is found, in standard errors.
const EXACT: f64 = 1e-3;
/// Points of the curve on each side of the estimate.
const SIDE: usize = 10;

/// One end of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Here, in the unit of what it is an interval of.
    At(f64),
    /// The profile stays above the threshold to the bound, or as far as anyone would look.
    Open,
}

impl End {
    /// Where it is; `None` where it is open.
    pub fn value(self) -> Option<f64> {
        match self {
            End::At(value) => Some(value),
            End::Open => None,
        }
    }
}

/// The profile likelihood of one parameter: the log-likelihood with all others re-optimised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// As the model's file has it.
    pub name: String,
    /// Where the fit put it, in natural units.
    pub estimate: f64,
    /// Ends of the 95 % interval, where twice the drop is the 95 % point of chi-square on one degree of freedom, 3.84.
    pub lower: End,
    /// See `lower`.
    pub upper: End,
    /// `(value, drop in log-likelihood below the estimate)`, by value; values at which the data are impossible are left out.
    pub curve: Vec<(f64, f64)>,
    /// What the log-likelihood gained where the profile rose above the estimate: zero but for a fit that was no optimum.
    pub gain: f64,
    /// Passes over the data.
    pub passes: usize,
}

impl Profile {
    /// A sentence on what the profile says that no standard error does: an open end, or a rise above the fit; `None` where there is neither.
    pub fn finding(&self) -> Option<String> {
        let name = &self.name;
        let told = match (self.lower, self.upper) {
            (End::Open, End::Open) => Some(format!("your data cannot tell {name}: no value of it is ruled out")),
            (End::Open, End::At(upper)) => {
                Some(format!("your data cannot tell {name} from below: all values up to {upper:.4} fit"))
            }
            (End::At(lower), End::Open) => {
                Some(format!("your data cannot tell {name} from above: all values from {lower:.4} on fit"))
            }
            (End::At(_), End::At(_)) => None,
        };
        match self.gain {
            gain if gain > 1e-3 => Some(format!(
                "along {name} the log-likelihood rises {gain:.3} above the fit, which was no optimum: add --starts"
            )),
            _ => told,
        }
    }
}

/// Profile of the parameter `name` of a fit by maximum likelihood: the 95 % interval from the likelihood ratio (Wilks 1938;
/// Venzon & Moolgavkar 1988, by root finding along the re-optimised profile) and 21 points of the curve. Some 100 passes.
///
/// Not for a parameter on a bound of which the interval is to be two-sided: there the ratio is a mixture (Self & Liang 1987).
///
/// # Errors
/// [`crate::base::Error::UnknownParam`]; [`crate::base::Error::Numerics`] where the fit has no likelihood or the parameter was held.
pub fn profile(model: &Model, data: &Observed, settings: &Settings, fit: &Fit, name: &str) -> Result<Profile> {
    let k = model.default_params().index(name)?;
    let likelihood = Likelihood::new(model, data, settings, fit)?;
    let Some(i) = likelihood.free.iter().position(|free| *free == k) else {
        return Err(refused(fit, &format!("{name} was held"), &format!("fit without --fix {name}=…")));
    };
    let chart = Chart::new(&likelihood);
    let mut line = Line::new(&chart, i);
    let ends = line.ends();
    let curve = line.curve(ends);
    let named = |u: Option<f64>| u.map_or(End::Open, |u| End::At(chart.natural(i, u)));
    Ok(Profile {
        name: name.to_string(),
        estimate: fit.theta[k],
        lower: named(ends[0]),
        upper: named(ends[1]),
        curve,
        gain: line.gain,
        passes: line.ways.iter().map(|w| w.passes).sum(),
    })
}

/// Both ways out of the estimate along one parameter.
pub(super) struct Line<'c, 'l, 'a> {
    chart: &'c Chart<'l, 'a>,
    i: usize,
    ways: [Way<'c, 'l, 'a>; 2],
    gain: f64,
}

impl<'c, 'l, 'a> Line<'c, 'l, 'a> {
    /// Along the `i`-th free parameter.
    pub fn new(chart: &'c Chart<'l, 'a>, i: usize) -> Line<'c, 'l, 'a> {
        Line { chart, i, ways: [Way::new(chart, i), Way::new(chart, i)], gain: 0.0 }
    }

    /// Coordinates of the ends of the 95 % interval; none where it is open.
    pub fn ends(&mut self) -> [Option<f64>; 2] {
        [self.end(0), self.end(1)]
    }

    /// Twice the drop, its root: in standard errors, and nearly a straight line.
    fn root(&mut self, side: usize, u: f64) -> f64 {
        let drop = self.ways[side].drop_at(u);
        self.gain = self.gain.max(-drop);
        (2.0 * drop.max(0.0)).sqrt()
    }

    fn limit(&self, side: usize) -> f64 {
        let limits = self.chart.limits(self.i);
        if side == 0 { limits.0 } else { limits.1 }
    }

    /// How far is looked before an end is called open: a factor of 10,000 of a positive parameter, 500 standard errors of one that
    /// may be negative, the whole of a short range.
    fn far(&self, first: f64) -> f64 {
        let likelihood = self.chart.likelihood;
        match likelihood.params()[likelihood.free[self.i]].coordinate() {
            Coordinate::Log => 9.21f64.max(4.0 * first),
            Coordinate::Linear => 256.0 * first,
            Coordinate::Logit => f64::INFINITY,
        }
    }

    fn end(&mut self, side: usize) -> Option<f64> {
        let centre = self.chart.centre[self.i];
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let room = (self.limit(side) - centre).abs();
        let first = POINT * self.chart.scale(self.i);
        let far = room.min(self.far(first));
        let mut inner = (0.0, 0.0);
        let mut step = first.min(far);
        let mut outer = loop {
            let root = self.root(side, centre + sign * step);
            if root >= POINT {
                break (step, root);
            }
            if step >= far {
                return None;
            }
            inner = (step, root);
            // Where the line would cross, and never more than four times as far.
            step = (step * (1.05 * POINT / root.max(1e-9)).clamp(1.1, 4.0)).min(far);
        };
        // Regula falsi, the end that stays twice halved (Dowell & Jarratt 1971).
        let (mut low, mut high) = (inner.1 - POINT, outer.1 - POINT);
        let mut stayed = None;
        for _ in 0..60 {
            if outer.1 - POINT < EXACT || outer.0 - inner.0 < 1e-9 * outer.0 {
                break;
            }
            let share = if high.is_finite() { -low / (high - low) } else { 0.5 };
            let step = inner.0 + share.clamp(0.01, 0.99) * (outer.0 - inner.0);
            let root = self.root(side, centre + sign * step);
            let miss = root - POINT;
            if miss.abs() < EXACT {
                return Some(centre + sign * step);
            }
            if miss > 0.0 {
                (outer, high) = ((step, root), miss);
                low *= if stayed == Some(0) { 0.5 } else { 1.0 };
                stayed = Some(0);
            } else {
                (inner, low) = ((step, root), miss);
                high *= if stayed == Some(1) { 0.5 } else { 1.0 };
                stayed = Some(1);
            }
        }
        Some(centre + sign * outer.0)
    }

    /// The curve a quarter beyond the interval; three standard errors where it is open.
    fn curve(&mut self, ends: [Option<f64>; 2]) -> Vec<(f64, f64)> {
        let centre = self.chart.centre[self.i];
        let open = 1.5 * POINT * self.chart.scale(self.i);
        let mut points = vec![(self.chart.natural(self.i, centre), 0.0)];
        for side in 0..2 {
            let sign = if side == 0 { -1.0 } else { 1.0 };
            let reach = ends[side].map_or(open, |u| 1.25 * (u - centre).abs()).min((self.limit(side) - centre).abs());
            for step in 1..=SIDE {
                let u = centre + sign * reach * step as f64 / SIDE as f64;
                let drop = self.ways[side].drop_at(u);
                if drop.is_finite() && reach > 0.0 {
                    self.gain = self.gain.max(-drop);
                    points.push((self.chart.natural(self.i, u), drop));
                }
            }
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }
}

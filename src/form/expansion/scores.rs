//! Distribution functions of the forms: normal scores of what was observed, and the law of one step as a table.

use super::legendre::Rule;
use super::{Expansion, run};
use crate::base::math;
use crate::form::Pairs;
use crate::predictive::{Density, Predictive};
use crate::process::Scalar;
use crate::process::chart::Chart;

/// Gauss and Legendre's eight points in each of this many parts, on either side of the observation.
const PARTS: usize = 8;
/// Places at which a first look is taken, twice.
const LOOKS: usize = 48;
/// Standard deviations of Euler's law that the first look covers on either side.
const WIDE: f64 = 12.0;
/// A log density this far below its peak holds nothing.
const DEPTH: f64 = 40.0;
/// Cells of a tabulated law.
const CELLS: usize = 400;

impl Expansion {
    /// `Φ⁻¹` of the probability of at most `x1` given `x0`: the form's own, and for `expansion` by quadrature of its density over
    /// where it is above `e^-40` of its peak, divided by its whole (1e-6 where the density is smooth). Cost O(n), and for `expansion` some 220
    /// densities an observation.
    pub fn normal_scores(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Vec<f64> {
        match &self.scores {
            Some(_) => self.written_scores(process, theta, pairs).unwrap_or_default(),
            None => (0..pairs.len()).map(|i| self.integrated_score(process, theta, &pair(pairs, i))).collect(),
        }
    }

    fn written_scores(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Option<Vec<f64>> {
        let (tape, columns) = self.scores.as_ref()?;
        let mut columns = run(tape, *columns, process, theta, pairs).into_iter();
        let near = columns.next()?;
        let Some(rest) = columns.next() else { return Some(near) };
        let score = |(z, r): (f64, f64)| match r {
            0.0 => z,
            // The tail that is small keeps its digits.
            r if z < 0.0 => math::normal_quantile(math::normal_cdf(z) + r),
            r => -math::normal_quantile(math::normal_sf(z) - r),
        };
        Some(near.into_iter().zip(rest).map(score).collect())
    }

    fn integrated_score(&self, process: &Scalar, theta: &[f64], pair: &Pairs) -> f64 {
        let chart = Chart::of(process.state);
        let u1 = chart.u(pair.x1[0]);
        let Some((low, high)) = self.support(process, theta, pair) else { return f64::NAN };
        let below = self.mass(process, theta, pair, PARTS, (low.min(u1), u1));
        let above = self.mass(process, theta, pair, PARTS, (u1, high.max(u1)));
        let whole = below + above;
        if below < above { math::normal_quantile(below / whole) } else { -math::normal_quantile(above / whole) }
    }

    /// The density's integral between two coordinates of the domain's chart.
    fn mass(&self, process: &Scalar, theta: &[f64], pair: &Pairs, parts: usize, (from, to): (f64, f64)) -> f64 {
        let rule = Rule::new(8);
        let width = (to - from) / parts as f64;
        let places: Vec<f64> =
            (0..parts).flat_map(|i| rule.nodes.iter().map(move |s| from + width * (i as f64 + s))).collect();
        let values = self.along(process, theta, pair, &places);
        let weights = rule.weights.iter().cycle();
        values.iter().zip(weights).map(|(v, w)| w * width * math::exp(*v)).sum()
    }

    /// Log densities in the chart's coordinate.
    fn along(&self, process: &Scalar, theta: &[f64], pair: &Pairs, places: &[f64]) -> Vec<f64> {
        let chart = Chart::of(process.state);
        let n = places.len();
        let pairs = Pairs {
            x0: vec![pair.x0[0]; n],
            x1: places.iter().map(|u| chart.x(*u)).collect(),
            dt: vec![pair.dt[0]; n],
            t0: vec![pair.t0[0]; n],
        };
        let value = self.log_density(process, theta, &pairs, false).value;
        value.into_iter().zip(places).map(|(v, u)| v + math::ln(chart.slope(*u))).collect()
    }

    /// The coordinates between which the density is not negligible: two looks, the second where the first saw anything.
    fn support(&self, process: &Scalar, theta: &[f64], pair: &Pairs) -> Option<(f64, f64)> {
        let chart = Chart::of(process.state);
        let reach = run(&self.reach, 2, process, theta, pair);
        let centre = chart.u(if process.state.holds(reach[0][0]) { reach[0][0] } else { pair.x0[0] });
        let half = WIDE * reach[1][0].sqrt() / chart.slope(centre);
        let (mut low, mut high) = (centre - half, centre + half);
        for _ in 0..2 {
            let step = (high - low) / LOOKS as f64;
            let places: Vec<f64> = (0..=LOOKS).map(|i| low + step * i as f64).collect();
            let values = self.along(process, theta, pair, &places);
            let peak = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let seen = |v: &f64| *v > peak - DEPTH;
            let (first, last) = (values.iter().position(seen)?, values.iter().rposition(seen)?);
            (low, high) = (places[first] - step, places[last] + step);
        }
        Some((low, high))
    }

    /// The law of one step as a table, for forms that are not normal; `None` where nothing of the density is left.
    pub fn tabulated(&self, process: &Scalar, theta: &[f64], pair: &Pairs) -> Option<Predictive> {
        let chart = Chart::of(process.state);
        let (low, high) = self.support(process, theta, pair)?;
        let width = (high - low) / CELLS as f64;
        let edges: Vec<f64> = (0..=CELLS).map(|i| chart.x(low + width * i as f64)).collect();
        let middles: Vec<f64> = (0..CELLS).map(|i| low + width * (i as f64 + 0.5)).collect();
        let nodes: Vec<f64> = middles.iter().map(|u| chart.x(*u)).collect();
        let values = self.along(process, theta, pair, &middles);
        let densities: Vec<f64> = values.iter().zip(&middles).map(|(v, u)| math::exp(*v) / chart.slope(*u)).collect();
        let there = |x1: &[f64]| Pairs {
            x0: vec![pair.x0[0]; x1.len()],
            x1: x1.to_vec(),
            dt: vec![pair.dt[0]; x1.len()],
            t0: vec![pair.t0[0]; x1.len()],
        };
        let masses: Vec<f64> = match self.written_scores(process, theta, &there(&edges)) {
            Some(scores) => {
                // Beyond the end of what the form can reach there is no score.
                let known = scores.iter().position(|z| !z.is_nan())?;
                let beyond = |i: usize| if i < known { 0.0 } else { 1.0 };
                let cdf = |(i, z): (usize, &f64)| if z.is_nan() { beyond(i) } else { math::normal_cdf(*z) };
                let cdf: Vec<f64> = scores.iter().enumerate().map(cdf).collect();
                cdf.windows(2).map(|c| c[1] - c[0]).collect()
            }
            None => (0..CELLS)
                .map(|i| {
                    let from = low + width * i as f64;
                    self.mass(process, theta, pair, 1, (from, from + width))
                })
                .collect(),
        };
        Density::tabulated(edges, &masses, &nodes, &densities, [process.state.lower, process.state.upper])
            .map(Predictive::Density)
    }
}

fn pair(pairs: &Pairs, i: usize) -> Pairs {
    Pairs { x0: vec![pairs.x0[i]], x1: vec![pairs.x1[i]], dt: vec![pairs.dt[i]], t0: vec![pairs.t0[i]] }
}

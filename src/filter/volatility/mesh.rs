//! The places of the latent state that the filter knows: settled once, so that everything on them is smooth in the parameters.

use super::composed;
use super::shape::{Rates, Shape};
use crate::base::math;
use crate::form::stationary::extent;
use crate::form::{Pairs, evenly};
use crate::models::Model;
use crate::process::chart::GAUSS;
use crate::process::{Initial, Process};

/// Most places to each side of the middle.
const MOST: usize = 400;
/// By how much the log density of the stationary law has fallen at both ends: a billionth is beyond.
const DEPTH: f64 = 21.0;
/// Standard deviations of a step beyond that, and around a start that is no law.
const ROOM: f64 = 6.0;

/// Places evenly spaced in the coordinate in which the latent's noise is one, so that sums over them are integrals to a digit for
/// every tenth of the spacing (trapezoid rule of a smooth integrand; Trefethen & Weideman 2014, theorem 5.1).
#[derive(Debug, Clone)]
pub(super) struct Mesh {
    /// Increasing.
    pub places: Vec<f64>,
    /// What each place stands for.
    pub widths: Vec<f64>,
    /// In that coordinate.
    pub spacing: f64,
    /// Where the latent state mostly is.
    middle: f64,
}

/// The law the latent state starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    Stationary,
    /// A step from the value in the model's file.
    File,
}

/// The middle and the ends of where the latent state may be.
pub(super) struct Range {
    pub middle: f64,
    pub ends: [f64; 2],
}

/// Where the stationary law has its probability; `None` where there is no such law.
pub(super) fn stationary_range(shape: &Shape, theta: &[f64]) -> Option<Range> {
    let (middle, ends) = extent(shape.step.model(), theta, DEPTH)?;
    (middle.is_finite() && ends[0] < ends[1]).then_some(Range { middle, ends })
}

impl Mesh {
    /// Places over a range and a little beyond, `fineness` of the shortest step's standard deviation apart; closer where level and latent
    /// state are strongly correlated, since a move of one then says much of the other's. `None` where that is no more than a few.
    pub fn new(shape: &Shape, theta: &[f64], range: &Range, dt: f64, fineness: f64) -> Option<Mesh> {
        let model = shape.step.model();
        let process = model.scalar()?;
        // A first, coarse look tells the correlation.
        let length = range.ends[1] - range.ends[0];
        let looks: Vec<f64> = match length.is_finite() {
            true => (0..=8).map(|k| range.ends[0] + length * (0.5 + f64::from(k)) / 9.0).collect(),
            false => vec![range.middle],
        };
        let free = |r: &Rates| (r.variance / r.total_variance).sqrt();
        let least = shape.rates(theta, &looks).iter().map(free).filter(|f| f.is_finite()).fold(1.0, f64::min);
        let part = composed::part(dt, halvings(shape, theta, range.middle, dt));
        let spacing = fineness * narrowest(shape, theta, range.middle, part) * least.max(0.25);
        let step = if part < dt { narrowest(shape, theta, range.middle, part) } else { dt.sqrt() };
        let reach = [ROOM * step / spacing; 2].map(|cells| cells.ceil() as usize);
        let places = evenly(&process, theta, range.middle, range.ends, spacing, MOST);
        let places = extended(places, reach, |from, steps| {
            evenly(&process, theta, from, [f64::NEG_INFINITY, f64::INFINITY], spacing, steps)
        });
        let mut coefficients = process.coefficients(theta);
        let widths: Vec<f64> = places.iter().map(|x| coefficients.at(0.0, *x).1.abs() * spacing).collect();
        (places.len() > 4 && widths.iter().all(|w| w.is_finite() && *w > 0.0)).then_some(Mesh {
            places,
            widths,
            spacing,
            middle: range.middle,
        })
    }

    /// How many times a row is halved, so that the latent state remembers over a part.
    pub fn halvings(&self, shape: &Shape, theta: &[f64], dt: f64) -> u32 {
        halvings(shape, theta, self.middle, dt)
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// `∫` of a rate over the latent state from the first place to each, by Gauss's rule between neighbours.
    pub fn integral(&self, shape: &Shape, theta: &[f64], of: impl Fn(&Rates) -> f64) -> Vec<f64> {
        let inner: Vec<f64> = self.places.windows(2).flat_map(|w| gauss_places(w[0], w[1])).collect();
        let rates = shape.rates(theta, &inner);
        let mut sum = 0.0;
        let mut sums = vec![0.0];
        for (w, rates) in self.places.windows(2).zip(rates.chunks(2 * GAUSS.len())) {
            let pairs = rates.chunks(2).zip(GAUSS).map(|(r, (_, weight))| weight * (of(&r[0]) + of(&r[1])));
            sum += 0.5 * (w[1] - w[0]) * pairs.sum::<f64>();
            sums.push(sum);
        }
        sums
    }

    /// Logarithms of the probabilities of the first row; `None` where they are none.
    pub fn first(&self, shape: &Shape, model: &Model, begin: Begin, theta: &[f64], dt: f64) -> Option<Vec<f64>> {
        let mut logs: Vec<f64> = match begin {
            Begin::Stationary => {
                let scale = self.integral(shape, theta, |r| r.pull);
                let rates = shape.rates(theta, &self.places);
                scale.iter().zip(&rates).map(|(s, r)| 2.0 * s - math::ln(r.latent_variance)).collect()
            }
            Begin::File => {
                let n = self.len();
                let from = file_start(shape, model, theta)?;
                let pairs = Pairs { x0: vec![from; n], x1: self.places.clone(), dt: vec![dt; n], t0: vec![0.0; n] };
                shape.step.log_density(theta, &pairs)
            }
        };
        logs.iter_mut().zip(&self.widths).for_each(|(l, w)| *l += math::ln(*w));
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logs.iter().map(|l| math::exp(l - top)).sum();
        let ln_total = top + math::ln(total);
        logs.iter_mut().for_each(|l| *l -= ln_total);
        ln_total.is_finite().then_some(logs)
    }
}

fn halvings(shape: &Shape, theta: &[f64], middle: f64, dt: f64) -> u32 {
    let sd = narrowest(shape, theta, middle, dt);
    composed::halvings(sd * sd / dt)
}

/// Standard deviation of a step in the coordinate of unit noise: the root of its length, or less where the latent state reverts within it, which
/// the peak of the step's density tells.
fn narrowest(shape: &Shape, theta: &[f64], middle: f64, dt: f64) -> f64 {
    let pairs = Pairs { x0: vec![middle], x1: vec![middle], dt: vec![dt], t0: vec![0.0] };
    let peak = shape.step.log_density(theta, &pairs).first().map_or(f64::NAN, |l| math::exp(*l));
    let noise = shape.step.model().scalar().map_or(f64::NAN, |process| process.coefficients(theta).at(0.0, middle).1);
    let sd = 1.0 / (std::f64::consts::TAU.sqrt() * peak * noise.abs());
    if sd > 0.0 { sd.min(dt.sqrt()) } else { dt.sqrt() }
}

/// The places of Gauss's rule between two, in pairs as [`GAUSS`] lists them.
pub(super) fn gauss_places(from: f64, to: f64) -> impl Iterator<Item = f64> {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    GAUSS.into_iter().flat_map(move |(x, _)| [middle - half * x, middle + half * x])
}

/// The value the file gives the latent state.
pub(super) fn file_start(shape: &Shape, model: &Model, theta: &[f64]) -> Option<f64> {
    let Process::Diffusion(process) = &model.process else { return None };
    match &process.states[shape.latent].initial {
        Some(Initial::Value(id)) => Some(process.frame.at(*id, theta, 0.0)),
        _ => None,
    }
}

/// A row of places with so many more at both sides.
fn extended(places: Vec<f64>, [below, above]: [usize; 2], from: impl Fn(f64, usize) -> Vec<f64>) -> Vec<f64> {
    let (Some(first), Some(last)) = (places.first().copied(), places.last().copied()) else { return places };
    let lower = from(first, below);
    let upper = from(last, above);
    let lower = lower.into_iter().take_while(|x| *x < first);
    let upper = upper.into_iter().filter(|x| *x > last);
    lower.chain(places.iter().copied()).chain(upper).collect()
}

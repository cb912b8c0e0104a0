//! Marginal laws of affine diffusions without a closed law: Fourier cosine series of the characteristic function (Fang &
//! Oosterlee 2008, doi:10.1137/080718061), tabulated.
//!
//! The interval of the series is where Chernoff's bound `P(Y > b) ≤ e^{-cb} E e^{cY}` leaves next to nothing; the terms go on until the
//! characteristic function is gone. A state that is a square-root process by itself has its noncentral chi-square law, whose
//! characteristic function falls off too slowly.

use super::super::{Answer, Form, Question, exact};
use super::complex::Complex;
use super::structure::{Affine, affine};
use super::{Law, broken};
use crate::base::{Result, math};
use crate::models::Model;
use crate::predictive::{Density, Predictive};
use crate::process::{ClosedLaw, Diffusion, Process};
use std::f64::consts::PI;

/// Probability outside the interval, on each side.
const OUTSIDE: f64 = 1e-13;
/// The characteristic function is gone.
const GONE: f64 = 1e-14;
/// Most terms: about half a second.
const MOST_TERMS: usize = 1 << 14;
/// Cells of the table.
const CELLS: usize = 1_200;
/// An error of the distribution function beyond which the law is none.
const WORST: f64 = 1e-5;

/// Why no marginals are found so; `None` where they are, at the default parameters.
pub(in crate::form) fn why_no_marginals(model: &Model) -> Option<String> {
    let Process::Diffusion(process) = &model.process else { return Some(format!("it is a {}", model.process.kind())) };
    let defaults: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    match affine(process, None, &defaults) {
        Err(why) => Some(why),
        Ok(affine) => rough(&affine, process),
    }
}

/// A state whose characteristic function falls off too slowly, or not at all: noise that vanishes with the state itself leaves a
/// power, and no noise what the jumps have.
fn rough(affine: &Affine, process: &Diffusion) -> Option<String> {
    let falls_off = |i: usize| {
        let own = &affine.covariance[i][i];
        own.constant > 0.0 || own.slope.iter().enumerate().any(|(k, s)| k != i && *s > 0.0)
    };
    let state = (0..affine.drift.len()).find(|i| !falls_off(*i) && square_root(affine, *i).is_none())?;
    Some(format!("the characteristic function of {} falls off too slowly", process.states[state].name))
}

/// Arguments of the closed law of a state that is a square-root process by itself.
fn square_root(affine: &Affine, i: usize) -> Option<[f64; 3]> {
    let (drift, own) = (&affine.drift[i], &affine.covariance[i][i]);
    let alone = |slope: &[f64]| slope.iter().enumerate().all(|(k, s)| k == i || *s == 0.0);
    let leaps = affine.leaps.iter().filter(|l| l.rate > 0.0);
    let jumps = leaps.into_iter().any(|l| l.shift[i] != 0.0 || l.marks.iter().any(|(_, moves)| moves[i] != 0.0));
    let (kappa, variance) = (-drift.slope[i], own.slope[i]);
    let is_one = !affine.is_log[i] && !jumps && alone(&drift.slope) && alone(&own.slope) && own.constant == 0.0;
    (is_one && kappa > 0.0 && drift.constant > 0.0 && variance > 0.0)
        .then(|| [kappa, drift.constant / kappa, variance.sqrt()])
}

/// The law of every component at every time. Cost: some hundred exponents of some tens of microseconds for each.
pub(in crate::form) fn marginals(model: &Model, question: &Question) -> Result<Answer> {
    let refuse = |why: String| Form::Exact.unavailable(model, &why);
    let Process::Diffusion(process) = &model.process else {
        return Err(refuse(format!("it is a {}", model.process.kind())));
    };
    let affine = affine(process, None, question.theta).map_err(refuse)?;
    if let Some(why) = rough(&affine, process) {
        return Err(refuse(why));
    }
    let mut error: f64 = 0.0;
    let mut laws = Vec::with_capacity(question.times.len());
    for time in question.times {
        let dt = time - question.t0;
        let mut row = Vec::with_capacity(question.start.len());
        for (i, x0) in question.start.iter().enumerate() {
            row.push(match square_root(&affine, i).filter(|_| *x0 > 0.0) {
                Some(arguments) => exact::transition(ClosedLaw::SquareRoot, &arguments, *x0, dt),
                None => {
                    let law = Law::new(process, None, question.theta, question.start, dt, i).map_err(refuse)?;
                    let (density, off) = tabulated(&law, [process.states[i].lower, process.states[i].upper])?;
                    error = error.max(off);
                    Predictive::Density(density)
                }
            });
        }
        laws.push(row);
    }
    Ok(Answer { laws, error: Some(error) })
}

/// The law as a table, and how far its distribution function may be off: what the interval and the series leave out, and what the
/// table makes of it between its edges.
fn tabulated(law: &Law, domain: [f64; 2]) -> Result<(Density, f64)> {
    let broken = |why: &str| broken(&law.id, why.to_string());
    let scale = scale(law).ok_or_else(|| broken("it does not vary, so it has no density"))?;
    let [from, to] = interval(law, scale).ok_or_else(|| broken("its tails are too heavy for an interval"))?;
    let series = Series::new(law, from, to).ok_or_else(|| broken("its characteristic function is no number"))?;
    let centre = series.middle();
    let cells = graded(from, to, centre, scale);
    let (edges, nodes): (Vec<f64>, Vec<f64>) =
        (cells.iter().step_by(2).copied().collect(), cells.iter().skip(1).step_by(2).copied().collect());
    let below: Vec<f64> = edges.iter().map(|y| series.at(*y)[0]).collect();
    let at_nodes: Vec<[f64; 2]> = nodes.iter().map(|y| series.at(*y)).collect();
    let probabilities: Vec<f64> = below.windows(2).map(|w| w[1] - w[0]).collect();
    let state = |y: &f64| if law.is_log() { math::exp(*y) } else { *y };
    let states: Vec<f64> = nodes.iter().map(state).collect();
    let density = |(x, at): (&f64, &[f64; 2])| if law.is_log() { at[1] / x } else { at[1] };
    let densities: Vec<f64> = states.iter().zip(&at_nodes).map(density).collect();
    let table = Density::tabulated(edges.iter().map(state).collect(), &probabilities, &states, &densities, domain)
        .ok_or_else(|| broken("no probability was left"))?;
    let off = states.iter().zip(&at_nodes).map(|(x, at)| (table.cdf(*x) - at[0]).abs()).fold(0.0, f64::max);
    let error = off + series.left_out + 4.0 * OUTSIDE;
    if !(error < WORST) {
        return Err(broken("its characteristic function falls off too slowly"));
    }
    Ok((table, error))
}

/// A width of the law: one over where its characteristic function has begun to fall. `None` where it never does.
fn scale(law: &Law) -> Option<f64> {
    let mut u = 1e-6;
    while law.exponent(Complex::new(0.0, u))?.at(&law.from).exponential().abs() > 0.6 {
        u *= 2.0;
        if u > 1e12 {
            return None;
        }
    }
    Some(1.0 / u)
}

/// Where Chernoff's bound leaves [`OUTSIDE`] on either side.
fn interval(law: &Law, scale: f64) -> Option<[f64; 2]> {
    const RATIO: f64 = 1.25;
    let reach = |sign: f64| {
        let (mut best, mut c) = (f64::INFINITY, 0.05 / scale);
        // Wide laws have room for small exponents too, narrow ones beside jumps for large.
        while law.exponent(Complex::new(sign * c, 0.0)).is_none() && c > 1e-9 / scale {
            c *= 0.5;
        }
        while let Some((mean, _)) = law.mean(sign * c) {
            let bound = (math::ln(mean) - math::ln(OUTSIDE)) / c;
            // The bound is convex in one over the exponent.
            if bound > best {
                break;
            }
            best = bound;
            c *= RATIO;
        }
        sign * best
    };
    let ends = [reach(-1.0), reach(1.0)];
    (ends[0].is_finite() && ends[1].is_finite() && ends[0] < ends[1]).then_some(ends)
}

/// Edges and nodes in turn, dense about a centre and sparser in proportion to the distance.
fn graded(from: f64, to: f64, centre: f64, scale: f64) -> Vec<f64> {
    let width = 4.0 * scale;
    let z = |y: f64| {
        let d = (y - centre) / width;
        d.signum() * math::ln(d.abs() + (d * d + 1.0).sqrt())
    };
    let (low, high) = (z(from), z(to));
    let n = 2 * CELLS;
    let place = |i: usize| {
        let z = low + (high - low) * i as f64 / n as f64;
        centre + 0.5 * width * (math::exp(z) - math::exp(-z))
    };
    (0..=n)
        .map(|i| {
            if i == 0 {
                from
            } else if i == n {
                to
            } else {
                place(i)
            }
        })
        .collect()
}

/// `f(y) = 1/(b-a) + Σ_k F_k cos(kπ (y-a)/(b-a))`.
struct Series {
    from: f64,
    length: f64,
    terms: Vec<f64>,
    /// What the terms left out may make of the distribution function.
    left_out: f64,
}

impl Series {
    fn new(law: &Law, from: f64, to: f64) -> Option<Series> {
        /// Consecutive terms that must be gone.
        const RUN: usize = 4;
        let length = to - from;
        let (mut terms, mut gone, mut sizes) = (Vec::new(), 0, Vec::new());
        while gone < RUN && terms.len() < MOST_TERMS {
            let k = (terms.len() + 1) as f64;
            let u = k * PI / length;
            let value = law.exponent(Complex::new(0.0, u))?.at(&law.from);
            let size = math::exp(value.re);
            if !size.is_finite() {
                return None;
            }
            terms.push(2.0 / length * size * math::cos(value.im - u * from));
            gone = if size < GONE { gone + 1 } else { 0 };
            sizes.push(size);
        }
        // Beyond the last the sizes fall at least as they did over the last half: a power of the term.
        let n = sizes.len();
        let (last, half) = (sizes[n - 1].max(GONE), sizes[n / 2].max(GONE));
        let power = math::ln(half / last) / std::f64::consts::LN_2;
        let left_out = if gone == RUN { GONE } else { 2.0 / PI * last / power.max(1e-3) };
        Some(Series { from, length, terms, left_out })
    }

    /// Distribution function and density, by the recurrence of a rotation.
    fn at(&self, y: f64) -> [f64; 2] {
        let share = (y - self.from) / self.length;
        let (c1, s1) = (math::cos(PI * share), math::sin(PI * share));
        let (mut c, mut s) = (1.0, 0.0);
        let (mut below, mut density) = (share, 1.0 / self.length);
        for (k, term) in self.terms.iter().enumerate() {
            (c, s) = (c * c1 - s * s1, s * c1 + c * s1);
            density += term * c;
            below += term * self.length / (PI * (k + 1) as f64) * s;
        }
        [below, density]
    }

    /// The median, roughly.
    fn middle(&self) -> f64 {
        let (mut low, mut high) = (self.from, self.from + self.length);
        for _ in 0..20 {
            let middle = 0.5 * (low + high);
            if self.at(middle)[0] < 0.5 { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

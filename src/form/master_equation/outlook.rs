//! Whether a projection will be too much, told before it is done.
//!
//! Some paths go on from states drawn of the law as it stands, by leaps. Their covariance says how many states the law will fill,
//! `√det(12 Σ + 1)`: those of a box with the same covariance, where a normal law to nine digits fills three times as many along every
//! axis. Their propensities say how many products uniformisation will make at least. What is foreseen is therefore too little, and
//! nothing is refused that is not far beyond a limit; what is nearer is refused when the limit is met.
//!
//! The paths are for this count alone: no law is taken from them. They stop where the state has changed at an event, where a
//! propensity is no rate, and after a fixed number of draws, so a look costs some hundredths of a second.

use super::elimination::{MOST_HELD, MOST_WORK};
use super::network::{most_work, too_many_ahead, too_slow_ahead};
use super::space::Reactions;
use crate::base::rng::Stream;
use crate::base::{Error, Purpose, Seed, math};
use crate::process::poisson;
use nalgebra::DMatrix;
use std::collections::HashSet;

/// Paths that are followed.
pub(super) const PATHS: usize = 64;
/// Doublings of the time from the first look at their spread to the last.
const LOOKS: i32 = 18;
/// Poisson draws of all paths.
const DRAWS: usize = 500_000;
/// How far beyond a limit is far.
const FAR: f64 = 2.0;
/// Share by which a count may change in a leap.
const EPSILON: f64 = 0.1;
/// How many states more than a box a law fills before its own count is taken as the measure.
const FILLED: f64 = 4.0;

/// When to look ahead next: work and states that are nothing to speak of are not worth a look.
pub(super) struct Watch {
    work: f64,
    states: usize,
}

impl Watch {
    /// `states` are so many as are handled in a tenth of a second or so.
    pub fn new(states: usize) -> Watch {
        Watch { work: 2e8, states }
    }

    pub fn is_due(&mut self, work: f64, states: usize) -> bool {
        let due = work > self.work || states > self.states;
        if due {
            (self.work, self.states) = ((4.0 * self.work).max(work), (4 * self.states).max(states));
        }
        due
    }
}

/// Where a projection stands.
pub(super) struct Standing<'a> {
    /// States drawn of the law, one path each.
    pub drawn: &'a [Vec<i64>],
    pub states: usize,
    pub work: f64,
    pub now: f64,
    /// Until when nothing but reactions happens.
    pub until: f64,
    pub most_states: usize,
}

/// The refusal of what will be far beyond a limit; `None` where that is not foreseen.
pub(super) fn foreseen(reactions: &mut Reactions, standing: &Standing) -> Option<Error> {
    if standing.drawn.is_empty() {
        return None;
    }
    let axes = axes(&reactions.changes);
    let mut paths = Paths::new(standing.drawn);
    let mut seen = paths.spread(&axes);
    let groups = 1.0 + reactions.changes.iter().collect::<HashSet<_>>().len() as f64;
    let filled = (standing.states as f64 / (FILLED * seen.states)).max(1.0);
    let (mut now, mut states) = (standing.now, standing.states as f64);
    // Of a stretch between two looks it is seen only at its end whether the law still moved, so stretches grow with the time.
    let (mut work, mut stretch) = (standing.work, 0.0);
    let mut next = now + (standing.until - now) * math::powi(0.5, LOOKS);
    while now < standing.until {
        let rates = paths.rates(reactions, now)?;
        let total = rates.iter().flatten().sum::<f64>() / standing.drawn.len() as f64;
        let h = paths.leap(reactions, &rates).min(next - now);
        if !(now + h > now) {
            // The clock stands still: the paths are at infinity in finite time.
            return Some(too_many_ahead(reactions, standing.most_states, (now, f64::INFINITY)));
        }
        let left = paths.advance(reactions, &rates, h);
        now = if h == next - now { next } else { now + h };
        stretch += total * h * states * groups;
        if now >= next || left == 0 {
            next = (standing.now + 2.0 * (next - standing.now)).min(standing.until);
            let spread = paths.spread(&axes);
            states = filled * spread.states;
            if states > FAR * standing.most_states as f64 {
                return Some(too_many_ahead(reactions, standing.most_states, (now, states)));
            }
            // A law at rest is not followed further.
            work += if spread.is_apart(&seen) { stretch } else { 0.0 };
            (seen, stretch) = (spread, 0.0);
            if work > 2.0 * FAR * most_work() && !may_be_factored(states, axes.len()) {
                return Some(too_slow_ahead(reactions, now, (work, states)));
            }
        }
        if left == 0 {
            break;
        }
    }
    None
}

/// Whether Krylov's steps, which fast rates do not hurt, could take so many states of `d` coordinates: a band is a slice of them.
fn may_be_factored(states: f64, d: usize) -> bool {
    let band = math::pow(states, 1.0 - 1.0 / d as f64);
    d <= 1 || states * band * band <= MOST_WORK && states * band <= MOST_HELD as f64
}

/// A coordinate of the counts, and the step it moves by.
pub(super) struct Axis {
    pub position: usize,
    pub step: f64,
}

/// Counts that are independent: all but those that conservation laws leave no choice.
pub(super) fn axes(changes: &[Vec<i64>]) -> Vec<Axis> {
    let n = changes.first().map_or(0, Vec::len);
    let mut rest: Vec<Vec<f64>> = (0..n).map(|i| changes.iter().map(|c| c[i] as f64).collect()).collect();
    let mut axes = Vec::new();
    for position in (0..n).rev() {
        let row = rest[position].clone();
        let Some(pivot) = row.iter().position(|x| x.abs() > 1e-9) else { continue };
        let step = changes.iter().fold(0, |g, c| gcd(g, c[position].unsigned_abs()));
        axes.push(Axis { position, step: step.max(1) as f64 });
        for other in &mut rest[..position] {
            let factor = other[pivot] / row[pivot];
            other.iter_mut().zip(&row).for_each(|(o, r)| *o -= factor * r);
        }
    }
    axes
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Rough paths, all on one clock.
pub(super) struct Paths {
    /// `[position][path]`
    x: Vec<Vec<f64>>,
    streams: Vec<Stream>,
    draws: usize,
}

impl Paths {
    pub fn new(drawn: &[Vec<i64>]) -> Paths {
        let n = drawn.first().map_or(0, Vec::len);
        let key = Seed(1).key(Purpose::Simulation, 0, 0);
        Paths {
            x: (0..n).map(|i| drawn.iter().map(|state| state[i] as f64).collect()).collect(),
            streams: (0..drawn.len()).map(|path| key.stream(path as u64)).collect(),
            draws: 0,
        }
    }

    /// `[reaction][path]`; `None` where one is no rate.
    fn rates(&self, reactions: &mut Reactions, time: f64) -> Option<Vec<Vec<f64>>> {
        let rates = reactions.rates_of(&self.x, time);
        rates.iter().flatten().all(|a| (0.0..f64::INFINITY).contains(a)).then_some(rates)
    }

    /// The longest leap in which no count of any path is expected to change by more than a share, or by one (Cao, Gillespie &
    /// Petzold 2006, eq. 33).
    fn leap(&self, reactions: &Reactions, rates: &[Vec<f64>]) -> f64 {
        let mut longest = f64::INFINITY;
        for (position, x) in self.x.iter().enumerate() {
            let moving = || reactions.changes.iter().zip(rates).filter(|(change, _)| change[position] != 0);
            for (path, x) in x.iter().enumerate() {
                let (mut mean, mut variance) = (0.0, 0.0);
                for (change, a) in moving() {
                    let by = change[position] as f64;
                    mean += by * a[path];
                    variance += by * by * a[path];
                }
                let most = (EPSILON * x).max(1.0);
                if variance > 0.0 {
                    longest = longest.min(most / mean.abs()).min(most * most / variance);
                }
            }
        }
        longest
    }

    /// Poisson numbers of every reaction, no more than the molecules allow; the draws that are left.
    fn advance(&mut self, reactions: &Reactions, rates: &[Vec<f64>], h: f64) -> usize {
        for (change, a) in reactions.changes.iter().zip(rates) {
            for (path, (a, stream)) in a.iter().zip(&mut self.streams).enumerate() {
                let mut times = poisson(a * h, stream);
                for (x, by) in self.x.iter().zip(change).filter(|(_, by)| **by < 0) {
                    times = times.min((x[path] / -*by as f64).floor());
                }
                self.x
                    .iter_mut()
                    .zip(change)
                    .filter(|(_, by)| **by != 0)
                    .for_each(|(x, by)| x[path] += times * *by as f64);
            }
            self.draws += a.len();
        }
        DRAWS.saturating_sub(self.draws)
    }

    /// Over the axes, in their steps.
    pub fn spread(&self, axes: &[Axis]) -> Spread {
        let paths = self.streams.len() as f64;
        let (mut means, mut centred) = (Vec::new(), Vec::new());
        for axis in axes {
            let x = &self.x[axis.position];
            let mean = x.iter().sum::<f64>() / paths;
            centred.push(x.iter().map(|x| (x - mean) / axis.step).collect::<Vec<f64>>());
            means.push(mean / axis.step);
        }
        let entry = |i: usize, j: usize| {
            let sum: f64 = centred[i].iter().zip(&centred[j]).map(|(a, b)| a * b).sum();
            12.0 * sum / paths + f64::from(u8::from(i == j))
        };
        let matrix = DMatrix::from_fn(axes.len(), axes.len(), entry);
        let widths = matrix.diagonal().iter().map(|v| v.sqrt()).collect();
        let root = |factor: nalgebra::Cholesky<f64, nalgebra::Dyn>| factor.l_dirty().diagonal().iter().product::<f64>();
        Spread { means, widths, states: matrix.cholesky().map_or(1.0, root) }
    }
}

/// Where the paths are.
pub(super) struct Spread {
    /// `[axis]`: mean, and width of a box of the same variance.
    means: Vec<f64>,
    widths: Vec<f64>,
    /// `√det(12 Σ + 1)`
    pub states: f64,
}

impl Spread {
    /// Whether the law has moved, beyond four standard errors of so many paths: of a mean an eighth of a standard deviation, of the logarithm
    /// of a width `1/√128`.
    fn is_apart(&self, before: &Spread) -> bool {
        let moved = |k: usize| (self.means[k] - before.means[k]).abs() > 0.2 * self.widths[k].max(before.widths[k]);
        let wider = math::ln(self.states / before.states).abs() > 0.5 * (self.means.len() as f64).sqrt();
        wider || (0..self.means.len()).any(moved)
    }
}

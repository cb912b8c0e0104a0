//! Tau-leaping (Gillespie 2001) with the step, the critical reactions and the way back to exact steps of Cao, Gillespie & Petzold
//! (2006, doi:10.1063/1.2159468), and the hybrid of leaps and exact steps that comes of calling more reactions critical.
//!
//! In a leap, every reaction that is not critical happens a Poisson number of times by its propensity at the leap's start; of the
//! critical ones at most one happens, at the end of the leap, at its exponential time. Critical is what could use up a reactant in ten
//! times; for the hybrid, as in Haseltine & Rawlings (2002, doi:10.1063/1.1505860), also whatever changes a count below one
//! hundred: small populations then move one reaction at a time, on hazards held for the leap. A leap that would leave a
//! negative count is given up and tried again at half its length, so there is none. Where a leap would not be worth ten reactions, a hundred
//! are simulated by the direct method instead.
//!
//! An approximation: means and standard deviations are off by a share of about `epsilon` at most. Events that watch the state see
//! the ends of leaps. Not for laws that change smoothly with time, nor for populations of a few molecules, where it is the direct
//! method at a higher price.

use super::chemistry::{Chemistry, Taped};
use super::direct::{Direct, Graph};
use super::leap::Bounds;
use super::path::{Limits, Sampler, Span, Tally};
use crate::base::Result;
use crate::base::rng::{Key, Stream};
use crate::process::poisson;

/// Times a reactant must last for a reaction not to be critical (Cao et al. 2006, `n_c`).
const LASTS: f64 = 10.0;
/// Leaps shorter than so many mean waits are not made (ibid., step 3), and so many exact reactions are simulated instead.
const WORTH: f64 = 10.0;
const EXACT: u64 = 100;
/// Counts below which the hybrid is exact. What only reads them may leap: nothing but exact reactions changes them.
const SMALL: f64 = 100.0;

/// Which reactions are not leapt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exact {
    Critical,
    Small,
}

pub(super) struct Leaping<'a> {
    chemistry: &'a Chemistry<'a>,
    bounds: &'a Bounds,
    exact: Exact,
    epsilon: f64,
    /// Simulates what is not worth a leap, on random numbers of its own.
    direct: Direct<'a>,
    /// Reactions that it is still to simulate.
    left: u64,
    most_events: u64,
    limits: Limits<'a>,
    key: Key,
    stream: Stream,
    x: Vec<f64>,
    next: Vec<f64>,
    /// `[reaction]`: all propensities, and those of the reactions that are leapt.
    a: Vec<f64>,
    leapt: Vec<f64>,
    rates: Vec<(f64, f64)>,
    taped: Taped,
}

impl<'a> Leaping<'a> {
    pub fn new(
        chemistry: &'a Chemistry<'a>,
        (bounds, graph): (&'a Bounds, &'a Graph),
        (exact, epsilon): (Exact, f64),
        limits: impl Fn() -> Limits<'a>,
        key: Key,
    ) -> Leaping<'a> {
        let n = chemistry.laws.len();
        Leaping {
            // The twin of the key is of what happens at times of its own.
            direct: Direct::new(chemistry, graph, limits(), key.twin().twin()),
            left: 0,
            limits: limits(),
            most_events: limits().most_events,
            stream: key.stream(0),
            x: chemistry.state(),
            next: chemistry.state(),
            a: vec![0.0; n],
            leapt: vec![0.0; n],
            rates: vec![(0.0, 0.0); chemistry.n_species()],
            taped: Taped::default(),
            chemistry,
            bounds,
            exact,
            epsilon,
            key,
        }
    }

    /// One leap from `now`, not beyond `stop`; the time reached, `None` where it is not worth one.
    fn leap(&mut self, now: f64, stop: f64, tally: &mut Tally) -> Result<Option<f64>> {
        self.chemistry.all(&mut self.taped, &self.x, now, &mut self.a)?;
        let total: f64 = self.a.iter().sum();
        if total <= 0.0 {
            return Ok(Some(stop));
        }
        for r in 0..self.a.len() {
            let is_exact = self.bounds.is_critical(r, &self.x, LASTS)
                || self.exact == Exact::Small
                    && self.chemistry.changes.row(r).iter().any(|c| self.x[c.species as usize] < SMALL);
            self.leapt[r] = if is_exact { 0.0 } else { self.a[r] };
        }
        let slow = total - self.leapt.iter().sum::<f64>();
        let longest = self.bounds.longest(self.chemistry, &self.x, &self.leapt, self.epsilon, &mut self.rates);
        let mut most = longest.min(stop - now);
        // The rest of the way may be short; what counts is whether longer leaps are in reach.
        if longest < WORTH / total || !self.leapt.iter().any(|a| *a > 0.0) {
            return Ok(None);
        }
        loop {
            let wait = if slow > 0.0 { -crate::base::math::ln(self.stream.uniform()) / slow } else { f64::INFINITY };
            let step = most.min(wait);
            let one = (wait < most).then(|| self.critical(slow)).flatten();
            if let Some(events) = self.tried(one, step) {
                tally.leaps += 1;
                tally.events += events;
                std::mem::swap(&mut self.x, &mut self.next);
                if tally.events > self.most_events {
                    return Err(self.limits.too_many(now));
                }
                // Exactly, where the leap goes all the way.
                return Ok(Some(if step == stop - now { stop } else { now + step }));
            }
            tally.refused += 1;
            most *= 0.5;
            if most < WORTH / total {
                return Ok(None);
            }
        }
    }

    /// One of the reactions that are not leapt, by its propensity.
    fn critical(&mut self, slow: f64) -> Option<usize> {
        let mut point = self.stream.uniform() * slow;
        let mut found = None;
        for r in (0..self.a.len()).filter(|r| self.leapt[*r] == 0.0 && self.a[*r] > 0.0) {
            found = Some(r);
            point -= self.a[r];
            if point < 0.0 {
                break;
            }
        }
        found
    }

    /// The state after a leap into `next` and its number of reactions, `None` where a count would be negative.
    fn tried(&mut self, one: Option<usize>, step: f64) -> Option<u64> {
        self.next.copy_from_slice(&self.x);
        let mut events = 0.0;
        for r in 0..self.leapt.len() {
            let alone = f64::from(u8::from(one == Some(r)));
            let times = if self.leapt[r] > 0.0 { poisson(self.leapt[r] * step, &mut self.stream) } else { alone };
            if times > 0.0 {
                events += times;
                for change in self.chemistry.changes.row(r) {
                    self.next[change.species as usize] += times * f64::from(change.by);
                }
            }
        }
        self.next.iter().all(|n| *n >= 0.0).then_some(events as u64)
    }
}

impl Sampler for Leaping<'_> {
    fn begin(&mut self, path: u64, draw: u64) {
        self.stream = self.key.stream_from(path, draw);
        self.direct.begin(path, 0);
        self.left = 0;
    }

    fn set(&mut self, x: &[f64], now: f64) -> Result<()> {
        self.x[..x.len()].copy_from_slice(x);
        if self.left > 0 {
            self.direct.set(x, now)?;
        }
        Ok(())
    }

    fn advance(&mut self, x: &mut [f64], span: Span, tally: &mut Tally) -> Result<f64> {
        let mut now = span.now;
        let n = x.len();
        while now < span.stop {
            if self.left == 0 {
                match self.leap(now, span.stop, tally)? {
                    Some(time) => now = time,
                    None => {
                        self.left = EXACT;
                        self.direct.set(&self.x[..n], now)?;
                        continue;
                    }
                }
            } else {
                now = self.direct.advance(&mut self.x[..n], Span { now, watched: true, ..span }, tally)?;
                self.left -= 1;
            }
            if span.watched {
                break;
            }
        }
        x.copy_from_slice(&self.x[..n]);
        Ok(now)
    }
}

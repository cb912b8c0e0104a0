//! What whole paths pay: payoff, average, barrier and discount of a block of paths at evenly spaced times.
//!
//! Between steps a barrier is watched by the probability that a Brownian bridge reaches it (Baldi 1995; for options Beaglehole,
//! Dybvig & Zhou 1997): `exp(-2 d₀ d₁/h)` with `d` the distance to the barrier in units of the noise. Paths carry their probability
//! of being alive and are not killed, so the payoff stays smooth.

use super::{Posed, is_alive};
use crate::base::{Result, math};
use crate::expr::{Scratch, Tape};
use crate::process::{AverageKind, Barrier, BarrierKind, symbol};

/// How a barrier is watched between the steps.
#[derive(Clone, Copy)]
pub(super) enum Watch<'a> {
    /// With the noise half-way between state and barrier.
    HalfWay,
    /// With the noise at the start of the step, as Euler's interpolation has it; through a point half-way where the two increments
    /// that the step is the sum of are given, `[2 step + half][path]`: the mean over that point is the probability without it.
    Left { halves: Option<&'a [Vec<f64>]> },
}

/// Compiled once, shared by all blocks.
pub(super) struct Functional<'a> {
    posed: &'a Posed<'a>,
    payoff: Tape,
    discount: Option<Tape>,
    /// `e^{-∫r dt}` of a rate that does not hang on the state.
    factor: f64,
}

impl<'a> Functional<'a> {
    /// The payoff and the discount of a value, compiled.
    ///
    /// # Errors
    /// [`crate::base::Error::Numerics`] where the discount factor is not finite.
    pub fn new(posed: &'a Posed<'a>) -> Result<Functional<'a>> {
        let value = posed.value;
        let frame = &value.under.frame;
        let states: Vec<usize> = (0..value.under.states.len()).map(|i| frame.variable(i)).collect();
        let mut lanes = states.clone();
        lanes.extend(value.average.map(|average| average.symbol));
        let moves = frame.varies(value.discount);
        Ok(Functional {
            posed,
            payoff: Tape::compile(&frame.pool, &[value.payoff], &lanes),
            discount: moves.then(|| Tape::compile(&frame.pool, &[value.discount], &states)),
            factor: if moves { 1.0 } else { posed.factor()? },
        })
    }

    /// Whether states between now and expiry matter.
    pub fn sees_path(&self) -> bool {
        self.discount.is_some() || self.posed.value.barrier.is_some() || self.posed.value.average.is_some()
    }

    /// Steps must be a multiple of this for fixings and dates to fall on them.
    pub fn beat(&self) -> usize {
        let divides = |a: usize, b: usize| {
            let (mut x, mut y) = (a, b);
            while y > 0 {
                (x, y) = (y, x % y);
            }
            a / x * b
        };
        divides(self.posed.fixings.unwrap_or(1), self.posed.dates.unwrap_or(1))
    }

    /// Discounted worth of each path, `states[time][component][path]` after each of equal steps to expiry.
    pub fn worth(&self, states: &[Vec<Vec<f64>>], watch: Watch) -> Vec<f64> {
        self.with_average(states, watch, self.posed.value.average.map(|a| a.kind))
    }

    /// As [`Functional::worth`], with another kind of average in the payoff's.
    pub fn with_average(&self, states: &[Vec<Vec<f64>>], watch: Watch, kind: Option<AverageKind>) -> Vec<f64> {
        let Some(last) = states.last() else { return Vec::new() };
        let average = kind.map(|kind| self.average(states, kind));
        let inputs: Vec<&[f64]> = last.iter().chain(&average).map(Vec::as_slice).collect();
        let mut out = vec![0.0; last[0].len()];
        let symbols = self.posed.value.under.frame.symbols(self.posed.theta, self.posed.expiry);
        self.payoff.run(&symbols, &inputs, &mut [&mut out], &mut Scratch::default());
        let discounted = self.discounts(states);
        out.iter_mut().zip(discounted).for_each(|(w, d)| *w *= d);
        if let Some(barrier) = self.posed.value.barrier {
            let alive = self.alive(barrier, states, watch);
            out.iter_mut().zip(alive).for_each(|(w, p)| *w *= p);
        }
        out
    }

    /// Mean of the first state, or of its logarithm, over its fixings; over the whole path by the trapezoidal rule.
    fn average(&self, states: &[Vec<Vec<f64>>], kind: AverageKind) -> Vec<f64> {
        let of = |x: f64| match kind {
            AverageKind::Arithmetic => x,
            AverageKind::Geometric => math::ln(x),
        };
        let (start, n) = (of(self.posed.x0[0]), states.len());
        let mut sum = vec![0.0; states[n - 1][0].len()];
        for (k, weight) in self.weights(n).into_iter().enumerate().filter(|(_, w)| *w != 0.0) {
            match k {
                0 => sum.iter_mut().for_each(|s| *s += weight * start),
                _ => sum.iter_mut().zip(&states[k - 1][0]).for_each(|(s, x)| *s += weight * of(*x)),
            }
        }
        match kind {
            AverageKind::Arithmetic => sum,
            AverageKind::Geometric => sum.into_iter().map(math::exp).collect(),
        }
    }

    /// Weights of the start and of the states after each of `n` steps in the average.
    pub fn weights(&self, n: usize) -> Vec<f64> {
        let share = 1.0 / n as f64;
        match self.posed.fixings {
            Some(fixings) => {
                let every = n / fixings;
                let fixed = |k: usize| k > 0 && k.is_multiple_of(every);
                (0..=n).map(|k| if fixed(k) { 1.0 / fixings as f64 } else { 0.0 }).collect()
            }
            None => (0..=n).map(|k| if k == 0 || k == n { 0.5 * share } else { share }).collect(),
        }
    }

    /// `e^{-∫r dt}` along each path, by the trapezoidal rule.
    fn discounts(&self, states: &[Vec<Vec<f64>>]) -> Vec<f64> {
        let width = states[0][0].len();
        let Some(tape) = &self.discount else { return vec![self.factor; width] };
        let (n, posed) = (states.len(), self.posed);
        let h = posed.expiry / n as f64;
        let mut symbols = posed.value.under.frame.symbols(posed.theta, 0.0);
        let mut scratch = Scratch::default();
        let start: Vec<Vec<f64>> = posed.x0.iter().map(|x| vec![*x; width]).collect();
        let (mut sum, mut rate) = (vec![0.0; width], vec![0.0; width]);
        for k in 0..=n {
            symbols[symbol::TIME] = k as f64 * h;
            let row = if k == 0 { &start } else { &states[k - 1] };
            let inputs: Vec<&[f64]> = row.iter().map(Vec::as_slice).collect();
            tape.run(&symbols, &inputs, &mut [&mut rate], &mut scratch);
            let weight = if k == 0 || k == n { 0.5 * h } else { h };
            sum.iter_mut().zip(&rate).for_each(|(s, r)| *s += weight * r);
        }
        sum.into_iter().map(|integral| math::exp(-integral)).collect()
    }

    /// Probability, given its states at the steps, that each path's payoff is alive at expiry.
    fn alive(&self, barrier: Barrier, states: &[Vec<Vec<f64>>], watch: Watch) -> Vec<f64> {
        let (n, width) = (states.len(), states[0][0].len());
        let start = vec![self.posed.x0[0]; width];
        let mut alive = vec![1.0; width];
        let level = |k: usize| self.posed.level(barrier, self.posed.expiry * k as f64 / n as f64);
        if let Some(dates) = self.posed.dates {
            for k in (1..=dates).map(|date| date * (n / dates)) {
                let level = level(k);
                for (alive, x) in alive.iter_mut().zip(&states[k - 1][0]) {
                    *alive = if is_alive(barrier.kind, *x, level) { *alive } else { 0.0 };
                }
            }
        } else {
            let Some(scalar) = self.posed.under.scalar() else { return vec![f64::NAN; width] };
            let mut coefficients = scalar.coefficients(self.posed.theta);
            let (mut drift, mut noise) = (vec![0.0; width], vec![0.0; width]);
            let h = self.posed.expiry / n as f64;
            let mut before = vec![0.0; width];
            for k in 0..=n {
                let x = if k == 0 { &start } else { &states[k - 1][0] };
                let level = level(k);
                match watch {
                    Watch::HalfWay => {
                        let half_way: Vec<f64> = x.iter().map(|x| 0.5 * (x + level)).collect();
                        coefficients.eval(k as f64 * h, &half_way, &mut drift, &mut noise);
                        for p in 0..width {
                            let distance = ((x[p] - level) / noise[p]).abs();
                            if !is_alive(barrier.kind, x[p], level) {
                                alive[p] = 0.0;
                            } else if k > 0 && alive[p] > 0.0 {
                                alive[p] *= survival(before[p], distance, 1.0, h);
                            }
                            before[p] = distance;
                        }
                    }
                    Watch::Left { halves } => {
                        for p in (0..width).filter(|_| k > 0) {
                            let (from, to, b) = (before[p] - level, x[p] - level, noise[p]);
                            let lives = |x: f64| is_alive(barrier.kind, level + x, level);
                            alive[p] *= match halves {
                                _ if !(lives(from) && lives(to)) => 0.0,
                                None => survival(from, to, b, h),
                                Some(dw) => {
                                    let between = 0.5 * (from + to) + 0.5 * b * (dw[2 * k - 2][p] - dw[2 * k - 1][p]);
                                    let both = survival(from, between, b, 0.5 * h) * survival(between, to, b, 0.5 * h);
                                    if lives(between) { both } else { 0.0 }
                                }
                            };
                        }
                        coefficients.eval(k as f64 * h, x, &mut drift, &mut noise);
                        before.copy_from_slice(x);
                    }
                }
            }
        }
        match barrier.kind {
            BarrierKind::UpAndOut | BarrierKind::DownAndOut => alive,
            BarrierKind::UpAndIn | BarrierKind::DownAndIn => alive.into_iter().map(|p| 1.0 - p).collect(),
        }
    }
}

/// Probability that a Brownian bridge of noise `b` over `h` between these distances from a barrier, on one side of it, stays there.
fn survival(from: f64, to: f64, b: f64, h: f64) -> f64 {
    -math::exp_m1(-2.0 * (from * to).abs() / (b * b * h))
}

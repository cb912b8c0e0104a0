//! Values by simulated paths.
//!
//! Between steps a barrier is watched by the probability that a Brownian bridge reaches it (Baldi 1995; for options Beaglehole,
//! Dybvig & Zhou 1997): `exp(-2 d₀ d₁/h)` with `d` the distance to the barrier in units of the noise, taken half-way,
//! `(x - L)/b((x + L)/2)`. Paths carry their probability of being alive and are not killed, so the payoff stays smooth.

use super::{Posed, Valued, broken, is_alive};
use crate::base::rng::Key;
use crate::base::{Result, math};
use crate::expr::{Id, Scratch, Tape};
use crate::form::Accuracy;
use crate::form::monte_carlo::{Run, Scheme, Start, along};
use crate::process::{AverageKind, Barrier, BarrierKind, symbol};

/// Steps to expiry where nobody says otherwise.
const STEPS: f64 = 64.0;
/// As [`STEPS`], where the path between matters.
const STEPS_ALONG: f64 = 256.0;
/// A block of whole paths is held at once: some tens of megabytes a thread.
const MOST_STEPS_ALONG: f64 = 2e4;

pub(super) fn by_paths(posed: &Posed, accuracy: Accuracy, key: Key) -> Result<Valued> {
    let value = posed.value;
    let discount_moves = value.under.frame.varies(value.discount);
    let whole = discount_moves || value.barrier.is_some() || value.average.is_some();
    let step = accuracy.step.unwrap_or(posed.expiry / if whole { STEPS_ALONG } else { STEPS });
    let n = (posed.expiry / step).ceil().max(1.0);
    if whole && !(n <= MOST_STEPS_ALONG) {
        let why = format!("{n:e} steps of whole paths are more than the limit of {MOST_STEPS_ALONG:e}");
        return Err(broken(posed.model, why, "use a longer --step"));
    }
    let times: Vec<f64> =
        if whole { (1..=n as usize).map(|k| posed.expiry * k as f64 / n).collect() } else { vec![posed.expiry] };
    let run = Run {
        theta: posed.theta,
        start: Start::At(posed.x0),
        t0: 0.0,
        times: &times,
        paths: accuracy.paths,
        step,
        scheme: Scheme::EulerMaruyama,
        key,
    };
    let factor = if discount_moves { 1.0 } else { posed.factor()? };
    let worth = along(&posed.under, &value.under, &run, |states| {
        let mut worth = Block { posed, times: &times, states }.payoffs();
        if discount_moves {
            let integral = Block { posed, times: &times, states }.integral(value.discount);
            worth.iter_mut().zip(integral).for_each(|(w, r)| *w *= math::exp(-r));
        }
        if let Some(barrier) = value.barrier {
            let alive = Block { posed, times: &times, states }.alive(barrier);
            worth.iter_mut().zip(alive).for_each(|(w, p)| *w *= p);
        }
        worth
    })?;
    if worth.len() < 2 {
        return Err(broken(
            posed.model,
            "fewer than two paths give no standard error".to_string(),
            "use --paths 10000",
        ));
    }
    let n = worth.len() as f64;
    let mean = worth.iter().sum::<f64>() / n;
    let variance = worth.iter().map(|w| (w - mean) * (w - mean)).sum::<f64>() / (n - 1.0);
    Ok(Valued { value: factor * mean, error: Some(factor * (variance / n).sqrt()), delta: None })
}

/// A block of paths.
struct Block<'a> {
    posed: &'a Posed<'a>,
    times: &'a [f64],
    /// `[time][component][path]`
    states: &'a [Vec<Vec<f64>>],
}

impl Block<'_> {
    fn width(&self) -> usize {
        self.states.first().and_then(|row| row.first()).map_or(0, Vec::len)
    }

    /// States at the start and every time, `[component][path]`.
    fn rows(&self) -> impl Iterator<Item = (f64, Vec<Vec<f64>>)> {
        let start = self.posed.x0.iter().map(|x| vec![*x; self.width()]).collect();
        std::iter::once((0.0, start)).chain(self.times.iter().copied().zip(self.states.iter().cloned()))
    }

    fn payoffs(&self) -> Vec<f64> {
        let value = self.posed.value;
        let frame = &value.under.frame;
        let mut lanes: Vec<usize> = (0..value.under.states.len()).map(|i| frame.variable(i)).collect();
        let average = value.average.map(|average| {
            lanes.push(average.symbol);
            self.average(average.kind)
        });
        let Some(last) = self.states.last() else { return Vec::new() };
        let inputs: Vec<&[f64]> = last.iter().chain(&average).map(Vec::as_slice).collect();
        let mut out = vec![0.0; self.width()];
        let tape = Tape::compile(&frame.pool, &[value.payoff], &lanes);
        let symbols = frame.symbols(self.posed.theta, self.posed.expiry);
        tape.run(&symbols, &inputs, &mut [&mut out], &mut Scratch::default());
        out
    }

    /// Mean over time of the first state, or of its logarithm, by the trapezoidal rule.
    fn average(&self, kind: AverageKind) -> Vec<f64> {
        let of = |x: f64| match kind {
            AverageKind::Arithmetic => x,
            AverageKind::Geometric => math::ln(x),
        };
        let mut sum = vec![0.0; self.width()];
        let mut before: Option<(f64, Vec<f64>)> = None;
        for (time, mut row) in self.rows() {
            let now: Vec<f64> = row.swap_remove(0).into_iter().map(of).collect();
            if let Some((from, before)) = &before {
                let half = 0.5 * (time - from) / self.posed.expiry;
                (0..sum.len()).for_each(|p| sum[p] += half * (before[p] + now[p]));
            }
            before = Some((time, now));
        }
        match kind {
            AverageKind::Arithmetic => sum,
            AverageKind::Geometric => sum.into_iter().map(math::exp).collect(),
        }
    }

    /// `∫ f dt` along each path by the trapezoidal rule.
    fn integral(&self, f: Id) -> Vec<f64> {
        let frame = &self.posed.value.under.frame;
        let lanes: Vec<usize> = (0..self.posed.x0.len()).map(|i| frame.variable(i)).collect();
        let tape = Tape::compile(&frame.pool, &[f], &lanes);
        let (mut scratch, mut symbols) = (Scratch::default(), frame.symbols(self.posed.theta, 0.0));
        let (mut sum, mut before) = (vec![0.0; self.width()], vec![0.0; self.width()]);
        let mut from = 0.0;
        for (time, row) in self.rows() {
            symbols[symbol::TIME] = time;
            let inputs: Vec<&[f64]> = row.iter().map(Vec::as_slice).collect();
            let mut now = vec![0.0; self.width()];
            tape.run(&symbols, &inputs, &mut [&mut now], &mut scratch);
            (0..sum.len()).for_each(|p| sum[p] += 0.5 * (time - from) * (before[p] + now[p]));
            (from, before) = (time, now);
        }
        sum
    }

    /// Probability, given its states at the steps, that each path's payoff is alive at expiry.
    fn alive(&self, barrier: Barrier) -> Vec<f64> {
        let width = self.width();
        let Some(scalar) = self.posed.under.scalar() else { return vec![f64::NAN; width] };
        let mut coefficients = scalar.coefficients(self.posed.theta);
        let mut alive = vec![1.0; width];
        let mut before = vec![0.0; width];
        let (mut drift, mut noise) = (vec![0.0; width], vec![0.0; width]);
        let mut from = 0.0;
        for (k, (time, mut row)) in self.rows().enumerate() {
            let x = row.swap_remove(0);
            let level = self.posed.level(barrier, time);
            let half_way: Vec<f64> = x.iter().map(|x| 0.5 * (x + level)).collect();
            coefficients.eval(time, &half_way, &mut drift, &mut noise);
            for p in 0..width {
                let distance = ((x[p] - level) / noise[p]).abs();
                if !is_alive(barrier.kind, x[p], level) {
                    alive[p] = 0.0;
                } else if k > 0 && alive[p] > 0.0 {
                    alive[p] *= -math::exp_m1(-2.0 * before[p] * distance / (time - from));
                }
                before[p] = distance;
            }
            from = time;
        }
        match barrier.kind {
            BarrierKind::UpAndOut | BarrierKind::DownAndOut => alive,
            BarrierKind::UpAndIn | BarrierKind::DownAndIn => alive.into_iter().map(|p| 1.0 - p).collect(),
        }
    }
}

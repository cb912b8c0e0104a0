//! The direct method where propensities change smoothly with time: the waiting time is where their integral reaches an exponential, by
//! Gauss quadrature to a relative 1e-10, no bound asked for. What jumps in time must stand in `breaks`.

use super::chemistry::{Chemistry, Taped};
use super::draws::Uniforms;
use super::path::{Limits, Sampler, Span, Tally};
use crate::base::rng::Key;
use crate::base::{Result, math};

pub(super) struct Smooth<'a> {
    chemistry: &'a Chemistry<'a>,
    limits: Limits<'a>,
    draws: Uniforms,
    x: Vec<f64>,
    a: Vec<f64>,
    taped: Taped,
}

impl<'a> Smooth<'a> {
    pub fn new(chemistry: &'a Chemistry<'a>, limits: Limits<'a>, key: Key) -> Smooth<'a> {
        Smooth {
            draws: Uniforms::new(key),
            x: chemistry.state(),
            a: vec![0.0; chemistry.laws.len()],
            taped: Taped::default(),
            chemistry,
            limits,
        }
    }

    /// The sum of all propensities at a time.
    fn total(&mut self, time: f64) -> Result<f64> {
        self.chemistry.all(&mut self.taped, &self.x, time, &mut self.a)?;
        Ok(self.a.iter().sum())
    }

    /// The time at which the integral of all propensities from `now` reaches `wait`, `None` where it does not before `stop`. The
    /// propensities are left at that time.
    fn integrate(&mut self, now: f64, stop: f64, mut wait: f64) -> Result<Option<f64>> {
        let mut from = now;
        let mut window = stop - now;
        while from < stop {
            let h = window.min(stop - from);
            let whole = self.gauss(from, h)?;
            // Cut unevenly, so that no symmetry hides an oscillation.
            let parts = self.gauss(from, 0.37 * h)? + self.gauss(from + 0.37 * h, 0.63 * h)?;
            let fine = (whole - parts).abs() <= 1e-10 * parts + 1e-13;
            if !fine && h > 1e-12 * stop.abs().max(h) && from + 0.5 * h > from {
                window = 0.5 * h;
                continue;
            }
            if parts < wait {
                wait -= parts;
                from += h;
                window = 2.0 * h;
                continue;
            }
            let (mut low, mut high) = (0.0, h);
            let mut step = h * (wait / parts);
            for _ in 0..60 {
                let excess = self.gauss(from, step)? - wait;
                if excess > 0.0 {
                    high = step
                } else {
                    low = step
                }
                let rate = self.total(from + step)?;
                let newton = step - excess / rate;
                let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
                if (next - step).abs() <= 1e-13 * h {
                    break;
                }
                step = next;
            }
            self.total(from + step)?;
            return Ok(Some(from + step));
        }
        Ok(None)
    }

    /// `∫ Σ a ds` over `h` from `from`: five-point Gauss-Legendre (Abramowitz & Stegun 1964, table 25.4).
    fn gauss(&mut self, from: f64, h: f64) -> Result<f64> {
        const NODES: [(f64, f64); 5] = [
            (-0.906_179_845_938_664, 0.236_926_885_056_189_08),
            (-0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
            (0.0, 0.568_888_888_888_888_9),
            (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
            (0.906_179_845_938_664, 0.236_926_885_056_189_08),
        ];
        let mut sum = 0.0;
        for (node, weight) in NODES {
            sum += weight * self.total(from + 0.5 * h * (1.0 + node))?;
        }
        Ok(0.5 * h * sum)
    }
}

impl Sampler for Smooth<'_> {
    fn begin(&mut self, path: u64, draw: u64) {
        self.draws.begin(path, draw);
    }

    fn set(&mut self, x: &[f64], now: f64) -> Result<()> {
        self.x[..x.len()].copy_from_slice(x);
        self.total(now).map(|_| ())
    }

    fn advance(&mut self, x: &mut [f64], span: Span, tally: &mut Tally) -> Result<f64> {
        let mut now = span.now;
        let reached = loop {
            let wait = -math::ln(self.draws.next());
            let Some(time) = self.integrate(now, span.stop, wait)? else { break span.stop };
            if !(time < span.stop) {
                break span.stop;
            }
            let total: f64 = self.a.iter().sum();
            if time <= now && total > 0.0 {
                self.limits.explodes(now, total)?;
            }
            let target = self.draws.next() * total;
            let mut sum = 0.0;
            let mut chosen = None;
            for (r, a) in self.a.iter().enumerate().filter(|(_, a)| **a > 0.0) {
                sum += a;
                chosen = Some(r);
                if sum > target {
                    break;
                }
            }
            let Some(reaction) = chosen else { break span.stop };
            now = time;
            tally.events += 1;
            if tally.events > self.limits.most_events {
                return Err(self.limits.too_many(now));
            }
            self.chemistry.happen(reaction, &mut self.x, now)?;
            if span.watched {
                break now;
            }
        };
        x.copy_from_slice(&self.x[..x.len()]);
        Ok(reached)
    }
}

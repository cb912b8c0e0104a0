//! From one time towards another until a reaction happens or a condition changes.
//!
//! Where members move, they and the integral of all propensities are taken forward by Dormand and Prince's pair of orders 5 and 4
//! (1980, doi:10.1016/0771-050X(80)90013-3); a crossing is found on single steps from the same place, which are of fifth order too.
//! Where all slopes are constant between reactions, a step is a straight line and exact.

use super::compiled::Present;
use super::{Agenda, Next};
use crate::base::{Result, math};

/// Steps of one advance, at most.
const MOST_STEPS: usize = 10_000_000;
/// Error of a step, relative and absolute.
const TOLERANCE: f64 = 1e-8;

const A: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
const C: [f64; 6] = [1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0];
/// Fifth less fourth order.
const E: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0];

/// The moved members and the integral of the propensities at one time.
#[derive(Clone)]
struct Flow {
    time: f64,
    /// `[rate]`, then the integral.
    y: Vec<f64>,
}

impl Agenda<'_> {
    /// Forward to `end`, or to what comes before it; `wait` is what the integral of the propensities has to reach, less what it has.
    pub(super) fn advance(&self, w: &mut Present, end: f64, wait: &mut f64) -> Result<Next> {
        if !self.compiled.flows {
            return self.still(w, end, wait);
        }
        let mut here = Flow { time: w.now, y: self.compiled.moved.iter().map(|m| w.x[*m]).chain([0.0]).collect() };
        for _ in 0..MOST_STEPS {
            if !(here.time < end) {
                *wait -= self.leave(w, &here);
                return Ok(Next::End);
            }
            let room = end - here.time;
            let h = w.step.min(room);
            let whole = h == room;
            let (mut there, error) = self.stepped(w, &here, h)?;
            if !(error <= 1.0) && h > 1e-14 * here.time.abs().max(room) {
                w.step = h * if error.is_finite() { (0.9 * math::pow(error, -0.2)).clamp(0.1, 0.9) } else { 0.1 };
                continue;
            }
            if !error.is_finite() {
                return Err(self.numerics(w, "what moves runs off to infinity".to_string(), "check [rate]"));
            }
            if whole {
                there.time = end;
            }
            if let Some(found) = self.crossing(w, &here, &there, *wait)? {
                let reached = self.leave(w, &found);
                *wait -= reached;
                return Ok(if *wait <= 0.0 { Next::Reaction } else { Next::Condition });
            }
            let growth = (0.9 * math::pow(error.max(1e-6), -0.2)).clamp(0.2, 5.0);
            // A short last step says nothing about the next.
            w.step = if whole { w.step.max(h * growth) } else { h * growth };
            here = there;
        }
        Err(self.numerics(w, format!("it took more than {MOST_STEPS} steps"), "what moves is too stiff to be followed"))
    }

    /// Where nothing moves: exact.
    fn still(&self, w: &mut Present, end: f64, wait: &mut f64) -> Result<Next> {
        let total: f64 = w.a.iter().sum();
        if !(total > 0.0) {
            w.now = end;
            return Ok(Next::End);
        }
        let time = w.now + *wait / total;
        if time < end {
            if time <= w.now {
                let why = "reactions follow each other faster than the clock can tell: it explodes".to_string();
                return Err(self.numerics(w, why, "check the rates, or end before that with --until"));
            }
            w.now = time;
            return Ok(Next::Reaction);
        }
        *wait -= total * (end - w.now);
        w.now = end;
        Ok(Next::End)
    }

    /// Put the state there, and say what the integral is.
    fn leave(&self, w: &mut Present, flow: &Flow) -> f64 {
        w.now = flow.time;
        for (m, y) in self.compiled.moved.iter().zip(&flow.y) {
            w.x[*m] = *y;
        }
        flow.y.last().copied().unwrap_or(0.0)
    }

    fn slopes(&self, w: &mut Present, flow: &Flow) -> Result<Vec<f64>> {
        self.leave(w, flow);
        let mut out = vec![0.0; flow.y.len()];
        let last = out.len() - 1;
        self.compiled.rates(w, &mut out[..last]);
        if !self.compiled.changes.is_empty() {
            self.refresh(w)?;
            out[last] = w.a.iter().sum();
        }
        Ok(out)
    }

    /// One step, and its error in units of the tolerance.
    fn stepped(&self, w: &mut Present, from: &Flow, h: f64) -> Result<(Flow, f64)> {
        let n = from.y.len();
        let first = self.slopes(w, from)?;
        let mut next = from.clone();
        if self.compiled.straight {
            next.time = from.time + h;
            next.y.iter_mut().zip(&first).for_each(|(y, k)| *y += h * k);
            return Ok((next, 0.0));
        }
        let mut k = vec![first];
        for (row, c) in A.iter().zip(C) {
            next.time = from.time + c * h;
            for i in 0..n {
                next.y[i] = from.y[i] + h * row.iter().zip(&k).map(|(a, k)| a * k[i]).sum::<f64>();
            }
            if next.y.iter().any(|y| !y.is_finite()) {
                return Ok((next, f64::INFINITY));
            }
            k.push(self.slopes(w, &next)?);
        }
        let mut error = 0.0f64;
        for i in 0..n {
            let off = h * E.iter().zip(&k).map(|(e, k)| e * k[i]).sum::<f64>();
            error = error.max(off.abs() / (TOLERANCE * (1.0 + from.y[i].abs().max(next.y[i].abs()))));
        }
        Ok((next, error))
    }

    /// Whether something happened at this place: the integral is reached, or a condition changed.
    fn happened(&self, w: &mut Present, at: &Flow, wait: f64) -> bool {
        self.leave(w, at) >= wait || self.compiled.changed(w)
    }

    /// How far it is from happening: negative before, as smooth as what is compared.
    fn short(&self, w: &mut Present, at: &Flow, wait: f64) -> f64 {
        let integral = self.leave(w, at) - wait;
        if self.network.events.is_empty() { integral } else { integral.max(self.compiled.margin(w)) }
    }

    /// The first place between two where something happens, looked for at every quarter.
    fn crossing(&self, w: &mut Present, from: &Flow, to: &Flow, wait: f64) -> Result<Option<Flow>> {
        let h = to.time - from.time;
        let mut low = from.clone();
        for quarter in 1..=4 {
            let high = if quarter == 4 {
                to.clone()
            } else if self.network.events.is_empty() {
                // The integral never turns back.
                continue;
            } else {
                self.stepped(w, from, 0.25 * f64::from(quarter) * h)?.0
            };
            if self.happened(w, &high, wait) {
                return self.between(w, from, low, high, wait).map(Some);
            }
            low = high;
        }
        self.leave(w, to);
        Ok(None)
    }

    /// Where it happens between `low`, where it has not, and `high`, where it has: secants, halvings where they are slow.
    fn between(&self, w: &mut Present, from: &Flow, mut low: Flow, mut high: Flow, wait: f64) -> Result<Flow> {
        let hair = f64::EPSILON * high.time.abs().max(from.time.abs());
        for round in 0..200 {
            let width = high.time - low.time;
            if width <= 4.0 * hair {
                break;
            }
            let (a, b) = (self.short(w, &low, wait), self.short(w, &high, wait));
            let secant = low.time - a * width / (b - a);
            let inside = secant > low.time && secant < high.time;
            let middle = if inside && round % 3 != 2 { secant } else { low.time + 0.5 * width };
            for time in [middle - hair, middle + hair] {
                let time = time.clamp(low.time, high.time);
                if !(time > low.time && time < high.time) {
                    continue;
                }
                let mut there = self.stepped(w, from, time - from.time)?.0;
                there.time = time;
                if self.happened(w, &there, wait) {
                    high = there;
                    break;
                }
                low = there;
            }
        }
        Ok(high)
    }
}

//! Networks whose every reaction is one step to or fro along a line: the master equation by one contour integral.
//!
//! Their generator is tridiagonal with a real spectrum, so `exp(Qt) p` takes fourteen complex tridiagonal solves at any horizon
//! ([`super::super::fokker_planck`], thirteen digits of the peak). A state beyond each end is the sink that counts what is lost, and
//! the line is made longer on the side that loses.

use super::super::counts::Stop;
use super::super::fokker_planck::exponential;
use super::network::{Projection, most_work, snapshot, too_many, too_slow_ahead};
use super::snapshot::Snapshot;
use super::space::{Cloud, Reactions};
use crate::base::Result;

/// Products of uniformisation beyond which the contour is taken: about ten milliseconds of them.
const MANY: f64 = 10_000.0;

/// What round-off may have done to any probability, beside what shows in their sum.
const ROUND_OFF: f64 = 1e-11;

/// Whether every reaction is a step along one line, the cloud lies on it, and there is much to do.
pub(super) fn suits(reactions: &mut Reactions, cloud: &Cloud, projection: &Projection) -> Result<bool> {
    let Some((v, along)) = reactions.network.direction() else { return Ok(false) };
    if !reactions.network.events.is_empty() || along.iter().any(|s| s.abs() > 1) || cloud.len() == 0 {
        return Ok(false);
    }
    let v = sorted(reactions, &v);
    if (0..cloud.len()).any(|i| place(cloud.state(0), &v, cloud.state(i)).is_none()) {
        return Ok(false);
    }
    let rates = reactions.rates(&cloud.states, projection.t0)?;
    let fastest = (0..cloud.len()).map(|i| rates.iter().map(|row| row[i]).sum::<f64>()).fold(0.0, f64::max);
    let last = projection.times.last().copied().unwrap_or(projection.t0);
    Ok(fastest * (last - projection.t0) > MANY)
}

fn sorted(reactions: &Reactions, v: &[i64]) -> Vec<i64> {
    reactions.order.iter().map(|s| v[*s]).collect()
}

/// How many steps of `v` lead from `base` to `state`.
fn place(base: &[i64], v: &[i64], state: &[i64]) -> Option<i64> {
    let i = v.iter().position(|n| *n != 0)?;
    let k = (state[i] - base[i]) / v[i];
    base.iter().zip(v).zip(state).all(|((b, v), s)| b + k * v == *s).then_some(k)
}

/// Probabilities of the states `base + k v` for `k` from `first`.
struct Line {
    base: Vec<i64>,
    v: Vec<i64>,
    /// `[reaction]`
    along: Vec<i64>,
    first: i64,
    p: Vec<f64>,
    /// Multiplications so far.
    work: f64,
    /// Smallest and largest `k` that leave every count at zero or more.
    ends: (i64, i64),
}

pub(super) fn project(
    reactions: &mut Reactions,
    cloud: &Cloud,
    stops: &[Stop],
    projection: &Projection,
) -> Result<Vec<Snapshot>> {
    let Some((v, along)) = reactions.network.direction() else { return Ok(Vec::new()) };
    let v = sorted(reactions, &v);
    let base = cloud.state(0).to_vec();
    let places: Vec<i64> = (0..cloud.len()).filter_map(|i| place(&base, &v, cloud.state(i))).collect();
    let (first, last) = (places.iter().copied().min().unwrap_or(0), places.iter().copied().max().unwrap_or(0));
    let mut p = vec![0.0; (last - first) as usize + 1];
    places.iter().zip(&cloud.p).for_each(|(k, q)| p[(k - first) as usize] += q);
    let ends = ends(&base, &v);
    let mut line = Line { base, v, along, first, p, work: 0.0, ends };
    let end = projection.times.last().copied().unwrap_or(projection.t0);
    let mut snapshots = Vec::new();
    let (mut now, mut slack) = (projection.t0, 0.0);
    line.widen(64, 64);
    for stop in stops {
        if stop.time > now {
            let allowed = 0.5 * projection.tolerance * (stop.time - now) / (end - projection.t0);
            slack += line.advance(reactions, (now, stop.time), allowed, projection)?;
            now = stop.time;
        }
        if stop.is_output {
            let cloud = Cloud::new(line.v.len(), &line.states(), &line.p);
            snapshots.push(snapshot(reactions, &cloud, now, (slack + ROUND_OFF, 0.0)));
        }
    }
    Ok(snapshots)
}

fn ends(base: &[i64], v: &[i64]) -> (i64, i64) {
    let mut ends = (i64::MIN / 4, i64::MAX / 4);
    for (b, v) in base.iter().zip(v) {
        match v.signum() {
            1 => ends.0 = ends.0.max(-(b / v)),
            -1 => ends.1 = ends.1.min(b / -v),
            _ => {}
        }
    }
    ends
}

impl Line {
    fn states(&self) -> Vec<i64> {
        let each = |k: usize| {
            let k = self.first + k as i64;
            self.base.iter().zip(&self.v).map(move |(b, v)| b + k * v)
        };
        (0..self.p.len()).flat_map(each).collect()
    }

    /// Add empty states at both ends, no further than counts go.
    fn widen(&mut self, below: usize, above: usize) {
        let last = self.first + self.p.len() as i64 - 1;
        let first = (self.first - below as i64).max(self.ends.0);
        let end = (last + above as i64).min(self.ends.1);
        let mut p = vec![0.0; (self.first - first) as usize];
        p.append(&mut self.p);
        p.resize((end - first) as usize + 1, 0.0);
        (self.first, self.p) = (first, p);
    }

    /// Steps up and down from each state, with an empty sink at both ends.
    fn rates(&self, reactions: &mut Reactions, time: f64) -> Result<(Vec<f64>, Vec<f64>)> {
        let n = self.p.len();
        let states = self.states();
        let rates = reactions.rates(&states, time)?;
        let (mut up, mut down) = (vec![0.0; n + 2], vec![0.0; n + 2]);
        for (r, step) in self.along.iter().enumerate() {
            let side = match step {
                1 => &mut up,
                -1 => &mut down,
                _ => continue,
            };
            let beyond = if *step > 0 { self.first + n as i64 > self.ends.1 } else { self.first <= self.ends.0 };
            let edge = if *step > 0 { n - 1 } else { 0 };
            if beyond && rates[r][edge] > 0.0 {
                let width = self.v.len();
                return Err(reactions.below_zero(r, &states[edge * width..(edge + 1) * width], time));
            }
            side[1..=n].iter_mut().zip(&rates[r]).for_each(|(sum, a)| *sum += a);
        }
        Ok((up, down))
    }

    /// From one time to another, in as few steps as round-off allows; returns the round-off.
    ///
    /// Where the stationary law varies by very many powers of ten the generator is far from normal, and round-off of a long step can
    /// be a million times that of a number. A short step sees only a part of that range.
    fn advance(
        &mut self,
        reactions: &mut Reactions,
        (mut now, stop): (f64, f64),
        allowed: f64,
        projection: &Projection,
    ) -> Result<f64> {
        /// Most halvings of a step.
        const FINEST: f64 = 1.0 / 4096.0;
        /// Multiplications of the contour's complex solves for one state.
        const EACH: f64 = 14.0 * 24.0;
        let length = stop - now;
        let (mut step, mut noise) = (length, 0.0);
        while now < stop {
            let h = step.min(stop - now);
            // Rates may jump at either end.
            let (up, down) = self.rates(reactions, 0.5 * (now + stop))?;
            let mut mass = vec![0.0];
            mass.extend_from_slice(&self.p);
            mass.push(0.0);
            let (after, off) = exponential(up, down, &mass, h);
            let n = self.p.len();
            self.work += EACH * n as f64;
            // Steps do not grow again, nor does the line become shorter: so much is left at least.
            let ahead = self.work + EACH * n as f64 * (stop - now) / h;
            if ahead > most_work() {
                return Err(too_slow_ahead(reactions, stop, (ahead, n as f64)));
            }
            let (below, above) = (after[0], after[n + 1]);
            // Round-off of the contour itself is no reason to go on.
            let share = (allowed * h / length).max(1e-13);
            let kept: f64 = mass.iter().sum();
            let wrong = off + (kept - after.iter().sum::<f64>()).abs() - after.iter().map(|p| p.min(0.0)).sum::<f64>();
            if wrong > share.max(1e-12) && h > FINEST * length {
                step = 0.5 * h;
                continue;
            }
            if below + above > share {
                let more = |lost: f64| if lost > 0.25 * share { n } else { 0 };
                if n + more(below) + more(above) > projection.most_states {
                    return Err(too_many(reactions, projection, stop));
                }
                self.widen(more(below), more(above));
                continue;
            }
            self.p = after[1..=n].iter().map(|p| p.max(0.0)).collect();
            noise += wrong;
            now = if h == stop - now { stop } else { now + h };
        }
        Ok(noise)
    }
}

//! A law on a cloud of states, with its slopes, on its way through time.

use super::super::counts::Stop;
use super::flow::{Advanced, Flow};
use super::krylov::{self, Resolvent};
use super::network::{Projection, STILL, inside, most_work, most_work_with_slopes, snapshot, too_many, too_slow};
use super::outlook::{self, Standing, Watch};
use super::sensitivity::{Moving, SnapshotWithSlopes};
use super::space::{Cloud, Reactions};
use crate::base::Result;

/// A solution on its way through time.
pub(super) struct Driver<'a> {
    reactions: Reactions<'a>,
    cloud: Cloud,
    flow: Option<Flow>,
    moving: Option<Moving<'a>>,
    /// `[parameter]`: flows of the slopes of the rates, beside `flow`.
    sources: Vec<Flow>,
    projection: &'a Projection<'a>,
    /// Length of a window in units of the fastest rate.
    reach: f64,
    since_prune: usize,
    watch: Watch,
    /// `1 - γQ` of `flow` in factors, and the length of the last step that was made by them.
    resolvent: Option<Resolvent>,
    stride: f64,
    /// Error that is no lost probability: of the start, and of stopping where nothing moves any more.
    slack: f64,
    work: f64,
    products: f64,
}

impl<'a> Driver<'a> {
    pub fn new(
        reactions: Reactions<'a>,
        cloud: Cloud,
        moving: Option<Moving<'a>>,
        projection: &'a Projection<'a>,
        slack: f64,
    ) -> Driver<'a> {
        let (flow, sources) = (None, Vec::new());
        let (reach, since_prune, resolvent, stride) = (32.0, 0, None, f64::INFINITY);
        let (work, products) = (0.0, 0.0);
        Driver {
            reactions,
            cloud,
            flow,
            moving,
            sources,
            projection,
            reach,
            since_prune,
            watch: Watch::new(20_000),
            resolvent,
            stride,
            slack,
            work,
            products,
        }
    }

    /// The law and its slopes at each output time among `stops`, from the time `now` on.
    ///
    /// # Errors
    /// Those of [`super::project`].
    pub fn run(mut self, stops: &[Stop], mut now: f64) -> Result<Vec<SnapshotWithSlopes>> {
        let mut answers = Vec::with_capacity(self.projection.times.len());
        for (i, stop) in stops.iter().enumerate() {
            self.advance(now, stop.time)?;
            let before = now;
            now = stop.time;
            let jump = self.before_jump(stop, 0.5 * (before + now))?;
            for e in &stop.fires {
                self.fire(*e, now)?;
            }
            if stop.breaks {
                self.flow = None;
            }
            if let Some((moves, until)) = jump {
                self.jump(&moves, until, inside(now, &stops[i..]))?;
            }
            if stop.is_output {
                let round_off = f64::EPSILON * self.products.sqrt();
                let law = snapshot(&self.reactions, &self.cloud, now, (self.slack, round_off));
                answers.push(SnapshotWithSlopes { law, slopes: self.cloud.slopes.clone() });
            }
        }
        Ok(answers)
    }

    /// How the time of a stop moves with the parameters, and a column that holds `Q₋ p` until the jump is made up for.
    fn before_jump(&mut self, stop: &Stop, time: f64) -> Result<Option<(Vec<f64>, usize)>> {
        let Some(moving) = &self.moving else { return Ok(None) };
        let Some(moves) = moving.stop(self.reactions.model, stop, self.projection.t0)? else { return Ok(None) };
        self.prepare(time)?;
        let mut carried = vec![0.0; self.cloud.len()];
        if let Some(flow) = &self.flow {
            flow.add_to(&mut carried, &self.cloud.p, 1.0);
        }
        // Events map it as they map the law.
        self.cloud.slopes.push(carried);
        Ok(Some((moves, self.cloud.slopes.len() - 1)))
    }

    /// `s += τ' (M Q₋ - Q₊ M) p`
    fn jump(&mut self, moves: &[f64], carried: usize, time: f64) -> Result<()> {
        self.prepare(time)?;
        let mut jump = self.cloud.slopes.remove(carried);
        if let Some(flow) = &self.flow {
            flow.add_to(&mut jump, &self.cloud.p, -1.0);
        }
        for (slope, moves) in self.cloud.slopes.iter_mut().zip(moves) {
            slope.iter_mut().zip(&jump).for_each(|(s, j)| *s += moves * j);
        }
        Ok(())
    }

    /// Every state goes where the event sends it.
    fn fire(&mut self, e: usize, time: f64) -> Result<()> {
        let (events, reactions) = (&self.reactions.events, &self.reactions);
        let mut states = Vec::with_capacity(self.cloud.states.len());
        for i in 0..self.cloud.len() {
            let before = reactions.in_file_order(self.cloud.state(i));
            let mut held = events.hold(&before, time);
            let mut after = events.fire(e, &before, time)?;
            events.settle(&mut after, &mut held, time)?;
            states.extend(reactions.sorted(&after));
        }
        self.cloud = Cloud::with_slopes(reactions.n(), &states, &self.cloud.p, &self.cloud.slopes);
        self.flow = None;
        Ok(())
    }

    /// The flows of the cloud, where they are not known.
    fn prepare(&mut self, time: f64) -> Result<()> {
        if self.flow.is_none() {
            self.resolvent = None;
            self.flow = Some(Flow::new(&mut self.reactions, &self.cloud, time)?);
            if let Some(moving) = &mut self.moving {
                self.sources = moving.flows(&self.reactions, &self.cloud, time)?;
            }
        }
        Ok(())
    }

    fn advance(&mut self, mut now: f64, stop: f64) -> Result<()> {
        /// Longest window; beyond it nothing is gained.
        const LONGEST: f64 = 2_000.0;
        let last = self.projection.times.last().copied().unwrap_or(stop);
        let horizon = (last - self.projection.t0).max(stop - now);
        let middle = 0.5 * (now + stop);
        while now < stop {
            self.look_ahead((now, stop))?;
            self.prepare(middle)?;
            let Some(flow) = self.flow.take() else { break };
            let rest = stop - now;
            let drift = flow.speed(&self.cloud.p) * rest;
            if drift <= STILL && (self.moving.is_none() || flow.fastest == 0.0) {
                self.slack += drift;
                // Rates that are all zero may have slopes.
                for (slope, source) in self.cloud.slopes.iter_mut().zip(&self.sources) {
                    source.add_to(slope, &self.cloud.p, rest);
                }
                self.flow = Some(flow);
                return Ok(());
            }
            // Where slopes are asked for, logarithms will be taken of small probabilities: only a sum keeps their digits.
            if self.moving.is_none() && krylov::pays(&flow, self.cloud.len(), rest) {
                now = self.long_step(flow, (now, stop), horizon)?;
                continue;
            }
            let h = (self.reach / flow.fastest).min(rest);
            if self.moving.is_some() {
                // A search tries points far out: what would be too slow is told before it is.
                let products = flow.fastest * (last - now) * (1 + self.cloud.slopes.len()) as f64;
                if products * flow.size() as f64 > 2.0 * most_work_with_slopes() {
                    return Err(too_slow(&self.reactions, (now, most_work_with_slopes()), self.cloud.len()));
                }
            }
            let next = flow.advance(&self.cloud.p, (&self.sources, &self.cloud.slopes), h);
            let Advanced { p, slopes, lost, products } = next;
            self.work += products as f64 * flow.size() as f64;
            let most = if self.moving.is_some() { most_work_with_slopes() } else { most_work() };
            if self.work > most {
                return Err(too_slow(&self.reactions, (now, most), self.cloud.len()));
            }
            let allowed = 0.5 * self.projection.tolerance * h / horizon;
            if lost > allowed {
                self.grow(&flow, &p, (h, h / horizon), middle)?;
                self.reach = (0.7 * self.reach).max(16.0);
                continue;
            }
            self.products += products as f64;
            (self.cloud.p, self.cloud.slopes) = (p, slopes);
            now = if h == rest { stop } else { now + h };
            self.reach = (1.4 * self.reach).min(LONGEST);
            self.flow = Some(flow);
            self.since_prune += 1;
            if self.since_prune >= 16 && self.cloud.len() > 512 {
                self.prune(16.0 * h / horizon, 2);
            }
        }
        Ok(())
    }

    /// # Errors
    /// Where until `stop` more is needed by far than the limits allow. Of events that watch the state nothing is foreseen.
    fn look_ahead(&mut self, (now, stop): (f64, f64)) -> Result<()> {
        if self.reactions.events.watch() || !self.watch.is_due(self.work, self.cloud.len()) {
            return Ok(());
        }
        let standing = Standing {
            drawn: &self.cloud.drawn(outlook::PATHS),
            states: self.cloud.len(),
            work: self.work,
            now,
            until: stop,
            most_states: self.projection.most_states,
        };
        outlook::foreseen(&mut self.reactions, &standing).map_or(Ok(()), Err)
    }

    /// A step by the resolvent, or a change of the cloud, or of the length; the time reached.
    fn long_step(&mut self, flow: Flow, (now, stop): (f64, f64), horizon: f64) -> Result<f64> {
        /// What a step may be off by, at least: its round-off.
        const NOISE: f64 = 2e-13;
        let rest = stop - now;
        let h = if self.stride < 0.75 * rest { self.stride } else { rest };
        let n = self.cloud.len();
        // A tenth of the step, give or take a factor of two, so that a factorisation serves steps of many lengths.
        let resolvent = self.resolvent.take().filter(|r| (0.05..=0.2).contains(&(r.gamma / h)));
        let resolvent = match resolvent {
            Some(resolvent) => resolvent,
            None => {
                self.work += krylov::work(&flow, n);
                Resolvent::new(&flow, n, 0.1 * h)
            }
        };
        self.work += krylov::work(&flow, n) / 10.0;
        if self.work > most_work() {
            return Err(too_slow(&self.reactions, (now, most_work()), n));
        }
        // A matrix of entries between one and γ times the fastest rate loses as many digits.
        let noise = NOISE + f64::EPSILON * resolvent.gamma * flow.fastest;
        let allowed = (0.5 * self.projection.tolerance * h / horizon).max(noise);
        let Some((p, apart)) = resolvent.advance(&self.cloud.p, h, allowed) else {
            self.stride = h / 4.0;
            self.flow = Some(flow);
            return Ok(now);
        };
        let lost = self.cloud.p.iter().sum::<f64>() - p.iter().sum::<f64>();
        let apart = apart + noise;
        if lost > allowed + apart && !flow.leaving.is_empty() {
            self.grow(&flow, &p, (h, h / horizon), 0.5 * (now + stop))?;
            return Ok(now);
        }
        self.slack += 2.0 * apart;
        self.cloud.p = p;
        self.stride = 2.0 * h;
        self.resolvent = Some(resolvent);
        self.flow = Some(flow);
        Ok(if h == rest { stop } else { now + h })
    }

    /// Add the states that probability left for, and some rings beyond them.
    fn grow(&mut self, flow: &Flow, next: &[f64], (h, part): (f64, f64), now: f64) -> Result<()> {
        const RINGS: usize = 32;
        let allowed = 0.5 * self.projection.tolerance * part;
        let n = self.reactions.n();
        let through = |(i, rate): &(usize, f64)| self.cloud.p[*i].max(next[*i]) * rate * h;
        let least = 0.01 * allowed / flow.leaving.len().max(1) as f64;
        let mut gates: Vec<usize> = flow.leaving.iter().filter(|g| through(g) > least).map(|g| g.0).collect();
        if gates.is_empty() {
            // What passed was gone before the end of the window.
            gates = flow.leaving.iter().map(|g| g.0).collect();
        }
        gates.sort_unstable();
        gates.dedup();
        let seeds: Vec<i64> = gates.iter().flat_map(|i| self.cloud.state(*i).to_vec()).collect();
        let enough = self.cloud.len() / 3 + 64;
        let added = self.reactions.neighbours(&self.cloud, seeds, (RINGS, enough), now)?;
        if self.cloud.len() + added.len() / n > self.projection.most_states {
            self.prune(part, 1_000_000);
            if self.cloud.len() + added.len() / n > self.projection.most_states {
                return Err(too_many(&self.reactions, self.projection, now + h));
            }
        }
        self.cloud = self.cloud.joined(&added);
        Ok(())
    }

    /// Drop states so improbable that all of them are a small part of what may be lost, if they are more than one in `share`.
    fn prune(&mut self, part: f64, share: usize) {
        let least = 0.2 * self.projection.tolerance * part.min(1.0) / self.cloud.len() as f64;
        let few = self.cloud.p.iter().filter(|p| **p < least).count();
        self.since_prune = 0;
        if few * share > self.cloud.len() {
            self.cloud = self.cloud.pruned(least);
            self.flow = None;
        }
    }
}

//! Jumps at their own times: the integrated rate of each path runs against a unit exponential, and the step in which it is
//! reached is cut there (jump-adapted discretisation: Platen & Bruti-Liberati 2010, section 8.6; for rates that hang on the
//! state, the time change of Glasserman & Merener 2004).
//!
//! The rate is held over a step, as drift and diffusion are. The Wiener path is kept: its value at the jump is drawn from
//! the Brownian bridge of the step.

use super::Run;
use super::engine::{Engine, Single};
use crate::base::math;
use crate::base::rng::{Key, Stream};
use crate::process::Diffusion;

/// The jumps of a process, shared by all blocks.
pub(super) struct Jumps<'a> {
    process: &'a Diffusion,
    key: Key,
}

impl<'a> Jumps<'a> {
    pub fn new(process: &'a Diffusion, run: &Run) -> Jumps<'a> {
        Jumps { process, key: run.key.twin() }
    }

    /// How many jumps all paths will make if the rates stay what they are at one state; `Some` where that is too many.
    pub fn too_many(&self, engine: &Engine, x: &[f64], run: &Run) -> Option<f64> {
        let last = run.times.last().filter(|_| !self.is_empty())?;
        let rates = engine.rates_at(x, run.t0, &mut engine.single_scratch());
        let expected = rates.iter().sum::<f64>() * (last - run.t0) * run.paths as f64;
        (expected > MOST_EXPECTED).then_some(expected)
    }

    pub fn is_empty(&self) -> bool {
        self.process.jumps.is_empty()
    }

    pub fn block(&self, first: usize, width: usize) -> Jumping {
        if self.is_empty() {
            return Jumping { paths: Vec::new(), single: None };
        }
        let paths = (0..width)
            .map(|p| {
                let mut stream = self.key.stream((first + p) as u64);
                let left = self.process.jumps.iter().map(|_| exponential(&mut stream)).collect();
                Clock { stream, left }
            })
            .collect();
        Jumping { paths, single: None }
    }
}

/// A path's random numbers for jumps, and the integrated rate left until each next one.
struct Clock {
    stream: Stream,
    left: Vec<f64>,
}

/// The jumps of one block.
pub(super) struct Jumping {
    paths: Vec<Clock>,
    single: Option<Single>,
}

/// More jumps than this of one path in one step are an explosion.
const MOST_JUMPS: usize = 100_000;
/// More jumps than this are expected of a run: it is refused before it begins. A laptop does about 1e6 a second.
const MOST_EXPECTED: f64 = 1e9;

/// Mean and sd of the last Gaussian, `[component][path]`.
type Kernels = Vec<Vec<(f64, f64)>>;

impl Jumping {
    /// Run every path's clock over the step from `now` of length `h` that took `before` to `x` by the independent increments `√h z`;
    /// where it strikes, make the step again in parts.
    #[allow(clippy::too_many_arguments)] // One step's state, all of it borrowed from the block that owns it.
    pub fn step(
        &mut self,
        engine: &Engine,
        (now, h): (f64, f64),
        before: &[Vec<f64>],
        rates: &[Vec<f64>],
        z: &[Vec<f64>],
        x: &mut [Vec<f64>],
        mut kernels: Option<&mut Kernels>,
    ) {
        for (p, clock) in self.paths.iter_mut().enumerate() {
            let strikes = clock.left.iter().zip(rates).any(|(left, rate)| !(rate[p] * h < *left && rate[p] >= 0.0));
            if !strikes {
                for (left, rate) in clock.left.iter_mut().zip(rates) {
                    *left -= rate[p] * h;
                }
                continue;
            }
            let single = self.single.get_or_insert_with(|| engine.single_scratch());
            let mut state: Vec<f64> = before.iter().map(|b| b[p]).collect();
            let rate: Vec<f64> = rates.iter().map(|r| r[p]).collect();
            let dw: Vec<f64> = z.iter().map(|z| z[p] * h.sqrt()).collect();
            let last = clock.walk(engine, &mut state, rate, (now, h), dw, single);
            for (i, value) in state.iter().enumerate() {
                x[i][p] = *value;
                if let (Some(kernels), Some(last)) = (kernels.as_deref_mut(), last.get(i)) {
                    kernels[i][p] = *last;
                }
            }
        }
    }
}

impl Clock {
    /// Walk one path over a step, stopping at each jump; mean and sd of the Gaussian of its last part, `[component]`.
    fn walk(
        &mut self,
        engine: &Engine,
        x: &mut [f64],
        mut rates: Vec<f64>,
        (mut now, mut h): (f64, f64),
        mut dw: Vec<f64>,
        single: &mut Single,
    ) -> Vec<(f64, f64)> {
        for jumps in 0.. {
            let due = |(left, rate): (&f64, &f64)| if *rate > 0.0 { left / rate } else { f64::INFINITY };
            let next = self.left.iter().zip(&rates).map(due).enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            if jumps == MOST_JUMPS || rates.iter().any(|r| !(*r >= 0.0)) {
                // An explosion, a negative rate or NaN makes no jump time; the path says so by its value.
                x.fill(f64::NAN);
                break;
            }
            let Some((which, wait)) = next.filter(|(_, wait)| *wait < h) else { break };
            let wait = wait.max(0.0);
            let part = self.bridge(wait, h, &mut dw);
            engine.single(x, now, wait, &part, single);
            for (left, rate) in self.left.iter_mut().zip(&rates) {
                *left -= rate * wait;
            }
            self.left[which] = exponential(&mut self.stream);
            (now, h) = (now + wait, h - wait);
            engine.jumps.apply(which, x, now, &mut self.stream, engine);
            if engine.is_absorbed(x) {
                // It stays where it fell; nothing moves it back over the end.
                return x.iter().map(|x| (*x, 0.0)).collect();
            }
            rates = engine.rates_at(x, now, single);
        }
        for (left, rate) in self.left.iter_mut().zip(&rates) {
            *left -= rate * h;
        }
        let last = engine.kernel_of(x, now, h, single);
        engine.single(x, now, h, &dw, single);
        last
    }

    /// The increments over the first `wait` of an interval `h` whose whole increments are `dw`; `dw` becomes the rest.
    fn bridge(&mut self, wait: f64, h: f64, dw: &mut [f64]) -> Vec<f64> {
        let share = wait / h;
        let sd = (wait * (1.0 - share)).max(0.0).sqrt();
        let part: Vec<f64> = dw.iter().map(|dw| share * dw + sd * self.stream.normal()).collect();
        dw.iter_mut().zip(&part).for_each(|(dw, part)| *dw -= part);
        part
    }
}

impl Jumps<'_> {
    /// Draw the marks of jump `which` and move the state: by as much as the jump moves the state put back inside its domain, so
    /// that a state that truncation holds outside is not lifted to the end by a jump of another.
    fn apply(&self, which: usize, x: &mut [f64], time: f64, stream: &mut Stream, engine: &Engine) {
        let jump = &self.process.jumps[which];
        let mut symbols = engine.symbols_at(x, time);
        for mark in &jump.marks {
            symbols[mark.symbol] = match mark.law.at(&self.process.frame, &symbols) {
                Some(law) => law.sample(stream),
                None => f64::NAN,
            };
        }
        for (i, (x, id)) in x.iter_mut().zip(&jump.after).enumerate() {
            let (inside, after) =
                (symbols[self.process.frame.variable(i)], self.process.frame.pool.eval(*id, &symbols));
            *x = if inside == *x { after } else { *x + (after - inside) };
        }
    }
}

/// Exponential of rate one.
fn exponential(stream: &mut Stream) -> f64 {
    -math::ln(stream.uniform())
}

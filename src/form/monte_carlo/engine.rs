//! Steps of a diffusion in any number of dimensions, for a block of paths at once, by any scheme.
//!
//! On a domain with an end, coefficients are evaluated at the state put back inside it: full truncation (Lord, Koekkoek & van
//! Dijk 2010), so a square root never sees a negative number.

use super::ends::Ends;
use super::exact_step::Exact;
use super::explicit::{Add, Explicit, PutInside, Running};
use super::implicit::Implicit;
use super::jumps::Jumps;
use super::normals::{Normals, Uniforms};
use super::square_root::{Heston, SquareRoot};
use super::taylor::{Increments, increments};
use super::{Run, Scheme, Start};
use crate::base::rng::Stream;
use crate::base::{Error, Result};
use crate::models::Model;
use crate::process::{Diffusion, symbol};

/// States and kernels at an output, `[component][path]`: mean and sd of the Gaussian that the last step drew from, sd zero where
/// there is none.
pub(super) struct Row {
    pub states: Vec<Vec<f64>>,
    pub kernels: Vec<Vec<(f64, f64)>>,
}

/// Equal steps from one time to the next; the end is an output time or a break.
struct Segment {
    from: f64,
    steps: usize,
    h: f64,
    is_output: bool,
}

/// How a step is made.
enum Stepper {
    Explicit(Box<Explicit>),
    /// The noise, and the drift at the step's end.
    Implicit(Box<Explicit>, Box<Implicit>),
    Alfonsi(SquareRoot),
    QuadraticExponential(SquareRoot),
    Heston(Heston),
    Exact(Exact),
}

/// How much of a run is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The last transition before each output.
    pub kernels: bool,
    pub pace: Pace,
}

/// Which steps an interval is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As few as are no longer than the run's.
    Asked,
    /// As many as that, and an even number.
    Even,
    /// Half as many as [`Pace::Even`], on the same noise: each two increments are one.
    Doubled,
}

/// A run made ready: compiled once, shared by all blocks.
pub(super) struct Engine<'a> {
    run: &'a Run<'a>,
    process: &'a Diffusion,
    segments: Vec<Segment>,
    stepper: Stepper,
    symbols: Vec<f64>,
    /// `[state]`: the ends between which coefficients are evaluated.
    inside: Vec<(f64, f64)>,
    has_ends: bool,
    ends: Ends<'a>,
    wanted: Wanted,
    pub(super) jumps: Jumps<'a>,
}

impl<'a> Engine<'a> {
    /// The run compiled: its stops, the scheme's step and what happens at the ends.
    ///
    /// # Errors
    /// [`Error::FormUnavailable`] where the scheme does not apply; [`Error::Numerics`] where the correlation of the noises is none.
    pub fn new(model: &Model, process: &'a Diffusion, run: &'a Run<'a>, wanted: Wanted) -> Result<Engine<'a>> {
        let root = process.correlation_root(run.theta).ok_or_else(|| Error::Numerics {
            what: format!("the noise of model '{}'", model.id),
            why: "its correlation is not positive semi-definite at these parameters".to_string(),
            hint: "keep every correlation between -1 and 1, and three of them consistent".to_string(),
        })?;
        let refuse = |why: String| Error::FormUnavailable {
            form: run.scheme.name().to_string(),
            model: model.id.clone(),
            why,
            available: Scheme::of(model).iter().map(|s| s.name().to_string()).collect(),
        };
        if let Some(why) = run.scheme.why_not_at(model, process, run.theta) {
            return Err(refuse(why));
        }
        let symbols = process.frame.symbols(run.theta, run.t0);
        let breaks: Vec<f64> = process.breaks.iter().map(|b| process.frame.pool.eval(*b, &symbols)).collect();
        let segments = segments(run, &breaks, wanted.pace);
        let is_special = matches!(run.scheme, Scheme::Alfonsi | Scheme::QuadraticExponential | Scheme::Exact);
        let ends = Ends::new(process, !is_special);
        let explicit = || -> Result<Box<Explicit>> {
            let mut pool = process.frame.pool.clone();
            let made: Increments = increments(run.scheme, &mut pool, process, run.theta).map_err(refuse)?;
            let at = (run.theta, run.t0);
            Ok(Box::new(Explicit::new(pool, process, made, &root, at, &ends.watched)))
        };
        let none = || refuse("it is no square-root process at these parameters".to_string());
        let stepper = match run.scheme {
            Scheme::EulerMaruyama | Scheme::Milstein | Scheme::Strong15 | Scheme::Weak2 => {
                Stepper::Explicit(explicit()?)
            }
            Scheme::DriftImplicit => Stepper::Implicit(explicit()?, Box::new(Implicit::new(process, run.theta))),
            Scheme::Alfonsi => Stepper::Alfonsi(SquareRoot::of(process, run.theta).ok_or_else(none)?),
            Scheme::QuadraticExponential => match SquareRoot::of(process, run.theta) {
                Some(alone) => Stepper::QuadraticExponential(alone),
                None => Stepper::Heston(Heston::of(process, run.theta).ok_or_else(none)?),
            },
            Scheme::Exact => {
                let stops: Vec<(f64, f64)> = segments.iter().map(|s| (s.from, s.from + s.h * s.steps as f64)).collect();
                Stepper::Exact(Exact::new(model, process, run.theta, &stops)?)
            }
        };
        let inside: Vec<(f64, f64)> = (0..process.states.len()).map(|i| inside(process, run, i)).collect();
        // Draws of a closed law need no help to stay inside.
        let has_ends = run.scheme != Scheme::Exact && inside.iter().any(|(l, u)| l.is_finite() || u.is_finite());
        let jumps = Jumps::new(process, run);
        Ok(Engine { run, process, segments, stepper, symbols, inside, has_ends, ends, wanted, jumps })
    }

    /// Steps of one path.
    pub fn steps(&self) -> f64 {
        self.segments.iter().map(|s| s.steps as f64).sum()
    }

    /// Normals of a path and step.
    fn n_normals(&self) -> usize {
        match &self.stepper {
            Stepper::Explicit(explicit) | Stepper::Implicit(explicit, _) => explicit.n_normals(),
            Stepper::Alfonsi(_) | Stepper::QuadraticExponential(_) => 1,
            Stepper::Heston(_) => 2,
            Stepper::Exact(_) => 0,
        }
    }

    fn n_outputs(&self) -> usize {
        match &self.stepper {
            Stepper::Explicit(explicit) | Stepper::Implicit(explicit, _) => explicit.n_outputs(),
            _ => 0,
        }
    }

    /// Simulate the paths from `first` to before `end`, one row an output time, given to `each`.
    pub fn block(&self, first: usize, end: usize, mut each: impl FnMut(usize, Row)) {
        let mut block = Block::new(self, first, end);
        let mut output = 0;
        for (place, segment) in self.segments.iter().enumerate() {
            let mut kernels = Vec::new();
            for step in 0..segment.steps {
                let now = segment.from + step as f64 * segment.h;
                let is_last = self.wanted.kernels && segment.is_output && step + 1 == segment.steps;
                block.step(place, (now, segment.h), is_last.then_some(&mut kernels));
            }
            if segment.is_output {
                // Where a path has stopped there is an atom, and no density.
                for kernels in &mut kernels {
                    kernels.iter_mut().zip(&block.stopped).filter(|(_, s)| **s).for_each(|(k, _)| k.1 = 0.0);
                }
                each(output, Row { states: block.states(), kernels });
                output += 1;
            }
        }
    }

    fn start_of(&self, i: usize, first: usize, end: usize) -> Vec<f64> {
        match self.run.start {
            Start::At(x) => vec![x[i]; end - first],
            Start::Each(columns) => columns[i][first..end].to_vec(),
        }
    }

    /// The step of an explicit scheme, which alone is cut at jumps.
    fn explicit(&self) -> Option<&Explicit> {
        if let Stepper::Explicit(explicit) = &self.stepper { Some(explicit) } else { None }
    }

    /// One path's step from `x` over `h` with independent increments `dw`, in place.
    pub(super) fn single(&self, x: &mut [f64], time: f64, h: f64, dw: &[f64], single: &mut Single) {
        let Some(explicit) = self.explicit() else { return };
        single.put(self, x);
        let root_h = h.sqrt();
        for (z, dw) in single.z.iter_mut().zip(dw) {
            *z = if h > 0.0 { dw / root_h } else { 0.0 };
        }
        explicit.bind(time, h, &mut single.running);
        explicit.run_one(&single.inside, &single.z, &mut single.out, &mut single.running);
        x.iter_mut().zip(&single.out).for_each(|(x, dx)| *x += dx);
    }

    /// Jump rates at one state.
    pub(super) fn rates_at(&self, x: &[f64], time: f64, single: &mut Single) -> Vec<f64> {
        let mut at = x.to_vec();
        let still = vec![0.0; single.z.len()];
        self.single(&mut at, time, 0.0, &still, single);
        self.explicit().map_or(Vec::new(), |explicit| explicit.rates(&single.out).to_vec())
    }

    /// Mean and sd of the Gaussian of Euler's step from one state, `[component]`.
    pub(super) fn kernel_of(&self, x: &[f64], time: f64, h: f64, single: &mut Single) -> Vec<(f64, f64)> {
        let Some(explicit) = self.explicit() else { return Vec::new() };
        single.put(self, x);
        explicit.bind(time, h, &mut single.running);
        explicit.kernel_of(x, &single.inside, &mut single.running)
    }

    /// Every symbol's value at one state.
    pub(super) fn symbols_at(&self, x: &[f64], time: f64) -> Vec<f64> {
        let mut symbols = self.symbols.clone();
        symbols[symbol::TIME] = time;
        for (i, x) in x.iter().enumerate() {
            symbols[self.process.frame.variable(i)] = self.clamp(i, *x);
        }
        symbols
    }

    pub(super) fn single_scratch(&self) -> Single {
        Single {
            running: Running::default(),
            inside: vec![0.0; self.process.states.len()],
            z: vec![0.0; self.n_normals()],
            out: vec![0.0; self.n_outputs()],
        }
    }

    pub(super) fn is_absorbed(&self, x: &[f64]) -> bool {
        self.ends.is_absorbed(x)
    }

    fn clamp(&self, i: usize, x: f64) -> f64 {
        let (lower, upper) = self.inside[i];
        // NaN must stay NaN to be reported, so no min/max here.
        if x < lower {
            lower
        } else if x > upper {
            upper
        } else {
            x
        }
    }
}

/// A block of paths on its way.
struct Block<'e, 'a> {
    engine: &'e Engine<'a>,
    x: Vec<Vec<f64>>,
    inside: Vec<Vec<f64>>,
    before: Vec<Vec<f64>>,
    out: Vec<Vec<f64>>,
    /// `[normal][path]`
    z: Vec<Vec<f64>>,
    second: Vec<f64>,
    normals: Normals,
    uniforms: Uniforms,
    streams: Vec<Stream>,
    jumping: super::jumps::Jumping,
    stopped: Vec<bool>,
    /// Whether every state is known to be between the ends that coefficients are evaluated between.
    all_inside: bool,
    running: Running,
}

impl<'e, 'a> Block<'e, 'a> {
    fn new(engine: &'e Engine<'a>, first: usize, end: usize) -> Block<'e, 'a> {
        let (width, key) = (end - first, engine.run.key);
        let x: Vec<Vec<f64>> = (0..engine.process.states.len()).map(|i| engine.start_of(i, first, end)).collect();
        let by_stream = matches!(&engine.stepper, Stepper::Exact(exact) if exact.is_by_stream());
        let mut block = Block {
            engine,
            inside: x.clone(),
            before: x.clone(),
            out: vec![vec![0.0; width]; engine.n_outputs()],
            z: vec![vec![0.0; width]; engine.n_normals()],
            second: vec![0.0; width],
            normals: Normals::new(key, first, width),
            // Starts and errors of observation have the second and third twin.
            uniforms: Uniforms::new(key.twin().twin().twin().twin(), first, width),
            streams: if by_stream { (first..end).map(|p| key.stream(p as u64)).collect() } else { Vec::new() },
            jumping: engine.jumps.block(first, width),
            stopped: vec![false; width],
            all_inside: false,
            running: Running::default(),
            x,
        };
        if engine.ends.absorbs() {
            engine.ends.stop(&mut block.x, &block.before, &mut block.stopped);
        }
        block
    }

    /// The normals of a step; of a doubled one, two steps' in one.
    fn draw(&mut self) {
        self.z.iter_mut().for_each(|z| self.normals.next_into(z));
        if self.engine.wanted.pace == Pace::Doubled {
            let half = 0.5f64.sqrt();
            for z in &mut self.z {
                self.normals.next_into(&mut self.second);
                z.iter_mut().zip(&self.second).for_each(|(z, second)| *z = half * (*z + second));
            }
        }
    }

    fn step(&mut self, segment: usize, (now, h): (f64, f64), kernels: Option<&mut Vec<Vec<(f64, f64)>>>) {
        self.draw();
        match &self.engine.stepper {
            Stepper::Explicit(explicit) => self.expand(explicit, None, (now, h), kernels),
            Stepper::Implicit(noise, drift) => self.expand(noise, Some(drift), (now, h), kernels),
            Stepper::Exact(exact) => {
                if let Some(kernels) = kernels {
                    *kernels = exact.kernels(segment, h, &self.x);
                }
                exact.step(segment, h, &mut self.x, &mut self.normals, &mut self.streams);
            }
            special => {
                for p in 0..self.stopped.len() {
                    match special {
                        Stepper::Alfonsi(root) => self.x[0][p] = root.alfonsi(self.x[0][p], h, self.z[0][p]),
                        Stepper::QuadraticExponential(root) => {
                            self.x[0][p] = root.quadratic_exponential(self.x[0][p], h, self.z[0][p]);
                        }
                        Stepper::Heston(heston) => {
                            let mut x = [self.x[0][p], self.x[1][p]];
                            heston.step(&mut x, h, [self.z[0][p], self.z[1][p]]);
                            (self.x[0][p], self.x[1][p]) = (x[0], x[1]);
                        }
                        _ => {}
                    }
                }
                if let Some(kernels) = kernels {
                    *kernels = self.x.iter().map(|x| x.iter().map(|x| (*x, 0.0)).collect()).collect();
                }
            }
        }
    }

    /// A step by increments; where the drift is implicit, they are the noise, and the kernels have no width.
    fn expand(
        &mut self,
        explicit: &Explicit,
        drift: Option<&Implicit>,
        (now, h): (f64, f64),
        mut kernels: Option<&mut Vec<Vec<(f64, f64)>>>,
    ) {
        let engine = self.engine;
        explicit.bind(now, h, &mut self.running);
        let inside = if engine.has_ends && !self.all_inside {
            PutInside { x: &self.x, ends: &engine.inside, out: &mut self.inside }.run_best();
            &self.inside
        } else {
            &self.x
        };
        explicit.run(inside, &self.z, &mut self.out, &mut self.running);
        if let Some(kernels) = kernels.as_deref_mut() {
            *kernels = explicit.kernels(&self.x, inside, &mut self.running);
        }
        if engine.ends.looks_back() || !engine.jumps.is_empty() {
            for (before, x) in self.before.iter_mut().zip(&self.x) {
                before.copy_from_slice(x);
            }
        }
        let all_inside = &mut self.all_inside;
        Add { x: &mut self.x, dx: &self.out, ends: &engine.inside, all_inside }.run_best();
        // What comes next may move a state.
        self.all_inside &= drift.is_none() && engine.jumps.is_empty() && !engine.ends.acts();
        if let Some(drift) = drift {
            drift.solve(now + h, h, &engine.inside, &mut self.x);
            for kernel in kernels.iter_mut().flat_map(|k| k.iter_mut()).flatten() {
                kernel.1 = 0.0;
            }
        }
        if !engine.jumps.is_empty() {
            let rates = explicit.rates(&self.out);
            self.jumping.step(engine, (now, h), &self.before, rates, &self.z, &mut self.x, kernels);
        }
        let variances = explicit.variances(&self.out);
        engine.ends.act(&mut self.x, &self.before, variances, &mut self.uniforms, &mut self.stopped);
    }

    /// What is seen of the states at an output.
    fn states(&self) -> Vec<Vec<f64>> {
        let engine = self.engine;
        let mut states = self.x.clone();
        if engine.has_ends {
            PutInside { x: &self.x, ends: &engine.inside, out: &mut states }.run_best();
        }
        if engine.ends.absorbs() {
            engine.ends.keep(&self.x, &mut states);
        }
        states
    }
}

/// Buffers of one path stepped alone.
pub(super) struct Single {
    running: Running,
    inside: Vec<f64>,
    z: Vec<f64>,
    out: Vec<f64>,
}

impl Single {
    fn put(&mut self, engine: &Engine, x: &[f64]) {
        for (i, (inside, x)) in self.inside.iter_mut().zip(x).enumerate() {
            *inside = engine.clamp(i, *x);
        }
    }
}

/// The ends a state is put between: a hair inside the domain.
pub(super) fn inside(process: &Diffusion, run: &Run, i: usize) -> (f64, f64) {
    let state = &process.states[i];
    let x0 = match run.start {
        Start::At(x) => x[i],
        Start::Each(columns) => columns[i].first().copied().unwrap_or(1.0),
    };
    let hair = |end: f64| 1e-12 * (x0 - end).abs().max(1e-300);
    let lower = if state.lower.is_finite() { state.lower + hair(state.lower) } else { state.lower };
    let upper = if state.upper.is_finite() { state.upper - hair(state.upper) } else { state.upper };
    (lower, upper)
}

/// Output intervals cut at the breaks, each into equal steps.
fn segments(run: &Run, breaks: &[f64], pace: Pace) -> Vec<Segment> {
    let mut stops: Vec<(f64, bool)> = run.times.iter().map(|t| (*t, true)).collect();
    let last = run.times.last().copied().unwrap_or(run.t0);
    stops.extend(breaks.iter().filter(|b| **b > run.t0 && **b < last && !run.times.contains(b)).map(|b| (*b, false)));
    stops.sort_by(|a, b| a.0.total_cmp(&b.0));
    stops.dedup_by(|next, before| next.0 == before.0);
    let mut from = run.t0;
    let mut segments = Vec::with_capacity(stops.len());
    for (to, is_output) in stops {
        let asked = ((to - from) / run.step - 1e-9).ceil().max(1.0);
        let steps = match pace {
            _ if run.scheme == Scheme::Exact => 1.0,
            Pace::Asked => asked,
            Pace::Even => 2.0 * (0.5 * asked).ceil(),
            Pace::Doubled => (0.5 * asked).ceil(),
        };
        segments.push(Segment { from, steps: steps as usize, h: (to - from) / steps, is_output });
        from = to;
    }
    segments
}

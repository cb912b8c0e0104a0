//! Steps of a diffusion, for a block of paths at once: Euler-Maruyama and Milstein in any number of dimensions.
//!
//! On a domain with an end, coefficients are evaluated at the state put back inside it: full truncation (Lord, Koekkoek & van
//! Dijk 2010), so a square root never sees a negative number.

use super::jumps::Jumps;
use super::normals::Normals;
use super::{Run, Scheme, Start};
use crate::base::{Error, Result};
use crate::expr::{Id, Scratch, Tape};
use crate::models::Model;
use crate::process::{Boundary, Diffusion, symbol};

/// `[time] -> ([component][path] states, [component][path] kernels)` of one block of paths.
pub(super) type Block = Vec<(Vec<Vec<f64>>, Vec<Vec<(f64, f64)>>)>;

/// Equal steps from one time to the next; the end is an output time or a break.
struct Segment {
    from: f64,
    steps: usize,
    h: f64,
    is_output: bool,
}

/// A run made ready: compiled once, shared by all blocks.
pub(super) struct Engine<'a> {
    run: &'a Run<'a>,
    process: &'a Diffusion,
    segments: Vec<Segment>,
    /// Outputs: drift of each state, then the entries of `acts`, then Milstein's corrections, then jump rates.
    tape: Tape,
    symbols: Vec<f64>,
    is_timed: bool,
    /// The (state, noise) pairs that act.
    acts: Vec<(usize, usize)>,
    /// Positions in `acts` of the pairs that Milstein corrects.
    corrected: bool,
    /// `[noise][noise]`, lower triangle.
    root: Vec<Vec<f64>>,
    /// `[state]`: the ends between which coefficients are evaluated.
    inside: Vec<(f64, f64)>,
    pub(super) jumps: Jumps<'a>,
}

impl<'a> Engine<'a> {
    pub fn new(model: &Model, process: &'a Diffusion, run: &'a Run<'a>) -> Result<Engine<'a>> {
        let mut pool = process.frame.pool.clone();
        let zero = pool.number(0.0);
        let n = process.states.len();
        let acts: Vec<(usize, usize)> = (0..n)
            .flat_map(|i| (0..process.noises.len()).map(move |k| (i, k)))
            .filter(|(i, k)| process.diffusion[*i][*k] != zero)
            .collect();
        let corrected = run.scheme == Scheme::Milstein;
        let mut outputs: Vec<Id> = process.drift.clone();
        outputs.extend(acts.iter().map(|(i, k)| process.diffusion[*i][*k]));
        if corrected {
            refuse_unless_diagonal(model, process, &acts)?;
            for (i, k) in &acts {
                let b = process.diffusion[*i][*k];
                let slope = pool.derivative(b, process.frame.variable(*i));
                let product = pool.mul(b, slope);
                outputs.push(pool.scale(0.5, product));
            }
        }
        outputs.extend(process.jumps.iter().map(|j| j.rate));
        let lanes: Vec<usize> = (0..n).map(|i| process.frame.variable(i)).collect();
        let root = process.correlation_root(run.theta).ok_or_else(|| Error::Numerics {
            what: format!("the noise of model '{}'", model.id),
            why: "its correlation is not positive semi-definite at these parameters".to_string(),
            hint: "keep every correlation between -1 and 1, and three of them consistent".to_string(),
        })?;
        let symbols = process.frame.symbols(run.theta, run.t0);
        let breaks: Vec<f64> = process.breaks.iter().map(|b| process.frame.pool.eval(*b, &symbols)).collect();
        Ok(Engine {
            run,
            process,
            segments: segments(run, &breaks),
            tape: Tape::compile(&pool, &outputs, &lanes),
            symbols,
            is_timed: process.is_time_dependent(),
            acts,
            corrected,
            root,
            inside: (0..n).map(|i| inside(process, run, i)).collect(),
            jumps: Jumps::new(process, run),
        })
    }

    /// Steps of one path.
    pub fn steps(&self) -> f64 {
        self.segments.iter().map(|s| s.steps as f64).sum()
    }

    /// Simulate the paths from `first` to before `end`.
    pub fn block(&self, first: usize, end: usize) -> Block {
        let (width, n) = (end - first, self.process.states.len());
        let mut symbols = self.symbols.clone();
        let mut scratch = Scratch::default();
        self.tape.bind(&symbols, &mut scratch);
        let mut x: Vec<Vec<f64>> = (0..n).map(|i| self.start_of(i, first, end)).collect();
        let mut put = x.clone();
        let mut before = x.clone();
        let mut out = vec![vec![0.0; width]; self.n_outputs()];
        let mut normals = Normals::new(self.run.key, first, width);
        let mut independent = vec![vec![0.0; width]; self.process.noises.len()];
        let mut w = independent.clone();
        let mut jumping = self.jumps.block(first, width);
        let absorbs = self.process.states.iter().any(|s| s.boundary == Boundary::Absorbing);
        let mut stopped = vec![false; width];
        if absorbs {
            self.stop(&mut x, &before, &mut stopped);
        }
        let mut block = Vec::with_capacity(self.run.times.len());
        for segment in &self.segments {
            let (h, root_h) = (segment.h, segment.h.sqrt());
            let mut kernels = Vec::new();
            for step in 0..segment.steps {
                let now = segment.from + step as f64 * h;
                if self.is_timed {
                    symbols[symbol::TIME] = now;
                    self.tape.bind(&symbols, &mut scratch);
                }
                for z in &mut independent {
                    z.copy_from_slice(normals.next());
                }
                self.correlate(&independent, &mut w);
                self.put_inside(&x, &mut put);
                {
                    let inputs: Vec<&[f64]> = put.iter().map(Vec::as_slice).collect();
                    let mut columns: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
                    self.tape.run_bound(&inputs, &mut columns, &mut scratch);
                }
                let is_last = segment.is_output && step + 1 == segment.steps;
                if is_last {
                    kernels = self.kernels(&x, &out, h);
                }
                if absorbs || !self.jumps.is_empty() {
                    before.clone_from(&x);
                }
                self.advance(&mut x, &out, &w, h, root_h);
                if !self.jumps.is_empty() {
                    let rates = &out[out.len() - self.process.jumps.len()..];
                    jumping.step(self, (now, h), &before, rates, &w, &mut x, is_last.then_some(&mut kernels));
                }
                self.at_ends(&mut x);
                if absorbs {
                    self.stop(&mut x, &before, &mut stopped);
                }
            }
            // Where a path has stopped there is an atom, and no density.
            for kernels in &mut kernels {
                kernels.iter_mut().zip(&stopped).filter(|(_, stopped)| **stopped).for_each(|(k, _)| k.1 = 0.0);
            }
            if segment.is_output {
                let mut states = x.clone();
                self.put_inside(&x, &mut states);
                if absorbs {
                    self.keep_ends(&x, &mut states);
                }
                block.push((states, kernels));
            }
        }
        block
    }

    fn n_outputs(&self) -> usize {
        let corrections = if self.corrected { self.acts.len() } else { 0 };
        self.process.states.len() + self.acts.len() + corrections + self.process.jumps.len()
    }

    fn start_of(&self, i: usize, first: usize, end: usize) -> Vec<f64> {
        match self.run.start {
            Start::At(x) => vec![x[i]; end - first],
            Start::Each(columns) => columns[i][first..end].to_vec(),
        }
    }

    fn correlate(&self, independent: &[Vec<f64>], w: &mut [Vec<f64>]) {
        for (k, w) in w.iter_mut().enumerate() {
            let own = self.root[k][k];
            for (w, z) in w.iter_mut().zip(&independent[k]) {
                *w = own * z;
            }
            for (l, z) in independent.iter().enumerate().take(k) {
                let share = self.root[k][l];
                if share != 0.0 {
                    for (w, z) in w.iter_mut().zip(z) {
                        *w += share * z;
                    }
                }
            }
        }
    }

    fn advance(&self, x: &mut [Vec<f64>], out: &[Vec<f64>], w: &[Vec<f64>], h: f64, root_h: f64) {
        let n = x.len();
        for (x, a) in x.iter_mut().zip(out) {
            for (x, a) in x.iter_mut().zip(a) {
                *x += a * h;
            }
        }
        for (place, (i, k)) in self.acts.iter().enumerate() {
            for ((x, b), w) in x[*i].iter_mut().zip(&out[n + place]).zip(&w[*k]) {
                *x += b * root_h * w;
            }
            if self.corrected {
                for ((x, c), w) in x[*i].iter_mut().zip(&out[n + self.acts.len() + place]).zip(&w[*k]) {
                    *x += c * h * (w * w - 1.0);
                }
            }
        }
    }

    /// Mean and sd of the Gaussian that the step about to be made draws from.
    fn kernels(&self, x: &[Vec<f64>], out: &[Vec<f64>], h: f64) -> Vec<Vec<(f64, f64)>> {
        let n = x.len();
        let width = x[0].len();
        let noises = self.process.noises.len();
        (0..n)
            .map(|i| {
                let mut loads = vec![vec![0.0; width]; noises];
                for (place, (_, k)) in self.acts.iter().enumerate().filter(|(_, a)| a.0 == i) {
                    for (l, load) in loads.iter_mut().enumerate().take(*k + 1) {
                        let share = self.root[*k][l];
                        for (load, b) in load.iter_mut().zip(&out[n + place]) {
                            *load += share * b;
                        }
                    }
                }
                let sd = |p: usize| loads.iter().map(|l| l[p] * l[p]).sum::<f64>().sqrt() * h.sqrt();
                (0..width).map(|p| (x[i][p] + out[i][p] * h, sd(p))).collect()
            })
            .collect()
    }

    /// One path's Euler step from `x` over `h` with Wiener increments `dw`, in place; returns the jump rates at its start.
    pub(super) fn single(&self, x: &mut [f64], time: f64, h: f64, dw: &[f64], single: &mut Single) {
        let n = x.len();
        for (i, (put, x)) in single.put.iter_mut().zip(x.iter()).enumerate() {
            *put = self.clamp(i, *x);
        }
        single.symbols[symbol::TIME] = time;
        self.tape.bind(&single.symbols, &mut single.scratch);
        self.tape.run_one(&single.put, &mut single.out, &mut single.scratch);
        for i in 0..n {
            single.mean[i] = x[i] + single.out[i] * h;
            x[i] = single.mean[i];
        }
        for (place, (i, k)) in self.acts.iter().enumerate() {
            x[*i] += single.out[n + place] * dw[*k];
        }
    }

    /// Drift, diffusion and rates at one state.
    pub(super) fn rates_at<'s>(&self, x: &[f64], time: f64, single: &'s mut Single) -> &'s [f64] {
        let zeros = vec![0.0; self.process.noises.len()];
        let mut at = x.to_vec();
        self.single(&mut at, time, 0.0, &zeros, single);
        &single.out[single.out.len() - self.process.jumps.len()..]
    }

    /// Sd of each state's Gaussian over `h`, from the coefficients last evaluated.
    pub(super) fn sd_of(&self, single: &Single, h: f64) -> Vec<f64> {
        let columns: Vec<Vec<f64>> = single.out.iter().map(|v| vec![*v]).collect();
        let x: Vec<Vec<f64>> = single.mean.iter().map(|m| vec![*m]).collect();
        self.kernels(&x, &columns, h).iter().map(|k| k[0].1).collect()
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
        let n = self.process.states.len();
        Single {
            symbols: self.symbols.clone(),
            scratch: Scratch::default(),
            put: vec![0.0; n],
            mean: vec![0.0; n],
            out: vec![0.0; self.n_outputs()],
        }
    }

    pub(super) fn root(&self) -> &[Vec<f64>] {
        &self.root
    }

    /// Whether some state lies on or beyond an absorbing end.
    pub(super) fn is_absorbed(&self, x: &[f64]) -> bool {
        let states = self.process.states.iter().zip(x);
        states.filter(|(s, _)| s.boundary == Boundary::Absorbing).any(|(s, x)| *x <= s.lower || *x >= s.upper)
    }

    /// Mirror, wrap: what stepped over an end (Lépingle 1995 without the bridge correction: weak order one half there).
    fn at_ends(&self, x: &mut [Vec<f64>]) {
        for (state, x) in self.process.states.iter().zip(x) {
            let (lower, upper) = (state.lower, state.upper);
            match state.boundary {
                Boundary::Reflecting => {
                    for x in x {
                        if *x < lower {
                            *x = 2.0 * lower - *x;
                        }
                        if *x > upper {
                            *x = 2.0 * upper - *x;
                        }
                        // A step over both ends goes to and fro between them.
                        if *x < lower && upper.is_finite() {
                            let turn = (*x - lower).rem_euclid(2.0 * (upper - lower));
                            *x = lower + turn.min(2.0 * (upper - lower) - turn);
                        }
                    }
                }
                Boundary::Periodic => {
                    let length = upper - lower;
                    for x in x {
                        *x -= length * ((*x - lower) / length).floor();
                    }
                }
                Boundary::Auto | Boundary::Natural | Boundary::Absorbing => {}
            }
        }
    }

    /// A path stays where it was stopped, and is stopped at the end it stepped over.
    fn stop(&self, x: &mut [Vec<f64>], before: &[Vec<f64>], stopped: &mut [bool]) {
        for (p, stopped) in stopped.iter_mut().enumerate() {
            for i in 0..x.len() {
                if *stopped {
                    x[i][p] = before[i][p];
                }
            }
            for (state, x) in self.process.states.iter().zip(x.iter_mut()) {
                if state.boundary == Boundary::Absorbing && !(x[p] > state.lower && x[p] < state.upper) {
                    // NaN stays NaN, to be reported.
                    x[p] = if x[p] <= state.lower {
                        state.lower
                    } else if x[p] >= state.upper {
                        state.upper
                    } else {
                        x[p]
                    };
                    *stopped = true;
                }
            }
        }
    }

    fn keep_ends(&self, x: &[Vec<f64>], states: &mut [Vec<f64>]) {
        for ((state, x), out) in self.process.states.iter().zip(x).zip(states) {
            if state.boundary == Boundary::Absorbing {
                out.clone_from(x);
            }
        }
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

    /// The states moved into the open domain; a copy where the domain is the whole line.
    fn put_inside(&self, x: &[Vec<f64>], out: &mut [Vec<f64>]) {
        for (i, (x, out)) in x.iter().zip(out).enumerate() {
            let (lower, upper) = self.inside[i];
            if lower == f64::NEG_INFINITY && upper == f64::INFINITY {
                out.copy_from_slice(x);
                continue;
            }
            for (o, x) in out.iter_mut().zip(x) {
                *o = if *x < lower {
                    lower
                } else if *x > upper {
                    upper
                } else {
                    *x
                };
            }
        }
    }
}

/// Buffers of one path stepped alone.
pub(super) struct Single {
    symbols: Vec<f64>,
    scratch: Scratch,
    put: Vec<f64>,
    pub mean: Vec<f64>,
    pub out: Vec<f64>,
}

/// The ends a state is put between: a hair inside the domain.
fn inside(process: &Diffusion, run: &Run, i: usize) -> (f64, f64) {
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
fn segments(run: &Run, breaks: &[f64]) -> Vec<Segment> {
    let mut stops: Vec<(f64, bool)> = run.times.iter().map(|t| (*t, true)).collect();
    let last = run.times.last().copied().unwrap_or(run.t0);
    stops.extend(breaks.iter().filter(|b| **b > run.t0 && **b < last && !run.times.contains(b)).map(|b| (*b, false)));
    stops.sort_by(|a, b| a.0.total_cmp(&b.0));
    stops.dedup_by(|next, before| next.0 == before.0);
    let mut from = run.t0;
    let mut segments = Vec::with_capacity(stops.len());
    for (to, is_output) in stops {
        let steps = ((to - from) / run.step - 1e-9).ceil().max(1.0);
        segments.push(Segment { from, steps: steps as usize, h: (to - from) / steps, is_output });
        from = to;
    }
    segments
}

/// Milstein's simple form holds where every state has one noise, whose strength hangs on that state alone; otherwise it needs
/// double integrals of the noise.
fn refuse_unless_diagonal(model: &Model, process: &Diffusion, acts: &[(usize, usize)]) -> Result<()> {
    let others = |i: usize| (0..process.states.len()).filter(move |j| *j != i);
    let is_diagonal = acts.iter().enumerate().all(|(place, (i, k))| {
        let b = process.diffusion[*i][*k];
        !acts[..place].iter().any(|(j, _)| j == i)
            && !others(*i).any(|j| process.frame.pool.depends_on(b, process.frame.variable(j)))
    });
    if is_diagonal {
        return Ok(());
    }
    Err(Error::FormUnavailable {
        form: Scheme::Milstein.name().to_string(),
        model: model.id.clone(),
        why: "a noise of it hangs on other states, which needs double integrals of the noise".to_string(),
        available: vec![Scheme::EulerMaruyama.name().to_string()],
    })
}

//! A step compiled to a tape: the increments of a scheme over a block of paths, with what else the step must know.

use super::taylor::Increments;
use crate::base::dispatch::{Kernel, Level};
use crate::expr::{Id, Pool, Scratch, Tape, Unary};
use crate::process::{Diffusion, symbol};

/// One step's increments, jump rates and variances, and the Gaussian of Euler's step.
pub(super) struct Explicit {
    /// Outputs: the increment of each state, the rate of each jump, the variance over the step of each watched state.
    tape: Tape,
    /// Outputs: mean and sd of each state's increment by Euler's step.
    gaussian: Tape,
    symbols: Vec<f64>,
    is_timed: bool,
    n_states: usize,
    n_jumps: usize,
    n_watched: usize,
    n_normals: usize,
}

/// What one thread needs to run an [`Explicit`].
#[derive(Default)]
pub(super) struct Running {
    symbols: Vec<f64>,
    tape: Scratch,
    gaussian: Scratch,
}

impl Explicit {
    /// `watched` are states at whose ends the path between steps matters.
    pub fn new(
        mut pool: Pool,
        process: &Diffusion,
        increments: Increments,
        root: &[Vec<f64>],
        (theta, t0): (&[f64], f64),
        watched: &[usize],
    ) -> Explicit {
        let n = process.states.len();
        let h = pool.symbol_at(symbol::STEP);
        let variances: Vec<Id> = (0..n).map(|i| variance(&mut pool, process, root, i)).collect();
        let mut outputs = increments.of.clone();
        outputs.extend(process.jumps.iter().map(|j| j.rate));
        outputs.extend(watched.iter().map(|i| pool.mul(h, variances[*i])));
        let states: Vec<usize> = (0..n).map(|i| process.frame.variable(i)).collect();
        let lanes: Vec<usize> = states.iter().chain(&increments.normals).copied().collect();
        let gaussian: Vec<Id> = (0..n)
            .flat_map(|i| {
                let mean = pool.mul(h, process.drift[i]);
                let squared = pool.mul(h, variances[i]);
                [mean, pool.unary(Unary::Sqrt, squared)]
            })
            .collect();
        let mut symbols = process.frame.symbols(theta, t0);
        symbols.resize(pool.symbols().len(), f64::NAN);
        Explicit {
            tape: Tape::compile(&pool, &outputs, &lanes),
            gaussian: Tape::compile(&pool, &gaussian, &states),
            symbols,
            is_timed: process.is_time_dependent(),
            n_states: n,
            n_jumps: process.jumps.len(),
            n_watched: watched.len(),
            n_normals: increments.normals.len(),
        }
    }

    pub fn n_normals(&self) -> usize {
        self.n_normals
    }

    pub fn n_outputs(&self) -> usize {
        self.n_states + self.n_jumps + self.n_watched
    }

    /// The rates among the outputs.
    pub fn rates<'o, T>(&self, out: &'o [T]) -> &'o [T] {
        &out[self.n_states..self.n_states + self.n_jumps]
    }

    /// The variances among the outputs.
    pub fn variances<'o, T>(&self, out: &'o [T]) -> &'o [T] {
        &out[self.n_states + self.n_jumps..]
    }

    /// Make ready for steps of length `h` from `time` on.
    pub fn bind(&self, time: f64, h: f64, running: &mut Running) {
        let first = running.symbols.is_empty();
        if first {
            running.symbols.clone_from(&self.symbols);
        }
        let changes = self.is_timed && running.symbols[symbol::TIME] != time;
        if first || changes || running.symbols[symbol::STEP] != h {
            running.symbols[symbol::TIME] = time;
            running.symbols[symbol::STEP] = h;
            self.tape.bind(&running.symbols, &mut running.tape);
            self.gaussian.bind(&running.symbols, &mut running.gaussian);
        }
    }

    /// The outputs at states `x` with normals `z`, both `[…][path]`.
    pub fn run(&self, x: &[Vec<f64>], z: &[Vec<f64>], out: &mut [Vec<f64>], running: &mut Running) {
        let inputs: Vec<&[f64]> = x.iter().chain(z).map(Vec::as_slice).collect();
        let mut columns: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        self.tape.run_bound(&inputs, &mut columns, &mut running.tape);
    }

    /// As [`Explicit::run`], of one path.
    pub fn run_one(&self, x: &[f64], z: &[f64], out: &mut [f64], running: &mut Running) {
        let inputs: Vec<f64> = x.iter().chain(z).copied().collect();
        self.tape.run_one(&inputs, out, &mut running.tape);
    }

    /// Mean and sd of the Gaussian that Euler's step from `x` draws from, `[component][path]`; `inside` are the states put into the
    /// domain, where coefficients are evaluated.
    pub fn kernels(&self, x: &[Vec<f64>], inside: &[Vec<f64>], running: &mut Running) -> Vec<Vec<(f64, f64)>> {
        let inputs: Vec<&[f64]> = inside.iter().map(Vec::as_slice).collect();
        let mut out = vec![vec![0.0; x.first().map_or(0, Vec::len)]; 2 * self.n_states];
        let mut columns: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        self.gaussian.run_bound(&inputs, &mut columns, &mut running.gaussian);
        let kernel = |(x, out): (&Vec<f64>, &[Vec<f64>])| {
            let both = out[0].iter().zip(&out[1]);
            x.iter().zip(both).map(|(x, (mean, sd))| (x + mean, *sd)).collect()
        };
        x.iter().zip(out.chunks(2)).map(kernel).collect()
    }

    /// As [`Explicit::kernels`], of one path.
    pub fn kernel_of(&self, x: &[f64], inside: &[f64], running: &mut Running) -> Vec<(f64, f64)> {
        let mut out = vec![0.0; 2 * self.n_states];
        self.gaussian.run_one(inside, &mut out, &mut running.gaussian);
        x.iter().zip(out.chunks(2)).map(|(x, out)| (x + out[0], out[1])).collect()
    }
}

/// `(B ρ Bᵀ)ᵢᵢ = Σₗ (Σₖ bᵢₖ Lₖₗ)²`: a sum of squares, which round-off cannot make negative.
fn variance(pool: &mut Pool, process: &Diffusion, root: &[Vec<f64>], i: usize) -> Id {
    let mut sum = pool.number(0.0);
    for l in 0..root.len() {
        let mut load = pool.number(0.0);
        for k in l..root.len() {
            let share = pool.scale(root[k][l], process.diffusion[i][k]);
            load = pool.add(load, share);
        }
        let square = pool.power(load, 2);
        sum = pool.add(sum, square);
    }
    sum
}

/// `x += dx` for all states, and whether all are then between their ends.
pub(super) struct Add<'a> {
    pub x: &'a mut [Vec<f64>],
    pub dx: &'a [Vec<f64>],
    pub ends: &'a [(f64, f64)],
    pub all_inside: &'a mut bool,
}

impl Add<'_> {
    pub fn run_best(self) {
        Level::best().run(self);
    }
}

impl Kernel for Add<'_> {
    #[inline(always)]
    fn run(self) {
        let mut outside = false;
        for ((x, dx), (lower, upper)) in self.x.iter_mut().zip(self.dx).zip(self.ends) {
            for (x, dx) in x.iter_mut().zip(dx) {
                *x += dx;
                outside |= (*x < *lower) | (*x > *upper);
            }
        }
        *self.all_inside = !outside;
    }
}

/// The states moved into `ends`, `[component]`.
pub(super) struct PutInside<'a> {
    pub x: &'a [Vec<f64>],
    pub ends: &'a [(f64, f64)],
    pub out: &'a mut [Vec<f64>],
}

impl PutInside<'_> {
    pub fn run_best(self) {
        Level::best().run(self);
    }
}

impl Kernel for PutInside<'_> {
    #[inline(always)]
    fn run(self) {
        for ((x, out), (lower, upper)) in self.x.iter().zip(self.out).zip(self.ends) {
            for (out, x) in out.iter_mut().zip(x) {
                // NaN must stay NaN to be reported, so no min/max here.
                let x = if *x < *lower { *lower } else { *x };
                *out = if x > *upper { *upper } else { x };
            }
        }
    }
}

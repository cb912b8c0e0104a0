//! The one-dimensional diffusion without jumps: what the grid forms, the expansions and the closed laws answer.

use super::diffusion::{Diffusion, State};
use super::frame::symbol;
use crate::expr::{Id, Pool, Scratch, Tape};

/// A view of a [`Diffusion`] with one state, one noise and no jumps: `dx = a(x, t; θ) dt + b(x, t; θ) dW`, Itô.
#[derive(Debug, Clone, Copy)]
pub struct Scalar<'a> {
    /// The diffusion this is a view of, with its symbols and parameters.
    pub process: &'a Diffusion,
    /// Its one state, with its domain and what happens at the ends.
    pub state: &'a State,
    /// a, in state, time and parameters; state over time.
    pub drift: Id,
    /// b, in state, time and parameters; state over the root of time.
    pub diffusion: Id,
}

impl<'a> Scalar<'a> {
    /// Position of the first parameter among the symbols.
    pub const FIRST_PARAM: usize = symbol::STATE + 1;

    /// The graph of its expressions.
    pub fn pool(&self) -> &'a Pool {
        &self.process.frame.pool
    }

    /// Number of parameters of the model.
    pub fn n_params(&self) -> usize {
        self.process.frame.n_params
    }

    /// As [`super::Frame::symbols`].
    pub fn symbols(&self, theta: &[f64], time: f64) -> Vec<f64> {
        self.process.frame.symbols(theta, time)
    }

    /// Whether drift or diffusion changes with time.
    pub fn is_time_dependent(&self) -> bool {
        self.process.frame.is_timed(self.drift) || self.process.frame.is_timed(self.diffusion)
    }

    /// Itô generator applied to `f(x, t)`: `f_t + a f_x + ½ b² f_xx`.
    pub fn generator(pool: &mut Pool, drift: Id, diffusion: Id, f: Id) -> Id {
        let f_t = pool.derivative(f, symbol::TIME);
        let f_x = pool.derivative(f, symbol::STATE);
        let f_xx = pool.derivative(f_x, symbol::STATE);
        let advected = pool.mul(drift, f_x);
        let variance = pool.power(diffusion, 2);
        let spread = pool.mul(variance, f_xx);
        let half = pool.scale(0.5, spread);
        let sum = pool.add(f_t, advected);
        pool.add(sum, half)
    }

    /// Drift and diffusion ready to be evaluated at one parameter value.
    pub fn coefficients(&self, theta: &[f64]) -> Coefficients {
        Coefficients {
            tape: Tape::compile(self.pool(), &[self.drift, self.diffusion], &[symbol::STATE]),
            symbols: self.symbols(theta, f64::NAN),
            scratch: Scratch::default(),
        }
    }
}

/// Drift and diffusion at fixed parameters, compiled, over blocks of states; [`Scalar::coefficients`] makes it.
#[derive(Debug)]
pub struct Coefficients {
    tape: Tape,
    symbols: Vec<f64>,
    scratch: Scratch,
}

impl Coefficients {
    /// `drift[i] = a(x[i], time)`, `diffusion[i] = b(x[i], time)`.
    pub fn eval(&mut self, time: f64, x: &[f64], drift: &mut [f64], diffusion: &mut [f64]) {
        self.bind(time);
        self.tape.run_bound(&[x], &mut [drift, diffusion], &mut self.scratch);
    }

    /// Drift and diffusion at one state.
    pub fn at(&mut self, time: f64, x: f64) -> (f64, f64) {
        self.bind(time);
        let mut out = [0.0; 2];
        self.tape.run_one(&[x], &mut out, &mut self.scratch);
        (out[0], out[1])
    }

    fn bind(&mut self, time: f64) {
        if self.symbols[symbol::TIME] != time {
            self.symbols[symbol::TIME] = time;
            self.tape.bind(&self.symbols, &mut self.scratch);
        }
    }
}

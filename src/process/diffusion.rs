//! One-dimensional Itô diffusions `dx = a(x, t; θ) dt + b(x, t; θ) dW`.

use crate::expr::{Id, Pool, Scratch, Tape};

/// Positions of the fixed symbols in a diffusion's pool; parameters follow in the order of the model file.
pub mod symbol {
    pub const STATE: usize = 0;
    pub const TIME: usize = 1;
    /// Length of a time step. Its name cannot be typed, so no model text can use it.
    pub const STEP: usize = 2;
    pub const STEP_NAME: &str = "#step";
    pub const FIRST_PARAM: usize = 3;
}

/// What happens at the ends of the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// As the coefficients make it: no flux is added or removed. Where the state can reach an end and leave it again, it is
    /// sent back; where it cannot leave, it stays.
    Auto,
    /// The state is sent back at a finite end whatever the coefficients are.
    Reflecting,
}

#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub name: String,
    pub unit: String,
    pub lower: f64,
    pub upper: f64,
    pub boundary: Boundary,
}

impl State {
    /// Whether `x` can be a state: inside the open domain.
    pub fn holds(&self, x: f64) -> bool {
        x > self.lower && x < self.upper
    }
}

/// A one-dimensional diffusion, Itô, with its expressions.
#[derive(Debug, Clone)]
pub struct Diffusion {
    pub pool: Pool,
    pub state: State,
    pub drift: Id,
    pub diffusion: Id,
    /// Number of parameters (symbols after the fixed three).
    pub n_params: usize,
}

impl Diffusion {
    /// Values for every symbol: the state and step are lanes or set by the caller, parameters are `theta`.
    pub fn symbols(&self, theta: &[f64], time: f64) -> Vec<f64> {
        let mut symbols = vec![f64::NAN, time, f64::NAN];
        symbols.extend_from_slice(theta);
        symbols
    }

    /// Whether drift or diffusion changes with time.
    pub fn is_time_dependent(&self) -> bool {
        self.pool.depends_on(self.drift, symbol::TIME) || self.pool.depends_on(self.diffusion, symbol::TIME)
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
            tape: Tape::compile(&self.pool, &[self.drift, self.diffusion], &[symbol::STATE]),
            symbols: self.symbols(theta, f64::NAN),
            scratch: Scratch::default(),
        }
    }
}

/// Drift and diffusion at fixed parameters, over blocks of states.
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

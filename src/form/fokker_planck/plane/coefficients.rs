//! Drift and covariance of a process of two states, over many points at once.

use crate::expr::{Scratch, Tape};
use crate::process::{Diffusion, symbol};

/// Drift and covariance at fixed parameters.
pub(super) struct Coefficients {
    tape: Tape,
    symbols: Vec<f64>,
    scratch: Scratch,
}

/// `a` and `D = B ρ Bᵀ` at the points of one call.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    /// `[component][point]`
    pub drift: [Vec<f64>; 2],
    /// `[component][point]`: `D₁₁` and `D₂₂`.
    pub spread: [Vec<f64>; 2],
    /// `D₁₂`
    pub cross: Vec<f64>,
}

impl Coefficients {
    pub fn new(process: &Diffusion, theta: &[f64]) -> Coefficients {
        let mut pool = process.frame.pool.clone();
        let [xx, yy, xy] = [(0, 0), (1, 1), (0, 1)].map(|(i, j)| process.covariance(&mut pool, i, j));
        let outputs = [process.drift[0], process.drift[1], xx, yy, xy];
        Coefficients {
            tape: Tape::compile(&pool, &outputs, &[process.frame.variable(0), process.frame.variable(1)]),
            symbols: process.frame.symbols(theta, f64::NAN),
            scratch: Scratch::default(),
        }
    }

    /// At the points `(at[0][k], at[1][k])`.
    pub fn eval(&mut self, time: f64, at: [&[f64]; 2]) -> Values {
        self.bind(time);
        let zeros = || vec![0.0; at[0].len()];
        let mut values = Values { drift: [zeros(), zeros()], spread: [zeros(), zeros()], cross: zeros() };
        let Values { drift: [ax, ay], spread: [dx, dy], cross } = &mut values;
        self.tape.run_bound(&at, &mut [ax, ay, dx, dy, cross], &mut self.scratch);
        values
    }

    /// `D` of one component at one point.
    pub fn spread(&mut self, time: f64, axis: usize, at: [f64; 2]) -> f64 {
        self.bind(time);
        let mut out = [0.0; 5];
        self.tape.run_one(&at, &mut out, &mut self.scratch);
        out[2 + axis]
    }

    fn bind(&mut self, time: f64) {
        if self.symbols[symbol::TIME] != time {
            self.symbols[symbol::TIME] = time;
            self.tape.bind(&self.symbols, &mut self.scratch);
        }
    }
}

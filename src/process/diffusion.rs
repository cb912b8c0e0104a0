//! Itô diffusions in any number of dimensions, with correlated noise and jumps:
//! `dX = a(X, t; θ) dt + B(X, t; θ) dW + Σ jumps`, `dWₖ dWₗ = ρₖₗ dt`.

use super::distribution::Distribution;
use super::frame::{Frame, symbol};
use super::jump::Jump;
use super::scalar::Scalar;
use crate::expr::{Id, Pool};

/// What happens at the ends of the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// As the coefficients make it: no flux is added or removed. Where the state can reach an end and leave it again, it is
    /// sent back; where it cannot leave, it stays.
    Auto,
    /// The state never reaches the ends; the file says so.
    Natural,
    /// The state is sent back at a finite end whatever the coefficients are.
    Reflecting,
    /// The state stays at a finite end once it is there.
    Absorbing,
    /// The two ends are one point.
    Periodic,
}

impl Boundary {
    /// Every kind of end, in the order of the language page.
    pub const ALL: [Boundary; 5] =
        [Boundary::Auto, Boundary::Natural, Boundary::Reflecting, Boundary::Absorbing, Boundary::Periodic];

    /// The word that model files use.
    pub fn name(self) -> &'static str {
        match self {
            Boundary::Auto => "auto",
            Boundary::Natural => "natural",
            Boundary::Reflecting => "reflecting",
            Boundary::Absorbing => "absorbing",
            Boundary::Periodic => "periodic",
        }
    }
}

/// How a variable starts when nobody says otherwise, at the time of the start.
#[derive(Debug, Clone, PartialEq)]
pub enum Initial {
    /// An expression in the parameters.
    Value(Id),
    /// Drawn from this law, its arguments in the parameters.
    Law(Distribution),
    /// The law that does not change with time.
    Stationary,
}

/// One state variable: its name, unit, the interval it lives on, and what happens at the ends of it.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The symbol that expressions use.
    pub name: String,
    /// Unit as the file writes it; "1" for a number without unit.
    pub unit: String,
    /// Lower end of the open domain; minus infinity where it has none.
    pub lower: f64,
    /// Upper end of the open domain; infinity where it has none.
    pub upper: f64,
    /// What happens at both ends.
    pub boundary: Boundary,
    /// Where it starts unless a run says otherwise; `None` where the file does not say.
    pub initial: Option<Initial>,
}

impl State {
    /// Whether `x` can be a state: inside the open domain.
    pub fn holds(&self, x: f64) -> bool {
        x > self.lower && x < self.upper
    }
}

/// A diffusion with jumps, `dX = a(X, t; θ) dt + B(X, t; θ) dW + Σ jumps` with `dWₖ dWₗ = ρₖₗ dt`, Itô, in any number of states. Time is in the unit of the
/// data's clock; all expressions stand in the pool of `frame`.
#[derive(Debug, Clone)]
pub struct Diffusion {
    /// The symbols, the states as variables, and the pool of all expressions.
    pub frame: Frame,
    /// The state variables, in the order of the file; `[state]` everywhere follows it.
    pub states: Vec<State>,
    /// `[state]`: the drift a, in states, time and parameters; state over time, Itô.
    pub drift: Vec<Id>,
    /// Names of the Wiener processes.
    pub noises: Vec<String>,
    /// `[state][noise]`: the matrix B, in states, time and parameters; state over the root of time, zero where the noise does not act.
    pub diffusion: Vec<Vec<Id>>,
    /// `[noise][noise]`, in the parameters: symmetric, ones on the diagonal.
    pub correlation: Vec<Vec<Id>>,
    /// The jumps, one by one and independent of each other; empty for a path without.
    pub jumps: Vec<Jump>,
    /// Times at which coefficients jump, in the parameters.
    pub breaks: Vec<Id>,
}

impl Diffusion {
    /// The view of the one-dimensional forms, where the process is one-dimensional and does not jump.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        if self.jumps.is_empty() { self.line() } else { None }
    }

    /// Drift and diffusion of the one state, where it is one; the jumps stay in `process.jumps`.
    pub fn line(&self) -> Option<Scalar<'_>> {
        match (self.states.as_slice(), self.drift.as_slice(), self.diffusion.as_slice()) {
            ([state], [drift], [row]) => match row.as_slice() {
                [diffusion] => Some(Scalar { process: self, state, drift: *drift, diffusion: *diffusion }),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether any coefficient changes with time.
    pub fn is_time_dependent(&self) -> bool {
        let jumps = self.jumps.iter().flat_map(|j| j.after.iter().copied().chain([j.rate]));
        let all = self.drift.iter().copied().chain(self.diffusion.iter().flatten().copied()).chain(jumps);
        let mut all = all;
        all.any(|id| self.frame.is_timed(id))
    }

    /// `(B ρ Bᵀ)ᵢⱼ`: the instantaneous covariance of states `i` and `j`, an expression made in `pool` (a copy of the
    /// process's own).
    pub fn covariance(&self, pool: &mut Pool, i: usize, j: usize) -> Id {
        let mut sum = pool.number(0.0);
        for k in 0..self.noises.len() {
            for l in 0..self.noises.len() {
                let product = pool.mul(self.diffusion[i][k], self.diffusion[j][l]);
                let term = pool.mul(self.correlation[k][l], product);
                sum = pool.add(sum, term);
            }
        }
        sum
    }

    /// Itô generator without the jumps, applied to `f(x, t)`: `f_t + Σ aᵢ f_i + ½ Σ (B ρ Bᵀ)ᵢⱼ f_ij`.
    pub fn generator(&self, pool: &mut Pool, f: Id) -> Id {
        let mut sum = pool.derivative(f, symbol::TIME);
        for i in 0..self.states.len() {
            let f_i = pool.derivative(f, self.frame.variable(i));
            let advected = pool.mul(self.drift[i], f_i);
            sum = pool.add(sum, advected);
            for j in 0..self.states.len() {
                let f_ij = pool.derivative(f_i, self.frame.variable(j));
                let covariance = self.covariance(pool, i, j);
                let spread = pool.mul(covariance, f_ij);
                let half = pool.scale(0.5, spread);
                sum = pool.add(sum, half);
            }
        }
        sum
    }

    /// The lower triangle `L` with `L Lᵀ = ρ` at these parameters, `[noise][noise]`: `dW = L dZ` with independent `Z`. `None` where
    /// `ρ` is no correlation (not positive semi-definite, or not finite).
    pub fn correlation_root(&self, theta: &[f64]) -> Option<Vec<Vec<f64>>> {
        let n = self.noises.len();
        let symbols = self.frame.symbols(theta, 0.0);
        let rho = |k: usize, l: usize| self.frame.pool.eval(self.correlation[k][l], &symbols);
        let mut root = vec![vec![0.0; n]; n];
        for k in 0..n {
            for l in 0..=k {
                let rest = rho(k, l) - (0..l).map(|m| root[k][m] * root[l][m]).sum::<f64>();
                // A semi-definite matrix has pivots that vanish, and their columns with them; round-off leaves a little.
                const SMALL: f64 = 1e-12;
                root[k][l] = if k == l {
                    if !(rest >= -SMALL) {
                        return None;
                    }
                    rest.max(0.0).sqrt()
                } else if root[l][l] > SMALL {
                    rest / root[l][l]
                } else if rest.abs() <= 1e-6 {
                    0.0
                } else {
                    return None;
                };
            }
        }
        Some(root)
    }

    /// Convert Stratonovich drift to Itô drift: `aᵢ + ½ Σ_{jkl} ρₖₗ bⱼₖ ∂bᵢₗ/∂xⱼ` (Øksendal 2003, eq. 6.1.3; correlated noise as `W = L Z`).
    /// In place: everything after reads the process as Itô.
    pub fn stratonovich_to_ito(&mut self) {
        for i in 0..self.states.len() {
            let mut drift = self.drift[i];
            for j in 0..self.states.len() {
                for k in 0..self.noises.len() {
                    for l in 0..self.noises.len() {
                        let pool = &mut self.frame.pool;
                        let slope = pool.derivative(self.diffusion[i][l], symbol::STATE + j);
                        let product = pool.mul(self.diffusion[j][k], slope);
                        let weighted = pool.mul(self.correlation[k][l], product);
                        let half = pool.scale(0.5, weighted);
                        drift = pool.add(drift, half);
                    }
                }
            }
            self.drift[i] = drift;
        }
    }

    /// In one dimension several noises are one of the same variance, `b = √(B ρ Bᵀ)`: put that one in their place. Other processes stay as they are.
    pub fn merge_noises(&mut self) {
        if self.states.len() != 1 || self.noises.len() == 1 {
            return;
        }
        let mut pool = std::mem::take(&mut self.frame.pool);
        let variance = self.covariance(&mut pool, 0, 0);
        let b = pool.unary(crate::expr::Unary::Sqrt, variance);
        let one = pool.number(1.0);
        self.frame.pool = pool;
        self.noises = vec!["w".to_string()];
        self.diffusion = vec![vec![b]];
        self.correlation = vec![vec![one]];
    }
}

//! Mean and covariance of one short step as expressions: Euler's, and the expansion by the generator.
//!
//! With the generator `L`, `Γ(f, g) = Σ (B ρ Bᵀ)ᵢⱼ fᵢ gⱼ` and `f = xᵢ`, `g = xⱼ`,
//!
//! ```text
//! E xᵢ = Σ dtᵏ/k! Lᵏ xᵢ,     Cov(xᵢ, xⱼ) = Σ dtᵏ/k! cₖ,     cₖ₊₁ = L cₖ + Σₗ (k over l) Γ(Lˡ f, Lᵏ⁻ˡ g),   c₀ = 0
//! ```
//!
//! which is Kessler (1997, Scand. J. Statist. 24, section 2) for vectors, the covariance told by its own coefficients instead of
//! `E[x xᵀ] - m mᵀ`, so that nothing cancels. A state that noise reaches only through the drift of another moves by a power of
//! `dt` less: it gets one power more in the mean and in each index of the covariance (Ditlevsen & Samson 2019,
//! doi:10.1111/rssb.12307, section 3), without which the covariance would be singular.

use crate::expr::{Id, Pool};
use crate::process::{Diffusion, symbol};

/// Powers of `dt` that the mean of a state with noise of its own is expanded to, and its covariance.
const ORDER: usize = 2;

/// Mean `[state]` and covariance (lower triangle by rows) of one step.
pub(super) struct StepMoments {
    pub mean: Vec<Id>,
    pub covariance: Vec<Id>,
    /// Covariance at a vanishing step, every state told in its own power of `dt`: singular where the expansion is no law.
    pub leading: Vec<Id>,
}

impl StepMoments {
    /// Mean, then covariance.
    pub fn outputs(&self) -> Vec<Id> {
        self.mean.iter().chain(&self.covariance).copied().collect()
    }
}

/// `N(x + a dt, B ρ Bᵀ dt)`.
pub(super) fn euler(process: &Diffusion, pool: &mut Pool) -> StepMoments {
    let dt = pool.symbol_at(symbol::STEP);
    let n = process.states.len();
    let (mut mean, mut covariance, mut leading) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..n {
        let x = pool.symbol_at(process.frame.variable(i));
        let step = pool.mul(process.drift[i], dt);
        mean.push(pool.add(x, step));
        for j in 0..=i {
            let spread = process.covariance(pool, i, j);
            leading.push(spread);
            covariance.push(pool.mul(spread, dt));
        }
    }
    StepMoments { mean, covariance, leading }
}

/// # Errors
/// Why the expansion is not made.
pub(super) fn kessler(process: &Diffusion, pool: &mut Pool) -> Result<StepMoments, String> {
    let n = process.states.len();
    let mut ranks = Vec::with_capacity(n);
    for (i, rank) in smoothness(process).into_iter().enumerate() {
        ranks.push(rank.ok_or_else(|| {
            format!("noise reaches {} through two drifts or more, or not at all", process.states[i].name)
        })?);
    }
    let mut expansion = Expansion { process, pool, powers: Vec::new() };
    for i in 0..n {
        let x = expansion.pool.symbol_at(process.frame.variable(i));
        expansion.powers.push(vec![x]);
    }
    let (mut mean, mut covariance, mut leading) = (Vec::new(), Vec::new(), Vec::new());
    for (i, rank) in ranks.iter().enumerate() {
        let coefficients: Vec<Id> = (0..=ORDER + rank).map(|k| expansion.power(i, k)).collect();
        mean.push(expansion.series(&coefficients));
        for j in 0..=i {
            let coefficients = expansion.covariance(i, j, ORDER + rank + ranks[j]);
            let first = 1 + rank + ranks[j];
            leading.push(expansion.pool.scale(1.0 / factorial(first), coefficients[first]));
            covariance.push(expansion.series(&coefficients));
        }
    }
    if expansion.pool.is_full() {
        return Err("its expansion is too long an expression".to_string());
    }
    Ok(StepMoments { mean, covariance, leading })
}

/// How many drifts noise passes before it reaches each state: none, one, or (`None`) more.
fn smoothness(process: &Diffusion) -> Vec<Option<usize>> {
    let pool = &process.frame.pool;
    let rough = |i: usize| process.diffusion[i].iter().any(|b| pool.constant(*b) != Some(0.0));
    let n = process.states.len();
    let is_driven = |i: usize| (0..n).any(|j| rough(j) && pool.depends_on(process.drift[i], process.frame.variable(j)));
    (0..n).map(|i| if rough(i) { Some(0) } else { is_driven(i).then_some(1) }).collect()
}

/// The first state without noise of its own.
pub(super) fn noiseless(process: &Diffusion) -> Option<&str> {
    let at = smoothness(process).iter().position(|rank| *rank != Some(0))?;
    process.states.get(at).map(|s| s.name.as_str())
}

struct Expansion<'a> {
    process: &'a Diffusion,
    pool: &'a mut Pool,
    /// `Lᵏ xᵢ`, `[state][k]`, as far as asked.
    powers: Vec<Vec<Id>>,
}

impl Expansion<'_> {
    fn power(&mut self, i: usize, k: usize) -> Id {
        while self.powers[i].len() <= k {
            let last = self.powers[i][self.powers[i].len() - 1];
            let next = self.process.generator(self.pool, last);
            self.powers[i].push(next);
        }
        self.powers[i][k]
    }

    /// `c₀ … c_most` of states `i` and `j`.
    fn covariance(&mut self, i: usize, j: usize, most: usize) -> Vec<Id> {
        let mut coefficients = vec![self.pool.number(0.0)];
        for k in 0..most {
            let mut next = self.process.generator(self.pool, coefficients[k]);
            let mut choose = 1.0;
            for l in 0..=k {
                let (f, g) = (self.power(i, l), self.power(j, k - l));
                let shared = self.shared_noise(f, g);
                let term = self.pool.scale(choose, shared);
                next = self.pool.add(next, term);
                choose *= (k - l) as f64 / (l + 1) as f64;
            }
            coefficients.push(next);
        }
        coefficients
    }

    /// `Γ(f, g)`
    fn shared_noise(&mut self, f: Id, g: Id) -> Id {
        let n = self.process.states.len();
        let mut sum = self.pool.number(0.0);
        for p in 0..n {
            for q in 0..n {
                let (f_p, g_q) = (
                    self.pool.derivative(f, self.process.frame.variable(p)),
                    self.pool.derivative(g, self.process.frame.variable(q)),
                );
                let product = self.pool.mul(f_p, g_q);
                let spread = self.process.covariance(self.pool, p, q);
                let term = self.pool.mul(spread, product);
                sum = self.pool.add(sum, term);
            }
        }
        sum
    }

    /// `Σ dtᵏ/k! cₖ`
    fn series(&mut self, coefficients: &[Id]) -> Id {
        let dt = self.pool.symbol_at(symbol::STEP);
        let mut sum = coefficients[0];
        for (k, c) in coefficients.iter().enumerate().skip(1) {
            let power = self.pool.power(dt, k as i32);
            let share = self.pool.scale(1.0 / factorial(k), power);
            let term = self.pool.mul(*c, share);
            sum = self.pool.add(sum, term);
        }
        sum
    }
}

fn factorial(k: usize) -> f64 {
    (1..=k).map(|i| i as f64).product()
}

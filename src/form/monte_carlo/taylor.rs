//! The increments of the explicit schemes as expressions, from symbolic derivatives of drift and noise.
//!
//! `ΔY = a h + Σ bʲ ΔWʲ + …` in the notation of Kloeden & Platen (1992): `L⁰` is the generator with `∂/∂t`, `Lʲ = Σᵢ bⁱʲ ∂/∂xᵢ`, with
//! independent noises, which correlated ones are turned into by the root of their correlation.

use super::Scheme;
use super::probe::{are_equal, probes};
use crate::expr::{Binary, Id, Node, Pool, Unary};
use crate::process::{Diffusion, symbol};

/// One step of a scheme: what is added to each state, in the states, the time, the step and standard normals.
pub(super) struct Increments {
    /// `[state]`
    pub of: Vec<Id>,
    /// Positions of the normals among the symbols: first those of the noises, `ΔWʲ = √h zʲ`, then those of the scheme.
    pub normals: Vec<usize>,
}

/// The increments of a scheme; `pool` is a copy of the process's own.
///
/// # Errors
/// Why the scheme does not apply, in words.
pub(super) fn increments(
    scheme: Scheme,
    pool: &mut Pool,
    process: &Diffusion,
    theta: &[f64],
) -> Result<Increments, String> {
    let root = process.correlation_root(theta).ok_or("its correlation is none at these parameters")?;
    let mut taylor = Taylor::new(pool, process, root);
    if scheme == Scheme::DriftImplicit {
        let of = (0..process.states.len()).map(|i| taylor.noise(i)).collect();
        return Ok(Increments { of, normals: taylor.normals });
    }
    let mut of: Vec<Id> = (0..process.states.len()).map(|i| taylor.euler(i)).collect();
    match scheme {
        Scheme::Milstein => taylor.milstein(&mut of, theta)?,
        Scheme::Strong15 => {
            taylor.milstein(&mut of, theta)?;
            taylor.strong(&mut of, theta)?;
        }
        Scheme::Weak2 => taylor.weak(&mut of),
        _ => {}
    }
    if taylor.pool.is_full() {
        return Err("its derivatives are too long".to_string());
    }
    Ok(Increments { of, normals: taylor.normals })
}

struct Taylor<'a> {
    pool: &'a mut Pool,
    process: &'a Diffusion,
    root: Vec<Vec<f64>>,
    h: Id,
    root_h: Id,
    /// `[noise]`: independent Wiener increments.
    dw: Vec<Id>,
    normals: Vec<usize>,
}

impl<'a> Taylor<'a> {
    fn new(pool: &'a mut Pool, process: &'a Diffusion, root: Vec<Vec<f64>>) -> Taylor<'a> {
        let h = pool.symbol_at(symbol::STEP);
        let root_h = pool.unary(Unary::Sqrt, h);
        let mut taylor = Taylor { pool, process, root, h, root_h, dw: Vec::new(), normals: Vec::new() };
        for _ in 0..process.noises.len() {
            let z = taylor.normal();
            let dw = taylor.pool.mul(root_h, z);
            taylor.dw.push(dw);
        }
        taylor
    }

    /// A standard normal more a step.
    fn normal(&mut self) -> Id {
        // Its name cannot be typed, so no model text has it.
        let position = self.pool.add_symbol(&format!("#normal{}", self.normals.len()));
        self.normals.push(position);
        self.pool.symbol_at(position)
    }

    fn sum(&mut self, terms: impl IntoIterator<Item = Id>) -> Id {
        let zero = self.pool.number(0.0);
        terms.into_iter().fold(zero, |sum, term| self.pool.add(sum, term))
    }

    fn product(&mut self, factors: &[Id]) -> Id {
        let one = self.pool.number(1.0);
        factors.iter().fold(one, |product, factor| self.pool.mul(product, *factor))
    }

    /// `factor × f` with `factor` the same for all states: it is joined to one of that kind in `f`, which spares a product a state.
    fn times(&mut self, factor: Id, f: Id) -> Id {
        if let Node::Binary(Binary::Mul, a, b) = self.pool.node(f) {
            let frame = &self.process.frame;
            let varies = |id: Id| (0..frame.n_variables).any(|i| self.pool.depends_on(id, frame.variable(i)));
            let (still, moving) = if varies(a) { (b, a) } else { (a, b) };
            if !varies(still) {
                let both = self.pool.mul(factor, still);
                return self.pool.mul(both, moving);
            }
        }
        self.pool.mul(factor, f)
    }

    /// `Σₖ bᵢₖ √h wₖ` with the correlated `w = L z`.
    fn noise(&mut self, i: usize) -> Id {
        let terms: Vec<Id> = (0..self.process.noises.len())
            .map(|k| {
                let shares: Vec<Id> = (0..=k)
                    .map(|l| {
                        let z = self.pool.symbol_at(self.normals[l]);
                        self.pool.scale(self.root[k][l], z)
                    })
                    .collect();
                let w = self.sum(shares);
                let load = self.times(self.root_h, self.process.diffusion[i][k]);
                self.pool.mul(load, w)
            })
            .collect();
        self.sum(terms)
    }

    fn euler(&mut self, i: usize) -> Id {
        let drift = self.times(self.h, self.process.drift[i]);
        let noise = self.noise(i);
        self.pool.add(drift, noise)
    }

    /// `[state][noise]`: what independent noises are multiplied by.
    fn loads(&mut self) -> Vec<Vec<Id>> {
        let (n, m) = (self.process.states.len(), self.process.noises.len());
        let mut load = |i: usize, l: usize| {
            let terms: Vec<Id> =
                (l..m).map(|k| self.pool.scale(self.root[k][l], self.process.diffusion[i][k])).collect();
            self.sum(terms)
        };
        (0..n).map(|i| (0..m).map(|l| load(i, l)).collect()).collect()
    }

    /// `Lʲ f`
    fn along(&mut self, loads: &[Vec<Id>], j: usize, f: Id) -> Id {
        let terms: Vec<Id> = (0..loads.len())
            .map(|i| {
                let slope = self.pool.derivative(f, self.process.frame.variable(i));
                self.pool.mul(loads[i][j], slope)
            })
            .collect();
        self.sum(terms)
    }

    fn generator(&mut self, f: Id) -> Id {
        self.process.generator(self.pool, f)
    }

    /// `½ L⁰a h²`: what the drift adds through its own change.
    fn drift_again(&mut self, i: usize) -> Id {
        let change = self.generator(self.process.drift[i]);
        let term = self.product(&[change, self.h, self.h]);
        self.pool.scale(0.5, term)
    }

    /// `½ Σ Lʲbᵏ (ΔWʲ ΔWᵏ - δ h)`: what is left of the double integrals where noises commute.
    fn milstein(&mut self, of: &mut [Id], theta: &[f64]) -> Result<(), String> {
        let loads = self.loads();
        let m = self.dw.len();
        for i in 0..of.len() {
            for j in 0..m {
                for k in 0..=j {
                    let one = self.along(&loads, j, loads[i][k]);
                    let other = if j == k { one } else { self.along(&loads, k, loads[i][j]) };
                    if !are_equal(self.pool, one, other, &probes(self.process, theta)) {
                        let name = &self.process.states[i].name;
                        return Err(format!("its noises do not commute in {name}, which needs their double integrals"));
                    }
                    let square = self.product(&[self.dw[j], self.dw[k]]);
                    let (weight, square) = match j == k {
                        true => (0.5, self.pool.sub(square, self.h)),
                        false => (1.0, square),
                    };
                    let term = self.pool.mul(one, square);
                    let term = self.pool.scale(weight, term);
                    of[i] = self.pool.add(of[i], term);
                }
            }
        }
        Ok(())
    }

    /// What strong order 1.5 adds to Milstein's: `½ L⁰a h² + Σ Lʲa ΔZʲ + Σ L⁰bʲ (ΔWʲ h - ΔZʲ)` and the triple integrals, which noises that
    /// commute twice leave as Hermite polynomials of the increments.
    fn strong(&mut self, of: &mut [Id], theta: &[f64]) -> Result<(), String> {
        let loads = self.loads();
        let m = self.dw.len();
        let own: Vec<Id> = self.normals.iter().copied().map(|z| self.pool.symbol_at(z)).collect();
        let cube = self.product(&[self.h, self.root_h]);
        // ΔZ = ½ h^{3/2} (z + z'/√3): Kloeden & Platen 1992, eq. 10.4.3.
        let dz: Vec<Id> = (0..m)
            .map(|j| {
                let second = self.normal();
                let second = self.pool.scale(1.0 / 3f64.sqrt(), second);
                let both = self.pool.add(own[j], second);
                let dz = self.pool.mul(cube, both);
                self.pool.scale(0.5, dz)
            })
            .collect();
        for i in 0..of.len() {
            let mut terms = vec![of[i], self.drift_again(i)];
            for j in 0..m {
                let slope = self.along(&loads, j, self.process.drift[i]);
                terms.push(self.pool.mul(slope, dz[j]));
                let moved = self.generator(loads[i][j]);
                let whole = self.pool.mul(self.dw[j], self.h);
                let rest = self.pool.sub(whole, dz[j]);
                terms.push(self.pool.mul(moved, rest));
            }
            for j in 0..m {
                for k in 0..m {
                    for l in 0..m {
                        terms.push(self.triple(&loads, i, [j, k, l], theta)?);
                    }
                }
            }
            of[i] = self.sum(terms);
        }
        Ok(())
    }

    /// `⅙ LʲLᵏbˡ (ΔWʲ ΔWᵏ ΔWˡ - h (δⱼₖ ΔWˡ + δⱼₗ ΔWᵏ + δₖₗ ΔWʲ))`
    fn triple(&mut self, loads: &[Vec<Id>], i: usize, [j, k, l]: [usize; 3], theta: &[f64]) -> Result<Id, String> {
        let inner = self.along(loads, k, loads[i][l]);
        let weight = self.along(loads, j, inner);
        if j > k {
            let inner = self.along(loads, j, loads[i][l]);
            let other = self.along(loads, k, inner);
            if !are_equal(self.pool, weight, other, &probes(self.process, theta)) {
                let name = &self.process.states[i].name;
                return Err(format!("its noises do not commute twice in {name}, which needs their triple integrals"));
            }
        }
        let mut hermite = self.product(&[self.dw[j], self.dw[k], self.dw[l]]);
        for (same, left) in [(j == k, l), (j == l, k), (k == l, j)] {
            if same {
                let term = self.pool.mul(self.h, self.dw[left]);
                hermite = self.pool.sub(hermite, term);
            }
        }
        let term = self.pool.mul(weight, hermite);
        Ok(self.pool.scale(1.0 / 6.0, term))
    }

    /// What weak order 2 adds to Euler's: `½ L⁰a h² + ½ h Σ (L⁰bʲ + Lʲa) ΔWʲ + ½ Σ Lʲbᵏ (ΔWʲ ΔWᵏ + Vʲᵏ)` with `Vʲʲ = -h` and `Vʲᵏ = -Vᵏʲ = ±h` by
    /// the toss of a coin.
    fn weak(&mut self, of: &mut [Id]) {
        let loads = self.loads();
        let m = self.dw.len();
        let zero = self.pool.number(0.0);
        let minus_h = self.pool.scale(-1.0, self.h);
        let mut v = vec![vec![minus_h; m]; m];
        for j in 0..m {
            for k in 0..j {
                let commute = (0..of.len()).all(|i| {
                    let one = self.along(&loads, j, loads[i][k]);
                    one == self.along(&loads, k, loads[i][j])
                });
                let coin = if commute {
                    zero
                } else {
                    let z = self.normal();
                    let heads = self.pool.binary(Binary::Less, z, zero);
                    self.pool.select(heads, minus_h, self.h)
                };
                v[j][k] = coin;
                v[k][j] = self.pool.scale(-1.0, coin);
            }
        }
        for i in 0..of.len() {
            let mut terms = vec![of[i], self.drift_again(i)];
            for j in 0..m {
                let moved = self.generator(loads[i][j]);
                let slope = self.along(&loads, j, self.process.drift[i]);
                let both = self.pool.add(moved, slope);
                let term = self.product(&[both, self.h, self.dw[j]]);
                terms.push(self.pool.scale(0.5, term));
                for k in 0..m {
                    let weight = self.along(&loads, j, loads[i][k]);
                    let square = self.product(&[self.dw[j], self.dw[k]]);
                    let square = self.pool.add(square, v[j][k]);
                    let term = self.pool.mul(weight, square);
                    terms.push(self.pool.scale(0.5, term));
                }
            }
            of[i] = self.sum(terms);
        }
    }
}

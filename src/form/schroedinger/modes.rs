//! The symmetrised generator of a smooth one-dimensional diffusion in a spectral basis, and its eigenpairs.
//!
//! With `ψ = √m f`, `m` the speed density, the generator is `-AᵀA`, `A = √D (∂ - ½ (ln m)')`: the Schrödinger operator
//! `-D∂² + V` with `V = D ((ln m)'/2)² + …`, written as the square that it is (Risken 1996, section 5.4). `A` is taken in the basis
//! at its nodes, so no rate is negative and no derivative of the potential is needed. One decomposition gives
//! `p(x, t | x0) = m(x)/√(m m0) Σ e^{-λt} ψ(x) ψ(x0)` at all times and starts.

use super::basis::Basis;
use crate::base::math;
use crate::expr::{Scratch, Tape};
use crate::process::chart::gauss;
use crate::process::{Scalar, symbol};
use nalgebra::{DMatrix, DVector};

/// Drift, diffusion and its slope at fixed parameters.
pub(super) struct Coefficients {
    tape: Tape,
    scratch: Scratch,
}

impl Coefficients {
    pub fn new(scalar: &Scalar, theta: &[f64]) -> Coefficients {
        let mut pool = scalar.pool().clone();
        let steepness = pool.derivative(scalar.diffusion, symbol::STATE);
        let tape = Tape::compile(&pool, &[scalar.drift, scalar.diffusion, steepness], &[symbol::STATE]);
        let mut scratch = Scratch::default();
        tape.bind(&scalar.symbols(theta, 0.0), &mut scratch);
        Coefficients { tape, scratch }
    }

    pub fn at(&mut self, x: f64) -> [f64; 3] {
        let mut out = [0.0; 3];
        self.tape.run_one(&[x], &mut out, &mut self.scratch);
        out
    }

    /// `(ln m)'` in the state.
    pub fn ln_speed_slope(&mut self, x: f64) -> f64 {
        let [a, b, steepness] = self.at(x);
        2.0 * (a / b - steepness) / b
    }
}

/// The coordinate `v` of a basis: the state itself, or the one of unit noise (`dv = dx/b`) counted from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coordinate {
    State,
    UnitNoise,
}

/// A basis with its nodes among the states.
pub(super) struct Ground {
    pub basis: Basis,
    coordinate: Coordinate,
    v: Vec<f64>,
    pub x: Vec<f64>,
    /// Logarithm of the speed density per unit of `v` without the basis's weight, at the nodes.
    ln_r: Vec<f64>,
}

/// Where a state lies on a ground.
pub(super) struct Place {
    /// Coordinate, and half the logarithm of the speed density without the weight.
    v: f64,
    half_ln_r: f64,
    /// Logarithm of weight times `dv/dx`.
    ln_measure: f64,
}

impl Ground {
    /// `None` where a coefficient is not finite at a node.
    pub fn new(basis: Basis, coordinate: Coordinate, coefficients: &mut Coefficients, x0: f64) -> Option<Ground> {
        let v = basis.nodes();
        let x = match coordinate {
            Coordinate::State => v.clone(),
            Coordinate::UnitNoise => states(coefficients, &v, x0)?,
        };
        let mut ground = Ground { basis, coordinate, ln_r: vec![0.0; v.len()], v, x };
        for i in 1..ground.x.len() {
            ground.ln_r[i] = ground.ln_r[i - 1] + ground.climb(coefficients, ground.x[i - 1], ground.x[i]);
        }
        ground.ln_r.iter().all(|l| l.is_finite()).then_some(ground)
    }

    /// Change of `ln r` from one state to another near by.
    fn climb(&self, coefficients: &mut Coefficients, from: f64, to: f64) -> f64 {
        gauss(from, to, &mut |x| match self.coordinate {
            Coordinate::State => coefficients.ln_speed_slope(x) - 2.0 * self.basis.half_slope(x),
            Coordinate::UnitNoise => {
                let [a, b, steepness] = coefficients.at(x);
                (2.0 * a / b - steepness) / b
            }
        })
    }

    /// Whether no mode with a rate below `fastest` reaches the ends: the stationary one has died away there, and the potential
    /// `½ μ²` stands well above the rate.
    pub fn is_confined(&self, coefficients: &mut Coefficients, fastest: f64) -> bool {
        const DIED: f64 = 30.0;
        let top = self.ln_r.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ends = [0, self.x.len() - 1];
        ends.into_iter().all(|i| {
            let [a, b, steepness] = coefficients.at(self.x[i]);
            let mu = a / b - 0.5 * steepness;
            self.ln_r[i] < top - DIED && 0.5 * mu * mu > 2.0 * fastest
        })
    }

    pub fn place(&self, coefficients: &mut Coefficients, x: f64) -> Place {
        let after = self.x.partition_point(|node| *node <= x);
        let i = match after {
            0 => 0,
            k if k == self.x.len() => k - 1,
            k if x - self.x[k - 1] < self.x[k] - x => k - 1,
            k => k,
        };
        let half_ln_r = 0.5 * (self.ln_r[i] + self.climb(coefficients, self.x[i], x));
        match self.coordinate {
            Coordinate::State => Place { v: x, half_ln_r, ln_measure: self.basis.ln_weight(x) },
            Coordinate::UnitNoise => {
                let v = self.v[i] + gauss(self.x[i], x, &mut |x| 1.0 / coefficients.at(x)[1].abs());
                let ln_slope = -math::ln(coefficients.at(x)[1].abs());
                Place { v, half_ln_r, ln_measure: self.basis.ln_weight(v) + ln_slope }
            }
        }
    }

    /// `A` at the nodes. `None` where it is not finite.
    fn root(&self, coefficients: &mut Coefficients) -> Option<DMatrix<f64>> {
        let mut a = self.basis.slopes();
        for k in 0..self.x.len() {
            let [drift, b, steepness] = coefficients.at(self.x[k]);
            let (d, half) = match self.coordinate {
                Coordinate::UnitNoise => (0.5, (drift / b - 0.5 * steepness) * b.signum()),
                Coordinate::State => (0.5 * b * b, (drift / b - steepness) / b - self.basis.half_slope(self.x[k])),
            };
            a[(k, k)] -= half;
            a.row_mut(k).iter_mut().for_each(|e| *e *= d.sqrt());
        }
        a.iter().all(|e| e.is_finite()).then_some(a)
    }
}

/// States at the coordinates of unit noise, of which the one nearest zero is `x0`'s: `∫ dx/b` solved by Newton's method.
fn states(coefficients: &mut Coefficients, v: &[f64], x0: f64) -> Option<Vec<f64>> {
    let middle = (0..v.len()).min_by(|i, j| v[*i].abs().total_cmp(&v[*j].abs()))?;
    let mut x = vec![0.0; v.len()];
    let mut step = |from: f64, distance: f64| -> Option<f64> {
        let b = coefficients.at(from)[1].abs();
        let mut to = from + distance * coefficients.at(from + 0.5 * distance * b)[1].abs();
        for _ in 0..20 {
            let missing = distance - gauss(from, to, &mut |x| 1.0 / coefficients.at(x)[1].abs());
            let change = missing * coefficients.at(to)[1].abs();
            to += change;
            if change.abs() <= 4.0 * f64::EPSILON * (to.abs() + (to - from).abs()) {
                break;
            }
        }
        to.is_finite().then_some(to)
    };
    x[middle] = step(x0, v[middle])?;
    for i in middle + 1..v.len() {
        x[i] = step(x[i - 1], v[i] - v[i - 1])?;
    }
    for i in (0..middle).rev() {
        x[i] = step(x[i + 1], v[i] - v[i + 1])?;
    }
    x.windows(2).all(|w| w[0] < w[1]).then_some(x)
}

/// Eigenpairs on a ground, rates increasing.
pub(super) struct Modes {
    pub ground: Ground,
    pub rates: Vec<f64>,
    /// `[basis function, mode]`
    pub vectors: DMatrix<f64>,
}

impl Modes {
    /// All modes whose rate is below `fastest`. Cost O(n³). `None` where a coefficient is not finite.
    pub fn new(ground: Ground, coefficients: &mut Coefficients, fastest: f64) -> Option<Modes> {
        let a = ground.root(coefficients)?;
        let eigen = a.tr_mul(&a).symmetric_eigen();
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).filter(|k| eigen.eigenvalues[*k] < fastest).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*a].total_cmp(&eigen.eigenvalues[*b]));
        // Round-off may leave the stationary rate on either side of zero.
        let rates = order.iter().map(|k| eigen.eigenvalues[*k].max(0.0)).collect();
        let vectors = DMatrix::from_fn(ground.x.len(), order.len(), |i, k| eigen.eigenvectors[(i, order[k])]);
        Some(Modes { ground, rates, vectors })
    }

    pub fn len(&self) -> usize {
        self.ground.x.len()
    }

    /// The basis functions at a place.
    fn functions(&self, place: &Place) -> DVector<f64> {
        let mut chi = vec![0.0; self.len()];
        self.ground.basis.at(place.v, &mut chi);
        DVector::from_vec(chi)
    }

    /// Every function and every mode at every place, `[function, place]` and `[mode, place]`.
    pub fn amplitudes(&self, places: &[Place]) -> [DMatrix<f64>; 2] {
        let mut chi = DMatrix::zeros(self.len(), places.len());
        for (mut column, place) in chi.column_iter_mut().zip(places) {
            self.ground.basis.at(place.v, column.as_mut_slice());
        }
        let modes = self.vectors.tr_mul(&chi);
        [chi, modes]
    }

    /// The solution `t` after a start, as coefficients of the basis.
    pub fn evolved(&self, start: &Place, t: f64) -> Vec<f64> {
        let mut share = self.vectors.tr_mul(&self.functions(start));
        share.iter_mut().zip(&self.rates).for_each(|(s, rate)| *s *= math::exp(-rate * t));
        (&self.vectors * share).iter().copied().collect()
    }

    /// The density at a place, of each solution from a start; `chi` is scratch of the basis's size.
    pub fn densities(&self, solutions: &[Vec<f64>], start: &Place, place: &Place, chi: &mut [f64]) -> Vec<f64> {
        self.ground.basis.at(place.v, chi);
        let ratio = math::exp(place.ln_ratio(start));
        let sum = |q: &Vec<f64>| chi.iter().zip(q).map(|(c, q)| c * q).sum::<f64>();
        solutions.iter().map(|q| sum(q) * ratio).collect()
    }
}

impl Place {
    /// Logarithm of what turns `Σ e^{-λt} ψ ψ0` into the density here from `start`.
    pub fn ln_ratio(&self, start: &Place) -> f64 {
        self.half_ln_r - start.half_ln_r + self.ln_measure
    }
}

//! Alternating directions in time: the modified Craig-Sneyd scheme (In 't Hout & Welfert 2009; In 't Hout & Foulon 2010,
//! eq. 3.4), second order with the cross term taken explicitly.

use super::lines::{Factors, Shape, across, turn};
use super::operator::Operator;
use rayon::prelude::*;

/// One-third, or what stability asks for at large correlation (In 't Hout & Mishra 2011: `θ ≥ 2(2|ρ| + 1)/13`).
fn theta(correlation: f64) -> f64 {
    (2.0 * (2.0 * correlation + 1.0) / 13.0).max(1.0 / 3.0)
}

/// Advances masses on one grid; keeps its working space.
pub(super) struct Stepper {
    /// As swept along the second axis; the first is swept in the turned field.
    shape: Shape,
    factors: [Factors; 2],
    /// Fields swept along the first axis, and along the second.
    first: [Vec<f64>; 5],
    second: [Vec<f64>; 4],
}

/// `out[i] = f(out[i], a[i], b[i])` over threads.
fn combine(out: &mut [f64], a: &[f64], b: &[f64], f: impl Fn(f64, f64, f64) -> f64 + Sync) {
    const PART: usize = 4096;
    out.par_chunks_mut(PART).zip(a.par_chunks(PART).zip(b.par_chunks(PART))).for_each(|(out, (a, b))| {
        for (o, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
            *o = f(*o, *a, *b);
        }
    });
}

impl Stepper {
    /// For fields of this shape as swept along the second axis.
    pub fn new(shape: Shape) -> Stepper {
        Stepper {
            shape,
            factors: [Factors::default(), Factors::default()],
            first: std::array::from_fn(|_| vec![0.0; shape.turned().size()]),
            second: std::array::from_fn(|_| vec![0.0; shape.size()]),
        }
    }

    /// One step of length `dt`:
    /// ```text
    /// Y₀ = U + dt A U;   Yⱼ = Yⱼ₋₁ + θ dt Aⱼ(Yⱼ - U), j = 1, 2
    /// Z₀ = Y₀ + θ dt A₀(Y₂ - U) + (½ - θ) dt A(Y₂ - U);   Zⱼ = Zⱼ₋₁ + θ dt Aⱼ(Zⱼ - U);   U ← Z₂
    /// ```
    /// with `A₀` the cross term. Cost: about 60 operations a cell. Masses keep their sum to round-off.
    pub fn step(&mut self, operator: &Operator, dt: f64, mass: &mut [f64]) {
        let theta = theta(operator.correlation);
        let c = theta * dt;
        let [along_x, along_y] = &operator.along;
        along_x.factor(c, &mut self.factors[0]);
        along_y.factor(c, &mut self.factors[1]);
        let (shape, turned) = (self.shape, self.shape.turned());
        let [f1, f0, y0, z, work] = &mut self.first;
        let [f2, g, rhs, s] = &mut self.second;
        // A U: f2 here, f1 and f0 in the turned field; y0 = U + dt A U there.
        along_y.apply(mass, f2);
        cross_here(operator, shape, mass, rhs, g);
        turn(mass, shape, work);
        along_x.apply(work, f1);
        rhs.copy_from_slice(mass);
        combine(rhs, f2, f2, |u, f, _| u + dt * f);
        turn(rhs, shape, y0);
        cross_there(operator, shape, g, work, f0);
        combine(y0, f1, f0, |y, f1, f0| y + dt * (f1 + f0));
        // Y₁, Y₂
        z.copy_from_slice(y0);
        combine(z, f1, f1, |y, f, _| y - c * f);
        along_x.solve(&self.factors[0], z);
        turn(z, turned, rhs);
        combine(rhs, f2, f2, |y, f, _| y - c * f);
        along_y.solve(&self.factors[1], rhs);
        // Z₀ in the turned field: y0 + θ dt (f0' - f0) + (½ - θ) dt (f' - f).
        along_y.apply(rhs, s);
        combine(s, f2, f2, |new, old, _| new - old);
        turn(s, shape, z);
        combine(y0, z, z, |y, d, _| y + (0.5 - theta) * dt * d);
        turn(rhs, shape, work);
        along_x.apply(work, z);
        combine(y0, z, f1, |y, new, old| y + (0.5 - theta) * dt * (new - old));
        if operator.cross.is_some() {
            // `mass` is no longer needed: working space.
            cross_here(operator, shape, rhs, mass, g);
            cross_there(operator, shape, g, work, z);
            combine(y0, z, f0, |y, new, old| y + 0.5 * dt * (new - old));
        }
        combine(y0, f1, f1, |y, f, _| y - c * f);
        along_x.solve(&self.factors[0], y0);
        turn(y0, turned, mass);
        combine(mass, f2, f2, |y, f, _| y - c * f);
        along_y.solve(&self.factors[1], mass);
    }
}

/// The cross term's sums and differences along the second axis: `out = S_y (D₁₂ p / 4)`.
fn cross_here(operator: &Operator, shape: Shape, mass: &[f64], work: &mut [f64], out: &mut [f64]) {
    if let Some(cross) = &operator.cross {
        work.copy_from_slice(mass);
        combine(work, cross, cross, |m, c, _| m * c);
        across(shape, work, out);
    }
}

/// And along the first, of the turned field: `out = S_x g`; zero without a cross term.
fn cross_there(operator: &Operator, shape: Shape, g: &[f64], work: &mut [f64], out: &mut [f64]) {
    if operator.cross.is_some() {
        turn(g, shape, work);
        across(shape.turned(), work, out);
    }
}

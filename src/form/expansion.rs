//! Gaussian transition densities from the Itô-Taylor expansion of the first two moments, for any one-dimensional text.
//!
//! Euler: `m = x + a dt`, `V = b² dt`. Kessler (1997, Scand. J. Statist. 24, section 2): with the generator `L`,
//! `E f(x_dt) = f + dt L f + dt²/2 L² f`; `m` from `f = x`, `M2` from `f = x²`, and `V = M2 - m²` either in full or
//! truncated at dt². The generator is applied symbolically, so `V` has the right `(b²)_x`, `a_xx` and all.

use super::{Batch, Form, Moments, Pairs};
use crate::expr::{Id, Pool, Scratch, Tape, Unary};
use crate::process::{Scalar, symbol};

/// Conditional mean and variance as tapes over (x0, dt, t0), and the log density over those and x1, each with its derivatives
/// in every parameter.
#[derive(Debug)]
pub(super) struct Expansion {
    moments: Tape,
    moments_with_gradient: Tape,
    density: Tape,
    density_with_gradient: Tape,
    n_params: usize,
}

const LANES: [usize; 3] = [symbol::STATE, symbol::STEP, symbol::TIME];

impl Expansion {
    pub fn new(process: &Scalar, form: Form) -> Expansion {
        let mut pool = process.pool().clone();
        let (mean, variance) = match form {
            Form::Euler => euler(&mut pool, process),
            Form::KesslerTruncated => kessler(&mut pool, process, true),
            _ => kessler(&mut pool, process, false),
        };
        let params: Vec<usize> = (0..process.n_params()).map(|k| Scalar::FIRST_PARAM + k).collect();
        let mut moments = vec![mean, variance];
        for of in [mean, variance] {
            moments.extend(pool.gradient(of, &params));
        }
        // The name cannot be typed, so no model text can use it.
        let next = pool.add_symbol("#next");
        let x1 = pool.symbol_at(next);
        let mut density = vec![gaussian_log_density(&mut pool, x1, mean, variance)];
        let slopes = pool.gradient(density[0], &params);
        density.extend(slopes);
        let lanes = [LANES[0], LANES[1], LANES[2], next];
        Expansion {
            moments: Tape::compile(&pool, &moments[..2], &LANES),
            moments_with_gradient: Tape::compile(&pool, &moments, &LANES),
            density: Tape::compile(&pool, &density[..1], &lanes),
            density_with_gradient: Tape::compile(&pool, &density, &lanes),
            n_params: process.n_params(),
        }
    }

    /// Log densities of the pairs, and their gradients where asked. A variance that is not positive is no law: minus infinity,
    /// which tells the optimiser so.
    pub fn log_density(&self, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        let (tape, columns) =
            if gradient { (&self.density_with_gradient, 1 + self.n_params) } else { (&self.density, 1) };
        let mut symbols = process.symbols(theta, 0.0);
        symbols.push(f64::NAN);
        let mut out = vec![vec![0.0; pairs.len()]; columns];
        let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        let inputs: [&[f64]; 4] = [&pairs.x0, &pairs.dt, &pairs.t0, &pairs.x1];
        tape.run(&symbols, &inputs, &mut slices, &mut Scratch::default());
        let mut columns = out.into_iter();
        let mut value = columns.next().unwrap_or_default();
        for v in &mut value {
            if v.is_nan() {
                *v = f64::NEG_INFINITY;
            }
        }
        Batch { value, gradient: columns.collect() }
    }

    pub fn moments(&self, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Moments {
        let n = pairs.len();
        let symbols = process.symbols(theta, 0.0);
        let tape = if gradient { &self.moments_with_gradient } else { &self.moments };
        let columns = if gradient { 2 + 2 * self.n_params } else { 2 };
        let mut out = vec![vec![0.0; n]; columns];
        let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        tape.run(&symbols, &[&pairs.x0, &pairs.dt, &pairs.t0], &mut slices, &mut Scratch::default());
        let mut columns = out.into_iter();
        let mean = columns.next().unwrap_or_default();
        let variance = columns.next().unwrap_or_default();
        let d_mean = columns.by_ref().take(self.n_params).collect();
        Moments { mean, variance, d_mean, d_variance: columns.collect() }
    }
}

/// `-½ ((x1 - m)²/V + ln V + ln 2π)`
fn gaussian_log_density(pool: &mut Pool, x1: Id, mean: Id, variance: Id) -> Id {
    let residual = pool.sub(x1, mean);
    let square = pool.power(residual, 2);
    let distance = pool.div(square, variance);
    let log = pool.unary(Unary::Log, variance);
    let sum = pool.add(distance, log);
    let constant = pool.number(LN_2PI);
    let all = pool.add(sum, constant);
    pool.scale(-0.5, all)
}

/// ln 2π
const LN_2PI: f64 = 1.837_877_066_409_345_5;

fn euler(pool: &mut Pool, process: &Scalar) -> (Id, Id) {
    let (x, dt) = (pool.symbol_at(symbol::STATE), pool.symbol_at(symbol::STEP));
    let step = pool.mul(process.drift, dt);
    let square = pool.power(process.diffusion, 2);
    (pool.add(x, step), pool.mul(square, dt))
}

fn kessler(pool: &mut Pool, process: &Scalar, truncated: bool) -> (Id, Id) {
    let (x, dt) = (pool.symbol_at(symbol::STATE), pool.symbol_at(symbol::STEP));
    let x2 = pool.power(x, 2);
    let mut twice = |f: Id| {
        let first = Scalar::generator(pool, process.drift, process.diffusion, f);
        let second = Scalar::generator(pool, process.drift, process.diffusion, first);
        (first, second)
    };
    let (lx, llx) = twice(x);
    let (lx2, llx2) = twice(x2);
    let dt2 = pool.power(dt, 2);
    let half_dt2 = pool.scale(0.5, dt2);
    // m - x: the mean's move, kept apart from x so that V does not cancel against x².
    let (m1, m2) = (pool.mul(lx, dt), pool.mul(llx, half_dt2));
    let moved = pool.add(m1, m2);
    let mean = pool.add(x, moved);
    // M2 - x² = dt L(x²) + dt²/2 L²(x²);  V = (M2 - x²) - 2 x (m - x) - (m - x)².
    let double_x = pool.scale(2.0, x);
    let first = {
        let cross = pool.mul(double_x, lx);
        pool.sub(lx2, cross)
    };
    let second = {
        let cross = pool.mul(double_x, llx);
        pool.sub(llx2, cross)
    };
    let (v1, v2) = (pool.mul(first, dt), pool.mul(second, half_dt2));
    let raw = pool.add(v1, v2);
    let square = if truncated {
        let lx_squared = pool.power(lx, 2);
        pool.mul(lx_squared, dt2)
    } else {
        pool.power(moved, 2)
    };
    (mean, pool.sub(raw, square))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Result, math};
    use crate::form::Transitions;
    use crate::models::built_in;

    fn pair(x0: f64, dt: f64) -> Pairs {
        Pairs { x0: vec![x0], x1: vec![x0 * 1.01 + 0.01], dt: vec![dt], t0: vec![0.0] }
    }

    #[test]
    fn kessler_moments_of_ou_match_the_exact_ones_to_third_order() -> Result<()> {
        let model = built_in("ou")?;
        let theta = [1.5, 0.5, 0.8];
        let kessler = Transitions::new(&model, Form::Kessler)?;
        let error = |dt: f64| {
            let m = kessler.moments(&theta, &pair(2.0, dt));
            let e = math::exp(-1.5 * dt);
            let mean = 0.5 + 1.5 * e;
            let variance = 0.64 * (1.0 - e * e) / 3.0;
            ((m.mean[0] - mean).abs(), (m.variance[0] - variance).abs())
        };
        let (coarse, fine) = (error(0.02), error(0.01));
        for (c, f) in [(coarse.0, fine.0), (coarse.1, fine.1)] {
            let order = (c / f).log2();
            assert!((order - 3.0).abs() < 0.1, "order {order}");
        }
        Ok(())
    }

    #[test]
    fn the_gradient_of_every_expansion_is_its_difference_quotient() -> Result<()> {
        for id in ["ckls", "double-well", "logistic", "exp-ou"] {
            let model = built_in(id)?;
            let theta: Vec<f64> = model.params.iter().map(|p| p.default * 1.1).collect();
            for form in [Form::Euler, Form::Kessler, Form::KesslerTruncated] {
                let transitions = Transitions::new(&model, form)?;
                let pairs = pair(0.8, 0.03);
                let batch = transitions.log_density(&theta, &pairs, true);
                for k in 0..theta.len() {
                    let value = |h: f64| {
                        let mut moved = theta.clone();
                        moved[k] += h;
                        transitions.log_density(&moved, &pairs, false).value[0]
                    };
                    let h = 1e-4 * theta[k].abs().max(0.1);
                    let quotient = (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h);
                    let exact = batch.gradient[k][0];
                    assert!(
                        (exact - quotient).abs() < 1e-8 * (1.0 + exact.abs()),
                        "{id} {form:?} {k}: {exact} {quotient}"
                    );
                }
            }
        }
        Ok(())
    }
}

//! Densities that are normal: by the moments of the Itô-Taylor expansion, or of a linear equation near the start.

use super::formula::{formula, phi};
use super::{Symbols, Written};
use crate::expr::{Id, Pool, Unary};
use crate::process::{Scalar, symbol};

/// ln 2π
const LN_2PI: f64 = 1.837_877_066_409_345_5;

/// `-½ ((x - m)²/V + ln V + ln 2π)`
pub(super) fn normal_log_density(pool: &mut Pool, x: Id, mean: Id, variance: Id) -> Id {
    let residual = pool.sub(x, mean);
    let square = pool.power(residual, 2);
    let distance = pool.div(square, variance);
    let log = pool.unary(Unary::Log, variance);
    let sum = pool.add(distance, log);
    let constant = pool.number(LN_2PI);
    let all = pool.add(sum, constant);
    pool.scale(-0.5, all)
}

/// A normal law of the next state.
pub(super) fn normal(pool: &mut Pool, at: &Symbols, (mean, variance): (Id, Id)) -> Written {
    let log_density = normal_log_density(pool, at.x1, mean, variance);
    let score = formula(pool, "(x - m)/sqrt(v)", &[("x", at.x1), ("m", mean), ("v", variance)]);
    Written { mean, variance, log_density, scores: vec![score] }
}

/// `m = x + a dt`, `V = b² dt`.
pub(super) fn euler(pool: &mut Pool, process: &Scalar) -> (Id, Id) {
    let (x, dt) = (pool.symbol_at(symbol::STATE), pool.symbol_at(symbol::STEP));
    let step = pool.mul(process.drift, dt);
    let square = pool.power(process.diffusion, 2);
    (pool.add(x, step), pool.mul(square, dt))
}

/// Kessler (1997, section 2): with the generator `L`, `E f(x_dt) = f + dt L f + dt²/2 L² f`; `m` from `f = x`, `M2` from
/// `f = x²`, and `V = M2 - m²` either in full or truncated at dt².
pub(super) fn kessler(pool: &mut Pool, process: &Scalar, truncated: bool) -> (Id, Id) {
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

/// Ozaki (1992, Statistica Sinica 2, section 3): the drift linear over the step, `m = x + a (e^(a' dt) - 1)/a'`, and the noise of the
/// linear equation through the origin that has this mean, `K = log(m/x)/dt`, `V = b² (e^(2K dt) - 1)/(2K)`.
///
/// Not where the state passes through zero: there is no such `K`, and the variance is not a number.
pub(super) fn ozaki(pool: &mut Pool, process: &Scalar, at: &Symbols) -> (Id, Id) {
    let (a, b) = (process.drift, process.diffusion);
    let slope = pool.derivative(a, symbol::STATE);
    let z = pool.mul(slope, at.dt);
    let one = phi(pool, z).one;
    let move_by = formula(pool, "a*dt*one", &[("a", a), ("dt", at.dt), ("one", one)]);
    let exponent = formula(pool, "log1p(d/x)", &[("d", move_by), ("x", at.x0)]);
    let growth = phi(pool, exponent).one_of_double;
    let variance = formula(pool, "b^2*dt*g", &[("b", b), ("dt", at.dt), ("g", growth)]);
    (pool.add(at.x0, move_by), variance)
}

/// Mean move and variance over `dt` of `dz = (f + l z + m t) dt + dW` from zero:
/// `f dt φ1(l dt) + m dt² φ2(l dt)` and `dt φ1(2 l dt)` (Shoji & Ozaki 1998, Stochastic Analysis and Applications 16, eq. 2.4 and 2.5).
pub(super) fn linear(pool: &mut Pool, dt: Id, [f, l, m]: [Id; 3]) -> (Id, Id) {
    let z = pool.mul(l, dt);
    let phi = phi(pool, z);
    let names = [("f", f), ("m", m), ("dt", dt), ("one", phi.one), ("two", phi.two), ("double", phi.one_of_double)];
    (formula(pool, "dt*(f*one + m*dt*two)", &names), formula(pool, "dt*double", &names))
}

/// The drift linearised at the start with Itô's term, `a + a' (x - x0) + (a_t + ½ b² a'') (t - t0)`, the diffusion frozen there.
pub(super) fn local_linear(pool: &mut Pool, process: &Scalar, at: &Symbols) -> (Id, Id) {
    let (a, b) = (process.drift, process.diffusion);
    let slope = pool.derivative(a, symbol::STATE);
    let (bend, in_time) = (pool.derivative(slope, symbol::STATE), pool.derivative(a, symbol::TIME));
    let trend = formula(pool, "at + 0.5*b^2*axx", &[("at", in_time), ("b", b), ("axx", bend)]);
    let (moved, spread) = linear(pool, at.dt, [a, slope, trend]);
    let variance = formula(pool, "b^2*v", &[("b", b), ("v", spread)]);
    (pool.add(at.x0, moved), variance)
}

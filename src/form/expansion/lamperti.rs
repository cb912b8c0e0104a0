//! Local linearisation where the noise is one: `y = ∫ dx/b` (Shoji & Ozaki 1998), with the Jacobian of the map.

use super::formula::formula;
use super::gaussian::{kessler, linear, normal_log_density};
use super::legendre::Rule;
use super::segment::segment;
use super::{Symbols, Written};
use crate::expr::{Id, Pool, Unary};
use crate::process::rebuild::rebuild;
use crate::process::{Scalar, symbol};

/// `ln |b1|`, and not a number where the sign of the diffusion changes on the way: the state does not pass there.
pub(super) fn log_size(pool: &mut Pool, b0: Id, b1: Id) -> Id {
    formula(pool, "log(after/before) + log(abs(before))", &[("before", b0), ("after", b1)])
}

/// The linear equation in `y` from the start: with `f = a/b - ½ b'` its slope is `b f' - b_t/b` and its trend
/// `f_t + ½ b (slope)'`. `y1 - y0` is the integral of `1/b` at the later time along the [`segment`], by eight points.
///
/// No moments of `x` follow in closed form: they are Kessler's.
pub(super) fn shoji_ozaki(pool: &mut Pool, process: &Scalar, at: &Symbols) -> Written {
    let (a, b) = (process.drift, process.diffusion);
    let bx = pool.derivative(b, symbol::STATE);
    let bt = pool.derivative(b, symbol::TIME);
    let f = formula(pool, "a/b - 0.5*bx", &[("a", a), ("b", b), ("bx", bx)]);
    let (fx, ft) = (pool.derivative(f, symbol::STATE), pool.derivative(f, symbol::TIME));
    let slope = formula(pool, "b*fx - bt/b", &[("b", b), ("fx", fx), ("bt", bt)]);
    let bend = pool.derivative(slope, symbol::STATE);
    let trend = formula(pool, "ft + 0.5*b*bend", &[("ft", ft), ("b", b), ("bend", bend)]);
    let (moved, spread) = linear(pool, at.dt, [f, slope, trend]);

    let later = pool.add(at.t0, at.dt);
    let b_later = rebuild(process.pool(), b, pool, &mut |pool, s| match s {
        symbol::TIME => later,
        s => pool.symbol_at(s),
    });
    let rule = Rule::new(8);
    let way = segment(pool, process.state, at.x0, at.x1, &rule.nodes);
    let mut distance = pool.number(0.0);
    for ((x, speed), weight) in way.states.iter().zip(&way.speeds).zip(&rule.weights) {
        let there = pool.jets(&[b_later], symbol::STATE, *x, 0)[0][0];
        let part = pool.div(*speed, there);
        let part = pool.scale(*weight, part);
        distance = pool.add(distance, part);
    }
    let distance = pool.mul(way.length, distance);
    let b1 = pool.jets(&[b_later], symbol::STATE, at.x1, 0)[0][0];
    let log_b1 = log_size(pool, b, b1);
    let in_y = normal_log_density(pool, distance, moved, spread);
    let sign = pool.unary(Unary::Sign, b);
    let names = [("d", distance), ("m", moved), ("v", spread), ("sign", sign)];
    // Where b is negative y runs against x.
    let score = formula(pool, "sign*(d - m)/sqrt(v)", &names);
    let (mean, variance) = kessler(pool, process, false);
    Written { mean, variance, log_density: pool.sub(in_y, log_b1), scores: vec![score] }
}

//! Quadrature over the size of a jump: places and weights whose sum is one.

use crate::base::math;
use crate::process::{Diffusion, Family, Jump, Law, symbol};

/// Standard deviations, and exponents of an exponential, beyond which a law has nothing left.
const NORMAL_REACH: f64 = 9.0;
const EXPONENTIAL_REACH: f64 = 40.0;

/// The symbol a landing place hangs on beside the state; a jump without marks takes a value that nothing reads.
pub(super) fn inputs(jump: &Jump) -> Vec<usize> {
    jump.marks.iter().map(|m| m.symbol).take(1).chain([symbol::STEP]).take(1).collect()
}

/// Whether the law of the mark changes with the state.
pub(super) fn hangs_on_state(process: &Diffusion, jump: &Jump) -> bool {
    jump.marks.iter().flat_map(|m| &m.law.arguments).any(|id| process.frame.varies(*id))
}

/// Sizes and their weights, about `points` of them. `None` where the mark has no law at these symbols.
pub(super) fn quadrature(
    process: &Diffusion,
    jump: &Jump,
    symbols: &[f64],
    points: usize,
) -> Option<(Vec<f64>, Vec<f64>)> {
    let Some(mark) = jump.marks.first() else { return Some((vec![0.0], vec![1.0])) };
    let law = mark.law.at(&process.frame, symbols)?;
    let (values, mut weights) = places(&law, points);
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
    (total > 0.0 && total.is_finite() && values.iter().all(|v| v.is_finite())).then_some((values, weights))
}

/// Places and unnormalised weights, increasing.
fn places(law: &Law, points: usize) -> (Vec<f64>, Vec<f64>) {
    let argument = |k: usize| law.arguments().get(k).copied().unwrap_or(0.0);
    let (a, b) = (argument(0), argument(1));
    let normal = |z: f64| math::exp(-0.5 * z * z);
    match law.family() {
        Family::Normal => even(-NORMAL_REACH, NORMAL_REACH, points, |z| (a + b * z, normal(z))),
        Family::LogNormal => even(-NORMAL_REACH, NORMAL_REACH, points, |z| (math::exp(a + b * z), normal(z))),
        Family::Exponential => gauss(0.0, EXPONENTIAL_REACH, points, |z| (z / a, math::exp(-z))),
        Family::DoubleExponential => {
            let (p, up, down) = (a, b, argument(2));
            let side = points.div_ceil(2);
            let (mut values, mut weights) =
                gauss(-EXPONENTIAL_REACH, 0.0, side, |z| (z / down, (1.0 - p) * math::exp(z)));
            let above = gauss(0.0, EXPONENTIAL_REACH, side, |z| (z / up, p * math::exp(-z)));
            values.extend(above.0);
            weights.extend(above.1);
            (values, weights)
        }
        // In the logarithm of the size a power at zero is an exponential.
        Family::Gamma => {
            let (low, high) =
                (-EXPONENTIAL_REACH / a.min(1.0), math::ln(a + 12.0 * a.sqrt() + 2.0 * EXPONENTIAL_REACH));
            let top = a * math::ln(a) - a;
            even(low, high, points, |v| (math::exp(v) / b, math::exp(a * v - math::exp(v) - top)))
        }
        Family::Beta => {
            let reach = |shape: f64| EXPONENTIAL_REACH / shape.min(1.0);
            let ln_x = |v: f64| -math::ln_1p(math::exp(-v));
            let top = a * math::ln(a / (a + b)) + b * math::ln(b / (a + b));
            let bounded = |v: f64| v.clamp(-700.0, 700.0);
            even(bounded(-reach(a)), bounded(reach(b)), points, |v| {
                (math::exp(ln_x(v)), math::exp(a * ln_x(v) + b * ln_x(-v) - top))
            })
        }
        Family::Uniform if b > a => gauss(a, b, points, |x| (x, 1.0)),
        Family::Uniform | Family::Constant => (vec![a], vec![1.0]),
        Family::Poisson => {
            let reach = (a + 12.0 * a.sqrt() + 60.0) as usize;
            counts(reach, |k| times_ln(k, a) - a - math::ln_gamma(k + 1.0))
        }
        Family::Binomial => counts(a as usize, |k| {
            let choose = math::ln_gamma(a + 1.0) - math::ln_gamma(k + 1.0) - math::ln_gamma(a - k + 1.0);
            choose + times_ln(k, b) + times_ln(a - k, 1.0 - b)
        }),
    }
}

/// Most counts that are told apart.
const MOST_COUNTS: usize = 100_000;

fn counts(last: usize, ln_p: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
    (0..=last.min(MOST_COUNTS)).map(|k| (k as f64, math::exp(ln_p(k as f64)))).filter(|(_, w)| *w > 1e-20).unzip()
}

/// `count ln p`, zero for none.
fn times_ln(count: f64, p: f64) -> f64 {
    if count == 0.0 { 0.0 } else { count * math::ln(p) }
}

/// Evenly spaced: exact to round-off for what is smooth and vanishes at both ends.
fn even(from: f64, to: f64, points: usize, f: impl Fn(f64) -> (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    let h = (to - from) / points as f64;
    (0..points).map(|i| f(from + (i as f64 + 0.5) * h)).unzip()
}

/// Gauss-Legendre's two points in many parts.
fn gauss(from: f64, to: f64, points: usize, f: impl Fn(f64) -> (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    let parts = points.div_ceil(2);
    let h = (to - from) / parts as f64;
    let offset = 0.5 / 3f64.sqrt();
    let place = |i: usize| {
        let middle = (i / 2) as f64 + 0.5;
        from + h * if i.is_multiple_of(2) { middle - offset } else { middle + offset }
    };
    (0..2 * parts).map(|i| f(place(i))).unzip()
}

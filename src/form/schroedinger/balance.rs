//! Whether a diffusion in several dimensions can keep detailed balance at all.

use crate::expr::Id;
use crate::process::Diffusion;

/// Points at which a rotation is looked for.
const POINTS: usize = 24;

/// Whether the force `C⁻¹ (2a - div C)`, `C = B ρ Bᵀ`, of a diffusion in two dimensions has a rotation somewhere at some
/// parameters, or there is no such force because the noise does not reach every direction (Risken 1996, section 6.4). Other
/// dimensions are not looked at: `false`.
pub(super) fn fails(process: &Diffusion) -> bool {
    if process.states.len() != 2 {
        return false;
    }
    let frame = &process.frame;
    let mut pool = frame.pool.clone();
    let (x, y) = (frame.variable(0), frame.variable(1));
    let c: Vec<Id> = [(0, 0), (0, 1), (1, 1)].into_iter().map(|(i, j)| process.covariance(&mut pool, i, j)).collect();
    let [cxx, cxy, cyy] = [c[0], c[1], c[2]];
    let mut driving = |i: usize, [along, across]: [Id; 2], [u, w]: [usize; 2]| {
        let twice = pool.scale(2.0, process.drift[i]);
        let (one, two) = (pool.derivative(along, u), pool.derivative(across, w));
        let divergence = pool.add(one, two);
        pool.sub(twice, divergence)
    };
    let (gx, gy) = (driving(0, [cxx, cxy], [x, y]), driving(1, [cxy, cyy], [x, y]));
    let (straight, crossed) = (pool.mul(cxx, cyy), pool.power(cxy, 2));
    let determinant = pool.sub(straight, crossed);
    let mut force = |[p, g]: [Id; 2], [q, h]: [Id; 2]| {
        let (one, two) = (pool.mul(p, g), pool.mul(q, h));
        let top = pool.sub(one, two);
        pool.div(top, determinant)
    };
    let (fx, fy) = (force([cyy, gx], [cxy, gy]), force([cxx, gy], [cxy, gx]));
    let (across, back) = (pool.derivative(fx, y), pool.derivative(fy, x));
    for k in 0..POINTS {
        // Places and parameters spread by the golden ratio, inside their domains where these have two ends.
        let share = |i: usize| (0.37 + (k * 7 + i) as f64 * 0.618_033_988_749_894_9).fract();
        let mut symbols = frame.symbols(&vec![0.0; frame.n_params], 0.3);
        for p in 0..frame.n_params {
            symbols[frame.param(p)] = 0.1 + 0.8 * share(p + 2);
        }
        for (i, state) in process.states.iter().enumerate() {
            let low = if state.lower.is_finite() { state.lower } else { state.upper.min(1.5) - 3.0 };
            let high = if state.upper.is_finite() { state.upper } else { low.max(-1.5) + 3.0 };
            symbols[frame.variable(i)] = low + (high - low) * (0.05 + 0.9 * share(i));
        }
        let size = pool.eval(straight, &symbols).abs();
        if pool.eval(determinant, &symbols).abs() <= 1e-14 * size || size == 0.0 {
            return true;
        }
        let (one, other) = (pool.eval(across, &symbols), pool.eval(back, &symbols));
        if (one - other).abs() > 1e-9 * (one.abs() + other.abs()) {
            return true;
        }
    }
    false
}

//! Values by the backward equation `∂V/∂τ = a V_x + ½ b² V_xx - r V`, `τ` the time to expiry (Feynman-Kac).
//!
//! Independent of the forward Fokker-Planck form in space (fitted differences on nodes, not fluxes between cells) and in time
//! (TR-BDF2): it shares only the grid's reach. A barrier stands on a node; ends of the grid let nothing through. Where the
//! noise vanishes at an end of the domain, as for a square-root process, the coefficients change by much over the cells next to
//! it, and the generator is taken from the forward form, whose adjoint the backward equation is. Beside a barrier, or with
//! coefficients that change in time, such an end takes the equation itself (Oleinik & Radkevich 1973): right, but slower to
//! converge where the process reaches the end.
//!
//! The payoff starts as its mean over each volume, which keeps the second order of a kink or a jump wherever it falls (Pooley,
//! Vetzal & Forsyth 2003); two grids are extrapolated.

use super::{Posed, Valued, broken};
use crate::base::Result;
use crate::form::field::{self, Clock, Control, Equation, Problem, Side};
use crate::form::lamperti::{self, Reach};
use crate::form::{Accuracy, Asked, Form, fokker_planck};
use crate::process::{BarrierKind, Boundary, Scalar, symbol};

/// A barrier so near that the grid would need this many times the cells asked for is left to paths.
const MOST_REFINED: f64 = 20.0;

/// Value, slope and error; `barrier` pays nothing once reached.
pub(super) fn backward(posed: &Posed, barrier: Option<(BarrierKind, f64)>, accuracy: Accuracy) -> Result<Valued> {
    let Some(process) = posed.under.scalar() else {
        return Err(Form::FokkerPlanck.unavailable(posed.model, "it is not one-dimensional"));
    };
    let times = [posed.expiry];
    let (model, theta, x0) = (&posed.under, posed.theta, posed.x0[0]);
    let asked = Asked { model, process, theta, x0, t0: 0.0, times: &times, accuracy };
    let mut reach = fokker_planck::reach(&asked, &times)?;
    if let Some((_, level)) = barrier {
        let distance = lamperti_distance(process, theta, x0, level);
        // An even number of spacings to the barrier puts it on a node of both grids.
        let halves = (0.5 * distance / reach.spacing).ceil();
        let spacing = 0.5 * distance / halves;
        if !(spacing * MOST_REFINED > reach.spacing) {
            let why = format!("the start {x0} is too near its barrier {level} for a grid");
            return Err(Form::FokkerPlanck.unavailable(posed.model, &why));
        }
        reach.spacing = spacing;
    }
    let (fine, fine_slope) = on_grid(posed, process, reach, barrier, accuracy.tolerance)?;
    let twice = Reach { spacing: 2.0 * reach.spacing, ..reach };
    let (coarse, coarse_slope) = on_grid(posed, process, twice, barrier, accuracy.tolerance)?;
    let extrapolated = |fine: f64, coarse: f64| (4.0 * fine - coarse) / 3.0;
    Ok(Valued {
        value: extrapolated(fine, coarse),
        error: Some((fine - coarse).abs() / 3.0),
        delta: Some(extrapolated(fine_slope, coarse_slope)),
    })
}

/// `|∫ dx/b|` between two states.
fn lamperti_distance(process: Scalar, theta: &[f64], x0: f64, level: f64) -> f64 {
    const PARTS: usize = 2000;
    let mut coefficients = process.coefficients(theta);
    let step = (level - x0) / PARTS as f64;
    let at = |k: usize| x0 + (k as f64 + 0.5) * step;
    (0..PARTS).map(|k| (step / coefficients.at(0.0, at(k)).1).abs()).sum()
}

/// Value and slope at the start on one grid.
fn on_grid(
    posed: &Posed,
    process: Scalar,
    reach: Reach,
    barrier: Option<(BarrierKind, f64)>,
    tolerance: f64,
) -> Result<(f64, f64)> {
    let x0 = posed.x0[0];
    let mut coefficients = process.coefficients(posed.theta);
    let grid = lamperti::grid(&mut coefficients, process.state, x0, 0.0, reach);
    let mut pool = process.pool().clone();
    let held = pool.number(0.0);
    let mut nodes = grid.nodes.clone();
    let mut sides = [Side::Neumann(held); 2];
    let (lower, upper) = (process.state.lower, process.state.upper);
    for (side, at_end, end) in [(0, grid.at_lower, lower), (1, grid.at_upper, upper)] {
        if !at_end {
            continue;
        }
        let (a, b) = coefficients.at(0.0, end);
        let inner = coefficients.at(0.0, if side == 0 { nodes[0] } else { nodes[nodes.len() - 1] }).1;
        sides[side] = match process.state.boundary {
            Boundary::Absorbing => Side::Still,
            _ if !(a.is_finite() && b.is_finite()) => continue,
            Boundary::Auto | Boundary::Natural if b.abs() < 1e-6 * inner.abs() => Side::Degenerate,
            _ => Side::Neumann(held),
        };
        if side == 0 { nodes.insert(0, end) } else { nodes.push(end) }
    }
    let singular = sides.contains(&Side::Degenerate) && barrier.is_none() && !process.is_time_dependent();
    let rates = if singular { fokker_planck::rates(&grid, &mut coefficients, 0.0) } else { None };
    if rates.is_some() {
        (nodes, sides) = (grid.nodes.clone(), [Side::Still; 2]);
    }
    if let Some((kind, level)) = barrier {
        // The node that the spacing put there to round-off is replaced by the level itself.
        match kind {
            BarrierKind::DownAndOut | BarrierKind::DownAndIn => {
                let from = nodes.partition_point(|x| *x < level + 1e-3 * (x0 - level));
                nodes.drain(..from);
                nodes.insert(0, level);
                sides[0] = Side::Dirichlet(held);
            }
            BarrierKind::UpAndOut | BarrierKind::UpAndIn => {
                let to = nodes.partition_point(|x| *x < level - 1e-3 * (level - x0));
                nodes.truncate(to);
                nodes.push(level);
                sides[1] = Side::Dirichlet(held);
            }
        }
    }
    let start = nodes.iter().position(|x| *x == x0).filter(|k| *k > 0 && k + 1 < nodes.len() && nodes.len() > 4);
    let Some(start) = start else {
        return Err(broken(posed.model, "no grid fits round the start".to_string(), "use --form monte-carlo"));
    };
    let variance = pool.power(process.diffusion, 2);
    let unknown = pool.add_symbol("#value");
    let mut symbols = process.symbols(posed.theta, 0.0);
    symbols.resize(pool.symbols().len(), 0.0);
    let v = pool.symbol("#value").unwrap_or(held);
    let lost = pool.mul(posed.value.discount, v);
    let equation = Equation {
        diffusion: pool.scale(0.5, variance),
        advection: pool.scale(-1.0, process.drift),
        source: pool.scale(-1.0, lost),
        pool: &pool,
        symbols,
        x: symbol::STATE,
        u: unknown,
        conservative: false,
        rates,
        sides,
        clock: Clock { origin: posed.expiry, direction: -1.0 },
    };
    let worth = means(posed, &nodes);
    if worth.iter().any(|w| !w.is_finite()) {
        return Err(posed.infinite("the payoff on the grid"));
    }
    let mut problem = Problem::new(equation, nodes);
    let control = Control::adaptive(tolerance);
    let v = field::march(&mut problem, worth, posed.expiry, control)
        .map_err(|stopped| broken(posed.model, field::words(stopped), "use --form monte-carlo"))?;
    let x = problem.nodes();
    let (left, right) = (x[start] - x[start - 1], x[start + 1] - x[start]);
    let (below, above) = ((v[start] - v[start - 1]) / left, (v[start + 1] - v[start]) / right);
    Ok((v[start], (below * right + above * left) / (left + right)))
}

/// The payoff's mean over the volume of each node, by Gauss's two points in many parts; at the first and last node its value.
fn means(posed: &Posed, nodes: &[f64]) -> Vec<f64> {
    const PARTS: usize = 16;
    let mut payoff = posed.payoff();
    let offset = 0.5 / 3f64.sqrt();
    let last = nodes.len() - 1;
    (0..=last)
        .map(|i| {
            if i == 0 || i == last {
                return payoff(nodes[i]);
            }
            let (from, to) = (0.5 * (nodes[i - 1] + nodes[i]), 0.5 * (nodes[i] + nodes[i + 1]));
            let h = (to - from) / PARTS as f64;
            let part = |k: usize| {
                let middle = from + (k as f64 + 0.5) * h;
                payoff(middle - offset * h) + payoff(middle + offset * h)
            };
            (0..PARTS).map(part).sum::<f64>() / (2 * PARTS) as f64
        })
        .collect()
}

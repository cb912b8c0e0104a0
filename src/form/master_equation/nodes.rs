//! A diffusion with jumps as a chain on nodes of the caller's, whatever its ends.

use super::chain::{Chain, MOST_WITH_JUMPS, NO_JUMPS, NO_RATES, TOO_LONG, broken, rates};
use super::diffusion::why_no_lattice;
use crate::base::{Error, Result};
use crate::form::Form;
use crate::form::lamperti::{End, Grid};
use crate::models::Model;
use crate::process::{Boundary, Process, Scalar};

/// A question to a chain on given nodes: from where, to which times.
#[derive(Debug, Clone)]
pub struct Nodes<'a> {
    /// `[parameter]` in the order of the model, natural units.
    pub theta: &'a [f64],
    /// State at the start; between two nodes it is shared among them.
    pub x0: f64,
    /// Time of the start, in the model's unit.
    pub t0: f64,
    /// Increasing, after `t0`.
    pub times: &'a [f64],
    /// Increasing, inside the domain, at least three, with `x0` within them. Where an end of the domain is infinite they should reach as
    /// far as the law does: the state is sent back at the last of them.
    pub nodes: &'a [f64],
}

/// The law on the nodes at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeLaw {
    /// As it was asked, in the model's unit.
    pub time: f64,
    /// `[node]`
    pub masses: Vec<f64>,
    /// What has been absorbed at the lower and at the upper end of the domain.
    pub absorbed: [f64; 2],
    /// What all of these may be off by, in L1, from the law of the chain: terms left out and round-off. How far the chain is from the
    /// diffusion is another question, of second order in the spacing.
    pub error_bound: f64,
}

/// The law of a diffusion in one dimension by the master equation of a chain on given nodes.
///
/// Rates between neighbours are exit probability over exit time with drift and diffusion frozen (Kushner & Dupuis 2001, section 5.2).
/// Reflecting ends mirror the last node; at absorbing ends what steps out stays out; periodic ends are joined. A jump lands by the
/// law of its mark on the two nodes beside its target, in the shares that keep the mean, so probability is conserved and stays
/// positive; beyond a reflecting end or the nodes it lands on the last of them. The start is shared between two nodes likewise. Second
/// order in the spacing (first where the spacing jumps). In the units of the model; Itô. Uniformised (Jensen 1953).
///
/// Cost: (nodes + jump targets) × fastest rate × time. Not for coefficients that change with time.
///
/// # Errors
/// [`Error::FormUnavailable`] for several dimensions, coefficients that change with time, or jumps with several marks;
/// [`Error::BadOption`] for nodes that are no lattice; [`Error::Numerics`] for rates that are not finite, or too many products.
pub fn on_nodes(model: &Model, ask: &Nodes) -> Result<Vec<NodeLaw>> {
    let refuse = |why: &str| Form::MasterEquation.unavailable(model, why);
    let line = if let Process::Diffusion(process) = &model.process { process.line() } else { None };
    let line = line.ok_or_else(|| refuse("it is no diffusion in one dimension"))?;
    if let Some(why) = why_no_lattice(line.process) {
        return Err(refuse(&why));
    }
    let inside = ask.nodes.iter().all(|x| line.state.holds(*x)) && ask.nodes.windows(2).all(|w| w[0] < w[1]);
    let (Some(first), Some(last)) = (ask.nodes.first(), ask.nodes.last()) else { return Err(no_lattice(ask, line)) };
    if !inside || ask.nodes.len() < 3 || !(*first..=*last).contains(&ask.x0) {
        return Err(no_lattice(ask, line));
    }
    if !line.process.jumps.is_empty() && ask.nodes.len() > MOST_WITH_JUMPS {
        return Err(broken(model, &format!("with jumps {MOST_WITH_JUMPS} nodes are the limit")));
    }
    let (grid, beyond) = around(line, ask.nodes);
    let (up, down) =
        rates(&mut line.coefficients(ask.theta), ask.t0, ask.nodes, beyond).ok_or_else(|| broken(model, NO_RATES))?;
    let sinks = grid.ends.map(|end| matches!(end, End::Sink(_)));
    let chain = Chain::new(up, down, sinks, grid.ring);
    let chain = chain.with_jumps(line.process, ask.theta, ask.t0, &grid).ok_or_else(|| broken(model, NO_JUMPS))?;
    // The start is shared so that its mean is kept.
    let i = ask.nodes.partition_point(|x| *x <= ask.x0).clamp(1, ask.nodes.len() - 1);
    let part = (ask.x0 - ask.nodes[i - 1]) / (ask.nodes[i] - ask.nodes[i - 1]);
    let before = std::iter::once(&ask.t0).chain(ask.times);
    let spans: Vec<f64> = ask.times.iter().zip(before).map(|(time, before)| time - before).collect();
    let held = chain.follow(&[(i - 1, 1.0 - part), (i, part)], &spans).ok_or_else(|| broken(model, TOO_LONG))?;
    let law = |(time, held): (&f64, super::chain::Held)| NodeLaw {
        time: *time,
        masses: held.masses,
        absorbed: held.absorbed,
        error_bound: held.error_bound,
    };
    Ok(ask.times.iter().zip(held).map(law).collect())
}

/// Cells around the nodes, and the distances from the first and the last to what stands beyond: the end itself, the mirror image, or
/// the node round the corner.
fn around(line: Scalar, x: &[f64]) -> (Grid, [f64; 2]) {
    let n = x.len();
    let (limits, boundary) = ([line.state.lower, line.state.upper], line.state.boundary);
    let [first, last] = [x[0], x[n - 1]];
    let ring = boundary == Boundary::Periodic;
    let gaps = [x[1] - x[0], x[n - 1] - x[n - 2]];
    let ends =
        limits.map(|end| if boundary == Boundary::Absorbing && end.is_finite() { End::Sink(end) } else { End::Cut });
    let away = [first - limits[0], limits[1] - last];
    let beyond: [f64; 2] = std::array::from_fn(|k| match ends[k] {
        _ if ring => away[0] + away[1],
        End::Sink(_) => away[k],
        _ if away[k].is_finite() => 2.0 * away[k],
        _ => gaps[k],
    });
    // Nodes without an end beyond have half a gap there.
    let outer = [first - away[0].min(gaps[0]), last + away[1].min(gaps[1])];
    let middles = x.windows(2).map(|w| 0.5 * (w[0] + w[1]));
    let edges = if ring { limits } else { outer };
    let edges = std::iter::once(edges[0]).chain(middles).chain([edges[1]]).collect();
    let grid =
        Grid { edges, nodes: x.to_vec(), start: 0, at_lower: false, at_upper: false, blocked: [false; 2], ends, ring };
    (grid, beyond)
}

fn no_lattice(ask: &Nodes, line: Scalar) -> Error {
    Error::BadOption {
        flag: "grid".to_string(),
        value: format!("of {} nodes", ask.nodes.len()),
        expected: format!(
            "three or more increasing nodes between {} and {}, with the start {} among or between them",
            line.state.lower, line.state.upper, ask.x0
        ),
        hint: None,
    }
}

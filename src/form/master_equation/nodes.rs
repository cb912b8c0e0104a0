//! A diffusion with jumps as a chain on nodes of the caller's, whatever its ends.

use super::diffusion::exit_rates;
use super::flow::poisson_weights;
use super::marks;
use crate::base::{Error, Result};
use crate::expr::{Scratch, Tape};
use crate::form::Form;
use crate::models::Model;
use crate::process::{Boundary, Process, Scalar, symbol};

/// Products times numbers touched by each, before the question is refused: about ten seconds.
const MOST_WORK: f64 = 2e10;
/// Nodes of a lattice with jumps, each of which may lead anywhere.
const MOST_WITH_JUMPS: usize = 4_000;

/// What to solve.
#[derive(Debug, Clone)]
pub struct Nodes<'a> {
    pub theta: &'a [f64],
    pub x0: f64,
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
/// [`Error::FormUnavailable`] for several dimensions, coefficients that change with time, or jumps without one continuous mark;
/// [`Error::BadOption`] for nodes that are no lattice; [`Error::Numerics`] for rates that are not finite, or too many products.
pub fn on_nodes(model: &Model, ask: &Nodes) -> Result<Vec<NodeLaw>> {
    let refuse = |why: &str| Form::MasterEquation.unavailable(model, why);
    let line = if let Process::Diffusion(process) = &model.process { process.line() } else { None };
    let line = line.ok_or_else(|| refuse("it is no diffusion in one dimension"))?;
    if line.process.is_time_dependent() {
        return Err(refuse("its coefficients change with time, which uniformisation does not follow"));
    }
    let inside = ask.nodes.iter().all(|x| line.state.holds(*x)) && ask.nodes.windows(2).all(|w| w[0] < w[1]);
    let (Some(first), Some(last)) = (ask.nodes.first(), ask.nodes.last()) else { return Err(no_lattice(ask, line)) };
    if !inside || ask.nodes.len() < 3 || !(*first..=*last).contains(&ask.x0) {
        return Err(no_lattice(ask, line));
    }
    let mut chain = Chain::new(model, line, ask)?;
    chain.add_jumps(model, line, ask)?;
    chain.follow(model, ask)
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

/// Rates of long jumps from one node.
struct Hops {
    /// First node they lead to.
    first: usize,
    /// To each node from there on.
    rates: Vec<f64>,
    /// Beyond absorbing ends.
    absorbed: [f64; 2],
}

struct Chain {
    boundary: Boundary,
    up: Vec<f64>,
    down: Vec<f64>,
    /// Empty, or one a node.
    hops: Vec<Hops>,
}

impl Chain {
    fn new(model: &Model, line: Scalar, ask: &Nodes) -> Result<Chain> {
        let (x, n) = (ask.nodes, ask.nodes.len());
        let (lower, upper) = (line.state.lower, line.state.upper);
        let boundary = line.state.boundary;
        let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
        line.coefficients(ask.theta).eval(ask.t0, x, &mut a, &mut b);
        // Distance to what stands beyond the first and last node: the end itself, the mirror image, or the node round the corner.
        let (below, above) = match boundary {
            Boundary::Absorbing => (x[0] - lower, upper - x[n - 1]),
            Boundary::Periodic => (x[0] - lower + upper - x[n - 1], x[0] - lower + upper - x[n - 1]),
            _ => (2.0 * (x[0] - lower), 2.0 * (upper - x[n - 1])),
        };
        let below = if below.is_finite() { below } else { x[1] - x[0] };
        let above = if above.is_finite() { above } else { x[n - 1] - x[n - 2] };
        let (mut up, mut down) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..n {
            let left = if i > 0 { x[i] - x[i - 1] } else { below };
            let right = if i + 1 < n { x[i + 1] - x[i] } else { above };
            (up[i], down[i]) = exit_rates(a[i], 0.5 * b[i] * b[i], left, right)
                .ok_or_else(|| broken(model, "drift or diffusion is not finite, or zero, on the nodes"))?;
        }
        let open = |end: f64| boundary == Boundary::Periodic || boundary == Boundary::Absorbing && end.is_finite();
        down[0] = if open(lower) { down[0] } else { 0.0 };
        up[n - 1] = if open(upper) { up[n - 1] } else { 0.0 };
        Ok(Chain { boundary, up, down, hops: Vec::new() })
    }

    fn add_jumps(&mut self, model: &Model, line: Scalar, ask: &Nodes) -> Result<()> {
        let n = ask.nodes.len();
        let process = line.process;
        if process.jumps.is_empty() {
            return Ok(());
        }
        if n > MOST_WITH_JUMPS {
            return Err(broken(model, &format!("with jumps {MOST_WITH_JUMPS} nodes are the limit")));
        }
        let refuse = |why: &str| Form::MasterEquation.unavailable(model, why);
        let symbols = process.frame.symbols(ask.theta, ask.t0);
        let mut rates = vec![vec![0.0; n]; n];
        let mut absorbed = vec![[0.0; 2]; n];
        for jump in &process.jumps {
            let [mark] = jump.marks.as_slice() else {
                return Err(refuse("a jump has not one mark but several, or none"));
            };
            let law = mark.law.at(&process.frame, &symbols).ok_or_else(|| refuse("a mark's arguments make no law"))?;
            let sizes = marks::points(&law).ok_or_else(|| refuse("a mark is a count"))?;
            let rate = Tape::compile(&process.frame.pool, &[jump.rate], &[symbol::STATE]);
            let after = Tape::compile(&process.frame.pool, &jump.after, &[symbol::STATE, mark.symbol]);
            let mut scratch = Scratch::default();
            let mut speed = vec![0.0; n];
            rate.run(&symbols, &[ask.nodes], &mut [&mut speed], &mut scratch);
            let size: Vec<f64> = sizes.iter().map(|s| s.0).collect();
            let mut landing = vec![0.0; size.len()];
            for i in 0..n {
                after.run(&symbols, &[&vec![ask.nodes[i]; size.len()], &size], &mut [&mut landing], &mut scratch);
                if !(speed[i] >= 0.0 && speed[i].is_finite()) || landing.iter().any(|y| y.is_nan()) {
                    return Err(broken(model, "a jump's rate or landing place is no number on the nodes"));
                }
                for (y, (_, weight)) in landing.iter().zip(&sizes) {
                    let share = speed[i] * weight;
                    match place(line, ask.nodes, *y) {
                        Place::Beyond(side) => absorbed[i][side] += share,
                        Place::Between(parts) => parts.into_iter().for_each(|(j, part)| rates[i][j] += share * part),
                    }
                }
            }
        }
        for (i, (mut row, absorbed)) in rates.into_iter().zip(absorbed).enumerate() {
            // Where a jump leaves the state on its node nothing has happened.
            row[i] = 0.0;
            let first = row.iter().position(|r| *r > 0.0).unwrap_or(0);
            let last = row.iter().rposition(|r| *r > 0.0).map_or(0, |k| k + 1);
            self.hops.push(Hops { first, rates: row[first..last.max(first)].to_vec(), absorbed });
        }
        Ok(())
    }

    fn follow(&self, model: &Model, ask: &Nodes) -> Result<Vec<NodeLaw>> {
        let n = self.up.len();
        let hopping = |i: usize| self.hops.get(i).map_or(0.0, |h| h.rates.iter().chain(&h.absorbed).sum());
        let out: Vec<f64> = (0..n).map(|i| self.up[i] + self.down[i] + hopping(i)).collect();
        let fastest = out.iter().copied().fold(0.0, f64::max);
        let horizon = ask.times.last().map_or(0.0, |t| t - ask.t0);
        let each = 4 * n + self.hops.iter().map(|h| h.rates.len()).sum::<usize>();
        if !(fastest * horizon * each as f64 <= MOST_WORK) {
            return Err(broken(model, "the horizon is too many times the lattice's fastest rate"));
        }
        let per = 1.0 / fastest;
        let mut mass = vec![0.0; n];
        let i = ask.nodes.partition_point(|x| *x <= ask.x0).clamp(1, n - 1);
        let part = (ask.x0 - ask.nodes[i - 1]) / (ask.nodes[i] - ask.nodes[i - 1]);
        (mass[i - 1], mass[i]) = (1.0 - part, part);
        let (mut gone, mut now, mut products) = ([0.0; 2], ask.t0, 0.0);
        let mut laws = Vec::with_capacity(ask.times.len());
        let mut next = vec![0.0; n];
        for time in ask.times {
            let (first, weights) = poisson_weights(fastest * (time - now));
            let (mut sum, mut left) = (vec![0.0; n], [0.0; 2]);
            for k in 0..first + weights.len() {
                if k >= first {
                    let w = weights[k - first];
                    sum.iter_mut().zip(&mass).for_each(|(s, m)| *s += w * m);
                    left.iter_mut().zip(&gone).for_each(|(l, g)| *l += w * g);
                }
                self.product((&mass, &out, per), &mut next, &mut gone);
                std::mem::swap(&mut mass, &mut next);
            }
            products += (first + weights.len()) as f64;
            (mass, gone, now) = (sum, left, *time);
            // Round-off of the products, all to one side, is taken out again.
            let kept: f64 = mass.iter().sum::<f64>() + gone[0] + gone[1];
            mass.iter_mut().chain(&mut gone).for_each(|m| *m /= kept);
            // The series is cut at 1e-17 of its largest term, on both sides.
            let error_bound = (1.0 - kept).abs() + 1e-15 * laws.len().max(1) as f64 + f64::EPSILON * products.sqrt();
            laws.push(NodeLaw { time: now, masses: mass.clone(), absorbed: gone, error_bound });
        }
        Ok(laws)
    }

    /// `next = mass (1 + Q per)`; what is absorbed is added to `gone`.
    fn product(&self, (mass, out, per): (&[f64], &[f64], f64), next: &mut [f64], gone: &mut [f64; 2]) {
        let n = mass.len();
        next.iter_mut().zip(mass).zip(out).for_each(|((n, m), out)| *n = m * (1.0 - out * per));
        next[1..].iter_mut().zip(mass).zip(&self.up).for_each(|((n, m), up)| *n += m * (up * per));
        next.iter_mut().zip(&mass[1..]).zip(&self.down[1..]).for_each(|((n, m), down)| *n += m * (down * per));
        let ends = [mass[0] * (self.down[0] * per), mass[n - 1] * (self.up[n - 1] * per)];
        if self.boundary == Boundary::Periodic {
            next[n - 1] += ends[0];
            next[0] += ends[1];
        } else {
            gone.iter_mut().zip(ends).for_each(|(g, e)| *g += e);
        }
        for (m, hops) in mass.iter().zip(&self.hops) {
            let m = m * per;
            next[hops.first..].iter_mut().zip(&hops.rates).for_each(|(n, rate)| *n += m * rate);
            gone.iter_mut().zip(&hops.absorbed).for_each(|(g, rate)| *g += m * rate);
        }
    }
}

/// Where a jump lands.
enum Place {
    /// Past the lower (0) or upper (1) absorbing end.
    Beyond(usize),
    /// Nodes and the parts they get.
    Between([(usize, f64); 2]),
}

fn place(line: Scalar, nodes: &[f64], y: f64) -> Place {
    let (n, lower, upper) = (nodes.len(), line.state.lower, line.state.upper);
    let period = upper - lower;
    let y = match line.state.boundary {
        Boundary::Absorbing if y <= lower => return Place::Beyond(0),
        Boundary::Absorbing if y >= upper => return Place::Beyond(1),
        Boundary::Periodic => lower + (y - lower).rem_euclid(period),
        _ => y,
    };
    let i = nodes.partition_point(|x| *x <= y);
    let between = |from: usize, to: usize, part: f64| Place::Between([(from, 1.0 - part), (to, part)]);
    if i > 0 && i < n {
        return between(i - 1, i, (y - nodes[i - 1]) / (nodes[i] - nodes[i - 1]));
    }
    match line.state.boundary {
        Boundary::Periodic => {
            let gap = nodes[0] + period - nodes[n - 1];
            let along = if i == 0 { y + period - nodes[n - 1] } else { y - nodes[n - 1] };
            between(n - 1, 0, (along / gap).clamp(0.0, 1.0))
        }
        _ if i == 0 => between(0, 0, 0.0),
        _ => between(n - 1, n - 1, 0.0),
    }
}

fn broken(model: &Model, why: &str) -> Error {
    Error::Numerics {
        what: format!("the master equation of model '{}' on its nodes", model.id),
        why: why.to_string(),
        hint: "take fewer or other nodes, or --form monte-carlo".to_string(),
    }
}

//! Networks with one independent species: every reaction is a number of steps along one line of states, and one matrix serves all starts.

use super::generator::{Generator, Jump, Mass, column, products};
use crate::expr::{Id, Scratch, Tape};
use crate::process::{Network, symbol};
use rayon::prelude::*;

/// Probability that may leave the states in play.
const TOLERANCE: f64 = 1e-12;
/// States in play.
const MOST_STATES: i64 = 20_000;
/// States for which all starts are solved at once.
const MOST_DENSE: usize = 1_200;
/// Numbers touched before a likelihood is given up, some seconds, and before the search for the states in play is.
const MOST_WORK: f64 = 1e10;
const MOST_SEARCH: f64 = 5e8;

/// Transitions along a line: states are `base + k v`.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    /// `[species]`
    pub base: Vec<f64>,
    pub from: Vec<i64>,
    pub to: Vec<i64>,
    pub dt: Vec<f64>,
}

/// The law of `k` after one transition.
pub(super) struct Law<'a> {
    /// `k` of the first state.
    pub first: i64,
    mass: &'a Mass,
}

impl Law<'_> {
    /// `[state]`
    pub fn p(&self) -> &[f64] {
        &self.mass.p[..self.mass.p.len() - 1]
    }

    /// `[state]`, in one parameter.
    pub fn slope(&self, k: usize) -> &[f64] {
        &self.mass.d[k][..self.mass.p.len() - 1]
    }

    /// What left the states in play, and its slope in a parameter.
    pub fn lost(&self) -> f64 {
        self.mass.p[self.mass.p.len() - 1].max(0.0)
    }

    /// Slope in parameter `k` of the probability that was lost.
    pub fn d_lost(&self, k: usize) -> f64 {
        self.mass.d[k][self.mass.p.len() - 1]
    }

    pub fn place(&self, k: i64) -> usize {
        (k - self.first) as usize
    }
}

/// Why there is no likelihood at some parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NoRate,
    BelowZero,
    TooMany,
    TooSlow,
}

impl Refusal {
    pub fn why(self) -> &'static str {
        match self {
            Refusal::NoRate => "a propensity among the states in play is negative or no number",
            Refusal::BelowZero => "a reaction happens with fewer molecules than it uses",
            Refusal::TooMany => "the counts may reach more states than are followed",
            Refusal::TooSlow => "the rates are so fast over a step of the data that the law cannot be followed",
        }
    }
}

/// A network along its line, compiled.
#[derive(Debug)]
pub(super) struct Line<'m> {
    network: &'m Network,
    /// One step up.
    pub v: Vec<i64>,
    /// `[reaction]`
    along: Vec<i64>,
    /// Propensities, then those of their slopes that are not zero.
    tape: Tape,
    /// (reaction, parameter) of each slope.
    slopes: Vec<(usize, usize)>,
}

/// Transitions from one start.
struct Start {
    from: i64,
    /// The longest way that one of them went.
    reach: u64,
    /// `(dt, transitions)`, the shortest first.
    lengths: Vec<(f64, Vec<usize>)>,
}

impl<'m> Line<'m> {
    /// `None` where the network has more than one independent species.
    pub fn new(network: &'m Network) -> Option<Line<'m>> {
        let (v, along) = network.direction()?;
        let frame = &network.frame;
        let mut pool = frame.pool.clone();
        let mut outputs: Vec<Id> = network.reactions.iter().map(|r| r.propensity).collect();
        let mut slopes = Vec::new();
        for (r, reaction) in network.reactions.iter().enumerate() {
            for k in 0..frame.n_params {
                let slope = pool.derivative(reaction.propensity, frame.param(k));
                if pool.constant(slope) != Some(0.0) {
                    outputs.push(slope);
                    slopes.push((r, k));
                }
            }
        }
        let lanes: Vec<usize> = (0..network.species.len()).map(|s| frame.variable(s)).collect();
        Some(Line { network, v, along, tape: Tape::compile(&pool, &outputs, &lanes), slopes })
    }

    pub fn n_params(&self) -> usize {
        self.network.frame.n_params
    }

    /// Smallest and largest `k` that leave every count at zero or more.
    fn ends(&self, base: &[f64]) -> (i64, i64) {
        let mut ends = (i64::MIN / 4, i64::MAX / 4);
        for (b, v) in base.iter().zip(&self.v) {
            match v.signum() {
                1 => ends.0 = ends.0.max((-b / *v as f64).ceil() as i64),
                -1 => ends.1 = ends.1.min((b / -*v as f64).floor() as i64),
                _ => {}
            }
        }
        ends
    }

    fn generator(
        &self,
        theta: &[f64],
        base: &[f64],
        (first, last): (i64, i64),
        with_slopes: bool,
    ) -> Result<Generator, Refusal> {
        let n = (last - first) as usize + 1;
        let column = |(b, v): (&f64, &i64)| (0..n as i64).map(|i| b + ((first + i) * v) as f64).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = base.iter().zip(&self.v).map(column).collect();
        let inputs: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let reactions = self.along.len();
        let mut values = vec![vec![0.0; n]; reactions + self.slopes.len()];
        let mut out: Vec<&mut [f64]> = values.iter_mut().map(Vec::as_mut_slice).collect();
        let mut symbols = self.network.frame.symbols(theta, 0.0);
        symbols[symbol::TIME] = 0.0;
        self.tape.run(&symbols, &inputs, &mut out, &mut Scratch::default());
        let slopes = values.split_off(reactions);
        let ends = self.ends(base);
        let mut jumps: Vec<Jump> = Vec::new();
        for (r, rate) in values.iter().enumerate().filter(|(r, _)| self.along[*r] != 0) {
            let by = self.along[r];
            for (i, rate) in rate.iter().enumerate() {
                if !(*rate >= 0.0 && *rate < f64::INFINITY) {
                    return Err(Refusal::NoRate);
                }
                let target = first + i as i64 + by;
                if *rate > 0.0 && (target < ends.0 || target > ends.1) {
                    return Err(Refusal::BelowZero);
                }
            }
            let place = jumps.iter().position(|jump| jump.by == by).unwrap_or_else(|| {
                jumps.push(Jump { by, rate: vec![0.0; n], slopes: Vec::new() });
                jumps.len() - 1
            });
            let jump = &mut jumps[place];
            jump.rate.iter_mut().zip(rate).for_each(|(sum, a)| *sum += a);
            for ((_, k), slope) in self.slopes.iter().zip(&slopes).filter(|((of, _), _)| *of == r && with_slopes) {
                // A rate that is zero stays zero where its formula has no slope: `k x^h` at `x = 0`.
                let each = slope.iter().zip(rate).map(|(s, a)| if s.is_nan() && *a == 0.0 { 0.0 } else { *s });
                let found = jump.slopes.iter().position(|(of, _)| of == k).unwrap_or_else(|| {
                    jump.slopes.push((*k, vec![0.0; n]));
                    jump.slopes.len() - 1
                });
                jump.slopes[found].1.iter_mut().zip(each).for_each(|(sum, s)| *sum += s);
            }
        }
        let params = if with_slopes { self.n_params() } else { 0 };
        Ok(Generator::new(first, n, jumps, params))
    }

    /// What `read` makes of the law of every transition, in their order.
    ///
    /// # Errors
    /// Why there are no laws at these parameters.
    pub fn each<T: Send>(
        &self,
        theta: &[f64],
        steps: &Steps,
        with_slopes: bool,
        read: &(dyn Fn(&Law, usize) -> T + Sync),
    ) -> Result<Vec<T>, Refusal> {
        let plan = plan(steps);
        let range = self.range(theta, steps, &plan)?;
        let generator = self.generator(theta, &steps.base, range, with_slopes)?;
        let mut found = solve(&generator, &plan, MOST_WORK, read)?;
        found.sort_by_key(|(i, _)| *i);
        Ok(found.into_iter().map(|(_, value)| value).collect())
    }

    /// States in play: as many beyond the data as lose no more than the tolerance from any start.
    fn range(&self, theta: &[f64], steps: &Steps, plan: &[Start]) -> Result<(i64, i64), Refusal> {
        let ends = self.ends(&steps.base);
        let seen = || steps.from.iter().chain(&steps.to).copied();
        let (low, high) = (seen().min().unwrap_or(0), seen().max().unwrap_or(0));
        let near = self.generator(theta, &steps.base, (low, high), false)?;
        let longest = steps.dt.iter().copied().fold(0.0, f64::max);
        let jump = self.along.iter().map(|s| s.abs()).max().unwrap_or(1).max(1);
        // Eight standard deviations of a walk with the fastest rate, but no more than some widths of the data at first.
        let walk = jump as f64 * (8.0 * (near.fastest * longest).sqrt() + 20.0);
        let mut margin = walk.min((4 * (high - low) + 64 * jump) as f64) as i64;
        loop {
            let range = ((low - margin).max(ends.0), (high + margin).min(ends.1));
            if range.1 - range.0 >= MOST_STATES {
                return Err(Refusal::TooMany);
            }
            if range == ends {
                return Ok(range);
            }
            let generator = self.generator(theta, &steps.base, range, false)?;
            // The outermost starts lose most, and alone are quickly asked.
            let enough = |plan: &[Start], most: f64| -> Result<bool, Refusal> {
                let lost = solve(&generator, plan, most, &|law, _| law.lost())?;
                Ok(lost.iter().all(|(_, lost)| *lost <= TOLERANCE))
            };
            let outer: Vec<Start> = plan.iter().take(1).chain(plan.iter().last()).map(longest_only).collect();
            if enough(&outer, MOST_SEARCH)? && enough(plan, MOST_WORK)? {
                return Ok(range);
            }
            margin *= 2;
        }
    }
}

/// Transitions by start and step.
fn plan(steps: &Steps) -> Vec<Start> {
    let mut order: Vec<usize> = (0..steps.from.len()).collect();
    order.sort_by(|a, b| steps.from[*a].cmp(&steps.from[*b]).then(steps.dt[*a].total_cmp(&steps.dt[*b])));
    let mut plan: Vec<Start> = Vec::new();
    for i in order {
        let (from, reach) = (steps.from[i], steps.to[i].abs_diff(steps.from[i]));
        match plan.last_mut() {
            Some(start) if start.from == from => {
                start.reach = start.reach.max(reach);
                match start.lengths.last_mut() {
                    Some((dt, rows)) if *dt == steps.dt[i] => rows.push(i),
                    _ => start.lengths.push((steps.dt[i], vec![i])),
                }
            }
            _ => plan.push(Start { from, reach, lengths: vec![(steps.dt[i], vec![i])] }),
        }
    }
    plan
}

/// The longest step from a start alone.
fn longest_only(start: &Start) -> Start {
    Start { from: start.from, reach: 0, lengths: start.lengths.last().cloned().into_iter().collect() }
}

/// The laws of all transitions, from each start through its steps, or from all starts at once for each length of step, whichever is
/// less work.
fn solve<T: Send>(
    generator: &Generator,
    plan: &[Start],
    most: f64,
    read: &(dyn Fn(&Law, usize) -> T + Sync),
) -> Result<Vec<(usize, T)>, Refusal> {
    let q = generator.fastest;
    let mut lengths: Vec<f64> = plan.iter().flat_map(|start| start.lengths.iter().map(|s| s.0)).collect();
    lengths.sort_by(f64::total_cmp);
    lengths.dedup();
    let by_start = |start: &Start| -> f64 {
        let ends = start.lengths.iter().map(|s| s.0);
        let begins = std::iter::once(0.0).chain(start.lengths.iter().map(|s| s.0));
        ends.zip(begins).map(|(end, begin)| products(q * (end - begin))).sum()
    };
    let apart = plan.iter().map(by_start).sum::<f64>() * generator.size();
    // A multiplication of a product of matrices costs about a quarter of one here.
    let n = generator.n as f64;
    let at_once = |h: &f64| n * products(1.0) * generator.size() + 0.25 * f64::from(generator.halvings(*h)) * n * n * n;
    let together = if generator.n > MOST_DENSE { f64::INFINITY } else { lengths.iter().map(at_once).sum() };
    if !(apart.min(together) <= most) {
        return Err(Refusal::TooSlow);
    }
    let first = generator.first;
    if apart <= together {
        let from = |start: &Start| {
            let mut mass = generator.point((start.from - first) as usize);
            let mut now = 0.0;
            let mut found = Vec::new();
            for (dt, rows) in &start.lengths {
                mass = generator.advance(&mass, dt - now, start.reach);
                now = *dt;
                found.extend(rows.iter().map(|i| (*i, read(&Law { first, mass: &mass }, *i))));
            }
            found
        };
        let found: Vec<Vec<(usize, T)>> = plan.par_iter().map(from).collect();
        return Ok(found.into_iter().flatten().collect());
    }
    let reach = plan.iter().map(|start| start.reach).max().unwrap_or(0);
    let of_length = |dt: &f64| {
        let (p, d) = generator.dense(*dt, reach);
        let mut found = Vec::new();
        for start in plan {
            for (_, rows) in start.lengths.iter().filter(|(length, _)| length == dt) {
                let mass = column(&p, &d, (start.from - first) as usize);
                found.extend(rows.iter().map(|i| (*i, read(&Law { first, mass: &mass }, *i))));
            }
        }
        found
    };
    let found: Vec<Vec<(usize, T)>> = lengths.par_iter().map(of_length).collect();
    Ok(found.into_iter().flatten().collect())
}

//! Slopes of the probabilities in the parameters, on the same states: `d/dt s = Q s + (dQ/dθ) p` beside `d/dt p = Q p`.
//!
//! Slopes of propensities are symbolic; where an expression has no number (`0·ln 0` of a power) it is a difference quotient of fourth
//! order. A start that is a law moves with its arguments, a stationary one by `Q s = -(dQ/dθ) p`. Where a break or an event comes at a
//! time `τ(θ)`, the jump of the equation there moves the law by `(Q₋ - Q₊) p τ'`, or `(M Q₋ - Q₊ M) p τ'` of an event that maps it by `M`.

use super::super::Form;
use super::super::counts::{Origin, Stop};
use super::flow::Flow;
use super::network::{self, Projection};
use super::snapshot::Snapshot;
use super::space::{Cloud, Reactions};
use crate::base::Result;
use crate::expr::{Id, Scratch, Tape};
use crate::models::Model;
use crate::process::{Family, Frame, Initial, Network};

/// A law with the slopes of its probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotWithSlopes {
    /// As [`super::project`] gives it.
    pub law: Snapshot,
    /// `[parameter asked for][state]`: of the probabilities as they are given, so exact slopes of what they are used for; of the true
    /// ones they miss what passed through states that were left out.
    pub slopes: Vec<Vec<f64>>,
}

/// The joint law of the counts at each time, with its slopes in the parameters `free` (positions in the model).
///
/// Times of breaks and of events may hang on them; where a snapshot is taken at such a time, the slope is that from behind it. Cost: that of
/// [`super::project`] on states that do not move with the law, times one and the number of parameters.
///
/// # Errors
/// As [`super::project`]; [`crate::base::Error::FormUnavailable`] where a start's count, a number of trials, the counts after an event, or the condition
/// of one that watches the state hang on a parameter of `free`: there is no slope.
///
/// Source: Fox & Munsky (2019), doi:10.1371/journal.pcbi.1006365, eq. 8.
pub fn sensitivities(model: &Model, projection: &Projection, free: &[usize]) -> Result<Vec<SnapshotWithSlopes>> {
    network::with_slopes(model, projection, free)
}

/// What moves with the parameters asked for.
pub(super) struct Moving<'a> {
    network: &'a Network,
    theta: &'a [f64],
    free: &'a [usize],
    /// (parameter of `free`, reaction) of the outputs of `tape`.
    pairs: Vec<(usize, usize)>,
    tape: Tape,
    scratch: Scratch,
    propensities: Tape,
}

impl<'a> Moving<'a> {
    /// # Errors
    /// Refusals of [`sensitivities`].
    pub fn new(reactions: &Reactions<'a>, theta: &'a [f64], free: &'a [usize]) -> Result<Moving<'a>> {
        let network = reactions.network;
        let frame = &network.frame;
        let hangs = |id: Id| free.iter().copied().find(|k| frame.pool.depends_on(id, frame.param(*k)));
        let refuse = |what: String, k: usize| {
            let name = &reactions.model.params[k].name;
            Form::MasterEquation.unavailable(reactions.model, &format!("no slopes: {what} on '{name}'; hold it fixed"))
        };
        for (e, event) in network.events.iter().enumerate() {
            if let Some(k) = event.after.iter().find_map(|(_, id)| hangs(*id)) {
                return Err(refuse(format!("the counts after event {} hang", e + 1), k));
            }
            if let (None, Some(k)) = (event.at, hangs(event.when)) {
                return Err(refuse(format!("the condition of event {} hangs", e + 1), k));
            }
        }
        for species in &network.species {
            let counted = match &species.initial {
                Initial::Value(id) => Some(*id),
                Initial::Law(law) if matches!(law.family, Family::Constant | Family::Binomial) => {
                    Some(law.arguments[0])
                }
                _ => None,
            };
            if let Some(k) = counted.and_then(hangs) {
                return Err(refuse(format!("the count that {} starts with hangs", species.name), k));
            }
        }
        let mut pool = frame.pool.clone();
        let (mut pairs, mut slopes) = (Vec::new(), Vec::new());
        for (i, k) in free.iter().enumerate() {
            for (r, reaction) in network.reactions.iter().enumerate() {
                if frame.pool.depends_on(reaction.propensity, frame.param(*k)) {
                    pairs.push((i, r));
                    slopes.push(pool.derivative(reaction.propensity, frame.param(*k)));
                }
            }
        }
        let lanes: Vec<usize> = reactions.order.iter().map(|s| frame.variable(*s)).collect();
        let propensities: Vec<Id> = pairs.iter().map(|(_, r)| network.reactions[*r].propensity).collect();
        Ok(Moving {
            network,
            theta,
            free,
            pairs,
            tape: Tape::compile(&pool, &slopes, &lanes),
            propensities: Tape::compile(&pool, &propensities, &lanes),
            scratch: Scratch::default(),
        })
    }

    /// `[parameter]`: the flow of the slopes of the propensities.
    ///
    /// # Errors
    /// Those of [`Flow::of`].
    pub fn flows(&mut self, reactions: &Reactions, cloud: &Cloud, time: f64) -> Result<Vec<Flow>> {
        let n = reactions.n();
        let columns: Vec<Vec<f64>> =
            (0..n).map(|i| cloud.states.iter().skip(i).step_by(n).map(|x| *x as f64).collect()).collect();
        let mut slopes = run(
            &self.tape,
            self.pairs.len(),
            &columns,
            &self.network.frame.symbols(self.theta, time),
            &mut self.scratch,
        );
        for (output, (i, _)) in self.pairs.clone().into_iter().enumerate() {
            let bad: Vec<usize> = (0..cloud.len()).filter(|s| !slopes[output][*s].is_finite()).collect();
            if !bad.is_empty() {
                let at: Vec<Vec<f64>> = columns.iter().map(|c| bad.iter().map(|s| c[*s]).collect()).collect();
                let quotients = self.quotients(output, self.free[i], &at, time);
                bad.iter().zip(quotients).for_each(|(s, q)| slopes[output][*s] = q);
            }
        }
        let mut rates = vec![vec![Vec::new(); self.network.reactions.len()]; self.free.len()];
        for ((i, r), slope) in self.pairs.iter().zip(slopes) {
            rates[*i][*r] = slope;
        }
        rates.iter().map(|rates| Flow::of(reactions, cloud, rates, time)).collect()
    }

    /// Slopes of one propensity by differences.
    fn quotients(&mut self, output: usize, k: usize, columns: &[Vec<f64>], time: f64) -> Vec<f64> {
        const STENCIL: [(f64, f64); 4] = [(-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)];
        let h = 1e-3 * self.theta[k].abs().max(1e-3);
        let mut sum = vec![0.0; columns.first().map_or(0, Vec::len)];
        for (offset, weight) in STENCIL {
            let mut theta = self.theta.to_vec();
            theta[k] += offset * h;
            let symbols = self.network.frame.symbols(&theta, time);
            let values = run(&self.propensities, self.pairs.len(), columns, &symbols, &mut self.scratch);
            sum.iter_mut().zip(&values[output]).for_each(|(s, v)| *s += weight * v / (12.0 * h));
        }
        sum
    }

    /// `[parameter]`: slope of an expression in parameters alone.
    fn slopes_of(&self, id: Id) -> Vec<f64> {
        let frame: &Frame = &self.network.frame;
        let mut pool = frame.pool.clone();
        let symbols = frame.symbols(self.theta, 0.0);
        let slope = |k: &usize| match pool.depends_on(id, frame.param(*k)) {
            true => {
                let slope = pool.derivative(id, frame.param(*k));
                pool.eval(slope, &symbols)
            }
            false => 0.0,
        };
        self.free.iter().map(slope).collect()
    }

    /// `[parameter]`: how the time of a stop moves, and whether it does.
    ///
    /// # Errors
    /// [`crate::base::Error::FormUnavailable`] where two that come at the same time move differently.
    pub fn stop(&self, model: &Model, stop: &Stop, t0: f64) -> Result<Option<Vec<f64>>> {
        let events = stop.fires.iter().filter_map(|e| self.network.events[*e].at);
        let breaks = self.network.breaks.iter().copied();
        let breaks = breaks.filter(|id| stop.breaks && self.network.frame.at(*id, self.theta, t0) == stop.time);
        let mut all: Vec<Vec<f64>> = events.chain(breaks).map(|id| self.slopes_of(id)).collect();
        let Some(first) = all.pop() else { return Ok(None) };
        if all.iter().any(|other| *other != first) {
            let why = format!("no slopes: times that move differently meet at t = {}", stop.time);
            return Err(Form::MasterEquation.unavailable(model, &why));
        }
        Ok(first.iter().any(|s| *s != 0.0).then_some(first))
    }

    /// Slopes of a start that is a product of laws, of each state in the cloud.
    ///
    /// # Errors
    /// [`crate::base::Error::FormUnavailable`] at the edge of a law, which one state alone has.
    pub fn of_start(&self, reactions: &Reactions, origins: &[Origin], cloud: &Cloud) -> Result<Vec<Vec<f64>>> {
        let mut slopes = vec![vec![0.0; cloud.len()]; self.free.len()];
        for (position, s) in reactions.order.iter().enumerate() {
            let (Origin::Drawn(law), Initial::Law(text)) = (&origins[*s], &self.network.species[*s].initial) else {
                continue;
            };
            let last = text.arguments[text.arguments.len() - 1];
            let (numbers, moved) = (law.arguments(), self.slopes_of(last));
            if moved.iter().any(|m| *m != 0.0) && law.variance() == 0.0 {
                let why = format!("no slopes: {} starts at the edge of its law", self.network.species[*s].name);
                return Err(Form::MasterEquation.unavailable(reactions.model, &why));
            }
            for (slopes, moved) in slopes.iter_mut().zip(moved).filter(|(_, moved)| *moved != 0.0) {
                for (i, slope) in slopes.iter_mut().enumerate() {
                    let x = cloud.state(i)[position] as f64;
                    let score = match law.family() {
                        Family::Poisson => x / numbers[0] - 1.0,
                        _ => (x - numbers[0] * numbers[1]) / (numbers[1] * (1.0 - numbers[1])),
                    };
                    *slope += cloud.p[i] * score * moved;
                }
            }
        }
        Ok(slopes)
    }

    pub fn n(&self) -> usize {
        self.free.len()
    }
}

fn run(tape: &Tape, outputs: usize, columns: &[Vec<f64>], symbols: &[f64], scratch: &mut Scratch) -> Vec<Vec<f64>> {
    let inputs: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let mut values = vec![vec![0.0; columns.first().map_or(0, Vec::len)]; outputs];
    let mut out: Vec<&mut [f64]> = values.iter_mut().map(Vec::as_mut_slice).collect();
    tape.run(symbols, &inputs, &mut out, scratch);
    values
}

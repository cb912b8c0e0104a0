//! The Fokker-Planck equation in two dimensions, `∂p/∂t = -Σ ∂ᵢ(aᵢ p) + ½ ΣΣ ∂ᵢ∂ⱼ(Dᵢⱼ p)`, `D = B ρ Bᵀ`.
//!
//! Space: conservative finite volumes on a tensor grid even in `∫ dxᵢ/√Dᵢᵢ` (`axis`), exponentially fitted fluxes along each
//! axis and the cross term through the corners of the cells (`operator`), second order. Time: alternating directions, the
//! modified Craig-Sneyd scheme (`craig_sneyd`), second order, on a lattice whose first steps are short (`clock`), since the start is
//! a unit mass on a node; along an axis without noise it is a normal law two cells wide, whose variance is of the order of the
//! scheme's error and goes with it. Pilot paths say how far the grid must reach (`reach`). A second grid, a third as fine in both directions and in
//! time, gives Richardson's extrapolation and the error estimate (`extrapolate`).
//!
//! No linear scheme of second order is positive whatever the step (Bolley & Crouzeix 1978), and the nine-point cross term and the
//! central flux of a noiseless axis are not monotone: what is negative is counted, said in [`Joint`], and added to the error.
//!
//! Cost: about 60 ns a cell and step; 40 000 cells and 80 steps and more by default. Not for jumps, absorbing or periodic ends, or
//! more than two states: those are for Monte Carlo.

mod axis;
mod clock;
mod coefficients;
mod craig_sneyd;
mod extrapolate;
mod lines;
mod operator;
mod reach;
#[cfg(test)]
pub(in crate::form) mod tests;

use crate::base::{Error, Result, math};
use crate::form::{Accuracy, Answer, Form, Question};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Boundary, Diffusion, Process};
use axis::{Axis, Stretch};
use clock::Clock;
use coefficients::Coefficients;
use craig_sneyd::Stepper;
use extrapolate::{Cells, Level};
use lines::Shape;
use operator::Operator;

/// The joint density of the two states at one time.
#[derive(Debug, Clone)]
pub struct Joint {
    /// As it was asked, in the model's unit of time.
    pub time: f64,
    /// Nodes of the first state.
    pub x: Vec<f64>,
    /// Nodes of the second.
    pub y: Vec<f64>,
    /// `p[j * x.len() + i]` at `(x[i], y[j])`, per unit of x times unit of y.
    pub p: Vec<f64>,
    /// Probability on the grid before anything is normalised: one to round-off.
    pub mass: f64,
    /// The most negative density as a share of the peak; zero where nothing is negative.
    pub most_negative: f64,
    /// Means of the two states.
    pub mean: [f64; 2],
    /// Covariances of the two states, in products of their units.
    pub covariance: [[f64; 2]; 2],
    /// The law of each component.
    pub marginals: [Predictive; 2],
    /// Estimated largest distance of a marginal distribution function from the true one, with what is negative and what has
    /// come to an edge of the grid added.
    pub error: f64,
    /// Time steps taken to this time on the fine grid.
    pub steps: usize,
}

impl Joint {
    /// The log density at a point: parabolas through the logarithms at the nearest nodes, along x and then along y. `None` off the grid or
    /// where the density there is not positive.
    pub fn log_density(&self, x: f64, y: f64) -> Option<f64> {
        let nearest = |nodes: &[f64], at: f64| {
            let inside = at >= *nodes.first()? && at <= *nodes.last()? && nodes.len() > 2;
            let middle = |i: usize| 0.5 * (nodes[i] + nodes[i + 1]);
            let first = (1..nodes.len() - 2).find(|i| at < middle(*i)).unwrap_or(nodes.len() - 2);
            inside.then_some(first - 1)
        };
        let (i, j) = (nearest(&self.x, x)?, nearest(&self.y, y)?);
        let through = |nodes: &[f64], values: [f64; 3], at: f64| -> f64 {
            let weight =
                |k: usize| (0..3).filter(|l| *l != k).map(|l| (at - nodes[l]) / (nodes[k] - nodes[l])).product::<f64>();
            (0..3).map(|k| values[k] * weight(k)).sum()
        };
        let at = |i: usize, j: usize| math::ln(self.p[j * self.x.len() + i]);
        let row = |j: usize| through(&self.x[i..i + 3], [at(i, j), at(i + 1, j), at(i + 2, j)], x);
        let value = through(&self.y[j..j + 3], [row(j), row(j + 1), row(j + 2)], y);
        value.is_finite().then_some(value)
    }
}

/// Why two states are not answered; `None` where they are.
pub(in crate::form) fn why_not(process: &Diffusion) -> Option<String> {
    match process.states.len() {
        2 if !process.jumps.is_empty() => Some("it jumps in two dimensions; monte-carlo answers it".to_string()),
        2 => process.states.iter().find_map(|state| match state.boundary {
            b @ (Boundary::Absorbing | Boundary::Periodic) => Some(format!(
                "the ends of {} are {}, and it has two states; monte-carlo answers it",
                state.name,
                b.name()
            )),
            _ => None,
        }),
        n => Some(format!("it has {n} states; grids answer one or two, monte-carlo any number")),
    }
}

/// The laws of both components at the asked times. With a goal the grid is refined until the estimate is below it or there are
/// [`MOST_CELLS`] cells an axis; the estimate of what was reached is in the answer.
///
/// # Errors
/// As [`joints`].
pub(in crate::form) fn answer(model: &Model, process: &Diffusion, question: &Question) -> Result<Answer> {
    let joints = joints_of(model, process, question)?;
    let error = joints.iter().map(|j| j.error).fold(0.0, f64::max);
    Ok(Answer { laws: joints.into_iter().map(|j| Vec::from(j.marginals)).collect(), error: Some(error) })
}

/// The joint densities at the asked times, one each.
///
/// Two fifths of `accuracy.cells` are the cells of an axis. Cost as of the module: O(cells³).
///
/// # Errors
/// [`Error::FormUnavailable`] where the model is not two states without jumps whose ends are natural or reflecting, and where the
/// estimated error stays above 0.05, as where weak noise is carried far by the drift;
/// [`Error::Numerics`] where no grid holds it, a coefficient is not finite on the grid, an end is reached and never left, or
/// mass is lost.
pub fn joints(model: &Model, question: &Question) -> Result<Vec<Joint>> {
    Form::FokkerPlanck.require(model)?;
    crate::form::check_start(model, question.start)?;
    match &model.process {
        Process::Diffusion(process) if process.states.len() == 2 => joints_of(model, process, question),
        _ => Err(Form::FokkerPlanck.unavailable(model, "it has not two states")),
    }
}

/// Cells of an axis, of those asked for a line.
const SHARE: f64 = 0.4;
/// Cells of an axis beyond which a goal is not pursued: some 20 s of work.
const MOST_CELLS: usize = 720;
/// Coarse cells an axis with which a goal is first tried, and the fewest there may be.
const FIRST: usize = 30;
const FEWEST: usize = 8;
/// Horizons more than this apart get grids of their own.
const APART: f64 = 10.0;
/// An answer that is this far off, by its own estimate, is none.
const WORST: f64 = 0.05;
/// A defect of mass that is no round-off.
const DEFECT: f64 = 1e-9;

fn joints_of(model: &Model, process: &Diffusion, question: &Question) -> Result<Vec<Joint>> {
    let &[x, y] = question.start else { return Err(broken(model, "a start of two states was expected")) };
    let start = [x, y];
    if let Some(i) = (0..2).find(|i| !process.states[*i].holds(start[*i])) {
        return Err(broken(model, &format!("the start of {} is on an end of its domain", process.states[i].name)));
    }
    let mut all = Vec::with_capacity(question.times.len());
    let mut rest = question.times;
    while let Some(first) = rest.first() {
        let n = rest.iter().take_while(|t| **t - question.t0 <= APART * (first - question.t0)).count();
        let (times, later) = rest.split_at(n);
        all.extend(Problem::new(model, process, question, start, times)?.refined(question.accuracy)?);
        rest = later;
    }
    Ok(all)
}

/// One start, and times that one grid suits.
struct Problem<'a> {
    model: &'a Model,
    process: &'a Diffusion,
    theta: &'a [f64],
    start: [f64; 2],
    t0: f64,
    times: &'a [f64],
    pilot: reach::Pilot,
}

/// Coarse steps per unit of the clock, per coarse cell of an axis.
const STEPS: f64 = 0.06;
/// Most coarse steps.
const MOST_STEPS: f64 = 600.0;

impl<'a> Problem<'a> {
    fn new(
        model: &'a Model,
        process: &'a Diffusion,
        question: &Question<'a>,
        start: [f64; 2],
        times: &'a [f64],
    ) -> Result<Problem<'a>> {
        let (theta, t0) = (question.theta, question.t0);
        let horizon = times.last().map_or(0.0, |t| t - t0);
        let pilot = reach::pilot((model, process), theta, start, t0, horizon)?;
        Ok(Problem { model, process, theta, start, t0, times, pilot })
    }

    fn refined(&self, accuracy: Accuracy) -> Result<Vec<Joint>> {
        let fixed = ((SHARE / 3.0) * accuracy.cells as f64).round() as usize;
        let mut cells = if accuracy.goal.is_some() { FIRST } else { fixed.max(FEWEST) };
        loop {
            let joints = self.extrapolated(cells)?;
            let error = joints.iter().map(|j| j.error).fold(0.0, f64::max);
            match accuracy.goal {
                Some(goal) if error > goal && 3 * cells < MOST_CELLS => {
                    let factor = (1.1 * (error / goal).sqrt()).clamp(1.3, 2.5);
                    cells = ((cells as f64 * factor) as usize).min(MOST_CELLS / 3);
                }
                _ if error > WORST => {
                    let why = format!(
                        "a grid of {} cells an axis does not resolve it: the estimated error is {error:.2}",
                        3 * cells
                    );
                    return Err(Form::FokkerPlanck.unavailable(self.model, &why));
                }
                _ => return Ok(joints),
            }
        }
    }

    /// Both grids, the reach grown until the coarse one has nothing beside its edges.
    fn extrapolated(&self, cells: usize) -> Result<Vec<Joint>> {
        const ROUNDS: usize = 5;
        const OUTSIDE: f64 = 1e-7;
        const WIDER: f64 = 1.3;
        let mut room = [[1.0; 2]; 2];
        let mut round = 0;
        let (stretch, coarse) = loop {
            let stretch = self.stretch(room);
            let coarse = self.on(&stretch, (cells, true), self.spacing(cells))?;
            let mut grown = false;
            for (axis, side) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let last = coarse.axes[axis].len() - 1;
                // Ripples are no reason to reach further.
                let outside = |t: usize| coarse.marginal(t, axis)[side * last] > OUTSIDE.max(coarse.negative(t));
                if !coarse.axes[axis].at_end[side] && (0..self.times.len()).any(outside) {
                    room[axis][side] *= WIDER;
                    grown = true;
                }
            }
            round += 1;
            if !grown || round == ROUNDS {
                break (stretch, coarse);
            }
        };
        let fine = self.on(&stretch, (cells, false), self.spacing(cells))?;
        let peclet = (0..2).map(|k| self.pilot.steepness[k] * fine.axes[k].spacing()).fold(0.0, f64::max);
        let share = extrapolate::share(peclet);
        (0..self.times.len()).map(|t| self.joint((&fine, &coarse, share), t)).collect()
    }

    fn stretch(&self, room: [[f64; 2]; 2]) -> [Stretch; 2] {
        let mut coefficients = Coefficients::new(self.process, self.theta);
        [0, 1].map(|axis| {
            let b = |x: f64| {
                let mut at = self.start;
                at[axis] = x;
                coefficients.spread(self.t0, axis, at).sqrt()
            };
            Stretch::new(
                b,
                &self.process.states[axis],
                self.start[axis],
                [self.pilot.seen[axis], self.pilot.body[axis]],
                room[axis],
            )
        })
    }

    fn horizon(&self) -> f64 {
        self.times.last().map_or(0.0, |t| t - self.t0)
    }

    /// The clock of both grids with so many coarse cells.
    fn clock(&self, cells: usize) -> Clock {
        Clock::new(self.horizon(), self.pilot.rate, cells)
    }

    /// Length in the clock of the coarse steps that suit this many coarse cells.
    fn spacing(&self, cells: usize) -> f64 {
        (self.clock(cells).s(self.horizon()) / MOST_STEPS).max(1.0 / (STEPS * cells as f64))
    }

    /// The masses at all times on the coarse grid of so many cells with steps of this `spacing`, or on the fine one with a third of it.
    fn on(&self, stretch: &[Stretch; 2], (cells, coarsened): (usize, bool), spacing: f64) -> Result<Level> {
        let axes: [Axis; 2] = [0, 1].map(|k| stretch[k].axis(self.start[k], cells, coarsened));
        let mut coefficients = Coefficients::new(self.process, self.theta);
        let weights = [0, 1].map(|k| operator::weights(k, &axes, &mut coefficients, self.t0));
        let [Ok(first), Ok(second)] = weights else {
            return Err(broken(self.model, "an end is reached and never left, where a density piles up"));
        };
        let mut level = Level { axes, weights: [first, second], solution: Vec::with_capacity(self.times.len()) };
        let shape = level.shape();
        let mut assemble = |time: f64| {
            Operator::new(&level.axes, &level.weights, &mut coefficients, time)
                .ok_or_else(|| broken(self.model, "drift or diffusion is not finite on the grid"))
        };
        let clock = self.clock(cells);
        let parts = if coarsened { 1 } else { 3 };
        let timed = self.process.is_time_dependent();
        let mut operator = assemble(self.t0)?;
        let mut stepper = Stepper::new(shape);
        let mut mass = vec![0.0; shape.size()];
        let spread = [0, 1].map(|k| level.axes[k].at_start(operator.noiseless[k]));
        for (j, y) in spread[1].iter().enumerate() {
            for (i, x) in spread[0].iter().enumerate() {
                mass[shape.at(j, i)] = x * y;
            }
        }
        let (mut now, mut steps) = (0.0, 0);
        for time in self.times {
            for next in clock.steps(now, time - self.t0, spacing, parts) {
                if timed {
                    operator = assemble(self.t0 + 0.5 * (now + next))?;
                }
                stepper.step(&operator, next - now, &mut mass);
                now = next;
                steps += 1;
            }
            level.solution.push(Cells { mass: plain(&mass, shape), steps });
        }
        Ok(level)
    }

    fn joint(&self, levels: (&Level, &Level, f64), t: usize) -> Result<Joint> {
        let fine = levels.0;
        let masses = &fine.solution[t].mass;
        let mass: f64 = masses.iter().sum();
        if !((mass - 1.0).abs() <= DEFECT) {
            return Err(broken(self.model, &format!("the probability on the grid became {mass}")));
        }
        let negative = fine.negative(t);
        let nothing = || broken(self.model, "no probability was left on the grid");
        let domain = |axis: usize| [self.process.states[axis].lower, self.process.states[axis].upper];
        let (first, first_error) = extrapolate::law(levels, t, 0, domain(0)).ok_or_else(nothing)?;
        let (second, second_error) = extrapolate::law(levels, t, 1, domain(1)).ok_or_else(nothing)?;
        let mut p = extrapolate::density(levels, t);
        let [x, y] = [0, 1].map(|axis| fine.axes[axis].nodes.clone());
        let weight = |k: usize| fine.weights[0].widths[k % x.len()] * fine.weights[1].widths[k / x.len()];
        let total: f64 = p.iter().enumerate().map(|(k, p)| p * weight(k)).sum();
        p.iter_mut().for_each(|p| *p /= total);
        let (mean, covariance) = extrapolate::moments(levels, t);
        let peak = p.iter().copied().fold(0.0, f64::max);
        let least = p.iter().copied().fold(0.0, f64::min);
        Ok(Joint {
            time: self.times[t],
            mass,
            most_negative: least / peak,
            mean,
            covariance,
            marginals: [Predictive::Density(first), Predictive::Density(second)],
            error: (first_error.max(second_error) + negative + fine.beside(t)).min(1.0),
            steps: fine.solution[t].steps,
            x,
            y,
            p,
        })
    }
}

/// The field row by row, without what fills its last block.
fn plain(field: &[f64], shape: Shape) -> Vec<f64> {
    (0..shape.rows).flat_map(|r| (0..shape.lines).map(move |l| (r, l))).map(|(r, l)| field[shape.at(r, l)]).collect()
}

fn broken(model: &Model, why: &str) -> Error {
    Error::Numerics {
        what: format!("the two-dimensional Fokker-Planck equation of model '{}'", model.id),
        why: why.to_string(),
        hint: "use --form monte-carlo, or check the parameters with --set".to_string(),
    }
}

//! From a question to its laws: the reach, the nested grids, the masses in time, the error and the goal.

use super::super::lamperti::{self, End, Grid, Reach};
use super::super::richardson::{HORIZONS_PER_GRID, groups};
use super::super::{Accuracy, Asked, Solved};
use super::jumps::{self, Kernel};
use super::law::{self, Held};
use super::layout::{self, Ends};
use super::operator::Operator;
use super::{contour, tr_bdf2};
use crate::base::{Error, Result, math};
use crate::predictive::Predictive;
use crate::process::{Boundary, Coefficients, State};
use std::sync::Arc;

/// A question with the ends of its domain, each of its own kind.
pub(in crate::form) struct Line<'a> {
    pub asked: &'a Asked<'a>,
    pub state: &'a State,
    pub ends: Ends,
    /// Whether the spacing shrinks towards an end where the diffusion vanishes; rates grow with it.
    pub graded: bool,
}

/// What a chain holds at each time asked, on one grid.
pub(in crate::form) struct Masses {
    /// `[time][cell]`
    pub cells: Vec<Vec<f64>>,
    /// What was absorbed below and above, at each time.
    pub atoms: Vec<[f64; 2]>,
    /// What is absorbed per unit of time; empty where nobody asks.
    pub flux: Vec<[f64; 2]>,
    pub widths: Vec<f64>,
    /// The powers of the distance as which the density starts at ends that the diffusion vanishes at.
    pub powers: [Option<f64>; 2],
    /// The estimated L1 error of the steps in time, or of the contour.
    pub error: f64,
}

/// Grids of a family: each two neighbours make an extrapolated law.
const LEVELS: u32 = 4;
/// What no estimate is below: probability beyond the reach, and round-off.
pub(in crate::form) const FLOOR: f64 = 3e-10;
/// The most cells a goal may ask for, and with jumps, whose matrix is full.
pub(in crate::form) const MOST_CELLS: [usize; 2] = [32_000, 2_000];

pub(in crate::form) fn solve(question: &Asked) -> Result<Solved> {
    let mut accuracy = question.accuracy;
    let most = MOST_CELLS[usize::from(!question.process.process.jumps.is_empty())];
    loop {
        let asked = Asked { times: question.times, accuracy, ..*question };
        let (laws, space, time) = Line::of(&asked).laws()?;
        let error = space + time;
        let done = Solved { laws, error: Some(error + FLOOR) };
        match accuracy.refined(space, time, most) {
            Some(finer) => accuracy = finer,
            None => return Ok(done),
        }
    }
}

impl Accuracy {
    /// More cells and a smaller tolerance where the errors of cells and steps together are above the goal; `None` where they are not,
    /// or nothing more can be done.
    pub(in crate::form) fn refined(&self, space: f64, time: f64, most: usize) -> Option<Accuracy> {
        let goal = self.goal.filter(|goal| space + time > *goal)?;
        let (finer, tighter) = (space > 0.5 * goal && self.cells < most, time > 0.5 * goal && self.tolerance > 1e-13);
        let mut next = *self;
        if finer {
            // Fourth order at best; ends may make it less.
            let factor = libm::sqrt(libm::sqrt(space / (0.5 * goal))).clamp(1.5, 6.0);
            next.cells = ((self.cells as f64 * factor).ceil() as usize).min(most);
        }
        if tighter {
            // The sum of the errors of steps falls as the tolerance to two thirds.
            let ratio = 0.25 * goal / time;
            next.tolerance = (self.tolerance * ratio * ratio.sqrt()).max(1e-14);
        }
        (finer || tighter).then_some(next)
    }
}

impl<'a> Line<'a> {
    /// The line of a question, its ends as the model's file has them.
    pub fn of(asked: &'a Asked<'a>) -> Line<'a> {
        Line { asked, state: asked.process.state, ends: [asked.process.state.boundary; 2], graded: true }
    }

    /// The laws, the error of space and that of time.
    fn laws(&self) -> Result<(Vec<Predictive>, f64, f64)> {
        self.laws_by(|coefficients, grid, times| self.on_grid(coefficients, grid, times, self.asked.accuracy))
    }

    /// As the laws, of any chain on the nodes of these grids: the laws at the asked times, the error of cells and that of steps.
    ///
    /// # Errors
    /// Those of `on`, and [`crate::base::Error::Numerics`] where no grid holds the process or nothing is left on one.
    pub fn laws_by(
        &self,
        mut on: impl FnMut(&mut Coefficients, &Grid, &[f64]) -> Result<Masses>,
    ) -> Result<(Vec<Predictive>, f64, f64)> {
        let mut laws = Vec::with_capacity(self.asked.times.len());
        let (mut space, mut time): (f64, f64) = (0.0, 0.0);
        for times in groups(self.asked.times, self.asked.t0, HORIZONS_PER_GRID) {
            let family = self.family_by(times, |coefficients, grid| on(coefficients, grid, times))?;
            time = time.max(family.iter().map(|(_, masses)| masses.error).fold(0.0, f64::max));
            for k in 0..times.len() {
                let held = |level: usize| {
                    let (grid, masses) = &family[level];
                    let (widths, powers) = (&masses.widths, masses.powers);
                    Held { grid, widths, powers, mass: &masses.cells[k], atoms: masses.atoms[k] }
                };
                let of = |level: usize| {
                    law::extrapolated(self.state, &held(level), &held(level + 1))
                        .ok_or_else(|| self.broken("no probability was left on the grid"))
                };
                let (best, better, good) = (of(0)?, of(1)?, of(2)?);
                space = space.max(self.estimate(&best, &better, &good, &family[0].0));
                laws.push(best);
            }
        }
        // Extrapolation weighs the finer grid four thirds, the coarser one a third.
        Ok((laws, space, 5.0 / 3.0 * time))
    }

    /// The error of `best`, from the distances between three extrapolated laws: at edges and nodes, and within the cell beside an end
    /// where the density may be a power of the distance, whose probability may all be next to the end.
    fn estimate(&self, best: &Predictive, better: &Predictive, good: &Predictive, grid: &Grid) -> f64 {
        const NEARER: f64 = 1e-3;
        const LOOKS: i32 = 60;
        let n = grid.len();
        let ends = [(grid.edges[0], grid.edges[1]), (grid.edges[n], grid.edges[n - 1])];
        let singular = ends.into_iter().zip(grid.ends).filter(|(_, kind)| *kind == End::Edge);
        let inside: Vec<f64> = singular
            .flat_map(|((end, edge), _)| (1..=LOOKS).map(move |k| end + (edge - end) * math::powi(NEARER, k)))
            .collect();
        let gap = |a: &Predictive, b: &Predictive| {
            let points = grid.edges.iter().chain(&grid.nodes).chain(&inside);
            points.map(|x| (a.cdf(*x) - b.cdf(*x)).abs()).fold(0.0, f64::max)
        };
        // Spacing that is not graded makes the order near such an end as low as the density's power.
        let slowest = if self.graded || !grid.ends.contains(&End::Edge) { SLOWEST } else { SLOWEST_BESIDE_AN_END };
        beyond(gap(best, better), gap(better, good), slowest)
    }

    /// Nested grids, the finest first, and what is on them at `times`.
    ///
    /// # Errors
    /// [`crate::base::Error::Numerics`] where no grid holds the process, or a coefficient is not finite on it.
    pub fn family(&self, times: &[f64]) -> Result<Vec<(Grid, Masses)>> {
        self.family_by(times, |coefficients, grid| self.on_grid(coefficients, grid, times, self.asked.accuracy))
    }

    fn family_by(
        &self,
        times: &[f64],
        mut on: impl FnMut(&mut Coefficients, &Grid) -> Result<Masses>,
    ) -> Result<Vec<(Grid, Masses)>> {
        let reach = self.reach(times)?;
        let mut coefficients = self.asked.process.coefficients(self.asked.theta);
        let from = (self.asked.x0, self.asked.t0);
        let grids = layout::nested(&mut coefficients, (self.state, self.ends, self.graded), from, reach, LEVELS)
            .ok_or_else(|| self.broken(NOT_FINITE))?;
        grids
            .into_iter()
            .map(|grid| {
                let masses = on(&mut coefficients, &grid)?;
                Ok((grid, masses))
            })
            .collect()
    }

    /// How far a grid must reach to hold the probability at `times` and on the way, by pilots on few cells.
    ///
    /// # Errors
    /// As [`Line::family`].
    pub fn reach(&self, times: &[f64]) -> Result<Reach> {
        let mut coefficients = self.asked.process.coefficients(self.asked.theta);
        if self.ends.contains(&Boundary::Periodic) {
            return Ok(lamperti::around(self.asked, &mut coefficients, times));
        }
        let mut again = self.asked.process.coefficients(self.asked.theta);
        let rough = Accuracy { tolerance: 1e-5, ..self.asked.accuracy };
        let horizon = times.last().map_or(0.0, |t| t - self.asked.t0);
        let between = lamperti::on_the_way(self.asked, &mut coefficients, times);
        let mut all: Vec<f64> = times.iter().chain(&between).copied().collect();
        all.sort_by(f64::total_cmp);
        let question = Asked { times, ..*self.asked };
        lamperti::find_reach(&question, self.state, &mut coefficients, horizon, |grid| {
            let masses = self.on_grid(&mut again, grid, &all, rough)?;
            let mut rows: Vec<_> = all.iter().zip(masses.cells.into_iter().zip(masses.atoms)).collect();
            // Those asked first; the order of each kind stays.
            rows.sort_by_key(|(time, _)| !times.contains(time));
            Ok(rows.into_iter().map(|(_, row)| row).unzip())
        })
    }

    /// Without jumps.
    fn plain(&self, coefficients: &mut Coefficients, grid: &Grid, time: f64) -> Result<Operator> {
        Operator::new(grid, self.ends, coefficients, time).ok_or_else(|| self.broken(NOT_FINITE))
    }

    fn operator(&self, coefficients: &mut Coefficients, grid: &Grid, time: f64) -> Result<Operator> {
        let mut operator = self.plain(coefficients, grid, time)?;
        let process = self.asked.process.process;
        if !process.jumps.is_empty() {
            let kernel = Kernel::new(process, self.asked.theta, time, grid, &operator);
            operator.jumps = Some(Arc::new(kernel.ok_or_else(|| self.broken(NO_JUMP))?));
        }
        Ok(operator)
    }

    /// The masses on one grid at `times`, all of it on the start's node at first: by a contour integral, or in steps where coefficients change with
    /// time.
    ///
    /// # Errors
    /// [`crate::base::Error::Numerics`] where a coefficient or a jump has no number there, or mass is lost.
    pub fn on_grid(
        &self,
        coefficients: &mut Coefficients,
        grid: &Grid,
        times: &[f64],
        accuracy: Accuracy,
    ) -> Result<Masses> {
        let operator = self.operator(coefficients, grid, self.asked.t0)?;
        let mut start = vec![0.0; operator.up.len()];
        start[operator.place(grid.start)] = 1.0;
        let (chains, error) = if self.asked.process.process.is_time_dependent() {
            self.stepped(coefficients, grid, times, accuracy.tolerance, start)?
        } else {
            let at = |time: &f64| contour::exponential(&operator, &start, time - self.asked.t0);
            let (chains, errors): (Vec<_>, Vec<f64>) = times.iter().map(at).unzip();
            (chains, errors.into_iter().fold(0.0, f64::max))
        };
        let flux = if self.asked.process.process.is_time_dependent() {
            let each = times.iter().zip(&chains);
            each.map(|(t, m)| Ok(self.plain(coefficients, grid, *t)?.absorption(m))).collect::<Result<_>>()?
        } else {
            chains.iter().map(|m| operator.absorption(m)).collect()
        };
        let (cells, atoms) = chains.iter().map(|mass| operator.parts(mass)).unzip();
        Ok(Masses { cells, atoms, flux, widths: operator.widths, powers: operator.powers, error })
    }

    /// Steps in time that stop at the times asked and at the breaks, the matrix assembled at every stage. The chain at each
    /// time, and the sum of the errors of the steps.
    fn stepped(
        &self,
        coefficients: &mut Coefficients,
        grid: &Grid,
        times: &[f64],
        tolerance: f64,
        mut mass: Vec<f64>,
    ) -> Result<(Vec<Vec<f64>>, f64)> {
        // Beside a break the coefficients are those of the side the step is on.
        const ASIDE: f64 = 1e-9;
        let t0 = self.asked.t0;
        let process = self.asked.process.process;
        let last = times.last().copied().unwrap_or(t0);
        let breaks = process.breaks.iter().map(|id| process.frame.at(*id, self.asked.theta, t0));
        let mut stops: Vec<f64> = breaks.filter(|t| *t > t0 && *t < last).chain(times.iter().copied()).collect();
        stops.sort_by(f64::total_cmp);
        stops.dedup();
        let mut start = self.operator(coefficients, grid, t0)?;
        // Jumps that do not change with time are assembled once.
        let kept = start.jumps.clone().filter(|_| !process.jumps.iter().any(|jump| jumps::is_timed(process, jump)));
        let mut at = |time: f64| match &kept {
            None => self.operator(coefficients, grid, time),
            Some(kernel) => {
                let mut operator = self.plain(coefficients, grid, time)?;
                operator.jumps = Some(kernel.clone());
                Ok(operator)
            }
        };
        let mut stepper = tr_bdf2::Stepper::new(&start, tolerance);
        let (mut now, mut chains) = (t0, Vec::with_capacity(times.len()));
        for stop in stops {
            let reach = stop - now;
            start = at(now + ASIDE * reach)?;
            stepper.restart();
            while now < stop {
                let dt = stepper.planned(stop - now);
                let (stage, end) = (at(now + tr_bdf2::GAMMA * dt)?, at(now + dt - ASIDE * dt.min(reach))?);
                if stepper.step([&start, &stage, &end], &mut mass, dt).is_some() {
                    // Land on the stop exactly.
                    now = if dt >= stop - now { stop } else { now + dt };
                    start = end;
                } else if stepper.is_stuck() {
                    return Err(self.broken("the time step became too small for the drift"));
                }
            }
            if times.contains(&stop) {
                chains.push(mass.clone());
            }
        }
        Ok((chains, stepper.error))
    }

    fn broken(&self, why: &str) -> Error {
        Error::Numerics {
            what: format!("the Fokker-Planck equation of model '{}'", self.asked.model.id),
            why: why.to_string(),
            hint: "use --form monte-carlo, or check the parameters with --set".to_string(),
        }
    }
}

const NOT_FINITE: &str = "drift or diffusion is not finite on the grid";
const NO_JUMP: &str = "the rate of a jump is negative or not finite, or its mark has no law";

/// Ratios of differences from one grid to the next above which there is no series; the second for a singular density beside an
/// end that the grid was not graded to.
const SLOWEST: f64 = 0.6;
const SLOWEST_BESIDE_AN_END: f64 = 0.9;

/// What is left of a geometric series after its last two differences: its ratio is theirs, at least that of the fourth
/// order; doubled.
pub(in crate::form) fn remainder(last: f64, before: f64) -> f64 {
    beyond(last, before, SLOWEST)
}

fn beyond(last: f64, before: f64, slowest: f64) -> f64 {
    const FOURTH_ORDER: f64 = 1.0 / 16.0;
    const SAFETY: f64 = 2.0;
    let ratio = if before > 0.0 { (last / before).clamp(FOURTH_ORDER, slowest) } else { slowest };
    SAFETY * last * ratio / (1.0 - ratio)
}

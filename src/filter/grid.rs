//! The filter of one state on fixed grids: the Fokker-Planck transition from row to row, Bayes' rule at every row (Kitagawa 1987,
//! doi:10.1080/01621459.1987.10478534, with the diffusion's own transition in place of quadrature).
//!
//! The grids are fitted to the record at one parameter value and kept, so the likelihood is smooth in its parameters. Row by row the
//! log-likelihoods of two nested grids are extrapolated: fourth order in the spacing; a third grid tells the error.

use super::observations::{Observations, Steps};
use super::readings::{Reading, diffusion, readings};
use super::start::Start;
use super::{Filtered, Method, Predicted, Settings, noise};
use crate::base::{Error, Result, math};
use crate::expr::{Node, Scratch, Tape};
use crate::form::fokker_planck::{Meshes, Propagator};
use crate::form::stationary::stationary;
use crate::models::Model;
use crate::process::{Family, Frame, Initial, Law, Scalar, symbol};

/// Grids that are extrapolated, and one more for the error.
const LEVELS: u32 = 3;
/// Cells of the pilot that finds how far the probability reaches, and the most of the finest grid.
const PILOT: usize = 192;
const MOST_CELLS: usize = 8_192;
/// Probability that may touch the end of a grid.
const OUTSIDE: f64 = 1e-11;
/// The same where parameters have moved since the grids were made.
const LOST: f64 = 1e-6;

/// Why the grid filter does not answer a model; `None` where it does.
pub(super) fn why_not(model: &Model) -> Option<String> {
    let Some(scalar) = model.scalar() else {
        let states = diffusion(model).map_or(0, |p| p.states.len());
        return Some(if states == 1 { "it jumps".to_string() } else { format!("it has {states} states") });
    };
    if scalar.is_time_dependent() {
        return Some("its coefficients change with time".to_string());
    }
    let mut pool = scalar.pool().clone();
    for reading in readings(model, &mut pool) {
        match &reading.noise {
            None => return Some("a reading has no error of measurement, so it needs no filter".to_string()),
            Some(law) => {
                if let Some(why) = noise::why_not(law.family) {
                    return Some(why);
                }
            }
        }
    }
    None
}

/// What is known at the first row, settled once.
#[derive(Debug)]
enum Begin {
    Stationary,
    File,
    Normal(f64, f64),
    /// Nothing: evenly spread, set by the first value.
    Flat,
}

#[derive(Debug)]
pub(super) struct Grid<'a> {
    model: &'a Model,
    scalar: Scalar<'a>,
    frame: Frame,
    readings: Vec<Reading>,
    /// Of each reading: what is read, then the arguments of its error.
    read: Vec<Tape>,
    begin: Begin,
    steps: Steps,
    meshes: Meshes,
}

/// The filter on one grid.
struct Level {
    filtered: Filtered,
    /// Variance of the state at the end.
    variance: f64,
    /// The largest probability in each cell at any row.
    most: Vec<f64>,
}

impl<'a> Grid<'a> {
    /// The filter, its start and grids settled at `theta`: a pilot finds how far the probability reaches, then cells are added until the error is
    /// below the tolerance.
    ///
    /// # Errors
    /// [`Error::FormUnavailable`] where the filter does not answer the model; [`Error::Numerics`] where drift or diffusion is not finite on the grid,
    /// or there is no start.
    pub fn new(model: &'a Model, record: &Observations, settings: &Settings, theta: &[f64]) -> Result<Grid<'a>> {
        let unavailable = |why: &str| super::likelihood::unavailable(model, Method::Grid, why);
        if let Some(why) = why_not(model) {
            return Err(unavailable(&why));
        }
        let scalar = model.scalar().ok_or_else(|| unavailable("it is not one-dimensional"))?;
        let mut frame = scalar.process.frame.clone();
        let list = readings(model, &mut frame.pool);
        let compile = |r: &Reading| {
            let arguments = r.noise.iter().flat_map(|law| law.arguments.iter().copied());
            Tape::compile(&frame.pool, &[r.of].into_iter().chain(arguments).collect::<Vec<_>>(), &[symbol::STATE])
        };
        let read = list.iter().map(compile).collect();
        let begin = begin(model, &settings.start, theta)?;
        let values = seen(&scalar, &list, record, &frame);
        let centre = centre(model, &scalar, &values, theta);
        let steps = Steps::new(&record.times);
        let sight = sight(&scalar, theta, centre, &steps, &values);
        let mesh = |reach, cells, levels| {
            let meshes = Meshes::new(&scalar, theta, centre, reach, cells, levels);
            meshes.ok_or_else(|| broken(model, "drift or diffusion is not finite on the grid"))
        };
        let meshes = mesh(sight, PILOT, 1)?;
        let mut filter = Grid { model, scalar, frame, readings: list, read, begin, steps, meshes };
        let reach = filter.find_reach(record, theta, sight, centre, &mesh)?;
        let mut cells = settings.cells.max(32);
        loop {
            filter.meshes = mesh(reach, cells, LEVELS)?;
            let error = filter.filter(record, theta)?.error.unwrap_or(0.0);
            if error <= settings.tolerance || 2 * cells > MOST_CELLS {
                return Ok(filter);
            }
            // Fourth order: no more cells than the error asks for, and a few to spare.
            let factor = libm::sqrt(libm::sqrt(error / settings.tolerance)).clamp(1.2, 4.0);
            cells = ((1.1 * factor * cells as f64) as usize).min(MOST_CELLS);
        }
    }

    /// The start as it was settled.
    pub fn start(&self) -> Start {
        match &self.begin {
            Begin::Stationary => Start::Stationary,
            Begin::File => Start::File,
            Begin::Normal(mean, sd) => Start::Given { mean: vec![*mean], covariance: vec![vec![sd * sd]] },
            Begin::Flat => Start::Diffuse,
        }
    }

    /// Widen or narrow a grid until it holds the probability at every row.
    fn find_reach(
        &mut self,
        record: &Observations,
        theta: &[f64],
        mut reach: [f64; 2],
        centre: f64,
        mesh: &impl Fn([f64; 2], usize, u32) -> Result<Meshes>,
    ) -> Result<[f64; 2]> {
        let mut cells = PILOT;
        for _ in 0..60 {
            self.meshes = mesh(reach, cells, 1)?;
            let level = match self.level(record, theta, 0) {
                Ok(level) => level,
                // No cell could have given a value: too coarse, or too short.
                Err(_) => {
                    cells = (2 * cells).min(MOST_CELLS);
                    reach = reach.map(|r| 1.3 * r);
                    continue;
                }
            };
            let (n, cut) = (level.most.len(), self.meshes.is_cut());
            let touches = [level.most[..2].iter().sum::<f64>(), level.most[n - 2..].iter().sum()];
            let grows = [0, 1].map(|k| cut[k] && touches[k] > OUTSIDE);
            if grows.contains(&true) {
                (0..2).filter(|k| grows[*k]).for_each(|k| reach[k] *= 1.6);
                continue;
            }
            let held = |m: &f64| *m > 1e-13;
            let first = level.most.iter().position(held).unwrap_or(0);
            let last = level.most.iter().rposition(held).unwrap_or(n - 1);
            let start = self.meshes.nodes(0).partition_point(|x| *x < centre);
            let spacing = (reach[0] + reach[1]) / cells as f64;
            let room = |cells: usize| 1.25 * (cells as f64 + 3.0) * spacing;
            let near = [room(start.saturating_sub(first)), room(last.saturating_sub(start))];
            return Ok([0, 1].map(|k| if cut[k] { near[k].min(reach[k]) } else { reach[k] }));
        }
        Err(broken(self.model, "its range did not settle"))
    }

    /// Filter the record. Cost: two grids, about 0.15 µs a cell and row each; a third, a quarter of the size, for the error.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the parameters make no likelihood, or carry the probability off the grids.
    pub fn filter(&self, record: &Observations, theta: &[f64]) -> Result<Filtered> {
        let (fine, coarse) = (self.level(record, theta, 0)?, self.level(record, theta, 1)?);
        let coarsest = self.level(record, theta, 2)?;
        let pairs = fine.filtered.log_likelihood.iter().zip(&coarse.filtered.log_likelihood);
        let gap = |((f, c), cc): ((&f64, &f64), &f64)| (richardson(*f, *c) - richardson(*c, *cc)).abs();
        let gaps = pairs.zip(&coarsest.filtered.log_likelihood).map(gap);
        // Sixteen times smaller at each halving, with a factor of two to be safe.
        let error = gaps.fold(0.0, |m: f64, g| if g.is_nan() { f64::INFINITY } else { m.max(g) }) * 2.0 / 15.0;
        Ok(joined(fine, &coarse, error))
    }

    /// The log-likelihood alone, by two grids.
    ///
    /// # Errors
    /// As [`Grid::filter`].
    pub fn total(&self, record: &Observations, theta: &[f64]) -> Result<f64> {
        let (fine, coarse) = (self.level(record, theta, 0)?, self.level(record, theta, 1)?);
        Ok(richardson(fine.filtered.total(), coarse.filtered.total()))
    }

    fn level(&self, record: &Observations, theta: &[f64], level: usize) -> Result<Level> {
        let (nodes, edges) = (self.meshes.nodes(level), self.meshes.edges(level));
        let propagator = Propagator::new(&self.scalar, theta, &self.meshes, level)
            .ok_or_else(|| broken(self.model, "drift or diffusion is not finite on the grid"))?;
        let mut mass = self.first(theta, &propagator, nodes, edges)?;
        let mut flat = mass.is_none();
        let widths: f64 = propagator.widths().iter().sum();
        let mut now = mass.take().unwrap_or_else(|| propagator.widths().iter().map(|w| w / widths).collect());
        let mut out = Filtered::empty(Method::Grid, record.values.len(), record.times.len());
        let mut most = vec![0.0f64; nodes.len()];
        let keep = |most: &mut Vec<f64>, mass: &[f64]| most.iter_mut().zip(mass).for_each(|(m, p)| *m = m.max(*p));
        for (row, time) in record.times.iter().enumerate() {
            if let (Some(k), false) = (self.steps.to[row], flat) {
                now = propagator.advance(&now, self.steps.lengths[k]);
            }
            if !flat {
                keep(&mut most, &now);
            }
            for k in 0..self.readings.len() {
                if !flat {
                    let at = self.laws(k, theta, *time, nodes)?;
                    out.predicted[k][row] = Some(predicted(&at, &now));
                }
            }
            for k in 0..self.readings.len() {
                let Some(y) = record.values[k][row] else { continue };
                let at = self.laws(k, theta, *time, nodes)?;
                let logs = self.weigh(k, &at, (theta, *time, edges), y)?;
                let top =
                    logs.iter().zip(&now).filter(|(_, m)| **m > 0.0).map(|(l, _)| *l).fold(f64::NEG_INFINITY, f64::max);
                let weighed: Vec<f64> =
                    logs.iter().zip(&now).map(|(l, m)| if *m > 0.0 { m * math::exp(l - top) } else { 0.0 }).collect();
                let total: f64 = weighed.iter().sum();
                if !(total > 0.0 && total.is_finite() && top.is_finite()) {
                    return Err(broken(self.model, &format!("the reading {y} of row {} is impossible", row + 1)));
                }
                if flat {
                    flat = false;
                } else {
                    out.log_likelihood[row] += top + math::ln(total);
                    let below =
                        at.iter().zip(&now).map(|((of, law), m)| m.max(0.0) * noise::cdf(law, y - of)).sum::<f64>();
                    out.pit[k][row] = Some(below / now.iter().map(|m| m.max(0.0)).sum::<f64>());
                }
                now = weighed.into_iter().map(|w| w / total).collect();
                keep(&mut most, &now);
            }
        }
        let n = nodes.len();
        for (k, side) in [[0, 1], [n - 1, n - 2]].into_iter().enumerate() {
            if self.meshes.levels() > 1 && self.meshes.is_cut()[k] && side.iter().any(|i| most[*i] > LOST) {
                return Err(broken(self.model, "these parameters carry the probability off its grid"));
            }
        }
        let held: f64 = now.iter().sum();
        let mean = now.iter().zip(nodes).map(|(m, x)| m * x).sum::<f64>() / held;
        let variance = now.iter().zip(nodes).map(|(m, x)| m * (x - mean) * (x - mean)).sum::<f64>() / held;
        out.mean = vec![mean];
        Ok(Level { filtered: out, variance, most })
    }

    /// The masses at the first row; `None` where nothing is known.
    fn first(&self, theta: &[f64], propagator: &Propagator, nodes: &[f64], edges: &[f64]) -> Result<Option<Vec<f64>>> {
        let none = |why: &str| broken(self.model, why);
        let (mean, sd) = match &self.begin {
            Begin::Flat => return Ok(None),
            Begin::Stationary => {
                let mass = propagator.stationary();
                return mass.map(Some).ok_or_else(|| none("there is no stationary law at these parameters"));
            }
            Begin::Normal(mean, sd) => (*mean, *sd),
            Begin::File => match &self.scalar.state.initial {
                Some(Initial::Value(id)) => (self.frame.at(*id, theta, 0.0), 0.0),
                Some(Initial::Law(law)) => {
                    let symbols = self.frame.symbols(theta, 0.0);
                    let law = law.at(&self.frame, &symbols).ok_or_else(|| none("the initial law is none here"))?;
                    return Ok(Some(between(edges, |x| noise::cdf(&law, x))));
                }
                _ => return Err(none("the file gives no start")),
            },
        };
        if sd > 0.0 {
            return Ok(Some(between(edges, |x| math::normal_cdf((x - mean) / sd))));
        }
        // One place: shared by the nodes beside it, so that its mean is kept.
        let after = nodes.partition_point(|x| *x < mean).clamp(1, nodes.len() - 1);
        let share = ((mean - nodes[after - 1]) / (nodes[after] - nodes[after - 1])).clamp(0.0, 1.0);
        let mut mass = vec![0.0; nodes.len()];
        (mass[after - 1], mass[after]) = (1.0 - share, share);
        Ok(Some(mass))
    }

    /// What is read at each place, and the law of its error there.
    fn laws(&self, k: usize, theta: &[f64], time: f64, places: &[f64]) -> Result<Vec<(f64, Law)>> {
        let none = || broken(self.model, "an error of measurement has no law at these parameters");
        let noise = self.readings[k].noise.as_ref().ok_or_else(none)?;
        let mut out = vec![vec![0.0; places.len()]; 1 + noise.arguments.len()];
        let mut outputs: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        self.read[k].run(&self.frame.symbols(theta, time), &[places], &mut outputs, &mut Scratch::default());
        let law = |i: usize| {
            let mut arguments = [0.0; 3];
            for (to, from) in arguments.iter_mut().zip(&out[1..]) {
                *to = from[i];
            }
            Law::new(noise.family, &arguments[..noise.arguments.len()]).map(|law| (out[0][i], law))
        };
        (0..places.len()).map(law).collect::<Option<Vec<_>>>().ok_or_else(none)
    }

    /// `ln f(y | x)` of each cell: at its node, or where the density of the error jumps its mean over the cell.
    fn weigh(
        &self,
        k: usize,
        at: &[(f64, Law)],
        (theta, time, edges): (&[f64], f64, &[f64]),
        y: f64,
    ) -> Result<Vec<f64>> {
        let family = self.readings[k].noise.as_ref().map_or(Family::Normal, |law| law.family);
        if noise::is_smooth(family) {
            return Ok(at.iter().map(|(of, law)| noise::ln_density(law, y - of)).collect());
        }
        let ends = self.laws(k, theta, time, edges)?;
        Ok((0..at.len()).map(|i| math::ln(noise::average(&at[i].1, y - ends[i].0, y - ends[i + 1].0))).collect())
    }
}

/// What a distribution function puts between edges, as shares of all that is on the grid.
fn between(edges: &[f64], cdf: impl Fn(f64) -> f64) -> Vec<f64> {
    let at: Vec<f64> = edges.iter().map(|x| cdf(*x)).collect();
    let total = (at[at.len() - 1] - at[0]).max(1e-300);
    at.windows(2).map(|w| (w[1] - w[0]) / total).collect()
}

fn richardson(fine: f64, coarse: f64) -> f64 {
    fine + (fine - coarse) / 3.0
}

fn joined(fine: Level, coarse: &Level, error: f64) -> Filtered {
    let mut out = fine.filtered;
    let other = &coarse.filtered;
    out.log_likelihood.iter_mut().zip(&other.log_likelihood).for_each(|(f, c)| *f = richardson(*f, *c));
    for (f, c) in out.predicted.iter_mut().flatten().zip(other.predicted.iter().flatten()) {
        if let (Some(f), Some(c)) = (f, c) {
            *f = Predicted { mean: richardson(f.mean, c.mean), sd: richardson(f.sd, c.sd).max(0.0) };
        }
    }
    for (f, c) in out.pit.iter_mut().flatten().zip(other.pit.iter().flatten()) {
        if let (Some(f), Some(c)) = (f, c) {
            *f = richardson(*f, *c).clamp(0.0, 1.0);
        }
    }
    out.mean[0] = richardson(out.mean[0], other.mean[0]);
    out.covariance = vec![vec![richardson(fine.variance, coarse.variance).max(0.0)]];
    out.error = Some(error);
    out
}

/// Mean and standard deviation of a reading.
fn predicted(at: &[(f64, Law)], mass: &[f64]) -> Predicted {
    let total: f64 = mass.iter().sum();
    let mean = at.iter().zip(mass).map(|((of, law), m)| m * (of + law.mean())).sum::<f64>() / total;
    let square = |(of, law): &(f64, Law)| {
        let off = of + law.mean() - mean;
        off * off + law.variance()
    };
    let variance = at.iter().zip(mass).map(|(l, m)| m * square(l)).sum::<f64>() / total;
    Predicted { mean, sd: variance.max(0.0).sqrt() }
}

fn begin(model: &Model, start: &Start, theta: &[f64]) -> Result<Begin> {
    let initial = diffusion(model).and_then(|p| p.states[0].initial.as_ref());
    let file = match initial {
        Some(Initial::Law(law)) if noise::why_not(law.family).is_some() => None,
        Some(Initial::Value(_) | Initial::Law(_)) => Some(Begin::File),
        Some(Initial::Stationary) => Some(Begin::Stationary),
        None => None,
    };
    let settles = stationary(model, theta, 0);
    match start {
        Start::Auto if settles.is_ok() => Ok(Begin::Stationary),
        Start::Auto => Ok(file.unwrap_or(Begin::Flat)),
        Start::Diffuse => Ok(Begin::Flat),
        Start::Stationary => settles.map(|_| Begin::Stationary),
        Start::File => file.ok_or_else(|| start.refused(model, "its file gives no initial law that a grid can hold")),
        Start::Given { mean, covariance } => {
            start.check(model)?;
            Ok(Begin::Normal(mean[0], covariance[0][0].sqrt()))
        }
    }
}

/// Values of readings that are the state itself, less the mean of their error, inside the domain.
fn seen(scalar: &Scalar, list: &[Reading], record: &Observations, frame: &Frame) -> Vec<f64> {
    let itself = |r: &Reading| frame.pool.node(r.of) == Node::Symbol(symbol::STATE as u32);
    let columns = list.iter().zip(&record.values).filter(|(r, _)| itself(r));
    columns.flat_map(|(_, column)| column.iter().flatten().copied()).filter(|x| scalar.state.holds(*x)).collect()
}

/// Where the state may be: the middle of what is read of it, else of its stationary law, its start or its domain.
fn centre(model: &Model, scalar: &Scalar, values: &[f64], theta: &[f64]) -> f64 {
    if !values.is_empty() {
        return crate::stats::quantile(values, 0.5);
    }
    let (low, high) = (scalar.state.lower, scalar.state.upper);
    let inside = match (low.is_finite(), high.is_finite()) {
        (true, true) => 0.5 * (low + high),
        (true, false) => low + 1.0,
        (false, true) => high - 1.0,
        (false, false) => 0.0,
    };
    let given = || model.initial_values(theta).first().copied().flatten();
    let median = stationary(model, theta, 0).ok().map(|law| law.quantile(0.5));
    median.or_else(given).filter(|x| scalar.state.holds(*x)).unwrap_or(inside)
}

/// A first guess of how far the state strays from the centre, in the Lamperti coordinate.
fn sight(scalar: &Scalar, theta: &[f64], centre: f64, steps: &Steps, values: &[f64]) -> [f64; 2] {
    let b = scalar.coefficients(theta).at(0.0, centre).1.abs();
    let step = steps.lengths.first().copied().unwrap_or(1.0).sqrt();
    let far = values.iter().fold(0.0, |m: f64, x| m.max((x - centre).abs()));
    let reach = (1.2 * far / b).max(6.0 * step);
    if reach.is_finite() { [reach; 2] } else { [6.0 * step; 2] }
}

fn broken(model: &Model, why: &str) -> Error {
    Error::Numerics {
        what: format!("the grid filter of model '{}'", model.id),
        why: why.to_string(),
        hint: "check the parameters with --set, or take the unscented filter".to_string(),
    }
}

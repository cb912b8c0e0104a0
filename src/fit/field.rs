//! Parameters of a field from measured profiles or probes, by least squares.
//!
//! Minimises `Σ w (u_measured - u(x, t; θ))²` in transformed coordinates. Derivatives are central differences of solutions along
//! one list of time steps, so they are those of a smooth function; near the minimum the steps are held, and so is the grid.

use super::certify::Status;
use super::least_squares::{Axis, Judged, Problem, judge, minimise};
use crate::base::{Coordinate, Error, Param, Result};
use crate::form::field::{Options, Profiles, estimate, solve_along};
use crate::models::Model;
use crate::process::{Field, Process};
use nalgebra::{DMatrix, DVector};

/// Measured values of a field in one dimension: profiles, probes, or any mixture, a row each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measured {
    /// Places, within the interval.
    pub x: Vec<f64>,
    /// Times from the start, none negative.
    pub t: Vec<f64>,
    /// Measured values, in the unit of the unknown.
    pub u: Vec<f64>,
    /// Weights of the squares, the inverse variances up to one factor; empty where all count the same.
    pub weight: Vec<f64>,
}

/// How to fit a field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldSettings {
    /// Grid, scheme and tolerance of every solution; [`FieldFit::grid_error`] tells whether they suffice.
    pub options: Options,
    /// Parameters held at a value.
    pub fixed: Vec<(String, f64)>,
    /// Starting values.
    pub initial: Vec<(String, f64)>,
    /// Steps of the trust region.
    pub max_iterations: u64,
}

impl Default for FieldSettings {
    fn default() -> FieldSettings {
        let options = Options { cells: 200, tolerance: 1e-7, ..Options::default() };
        FieldSettings { options, fixed: Vec::new(), initial: Vec::new(), max_iterations: 100 }
    }
}

/// A field fitted, and whether to believe it.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldFit {
    /// All parameters, in the order of the model.
    pub theta: Vec<f64>,
    /// Standard errors `s² (JᵀWJ)⁻¹`; none for what was held or cannot be told.
    pub se: Vec<Option<f64>>,
    /// `[parameter]`: not fitted, since it was fixed or places an end of the interval.
    pub held: Vec<bool>,
    /// Whether the search ended at an optimum.
    pub status: Status,
    /// Sum of weighted squares at the estimate.
    pub squares: f64,
    /// Residual standard deviation `s`, of a row of weight one.
    pub sd: f64,
    /// The model at the rows.
    pub fitted: Vec<f64>,
    /// Steps of the trust region that were made.
    pub iterations: u64,
    /// Estimated error of the grid at the estimate, in the unknown's unit: it should be small against `sd`.
    pub grid_error: f64,
}

/// Fit the parameters of a field in one dimension to measured values.
///
/// Parameters that place the ends of the interval are held (at `fixed`, `initial` or their defaults): a length is measured.
/// Values between nodes by cubic interpolation. Standard errors take the rows' errors as independent and the model as true
/// (Seber & Wild 1989, section 2.1.2).
///
/// Cost: two solutions a free parameter and iteration.
///
/// Not for errors along a probe that go on from row to row: there the standard errors are too small.
///
/// # Errors
/// [`Error::BadOption`] for rows that are not finite or lie outside, [`Error::UnknownParam`], [`Error::ParamOutOfBounds`],
/// [`Error::TooFewRows`], and those of solving at the start.
pub fn fit(model: &Model, measured: &Measured, settings: &FieldSettings) -> Result<FieldFit> {
    let field = of_one_axis(model)?;
    let mut params = model.default_params();
    for (name, value) in settings.initial.iter().chain(&settings.fixed) {
        params.set(name, *value)?;
    }
    let fixed = settings.fixed.iter().map(|(name, _)| params.index(name)).collect::<Result<Vec<usize>>>()?;
    let ends = [field.axes[0].from, field.axes[0].to];
    let places = |k: usize| ends.iter().any(|e| field.frame.pool.depends_on(*e, field.frame.param(k)));
    let held: Vec<bool> = (0..params.list.len()).map(|k| fixed.contains(&k) || places(k)).collect();
    let free: Vec<usize> = (0..held.len()).filter(|k| !held[*k]).collect();
    check(model, field, &params.values, measured, free.len())?;
    let task = Task::new(model, measured, settings);
    let axes: Vec<Axis> = free.iter().map(|k| Axis::of(&model.params[*k])).collect();
    let start: Vec<f64> = free.iter().map(|k| model.params[*k].to_coordinate(params.values[*k])).collect();
    // The start's own error says more than that there was one.
    task.at(&params.values, None)?;
    // Residuals at round-off of the values say nothing.
    let floor = 1e-20 * measured.u.iter().map(|u| u * u).sum::<f64>().max(1e-280);
    let mut search = Search { task: &task, base: params.values.clone(), free: &free, held: None };
    let Some(found) = minimise(&mut search, &start, &axes, settings.max_iterations, floor) else {
        return Err(Error::Numerics {
            what: format!("the fit of '{}'", model.id),
            why: "it cannot be solved at the start".to_string(),
            hint: "give starting values with --set".to_string(),
        });
    };
    let theta = search.theta(&found.u);
    let squares = found.squares();
    let natural = task.jacobian(&theta, &free, &found.point.steps, Moves::Natural);
    let Judged { status, se, variance } = match natural {
        None => Judged::failed("the model cannot be solved beside the estimate", theta.len()),
        Some(slopes) => judge(&model.params, &theta, &free, &found.residuals, &slopes, None, floor),
    };
    let mut times = measured.t.clone();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let grid_error = estimate(model, &theta, &times, &settings.options, None)?.error;
    let (fitted, iterations) = (found.point.fitted, found.iterations);
    Ok(FieldFit { theta, se, held, status, squares, sd: variance.sqrt(), fitted, iterations, grid_error })
}

fn of_one_axis(model: &Model) -> Result<&Field> {
    let why = match &model.process {
        Process::Field(field) if field.axes.len() == 1 => return Ok(field),
        Process::Field(_) => "a field is fitted in one dimension".to_string(),
        other => format!("'{}' is a {}, not a field", model.id, other.kind()),
    };
    let hint = Some("kramers models lists the fields; heat-rod is one".to_string());
    Err(Error::BadOption { flag: "--model".to_string(), value: model.id.clone(), expected: why, hint })
}

fn check(model: &Model, field: &Field, theta: &[f64], measured: &Measured, free: usize) -> Result<()> {
    let bad = |what: &str, value: f64, expected: String| {
        Err(Error::BadOption { flag: what.to_string(), value: value.to_string(), expected, hint: None })
    };
    let n = measured.u.len();
    let lengths = [measured.x.len(), measured.t.len()];
    if lengths != [n, n] || !(measured.weight.is_empty() || measured.weight.len() == n) {
        return bad("rows", n as f64, "places, times, values and weights of the same number".to_string());
    }
    if n <= free {
        let purpose = format!("fitting the {free} free parameters of '{}'", model.id);
        return Err(Error::TooFewRows { series: "the table".to_string(), rows: n, needed: free + 1, purpose });
    }
    let (from, to) = (field.frame.at(field.axes[0].from, theta, 0.0), field.frame.at(field.axes[0].to, theta, 0.0));
    if let Some(x) = measured.x.iter().find(|x| !(from..=to).contains(*x)) {
        return bad("place", *x, format!("places from {from} to {to}, where '{}' lives", model.id));
    }
    if let Some(t) = measured.t.iter().find(|t| !(**t >= 0.0 && t.is_finite())) {
        return bad("time", *t, "times from the start, 0, on".to_string());
    }
    if let Some(u) = measured.u.iter().find(|u| !u.is_finite()) {
        return bad("value", *u, "finite values".to_string());
    }
    match measured.weight.iter().find(|w| !(**w > 0.0 && w.is_finite())) {
        Some(w) => bad("weight", *w, "positive weights".to_string()),
        None => Ok(()),
    }
}

/// In what a parameter is moved for its difference quotient.
#[derive(Clone, Copy, PartialEq)]
enum Moves {
    Coordinate,
    Natural,
}

/// The rows, and where each finds its value among the profiles.
struct Task<'a> {
    model: &'a Model,
    measured: &'a Measured,
    options: &'a Options,
    /// Distinct times in order, and each row's place among them.
    times: Vec<f64>,
    row_time: Vec<usize>,
    root_weight: Vec<f64>,
}

/// The model at the rows, and the time steps that were taken.
struct Point {
    fitted: Vec<f64>,
    steps: Vec<f64>,
}

impl<'a> Task<'a> {
    fn new(model: &'a Model, measured: &'a Measured, settings: &'a FieldSettings) -> Task<'a> {
        let mut times = measured.t.clone();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let row_time = measured.t.iter().map(|t| times.partition_point(|other| other < t)).collect();
        let root_weight = match measured.weight.is_empty() {
            true => vec![1.0; measured.u.len()],
            false => measured.weight.iter().map(|w| w.sqrt()).collect(),
        };
        Task { model, measured, options: &settings.options, times, row_time, root_weight }
    }

    /// What is left of the measured values, times the roots of the weights, along these time steps or along the model's own.
    fn at(&self, theta: &[f64], steps: Option<&[f64]>) -> Result<(DVector<f64>, Point)> {
        let (profiles, steps) = solve_along(self.model, theta, &self.times, self.options, steps)?;
        let rows = self.measured.x.iter().zip(&self.row_time);
        let fitted: Vec<f64> = rows.map(|(x, t)| between(&profiles, *t, *x)).collect();
        let left = |i: usize| self.root_weight[i] * (self.measured.u[i] - fitted[i]);
        let residuals = DVector::from_fn(fitted.len(), |i, _| left(i));
        Ok((residuals, Point { fitted, steps }))
    }

    /// `√w ∂u/∂θ` by central differences along fixed steps; `None` where the model cannot be solved.
    fn jacobian(&self, theta: &[f64], free: &[usize], steps: &[f64], moves: Moves) -> Option<DMatrix<f64>> {
        const SHARE: f64 = 1e-5;
        /// A parameter that moves the values by less than this part of them, when moved by its own size, does nothing: what is
        /// left is round-off of the difference quotient.
        const NOTHING: f64 = 1e-6;
        let size = (0..self.measured.u.len()).map(|i| self.root_weight[i] * self.measured.u[i]);
        let nothing = NOTHING * SHARE * size.map(|u| u * u).sum::<f64>().sqrt();
        let mut jacobian = DMatrix::zeros(self.measured.u.len(), free.len());
        for (column, k) in free.iter().enumerate() {
            let param = &self.model.params[*k];
            let (value, u) = (theta[*k], param.to_coordinate(theta[*k]));
            let ends = match (moves, param.coordinate()) {
                (Moves::Coordinate, Coordinate::Log | Coordinate::Logit) => {
                    [param.to_natural(u - SHARE), param.to_natural(u + SHARE)]
                }
                _ => {
                    let h = SHARE * step_size(param, value);
                    [(value - h).max(param.lower), (value + h).min(param.upper)]
                }
            };
            let solved = ends.map(|end| {
                let mut moved = theta.to_vec();
                moved[*k] = end;
                self.at(&moved, Some(steps)).ok().map(|(residuals, _)| residuals)
            });
            let [Some(low), Some(high)] = solved else { return None };
            let by = match moves {
                Moves::Natural => ends[1] - ends[0],
                Moves::Coordinate => param.to_coordinate(ends[1]) - param.to_coordinate(ends[0]),
            };
            let change = low - high;
            if by > 0.0 && change.norm() > nothing {
                jacobian.set_column(column, &(change / by));
            }
        }
        Some(jacobian)
    }
}

/// A move in natural units that is neither round-off nor large.
fn step_size(param: &Param, value: f64) -> f64 {
    match param.coordinate() {
        Coordinate::Logit => param.upper - param.lower,
        Coordinate::Log => value.abs().max(1e-280),
        Coordinate::Linear => value.abs().max(1.0),
    }
}

/// The value between nodes by the cubic through the four nearest (Lagrange); the spacing is even.
fn between(profiles: &Profiles, time: usize, x: f64) -> f64 {
    let (nodes, u) = (&profiles.x, &profiles.u[time]);
    let last = nodes.len() - 1;
    let k = nodes.partition_point(|n| *n <= x).saturating_sub(2).min(last - 3);
    let s = (x - nodes[k]) / ((nodes[last] - nodes[0]) / last as f64);
    let (a, b, c, d) = (s, s - 1.0, s - 2.0, s - 3.0);
    -b * c * d / 6.0 * u[k] + a * c * d / 2.0 * u[k + 1] - a * b * d / 2.0 * u[k + 2] + a * b * c / 6.0 * u[k + 3]
}

/// The rows seen by the trust region.
struct Search<'t, 'a> {
    task: &'t Task<'a>,
    base: Vec<f64>,
    free: &'t [usize],
    /// Time steps that stay as they are, once progress is slow.
    held: Option<Vec<f64>>,
}

impl Search<'_, '_> {
    fn theta(&self, u: &[f64]) -> Vec<f64> {
        let mut theta = self.base.clone();
        for (k, u) in self.free.iter().zip(u) {
            theta[*k] = self.task.model.params[*k].to_natural(*u);
        }
        theta
    }
}

impl Problem for Search<'_, '_> {
    type Point = Point;

    fn at(&mut self, u: &[f64]) -> Option<(DVector<f64>, Point)> {
        self.task.at(&self.theta(u), self.held.as_deref()).ok()
    }

    fn jacobian(&mut self, u: &[f64], point: &Point) -> Option<DMatrix<f64>> {
        self.task.jacobian(&self.theta(u), self.free, &point.steps, Moves::Coordinate)
    }

    fn settle(&mut self, point: &Point) {
        self.held = Some(point.steps.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed, math};
    use crate::form::field::solve;
    use crate::models::built_in;

    /// A rod of α = 0.02 between 80 and 20, measured with errors of 0.5.
    fn noisy(places: &[f64], times: &[f64]) -> Result<Measured> {
        let rod = built_in("heat-rod")?;
        let options = Options { cells: 400, tolerance: 1e-8, ..Options::default() };
        let truth = solve(&rod, &[1.0, 0.02, 80.0, 20.0], times, &options)?;
        let mut stream = Seed(7).key(Purpose::Simulation, 0, 0).stream(0);
        let mut measured = Measured::default();
        for (k, t) in times.iter().enumerate() {
            for x in places {
                measured.x.push(*x);
                measured.t.push(*t);
                measured.u.push(between(&truth, k, *x) + 0.5 * stream.normal());
            }
        }
        Ok(measured)
    }

    fn quick() -> FieldSettings {
        FieldSettings {
            options: Options { cells: 100, tolerance: 1e-6, ..Options::default() },
            ..FieldSettings::default()
        }
    }

    #[test]
    fn a_noisy_rod_gives_back_its_diffusivity_within_three_standard_errors() -> Result<()> {
        let rod = built_in("heat-rod")?;
        let places: Vec<f64> = (1..10).map(|i| f64::from(i) * 0.1 + 0.013).collect();
        let fit = fit(&rod, &noisy(&places, &[1.0, 3.0, 6.0])?, &quick())?;
        assert_eq!(fit.status, Status::Converged);
        assert_eq!(fit.held, [true, false, false, false]);
        for (k, truth) in [(1, 0.02), (2, 80.0), (3, 20.0)] {
            let se = fit.se[k].expect("a standard error");
            assert!((fit.theta[k] - truth).abs() < 3.0 * se && se < 0.1 * truth, "{k}: {} {se}", fit.theta[k]);
        }
        // s² is 0.25 χ²₂₄/24: within four of its standard deviations.
        assert!((fit.sd * fit.sd / 0.25 - 1.0).abs() < 4.0 * (2.0f64 / 24.0).sqrt(), "{}", fit.sd);
        assert!(fit.grid_error < 0.05, "{}", fit.grid_error);
        Ok(())
    }

    #[test]
    fn one_probe_tells_a_diffusivity_when_the_ends_are_known() -> Result<()> {
        let rod = built_in("heat-rod")?;
        let times: Vec<f64> = (1..=40).map(|i| f64::from(i) * 0.25).collect();
        let fixed = vec![("hot".to_string(), 80.0), ("cold".to_string(), 20.0)];
        let settings = FieldSettings { fixed, ..quick() };
        let fit = fit(&rod, &noisy(&[0.4], &times)?, &settings)?;
        assert_eq!(fit.status, Status::Converged);
        let se = fit.se[1].expect("a standard error");
        assert!((fit.theta[1] - 0.02).abs() < 3.0 * se && se < 1e-3, "{} {se}", fit.theta[1]);
        Ok(())
    }

    #[test]
    fn a_rod_at_rest_says_nothing_about_its_diffusivity() -> Result<()> {
        let rod = built_in("heat-rod")?;
        let places = [0.2, 0.4, 0.6, 0.8];
        let truth = |x: f64| 100.0 * (1.0 - x);
        let measured = Measured {
            x: places.to_vec(),
            t: vec![50.0; 4],
            u: places.iter().map(|x| truth(*x) + 0.1 * math::sin(40.0 * x)).collect(),
            weight: Vec::new(),
        };
        let fit = fit(&rod, &measured, &quick())?;
        assert_eq!(fit.status, Status::Flat("alpha".to_string()));
        Ok(())
    }

    #[test]
    fn rows_that_cannot_be_are_refused() -> Result<()> {
        let rod = built_in("heat-rod")?;
        let row = |x: f64, t: f64, u: f64| Measured { x: vec![x; 5], t: vec![t; 5], u: vec![u; 5], weight: Vec::new() };
        for bad in [row(2.0, 1.0, 1.0), row(0.5, -1.0, 1.0), row(0.5, 1.0, f64::NAN)] {
            assert!(matches!(fit(&rod, &bad, &quick()), Err(Error::BadOption { .. })));
        }
        let short = Measured { x: vec![0.5; 2], t: vec![1.0; 2], u: vec![1.0; 2], weight: Vec::new() };
        assert!(matches!(fit(&rod, &short, &quick()), Err(Error::TooFewRows { .. })));
        let ou = built_in("ou")?;
        assert!(matches!(fit(&ou, &row(0.5, 1.0, 1.0), &quick()), Err(Error::BadOption { .. })));
        Ok(())
    }
}

//! Parameters from mean curves over time: concentrations, or means of many replicates.
//!
//! Minimises `Σ w (observed - predicted)²` over all components, times and experiments. What is predicted is the mean where moments close
//! (`form::moments`, exact), else the rate equations of a network, the limit of many molecules.

use super::certified::first_and_free;
use super::certify::Status;
use super::least_squares::{Axis, Found, Judged, Problem, judge, minimise, sum_of_squares};
use super::slopes::slopes;
use super::starts::{Look, Scan};
use super::{Estimate, Objective, Settings, StartOutcome};
use crate::base::{Error, Param, Params, Result, math};
use crate::form::{moments, ode};
use crate::models::Model;
use crate::process::Process;
use crate::stats;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// One experiment: components measured over time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trajectories {
    /// What errors call it.
    pub name: String,
    /// Time of the start.
    pub t0: f64,
    /// Starts of components, by name; what is not named starts as the model's file says, at the parameters tried.
    pub start: Vec<(String, f64)>,
    /// Parameters with a value of this experiment's own, known and not fitted: the temperature of an Arrhenius law, say. One that every
    /// experiment gives is not fitted at all.
    pub given: Vec<(String, f64)>,
    /// Not decreasing, none before `t0`; equal times are replicates.
    pub times: Vec<f64>,
    /// The components that were measured.
    pub columns: Vec<Column>,
}

/// One component's values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Column {
    /// A state or species of the model.
    pub component: String,
    /// `[time]`, `None` where nothing was measured.
    pub values: Vec<Option<f64>>,
    /// Weights of the squares, the inverse variances up to one factor for all columns; empty where all are one.
    pub weight: Vec<f64>,
}

/// Mean curves fitted: look at `status` before using it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrajectoryFit {
    /// Id of the model.
    pub model: String,
    /// What the predicted means are of: "closed moments" or "rate equations".
    pub means: &'static str,
    /// `[parameter]` in the order of the model, held ones too.
    pub theta: Vec<f64>,
    /// One a parameter, in the order of `theta`.
    pub params: Vec<Estimate>,
    /// Whether the best start ended at an optimum.
    pub status: Status,
    /// Steps of the trust region from the best start.
    pub iterations: u64,
    /// Sum of weighted squares at the estimate.
    pub squares: f64,
    /// Residual standard deviation of a value of weight one.
    pub sd: f64,
    /// Values that were measured.
    pub observations: usize,
    /// Observations less free parameters: of Student's law, which the intervals are of.
    pub degrees_of_freedom: usize,
    /// `[experiment][column][time]`
    pub fitted: Vec<Vec<Vec<f64>>>,
    /// Where every start ended, by sum of squares; infinite where the model could not be solved.
    pub starts: Vec<StartOutcome>,
    /// Sentences for the user: what to do about the status, and means that are those of many molecules.
    pub warnings: Vec<String>,
}

/// Fit the parameters of `model` to mean curves of one or more experiments, by a trust region from every start.
///
/// Standard errors are `s² (JᵀWJ)⁻¹` (Seber & Wild 1989, section 2.1.2), intervals by Student's law: both take the errors of all values as
/// independent. Not for single paths of a process with noise of its own: their errors go on from time to time, and transitions or a
/// filter are right. Slopes of networks are solved beside their rate equations ([`ode::sensitivities`]), of closed moments of
/// diffusions they are differences of fourth order.
///
/// Cost: about `2 + free` solutions an iteration and experiment (`1 + 4 free` of diffusions), and some hundred cheap ones for each start.
///
/// # Errors
/// [`Error::BadOption`] for the objective `kl`, a robust loss, or data that do not fit the model; [`Error::FormUnavailable`] where neither means
/// close nor there are rate equations; [`Error::UnknownParam`], [`Error::ParamOutOfBounds`], [`Error::TooFewRows`]; [`Error::Numerics`] where no
/// start can be solved.
pub fn fit_trajectories(model: &Model, data: &[Trajectories], settings: &Settings) -> Result<TrajectoryFit> {
    check_settings(settings)?;
    let (first, mut free) = first_and_free(model, settings)?;
    for (name, _) in data.iter().flat_map(|experiment| &experiment.given) {
        let k = first.index(name)?;
        let everywhere = data.iter().all(|experiment| experiment.given.iter().any(|(other, _)| other == name));
        free.retain(|other| *other != k || !everywhere);
    }
    let task = Task::new(model, data, &first.values, &free)?;
    let rough = |theta: &[f64]| task.residuals(theta, ROUGH).map_or(f64::INFINITY, |r| sum_of_squares(&r));
    let (centres, scales) = task.sizes();
    let points = Scan { loss: &rough, centres, scales, look: Look::Wide, second: None }.points(
        &first,
        &free,
        settings,
        !settings.initial.is_empty(),
    );
    let searched: Vec<Option<Ended>> =
        points.par_iter().map(|point| task.search(point, &free, settings.max_iterations)).collect();
    let lowest = searched.iter().flatten().map(|e| e.squares).fold(f64::INFINITY, f64::min);
    let outcome = |ended: &Option<Ended>| match ended {
        Some(e) => StartOutcome {
            objective_value: e.squares,
            below_best: None,
            status: match &e.judged.status {
                Status::Converged if task.lies_above(e.squares, lowest) => Status::ConvergedLocal,
                other => other.clone(),
            },
        },
        None => StartOutcome {
            objective_value: f64::INFINITY,
            below_best: None,
            status: Status::Failed("it cannot be solved at the start".to_string()),
        },
    };
    let starts: Vec<StartOutcome> = searched.iter().map(outcome).collect();
    let key = |i: &usize| (!starts[*i].status.can_forecast(), starts[*i].objective_value);
    let order = |a: &usize, b: &usize| key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1));
    let best = (0..starts.len()).min_by(order).unwrap_or(0);
    let status = starts[best].status.clone();
    match searched.into_iter().nth(best).flatten() {
        Some(ended) => task.describe(ended, status, &free, starts),
        // The start's own error says more than that there was one.
        None => Err(task.means(&points[0], FINE).err().unwrap_or_else(|| Error::Numerics {
            what: format!("the fit of '{}'", model.id),
            why: "the means are not finite at any start".to_string(),
            hint: "give starting values with --set".to_string(),
        })),
    }
}

/// Tolerances of the rate equations: for the scan, and for the fit.
const ROUGH: f64 = 1e-5;
const FINE: f64 = 1e-11;
/// Of their slopes: the certificate asks for a score to a millionth of its standard deviation.
const SLOPES: f64 = 1e-9;

fn check_settings(settings: &Settings) -> Result<()> {
    let bad = |flag: &str, value: &str, expected: &str, hint: Option<&str>| {
        let [flag, value, expected] = [flag, value, expected].map(str::to_string);
        Err(Error::BadOption { flag, value, expected, hint: hint.map(str::to_string) })
    };
    if settings.objective != Objective::Mse {
        return bad("--objective", "kl", "mse, the objective of mean curves", Some("--objective mse"));
    }
    if settings.robust.is_some() {
        return bad("--robust", "huber", "no robust loss with trajectories", None);
    }
    Ok(())
}

/// A search that ended, judged.
struct Ended {
    theta: Vec<f64>,
    squares: f64,
    iterations: u64,
    judged: Judged,
}

/// The measured values, and where each finds its prediction.
struct Task<'a> {
    model: &'a Model,
    data: &'a [Trajectories],
    closes: bool,
    /// `[experiment]`: distinct times in order.
    times: Vec<Vec<f64>>,
    rows: Vec<Row>,
    /// Sums of squares below are round-off.
    floor: f64,
    /// Largest measured size.
    size: f64,
}

struct Row {
    experiment: usize,
    time: usize,
    component: usize,
    value: f64,
    root_weight: f64,
}

impl<'a> Task<'a> {
    fn new(model: &'a Model, data: &'a [Trajectories], theta: &[f64], free: &[usize]) -> Result<Task<'a>> {
        let closes = moments::why_not(model).is_none();
        if !closes && !matches!(model.process, Process::Network(_)) {
            return Err(Error::FormUnavailable {
                form: "trajectories".to_string(),
                model: model.id.clone(),
                why: format!("its means are not closed: {}", moments::why_not(model).unwrap_or_default()),
                available: Vec::new(),
            });
        }
        let mut task = Task { model, data, closes, times: Vec::new(), rows: Vec::new(), floor: 0.0, size: 0.0 };
        for (index, experiment) in data.iter().enumerate() {
            task.read(index, experiment)?;
        }
        if task.rows.len() <= free.len() {
            return Err(Error::TooFewRows {
                series: "the trajectories".to_string(),
                rows: task.rows.len(),
                needed: free.len() + 1,
                purpose: format!("fitting the {} free parameters of '{}'", free.len(), model.id),
            });
        }
        for index in 0..data.len() {
            task.start(index, &task.parameters(index, theta)?)?;
        }
        let squares: f64 = task.rows.iter().map(|r| r.root_weight * r.value).map(|v| v * v).sum();
        task.floor = if closes { 1e-24 } else { 1e-20 } * squares.max(1e-280);
        task.size = task.rows.iter().map(|r| r.value.abs()).fold(0.0, f64::max);
        Ok(task)
    }

    /// One experiment's rows.
    fn read(&mut self, index: usize, experiment: &Trajectories) -> Result<()> {
        let times = &experiment.times;
        let ordered =
            times.windows(2).all(|w| w[0] <= w[1]) && times.iter().all(|t| *t >= experiment.t0 && t.is_finite());
        if !ordered {
            return Err(bad("--time", &experiment.name, format!("finite times in order, from {} on", experiment.t0)));
        }
        let mut distinct = times.clone();
        distinct.dedup();
        for column in &experiment.columns {
            let component = self.component(&column.component)?;
            let lengths =
                [column.values.len(), if column.weight.is_empty() { times.len() } else { column.weight.len() }];
            if lengths != [times.len(), times.len()] {
                return Err(bad(
                    "--value",
                    &column.component,
                    format!("{} values and weights, one a time", times.len()),
                ));
            }
            for (i, value) in column.values.iter().enumerate() {
                let weight = column.weight.get(i).copied().unwrap_or(1.0);
                if !(weight > 0.0 && weight.is_finite()) {
                    return Err(bad("--weights", &weight.to_string(), "positive weights".to_string()));
                }
                let Some(value) = *value else { continue };
                if !value.is_finite() {
                    return Err(bad("--value", &value.to_string(), "finite values, or none".to_string()));
                }
                let time = distinct.partition_point(|t| *t < times[i]);
                self.rows.push(Row { experiment: index, time, component, value, root_weight: weight.sqrt() });
            }
        }
        self.times.push(distinct);
        Ok(())
    }

    fn component(&self, name: &str) -> Result<usize> {
        let names: Vec<String> = self.model.variables().into_iter().map(|(name, _)| name).collect();
        let expected = format!("a component of '{}': {}", self.model.id, names.join(", "));
        names.iter().position(|n| n == name).ok_or_else(|| bad("--value", name, expected))
    }

    /// The parameters of an experiment: those tried, and what it gives itself.
    fn parameters(&self, experiment: usize, theta: &[f64]) -> Result<Vec<f64>> {
        let mut own = Params::new(&self.model.id, self.model.params.clone());
        own.values = theta.to_vec();
        for (name, value) in &self.data[experiment].given {
            own.set(name, *value)?;
        }
        Ok(own.values)
    }

    /// Where an experiment begins at its parameters.
    fn start(&self, experiment: usize, theta: &[f64]) -> Result<Vec<f64>> {
        let mut start = self.model.initial_values(theta);
        for (name, value) in &self.data[experiment].start {
            start[self.component(name)?] = Some(*value);
        }
        let missing = start.iter().position(|x| x.is_none_or(|x| !x.is_finite()));
        if let Some(i) = missing {
            let name = self.model.variables().swap_remove(i).0;
            return Err(bad(
                "--from",
                &name,
                "a finite start of every component; the model's file gives none".to_string(),
            ));
        }
        Ok(start.into_iter().flatten().collect())
    }

    /// Predicted means, `[experiment][time][component]`.
    fn means(&self, theta: &[f64], tolerance: f64) -> Result<Vec<Vec<Vec<f64>>>> {
        let one = |(index, experiment): (usize, &Trajectories)| {
            let theta = self.parameters(index, theta)?;
            let (start, t0, times) = (self.start(index, &theta)?, experiment.t0, &self.times[index]);
            if self.closes
                && let Some(closed) = moments::closed_moments(self.model, &theta, &start, t0, times)
            {
                return closed.map(|moments| moments.mean);
            }
            let initial = ode::Initial { theta: &theta, start: &start, t0, times, tolerance };
            ode::rate_equations(self.model, &initial).map(|solution| solution.states)
        };
        self.data.iter().enumerate().map(one).collect()
    }

    /// `√w (observed - predicted)`; `None` where the model cannot be solved.
    fn residuals(&self, theta: &[f64], tolerance: f64) -> Option<DVector<f64>> {
        let means = self.means(theta, tolerance).ok()?;
        let left = |r: &Row| r.root_weight * (r.value - means[r.experiment][r.time][r.component]);
        let residuals = DVector::from_iterator(self.rows.len(), self.rows.iter().map(left));
        residuals.iter().all(|r| r.is_finite()).then_some(residuals)
    }

    /// `√w ∂f/∂θ` in natural parameters.
    fn jacobian(&self, theta: &[f64], free: &[usize]) -> Option<DMatrix<f64>> {
        if !matches!(self.model.process, Process::Network(_)) {
            let at = |theta: &[f64]| self.residuals(theta, FINE).map(|r| -r);
            return slopes(&self.model.params, theta, free, self.size, &at);
        }
        // Means that close obey the rate equations too.
        let each: Option<Vec<Vec<Vec<Vec<f64>>>>> =
            (0..self.data.len()).map(|index| self.sensitivities(index, theta, free)).collect();
        let each = each?;
        let entry = |i: usize, k: usize| {
            let r = &self.rows[i];
            r.root_weight * each[r.experiment][r.time][k][r.component]
        };
        let jacobian = DMatrix::from_fn(self.rows.len(), free.len(), entry);
        jacobian.iter().all(|v| v.is_finite()).then_some(jacobian)
    }

    /// Slopes of an experiment's rate equations, `[time][free][component]`.
    fn sensitivities(&self, index: usize, theta: &[f64], free: &[usize]) -> Option<Vec<Vec<Vec<f64>>>> {
        let experiment = &self.data[index];
        let is_given = |k: &usize| experiment.given.iter().any(|(name, _)| *name == self.model.params[*k].name);
        let theta = self.parameters(index, theta).ok()?;
        let start = self.start(index, &theta).ok()?;
        let of: Vec<usize> = free.iter().copied().filter(|k| !is_given(k)).collect();
        let begin = |theta: &[f64]| self.start(index, theta).ok().map(DVector::from_vec);
        let moved = slopes(&self.model.params, &theta, &of, self.size, &begin)?;
        let moved: Vec<Vec<f64>> = moved.column_iter().map(|column| column.iter().copied().collect()).collect();
        let (t0, times) = (experiment.t0, &self.times[index]);
        let initial = ode::Initial { theta: &theta, start: &start, t0, times, tolerance: SLOPES };
        let found = ode::sensitivities(self.model, &initial, &of, &moved).ok()?.slopes;
        let row = |slopes: Vec<Vec<f64>>| {
            let place = |k: &usize| of.iter().position(|other| other == k);
            free.iter().map(|k| place(k).map_or(vec![0.0; start.len()], |i| slopes[i].clone())).collect()
        };
        Some(found.into_iter().map(row).collect())
    }

    /// Levels and sizes the data suggest.
    fn sizes(&self) -> (Vec<f64>, Vec<f64>) {
        let values: Vec<f64> = self.rows.iter().map(|r| r.value).collect();
        let levels = [0.05, 0.5, 0.95].map(|p| stats::quantile(&values, p));
        let spans = self.times.iter().zip(self.data).filter_map(|(t, e)| Some(t.last()? - e.t0)).filter(|s| *s > 0.0);
        let rates = spans.flat_map(|span| [1.0 / span, 10.0 / span, 1.0 / (span * self.size)]);
        let sizes = rates.chain([self.size, stats::sd(&values), stats::mean(&values).abs()]);
        (levels.to_vec(), sizes.filter(|s| s.is_finite() && *s > 0.0).collect())
    }

    fn search(&self, start: &[f64], free: &[usize], most: u64) -> Option<Ended> {
        let params = &self.model.params;
        let axes: Vec<Axis> = free.iter().map(|k| Axis::of(&params[*k])).collect();
        let u: Vec<f64> = free.iter().map(|k| params[*k].to_coordinate(start[*k])).collect();
        let mut search = Search { task: self, base: start, free };
        let Found { u, residuals, iterations, .. } = minimise(&mut search, &u, &axes, most, self.floor)?;
        let theta = search.theta(&u);
        let judged = match self.jacobian(&theta, free) {
            None => Judged::failed("the model cannot be solved beside the estimate", theta.len()),
            Some(slopes) => judge(params, &theta, free, &residuals, &slopes, None, self.floor),
        };
        Some(Ended { squares: sum_of_squares(&residuals), theta, iterations, judged })
    }

    /// Whether a sum of squares is higher than the lowest by 1e-3 in the log-likelihood of normal errors.
    fn lies_above(&self, squares: f64, lowest: f64) -> bool {
        let ratio = squares.max(self.floor) / lowest.max(self.floor);
        0.5 * self.rows.len() as f64 * math::ln(ratio) > 1e-3
    }

    fn describe(
        &self,
        ended: Ended,
        status: Status,
        free: &[usize],
        starts: Vec<StartOutcome>,
    ) -> Result<TrajectoryFit> {
        let Ended { theta, squares, iterations, judged } = ended;
        let means = self.means(&theta, FINE)?;
        let column = |index: usize, column: &Column| -> Result<Vec<f64>> {
            let component = self.component(&column.component)?;
            let place = |t: &f64| self.times[index].partition_point(|other| other < t);
            Ok(self.data[index].times.iter().map(|t| means[index][place(t)][component]).collect())
        };
        let of = |(index, e): (usize, &Trajectories)| e.columns.iter().map(|c| column(index, c)).collect();
        let fitted = self.data.iter().enumerate().map(of).collect::<Result<Vec<Vec<Vec<f64>>>>>()?;
        let degrees_of_freedom = self.rows.len() - free.len();
        let point = math::student_quantile(0.975, degrees_of_freedom as f64);
        let estimate = |(k, p): (usize, &Param)| Estimate {
            name: p.name.clone(),
            estimate: theta[k],
            se: judged.se[k],
            lower: judged.se[k].map(|se| (theta[k] - point * se).max(p.lower)),
            upper: judged.se[k].map(|se| (theta[k] + point * se).min(p.upper)),
            unit: p.unit.clone(),
            at_bound: free.contains(&k) && p.bound_at(theta[k]).is_some(),
            fixed: !free.contains(&k),
        };
        let mut warnings: Vec<String> = status.remedy().into_iter().collect();
        if !self.closes {
            warnings.push(
                "the means of this network do not close; its rate equations, the limit of many molecules, are fitted"
                    .to_string(),
            );
        }
        Ok(TrajectoryFit {
            model: self.model.id.clone(),
            means: if self.closes { "closed moments" } else { "rate equations" },
            params: self.model.params.iter().enumerate().map(estimate).collect(),
            status,
            iterations,
            squares,
            sd: judged.variance.sqrt(),
            observations: self.rows.len(),
            degrees_of_freedom,
            fitted,
            starts,
            warnings,
            theta,
        })
    }
}

fn bad(flag: &str, value: &str, expected: String) -> Error {
    Error::BadOption { flag: flag.to_string(), value: value.to_string(), expected, hint: None }
}

/// The rows seen by the trust region.
struct Search<'t, 'a> {
    task: &'t Task<'a>,
    base: &'t [f64],
    free: &'t [usize],
}

impl Search<'_, '_> {
    fn theta(&self, u: &[f64]) -> Vec<f64> {
        let mut theta = self.base.to_vec();
        for (k, u) in self.free.iter().zip(u) {
            theta[*k] = self.task.model.params[*k].to_natural(*u);
        }
        theta
    }
}

impl Problem for Search<'_, '_> {
    type Point = ();

    fn at(&mut self, u: &[f64]) -> Option<(DVector<f64>, ())> {
        Some((self.task.residuals(&self.theta(u), FINE)?, ()))
    }

    fn jacobian(&mut self, u: &[f64], (): &()) -> Option<DMatrix<f64>> {
        let mut jacobian = self.task.jacobian(&self.theta(u), self.free)?;
        for (column, (k, u)) in self.free.iter().zip(u).enumerate() {
            jacobian.column_mut(column).scale_mut(self.task.model.params[*k].derivative(*u));
        }
        Some(jacobian)
    }
}

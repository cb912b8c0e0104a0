//! A curve, its rows and its parameters as one least-squares problem, whatever the number of experiments.

use super::{Axis, CurveFit, CurveSettings, Ended, Experiment, Found, StartOutcome, judge, math, sum_of_squares};
use crate::base::{Error, Param, Result};
use crate::fit::Estimate;
use crate::fit::least_squares::Problem;
use crate::form::curve::Compiled;
use crate::models::Model;
use crate::process::Process;
use nalgebra::{DMatrix, DVector};

/// All that does not change during a fit, and the compiled curve.
#[derive(Debug, Clone)]
pub(super) struct Posed<'a> {
    experiments: &'a [Experiment],
    compiled: Compiled<'a>,
    /// Every parameter that is estimated: shared ones once, local ones once an experiment.
    pub params: Vec<Param>,
    /// `[experiment][parameter of the model]`: its place among `params`.
    places: Vec<Vec<usize>>,
    pub free: Vec<usize>,
    /// Those of `free` the curve is linear in.
    pub linear: Vec<usize>,
    /// Where the first start begins.
    pub first: Vec<f64>,
    pub root_weight: Vec<f64>,
    /// Sums of squares below this are round-off of the values.
    pub floor: f64,
}

/// The curve at all rows.
pub(super) struct Evaluated {
    pub fitted: Vec<f64>,
    /// `√w (y - f)`
    pub residuals: DVector<f64>,
    /// `√w ∂f/∂θ`, a column for each of `params`.
    pub jacobian: DMatrix<f64>,
}

impl<'a> Posed<'a> {
    /// The problem of these experiments, with the parameters named in `local` once for each.
    ///
    /// # Errors
    /// Those of [`super::fit`] of the model, the settings and the rows.
    pub fn new(
        model: &'a Model,
        experiments: &'a [Experiment],
        local: &[&str],
        settings: &CurveSettings,
    ) -> Result<Posed<'a>> {
        let compiled = Compiled::new(model)?;
        let mut first = model.default_params();
        for (name, value) in settings.initial.iter().chain(&settings.fixed) {
            first.set(name, *value)?;
        }
        let index = |name: &str| first.index(name);
        let fixed = settings.fixed.iter().map(|(name, _)| index(name)).collect::<Result<Vec<usize>>>()?;
        let local = local.iter().map(|name| index(name)).collect::<Result<Vec<usize>>>()?;
        let mut params: Vec<Param> = Vec::new();
        let mut of_model = Vec::new();
        let mut places = vec![vec![0; model.params.len()]; experiments.len()];
        for (k, param) in model.params.iter().enumerate() {
            for (g, experiment) in experiments.iter().enumerate() {
                if g == 0 || local.contains(&k) {
                    let name = match local.contains(&k) {
                        true => format!("{}[{}]", param.name, experiment.name),
                        false => param.name.clone(),
                    };
                    params.push(Param { name, ..param.clone() });
                    of_model.push(k);
                }
                places[g][k] = params.len() - 1;
            }
        }
        let free: Vec<usize> = (0..params.len()).filter(|k| !fixed.contains(&of_model[*k])).collect();
        let linear = match &model.process {
            Process::Curve(curve) => curve.linear_in(&(0..model.params.len()).collect::<Vec<_>>()),
            _ => Vec::new(),
        };
        let linear = free.iter().copied().filter(|k| linear.contains(&of_model[*k])).collect();
        check(model, experiments, free.len())?;
        let weights = |e: &Experiment| match e.rows.weight.is_empty() {
            true => vec![1.0; e.rows.y.len()],
            false => e.rows.weight.iter().map(|w| w.sqrt()).collect(),
        };
        let root_weight: Vec<f64> = experiments.iter().flat_map(weights).collect();
        let values = experiments.iter().flat_map(|e| &e.rows.y);
        let size: f64 = values.zip(&root_weight).map(|(y, w)| (w * y) * (w * y)).sum();
        Ok(Posed {
            experiments,
            compiled,
            first: of_model.iter().map(|k| first.values[*k]).collect(),
            params,
            places,
            free,
            linear,
            root_weight,
            floor: 1e-28 * size.max(1e-270),
        })
    }

    /// Rows of all experiments.
    pub fn rows(&self) -> usize {
        self.root_weight.len()
    }

    /// What the trust region may do in each of these parameters.
    pub fn axes(&self, of: &[usize]) -> Vec<Axis> {
        of.iter().map(|k| Axis::of(&self.params[*k])).collect()
    }

    /// Coordinates of these parameters at `theta`.
    pub fn coordinates(&self, of: &[usize], theta: &[f64]) -> Vec<f64> {
        of.iter().map(|k| self.params[*k].to_coordinate(theta[*k])).collect()
    }

    fn of_experiment(&self, g: usize, theta: &[f64]) -> Vec<f64> {
        self.places[g].iter().map(|k| theta[*k]).collect()
    }

    /// Values, residuals and slopes at these parameters.
    ///
    /// # Errors
    /// Those of [`Compiled::at`].
    pub fn evaluate(&mut self, theta: &[f64]) -> Result<Evaluated> {
        let n = self.rows();
        let mut all = Evaluated {
            fitted: Vec::with_capacity(n),
            residuals: DVector::zeros(n),
            jacobian: DMatrix::zeros(n, self.params.len()),
        };
        let experiments = self.experiments;
        for (g, experiment) in experiments.iter().enumerate() {
            let own = self.of_experiment(g, theta);
            let sloped = self.compiled.at(&own, &experiment.rows.x)?;
            let from = all.fitted.len();
            for (i, value) in sloped.value.iter().enumerate() {
                all.residuals[from + i] = self.root_weight[from + i] * (experiment.rows.y[i] - value);
            }
            for (column, place) in sloped.jacobian.iter().zip(&self.places[g]) {
                for (i, slope) in column.iter().enumerate() {
                    all.jacobian[(from + i, *place)] = self.root_weight[from + i] * slope;
                }
            }
            all.fitted.extend(sloped.value);
        }
        Ok(all)
    }

    /// `Σ r √w ∂²f/∂θ²` over the free parameters.
    pub fn bend(&self, theta: &[f64], residuals: &DVector<f64>) -> Option<DMatrix<f64>> {
        let mut sums = DMatrix::zeros(self.params.len(), self.params.len());
        let mut from = 0;
        for (g, experiment) in self.experiments.iter().enumerate() {
            let to = from + experiment.rows.x.len();
            let by: Vec<f64> = (from..to).map(|i| residuals[i] * self.root_weight[i]).collect();
            let own = self.compiled.bend(&self.of_experiment(g, theta), &experiment.rows.x, &by)?;
            for (i, row) in own.iter().enumerate() {
                for (j, sum) in row.iter().enumerate() {
                    sums[(self.places[g][i], self.places[g][j])] += sum;
                }
            }
            from = to;
        }
        Some(sums.select_rows(&self.free).select_columns(&self.free))
    }

    /// The verdict on a search that ended at `theta`.
    pub fn ended(&self, theta: &[f64], found: &Found<DMatrix<f64>>) -> Ended {
        let bend = self.bend(theta, &found.residuals);
        let slopes = found.point.select_columns(&self.free);
        let judged = judge(&self.params, theta, &self.free, &found.residuals, &slopes, bend.as_ref(), self.floor);
        Ended {
            theta: theta.to_vec(),
            squares: sum_of_squares(&found.residuals),
            iterations: found.iterations,
            status: judged.status,
            se: judged.se,
            variance: judged.variance,
        }
    }

    /// Whether a sum of squares lies above the lowest by more than 1e-3 in log-likelihood.
    pub fn lies_above(&self, squares: f64, lowest: f64) -> bool {
        let ratio = squares.max(self.floor) / lowest.max(self.floor);
        0.5 * self.rows() as f64 * math::ln(ratio) > 1e-3
    }

    /// The fit as it is told, with intervals by Student's law.
    ///
    /// # Errors
    /// Those of [`Posed::evaluate`] at the estimate.
    pub fn describe(&self, ended: Ended, starts: Vec<StartOutcome>) -> Result<CurveFit> {
        let fitted = self.clone().evaluate(&ended.theta)?.fitted;
        let degrees_of_freedom = self.rows() - self.free.len();
        let point = math::student_quantile(0.975, degrees_of_freedom as f64);
        let estimate = |(k, p): (usize, &Param)| {
            let (value, se) = (ended.theta[k], ended.se[k]);
            let fixed = !self.free.contains(&k);
            Estimate {
                name: p.name.clone(),
                estimate: value,
                se,
                lower: se.map(|se| (value - point * se).max(p.lower)),
                upper: se.map(|se| (value + point * se).min(p.upper)),
                unit: p.unit.clone(),
                at_bound: !fixed && p.bound_at(value).is_some(),
                fixed,
            }
        };
        Ok(CurveFit {
            params: self.params.iter().enumerate().map(estimate).collect(),
            status: ended.status,
            iterations: ended.iterations,
            squares: ended.squares,
            sd: ended.variance.sqrt(),
            rows: self.rows(),
            degrees_of_freedom,
            fitted,
            downweighted: Vec::new(),
            starts,
        })
    }
}

/// The search over all free parameters.
pub(super) struct Plain<'p> {
    posed: Posed<'p>,
    base: Vec<f64>,
}

impl<'p> Plain<'p> {
    pub fn new(posed: &Posed<'p>, start: &[f64]) -> Plain<'p> {
        Plain { posed: posed.clone(), base: start.to_vec() }
    }

    pub fn theta(&self, u: &[f64]) -> Vec<f64> {
        let mut theta = self.base.clone();
        for (k, u) in self.posed.free.iter().zip(u) {
            theta[*k] = self.posed.params[*k].to_natural(*u);
        }
        theta
    }
}

impl Problem for Plain<'_> {
    /// Slopes in natural coordinates, of all parameters.
    type Point = DMatrix<f64>;

    fn at(&mut self, u: &[f64]) -> Option<(DVector<f64>, DMatrix<f64>)> {
        let theta = self.theta(u);
        let there = self.posed.evaluate(&theta).ok()?;
        Some((there.residuals, there.jacobian))
    }

    fn jacobian(&mut self, u: &[f64], natural: &DMatrix<f64>) -> Option<DMatrix<f64>> {
        let mut jacobian = natural.select_columns(&self.posed.free);
        for (column, (k, u)) in self.posed.free.iter().zip(u).enumerate() {
            jacobian.column_mut(column).scale_mut(self.posed.params[*k].derivative(*u));
        }
        Some(jacobian)
    }

    fn newton(&mut self, u: &[f64], natural: &DMatrix<f64>, residuals: &DVector<f64>) -> Option<Vec<f64>> {
        let theta = self.theta(u);
        let Posed { params, free, .. } = &self.posed;
        if free.iter().any(|k| params[*k].bound_at(theta[*k]).is_some()) {
            return None;
        }
        let bend = self.posed.bend(&theta, residuals)?;
        let slopes = natural.select_columns(free);
        let norms: Vec<f64> = slopes.column_iter().map(|c| c.norm()).collect();
        let qr = DMatrix::from_fn(slopes.nrows(), free.len(), |i, j| slopes[(i, j)] / norms[j]).qr();
        // In the metric of JᵀJ, whose condition is then not squared: p = R⁻¹ (I - R⁻ᵀ B R⁻¹)⁻¹ Qᵀ r.
        let inverse = qr.r().solve_upper_triangular(&DMatrix::identity(free.len(), free.len()))?;
        let bend = DMatrix::from_fn(free.len(), free.len(), |i, j| bend[(i, j)] / (norms[i] * norms[j]));
        let curvature = DMatrix::identity(free.len(), free.len()) - inverse.transpose() * bend * &inverse;
        if curvature.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let step = inverse * curvature.cholesky()?.solve(&(qr.q().transpose() * residuals));
        let to = |(j, k): (usize, &usize)| {
            let param = &params[*k];
            param.to_coordinate((theta[*k] + step[j] / norms[j]).clamp(param.lower, param.upper))
        };
        Some(free.iter().enumerate().map(to).collect())
    }
}

fn check(model: &Model, experiments: &[Experiment], free: usize) -> Result<()> {
    let bad = |what: &str, value: f64, expected: &str| {
        let (flag, expected) = (what.to_string(), expected.to_string());
        Err(Error::BadOption { flag, value: value.to_string(), expected, hint: None })
    };
    let mut all = 0;
    for Experiment { rows, .. } in experiments {
        let n = rows.y.len();
        if rows.x.len() != n || !(rows.weight.is_empty() || rows.weight.len() == n) {
            return bad("rows", n as f64, "inputs, values and weights of the same number");
        }
        if let Some(x) = rows.x.iter().find(|x| !x.is_finite()) {
            return bad("input", *x, "finite inputs");
        }
        if let Some(y) = rows.y.iter().find(|y| !y.is_finite()) {
            return bad("value", *y, "finite values");
        }
        if let Some(w) = rows.weight.iter().find(|w| !(**w > 0.0 && w.is_finite())) {
            return bad("weight", *w, "positive weights");
        }
        all += n;
    }
    if all <= free {
        let purpose = format!("fitting the {free} free parameters of '{}'", model.id);
        let series = "the table".to_string();
        return Err(Error::TooFewRows { series, rows: all, needed: free + 1, purpose });
    }
    Ok(())
}

//! Parameters from snapshots: replicates of one component at given times, each seen once.
//!
//! | objective | minimises | standard errors |
//! |---|---|---|
//! | `kl` | mean negative log density of the law at each time (counts: probability, plus `ε/m` of a projection that may have lost `ε` over `m` states), or on bins `Σ n_t KL(ĥ_t ‖ p_t)` | observed information; of bins the multinomial one |
//! | `mse` | `Σ (ĥ - p)² width` of the densities on bins | sandwich with the multinomial covariance |
//!
//! Bins end at quantiles of all values and are fixed before fitting. Counts of a network by its master equation have exact slopes
//! ([`crate::form::master_equation::sensitivities`]) and bounds of their log-likelihood. Under `kl` on bins nothing is asked of single
//! counts: an outlier weighs as its bin does, where unbinned it has the logarithm of its own probability.

mod cells;
mod laws;
mod outcome;
mod projected;
#[cfg(test)]
mod study;
#[cfg(test)]
mod tests;

use super::certified::{Problem, first_and_free};
use super::optimise::symmetric_inverse;
use super::starts::{Look, Scan};
use super::{FormRequest, Objective, Observed, Settings, Solved, kl};
use crate::base::{Error, Params, Purpose, Result, math};
use crate::form::{Accuracy, Form, Pairs, Transitions, moments, ode};
use crate::models::Model;
use crate::process::Process;
use crate::stats;
use cells::{Bins, Compared, Counted, Measure};
use laws::{Source, Start};
use nalgebra::DMatrix;
pub use outcome::{Checked, Histogram, SnapshotFit};
use rayon::prelude::*;

/// Replicates of one component at given times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshots {
    /// Strictly increasing.
    pub times: Vec<f64>,
    /// `[time][replicate]`, independent of each other, also between times.
    pub values: Vec<Vec<f64>>,
}

/// How the process began.
#[derive(Debug, Clone, PartialEq)]
pub enum Begin {
    /// At a state that is known.
    At {
        /// Time of the start, before the first snapshot.
        t0: f64,
        /// `[component]`, in the order of the model's file.
        x: Vec<f64>,
    },
    /// As the model's file says: numbers, of a network also laws, or "stationary".
    File {
        /// Time of the start, before the first snapshot; of a network it may be that of the first.
        t0: f64,
    },
    /// In the law that does not change with time.
    Stationary,
    /// In one of the values of the first snapshot, which is then not fitted. The replicates that follow are others.
    Empirical,
}

/// What the snapshots are of, and how they are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotOptions {
    /// Where the replicates come from before the first snapshot.
    pub begin: Begin,
    /// The component that was seen; without it the first.
    pub component: Option<String>,
    /// Compare on bins under `kl`.
    pub binned: bool,
    /// How many bins; without it `2 n^{2/5}` of a snapshot's mean size `n` (Mann & Wald 1942), from 4 to 40.
    pub bins: Option<usize>,
}

/// Fit `model` to snapshots of one of its components.
///
/// The form is the one asked for, else the closed law, the Fokker-Planck equation, or of networks the master equation. From a known
/// start slopes of log densities are those of the form, exact, as are those of projected master equations from any start; else differences of fourth order at one accuracy, which the certificate can
/// only pass where the form's laws are smooth in the parameters (closed laws, master equations): grids may end in `failed`, with estimates that are good
/// to the grid's accuracy.
///
/// Cost: a pass over all values (known start), a master equation with its slopes, or `1 + 4 free` solutions, an evaluation; an empirical start solves from each of its values.
///
/// # Errors
/// [`Error::BadOption`] for data, a start or a component that the model does not have, and for robust losses; [`Error::FormUnavailable`];
/// [`Error::TooFewRows`]; [`Error::UnknownParam`], [`Error::ParamOutOfBounds`] from the settings. Not converging is a [`super::Status`].
pub fn fit_snapshots(
    model: &Model,
    data: &Snapshots,
    options: &SnapshotOptions,
    settings: &Settings,
) -> Result<SnapshotFit> {
    let (first, free) = first_and_free(model, settings)?;
    let component = check(model, data, options, settings, free.len())?;
    let form = form_of(model, settings)?;
    let start = Start::of(&options.begin, model, data, component)?;
    // Seen at a known start, the start itself tells nothing, and its law without spread would mislead the search.
    let known = start.origin(model, &first.values).filter(|_| options.begin != Begin::Empirical);
    let seen_at_start = known.is_some_and(|(t0, x)| {
        data.times.len() > 1 && data.times[0] == t0 && data.values[0].iter().all(|v| *v == x[component])
    });
    let skipped = usize::from(options.begin == Begin::Empirical || seen_at_start);
    let (times, values) = (data.times[skipped..].to_vec(), &data.values[skipped..]);
    let key = settings.seed.key(Purpose::Simulation, 0, 0);
    let source = Source { model, form, component, start, times, key };
    source.laws(&first.values, ACCURACY)?;
    let task = Task { source, values, options, settings, first, free };
    let points = task.starting_points();
    let mut fit = match task.pairs() {
        Some(pairs) => task.by_transitions(&pairs, &points),
        None => task.by_laws(&points),
    }?;
    if seen_at_start {
        fit.warnings.push(format!("the snapshot at t = {} is the start itself, and is left out", data.times[0]));
    }
    Ok(fit)
}

/// Of the bound of a network's laws: they lose less than 1e-12.
const ACCURACY: Accuracy = Accuracy {
    cells: 500,
    tolerance: 1e-10,
    paths: 0,
    goal: None,
    scheme: crate::form::monte_carlo::Scheme::EulerMaruyama,
    step: None,
};
/// Values of a snapshot that the scan for starts looks at.
const SAMPLE: usize = 40;

fn bad(flag: &str, value: &str, expected: String) -> Error {
    Error::BadOption { flag: flag.to_string(), value: value.to_string(), expected, hint: None }
}

/// The component's position.
fn check(
    model: &Model,
    data: &Snapshots,
    options: &SnapshotOptions,
    settings: &Settings,
    free: usize,
) -> Result<usize> {
    if settings.robust.is_some() {
        return Err(bad("--robust", "a robust loss", "none with snapshots".to_string()));
    }
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let component = match &options.component {
        None => 0,
        Some(name) => {
            let expected = format!("a component of '{}': {}", model.id, names.join(", "));
            names.iter().position(|n| n == name).ok_or_else(|| bad("--value", name, expected))?
        }
    };
    if data.values.len() != data.times.len() || data.values.iter().any(Vec::is_empty) {
        return Err(bad("--time", &data.times.len().to_string(), "one snapshot a time, none empty".to_string()));
    }
    let t0 = match options.begin {
        Begin::At { t0, .. } | Begin::File { t0 } => t0,
        Begin::Stationary | Begin::Empirical => f64::NEG_INFINITY,
    };
    // The law that a network starts from may be seen itself.
    let may_equal = matches!((&model.process, &options.begin), (Process::Network(_), Begin::File { .. }));
    let follows = |t: &f64| t.is_finite() && (*t > t0 || may_equal && *t == t0);
    let ordered = data.times.windows(2).all(|w| w[0] < w[1]) && data.times.iter().all(follows);
    if !ordered {
        return Err(bad("--time", "the snapshots", "finite times, increasing, after the start".to_string()));
    }
    let holds = |x: f64| match &model.process {
        Process::Diffusion(process) => process.states[component].holds(x),
        Process::Network(_) => x >= 0.0 && x == x.floor() && x.is_finite(),
        _ => x.is_finite(),
    };
    if let Some(x) = data.values.iter().flatten().find(|x| !holds(**x)) {
        return Err(bad(
            "--value",
            &x.to_string(),
            format!("values that {} of '{}' can have", names[component], model.id),
        ));
    }
    let skipped = usize::from(options.begin == Begin::Empirical);
    let rows: usize = data.values.iter().skip(skipped).map(Vec::len).sum();
    if rows < free + 3 {
        return Err(Error::TooFewRows {
            series: "the snapshots".to_string(),
            rows,
            needed: free + 3,
            purpose: format!("fitting the {free} free parameters of '{}'", model.id),
        });
    }
    Ok(component)
}

fn form_of(model: &Model, settings: &Settings) -> Result<Form> {
    let form = match (&settings.form, &model.process) {
        (FormRequest::Asked(form), _) => *form,
        (FormRequest::Settled(choice), _) => choice.form,
        (FormRequest::Auto, Process::Network(_)) => Form::MasterEquation,
        (FormRequest::Auto, _) => [Form::Exact, Form::FokkerPlanck]
            .into_iter()
            .find(|f| f.why_not(model).is_none())
            .unwrap_or(Form::MasterEquation),
    };
    form.require(model)?;
    if form == Form::MonteCarlo {
        return Err(Error::FormUnavailable {
            form: form.name().to_string(),
            model: model.id.clone(),
            why: "laws of samples are not smooth in the parameters".to_string(),
            available: Form::of(model).iter().filter(|f| **f != form).map(|f| f.name().to_string()).collect(),
        });
    }
    Ok(form)
}

struct Task<'a> {
    source: Source<'a>,
    /// `[time][replicate]` of what is compared.
    values: &'a [Vec<f64>],
    options: &'a SnapshotOptions,
    settings: &'a Settings,
    first: Params,
    free: Vec<usize>,
}

impl Task<'_> {
    fn pooled(&self) -> Vec<f64> {
        self.values.iter().flatten().copied().collect()
    }

    fn are_counts(&self) -> bool {
        matches!(self.source.model.process, Process::Network(_))
    }

    /// All values as transitions from the known start, where densities with slopes can be had of them.
    fn pairs(&self) -> Option<Observed> {
        let one_by_one = self.settings.objective == Objective::Kl && !self.options.binned;
        let model = self.source.model;
        if !one_by_one || model.scalar().is_none() || Transitions::new(model, self.source.form).is_err() {
            return None;
        }
        let (t0, x0) = self.source.start.point(model, &self.first.values, &self.free)?;
        let mut pairs = Pairs::default();
        for (time, values) in self.source.times.iter().zip(self.values) {
            for x in values {
                pairs.x0.push(x0);
                pairs.x1.push(*x);
                pairs.dt.push(time - t0);
                pairs.t0.push(t0);
            }
        }
        Some(Observed { pairs, ln_jacobian: 0.0, weight: Vec::new() })
    }

    /// Where to begin: the defaults or points that fill the space, walked to the data's scale by a normal law of the model's mean and
    /// spread where they close, the rate equations of other networks, and rough laws of the rest.
    fn starting_points(&self) -> Vec<Vec<f64>> {
        let pooled = self.pooled();
        let times = &self.source.times;
        let first = self.source.start.origin(self.source.model, &self.first.values).map_or(times[0] - 1.0, |o| o.0);
        let span = times[times.len() - 1] - first;
        let (level, spread) = (stats::mean(&pooled.iter().map(|x| x.abs()).collect::<Vec<_>>()), stats::sd(&pooled));
        let early = times[0] - first;
        let scales = vec![
            level,
            spread,
            spread / early.sqrt(),
            1.0 / span,
            1.0 / early,
            level / span,
            level / early,
            10.0 / span,
        ];
        let centres = [0.02, 0.2, 0.5, 0.8, 0.98].map(|p| stats::quantile(&pooled, p)).to_vec();
        let loss = |theta: &[f64]| self.rough(theta).unwrap_or(f64::INFINITY);
        let scales = scales.into_iter().filter(|s| s.is_finite() && *s > 0.0).collect();
        let given = !self.settings.initial.is_empty();
        Scan { loss: &loss, centres, scales, look: Look::Wide, second: None }.points(
            &self.first,
            &self.free,
            self.settings,
            given,
        )
    }

    fn rough(&self, theta: &[f64]) -> Option<f64> {
        let Source { model, start, times, component, .. } = &self.source;
        let normal = |t: usize, mean: f64, variance: f64| -> f64 {
            let square = |x: &f64| 0.5 * (math::ln(variance) + (x - mean) * (x - mean) / variance);
            self.sampled(t).iter().map(square).sum()
        };
        if let Some((t0, x)) = start.origin(model, theta).or_else(|| self.long_before(theta)) {
            let closed = moments::closed_moments(model, theta, &x, t0, times).and_then(Result::ok);
            if let Some(closed) = closed.filter(|c| c.covariance.is_some()) {
                let covariance = closed.covariance.as_ref()?;
                let at = |t: usize| normal(t, closed.mean[t][*component], covariance[t][*component][*component]);
                return Some((0..times.len()).map(at).sum());
            }
            if self.are_counts() {
                let initial = ode::Initial { theta, start: &x, t0, times, tolerance: 1e-5 };
                let states = ode::rate_equations(model, &initial).ok()?.states;
                return Some(
                    (0..times.len()).map(|t| normal(t, states[t][*component], states[t][*component].max(1.0))).sum(),
                );
            }
        }
        let laws = self.source.laws(theta, Accuracy { cells: 100, tolerance: 1e-5, ..ACCURACY }).ok()?;
        let at = |t: usize| -self.sampled(t).iter().map(|x| laws[t].log_density(*x)).sum::<f64>();
        Some((0..times.len()).map(at).sum())
    }

    /// A start so early that the rate equations of a network have come to rest at its stationary start.
    fn long_before(&self, theta: &[f64]) -> Option<(f64, Vec<f64>)> {
        const SPANS: f64 = 1e3;
        let Source { model, start, times, .. } = &self.source;
        let Start::File { t0 } = start else { return None };
        let given: Vec<f64> = model.initial_values(theta).into_iter().map(|x| x.unwrap_or(0.0)).collect();
        (!given.is_empty()).then(|| (t0 - SPANS * (times[times.len() - 1] - t0), given))
    }

    fn sampled(&self, time: usize) -> Vec<f64> {
        let values = &self.values[time];
        values.iter().copied().step_by(values.len().div_ceil(SAMPLE)).collect()
    }

    /// By log densities with the form's own slopes.
    fn by_transitions(&self, data: &Observed, points: &[Vec<f64>]) -> Result<SnapshotFit> {
        let transitions = Transitions::new(self.source.model, self.source.form)?;
        let (params, n) = (&self.first.list, data.pairs.len() as f64);
        let solve = |point: &Vec<f64>| {
            let objective = &kl::Likelihood::new(&transitions, data);
            Problem { objective, params, free: &self.free, n, settings: self.settings }.solve(point)
        };
        let solved: Vec<Solved> = points.par_iter().map(solve).collect();
        self.describe(solved, None, &|value| value)
    }

    /// By laws over cells, with differences.
    fn by_laws(&self, points: &[Vec<f64>]) -> Result<SnapshotFit> {
        let objective = self.settings.objective;
        let bins = (objective == Objective::Mse || self.options.binned)
            .then(|| Bins::of(self.values, self.options.bins, self.are_counts()));
        let count = |values: &Vec<f64>| match &bins {
            Some(bins) => bins.count(values),
            None => cells::unbinned(values),
        };
        let counted: Vec<Counted> = self.values.iter().map(count).collect();
        let n: f64 = counted.iter().map(|s| s.total).sum();
        // Squares are told so that their curvature is about that of a likelihood of all values.
        let widths = bins.as_ref().map(Bins::widths).unwrap_or_default();
        let unit = n / counted.len() as f64 * widths.iter().sum::<f64>() / n;
        let measure = match objective {
            Objective::Kl => Measure::Divergence,
            Objective::Mse => Measure::Squares(widths.iter().map(|w| unit / w).collect()),
        };
        let reach = bins.as_ref().map_or(1.0, Bins::reach);
        let (params, free) = (self.first.list.as_slice(), self.free.as_slice());
        let size = stats::sd(&self.pooled());
        let compared =
            || Compared::new(&self.source, &counted, (measure.clone(), reach), (params, free), size, ACCURACY);
        let solve = |point: &Vec<f64>| {
            let objective = &compared();
            let solved = Problem { objective, params, free, n, settings: self.settings }.solve(point);
            let se = match &bins {
                Some(_) => multinomial(objective, &solved),
                None => solved.se.clone(),
            };
            Solved { se, ..solved }
        };
        let solved: Vec<Solved> = points.par_iter().map(solve).collect();
        let value = |value: f64| match (&bins, objective) {
            (None, _) => value,
            (Some(_), Objective::Kl) => n * value + entropy(&counted),
            (Some(_), Objective::Mse) => 2.0 * value / unit,
        };
        self.describe(solved, bins.as_ref().map(|b| b.edges.clone()), &value)
    }
}

/// `Σ c ln(c/n_t)`: what makes a cross-entropy on bins a divergence.
fn entropy(counted: &[Counted]) -> f64 {
    let of = |s: &Counted| -> f64 {
        let filled = s.cells.iter().filter(|(_, count)| *count > 0.0);
        filled.map(|(_, count)| count * math::ln(count / s.total)).sum()
    };
    counted.iter().map(of).sum()
}

/// Standard errors from the multinomial law of the counts: under a divergence the inverse information `Σ n_t Σ ∂p ∂pᵀ/p`, under squares
/// `A⁻¹ B A⁻¹` with `A = Σ a ∂p ∂pᵀ` and `B` the covariance of the slope.
fn multinomial(compared: &Compared, solved: &Solved) -> Vec<Option<f64>> {
    let mut se = vec![None; solved.theta.len()];
    let interior: Vec<usize> = (0..compared.free.len()).filter(|i| solved.se[compared.free[*i]].is_some()).collect();
    let Some(cells::Evaluated { q, slopes: Some(slopes) }) = compared.evaluate(&solved.theta) else { return se };
    let m = interior.len();
    let (mut bread, mut meat) = (DMatrix::zeros(m, m), DMatrix::zeros(m, m));
    let mut row = 0;
    for snapshot in compared.snapshots {
        let mut drift = nalgebra::DVector::zeros(m);
        for j in 0..snapshot.cells.len() {
            let slope = nalgebra::DVector::from_fn(m, |i, _| slopes[(row, interior[i])]);
            match &compared.measure {
                // Of bins the law has nothing in, nothing is learnt.
                Measure::Divergence if q[row].is_finite() && slope.iter().all(|s| s.is_finite()) => {
                    bread += &slope * slope.transpose() * (snapshot.total * math::exp(q[row]));
                }
                Measure::Divergence => {}
                Measure::Squares(factors) => {
                    bread += &slope * slope.transpose() * factors[j];
                    meat += &slope * slope.transpose() * (factors[j] * factors[j] * q[row] / snapshot.total);
                    drift += slope * (factors[j] * q[row]);
                }
            }
            row += 1;
        }
        meat -= &drift * drift.transpose() / snapshot.total;
    }
    let Some(inverse) = symmetric_inverse(&bread) else { return se };
    let covariance = match compared.measure {
        Measure::Divergence => inverse,
        Measure::Squares(_) => &inverse * meat * &inverse,
    };
    for (i, place) in interior.iter().enumerate() {
        se[compared.free[*place]] = Some(covariance[(i, i)].sqrt()).filter(|s| s.is_finite());
    }
    se
}

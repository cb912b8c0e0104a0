//! Estimates that a few wild transitions cannot carry away: Huber's residuals for `mse`, density power divergence for `kl`.

use super::certified::Problem;
use super::optimise::{Goal, natural_hessian, symmetric_inverse};
use super::{FormChoice, Objective, Observed, Settings, Solved, Task, kl};
use crate::base::{Error, Param, Result, math};
use crate::form::{Form, Transitions};
use crate::models::Model;
use crate::process::ClosedLaw;
use nalgebra::DMatrix;

/// What outlying transitions may do to a fit.
///
/// Standard errors are the sandwich of the estimating equations; there is no likelihood and no AIC. Both models keep their meaning: most
/// transitions are the model's, a few are not. Not for data that jump: there the jumps are what is to be modelled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Robust {
    /// Under `mse`: residuals `r = (x' - m)/√V` beyond `tuning` count as `tuning`. Stage 1 solves `Σ ψ(r) ∂m/√V = 0` (Huber 1964), stage 2
    /// `Σ (ψ²(r)/E ψ²(Z) - 1) ∂V/V = 0` with `Z` normal (Huber's proposal 2, 1981, section 6.4). With 1.345 the drift keeps 95 % of its
    /// efficiency where residuals are normal.
    Huber {
        /// Standardised residual beyond which it counts no more, above zero.
        tuning: f64,
    },
    /// Under `kl`: minimises the mean of `∫ f^{1+β} dx - (1 + 1/β) f(x')^β + 1/β` (Basu, Harris, Hjort & Jones 1998; Ghosh & Basu 2013 for
    /// observations that are not alike), which is the mean negative log density as β → 0. In the state's coordinate, and for
    /// normal transition densities, whose integral is `(2πV)^{-β/2} (1+β)^{-1/2}`. A β of 0.2 to 0.5 is usual: at 0.25 about 90 % of the efficiency.
    DensityPower {
        /// The power, above zero: the larger, the less outliers weigh and the wider the standard errors.
        beta: f64,
    },
}

impl Robust {
    /// Huber's loss with the usual constant, 1.345.
    pub const HUBER: Robust = Robust::Huber { tuning: 1.345 };
    /// The density power divergence with β = 0.25.
    pub const DENSITY_POWER: Robust = Robust::DensityPower { beta: 0.25 };

    fn name(self) -> &'static str {
        match self {
            Robust::Huber { .. } => "huber",
            Robust::DensityPower { .. } => "density-power",
        }
    }
}

/// # Errors
/// [`Error::BadOption`] where the loss is not one of the objective, its constant is not positive, or weights are not one positive
/// number a transition.
pub(super) fn check(data: &Observed, settings: &Settings) -> Result<()> {
    let bad = |flag: &str, value: String, expected: &str, hint: Option<String>| {
        Err(Error::BadOption { flag: flag.to_string(), value, expected: expected.to_string(), hint })
    };
    let constant = |c: f64| c > 0.0 && c.is_finite();
    match (settings.robust, settings.objective) {
        (Some(robust @ Robust::Huber { .. }), Objective::Kl) => {
            let hint = Some("--objective mse --robust huber".to_string());
            return bad("--robust", robust.name().to_string(), "density-power, the robust loss of kl", hint);
        }
        (Some(robust @ Robust::DensityPower { .. }), Objective::Mse) => {
            let hint = Some("--objective kl --robust density-power".to_string());
            return bad("--robust", robust.name().to_string(), "huber, the robust loss of mse", hint);
        }
        (Some(Robust::Huber { tuning: c } | Robust::DensityPower { beta: c }), _) if !constant(c) => {
            return bad("--robust", c.to_string(), "a positive constant", None);
        }
        _ => {}
    }
    let n = data.pairs.len();
    if !data.weight.is_empty() && data.weight.len() != n {
        return bad(
            "--weights",
            format!("{} weights", data.weight.len()),
            &format!("one for each of {n} transitions"),
            None,
        );
    }
    match data.weight.iter().find(|w| !constant(**w)) {
        Some(w) => bad("--weights", w.to_string(), "positive weights", None),
        None => Ok(()),
    }
}

/// # Errors
/// [`Error::BadOption`] for weights, where several series are fitted.
pub(super) fn no_weights(data: &Observed) -> Result<()> {
    match data.weight.first() {
        None => Ok(()),
        Some(w) => Err(Error::BadOption {
            flag: "--weights".to_string(),
            value: w.to_string(),
            expected: "no weights where several series are fitted jointly".to_string(),
            hint: None,
        }),
    }
}

/// Huber's loss of a squared standardised residual; an infinite constant is least squares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Huber {
    tuning: f64,
    /// `E min(Z², c²)` of a standard normal.
    pub consistency: f64,
}

impl Huber {
    pub fn of(robust: Option<Robust>) -> Huber {
        let Some(Robust::Huber { tuning: c }) = robust else {
            return Huber { tuning: f64::INFINITY, consistency: 1.0 };
        };
        let (outside, density) = (2.0 * math::normal_cdf(-c), math::exp(math::normal_ln_pdf(c)));
        Huber { tuning: c, consistency: 1.0 - outside - 2.0 * c * density + c * c * outside }
    }

    /// Twice Huber's ρ.
    pub fn cost(&self, square: f64) -> f64 {
        let c = self.tuning;
        if square <= c * c { square } else { 2.0 * c * square.sqrt() - c * c }
    }

    /// `ψ(r)/r`.
    pub fn weight(&self, square: f64) -> f64 {
        let c = self.tuning;
        if square <= c * c { 1.0 } else { c / square.sqrt() }
    }

    /// `ψ²`.
    pub fn cut(&self, square: f64) -> f64 {
        square.min(self.tuning * self.tuning)
    }
}

/// Whether the form's density is normal, so that the integral of its powers is known.
fn is_normal(model: &Model, form: Form) -> bool {
    match form {
        Form::Euler | Form::Kessler | Form::KesslerTruncated | Form::Ozaki | Form::LocalLinear => true,
        Form::Exact => {
            let normal = |law: ClosedLaw| matches!(law, ClosedLaw::Brownian | ClosedLaw::OrnsteinUhlenbeck);
            model.law.as_ref().is_some_and(|claim| normal(claim.law))
        }
        _ => false,
    }
}

/// The form of a density power divergence where none is asked for.
pub(super) fn form_of(model: &Model) -> FormChoice {
    let (form, why) = match is_normal(model, Form::Exact) {
        true => (Form::Exact, "the model's transition law is known in closed form, and normal"),
        false => (
            Form::Kessler,
            "the density power divergence takes normal densities, and of these it is right to second order",
        ),
    };
    FormChoice { form, why: why.to_string(), error: None, automatic: true, otherwise: None }
}

/// # Errors
/// [`Error::FormUnavailable`] for a density that is not normal.
pub(super) fn check_form(transitions: &Transitions, robust: Option<Robust>) -> Result<()> {
    let (model, form) = (transitions.model(), transitions.form());
    if !matches!(robust, Some(Robust::DensityPower { .. })) || is_normal(model, form) {
        return Ok(());
    }
    let fits = Form::of(model).into_iter().filter(|f| is_normal(model, *f));
    Err(Error::FormUnavailable {
        form: form.name().to_string(),
        model: model.id.clone(),
        why:
            "the density power divergence needs the integral of a power of the density, which is known for normal ones"
                .to_string(),
        available: fits.map(|f| f.name().to_string()).collect(),
    })
}

/// The density power divergence from the data to a normal transition density.
pub(super) struct Divergence<'a> {
    pub transitions: &'a Transitions<'a>,
    pub data: &'a Observed,
    /// Relative weights; empty where all are one.
    pub weight: &'a [f64],
    pub beta: f64,
    /// A size of one step: densities are told in it, so that the divergence has no unit.
    pub unit: f64,
}

impl Divergence<'_> {
    /// Root mean square of the observed steps.
    pub fn unit_of(data: &Observed) -> f64 {
        let steps = data.pairs.x0.iter().zip(&data.pairs.x1).map(|(a, b)| (b - a) * (b - a));
        (steps.sum::<f64>() / data.pairs.len() as f64).sqrt()
    }

    /// Terms of the observations and their slopes, `[parameter][observation]`, weights included.
    fn terms(&self, theta: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let Divergence { beta, unit, .. } = *self;
        let moments = self.transitions.moments(theta, &self.data.pairs);
        let n = self.data.pairs.len();
        let root = 1.0 / (1.0 + beta).sqrt();
        let mut value = vec![0.0; n];
        let mut slopes = vec![vec![0.0; n]; theta.len()];
        for i in 0..n {
            let w = self.weight.get(i).copied().unwrap_or(1.0);
            let (e, v) = (self.data.pairs.x1[i] - moments.mean[i], moments.variance[i]);
            let peak = 0.5 * math::ln(std::f64::consts::TAU * v / (unit * unit));
            let log_density = -peak - 0.5 * e * e / v;
            let integral = root * math::exp(-beta * peak);
            let power = math::exp(beta * log_density);
            value[i] = w * (integral - power - math::exp_m1(beta * log_density) / beta);
            for (k, slope) in slopes.iter_mut().enumerate() {
                let (dm, dv) = (moments.d_mean[k][i], moments.d_variance[k][i]);
                let of_log = e * dm / v + 0.5 * (e * e / v - 1.0) * dv / v;
                slope[i] = -w * (0.5 * beta * integral * dv / v + (1.0 + beta) * power * of_log);
            }
        }
        (value, slopes)
    }
}

impl Goal for Divergence<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let (value, slopes) = self.terms(theta);
        let n = value.len() as f64;
        (value.iter().sum::<f64>() / n, slopes.iter().map(|s| s.iter().sum::<f64>() / n).collect())
    }

    /// The mean outer product of the terms' slopes: near a multiple of the Hessian where the model holds.
    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        Some(outer(&self.terms(theta).1))
    }

    fn rows(&self) -> usize {
        self.data.pairs.len()
    }

    fn part(&self, theta: &[f64], rows: &[usize]) -> (f64, Vec<f64>) {
        let weight: Vec<f64> = rows.iter().filter_map(|i| self.weight.get(*i).copied()).collect();
        let data = Observed { pairs: self.data.pairs.at(rows), ln_jacobian: 0.0, weight: Vec::new() };
        Divergence { data: &data, weight: &weight, ..*self }.at(theta)
    }
}

/// Mean outer product of slopes `[parameter][observation]`.
fn outer(slopes: &[Vec<f64>]) -> DMatrix<f64> {
    let mean = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / a.len().max(1) as f64;
    DMatrix::from_fn(slopes.len(), slopes.len(), |i, j| mean(&slopes[i], &slopes[j]))
}

/// Standard errors by the sandwich `H⁻¹ K H⁻¹ / n` (Huber 1967), of the parameters that have one: `H` the Hessian of the mean, `K` the mean
/// outer product of the slopes of single observations.
pub(super) fn sandwich(
    objective: &dyn Goal,
    slopes: &[Vec<f64>],
    params: &[Param],
    solved: &Solved,
) -> Vec<Option<f64>> {
    let interior: Vec<usize> = (0..params.len()).filter(|k| solved.se[*k].is_some()).collect();
    let mut se = vec![None; params.len()];
    let hessian = natural_hessian(objective, params, &solved.theta, &interior);
    let Some(inverse) = symmetric_inverse(&hessian) else { return se };
    let of: Vec<Vec<f64>> = interior.iter().map(|k| slopes[*k].clone()).collect();
    let n = of.first().map_or(1.0, |s| s.len() as f64);
    let covariance = &inverse * outer(&of) * &inverse / n;
    for (i, k) in interior.iter().enumerate() {
        se[*k] = Some(covariance[(i, i)].sqrt()).filter(|s| s.is_finite());
    }
    se
}

/// The least divergence, searched from the optimum of the likelihood: far from the data its slope is nothing.
pub(super) fn solve(task: &Task, start: &[f64], beta: f64) -> Solved {
    let Task { transitions, data, free, settings } = *task;
    let weight = data.relative_weights();
    let objective = Divergence { transitions, data, weight: &weight, beta, unit: Divergence::unit_of(data) };
    let likely = kl::solve(task, start);
    let begin = if likely.value.is_finite() { &likely.theta } else { start };
    let (params, n) = (&transitions.model().params, data.pairs.len() as f64);
    let solved = Problem { objective: &objective, params, free, n, settings }.solve(begin);
    let se = sandwich(&objective, &objective.terms(&solved.theta).1, params, &solved);
    Solved { se, iterations: likely.iterations + solved.iterations, ..solved }
}

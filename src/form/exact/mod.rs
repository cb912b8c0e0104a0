//! Closed transition laws: Brownian, geometric, Ornstein-Uhlenbeck, its exponential, the square-root process and, in
//! [`super::jacobi`], Jacobi's.
//!
//! A log density and its gradient in the law's own arguments; the chain rule through the model's expressions gives the
//! gradient in the model's parameters.

mod gaussian;
mod square_root;
#[cfg(test)]
mod tests;

use super::{Asked, Batch, Form, Moments, Pairs, Solved, jacobi};
use crate::base::{Error, Result, math};
use crate::expr::Id;
use crate::predictive::Predictive;
use crate::process::{ClosedLaw, LawClaim, Scalar};
use rayon::prelude::*;

/// Why most models have no closed law.
pub(super) const NO_LAW: &str = "its file claims no closed law";

/// Transitions evaluated together on one thread; a fixed number, so that results do not depend on threads.
const CHUNK: usize = 512;

/// A closed law over one length of step: what all transitions of that length share.
enum Step<'a> {
    Gaussian(gaussian::Step),
    SquareRoot(square_root::Step),
    Jacobi { arguments: &'a [f64], dt: f64 },
}

impl<'a> Step<'a> {
    fn new(law: ClosedLaw, arguments: &'a [f64], dt: f64) -> Step<'a> {
        match law {
            ClosedLaw::SquareRoot => Step::SquareRoot(square_root::Step::new(arguments, dt)),
            ClosedLaw::Jacobi => Step::Jacobi { arguments, dt },
            _ => Step::Gaussian(gaussian::Step::new(law, arguments, dt)),
        }
    }

    fn log_density(&self, x0: f64, x1: f64, gradient: bool) -> (f64, [f64; 3]) {
        match self {
            Step::Gaussian(step) => step.log_density(x0, x1),
            Step::SquareRoot(step) => step.log_density(x0, x1, gradient),
            Step::Jacobi { arguments, dt } => jacobi::log_density(arguments, x0, x1, *dt, gradient),
        }
    }

    /// Mean, variance, three slopes of the mean, three slopes of the variance, in the coordinate of the data.
    fn moments(&self, x0: f64) -> [f64; 8] {
        match self {
            Step::Gaussian(step) => step.moments(x0),
            Step::SquareRoot(step) => step.moments(x0),
            Step::Jacobi { arguments, dt } => jacobi::moments(arguments, x0, *dt),
        }
    }
}

/// The law of `x(t0 + dt)` given `x(t0) = x0`, with arguments in the order of [`ClosedLaw`]. Arguments that make no law give one whose mean and
/// spread are not numbers; the caller guards.
pub fn transition(law: ClosedLaw, arguments: &[f64], x0: f64, dt: f64) -> Predictive {
    match Step::new(law, arguments, dt) {
        Step::Gaussian(step) => {
            let g = step.from(x0);
            match law.is_positive() {
                true => Predictive::LogNormal { mu: g.mean, sigma: g.variance.sqrt() },
                false => Predictive::Normal { mean: g.mean, sd: g.variance.sqrt() },
            }
        }
        Step::SquareRoot(step) => {
            let [scale, df, lambda] = step.chi_square(x0);
            Predictive::ScaledChiSquare { scale, df, lambda }
        }
        // Arguments that make no law have a law that is none, as those above do.
        Step::Jacobi { .. } => {
            jacobi::transition(arguments, x0, dt).unwrap_or(Predictive::Normal { mean: f64::NAN, sd: f64::NAN })
        }
    }
}

/// What the distribution function of a closed law is right to.
pub(super) const ROUND_OFF: f64 = 1e-12;
/// The same of a law that is tabulated: the cubics between the nodes.
const TABULATED: f64 = 1e-8;

pub(super) fn solve(question: &Asked) -> Result<Solved> {
    let Some(claim) = &question.model.law else { return Err(Form::Exact.unavailable(question.model, NO_LAW)) };
    let arguments = claim.arguments_at(&question.process, question.theta);
    let law = |time: &f64| transition(claim.law, &arguments, question.x0, time - question.t0);
    let laws: Vec<Predictive> = question.times.iter().map(law).collect();
    if laws.iter().any(|law| law.quantile(0.5).is_nan()) {
        return Err(Error::Numerics {
            what: format!("the closed law of model '{}'", question.model.id),
            why: "its arguments make no law at these parameters".to_string(),
            hint: "check the parameters with --set".to_string(),
        });
    }
    let error = if claim.law == ClosedLaw::Jacobi { TABULATED } else { ROUND_OFF };
    Ok(Solved { laws, error: Some(error) })
}

/// A claimed law compiled for fitting: its arguments and their slopes in the model's parameters.
#[derive(Debug)]
pub(super) struct ExactTransitions {
    claim: LawClaim,
    /// `slopes[argument][parameter]`
    slopes: Vec<Vec<Id>>,
    pool: crate::expr::Pool,
}

impl ExactTransitions {
    pub(super) fn new(process: &Scalar, claim: &LawClaim) -> ExactTransitions {
        let mut pool = process.pool().clone();
        let slopes = claim
            .arguments
            .iter()
            .map(|a| (0..process.n_params()).map(|k| pool.derivative(*a, Scalar::FIRST_PARAM + k)).collect())
            .collect();
        ExactTransitions { claim: claim.clone(), slopes, pool }
    }

    /// `slopes[argument][parameter]` as numbers.
    fn slopes_at(&self, process: &Scalar, theta: &[f64]) -> Vec<Vec<f64>> {
        let symbols = process.symbols(theta, 0.0);
        self.slopes.iter().map(|row| row.iter().map(|id| self.pool.eval(*id, &symbols)).collect()).collect()
    }

    pub(super) fn log_density(&self, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        let arguments = self.claim.arguments_at(process, theta);
        let law = self.claim.law;
        let rows = by_step(law, &arguments, pairs, |step, i| step.log_density(pairs.x0[i], pairs.x1[i], gradient));
        let value = rows.iter().map(|r| r.0).collect();
        let gradient = if gradient {
            let by_argument: Vec<Vec<f64>> =
                (0..law.n_arguments()).map(|a| rows.iter().map(|r| r.1[a]).collect()).collect();
            chain(&self.slopes_at(process, theta), &by_argument)
        } else {
            Vec::new()
        };
        Batch { value, gradient }
    }

    pub(super) fn normal_scores(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Vec<f64> {
        let arguments = self.claim.arguments_at(process, theta);
        let law = self.claim.law;
        let score = |i: usize| match transition(law, &arguments, pairs.x0[i], pairs.dt[i]) {
            Predictive::Normal { mean, sd } => (pairs.x1[i] - mean) / sd,
            Predictive::LogNormal { mu, sigma } => (math::ln(pairs.x1[i]) - mu) / sigma,
            // From the nearer tail, so that an outlier's score is large and not infinite.
            Predictive::ScaledChiSquare { scale, df, lambda } => {
                let x = pairs.x1[i] / scale;
                let below = math::ncx2_cdf(x, df, lambda);
                if below < 0.5 {
                    math::normal_quantile(below)
                } else {
                    -math::normal_quantile(math::ncx2_sf(x, df, lambda))
                }
            }
            other => math::normal_quantile(other.cdf(pairs.x1[i])),
        };
        (0..pairs.len()).into_par_iter().map(score).collect()
    }

    pub(super) fn moments(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Moments {
        let arguments = self.claim.arguments_at(process, theta);
        let law = self.claim.law;
        let rows = by_step(law, &arguments, pairs, |step, i| step.moments(pairs.x0[i]));
        let column = |k: usize| -> Vec<f64> { rows.iter().map(|r| r[k]).collect() };
        let slopes = self.slopes_at(process, theta);
        let by_argument = |from: usize| (0..law.n_arguments()).map(|a| column(from + a)).collect::<Vec<_>>();
        Moments {
            mean: column(0),
            variance: column(1),
            d_mean: chain(&slopes, &by_argument(2)),
            d_variance: chain(&slopes, &by_argument(5)),
        }
    }
}

/// `f` of every transition, with what its step shares worked out where the length changes.
fn by_step<T: Send>(law: ClosedLaw, arguments: &[f64], pairs: &Pairs, f: impl Fn(&Step, usize) -> T + Sync) -> Vec<T> {
    let chunk = |from: usize| -> Vec<T> {
        let mut dt = pairs.dt[from];
        let mut step = Step::new(law, arguments, dt);
        let one = |i: usize| {
            if pairs.dt[i] != dt {
                dt = pairs.dt[i];
                step = Step::new(law, arguments, dt);
            }
            f(&step, i)
        };
        (from..(from + CHUNK).min(pairs.len())).map(one).collect()
    };
    if (1..=CHUNK).contains(&pairs.len()) {
        return chunk(0);
    }
    (0..pairs.len().div_ceil(CHUNK)).into_par_iter().flat_map_iter(|i| chunk(i * CHUNK)).collect()
}

/// `out[parameter][i] = Σ_argument slopes[argument][parameter] · by_argument[argument][i]`
fn chain(slopes: &[Vec<f64>], by_argument: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = by_argument.first().map_or(0, Vec::len);
    let n_params = slopes.first().map_or(0, Vec::len);
    let of = |k: usize| {
        let mut out = vec![0.0; n];
        // Most arguments are one parameter each.
        for (slope, column) in slopes.iter().map(|s| s[k]).zip(by_argument).filter(|(slope, _)| *slope != 0.0) {
            out.iter_mut().zip(column).for_each(|(out, b)| *out += slope * b);
        }
        out
    };
    (0..n_params).map(of).collect()
}

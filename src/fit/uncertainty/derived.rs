//! Functions of the parameters, as text or those every reverting model has, with what is known of the parameters carried over.

use super::bootstrap::Bootstrap;
use super::covariance::Covariance;
use super::profile::{End, Profile};
use super::speed::Straight;
use super::{POINT, likelihood::refused};
use crate::base::{Result, math};
use crate::expr::{Id, Pool, Unary};
use crate::fit::Fit;
use crate::form::stationary::stationary;
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Scalar, symbol};
use crate::stats;
use serde::Serialize;

/// A function of the parameters with what the ways that were gone say of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Derived {
    /// The quantity as it was asked for, or the name of a standard one.
    pub text: String,
    /// At the fitted parameters, in the unit that follows from theirs.
    pub estimate: f64,
    /// By the delta method.
    pub se: Option<f64>,
    /// 95 % by the delta method: normal in the logarithm where the quantity is positive over all the parameters' intervals.
    pub interval: Option<(f64, f64)>,
    /// 2.5 and 97.5 % points of the quantity over the refits of a bootstrap.
    pub percentile: Option<(f64, f64)>,
    /// Ends of the profile interval, where the quantity hangs on one parameter alone and rises or falls with it throughout.
    pub profile: Option<(End, End)>,
}

/// A number at any parameters.
type At<'a> = &'a dyn Fn(&[f64]) -> f64;

struct Quantity<'a> {
    text: String,
    at: At<'a>,
    /// `∂/∂θ` at the estimate.
    gradient: Vec<f64>,
}

/// A function of the model's parameters given as text, such as `log(2)/kappa` or `sigma/sqrt(2*kappa)`: its estimate, its standard
/// error by the delta method with the symbolic gradient, and intervals by whatever else is handed over.
///
/// The delta method is poor where the quantity is far from straight over the parameters' intervals (the half-life near a unit
/// root): profile and bootstrap are not.
///
/// # Errors
/// [`crate::base::Error::Expression`] for text that cannot be read; [`crate::base::Error::Numerics`] where it is no number at the
/// estimate.
pub fn derived(
    model: &Model,
    fit: &Fit,
    covariance: Option<&Covariance>,
    bootstrap: Option<&Bootstrap>,
    profiles: &[Profile],
    text: &str,
) -> Result<Derived> {
    let mut pool = Pool::new(model.params.iter().map(|p| p.name.as_str()));
    let id = pool.parse(text, "the quantity asked for")?;
    let symbols: Vec<usize> = (0..model.params.len()).collect();
    let gradient = gradient(&mut pool, id, &symbols, &fit.theta);
    let at = |theta: &[f64]| pool.eval(id, theta);
    let quantity = Quantity { text: text.to_string(), at: &at, gradient };
    let mut told = told(fit, covariance, bootstrap, &quantity)?;
    told.profile = profiles.iter().find_map(|p| carried(&pool, id, fit, p));
    Ok(told)
}

/// The quantities that every model with a straight drift back to a mean has: `half-life`, `stationary mean`, `stationary sd`; and the
/// last two of any model with a stationary law. Empty where there is none at the estimate.
/// Quantities that are no number are left out. Where the drift is no straight line the stationary law is integrated `2p + 1` times.
pub fn standard_quantities(
    model: &Model,
    fit: &Fit,
    covariance: Option<&Covariance>,
    bootstrap: Option<&Bootstrap>,
) -> Vec<Derived> {
    let mut all = Vec::new();
    let Some(scalar) = model.scalar() else { return all };
    let symbols = |theta: &[f64]| scalar.symbols(theta, 0.0);
    let positions: Vec<usize> = (0..model.params.len()).map(|k| Scalar::FIRST_PARAM + k).collect();
    let mut push = |text: &str, pool: &mut Pool, id: Id| {
        let gradient = gradient(pool, id, &positions, &symbols(&fit.theta));
        let at = |theta: &[f64]| pool.eval(id, &symbols(theta));
        all.extend(told(fit, covariance, bootstrap, &Quantity { text: text.to_string(), at: &at, gradient }).ok());
    };
    let law = |theta: &[f64]| stationary(model, theta, 0).ok();
    let is_stationary = law(&fit.theta).is_some();
    let mut closed = 0;
    if let Some(mut straight) = Straight::of(model)
        && straight.pool.eval(straight.speed, &symbols(&fit.theta)) > 0.0
    {
        let pool = &mut straight.pool;
        let two = pool.number(math::ln(2.0));
        let half_life = pool.div(two, straight.speed);
        push("half-life", pool, half_life);
        if is_stationary {
            push("stationary mean", pool, straight.mean);
            closed = 1;
        }
        // E b² is b² at the mean where b² is a straight line.
        if is_stationary && straight.degree.is_some_and(|d| d <= 1) {
            let noise = pool.substitute(straight.diffusion, &[(symbol::STATE, straight.mean)]);
            let square = pool.power(noise, 2);
            let twice = pool.scale(2.0, straight.speed);
            let variance = pool.div(square, twice);
            let sd = pool.unary(Unary::Sqrt, variance);
            push("stationary sd", pool, sd);
            closed = 2;
        }
    }
    let mean = |theta: &[f64]| law(theta).filter(|l| has_moment(l, 1)).and_then(|l| l.mean()).unwrap_or(f64::NAN);
    let sd = |theta: &[f64]| law(theta).filter(|l| has_moment(l, 2)).and_then(|l| l.sd()).unwrap_or(f64::NAN);
    let by_law: [(&str, At); 2] = [("stationary mean", &mean), ("stationary sd", &sd)];
    for (text, at) in by_law.into_iter().skip(closed).filter(|_| is_stationary) {
        let quantity = Quantity { text: text.to_string(), at, gradient: differences(fit, at) };
        // A quantity of the grid: too dear for every refit.
        all.extend(told(fit, covariance, None, &quantity).ok());
    }
    all
}

/// Whether the tails fall fast enough for a moment of this order: `|x|^(order + 1) p(x)` must fall along them, or the moment is infinite
/// whatever a grid says.
fn has_moment(law: &Predictive, order: i32) -> bool {
    let size = |p: f64| {
        let x = law.quantile(p);
        law.log_pdf(x).map(|l| l + f64::from(order + 1) * math::ln(x.abs().max(1e-300)))
    };
    let falls = |near: f64, far: f64| match (size(near), size(far)) {
        (Some(near), Some(far)) => far < near - 1.0,
        // Samples and atoms have all moments.
        _ => true,
    };
    falls(1.0 - 1e-4, 1.0 - 1e-8) && (law.quantile(1e-8).abs() < 1.0 || falls(1e-4, 1e-8))
}

fn gradient(pool: &mut Pool, id: Id, positions: &[usize], symbols: &[f64]) -> Vec<f64> {
    let slopes = pool.gradient(id, positions);
    slopes.into_iter().map(|slope| pool.eval(slope, symbols)).collect()
}

/// Central differences over a hundredth of a standard error.
fn differences(fit: &Fit, at: At) -> Vec<f64> {
    let slope = |k: usize| {
        let Some(step) = fit.params[k].se.map(|se| 1e-2 * se.min(fit.theta[k].abs().max(1e-12))) else { return 0.0 };
        let moved = |d: f64| {
            let mut theta = fit.theta.clone();
            theta[k] += d;
            at(&theta)
        };
        (moved(step) - moved(-step)) / (2.0 * step)
    };
    (0..fit.theta.len()).map(slope).collect()
}

fn told(
    fit: &Fit,
    covariance: Option<&Covariance>,
    bootstrap: Option<&Bootstrap>,
    quantity: &Quantity,
) -> Result<Derived> {
    let estimate = (quantity.at)(&fit.theta);
    if !estimate.is_finite() {
        return Err(refused(
            fit,
            &format!("{} is {estimate} at the estimate", quantity.text),
            "ask for a quantity that is a number there",
        ));
    }
    let se = covariance.and_then(|c| delta(&quantity.gradient, &c.matrix));
    let interval = covariance.zip(se).map(|(covariance, se)| {
        if is_positive(fit, covariance, quantity.at) {
            let factor = math::exp(POINT * se / estimate);
            (estimate / factor, estimate * factor)
        } else {
            (estimate - POINT * se, estimate + POINT * se)
        }
    });
    let percentile = bootstrap.and_then(|b| {
        let draws: Vec<f64> = b.draws.iter().map(|theta| (quantity.at)(theta)).filter(|v| v.is_finite()).collect();
        let points = (stats::quantile(&draws, 0.025), stats::quantile(&draws, 0.975));
        (points.0.is_finite() && points.1.is_finite()).then_some(points)
    });
    Ok(Derived { text: quantity.text.clone(), estimate, se, interval, percentile, profile: None })
}

/// `√(g' V g)`; none where the quantity does not move with what was estimated.
fn delta(gradient: &[f64], matrix: &[Vec<f64>]) -> Option<f64> {
    let variance: f64 =
        gradient.iter().zip(matrix).map(|(g, row)| g * row.iter().zip(gradient).map(|(v, g)| v * g).sum::<f64>()).sum();
    Some(variance.sqrt()).filter(|s| s.is_finite() && *s > 0.0)
}

/// Whether the quantity is positive at the estimate and at every corner of the parameters' intervals.
fn is_positive(fit: &Fit, covariance: &Covariance, at: At) -> bool {
    let moving: Vec<(usize, (f64, f64))> =
        covariance.interval.iter().enumerate().filter_map(|(k, i)| i.map(|i| (k, i))).take(8).collect();
    (0..1usize << moving.len()).all(|corner| {
        let mut theta = fit.theta.clone();
        for (bit, (k, ends)) in moving.iter().enumerate() {
            theta[*k] = if corner >> bit & 1 == 0 { ends.0 } else { ends.1 };
        }
        at(&theta) > 0.0
    }) && at(&fit.theta) > 0.0
}

/// The ends of a parameter's profile interval through a quantity of that parameter alone.
fn carried(pool: &Pool, id: Id, fit: &Fit, profile: &Profile) -> Option<(End, End)> {
    let k = fit.params.iter().position(|p| p.name == profile.name)?;
    if (0..fit.params.len()).any(|j| pool.depends_on(id, j) != (j == k)) {
        return None;
    }
    let at = |value: f64| {
        let mut theta = fit.theta.clone();
        theta[k] = value;
        pool.eval(id, &theta)
    };
    let along: Vec<f64> = profile.curve.iter().map(|point| at(point.0)).collect();
    let rises = along.windows(2).all(|w| w[1] > w[0]);
    let falls = along.windows(2).all(|w| w[1] < w[0]);
    let end = |end: End| match end {
        End::At(value) => End::At(at(value)),
        End::Open => End::Open,
    };
    match (rises, falls) {
        (true, _) => Some((end(profile.lower), end(profile.upper))),
        (_, true) => Some((end(profile.upper), end(profile.lower))),
        _ => None,
    }
}

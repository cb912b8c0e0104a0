//! Draws of the parameters: from the normal law that the likelihood has around its optimum, or from refits of simulated data.

use super::bootstrap::bootstrap;
use super::covariance::{Covariance, Method, covariance};
use super::likelihood::refused;
use crate::base::rng::word_of;
use crate::base::sobol::{Scramble, Sobol};
use crate::base::{Coordinate, Param, Purpose, Result, math};
use crate::fit::{Fit, Observed, Settings, is_bent};
use crate::models::Model;
use nalgebra::DMatrix;

/// A draw that would stand on a bound or beyond it, moved inside by a thousandth of the estimate or a millionth of the range: on the bound
/// itself many a model has no law.
fn inside(p: &Param, estimate: f64, value: f64) -> f64 {
    match p.coordinate() {
        Coordinate::Linear => value.clamp(p.lower, p.upper),
        Coordinate::Log => value.clamp((1e-3 * estimate).max(p.lower), p.upper),
        Coordinate::Logit => {
            let hair = 1e-6 * (p.upper - p.lower);
            value.clamp(p.lower + hair, p.upper - hair)
        }
    }
}

/// Whether a parameter is drawn in its own coordinate; where that is too bent over a standard error, or the estimate stands on a bound, it is
/// drawn as it is.
fn is_straight(p: &Param, estimate: f64, se: Option<f64>) -> bool {
    let slope = p.derivative(p.to_coordinate(estimate)).abs();
    se.is_some_and(|se| slope > 0.0 && !is_bent(p, estimate, se))
}

/// About `n` draws of the parameters, `[draw][parameter]`: normal with the inverse observed information as covariance, in the coordinates
/// that intervals are normal in, so that bounds hold; scrambled Sobol points through the normal quantile, `n` rounded up to a power of two, so that
/// their means are right to far more than `1/√n`. A parameter that is held or stands on a bound stays. `2p + 1` passes over the data.
///
/// The law is that of a large sample: of short records take the bootstrap.
///
/// # Errors
/// As [`covariance`].
pub fn normal_draws(model: &Model, data: &Observed, settings: &Settings, fit: &Fit, n: usize) -> Result<Vec<Vec<f64>>> {
    let natural = covariance(model, data, settings, fit, Method::Observed)?;
    draws_of(model, settings, fit, &natural, n)
}

/// As [`normal_draws`], of a covariance that is known.
pub(in crate::fit) fn draws_of(
    model: &Model,
    settings: &Settings,
    fit: &Fit,
    natural: &Covariance,
    n: usize,
) -> Result<Vec<Vec<f64>>> {
    let moved: Vec<usize> = (0..fit.theta.len()).filter(|k| natural.se[*k].is_some()).collect();
    // Slope of the coordinate, or one where the parameter itself is the coordinate.
    let place = |k: usize| {
        let (p, estimate) = (&model.params[k], fit.theta[k]);
        let u = p.to_coordinate(estimate);
        match is_straight(p, estimate, natural.se[k]) {
            true => (u, p.derivative(u).abs(), true),
            false => (estimate, 1.0, false),
        }
    };
    let places: Vec<(f64, f64, bool)> = moved.iter().map(|k| place(*k)).collect();
    let scaled = DMatrix::from_fn(moved.len(), moved.len(), |i, j| {
        natural.matrix[moved[i]][moved[j]] / (places[i].1 * places[j].1)
    });
    let broken = |why| refused(fit, why, "take --params bootstrap, or --params point");
    let root = scaled.cholesky().ok_or_else(|| broken("the covariance of its estimates is not positive definite"))?.l();
    let sobol = Sobol::new(moved.len()).ok_or_else(|| broken("it has too many parameters"))?;
    let key = settings.seed.key(Purpose::Forecast, word_of("parameters"), 0);
    let log2 = n.max(2).next_power_of_two().trailing_zeros();
    let draw = |i: u64| {
        let normal = |d: usize| math::normal_from_u64(Scramble::new(key, 0, d).apply(sobol.word(i, d), log2));
        let z: Vec<f64> = (0..moved.len()).map(normal).collect();
        let mut theta = fit.theta.clone();
        for (i, k) in moved.iter().enumerate() {
            let away: f64 = (0..=i).map(|j| root[(i, j)] * z[j]).sum();
            let (centre, _, in_coordinate) = places[i];
            let p = &model.params[*k];
            theta[*k] = match in_coordinate {
                true => p.to_natural(centre + away),
                false => inside(p, centre, centre + away),
            };
        }
        theta
    };
    Ok((0..1u64 << log2).map(draw).collect())
}

/// As many draws as `n` refits of simulated data can be used, `[draw][parameter]`: each refit reflected about the estimate in the coordinates of
/// [`normal_draws`], as the basic interval is (Davison & Hinkley 1997, section 5.2). What the estimator adds to the parameter a refit adds to the
/// estimate, so that reflecting takes the estimator's bias out; taken as they are, refits would put it in twice. A fit a draw.
///
/// # Errors
/// As [`bootstrap`].
pub fn bootstrap_draws(
    model: &Model,
    data: &Observed,
    settings: &Settings,
    fit: &Fit,
    n: usize,
) -> Result<Vec<Vec<f64>>> {
    let reflected = |k: usize, refit: f64| {
        let (p, estimate, held) = (&model.params[k], fit.theta[k], fit.params[k].fixed);
        if held {
            return estimate;
        }
        // On a bound the coordinate is endless.
        match is_straight(p, estimate, fit.params[k].se) && p.bound_at(refit).is_none() {
            true => inside(p, estimate, p.to_natural(2.0 * p.to_coordinate(estimate) - p.to_coordinate(refit))),
            false => inside(p, estimate, 2.0 * estimate - refit),
        }
    };
    let refits = bootstrap(model, data, settings, fit, n)?.draws;
    Ok(refits.iter().map(|draw| draw.iter().enumerate().map(|(k, v)| reflected(k, *v)).collect()).collect())
}

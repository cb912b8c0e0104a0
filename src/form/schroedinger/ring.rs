//! Diffusions around a ring, where the drift does no work on the whole.

use super::super::Form;
use super::basis::Basis;
use super::modes::{Coefficients, Coordinate, Ground, Modes};
use super::spectrum::Spectrum;
use crate::base::{Error, Result};
use crate::models::Model;
use crate::process::Scalar;

const POINTS: [usize; 2] = [41, 501];
const SETTLED: f64 = 1e-11;

/// Why a ring has no symmetric form at these parameters; `None` where it has.
pub(super) fn why_not(scalar: &Scalar, coefficients: &mut Coefficients) -> Option<String> {
    const PARTS: usize = 2_000;
    let (lower, upper) = (scalar.state.lower, scalar.state.upper);
    // The trapezoidal rule of a periodic function is exact to round-off.
    let at = |i: usize| lower + (upper - lower) * (i as f64 + 0.5) / PARTS as f64;
    let slopes: Vec<f64> = (0..PARTS).map(|i| coefficients.ln_speed_slope(at(i))).collect();
    let size: f64 = slopes.iter().map(|s| s.abs()).sum();
    let turns = !(slopes.iter().sum::<f64>().abs() <= 1e-9 * size.max(1e-300));
    turns.then(|| {
        "its drift drives a current around the ring: detailed balance fails, its spectrum is complex".to_string()
    })
}

/// The modes on a basis of so many points.
pub(super) fn modes(scalar: &Scalar, coefficients: &mut Coefficients, n: usize, fastest: f64) -> Option<Modes> {
    let (from, length) = (scalar.state.lower, scalar.state.upper - scalar.state.lower);
    let basis = Basis::Ring { from, length, n: n | 1 };
    let ground = Ground::new(basis, Coordinate::State, coefficients, from)?;
    Modes::new(ground, coefficients, fastest)
}

pub(super) fn spectrum(model: &Model, scalar: &Scalar, theta: &[f64], n: usize) -> Result<Spectrum> {
    let mut coefficients = Coefficients::new(scalar, theta);
    if let Some(why) = why_not(scalar, &mut coefficients) {
        return Err(Form::Schroedinger.unavailable(model, &why));
    }
    let broken = |why: &str| Error::Numerics {
        what: format!("the spectrum of model '{}'", model.id),
        why: why.to_string(),
        hint: "check the parameters with --set".to_string(),
    };
    let mut points = POINTS[0].max(2 * n + 21);
    let mut before: Option<Vec<f64>> = None;
    loop {
        let modes = modes(scalar, &mut coefficients, points, f64::INFINITY)
            .ok_or_else(|| broken("drift or diffusion is not finite on the ring"))?;
        let mut rates: Vec<f64> = modes.rates.into_iter().take(n).collect();
        // The stationary law's, zero to round-off.
        rates[0] = 0.0;
        if let Some(before) = before {
            let errors: Vec<f64> = rates.iter().zip(&before).map(|(a, b)| (a - b).abs()).collect();
            let largest = rates.last().copied().unwrap_or(0.0);
            let worst = errors.iter().copied().fold(0.0, f64::max);
            if worst <= SETTLED * largest {
                return Ok(Spectrum { rates, errors, closed: false });
            }
            if points >= POINTS[1] {
                return Err(broken("its rates did not settle: the potential is too rough or too steep"));
            }
        }
        before = Some(rates);
        points = points * 3 / 2;
    }
}

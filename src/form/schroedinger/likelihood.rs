//! Log densities of observed transitions, all from one decomposition.

use super::super::{Accuracy, Asked, Form, Pairs};
use super::domain::{Domain, FORGOTTEN, broken};
use super::modes::{Coefficients, Modes, Place};
use super::ring;
use crate::base::{Error, Result, math};
use crate::models::Model;
use crate::process::Boundary;

/// Densities below this share of the largest that a step of that length has are round-off's.
const TRUSTED: f64 = 1e-8;
/// Change of the summed log density, per transition, at which the basis is large enough.
const SETTLED: f64 = 1e-9;

/// Log densities of transitions by the spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct LogTransitions {
    /// `[transition]`; minus infinity where nothing but round-off is left.
    pub value: Vec<f64>,
    /// Transitions so far out (below 1e-8 of the peak) that round-off shows in their logarithm.
    pub doubtful: usize,
    /// Change of the summed log density from a basis two thirds the size: the estimated error.
    pub error: f64,
}

/// `ln p(x1 | x0, dt)` of every pair, in the units of the model file.
///
/// One decomposition on what the process reaches from the smallest and the largest `x0` in the longest step serves all pairs, so
/// uneven steps cost no more than even ones. Cost O(n³ + pairs × n²) for `n` about `range/(0.4 √dt)` functions, `range` in
/// units of the noise over unit time and `dt` the shortest step: milliseconds for months or weeks, not for days or less.
///
/// # Errors
/// [`Error::FormUnavailable`] where the form does not apply; [`Error::Numerics`] where the shortest step needs too many functions.
///
/// # Examples
/// ```
/// use kramers::form::{Pairs, schroedinger::log_transitions};
/// use kramers::models::built_in;
///
/// let ou = built_in("ou")?; // kappa, theta, sigma
/// let pairs = Pairs { x0: vec![-1.0], x1: vec![0.2], dt: vec![0.7], t0: vec![0.0] };
/// let found = log_transitions(&ou, &[1.5, 0.5, 0.8], &pairs)?;
/// assert!((found.value[0] + 0.2162719324140839).abs() < 1e-9);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn log_transitions(model: &Model, theta: &[f64], pairs: &Pairs) -> Result<LogTransitions> {
    let process = Form::Schroedinger.line(model)?;
    let least = |v: &[f64]| v.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |v: &[f64]| v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if pairs.is_empty() {
        return Ok(LogTransitions { value: Vec::new(), doubtful: 0, error: 0.0 });
    }
    let state = process.state;
    if let Some((row, x)) = pairs.x0.iter().chain(&pairs.x1).enumerate().find(|(_, x)| !state.holds(**x)) {
        return Err(Error::OutsideDomain {
            model: model.id.clone(),
            series: "transitions".to_string(),
            row: row % pairs.len(),
            value: *x,
            lower: state.lower,
            upper: state.upper,
        });
    }
    let mut coefficients = Coefficients::new(&process, theta);
    if state.boundary == Boundary::Periodic
        && let Some(why) = ring::why_not(&process, &mut coefficients)
    {
        return Err(Form::Schroedinger.unavailable(model, &why));
    }
    let (shortest, longest) = (least(&pairs.dt), most(&pairs.dt));
    let times = if longest > shortest { vec![shortest, longest] } else { vec![longest] };
    let accuracy = Accuracy::default();
    let asked = Asked { model, process, theta, x0: pairs.x0[0], t0: 0.0, times: &times, accuracy };
    if !(shortest > 0.0 && longest.is_finite()) {
        return Err(broken(&asked, "a step is not longer than nothing"));
    }
    let low = least(&pairs.x0).min(least(&pairs.x1));
    let high = most(&pairs.x0).max(most(&pairs.x1));
    let domain = Domain::new(&asked, [low, high], &times, &mut coefficients)?;
    let mut before: Option<f64> = None;
    let mut last: Option<LogTransitions> = None;
    for n in domain.sizes() {
        let modes = domain.modes(&asked, &mut coefficients, n, FORGOTTEN / shortest)?;
        let (value, doubtful) = on_modes(&modes, &mut coefficients, pairs);
        let sum: f64 = value.iter().filter(|v| v.is_finite()).sum();
        let error = before.map_or(f64::INFINITY, |b| (sum - b).abs());
        before = Some(sum);
        let settled = error <= SETTLED * pairs.len() as f64;
        last = Some(LogTransitions { value, doubtful, error });
        if settled {
            break;
        }
    }
    match last.filter(|found| found.error < 1e-3 * pairs.len() as f64) {
        Some(found) => Ok(found),
        None => Err(broken(
            &asked,
            &format!(
                "the step of {shortest} is too short against the range of the data: more than 640 functions are needed"
            ),
        )),
    }
}

/// Log densities and the number of those that are round-off's.
fn on_modes(modes: &Modes, coefficients: &mut Coefficients, pairs: &Pairs) -> (Vec<f64>, usize) {
    // The end of one transition is most often the start of the next.
    let mut xs: Vec<f64> = Vec::with_capacity(pairs.len() + 1);
    let mut index = |x: f64| {
        if xs.last() != Some(&x) {
            xs.push(x);
        }
        xs.len() - 1
    };
    let ends: Vec<(usize, usize)> = pairs.x0.iter().zip(&pairs.x1).map(|(a, b)| (index(*a), index(*b))).collect();
    let places: Vec<Place> = xs.iter().map(|x| modes.ground.place(coefficients, *x)).collect();
    let amplitudes = modes.amplitudes(&places);
    let mut doubtful = 0;
    let mut decay: Vec<f64> = Vec::new();
    let mut decay_of = f64::NAN;
    let mut value = Vec::with_capacity(pairs.len());
    for (i, (from, to)) in ends.into_iter().enumerate() {
        let dt = pairs.dt[i];
        if dt != decay_of {
            decay = modes.rates.iter().map(|rate| math::exp(-rate * dt)).collect();
            decay_of = dt;
        }
        let (one, two) = (amplitudes.column(from), amplitudes.column(to));
        let sum: f64 = decay.iter().zip(one.iter().zip(two.iter())).map(|(d, (a, b))| d * a * b).sum();
        let ln_p = if sum > 0.0 { math::ln(sum) + places[to].ln_ratio(&places[from]) } else { f64::NEG_INFINITY };
        // The peak of a short step; a long one is lower and wider.
        let spread = coefficients.at(pairs.x0[i])[1].abs() * dt.sqrt();
        let peak = -math::ln(spread) - 0.919;
        // Round-off is relative to the sum's own terms.
        let terms: f64 = decay.iter().zip(one.iter().zip(two.iter())).map(|(d, (a, b))| d * (a * b).abs()).sum();
        if ln_p < peak + math::ln(TRUSTED) || sum < TRUSTED * terms {
            doubtful += 1;
        }
        value.push(ln_p);
    }
    (value, doubtful)
}

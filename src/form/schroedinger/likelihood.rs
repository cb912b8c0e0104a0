//! Log densities of observed transitions, all from one decomposition.
//!
//! A sum over modes has the digits of its largest terms, so what is below 1e-6 of the peak is the local solution's of [`Resolvent`], and
//! counted. Derivatives are exact on the basis that gives the values ([`tangent`]); where an end is reached, whose basis changes with the
//! powers there, they are central differences of fourth order.

use super::super::likelihood::{Resolvent, check_states, why_not};
use super::super::{Accuracy, Asked, Batch, Form, Pairs};
use super::domain::{Domain, FORGOTTEN, broken};
use super::modes::{Coefficients, Modes, Place};
use super::{ring, tangent};
use crate::base::{Error, Result, math};
use crate::models::Model;
use crate::process::{Boundary, Scalar};
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Densities below this share of the largest that a step of that length has are round-off's: a decomposition's error is up to
/// 2e-13 of the peak, and six digits are asked for.
const TRUSTED: f64 = 1e-6;
/// Change of the summed log density, per transition, at which the basis is large enough.
const SETTLED: f64 = 1e-9;

/// Relative step of the differences: values carry round-off of 1e-9 or so, and the rule's own error is the fourth power of this.
const STEP: f64 = 1e-2;

/// Log densities of transitions by the spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct LogTransitions {
    /// `[transition]`
    pub value: Vec<f64>,
    /// Transitions so far out (below 1e-6 of the peak) that round-off shows in their logarithm: theirs is from a local solution of
    /// the Fokker-Planck equation, around a ring and beside an end where the diffusion vanishes what the modes say, minus infinity where
    /// that is nothing.
    pub doubtful: usize,
    /// Change of the summed log density of the others from a basis two thirds the size: the estimated error.
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
    if pairs.is_empty() {
        return Ok(LogTransitions { value: Vec::new(), doubtful: 0, error: 0.0 });
    }
    check_states(model, &process, pairs)?;
    let settled = settle(&Spectrum { model, process, pairs }, theta)?;
    let (tail, rows) = settled.tail(pairs);
    let doubtful = rows.len();
    let mut value = settled.seen.value;
    if why_not(&process).is_none() {
        let local = Resolvent::new(&process).log_density(&process, theta, &tail, false);
        rows.into_iter().zip(local.value).filter(|(_, v)| v.is_finite()).for_each(|(i, v)| value[i] = v);
    }
    Ok(LogTransitions { value, doubtful, error: settled.error })
}

/// A process prepared for densities at many parameters.
#[derive(Debug)]
pub(in crate::form) struct Spectral {
    pub resolvent: Resolvent,
}

impl Spectral {
    pub fn new(resolvent: Resolvent) -> Spectral {
        Spectral { resolvent }
    }

    /// Why there is no density at these parameters; `None` where there is.
    pub fn refusal(&self, model: &Model, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Option<String> {
        match settle(&Spectrum { model, process: *process, pairs }, theta) {
            Ok(_) => None,
            Err(Error::Numerics { why, .. } | Error::FormUnavailable { why, .. }) => Some(why),
            Err(other) => Some(other.to_string()),
        }
    }

    /// Log densities, and their gradients where asked; all minus infinity where no basis is large enough.
    pub fn log_density(&self, model: &Model, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        let params = if gradient { theta.len() } else { 0 };
        let nothing =
            || Batch { value: vec![f64::NEG_INFINITY; pairs.len()], gradient: vec![vec![0.0; pairs.len()]; params] };
        let asked = Spectrum { model, process: *process, pairs };
        let Ok(settled) = settle(&asked, theta) else { return nothing() };
        let (tail, rows) = settled.tail(pairs);
        let slopes = match settled.domain.anchor() {
            _ if !gradient => Some(Vec::new()),
            Some(anchor) => {
                let (tapes, symbols) = (&self.resolvent.tapes, process.symbols(theta, 0.0));
                Some(tangent::gradient(tapes, &symbols, &settled.modes, &settled.seen, anchor, pairs))
            }
            None => settled.differences(&asked, theta),
        };
        let Some(slopes) = slopes else { return nothing() };
        let mut batch = Batch { gradient: slopes, value: settled.seen.value };
        let local = self.resolvent.log_density(process, theta, &tail, gradient);
        // Beside an end where the local solution is none, the digits that the modes have.
        for (j, i) in rows.into_iter().enumerate().filter(|(j, _)| local.value[*j].is_finite()) {
            batch.value[i] = local.value[j];
            batch.gradient.iter_mut().zip(&local.gradient).for_each(|(all, some)| all[i] = some[j]);
        }
        batch
    }
}

const OFFSETS: [f64; 4] = [-2.0, -1.0, 1.0, 2.0];

fn step(value: f64) -> f64 {
    STEP * value.abs().max(STEP)
}

fn moved(theta: &[f64], k: usize, steps: f64) -> Vec<f64> {
    let mut moved = theta.to_vec();
    moved[k] += steps * step(theta[k]);
    moved
}

/// What is asked of a spectrum.
pub(super) struct Spectrum<'a> {
    pub model: &'a Model,
    pub process: Scalar<'a>,
    pub pairs: &'a Pairs,
}

/// A basis that is large enough, and what it says.
pub(super) struct Settled {
    domain: Domain,
    /// Of the smaller of the two bases that agree: what differences are taken on, since round-off grows with the basis.
    functions: usize,
    times: Vec<f64>,
    modes: Modes,
    pub seen: Seen,
    pub error: f64,
}

/// Modes at the states of transitions, and what they make of them.
pub(super) struct Seen {
    /// The states; those next to each other differ.
    pub x: Vec<f64>,
    /// `[transition]`: positions of its start and its end among the states.
    pub ends: Vec<(usize, usize)>,
    /// `[function, state]` and `[mode, state]`.
    pub chi: DMatrix<f64>,
    pub modes: DMatrix<f64>,
    /// Log densities, and which of them are round-off's.
    pub value: Vec<f64>,
    is_doubtful: Vec<bool>,
}

impl Settled {
    /// Log densities at other parameters on the same basis; `None` where they are none.
    fn at(&self, spectrum: &Spectrum, theta: &[f64]) -> Option<Vec<f64>> {
        let Spectrum { model, process, pairs } = *spectrum;
        let accuracy = Accuracy::default();
        let asked = Asked { model, process, theta, x0: pairs.x0[0], t0: 0.0, times: &self.times, accuracy };
        let mut coefficients = Coefficients::new(&asked.process, theta);
        let domain = self.domain.moved(&mut coefficients);
        let modes = domain.modes(&asked, &mut coefficients, self.functions, FORGOTTEN / self.times[0]).ok()?;
        Some(on_modes(&modes, &mut coefficients, pairs).value)
    }

    /// Derivatives by central differences, `[parameter][transition]`; `None` where there is no value beside.
    fn differences(&self, spectrum: &Spectrum, theta: &[f64]) -> Option<Vec<Vec<f64>>> {
        let moved: Option<Vec<Vec<f64>>> = (0..4 * theta.len())
            .into_par_iter()
            .map(|j| self.at(spectrum, &moved(theta, j / 4, OFFSETS[j % 4])))
            .collect();
        let moved = moved?;
        let slopes = |k: usize| -> Vec<f64> {
            let [two_down, down, up, two_up] = [0, 1, 2, 3].map(|o| &moved[4 * k + o]);
            let h = step(theta[k]);
            (0..up.len()).map(|i| (8.0 * (up[i] - down[i]) - (two_up[i] - two_down[i])) / (12.0 * h)).collect()
        };
        Some((0..theta.len()).map(slopes).collect())
    }

    /// The transitions in the tail, and which they are.
    fn tail(&self, pairs: &Pairs) -> (Pairs, Vec<usize>) {
        let rows: Vec<usize> = (0..pairs.len()).filter(|i| self.seen.is_doubtful[*i]).collect();
        (pairs.at(&rows), rows)
    }
}

pub(super) fn settle(spectrum: &Spectrum, theta: &[f64]) -> Result<Settled> {
    let least = |v: &[f64]| v.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |v: &[f64]| v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let Spectrum { model, process, pairs } = *spectrum;
    let mut coefficients = Coefficients::new(&process, theta);
    if process.state.boundary == Boundary::Periodic
        && let Some(why) = ring::why_not(&process, &mut coefficients)
    {
        return Err(Form::Schroedinger.unavailable(model, &why));
    }
    let (shortest, longest) = (least(&pairs.dt), most(&pairs.dt));
    let times = if longest > shortest { vec![shortest, longest] } else { vec![longest] };
    let asked = Asked { model, process, theta, x0: pairs.x0[0], t0: 0.0, times: &times, accuracy: Accuracy::default() };
    if !(shortest > 0.0 && longest.is_finite()) {
        return Err(broken(&asked, "a step is not longer than nothing"));
    }
    let low = least(&pairs.x0).min(least(&pairs.x1));
    let high = most(&pairs.x0).max(most(&pairs.x1));
    let domain = Domain::new(&asked, [low, high], &times, &mut coefficients)?;
    let mut last: Option<Settled> = None;
    for functions in domain.sizes() {
        // All modes: a derivative leads from those that matter to those that do not.
        let modes = domain.modes(&asked, &mut coefficients, functions, f64::INFINITY)?;
        let seen = on_modes(&modes, &mut coefficients, pairs);
        let error = last.as_ref().map_or(f64::INFINITY, |before| {
            let before = &before.seen;
            let trusted = (0..pairs.len()).filter(|i| !(seen.is_doubtful[*i] || before.is_doubtful[*i]));
            trusted.map(|i| seen.value[i] - before.value[i]).sum::<f64>().abs()
        });
        let is_settled = error <= SETTLED * pairs.len() as f64;
        let functions = last.as_ref().filter(|_| is_settled).map_or(functions, |before| before.functions);
        last = Some(Settled { domain, functions, times: times.clone(), modes, seen, error });
        if is_settled {
            break;
        }
    }
    last.filter(|found| found.error < 1e-3 * pairs.len() as f64).ok_or_else(|| {
        let why = format!(
            "the step of {shortest} is too short against the range of the data: more than 640 functions are needed"
        );
        broken(&asked, &why)
    })
}

fn on_modes(modes: &Modes, coefficients: &mut Coefficients, pairs: &Pairs) -> Seen {
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
    let [chi, amplitudes] = modes.amplitudes(&places);
    let mut is_doubtful = Vec::with_capacity(pairs.len());
    let mut decay: Vec<f64> = Vec::new();
    let mut decay_of = f64::NAN;
    let mut value = Vec::with_capacity(pairs.len());
    for (i, (from, to)) in ends.iter().copied().enumerate() {
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
        is_doubtful.push(ln_p < peak + math::ln(TRUSTED) || !(sum >= TRUSTED * terms));
        value.push(ln_p);
    }
    Seen { x: xs, ends, chi, modes: amplitudes, value, is_doubtful }
}

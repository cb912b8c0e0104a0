//! The value of a payoff: `E[e^{-∫r dt} payoff(X_T)]`, by every form of the process it is on.
//!
//! - `exact`, `fokker-planck`, `master-equation`: the law of `X_T` and the mean of the payoff under it, where the discount rate
//!   does not hang on the state and no path is asked for.
//! - `fokker-planck` besides: the backward equation (`backward`), for discount rates that hang on the state and for barriers.
//! - `exact` besides (`affine`): the characteristic function, where the process is affine and the payoff straight in pieces.
//! - `monte-carlo` (`paths`): everything, averages and several states too.
//!
//! Not for early exercise.

mod affine;
mod backward;
mod bridge;
mod functional;
mod methods;
mod multilevel;
mod paths;
mod pieces;
mod walk;

#[cfg(test)]
mod affine_tests;
#[cfg(test)]
pub(in crate::form) mod methods_tests;
#[cfg(test)]
mod tests;

pub use methods::{CostReport, Level, Method, Sampled, value_by};

use super::moments::is_gaussian;
use super::{Accuracy, Form, Question, answer, check_start};
use crate::base::rng::Key;
use crate::base::{Error, Result, math};
use crate::expr::{Id, Scratch, Tape};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Barrier, BarrierKind, Process, Value, symbol};

/// What a payoff is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Valued {
    /// Discounted to now, in the unit of the payoff.
    pub value: f64,
    /// Standard error of Monte Carlo; of the backward equation the change from the grid twice as coarse over three, which is more
    /// than the error left; of the other forms the error of their law times the variation of the payoff.
    pub error: Option<f64>,
    /// Slope of the value in the (first) start, where the form gives it.
    pub delta: Option<f64>,
}

/// A value model at parameters and a start.
struct Posed<'a> {
    model: &'a Model,
    value: &'a Value,
    /// The process under the payoff, as a model of its own.
    under: Model,
    theta: &'a [f64],
    x0: &'a [f64],
    expiry: f64,
    /// Numbers of fixings of the average and of dates of the barrier.
    fixings: Option<usize>,
    dates: Option<usize>,
}

/// Why a form does not value this payoff; `None` where it does.
pub fn why_not(model: &Model, value: &Value, form: Form) -> Option<String> {
    let paths_see = |what: &str| Some(format!("{what}, which this form does not see"));
    let discount_moves = value.under.frame.varies(value.discount);
    if form == Form::Exact {
        return if has_closed_law(model, value) { None } else { affine::why_not(model, value) };
    }
    match form {
        form if form.is_one_step() => {
            return Some("it is the density of one short step, and a payoff is valued at its expiry".to_string());
        }
        Form::MonteCarlo => {
            return match value.barrier {
                Some(barrier) if barrier.dates.is_none() && value.under.scalar().is_none() => {
                    Some("its barrier is watched by a Brownian bridge, which wants one state without jumps".to_string())
                }
                _ => None,
            };
        }
        Form::FokkerPlanck if value.under.states.len() > 1 => {
            return Some("it values payoffs of one state".to_string());
        }
        _ if value.average.is_some() => return paths_see("it pays on an average over the path"),
        Form::Schroedinger | Form::MasterEquation if value.barrier.is_some() => {
            return paths_see("it has a barrier");
        }
        Form::Schroedinger | Form::MasterEquation if discount_moves => {
            return paths_see("its discount rate hangs on the state along the path");
        }
        _ => {}
    }
    match value.barrier {
        Some(barrier) if barrier.dates.is_some() => paths_see("its barrier is watched on dates"),
        Some(barrier) if value.under.frame.is_timed(barrier.level) => paths_see("its barrier moves"),
        _ => form.why_not(&under(model, value)),
    }
}

/// Whether the payoff is integrated against a closed law of the state at expiry.
fn has_closed_law(model: &Model, value: &Value) -> bool {
    let on_the_end = value.barrier.is_none() && value.average.is_none() && !value.under.frame.varies(value.discount);
    let closed = |under: &Model| under.law.is_some() && Form::Exact.why_not(under).is_none() || is_gaussian(under);
    on_the_end && value.under.states.len() == 1 && closed(&under(model, value))
}

/// Value a payoff now (`t = 0`), the process starting at `x0`, `[component]`.
///
/// The mean over a grid law is right to about 1e-6 of the start (kinks and jumps of the payoff are located), over a closed law
/// to 1e-11. The backward equation: second order in its cells, extrapolated. Monte Carlo: Euler-Maruyama, so beside its standard
/// error a bias of first order in the step (`accuracy.step`; without it, a 64th of the expiry, a 256th where the path matters).
/// Its barriers are watched between steps by Brownian bridges, its averages and discounts integrated by the trapezoidal rule.
///
/// # Errors
/// [`Error::FormUnavailable`] with the reason where the form does not value the payoff, [`Error::OutsideDomain`] for the start,
/// [`Error::Numerics`] where the expiry is not after now, or the mean of the payoff is not finite.
///
/// # Examples
/// ```
/// use kramers::base::{Purpose, Seed};
/// use kramers::form::{Accuracy, Form, value::value};
/// use kramers::models::built_in;
///
/// let call = built_in("black-scholes")?; // r, sigma, K, T
/// let key = Seed(1).key(Purpose::Forecast, 0, 0);
/// let worth = value(&call, Form::Exact, &[0.05, 0.2, 100.0, 1.0], &[100.0], Accuracy::default(), key)?;
/// assert!((worth.value - 10.450_583_572_185_565).abs() < 1e-8);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn value(model: &Model, form: Form, theta: &[f64], x0: &[f64], accuracy: Accuracy, key: Key) -> Result<Valued> {
    if let Some(why) = form.why_not(model) {
        return Err(form.unavailable(model, &why));
    }
    let posed = Posed::new(model, theta, x0)?;
    let value = posed.value;
    match form {
        Form::MonteCarlo => paths::by_paths(&posed, accuracy, key),
        Form::FokkerPlanck if value.barrier.is_some() || value.under.frame.varies(value.discount) => {
            posed.by_backward_equation(accuracy, key)
        }
        Form::Exact if !has_closed_law(model, value) => affine::value(&posed),
        _ => posed.by_law(form, accuracy, key),
    }
}

/// How far a payoff goes up and down where all but 1e-6 of a law lies. As `E f - E' f = -∫ (F - F') df`, an error of the distribution
/// function changes the mean of the payoff by that times this at most, tails aside.
fn variation(law: &Predictive, payoff: &mut dyn FnMut(f64) -> f64) -> f64 {
    const POINTS: i32 = 400;
    let (low, high) = (law.quantile(5e-7), law.quantile(1.0 - 5e-7));
    let at = |k: i32| low + (high - low) * f64::from(k) / f64::from(POINTS);
    let values: Vec<f64> = (0..=POINTS).map(|k| payoff(at(k))).collect();
    values.windows(2).map(|w| (w[1] - w[0]).abs()).sum()
}

/// The process under a payoff as a model: its parameters are those of the value.
fn under(model: &Model, value: &Value) -> Model {
    Model {
        id: value.of.clone(),
        process: Process::Diffusion(value.under.clone()),
        law: value.law.clone(),
        observe: Vec::new(),
        ..model.clone()
    }
}

fn broken(model: &Model, why: String, hint: &str) -> Error {
    Error::Numerics { what: format!("the value of model '{}'", model.id), why, hint: hint.to_string() }
}

impl<'a> Posed<'a> {
    /// # Errors
    /// As [`value`].
    fn new(model: &'a Model, theta: &'a [f64], x0: &'a [f64]) -> Result<Posed<'a>> {
        let Process::Value(value) = &model.process else {
            return Err(Form::MonteCarlo.unavailable(model, &format!("it is a {}", model.process.kind())));
        };
        let under = under(model, value);
        check_start(&under, x0)?;
        let at = |id| value.under.frame.at(id, theta, 0.0);
        let expiry = at(value.expiry);
        if !(expiry > 0.0 && expiry.is_finite()) {
            return Err(broken(model, format!("its expiry is {expiry}"), "give an expiry after now"));
        }
        let count = |id: Option<Id>, what: &str| match id.map(at) {
            None => Ok(None),
            Some(n) if (1.0..=1e4).contains(&n) && n.fract() == 0.0 => Ok(Some(n as usize)),
            Some(n) => {
                let why = format!("its number of {what} is {n}");
                Err(broken(model, why, "give a whole number from 1 to 10000"))
            }
        };
        let fixings = count(value.average.and_then(|a| a.fixings), "fixings")?;
        let dates = count(value.barrier.and_then(|b| b.dates), "dates")?;
        Ok(Posed { model, value, under, theta, x0, expiry, fixings, dates })
    }

    fn infinite(&self, what: &str) -> Error {
        broken(self.model, format!("{what} is not finite"), "check the payoff and the parameters")
    }

    /// `e^{-∫r dt}` of a rate that does not hang on the state.
    fn factor(&self) -> Result<f64> {
        let frame = &self.value.under.frame;
        let rate = self.value.discount;
        let total = match frame.is_timed(rate) {
            false => frame.at(rate, self.theta, 0.0) * self.expiry,
            true => {
                // Gauss's two points in each of many parts: 1e-14 for a smooth rate, a 4096th of the expiry for the place of a jump.
                const PARTS: usize = 4096;
                let h = self.expiry / PARTS as f64;
                let offset = 0.5 / 3f64.sqrt();
                let at = |k: usize, o: f64| frame.at(rate, self.theta, h * (k as f64 + 0.5 + o));
                (0..PARTS).map(|k| 0.5 * h * (at(k, -offset) + at(k, offset))).sum()
            }
        };
        let factor = math::exp(-total);
        if factor.is_finite() { Ok(factor) } else { Err(self.infinite("the discount factor")) }
    }

    /// The payoff of one state at expiry.
    fn payoff(&self) -> impl FnMut(f64) -> f64 + use<> {
        self.payoff_of(symbol::STATE)
    }

    /// The payoff of one symbol at expiry.
    fn payoff_of(&self, symbol: usize) -> impl FnMut(f64) -> f64 + use<> {
        let frame = &self.value.under.frame;
        let tape = Tape::compile(&frame.pool, &[self.value.payoff], &[symbol]);
        let mut scratch = Scratch::default();
        tape.bind(&frame.symbols(self.theta, self.expiry), &mut scratch);
        move |x| {
            let mut out = [0.0];
            tape.run_one(&[x], &mut out, &mut scratch);
            out[0]
        }
    }

    fn by_law(&self, form: Form, accuracy: Accuracy, key: Key) -> Result<Valued> {
        let factor = self.factor()?;
        let mut payoff = self.payoff();
        let mut from = |x0: f64| -> Result<(f64, Option<f64>, Option<f64>)> {
            let (start, times) = ([x0], [self.expiry]);
            let question = Question { theta: self.theta, start: &start, t0: 0.0, times: &times, accuracy, key };
            let mut found = answer(&self.under, form, &question)?;
            let law = found.laws.remove(0).remove(0);
            let mean = law.expect(&mut payoff).ok_or_else(|| self.infinite("the mean of the payoff"))?;
            let error = found.error.map(|error| factor * error * variation(&law, &mut payoff));
            Ok((factor * mean, law.sd(), error))
        };
        let x0 = self.x0[0];
        let (value, sd, error) = from(x0)?;
        let mut delta = None;
        if let (Form::Exact, Some(sd), Some(scalar)) = (form, sd, self.under.scalar()) {
            // Five-point difference, fourth order: h is a small part of the scale on which the value bends.
            let room = (x0 - scalar.state.lower).min(scalar.state.upper - x0);
            let h = (0.01 * sd).min(0.1 * room);
            let near = (from(x0 + h)?.0 - from(x0 - h)?.0, from(x0 + 2.0 * h)?.0 - from(x0 - 2.0 * h)?.0);
            delta = Some((8.0 * near.0 - near.1) / (12.0 * h)).filter(|d| d.is_finite());
        }
        Ok(Valued { value, error, delta })
    }

    fn by_backward_equation(&self, accuracy: Accuracy, key: Key) -> Result<Valued> {
        let without = |posed: &Posed| match posed.value.under.frame.varies(posed.value.discount) {
            true => backward::backward(posed, None, accuracy),
            false => posed.by_law(Form::FokkerPlanck, accuracy, key),
        };
        let Some(barrier) = self.value.barrier else { return without(self) };
        let knocks_out = matches!(barrier.kind, BarrierKind::UpAndOut | BarrierKind::DownAndOut);
        let level = self.level(barrier, 0.0);
        let nothing = Valued { value: 0.0, error: None, delta: Some(0.0) };
        let out = match is_alive(barrier.kind, self.x0[0], level) {
            true => backward::backward(self, Some((barrier.kind, level)), accuracy)?,
            false => nothing,
        };
        if knocks_out {
            return Ok(out);
        }
        // In and out together are the payoff without a barrier.
        let whole = without(self)?;
        let delta = whole.delta.zip(out.delta).map(|(w, o)| w - o);
        let error = Some(whole.error.unwrap_or(0.0) + out.error.unwrap_or(0.0));
        Ok(Valued { value: whole.value - out.value, error, delta })
    }

    fn level(&self, barrier: Barrier, time: f64) -> f64 {
        self.value.under.frame.at(barrier.level, self.theta, time)
    }
}

/// Whether the barrier has not been reached at `x`.
fn is_alive(kind: BarrierKind, x: f64, level: f64) -> bool {
    match kind {
        BarrierKind::UpAndOut | BarrierKind::UpAndIn => x < level,
        BarrierKind::DownAndOut | BarrierKind::DownAndIn => x > level,
    }
}

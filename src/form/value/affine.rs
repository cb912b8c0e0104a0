//! Values in closed form up to a quadrature, by the characteristic function of an affine process: payoffs made of straight pieces in
//! a price, and bonds, with discount rates that hang on the state.
//!
//! With `G_c(l) = E[e^{-∫r dt} e^{cY}; Y > l]` each break of the payoff `k + m e^Y` adds `Δk G_0(l) + Δm G_1(l)` (Duffie, Pan & Singleton 2000, eq. 3.5).

use super::pieces::{In, Piece, pieces};
use super::{Posed, Valued};
use crate::base::{Result, math};
use crate::form::Form;
use crate::form::affine::Law;
use crate::models::Model;
use crate::process::Value;

/// Why the characteristic function does not value this payoff at these parameters; `None` where it does.
pub(super) fn why_not(model: &Model, value: &Value) -> Option<String> {
    if value.barrier.is_some() || value.average.is_some() {
        return Some("it pays on the path, which this form does not see".to_string());
    }
    let defaults: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let start: Vec<f64> = model.initial_values(&defaults).into_iter().map(|x| x.unwrap_or(1.0)).collect();
    match Posed::new(model, &defaults, &start) {
        Ok(posed) => priced(&posed).err(),
        // Then the start or the expiry is to be refused, not the form.
        Err(_) => Law::new(&value.under, Some(value.discount), &defaults, &start, 1.0, 0).err(),
    }
}

/// A law of the one coordinate the payoff is on, and the pieces in the price or, if they are steps, in the state.
fn priced(posed: &Posed) -> std::result::Result<(Law, In, Vec<Piece>), String> {
    let value = posed.value;
    let law =
        |component: usize| Law::new(&value.under, Some(value.discount), posed.theta, posed.x0, posed.expiry, component);
    for (component, state) in value.under.states.iter().enumerate() {
        let law = law(component)?;
        let whole_line = state.lower == f64::NEG_INFINITY && state.upper == f64::INFINITY;
        let steps = |pieces: &Vec<Piece>| pieces.iter().all(|p| p.slope == 0.0);
        let found = if law.is_log() {
            pieces(posed, component, In::State).map(|p| (In::Exponential, p))
        } else {
            let in_price = if whole_line { pieces(posed, component, In::Exponential) } else { None };
            let in_state = || pieces(posed, component, In::State).filter(steps).map(|p| (In::State, p));
            in_price.map(|p| (In::Exponential, p)).or_else(in_state)
        };
        if let Some((of, pieces)) = found {
            return Ok((law, of, pieces));
        }
    }
    Err("its payoff is not made of straight pieces in one price, nor of steps in one state".to_string())
}

pub(super) fn value(posed: &Posed) -> Result<Valued> {
    let (law, of, pieces) = priced(posed).map_err(|why| Form::Exact.unavailable(posed.model, &why))?;
    let levels: Vec<f64> =
        pieces[1..].iter().map(|p| if of == In::State { p.from } else { math::ln(p.from) }).collect();
    let (mut value, mut slope, mut error) = (0.0, 0.0, 0.0);
    for c in [0.0, 1.0] {
        let part = |p: &Piece| if c == 0.0 { p.constant } else { p.slope };
        if pieces.iter().all(|p| part(p) == 0.0) {
            continue;
        }
        let whole = law.mean(c).ok_or_else(|| posed.infinite("the mean of the payoff"))?;
        value += part(&pieces[0]) * whole.0;
        slope += part(&pieces[0]) * whole.1;
        if levels.is_empty() {
            continue;
        }
        let (above, slopes) = law.above(c, &levels)?;
        for (k, pair) in pieces.windows(2).enumerate() {
            let change = part(&pair[1]) - part(&pair[0]);
            value += change * above.values[k];
            slope += change * slopes.values[k];
            error += change.abs() * above.error;
        }
    }
    // The slope is in the coordinate of the first state.
    let delta = if law.is_first_log() { slope / posed.x0[0] } else { slope };
    match value.is_finite() {
        true => Ok(Valued { value, error: Some(error), delta: Some(delta) }),
        false => Err(posed.infinite("the value")),
    }
}

/// Means at expiry of the exponentials of states on the whole line: prices written by their logarithms.
pub(super) fn prices(posed: &Posed) -> Vec<(usize, f64)> {
    let states = posed.value.under.states.iter().enumerate();
    let on_line = states.filter(|(_, s)| s.lower == f64::NEG_INFINITY && s.upper == f64::INFINITY);
    on_line
        .filter_map(|(i, _)| {
            let law = Law::new(&posed.value.under, None, posed.theta, posed.x0, posed.expiry, i).ok()?;
            // The regression wants a variance, too.
            law.mean(2.0)?;
            Some((i, law.mean(1.0)?.0))
        })
        .collect()
}

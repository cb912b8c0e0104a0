//! The Schrödinger form: the generator made symmetric, and its eigenpairs.
//!
//! A one-dimensional diffusion keeps detailed balance, so with `m` its speed density `√m` turns the Fokker-Planck operator into
//! `D ∂² - V`, a Schrödinger operator whose energies are the rates at which the process forgets (Risken 1996, section 5.4). One
//! decomposition answers all times. What is built on it: laws at later times ([`super::answer`]), log densities of
//! observed pairs ([`log_transitions`]), rates to their own relative accuracy however small ([`spectrum`]), Kramers' rate
//! ([`kramers`]), networks of single steps, and the bound states of a particle ([`bound_states`]).
//!
//! Not for a current (a ring with a tilt, a drift that turns in the plane): detailed balance fails there and the spectrum is
//! complex. Not for coefficients that change with time, nor jumps.

#[cfg(test)]
mod agreement_tests;
mod balance;
mod basis;
mod bound_states;
mod chain;
#[cfg(test)]
pub(in crate::form) mod diffusion_tests;
mod domain;
mod laws;
mod likelihood;
mod line;
mod modes;
pub(super) mod network;
mod pearson;
mod ring;
mod spectrum;
mod tangent;
#[cfg(test)]
mod tangent_tests;
#[cfg(test)]
mod tests;

pub use bound_states::{BoundStates, bound_states};
pub(super) use likelihood::Spectral;
pub use likelihood::{LogTransitions, log_transitions};
pub use spectrum::{Kramers, MOST_RATES, Spectrum, kramers, spectrum};

pub(super) use laws::{solve, tabulated};

use super::why_not_line;
use crate::process::{Boundary, Diffusion};

/// Why this form does not answer a diffusion; `None` where it does. A current around a ring is seen only at the parameters.
pub(super) fn why_not(process: &Diffusion) -> Option<String> {
    why_no_spectrum(process).or_else(|| {
        let state = &process.states[0];
        let absorbs = state.boundary == Boundary::Absorbing && (state.lower.is_finite() || state.upper.is_finite());
        absorbs.then(|| {
            "its ends absorb, and the probability there is no density; its spectrum has the killed rates".to_string()
        })
    })
}

/// Why a diffusion has no spectrum of this form; `None` where it has.
fn why_no_spectrum(process: &Diffusion) -> Option<String> {
    if process.jumps.is_empty() && process.states.len() > 1 && balance::fails(process) {
        return Some("its drift turns: detailed balance fails, its spectrum is complex".to_string());
    }
    let timed = || process.is_time_dependent().then(|| "its coefficients change with time".to_string());
    why_not_line(process).or_else(timed)
}

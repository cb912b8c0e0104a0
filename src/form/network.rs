//! Which forms answer a reaction network, and the marginal laws of its species.
//!
//! Monte Carlo and the master equation are exact; Fokker-Planck is of the chemical Langevin equation, an approximation for many
//! molecules, where conservation laws leave one independent species.

use super::counts::{self, Origin, Timing};
use super::master_equation::{self, Projection, Snapshot};
use super::monte_carlo::{self, agenda, ssa};
use super::{Answer, Form, Question, linear_noise, ode, schroedinger};
use crate::base::{Error, Limit, Result};
use crate::models::Model;
use crate::predictive::{Lattice, Predictive};
use crate::process::{HAS_EVENTS, NOT_ONE_DIMENSIONAL, Network, Process};

/// Why a form does not answer this network; `None` where it does.
pub(super) fn why_not(form: Form, network: &Network) -> Option<String> {
    match form {
        Form::MonteCarlo => agenda::why_not(network),
        Form::MasterEquation => master_equation::why_not(network),
        Form::FokkerPlanck if !network.events.is_empty() => Some(HAS_EVENTS.to_string()),
        Form::FokkerPlanck if network.beyond_counts().is_some() => network.beyond_counts(),
        Form::FokkerPlanck if network.direction().is_none() => {
            Some(format!("{NOT_ONE_DIMENSIONAL}: {}", network.independent_species().len()))
        }
        Form::FokkerPlanck => None,
        Form::Langevin if !network.events.is_empty() => Some(HAS_EVENTS.to_string()),
        Form::Langevin => network.beyond_counts(),
        Form::TauLeaping => counts::refused_events(network).or_else(|| {
            let smooth = counts::timing(network) == Timing::Smooth;
            smooth.then(|| "its propensities change smoothly with time, and a leap takes them as constant".to_string())
        }),
        Form::RateEquations => ode::why_not(network),
        Form::LinearNoise => linear_noise::why_not(network),
        Form::Schroedinger => schroedinger::network::why_not(network),
        Form::Exact => Some("it is a network, and no closed law is known for it".to_string()),
        _ => Some("it is a network of counts; this is a density of its Langevin equation, a diffusion".to_string()),
    }
}

/// The master equation in one or two independent species, where it is quick; exact simulation otherwise.
pub(super) fn of_choice(network: &Network) -> Form {
    let few = network.independent_species().len() <= 2;
    if few && why_not(Form::MasterEquation, network).is_none() { Form::MasterEquation } else { Form::MonteCarlo }
}

/// `[time][species]`, by the master equation, its spectrum, or the Fokker-Planck equation of the Langevin equation.
pub(super) fn marginals(model: &Model, network: &Network, form: Form, question: &Question) -> Result<Answer> {
    match form {
        Form::FokkerPlanck => by_langevin(model, network, question).map(Answer::from),
        Form::Langevin => by_langevin_paths(model, network, question),
        Form::TauLeaping => ssa::marginals(model, question, ssa::Method::TauLeaping).map(Answer::from),
        Form::RateEquations => by_rate_equations(model, network, question),
        Form::LinearNoise => linear_noise(model, question)?.marginals().map(Answer::from),
        Form::Schroedinger => schroedinger::network::marginals(model, network, question)
            .map(|(laws, error)| Answer { laws, error: Some(error) }),
        _ => {
            let snapshots = snapshots(model, question)?;
            let error = snapshots.iter().map(|s| s.error_bound).fold(0.0, f64::max);
            Ok(Answer { laws: species_laws(model, &snapshots)?, error: Some(error) })
        }
    }
}

/// The master equation's joint laws at the question's times, each with its certified bound.
///
/// # Errors
/// As [`master_equation::project`].
pub fn snapshots(model: &Model, question: &Question) -> Result<Vec<Snapshot>> {
    master_equation::project(model, &projection(question))
}

/// How a question is put to the master equation: with its goal as the probability that may be lost, else a hundredth of its tolerance, and as many
/// states as the limit `network-states` allows.
pub fn projection<'a>(question: &Question<'a>) -> Projection<'a> {
    Projection {
        theta: question.theta,
        start: question.start,
        t0: question.t0,
        times: question.times,
        // A probability lost is as many molecules lost as there are.
        tolerance: question.accuracy.goal.unwrap_or(1e-2 * question.accuracy.tolerance),
        most_states: Limit::NetworkStates.most() as usize,
    }
}

/// The law of every species by itself out of joint laws `[time]`: `[time][species]`, brought to mass one.
///
/// # Errors
/// [`Error::Numerics`] where no probability was left.
pub fn species_laws(model: &Model, snapshots: &[Snapshot]) -> Result<Vec<Vec<Predictive>>> {
    let law = |snapshot: &Snapshot, s: usize| {
        snapshot.marginal(s).map(Predictive::Lattice).ok_or_else(|| Error::Numerics {
            what: format!("the master equation of model '{}'", model.id),
            why: format!("no probability was left at t = {}", snapshot.time),
            hint: "use --form monte-carlo".to_string(),
        })
    };
    let species = model.variables().len();
    snapshots.iter().map(|snapshot| (0..species).map(|s| law(snapshot, s)).collect()).collect()
}

/// The counts a deterministic equation starts from.
fn known_start(model: &Model, network: &Network, form: Form, question: &Question) -> Result<Vec<f64>> {
    counts::origins(model, network, question.theta, question.start)?
        .iter()
        .map(|origin| if let Origin::At(x) = origin { Some(*x) } else { None })
        .collect::<Option<_>>()
        .ok_or_else(|| form.unavailable(model, "its start is random; give it with --from"))
}

/// The solution of the rate equations as points, every species at every time.
fn by_rate_equations(model: &Model, network: &Network, question: &Question) -> Result<Answer> {
    const TOLERANCE: f64 = 1e-10;
    let start = known_start(model, network, Form::RateEquations, question)?;
    let initial = ode::Initial {
        theta: question.theta,
        start: &start,
        t0: question.t0,
        times: question.times,
        tolerance: TOLERANCE,
    };
    let point = |x: &f64| {
        Lattice::point(*x).map(Predictive::Lattice).ok_or_else(|| Error::Numerics {
            what: format!("the rate equations of model '{}'", model.id),
            why: "a species is no longer finite".to_string(),
            hint: "ask for earlier times".to_string(),
        })
    };
    let solution = ode::rate_equations(model, &initial)?;
    let laws = solution.states.iter().map(|row| row.iter().map(point).collect::<Result<_>>()).collect::<Result<_>>()?;
    Ok(Answer { laws, error: None })
}

/// Paths of the Langevin equation in all species; the error is of these paths, not of the equation.
fn by_langevin_paths(model: &Model, network: &Network, question: &Question) -> Result<Answer> {
    let start = known_start(model, network, Form::Langevin, question)?;
    let process = network.langevin_in_all_species();
    let alone = Model { process: Process::Diffusion(process), law: None, ..model.clone() };
    monte_carlo::answer(&alone, &Question { start: &start, ..question.clone() })
}

fn by_langevin(model: &Model, network: &Network, question: &Question) -> Result<Vec<Vec<Predictive>>> {
    let refuse = |why: &str| Form::FokkerPlanck.unavailable(model, why);
    let start = known_start(model, network, Form::FokkerPlanck, question)?;
    let (v, _) = network.direction().ok_or_else(|| refuse(NOT_ONE_DIMENSIONAL))?;
    let mut rows: Vec<Vec<Predictive>> = vec![Vec::new(); question.times.len()];
    for (s, x0) in start.iter().enumerate() {
        if v[s] == 0 {
            let point = Lattice::point(*x0).ok_or_else(|| refuse("its start is not finite"))?;
            rows.iter_mut().for_each(|row| row.push(Predictive::Lattice(point.clone())));
            continue;
        }
        let process = network.langevin_along(s, &start).map_err(|why| refuse(&why))?;
        // A start on an end (no molecule yet) is put a hair inside, where the grid can have its first node.
        let state = &process.states[0];
        let size = if state.upper.is_finite() { state.upper - state.lower } else { x0.max(1.0) };
        if !(size > 0.0) {
            return Err(refuse("its conserved totals leave one state only"));
        }
        let hair = 1e-6 * size.min(1.0);
        let inside = x0.clamp(state.lower + hair, state.upper - hair);
        let alone = Model { process: Process::Diffusion(process), law: None, ..model.clone() };
        let laws = super::laws(&alone, Form::FokkerPlanck, &Question { start: &[inside], ..question.clone() })?;
        rows.iter_mut().zip(laws).for_each(|(row, law)| row.push(law));
    }
    Ok(rows)
}

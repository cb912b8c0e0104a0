//! Which form answers when nobody says: by the model and by the error that is good enough.

use super::moments::is_gaussian;
use super::{Answer, Form, Question, answer, network};
use crate::base::{Error, Result};
use crate::models::Model;
use crate::process::Process;

/// An answer by the form that was chosen for it.
#[derive(Debug)]
pub struct Chosen {
    /// The form that answered.
    pub form: Form,
    /// Its laws, with its own estimate of their error.
    pub answer: Answer,
    /// Half a sentence: why this form and no other.
    pub why: String,
}

/// Answer by the form of choice.
///
/// Without a goal (`question.accuracy.goal`): the closed law, else the cheapest form that is right at any horizon. With one:
/// the forms are asked in the order of their cost, and the first whose own estimate of its error is at most the goal is taken;
/// where none gets there, the one that comes nearest, and `why` says so. A form without an estimate is never taken on trust.
///
/// # Errors
/// As [`answer`], where no form answers at all.
pub fn choose(model: &Model, question: &Question) -> Result<Chosen> {
    let Some(goal) = question.accuracy.goal else {
        let form = Form::of_choice(model);
        return Ok(Chosen { form, answer: answer(model, form, question)?, why: reason(model, form) });
    };
    let mut best: Option<(f64, Form, Answer)> = None;
    let mut short = Vec::new();
    let mut refused = None;
    for form in candidates(model, goal) {
        match answer(model, form, question) {
            Ok(found) => {
                let error = found.error.unwrap_or(f64::INFINITY);
                if error <= goal {
                    let why = match short.is_empty() {
                        true => format!("{}; its error is at most {error:.0e}", reason(model, form)),
                        false => format!("its error is at most {error:.0e}, while {}", short.join(", ")),
                    };
                    return Ok(Chosen { form, answer: found, why });
                }
                short.push(match error.is_finite() {
                    true => format!("{} is off by up to {error:.0e}", form.name()),
                    false => format!("{} has no estimate of its error", form.name()),
                });
                if best.as_ref().is_none_or(|(least, ..)| error < *least) {
                    best = Some((error, form, found));
                }
            }
            Err(error @ (Error::Numerics { .. } | Error::FormUnavailable { .. })) => {
                short.push(format!("{} does not answer", form.name()));
                refused.get_or_insert(error);
            }
            Err(other) => return Err(other),
        }
    }
    match (best, refused) {
        (Some((_, form, answer)), _) => {
            Ok(Chosen { form, answer, why: format!("no form gets to {goal:.0e}: {}", short.join(", ")) })
        }
        (None, Some(error)) => Err(error),
        (None, None) => Err(Form::MonteCarlo.unavailable(model, "no form answers it")),
    }
}

/// The forms of whole laws that apply, in the order of their cost at this error.
fn candidates(model: &Model, goal: f64) -> Vec<Form> {
    // A spectrum costs more than a grid of four digits and less than one of eight.
    const FINE: f64 = 1e-6;
    let mut order = vec![Form::Exact, Form::FokkerPlanck, Form::Schroedinger, Form::MasterEquation, Form::MonteCarlo];
    if goal < FINE {
        order.swap(1, 2);
    }
    if let Process::Network(process) = &model.process {
        // Its Fokker-Planck equation is of another process, its Langevin equation; and of many species there are too many states.
        let few = network::of_choice(process) == Form::MasterEquation;
        order = if few { vec![Form::MasterEquation, Form::Schroedinger] } else { Vec::new() };
        order.push(Form::MonteCarlo);
    }
    order.retain(|form| form.why_not(model).is_none());
    order
}

/// Why [`Form::of_choice`] chose this form.
fn reason(model: &Model, form: Form) -> String {
    let only = |what: &str| match Form::FokkerPlanck.why_not(model) {
        Some(why) => format!("{what} ({why})"),
        None => what.to_string(),
    };
    match (form, &model.process) {
        (Form::Exact, _) if model.law.is_some() || is_gaussian(model) => "its law is closed".to_string(),
        (Form::Exact, _) => "it is affine: its law is the inverse of its characteristic function".to_string(),
        (Form::MonteCarlo, Process::Network(process)) => match network::why_not(Form::MasterEquation, process) {
            Some(why) => format!("exact simulation, as {why}"),
            None => "exact simulation, as its states are too many to follow each".to_string(),
        },
        (Form::MasterEquation, Process::Network(_)) => {
            "few species: every state and its probability, with a bound".to_string()
        }
        (Form::MonteCarlo, _) => only("no other form answers it"),
        (Form::Schroedinger, _) => "one decomposition answers every time".to_string(),
        _ => "it has no closed law, and this is the cheapest form that is right at any horizon".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};
    use crate::form::Accuracy;
    use crate::models::built_in;

    fn chosen(id: &str, goal: Option<f64>) -> Result<Chosen> {
        let model = built_in(id)?;
        let theta = model.default_params().values;
        let n = model.variables().len();
        let start = model.default_start(&theta).unwrap_or_else(|| vec![0.5; n]);
        let accuracy = Accuracy { goal, ..Accuracy::default() };
        let key = Seed(1).key(Purpose::Forecast, 0, 0);
        choose(&model, &Question { theta: &theta, start: &start, t0: 0.0, times: &[model.horizon], accuracy, key })
    }

    #[test]
    fn a_closed_law_is_taken_first_whatever_the_goal() -> Result<()> {
        for goal in [None, Some(1e-3), Some(1e-9)] {
            let chosen = chosen("ou", goal)?;
            assert_eq!(chosen.form, Form::Exact);
            assert!(chosen.why.contains("closed"), "{}", chosen.why);
        }
        Ok(())
    }

    #[test]
    fn a_finer_goal_is_met_by_a_finer_form_and_the_reason_names_the_error() -> Result<()> {
        for goal in [1e-4, 1e-8] {
            let chosen = chosen("double-well", Some(goal))?;
            let error = chosen.answer.error.expect("an estimate");
            assert!(error <= goal, "{goal}: {} {error}", chosen.form.name());
            assert!(chosen.why.contains("error"), "{}", chosen.why);
        }
        Ok(())
    }

    #[test]
    fn what_no_form_reaches_is_said() -> Result<()> {
        // Three states: paths alone, and no sample is that good.
        let chosen = chosen("repressilator", Some(1e-9))?;
        assert_eq!(chosen.form, Form::MonteCarlo);
        assert!(chosen.why.contains("no form gets to 1e-9"), "{}", chosen.why);
        Ok(())
    }
}

//! What a form's answer is not, where it does not say so itself.

use crate::form::Form;
use crate::models::Model;
use crate::process::Process;

/// The Fokker-Planck equation of a network is that of its Langevin equation.
pub(super) fn is_other_process(model: &Model, form: Form) -> bool {
    matches!(model.process, Process::Network(_)) && form == Form::FokkerPlanck
}

/// Why the answer may be far from the law of the model.
pub(super) fn caveat(model: &Model, form: Form) -> Option<&'static str> {
    if is_other_process(model, form) {
        Some("of the chemical Langevin equation, another process")
    } else if form.is_one_step() {
        Some("one step over the whole time")
    } else {
        None
    }
}

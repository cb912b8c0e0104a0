//! What a form's answer is not, where it does not say so itself.

use crate::form::Form;
use crate::models::Model;

/// Why the answer may be far from the law of the model.
pub(super) fn caveat(model: &Model, form: Form) -> Option<&'static str> {
    form.stands_in(model).or_else(|| form.is_one_step().then_some("one step over the whole time"))
}

//! Any text as a model file: read or refused, and what is read can be shown, compiled and asked for its forms.

#![no_main]

use kramers::form::Form;
use kramers::models::{annotate, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let model = match read("fuzz.toml", text) {
        Ok(model) => model,
        Err(error) => {
            // A refusal has words and hints, whatever it is about.
            assert!(!error.to_string().is_empty());
            let _ = error.hints();
            return;
        }
    };
    let _ = (model.equations(), model.unicode_equations(), model.mathml_equations(), model.variables());
    let theta = model.default_params().values;
    let _ = model.initial_values(&theta);
    for form in Form::ALL {
        let _ = form.why_not(&model);
    }
    let _ = annotate(text, "mine");
});

//! Any text as a model file, in TOML, SBML or BioNetGen's .net: read or refused, and what is read can be shown, written again and asked for
//! its forms.

use kramers::form::Form;
use kramers::models::{Model, annotate, read, write};
use kramers::process::Process;

pub fn walk(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(model) = asked("fuzz.toml", text) else { return };
    let _ = annotate(text, "mine");
    // A network that can be written in TOML is the same network when it is read from there.
    let Process::Network(first) = &model.process else { return };
    let Ok(toml) = write(&model) else { return };
    let again = match read("fuzz.toml", &toml) {
        Ok(again) => again,
        Err(error) => panic!("{error}\n{toml}"),
    };
    let Process::Network(second) = &again.process else { panic!("no network\n{toml}") };
    assert_eq!(first.species.len(), second.species.len(), "{toml}");
    assert_eq!(first.reactions.len(), second.reactions.len(), "{toml}");
}

fn asked(file: &str, text: &str) -> Option<Model> {
    let model = match read(file, text) {
        Ok(model) => model,
        Err(error) => {
            // A refusal has words and hints, whatever it is about.
            assert!(!error.to_string().is_empty());
            let _ = error.hints();
            return None;
        }
    };
    let _ = (model.equations(), model.unicode_equations(), model.mathml_equations(), model.variables());
    let theta = model.default_params().values;
    let _ = model.initial_values(&theta);
    for form in Form::ALL {
        let _ = form.why_not(&model);
    }
    Some(model)
}

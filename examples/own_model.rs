//! A model from text: read, shown as an equation, refused with its place where it is wrong, and solved.
//!
//! ```text
//! cargo run --release --example own_model
//! ```

use kramers::base::{Error, Purpose, Seed};
use kramers::form::{Accuracy, Form, Question, laws};
use kramers::models::read;

const TEXT: &str = r#"
schema = 1
id = "well"
title = "Double well with a periodic force"
kind = "diffusion"

[state.x]
domain = [-inf, inf]

[params.d]
meaning = "noise"
default = 0.5
bounds = [0.001, 10]

[dynamics]
drift.x = "x - x^3 + sin(2*pi*x)"
diffusion.x = "sqrt(2*d)"
"#;

pub fn main() -> Result<(), Error> {
    let well = read("well.toml", TEXT)?;
    println!("{}", well.equation());
    let question = Question {
        theta: &[0.5],
        start: &[0.5],
        t0: 0.0,
        times: &[1.0],
        accuracy: Accuracy::default(),
        key: Seed(1).key(Purpose::Forecast, 0, 0),
    };
    for form in [Form::FokkerPlanck, Form::Schroedinger] {
        let law = &laws(&well, form, &question)?[0];
        println!("{:15} median {:.6}", form.name(), law.quantile(0.5));
    }
    // A mistake has a place and a hint.
    let wrong = read("well.toml", &TEXT.replace("x^3", "z^3"));
    if let Err(error) = &wrong {
        println!("\n{error}\nhint: {}", error.hints()[0]);
    }
    assert!(wrong.is_err_and(|e| e.to_string().starts_with("well.toml:16:")));
    Ok(())
}

//! A reaction network by its master equation, with a bound on the probability left out, beside exact simulation.
//!
//! ```text
//! cargo run --release --example network
//! ```

use kramers::base::{Error, Purpose, Seed};
use kramers::form::{Accuracy, Form, Question, answer};
use kramers::models::read;

const DIMERS: &str = r#"
schema = 1
id = "dimers"
title = "Monomers that pair"
kind = "network"
counting = "combinations"

[species.A]
initial = 40
[species.A2]
initial = 0

[[reaction]]
name = "pair"
equation = "2 A -> A2"
rate = "0.01"
[[reaction]]
name = "part"
equation = "A2 -> 2 A"
rate = "0.1"
"#;

pub fn main() -> Result<(), Error> {
    let dimers = read("dimers.toml", DIMERS)?;
    let question = Question {
        theta: &[],
        start: &[40.0, 0.0],
        t0: 0.0,
        times: &[5.0],
        accuracy: Accuracy::default(),
        key: Seed(1).key(Purpose::Forecast, 0, 0),
    };
    let solved = answer(&dimers, Form::MasterEquation, &question)?;
    let walked = answer(&dimers, Form::MonteCarlo, &question)?;
    let mean = |found: &kramers::form::Answer, k: usize| found.laws[0][k].mean().unwrap_or(f64::NAN);
    println!("A at t = 5: mean {:.4}, probability left out {:.0e}", mean(&solved, 0), solved.error.unwrap_or(f64::NAN));
    println!("A by {} exact paths: mean {:.4}", question.accuracy.paths, mean(&walked, 0));
    // Pairing keeps A + 2 A2.
    assert!((mean(&solved, 0) + 2.0 * mean(&solved, 1) - 40.0).abs() < 1e-6);
    assert!((mean(&solved, 0) - mean(&walked, 0)).abs() < 0.2);
    Ok(())
}

//! One process in four forms, beside its closed law: the same 90 % quantile by five ways that share no arithmetic.
//!
//! ```text
//! cargo run --release --example four_forms
//! ```

use kramers::base::{Error, Purpose, Seed};
use kramers::form::{Accuracy, Form, Question, answer};
use kramers::models::built_in;

pub fn main() -> Result<(), Error> {
    let cir = built_in("cir")?;
    let question = Question {
        theta: &[1.0, 0.5, 0.4], // kappa, theta, sigma
        start: &[0.3],
        t0: 0.0,
        times: &[1.0],
        accuracy: Accuracy::default(),
        key: Seed(1).key(Purpose::Forecast, 0, 0),
    };
    let exact = answer(&cir, Form::Exact, &question)?.laws[0][0].quantile(0.9);
    println!("{:15} {exact:.6}", Form::Exact.name());
    for form in [Form::FokkerPlanck, Form::Schroedinger, Form::MasterEquation, Form::MonteCarlo] {
        let found = answer(&cir, form, &question)?;
        let quantile = found.laws[0][0].quantile(0.9);
        // Every form says how far its distribution function may be off.
        let error = found.error.map_or_else(|| "no estimate".to_string(), |e| format!("off by about {e:.0e}"));
        println!("{:15} {quantile:.6}  {error}", form.name());
        assert!((quantile - exact).abs() < 0.02);
    }
    Ok(())
}

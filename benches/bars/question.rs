//! Models and questions that several bars ask.

use kramers::base::{Purpose, Seed};
use kramers::form::{Accuracy, Answer, Form, Question, answer};
use kramers::models::{Model, read};

pub fn diffusion(drift: &str, noise: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"d\"\ntitle = \"d\"\nkind = \"diffusion\"\n[state.x]\ndomain = [-inf, inf]\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"{noise}\"\n"
    );
    read("d.toml", &text).expect("reads")
}

pub fn double_well(d: f64) -> Model {
    diffusion("x - x^3", &format!("sqrt(2*{d})"))
}

pub fn law(model: &Model, form: Form, (theta, x0): (&[f64], &[f64]), times: &[f64], accuracy: Accuracy) -> Answer {
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    answer(model, form, &Question { theta, start: x0, t0: 0.0, times, accuracy, key }).expect("a law")
}

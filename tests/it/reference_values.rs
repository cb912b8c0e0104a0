//! Forms held against numbers computed elsewhere to 30 digits by two methods each: `../shared/numerics/reference_values.json`.

use kramers::base::{Purpose, Seed, math};
use kramers::form::monte_carlo::{Run, Scheme, Start, simulate};
use kramers::form::{Accuracy, Form, Question, laws};
use kramers::models::{Model, built_in, read};
use kramers::predictive::Predictive;
use serde_json::Value;

/// The reference problems, or `None` (said) where a clone stands alone.
fn problems() -> Option<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/numerics/reference_values.json");
    let Ok(bytes) = std::fs::read(path) else {
        eprintln!("skipped: {path} is not here");
        return None;
    };
    Some(serde_json::from_slice(&bytes).expect("JSON"))
}

/// The value of one quantity of one problem, printed there with 18 digits.
fn value(problems: &Value, problem: &str, quantity: &str) -> f64 {
    let all = problems["problems"].as_array().expect("a list");
    let found = all.iter().find(|p| p["id"] == problem).unwrap_or_else(|| panic!("no problem {problem}"));
    let text = found["values"][quantity]["value"].as_str();
    text.unwrap_or_else(|| panic!("{problem} has no {quantity}")).parse().expect("a number")
}

fn law(model: &Model, form: Form, theta: &[f64], x0: f64, time: f64) -> Predictive {
    let accuracy = Accuracy { cells: 1_000, ..Accuracy::default() };
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let question = Question { theta, start: &[x0], t0: 0.0, times: &[time], accuracy, key };
    laws(model, form, &question).unwrap_or_else(|e| panic!("{} by {}: {e}", model.id, form.name())).remove(0)
}

fn pdf(law: &Predictive, x: f64) -> f64 {
    law.log_pdf(x).expect("a density").exp()
}

fn variance(law: &Predictive) -> f64 {
    law.sd().expect("finite").powi(2)
}

fn mean(law: &Predictive) -> f64 {
    law.mean().expect("finite")
}

#[track_caller]
fn assert_close(found: f64, reference: f64, relative: f64) {
    assert!((found / reference - 1.0).abs() < relative, "{found} against {reference}, allowed {relative:e}");
}

/// Closed forms are right to 1e-12; a grid of 1000 cells to the 1e-5 it reaches on smooth laws.
const FORMS: [(Form, f64); 3] = [(Form::Exact, 1e-12), (Form::FokkerPlanck, 1e-5), (Form::MasterEquation, 1e-5)];

#[test]
fn ornstein_uhlenbeck_transition() {
    let Some(all) = problems() else { return };
    let of = |quantity: &str| value(&all, "ou_transition", quantity);
    for (form, relative) in FORMS {
        let law = law(&built_in("ou").expect("built in"), form, &[1.5, 0.5, 0.8], -1.0, 0.7);
        assert!((mean(&law) - of("mean")).abs() < relative);
        assert_close(variance(&law), of("variance"), relative);
        assert_close(pdf(&law, 0.2), of("pdf(0.2)"), relative);
        assert_close(law.cdf(0.2), of("cdf(0.2)"), relative);
        assert_close(law.log_pdf(0.2).expect("a density"), of("log_pdf(0.2)"), relative);
    }
}

#[test]
fn geometric_brownian_motion_after_a_year() {
    let Some(all) = problems() else { return };
    let of = |quantity: &str| value(&all, "gbm", quantity);
    for (form, relative) in FORMS {
        let law = law(&built_in("gbm").expect("built in"), form, &[0.05, 0.2], 100.0, 1.0);
        assert_close(mean(&law), of("mean"), relative);
        assert_close(variance(&law), of("variance"), relative);
        assert_close(pdf(&law, 110.0), of("pdf(110)"), relative);
        assert_close(law.cdf(110.0), of("cdf(110)"), relative);
    }
}

#[test]
fn square_root_transition() {
    let Some(all) = problems() else { return };
    let of = |quantity: &str| value(&all, "cir_feller", quantity);
    let model = built_in("cir").expect("built in");
    let theta = [1.2, 0.06, 0.25];
    for (form, relative) in FORMS {
        let law = law(&model, form, &theta, 0.04, 0.5);
        assert_close(mean(&law), of("mean"), relative);
        assert_close(variance(&law), of("variance"), relative);
        assert_close(pdf(&law, 0.05), of("pdf(0.05)"), relative);
        assert_close(law.log_pdf(0.05).expect("a density"), of("log_pdf(0.05)"), relative);
        assert_close(law.cdf(0.05), of("cdf(0.05)"), relative);
    }
    // Thirty relaxation times later: e^-36 of the start is left.
    let settled = law(&model, Form::Exact, &theta, 0.04, 30.0);
    assert_close(settled.cdf(0.05), of("stationary_cdf(0.05)"), 1e-12);
}

#[test]
fn square_root_log_density_over_a_day_where_bessel_functions_overflow() {
    let Some(all) = problems() else { return };
    let model = built_in("cir").expect("built in");
    let law = law(&model, Form::Exact, &[0.5, 0.05, 0.05], 0.05, 0.004);
    for (x, quantity) in [(0.051, "log_pdf(0.051)"), (0.055, "log_pdf(0.055)")] {
        assert_close(law.log_pdf(x).expect("a density"), value(&all, "cir_short_step", quantity), 1e-12);
    }
}

#[test]
fn constant_elasticity_density_beyond_the_start() {
    let Some(all) = problems() else { return };
    // The file says delta = 2, but its numbers are those of delta = √2: with 2 the call would be 10.45389, close to Black &
    // Scholes's 10.45058 at the same volatility, and the file has 8.27901.
    for form in [Form::FokkerPlanck, Form::MasterEquation] {
        let law = law(&built_in("cev").expect("built in"), form, &[0.05, 2f64.sqrt(), 0.5], 100.0, 1.0);
        assert_close(pdf(&law, 110.0), value(&all, "cev", "pdf(110)"), 1e-5);
    }
}

#[test]
fn bistable_density_on_its_way_over_the_barrier() {
    let Some(all) = problems() else { return };
    // dx = (x - x³) dt + √(2D) dW is a double well of height ¼ and width 1.
    let (model, theta) = (built_in("double-well").expect("built in"), [0.25, 1.0, 0.2f64.sqrt()]);
    for form in [Form::FokkerPlanck, Form::MasterEquation] {
        for (time, states) in [(0.5, &[-1, 0][..]), (2.0, &[-1, 0, 1]), (20.0, &[-1, 0, 1])] {
            let law = law(&model, form, &theta, -1.0, time);
            for x in states {
                let reference = value(&all, "double_well_transient", &format!("p({x},t={time}|-1)"));
                // Where the density is a thousandth of its peak an error of 1e-5 of the scale is 1e-4 of it.
                assert_close(pdf(&law, f64::from(*x)), reference, 1e-4);
            }
        }
    }
}

#[test]
fn the_bistable_second_moment_settles_to_boltzmann() {
    let Some(all) = problems() else { return };
    let model = built_in("double-well").expect("built in");
    // Slowest rate 0.187 (lambda_1): e^-37 of the start is left.
    let law = law(&model, Form::FokkerPlanck, &[0.25, 1.0, 0.5f64.sqrt()], 0.0, 200.0);
    assert_close(variance(&law) + mean(&law).powi(2), value(&all, "double_well_D0.25", "stationary <x^2>"), 1e-6);
}

#[test]
fn wright_fisher_between_two_ends() {
    let Some(all) = problems() else { return };
    let of = |quantity: &str| value(&all, "jacobi_wright_fisher", quantity);
    let model = user_model("kappa*(theta - x)", "sigma*sqrt(x*(1 - x))", "[0.0, 1.0]", &["kappa", "theta", "sigma"]);
    for form in [Form::FokkerPlanck, Form::MasterEquation] {
        let law = law(&model, form, &[0.9, 0.4, 0.7], 0.25, 0.6);
        assert_close(mean(&law), of("mean"), 1e-4);
        assert_close(variance(&law) + mean(&law).powi(2), of("second_moment"), 1e-4);
        assert_close(pdf(&law, 0.35), of("pdf(0.35)"), 1e-4);
    }
}

#[test]
fn a_student_diffusion_with_power_tails_keeps_its_second_moment() {
    let Some(all) = problems() else { return };
    let model = user_model("-kappa*x", "sqrt(2*kappa*a*(x^2 + 1))", "[-inf, inf]", &["kappa", "a"]);
    for form in [Form::FokkerPlanck, Form::MasterEquation] {
        let law = law(&model, form, &[1.0, 0.1], 2.0, 0.5);
        assert_close(variance(&law) + mean(&law).powi(2), value(&all, "pearson_student", "E[X_t^2|x0=2]"), 1e-4);
    }
}

/// A model as a user would write it.
fn user_model(drift: &str, diffusion: &str, domain: &str, params: &[&str]) -> Model {
    let parameters: String = params
        .iter()
        .map(|p| format!("[params.{p}]\nmeaning = \"m\"\nunit = \"1\"\ndefault = 0.5\nbounds = [1e-6, 100.0]\n"))
        .collect();
    let text = format!(
        "schema = 1\nid = \"mine\"\ntitle = \"mine\"\nkind = \"diffusion\"\nsource = \"test\"\ntags = []\n\
         [state.x]\nunit = \"1\"\ndomain = {domain}\n{parameters}\
         [dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"{diffusion}\"\n"
    );
    read("mine.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn strong_errors_of_euler_and_milstein_are_the_exact_ones() {
    let Some(all) = problems() else { return };
    let model = built_in("gbm").expect("built in");
    let (mu, sigma, paths) = (0.05, 0.5, 40_000);
    let key = Seed(5).key(Purpose::Simulation, 0, 0);
    for (scheme, name) in [(Scheme::EulerMaruyama, "euler"), (Scheme::Milstein, "milstein")] {
        for steps in [8, 64] {
            let h = 1.0 / f64::from(steps);
            let run = Run {
                theta: &[mu, sigma],
                start: Start::At(&[1.0]),
                t0: 0.0,
                times: &[1.0],
                paths,
                step: h,
                scheme,
                key,
            };
            let ends = simulate(&model, &run).expect("paths").states.remove(0).remove(0);
            let squares: Vec<f64> = ends
                .iter()
                .enumerate()
                .map(|(path, end)| {
                    // The same noise through the closed solution.
                    let mut stream = key.stream(path as u64);
                    let w = (0..steps).map(|_| stream.normal()).sum::<f64>() * h.sqrt();
                    (end - math::exp(mu - 0.5 * sigma * sigma + sigma * w)).powi(2)
                })
                .collect();
            let n = paths as f64;
            let found = squares.iter().sum::<f64>() / n;
            let spread = squares.iter().map(|s| (s - found).powi(2)).sum::<f64>() / n;
            let reference = value(&all, "gbm_scheme_errors", &format!("{name}_strong_rms(N={steps})")).powi(2);
            assert!(
                (found - reference).abs() < 4.0 * (spread / n).sqrt(),
                "{name} with {steps} steps: mean square {found:e}, exact {reference:e}"
            );
        }
    }
}

//! What every form in one dimension keeps, for any smooth drift and noise: probability, its sign, and the symmetry of the equation.

use super::fokker_planck::Line;
use super::{Accuracy, Asked, Form, Question, answer};
use crate::base::{Error, Purpose, Seed, math};
use crate::models::{Model, read};
use crate::predictive::Predictive;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

const FORMS: [Form; 3] = [Form::FokkerPlanck, Form::Schroedinger, Form::MasterEquation];

fn model(drift: &str, diffusion: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"r\"\ntitle = \"r\"\nkind = \"diffusion\"\n[state.x]\n[dynamics]\ndrift.x = \"{drift}\"\n\
         diffusion.x = \"{diffusion}\"\n"
    );
    read("r.toml", &text).expect("a model")
}

fn law(model: &Model, form: Form, x0: f64, t: f64) -> Result<Option<(Predictive, f64)>, TestCaseError> {
    let accuracy = Accuracy { cells: 240, ..Accuracy::default() };
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    let question = Question { theta: &[], start: &[x0], t0: 0.0, times: &[t], accuracy, key };
    match answer(model, form, &question) {
        Ok(mut found) => Ok(Some((found.laws.remove(0).remove(0), found.error.unwrap_or(f64::NAN)))),
        // A spectrum says where its modes cancel.
        Err(Error::FormUnavailable { .. }) if form == Form::Schroedinger => Ok(None),
        Err(error) => Err(TestCaseError::fail(format!("{}: {error}", form.name()))),
    }
}

/// Mass, sign and monotony of one law; returns nothing where all is kept.
fn check(form: Form, law: &Predictive, error: f64) -> Result<(), TestCaseError> {
    let name = form.name();
    prop_assert!(error < 1e-3, "{name}: {error:e}");
    let (low, high) = (law.quantile(1e-9), law.quantile(1.0 - 1e-9));
    let at = |i: i32| low + (high - low) * f64::from(i) / 2_000.0;
    let (mut mass, mut before) = (0.0, 0.0);
    for i in 0..=2_000 {
        let (f, p) = (law.cdf(at(i)), math::exp(law.log_pdf(at(i)).unwrap_or(f64::NAN)));
        prop_assert!(p >= 0.0 && f >= before && f <= 1.0, "{name}: {p} {f} {before}");
        before = f;
        mass += p * (high - low) / 2_000.0 * if i % 2_000 == 0 { 0.5 } else { 1.0 };
    }
    // The density is that of the distribution function, as far as each says it is known.
    prop_assert!((mass - 1.0).abs() < 1e-6 + 10.0 * error, "{name}: mass {mass}, error {error:e}");
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 12, rng_seed: RngSeed::Fixed(17), ..Config::default() })]

    #[test]
    fn every_form_keeps_mass_and_sign_and_they_agree(
        shift in -1.0f64..1.0,
        pull in -1.0f64..1.5,
        cubic in 0.05f64..1.0,
        wave in -1.5f64..1.5,
        noise in 0.4f64..1.2,
        ripple in -0.4f64..0.4,
        x0 in -1.0f64..1.0,
        t in 0.2f64..1.5,
    ) {
        let model = model(
            &format!("{shift} - {pull}*x - {cubic}*x^3 + {wave}*sin(2*x)"),
            &format!("{noise}*(1 + {ripple}*cos(x))"),
        );
        let mut laws = Vec::new();
        for form in FORMS {
            if let Some((law, error)) = law(&model, form, x0, t)? {
                check(form, &law, error)?;
                laws.push((form, law, error));
            }
        }
        prop_assert!(laws.len() >= 2);
        for (form, law, error) in &laws[1..] {
            for k in 1..100 {
                let x = laws[0].1.quantile(f64::from(k) / 100.0);
                let apart = (law.cdf(x) - laws[0].1.cdf(x)).abs();
                prop_assert!(apart <= error + laws[0].2, "{} at {x}: {apart:e} {error:e}", form.name());
            }
        }
    }

    #[test]
    fn an_odd_drift_and_an_even_noise_leave_an_even_law(
        pull in -1.0f64..1.5,
        cubic in 0.05f64..1.0,
        wave in -1.5f64..1.5,
        noise in 0.4f64..1.2,
        ripple in -0.4f64..0.4,
        t in 0.2f64..1.5,
    ) {
        let model = model(
            &format!("-{pull}*x - {cubic}*x^3 + {wave}*sin(2*x)").replace("--", ""),
            &format!("{noise}*(1 + {ripple}*cos(x))"),
        );
        for form in FORMS {
            let Some((law, error)) = law(&model, form, 0.0, t)? else { continue };
            let reach = law.quantile(0.999);
            for k in 0..50 {
                let x = reach * f64::from(k) / 50.0;
                let odd = (law.cdf(x) + law.cdf(-x) - 1.0).abs();
                prop_assert!(odd <= 1e-9 + 2.0 * error, "{} at {x}: {odd:e} {error:e}", form.name());
                let ratio = law.log_pdf(x).unwrap_or(f64::NAN) - law.log_pdf(-x).unwrap_or(f64::NAN);
                prop_assert!(ratio.abs() < 1e-6 + 1e3 * error, "{} at {x}: {ratio:e}", form.name());
            }
        }
    }

    #[test]
    fn what_the_cells_and_the_ends_hold_is_one(
        drift in -3.0f64..3.0,
        pull in -4.0f64..4.0,
        noise in 0.3f64..1.5,
        ripple in -0.6f64..0.6,
        x0 in 0.1f64..0.9,
        t in 0.01f64..1.0,
        boundary in prop::sample::select(vec!["reflecting", "absorbing", "periodic"]),
    ) {
        let text = format!(
            "schema = 1\nid = \"r\"\ntitle = \"r\"\nkind = \"diffusion\"\n[state.x]\ndomain = [0.0, 1.0]\nboundary = \"{boundary}\"\n\
             [dynamics]\ndrift.x = \"{drift} + {pull}*sin(2*pi*x)\"\ndiffusion.x = \"{noise}*(1 + {ripple}*cos(2*pi*x))\"\n"
        );
        let model = read("r.toml", &text).expect("a model");
        let accuracy = Accuracy { cells: 80, ..Accuracy::default() };
        let process = model.scalar().expect("one state");
        let asked = Asked { model: &model, process, theta: &[], x0, t0: 0.0, times: &[t], accuracy };
        let family = Line::of(&asked).family(&[t]).expect("masses");
        for (_, held) in &family {
            let total: f64 = held.cells[0].iter().chain(&held.atoms[0]).sum();
            prop_assert!((total - 1.0).abs() < 1e-9, "{total}");
            let least = held.cells[0].iter().chain(&held.atoms[0]).copied().fold(0.0, f64::min);
            prop_assert!(least > -1e-12, "{least:e}");
        }
        // The lattice has its own rates there.
        let key = Seed(1).key(Purpose::Forecast, 0, 0);
        let question = Question { theta: &[], start: &[x0], t0: 0.0, times: &[t], accuracy, key };
        let [one, two] = [Form::FokkerPlanck, Form::MasterEquation].map(|form| answer(&model, form, &question).expect("laws"));
        let allowed = one.error.unwrap_or(f64::NAN) + two.error.unwrap_or(f64::NAN);
        for k in 0..=100 {
            let x = f64::from(k) / 100.0;
            let apart = (one.laws[0][0].cdf(x) - two.laws[0][0].cdf(x)).abs();
            prop_assert!(apart <= allowed, "{boundary} at {x}: {apart:e} {allowed:e}");
        }
    }
}

use super::tests::worth;
use super::*;
use crate::base::math::{exp, ln, normal_cdf};
use crate::models::read;

/// A value file on a built-in process.
pub(super) fn on(of: &str, payoff: &str, lines: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"v\"\ntitle = \"v\"\nkind = \"value\"\nof = \"{of}\"\npayoff = \"{payoff}\"\nexpiry = \"T\"\n{lines}\n[params.T]\ndefault = 1.0\n[params.K]\ndefault = 100.0\n"
    );
    read("v.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

/// Values of parameters by name, the rest at their defaults.
pub(super) fn theta(model: &Model, values: &[(&str, f64)]) -> Vec<f64> {
    let mut params = model.default_params();
    values.iter().for_each(|(name, value)| params.set(name, *value).expect("a parameter"));
    params.values
}

fn heston(t: f64) -> (Model, Vec<f64>) {
    let model = on("heston", "max(exp(y) - K, 0)", "discount = \"mu\"");
    let values = [("T", t), ("kappa", 1.5768), ("theta", 0.0398), ("xi", 0.5751), ("rho", -0.5711), ("mu", 0.0)];
    let theta = theta(&model, &values);
    (model, theta)
}

#[test]
fn hestons_calls_have_their_reference_values_at_one_and_ten_years() -> Result<()> {
    // Lewis's and Heston's integrals to 20 digits; Fang & Oosterlee (2008), section 5.3.
    for (t, known) in [(1.0, 5.785_155_434_376_189), (10.0, 22.318_945_791_154_49)] {
        let (model, theta) = heston(t);
        let found = worth(&model, Form::Exact, &theta, &[ln(100.0), 0.0175])?;
        assert!((found.value - known).abs() < 1e-10, "{t}: {found:?} {:e}", found.value - known);
        assert!(found.error.expect("an error") < 1e-10);
        // The slope, against differences.
        let h = 1e-3;
        let at = |y: f64| worth(&model, Form::Exact, &theta, &[ln(100.0) + y, 0.0175]).map(|v| v.value);
        // Five points, right to h^4/30 of a fifth derivative of 1e6.
        let slope = (8.0 * (at(h)? - at(-h)?) - (at(2.0 * h)? - at(-2.0 * h)?)) / (12.0 * h);
        assert!((found.delta.expect("a slope") - slope).abs() < 1e-6, "{found:?} {slope}");
    }
    let (model, _) = heston(1.0);
    assert_eq!(Form::of_choice(&model), Form::Exact);
    Ok(())
}

#[test]
fn mertons_and_kous_calls_and_digitals() -> Result<()> {
    let model = on("merton-jump", "max(x - K, 0)", "discount = \"mu\"");
    let merton = theta(&model, &[("mu", 0.05), ("sigma", 0.2), ("lambda", 0.8), ("mj", -0.1), ("sj", 0.25)]);
    let found = worth(&model, Form::Exact, &merton, &[100.0])?;
    // Merton's mixture and Lewis's integral to 30 digits.
    assert!((found.value - 13.963_879_087_254_675).abs() < 1e-10, "{found:?}");
    // A call less a put is a forward; a call is the integral of digitals in the strike.
    let kou = |payoff: &str| {
        let model = on("kou", payoff, "discount = \"mu\"");
        worth(&model, Form::Exact, &theta(&model, &[("T", 0.5)]), &[100.0])
    };
    let (call, put) = (kou("max(x - 98, 0)")?, kou("max(98 - x, 0)")?);
    assert!((call.value - put.value - (100.0 - 98.0 * exp(-0.025))).abs() < 1e-10, "{call:?} {put:?}");
    assert!((call.delta.expect("delta") - put.delta.expect("delta") - 1.0).abs() < 1e-10);
    // Kou (2002), table 1 style check by paths.
    let model = on("kou", "max(x - 98, 0)", "discount = \"mu\"");
    let paths = worth(&model, Form::MonteCarlo, &theta(&model, &[("T", 0.5)]), &[100.0])?;
    assert!((paths.value - call.value).abs() < 4.0 * paths.error.expect("se") + 1e-2, "{paths:?} {call:?}");
    let (digital, spread) = (kou("if(x > 98, 1, 0)")?, kou("max(x - 97.999, 0) - max(x - 98.001, 0)")?);
    assert!((digital.value - spread.value / 0.002).abs() < 1e-6, "{digital:?} {spread:?}");
    Ok(())
}

#[test]
fn bonds_have_their_affine_prices() -> Result<()> {
    let cir = on("cir", "1", "discount = \"x\"");
    let values = [("T", 5.0), ("kappa", 1.2), ("theta", 0.06), ("sigma", 0.25)];
    let found = worth(&cir, Form::Exact, &theta(&cir, &values), &[0.04])?;
    assert!((found.value - 0.756_557_602_663_646_7).abs() < 1e-14, "{found:?}");
    let vasicek = on("ou", "1", "discount = \"x\"");
    let values = [("T", 5.0), ("kappa", 0.6), ("theta", 0.05), ("sigma", 0.02)];
    let found = worth(&vasicek, Form::Exact, &theta(&vasicek, &values), &[0.03])?;
    assert!((found.value - 0.805_053_699_754_341_2).abs() < 1e-14, "{found:?}");
    let slope = -(1.0 - exp(-3.0)) / 0.6 * found.value;
    assert!((found.delta.expect("delta") - slope).abs() < 1e-13);
    assert_eq!(Form::of(&vasicek), [Form::Exact, Form::FokkerPlanck, Form::MonteCarlo]);
    Ok(())
}

#[test]
fn the_characteristic_function_agrees_with_black_and_scholes() -> Result<()> {
    let model = on("gbm", "max(x - K, 0)", "discount = \"mu\"");
    let theta = theta(&model, &[("mu", 0.05), ("sigma", 0.2), ("K", 105.0)]);
    let posed = Posed::new(&model, &theta, &[100.0])?;
    let found = affine::value(&posed)?;
    // shared/numerics/reference_values.json, gbm, 40 digits.
    assert!((found.value - 8.021_352_235_143_171).abs() < 1e-12, "{found:?}");
    let d = (ln(100.0 / 105.0) + 0.07) / 0.2;
    assert!((found.delta.expect("delta") - normal_cdf(d)).abs() < 1e-13);
    let refused = on("heston", "max(exp(y)^2 - K, 0)", "discount = \"mu\"");
    assert!(Form::Exact.why_not(&refused).is_some_and(|why| why.contains("straight")));
    Ok(())
}

#[test]
fn a_process_written_in_the_values_file_is_the_same_as_a_built_in_one() -> Result<()> {
    let text = |process: &str| {
        format!(
            "schema = 1\nid = \"v\"\ntitle = \"v\"\nkind = \"value\"\npayoff = \"max(x - 95, 0)\"\ndiscount = \"mu\"\nexpiry = 1\n{process}"
        )
    };
    let params = "[params.mu]\ndefault = 0.05\n[params.sigma]\ndefault = 0.2\n";
    let inline =
        "[process.state.x]\ndomain = [0, inf]\n[process.dynamics]\ndrift.x = \"mu*x\"\ndiffusion.x = \"sigma*x\"\n";
    let own = read("own.toml", &text(&format!("{params}{inline}")))?;
    let built_in = read("built.toml", &text(&format!("of = \"gbm\"\n{params}")))?;
    let theta = [0.05, 0.2];
    let (a, b) = (worth(&own, Form::Exact, &theta, &[100.0])?, worth(&built_in, Form::Exact, &theta, &[100.0])?);
    // One by the characteristic function, since the file claims no law; the other by the law.
    let told = a.error.expect("an error") + b.error.expect("an error");
    assert!((a.value - b.value).abs() < told.min(1e-9), "{a:?} {b:?}");
    let both = read("both.toml", &text(&format!("of = \"gbm\"\n{params}{inline}")));
    assert!(matches!(both, Err(Error::ModelSyntax { message, .. }) if message.contains("[process]")));
    Ok(())
}

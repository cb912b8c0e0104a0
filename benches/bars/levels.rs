//! Bar 7: levels of paths keep the error asked for.

use super::Bar;
use super::clock::best;
use kramers::base::math;
use kramers::base::{Purpose, Seed};
use kramers::form::value::{Method, value, value_by};
use kramers::form::{Accuracy, Form};
use kramers::models::{built_in, read};

pub fn levels(bar: &Bar) {
    const REPEATS: u64 = 20;
    let call = |payoff: &str, lines: &str, tables: &str| {
        let text = format!(
            "schema = 1\nid = \"v\"\ntitle = \"v\"\nkind = \"value\"\nof = \"gbm\"\npayoff = \"{payoff}\"\nexpiry = \"1\"\ndiscount = \"r\"\n{lines}\n[with]\nmu = \"r\"\n[params.r]\ndefault = 0.05\n[params.sigma]\ndefault = 0.2\n{tables}"
        );
        read("v.toml", &text).expect("reads")
    };
    let heston = built_in("heston-call").expect("built in");
    let mut params = heston.default_params();
    for (name, value) in
        [("kappa", 5.0), ("theta", 0.04), ("xi", 0.25), ("rho", -0.5), ("r", 0.05), ("K", 100.0), ("T", 1.0)]
    {
        params.set(name, value).expect("a parameter");
    }
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    let at = [math::ln(100.0), 0.04];
    let heston_value =
        value(&heston, Form::Exact, &params.values, &at, Accuracy::default(), key).expect("a value").value;
    // 40 digits: shared/numerics/reference_values.json, gbm; the European call and the digital by Black & Scholes.
    let (up, down) = (math::normal_cdf(0.35), math::normal_cdf(0.15));
    let discount = math::exp(-0.05);
    for (name, model, start, exact) in [
        ("European call", call("max(x - 100, 0)", "", ""), &[100.0][..], 100.0 * up - 100.0 * discount * down),
        (
            "geometric Asian",
            call("max(average - 100, 0)", "average = \"geometric\"\nfixings = 12", ""),
            &[100.0],
            5.940_200_221_633_495,
        ),
        (
            "down-and-out",
            call("max(x - 100, 0)", "", "[barrier]\nkind = \"down-and-out\"\nlevel = 90"),
            &[100.0],
            8.665_471_658_245_668,
        ),
        ("digital of 100", call("if(x > 100, 100, 0)", "", ""), &[100.0], 100.0 * discount * down),
        ("Heston call", heston.clone(), &at, heston_value),
    ] {
        let goal = 0.05;
        let theta = if model.id == heston.id { &params.values[..] } else { &[0.05, 0.2] };
        let accuracy = Accuracy { goal: Some(goal), ..Accuracy::default() };
        let (mut square, mut fourth, mut cost, mut predicted, mut seconds) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for r in 0..REPEATS {
            let key = Seed(1000 + r).key(Purpose::Forecast, 0, 0);
            let (each, found) =
                best(1, || value_by(&model, Method::Multilevel, theta, start, accuracy, key).expect("a value"));
            seconds += each / REPEATS as f64;
            let off = found.value - exact;
            square += off * off / REPEATS as f64;
            fourth += off * off * off * off / REPEATS as f64;
            cost += found.report.cost;
            predicted += found.report.predicted;
        }
        let rms = f64::sqrt(square);
        let error = f64::sqrt((fourth - square * square) / REPEATS as f64) / (2.0 * rms);
        let note = format!(
            "{name} to {goal}, {REPEATS} repeats: root-mean-square error, its standard error {error:.3}; cost {:.2} of the prediction",
            cost / predicted
        );
        bar.say("multilevel", seconds, rms, &note, "-");
    }
}

//! Tabulated marginals against quadratures of the same characteristic function, mixtures in closed form and reference values.

use super::{cdf, density};
use crate::base::{Purpose, Result, Seed, math};
use crate::form::{Accuracy, Form, Question, answer};
use crate::models::{Model, built_in, built_in_text, read};
use crate::predictive::Predictive;

fn ask<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64]) -> Question<'a> {
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    Question { theta, start, t0: 0.0, times, accuracy: Accuracy::default(), key }
}

#[test]
fn marginals_of_affine_models_are_their_inverted_characteristic_functions() -> Result<()> {
    for id in ["heston", "bates", "merton-jump", "kou", "ou-jump", "correlated-gbm"] {
        let model = built_in(id)?;
        let theta = model.default_params().values;
        let start = model.default_start(&theta).unwrap_or_else(|| vec![1.0; model.variables().len()]);
        let clock = std::time::Instant::now();
        let found = answer(&model, Form::Exact, &ask(&theta, &start, &[model.horizon]))?;
        eprintln!("{id} {:?} {:?}", clock.elapsed(), found.error);
        assert!(found.error.expect("an estimate") < 1e-8, "{id}: {:?}", found.error);
        let law = &found.laws[0][0];
        let states = [0.01, 0.3, 0.5, 0.8, 0.99].map(|p| law.quantile(p));
        let below = cdf(&model, &theta, &start, model.horizon, 0, &states)?;
        let heights = density(&model, &theta, &start, model.horizon, 0, &states)?;
        for (k, x) in states.iter().enumerate() {
            assert!((law.cdf(*x) - below.values[k]).abs() < 1e-8, "{id} {x}: {} {}", law.cdf(*x), below.values[k]);
            let pdf = math::exp(law.log_pdf(*x).expect("a density"));
            assert!((pdf / heights.values[k] - 1.0).abs() < 1e-5, "{id} {x}: {pdf} {}", heights.values[k]);
        }
    }
    Ok(())
}

#[test]
fn hestons_marginals_have_the_reference_density_and_the_chi_square_variance() -> Result<()> {
    // Fang & Oosterlee (2008), section 5.3: 40-digit quadrature of ln(S_T/F), one year from v = 0.0175.
    let heston = built_in("heston")?;
    let theta = [1.5768, 0.0398, 0.5751, -0.5711, 0.0];
    let found = answer(&heston, Form::Exact, &ask(&theta, &[0.0, 0.0175], &[1.0, 10.0]))?;
    for (x, known) in [(0.0, 3.055_334_181_639_639_6), (-0.2, 0.688_564_499_514_825_8), (0.1, 3.041_048_824_377_638_4)]
    {
        let pdf = math::exp(found.laws[0][0].log_pdf(x).expect("a density"));
        assert!((pdf / known - 1.0).abs() < 1e-6, "{x}: {pdf}");
    }
    // Feller's condition fails, so the variance is infinite in density at zero: closed all the same.
    assert!(matches!(found.laws[0][1], Predictive::ScaledChiSquare { .. }));
    // After ten years, where the wrong branch of the logarithm would show: E x = (mu - E v/2) t.
    let mean = -0.5 * (0.0398 * 10.0 + (0.0175 - 0.0398) * -math::exp_m1(-15.768) / 1.5768);
    let law = &found.laws[1][0];
    assert!((law.mean().expect("a mean") - mean).abs() < 1e-7, "{:?} {mean}", law.mean());
    let mass = law.cdf(20.0) - law.cdf(-20.0);
    assert!((mass - 1.0).abs() < 1e-12, "{mass}");
    Ok(())
}

#[test]
fn short_and_long_horizons_of_merton_are_his_mixture() -> Result<()> {
    let merton = built_in("merton-jump")?;
    let [mu, sigma, lambda, mj, sj] = [0.05, 0.2, 0.8, -0.1, 0.25];
    let times = [1.0 / 2500.0, 1.0 / 250.0, 1.0, 20.0];
    let clock = std::time::Instant::now();
    let found = answer(&merton, Form::Exact, &ask(&[mu, sigma, lambda, mj, sj], &[1.0], &times))?;
    eprintln!("merton {:?} {:?}", clock.elapsed(), found.error);
    for (t, laws) in times.iter().zip(&found.laws) {
        let drift = (mu - lambda * math::exp_m1(mj + 0.5 * sj * sj) - 0.5 * sigma * sigma) * t;
        let below = |y: f64| -> f64 {
            let mut weight = math::exp(-lambda * t);
            (0..120)
                .map(f64::from)
                .map(|n| {
                    let part =
                        weight * math::normal_cdf((y - drift - n * mj) / (sigma * sigma * t + n * sj * sj).sqrt());
                    weight *= lambda * t / (n + 1.0);
                    part
                })
                .sum()
        };
        let worst = (1..200).map(|k| laws[0].quantile(f64::from(k) / 200.0));
        let worst = worst.map(|x| (laws[0].cdf(x) - below(math::ln(x))).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-8 && worst <= found.error.expect("an estimate") + 1e-12, "{t}: {worst:e} {:?}", found.error);
    }
    Ok(())
}

#[test]
fn what_has_no_smooth_characteristic_function_is_refused() -> Result<()> {
    // Jumps alone: what has not jumped stays where it was.
    let text = "schema = 1\nid = \"j\"\ntitle = \"j\"\nkind = \"diffusion\"\n[state.x]\n[dynamics]\ndrift.x = \"-x\"\n\
                diffusion.x = \"0\"\n[[jump]]\nrate = \"1\"\nmark.J = \"normal(0, 1)\"\nafter.x = \"x + J\"\n";
    let alone: Result<Model> = read("j.toml", text);
    if let Ok(model) = alone {
        assert!(Form::Exact.why_not(&model).is_some());
    }
    // A variance that jumps: neither a chi-square law nor a fast decay.
    let heston = built_in_text("heston").expect("heston");
    let jumps = format!("{heston}\n[[jump]]\nrate = \"1\"\nmark.J = \"exponential(20)\"\nafter.v = \"v + J\"\n");
    let model = read("svj.toml", &jumps)?;
    let why = Form::Exact.why_not(&model);
    assert!(why.is_some(), "{why:?}");
    Ok(())
}

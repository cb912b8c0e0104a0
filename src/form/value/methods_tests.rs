use super::affine_tests::{on, theta};
use super::tests::{THETA, call, closed, key};
use super::*;
use crate::base::math::{exp, powi};
use crate::base::{Purpose, Seed};
use crate::form::value::multilevel::{Coupled, Stretch};

fn by(model: &Model, method: Method, theta: &[f64], x0: &[f64], paths: usize) -> Result<Sampled> {
    value_by(model, method, theta, x0, Accuracy { paths, ..Accuracy::default() }, key())
}

#[test]
fn every_method_gives_a_calls_value_and_honest_errors() -> Result<()> {
    let model = call("max(x - K, 0)", "", "");
    let exact = closed(100.0, 100.0, 0.05, 0.2, 1.0).0;
    for (method, gain) in
        [(Method::Plain, 1.0), (Method::Antithetic, 1.8), (Method::Control, 5.0), (Method::Sobol, 30.0)]
    {
        let found = by(&model, method, &THETA, &[100.0], 16_384)?;
        let bias = found.bias.expect("measured");
        assert!((found.value - exact).abs() < 4.0 * found.error + 2.0 * bias.abs(), "{found:?}");
        // What plain paths would cost for the same error, against what was paid for the samples.
        let report = &found.report;
        assert!(report.plain >= gain * report.predicted, "{}: {report:?}", method.name());
        assert_eq!(Method::named(method.name()), Some(method));
    }
    Ok(())
}

#[test]
fn standard_errors_are_those_of_repeats() -> Result<()> {
    // The spread of 60 answers against the errors they report; variances are known to ±√(2/59), four of these allowed.
    let model = call("max(x - K, 0)", "", "");
    let exact = closed(100.0, 100.0, 0.05, 0.2, 1.0).0;
    let repeats = 60;
    for method in [Method::Antithetic, Method::Control, Method::Sobol] {
        let (mut squares, mut errors) = (0.0, 0.0);
        for r in 0..repeats {
            let key = Seed(100 + r).key(Purpose::Forecast, 0, 0);
            let accuracy = Accuracy { paths: 1024, step: Some(0.25), ..Accuracy::default() };
            let found = value_by(&model, method, &THETA, &[100.0], accuracy, key)?;
            squares += powi(found.value - exact, 2);
            errors += found.error * found.error;
        }
        let ratio = squares / errors;
        assert!((ratio - 1.0).abs() < 4.0 * (2.0 / repeats as f64).sqrt(), "{} {ratio}", method.name());
    }
    Ok(())
}

#[test]
fn asian_calls_on_fixings_have_their_closed_value_and_their_control() -> Result<()> {
    let fixed = |kind: &str| call("max(average - K, 0)", &format!("average = \"{kind}\"\nfixings = 12"), "");
    let geometric = fixed("geometric");
    // shared/numerics/reference_values.json, gbm: closed, 40 digits. Steps of geometric Brownian motion are exact.
    let exact = 5.940_200_221_633_495;
    let found = by(&geometric, Method::Sobol, &THETA, &[100.0], 16_384)?;
    assert!((found.value - exact).abs() < 4.0 * found.error && found.error < 4e-3, "{found:?}");
    let plain = value(&geometric, Form::MonteCarlo, &THETA, &[100.0], Accuracy::default(), key())?;
    assert!((plain.value - exact).abs() < 4.0 * plain.error.expect("se") + 5e-3, "{plain:?}");
    // Kemna & Vorst (1990): the arithmetic average goes along with the geometric one.
    let arithmetic = fixed("arithmetic");
    let found = by(&arithmetic, Method::Control, &THETA, &[100.0], 20_000)?;
    assert!(found.report.plain > 500.0 * found.report.predicted, "{found:?}");
    let sobol = by(&arithmetic, Method::Sobol, &THETA, &[100.0], 65_536)?;
    assert!((found.value - sobol.value).abs() < 4.0 * (found.error + sobol.error), "{found:?} {sobol:?}");
    Ok(())
}

#[test]
fn a_barrier_on_dates_kills_less_than_one_that_never_sleeps() -> Result<()> {
    let barrier =
        |lines: &str| call("max(x - K, 0)", "", &format!("[barrier]\nkind = \"down-and-out\"\nlevel = 95\n{lines}"));
    let on_dates = |n: usize| by(&barrier(&format!("dates = {n}")), Method::Sobol, &THETA, &[100.0], 16_384);
    let (monthly, daily) = (on_dates(12)?, on_dates(252)?);
    let always = value(&barrier(""), Form::FokkerPlanck, &THETA, &[100.0], Accuracy::default(), key())?.value;
    assert!(monthly.value > daily.value && daily.value > always, "{monthly:?} {daily:?} {always}");
    // Broadie, Glasserman & Kou (1997): as if the barrier stood e^{-0.5826 σ √(T/n)} lower and were always watched.
    let moved = 95.0 * exp(-0.5826 * 0.2 * (1.0f64 / 252.0).sqrt());
    let lower = call("max(x - K, 0)", "", &format!("[barrier]\nkind = \"down-and-out\"\nlevel = {moved}"));
    let shifted = value(&lower, Form::FokkerPlanck, &THETA, &[100.0], Accuracy::default(), key())?.value;
    assert!((daily.value - shifted).abs() < 4.0 * daily.error + 2e-3, "{daily:?} {shifted}");
    assert_eq!(Form::of(&barrier("dates = 12")), [Form::MonteCarlo]);
    Ok(())
}

#[test]
fn stochastic_volatility_is_sampled_with_less_variance_too() -> Result<()> {
    let model = on("heston", "max(exp(y) - K, 0)", "discount = \"mu\"");
    let values = theta(&model, &[("kappa", 5.0), ("theta", 0.04), ("xi", 0.25), ("rho", -0.5), ("mu", 0.05)]);
    let start = [math::ln(100.0), 0.04];
    let exact = value(&model, Form::Exact, &values, &start, Accuracy::default(), key())?.value;
    for (method, gain) in [(Method::Control, 3.0), (Method::Sobol, 4.0)] {
        let found = by(&model, method, &values, &start, 8192)?;
        let off = found.value - exact;
        assert!(off.abs() < 4.0 * found.error + 3.0 * found.bias.expect("measured").abs() + 0.01, "{exact} {found:?}");
        assert!(found.report.plain > gain * found.report.predicted, "{found:?}");
    }
    Ok(())
}

#[test]
fn a_goal_is_kept_and_threads_change_nothing() -> Result<()> {
    let model = call("max(x - K, 0)", "", "");
    let exact = closed(100.0, 100.0, 0.05, 0.2, 1.0).0;
    let accuracy = Accuracy { goal: Some(0.05), ..Accuracy::default() };
    for method in Method::ALL {
        let found = value_by(&model, method, &THETA, &[100.0], accuracy, key())?;
        assert!(found.error <= 0.05 && found.bias.expect("bias").abs() <= 0.025, "{found:?}");
        assert!((found.value - exact).abs() < 0.2, "{} {found:?}", method.name());
        for threads in 1..=3 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let again = pool.install(|| value_by(&model, method, &THETA, &[100.0], accuracy, key()))?;
            let bits = |s: &Sampled| [s.value, s.error, s.report.cost, s.report.plain].map(f64::to_bits);
            assert_eq!(bits(&again), bits(&found), "{} {threads}", method.name());
        }
    }
    Ok(())
}

/// Mean and variance of the corrections of levels 4 to 7 where gbm itself is paid, by Euler's or Milstein's steps, and the standard
/// error of the mean.
pub(in crate::form) fn corrections(is_euler: bool, [mu, sigma]: [f64; 2], samples: u64) -> Result<Vec<[f64; 3]>> {
    let model = on("gbm", "x", "");
    let theta = theta(&model, &[("mu", mu), ("sigma", sigma)]);
    let posed = Posed::new(&model, &theta, &[1.0])?;
    let coupled = Coupled::new(&posed, key())?;
    let walk = if is_euler { walk::Walk::euler(&posed)? } else { walk::Walk::new(&posed, false)? };
    let coupled = Coupled { walk, ..coupled };
    let of = |level: usize| {
        let (mean, variance) = coupled.sums(&[Stretch { level, alone: false, from: 0, to: samples }])[0].corrections();
        [mean, variance, (variance / samples as f64).sqrt()]
    };
    Ok((4..=7).map(of).collect())
}

#[test]
fn the_variance_of_a_level_is_the_exact_one_of_eulers_scheme() -> Result<()> {
    // shared/numerics/reference_values.json, mlmc_gbm_level_variance: S0 = 1, mu = 0.05, sigma = 0.5, T = 1, P = S_T.
    let model = on("gbm", "x", "");
    let theta = theta(&model, &[("mu", 0.05), ("sigma", 0.5)]);
    let posed = Posed::new(&model, &theta, &[1.0])?;
    let coupled = Coupled::new(&posed, key())?;
    let coupled = Coupled { walk: walk::Walk::euler(&posed)?, ..coupled };
    for (level, mean, variance) in [
        (3, 0.000_162_192_308_190_467_3, 0.005_060_105_447_476_467),
        (5, 0.000_040_934_903_731_524_11, 0.001_353_979_781_103_048),
        (7, 0.000_010_258_154_015_928_841, 0.000_344_435_659_541_757_6),
    ] {
        let n = 40_000;
        let stretch = |from, to| Stretch { level, alone: false, from, to };
        let found = coupled.sums(&[stretch(0, n)])[0].corrections();
        assert!((found.0 - mean).abs() < 4.0 * (variance / n as f64).sqrt(), "{level} {found:?}");
        // The fourth moment is not known in closed form; of the samples' spread in 20 parts, four standard errors.
        let parts: Vec<f64> = (0..20)
            .map(|part| coupled.sums(&[stretch(part * n / 20, (part + 1) * n / 20)])[0].corrections().1)
            .collect();
        let average = parts.iter().sum::<f64>() / 20.0;
        let spread = (parts.iter().map(|p| powi(p - average, 2)).sum::<f64>() / 19.0 / 20.0).sqrt();
        assert!((average - variance).abs() < 4.0 * spread, "{level} {average} {variance} {spread}");
    }
    Ok(())
}

/// Name, model, parameters, start, exact value.
type Problem = (&'static str, Model, Vec<f64>, Vec<f64>, f64);

/// Payoffs of every kind that levels treat in their own way.
fn problems() -> Result<Vec<Problem>> {
    let european = call("max(x - K, 0)", "", "");
    let asian = call("max(average - K, 0)", "average = \"geometric\"\nfixings = 12", "");
    let barrier = call("max(x - K, 0)", "", "[barrier]\nkind = \"down-and-out\"\nlevel = 90");
    let digital = call("if(x > K, 100, 0)", "", "");
    let heston = on("heston", "max(exp(y) - K, 0)", "discount = \"mu\"");
    let values = theta(&heston, &[("kappa", 5.0), ("theta", 0.04), ("xi", 0.25), ("rho", -0.5), ("mu", 0.05)]);
    let start = vec![math::ln(100.0), 0.04];
    let exactly = |model: &Model, theta: &[f64], start: &[f64]| {
        value(model, Form::Exact, theta, start, Accuracy::default(), key()).map(|v| v.value)
    };
    let (gbm, at) = (THETA.to_vec(), vec![100.0]);
    let heston_value = exactly(&heston, &values, &start)?;
    Ok(vec![
        ("European call", european.clone(), gbm.clone(), at.clone(), exactly(&european, &gbm, &at)?),
        // 40 digits: shared/numerics/reference_values.json, gbm.
        ("geometric Asian", asian, gbm.clone(), at.clone(), 5.940_200_221_633_495),
        ("down-and-out", barrier, gbm.clone(), at.clone(), 8.665_471_658_245_668),
        ("digital", digital.clone(), gbm.clone(), at.clone(), exactly(&digital, &gbm, &at)?),
        ("Heston call", heston, values, start, heston_value),
    ])
}

/// Root-mean-square error over repeats and its standard error, and mean cost and prediction.
fn repeated(problem: &Problem, goal: f64, repeats: u64) -> Result<[f64; 5]> {
    let (_, model, theta, start, exact) = problem;
    let (mut second, mut fourth, mut cost, mut predicted, mut plain) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for r in 0..repeats {
        let key = Seed(1000 + r).key(Purpose::Forecast, 0, 0);
        let accuracy = Accuracy { goal: Some(goal), ..Accuracy::default() };
        let found = value_by(model, Method::Multilevel, theta, start, accuracy, key)?;
        let square = powi(found.value - exact, 2);
        second += square;
        fourth += square * square;
        cost += found.report.cost;
        predicted += found.report.predicted;
        plain += found.report.plain;
    }
    let n = repeats as f64;
    let (second, fourth) = (second / n, fourth / n);
    let rms = second.sqrt();
    // Of a root of a mean square, by the delta method.
    let error = ((fourth - second * second) / n).sqrt() / (2.0 * rms);
    Ok([rms, error, cost / n, predicted / n, plain / n])
}

#[test]
fn levels_keep_the_error_asked_for() -> Result<()> {
    for problem in &problems()? {
        let [rms, error, cost, predicted, _] = repeated(problem, 0.1, 12)?;
        assert!(rms <= 0.1 + 3.0 * error, "{}: {rms} {error}", problem.0);
        assert!(cost < 1.5 * predicted + 3e5, "{}: {cost:e} {predicted:e}", problem.0);
    }
    Ok(())
}

/// Found, 200 repeats (rms error, its standard error, cost over prediction, plain over cost): European 0.05: 0.0445 (0.0024) 1.06
/// 26; 0.02: 0.0186 (0.0009) 1.01 57. Geometric Asian 0.05: 0.0456 (0.0021) 1.31 12; 0.02: 0.0174 (0.0008) 1.04 15. Down-and-out
/// 0.05: 0.0429 (0.0021) 1.37 106; 0.02: 0.0158 (0.0007) 1.23 197. Digital of 100, 0.05: 0.0457 (0.0025) 1.08 485; 0.02: 0.0187
/// (0.0008) 1.09 686. Heston 0.05: 0.0416 (0.0021) 1.01 12; 0.02: 0.0166 (0.0009) 1.01 13.
#[test]
#[ignore = "the study behind the promise: minutes"]
fn study_of_levels_over_200_repeats() -> Result<()> {
    println!(
        "| payoff | error asked | rms error of 200 | its standard error | cost, path-steps | cost / predicted | plain / cost |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut kept = true;
    for problem in &problems()? {
        for goal in [0.05, 0.02] {
            let [rms, error, cost, predicted, plain] = repeated(problem, goal, 200)?;
            println!(
                "| {} | {goal} | {rms:.5} | {error:.5} | {cost:.3e} | {:.2} | {:.1} |",
                problem.0,
                cost / predicted,
                plain / cost
            );
            kept &= rms <= goal + 3.0 * error && cost <= 1.5 * predicted;
        }
    }
    assert!(kept, "an error or a cost is larger than promised");
    Ok(())
}

#[test]
fn what_a_method_cannot_do_is_refused() -> Result<()> {
    let jumps = on("merton-jump", "max(x - K, 0)", "discount = \"mu\"");
    let theta = jumps.default_params().values;
    for method in [Method::Antithetic, Method::Control, Method::Sobol] {
        assert!(matches!(by(&jumps, method, &theta, &[100.0], 1000), Err(Error::FormUnavailable { .. })));
    }
    assert!(by(&jumps, Method::Plain, &theta, &[100.0], 1000)?.bias.is_none());
    let model = call("max(x - K, 0)", "", "");
    match by(&model, Method::Multilevel, &THETA, &[100.0], 1000) {
        Err(Error::Numerics { hint, .. }) => assert!(hint.contains("--tol"), "{hint}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

use super::*;
use crate::base::math::{exp, ln, normal_cdf};
use crate::base::{Purpose, Seed};
use crate::models::{built_in, built_in_text, read};

pub(super) fn key() -> Key {
    Seed(11).key(Purpose::Forecast, 0, 0)
}

/// Black-Scholes with lines before its tables, tables after them, and another payoff.
pub(super) fn call(payoff: &str, lines: &str, tables: &str) -> Model {
    let text = built_in_text("black-scholes").expect("built in");
    let text = text.replace("max(x - K, 0)", payoff).replace("[with]", &format!("{lines}\n[with]"));
    read("call.toml", &format!("{text}\n{tables}")).unwrap_or_else(|e| panic!("{e}"))
}

/// Black & Scholes (1973): value and delta of a call, from the mean and variance of the logarithm.
pub(super) fn closed(s: f64, k: f64, r: f64, sigma: f64, t: f64) -> (f64, f64) {
    let d = (ln(s / k) + (r + 0.5 * sigma * sigma) * t) / (sigma * t.sqrt());
    (s * normal_cdf(d) - k * exp(-r * t) * normal_cdf(d - sigma * t.sqrt()), normal_cdf(d))
}

pub(super) const THETA: [f64; 4] = [0.05, 0.2, 100.0, 1.0];

pub(super) fn worth(model: &Model, form: Form, theta: &[f64], x0: &[f64]) -> Result<Valued> {
    value(model, form, theta, x0, Accuracy::default(), key())
}

/// Within four standard errors and a stated bias.
fn near(valued: Valued, exact: f64, bias: f64) {
    let se = valued.error.expect("a standard error");
    assert!((valued.value - exact).abs() < 4.0 * se + bias, "{valued:?} {exact}");
}

#[test]
fn a_call_has_its_black_scholes_value_by_every_form() -> Result<()> {
    let model = built_in("black-scholes")?;
    for (s, sigma, t) in [(100.0, 0.2, 1.0), (80.0, 0.4, 0.25), (130.0, 0.1, 2.0)] {
        let theta = [0.05, sigma, 100.0, t];
        let (exact, delta) = closed(s, 100.0, 0.05, sigma, t);
        let by_law = worth(&model, Form::Exact, &theta, &[s])?;
        assert!((by_law.value - exact).abs() < 1e-8, "{} {exact}", by_law.value);
        assert!((by_law.delta.expect("delta") - delta).abs() < 1e-7, "{:?} {delta}", by_law.delta);
        for form in [Form::FokkerPlanck, Form::Schroedinger, Form::MasterEquation] {
            let off = worth(&model, form, &theta, &[s])?.value - exact;
            assert!(off.abs() < 1e-4 * exact.max(1.0), "{}: {off}", form.name());
        }
        near(worth(&model, Form::MonteCarlo, &theta, &[s])?, exact, 2e-3);
    }
    let all = [Form::Exact, Form::FokkerPlanck, Form::Schroedinger, Form::MasterEquation, Form::MonteCarlo];
    assert_eq!(Form::of(&model), all);
    Ok(())
}

#[test]
fn the_backward_equation_agrees_and_converges() -> Result<()> {
    let model = built_in("black-scholes")?;
    let posed = Posed::new(&model, &THETA, &[100.0])?;
    let (exact, delta) = closed(100.0, 100.0, 0.05, 0.2, 1.0);
    let mut errors = Vec::new();
    for cells in [100, 200, 400] {
        let accuracy = Accuracy { cells, tolerance: 1e-9, ..Accuracy::default() };
        let v = backward::backward(&posed, None, accuracy)?;
        errors.push((v.value - exact).abs());
        assert!((v.value - exact).abs() < v.error.expect("an error"), "{v:?} {exact}");
        assert!((v.delta.expect("delta") - delta).abs() < 1e-3);
    }
    assert!(errors[2] < 1e-4, "{errors:?}");
    Ok(())
}

#[test]
fn put_call_parity_holds_and_a_digital_is_a_slope() -> Result<()> {
    let (call_model, put) = (built_in("black-scholes")?, call("max(K - x, 0)", "", ""));
    for form in [Form::Exact, Form::FokkerPlanck, Form::MasterEquation] {
        let gap = worth(&call_model, form, &THETA, &[90.0])?.value - worth(&put, form, &THETA, &[90.0])?.value;
        let exact = 90.0 - 100.0 * exp(-0.05);
        assert!((gap - exact).abs() < if form == Form::Exact { 1e-9 } else { 1e-4 * 90.0 }, "{}: {gap}", form.name());
    }
    let digital = call("0.5 + 0.5*sign(x - K)", "", "");
    let exact = exp(-0.05) * normal_cdf((ln(0.9) + 0.03) / 0.2);
    assert!((worth(&digital, Form::Exact, &THETA, &[90.0])?.value - exact).abs() < 1e-9);
    assert!((worth(&digital, Form::FokkerPlanck, &THETA, &[90.0])?.value - exact).abs() < 1e-5);
    Ok(())
}

/// Merton (1973), eq. 55: what a call is worth that dies at a barrier below strike and start.
fn down_and_out(s: f64, k: f64, level: f64, r: f64, sigma: f64, t: f64) -> f64 {
    let lambda = r / (sigma * sigma) + 0.5;
    let deviation = sigma * t.sqrt();
    let y = ln(level * level / (s * k)) / deviation + lambda * deviation;
    let ratio = |power: f64| exp(power * ln(level / s));
    let knocked = s * ratio(2.0 * lambda) * normal_cdf(y)
        - k * exp(-r * t) * ratio(2.0 * lambda - 2.0) * normal_cdf(y - deviation);
    closed(s, k, r, sigma, t).0 - knocked
}

#[test]
fn barriers_have_mertons_value_by_paths_and_by_the_backward_equation() -> Result<()> {
    let with = |kind: &str| call("max(x - K, 0)", "", &format!("[barrier]\nkind = \"{kind}\"\nlevel = 90"));
    let (out, into) = (with("down-and-out"), with("down-and-in"));
    for s in [100.0, 92.0] {
        let exact = down_and_out(s, 100.0, 90.0, 0.05, 0.2, 1.0);
        let whole = closed(s, 100.0, 0.05, 0.2, 1.0).0;
        // Weak error of 256 Euler steps, about a thousandth of the value.
        near(worth(&out, Form::MonteCarlo, &THETA, &[s])?, exact, 1e-3 * whole);
        near(worth(&into, Form::MonteCarlo, &THETA, &[s])?, whole - exact, 1e-3 * whole);
        let grid = worth(&out, Form::FokkerPlanck, &THETA, &[s])?;
        assert!((grid.value - exact).abs() < 1e-4 * whole, "{grid:?} {exact}");
        let grid = worth(&into, Form::FokkerPlanck, &THETA, &[s])?;
        assert!((grid.value - (whole - exact)).abs() < 2e-4 * whole, "{grid:?}");
    }
    // Reached already.
    assert_eq!(worth(&out, Form::FokkerPlanck, &THETA, &[90.0])?.value, 0.0);
    assert_eq!(worth(&out, Form::MonteCarlo, &THETA, &[85.0])?.value, 0.0);
    assert_eq!(Form::of(&out), [Form::FokkerPlanck, Form::MonteCarlo]);
    let up = call("max(K - x, 0)", "", "[barrier]\nkind = \"up-and-out\"\nlevel = 110");
    let (grid, paths) =
        (worth(&up, Form::FokkerPlanck, &THETA, &[100.0])?, worth(&up, Form::MonteCarlo, &THETA, &[100.0])?);
    near(paths, grid.value, 1e-2);
    Ok(())
}

#[test]
fn a_geometric_asian_call_has_kemna_and_vorsts_value() -> Result<()> {
    let model = call("max(average - K, 0)", "average = \"geometric\"", "");
    // The mean of the logarithm is normal: variance σ² T/3, mean ln S + (r - σ²/2) T/2 (Kemna & Vorst 1990, eq. 9).
    let (mean, deviation) = (ln(100.0) + 0.5 * (0.05 - 0.02), 0.2 / 3f64.sqrt());
    let d = (mean - ln(100.0)) / deviation;
    let forward = exp(mean + 0.5 * deviation * deviation);
    let exact = exp(-0.05) * (forward * normal_cdf(d + deviation) - 100.0 * normal_cdf(d));
    near(worth(&model, Form::MonteCarlo, &THETA, &[100.0])?, exact, 5e-3);
    assert_eq!(Form::of(&model), [Form::MonteCarlo]);
    // E of the arithmetic mean is S (e^{rT} - 1)/(rT).
    let mean = call("average", "average = \"arithmetic\"", "");
    near(worth(&mean, Form::MonteCarlo, &THETA, &[100.0])?, exp(-0.05) * 100.0 * (exp(0.05) - 1.0) / 0.05, 5e-3);
    match worth(&model, Form::Exact, &THETA, &[100.0]) {
        Err(Error::FormUnavailable { why, .. }) => assert!(why.contains("path"), "{why}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// One unit at T, discounted at the state itself.
fn bond(of: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"bond\"\ntitle = \"bond\"\nkind = \"value\"\nof = \"{of}\"\npayoff = 1\ndiscount = \"x\"\nexpiry = \"T\"\n[params.T]\ndefault = 5.0\n"
    );
    read("bond.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn bonds_have_vasiceks_and_cox_ingersoll_and_rosss_prices() -> Result<()> {
    let (t, kappa, mean) = (5.0, 0.5, 0.04);
    // Vasicek (1977), eq. 27.
    let sigma = 0.02;
    let b = (1.0 - exp(-kappa * t)) / kappa;
    let a = (mean - sigma * sigma / (2.0 * kappa * kappa)) * (b - t) - sigma * sigma * b * b / (4.0 * kappa);
    let exact = exp(a - b * 0.02);
    let model = bond("ou");
    assert_eq!(Form::of(&model), [Form::Exact, Form::FokkerPlanck, Form::MonteCarlo]);
    let grid = worth(&model, Form::FokkerPlanck, &[t, kappa, mean, sigma], &[0.02])?;
    assert!((grid.value - exact).abs() < 1e-6 && (grid.delta.expect("delta") + b * exact).abs() < 1e-4);
    near(worth(&model, Form::MonteCarlo, &[t, kappa, mean, sigma], &[0.02])?, exact, 1e-4);
    // Cox, Ingersoll & Ross (1985), eq. 23; with and without Feller's condition.
    for (sigma, x0) in [(0.1, 0.02), (0.3, 0.02), (0.3, 0.1)] {
        let g = (kappa * kappa + 2.0f64 * sigma * sigma).sqrt();
        let below = (g + kappa) * (exp(g * t) - 1.0) + 2.0 * g;
        let a = 2.0 * kappa * mean / (sigma * sigma) * ln(2.0 * g * exp(0.5 * (kappa + g) * t) / below);
        let b = 2.0 * (exp(g * t) - 1.0) / below;
        let exact = exp(a - b * x0);
        let grid = worth(&bond("cir"), Form::FokkerPlanck, &[t, kappa, mean, sigma], &[x0])?;
        assert!((grid.value - exact).abs() < 2e-5, "{sigma} {x0}: {grid:?} {exact}");
        if sigma < 0.2 {
            near(worth(&bond("cir"), Form::MonteCarlo, &[t, kappa, mean, sigma], &[x0])?, exact, 5e-4);
        }
    }
    Ok(())
}

#[test]
fn rates_that_change_with_time_and_several_states_are_valued() -> Result<()> {
    let text = built_in_text("black-scholes").expect("built in").replace("discount = \"r\"", "discount = \"0.1*t\"");
    let timed = worth(&read("timed.toml", &text)?, Form::Exact, &THETA, &[100.0])?.value;
    assert!((timed - closed(100.0, 100.0, 0.05, 0.2, 1.0).0).abs() < 1e-8, "{timed}");
    // Margrabe (1978): one asset for another, here without growth.
    let exchange = "schema = 1\nid = \"e\"\ntitle = \"e\"\nkind = \"value\"\nof = \"correlated-gbm\"\npayoff = \"max(x1 - x2, 0)\"\nexpiry = 1\n";
    let model = read("e.toml", exchange)?;
    let mut params = model.default_params();
    for (name, value) in [("mu1", 0.0), ("mu2", 0.0), ("sigma1", 0.3), ("sigma2", 0.2), ("rho", 0.5)] {
        params.set(name, value)?;
    }
    let sigma = (0.09 + 0.04 - 2.0 * 0.5 * 0.06f64).sqrt();
    let exact = closed(100.0, 95.0, 0.0, sigma, 1.0).0;
    near(worth(&model, Form::MonteCarlo, &params.values, &[100.0, 95.0])?, exact, 1e-2);
    assert_eq!(Form::of(&model), [Form::MonteCarlo]);
    // Merton (1976), eq. 19: calls at the variance of each number of jumps.
    let jumps = "schema = 1\nid = \"j\"\ntitle = \"j\"\nkind = \"value\"\nof = \"merton-jump\"\npayoff = \"max(x - 1, 0)\"\ndiscount = \"mu\"\nexpiry = 1\n";
    let model = read("j.toml", jumps)?;
    let growth = -0.1 + 0.5 * 0.15 * 0.15;
    let mut exact = 0.0;
    let mut weight = exp(-0.5);
    for n in 0..30 {
        let sigma = (0.04 + f64::from(n) * 0.15f64.powi(2)).sqrt();
        let r = 0.05 - 0.5 * (exp(growth) - 1.0) + f64::from(n) * growth;
        exact += weight * exp(r - 0.05) * closed(1.0, 1.0, r, sigma, 1.0).0;
        weight *= 0.5 / f64::from(n + 1);
    }
    near(worth(&model, Form::MonteCarlo, &model.default_params().values, &[1.0])?, exact, 2e-4);
    Ok(())
}

#[test]
fn what_has_no_value_is_refused() -> Result<()> {
    let model = built_in("black-scholes")?;
    let refused = |theta: &[f64], x0: f64| worth(&model, Form::Exact, theta, &[x0]);
    assert!(matches!(refused(&[0.05, 0.2, 100.0, -1.0], 100.0), Err(Error::Numerics { .. })));
    assert!(matches!(refused(&THETA, -1.0), Err(Error::OutsideDomain { .. })));
    let wild = call("exp(x^2)", "", "");
    assert!(matches!(worth(&wild, Form::Exact, &THETA, &[100.0]), Err(Error::Numerics { .. })));
    assert!(matches!(worth(&model, Form::Euler, &THETA, &[100.0]), Err(Error::FormUnavailable { .. })));
    assert!(matches!(worth(&built_in("gbm")?, Form::Exact, &[0.1, 0.2], &[1.0]), Err(Error::FormUnavailable { .. })));
    Ok(())
}

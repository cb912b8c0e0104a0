use super::*;
use crate::base::{Result, math};
use crate::form::Transitions;
use crate::models::{Model, built_in, read};

/// Every form of this room.
fn forms() -> Vec<Form> {
    Form::ALL.into_iter().filter(|form| form.is_one_step()).collect()
}

fn pair(x0: f64, dt: f64) -> Pairs {
    Pairs { x0: vec![x0], x1: vec![x0 * 1.01 + 0.01], dt: vec![dt], t0: vec![0.0] }
}

fn model(domain: &str, params: &str, drift: &str, diffusion: &str) -> Model {
    let text = format!(
        "schema = 1\nid = \"r\"\ntitle = \"r\"\nkind = \"diffusion\"\n[state.x]\n{domain}\n{params}[dynamics]\ndrift.x = \"{drift}\"\n\
         diffusion.x = \"{diffusion}\"\n"
    );
    read("r.toml", &text).expect("a model")
}

fn parameter(name: &str) -> String {
    format!("[params.{name}]\nmeaning = \"a number\"\nunit = \"1\"\ndefault = 1.0\nbounds = [-10.0, 10.0]\n")
}

#[test]
fn kessler_moments_of_ou_match_the_exact_ones_to_third_order() -> Result<()> {
    let model = built_in("ou")?;
    let theta = [1.5, 0.5, 0.8];
    let kessler = Transitions::new(&model, Form::Kessler)?;
    let error = |dt: f64| {
        let m = kessler.moments(&theta, &pair(2.0, dt));
        let e = math::exp(-1.5 * dt);
        let mean = 0.5 + 1.5 * e;
        let variance = 0.64 * (1.0 - e * e) / 3.0;
        ((m.mean[0] - mean).abs(), (m.variance[0] - variance).abs())
    };
    let (coarse, fine) = (error(0.02), error(0.01));
    for (c, f) in [(coarse.0, fine.0), (coarse.1, fine.1)] {
        let order = (c / f).log2();
        assert!((order - 3.0).abs() < 0.1, "order {order}");
    }
    Ok(())
}

/// The eighth-order difference quotient of the log density against its gradient.
fn check_gradient(model: &Model, form: Form, theta: &[f64], pairs: &Pairs) -> Result<()> {
    let transitions = Transitions::new(model, form)?;
    let batch = transitions.log_density(theta, pairs, true);
    assert!(batch.value[0].is_finite(), "{} {form:?}: {}", model.id, batch.value[0]);
    for k in 0..theta.len() {
        let value = |h: f64| {
            let mut moved = theta.to_vec();
            moved[k] += h;
            transitions.log_density(&moved, pairs, false).value[0]
        };
        let h = 1e-3 * theta[k].abs().max(0.1);
        let weights = [(1.0, 0.8), (2.0, -0.2), (3.0, 4.0 / 105.0), (4.0, -1.0 / 280.0)];
        let quotient: f64 = weights.iter().map(|(j, w)| w * (value(j * h) - value(-j * h))).sum::<f64>() / h;
        let exact = batch.gradient[k][0];
        let allowed = 1e-8 * (1.0 + exact.abs());
        assert!((exact - quotient).abs() < allowed, "{} {form:?} {theta:?} {k}: {exact} {quotient}", model.id);
    }
    Ok(())
}

#[test]
fn the_gradient_of_every_form_is_its_difference_quotient() -> Result<()> {
    for id in ["ckls", "double-well", "logistic", "exp-ou", "cir", "jacobi", "cev"] {
        let model = built_in(id)?;
        let theta: Vec<f64> = model.params.iter().map(|p| p.default * 1.1).collect();
        for form in forms() {
            let (x0, dt) = if id == "jacobi" { (0.4, 0.03) } else { (0.8, 0.03) };
            check_gradient(&model, form, &theta, &pair(x0, dt))?;
        }
    }
    Ok(())
}

#[test]
fn gradients_hold_where_a_formula_has_a_hole() -> Result<()> {
    // The transform of a power at γ = 1, a drift without slope, noise without slope.
    let ckls = built_in("ckls")?;
    for theta in [[0.3, -0.4, 0.3, 1.0], [0.3, 0.0, 0.3, 1.0], [0.3, 0.0, 0.3, 0.0], [0.3, -1e-9, 0.3, 1.0 + 1e-9]] {
        for form in forms() {
            check_gradient(&ckls, form, &theta, &pair(0.8, 0.03))?;
        }
    }
    let wave = model("", &(parameter("k") + &parameter("s")), "-k*sin(x)", "s*(2 + cos(x))");
    for x0 in [0.0, std::f64::consts::PI, 1.3] {
        for form in forms().into_iter().filter(|form| *form != Form::Ozaki || x0 > 0.0) {
            check_gradient(&wave, form, &[0.7, 0.4], &pair(x0, 0.05))?;
        }
    }
    Ok(())
}

/// One-month rates of 1964-07 to 1989-04 in steps of a twelfth, where the reference data are at hand.
fn rates() -> Option<Pairs> {
    let Ok(text) = std::fs::read_to_string("../shared/fits/Irates.csv") else {
        eprintln!("skipped: no ../shared/fits/Irates.csv");
        return None;
    };
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = rows.next()?;
    let (month, rate) = (head.iter().position(|h| *h == "month")?, head.iter().position(|h| *h == "r1")?);
    let x: Vec<f64> = rows
        .filter(|row| ("1964-07"..="1989-04").contains(&row[month]))
        .filter_map(|row| row[rate].parse().ok())
        .collect();
    let n = x.len() - 1;
    let t0 = (0..n).map(|i| i as f64 / 12.0).collect();
    Some(Pairs { x0: x[..n].to_vec(), x1: x[1..].to_vec(), dt: vec![1.0 / 12.0; n], t0 })
}

#[test]
fn likelihoods_of_published_fits_to_interest_rates_are_those_published() -> Result<()> {
    let Some(pairs) = rates() else { return Ok(()) };
    assert_eq!(pairs.len(), 297);
    let ckls = built_in("ckls")?;
    for (form, theta, published) in [
        (Form::Euler, [2.076434, -0.26315, 0.1300836, 1.4518676], -237.878588),
        (Form::Kessler, [2.143741, -0.274403, 0.1258341, 1.4697654], -237.784465),
        (Form::KesslerTruncated, [2.12452336, -0.27081047, 0.1262316, 1.4682221], -237.799709),
        (Form::LocalLinear, [2.099539, -0.266078, 0.1315284, 1.4518676], -237.878588),
        (Form::ShojiOzaki, [2.2329795, -0.28799356, 0.15098222, 1.39773181], -248.475877),
    ] {
        let batch = Transitions::new(&ckls, form)?.log_density(&theta, &pairs, true);
        let total: f64 = batch.value.iter().sum();
        // The score against its standard deviation, the root of the sum of squares.
        let scores = batch.gradient.iter().map(|g| {
            let (sum, squares) = g.iter().fold((0.0, 0.0), |(s, q), v| (s + v, q + v * v));
            sum / f64::sqrt(squares)
        });
        let scores: Vec<f64> = scores.collect();
        assert!((total - published).abs() < 1e-5, "{}: {total} {published}", form.name());
        // Parameters are printed to seven digits: the score there is what the last of them leaves.
        assert!(scores.iter().all(|s| s.abs() < 2e-5), "{}: {scores:?}", form.name());
    }
    Ok(())
}

#[test]
fn milstein_goes_over_into_euler_where_the_noise_has_no_slope() -> Result<()> {
    let ckls = built_in("ckls")?;
    let (milstein, euler) = (Transitions::new(&ckls, Form::Milstein)?, Transitions::new(&ckls, Form::Euler)?);
    let pairs = pair(0.8, 0.03);
    let apart = |gamma: f64| {
        let theta = [0.3, -0.4, 0.3, gamma];
        let [m, e] = [&milstein, &euler].map(|form| form.log_density(&theta, &pairs, true));
        assert!(m.gradient.iter().all(|g| g[0].is_finite()));
        (m.value[0] - e.value[0]).abs()
    };
    assert!(apart(0.0) < 1e-14);
    // The difference is of first order in the slope down to round-off: nothing cancels.
    let (small, smaller) = (apart(1e-6), apart(1e-9));
    assert!((small / smaller / 1e3 - 1.0).abs() < 1e-3 && smaller > 0.0, "{small:e} {smaller:e}");
    Ok(())
}

#[test]
fn scores_are_the_integrals_of_the_densities() -> Result<()> {
    let falling = model("domain = [0.0, inf]\n", "", "0.5*(1 - x)", "0.5/(1 + x)");
    let rising = model("domain = [0.0, inf]\n", "", "0.5*(1 - x)", "0.5*x^1.3");
    let backwards = model("", "", "-x", "-0.4*(2 + sin(x))");
    for model in [falling, rising, backwards] {
        for form in forms() {
            let transitions = Transitions::new(&model, form)?;
            let dt = 0.1;
            for x1 in [0.8, 0.95, 1.1, 1.4] {
                let cdf = |x1: f64| {
                    let at = Pairs { x0: vec![1.0], x1: vec![x1], dt: vec![dt], t0: vec![0.0] };
                    math::normal_cdf(transitions.normal_scores(&[], &at)[0])
                };
                let h = 2e-3;
                let slope = (8.0 * (cdf(x1 + h) - cdf(x1 - h)) - (cdf(x1 + 2.0 * h) - cdf(x1 - 2.0 * h))) / (12.0 * h);
                let at = Pairs { x0: vec![1.0], x1: vec![x1], dt: vec![dt], t0: vec![0.0] };
                let density = math::exp(transitions.log_density(&[], &at, false).value[0]);
                // The series is divided by its whole, which is one to a few digits.
                let allowed = if form == Form::Expansion { 1e-4 } else { 1e-6 };
                assert!((slope - density).abs() < allowed, "{form:?} {x1}: {slope} {density}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_law_in_a_table_is_that_of_the_scores() -> Result<()> {
    let cir = built_in("cir")?;
    let theta = [1.2, 0.8, 0.5];
    let scalar = cir.scalar().expect("one state");
    for form in [Form::ShojiOzaki, Form::Milstein, Form::Expansion] {
        let expansion = Expansion::new(&scalar, form);
        let at = pair(1.0, 0.1);
        let law = expansion.tabulated(&scalar, &theta, &at).expect("a law");
        for x1 in [0.6, 0.9, 1.02, 1.5] {
            let at = Pairs { x1: vec![x1], ..at.clone() };
            let score = expansion.normal_scores(&scalar, &theta, &at)[0];
            let density = expansion.log_density(&scalar, &theta, &at, false).value[0];
            assert!((law.cdf(x1) - math::normal_cdf(score)).abs() < 1e-6, "{form:?} {x1}");
            let log_pdf = law.log_pdf(x1).expect("a density");
            assert!((log_pdf - density).abs() < 1e-4, "{form:?} {x1}: {log_pdf} {density}");
        }
    }
    Ok(())
}

#[test]
fn noise_that_changes_with_time_is_followed() -> Result<()> {
    // dx = -k x dt + e^(g t) dW: mean and variance in closed form.
    let (k, g) = (1.5f64, 0.8f64);
    let changing = model("", "", &format!("-{k}*x"), &format!("exp({g}*t)"));
    let error = |dt: f64| -> Result<f64> {
        let transitions = Transitions::new(&changing, Form::ShojiOzaki)?;
        let (t0, x0) = (0.3f64, 0.7f64);
        let mean = x0 * (-k * dt).exp();
        let variance = (2.0 * g * t0).exp() * ((2.0 * g * dt).exp() - (-2.0 * k * dt).exp()) / (2.0 * (g + k));
        let x1: Vec<f64> = [-2.0, -1.0, 0.0, 1.0, 2.0].iter().map(|z| mean + z * variance.sqrt()).collect();
        let exact =
            x1.iter().map(|x| -0.5 * ((x - mean).powi(2) / variance + (2.0 * std::f64::consts::PI * variance).ln()));
        let n = x1.len();
        let exact: Vec<f64> = exact.collect();
        let pairs = Pairs { x0: vec![x0; n], x1, dt: vec![dt; n], t0: vec![t0; n] };
        let value = transitions.log_density(&[], &pairs, false).value;
        Ok(value.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
    };
    // The slope in y is constant, the trend is not: what is left is its change over the step, dt³ against √dt.
    let (coarse, fine) = (error(0.02)?, error(0.01)?);
    assert!(((coarse / fine).log2() - 2.5).abs() < 0.1, "{coarse:e} {fine:e}");
    let refused = Form::Expansion.why_not(&changing).expect("refused");
    assert!(refused.contains("change with time"), "{refused}");
    Ok(())
}

#[test]
fn what_the_state_cannot_pass_has_no_density() -> Result<()> {
    // The noise vanishes at zero, between the two states.
    let model = model("", "", "1 - x", "x");
    for form in [Form::ShojiOzaki, Form::Expansion] {
        let transitions = Transitions::new(&model, form)?;
        let at = Pairs { x0: vec![0.1], x1: vec![-0.1], dt: vec![0.1], t0: vec![0.0] };
        assert_eq!(transitions.log_density(&[], &at, false).value[0], f64::NEG_INFINITY, "{form:?}");
    }
    // Milstein's parabola ends.
    let at = Pairs { x0: vec![0.1], x1: vec![-0.5], dt: vec![0.1], t0: vec![0.0] };
    let value = Transitions::new(&model, Form::Milstein)?.log_density(&[], &at, false).value[0];
    assert_eq!(value, f64::NEG_INFINITY);
    Ok(())
}

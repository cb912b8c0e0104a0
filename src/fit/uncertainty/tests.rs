//! Covariances, profiles, the jackknife and derived quantities against closed forms and against a second way.

use super::likelihood::Likelihood;
use super::replicate::replicate;
use super::*;
use crate::base::{Result, Seed};
use crate::fit::{Fit, FormRequest, Observed, Settings, Status, fit};
use crate::form::{Form, Pairs};
use crate::models::{Model, built_in};
use crate::stats;

/// `count` series of `n` transitions every `dt`, drawn from the model at `theta` from `x0`.
pub(in crate::fit) fn drawn(
    model: &Model,
    theta: &[f64],
    x0: f64,
    n: usize,
    dt: f64,
    count: usize,
    seed: u64,
) -> Vec<Observed> {
    let times: Vec<f64> = (0..n).map(|i| i as f64 * dt).collect();
    let one = Pairs { x0: vec![x0; n], x1: vec![x0; n], dt: vec![dt; n], t0: times };
    let copies = replicate(model, theta, &one, count, Seed(seed), 0).expect("finite paths");
    copies.into_iter().map(|pairs| Observed { pairs, ln_jacobian: 0.0, weight: Vec::new() }).collect()
}

/// Settings that begin at `theta`.
pub(in crate::fit) fn from(model: &Model, theta: &[f64], form: Form) -> Settings {
    let initial = model.params.iter().map(|p| p.name.clone()).zip(theta.iter().copied()).collect();
    Settings { form: FormRequest::Asked(form), starts: 1, initial, ..Settings::default() }
}

struct Case {
    model: Model,
    data: Observed,
    settings: Settings,
    fit: Fit,
}

fn case(id: &str, theta: &[f64], x0: f64, n: usize, dt: f64, form: Form) -> Case {
    let model = built_in(id).expect("built in");
    let data = drawn(&model, theta, x0, n, dt, 1, 5).remove(0);
    let settings = from(&model, theta, form);
    let fit = fit(&model, &data, &settings).expect("a fit");
    assert_eq!(fit.status, Status::Converged, "{id}: {fit:?}");
    Case { model, data, settings, fit }
}

impl Case {
    fn covariance(&self, method: Method) -> Covariance {
        covariance(&self.model, &self.data, &self.settings, &self.fit, method).expect("a covariance")
    }

    fn profile(&self, name: &str) -> Profile {
        profile(&self.model, &self.data, &self.settings, &self.fit, name).expect("a profile")
    }

    /// Log-likelihood with one parameter held, by a fit of its own.
    fn held(&self, name: &str, value: f64) -> f64 {
        let settings = Settings { fixed: vec![(name.to_string(), value)], ..self.settings.clone() };
        fit(&self.model, &self.data, &settings).expect("a fit").log_likelihood.expect("kl")
    }
}

#[test]
fn observed_information_is_that_of_the_fit_and_the_sandwich_agrees_where_the_law_is_right() {
    let case = case("ou", &[2.0, 1.0, 0.5], 1.0, 4000, 0.05, Form::Exact);
    let observed = case.covariance(Method::Observed);
    let sandwich = case.covariance(Method::Sandwich);
    assert_eq!(case.covariance(Method::Hac { lags: Some(0) }).matrix, sandwich.matrix);
    let hac = case.covariance(Method::Hac { lags: None });
    for (k, p) in case.fit.params.iter().enumerate() {
        let (se, of) = (p.se.expect("se"), |c: &Covariance| c.se[k].expect("se"));
        assert!((of(&observed) / se - 1.0).abs() < 1e-4, "{} {se} {}", p.name, of(&observed));
        assert_eq!(observed.interval[k].map(|i| i.0 < p.estimate && p.estimate < i.1), Some(true));
        // A variance from 4,000 scores has a relative error of √(2/n); Bartlett's nine lags make it √(4·9/3n).
        assert!((of(&sandwich) / se - 1.0).abs() < 4.0 * 0.5 * (2.0f64 / 4000.0).sqrt() * 2.0, "{}", p.name);
        assert!((of(&hac) / se - 1.0).abs() < 4.0 * 0.5 * (12.0f64 / 4000.0).sqrt(), "{}", p.name);
    }
}

#[test]
fn the_sandwich_of_a_wrong_law_is_the_closed_one() {
    // Steps of plus or minus one or three: the standard error of sigma follows from their fourth moment.
    let step = |i: usize| [1.0, -1.0, 1.0, -1.0, 3.0, -1.0, -3.0, 1.0, 1.0, -1.0][(i * 7) % 10];
    let mut x = vec![0.0];
    (0..500).for_each(|i| x.push(x[i] + step(i)));
    let pairs =
        Pairs { x0: x[..500].to_vec(), x1: x[1..].to_vec(), dt: vec![1.0; 500], t0: (0..500).map(f64::from).collect() };
    let (model, data) = (built_in("bm").expect("bm"), Observed { pairs, ln_jacobian: 0.0, weight: Vec::new() });
    let settings = from(&model, &[0.1, 1.0], Form::Exact);
    let fit = fit(&model, &data, &settings).expect("a fit");
    let (mu, sigma) = (fit.theta[0], fit.theta[1]);
    let fourth: Vec<f64> = (0..500).map(|i| ((step(i) - mu).powi(2) / sigma.powi(2) - 1.0).powi(2)).collect();
    let wanted = sigma * (stats::mean(&fourth) / 4.0 / 500.0).sqrt();
    let found = covariance(&model, &data, &settings, &fit, Method::Sandwich).expect("a covariance");
    assert!((found.se[1].expect("se") / wanted - 1.0).abs() < 1e-4);
    assert!((fit.params[1].se.expect("se") / wanted - 1.0).abs() > 0.05, "the fit's own is of the wrong law");
}

#[test]
fn the_profile_of_brownian_motion_is_the_closed_one() {
    let case = case("bm", &[0.3, 0.7], 0.0, 60, 0.25, Form::Exact);
    let (mu, sigma, n) = (case.fit.theta[0], case.fit.theta[1], 60.0f64);
    let of_mu = case.profile("mu");
    // n/2 ln(1 + d² dt/σ²)
    let half = sigma * 2.0 * ((POINT * POINT / n).exp() - 1.0).sqrt();
    let se = case.fit.params[0].se.expect("se");
    for (end, wanted) in [(of_mu.lower, mu - half), (of_mu.upper, mu + half)] {
        assert!((end.value().expect("closed") - wanted).abs() < 2e-3 * se, "{end:?} {wanted}");
    }
    assert_eq!(of_mu.curve.len(), 21);
    for (value, drop) in &of_mu.curve {
        let d = value - mu;
        let wanted = 0.5 * n * (1.0 + d * d * 0.25 / (sigma * sigma)).ln();
        assert!((drop - wanted).abs() < 2e-6 + 1e-6 * wanted, "{value}: {drop} {wanted}");
    }
    for (value, drop) in &case.profile("sigma").curve {
        let wanted = n * ((value / sigma).ln() + 0.5 * (sigma / value).powi(2) - 0.5);
        assert!((drop - wanted).abs() < 2e-6 + 1e-6 * wanted, "{value}: {drop} {wanted}");
    }
    assert!(of_mu.finding().is_none() && of_mu.gain < 1e-6);
}

#[test]
fn at_the_ends_of_a_profile_a_fit_with_the_parameter_held_is_1_92_lower() {
    let ou = case("ou", &[1.0, 1.0, 0.5], 1.0, 300, 1.0 / 12.0, Form::Exact);
    let cir = case("cir", &[1.0, 1.0, 0.5], 1.0, 300, 1.0 / 12.0, Form::Exact);
    let ckls = case("ckls", &[1.0, -1.0, 0.4, 0.8], 1.0, 300, 1.0 / 12.0, Form::Kessler);
    for case in [ou, cir, ckls] {
        let best = case.fit.log_likelihood.expect("kl");
        for p in &case.fit.params {
            let profile = case.profile(&p.name);
            for end in [profile.lower, profile.upper] {
                let value = end.value().unwrap_or_else(|| panic!("{} {}: {profile:?}", case.model.id, p.name));
                let drop = best - case.held(&p.name, value);
                assert!((drop - 1.920_729).abs() < 3e-3, "{} {} {value}: {drop}", case.model.id, p.name);
            }
            assert!(profile.passes < 400, "{} {}: {}", case.model.id, p.name, profile.passes);
        }
    }
}

#[test]
fn near_a_unit_root_each_end_is_where_it_says_and_open_only_where_the_likelihood_stays() {
    let model = built_in("ou").expect("ou");
    let theta = [0.1, 1.0, 0.5];
    let mut open = 0;
    for data in drawn(&model, &theta, 1.0, 300, 1.0 / 12.0, 12, 6) {
        let settings = from(&model, &theta, Form::Exact);
        let fit = fit(&model, &data, &settings).expect("a fit");
        let case = Case { model: model.clone(), data, settings, fit };
        let best = case.fit.log_likelihood.expect("kl");
        let found = case.profile("kappa");
        let upper = found.upper.value().expect("fast returns are ruled out");
        assert!((best - case.held("kappa", upper) - 1.920_729).abs() < 3e-3, "{found:?}");
        match found.lower {
            End::At(lower) => assert!((best - case.held("kappa", lower) - 1.920_729).abs() < 3e-3, "{found:?}"),
            End::Open => {
                open += 1;
                assert!(best - case.held("kappa", found.estimate * 1e-3) < 1.93, "{found:?}");
            }
        }
    }
    assert!((1..12).contains(&open), "{open} of 12");
}

#[test]
fn a_speed_the_data_cannot_tell_has_an_open_profile() {
    // Half a year of daily rows of a process that takes years to return.
    let case = case("ou", &[0.2, 1.0, 0.5], 1.0, 125, 1.0 / 252.0, Form::Exact);
    let profile = case.profile("kappa");
    assert_eq!(profile.lower, End::Open, "{profile:?}");
    assert!(profile.upper.value().is_some_and(|u| u > case.fit.theta[0]));
    assert!(profile.finding().expect("a finding").contains("cannot tell kappa"));
}

#[test]
fn a_parameter_that_was_held_or_is_unknown_has_no_profile_and_least_squares_no_curvature() {
    let case = case("ou", &[2.0, 1.0, 0.5], 1.0, 200, 0.05, Form::Exact);
    let settings = Settings { fixed: vec![("theta".into(), 1.0)], ..case.settings.clone() };
    let held = fit(&case.model, &case.data, &settings).expect("a fit");
    assert!(profile(&case.model, &case.data, &settings, &held, "theta").is_err());
    assert!(profile(&case.model, &case.data, &settings, &held, "thta").is_err());
    let c = covariance(&case.model, &case.data, &settings, &held, Method::Observed).expect("two free");
    assert!(c.se[1].is_none() && c.matrix[1] == [0.0; 3] && c.se[0].is_some());
    let settings = Settings { objective: crate::fit::Objective::Mse, ..case.settings.clone() };
    let squares = fit(&case.model, &case.data, &settings).expect("a fit");
    let refused =
        covariance(&case.model, &case.data, &settings, &squares, Method::Observed).expect_err("no likelihood");
    assert!(refused.hints()[0].contains("bootstrap"), "{refused}");
}

#[test]
fn the_information_of_an_ou_process_is_the_expected_one_to_sampling() {
    // Sørensen & Forman (2008): for exact data the drift's information a row is that of an AR(1) model.
    let case = case("ou", &[1.0, 0.5, 0.6], 0.5, 20_000, 0.1, Form::Exact);
    let likelihood = Likelihood::new(&case.model, &case.data, &case.settings, &case.fit).expect("kl");
    let information = likelihood.information(&likelihood.interior());
    let (kappa, sigma) = (case.fit.theta[0], case.fit.theta[2]);
    let phi = (-kappa * 0.1).exp();
    // I(θ) = n (1 - φ)²/v with v the one-step variance.
    let v = sigma * sigma * (1.0 - phi * phi) / (2.0 * kappa);
    let wanted = 20_000.0 * (1.0 - phi).powi(2) / v;
    assert!((information[(1, 1)] / wanted - 1.0).abs() < 1e-6, "{} {wanted}", information[(1, 1)]);
}

#[test]
fn the_jackknife_is_the_combination_of_its_parts() -> Result<()> {
    let case = case("ou", &[1.0, 1.0, 0.5], 1.0, 400, 0.1, Form::Exact);
    for m in 2..=4 {
        let found = jackknife(&case.model, &case.data, &case.settings, &case.fit, m)?;
        for p in &found.params {
            let parts = p.parts.iter().sum::<f64>();
            let m = m as f64;
            let wanted = (m * p.estimate - parts / m) / (m - 1.0);
            assert!((p.corrected.expect("fitted") - wanted).abs() < 1e-12 * (1.0 + wanted.abs()));
        }
        // A part is a fit of those rows alone.
        let rows = 400 / m;
        let take = |v: &[f64]| v[..rows].to_vec();
        let pairs = &case.data.pairs;
        let part = Pairs { x0: take(&pairs.x0), x1: take(&pairs.x1), dt: take(&pairs.dt), t0: take(&pairs.t0) };
        let alone = fit(&case.model, &Observed { pairs: part, ln_jacobian: 0.0, weight: Vec::new() }, &case.settings)?;
        assert!((alone.theta[0] / found.params[0].parts[0] - 1.0).abs() < 1e-5);
    }
    assert!(jackknife(&case.model, &case.data, &case.settings, &case.fit, 5).is_err());
    Ok(())
}

#[test]
fn a_speed_is_read_off_the_drift() {
    let ou = case("ou", &[1.0, 1.0, 0.5], 1.0, 300, 1.0 / 12.0, Form::Exact);
    let found = speed(&ou.model, &ou.data, &ou.fit).expect("straight");
    assert_eq!((found.text.as_str(), found.parameter.as_deref()), ("kappa", Some("kappa")));
    let turn = (found.estimate / 12.0).exp();
    assert!((found.bias.expect("known") - (2.5 + turn + 0.5 * turn * turn) / 25.0).abs() < 1e-12);
    let settings = Settings { fixed: vec![("theta".into(), 1.0)], ..ou.settings.clone() };
    let known = fit(&ou.model, &ou.data, &settings).expect("a fit");
    let bias = speed(&ou.model, &ou.data, &known).and_then(|s| s.bias).expect("known");
    assert!((0.08..0.1).contains(&bias), "2/T and a little: {bias}");
    let cir = case("cir", &[1.0, 1.0, 0.5], 1.0, 300, 1.0 / 12.0, Form::Exact);
    let found = speed(&cir.model, &cir.data, &cir.fit).expect("straight");
    assert!((found.bias.expect("known") - 4.0 / 25.0).abs() < 1e-12);
    let ckls = case("ckls", &[1.0, -1.0, 0.4, 0.8], 1.0, 300, 1.0 / 12.0, Form::Kessler);
    let found = speed(&ckls.model, &ckls.data, &ckls.fit).expect("straight");
    assert_eq!((found.text.as_str(), found.parameter, found.bias), ("-beta", None, None));
    assert!(speed::Straight::of(&built_in("double-well").expect("built in")).is_none());
    assert!(speed::Straight::of(&built_in("bm").expect("built in")).is_none());
}

#[test]
fn functions_of_parameters_have_the_errors_of_the_delta_method() -> Result<()> {
    let case = case("ou", &[1.0, 1.0, 0.5], 1.0, 600, 1.0 / 12.0, Form::Exact);
    let c = case.covariance(Method::Observed);
    let (kappa, sigma) = (case.fit.theta[0], case.fit.theta[2]);
    let p = case.profile("kappa");
    let profiles = [p];
    let half = derived(&case.model, &case.fit, Some(&c), None, &profiles, "log(2)/kappa")?;
    let se = 2f64.ln() / (kappa * kappa) * c.se[0].expect("se");
    assert!((half.se.expect("se") / se - 1.0).abs() < 1e-12);
    // In the logarithm: the parameter's own interval turned over.
    let (lower, upper) = c.interval[0].expect("an interval");
    let (low, high) = half.interval.expect("an interval");
    assert!((low * upper / 2f64.ln() - 1.0).abs() < 1e-10 && (high * lower / 2f64.ln() - 1.0).abs() < 1e-10);
    let (low, high) = half.profile.expect("monotone");
    assert!((low.value().expect("closed") - 2f64.ln() / profiles[0].upper.value().expect("closed")).abs() < 1e-12);
    assert!(low.value() < high.value());
    let spread = derived(&case.model, &case.fit, Some(&c), None, &profiles, "sigma/sqrt(2*kappa)")?;
    let g = [-0.5 * spread.estimate / kappa, 0.0, spread.estimate / sigma];
    let variance: f64 = (0..3).map(|i| (0..3).map(|j| g[i] * c.matrix[i][j] * g[j]).sum::<f64>()).sum();
    assert!((spread.se.expect("se") / variance.sqrt() - 1.0).abs() < 1e-10);
    assert!(spread.profile.is_none());
    let standard = standard_quantities(&case.model, &case.fit, Some(&c), None);
    let names: Vec<&str> = standard.iter().map(|q| q.text.as_str()).collect();
    assert_eq!(names, ["half-life", "stationary mean", "stationary sd"]);
    for (a, b) in [(&standard[0], &half), (&standard[2], &spread)] {
        assert!((a.estimate / b.estimate - 1.0).abs() < 1e-12);
        assert!((a.se.expect("se") / b.se.expect("se") - 1.0).abs() < 1e-10);
    }
    // Negative where it may be.
    let shift = derived(&case.model, &case.fit, Some(&c), None, &[], "theta - 1")?;
    let (low, high) = shift.interval.expect("an interval");
    assert!((0.5 * (low + high) - shift.estimate).abs() < 1e-12);
    assert!(derived(&case.model, &case.fit, Some(&c), None, &[], "log(2)/kapa").is_err());
    assert!(derived(&case.model, &case.fit, Some(&c), None, &[], "log(-kappa)").is_err());
    Ok(())
}

#[test]
fn stationary_quantities_of_the_text_and_of_the_law_agree() -> Result<()> {
    // In the logarithm's coordinate nothing is straight, so the law is integrated; cir is straight.
    let cir = case("cir", &[1.0, 1.0, 0.5], 1.0, 300, 1.0 / 12.0, Form::Exact);
    let c = cir.covariance(Method::Observed);
    let standard = standard_quantities(&cir.model, &cir.fit, Some(&c), None);
    let law = crate::form::stationary::stationary(&cir.model, &cir.fit.theta, 0)?;
    assert!((standard[1].estimate / law.mean().expect("mean") - 1.0).abs() < 1e-7);
    assert!((standard[2].estimate / law.sd().expect("sd") - 1.0).abs() < 1e-6);
    let ckls = case("ckls", &[1.0, -1.0, 0.4, 0.8], 1.0, 300, 1.0 / 12.0, Form::Kessler);
    let c = ckls.covariance(Method::Observed);
    let standard = standard_quantities(&ckls.model, &ckls.fit, Some(&c), None);
    let wanted = derived(&ckls.model, &ckls.fit, Some(&c), None, &[], "-alpha/beta")?;
    assert_eq!(standard.len(), 3);
    assert!((standard[1].estimate / wanted.estimate - 1.0).abs() < 1e-12);
    assert!((standard[1].se.expect("se") / wanted.se.expect("se") - 1.0).abs() < 1e-10);
    // The law's mean, by quadrature and differences, is the straight drift's.
    let law = crate::form::stationary::stationary(&ckls.model, &ckls.fit.theta, 0)?;
    assert!((law.mean().expect("mean") / wanted.estimate - 1.0).abs() < 1e-6);
    assert!(standard[2].se.is_some_and(|s| s > 0.0 && s < standard[2].estimate));
    Ok(())
}

use super::*;
use crate::base::rng::Key;
use crate::base::{Purpose, Seed, math};
use crate::form::{Accuracy, exact, marginals as answer};
use crate::models::{built_in, built_in_ids, read as read_model};

fn defaults(model: &Model) -> Vec<f64> {
    model.params.iter().map(|p| p.default).collect()
}

fn key() -> Key {
    Seed(1).key(Purpose::Simulation, 0, 0)
}

/// Moments at one time, from time zero.
fn at(id: &str, theta: &[f64], start: &[f64], t: f64) -> ClosedMoments {
    let model = built_in(id).expect(id);
    closed_moments(&model, theta, start, 0.0, &[t]).unwrap_or_else(|| panic!("{id} closes")).expect(id)
}

fn close(found: f64, wanted: f64, what: &str) {
    assert!((found - wanted).abs() <= 1e-10 * wanted.abs().max(1e-3), "{what}: {found} against {wanted}");
}

fn covariance(m: &ClosedMoments, i: usize, j: usize) -> f64 {
    m.covariance.as_ref().expect("a covariance")[0][i][j]
}

#[test]
fn the_closed_laws_have_these_moments() {
    for (id, theta, x0) in [
        ("bm", vec![0.3, 0.7], 1.2),
        ("gbm", vec![0.1, 0.3], 80.0),
        ("ou", vec![1.5, 0.5, 0.8], 2.0),
        ("cir", vec![0.5, 0.9, 0.4], 0.3),
    ] {
        let model = built_in(id).expect(id);
        let claim = model.law.as_ref().expect("a law");
        let arguments = claim.arguments_at(&model.scalar().expect("one state"), &theta);
        for t in [1e-6, 0.01, 0.7, 5.0, 60.0] {
            let law = exact::transition(claim.law, &arguments, x0, t);
            let m = at(id, &theta, &[x0], t);
            close(m.mean[0][0], law.mean().expect("a mean"), &format!("{id} mean at {t}"));
            let sd = law.sd().expect("an sd");
            assert!((m.sd(0, 0).expect("an sd") / sd - 1.0).abs() < 1e-10, "{id} sd at {t}");
        }
    }
}

#[test]
fn jumps_add_their_moments() {
    let t = 1.7;
    // d E[x²]/dt = (2 mu + sigma² + lambda E(e^J - 1)²) E[x²].
    for (id, theta, squares) in [
        ("merton-jump", vec![0.05, 0.2, 0.5, -0.1, 0.15], {
            let (m, s) = (-0.1f64, 0.15f64);
            0.5 * ((2.0 * m + 2.0 * s * s).exp() - 2.0 * (m + 0.5 * s * s).exp() + 1.0)
        }),
        ("kou", vec![0.05, 0.16, 1.0, 0.4, 10.0, 5.0], {
            let mgf = |c: f64| 0.4 * 10.0 / (10.0 - c) + 0.6 * 5.0 / (5.0 + c);
            mgf(2.0) - 2.0 * mgf(1.0) + 1.0
        }),
    ] {
        let m = at(id, &theta, &[1.3], t);
        let mean = 1.3 * (0.05 * t).exp();
        close(m.mean[0][0], mean, id);
        close(covariance(&m, 0, 0), mean * mean * math::exp_m1((theta[1] * theta[1] + squares) * t), id);
    }
    let (kappa, theta, sigma, lambda, mj, sj) = (1.2, 0.3, 0.8, 0.7, 0.4, 1.1);
    let m = at("ou-jump", &[kappa, theta, sigma, lambda, mj, sj], &[2.0], t);
    let level = theta + lambda * mj / kappa;
    close(m.mean[0][0], level + (2.0 - level) * (-kappa * t).exp(), "ou-jump mean");
    let rate = sigma * sigma + lambda * (mj * mj + sj * sj);
    close(covariance(&m, 0, 0), rate * (1.0 - (-2.0 * kappa * t).exp()) / (2.0 * kappa), "ou-jump variance");
}

/// Variance of the log price of Heston's model from `v = theta`: `E I + Var(I)/4 - Cov(I, M)` with `I = ∫v dt`, `M = ∫√v dW`.
fn heston_variance(kappa: f64, theta: f64, xi: f64, rho: f64, t: f64) -> f64 {
    let e = (-kappa * t).exp();
    let lost = (1.0 - e) / kappa;
    let var_i = xi * xi * theta / (kappa * kappa) * (t - lost - (1.0 - e * e) / (2.0 * kappa) + e * (1.0 - e) / kappa);
    theta * t + 0.25 * var_i - rho * xi * theta / kappa * (t - lost)
}

#[test]
fn stochastic_volatility_has_its_known_moments() {
    let (kappa, theta, xi, rho, mu, t) = (2.0, 0.04, 0.3, -0.7, 0.05, 0.8);
    let start = [100f64.ln(), theta];
    let m = at("heston", &[kappa, theta, xi, rho, mu], &start, t);
    let e = (-kappa * t).exp();
    close(m.mean[0][0], start[0] + (mu - 0.5 * theta) * t, "heston E y");
    close(m.mean[0][1], theta, "heston E v");
    close(covariance(&m, 1, 1), xi * xi * theta / (2.0 * kappa) * (1.0 - e * e), "heston Var v");
    close(covariance(&m, 0, 0), heston_variance(kappa, theta, xi, rho, t), "heston Var y");
    let (lambda, mj, sj) = (0.5, -0.1, 0.15);
    let b = at("bates", &[kappa, theta, xi, rho, mu, lambda, mj, sj], &start, t);
    let kbar = (mj + 0.5 * sj * sj).exp() - 1.0;
    close(b.mean[0][0], start[0] + (mu - lambda * kbar - 0.5 * theta + lambda * mj) * t, "bates E y");
    close(covariance(&b, 0, 0), covariance(&m, 0, 0) + lambda * (mj * mj + sj * sj) * t, "bates Var y");
    close(covariance(&b, 1, 0), covariance(&m, 1, 0), "bates Cov");
    let (xi, speed) = (1.1, 2.0 * kappa - 1.21);
    // Correlated, Cov(y, v) wants E v^(3/2).
    let model = built_in("garch-diffusion").expect("built in");
    let open =
        closed_moments(&model, &[kappa, theta, xi, rho, mu], &start, 0.0, &[t]).expect("a mean").expect("finite");
    assert!(open.covariance.is_none());
    let g = at("garch-diffusion", &[kappa, theta, xi, 0.0, mu], &start, t);
    let wanted = xi * xi * theta * theta / speed * (1.0 - (-speed * t).exp());
    close(covariance(&g, 1, 1) * 1e3, wanted * 1e3, "garch Var v");
}

#[test]
fn several_states_and_bounded_ones_have_theirs() {
    let (a, b, s, h, rho, t) = (0.77, 0.08, 0.022, 0.01, -0.7, 3.0);
    let m = at("two-factor-gaussian", &[a, b, s, h, rho, 0.03], &[0.01, -0.02], t);
    close(m.mean[0][0], 0.01 * (-a * t).exp(), "x");
    let wanted = rho * s * h * (1.0 - (-(a + b) * t).exp()) / (a + b);
    close(covariance(&m, 0, 1) * 1e4, wanted * 1e4, "two-factor covariance");
    let m = at("correlated-gbm", &[0.05, 0.03, 0.2, 0.3, 0.5], &[2.0, 3.0], t);
    close(covariance(&m, 0, 1), 6.0 * (0.08 * t).exp() * math::exp_m1(0.5 * 0.06 * t), "correlated-gbm");
    let (kappa, theta, sigma) = (1.0, 0.4, 0.5);
    let m = at("jacobi", &[kappa, theta, sigma], &[theta], t);
    let speed = 2.0 * kappa + sigma * sigma;
    close(covariance(&m, 0, 0), sigma * sigma * theta * 0.6 / speed * (1.0 - (-speed * t).exp()), "jacobi");
    let m = at("pearson-student", &[1.0, 0.2, 0.1, 1.5], &[0.2], t);
    close(covariance(&m, 0, 0), 0.1 * 2.25 / 0.9 * (1.0 - (-1.8 * t).exp()), "pearson-student");
}

#[test]
fn networks_of_first_order_have_binomial_and_poisson_moments() {
    let t = 2.3;
    let m = at("immigration-death", &[1.0, 0.1], &[7.0], t);
    let p = (-0.1 * t).exp();
    close(m.mean[0][0], 7.0 * p + 10.0 * (1.0 - p), "immigration-death mean");
    close(covariance(&m, 0, 0), 7.0 * p * (1.0 - p) + 10.0 * (1.0 - p), "immigration-death variance");
    let m = at("reversible-isomerisation", &[0.3, 0.2], &[100.0, 0.0], t);
    let p = 0.4 + 0.6 * (-0.5 * t).exp();
    close(m.mean[0][0], 100.0 * p, "isomerisation mean");
    close(covariance(&m, 0, 0), 100.0 * p * (1.0 - p), "isomerisation variance");
    close(covariance(&m, 0, 1), -100.0 * p * (1.0 - p), "isomerisation covariance");
    let m = at("consecutive-first-order", &[1.0, 0.5], &[100.0, 0.0, 0.0], t);
    let (a, b) = ((-t).exp(), 2.0 * ((-0.5 * t).exp() - (-t).exp()));
    close(m.mean[0][1], 100.0 * b, "consecutive mean");
    close(covariance(&m, 1, 1), 100.0 * b * (1.0 - b), "consecutive variance");
    close(covariance(&m, 0, 1), -100.0 * a * b, "consecutive covariance");
    close(covariance(&m, 1, 2), -100.0 * b * (1.0 - a - b), "consecutive covariance");
    // Peccoud & Ycart (1995): mean and Fano factor of the stationary law.
    let (kon, koff, kr, kd) = (0.5, 1.0, 30.0, 1.0);
    let m = at("telegraph-gene", &[kon, koff, kr, kd], &[1.0, 0.0, 0.0], 200.0);
    let mean = kr * kon / ((kon + koff) * kd);
    close(m.mean[0][2], mean, "telegraph mean");
    let fano = 1.0 + kr * koff / ((kon + koff) * (kon + koff + kd));
    close(covariance(&m, 2, 2), mean * fano, "telegraph variance");
}

#[test]
fn steps_to_many_times_are_the_steps_to_each_and_a_random_start_is_carried_on() {
    let model = built_in("heston").expect("heston");
    let theta = defaults(&model);
    let start = [4.6, 0.09];
    let times = [0.25, 0.5, 0.75, 2.0];
    let all = closed_moments(&model, &theta, &start, 0.0, &times).expect("closed").expect("finite");
    for (k, t) in times.into_iter().enumerate() {
        let one = at("heston", &theta, &start, t);
        for i in 0..2 {
            assert!((all.mean[k][i] - one.mean[0][i]).abs() < 1e-13);
            assert!((all.sd(k, i).expect("sd") / one.sd(0, i).expect("sd") - 1.0).abs() < 1e-12);
        }
    }
    let half = &all.covariance.as_ref().expect("a covariance")[1];
    let from = closed_moments_from(&model, &theta, (&all.mean[1], half), 0.5, &[2.0]).expect("closed").expect("finite");
    for (i, j) in [(0, 0), (0, 1), (1, 1)] {
        let (found, wanted) = (covariance(&from, i, j), all.covariance.as_ref().expect("a covariance")[3][i][j]);
        assert!((found / wanted - 1.0).abs() < 1e-11, "{i} {j}: {found} {wanted}");
    }
}

#[test]
fn what_is_not_closed_says_why() {
    let why = |id: &str| why_not(&built_in(id).expect(id)).unwrap_or_else(|| panic!("{id} is closed"));
    assert_eq!(why("double-well"), "the drift of x is not linear in the states");
    assert_eq!(why("dimerisation"), "the propensity of 'dimerisation' is not linear in the species");
    assert_eq!(why("brownian-motor"), "its coefficients change with time");
    assert_eq!(why("tilted-periodic"), "the drift of x is not linear in the states");
    assert!(why("sabr").contains("absorbing"));
    assert_eq!(why("harmonic-oscillator"), "it is a potential");
    // A mean without a variance: any gamma up to one. Above, the mean of a strict local martingale is lost.
    let ckls = |gamma: f64| {
        let model = built_in("ckls").expect("ckls");
        closed_moments(&model, &[0.5, -0.5, 0.3, gamma], &[2.0], 0.0, &[1.0])
    };
    let mean = ckls(0.8).expect("a mean").expect("finite");
    close(mean.mean[0][0], 1.0 + (-0.5f64).exp(), "ckls");
    assert!(mean.covariance.is_none());
    assert!(ckls(0.5).expect("a mean").expect("finite").covariance.is_some());
    assert!(ckls(1.0).expect("a mean").expect("finite").covariance.is_some());
    assert!(ckls(1.5).is_none());
    // Instantaneous reflection at zero adds to the mean.
    assert!(ckls(0.3).is_none());
    let infinite = at("kou", &[0.05, 0.16, 1.0, 0.4, 1.9, 5.0], &[1.0], 1.0);
    assert!(infinite.covariance.is_none() && infinite.mean[0][0] > 1.0);
}

#[test]
fn reflection_and_an_outward_drift_are_not_closed() {
    let bm = crate::models::built_in_text("bm").expect("bm");
    let no_law: String = bm.lines().filter(|l| !l.starts_with("law")).map(|l| format!("{l}\n")).collect();
    let half = no_law.replace("[-inf, inf]\n\n[params.mu]", "[0.0, inf]\n\n[params.mu]");
    assert_ne!(half, no_law);
    let model = read_model("half.toml", &half).expect("reads");
    assert!(why_not(&model).expect("sent back at zero").contains("sent back"));
    let feller = crate::models::built_in_text("cir").expect("cir").replace("law ", "#law ");
    let outward = feller.replace("kappa*(theta - x)", "-kappa*(theta + x)");
    let model = read_model("outward.toml", &outward).expect("reads");
    assert!(why_not(&model).is_some());
}

#[test]
fn a_self_exciting_intensity_has_its_known_mean() {
    // Hawkes (1971) in Markov form: dλ = β(μ - λ) dt, jumps of α at rate λ, counts n.
    let text = r#"
schema = 1
id = "hawkes"
title = "Self-exciting counts"
kind = "diffusion"
[state.l]
domain = [0.0, inf]
boundary = "natural"
[state.n]
[params.beta]
default = 2.0
[params.mu]
default = 1.5
[params.alpha]
default = 0.9
[dynamics]
drift.l = "beta*(mu - l)"
drift.n = "0"
[dynamics.diffusion]
[[jump]]
rate = "l"
after.l = "l + alpha"
after.n = "n + 1"
"#;
    let model = read_model("hawkes.toml", text).unwrap_or_else(|e| panic!("{e}"));
    let (beta, mu, alpha, t) = (2.0f64, 1.5, 0.9, 1.3);
    let m = closed_moments(&model, &[beta, mu, alpha], &[mu, 0.0], 0.0, &[t]).expect("closed").expect("finite");
    let (speed, level) = (beta - alpha, beta * mu / (beta - alpha));
    let e = (-speed * t).exp();
    close(m.mean[0][0], level + (mu - level) * e, "intensity");
    close(m.mean[0][1], level * t + (mu - level) * (1.0 - e) / speed, "counts");
    assert!(covariance(&m, 1, 1) > m.mean[0][1], "self-exciting counts are overdispersed");
}

#[test]
fn a_linear_process_is_answered_exactly_by_a_normal_law() {
    let model = built_in("two-factor-gaussian").expect("built in");
    assert!(is_gaussian(&model) && Form::of_choice(&model) == Form::Exact);
    let theta = defaults(&model);
    let question = Question {
        theta: &theta,
        start: &[0.01, -0.02],
        t0: 0.5,
        times: &[1.0, 3.5],
        accuracy: Accuracy::default(),
        key: key(),
    };
    let laws = answer(&model, Form::Exact, &question).expect("an answer");
    let sd = (0.022f64 * 0.022 * (1.0 - (-2.0 * 0.77 * 3.0f64).exp()) / (2.0 * 0.77)).sqrt();
    assert_eq!(laws.len(), 2);
    assert!((laws[1][0].sd().expect("an sd") / sd - 1.0).abs() < 1e-12);
    for id in ["correlated-gbm", "heston", "merton-jump"] {
        assert!(why_not_gaussian(&built_in(id).expect(id)).is_some(), "{id} is not normal");
    }
    for id in ["double-well", "ckls"] {
        let model = built_in(id).expect(id);
        let why = Form::Exact.why_not(&model).unwrap_or_else(|| panic!("{id} has no closed law"));
        assert!(answer(&model, Form::Exact, &question).is_err(), "{id}: {why}");
    }
    // Integrated noise is normal too; what no noise reaches is a number and has no density.
    let text = |noise: &str| {
        format!(
            "schema = 1\nid = \"p\"\ntitle = \"p\"\nkind = \"diffusion\"\nnoise = [\"w\"]\n[state.x]\n[state.v]\n[dynamics]\ndrift.x = \"{noise}\"\ndrift.v = \"-v\"\ndiffusion.v.w = \"1\"\n"
        )
    };
    assert!(is_gaussian(&read_model("p.toml", &text("v")).expect("reads")));
    let still = read_model("p.toml", &text("-x")).expect("reads");
    assert_eq!(Form::Exact.why_not(&still).as_deref(), Some("no noise reaches x, so it has no density"));
}

#[test]
fn the_equations_read_as_a_person_writes_them() {
    let of = |id: &str| moment_formulas(&built_in(id).expect(id));
    assert_eq!(
        of("ou"),
        [
            "d E[x]/dt = kappa*(theta - E[x])",
            "E[x] = theta + (x0 - theta)*exp(-kappa*t)",
            "d Var[x]/dt = sigma^2 - 2*kappa*Var[x]"
        ]
    );
    assert_eq!(of("gbm")[1], "E[x] = x0*exp(mu*t)");
    assert_eq!(of("cir")[2], "d Var[x]/dt = sigma^2*E[x] - 2*kappa*Var[x]");
    assert!(of("double-well").is_empty());
    assert_eq!(of("ckls").len(), 2);
    let merton = of("merton-jump").join("; ");
    assert!(merton.contains("E[") && merton.contains("exp(J)"), "{merton}");
}

#[test]
fn every_built_in_model_is_closed_or_says_why() {
    // Some files want functions that this tree's expressions do not have yet; the registry's own test reads them all.
    for (id, model) in built_in_ids().filter_map(|id| Some((id, built_in(id).ok()?))) {
        let theta = defaults(&model);
        match (why_not(&model), model.default_start(&theta)) {
            (Some(why), _) => assert!(!why.is_empty() && moment_formulas(&model).is_empty(), "{id}"),
            (None, start) => {
                assert!(!moment_formulas(&model).is_empty(), "{id}");
                let Some(start) = start else { continue };
                let m = closed_moments(&model, &theta, &start, 0.0, &[0.3]).expect(id).expect(id);
                let finite = m.covariance.iter().flatten().flatten().flatten().all(|v| v.is_finite());
                assert!(finite && m.mean[0].iter().all(|v| v.is_finite()), "{id}");
            }
        }
    }
}

#[test]
fn a_stratonovich_equation_has_the_mean_of_its_own_calculus() -> Result<()> {
    // dX = sigma X o dW from one is exp(sigma W): its mean is e^{sigma²/2}, that of Ito's equation one (Gardiner 2009, section 4.3).
    let text = "schema = 1\nid = \"s\"\ntitle = \"s\"\nCALCULUSkind = \"diffusion\"\n[state.x]\ndomain = [0.0, inf]\n\
                [dynamics]\ndrift.x = \"0\"\ndiffusion.x = \"0.7*x\"\n";
    for (calculus, mean) in [("calculus = \"stratonovich\"\n", 1.277_621_313_204_886_6), ("", 1.0)] {
        let model = read_model("s.toml", &text.replace("CALCULUS", calculus))?;
        let found = closed_moments(&model, &[], &[1.0], 0.0, &[1.0]).expect("closed")?;
        close(found.mean[0][0], mean, calculus);
    }
    Ok(())
}

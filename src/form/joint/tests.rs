use super::*;
use crate::form::moments::closed_moments;
use crate::models::{built_in, read};

/// Two coupled states with drift that turns and correlated noises.
pub(crate) const ROTATION: &str = r#"
schema = 1
id = "rotation"
title = "Rotating Ornstein-Uhlenbeck"
kind = "diffusion"
source = "test"
noise = ["w1", "w2"]
correlation = { "w1,w2" = "rho" }
[state.x]
domain = [-inf, inf]
[state.y]
domain = [-inf, inf]
[params.k]
default = 1.2
bounds = [1e-6, 1e6]
[params.omega]
default = 2.0
bounds = [-inf, inf]
[params.mu]
default = 0.4
bounds = [-inf, inf]
[params.s]
default = 0.5
bounds = [1e-6, 1e6]
[params.q]
default = 0.8
bounds = [1e-6, 1e6]
[params.rho]
default = 0.3
bounds = [-0.999, 0.999]
[dynamics]
drift.x = "-k*(x - mu) - omega*y"
drift.y = "omega*(x - mu) - k*y"
diffusion.x.w1 = "s"
diffusion.y.w2 = "q"
"#;

/// A particle on a spring with friction: noise acts on the velocity alone.
pub(crate) const SPRING: &str = r#"
schema = 1
id = "spring"
title = "Harmonic oscillator with friction and noise"
kind = "diffusion"
source = "Chandrasekhar (1943), doi:10.1103/RevModPhys.15.1"
noise = ["w1"]
[state.x]
domain = [-inf, inf]
[state.v]
domain = [-inf, inf]
[params.gamma]
default = 0.8
bounds = [1e-6, 1e6]
[params.k]
default = 4.0
bounds = [1e-6, 1e6]
[params.sigma]
default = 1.1
bounds = [1e-6, 1e6]
[dynamics]
drift.x = "v"
drift.v = "-gamma*v - k*x"
diffusion.v.w1 = "sigma"
"#;

/// Prey and predators with noise that grows with their numbers.
pub(super) const PREDATORS: &str = r#"
schema = 1
id = "predators"
title = "Lotka-Volterra with multiplicative noise"
kind = "diffusion"
source = "test"
noise = ["w1", "w2"]
correlation = { "w1,w2" = "rho" }
[state.x]
domain = [0.0, inf]
[state.y]
domain = [0.0, inf]
[params.a]
default = 1.1
bounds = [1e-6, 1e6]
[params.b]
default = 0.4
bounds = [1e-6, 1e6]
[params.c]
default = 0.9
bounds = [1e-6, 1e6]
[params.s]
default = 0.3
bounds = [1e-6, 1e6]
[params.q]
default = 0.25
bounds = [1e-6, 1e6]
[params.rho]
default = 0.4
bounds = [-0.999, 0.999]
[dynamics]
drift.x = "x*(a - b*y)"
drift.y = "y*(b*x - c)"
diffusion.x.w1 = "s*x"
diffusion.y.w2 = "q*y"
"#;

fn model(text: &str) -> Result<Model> {
    read("test.toml", text)
}

fn defaults(model: &Model) -> Vec<f64> {
    model.default_params().values
}

fn one(x0: [f64; 2], x1: [f64; 2], dt: f64) -> JointPairs {
    JointPairs {
        x0: x0.iter().map(|x| vec![*x]).collect(),
        x1: x1.iter().map(|x| vec![*x]).collect(),
        dt: vec![dt],
        t0: vec![0.0],
    }
}

/// Mean and covariance of the rotation, written out: `exp(A t)` is a decay times a turn, and the covariance an integral of
/// exponentials times cosines.
fn rotation_law(theta: &[f64], x0: [f64; 2], t: f64) -> ([f64; 2], [[f64; 2]; 2]) {
    let [k, omega, mu, s, q, rho] = [theta[0], theta[1], theta[2], theta[3], theta[4], theta[5]];
    let (decay, c, d) = ((-k * t).exp(), (omega * t).cos(), (omega * t).sin());
    let u = x0[0] - mu;
    let mean = [mu + decay * (c * u - d * x0[1]), decay * (d * u + c * x0[1])];
    // R(φ) C R(φ)ᵀ = half the trace, plus a vector turning at 2φ; ∫ e^{-2ks} (1, e^{2iωs}) ds.
    let (xx, xy, yy) = (s * s, rho * s * q, q * q);
    let even = -(-2.0 * k * t).exp_m1() / (2.0 * k);
    let e2 = (-2.0 * k * t).exp();
    let (a, b) = (-2.0 * k, 2.0 * omega);
    let norm = a * a + b * b;
    // e^z - 1, without the cancellation.
    let half = (0.5 * b * t).sin();
    let (re, im) = ((a * t).exp_m1() * (b * t).cos() - 2.0 * half * half, e2 * (b * t).sin());
    let (cosine, sine) = ((re * a + im * b) / norm, (im * a - re * b) / norm);
    let (trace, difference) = (0.5 * (xx + yy), 0.5 * (xx - yy));
    let along = difference * cosine - xy * sine;
    let across = difference * sine + xy * cosine;
    (mean, [[trace * even + along, across], [across, trace * even - along]])
}

fn normal_2d(r: [f64; 2], v: [[f64; 2]; 2]) -> f64 {
    let det = v[0][0] * v[1][1] - v[0][1] * v[0][1];
    let square = (v[1][1] * r[0] * r[0] - 2.0 * v[0][1] * r[0] * r[1] + v[0][0] * r[1] * r[1]) / det;
    -0.5 * (square + det.ln()) - (2.0 * std::f64::consts::PI).ln()
}

#[test]
fn exact_and_local_linear_are_the_rotations_own_normal_law() -> Result<()> {
    let model = model(ROTATION)?;
    for theta in [[1.2, 2.0, 0.4, 0.5, 0.8, 0.3], [0.3, -7.0, 1.0, 1.0, 0.7, -0.9]] {
        for dt in [1e-3, 0.1, 1.0, 7.0] {
            let x0 = [1.3, -0.4];
            let (mean, v) = rotation_law(&theta, x0, dt);
            let x1 = [mean[0] - 0.8 * v[0][0].sqrt(), mean[1] + 1.3 * v[1][1].sqrt()];
            let truth = normal_2d([x1[0] - mean[0], x1[1] - mean[1]], v);
            for form in [JointForm::Exact, JointForm::LocalLinear] {
                let found = JointTransitions::new(&model, form)?.log_density(&theta, &one(x0, x1, dt), false).value[0];
                assert!((found - truth).abs() < 1e-12 * (1.0 + truth.abs()), "{form:?} {dt}: {found} {truth}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_flow_and_the_equations_of_the_moments_agree_also_without_noise_of_its_own_and_where_it_is_stiff() -> Result<()> {
    let (spring, rotation) = (model(SPRING)?, model(ROTATION)?);
    let cases = [
        (&spring, vec![0.8, 4.0, 1.1], 1e-2),
        (&spring, vec![0.8, 4.0, 1.1], 3.0),
        (&spring, vec![300.0, 40.0, 5.0], 2.0),
        (&rotation, vec![50.0, 3.0, 0.1, 2.0, 1.0, 0.5], 4.0),
    ];
    for (model, theta, dt) in cases {
        let found = JointTransitions::new(model, JointForm::Exact)?.moments(&theta, &one([0.7, -1.1], [0.0, 0.0], dt));
        let truth = closed_moments(model, &theta, &[0.7, -1.1], 0.0, &[dt]).expect("closed")?;
        let covariance = truth.covariance.expect("closed");
        for i in 0..2 {
            let error = (found.mean[i][0] - truth.mean[0][i]).abs();
            assert!(error < 1e-12, "{} {dt} mean {i}: {error}", model.id);
            for j in 0..2 {
                let scale = (covariance[0][i][i] * covariance[0][j][j]).sqrt();
                let error = (found.covariance[i][j][0] - covariance[0][i][j]).abs() / scale;
                assert!(error < 1e-11, "{} {dt} covariance {i}{j}: {error}", model.id);
            }
        }
    }
    Ok(())
}

/// Mean and covariance of a nonlinear model over `dt` to eight powers of it: `E f = Σ dtᵏ/k! Lᵏ f` for first and second moments.
fn reference(model: &Model, theta: &[f64], x0: [f64; 2], dt: f64) -> ([f64; 2], [[f64; 2]; 2]) {
    let process = refusal::diffusion(model).expect("diffusion");
    let mut pool = process.frame.pool.clone();
    let mut symbols = process.frame.symbols(theta, 0.0);
    for i in 0..2 {
        symbols[process.frame.variable(i)] = x0[i];
    }
    let expectation = |f: crate::expr::Id, pool: &mut crate::expr::Pool| {
        let (mut power, mut sum, mut share) = (f, 0.0, 1.0);
        for k in 0..=6 {
            // The value at the start is left out: moments are told from there.
            if k > 0 {
                sum += share * pool.eval(power, &symbols);
            }
            power = process.generator(pool, power);
            share *= dt / f64::from(k + 1);
        }
        sum
    };
    let centred = |pool: &mut crate::expr::Pool, i: usize| {
        let (x, start) = (pool.symbol_at(process.frame.variable(i)), pool.number(x0[i]));
        pool.sub(x, start)
    };
    let (x, y) = (centred(&mut pool, 0), centred(&mut pool, 1));
    let m = [expectation(x, &mut pool), expectation(y, &mut pool)];
    let mut second = |a: crate::expr::Id, b: crate::expr::Id| {
        let product = pool.mul(a, b);
        expectation(product, &mut pool)
    };
    let (xx, xy, yy) = (second(x, x), second(x, y), second(y, y));
    let v = [[xx - m[0] * m[0], xy - m[0] * m[1]], [xy - m[0] * m[1], yy - m[1] * m[1]]];
    ([x0[0] + m[0], x0[1] + m[1]], v)
}

/// Errors of mean and covariance at one step, entry by entry.
fn errors(model: &Model, form: JointForm, x0: [f64; 2], dt: f64) -> Result<Vec<f64>> {
    let theta = defaults(model);
    let (mean, v) = reference(model, &theta, x0, dt);
    let found = JointTransitions::new(model, form)?.moments(&theta, &one(x0, x0, dt));
    let mut all: Vec<f64> = (0..2).map(|i| (found.mean[i][0] - mean[i]).abs()).collect();
    for (i, j) in [(0, 0), (0, 1), (1, 1)] {
        all.push((found.covariance[i][j][0] - v[i][j]).abs());
    }
    Ok(all)
}

#[test]
fn errors_of_mean_and_covariance_fall_with_the_power_of_the_step_that_theory_says() -> Result<()> {
    let (predators, nerve) = (model(PREDATORS)?, built_in("fitzhugh-nagumo")?);
    // Powers of dt left in m_x, m_y, V_xx, V_xy, V_yy.
    let cases = [
        (&predators, JointForm::Euler, [2.0, 2.0, 2.0, 2.0, 2.0], [1.7, 0.9]),
        (&predators, JointForm::Kessler, [3.0, 3.0, 3.0, 3.0, 3.0], [1.7, 0.9]),
        (&predators, JointForm::LocalLinear, [3.0, 3.0, 2.0, 2.0, 2.0], [1.7, 0.9]),
        // Noise acts on the first state alone: one power more for each index of the second.
        (&nerve, JointForm::Kessler, [3.0, 4.0, 3.0, 4.0, 5.0], [0.6, -0.3]),
        (&nerve, JointForm::LocalLinear, [3.0, 4.0, 3.0, 4.0, 5.0], [0.6, -0.3]),
    ];
    for (model, form, orders, x0) in cases {
        let dt = if model.id == "predators" { 8e-3 } else { 0.02 };
        let (coarse, fine) = (errors(model, form, x0, dt)?, errors(model, form, x0, 0.5 * dt)?);
        for (k, order) in orders.iter().enumerate() {
            let slope = (coarse[k] / fine[k]).log2();
            assert!((slope - order).abs() < 0.1, "{} {form:?} entry {k}: {slope}, theory {order}", model.id);
        }
    }
    Ok(())
}

#[test]
fn the_gradient_of_every_form_is_its_difference_quotient() -> Result<()> {
    let models = [
        model(ROTATION)?,
        model(SPRING)?,
        model(PREDATORS)?,
        built_in("fitzhugh-nagumo")?,
        built_in("heston")?,
        built_in("underdamped-langevin")?,
    ];
    for model in &models {
        let theta: Vec<f64> = defaults(model).iter().map(|v| 1.1 * v).collect();
        for form in JointForm::ALL.into_iter().filter(|f| f.why_not(model).is_none()) {
            // Over the long step the local linearisation doubles its short one.
            for dt in [0.05, 1.5] {
                let transitions = JointTransitions::new(model, form)?;
                let law = JointTransitions::new(model, JointForm::LocalLinear)?
                    .moments(&theta, &one([0.7, 0.3], [0.0; 2], dt));
                let typical = |i: usize, z: f64| law.mean[i][0] + z * law.covariance[i][i][0].sqrt();
                let pairs = one([0.7, 0.3], [typical(0, 0.8), typical(1, 1.1)], dt);
                let batch = transitions.log_density(&theta, &pairs, true);
                if batch.value[0] == f64::NEG_INFINITY {
                    assert!(form == JointForm::Kessler && dt > 1.0, "{} {form:?} {dt}", model.id);
                    continue;
                }
                for k in 0..theta.len() {
                    let value = |h: f64| {
                        let mut moved = theta.clone();
                        moved[k] += h;
                        transitions.log_density(&moved, &pairs, false).value[0]
                    };
                    let h = 1e-3 * theta[k].abs().max(0.05);
                    let quotient = (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h);
                    let exact = batch.gradient[k][0];
                    let scale = 1.0 + exact.abs();
                    assert!(
                        (exact - quotient).abs() < 1e-8 * scale,
                        "{} {form:?} dt {dt} parameter {k}: {exact} {quotient}",
                        model.id
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_singular_covariance_is_refused_with_the_forms_that_have_none() -> Result<()> {
    let spring = model(SPRING)?;
    let error = JointTransitions::new(&spring, JointForm::Euler).expect_err("singular").to_string();
    assert!(error.contains("no noise acts on x itself") && error.contains("'spring'"), "{error}");
    assert!(JointForm::Euler.why_not(&spring).is_some() && JointForm::Kessler.why_not(&spring).is_none());
    // One noise for both states: each has noise, but not of its own.
    let shared = ROTATION
        .replace("diffusion.y.w2 = \"q\"", "diffusion.y.w1 = \"q\"")
        .replace("noise = [\"w1\", \"w2\"]", "noise = [\"w1\"]")
        .replace("correlation = { \"w1,w2\" = \"rho\" }", "");
    let shared = model(&shared)?;
    assert!(JointForm::Euler.why_not(&shared).is_some_and(|why| why.contains("do not span")));
    // No noise at all reaches y.
    let still = SPRING.replace("drift.x = \"v\"", "drift.x = \"-x\"");
    let still = model(&still)?;
    for form in JointForm::ALL {
        assert!(form.why_not(&still).is_some(), "{form:?}");
    }
    assert!(JointForm::Exact.why_not(&built_in("heston")?).is_some());
    assert!(JointForm::LocalLinear.why_not(&built_in("bates")?).is_some_and(|why| why.contains("jumps")));
    Ok(())
}

#[test]
fn the_form_of_choice_follows_the_noise() -> Result<()> {
    assert_eq!(JointForm::of_choice(&model(SPRING)?), JointForm::Exact);
    assert_eq!(JointForm::of_choice(&built_in("fitzhugh-nagumo")?), JointForm::LocalLinear);
    assert_eq!(JointForm::of_choice(&built_in("heston")?), JointForm::Kessler);
    Ok(())
}

#[test]
fn one_state_alone_is_the_same_density_as_among_forms_of_one_state() -> Result<()> {
    use crate::form::{Form, Pairs, Transitions};
    let ou = built_in("ou")?;
    let theta = [1.5, 0.5, 0.8];
    let pairs =
        JointPairs { x0: vec![vec![0.2, 0.9]], x1: vec![vec![0.3, 0.7]], dt: vec![0.1, 0.4], t0: vec![0.0, 0.1] };
    let line: Pairs = pairs.component(0);
    for (joint, form) in [(JointForm::Exact, Form::Exact), (JointForm::Euler, Form::Euler)] {
        let (a, b) = (
            JointTransitions::new(&ou, joint)?.log_density(&theta, &pairs, true),
            Transitions::new(&ou, form)?.log_density(&theta, &line, true),
        );
        let both = a.value.iter().zip(&b.value).chain(a.gradient.iter().flatten().zip(b.gradient.iter().flatten()));
        for (a, b) in both {
            assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{joint:?}: {a} {b}");
        }
    }
    Ok(())
}

#[test]
fn records_become_transitions_or_say_what_is_wrong() -> Result<()> {
    let times = [0.0, 1.0, 3.0, 4.0, 6.0];
    let values = vec![vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![5.0, 4.0, 3.0, 2.0, 1.0]];
    let pairs = JointPairs::of(&times, &values)?;
    assert_eq!(
        (pairs.len(), pairs.dt.clone(), pairs.x1[1].clone()),
        (4, vec![1.0, 2.0, 1.0, 2.0], vec![4.0, 3.0, 2.0, 1.0])
    );
    let sample = pairs.short_and_long(2);
    assert_eq!(
        (sample.dt, sample.x0[0].clone(), sample.x1[0].clone()),
        (vec![1.0, 1.0, 3.0, 3.0], vec![1.0, 3.0, 1.0, 3.0], vec![2.0, 4.0, 3.0, 5.0])
    );
    assert!(JointPairs::of(&times[..4], &values).is_err());
    assert!(JointPairs::of(&[0.0, 1.0, 1.0, 4.0, 6.0], &values).is_err());
    assert!(JointPairs::of(&times, &[vec![f64::NAN; 5]]).is_err());
    Ok(())
}

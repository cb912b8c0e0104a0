//! Robust and weighted fits: outliers, efficiency, limits, gradients, refusals.

use super::optimise::Goal;
use super::robust::{Divergence, Huber};
use super::*;
use crate::base::{Purpose, math};
use crate::models::built_in;

const TRUTH: [f64; 3] = [2.0, 1.0, 0.5];

/// An exact path of the Ornstein-Uhlenbeck process, every fiftieth value moved by `jump` standard deviations of a step, up and down in turn.
fn ou(rows: usize, path: u64, jump: f64) -> Observed {
    let [kappa, theta, sigma] = TRUTH;
    let dt = 0.1;
    let mut stream = Seed(31).key(Purpose::Simulation, 0, 0).stream(path);
    let decay = math::exp(-kappa * dt);
    let sd = sigma * ((1.0 - decay * decay) / (2.0 * kappa)).sqrt();
    let (mut pairs, mut x) = (Pairs::default(), theta);
    for i in 0..rows {
        let next = theta + (x - theta) * decay + sd * stream.normal();
        // An outlier of the outcome alone: the next step begins at the true state.
        let sign = if i % 100 == 0 { 1.0 } else { -0.2 };
        let seen = if i % 50 == 0 { next + sign * jump * sd } else { next };
        pairs.x0.push(x);
        pairs.x1.push(seen);
        pairs.dt.push(dt);
        pairs.t0.push(i as f64 * dt);
        x = next;
    }
    Observed { pairs, ln_jacobian: 0.0, weight: Vec::new() }
}

fn how(objective: Objective, robust: Option<Robust>) -> Settings {
    Settings { objective, robust, starts: 1, form: FormRequest::Asked(Form::Exact), ..Settings::default() }
}

/// How far the estimates are from the truth, in standard errors.
fn off(fit: &Fit) -> f64 {
    let z = |(p, truth): (&Estimate, f64)| ((p.estimate - truth) / p.se.expect("a standard error")).abs();
    fit.params.iter().zip(TRUTH).map(z).fold(0.0, f64::max)
}

#[test]
fn two_percent_of_outliers_carry_away_plain_fits_and_not_robust_ones() -> Result<()> {
    let (model, data) = (built_in("ou")?, ou(4000, 1, 15.0));
    for (objective, robust) in [(Objective::Kl, Robust::DENSITY_POWER), (Objective::Mse, Robust::HUBER)] {
        let plain = fit(&model, &data, &how(objective, None))?;
        let held = fit(&model, &data, &how(objective, Some(robust)))?;
        assert_eq!(held.status, Status::Converged, "{robust:?}");
        assert_eq!(held.log_likelihood, None);
        // Outliers cannot be told from the tails altogether: Huber's scale keeps a bias of about ε (c²/β - 1), far below the plain one.
        let sigma = |fit: &Fit| (fit.theta[2] / TRUTH[2] - 1.0).abs();
        assert!(sigma(&held) < 0.1 * sigma(&plain), "{robust:?}: {} {}", sigma(&held), sigma(&plain));
        assert!(off(&held) < 3.0, "{robust:?}: {:?}", held.params);
        let worst = plain.params.iter().zip(TRUTH).map(|(p, t)| ((p.estimate - t) / held_se(&held, &p.name)).abs());
        assert!(worst.fold(0.0, f64::max) > 10.0, "{:?}", plain.params);
    }
    Ok(())
}

fn held_se(fit: &Fit, name: &str) -> f64 {
    fit.params.iter().find(|p| p.name == name).and_then(|p| p.se).expect("a standard error")
}

#[test]
fn where_the_model_holds_little_efficiency_is_lost() -> Result<()> {
    let (model, data) = (built_in("ou")?, ou(4000, 2, 0.0));
    // Efficiency of the drift's estimates in theory: 95 % of Huber's at 1.345; (1 + β²/(1+2β))^{-3/2} of the divergence's.
    let beta = 0.25f64;
    let power = (1.0 + beta * beta / (1.0 + 2.0 * beta)).powf(-1.5);
    for (objective, robust, theory) in
        [(Objective::Kl, Robust::DensityPower { beta }, power), (Objective::Mse, Robust::HUBER, 0.95)]
    {
        let plain = fit(&model, &data, &how(objective, None))?;
        let held = fit(&model, &data, &how(objective, Some(robust)))?;
        assert!(off(&held) < 3.0 && off(&plain) < 3.0, "{:?}", held.params);
        for (name, least) in [("kappa", theory), ("theta", theory)] {
            let ratio = held_se(&plain, name) / held_se(&held, name);
            let efficiency = ratio * ratio;
            // The sandwich of 4000 observations is known to some 4 %.
            assert!((efficiency - least).abs() < 0.06, "{robust:?} {name}: {efficiency} {least}");
        }
        let ratio = held_se(&plain, "sigma") / held_se(&held, "sigma");
        assert!(ratio * ratio > 0.55, "{robust:?}: {}", ratio * ratio);
    }
    Ok(())
}

#[test]
fn a_small_power_is_maximum_likelihood_and_a_wide_constant_least_squares() -> Result<()> {
    let (model, data) = (built_in("ou")?, ou(600, 3, 0.0));
    let limits = [
        (Objective::Kl, Robust::DensityPower { beta: 1e-7 }, 1e-5),
        (Objective::Mse, Robust::Huber { tuning: 50.0 }, 1e-7),
    ];
    for (objective, robust, close) in limits {
        let plain = fit(&model, &data, &how(objective, None))?;
        let held = fit(&model, &data, &how(objective, Some(robust)))?;
        for (a, b) in plain.theta.iter().zip(&held.theta) {
            assert!((a / b - 1.0).abs() < close, "{robust:?}: {a} {b}");
        }
        assert!((plain.objective_value - held.objective_value).abs() < 1.0 || objective == Objective::Kl);
    }
    Ok(())
}

#[test]
fn the_slope_of_the_divergence_is_its_difference_quotient() -> Result<()> {
    let model = built_in("cir")?;
    let mut data = ou(200, 4, 5.0);
    data.pairs.x0.iter_mut().chain(&mut data.pairs.x1).for_each(|x| *x = x.abs() + 0.1);
    let weight: Vec<f64> = (0..200).map(|i| 0.5 + f64::from(i % 3) * 0.5).collect();
    for form in [Form::Euler, Form::Kessler, Form::LocalLinear] {
        let transitions = Transitions::new(&model, form)?;
        let unit = Divergence::unit_of(&data);
        let goal = Divergence { transitions: &transitions, data: &data, weight: &weight, beta: 0.4, unit };
        let theta = [1.5, 0.9, 0.6];
        let (_, gradient) = goal.at(&theta);
        for k in 0..3 {
            let h = 1e-5;
            let at = |d: f64| {
                let mut moved = theta;
                moved[k] += d;
                goal.at(&moved).0
            };
            let quotient = (at(h) - at(-h)) / (2.0 * h);
            assert!((quotient - gradient[k]).abs() < 1e-8 * (1.0 + gradient[k].abs()), "{form:?} {k}");
        }
    }
    Ok(())
}

#[test]
fn whole_weights_are_repeated_rows() -> Result<()> {
    let model = built_in("ou")?;
    let mut data = ou(400, 5, 0.0);
    data.weight = (0..400).map(|i| f64::from(1 + i % 3)).collect();
    let rows: Vec<usize> = (0..400).flat_map(|i| vec![i; 1 + i % 3]).collect();
    let repeated = Observed { pairs: data.pairs.at(&rows), ln_jacobian: 0.0, weight: Vec::new() };
    for (objective, robust) in [
        (Objective::Kl, None),
        (Objective::Mse, None),
        (Objective::Kl, Some(Robust::DENSITY_POWER)),
        (Objective::Mse, Some(Robust::HUBER)),
    ] {
        // Whatever the weights, the unit of the divergence is of the rows; the estimate does not hang on it.
        let weighted = fit(&model, &data, &how(objective, robust))?;
        let whole = fit(&model, &repeated, &how(objective, robust))?;
        assert_eq!(weighted.status, Status::Converged, "{objective:?} {robust:?}");
        for (a, b) in weighted.theta.iter().zip(&whole.theta) {
            assert!((a / b - 1.0).abs() < 1e-6, "{objective:?} {robust:?}: {a} {b}");
        }
    }
    Ok(())
}

#[test]
fn huber_constant_of_a_normal_law() {
    // E min(Z², c²) by quadrature, c = 1.345.
    let c = 1.345f64;
    let n = 200_000;
    let h = 20.0 / f64::from(n);
    let density = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    let mean: f64 = (0..n).map(|i| -10.0 + (f64::from(i) + 0.5) * h).map(|z| (z * z).min(c * c) * density(z) * h).sum();
    let huber = Huber::of(Some(Robust::HUBER));
    assert!((huber.consistency - mean).abs() < 1e-9, "{} {mean}", huber.consistency);
    assert_eq!(Huber::of(None).consistency, 1.0);
}

#[test]
fn what_does_not_belong_together_is_refused() -> Result<()> {
    let (model, data) = (built_in("cir")?, ou(100, 6, 0.0));
    for (objective, robust) in [(Objective::Kl, Robust::HUBER), (Objective::Mse, Robust::DENSITY_POWER)] {
        assert!(matches!(fit(&model, &data, &how(objective, Some(robust))), Err(Error::BadOption { .. })));
    }
    let refused = fit(&model, &data, &how(Objective::Kl, Some(Robust::DENSITY_POWER)));
    assert!(matches!(refused, Err(Error::FormUnavailable { .. })));
    let settings = Settings { form: FormRequest::Auto, ..how(Objective::Kl, Some(Robust::DENSITY_POWER)) };
    assert_eq!(fit(&model, &data, &settings)?.form, Form::Kessler);
    for weight in [vec![1.0; 3], vec![-1.0; 100], vec![f64::NAN; 100]] {
        let bad = Observed { weight, ..data.clone() };
        assert!(matches!(fit(&model, &bad, &how(Objective::Kl, None)), Err(Error::BadOption { .. })));
        assert!(matches!(fit_several(&model, &[bad], &[], &how(Objective::Kl, None)), Err(Error::BadOption { .. })));
    }
    Ok(())
}

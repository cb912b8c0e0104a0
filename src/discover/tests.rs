use super::algebra::{Sum, evaluate};
use super::moments::{expand, fourth_cumulant};
use super::study::cases;
use super::*;
use crate::base::{Clock, ClockKind, Purpose, Seed, Series, Transform};
use crate::fit::{FormRequest, Observed, fit};
use crate::form::Form;

/// A drift or squared diffusion from (halves, coefficient).
fn sum(terms: &[(i32, f64)]) -> Sum {
    Sum::from_terms(terms.iter().map(|(h, c)| (Monomial { halves: [*h, 0], log: 0 }, *c)))
}

/// Slope of ln|error| between a step and half of it.
fn slope(error: impl Fn(f64) -> f64, dt: f64) -> f64 {
    (error(dt) / error(0.5 * dt)).abs().log2()
}

/// Mean of the increment, variance and fourth cumulant of the square-root process: c χ'²(δ, λ) with cumulants
/// 2^(n-1) (n-1)! (δ + nλ) cⁿ.
fn square_root(x: f64, dt: f64, kappa: f64, theta: f64, sigma: f64) -> [f64; 3] {
    let c = sigma * sigma * (1.0 - (-kappa * dt).exp()) / (4.0 * kappa);
    let (df, lambda) = (4.0 * kappa * theta / (sigma * sigma), x * (-kappa * dt).exp() / c);
    [c * (df + lambda) - x, 2.0 * c * c * (df + 2.0 * lambda), 48.0 * c.powi(4) * (df + 4.0 * lambda)]
}

#[test]
fn moments_have_their_order_on_the_square_root_process() {
    let (kappa, theta, sigma, x) = (1.3, 0.7, 0.6, 0.9);
    let drift = [sum(&[(0, kappa * theta), (2, -kappa)])];
    let noise = [sum(&[(2, sigma * sigma)])];
    for order in 1..=4 {
        let expansion = expand(&drift, &noise, 0, order);
        let series = |terms: &[Sum], dt: f64| -> f64 {
            terms.iter().enumerate().map(|(k, s)| s.at(&[x]) * dt.powi(k as i32 + 1)).sum()
        };
        for (which, terms) in [&expansion.mean, &expansion.variance].into_iter().enumerate() {
            let error = |dt: f64| series(terms, dt) - square_root(x, dt, kappa, theta, sigma)[which];
            let observed = slope(error, 0.02);
            assert!((observed - (order + 1) as f64).abs() < 0.1, "moment {which}, order {order}: slope {observed}");
        }
    }
    let fourth = fourth_cumulant(&drift, &noise, 0);
    let error = |dt: f64| {
        fourth[0].at(&[x]) * dt.powi(3) + fourth[1].at(&[x]) * dt.powi(4) - square_root(x, dt, kappa, theta, sigma)[2]
    };
    let observed = slope(error, 0.05);
    assert!((observed - 5.0).abs() < 0.1, "fourth cumulant: slope {observed}");
}

#[test]
fn sums_are_differentiated_and_evaluated_as_by_hand() {
    // x^(3/2) y² log(x)
    let m = Monomial { halves: [3, 4], log: 1 };
    let (x, y) = (1.7_f64, -0.6_f64);
    let f = Sum::of(m, 2.0);
    let slope = 2.0 * y * y * (1.5 * x.sqrt() * x.ln() + x.sqrt());
    assert!((f.derivative(0).at(&[x, y]) - slope).abs() < 1e-13);
    assert!((f.derivative(1).at(&[x, y]) - 4.0 * x.powf(1.5) * y * x.ln()).abs() < 1e-13);
    let columns = [vec![x; 700], vec![y; 700]];
    let product = f.times(&f.derivative(0));
    let values = evaluate(&[&f, &product], &columns);
    assert!((values[0][699] - f.at(&[x, y])).abs() < 1e-13 && values[1].len() == 700);
    assert!((values[1][3] - f.at(&[x, y]) * slope).abs() < 1e-12);
}

#[test]
fn the_correction_of_coefficients_leaves_the_second_order() {
    let (kappa, theta, sigma) = (1.3, 0.7, 0.6);
    let x: Vec<f64> = (0..20).map(|k| 0.3 + 0.06 * k as f64).collect();
    let worst = |dt: f64, which: usize| {
        let seen = |k: usize| -> Vec<Value> {
            let of = |x: &f64| Value { value: square_root(*x, dt, kappa, theta, sigma)[k] / dt, se: 1.0 };
            x.iter().map(of).collect()
        };
        let corrected = kramers_moyal::corrected(&x, &seen(0), &seen(1), [dt, dt]);
        let truth = |x: f64| if which == 0 { kappa * (theta - x) } else { sigma * sigma * x };
        x.iter().zip(&corrected[which]).map(|(x, v)| (v - truth(*x)).abs()).fold(0.0, f64::max)
    };
    for which in [0, 1] {
        let observed = slope(|dt| worst(dt, which), 0.02);
        assert!((observed - 2.0).abs() < 0.1, "coefficient {which}: slope {observed}");
    }
}

#[test]
fn every_law_is_found_in_a_hundred_thousand_points() {
    for case in cases() {
        let found = discover(&case.steps(100_000, 2), &case.settings()).unwrap();
        let (right, worst, shown) = case.judge(&found);
        assert!(right && worst < 3.0, "{}: {worst:.2} s.e., {shown}", case.name);
        assert!(!found.jumps.iter().flatten().any(|j| j.jumps), "{}: {:?}", case.name, found.jumps);
        assert!(found.markov.is_some_and(|m| m.p_at_step() > 1e-3), "{}", case.name);
    }
}

#[test]
fn estimates_hold_the_truth_in_their_bands_by_bins_and_by_kernel() {
    let case = cases().swap_remove(2);
    let steps = case.steps(40_000, 3);
    for estimator in [Estimator::Histogram { bins: 20 }, Estimator::Kernel { states: 20 }] {
        let km = kramers_moyal(&steps, estimator).unwrap();
        assert_eq!(km.at.len(), 20);
        assert_eq!(km.bandwidths.is_some(), matches!(estimator, Estimator::Kernel { .. }));
        let z = |c: &Coefficients| [(c.d1.value - (1.0 - c.state)) / c.d1.se, (c.d2.value - 0.32 * c.state) / c.d2.se];
        // The outermost bins are as wide as the rest together.
        let all: Vec<f64> = km.at[1..19].iter().flat_map(z).collect();
        assert!(all.iter().all(|z| z.abs() < 4.0), "{estimator:?}: {all:?}");
        assert!(all.iter().filter(|z| z.abs() < 1.96).count() >= 28, "{estimator:?}: {all:?}");
    }
}

#[test]
fn the_model_file_can_be_fitted_and_agrees_with_the_likelihood() {
    let case = cases().swap_remove(2);
    let (time, values) = case.path(20_000, 4);
    let series = series(time, values[0].clone());
    let steps = Steps::of(&[Track::of(&series)]).unwrap();
    let found = discover(&steps, &case.settings()).unwrap();
    assert!(found.text.contains("domain = [0.0, inf]") && found.text.contains("sigma*sqrt(x)"), "{}", found.text);
    let observed = Observed::of(&series, Transform::None, &found.model).unwrap();
    let settings = crate::fit::Settings { form: FormRequest::Asked(Form::Kessler), starts: 1, ..Default::default() };
    let fitted = fit(&found.model, &observed, &settings).unwrap();
    for (p, fitted) in found.model.params.iter().zip(&fitted.params) {
        // Two estimators of one number differ by less than either is uncertain.
        let apart = (p.default - fitted.estimate).abs() / fitted.se.unwrap();
        assert!(apart < 1.0, "{}: {} and {} are {apart} s.e. apart", p.name, p.default, fitted.estimate);
    }
}

fn series(time: Vec<f64>, value: Vec<f64>) -> Series {
    Series {
        id: "s".into(),
        value_name: "s".into(),
        time,
        value,
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "s".into(), step: 1.0 },
    }
}

#[test]
fn uneven_steps_and_several_series_give_the_same_law() {
    let case = cases().swap_remove(1);
    let (time, values) = case.path(60_000, 5);
    let mut stream = Seed(6).key(Purpose::Scores, 0, 0).stream(0);
    let kept: Vec<usize> = (0..time.len()).filter(|_| stream.uniform() < 0.5).collect();
    let column = |from: &[f64], rows: &[usize]| -> Vec<f64> { rows.iter().map(|i| from[*i]).collect() };
    let (first, second) = kept.split_at(kept.len() / 3);
    let parts = [first, second].map(|rows| (column(&time, rows), column(&values[0], rows)));
    let tracks: Vec<Track> = parts.iter().map(|(t, x)| Track { time: t, states: vec![x] }).collect();
    let steps = Steps::of(&tracks).unwrap();
    assert_eq!(steps.follows.iter().filter(|f| !**f).count(), 2);
    let found = discover(&steps, &case.settings()).unwrap();
    let (right, worst, shown) = case.judge(&found);
    assert!(right && worst < 3.0, "{worst:.2} s.e., {shown}");
}

#[test]
fn jumps_are_seen() {
    let mut case = cases().swap_remove(1);
    case.text = models::built_in_text("ou-jump").unwrap().to_string();
    case.theta = models::built_in("ou-jump").unwrap().params.iter().map(|p| p.default).collect();
    case.scheme = crate::form::monte_carlo::Scheme::EulerMaruyama;
    case.inner = 10;
    case.dt = 0.02;
    let found = discover(&case.steps(20_000, 7), &case.settings()).unwrap();
    let check = found.jumps[0].clone().unwrap();
    assert!(check.jumps && check.z > 10.0, "{check:?}");
    assert!(found.warnings.iter().any(|w| w.contains("jumps")), "{:?}", found.warnings);
}

#[test]
fn a_short_record_that_jumps_still_gives_a_model_that_can_be_fitted() {
    // A few large squares say so little of a squared diffusion that no term at all used to look as good as any.
    let length = |seed: u64| 202 + 13 * seed as usize;
    for seed in 0..12 {
        let mut stream = Seed(seed).key(Purpose::Scores, 0, 0).stream(0);
        let mut x = if seed % 3 == 1 { 100.0 } else { 0.0 };
        let value: Vec<f64> = (0..length(seed))
            .map(|_| {
                let jumps = stream.uniform() < 0.05;
                x = match seed % 3 {
                    // A mean that is gone back to, a price, and a count that seldom moves.
                    0 => 0.9 * x + 0.05 * stream.normal() + if jumps { 2.0 * stream.normal() } else { 0.0 },
                    1 => x * (0.01 * stream.normal() + if jumps { 0.1 * stream.normal() } else { 0.0 }).exp(),
                    _ => x + if jumps { 1.0 } else { 0.0 },
                };
                x
            })
            .collect();
        let time: Vec<f64> = (0..value.len()).map(|i| i as f64).collect();
        let steps = Steps::of(&[Track { time: &time, states: vec![&value] }]).unwrap();
        let found = discover(&steps, &Settings::default()).unwrap();
        let noise = found.formula.noises().remove(0);
        assert!(value.iter().any(|x| noise.at(&[*x]) > 0.0), "{seed}: {}", found.text);
    }
}

#[test]
fn memory_is_seen_and_its_length_is_told() {
    // dx = -x dt + η dt with η an Ornstein-Uhlenbeck process of time 0.1: x alone is Markov only beyond that.
    let (n, dt) = (60_000, 0.02);
    let mut stream = Seed(8).key(Purpose::Scores, 0, 0).stream(0);
    let (mut x, mut eta) = (0.0, 0.0);
    let keep: f64 = (-dt / 0.1_f64).exp();
    let mut value = Vec::new();
    for _ in 0..n {
        value.push(x);
        x += dt * (eta - x);
        eta = keep * eta + (1.0 - keep * keep).sqrt() * 2.0 * stream.normal();
    }
    let time: Vec<f64> = (0..n).map(|i| i as f64 * dt).collect();
    let steps = Steps::of(&[Track { time: &time, states: vec![&value] }]).unwrap();
    let check = markov(&steps).unwrap();
    // What rose goes on rising: a high past means a fall so far.
    assert!(!check.holds() && check.lags[0].z[0] < -10.0, "{check:?}");
    assert!(check.length.is_some_and(|l| (0.1..2.0).contains(&l)), "{check:?}");
}

#[test]
fn a_latent_volatility_shows_in_the_spread() {
    let n = 40_000;
    let mut stream = Seed(9).key(Purpose::Scores, 0, 0).stream(0);
    let (mut x, mut h) = (0.0, 0.0_f64);
    let value: Vec<f64> = (0..n)
        .map(|_| {
            h = 0.98 * h + 0.15 * stream.normal();
            x = 0.99 * x + 0.1 * h.exp() * stream.normal();
            x
        })
        .collect();
    let time: Vec<f64> = (0..n).map(f64::from).collect();
    let steps = Steps::of(&[Track { time: &time, states: vec![&value] }]).unwrap();
    let first = markov(&steps).unwrap().lags[0].clone();
    assert!(first.z[1] > 10.0 && first.z[0].abs() < 4.0, "{first:?}");
}

#[test]
fn what_cannot_be_used_is_refused_with_a_hint() {
    let time: Vec<f64> = (0..300).map(f64::from).collect();
    let mut x: Vec<f64> = time.iter().map(|t| (0.7 * t).sin()).collect();
    let of = |time: &[f64], x: &[f64]| Steps::of(&[Track { time, states: vec![x] }]);
    assert!(matches!(of(&time[..100], &x[..100]), Err(Error::TooFewRows { needed: 201, .. })));
    assert!(matches!(of(&time, &vec![1.0; 300]), Err(Error::Constant { .. })));
    let steps = of(&time, &x).unwrap();
    let with = |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        discover(&steps, &settings)
    };
    assert!(matches!(with(&|s| s.drift_degree = Some(40)), Err(Error::BadOption { .. })));
    assert!(matches!(with(&|s| s.order = 9), Err(Error::BadOption { .. })));
    assert!(matches!(with(&|s| s.names.clear()), Err(Error::Numerics { .. })));
    assert!(kramers_moyal(&steps, Estimator::Histogram { bins: 2 }).is_err());
    x[7] = f64::NAN;
    assert!(matches!(of(&time, &x), Err(Error::Numerics { .. })));
    let mut still = time.clone();
    still[5] = still[4];
    assert!(of(&still, &time).is_err());
}

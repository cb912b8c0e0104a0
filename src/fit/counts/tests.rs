//! Rates recovered from paths of molecules.

use super::*;
use crate::base::{Clock, ClockKind, Purpose, Seed};
use crate::fit::{Fit, FormRequest, Observed, fit};
use crate::form::Form;
use crate::models::built_in;

/// An exact path: states after every reaction, the first at time zero, the last at `end`.
fn simulated(
    changes: &[Vec<f64>],
    rates: &dyn Fn(&[f64]) -> Vec<f64>,
    start: &[f64],
    end: f64,
    path: u64,
) -> CountSeries {
    let mut stream = Seed(31).key(Purpose::Simulation, 0, 0).stream(path);
    let (mut now, mut x) = (0.0, start.to_vec());
    let mut out = CountSeries { name: "path".into(), times: vec![0.0], states: vec![x.clone()] };
    loop {
        let a = rates(&x);
        let total: f64 = a.iter().sum();
        now -= math::ln(stream.uniform()) / total;
        if !(now < end) {
            out.times.push(end);
            out.states.push(x);
            return out;
        }
        let mut left = stream.uniform() * total;
        let r = a.iter().position(|a| {
            left -= a;
            left < 0.0
        });
        x.iter_mut().zip(&changes[r.unwrap_or(a.len() - 1)]).for_each(|(x, n)| *x += n);
        out.times.push(now);
        out.states.push(x.clone());
    }
}

/// The state every `dt`.
fn sampled(path: &CountSeries, dt: f64) -> CountSeries {
    let end = path.times[path.times.len() - 1];
    let times: Vec<f64> = (0..=(end / dt + 1e-9) as usize).map(|i| i as f64 * dt).collect();
    let state = |t: &f64| path.states[path.times.partition_point(|at| at <= t).max(1) - 1].clone();
    CountSeries { name: path.name.clone(), states: times.iter().map(state).collect(), times }
}

fn series(path: &CountSeries, dt: f64) -> Series {
    Series {
        id: "counts".into(),
        value_name: "x".into(),
        time: path.times.clone(),
        value: path.states.iter().map(|x| x[0]).collect(),
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "s".into(), step: dt },
    }
}

fn immigration_death(theta: [f64; 2], end: f64, path: u64) -> CountSeries {
    simulated(&[vec![1.0], vec![-1.0]], &|x| vec![theta[0], theta[1] * x[0]], &[20.0], end, path)
}

fn within(params: &[Estimate], truth: &[f64], sds: f64) {
    for (p, truth) in params.iter().zip(truth) {
        let se = p.se.expect("a standard error");
        assert!((p.estimate - truth).abs() < sds * se, "{}: {} ± {se}, truth {truth}", p.name, p.estimate);
    }
}

#[test]
fn rates_come_back_from_a_sampled_path_through_the_door_of_diffusions() -> Result<()> {
    let model = built_in("immigration-death")?;
    let truth = [8.0, 0.4];
    let counts = sampled(&immigration_death(truth, 200.0, 0), 0.5);
    let data = Observed::of(&series(&counts, 0.5), Transform::None, &model)?;
    let found: Fit = fit(&model, &data, &Settings { starts: 2, ..Settings::default() })?;
    assert_eq!(found.status, Status::Converged, "{:?}", found.starts);
    assert_eq!(found.form, Form::MasterEquation);
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    within(&found.params, &truth, 3.0);
    // The same by whole states.
    let whole = fit_counts(&model, &[counts], &Settings { starts: 2, ..Settings::default() })?;
    assert_eq!(whole.status, Status::Converged);
    for (a, b) in whole.theta.iter().zip(&found.theta) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
    assert!((whole.log_likelihood.expect("one") - found.log_likelihood.expect("one")).abs() < 1e-8);
    let scores = crate::fit::diagnostics::diagnose(&model, &data, &Settings::default(), &found)?;
    assert!(scores.ks_p > 0.01 && scores.ljung_box_p > 0.01, "{} {}", scores.ks_p, scores.ljung_box_p);
    Ok(())
}

#[test]
fn births_and_deaths_of_a_hundred_are_told_apart() -> Result<()> {
    let model = built_in("birth-death")?;
    let truth = [1.0, 1.1];
    let changes = [vec![1.0], vec![-1.0]];
    let path = simulated(&changes, &|x| vec![x[0], 1.1 * x[0]], &[100.0], 6.0, 5);
    let counts = sampled(&path, 0.05);
    let data = Observed::of(&series(&counts, 0.05), Transform::None, &model)?;
    let found = fit(&model, &data, &Settings { starts: 2, ..Settings::default() })?;
    assert_eq!(found.status, Status::Converged, "{:?}", found.starts);
    within(&found.params, &truth, 3.0);
    // What every reaction says is more, and not far.
    let complete = fit_complete(&model, &[path], &Settings { starts: 1, ..Settings::default() })?;
    for (seen, all) in found.params.iter().zip(&complete.params) {
        let [se, least] = [seen, all].map(|p| p.se.expect("one"));
        assert!(least < se && (seen.estimate - all.estimate).abs() < 4.0 * se, "{seen:?} {all:?}");
    }
    Ok(())
}

#[test]
#[ignore = "a study of cost: prints how long a gradient takes"]
fn cost_of_a_gradient() -> Result<()> {
    // Two cores, release: see the figures printed.
    for (scale, dt) in [(1.0, 0.5), (10.0, 0.5), (50.0, 0.5), (10.0, 50.0)] {
        let model = built_in("immigration-death")?;
        let truth = [8.0 * scale, 0.4];
        let changes = [vec![1.0], vec![-1.0]];
        let rates = |x: &[f64]| vec![8.0 * scale, 0.4 * x[0]];
        let counts = sampled(&simulated(&changes, &rates, &[20.0 * scale], 1_000.0 * dt, 9), dt);
        let data = Observed::of(&series(&counts, dt), Transform::None, &model)?;
        let transitions = crate::form::Transitions::new(&model, Form::MasterEquation)?;
        let begun = std::time::Instant::now();
        let found = transitions.log_density(&truth, &data.pairs, true);
        let spent = begun.elapsed().as_secs_f64();
        println!("mean {}, dt {dt}: {} transitions, {spent:.3} s", 20.0 * scale, found.value.len());
        assert!(found.value.iter().all(|l| l.is_finite()));
    }
    Ok(())
}

#[test]
fn standard_errors_are_the_scatter_of_many_fits() -> Result<()> {
    let model = built_in("immigration-death")?;
    let truth = [8.0, 0.4];
    let settings =
        Settings { starts: 1, initial: vec![("alpha".into(), 8.0), ("mu".into(), 0.4)], ..Settings::default() };
    let (mut squares, runs) = (0.0, 30);
    for path in 0..runs {
        let counts = sampled(&immigration_death(truth, 60.0, 100 + path), 0.5);
        let found = fit_counts(&model, &[counts], &settings)?;
        assert_eq!(found.status, Status::Converged);
        for (p, truth) in found.params.iter().zip(truth) {
            let z = (math::ln(p.estimate / truth)) / (p.se.expect("one") / p.estimate);
            squares += z * z / (2 * runs) as f64;
        }
    }
    // Sixty squares, the two of a path correlated by some 0.9: the sd of their mean is about √(2·1.8/60).
    assert!((squares - 1.0).abs() < 4.0 * (3.6f64 / 60.0).sqrt(), "{squares}");
    Ok(())
}

#[test]
fn two_independent_species_are_fitted_by_projection() -> Result<()> {
    // A → B → C from thirty molecules of A: every molecule goes its own way, so that a step is multinomial.
    let model = built_in("consecutive-first-order")?;
    let truth = [0.8, 0.3];
    let changes = [vec![-1.0, 1.0, 0.0], vec![0.0, -1.0, 1.0]];
    let path = |i: u64| simulated(&changes, &|x| vec![0.8 * x[0], 0.3 * x[1]], &[30.0, 0.0, 0.0], 4.0, 7 + i);
    let data: Vec<CountSeries> = (0..3).map(|i| sampled(&path(i), 0.5)).collect();
    let found = fit_counts(&model, &data, &Settings { starts: 1, ..Settings::default() })?;
    assert_eq!(found.status, Status::Converged, "{:?}", found.starts);
    within(&found.params, &truth, 3.0);
    let [k1, k2] = [found.theta[0], found.theta[1]];
    let (a, b) = (math::exp(-0.5 * k1), math::exp(-0.5 * k2));
    let through = k1 / (k2 - k1) * (a - b);
    let ln_factorial = |n: f64| math::ln_gamma(n + 1.0);
    let step = |from: &[f64], to: &[f64]| -> f64 {
        // Of those of A `to A` stay; of B so many came that stay there, the rest are survivors of B.
        let (left, rest) = (from[0] - to[0], 1.0 - a - through);
        let each = (0..=left.min(to[1]) as usize).map(|m| {
            let (m, survivors) = (m as f64, to[1] - m as f64);
            if survivors > from[1] {
                return 0.0;
            }
            let ways = ln_factorial(from[0]) - ln_factorial(to[0]) - ln_factorial(m) - ln_factorial(left - m);
            let ways = ways + ln_factorial(from[1]) - ln_factorial(survivors) - ln_factorial(from[1] - survivors);
            let moved = to[0] * math::ln(a) + m * math::ln(through) + (left - m) * math::ln(rest);
            math::exp(ways + moved + survivors * math::ln(b) + (from[1] - survivors) * math::ln(1.0 - b))
        });
        math::ln(each.sum())
    };
    let exact: f64 = data.iter().flat_map(|s| s.states.windows(2)).map(|w| step(&w[0], &w[1])).sum();
    let total = found.log_likelihood.expect("one");
    assert!((total - exact).abs() < 1e-8, "{total} {exact}");
    Ok(())
}

#[test]
fn every_reaction_known_the_rates_are_counts_over_exposures() -> Result<()> {
    let model = built_in("immigration-death")?;
    let path = immigration_death([8.0, 0.4], 40.0, 3);
    let found = fit_complete(&model, std::slice::from_ref(&path), &Settings { starts: 2, ..Settings::default() })?;
    assert_eq!(found.status, Status::Converged, "{:?}", found.starts);
    assert_eq!(found.likelihood, "every reaction");
    let exposure: f64 = path.times.windows(2).zip(&path.states).map(|(t, x)| x[0] * (t[1] - t[0])).sum();
    let ups = path.states.windows(2).filter(|w| w[1][0] > w[0][0]).count() as f64;
    let downs = path.states.windows(2).filter(|w| w[1][0] < w[0][0]).count() as f64;
    assert_eq!(found.happened, [ups, downs]);
    // Wilkinson 2018, section 10.2; the information of a rate `k` is `r/k²`.
    for (p, (count, exposure)) in found.params.iter().zip([(ups, 40.0), (downs, exposure)]) {
        assert!((p.estimate / (count / exposure) - 1.0).abs() < 1e-9, "{p:?}");
        // The Hessian is of differences taken near the optimum, good to its fifth digit.
        assert!((p.se.expect("one") / (p.estimate / count.sqrt()) - 1.0).abs() < 1e-5, "{p:?}");
    }
    let total = ups * math::ln(found.theta[0]) - found.theta[0] * 40.0 - found.theta[1] * exposure
        + path.states.windows(2).filter(|w| w[1][0] < w[0][0]).map(|w| math::ln(found.theta[1] * w[0][0])).sum::<f64>();
    assert!((found.log_likelihood.expect("one") - total).abs() < 1e-9);
    Ok(())
}

#[test]
fn what_is_no_path_of_the_model_is_said() -> Result<()> {
    let model = built_in("immigration-death")?;
    let settings = Settings::default();
    let path = |states: &[f64]| CountSeries {
        name: "p".into(),
        times: (0..states.len()).map(|i| i as f64).collect(),
        states: states.iter().map(|x| vec![*x]).collect(),
    };
    let refused = |found: Result<CountsFit>, part: &str| {
        let text = found.expect_err("refused").to_string();
        assert!(text.contains(part), "{text}");
    };
    refused(fit_complete(&model, &[path(&[3.0, 4.0, 6.0, 5.0])], &settings), "single reaction");
    refused(fit_complete(&model, &[path(&[3.0, 3.0, 4.0, 5.0])], &settings), "single reaction");
    refused(fit_counts(&model, &[path(&[3.0, 4.5, 6.0, 5.0])], &settings), "whole numbers");
    let mse = Settings { objective: Objective::Mse, ..Settings::default() };
    refused(fit_counts(&model, &[path(&[3.0, 4.0, 6.0, 5.0])], &mse), "kl");
    let mut halves = series(&path(&[3.0, 4.0, 6.0, 5.0, 4.0, 5.0, 6.0]), 1.0);
    halves.value[2] = 5.5;
    assert!(matches!(Observed::of(&halves, Transform::None, &model), Err(Error::OutsideDomain { .. })));
    halves.value[2] = 5.0;
    assert!(matches!(Observed::of(&halves, Transform::Log, &model), Err(Error::BadOption { .. })));
    let data = Observed::of(&halves, Transform::None, &model)?;
    let euler = Settings { form: FormRequest::Asked(Form::Euler), ..Settings::default() };
    assert!(matches!(fit(&model, &data, &euler), Err(Error::FormUnavailable { .. })));
    Ok(())
}

fn predators(end: f64, path: u64) -> CountSeries {
    let changes = [vec![1.0, 0.0], vec![-1.0, 1.0], vec![0.0, -1.0]];
    let rates = |x: &[f64]| vec![2.0 * x[0], 0.05 * x[0] * x[1], 2.0 * x[1]];
    simulated(&changes, &rates, &[40.0, 40.0], end, path)
}

#[test]
fn residuals_of_every_species_are_normal_under_the_truth_and_not_under_other_rates() -> Result<()> {
    let model = built_in("lotka-volterra")?;
    let data = sampled(&predators(6.0, 3), 0.05);
    let mut pairs = CountPairs::default();
    for (t, x) in data.times.windows(2).zip(data.states.windows(2)) {
        pairs.from.push(x[0].clone());
        pairs.to.push(x[1].clone());
        pairs.dt.push(t[1] - t[0]);
    }
    let transitions = CountTransitions::new(&model)?;
    let right = checks::of_states(&model, &transitions, &[2.0, 0.05, 2.0], &pairs);
    let names: Vec<&str> = right.iter().map(|c| c.state.as_str()).collect();
    assert_eq!(names, ["prey", "predator"]);
    for check in &right {
        assert!(check.pit_ks_p > 1e-3 && check.ljung_box_p > 1e-3, "{check:?}");
        let tally = check.tally.as_ref().expect("a tally");
        // Of a right law all bars are inside in 95 of 100 records; three outside have a chance far below one in a thousand.
        assert!(tally.beyond() <= 2, "{tally:?}");
        assert!(tally.expected.iter().sum::<f64>() <= pairs.len() as f64 + 1e-9 && tally.n == pairs.len());
    }
    let wrong = checks::of_states(&model, &transitions, &[3.5, 0.05, 2.0], &pairs);
    assert!(wrong[0].pit_ks_p < 1e-4, "{:?}", wrong[0].pit_ks_p);
    Ok(())
}

#[test]
fn times_between_reactions_are_exponential_under_the_estimates() -> Result<()> {
    let model = built_in("lotka-volterra")?;
    let fit = fit_complete(&model, &[predators(4.0, 5)], &Settings { starts: 1, ..Settings::default() })?;
    let [waits] = fit.checks.as_slice() else { panic!("{:?}", fit.checks) };
    assert_eq!((waits.state.as_str(), waits.scores.len()), ("waiting time", fit.transitions));
    assert!(waits.pit_ks_p > 1e-3 && waits.ljung_box_p > 1e-3, "{} {}", waits.pit_ks_p, waits.ljung_box_p);
    Ok(())
}

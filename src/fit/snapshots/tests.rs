//! Snapshots that give back what made them, by density, by bins and by squares; counts; and bins that nothing fell in.

use super::*;
use crate::base::Seed;
use crate::fit::optimise::Goal;
use crate::fit::{Estimate, Status};
use crate::models::built_in;

const TRUTH: [f64; 3] = [1.5, 1.0, 0.6];
const X0: f64 = 3.0;

/// Exact snapshots of the Ornstein-Uhlenbeck process from `X0`, at 8 times.
fn ou(replicates: usize, path: u64) -> Snapshots {
    let [kappa, theta, sigma] = TRUTH;
    let times: Vec<f64> = (1..=8).map(|i| f64::from(i) * 0.25).collect();
    let mut stream = Seed(77).key(Purpose::Simulation, 0, 0).stream(path);
    let mut at = |t: &f64| {
        let decay = math::exp(-kappa * t);
        let sd = sigma * ((1.0 - decay * decay) / (2.0 * kappa)).sqrt();
        (0..replicates).map(|_| theta + (X0 - theta) * decay + sd * stream.normal()).collect()
    };
    Snapshots { values: times.iter().map(&mut at).collect(), times }
}

fn from_x0() -> SnapshotOptions {
    SnapshotOptions { begin: Begin::At { t0: 0.0, x: vec![X0] }, component: None, binned: false, bins: None }
}

fn how(objective: Objective) -> Settings {
    Settings { objective, starts: 2, ..Settings::default() }
}

/// How far the estimates are from the truth, in standard errors.
fn off(fit: &SnapshotFit, truth: &[f64]) -> f64 {
    let z = |(p, truth): (&Estimate, &f64)| ((p.estimate - truth) / p.se.expect("a standard error")).abs();
    fit.params.iter().zip(truth).map(z).fold(0.0, f64::max)
}

#[test]
fn eight_snapshots_give_back_the_process_by_density_bins_and_squares() -> Result<()> {
    let (model, data) = (built_in("ou")?, ou(200, 1));
    let density = fit_snapshots(&model, &data, &from_x0(), &how(Objective::Kl))?;
    let binned = SnapshotOptions { binned: true, ..from_x0() };
    let bins = fit_snapshots(&model, &data, &binned, &how(Objective::Kl))?;
    let squares = fit_snapshots(&model, &data, &from_x0(), &how(Objective::Mse))?;
    for fit in [&density, &bins, &squares] {
        assert_eq!(fit.status, Status::Converged, "{:?}", fit.starts);
        assert!(off(fit, &TRUTH) < 3.0, "{:?}", fit.params);
        assert_eq!(fit.observations, 1600);
        assert!(fit.fitted.iter().all(|c| c.ks_p.is_some_and(|p| p > 1e-4)), "{:?}", fit.fitted);
    }
    // Bins lose something, squares more; never the other way by more than the noise of an observed information.
    for k in 0..3 {
        let se = |fit: &SnapshotFit| fit.params[k].se.expect("a standard error");
        assert!(se(&bins) > 0.97 * se(&density) && se(&bins) < 1.5 * se(&density), "{k}");
        assert!(se(&squares) > 0.97 * se(&bins) && se(&squares) < 3.0 * se(&bins), "{k}");
    }
    assert!(density.log_likelihood.is_some() && bins.log_likelihood.is_none() && squares.aic.is_none());
    // n_t KL is half a chi-square with the filled bins less one as degrees, less the parameters.
    assert!(bins.objective_value > 0.0 && bins.objective_value < 8.0 * 17.0);
    Ok(())
}

#[test]
fn standard_errors_of_bins_and_squares_are_the_spread_of_the_estimates() -> Result<()> {
    let model = built_in("ou")?;
    let runs = 24;
    for (objective, binned) in [(Objective::Kl, true), (Objective::Mse, false)] {
        let options = SnapshotOptions { binned, ..from_x0() };
        let initial = ["kappa", "theta", "sigma"].iter().zip(TRUTH).map(|(n, v)| (n.to_string(), v)).collect();
        let settings = Settings { starts: 1, initial, ..how(objective) };
        let mut squares = 0.0;
        for path in 0..runs {
            let fit = fit_snapshots(&model, &ou(60, 10 + path), &options, &settings)?;
            for (p, truth) in fit.params.iter().zip(TRUTH) {
                let z = (p.estimate - truth) / p.se.expect("a standard error");
                squares += z * z / (3 * runs) as f64;
            }
        }
        // The mean of 72 squares of normals, within four standard deviations.
        assert!((squares - 1.0).abs() < 4.0 * (2.0 / (3 * runs) as f64).sqrt(), "{objective:?}: {squares}");
    }
    Ok(())
}

#[test]
fn an_empirical_and_a_stationary_start_tell_what_they_can() -> Result<()> {
    let [kappa, theta, sigma] = TRUTH;
    let model = built_in("ou")?;
    let mut stream = Seed(78).key(Purpose::Simulation, 0, 0).stream(0);
    // From 30 starts; each later snapshot has other replicates, begun at the same values in turn.
    let starts: Vec<f64> = (0..30).map(|_| 3.0 + stream.normal()).collect();
    let times = vec![0.0, 0.2, 0.5, 1.0, 2.0];
    let mut at = |t: &f64| {
        let decay = math::exp(-kappa * t);
        let sd = sigma * ((1.0 - decay * decay) / (2.0 * kappa)).sqrt();
        (0..120).map(|i| theta + (starts[i % 30] - theta) * decay + sd * stream.normal()).collect()
    };
    let mut values: Vec<Vec<f64>> = times.iter().map(&mut at).collect();
    values[0] = starts.clone();
    let options = SnapshotOptions { begin: Begin::Empirical, ..from_x0() };
    let settings = Settings { starts: 1, ..how(Objective::Kl) };
    let fit = fit_snapshots(&model, &Snapshots { times, values }, &options, &settings)?;
    assert_eq!(fit.status, Status::Converged, "{:?}", fit.starts);
    assert!(off(&fit, &TRUTH) < 3.0, "{:?}", fit.params);
    assert_eq!(fit.fitted.len(), 4);
    // The law at rest hangs on sigma²/kappa alone.
    let rest = sigma / (2.0 * kappa).sqrt();
    let values = vec![(0..400).map(|_| theta + rest * stream.normal()).collect()];
    let options = SnapshotOptions { begin: Begin::Stationary, ..from_x0() };
    let settings = Settings { fixed: vec![("kappa".into(), kappa)], ..settings };
    let fit = fit_snapshots(&model, &Snapshots { times: vec![1.0], values }, &options, &settings)?;
    let z = |k: usize| ((fit.theta[k] - TRUTH[k]) / fit.params[k].se.expect("a standard error")).abs();
    assert!(z(1) < 3.0 && z(2) < 3.0, "{:?}", fit.params);
    Ok(())
}

#[test]
fn counts_of_immigration_and_death_come_back_by_probability_and_by_squares() -> Result<()> {
    let model = built_in("immigration-death")?;
    let truth = [4.0, 0.5];
    let times = vec![0.5, 1.5, 3.0, 6.0];
    let mut stream = Seed(79).key(Purpose::Simulation, 0, 0).stream(0);
    // From nothing the law is Poisson of mean alpha (1 - exp(-mu t))/mu.
    let mut poisson = |mean: f64| {
        let (mut count, mut left) = (0.0, math::exp(-mean));
        let (u, mut term) = (stream.uniform(), left);
        while u > left && count < 200.0 {
            count += 1.0;
            term *= mean / count;
            left += term;
        }
        count
    };
    let mean = |t: f64| truth[0] * (1.0 - math::exp(-truth[1] * t)) / truth[1];
    let values = times.iter().map(|t| (0..100).map(|_| poisson(mean(*t))).collect()).collect();
    let data = Snapshots { times, values };
    let options =
        SnapshotOptions { begin: Begin::File { t0: 0.0 }, component: Some("X".into()), binned: false, bins: None };
    for objective in [Objective::Kl, Objective::Mse] {
        let fit = fit_snapshots(&model, &data, &options, &Settings { starts: 1, ..how(objective) })?;
        assert_eq!(fit.form, Form::MasterEquation);
        assert_eq!(fit.status, Status::Converged, "{objective:?} {:?}", fit.starts);
        assert!(off(&fit, &truth) < 3.0, "{:?}", fit.params);
        if objective == Objective::Kl {
            // The likelihood is that of Poisson's law.
            let log = |t: usize, x: f64| {
                let mean = fit.theta[0] * (1.0 - math::exp(-fit.theta[1] * data.times[t])) / fit.theta[1];
                x * math::ln(mean) - mean - (1..=x as u64).map(|i| math::ln(i as f64)).sum::<f64>()
            };
            let exact: f64 = data
                .values
                .iter()
                .enumerate()
                .flat_map(|(t, v)| v.iter().map(move |x| (t, *x)))
                .map(|(t, x)| log(t, x))
                .sum();
            assert!((fit.log_likelihood.expect("kl") - exact).abs() < 1e-8);
            let (least, most) = fit.log_likelihood_bounds.expect("of counts");
            assert!(least <= exact + 1e-9 && exact <= most + 1e-9 && most - least < 1e-6, "{least} {exact} {most}");
            for (h, values) in fit.histograms.iter().zip(&data.values) {
                assert_eq!(h.observed.iter().sum::<f64>(), values.len() as f64);
                let kept: f64 = h.fitted.iter().sum();
                assert!(h.fitted.len() == h.observed.len() && kept <= 1.0 + 1e-13 && kept > 1.0 - 1e-7, "{kept}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_gene_switched_at_a_time_to_be_found_comes_back_from_its_counts() -> Result<()> {
    // Paths of the model itself, each seen once, from its law at rest.
    let model = built_in("telegraph-switched")?;
    let truth = [0.05, 0.8, 1.2, 12.0, 0.4, 1.7, 6.3];
    let times: Vec<f64> = vec![0.0, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0];
    let mut values = vec![Vec::new(); times.len()];
    for (t, seen) in values.iter_mut().enumerate() {
        let run = crate::form::monte_carlo::ssa::Run {
            theta: &truth,
            start: &[],
            t0: 0.0,
            times: &[times[t].max(1e-9)],
            paths: 300,
            key: Seed(11).key(Purpose::Simulation, t as u64, 0),
            most_events: None,
            method: crate::form::monte_carlo::ssa::Method::Auto,
            epsilon: None,
        };
        *seen = crate::form::monte_carlo::ssa::simulate(&model, &run)?.states[0][2].clone();
    }
    let data = Snapshots { times, values };
    let names = ["kon0", "kon1", "koff", "kr", "kd", "t1", "t2"];
    let initial = names.iter().zip(truth).map(|(n, v)| (n.to_string(), v)).collect();
    let settings = Settings { starts: 1, initial, ..how(Objective::Kl) };
    for binned in [false, true] {
        let options =
            SnapshotOptions { begin: Begin::File { t0: 0.0 }, component: Some("rna".into()), binned, bins: None };
        let fit = fit_snapshots(&model, &data, &options, &settings)?;
        assert_eq!(fit.status, Status::Converged, "{binned} {:?} {:?}", fit.starts, fit.params);
        assert!(off(&fit, &truth) < 3.5, "{binned} {:?}", fit.params);
        assert_eq!(fit.log_likelihood.is_none(), binned);
    }
    Ok(())
}

#[test]
fn empty_bins_and_laws_far_from_the_data_leave_every_number_finite() -> Result<()> {
    let (model, data) = (built_in("ou")?, ou(50, 3));
    let bins = Bins::of(&data.values, Some(30), false);
    let counted: Vec<Counted> = data.values.iter().map(|v| bins.count(v)).collect();
    assert!(counted.iter().any(|s| s.cells.iter().any(|(_, count)| *count == 0.0)));
    let source = Source {
        model: &model,
        form: Form::Exact,
        component: 0,
        start: Start::At { t0: 0.0, x: vec![X0] },
        times: data.times.clone(),
        key: Seed(1).key(Purpose::Simulation, 0, 0),
    };
    let free = [0, 1, 2];
    let widths = bins.widths();
    for measure in [Measure::Divergence, Measure::Squares(widths)] {
        let goal = Compared::new(&source, &counted, (measure, bins.reach()), (&model.params, &free), 1.0, ACCURACY);
        // A narrow law far away: every bin's probability underflows.
        for theta in [[1.5, 1.0, 0.6], [1.5, -40.0, 0.01], [1e-3, 1e3, 0.1], [50.0, 1.0, 1e-2]] {
            let (value, gradient) = goal.at(&theta);
            assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()), "{theta:?}: {value} {gradient:?}");
        }
        // At the truth the slope is the difference quotient.
        let (_, gradient) = goal.at(&TRUTH);
        for k in 0..3 {
            let at = |d: f64| {
                let mut moved = TRUTH;
                moved[k] += d;
                goal.at(&moved).0
            };
            let quotient = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (quotient - gradient[k]).abs() < 1e-7 * (1.0 + gradient[k].abs()),
                "{k}: {quotient} {}",
                gradient[k]
            );
        }
    }
    Ok(())
}

#[test]
fn a_model_without_a_closed_law_is_fitted_by_its_equation() -> Result<()> {
    // The same process as a file that claims no law, by the density of its Fokker-Planck equation.
    let data = ou(40, 4);
    let mut model = built_in("ou")?;
    let settings = Settings { starts: 1, ..how(Objective::Kl) };
    let exact = fit_snapshots(&model, &data, &from_x0(), &settings)?;
    model.law = None;
    let settings = Settings { form: FormRequest::Asked(Form::FokkerPlanck), ..settings };
    let solved = fit_snapshots(&model, &data, &from_x0(), &settings)?;
    assert_eq!(solved.form, Form::FokkerPlanck);
    for (a, b) in solved.params.iter().zip(&exact.params) {
        assert!((a.estimate - b.estimate).abs() < 1e-2 * b.se.expect("a standard error"), "{a:?} {b:?}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_is_refused() -> Result<()> {
    let (model, data) = (built_in("ou")?, ou(20, 5));
    let refused = |data: &Snapshots, options: &SnapshotOptions, settings: &Settings| {
        assert!(matches!(fit_snapshots(&model, data, options, settings), Err(Error::BadOption { .. })));
    };
    let kl = how(Objective::Kl);
    refused(&data, &SnapshotOptions { component: Some("q".into()), ..from_x0() }, &kl);
    refused(&data, &SnapshotOptions { begin: Begin::At { t0: 1.0, x: vec![X0] }, ..from_x0() }, &kl);
    refused(&data, &SnapshotOptions { begin: Begin::At { t0: 0.0, x: vec![] }, ..from_x0() }, &kl);
    refused(&data, &SnapshotOptions { begin: Begin::File { t0: 0.0 }, ..from_x0() }, &kl);
    refused(&data, &from_x0(), &Settings { robust: Some(crate::fit::Robust::HUBER), ..kl.clone() });
    let mut bad = data.clone();
    bad.values[0][0] = f64::NAN;
    refused(&bad, &from_x0(), &kl);
    let paths = Settings { form: FormRequest::Asked(Form::MonteCarlo), ..kl };
    assert!(matches!(fit_snapshots(&model, &data, &from_x0(), &paths), Err(Error::FormUnavailable { .. })));
    Ok(())
}

//! Reactions recovered from their mean curves.

use super::trajectories::{Column, Trajectories, fit_trajectories};
use super::*;
use crate::base::{Purpose, math};
use crate::form::ode;
use crate::models::built_in;

fn settings() -> Settings {
    Settings { objective: Objective::Mse, starts: 3, ..Settings::default() }
}

/// Of `A → B → C` from `a` molecules: the closed solution.
fn consecutive(k: [f64; 2], a: f64, t: f64) -> [f64; 3] {
    let first = a * math::exp(-k[0] * t);
    let second = a * k[0] / (k[1] - k[0]) * (math::exp(-k[0] * t) - math::exp(-k[1] * t));
    [first, second, a - first - second]
}

/// Species B and C at 20 times, with errors of `sd`; those of C weigh a quarter and are twice as large.
fn measured(k: [f64; 2], a: f64, sd: f64, path: u64) -> Trajectories {
    let times: Vec<f64> = (1..=20).map(|i| f64::from(i) * 0.25).collect();
    let mut stream = Seed(5).key(Purpose::Simulation, 0, 0).stream(path);
    let mut column = |component: usize, name: &str, times_sd: f64| Column {
        component: name.to_string(),
        values: times
            .iter()
            .map(|t| Some(consecutive(k, a, *t)[component] + times_sd * sd * stream.normal()))
            .collect(),
        weight: vec![1.0 / (times_sd * times_sd); times.len()],
    };
    let columns = vec![column(1, "B", 1.0), column(2, "C", 2.0)];
    Trajectories {
        name: "one".into(),
        t0: 0.0,
        start: vec![("A".into(), a)],
        times: times.clone(),
        columns,
        ..Default::default()
    }
}

#[test]
fn consecutive_reactions_come_back_to_six_digits_without_noise() -> Result<()> {
    let model = built_in("consecutive-first-order")?;
    let truth = [1.3, 0.4];
    let fit = fit_trajectories(&model, &[measured(truth, 100.0, 0.0, 0)], &settings())?;
    assert_eq!(fit.status, Status::Converged);
    assert_eq!(fit.means, "closed moments");
    for (a, b) in fit.theta.iter().zip(truth) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
    assert!((fit.fitted[0][0][3] - consecutive(truth, 100.0, 1.0)[1]).abs() < 1e-6);
    Ok(())
}

#[test]
fn noise_leaves_them_within_three_standard_errors_and_the_errors_are_honest() -> Result<()> {
    let model = built_in("consecutive-first-order")?;
    let truth = [1.3, 0.4];
    let one = Settings { starts: 1, ..settings() };
    let mut squares = 0.0;
    let runs = 30;
    for path in 0..runs {
        // Two experiments from different starts.
        let data = [measured(truth, 100.0, 0.5, 2 * path), measured(truth, 30.0, 0.5, 2 * path + 1)];
        let fit = fit_trajectories(&model, &data, &one)?;
        assert_eq!(fit.status, Status::Converged);
        assert_eq!(fit.degrees_of_freedom, 78);
        for (p, t) in fit.params.iter().zip(truth) {
            let z = (p.estimate - t) / p.se.expect("a standard error");
            squares += z * z / (2 * runs) as f64;
            assert!(z.abs() < 4.5, "{p:?}");
            assert!(path > 0 || z.abs() < 3.0, "{p:?}");
        }
    }
    // The mean of 60 squares of Student's t with 78 degrees: 1.026, within four of its standard deviations.
    assert!((squares - 1.026).abs() < 4.0 * (2.1f64 / 60.0).sqrt(), "{squares}");
    Ok(())
}

#[test]
fn a_network_whose_means_do_not_close_is_fitted_by_its_rate_equations() -> Result<()> {
    let model = built_in("dimerisation")?;
    let truth: Vec<f64> = model.params.iter().map(|p| p.default * 1.3).collect();
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let start = model.default_start(&truth).expect("a start");
    let times: Vec<f64> = (0..=24).map(|i| f64::from(i) * 20.0).collect();
    let initial = ode::Initial { theta: &truth, start: &start, t0: 0.0, times: &times, tolerance: 1e-11 };
    let states = ode::rate_equations(&model, &initial)?.states;
    let column = |i: usize| Column {
        component: names[i].clone(),
        values: states.iter().enumerate().map(|(t, x)| (t % 5 != 3).then_some(x[i])).collect(),
        weight: Vec::new(),
    };
    let data = Trajectories {
        name: "one".into(),
        times,
        columns: (0..names.len()).map(column).collect(),
        ..Default::default()
    };
    let fit = fit_trajectories(&model, &[data], &Settings { starts: 1, ..settings() })?;
    assert_eq!(fit.means, "rate equations");
    assert_eq!(fit.status, Status::Converged);
    for (a, b) in fit.theta.iter().zip(&truth) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_fitted_is_said() -> Result<()> {
    let model = built_in("consecutive-first-order")?;
    let good = measured([1.3, 0.4], 100.0, 0.1, 9);
    let refused = |data: Trajectories, settings: Settings| {
        assert!(matches!(fit_trajectories(&model, &[data], &settings), Err(Error::BadOption { .. })));
    };
    refused(good.clone(), Settings::default());
    refused(Trajectories { t0: 1.0, ..good.clone() }, settings());
    let mut named = good.clone();
    named.columns[0].component = "Q".into();
    refused(named, settings());
    let mut short = good.clone();
    short.columns[0].values.pop();
    refused(short, settings());
    let few = Trajectories {
        times: vec![1.0],
        columns: vec![Column { component: "A".into(), values: vec![Some(3.0)], weight: vec![] }],
        ..good
    };
    assert!(matches!(fit_trajectories(&model, &[few], &settings()), Err(Error::TooFewRows { .. })));
    // Only A is seen: k2 is told by nothing.
    let times: Vec<f64> = (1..=9).map(f64::from).collect();
    let values = times.iter().map(|t| Some(100.0 * math::exp(-0.3 * t) + 0.1 * math::sin(9.0 * t))).collect();
    let blind = Trajectories {
        times,
        columns: vec![Column { component: "A".into(), values, weight: vec![] }],
        ..Default::default()
    };
    assert_eq!(fit_trajectories(&model, &[blind], &settings())?.status, Status::Flat("k2".into()));
    Ok(())
}

#[test]
fn a_first_order_decay_has_the_errors_of_its_closed_form() -> Result<()> {
    // y = a e^{-kt}, a known: s² / Σ (a t e^{-kt})².
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n[species.A]\ninitial = 40\n\
         [params.k]\ndefault = 1.0\nbounds = [1e-9, 1e9]\n[[reaction]]\nequation = \"A -> 0\"\nrate = \"k\"\n";
    let model = crate::models::read("test.toml", text)?;
    let times: Vec<f64> = (1..=15).map(|i| f64::from(i) * 0.4).collect();
    let mut stream = Seed(8).key(Purpose::Simulation, 0, 0).stream(0);
    let values: Vec<f64> = times.iter().map(|t| 40.0 * math::exp(-0.6 * t) + 0.7 * stream.normal()).collect();
    let columns =
        vec![Column { component: "A".into(), values: values.iter().map(|v| Some(*v)).collect(), weight: vec![] }];
    let data = Trajectories { name: "decay".into(), times: times.clone(), columns, ..Default::default() };
    let fit = fit_trajectories(&model, &[data], &settings())?;
    assert_eq!(fit.status, Status::Converged);
    let k = fit.theta[0];
    let slope = |t: &f64| 40.0 * t * math::exp(-k * t);
    let score: f64 = times.iter().zip(&values).map(|(t, v)| slope(t) * (v - 40.0 * math::exp(-k * t))).sum();
    let information: f64 = times.iter().map(|t| slope(t) * slope(t)).sum();
    let se = fit.sd / information.sqrt();
    assert!((score / information / se).abs() < 1e-6, "{score}");
    assert!((fit.params[0].se.expect("one") / se - 1.0).abs() < 1e-6);
    assert!((k - 0.6).abs() < 3.0 * se, "{k} ± {se}");
    Ok(())
}

#[test]
fn a_temperature_of_each_experiment_gives_the_activation_energy() -> Result<()> {
    // k = exp(lnk - Ea/R (1/T - 1/T0)), kJ/mol, at three temperatures.
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n\
         [let]\nk = \"exp(lnk - Ea/0.0083144626*(1/T - 1/300))\"\n[species.A]\ninitial = 1\n[species.B]\n\
         [params.lnk]\ndefault = 0.0\nbounds = [-50.0, 50.0]\n[params.Ea]\ndefault = 30.0\nbounds = [0.1, 500.0]\n\
         [params.T]\ndefault = 300.0\nbounds = [1.0, 5000.0]\n[[reaction]]\nequation = \"2 A -> B\"\nrate = \"k\"\n";
    let model = crate::models::read("test.toml", text)?;
    let truth = [-2.0, 52.0];
    let mut stream = Seed(9).key(Purpose::Simulation, 0, 0).stream(0);
    let mut experiment = |temperature: f64, start: f64| {
        let k = math::exp(truth[0] - truth[1] / 0.0083144626 * (1.0 / temperature - 1.0 / 300.0));
        let times: Vec<f64> = (1..=12).map(|i| f64::from(i) * 0.7).collect();
        // Second order: dA/dt = -2 k A².
        let value = |t: &f64| Some(start / (1.0 + 2.0 * k * start * t) + 0.01 * stream.normal());
        let columns = vec![Column { component: "A".into(), values: times.iter().map(value).collect(), weight: vec![] }];
        Trajectories {
            name: format!("{temperature} K"),
            start: vec![("A".into(), start)],
            given: vec![("T".into(), temperature)],
            times,
            columns,
            ..Default::default()
        }
    };
    let data = [experiment(290.0, 2.0), experiment(300.0, 1.0), experiment(315.0, 1.5)];
    let fit = fit_trajectories(&model, &data, &settings())?;
    assert_eq!(fit.status, Status::Converged, "{:?}", fit.starts);
    assert_eq!(fit.means, "rate equations");
    for (p, truth) in fit.params.iter().zip(truth) {
        let se = p.se.expect("one");
        assert!((p.estimate - truth).abs() < 3.0 * se && se < 0.1 * truth.abs(), "{p:?}");
    }
    // The temperature is given, not fitted.
    assert!(fit.params[2].fixed && fit.params[2].se.is_none());
    Ok(())
}

#[test]
fn puromycin_by_reactions_with_shared_and_own_parameters() -> Result<()> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/counts/Puromycin.csv");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: {} is not there", file.display());
        return Ok(());
    };
    // One row an experiment: the product made in a unit of time at its concentration, treated (u = 1) or not.
    let model = crate::models::read(
        "test.toml",
        "schema = 1\nid = \"t\"\ntitle = \"t\"\nkind = \"network\"\ncounting = \"ordered\"\n[species.P]\n\
         [params.vm]\ndefault = 100.0\nbounds = [1e-9, 1e9]\n[params.more]\ndefault = 10.0\nbounds = [-1e6, 1e6]\n\
         [params.km]\ndefault = 0.1\nbounds = [1e-9, 1e9]\n[params.c]\ndefault = 1.0\nbounds = [0.0, 1e9]\n\
         [params.u]\ndefault = 0.0\nbounds = [0.0, 1.0]\n\
         [[reaction]]\nequation = \"0 -> P\"\nlaw = \"(vm + u*more)*c/(km + c)\"\n",
    )?;
    let row = |line: &str| -> Option<Trajectories> {
        let cells: Vec<&str> = line.split(',').map(|cell| cell.trim_matches('"')).collect();
        let [concentration, rate] = [cells.get(1)?.parse().ok()?, cells.get(2)?.parse().ok()?];
        let treated = f64::from(u8::from(*cells.get(3)? == "treated"));
        Some(Trajectories {
            name: line.to_string(),
            start: vec![("P".into(), 0.0)],
            given: vec![("c".into(), concentration), ("u".into(), treated)],
            times: vec![1.0],
            columns: vec![Column { component: "P".into(), values: vec![Some(rate)], weight: vec![] }],
            ..Default::default()
        })
    };
    let all: Vec<Trajectories> = text.lines().filter_map(row).collect();
    assert_eq!(all.len(), 23);
    let treated = |e: &Trajectories| e.given[1].1 == 1.0;
    let own = Settings { fixed: vec![("more".into(), 0.0)], ..settings() };
    // Bates & Watts 1988, tables 2.1 and 3.2.
    for (state, published) in
        [(true, [(212.7, 6.947), (0.06412, 0.00828)]), (false, [(160.3, 6.48), (0.0477, 0.00778)])]
    {
        let part: Vec<Trajectories> = all.iter().filter(|e| treated(e) == state).cloned().collect();
        let fit = fit_trajectories(&model, &part, &Settings { starts: 1, ..own.clone() })?;
        assert_eq!(fit.status, Status::Converged);
        for (p, (estimate, se)) in [&fit.params[0], &fit.params[2]].into_iter().zip(published) {
            assert!((p.estimate / estimate - 1.0).abs() < 1e-3, "{p:?}");
            assert!((p.se.expect("one") / se - 1.0).abs() < 2e-3, "{p:?}");
        }
    }
    // One half-saturation for both: the residual sum of squares and errors of R's nls (Venables & Ripley 2002, section 8.2: 2240.9 on 20).
    let fit = fit_trajectories(&model, &all, &Settings { starts: 1, ..settings() })?;
    assert_eq!((fit.status.clone(), fit.degrees_of_freedom), (Status::Converged, 20));
    assert!((fit.squares / 2_240.891_438_636 - 1.0).abs() < 1e-9, "{}", fit.squares);
    for (p, (estimate, se)) in fit.params.iter().zip([(166.604, 5.80743), (42.0260, 6.27214), (0.0579718, 0.00591018)])
    {
        assert!((p.estimate / estimate - 1.0).abs() < 1e-5, "{p:?}");
        assert!((p.se.expect("one") / se - 1.0).abs() < 1e-4, "{p:?}");
    }
    Ok(())
}

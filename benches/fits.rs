//! What does a whole fit cost? Maximum likelihood with standard errors, from starting values as a user gives them, on daily rates and
//! on simulated series. `cargo bench --no-default-features --bench fits [CSV]` prints a JSON line a fit; beside pymle in one run:
//! `benches/peers/fits.py`.

#![allow(clippy::expect_used)] // A bench may stop.

use kramers::base::{Clock, ClockKind, Purpose, Seed, Series, Transform};
use kramers::fit::{FormRequest, Observed, Settings, Status, fit};
use kramers::form::Form;
use kramers::form::monte_carlo::{Run, Scheme, Start, simulate};
use kramers::models::built_in;
use std::time::Instant;

fn main() {
    // Cargo adds --bench; a path is the daily rates, one value a line after a header, in the last column.
    if let Some(path) = std::env::args().skip(1).find(|a| !a.starts_with("--")) {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let value: Vec<f64> =
            text.lines().skip(1).filter_map(|line| line.rsplit(',').next()?.trim().parse().ok()).collect();
        let rates = series(value, 1.0 / 252.0);
        let start = [("alpha", 0.1), ("beta", -0.1), ("sigma", 0.3), ("gamma", 0.5)];
        report("ckls", Form::Euler, "DGS10", &rates, &start);
        report("ckls", Form::Kessler, "DGS10", &rates, &start);
        report("ckls", Form::Expansion, "DGS10", &rates, &start);
        report("cir", Form::Exact, "DGS10", &rates, &[("kappa", 0.1), ("theta", 5.0), ("sigma", 0.3)]);
        report("ou", Form::Exact, "DGS10", &rates, &[("kappa", 0.1), ("theta", 5.0), ("sigma", 0.3)]);
    }
    for (id, truth) in [("ou", [2.0, 1.0, 0.5]), ("cir", [2.0, 1.0, 0.5])] {
        let drawn = path(id, &truth, 2501, 1.0 / 252.0);
        report(id, Form::Exact, "2500 simulated", &drawn, &[("kappa", 1.0), ("theta", 1.2), ("sigma", 0.4)]);
    }
}

fn series(value: Vec<f64>, dt: f64) -> Series {
    Series {
        id: "rates".into(),
        value_name: "x".into(),
        time: (0..value.len()).map(|i| i as f64 * dt).collect(),
        value,
        stamps: None,
        clock: Clock { kind: ClockKind::Plain, unit: "year".into(), step: dt },
    }
}

fn path(id: &str, theta: &[f64], n: usize, dt: f64) -> Series {
    let times: Vec<f64> = (1..n).map(|i| i as f64 * dt).collect();
    let key = Seed(7).key(Purpose::Simulation, 0, 0);
    let run =
        Run { theta, start: Start::At(&[1.0]), t0: 0.0, times: &times, paths: 1, step: dt, scheme: Scheme::Exact, key };
    let states = simulate(&built_in(id).expect("built in"), &run).expect("a path").states;
    series(std::iter::once(1.0).chain(states.into_iter().map(|row| row[0][0])).collect(), dt)
}

/// The least time of several whole fits, standard errors included.
fn report(id: &str, form: Form, data: &str, series: &Series, start: &[(&str, f64)]) {
    let model = built_in(id).expect("built in");
    let observed = Observed::of(series, Transform::None, &model).expect("usable");
    let settings = Settings {
        form: FormRequest::Asked(form),
        starts: 1,
        initial: start.iter().map(|(name, value)| (name.to_string(), *value)).collect(),
        ..Settings::default()
    };
    let (mut least, mut last) = (f64::INFINITY, None);
    for _ in 0..9 {
        let clock = Instant::now();
        let found = fit(&model, &observed, &settings).expect("a fit");
        least = least.min(clock.elapsed().as_secs_f64());
        last = Some(found);
    }
    let found = last.expect("nine fits");
    assert_eq!(found.status, Status::Converged, "{id} {form:?}");
    println!(
        "{{\"tool\":\"kramers\",\"model\":\"{id}\",\"density\":\"{}\",\"data\":\"{data}\",\"seconds\":{least},\"log_likelihood\":{}}}",
        form.name(),
        found.log_likelihood.expect("kl gives one")
    );
}

//! Bar 4: fits and log-likelihoods.

use super::Bar;
use super::clock::best;
use super::question::law;
use kramers::base::{Clock, ClockKind, Purpose, Seed, Series, Transform};
use kramers::fit::{FormRequest, Observed, Settings, fit};
use kramers::form::schroedinger::log_transitions;
use kramers::form::{Accuracy, Form, Pairs};
use kramers::models::built_in;

/// 2501 daily observations of a square-root process: those of the peers where their file is given, else drawn.
fn observations() -> (Vec<f64>, Vec<f64>, &'static str) {
    if let Ok(path) = std::env::var("KRAMERS_CIR_CSV") {
        let text = std::fs::read_to_string(path).expect("the file of KRAMERS_CIR_CSV");
        let row = |line: &str| -> Option<(f64, f64)> {
            let (t, x) = line.split_once(',')?;
            Some((t.parse().ok()?, x.parse().ok()?))
        };
        let (t, x) = text.lines().skip(1).filter_map(row).unzip();
        return (t, x, "the peers' series");
    }
    let model = built_in("cir").expect("built in");
    let mut stream = Seed(4).key(Purpose::Simulation, 0, 0).stream(0);
    let mut x = vec![0.05];
    for i in 0..2500 {
        let found = law(&model, Form::Exact, (&[2.0, 0.05, 0.2], &x[i..=i]), &[1.0 / 252.0], Accuracy::default());
        x.push(found.laws[0][0].sample(&mut stream));
    }
    ((0..x.len()).map(|i| i as f64 / 252.0).collect(), x, "a series of our own")
}

pub fn likelihoods(bar: &Bar) {
    let (time, value, whose) = observations();
    let model = built_in("cir").expect("built in");
    let clock = Clock { kind: ClockKind::Fixed, unit: "year".to_string(), step: 1.0 / 252.0 };
    let name = String::from("x");
    let series = Series { id: name.clone(), value_name: name, time, value, stamps: None, clock };
    let data = Observed::of(&series, Transform::None, &model).expect("observations");
    let pairs = &data.pairs;
    let transitions = kramers::form::Transitions::new(&model, Form::Exact).expect("closed");
    let (seconds, _) = best(20, || transitions.log_density(&[1.0, 0.05, 0.1], pairs, false));
    bar.say("exact density, one likelihood", seconds, None, &format!("2500 transitions, {whose}"), "2500 transitions");
    let (seconds, _) = best(20, || transitions.log_density(&[1.0, 0.05, 0.1], pairs, true));
    bar.say("exact density, with its gradient", seconds, None, &format!("2500 transitions, {whose}"), "-");
    let settings = |starts: usize, initial: Vec<(String, f64)>| Settings {
        form: FormRequest::Asked(Form::Exact),
        starts,
        initial,
        ..Settings::default()
    };
    let start = [("kappa", 1.0), ("theta", kramers::stats::mean(&series.value)), ("sigma", 0.1)];
    let start: Vec<(String, f64)> = start.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    let tight = fit(&model, &data, &settings(3, Vec::new())).expect("a fit");
    let least = tight.log_likelihood.expect("a likelihood");
    for (settings, note, against) in [
        (settings(1, start), "maximum likelihood with standard errors from the peers' start", "maximum likelihood"),
        (settings(1, Vec::new()), "the same from a start found by a scan", "-"),
        (settings(3, Vec::new()), "the same from three starts, two of them random over eight decades", "-"),
    ] {
        let (seconds, found) = best(7, || fit(&model, &data, &settings).expect("a fit"));
        assert!(found.params.iter().all(|p| p.se.is_some()), "{found:?}");
        let off = (found.log_likelihood.expect("a likelihood") - least).abs();
        bar.say("fit", seconds, off, &format!("{note}, {whose}; -ln L = {:.9}", -least), against);
    }
    for (id, theta, x0) in
        [("ou", [1.5, 0.5, 0.8], 0.5), ("cir", [0.8, 0.06, 0.1], 0.06), ("cir", [0.8, 0.06, 0.35], 0.06)]
    {
        for n in [300, 2500] {
            let model = built_in(id).expect("built in");
            let mut stream = Seed(7).key(Purpose::Simulation, 0, 0).stream(0);
            let mut x = vec![x0];
            for i in 0..n {
                let found = law(&model, Form::Exact, (&theta, &x[i..=i]), &[1.0 / 12.0], Accuracy::default());
                x.push(found.laws[0][0].sample(&mut stream));
            }
            let pairs = Pairs { x0: x[..n].to_vec(), x1: x[1..].to_vec(), dt: vec![1.0 / 12.0; n], t0: vec![0.0; n] };
            let closed = kramers::form::Transitions::new(&model, Form::Exact).expect("closed");
            let closed: f64 = closed.log_density(&theta, &pairs, false).value.iter().sum();
            let (seconds, found) = best(5, || log_transitions(&model, &theta, &pairs).expect("densities"));
            let off = (found.value.iter().sum::<f64>() - closed).abs();
            let note = format!("{id} {theta:?}, {n} months, error of the sum, said {:.0e}", found.error);
            bar.say("spectrum, one likelihood", seconds, off, &note, "-");
        }
    }
}

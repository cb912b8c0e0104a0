//! Bar 3: ensembles of paths.

use super::Bar;
use super::clock::on;
use kramers::base::{Purpose, Seed};
use kramers::form::monte_carlo::{Run, Scheme, Start, summarise};
use kramers::models::built_in;

/// Seconds, the mean at one, and seconds on processors of a million paths, or as many, of a hundred Euler steps.
pub fn geometric(threads: usize, paths: usize) -> (f64, f64, f64) {
    let model = built_in("gbm").expect("built in");
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let run = Run {
        theta: &[0.05, 0.2],
        start: Start::At(&[100.0]),
        t0: 0.0,
        times: &[1.0],
        paths,
        step: 0.01,
        scheme: Scheme::EulerMaruyama,
        key,
    };
    let (seconds, found, spent) = on(threads, 7, || summarise(&model, &run).expect("finite paths"));
    (seconds, found.at[0][0].mean, spent)
}

pub fn paths(bar: &Bar) {
    let exact = 100.0 * f64::exp(0.05);
    let mut means = Vec::new();
    for (threads, note) in [(1, "one core"), (2, "two cores"), (3, "three threads on two cores")] {
        let (seconds, mean, spent) = geometric(threads, 1_000_000);
        let note = format!(
            "1e8 steps, {note}, read from TOML, summarised; {spent:.3} s on processors in the mean; error as of the mean"
        );
        bar.say(
            "Euler-Maruyama",
            seconds,
            (mean / exact - 1.0).abs(),
            &note,
            if threads == 1 { "one core" } else { "-" },
        );
        means.push(mean.to_bits());
    }
    assert!(means.windows(2).all(|pair| pair[0] == pair[1]), "the same bits on any number of threads");
}

//! What does the score of an ensemble cost? A thousand observations of a thousand members in no order, from members to scores.
//! `cargo bench --no-default-features --bench crps` prints a JSON line a question; beside scoringrules in one run:
//! `benches/peers/scores.py`.

#![allow(clippy::expect_used)] // A bench may stop.

use kramers::base::{Purpose, Seed};
use kramers::predictive::{Ensemble, Estimator};
use kramers::stats::{energy_score, variogram_score};
use rayon::prelude::*;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    const SIZE: usize = 1000;
    let draws = |n: usize, path: u64| -> Vec<f64> {
        let mut stream = Seed(1).key(Purpose::Scores, 0, 0).stream(path);
        (0..n).map(|_| stream.normal()).collect()
    };
    let members: Vec<Vec<f64>> = (0..SIZE as u64).map(|k| draws(SIZE, k)).collect();
    let actual = draws(SIZE, SIZE as u64);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let one = |(x, y): (&Vec<f64>, &f64)| Ensemble::new(x.clone(), Vec::new()).expect("finite").crps(*y);
        let all = || pool.install(|| members.par_iter().zip(&actual).map(one).collect::<Vec<f64>>());
        report("CRPS of 1,000 ensembles of 1,000", threads, least(all));
    }
    // One window of a backtest: 200 joint draws of seven horizons.
    let paths: Vec<Vec<f64>> = (0..7).map(|k| draws(200, 2000 + k)).collect();
    let energy = || energy_score(&paths, &actual[..7], Estimator::Fair);
    report("energy score of 200 draws of seven components", 1, least(energy));
    let variogram = || variogram_score(&paths, &actual[..7], 0.5, |_, _| 1.0, Estimator::Fair);
    report("variogram score of 200 draws of seven components", 1, least(variogram));
}

/// The least time of several runs.
fn least<T>(job: impl Fn() -> T) -> f64 {
    let timed = |_| {
        let clock = Instant::now();
        black_box(job());
        clock.elapsed().as_secs_f64()
    };
    (0..100).map(timed).fold(f64::INFINITY, f64::min)
}

fn report(what: &str, threads: usize, seconds: f64) {
    println!("{{\"what\":\"{what}\",\"threads\":{threads},\"seconds\":{seconds}}}");
}

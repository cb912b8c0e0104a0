//! Bar 0: what the machine can do at all, and what a second thread gives.

use super::Bar;
use super::clock::{best, on};
use super::grids::heston;
use super::paths::geometric;
use kramers::base::math::{self, normals_from_u64};
use kramers::base::{Purpose, Seed};
use kramers::form::monte_carlo::ssa;
use kramers::form::value::{Method, value, value_by};
use kramers::form::{Accuracy, Form};
use kramers::models::built_in;
use std::hint::black_box;

pub fn machine(bar: &Bar) {
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    const DRAWS: u64 = 20_000;
    let (mut one, mut two, mut z) = ([0; 512], [0; 512], [0.0; 512]);
    let each = 1.0 / (DRAWS * 1024) as f64;
    let (words, ()) = best(7, || {
        for draw in 0..DRAWS {
            key.fill(0, draw, &mut one, &mut two);
            black_box((&one, &two));
        }
    });
    bar.say("uniform word, Philox4x32-10", words * each, None, &share(0.44e-9, words * each), "");
    let (normals, ()) = best(7, || {
        for draw in 0..DRAWS {
            key.fill(0, draw, &mut one, &mut two);
            for words in [&one, &two] {
                normals_from_u64(words, &mut z);
                black_box(&z);
            }
        }
    });
    bar.say("normal, its word included", normals * each, None, &share(2.3e-9, normals * each), "");
    let n = 4_000_000;
    let (from, mut to) = (vec![1.0f64; n], vec![0.0f64; n]);
    let (copy, ()) = best(7, || black_box(&mut to).copy_from_slice(black_box(&from)));
    bar.say("32 MB copied", copy, None, &format!("{:.1} GB/s read and written", 16e-9 * n as f64 / copy), "");
    scaling(bar);
}

fn share(limit: f64, found: f64) -> String {
    format!("each; {:.0} % of the limit of {:.2} ns", 100.0 * limit / found, 1e9 * limit)
}

/// What a second thread gives every kind of ensemble.
pub fn scaling(bar: &Bar) {
    let gbm = |threads| {
        let (seconds, _, spent) = geometric(threads, 400_000);
        [seconds, spent].map(|s| s / 4e7)
    };
    twice(bar, "Euler step of gbm from TOML", "400 000 paths of 100 steps, summarised; each path-step", gbm);
    let network = built_in("immigration-death").expect("built in");
    let theta = network.default_params().values;
    let events = |threads| {
        let key = Seed(1).key(Purpose::Simulation, 0, 0);
        let ask = ssa::Run {
            theta: &theta,
            start: &[],
            t0: 0.0,
            times: &[20.0],
            paths: 16_000,
            key,
            most_events: None,
            method: ssa::Method::Auto,
            epsilon: None,
        };
        let (seconds, found, spent) = on(threads, 3, || ssa::simulate(&network, &ask).expect("counts"));
        [seconds, spent].map(|s| s / found.events as f64)
    };
    twice(bar, "reaction of a network, direct method", "immigration-death, 16 000 paths; each reaction", events);
    let call = built_in("heston-call").expect("built in");
    let theta = call.default_params().values;
    let start = [math::ln(100.0), 0.04];
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    let paths = |threads| {
        let accuracy = Accuracy { paths: 200_000, ..Accuracy::default() };
        let job = || value(&call, Form::MonteCarlo, &theta, &start, accuracy, key).expect("a value");
        let (seconds, _, spent) = on(threads, 3, job);
        [seconds, spent]
    };
    twice(bar, "Heston call by paths", "200 000 paths", paths);
    let european = built_in("black-scholes").expect("built in");
    let theta = [0.05, 0.2, 100.0, 1.0];
    let levels = |threads| {
        let accuracy = Accuracy { goal: Some(0.01), ..Accuracy::default() };
        let job = || value_by(&european, Method::Multilevel, &theta, &[100.0], accuracy, key).expect("a value");
        let (seconds, found, spent) = on(threads, 3, job);
        [seconds, spent].map(|s| s / found.report.cost)
    };
    twice(bar, "multilevel step of a European call", "to 0.01; each path-step", levels);
    let plane = |threads| {
        let (seconds, joint, spent) = heston(threads, 500);
        [seconds, spent].map(|s| s / (joint.x.len() * joint.y.len() * joint.steps) as f64)
    };
    twice(bar, "Fokker-Planck cell and step, two dimensions", "Heston, 500 cells asked; each cell and step", plane);
}

fn twice(bar: &Bar, tool: &str, note: &str, each: impl Fn(usize) -> [f64; 2]) {
    let ([one, alone], [two, spent]) = (each(1), each(2));
    bar.say(tool, one, None, note, "");
    let note = format!(
        "{:.2} times one thread by the clock, {:.3e} a second; {:.2} by the mean time on processors, were both always free",
        one / two,
        1.0 / two,
        2.0 * alone / spent
    );
    bar.say(&format!("{tool}, two threads"), two, None, &note, "");
}

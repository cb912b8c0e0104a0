//! How good is the two-dimensional Fokker-Planck equation, and how fast? Heston with Feller's condition violated against values known
//! to 17 digits, by cells of an axis. `cargo bench --bench plane` prints the table for one and for two threads.

#![allow(clippy::expect_used)] // A bench may stop.

use kramers::base::{Purpose, Seed, math};
use kramers::form::fokker_planck::plane::{Joint, joints};
use kramers::form::{Accuracy, Question};
use kramers::models::{Model, built_in};
use std::time::Instant;

/// Fang & Oosterlee (2008), section 5.3.
const THETA: [f64; 5] = [1.5768, 0.0398, 0.5751, -0.5711, 0.0];
const CALL: f64 = 5.785_155_434_376_189;
const DENSITY: [(f64, f64); 3] =
    [(0.0, 3.055_334_181_639_64), (-0.2, 0.688_564_499_514_826), (0.1, 3.041_048_824_377_638)];

fn main() {
    let model = built_in("heston").expect("built in");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        println!("Heston, {threads} thread(s); best of three");
        println!(
            "{:>8}{:>10}{:>10}{:>12}{:>12}{:>12}{:>12}{:>11}{:>11}",
            "cells", "grid", "seconds", "cells/s", "call", "density", "estimate", "mass - 1", "negative"
        );
        for cells in [250, 500, 750, 1000, 1250] {
            pool.install(|| row(&model, cells));
        }
    }
}

fn row(model: &Model, cells: usize) {
    let ask = || -> Joint {
        let question = Question {
            theta: &THETA,
            start: &[0.0, 0.0175],
            t0: 0.0,
            times: &[1.0],
            accuracy: Accuracy { cells, ..Accuracy::default() },
            key: Seed(1).key(Purpose::Forecast, 0, 0),
        };
        joints(model, &question).expect("answers").remove(0)
    };
    let mut best = f64::INFINITY;
    let mut joint = None;
    for _ in 0..3 {
        let begin = Instant::now();
        joint = Some(ask());
        best = best.min(begin.elapsed().as_secs_f64());
    }
    let joint = joint.expect("three answers");
    let law = &joint.marginals[0];
    let h = 3.0 / 20_000.0;
    let middle = |k: u32| (f64::from(k) + 0.5) * h;
    let call: f64 = (0..20_000).map(|k| 100.0 * math::exp(middle(k)) * (1.0 - law.cdf(middle(k))) * h).sum();
    let off = |(z, p): (f64, f64)| (math::exp(law.log_pdf(z).expect("a density")) - p).abs();
    println!(
        "{cells:>8}{:>10}{best:>10.3}{:>12.2e}{:>12.1e}{:>12.1e}{:>12.1e}{:>11.0e}{:>11.0e}",
        format!("{}x{}", joint.x.len(), joint.y.len()),
        (joint.x.len() * joint.y.len() * joint.steps) as f64 / best,
        (call - CALL).abs(),
        DENSITY.into_iter().map(off).fold(0.0, f64::max),
        joint.error,
        joint.mass - 1.0,
        joint.most_negative,
    );
}

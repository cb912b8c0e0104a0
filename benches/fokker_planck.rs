//! What does a density in time cost? The Ornstein-Uhlenbeck process on the Fokker-Planck grid: the exponential by contour, the same
//! by TR-BDF2 (its coefficients said to change with time), and an explicit Euler loop written by hand. `cargo bench --bench
//! fokker_planck` prints times and errors measured in one run; the best of several rounds counts.

#![allow(clippy::expect_used, clippy::disallowed_methods)] // A bench may stop, and the hand-written side is the platform's.

use kramers::base::{Purpose, Seed};
use kramers::form::{Accuracy, Form, Question, answer};
use kramers::models::{Model, built_in, read};
use kramers::predictive::Predictive;
use std::hint::black_box;
use std::time::Instant;

const START: f64 = 1.0;
const T: f64 = 1.0;

fn best<R>(mut job: impl FnMut() -> R) -> (f64, R) {
    let mut least = f64::INFINITY;
    let mut result = None;
    for _ in 0..9 {
        let clock = Instant::now();
        result = Some(black_box(job()));
        least = least.min(clock.elapsed().as_secs_f64());
    }
    (least, result.expect("a round"))
}

/// dx = -x dt + √2 dW, its drift changing with time in name only where `timed`.
fn ornstein_uhlenbeck(timed: bool) -> Model {
    let drift = if timed { "-x*(1 + 1e-30*t)" } else { "-x" };
    let text = format!(
        "schema = 1\nid = \"ou\"\ntitle = \"ou\"\nkind = \"diffusion\"\n[state.x]\ndomain = [-inf, inf]\n[dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"sqrt(2)\"\n"
    );
    read("ou.toml", &text).expect("reads")
}

fn main() {
    let (mean, sd) = (START * (-T).exp(), (1.0 - (-2.0 * T).exp()).sqrt());
    let exact = Predictive::Normal { mean, sd };
    let error = |law: &Predictive| {
        let points = (0..=1000).map(|i| mean + sd * (f64::from(i) / 100.0 - 5.0));
        points.map(|x| (law.cdf(x) - exact.cdf(x)).abs()).fold(0.0, f64::max)
    };
    println!("{:<34}{:>10}{:>12}{:>12}", "Ornstein-Uhlenbeck", "ms", "error", "estimate");
    for (name, timed) in [("contour", false), ("TR-BDF2 at 1e-7", true)] {
        let model = ornstein_uhlenbeck(timed);
        for cells in [250, 500, 1000] {
            let (seconds, found) = solve(&model, &[], START, cells);
            let label = format!("{name}, {cells} cells");
            println!("{label:<34}{:>10.3}{:>12.1e}{:>12.1e}", 1e3 * seconds, error(&found.0), found.1);
        }
    }
    let cells = 1000;
    let (seconds, (worst, steps)) = best(|| explicit(cells, mean, sd));
    println!("{:<34}{:>10.1}{worst:>12.1e}", format!("explicit, {cells} cells, {steps} steps"), 1e3 * seconds);
    println!("explicit: {:.1} million cells and steps a second", 1e-6 * (cells * steps) as f64 / seconds);
    let cir = built_in("cir").expect("built in");
    let theta = [1.0, 0.25, 1.0];
    let (seconds, found) = solve(&cir, &theta, 0.3, 500);
    println!("square root, Feller violated, 500 cells: {:.2} ms, estimate {:.1e}", 1e3 * seconds, found.1);
}

fn solve(model: &Model, theta: &[f64], start: f64, cells: usize) -> (f64, (Predictive, f64)) {
    let accuracy = Accuracy { cells, ..Accuracy::default() };
    let key = Seed(1).key(Purpose::Forecast, 0, 0);
    best(|| {
        let question = Question { theta, start: &[start], t0: 0.0, times: &[T], accuracy, key };
        let mut answer = answer(model, Form::FokkerPlanck, &question).expect("an answer");
        (answer.laws.remove(0).remove(0), answer.error.expect("an estimate"))
    })
}

/// Central differences and explicit Euler steps at half the stability limit, from a narrow normal: largest error of the density.
fn explicit(cells: usize, mean: f64, sd: f64) -> (f64, usize) {
    let (from, to, narrow) = (-6.0, 6.0, 0.05f64);
    let h = (to - from) / cells as f64;
    let node = |i: usize| from + (i as f64 + 0.5) * h;
    let normal =
        |x: f64, m: f64, s: f64| (-0.5 * ((x - m) / s).powi(2)).exp() / (s * (2.0 * std::f64::consts::PI).sqrt());
    // Begun where the exact law has this width: e^{-t} has fallen a little.
    let spent = -0.5 * (1.0 - narrow * narrow).ln();
    let p0 = START * (-spent).exp();
    let mut p: Vec<f64> = (0..cells).map(|i| normal(node(i), p0, narrow)).collect();
    let steps = ((T - spent) / (0.25 * h * h)).ceil() as usize;
    let dt = (T - spent) / steps as f64;
    let mut flux = vec![0.0; cells + 1];
    for _ in 0..steps {
        for i in 1..cells {
            let x = from + i as f64 * h;
            flux[i] = -x * 0.5 * (p[i - 1] + p[i]) - (p[i] - p[i - 1]) / h;
        }
        for i in 0..cells {
            p[i] -= dt / h * (flux[i + 1] - flux[i]);
        }
    }
    let worst = (0..cells).map(|i| (p[i] - normal(node(i), mean, sd)).abs()).fold(0.0, f64::max);
    (worst, steps)
}

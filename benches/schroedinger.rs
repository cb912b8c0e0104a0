//! What does a decomposition cost, and how right is it? Rates of a double well down to 1e-109, whole transition densities, a network,
//! and a likelihood of uneven steps. `cargo bench --bench schroedinger` prints times of one run beside errors against
//! values known to forty digits.
//!
//! One thread; the best of several rounds counts, since the machine is noisy.

#![allow(clippy::expect_used, clippy::disallowed_methods)] // A bench may stop, and prints.

use kramers::base::{Purpose, Seed};
use kramers::form::schroedinger::{log_transitions, spectrum};
use kramers::form::{Accuracy, Form, Pairs, Question, Transitions, answer};
use kramers::models::{Model, built_in, read};
use std::hint::black_box;
use std::time::Instant;

fn main() {
    // Arguments are cargo's own (--bench); there is nothing to choose.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("the first pool");
    gaps();
    densities();
    network();
    likelihoods();
}

/// Best of several rounds, in milliseconds.
fn best<T>(mut job: impl FnMut() -> T) -> (f64, T) {
    let mut found = None;
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let start = Instant::now();
        found = Some(black_box(job()));
        best = best.min(1e3 * start.elapsed().as_secs_f64());
    }
    (best, found.expect("seven rounds"))
}

fn double_well(d: f64) -> Model {
    let text = format!(
        "schema = 1\nid = \"d\"\ntitle = \"d\"\nkind = \"diffusion\"\n[state.x]\ndomain = [-inf, inf]\n[dynamics]\ndrift.x = \"x - x^3\"\ndiffusion.x = \"sqrt(2*{d})\"\n"
    );
    read("d.toml", &text).expect("reads")
}

fn gaps() {
    println!("Smallest rate of dX = (X - X³) dt + √(2D) dW (bar: relative 1e-10 in 50 ms)");
    println!("{:<10}{:>26}{:>12}{:>12}{:>8}", "D", "rate", "off", "said", "ms");
    for (d, exact) in [
        (0.25, 0.187_170_418_087_098_54),
        (0.05, 0.002_776_140_636_572_725_5),
        (0.02, 1.623_215_088_723_853_8e-6),
        (0.01, 6.154_650_175_906_934e-12),
        (0.001, 1.199_749_506_786_592_1e-109),
    ] {
        let model = double_well(d);
        let (ms, found) = best(|| spectrum(&model, &[], 2).expect("two rates"));
        let (rate, error) = (found.rates[1], found.errors[1]);
        println!("{d:<10}{rate:>26e}{:>12.1e}{:>12.1e}{ms:>8.2}", (rate / exact - 1.0).abs(), error / rate);
    }
}

fn question<'a>(theta: &'a [f64], start: &'a [f64], times: &'a [f64]) -> Question<'a> {
    Question { theta, start, t0: 0.0, times, accuracy: Accuracy::default(), key: Seed(1).key(Purpose::Forecast, 0, 0) }
}

fn densities() {
    println!("\nLaws from one start (bar: 1e-10 in 5 ms where smooth)");
    println!("{:<26}{:>12}{:>8}", "", "said", "ms");
    let well = double_well(0.1);
    let (ou, cir) = (built_in("ou").expect("built in"), built_in("cir").expect("built in"));
    for (name, model, theta, x0, times) in [
        ("double well, t = 2", &well, &[][..], -1.0, &[2.0][..]),
        ("double well, 0.5, 2, 20", &well, &[], -1.0, &[0.5, 2.0, 20.0]),
        ("ou", &ou, &[1.5, 0.5, 0.8], -1.0, &[0.7]),
        ("cir, reaching zero", &cir, &[1.0, 0.25, 1.0], 0.3, &[1.0]),
    ] {
        let start = [x0];
        let asked = question(theta, &start, times);
        let (ms, found) = best(|| answer(model, Form::Schroedinger, &asked).expect("laws"));
        println!("{name:<26}{:>12.1e}{ms:>8.2}", found.error.expect("an estimate"));
    }
}

fn network() {
    let model = built_in("schloegl").expect("built in");
    let theta = model.default_params().values;
    let (ms, found) = best(|| spectrum(&model, &theta, 3).expect("three rates"));
    let off = (found.rates[1] / 2.549_665_551_561_54e-5 - 1.0).abs();
    println!("\nSchlögl's gap {:e}, off {off:.1e}, {ms:.2} ms", found.rates[1]);
    let (ms, found) =
        best(|| answer(&model, Form::Schroedinger, &question(&theta, &[250.0], &[1.0, 5.0])).expect("laws"));
    println!("its laws at 1 and 5: said {:.1e}, {ms:.2} ms", found.error.expect("an estimate"));
}

fn likelihoods() {
    println!("\nLog likelihood of monthly and quarterly steps (bar: 1e-6 in 50 ms)");
    println!("{:<26}{:>7}{:>12}{:>12}{:>8}", "", "pairs", "off", "said", "ms");
    for (id, theta, x0) in
        [("ou", [1.5, 0.5, 0.8], 0.5), ("cir", [0.8, 0.06, 0.1], 0.06), ("cir", [0.8, 0.06, 0.35], 0.06)]
    {
        for n in [300, 2_500] {
            let model = built_in(id).expect("built in");
            let mut stream = Seed(7).key(Purpose::Simulation, 0, 0).stream(0);
            let (mut x, mut dt) = (vec![x0], Vec::new());
            for i in 0..n {
                let step = if i % 3 == 0 { 0.25 } else { 1.0 / 12.0 };
                let law = answer(&model, Form::Exact, &question(&theta, &x[i..=i], &[step])).expect("a law");
                x.push(law.laws[0][0].sample(&mut stream));
                dt.push(step);
            }
            let pairs = Pairs { x0: x[..n].to_vec(), x1: x[1..].to_vec(), dt, t0: vec![0.0; n] };
            let closed: f64 = Transitions::new(&model, Form::Exact)
                .expect("a closed law")
                .log_density(&theta, &pairs, false)
                .value
                .iter()
                .sum();
            let (ms, found) = best(|| log_transitions(&model, &theta, &pairs).expect("densities"));
            let off = (found.value.iter().sum::<f64>() - closed).abs();
            let name = format!("{id} {theta:?}");
            println!("{name:<26}{n:>7}{off:>12.1e}{:>12.1e}{ms:>8.2}", found.error);
        }
    }
}

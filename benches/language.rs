//! What does a model as text cost? Euler-Maruyama from TOML against the same loop written by hand, parsing and compiling, and
//! the gradient of a likelihood against its value. `cargo bench --bench language` prints ratios measured in one run.
//!
//! Both sides use the same generator and the same normals, on one thread, and are timed in turn; the best of several rounds
//! counts, since the machine is noisy.

#![allow(clippy::expect_used, clippy::disallowed_methods)] // A bench may stop, and the hand-written side is the platform's.

use kramers::base::math::normals_from_u64;
use kramers::base::rng::Key;
use kramers::base::{Clock, ClockKind, Purpose, Seed, Series};
use kramers::form::monte_carlo::{Run, Scheme, Start, simulate};
use kramers::form::{Form, Pairs, Transitions};
use kramers::models::{Model, built_in, built_in_text, read};
use std::hint::black_box;
use std::time::Instant;

const PATHS: usize = 4_096;
const STEPS: usize = 250;
const T: f64 = 1.0;
const BLOCK: usize = 128;

fn main() {
    // Arguments are cargo's own (--bench); there is nothing to choose.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("the first pool");
    euler_maruyama();
    reading();
    gradients();
}

/// Best of several rounds of each of two jobs, timed in turn, in seconds.
fn duel(mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64) {
    let mut best = (f64::INFINITY, f64::INFINITY);
    for _ in 0..15 {
        let start = Instant::now();
        first();
        best.0 = best.0.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        second();
        best.1 = best.1.min(start.elapsed().as_secs_f64());
    }
    best
}

fn euler_maruyama() {
    println!("Euler-Maruyama, {PATHS} paths of {STEPS} steps, ns a path and step");
    println!("{:<14}{:>12}{:>12}{:>8}", "model", "from TOML", "by hand", "ratio");
    for (id, start, by_hand) in [
        ("gbm", &[1.0][..], gbm as fn(&[f64], Key) -> f64),
        ("cir", &[1.0], cir),
        ("double-well", &[-1.0], double_well),
        ("heston", &[0.0, 0.04], heston),
    ] {
        let model = built_in(id).expect("built in");
        let theta = model.default_params().values;
        let key = Seed(1).key(Purpose::Simulation, 0, 0);
        let from_text = || {
            let run = Run {
                theta: &theta,
                start: Start::At(start),
                t0: 0.0,
                times: &[T],
                paths: PATHS,
                step: T / STEPS as f64,
                scheme: Scheme::EulerMaruyama,
                key,
            };
            let paths = simulate(&model, &run).expect("finite paths");
            paths.states[0][0].iter().sum::<f64>()
        };
        let (ours, theirs) = (from_text(), by_hand(&theta, key));
        assert!((ours - theirs).abs() < 1e-8 * theirs.abs().max(1.0), "{id}: {ours} {theirs}");
        let (text, hand) = duel(|| _ = black_box(from_text()), || _ = black_box(by_hand(&theta, key)));
        let each = 1e9 / (PATHS * STEPS) as f64;
        println!("{id:<14}{:>12.2}{:>12.2}{:>8.2}", text * each, hand * each, text / hand);
    }
}

/// The normals of a block, two a counter, as the library draws them.
struct Normals {
    key: Key,
    first: usize,
    draw: u64,
    words: [[u64; BLOCK]; 2],
    second: bool,
    values: [f64; BLOCK],
}

impl Normals {
    fn new(key: Key, first: usize) -> Normals {
        Normals { key, first, draw: 0, words: [[0; BLOCK]; 2], second: false, values: [0.0; BLOCK] }
    }

    fn next(&mut self) -> &[f64; BLOCK] {
        if !self.second {
            let [one, two] = &mut self.words;
            self.key.fill(self.first as u64, self.draw, one, two);
            self.draw += 1;
        }
        normals_from_u64(&self.words[usize::from(self.second)], &mut self.values);
        self.second = !self.second;
        &self.values
    }
}

/// The loop of one state, written once for three models; `step` is inlined.
fn one_state(x0: f64, key: Key, step: impl Fn(f64, f64, f64, f64) -> f64) -> f64 {
    let h = T / STEPS as f64;
    let root = h.sqrt();
    let mut sum = 0.0;
    for block in 0..PATHS / BLOCK {
        let mut normals = Normals::new(key, block * BLOCK);
        let mut x = [x0; BLOCK];
        for _ in 0..STEPS {
            let z = normals.next();
            for i in 0..BLOCK {
                x[i] = step(x[i], h, root, z[i]);
            }
        }
        sum += x.iter().sum::<f64>();
    }
    sum
}

fn gbm(theta: &[f64], key: Key) -> f64 {
    let (mu, sigma) = (theta[0], theta[1]);
    one_state(1.0, key, |x, h, root, z| x + mu * x * h + sigma * x * root * z)
}

fn cir(theta: &[f64], key: Key) -> f64 {
    let (kappa, level, sigma) = (theta[0], theta[1], theta[2]);
    one_state(1.0, key, |x, h, root, z| {
        let inside = x.max(1e-12);
        x + kappa * (level - inside) * h + sigma * inside.sqrt() * root * z
    })
}

fn double_well(theta: &[f64], key: Key) -> f64 {
    let (height, width, sigma) = (theta[0], theta[1], theta[2]);
    one_state(-1.0, key, |x, h, root, z| {
        let u = x / width;
        x - 4.0 * height * x * (u * u - 1.0) / (width * width) * h + sigma * root * z
    })
}

fn heston(theta: &[f64], key: Key) -> f64 {
    let [kappa, level, xi, rho, mu] = [0, 1, 2, 3, 4].map(|k| theta[k]);
    let h = T / STEPS as f64;
    let (root, rest) = (h.sqrt(), (1.0 - rho * rho).sqrt());
    let mut sum = 0.0;
    for block in 0..PATHS / BLOCK {
        let mut normals = Normals::new(key, block * BLOCK);
        let (mut y, mut v) = ([0.0; BLOCK], [0.04; BLOCK]);
        for _ in 0..STEPS {
            let z1 = *normals.next();
            let z2 = normals.next();
            for i in 0..BLOCK {
                let inside = f64::max(v[i], 4e-14);
                let deviation = inside.sqrt();
                y[i] += (mu - 0.5 * inside) * h + deviation * root * z1[i];
                v[i] += kappa * (level - inside) * h + xi * deviation * root * (rho * z1[i] + rest * z2[i]);
            }
        }
        sum += y.iter().sum::<f64>();
    }
    sum
}

fn reading() {
    println!("\nFrom text to tape, microseconds");
    println!("{:<14}{:>10}{:>16}", "model", "reading", "and compiling");
    for id in ["gbm", "cir", "double-well", "heston", "bates", "vilar"] {
        let text = built_in_text(id).expect("built in");
        let parsed = || read("model.toml", text).expect("reads");
        let compiled = || match parsed() {
            Model { process: kramers::process::Process::Diffusion(p), .. } => {
                let lanes: Vec<usize> = (0..p.states.len()).map(|i| p.frame.variable(i)).collect();
                let outputs: Vec<_> = p.drift.iter().chain(p.diffusion.iter().flatten()).copied().collect();
                kramers::expr::Tape::compile(&p.frame.pool, &outputs, &lanes)
            }
            model => {
                let outputs: Vec<_> = model.coefficients().into_iter().map(|c| c.1).collect();
                let frame = model.process.frame();
                let lanes: Vec<usize> = (0..frame.n_variables).map(|i| frame.variable(i)).collect();
                kramers::expr::Tape::compile(&frame.pool, &outputs, &lanes)
            }
        };
        let (reading, both) = duel(|| drop(black_box(parsed())), || drop(black_box(compiled())));
        println!("{id:<14}{:>10.0}{:>16.0}", reading * 1e6, both * 1e6);
    }
}

fn gradients() {
    println!(
        "\nLog likelihood of 2,500 transitions: cost of value and gradient over value alone (bar: parameters + 2)"
    );
    println!("{:<14}{:<10}{:>12}{:>8}{:>6}", "model", "form", "value, µs", "ratio", "bar");
    for (id, form) in [
        ("ckls", Form::Euler),
        ("ckls", Form::Kessler),
        ("double-well", Form::Kessler),
        ("ait-sahalia-1996", Form::Euler),
        ("ait-sahalia-1996", Form::Kessler),
        ("cir", Form::Exact),
    ] {
        let model = built_in(id).expect("built in");
        let theta = model.default_params().values;
        let n = 2_500;
        let x0 = model.default_start(&theta).map_or(1.0, |s| s[0]);
        let value: Vec<f64> = (0..n).map(|i| x0 * (1.0 + 0.1 * f64::from(i).sin())).collect();
        let clock = Clock { kind: ClockKind::Plain, unit: "time".into(), step: 0.01 };
        let time = (0..n).map(|i| 0.01 * f64::from(i)).collect();
        let series = Series { id: id.into(), value_name: "x".into(), time, value, stamps: None, clock };
        let pairs = Pairs::of(&series);
        let transitions = Transitions::new(&model, form).expect("fits");
        let run = |gradient| black_box(transitions.log_density(&theta, &pairs, gradient));
        let (value, both) = duel(|| drop(run(false)), || drop(run(true)));
        let bar = theta.len() + 2;
        println!("{id:<18}{:<10}{:>8.1}{:>8.2}{bar:>6}", form.name(), value * 1e6, both / value);
    }
}

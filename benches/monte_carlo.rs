//! What does a path cost? Uniforms, normals and Euler steps of geometric Brownian motion read from its TOML, against a plain scalar
//! loop with a ziggurat in the same run. `cargo bench --bench monte_carlo` prints nanoseconds, ratios, and what a second thread gives.
//!
//! The best of several rounds counts, since the machine is noisy: of processor time on one thread, of the clock on two.

#![allow(clippy::expect_used, clippy::disallowed_methods)] // A bench may stop, and the plain side is the platform's.

use kramers::base::math::normals_from_u64;
use kramers::base::{Purpose, Seed};
use kramers::form::monte_carlo::{Run, Scheme, Start, summarise};
use kramers::models::built_in;
use rand::{Rng, TryRng};
use rand_distr::{Distribution, StandardNormal};
use std::hint::black_box;
use std::time::Instant;

const PATHS: usize = 1_000_000;
const STEPS: usize = 100;
const ROUNDS: usize = 7;

fn main() {
    // Arguments are cargo's own (--bench); there is nothing to choose.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("the first pool");
    println!("{:<44}{:>12}{:>10}", "one thread", "ns", "ratio");
    let row = |name: &str, ours: f64, plain_name: &str, plain: f64| {
        println!("{name:<44}{ours:>12.2}{:>10.2}", ours / plain);
        println!("{:<44}{plain:>12.2}", format!("  plain: {plain_name}"));
    };
    row("uniform word, Philox4x32-10 in blocks", words().0, "SplitMix64", plain_words().0);
    row("normal, its word included", normals().0, "ziggurat of rand_distr on SplitMix64", plain_normals().0);
    let one = steps(1);
    row("Euler step of gbm from TOML, summary", one.0, "scalar loop on the ziggurat", plain_steps().0);
    println!("\n{:<10}{:>12}{:>14}{:>10}", "threads", "ns a step", "1e8 steps, s", "speedup");
    for threads in [1, 2] {
        let each = if threads == 1 { one.1 } else { steps(threads).1 };
        println!("{threads:<10}{each:>12.2}{:>14.3}{:>10.2}", each * (PATHS * STEPS) as f64 * 1e-9, one.1 / each);
    }
    println!("\n{:<44}{:>12}", "one thread, other schemes, ns a step", "gbm");
    for scheme in [Scheme::Milstein, Scheme::Strong15, Scheme::Weak2, Scheme::DriftImplicit] {
        println!("{:<44}{:>12.2}", scheme.name(), run_of(1, scheme, PATHS / 10).0);
    }
}

/// Nanoseconds of the main thread on a processor so far, which others on the machine add little to; `None` where Linux does not say.
fn on_processor() -> Option<f64> {
    std::fs::read_to_string("/proc/self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

/// Best of several rounds, in nanoseconds for each of `n`: of the main thread's processor time, and by the clock.
fn best(n: usize, mut job: impl FnMut()) -> (f64, f64) {
    let round = |_| {
        let (start, before) = (Instant::now(), on_processor());
        job();
        let clock = start.elapsed().as_secs_f64() * 1e9;
        (before.zip(on_processor()).map_or(clock, |(a, b)| b - a), clock)
    };
    let least = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.min(b.1));
    let (processor, clock) = (0..ROUNDS).map(round).fold((f64::INFINITY, f64::INFINITY), least);
    (processor / n as f64, clock / n as f64)
}

/// SplitMix64 (Steele, Lea & Flood 2014): about as cheap as a generator gets.
struct SplitMix(u64);

impl TryRng for SplitMix {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|w| (w >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Ok(z ^ (z >> 31))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(8) {
            let word = self.try_next_u64()?;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn words() -> (f64, f64) {
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let (mut one, mut two) = ([0; 512], [0; 512]);
    best(20_000 * 1024, || {
        for draw in 0..20_000 {
            key.fill(0, draw, &mut one, &mut two);
            black_box((&one, &two));
        }
    })
}

fn plain_words() -> (f64, f64) {
    let mut rng = SplitMix(1);
    best(20_000_000, || _ = black_box((0..20_000_000).fold(0, |sum, _| sum ^ rng.next_u64())))
}

fn normals() -> (f64, f64) {
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let (mut one, mut two, mut z) = ([0; 512], [0; 512], [0.0; 512]);
    best(20_000 * 1024, || {
        for draw in 0..20_000 {
            key.fill(0, draw, &mut one, &mut two);
            for words in [&one, &two] {
                normals_from_u64(words, &mut z);
                black_box(&z);
            }
        }
    })
}

fn plain_normals() -> (f64, f64) {
    let mut rng = SplitMix(1);
    best(20_000_000, || {
        let sum: f64 = (0..20_000_000).map(|_| -> f64 { StandardNormal.sample(&mut rng) }).sum();
        black_box(sum);
    })
}

fn plain_steps() -> (f64, f64) {
    let mut rng = SplitMix(1);
    let (mu, sigma, h) = (0.05, 0.2, 1.0 / STEPS as f64);
    let root = f64::sqrt(h);
    let paths = PATHS / 10;
    best(paths * STEPS, || {
        let mut sum = 0.0;
        for _ in 0..paths {
            let mut x = 1.0;
            for _ in 0..STEPS {
                let z: f64 = StandardNormal.sample(&mut rng);
                x += mu * x * h + sigma * x * root * z;
            }
            sum += x;
        }
        black_box(sum);
    })
}

fn steps(threads: usize) -> (f64, f64) {
    run_of(threads, Scheme::EulerMaruyama, PATHS)
}

fn run_of(threads: usize, scheme: Scheme, paths: usize) -> (f64, f64) {
    let model = built_in("gbm").expect("built in");
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let (theta, start, times) = ([0.05, 0.2], [1.0], [1.0]);
    let step = 1.0 / STEPS as f64;
    let run = Run { theta: &theta, start: Start::At(&start), t0: 0.0, times: &times, paths, step, scheme, key };
    let job = || best(paths * STEPS, || _ = black_box(summarise(&model, &run).expect("finite paths")));
    if threads == 1 {
        // The global pool is the main thread alone, whose processor time is measured.
        return job();
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(job)
}

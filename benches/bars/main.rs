//! The eight bars, measured: one JSON line a question, `{bar, title, bar_text, tool, seconds, error, note}`, and `against`, the part of the
//! note that a peer's line of the same question has. `benches/peers/run.py` sets them beside their peers; bar 0 is the machine.
//! `KRAMERS_BARS=3,5 cargo bench --bench bars` measures some of them.
//!
//! One thread unless the note says otherwise. The best of several rounds counts, by the clock; of long ones on one thread the time on
//! the processor, to which others on the machine add little.

#![allow(clippy::expect_used, clippy::disallowed_methods)] // A bench may stop, and prints.

mod agreement;
mod clock;
mod grids;
mod levels;
mod likelihoods;
mod machine;
mod networks;
mod paths;
mod question;
mod spectra;

use serde_json::json;

const BARS: [(&str, &str); 9] = [
    (
        "The machine",
        "limits: 0.44 ns a Philox word, 2.3 ns a normal by a vector Box-Muller, 20 GB/s copied by one thread; two threads nearly twice one",
    ),
    (
        "Relaxation rates, however small",
        "relative 1e-10 in plain doubles from D = 0.25 down to 0.001 (a rate of 1.2e-109), each in 50 ms; Schlögl's gap and passage time likewise",
    ),
    (
        "Master equation with a certificate",
        "1e5 states in 0.1 s with a bound of 1e-11 that is never below the L1 error nor 10 times above it; 1e6 states in 1.5 s",
    ),
    (
        "Paths",
        "1e8 Euler steps of geometric Brownian motion in 0.15 s on two cores, the same bits on any number of threads",
    ),
    (
        "Likelihoods",
        "exact fit of 2500 observations with standard errors in 5 ms; any drift's monthly log-likelihood to 1e-6 in 50 ms",
    ),
    ("Fokker-Planck in one dimension", "1e-10 in 5 ms where smooth; 1e-6 in 20 ms for a square root that reaches zero"),
    (
        "Fokker-Planck in two dimensions",
        "Heston, Feller's condition violated: marginal density and call within 1e-4 in 2 s, mass to 1e-10",
    ),
    (
        "Multilevel keeps the error asked for",
        "root-mean-square error not above the goal by more than 3 standard errors, cost within 1.5 of the prediction",
    ),
    ("All forms of one typed model agree", "Fokker-Planck and spectrum to 1e-9, Monte Carlo within 4 standard errors"),
];

fn main() {
    // Arguments are cargo's own (--bench).
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("the first pool");
    let asked = std::env::var("KRAMERS_BARS").unwrap_or_default();
    let asked: Vec<usize> = asked.split(',').filter_map(|bar| bar.trim().parse().ok()).collect();
    let all = [
        machine::machine,
        spectra::rates,
        networks::networks,
        paths::paths,
        likelihoods::likelihoods,
        grids::lines,
        grids::planes,
        levels::levels,
        agreement::agreement,
    ];
    for (bar, measure) in all.into_iter().enumerate() {
        if asked.is_empty() || asked.contains(&bar) {
            measure(&Bar(bar));
        }
    }
}

struct Bar(usize);

impl Bar {
    fn say(
        &self,
        tool: &str,
        seconds: impl Into<Option<f64>>,
        error: impl Into<Option<f64>>,
        note: &str,
        against: &str,
    ) {
        let (title, text) = BARS[self.0];
        let (seconds, error): (Option<f64>, Option<f64>) = (seconds.into(), error.into());
        let line = json!({
            "bar": self.0, "title": title, "bar_text": text, "tool": tool, "seconds": seconds, "error": error, "note": note, "against": against,
        });
        println!("{line}");
    }
}

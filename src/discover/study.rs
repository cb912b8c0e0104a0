//! Known laws, simulated, and what is found in them: the cases of the tests and the long study over twenty seeds.

use super::*;
use crate::base::{Purpose, Seed};
use crate::form::monte_carlo::{Run, Scheme, Start, simulate};

/// One law with its true terms.
pub(super) struct Case {
    pub name: &'static str,
    pub text: String,
    pub theta: Vec<f64>,
    pub start: Vec<f64>,
    pub dt: f64,
    pub scheme: Scheme,
    /// Inner steps a row.
    pub inner: usize,
    /// `[state]`: terms as text with their coefficients.
    pub drift: Vec<Vec<(&'static str, f64)>>,
    pub noise: Vec<Vec<(&'static str, f64)>>,
}

const VAN_DER_POL: &str = r#"
schema = 1
id     = "van-der-pol"
title  = "Noisy van der Pol oscillator"
kind   = "diffusion"
source = "van der Pol (1926)"

[state.x]
unit   = "1"
domain = [-inf, inf]

[state.v]
unit   = "1"
domain = [-inf, inf]

[params.mu]
meaning = "strength of the damping"
unit    = "1"
default = 1.0
bounds  = [0.0, 1e3]

[params.s]
meaning = "noise of x"
unit    = "1"
default = 0.3
bounds  = [0.0, 1e3]

[params.r]
meaning = "noise of v"
unit    = "1"
default = 0.5
bounds  = [0.0, 1e3]

[dynamics]
drift.x = "v"
drift.v = "mu*(1 - x^2)*v - x"
diffusion.x = "s"
diffusion.v = "r"
"#;

fn built_in_text(id: &str) -> String {
    models::built_in_text(id).unwrap().to_string()
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "double-well",
            text: built_in_text("double-well"),
            theta: vec![1.0, 1.0, 0.8],
            start: vec![1.0],
            dt: 0.02,
            scheme: Scheme::Strong15,
            inner: 20,
            drift: vec![vec![("x", 4.0), ("x^3", -4.0)]],
            noise: vec![vec![("", 0.64)]],
        },
        Case {
            name: "ou",
            text: built_in_text("ou"),
            theta: vec![1.0, 0.5, 0.6],
            start: vec![0.5],
            dt: 0.05,
            scheme: Scheme::Exact,
            inner: 1,
            drift: vec![vec![("", 0.5), ("x", -1.0)]],
            noise: vec![vec![("", 0.36)]],
        },
        Case {
            name: "cir",
            text: built_in_text("cir"),
            theta: vec![1.0, 1.0, 0.8],
            start: vec![1.0],
            dt: 0.05,
            scheme: Scheme::Exact,
            inner: 1,
            drift: vec![vec![("", 1.0), ("x", -1.0)]],
            noise: vec![vec![("x", 0.64)]],
        },
        Case {
            name: "logistic",
            text: built_in_text("logistic"),
            theta: vec![1.0, 1.0, 0.7],
            start: vec![1.0],
            dt: 0.05,
            scheme: Scheme::Strong15,
            inner: 20,
            drift: vec![vec![("x", 1.0), ("x^2", -1.0)]],
            noise: vec![vec![("x^2", 0.49)]],
        },
        Case {
            name: "van-der-pol",
            text: VAN_DER_POL.to_string(),
            theta: vec![1.0, 0.3, 0.5],
            start: vec![1.0, 0.0],
            dt: 0.02,
            scheme: Scheme::Strong15,
            inner: 10,
            drift: vec![vec![("v", 1.0)], vec![("x", -1.0), ("v", 1.0), ("x^2*v", -1.0)]],
            noise: vec![vec![("", 0.09)], vec![("", 0.25)]],
        },
    ]
}

/// Logistic growth with less noise: the states seen lie closer together, and other pairs of terms look like the true one.
fn narrow() -> Case {
    let mut case = cases().swap_remove(3);
    case.name = "logistic, sigma 0.5";
    case.theta[2] = 0.5;
    case.noise = vec![vec![("x^2", 0.25)]];
    case
}

impl Case {
    /// A path of `rows` observations after `burn` that are thrown away, `[state][row]`.
    pub fn path(&self, rows: usize, seed: u64) -> (Vec<f64>, Vec<Vec<f64>>) {
        let model = models::read("case.toml", &self.text).unwrap();
        let burn = 200;
        let times: Vec<f64> = (1..=rows + burn).map(|i| i as f64 * self.dt).collect();
        let run = Run {
            theta: &self.theta,
            start: Start::At(&self.start),
            t0: 0.0,
            times: &times,
            paths: 1,
            step: self.dt / self.inner as f64 * (1.0 + 1e-9),
            scheme: self.scheme,
            key: Seed(seed).key(Purpose::Simulation, 0, 0),
        };
        let paths = simulate(&model, &run).unwrap();
        let states = 0..self.start.len();
        let values = states.map(|s| paths.states[burn..].iter().map(|row| row[s][0]).collect()).collect();
        (times[burn..].to_vec(), values)
    }

    pub fn steps(&self, rows: usize, seed: u64) -> Steps {
        let (time, values) = self.path(rows, seed);
        Steps::of(&[Track { time: &time, states: values.iter().map(Vec::as_slice).collect() }]).unwrap()
    }

    pub fn settings(&self) -> Settings {
        let names = if self.start.len() == 1 { vec!["x".to_string()] } else { vec!["x".to_string(), "v".to_string()] };
        Settings { names, ..Settings::default() }
    }

    /// Whether all terms are the true ones, and the largest distance of a true coefficient in standard errors.
    pub fn judge(&self, found: &Discovery) -> (bool, f64, String) {
        let names = self.settings().names;
        let (mut right, mut worst, mut shown) = (true, 0.0_f64, Vec::new());
        let parts = found.formula.drift.iter().chain(&found.formula.noise);
        for (part, truth) in parts.zip(self.drift.iter().chain(&self.noise)) {
            let texts: Vec<String> = part.terms.iter().map(|t| t.monomial.text(&names)).collect();
            let mut sorted: Vec<&str> = texts.iter().map(String::as_str).collect();
            sorted.sort_unstable();
            let mut wanted: Vec<&str> = truth.iter().map(|t| t.0).collect();
            wanted.sort_unstable();
            right &= sorted == wanted;
            for (term, text) in part.terms.iter().zip(&texts) {
                if let (Some((_, value)), Some(se)) = (truth.iter().find(|t| t.0 == text), term.se) {
                    worst = worst.max(((term.value - value) / se).abs());
                }
                shown.push(format!("{:.4}({:.4}){text}", term.value, term.se.unwrap_or(f64::NAN)));
            }
            shown.push("|".to_string());
        }
        (right, worst, shown.join(" "))
    }
}

#[test]
#[ignore = "a minute or two: twenty seeds of every law"]
fn right_terms_and_honest_errors_over_twenty_seeds() {
    let seeds = 20;
    println!(
        "| law | dt | transitions | right terms | coefficients within 2 s.e. | within 3 s.e. | z of coefficients, sd | jump check refuses | Markov check refuses | seconds a run |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for case in cases().into_iter().chain([narrow()]) {
        let (mut right, mut z, mut jumps, mut markov) = (0, Vec::new(), 0, 0);
        let mut seconds = 0.0;
        let names = case.settings().names;
        for seed in 1..=seeds {
            let steps = case.steps(100_000, seed);
            let clock = std::time::Instant::now();
            let found = discover(&steps, &case.settings()).unwrap();
            seconds += clock.elapsed().as_secs_f64();
            let (is_right, _, shown) = case.judge(&found);
            if !is_right {
                eprintln!("{} seed {seed}: {shown}", case.name);
            }
            if is_right {
                right += 1;
                let parts = found.formula.drift.iter().chain(&found.formula.noise);
                for (part, truth) in parts.zip(case.drift.iter().chain(&case.noise)) {
                    for term in &part.terms {
                        let text = term.monomial.text(&names);
                        let value = truth.iter().find(|t| t.0 == text).unwrap().1;
                        z.push((term.value - value) / term.se.unwrap());
                    }
                }
            }
            jumps += usize::from(found.jumps.iter().flatten().any(|j| j.jumps));
            markov += usize::from(found.markov.as_ref().is_some_and(|m| !m.holds()));
        }
        let within = |k: f64| z.iter().filter(|z| z.abs() < k).count();
        println!(
            "| {} | {} | 100 000 | {right} of {seeds} | {} of {} | {} of {} | {:.2} | {jumps} | {markov} | {:.2} |",
            case.name,
            case.dt,
            within(2.0),
            z.len(),
            within(3.0),
            z.len(),
            crate::stats::sd(&z),
            seconds / seeds as f64
        );
    }
}

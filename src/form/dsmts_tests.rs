//! The SBML Discrete Stochastic Model Test Suite (Evans, Gillespie & Wilkinson 2008, doi:10.1093/bioinformatics/btm566), read from its
//! files and held against its tables, by simulation and by the master equation.
//!
//! The rule: of n = 10,000 paths `Z = sqrt(n) (mean - mu)/sigma` lies in (-3, 3) and `Y = sqrt(n/2) (S²/sigma² - 1)` in (-5, 5), Y
//! divided by `sqrt((kurtosis - 1)/2)` since it is of a normal law; one miss a case is chance. Where sigma is zero the value is held.

use super::master_equation::{MOST_STATES, Projection, Snapshot, project};
use super::monte_carlo::ssa::{Method, Run, simulate};
use crate::base::{Purpose, Seed};
use crate::models::{Model, read};
use crate::process::{Network, Process};
use std::path::PathBuf;
use std::time::Instant;

const PATHS: usize = 10_000;

struct Case {
    name: String,
    model: Model,
    variables: Vec<String>,
    /// `[time][variable]`
    mean: Vec<Vec<f64>>,
    sd: Vec<Vec<f64>>,
}

fn table(path: &PathBuf) -> (Vec<String>, Vec<Vec<f64>>) {
    let text = std::fs::read_to_string(path).expect("a table");
    let mut lines = text.lines();
    let names = lines.next().expect("a header").split(',').skip(1).map(str::trim).map(str::to_string).collect();
    let row = |l: &str| l.split(',').skip(1).map(|x| x.trim().parse().expect("a number")).collect();
    (names, lines.filter(|l| !l.trim().is_empty()).map(row).collect())
}

/// The cases that stand beside the project; none where the folder is not there.
fn cases() -> Vec<Case> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/dsmts"));
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|n| n.len() == 5 && n.bytes().all(|b| b.is_ascii_digit()))
        .collect();
    names.sort();
    let case = |name: String| {
        let at = |end: &str| folder.join(&name).join(format!("{name}-{end}"));
        let text = std::fs::read_to_string(at("sbml-l3v1.xml")).expect("a model");
        let model = read(&format!("{name}.xml"), &text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let ((variables, mean), (_, sd)) = (table(&at("mean.csv")), table(&at("sd.csv")));
        Case { name, model, variables, mean, sd }
    };
    names.into_iter().map(case).collect()
}

fn network(model: &Model) -> &Network {
    let Process::Network(network) = &model.process else { panic!("{} is no network", model.id) };
    network
}

/// A variable of the table in one state: a species, or a rule.
fn value(case: &Case, variable: &str, theta: &[f64], state: &[f64]) -> f64 {
    let network = network(&case.model);
    if let Some(s) = network.species.iter().position(|s| s.name == variable) {
        return state[s];
    }
    let rule = network.rules.iter().find(|r| r.name == variable).unwrap_or_else(|| panic!("{}: {variable}", case.name));
    let mut symbols = network.frame.symbols(theta, 0.0);
    let first = network.frame.variable(0);
    symbols[first..first + state.len()].copy_from_slice(state);
    network.frame.pool.eval(rule.value, &symbols)
}

fn defaults(model: &Model) -> Vec<f64> {
    model.params.iter().map(|p| p.default).collect()
}

/// How often the rule is missed by one variable, of how many looks.
fn misses(case: &Case, v: usize, samples: &[Vec<f64>]) -> (usize, usize) {
    let n = PATHS as f64;
    let (mut count, mut looks) = (0, 0);
    for (k, x) in samples.iter().enumerate() {
        let (mu, sigma) = (case.mean[k][v], case.sd[k][v]);
        let mean = x.iter().sum::<f64>() / n;
        if sigma == 0.0 {
            // The tables have five decimals.
            assert!((mean - mu).abs() < 1e-5, "{} {} at {k}: {mean} {mu}", case.name, case.variables[v]);
            continue;
        }
        let central = |p: i32| x.iter().map(|x| (x - mean).powi(p)).sum::<f64>() / n;
        let variance = central(2) * n / (n - 1.0);
        let kurtosis = central(4) / (central(2) * central(2));
        let z = n.sqrt() * (mean - mu) / sigma;
        let y = (n / 2.0).sqrt() * (variance / (sigma * sigma) - 1.0) / ((kurtosis - 1.0) / 2.0).sqrt();
        count += usize::from(!(z.abs() < 3.0)) + usize::from(!(y.abs() < 5.0));
        looks += 2;
    }
    (count, looks)
}

/// `[variable]` (misses, looks) of one simulation of a case.
fn simulated(case: &Case, seed: u64) -> Vec<(usize, usize)> {
    let theta = defaults(&case.model);
    let times: Vec<f64> = (0..case.mean.len()).map(|k| k as f64).collect();
    let key = Seed(seed).key(Purpose::Simulation, 0, 0);
    let run = Run {
        theta: &theta,
        start: &[],
        t0: 0.0,
        times: &times,
        paths: PATHS,
        key,
        most_events: None,
        method: Method::Auto,
        epsilon: None,
    };
    let counts = simulate(&case.model, &run).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let of_variable = |(v, variable): (usize, &String)| {
        let of_path = |row: &Vec<Vec<f64>>, path: usize| {
            let state: Vec<f64> = row.iter().map(|column| column[path]).collect();
            value(case, variable, &theta, &state)
        };
        let samples: Vec<Vec<f64>> =
            counts.states.iter().map(|row| (0..PATHS).map(|path| of_path(row, path)).collect()).collect();
        misses(case, v, &samples)
    };
    case.variables.iter().enumerate().map(of_variable).collect()
}

#[test]
fn simulation_keeps_the_rule_of_the_suite() {
    let begin = Instant::now();
    let mut missed = Vec::new();
    for case in cases() {
        let began = Instant::now();
        let of_variables = simulated(&case, 11);
        println!("{}: {of_variables:?} missed of looks, {:.2} s", case.name, began.elapsed().as_secs_f64());
        missed.extend(of_variables.iter().filter(|(m, _)| *m > 1).map(|(m, _)| format!("{}: {m}", case.name)));
    }
    println!("all by simulation: {:.2} s", begin.elapsed().as_secs_f64());
    assert!(missed.is_empty(), "{missed:?}");
}

/// Z beyond three is met by chance in 0.27 % of looks, so in 0.135 % of looks at Z and Y together.
#[test]
#[ignore = "twenty seeds of two cases: 4 of 6,000 looks missed"]
fn the_rule_is_missed_as_often_as_chance_would() {
    let cases: Vec<Case> = cases().into_iter().filter(|c| ["00020", "00025"].contains(&c.name.as_str())).collect();
    let all: Vec<(usize, usize)> =
        (100..120).flat_map(|seed| cases.iter().flat_map(move |case| simulated(case, seed))).collect();
    let (missed, looks) = all.iter().fold((0, 0), |(a, b), (m, n)| (a + m, b + n));
    let share = missed as f64 / looks.max(1) as f64;
    println!("{missed} of {looks} looks: {:.3} %", 100.0 * share);
    assert!(share < 0.003, "{share}");
}

#[test]
fn the_master_equation_has_the_tables_to_a_thousandth() {
    let begin = Instant::now();
    for case in cases().into_iter().filter(|c| c.name.as_str() < "00040") {
        let began = Instant::now();
        let theta = defaults(&case.model);
        let times: Vec<f64> = (0..case.mean.len()).map(|k| k as f64).collect();
        let projection =
            Projection { theta: &theta, start: &[], t0: 0.0, times: &times, tolerance: 1e-9, most_states: MOST_STATES };
        let laws = project(&case.model, &projection).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let mut worst = 0.0f64;
        for (v, variable) in case.variables.iter().enumerate() {
            for (k, law) in laws.iter().enumerate() {
                let (mean, sd) = moments(&case, variable, &theta, law);
                worst = worst.max((mean - case.mean[k][v]).abs()).max((sd - case.sd[k][v]).abs());
            }
        }
        println!("{}: {worst:.1e}, {:.2} s", case.name, began.elapsed().as_secs_f64());
        assert!(worst < 1e-3, "{}: {worst}", case.name);
    }
    println!("all by the master equation: {:.2} s", begin.elapsed().as_secs_f64());
}

fn moments(case: &Case, variable: &str, theta: &[f64], law: &Snapshot) -> (f64, f64) {
    let each: Vec<(f64, f64)> =
        (0..law.len()).map(|i| (value(case, variable, theta, law.state(i)), law.p[i])).collect();
    let total: f64 = each.iter().map(|e| e.1).sum();
    let mean = each.iter().map(|(x, p)| x * p).sum::<f64>() / total;
    let variance = each.iter().map(|(x, p)| (x - mean) * (x - mean) * p).sum::<f64>() / total;
    (mean, variance.sqrt())
}

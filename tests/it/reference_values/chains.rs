//! Reaction networks: counts of molecules.

use super::table::{GOAL, Table, text};
use kramers::base::{Purpose, Seed};
use kramers::form::master_equation::{mean_first_passage, stationary};
use kramers::form::schroedinger::spectrum;
use kramers::form::{Accuracy, Form, Question, answer};
use kramers::models::{Model, built_in};
use kramers::predictive::Predictive;

fn network(species: &str, initial: u32, reactions: &[(&str, &str)]) -> Model {
    let lines: String = reactions
        .iter()
        .map(|(equation, rate)| format!("[[reaction]]\nequation = \"{equation}\"\nrate = \"{rate}\"\n"))
        .collect();
    text(&format!(
        "schema = 1\nid = \"chain\"\ntitle = \"c\"\nkind = \"network\"\nsource = \"t\"\ntags = []\ncounting = \"combinations\"\nvolume = \"1\"\n\
         [species.{species}]\ninitial = {initial}\n{lines}"
    ))
}

fn ask(model: &Model, theta: &[f64], start: &[f64], form: Form, t: f64, paths: usize) -> Option<(Predictive, f64)> {
    let accuracy = Accuracy { goal: (form != Form::MonteCarlo).then_some(GOAL), paths, ..Accuracy::default() };
    let key = Seed(3).key(Purpose::Simulation, 0, 0);
    let question = Question { theta, start, t0: 0.0, times: &[t], accuracy, key };
    form.why_not(model).is_none().then(|| {
        let mut found = answer(model, form, &question).unwrap_or_else(|e| panic!("{}: {e}", form.name()));
        (found.laws.remove(0).remove(0), found.error.unwrap_or(0.0))
    })
}

/// Probabilities of counts, mean and variance by the master equation, its spectrum and exact simulation.
fn law(
    table: &mut Table,
    problem: &str,
    model: &Model,
    theta: &[f64],
    t: f64,
    counts: &[(&str, f64)],
    more: &[(&str, bool)],
) {
    let paths = if table.is_thorough { 20_000 } else { 2_000 };
    for form in [Form::MasterEquation, Form::Schroedinger, Form::MonteCarlo] {
        let Some((law, error)) = ask(model, theta, &[], form, t, paths) else { continue };
        let sd = law.sd().expect("finite");
        for (quantity, n) in counts {
            let found = law.cdf(*n) - law.cdf(*n - 1.0);
            let p = table.value(problem, quantity);
            let (allowed, why) = match form {
                Form::MonteCarlo => (4.0 * (p * (1.0 - p) / paths as f64).sqrt(), "4 s.e."),
                Form::Schroedinger => (2.0 * error.max(1e-12), "its own error"),
                _ => (2.0 * error.max(1e-14), "certified bound"),
            };
            table.add_absolute(problem, quantity, form.name(), found, allowed, why);
        }
        for (quantity, is_mean) in more {
            let found = if *is_mean { law.mean().expect("finite") } else { sd * sd };
            match (form, is_mean) {
                (Form::MonteCarlo, true) => {
                    table.add_absolute(
                        problem,
                        quantity,
                        form.name(),
                        found,
                        4.0 * sd / (paths as f64).sqrt(),
                        "4 s.e.",
                    );
                }
                (Form::MonteCarlo, false) => {
                    table.add(problem, quantity, form.name(), found, 4.0 * (2.0 / paths as f64).sqrt(), "4 s.e.");
                }
                _ => table.add(problem, quantity, form.name(), found, 1e-9, "moments of the law"),
            }
        }
    }
}

pub fn add(table: &mut Table) {
    let counts = [("P(n=0)", 0.0), ("P(n=5)", 5.0), ("P(n=12)", 12.0), ("P(n=20)", 20.0)];
    let birth = network("X", 3, &[("0 -> X", "10"), ("X -> 0", "0.5")]);
    law(table, "immigration_death", &birth, &[], 1.7, &counts, &[("mean", true), ("variance", false)]);
    let pairs = network("A", 40, &[("2 A -> 0", "0.01")]);
    let counts = [("P(A=40)", 40.0), ("P(A=24)", 24.0), ("P(A=16)", 16.0)];
    law(table, "dimerisation", &pairs, &[], 2.0, &counts, &[("mean_A", true)]);
    schloegl(table);
}

fn schloegl(table: &mut Table) {
    let problem = "schlogl";
    let model = built_in("schloegl").expect("built in");
    let theta = model.default_params().values;
    for t in [1, 5] {
        let names: Vec<String> = [85, 250, 560].iter().map(|n| format!("P(n={n},t={t}|X0=250)")).collect();
        let counts: Vec<(&str, f64)> = names.iter().map(String::as_str).zip([85.0, 250.0, 560.0]).collect();
        law(table, problem, &model, &theta, f64::from(t), &counts, &[(&format!("mean(t={t})"), true)]);
    }
    let settled = stationary(&model, &theta, &[250.0]).expect("a stationary law").marginal(0).expect("one species");
    for n in [50, 85, 100, 200, 250, 400, 565] {
        let p = settled.log_pmf(f64::from(n)).exp();
        table.add(problem, &format!("P_stationary(n={n})"), "master-equation", p, 1e-11, "product formula");
    }
    table.add(problem, "P(n<=250)", "master-equation", settled.cdf(250.0), 1e-11, "product formula");
    table.add(problem, "stationary_mean", "master-equation", settled.mean(), 1e-11, "product formula");
    let rates = spectrum(&model, &theta, 3).expect("a spectrum").rates;
    table.add(problem, "spectral_gap", "schroedinger", rates[1], 1e-11, "factored form");
    table.add(problem, "lambda_2", "schroedinger", rates[2], 1e-11, "factored form");
    let mean = mean_first_passage(&model, &theta, &[82.0], 0, 563.0).expect("a mean");
    table.add(problem, "MFPT(82->563)", "master-equation", mean, 1e-11, "killed generator");
}

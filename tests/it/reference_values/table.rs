//! The lines of the table, and the tools that fill them.

use kramers::base::{Purpose, Seed};
use kramers::form::{Accuracy, Form, Question, answer};
use kramers::models::{Model, read};
use kramers::predictive::Predictive;
use serde_json::Value;
use std::fmt::Write;

/// One number by one form.
struct Line {
    problem: String,
    quantity: String,
    form: String,
    reference: f64,
    found: f64,
    /// Largest absolute error allowed, and where it comes from.
    allowed: f64,
    why: &'static str,
}

impl Line {
    fn is_kept(&self) -> bool {
        (self.found - self.reference).abs() <= self.allowed
    }
}

pub struct Table {
    problems: Value,
    lines: Vec<Line>,
    /// Values no form of ours gives, with the reason.
    absent: Vec<(String, String, &'static str)>,
    /// Whether the costly lines are wanted too.
    pub is_thorough: bool,
}

/// What is asked of a law.
#[derive(Clone, Copy)]
pub enum Ask {
    Mean,
    Variance,
    Second,
    Pdf(f64),
    LogPdf(f64),
    Cdf(f64),
}

impl Ask {
    pub fn of(self, law: &Predictive) -> f64 {
        let mean = law.mean().unwrap_or(f64::NAN);
        let variance = law.sd().map_or(f64::NAN, |sd| sd * sd);
        match self {
            Ask::Mean => mean,
            Ask::Variance => variance,
            Ask::Second => variance + mean * mean,
            Ask::Pdf(x) => law.log_pdf(x).unwrap_or(f64::NAN).exp(),
            Ask::LogPdf(x) => law.log_pdf(x).unwrap_or(f64::NAN),
            Ask::Cdf(x) => law.cdf(x),
        }
    }
}

/// The tolerance that grid forms are asked for.
pub const GOAL: f64 = 1e-9;
/// Relative errors of means, variances and densities that go with that goal.
const SMOOTH: [(Form, f64, &str); 4] = [
    (Form::Exact, 1e-12, "closed"),
    (Form::FokkerPlanck, 1e-6, "grid"),
    (Form::Schroedinger, 1e-8, "spectrum"),
    (Form::MasterEquation, 1e-5, "lattice"),
];

impl Table {
    /// The problems, or `None` (said) where a clone stands alone.
    pub fn read(is_thorough: bool) -> Option<Table> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/numerics/reference_values.json");
        let Ok(bytes) = std::fs::read(path) else {
            eprintln!("skipped: {path} is not here");
            return None;
        };
        Some(Table {
            problems: serde_json::from_slice(&bytes).expect("JSON"),
            lines: Vec::new(),
            absent: Vec::new(),
            is_thorough,
        })
    }

    /// The value of one quantity of one problem, printed there with 18 digits.
    pub fn value(&self, problem: &str, quantity: &str) -> f64 {
        let all = self.problems["problems"].as_array().expect("a list");
        let found = all.iter().find(|p| p["id"] == problem).unwrap_or_else(|| panic!("no problem {problem}"));
        let text = found["values"][quantity]["value"].as_str();
        text.unwrap_or_else(|| panic!("{problem} has no {quantity}")).parse().expect("a number")
    }

    /// A number found, with the relative error allowed.
    pub fn add(&mut self, problem: &str, quantity: &str, form: &str, found: f64, relative: f64, why: &'static str) {
        let reference = self.value(problem, quantity);
        self.add_absolute(problem, quantity, form, found, relative * reference.abs(), why);
    }

    pub fn add_absolute(
        &mut self,
        problem: &str,
        quantity: &str,
        form: &str,
        found: f64,
        allowed: f64,
        why: &'static str,
    ) {
        let reference = self.value(problem, quantity);
        let (problem, quantity, form) = (problem.to_string(), quantity.to_string(), form.to_string());
        self.lines.push(Line { problem, quantity, form, reference, found, allowed, why });
    }

    pub fn absent(&mut self, problem: &str, quantity: &str, why: &'static str) {
        self.absent.push((problem.to_string(), quantity.to_string(), why));
    }

    /// A law's quantities by every deterministic form of the list that applies. A distribution function must be right to the error
    /// that the form itself claims.
    pub fn law(&mut self, problem: &str, model: &Model, theta: &[f64], x0: f64, t: f64, asks: &[(&str, Ask)]) {
        self.law_with(problem, model, theta, x0, t, asks, &SMOOTH);
    }

    #[allow(clippy::too_many_arguments)] // A question has that many parts.
    pub fn law_with(
        &mut self,
        problem: &str,
        model: &Model,
        theta: &[f64],
        x0: f64,
        t: f64,
        asks: &[(&str, Ask)],
        forms: &[(Form, f64, &'static str)],
    ) {
        for &(form, relative, why) in forms {
            // A lattice at this goal takes seconds.
            let is_skipped = form == Form::MasterEquation && !self.is_thorough;
            if is_skipped || form.why_not(model).is_some() {
                continue;
            }
            let (law, error) = match law(model, form, theta, &[x0], t, GOAL) {
                Ok(found) => found,
                Err(refusal) => {
                    eprintln!("{problem} by {}: {refusal}", form.name());
                    continue;
                }
            };
            for &(quantity, ask) in asks {
                let found = ask.of(&law);
                match (ask, form) {
                    (Ask::Cdf(_), Form::FokkerPlanck | Form::Schroedinger | Form::MasterEquation) => {
                        let claimed = error.unwrap_or(0.0).max(1e-12);
                        self.add_absolute(problem, quantity, form.name(), found, claimed, "its own error");
                    }
                    // Far out in a tail a grid is right to a share of what is around, not of the tail.
                    (Ask::Pdf(_), Form::FokkerPlanck | Form::MasterEquation | Form::Schroedinger) => {
                        let size = self.value(problem, quantity).abs().max(1e-4);
                        self.add_absolute(problem, quantity, form.name(), found, relative * size, why);
                    }
                    (Ask::LogPdf(_), _) => self.add_absolute(problem, quantity, form.name(), found, relative, why),
                    _ => self.add(problem, quantity, form.name(), found, relative, why),
                }
            }
        }
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Lines off by more than allowed, and values that no line is about.
    pub fn failures(&self) -> Vec<String> {
        let off = self.lines.iter().filter(|l| !l.is_kept()).map(|l| {
            let Line { problem, quantity, form, reference, found, allowed, .. } = l;
            format!(
                "{problem} {quantity} by {form}: {found} against {reference}, off by {:.1e}, allowed {allowed:.1e}",
                (found - reference).abs()
            )
        });
        off.chain(self.missing()).collect()
    }

    fn each(&self) -> Vec<(String, String)> {
        let mut each = Vec::new();
        for problem in self.problems["problems"].as_array().expect("a list") {
            let id = problem["id"].as_str().expect("an id");
            each.extend(problem["values"].as_object().expect("values").keys().map(|q| (id.to_string(), q.clone())));
        }
        each
    }

    fn missing(&self) -> Vec<String> {
        let has = |p: &str, q: &str| {
            self.lines.iter().any(|l| l.problem == p && l.quantity == q)
                || self.absent.iter().any(|a| a.0 == p && a.1 == q)
        };
        self.each().into_iter().filter(|(p, q)| !has(p, q)).map(|(p, q)| format!("{p} {q}: no form")).collect()
    }

    pub fn markdown(&self) -> String {
        let values = self.each();
        let mut out = String::from("# Reference values, by every form that applies\n\n");
        let kept = self.lines.iter().filter(|l| l.is_kept()).count();
        let _ = write!(
            out,
            "{} values of {} problems (closed forms and high-precision numbers, each computed by two methods elsewhere); {} lines, {kept} within what is \
             allowed. *Allowed* is absolute: for closed forms 1e-12 of the value, for a distribution function the error that the form itself claims, \
             for means, variances and densities of a grid or spectrum asked for an error of {GOAL:e} a share of the value, for paths four \
             standard errors. Made by `just reference-values`.\n\n",
            values.len(),
            self.problems["problems"].as_array().map_or(0, Vec::len),
            self.lines.len(),
        );
        out.push_str("| problem | value | reference | form | error | allowed | |\n|---|---|---:|---|---:|---:|---|\n");
        for (problem, quantity) in &values {
            let lines: Vec<&Line> =
                self.lines.iter().filter(|l| l.problem == *problem && l.quantity == *quantity).collect();
            for (k, line) in lines.iter().enumerate() {
                let names = if k == 0 {
                    format!("{problem} | {} | {:.15e}", quantity.replace('|', "\\|"), line.reference)
                } else {
                    " | | ".to_string()
                };
                let mark = if line.is_kept() { "" } else { " **off**" };
                let _ = writeln!(
                    out,
                    "| {names} | {} | {:.1e}{mark} | {:.0e} | {} |",
                    line.form,
                    (line.found - line.reference).abs(),
                    line.allowed,
                    line.why
                );
            }
            if let Some((.., why)) = self.absent.iter().find(|a| a.0 == *problem && a.1 == *quantity) {
                let _ = writeln!(out, "| {problem} | {quantity} | | – | | | {why} |");
            }
        }
        out
    }
}

/// A one-component law and the form's own error.
pub fn law(
    model: &Model,
    form: Form,
    theta: &[f64],
    start: &[f64],
    t: f64,
    goal: f64,
) -> kramers::base::Result<(Predictive, Option<f64>)> {
    let accuracy = Accuracy { goal: Some(goal), ..Accuracy::default() };
    let key = Seed(1).key(Purpose::Simulation, 0, 0);
    let question = Question { theta, start, t0: 0.0, times: &[t], accuracy, key };
    let mut found = answer(model, form, &question)?;
    Ok((found.laws.remove(0).remove(0), found.error))
}

/// A one-dimensional diffusion as a user would write it.
pub fn diffusion(drift: &str, noise: &str, domain: &str, more: &str, params: &[&str]) -> Model {
    let parameters: String = params
        .iter()
        .map(|p| format!("[params.{p}]\nmeaning = \"m\"\nunit = \"1\"\ndefault = 0.5\nbounds = [-100.0, 100.0]\n"))
        .collect();
    text(&format!(
        "schema = 1\nid = \"mine\"\ntitle = \"mine\"\nkind = \"diffusion\"\nsource = \"test\"\ntags = []\n\
         [state.x]\nunit = \"1\"\ndomain = {domain}\n{more}\n{parameters}\
         [dynamics]\ndrift.x = \"{drift}\"\ndiffusion.x = \"{noise}\"\n"
    ))
}

/// A model from its text.
pub fn text(toml: &str) -> Model {
    read("mine.toml", toml).unwrap_or_else(|e| panic!("{e}\n{toml}"))
}

//! Paths of a model by a scheme: of a diffusion, of a network exactly, of its Langevin equation, or its rate equations.

use super::args::SchemeArg;
use super::start::{point, starts};
use crate::base::rng::Key;
use crate::base::{Error, Result};
use crate::form::monte_carlo::ssa::{self, Method};
use crate::form::monte_carlo::{Run, Scheme, coarseness, simulate_states};
use crate::form::ode::{Initial, rate_equations};
use crate::form::start::Starts;
use crate::models::Model;
use crate::process::Process;

/// What is asked of a scheme.
pub(super) struct Asked<'a> {
    pub theta: &'a [f64],
    pub from: &'a [(String, f64)],
    pub t0: f64,
    /// After `t0`.
    pub times: &'a [f64],
    pub paths: usize,
    pub step: f64,
    /// Of leaps of networks.
    pub epsilon: f64,
    pub key: Key,
}

impl Asked<'_> {
    /// Where the paths of a diffusion begin, looked at for coefficients that are not finite there.
    pub fn begin(&self, model: &Model) -> Result<Starts> {
        let begin = starts(self.from, model, self.theta, self.paths, self.key)?;
        if let Starts::At(x) = &begin {
            model.check_finite(self.theta, x)?;
        }
        Ok(begin)
    }

    /// The run of a diffusion by a scheme.
    pub fn run<'r>(&'r self, begin: &'r Starts, scheme: Scheme) -> Run<'r> {
        Run {
            theta: self.theta,
            start: begin.as_start(),
            t0: self.t0,
            times: self.times,
            paths: self.paths,
            step: self.step,
            scheme,
            key: self.key,
        }
    }
}

impl Asked<'_> {
    /// The output times after one that is read off a moment after the start, so that a start drawn from a law is the one the path had.
    pub fn with_start(&self) -> Vec<f64> {
        let moment = self.times.first().map_or(1.0, |t| t - self.t0) * 1e-12;
        std::iter::once(self.t0 + moment).chain(self.times.iter().copied()).collect()
    }

    /// The run of a network by a method.
    pub fn counted<'r>(&'r self, start: &'r [f64], times: &'r [f64], method: Method) -> ssa::Run<'r> {
        ssa::Run {
            theta: self.theta,
            start,
            t0: self.t0,
            times,
            paths: self.paths,
            key: self.key,
            most_events: None,
            method,
            epsilon: Some(self.epsilon).filter(|_| !method.is_exact()),
        }
    }
}

/// What a scheme gave, the start as its first row.
pub(super) struct Paths {
    /// The model that moved: the Langevin equation of a network is another than the network.
    pub model: Model,
    pub scheme: &'static str,
    /// How it was done and why so, where there was a choice.
    pub why: Option<String>,
    /// How far the laws surely are from those at twice the step, of a scheme with steps.
    pub coarseness: Option<f64>,
    /// `[time][component][path]`
    pub states: Vec<Vec<Vec<f64>>>,
}

/// Simulate by the scheme asked for, else exactly where the model is a network, by Euler-Maruyama where it is a diffusion.
pub(super) fn paths(model: &Model, scheme: Option<SchemeArg>, asked: &Asked) -> Result<Paths> {
    let is_network = matches!(model.process, Process::Network(_));
    match (is_network, scheme) {
        (true, None) => counted(model, asked, Method::Auto),
        (true, Some(SchemeArg::Counts(method))) => counted(model, asked, method),
        (true, Some(SchemeArg::RateEquations)) => deterministic(model, asked),
        (true, Some(SchemeArg::Langevin)) => {
            let langevin = model.langevin().ok_or_else(|| wrong(SchemeArg::Langevin, model, "it has events"))?;
            let known: Vec<String> = langevin.variables().into_iter().map(|v| v.0).collect();
            let from: Vec<(String, f64)> = asked.from.iter().filter(|f| known.contains(&f.0)).cloned().collect();
            let mut paths = diffusion(&langevin, Scheme::EulerMaruyama, &Asked { from: &from, ..*asked })?;
            paths.scheme = "langevin";
            Ok(paths)
        }
        (true, Some(other)) => Err(wrong(other, model, "it is a network")),
        (false, None) => diffusion(model, Scheme::EulerMaruyama, asked),
        (false, Some(SchemeArg::Step(scheme))) => diffusion(model, scheme, asked),
        (false, Some(other)) => Err(wrong(other, model, "it is not a network")),
    }
}

fn wrong(scheme: SchemeArg, model: &Model, why: &str) -> Error {
    let fit: Vec<&str> = match model.process {
        Process::Network(_) => {
            SchemeArg::all().filter(|s| !matches!(s, SchemeArg::Step(_))).map(SchemeArg::name).collect()
        }
        _ => Scheme::of(model).into_iter().map(Scheme::name).collect(),
    };
    Error::BadOption {
        flag: "--scheme".to_string(),
        value: scheme.name().to_string(),
        expected: format!("'{}' does not go with it: {why}", model.id),
        hint: Some(format!("the schemes of '{}' are {}", model.id, fit.join(", "))),
    }
}

fn diffusion(model: &Model, scheme: Scheme, asked: &Asked) -> Result<Paths> {
    let begin = asked.begin(model)?;
    let first: Vec<Vec<f64>> = match &begin {
        Starts::At(x) => x.iter().map(|x| vec![*x; asked.paths]).collect(),
        Starts::Each(columns) => columns.clone(),
    };
    let run = asked.run(&begin, scheme);
    let mut states = simulate_states(model, &run)?;
    states.insert(0, first);
    let coarseness = coarseness(model, &run)?;
    Ok(Paths { model: model.clone(), scheme: scheme.name(), why: None, coarseness, states })
}

fn counted(model: &Model, asked: &Asked, method: Method) -> Result<Paths> {
    let (start, times) = (point(asked.from, model, asked.theta)?, asked.with_start());
    let run = asked.counted(&start, &times, method);
    let found = ssa::simulate(model, &run)?;
    let why = format!("{} reactions by {}: {}", found.events, found.method.name(), found.why);
    Ok(Paths {
        model: model.clone(),
        scheme: found.method.name(),
        why: Some(why),
        coarseness: None,
        states: found.states,
    })
}

fn deterministic(model: &Model, asked: &Asked) -> Result<Paths> {
    let mut start = point(asked.from, model, asked.theta)?;
    if start.is_empty() {
        start = model.default_start(asked.theta).ok_or_else(|| Error::BadOption {
            flag: "--from".to_string(),
            value: String::new(),
            expected: format!("'{}' starts from a law without a known mean", model.id),
            hint: Some("give every species its start".to_string()),
        })?;
    }
    let initial = Initial { theta: asked.theta, start: &start, t0: asked.t0, times: asked.times, tolerance: 1e-8 };
    let solved = rate_equations(model, &initial)?;
    let row = |state: &Vec<f64>| state.iter().map(|x| vec![*x]).collect();
    let mut states: Vec<Vec<Vec<f64>>> = solved.states.iter().map(row).collect();
    states.insert(0, start.iter().map(|x| vec![*x]).collect());
    Ok(Paths { model: model.clone(), scheme: "rate-equations", why: None, coarseness: None, states })
}

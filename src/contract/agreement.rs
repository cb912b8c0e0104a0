//! All forms of a model against one reference: the closed law, else the finest grid, else the closed moments.

use super::{Cell, Clause, Effort, Outcome, absent, clause, larger};
use crate::base::rng::Key;
use crate::base::{Error, Result, math};
use crate::form::moments::{self, closed_moments};
use crate::form::monte_carlo::ssa;
use crate::form::stationary::stationary;
use crate::form::{Accuracy, Form, Question, marginals};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{Initial, Process};

/// Cells of a grid form, and the error it may make with them, in sd.
const CELLS: usize = 500;
const GRID_BOUND: f64 = 1e-3;
/// Weak bias allowed to Euler's paths, in sd.
const PATH_BOUND: f64 = 0.02;
/// Steps over the horizon of the paths that paths are held against.
const STEPS: f64 = 2_000.0;
/// A step so short that a Gaussian one-step density of named order leaves 1e-2 sd.
const SHORT: f64 = 1e-4;
const LEVELS: [f64; 3] = [0.05, 0.5, 0.95];

pub(super) struct Agreement {
    pub reference: String,
    pub clauses: Vec<Clause>,
    pub cells: Vec<Cell>,
}

/// A start for the model's states: the file's own, a law's mean, else one where that is inside the domain.
pub(super) fn start_of(model: &Model, theta: &[f64]) -> Option<Vec<f64>> {
    let given = model.initial_values(theta);
    match &model.process {
        Process::Diffusion(p) => {
            let inside = |(i, given): (usize, Option<f64>)| {
                let state = &p.states[i];
                let middle = 0.5 * (state.lower + state.upper);
                let choice = if middle.is_finite() { middle } else { 1.0 };
                let settled = || stationary(model, theta, i).ok()?.mean();
                let given = given.or_else(|| (state.initial == Some(Initial::Stationary)).then(settled)?);
                given.or(Some(choice)).filter(|x| state.holds(*x))
            };
            given.into_iter().enumerate().map(inside).collect()
        }
        Process::Network(_) => given.into_iter().collect(),
        _ => None,
    }
}

pub(super) fn agree(model: &Model, theta: &[f64], effort: Effort, key: Key) -> Agreement {
    let effort = affordable(model, theta, effort, key);
    let Some(start) = start_of(model, theta) else {
        let why = format!("a {} has no law of a state", model.process.kind());
        let cells = Vec::new();
        return Agreement { reference: "none".to_string(), clauses: vec![absent("forms", why)], cells };
    };
    let ask = |form: Form, time: f64, cells: usize| -> Result<Vec<Predictive>> {
        let accuracy = Accuracy { cells, paths: effort.paths, ..Accuracy::default() };
        let times = [time];
        let question = Question { theta, start: &start, t0: 0.0, times: &times, accuracy, key };
        marginals(model, form, &question).map(|mut rows| rows.pop().unwrap_or_default())
    };
    // A state space may be too large only once it is looked at; paths answer then.
    let mut best = Form::of_choice(model);
    let mut found = ask(best, model.horizon, 2 * CELLS);
    if best == Form::MasterEquation && found.is_err() {
        best = Form::MonteCarlo;
        found = ask(best, model.horizon, 2 * CELLS);
    }
    let reference = match found {
        Ok(reference) => reference,
        Err(error) => {
            let clauses = vec![clause("forms", false, format!("{} does not answer: {error}", best.name()))];
            return Agreement { reference: best.name().to_string(), clauses, cells: Vec::new() };
        }
    };
    let mut clauses = Vec::new();
    let cells = Form::of_kind(&model.process)
        .map(|form| {
            if let Some(why) = form.why_not(model) {
                return Cell {
                    form: form.name().to_string(),
                    outcome: Outcome::Absent,
                    disagreement: None,
                    found: why,
                };
            }
            if let Some(why) = too_large(model, form) {
                return Cell {
                    form: form.name().to_string(),
                    outcome: Outcome::Absent,
                    disagreement: None,
                    found: why,
                };
            }
            if form == Form::MonteCarlo && best == form {
                return by_itself(model, theta, &start, &reference, effort, key);
            }
            let is_short = form.is_one_step();
            let (time, bound) = match form {
                _ if is_short => (SHORT * model.horizon, 1e-2),
                // Near the network for many molecules, and held to no bound.
                _ if form.stands_in(model).is_some() => (model.horizon, f64::INFINITY),
                _ if form == Form::MonteCarlo || best == Form::MonteCarlo => (model.horizon, PATH_BOUND),
                _ => (model.horizon, GRID_BOUND),
            };
            let asked = ask(form, time, CELLS);
            // Ozaki's form, as published, has a pole where the state is zero; what stands in for a network may have none there.
            if let (true, Err(why)) = (form == Form::Ozaki || bound.is_infinite(), &asked) {
                return Cell {
                    form: form.name().to_string(),
                    outcome: Outcome::Absent,
                    disagreement: None,
                    found: why.to_string(),
                };
            }
            let against = if is_short { ask(best, time, 2 * CELLS) } else { Ok(reference.clone()) };
            // Two samples differ like one of half the size.
            let sampled = [form, best].iter().filter(|f| **f == Form::MonteCarlo).count();
            let paths = effort.paths.checked_div(sampled).unwrap_or(0);
            let mut cell = compare(model, form, asked, against, bound, paths);
            if bound.is_infinite() && cell.outcome == Outcome::Kept {
                cell.outcome = Outcome::Absent;
                cell.found = format!("{}: {}", form.stands_in(model).unwrap_or_default(), cell.found);
            }
            cell
        })
        .chain(by_moments(model, theta, &start, &reference, if best == Form::MonteCarlo { effort.paths } else { 0 }))
        .collect();
    clauses.push(masses(&reference));
    Agreement { reference: best.name().to_string(), clauses, cells }
}

/// Paths that are the reference themselves: of a diffusion against paths of a short step on other random numbers; exact
/// simulation has no step, and nothing to be held against.
fn by_itself(model: &Model, theta: &[f64], start: &[f64], reference: &[Predictive], effort: Effort, key: Key) -> Cell {
    if !matches!(model.process, Process::Diffusion(_)) {
        let found = "the only form that answers it so far: nothing to hold it against".to_string();
        return Cell { form: Form::MonteCarlo.name().to_string(), outcome: Outcome::Absent, disagreement: None, found };
    }
    let step = Some(model.horizon / STEPS);
    let accuracy = Accuracy { paths: effort.paths, step, ..Accuracy::default() };
    let times = [model.horizon];
    let question = Question { theta, start, t0: 0.0, times: &times, accuracy, key: key.twin() };
    let finer = marginals(model, Form::MonteCarlo, &question).map(|mut rows| rows.pop().unwrap_or_default());
    let mut cell = compare(model, Form::MonteCarlo, finer, Ok(reference.to_vec()), PATH_BOUND, effort.paths / 2);
    cell.found = format!("a step of a {STEPS}th: {}", cell.found);
    cell
}

/// Fewer paths where each has many reactions: some ten million of them in all.
fn affordable(model: &Model, theta: &[f64], effort: Effort, key: Key) -> Effort {
    const EVENTS: f64 = 1e7;
    const PILOT: usize = 4;
    let times = [model.horizon];
    let run = ssa::Run {
        theta,
        start: &[],
        t0: 0.0,
        times: &times,
        paths: PILOT,
        key,
        most_events: None,
        method: ssa::Method::Auto,
        epsilon: None,
    };
    match ssa::simulate(model, &run) {
        Ok(counts) => {
            let each = counts.events as f64 / PILOT as f64;
            Effort { paths: ((EVENTS / each.max(1.0)) as usize).clamp(100, effort.paths), ..effort }
        }
        Err(_) => effort,
    }
}

/// Why the contract does not wait for this form's answer.
fn too_large(model: &Model, form: Form) -> Option<String> {
    let Process::Network(network) = &model.process else { return None };
    let species = network.independent_species().len();
    (form == Form::MasterEquation && species > 2)
        .then(|| format!("{species} independent species have more states than the contract waits for"))
}

/// Mean and sd by the closed moment equations, where the model has them.
fn by_moments(model: &Model, theta: &[f64], start: &[f64], reference: &[Predictive], paths: usize) -> Option<Cell> {
    let cell = |outcome: Outcome, disagreement: Option<f64>, found: String| {
        Some(Cell { form: "moments".to_string(), outcome, disagreement, found })
    };
    let closed = match closed_moments(model, theta, start, 0.0, &[model.horizon]) {
        None => return cell(Outcome::Absent, None, moments::why_not(model).unwrap_or_default()),
        Some(Err(e)) => return cell(Outcome::Broken, None, e.to_string()),
        Some(Ok(closed)) => closed,
    };
    let names = model.variables();
    let mut worst = (0.0, String::from("equal"));
    let mut broken = false;
    for (i, law) in reference.iter().enumerate() {
        let scale = spread(law);
        let n = paths as f64;
        let sampled = |sd: f64| if paths > 0 { 4.0 * sd } else { 0.0 };
        let bias = if paths > 0 { PATH_BOUND } else { GRID_BOUND };
        let mean = (Some(closed.mean[0][i]), law.mean(), "mean", sampled(1.0 / n.sqrt()) + bias);
        let sd = (closed.sd(0, i), law.sd(), "sd", sampled(sd_error(law, n) / scale) + bias);
        for (ours, theirs, what, bound) in [mean, sd] {
            let (Some(ours), Some(theirs)) = (ours, theirs) else { continue };
            let error = ((ours - theirs) / scale).abs();
            broken |= !(error <= bound);
            if !(error <= worst.0) {
                worst = (error, format!("{what} of {} is {ours:.6}, the reference {theirs:.6}", names[i].0));
            }
        }
    }
    cell(if broken { Outcome::Broken } else { Outcome::Kept }, Some(worst.0), worst.1)
}

/// One form's answer against the reference, component by component.
fn compare(
    model: &Model,
    form: Form,
    answer: Result<Vec<Predictive>>,
    reference: Result<Vec<Predictive>>,
    bound: f64,
    paths: usize,
) -> Cell {
    let cell = |outcome: Outcome, disagreement: Option<f64>, found: String| Cell {
        form: form.name().to_string(),
        outcome,
        disagreement,
        found,
    };
    let (answer, reference) = match (answer, reference) {
        (Ok(a), Ok(r)) => (a, r),
        // A form may find only at work that it does not apply.
        (Err(Error::FormUnavailable { why, .. }), _) => return cell(Outcome::Absent, None, why),
        (Err(Error::Numerics { why, .. }), _)
            if matches!(model.process, Process::Network(_)) && form == Form::MasterEquation =>
        {
            return cell(Outcome::Absent, None, why);
        }
        (Err(e), _) | (_, Err(e)) => return cell(Outcome::Broken, None, e.to_string()),
    };
    let names = model.variables();
    let mut worst = (0.0, String::from("the same"));
    let mut broken = false;
    for (i, (a, r)) in answer.iter().zip(&reference).enumerate() {
        let scale = spread(r);
        for (what, a, r, standard) in numbers(a, r, scale, paths) {
            let error = ((a - r) / scale).abs();
            if !(error <= 4.0 * standard + bound) {
                broken = true;
            }
            if !(error <= worst.0) {
                worst = (error, format!("{what} of {} is {a:.6}, the reference {r:.6}", names[i].0));
            }
        }
    }
    cell(if broken { Outcome::Broken } else { Outcome::Kept }, Some(worst.0), worst.1)
}

/// The sd, or of a law without one the sd of a normal law with the same 5-95 % range; of a constant, its own size.
fn spread(law: &Predictive) -> f64 {
    let by_range = || (law.quantile(0.95) - law.quantile(0.05)) / 3.289_707_253_902_945;
    let sd = law.sd().filter(|s| s.is_finite() && *s > 0.0).unwrap_or_else(by_range);
    if sd > 0.0 { sd } else { law.quantile(0.5).abs().max(1.0) }
}

/// (what, answer, reference, standard error in sd) of mean, sd and quantiles; `paths` is zero where nothing is sampled.
fn numbers(a: &Predictive, r: &Predictive, scale: f64, paths: usize) -> Vec<(&'static str, f64, f64, f64)> {
    let n = paths as f64;
    let sampled = paths > 0;
    let mut list = Vec::new();
    if let (Some(x), Some(y)) = (a.mean(), r.mean()) {
        list.push(("mean", x, y, if sampled { 1.0 / n.sqrt() } else { 0.0 }));
    }
    if let (Some(x), Some(y)) = (a.sd(), r.sd()) {
        list.push(("sd", x, y, if sampled { sd_error(a, n).max(sd_error(r, n)) / scale } else { 0.0 }));
    }
    for p in LEVELS {
        let (x, y) = (a.quantile(p), r.quantile(p));
        // The order statistics two standard errors of p away bound the quantile, whatever the density does.
        let e = if sampled { (p * (1.0 - p) / n).sqrt() } else { 0.0 };
        let standard = 0.5 * (r.quantile((p + e).min(1.0 - 1e-9)) - r.quantile((p - e).max(1e-9))).abs() / scale;
        let what = ["q05", "q50", "q95"][LEVELS.iter().position(|l| *l == p).unwrap_or(0)];
        list.push((what, x, y, standard));
    }
    list
}

/// Standard error of the sd of `n` draws, from the kurtosis of the samples themselves.
fn sd_error(law: &Predictive, n: f64) -> f64 {
    let (Predictive::Ensemble(e), Some(mean), Some(sd)) = (law, law.mean(), law.sd()) else { return 0.0 };
    let fourth = e.samples().iter().map(|x| math::powi(x - mean, 4)).sum::<f64>() / n;
    let excess = (fourth / (sd * sd * sd * sd) - 1.0).max(0.0);
    0.5 * sd * (excess / n).sqrt()
}

/// Densities of the reference hold all the probability there is.
fn masses(reference: &[Predictive]) -> Clause {
    let mut worst: f64 = 0.0;
    let mut any = false;
    for law in reference {
        let (low, high) = (law.quantile(0.001), law.quantile(0.999));
        let edge = |i: i32| law.quantile(0.001 + 0.998 * f64::from(i) / 2_000.0);
        if law.log_pdf(law.quantile(0.5)).is_none()
            || !(high > low)
            || matches!(law, Predictive::Ensemble(_) | Predictive::Lattice(_))
        {
            continue;
        }
        let between = |i: i32| {
            let (from, to) = (edge(i), edge(i + 1));
            (to - from) * math::exp(law.log_pdf(0.5 * (from + to)).unwrap_or(f64::NAN))
        };
        let mass: f64 = (0..2_000).map(between).sum();
        any = true;
        worst = larger(worst, (mass - 0.998).abs());
    }
    match any {
        false => absent("mass", "the reference has no density"),
        true => clause("mass", worst < 2e-3, format!("the density integrates to one within {worst:.0e}")),
    }
}

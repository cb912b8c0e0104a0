//! `kramers compare`: one question, every form, the answers side by side.

use super::Outcome;
use super::args::{Common, CompareArgs};
use super::caveat::caveat;
use super::input::read_model;
use super::output::{Folder, Output};
use super::start::point;
use super::table::{short, table};
use super::values::VERSION;
use crate::base::{Error, Params, Purpose, Result, Seed, math};
use crate::form::{Accuracy, Answer, Form, Question, answer};
use crate::models::Model;
use crate::predictive::{Predictive, kolmogorov};
use crate::process::Process;
use crate::report::{CompareView, FormView, LawView, ReportError, VariableView, compare_html};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// Paths are not worked on beyond this error: the next digit costs a hundred times as much.
const BEST_OF_PATHS: f64 = 5e-3;

/// What one form said, and how long it took.
struct Row {
    form: Form,
    answer: Answer,
    seconds: f64,
    /// `[time]`: largest distance from the reference over the components.
    distance: Vec<f64>,
    note: String,
}

impl Row {
    /// What is known about the error: the form's estimate, or its distance from the reference where that is more.
    fn error(&self) -> Option<f64> {
        let apart = self.distance.iter().copied().fold(0.0, f64::max);
        self.answer.error.map(|error| error.max(apart))
    }

    /// Whether it is further from the reference than the two estimates allow.
    fn is_too_sure(&self, reference: &Row) -> bool {
        let apart = self.distance.iter().copied().fold(0.0, f64::max);
        let allowed = |row: &Row| row.answer.error.unwrap_or(f64::INFINITY);
        self.note.is_empty() && apart > 1.5 * (allowed(self) + allowed(reference))
    }
}

/// The forms that answered, and why the others did not.
struct Found {
    rows: Vec<Row>,
    /// Position of the form with the smallest error of its own.
    reference: usize,
    absent: Vec<(String, String)>,
}

pub(super) fn run(args: &CompareArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let folder = Folder::asked(common)?;
    let model = read_model(&args.model, output)?;
    if !matches!(model.process, Process::Diffusion(_) | Process::Network(_)) {
        return Err(Error::BadOption {
            flag: "MODEL".to_string(),
            value: model.id.clone(),
            expected: format!("a {} has no law in time to compare", model.process.kind()),
            hint: Some(format!("kramers solve {}", args.model)),
        });
    }
    let mut params = model.default_params();
    for (name, value) in &args.set {
        params.set(name, *value)?;
    }
    let mut times = if args.at.is_empty() { vec![model.horizon] } else { args.at.clone() };
    times.sort_by(f64::total_cmp);
    times.dedup();
    let start = point(&args.from, &model, &params.values)?;
    let found = ask_all(&model, &params, &start, &times, args, common, output)?;
    output.text(&text(&model, &found, &times, args.tol));
    let document = document(&model, &params, &found, &times, args.tol, common.seed);
    output.deliver(&document, folder.as_ref())?;
    if let Some(folder) = folder {
        folder.write("compare.csv", &csv(&model, &found, &times))?;
        let broken = |error: ReportError| Error::Numerics {
            what: "the page".to_string(),
            why: error.to_string(),
            hint: "this is a bug of kramers; --json gives the numbers without the page".to_string(),
        };
        folder.write("index.html", &compare_html(&view(&model, &start, &found, &times, args)).map_err(broken)?)?;
        folder.write_document(&document)?;
        output.say(&format!("wrote {}", folder.path("index.html").display()));
    }
    Ok(if cheapest(&found, args.tol).is_some() { Outcome::Good } else { Outcome::Flagged })
}

fn ask_all(
    model: &Model,
    params: &Params,
    start: &[f64],
    times: &[f64],
    args: &CompareArgs,
    common: &Common,
    output: &Output,
) -> Result<Found> {
    let key = Seed(common.seed).key(Purpose::Simulation, 0, 0);
    let mut rows: Vec<Row> = Vec::new();
    let mut absent = Vec::new();
    for form in Form::of_kind(&model.process) {
        if let Some(why) = form.why_not(model) {
            absent.push((form.name().to_string(), why));
            continue;
        }
        let spinner = output.spinner(form.name().to_string());
        let goal = if form == Form::MonteCarlo { args.tol.max(BEST_OF_PATHS) } else { args.tol };
        let accuracy = Accuracy { goal: Some(goal), ..Accuracy::default() };
        let question = Question { theta: &params.values, start, t0: 0.0, times, accuracy, key };
        let clock = Instant::now();
        let said = answer(model, form, &question);
        let seconds = clock.elapsed().as_secs_f64();
        spinner.finish_and_clear();
        match said {
            Ok(answer) => {
                let note = note(model, form, &answer, goal);
                rows.push(Row { form, answer, seconds, distance: Vec::new(), note });
            }
            Err(error @ (Error::Numerics { .. } | Error::FormUnavailable { .. })) => {
                absent.push((form.name().to_string(), error.to_string()));
            }
            Err(other) => return Err(other),
        }
    }
    let own = |row: &Row| match (row.answer.error, row.form) {
        _ if row.form.stands_in(model).is_some() => f64::INFINITY,
        (Some(error), _) => error,
        (None, form) if form.is_one_step() => f64::MAX,
        (None, _) => 1.0,
    };
    let Some(reference) = (0..rows.len()).min_by(|a, b| own(&rows[*a]).total_cmp(&own(&rows[*b]))) else {
        return Err(Error::Numerics {
            what: format!("the comparison of model '{}'", model.id),
            why: absent.iter().map(|(form, why)| format!("{form}: {why}")).collect::<Vec<_>>().join("; "),
            hint: "check the parameters with --set and the start with --from".to_string(),
        });
    };
    let laws = rows[reference].answer.laws.clone();
    for row in &mut rows {
        let apart = |(a, b): (&Vec<Predictive>, &Vec<Predictive>)| {
            a.iter().zip(b).map(|(a, b)| kolmogorov(a, b)).fold(0.0, f64::max)
        };
        row.distance = row.answer.laws.iter().zip(&laws).map(apart).collect();
    }
    Ok(Found { rows, reference, absent })
}

fn note(model: &Model, form: Form, answer: &Answer, goal: f64) -> String {
    let unreached = || format!("did not get to {goal:.0e}");
    match (caveat(model, form), answer.error) {
        (Some(caveat), Some(error)) if error > goal => format!("{caveat}; {}", unreached()),
        (Some(caveat), _) => caveat.to_string(),
        (None, error) if error.is_none_or(|error| error > goal) => unreached(),
        (None, _) => String::new(),
    }
}

/// The quickest form whose error is good enough.
fn cheapest(found: &Found, tolerance: f64) -> Option<&Row> {
    let good = found.rows.iter().filter(|row| row.error().is_some_and(|error| error <= tolerance));
    good.min_by(|a, b| a.seconds.total_cmp(&b.seconds))
}

/// The answer in one sentence.
fn verdict(found: &Found, tolerance: f64) -> String {
    match cheapest(found, tolerance) {
        Some(row) => {
            format!("The quickest form right to {tolerance:e} is {}, in {}.", row.form.name(), seconds(row.seconds))
        }
        None => {
            let nearest = &found.rows[found.reference];
            match nearest.error() {
                Some(error) => {
                    format!(
                        "No form is right to {tolerance:e}; {} comes nearest, its error {error:.0e}.",
                        nearest.form.name()
                    )
                }
                None => format!(
                    "No form is known to be right to {tolerance:e}: none of those that answered knows its error."
                ),
            }
        }
    }
}

fn warnings(found: &Found, tolerance: f64) -> Vec<String> {
    let nearest = &found.rows[found.reference];
    let sure = found.rows.iter().filter(|row| row.is_too_sure(nearest));
    let told = sure.map(|row| format!("{}: off by more than its own estimate", row.form.name()));
    told.chain(cheapest(found, tolerance).is_none().then(|| verdict(found, tolerance))).collect()
}

fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}

/// As in a table: one significant digit.
fn rough(error: Option<f64>) -> String {
    error.map_or("—".to_string(), |error| if error == 0.0 { "0".to_string() } else { format!("{error:.0e}") })
}

fn text(model: &Model, found: &Found, times: &[f64], tolerance: f64) -> String {
    let mut out = format!("{}: {}\n", model.id, model.equations().join(", "));
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    for (k, t) in times.iter().enumerate() {
        for (i, name) in names.iter().enumerate() {
            out.push_str(&format!("\n{name} at t = {}\n", short(*t)));
            let rows: Vec<Vec<String>> = found.rows.iter().map(|row| cells(row, k, i)).collect();
            let header = ["form", "mean", "sd", "q05", "q50", "q95", "error", "off", "time"];
            out.push_str(&table(&header, &rows));
        }
    }
    let nearest = &found.rows[found.reference];
    let reference = nearest.form.name();
    let why = if nearest.answer.error.is_some() { "whose error is smallest" } else { "no form here knows its error" };
    out.push_str(&format!(
        "\nerror: the form's own estimate of the largest error of its distribution functions\noff: largest distance of its distribution functions from those of {reference}, {why}\n"
    ));
    for row in found.rows.iter().filter(|row| !row.note.is_empty()) {
        out.push_str(&format!("{}: {}\n", row.form.name(), row.note));
    }
    out.push_str(&format!("\n{}\n", verdict(found, tolerance)));
    if !found.absent.is_empty() {
        out.push_str("\nnot here\n");
        let rows: Vec<Vec<String>> = found.absent.iter().map(|(form, why)| vec![form.clone(), why.clone()]).collect();
        let widest = rows.iter().map(|r| r[0].len()).max().unwrap_or(0);
        for row in rows {
            out.push_str(&format!("{:widest$}  {}\n", row[0], row[1]));
        }
    }
    out
}

fn cells(row: &Row, k: usize, i: usize) -> Vec<String> {
    let law = &row.answer.laws[k][i];
    let digits = |v: f64| match v.abs() {
        size if size == 0.0 || (1e-3..1e9).contains(&size) => format!("{v:.6}"),
        size if size.is_finite() => format!("{v:.6e}"),
        _ => short(v),
    };
    let mut cells = vec![row.form.name().to_string()];
    cells.extend([law.mean(), law.sd()].map(|v| v.map_or("—".to_string(), digits)));
    cells.extend([0.05, 0.5, 0.95].map(|p| digits(law.quantile(p))));
    cells.extend([rough(row.answer.error), rough(Some(row.distance[k])), seconds(row.seconds)]);
    cells
}

fn document(model: &Model, params: &Params, found: &Found, times: &[f64], tolerance: f64, seed: u64) -> Value {
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let of = |row: &[Predictive], f: &dyn Fn(&Predictive) -> Value| -> Value {
        match row {
            [one] => f(one),
            all => Value::Object(names.iter().cloned().zip(all.iter().map(f)).collect()),
        }
    };
    let quantiles = |law: &Predictive| {
        let each = [0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975].map(|p| (p.to_string(), json!(law.quantile(p))));
        Value::Object(Map::from_iter(each))
    };
    let at = |row: &Row| -> Vec<Value> {
        let each = times.iter().zip(&row.answer.laws).zip(&row.distance);
        each.map(|((t, laws), distance)| {
            json!({
                "t": t, "mean": of(laws, &|l| json!(l.mean())), "sd": of(laws, &|l| json!(l.sd())),
                "quantiles": of(laws, &quantiles), "distance": distance,
            })
        })
        .collect()
    };
    let forms: Vec<Value> = found
        .rows
        .iter()
        .map(|row| {
            let last = row.answer.laws.last().map_or(&[][..], Vec::as_slice);
            json!({
                "form": row.form.name(), "mean": of(last, &|l| json!(l.mean())), "sd": of(last, &|l| json!(l.sd())),
                "quantiles": of(last, &quantiles), "error": row.answer.error, "distance": row.distance.last(),
                "seconds": row.seconds, "note": row.note, "at": at(row),
            })
        })
        .collect();
    let values = params.list.iter().zip(&params.values).map(|(p, v)| (p.name.clone(), json!(v)));
    json!({
        "schema": "kramers/compare@1", "version": VERSION, "seed": seed, "model": model.id,
        "params": Value::Object(values.collect()), "tolerance": tolerance,
        "reference": found.rows[found.reference].form.name(),
        "cheapest": cheapest(found, tolerance).map(|row| row.form.name()),
        "forms": forms,
        "absent": found.absent.iter().map(|(form, why)| json!({ "form": form, "why": why })).collect::<Vec<_>>(),
        "warnings": warnings(found, tolerance),
    })
}

fn csv(model: &Model, found: &Found, times: &[f64]) -> String {
    let mut out = String::from("t,component,form,mean,sd,q0.05,q0.5,q0.95,error,distance,seconds\n");
    let plain = |v: Option<f64>| v.map_or(String::new(), |v| v.to_string());
    for (k, t) in times.iter().enumerate() {
        for (i, (name, _)) in model.variables().into_iter().enumerate() {
            for row in &found.rows {
                let law = &row.answer.laws[k][i];
                let [low, middle, high] = [0.05, 0.5, 0.95].map(|p| law.quantile(p));
                out.push_str(&format!(
                    "{t},{name},{},{},{},{low},{middle},{high},{},{},{}\n",
                    row.form.name(),
                    plain(law.mean()),
                    plain(law.sd()),
                    plain(row.answer.error),
                    row.distance[k],
                    row.seconds
                ));
            }
        }
    }
    out
}

/// The first components at the last time: what a page shows.
fn view(model: &Model, start: &[f64], found: &Found, times: &[f64], args: &CompareArgs) -> CompareView {
    const MOST: usize = 4;
    let all = model.variables();
    let is_count = matches!(model.process, Process::Network(_));
    let variables: Vec<VariableView> = all
        .iter()
        .take(MOST)
        .map(|(name, unit)| VariableView { name: name.clone(), unit: unit.clone(), is_count })
        .collect();
    let last = times.last().copied().unwrap_or(0.0);
    let from = match start {
        [] => "its own start".to_string(),
        values => values.iter().map(|x| short(*x)).collect::<Vec<_>>().join(", "),
    };
    let law = |law: &Predictive| LawView {
        mean: law.mean(),
        sd: law.sd(),
        quantiles: [0.05, 0.5, 0.95].map(|p| law.quantile(p)),
        density: density(law),
    };
    let forms = found.rows.iter().filter_map(|row| {
        Some(FormView {
            form: row.form.name().to_string(),
            laws: row.answer.laws.last()?.iter().take(MOST).map(law).collect(),
            error: row.answer.error,
            distance: row.distance.last().copied(),
            seconds: row.seconds,
            is_rough: row.form.is_one_step(),
            note: row.note.clone(),
        })
    });
    let names: Vec<&str> = variables.iter().map(|v| v.name.as_str()).collect();
    let reference = found.rows[found.reference].form.name();
    CompareView {
        title: model.title.clone(),
        version: VERSION.to_string(),
        command: typed(args),
        equations: model.unicode_equations(),
        question: format!(
            "What is the law of {} at t = {}, from {from}? Distances are taken from {reference}, the form with the smallest error of its own.",
            names.join(", "),
            short(last)
        ),
        verdict: verdict(found, args.tol),
        variables,
        components: all.len(),
        tolerance: args.tol,
        forms: forms.collect(),
        absent: found.absent.clone(),
    }
}

/// The command as typed, without where the page went.
fn typed(args: &CompareArgs) -> String {
    let pairs = |flag: &str, pairs: &[(String, f64)]| -> String {
        pairs.iter().map(|(name, value)| format!(" {flag} {name}={value}")).collect()
    };
    let at: Vec<String> = args.at.iter().map(f64::to_string).collect();
    let at = if at.is_empty() { String::new() } else { format!(" --at {}", at.join(",")) };
    format!(
        "kramers compare {}{}{at} --tol {:e}{}",
        args.model,
        pairs("--from", &args.from),
        args.tol,
        pairs("--set", &args.set)
    )
}

/// A density at 301 points between its 0.05 % and 99.95 % quantiles.
fn density(law: &Predictive) -> Vec<(f64, f64)> {
    let (low, high) = (law.quantile(5e-4), law.quantile(1.0 - 5e-4));
    if !(high > low) {
        return Vec::new();
    }
    let x = (0..=300).map(|i| low + (high - low) * f64::from(i) / 300.0);
    let counts = matches!(law, Predictive::Lattice(_));
    x.map(|x| if counts { x.round() } else { x }).filter_map(|x| Some((x, math::exp(law.log_pdf(x)?)))).collect()
}

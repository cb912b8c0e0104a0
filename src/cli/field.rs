//! Fields on the command line: their profiles, tables and pictures for `solve`, and their parameters for `fit`.

use super::Outcome;
use super::args::{Common, FitArgs, ObjectiveArg, SolveArgs};
use super::fit::page;
use super::input::{model_name, read_bytes};
use super::output::{Folder, Output};
use super::solve::Answer;
use super::table::{short, short_or_dash, table};
use super::values::VERSION;
use crate::base::{Error, Limit, Params, Result, suggest::nearest};
use crate::data::numbers;
use crate::fit::Status;
use crate::fit::field::{FieldFit, FieldSettings, Measured, fit as fit_field};
use crate::form::Form;
use crate::form::field::{Estimated, Options, Profile, Profiles, Scheme, estimate, explicit_limit, solve};
use crate::models::Model;
use crate::process::{Field, Process};
use crate::report::{FieldView, HeatMap, HeatMapLabels, ReportError, TableView, field_html, heat_maps, with_unit};
use serde_json::{Map, Value, json};

/// Profiles at the asked times, how far they are off, and with a folder their table, picture and page.
pub(super) fn of_field(
    model: &Model,
    field: &Field,
    params: &Params,
    args: &SolveArgs,
    times: &[f64],
    folder: Option<&Folder>,
) -> Result<Answer> {
    let options = options(model, field, args)?;
    let solved = estimate(model, &params.values, times, &options, args.tol)?;
    let heading = heading(model, field, &options, &solved);
    let tables = tables(field, &solved.profiles);
    if let Some(folder) = folder {
        folder.write("profiles.csv", &profiles_csv(field, &solved.profiles))?;
        let (panels, labels) = picture(model, field, params, &options, times)?;
        folder.write("field.svg", &heat_maps(&panels, &labels, 2).map_err(undrawn)?)?;
        let limit = explicit_limit(model, &params.values, options.cells)?;
        let view = FieldView {
            title: model.title.clone(),
            version: VERSION.to_string(),
            equations: model.unicode_equations(),
            answer: heading.clone(),
            notes: notes(&options, limit),
            panels: untitled(panels),
            labels,
            tables: tables.clone(),
            files: ["profiles.csv", "field.svg", "run.json"].map(String::from).to_vec(),
        };
        folder.write("index.html", &field_html(&view).map_err(undrawn)?)?;
    }
    let text = describe(&heading, &tables);
    let Profiles { x, y, u, steps, balance, .. } = &solved.profiles;
    let at = times.iter().zip(u).map(|(t, u)| match y.is_empty() {
        true => json!({ "t": t, "x": x, "u": u }),
        false => json!({ "t": t, "x": x, "y": y, "u": u.chunks(x.len()).collect::<Vec<_>>() }),
    });
    let books = balance.iter().map(|b| {
        json!({ "total": b.total, "left": b.left, "right": b.right, "bottom": b.bottom, "top": b.top, "source": b.source })
    });
    let body = Map::from_iter([
        ("scheme".to_string(), json!(options.scheme.name())),
        ("cells".to_string(), json!(options.cells)),
        ("step".to_string(), json!(options.step)),
        ("at".to_string(), at.collect()),
        ("error".to_string(), json!(solved.error)),
        ("balance".to_string(), books.collect()),
        ("steps".to_string(), json!(steps)),
    ]);
    let missed = args.tol.filter(|goal| solved.error > goal * solved.scale);
    Ok(Answer { text, form: Form::FokkerPlanck.name().to_string(), body, missed })
}

fn options(model: &Model, field: &Field, args: &SolveArgs) -> Result<Options> {
    let mut options = Options { step: args.step, ..Options::usual(model) };
    if let Some(cells) = args.cells {
        options.cells = cells;
    }
    if let Some(name) = &args.scheme {
        let names = Scheme::ALL.map(Scheme::name);
        options.scheme = Scheme::named(name).ok_or_else(|| Error::BadOption {
            flag: "--scheme".to_string(),
            value: name.clone(),
            expected: format!("one of {}", names.join(", ")),
            hint: nearest(name, names.iter().copied()).map(|near| format!("did you mean --scheme {near}?")),
        })?;
    }
    if let Some(path) = &args.profile {
        let table = numbers(path, &read_bytes(path, Limit::FileBytes)?, &[&field.axes[0].name, &field.unknown.name])?;
        let mut rows: Vec<(f64, f64)> =
            table.columns[0].iter().copied().zip(table.columns[1].iter().copied()).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (x, u) = rows.into_iter().unzip();
        options.initial = Some(Profile { x, u });
    }
    Ok(options)
}

fn heading(model: &Model, field: &Field, options: &Options, solved: &Estimated) -> String {
    let unknown = &field.unknown;
    let on = if field.axes.len() == 2 { format!("{0} × {0}", options.cells) } else { options.cells.to_string() };
    format!(
        "{} by {} on {on} cells, {} steps: {} in {}, off by about {:.0e}",
        model.id,
        options.scheme.name(),
        solved.profiles.steps,
        unknown.name,
        unknown.unit,
        solved.error
    )
}

/// A person sees eleven points an axis; the document has all.
fn tables(field: &Field, profiles: &Profiles) -> Vec<TableView> {
    let Profiles { x, y, times, u, .. } = profiles;
    let shown = |last: usize, most: usize| -> Vec<usize> {
        let count = most.min(last);
        (0..=count).map(|k| k * last / count).collect()
    };
    let columns = shown(x.len() - 1, if y.is_empty() { 10 } else { 5 });
    if y.is_empty() {
        let mut header = vec![field.axes[0].name.clone()];
        header.extend(times.iter().map(|t| format!("t = {}", short(*t))));
        let row = |i: &usize| std::iter::once(short(x[*i])).chain(u.iter().map(|u| short(u[*i]))).collect();
        return vec![TableView { caption: String::new(), header, rows: columns.iter().map(row).collect() }];
    }
    let (first, second) = (&field.axes[0].name, &field.axes[1].name);
    let plane = |(t, u): (&f64, &Vec<f64>)| {
        let mut header = vec![format!("{second} \\ {first}")];
        header.extend(columns.iter().map(|i| short(x[*i])));
        let row = |j: &usize| {
            let values = columns.iter().map(|i| short(u[j * x.len() + i]));
            std::iter::once(short(y[*j])).chain(values).collect()
        };
        let rows = shown(y.len() - 1, 5).iter().rev().map(row).collect();
        TableView { caption: format!("t = {}", short(*t)), header, rows }
    };
    times.iter().zip(u).map(plane).collect()
}

fn describe(heading: &str, tables: &[TableView]) -> String {
    let mut text = format!("{heading}\n");
    for TableView { caption, header, rows } in tables {
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let caption = if caption.is_empty() { String::new() } else { format!("{caption}\n") };
        text.push_str(&format!("\n{caption}{}", table(&header, rows)));
    }
    text
}

/// One line a time and node.
fn profiles_csv(field: &Field, profiles: &Profiles) -> String {
    let axes: Vec<&str> = field.axes.iter().map(|a| a.name.as_str()).collect();
    let mut text = format!("t,{},{}\n", axes.join(","), field.unknown.name);
    let across = profiles.x.len();
    for (t, u) in profiles.times.iter().zip(&profiles.u) {
        for (k, u) in u.iter().enumerate() {
            let x = profiles.x[k % across];
            match profiles.y.get(k / across) {
                Some(y) => text.push_str(&format!("{t},{x},{y},{u}\n")),
                None => text.push_str(&format!("{t},{x},{u}\n")),
            }
        }
    }
    text
}

/// Place against time, or the plane at several times.
fn picture(
    model: &Model,
    field: &Field,
    params: &Params,
    options: &Options,
    times: &[f64],
) -> Result<(Vec<HeatMap>, HeatMapLabels)> {
    const ROWS: u32 = 160;
    const MOST_PANELS: usize = 6;
    let last = times.last().copied().unwrap_or(model.horizon);
    let is_plane = field.axes.len() == 2;
    // The whole way is shown by the scheme of choice, whatever scheme gave the answer.
    let own = Options { scheme: Scheme::default(), step: None, ..options.clone() };
    let shown: Vec<f64> = match is_plane {
        false => (0..=ROWS).map(|k| last * f64::from(k) / f64::from(ROWS)).collect(),
        true if times.len() == 1 => (0..4u32).map(|k| last * f64::from(k) / 3.0).collect(),
        true => times.iter().copied().take(MOST_PANELS).collect(),
    };
    let solved = solve(model, &params.values, &shown, &own)?;
    let axis = |k: usize| with_unit(&field.axes[k].name, &field.axes[k].unit);
    let colour = with_unit(&field.unknown.name, &field.unknown.unit);
    let (panels, y) = if is_plane {
        let panel = |(t, u): (&f64, Vec<f64>)| HeatMap {
            title: format!("t = {}", short(*t)),
            x: solved.x.clone(),
            y: solved.y.clone(),
            values: u,
        };
        (shown.iter().zip(solved.u.clone()).map(panel).collect(), axis(1))
    } else {
        let values = solved.u.concat();
        (vec![HeatMap { title: model.title.clone(), x: solved.x, y: shown, values }], "t (time)".to_string())
    };
    let alt = format!("{}: {colour} over {} and {y}", model.title, axis(0));
    let labels = HeatMapLabels { x: axis(0), y, colour, alt };
    Ok((panels, labels))
}

/// One panel alone needs no title on a page that has one.
fn untitled(mut panels: Vec<HeatMap>) -> Vec<HeatMap> {
    if let [only] = panels.as_mut_slice() {
        only.title.clear();
    }
    panels
}

fn undrawn(error: ReportError) -> Error {
    Error::Numerics {
        what: "the picture".to_string(),
        why: error.to_string(),
        hint: "this is a bug of ours; the numbers are in profiles.csv of a run without it".to_string(),
    }
}

fn notes(options: &Options, limit: f64) -> Vec<String> {
    let explicit = || {
        format!(
            "An explicit step on these {} cells would be stable only up to {}; {} needs no such step.",
            options.cells,
            short(limit),
            Scheme::default().name()
        )
    };
    limit.is_finite().then(explicit).into_iter().collect()
}

/// Fit a field to rows of place, time and value.
pub(super) fn fit(
    model: &Model,
    field: &Field,
    args: &FitArgs,
    common: &Common,
    folder: Option<&Folder>,
    output: &Output,
) -> Result<Outcome> {
    if !matches!(args.estimate.objective, ObjectiveArg::Mse) {
        return Err(Error::BadOption {
            flag: "--objective".to_string(),
            value: "kl".to_string(),
            expected: format!("'{}' is a field: its values have no law, and are fitted by least squares", model.id),
            hint: Some("--objective mse".to_string()),
        });
    }
    let or = |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_string());
    let axis = &field.axes[0];
    let names = [or(&args.space, &axis.name), or(&args.data.time, "t"), or(&args.data.value, &field.unknown.name)];
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let table = numbers(&args.data.input, &read_bytes(&args.data.input, Limit::FileBytes)?, &wanted)?;
    if table.dropped > 0 {
        output.say(&format!("note: {} rows with a missing cell are left out", table.dropped));
    }
    let [x, t, u] = [0, 1, 2].map(|k| table.columns[k].clone());
    let settings = FieldSettings {
        fixed: args.estimate.fix.clone(),
        initial: args.set.clone(),
        max_iterations: args.estimate.max_iterations,
        ..FieldSettings::default()
    };
    let rows = u.len();
    let measured = Measured { x, t, u, weight: Vec::new() };
    let fitted = fit_field(model, &measured, &settings)?;
    output.text(&describe_fit(model, field, &fitted, rows));
    let document = fit_document(model, &fitted, common.seed, rows);
    if let Some(folder) = folder {
        let of = page::Rows { x: &measured.x, t: &measured.t, u: &measured.u };
        let name = model_name(&args.data.input);
        let part = page::of_field(model, field, &name, &of, &fitted, &warnings(&fitted));
        page::write(folder, model, vec![part], &json!({ "name": name, "used": rows }), common.seed)?;
    }
    output.deliver(&document, folder)?;
    Ok(if fitted.status == Status::Converged { Outcome::Good } else { Outcome::Flagged })
}

/// Half-width of a central interval of 95 % in standard errors.
const NORMAL_95: f64 = 1.959_963_984_540_054;

fn describe_fit(model: &Model, field: &Field, fit: &FieldFit, rows: usize) -> String {
    let unit = &field.unknown.unit;
    let row = |k: usize| {
        let (value, se) = (fit.theta[k], fit.se[k]);
        vec![
            model.params[k].name.clone(),
            short(value),
            short_or_dash(se),
            short_or_dash(se.map(|se| value - NORMAL_95 * se)),
            short_or_dash(se.map(|se| value + NORMAL_95 * se)),
            model.params[k].unit.clone(),
            if fit.held[k] { "held".to_string() } else { String::new() },
        ]
    };
    let lines: Vec<Vec<String>> = (0..fit.theta.len()).map(row).collect();
    format!(
        "{} fitted to {rows} rows: {} after {} iterations\n\n{}\nresidual sd {} {unit}, error of the grid about {:.0e} {unit}\n",
        model.id,
        fit.status,
        fit.iterations,
        table(&["parameter", "estimate", "s.e.", "2.5 %", "97.5 %", "unit", ""], &lines),
        short(fit.sd),
        fit.grid_error
    )
}

fn fit_document(model: &Model, fit: &FieldFit, seed: u64, rows: usize) -> Value {
    let params = (0..fit.theta.len()).map(|k| {
        let (value, se) = (fit.theta[k], fit.se[k]);
        let one = json!({
            "estimate": value, "se": se,
            "lower": se.map(|se| value - NORMAL_95 * se), "upper": se.map(|se| value + NORMAL_95 * se),
            "unit": model.params[k].unit, "fixed": fit.held[k],
        });
        (model.params[k].name.clone(), one)
    });
    json!({
        "schema": "kramers/fit@1", "version": VERSION, "seed": seed, "model": model.id,
        "form": Form::FokkerPlanck.name(), "objective": "mse",
        "status": fit.status.name(), "status_detail": fit.status.to_string(), "iterations": fit.iterations,
        "objective_value": fit.squares, "residual_sd": fit.sd, "grid_error": fit.grid_error, "rows": rows,
        "params": Value::Object(params.collect()), "warnings": warnings(fit),
    })
}

/// Beyond this share of the residuals' spread the grid's error moves estimates by what one would notice.
const MOST_GRID_ERROR: f64 = 0.1;

fn warnings(fit: &FieldFit) -> Vec<String> {
    let coarse = (fit.grid_error > MOST_GRID_ERROR * fit.sd).then(|| {
        format!(
            "the error of the grid, {:.0e}, is more than a tenth of the residuals' spread, {:.0e}: the estimates share it",
            fit.grid_error, fit.sd
        )
    });
    fit.status.remedy().into_iter().chain(coarse).collect()
}

/// The field of a model, where it is one.
pub(super) fn as_field(model: &Model) -> Option<&Field> {
    match &model.process {
        Process::Field(field) => Some(field),
        _ => None,
    }
}

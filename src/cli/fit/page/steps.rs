//! Pages of fits to the steps of paths: of one state, of several, of what is read with errors, of several series together.

use super::conserved::{Seen, section};
use super::{Fitted, part, row, table};
use crate::base::{Result, Series, Transform};
use crate::cli::fit::test_lines;
use crate::cli::fit::uncertainty::Told;
use crate::cli::panel::Panel;
use crate::cli::report::law::{Of, coefficients, profile_view};
use crate::cli::report::x;
use crate::cli::table::{short, short_or_dash};
use crate::filter::Filtered;
use crate::fit::diagnostics::{ComponentCheck, Diagnostics};
use crate::fit::uncertainty::Covariance;
use crate::fit::{Estimate, FilteredFit, Fit, JointFit, Observed, Settings, SeveralFit, seen_checks};
use crate::models::Model;
use crate::process::Process;
use crate::report::view::{Axis, ParamRow};
use crate::report::{Beside, FittedPanel, FittedPart, FittedSection, FittedTable, Named, fixed, with_unit};
use serde_json::Value;

const EACH_ROW: &str = "Each dot is one row: how surprising it was given what came before, in standard deviations of a right law. 95 of 100 lie in the grey range; a slope or a wave is something that the model does not know.";
const EACH_COUNT: &str = "Each dot is one row: how surprising its count was given what came before, in standard deviations of a right law. Counts come in lumps of probability, so the place within the lump is drawn at random, by the seed (Dunn & Smyth 1996). 95 of 100 dots lie in the grey range; a slope or a wave is something that the model does not know.";

/// One fit of one state to one series.
pub(in crate::cli::fit) struct Step<'a> {
    pub model: &'a Model,
    pub series: &'a Series,
    pub observed: &'a Observed,
    pub transform: Transform,
    pub settings: &'a Settings,
    pub fit: &'a Fit,
    pub tests: &'a Diagnostics,
    pub told: &'a Told,
}

/// # Errors
/// The transform's refusal of the series.
pub(in crate::cli::fit) fn of_steps(step: &Step) -> Result<FittedPart> {
    let Step { model, series, fit, tests, .. } = *step;
    let axis = if series.stamps.is_some() { Axis::Dates } else { Axis::Numbers };
    let time = if axis == Axis::Dates { String::new() } else { with_unit("time", &series.clock.unit) };
    let all = (0..series.len()).map(|i| (x(series, i), series.value[i])).collect();
    let mut sections = vec![FittedSection::history(vec![(series.value_name.clone(), all)], axis, &time)];
    let of = Of { model, transform: step.transform, settings: step.settings, fit };
    for curve in coefficients(series, &of, step.told.covariance.as_ref())? {
        sections.push(FittedSection::law(vec![(String::new(), curve)]));
    }
    if !step.told.profiles.is_empty() {
        let views = step.told.profiles.iter().map(|p| profile_view(p, fit, &series.clock.unit));
        sections.push(FittedSection::profiles(views.collect()));
    }
    let is_of_counts = matches!(model.process, Process::Network(_));
    if is_of_counts {
        let counted = seen_checks(model, &fit.theta, &step.observed.pairs);
        let tallies: Vec<_> = counted.into_iter().filter_map(|c| Some((c.state, c.tally?))).collect();
        let seen: Vec<String> = tallies.iter().map(|(name, _)| name.clone()).collect();
        let columns: Vec<&str> = seen.iter().map(String::as_str).collect();
        let kept = section(model, &fit.theta, &columns, &[], Seen::Counted, &time);
        sections.extend((!tallies.is_empty()).then(|| FittedSection::steps_counted(tallies)));
        sections.push(kept);
    }
    let first = series.len() - tests.scores.len();
    let scores = tests.scores.iter().enumerate().map(|(i, z)| (x(series, first + i), *z));
    let points = scores.filter(|p| p.1.is_finite()).collect();
    let note = if is_of_counts { EACH_COUNT } else { EACH_ROW };
    sections.push(FittedSection::residuals(vec![(String::new(), points)], axis, &time, note));
    sections.extend(residual_sections(vec![(String::new(), tests.scores.clone())]));
    let mut facts = vec![("intervals by".to_string(), text(&step.told.body, "intervals"))];
    facts.retain(|f| !f.1.is_empty());
    let told = Fitted {
        model,
        id: &series.id,
        params: &fit.params,
        status: &fit.status,
        of: format!("{} transitions of {}", fixed(fit.transitions as f64, 0), series.id),
        transform: step.transform.name(),
        form: format!("fitted by the {} form: {}", fit.form.name(), fit.form_choice.why),
        time_unit: &series.clock.unit,
        iterations: fit.iterations,
        likelihood: [fit.log_likelihood, fit.aic, fit.bic],
        facts,
        tests: test_lines(tests).into_iter().map(spelt_out).collect(),
        warnings: &fit.warnings,
    };
    let tables = step.told.covariance.iter().filter_map(|c| correlation(&fit.params, c)).chain(derived(step.told));
    Ok(part(told, sections, tables.collect()))
}

/// Lines of a table that lean on the line above, as they stand alone.
fn spelt_out((what, p): (String, f64)) -> (String, f64) {
    let alone =
        if what == "nor of squares" { "no autocorrelation of squares (Ljung-Box, 10 lags)".to_string() } else { what };
    (alone, p)
}

fn text(body: &serde_json::Map<String, Value>, key: &str) -> String {
    body.get(key).and_then(Value::as_str).unwrap_or_default().to_string()
}

/// What residuals are asked, whatever they are of.
pub(super) fn residual_sections(scores: Vec<Named<Vec<f64>>>) -> Vec<FittedSection> {
    let known: Vec<Named<Vec<f64>>> =
        scores.into_iter().filter(|(_, z)| z.iter().filter(|z| z.is_finite()).count() >= 5).collect();
    if known.is_empty() {
        return Vec::new();
    }
    vec![FittedSection::pit(known.clone()), FittedSection::quantiles(known.clone()), FittedSection::acf(known)]
}

/// Correlations of the estimates; none of fewer than two that have standard errors.
fn correlation(params: &[Estimate], known: &Covariance) -> Option<FittedTable> {
    let free: Vec<usize> = (0..params.len()).filter(|k| known.se[*k].is_some_and(|se| se > 0.0)).collect();
    if free.len() < 2 {
        return None;
    }
    let at = |i: usize, j: usize| known.matrix[i][j] / (known.matrix[i][i] * known.matrix[j][j]).sqrt();
    let pairs = free.iter().enumerate().flat_map(|(k, i)| free[..k].iter().map(|j| (*i, *j)));
    let (i, j) = pairs.max_by(|a, b| at(a.0, a.1).abs().total_cmp(&at(b.0, b.1).abs()))?;
    let strongest = at(i, j);
    let told = if strongest.abs() > 0.95 {
        "the data hardly tell them apart: one can make up for the other"
    } else {
        "none can make up for another"
    };
    let names: Vec<&str> = free.iter().map(|k| params[*k].name.as_str()).collect();
    let cells = |i: usize| free.iter().map(|j| fixed(at(i, *j), 2)).collect::<Vec<String>>();
    let rows = free.iter().map(|i| std::iter::once(params[*i].name.clone()).chain(cells(*i)).collect()).collect();
    let header: Vec<&str> = std::iter::once("").chain(names).collect();
    Some(FittedTable {
        subject: "Correlation",
        question: "Which parameters can the data not tell apart?",
        said: format!(
            "The strongest correlation of two estimates is {} ({} and {}): {told}.",
            fixed(strongest, 2),
            params[i].name,
            params[j].name
        ),
        table: table("Correlations of the estimates", &header, rows),
    })
}

/// Functions of the parameters, from the document's part on them.
fn derived(told: &Told) -> Option<FittedTable> {
    let all = told.body.get("derived")?.as_object()?;
    let row = |(text, of): (&String, &Value)| {
        let numbers = ["estimate", "se", "lower", "upper"].map(|key| short_or_dash(of[key].as_f64()));
        std::iter::once(text.clone()).chain(numbers).collect()
    };
    Some(FittedTable {
        subject: "What follows",
        question: "What do the estimates say of other quantities?",
        said: String::new(),
        table: table(
            "Functions of the parameters, with 95 % intervals",
            &["", "estimate", "s.e.", "2.5 %", "97.5 %"],
            all.iter().map(row).collect(),
        ),
    })
}

/// The tests of every component, in words.
pub(super) fn component_tests(checks: &[ComponentCheck]) -> Vec<(String, f64)> {
    let one = |c: &ComponentCheck| {
        [
            (format!("{}: one-step PIT uniform (KS)", c.state), c.pit_ks_p),
            (format!("{}: no autocorrelation (Ljung-Box, 10 lags)", c.state), c.ljung_box_p),
        ]
    };
    checks.iter().flat_map(one).collect()
}

/// Residuals of components at the times of the rows that they end at.
pub(super) fn component_residuals(
    checks: &[ComponentCheck],
    times: &[f64],
    x: &str,
    note: &'static str,
) -> FittedSection {
    let points = |c: &ComponentCheck| {
        let first = times.len().saturating_sub(c.scores.len());
        let all = times[first..].iter().copied().zip(c.scores.iter().copied());
        (c.state.clone(), all.filter(|p| p.1.is_finite()).collect())
    };
    FittedSection::residuals(checks.iter().map(points).collect(), Axis::Numbers, x, note)
}

/// The counterpart of [`EACH_ROW`] for counts.
pub(super) fn note_of_counts() -> &'static str {
    EACH_COUNT
}

fn named(checks: &[ComponentCheck]) -> Vec<Named<Vec<f64>>> {
    checks.iter().map(|c| (c.state.clone(), c.scores.clone())).collect()
}

/// All residual sections of components.
pub(super) fn of_components(
    checks: &[ComponentCheck],
    times: &[f64],
    x: &str,
    note: &'static str,
) -> Vec<FittedSection> {
    let mut sections = vec![component_residuals(checks, times, x, note)];
    sections.extend(residual_sections(named(checks)));
    sections
}

/// Several states, each seen as it is.
pub(in crate::cli::fit) fn of_states(model: &Model, id: &str, panel: &Panel, fit: &JointFit) -> FittedPart {
    let (times, columns, _) = panel.complete();
    let time = with_unit("time", &panel.unit);
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let path = |(name, values): (String, Vec<f64>)| (name, times.iter().copied().zip(values).collect());
    let mut sections =
        vec![FittedSection::history(names.into_iter().zip(columns).map(path).collect(), Axis::Numbers, &time)];
    sections.extend(of_components(&fit.checks, &times, &time, EACH_ROW));
    let told = Fitted {
        model,
        id,
        params: &fit.params,
        status: &fit.status,
        of: format!("{} transitions of {id}", fixed(fit.transitions as f64, 0)),
        transform: Transform::None.name(),
        form: format!("fitted by the {} form", fit.form.name()),
        time_unit: &panel.unit,
        iterations: fit.iterations,
        likelihood: [fit.log_likelihood, fit.aic, fit.bic],
        facts: Vec::new(),
        tests: component_tests(&fit.checks),
        warnings: &fit.warnings,
    };
    part(told, sections, Vec::new())
}

/// What is read with errors or in part, by a filter.
pub(in crate::cli::fit) fn of_filter(
    model: &Model,
    (id, names): (&str, &[String]),
    panel: &Panel,
    fit: &FilteredFit,
) -> FittedPart {
    let time = with_unit("time", &panel.unit);
    let empty = Vec::new();
    let known: &[Vec<Option<f64>>] = fit.filtered.as_ref().map_or(&empty, |f| &f.pit);
    let checks: Vec<ComponentCheck> =
        names.iter().zip(known).map(|(name, pit)| ComponentCheck::of_pits(name, pit)).collect();
    let mut sections = fit.filtered.iter().map(|f| readings(names, panel, f, &time)).collect::<Vec<_>>();
    sections.extend(of_components(&checks, &panel.observations.times, &time, EACH_ROW));
    let told = Fitted {
        model,
        id,
        params: &fit.params,
        status: &fit.status,
        of: format!("{} values of {id}", fixed(fit.observations as f64, 0)),
        transform: Transform::None.name(),
        form: format!("fitted by the {} filter: {}", fit.method.name(), fit.why),
        time_unit: &panel.unit,
        iterations: fit.iterations,
        likelihood: [fit.log_likelihood, fit.aic, fit.bic],
        facts: Vec::new(),
        tests: component_tests(&checks),
        warnings: &fit.warnings,
    };
    part(told, sections, Vec::new())
}

/// What was read, and what the filter expected one row ahead.
fn readings(names: &[String], panel: &Panel, filtered: &Filtered, x: &str) -> FittedSection {
    let times = &panel.observations.times;
    let each = names.iter().zip(&panel.observations.values).zip(&filtered.predicted);
    let panels = each.map(|((name, values), predicted)| FittedPanel {
        title: name.clone(),
        x: x.to_string(),
        y: name.clone(),
        beside: Beside::Curve {
            observed: times.iter().zip(values).filter_map(|(t, v)| Some((*t, (*v)?))).collect(),
            fitted: times.iter().zip(predicted).filter_map(|(t, p)| Some((*t, p.as_ref()?.mean))).collect(),
        },
    });
    FittedSection {
        name: "readings",
        subject: "Data and fit",
        question: "Does the filter follow what was read?",
        said: "What was read, and the mean that the fitted model expected of it one row ahead.".to_string(),
        note: "Dots are what was read, the dashed line is what was expected given all rows before.",
        panels: panels.collect(),
    }
}

/// Several series under one law; what each has of its own is told in a table.
pub(in crate::cli::fit) fn of_several(model: &Model, names: &[&str], unit: &str, fit: &SeveralFit) -> FittedPart {
    let each = names.iter().zip(&fit.checks).flat_map(|(name, checks)| {
        let many = checks.len() > 1;
        checks.iter().map(move |c| ComponentCheck {
            state: if many { format!("{name}, {}", c.state) } else { name.to_string() },
            ..c.clone()
        })
    });
    let checks: Vec<ComponentCheck> = each.collect();
    let longest = checks.iter().map(|c| c.scores.len()).max().unwrap_or(0);
    let rows: Vec<f64> = (1..=longest).map(|i| i as f64).collect();
    let mut sections = Vec::new();
    let points = |c: &ComponentCheck| {
        let all = rows.iter().copied().zip(c.scores.iter().copied());
        (c.state.clone(), all.filter(|p| p.1.is_finite()).collect())
    };
    sections.push(FittedSection::residuals(checks.iter().map(points).collect(), Axis::Numbers, "row", EACH_ROW));
    sections.extend(residual_sections(named(&checks)));
    let own = names.iter().zip(&fit.local).flat_map(|(name, local)| {
        local.iter().map(|e| row(e, model, unit)).map(|p: ParamRow| {
            let numbers = [Some(p.estimate), p.se, p.lower, p.upper].map(short_or_dash);
            std::iter::once(name.to_string()).chain([p.name]).chain(numbers).chain([p.unit]).collect::<Vec<String>>()
        })
    });
    let own: Vec<Vec<String>> = own.collect();
    let header = ["series", "parameter", "estimate", "s.e.", "2.5 %", "97.5 %", "unit"];
    let local = (!own.is_empty()).then(|| FittedTable {
        subject: "Of each series",
        question: "What does each series have of its own?",
        said: String::new(),
        table: table("Parameters of single series, with 95 % intervals", &header, own),
    });
    let total: usize = fit.transitions.iter().sum();
    let id = names.join(", ");
    let told = Fitted {
        model,
        id: &id,
        params: &fit.shared,
        status: &fit.status,
        of: format!("{} transitions of {} series together", fixed(total as f64, 0), names.len()),
        transform: Transform::None.name(),
        form: format!("fitted by the {} form", fit.form),
        time_unit: unit,
        iterations: fit.iterations,
        likelihood: [fit.log_likelihood, fit.aic, fit.bic],
        facts: vec![("objective".to_string(), short(fit.objective_value))],
        tests: component_tests(&checks),
        warnings: &fit.warnings,
    };
    part(told, sections, local.into_iter().collect())
}

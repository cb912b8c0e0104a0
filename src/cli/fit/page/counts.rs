//! Pages of fits to counts of molecules: replicates at given times, paths seen from time to time, paths of which every reaction is known.

use super::conserved::{self, Record, Seen};
use super::steps::{component_tests, note_of_counts, of_components, residual_sections};
use super::{Fitted, part, plain, table};
use crate::base::{Purpose, Seed, Transform};
use crate::cli::table::{short, short_or_dash};
use crate::fit::snapshots::{Checked, Histogram, SnapshotFit};
use crate::fit::{CountSeries, CountsFit};
use crate::form::counts_likelihood::Marginal;
use crate::models::Model;
use crate::process::Process;
use crate::report::view::Axis;
use crate::report::{FittedPart, FittedSection, FittedTable, Named, fixed, with_unit};
use crate::stats::Tally;

const MEANS: &str = "Each dot is how far the mean of the values at a time is from that of the fitted law, in standard errors. 95 of 100 lie in the grey range if the law is right; a wave means that it has the wrong course.";
const WAITS: &str = "Each dot is the time to a reaction against what the state just before it let expect, in standard deviations of a right law. 95 of 100 lie in the grey range; a slope or a wave is something that the rates do not know.";

/// Replicates at given times, of one component.
pub(in crate::cli::fit) fn of_snapshots(model: &Model, id: &str, component: &str, fit: &SnapshotFit) -> FittedPart {
    let variables = model.variables();
    let unit = variables.iter().find(|(name, _)| name == component).map_or("", |(_, unit)| unit.as_str());
    let titled = |h: &Histogram| {
        let tally = Tally::of_one_law(&h.observed, &h.fitted)?;
        Some((format!("t = {}, {} values", plain(h.time), tally.n), tally))
    };
    let tallies: Vec<Named<Tally>> = fit.histograms.iter().filter_map(titled).collect();
    let mut sections = Vec::new();
    if !tallies.is_empty() {
        sections.push(FittedSection::replicates_counted(tallies, &with_unit(component, unit)));
    }
    let off = |c: &Checked| {
        let se = c.fitted_sd? / (c.replicates as f64).sqrt();
        Some((c.time, (c.mean - c.fitted_mean?) / se)).filter(|p| p.1.is_finite())
    };
    let means: Vec<(f64, f64)> = fit.fitted.iter().filter_map(off).collect();
    let scores = scores(&fit.histograms);
    let mut tests = Vec::new();
    if !means.is_empty() {
        sections.push(FittedSection::residuals(vec![(String::new(), means)], Axis::Numbers, "t", MEANS));
    }
    if scores.len() >= 5 {
        let pits: Vec<f64> = scores.iter().map(|z| crate::base::math::normal_cdf(*z)).collect();
        tests.push(("all counts spread as their laws say (KS)".to_string(), crate::stats::ks_uniform_p(&pits)));
        // Replicates are of different paths: there is no order in which one could tell the next.
        let known = residual_sections(vec![(String::new(), scores)]);
        let known = known.into_iter().filter(|s| s.name != "acf");
        let question = "Do the values of all times together follow their laws?";
        sections.extend(known.map(|s| if s.name == "pit" { FittedSection { question, ..s } } else { s }));
    }
    tests.extend(fit.fitted.iter().filter_map(|c| Some((format!("values at t = {} (KS)", plain(c.time)), c.ks_p?))));
    sections.push(conserved::section(model, &fit.theta, &[component], &[], Seen::Counted, "t"));
    let rows = fit.fitted.iter().map(|c| {
        let numbers = [Some(c.mean), c.fitted_mean, Some(c.sd), c.fitted_sd].map(short_or_dash);
        [plain(c.time), c.replicates.to_string()].into_iter().chain(numbers).collect()
    });
    let header = ["t", "values", "mean", "mean of the law", "sd", "sd of the law"];
    let summary = FittedTable {
        subject: "Summary",
        question: "What do data and fit come to?",
        said: String::new(),
        table: table("Means and standard deviations", &header, rows.collect()),
    };
    let mut facts = Vec::new();
    if fit.log_likelihood.is_none() {
        facts.push(("objective".to_string(), short(fit.objective_value)));
    }
    if let Some((low, high)) = fit.log_likelihood_bounds {
        facts.push((
            "of the whole master equation".to_string(),
            format!("between {} and {}", fixed(low, 6), fixed(high, 6)),
        ));
    }
    let told = Fitted {
        model,
        id,
        params: &fit.params,
        status: &fit.status,
        of: format!("{} values at {} times", fixed(fit.observations as f64, 0), fit.fitted.len()),
        transform: Transform::None.name(),
        form: format!("fitted by the {} form", fit.form.name()),
        time_unit: "",
        iterations: fit.iterations,
        likelihood: [fit.log_likelihood, fit.aic, fit.bic],
        facts,
        tests,
        warnings: &fit.warnings,
    };
    part(told, sections, vec![summary])
}

/// Normal scores of the randomised residuals of all counts.
fn scores(histograms: &[Histogram]) -> Vec<f64> {
    let of = |(t, h): (usize, &Histogram)| -> Vec<f64> {
        let law = Marginal { first: 0.0, p: h.fitted.clone() };
        let stream = &mut Seed(1).key(Purpose::Scores, 0, t as u64).stream(0);
        let mut all = Vec::new();
        for (count, times) in h.observed.iter().enumerate() {
            (0..*times as usize).for_each(|_| all.push(law.score(count as f64, stream.uniform())));
        }
        all
    };
    histograms.iter().enumerate().flat_map(of).filter(|z| z.is_finite()).collect()
}

/// Paths of all species, seen from time to time.
pub(in crate::cli::fit) fn of_counts(
    model: &Model,
    id: &str,
    unit: &str,
    data: &[CountSeries],
    fit: &CountsFit,
) -> FittedPart {
    let time = with_unit("time", unit);
    let mut sections = vec![history(model, data, &time)];
    let tallies: Vec<Named<Tally>> =
        fit.checks.iter().filter_map(|c| Some((c.state.clone(), c.tally.clone()?))).collect();
    if !tallies.is_empty() {
        sections.push(FittedSection::steps_counted(tallies));
    }
    sections.push(kept(model, fit, data, &time));
    if !fit.checks.is_empty() {
        let ends: Vec<f64> = data.iter().flat_map(|s| s.times.iter().skip(1).copied()).collect();
        sections.extend(of_components(&fit.checks, &ends, &time, note_of_counts()));
    }
    whole(model, id, unit, fit, sections, Vec::new())
}

/// Paths of which every reaction is known.
pub(in crate::cli::fit) fn of_complete(
    model: &Model,
    id: &str,
    unit: &str,
    data: &[CountSeries],
    fit: &CountsFit,
) -> FittedPart {
    let time = with_unit("time", unit);
    let mut sections = vec![history(model, data, &time), kept(model, fit, data, &time)];
    if !fit.checks.is_empty() {
        let ends: Vec<f64> = (1..=fit.checks[0].scores.len()).map(|i| i as f64).collect();
        sections.extend(of_components(&fit.checks, &ends, "reaction", WAITS));
    }
    let mut tables = Vec::new();
    if let Process::Network(network) = &model.process {
        let each = network.reactions.iter().zip(model.equations()).zip(&fit.happened);
        let rows = each.map(|((_, text), n)| vec![text, fixed(*n, 0)]).collect();
        tables.push(FittedTable {
            subject: "Reactions",
            question: "How often did each reaction happen?",
            said: "Reactions with the same change share what happened.".to_string(),
            table: table("Reactions", &["reaction", "times"], rows),
        });
    }
    whole(model, id, unit, fit, sections, tables)
}

fn whole(
    model: &Model,
    id: &str,
    unit: &str,
    fit: &CountsFit,
    sections: Vec<FittedSection>,
    tables: Vec<FittedTable>,
) -> FittedPart {
    let what = if fit.happened.is_empty() { "transitions" } else { "reactions" };
    let told = Fitted {
        model,
        id,
        params: &fit.params,
        status: &fit.status,
        of: format!("{} {what} of {id}", fixed(fit.transitions as f64, 0)),
        transform: Transform::None.name(),
        form: format!("likelihood of {}", fit.likelihood),
        time_unit: unit,
        iterations: fit.iterations,
        likelihood: [fit.log_likelihood, fit.aic, fit.bic],
        facts: Vec::new(),
        tests: component_tests(&fit.checks),
        warnings: &fit.warnings,
    };
    part(told, sections, tables)
}

/// The paths themselves.
fn history(model: &Model, data: &[CountSeries], time: &str) -> FittedSection {
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let each = data.iter().flat_map(|series| {
        names.iter().enumerate().map(|(s, name)| {
            let title = if data.len() > 1 { format!("{name} in {}", series.name) } else { name.clone() };
            (title, series.times.iter().zip(&series.states).map(|(t, x)| (*t, x[s])).collect())
        })
    });
    FittedSection::history(each.collect(), Axis::Numbers, time)
}

fn kept(model: &Model, fit: &CountsFit, data: &[CountSeries], time: &str) -> FittedSection {
    let names: Vec<String> = model.variables().into_iter().map(|v| v.0).collect();
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let record =
        |series: &'_ CountSeries| series.states.iter().map(|x| x.iter().copied().map(Some).collect()).collect();
    let records: Vec<Record> =
        data.iter().map(|s| Record { name: &s.name, times: &s.times, rows: record(s) }).collect();
    conserved::section(model, &fit.theta, &columns, &records, Seen::Counted, time)
}

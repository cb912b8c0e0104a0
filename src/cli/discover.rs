//! `kramers discover`: drift and diffusion found in data, as estimates, as a formula, and as a model file to fit.

use super::Outcome;
use super::args::{Common, DataArgs, DiscoverArgs};
use super::input::{Data, read_data};
use super::output::{Folder, Output};
use super::table::{short, short_or_dash, table};
use super::values::{self, VERSION, finite};
use crate::base::text::csv_cell;
use crate::base::{Error, Result, Series};
use crate::discover::{
    Coefficients, Discovery, Estimator, JumpCheck, KramersMoyal, LEVEL, MarkovCheck, Part, Settings, Steps, Track,
    Value as Estimate, discover, kramers_moyal,
};
use crate::report::{CurveView, ReportError, coefficients};
use serde_json::{Value, json};

/// Half the width of a 95 % band in standard errors.
const NORMAL_95: f64 = 1.959_963_984_540_054;
/// States of the picture, and bins of the table beside the kernel's.
const DRAWN: usize = 61;
const BINS: usize = 15;

pub(super) fn run(args: &DiscoverArgs, common: &Common, output: &Output) -> Result<Outcome> {
    let folder = Folder::asked(common)?;
    let read = Read::of(args, output)?;
    let spinner = output.spinner("discovering".to_string());
    let settings = settings(args, &read);
    let found = read.steps().and_then(|steps| Ok((discover(&steps, &settings)?, steps)));
    spinner.finish_and_clear();
    let (found, steps) = found?;
    output.text(&text(&found, &settings));
    let bins = match found.coefficients {
        Some(_) => Some(kramers_moyal(&steps, Estimator::Histogram { bins: BINS })?),
        None => None,
    };
    let document = document(&found, bins.as_ref(), &settings, args, &read, common.seed);
    output.deliver(&document, folder.as_ref())?;
    if let Some(folder) = folder {
        folder.write("model.toml", &found.text)?;
        folder.write("coefficients.csv", &csv(&found, bins.as_ref(), &settings))?;
        if found.coefficients.is_some() {
            let drawn = kramers_moyal(&steps, Estimator::Kernel { states: DRAWN })?;
            folder.write("coefficients.svg", &picture(&found, &drawn, &settings)?)?;
        }
        folder.write_document(&document)?;
        output.say(&format!("wrote {}", folder.path("model.toml").display()));
    }
    Ok(if found.warnings.is_empty() { Outcome::Good } else { Outcome::Flagged })
}

/// What was read: the series of each state, those of one id beside each other.
struct Read {
    /// `[state]`
    data: Vec<Data>,
    /// `[state][series]`, transformed.
    series: Vec<Vec<Series>>,
    columns: Vec<String>,
}

impl Read {
    fn of(args: &DiscoverArgs, output: &Output) -> Result<Read> {
        let columns: Vec<Option<String>> = match &args.data.value {
            Some(list) => list.split(',').map(|c| Some(c.trim().to_string())).collect(),
            None => vec![None],
        };
        let bad = |expected: &str, hint: &str| Error::BadOption {
            flag: "--value".to_string(),
            value: args.data.value.clone().unwrap_or_default(),
            expected: expected.to_string(),
            hint: Some(hint.to_string()),
        };
        if columns.len() > 2 {
            return Err(bad("formulas are found for one state or two", "name one column or two"));
        }
        if columns.len() == 2 && args.data.input == "-" {
            return Err(bad("two columns are read one after the other, which standard input cannot", "give a file"));
        }
        let mut read = Read { data: Vec::new(), series: Vec::new(), columns: Vec::new() };
        for column in columns {
            let one = DataArgs { value: column, ..args.data.clone() };
            let data = read_data(&one, output)?;
            read.series.push(data.loaded.series.iter().map(|s| one.transform.apply(s)).collect::<Result<_>>()?);
            read.columns.push(data.loaded.value_column.clone());
            read.data.push(data);
        }
        Ok(read)
    }

    /// Transitions of all series, two states joined at the times both have.
    fn steps(&self) -> Result<Steps> {
        match self.series.as_slice() {
            [first, second] => {
                let joined: Vec<[Vec<f64>; 3]> = first
                    .iter()
                    .filter_map(|a| {
                        // Without an id column a series is named for its value column.
                        let mut others = second.iter();
                        let other = if first.len() == 1 { others.next() } else { others.find(|b| b.id == a.id) };
                        other.map(|b| join(a, b))
                    })
                    .collect();
                let tracks: Vec<Track> = joined.iter().map(|[time, x, v]| Track { time, states: vec![x, v] }).collect();
                Steps::of(&tracks)
            }
            all => Steps::of(&all.iter().flatten().map(Track::of).collect::<Vec<_>>()),
        }
    }
}

/// Times that both series have, and their values there.
fn join(a: &Series, b: &Series) -> [Vec<f64>; 3] {
    let mut joined = [Vec::new(), Vec::new(), Vec::new()];
    let mut j = 0;
    for (i, time) in a.time.iter().enumerate() {
        while j < b.len() && b.time[j] < *time {
            j += 1;
        }
        if j < b.len() && b.time[j] == *time {
            for (column, value) in joined.iter_mut().zip([*time, a.value[i], b.value[j]]) {
                column.push(value);
            }
        }
    }
    joined
}

fn settings(args: &DiscoverArgs, read: &Read) -> Settings {
    // A column's name is a state's where it is a short plain word that means nothing else.
    let plain = |name: &String| {
        name.len() <= 3
            && name.chars().all(|c| c.is_ascii_alphabetic())
            && !["t", "e", "pi", "inf"].contains(&name.as_str())
    };
    let states = read.columns.len();
    let are_names = states > 1 && read.columns.iter().all(plain) && read.columns[0] != read.columns[1];
    let names =
        if are_names { read.columns.clone() } else { ["x", "y"].iter().take(states).map(|n| n.to_string()).collect() };
    let unit = read.series.first().and_then(|s| s.first()).map_or("time", |s| s.clock.unit.as_str());
    let known = read.data.first().map_or("data", |d| d.stem.as_str());
    let stem: String = known.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Settings {
        names,
        time_unit: if unit.is_empty() { "time".to_string() } else { unit.to_string() },
        id: format!("{}-discovered", stem.to_lowercase()),
        title: format!("Discovered in {stem}"),
        drift_degree: args.degree,
        noise_degree: args.noise_degree,
        order: args.order,
        ..Settings::default()
    }
}

fn band(v: Estimate) -> [f64; 2] {
    [v.value - NORMAL_95 * v.se, v.value + NORMAL_95 * v.se]
}

fn text(found: &Discovery, settings: &Settings) -> String {
    let mut out =
        format!("{} transitions, mean step {} {}\n", found.transitions, short(found.mean_step), settings.time_unit);
    if let Some(km) = &found.coefficients {
        let rows: Vec<Vec<String>> = km.at.iter().map(|c| row(c, found)).collect();
        let header = ["x", "D1", "2.5 %", "97.5 %", "formula", "D2", "2.5 %", "97.5 %", "formula", "D4/(D2² dt/2)"];
        out.push_str(&format!(
            "\ndrift D1 and half the squared diffusion D2 given the state\n{}",
            table(&header, &rows)
        ));
        if let Some([drift, noise]) = km.bandwidths {
            out.push_str(&format!(
                "local linear, bandwidths {} and {} by cross-validation; the step is corrected to second order; pointwise 95 % bands\n",
                short(drift),
                short(noise)
            ));
        }
    }
    out.push_str("\nformula\n");
    for (k, name) in settings.names.iter().enumerate() {
        out.push_str(&format!("  drift of {name}:             {}\n", formula(&found.formula.drift[k], settings)));
        out.push_str(&format!("  squared diffusion of {name}: {}\n", formula(&found.formula.noise[k], settings)));
    }
    out.push_str("  (standard errors in brackets)\n\n");
    for (name, check) in settings.names.iter().zip(&found.jumps) {
        out.push_str(&format!("jumps in {name}: {}\n", jump_words(check.as_ref())));
    }
    out.push_str(&format!("Markov property: {}\n", markov_words(found.markov.as_ref(), &settings.time_unit)));
    out.push_str(&format!("\nmodel file\n{}", found.text));
    out
}

fn row(c: &Coefficients, found: &Discovery) -> Vec<String> {
    let [[d1_low, d1_high], [d2_low, d2_high]] = [band(c.d1), band(c.d2)];
    let (f, g) = (found.formula.drift[0].at(&[c.state]), found.formula.noise[0].at(&[c.state]));
    [c.state, c.d1.value, d1_low, d1_high, f, c.d2.value, d2_low, d2_high, 0.5 * g, c.fourth_ratio].map(short).to_vec()
}

fn formula(part: &Part, settings: &Settings) -> String {
    let terms: Vec<String> = part
        .terms
        .iter()
        .map(|t| {
            let factor = t.monomial.text(&settings.names);
            let value = format!("{} ({})", short(t.value), short_or_dash(t.se));
            if factor.is_empty() { value } else { format!("{value} {factor}") }
        })
        .collect();
    if terms.is_empty() { "0".to_string() } else { terms.join(" + ") }
}

fn jump_words(check: Option<&JumpCheck>) -> String {
    match check {
        None => "not checked: no variance to hold the residuals against".to_string(),
        Some(c) => format!(
            "{} (excess fourth moment {}, of a diffusion {}; z = {}, p = {})",
            if c.jumps { "YES, or heavy tails" } else { "none seen" },
            short(c.excess),
            short(c.expected),
            short(c.z),
            short(c.p)
        ),
    }
}

fn markov_words(check: Option<&MarkovCheck>, unit: &str) -> String {
    let Some(check) = check else { return "not checked: too few transitions".to_string() };
    let lags: Vec<String> =
        check.lags.iter().map(|t| format!("p = {} at {} {unit}", short(t.p), short(t.time))).collect();
    let verdict = match check.length {
        Some(_) if check.holds() => "holds at the step of the data".to_string(),
        Some(length) => format!("holds from {} {unit} on (Markov-Einstein length)", short(length)),
        None => format!("refused at every lag tried (level {LEVEL})"),
    };
    format!("{verdict}: {}", lags.join(", "))
}

fn estimate(v: Estimate) -> Value {
    let [lower, upper] = band(v);
    json!({ "value": finite(v.value), "se": finite(v.se), "lower": finite(lower), "upper": finite(upper) })
}

fn estimates(km: &KramersMoyal) -> Value {
    let each = km.at.iter().map(|c| {
        json!({
            "state": c.state, "d1": estimate(c.d1), "d2": estimate(c.d2), "d4": estimate(c.d4),
            "fourth_ratio": finite(c.fourth_ratio),
        })
    });
    json!({ "bandwidths": km.bandwidths, "at": each.collect::<Vec<_>>() })
}

fn part(part: &Part, settings: &Settings) -> Value {
    let term = |t: &crate::discover::Term| {
        let text = t.monomial.text(&settings.names);
        let text = if text.is_empty() { "1".to_string() } else { text };
        json!({ "term": text, "value": t.value, "se": t.se, })
    };
    let sizes =
        part.sizes.iter().map(|s| json!({ "terms": s.terms.len(), "excess": finite(s.excess), "se": finite(s.se) }));
    json!({ "terms": part.terms.iter().map(term).collect::<Vec<_>>(), "by_size": sizes.collect::<Vec<_>>() })
}

fn document(
    found: &Discovery,
    bins: Option<&KramersMoyal>,
    settings: &Settings,
    args: &DiscoverArgs,
    read: &Read,
    seed: u64,
) -> Value {
    let parts = |of: &[Part]| -> Value {
        Value::Object(settings.names.iter().cloned().zip(of.iter().map(|p| part(p, settings))).collect())
    };
    let jumps = found.jumps.iter().map(|c| {
        c.as_ref().map(|c| {
            json!({ "excess": finite(c.excess), "expected": finite(c.expected), "z": finite(c.z), "p": finite(c.p), "jumps": c.jumps })
        })
    });
    let markov = found.markov.as_ref().map(|m| {
        let lags = m.lags.iter().map(|t| {
            json!({ "lag": t.lag, "time": t.time, "triples": t.triples, "z_place": finite(t.z[0]), "z_spread": finite(t.z[1]), "p": finite(t.p) })
        });
        json!({ "holds": m.holds(), "length": m.length, "level": LEVEL, "lags": lags.collect::<Vec<_>>() })
    });
    json!({
        "schema": "kramers/discover@1", "version": VERSION, "seed": seed,
        "states": settings.names, "columns": read.columns, "time_unit": settings.time_unit,
        "transitions": found.transitions, "mean_step": found.mean_step, "order": settings.order,
        "kernel": found.coefficients.as_ref().map(estimates), "histogram": bins.map(estimates),
        "drift": parts(&found.formula.drift), "squared_diffusion": parts(&found.formula.noise),
        "settled": found.formula.is_settled, "solved": found.formula.is_solved,
        "share_short": found.formula.share_short,
        "jumps": Value::Object(settings.names.iter().cloned().zip(jumps.map(|j| json!(j))).collect()),
        "markov": markov, "model": found.text, "warnings": found.warnings,
        "data": read.data.iter().map(|d| values::data(d, args.data.transform.name())).collect::<Vec<_>>(),
    })
}

/// Estimates of one state; of two the terms alone.
fn csv(found: &Discovery, bins: Option<&KramersMoyal>, settings: &Settings) -> String {
    let mut out = String::new();
    match (&found.coefficients, bins) {
        (Some(kernel), Some(bins)) => {
            out.push_str("estimator,state,d1,d1_se,d2,d2_se,d4,d4_se,fourth_ratio,formula_d1,formula_d2\n");
            let all = [("kernel", kernel), ("histogram", bins)];
            for (name, c) in all.iter().flat_map(|(name, km)| km.at.iter().map(move |c| (name, c))) {
                let (f, g) = (found.formula.drift[0].at(&[c.state]), found.formula.noise[0].at(&[c.state]));
                let numbers = [
                    c.state,
                    c.d1.value,
                    c.d1.se,
                    c.d2.value,
                    c.d2.se,
                    c.d4.value,
                    c.d4.se,
                    c.fourth_ratio,
                    f,
                    0.5 * g,
                ];
                let cells: Vec<String> = numbers.iter().map(|v| cell(*v)).collect();
                out.push_str(&format!("{name},{}\n", cells.join(",")));
            }
        }
        _ => {
            out.push_str("of,state,term,value,se\n");
            let parts = [("drift", &found.formula.drift), ("squared diffusion", &found.formula.noise)];
            for (of, parts) in parts {
                for (name, part) in settings.names.iter().zip(parts) {
                    for t in &part.terms {
                        let (term, se) = (t.monomial.text(&settings.names), cell(t.se.unwrap_or(f64::NAN)));
                        out.push_str(&format!("{of},{},{},{},{se}\n", csv_cell(name), csv_cell(&term), cell(t.value)));
                    }
                }
            }
        }
    }
    out
}

/// Empty where there is no number.
fn cell(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

fn picture(found: &Discovery, drawn: &KramersMoyal, settings: &Settings) -> Result<String> {
    let curve = |title: &str, of: fn(&Coefficients) -> Estimate, formula: &dyn Fn(f64) -> f64| CurveView {
        title: title.to_string(),
        x: drawn.at.iter().map(|c| c.state).collect(),
        value: drawn.at.iter().map(|c| of(c).value).collect(),
        lower: drawn.at.iter().map(|c| band(of(c))[0]).collect(),
        upper: drawn.at.iter().map(|c| band(of(c))[1]).collect(),
        formula: drawn.at.iter().map(|c| formula(c.state)).collect(),
    };
    let panels = [
        curve(&format!("drift (per {})", settings.time_unit), |c| c.d1, &|x| found.formula.drift[0].at(&[x])),
        curve(&format!("half the squared diffusion (per {})", settings.time_unit), |c| c.d2, &|x| {
            0.5 * found.formula.noise[0].at(&[x])
        }),
    ];
    coefficients(&panels, &settings.names[0]).map_err(|error: ReportError| Error::Numerics {
        what: "the picture".to_string(),
        why: error.to_string(),
        hint: "this is a bug of kramers; --json gives the numbers without it".to_string(),
    })
}

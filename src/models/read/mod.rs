//! The model file: TOML to [`Model`], with every mistake placed; `sbml` and `net` read networks of other programs.
//!
//! `scope` has the names and parses expressions where they stand; `diffusion`, `network`, `field` and `plain` read one kind
//! each; here is the header and what every kind is held to.

mod diffusion;
mod event;
mod field;
mod imported;
mod net;
#[cfg(test)]
mod net_tests;
mod network;
mod plain;
mod reader;
mod sbml;
mod scope;

use super::Model;
use super::card::Observation;
use crate::base::text::visible;
use crate::base::{Error, Limit, Result, suggest::nearest};
use crate::process::{LawClaim, Process, State};
use reader::{Reader, Source};
pub(super) use scope::time_steps;
use scope::{Declared, Scope};
use std::borrow::Cow;
use toml::Spanned;
use toml::de::DeTable;

/// Keys every kind may have.
const HEADER: [&str; 10] = ["schema", "id", "title", "kind", "source", "tags", "meaning", "horizon", "params", "let"];
const KINDS: [(&str, &[&str]); 6] = [
    ("diffusion", &["calculus", "law", "noise", "correlation", "breaks", "state", "observe", "dynamics", "jump"]),
    ("network", &["counting", "volume", "breaks", "species", "rate", "reaction", "event", "rule", "observe"]),
    ("field", &["form", "space", "field"]),
    ("curve", &["input", "state", "dynamics"]),
    ("potential", &["state", "potential"]),
    ("value", &["of", "with", "process", "state", "payoff", "discount", "expiry", "barrier", "average", "fixings"]),
];

/// Read a model from the text of its file: TOML in the language of `models/README.md`, SBML, or BioNetGen's `.net`, told apart by
/// how the text begins. `file` is used in messages, and for the id of a file that has none.
///
/// # Errors
/// [`Error::ModelSyntax`], [`Error::UnknownKey`], [`Error::Expression`], [`Error::ModelInvalid`],
/// [`Error::LawMismatch`] or [`Error::NonFiniteCoefficient`], each with its place.
pub fn read(file: &str, text: &str) -> Result<Model> {
    let source = Source { file, text };
    Limit::ModelBytes.require(text.len() as f64, file)?;
    let model = if sbml::is_sbml(text) {
        written_out(sbml::read_sbml(source)?)
    } else if net::is_net(text) {
        written_out(net::read_net(source)?)
    } else {
        read_toml(source)?
    };
    Limit::Parameters.require(model.params.len() as f64, file)?;
    if let Process::Network(network) = &model.process {
        Limit::Species.require(network.species.len() as f64, file)?;
    }
    check(file, &model)?;
    Ok(model)
}

/// The words of a file of another program as they may be shown; [`Reader::text`] sees to those in TOML.
fn written_out(mut model: Model) -> Model {
    let shown = |text: &mut String| {
        if let Cow::Owned(safe) = visible(text) {
            *text = safe;
        }
    };
    let Model { title, source, params, process, .. } = &mut model;
    [title, source].into_iter().for_each(shown);
    params.iter_mut().flat_map(|p| [&mut p.meaning, &mut p.unit]).for_each(shown);
    if let Process::Network(network) = process {
        network.species.iter_mut().flat_map(|s| [&mut s.unit, &mut s.meaning]).for_each(shown);
        network.reactions.iter_mut().flat_map(|r| [&mut r.name, &mut r.equation]).for_each(shown);
    }
    model
}

/// The text of a model file in TOML: as it is where it is TOML, else the network it holds, written out.
///
/// # Errors
/// Those of [`read`], and of [`super::write`].
pub fn to_toml(file: &str, text: &str) -> Result<String> {
    let model = read(file, text)?;
    if sbml::is_sbml(text) || net::is_net(text) { super::write(&model) } else { Ok(text.to_string()) }
}

fn read_toml(source: Source) -> Result<Model> {
    let document = parse_document(source)?;
    let any = Reader::new(source, document.get_ref(), 0, "", &[])?;
    let kind = kind(&any)?;
    let own = KINDS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| keys);
    let known: Vec<&str> = HEADER.iter().chain(own).copied().collect();
    let top = Reader::new(source, document.get_ref(), 0, "", &known)?;
    let mut params = Declared::read(&top)?;
    let (process, law, observe) = read_process(&top, &kind, &mut params)?;
    Ok(Model {
        id: id(&top)?,
        title: visible(&top.needed_text("title")?.0).into_owned(),
        source: top.text("source")?.map(|s| s.0).unwrap_or_default(),
        tags: top.texts("tags")?,
        params: params.list,
        process,
        observe,
        law,
        horizon: horizon(&top)?,
        file: source.file.to_string(),
    })
}

fn parse_document(source: Source<'_>) -> Result<Spanned<DeTable<'_>>> {
    DeTable::parse(source.text).map_err(|e| {
        let offset = e.span().map_or(0, |s| s.start);
        source.error(offset, e.message().lines().next().unwrap_or("not valid TOML"))
    })
}

fn kind(top: &Reader) -> Result<String> {
    let schema = top.needed_number("schema")?;
    if schema != 1.0 {
        return Err(top.source.invalid(format!("schema {schema} is not known"), "write schema = 1"));
    }
    let (kind, offset) = top.needed_text("kind")?;
    let known = || KINDS.iter().map(|(name, _)| *name);
    if known().any(|k| k == kind) {
        return Ok(kind);
    }
    let close = nearest(&kind, known()).map_or(String::new(), |n| format!("; did you mean '{n}'?"));
    let all: Vec<&str> = known().collect();
    Err(top.source.error(offset, format!("unknown kind '{kind}'{close} The kinds are {}", all.join(", "))))
}

/// A name for commands, files and tables.
fn id(top: &Reader) -> Result<String> {
    let (id, offset) = top.needed_text("id")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !id.is_empty() && id.len() <= 80 && id.chars().all(fits) {
        return Ok(id);
    }
    Err(top.source.error(offset, "an id has 1 to 80 letters, digits, - and _"))
}

/// A positive time; one unit where the file names none.
fn horizon(top: &Reader) -> Result<f64> {
    let horizon = top.number("horizon")?.unwrap_or(1.0);
    if horizon > 0.0 && horizon.is_finite() {
        return Ok(horizon);
    }
    Err(top.source.invalid(format!("horizon {horizon} is not a positive time"), "write horizon = 10.0"))
}

type Read = (Process, Option<LawClaim>, Vec<Observation>);

fn read_process(top: &Reader, kind: &str, params: &mut Declared) -> Result<Read> {
    let process = match kind {
        "diffusion" => {
            let states = diffusion::read_states(top)?;
            let scope = diffusion::scope_of(top, &states, params)?;
            let process = diffusion::read_diffusion(top, scope, states)?;
            let mut scope = Scope { source: top.source, frame: process.frame.clone() };
            let law = diffusion::read_law(top, &mut scope)?;
            let observe = diffusion::read_observations(top, &mut scope)?;
            let process = crate::process::Diffusion { frame: scope.frame, ..process };
            return Ok((Process::Diffusion(process), law, observe));
        }
        "network" => {
            let names = network::species_names(top)?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut scope = Scope::new(top.source, &names, params)?;
            scope.read_let(top)?;
            let process = network::read_network(top, scope)?;
            let mut scope = Scope { source: top.source, frame: process.frame.clone() };
            let observe = diffusion::read_observations(top, &mut scope)?;
            let process = crate::process::Network { frame: scope.frame, ..process };
            return Ok((Process::Network(process), None, observe));
        }
        "field" => {
            let names = field::variable_names(top)?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut scope = Scope::new(top.source, &names, params)?;
            scope.read_let(top)?;
            Process::Field(field::read_field(top, scope)?)
        }
        "curve" => Process::Curve(plain::read_curve(top, params)?),
        "potential" => Process::Potential(plain::read_potential(top, params)?),
        _ => Process::Value(plain::read_value(top, params)?),
    };
    Ok((process, None, Vec::new()))
}

/// What every model is held to on load: finite coefficients at its defaults, a correlation that is one, a law that follows.
fn check(file: &str, model: &Model) -> Result<()> {
    let defaults: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    // These are mistakes of the file, so it is the file they name.
    let of_file = |error| match error {
        Error::NonFiniteCoefficient { coefficient, value, at, .. } => {
            Error::NonFiniteCoefficient { model: file.to_string(), coefficient, value, at }
        }
        other => other,
    };
    if let Some(scalar) = model.scalar() {
        for x in sample_states(scalar.state) {
            model.check_finite(&defaults, &[x]).map_err(of_file)?;
        }
        if let Some(claim) = &model.law {
            claim.verify(file, &scalar, &model.params)?;
        }
    } else if matches!(model.process, Process::Diffusion(_) | Process::Network(_))
        && let Some(start) = model.default_start(&defaults)
    {
        model.check_finite(&defaults, &start).map_err(of_file)?;
    }
    if let Process::Value(value) = &model.process
        && let (Some(claim), Some(scalar)) = (&value.law, value.under.scalar())
    {
        claim.verify(file, &scalar, &model.params)?;
    }
    let invalid =
        |message: String, hint: &str| Error::ModelInvalid { file: file.to_string(), message, hint: hint.to_string() };
    if let Process::Diffusion(process) = &model.process {
        let symbols = process.frame.symbols(&defaults, 0.0);
        for (state, value) in process.states.iter().zip(model.initial_values(&defaults)) {
            if let Some(value) = value.filter(|x| !(*x >= state.lower && *x <= state.upper)) {
                let message =
                    format!("{} starts at {value}, outside its domain [{}, {}]", state.name, state.lower, state.upper);
                return Err(invalid(message, "change initial or domain"));
            }
        }
        for mark in process.jumps.iter().flat_map(|j| &j.marks) {
            let fixed = mark.law.arguments.iter().all(|a| !process.frame.varies(*a) && !process.frame.is_timed(*a));
            if fixed && mark.law.at(&process.frame, &symbols).is_none() {
                let message = format!("the law of mark {} is none at the defaults", mark.name);
                return Err(invalid(message, "a scale is not negative, a probability lies between 0 and 1"));
            }
        }
        for jump in &process.jumps {
            let rate = process.frame.pool.eval(jump.rate, &symbols);
            if rate < 0.0 {
                let message = format!("a jump rate is {rate} at the defaults");
                return Err(invalid(message, "a rate is not negative"));
            }
        }
    }
    if model.law.is_some() && model.scalar().is_none() {
        let message = "it claims a closed law, but those known are of one state without jumps".to_string();
        return Err(invalid(message, "remove the line `law = …`"));
    }
    if let Process::Diffusion(process) = &model.process
        && process.correlation_root(&defaults).is_none()
    {
        let message = "the correlation of its noises is not positive semi-definite at the defaults".to_string();
        return Err(invalid(message, "every correlation lies between -1 and 1, and three of them must fit together"));
    }
    Ok(())
}

/// A few states inside the domain where coefficients must be finite.
fn sample_states(state: &State) -> Vec<f64> {
    match (state.lower.is_finite(), state.upper.is_finite()) {
        (true, true) => (1..10).map(|i| state.lower + (state.upper - state.lower) * 0.1 * f64::from(i)).collect(),
        (true, false) => [0.01, 0.1, 0.5, 1.0, 3.0].iter().map(|d| state.lower + d).collect(),
        (false, true) => [0.01, 0.1, 0.5, 1.0, 3.0].iter().map(|d| state.upper - d).collect(),
        (false, false) => vec![-2.0, -0.7, 0.0, 0.3, 1.0, 2.5],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::built_in_text;

    fn ou() -> String {
        built_in_text("ou").expect("ou is built in").to_string()
    }

    #[test]
    fn parameters_keep_the_order_of_the_file() -> Result<()> {
        let model = read("ou.toml", &ou())?;
        let names: Vec<_> = model.params.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["kappa", "theta", "sigma"]);
        assert_eq!(model.equation(), "dx = kappa*(theta - x) dt + sigma dW");
        Ok(())
    }

    #[test]
    fn an_unknown_key_is_placed_and_the_nearest_offered() {
        let text = ou().replace("domain", "domian");
        match read("ou.toml", &text) {
            Err(Error::UnknownKey { key, line, nearest, .. }) => {
                assert_eq!(key, "state.x.domian");
                assert!(line > 5);
                assert_eq!(nearest.as_deref(), Some("domain"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_mistake_in_an_expression_is_placed_in_the_file() {
        let text = ou().replace("kappa*(theta - x)\"", "kapa*(theta - x)\"");
        match read("ou.toml", &text) {
            Err(Error::Expression { place, line, column, caret, message, .. }) => {
                let found = text.lines().nth(line - 1).and_then(|l| l.get(column - 1..column + 3));
                assert_eq!((place.as_str(), found, caret), ("ou.toml", Some("kapa"), 1));
                assert!(message.starts_with("drift.x: "), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_false_claim_of_a_law_is_found_out() {
        let text = ou().replace("\"kappa*(theta - x)\"", "\"kappa*(theta - 1.001*x)\"");
        assert!(matches!(read("ou.toml", &text), Err(Error::LawMismatch { .. })));
    }

    #[test]
    fn stratonovich_is_converted_on_load() -> Result<()> {
        let text = built_in_text("gbm").expect("gbm").replace("kind ", "calculus = \"stratonovich\"\nkind ");
        let text: String = text.lines().filter(|l| !l.starts_with("law")).collect::<Vec<_>>().join("\n");
        let model = read("gbm.toml", &text)?;
        // mu x + ½ sigma² x at x = 2, mu = 0.1, sigma = 0.3.
        let (drift, _) = model.scalar().expect("one state").coefficients(&[0.1, 0.3]).at(0.0, 2.0);
        assert!((drift - (0.2 + 0.09)).abs() < 1e-15);
        Ok(())
    }

    #[test]
    fn each_typical_mistake_is_refused_with_its_place() {
        let line_of = |text: &str| match read("m.toml", text) {
            Err(Error::ModelSyntax { line, .. } | Error::UnknownKey { line, .. }) => line,
            Err(Error::Expression { .. }) => 1000,
            other => panic!("{other:?}"),
        };
        assert_eq!(line_of("schema = 1\nid = "), 2);
        assert!(line_of(&ou().replace("\"diffusion\"", "\"network\"")) > 1);
        assert!(line_of(&ou().replace("default = ", "default = \"a\" #")) > 1);
        assert!(line_of(&ou().replace("[params.kappa]", "[params.x]")) > 1);
        assert_eq!(line_of(&ou().replace("kappa*(theta - x)", "kapa*(theta - x)")), 1000);
    }
}

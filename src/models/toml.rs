//! The model file: TOML to [`Model`], with every mistake placed.
//!
//! Read so far: `kind = "diffusion"` with one state. Other kinds and keys of the format are refused by name, never
//! half-read.

use super::Model;
use super::reader::{Reader, Source};
use crate::base::{Error, Param, Result};
use crate::expr::{Id, Pool};
use crate::process::{Boundary, ClosedLaw, Diffusion, LawClaim, State, symbol};

const TOP: [&str; 11] =
    ["schema", "id", "title", "kind", "calculus", "source", "tags", "law", "state", "params", "dynamics"];
/// Keys of the format that this version does not read yet.
const LATER: [&str; 12] = [
    "breaks",
    "let",
    "noise",
    "correlation",
    "observe",
    "jump",
    "counting",
    "volume",
    "species",
    "reaction",
    "event",
    "rule",
];
/// A model has at most this many parameters; more is surely a mistake.
const MAX_PARAMS: usize = 40;

/// Read a model from the text of its file. `file` is used in messages only.
///
/// # Errors
/// [`Error::ModelSyntax`], [`Error::UnknownKey`], [`Error::Expression`], [`Error::ModelInvalid`],
/// [`Error::LawMismatch`] or [`Error::NonFiniteCoefficient`], each with its place.
pub fn read(file: &str, text: &str) -> Result<Model> {
    let source = Source { file, text };
    let document = toml::de::DeTable::parse(text).map_err(|e| {
        let offset = e.span().map_or(0, |s| s.start);
        source.error(offset, e.message().lines().next().unwrap_or("not valid TOML"))
    })?;
    refuse_later(source, document.get_ref())?;
    let top = Reader::new(source, document.get_ref(), 0, "", &TOP)?;
    check_header(&top)?;

    let state = read_state(&top)?;
    let params = read_params(&top, &state.name)?;
    let mut pool = Pool::new(
        [state.name.as_str(), "t", symbol::STEP_NAME].into_iter().chain(params.iter().map(|p| p.name.as_str())),
    );
    let (mut drift, diffusion) = read_dynamics(&top, &mut pool, &state.name)?;
    if is_stratonovich(&top)? {
        // Itô drift = Stratonovich drift + ½ b b' (Øksendal 2003, eq. 6.1.3).
        let slope = pool.derivative(diffusion, symbol::STATE);
        let product = pool.mul(diffusion, slope);
        let half = pool.scale(0.5, product);
        drift = pool.add(drift, half);
    }
    let law = read_law(&top, &mut pool)?;
    let process = Diffusion { pool, state, drift, diffusion, n_params: params.len() };
    let model = Model {
        id: top.needed_text("id")?.0,
        title: top.needed_text("title")?.0,
        source: top.text("source")?.map(|s| s.0).unwrap_or_default(),
        tags: top.texts("tags")?,
        params,
        process,
        law,
        file: file.to_string(),
    };
    refuse_no_noise(source, &model)?;
    let defaults: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    // Both are mistakes of the file, so it is the file they name.
    model.check_finite(&defaults, &sample_states(&model.process.state)).map_err(|error| match error {
        Error::NonFiniteCoefficient { coefficient, value, at, .. } => {
            Error::NonFiniteCoefficient { model: file.to_string(), coefficient, value, at }
        }
        other => other,
    })?;
    if let Some(claim) = &model.law {
        claim.verify(file, &model.process, &model.params)?;
    }
    Ok(model)
}

fn refuse_later(source: Source, table: &toml::de::DeTable) -> Result<()> {
    match table.keys().find(|k| LATER.contains(&k.get_ref().as_ref())) {
        None => Ok(()),
        Some(key) => Err(source.error(
            key.span().start,
            format!(
                "'{}' belongs to the model format, but this version reads one-dimensional diffusions only",
                key.get_ref()
            ),
        )),
    }
}

/// A diffusion of zero everywhere is an ordinary differential equation.
fn refuse_no_noise(source: Source, model: &Model) -> Result<()> {
    if model.process.pool.constant(model.process.diffusion) == Some(0.0) {
        return Err(
            source.invalid("the diffusion is zero, so nothing is random", "write a diffusion such as \"sigma\"")
        );
    }
    Ok(())
}

fn check_header(top: &Reader) -> Result<()> {
    let schema = top.needed_number("schema")?;
    if schema != 1.0 {
        return Err(top.source.invalid(format!("schema {schema} is not known"), "write schema = 1"));
    }
    let (kind, offset) = top.needed_text("kind")?;
    match kind.as_str() {
        "diffusion" => Ok(()),
        "network" | "field" | "curve" | "potential" | "value" => Err(top.source.error(
            offset,
            format!("models of kind '{kind}' are not read by this version; it reads kind = \"diffusion\""),
        )),
        _ => Err(top.source.error(offset, format!("unknown kind '{kind}'; write kind = \"diffusion\""))),
    }
}

fn is_stratonovich(top: &Reader) -> Result<bool> {
    match top.text("calculus")? {
        None => Ok(false),
        Some((text, _)) if text == "ito" => Ok(false),
        Some((text, _)) if text == "stratonovich" => Ok(true),
        Some((text, offset)) => {
            Err(top.source.error(offset, format!("calculus '{text}' is not known: \"ito\" or \"stratonovich\"")))
        }
    }
}

fn read_state(top: &Reader) -> Result<State> {
    let states = top.needed_table("state", &[])?;
    let names = states.keys();
    let [(name, offset)] = names.as_slice() else {
        return Err(top.source.error(
            names.get(1).map_or(0, |n| n.1),
            format!("this version reads models of one state; [state.…] has {}", names.len()),
        ));
    };
    check_name(top.source, name, *offset)?;
    let table = states.needed_table(name, &["unit", "domain", "boundary"])?;
    let (lower, upper) = table.range("domain")?.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let boundary = match table.text("boundary")? {
        None => Boundary::Auto,
        Some((text, at)) => match text.as_str() {
            "auto" => Boundary::Auto,
            "reflecting" => Boundary::Reflecting,
            _ => {
                return Err(top
                    .source
                    .error(at, format!("boundary '{text}' is not read by this version: \"auto\" or \"reflecting\"")));
            }
        },
    };
    let unit = table.text("unit")?.map(|t| t.0).unwrap_or_else(|| "1".to_string());
    Ok(State { name: name.clone(), unit, lower, upper, boundary })
}

fn check_name(source: Source, name: &str, offset: usize) -> Result<()> {
    let mut letters = name.chars();
    let starts_well = letters.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if starts_well && letters.all(|c| c.is_alphanumeric() || c == '_') && name != "t" && name != "pi" {
        return Ok(());
    }
    Err(source.error(offset, format!("'{name}' cannot be a name: use letters, digits and _ (t and pi are taken)")))
}

fn read_params(top: &Reader, state: &str) -> Result<Vec<Param>> {
    let Some(tables) = top.table("params", &[])? else { return Ok(Vec::new()) };
    let names = tables.keys();
    if names.len() > MAX_PARAMS {
        return Err(top.source.invalid(format!("{} parameters are more than {MAX_PARAMS}", names.len()), "use fewer"));
    }
    let mut params = Vec::new();
    for (name, offset) in names {
        check_name(top.source, &name, offset)?;
        if name == state {
            return Err(top.source.error(offset, format!("'{name}' is already the state")));
        }
        let table = tables.needed_table(&name, &["meaning", "unit", "default", "bounds"])?;
        let default = table.needed_number("default")?;
        let (lower, upper) = table.range("bounds")?.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        if !(default >= lower && default <= upper && default.is_finite()) {
            return Err(Error::ParamOutOfBounds {
                model: top.source.file.to_string(),
                param: name,
                value: default,
                lower,
                upper,
            });
        }
        params.push(Param {
            name,
            meaning: table.text("meaning")?.map(|t| t.0).unwrap_or_default(),
            unit: table.text("unit")?.map(|t| t.0).unwrap_or_else(|| "1".to_string()),
            default,
            lower,
            upper,
        });
    }
    Ok(params)
}

fn read_dynamics(top: &Reader, pool: &mut Pool, state: &str) -> Result<(Id, Id)> {
    let dynamics = top.needed_table("dynamics", &["drift", "diffusion"])?;
    let mut expression = |key: &str| -> Result<Id> {
        let table = dynamics.needed_table(key, &[state])?;
        let (text, offset) = table.needed_text(state)?;
        parse_at(top.source, pool, &text, offset, &format!("{key}.{state}"))
    };
    Ok((expression("drift")?, expression("diffusion")?))
}

/// Parse an expression that stands at `offset` of the file, and place its mistakes there.
fn parse_at(source: Source, pool: &mut Pool, text: &str, offset: usize, key: &str) -> Result<Id> {
    let (first_line, first_column) = source.place(offset);
    // The opening quote is one character, of a multi-line text three and perhaps a line break.
    let quoted = source.text.get(offset..).unwrap_or_default();
    let long = quoted.starts_with("\"\"\"") || quoted.starts_with("'''");
    let breaks = usize::from(long && quoted.get(3..4) == Some("\n"));
    pool.parse(text, source.file).map_err(|error| match error {
        Error::Expression { place, line, column, message, text, caret, nearest } => Error::Expression {
            place,
            line: first_line + line - 1 + breaks,
            column: if line == 1 && breaks == 0 {
                first_column + column - 1 + if long { 3 } else { 1 }
            } else {
                column
            },
            message: format!("{key}: {message}"),
            text,
            caret,
            nearest,
        },
        other => other,
    })
}

fn read_law(top: &Reader, pool: &mut Pool) -> Result<Option<LawClaim>> {
    let Some((text, offset)) = top.text("law")? else { return Ok(None) };
    let wrong = |message: String| top.source.error(offset, message);
    let (name, rest) =
        text.split_once('(').ok_or_else(|| wrong(format!("law '{text}' wants its arguments: name(a, b)")))?;
    let known = ClosedLaw::ALL.map(ClosedLaw::name);
    let law = ClosedLaw::ALL
        .into_iter()
        .find(|l| l.name() == name.trim())
        .ok_or_else(|| wrong(format!("law '{}' is not known; the laws are {}", name.trim(), known.join(", "))))?;
    let inner = rest.trim_end().strip_suffix(')').ok_or_else(|| wrong(format!("law '{text}' lacks its ')'")))?;
    let arguments = inner
        .split(',')
        .map(|a| {
            // The slice's own place in the file: both are parts of one text.
            let inside = text.find(a).unwrap_or(0);
            parse_at(top.source, pool, a, offset + inside, "law")
        })
        .collect::<Result<Vec<_>>>()?;
    if arguments.len() != law.n_arguments() {
        return Err(wrong(format!(
            "law '{}' takes {} arguments, not {}",
            law.name(),
            law.n_arguments(),
            arguments.len()
        )));
    }
    let varies = |id: &Id| (0..symbol::FIRST_PARAM).any(|s| pool.depends_on(*id, s));
    if arguments.iter().any(varies) {
        return Err(wrong("the arguments of a law may hold parameters only".to_string()));
    }
    Ok(Some(LawClaim { law, arguments }))
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
        let (drift, _) = model.process.coefficients(&[0.1, 0.3]).at(0.0, 2.0);
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

//! The short kinds: curves, potentials, and values of other models.

use super::diffusion::{read_diffusion, read_law, read_states, scope_of};
use super::reader::{Reader, Source};
use super::scope::{Declared, Scope, check_name};
use crate::base::{Result, suggest::nearest};
use crate::models::registry::{built_in_ids, built_in_text};
use crate::process::{Average, AverageKind, Barrier, BarrierKind, Curve, Diffusion, Potential, Quantity, Value};

/// `kind = "curve"`: `dynamics.y = "f(x)"`. The input is called x unless `[input.…]` names it.
pub(super) fn read_curve(top: &Reader, params: &Declared) -> Result<Curve> {
    let quantity = |key: &str, name: &str| -> Result<Quantity> {
        let tables = top.table(key, &[])?;
        let table = match &tables {
            Some(tables) => tables.table(name, &["unit", "domain", "meaning"])?,
            None => None,
        };
        let Some(table) = table else {
            let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
            return Ok(Quantity { name: name.to_string(), unit: "1".to_string(), lower, upper });
        };
        let (lower, upper) = table.range("domain")?.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        Ok(Quantity { name: name.to_string(), unit: table.text("unit")?.map_or("1".into(), |t| t.0), lower, upper })
    };
    let one = |key: &str, other: &str| -> Result<String> {
        let Some(tables) = top.table(key, &[])? else { return Ok(other.to_string()) };
        match tables.keys().as_slice() {
            [(name, offset)] => check_name(top.source, name, *offset).map(|()| name.clone()),
            keys => {
                Err(top.source.error(tables.offset, format!("[{key}.…] has {} names; a curve has one", keys.len())))
            }
        }
    };
    let input = one("input", "x")?;
    let dynamics = top.needed_table("dynamics", &[])?;
    let keys = dynamics.keys();
    let [(output, _)] = keys.as_slice() else {
        let message = format!("[dynamics] has {} lines; a curve has one, such as y = \"…\"", keys.len());
        return Err(top.source.error(dynamics.offset, message));
    };
    if one("state", output)? != *output {
        return Err(top.source.error(dynamics.offset, format!("dynamics.{output} has no [state.{output}]")));
    }
    let mut scope = Scope::new(top.source, &[&input], params)?;
    scope.read_let(top)?;
    let value = scope.expression(&dynamics, output, &format!("dynamics.{output}"))?;
    Ok(Curve { frame: scope.frame, input: quantity("input", &input)?, output: quantity("state", output)?, value })
}

/// `kind = "potential"`: `[potential] V = "…", mass, hbar`.
pub(super) fn read_potential(top: &Reader, params: &Declared) -> Result<Potential> {
    let states = read_states(top)?;
    let mut scope = scope_of(top, &states, params)?;
    let Ok([state]) = <[_; 1]>::try_from(states) else {
        return Err(top.source.invalid("a potential has one state", "keep one [state.…]"));
    };
    let table = top.needed_table("potential", &["V", "mass", "hbar"])?;
    let potential = scope.expression(&table, "V", "potential.V")?;
    // The mass must be stated: units of energy hang on it.
    table.needed_expression("mass")?;
    let mass = scope.constant_or(&table, "mass", "potential.mass", 1.0)?;
    let hbar = scope.constant_or(&table, "hbar", "potential.hbar", 1.0)?;
    Ok(Potential { frame: scope.frame, state, potential, mass, hbar })
}

/// Keys of `[process]`, a diffusion written in the file of the value.
const PROCESS: [&str; 9] = ["calculus", "law", "noise", "correlation", "breaks", "let", "state", "dynamics", "jump"];

/// `kind = "value"`: a payoff on a built-in diffusion, whose unmapped parameters come along, or on one written in `[process]`.
pub(super) fn read_value(top: &Reader, params: &mut Declared) -> Result<Value> {
    if let Some(under) = top.table("process", &PROCESS)? {
        for key in ["of", "with"] {
            if top.has(key) {
                let message = format!("the process is written here in [process]: leave out '{key}'");
                return Err(top.source.error(top.offset, message));
            }
        }
        return value_on("process".to_string(), &under, top, params);
    }
    let (of, offset) = top.needed_text("of")?;
    let Some(text) = built_in_text(&of) else {
        let hint = nearest(&of, built_in_ids()).map_or(String::new(), |n| format!("; did you mean '{n}'?"));
        let message =
            format!("of = '{of}' is not a built-in model{hint}; a process of your own is written in [process]");
        return Err(top.source.error(offset, message));
    };
    let source = Source { file: &of, text };
    let document = super::parse_document(source)?;
    let under = Reader::new(source, document.get_ref(), 0, "", &[])?;
    if under.needed_text("kind")?.0 != "diffusion" {
        return Err(top.source.error(offset, format!("'{of}' is not a diffusion")));
    }
    let theirs = Declared::read(&under)?;
    let with = top.table("with", &[])?;
    for (name, at) in with.iter().flat_map(Reader::keys) {
        if !theirs.names().any(|n| n == name) {
            let hint = nearest(&name, theirs.names()).map_or(String::new(), |n| format!("; did you mean '{n}'?"));
            return Err(top.source.error(at, format!("with.{name}: '{of}' has no such parameter{hint}")));
        }
    }
    let mapped = |name: &str| with.as_ref().is_some_and(|w| w.has(name));
    for param in theirs.list {
        if !mapped(&param.name) && !params.names().any(|n| n == param.name) {
            params.list.push(param);
        }
    }
    value_on(of.clone(), &under, top, params)
}

/// The payoff of a file on the diffusion of a table.
fn value_on<'a>(of: String, under: &Reader<'a, '_>, top: &Reader<'a, '_>, params: &Declared) -> Result<Value> {
    let source = under.source;
    let with = top.table("with", &[])?;
    let states = read_states(under)?;
    let names: Vec<String> = states.iter().map(|s| s.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut scope = Scope::new(top.source, &names, params)?;
    if let Some(with) = &with {
        for (name, at) in with.keys() {
            let id = scope.constant_or(with, &name, &format!("with.{name}"), 0.0)?;
            scope.define(&name, at, id)?;
        }
    }
    scope.source = source;
    scope.read_let(under)?;
    let process: Diffusion = read_diffusion(under, scope, states)?;
    let mut scope = Scope { source, frame: process.frame.clone() };
    let law = read_law(under, &mut scope)?;
    let mut scope = Scope { source: top.source, frame: scope.frame };
    let average = match top.text("average")? {
        None if top.has("fixings") => {
            return Err(top.source.error(top.offset, "fixings want average = \"arithmetic\" or \"geometric\""));
        }
        None => None,
        Some((text, at)) => {
            let kind = match text.as_str() {
                "arithmetic" => AverageKind::Arithmetic,
                "geometric" => AverageKind::Geometric,
                _ => {
                    let message = format!("average '{text}' is not known: \"arithmetic\" or \"geometric\"");
                    return Err(top.source.error(at, message));
                }
            };
            let fixings = match top.has("fixings") {
                true => Some(scope.constant_or(top, "fixings", "fixings", 1.0)?),
                false => None,
            };
            Some(Average { kind, fixings, symbol: scope.frame.pool.add_symbol("average") })
        }
    };
    scope.read_let(top)?;
    let payoff = scope.expression(top, "payoff", "payoff")?;
    let discount = scope.expression_or(top, "discount", "discount", 0.0)?;
    top.needed_expression("expiry")?;
    let expiry = scope.constant_or(top, "expiry", "expiry", 1.0)?;
    let barrier = match top.table("barrier", &["kind", "level", "dates"])? {
        None => None,
        Some(table) => {
            let (text, at) = table.needed_text("kind")?;
            let kind = BarrierKind::ALL.into_iter().find(|k| k.name() == text).ok_or_else(|| {
                let names = BarrierKind::ALL.map(BarrierKind::name).join(", ");
                top.source.error(at, format!("barrier '{text}' is not known; the kinds are {names}"))
            })?;
            table.needed_expression("level")?;
            let dates = match table.has("dates") {
                true => Some(scope.constant_or(&table, "dates", "barrier.dates", 1.0)?),
                false => None,
            };
            Some(Barrier { kind, level: scope.constant_or(&table, "level", "barrier.level", 0.0)?, dates })
        }
    };
    // Where the states start is this file's to say: an option is asked for at a price.
    let mut states = process.states;
    if let Some(tables) = top.table("state", &names)? {
        for state in &mut states {
            if let Some(table) = tables.table(&state.name, &["initial"])? {
                state.initial = scope.initial(&table, &format!("state.{}.initial", state.name))?;
            }
        }
    }
    let under = Diffusion { frame: scope.frame, states, ..process };
    Ok(Value { of, under, law, payoff, discount, expiry, barrier, average })
}

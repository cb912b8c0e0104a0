//! `kind = "diffusion"`: states, noise, drift and diffusion, jumps, observations and the claim of a closed law.

use super::reader::Reader;
use super::scope::{Declared, Scope, check_name, time_steps};
use crate::base::{Limit, Result};
use crate::expr::Id;
use crate::models::card::Observation;
use crate::process::{Boundary, ClosedLaw, Diffusion, Jump, LawClaim, Mark, State};

/// A state as the file declares it, but for its initial law, which wants the parameters.
pub(super) fn read_states(top: &Reader) -> Result<Vec<State>> {
    let tables = top.needed_table("state", &[])?;
    let names = tables.keys();
    if names.is_empty() {
        return Err(top.source.error(tables.offset, "a diffusion has at least one state"));
    }
    Limit::States.require(names.len() as f64, top.source.file)?;
    names.iter().map(|(name, offset)| read_state(top, &tables, name, *offset)).collect()
}

fn read_state(top: &Reader, tables: &Reader, name: &str, offset: usize) -> Result<State> {
    check_name(top.source, name, offset)?;
    let table = tables.needed_table(name, &["unit", "domain", "boundary", "initial", "meaning"])?;
    let (lower, upper) = table.range("domain")?.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let boundary = match table.text("boundary")? {
        None => Boundary::Auto,
        Some((text, at)) => Boundary::ALL.into_iter().find(|b| b.name() == text).ok_or_else(|| {
            let names = Boundary::ALL.map(Boundary::name).join(", ");
            top.source.error(at, format!("boundary '{text}' is not known; the boundaries are {names}"))
        })?,
    };
    if boundary == Boundary::Periodic && !(lower.is_finite() && upper.is_finite()) {
        return Err(top.source.error(offset, format!("'{name}' is periodic and wants a finite domain")));
    }
    let unit = table.text("unit")?.map(|t| t.0).unwrap_or_else(|| "1".to_string());
    Ok(State { name: name.to_string(), unit, lower, upper, boundary, initial: None })
}

/// The whole diffusion: everything but header, parameters and `[let]`, which are in `scope` already.
pub(super) fn read_diffusion(top: &Reader, mut scope: Scope, mut states: Vec<State>) -> Result<Diffusion> {
    if let Some(tables) = top.table("state", &[])? {
        for state in &mut states {
            let table = tables.needed_table(&state.name, &[])?;
            state.initial = scope.initial(&table, &format!("state.{}.initial", state.name))?;
        }
    }
    let (drift, noises, diffusion) = read_dynamics(top, &mut scope, &states)?;
    let correlation = read_correlation(top, &mut scope, &noises)?;
    let jumps = read_jumps(top, &mut scope, &states)?;
    let mut breaks = read_breaks(top, &mut scope)?;
    let rates = jumps.iter().map(|j| j.rate);
    let all = drift.iter().chain(diffusion.iter().flatten()).copied().chain(rates);
    let found: Vec<_> = time_steps(&scope.frame, all).into_iter().filter(|id| !breaks.contains(id)).collect();
    breaks.extend(found);
    let mut process = Diffusion { frame: scope.frame, states, drift, noises, diffusion, correlation, jumps, breaks };
    if is_stratonovich(top)? {
        process.stratonovich_to_ito();
    }
    process.merge_noises();
    Ok(process)
}

/// Times at which coefficients jump.
pub(super) fn read_breaks(top: &Reader, scope: &mut Scope) -> Result<Vec<Id>> {
    let texts = top.expressions("breaks")?;
    let each = |(text, offset): (String, usize)| {
        let id = scope.parse(&text, offset, "breaks")?;
        scope.refuse_variables(id, offset, "breaks")
    };
    texts.into_iter().map(each).collect()
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

type Dynamics = (Vec<Id>, Vec<String>, Vec<Vec<Id>>);

/// Drift, names of the noises, and diffusion. Without a list of noises, each state with a `diffusion.x = "…"` has one of its
/// own.
fn read_dynamics(top: &Reader, scope: &mut Scope, states: &[State]) -> Result<Dynamics> {
    let names: Vec<&str> = states.iter().map(|s| s.name.as_str()).collect();
    let dynamics = top.needed_table("dynamics", &["drift", "diffusion"])?;
    let drifts = dynamics.needed_table("drift", &names)?;
    let drift = names
        .iter()
        .map(|name| scope.expression(&drifts, name, &format!("drift.{name}")))
        .collect::<Result<Vec<_>>>()?;
    let table = dynamics.needed_table("diffusion", &names)?;
    let listed = top.texts("noise")?;
    let own: Vec<&str> = names.iter().copied().filter(|n| table.has(n) && !table.is_table(n)).collect();
    if !listed.is_empty() && !own.is_empty() {
        let message = format!("diffusion.{0} names no noise: write diffusion.{0}.{1} = …", own[0], listed[0]);
        return Err(top.source.error(table.offset, message));
    }
    let noises: Vec<String> = match (listed.is_empty(), states) {
        (false, _) => listed,
        (true, [_]) => vec!["w".to_string()],
        (true, _) => own.iter().map(|n| format!("w_{n}")).collect(),
    };
    let zero = scope.frame.pool.number(0.0);
    let mut diffusion = vec![vec![zero; noises.len()]; states.len()];
    for (i, name) in names.iter().enumerate() {
        if !table.has(name) {
            continue;
        }
        if table.is_table(name) {
            let known: Vec<&str> = noises.iter().map(String::as_str).collect();
            let row = table.needed_table(name, &known)?;
            for (k, noise) in noises.iter().enumerate() {
                diffusion[i][k] = scope.expression_or(&row, noise, &format!("diffusion.{name}.{noise}"), 0.0)?;
            }
        } else if let Some(k) = noises.iter().position(|w| states.len() == 1 || *w == format!("w_{name}")) {
            diffusion[i][k] = scope.expression(&table, name, &format!("diffusion.{name}"))?;
        }
    }
    // A diffusion of zero everywhere is an ordinary differential equation.
    if !top.has("jump") && diffusion.iter().flatten().all(|id| scope.frame.pool.constant(*id) == Some(0.0)) {
        return Err(top
            .source
            .invalid("the diffusion is zero, so nothing is random", "write a diffusion such as \"sigma\""));
    }
    Ok((drift, noises, diffusion))
}

fn read_correlation(top: &Reader, scope: &mut Scope, noises: &[String]) -> Result<Vec<Vec<Id>>> {
    let (zero, one) = (scope.frame.pool.number(0.0), scope.frame.pool.number(1.0));
    let n = noises.len();
    let mut rho: Vec<Vec<Id>> = (0..n).map(|k| (0..n).map(|l| if k == l { one } else { zero }).collect()).collect();
    let Some(table) = top.table("correlation", &[])? else { return Ok(rho) };
    for (pair, offset) in table.keys() {
        let at = |name: &str| noises.iter().position(|w| w == name.trim());
        let found = pair.split_once(',').and_then(|(a, b)| Some((at(a)?, at(b)?)));
        let Some((k, l)) = found.filter(|(k, l)| k != l) else {
            let listed = noises.join(", ");
            let message = format!("'{pair}' is not a pair of noises: write \"w1,w2\" with two of {listed}");
            return Err(top.source.error(offset, message));
        };
        let id = scope.constant_or(&table, &pair, &format!("correlation.\"{pair}\""), 0.0)?;
        rho[k][l] = id;
        rho[l][k] = id;
    }
    Ok(rho)
}

fn read_jumps(top: &Reader, scope: &mut Scope, states: &[State]) -> Result<Vec<Jump>> {
    let names: Vec<&str> = states.iter().map(|s| s.name.as_str()).collect();
    let mut jumps = Vec::new();
    for (i, table) in top.tables("jump", &["rate", "mark", "after", "meaning"])?.iter().enumerate() {
        let called = |what: &str| format!("jump[{}].{what}", i + 1);
        let rate = scope.expression(table, "rate", &called("rate"))?;
        let mut marks = Vec::new();
        if let Some(listed) = table.table("mark", &[])? {
            for (name, offset) in listed.keys() {
                check_name(top.source, &name, offset)?;
                if scope.frame.pool.symbol(&name).is_some() {
                    return Err(top.source.error(offset, format!("'{name}' is already the name of something else")));
                }
                let (text, offset) = listed.needed_text(&name)?;
                let law = scope.distribution(&text, offset, &called(&format!("mark.{name}")))?;
                marks.push((name, law));
            }
        }
        // A mark's name is bound while its own jump is read; two jumps may use the same name.
        let marks: Vec<Mark> = marks
            .into_iter()
            .map(|(name, law)| {
                let symbol = scope.frame.pool.add_symbol(&format!("#mark{i}.{name}"));
                let id = scope.symbol(symbol);
                scope.frame.pool.define(&name, id);
                Mark { symbol, name, law }
            })
            .collect();
        let moved = table.needed_table("after", &names)?;
        let mut after = Vec::new();
        for (i, name) in names.iter().enumerate() {
            after.push(match moved.has(name) {
                true => scope.expression(&moved, name, &called(&format!("after.{name}")))?,
                false => scope.symbol(scope.frame.variable(i)),
            });
        }
        for mark in &marks {
            scope.frame.pool.undefine(&mark.name);
        }
        jumps.push(Jump { rate, marks, after });
    }
    Ok(jumps)
}

/// `[observe.s]`: what a column measures.
pub(super) fn read_observations(top: &Reader, scope: &mut Scope) -> Result<Vec<Observation>> {
    let Some(tables) = top.table("observe", &[])? else { return Ok(Vec::new()) };
    let mut list = Vec::new();
    for (name, offset) in tables.keys() {
        check_name(top.source, &name, offset)?;
        let table = tables.needed_table(&name, &["of", "unit", "noise", "innovations", "meaning"])?;
        let of = scope.expression(&table, "of", &format!("observe.{name}.of"))?;
        let unit = table.text("unit")?.map_or("1".to_string(), |t| t.0);
        let noise = match table.text("noise")? {
            None => None,
            Some((text, at)) => Some(scope.distribution(&text, at, &format!("observe.{name}.noise"))?),
        };
        let student = match table.text("innovations")? {
            None => None,
            Some((text, at)) => Some(student(top, scope, &text, at)?),
        };
        list.push(Observation { name, unit, of, noise, student });
    }
    Ok(list)
}

/// `innovations = "student(nu)"`: the degrees of freedom.
fn student(top: &Reader, scope: &mut Scope, text: &str, at: usize) -> Result<Id> {
    let wrong = |message: String| Err(top.source.error(at, message));
    let (name, arguments) = match scope.call(text, at, "innovations")? {
        Some(called) => called,
        None => (text.to_string(), Vec::new()),
    };
    match arguments.as_slice() {
        [nu] if name == "student" && (scope.frame.varies(*nu) || scope.frame.is_timed(*nu)) => {
            wrong("the degrees of freedom of innovations may hold parameters only".to_string())
        }
        [_] if name == "student" && scope.frame.n_variables != 2 => {
            wrong("innovations are of a level with one state that is not seen, and here are not two states".to_string())
        }
        [nu] if name == "student" => Ok(*nu),
        _ => wrong(format!(
            "innovations are student(degrees of freedom), not '{text}'; without the line they are normal"
        )),
    }
}

/// The claim of a closed law.
pub(super) fn read_law(top: &Reader, scope: &mut Scope) -> Result<Option<LawClaim>> {
    let Some((text, offset)) = top.text("law")? else { return Ok(None) };
    let wrong = |message: String| top.source.error(offset, message);
    let (name, arguments) = scope
        .call(&text, offset, "law")?
        .ok_or_else(|| wrong(format!("law '{text}' wants its arguments: name(a, b)")))?;
    let known = ClosedLaw::ALL.map(ClosedLaw::name);
    let law = ClosedLaw::ALL
        .into_iter()
        .find(|l| l.name() == name)
        .ok_or_else(|| wrong(format!("law '{name}' is not known; the laws are {}", known.join(", "))))?;
    if arguments.len() != law.n_arguments() {
        let message = format!("law '{name}' takes {} arguments, not {}", law.n_arguments(), arguments.len());
        return Err(wrong(message));
    }
    if arguments.iter().any(|id| scope.frame.varies(*id) || scope.frame.is_timed(*id)) {
        return Err(wrong("the arguments of a law may hold parameters only".to_string()));
    }
    Ok(Some(LawClaim { law, arguments }))
}

/// The scope of a diffusion's states and parameters, with `[let]` read.
pub(super) fn scope_of<'a>(top: &Reader<'a, '_>, states: &[State], params: &Declared) -> Result<Scope<'a>> {
    let names: Vec<&str> = states.iter().map(|s| s.name.as_str()).collect();
    let mut scope = Scope::new(top.source, &names, params)?;
    scope.read_let(top)?;
    Ok(scope)
}

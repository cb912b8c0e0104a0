//! `kind = "network"`: species, reactions as equations, events and rules.

use super::diffusion::read_breaks;
use super::reader::Reader;
use super::scope::{Scope, check_name, time_steps};
use crate::base::{Error, Result, suggest::nearest};
use crate::expr::{Binary, Id, Node};
use crate::process::{Counting, Event, Initial, Network, Reaction, Rule, Species, symbol};

const MAX_SPECIES: usize = 10_000;

pub(super) fn species_names(top: &Reader) -> Result<Vec<String>> {
    let tables = top.needed_table("species", &[])?;
    let names = tables.keys();
    if names.len() > MAX_SPECIES {
        return Err(top.source.error(tables.offset, format!("more than {MAX_SPECIES} species")));
    }
    for (name, offset) in &names {
        check_name(top.source, name, *offset)?;
    }
    Ok(names.into_iter().map(|n| n.0).collect())
}

/// Everything but header, parameters and `[let]`, which are in `scope` already.
pub(super) fn read_network(top: &Reader, mut scope: Scope) -> Result<Network> {
    let tables = top.needed_table("species", &[])?;
    let mut species = Vec::new();
    for (name, _) in tables.keys() {
        let table = tables.needed_table(&name, &["initial", "unit", "meaning"])?;
        let unit = table.text("unit")?.map_or("molecules".to_string(), |t| t.0);
        let zero = Initial::Value(scope.frame.pool.number(0.0));
        let initial = scope.initial(&table, &format!("species.{name}.initial"))?.unwrap_or(zero);
        species.push(Species { name, unit, initial });
    }
    let (text, offset) = top.needed_text("counting")?;
    let counting = match text.as_str() {
        "combinations" => Counting::Combinations,
        "ordered" => Counting::Ordered,
        _ => {
            let message = format!(
                "counting '{text}' is not known: \"combinations\" counts 2 A as n(n-1)/2, \"ordered\" as n(n-1)"
            );
            return Err(top.source.error(offset, message));
        }
    };
    let volume = scope.constant_or(top, "volume", "volume", 1.0)?;
    let mut rules = Vec::new();
    for table in top.tables("rule", &["set", "to", "unit", "meaning"])? {
        let (name, offset) = table.needed_text("set")?;
        let value = scope.expression(&table, "to", &format!("rule '{name}'"))?;
        scope.define(&name, offset, value)?;
        rules.push(Rule { name, value });
    }
    let names: Vec<String> = species.iter().map(|s| s.name.clone()).collect();
    let mut reactions: Vec<Reaction> = Vec::new();
    for table in top.tables("reaction", &["name", "equation", "rate", "law", "meaning"])? {
        reactions.push(read_reaction(&table, &mut scope, &names, counting, volume, reactions.len())?);
    }
    if reactions.is_empty() {
        return Err(top
            .source
            .invalid("the network has no reaction", "write [[reaction]] with an equation and a rate"));
    }
    let mut events = Vec::new();
    for (i, table) in top.tables("event", &["when", "after", "name", "meaning"])?.iter().enumerate() {
        events.push(read_event(table, &mut scope, &names, i)?);
    }
    let mut breaks = read_breaks(top, &mut scope)?;
    breaks.extend(time_steps(&scope.frame, reactions.iter().map(|r| r.propensity)));
    Ok(Network { frame: scope.frame, species, reactions, counting, volume, events, rules, breaks })
}

fn read_reaction(
    table: &Reader,
    scope: &mut Scope,
    names: &[String],
    counting: Counting,
    volume: Id,
    index: usize,
) -> Result<Reaction> {
    let name = table.text("name")?.map_or_else(|| format!("reaction {}", index + 1), |t| t.0);
    let (equation, offset) = table.needed_text("equation")?;
    let (reactants, products) = read_equation(table, &equation, offset, names)?;
    let called = |what: &str| format!("{what} of '{name}'");
    let (rate, propensity, macroscopic) = match (table.has("rate"), table.has("law")) {
        (true, false) => {
            let rate = scope.expression(table, "rate", &called("rate"))?;
            if scope.frame.varies(rate) {
                let message = format!(
                    "the rate of '{name}' changes with a species, but mass action multiplies the reactants in; write law = … for the whole propensity"
                );
                return Err(table.source.error(offset, message));
            }
            let propensity = mass_action(scope, rate, &reactants, counting, volume, true);
            let macroscopic = mass_action(scope, rate, &reactants, counting, volume, false);
            (Some(rate), propensity, macroscopic)
        }
        (false, true) => {
            let law = scope.expression(table, "law", &called("law"))?;
            (None, law, law)
        }
        (true, true) => {
            let message = format!("'{name}' has a rate and a law; keep rate for mass action, law for any propensity");
            return Err(table.source.error(offset, message));
        }
        (false, false) => {
            let message = format!("'{name}' lacks its speed: write rate = \"k\" for mass action, or law = \"…\"");
            return Err(table.source.error(offset, message));
        }
    };
    Ok(Reaction { name, equation, reactants, products, rate, propensity, macroscopic })
}

/// `k Ω^(1-m) Π n (n-1) … / c` with `c` the factorials under `combinations`; as a deterministic rate, powers instead of falling
/// factorials.
fn mass_action(
    scope: &mut Scope,
    rate: Id,
    reactants: &[(usize, u32)],
    counting: Counting,
    volume: Id,
    falling: bool,
) -> Id {
    let order: u32 = reactants.iter().map(|r| r.1).sum();
    let scale = scope.frame.pool.power(volume, 1 - order as i32);
    let mut law = scope.frame.pool.mul(rate, scale);
    for (species, count) in reactants {
        let n = scope.symbol(symbol::STATE + species);
        let pool = &mut scope.frame.pool;
        let mut ways = n;
        let mut orders = 1.0;
        for j in 1..*count {
            let j = f64::from(j);
            let less = pool.number(j);
            let next = if falling { pool.sub(n, less) } else { n };
            ways = pool.mul(ways, next);
            orders *= j + 1.0;
        }
        if counting == Counting::Combinations && orders > 1.0 {
            let orders = pool.number(orders);
            ways = pool.div(ways, orders);
        }
        law = pool.mul(law, ways);
    }
    law
}

type Side = Vec<(usize, u32)>;

/// `2 A + B -> C`; `0` or nothing is an empty side.
fn read_equation(table: &Reader, equation: &str, offset: usize, names: &[String]) -> Result<(Side, Side)> {
    let wrong = |message: String| table.source.error(offset, message);
    if ["<->", "<=>", "⇌", "<-"].iter().any(|arrow| equation.contains(arrow)) {
        return Err(wrong(format!("'{equation}': write each direction as a [[reaction]] of its own, with ->")));
    }
    let Some((left, right)) = equation.split_once("->").or_else(|| equation.split_once('→')) else {
        return Err(wrong(format!("'{equation}' lacks its arrow: write A + B -> C")));
    };
    Ok((read_side(left, equation, &wrong, names)?, read_side(right, equation, &wrong, names)?))
}

fn read_side(side: &str, equation: &str, wrong: &dyn Fn(String) -> Error, names: &[String]) -> Result<Side> {
    if matches!(side.trim(), "" | "0" | "∅") {
        return Ok(Vec::new());
    }
    let mut list: Side = Vec::new();
    for term in side.split('+') {
        let term = term.trim();
        let digits = term.chars().take_while(char::is_ascii_digit).count();
        let (number, name) = term.split_at(digits);
        let name = name.trim_start_matches([' ', '*']);
        let count: u32 = match number {
            "" => 1,
            number => number
                .parse()
                .ok()
                .filter(|n| (1..=1000).contains(n))
                .ok_or_else(|| wrong(format!("'{equation}': '{number}' molecules cannot react; use 1 to 1000")))?,
        };
        let species = names.iter().position(|n| n == name).ok_or_else(|| {
            let hint = nearest(name, names.iter().map(String::as_str))
                .map_or(String::new(), |n| format!("; did you mean '{n}'?"));
            wrong(format!("'{equation}': there is no species '{name}'{hint}"))
        })?;
        match list.iter_mut().find(|(s, _)| *s == species) {
            Some((_, sum)) => *sum += count,
            None => list.push((species, count)),
        }
    }
    Ok(list)
}

fn read_event(table: &Reader, scope: &mut Scope, names: &[String], index: usize) -> Result<Event> {
    let called = |what: &str| format!("event[{}].{what}", index + 1);
    let when = scope.expression(table, "when", &called("when"))?;
    // `t >= T` and `t > T` become true at T, and are not watched but waited for.
    let at = match scope.frame.pool.node(when) {
        Node::Binary(Binary::Less | Binary::LessEqual, threshold, clock) => {
            let is_clock = scope.frame.pool.node(clock) == Node::Symbol(symbol::TIME as u32);
            let is_fixed = !scope.frame.varies(threshold) && !scope.frame.is_timed(threshold);
            (is_clock && is_fixed).then_some(threshold)
        }
        _ => None,
    };
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let moved = table.needed_table("after", &known)?;
    let mut after = Vec::new();
    for (name, _) in moved.keys() {
        let id = scope.expression(&moved, &name, &called(&format!("after.{name}")))?;
        let species = names.iter().position(|n| *n == name).unwrap_or_default();
        after.push((species, id));
    }
    Ok(Event { when, at, after })
}

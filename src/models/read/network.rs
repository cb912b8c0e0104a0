//! `kind = "network"`: species, reactions as equations, rates and rules; events are read by [`super::event`].

use super::diffusion::read_breaks;
use super::event::read_event;
use super::reader::Reader;
use super::scope::{Scope, check_name, time_steps};
use crate::base::{Error, Limit, Result, suggest::nearest};
use crate::expr::Id;
use crate::process::{Amount, Counting, Frame, Initial, Network, Reaction, Rule, Species};
use std::collections::HashMap;

pub(super) fn species_names(top: &Reader) -> Result<Vec<String>> {
    let tables = top.needed_table("species", &[])?;
    let names = tables.keys();
    Limit::Species.require(names.len() as f64, top.source.file)?;
    for (name, offset) in &names {
        check_name(top.source, name, *offset)?;
    }
    Ok(names.into_iter().map(|n| n.0).collect())
}

/// Members by name.
pub(super) struct Members<'a>(HashMap<&'a str, usize>);

impl<'a> Members<'a> {
    /// Members at their positions, in this order.
    pub fn new(names: impl IntoIterator<Item = &'a str>) -> Members<'a> {
        Members(names.into_iter().enumerate().map(|(i, name)| (name, i)).collect())
    }

    /// The position of a member; `None` for a name that is none.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }

    /// `; did you mean 'A'?`
    pub fn near(&self, name: &str) -> String {
        let mut all: Vec<&str> = self.0.keys().copied().collect();
        all.sort_unstable();
        nearest(name, all).map_or(String::new(), |n| format!("; did you mean '{n}'?"))
    }
}

/// Everything but header, parameters and `[let]`, which are in `scope` already.
pub(super) fn read_network(top: &Reader, mut scope: Scope) -> Result<Network> {
    let species = read_species(top, &mut scope)?;
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
    let members = Members::new(species.iter().map(|s| s.name.as_str()));
    let rates = read_rates(top, &mut scope, &species, &members)?;
    let mut reactions: Vec<Reaction> = Vec::new();
    for table in top.tables("reaction", &["name", "equation", "rate", "law", "meaning"])? {
        reactions.push(read_reaction(&table, &mut scope, &members, counting, volume, reactions.len())?);
    }
    let mut events = Vec::new();
    for (i, table) in top.tables("event", &super::event::KEYS)?.iter().enumerate() {
        events.push(read_event(table, &mut scope, &species, &members, i)?);
    }
    if reactions.is_empty() && events.is_empty() && rates.is_empty() {
        return Err(top
            .source
            .invalid("the network has no reaction", "write [[reaction]] with an equation and a rate"));
    }
    let mut breaks = read_breaks(top, &mut scope)?;
    let found = time_steps(&scope.frame, reactions.iter().map(|r| r.propensity));
    // What is named and found is one.
    let found: Vec<_> = found.into_iter().filter(|id| !breaks.contains(id)).collect();
    breaks.extend(found);
    Ok(Network { frame: scope.frame, species, reactions, counting, volume, events, rules, rates, breaks })
}

fn read_species(top: &Reader, scope: &mut Scope) -> Result<Vec<Species>> {
    let tables = top.needed_table("species", &[])?;
    let mut species = Vec::new();
    for (name, _) in tables.keys() {
        let table = tables.needed_table(&name, &["initial", "unit", "meaning", "real"])?;
        let amount = if table.flag("real")? { Amount::Real } else { Amount::Count };
        let usual = if amount == Amount::Real { "1" } else { "molecules" };
        let unit = table.text("unit")?.map_or(usual.to_string(), |t| t.0);
        let meaning = table.text("meaning")?.map_or(String::new(), |t| t.0);
        let zero = Initial::Value(scope.frame.pool.number(0.0));
        let initial = scope.initial(&table, &format!("species.{name}.initial"))?.unwrap_or(zero);
        species.push(Species { name, unit, meaning, initial, amount });
    }
    Ok(species)
}

/// `[rate]`: how fast real members move by themselves.
fn read_rates(top: &Reader, scope: &mut Scope, species: &[Species], members: &Members) -> Result<Vec<(usize, Id)>> {
    let Some(table) = top.table("rate", &[])? else { return Ok(Vec::new()) };
    let mut rates = Vec::new();
    for (name, offset) in table.keys() {
        let Some(member) = members.find(&name) else {
            let message = format!("rate.{name}: there is no species '{name}'{}", members.near(&name));
            return Err(table.source.error(offset, message));
        };
        if species[member].amount == Amount::Count {
            let message = format!("rate.{name}: '{name}' counts molecules; write real = true under [species.{name}]");
            return Err(table.source.error(offset, message));
        }
        rates.push((member, scope.expression(&table, &name, &format!("rate.{name}"))?));
    }
    Ok(rates)
}

fn read_reaction(
    table: &Reader,
    scope: &mut Scope,
    members: &Members,
    counting: Counting,
    volume: Id,
    index: usize,
) -> Result<Reaction> {
    let name = table.text("name")?.map_or_else(|| format!("reaction {}", index + 1), |t| t.0);
    let (equation, offset) = table.needed_text("equation")?;
    let (reactants, products) = read_equation(table, &equation, offset, members)?;
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
            let frame = &mut scope.frame;
            let propensity = mass_action(frame, rate, &reactants, counting, volume, Powers::Falling);
            let macroscopic = mass_action(frame, rate, &reactants, counting, volume, Powers::Plain);
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

/// How a number of molecules that react together enters the law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Powers {
    /// `n (n-1) …`: of counts.
    Falling,
    /// `nᵐ`: of the deterministic equations.
    Plain,
}

/// `k Ω^(1-m) Π n (n-1) … / c` with `c` the factorials under `combinations`.
pub(super) fn mass_action(
    frame: &mut Frame,
    rate: Id,
    reactants: &[(usize, u32)],
    counting: Counting,
    volume: Id,
    powers: Powers,
) -> Id {
    let order: u32 = reactants.iter().map(|r| r.1).sum();
    let scale = frame.pool.power(volume, 1 - order as i32);
    let mut law = frame.pool.mul(rate, scale);
    for (species, count) in reactants {
        let n = frame.pool.symbol_at(frame.variable(*species));
        let pool = &mut frame.pool;
        let mut ways = n;
        let mut orders = 1.0;
        for j in 1..*count {
            let j = f64::from(j);
            let less = pool.number(j);
            let next = if powers == Powers::Falling { pool.sub(n, less) } else { n };
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

/// (species, how many) of one side of an equation.
pub(super) type Side = Vec<(usize, u32)>;

/// `2 A + B -> C`; `0` or nothing is an empty side.
fn read_equation(table: &Reader, equation: &str, offset: usize, members: &Members) -> Result<(Side, Side)> {
    let wrong = |message: String| table.source.error(offset, message);
    if ["<->", "<=>", "⇌", "<-"].iter().any(|arrow| equation.contains(arrow)) {
        return Err(wrong(format!("'{equation}': write each direction as a [[reaction]] of its own, with ->")));
    }
    let Some((left, right)) = equation.split_once("->").or_else(|| equation.split_once('→')) else {
        return Err(wrong(format!("'{equation}' lacks its arrow: write A + B -> C")));
    };
    Ok((read_side(left, equation, &wrong, members)?, read_side(right, equation, &wrong, members)?))
}

fn read_side(side: &str, equation: &str, wrong: &dyn Fn(String) -> Error, members: &Members) -> Result<Side> {
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
        let species = members
            .find(name)
            .ok_or_else(|| wrong(format!("'{equation}': there is no species '{name}'{}", members.near(name))))?;
        add(&mut list, species, count);
    }
    Ok(list)
}

/// So many more of a species on this side.
pub(super) fn add(side: &mut Side, species: usize, count: u32) {
    match side.iter_mut().find(|(s, _)| *s == species) {
        Some((_, sum)) => *sum += count,
        None => side.push((species, count)),
    }
}

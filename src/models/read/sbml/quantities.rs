//! What each id of a file stands for: members of the state, parameters, numbers, and what follows from others.

use super::super::imported::{Names, param};
use super::super::reader::Source;
use super::document::{Xml, child, flag, list, needed, number, text, wrong};
use super::units::{self, Substance};
use super::{Sbml, When};
use crate::base::{Param, Result, suggest::nearest};
use crate::expr::Id;
use crate::process::{Amount, Initial, Species};
use std::collections::{HashMap, HashSet};

/// The meaning of an id in formulas.
#[derive(Debug, Clone, Copy)]
pub(super) enum Symbol<'a> {
    /// The amount of a member, or its concentration in a compartment.
    Member {
        member: usize,
        size: Option<&'a str>,
        node: Xml<'a>,
    },
    Param(usize),
    Number(f64),
    /// An assignment rule; `node` is what it is about.
    Assigned {
        rule: Xml<'a>,
        node: Xml<'a>,
        size: Option<&'a str>,
    },
    /// Fixed at the start by a formula, or an amount that never changes; of the latter `node` is the species.
    Initial {
        node: Xml<'a>,
        size: Option<&'a str>,
    },
    /// The rate of a reaction.
    Reaction(Xml<'a>),
    /// Declared without a value.
    Unset,
}

/// A member while the file is read.
pub(super) struct Member<'a> {
    pub id: &'a str,
    pub node: Xml<'a>,
    pub name: String,
    pub amount: Amount,
    /// Whether reactions leave it as it is.
    pub held: bool,
    pub unit: &'a str,
}

#[derive(Default)]
pub(super) struct Quantities<'a> {
    pub symbols: HashMap<&'a str, Symbol<'a>>,
    pub members: Vec<Member<'a>>,
    pub params: Vec<Param>,
    /// Parameters of one reaction, by reaction and name.
    pub locals: HashMap<(&'a str, &'a str), usize>,
    /// Initial assignments by what they set.
    pub starts: HashMap<&'a str, Xml<'a>>,
}

/// Which ids something in the file changes.
#[derive(Default)]
struct Moved<'a> {
    assigned: HashMap<&'a str, Xml<'a>>,
    rates: HashSet<&'a str>,
    by_event: HashSet<&'a str>,
    by_reaction: HashSet<&'a str>,
    /// Named in any formula.
    used: HashSet<&'a str>,
}

impl<'a> Moved<'a> {
    fn read(source: Source, model: Xml<'a>) -> Result<Moved<'a>> {
        let mut moved = Moved::default();
        for rule in list(model, "listOfRules") {
            let variable = needed(source, rule, "variable")?;
            if moved.assigned.contains_key(variable) || moved.rates.contains(variable) {
                return Err(wrong(source, rule, format!("'{variable}' has two rules")));
            }
            match rule.tag_name().name() {
                "assignmentRule" => drop(moved.assigned.insert(variable, rule)),
                "rateRule" => drop(moved.rates.insert(variable)),
                other => return Err(wrong(source, rule, format!("<{other}> is not read"))),
            }
        }
        for event in list(model, "listOfEvents") {
            for assignment in list(event, "listOfEventAssignments") {
                let variable = needed(source, assignment, "variable")?;
                if moved.assigned.contains_key(variable) {
                    let message = format!("an event sets '{variable}', which has an assignment rule");
                    return Err(wrong(source, assignment, message));
                }
                moved.by_event.insert(variable);
            }
        }
        for reaction in list(model, "listOfReactions") {
            for side in ["listOfReactants", "listOfProducts"] {
                for reference in list(reaction, side) {
                    moved.by_reaction.insert(needed(source, reference, "species")?);
                }
            }
        }
        let names = model.descendants().filter(|d| d.tag_name().name() == "ci").filter_map(|d| d.text());
        moved.used = names.map(str::trim).collect();
        Ok(moved)
    }

    fn moves(&self, id: &str) -> bool {
        self.rates.contains(id) || self.by_event.contains(id)
    }
}

struct Reading<'a, 'b> {
    source: Source<'b>,
    level: u32,
    model: Xml<'a>,
    moved: Moved<'a>,
    compartments: HashMap<&'a str, Xml<'a>>,
    names: &'b mut Names,
    all: Quantities<'a>,
}

/// # Errors
/// [`crate::base::Error::ModelSyntax`] where an id is declared twice or not at all, or an attribute is wrong.
pub(super) fn read<'a>(source: Source, level: u32, model: Xml<'a>, names: &mut Names) -> Result<Quantities<'a>> {
    let compartments =
        list(model, "listOfCompartments").into_iter().filter_map(|c| Some((text(c, "id")?, c))).collect();
    let moved = Moved::read(source, model)?;
    let mut reading = Reading { source, level, model, moved, compartments, names, all: Quantities::default() };
    for node in list(model, "listOfInitialAssignments") {
        let symbol = needed(source, node, "symbol")?;
        if reading.all.starts.insert(symbol, node).is_some() {
            return Err(wrong(source, node, format!("'{symbol}' has two initial assignments")));
        }
    }
    for node in list(model, "listOfSpecies") {
        let symbol = reading.species(node)?;
        reading.declare(node, symbol)?;
    }
    for node in list(model, "listOfCompartments") {
        let size = number(source, node, "size")?;
        let symbol = reading.quantity(node, size, |_, size| Symbol::Number(size))?;
        reading.declare(node, symbol)?;
    }
    for node in list(model, "listOfParameters") {
        let value = number(source, node, "value")?;
        let symbol = reading.quantity(node, value, |reading, value| reading.parameter(node, value))?;
        reading.declare(node, symbol)?;
    }
    for node in list(model, "listOfReactions") {
        reading.declare(node, Symbol::Reaction(node))?;
        reading.locals(node)?;
    }
    let events = list(model, "listOfEvents").into_iter().flat_map(|e| list(e, "listOfEventAssignments"));
    let setting = list(model, "listOfRules").into_iter().chain(list(model, "listOfInitialAssignments")).chain(events);
    for node in setting {
        let id = text(node, "variable").or_else(|| text(node, "symbol")).unwrap_or_default();
        if !reading.all.symbols.contains_key(id) {
            let message =
                format!("'{id}' is no species, compartment or parameter; stoichiometry that changes is not read");
            return Err(wrong(source, node, message));
        }
    }
    Ok(reading.all)
}

impl<'a> Reading<'a, '_> {
    fn declare(&mut self, node: Xml<'a>, symbol: Symbol<'a>) -> Result<()> {
        let id = needed(self.source, node, "id")?;
        match self.all.symbols.insert(id, symbol) {
            None => Ok(()),
            Some(_) => Err(wrong(self.source, node, format!("there are two things called '{id}'"))),
        }
    }

    /// A compartment or parameter: by a rule, moved, fixed at the start by a formula, or with a value.
    fn quantity(
        &mut self,
        node: Xml<'a>,
        value: Option<f64>,
        plain: impl FnOnce(&mut Self, f64) -> Symbol<'a>,
    ) -> Result<Symbol<'a>> {
        let id = needed(self.source, node, "id")?;
        if let Some(rule) = self.moved.assigned.get(id) {
            return Ok(Symbol::Assigned { rule: *rule, node, size: None });
        }
        if self.moved.moves(id) {
            return Ok(self.member(id, node, Amount::Real, "1", false, None));
        }
        if self.all.starts.contains_key(id) {
            return Ok(Symbol::Initial { node, size: None });
        }
        Ok(value.map_or(Symbol::Unset, |value| plain(self, value)))
    }

    /// What no formula names would be a parameter nothing hangs on.
    fn parameter(&mut self, node: Xml<'a>, value: f64) -> Symbol<'a> {
        let id = text(node, "id").unwrap_or_default();
        if !self.moved.used.contains(id) {
            return Symbol::Number(value);
        }
        let unit = text(node, "units").filter(|u| !u.is_empty()).unwrap_or("1");
        let name = self.names.claim(id);
        self.all.params.push(param(name, text(node, "name").unwrap_or(""), unit, value));
        Symbol::Param(self.all.params.len() - 1)
    }

    fn member(
        &mut self,
        id: &'a str,
        node: Xml<'a>,
        amount: Amount,
        unit: &'a str,
        held: bool,
        size: Option<&'a str>,
    ) -> Symbol<'a> {
        let name = self.names.claim(id);
        self.all.members.push(Member { id, node, name, amount, held, unit });
        Symbol::Member { member: self.all.members.len() - 1, size, node }
    }

    fn species(&mut self, node: Xml<'a>) -> Result<Symbol<'a>> {
        let source = self.source;
        let id = needed(source, node, "id")?;
        let place = needed(source, node, "compartment")?;
        let Some(compartment) = self.compartments.get(place).copied() else {
            return Err(wrong(
                source,
                node,
                format!("the species '{id}' stands in '{place}', which is no compartment"),
            ));
        };
        let only_substance = flag(source, node, "hasOnlySubstanceUnits", false)?;
        let is_point = text(compartment, "spatialDimensions") == Some("0");
        let size = (!only_substance && !is_point).then_some(place);
        if let Some(rule) = self.moved.assigned.get(id) {
            return Ok(Symbol::Assigned { rule: *rule, node, size });
        }
        let held = flag(source, node, "boundaryCondition", false)? || flag(source, node, "constant", false)?;
        let reacts = self.moved.by_reaction.contains(id) && !held;
        let moves = self.moved.moves(id);
        if reacts && self.moved.rates.contains(id) {
            let message =
                format!("the species '{id}' is changed by reactions and by a rate rule; write boundaryCondition");
            return Err(wrong(source, node, message));
        }
        let unit = units::of(self.level, self.model, Some(node));
        let (amount, unit) = match unit {
            Substance::Items if reacts => (Amount::Count, "molecules"),
            Substance::Items if moves => (Amount::Real, "molecules"),
            Substance::Items => (Amount::Count, "molecules"),
            Substance::Other(unit) => (Amount::Real, unit),
        };
        if reacts || moves || self.is_whole(node, compartment, place)? && amount == Amount::Count {
            return Ok(self.member(id, node, amount, unit, !reacts, size));
        }
        Ok(Symbol::Initial { node, size })
    }

    /// Whether a species starts at a whole number by its attributes alone.
    fn is_whole(&self, node: Xml, compartment: Xml, place: &str) -> Result<bool> {
        let source = self.source;
        let free = |id: &str| !self.all.starts.contains_key(id) && !self.moved.assigned.contains_key(id);
        let start = match number(source, node, "initialAmount")? {
            Some(amount) => Some(amount),
            None if free(place) => {
                let concentration = number(source, node, "initialConcentration")?;
                concentration.zip(number(source, compartment, "size")?).map(|(c, size)| c * size)
            }
            None => None,
        };
        Ok(free(text(node, "id").unwrap_or_default()) && start.is_some_and(|x| x >= 0.0 && x.fract() == 0.0))
    }

    /// The parameters of one reaction, which hide what else is called so. One whose name is nobody else's keeps it.
    fn locals(&mut self, reaction: Xml<'a>) -> Result<()> {
        let id = needed(self.source, reaction, "id")?;
        let Some(law) = child(reaction, "kineticLaw") else { return Ok(()) };
        for node in list(law, "listOfLocalParameters").into_iter().chain(list(law, "listOfParameters")) {
            let name = needed(self.source, node, "id")?;
            let Some(value) = number(self.source, node, "value")? else {
                return Err(wrong(self.source, node, format!("the parameter '{name}' of '{id}' has no value")));
            };
            let wished = format!("{id}_{name}");
            let unit = text(node, "units").filter(|u| !u.is_empty()).unwrap_or("1");
            let words = text(node, "name").unwrap_or("");
            let symbol = self.names.claim(&wished);
            self.all.params.push(param(symbol, words, unit, value));
            if self.all.locals.insert((id, name), self.all.params.len() - 1).is_some() {
                return Err(wrong(self.source, node, format!("'{id}' has two parameters called '{name}'")));
            }
        }
        Ok(())
    }
}

impl<'a> Sbml<'a> {
    /// A member as the process has it, with its start.
    pub(super) fn member(&mut self, member: &Member<'a>) -> Result<Species> {
        let law = match self.starts.get(member.id) {
            Some(assignment) => self.law(member, *assignment)?,
            None => None,
        };
        let initial = match law {
            Some(law) => Initial::Law(law),
            None => Initial::Value(self.start(member.id, member.node)?),
        };
        let initial = match initial {
            Initial::Value(id) if member.amount == Amount::Count => Initial::Value(self.whole(id)),
            other => other,
        };
        Ok(Species {
            name: member.name.clone(),
            unit: member.unit.to_string(),
            meaning: text(member.node, "name").filter(|n| *n != member.id).unwrap_or("").to_string(),
            initial,
            amount: member.amount,
        })
    }

    /// A number that is whole but for the round-off of concentration times size, as that whole number.
    fn whole(&mut self, id: Id) -> Id {
        match self.frame.pool.constant(id) {
            Some(x) if (x - x.round()).abs() <= 1e-12 * x.abs() => self.frame.pool.number(x.round()),
            _ => id,
        }
    }

    /// The compartment whose size turns the id of a species into its amount.
    pub(super) fn size_of(&self, id: &str) -> Option<&'a str> {
        match self.symbols.get(id)? {
            Symbol::Member { size, .. } | Symbol::Assigned { size, .. } | Symbol::Initial { size, .. } => *size,
            _ => None,
        }
    }

    /// What a species, compartment or parameter starts with, in parameters: of species the amount.
    pub(super) fn start(&mut self, id: &'a str, node: Xml<'a>) -> Result<Id> {
        let source = self.source;
        let sized = |sbml: &mut Self, value: Id, size: Option<&'a str>| match size {
            Some(size) => {
                let size = sbml.resolve(size, When::Start, node)?;
                Ok(sbml.frame.pool.mul(value, size))
            }
            None => Ok(value),
        };
        if let Some(assignment) = self.starts.get(id).copied() {
            let body = self.body(assignment)?;
            let value = self.formula(body, When::Start)?;
            return sized(self, value, self.size_of(id));
        }
        for name in ["initialAmount", "value", "size"] {
            if let Some(x) = number(source, node, name)? {
                return Ok(self.frame.pool.number(x));
            }
        }
        if let Some(x) = number(source, node, "initialConcentration")? {
            let value = self.frame.pool.number(x);
            return sized(self, value, text(node, "compartment"));
        }
        let kind = node.tag_name().name();
        Err(self.wrong(node, format!("the {kind} '{id}' has no start: write its value, or an initial assignment")))
    }

    /// The value of an id in formulas. `at` is where it stands.
    pub(super) fn resolve(&mut self, id: &'a str, when: When, at: Xml<'a>) -> Result<Id> {
        if let Some(known) = self.resolved.get(&(id, when)) {
            return Ok(*known);
        }
        let Some(symbol) = self.symbols.get(id).copied() else {
            let near = nearest(id, self.sorted_ids());
            let near = near.map_or(String::new(), |n| format!("; did you mean '{n}'?"));
            return Err(self.wrong(at, format!("there is no '{id}' in the model{near}")));
        };
        if !self.open.insert((id, when)) {
            return Err(self.wrong(at, format!("'{id}' is defined by itself, in a circle")));
        }
        let value = self.meaning(id, symbol, when, at)?;
        self.open.remove(&(id, when));
        self.resolved.insert((id, when), value);
        Ok(value)
    }

    fn meaning(&mut self, id: &'a str, symbol: Symbol<'a>, when: When, at: Xml<'a>) -> Result<Id> {
        let (amount, size) = match symbol {
            Symbol::Param(k) => {
                let place = self.frame.param(k);
                return Ok(self.frame.pool.symbol_at(place));
            }
            Symbol::Number(x) => return Ok(self.frame.pool.number(x)),
            Symbol::Unset => {
                return Err(self.wrong(at, format!("'{id}' is used here, but the file gives it no value")));
            }
            Symbol::Assigned { rule, .. } => {
                let body = self.body(rule)?;
                return self.formula(body, when);
            }
            Symbol::Reaction(node) => return self.reaction_rate(node, when),
            Symbol::Member { member, size, .. } if when == When::Running => {
                let place = self.frame.variable(member);
                (self.frame.pool.symbol_at(place), size)
            }
            Symbol::Member { node, size, .. } | Symbol::Initial { node, size } => (self.start(id, node)?, size),
        };
        match size {
            Some(size) => {
                let size = self.resolve(size, when, at)?;
                Ok(self.frame.pool.div(amount, size))
            }
            None => Ok(amount),
        }
    }

    /// The amount of what a rule sets, or of a species that stays as it starts.
    pub(super) fn amount(&mut self, id: &'a str, node: Xml<'a>) -> Result<Id> {
        if let Some(Symbol::Initial { .. }) = self.symbols.get(id) {
            return self.start(id, node);
        }
        let value = self.resolve(id, When::Running, node)?;
        match self.size_of(id) {
            Some(size) => {
                let size = self.resolve(size, When::Running, node)?;
                Ok(self.frame.pool.mul(value, size))
            }
            None => Ok(value),
        }
    }

    /// The member that a rate rule or an event moves, and the size its concentration is multiplied by.
    pub(super) fn target(&mut self, id: &'a str, at: Xml<'a>) -> Result<(usize, Option<Id>)> {
        let Some(Symbol::Member { member, size, node }) = self.symbols.get(id).copied() else {
            return Err(self.wrong(at, format!("'{id}' is nothing that a rule or an event can move")));
        };
        if flag(self.source, node, "constant", false)? {
            return Err(self.wrong(at, format!("'{id}' is declared constant, but changes here")));
        }
        let size = size.map(|size| self.resolve(size, When::Running, at)).transpose()?;
        Ok((member, size))
    }

    fn sorted_ids(&self) -> Vec<&'a str> {
        let mut ids: Vec<&'a str> = self.symbols.keys().copied().collect();
        ids.sort_unstable();
        ids
    }
}

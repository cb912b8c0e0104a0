//! Reactions: whole stoichiometry, and kinetic laws as propensities.

use super::super::imported::equation;
use super::super::network::{Side, add};
use super::document::{Xml, child, flag, list, math, needed, number, text};
use super::math::Near;
use super::quantities::{Member, Symbol};
use super::units::{self, Substance};
use super::{Sbml, When};
use crate::base::Result;
use crate::expr::{Binary, Id, Node, Unary};
use crate::process::Reaction;

/// Most molecules of one species on one side.
const MOST: f64 = 1000.0;

impl<'a> Sbml<'a> {
    pub(super) fn reactions(&mut self, members: &[Member<'a>]) -> Result<Vec<Reaction>> {
        let symbols: Vec<String> = members.iter().map(|m| m.name.clone()).collect();
        let nodes = list(self.model, "listOfReactions");
        if let Some(first) = nodes.first()
            && units::of(self.level, self.model, None) == Substance::Items
            && !units::extents_are_items(self.model)
        {
            return Err(self.wrong(*first, "the model counts reactions in another unit than its substance: not read"));
        }
        let mut reactions = Vec::with_capacity(nodes.len());
        for node in nodes {
            let id = needed(self.source, node, "id")?;
            if flag(self.source, node, "fast", false)? {
                let message = format!("the reaction '{id}' is fast, which is not read: give it a rate of its own");
                return Err(self.wrong(node, message));
            }
            let (reactants, products) =
                (self.side(node, "listOfReactants", members)?, self.side(node, "listOfProducts", members)?);
            let law = self.reaction_rate(node, When::Running)?;
            // Level 2 takes a reaction for reversible unless it is said not to be.
            let reversible = flag(self.source, node, "reversible", self.level == 2)?;
            let name = text(node, "name").filter(|n| !n.is_empty()).unwrap_or(id);
            let mut push = |name: String, left: &Side, right: &Side, law: Id| {
                reactions.push(Reaction {
                    name,
                    equation: equation(&symbols, left, right),
                    reactants: left.clone(),
                    products: right.clone(),
                    rate: None,
                    propensity: law,
                    macroscopic: law,
                });
            };
            match if reversible { self.difference(law) } else { None } {
                Some((forward, backward)) => {
                    push(format!("{name} (forward)"), &reactants, &products, forward);
                    push(format!("{name} (backward)"), &products, &reactants, backward);
                }
                None => push(name.to_string(), &reactants, &products, law),
            }
        }
        Ok(reactions)
    }

    /// The kinetic law, in the parameters of the reaction first.
    pub(super) fn reaction_rate(&mut self, node: Xml<'a>, when: When) -> Result<Id> {
        let id = needed(self.source, node, "id")?;
        let Some(law) = child(node, "kineticLaw").filter(|law| math(*law).is_some()) else {
            return Err(self.wrong(node, format!("the reaction '{id}' has no kinetic law, so nobody knows its speed")));
        };
        let mut near = Near::default();
        for local in list(law, "listOfLocalParameters").into_iter().chain(list(law, "listOfParameters")) {
            let name = needed(self.source, local, "id")?;
            if let Some(k) = self.locals.get(&(id, name)) {
                let place = self.frame.param(*k);
                near.names.insert(name, self.frame.pool.symbol_at(place));
            }
        }
        let body = self.body(law)?;
        self.formula_near(body, when, &near)
    }

    /// Species and how many, without those that reactions leave as they are.
    fn side(&mut self, reaction: Xml<'a>, name: &str, members: &[Member<'a>]) -> Result<Side> {
        let mut side = Side::new();
        for reference in list(reaction, name) {
            let species = needed(self.source, reference, "species")?;
            let count = self.stoichiometry(reference, species)?;
            match self.symbols.get(species) {
                Some(Symbol::Member { member, node, .. }) if node.tag_name().name() == "species" => {
                    if !members[*member].held && count > 0 {
                        add(&mut side, *member, count);
                    }
                }
                Some(Symbol::Assigned { node, .. }) if node.tag_name().name() == "species" => {
                    if !flag(self.source, *node, "boundaryCondition", false)? {
                        let message =
                            format!("'{species}' reacts here and has an assignment rule; write boundaryCondition");
                        return Err(self.wrong(reference, message));
                    }
                }
                Some(Symbol::Initial { node, .. }) if node.tag_name().name() == "species" => {}
                _ => return Err(self.wrong(reference, format!("there is no species '{species}'"))),
            }
        }
        Ok(side)
    }

    fn stoichiometry(&mut self, reference: Xml<'a>, species: &str) -> Result<u32> {
        let value = if let Some(inner) = child(reference, "stoichiometryMath") {
            let body = self.body(inner)?;
            let id = self.formula(body, When::Running)?;
            self.frame.pool.constant(id).ok_or_else(|| {
                self.wrong(inner, format!("the stoichiometry of '{species}' is a formula that changes: not read"))
            })?
        } else {
            match number(self.source, reference, "stoichiometry")? {
                Some(x) => x,
                None if self.level == 2 => 1.0,
                None => {
                    let message = format!("the stoichiometry of '{species}' is not given");
                    return Err(self.wrong(reference, message));
                }
            }
        };
        let denominator = number(self.source, reference, "denominator")?.unwrap_or(1.0);
        let value = value / denominator * self.conversion(reference, species)?;
        if (0.0..=MOST).contains(&value) && value.fract() == 0.0 {
            return Ok(value as u32);
        }
        let message =
            format!("the stoichiometry of '{species}' is {value}: whole numbers of molecules react, 1 to {MOST}");
        Err(self.wrong(reference, message))
    }

    /// What a species counts for one of the reaction (section 4.6.7): the value of a constant parameter.
    fn conversion(&mut self, at: Xml<'a>, species: &str) -> Result<f64> {
        let Some(Symbol::Member { node, .. }) = self.symbols.get(species) else { return Ok(1.0) };
        let Some(name) = text(*node, "conversionFactor").or_else(|| text(self.model, "conversionFactor")) else {
            return Ok(1.0);
        };
        let parameters = list(self.model, "listOfParameters");
        let declared = parameters.into_iter().find(|p| text(*p, "id") == Some(name));
        let moves = matches!(
            self.symbols.get(name),
            Some(Symbol::Member { .. } | Symbol::Assigned { .. } | Symbol::Initial { .. })
        );
        match declared.map(|p| number(self.source, p, "value")).transpose()?.flatten() {
            Some(x) if !moves => Ok(x),
            _ => {
                Err(self
                    .wrong(at, format!("the conversion factor '{name}' of '{species}' is no parameter with a value")))
            }
        }
    }

    /// `(p, q)` of a law `p - q`, perhaps times or over what stands around it. A difference of which one side does not change, such
    /// as `P - 1`, is a count of pairs and no way back.
    fn difference(&mut self, law: Id) -> Option<(Id, Id)> {
        let (varies, node) = (|sbml: &Self, id: Id| sbml.frame.varies(id), self.frame.pool.node(law));
        match node {
            Node::Binary(Binary::Sub, p, q) if varies(self, p) && varies(self, q) => Some((p, q)),
            Node::Binary(Binary::Mul, a, b) => {
                let (constant, inner) = if varies(self, a) { (b, a) } else { (a, b) };
                if varies(self, constant) {
                    return None;
                }
                let (p, q) = self.difference(inner)?;
                let pool = &mut self.frame.pool;
                Some((pool.mul(constant, p), pool.mul(constant, q)))
            }
            Node::Binary(Binary::Div, a, b) => {
                let (p, q) = self.difference(a)?;
                let pool = &mut self.frame.pool;
                Some((pool.div(p, b), pool.div(q, b)))
            }
            Node::Unary(Unary::Neg, a) => self.difference(a).map(|(p, q)| (q, p)),
            _ => None,
        }
    }
}

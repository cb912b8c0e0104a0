//! SBML (Systems Biology Markup Language), Level 2 and Level 3 Versions 1 and 2, as a network of counts.
//!
//! `document` is the XML; `quantities` says what each id stands for; `math` turns MathML into expressions; `reactions`, `events`
//! and `units` read what their names say. References to sections are to the specification of Level 3 Version 2 Core (Hucka et al.
//! 2019, doi:10.1515/jib-2019-0021).
//!
//! The variable of a species is its amount; in formulas its id stands for the amount or the concentration, as the file says
//! (section 4.6.5). A kinetic law is in substance per time (section 4.11.7), so where substance is counted in items it is the
//! propensity itself, factors like `P*(P - 1)/2` included. Constant sizes of compartments are numbers, constant parameters are
//! parameters; what events or rate rules change is a real member. Where substance is not counted in items (`mole`), species are
//! real numbers, and only the rate equations answer.
//!
//! A reversible reaction whose law is a difference is taken as two reactions, forward and backward: as one it would have the right
//! mean and the wrong noise.
//!
//! Not read, and refused by name and line: algebraic rules, constraints, fast reactions, `delay`, packages that change the meaning
//! other than distrib, stoichiometry that is not whole or that changes, random numbers elsewhere than in event and initial
//! assignments.

mod chance;
mod document;
mod events;
mod functions;
mod math;
mod quantities;
mod reactions;
#[cfg(test)]
mod tests;
mod units;

use super::imported::{Names, id};
use super::reader::Source;
use super::scope::time_steps;
use crate::base::{Param, Result};
use crate::expr::Id;
use crate::models::Model;
use crate::process::{Counting, Draw, Frame, Network, Process, Rule};
use document::{Xml, child, elements, list, needed, required_packages, text, wrong};
use functions::Function;
use quantities::{Member, Quantities, Symbol};
use std::collections::{HashMap, HashSet};

/// Whether a text is XML: no model file of another kind begins with `<`.
pub(super) fn is_sbml(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}

/// Whose values an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum When {
    /// Those of the state as time goes on.
    Running,
    /// Those of the start, in parameters alone.
    Start,
}

/// A file while it is read.
struct Sbml<'a> {
    source: Source<'a>,
    level: u32,
    model: Xml<'a>,
    symbols: HashMap<&'a str, Symbol<'a>>,
    functions: HashMap<&'a str, Function<'a>>,
    locals: HashMap<(&'a str, &'a str), usize>,
    starts: HashMap<&'a str, Xml<'a>>,
    /// The parameters' values in the file.
    theta: Vec<f64>,
    frame: Frame,
    /// Ids resolved already, and those being resolved: a circle is a mistake.
    resolved: HashMap<(&'a str, When), Id>,
    open: HashSet<(&'a str, When)>,
    /// Random numbers of the assignments being read, where they are allowed.
    draws: Option<Vec<Draw>>,
    event: usize,
    depth: usize,
    /// Operations read so far.
    work: usize,
}

/// Read an SBML file, not yet checked.
///
/// # Errors
/// [`crate::base::Error::ModelSyntax`] with line and column for what is no SBML, and for what is not read.
pub(super) fn read_sbml(source: Source) -> Result<Model> {
    let text_only = Source { text: source.text.trim_start_matches('\u{feff}'), ..source };
    let document = document::parse(text_only)?;
    let root = document.root_element();
    let (level, version) = level_of(source, root)?;
    let model = child(root, "model").ok_or_else(|| wrong(source, root, "<sbml> holds no <model>"))?;
    refuse(source, model)?;
    let mut names = Names::default();
    let Quantities { symbols, members, params, locals, starts } = quantities::read(source, level, model, &mut names)?;
    let frame = Frame::new(members.iter().map(|m| m.name.as_str()), params.iter().map(|p| p.name.as_str()));
    let mut sbml = Sbml {
        source,
        level,
        model,
        symbols,
        functions: functions::read(source, model)?,
        locals,
        starts,
        theta: params.iter().map(|p| p.default).collect(),
        frame,
        resolved: HashMap::new(),
        open: HashSet::new(),
        draws: None,
        event: 0,
        depth: 0,
        work: 0,
    };
    let network = sbml.network(&members, &mut names)?;
    finished(source, model, (level, version), params, network)
}

fn finished(source: Source, model: Xml, level: (u32, u32), params: Vec<Param>, network: Network) -> Result<Model> {
    let named = text(model, "id").filter(|i| !i.is_empty());
    Ok(Model {
        id: named.map_or_else(|| id(source.file), id),
        title: text(model, "name").filter(|n| !n.is_empty()).or(named).unwrap_or("a model in SBML").to_string(),
        source: format!("SBML Level {} Version {}", level.0, level.1),
        tags: Vec::new(),
        params,
        process: Process::Network(network),
        observe: Vec::new(),
        horizon: 1.0,
        law: None,
        file: source.file.to_string(),
    })
}

fn level_of(source: Source, root: Xml) -> Result<(u32, u32)> {
    if root.tag_name().name() != "sbml" {
        let message = format!("this is XML, but no SBML: its root is <{}>", root.tag_name().name());
        return Err(wrong(source, root, message));
    }
    let whole = |name: &str| Ok::<_, crate::base::Error>(needed(source, root, name)?.parse::<u32>().unwrap_or(0));
    let (level, version) = (whole("level")?, whole("version")?);
    if !matches!((level, version), (2, 1..=5) | (3, 1..=2)) {
        let message = format!("SBML Level {level} Version {version} is not read; Levels 2 and 3 are");
        return Err(wrong(source, root, message));
    }
    for uri in required_packages(root) {
        let name = uri.rsplit('/').nth(1).unwrap_or(&uri).to_string();
        if name != "distrib" {
            let message = format!(
                "the file needs the package '{name}', which is not read; export the model without it (flattened, where it is comp)"
            );
            return Err(wrong(source, root, message));
        }
    }
    Ok((level, version))
}

/// Parts of a model that are not read at all.
fn refuse(source: Source, model: Xml) -> Result<()> {
    for (name, what, hint) in [
        ("listOfConstraints", "constraints are not read", "remove them"),
        ("listOfCompartmentTypes", "compartment types are not read", "remove them"),
    ] {
        if let Some(first) = list(model, name).first() {
            return Err(wrong(source, *first, format!("{what}; {hint}")));
        }
    }
    // Parts of packages that change what happens, whatever the file says of them.
    const PACKAGES: [(&str, &str); 3] =
        [("listOfSubmodels", "comp"), ("listOfTransitions", "qual"), ("listOfQualitativeSpecies", "qual")];
    for part in elements(model) {
        if let Some((_, package)) = PACKAGES.iter().find(|(name, _)| *name == part.tag_name().name()) {
            let message = format!("<{}> of the package '{package}' is not read", part.tag_name().name());
            return Err(wrong(source, part, message));
        }
    }
    // Units of their own, which Level 2 Version 1 allowed.
    for (lists, part) in [("listOfReactions", "kineticLaw"), ("listOfEvents", "")] {
        for node in list(model, lists) {
            let node = if part.is_empty() { Some(node) } else { child(node, part) };
            for unit in ["timeUnits", "substanceUnits"] {
                if let Some(node) = node.filter(|n| text(*n, unit).is_some()) {
                    let message = format!("<{}> has {unit} of its own, which is not read", node.tag_name().name());
                    return Err(wrong(source, node, message));
                }
            }
        }
    }
    for rule in list(model, "listOfRules") {
        if rule.tag_name().name() == "algebraicRule" {
            let message = "an algebraic rule is not read: solve it for one variable and write an assignment rule";
            return Err(wrong(source, rule, message));
        }
    }
    Ok(())
}

impl<'a> Sbml<'a> {
    fn wrong(&self, node: Xml, message: impl Into<String>) -> crate::base::Error {
        wrong(self.source, node, message)
    }

    fn network(&mut self, members: &[Member<'a>], names: &mut Names) -> Result<Network> {
        let mut species = Vec::with_capacity(members.len());
        for member in members {
            species.push(self.member(member)?);
        }
        let rules = self.rules(names)?;
        let rates = self.rates()?;
        let reactions = self.reactions(members)?;
        let events = self.events(&species)?;
        if reactions.is_empty() && events.is_empty() && rates.is_empty() {
            let message = "nothing happens in this model: it has no reaction, event or rate rule";
            return Err(self.wrong(self.model, message));
        }
        let volume = self.frame.pool.number(1.0);
        let breaks = time_steps(&self.frame, reactions.iter().map(|r| r.propensity));
        let frame = self.frame.clone();
        let counting = Counting::Combinations;
        Ok(Network { frame, species, reactions, counting, volume, events, rules, rates, breaks })
    }

    /// Assignment rules as they are reported: species in amounts, like those that move.
    fn rules(&mut self, names: &mut Names) -> Result<Vec<Rule>> {
        let mut rules = Vec::new();
        let targets: Vec<&'a str> =
            list(self.model, "listOfRules").into_iter().filter_map(|r| text(r, "variable")).collect();
        let still = list(self.model, "listOfSpecies").into_iter().filter_map(|s| text(s, "id"));
        for name in targets.into_iter().chain(still) {
            let Some(symbol) = self.symbols.get(name) else { continue };
            let (Symbol::Assigned { node, .. } | Symbol::Initial { node, .. }) = symbol else { continue };
            let (node, is_rule) = (*node, matches!(symbol, Symbol::Assigned { .. }));
            if rules.iter().any(|r: &Rule| r.name == name) || !is_rule && node.tag_name().name() != "species" {
                continue;
            }
            let value = self.amount(name, node)?;
            rules.push(Rule { name: names.claim(name), value });
        }
        Ok(rules)
    }

    fn rates(&mut self) -> Result<Vec<(usize, Id)>> {
        let mut rates = Vec::new();
        for rule in list(self.model, "listOfRules") {
            if rule.tag_name().name() != "rateRule" {
                continue;
            }
            let name = needed(self.source, rule, "variable")?;
            let body = self.body(rule)?;
            let value = self.formula(body, When::Running)?;
            let (member, size) = self.target(name, rule)?;
            let rate = match size {
                None => value,
                Some(size) if self.frame.varies(size) => {
                    let message =
                        format!("the concentration '{name}' has a rate rule in a compartment whose size changes");
                    return Err(self.wrong(rule, message));
                }
                Some(size) => self.frame.pool.mul(value, size),
            };
            rates.push((member, rate));
        }
        Ok(rates)
    }

    /// The formula inside `<math>`.
    fn body(&self, node: Xml<'a>) -> Result<Xml<'a>> {
        let kind = node.tag_name().name();
        let math = document::math(node).ok_or_else(|| self.wrong(node, format!("<{kind}> has no formula (<math>)")))?;
        elements(math).next().ok_or_else(|| self.wrong(math, format!("the formula of <{kind}> is empty")))
    }
}

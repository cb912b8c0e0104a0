//! Small SBML files: what is made of them, and what is refused.

use crate::base::{Error, Result};
use crate::models::{Model, read};
use crate::process::{Amount, Event, Initial, Network, Process, ValuesFrom};

fn network(model: &Model) -> &Network {
    let Process::Network(network) = &model.process else { panic!("{} is no network", model.id) };
    network
}

/// A Level 3 file of these parts, one a line after the fourth.
fn level3(parts: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<sbml xmlns=\"http://www.sbml.org/sbml/level3/version2/core\" level=\"3\" version=\"2\">\n<model id=\"m\">\n{parts}\n</model></sbml>"
    )
}

fn math(inner: &str) -> String {
    format!("<math xmlns=\"http://www.w3.org/1998/Math/MathML\">{inner}</math>")
}

/// Two species in a compartment of size 2, one reaction of this law.
fn decay(law: &str, more: &str) -> String {
    level3(&format!(
        "<listOfCompartments><compartment id=\"C\" size=\"2\" constant=\"true\"/></listOfCompartments>\n\
         <listOfSpecies><species id=\"A\" compartment=\"C\" initialConcentration=\"5\" hasOnlySubstanceUnits=\"false\"/>\
         <species id=\"B\" compartment=\"C\" initialAmount=\"3\" hasOnlySubstanceUnits=\"true\"/></listOfSpecies>\n\
         <listOfParameters><parameter id=\"k\" value=\"0.5\"/><parameter id=\"t\" value=\"-1.5\"/></listOfParameters>\n\
         <listOfReactions><reaction id=\"R\" reversible=\"false\"><listOfReactants><speciesReference species=\"A\" stoichiometry=\"1\"/>\
         </listOfReactants><listOfProducts><speciesReference species=\"B\" stoichiometry=\"2\"/></listOfProducts>\
         <kineticLaw>{}</kineticLaw></reaction></listOfReactions>\n{more}",
        math(law)
    ))
}

fn theta(model: &Model) -> Vec<f64> {
    model.params.iter().map(|p| p.default).collect()
}

/// The first propensity at A = 7 molecules, B = 4, t = 0.3.
fn law_at(text: &str) -> Result<f64> {
    let model = read("m.xml", text)?;
    let network = network(&model);
    let mut symbols = network.frame.symbols(&theta(&model), 0.3);
    symbols[2..4].copy_from_slice(&[7.0, 4.0]);
    Ok(network.frame.pool.eval(network.reactions[0].propensity, &symbols))
}

#[test]
fn a_species_is_its_concentration_or_its_amount_in_formulas() -> Result<()> {
    // k A B: A is 7/2, B is 4.
    let text = decay("<apply><times/><ci>k</ci><ci> A </ci><ci>B</ci></apply>", "");
    assert_eq!(law_at(&text)?, 0.5 * 3.5 * 4.0);
    let model = read("m.xml", &text)?;
    let network = network(&model);
    assert_eq!(model.initial_values(&theta(&model)), [Some(10.0), Some(3.0)]);
    assert_eq!(network.reactions[0].change(), [(0, -1), (1, 2)]);
    assert_eq!(network.reactions[0].equation, "A -> 2 B");
    // What no formula names is no parameter.
    assert_eq!(model.params.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["k"]);
    Ok(())
}

#[test]
fn every_operator_has_its_value() -> Result<()> {
    // B is 4, k is 1/2, t (a parameter, not the time) is -3/2.
    for (law, want) in [
        ("<apply><plus/></apply>", 0.0),
        ("<apply><times/></apply>", 1.0),
        ("<apply><plus/><cn>1</cn><cn>2</cn><ci>B</ci></apply>", 7.0),
        ("<apply><minus/><apply><minus/><ci>B</ci></apply></apply>", 4.0),
        ("<apply><divide/><cn type=\"rational\">1<sep/>8</cn><ci>k</ci></apply>", 0.25),
        ("<cn type=\"e-notation\">1.5<sep/>-3</cn>", 1.5e-3),
        ("<cn type=\"integer\"> 12 </cn>", 12.0),
        ("<apply><power/><ci>B</ci><ci>k</ci></apply>", 2.0),
        ("<apply><power/><ci>t</ci><cn>2</cn></apply>", 2.25),
        ("<apply><root/><ci>B</ci></apply>", 2.0),
        ("<apply><root/><degree><cn>3</cn></degree><cn>27</cn></apply>", 3.0),
        ("<apply><exp/><cn>0</cn></apply>", 1.0),
        ("<apply><ln/><exponentiale/></apply>", 1.0),
        ("<apply><log/><cn>1000</cn></apply>", 3.0),
        ("<apply><log/><logbase><cn>2</cn></logbase><cn>8</cn></apply>", 3.0),
        ("<apply><abs/><ci>t</ci></apply>", 1.5),
        ("<apply><plus/><cn>9</cn><apply><floor/><ci>t</ci></apply></apply>", 7.0),
        ("<apply><plus/><cn>9</cn><apply><ceiling/><ci>t</ci></apply></apply>", 8.0),
        ("<apply><factorial/><ci>B</ci></apply>", 24.0),
        ("<apply><plus/><cn>9</cn><apply><quotient/><ci>t</ci><cn>1</cn></apply></apply>", 8.0),
        ("<apply><plus/><cn>9</cn><apply><rem/><ci>t</ci><cn>1</cn></apply></apply>", 8.5),
        ("<apply><min/><ci>B</ci><cn>3</cn><ci>k</ci></apply>", 0.5),
        ("<apply><max/><ci>B</ci><cn>3</cn><ci>k</ci></apply>", 4.0),
        ("<apply><implies/><true/><false/></apply>", 0.0),
        ("<apply><implies/><false/><false/></apply>", 1.0),
        ("<apply><xor/><true/><true/><true/></apply>", 1.0),
        ("<apply><and/><true/><apply><not/><false/></apply></apply>", 1.0),
        ("<apply><or/><false/><apply><eq/><ci>B</ci><cn>4</cn></apply></apply>", 1.0),
        ("<apply><lt/><cn>1</cn><ci>B</ci><cn>5</cn></apply>", 1.0),
        ("<apply><gt/><cn>5</cn><ci>B</ci><cn>4</cn></apply>", 0.0),
        ("<apply><geq/><ci>B</ci><cn>4</cn></apply>", 1.0),
        ("<apply><leq/><ci>B</ci><cn>3</cn></apply>", 0.0),
        ("<apply><neq/><ci>B</ci><cn>3</cn></apply>", 1.0),
        (
            "<piecewise><piece><cn>1</cn><apply><lt/><ci>B</ci><cn>2</cn></apply></piece>\
             <piece><cn>2</cn><apply><lt/><ci>B</ci><cn>9</cn></apply></piece><otherwise><cn>3</cn></otherwise></piecewise>",
            2.0,
        ),
        ("<apply><sec/><cn>0.7</cn></apply>", 1.0 / 0.7f64.cos()),
        ("<apply><csc/><cn>0.7</cn></apply>", 1.0 / 0.7f64.sin()),
        ("<apply><cot/><cn>0.7</cn></apply>", 1.0 / 0.7f64.tan()),
        ("<apply><sech/><cn>0.7</cn></apply>", 1.0 / 0.7f64.cosh()),
        ("<apply><csch/><cn>0.7</cn></apply>", 1.0 / 0.7f64.sinh()),
        ("<apply><coth/><cn>0.7</cn></apply>", 1.0 / 0.7f64.tanh()),
        ("<apply><arcsin/><cn>0.7</cn></apply>", 0.7f64.asin()),
        ("<apply><arccos/><cn>0.7</cn></apply>", 0.7f64.acos()),
        ("<apply><arctan/><cn>0.7</cn></apply>", 0.7f64.atan()),
        ("<apply><arcsec/><cn>1.7</cn></apply>", (1.0 / 1.7f64).acos()),
        ("<apply><arccsc/><cn>1.7</cn></apply>", (1.0 / 1.7f64).asin()),
        ("<apply><arccot/><cn>1.7</cn></apply>", (1.0 / 1.7f64).atan()),
        ("<apply><arcsinh/><cn>0.7</cn></apply>", 0.7f64.asinh()),
        ("<apply><minus/><apply><arcsinh/><ci>t</ci></apply></apply>", 1.5f64.asinh()),
        ("<apply><arccosh/><cn>1.7</cn></apply>", 1.7f64.acosh()),
        ("<apply><arctanh/><cn>0.7</cn></apply>", 0.7f64.atanh()),
        ("<apply><arcsech/><cn>0.7</cn></apply>", (1.0 / 0.7f64).acosh()),
        ("<apply><arccsch/><cn>0.7</cn></apply>", (1.0 / 0.7f64).asinh()),
        ("<apply><arccoth/><cn>1.7</cn></apply>", (1.0 / 1.7f64).atanh()),
        ("<apply><tanh/><pi/></apply>", std::f64::consts::PI.tanh()),
        ("<csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/time\"> time </csymbol>", 0.3),
        (
            "<csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/avogadro\">N</csymbol>",
            6.02214179e23,
        ),
        ("<semantics><cn>2</cn><annotation>two</annotation></semantics>", 2.0),
    ] {
        let value = law_at(&decay(law, "")).unwrap_or_else(|e| panic!("{law}: {e}"));
        assert!((value - want).abs() <= 1e-14 * want.abs(), "{law}: {value} {want}");
    }
    Ok(())
}

#[test]
fn names_follow_the_rules_of_scope() -> Result<()> {
    // A local k hides the global one; f is written out; the rule of y stands in its own compartment; z starts by a formula.
    let text = level3(&format!(
        "<listOfFunctionDefinitions><functionDefinition id=\"f\">{}</functionDefinition></listOfFunctionDefinitions>\
         <listOfCompartments><compartment id=\"C\" size=\"2\"/></listOfCompartments>\
         <listOfSpecies><species id=\"A\" compartment=\"C\" initialAmount=\"6\" hasOnlySubstanceUnits=\"true\"/>\
         <species id=\"y\" compartment=\"C\" hasOnlySubstanceUnits=\"false\"/>\
         <species id=\"F\" compartment=\"C\" initialAmount=\"0.25\" boundaryCondition=\"true\" hasOnlySubstanceUnits=\"true\"/></listOfSpecies>\
         <listOfParameters><parameter id=\"k\" value=\"9\"/><parameter id=\"z\" constant=\"true\"/><parameter id=\"e\" value=\"2\"/></listOfParameters>\
         <listOfInitialAssignments><initialAssignment symbol=\"z\">{}</initialAssignment></listOfInitialAssignments>\
         <listOfRules><assignmentRule variable=\"y\">{}</assignmentRule></listOfRules>\
         <listOfReactions><reaction id=\"R\" reversible=\"false\"><listOfReactants><speciesReference species=\"A\" stoichiometry=\"1\"/>\
         <speciesReference species=\"F\" stoichiometry=\"1\"/></listOfReactants><kineticLaw>{}<listOfLocalParameters>\
         <localParameter id=\"k\" value=\"3\"/></listOfLocalParameters></kineticLaw></reaction></listOfReactions>",
        math(
            "<lambda><bvar><ci>x</ci></bvar><bvar><ci>k</ci></bvar><apply><minus/><ci>x</ci><ci>k</ci></apply></lambda>"
        ),
        math("<apply><plus/><ci>y</ci><ci>e</ci></apply>"),
        math("<apply><times/><ci>k</ci><ci>A</ci></apply>"),
        // f(y, z) + k F
        math(
            "<apply><plus/><apply><ci>f</ci><ci>y</ci><ci>z</ci></apply><apply><times/><ci>k</ci><ci>F</ci></apply></apply>"
        ),
    ));
    let model = read("m.xml", &text)?;
    let network = network(&model);
    let params: Vec<(&str, f64)> = model.params.iter().map(|p| (p.name.as_str(), p.default)).collect();
    assert_eq!(params, [("k", 9.0), ("e_", 2.0), ("R_k", 3.0)]);
    assert_eq!(network.species.len(), 1);
    let mut symbols = network.frame.symbols(&theta(&model), 0.0);
    symbols[2] = 5.0;
    let pool = &network.frame.pool;
    // y = 9*5; z = 9*6 + 2 at the start.
    assert_eq!(pool.eval(network.reactions[0].propensity, &symbols), 45.0 - 56.0 + 0.75);
    let rules: Vec<(&str, f64)> =
        network.rules.iter().map(|r| (r.name.as_str(), pool.eval(r.value, &symbols))).collect();
    // Amounts: the concentration times the size.
    assert_eq!(rules, [("y", 90.0), ("F", 0.25)]);
    Ok(())
}

#[test]
fn a_rate_of_change_is_that_of_its_rule() -> Result<()> {
    let rule = format!(
        "<listOfRules><rateRule variable=\"k\">{}</rateRule></listOfRules>",
        math("<apply><times/><cn>3</cn><ci>k</ci></apply>")
    );
    let rate_of = |name: &str| {
        format!(
            "<apply><csymbol definitionURL=\"http://www.sbml.org/sbml/symbols/rateOf\">r</csymbol><ci>{name}</ci></apply>"
        )
    };
    let model = read("m.xml", &decay(&format!("<apply><plus/>{}{}</apply>", rate_of("k"), rate_of("t")), &rule))?;
    let network = network(&model);
    let mut symbols = network.frame.symbols(&theta(&model), 0.0);
    symbols[2..5].copy_from_slice(&[7.0, 4.0, 2.0]);
    assert_eq!(network.frame.pool.eval(network.reactions[0].propensity, &symbols), 6.0);
    Ok(())
}

#[test]
fn a_reversible_difference_is_two_reactions_and_pairs_are_one() -> Result<()> {
    let reversible = |law: &str| decay(law, "").replace("reversible=\"false\"", "reversible=\"true\"");
    let net =
        "<apply><times/><ci>C</ci><apply><minus/><apply><times/><ci>k</ci><ci>A</ci></apply><ci>B</ci></apply></apply>";
    let model = read("m.xml", &reversible(net))?;
    let both = network(&model);
    let equations: Vec<&str> = both.reactions.iter().map(|r| r.equation.as_str()).collect();
    assert_eq!(equations, ["A -> 2 B", "2 B -> A"]);
    let mut symbols = both.frame.symbols(&theta(&model), 0.0);
    symbols[2..4].copy_from_slice(&[8.0, 3.0]);
    let at: Vec<f64> = both.reactions.iter().map(|r| both.frame.pool.eval(r.propensity, &symbols)).collect();
    assert_eq!(at, [4.0, 6.0]);
    let pairs = "<apply><times/><ci>B</ci><apply><minus/><ci>B</ci><cn>1</cn></apply></apply>";
    assert_eq!(network(&read("m.xml", &reversible(pairs))?).reactions.len(), 1);
    Ok(())
}

fn event(inner: &str) -> String {
    decay("<ci>k</ci>", &format!("<listOfEvents><event id=\"E\" {inner}</event></listOfEvents>"))
}

#[test]
fn an_event_keeps_what_the_file_says_of_it() -> Result<()> {
    let time = "<csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/time\">t</csymbol>";
    let text = event(&format!(
        "useValuesFromTriggerTime=\"false\"><trigger initialValue=\"false\" persistent=\"false\">{}</trigger><priority>{}</priority>\
         <delay>{}</delay><listOfEventAssignments><eventAssignment variable=\"A\">{}</eventAssignment>\
         <eventAssignment variable=\"k\">{}</eventAssignment></listOfEventAssignments>",
        math(&format!("<apply><geq/>{time}<cn>-1</cn></apply>")),
        math("<ci>B</ci>"),
        math("<cn>2</cn>"),
        math("<cn>8</cn>"),
        math("<apply><plus/><ci>k</ci><cn>1</cn></apply>"),
    ));
    let model = read("m.xml", &text)?;
    let network = network(&model);
    let Event { name, at, initially, delay, priority, persistent, values, after, .. } = &network.events[0];
    assert_eq!((name.as_str(), *initially, *persistent, *values), ("E", false, false, ValuesFrom::Execution));
    assert!(delay.is_some() && priority.is_some());
    // It is over at the start, where it happens.
    assert_eq!(at.map(|id| network.frame.at(id, &[], 0.0)), Some(0.0));
    // A concentration of 8 in a volume of 2; k moves now, and is no parameter.
    assert_eq!(after.iter().map(|a| a.0).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(network.frame.pool.constant(after[0].1), Some(16.0));
    assert!(
        model.params.is_empty()
            && network.species[2].amount == Amount::Real
            && network.species[0].amount == Amount::Count
    );
    Ok(())
}

#[test]
fn random_starts_and_assignments_have_their_laws() -> Result<()> {
    let law = |name: &str, arguments: &str| {
        format!(
            "<apply><csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/distrib/{name}\">d</csymbol>{arguments}</apply>"
        )
    };
    let start = format!(
        "<listOfInitialAssignments><initialAssignment symbol=\"B\">{}</initialAssignment></listOfInitialAssignments>",
        math(&law("poisson", "<cn>4</cn>"))
    );
    let model = read("m.xml", &decay("<ci>k</ci>", &start))?;
    assert!(matches!(&network(&model).species[1].initial, Initial::Law(law) if law.family.name() == "poisson"));
    // Gamma by shape and scale, truncated; and a law made of a uniform number.
    for (name, arguments, family, n) in [
        ("gamma", "<cn>2</cn><cn>4</cn>", "gamma", 0),
        ("chisquare", "<cn>2</cn><cn>1</cn><cn>8</cn>", "gamma", 1),
        ("laplace", "<cn>0</cn><cn>1</cn>", "uniform", 0),
        ("bernoulli", "<cn>0.5</cn>", "binomial", 0),
    ] {
        let text = event(&format!(
            "><trigger>{}</trigger><listOfEventAssignments><eventAssignment variable=\"t\">{}</eventAssignment></listOfEventAssignments>",
            math("<apply><gt/><ci>B</ci><cn>9</cn></apply>"),
            math(&format!("<apply><plus/><cn>1</cn>{}</apply>", law(name, arguments)))
        ));
        let model = read("m.xml", &text)?;
        let draw = &network(&model).events[0].draws[0];
        assert_eq!((draw.law.family.name(), usize::from(draw.between.is_some())), (family, n), "{name}");
    }
    Ok(())
}

#[test]
fn moles_are_real_numbers() -> Result<()> {
    let text = decay("<ci>A</ci>", "").replace("<model id=\"m\"", "<model id=\"m\" substanceUnits=\"mole\"");
    let model = read("m.xml", &text)?;
    assert!(network(&model).species.iter().all(|s| s.amount == Amount::Real && s.unit == "mole"));
    assert!(network(&model).beyond_counts().is_some() && network(&model).reacting_real().is_some());
    Ok(())
}

#[test]
fn what_is_not_read_is_refused_by_name_and_place() {
    let one = "<cn>1</cn>";
    let delay = "<apply><csymbol definitionURL=\"http://www.sbml.org/sbml/symbols/delay\">d</csymbol><ci>A</ci><cn>1</cn></apply>";
    let normal = "<apply><csymbol definitionURL=\"http://www.sbml.org/sbml/symbols/distrib/normal\">d</csymbol><cn>0</cn><cn>1</cn></apply>";
    let plain = decay(one, "");
    let with = |more: &str| decay(one, more);
    let rule = |kind: &str| with(&format!("<listOfRules><{kind}>{}</{kind}></listOfRules>", math(one)));
    for (text, line, says) in [
        ("<html/>".to_string(), 1, "no SBML: its root is <html>"),
        ("<sbml level=\"1\" version=\"2\"/>".to_string(), 1, "Level 1 Version 2 is not read"),
        ("<sbml level=\"3\" version=\"2\"/>".to_string(), 1, "holds no <model>"),
        ("<!DOCTYPE x [<!ENTITY a \"b\">]>\n<x>&a;</x>".to_string(), 1, "a document type"),
        ("<sbml>\n<a></b></sbml>".to_string(), 2, "this is not XML"),
        (plain.replace("level=\"3\" version=\"2\"", "xmlns:comp=\"http://www.sbml.org/sbml/level3/version1/comp/version1\" comp:required=\"true\" level=\"3\" version=\"2\""), 2, "needs the package 'comp'"),
        (rule("algebraicRule"), 8, "an algebraic rule is not read"),
        (with("<listOfConstraints><constraint/></listOfConstraints>"), 8, "constraints are not read"),
        (with("<q:listOfTransitions xmlns:q=\"http://www.sbml.org/sbml/level3/version1/qual/version1\"/>"), 8, "<listOfTransitions> of the package 'qual'"),
        (plain.replace("<kineticLaw>", "<kineticLaw timeUnits=\"hour\">"), 7, "<kineticLaw> has timeUnits of its own"),
        (decay("<apply><csymbol definitionURL=\"http://www.sbml.org/sbml/symbols/rateOf\">r</csymbol><ci>A</ci></apply>", ""), 7, "rateOf of 'A' is not read"),
        (plain.replace("reversible", "fast=\"true\" reversible"), 7, "'R' is fast"),
        (decay(delay, ""), 7, "values of the past"),
        (decay(normal, ""), 7, "a random number is read in event assignments"),
        (decay("<notanumber/>", ""), 7, "<notanumber> is not read"),
        (decay("<apply><diff/><ci>A</ci></apply>", ""), 7, "<diff> of 1 arguments"),
        (decay("<apply><sin/><ci>A</ci><ci>B</ci></apply>", ""), 7, "<sin> of 2 arguments"),
        (decay("<ci>q</ci>", ""), 7, "there is no 'q' in the model"),
        (decay("<apply><ci>f</ci><ci>A</ci></apply>", ""), 7, "there is no function 'f'"),
        (decay("<cn>1x</cn>", ""), 7, "'1x' is not a number"),
        (plain.replace("stoichiometry=\"2\"", "stoichiometry=\"0.5\""), 7, "stoichiometry of 'B' is 0.5"),
        (plain.replace("stoichiometry=\"2\"", ""), 7, "stoichiometry of 'B' is not given"),
        (plain.replace("<kineticLaw>", "<other>").replace("</kineticLaw>", "</other>"), 7, "'R' has no kinetic law"),
        (plain.replace("initialAmount=\"3\"", ""), 5, "the species 'B' has no start"),
        (plain.replace("compartment=\"C\" initialAmount", "compartment=\"D\" initialAmount"), 5, "'D', which is no compartment"),
        (decay("<ci>A</ci>", "").replace("size=\"2\"", ""), 5, "'C' is used here, but the file gives it no value"),
        (decay("<ci>t</ci>", "").replace("value=\"-1.5\"", ""), 7, "'t' is used here, but the file gives it no value"),
        (plain.replace("id=\"t\"", "id=\"k\""), 6, "two things called 'k'"),
        (with(&format!("<listOfRules><assignmentRule variable=\"t\">{}</assignmentRule></listOfRules>", math("<ci>t</ci>"))), 8, "defined by itself"),
        (with(&format!("<listOfRules><rateRule variable=\"q\">{}</rateRule></listOfRules>", math(one))), 8, "'q' is no species, compartment or parameter"),
        (with(&format!("<listOfRules><rateRule variable=\"A\">{}</rateRule></listOfRules>", math(one))), 5, "by reactions and by a rate rule"),
        (event(&format!("><trigger>{}</trigger><delay/>", math("<true/>"))), 8, "<delay> has no formula"),
        (event(">"), 8, "'E' has no trigger"),
        (decay(&format!("{}<ci>A</ci>{}", "<apply><minus/>".repeat(300), "</apply>".repeat(300)), ""), 7, "the limit 'nesting' of 200"),
    ] {
        match read("m.xml", &text) {
            Err(Error::ModelSyntax { line: at, message, column, .. }) => {
                assert!(message.contains(says) && at == line && column > 0, "{says}: {at}: {message}");
            }
            other => panic!("{says}: {:?}", other.map(|m| m.id)),
        }
    }
}

#[test]
fn functions_that_grow_without_end_are_refused_in_time() {
    let mut functions = format!(
        "<functionDefinition id=\"f0\">{}</functionDefinition>",
        math("<lambda><bvar><ci>x</ci></bvar><ci>x</ci></lambda>")
    );
    for i in 1..60 {
        let call = format!("<apply><ci>f{}</ci><ci>x</ci></apply>", i - 1);
        let body = math(&format!("<lambda><bvar><ci>x</ci></bvar><apply><plus/>{call}{call}</apply></lambda>"));
        functions.push_str(&format!("<functionDefinition id=\"f{i}\">{body}</functionDefinition>"));
    }
    let text = decay(
        "<apply><ci>f59</ci><ci>A</ci></apply>",
        &format!("<listOfFunctionDefinitions>{functions}</listOfFunctionDefinitions>"),
    );
    assert!(
        matches!(read("m.xml", &text), Err(Error::ModelSyntax { message, .. }) if message.contains("the limit 'terms'"))
    );
}

#[test]
fn a_document_nested_without_end_is_refused() {
    let text = "<a>".repeat(500_000);
    assert!(matches!(read("m.xml", &text), Err(Error::ModelSyntax { .. })));
    let closed = format!("{text}{}", "</a>".repeat(500_000));
    assert!(matches!(read("m.xml", &closed), Err(Error::ModelSyntax { .. })));
}

//! MathML to expressions: the whole subset of SBML (section 3.4.6).

use super::chance::Random;
use super::document::{Xml, elements, list, text};
use super::quantities::Symbol;
use super::{Sbml, When};
use crate::base::{Limit, Result};
use crate::expr::{Binary, Id, Pool, Unary};
use crate::process::symbol;
use std::collections::HashMap;

/// The number of the SBML symbol `avogadro` (CODATA 2006, as section 3.4.6 fixes it).
const AVOGADRO: f64 = 6.022_141_79e23;

/// What names stand for where a formula is read: arguments of a function, or parameters of a reaction, before all else.
#[derive(Default)]
pub(super) struct Near<'a> {
    pub names: HashMap<&'a str, Id>,
    /// Whether nothing else may be named: inside a function.
    pub closed: bool,
}

impl<'a> Sbml<'a> {
    pub(super) fn formula(&mut self, node: Xml<'a>, when: When) -> Result<Id> {
        self.formula_near(node, when, &Near::default())
    }

    pub(super) fn formula_near(&mut self, node: Xml<'a>, when: When, near: &Near<'a>) -> Result<Id> {
        self.depth += 1;
        // Calls of functions are levels too.
        if !Limit::Nesting.allows(self.depth as f64) {
            return Err(self.wrong(node, format!("the formula is nested too deep: {}", Limit::Nesting.told(None))));
        }
        self.work += 1;
        let id = self.value(node, when, near)?;
        self.depth -= 1;
        // Functions that call others twice each can ask for any number of operations in a few lines.
        if !Limit::Terms.allows(self.work as f64) || self.frame.pool.is_full() {
            return Err(self.wrong(node, Limit::Terms.told(None)));
        }
        Ok(id)
    }

    fn value(&mut self, node: Xml<'a>, when: When, near: &Near<'a>) -> Result<Id> {
        let number = |sbml: &mut Self, x: f64| Ok(sbml.frame.pool.number(x));
        match node.tag_name().name() {
            "cn" => self.number_of(node),
            "ci" => {
                let name = node.text().map(str::trim).unwrap_or_default();
                match near.names.get(name) {
                    Some(id) => Ok(*id),
                    None if near.closed => Err(self.wrong(node, format!("'{name}' is no argument of the function"))),
                    None => self.resolve(name, when, node),
                }
            }
            "csymbol" => self.symbol_of(node, when),
            "apply" => self.apply(node, when, near),
            "piecewise" => self.piecewise(node, when, near),
            "semantics" => match elements(node).next() {
                Some(inner) => self.formula_near(inner, when, near),
                None => Err(self.wrong(node, "<semantics> is empty")),
            },
            "true" => number(self, 1.0),
            "false" => number(self, 0.0),
            "pi" => number(self, std::f64::consts::PI),
            "exponentiale" => number(self, std::f64::consts::E),
            "infinity" => number(self, f64::INFINITY),
            "notanumber" => Err(self.wrong(node, "<notanumber> is not read: a formula must have a value")),
            other => Err(self.wrong(node, format!("<{other}> is not read in a formula"))),
        }
    }

    /// `<cn>`: real, integer, e-notation or rational.
    fn number_of(&mut self, node: Xml<'a>) -> Result<Id> {
        let parts: Vec<f64> =
            node.children().filter_map(|c| c.text()).filter_map(|t| t.trim().parse::<f64>().ok()).collect();
        let whole = node.children().filter_map(|c| c.text()).map(str::trim).collect::<Vec<_>>().join(" ");
        let kind = node.attribute("type").unwrap_or("real");
        let value = match (kind, parts.as_slice()) {
            ("real" | "integer", [x]) => Some(*x),
            // The text's own digits, so that 1 <sep/> -3 is the number 1e-3 to the last bit.
            ("e-notation", [_, e]) if e.fract() == 0.0 => {
                whole.split_once(' ').and_then(|(mantissa, e)| format!("{mantissa}e{}", e.trim()).parse().ok())
            }
            ("rational", [a, b]) if *b != 0.0 => Some(a / b),
            _ => None,
        };
        match value.filter(|x: &f64| x.is_finite()) {
            Some(x) => Ok(self.frame.pool.number(x)),
            None => Err(self.wrong(node, format!("'{whole}' is not a number of type {kind}"))),
        }
    }

    /// `<csymbol>` that stands for a value.
    fn symbol_of(&mut self, node: Xml<'a>, when: When) -> Result<Id> {
        let url = node.attribute("definitionURL").unwrap_or_default();
        match url.rsplit('/').next().unwrap_or_default() {
            "time" if when == When::Start => Ok(self.frame.pool.number(0.0)),
            "time" => Ok(self.frame.pool.symbol_at(symbol::TIME)),
            "avogadro" => Ok(self.frame.pool.number(AVOGADRO)),
            other => Err(self.wrong(node, format!("the symbol '{other}' ({url}) is not read"))),
        }
    }

    fn piecewise(&mut self, node: Xml<'a>, when: When, near: &Near<'a>) -> Result<Id> {
        let mut pieces = Vec::new();
        let mut value = None;
        for part in elements(node) {
            let inner: Vec<Xml> = elements(part).collect();
            match (part.tag_name().name(), inner.as_slice()) {
                ("piece", [x, condition]) => {
                    let x = self.formula_near(*x, when, near)?;
                    pieces.push((x, self.formula_near(*condition, when, near)?));
                }
                ("otherwise", [x]) => value = Some(self.formula_near(*x, when, near)?),
                (other, _) => return Err(self.wrong(part, format!("<{other}> is not read in <piecewise>"))),
            }
        }
        let Some(mut value) = value else {
            return Err(self.wrong(node, "<piecewise> has no value where no piece applies: add <otherwise>"));
        };
        for (x, condition) in pieces.into_iter().rev() {
            value = self.frame.pool.select(condition, x, value);
        }
        Ok(value)
    }

    fn apply(&mut self, node: Xml<'a>, when: When, near: &Near<'a>) -> Result<Id> {
        let mut parts = elements(node);
        let Some(head) = parts.next() else { return Err(self.wrong(node, "<apply> is empty")) };
        let name = head.tag_name().name();
        if name == "csymbol" {
            let arguments: Vec<Xml> = parts.collect();
            return self.apply_symbol(head, &arguments, when, near);
        }
        let mut qualifier = None;
        let mut arguments = Vec::new();
        for part in parts {
            if matches!(part.tag_name().name(), "degree" | "logbase") {
                let Some(inner) = elements(part).next() else { return Err(self.wrong(part, "it is empty")) };
                qualifier = Some(self.formula_near(inner, when, near)?);
            } else {
                arguments.push(self.formula_near(part, when, near)?);
            }
        }
        if name == "ci" {
            return self.call(head, &arguments, when);
        }
        match operation(&mut self.frame.pool, name, qualifier, &arguments) {
            Some(id) => match self.frame.pool.constant(id) {
                Some(x) if x.is_nan() => Err(self.wrong(node, "this is not a number, whatever the state is")),
                _ => Ok(id),
            },
            None => {
                let message = format!("<{name}> of {} arguments is not read in a formula", arguments.len());
                Err(self.wrong(head, message))
            }
        }
    }

    fn call(&mut self, head: Xml<'a>, arguments: &[Id], when: When) -> Result<Id> {
        let name = head.text().map(str::trim).unwrap_or_default();
        let Some(function) = self.functions.get(name) else {
            return Err(self.wrong(head, format!("there is no function '{name}'")));
        };
        let (wanted, body) = (function.arguments.clone(), function.body);
        if let Some(law) = function.law {
            return match Random::of_page(law) {
                Some(random) => self.random(random, arguments, head),
                None => Err(self.wrong(head, format!("the law '{law}' of the function '{name}' is not read"))),
            };
        }
        if wanted.len() != arguments.len() {
            let message = format!("the function '{name}' takes {} arguments, not {}", wanted.len(), arguments.len());
            return Err(self.wrong(head, message));
        }
        let near = Near { names: wanted.into_iter().zip(arguments.iter().copied()).collect(), closed: true };
        self.formula_near(body, when, &near)
    }

    fn apply_symbol(&mut self, head: Xml<'a>, arguments: &[Xml<'a>], when: When, near: &Near<'a>) -> Result<Id> {
        let url = head.attribute("definitionURL").unwrap_or_default();
        let name = url.rsplit('/').next().unwrap_or_default();
        let is_distrib = url.contains("/distrib/");
        match name {
            "delay" => return Err(self.wrong(head, "a delay (values of the past) in a formula is not read")),
            "rateOf" => return self.rate_of(head, arguments, when),
            _ => {}
        }
        let Some(random) = Random::named(name).filter(|_| is_distrib) else {
            return Err(self.wrong(head, format!("the symbol '{name}' ({url}) is not read")));
        };
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.formula_near(*argument, when, near)?);
        }
        self.random(random, &values, head)
    }

    /// The rate of change of what has a rate rule or none at all (section 3.4.6).
    fn rate_of(&mut self, head: Xml<'a>, arguments: &[Xml<'a>], when: When) -> Result<Id> {
        let name = arguments.first().and_then(|a| a.text()).map(str::trim).unwrap_or_default();
        let rule = list(self.model, "listOfRules").into_iter();
        let rule = rule.filter(|r| r.tag_name().name() == "rateRule").find(|r| text(*r, "variable") == Some(name));
        match (rule, self.symbols.get(name)) {
            (Some(rule), _) if self.size_of(name).is_none() => {
                let body = self.body(rule)?;
                self.formula(body, when)
            }
            (None, Some(Symbol::Param(_) | Symbol::Number(_))) => Ok(self.frame.pool.number(0.0)),
            _ => Err(self.wrong(head, format!("rateOf of '{name}' is not read: it has no rate rule of its own"))),
        }
    }
}

/// An operator or elementary function; `None` where there is none of this name and number of arguments.
fn operation(pool: &mut Pool, name: &str, qualifier: Option<Id>, arguments: &[Id]) -> Option<Id> {
    if let Some(relation) = relation(pool, name, arguments) {
        return Some(relation);
    }
    Some(match (name, arguments) {
        ("plus", all) => folded(pool, Binary::Add, 0.0, all),
        ("times", all) => folded(pool, Binary::Mul, 1.0, all),
        ("and", all) => folded(pool, Binary::And, 1.0, all),
        ("or", all) => folded(pool, Binary::Or, 0.0, all),
        ("xor", all) => {
            let mut value = pool.number(0.0);
            for a in all {
                let (x, y) = (pool.unary(Unary::Not, value), pool.unary(Unary::Not, *a));
                value = pool.binary(Binary::NotEqual, x, y);
            }
            value
        }
        ("min", [first, rest @ ..]) => rest.iter().fold(*first, |a, b| pool.binary(Binary::Min, a, *b)),
        ("max", [first, rest @ ..]) => rest.iter().fold(*first, |a, b| pool.binary(Binary::Max, a, *b)),
        ("minus", [a]) => pool.unary(Unary::Neg, *a),
        ("minus", [a, b]) => pool.sub(*a, *b),
        ("divide", [a, b]) => pool.div(*a, *b),
        ("power", [a, b]) => pool.binary(Binary::Pow, *a, *b),
        ("root", [a]) => match qualifier.filter(|d| pool.constant(*d) != Some(2.0)) {
            None => pool.unary(Unary::Sqrt, *a),
            Some(degree) => {
                let one = pool.number(1.0);
                let exponent = pool.div(one, degree);
                pool.binary(Binary::Pow, *a, exponent)
            }
        },
        ("log", [a]) => match qualifier.filter(|b| pool.constant(*b) != Some(10.0)) {
            None => pool.unary(Unary::Log10, *a),
            Some(base) => {
                let (x, b) = (pool.unary(Unary::Log, *a), pool.unary(Unary::Log, base));
                pool.div(x, b)
            }
        },
        ("factorial", [a]) => {
            let one = pool.number(1.0);
            let next = pool.add(*a, one);
            pool.unary(Unary::Gamma, next)
        }
        ("quotient", [a, b]) => quotient(pool, *a, *b),
        ("rem", [a, b]) => {
            let whole = quotient(pool, *a, *b);
            let part = pool.mul(*b, whole);
            pool.sub(*a, part)
        }
        ("implies", [a, b]) => {
            let not = pool.unary(Unary::Not, *a);
            pool.binary(Binary::Or, not, *b)
        }
        (name, [a]) => elementary(pool, name, *a)?,
        _ => return None,
    })
}

fn folded(pool: &mut Pool, op: Binary, none: f64, all: &[Id]) -> Id {
    match all {
        [] => pool.number(none),
        [first, rest @ ..] => rest.iter().fold(*first, |a, b| pool.binary(op, a, *b)),
    }
}

/// Towards zero.
fn quotient(pool: &mut Pool, a: Id, b: Id) -> Id {
    let ratio = pool.div(a, b);
    let zero = pool.number(0.0);
    let negative = pool.binary(Binary::Less, ratio, zero);
    let (up, down) = (pool.unary(Unary::Ceil, ratio), pool.unary(Unary::Floor, ratio));
    pool.select(negative, up, down)
}

/// Comparisons, of more than two arguments in a chain.
fn relation(pool: &mut Pool, name: &str, arguments: &[Id]) -> Option<Id> {
    let (op, swapped) = match name {
        "eq" => (Binary::Equal, false),
        "neq" => (Binary::NotEqual, false),
        "lt" => (Binary::Less, false),
        "leq" => (Binary::LessEqual, false),
        "gt" => (Binary::Less, true),
        "geq" => (Binary::LessEqual, true),
        _ => return None,
    };
    if arguments.len() < 2 || name == "neq" && arguments.len() > 2 {
        return None;
    }
    let each: Vec<Id> = arguments
        .windows(2)
        .map(|pair| if swapped { pool.binary(op, pair[1], pair[0]) } else { pool.binary(op, pair[0], pair[1]) })
        .collect();
    Some(folded(pool, Binary::And, 1.0, &each))
}

fn elementary(pool: &mut Pool, name: &str, a: Id) -> Option<Id> {
    let plain = match name {
        "exp" => Some(Unary::Exp),
        "ln" => Some(Unary::Log),
        "abs" => Some(Unary::Abs),
        "floor" => Some(Unary::Floor),
        "ceiling" => Some(Unary::Ceil),
        "not" => Some(Unary::Not),
        "sin" => Some(Unary::Sin),
        "cos" => Some(Unary::Cos),
        "tan" => Some(Unary::Tan),
        "sinh" => Some(Unary::Sinh),
        "cosh" => Some(Unary::Cosh),
        "tanh" => Some(Unary::Tanh),
        "arcsin" => Some(Unary::Asin),
        "arccos" => Some(Unary::Acos),
        "arctan" => Some(Unary::Atan),
        _ => None,
    };
    if let Some(op) = plain {
        return Some(pool.unary(op, a));
    }
    let one = pool.number(1.0);
    // One over the function, or the function of one over it.
    let (of, inverse) = match name {
        "sec" => ("cos", false),
        "csc" => ("sin", false),
        "cot" => ("tan", false),
        "sech" => ("cosh", false),
        "csch" => ("sinh", false),
        "coth" => ("tanh", false),
        "arcsec" => ("arccos", true),
        "arccsc" => ("arcsin", true),
        "arccot" => ("arctan", true),
        "arcsech" => ("arccosh", true),
        "arccsch" => ("arcsinh", true),
        "arccoth" => ("arctanh", true),
        "arcsinh" | "arccosh" | "arctanh" => return Some(area(pool, name, a)),
        _ => return None,
    };
    if inverse {
        let turned = pool.div(one, a);
        return elementary(pool, of, turned);
    }
    let value = elementary(pool, of, a)?;
    Some(pool.div(one, value))
}

/// Inverse hyperbolic functions by logarithms, in forms that do not cancel.
fn area(pool: &mut Pool, name: &str, x: Id) -> Id {
    let one = pool.number(1.0);
    match name {
        // sign(x) log1p(|x| + x²/(1 + sqrt(1 + x²)))
        "arcsinh" => {
            let (size, square) = (pool.unary(Unary::Abs, x), pool.power(x, 2));
            let inner = pool.add(one, square);
            let root = pool.unary(Unary::Sqrt, inner);
            let below = pool.add(one, root);
            let more = pool.div(square, below);
            let sum = pool.add(size, more);
            let (log, sign) = (pool.unary(Unary::Log1p, sum), pool.unary(Unary::Sign, x));
            pool.mul(sign, log)
        }
        // log1p(y + sqrt(y (y + 2))) with y = x - 1
        "arccosh" => {
            let y = pool.sub(x, one);
            let two = pool.number(2.0);
            let sum = pool.add(y, two);
            let product = pool.mul(y, sum);
            let root = pool.unary(Unary::Sqrt, product);
            let inner = pool.add(y, root);
            pool.unary(Unary::Log1p, inner)
        }
        _ => {
            let minus = pool.unary(Unary::Neg, x);
            let (up, down) = (pool.unary(Unary::Log1p, x), pool.unary(Unary::Log1p, minus));
            let difference = pool.sub(up, down);
            pool.scale(0.5, difference)
        }
    }
}

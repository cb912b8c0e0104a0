//! The names of a model file: parameters, vectors, `[let]`, and the parsing of expressions at their place in it.

use super::reader::{Reader, Source};
use crate::base::{Error, Limit, Param, Result};
use crate::expr::{Binary, Id, Node};
use crate::process::{Distribution, Family, Frame, Initial, symbol};
use std::collections::HashSet;
use std::ops::Range;

/// Parameters of a file, and which of them belong to a vector.
pub(super) struct Declared {
    pub list: Vec<Param>,
    vectors: Vec<(String, Range<usize>)>,
    /// Where each stands in the file.
    offsets: Vec<usize>,
}

impl Declared {
    /// Read `[params.…]`. A default that is a list declares a vector: `k = [1, 2]` gives the parameters `k1` and `k2`, in
    /// expressions `k[1]` and `k[2]`.
    pub fn read(top: &Reader) -> Result<Declared> {
        let mut declared = Declared { list: Vec::new(), vectors: Vec::new(), offsets: Vec::new() };
        let Some(tables) = top.table("params", &[])? else { return Ok(declared) };
        for (name, offset) in tables.keys() {
            check_name(top.source, &name, offset)?;
            let table = tables.needed_table(&name, &["meaning", "unit", "default", "bounds"])?;
            let defaults = table.numbers("default")?;
            let (lower, upper) = table.range("bounds")?.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
            let text = |key: &str, other: &str| Ok::<_, Error>(table.text(key)?.map_or(other.to_string(), |t| t.0));
            let (meaning, unit) = (text("meaning", "")?, text("unit", "1")?);
            let is_vector = table.is_list("default");
            if defaults.is_empty() {
                table.needed_number("default")?;
                return Err(top.source.error(offset, format!("the vector '{name}' wants at least one default")));
            }
            let first = declared.list.len();
            for (i, default) in defaults.iter().enumerate() {
                let name = if is_vector { format!("{name}{}", i + 1) } else { name.clone() };
                if !(*default >= lower && *default <= upper && default.is_finite()) {
                    let model = top.source.file.to_string();
                    return Err(Error::ParamOutOfBounds { model, param: name, value: *default, lower, upper });
                }
                if declared.list.iter().any(|p| p.name == name) {
                    return Err(top.source.error(offset, format!("there are two parameters called '{name}'")));
                }
                let (meaning, unit) = (meaning.clone(), unit.clone());
                declared.offsets.push(offset);
                declared.list.push(Param { name, meaning, unit, default: *default, lower, upper });
            }
            if is_vector {
                declared.vectors.push((name, first..declared.list.len()));
            }
            Limit::Parameters.require(declared.list.len() as f64, top.source.file)?;
        }
        Ok(declared)
    }

    /// Names of the parameters, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|p| p.name.as_str())
    }
}

/// A frame being filled from a file.
pub(super) struct Scope<'a> {
    pub source: Source<'a>,
    pub frame: Frame,
}

impl<'a> Scope<'a> {
    /// The frame of these variables and parameters, with the vectors among the parameters defined.
    ///
    /// # Errors
    /// [`Error::ModelSyntax`] or [`Error::ModelInvalid`] where a name is used twice.
    pub fn new(source: Source<'a>, variables: &[&str], params: &Declared) -> Result<Scope<'a>> {
        if let Some(k) = params.names().position(|n| variables.contains(&n)) {
            let offset = params.offsets.get(k).copied().unwrap_or_default();
            return Err(source.error(offset, format!("'{}' is already the name of a variable", params.list[k].name)));
        }
        if let Some((_, twice)) = variables.iter().enumerate().find(|(i, n)| variables[..*i].contains(n)) {
            let message = format!("the name '{twice}' stands for two variables");
            return Err(source.invalid(message, "give each state, species and axis a name of its own"));
        }
        let mut scope = Scope { source, frame: Frame::new(variables.iter().copied(), params.names()) };
        for (name, range) in &params.vectors {
            let ids: Vec<Id> = range.clone().map(|k| scope.symbol(scope.frame.param(k))).collect();
            scope.frame.pool.define_vector(name, ids);
        }
        Ok(scope)
    }

    /// The symbol at a position of the frame.
    pub fn symbol(&mut self, index: usize) -> Id {
        self.frame.pool.symbol_at(index)
    }

    /// Read `[let]`: names for expressions, each in those before it.
    pub fn read_let(&mut self, top: &Reader) -> Result<()> {
        let Some(table) = top.table("let", &[])? else { return Ok(()) };
        for (name, offset) in table.keys() {
            let id = self.expression(&table, &name, &format!("let.{name}"))?;
            self.define(&name, offset, id)?;
        }
        Ok(())
    }

    /// Give an expression a name that later ones may use.
    pub fn define(&mut self, name: &str, offset: usize, id: Id) -> Result<()> {
        check_name(self.source, name, offset)?;
        if self.frame.pool.symbol(name).is_some() {
            return Err(self.source.error(offset, format!("'{name}' is already the name of something else")));
        }
        self.frame.pool.define(name, id);
        Ok(())
    }

    /// The expression at `key`, which must be there. `called` names it in messages.
    pub fn expression(&mut self, table: &Reader, key: &str, called: &str) -> Result<Id> {
        let (text, offset) = table.needed_expression(key)?;
        self.parse(&text, offset, called)
    }

    /// The expression at `key`, or a number where the key is missing.
    pub fn expression_or(&mut self, table: &Reader, key: &str, called: &str, other: f64) -> Result<Id> {
        match table.expression(key)? {
            Some((text, offset)) => self.parse(&text, offset, called),
            None => Ok(self.frame.pool.number(other)),
        }
    }

    /// As [`Scope::expression_or`], in parameters alone.
    pub fn constant_or(&mut self, table: &Reader, key: &str, called: &str, other: f64) -> Result<Id> {
        let id = self.expression_or(table, key, called, other)?;
        self.refuse_variables(id, table.expression(key)?.map_or(table.offset, |e| e.1), called)
    }

    /// The expression itself where it is in parameters (and time) alone.
    pub fn refuse_variables(&self, id: Id, offset: usize, called: &str) -> Result<Id> {
        if self.frame.varies(id) {
            return Err(self.source.error(offset, format!("{called} may hold parameters only")));
        }
        Ok(id)
    }

    /// Parse an expression that stands at `offset` of the file, and place its mistakes there.
    pub fn parse(&mut self, text: &str, offset: usize, called: &str) -> Result<Id> {
        let source = self.source;
        self.frame.pool.parse(text, source.file).map_err(|error| source.moved(error, offset, called))
    }

    /// A law such as `normal(mj, sj)`: name and arguments. `None` where the text is not of that shape.
    pub fn call(&mut self, text: &str, offset: usize, called: &str) -> Result<Option<(String, Vec<Id>)>> {
        let Some((name, rest)) = text.split_once('(') else { return Ok(None) };
        let Some(inner) = rest.trim_end().strip_suffix(')') else { return Ok(None) };
        let mut arguments = Vec::new();
        for (part, at) in split_arguments(inner) {
            let before = name.len() + 1 + at;
            arguments.push(self.parse_inside(part, offset, before, called)?);
        }
        Ok(Some((name.trim().to_string(), arguments)))
    }

    /// Parse a part of a text: `before` bytes of the text stand before it. Columns count from the text's opening quote.
    fn parse_inside(&mut self, part: &str, offset: usize, before: usize, called: &str) -> Result<Id> {
        // Blanks in front keep the columns of the part as they are in the whole.
        let padded = format!("{}{part}", " ".repeat(before));
        self.parse(&padded, offset, called)
    }

    /// The distribution at `text`.
    ///
    /// # Errors
    /// [`Error::ModelSyntax`] for an unknown family or a wrong number of arguments.
    pub fn distribution(&mut self, text: &str, offset: usize, called: &str) -> Result<Distribution> {
        let names = Family::ALL.map(Family::name);
        let family = self.family(text).ok_or_else(|| {
            let message = format!("{called}: '{text}' is not a law; the laws are {}", names.join(", "));
            self.source.error(offset, message)
        })?;
        let wanted = family.arguments();
        match self.call(text, offset, called)? {
            Some((_, arguments)) if arguments.len() == wanted.len() => Ok(Distribution { family, arguments }),
            _ => {
                let form = format!("{}({})", family.name(), wanted.join(", "));
                Err(self.source.error(offset, format!("{called}: write {form}")))
            }
        }
    }

    fn family(&self, text: &str) -> Option<Family> {
        let name = text.split('(').next().unwrap_or_default().trim();
        Family::ALL.into_iter().find(|f| f.name() == name && text.contains('('))
    }

    /// How a variable starts: a number, an expression in parameters, a law, or "stationary".
    pub fn initial(&mut self, table: &Reader, called: &str) -> Result<Option<Initial>> {
        let Some((text, offset)) = table.expression("initial")? else { return Ok(None) };
        if text.trim() == "stationary" {
            return Ok(Some(Initial::Stationary));
        }
        // `gamma(a)` is the function, `gamma(shape, rate)` the law.
        let arguments = text.split_once('(').map_or(0, |(_, rest)| split_arguments(rest.trim_end_matches(')')).len());
        let initial = match self.family(&text) {
            Some(family) if family.arguments().len() == arguments || family != Family::Gamma => {
                Initial::Law(self.distribution(&text, offset, called)?)
            }
            _ => Initial::Value(self.parse(&text, offset, called)?),
        };
        let parts = match &initial {
            Initial::Value(id) => vec![*id],
            Initial::Law(law) => law.arguments.clone(),
            Initial::Stationary => Vec::new(),
        };
        for id in parts {
            self.refuse_variables(id, offset, called)?;
        }
        Ok(Some(initial))
    }
}

/// The times at which expressions jump because they compare the clock with something fixed, `t < t0`: nobody needs to list them.
pub(in crate::models) fn time_steps(frame: &Frame, expressions: impl Iterator<Item = Id>) -> Vec<Id> {
    let is_clock = |id: Id| frame.pool.node(id) == Node::Symbol(symbol::TIME as u32);
    let is_fixed = |id: Id| !frame.varies(id) && !frame.is_timed(id);
    let mut waiting: Vec<Id> = expressions.filter(|id| frame.is_timed(*id)).collect();
    let mut seen = HashSet::new();
    let mut steps = Vec::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        if let Node::Binary(Binary::Less | Binary::LessEqual, a, b) = frame.pool.node(id) {
            for (clock, fixed) in [(a, b), (b, a)] {
                if is_clock(clock) && is_fixed(fixed) && !steps.contains(&fixed) {
                    steps.push(fixed);
                }
            }
        }
        waiting.extend(frame.pool.node(id).children());
    }
    steps
}

/// The arguments between commas that stand in no inner parentheses, with the byte at which each begins.
pub(super) fn split_arguments(inner: &str) -> Vec<(&str, usize)> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0i32, 0);
    for (i, c) in inner.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push((&inner[start..i], start));
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push((&inner[start..], start));
    parts
}

/// # Errors
/// [`Error::ModelSyntax`] unless the text can be a name in expressions.
pub(super) fn check_name(source: Source, name: &str, offset: usize) -> Result<()> {
    let mut letters = name.chars();
    let starts_well = letters.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    const TAKEN: [&str; 6] = ["t", "pi", "if", "and", "or", "not"];
    if starts_well && letters.all(|c| c.is_alphanumeric() || c == '_') && !TAKEN.contains(&name) {
        return Ok(());
    }
    let taken = TAKEN.join(", ");
    Err(source.error(offset, format!("'{name}' cannot be a name: use letters, digits and _ ({taken} are taken)")))
}

//! BioNetGen's `.net`: a network written out, species by number.
//!
//! `reactions` lines are `number reactants products rate #comment`, species by number with commas between, `0` for none. The rate
//! is a parameter, a number times one, an expression of them, or a function of the `functions` block; in every case it is
//! multiplied by the reactants. BioNetGen has written the factors of symmetry into the rate already: for `A + A` it writes
//! `0.5*k`, and its simulator multiplies by `n (n-1)` (Faeder, Blinov & Hlavacek 2009, doi:10.1007/978-1-59745-525-1_5; the same
//! in its own export to SBML and in ReactionNetworkImporters.jl, which turns combinatorial factors off). So reactants are counted
//! as [`Counting::Ordered`] and nothing is added.
//!
//! Not read, and refused by name: `Sat`, `MM` and `Hill` laws, functions with arguments, amounts that are concentrations.

use super::imported::{Names, equation, id, param};
use super::network::{Powers, Side, add, mass_action};
use super::reader::Source;
use crate::base::{Param, Result};
use crate::expr::Id;
use crate::models::Model;
use crate::process::{Amount, Counting, Frame, Initial, Network, Process, Reaction, Rule, Species};
use std::collections::HashMap;

/// Longest name made of a pattern; beyond it a species is called by its number.
const LONGEST_NAME: usize = 20;

/// Whether a text is such a file: its first line that says anything opens a block.
pub(super) fn is_net(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
    first.is_some_and(|l| l.starts_with("begin ") || l.starts_with("substanceUnits"))
}

/// A line of a block without its comment.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Line<'a> {
    /// The first word, and what follows.
    fn word(self) -> (&'a str, Line<'a>) {
        let start = self.text.len() - self.text.trim_start().len();
        let text = &self.text[start..];
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        (&text[..end], Line { text: &text[end..], offset: self.offset + start + end })
    }

    /// Without the number in front, where there is one.
    fn unnumbered(self) -> Line<'a> {
        let (number, rest) = self.word();
        if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) { rest } else { self }
    }

    fn trimmed(self) -> Line<'a> {
        let start = self.text.len() - self.text.trim_start().len();
        Line { text: self.text.trim(), offset: self.offset + start }
    }
}

#[derive(Default)]
struct Blocks<'a> {
    parameters: Vec<Line<'a>>,
    species: Vec<Line<'a>>,
    reactions: Vec<Line<'a>>,
    groups: Vec<Line<'a>>,
    functions: Vec<Line<'a>>,
}

impl<'a> Blocks<'a> {
    fn read(source: Source<'a>) -> Result<Blocks<'a>> {
        let mut blocks = Blocks::default();
        let mut open: Option<&str> = None;
        let mut offset = 0;
        for whole in source.text.split_inclusive('\n') {
            let line = Line { text: whole.split('#').next().unwrap_or_default(), offset }.trimmed();
            offset += whole.len();
            let words: Vec<&str> = line.text.split_whitespace().take(3).collect();
            let wrong = |message: String| Err(source.error(line.offset, message));
            match (words.as_slice(), open) {
                ([], _) => {}
                (["begin", ..], Some(name)) => return wrong(format!("the block '{name}' is still open here")),
                (["begin", ..], None) => open = Some(line.text["begin".len()..].trim()),
                (["end", ..], Some(name)) if line.text["end".len()..].trim() == name => open = None,
                (["end", ..], _) => return wrong(format!("'{}' closes no block", line.text)),
                (_, Some("parameters")) => blocks.parameters.push(line),
                (_, Some("species")) => blocks.species.push(line),
                (_, Some("reactions")) => blocks.reactions.push(line),
                (_, Some("groups")) => blocks.groups.push(line),
                (_, Some("functions")) => blocks.functions.push(line),
                (_, Some("molecule types" | "observables" | "reaction rules")) => {}
                (_, Some(name)) => return wrong(format!("the block '{name}' of a .net file is not read")),
                (_, None) if line.text.replace(' ', "").starts_with("substanceUnits(\"Number\")") => {}
                (_, None) => {
                    return wrong(format!("'{}' stands outside every block and is not read: remove it", line.text));
                }
            }
        }
        match open {
            Some(name) => Err(source.error(source.text.len(), format!("the block '{name}' is never closed"))),
            None => Ok(blocks),
        }
    }
}

/// Read a `.net` file, not yet checked.
///
/// # Errors
/// [`Error::ModelSyntax`] or [`Error::Expression`] with the place.
pub(super) fn read_net(source: Source) -> Result<Model> {
    let blocks = Blocks::read(source)?;
    for (lines, name) in [(&blocks.species, "species"), (&blocks.reactions, "reactions")] {
        if lines.is_empty() {
            return Err(source.error(source.text.len(), format!("the file has no {name}, so nothing happens in it")));
        }
    }
    let mut names = Names::default();
    let mut renamed = HashMap::new();
    let (params, derived) = read_parameters(source, &blocks, &mut names, &mut renamed)?;
    let species = species_lines(source, &blocks, &mut names)?;
    let symbols: Vec<String> = species.iter().map(|s| s.0.clone()).collect();
    let frame = Frame::new(symbols.iter().map(String::as_str), params.iter().map(|p| p.name.as_str()));
    let mut reading = Reading { source, frame, renamed, rates: HashMap::new() };
    for (name, line) in &derived {
        let id = reading.expression(*line, name)?;
        reading.frame.pool.define(name, id);
    }
    let mut members = Vec::new();
    let mut fixed = Vec::new();
    for (name, line, pattern, is_fixed) in species {
        let initial = Initial::Value(reading.expression(line, &format!("the start of '{name}'"))?);
        let (unit, meaning) = ("molecules".to_string(), pattern.to_string());
        members.push(Species { name, unit, meaning, initial, amount: Amount::Count });
        fixed.push(is_fixed);
    }
    let rules = reading.groups(&blocks.groups, &fixed, &mut names)?;
    reading.functions(&blocks.functions, &mut names)?;
    let volume = reading.frame.pool.number(1.0);
    let mut reactions = Vec::with_capacity(blocks.reactions.len());
    for line in &blocks.reactions {
        reactions.push(reading.reaction(*line, &symbols, &fixed, volume)?);
    }
    let title = format!("{} species, {} reactions from BioNetGen", members.len(), reactions.len());
    let said = source.text.lines().next().and_then(|l| l.strip_prefix('#')).map_or("", str::trim);
    let network = Network {
        frame: reading.frame,
        species: members,
        reactions,
        counting: Counting::Ordered,
        volume,
        events: Vec::new(),
        rules,
        rates: Vec::new(),
        breaks: Vec::new(),
    };
    Ok(Model {
        id: id(source.file),
        title,
        source: said.to_string(),
        tags: Vec::new(),
        params,
        process: Process::Network(network),
        observe: Vec::new(),
        horizon: 1.0,
        law: None,
        file: source.file.to_string(),
    })
}

type Derived<'a> = Vec<(String, Line<'a>)>;

/// Numbers become parameters, expressions of them named expressions.
fn read_parameters<'a>(
    source: Source<'a>,
    blocks: &Blocks<'a>,
    names: &mut Names,
    renamed: &mut HashMap<String, String>,
) -> Result<(Vec<Param>, Derived<'a>)> {
    let (mut params, mut derived) = (Vec::new(), Vec::new());
    for line in &blocks.parameters {
        let (written, rest) = line.unnumbered().word();
        let value = Line { text: rest.text.trim_start().trim_start_matches('='), offset: rest.offset };
        // The offset is that of the value itself.
        let value = Line { offset: rest.offset + rest.text.len() - value.text.len(), ..value }.trimmed();
        if value.text.is_empty() {
            return Err(source.error(line.offset, format!("the parameter '{written}' has no value")));
        }
        if !names.is_free(written) {
            return Err(source.error(line.offset, format!("there are two parameters called '{written}'")));
        }
        let name = names.claim(written);
        if name != written {
            renamed.insert(written.to_string(), name.clone());
        }
        match value.text.parse::<f64>() {
            Ok(x) if x.is_finite() => params.push(param(name, "", "1", x)),
            _ => derived.push((name, value)),
        }
    }
    Ok((params, derived))
}

/// Name, start, pattern and whether it is held fixed, of each species.
type SpeciesLine<'a> = (String, Line<'a>, &'a str, bool);

fn species_lines<'a>(source: Source<'a>, blocks: &Blocks<'a>, names: &mut Names) -> Result<Vec<SpeciesLine<'a>>> {
    let mut species = Vec::with_capacity(blocks.species.len());
    for (i, line) in blocks.species.iter().enumerate() {
        let (number, rest) = line.word();
        if number.parse() != Ok(i + 1) {
            let message = format!("species are numbered from 1 without gaps: '{}' should be {}", number, i + 1);
            return Err(source.error(line.offset, message));
        }
        let (pattern, start) = rest.word();
        if start.text.trim().is_empty() {
            return Err(source.error(line.offset, format!("species {} wants a pattern and a start", i + 1)));
        }
        let is_fixed = pattern.starts_with('$') || pattern.contains(":$");
        let wished = name_of(pattern).filter(|n| names.is_free(n)).unwrap_or_else(|| format!("S{}", i + 1));
        species.push((names.claim(&wished), start.trimmed(), pattern, is_fixed));
    }
    Ok(species)
}

/// `A(Y~U,r!1)` as `A_YU_r1`, where that is short.
fn name_of(pattern: &str) -> Option<String> {
    let mut name = String::new();
    for c in pattern.chars() {
        match c {
            '~' | '!' | '$' => {}
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_matches('_');
    (!name.is_empty() && name.len() <= LONGEST_NAME).then(|| name.to_string())
}

struct Reading<'a> {
    source: Source<'a>,
    frame: Frame,
    /// Names of the file that had to change.
    renamed: HashMap<String, String>,
    /// Rates met before: a file of many reactions has few.
    rates: HashMap<&'a str, Id>,
}

impl<'a> Reading<'a> {
    fn expression(&mut self, line: Line, called: &str) -> Result<Id> {
        let text = self.translated(line)?;
        let source = self.source;
        self.frame.pool.parse(&text, source.file).map_err(|error| source.moved(error, line.offset, called))
    }

    /// BioNetGen's spelling in ours: `f()` is `f`, `time()` is `t`, and names that had to change are changed.
    fn translated(&self, line: Line) -> Result<String> {
        let mut out = String::with_capacity(line.text.len());
        let mut rest = line.text;
        while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
            // The `e` of a number is none.
            let digit_before = rest[..start].ends_with(|c: char| c.is_ascii_digit() || c == '.');
            let end =
                rest[start..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(rest.len(), |k| start + k);
            let word = &rest[start..end];
            out.push_str(&rest[..start]);
            rest = &rest[end..];
            if digit_before {
                out.push_str(word);
                continue;
            }
            let is_empty_call = rest.trim_start().strip_prefix('(').is_some_and(|r| r.trim_start().starts_with(')'));
            match word {
                "log" | "rint" | "mratio" | "TFUN" | "tfun" => {
                    let message =
                        format!("the function '{word}' of BioNetGen is not read; write ln or log10 for a logarithm");
                    return Err(self.source.error(line.offset, message));
                }
                "time" if is_empty_call => out.push('t'),
                "_pi" => out.push_str("pi"),
                "_e" => out.push_str("exp(1)"),
                _ => out.push_str(self.renamed.get(word).map_or(word, String::as_str)),
            }
            if is_empty_call {
                let close = rest.find(')').map_or(0, |k| k + 1);
                out.push_str(&" ".repeat(close));
                rest = &rest[close..];
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// `1 Name 1,2*5,7`: sums of species, with weights.
    fn groups(&mut self, lines: &[Line<'a>], fixed: &[bool], names: &mut Names) -> Result<Vec<Rule>> {
        let mut rules = Vec::new();
        for line in lines {
            let (written, rest) = line.unnumbered().word();
            let mut sum = self.frame.pool.number(0.0);
            for term in rest.text.split([',', ' ', '\t']).filter(|t| !t.is_empty()) {
                let (weight, number) = term.split_once('*').unwrap_or(("1", term));
                let weight = weight.parse::<f64>().ok().filter(|w| w.is_finite());
                let (Some(weight), Some(s)) = (weight, self.number_of(number, fixed.len())) else {
                    return Err(self.source.error(line.offset, format!("group '{written}': '{term}' is no species")));
                };
                let x = self.frame.pool.symbol_at(self.frame.variable(s));
                let part = self.frame.pool.scale(weight, x);
                sum = self.frame.pool.add(sum, part);
            }
            let name = self.claim(written, names);
            self.frame.pool.define(&name, sum);
            rules.push(Rule { name, value: sum });
        }
        Ok(rules)
    }

    /// `1 f() expression`
    fn functions(&mut self, lines: &[Line<'a>], names: &mut Names) -> Result<()> {
        for line in lines {
            let line = line.unnumbered().trimmed();
            let Some((head, _)) = line.text.split_once(')') else {
                return Err(self.source.error(line.offset, "a function is written as: f() expression"));
            };
            let (written, arguments) = head.split_once('(').unwrap_or((head, ""));
            if !arguments.trim().is_empty() {
                let message = format!("the function '{}' has arguments, which is not read", written.trim());
                return Err(self.source.error(line.offset, message));
            }
            let body = &line.text[head.len() + 1..];
            let body = body.trim_start().strip_prefix('=').unwrap_or(body);
            let offset = line.offset + line.text.len() - body.len();
            let written = written.trim();
            let id = self.expression(Line { text: body, offset }.trimmed(), &format!("the function '{written}'"))?;
            let name = self.claim(written, names);
            self.frame.pool.define(&name, id);
        }
        Ok(())
    }

    fn claim(&mut self, written: &str, names: &mut Names) -> String {
        let name = names.claim(written);
        if name != written {
            self.renamed.insert(written.to_string(), name.clone());
        }
        name
    }

    /// Position of the species of this number.
    fn number_of(&self, text: &str, n: usize) -> Option<usize> {
        text.parse::<usize>().ok().filter(|s| (1..=n).contains(s)).map(|s| s - 1)
    }

    fn side(&self, text: &str, n: usize, line: Line) -> Result<Side> {
        let mut side = Side::new();
        for number in text.split(',').filter(|t| *t != "0") {
            let Some(s) = self.number_of(number, n) else {
                return Err(self.source.error(line.offset, format!("there is no species '{number}'; there are {n}")));
            };
            add(&mut side, s, 1);
        }
        Ok(side)
    }

    fn reaction(&mut self, line: Line<'a>, symbols: &[String], fixed: &[bool], volume: Id) -> Result<Reaction> {
        let (number, rest) = line.word();
        let (left, rest) = rest.word();
        let (right, rest) = rest.word();
        let rest = rest.trimmed();
        let law = rest.word().0;
        if rest.text.is_empty() {
            return Err(self.source.error(line.offset, "a reaction is written as: number reactants products rate"));
        }
        if ["Sat", "MM", "Hill", "Ele", "FunctionProduct", "Arrhenius", "eBNG"].contains(&law) {
            let message = format!(
                "reaction {number}: the law '{law}' of BioNetGen is not read; write it as a function of groups"
            );
            return Err(self.source.error(rest.offset, message));
        }
        let reactants = self.side(left, fixed.len(), line)?;
        let mut products = self.side(right, fixed.len(), line)?;
        // A species held fixed is as it was after every reaction.
        products.retain(|(s, _)| !fixed[*s]);
        products.extend(reactants.iter().filter(|(s, _)| fixed[*s]));
        let rate = match self.rates.get(rest.text) {
            Some(id) => *id,
            None => {
                let id = self.expression(rest, &format!("the rate of reaction {number}"))?;
                self.rates.insert(rest.text, id);
                id
            }
        };
        let frame = &mut self.frame;
        let mut of = |powers| mass_action(frame, rate, &reactants, Counting::Ordered, volume, powers);
        let (propensity, macroscopic) = (of(Powers::Falling), of(Powers::Plain));
        let rate = (!self.frame.varies(rate)).then_some(rate);
        let equation = equation(symbols, &reactants, &products);
        Ok(Reaction { name: format!("R{number}"), equation, reactants, products, rate, propensity, macroscopic })
    }
}

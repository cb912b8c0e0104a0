//! A network as the text of a model file: what files of other programs are converted to.

use super::Model;
use super::read::time_steps;
use crate::base::{Error, Result};
use crate::expr::Id;
use crate::process::{Amount, Counting, Distribution, Draw, Event, Initial, Network, Process, ValuesFrom};
use std::fmt::Write;

/// The model file of a network, which reads back to the same network: names for expressions are written out, everything else is as
/// it was.
///
/// Cost: linear in the length of the text.
///
/// # Errors
/// [`Error::ModelInvalid`] where the model is no network, or where an expression is longer than the language reads.
pub fn write(model: &Model) -> Result<String> {
    let Process::Network(network) = &model.process else {
        let hint = "kramers init NAME copies a model that is in TOML already";
        return Err(invalid(model, &format!("it is a {}; networks are converted", model.process.kind()), hint));
    };
    let mut text = Text { model, network, out: String::new() };
    text.header();
    text.params();
    text.species()?;
    text.rates()?;
    text.rules()?;
    text.reactions()?;
    for event in &network.events {
        text.event(event)?;
    }
    text.observations()?;
    Ok(text.out)
}

fn invalid(model: &Model, message: &str, hint: &str) -> Error {
    Error::ModelInvalid { file: model.file.clone(), message: message.to_string(), hint: hint.to_string() }
}

/// A text in quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => drop(write!(out, "\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A name as a key.
fn key(name: &str) -> String {
    let bare = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_string() } else { quoted(name) }
}

struct Text<'a> {
    model: &'a Model,
    network: &'a Network,
    out: String,
}

impl Text<'_> {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.line(&format!("{name} = {value}"));
    }

    fn words(&mut self, name: &str, words: &str) {
        if !words.is_empty() {
            self.pair(name, &quoted(words));
        }
    }

    fn header(&mut self) {
        let model = self.model;
        self.pair("schema", "1");
        self.pair("id", &quoted(&model.id));
        self.pair("title", &quoted(&model.title));
        self.pair("kind", "\"network\"");
        self.words("source", &model.source);
        if !model.tags.is_empty() {
            let tags: Vec<String> = model.tags.iter().map(|t| quoted(t)).collect();
            self.pair("tags", &format!("[{}]", tags.join(", ")));
        }
        self.pair("horizon", &format!("{:?}", model.horizon));
        let counting = match self.network.counting {
            Counting::Combinations => "combinations",
            Counting::Ordered => "ordered",
        };
        self.pair("counting", &quoted(counting));
        let pool = &self.network.frame.pool;
        if pool.constant(self.network.volume) != Some(1.0) {
            let volume = pool.print(self.network.volume);
            self.pair("volume", &quoted(&volume));
        }
        // Those that the reader finds by itself are left to it.
        let found = time_steps(&self.network.frame, self.network.reactions.iter().map(|r| r.propensity));
        let breaks = self.network.breaks.iter().filter(|b| !found.contains(b));
        let breaks: Vec<String> = breaks.map(|b| quoted(&pool.print(*b))).collect();
        if !breaks.is_empty() {
            self.pair("breaks", &format!("[{}]", breaks.join(", ")));
        }
    }

    fn params(&mut self) {
        for param in &self.model.params {
            self.line(&format!("\n[params.{}]", key(&param.name)));
            self.words("meaning", &param.meaning);
            self.pair("unit", &quoted(&param.unit));
            self.pair("default", &format!("{:?}", param.default));
            self.pair("bounds", &format!("[{:?}, {:?}]", param.lower, param.upper));
        }
    }

    fn species(&mut self) -> Result<()> {
        for species in &self.network.species {
            self.line(&format!("\n[species.{}]", key(&species.name)));
            self.words("meaning", &species.meaning);
            self.pair("unit", &quoted(&species.unit));
            if species.amount == Amount::Real {
                self.pair("real", "true");
            }
            let initial = match &species.initial {
                Initial::Value(id) => self.expression(*id)?,
                Initial::Law(law) => quoted(&self.law(law, None)?),
                Initial::Stationary => quoted("stationary"),
            };
            self.pair("initial", &initial);
        }
        Ok(())
    }

    fn rates(&mut self) -> Result<()> {
        if !self.network.rates.is_empty() {
            self.line("\n[rate]");
        }
        for (member, rate) in &self.network.rates {
            let rate = self.expression(*rate)?;
            self.pair(&key(&self.network.species[*member].name), &rate);
        }
        Ok(())
    }

    fn rules(&mut self) -> Result<()> {
        for rule in &self.network.rules {
            self.line("\n[[rule]]");
            self.pair("set", &quoted(&rule.name));
            let value = self.expression(rule.value)?;
            self.pair("to", &value);
        }
        Ok(())
    }

    fn reactions(&mut self) -> Result<()> {
        for reaction in &self.network.reactions {
            self.line("\n[[reaction]]");
            self.pair("name", &quoted(&reaction.name));
            self.pair("equation", &quoted(&reaction.equation));
            let (kind, id) = match reaction.rate {
                Some(rate) => ("rate", rate),
                None => ("law", reaction.propensity),
            };
            let law = self.expression(id)?;
            self.pair(kind, &law);
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        self.line("\n[[event]]");
        self.words("name", &event.name);
        let when = self.expression(event.when)?;
        self.pair("when", &when);
        for (name, id) in [("delay", event.delay), ("priority", event.priority)] {
            if let Some(id) = id {
                let value = self.expression(id)?;
                self.pair(name, &value);
            }
        }
        if event.persistent {
            self.pair("persistent", "true");
        }
        if event.initially != event.at.is_none() {
            self.pair("initially", &format!("{}", event.initially));
        }
        if event.values == ValuesFrom::Trigger {
            self.pair("values", "\"trigger\"");
        }
        for (k, draw) in event.draws.iter().enumerate() {
            let law = self.law(&draw.law, draw.between)?;
            let name = self.drawn(k, draw);
            self.pair(&format!("draw.{}", key(&name)), &quoted(&law));
        }
        for (member, value) in &event.after {
            let value = self.expression(*value)?;
            self.pair(&format!("after.{}", key(&self.network.species[*member].name)), &value);
        }
        Ok(())
    }

    /// What stands after the dot of the symbol of a random number is its name.
    fn drawn(&self, k: usize, draw: &Draw) -> String {
        let symbol = self.network.frame.pool.symbols().get(draw.symbol);
        symbol.and_then(|s| s.rsplit_once('.')).map_or_else(|| format!("ξ{}", k + 1), |(_, name)| name.to_string())
    }

    fn observations(&mut self) -> Result<()> {
        for observation in &self.model.observe {
            self.line(&format!("\n[observe.{}]", key(&observation.name)));
            self.pair("unit", &quoted(&observation.unit));
            let of = self.expression(observation.of)?;
            self.pair("of", &of);
            if let Some(noise) = &observation.noise {
                let noise = self.law(noise, None)?;
                self.pair("noise", &quoted(&noise));
            }
            if let Some(nu) = observation.student {
                let nu = self.print(nu)?;
                self.pair("innovations", &quoted(&format!("student({nu})")));
            }
        }
        Ok(())
    }

    /// A plain number bare, all else in quotes.
    fn expression(&self, id: Id) -> Result<String> {
        match self.network.frame.pool.constant(id) {
            Some(x) if x.is_finite() => Ok(format!("{x:?}")),
            _ => self.print(id).map(|text| quoted(&text)),
        }
    }

    fn print(&self, id: Id) -> Result<String> {
        let text = self.network.frame.pool.print(id);
        if !text.contains('…') {
            return Ok(text);
        }
        let short: String = text.chars().take(40).collect();
        Err(invalid(
            self.model,
            &format!("the expression {short}… is longer than the model language reads"),
            "use the file as it is",
        ))
    }

    fn law(&self, law: &Distribution, between: Option<(Id, Id)>) -> Result<String> {
        let ends = between.into_iter().flat_map(|(lower, upper)| [lower, upper]);
        let arguments: Result<Vec<String>> =
            law.arguments.iter().copied().chain(ends).map(|id| self.print(id)).collect();
        Ok(format!("{}({})", law.family.name(), arguments?.join(", ")))
    }
}

//! `[[event]]`: conditions, delays and priorities, and new values in which laws stand for random numbers.

use super::network::Members;
use super::reader::Reader;
use super::scope::{Scope, check_name, split_arguments};
use crate::base::Result;
use crate::expr::Id;
use crate::process::{Distribution, Draw, Event, Family, Species, ValuesFrom, known_time};

pub(super) const KEYS: [&str; 10] =
    ["when", "after", "draw", "name", "meaning", "delay", "priority", "persistent", "initially", "values"];

pub(super) fn read_event(
    table: &Reader,
    scope: &mut Scope,
    species: &[Species],
    members: &Members,
    index: usize,
) -> Result<Event> {
    let called = |what: &str| format!("event[{}].{what}", index + 1);
    let when = scope.expression(table, "when", &called("when"))?;
    // `t >= T` and `t > T` become true at T, and are not watched but waited for.
    let at = known_time(&scope.frame, when);
    let mut optional = |key: &str| -> Result<Option<Id>> {
        if table.has(key) { scope.expression(table, key, &called(key)).map(Some) } else { Ok(None) }
    };
    let (delay, priority) = (optional("delay")?, optional("priority")?);
    let values = match table.text("values")? {
        None => ValuesFrom::Execution,
        Some((text, offset)) => match text.as_str() {
            "trigger" => ValuesFrom::Trigger,
            "execution" => ValuesFrom::Execution,
            _ => {
                let message = format!("{}: write \"trigger\" or \"execution\", not '{text}'", called("values"));
                return Err(table.source.error(offset, message));
            }
        },
    };
    let known: Vec<&str> = species.iter().map(|s| s.name.as_str()).collect();
    let moved = table.needed_table("after", &known)?;
    let mut drawing = Drawing { scope, event: index, draws: Vec::new() };
    let lent = drawing.named(table, &called)?;
    let mut after = Vec::new();
    for (name, _) in moved.keys() {
        let (text, offset) = moved.needed_expression(&name)?;
        let id = drawing.expression(&text, offset, &called(&format!("after.{name}")))?;
        after.push((members.find(&name).unwrap_or_default(), id));
    }
    let draws = drawing.draws;
    lent.iter().for_each(|name| scope.frame.pool.undefine(name));
    Ok(Event {
        name: table.text("name")?.map_or(String::new(), |t| t.0),
        when,
        at,
        initially: if table.has("initially") { table.flag("initially")? } else { at.is_none() },
        delay,
        priority,
        persistent: table.flag("persistent")?,
        values,
        draws,
        after,
    })
}

/// The random numbers of one event while it is read.
struct Drawing<'a, 'b> {
    scope: &'a mut Scope<'b>,
    event: usize,
    draws: Vec<Draw>,
}

impl Drawing<'_, '_> {
    /// `draw.u = "uniform(0, 1)"`: random numbers with a name, for the assignments below. The names are theirs until they are given
    /// back.
    fn named(&mut self, table: &Reader, called: &dyn Fn(&str) -> String) -> Result<Vec<String>> {
        let Some(draws) = table.table("draw", &[])? else { return Ok(Vec::new()) };
        let mut lent = Vec::new();
        for (name, _) in draws.keys() {
            let (text, offset) = draws.needed_text(&name)?;
            let called = called(&format!("draw.{name}"));
            check_name(self.scope.source, &name, offset)?;
            if self.scope.frame.pool.names().any(|n| n == name) {
                return Err(self
                    .scope
                    .source
                    .error(offset, format!("{called}: the name means something else already")));
            }
            let whole = |c: &Call| c.from == 0 && c.to == text.trim_end().len();
            let Some(call) = calls(&text).into_iter().find(whole) else {
                let message = format!("{called}: '{text}' is not a law; write normal(0, 1)");
                return Err(self.scope.source.error(offset, message));
            };
            self.one(&call, name.clone(), offset, &called)?;
            lent.push(name);
        }
        Ok(lent)
    }

    /// One more random number, which `name` stands for from now on.
    fn one(&mut self, call: &Call, name: String, offset: usize, called: &str) -> Result<()> {
        let wanted = call.family.arguments().len();
        let given = call.arguments.len();
        if given != wanted && given != wanted + 2 {
            let form = format!("{}({})", call.family.name(), call.family.arguments().join(", "));
            let message = format!("{called}: write {form}, or with two ends more to truncate it");
            return Err(self.scope.source.error(offset, message));
        }
        let mut arguments = Vec::new();
        for (part, before) in &call.arguments {
            // Blanks in front keep the columns of the part as they are in the whole.
            arguments.push(self.scope.parse(&format!("{}{part}", " ".repeat(*before)), offset, called)?);
        }
        let ends = arguments.split_off(wanted);
        let between = if let [lower, upper] = ends[..] { Some((lower, upper)) } else { None };
        let pool = &mut self.scope.frame.pool;
        let symbol = pool.add_symbol(&draw_symbol(self.event, &name));
        let id = pool.symbol_at(symbol);
        pool.define(&name, id);
        self.draws.push(Draw { symbol, law: Distribution { family: call.family, arguments }, between });
        Ok(())
    }

    /// An expression in which calls of laws, `X + poisson(3)`, stand for random numbers; two arguments more than the law has are
    /// the ends it is truncated to.
    fn expression(&mut self, text: &str, offset: usize, called: &str) -> Result<Id> {
        let mut plain = String::new();
        let mut lent = Vec::new();
        let mut rest = 0;
        for call in calls(text) {
            if call.family == Family::Gamma && call.arguments.len() == 1 {
                // The function.
                continue;
            }
            let name = self.free_name();
            self.one(&call, name.clone(), offset, called)?;
            plain.push_str(&text[rest..call.from]);
            let blanks = text[call.from..call.to].chars().count().saturating_sub(name.chars().count());
            plain.push_str(&format!("{name}{}", " ".repeat(blanks)));
            rest = call.to;
            lent.push(name);
        }
        plain.push_str(&text[rest..]);
        let id = self.scope.parse(&plain, offset, called);
        lent.iter().for_each(|name| self.scope.frame.pool.undefine(name));
        id
    }

    /// A name that means nothing yet.
    fn free_name(&self) -> String {
        let pool = &self.scope.frame.pool;
        let taken =
            |name: &String| pool.names().any(|n| n == name) || pool.position(&draw_symbol(self.event, name)).is_some();
        (1..).map(|k| format!("ξ{k}")).find(|name| !taken(name)).unwrap_or_default()
    }
}

/// The symbol of a random number: what stands after the dot is how it is printed.
pub(super) fn draw_symbol(event: usize, name: &str) -> String {
    format!("#draw{event}.{name}")
}

/// The call of a law in a text, by its bytes.
struct Call<'a> {
    family: Family,
    from: usize,
    to: usize,
    /// Each argument with the characters before it.
    arguments: Vec<(&'a str, usize)>,
}

fn calls(text: &str) -> Vec<Call<'_>> {
    let mut found: Vec<Call> = Vec::new();
    let letter = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    for (open, _) in text.match_indices('(') {
        let before = text[..open].trim_end();
        let word = before.rsplit(|c| !letter(c)).next().unwrap_or_default();
        // `x-normal(0, 1)`: only a law that has a hyphen takes one.
        let named = |name: &str| Family::ALL.into_iter().find(|f| f.name() == name);
        let short = word.rsplit('-').next().unwrap_or_default();
        let Some(family) = named(word).or_else(|| named(short)) else { continue };
        let from = before.len() - family.name().len();
        let mut depth = 0;
        let close = text[open..].char_indices().find_map(|(i, c)| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            (depth == 0).then_some(open + i)
        });
        let Some(close) = close.filter(|_| found.last().is_none_or(|last| last.to <= from)) else { continue };
        let inner = &text[open + 1..close];
        let start = |at: usize| text[..open + 1 + at].chars().count();
        let arguments = split_arguments(inner).into_iter().map(|(part, at)| (part, start(at))).collect();
        found.push(Call { family, from, to: close + 1, arguments });
    }
    found
}

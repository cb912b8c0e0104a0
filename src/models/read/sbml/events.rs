//! Events (section 4.12): trigger, delay, priority and assignments.

use super::document::{Xml, child, flag, list, needed, text};
use super::{Sbml, When};
use crate::base::Result;
use crate::expr::{Binary, Id};
use crate::process::{Event, Initial, Species, ValuesFrom, known_time, symbol};

impl<'a> Sbml<'a> {
    pub(super) fn events(&mut self, species: &[Species]) -> Result<Vec<Event>> {
        let nodes = list(self.model, "listOfEvents");
        let mut events = Vec::with_capacity(nodes.len());
        for (i, node) in nodes.into_iter().enumerate() {
            self.event = i;
            events.push(self.one_event(node, species)?);
        }
        Ok(events)
    }

    fn one_event(&mut self, node: Xml<'a>, species: &[Species]) -> Result<Event> {
        let id = text(node, "id").unwrap_or_default();
        let Some(trigger) = child(node, "trigger") else {
            return Err(self.wrong(node, format!("the event '{id}' has no trigger")));
        };
        let body = self.body(trigger)?;
        let when = self.formula(body, When::Running)?;
        let before = flag(self.source, trigger, "initialValue", true)?;
        let (when, at, initially) = self.start_of(when, before, species);
        let mut part = |name: &str| -> Result<Option<Id>> {
            let Some(inner) = child(node, name) else { return Ok(None) };
            let body = self.body(inner)?;
            self.formula(body, When::Running).map(Some)
        };
        let (delay, priority) = (part("delay")?, part("priority")?);
        let early = flag(self.source, node, "useValuesFromTriggerTime", true)?;
        self.draws = Some(Vec::new());
        let mut after: Vec<(usize, Id)> = Vec::new();
        for assignment in list(node, "listOfEventAssignments") {
            let variable = needed(self.source, assignment, "variable")?;
            let body = self.body(assignment)?;
            let value = self.formula(body, When::Running)?;
            let (member, size) = self.target(variable, assignment)?;
            if after.iter().any(|(m, _)| *m == member) {
                return Err(self.wrong(assignment, format!("the event '{id}' sets '{variable}' twice")));
            }
            after.push((member, size.map_or(value, |size| self.frame.pool.mul(value, size))));
        }
        Ok(Event {
            name: id.to_string(),
            when,
            at,
            initially,
            delay: delay.filter(|d| self.frame.pool.constant(*d) != Some(0.0)),
            priority,
            persistent: flag(self.source, trigger, "persistent", true)?,
            values: if early { ValuesFrom::Trigger } else { ValuesFrom::Execution },
            draws: self.draws.take().unwrap_or_default(),
            after,
        })
    }

    /// The condition, its known time, and what it is taken to have been before the start. One at a known time that is over at the
    /// start happens there, unless it is taken to have held; where a condition does not hold at the start of the file, what it was
    /// before makes no difference.
    fn start_of(&mut self, when: Id, before: bool, species: &[Species]) -> (Id, Option<Id>, bool) {
        if let Some(time) = known_time(&self.frame, when) {
            if before {
                return (when, Some(time), true);
            }
            let pool = &mut self.frame.pool;
            let zero = pool.number(0.0);
            let late = pool.binary(Binary::Max, time, zero);
            let clock = pool.symbol_at(symbol::TIME);
            let op = if let crate::expr::Node::Binary(op, ..) = pool.node(when) { op } else { Binary::LessEqual };
            return (pool.binary(op, late, clock), Some(late), false);
        }
        let mut symbols = self.frame.symbols(&self.theta, 0.0);
        for (i, one) in species.iter().enumerate() {
            if let Initial::Value(id) = one.initial {
                symbols[self.frame.variable(i)] = self.frame.at(id, &self.theta, 0.0);
            }
        }
        let holds = self.frame.pool.eval(when, &symbols);
        (when, None, before || holds == 0.0)
    }
}

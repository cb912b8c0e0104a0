//! The expressions of a network as tapes over time and members.

use super::super::super::counts::{self, Timing};
use crate::base::rng::Stream;
use crate::expr::{Binary, Id, Node, Pool, Scratch, Tape, Unary};
use crate::process::{Frame, Law, Network, symbol};

/// Everything that is evaluated along a path, at one parameter value.
pub(super) struct Compiled {
    /// `[reaction]` (member, change)
    pub changes: Vec<Vec<(usize, f64)>>,
    /// `[rate]`: which member moves.
    pub moved: Vec<usize>,
    /// Whether anything moves between reactions: members, propensities, or what conditions compare.
    pub flows: bool,
    /// Whether what moves does so at slopes that change at events and reactions only.
    pub straight: bool,
    /// Times, in parameters, at which conditions of the clock may change.
    pub steps: Vec<Id>,
    symbols: Vec<f64>,
    n: usize,
    propensities: Tape,
    rates: Tape,
    conditions: Tape,
    margins: Tape,
    events: Vec<OneEvent>,
}

struct OneEvent {
    delay: Option<Tape>,
    priority: Option<Tape>,
    /// Arguments and ends of each random number, one after another.
    laws: Tape,
    n_laws: usize,
    after: Tape,
    n_after: usize,
}

/// A path's state, and what one thread needs to go on from it.
pub(super) struct Present {
    pub now: f64,
    /// Whether the clock shows the next number after `now`.
    pub just_after: bool,
    pub x: Vec<f64>,
    /// `[event]`: what each condition was when last looked at.
    pub held: Vec<bool>,
    /// `[reaction]`
    pub a: Vec<f64>,
    /// Length of the next step of the flow.
    pub step: f64,
    input: Vec<f64>,
    out: Vec<f64>,
    propensities: Scratch,
    rates: Scratch,
    conditions: Scratch,
    margins: Scratch,
    /// `[event]` of delay, priority, laws, values
    events: Vec<[Scratch; 4]>,
}

impl Compiled {
    pub fn new(network: &Network, theta: &[f64]) -> Compiled {
        let frame = &network.frame;
        let mut pool = frame.pool.clone();
        let lanes: Vec<usize> =
            std::iter::once(symbol::TIME).chain((0..network.species.len()).map(|s| frame.variable(s))).collect();
        let whens: Vec<Id> = network.events.iter().map(|e| e.when).collect();
        let margins: Vec<Id> = whens.iter().map(|id| margin(&mut pool, *id)).collect();
        let laws: Vec<Id> = network.reactions.iter().map(|r| r.propensity).collect();
        let rates: Vec<Id> = network.rates.iter().map(|r| r.1).collect();
        let moved: Vec<usize> = network.rates.iter().map(|r| r.0).collect();
        let moves = |id: Id| frame.pool.reads(id, |s| moved.iter().any(|m| frame.variable(*m) == s));
        let mut steps = Vec::new();
        let by_clock = whens.iter().all(|id| clock_steps(frame, *id, &mut steps));
        let flows = counts::timing(network) == Timing::Smooth
            || !by_clock
            || laws.iter().chain(&whens).any(|id| moves(*id))
            || !rates.is_empty();
        let steady = |id: &Id| !moves(*id) && !frame.is_timed(*id);
        let straight = counts::timing(network) == Timing::Constant
            && rates.iter().all(steady)
            && !laws.iter().any(|id| moves(*id));
        let tape = |ids: &[Id]| Tape::compile(&pool, ids, &lanes);
        let events = network.events.iter().map(|event| {
            let of_laws: Vec<Id> = event
                .draws
                .iter()
                .flat_map(|d| d.law.arguments.iter().copied().chain(d.between.into_iter().flat_map(|(a, b)| [a, b])))
                .collect();
            let values: Vec<Id> = event.after.iter().map(|a| a.1).collect();
            let with_draws: Vec<usize> = lanes.iter().copied().chain(event.draws.iter().map(|d| d.symbol)).collect();
            OneEvent {
                delay: event.delay.map(|id| tape(&[id])),
                priority: event.priority.map(|id| tape(&[id])),
                laws: tape(&of_laws),
                n_laws: of_laws.len(),
                after: Tape::compile(&pool, &values, &with_draws),
                n_after: values.len(),
            }
        });
        let events = events.collect();
        let changes = network.reactions.iter().map(|r| r.change().into_iter().map(|(s, n)| (s, n as f64)).collect());
        Compiled {
            changes: changes.collect(),
            flows,
            straight,
            steps,
            symbols: frame.symbols(theta, 0.0),
            n: network.species.len(),
            propensities: tape(&laws),
            rates: tape(&rates),
            conditions: tape(&whens),
            margins: tape(&margins),
            events,
            moved,
        }
    }

    /// Nothing evaluated yet.
    pub fn present(&self) -> Present {
        let bound = |tape: &Tape| {
            let mut scratch = Scratch::default();
            tape.bind(&self.symbols, &mut scratch);
            scratch
        };
        let optional = |tape: &Option<Tape>| tape.as_ref().map_or_else(Scratch::default, &bound);
        let each = |e: &OneEvent| [optional(&e.delay), optional(&e.priority), bound(&e.laws), bound(&e.after)];
        Present {
            now: 0.0,
            just_after: false,
            x: Vec::new(),
            held: Vec::new(),
            a: vec![0.0; self.changes.len()],
            step: f64::INFINITY,
            input: Vec::new(),
            out: Vec::new(),
            propensities: bound(&self.propensities),
            rates: bound(&self.rates),
            conditions: bound(&self.conditions),
            margins: bound(&self.margins),
            events: self.events.iter().map(each).collect(),
        }
    }

    fn place(&self, w: &mut Present) {
        w.input.clear();
        w.input.push(if w.just_after { w.now.next_up() } else { w.now });
        w.input.extend_from_slice(&w.x[..self.n]);
    }

    /// Which conditions hold.
    pub fn conditions(&self, w: &mut Present) -> Vec<bool> {
        self.place(w);
        w.out.resize(self.events.len(), 0.0);
        self.conditions.run_one(&w.input, &mut w.out, &mut w.conditions);
        w.out.iter().map(|c| *c != 0.0).collect()
    }

    /// How far the nearest condition is from what it was: negative until one changes.
    pub fn margin(&self, w: &mut Present) -> f64 {
        self.place(w);
        w.out.resize(self.events.len(), 0.0);
        self.margins.run_one(&w.input, &mut w.out, &mut w.margins);
        let turned = w.out.iter().zip(&w.held).map(|(m, held)| if *held { -m } else { *m });
        turned.fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether any condition is not what it was.
    pub fn changed(&self, w: &mut Present) -> bool {
        if self.events.is_empty() {
            return false;
        }
        self.place(w);
        w.out.resize(self.events.len(), 0.0);
        self.conditions.run_one(&w.input, &mut w.out, &mut w.conditions);
        w.out.iter().zip(&w.held).any(|(now, held)| (*now != 0.0) != *held)
    }

    /// All propensities into `a`.
    pub fn propensities(&self, w: &mut Present) {
        if !self.changes.is_empty() {
            self.place(w);
            self.propensities.run_one(&w.input, &mut w.a, &mut w.propensities);
        }
    }

    /// How fast each moved member moves.
    pub fn rates(&self, w: &mut Present, out: &mut [f64]) {
        if !self.moved.is_empty() {
            self.place(w);
            self.rates.run_one(&w.input, out, &mut w.rates);
        }
    }

    pub fn delay(&self, w: &mut Present, e: usize) -> f64 {
        self.single(&self.events[e].delay, w, e, 0).unwrap_or(0.0)
    }

    pub fn priority(&self, w: &mut Present, e: usize) -> Option<f64> {
        self.single(&self.events[e].priority, w, e, 1)
    }

    fn single(&self, tape: &Option<Tape>, w: &mut Present, e: usize, which: usize) -> Option<f64> {
        let tape = tape.as_ref()?;
        self.place(w);
        let mut out = [0.0];
        tape.run_one(&w.input, &mut out, &mut w.events[e][which]);
        Some(out[0])
    }

    /// The random numbers of an event; `None` where one has no law.
    pub fn draw(&self, network: &Network, w: &mut Present, e: usize, stream: &mut Stream) -> Option<Vec<f64>> {
        let one = &self.events[e];
        if one.n_laws == 0 {
            return Some(Vec::new());
        }
        self.place(w);
        w.out.resize(one.n_laws, 0.0);
        one.laws.run_one(&w.input, &mut w.out, &mut w.events[e][2]);
        let mut rest = w.out.as_slice();
        let mut take = |n: usize| {
            let (first, left) = rest.split_at(n);
            rest = left;
            first
        };
        let each = network.events[e].draws.iter().map(|draw| {
            let law = Law::new(draw.law.family, take(draw.law.arguments.len()));
            match draw.between.map(|_| take(2)) {
                Some([lower, upper]) => law?.sample_between(*lower, *upper, stream),
                _ => Some(law?.sample(stream)),
            }
        });
        each.collect()
    }

    /// What an event assigns, with these random numbers.
    pub fn after(&self, w: &mut Present, e: usize, drawn: &[f64]) -> Vec<f64> {
        self.place(w);
        w.input.extend_from_slice(drawn);
        let mut out = vec![0.0; self.events[e].n_after];
        self.events[e].after.run_one(&w.input, &mut out, &mut w.events[e][3]);
        out
    }
}

/// A number that is positive where the condition holds and negative where not, as smooth as what is compared.
fn margin(pool: &mut Pool, when: Id) -> Id {
    match pool.node(when) {
        Node::Binary(Binary::Less | Binary::LessEqual, a, b) => pool.sub(b, a),
        Node::Binary(op @ (Binary::And | Binary::Or), a, b) => {
            let (a, b) = (margin(pool, a), margin(pool, b));
            pool.binary(if op == Binary::And { Binary::Min } else { Binary::Max }, a, b)
        }
        Node::Unary(Unary::Not, a) => {
            let inner = margin(pool, a);
            pool.unary(Unary::Neg, inner)
        }
        _ => {
            let (yes, no) = (pool.number(1.0), pool.number(-1.0));
            pool.select(when, yes, no)
        }
    }
}

/// Whether time enters a condition only where the clock itself is compared with what is fixed; those times are collected.
fn clock_steps(frame: &Frame, when: Id, steps: &mut Vec<Id>) -> bool {
    let is_clock = |id: Id| frame.pool.node(id) == Node::Symbol(symbol::TIME as u32);
    let is_fixed = |id: Id| !frame.varies(id) && !frame.is_timed(id);
    let mut waiting = vec![when];
    while let Some(id) = waiting.pop() {
        if is_clock(id) {
            return false;
        }
        if let Node::Binary(Binary::Less | Binary::LessEqual, a, b) = frame.pool.node(id)
            && let Some(fixed) = match (is_clock(a), is_clock(b)) {
                (true, false) if is_fixed(b) => Some(b),
                (false, true) if is_fixed(a) => Some(a),
                _ => None,
            }
        {
            steps.push(fixed);
            continue;
        }
        waiting.extend(frame.pool.node(id).children());
    }
    true
}

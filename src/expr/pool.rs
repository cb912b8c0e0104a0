//! The graph of expressions: hash-consed nodes, the names that reach them, and the plain evaluator.

use super::op::{Binary, Unary, select};
use crate::base::{Limit, math};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A node of a [`Pool`]; equal expressions have equal ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u32);

impl Id {
    /// Its place in the graph.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation of the graph, on nodes made before it. Numbers are held by their bits so that nodes can be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Node {
    /// A constant, by the bits of its `f64`.
    Number(u64),
    /// Index into the pool's symbol names.
    Symbol(u32),
    /// A function of one node.
    Unary(Unary, Id),
    /// An operation on a first and a second node.
    Binary(Binary, Id, Id),
    /// Whole power, by repeated multiplication: right for negative bases too.
    Power(Id, i32),
    /// The second where the first is not zero, else the third.
    Select(Id, Id, Id),
}

impl Node {
    /// What the node is computed from.
    pub fn children(self) -> impl Iterator<Item = Id> {
        let children = match self {
            Node::Number(_) | Node::Symbol(_) => [None; 3],
            Node::Unary(_, a) | Node::Power(a, _) => [Some(a), None, None],
            Node::Binary(_, a, b) => [Some(a), Some(b), None],
            Node::Select(c, a, b) => [Some(c), Some(a), Some(b)],
        };
        children.into_iter().flatten()
    }
}

/// What a defined name stands for.
#[derive(Debug, Clone)]
pub(super) enum Definition {
    One(Id),
    Vector(Vec<Id>),
}

/// All expressions of one model.
///
/// A name in a text is looked up among the symbols first, then the definitions, then the constants `pi`, `e` and `inf`: a
/// symbol hides a definition of the same name, and either hides a constant.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    nodes: Vec<Node>,
    seen: HashMap<Node, Id>,
    symbols: Vec<String>,
    names: Box<Names>,
}

/// What names stand for.
#[derive(Debug, Clone, Default)]
struct Names {
    /// Position of each symbol; of equal names the first.
    symbols: HashMap<String, u32>,
    definitions: BTreeMap<String, Definition>,
}

/// Constants a text may name.
pub(super) const CONSTANTS: [(&str, f64); 3] =
    [("pi", std::f64::consts::PI), ("e", std::f64::consts::E), ("inf", f64::INFINITY)];

impl Pool {
    /// A pool whose symbols are these names, in this order: the position of a name is what [`Node::Symbol`] holds. Constants of the language
    /// (`pi`, `e`, `inf`) are no symbols.
    pub fn new<S: Into<String>>(symbols: impl IntoIterator<Item = S>) -> Pool {
        let mut pool = Pool::default();
        for name in symbols {
            pool.push_symbol(name.into());
        }
        pool
    }

    /// Names of the symbols, by their places.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// The position of the symbol of this name, which is appended if there is none. A name that starts with `#` cannot be
    /// typed: with [`Pool::define`] it can be lent a name for a while.
    pub fn add_symbol(&mut self, name: &str) -> usize {
        match self.position(name) {
            Some(position) => position,
            None => {
                self.push_symbol(name.to_string());
                self.symbols.len() - 1
            }
        }
    }

    /// The position of the symbol of this name, if there is one.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.symbols.get(name).map(|position| *position as usize)
    }

    fn push_symbol(&mut self, name: String) {
        let position = self.symbols.len() as u32;
        self.names.symbols.entry(name.clone()).or_insert(position);
        self.symbols.push(name);
    }

    /// Bind a name to an expression for the texts parsed from now on; what was parsed before stays as it is. A symbol of the name hides it.
    pub fn define(&mut self, name: &str, id: Id) {
        self.names.definitions.insert(name.to_string(), Definition::One(id));
    }

    /// Bind a name to several expressions, which a text reaches as `k[1]`, `sum(k)`, `dot(k, c)` and `poly(x, k)`.
    pub fn define_vector(&mut self, name: &str, elements: Vec<Id>) {
        self.names.definitions.insert(name.to_string(), Definition::Vector(elements));
    }

    /// Forget a definition; expressions made with it stay as they are.
    pub fn undefine(&mut self, name: &str) {
        self.names.definitions.remove(name);
    }

    pub(super) fn definition(&self, name: &str) -> Option<&Definition> {
        self.names.definitions.get(name)
    }

    /// Every name a text may use for a value, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let symbols = self.symbols.iter().map(String::as_str).filter(|s| !s.starts_with('#'));
        symbols.chain(self.names.definitions.keys().map(String::as_str)).chain(CONSTANTS.iter().map(|(n, _)| *n))
    }

    /// Names of the vectors.
    pub(super) fn vectors(&self) -> impl Iterator<Item = &str> {
        self.names.definitions.iter().filter(|(_, d)| matches!(d, Definition::Vector(_))).map(|(name, _)| name.as_str())
    }

    /// What stands at a place of the graph.
    pub fn node(&self, id: Id) -> Node {
        self.nodes[id.index()]
    }

    /// Number of nodes made so far, the measure of size that limits look at.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether no node was made yet.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether [`Limit::Terms`] was reached, as a derivative of high order can. What was asked for beyond it is not a number, so that it cannot pass for a
    /// value; ask after a derivative of a text that is not your own.
    pub fn is_full(&self) -> bool {
        self.nodes.len() >= Limit::Terms.most() as usize
    }

    /// The node at a position: nodes stand in the order they were made, children before parents.
    pub(super) fn id_at(&self, index: usize) -> Id {
        Id(index as u32)
    }

    /// The node as it is, unless an equal one is there.
    pub(super) fn intern(&mut self, node: Node) -> Id {
        if let Some(id) = self.seen.get(&node) {
            return *id;
        }
        // a + b and b + a are one node, in the order in which it was first written.
        if let Node::Binary(op, a, b) = node
            && op.commutes()
            && let Some(id) = self.seen.get(&Node::Binary(op, b, a))
        {
            return *id;
        }
        let full = self.nodes.len() + 1 >= Limit::Terms.most() as usize;
        let node = if full { Node::Number(f64::NAN.to_bits()) } else { node };
        if full && let Some(id) = self.seen.get(&node) {
            return *id;
        }
        let id = Id(self.nodes.len() as u32);
        self.nodes.push(node);
        self.seen.insert(node, id);
        id
    }

    /// A number. There is one zero and one `NaN`, whatever their bits.
    pub fn number(&mut self, value: f64) -> Id {
        let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
        self.intern(Node::Number(value.to_bits()))
    }

    /// The symbol of this name, if the pool has one.
    pub fn symbol(&mut self, name: &str) -> Option<Id> {
        let position = *self.names.symbols.get(name)?;
        Some(self.intern(Node::Symbol(position)))
    }

    /// The symbol at a position of [`Pool::symbols`]; not a number where there is none.
    pub fn symbol_at(&mut self, position: usize) -> Id {
        if position < self.symbols.len() { self.intern(Node::Symbol(position as u32)) } else { self.number(f64::NAN) }
    }

    /// The value of a node that is a plain number.
    pub fn constant(&self, id: Id) -> Option<f64> {
        match self.node(id) {
            Node::Number(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// Which nodes these are made of, themselves included.
    pub(super) fn needed(&self, outputs: &[Id]) -> Vec<bool> {
        let size = outputs.iter().map(|o| o.index() + 1).max().unwrap_or(0);
        let mut needed = vec![false; size];
        for output in outputs {
            needed[output.index()] = true;
        }
        for i in (0..size).rev().filter(|i| self.nodes.get(*i).is_some()) {
            if needed[i] {
                self.nodes[i].children().for_each(|child| needed[child.index()] = true);
            }
        }
        needed
    }

    /// For every node up to `id` whether it changes with one of the symbols.
    pub(super) fn depending(&self, id: Id, symbols: &[usize]) -> Vec<bool> {
        // Children always stand before their parents.
        let mut depends = vec![false; id.index() + 1];
        for i in 0..=id.index() {
            depends[i] = match self.nodes[i] {
                Node::Symbol(s) => symbols.contains(&(s as usize)),
                node => node.children().any(|child| depends[child.index()]),
            };
        }
        depends
    }

    /// Whether the expression holds this symbol (position in [`Pool::symbols`]). Cost O(size of the expression).
    pub fn depends_on(&self, id: Id, symbol: usize) -> bool {
        self.reads(id, |s| s == symbol)
    }

    /// Whether any of the symbols an expression holds is `wanted`. Cost O(size of the expression).
    pub fn reads(&self, id: Id, mut wanted: impl FnMut(usize) -> bool) -> bool {
        // Beyond so many nodes a pass over the whole pool is quicker.
        const SMALL: usize = 256;
        let mut seen = HashSet::new();
        let mut waiting = vec![id];
        while let Some(next) = waiting.pop() {
            if seen.len() > SMALL {
                let mut needed = self.needed(&[id]).into_iter().zip(&self.nodes).filter(|(needed, _)| *needed);
                return needed.any(|(_, node)| matches!(node, Node::Symbol(s) if wanted(*s as usize)));
            }
            match self.node(next) {
                Node::Number(_) => {}
                Node::Symbol(s) if wanted(s as usize) => return true,
                Node::Symbol(_) => {}
                node => {
                    if seen.insert(next) {
                        waiting.extend(node.children());
                    }
                }
            }
        }
        false
    }

    /// For every node, by [`Id::index`], whether it holds this symbol, in one pass: for questions about many expressions. Cost O(pool).
    pub fn dependents(&self, symbol: usize) -> Vec<bool> {
        self.nodes.len().checked_sub(1).map_or(Vec::new(), |last| self.depending(self.id_at(last), &[symbol]))
    }

    /// The plain evaluator: the value of one expression at `symbols`, `[position]` as in [`Pool::symbols`]; one that is not given is NaN. The oracle of
    /// [`Tape`](super::Tape), and slower: cost O(pool up to the expression), with an allocation.
    pub fn eval(&self, id: Id, symbols: &[f64]) -> f64 {
        self.eval_all(&[id], symbols).next().unwrap_or(f64::NAN)
    }

    /// As [`Pool::eval`], of many expressions in one pass over the pool, in the order of `ids`.
    pub fn eval_all<'a>(&self, ids: &'a [Id], symbols: &[f64]) -> impl Iterator<Item = f64> + use<'a> {
        let needed = self.needed(ids);
        let mut values = vec![0.0; needed.len()];
        for i in (0..needed.len()).filter(|i| needed[*i]) {
            values[i] = match self.nodes[i] {
                Node::Number(bits) => f64::from_bits(bits),
                Node::Symbol(s) => symbols.get(s as usize).copied().unwrap_or(f64::NAN),
                Node::Unary(op, a) => op.apply(values[a.index()]),
                Node::Binary(op, a, b) => op.apply(values[a.index()], values[b.index()]),
                Node::Power(a, n) => math::powi(values[a.index()], n),
                Node::Select(c, a, b) => select(values[c.index()], values[a.index()], values[b.index()]),
            };
        }
        ids.iter().map(move |id| values[id.index()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_expressions_are_one_node() {
        let mut pool = Pool::new(["x", "y"]);
        let (x, y) = (pool.symbol("x").expect("x"), pool.symbol("y").expect("y"));
        assert_eq!(pool.add(x, y), pool.add(y, x));
        let square = pool.mul(x, x);
        assert_eq!(square, pool.power(x, 2));
    }

    #[test]
    fn a_symbol_hides_a_definition_and_that_a_constant() {
        let mut pool = Pool::new(["x", "pi"]);
        let two = pool.number(2.0);
        for name in ["x", "pi", "e"] {
            pool.define(name, two);
        }
        let x = pool.symbol("x").expect("x");
        assert_eq!(pool.parse("x", "test").expect("x"), x);
        assert_eq!(pool.parse("e", "test").expect("e"), two);
        pool.undefine("e");
        let euler = pool.number(std::f64::consts::E);
        assert_eq!(pool.parse("e", "test").expect("e"), euler);
        assert_ne!(pool.parse("pi", "test").expect("pi"), two);
    }

    #[test]
    fn an_added_symbol_is_there_once_and_one_that_cannot_be_typed_is_reached_by_a_lent_name() {
        let mut pool = Pool::new(["x"]);
        let mark = pool.add_symbol("#mark.J");
        assert_eq!((mark, pool.add_symbol("#mark.J"), pool.add_symbol("x")), (1, 1, 0));
        let id = pool.symbol_at(mark);
        pool.define("J", id);
        let after = pool.parse("x + J", "test").expect("J");
        pool.undefine("J");
        assert!(pool.parse("x + J", "test").is_err());
        assert_eq!(pool.eval(after, &[1.0, 0.5]), 1.5);
        assert!(pool.depends_on(after, mark));
        let nowhere = pool.symbol_at(9);
        assert!(pool.constant(nowhere).is_some_and(f64::is_nan));
    }

    #[test]
    fn names_are_those_one_can_type() {
        let mut pool = Pool::new(["x", "#step"]);
        let one = pool.number(1.0);
        pool.define("total", one);
        pool.define_vector("k", vec![one]);
        assert_eq!(pool.names().collect::<Vec<_>>(), ["x", "k", "total", "pi", "e", "inf"]);
    }

    #[test]
    fn a_full_pool_gives_what_is_not_a_number_instead_of_growing() {
        let mut pool = Pool::new(["x"]);
        let x = pool.symbol("x").expect("x");
        let mut id = x;
        for i in 0..Limit::Terms.most() as usize {
            id = pool.intern(Node::Binary(Binary::Min, x, Id(i as u32)));
        }
        assert!(pool.is_full() && pool.len() <= Limit::Terms.most() as usize);
        assert!(pool.eval(id, &[1.0]).is_nan());
        assert_eq!(pool.eval(x, &[1.0]), 1.0);
    }
}

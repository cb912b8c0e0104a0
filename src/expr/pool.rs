//! The graph of expressions: hash-consed nodes, simplified as they are made.

use crate::base::math;
use std::collections::HashMap;

/// A node of a [`Pool`]; equal expressions have equal ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u32);

impl Id {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unary {
    Neg,
    Exp,
    Log,
    Sqrt,
    Sin,
    Cos,
    Tanh,
    Abs,
    /// -1, 0 or 1: the derivative of `abs`.
    Sign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
    /// 1 where the first is below the second, else 0: the derivative of `min` and `max`.
    Less,
}

impl Unary {
    /// The functions a user may type, by name.
    pub const NAMED: [(&'static str, Unary); 9] = [
        ("exp", Unary::Exp),
        ("log", Unary::Log),
        ("ln", Unary::Log),
        ("sqrt", Unary::Sqrt),
        ("sin", Unary::Sin),
        ("cos", Unary::Cos),
        ("tanh", Unary::Tanh),
        ("abs", Unary::Abs),
        ("sign", Unary::Sign),
    ];

    #[inline(always)]
    pub fn apply(self, a: f64) -> f64 {
        match self {
            Unary::Neg => -a,
            Unary::Exp => math::exp(a),
            Unary::Log => math::ln(a),
            Unary::Sqrt => a.sqrt(),
            Unary::Sin => math::sin(a),
            Unary::Cos => math::cos(a),
            Unary::Tanh => math::tanh(a),
            Unary::Abs => a.abs(),
            Unary::Sign => f64::from(i8::from(a > 0.0) - i8::from(a < 0.0)),
        }
    }
}

impl Binary {
    pub const NAMED: [(&'static str, Binary); 3] = [("min", Binary::Min), ("max", Binary::Max), ("pow", Binary::Pow)];

    #[inline(always)]
    pub fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Pow => math::exp(b * math::ln(a)),
            Binary::Min => {
                if a < b {
                    a
                } else {
                    b
                }
            }
            Binary::Max => {
                if a < b {
                    b
                } else {
                    a
                }
            }
            Binary::Less => f64::from(u8::from(a < b)),
        }
    }
}

/// One operation. Numbers are held by their bits so that nodes can be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Node {
    Number(u64),
    /// Index into the pool's symbol names.
    Symbol(u32),
    Unary(Unary, Id),
    Binary(Binary, Id, Id),
    /// Whole power, by repeated multiplication: right for negative bases too.
    Power(Id, i32),
}

/// All expressions of one model.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    nodes: Vec<Node>,
    seen: HashMap<Node, Id>,
    symbols: Vec<String>,
    defined: HashMap<String, Id>,
}

impl Pool {
    /// A pool whose symbols are these names, in this order.
    pub fn new<S: Into<String>>(symbols: impl IntoIterator<Item = S>) -> Pool {
        Pool { symbols: symbols.into_iter().map(Into::into).collect(), ..Pool::default() }
    }

    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    pub fn add_symbol(&mut self, name: &str) -> usize {
        self.symbols.push(name.to_string());
        self.symbols.len() - 1
    }

    pub fn define(&mut self, name: &str, id: Id) {
        self.defined.insert(name.to_string(), id);
    }

    pub fn define_vector(&mut self, _name: &str, _ids: Vec<Id>) {}

    pub fn node(&self, id: Id) -> Node {
        self.nodes[id.index()]
    }

    /// Number of nodes made so far, the measure of size that limits look at.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node at a position: nodes stand in the order they were made, children before parents.
    pub(super) fn id_at(&self, index: usize) -> Id {
        Id(index as u32)
    }

    fn intern(&mut self, node: Node) -> Id {
        if let Some(id) = self.seen.get(&node) {
            return *id;
        }
        let id = Id(self.nodes.len() as u32);
        self.nodes.push(node);
        self.seen.insert(node, id);
        id
    }

    pub fn number(&mut self, value: f64) -> Id {
        self.intern(Node::Number(value.to_bits()))
    }

    /// The symbol of this name, if the pool has one.
    pub fn symbol(&mut self, name: &str) -> Option<Id> {
        let Some(index) = self.symbols.iter().position(|s| s == name) else { return self.defined.get(name).copied() };
        Some(self.intern(Node::Symbol(index as u32)))
    }

    /// The value of a node that is a plain number.
    pub fn constant(&self, id: Id) -> Option<f64> {
        match self.node(id) {
            Node::Number(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    pub fn unary(&mut self, op: Unary, a: Id) -> Id {
        if let Some(value) = self.constant(a) {
            return self.number(op.apply(value));
        }
        if let (Unary::Neg, Node::Unary(Unary::Neg, inner)) = (op, self.node(a)) {
            return inner;
        }
        self.intern(Node::Unary(op, a))
    }

    pub fn binary(&mut self, op: Binary, a: Id, b: Id) -> Id {
        let (x, y) = (self.constant(a), self.constant(b));
        if let (Some(x), Some(y)) = (x, y)
            && op != Binary::Pow
        {
            return self.number(op.apply(x, y));
        }
        match (op, x, y) {
            (Binary::Add, Some(0.0), _) => return b,
            (Binary::Add | Binary::Sub, _, Some(0.0)) => return a,
            (Binary::Sub, Some(0.0), _) => return self.unary(Unary::Neg, b),
            (Binary::Sub, ..) if a == b => return self.number(0.0),
            (Binary::Mul, Some(0.0), _) | (Binary::Mul, _, Some(0.0)) => return self.number(0.0),
            (Binary::Div, Some(0.0), None) => return self.number(0.0),
            (Binary::Mul, Some(1.0), _) => return b,
            (Binary::Mul | Binary::Div, _, Some(1.0)) => return a,
            (Binary::Mul, Some(-1.0), _) => return self.unary(Unary::Neg, b),
            (Binary::Mul, _, Some(-1.0)) => return self.unary(Unary::Neg, a),
            (Binary::Mul, ..) if a == b => return self.power(a, 2),
            (Binary::Pow, _, Some(exponent)) => return self.constant_power(a, exponent),
            _ => {}
        }
        // One order for what commutes, so that a + b and b + a are the same node.
        let commutes = matches!(op, Binary::Add | Binary::Mul);
        let (a, b) = if commutes && b < a { (b, a) } else { (a, b) };
        self.intern(Node::Binary(op, a, b))
    }

    fn constant_power(&mut self, base: Id, exponent: f64) -> Id {
        if exponent == 0.5 {
            self.unary(Unary::Sqrt, base)
        } else if exponent.fract() == 0.0 && exponent.abs() <= 64.0 {
            self.power(base, exponent as i32)
        } else {
            let exponent = self.number(exponent);
            match (self.constant(base), self.constant(exponent)) {
                (Some(x), Some(y)) => self.number(Binary::Pow.apply(x, y)),
                _ => self.intern(Node::Binary(Binary::Pow, base, exponent)),
            }
        }
    }

    /// `base^n` for a whole number `n`.
    pub fn power(&mut self, base: Id, n: i32) -> Id {
        match (n, self.node(base)) {
            (0, _) => self.number(1.0),
            (1, _) => base,
            (_, Node::Number(bits)) => self.number(math::powi(f64::from_bits(bits), n)),
            (_, Node::Power(inner, m)) => match m.checked_mul(n) {
                Some(product) => self.power(inner, product),
                None => self.intern(Node::Power(base, n)),
            },
            _ => self.intern(Node::Power(base, n)),
        }
    }

    pub fn add(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Add, a, b)
    }

    pub fn sub(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Sub, a, b)
    }

    pub fn mul(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Mul, a, b)
    }

    pub fn div(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Div, a, b)
    }

    /// `factor * a` for a number.
    pub fn scale(&mut self, factor: f64, a: Id) -> Id {
        let factor = self.number(factor);
        self.mul(factor, a)
    }

    /// Whether the expression changes with this symbol. Cost O(size of the pool).
    pub fn depends_on(&self, id: Id, symbol: usize) -> bool {
        // Children always stand before their parents.
        let mut depends = vec![false; id.index() + 1];
        for i in 0..=id.index() {
            depends[i] = match self.nodes[i] {
                Node::Number(_) => false,
                Node::Symbol(s) => s as usize == symbol,
                Node::Unary(_, a) | Node::Power(a, _) => depends[a.index()],
                Node::Binary(_, a, b) => depends[a.index()] || depends[b.index()],
            };
        }
        depends[id.index()]
    }

    /// The plain evaluator: one value for one assignment of the symbols. The oracle of the tape.
    pub fn eval(&self, id: Id, symbols: &[f64]) -> f64 {
        let mut values = vec![0.0; id.index() + 1];
        for i in 0..=id.index() {
            values[i] = match self.nodes[i] {
                Node::Number(bits) => f64::from_bits(bits),
                Node::Symbol(s) => symbols.get(s as usize).copied().unwrap_or(f64::NAN),
                Node::Unary(op, a) => op.apply(values[a.index()]),
                Node::Binary(op, a, b) => op.apply(values[a.index()], values[b.index()]),
                Node::Power(a, n) => math::powi(values[a.index()], n),
            };
        }
        values[id.index()]
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
    fn nothing_is_added_and_nothing_multiplied_for_nothing() {
        let mut pool = Pool::new(["x"]);
        let x = pool.symbol("x").expect("x");
        let (zero, one) = (pool.number(0.0), pool.number(1.0));
        assert_eq!(pool.add(x, zero), x);
        assert_eq!(pool.mul(one, x), x);
        assert_eq!(pool.mul(zero, x), zero);
        assert_eq!(pool.sub(x, x), zero);
    }
}

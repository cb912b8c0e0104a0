//! The inverse of an expression in one symbol, by undoing one operation after another.

use super::rebuild::rebuild;
use crate::expr::{Binary, Id, Node, Pool, Unary};

/// What is undone, and where to.
pub(crate) struct Inverse<'a> {
    pub from: &'a Pool,
    /// The symbol that is solved for.
    pub symbol: usize,
    /// Values of an expression in `from` over the whole domain of the symbol, lowest and highest, where it is monotone.
    pub range: &'a dyn Fn(Id) -> (f64, f64),
}

impl Inverse<'_> {
    /// The value of the symbol where `g` is `value`, an expression of `to`, whose symbols stand as those of `from`.
    ///
    /// # Errors
    /// The operation that cannot be undone, as a sentence.
    pub fn of(&self, to: &mut Pool, g: Id, value: Id) -> Result<Id, String> {
        let (mut at, mut value) = (g, value);
        loop {
            (at, value) = match self.from.node(at) {
                Node::Symbol(s) if s as usize == self.symbol => return Ok(value),
                Node::Unary(op, a) => (a, self.unary(to, op, a, value)?),
                Node::Power(a, n) => (a, self.power(to, a, n, value)?),
                Node::Binary(op, a, b) => self.binary(to, op, (a, b), value)?,
                Node::Number(_) | Node::Symbol(_) => {
                    return Err(format!("'{}' does not hang on the state", self.from.print(g)));
                }
                Node::Select(..) => {
                    return Err(format!("'{}' has cases and cannot be undone", self.from.print(g)));
                }
            };
        }
    }

    fn holds(&self, id: Id) -> bool {
        self.from.depends_on(id, self.symbol)
    }

    fn unary(&self, to: &mut Pool, op: Unary, inside: Id, value: Id) -> Result<Id, String> {
        Ok(match op {
            Unary::Neg => to.unary(Unary::Neg, value),
            Unary::Exp => to.unary(Unary::Log, value),
            Unary::Log => to.unary(Unary::Exp, value),
            Unary::Sqrt => to.power(value, 2),
            Unary::Tanh => {
                // ½ ln((1 + y)/(1 - y))
                let one = to.number(1.0);
                let (up, down) = (to.add(one, value), to.sub(one, value));
                let ratio = to.div(up, down);
                let log = to.unary(Unary::Log, ratio);
                to.scale(0.5, log)
            }
            Unary::Abs => match self.sign(inside)? {
                true => value,
                false => to.unary(Unary::Neg, value),
            },
            _ => {
                let text = self.from.print(inside);
                return Err(format!("the operation on '{text}' takes the same value at many states"));
            }
        })
    }

    /// Whether an expression is never negative; an error where it takes both signs.
    fn sign(&self, inside: Id) -> Result<bool, String> {
        match (self.range)(inside) {
            (low, _) if low >= 0.0 => Ok(true),
            (_, high) if high <= 0.0 => Ok(false),
            _ => Err(format!("'{}' takes both signs, so that its even power has no inverse", self.from.print(inside))),
        }
    }

    fn power(&self, to: &mut Pool, base: Id, n: i32, value: Id) -> Result<Id, String> {
        let root = to.number(1.0 / f64::from(n));
        if n == -1 {
            return Ok(to.power(value, -1));
        }
        let sign = self.sign(base);
        if let Ok(positive) = sign {
            let size = if positive || n % 2 == 0 { value } else { to.unary(Unary::Neg, value) };
            let size = to.binary(Binary::Pow, size, root);
            return Ok(if positive { size } else { to.unary(Unary::Neg, size) });
        }
        if n % 2 == 0 || n < 0 {
            return Err(sign.err().unwrap_or_default());
        }
        // An odd root of either sign.
        let (size, sign) = (to.unary(Unary::Abs, value), to.unary(Unary::Sign, value));
        let size = to.binary(Binary::Pow, size, root);
        Ok(to.mul(sign, size))
    }

    /// The inside and the exponent of `sign(z) |z|^c`, as odd roots are written.
    fn signed_power(&self, op: Binary, a: Id, b: Id) -> Option<(Id, Id)> {
        let sign_of = |id: Id| match self.from.node(id) {
            Node::Unary(Unary::Sign, z) => Some(z),
            _ => None,
        };
        let power_of = |id: Id| match self.from.node(id) {
            Node::Binary(Binary::Pow, base, c) if !self.holds(c) => match self.from.node(base) {
                Node::Unary(Unary::Abs, z) => Some((z, c)),
                _ => None,
            },
            _ => None,
        };
        let both = |sign: Id, power: Id| power_of(power).filter(|(z, _)| sign_of(sign) == Some(*z));
        if op == Binary::Mul { both(a, b).or_else(|| both(b, a)) } else { None }
    }

    /// The symbol itself where both sides are affine in it: `(p x + q)/(r x + s) = y` and `p x + q ± (r x + s) = y`.
    fn fraction(&self, to: &mut Pool, op: Binary, (a, b): (Id, Id), value: Id) -> Option<(Id, Id)> {
        let mut pool = self.from.clone();
        let zero = pool.number(0.0);
        let x = pool.symbol_at(self.symbol);
        let mut affine = |id: Id| {
            let slope = pool.derivative(id, self.symbol);
            let level = pool.substitute(id, &[(self.symbol, zero)]);
            (!pool.depends_on(slope, self.symbol)).then_some([slope, level])
        };
        let (above, below) = (affine(a)?, affine(b)?);
        let mut bring = |id: Id| rebuild(&pool, id, to, &mut Pool::symbol_at);
        let ([p, q], [r, s]) = (above.map(&mut bring), below.map(&mut bring));
        let (top, bottom) = match op {
            Binary::Div => {
                let (ys, yr) = (to.mul(value, s), to.mul(value, r));
                (to.sub(ys, q), to.sub(p, yr))
            }
            Binary::Add => {
                let rest = to.sub(value, q);
                (to.sub(rest, s), to.add(p, r))
            }
            Binary::Sub => {
                let rest = to.sub(value, q);
                (to.add(rest, s), to.sub(p, r))
            }
            _ => return None,
        };
        (to.constant(bottom) != Some(0.0)).then(|| (x, to.div(top, bottom)))
    }

    fn binary(&self, to: &mut Pool, op: Binary, (a, b): (Id, Id), value: Id) -> Result<(Id, Id), String> {
        if let Some((inside, c)) = self.signed_power(op, a, b) {
            let (one, c) = (to.number(1.0), rebuild(self.from, c, to, &mut Pool::symbol_at));
            let (root, size, sign) = (to.div(one, c), to.unary(Unary::Abs, value), to.unary(Unary::Sign, value));
            let size = to.binary(Binary::Pow, size, root);
            return Ok((inside, to.mul(sign, size)));
        }
        let (inside, other, first) = match (self.holds(a), self.holds(b)) {
            (true, false) => (a, b, true),
            (false, true) => (b, a, false),
            _ => {
                if let Some(inside) = self.fraction(to, op, (a, b), value) {
                    return Ok(inside);
                }
                let text = self.from.print(a);
                return Err(format!("the state stands on both sides of an operation, at '{text}' for one"));
            }
        };
        let other_text = || self.from.print(other);
        let other = rebuild(self.from, other, to, &mut Pool::symbol_at);
        let value = match (op, first) {
            (Binary::Add, _) => to.sub(value, other),
            (Binary::Sub, true) => to.add(value, other),
            (Binary::Sub, false) => to.sub(other, value),
            (Binary::Mul, _) => to.div(value, other),
            (Binary::Div, true) => to.mul(value, other),
            (Binary::Div, false) => to.div(other, value),
            (Binary::Pow, true) => {
                let one = to.number(1.0);
                let root = to.div(one, other);
                to.binary(Binary::Pow, value, root)
            }
            // c^x = y: x = ln y / ln c
            (Binary::Pow, false) => {
                let (of_value, of_base) = (to.unary(Unary::Log, value), to.unary(Unary::Log, other));
                to.div(of_value, of_base)
            }
            _ => return Err(format!("the choice against '{}' cannot be undone", other_text())),
        };
        Ok((inside, value))
    }
}

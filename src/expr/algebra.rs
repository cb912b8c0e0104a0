//! How nodes are made: constants folded and needless work left out, without changing a value.
//!
//! A rule is here only if it is exact in floating point: signs and powers of two move, nothing is reassociated (and the
//! sign of a zero, and what is lost below 1e-200, are not told apart). `0*x` and `0/x` are zero and `x - x` too, whatever
//! `x` is. The forms that come out are the ones the printer counts on, so that its text parses back to the same node.

use super::op::{Binary, Unary};
use super::pool::{Id, Node, Pool};
use crate::base::math;

/// Largest whole power made by multiplying; beyond it the logarithm is as near and quicker.
const MAX_POWER: i32 = 1024;

/// Whether multiplying by `c` only moves the exponent: `±2^k` of moderate size.
pub(super) fn is_exact_scale(c: f64) -> bool {
    const FRACTION: u64 = (1 << 52) - 1;
    c.to_bits() & FRACTION == 0 && (1e-18..1e18).contains(&c.abs())
}

/// The product of two factors where it may stand for multiplying by one after the other.
fn merged(c: f64, d: f64) -> Option<f64> {
    let product = c * d;
    ((is_exact_scale(c) || is_exact_scale(d)) && (1e-200..1e200).contains(&product.abs())).then_some(product)
}

/// Numbers that a person would rather not see in place of what was written are not merged.
fn is_whole(x: f64) -> bool {
    x.fract() == 0.0
}

impl Pool {
    /// The node of a function of `a`: folded where `a` is a number, found again where it was made before. Cost O(1).
    pub fn unary(&mut self, op: Unary, a: Id) -> Id {
        if let Some(value) = self.constant(a) {
            return self.number(op.apply(value));
        }
        if op == Unary::Neg {
            return self.negative(a);
        }
        self.intern(Node::Unary(op, a))
    }

    fn negative(&mut self, a: Id) -> Id {
        match self.node(a) {
            Node::Number(bits) => self.number(-f64::from_bits(bits)),
            Node::Unary(Unary::Neg, inner) => inner,
            Node::Binary(Binary::Sub, p, q) => self.sub(q, p),
            Node::Binary(op @ (Binary::Mul | Binary::Div), p, q) if self.constant(p).is_some() => {
                let p = self.negative(p);
                self.binary(op, p, q)
            }
            _ => self.intern(Node::Unary(Unary::Neg, a)),
        }
    }

    /// The negative of an expression that is written with a minus in front.
    fn without_minus(&mut self, a: Id) -> Option<Id> {
        let is_negative = match self.node(a) {
            Node::Unary(Unary::Neg, _) => true,
            Node::Number(bits) => f64::from_bits(bits) < 0.0,
            Node::Binary(Binary::Mul | Binary::Div, p, _) => self.constant(p).is_some_and(|p| p < 0.0),
            _ => false,
        };
        is_negative.then(|| self.negative(a))
    }

    /// The node of an operation on `a` and `b`: folded where that changes no bit but the sign of a zero, found again where it was made before.
    /// `0*x`, `0/x` and `x - x` are zero whatever `x` is. Cost O(1).
    pub fn binary(&mut self, op: Binary, a: Id, b: Id) -> Id {
        if let (Some(x), Some(y)) = (self.constant(a), self.constant(b))
            && op != Binary::Pow
        {
            return self.number(op.apply(x, y));
        }
        match op {
            Binary::Add => self.sum_of(a, b),
            Binary::Sub => self.difference_of(a, b),
            Binary::Mul => self.product_of(a, b),
            Binary::Div => self.quotient_of(a, b),
            Binary::Pow => match self.constant(b) {
                Some(exponent) => self.constant_power(a, exponent),
                // The logarithm of the double nearest to e is one, to the last bit (test).
                None if self.constant(a) == Some(std::f64::consts::E) => self.unary(Unary::Exp, b),
                None => self.intern(Node::Binary(op, a, b)),
            },
            Binary::Min | Binary::Max if a == b => a,
            _ => self.intern(Node::Binary(op, a, b)),
        }
    }

    fn sum_of(&mut self, a: Id, b: Id) -> Id {
        match (self.constant(a), self.constant(b)) {
            (Some(0.0), _) => return b,
            (_, Some(0.0)) => return a,
            _ if a == b => return self.scale(2.0, a),
            _ => {}
        }
        if let Some(b) = self.without_minus(b) {
            self.difference_of(a, b)
        } else if let Some(a) = self.without_minus(a) {
            self.difference_of(b, a)
        } else {
            self.intern(Node::Binary(Binary::Add, a, b))
        }
    }

    fn difference_of(&mut self, a: Id, b: Id) -> Id {
        match (self.constant(a), self.constant(b)) {
            (Some(0.0), _) => return self.negative(b),
            (_, Some(0.0)) => return a,
            _ if a == b => return self.number(0.0),
            _ => {}
        }
        match self.without_minus(b) {
            Some(b) => self.sum_of(a, b),
            None => self.intern(Node::Binary(Binary::Sub, a, b)),
        }
    }

    fn product_of(&mut self, a: Id, b: Id) -> Id {
        // A number stands first.
        let (a, b) = if self.constant(b).is_some() { (b, a) } else { (a, b) };
        if let Some(c) = self.constant(a) {
            return self.scaled(c, b);
        }
        if a == b {
            return self.power(a, 2);
        }
        match (self.without_minus(a), self.without_minus(b)) {
            (Some(a), Some(b)) => return self.mul(a, b),
            (Some(a), None) => {
                let product = self.mul(a, b);
                return self.negative(product);
            }
            (None, Some(b)) => {
                let product = self.mul(a, b);
                return self.negative(product);
            }
            (None, None) => {}
        }
        for (part, other, first) in [(a, b, true), (b, a, false)] {
            if let Some((c, rest)) = self.exact_factor(part) {
                let product = if first { self.mul(rest, other) } else { self.mul(other, rest) };
                return self.scale(c, product);
            }
        }
        self.intern(Node::Binary(Binary::Mul, a, b))
    }

    /// `c` and `p` of a node `c*p` with `c` a power of two.
    fn exact_factor(&self, id: Id) -> Option<(f64, Id)> {
        let Node::Binary(Binary::Mul, c, rest) = self.node(id) else { return None };
        let c = self.constant(c)?;
        is_exact_scale(c).then_some((c, rest))
    }

    fn scaled(&mut self, c: f64, b: Id) -> Id {
        if c == 0.0 {
            return self.number(0.0);
        }
        if c == 1.0 {
            return b;
        }
        if c == -1.0 {
            return self.negative(b);
        }
        match self.node(b) {
            Node::Unary(Unary::Neg, inner) => return self.scale(-c, inner),
            Node::Binary(op @ (Binary::Mul | Binary::Div), p, q) => {
                if let Some(product) = self.constant(p).and_then(|d| merged(c, d)) {
                    let p = self.number(product);
                    return self.binary(op, p, q);
                }
                // c (p/d) = p/(d/c) or (c/d) p
                if op == Binary::Div
                    && let Some(d) = self.constant(q)
                {
                    if let Some(ratio) = merged(c, 1.0 / d).filter(|r| is_exact_scale(d) && is_whole(*r)) {
                        return self.scale(ratio, p);
                    }
                    if let Some(divisor) = merged(1.0 / c, d).filter(|d| is_exact_scale(c) && is_whole(*d)) {
                        let divisor = self.number(divisor);
                        return self.div(p, divisor);
                    }
                }
            }
            _ => {}
        }
        let c = self.number(c);
        self.intern(Node::Binary(Binary::Mul, c, b))
    }

    fn quotient_of(&mut self, a: Id, b: Id) -> Id {
        let (x, y) = (self.constant(a), self.constant(b));
        match (x, y) {
            (Some(0.0), _) => return self.number(0.0),
            (_, Some(1.0)) => return a,
            _ => {}
        }
        if let Some(b) = self.without_minus(b) {
            let quotient = self.div(a, b);
            return self.negative(quotient);
        }
        if x.is_some() {
            return self.intern(Node::Binary(Binary::Div, a, b));
        }
        if let Some(a) = self.without_minus(a) {
            let quotient = self.div(a, b);
            return self.negative(quotient);
        }
        // (c p)/d = (c/d) p and (p/c)/d = p/(c d), where one of the two is a power of two.
        if let (Node::Binary(op, p, q), Some(d)) = (self.node(a), y) {
            if let (Binary::Mul, Some(ratio)) = (op, self.constant(p).and_then(|c| merged(c, 1.0 / d)))
                && is_exact_scale(d)
                && is_whole(ratio)
            {
                return self.scale(ratio, q);
            }
            if let (Binary::Div, Some(product)) = (op, self.constant(q).and_then(|c| merged(c, d))) {
                let divisor = self.number(product);
                return self.div(p, divisor);
            }
        }
        if let Some((c, rest)) = self.exact_factor(a) {
            let quotient = self.div(rest, b);
            return self.scale(c, quotient);
        }
        self.intern(Node::Binary(Binary::Div, a, b))
    }

    fn constant_power(&mut self, base: Id, exponent: f64) -> Id {
        if exponent == 0.5 {
            self.unary(Unary::Sqrt, base)
        } else if exponent.fract() == 0.0 && exponent.abs() <= f64::from(MAX_POWER) {
            self.power(base, exponent as i32)
        } else if let Some(value) = self.constant(base) {
            // A whole power of a negative number is a number, however large; the logarithm would not give it.
            let whole = exponent.fract() == 0.0 && exponent.abs() < f64::from(i32::MAX);
            self.number(if whole { math::powi(value, exponent as i32) } else { Binary::Pow.apply(value, exponent) })
        } else {
            let exponent = self.number(exponent);
            self.intern(Node::Binary(Binary::Pow, base, exponent))
        }
    }

    /// `base^n` for a whole number `n`, by multiplying: right for negative bases, `n = 0` gives 1. Powers of powers are one up to the 1024th.
    pub fn power(&mut self, base: Id, n: i32) -> Id {
        match (n, self.node(base)) {
            (0, _) => self.number(1.0),
            (1, _) => base,
            (_, Node::Number(bits)) => self.number(math::powi(f64::from_bits(bits), n)),
            (_, Node::Unary(Unary::Neg, inner)) => {
                let positive = self.power(inner, n);
                if n % 2 == 0 { positive } else { self.negative(positive) }
            }
            (_, Node::Power(inner, m)) => match m.checked_mul(n).filter(|p| p.unsigned_abs() <= MAX_POWER as u32) {
                Some(product) => self.power(inner, product),
                None => self.intern(Node::Power(base, n)),
            },
            _ => self.intern(Node::Power(base, n)),
        }
    }

    /// `a + b`, by [`Pool::binary`].
    pub fn add(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Add, a, b)
    }

    /// `a - b`, by [`Pool::binary`].
    pub fn sub(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Sub, a, b)
    }

    /// `a * b`, by [`Pool::binary`].
    pub fn mul(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Mul, a, b)
    }

    /// `a / b`, by [`Pool::binary`].
    pub fn div(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Div, a, b)
    }

    /// `factor * a` for a number.
    pub fn scale(&mut self, factor: f64, a: Id) -> Id {
        let factor = self.number(factor);
        self.mul(factor, a)
    }

    /// `a` where `condition` is not zero, else `b`; a `NaN` in the one that is not taken leaves no trace.
    pub fn select(&mut self, condition: Id, a: Id, b: Id) -> Id {
        if a == b {
            return a;
        }
        match self.node(condition) {
            Node::Number(bits) => {
                if f64::from_bits(bits) != 0.0 {
                    a
                } else {
                    b
                }
            }
            Node::Unary(Unary::Not, inner) => self.select(inner, b, a),
            _ => self.intern(Node::Select(condition, a, b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn signs_and_powers_of_two_find_one_form() {
        let mut pool = Pool::new(["x", "y", "z"]);
        for (written, kept) in [
            ("x - -y", "x + y"),
            ("x + -y", "x - y"),
            ("-x + y", "y - x"),
            ("-(x - y)", "y - x"),
            ("(-x)*y", "-(x*y)"),
            ("(-x)*(-y)", "x*y"),
            ("x/(-y)", "-x/y"),
            ("x/(-3)", "-x/3"),
            ("-3*x*y", "-(3*x*y)"),
            ("x - (-3)*y", "x + 3*y"),
            ("x + (-3)/y", "x - 3/y"),
            ("x + x", "2*x"),
            ("2*(0.5*x)", "x"),
            ("2*(3*x)", "6*x"),
            ("2*(x/2)", "x"),
            ("2*(x/8)", "x/4"),
            ("8*(x/2)", "4*x"),
            ("(6*x)/2", "3*x"),
            ("x/3/2", "x/6"),
            ("(2*x)*(4*y)", "8*(x*y)"),
            ("2*(3/x)", "6/x"),
            ("(-x)^2", "x^2"),
            ("(-x)^3", "-x^3"),
            ("min(x, x)", "x"),
            ("if(not x, y, z)", "if(x, z, y)"),
            ("if(1 > 2, x, y)", "y"),
            ("exp(-inf)*x + y", "y"),
            ("e^x", "exp(x)"),
        ] {
            let id = pool.parse(written, "test").expect(written);
            assert_eq!(id, pool.parse(kept, "test").expect(kept), "{written}: {}", pool.print(id));
        }
    }

    #[test]
    fn what_is_not_exact_stays_as_written() {
        let mut pool = Pool::new(["x", "y"]);
        for (a, b) in
            [("3*x/2", "1.5*x"), ("3*(5*x)", "15*x"), ("3*x*y", "3*(x*y)"), ("x/3/5", "x/15"), ("x*(1/y)", "x/y")]
        {
            let (left, right) = (pool.parse(a, "test").expect(a), pool.parse(b, "test").expect(b));
            assert_ne!(left, right, "{a}");
        }
    }

    #[test]
    fn e_is_the_base_of_exp_to_the_last_bit() {
        assert_eq!(math::ln(std::f64::consts::E), 1.0);
    }

    #[test]
    fn powers_of_powers_stop_short_of_overflow() {
        let mut pool = Pool::new(["x"]);
        for text in ["x^-2", "x^3"] {
            let mut id = pool.parse(text, "test").expect(text);
            for _ in 0..60 {
                id = pool.power(id, 2);
                assert!(pool.derivative(id, 0) != id);
            }
            assert!(pool.eval(id, &[1.0]) == 1.0);
        }
    }
}

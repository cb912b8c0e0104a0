//! Names and calls: what a word of a text stands for, and the one table of functions.

use super::mistake::{Mistake, short};
use super::op::{Binary, Unary};
use super::parse::{Parsed, Parser};
use super::pool::{CONSTANTS, Definition, Id, Pool};
use crate::base::suggest::nearest;

/// What a function does with its arguments.
#[derive(Clone, Copy)]
enum Call {
    Unary(Unary),
    Binary(Binary),
    /// Two or more, taken in pairs from the left.
    Fold(Binary),
    /// As many as stated, put together from simpler operations.
    Made(usize, fn(&mut Pool, &[Id]) -> Id),
    Polygamma,
    Vector(Vector),
}

/// Functions of a vector, which wants a name rather than a value.
#[derive(Clone, Copy, PartialEq)]
enum Vector {
    Sum,
    Dot,
    Poly,
}

/// A function by name, how it is written, and what it does. The first of several names for one is the printed one.
const FUNCTIONS: [(&str, &str, Call); 38] = [
    ("exp", "exp(x)", Call::Unary(Unary::Exp)),
    ("expm1", "expm1(x)", Call::Unary(Unary::Expm1)),
    ("log", "log(x)", Call::Unary(Unary::Log)),
    ("ln", "ln(x)", Call::Unary(Unary::Log)),
    ("log1p", "log1p(x)", Call::Unary(Unary::Log1p)),
    ("log2", "log2(x)", Call::Unary(Unary::Log2)),
    ("log10", "log10(x)", Call::Unary(Unary::Log10)),
    ("sqrt", "sqrt(x)", Call::Unary(Unary::Sqrt)),
    ("sin", "sin(x)", Call::Unary(Unary::Sin)),
    ("cos", "cos(x)", Call::Unary(Unary::Cos)),
    ("tan", "tan(x)", Call::Unary(Unary::Tan)),
    ("asin", "asin(x)", Call::Unary(Unary::Asin)),
    ("acos", "acos(x)", Call::Unary(Unary::Acos)),
    ("atan", "atan(x)", Call::Unary(Unary::Atan)),
    ("atan2", "atan2(y, x)", Call::Binary(Binary::Atan2)),
    ("sinh", "sinh(x)", Call::Unary(Unary::Sinh)),
    ("cosh", "cosh(x)", Call::Unary(Unary::Cosh)),
    ("tanh", "tanh(x)", Call::Unary(Unary::Tanh)),
    ("abs", "abs(x)", Call::Unary(Unary::Abs)),
    ("sign", "sign(x)", Call::Unary(Unary::Sign)),
    ("floor", "floor(x)", Call::Unary(Unary::Floor)),
    ("ceil", "ceil(x)", Call::Unary(Unary::Ceil)),
    ("erf", "erf(x)", Call::Unary(Unary::Erf)),
    ("gamma", "gamma(x)", Call::Unary(Unary::Gamma)),
    ("lgamma", "lgamma(x)", Call::Unary(Unary::LogGamma)),
    ("digamma", "digamma(x)", Call::Unary(Unary::Polygamma(0))),
    ("trigamma", "trigamma(x)", Call::Unary(Unary::Polygamma(1))),
    ("polygamma", "polygamma(order, x)", Call::Polygamma),
    ("min", "min(a, b, …)", Call::Fold(Binary::Min)),
    ("max", "max(a, b, …)", Call::Fold(Binary::Max)),
    ("pow", "pow(x, n)", Call::Binary(Binary::Pow)),
    ("hypot", "hypot(x, y)", Call::Binary(Binary::Hypot)),
    ("if", "if(condition, a, b)", Call::Made(3, |pool, a| pool.select(a[0], a[1], a[2]))),
    ("hill", "hill(x, k, n)", Call::Made(3, hill)),
    ("mm", "mm(x, v, k)", Call::Made(3, michaelis_menten)),
    ("sum", "sum(k)", Call::Vector(Vector::Sum)),
    ("dot", "dot(k, c)", Call::Vector(Vector::Dot)),
    ("poly", "poly(x, c)", Call::Vector(Vector::Poly)),
];

/// `x^n / (k^n + x^n)` (Hill 1910).
fn hill(pool: &mut Pool, arguments: &[Id]) -> Id {
    let (x, k, n) = (arguments[0], arguments[1], arguments[2]);
    let (top, half) = (pool.binary(Binary::Pow, x, n), pool.binary(Binary::Pow, k, n));
    let bottom = pool.add(half, top);
    ratio(pool, top, bottom)
}

/// `v x / (k + x)` (Michaelis & Menten 1913).
fn michaelis_menten(pool: &mut Pool, arguments: &[Id]) -> Id {
    let (x, v, k) = (arguments[0], arguments[1], arguments[2]);
    let (top, bottom) = (pool.mul(v, x), pool.add(k, x));
    ratio(pool, top, bottom)
}

/// The quotient; where the divisor cancels to nothing, not a number, which the parser refuses.
fn ratio(pool: &mut Pool, top: Id, bottom: Id) -> Id {
    if pool.constant(bottom) == Some(0.0) { pool.number(f64::NAN) } else { pool.div(top, bottom) }
}

impl Vector {
    fn apply(self, pool: &mut Pool, x: Option<Id>, k: &[Id], c: &[Id]) -> Id {
        let zero = pool.number(0.0);
        match self {
            Vector::Sum => k.iter().fold(zero, |sum, a| pool.add(sum, *a)),
            Vector::Dot => k.iter().zip(c).fold(zero, |sum, (a, b)| {
                let product = pool.mul(*a, *b);
                pool.add(sum, product)
            }),
            // Horner's rule.
            Vector::Poly => k.iter().rev().fold(zero, |sum, a| {
                let higher = pool.mul(sum, x.unwrap_or(zero));
                pool.add(*a, higher)
            }),
        }
    }
}

impl Parser<'_> {
    /// A value that starts with a name.
    pub fn named(&mut self) -> Parsed<Id> {
        let start = self.at;
        let name = self.word_at(start);
        self.at += name.chars().count();
        match self.peek() {
            Some('(') => self.call(&name, start),
            Some('[') => self.element(&name, start),
            _ => self.name(&name, start),
        }
    }

    fn name(&mut self, name: &str, start: usize) -> Parsed<Id> {
        if let Some(id) = self.pool.symbol(name) {
            return Ok(id);
        }
        match self.pool.definition(name) {
            Some(Definition::One(id)) => return Ok(*id),
            Some(Definition::Vector(elements)) => {
                let n = elements.len();
                let message = format!("'{name}' is a vector of {n}: write {name}[1] … {name}[{n}] or sum({name})");
                return Err(Mistake::new(start, message));
            }
            None => {}
        }
        if let Some((_, value)) = CONSTANTS.iter().find(|(n, _)| *n == name) {
            return Ok(self.pool.number(*value));
        }
        if let Some((_, signature, _)) = FUNCTIONS.iter().find(|(f, ..)| *f == name) {
            return Err(Mistake::new(start, format!("'{name}' is a function: write {signature}")));
        }
        if ["and", "or"].contains(&name) {
            return Err(Mistake::new(start, format!("'{name}' wants a condition on its left")));
        }
        let known = self.pool.names().chain(FUNCTIONS.iter().map(|(f, ..)| *f));
        let close = if name == "π" { Some("pi") } else { nearest(name, known) };
        Err(Mistake::with_nearest(start, format!("unknown name '{}'", short(name)), close))
    }

    /// `k[2]`, counted from one.
    fn element(&mut self, name: &str, start: usize) -> Parsed<Id> {
        let elements = self.vector(name, start)?;
        self.at += 1;
        self.peek();
        let place = self.at;
        let id = self.expression()?;
        if self.peek() != Some(']') {
            return Err(Mistake::new(self.at, "missing ']' after the index"));
        }
        self.at += 1;
        let n = elements.len();
        let Some(index) = self.pool.constant(id).filter(|i| i.fract() == 0.0) else {
            return Err(Mistake::new(place, format!("an index is a whole number, 1 to {n} for '{name}'")));
        };
        // A number below one becomes zero, and one beyond all lengths the last integer.
        (index as usize).checked_sub(1).and_then(|i| elements.get(i)).copied().ok_or_else(|| {
            Mistake::new(
                place,
                format!("'{name}' has {n} elements, {name}[1] to {name}[{n}]: there is no {name}[{index}]"),
            )
        })
    }

    fn vector(&self, name: &str, start: usize) -> Parsed<Vec<Id>> {
        match self.pool.definition(name) {
            Some(Definition::Vector(elements)) => Ok(elements.clone()),
            _ => Err(self.no_vector(name, start)),
        }
    }

    fn no_vector(&self, name: &str, start: usize) -> Box<Mistake> {
        let vectors: Vec<&str> = self.pool.vectors().collect();
        if self.pool.names().any(|n| n == name) {
            return Mistake::new(start, format!("'{name}' is not a vector"));
        }
        Mistake::with_nearest(start, format!("'{}' is no vector here", short(name)), nearest(name, vectors))
    }

    /// Arguments up to the closing parenthesis, read by `argument`.
    fn arguments<T>(&mut self, mut argument: impl FnMut(&mut Self, usize) -> Parsed<T>) -> Parsed<Vec<T>> {
        let opened = self.at;
        self.at += 1;
        let mut arguments = vec![argument(self, 0)?];
        while self.take(',') {
            arguments.push(argument(self, arguments.len())?);
        }
        self.close(opened)?;
        Ok(arguments)
    }

    fn call(&mut self, name: &str, start: usize) -> Parsed<Id> {
        let Some((_, signature, call)) = FUNCTIONS.iter().find(|(f, ..)| *f == name) else {
            if self.pool.names().any(|n| n == name) {
                return Err(Mistake::new(start, format!("'{name}' is not a function: write {name}*(…)")));
            }
            let close = nearest(name, FUNCTIONS.iter().map(|(f, ..)| *f));
            return Err(Mistake::with_nearest(start, format!("unknown function '{}'", short(name)), close));
        };
        if let Call::Vector(function) = call {
            return self.call_vector(name, signature, *function, start);
        }
        let arguments = self.arguments(|p, _| p.expression())?;
        let id = match (call, arguments.as_slice()) {
            (Call::Unary(op), [a]) => self.pool.unary(*op, *a),
            (Call::Binary(op), [a, b]) => self.pool.binary(*op, *a, *b),
            (Call::Fold(op), [first, rest @ ..]) if !rest.is_empty() => {
                rest.iter().fold(*first, |left, right| self.pool.binary(*op, left, *right))
            }
            (Call::Made(n, make), all) if all.len() == *n => make(self.pool, all),
            (Call::Polygamma, [order, x]) => match self.pool.constant(*order) {
                Some(n) if n.fract() == 0.0 && (0.0..=100.0).contains(&n) => {
                    self.pool.unary(Unary::Polygamma(n as u8), *x)
                }
                _ => return Err(Mistake::new(start, "the order of polygamma is a whole number, 0 to 100")),
            },
            (_, all) => return Err(wrong_count(name, signature, all.len(), start)),
        };
        self.checked(id, start)
    }

    fn call_vector(&mut self, name: &str, signature: &str, function: Vector, start: usize) -> Parsed<Id> {
        // `poly` takes a value first; all else are names of vectors.
        let mut x = None;
        let vectors = self.arguments(|p, i| {
            p.peek();
            if function == Vector::Poly && i == 0 {
                x = Some(p.expression()?);
                return Ok(Vec::new());
            }
            let place = p.at;
            let word = p.word_at(place);
            if word.is_empty() {
                return Err(Mistake::new(place, format!("{name} wants the name of a vector: {signature}")));
            }
            let elements = p.vector(&word, place)?;
            p.at += word.chars().count();
            Ok(elements)
        })?;
        let id = match (function, vectors.as_slice()) {
            (Vector::Sum, [k]) => function.apply(self.pool, None, k, &[]),
            (Vector::Poly, [_, c]) => function.apply(self.pool, x, c, &[]),
            (Vector::Dot, [k, c]) if k.len() == c.len() => function.apply(self.pool, None, k, c),
            (Vector::Dot, [k, c]) => {
                let message = format!("dot wants vectors of one length, not {} and {}", k.len(), c.len());
                return Err(Mistake::new(start, message));
            }
            (_, all) => return Err(wrong_count(name, signature, all.len(), start)),
        };
        self.checked(id, start)
    }
}

fn wrong_count(name: &str, signature: &str, given: usize, start: usize) -> Box<Mistake> {
    let plural = if given == 1 { "argument" } else { "arguments" };
    Mistake::new(start, format!("{name} does not take {given} {plural}: write {signature}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Error, math};

    fn with_vectors() -> Pool {
        let mut pool = Pool::new(["x", "a", "b", "gamma"]);
        let k = ["a", "b", "3"].map(|text| pool.parse(text, "test").expect(text));
        let c = ["1", "x", "0.5"].map(|text| pool.parse(text, "test").expect(text));
        pool.define_vector("k", k.to_vec());
        pool.define_vector("c", c.to_vec());
        pool.define_vector("pair", c[..2].to_vec());
        pool
    }

    #[test]
    fn every_function_is_named_once_and_printed_under_its_name() {
        for (i, (name, signature, call)) in FUNCTIONS.iter().enumerate() {
            assert!(signature.starts_with(&format!("{name}(")), "{name}");
            assert!(FUNCTIONS[..i].iter().all(|(other, ..)| other != name), "{name}");
            if let Call::Unary(op) = call {
                let printed = FUNCTIONS.iter().find(|(n, ..)| *n == op.name());
                assert!(matches!(printed, Some((_, _, Call::Unary(same))) if same == op), "{name}");
            }
        }
    }

    #[test]
    fn functions_give_their_values() {
        let mut pool = with_vectors();
        let mut value = |text: &str| {
            let id = pool.parse(text, "test").expect(text);
            pool.eval(id, &[0.7, 2.0, 5.0, 1.5])
        };
        let x = 0.7;
        for (text, want) in [
            ("expm1(x)", math::exp_m1(x)),
            ("ln(x) + log1p(x)", math::ln(x) + math::ln_1p(x)),
            ("log10(1000)*log2(8)", 9.0),
            ("tan(x)*atan2(x, a)", math::tan(x) * math::atan2(x, 2.0)),
            ("asin(x) + acos(x) + atan(x)", math::asin(x) + math::acos(x) + math::atan(x)),
            ("sinh(x) + cosh(x)", math::sinh(x) + math::cosh(x)),
            ("floor(x) + 10*ceil(x) + 100*sign(-x)", -90.0),
            ("erf(x) + hypot(3, 4)", math::erf(x) + 5.0),
            ("gamma(5)*gamma", 36.0),
            ("lgamma(a + 1)", math::ln_gamma(3.0)),
            ("digamma(x) + trigamma(x)", math::digamma(x) + math::polygamma(1, x)),
            ("polygamma(3, x)", math::polygamma(3, x)),
            ("min(b, a, 7, x) + max(a, b, x)", 5.7),
            ("pow(a, 3)", 8.0),
            ("hill(x, a, 2)", 0.7 * 0.7 / (4.0 + 0.7 * 0.7)),
            ("mm(x, 3, a)", 3.0 * 0.7 / 2.7),
            ("if(x < a, x, log(-1*a))", 0.7),
            ("k[1] + 10*k[2] + 100*k[3]", 352.0),
            ("k[1 + 1]", 5.0),
            ("sum(k)", 10.0),
            ("dot(k, c)", 2.0 + 5.0 * 0.7 + 1.5),
            ("poly(a, k)", 2.0 + 2.0 * (5.0 + 2.0 * 3.0)),
            ("e*0 + pi*0 + 1e2", 100.0),
        ] {
            assert!((value(text) - want).abs() <= 1e-14 * want.abs(), "{text}: {} {want}", value(text));
        }
    }

    #[test]
    fn a_wrong_call_says_how_it_is_written() {
        let mut pool = with_vectors();
        for (text, column, says, near) in [
            ("1 + hill(x, a)", 5, "hill does not take 2 arguments: write hill(x, k, n)", None),
            ("min(x)", 1, "min does not take 1 argument: write min(a, b, …)", None),
            ("exp(x, a)", 1, "exp does not take 2 arguments: write exp(x)", None),
            ("hil(x, a, b)", 1, "unknown function 'hil'", Some("hill")),
            ("x*k", 3, "'k' is a vector of 3: write k[1] … k[3] or sum(k)", None),
            ("k[4]", 3, "'k' has 3 elements, k[1] to k[3]: there is no k[4]", None),
            ("k[0]", 3, "there is no k[0]", None),
            ("k[x]", 3, "an index is a whole number, 1 to 3", None),
            ("k[1.5]", 3, "an index is a whole number", None),
            ("k[1", 4, "missing ']'", None),
            ("x[1]", 1, "'x' is not a vector", None),
            ("pari[1]", 1, "'pari' is no vector here", Some("pair")),
            ("sum(x)", 5, "'x' is not a vector", None),
            ("sum(2)", 5, "sum wants the name of a vector: sum(k)", None),
            ("dot(k, pair)", 1, "dot wants vectors of one length, not 3 and 2", None),
            ("dot(k)", 1, "dot does not take 1 argument: write dot(k, c)", None),
            ("polygamma(x, 2)", 1, "the order of polygamma is a whole number", None),
            ("k(x)", 1, "'k' is not a function: write k*(…)", None),
            ("or x", 1, "'or' wants a condition on its left", None),
            ("2*π", 3, "unknown name 'π'", Some("pi")),
        ] {
            match pool.parse(text, "test") {
                Err(Error::Expression { column: at, message, nearest, .. }) => {
                    assert!(message.contains(says), "{text}: {message}");
                    assert_eq!((at, nearest.as_deref()), (column, near), "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}

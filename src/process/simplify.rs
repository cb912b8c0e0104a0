//! Expressions in a normal form: sums of products of powers, in which equal factors meet and go.
//!
//! `mu*exp(y)*(1/exp(y))` becomes `mu`, `exp(g*log(x))` becomes `x^g`, `log(exp(y))` becomes `y`. Powers of products are only
//! taken apart where their factors are known to be positive. What a change of variable makes of a drift wants this; nothing else
//! does. The result is held against what it came from at a few points, and given up where they differ.

use crate::base::math;
use crate::expr::{Binary, Id, Node, Pool, Unary};
use std::collections::{BTreeMap, HashMap};

/// Sums longer than this are left as they are.
const MOST_TERMS: usize = 64;
/// Products of sums up to this size are multiplied out.
const MOST_PRODUCTS: usize = 24;

/// The factors of a term: powers of atoms, and one exponential.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Factors {
    /// (atom, exponent), by atom; exponents are expressions without a power of zero among them.
    powers: Vec<(Id, Id)>,
    /// The exponent of e.
    exponent: Option<Id>,
}

/// Terms and their numbers.
type Sum = BTreeMap<Factors, f64>;

/// The normal form of an expression; `positive` tells the symbols that are never negative.
pub(crate) fn simplify(pool: &mut Pool, id: Id, positive: &dyn Fn(usize) -> bool) -> Id {
    let mut worker = Worker { pool, positive, known: HashMap::new() };
    let Some(simple) = worker.sum(id).map(|sum| worker.write(&sum)) else { return id };
    if agree(pool, id, simple, positive) { simple } else { id }
}

/// Whether two expressions have the same value wherever both have one, at a few points.
fn agree(pool: &Pool, a: Id, b: Id, positive: &dyn Fn(usize) -> bool) -> bool {
    (0..16).all(|trial| {
        let value = |s: usize| {
            let share = (0.37 + (trial * 31 + s * 17) as f64 * 0.618_033_988_749_894_9).fract();
            let size = 0.2 + 1.6 * share;
            if !positive(s) && (trial + s).is_multiple_of(3) { -size } else { size }
        };
        let symbols: Vec<f64> = (0..pool.symbols().len()).map(value).collect();
        let (x, y) = (pool.eval(a, &symbols), pool.eval(b, &symbols));
        !(x.is_finite() && y.is_finite()) || (x - y).abs() <= 1e-9 * (x.abs() + y.abs() + 1e-9)
    })
}

struct Worker<'a> {
    pool: &'a mut Pool,
    positive: &'a dyn Fn(usize) -> bool,
    known: HashMap<Id, Option<Sum>>,
}

impl Worker<'_> {
    fn sum(&mut self, id: Id) -> Option<Sum> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let found = self.read(id).filter(|s| s.len() <= MOST_TERMS);
        self.known.insert(id, found.clone());
        found
    }

    fn read(&mut self, id: Id) -> Option<Sum> {
        Some(match self.pool.node(id) {
            Node::Number(bits) => number(f64::from_bits(bits)),
            Node::Symbol(_) | Node::Select(..) => self.atom(id),
            Node::Unary(Unary::Neg, a) => self.sum(a)?.into_iter().map(|(f, c)| (f, -c)).collect(),
            Node::Unary(Unary::Sqrt, a) => {
                let (a, half) = (self.sum(a)?, self.pool.number(0.5));
                self.raise(&a, half)?
            }
            Node::Unary(Unary::Exp, a) => {
                let a = self.sum(a)?;
                self.exponential(&a)?
            }
            Node::Unary(Unary::Log, a) => {
                let a = self.sum(a)?;
                self.logarithm(&a)?
            }
            Node::Unary(op, a) => {
                let a = self.rewritten(a)?;
                let whole = self.pool.unary(op, a);
                self.atom(whole)
            }
            Node::Power(a, n) => {
                let (a, n) = (self.sum(a)?, self.pool.number(f64::from(n)));
                self.raise(&a, n)?
            }
            Node::Binary(op, a, b) => {
                let (left, right) = (self.sum(a)?, self.sum(b)?);
                match op {
                    Binary::Add => add(left, &right, 1.0),
                    Binary::Sub => add(left, &right, -1.0),
                    Binary::Mul => self.product(&left, &right)?,
                    Binary::Div => {
                        let minus = self.pool.number(-1.0);
                        let under = self.raise(&right, minus)?;
                        self.product(&left, &under)?
                    }
                    Binary::Pow => {
                        let exponent = self.write(&right);
                        self.raise(&left, exponent)?
                    }
                    _ => {
                        let (a, b) = (self.write(&left), self.write(&right));
                        let whole = self.pool.binary(op, a, b);
                        self.atom(whole)
                    }
                }
            }
        })
    }

    fn rewritten(&mut self, id: Id) -> Option<Id> {
        let sum = self.sum(id)?;
        Some(self.write(&sum))
    }

    fn atom(&mut self, id: Id) -> Sum {
        match self.pool.constant(id) {
            Some(value) => number(value),
            None => {
                let one = self.pool.number(1.0);
                Sum::from([(Factors { powers: vec![(id, one)], exponent: None }, 1.0)])
            }
        }
    }

    fn is_positive(&self, atom: Id) -> bool {
        match self.pool.node(atom) {
            Node::Symbol(s) => (self.positive)(s as usize),
            Node::Number(bits) => f64::from_bits(bits) > 0.0,
            Node::Unary(op, _) => matches!(op, Unary::Exp | Unary::Sqrt | Unary::Abs),
            _ => false,
        }
    }

    fn product(&mut self, a: &Sum, b: &Sum) -> Option<Sum> {
        // A sum that stands as a factor on the other side meets itself there.
        for (sum, other) in [(a, b), (b, a)] {
            if sum.len() > 1 && other.len() == 1 {
                let whole = self.write(sum);
                if other.keys().any(|f| f.powers.iter().any(|(atom, _)| *atom == whole)) {
                    let whole = self.atom(whole);
                    return self.product(&whole, other);
                }
            }
        }
        if a.len() * b.len() > MOST_PRODUCTS {
            // Too long to multiply out: the longer one stands as a factor.
            let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
            let long = self.write(long);
            let long = self.atom(long);
            return if short.len() > MOST_PRODUCTS {
                let short = self.write(short);
                let short = self.atom(short);
                self.product(&short, &long)
            } else {
                self.product(short, &long)
            };
        }
        let mut out = Sum::new();
        for (left, c) in a {
            for (right, d) in b {
                let mut powers: BTreeMap<Id, Id> = left.powers.iter().copied().collect();
                for (atom, exponent) in &right.powers {
                    let total = match powers.get(atom) {
                        Some(before) => self.add_exponents(*before, *exponent)?,
                        None => *exponent,
                    };
                    powers.insert(*atom, total);
                }
                let exponent = match (left.exponent, right.exponent) {
                    (Some(p), Some(q)) => Some(self.add_exponents(p, q)?),
                    (p, q) => p.or(q),
                };
                let factors = self.factors(powers, exponent);
                out = add(out, &Sum::from([(factors, c * d)]), 1.0);
            }
        }
        Some(out)
    }

    fn factors(&self, powers: BTreeMap<Id, Id>, exponent: Option<Id>) -> Factors {
        let zero = |id: &Id| self.pool.constant(*id) == Some(0.0);
        Factors {
            powers: powers.into_iter().filter(|(_, e)| !zero(e)).collect(),
            exponent: exponent.filter(|e| !zero(e)),
        }
    }

    fn add_exponents(&mut self, a: Id, b: Id) -> Option<Id> {
        let sum = self.pool.add(a, b);
        self.rewritten(sum)
    }

    fn scale_exponent(&mut self, a: Id, by: Id) -> Option<Id> {
        let product = self.pool.mul(a, by);
        self.rewritten(product)
    }

    /// A sum to any power.
    fn raise(&mut self, a: &Sum, exponent: Id) -> Option<Sum> {
        let whole = self.pool.constant(exponent).filter(|e| e.fract() == 0.0 && e.abs() <= 64.0);
        let mut terms = a.iter();
        if let (Some((factors, c)), None) = (terms.next(), terms.next()) {
            let strangers: Vec<&(Id, Id)> =
                factors.powers.iter().filter(|(atom, _)| !self.is_positive(*atom)).collect();
            // (x y)^½ is √x √y where x and y are positive; of one unknown factor the root itself says it is.
            let splits = match strangers.as_slice() {
                _ if whole.is_some() => *c != 0.0 || whole > Some(0.0),
                [] => *c > 0.0,
                [(_, e)] => *c > 0.0 && self.pool.constant(*e) == Some(1.0),
                _ => false,
            };
            if splits {
                let (factors, c) = (factors.clone(), *c);
                let mut powers = BTreeMap::new();
                for (atom, e) in factors.powers {
                    powers.insert(atom, self.scale_exponent(e, exponent)?);
                }
                let of_e = match factors.exponent {
                    Some(e) => Some(self.scale_exponent(e, exponent)?),
                    None => None,
                };
                let mut outer = 1.0;
                match (whole, self.pool.constant(exponent)) {
                    (Some(n), _) => outer = math::powi(c, n as i32),
                    (None, Some(e)) => outer = math::pow(c, e),
                    (None, None) if c != 1.0 => {
                        let base = self.pool.number(c);
                        powers.insert(base, exponent);
                    }
                    (None, None) => {}
                }
                let factors = self.factors(powers, of_e);
                return Some(Sum::from([(factors, outer)]));
            }
        }
        if let Some(n @ (2.0 | 3.0)) = whole
            && a.len() <= 4
        {
            let mut power = a.clone();
            for _ in 1..n as u32 {
                power = self.product(&power, a)?;
            }
            return Some(power);
        }
        if a.is_empty() {
            // Zero to a positive power.
            return whole.is_some_and(|n| n > 0.0).then(Sum::new);
        }
        let base = self.write(a);
        Some(Sum::from([(Factors { powers: vec![(base, exponent)], exponent: None }, 1.0)]))
    }

    /// `exp(Σ …)`: terms `r log z` become `z^r`.
    fn exponential(&mut self, a: &Sum) -> Option<Sum> {
        let one = self.pool.number(1.0);
        let mut rest = Sum::new();
        let mut out = number(1.0);
        for (factors, c) in a {
            let log = factors
                .powers
                .iter()
                .position(|(atom, e)| *e == one && matches!(self.pool.node(*atom), Node::Unary(Unary::Log, _)));
            match log.map(|k| (k, self.pool.node(factors.powers[k].0))) {
                Some((k, Node::Unary(Unary::Log, z))) => {
                    let mut others = factors.clone();
                    others.powers.remove(k);
                    let power = self.write(&Sum::from([(others, *c)]));
                    let z = self.sum(z)?;
                    let z = self.raise(&z, power)?;
                    out = self.product(&out, &z)?;
                }
                _ => rest = add(rest, &Sum::from([(factors.clone(), *c)]), 1.0),
            }
        }
        if rest.is_empty() {
            return Some(out);
        }
        let exponent = self.write(&rest);
        self.product(&out, &Sum::from([(Factors { powers: Vec::new(), exponent: Some(exponent) }, 1.0)]))
    }

    fn logarithm(&mut self, a: &Sum) -> Option<Sum> {
        let mut terms = a.iter();
        if let (Some((factors, c)), None) = (terms.next(), terms.next())
            && *c > 0.0
            && factors.powers.iter().all(|(atom, _)| self.is_positive(*atom))
        {
            let mut out = if *c == 1.0 { Sum::new() } else { number(math::ln(*c)) };
            if let Some(e) = factors.exponent {
                out = add(out, &self.sum(e)?, 1.0);
            }
            for (atom, e) in &factors.powers {
                let log = self.pool.unary(Unary::Log, *atom);
                let (log, e) = (self.atom(log), self.sum(*e)?);
                out = add(out, &self.product(&e, &log)?, 1.0);
            }
            return Some(out);
        }
        let inside = self.write(a);
        let log = self.pool.unary(Unary::Log, inside);
        Some(self.atom(log))
    }

    fn write(&mut self, sum: &Sum) -> Id {
        let zero = self.pool.number(0.0);
        let mut terms: Vec<(f64, Id)> = Vec::with_capacity(sum.len());
        for (factors, c) in sum {
            terms.push((*c, self.write_term(factors, c.abs())));
        }
        let plus = terms.iter().filter(|t| t.0 > 0.0).fold(zero, |s, t| self.pool.add(s, t.1));
        terms.iter().filter(|t| !(t.0 > 0.0)).fold(plus, |s, t| self.pool.sub(s, t.1))
    }

    fn write_term(&mut self, factors: &Factors, c: f64) -> Id {
        let one = self.pool.number(1.0);
        let (mut above, mut below) = (self.pool.number(c), one);
        for (atom, exponent) in &factors.powers {
            match self.pool.constant(*exponent) {
                Some(e) if e < 0.0 => {
                    let power = self.power(*atom, -e);
                    below = self.pool.mul(below, power);
                }
                Some(e) => {
                    let power = self.power(*atom, e);
                    above = self.pool.mul(above, power);
                }
                None => {
                    let power = self.pool.binary(Binary::Pow, *atom, *exponent);
                    above = self.pool.mul(above, power);
                }
            }
        }
        if let Some(e) = factors.exponent {
            let exponential = self.pool.unary(Unary::Exp, e);
            above = self.pool.mul(above, exponential);
        }
        self.pool.div(above, below)
    }

    fn power(&mut self, atom: Id, e: f64) -> Id {
        let e = self.pool.number(e);
        self.pool.binary(Binary::Pow, atom, e)
    }
}

fn number(value: f64) -> Sum {
    if value == 0.0 { Sum::new() } else { Sum::from([(Factors::default(), value)]) }
}

fn add(mut a: Sum, b: &Sum, sign: f64) -> Sum {
    for (factors, c) in b {
        let here = a.entry(factors.clone()).or_insert(0.0);
        *here += sign * c;
        if *here == 0.0 {
            a.remove(factors);
        }
    }
    a
}

/// An expression as a number times a power of one symbol, where it is that: the factor, free of the symbol, and the exponent.
pub(crate) fn as_power(pool: &mut Pool, id: Id, symbol: usize, positive: &dyn Fn(usize) -> bool) -> Option<(Id, Id)> {
    let mut worker = Worker { pool, positive, known: HashMap::new() };
    let sum = worker.sum(id)?;
    let mut terms = sum.iter();
    let (Some((factors, c)), None) = (terms.next(), terms.next()) else { return None };
    let is_it = |pool: &Pool, atom: Id| matches!(pool.node(atom), Node::Symbol(s) if s as usize == symbol);
    let exponent = factors.powers.iter().find(|(atom, _)| is_it(worker.pool, *atom)).map(|p| p.1);
    let mut others = factors.clone();
    others.powers.retain(|(atom, _)| !is_it(worker.pool, *atom));
    let (others, c) = (others, *c);
    let factor = worker.write(&Sum::from([(others, c)]));
    let exponent = exponent.unwrap_or_else(|| worker.pool.number(0.0));
    let free = !pool.depends_on(factor, symbol) && !pool.depends_on(exponent, symbol);
    free.then_some((factor, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        let mut pool = Pool::new(["x", "y", "k", "s"]);
        let id = pool.parse(text, "test").expect(text);
        // x, k and s are positive, y is not.
        let simple = simplify(&mut pool, id, &|s| s != 1);
        pool.print(simple)
    }

    #[test]
    fn what_is_equal_is_written_alike() {
        for (text, wanted) in [
            ("k*exp(y)*(1/exp(y)) - 0.5*(s*exp(y))^2/exp(y)^2", "k - 0.5*s^2"),
            ("log(exp(y))*k", "y*k"),
            ("exp(k*log(x))/x^k", "1"),
            ("sqrt(x)*sqrt(x)*k/x", "k"),
            ("1/sqrt(x)*x^1.5", "x"),
            ("x^(1 - k)*x^k", "x"),
            ("(x*s)^k/x^k", "s^k"),
            ("log(x^2*s) - log(s)", "2*log(x)"),
            ("x + y - x", "y"),
            ("exp(y)*exp(-y)", "1"),
            ("(x + y)/(x + y)", "1"),
            ("sin(x + 0*y)^2/sin(x)", "sin(x)"),
            ("k*(x - x)", "0"),
        ] {
            assert_eq!(of(text), wanted, "{text}");
        }
        // √(y²) is not y, and the logarithm of what may be negative stays whole.
        assert_eq!(of("sqrt(y^2)"), "sqrt(y^2)");
        assert_eq!(of("log(y^2)"), "log(y^2)");
    }

    #[test]
    fn powers_of_one_symbol_are_read_off() {
        let mut pool = Pool::new(["x", "s", "g"]);
        for (text, wanted) in [
            ("s", Some(("s", "0"))),
            ("s*x", Some(("s", "1"))),
            ("2*s*sqrt(x)/3", Some(("0.6666666666666666*s", "0.5"))),
            ("s*x^g", Some(("s", "g"))),
            ("s*x^g/sqrt(x)", Some(("s", "g - 0.5"))),
            ("sqrt(s^2*x^2)", Some(("s", "1"))),
            ("s + x", None),
            ("s*exp(x)", None),
        ] {
            let id = pool.parse(text, "test").expect(text);
            let found = as_power(&mut pool, id, 0, &|_| true).map(|(f, e)| (pool.print(f), pool.print(e)));
            let wanted = wanted.map(|(f, e): (&str, &str)| (f.to_string(), e.to_string()));
            assert_eq!(found, wanted, "{text}");
        }
    }
}

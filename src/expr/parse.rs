//! Text to graph: a small recursive-descent parser with limits, whose errors point at a column.
//!
//! Weakest first: `or` `||`, `and` `&&`, `not` `!`, one comparison (`<` `<=` `>` `>=` `==` `!=`), `+ -`, `* /`, a sign, `^`
//! (right-associative, so `-x^2` is `-(x^2)` and `2^-x` is a power). A value is a number, a name, an element `k[2]` of a
//! vector, a call of one of the functions of [`super::call`], or an expression in parentheses. Truth is 1, falsehood 0.

use super::mistake::{Mistake, missing_operator, unexpected};
use super::op::{Binary, Unary};
use super::pool::{Id, Pool};
use crate::base::{Limit, Result};

/// Binding strengths of infix operators; [`super::layout`] sets its parentheses by the same.
pub(super) mod strength {
    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const COMPARISON: u8 = 4;
    pub const SUM: u8 = 5;
    pub const PRODUCT: u8 = 6;
    pub const SIGN: u8 = 7;
    pub const POWER: u8 = 8;
    pub const VALUE: u8 = 9;
}

pub(super) type Parsed<T> = std::result::Result<T, Box<Mistake>>;

impl Pool {
    /// Parse `text` into this pool and give its node. `place` says where it stands (a file, a flag) for the error, whose line and column are
    /// those of the text; the reader of a file moves them to the file's.
    ///
    /// Weakest first: `or` `||`, `and` `&&`, `not` `!`, one comparison, `+ -`, `* /`, a sign, `^` (right-associative: `-x^2` is `-(x^2)`). A value is a number, a
    /// symbol, a definition, an element `k[2]` of a vector, a call or an expression in parentheses; truth is 1. Cost: linear in the length of the text.
    ///
    /// # Errors
    /// [`crate::base::Error::Expression`] with line, column and, for an unknown name, the nearest one; also beyond [`Limit::ExpressionLength`] and
    /// [`Limit::Nesting`].
    pub fn parse(&mut self, text: &str, place: &str) -> Result<Id> {
        let longest = Limit::ExpressionLength.most() as usize;
        let chars: Vec<char> = text.chars().take(longest.saturating_add(1)).collect();
        if chars.len() > longest {
            // The rest is not held, but counted: the hint should be right the first time.
            let told = Limit::ExpressionLength.told(Some(text.chars().count() as f64));
            return Err(Mistake::new(0, told).placed(&chars, place));
        }
        let mut parser = Parser { pool: self, chars, at: 0, depth: 0, deepest: Limit::Nesting.most() as usize };
        parser.whole().map_err(|mistake| mistake.placed(&parser.chars, place))
    }
}

pub(super) struct Parser<'a> {
    pub pool: &'a mut Pool,
    pub chars: Vec<char>,
    pub at: usize,
    depth: usize,
    deepest: usize,
}

/// An infix operator as it stands in a text: `>` is `<` with its sides exchanged.
#[derive(Clone, Copy)]
struct Infix {
    op: Binary,
    swapped: bool,
    strength: u8,
    length: usize,
}

impl Parser<'_> {
    fn whole(&mut self) -> Parsed<Id> {
        let id = self.climb(strength::OR)?;
        self.skip_space();
        if self.at < self.chars.len() {
            return Err(unexpected(&self.chars, self.at));
        }
        self.checked(id, 0)
    }

    fn skip_space(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    /// The next character that is no blank, left where it is; `None` at the end.
    pub fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.chars.get(self.at).copied()
    }

    /// Take the next character if it is `wanted`.
    pub fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// The name that stands at `at`, perhaps an empty one.
    pub fn word_at(&self, at: usize) -> String {
        let starts = self.chars.get(at).is_some_and(|c| c.is_alphabetic() || *c == '_');
        let belongs = |c: &&char| c.is_alphabetic() || c.is_ascii_digit() || **c == '_';
        self.chars[at.min(self.chars.len())..].iter().take_while(belongs).filter(|_| starts).collect()
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > self.deepest {
            return Err(Mistake::new(self.at, format!("nested too deep: {}", Limit::Nesting.told(None))));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    pub fn expression(&mut self) -> Parsed<Id> {
        self.deeper(|p| p.climb(strength::OR))
    }

    /// A result that is not a number is a mistake of the operation at `at`; so is a pool without room for it.
    pub fn checked(&self, id: Id, at: usize) -> Parsed<Id> {
        match self.pool.constant(id) {
            Some(value) if value.is_nan() && self.pool.is_full() => Err(Mistake::new(at, Limit::Terms.told(None))),
            Some(value) if value.is_nan() => Err(Mistake::new(at, "this is not a number, whatever the state is")),
            _ => Ok(id),
        }
    }

    /// An expression of operators at least this strong.
    fn climb(&mut self, least: u8) -> Parsed<Id> {
        let mut left = self.prefixed(least)?;
        let mut compared = false;
        while let Some(infix) = self.infix()? {
            if infix.strength < least {
                break;
            }
            let at = self.at;
            if infix.strength == strength::COMPARISON {
                if compared {
                    return Err(Mistake::new(at, "a chain of comparisons: write a < b and b < c"));
                }
                compared = true;
            } else {
                compared = false;
            }
            self.at += infix.length;
            let right = self.climb(infix.strength + 1)?;
            if infix.op == Binary::Div && self.pool.constant(right) == Some(0.0) {
                return Err(Mistake::new(at, "division by zero"));
            }
            let (a, b) = if infix.swapped { (right, left) } else { (left, right) };
            let id = self.pool.binary(infix.op, a, b);
            left = self.checked(id, at)?;
        }
        Ok(left)
    }

    /// The infix operator that comes next, without taking it; none at the end of an operand's expression.
    fn infix(&mut self) -> Parsed<Option<Infix>> {
        let Some(first) = self.peek() else { return Ok(None) };
        let second = self.chars.get(self.at + 1).copied();
        let found = |op, strength, length| Ok(Some(Infix { op, swapped: false, strength, length }));
        let compare = |op, length| found(op, strength::COMPARISON, length);
        let swapped = |op, length| Ok(Some(Infix { op, swapped: true, strength: strength::COMPARISON, length }));
        match (first, second) {
            ('*', Some('*')) => Err(Mistake::new(self.at, "write ^ for a power")),
            ('+', _) => found(Binary::Add, strength::SUM, 1),
            ('-', _) => found(Binary::Sub, strength::SUM, 1),
            ('*', _) => found(Binary::Mul, strength::PRODUCT, 1),
            ('/', _) => found(Binary::Div, strength::PRODUCT, 1),
            ('<', Some('=')) => compare(Binary::LessEqual, 2),
            ('>', Some('=')) => swapped(Binary::LessEqual, 2),
            ('<', Some('>')) => Err(Mistake::new(self.at, "write != for what differs")),
            ('=', Some('<')) => Err(Mistake::new(self.at, "write <=")),
            ('=', Some('>')) => Err(Mistake::new(self.at, "write >=")),
            ('<', _) => compare(Binary::Less, 1),
            ('>', _) => swapped(Binary::Less, 1),
            ('=', Some('=')) => compare(Binary::Equal, 2),
            ('!', Some('=')) => compare(Binary::NotEqual, 2),
            ('&', Some('&')) => found(Binary::And, strength::AND, 2),
            ('|', Some('|')) => found(Binary::Or, strength::OR, 2),
            (')' | ',', _) => Ok(None),
            _ => match self.word_at(self.at).as_str() {
                "and" => found(Binary::And, strength::AND, 3),
                "or" => found(Binary::Or, strength::OR, 2),
                word if !word.is_empty() || first == '(' || first == '.' || first.is_ascii_digit() => {
                    Err(missing_operator(&self.chars, self.at))
                }
                _ if first == ']' => Ok(None),
                _ => Err(unexpected(&self.chars, self.at)),
            },
        }
    }

    /// A value with what stands before it: signs, `not`.
    fn prefixed(&mut self, least: u8) -> Parsed<Id> {
        let first = self.peek();
        let start = self.at;
        if self.take('-') {
            let inner = self.deeper(|p| p.prefixed(strength::SIGN))?;
            return Ok(self.pool.unary(Unary::Neg, inner));
        }
        if self.take('+') {
            return self.deeper(|p| p.prefixed(strength::SIGN));
        }
        let word = self.word_at(self.at);
        if first == Some('!') || (word == "not" && self.pool.symbol("not").is_none()) {
            if least > strength::NOT {
                return Err(Mistake::new(start, "put 'not …' in parentheses here"));
            }
            self.at += if first == Some('!') { 1 } else { 3 };
            let inner = self.deeper(|p| p.climb(strength::NOT))?;
            return Ok(self.pool.unary(Unary::Not, inner));
        }
        self.powered()
    }

    fn powered(&mut self) -> Parsed<Id> {
        let base = self.value()?;
        let at = self.at;
        if !self.take('^') {
            return Ok(base);
        }
        let exponent = self.deeper(|p| p.prefixed(strength::SIGN))?;
        if self.pool.constant(base) == Some(0.0) && self.pool.constant(exponent).is_some_and(|e| e < 0.0) {
            return Err(Mistake::new(at, "division by zero"));
        }
        let id = self.pool.binary(Binary::Pow, base, exponent);
        self.checked(id, at)
    }

    fn value(&mut self) -> Parsed<Id> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some('(') => {
                self.at += 1;
                let inner = self.expression()?;
                self.close(start)?;
                Ok(inner)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.named(),
            _ => Err(unexpected(&self.chars, start)),
        }
    }

    /// Take the parenthesis that closes the one at `opened`.
    pub fn close(&mut self, opened: usize) -> Parsed<()> {
        if self.take(')') {
            return Ok(());
        }
        if self.at < self.chars.len() {
            return Err(unexpected(&self.chars, self.at));
        }
        Err(Mistake::new(self.at, format!("missing ')' for the '(' at column {}", opened + 1)))
    }

    fn number(&mut self) -> Parsed<Id> {
        let start = self.at;
        let is = |c: Option<&char>, set: fn(char) -> bool| c.is_some_and(|c| set(*c));
        let digit = |c: char| c.is_ascii_digit();
        while is(self.chars.get(self.at), |c| c.is_ascii_digit() || c == '.') {
            self.at += 1;
        }
        if is(self.chars.get(self.at), |c| c == 'e' || c == 'E') {
            let sign = usize::from(is(self.chars.get(self.at + 1), |c| c == '+' || c == '-'));
            if is(self.chars.get(self.at + 1 + sign), digit) {
                self.at += 1 + sign;
                while is(self.chars.get(self.at), digit) {
                    self.at += 1;
                }
            }
        }
        let word: String = self.chars[start..self.at].iter().collect();
        match word.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(self.pool.number(value)),
            Ok(_) => Err(Mistake::new(start, format!("'{}' is too large for a number", super::mistake::short(&word)))),
            Err(_) => Err(Mistake::new(start, format!("'{}' is not a number", super::mistake::short(&word)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Error;

    #[test]
    fn precedence_is_that_of_written_mathematics() {
        let mut pool = Pool::new(["x", "kappa"]);
        let mut value = |text: &str| {
            let id = pool.parse(text, "test").expect(text);
            pool.eval(id, &[3.0, 0.5])
        };
        assert_eq!(value("-x^2"), -9.0);
        assert_eq!(value("2^3^2"), 512.0);
        assert_eq!(value("2 - 3 - 4"), -5.0);
        assert_eq!(value("8 / 2 * x"), 12.0);
        assert!((value("2^-x") - 0.125).abs() < 1e-16);
        assert_eq!(value("2*-x + +1"), -5.0);
        assert_eq!(value("kappa*(1.5e0 - x)"), -0.75);
        assert_eq!(value("max(x, 7) + min(x, 7)"), 10.0);
        assert!((value("sqrt(x)*sqrt(x) + log(exp(2))") - 5.0).abs() < 1e-14);
    }

    #[test]
    fn conditions_bind_weaker_than_sums() {
        let mut pool = Pool::new(["x", "k"]);
        let mut value = |text: &str| {
            let id = pool.parse(text, "test").expect(text);
            pool.eval(id, &[3.0, 0.5])
        };
        for (text, want) in [
            ("x + 1 > 2*k", 1.0),
            ("x < 1 or k < 1 and x > 2", 1.0),
            ("(x < 1 or k < 1) and x > 5", 0.0),
            ("not x < 1", 1.0),
            ("not x < 1 and k > 1", 0.0),
            ("!(x == 3) || k != 0.5", 0.0),
            ("x >= 3 && x <= 3", 1.0),
            ("if(x > 2, 10, 20) + (k < 0)", 10.0),
            ("if(k, 1, 2)", 1.0),
            ("x > 2 and not k > 1", 1.0),
            ("1 - (x == 3)", 0.0),
        ] {
            assert_eq!(value(text), want, "{text}");
        }
    }

    fn mistake(pool: &mut Pool, text: &str) -> (usize, String, Option<String>) {
        match pool.parse(text, "test") {
            Err(Error::Expression { column, message, nearest, .. }) => (column, message, nearest),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_mistake_is_placed_and_its_nearest_name_offered() {
        let mut pool = Pool::new(["x", "kappa"]);
        let one = pool.number(1.0);
        pool.define("total", one);
        let mut column = |text: &str| {
            let (column, _, nearest) = mistake(&mut pool, text);
            (column, nearest)
        };
        assert_eq!(column("2*kapa*x"), (3, Some("kappa".to_string())));
        assert_eq!(column("x + totl"), (5, Some("total".to_string())));
        assert_eq!(column("x +"), (4, None));
        assert_eq!(column("(x"), (3, None));
        assert_eq!(column("sqr(x)"), (1, Some("sqrt".to_string())));
        assert_eq!(column("exp(x, x)").0, 1);
        assert_eq!(column("x $ 2").0, 3);
        assert_eq!(column("1/0").0, 2);
        assert_eq!(column("").0, 1);
        assert_eq!(column(&"(".repeat(5_000)).0, 202);
        assert_eq!(column("1e999").0, 1);
    }

    #[test]
    fn a_mistake_says_what_to_write() {
        let mut pool = Pool::new(["x", "y"]);
        for (text, column, says) in [
            ("x**2", 2, "write ^ for a power"),
            ("x = 2", 3, "write == to compare"),
            ("x =< 2", 3, "write <="),
            ("x <> 2", 3, "write !="),
            ("1 < x < 2", 7, "write a < b and b < c"),
            ("2x", 2, "an operator is missing: write 2*x"),
            ("2 x", 3, "an operator is missing: write 2*x"),
            ("x y", 3, "an operator is missing: write x*y"),
            ("2(x + 1)", 2, "an operator is missing: write 2*(…)"),
            ("(x)(y)", 4, "an operator is missing: write (…)*(…)"),
            ("x (y)", 1, "'x' is not a function: write x*(…)"),
            ("x − y", 3, "write - for a minus"),
            ("x × y", 3, "write * to multiply"),
            ("x·y", 2, "write * to multiply"),
            ("x²", 2, "write ^ for a power, as in x^2"),
            ("x ≤ y", 3, "write <="),
            ("x*∞", 3, "write inf"),
            ("1,5*x", 2, "a decimal point is a dot"),
            ("[x]", 1, "group with ( and )"),
            ("x ? 1 : 2", 3, "write if(condition, a, b)"),
            ("x & y", 3, "write and"),
            ("2 + not x", 5, "put 'not …' in parentheses here"),
            ("1.2.3", 1, "'1.2.3' is not a number"),
            ("2e999", 1, "too large for a number"),
            ("exp", 1, "'exp' is a function: write exp(x)"),
            ("exp()", 5, "did not expect ')' here"),
            ("x + )", 5, "did not expect ')' here"),
            ("x)", 2, "did not expect ')' here"),
            ("(x, y)", 3, "did not expect ',' here"),
            ("sqrt(-1)*x", 1, "this is not a number"),
            ("0*inf", 2, "this is not a number"),
            ("inf - inf", 5, "this is not a number"),
            ("0^-1", 2, "division by zero"),
            ("mm(-x, 1, x)", 1, "this is not a number"),
            ("x/(2 - 2)", 2, "division by zero"),
        ] {
            let (at, message, _) = mistake(&mut pool, text);
            assert!(message.contains(says), "{text}: {message}");
            assert_eq!(at, column, "{text}: {message}");
        }
    }

    #[test]
    fn the_caret_stands_under_the_mistake_in_its_line() {
        let mut pool = Pool::new(["x"]);
        let shown = pool.parse("x +\n  2*y", "my.toml").expect_err("y").to_string();
        assert_eq!(shown, "my.toml:2:5: unknown name 'y'\n  |   2*y\n  |     ^");
        let long = format!("{}y", "x + ".repeat(500));
        match pool.parse(&long, "test") {
            Err(Error::Expression { column, caret, text, .. }) => {
                assert_eq!((column, text.chars().nth(caret - 1)), (2001, Some('y')));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn infinity_is_a_number_to_compare_with() {
        let mut pool = Pool::new(["x"]);
        let id = pool.parse("exp(-inf) + (x < inf)", "test").expect("text");
        assert_eq!(pool.eval(id, &[3.0]), 1.0);
    }
}

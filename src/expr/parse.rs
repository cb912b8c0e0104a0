//! Text to graph: a small recursive-descent parser with limits, whose errors point at a column.
//!
//! Grammar: `sum = product (('+'|'-') product)*`, `product = signed (('*'|'/') signed)*`, `signed = '-' signed | power`,
//! `power = atom ('^' signed)?` (right-associative, binds tighter than the minus before it), `atom = number | name |
//! name '(' sum (',' sum)* ')' | '(' sum ')'`.

use super::pool::{Binary, Id, Pool, Unary};
use crate::base::{Error, Result, suggest::nearest};

/// Deepest nesting of parentheses, signs and powers.
const MAX_DEPTH: usize = 200;
/// Longest text of one expression, in characters.
const MAX_LENGTH: usize = 20_000;

impl Pool {
    /// Parse `text` into this pool. `place` says where it stands (a file, a flag) for the error, whose line and column are
    /// those of the text; the reader of a file moves them to the file's.
    ///
    /// # Errors
    /// [`Error::Expression`] with line, column and, for an unknown name, the nearest one.
    pub fn parse(&mut self, text: &str, place: &str) -> Result<Id> {
        let mut parser = Parser { pool: self, chars: text.chars().collect(), at: 0, depth: 0, text, place };
        if parser.chars.len() > MAX_LENGTH {
            return Err(parser.error(0, format!("the expression is longer than {MAX_LENGTH} characters"), None));
        }
        let id = parser.sum()?;
        parser.skip_space();
        if parser.at < parser.chars.len() {
            let found = parser.chars[parser.at];
            return Err(parser.error(parser.at, format!("did not expect '{found}' here"), None));
        }
        Ok(id)
    }
}

struct Parser<'a> {
    pool: &'a mut Pool,
    chars: Vec<char>,
    at: usize,
    depth: usize,
    text: &'a str,
    place: &'a str,
}

impl Parser<'_> {
    fn error(&self, at: usize, message: String, nearest: Option<String>) -> Error {
        let before = &self.chars[..at.min(self.chars.len())];
        let line = 1 + before.iter().filter(|c| **c == '\n').count();
        let column = 1 + before.iter().rev().take_while(|c| **c != '\n').count();
        let text = self.text.lines().nth(line - 1).unwrap_or_default();
        Error::Expression {
            place: self.place.to_string(),
            line,
            column,
            message,
            text: text.chars().take(200).collect(),
            caret: column,
            nearest,
        }
    }

    fn skip_space(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    /// Take the next character if it is `wanted`.
    fn take(&mut self, wanted: char) -> bool {
        self.skip_space();
        let found = self.chars.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(self.at, format!("nested deeper than {MAX_DEPTH} levels"), None));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn sum(&mut self) -> Result<Id> {
        let mut left = self.product()?;
        loop {
            let op = if self.take('+') {
                Binary::Add
            } else if self.take('-') {
                Binary::Sub
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = self.pool.binary(op, left, right);
        }
    }

    fn product(&mut self) -> Result<Id> {
        let mut left = self.signed()?;
        loop {
            let op = if self.take('*') {
                Binary::Mul
            } else if self.take('/') {
                Binary::Div
            } else {
                return Ok(left);
            };
            let at = self.at;
            let right = self.signed()?;
            if op == Binary::Div && self.pool.constant(right) == Some(0.0) {
                return Err(self.error(at.saturating_sub(1), "division by zero".to_string(), None));
            }
            left = self.pool.binary(op, left, right);
        }
    }

    fn signed(&mut self) -> Result<Id> {
        if self.take('-') {
            let inner = self.deeper(Self::signed)?;
            return Ok(self.pool.unary(Unary::Neg, inner));
        }
        let base = self.atom()?;
        if self.take('^') {
            let exponent = self.deeper(Self::signed)?;
            return Ok(self.pool.binary(Binary::Pow, base, exponent));
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<Id> {
        self.skip_space();
        let start = self.at;
        match self.chars.get(start).copied() {
            None => Err(self.error(start, "the expression ends too soon".to_string(), None)),
            Some('(') => {
                self.at += 1;
                let inner = self.deeper(Self::sum)?;
                self.close(start)?;
                Ok(inner)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => {
                while self.chars.get(self.at).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                    self.at += 1;
                }
                let name: String = self.chars[start..self.at].iter().collect();
                if self.take('(') { self.call(&name, start) } else { self.name(&name, start) }
            }
            Some(c) => Err(self.error(start, format!("did not expect '{c}' here"), None)),
        }
    }

    fn close(&mut self, opened: usize) -> Result<()> {
        if self.take(')') {
            return Ok(());
        }
        Err(self.error(self.at, format!("missing ')' for the '(' at column {}", opened + 1), None))
    }

    fn number(&mut self) -> Result<Id> {
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
            _ => Err(self.error(start, format!("'{word}' is not a number"), None)),
        }
    }

    fn name(&mut self, name: &str, start: usize) -> Result<Id> {
        if let Some(id) = self.pool.symbol(name) {
            return Ok(id);
        }
        if name == "pi" {
            return Ok(self.pool.number(std::f64::consts::PI));
        }
        if function_names().any(|f| f == name) {
            return Err(self.error(start, format!("'{name}' is a function and wants its argument: {name}(…)"), None));
        }
        let mut known: Vec<&str> = function_names().chain(["pi"]).collect();
        known.extend(self.pool.symbols().iter().map(String::as_str).filter(|s| !s.starts_with('#')));
        let close = nearest(name, known).map(str::to_string);
        Err(self.error(start, format!("unknown name '{name}'"), close))
    }

    fn call(&mut self, name: &str, start: usize) -> Result<Id> {
        let mut arguments = vec![self.deeper(Self::sum)?];
        while self.take(',') {
            arguments.push(self.deeper(Self::sum)?);
        }
        self.close(start + name.chars().count())?;
        let unary = Unary::NAMED.iter().find(|(n, _)| *n == name);
        let binary = Binary::NAMED.iter().find(|(n, _)| *n == name);
        match (unary, binary, arguments.as_slice()) {
            (Some((_, op)), _, [a]) => Ok(self.pool.unary(*op, *a)),
            (_, Some((_, op)), [a, b]) => Ok(self.pool.binary(*op, *a, *b)),
            (None, None, _) => {
                let close = nearest(name, function_names()).map(str::to_string);
                Err(self.error(start, format!("unknown function '{name}'"), close))
            }
            _ => {
                let wanted = if unary.is_some() { "one argument" } else { "two arguments" };
                Err(self.error(start, format!("{name} takes {wanted}, not {}", arguments.len()), None))
            }
        }
    }
}

fn function_names() -> impl Iterator<Item = &'static str> {
    Unary::NAMED.iter().map(|(n, _)| *n).chain(Binary::NAMED.iter().map(|(n, _)| *n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        let mut pool = Pool::new(["x", "kappa"]);
        let id = pool.parse(text, "test").expect(text);
        pool.eval(id, &[3.0, 0.5])
    }

    #[test]
    fn signs_powers_and_products_bind_as_in_mathematics() {
        assert_eq!(value("-x^2"), -9.0);
        assert_eq!(value("2^3^2"), 512.0);
        assert_eq!(value("2^-1"), 0.5);
        assert_eq!(value("1 - 2 - 3"), -4.0);
        assert_eq!(value("8 / 2 * x"), 12.0);
        assert_eq!(value("kappa*(1.5e0 - x)"), -0.75);
        assert_eq!(value("max(x, 7) + min(x, 7)"), 10.0);
        assert!((value("sqrt(x)*sqrt(x) + log(exp(2))") - 5.0).abs() < 1e-14);
    }

    #[test]
    fn a_mistake_is_placed_and_its_nearest_name_offered() {
        let mut pool = Pool::new(["x", "kappa"]);
        let mut column = |text: &str| match pool.parse(text, "test") {
            Err(Error::Expression { column, nearest, .. }) => (column, nearest),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(column("2*kapa*x"), (3, Some("kappa".to_string())));
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
}

//! Graph back to text that can be parsed again, with no more parentheses than are needed.

use super::layout::{Infix, Layout, Manner};
use super::op::Unary;
use super::parse::strength;
use super::pool::{Id, Pool};
use std::fmt::Write;

impl Pool {
    /// The expression as text that parses back to itself. Beyond about ten thousand characters the rest is left out as `…`.
    pub fn print(&self, id: Id) -> String {
        self.text(id, strength::OR)
    }

    /// As [`Pool::print`], in parentheses where the expression is a sum: fit to stand before a factor.
    pub fn print_factor(&self, id: Id) -> String {
        self.text(id, strength::PRODUCT)
    }

    fn text(&self, id: Id, least: u8) -> String {
        let mut out = String::new();
        write(&self.layout(id, Manner::default(), least), &mut out);
        out
    }
}

/// The shortest digits that read back to the same double.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size == f64::INFINITY {
        return if value > 0.0 { "inf".to_string() } else { "-inf".to_string() };
    }
    if size == 0.0 || (1e-5..1e16).contains(&size) { format!("{value}") } else { format!("{value:e}") }
}

fn write(layout: &Layout, out: &mut String) {
    match layout {
        // Writing to a String cannot fail.
        Layout::Number(value) => out.push_str(&number(*value)),
        Layout::Constant(name) => out.push_str(name),
        Layout::Name(name) => out.push_str(name),
        Layout::Group(inner) => {
            out.push('(');
            write(inner, out);
            out.push(')');
        }
        Layout::Minus(inner) => {
            out.push('-');
            write(inner, out);
        }
        Layout::Not(inner) => {
            out.push_str("not ");
            write(inner, out);
        }
        Layout::Chain(first, rest) => {
            write(first, out);
            for (infix, operand) in rest {
                out.push_str(sign(*infix));
                write(operand, out);
            }
        }
        Layout::Fraction(top, bottom) => {
            write(top, out);
            out.push('/');
            write(bottom, out);
        }
        Layout::Power(base, exponent) => {
            write(base, out);
            out.push('^');
            write(exponent, out);
        }
        Layout::Call(op, argument) => {
            let _ = match op {
                Unary::Polygamma(order @ 2..) => write!(out, "polygamma({order}, "),
                op => write!(out, "{}(", op.name()),
            };
            write(argument, out);
            out.push(')');
        }
        Layout::Function(name, arguments) => list(name, arguments, out),
        Layout::Choice(parts) => list("if", parts.as_slice(), out),
        Layout::More => out.push('…'),
    }
}

fn list(name: &str, arguments: &[Layout], out: &mut String) {
    out.push_str(name);
    for (i, argument) in arguments.iter().enumerate() {
        out.push_str(if i == 0 { "(" } else { ", " });
        write(argument, out);
    }
    out.push(')');
}

fn sign(infix: Infix) -> &'static str {
    match infix {
        Infix::Plus => " + ",
        Infix::Minus => " - ",
        Infix::Times => "*",
        Infix::Over => "/",
        Infix::Less => " < ",
        Infix::LessEqual => " <= ",
        Infix::Greater => " > ",
        Infix::GreaterEqual => " >= ",
        Infix::Equal => " == ",
        Infix::NotEqual => " != ",
        Infix::And => " and ",
        Infix::Or => " or ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_text_parses_back_to_the_same_node() {
        let mut pool = Pool::new(["x", "k", "g"]);
        for text in [
            "-(x - k)^2",
            "x^(k - 1)",
            "k*(g - x)/(x + 1)",
            "-x^2 - -k",
            "exp(-x)*min(x, k)",
            "(x - (k - g))",
            "x/(k/g)",
            "2*x*k/g",
            "0.5*(3*x*k)",
            "-3*x*k/7",
            "-((x - k)*g)",
            "-((x - k)/g*x)",
            "x + (k + g)",
            "x*(k*g)",
            "not (x < 1 and k > 2) or g == 3",
            "(x < 1) + (k < 2)",
            "((x < 1) < 2) != 3",
            "if(x > k, polygamma(3, x), trigamma(k))",
            "1e-7*x + 1e300*k - 2.5e-310",
            "x^-2 + x^-1.5 + 2^x + (x^2)^k + x^(2^k)",
            "x^1000 + x^2000",
            "pi*e^x + inf*k",
            "atan2(x, -k) + hypot(x, 1) + max(x, k, g)",
        ] {
            let id = pool.parse(text, "test").expect(text);
            let printed = pool.print(id);
            assert_eq!(pool.parse(&printed, "test").expect("printed"), id, "{text} -> {printed}");
        }
    }

    #[test]
    fn text_keeps_the_order_in_which_it_was_written() {
        for text in [
            "k*(g - x)",
            "g + k*x + x",
            "-k*x - g",
            "2*x*k/g - 1",
            "x > 1 and not g > 0",
            "2*pi*x + pi/4 - 3*pi",
            "1/(1 + exp(-k*x))",
            "pi*x",
            "sqrt(x)*log(k)",
            "-x^2",
            "x^-2",
        ] {
            let mut pool = Pool::new(["x", "k", "g"]);
            let id = pool.parse(text, "test").expect(text);
            assert_eq!(pool.print(id), text);
        }
        let mut pool = Pool::new(["x", "k", "g"]);
        let sum = pool.parse("x + k", "test").expect("text");
        assert_eq!(pool.print_factor(sum), "(x + k)");
    }

    #[test]
    fn a_constant_that_is_hidden_is_printed_as_its_number() {
        let mut pool = Pool::new(["e", "x"]);
        let euler = pool.number(std::f64::consts::E);
        assert_eq!(pool.print(euler), "2.718281828459045");
    }

    #[test]
    fn long_sums_are_printed_and_exponential_ones_cut_short() {
        let mut pool = Pool::new(["x", "k"]);
        let text = ["x*k"; 2].join(" + ") + &" + k - x".repeat(1000);
        let id = pool.parse(&text, "test").expect("long");
        assert_eq!(pool.print(id).matches("k - x").count(), 1000);
        let mut b = pool.parse("x + k", "test").expect("text");
        for _ in 0..60 {
            pool.define("b", b);
            b = pool.parse("b*sin(b)", "test").expect("text");
        }
        let printed = pool.print(b);
        assert!(printed.ends_with('…') || printed.contains("…)"), "{printed}");
        assert!((5_000..30_000).contains(&printed.len()), "{}", printed.len());
    }
}

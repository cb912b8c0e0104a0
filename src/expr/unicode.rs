//! Expressions as formulas for a terminal: `κ·(θ − x)`, `σ·√x`, `x²`.
//!
//! To be read, not to be parsed; [`super::print`] writes what can be typed.

use super::glyphs;
use super::layout::{Infix, Layout, Manner};
use super::op::Unary;
use super::parse::strength;
use super::pool::{Id, Pool};
use super::print::number;

impl Pool {
    /// The expression in Unicode, on one line: Greek letters by their names, indices below and whole powers above the line.
    /// Beyond about ten thousand characters the rest is left out as `…`.
    pub fn unicode(&self, id: Id) -> String {
        let mut out = String::new();
        write(&self.layout(id, Manner::default(), strength::OR), &mut out);
        out
    }
}

fn write(layout: &Layout, out: &mut String) {
    match layout {
        Layout::Number(value) => out.push_str(&figures(*value)),
        Layout::Constant(word) => out.push_str(&name(word)),
        Layout::Name(word) => out.push_str(&name(word)),
        Layout::Group(inner) => within("(", inner, ")", out),
        Layout::Minus(inner) => within("−", inner, "", out),
        Layout::Not(inner) => within("not ", inner, "", out),
        Layout::Chain(first, rest) => {
            write(first, out);
            for (infix, operand) in rest {
                out.push_str(sign(*infix));
                write(operand, out);
            }
        }
        Layout::Fraction(top, bottom) => {
            write(top, out);
            within("/", bottom, "", out);
        }
        Layout::Power(base, exponent) => {
            write(base, out);
            match **exponent {
                Layout::Number(n) if n.fract() == 0.0 && n.abs() < 1e4 => out.push_str(&glyphs::raised(n as i64)),
                ref other => within("^", other, "", out),
            }
        }
        Layout::Call(op, argument) => call(*op, argument, out),
        Layout::Function(name, arguments) => list(name, arguments, out),
        Layout::Choice(parts) => list("if", parts.as_slice(), out),
        Layout::More => out.push('…'),
    }
}

fn within(before: &str, inner: &Layout, after: &str, out: &mut String) {
    out.push_str(before);
    write(inner, out);
    out.push_str(after);
}

fn list(name: &str, arguments: &[Layout], out: &mut String) {
    out.push_str(name);
    for (i, argument) in arguments.iter().enumerate() {
        within(if i == 0 { "(" } else { ", " }, argument, "", out);
    }
    out.push(')');
}

fn call(op: Unary, argument: &Layout, out: &mut String) {
    match op {
        Unary::Sqrt if matches!(argument, Layout::Name(_) | Layout::Constant(_) | Layout::Number(_)) => {
            within("√", argument, "", out);
        }
        Unary::Sqrt => within("√(", argument, ")", out),
        Unary::Abs => within("|", argument, "|", out),
        Unary::Floor => within("⌊", argument, "⌋", out),
        Unary::Ceil => within("⌈", argument, "⌉", out),
        Unary::Polygamma(order @ 1..) => {
            out.push('ψ');
            out.push_str(&glyphs::lowered(&order.to_string()).unwrap_or_default());
            within("(", argument, ")", out);
        }
        op => {
            out.push_str(function(op));
            within("(", argument, ")", out);
        }
    }
}

/// The written name of a function, as books have it.
pub(super) fn function(op: Unary) -> &'static str {
    match op {
        Unary::Log => "ln",
        Unary::Log2 => "log₂",
        Unary::Log10 => "log₁₀",
        Unary::Gamma => "Γ",
        Unary::LogGamma => "ln Γ",
        Unary::Polygamma(_) => "ψ",
        op => op.name(),
    }
}

fn name(word: &str) -> String {
    match glyphs::split(word) {
        (stem, None) => stem,
        (stem, Some(index)) => match glyphs::lowered(&index) {
            Some(lowered) => format!("{stem}{lowered}"),
            None => format!("{stem}_{index}"),
        },
    }
}

/// A number, with a power of ten instead of an `e`.
fn figures(value: f64) -> String {
    let text = number(value);
    let text = match text.split_once('e') {
        Some((digits, exponent)) => {
            let power = glyphs::raised(exponent.parse().unwrap_or(0));
            if digits == "1" { format!("10{power}") } else { format!("{digits}·10{power}") }
        }
        None => text,
    };
    text.replace("inf", "∞").replace('-', "−")
}

pub(super) fn sign(infix: Infix) -> &'static str {
    match infix {
        Infix::Plus => " + ",
        Infix::Minus => " − ",
        Infix::Times => "·",
        Infix::Over => "/",
        Infix::Less => " < ",
        Infix::LessEqual => " ≤ ",
        Infix::Greater => " > ",
        Infix::GreaterEqual => " ≥ ",
        Infix::Equal => " = ",
        Infix::NotEqual => " ≠ ",
        Infix::And => " and ",
        Infix::Or => " or ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_look_as_in_a_book() {
        let mut pool = Pool::new(["x", "kappa", "theta", "sigma_v", "x1", "k_on", "gamma"]);
        for (text, want) in [
            ("kappa*(theta - x)", "κ·(θ − x)"),
            ("sigma_v*sqrt(x1)", "σᵥ·√x₁"),
            ("sqrt(1 + x^2)", "√(1 + x²)"),
            ("x^gamma", "x^γ"),
            ("x^-12", "x⁻¹²"),
            ("(x + 1)^2", "(x + 1)²"),
            ("-k_on*x/2", "−k_on·x/2"),
            ("log(x) + abs(x - 1)", "ln(x) + |x − 1|"),
            ("2*pi*x - 3.5e-9", "2·π·x − 3.5·10⁻⁹"),
            ("if(x >= 1, x, inf)", "if(x ≥ 1, x, ∞)"),
            ("trigamma(x) + gamma(x)", "ψ₁(x) + Γ(x)"),
            ("x^(gamma - 1)", "x^(γ − 1)"),
            ("floor(x) + 1e20", "⌊x⌋ + 10²⁰"),
        ] {
            let id = pool.parse(text, "test").expect(text);
            assert_eq!(pool.unicode(id), want, "{text}");
        }
    }
}

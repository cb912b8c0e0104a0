//! Expressions as MathML Core for the report: fractions, roots, raised exponents, Greek letters.

use super::glyphs;
use super::layout::{Infix, Layout, Manner};
use super::op::Unary;
use super::parse::strength;
use super::pool::{Id, Pool};
use super::print::number;
use super::unicode;

impl Pool {
    /// The expression as one `<mrow>`, to stand inside a `<math>` element. Names are escaped, so that any text is safe in a
    /// page. Beyond about ten thousand characters the rest is left out as `…`.
    pub fn mathml(&self, id: Id) -> String {
        let manner = Manner { fractions: true, raised: true };
        let mut out = String::new();
        tag("mrow", &mut out, |out| write(&self.layout(id, manner, strength::OR), out));
        out
    }
}

fn tag(name: &str, out: &mut String, inner: impl FnOnce(&mut String)) {
    out.push_str(&format!("<{name}>"));
    inner(out);
    out.push_str(&format!("</{name}>"));
}

fn operator(sign: &str, out: &mut String) {
    tag("mo", out, |out| out.push_str(sign));
}

/// One element, whatever the layout is made of: what a fraction or a root counts.
fn one(layout: &Layout, out: &mut String) {
    // A fraction and a root are their own parentheses.
    tag("mrow", out, |out| write(layout, out));
}

fn write(layout: &Layout, out: &mut String) {
    match layout {
        Layout::Number(value) => figures(*value, out),
        Layout::Constant(word) => identifier(word, out),
        Layout::Name(word) => name(word, out),
        Layout::Group(inner) => between("(", inner, ")", out),
        Layout::Minus(inner) => tag("mrow", out, |out| {
            operator("−", out);
            write(inner, out);
        }),
        Layout::Not(inner) => tag("mrow", out, |out| {
            tag("mtext", out, |out| out.push_str("not\u{a0}"));
            write(inner, out);
        }),
        Layout::Chain(first, rest) => {
            write(first, out);
            let mut before: &Layout = first;
            for (infix, operand) in rest {
                sign(*infix, before, operand, out);
                write(operand, out);
                before = operand;
            }
        }
        Layout::Fraction(top, bottom) => tag("mfrac", out, |out| {
            one(top, out);
            one(bottom, out);
        }),
        Layout::Power(base, exponent) => tag("msup", out, |out| {
            one(base, out);
            one(exponent, out);
        }),
        Layout::Call(op, argument) => call(*op, argument, out),
        Layout::Function(name, arguments) => {
            identifier(name, out);
            tag("mrow", out, |out| {
                for (i, argument) in arguments.iter().enumerate() {
                    operator(if i == 0 { "(" } else { "," }, out);
                    write(argument, out);
                }
                operator(")", out);
            });
        }
        Layout::Choice(parts) => choice(parts, out),
        Layout::More => operator("…", out),
    }
}

fn between(open: &str, inner: &Layout, close: &str, out: &mut String) {
    tag("mrow", out, |out| {
        operator(open, out);
        write(inner, out);
        operator(close, out);
    });
}

fn call(op: Unary, argument: &Layout, out: &mut String) {
    match op {
        Unary::Sqrt => return tag("msqrt", out, |out| one(argument, out)),
        Unary::Abs => return between("|", argument, "|", out),
        Unary::Floor => return between("⌊", argument, "⌋", out),
        Unary::Ceil => return between("⌈", argument, "⌉", out),
        Unary::Exp => {
            return tag("msup", out, |out| {
                identifier("e", out);
                one(argument, out);
            });
        }
        Unary::Polygamma(order @ 1..) => tag("msub", out, |out| {
            identifier("ψ", out);
            figures(f64::from(order), out);
        }),
        Unary::Log2 | Unary::Log10 => tag("msub", out, |out| {
            identifier("log", out);
            figures(if op == Unary::Log2 { 2.0 } else { 10.0 }, out);
        }),
        op => identifier(unicode::function(op), out),
    }
    operator("\u{2061}", out); // function application
    between("(", argument, ")", out);
}

/// Two lines after a brace.
fn choice(parts: &[Layout; 3], out: &mut String) {
    let [condition, then, otherwise] = parts;
    let words = |text: &str, out: &mut String| tag("mtext", out, |out| out.push_str(text));
    tag("mrow", out, |out| {
        operator("{", out);
        tag("mtable", out, |out| {
            tag("mtr", out, |out| {
                tag("mtd", out, |out| write(then, out));
                tag("mtd", out, |out| {
                    words("if\u{a0}", out);
                    write(condition, out);
                });
            });
            tag("mtr", out, |out| {
                tag("mtd", out, |out| write(otherwise, out));
                tag("mtd", out, |out| words("otherwise", out));
            });
        });
    });
}

/// A name of one letter slants, one of several stands upright (so that it is not taken for a product).
fn identifier(text: &str, out: &mut String) {
    let text = glyphs::split(text).0;
    out.push_str(if text.chars().count() > 1 { "<mi mathvariant=\"normal\">" } else { "<mi>" });
    escape(&text, out);
    out.push_str("</mi>");
}

fn name(word: &str, out: &mut String) {
    let (stem, index) = glyphs::split(word);
    let Some(index) = index else { return identifier(&stem, out) };
    tag("msub", out, |out| {
        identifier(&stem, out);
        if index.chars().all(|c| c.is_ascii_digit()) {
            tag("mn", out, |out| out.push_str(&index));
        } else {
            out.push_str("<mi mathvariant=\"normal\">");
            escape(&index, out);
            out.push_str("</mi>");
        }
    });
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

fn figures(value: f64, out: &mut String) {
    let text = number(value.abs());
    let digits = |text: &str, out: &mut String| tag("mn", out, |out| out.push_str(&text.replace("inf", "∞")));
    if value >= 0.0 && !text.contains('e') {
        return digits(&text, out);
    }
    tag("mrow", out, |out| {
        if value < 0.0 {
            operator("−", out);
        }
        let Some((mantissa, exponent)) = text.split_once('e') else { return digits(&text, out) };
        if mantissa != "1" {
            digits(mantissa, out);
            operator("·", out);
        }
        tag("msup", out, |out| {
            digits("10", out);
            tag("mrow", out, |out| {
                if let Some(size) = exponent.strip_prefix('-') {
                    operator("−", out);
                    digits(size, out);
                } else {
                    digits(exponent, out);
                }
            });
        });
    });
}

fn sign(infix: Infix, before: &Layout, after: &Layout, out: &mut String) {
    match infix {
        // Invisible between what cannot be misread: 2x, κ(θ − x), but k·12 and rate·x.
        Infix::Times if is_tight(before, true) && is_tight(after, false) => operator("\u{2062}", out),
        Infix::Less => operator("&lt;", out),
        Infix::Greater => operator("&gt;", out),
        Infix::And | Infix::Or => tag("mtext", out, |out| {
            out.push_str(if infix == Infix::And { "\u{a0}and\u{a0}" } else { "\u{a0}or\u{a0}" });
        }),
        infix => operator(unicode::sign(infix).trim(), out),
    }
}

fn is_tight(layout: &Layout, before: bool) -> bool {
    match layout {
        Layout::Number(value) => before && (1e-5..1e16).contains(&value.abs()),
        Layout::Minus(inner) => before && is_tight(inner, before),
        Layout::Name(name) => glyphs::split(name).0.chars().count() == 1,
        Layout::Power(base, _) => is_tight(base, before),
        Layout::Constant(_) | Layout::Group(_) => true,
        Layout::Call(Unary::Sqrt | Unary::Exp, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut pool = Pool::new(["x", "kappa", "k_on", "x1", "rate"]);
        let id = pool.parse(text, "test").expect(text);
        pool.mathml(id)
    }

    /// Opening and closing tags match, and nothing but tags and escaped text is there.
    fn is_well_formed(markup: &str) -> bool {
        let mut open = Vec::new();
        for piece in markup.split('<').skip(1) {
            let Some((tag, text)) = piece.split_once('>') else { return false };
            if text.contains('>') {
                return false;
            }
            match tag.strip_prefix('/') {
                Some(name) if open.pop() == Some(name) => {}
                Some(_) => return false,
                None => open.push(tag.split(' ').next().unwrap_or(tag)),
            }
        }
        open.is_empty()
    }

    #[test]
    fn fractions_roots_and_powers_need_no_parentheses() {
        let got = shown("kappa*x1/(1 + x)");
        assert_eq!(
            got,
            "<mrow><mfrac><mrow><mi>κ</mi><mo>\u{2062}</mo><msub><mi>x</mi><mn>1</mn></msub></mrow>\
             <mrow><mn>1</mn><mo>+</mo><mi>x</mi></mrow></mfrac></mrow>"
        );
        assert!(shown("sqrt(x + 1)").contains("<msqrt><mrow><mi>x</mi><mo>+</mo>"));
        assert!(shown("x^(kappa - 1)").contains("<msup><mrow><mi>x</mi></mrow><mrow><mi>κ</mi><mo>−</mo>"));
        assert!(shown("(x + 1)^2").contains("<mo>(</mo>"));
        assert!(shown("rate*x").contains("<mi mathvariant=\"normal\">rate</mi><mo>·</mo>"));
        assert!(shown("k_on < x").contains("<msub><mi>k</mi><mi mathvariant=\"normal\">on</mi></msub><mo>&lt;</mo>"));
        assert!(shown("if(x > 1, x, 2e-9)").contains("<mtext>otherwise</mtext>"));
    }

    #[test]
    fn every_markup_is_well_formed_even_cut_short_and_of_hostile_names() {
        let mut pool = Pool::new(["x", "<script>", "a&b"]);
        let hostile = pool.symbol_at(1);
        let other = pool.symbol_at(2);
        let sum = pool.add(hostile, other);
        let markup = pool.mathml(sum);
        assert!(markup.contains("&lt;script&gt;") && markup.contains("a&amp;b") && is_well_formed(&markup), "{markup}");
        let mut b = pool.parse("x + 1", "test").expect("text");
        for _ in 0..60 {
            pool.define("b", b);
            b = pool.parse("if(b > 1, b/(1 + b^2), -log10(b))", "test").expect("text");
        }
        let markup = pool.mathml(b);
        assert!(is_well_formed(&markup) && markup.contains('…') && markup.len() < 1_000_000);
        assert!(pool.unicode(b).contains('…'));
    }
}

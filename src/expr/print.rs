//! Graph back to text, with no more parentheses than are needed.

use super::pool::{Binary, Id, Node, Pool, Unary};

impl Pool {
    /// The expression as text that parses back to itself.
    pub fn print(&self, id: Id) -> String {
        self.show(id).0
    }

    /// As [`Pool::print`], in parentheses where the expression is a sum: fit to stand before a factor.
    pub fn print_factor(&self, id: Id) -> String {
        self.at_least(id, 2)
    }

    /// Text and binding strength: 1 sum, 2 product, 3 sign, 4 power, 5 atom.
    fn show(&self, id: Id) -> (String, u8) {
        match self.node(id) {
            Node::Number(bits) => {
                let value = f64::from_bits(bits);
                (format!("{value}"), if value < 0.0 { 3 } else { 5 })
            }
            Node::Symbol(s) => (self.symbols()[s as usize].clone(), 5),
            Node::Unary(Unary::Neg, a) => (format!("-{}", self.at_least(a, 3)), 3),
            Node::Unary(op, a) => {
                let name = Unary::NAMED.iter().find(|(_, f)| *f == op).map_or("?", |(n, _)| n);
                (format!("{name}({})", self.print(a)), 5)
            }
            Node::Power(a, n) => (format!("{}^{n}", self.at_least(a, 5)), 4),
            Node::Binary(op, a, b) => match op {
                Binary::Add => (format!("{} + {}", self.at_least(a, 1), self.at_least(b, 2)), 1),
                Binary::Sub => (format!("{} - {}", self.at_least(a, 1), self.at_least(b, 2)), 1),
                Binary::Mul => (format!("{}*{}", self.at_least(a, 2), self.at_least(b, 3)), 2),
                Binary::Div => (format!("{}/{}", self.at_least(a, 2), self.at_least(b, 3)), 2),
                Binary::Pow => (format!("{}^{}", self.at_least(a, 5), self.at_least(b, 5)), 4),
                Binary::Min => (format!("min({}, {})", self.print(a), self.print(b)), 5),
                Binary::Max => (format!("max({}, {})", self.print(a), self.print(b)), 5),
                Binary::Less => (format!("({} < {})", self.print(a), self.print(b)), 5),
            },
        }
    }

    fn at_least(&self, id: Id, strength: u8) -> String {
        let (text, own) = self.show(id);
        if own < strength { format!("({text})") } else { text }
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
        ] {
            let id = pool.parse(text, "test").expect(text);
            let printed = pool.print(id);
            assert_eq!(pool.parse(&printed, "test").expect("printed"), id, "{text} -> {printed}");
        }
    }
}

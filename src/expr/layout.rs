//! What is written where: the one walk over a graph that decides order, parentheses and length for every way of showing it.
//!
//! A [`Layout`] is a tree of what a reader sees. Parentheses stand in it already, so that [`super::print`],
//! [`super::unicode`] and [`super::mathml`] only choose glyphs. A graph shares its parts and a text repeats them, so the
//! text can be exponentially longer: the walk has a budget, and what goes beyond is [`Layout::More`].

use super::op::{Binary, Unary};
use super::parse::strength;
use super::pool::{CONSTANTS, Id, Node, Pool};

/// About how many characters a text may have before the rest is left out.
const MAX_CHARACTERS: usize = 10_000;
/// How deep a layout nests: further than any text that was typed.
const MAX_NESTING: usize = 600;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Layout {
    Number(f64),
    /// A constant by its name: `pi`, `e`.
    Constant(&'static str),
    Name(String),
    /// In parentheses.
    Group(Box<Layout>),
    Minus(Box<Layout>),
    Not(Box<Layout>),
    /// `a + b - c`: operators of one strength from the left.
    Chain(Box<Layout>, Vec<(Infix, Layout)>),
    /// Only in a manner that draws fractions.
    Fraction(Box<Layout>, Box<Layout>),
    Power(Box<Layout>, Box<Layout>),
    Call(Unary, Box<Layout>),
    Function(&'static str, Vec<Layout>),
    Choice(Box<[Layout; 3]>),
    /// Left out.
    More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Infix {
    Plus,
    Minus,
    Times,
    Over,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// What the glyphs of a way of writing hold together without parentheses.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// A quotient is drawn one above the other.
    pub fractions: bool,
    /// Exponents are raised, whatever they are.
    pub raised: bool,
}

struct Walk<'a> {
    pool: &'a Pool,
    manner: Manner,
    left: usize,
    depth: usize,
}

impl Pool {
    pub(super) fn layout(&self, id: Id, manner: Manner, least: u8) -> Layout {
        Walk { pool: self, manner, left: MAX_CHARACTERS, depth: 0 }.at_least(id, least)
    }
}

/// Infix of a binary node, its strength, and whether its sides are shown exchanged.
fn infix_of(pool: &Pool, op: Binary, a: Id, b: Id) -> Option<(Infix, u8, bool)> {
    // `x > 1` rather than `1 < x`.
    let swapped = pool.constant(a).is_some() && pool.constant(b).is_none();
    let comparison = |plain, exchanged| Some((if swapped { exchanged } else { plain }, strength::COMPARISON, swapped));
    match op {
        Binary::Add => Some((Infix::Plus, strength::SUM, false)),
        Binary::Sub => Some((Infix::Minus, strength::SUM, false)),
        Binary::Mul | Binary::TimesLog => Some((Infix::Times, strength::PRODUCT, false)),
        Binary::Div => Some((Infix::Over, strength::PRODUCT, false)),
        Binary::Less => comparison(Infix::Less, Infix::Greater),
        Binary::LessEqual => comparison(Infix::LessEqual, Infix::GreaterEqual),
        Binary::Equal => Some((Infix::Equal, strength::COMPARISON, false)),
        Binary::NotEqual => Some((Infix::NotEqual, strength::COMPARISON, false)),
        Binary::And => Some((Infix::And, strength::AND, false)),
        Binary::Or => Some((Infix::Or, strength::OR, false)),
        Binary::Pow | Binary::Min | Binary::Max | Binary::Atan2 | Binary::Hypot => None,
    }
}

impl Walk<'_> {
    /// Take what `text` costs from the budget; false where it is used up.
    fn spend(&mut self, characters: usize) -> bool {
        let enough = self.left >= characters;
        self.left = if enough { self.left - characters } else { 0 };
        enough
    }

    /// The expression, in parentheses where it binds weaker than its place needs.
    fn at_least(&mut self, id: Id, least: u8) -> Layout {
        if self.left == 0 || self.depth >= MAX_NESTING {
            return Layout::More;
        }
        self.depth += 1;
        let (layout, own) = self.show(id);
        self.depth -= 1;
        if own < least { Layout::Group(Box::new(layout)) } else { layout }
    }

    fn boxed(&mut self, id: Id, least: u8) -> Box<Layout> {
        Box::new(self.at_least(id, least))
    }

    fn show(&mut self, id: Id) -> (Layout, u8) {
        match self.pool.node(id) {
            Node::Number(bits) => self.number(f64::from_bits(bits)),
            Node::Symbol(s) => {
                // What cannot be typed is shown by what stands after its last dot.
                let name = &self.pool.symbols()[s as usize];
                let name = if name.starts_with('#') { name.rsplit('.').next().unwrap_or(name) } else { name };
                if !self.spend(name.chars().count()) {
                    return (Layout::More, strength::VALUE);
                }
                (Layout::Name(name.to_string()), strength::VALUE)
            }
            Node::Unary(Unary::Neg, a) => {
                self.spend(1);
                // -a*b is read as (-a)*b, which the pool turns into -(a*b) again; but -(a - b)*c into (b - a)*c.
                let turns = matches!(self.pool.node(self.leftmost(a)), Node::Binary(Binary::Sub, ..));
                let bare = self.is_product(a) && !turns;
                let inner = self.boxed(a, if bare { strength::PRODUCT } else { strength::SIGN });
                (Layout::Minus(inner), if bare { strength::PRODUCT } else { strength::SIGN })
            }
            Node::Unary(Unary::Not, a) => {
                self.spend(4);
                (Layout::Not(self.boxed(a, strength::NOT)), strength::NOT)
            }
            Node::Unary(op, a) => {
                self.spend(op.name().len() + 2);
                // Where exponents are raised, exp(x) is written as a power of e.
                let own = if op == Unary::Exp && self.manner.raised { strength::POWER } else { strength::VALUE };
                (Layout::Call(op, self.boxed(a, strength::OR)), own)
            }
            Node::Power(a, n) => {
                self.spend(3);
                let exponent = Box::new(Layout::Number(f64::from(n)));
                (Layout::Power(self.boxed(a, strength::VALUE), exponent), strength::POWER)
            }
            Node::Binary(op, a, b) => self.binary(id, op, a, b),
            Node::Select(c, a, b) => {
                self.spend(8);
                let parts = [c, a, b].map(|part| self.at_least(part, strength::OR));
                (Layout::Choice(Box::new(parts)), strength::VALUE)
            }
        }
    }

    fn is_product(&self, id: Id) -> bool {
        matches!(self.pool.node(id), Node::Binary(Binary::Mul | Binary::TimesLog | Binary::Div, ..))
    }

    fn number(&mut self, value: f64) -> (Layout, u8) {
        let named = CONSTANTS.iter().find(|(name, constant)| {
            // Only while the name still means the constant.
            *constant == value.abs() && self.pool.position(name).is_none() && self.pool.definition(name).is_none()
        });
        self.spend(4);
        if let Some(multiple) = self.multiple_of_pi(value.abs()) {
            return (if value < 0.0 { Layout::Minus(Box::new(multiple)) } else { multiple }, strength::PRODUCT);
        }
        let layout = named.map_or(Layout::Number(value.abs()), |(name, _)| Layout::Constant(name));
        if value < 0.0 { (Layout::Minus(Box::new(layout)), strength::SIGN) } else { (layout, strength::VALUE) }
    }

    /// `2*pi` and `pi/4`, which the pool has folded into one number.
    fn multiple_of_pi(&self, value: f64) -> Option<Layout> {
        const PI: f64 = std::f64::consts::PI;
        if self.pool.position("pi").is_some() || self.pool.definition("pi").is_some() {
            return None;
        }
        let small = (2..=12).map(f64::from);
        let pi = || Box::new(Layout::Constant("pi"));
        if let Some(k) = small.clone().find(|k| k * PI == value) {
            return Some(Layout::Chain(Box::new(Layout::Number(k)), vec![(Infix::Times, *pi())]));
        }
        let k = small.clone().find(|k| PI / k == value)?;
        let k = Layout::Number(k);
        Some(if self.manner.fractions {
            Layout::Fraction(pi(), Box::new(k))
        } else {
            Layout::Chain(pi(), vec![(Infix::Over, k)])
        })
    }

    fn binary(&mut self, id: Id, op: Binary, a: Id, b: Id) -> (Layout, u8) {
        if op == Binary::Div && self.manner.fractions {
            self.spend(1);
            let (top, bottom) = (self.boxed(a, strength::OR), self.boxed(b, strength::OR));
            return (Layout::Fraction(top, bottom), strength::POWER);
        }
        match infix_of(self.pool, op, a, b) {
            Some((infix, strength::COMPARISON, swapped)) => {
                self.spend(3);
                let (a, b) = if swapped { (b, a) } else { (a, b) };
                let (left, right) = (self.boxed(a, strength::SUM), self.at_least(b, strength::SUM));
                (Layout::Chain(left, vec![(infix, right)]), strength::COMPARISON)
            }
            Some((_, own, _)) => (self.chain(id, own), own),
            None if op == Binary::Pow => {
                self.spend(1);
                let base = self.boxed(a, strength::VALUE);
                let exponent = self.boxed(b, if self.manner.raised { strength::OR } else { strength::VALUE });
                (Layout::Power(base, exponent), strength::POWER)
            }
            None => {
                let name = match op {
                    Binary::Min => "min",
                    Binary::Max => "max",
                    Binary::Hypot => "hypot",
                    _ => "atan2",
                };
                self.spend(name.len() + 4);
                let arguments = [a, b].map(|part| self.at_least(part, strength::OR)).to_vec();
                (Layout::Function(name, arguments), strength::VALUE)
            }
        }
    }

    /// Operators of one strength, from the left in a loop: a sum of ten thousand terms is deep, but not nested.
    fn chain(&mut self, id: Id, own: u8) -> Layout {
        let mut links = Vec::new();
        let mut first = id;
        let mut front = None;
        while let Node::Binary(op, a, b) = self.pool.node(first)
            && let Some((infix, _, _)) = infix_of(self.pool, op, a, b).filter(|(_, strength, _)| *strength == own)
            && !(infix == Infix::Over && self.manner.fractions)
        {
            // A power of two stands in front of a whole product: the pool puts it there from wherever it is written.
            if infix == Infix::Times && first == id && self.is_pulled_out(a, b) {
                front = Some(a);
                first = b;
                continue;
            }
            links.push((infix, b));
            first = a;
        }
        if front.is_some() {
            links.push((Infix::Times, first));
        }
        let leftmost = self.boxed(front.unwrap_or(first), own);
        let mut rest = Vec::with_capacity(links.len());
        for (infix, operand) in links.into_iter().rev() {
            if !self.spend(3) || self.left == 0 {
                rest.push((infix, Layout::More));
                break;
            }
            rest.push((infix, self.at_least(operand, own + 1)));
        }
        Layout::Chain(leftmost, rest)
    }

    /// Whether `a*b` can be written without parentheses around the product `b`: `2*x*y` is read as `2*(x*y)`.
    fn is_pulled_out(&self, a: Id, b: Id) -> bool {
        let exact = self.pool.constant(a).is_some_and(super::algebra::is_exact_scale);
        // Two numbers side by side would be multiplied into one.
        exact && self.is_product(b) && self.pool.constant(self.leftmost(b)).is_none()
    }

    /// The first factor of a product, or the expression itself.
    fn leftmost(&self, id: Id) -> Id {
        let mut first = id;
        while let Node::Binary(Binary::Mul | Binary::TimesLog | Binary::Div, left, _) = self.pool.node(first) {
            first = left;
        }
        first
    }
}

//! Expressions as polynomials in the variables, with coefficients in everything else.
//!
//! Square roots are carried along as factors and go where they meet themselves, `√v · √v = v`, so that the variance of a
//! square-root noise is seen for the polynomial it is. Powers may be negative on the way (`x²/x`).

use crate::expr::{Id, Node, Pool, Unary};
use std::collections::{BTreeMap, HashMap};

/// Terms beyond this many make no useful polynomial.
const MOST_TERMS: usize = 5_000;
/// Highest power of a sum that is multiplied out.
const HIGHEST_POWER: i32 = 8;

/// A product of powers of variables and of square roots.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Monomial {
    /// (variable, power), by variable; powers are not zero.
    pub powers: Vec<(usize, i32)>,
    /// Nodes whose square is a polynomial, each once.
    roots: Vec<Id>,
}

impl Monomial {
    /// Sum of the powers of the variables; what stands under a root does not count.
    pub fn degree(&self) -> i32 {
        self.powers.iter().map(|p| p.1).sum()
    }

    /// Whether it is a product of whole, non-negative powers.
    fn is_plain(&self) -> bool {
        self.roots.is_empty() && self.powers.iter().all(|p| p.1 > 0)
    }

    fn times(&self, other: &Monomial) -> (Monomial, Vec<Id>) {
        let mut powers: BTreeMap<usize, i32> = self.powers.iter().copied().collect();
        for (variable, power) in &other.powers {
            *powers.entry(*variable).or_insert(0) += power;
        }
        let twice: Vec<Id> = self.roots.iter().copied().filter(|r| other.roots.contains(r)).collect();
        let both = self.roots.iter().chain(&other.roots).copied();
        let mut roots: Vec<Id> = both.filter(|r| !twice.contains(r)).collect();
        roots.sort_unstable();
        (Monomial { powers: powers.into_iter().filter(|p| p.1 != 0).collect(), roots }, twice)
    }
}

/// Coefficients by monomial; none is the number zero.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Polynomial {
    pub terms: BTreeMap<Monomial, Id>,
}

impl Polynomial {
    /// Highest degree, 0 for a constant; `None` where a square root or a negative power is left.
    pub fn degree(&self) -> Option<i32> {
        self.terms
            .keys()
            .all(Monomial::is_plain)
            .then(|| self.terms.keys().map(Monomial::degree).max().unwrap_or(0).max(0))
    }

    /// Whether no term is left.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The coefficient of these variables' product, each to the first power; repeat one for its square.
    pub fn coefficient(&self, variables: &[usize]) -> Option<Id> {
        let mut powers: BTreeMap<usize, i32> = BTreeMap::new();
        for v in variables {
            *powers.entry(*v).or_insert(0) += 1;
        }
        self.terms.get(&Monomial { powers: powers.into_iter().collect(), roots: Vec::new() }).copied()
    }
}

/// Reads polynomials out of one pool.
pub(crate) struct Algebra<'a> {
    pub pool: &'a mut Pool,
    /// The symbols that are variables: from the first to before the second.
    variables: std::ops::Range<usize>,
    known: HashMap<Id, Option<Polynomial>>,
}

impl<'a> Algebra<'a> {
    /// Polynomials of `pool` in the symbols at these positions; everything else is a coefficient.
    pub fn new(pool: &'a mut Pool, variables: std::ops::Range<usize>) -> Algebra<'a> {
        Algebra { pool, variables, known: HashMap::new() }
    }

    /// The polynomial an expression is; `None` where it is none that is found.
    pub fn of(&mut self, id: Id) -> Option<Polynomial> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let found = self.read(id).filter(|p| p.terms.len() <= MOST_TERMS);
        self.known.insert(id, found.clone());
        found
    }

    fn read(&mut self, id: Id) -> Option<Polynomial> {
        use crate::expr::Binary;
        match self.pool.node(id) {
            Node::Number(_) => Some(self.constant(id)),
            Node::Symbol(s) if self.variables.contains(&(s as usize)) => {
                let variable = s as usize - self.variables.start;
                let one = self.pool.number(1.0);
                let monomial = Monomial { powers: vec![(variable, 1)], roots: Vec::new() };
                Some(Polynomial { terms: BTreeMap::from([(monomial, one)]) })
            }
            Node::Symbol(_) => Some(self.constant(id)),
            Node::Select(c, a, b) => {
                let constant = |p: Polynomial| p.degree() == Some(0);
                let all = [c, a, b].into_iter().all(|part| self.of(part).is_some_and(constant));
                all.then(|| self.constant(id))
            }
            Node::Unary(Unary::Neg, a) => {
                let (a, minus) = (self.of(a)?, self.pool.number(-1.0));
                Some(self.scale(&a, minus))
            }
            Node::Unary(op, a) => {
                let inner = self.of(a)?;
                match inner.degree() {
                    Some(0) => Some(self.constant(id)),
                    // Their squares are polynomials.
                    _ if matches!(op, Unary::Sqrt | Unary::Abs) => {
                        let one = self.pool.number(1.0);
                        let monomial = Monomial { powers: Vec::new(), roots: vec![id] };
                        Some(Polynomial { terms: BTreeMap::from([(monomial, one)]) })
                    }
                    _ => None,
                }
            }
            Node::Power(a, n) => {
                let a = self.of(a)?;
                if a.degree() == Some(0) {
                    return Some(self.constant(id));
                }
                let (base, n) = if n < 0 { (self.reciprocal(&a)?, -n) } else { (a, n) };
                if n > HIGHEST_POWER {
                    return None;
                }
                let mut power = base.clone();
                for _ in 1..n {
                    power = self.mul(&power, &base)?;
                }
                Some(power)
            }
            Node::Binary(op, a, b) => {
                let (a, b) = (self.of(a)?, self.of(b)?);
                match op {
                    _ if a.degree() == Some(0) && b.degree() == Some(0) => Some(self.constant(id)),
                    Binary::Add => Some(self.add(&a, &b)),
                    Binary::Sub => {
                        let minus = self.pool.number(-1.0);
                        let b = self.scale(&b, minus);
                        Some(self.add(&a, &b))
                    }
                    Binary::Mul => self.mul(&a, &b),
                    Binary::Div => {
                        let b = self.reciprocal(&b)?;
                        self.mul(&a, &b)
                    }
                    _ => None,
                }
            }
        }
    }

    /// The polynomial of degree zero.
    pub fn constant(&mut self, id: Id) -> Polynomial {
        let zero = self.pool.constant(id) == Some(0.0);
        Polynomial { terms: if zero { BTreeMap::new() } else { BTreeMap::from([(Monomial::default(), id)]) } }
    }

    /// The sum; terms that cancel are gone.
    pub fn add(&mut self, a: &Polynomial, b: &Polynomial) -> Polynomial {
        let mut sum = a.clone();
        for (monomial, coefficient) in &b.terms {
            self.put(&mut sum, monomial.clone(), *coefficient);
        }
        sum
    }

    fn put(&mut self, sum: &mut Polynomial, monomial: Monomial, coefficient: Id) {
        let total = match sum.terms.get(&monomial) {
            None => coefficient,
            Some(before) => match (self.pool.node(coefficient), self.pool.node(*before)) {
                (Node::Unary(Unary::Neg, inner), _) => self.pool.sub(*before, inner),
                (_, Node::Unary(Unary::Neg, inner)) => self.pool.sub(coefficient, inner),
                _ => self.pool.add(*before, coefficient),
            },
        };
        if self.pool.constant(total) == Some(0.0) {
            sum.terms.remove(&monomial);
        } else {
            sum.terms.insert(monomial, total);
        }
    }

    /// Every coefficient times a factor without variables.
    pub fn scale(&mut self, a: &Polynomial, factor: Id) -> Polynomial {
        let mut scaled = Polynomial::default();
        for (monomial, coefficient) in &a.terms {
            let product = self.pool.mul(*coefficient, factor);
            self.put(&mut scaled, monomial.clone(), product);
        }
        scaled
    }

    /// The product, with roots that meet themselves multiplied out; `None` where what is under such a root is no polynomial, or the terms are too many.
    pub fn mul(&mut self, a: &Polynomial, b: &Polynomial) -> Option<Polynomial> {
        let mut product = Polynomial::default();
        for (left, p) in &a.terms {
            for (right, q) in &b.terms {
                let (monomial, twice) = left.times(right);
                let coefficient = self.pool.mul(*p, *q);
                let mut term = Polynomial { terms: BTreeMap::from([(monomial, coefficient)]) };
                for root in twice {
                    let inside = self.square_of(root)?;
                    term = self.mul(&term, &inside)?;
                }
                product = self.add(&product, &term);
                if product.terms.len() > MOST_TERMS {
                    return None;
                }
            }
        }
        Some(product)
    }

    fn square_of(&mut self, root: Id) -> Option<Polynomial> {
        match self.pool.node(root) {
            Node::Unary(Unary::Sqrt, inside) => self.of(inside),
            Node::Unary(Unary::Abs, inside) => {
                let inside = self.of(inside)?;
                self.mul(&inside, &inside)
            }
            _ => None,
        }
    }

    fn reciprocal(&mut self, a: &Polynomial) -> Option<Polynomial> {
        let mut terms = a.terms.iter();
        let (Some((monomial, coefficient)), None) = (terms.next(), terms.next()) else { return None };
        let one = self.pool.number(1.0);
        let under = self.pool.div(one, *coefficient);
        let powers = monomial.powers.iter().map(|(v, p)| (*v, -p)).collect();
        let mut one_over = Polynomial { terms: BTreeMap::from([(Monomial { powers, roots: Vec::new() }, under)]) };
        // 1/√v = √v/v.
        for root in &monomial.roots {
            let inside = self.square_of(*root)?;
            let below = self.reciprocal(&inside)?;
            let above = Monomial { powers: Vec::new(), roots: vec![*root] };
            let above = Polynomial { terms: BTreeMap::from([(above, one)]) };
            let factor = self.mul(&below, &above)?;
            one_over = self.mul(&one_over, &factor)?;
        }
        Some(one_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn degree(text: &str) -> Option<i32> {
        let mut pool = Pool::new(["x", "y", "k", "s"]);
        let id = pool.parse(text, "test").expect(text);
        Algebra::new(&mut pool, 0..2).of(id).and_then(|p| p.degree())
    }

    #[test]
    fn polynomials_are_seen_through_roots_and_quotients() {
        for (text, wanted) in [
            ("k*(s - x)", Some(1)),
            ("k*sqrt(x)*(s*sqrt(x))", Some(1)),
            ("(s*sqrt(x*(1 - x)))^2", Some(2)),
            ("sqrt(2*k*((x - s)^2 + 1))^2", Some(2)),
            ("x^2*y/x - x*y + exp(k)", Some(0)),
            ("sqrt(x)*sqrt(y)", None),
            ("1/sqrt(x)*sqrt(x)", Some(0)),
            ("x*log(x)", None),
            ("k/x", None),
            ("(x + y)^3", Some(3)),
            ("abs(x)^2", Some(2)),
            ("k*x*x - x*(k*x)", Some(0)),
        ] {
            assert_eq!(degree(text), wanted, "{text}");
        }
    }

    #[test]
    fn coefficients_are_those_of_the_expansion() {
        let mut pool = Pool::new(["x", "y", "k"]);
        let id = pool.parse("(k*x - y)*(x + 2)", "test").expect("text");
        let polynomial = Algebra::new(&mut pool, 0..2).of(id).expect("a polynomial");
        let text = |variables: &[usize]| polynomial.coefficient(variables).map(|id| pool.print(id));
        assert_eq!(text(&[0, 0]).as_deref(), Some("k"));
        assert_eq!(text(&[1, 0]).as_deref(), Some("-1"));
        assert_eq!(text(&[0]).as_deref(), Some("2*k"));
        assert_eq!(text(&[1]).as_deref(), Some("-2"));
        assert_eq!(text(&[]), None);
    }
}

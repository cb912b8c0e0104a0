//! Exact symbolic derivatives, of any order by repetition.
//!
//! One rule, [`Pool::through`], says what becomes of a slope that passes an operation. It is used from the leaves up for
//! one derivative, and from the top down for a gradient, whose cost hardly grows with the number of symbols. Unlike
//! elsewhere constants are multiplied together freely here: nobody has written the order in which they stand.

use super::op::{Binary, Unary};
use super::pool::{Id, Node, Pool};

impl Pool {
    /// d `of` / d `symbol` (index in [`Pool::symbols`]).
    ///
    /// `abs`, `min`, `max` and `if` get the derivative of the branch taken (zero for `abs` at zero), and what jumps
    /// (`floor`, `sign`, comparisons) has none. Cost: linear in the size of the graph, since every node is differentiated
    /// once.
    pub fn derivative(&mut self, of: Id, symbol: usize) -> Id {
        let zero = self.number(0.0);
        let one = self.number(1.0);
        let needed = self.needed(&[of]);
        let depends = self.depending(of, &[symbol]);
        let mut slopes: Vec<Id> = vec![zero; of.index() + 1];
        for i in (0..=of.index()).filter(|i| needed[*i] && depends[*i]) {
            let here = self.id_at(i);
            slopes[i] = match self.node(here) {
                Node::Symbol(_) => one,
                Node::Binary(op, a, b) => {
                    let (da, db) = (slopes[a.index()], slopes[b.index()]);
                    self.binary_slope(here, op, (a, da), (b, db))
                }
                Node::Select(c, a, b) => self.select(c, slopes[a.index()], slopes[b.index()]),
                Node::Unary(_, a) | Node::Power(a, _) => self.through(here, 0, slopes[a.index()]),
                Node::Number(_) => zero,
            };
        }
        slopes[of.index()]
    }

    fn binary_slope(&mut self, here: Id, op: Binary, (a, da): (Id, Id), (b, db): (Id, Id)) -> Id {
        let zero = self.number(0.0);
        match op {
            // A choice, so that a branch whose slope is not a number spoils nothing where the other is taken.
            Binary::Min | Binary::Max => {
                let less = self.binary(Binary::Less, a, b);
                if op == Binary::Min { self.select(less, da, db) } else { self.select(less, db, da) }
            }
            // (da - (a/b) db) / b
            Binary::Div if da != zero && db != zero => {
                let lost = self.times(here, db);
                let top = self.sub(da, lost);
                self.over(top, b)
            }
            _ => {
                let by_a = self.through(here, 0, da);
                let by_b = self.through(here, 1, db);
                self.add(by_a, by_b)
            }
        }
    }

    /// d `of` / d `symbol` for each of `symbols`, sharing their work.
    ///
    /// Adjoints from the top down (Griewank & Walther 2008, ch. 3), so that the whole gradient is a graph of a few times
    /// the size of `of`, however many symbols there are. Where `of` chooses between branches each derivative is made by
    /// itself: an adjoint of zero times the infinite slope of the branch that is not taken would be `NaN`.
    pub fn gradient(&mut self, of: Id, symbols: &[usize]) -> Vec<Id> {
        let needed = self.needed(&[of]);
        let chooses = (0..needed.len()).filter(|i| needed[*i]).any(|i| {
            let node = self.node(self.id_at(i));
            matches!(node, Node::Select(..) | Node::Binary(Binary::Min | Binary::Max, ..))
        });
        if chooses || symbols.len() < 2 {
            return symbols.iter().map(|s| self.derivative(of, *s)).collect();
        }
        let zero = self.number(0.0);
        let depends = self.depending(of, symbols);
        let mut adjoints = vec![zero; of.index() + 1];
        adjoints[of.index()] = self.number(1.0);
        let mut slopes = vec![zero; symbols.len()];
        for i in (0..=of.index()).rev().filter(|i| needed[*i] && depends[*i]) {
            let (here, adjoint) = (self.id_at(i), adjoints[i]);
            let node = self.node(here);
            if let Node::Symbol(s) = node {
                let wanted = symbols.iter().enumerate().filter(|(_, symbol)| **symbol == s as usize);
                wanted.for_each(|(k, _)| slopes[k] = adjoint);
            }
            for (k, child) in node.children().enumerate().filter(|(_, child)| depends[child.index()]) {
                let part = self.through(here, k, adjoint);
                adjoints[child.index()] = self.add(adjoints[child.index()], part);
            }
        }
        slopes
    }

    /// Second derivatives, `[i][j]` by `symbols[i]` and `symbols[j]`: symmetric, each made once. Kinks and jumps as in [`Pool::derivative`]. Cost: a
    /// [gradient](Pool::gradient) of each slope, so about `symbols` times the size of `of`.
    pub fn hessian(&mut self, of: Id, symbols: &[usize]) -> Vec<Vec<Id>> {
        let slopes = self.gradient(of, symbols);
        let mut rows: Vec<Vec<Id>> = vec![Vec::new(); symbols.len()];
        for (i, slope) in slopes.into_iter().enumerate() {
            let tail = self.gradient(slope, &symbols[i..]);
            let row: Vec<Id> = rows[..i].iter().map(|earlier| earlier[i]).chain(tail).collect();
            rows[i] = row;
        }
        rows
    }

    /// `slope` times the derivative of the node `here` in its child number `child`.
    fn through(&mut self, here: Id, child: usize, slope: Id) -> Id {
        let zero = self.number(0.0);
        if slope == zero {
            return zero;
        }
        match self.node(here) {
            Node::Number(_) | Node::Symbol(_) => zero,
            Node::Unary(op, a) => self.through_unary(here, op, a, slope),
            Node::Binary(op, a, b) => self.through_binary(here, op, (a, b), child, slope),
            Node::Power(a, n) => {
                let lower = self.power(a, n - 1);
                let outer = self.scale(f64::from(n), lower);
                self.times(outer, slope)
            }
            Node::Select(c, ..) => match child {
                1 => self.select(c, slope, zero),
                2 => self.select(c, zero, slope),
                _ => zero,
            },
        }
    }

    fn through_unary(&mut self, here: Id, op: Unary, a: Id, slope: Id) -> Id {
        let one = self.number(1.0);
        let outer = match op {
            Unary::Neg => return self.unary(Unary::Neg, slope),
            Unary::Exp => here,
            Unary::Expm1 => self.unary(Unary::Exp, a),
            Unary::Log => return self.over(slope, a),
            Unary::Log1p => {
                let whole = self.add(one, a);
                return self.div(slope, whole);
            }
            Unary::Log2 | Unary::Log10 => {
                let base = if op == Unary::Log2 { std::f64::consts::LN_2 } else { std::f64::consts::LN_10 };
                let bottom = self.scale(base, a);
                return self.over(slope, bottom);
            }
            Unary::Sqrt => {
                let half = self.scale(0.5, slope);
                return self.div(half, here);
            }
            Unary::Sin => self.unary(Unary::Cos, a),
            Unary::Cos => {
                let sine = self.unary(Unary::Sin, a);
                self.unary(Unary::Neg, sine)
            }
            Unary::Tan => {
                let square = self.power(here, 2);
                self.add(one, square)
            }
            Unary::Asin | Unary::Acos => {
                let square = self.power(a, 2);
                let inside = self.sub(one, square);
                let root = self.unary(Unary::Sqrt, inside);
                let quotient = self.div(slope, root);
                return if op == Unary::Asin { quotient } else { self.unary(Unary::Neg, quotient) };
            }
            Unary::Atan => {
                let square = self.power(a, 2);
                let bottom = self.add(one, square);
                return self.div(slope, bottom);
            }
            Unary::Sinh => self.unary(Unary::Cosh, a),
            Unary::Cosh => self.unary(Unary::Sinh, a),
            Unary::Tanh => {
                let square = self.power(here, 2);
                self.sub(one, square)
            }
            Unary::Abs => self.unary(Unary::Sign, a),
            Unary::Sign | Unary::Floor | Unary::Ceil | Unary::Not => self.number(0.0),
            Unary::Erf => {
                let square = self.power(a, 2);
                let minus = self.unary(Unary::Neg, square);
                let bell = self.unary(Unary::Exp, minus);
                self.scale(std::f64::consts::FRAC_2_SQRT_PI, bell)
            }
            Unary::Gamma => {
                let digamma = self.unary(Unary::Polygamma(0), a);
                self.mul(here, digamma)
            }
            Unary::LogGamma => self.unary(Unary::Polygamma(0), a),
            // Beyond order 100 the function is not a number anyway.
            Unary::Polygamma(order) => self.unary(Unary::Polygamma(order.saturating_add(1)), a),
        };
        self.times(outer, slope)
    }

    fn through_binary(&mut self, here: Id, op: Binary, (a, b): (Id, Id), child: usize, slope: Id) -> Id {
        let zero = self.number(0.0);
        let first = child == 0;
        match op {
            Binary::Add => slope,
            Binary::Sub if first => slope,
            Binary::Sub => self.unary(Unary::Neg, slope),
            Binary::Mul | Binary::TimesLog => self.times(if first { b } else { a }, slope),
            Binary::Div if first => self.over(slope, b),
            Binary::Div => {
                let top = self.times(here, slope);
                let quotient = self.over(top, b);
                self.unary(Unary::Neg, quotient)
            }
            // b a^(b-1) rather than b a^b / a, so that it holds at a = 0.
            Binary::Pow if first => {
                let one = self.number(1.0);
                let lower_exponent = self.sub(b, one);
                let lower = self.binary(Binary::Pow, a, lower_exponent);
                let outer = self.times(b, lower);
                self.times(outer, slope)
            }
            Binary::Pow => {
                let log = self.unary(Unary::Log, a);
                let outer = self.mul(here, log);
                self.times(outer, slope)
            }
            Binary::Min | Binary::Max => {
                let less = self.binary(Binary::Less, a, b);
                if first == (op == Binary::Min) {
                    self.select(less, slope, zero)
                } else {
                    self.select(less, zero, slope)
                }
            }
            Binary::Hypot => {
                let top = self.times(if first { a } else { b }, slope);
                self.div(top, here)
            }
            // Angle of (b, a): (b da - a db) / (a² + b²).
            Binary::Atan2 => {
                let (a2, b2) = (self.power(a, 2), self.power(b, 2));
                let bottom = self.add(a2, b2);
                let top = self.times(if first { b } else { a }, slope);
                let quotient = self.div(top, bottom);
                if first { quotient } else { self.unary(Unary::Neg, quotient) }
            }
            Binary::Less | Binary::LessEqual | Binary::Equal | Binary::NotEqual | Binary::And | Binary::Or => zero,
        }
    }

    /// A product with the numbers of both factors multiplied into one, in front.
    fn times(&mut self, a: Id, b: Id) -> Id {
        let ((c, p), (d, q)) = (self.leading(a), self.leading(b));
        let product = match (p, q) {
            (Some(p), Some(q)) => match (self.reciprocal(p), self.reciprocal(q)) {
                (_, Some((e, r))) => {
                    let quotient = self.div(p, r);
                    self.scale(e, quotient)
                }
                (Some((e, r)), _) => {
                    let quotient = self.div(q, r);
                    self.scale(e, quotient)
                }
                _ => self.mul(p, q),
            },
            (Some(rest), None) | (None, Some(rest)) => rest,
            (None, None) => self.number(1.0),
        };
        // A constant that overflows is left where it was.
        if (c * d).is_finite() { self.scale(c * d, product) } else { self.mul(a, b) }
    }

    /// `e` and `r` of a node `e/r` with a number `e`.
    fn reciprocal(&self, id: Id) -> Option<(f64, Id)> {
        let Node::Binary(Binary::Div, top, r) = self.node(id) else { return None };
        self.constant(top).map(|e| (e, r))
    }

    /// A quotient, likewise.
    fn over(&mut self, a: Id, b: Id) -> Id {
        let ((c, p), (d, q)) = (self.leading(a), self.leading(b));
        let ratio = c / d;
        if !ratio.is_finite() || (c != 0.0 && ratio == 0.0) {
            return self.div(a, b);
        }
        match (p, q) {
            (_, None) => {
                let one = self.number(1.0);
                self.scale(ratio, p.unwrap_or(one))
            }
            (None, Some(q)) => {
                let top = self.number(ratio);
                self.div(top, q)
            }
            (Some(p), Some(q)) => {
                let quotient = self.div(p, q);
                self.scale(ratio, quotient)
            }
        }
    }

    /// The number in front of an expression, and the rest.
    fn leading(&self, id: Id) -> (f64, Option<Id>) {
        match self.node(id) {
            Node::Number(bits) => (f64::from_bits(bits), None),
            Node::Unary(Unary::Neg, inner) => (-1.0, Some(inner)),
            Node::Binary(Binary::Mul, c, rest) => match self.constant(c) {
                Some(c) => (c, Some(rest)),
                None => (1.0, Some(id)),
            },
            _ => (1.0, Some(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope(text: &str) -> String {
        let mut pool = Pool::new(["x", "k", "n"]);
        let id = pool.parse(text, "test").expect(text);
        let slope = pool.derivative(id, 0);
        pool.print(slope)
    }

    #[test]
    fn derivatives_carry_nothing_needless() {
        for (text, want) in [
            ("k*x", "k"),
            ("3*x^2", "6*x"),
            ("-x^3/3", "-x^2"),
            ("x*(1 - x/k)", "1 - x/k - x/k"),
            ("exp(-2*x)", "-2*exp(-2*x)"),
            ("cos(x) - k", "-sin(x)"),
            ("sqrt(x)", "0.5/sqrt(x)"),
            ("x^n", "n*x^(n - 1)"),
            ("x^1.5", "1.5*sqrt(x)"),
            ("log(k*x)", "k/(k*x)"),
            ("if(x > k, log(x), 0)", "if(k < x, 1/x, 0)"),
            ("max(x, k)", "if(x < k, 0, 1)"),
            ("floor(x) + sign(x) + (x > k)", "0"),
            ("k/x", "-k/x/x"),
            ("lgamma(x)", "digamma(x)"),
        ] {
            assert_eq!(slope(text), want, "{text}");
        }
    }

    #[test]
    fn the_branch_not_taken_leaves_no_trace_in_a_derivative() {
        let mut pool = Pool::new(["x", "k"]);
        for (text, want) in [
            ("if(x > 0, k*log(x)*sqrt(x), k^2)", [0.0, 4.0]),
            ("max(k, if(x > 0, sqrt(x), -1))", [0.0, 1.0]),
            ("if(x >= 0, k*x, k/x)", [2.0, 0.0]),
        ] {
            let id = pool.parse(text, "test").expect(text);
            let slopes = pool.gradient(id, &[0, 1]);
            let got: Vec<f64> = slopes.iter().map(|s| pool.eval(*s, &[0.0, 2.0])).collect();
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn gradient_and_hessian_are_the_derivatives_taken_one_by_one() {
        let at = [0.8, 1.3, 2.2];
        for text in
            ["k*x^n/(1 + exp(-x*k)) + lgamma(n*x)", "atan2(x*k, n) + hypot(k, x^2)*tanh(n)", "if(x < k, x*k, n)^2"]
        {
            let mut pool = Pool::new(["x", "k", "n"]);
            let id = pool.parse(text, "test").expect(text);
            let symbols = [2, 0, 1];
            let gradient = pool.gradient(id, &symbols);
            let hessian = pool.hessian(id, &symbols);
            for i in 0..3 {
                let single = pool.derivative(id, symbols[i]);
                let (got, want) = (pool.eval(gradient[i], &at), pool.eval(single, &at));
                assert!((got - want).abs() <= 1e-13 * want.abs(), "{text} {i}: {got} {want}");
                for j in 0..3 {
                    let double = pool.derivative(single, symbols[j]);
                    let (got, want) = (pool.eval(hessian[i][j], &at), pool.eval(double, &at));
                    assert!((got - want).abs() <= 1e-12 * (1.0 + want.abs()), "{text} {i} {j}: {got} {want}");
                    assert_eq!(hessian[i][j], hessian[j][i]);
                }
            }
        }
    }

    #[test]
    fn derivatives_of_gamma_go_on_for_ever() {
        let mut pool = Pool::new(["x"]);
        let mut id = pool.parse("lgamma(x)", "test").expect("text");
        for order in 1..8 {
            id = pool.derivative(id, 0);
            assert_eq!(pool.eval(id, &[1.3]), crate::base::math::polygamma(order - 1, 1.3));
        }
        let gamma = pool.parse("gamma(x)", "test").expect("text");
        let first = pool.derivative(gamma, 0);
        let second = pool.derivative(first, 0);
        // Γ''(1) = γ² + π²/6 (Abramowitz & Stegun 1964, 6.3.2 and 6.4.2).
        let euler = 0.577_215_664_901_532_9_f64;
        let want = euler * euler + std::f64::consts::PI * std::f64::consts::PI / 6.0;
        assert!((pool.eval(second, &[1.0]) - want).abs() < 1e-14);
    }
}

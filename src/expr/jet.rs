//! Taylor coefficients of expressions, as expressions: high derivatives whose size grows with the square of their order.
//!
//! A derivative taken again and again doubles and more at every turn. Truncated power series pass through each operation once, by
//! the recurrences of Griewank & Walther (2008, section 13.2): a product costs ½ n² nodes, and so does each elementary function.

use super::op::{Binary, Unary};
use super::pool::{Id, Node, Pool};

/// Coefficients of `1, h, h², …`, all of one length.
type Jet = Vec<Id>;

impl Pool {
    /// The first `order + 1` Taylor coefficients in `h` of each of `outputs`, where the symbol is put to `at + h`:
    /// `jets[output][k] = (1/k!) dᵏ output / d symbolᵏ`, everything at `at`.
    ///
    /// What chooses (`abs`, `min`, `max`, `if`) has the coefficients of the branch taken at `at`, and what jumps has none, as in
    /// [`Pool::derivative`]. Not for a function that stands on a branch point there (`sqrt(x)` at zero): its coefficients are not
    /// numbers. Cost: (size of the outputs) × order².
    pub fn jets(&mut self, outputs: &[Id], symbol: usize, at: Id, order: usize) -> Vec<Vec<Id>> {
        let zero = self.number(0.0);
        let needed = self.needed(outputs);
        let mut made: Vec<Jet> = vec![Vec::new(); needed.len()];
        let mut series = Series { pool: self, zero, order };
        for i in (0..needed.len()).filter(|i| needed[*i]) {
            let id = series.pool.id_at(i);
            made[i] = match series.pool.node(id) {
                Node::Symbol(s) if s as usize == symbol => {
                    let one = series.pool.number(1.0);
                    let mut jet = series.constant(at);
                    jet.iter_mut().skip(1).take(1).for_each(|c| *c = one);
                    jet
                }
                Node::Number(_) | Node::Symbol(_) => series.constant(id),
                Node::Unary(op, a) => series.unary(op, &made[a.index()]),
                Node::Binary(op, a, b) => series.binary(op, &made[a.index()], &made[b.index()]),
                Node::Power(a, n) => series.power(&made[a.index()], n),
                Node::Select(c, a, b) => series.select(made[c.index()][0], &made[a.index()], &made[b.index()]),
            };
        }
        outputs.iter().map(|o| made[o.index()].clone()).collect()
    }
}

struct Series<'p> {
    pool: &'p mut Pool,
    zero: Id,
    order: usize,
}

impl Series<'_> {
    fn constant(&mut self, value: Id) -> Jet {
        let mut jet = vec![self.zero; self.order + 1];
        jet[0] = value;
        jet
    }

    /// Whether nothing but the first coefficient is there.
    fn is_constant(&self, u: &[Id]) -> bool {
        u[1..].iter().all(|c| *c == self.zero)
    }

    /// `Σ a_k b_(n-k)` for k in `from..=to`.
    fn convolved(&mut self, a: &[Id], b: &[Id], n: usize, from: usize, to: usize) -> Id {
        let mut sum = self.zero;
        for k in from..=to {
            let product = self.pool.mul(a[k], b[n - k]);
            sum = self.pool.add(sum, product);
        }
        sum
    }

    fn mul(&mut self, a: &[Id], b: &[Id]) -> Jet {
        (0..=self.order).map(|n| self.convolved(a, b, n, 0, n)).collect()
    }

    fn div(&mut self, a: &[Id], b: &[Id]) -> Jet {
        let mut f = Jet::new();
        for n in 0..=self.order {
            let mut top = a[n];
            for k in 1..=n {
                let product = self.pool.mul(b[k], f[n - k]);
                top = self.pool.sub(top, product);
            }
            f.push(self.pool.div(top, b[0]));
        }
        f
    }

    fn each(&mut self, a: &[Id], mut f: impl FnMut(&mut Pool, Id) -> Id) -> Jet {
        a.iter().map(|c| f(self.pool, *c)).collect()
    }

    fn select(&mut self, condition: Id, a: &[Id], b: &[Id]) -> Jet {
        a.iter().zip(b).map(|(a, b)| self.pool.select(condition, *a, *b)).collect()
    }

    /// `k u_k`: the coefficients of `h u'`.
    fn slope(&mut self, u: &[Id]) -> Jet {
        u.iter().enumerate().map(|(k, c)| self.pool.scale(k as f64, *c)).collect()
    }

    /// The next coefficient of the function with value `f0` whose slope is `g(h) u'(h)`: `f_n = (1/n) Σ k u_k g_(n-k)`.
    fn next(&mut self, slope: &[Id], g: &[Id], n: usize) -> Id {
        let sum = self.convolved(slope, g, n, 1, n);
        self.pool.scale(1.0 / n as f64, sum)
    }

    /// `f0 + ∫ g du`
    fn integral(&mut self, f0: Id, g: &[Id], u: &[Id]) -> Jet {
        let slope = self.slope(u);
        let mut f = vec![f0];
        for n in 1..=self.order {
            let next = self.next(&slope, g, n);
            f.push(next);
        }
        f
    }

    /// The function with value `f0` and `f' = f u'`.
    fn growth(&mut self, f0: Id, u: &[Id]) -> Jet {
        let slope = self.slope(u);
        let mut f = vec![f0];
        for n in 1..=self.order {
            let next = self.next(&slope, &f, n);
            f.push(next);
        }
        f
    }

    /// Two functions with `f' = g u'` and `g' = sign f u'`.
    fn pair(&mut self, [f0, g0]: [Id; 2], sign: f64, u: &[Id]) -> [Jet; 2] {
        let slope = self.slope(u);
        let (mut f, mut g) = (vec![f0], vec![g0]);
        for n in 1..=self.order {
            let (next_f, next_g) = (self.next(&slope, &g, n), self.next(&slope, &f, n));
            f.push(next_f);
            g.push(self.pool.scale(sign, next_g));
        }
        [f, g]
    }

    /// The function with `f' = (1 + sign f²) u'`.
    fn tangent(&mut self, f0: Id, sign: f64, u: &[Id]) -> Jet {
        let slope = self.slope(u);
        let one = self.pool.number(1.0);
        let (mut f, mut g) = (vec![f0], Jet::new());
        for n in 1..=self.order {
            let square = self.convolved(&f, &f, n - 1, 0, n - 1);
            let square = self.pool.scale(sign, square);
            g.push(if n == 1 { self.pool.add(one, square) } else { square });
            let next = self.next(&slope, &g, n);
            f.push(next);
        }
        f
    }

    /// `u^p` with value `f0`, for an exponent without `h`: `n u_0 f_n = Σ (k p - (n - k)) u_k f_(n-k)`.
    fn raised(&mut self, f0: Id, u: &[Id], p: Id) -> Jet {
        let mut f = vec![f0];
        for n in 1..=self.order {
            let mut sum = self.zero;
            for k in 1..=n {
                let (lead, less) = (self.pool.scale(k as f64, p), self.pool.number((n - k) as f64));
                let factor = self.pool.sub(lead, less);
                let product = self.pool.mul(u[k], f[n - k]);
                let term = self.pool.mul(factor, product);
                sum = self.pool.add(sum, term);
            }
            let quotient = self.pool.div(sum, u[0]);
            f.push(self.pool.scale(1.0 / n as f64, quotient));
        }
        f
    }

    fn power(&mut self, u: &[Id], n: i32) -> Jet {
        let f0 = self.pool.power(u[0], n);
        if self.is_constant(u) {
            return self.constant(f0);
        }
        if n < 0 {
            let one = self.pool.number(1.0);
            let (one, below) = (self.constant(one), self.power(u, -n));
            return self.div(&one, &below);
        }
        // By squaring, since the recurrence divides by a base that may be zero.
        let mut made: Option<Jet> = None;
        let mut square = u.to_vec();
        let mut left = n;
        while left > 0 {
            if left % 2 == 1 {
                made = Some(match made {
                    Some(made) => self.mul(&made, &square),
                    None => square.clone(),
                });
            }
            left /= 2;
            if left > 0 {
                square = self.mul(&square, &square);
            }
        }
        made.unwrap_or_else(|| self.constant(f0))
    }

    fn unary(&mut self, op: Unary, u: &[Id]) -> Jet {
        let f0 = self.pool.unary(op, u[0]);
        if self.is_constant(u) {
            return self.constant(f0);
        }
        let one = self.pool.number(1.0);
        match op {
            Unary::Neg => self.each(u, |pool, c| pool.unary(Unary::Neg, c)),
            Unary::Exp => self.growth(f0, u),
            Unary::Expm1 => {
                let top = self.pool.unary(Unary::Exp, u[0]);
                let mut f = self.growth(top, u);
                f[0] = f0;
                f
            }
            Unary::Log | Unary::Log1p | Unary::Log2 | Unary::Log10 => {
                let mut inside = u.to_vec();
                if op == Unary::Log1p {
                    inside[0] = self.pool.add(one, u[0]);
                }
                let unit = self.constant(one);
                let g = self.div(&unit, &inside);
                let factor = match op {
                    Unary::Log2 => std::f64::consts::LOG2_E,
                    Unary::Log10 => std::f64::consts::LOG10_E,
                    _ => 1.0,
                };
                let g = self.each(&g, |pool, c| pool.scale(factor, c));
                self.integral(f0, &g, u)
            }
            Unary::Sqrt => {
                let half = self.pool.number(0.5);
                self.raised(f0, u, half)
            }
            Unary::Sin | Unary::Cos => {
                let (s, c) = (self.pool.unary(Unary::Sin, u[0]), self.pool.unary(Unary::Cos, u[0]));
                let [sine, cosine] = self.pair([s, c], -1.0, u);
                if op == Unary::Sin { sine } else { cosine }
            }
            Unary::Sinh | Unary::Cosh => {
                let (s, c) = (self.pool.unary(Unary::Sinh, u[0]), self.pool.unary(Unary::Cosh, u[0]));
                let [sine, cosine] = self.pair([s, c], 1.0, u);
                if op == Unary::Sinh { sine } else { cosine }
            }
            Unary::Tan => self.tangent(f0, 1.0, u),
            Unary::Tanh => self.tangent(f0, -1.0, u),
            Unary::Asin | Unary::Acos => {
                let square = self.mul(u, u);
                let mut inside = self.each(&square, |pool, c| pool.unary(Unary::Neg, c));
                inside[0] = self.pool.sub(one, square[0]);
                let root = self.unary(Unary::Sqrt, &inside);
                let unit = self.constant(one);
                let mut g = self.div(&unit, &root);
                if op == Unary::Acos {
                    g = self.each(&g, |pool, c| pool.unary(Unary::Neg, c));
                }
                self.integral(f0, &g, u)
            }
            Unary::Atan => {
                let mut inside = self.mul(u, u);
                inside[0] = self.pool.add(one, inside[0]);
                let unit = self.constant(one);
                let g = self.div(&unit, &inside);
                self.integral(f0, &g, u)
            }
            Unary::Abs => {
                let sign = self.pool.unary(Unary::Sign, u[0]);
                let mut f = self.each(u, |pool, c| pool.mul(sign, c));
                f[0] = f0;
                f
            }
            Unary::Sign | Unary::Floor | Unary::Ceil | Unary::Not => self.constant(f0),
            Unary::Erf => {
                let square = self.mul(u, u);
                let minus = self.each(&square, |pool, c| pool.unary(Unary::Neg, c));
                let bell = self.unary(Unary::Exp, &minus);
                let g = self.each(&bell, |pool, c| pool.scale(std::f64::consts::FRAC_2_SQRT_PI, c));
                self.integral(f0, &g, u)
            }
            Unary::Gamma => {
                let digamma = self.unary(Unary::Polygamma(0), u);
                let log = self.integral(self.zero, &digamma, u);
                self.growth(f0, &log)
            }
            Unary::LogGamma => {
                let digamma = self.unary(Unary::Polygamma(0), u);
                self.integral(f0, &digamma, u)
            }
            Unary::Polygamma(m) => self.polygamma(m, u),
        }
    }

    /// `ψ^(m)(u_0 + v) = Σ ψ^(m+k)(u_0) v^k / k!` by Horner's rule.
    fn polygamma(&mut self, m: u8, u: &[Id]) -> Jet {
        let mut v = u.to_vec();
        v[0] = self.zero;
        let coefficient = |pool: &mut Pool, k: usize| {
            let factorial: f64 = (1..=k).map(|j| j as f64).product();
            let value = pool.unary(Unary::Polygamma(m.saturating_add(k as u8)), u[0]);
            pool.scale(1.0 / factorial, value)
        };
        let top = coefficient(self.pool, self.order);
        let mut f = self.constant(top);
        for k in (0..self.order).rev() {
            f = self.mul(&f, &v);
            f[0] = coefficient(self.pool, k);
        }
        f
    }

    fn binary(&mut self, op: Binary, a: &[Id], b: &[Id]) -> Jet {
        if self.is_constant(a) && self.is_constant(b) {
            let f0 = self.pool.binary(op, a[0], b[0]);
            return self.constant(f0);
        }
        match op {
            Binary::Add => (0..=self.order).map(|k| self.pool.add(a[k], b[k])).collect(),
            Binary::Sub => (0..=self.order).map(|k| self.pool.sub(a[k], b[k])).collect(),
            Binary::Mul | Binary::TimesLog => self.mul(a, b),
            Binary::Div => self.div(a, b),
            Binary::Pow if self.is_constant(b) => {
                let f0 = self.pool.binary(op, a[0], b[0]);
                self.raised(f0, a, b[0])
            }
            Binary::Pow => {
                let log = self.unary(Unary::Log, a);
                let exponent = self.mul(b, &log);
                let f0 = self.pool.binary(op, a[0], b[0]);
                self.growth(f0, &exponent)
            }
            Binary::Min | Binary::Max => {
                let less = self.pool.binary(Binary::Less, a[0], b[0]);
                if op == Binary::Min { self.select(less, a, b) } else { self.select(less, b, a) }
            }
            Binary::Hypot => {
                let (a2, b2) = (self.mul(a, a), self.mul(b, b));
                let sum = self.binary(Binary::Add, &a2, &b2);
                let f0 = self.pool.binary(op, a[0], b[0]);
                let half = self.pool.number(0.5);
                self.raised(f0, &sum, half)
            }
            // Angle of (b, a): its slope is (b a' - a b') / (a² + b²).
            Binary::Atan2 => {
                let (a2, b2) = (self.mul(a, a), self.mul(b, b));
                let bottom = self.binary(Binary::Add, &a2, &b2);
                let (by_a, by_b) = (self.div(b, &bottom), self.div(a, &bottom));
                let f0 = self.pool.binary(op, a[0], b[0]);
                let (first, second) = (self.integral(f0, &by_a, a), self.integral(self.zero, &by_b, b));
                self.binary(Binary::Sub, &first, &second)
            }
            Binary::Less | Binary::LessEqual | Binary::Equal | Binary::NotEqual | Binary::And | Binary::Or => {
                let f0 = self.pool.binary(op, a[0], b[0]);
                self.constant(f0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_the_series_of_its_repeated_derivatives() {
        const ORDER: usize = 6;
        for text in [
            "x^3*k - x/k + (1 + x)^-2",
            "exp(k*x) + expm1(x^2) + exp(-x^2/2)",
            "log(x + k) + log1p(x) + log2(x) + log10(k*x)",
            "sqrt(1 + x^2) + x^k + x^1.5 + k^x + x^x",
            "sin(k*x) + cos(x^2) + tan(x/2) + sinh(x) + cosh(k*x) + tanh(x)",
            "asin(x/3) + acos(x/4) + atan(k*x)",
            "erf(x) + gamma(1 + x) + lgamma(k + x) + digamma(2*x)",
            "abs(x - 2)*x + sign(x) + floor(x) + max(x^2, k*x) + min(x, k)*x + if(x > k, x^2, exp(x))",
            "hypot(x, k*x^2) + atan2(x^2, k + x)",
            "k*log(k)",
        ] {
            let mut pool = Pool::new(["x", "k", "at"]);
            let id = pool.parse(text, "test").expect(text);
            let at = pool.symbol_at(2);
            let jet = pool.jets(&[id], 0, at, ORDER).remove(0);
            let mut derivative = id;
            let mut factorial = 1.0;
            for (n, coefficient) in jet.iter().enumerate() {
                let got = pool.eval(*coefficient, &[f64::NAN, 0.7, 0.9]);
                let want = pool.eval(derivative, &[0.9, 0.7, f64::NAN]) / factorial;
                assert!((got - want).abs() < 1e-11 * (1.0 + want.abs()), "{text} {n}: {got} {want}");
                derivative = pool.derivative(derivative, 0);
                factorial *= (n + 1) as f64;
            }
        }
    }

    #[test]
    fn a_power_at_zero_and_a_branch_not_taken_leave_no_trace() {
        let mut pool = Pool::new(["x"]);
        let id = pool.parse("x^3 + if(x >= 0, x, sqrt(x))", "test").expect("text");
        let at = pool.number(0.0);
        let jet = pool.jets(&[id], 0, at, 4).remove(0);
        let got: Vec<f64> = jet.iter().map(|c| pool.eval(*c, &[f64::NAN])).collect();
        assert_eq!(got, [0.0, 1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn the_size_grows_with_the_square_of_the_order() {
        let mut pool = Pool::new(["x", "k"]);
        let id = pool.parse("sqrt(k + x*exp(-k*x)/(1 + x^2))", "test").expect("text");
        let x = pool.symbol_at(0);
        let before = pool.len();
        pool.jets(&[id], 0, x, 8);
        assert!(pool.len() - before < 1_500, "{}", pool.len() - before);
    }
}

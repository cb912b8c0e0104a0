//! Expectations of functions of the marks of jumps.
//!
//! Sums of products of powers and exponentials, `J^k exp(c J)`, are taken in closed form, which also tells where they are
//! infinite; any other function by quadrature against the marks' densities (Takahasi & Mori 1974).

use crate::base::math;
use crate::expr::{Binary, Id, Node, Pool, Unary};
use crate::process::{Family, Law};
use std::collections::BTreeMap;

/// `E f(J₁, J₂, …)` of independent marks, by their symbols; `f` holds no other symbol. `None` where it is infinite or not found.
pub(super) fn expectation(pool: &Pool, f: Id, laws: &[(usize, Law)]) -> Option<f64> {
    match terms(pool, f) {
        Some(terms) => terms.iter().map(|t| term_mean(t, laws)).sum(),
        None => quadrature(pool, f, laws),
    }
}

/// A factor times `Π J^k exp(c J)`, by the symbols of the marks.
#[derive(Debug, Clone)]
struct Term {
    factor: f64,
    marks: BTreeMap<usize, (u32, f64)>,
}

const MOST_TERMS: usize = 1_000;

fn terms(pool: &Pool, id: Id) -> Option<Vec<Term>> {
    let constant = |factor: f64| Term { factor, marks: BTreeMap::new() };
    let found = match pool.node(id) {
        Node::Number(bits) => vec![constant(f64::from_bits(bits))],
        Node::Symbol(s) => vec![Term { factor: 1.0, marks: BTreeMap::from([(s as usize, (1, 0.0))]) }],
        Node::Unary(Unary::Neg, a) => scaled(terms(pool, a)?, -1.0),
        Node::Unary(Unary::Exp, a) => vec![exponential(&terms(pool, a)?)?],
        Node::Power(a, n) => {
            let base = terms(pool, a)?;
            let base = if n < 0 { vec![reciprocal(&base)?] } else { base };
            let mut power = vec![constant(1.0)];
            for _ in 0..n.unsigned_abs().min(65) {
                power = product(&power, &base)?;
            }
            (n.unsigned_abs() <= 64).then_some(power)?
        }
        Node::Binary(Binary::Add, a, b) => [terms(pool, a)?, terms(pool, b)?].concat(),
        Node::Binary(Binary::Sub, a, b) => [terms(pool, a)?, scaled(terms(pool, b)?, -1.0)].concat(),
        Node::Binary(Binary::Mul, a, b) => product(&terms(pool, a)?, &terms(pool, b)?)?,
        Node::Binary(Binary::Div, a, b) => product(&terms(pool, a)?, &[reciprocal(&terms(pool, b)?)?])?,
        // c^J = exp(J ln c)
        Node::Binary(Binary::Pow, a, b) => {
            let base = pool.constant(a).filter(|c| *c > 0.0)?;
            vec![exponential(&scaled(terms(pool, b)?, math::ln(base)))?]
        }
        _ => return None,
    };
    (found.len() <= MOST_TERMS).then_some(found)
}

fn scaled(terms: Vec<Term>, by: f64) -> Vec<Term> {
    terms.into_iter().map(|t| Term { factor: by * t.factor, ..t }).collect()
}

fn product(a: &[Term], b: &[Term]) -> Option<Vec<Term>> {
    if a.len() * b.len() > MOST_TERMS {
        return None;
    }
    let mut out = Vec::with_capacity(a.len() * b.len());
    for left in a {
        for right in b {
            let mut marks = left.marks.clone();
            for (mark, (k, c)) in &right.marks {
                let here = marks.entry(*mark).or_insert((0, 0.0));
                *here = (here.0 + k, here.1 + c);
            }
            out.push(Term { factor: left.factor * right.factor, marks });
        }
    }
    Some(out)
}

/// One over a single exponential.
fn reciprocal(terms: &[Term]) -> Option<Term> {
    let [term] = terms else { return None };
    let marks: Option<BTreeMap<usize, (u32, f64)>> =
        term.marks.iter().map(|(mark, (k, c))| (*k == 0).then_some((*mark, (0, -c)))).collect();
    Some(Term { factor: 1.0 / term.factor, marks: marks? })
}

/// The exponential of something linear.
fn exponential(inside: &[Term]) -> Option<Term> {
    let mut out = Term { factor: 1.0, marks: BTreeMap::new() };
    for term in inside {
        let marks: Vec<(&usize, &(u32, f64))> = term.marks.iter().collect();
        match marks.as_slice() {
            [] => out.factor *= math::exp(term.factor),
            [(mark, (1, 0.0))] => out.marks.entry(**mark).or_insert((0, 0.0)).1 += term.factor,
            _ => return None,
        }
    }
    Some(out)
}

fn term_mean(term: &Term, laws: &[(usize, Law)]) -> Option<f64> {
    let mut value = term.factor;
    for (mark, (k, c)) in &term.marks {
        let law = laws.iter().find(|(symbol, _)| symbol == mark)?.1;
        value *= tilted_moment(&law, *k, *c)?;
    }
    Some(value)
}

/// `E[J^k exp(c J)]`; `None` where it is infinite or has no closed form here.
fn tilted_moment(law: &Law, k: u32, c: f64) -> Option<f64> {
    let arguments = law.arguments();
    let at = |i: usize| arguments.get(i).copied().unwrap_or(f64::NAN);
    let (a, b) = (at(0), at(1));
    let n = k as i32;
    let factorial: f64 = (1..=k).map(f64::from).product();
    match law.family() {
        // exp(c J) tilts N(m, s²) to N(m + c s², s²).
        Family::Normal => Some(math::exp(c * a + 0.5 * c * c * b * b) * normal_moment(a + c * b * b, b, k)),
        Family::LogNormal if c == 0.0 => {
            let n = f64::from(k);
            Some(math::exp(n * a + 0.5 * n * n * b * b))
        }
        Family::Exponential => one_sided(a, c, n).map(|m| m * factorial),
        Family::DoubleExponential => {
            let (up, down) = (one_sided(b, c, n)?, one_sided(at(2), -c, n)?);
            let sign = if k.is_multiple_of(2) { 1.0 } else { -1.0 };
            Some(factorial * (a * up + sign * (1.0 - a) * down))
        }
        Family::Gamma if c < b => {
            let rising: f64 = (0..k).map(|i| a + f64::from(i)).product();
            Some(math::exp(-a * math::ln_1p(-c / b)) * rising / math::powi(b - c, n))
        }
        Family::Beta if c == 0.0 => Some((0..k).map(|i| (a + f64::from(i)) / (a + b + f64::from(i))).product()),
        Family::Constant => Some(math::powi(a, n) * math::exp(c * a)),
        Family::Poisson => {
            let tilt = math::exp(c);
            Some(math::exp(a * (tilt - 1.0)) * factorial_moments(k, |i| math::powi(a * tilt, i)))
        }
        Family::Binomial => {
            let grown = 1.0 - b + b * math::exp(c);
            let p = b * math::exp(c) / grown;
            let falling = |i: i32| (0..i).map(|j| (a - f64::from(j)) * p).product::<f64>();
            Some(math::powi(grown, a as i32) * factorial_moments(k, falling))
        }
        Family::Gamma => None,
        // Exponentials of bounded or of long-tailed marks: by quadrature, where they are finite.
        Family::LogNormal if c > 0.0 => None,
        Family::LogNormal | Family::Beta | Family::Uniform => {
            Some(nodes(law).iter().map(|(x, w)| w * math::powi(*x, n) * math::exp(c * x)).sum())
        }
    }
}

/// `rate/(rate - c)^{k+1}`: the exponential law's moment but for k!.
fn one_sided(rate: f64, c: f64, k: i32) -> Option<f64> {
    (c < rate).then(|| rate / math::powi(rate - c, k + 1))
}

/// `M_{k+1} = m M_k + k s² M_{k-1}`
fn normal_moment(m: f64, s: f64, k: u32) -> f64 {
    let (mut before, mut here) = (0.0, 1.0);
    for i in 0..k {
        (before, here) = (here, m * here + f64::from(i) * s * s * before);
    }
    here
}

/// A raw moment from the factorial moments, by Stirling numbers of the second kind.
fn factorial_moments(k: u32, falling: impl Fn(i32) -> f64) -> f64 {
    let mut stirling = vec![1.0];
    for _ in 0..k {
        let at = |i: usize| stirling.get(i).copied().unwrap_or(0.0);
        let below = |i: usize| if i == 0 { 0.0 } else { at(i - 1) };
        stirling = (0..=stirling.len()).map(|i| i as f64 * at(i) + below(i)).collect();
    }
    stirling.iter().enumerate().map(|(i, s)| s * falling(i as i32)).sum()
}

fn quadrature(pool: &Pool, f: Id, laws: &[(usize, Law)]) -> Option<f64> {
    let used: Vec<&(usize, Law)> = laws.iter().filter(|(symbol, _)| pool.depends_on(f, *symbol)).collect();
    let mut symbols = vec![f64::NAN; pool.symbols().len()];
    let mut sum = 0.0;
    match used.as_slice() {
        [(mark, law)] => {
            for (x, w) in nodes(law) {
                symbols[*mark] = x;
                sum += w * pool.eval(f, &symbols);
            }
        }
        [(one, first), (two, second)] => {
            let inner = nodes(second);
            for (x, w) in nodes(first) {
                symbols[*one] = x;
                for (y, v) in &inner {
                    symbols[*two] = *y;
                    sum += w * v * pool.eval(f, &symbols);
                }
            }
        }
        _ => return None,
    }
    Some(sum)
}

/// Points and weights that integrate against a law, the weights summing to one.
fn nodes(law: &Law) -> Vec<(f64, f64)> {
    let arguments = law.arguments();
    let at = |i: usize| arguments.get(i).copied().unwrap_or(f64::NAN);
    let (a, b) = (at(0), at(1));
    let mut list: Vec<(f64, f64)> = match law.family() {
        Family::Normal => steps(-12.0, 12.0).map(|z| (a + b * z, math::exp(-0.5 * z * z))).collect(),
        Family::LogNormal => steps(-12.0, 12.0).map(|z| (math::exp(a + b * z), math::exp(-0.5 * z * z))).collect(),
        Family::Exponential => half_line(1.0).map(|(x, w)| (x / a, w)).collect(),
        Family::DoubleExponential => {
            let total: f64 = half_line(1.0).map(|n| n.1).sum();
            let up = half_line(1.0).map(|(x, w)| (x / b, a * w / total));
            up.chain(half_line(1.0).map(|(x, w)| (-x / at(2), (1.0 - a) * w / total))).collect()
        }
        Family::Gamma => half_line(a).map(|(x, w)| (x / b, w)).collect(),
        Family::Beta => interval(a, b).collect(),
        Family::Uniform => interval(1.0, 1.0).map(|(x, w)| (a + (b - a) * x, w)).collect(),
        Family::Constant => vec![(a, 1.0)],
        Family::Poisson => {
            let reach = 12.0 * a.sqrt() + 60.0;
            let (from, to) = ((a - reach).max(0.0).floor() as u64, (a + reach).ceil() as u64);
            let ln = math::ln(a.max(1e-300));
            (from..=to).map(|n| (n as f64, math::exp(n as f64 * ln - a - math::ln_gamma(n as f64 + 1.0)))).collect()
        }
        Family::Binomial => {
            let choose = |n: f64| math::ln_gamma(a + 1.0) - math::ln_gamma(n + 1.0) - math::ln_gamma(a - n + 1.0);
            let p = b.clamp(1e-300, 1.0 - 1e-16);
            let weight = |n: f64| math::exp(choose(n) + n * math::ln(p) + (a - n) * math::ln_1p(-p));
            (0..=a.min(1e5) as u64).map(|n| (n as f64, weight(n as f64))).collect()
        }
    };
    let total: f64 = list.iter().map(|n| n.1).sum();
    list.iter_mut().for_each(|n| n.1 /= total);
    list
}

fn steps(from: f64, to: f64) -> impl Iterator<Item = f64> {
    let n = ((to - from) * 32.0) as usize;
    (0..=n).map(move |i| from + i as f64 / 32.0)
}

/// The law `x^{shape-1} e^{-x}` by `x = exp(t - e^{-t})`.
fn half_line(shape: f64) -> impl Iterator<Item = (f64, f64)> {
    steps(-6.0, 6.0).map(move |t| {
        let ln_x = t - math::exp(-t);
        let x = math::exp(ln_x);
        (x, math::exp(shape * ln_x - x) * (1.0 + math::exp(-t)))
    })
}

/// The law `x^{a-1} (1-x)^{b-1}` by `x = 1/(1 + exp(-π sinh t))`.
fn interval(a: f64, b: f64) -> impl Iterator<Item = (f64, f64)> {
    steps(-5.0, 5.0).map(move |t| {
        let s = std::f64::consts::PI * math::sinh(t);
        let (ln_x, ln_rest) = (-softplus(-s), -softplus(s));
        (math::exp(ln_x), math::exp(a * ln_x + b * ln_rest) * math::cosh(t))
    })
}

fn softplus(s: f64) -> f64 {
    if s > 0.0 { s + math::ln_1p(math::exp(-s)) } else { math::ln_1p(math::exp(s)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, family: Family, arguments: &[f64]) -> Option<f64> {
        let mut pool = Pool::new(["J"]);
        let f = pool.parse(text, "test").expect(text);
        expectation(&pool, f, &[(0, Law::new(family, arguments).expect("a law"))])
    }

    #[test]
    fn closed_expectations_are_those_of_quadrature() {
        let cases: [(Family, &[f64]); 10] = [
            (Family::Normal, &[0.3, 0.7]),
            (Family::LogNormal, &[-0.4, 0.3]),
            (Family::Exponential, &[5.0]),
            (Family::DoubleExponential, &[0.4, 10.0, 5.0]),
            (Family::Gamma, &[0.7, 6.0]),
            (Family::Beta, &[0.6, 2.0]),
            (Family::Uniform, &[-1.0, 2.0]),
            (Family::Constant, &[0.4]),
            (Family::Poisson, &[3.0]),
            (Family::Binomial, &[7.0, 0.3]),
        ];
        for (family, arguments) in cases {
            let law = Law::new(family, arguments).expect("a law");
            for (k, c) in [(0, 0.0), (1, 0.0), (2, 0.0), (4, 0.0), (0, -1.3), (1, -0.8), (2, 0.5), (0, 1.9)] {
                let Some(closed) = tilted_moment(&law, k, c) else { continue };
                let sum: f64 = nodes(&law).iter().map(|(x, w)| w * x.powi(k as i32) * (c * x).exp()).sum();
                assert!((closed - sum).abs() < 1e-10 * (1.0 + sum.abs()), "{family:?} {k} {c}: {closed} {sum}");
            }
            assert!((tilted_moment(&law, 1, 0.0).expect("a mean") - law.mean()).abs() < 1e-12, "{family:?}");
        }
    }

    #[test]
    fn what_is_infinite_is_not_a_number_and_what_is_odd_is_integrated() {
        assert_eq!(of("exp(2*J)", Family::Exponential, &[1.5]), None);
        assert_eq!(of("(exp(J) - 1)^2", Family::DoubleExponential, &[0.4, 1.9, 5.0]), None);
        let wanted = 0.4 / (1.0 - 0.1) + 0.6 / (1.0 + 0.2) - 1.0;
        let found = of("exp(J) - 1", Family::DoubleExponential, &[0.4, 10.0, 5.0]).expect("finite");
        assert!((found - wanted).abs() < 1e-15);
        // E √U = 2/3.
        assert!((of("sqrt(J)", Family::Uniform, &[0.0, 1.0]).expect("finite") - 2.0 / 3.0).abs() < 1e-12);
    }
}

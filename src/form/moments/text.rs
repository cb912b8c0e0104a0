//! The equations of the moments as a person would write them.

use super::rates::{Parameters, Rates};
use crate::expr::{Binary, Id, Node, Pool, Unary};
use crate::models::Model;
use crate::process::polynomial::Polynomial;
use crate::process::rebuild::rebuild;
use crate::process::{Process, symbol};

/// Components whose covariances are written out; more would fill pages.
const MOST_WRITTEN: usize = 4;

/// `d E[x]/dt = …` for each component, then `d Var[x]/dt` and `d Cov[x, y]/dt` (of up to four components), and in one dimension
/// the mean in closed form. Empty where the means are not closed.
pub fn moment_formulas(model: &Model) -> Vec<String> {
    let defaults: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    let Ok(rates) = super::read(model, Parameters::Names, &defaults, None) else { return Vec::new() };
    let mut writer = Writer { pool: rates.pool.clone(), rates: &rates, squares: Vec::new() };
    let n = rates.names.len();
    let mut lines = Vec::new();
    for i in 0..n {
        let right = writer.mean(model, i);
        lines.push(format!("d E[{}]/dt = {}", rates.names[i], writer.pool.print(right)));
    }
    if n == 1 {
        lines.extend(writer.closed_mean());
    }
    if let (Ok(table), true) = (&rates.second, n <= MOST_WRITTEN) {
        writer.name_squares();
        for i in 0..n {
            for j in 0..=i {
                let right = writer.covariance(i, j, &table[i][j]);
                lines.push(format!("d {}/dt = {}", square_name(&rates.names, i, j), writer.pool.print(right)));
            }
        }
    }
    lines
}

fn square_name(names: &[String], i: usize, j: usize) -> String {
    if i == j { format!("Var[{}]", names[i]) } else { format!("Cov[{}, {}]", names[j], names[i]) }
}

struct Writer<'a> {
    pool: Pool,
    rates: &'a Rates,
    /// `[i][j]`: the symbol of the covariance, `j <= i`.
    squares: Vec<Vec<Id>>,
}

impl Writer<'_> {
    fn expected(&mut self, i: usize) -> Id {
        self.pool.symbol_at(symbol::STATE + i)
    }

    /// Without jumps the drift as its file writes it.
    fn mean(&mut self, model: &Model, i: usize) -> Id {
        match &model.process {
            Process::Diffusion(p) if p.jumps.is_empty() => {
                rebuild(&p.frame.pool, p.drift[i], &mut self.pool, &mut Pool::symbol_at)
            }
            _ => {
                let first = self.rates.first[i].clone();
                let terms = self.terms(&first);
                self.sum(terms)
            }
        }
    }

    /// The terms of a polynomial at the means.
    fn terms(&mut self, p: &Polynomial) -> Vec<Id> {
        let mut list = Vec::new();
        for (monomial, coefficient) in &p.terms {
            let mut term = *coefficient;
            for (i, n) in &monomial.powers {
                let x = self.expected(*i);
                let power = self.pool.power(x, *n);
                term = self.times(term, power);
            }
            list.push(term);
        }
        list
    }

    /// A product with its sign in front.
    fn times(&mut self, a: Id, b: Id) -> Id {
        let (minus, a) = signed(&mut self.pool, a);
        let product = self.pool.mul(a, b);
        if minus { self.pool.unary(Unary::Neg, product) } else { product }
    }

    /// What is added first, then what is taken away.
    fn sum(&mut self, terms: Vec<Id>) -> Id {
        let signs: Vec<(bool, Id)> = terms.into_iter().map(|t| signed(&mut self.pool, t)).collect();
        let zero = self.pool.number(0.0);
        let plus = signs.iter().filter(|s| !s.0).fold(zero, |sum, s| self.pool.add(sum, s.1));
        signs.iter().filter(|s| s.0).fold(plus, |sum, s| self.pool.sub(sum, s.1))
    }

    fn name_squares(&mut self) {
        let names = &self.rates.names;
        // Products print what was made first first: 2*kappa before the variance it stands at.
        for i in 0..names.len() {
            for slope in (0..names.len()).filter_map(|k| self.rates.first[i].coefficient(&[k])) {
                let (two, slope) = (self.pool.number(2.0), signed(&mut self.pool, slope).1);
                self.pool.mul(two, slope);
            }
        }
        for i in 0..names.len() {
            let row = (0..=i).map(|j| {
                let index = self.pool.add_symbol(&square_name(names, i, j));
                self.pool.symbol_at(index)
            });
            let row = row.collect();
            self.squares.push(row);
        }
    }

    fn covariance(&mut self, i: usize, j: usize, noise: &Polynomial) -> Id {
        let n = self.rates.names.len();
        let square = |squares: &[Vec<Id>], i: usize, j: usize| squares[i.max(j)][i.min(j)];
        let mut terms = Vec::new();
        for k in 0..n {
            let (left, right) = (self.rates.first[i].coefficient(&[k]), self.rates.first[j].coefficient(&[k]));
            let (of_left, of_right) = (square(&self.squares, k, j), square(&self.squares, i, k));
            if let (Some(slope), true) = (left, i == j) {
                let two = self.pool.number(2.0);
                let (minus, slope) = signed(&mut self.pool, slope);
                let double = self.pool.mul(two, slope);
                let double = if minus { self.pool.unary(Unary::Neg, double) } else { double };
                terms.push(self.times(double, of_left));
                continue;
            }
            for (slope, of) in [(left, of_left), (right, of_right)] {
                if let Some(slope) = slope {
                    terms.push(self.times(slope, of));
                }
            }
        }
        terms.extend(self.terms(noise));
        for k in 0..n {
            for l in 0..=k {
                if let Some(c) = noise.coefficient(&[k, l]) {
                    let of = square(&self.squares, k, l);
                    terms.push(self.times(c, of));
                }
            }
        }
        self.sum(terms)
    }

    /// `E[x] = x0 + a t`, `x0 e^{bt}` or `level + (x0 - level) e^{bt}`.
    fn closed_mean(&mut self) -> Option<String> {
        let name = &self.rates.names[0];
        let (level, slope) = (self.rates.first[0].coefficient(&[]), self.rates.first[0].coefficient(&[0]));
        Some(match (level, slope) {
            (None, None) => format!("E[{name}] = {name}0"),
            (Some(a), None) => format!("E[{name}] = {name}0 + {}*t", self.pool.print_factor(a)),
            (None, Some(b)) => format!("E[{name}] = {name}0*exp({}*t)", self.pool.print_factor(b)),
            (Some(a), Some(b)) => {
                let (down, rate) = signed(&mut self.pool, b);
                let ratio = quotient(&mut self.pool, a, rate);
                let level = if down { ratio } else { self.pool.unary(Unary::Neg, ratio) };
                let (factor, text) = (self.pool.print_factor(b), self.pool.print_factor(level));
                format!("E[{name}] = {} + ({name}0 - {text})*exp({factor}*t)", self.pool.print(level))
            }
        })
    }
}

/// Whether an expression is minus another, and that other.
fn signed(pool: &mut Pool, id: Id) -> (bool, Id) {
    match pool.node(id) {
        Node::Number(bits) if f64::from_bits(bits) < 0.0 => (true, pool.number(-f64::from_bits(bits))),
        Node::Unary(Unary::Neg, a) => {
            let (minus, a) = signed(pool, a);
            (!minus, a)
        }
        Node::Binary(op @ (Binary::Mul | Binary::Div), a, b) => {
            let ((left, a), (right, b)) = (signed(pool, a), signed(pool, b));
            (left != right, pool.binary(op, a, b))
        }
        _ => (false, id),
    }
}

/// `a/b`, with a factor they share left out.
fn quotient(pool: &mut Pool, a: Id, b: Id) -> Id {
    match pool.node(a) {
        _ if a == b => pool.number(1.0),
        Node::Binary(Binary::Mul, p, q) if p == b => q,
        Node::Binary(Binary::Mul, p, q) if q == b => p,
        _ => pool.div(a, b),
    }
}

//! Affine processes read off their expressions: drift, covariance and discount rate affine in the states, or in the logarithms of
//! prices; jumps of a steady rate whose sizes are sums of marks with a known moment generating function.

use super::complex::Complex;
use crate::expr::{Id, Pool, Unary};
use crate::process::polynomial::{Algebra, Polynomial};
use crate::process::{Boundary, Diffusion, Family, Jump, Law};

/// `constant + slope · y`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub constant: f64,
    pub slope: Vec<f64>,
}

/// The jumps of one kind, in numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaps {
    pub rate: f64,
    /// What each coordinate moves by, whatever the marks are.
    pub shift: Vec<f64>,
    /// Each mark's law and what a unit of it moves each coordinate by.
    pub marks: Vec<(Law, Vec<f64>)>,
}

/// An affine process at one parameter value, in coordinates `y`: states, or their logarithms.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affine {
    /// Whether the coordinate is the logarithm of the state.
    pub is_log: Vec<bool>,
    pub drift: Vec<Line>,
    /// `[i][j]`, of the noise per time.
    pub covariance: Vec<Vec<Line>>,
    pub discount: Line,
    pub leaps: Vec<Leaps>,
}

/// The process with a discount rate (an expression of its pool), in numbers.
///
/// # Errors
/// Why it is not affine.
pub(super) fn affine(process: &Diffusion, discount: Option<Id>, theta: &[f64]) -> Result<Affine, String> {
    if let Some(state) = process.states.iter().find(|s| !matches!(s.boundary, Boundary::Auto | Boundary::Natural)) {
        return Err(format!("the ends of {} are {}", state.name, state.boundary.name()));
    }
    if process.is_time_dependent() || !process.breaks.is_empty() || discount.is_some_and(|d| process.frame.is_timed(d))
    {
        return Err("its coefficients change with time".to_string());
    }
    let n = process.states.len();
    let frame = &process.frame;
    let mut symbols = frame.symbols(theta, 0.0);
    // A coefficient from which the states have cancelled may still be written with them.
    (0..n).for_each(|i| symbols[frame.variable(i)] = 1.0);
    let mut reader = Reader { pool: frame.pool.clone(), symbols, n, first: frame.variable(0) };
    let covariance: Vec<Vec<Id>> =
        (0..n).map(|i| (0..n).map(|j| process.covariance(&mut reader.pool, i, j)).collect()).collect();
    let is_log: Vec<bool> = (0..n)
        .map(|i| {
            let state = &process.states[i];
            state.lower == 0.0 && state.upper == f64::INFINITY && reader.degree(covariance[i][i]) != Some(1)
        })
        .collect();
    if is_log.iter().zip(&process.states).any(|(log, s)| !log && s.lower.is_finite() && s.lower != 0.0) {
        return Err("a state lives on part of the line".to_string());
    }
    let one = reader.pool.number(1.0);
    let units: Vec<Id> =
        (0..n).map(|i| if is_log[i] { reader.pool.symbol_at(frame.variable(i)) } else { one }).collect();
    let line = |reader: &mut Reader, id: Id, what: &str| {
        reader.line(id, &is_log).ok_or_else(|| format!("{what} is not affine in the states or their logarithms"))
    };
    let (mut drift, mut per_time) = (Vec::new(), Vec::new());
    for i in 0..n {
        let mut row = Vec::new();
        for j in 0..n {
            let units = reader.pool.mul(units[i], units[j]);
            let scaled = reader.quotient(covariance[i][j], units);
            row.push(line(&mut reader, scaled, "the covariance of its noise")?);
        }
        let mut scaled = reader.quotient(process.drift[i], units[i]);
        if is_log[i] {
            let square = reader.pool.power(units[i], 2);
            let half = reader.quotient(covariance[i][i], square);
            let half = reader.pool.scale(0.5, half);
            scaled = reader.pool.sub(scaled, half);
        }
        drift.push(line(&mut reader, scaled, "its drift")?);
        per_time.push(row);
    }
    let zero = reader.pool.number(0.0);
    let discount = line(&mut reader, discount.unwrap_or(zero), "its discount rate")?;
    let leaps = process.jumps.iter().map(|jump| reader.leaps(process, jump, &is_log)).collect::<Result<_, _>>()?;
    Ok(Affine { is_log, drift, covariance: per_time, discount, leaps })
}

struct Reader {
    pool: Pool,
    symbols: Vec<f64>,
    n: usize,
    first: usize,
}

impl Reader {
    fn polynomial(&mut self, id: Id) -> Option<Polynomial> {
        Algebra::new(&mut self.pool, self.first..self.first + self.n).of(id)
    }

    /// One for affine expressions and constants.
    fn degree(&mut self, id: Id) -> Option<i32> {
        self.polynomial(id)?.degree().map(|d| d.max(1))
    }

    fn quotient(&mut self, a: Id, b: Id) -> Id {
        self.pool.div(a, b)
    }

    fn number(&self, id: Option<Id>) -> f64 {
        id.map_or(0.0, |id| self.pool.eval(id, &self.symbols))
    }

    fn line(&mut self, id: Id, is_log: &[bool]) -> Option<Line> {
        let polynomial = self.polynomial(id)?;
        if polynomial.degree()? > 1 {
            return None;
        }
        let line = Line {
            constant: self.number(polynomial.coefficient(&[])),
            slope: (0..self.n).map(|i| self.number(polynomial.coefficient(&[i]))).collect(),
        };
        // The logarithm is the coordinate, so the price itself may not be left.
        let left = line.slope.iter().zip(is_log).any(|(s, log)| *log && *s != 0.0);
        (!left && line.constant.is_finite() && line.slope.iter().all(|s| s.is_finite())).then_some(line)
    }

    fn leaps(&mut self, process: &Diffusion, jump: &Jump, is_log: &[bool]) -> Result<Leaps, String> {
        if process.frame.varies(jump.rate) {
            return Err("its jumps hang on the state".to_string());
        }
        let rate = self.number(Some(jump.rate));
        let unknown = || "the size of its jumps is no sum of marks".to_string();
        let marks: Option<Vec<Law>> = jump.marks.iter().map(|m| m.law.at(&process.frame, &self.symbols)).collect();
        let marks = marks.filter(|laws| laws.iter().all(has_mgf)).ok_or_else(|| {
            "the law of a jump's mark has no closed moment generating function, or hangs on the state".to_string()
        })?;
        let mut leaps = Leaps {
            rate,
            shift: vec![0.0; self.n],
            marks: marks.into_iter().map(|law| (law, vec![0.0; self.n])).collect(),
        };
        for i in 0..self.n {
            let polynomial = self.polynomial(jump.after[i]).ok_or_else(unknown)?;
            let own = polynomial.coefficient(&[i]);
            let size = if is_log[i] {
                let factor = own.filter(|_| polynomial.terms.len() == 1).ok_or_else(unknown)?;
                self.pool.unary(Unary::Log, factor)
            } else {
                let zero = self.pool.number(0.0);
                let moved = polynomial.coefficient(&[]);
                let others = polynomial.terms.len() == 1 + usize::from(moved.is_some());
                let same = own.and_then(|id| self.pool.constant(id)) == Some(1.0);
                if !(others && same) {
                    return Err(unknown());
                }
                moved.unwrap_or(zero)
            };
            let at = |reader: &mut Reader, marks: &dyn Fn(usize) -> f64| {
                for (k, mark) in jump.marks.iter().enumerate() {
                    reader.symbols[mark.symbol] = marks(k);
                }
                reader.pool.eval(size, &reader.symbols)
            };
            let origin = at(self, &|_| 0.0);
            leaps.shift[i] = origin;
            for k in 0..jump.marks.len() {
                leaps.marks[k].1[i] = at(self, &|m| f64::from(u8::from(m == k))) - origin;
            }
            // A sum of marks is where it is said to be, for any of them.
            for trial in 1..4 {
                let of = |k: usize| ((trial * (k + 1)) as f64 * 0.618_033_988_749_894_9).fract() * 1.4 - 0.6;
                let sum: f64 = origin + leaps.marks.iter().enumerate().map(|(k, m)| m.1[i] * of(k)).sum::<f64>();
                let found = at(self, &of);
                if !((found - sum).abs() <= 1e-9 * (1.0 + sum.abs())) {
                    return Err(unknown());
                }
            }
        }
        Ok(leaps)
    }
}

fn has_mgf(law: &Law) -> bool {
    !matches!(law.family(), Family::LogNormal | Family::Beta)
}

/// `E e^{z J}`; `None` where it is infinite or not known.
pub(super) fn mgf(law: &Law, z: Complex) -> Option<Complex> {
    let a = |k: usize| law.arguments().get(k).copied().unwrap_or(f64::NAN);
    let real = |v: f64| Complex::new(v, 0.0);
    match law.family() {
        Family::Normal => Some((z * a(0) + z * z * (0.5 * a(1) * a(1))).exponential()),
        Family::Exponential => (z.re < a(0)).then(|| real(a(0)) / (real(a(0)) - z)),
        Family::DoubleExponential => (z.re < a(1) && z.re > -a(2))
            .then(|| real(a(0) * a(1)) / (real(a(1)) - z) + real((1.0 - a(0)) * a(2)) / (real(a(2)) + z)),
        Family::Gamma => (z.re < a(1)).then(|| ((Complex::ONE - z * (1.0 / a(1))).logarithm() * -a(0)).exponential()),
        Family::Uniform if a(0) == a(1) || z.abs() * (a(1) - a(0)) < 1e-5 => {
            // To third order in z (b - a).
            let (middle, width) = (0.5 * (a(0) + a(1)), a(1) - a(0));
            Some((z * middle).exponential() * (Complex::ONE + z * z * (width * width / 24.0)))
        }
        Family::Uniform => Some(((z * a(1)).exponential() - (z * a(0)).exponential()) / (z * (a(1) - a(0)))),
        Family::Constant => Some((z * a(0)).exponential()),
        Family::Poisson => Some(((z.exponential() - Complex::ONE) * a(0)).exponential()),
        Family::Binomial => {
            Some(((Complex::ONE + (z.exponential() - Complex::ONE) * a(1)).logarithm() * a(0)).exponential())
        }
        Family::LogNormal | Family::Beta => None,
    }
}

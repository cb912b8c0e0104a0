//! Payoffs that are straight between their breaks, as calls, puts, digitals and their sums are: where they break, and each piece.
//!
//! The breaks are read off the expression: where the two sides of a maximum or a comparison are equal.

use super::Posed;
use crate::base::math;
use crate::expr::{Binary, Id, Node, Pool, Unary};

/// `constant + slope s` for `s` between two breaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    pub from: f64,
    pub to: f64,
    pub constant: f64,
    pub slope: f64,
}

/// What a payoff is straight in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum In {
    /// The state itself.
    State,
    /// The exponential of the state, a logarithm of a price.
    Exponential,
}

/// A function of one variable made of expressions.
struct Line {
    pool: Pool,
    symbols: Vec<f64>,
    lane: usize,
    of: In,
    ends: (f64, f64),
    scale: f64,
}

/// The pieces of the payoff in one component, over its whole domain; `None` where it hangs on anything else or is not straight.
pub(super) fn pieces(posed: &Posed, component: usize, of: In) -> Option<Vec<Piece>> {
    let frame = &posed.value.under.frame;
    let state = &posed.value.under.states[component];
    let payoff = posed.value.payoff;
    let others = (0..frame.n_variables).filter(|i| *i != component);
    let mut others = others.map(|i| frame.variable(i)).chain(posed.value.average.map(|a| a.symbol));
    if others.any(|symbol| frame.pool.depends_on(payoff, symbol)) {
        return None;
    }
    let (ends, scale) = match of {
        In::State => ((state.lower, state.upper), posed.x0[component].abs().max(1e-3)),
        In::Exponential => ((0.0, f64::INFINITY), math::exp(posed.x0[component])),
    };
    let symbols = frame.symbols(posed.theta, posed.expiry);
    let mut line = Line { pool: frame.pool.clone(), symbols, lane: frame.variable(component), of, ends, scale };
    line.straight(payoff)
}

impl Line {
    fn at(&mut self, id: Id, s: f64) -> f64 {
        self.symbols[self.lane] = if self.of == In::State { s } else { math::ln(s) };
        self.pool.eval(id, &self.symbols)
    }

    /// The largest of the numbers that an expression is computed from.
    fn largest(&mut self, id: Id, s: f64) -> f64 {
        let (mut todo, mut seen) = (vec![id], std::collections::BTreeSet::new());
        let mut largest = s.abs();
        while let Some(id) = todo.pop() {
            if self.pool.depends_on(id, self.lane) && seen.insert(id) {
                largest = largest.max(self.at(id, s).abs());
                todo.extend(self.pool.node(id).children());
            }
        }
        largest
    }

    /// The pieces of an expression.
    fn straight(&mut self, id: Id) -> Option<Vec<Piece>> {
        let mut breaks = self.breaks(id)?;
        breaks.sort_by(f64::total_cmp);
        breaks.dedup();
        let (lower, upper) = self.ends;
        let mut edges = vec![lower];
        edges.extend(breaks.into_iter().filter(|b| *b > lower && *b < upper));
        edges.push(upper);
        edges.windows(2).map(|edge| self.piece(id, edge[0], edge[1])).collect()
    }

    /// The straight line through two points of a piece, if two more lie on it.
    fn piece(&mut self, id: Id, from: f64, to: f64) -> Option<Piece> {
        let scale = self.scale;
        let inside = |share: f64| match (from.is_finite(), to.is_finite()) {
            (true, true) => from + share * (to - from),
            (true, false) => from + 4.0 * share * scale,
            (false, true) => to - 4.0 * share * scale,
            (false, false) => 8.0 * (share - 0.45) * scale,
        };
        let s = [0.1, 0.35, 0.6, 0.9].map(inside);
        let v = s.map(|s| self.at(id, s));
        let slope = (v[3] - v[0]) / (s[3] - s[0]);
        let constant = v[0] - slope * s[0];
        let size = v.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        // Straight but for the round-off of what it is computed from.
        let round = 1e-12 * s.iter().map(|s| self.largest(id, *s)).fold(0.0, f64::max);
        let on = |k: usize| (constant + slope * s[k] - v[k]).abs() <= round;
        if !(size.is_finite() && on(1) && on(2)) {
            return None;
        }
        let level = slope.abs() * (s[3] - s[0]) <= round;
        let (constant, slope) = if level { (v[1], 0.0) } else { (constant, slope) };
        Some(Piece { from, to, constant, slope })
    }

    /// Where an expression may break.
    fn breaks(&mut self, id: Id) -> Option<Vec<f64>> {
        let mut found = Vec::new();
        let (mut todo, mut seen) = (vec![id], std::collections::BTreeSet::new());
        while let Some(id) = todo.pop() {
            if !self.pool.depends_on(id, self.lane) || !seen.insert(id) {
                continue;
            }
            let switch = match self.pool.node(id) {
                Node::Binary(
                    Binary::Min | Binary::Max | Binary::Less | Binary::LessEqual | Binary::Equal | Binary::NotEqual,
                    a,
                    b,
                ) => Some(self.pool.sub(a, b)),
                Node::Unary(Unary::Abs | Unary::Sign | Unary::Not, a) => Some(a),
                Node::Unary(Unary::Floor | Unary::Ceil, _) => return None,
                _ => None,
            };
            match switch {
                Some(switch) if self.pool.depends_on(switch, self.lane) => {
                    for piece in self.straight(switch)? {
                        found.extend([piece.from, piece.to]);
                        let root = -piece.constant / piece.slope;
                        if root > piece.from && root < piece.to {
                            found.push(root);
                        }
                    }
                }
                _ => {}
            }
            todo.extend(self.pool.node(id).children());
        }
        Some(found)
    }
}

/// Whether the payoff jumps somewhere.
pub(super) fn jumps(pieces: &[Piece]) -> bool {
    pieces.windows(2).any(|pair| {
        let at = |piece: &Piece| piece.constant + piece.slope * pair[1].from;
        let (left, right) = (at(&pair[0]), at(&pair[1]));
        (left - right).abs() > 1e-9 * (left.abs() + right.abs())
    })
}

/// `E f(X)` for a normal `X` of this mean and standard deviation.
pub(super) fn normal_mean(pieces: &[Piece], mean: f64, sd: f64) -> f64 {
    let one = |piece: &Piece| {
        let z = |x: f64| (x - mean) / sd;
        let (a, b) = (z(piece.from), z(piece.to));
        let density = |z: f64| if z.is_finite() { math::normal_pdf(z) } else { 0.0 };
        let share = math::normal_cdf(b) - math::normal_cdf(a);
        let straight = piece.slope * (mean * share + sd * (density(a) - density(b)));
        piece.constant * share + if piece.slope == 0.0 { 0.0 } else { straight }
    };
    pieces.iter().map(one).sum()
}

//! A field on one line made ready: nodes, control volumes, compiled coefficients; its rate of change and the derivative of that.
//!
//! Vertex-centred finite volumes: nodes stand on both ends, so that values given there are met exactly; a volume reaches
//! half-way to the neighbours. Fluxes are exponentially fitted ([`super::tridiagonal::Fitted`]), with the coefficients at the middle of a face
//! and the mean of the two values there.

use super::line::{D, D_U, Line, V, V_U};
use super::system::{Flows, System};
use super::tridiagonal::Tridiagonal;
use crate::expr::{Id, Pool, Scratch, Tape};
use crate::process::symbol;

/// What holds at an end of the nodes. Expressions without variables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::form) enum Side {
    /// `u = g`
    Dirichlet(Id),
    /// Outward diffusive flux `-D ∂u/∂n = g`.
    Neumann(Id),
    /// `a u + b ∂u/∂n = c`, `b` not zero.
    Robin(Id, Id, Id),
    Periodic,
    /// The diffusion vanishes there: what flows inward carries the equation itself to the end, and nothing is imposed. For the
    /// nonconservative form only.
    Degenerate,
    /// Nothing moves at the end but the source.
    Still,
}

impl Side {
    pub fn is_held(self) -> bool {
        matches!(self, Side::Dirichlet(_))
    }
}

/// The equation `∂u/∂t = ∂x(D ∂x u) - ∂x(v u) + s`, or `D ∂xx u - v ∂x u + s`.
pub(in crate::form) struct Equation<'a> {
    pub pool: &'a Pool,
    /// A value for every symbol; time, `x` and `u` are overwritten.
    pub symbols: Vec<f64>,
    /// Positions of coordinate and unknown among the symbols.
    pub x: usize,
    pub u: usize,
    pub diffusion: Id,
    pub advection: Id,
    pub source: Id,
    pub conservative: bool,
    /// Rates to the next node up and down, `[node]`, instead of diffusion and advection; ends let nothing through.
    pub rates: Option<[Vec<f64>; 2]>,
    pub sides: [Side; 2],
    pub clock: Clock,
}

/// The time the expressions see: `origin + direction × t`. Backward equations run from their end.
#[derive(Debug, Clone, Copy)]
pub(in crate::form) struct Clock {
    pub origin: f64,
    pub direction: f64,
}

impl Clock {
    pub const FORWARD: Clock = Clock { origin: 0.0, direction: 1.0 };
}

/// A compiled expression list with its work space and its values, `[expression][place]`.
pub(super) struct Table {
    tape: Tape,
    scratch: Scratch,
    pub out: Vec<Vec<f64>>,
}

impl Table {
    pub fn new(pool: &Pool, ids: &[Id], lanes: &[usize], length: usize) -> Table {
        let out = vec![vec![0.0; length]; ids.len()];
        Table { tape: Tape::compile(pool, ids, lanes), scratch: Scratch::default(), out }
    }

    pub fn bind(&mut self, symbols: &[f64]) {
        self.tape.bind(symbols, &mut self.scratch);
    }

    /// Values at the places that `lanes` give, a column for each lane symbol.
    pub fn run(&mut self, lanes: &[&[f64]]) {
        let mut columns: Vec<&mut [f64]> = self.out.iter_mut().map(Vec::as_mut_slice).collect();
        self.tape.run_bound(lanes, &mut columns, &mut self.scratch);
    }

    /// Values of expressions without lanes.
    pub fn run_once(&mut self) {
        let mut values = vec![0.0; self.out.len()];
        self.tape.run_one(&[], &mut values, &mut self.scratch);
        for (column, value) in self.out.iter_mut().zip(values) {
            column[0] = value;
        }
    }

    /// Whether everything is finite and the diffusion not negative.
    pub fn is_usable(&self) -> bool {
        self.out.iter().all(|c| c.iter().all(|v| v.is_finite())) && self.out[D].iter().all(|d| *d >= 0.0)
    }

    /// Diffusion, advection and their slopes at some of the places.
    pub fn part(&self, places: std::ops::Range<usize>) -> [&[f64]; 4] {
        [D, V, D_U, V_U].map(|k| &self.out[k][places.clone()])
    }
}

/// The three expressions of a condition.
pub(super) fn of_side(side: Side, zero: Id) -> [Id; 3] {
    match side {
        Side::Dirichlet(g) | Side::Neumann(g) => [g, zero, zero],
        Side::Robin(a, b, c) => [a, b, c],
        Side::Periodic | Side::Degenerate | Side::Still => [zero; 3],
    }
}

/// Widths of the control volumes of the unknowns on these nodes.
pub(super) fn volumes(x: &[f64], periodic: bool) -> Vec<f64> {
    let last = x.len() - 1;
    let half = |i: usize| 0.5 * (x[i + 1] - x[i]);
    (0..if periodic { last } else { last + 1 })
        .map(|i| match i {
            0 if periodic => half(0) + half(last - 1),
            0 => half(0),
            i if i == last => half(last - 1),
            i => half(i - 1) + half(i),
        })
        .collect()
}

/// Columns of the tables after those of a line: source and its slope.
const S: usize = 4;
const S_U: usize = 5;

pub(in crate::form) struct Problem {
    /// All nodes, both ends among them.
    x: Vec<f64>,
    faces: Vec<f64>,
    u_faces: Vec<f64>,
    /// Widths of the control volumes of the unknowns.
    widths: Vec<f64>,
    /// Unknowns with a given value, and their end.
    held: Vec<(usize, usize)>,
    at_faces: Table,
    at_nodes: Table,
    at_ends: Table,
    sides: [Side; 2],
    conservative: bool,
    given: Option<[Vec<f64>; 2]>,
    /// Whether rates are linear in `u`, so that one Newton step solves a stage.
    is_linear: bool,
    symbols: Vec<f64>,
    clock: Clock,
    bound: f64,
}

impl Problem {
    /// On these increasing nodes (four at least).
    pub fn new(equation: Equation, x: Vec<f64>) -> Problem {
        let mut pool = equation.pool.clone();
        let mut by_u = |id: Id| pool.derivative(id, equation.u);
        let slopes = [equation.diffusion, equation.advection, equation.source].map(&mut by_u);
        let zero = pool.number(0.0);
        let is_linear = slopes[0] == zero && slopes[1] == zero && !pool.depends_on(slopes[2], equation.u);
        let periodic = equation.sides[0] == Side::Periodic;
        let last = x.len() - 1;
        let unknowns = if periodic { last } else { last + 1 };
        let held = [(Side::is_held(equation.sides[0]), 0), (Side::is_held(equation.sides[1]), last)];
        let held =
            held.into_iter().enumerate().filter(|(_, (is, _))| *is).map(|(side, (_, node))| (node, side)).collect();
        let widths = volumes(&x, periodic);
        let faces: Vec<f64> = x.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
        let ids = [equation.diffusion, equation.advection, slopes[0], slopes[1], equation.source, slopes[2]];
        let lanes = [equation.x, equation.u];
        let ends: Vec<Id> = equation.sides.iter().flat_map(|s| of_side(*s, zero)).collect();
        Problem {
            at_faces: Table::new(&pool, &ids[..4], &lanes, faces.len()),
            at_nodes: Table::new(&pool, &ids, &lanes, unknowns),
            at_ends: Table::new(&pool, &ends, &[], 1),
            u_faces: vec![0.0; faces.len()],
            faces,
            widths,
            held,
            x,
            sides: equation.sides,
            conservative: equation.conservative,
            given: equation.rates,
            is_linear,
            symbols: equation.symbols,
            clock: equation.clock,
            bound: f64::NAN,
        }
    }

    pub fn nodes(&self) -> &[f64] {
        &self.x
    }

    fn bind(&mut self, t: f64) {
        let time = self.clock.origin + self.clock.direction * t;
        if self.bound == time {
            return;
        }
        self.bound = time;
        self.symbols[symbol::TIME] = time;
        for table in [&mut self.at_faces, &mut self.at_nodes, &mut self.at_ends] {
            table.bind(&self.symbols);
        }
        self.at_ends.run_once();
    }

    /// The three numbers of an end's condition at the bound time.
    fn condition(&self, side: usize) -> [f64; 3] {
        [0, 1, 2].map(|k| self.at_ends.out[3 * side + k][0])
    }

    /// Exchange with the neighbours at given rates.
    fn exchange([up, down]: &[Vec<f64>; 2], u: &[f64], rate: &mut [f64], jacobian: &mut Tridiagonal) {
        let last = u.len() - 1;
        for i in 0..u.len() {
            let (above, below) = (u[(i + 1).min(last)], u[i.saturating_sub(1)]);
            rate[i] += up[i] * (above - u[i]) + down[i] * (below - u[i]);
            jacobian.upper[i] += up[i];
            jacobian.lower[i] += down[i];
            jacobian.diagonal[i] -= up[i] + down[i];
        }
    }
}

impl System for Problem {
    type Matrix = Tridiagonal;

    fn matrix(&self) -> Tridiagonal {
        Tridiagonal::new(self.widths.len(), self.sides[0] == Side::Periodic)
    }

    fn volumes(&self) -> &[f64] {
        &self.widths
    }

    fn held(&self) -> &[(usize, usize)] {
        &self.held
    }

    fn solves_at_once(&self) -> bool {
        self.is_linear
    }

    fn is_conservative(&self) -> bool {
        self.conservative
    }

    fn impose(&mut self, t: f64, u: &mut [f64]) {
        self.bind(t);
        for (node, side) in &self.held {
            u[*node] = self.condition(*side)[0];
        }
    }

    fn rates(&mut self, t: f64, u: &[f64], rate: &mut [f64], jacobian: &mut Tridiagonal) -> Option<Flows> {
        self.bind(t);
        let n = u.len();
        self.at_nodes.run(&[&self.x[..n], u]);
        if !self.at_nodes.is_usable() {
            return None;
        }
        jacobian.clear();
        rate.copy_from_slice(&self.at_nodes.out[S]);
        jacobian.diagonal.copy_from_slice(&self.at_nodes.out[S_U]);
        let source = rate.iter().zip(&self.widths).map(|(s, w)| s * w).sum();
        if self.conservative {
            for i in 0..self.faces.len() {
                self.u_faces[i] = 0.5 * (u[i] + u[(i + 1) % n]);
            }
            self.at_faces.run(&[&self.faces, &self.u_faces]);
            if !self.at_faces.is_usable() {
                return None;
            }
        }
        let line = Line {
            x: &self.x,
            widths: &self.widths,
            sides: self.sides,
            conditions: [self.condition(0), self.condition(1)],
            faces: self.at_faces.part(0..self.faces.len()),
            nodes: self.at_nodes.part(0..n),
        };
        let mut out = [0.0; 4];
        if self.conservative {
            let [left, right] = line.fluxes(u, rate, jacobian);
            out = [left, right, 0.0, 0.0];
            for (node, side) in &self.held {
                out[*side] = self.widths[*node] * rate[*node];
            }
        } else if let Some(given) = &self.given {
            Problem::exchange(given, u, rate, jacobian);
        } else {
            line.differences(u, rate, jacobian)?;
        }
        rate.iter().all(|r| r.is_finite()).then_some(Flows { out, source })
    }
}

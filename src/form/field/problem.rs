//! A field made ready: nodes, control volumes, compiled coefficients; its rate of change and the derivative of that.
//!
//! Vertex-centred finite volumes: nodes stand on both ends, so that values given there are met exactly; a volume reaches
//! half-way to the neighbours. Fluxes are exponentially fitted ([`Fitted`]), with the coefficients at the middle of a face
//! and the mean of the two values there.

use super::tridiagonal::{Fitted, Tridiagonal};
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

/// What enters and leaves at one instant, in units of `∫ u dx` over time. Only a conservative equation has outflows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Flows {
    /// Outward through the first and the last node. At a Dirichlet end without the change of what its volume holds.
    pub out: [f64; 2],
    pub source: f64,
}

/// A compiled expression list with its work space: values at `[x][u]`.
struct Table {
    tape: Tape,
    scratch: Scratch,
    out: Vec<Vec<f64>>,
}

impl Table {
    fn new(pool: &Pool, ids: &[Id], lanes: &[usize], length: usize) -> Table {
        let out = vec![vec![0.0; length]; ids.len()];
        Table { tape: Tape::compile(pool, ids, lanes), scratch: Scratch::default(), out }
    }

    fn run(&mut self, x: &[f64], u: &[f64]) {
        let mut columns: Vec<&mut [f64]> = self.out.iter_mut().map(Vec::as_mut_slice).collect();
        self.tape.run_bound(&[x, u], &mut columns, &mut self.scratch);
    }
}

/// Columns of the tables.
const D: usize = 0;
const V: usize = 1;
const D_U: usize = 2;
const V_U: usize = 3;
const S: usize = 4;
const S_U: usize = 5;

pub(in crate::form) struct Problem {
    /// All nodes, both ends among them.
    x: Vec<f64>,
    faces: Vec<f64>,
    u_faces: Vec<f64>,
    /// Widths of the control volumes of the unknowns.
    widths: Vec<f64>,
    at_faces: Table,
    at_nodes: Table,
    at_ends: Table,
    sides: [Side; 2],
    conservative: bool,
    given: Option<[Vec<f64>; 2]>,
    /// Whether rates are linear in `u`, so that one Newton step solves a stage.
    pub is_linear: bool,
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
        let half = |i: usize| 0.5 * (x[i + 1] - x[i]);
        let widths = (0..unknowns)
            .map(|i| match i {
                0 if periodic => half(0) + half(last - 1),
                0 => half(0),
                i if i == last => half(last - 1),
                i => half(i - 1) + half(i),
            })
            .collect();
        let faces: Vec<f64> = x.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
        let ids = [equation.diffusion, equation.advection, slopes[0], slopes[1], equation.source, slopes[2]];
        let lanes = [equation.x, equation.u];
        let of_side = |side: Side| match side {
            Side::Dirichlet(g) | Side::Neumann(g) => [g, zero, zero],
            Side::Robin(a, b, c) => [a, b, c],
            Side::Periodic | Side::Degenerate | Side::Still => [zero; 3],
        };
        let ends: Vec<Id> = equation.sides.iter().flat_map(|s| of_side(*s)).collect();
        Problem {
            at_faces: Table::new(&pool, &ids[..4], &lanes, faces.len()),
            at_nodes: Table::new(&pool, &ids, &lanes, unknowns),
            at_ends: Table::new(&pool, &ends, &[], 1),
            u_faces: vec![0.0; faces.len()],
            faces,
            widths,
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

    pub fn widths(&self) -> &[f64] {
        &self.widths
    }

    pub fn is_periodic(&self) -> bool {
        self.sides[0] == Side::Periodic
    }

    /// The ends whose value is given.
    pub fn fixed(&self) -> [bool; 2] {
        self.sides.map(|s| matches!(s, Side::Dirichlet(_)))
    }

    pub fn is_conservative(&self) -> bool {
        self.conservative
    }

    fn bind(&mut self, t: f64) {
        let time = self.clock.origin + self.clock.direction * t;
        if self.bound == time {
            return;
        }
        self.bound = time;
        self.symbols[symbol::TIME] = time;
        for table in [&mut self.at_faces, &mut self.at_nodes, &mut self.at_ends] {
            table.tape.bind(&self.symbols, &mut table.scratch);
        }
        let mut values = vec![0.0; 6];
        self.at_ends.tape.run_one(&[], &mut values, &mut self.at_ends.scratch);
        for (column, value) in self.at_ends.out.iter_mut().zip(values) {
            column[0] = value;
        }
    }

    /// The three numbers of an end's condition at the bound time.
    fn condition(&self, side: usize) -> [f64; 3] {
        [0, 1, 2].map(|k| self.at_ends.out[3 * side + k][0])
    }

    /// Put the given values on the ends that have one.
    pub fn impose(&mut self, t: f64, u: &mut [f64]) {
        self.bind(t);
        for (side, end) in [(0, 0), (1, u.len() - 1)] {
            if self.fixed()[side] {
                u[end] = self.condition(side)[0];
            }
        }
    }

    /// Largest diffusion at the nodes.
    pub fn most_diffusion(&mut self, t: f64, u: &[f64]) -> f64 {
        self.bind(t);
        let n = self.widths.len();
        self.at_nodes.run(&self.x[..n], u);
        self.at_nodes.out[D].iter().fold(0.0, |most, d| most.max(*d))
    }

    /// `rate = du/dt` and its derivative in `u`, and what flows. Rows of Dirichlet ends hold what would be their rate were they
    /// free. `None` where a coefficient is not finite or the diffusion negative.
    pub(super) fn rates(&mut self, t: f64, u: &[f64], rate: &mut [f64], jacobian: &mut Tridiagonal) -> Option<Flows> {
        self.bind(t);
        let n = u.len();
        self.at_nodes.run(&self.x[..n], u);
        let usable = |table: &Table| {
            table.out.iter().all(|c| c.iter().all(|v| v.is_finite())) && table.out[D].iter().all(|d| *d >= 0.0)
        };
        if !usable(&self.at_nodes) {
            return None;
        }
        jacobian.clear();
        rate.copy_from_slice(&self.at_nodes.out[S]);
        jacobian.diagonal.copy_from_slice(&self.at_nodes.out[S_U]);
        let source = rate.iter().zip(&self.widths).map(|(s, w)| s * w).sum();
        let out = if self.conservative {
            for i in 0..self.faces.len() {
                self.u_faces[i] = 0.5 * (u[i] + u[(i + 1) % n]);
            }
            self.at_faces.run(&self.faces, &self.u_faces);
            if !usable(&self.at_faces) {
                return None;
            }
            self.fluxes(u, rate, jacobian)
        } else {
            self.differences(u, rate, jacobian)?;
            [0.0; 2]
        };
        rate.iter().all(|r| r.is_finite()).then_some(Flows { out, source })
    }

    /// Add `-∂x J` through the faces and the ends; the outward flows at the ends.
    fn fluxes(&self, u: &[f64], rate: &mut [f64], jacobian: &mut Tridiagonal) -> [f64; 2] {
        let n = u.len();
        let w = &self.widths;
        let table = &self.at_faces.out;
        for k in 0..self.faces.len() {
            let (i, j) = (k, (k + 1) % n);
            let f = Fitted::new(table[D][k], table[V][k], self.x[k + 1] - self.x[k]);
            let flux = f.forward * u[i] - f.back * u[j];
            let by_d = f.forward_d * u[i] - f.back_d * u[j];
            let by_v = f.forward_v * u[i] - f.back_v * u[j];
            let by_mean = 0.5 * (by_d * table[D_U][k] + by_v * table[V_U][k]);
            let (by_i, by_j) = (f.forward + by_mean, -f.back + by_mean);
            rate[i] -= flux / w[i];
            rate[j] += flux / w[j];
            jacobian.diagonal[i] -= by_i / w[i];
            jacobian.upper[i] -= by_j / w[i];
            jacobian.diagonal[j] += by_j / w[j];
            jacobian.lower[j] += by_i / w[j];
        }
        let node = &self.at_nodes.out;
        let mut out = [0.0; 2];
        for (side, e, normal) in [(0, 0, -1.0), (1, n - 1, 1.0)] {
            let [a, b, c] = self.condition(side);
            let (diffusive, by_u) = match self.sides[side] {
                Side::Neumann(_) => (a, 0.0),
                Side::Robin(..) => {
                    let slope = (c - a * u[e]) / b;
                    (-node[D][e] * slope, node[D][e] * a / b - node[D_U][e] * slope)
                }
                Side::Dirichlet(_) => {
                    out[side] = w[e] * rate[e];
                    continue;
                }
                Side::Periodic | Side::Degenerate | Side::Still => continue,
            };
            out[side] = diffusive + normal * node[V][e] * u[e];
            rate[e] -= out[side] / w[e];
            jacobian.diagonal[e] -= (by_u + normal * (node[V][e] + node[V_U][e] * u[e])) / w[e];
        }
        out
    }

    /// Add `D ∂xx u - v ∂x u` in fitted differences (Il'in 1969; Allen & Southwell 1955); slopes given at an end by a node
    /// mirrored in it.
    fn differences(&self, u: &[f64], rate: &mut [f64], jacobian: &mut Tridiagonal) -> Option<()> {
        let n = u.len();
        let last = self.x.len() - 1;
        let h = |k: usize| self.x[k + 1] - self.x[k];
        let table = &self.at_nodes.out;
        if let Some([up, down]) = &self.given {
            for i in 0..n {
                let (above, below) = (u[(i + 1).min(last)], u[i.saturating_sub(1)]);
                rate[i] += up[i] * (above - u[i]) + down[i] * (below - u[i]);
                jacobian.upper[i] += up[i];
                jacobian.lower[i] += down[i];
                jacobian.diagonal[i] -= up[i] + down[i];
            }
            return Some(());
        }
        for i in 0..n {
            let (d, v, d_u, v_u) = (table[D][i], table[V][i], table[D_U][i], table[V_U][i]);
            let end = match i {
                0 if !self.is_periodic() => Some((0, 1, h(0))),
                i if i == last => Some((1, i - 1, h(last - 1))),
                _ => None,
            };
            let Some((side, inner, width)) = end else {
                let before = if i == 0 { n - 1 } else { i - 1 };
                let after = (i + 1) % n;
                let (left, right) = (h(if i == 0 { last - 1 } else { i - 1 }), h(i));
                let w = 0.5 * (left + right);
                let (up, down) = (Fitted::new(d, v, right), Fitted::new(d, v, left));
                let (above, below) = (u[after] - u[i], u[before] - u[i]);
                rate[i] += (up.back * above + down.forward * below) / w;
                let by_d = up.back_d * above + down.forward_d * below;
                let by_v = up.back_v * above + down.forward_v * below;
                jacobian.upper[i] += up.back / w;
                jacobian.lower[i] += down.forward / w;
                jacobian.diagonal[i] += (by_d * d_u + by_v * v_u - up.back - down.forward) / w;
                continue;
            };
            let f = Fitted::new(d, v, width);
            let [a, b, c] = self.condition(side);
            let (slope, by_u) = match self.sides[side] {
                Side::Neumann(_) if a == 0.0 => (0.0, 0.0),
                Side::Neumann(_) if d > 0.0 => (-a / d, a / (d * d) * d_u),
                Side::Neumann(_) => return None,
                Side::Robin(..) => ((c - a * u[i]) / b, -a / b),
                Side::Degenerate => {
                    let inward = if side == 0 { (-v).max(0.0) } else { v.max(0.0) };
                    let per = inward / width;
                    rate[i] += per * (u[inner] - u[i]);
                    jacobian.diagonal[i] -= per;
                    *(if side == 0 { &mut jacobian.upper[i] } else { &mut jacobian.lower[i] }) += per;
                    continue;
                }
                _ => continue,
            };
            // The mirrored node holds u_inner + 2 h ∂u/∂n.
            let (inwards, outwards) = if side == 0 { (f.back, f.forward) } else { (f.forward, f.back) };
            let (inwards_d, outwards_d, inwards_v, outwards_v) = match side {
                0 => (f.back_d, f.forward_d, f.back_v, f.forward_v),
                _ => (f.forward_d, f.back_d, f.forward_v, f.back_v),
            };
            let (into, beyond) = (u[inner] - u[i], u[inner] + 2.0 * width * slope - u[i]);
            rate[i] += (inwards * into + outwards * beyond) / width;
            let by_d = inwards_d * into + outwards_d * beyond;
            let by_v = inwards_v * into + outwards_v * beyond;
            let own = by_d * d_u + by_v * v_u - inwards - outwards + outwards * 2.0 * width * by_u;
            jacobian.diagonal[i] += own / width;
            *(if side == 0 { &mut jacobian.upper[i] } else { &mut jacobian.lower[i] }) += (inwards + outwards) / width;
        }
        Some(())
    }
}

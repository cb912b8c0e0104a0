//! A field on a rectangle made ready: the operator of a line along every row and every column of nodes, and the solution of
//! their sum.
//!
//! Nodes stand on the sides; a volume is the product of the intervals round its node along both axes. Unknown `(i, j)` stands
//! at `j nx + i`. A corner held by two sides belongs to the one of the first axis.

use super::line::Line;
use super::problem::{Side, Table, of_side, volumes};
use super::system::{Flows, Matrix, System};
use super::tridiagonal::Tridiagonal;
use crate::expr::{Id, Pool};
use crate::process::symbol;

/// `∂u/∂t = Σ ∂k(D_k ∂k u) - ∂k(v_k u) + s`, or the nonconservative form, `k` over the two axes.
pub(super) struct PlaneEquation<'a> {
    pub pool: &'a Pool,
    /// A value for every symbol; time, coordinates and unknown are overwritten.
    pub symbols: Vec<f64>,
    /// Positions of the coordinates and of the unknown among the symbols.
    pub lanes: [usize; 3],
    /// `[axis]`
    pub diffusion: [Id; 2],
    pub advection: [Id; 2],
    pub source: Id,
    pub conservative: bool,
    /// `[axis][end]`
    pub sides: [[Side; 2]; 2],
}

/// What belongs to one axis. Places run along its lines, one line after the other.
struct Direction {
    /// Nodes of the axis, both ends among them.
    nodes: Vec<f64>,
    widths: Vec<f64>,
    sides: [Side; 2],
    at_nodes: Table,
    at_faces: Table,
    /// Coordinates of the unknowns and of the faces, in the order of this axis' lines.
    node_places: [Vec<f64>; 2],
    face_places: [Vec<f64>; 2],
    u_nodes: Vec<f64>,
    u_faces: Vec<f64>,
    rate: Vec<f64>,
}

impl Direction {
    fn is_periodic(&self) -> bool {
        self.sides[0] == Side::Periodic
    }

    fn unknowns(&self) -> usize {
        self.widths.len()
    }

    fn faces(&self) -> usize {
        self.nodes.len() - 1
    }
}

/// Columns of the table at the nodes of the first axis: source and its slope.
const S: usize = 4;
const S_U: usize = 5;

pub(super) struct Plane {
    axes: [Direction; 2],
    ends: Table,
    volumes: Vec<f64>,
    held: Vec<(usize, usize)>,
    conservative: bool,
    symbols: Vec<f64>,
    bound: f64,
}

impl Plane {
    /// On these increasing nodes along each axis (four intervals at least).
    pub fn new(equation: PlaneEquation, nodes: [Vec<f64>; 2]) -> Plane {
        let mut pool = equation.pool.clone();
        let zero = pool.number(0.0);
        let unknown = equation.lanes[2];
        let counts = [0, 1].map(|k| nodes[k].len() - usize::from(equation.sides[k][0] == Side::Periodic));
        let source = [equation.source, pool.derivative(equation.source, unknown)];
        let lists: [Vec<Id>; 2] = [0, 1].map(|k| {
            let (d, v) = (equation.diffusion[k], equation.advection[k]);
            vec![d, v, pool.derivative(d, unknown), pool.derivative(v, unknown)]
        });
        let ends: Vec<Id> = equation.sides.iter().flatten().flat_map(|s| of_side(*s, zero)).collect();
        let axes = [0, 1].map(|k| {
            let along = &nodes[k];
            let middles: Vec<f64> = along.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
            // Places of this axis' lines: the coordinate along runs fastest.
            let places = |values: &[f64]| {
                let across = &nodes[1 - k][..counts[1 - k]];
                let own: Vec<f64> = across.iter().flat_map(|_| values.iter().copied()).collect();
                let other: Vec<f64> = across.iter().flat_map(|a| values.iter().map(|_| *a)).collect();
                if k == 0 { [own, other] } else { [other, own] }
            };
            let (node_places, face_places) = (places(&along[..counts[k]]), places(&middles));
            let (n, f) = (node_places[0].len(), face_places[0].len());
            let mut at_nodes = lists[k].clone();
            if k == 0 {
                at_nodes.extend(source);
            }
            Direction {
                widths: volumes(along, equation.sides[k][0] == Side::Periodic),
                nodes: along.clone(),
                sides: equation.sides[k],
                at_nodes: Table::new(&pool, &at_nodes, &equation.lanes, n),
                at_faces: Table::new(&pool, &lists[k], &equation.lanes, f),
                node_places,
                face_places,
                u_nodes: vec![0.0; n],
                u_faces: vec![0.0; f],
                rate: vec![0.0; n],
            }
        });
        let [nx, ny] = counts;
        let mut held = Vec::new();
        for j in 0..ny {
            for i in 0..nx {
                let side = |k: usize, at: usize, last: usize| {
                    let is = |end: usize| equation.sides[k][end].is_held();
                    if at == 0 && is(0) { Some(2 * k) } else { (at == last && is(1)).then_some(2 * k + 1) }
                };
                if let Some(side) = side(0, i, nodes[0].len() - 1).or(side(1, j, nodes[1].len() - 1)) {
                    held.push((j * nx + i, side));
                }
            }
        }
        let volumes = axes[1].widths.iter().flat_map(|h| axes[0].widths.iter().map(move |w| w * h)).collect();
        Plane {
            ends: Table::new(&pool, &ends, &[], 1),
            axes,
            volumes,
            held,
            conservative: equation.conservative,
            symbols: equation.symbols,
            bound: f64::NAN,
        }
    }

    /// Nodes of an axis, both ends among them.
    pub fn nodes(&self, axis: usize) -> &[f64] {
        &self.axes[axis].nodes
    }

    /// Unknowns along each axis.
    pub fn counts(&self) -> [usize; 2] {
        [self.axes[0].unknowns(), self.axes[1].unknowns()]
    }

    fn bind(&mut self, t: f64) {
        if self.bound == t {
            return;
        }
        self.bound = t;
        self.symbols[symbol::TIME] = t;
        for axis in &mut self.axes {
            axis.at_nodes.bind(&self.symbols);
            axis.at_faces.bind(&self.symbols);
        }
        self.ends.bind(&self.symbols);
        self.ends.run_once();
    }

    fn conditions(&self, axis: usize) -> [[f64; 3]; 2] {
        [0, 1].map(|end| [0, 1, 2].map(|k| self.ends.out[6 * axis + 3 * end + k][0]))
    }

    /// Coefficients along one axis for these values; false where they are not usable.
    fn evaluate(&mut self, axis: usize, u: &[f64]) -> bool {
        let [nx, ny] = self.counts();
        let conservative = self.conservative;
        let direction = &mut self.axes[axis];
        let (n, f) = (direction.unknowns(), direction.faces());
        if axis == 0 {
            direction.u_nodes.copy_from_slice(u);
        } else {
            for i in 0..nx {
                for j in 0..ny {
                    direction.u_nodes[i * ny + j] = u[j * nx + i];
                }
            }
        }
        direction.at_nodes.run(&[&direction.node_places[0], &direction.node_places[1], &direction.u_nodes]);
        if !direction.at_nodes.is_usable() {
            return false;
        }
        if conservative {
            for (line, faces) in direction.u_nodes.chunks(n).zip(direction.u_faces.chunks_mut(f)) {
                for (k, face) in faces.iter_mut().enumerate() {
                    *face = 0.5 * (line[k] + line[(k + 1) % n]);
                }
            }
            direction.at_faces.run(&[&direction.face_places[0], &direction.face_places[1], &direction.u_faces]);
        }
        !conservative || direction.at_faces.is_usable()
    }

    /// The operator along one axis: rates in the order of its lines, matrices, and what flows out at the two ends.
    fn along(&mut self, axis: usize, lines: &mut [Tridiagonal]) -> Option<[f64; 2]> {
        let conditions = self.conditions(axis);
        let conservative = self.conservative;
        let (first, second) = self.axes.split_at_mut(1);
        let (direction, other) = if axis == 0 { (&mut first[0], &second[0]) } else { (&mut second[0], &first[0]) };
        let (n, f) = (direction.unknowns(), direction.faces());
        direction.rate.fill(0.0);
        let mut out = [0.0; 2];
        for (k, jacobian) in lines.iter_mut().enumerate() {
            let line = Line {
                x: &direction.nodes,
                widths: &direction.widths,
                sides: direction.sides,
                conditions,
                faces: direction.at_faces.part(k * f..(k + 1) * f),
                nodes: direction.at_nodes.part(k * n..(k + 1) * n),
            };
            let (u, rate) = (&direction.u_nodes[k * n..(k + 1) * n], &mut direction.rate[k * n..(k + 1) * n]);
            jacobian.clear();
            if conservative {
                let flows = line.fluxes(u, rate, jacobian);
                for (out, flow) in out.iter_mut().zip(flows) {
                    *out += flow * other.widths[k];
                }
            } else {
                line.differences(u, rate, jacobian)?;
            }
        }
        Some(out)
    }
}

impl System for Plane {
    type Matrix = Cross;

    fn matrix(&self) -> Cross {
        Cross::new(self)
    }

    fn volumes(&self) -> &[f64] {
        &self.volumes
    }

    fn held(&self) -> &[(usize, usize)] {
        &self.held
    }

    fn solves_at_once(&self) -> bool {
        false
    }

    fn is_conservative(&self) -> bool {
        self.conservative
    }

    fn impose(&mut self, t: f64, u: &mut [f64]) {
        self.bind(t);
        let conditions = [self.conditions(0), self.conditions(1)];
        for (node, side) in &self.held {
            u[*node] = conditions[side / 2][side % 2][0];
        }
    }

    fn rates(&mut self, t: f64, u: &[f64], rate: &mut [f64], jacobian: &mut Cross) -> Option<Flows> {
        self.bind(t);
        let [nx, ny] = self.counts();
        for axis in 0..2 {
            self.evaluate(axis, u).then_some(())?;
        }
        let across = self.along(0, &mut jacobian.rows)?;
        let up = self.along(1, &mut jacobian.columns)?;
        let (source, slope) = (&self.axes[0].at_nodes.out[S], &self.axes[0].at_nodes.out[S_U]);
        for j in 0..ny {
            for i in 0..nx {
                let k = j * nx + i;
                rate[k] = self.axes[0].rate[k] + self.axes[1].rate[i * ny + j] + source[k];
                // Half of the source's slope goes each way.
                jacobian.rows[j].diagonal[i] += 0.5 * slope[k];
                jacobian.columns[i].diagonal[j] += 0.5 * slope[k];
            }
        }
        let mut out = [0.0; 4];
        let made = source.iter().zip(&self.volumes).map(|(s, w)| s * w).sum();
        if self.conservative {
            out = [across[0], across[1], up[0], up[1]];
            for (node, side) in &self.held {
                out[*side] += self.volumes[*node] * rate[*node];
            }
        }
        rate.iter().all(|r| r.is_finite()).then_some(Flows { out, source: made })
    }
}

/// The derivative on a plane: a tridiagonal matrix a row of nodes and one a column, their sum being meant.
pub(super) struct Cross {
    rows: Vec<Tridiagonal>,
    columns: Vec<Tridiagonal>,
    is_held: Vec<bool>,
    column: Vec<f64>,
    product: Vec<f64>,
}

/// Iterations of a solve, and the residual it stops at: Newton's iteration repeats it, so each brings it this much further.
const MOST_ITERATIONS: usize = 300;
const RESIDUAL: f64 = 1e-9;

impl Cross {
    fn new(plane: &Plane) -> Cross {
        let [nx, ny] = plane.counts();
        let mut is_held = vec![false; nx * ny];
        for (node, _) in &plane.held {
            is_held[*node] = true;
        }
        Cross {
            rows: vec![Tridiagonal::new(nx, plane.axes[0].is_periodic()); ny],
            columns: vec![Tridiagonal::new(ny, plane.axes[1].is_periodic()); nx],
            is_held,
            column: vec![0.0; ny],
            product: vec![0.0; ny],
        }
    }

    /// `y = (I - c A) x`, with the rows of the identity for what is held.
    fn times(&mut self, c: f64, x: &[f64], y: &mut [f64]) {
        let (nx, ny) = (self.columns.len(), self.rows.len());
        for (row, (x, y)) in self.rows.iter().zip(x.chunks(nx).zip(y.chunks_mut(nx))) {
            row.times(x, y);
        }
        for i in 0..nx {
            for j in 0..ny {
                self.column[j] = x[j * nx + i];
            }
            self.columns[i].times(&self.column, &mut self.product);
            for j in 0..ny {
                y[j * nx + i] += self.product[j];
            }
        }
        for ((y, x), held) in y.iter_mut().zip(x).zip(&self.is_held) {
            *y = if *held { *x } else { x - c * *y };
        }
    }

    /// `x = (I - c A_columns)⁻¹ (I - c A_rows)⁻¹ x`, line by line (Peaceman & Rachford 1955).
    fn precondition(&mut self, c: f64, x: &mut [f64]) -> bool {
        let (nx, ny) = (self.columns.len(), self.rows.len());
        for (j, (row, x)) in self.rows.iter_mut().zip(x.chunks_mut(nx)).enumerate() {
            let held = &self.is_held[j * nx..(j + 1) * nx];
            if !held[nx / 2] && !row.solve_line(c, [held[0], held[nx - 1]], x) {
                return false;
            }
        }
        for i in 0..nx {
            if self.is_held[(ny / 2) * nx + i] {
                continue;
            }
            for j in 0..ny {
                self.column[j] = x[j * nx + i];
            }
            if !self.columns[i].solve_line(c, [self.is_held[i], self.is_held[(ny - 1) * nx + i]], &mut self.column) {
                return false;
            }
            for j in 0..ny {
                x[j * nx + i] = self.column[j];
            }
        }
        true
    }
}

impl Matrix for Cross {
    fn fastest(&self) -> f64 {
        let nx = self.columns.len();
        let entry = |k: usize| self.rows[k / nx].diagonal[k % nx] + self.columns[k % nx].diagonal[k / nx];
        (0..self.is_held.len()).fold(0.0, |most, k| most.max(entry(k).abs()))
    }

    fn reach(&self, _: &[(usize, usize)]) -> f64 {
        let nx = self.columns.len();
        let size = |k: usize| self.rows[k / nx].row_size(k % nx) + self.columns[k % nx].row_size(k / nx);
        (0..self.is_held.len()).filter(|k| !self.is_held[*k]).fold(0.0, |most, k| most.max(size(k)))
    }

    /// BiCGSTAB (van der Vorst 1992), preconditioned from the right by lines.
    fn solve(&mut self, c: f64, _: &[(usize, usize)], x: &mut [f64]) -> bool {
        let n = x.len();
        let goal = RESIDUAL * dot(x, x).sqrt();
        let mut residual = x.to_vec();
        let shadow = residual.clone();
        x.fill(0.0);
        if goal == 0.0 {
            return true;
        }
        let (mut direction, mut image) = (vec![0.0; n], vec![0.0; n]);
        let (mut smooth, mut turned) = (vec![0.0; n], vec![0.0; n]);
        let (mut rho, mut alpha, mut omega) = (1.0, 1.0, 1.0);
        for _ in 0..MOST_ITERATIONS {
            let now = dot(&shadow, &residual);
            let beta = now / rho * (alpha / omega);
            rho = now;
            for k in 0..n {
                direction[k] = residual[k] + beta * (direction[k] - omega * image[k]);
            }
            smooth.copy_from_slice(&direction);
            if !self.precondition(c, &mut smooth) {
                return false;
            }
            self.times(c, &smooth, &mut image);
            alpha = rho / dot(&shadow, &image);
            for k in 0..n {
                x[k] += alpha * smooth[k];
                residual[k] -= alpha * image[k];
            }
            if dot(&residual, &residual).sqrt() <= goal {
                return true;
            }
            smooth.copy_from_slice(&residual);
            if !self.precondition(c, &mut smooth) {
                return false;
            }
            self.times(c, &smooth, &mut turned);
            omega = dot(&turned, &residual) / dot(&turned, &turned);
            for k in 0..n {
                x[k] += omega * smooth[k];
                residual[k] -= omega * turned[k];
            }
            if dot(&residual, &residual).sqrt() <= goal {
                return true;
            }
            if !(alpha * omega).is_finite() {
                return false;
            }
        }
        false
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

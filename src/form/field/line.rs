//! The operator along one line of nodes: fitted fluxes between control volumes, or fitted differences, with what holds at its
//! two ends; and the derivative of that. A field in one dimension is one line, in two a bundle each way.

use super::problem::Side;
use super::tridiagonal::{Fitted, Tridiagonal};

/// Columns of the coefficient tables: diffusion, advection, and their derivatives in the unknown.
pub(super) const D: usize = 0;
pub(super) const V: usize = 1;
pub(super) const D_U: usize = 2;
pub(super) const V_U: usize = 3;

/// A line of nodes with the coefficients on it at one instant.
pub(super) struct Line<'a> {
    /// Nodes, both ends among them.
    pub x: &'a [f64],
    /// Widths of the control volumes of the unknowns.
    pub widths: &'a [f64],
    pub sides: [Side; 2],
    /// The three numbers of each end's condition.
    pub conditions: [[f64; 3]; 2],
    /// Coefficients at the middle of the faces; not looked at by `differences`.
    pub faces: [&'a [f64]; 4],
    pub nodes: [&'a [f64]; 4],
}

impl Line<'_> {
    fn is_periodic(&self) -> bool {
        self.sides[0] == Side::Periodic
    }

    /// Add `-∂x J` through the faces and the ends; the outward flows at the ends
    /// whose value is not given.
    pub fn fluxes(&self, u: &[f64], rate: &mut [f64], jacobian: &mut Tridiagonal) -> [f64; 2] {
        let n = u.len();
        let (w, table) = (self.widths, &self.faces);
        for k in 0..self.x.len() - 1 {
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
        let node = &self.nodes;
        let mut out = [0.0; 2];
        for (side, e, normal) in [(0, 0, -1.0), (1, n - 1, 1.0)] {
            let [a, b, c] = self.conditions[side];
            let (diffusive, by_u) = match self.sides[side] {
                Side::Neumann(_) => (a, 0.0),
                Side::Robin(..) => {
                    let slope = (c - a * u[e]) / b;
                    (-node[D][e] * slope, node[D][e] * a / b - node[D_U][e] * slope)
                }
                Side::Dirichlet(_) | Side::Periodic | Side::Degenerate | Side::Still => continue,
            };
            out[side] = diffusive + normal * node[V][e] * u[e];
            rate[e] -= out[side] / w[e];
            jacobian.diagonal[e] -= (by_u + normal * (node[V][e] + node[V_U][e] * u[e])) / w[e];
        }
        out
    }

    /// Add `D ∂xx u - v ∂x u` in fitted differences (Il'in 1969; Allen & Southwell 1955); slopes given at an end by a node
    /// mirrored in it.
    pub fn differences(&self, u: &[f64], rate: &mut [f64], jacobian: &mut Tridiagonal) -> Option<()> {
        let n = u.len();
        let last = self.x.len() - 1;
        let h = |k: usize| self.x[k + 1] - self.x[k];
        let table = &self.nodes;
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
            let [a, b, c] = self.conditions[side];
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

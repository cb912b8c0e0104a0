//! A density on a grid of cells: what the Fokker-Planck and lattice forms answer with.
//!
//! Grid solutions are right to about 1e-14 of their peak and noise below. Nodes under [`TRUSTED`] of the peak are dropped,
//! and the log density is continued beyond the last of the others, also past the grid, as the parabola it ends in: exact for
//! Gaussian tails.

use super::crps::integrate;
use crate::base::math;

/// Smallest mass, against the largest cell's, whose logarithm is used.
const TRUSTED: f64 = 1e-10;
/// Nodes over which a tail's bend is measured.
const TAIL: usize = 8;

/// Point densities at nodes, as the masses `p(x_i) · width_i` of the cells around them.
///
/// Nodes are evenly spaced in some smooth coordinate, so the masses are the midpoint rule's terms in it: their sums are
/// the moments, and the distribution function at an edge is the sum up to it with the rule's first correction. Between
/// edges it is a monotone cubic (Fritsch & Carlson 1980) with the density as slope. The log density is a cubic through
/// the nodes, continued beyond them to the ends of the domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// `n + 1` cell edges, increasing.
    edges: Vec<f64>,
    /// `n + 1` values of the distribution function at the edges, from 0 to 1.
    cdf: Vec<f64>,
    /// `n + 1` limited slopes of the distribution function at the edges.
    slopes: Vec<f64>,
    /// Nodes whose density is above round-off, and its logarithm there.
    nodes: Vec<f64>,
    ln_p: Vec<f64>,
    /// Second derivative of the log density beyond the first and last of these nodes, never positive.
    bends: [f64; 2],
    /// Ends of the state's domain; between the outermost edges and these the tails go on.
    domain: [f64; 2],
    mean: f64,
    sd: f64,
}

impl Density {
    /// From cell `edges` (n + 1), one node in each cell and the cells' masses (any positive total).
    ///
    /// `widths` are the effective widths that turn a cell's mass into the density at its node. Tiny negative masses
    /// count as zero. `None` when nothing positive is left.
    /// `domain` is where the state can be at all: beyond the grid but inside it the log density goes on as a parabola.
    pub fn new(edges: Vec<f64>, nodes: &[f64], widths: &[f64], mass: &[f64], domain: [f64; 2]) -> Option<Density> {
        let total: f64 = mass.iter().map(|m| m.max(0.0)).sum();
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        let share: Vec<f64> = mass.iter().map(|m| m.max(0.0) / total).collect();
        let mean: f64 = share.iter().zip(nodes).map(|(m, x)| m * x).sum();
        let variance: f64 = share.iter().zip(nodes).map(|(m, x)| m * (x - mean) * (x - mean)).sum();
        let peak = share.iter().copied().fold(0.0, f64::max);
        let trusted = share.iter().zip(widths).map(|(m, w)| if *m > TRUSTED * peak { m / w } else { 0.0 });
        let cdf = distribution(&share);
        Some(Density::of(edges, cdf, nodes, trusted, domain, [mean, variance.sqrt()]))
    }

    /// From the probabilities of cells between `edges` (n + 1; any positive total) and the density at nodes, which may lie
    /// anywhere and be of another number. Mean and sd are those of the distribution function between the edges.
    ///
    /// `None` when nothing positive is left.
    pub fn tabulated(
        edges: Vec<f64>,
        probabilities: &[f64],
        nodes: &[f64],
        densities: &[f64],
        domain: [f64; 2],
    ) -> Option<Density> {
        let total: f64 = probabilities.iter().map(|m| m.max(0.0)).sum();
        let peak = probabilities.iter().copied().fold(0.0, f64::max);
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        let mut below = 0.0;
        let mut cdf: Vec<f64> = std::iter::once(0.0)
            .chain(probabilities.iter().map(|m| {
                below += m.max(0.0) / total;
                f64::min(below, 1.0)
            }))
            .collect();
        // Summation leaves the top a few ulps off one.
        cdf[probabilities.len()] = 1.0;
        // A node in a cell with next to nothing is round-off.
        let trusted = nodes.iter().zip(densities).map(|(x, p)| {
            let i = edges.partition_point(|e| e <= x).clamp(1, probabilities.len()) - 1;
            if probabilities[i] > TRUSTED * peak { p / total } else { 0.0 }
        });
        let trusted: Vec<f64> = trusted.collect();
        if !trusted.iter().any(|p| *p > 0.0) {
            return None;
        }
        let mut density = Density::of(edges, cdf, nodes, trusted.into_iter(), domain, [0.0; 2]);
        let centre = density.quantile(0.5);
        let (first, second) = density.moments_about(centre);
        density.mean = centre + first;
        density.sd = (second - first * first).max(0.0).sqrt();
        Some(density)
    }

    /// First and second moment about a point, of the piecewise cubic.
    fn moments_about(&self, centre: f64) -> (f64, f64) {
        let (mut first, mut second) = (0.0, 0.0);
        for i in 0..self.cdf.len() - 1 {
            if self.cdf[i + 1] > self.cdf[i] {
                let (from, to) = (self.edges[i], self.edges[i + 1]);
                first += integrate(from, to, &mut |x| (x - centre) * self.cell_slope(i, x));
                second += integrate(from, to, &mut |x| (x - centre) * (x - centre) * self.cell_slope(i, x));
            }
        }
        (first, second)
    }

    /// `densities` are zero where they are not to be believed.
    fn of(
        edges: Vec<f64>,
        cdf: Vec<f64>,
        nodes: &[f64],
        densities: impl Iterator<Item = f64>,
        domain: [f64; 2],
        [mean, sd]: [f64; 2],
    ) -> Density {
        let known = nodes.iter().zip(densities).filter(|(_, p)| *p > 0.0);
        let (kept, ln_p): (Vec<f64>, Vec<f64>) = known.map(|(x, p)| (*x, math::ln(p))).unzip();
        let mut density =
            Density { edges, cdf, slopes: Vec::new(), bends: bends(&kept, &ln_p), nodes: kept, ln_p, domain, mean, sd };
        density.slopes = density.limited_slopes();
        density
    }

    /// The density at each edge, held within three times the smaller neighbouring chord: monotone (Fritsch & Carlson
    /// 1980, section 3) and fourth-order where it is smooth.
    fn limited_slopes(&self) -> Vec<f64> {
        let n = self.edges.len();
        let chord = |k: usize| (self.cdf[k + 1] - self.cdf[k]) / (self.edges[k + 1] - self.edges[k]);
        (0..n)
            .map(|k| {
                let left = if k > 0 { chord(k - 1) } else { chord(0) };
                let right = if k + 1 < n { chord(k) } else { chord(n - 2) };
                math::exp(self.log_pdf(self.edges[k])).min(3.0 * left).min(3.0 * right).max(0.0)
            })
            .collect()
    }

    /// E\[X\] over the grid: the tails beyond it are not in it.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// √Var\[X\] over the grid: the tails beyond it are not in it.
    pub fn sd(&self) -> f64 {
        self.sd
    }

    /// The n + 1 cell edges, increasing, and the distribution function at them, from 0 to 1.
    pub fn table(&self) -> (&[f64], &[f64]) {
        (&self.edges, &self.cdf)
    }

    /// P(X <= x); 0 below the grid and 1 above it. Cost: O(log nodes).
    pub fn cdf(&self, x: f64) -> f64 {
        match self.cell(x) {
            Err(outside) => outside,
            Ok(i) => self.hermite(i, x),
        }
    }

    /// The cell that holds `x`, or 0 or 1 where `x` is below or above all.
    fn cell(&self, x: f64) -> Result<usize, f64> {
        let last = self.edges.len() - 1;
        if x <= self.edges[0] {
            Err(0.0)
        } else if x >= self.edges[last] {
            Err(1.0)
        } else {
            Ok(self.edges.partition_point(|e| *e <= x).clamp(1, last) - 1)
        }
    }

    fn hermite(&self, i: usize, x: f64) -> f64 {
        let h = self.edges[i + 1] - self.edges[i];
        let s = (x - self.edges[i]) / h;
        let r = 1.0 - s;
        let value = self.cdf[i] * (1.0 + 2.0 * s) * r * r
            + self.cdf[i + 1] * (3.0 - 2.0 * s) * s * s
            + h * s * r * (self.slopes[i] * r - self.slopes[i + 1] * s);
        value.clamp(self.cdf[i], self.cdf[i + 1])
    }

    /// Slope of the distribution function in cell `i`.
    pub(super) fn cell_slope(&self, i: usize, x: f64) -> f64 {
        let h = self.edges[i + 1] - self.edges[i];
        let s = (x - self.edges[i]) / h;
        let r = 1.0 - s;
        let rise = 6.0 * s * r * (self.cdf[i + 1] - self.cdf[i]) / h;
        rise + self.slopes[i] * r * (r - 2.0 * s) + self.slopes[i + 1] * s * (s - 2.0 * r)
    }

    /// The smallest x with P(X <= x) >= p, by inverting the distribution function between two nodes. Cost: O(log nodes).
    pub fn quantile(&self, p: f64) -> f64 {
        let i = self.cdf.partition_point(|f| *f < p).clamp(1, self.cdf.len() - 1) - 1;
        let (mut low, mut high) = (self.edges[i], self.edges[i + 1]);
        // Bisection on a monotone cubic: 60 halvings reach the last bit of the cell.
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.hermite(i, middle) < p {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }

    /// ln p(x): a cubic through the nodes, past them the parabola it ends in; minus infinity outside the domain.
    pub fn log_pdf(&self, x: f64) -> f64 {
        let last = self.nodes.len() - 1;
        if x < self.domain[0] || x > self.domain[1] || x.is_infinite() {
            return f64::NEG_INFINITY;
        }
        if last == 0 {
            return self.ln_p[0];
        }
        let i = self.nodes.partition_point(|n| *n <= x).clamp(1, last) - 1;
        let h = self.nodes[i + 1] - self.nodes[i];
        let chord = |k: usize| (self.ln_p[k + 1] - self.ln_p[k]) / (self.nodes[k + 1] - self.nodes[k]);
        let here = chord(i);
        // Slopes at the nodes: the mean of the neighbouring chords, weighted by the other's length (a parabola's slope).
        let slope_at = |k: usize| {
            if k == 0 {
                chord(0)
            } else if k == last {
                chord(last - 1)
            } else {
                let (a, b) = (self.nodes[k] - self.nodes[k - 1], self.nodes[k + 1] - self.nodes[k]);
                (chord(k - 1) * b + chord(k) * a) / (a + b)
            }
        };
        let (left, right) = (slope_at(i), slope_at(i + 1));
        let s = (x - self.nodes[i]) / h;
        if !(0.0..=1.0).contains(&s) {
            let (k, slope, bend) = if s < 0.0 { (i, left, self.bends[0]) } else { (i + 1, right, self.bends[1]) };
            let d = x - self.nodes[k];
            // The end slope is that of the last chord's middle; half a node's bend brings it to the node itself.
            let slope = slope + 0.5 * bend * if s < 0.0 { -h } else { h };
            return self.ln_p[k] + slope * d + 0.5 * bend * d * d;
        }
        let bend = s * (1.0 - s) * h;
        self.ln_p[i] + here * h * s + bend * ((left - here) * (1.0 - s) - (right - here) * s)
    }

    /// Exact integral of the piecewise cubic's square to quadrature accuracy, cell by cell. Cost O(n).
    pub fn crps(&self, y: f64) -> f64 {
        let last = self.edges.len() - 1;
        let mut total = (self.edges[0] - y).max(0.0) + (y - self.edges[last]).max(0.0);
        for i in 0..last {
            let (from, to) = (self.edges[i], self.edges[i + 1]);
            let below = |a: f64, b: f64| integrate(a, b, &mut |x| self.hermite(i, x) * self.hermite(i, x));
            let above = |a: f64, b: f64| {
                integrate(a, b, &mut |x| {
                    let rest = 1.0 - self.hermite(i, x);
                    rest * rest
                })
            };
            total += if y >= to {
                if self.cdf[i + 1] < 1e-14 { 0.0 } else { below(from, to) }
            } else if y <= from {
                if self.cdf[i] > 1.0 - 1e-14 { 0.0 } else { above(from, to) }
            } else {
                below(from, y) + above(y, to)
            };
        }
        total
    }
}

/// Second derivatives of the log density over the first and last few nodes, zero where convex or too few.
fn bends(nodes: &[f64], ln_p: &[f64]) -> [f64; 2] {
    let n = nodes.len();
    if n < 3 * TAIL {
        return [0.0; 2];
    }
    let over = |a: usize, b: usize, c: usize| {
        let left = (ln_p[b] - ln_p[a]) / (nodes[b] - nodes[a]);
        let right = (ln_p[c] - ln_p[b]) / (nodes[c] - nodes[b]);
        (2.0 * (right - left) / (nodes[c] - nodes[a])).min(0.0)
    };
    [over(0, TAIL, 2 * TAIL), over(n - 1 - 2 * TAIL, n - 1 - TAIL, n - 1)]
}

/// The distribution function at the edges: running sums with the midpoint rule's end correction `h² p'/24`, left out
/// beside a jump (a spike, or an end of the domain), where the rule has no such expansion.
fn distribution(share: &[f64]) -> Vec<f64> {
    let n = share.len();
    let mut cdf = Vec::with_capacity(n + 1);
    let mut below = 0.0;
    let mut highest: f64 = 0.0;
    cdf.push(0.0);
    for i in 0..n {
        below += share[i];
        let correction = match share.get(i + 1) {
            Some(next) if i > 1 && i + 3 < n && (next - share[i]).abs() < 0.5 * (next + share[i]) => {
                (next - share[i]) / 24.0
            }
            _ => 0.0,
        };
        highest = highest.max((below + correction).min(1.0));
        cdf.push(highest);
    }
    // Summation leaves the top a few ulps off one.
    cdf[n] = 1.0;
    cdf
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictive::Predictive;

    const WHOLE_LINE: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

    /// A normal law cut into 400 cells over ±8 sd.
    fn normal_in_cells() -> Density {
        let n = 400;
        let edges: Vec<f64> = (0..=n).map(|i| -8.0 + 16.0 * f64::from(i) / f64::from(n)).collect();
        let nodes: Vec<f64> = edges.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
        let widths: Vec<f64> = edges.windows(2).map(|w| w[1] - w[0]).collect();
        let mass: Vec<f64> = nodes.iter().map(|x| 0.04 * math::normal_pdf(*x)).collect();
        Density::new(edges, &nodes, &widths, &mass, WHOLE_LINE).expect("positive mass")
    }

    #[test]
    fn a_normal_in_cells_answers_like_the_normal() {
        let cells = normal_in_cells();
        let normal = Predictive::Normal { mean: 0.0, sd: 1.0 };
        for p in [1e-4, 0.05, 0.3, 0.5, 0.95, 0.9999] {
            assert!((cells.quantile(p) - normal.quantile(p)).abs() < 1e-6, "{p}");
        }
        for x in [-3.123, -0.777, 0.01, 2.5] {
            assert!((cells.cdf(x) - normal.cdf(x)).abs() < 1e-8, "{x}");
            let exact = normal.log_pdf(x).expect("a density");
            assert!((cells.log_pdf(x) - exact).abs() < 1e-9, "{x}");
            assert!((cells.crps(x) - normal.crps(x)).abs() < 1e-7, "{x}");
        }
        assert!(cells.mean().abs() < 1e-12);
        // Beyond what a grid can know the tail is continued as the parabola it is.
        for x in [-9.5, -7.9, 7.5] {
            let exact = normal.log_pdf(x).expect("a density");
            assert!((cells.log_pdf(x) - exact).abs() < 1e-3, "{x}: {} {exact}", cells.log_pdf(x));
        }
    }

    #[test]
    fn nothing_positive_is_no_density() {
        assert!(Density::new(vec![0.0, 1.0, 2.0], &[0.5, 1.5], &[1.0, 1.0], &[0.0, -1e-20], WHOLE_LINE).is_none());
    }
}

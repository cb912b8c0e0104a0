//! Wiener increments of blocks of paths: from each path's own stream, or from points of Sobol's sequence along a Brownian bridge.
//!
//! The bridge draws the end first, then the middle, then the middles of the halves, so that the first and best coordinates of a
//! point carry the most of the variance (Caflisch & Moskowitz 1995; Moskowitz & Caflisch 1996).

use super::walk::Increments;
use crate::base::math;
use crate::base::rng::Key;
use crate::base::sobol::{DIMENSIONS, Scramble, Sobol};

/// One point of the path: where it lies between two that are known, and its Gaussian.
struct Point {
    at: usize,
    left: usize,
    right: usize,
    weight_left: f64,
    weight_right: f64,
    sd: f64,
}

/// The order and weights in which a path of equal steps is drawn. Position 0 is the start, known to be zero.
pub(super) struct Bridge {
    points: Vec<Point>,
}

impl Bridge {
    /// Of `n` steps of length `h`.
    pub fn new(n: usize, h: f64) -> Bridge {
        let time = |k: usize| k as f64 * h;
        let mut points =
            vec![Point { at: n, left: 0, right: n, weight_left: 1.0, weight_right: 0.0, sd: time(n).sqrt() }];
        let mut gaps = std::collections::VecDeque::from([(0, n)]);
        while let Some((left, right)) = gaps.pop_front() {
            if right - left < 2 {
                continue;
            }
            let at = left.midpoint(right);
            let (before, after, whole) = (time(at - left), time(right - at), time(right - left));
            points.push(Point {
                at,
                left,
                right,
                weight_left: after / whole,
                weight_right: before / whole,
                sd: (before * after / whole).sqrt(),
            });
            gaps.extend([(left, at), (at, right)]);
        }
        Bridge { points }
    }

    /// Increments of one noise from its normals in the bridge's order, `[order][path]`.
    fn increments(&self, normals: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (n, width) = (self.points.len(), normals.first().map_or(0, Vec::len));
        let mut path = vec![vec![0.0; width]; n + 1];
        for (point, z) in self.points.iter().zip(normals) {
            let values: Vec<f64> = (0..width)
                .map(|p| {
                    let (left, right) = (path[point.left][p], path[point.right][p]);
                    point.weight_left * left + point.weight_right * right + point.sd * z[p]
                })
                .collect();
            path[point.at] = values;
        }
        (0..n).map(|k| path[k + 1].iter().zip(&path[k]).map(|(next, now)| next - now).collect()).collect()
    }
}

/// Increments of the paths from `first` on, each from its own stream, path after path of one key.
pub(super) fn independent(key: Key, first: u64, width: usize, n: usize, noises: usize, h: f64) -> Increments {
    let mut all = vec![vec![0.0; width]; n * noises];
    let mut words = [vec![0; width], vec![0; width]];
    let root = h.sqrt();
    for (draw, pair) in all.chunks_mut(2).enumerate() {
        for p in 0..width {
            let [one, two] = key.words(first + p as u64, draw as u64);
            (words[0][p], words[1][p]) = (one, two);
        }
        for (column, words) in pair.iter_mut().zip(&words) {
            math::normals_from_u64(words, column);
            column.iter_mut().for_each(|z| *z *= root);
        }
    }
    all
}

/// Paths of scrambled points.
pub(super) struct Points {
    sobol: Sobol,
    bridge: Bridge,
    n: usize,
    noises: usize,
}

impl Points {
    /// `None` where the table of the sequence is at fault.
    pub fn new(n: usize, noises: usize, h: f64) -> Option<Points> {
        let sobol = Sobol::new((n * noises).min(DIMENSIONS))?;
        Some(Points { sobol, bridge: Bridge::new(n, h), n, noises })
    }

    /// Increments of `width` of the `2^log2_points` points of one randomisation. Coordinates beyond the table are random: they are
    /// the last of the bridge, and the least.
    pub fn increments(&self, key: Key, randomisation: u64, log2_points: u32, first: u64, width: usize) -> Increments {
        let mut words = vec![0; width];
        let beyond = key.twin();
        let mut column = |dimension: usize| {
            let mut z = vec![0.0; width];
            if dimension < DIMENSIONS {
                let scramble = Scramble::new(key, randomisation, dimension);
                self.sobol.words(first, dimension, &mut words);
                words.iter_mut().for_each(|w| *w = scramble.apply(*w, log2_points));
            } else {
                let path = randomisation << 40 | first;
                words.iter_mut().enumerate().for_each(|(p, w)| *w = beyond.words(path + p as u64, dimension as u64)[0]);
            }
            math::normals_from_u64(&words, &mut z);
            z
        };
        let mut increments = vec![Vec::new(); self.n * self.noises];
        for noise in 0..self.noises {
            let normals: Vec<Vec<f64>> = (0..self.n).map(|k| column(k * self.noises + noise)).collect();
            for (k, row) in self.bridge.increments(&normals).into_iter().enumerate() {
                increments[k * self.noises + noise] = row;
            }
        }
        increments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn a_bridge_has_the_covariance_of_a_wiener_process_for_any_number_of_steps() {
        // From unit normals the increments are a linear map M z with M Mᵀ = h times the identity.
        for n in [1, 2, 3, 8, 13] {
            let bridge = Bridge::new(n, 0.25);
            let unit = |k: usize| (0..n).map(|j| f64::from(u8::from(j == k))).collect::<Vec<f64>>();
            let columns: Vec<Vec<f64>> = (0..n).map(unit).collect();
            let rows = bridge.increments(&columns);
            for (i, a) in rows.iter().enumerate() {
                for (j, b) in rows.iter().enumerate() {
                    let dot: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
                    let expected = if i == j { 0.25 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-14, "{n} {i} {j} {dot}");
                }
            }
        }
    }

    #[test]
    fn increments_of_a_path_do_not_hang_on_its_block() {
        let key = Seed(3).key(Purpose::Forecast, 0, 0);
        let whole = independent(key, 0, 300, 3, 2, 0.5);
        let part = independent(key, 250, 50, 3, 2, 0.5);
        assert!(whole.iter().zip(&part).all(|(w, p)| w[250..] == p[..]));
        let points = Points::new(600, 2, 0.1).expect("the table");
        let (whole, part) = (points.increments(key, 5, 9, 0, 300), points.increments(key, 5, 9, 256, 44));
        assert!(whole.iter().zip(&part).all(|(w, p)| w[256..] == p[..]));
    }
}

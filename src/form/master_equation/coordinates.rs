//! Independent counts of a network, and the others as what is conserved leaves them.
//!
//! Reactions move a state along the columns of the stoichiometry. As many species as its rank are coordinates, every other count is an
//! affine function of them. The last coordinate, of the species with the widest range, is the one along which states are neighbours
//! in memory.

/// The map between counts and coordinates, for one set of conserved totals.
pub(super) struct Coordinates {
    /// Positions of the species that are coordinates; the last runs fastest.
    pub axes: Vec<usize>,
    /// A state that can occur.
    origin: Vec<i64>,
    /// `[position][axis]`: how a count changes with a coordinate.
    slopes: Vec<Vec<f64>>,
}

impl Coordinates {
    /// `changes` is `[reaction][position]`, positions in the order of growing range. `None` where no reaction changes anything.
    pub fn new(changes: &[Vec<i64>], origin: &[i64]) -> Option<Coordinates> {
        let n = origin.len();
        // Rows of the stoichiometry in echelon form, each with its combination of the coordinates' rows.
        let mut basis: Vec<(usize, Vec<f64>, Vec<f64>)> = Vec::new();
        let mut axes = Vec::new();
        let mut combinations = vec![Vec::new(); n];
        for position in std::iter::once(n - 1).chain(0..n - 1) {
            let mut row: Vec<f64> = changes.iter().map(|c| c[position] as f64).collect();
            let mut combination = vec![0.0; n];
            for (pivot, vector, parts) in &basis {
                let factor = row[*pivot];
                row.iter_mut().zip(vector).for_each(|(r, v)| *r -= factor * v);
                combination.iter_mut().zip(parts).for_each(|(c, p)| *c += factor * p);
            }
            if let Some(pivot) = row.iter().position(|r| r.abs() > 1e-9) {
                let scale = 1.0 / row[pivot];
                let mut parts: Vec<f64> = combination.iter().map(|c| -c * scale).collect();
                parts[axes.len()] += scale;
                row.iter_mut().for_each(|r| *r *= scale);
                basis.push((pivot, row, parts));
                combination = vec![0.0; n];
                combination[axes.len()] = 1.0;
                axes.push(position);
            }
            combinations[position] = combination;
        }
        // The first species taken becomes the last axis.
        let d = axes.len();
        if d == 0 {
            return None;
        }
        axes.rotate_left(1);
        let slopes = combinations
            .into_iter()
            .map(|mut c| {
                c.truncate(d);
                c.rotate_left(1);
                c
            })
            .collect();
        Some(Coordinates { axes, origin: origin.to_vec(), slopes })
    }

    /// Coordinates of a state; `None` where its conserved totals are others.
    pub fn of(&self, state: &[i64]) -> Option<Vec<i64>> {
        let at: Vec<i64> = self.axes.iter().map(|p| state[*p]).collect();
        let same = |(p, x): (usize, &i64)| (self.count(p, &at) - *x as f64).abs() < 0.25;
        state.iter().enumerate().all(same).then_some(at)
    }

    /// How many of the species at `position` there are; no whole number where the state cannot occur.
    pub fn count(&self, position: usize, at: &[i64]) -> f64 {
        let mut x = self.origin[position] as f64;
        for ((slope, axis), y) in self.slopes[position].iter().zip(&self.axes).zip(at) {
            x += slope * (y - self.origin[*axis]) as f64;
        }
        // Thirds and the like leave round-off.
        let whole = x.round();
        if (x - whole).abs() < 1e-6 { whole } else { x }
    }

    /// How many species there are.
    pub fn positions(&self) -> usize {
        self.origin.len()
    }

    /// How the count at `position` changes along a row.
    pub fn slope(&self, position: usize) -> f64 {
        self.slopes[position].last().copied().unwrap_or(0.0)
    }

    /// First and last value of the last coordinate that leave every count at zero or more, the others given; `None` if there is none.
    pub fn range(&self, slow: &[i64]) -> Option<(i64, i64)> {
        const FAR: i64 = i64::MAX / 4;
        let mut at = slow.to_vec();
        at.push(0);
        let (mut first, mut last) = (0, FAR);
        for position in 0..self.origin.len() {
            let (x, slope) = (self.count(position, &at), self.slope(position));
            if slope == 0.0 {
                if x < 0.0 {
                    return None;
                }
            } else if slope > 0.0 {
                first = first.max((-x / slope - 1e-6).ceil() as i64);
            } else {
                last = last.min((-x / slope + 1e-6).floor() as i64);
            }
        }
        (first <= last).then_some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conserved_counts_follow_from_the_coordinates() {
        // E + S <-> ES -> E + P in the order E, ES, P, S.
        let changes = [vec![-1, 1, 0, -1], vec![1, -1, 0, 1], vec![1, -1, 1, 0]];
        let map = Coordinates::new(&changes, &[10, 0, 0, 30]).expect("coordinates");
        assert_eq!(map.axes, [0, 3]);
        let at = map.of(&[7, 3, 5, 22]).expect("on the lattice");
        assert_eq!(at, [7, 22]);
        assert_eq!((map.count(1, &at), map.count(2, &at)), (3.0, 5.0));
        assert!(map.of(&[7, 3, 5, 23]).is_none());
        // ES = 10 - E = 3 and P = 27 - S.
        assert_eq!(map.range(&[7]), Some((0, 27)));
        assert_eq!(map.range(&[11]), None);
    }

    #[test]
    fn nothing_moves_without_a_change() {
        assert!(Coordinates::new(&[vec![0, 0]], &[1, 2]).is_none());
    }
}

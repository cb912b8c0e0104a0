//! What a network's reactions cannot change: its stoichiometry, and the sums of species it conserves.
//!
//! A conservation law is a row vector `y` with `yᵀ S = 0`, `S` the stoichiometric matrix. The laws shown are the extreme
//! non-negative ones where these span the null space (Schuster & Höfer 1991, doi:10.1039/FT9918702561), otherwise signed ones
//! fill in. Whole-number arithmetic throughout. Events may break a law: it holds between them.

use super::network::Network;
use std::collections::BTreeMap;

/// A weighted sum of species that no reaction changes, such as the total of an enzyme, free and bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conservation {
    /// (species, weight), weights without common divisor, by species.
    pub weights: Vec<(usize, i64)>,
}

impl Conservation {
    /// The conserved sum `Σ weight · state[species]` in this state, in molecules.
    pub fn total(&self, state: &[f64]) -> f64 {
        self.weights.iter().map(|(s, w)| *w as f64 * state[*s]).sum()
    }

    /// The law as an equation with this total, e.g. `E + ES = 10`.
    pub fn print(&self, network: &Network, total: f64) -> String {
        let mut text = String::new();
        for (s, w) in &self.weights {
            let sign = match (text.is_empty(), *w < 0) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            };
            let factor = if w.abs() == 1 { String::new() } else { format!("{} ", w.abs()) };
            text.push_str(&format!("{sign}{factor}{}", network.species[*s].name));
        }
        format!("{text} = {total}")
    }

    /// Whether no weight is negative: then each of its species is bounded by the sum.
    pub fn is_non_negative(&self) -> bool {
        self.weights.iter().all(|(_, w)| *w > 0)
    }
}

/// A sparse row of whole numbers.
type Row = BTreeMap<usize, i128>;

/// A row of the stoichiometric matrix with the sum of species it came from.
#[derive(Debug, Clone)]
struct Combined {
    left: Row,
    species: Row,
}

impl Network {
    /// The stoichiometric matrix `S`, `[species][reaction]`: the net change of a species by a reaction. Events are not in it.
    pub fn stoichiometry(&self) -> Vec<Vec<i64>> {
        let mut matrix = vec![vec![0; self.reactions.len()]; self.species.len()];
        for (r, reaction) in self.reactions.iter().enumerate() {
            for (s, n) in reaction.change() {
                matrix[s][r] = n;
            }
        }
        matrix
    }

    /// Species whose numbers give all others by the conservation laws: as many as the rank of the stoichiometry, the first in
    /// the order of the file.
    pub fn independent_species(&self) -> Vec<usize> {
        self.eliminate().0
    }

    /// The conserved sums, `y` with `yᵀ S = 0`: a basis of all of them, non-negative ones first (the extreme rays of Schuster & Höfer 1991),
    /// signed ones where these do not span. Weights are whole and exact. Reactions keep them; events may not.
    pub fn conservation_laws(&self) -> Vec<Conservation> {
        let signed = self.eliminate().1;
        let mut touched: Vec<usize> = signed.iter().flat_map(|row| row.keys().copied()).collect();
        touched.sort_unstable();
        touched.dedup();
        let mut rays = self.extreme_rays(&touched);
        rays.sort_by_key(|row| (row.len(), row.keys().copied().collect::<Vec<_>>()));
        let mut basis: Vec<Combined> = Vec::new();
        let mut laws = Vec::new();
        for row in rays.into_iter().chain(signed.clone()) {
            if laws.len() == signed.len() {
                break;
            }
            let mut rest = Combined { left: row.clone(), species: Row::new() };
            if reduce(&mut rest, &basis).is_some() && !rest.left.is_empty() {
                basis.push(rest);
                laws.extend(as_law(&row));
            }
        }
        laws.sort_by_key(|law: &Conservation| law.weights.iter().map(|w| w.0).collect::<Vec<_>>());
        laws
    }

    /// The one direction `v`, `[species]`, in which every reaction moves the state, and how far each does, `k` of `[reaction]`, so that
    /// `S = v kᵀ`, upwards in the first species that moves; `None` for a network that moves in several directions or not at all.
    pub fn direction(&self) -> Option<(Vec<i64>, Vec<i64>)> {
        let mut v: Option<Vec<i64>> = None;
        let mut along = Vec::new();
        for reaction in &self.reactions {
            let mut change = vec![0; self.species.len()];
            for (s, n) in reaction.change() {
                change[s] = n;
            }
            let divisor = change.iter().fold(0, |g, n| gcd(g, i128::from(*n))) as i64;
            if divisor == 0 {
                along.push(0);
                continue;
            }
            let unit: Vec<i64> = change.iter().map(|n| n / divisor).collect();
            let opposite: Vec<i64> = unit.iter().map(|n| -n).collect();
            let v = v.get_or_insert_with(|| unit.clone());
            along.push(match (*v == unit, *v == opposite) {
                (true, _) => divisor,
                (_, true) => -divisor,
                _ => return None,
            });
        }
        // Upwards in the first species that moves.
        let v = v?;
        match v.iter().find(|n| **n != 0) {
            Some(first) if *first < 0 => {
                Some((v.iter().map(|n| -n).collect(), along.into_iter().map(|n| -n).collect()))
            }
            _ => Some((v, along)),
        }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = vec![Row::new(); self.species.len()];
        for (r, reaction) in self.reactions.iter().enumerate() {
            for (s, n) in reaction.change() {
                rows[s].insert(r, i128::from(n));
            }
        }
        rows
    }

    /// Independent species, and a signed basis of the left null space: each row of the matrix is reduced by those before it.
    fn eliminate(&self) -> (Vec<usize>, Vec<Row>) {
        let (mut independent, mut null) = (Vec::new(), Vec::new());
        let mut pivots: Vec<Combined> = Vec::new();
        for (s, left) in self.rows().into_iter().enumerate() {
            let mut row = Combined { left, species: Row::from([(s, 1)]) };
            // Numbers beyond 128 bits: no law is claimed for the species.
            let reduced = reduce(&mut row, &pivots).is_some();
            if reduced && row.left.is_empty() {
                null.push(row.species);
            } else {
                independent.push(s);
                if reduced {
                    pivots.push(row);
                }
            }
        }
        (independent, null)
    }

    /// Non-negative vectors of the left null space of smallest support, among these species; none where there are too many.
    fn extreme_rays(&self, species: &[usize]) -> Vec<Row> {
        const MOST: usize = 2_000;
        let rows = self.rows();
        let mut table: Vec<Combined> =
            species.iter().map(|s| Combined { left: rows[*s].clone(), species: Row::from([(*s, 1)]) }).collect();
        for r in 0..self.reactions.len() {
            let (zero, rest): (Vec<Combined>, Vec<Combined>) =
                table.into_iter().partition(|row| !row.left.contains_key(&r));
            let (up, down): (Vec<Combined>, Vec<Combined>) = rest.into_iter().partition(|row| row.left[&r] > 0);
            let mut next = zero;
            for a in &up {
                for b in &down {
                    let Some(sum) = combine(a, -b.left[&r], b, a.left[&r]) else { return Vec::new() };
                    let spans = |other: &Combined| other.species.keys().all(|s| sum.species.contains_key(s));
                    if !next.iter().any(spans) {
                        next.retain(|other| !sum.species.keys().all(|s| other.species.contains_key(s)));
                        next.push(sum);
                    }
                    if next.len() > MOST {
                        return Vec::new();
                    }
                }
            }
            table = next;
        }
        table.into_iter().map(|row| row.species).collect()
    }
}

/// Take multiples of the pivots away until no pivot's first column is left. `None` on overflow.
fn reduce(row: &mut Combined, pivots: &[Combined]) -> Option<()> {
    for pivot in pivots {
        let Some((column, lead)) = pivot.left.first_key_value() else { continue };
        if let Some(own) = row.left.get(column).copied() {
            *row = combine(row, *lead, pivot, -own)?;
        }
    }
    Some(())
}

/// `a x + b y` without common divisor; `None` on overflow.
fn combine(x: &Combined, a: i128, y: &Combined, b: i128) -> Option<Combined> {
    let shared = gcd(a, b).max(1);
    let (a, b) = (a / shared, b / shared);
    let join = |x: &Row, y: &Row| -> Option<Row> {
        let mut sum = Row::new();
        for (k, v) in x {
            sum.insert(*k, v.checked_mul(a)?);
        }
        for (k, v) in y {
            let entry = sum.entry(*k).or_insert(0);
            *entry = entry.checked_add(v.checked_mul(b)?)?;
        }
        sum.retain(|_, v| *v != 0);
        Some(sum)
    };
    let (mut left, mut species) = (join(&x.left, &y.left)?, join(&x.species, &y.species)?);
    let divisor = left.values().chain(species.values()).fold(0, |g, v| gcd(g, *v));
    if divisor > 1 {
        left.values_mut().chain(species.values_mut()).for_each(|v| *v /= divisor);
    }
    Some(Combined { left, species })
}

fn as_law(row: &Row) -> Option<Conservation> {
    let divisor = row.values().fold(0, |g, v| gcd(g, *v)).max(1);
    let sign = if row.values().next().is_some_and(|v| *v < 0) { -1 } else { 1 };
    let weights: Option<Vec<(usize, i64)>> =
        row.iter().map(|(s, w)| Some((*s, i64::try_from(sign * w / divisor).ok()?))).collect();
    weights.map(|weights| Conservation { weights })
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a).unwrap_or(1)
}

//! The projected law of one species' counts, with slopes and with what it may be off by.

use super::cells::{Cell, Counted, Evaluated};
use crate::base::math;
use crate::form::master_equation::SnapshotWithSlopes;
use nalgebra::{DMatrix, DVector};

/// Probabilities of the counts `0, 1, …` of one species at one time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Projected {
    pub p: Vec<f64>,
    /// `[parameter][count]`
    slopes: Vec<Vec<f64>>,
    /// Probability that may be missing, in all.
    pub bound: f64,
    /// Probability that may be too much, in all.
    excess: f64,
    /// `ε/m`: what is missing, over the states of the projection.
    floor: f64,
}

impl Projected {
    pub fn of(answer: &SnapshotWithSlopes, species: usize) -> Projected {
        let law = &answer.law;
        let count = |i: usize| law.state(i)[species] as usize;
        let size = (0..law.len()).map(count).max().map_or(0, |last| last + 1);
        let mut all = vec![vec![0.0; size]; 1 + answer.slopes.len()];
        for (sum, column) in all.iter_mut().zip(std::iter::once(&law.p).chain(&answer.slopes)) {
            column.iter().enumerate().for_each(|(i, p)| sum[count(i)] += p);
        }
        let slopes = all.split_off(1);
        let bound = law.error_bound.max(0.0);
        Projected { p: all.swap_remove(0), slopes, bound, excess: law.excess, floor: bound / law.len().max(1) as f64 }
    }

    /// A mixture of weights.
    pub fn mixed(parts: &[(f64, Projected)]) -> Projected {
        let size = parts.iter().map(|(_, part)| part.p.len()).max().unwrap_or(0);
        let column = |of: &dyn Fn(&Projected) -> Vec<f64>| {
            let mut sum = vec![0.0; size];
            parts.iter().for_each(|(w, part)| sum.iter_mut().zip(of(part)).for_each(|(s, p)| *s += w * p));
            sum
        };
        let total = |of: &dyn Fn(&Projected) -> f64| parts.iter().map(|(w, part)| w * of(part)).sum();
        let parameters = parts.first().map_or(0, |(_, part)| part.slopes.len());
        Projected {
            p: column(&|part| part.p.clone()),
            slopes: (0..parameters).map(|k| column(&|part| part.slopes[k].clone())).collect(),
            bound: total(&|part| part.bound),
            excess: total(&|part| part.excess),
            floor: total(&|part| part.floor),
        }
    }

    /// Probability of the counts in a cell, and its slopes.
    fn cell(&self, cell: Cell) -> (f64, Vec<f64>) {
        let size = self.p.len();
        // Counts `from..to`.
        let place = |x: f64| if x < 0.0 { 0 } else { (x.floor().min(size as f64) as usize + 1).min(size) };
        let (from, to) = match cell {
            Cell::Value(x) => (place(x - 1.0), place(x)),
            Cell::Bin(a, b) => (place(a), if b.is_finite() { place(b) } else { size }),
        };
        let sum = |column: &Vec<f64>| column[from..to].iter().sum::<f64>();
        (sum(&self.p), self.slopes.iter().map(sum).collect())
    }

    /// Log probability of a count, at least and at most.
    pub fn bounds(&self, x: f64) -> (f64, f64) {
        let (p, _) = self.cell(Cell::Value(x));
        (math::ln((p - self.excess).max(0.0)), math::ln((p + self.bound).min(1.0)))
    }
}

/// The cells of all snapshots with exact slopes: log probabilities `ln(p + ε/m)`, or probabilities.
pub(super) fn evaluate(laws: &[Projected], snapshots: &[Counted], in_logs: bool, parameters: usize) -> Evaluated {
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for (law, snapshot) in laws.iter().zip(snapshots) {
        for (cell, _) in &snapshot.cells {
            let (p, mut slopes) = law.cell(*cell);
            match in_logs {
                true => {
                    let p = p + law.floor;
                    slopes.iter_mut().for_each(|s| *s /= p);
                    values.push(math::ln(p));
                }
                false => values.push(p),
            }
            rows.extend(slopes);
        }
    }
    Evaluated { slopes: Some(DMatrix::from_row_slice(values.len(), parameters, &rows)), q: DVector::from_vec(values) }
}

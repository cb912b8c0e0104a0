//! Cells of values, what was counted in them, and the objectives over them.

use super::laws::{Law, Source};
use super::projected;
use crate::base::Param;
use crate::fit::optimise::Goal;
use crate::fit::slopes::slopes;
use crate::form::Accuracy;
use crate::stats;
use nalgebra::{DMatrix, DVector};
use std::cell::{Ref, RefCell};

/// What is compared at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    /// One value, by its density or probability.
    Value(f64),
    /// `(a, b]`
    Bin(f64, f64),
}

/// Counts in the cells of one snapshot.
pub(super) struct Counted {
    pub total: f64,
    pub cells: Vec<(Cell, f64)>,
}

/// Each distinct value a cell.
pub(super) fn unbinned(values: &[f64]) -> Counted {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut cells: Vec<(Cell, f64)> = Vec::new();
    for x in sorted {
        match cells.last_mut() {
            Some((Cell::Value(last), count)) if *last == x => *count += 1.0,
            _ => cells.push((Cell::Value(x), 1.0)),
        }
    }
    Counted { total: values.len() as f64, cells }
}

/// Bins that all snapshots share: ends at quantiles of all values.
pub(super) struct Bins {
    pub edges: Vec<f64>,
    lowest: f64,
    highest: f64,
}

impl Bins {
    /// As many bins as asked, else `2 n^{2/5}` of a snapshot's mean size (Mann & Wald 1942), 4 to 40. Of counts the edges lie between them.
    pub fn of(values: &[Vec<f64>], asked: Option<usize>, are_counts: bool) -> Bins {
        let mut pooled: Vec<f64> = values.iter().flatten().copied().collect();
        pooled.sort_by(f64::total_cmp);
        let mean = pooled.len() as f64 / values.len() as f64;
        let bins = asked.unwrap_or((2.0 * crate::base::math::pow(mean, 0.4)).round().clamp(4.0, 40.0) as usize).max(2);
        let edge = |i: usize| stats::sorted_quantile(&pooled, i as f64 / bins as f64);
        let mut edges: Vec<f64> = (1..bins).map(|i| if are_counts { edge(i).floor() + 0.5 } else { edge(i) }).collect();
        edges.dedup();
        Bins { edges, lowest: pooled[0], highest: pooled[pooled.len() - 1] }
    }

    /// From the least to the largest of all values, above zero.
    pub fn reach(&self) -> f64 {
        (self.highest - self.lowest).max(1e-300)
    }

    fn intervals(&self) -> Vec<(f64, f64)> {
        let lower = std::iter::once(f64::NEG_INFINITY).chain(self.edges.iter().copied());
        lower.zip(self.edges.iter().copied().chain([f64::INFINITY])).collect()
    }

    /// Widths, of the outer bins to the last value.
    pub fn widths(&self) -> Vec<f64> {
        let width = |(a, b): (f64, f64)| b.min(self.highest) - a.max(self.lowest);
        let all: Vec<f64> = self.intervals().into_iter().map(width).collect();
        let least = 1e-3 * self.reach() / all.len() as f64;
        all.into_iter().map(|w| w.max(least)).collect()
    }

    /// How many values fall into each bin.
    pub fn count(&self, values: &[f64]) -> Counted {
        let mut counts = vec![0.0; self.edges.len() + 1];
        for x in values {
            counts[self.edges.partition_point(|e| e < x)] += 1.0;
        }
        let cells = self.intervals().into_iter().map(|(a, b)| Cell::Bin(a, b)).zip(counts).collect();
        Counted { total: values.len() as f64, cells }
    }
}

/// What is made of the cells.
#[derive(Clone, PartialEq)]
pub(super) enum Measure {
    /// `-Σ c ln p / n`
    Divergence,
    /// `½ Σ a (c/n_t - p)²`, with `a` for each cell of a snapshot.
    Squares(Vec<f64>),
}

/// Values of the cells, and their slopes in the free parameters.
pub(super) struct Evaluated {
    /// Log probabilities under a divergence, probabilities under squares.
    pub q: DVector<f64>,
    /// A column a free parameter.
    pub slopes: Option<DMatrix<f64>>,
}

/// The objective at a point, in all parameters.
struct Pass {
    theta: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    metric: DMatrix<f64>,
}

/// The objective over the cells of all snapshots; derivatives exact of projected master equations, else by differences at one accuracy.
pub(super) struct Compared<'a> {
    pub source: &'a Source<'a>,
    pub snapshots: &'a [Counted],
    pub measure: Measure,
    pub reach: f64,
    pub params: &'a [Param],
    pub free: &'a [usize],
    /// Spread of the values.
    pub size: f64,
    pub accuracy: Accuracy,
    /// The last point and what it gave: value, slope and metric are of one pass.
    last: RefCell<Option<Pass>>,
}

impl<'a> Compared<'a> {
    pub fn new(
        source: &'a Source<'a>,
        snapshots: &'a [Counted],
        (measure, reach): (Measure, f64),
        (params, free): (&'a [Param], &'a [usize]),
        size: f64,
        accuracy: Accuracy,
    ) -> Compared<'a> {
        Compared { source, snapshots, measure, reach, params, free, size, accuracy, last: RefCell::new(None) }
    }

    /// Values of all snapshots.
    pub fn n(&self) -> f64 {
        self.snapshots.iter().map(|s| s.total).sum()
    }

    fn cell(&self, law: &Law, cell: Cell) -> f64 {
        match (cell, &self.measure) {
            (Cell::Value(x), _) => law.log_density(x),
            (Cell::Bin(a, b), Measure::Divergence) => law.log_mass(a, b, self.reach),
            (Cell::Bin(a, b), Measure::Squares(_)) => law.mass(a, b),
        }
    }

    fn values(&self, theta: &[f64]) -> Option<DVector<f64>> {
        let laws = self.source.laws(theta, self.accuracy).ok()?;
        let of =
            |(s, law): (&Counted, &Law)| s.cells.iter().map(|(cell, _)| self.cell(law, *cell)).collect::<Vec<f64>>();
        Some(DVector::from_vec(self.snapshots.iter().zip(&laws).flat_map(of).collect()))
    }

    /// Every cell's value and its slopes at `theta`, snapshot after snapshot; `None` where there are no laws there.
    pub fn evaluate(&self, theta: &[f64]) -> Option<Evaluated> {
        if let Some(laws) = self.source.projected(theta, self.free, self.accuracy) {
            let in_logs = self.measure == Measure::Divergence;
            return Some(projected::evaluate(&laws.ok()?, self.snapshots, in_logs, self.free.len()));
        }
        let q = self.values(theta)?;
        let slopes = slopes(self.params, theta, self.free, self.size, &|theta| self.values(theta));
        Some(Evaluated { q, slopes })
    }

    /// Of each cell: its value's derivative of the objective, and the curvature that goes with it.
    fn pulls(&self, q: &DVector<f64>) -> (f64, Vec<(f64, f64)>) {
        let n = self.n();
        let mut value = 0.0;
        let mut pulls = Vec::with_capacity(q.len());
        let mut each = q.iter();
        for snapshot in self.snapshots {
            for (j, (_, count)) in snapshot.cells.iter().enumerate() {
                let q = each.next().copied().unwrap_or(f64::NAN);
                match &self.measure {
                    // An empty cell tells nothing, however improbable it is.
                    Measure::Divergence if *count == 0.0 => pulls.push((0.0, 0.0)),
                    Measure::Divergence => {
                        value -= count * q / n;
                        pulls.push((-count / n, count / n));
                    }
                    Measure::Squares(factors) => {
                        let left = count / snapshot.total - q;
                        value += 0.5 * factors[j] * left * left;
                        pulls.push((-factors[j] * left, factors[j]));
                    }
                }
            }
        }
        (value, pulls)
    }

    fn pass(&self, theta: &[f64]) -> Pass {
        let k = theta.len();
        let nothing = || Pass {
            theta: theta.to_vec(),
            value: f64::INFINITY,
            gradient: vec![f64::NAN; k],
            metric: DMatrix::zeros(k, k),
        };
        let Some(Evaluated { q, slopes: Some(slopes) }) = self.evaluate(theta) else { return nothing() };
        let (value, pulls) = self.pulls(&q);
        if !value.is_finite() {
            return nothing();
        }
        let mut pass = Pass { value, gradient: vec![0.0; k], ..nothing() };
        for (row, (pull, bend)) in pulls.iter().enumerate().filter(|(_, (_, bend))| *bend > 0.0) {
            for (i, k) in self.free.iter().enumerate() {
                pass.gradient[*k] += pull * slopes[(row, i)];
                for (j, l) in self.free.iter().enumerate() {
                    pass.metric[(*k, *l)] += bend * slopes[(row, i)] * slopes[(row, j)];
                }
            }
        }
        pass
    }

    fn at_last(&self, theta: &[f64]) -> Ref<'_, Option<Pass>> {
        if self.last.borrow().as_ref().is_none_or(|last| last.theta != theta) {
            let pass = self.pass(theta);
            *self.last.borrow_mut() = Some(pass);
        }
        self.last.borrow()
    }
}

impl Goal for Compared<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let last = self.at_last(theta);
        last.as_ref().map_or((f64::INFINITY, Vec::new()), |pass| (pass.value, pass.gradient.clone()))
    }

    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        self.at_last(theta).as_ref().map(|pass| pass.metric.clone())
    }
}

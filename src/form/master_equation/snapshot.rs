//! The joint law of the counts of a network at one time.

use crate::base::rng::Stream;
use crate::predictive::Lattice;

/// Probabilities of states, with what the truncation of the state space may have lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// In the model's unit.
    pub time: f64,
    n_species: usize,
    /// One state after another, species in the order of the file.
    counts: Vec<f64>,
    /// `[state]`; their sum is at least `1 - error_bound`.
    pub p: Vec<f64>,
    /// The true probability of any set of states is at least the sum of these, less `excess`, and at most that plus the bound (Munsky
    /// & Khammash 2006, theorem 2.2).
    pub error_bound: f64,
    /// The part of the bound that goes both ways, by which the probability of a set may also be too large: of a stationary start on
    /// finitely many states, of taking a law that hardly moves as one that stands still, and of steps that are not positive sums. Round-off
    /// is not in it.
    pub excess: f64,
}

impl Snapshot {
    pub(super) fn new(
        time: f64,
        n_species: usize,
        counts: Vec<f64>,
        p: Vec<f64>,
        (error_bound, excess): (f64, f64),
    ) -> Snapshot {
        Snapshot { time, n_species, counts, p, error_bound, excess }
    }

    /// Number of states.
    pub fn len(&self) -> usize {
        self.p.len()
    }

    /// Whether it holds no state at all.
    pub fn is_empty(&self) -> bool {
        self.p.is_empty()
    }

    /// Counts of state `i`, `[species]`.
    pub fn state(&self, i: usize) -> &[f64] {
        &self.counts[i * self.n_species..(i + 1) * self.n_species]
    }

    /// Mean counts, `[species]`, of the law brought to mass one.
    pub fn mean(&self) -> Vec<f64> {
        let mass: f64 = self.p.iter().sum();
        let sum = |s: usize| self.column(s).zip(&self.p).map(|(x, p)| x * p).sum::<f64>();
        (0..self.n_species).map(|s| sum(s) / mass).collect()
    }

    /// Standard deviations of the counts, `[species]`, of the law brought to mass one.
    pub fn sd(&self) -> Vec<f64> {
        let mass: f64 = self.p.iter().sum();
        let mean = self.mean();
        let squares =
            |s: usize| self.column(s).zip(&self.p).map(|(x, p)| p * (x - mean[s]) * (x - mean[s])).sum::<f64>();
        (0..self.n_species).map(|s| (squares(s) / mass).sqrt()).collect()
    }

    /// The law of one species, brought to mass one; `None` for a law without mass.
    pub fn marginal(&self, species: usize) -> Option<Lattice> {
        Lattice::new(self.column(species).zip(self.p.iter().copied()))
    }

    /// One joint draw of the counts, `[species]`, of the law brought to mass one. Cost: a walk over the states.
    pub fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        let mass: f64 = self.p.iter().sum();
        let target = stream.uniform() * mass;
        let mut sum = 0.0;
        let reached = self.p.iter().position(|p| {
            sum += p;
            sum > target
        });
        self.state(reached.unwrap_or(self.len().saturating_sub(1))).to_vec()
    }

    fn column(&self, species: usize) -> impl Iterator<Item = f64> {
        self.counts.iter().skip(species).step_by(self.n_species).copied()
    }
}

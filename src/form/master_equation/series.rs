//! Jensen's series of a law and its slopes on a cloud, in vector instructions.

use super::flow::Run;
use crate::base::dispatch::Kernel;

/// A flow in units of the clock: `next = stay v + Σ weights v`.
pub(super) struct Ticked<'a> {
    pub runs: &'a [Run],
    /// Rates per tick, along the runs.
    pub weights: Vec<f64>,
    /// What stays where it is in a tick; of slopes of rates, minus what leaves.
    pub stay: Vec<f64>,
}

impl Ticked<'_> {
    #[inline(always)]
    fn push(&self, v: &[f64], next: &mut [f64]) {
        for run in self.runs {
            let to = &mut next[run.to..run.to + run.length];
            let from = &v[run.from..run.from + run.length];
            let weights = &self.weights[run.first..run.first + run.length];
            for ((to, from), w) in to.iter_mut().zip(from).zip(weights) {
                *to += w * from;
            }
        }
    }

    #[inline(always)]
    fn set(&self, v: &[f64], next: &mut [f64]) {
        for ((n, v), s) in next.iter_mut().zip(v).zip(&self.stay) {
            *n = v * s;
        }
        self.push(v, next);
    }

    #[inline(always)]
    fn add(&self, v: &[f64], next: &mut [f64]) {
        for ((n, v), s) in next.iter_mut().zip(v).zip(&self.stay) {
            *n += v * s;
        }
        self.push(v, next);
    }
}

/// `sums = Σ_k weights_k (1 + Q per)^k columns`, the first column a law, the others its slopes, each driven by its source.
pub(super) struct Series<'a> {
    pub flow: Ticked<'a>,
    /// `[slope]`; `None` where the rates have no slope.
    pub sources: Vec<Option<Ticked<'a>>>,
    /// (state, share that leaves the cloud in a tick)
    pub leaving: Vec<(usize, f64)>,
    pub columns: Vec<Vec<f64>>,
    pub sums: &'a mut [Vec<f64>],
    /// Poisson weights from the `first` product on.
    pub first: usize,
    pub weights: &'a [f64],
    pub lost: &'a mut f64,
}

impl Kernel for Series<'_> {
    #[inline(always)]
    fn run(self) {
        let Series { flow, sources, leaving, mut columns, sums, first, weights, lost } = self;
        let mut next = vec![0.0; columns[0].len()];
        let mut sunk = 0.0;
        let last = first + weights.len();
        for k in 0..last {
            if k >= first {
                let w = weights[k - first];
                *lost += w * sunk;
                for (sum, v) in sums.iter_mut().zip(&columns) {
                    sum.iter_mut().zip(v).for_each(|(s, v)| *s += w * v);
                }
            }
            if k + 1 == last {
                break;
            }
            let (law, slopes) = columns.split_at_mut(1);
            let law = &mut law[0];
            sunk += leaving.iter().map(|(i, share)| share * law[*i]).sum::<f64>();
            for (slope, source) in slopes.iter_mut().zip(&sources) {
                flow.set(slope, &mut next);
                if let Some(source) = source {
                    source.add(law, &mut next);
                }
                std::mem::swap(slope, &mut next);
            }
            flow.set(law, &mut next);
            std::mem::swap(law, &mut next);
        }
    }
}

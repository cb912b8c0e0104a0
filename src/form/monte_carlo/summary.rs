//! Means, standard deviations, extremes and quantiles of paths that are not kept: memory does not grow with their number.
//!
//! The first paths are a pilot: their order statistics are the edges of a histogram into which all paths are counted, so that every
//! bin holds about as many. A quantile is interpolated in its bin, and its rank is off by the bin's share at most, which is
//! known and told. Counts add in any order; sums are merged in the order of the paths (Chan, Golub & LeVeque 1983).

use super::engine::{Pace, Wanted};
use super::{Run, TOGETHER, diffusion, not_finite, prepared};
use crate::base::{Error, Result};
use crate::models::Model;
use rayon::prelude::*;

/// Blocks of paths that choose the edges of the bins.
const PILOT: usize = 8;
/// Bins of a histogram, less those of atoms.
const BINS: usize = 1024;
/// Parts of a run whose sums are merged in order, at most.
const PARTS: usize = 256;

/// What is known of many paths of which none is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How many are summarised.
    pub paths: usize,
    /// `[time][component]`
    pub at: Vec<Vec<Spread>>,
}

/// How one component is spread at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// Of all paths, in the component's unit.
    pub mean: f64,
    /// Standard error of the mean; of antithetic pairs from the means of the pairs.
    pub error: f64,
    /// Unbiased; zero of a single path.
    pub sd: f64,
    /// The least value of any path.
    pub min: f64,
    /// The largest value of any path.
    pub max: f64,
    /// Increasing; bin `b` holds what is above edge `b - 1` and not above edge `b`, the first and last what is beyond.
    edges: Vec<f64>,
    counts: Vec<u64>,
}

impl Spread {
    /// The share of paths that are at most `x`, linear inside a bin; off by [`Spread::rank_error`] at most.
    pub fn cdf(&self, x: f64) -> f64 {
        if x < self.min {
            return 0.0;
        }
        if x >= self.max {
            return 1.0;
        }
        let bin = self.edges.partition_point(|e| *e < x);
        let (low, high) = self.bin(bin);
        let below: u64 = self.counts[..bin].iter().sum();
        let share = if high > low { ((x - low) / (high - low)).clamp(0.0, 1.0) } else { 1.0 };
        (below as f64 + share * self.counts[bin] as f64) / self.total()
    }

    /// The value below which a share `p` of the paths lies. The share that lies below it in truth is off by at most
    /// [`Spread::rank_error`]; interpolation inside the bin makes the error smaller still where the density is smooth.
    pub fn quantile(&self, p: f64) -> f64 {
        let wanted = p.clamp(0.0, 1.0) * self.total();
        let mut below = 0.0;
        for (bin, count) in self.counts.iter().enumerate() {
            let count = *count as f64;
            if count > 0.0 && below + count >= wanted {
                let (low, high) = self.bin(bin);
                return low + (high - low) * ((wanted - below) / count);
            }
            below += count;
        }
        self.max
    }

    /// The largest share of paths that one bin holds whose values differ: what the rank of a quantile may be off by.
    pub fn rank_error(&self) -> f64 {
        let wide = self.counts.iter().enumerate().filter(|(bin, _)| {
            let (low, high) = self.bin(*bin);
            high > low.next_up()
        });
        wide.map(|(_, count)| *count).max().unwrap_or(0) as f64 / self.total()
    }

    /// The histogram: bins that hold a path, in order, each with its ends, above the first and not above the second (a bin of one value
    /// has it for both, the least value is in the first bin), and how many paths it holds.
    pub fn histogram(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        let held = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        held.map(|(bin, count)| {
            let (low, high) = self.bin(bin);
            (if high > low.next_up() { low } else { high }, high, *count)
        })
    }

    fn total(&self) -> f64 {
        self.counts.iter().sum::<u64>() as f64
    }

    fn bin(&self, bin: usize) -> (f64, f64) {
        let low = if bin == 0 { self.min } else { self.edges[bin - 1].max(self.min) };
        let high = self.edges.get(bin).map_or(self.max, |e| e.min(self.max));
        (low, high)
    }
}

/// Simulate a diffusion and keep no path. Cost: that of [`super::simulate`] and some 5 ns a path, component and output time; memory: bins and
/// a few numbers for each output time and component, whatever the number of paths. The bytes do not depend on threads.
///
/// # Errors
/// As [`super::simulate`].
pub fn summarise(model: &Model, run: &Run) -> Result<Summary> {
    let process = diffusion(model)?;
    let engine = prepared(model, process, run, Wanted { kernels: false, pace: Pace::Asked })?;
    let places = Places { times: run.times.len(), components: process.states.len() };
    let blocks = run.paths.div_ceil(TOGETHER);
    let each = |b: usize, take: &mut dyn FnMut(usize, &[f64])| {
        engine.block(b * TOGETHER, ((b + 1) * TOGETHER).min(run.paths), |t, row| {
            row.states.iter().enumerate().for_each(|(i, x)| take(t * places.components + i, x));
        });
        Ok(())
    };
    let summary = streamed(run.paths, (blocks, PILOT), places, run.key.is_antithetic(), each)?;
    let lost = |row: &Vec<Spread>| row.iter().any(|s| !(s.mean.is_finite() && s.min.is_finite() && s.max.is_finite()));
    match summary.at.iter().position(lost) {
        Some(t) => Err(not_finite(model, run.times[t])),
        None => Ok(summary),
    }
}

/// What is summarised: every component at every time, `[time * components + component]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub times: usize,
    pub components: usize,
}

/// Summarise blocks of paths, of which the first `pilot` choose the bins: `each` simulates a block and gives the values of its paths at
/// every place.
///
/// # Errors
/// Those of the first block that fails.
pub(super) fn streamed<F>(
    paths: usize,
    (blocks, pilot): (usize, usize),
    places: Places,
    paired: bool,
    each: F,
) -> Result<Summary>
where
    F: Fn(usize, &mut dyn FnMut(usize, &[f64])) -> Result<()> + Sync,
{
    let edges = edges(pilot.min(blocks), places, &each)?;
    let share = blocks.div_ceil(PARTS).max(1);
    let parts: Vec<usize> = (0..blocks.div_ceil(share)).collect();
    let start = || Counted {
        counts: edges.iter().map(|e| vec![0; e.len() + 1]).collect(),
        sums: Vec::new(),
        failed: Vec::new(),
    };
    let counted = parts
        .into_par_iter()
        .fold(start, |mut counted, part| {
            let mut sums = vec![Sums::default(); edges.len()];
            for b in part * share..((part + 1) * share).min(blocks) {
                let done = each(b, &mut |place, x| {
                    sums[place].take(x, paired);
                    count(x, &edges[place], &mut counted.counts[place]);
                });
                if let Err(error) = done {
                    counted.failed.push((b, error));
                    break;
                }
            }
            counted.sums.push((part, sums));
            counted
        })
        .reduce(start, Counted::merge);
    counted.summary(paths, edges, places, paired)
}

/// The edges of every output's bins: order statistics of the first paths, an edge on either side of a value that repeats.
fn edges<F>(pilot: usize, places: Places, each: &F) -> Result<Vec<Vec<f64>>>
where
    F: Fn(usize, &mut dyn FnMut(usize, &[f64])) -> Result<()> + Sync,
{
    let n = places.times * places.components;
    let blocks: Vec<Result<Vec<Vec<f64>>>> = (0..pilot)
        .into_par_iter()
        .map(|b| {
            let mut columns = vec![Vec::new(); n];
            each(b, &mut |place, x| columns[place].extend_from_slice(x))?;
            Ok(columns)
        })
        .collect();
    let blocks = blocks.into_iter().collect::<Result<Vec<_>>>()?;
    let edges = |place: usize| {
        let mut x: Vec<f64> = blocks.iter().flat_map(|b| &b[place]).copied().filter(|x| x.is_finite()).collect();
        x.sort_by(f64::total_cmp);
        let every = x.len().div_ceil(BINS).max(1);
        let mut edges: Vec<f64> = Vec::with_capacity(BINS + 2);
        for (k, value) in x.iter().enumerate().step_by(every) {
            let repeats = x.get(k + 1) == Some(value) || k > 0 && x[k - 1] == *value;
            for edge in [value.next_down(), *value].into_iter().skip(usize::from(!repeats)) {
                if edges.last().is_none_or(|last| edge > *last) {
                    edges.push(edge);
                }
            }
        }
        edges
    };
    Ok((0..n).map(edges).collect())
}

/// Count values into the bins between the edges.
fn count(x: &[f64], edges: &[f64], counts: &mut [u64]) {
    for x in x {
        counts[edges.partition_point(|e| e < x)] += 1;
    }
}

/// What a thread has counted so far.
struct Counted {
    /// `[output][bin]`
    counts: Vec<Vec<u64>>,
    /// Sums of each part, `(part, [output])`.
    sums: Vec<(usize, Vec<Sums>)>,
    /// Blocks that failed, and why.
    failed: Vec<(usize, Error)>,
}

impl Counted {
    fn merge(mut self, other: Counted) -> Counted {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
        self.sums.extend(other.sums);
        self.failed.extend(other.failed);
        self
    }

    fn summary(mut self, paths: usize, edges: Vec<Vec<f64>>, places: Places, paired: bool) -> Result<Summary> {
        if let Some((_, error)) = self.failed.into_iter().min_by_key(|(block, _)| *block) {
            return Err(error);
        }
        self.sums.sort_by_key(|(part, _)| *part);
        let mut all = vec![Sums::default(); edges.len()];
        for (_, sums) in &self.sums {
            all.iter_mut().zip(sums).for_each(|(all, sums)| all.merge(sums));
        }
        let mut at: Vec<Vec<Spread>> = Vec::with_capacity(places.times);
        for ((sums, edges), counts) in all.into_iter().zip(edges).zip(self.counts) {
            let of_mean = if paired { &sums.pairs } else { &sums.values };
            let spread = Spread {
                mean: sums.values.mean,
                error: of_mean.variance().sqrt() / of_mean.n.max(1.0).sqrt(),
                sd: sums.values.variance().sqrt(),
                min: sums.min,
                max: sums.max,
                edges,
                counts,
            };
            match at.last_mut().filter(|row| row.len() < places.components) {
                Some(row) => row.push(spread),
                None => at.push(vec![spread]),
            }
        }
        Ok(Summary { paths, at })
    }
}

/// Number, mean and sum of squares about it.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(x: impl ExactSizeIterator<Item = f64> + Clone) -> Moments {
        let n = x.len() as f64;
        let mean = x.clone().sum::<f64>() / n.max(1.0);
        Moments { n, mean, squares: x.map(|x| (x - mean) * (x - mean)).sum() }
    }

    /// Chan, Golub & LeVeque 1983, eq. 2.1.
    fn merge(&mut self, other: &Moments) {
        let n = self.n + other.n;
        if other.n == 0.0 {
            return;
        }
        let gap = other.mean - self.mean;
        self.mean += gap * (other.n / n);
        self.squares += other.squares + gap * gap * (self.n * other.n / n);
        self.n = n;
    }

    fn variance(&self) -> f64 {
        if self.n > 1.0 { self.squares / (self.n - 1.0) } else { 0.0 }
    }
}

#[derive(Debug, Clone)]
struct Sums {
    values: Moments,
    /// Of the means of antithetic pairs.
    pairs: Moments,
    min: f64,
    max: f64,
}

impl Default for Sums {
    fn default() -> Sums {
        Sums { values: Moments::default(), pairs: Moments::default(), min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Sums {
    fn take(&mut self, x: &[f64], paired: bool) {
        self.values.merge(&Moments::of(x.iter().copied()));
        if paired {
            self.pairs.merge(&Moments::of(x.as_chunks::<2>().0.iter().map(|[a, b]| 0.5 * (a + b))));
        }
        for x in x {
            self.min = if *x < self.min { *x } else { self.min };
            self.max = if *x > self.max { *x } else { self.max };
        }
    }

    fn merge(&mut self, other: &Sums) {
        self.values.merge(&other.values);
        self.pairs.merge(&other.pairs);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

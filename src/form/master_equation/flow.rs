//! Probability flowing between the states of a cloud: `exp(Qh) p` by uniformisation (Jensen 1953).
//!
//! States stand in lexicographic order, so a reaction moves whole runs of neighbours to runs of neighbours: its part of the product
//! is a few straight loops without an index per state. What leaves the cloud is counted in a sink, by positive sums only, so the loss
//! is known to its last digit however small.

use super::series::{Series, Ticked};
use super::space::{Cloud, Reactions};
use crate::base::Result;
use crate::base::dispatch::Level;

/// `p[to + k] += weight[first + k] * p[from + k]` for `k < length`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub to: usize,
    pub from: usize,
    pub first: usize,
    pub length: usize,
}

/// The generator on a cloud.
pub(super) struct Flow {
    runs: Vec<Run>,
    weights: Vec<f64>,
    /// Rate of leaving each state, out of the cloud too.
    out: Vec<f64>,
    /// (state, rate) out of the cloud.
    pub leaving: Vec<(usize, f64)>,
    pub fastest: f64,
}

impl Flow {
    /// # Errors
    /// Those of [`Reactions::rates`] and [`Reactions::target`].
    pub fn new(reactions: &mut Reactions, cloud: &Cloud, time: f64) -> Result<Flow> {
        let rates = reactions.rates(&cloud.states, time)?;
        Flow::of(reactions, cloud, &rates, time)
    }

    /// The flow of any `rates`, `[reaction][state]`, none where a reaction has none: also of slopes of rates, of either sign.
    ///
    /// # Errors
    /// Those of [`Reactions::target`].
    pub fn of(reactions: &Reactions, cloud: &Cloud, rates: &[Vec<f64>], time: f64) -> Result<Flow> {
        let mut flow = Flow {
            runs: Vec::new(),
            weights: Vec::new(),
            out: vec![0.0; cloud.len()],
            leaving: Vec::new(),
            fastest: 0.0,
        };
        for (change, members) in groups(&reactions.changes) {
            // A reaction that changes nothing flows nowhere.
            if change.iter().any(|n| *n != 0) {
                let members: Vec<usize> = members.into_iter().filter(|r| !rates[*r].is_empty()).collect();
                if !members.is_empty() {
                    flow.add(reactions, cloud, rates, &members, time)?;
                }
            }
        }
        flow.fastest = flow.out.iter().copied().fold(0.0, f64::max);
        Ok(flow)
    }

    /// The edges of reactions with one change.
    fn add(
        &mut self,
        reactions: &Reactions,
        cloud: &Cloud,
        rates: &[Vec<f64>],
        members: &[usize],
        time: f64,
    ) -> Result<()> {
        let change = &reactions.changes[members[0]];
        let mut target = vec![0; change.len()];
        let mut to = 0;
        for i in 0..cloud.len() {
            let rate: f64 = members.iter().map(|r| rates[*r][i]).sum();
            if rate == 0.0 {
                continue;
            }
            let found = if reactions.events.watch() {
                cloud.find(&reactions.target(members[0], cloud.state(i), time)?)
            } else {
                for ((t, x), n) in target.iter_mut().zip(cloud.state(i)).zip(change) {
                    *t = x + n;
                }
                if target.iter().any(|x| *x < 0) {
                    let guilty = members.iter().copied().find(|r| rates[*r][i] != 0.0).unwrap_or(members[0]);
                    return Err(reactions.below_zero(guilty, cloud.state(i), time));
                }
                // Both lists are sorted, and moving all states by one change keeps their order.
                while to < cloud.len() && cloud.state(to) < target.as_slice() {
                    to += 1;
                }
                (to < cloud.len() && cloud.state(to) == target.as_slice()).then_some(to)
            };
            match found {
                // An event may undo the reaction.
                Some(to) if to == i => continue,
                Some(to) => self.edge(i, to, rate),
                None => self.leaving.push((i, rate)),
            }
            self.out[i] += rate;
        }
        Ok(())
    }

    fn edge(&mut self, from: usize, to: usize, rate: f64) {
        match self.runs.last_mut() {
            Some(run) if run.from + run.length == from && run.to + run.length == to => run.length += 1,
            _ => self.runs.push(Run { to, from, first: self.weights.len(), length: 1 }),
        }
        self.weights.push(rate);
    }

    /// Numbers touched by one product.
    pub fn size(&self) -> usize {
        self.weights.len() + self.out.len() + 4 * self.runs.len()
    }

    /// `[state]`: rate of leaving it.
    pub fn out(&self) -> &[f64] {
        &self.out
    }

    /// `Σ |Q p|`: how fast probability moves at all.
    pub fn speed(&self, p: &[f64]) -> f64 {
        let mut net: Vec<f64> = p.iter().zip(&self.out).map(|(p, out)| -p * out).collect();
        self.push(p, &mut net, 1.0);
        net.iter().map(|x| x.abs()).sum()
    }

    /// `(state, state, rate)` of every edge.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        let each = |run: &Run| (0..run.length).map(|k| (run.from + k, run.to + k, run.first + k)).collect::<Vec<_>>();
        self.runs.iter().flat_map(each).map(|(from, to, w)| (from, to, self.weights[w]))
    }

    fn push(&self, v: &[f64], next: &mut [f64], scale: f64) {
        for run in &self.runs {
            let to = &mut next[run.to..run.to + run.length];
            let from = &v[run.from..run.from + run.length];
            let weights = &self.weights[run.first..run.first + run.length];
            for ((to, from), w) in to.iter_mut().zip(from).zip(weights) {
                *to += scale * w * from;
            }
        }
    }

    /// `sum += scale Q v`, also of slopes of rates.
    pub fn add_to(&self, sum: &mut [f64], v: &[f64], scale: f64) {
        for ((s, v), out) in sum.iter_mut().zip(v).zip(&self.out) {
            *s -= scale * out * v;
        }
        self.push(v, sum, scale);
    }

    /// `exp(Qh) p` with its slopes, and the probability that left the cloud on the way. All sums of probabilities are of positive
    /// numbers. `slopes[k]` goes on by `d/dt s = Q s + Q_k p`, with `Q_k` the flow of `sources[k]`: the products of the generator of
    /// both together, so that the slopes are those of the sum itself (Jensen's series differentiated term by term).
    pub fn advance(&self, p: &[f64], (sources, slopes): (&[Flow], &[Vec<f64>]), h: f64) -> Advanced {
        let (first, weights) = poisson_weights(self.fastest * h);
        let per = 1.0 / self.fastest;
        let ticked = |flow: &'_ Flow, stay: &dyn Fn(f64) -> f64| -> (Vec<f64>, Vec<f64>) {
            let weights = flow.weights.iter().map(|w| w * per).collect();
            (weights, flow.out.iter().map(|out| stay(out * per)).collect())
        };
        let (own, stay) = ticked(self, &|out| (1.0 - out).max(0.0));
        let driven = sources.iter().map(|source| {
            let (weights, stay) = ticked(source, &|out| -out);
            let moves = source.out.iter().any(|out| *out != 0.0);
            moves.then_some(Ticked { runs: &source.runs, weights, stay })
        });
        let mut sums = vec![vec![0.0; p.len()]; 1 + slopes.len()];
        let mut lost = 0.0;
        let series = Series {
            flow: Ticked { runs: &self.runs, weights: own, stay },
            sources: driven.collect(),
            leaving: self.leaving.iter().map(|(i, rate)| (*i, rate * per)).collect(),
            columns: std::iter::once(p.to_vec()).chain(slopes.iter().cloned()).collect(),
            sums: &mut sums,
            first,
            weights: &weights,
            lost: &mut lost,
        };
        Level::best().run(series);
        let products = (first + weights.len()) * (1 + slopes.len());
        let mut sums = sums.into_iter();
        Advanced { p: sums.next().unwrap_or_default(), slopes: sums.collect(), lost, products }
    }
}

/// A law moved on.
pub(super) struct Advanced {
    pub p: Vec<f64>,
    pub slopes: Vec<Vec<f64>>,
    pub lost: f64,
    pub products: usize,
}

/// Reactions with the same change, together.
fn groups(changes: &[Vec<i64>]) -> Vec<(&Vec<i64>, Vec<usize>)> {
    let mut groups: Vec<(&Vec<i64>, Vec<usize>)> = Vec::new();
    for (r, change) in changes.iter().enumerate() {
        match groups.iter_mut().find(|(c, _)| *c == change) {
            Some((_, members)) => members.push(r),
            None => groups.push((change, vec![r])),
        }
    }
    groups
}

/// Poisson probabilities of `mean` above 1e-17 of the largest, with sum one, and the count of the first (Fox & Glynn 1988: by
/// ratios from the mode, so nothing underflows).
pub(in crate::form) fn poisson_weights(mean: f64) -> (usize, Vec<f64>) {
    const SMALL: f64 = 1e-17;
    let mode = mean.floor();
    let mut down = Vec::new();
    let (mut w, mut k) = (1.0, mode);
    while k > 0.0 && w > SMALL {
        w *= k / mean;
        k -= 1.0;
        down.push(w);
    }
    let first = k as usize;
    let mut weights: Vec<f64> = down.into_iter().rev().collect();
    weights.push(1.0);
    let (mut w, mut k) = (1.0, mode);
    while w > SMALL {
        k += 1.0;
        w *= mean / k;
        weights.push(w);
    }
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
    (first, weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::math;

    #[test]
    fn poisson_weights_are_poisson_probabilities() {
        for mean in [1e-9, 0.3, 7.0, 500.5, 20_000.0] {
            let (first, weights) = poisson_weights(mean);
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            for (i, w) in weights.iter().enumerate().step_by(7) {
                let k = (first + i) as f64;
                let exact = k * math::ln(mean) - mean - math::ln_gamma(k + 1.0);
                assert!((math::ln(*w) - exact).abs() < 1e-9 * (1.0 + exact.abs()), "{mean} {k}");
            }
        }
    }
}

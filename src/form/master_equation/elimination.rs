//! The law at rest of finitely many states, by elimination without subtraction (Grassmann, Taksar & Heyman 1985), and equations
//! with the same matrix.

use super::flow::Flow;

/// Multiplications and numbers held by an elimination.
pub(super) const MOST_WORK: f64 = 2e10;
pub(super) const MOST_HELD: usize = 20_000_000;

/// The states folded one by one, from the last, into those before them; rates out of the states are left out.
pub(super) struct Eliminated {
    /// `q(i, j)` at `i * width + j + band - i`: for `j < i` the rate when `i` was folded, for `j > i` that rate over all of `j`'s.
    q: Vec<f64>,
    band: usize,
    /// Rate of leaving each state when it was folded.
    out: Vec<f64>,
    /// Where each state stands in the order of folding.
    place: Vec<usize>,
}

impl Eliminated {
    /// States are put in the order of their distance from the first (Cuthill & McKee 1969), so that links are short. Cost: states × band².
    ///
    /// # Errors
    /// Why there is no law: too much work, or states that do not all lead to one another.
    pub fn new(flow: &Flow, n: usize) -> Result<Eliminated, String> {
        let place = by_distance(flow, n);
        let edges = || flow.edges().map(|(from, to, rate)| (place[from], place[to], rate));
        let band = edges().map(|(from, to, _)| from.abs_diff(to)).max().unwrap_or(0);
        let width = 2 * band + 1;
        if n as f64 * (band * band) as f64 > MOST_WORK || n * width > MOST_HELD {
            return Err(format!("{n} states with links {band} apart are too many to eliminate"));
        }
        let mut all = Eliminated { q: vec![0.0; n * width], band, out: vec![0.0; n], place: place.clone() };
        for (from, to, rate) in edges() {
            let at = all.at(from, to);
            all.q[at] += rate;
        }
        for k in (1..n).rev() {
            let low = k.saturating_sub(band);
            let row = all.at(k, low);
            let out: f64 = all.q[row..row + k - low].iter().sum();
            if out == 0.0 {
                return Err("its states do not all lead to one another".to_string());
            }
            all.out[k] = out;
            for i in low..k {
                let place = all.at(i, k);
                let share = all.q[place] / out;
                all.q[place] = share;
                if share > 0.0 {
                    let to = all.at(i, low);
                    // Row k lies behind row i.
                    let (before, after) = all.q.split_at_mut(row);
                    before[to..to + k - low].iter_mut().zip(&after[..k - low]).for_each(|(q, r)| *q += share * r);
                }
            }
        }
        Ok(all)
    }

    fn at(&self, i: usize, j: usize) -> usize {
        i * (2 * self.band + 1) + j + self.band - i
    }

    fn n(&self) -> usize {
        self.out.len()
    }

    /// `Σ_{i<k} x_i q(i, k)/out(k)`
    fn arriving(&self, x: &[f64], k: usize) -> f64 {
        (k.saturating_sub(self.band)..k).map(|i| x[i] * self.q[self.at(i, k)]).sum()
    }

    /// The law at rest.
    pub fn law(&self) -> Vec<f64> {
        let mut p = vec![1.0; self.n()];
        for k in 1..self.n() {
            p[k] = self.arriving(&p, k);
        }
        let total: f64 = p.iter().sum();
        self.place.iter().map(|k| p[*k] / total).collect()
    }

    /// `x` of sum zero with `Q x = b`, where `b` has sum zero and `law` is the law at rest.
    pub fn solve(&self, given: &[f64], law: &[f64]) -> Vec<f64> {
        let mut b = vec![0.0; self.n()];
        self.place.iter().zip(given).for_each(|(k, value)| b[*k] = *value);
        for k in (1..self.n()).rev() {
            let low = k.saturating_sub(self.band);
            let (share, row) = (b[k] / self.out[k], self.at(k, low));
            b[low..k].iter_mut().zip(&self.q[row..row + k - low]).for_each(|(b, q)| *b += share * q);
        }
        let mut x = vec![0.0; self.n()];
        for k in 1..self.n() {
            x[k] = self.arriving(&x, k) - b[k] / self.out[k];
        }
        let total: f64 = x.iter().sum();
        self.place.iter().zip(law).map(|(k, p)| x[*k] - total * p).collect()
    }
}

/// The rank of each state by its distance from the first, whichever way links go; neighbours of one state follow each other.
fn by_distance(flow: &Flow, n: usize) -> Vec<usize> {
    let mut links: Vec<(usize, usize)> = flow.edges().flat_map(|(from, to, _)| [(from, to), (to, from)]).collect();
    links.sort_unstable();
    links.dedup();
    let first = |i: usize| links.partition_point(|l| l.0 < i);
    let mut place = vec![usize::MAX; n];
    let mut order = Vec::with_capacity(n);
    // What does not hang together with the first comes after it.
    for root in 0..n {
        if place[root] != usize::MAX {
            continue;
        }
        place[root] = order.len();
        order.push(root);
        let mut next = order.len() - 1;
        while next < order.len() {
            let i = order[next];
            for (_, to) in links[first(i)..].iter().take_while(|l| l.0 == i) {
                if place[*to] == usize::MAX {
                    place[*to] = order.len();
                    order.push(*to);
                }
            }
            next += 1;
        }
    }
    place
}

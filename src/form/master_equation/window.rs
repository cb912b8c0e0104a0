//! Uniformisation on a window of rows that moves with the probability.
//!
//! `exp(Qh) p = Σ_k w_k (1 + Q/q)^k p` with Poisson weights `w_k` of mean `qh` (Jensen 1953; weights by Fox & Glynn 1988). Every few
//! products the ends of all rows that hold next to nothing are cut off and counted as lost; where the window comes near the end of
//! what is laid out, it is laid out anew around the window. What is lost at the k-th product is missing in all later terms, so
//! the deficit of the answer is `Σ_k w_k (lost until k)`: positive sums, known to the last digit. Each probability is at most the true
//! one, and the deficit is the whole error in L1 (Munsky & Khammash 2006, theorem 2.2).
//!
//! Cost: about 0.5 ns a reaction and state in the window, for each of `qh + 9 √(qh)` products.

use super::coordinates::Coordinates;
use super::flow::poisson_weights;
use super::layout::{Group, Layout, Span, Support, groups};
use super::product::Product;
use super::snapshot::Snapshot;
use super::space::{Cloud, Reactions};
use crate::base::Result;
use crate::base::dispatch::Level;

/// Products between cuts.
const BETWEEN_CUTS: usize = 8;

/// Numbers that are touched for a rate of a new layout.
const LAID_OUT: f64 = 4.0;

/// So few cells are not worth cutting.
const FEW: usize = 64;

/// A law on a window of states.
pub(super) struct Window {
    coordinates: Coordinates,
    groups: Vec<Group>,
    layout: Layout,
    p: Vec<f64>,
    spans: Vec<Span>,
    /// Products that a new layout leaves room for.
    margin: usize,
    most_states: usize,
    /// Cells below this are cut off at the ends of rows.
    cut: f64,
    /// How much faster than the layout's fastest rate the last step's clock ran, at least.
    headroom: f64,
    /// Numbers touched so far.
    pub work: f64,
    /// Products so far: round-off grows with their root.
    pub products: f64,
}

/// How a step ended.
pub(super) enum Step {
    /// Probability lost on the way.
    Done(f64),
    /// More states than allowed were needed.
    TooMany,
    /// Not yet: states came into play that want a faster clock, which runs now. The step is to be made again.
    Faster,
}

/// What a series ran into.
enum Halt {
    TooMany,
    /// States came into play that are left faster than the clock runs.
    Faster(f64),
}

impl Window {
    /// `None` where the states have no common coordinates, or are too many already.
    pub fn new(reactions: &mut Reactions, cloud: &Cloud, time: f64, most_states: usize) -> Option<Window> {
        let coordinates = Coordinates::new(&reactions.changes, cloud.state(0))?;
        let groups = groups(reactions, &coordinates);
        let margin = match coordinates.axes.len() {
            1 => 64,
            2 => 32,
            _ => 2 * BETWEEN_CUTS,
        };
        let mut support: Support = Vec::new();
        let places: Vec<Vec<i64>> = (0..cloud.len()).map(|i| coordinates.of(cloud.state(i))).collect::<Option<_>>()?;
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by(|a, b| places[*a].cmp(&places[*b]));
        for i in &order {
            let (slow, fast) = places[*i].split_at(places[*i].len() - 1);
            match support.last_mut() {
                Some((last, range)) if last == slow => range.1 = fast[0],
                _ => support.push((slow.to_vec(), (fast[0], fast[0]))),
            }
        }
        let layout = Layout::new(reactions, &coordinates, &groups, (&support, margin, most_states), time)?;
        let mut p = vec![0.0; layout.out.len()];
        let mut spans = vec![Span::default(); layout.rows.len()];
        let mut row = 0;
        for i in order {
            let (slow, fast) = places[i].split_at(places[i].len() - 1);
            while layout.rows.get(row)?.slow != slow {
                row += 1;
            }
            let cell = layout.rows[row].cells.from + (fast[0] - layout.rows[row].first) as usize;
            p[cell] += cloud.p[i];
            spans[row] = spans[row].joined(Span { from: cell, to: cell + 1 });
        }
        let (cut, headroom) = (1e-18, 1.3);
        Some(Window {
            coordinates,
            groups,
            layout,
            p,
            spans,
            margin,
            most_states,
            cut,
            headroom,
            work: 0.0,
            products: 0.0,
        })
    }

    pub fn mass(&self) -> f64 {
        self.cells().map(|(_, cell)| self.p[cell]).sum()
    }

    fn cells(&self) -> impl Iterator<Item = (usize, usize)> {
        self.spans.iter().enumerate().flat_map(|(row, span)| (span.from..span.to).map(move |cell| (row, cell)))
    }

    /// Bring the mass to what it must be: products drift from it by a few parts in 1e16 each, all to one side.
    pub fn set_mass(&mut self, mass: f64) {
        let factor = mass / self.mass();
        if factor.is_finite() {
            self.p.iter_mut().for_each(|p| *p *= factor);
        }
    }

    /// Coordinates that move.
    pub fn dimensions(&self) -> usize {
        self.coordinates.axes.len()
    }

    pub fn states(&self) -> usize {
        self.spans.iter().map(|s| s.to - s.from).sum()
    }

    /// States of the law at even quantiles, in the order of its cells.
    pub fn drawn(&self, n: usize) -> Vec<Vec<i64>> {
        let (mass, mut below, mut drawn) = (self.mass(), 0.0, Vec::with_capacity(n));
        for (row, cell) in self.cells() {
            below += self.p[cell];
            while drawn.len() < n && below * n as f64 > (drawn.len() as f64 + 0.5) * mass {
                drawn.push(self.layout.state(&self.coordinates, row, cell));
            }
        }
        drawn
    }

    /// The joint law, with what it may be off by.
    pub fn snapshot(&self, reactions: &Reactions, time: f64, bound: (f64, f64)) -> Snapshot {
        let counts = self.layout.counts(reactions, &self.coordinates, &self.spans);
        let p = self.cells().map(|(_, cell)| self.p[cell]).collect();
        Snapshot::new(time, reactions.n(), counts, p, bound)
    }

    /// Propensities have jumped.
    pub fn evaluate(&mut self, reactions: &mut Reactions, time: f64) {
        self.layout.evaluate(reactions, &self.coordinates, &self.groups, time);
    }

    /// `Σ |Q p|`: how fast probability moves at all.
    pub fn speed(&self) -> f64 {
        let per = if self.layout.fastest > 0.0 { 1.0 / self.layout.fastest } else { return 0.0 };
        let (mut next, mut reached) = (vec![0.0; self.p.len()], self.spans.clone());
        let mut sunk = 0.0;
        self.product((&self.layout, &self.p, &self.spans), (&mut next, &mut reached), per, &mut sunk);
        let moved = |(before, after): (&Span, &Span)| -> f64 {
            let p = |i: usize| if (before.from..before.to).contains(&i) { self.p[i] } else { 0.0 };
            (after.from..after.to).map(|i| (next[i] - p(i)).abs()).sum()
        };
        (self.spans.iter().zip(&reached).map(moved).sum::<f64>() + sunk) / per
    }

    fn product(
        &self,
        (layout, v, spans): (&Layout, &[f64], &[Span]),
        (next, reached): (&mut [f64], &mut [Span]),
        per: f64,
        sunk: &mut f64,
    ) {
        Level::best().run(Product { layout, v, spans, next, reached, per, sunk });
    }

    /// Move the law on by `h`; cut off at most about `allowed`.
    ///
    /// # Errors
    /// Of propensities and reactions that cannot be.
    pub fn advance(&mut self, reactions: &mut Reactions, time: f64, h: f64, allowed: f64) -> Result<Step> {
        let clock = self.headroom * self.layout.fastest;
        if !(clock * h > 0.0) {
            return Ok(Step::Done(0.0));
        }
        Ok(match self.series(reactions, time, (clock, h), allowed)? {
            Ok(lost) => {
                self.headroom = (0.5 * (1.0 + self.headroom)).max(1.01);
                Step::Done(lost)
            }
            Err(Halt::TooMany) => Step::TooMany,
            Err(Halt::Faster(rate)) => {
                self.headroom = 1.1 * rate / self.layout.fastest;
                Step::Faster
            }
        })
    }

    /// The length of a step that makes so many products.
    pub fn step(&self, products: f64) -> f64 {
        products / (self.headroom * self.layout.fastest)
    }

    fn series(
        &mut self,
        reactions: &mut Reactions,
        time: f64,
        (clock, h): (f64, f64),
        allowed: f64,
    ) -> Result<std::result::Result<f64, Halt>> {
        let (first, weights) = poisson_weights(clock * h);
        let last = first + weights.len();
        let share = allowed * BETWEEN_CUTS as f64 / last as f64;
        let (mut v, mut spans) = (self.p.clone(), self.spans.clone());
        let (mut sum, mut covered) = (vec![0.0; v.len()], vec![Span::default(); spans.len()]);
        let (mut next, mut reached) = (vec![0.0; v.len()], spans.clone());
        let (mut sunk, mut lost) = (0.0, 0.0);
        let mut newer: Option<Layout> = None;
        let mut cut = self.cut;
        for k in 0..last {
            if k % BETWEEN_CUTS == 0 {
                let layout = newer.as_ref().unwrap_or(&self.layout);
                layout.check(reactions, &self.coordinates, &v, &spans, time)?;
                if spans.iter().map(|s| s.to - s.from).sum::<usize>() > FEW {
                    sunk += cut_ends(&v, &mut spans, &mut cut, share);
                }
                if layout.is_tight(&spans, &self.groups, BETWEEN_CUTS) {
                    let in_play: Vec<Span> = spans.iter().zip(&covered).map(|(a, b)| a.joined(*b)).collect();
                    let support = layout.support(&in_play);
                    let wanted = (&support, self.margin, self.most_states);
                    let Some(wide) = Layout::new(reactions, &self.coordinates, &self.groups, wanted, time) else {
                        return Ok(Err(Halt::TooMany));
                    };
                    self.work += LAID_OUT * (wide.out.len() * (1 + self.groups.len())) as f64;
                    if wide.fastest > clock {
                        return Ok(Err(Halt::Faster(wide.fastest)));
                    }
                    (v, spans) = wide.take(layout, &v, &spans);
                    (sum, covered) = wide.take(layout, &sum, &covered);
                    (next, reached) = (vec![0.0; v.len()], spans.clone());
                    newer = Some(wide);
                }
                let cells: usize = spans.iter().map(|s| s.to - s.from).sum();
                self.work += (BETWEEN_CUTS * cells * (1 + self.groups.len())) as f64;
            }
            let layout = newer.as_ref().unwrap_or(&self.layout);
            if k >= first {
                let w = weights[k - first];
                lost += w * sunk;
                for (span, covered) in spans.iter().zip(&mut covered).filter(|(span, _)| !span.is_empty()) {
                    *covered = covered.joined(*span);
                    for (s, v) in sum[span.from..span.to].iter_mut().zip(&v[span.from..span.to]) {
                        *s += w * v;
                    }
                }
            }
            if k + 1 < last {
                self.product((layout, &v, &spans), (&mut next, &mut reached), 1.0 / clock, &mut sunk);
                std::mem::swap(&mut v, &mut next);
                std::mem::swap(&mut spans, &mut reached);
            }
        }
        if let Some(layout) = newer {
            self.layout = layout;
        }
        (self.p, self.spans, self.cut) = (sum, covered, cut);
        self.products += last as f64;
        Ok(Ok(lost))
    }
}

/// Cut off the ends of rows below `cut`, until `share` is lost; `cut` is brought to where about that much goes.
fn cut_ends(v: &[f64], spans: &mut [Span], cut: &mut f64, share: f64) -> f64 {
    let mut dropped = 0.0;
    for span in spans.iter_mut() {
        while !span.is_empty() && v[span.from] < *cut && dropped + v[span.from] <= share {
            dropped += v[span.from];
            span.from += 1;
        }
        while !span.is_empty() && v[span.to - 1] < *cut && dropped + v[span.to - 1] <= share {
            dropped += v[span.to - 1];
            span.to -= 1;
        }
    }
    if dropped > 0.5 * share {
        *cut *= 0.5;
    } else if dropped < 0.2 * share {
        *cut = (2.0 * *cut).min(share);
    }
    dropped
}

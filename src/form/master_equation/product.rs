//! One product of a probability vector with the uniformised generator, row by row in vector instructions.

use super::layout::{Layout, Span};
use crate::base::dispatch::Kernel;

/// `next = v (1 + Q per)` on the rows of a layout; `per` is at most one over the fastest rate, so all terms are positive.
///
/// Only the cells within `spans` of `v` are read, and those of `next` within the `reached` that are written hold anything.
pub(super) struct Product<'a> {
    pub layout: &'a Layout,
    pub v: &'a [f64],
    pub spans: &'a [Span],
    pub next: &'a mut [f64],
    pub reached: &'a mut [Span],
    pub per: f64,
    /// Grows by what left the layout.
    pub sunk: &'a mut f64,
}

impl Kernel for Product<'_> {
    #[inline(always)]
    fn run(self) {
        let Product { layout, v, spans, next, reached, per, sunk } = self;
        for (i, row) in layout.rows.iter().enumerate() {
            let own = spans[i];
            let mut all = own;
            for link in &layout.links[i] {
                all = all.joined(landing(spans[link.source], link.shift, row.cells).0);
            }
            reached[i] = all;
            if all.is_empty() {
                continue;
            }
            if own.is_empty() {
                next[all.from..all.to].fill(0.0);
            } else {
                next[all.from..own.from].fill(0.0);
                next[own.to..all.to].fill(0.0);
                let (out, v) = (&layout.out[own.from..own.to], &v[own.from..own.to]);
                for ((n, v), out) in next[own.from..own.to].iter_mut().zip(v).zip(out) {
                    *n = v * (1.0 - out * per);
                }
            }
            for link in &layout.links[i] {
                let from = spans[link.source];
                let rates = &layout.rates[link.group];
                let (to, kept) = landing(from, link.shift, row.cells);
                if !to.is_empty() {
                    let v = &v[kept.from..kept.to];
                    let next = &mut next[to.from..to.to];
                    match layout.even[link.group][link.source] {
                        Some(rate) => {
                            let share = rate * per;
                            next.iter_mut().zip(v).for_each(|(n, v)| *n += v * share);
                        }
                        None => {
                            let rates = &rates[kept.from..kept.to];
                            next.iter_mut().zip(v).zip(rates).for_each(|((n, v), rate)| *n += v * (rate * per));
                        }
                    }
                }
                // What would land beside the row is lost.
                let kept = if kept.is_empty() { Span { from: from.to, to: from.to } } else { kept };
                *sunk += flow(v, rates, from.from, kept.from.min(from.to), per);
                *sunk += flow(v, rates, kept.to.max(from.from), from.to, per);
            }
        }
        for (i, group) in &layout.missing {
            *sunk += flow(v, &layout.rates[*group], spans[*i].from, spans[*i].to, per);
        }
    }
}

/// Where in `cells` a span moved by `shift` lands, and the part of it that does.
#[inline(always)]
fn landing(span: Span, shift: isize, cells: Span) -> (Span, Span) {
    if span.is_empty() {
        return (Span::default(), Span::default());
    }
    let from = (span.from as isize + shift).max(cells.from as isize);
    let to = (span.to as isize + shift).min(cells.to as isize);
    if from >= to {
        return (Span::default(), Span::default());
    }
    let back = |x: isize| (x - shift) as usize;
    (Span { from: from as usize, to: to as usize }, Span { from: back(from), to: back(to) })
}

#[inline(always)]
fn flow(v: &[f64], rates: &[f64], from: usize, to: usize, per: f64) -> f64 {
    let mut sum = 0.0;
    if from < to {
        for (v, rate) in v[from..to].iter().zip(&rates[from..to]) {
            sum += v * (rate * per);
        }
    }
    sum
}

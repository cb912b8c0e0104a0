//! The direct method (Gillespie 1976, doi:10.1016/0021-9991(76)90041-3) for one path at a time, with a graph of what depends on what
//! (Gibson & Bruck 2000, doi:10.1021/jp993732q): after a reaction only those propensities are computed again that read a count it
//! changed.

use super::chemistry::{Chemistry, Rows, Taped};
use super::draws::Pairs;
use super::path::{Limits, Sampler, Span, Tally};
use super::sums::Sums;
use crate::base::Result;
use crate::base::rng::Key;

/// Edges of a graph beyond which it is not kept: some 80 megabytes.
const MOST_EDGES: usize = 20_000_000;

/// Which propensities a reaction changes: exact, since a count that a reaction gives back is not a change.
pub(super) struct Graph {
    /// `[reaction]`: reactions evaluated by their [`super::mass_action::Law`], and places of laws on the tape. `None` where they are too
    /// many: then those of one changed count after another are computed, some of them twice.
    edges: Option<(Rows<u32>, Rows<u32>)>,
}

impl Graph {
    pub fn new(chemistry: &Chemistry) -> Graph {
        let touched = |readers: &Rows<u32>, reaction: usize| {
            let species = chemistry.changes.row(reaction).iter().map(|c| c.species as usize);
            let mut all: Vec<u32> = species.flat_map(|s| readers.row(s)).copied().collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let rows = |readers: &Rows<u32>| Rows::of((0..chemistry.laws.len()).map(|r| touched(readers, r)));
        let changes = (0..chemistry.laws.len()).flat_map(|r| chemistry.changes.row(r));
        let edges: usize = changes.map(|c| chemistry.readers.row(c.species as usize).len()).sum();
        Graph { edges: (edges <= MOST_EDGES).then(|| (rows(&chemistry.readers), rows(&chemistry.taped_readers))) }
    }
}

pub(super) struct Direct<'a> {
    chemistry: &'a Chemistry<'a>,
    graph: &'a Graph,
    limits: Limits<'a>,
    draws: Pairs,
    /// `[species]`, then a one.
    x: Vec<f64>,
    sums: Sums,
    taped: Taped,
}

impl<'a> Direct<'a> {
    pub fn new(chemistry: &'a Chemistry<'a>, graph: &'a Graph, limits: Limits<'a>, key: Key) -> Direct<'a> {
        Direct {
            draws: Pairs::new(key),
            x: chemistry.state(),
            sums: Sums::new(chemistry.laws.len()),
            taped: Taped::default(),
            chemistry,
            graph,
            limits,
        }
    }

    #[inline(always)]
    fn react(&mut self, reaction: usize, now: f64) -> Result<()> {
        let chemistry = self.chemistry;
        chemistry.happen(reaction, &mut self.x, now)?;
        match &self.graph.edges {
            Some((counted, taped)) => self.renew(counted.row(reaction), taped.row(reaction), now)?,
            None => {
                for change in chemistry.changes.row(reaction) {
                    let s = change.species as usize;
                    self.renew(chemistry.readers.row(s), chemistry.taped_readers.row(s), now)?;
                }
            }
        }
        self.sums.settle();
        Ok(())
    }

    #[inline(always)]
    fn renew(&mut self, counted: &[u32], taped: &[u32], now: f64) -> Result<()> {
        let chemistry = self.chemistry;
        for r in counted {
            self.sums.set(*r as usize, chemistry.laws[*r as usize].at(&self.x));
        }
        for place in taped {
            let a = chemistry.taped(*place as usize, &mut self.taped, &self.x, now)?;
            self.sums.set(chemistry.by_tape[*place as usize] as usize, a);
        }
        Ok(())
    }
}

impl Sampler for Direct<'_> {
    fn begin(&mut self, path: u64, draw: u64) {
        self.draws.begin(path, draw);
    }

    fn set(&mut self, x: &[f64], now: f64) -> Result<()> {
        self.x[..x.len()].copy_from_slice(x);
        self.chemistry.all(&mut self.taped, &self.x, now, self.sums.numbers())?;
        self.sums.renew();
        Ok(())
    }

    fn advance(&mut self, x: &mut [f64], span: Span, tally: &mut Tally) -> Result<f64> {
        let mut now = span.now;
        let most = self.limits.most_events;
        let reached = loop {
            let (wait, share) = self.draws.next();
            let total = self.sums.total();
            // Infinite where nothing can happen, and NaN nowhere: the wait is positive.
            let time = now + wait / total;
            if !(time < span.stop) {
                break span.stop;
            }
            let Some(reaction) = self.sums.find(share * total) else { break span.stop };
            if time <= now {
                self.limits.explodes(now, total)?;
            }
            now = time;
            tally.events += 1;
            if tally.events > most {
                return Err(self.limits.too_many(now));
            }
            self.react(reaction, now)?;
            if span.watched {
                break now;
            }
        };
        x.copy_from_slice(&self.x[..x.len()]);
        Ok(reached)
    }
}

//! The states in play as rows of neighbours: everything a product with the generator needs, laid out for straight loops.
//!
//! A row holds consecutive values of the last coordinate, the others fixed. A reaction moves a whole row by one offset onto another,
//! so its part of the product is one loop over two slices and its rates, with nothing looked up.

use super::coordinates::Coordinates;
use super::space::Reactions;
use crate::base::{Error, Result};
use std::collections::HashMap;

/// Cells of one layout, `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub from: usize,
    pub to: usize,
}

impl Span {
    pub fn is_empty(self) -> bool {
        self.from >= self.to
    }

    pub fn joined(self, other: Span) -> Span {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Span { from: self.from.min(other.from), to: self.to.max(other.to) },
        }
    }
}

/// Reactions with one change, in coordinates.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub slow: Vec<i64>,
    pub fast: i64,
    members: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    /// All coordinates but the last.
    pub slow: Vec<i64>,
    /// The last coordinate of the first cell.
    pub first: i64,
    pub cells: Span,
    /// Whether the row's first and last cell are as far as counts go.
    closed: [bool; 2],
    /// Whether rows that reactions lead to from here may be missing.
    outermost: bool,
}

/// Probability that arrives in a row from another: cell `i` of the source lands on `i + shift`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub group: usize,
    pub source: usize,
    pub shift: isize,
}

/// A cell that no probability may reach, and the reaction that leads on below zero (`None`: a propensity that is no rate).
type Forbidden = (usize, Option<usize>);

pub(super) struct Layout {
    pub rows: Vec<Row>,
    /// `[row]`: links into it.
    pub links: Vec<Vec<Link>>,
    /// (row, group) whose target row is not laid out.
    pub missing: Vec<(usize, usize)>,
    /// `[group][cell]`
    pub rates: Vec<Vec<f64>>,
    /// `[group][row]`: the rate where it is one number along the row, which then need not be read cell by cell.
    pub even: Vec<Vec<Option<f64>>>,
    /// `[cell]`: rate of leaving.
    pub out: Vec<f64>,
    pub fastest: f64,
    pub forbidden: Vec<Forbidden>,
}

/// Rows by their slow coordinates, with the last coordinates in play, `first..=last`.
pub(super) type Support = Vec<(Vec<i64>, (i64, i64))>;

/// The changes of reactions in coordinates; those that change nothing are left out.
pub(super) fn groups(reactions: &Reactions, coordinates: &Coordinates) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (r, change) in reactions.changes.iter().enumerate() {
        if change.iter().all(|n| *n == 0) {
            continue;
        }
        let mut slow: Vec<i64> = coordinates.axes.iter().map(|p| change[*p]).collect();
        let fast = slow.pop().unwrap_or(0);
        match groups.iter_mut().find(|g| g.slow == slow && g.fast == fast) {
            Some(group) => group.members.push(r),
            None => groups.push(Group { slow, fast, members: vec![r] }),
        }
    }
    groups
}

impl Layout {
    /// Rows for a support and `margin` products of the generator beyond it. `None` where they hold more than `most` states.
    pub fn new(
        reactions: &mut Reactions,
        coordinates: &Coordinates,
        groups: &[Group],
        (support, margin, most): (&Support, usize, usize),
        time: f64,
    ) -> Option<Layout> {
        let rows = rows(coordinates, groups, support, margin, most)?;
        let cells = rows.last().map_or(0, |row| row.cells.to);
        let place: HashMap<&[i64], usize> = rows.iter().enumerate().map(|(i, r)| (r.slow.as_slice(), i)).collect();
        let mut links = vec![Vec::new(); rows.len()];
        let mut missing = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            for (g, group) in groups.iter().enumerate() {
                match place.get(moved(&row.slow, &group.slow, 1).as_slice()) {
                    None => missing.push((i, g)),
                    Some(to) => {
                        let target: &Row = &rows[*to];
                        let along = row.first + group.fast - target.first;
                        let shift = target.cells.from as isize - row.cells.from as isize + along as isize;
                        links[*to].push(Link { group: g, source: i, shift });
                    }
                }
            }
        }
        let mut layout = Layout {
            rows,
            links,
            missing,
            rates: vec![vec![0.0; cells]; groups.len()],
            even: Vec::new(),
            out: vec![0.0; cells],
            fastest: 0.0,
            forbidden: Vec::new(),
        };
        layout.evaluate(reactions, coordinates, groups, time);
        Some(layout)
    }

    /// Rates at every cell. Where there is none (a negative propensity, a step below zero) it is zero and the cell forbidden: it may be
    /// one that is never reached.
    pub fn evaluate(&mut self, reactions: &mut Reactions, coordinates: &Coordinates, groups: &[Group], time: f64) {
        let cells = self.out.len();
        let mut columns = vec![vec![0.0; cells]; reactions.n()];
        for row in &self.rows {
            let mut at = row.slow.clone();
            at.push(row.first);
            for (position, column) in columns.iter_mut().enumerate() {
                let (x, slope) = (coordinates.count(position, &at), coordinates.slope(position));
                let column = &mut column[row.cells.from..row.cells.to];
                column.iter_mut().enumerate().for_each(|(k, c)| *c = x + slope * k as f64);
            }
        }
        let each = reactions.rates_of(&columns, time);
        self.out.fill(0.0);
        self.forbidden.clear();
        for (rates, group) in self.rates.iter_mut().zip(groups) {
            rates.fill(0.0);
            for r in &group.members {
                rates.iter_mut().zip(&each[*r]).for_each(|(sum, a)| *sum += a);
            }
        }
        for (rates, group) in self.rates.iter_mut().zip(groups) {
            for row in &self.rows {
                let range = coordinates.range(&moved(&row.slow, &group.slow, 1));
                let (from, to) =
                    range.map_or((0, -1), |(a, b)| (a - group.fast - row.first, b - group.fast - row.first));
                for (k, i) in (row.cells.from..row.cells.to).enumerate() {
                    let bad = !(rates[i] >= 0.0 && rates[i] < f64::INFINITY);
                    if bad || rates[i] > 0.0 && !(from..=to).contains(&(k as i64)) {
                        rates[i] = 0.0;
                        let guilty = group.members.iter().copied().find(|r| each[*r][i] > 0.0);
                        self.forbidden.push((i, if bad { None } else { guilty }));
                    }
                }
            }
            self.out.iter_mut().zip(rates.iter()).for_each(|(out, a)| *out += a);
        }
        let even = |rates: &[f64]| rates.windows(2).all(|w| w[0] == w[1]).then(|| rates.first().copied()).flatten();
        let along = |rates: &Vec<f64>| self.rows.iter().map(|row| even(&rates[row.cells.from..row.cells.to])).collect();
        self.even = self.rates.iter().map(along).collect();
        self.fastest = self.out.iter().copied().fold(0.0, f64::max);
    }

    /// # Errors
    /// Of the propensity or the reaction that makes a cell with probability impossible.
    pub fn check(
        &self,
        reactions: &mut Reactions,
        map: &Coordinates,
        p: &[f64],
        spans: &[Span],
        time: f64,
    ) -> Result<()> {
        for (cell, guilty) in &self.forbidden {
            let Some(i) = self.rows.iter().position(|row| (row.cells.from..row.cells.to).contains(cell)) else {
                continue;
            };
            if !(spans[i].from..spans[i].to).contains(cell) || p[*cell] == 0.0 {
                continue;
            }
            let state = self.state(map, i, *cell);
            return Err(match guilty {
                Some(reaction) => reactions.below_zero(*reaction, &state, time),
                None => match reactions.rates(&state, time) {
                    Err(error) => error,
                    Ok(_) => Error::Numerics {
                        what: format!("the master equation of model '{}'", reactions.model.id),
                        why: format!("the sum of propensities overflows at t = {time}"),
                        hint: "check the rates with --set".to_string(),
                    },
                },
            });
        }
        Ok(())
    }

    /// Counts in a cell, by position.
    pub fn state(&self, coordinates: &Coordinates, row: usize, cell: usize) -> Vec<i64> {
        let mut at = self.rows[row].slow.clone();
        at.push(self.rows[row].first + (cell - self.rows[row].cells.from) as i64);
        (0..coordinates.positions()).map(|position| coordinates.count(position, &at) as i64).collect()
    }

    /// Counts in the cells of spans, one state after another with species in the order of the file; all values are whole.
    pub fn counts(&self, reactions: &Reactions, coordinates: &Coordinates, spans: &[Span]) -> Vec<f64> {
        let mut places = vec![0; reactions.n()];
        reactions.order.iter().enumerate().for_each(|(position, species)| places[*species] = position);
        let mut counts = Vec::with_capacity(places.len() * spans.iter().map(|s| s.to - s.from).sum::<usize>());
        let mut line = vec![(0.0, 0.0); places.len()];
        for (row, span) in self.rows.iter().zip(spans).filter(|(_, span)| !span.is_empty()) {
            let mut at = row.slow.clone();
            at.push(row.first + (span.from - row.cells.from) as i64);
            let each = line.iter_mut().zip(&places);
            each.for_each(|(l, p)| *l = (coordinates.count(*p, &at), coordinates.slope(*p)));
            for k in 0..span.to - span.from {
                counts.extend(line.iter().map(|(x, slope)| (x + slope * k as f64).round()));
            }
        }
        counts
    }

    /// Whether `products` more products may carry probability in these spans out of the layout.
    pub fn is_tight(&self, spans: &[Span], groups: &[Group], products: usize) -> bool {
        let reach = products * groups.iter().map(|g| g.fast.unsigned_abs() as usize).max().unwrap_or(0);
        self.rows.iter().zip(spans).filter(|(_, span)| !span.is_empty()).any(|(row, span)| {
            row.outermost
                || !row.closed[0] && span.from < row.cells.from + reach
                || !row.closed[1] && span.to + reach > row.cells.to
        })
    }

    pub fn support(&self, spans: &[Span]) -> Support {
        let each = self.rows.iter().zip(spans).filter(|(_, span)| !span.is_empty());
        each.map(|(row, span)| {
            let at = |cell: usize| row.first + (cell - row.cells.from) as i64;
            (row.slow.clone(), (at(span.from), at(span.to - 1)))
        })
        .collect()
    }

    /// Probabilities of another layout on this one, which must hold their spans.
    pub fn take(&self, from: &Layout, p: &[f64], spans: &[Span]) -> (Vec<f64>, Vec<Span>) {
        let mut moved = vec![0.0; self.out.len()];
        let mut new = vec![Span::default(); self.rows.len()];
        let place: HashMap<&[i64], usize> = self.rows.iter().enumerate().map(|(i, r)| (r.slow.as_slice(), i)).collect();
        for (row, span) in from.rows.iter().zip(spans).filter(|(_, span)| !span.is_empty()) {
            if let Some(i) = place.get(row.slow.as_slice()) {
                let first = row.first + (span.from - row.cells.from) as i64;
                let at = self.rows[*i].cells.from + (first - self.rows[*i].first) as usize;
                new[*i] = Span { from: at, to: at + span.to - span.from };
                moved[at..new[*i].to].copy_from_slice(&p[span.from..span.to]);
            }
        }
        (moved, new)
    }
}

fn moved(slow: &[i64], by: &[i64], times: i64) -> Vec<i64> {
    slow.iter().zip(by).map(|(x, n)| x + times * n).collect()
}

/// The rows of a support made wider by `margin` products, and those beyond them that reactions lead to.
fn rows(
    coordinates: &Coordinates,
    groups: &[Group],
    support: &Support,
    margin: usize,
    most: usize,
) -> Option<Vec<Row>> {
    let wider = margin as i64 * groups.iter().map(|g| g.fast.abs()).max().unwrap_or(0);
    // (slow coordinates, range wanted, how many rows beyond the support)
    let mut wanted: Vec<(Vec<i64>, (i64, i64), usize)> =
        support.iter().map(|(slow, (a, b))| (slow.clone(), (a - wider, b + wider), 0)).collect();
    let mut known: HashMap<Vec<i64>, usize> = wanted.iter().enumerate().map(|(i, w)| (w.0.clone(), i)).collect();
    let mut ways: Vec<&Vec<i64>> = groups.iter().map(|g| &g.slow).filter(|s| s.iter().any(|n| *n != 0)).collect();
    ways.sort_unstable();
    ways.dedup();
    let mut cells = 0;
    for way in ways {
        for i in 0..wanted.len() {
            let (slow, range, beyond) = wanted[i].clone();
            for step in 1..=margin {
                let next = moved(&slow, way, step as i64);
                if known.contains_key(&next) || coordinates.range(&next).is_none() {
                    break;
                }
                known.insert(next.clone(), wanted.len());
                cells += (range.1 - range.0) as usize;
                if cells > most {
                    return None;
                }
                wanted.push((next, range, beyond.max(step)));
            }
        }
    }
    let mut rows = Vec::with_capacity(wanted.len());
    wanted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut at = 0usize;
    for (slow, (from, to), beyond) in wanted {
        let Some((first, last)) = coordinates.range(&slow) else { continue };
        let (from, to) = (from.max(first), to.min(last));
        if from > to {
            continue;
        }
        let length = (to - from) as usize + 1;
        if length > most - at {
            return None;
        }
        let cells = Span { from: at, to: at + length };
        at = cells.to;
        rows.push(Row {
            slow,
            first: from,
            cells,
            closed: [from == first, to == last],
            outermost: 2 * beyond > margin,
        });
    }
    Some(rows)
}

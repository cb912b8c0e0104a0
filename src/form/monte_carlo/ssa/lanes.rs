//! The direct method for many paths at once: each has a lane of vectors `[species][lane]`, its own clock, and its own random numbers, so
//! its bytes are those it would have in any other company.
//!
//! Every round all propensities of all lanes are computed, with no branch and no gathering, and one reaction of each lane is chosen by
//! counting how many running sums its point has passed. That is more arithmetic than a graph of dependencies needs, and less time where
//! reactions are few: what a processor loses on a wrong guess of the next reaction is worth some fifty of them.
//! A lane whose path has ended takes the next path of the block.

use super::chemistry::Chemistry;
use super::engine::Found;
use super::mass_action::Law;
use super::path::{Course, Limits, Tally};
use crate::base::Error;
use crate::base::dispatch::{Kernel, Level};
use crate::base::math::{ln, unit_from_u64};
use crate::expr::Scratch;
use std::ops::Range;

/// Paths in a block that are carried on together: four of the widest vectors.
pub(super) const LANES: usize = 32;
/// Counts that one reaction may change here.
pub(super) const WIDEST: usize = 4;

type Row = [f64; LANES];

/// Simulate the paths of a range. Only for laws that do not change in time and events that watch no state.
///
/// # Errors
/// As [`super::simulate`], of the first path that fails.
pub(super) fn block(chemistry: &Chemistry, course: &Course, paths: Range<usize>) -> Found {
    // Filled up with changes by nothing of the place that is always one.
    let changes = (0..chemistry.changes.len()).map(|r| {
        let mut padded = [(Law::one(chemistry.network), 0.0); WIDEST];
        padded.iter_mut().zip(chemistry.changes.row(r)).for_each(|(to, c)| *to = (c.species, f64::from(c.by)));
        padded
    });
    let n = paths.len();
    let mut block = Block {
        changes: changes.collect(),
        x: vec![[1.0; LANES]; chemistry.n_species() + 1],
        a: vec![[0.0; LANES]; chemistry.laws.len()],
        taped: vec![[0.0; LANES]; chemistry.by_tape.len()],
        scratch: Scratch::default(),
        lanes: (0..LANES).map(|_| Lane { path: usize::MAX, stop: 0 }).collect(),
        now: [f64::INFINITY; LANES],
        stop: [f64::NEG_INFINITY; LANES],
        number: [0; LANES],
        draw: [0; LANES],
        events: [0; LANES],
        left: paths.clone(),
        first: paths.start,
        rows: vec![Vec::new(); n],
        failed: Vec::new(),
        tally: Tally::default(),
        limits: Limits { model: course.model, most_events: course.most_events },
        chemistry,
        course,
    };
    chemistry.tape.bind(&chemistry.symbols, &mut block.scratch);
    for lane in 0..LANES {
        block.refill(lane);
    }
    Level::best().run(Rounds(&mut block));
    match block.failed.into_iter().min_by_key(|(path, _)| *path) {
        Some((_, error)) => Err(error),
        None => Ok((block.rows, block.tally)),
    }
}

struct Lane {
    /// `usize::MAX`: none.
    path: usize,
    /// The stop it is on its way to.
    stop: usize,
}

struct Block<'a> {
    chemistry: &'a Chemistry<'a>,
    course: &'a Course<'a>,
    limits: Limits<'a>,
    /// `[reaction]`
    changes: Vec<[(u32, f64); WIDEST]>,
    /// `[species]`, then ones.
    x: Vec<Row>,
    /// `[reaction]`: running sums.
    a: Vec<Row>,
    /// `[place]` of the laws on the tape.
    taped: Vec<Row>,
    scratch: Scratch,
    lanes: Vec<Lane>,
    now: Row,
    /// Of lanes without a path before every time.
    stop: Row,
    number: [u64; LANES],
    draw: [u64; LANES],
    /// Reactions of the lane's path.
    events: [u64; LANES],
    left: Range<usize>,
    first: usize,
    rows: Vec<Vec<f64>>,
    failed: Vec<(usize, Error)>,
    tally: Tally,
}

struct Rounds<'a, 'b>(&'b mut Block<'a>);

impl Kernel for Rounds<'_, '_> {
    #[inline(always)]
    fn run(self) {
        let block = self.0;
        while block.lanes.iter().any(|lane| lane.path != usize::MAX) {
            // Looking after the lanes that are left is done now and then, not every round.
            for _ in 0..64 {
                block.round();
            }
        }
    }
}

impl Block<'_> {
    #[inline(always)]
    fn round(&mut self) {
        let key = self.course.run.key;
        let (mut wait, mut share): (Row, Row) = ([0.0; LANES], [0.0; LANES]);
        for l in 0..LANES {
            let [first, second] = key.words(self.number[l], self.draw[l]);
            self.draw[l] += 1;
            wait[l] = -ln(unit_from_u64(first));
            share[l] = unit_from_u64(second);
        }
        let total = self.sum();
        let (mut time, mut point): (Row, Row) = ([0.0; LANES], [0.0; LANES]);
        for l in 0..LANES {
            // Infinite where nothing can happen.
            time[l] = self.now[l] + wait[l] / total[l];
            point[l] = share[l] * total[l];
        }
        // Counted in floats: the compiler keeps their order, and with it the lanes in vectors.
        let mut chosen = [0.0; LANES];
        for sums in &self.a {
            for l in 0..LANES {
                chosen[l] += if sums[l] <= point[l] { 1.0 } else { 0.0 };
            }
        }
        for l in 0..LANES {
            if !(time[l] < self.stop[l]) {
                self.stopped(l);
                continue;
            }
            if time[l] <= self.now[l]
                && let Err(error) = self.limits.explodes(self.now[l], total[l])
            {
                self.fail(l, error);
                continue;
            }
            self.now[l] = time[l];
            let reaction = chosen[l] as u32 as usize;
            let mut missing = false;
            for (species, by) in &self.changes[reaction] {
                let n = &mut self.x[*species as usize][l];
                *n += by;
                missing |= *n < 0.0;
            }
            self.events[l] += 1;
            if missing | (self.events[l] > self.limits.most_events) {
                self.refuse(l, reaction);
            }
        }
    }

    /// The running sums of the propensities, and the last of them.
    #[inline(always)]
    fn sum(&mut self) -> Row {
        if !self.taped.is_empty() {
            self.run_tape();
        }
        let mut total = [0.0; LANES];
        let mut taped = self.chemistry.by_tape.iter().zip(&self.taped).peekable();
        for (r, (law, sums)) in self.chemistry.laws.iter().zip(&mut self.a).enumerate() {
            if let Some((_, values)) = taped.next_if(|(by_tape, _)| **by_tape as usize == r) {
                for l in 0..LANES {
                    total[l] += values[l];
                }
            } else {
                let (a, b, c) = (&self.x[law.a as usize], &self.x[law.b as usize], &self.x[law.c as usize]);
                let (less_b, less_c) = (f64::from(law.less_b), f64::from(law.less_c));
                for l in 0..LANES {
                    total[l] += law.k * a[l] * (b[l] - less_b) * (c[l] - less_c);
                }
            }
            *sums = total;
        }
        total
    }

    #[inline(never)]
    fn run_tape(&mut self) {
        let inputs: Vec<&[f64]> = self.x[..self.chemistry.n_species()].iter().map(|row| row.as_slice()).collect();
        let mut out: Vec<&mut [f64]> = self.taped.iter_mut().map(|row| row.as_mut_slice()).collect();
        self.chemistry.tape.run_bound(&inputs, &mut out, &mut self.scratch);
        for l in 0..LANES {
            let wrong = self.taped.iter().any(|row| !(row[l] >= 0.0 && row[l] < f64::INFINITY));
            if wrong && self.lanes[l].path != usize::MAX {
                let mut a = vec![0.0; self.a.len()];
                let at: Vec<f64> = self.taped.iter().map(|row| row[l]).collect();
                self.chemistry.by_tape.iter().zip(at).for_each(|(r, value)| a[*r as usize] = value);
                if let Err(error) = self.chemistry.check(&a, &self.state(l), self.now[l]) {
                    self.fail(l, error);
                }
            }
        }
    }

    fn state(&self, lane: usize) -> Vec<f64> {
        self.x[..self.chemistry.n_species()].iter().map(|row| row[lane]).collect()
    }

    fn put(&mut self, lane: usize, x: &[f64]) {
        self.x.iter_mut().zip(x).for_each(|(row, x)| row[lane] = *x);
    }

    /// A lane has come to its stop: what fires there, and where it goes from there.
    #[inline(never)]
    fn stopped(&mut self, lane: usize) {
        if self.lanes[lane].path == usize::MAX {
            return;
        }
        let stop = &self.course.stops[self.lanes[lane].stop];
        self.now[lane] = stop.time;
        let mut x = self.state(lane);
        let mut held = Vec::new();
        for e in &stop.fires {
            let fired = self.course.events.fire(*e, &x, stop.time).and_then(|after| {
                x = after;
                self.course.events.settle(&mut x, &mut held, stop.time)
            });
            if let Err(error) = fired {
                return self.fail(lane, error);
            }
        }
        if !stop.fires.is_empty() {
            self.put(lane, &x);
        }
        if stop.is_output {
            self.rows[self.lanes[lane].path - self.first].extend_from_slice(&x);
        }
        self.lanes[lane].stop += 1;
        self.aim(lane);
    }

    fn aim(&mut self, lane: usize) {
        match self.course.stops.get(self.lanes[lane].stop) {
            // What is due at the start takes no draw.
            Some(stop) if stop.time <= self.now[lane] => self.stopped(lane),
            Some(stop) => self.stop[lane] = stop.time,
            None => {
                self.tally.events += self.events[lane];
                self.refill(lane);
            }
        }
    }

    /// The next path of the block, if there is one.
    fn refill(&mut self, lane: usize) {
        let Some(path) = self.left.next() else {
            self.lanes[lane].path = usize::MAX;
            self.stop[lane] = f64::NEG_INFINITY;
            // A state in which nothing is refused.
            return self.put(lane, &vec![0.0; self.chemistry.n_species()]);
        };
        let (x, draw) = self.course.start(path as u64);
        self.put(lane, &x);
        self.lanes[lane] = Lane { path, stop: 0 };
        self.events[lane] = 0;
        (self.number[lane], self.draw[lane], self.now[lane]) = (path as u64, draw, self.course.run.t0);
        self.rows[path - self.first].reserve(self.course.run.times.len() * self.chemistry.n_species());
        self.aim(lane);
    }

    #[cold]
    fn refuse(&mut self, lane: usize, reaction: usize) {
        let mut x = self.state(lane);
        let error = if x.iter().any(|n| *n < 0.0) {
            self.chemistry.undone(reaction, &mut x, self.now[lane])
        } else {
            self.limits.too_many(self.now[lane])
        };
        self.fail(lane, error);
    }

    /// Of paths of the block that fail, the first is reported: those after it are not begun.
    #[cold]
    fn fail(&mut self, lane: usize, error: Error) {
        self.failed.push((self.lanes[lane].path, error));
        self.left = 0..0;
        self.refill(lane);
    }
}

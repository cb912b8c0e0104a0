//! Sums of many numbers that change, and the search for the one a point falls on: a tree whose nodes are the sums of eight.
//!
//! A change is added to the sums above it, at a cost of the tree's depth, and its round-off stays there: at most half a unit in the
//! last place of the largest sum for each change. So every sum is taken anew after as many changes as there are numbers (never fewer
//! than a thousand), and whenever the total has grown or fallen sixteen times: for `n` changes the error is below `n 2^-45` of the
//! total, 3e-11 for a thousand. A number itself is never a difference, so that an impossible reaction is never chosen.

const WIDE: usize = 8;
const LEAST_BETWEEN: u32 = 1_000;

#[derive(Debug, Clone)]
pub(super) struct Sums {
    /// `[level][place]`, the numbers first, each level filled up with zeros to a multiple of eight.
    levels: Vec<Vec<f64>>,
    total: f64,
    /// The totals beyond which the sums are taken anew.
    low: f64,
    high: f64,
    changes: u32,
    most_changes: u32,
}

impl Sums {
    pub fn new(n: usize) -> Sums {
        let mut levels = vec![vec![0.0; n.div_ceil(WIDE).max(1) * WIDE]];
        while levels.last().is_some_and(|top| top.len() > WIDE) {
            let above = levels.last().map_or(0, |top| top.len() / WIDE);
            levels.push(vec![0.0; above.div_ceil(WIDE) * WIDE]);
        }
        let most_changes = (n as u32).max(LEAST_BETWEEN);
        Sums { levels, total: 0.0, low: 0.0, high: 0.0, changes: 0, most_changes }
    }

    /// The numbers, to be written to; [`Sums::renew`] must follow.
    pub fn numbers(&mut self) -> &mut [f64] {
        &mut self.levels[0]
    }

    #[inline(always)]
    pub fn at(&self, i: usize) -> f64 {
        self.levels[0][i]
    }

    #[inline(always)]
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Take every sum anew. Cost O(n).
    #[inline(never)]
    pub fn renew(&mut self) {
        for k in 1..self.levels.len() {
            let (below, above) = self.levels.split_at_mut(k);
            let chunks = below[k - 1].as_chunks::<WIDE>().0;
            above[0].iter_mut().zip(chunks).for_each(|(sum, chunk)| *sum = chunk.iter().sum());
        }
        self.total = self.levels.last().map_or(0.0, |top| top.iter().sum());
        (self.low, self.high) = (self.total / 16.0, self.total * 16.0);
        self.changes = 0;
    }

    #[inline(always)]
    pub fn set(&mut self, i: usize, value: f64) {
        let by = value - self.levels[0][i];
        self.levels[0][i] = value;
        self.total += by;
        self.changes += 1;
        let mut place = i;
        for level in &mut self.levels[1..] {
            place /= WIDE;
            level[place] += by;
        }
    }

    /// Keep the round-off small; to be called after some changes, before the total is used.
    #[inline(always)]
    pub fn settle(&mut self) {
        if self.changes >= self.most_changes || self.total < self.low || self.total > self.high {
            self.renew();
        }
    }

    /// The number in which a point between zero and the total falls, `None` where all are zero.
    #[inline(always)]
    pub fn find(&self, mut point: f64) -> Option<usize> {
        let mut place = 0;
        for (k, level) in self.levels.iter().enumerate().rev() {
            let chunk = &level[place * WIDE..place * WIDE + WIDE];
            let mut i = 0;
            while i < WIDE - 1 && point >= chunk[i] {
                point -= chunk[i];
                i += 1;
            }
            place = place * WIDE + i;
            // Round-off in the sums may lead beside.
            if !(chunk[i] > 0.0) {
                return self.beside(place * WIDE.pow(k as u32));
            }
        }
        Some(place)
    }

    /// The last number before a place that is not zero, or else the first.
    #[cold]
    fn beside(&self, place: usize) -> Option<usize> {
        let numbers = &self.levels[0];
        let before = &numbers[..place.min(numbers.len())];
        before.iter().rposition(|a| *a > 0.0).or_else(|| numbers.iter().position(|a| *a > 0.0))
    }
}

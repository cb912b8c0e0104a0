//! Choice among many numbers in a time that does not grow with how many: composition and rejection (Slepoy, Thompson & Plimpton 2008,
//! doi:10.1063/1.2919546).
//!
//! Numbers between two powers of two are a group. A group is found by the sums, a member by picking one at random and keeping it with
//! the share that its number is of the group's upper power: more than half of the picks are kept. The sums of groups keep the round-off
//! of changes; they are taken anew as those of [`super::sums`] are, and that of an empty group is zero.

use super::draws::Uniforms;

const NONE: u16 = u16::MAX;
const LEAST_BETWEEN: u32 = 1_000;

#[derive(Debug, Clone, Copy)]
struct Number {
    value: f64,
    /// Where it stands among the members of its group.
    place: u32,
    group: u16,
}

#[derive(Debug, Clone)]
struct Group {
    sum: f64,
    /// The power of two above its numbers.
    above: f64,
    members: Vec<u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Groups {
    numbers: Vec<Number>,
    groups: Vec<Group>,
    /// `[exponent]`: its group.
    by_exponent: Vec<u16>,
    total: f64,
    low: f64,
    high: f64,
    changes: u32,
    most_changes: u32,
}

impl Groups {
    pub fn new(n: usize) -> Groups {
        Groups {
            numbers: vec![Number { value: 0.0, place: 0, group: NONE }; n],
            groups: Vec::new(),
            by_exponent: vec![NONE; 2048],
            total: 0.0,
            low: 0.0,
            high: 0.0,
            changes: 0,
            most_changes: (n as u32).max(LEAST_BETWEEN),
        }
    }

    #[inline(always)]
    pub fn at(&self, i: usize) -> f64 {
        self.numbers[i].value
    }

    #[inline(always)]
    pub fn total(&self) -> f64 {
        self.total
    }

    #[inline(always)]
    pub fn set(&mut self, i: usize, value: f64) {
        let Number { value: old, group: from, .. } = self.numbers[i];
        // Equal exponents: the same group.
        let group = if value > 0.0 { self.by_exponent[(value.to_bits() >> 52) as usize] } else { NONE };
        self.total += value - old;
        self.changes += 1;
        if group == from && group != NONE {
            self.groups[group as usize].sum += value - old;
            self.numbers[i].value = value;
        } else if value > 0.0 || old > 0.0 {
            self.shift(i, value);
        }
    }

    /// A number that changes its group.
    #[inline(never)]
    fn shift(&mut self, i: usize, value: f64) {
        let Number { value: old, place, group } = self.numbers[i];
        if group != NONE {
            let from = &mut self.groups[group as usize];
            from.members.swap_remove(place as usize);
            from.sum = if from.members.is_empty() { 0.0 } else { from.sum - old };
            if let Some(moved) = from.members.get(place as usize) {
                self.numbers[*moved as usize].place = place;
            }
        }
        self.numbers[i] = Number { value, place: 0, group: NONE };
        if value > 0.0 {
            let exponent = (value.to_bits() >> 52) as usize;
            if self.by_exponent[exponent] == NONE {
                self.by_exponent[exponent] = self.groups.len() as u16;
                let above = 2.0 * f64::from_bits((exponent as u64) << 52);
                self.groups.push(Group { sum: 0.0, above, members: Vec::new() });
            }
            let group = self.by_exponent[exponent];
            let to = &mut self.groups[group as usize];
            self.numbers[i] = Number { value, place: to.members.len() as u32, group };
            to.members.push(i as u32);
            to.sum += value;
        }
    }

    /// Keep the round-off small; to be called after some changes, before the total is used.
    #[inline(always)]
    pub fn settle(&mut self) {
        if self.changes >= self.most_changes || self.total < self.low || self.total > self.high {
            self.renew();
        }
    }

    #[inline(never)]
    fn renew(&mut self) {
        for group in &mut self.groups {
            group.sum = group.members.iter().map(|i| self.numbers[*i as usize].value).sum();
        }
        // The heaviest first, where most searches end.
        self.groups.sort_by(|a, b| b.sum.total_cmp(&a.sum).then(b.above.total_cmp(&a.above)));
        for (g, group) in self.groups.iter().enumerate() {
            self.by_exponent[(0.5 * group.above).to_bits() as usize >> 52] = g as u16;
            group.members.iter().for_each(|i| self.numbers[*i as usize].group = g as u16);
        }
        self.total = self.groups.iter().map(|g| g.sum).sum();
        (self.low, self.high) = (self.total / 16.0, self.total * 16.0);
        self.changes = 0;
    }

    /// A number drawn with a probability in proportion to it, `None` where all are zero.
    #[inline(always)]
    pub fn draw(&self, draws: &mut Uniforms) -> Option<usize> {
        let mut point = draws.next() * self.total;
        let mut found = None;
        for group in &self.groups {
            if !group.members.is_empty() {
                found = Some(group);
                point -= group.sum;
                if point < 0.0 {
                    break;
                }
            }
        }
        let group = found?;
        let n = group.members.len() as f64;
        loop {
            // One uniform picks a member by its whole part and keeps it by what is left.
            let pick = draws.next() * n;
            let which = pick as u32;
            let i = group.members[which as usize];
            if (pick - f64::from(which)) * group.above < self.numbers[i as usize].value {
                return Some(i as usize);
            }
        }
    }
}

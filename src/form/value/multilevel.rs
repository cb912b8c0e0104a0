//! Values by levels of steps: many coarse paths and few fine ones, to a root-mean-square error asked for (Giles 2008; 2015).
//!
//! Level `l` has twice the steps of level `l - 1`, and gives the mean of the difference of their payoffs along one Brownian path.
//! With `V_l` the variance of a sample and `C_l` its cost, `N_l ∝ √(V_l/C_l)` samples are cheapest (Giles 2008, theorem 3.1). A
//! barrier is watched on the coarse path through the point half-way that the fine one has (Giles 2008b, section 5), and a payoff that
//! jumps is replaced by its mean over the last step (the same, section 6): either keeps the mean and makes the variance smaller.

use super::bridge::independent;
use super::functional::{Functional, Watch};
use super::methods::{BIAS_SHARE, CostReport, Level, Method, Sampled};
use super::pieces::{In, Piece, jumps, normal_mean, pieces};
use super::walk::{Increments, States, Walk, in_pairs};
use super::{Posed, broken};
use crate::base::rng::Key;
use crate::base::{Result, math};
use crate::expr::LANES;
use rayon::prelude::*;

/// Steps of paths worked on together.
const BLOCK: usize = 1 << 13;
/// Samples that a level begins with.
const PILOT: u64 = 256;
/// Levels that the pilot has.
const FIRST_LEVELS: usize = 5;
/// The most levels; the finest has 2^20 steps.
const MOST_LEVELS: usize = 21;
/// Steps over all paths that are too many.
const MOST_COST: f64 = 1e12;

/// Sums over the samples of a level: of corrections, and of its own payoff.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub n: f64,
    correction: [f64; 2],
    payoff: [f64; 2],
}

impl Sums {
    fn add(&mut self, corrections: &[f64], payoffs: &[f64]) {
        self.n += payoffs.len() as f64;
        for (sums, values) in [(&mut self.correction, corrections), (&mut self.payoff, payoffs)] {
            sums[0] += values.iter().sum::<f64>();
            sums[1] += values.iter().map(|v| v * v).sum::<f64>();
        }
    }

    fn join(&mut self, other: &Sums) {
        self.n += other.n;
        for k in 0..2 {
            self.correction[k] += other.correction[k];
            self.payoff[k] += other.payoff[k];
        }
    }

    fn moments(&self, sums: [f64; 2]) -> (f64, f64) {
        let mean = sums[0] / self.n;
        (mean, (sums[1] / self.n - mean * mean).max(0.0) * self.n / (self.n - 1.0))
    }

    /// Mean and variance of the corrections.
    pub fn corrections(&self) -> (f64, f64) {
        self.moments(self.correction)
    }

    /// Mean and variance of the payoffs.
    pub fn payoffs(&self) -> (f64, f64) {
        self.moments(self.payoff)
    }
}

/// Samples of a level from one number to before another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub level: usize,
    /// Whether the level's own payoff is sampled, and not its difference from the coarser one.
    pub alone: bool,
    pub from: u64,
    pub to: u64,
}

/// Paths of two lengths of step along one Brownian path.
pub(super) struct Coupled<'a> {
    pub(super) posed: &'a Posed<'a>,
    pub(super) walk: Walk<'a>,
    pub(super) functional: Functional<'a>,
    /// The payoff's pieces, where it jumps and hangs on the last state alone.
    pub(super) smoothed: Option<Vec<Piece>>,
    pub(super) key: Key,
}

impl<'a> Coupled<'a> {
    /// The pair of a value's paths, smoothed over the last step where the payoff jumps and sees that alone.
    ///
    /// # Errors
    /// Those of [`Walk::new`].
    pub fn new(posed: &'a Posed<'a>, key: Key) -> Result<Coupled<'a>> {
        let functional = Functional::new(posed)?;
        let last_alone = !functional.sees_path() && posed.under.scalar().is_some();
        let smoothed = if last_alone { pieces(posed, 0, In::State).filter(|p| jumps(p)) } else { None };
        Ok(Coupled { posed, walk: Walk::new(posed, false)?, functional, smoothed, key })
    }

    fn steps(&self, level: usize) -> usize {
        self.functional.beat() << level
    }

    /// Corrections and payoffs; with no coarser path the two are the same.
    fn sample(&self, &Stretch { level, alone, from, to }: &Stretch) -> (Vec<f64>, Vec<f64>) {
        let width = (to - from) as usize;
        let (n, noises) = (self.steps(level), self.walk.noises());
        let h = self.posed.expiry / n as f64;
        // Levels are far apart in the numbering of paths.
        let increments = independent(self.key, (level as u64) << 48 | from, width, n, noises, h);
        let states = self.walk.along(n, &increments);
        let fine = match &self.smoothed {
            Some(pieces) => self.over_the_last_step(pieces, &states, None),
            None => self.functional.worth(&states, Watch::Left { halves: None }),
        };
        if alone {
            return (fine.clone(), fine);
        }
        let states = self.walk.along(n / 2, &in_pairs(&increments, noises));
        let coarse = match &self.smoothed {
            Some(pieces) => self.over_the_last_step(pieces, &states, Some(&increments)),
            None => self.functional.worth(&states, Watch::Left { halves: Some(&increments) }),
        };
        (fine.iter().zip(&coarse).map(|(f, c)| f - c).collect(), fine)
    }

    /// The mean of the payoff over an Euler step from the state before the last; of a coarse path over the second half of it, the
    /// first being known.
    fn over_the_last_step(&self, pieces: &[Piece], states: &States, halves: Option<&Increments>) -> Vec<f64> {
        let (n, width) = (states.len(), states[0][0].len());
        let h = self.posed.expiry / n as f64;
        let start;
        let x = if n > 1 {
            &states[n - 2][0]
        } else {
            start = vec![self.posed.x0[0]; width];
            &start
        };
        let Some(scalar) = self.posed.under.scalar() else { return vec![f64::NAN; width] };
        let (mut drift, mut noise) = (vec![0.0; width], vec![0.0; width]);
        scalar.coefficients(self.posed.theta).eval((n - 1) as f64 * h, x, &mut drift, &mut noise);
        let factor = self.posed.factor().unwrap_or(f64::NAN);
        let one = |p: usize| {
            let mean = x[p] + drift[p] * h;
            let b = noise[p].abs();
            factor
                * match halves {
                    None => normal_mean(pieces, mean, b * h.sqrt()),
                    Some(dw) => normal_mean(pieces, mean + noise[p] * dw[2 * n - 2][p], b * (0.5 * h).sqrt()),
                }
        };
        (0..width).map(one).collect()
    }

    /// Samples worked on together. Fixed by the level alone, so that the order of sums is too.
    fn width(&self, level: usize) -> u64 {
        ((BLOCK / self.steps(level)).clamp(LANES, 16 * LANES)) as u64
    }

    /// Sums over stretches. The blocks of all are one list of work, so that threads wait for each other once and not at the end of
    /// every level; the last given begin first: they should be the dearest.
    pub fn sums(&self, stretches: &[Stretch]) -> Vec<Sums> {
        // In parts, so that the list stays short.
        const PART: usize = 1 << 16;
        let mut blocks = stretches.iter().enumerate().rev().flat_map(|(owner, stretch)| {
            let width = self.width(stretch.level);
            let starts = (stretch.from..stretch.to).step_by(width as usize);
            starts.map(move |from| (owner, Stretch { from, to: stretch.to.min(from + width), ..*stretch }))
        });
        let mut sums = vec![Sums::default(); stretches.len()];
        loop {
            let part: Vec<(usize, Stretch)> = blocks.by_ref().take(PART).collect();
            if part.is_empty() {
                return sums;
            }
            let found: Vec<Sums> = part
                .par_iter()
                .with_max_len(1)
                .map(|(_, block)| {
                    let (corrections, payoffs) = self.sample(block);
                    let mut sums = Sums::default();
                    sums.add(&corrections, &payoffs);
                    sums
                })
                .collect();
            part.iter().zip(&found).for_each(|((owner, _), found)| sums[*owner].join(found));
        }
    }
}

/// The levels in use and what is known of them.
struct Ladder<'a> {
    coupled: Coupled<'a>,
    /// The coarsest level, whose payoff itself is sampled.
    first: usize,
    sums: Vec<Sums>,
    spent: f64,
}

impl Ladder<'_> {
    fn cost(&self, level: usize) -> f64 {
        let n = self.coupled.steps(level) as f64;
        if level == self.first { n } else { 1.5 * n }
    }

    /// Bring levels, coarse ones first, to numbers of samples.
    fn sample(&mut self, goals: &[(usize, u64)]) {
        let stretch = |(level, to): &(usize, u64)| {
            let from = self.sums[*level].n as u64;
            Stretch { level: *level, alone: *level == self.first, from, to: *to }
        };
        let stretches: Vec<Stretch> = goals.iter().map(stretch).collect();
        for (stretch, found) in stretches.iter().zip(self.coupled.sums(&stretches)) {
            self.sums[stretch.level].join(&found);
            self.spent += found.n * self.cost(stretch.level);
        }
    }

    fn moments(&self, level: usize) -> (f64, f64) {
        if level == self.first { self.sums[level].payoffs() } else { self.sums[level].corrections() }
    }

    fn last(&self) -> usize {
        self.sums.len() - 1
    }

    /// Orders of mean and variance in the step, by least squares over the corrections.
    fn orders(&self) -> (f64, f64) {
        let levels: Vec<usize> = (self.first + 1..=self.last()).collect();
        let slope = |of: &dyn Fn(usize) -> f64| {
            let middle = levels.iter().sum::<usize>() as f64 / levels.len() as f64;
            let (mut xy, mut xx) = (0.0, 0.0);
            for level in &levels {
                let x = *level as f64 - middle;
                xy += x * math::ln(of(*level).max(1e-300)) / std::f64::consts::LN_2;
                xx += x * x;
            }
            if xx > 0.0 { -xy / xx } else { 1.0 }
        };
        (slope(&|l| self.moments(l).0.abs()), slope(&|l| self.moments(l).1))
    }

    /// Variances of the levels, none below what the coarser ones and the order let expect: few samples may miss rare ones.
    fn variances(&self, beta: f64) -> Vec<f64> {
        let mut v: Vec<f64> = (self.first..=self.last()).map(|l| self.moments(l).1).collect();
        for k in 3..v.len() {
            v[k] = v[k].max(0.5 * v[k - 1] / math::pow(2.0, beta));
        }
        v
    }

    /// What is left of the bias beyond the finest level: the mean corrections of the last three go down as `2^-α`.
    fn bias(&self, alpha: f64) -> f64 {
        let rate = math::pow(2.0, alpha);
        let last = self.last();
        let of = |k: usize| self.moments(last - k).0.abs() / math::powi(rate, k as i32) / (rate - 1.0);
        (0..3.min(last - self.first)).map(of).fold(0.0, f64::max)
    }
}

/// Value to a root-mean-square error of `goal`.
pub(super) fn multilevel(posed: &Posed, goal: f64, key: Key) -> Result<Sampled> {
    if !(goal > 0.0 && goal.is_finite()) {
        return Err(broken(posed.model, format!("an error of {goal} was asked for"), "give an error above zero"));
    }
    let coupled = Coupled::new(posed, key)?;
    let mut ladder = Ladder { coupled, first: 0, sums: vec![Sums::default(); FIRST_LEVELS], spent: 0.0 };
    let pilot: Vec<(usize, u64)> = (0..FIRST_LEVELS).map(|level| (level, PILOT)).collect();
    ladder.sample(&pilot);
    ladder.first = coarsest(&ladder);
    loop {
        let (alpha, beta) = ladder.orders();
        // A smooth payoff has order one; more is a matter of chance.
        let (alpha, beta) = (alpha.clamp(0.5, 1.0), beta.clamp(0.5, 3.0));
        let variances = ladder.variances(beta);
        let costs: Vec<f64> = (ladder.first..=ladder.last()).map(|l| ladder.cost(l)).collect();
        let whole: f64 = variances.iter().zip(&costs).map(|(v, c)| (v * c).sqrt()).sum();
        let budget = (1.0 - BIAS_SHARE) * goal * goal;
        let predicted = whole * whole / budget;
        if !(predicted + ladder.spent < MOST_COST) {
            let why = format!("an error of {goal:e} would take {predicted:e} steps of paths");
            return Err(broken(posed.model, why, "ask for a larger error"));
        }
        let mut goals = Vec::new();
        for (k, (v, c)) in variances.iter().zip(&costs).enumerate() {
            let level = ladder.first + k;
            let wanted = ((v / c).sqrt() * whole / budget).ceil();
            let have = ladder.sums[level].n;
            if wanted > 1.01 * have {
                // Not all at once: a variance from few samples may ask for too many.
                goals.push((level, wanted.min(4.0 * have) as u64));
            }
        }
        if !goals.is_empty() {
            ladder.sample(&goals);
            continue;
        }
        let bias = ladder.bias(alpha);
        if bias <= BIAS_SHARE.sqrt() * goal {
            return answer(posed, &ladder, bias, predicted);
        }
        if ladder.sums.len() == MOST_LEVELS {
            let why =
                format!("its steps still change it by {bias:e} at {} of them", ladder.coupled.steps(ladder.last()));
            return Err(broken(posed.model, why, "ask for a larger error"));
        }
        // As many as theory lets expect of the new level, at least a block.
        let next = (ladder.sums[ladder.last()].n / math::pow(2.0, 0.5 * (beta + 1.0))).ceil().max(LANES as f64);
        ladder.sums.push(Sums::default());
        ladder.sample(&[(ladder.last(), next as u64)]);
    }
}

/// The coarsest level worth having: from which on the sum of `√(V C)` is least. At least three levels stay.
fn coarsest(ladder: &Ladder) -> usize {
    let from = |first: usize| {
        let steps = |l: usize| ladder.coupled.steps(l) as f64;
        let own = (ladder.sums[first].payoffs().1 * steps(first)).sqrt();
        let corrections =
            (first + 1..ladder.sums.len()).map(|l| (ladder.sums[l].corrections().1 * 1.5 * steps(l)).sqrt());
        let sum = own + corrections.sum::<f64>();
        if sum.is_finite() { sum } else { f64::INFINITY }
    };
    (0..ladder.sums.len() - 2).min_by(|a, b| from(*a).total_cmp(&from(*b))).unwrap_or(0)
}

fn answer(posed: &Posed, ladder: &Ladder, bias: f64, predicted: f64) -> Result<Sampled> {
    let levels: Vec<Level> = (ladder.first..=ladder.last())
        .map(|l| {
            let (mean, variance) = ladder.moments(l);
            let (steps, samples) = (ladder.coupled.steps(l), ladder.sums[l].n as u64);
            Level { steps, samples, mean, variance, cost: ladder.cost(l) }
        })
        .collect();
    let value: f64 = levels.iter().map(|l| l.mean).sum();
    let variance: f64 = levels.iter().map(|l| l.variance / l.samples as f64).sum();
    if !(value.is_finite() && variance.is_finite()) {
        return Err(posed.infinite("the mean over paths"));
    }
    let finest = ladder.sums[ladder.last()].payoffs().1 * ladder.coupled.steps(ladder.last()) as f64;
    let report = CostReport {
        method: Method::Multilevel,
        levels,
        cost: ladder.spent,
        predicted,
        plain: finest / variance,
        orders: Some(ladder.orders()),
    };
    Ok(Sampled { value, error: variance.sqrt(), bias: Some(bias), report })
}

//! Forward and backward through a record: Bayes' rule on the mesh, and what the whole record says of each move.

use super::kernel::{Band, Coefficients};
use crate::base::dispatch::{Kernel, Level};
use crate::base::math;

/// A place with less than this is not moved from.
const NOTHING: f64 = 1e-13;

/// How the density of the level's move hangs on the coefficients of a move.
trait Law: Copy {
    /// Whether its logarithm hangs on `ln(1 + q)` with a factor of its own.
    const HAS_TAIL: bool;
    /// The density, and `ln(1 + q)`.
    fn density(self, c: [f64; 3], r: f64) -> (f64, f64);
    /// What the slope of the log density in any parameter is linear in, beside one and `ln(1 + q)`.
    fn features(self, c: [f64; 3], r: f64) -> [f64; 2];
}

#[derive(Clone, Copy)]
struct Normal;

impl Law for Normal {
    const HAS_TAIL: bool = false;
    #[inline(always)]
    fn density(self, [c0, c1, c2]: [f64; 3], r: f64) -> (f64, f64) {
        (math::exp(c0 + r * (c1 + r * c2)), 0.0)
    }
    #[inline(always)]
    fn features(self, _: [f64; 3], r: f64) -> [f64; 2] {
        [r, r * r]
    }
}

#[derive(Clone, Copy)]
struct Student {
    power: f64,
}

impl Law for Student {
    const HAS_TAIL: bool = true;
    #[inline(always)]
    fn density(self, [c0, c1, c2]: [f64; 3], r: f64) -> (f64, f64) {
        let z = r * c1 - c2;
        let log = math::ln(1.0 + z * z);
        (math::exp(c0 - self.power * log), log)
    }
    #[inline(always)]
    fn features(self, [_, c1, c2]: [f64; 3], r: f64) -> [f64; 2] {
        let z = r * c1 - c2;
        let share = z / (1.0 + z * z);
        [share, z * share]
    }
}

/// The masses after a row in which the level moved by `move_by`, and the density of that move; `None` where it is impossible.
pub(super) fn forward(band: &Band, c: &Coefficients, masses: &[f64], move_by: f64) -> Option<(Vec<f64>, f64)> {
    let mut next = vec![0.0; masses.len()];
    match c.power {
        None => Level::best().run(Forward { law: Normal, band, c, masses, move_by, next: &mut next }),
        Some(power) => {
            Level::best().run(Forward { law: Student { power }, band, c, masses, move_by, next: &mut next });
        }
    }
    let density: f64 = next.iter().sum();
    next.iter_mut().for_each(|m| *m /= density);
    (density > 0.0 && density.is_finite()).then_some((next, density))
}

struct Forward<'a, L> {
    law: L,
    band: &'a Band,
    c: &'a Coefficients,
    masses: &'a [f64],
    move_by: f64,
    next: &'a mut [f64],
}

impl<L: Law> Kernel for Forward<'_, L> {
    #[inline(always)]
    fn run(self) {
        let Forward { law, band, c, masses, move_by: r, next } = self;
        next.fill(0.0);
        let mut at = 0;
        for (mass, (first, count)) in masses.iter().zip(&band.moves) {
            if *mass <= NOTHING {
                at += count * band.blocks();
                continue;
            }
            let to = &mut next[*first..first + count];
            for _ in 0..band.blocks() {
                let all = at..at + count;
                let (c0, c1, c2) = (&c.c0[all.clone()], &c.c1[all.clone()], &c.c2[all]);
                for (((to, c0), c1), c2) in to.iter_mut().zip(c0).zip(c1).zip(c2) {
                    *to += mass * law.density([*c0, *c1, *c2], r).0;
                }
                at += count;
            }
        }
    }
}

/// Expected sums over the rows of one and of both features, where each move was made, and of `ln(1 + q)` over all moves.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    one: Vec<f64>,
    features: [Vec<f64>; 2],
    tail: f64,
}

/// Slopes of the log densities of all moves in one parameter: what stands before one, both features and `ln(1 + q)`.
#[derive(Debug, Clone)]
pub(super) struct Slopes {
    one: Vec<f64>,
    features: [Vec<f64>; 2],
    tail: f64,
}

impl Slopes {
    /// From coefficients at points under weights whose sum with them is the derivative, and the coefficients here.
    pub fn new(here: &Coefficients, points: &[(f64, &Coefficients)]) -> Slopes {
        let all = |of: fn(&Coefficients) -> &Vec<f64>| -> Vec<f64> {
            (0..here.c0.len()).map(|k| points.iter().map(|(w, c)| w * of(c)[k]).sum()).collect()
        };
        let (one, by_c1, by_c2) = (all(|c| &c.c0), all(|c| &c.c1), all(|c| &c.c2));
        let Some(power) = here.power else { return Slopes { one, features: [by_c1, by_c2], tail: 0.0 } };
        // `z = c1 r - c2`, so `dz = z d ln c1 + c2 d ln c1 - dc2`, and the log density changes by `-2 power z dz / (1 + z²)`.
        let relative: Vec<f64> = by_c1.iter().zip(&here.c1).map(|(slope, c1)| slope / c1).collect();
        let lone = |k: usize| 2.0 * power * (by_c2[k] - here.c2[k] * relative[k]);
        let first = (0..one.len()).map(lone).collect();
        let second = relative.iter().map(|r| -2.0 * power * r).collect();
        let tail = -points.iter().map(|(w, c)| w * c.power.unwrap_or(power)).sum::<f64>();
        Slopes { one, features: [first, second], tail }
    }
}

impl Sums {
    pub fn new(size: usize) -> Sums {
        Sums { one: vec![0.0; size], features: [vec![0.0; size], vec![0.0; size]], tail: 0.0 }
    }

    pub fn clear(&mut self) {
        self.one.fill(0.0);
        self.features.iter_mut().for_each(|f| f.fill(0.0));
        self.tail = 0.0;
    }

    /// Their product with slopes: by Fisher's identity the slope of the log-likelihood of the rows summed.
    pub fn along(&self, slopes: &Slopes) -> f64 {
        let part = |weights: &[f64], slopes: &[f64]| -> f64 {
            let mut lanes = [0.0; LANES];
            for (weights, slopes) in weights.chunks(LANES).zip(slopes.chunks(LANES)) {
                for ((lane, w), s) in lanes.iter_mut().zip(weights).zip(slopes) {
                    // What never happens may be impossible at all points: infinities do not count.
                    *lane += if *w != 0.0 { w * s } else { 0.0 };
                }
            }
            lanes.iter().sum()
        };
        let [first, second] = [0, 1].map(|i| part(&self.features[i], &slopes.features[i]));
        part(&self.one, &slopes.one) + first + second + self.tail * slopes.tail
    }
}

/// From what later rows say of each place after a row (`after`), what they and this row say of each before, scaled by `scale`; the sums
/// grow by what this row says of each move.
pub(super) fn backward(
    band: &Band,
    c: &Coefficients,
    (masses, move_by, scale): (&[f64], f64, f64),
    after: &[f64],
    before: &mut [f64],
    sums: &mut Sums,
) {
    match c.power {
        None => Level::best().run(Backward { law: Normal, band, c, masses, move_by, scale, after, before, sums }),
        Some(power) => {
            let law = Student { power };
            Level::best().run(Backward { law, band, c, masses, move_by, scale, after, before, sums });
        }
    }
}

struct Backward<'a, L> {
    law: L,
    band: &'a Band,
    c: &'a Coefficients,
    masses: &'a [f64],
    move_by: f64,
    scale: f64,
    after: &'a [f64],
    before: &'a mut [f64],
    sums: &'a mut Sums,
}

/// Sums side by side, so that a loop is vector code and the order of additions is one.
const LANES: usize = 8;
/// Moves looked at together.
const TOGETHER: usize = 64;

impl<L: Law> Kernel for Backward<'_, L> {
    #[inline(always)]
    fn run(self) {
        let Backward { law, band, c, masses, move_by: r, scale, after, before, sums } = self;
        let [sums_first, sums_second] = &mut sums.features;
        let mut at = 0;
        let mut tails = [0.0; LANES];
        for ((mass, before), (first, count)) in masses.iter().zip(before.iter_mut()).zip(&band.moves) {
            *before = 0.0;
            if *mass <= NOTHING {
                at += count * band.blocks();
                continue;
            }
            let after = &after[*first..first + count];
            let mut lanes = [0.0; LANES];
            for _ in 0..band.blocks() {
                let all = at..at + count;
                let (c0, c1, c2) = (&c.c0[all.clone()], &c.c1[all.clone()], &c.c2[all.clone()]);
                let (one, by_first, by_second) =
                    (&mut sums.one[all.clone()], &mut sums_first[all.clone()], &mut sums_second[all]);
                let (mut told, mut logs) = ([0.0; TOGETHER], [0.0; TOGETHER]);
                let mut from = 0;
                while from < *count {
                    let to = (from + TOGETHER).min(*count);
                    for k in from..to {
                        let (density, log) = law.density([c0[k], c1[k], c2[k]], r);
                        told[k - from] = scale * density * after[k];
                        logs[k - from] = log;
                    }
                    for k in from..to {
                        let w = mass * told[k - from];
                        let [first, second] = law.features([c0[k], c1[k], c2[k]], r);
                        one[k] += w;
                        by_first[k] += w * first;
                        by_second[k] += w * second;
                    }
                    for (k, t) in told[..to - from].iter().enumerate() {
                        lanes[k % LANES] += t;
                    }
                    if L::HAS_TAIL {
                        for (k, (t, log)) in told[..to - from].iter().zip(&logs).enumerate() {
                            tails[k % LANES] += mass * t * log;
                        }
                    }
                    from = to;
                }
                at += count;
            }
            *before = lanes.iter().sum();
        }
        sums.tail += tails.iter().sum::<f64>();
    }
}

//! Forward and backward through a record: Bayes' rule on the mesh, and what the whole record says of each move.

use super::kernel::{Band, Coefficients};
use crate::base::dispatch::{Kernel, Level};
use crate::base::math;

/// A place with less than this is not moved from.
const NOTHING: f64 = 1e-13;

/// The masses after a row in which the level moved by `move_by`, and the density of that move; `None` where it is impossible.
pub(super) fn forward(band: &Band, c: &Coefficients, masses: &[f64], move_by: f64) -> Option<(Vec<f64>, f64)> {
    let mut next = vec![0.0; masses.len()];
    Level::best().run(Forward { band, c, masses, move_by, next: &mut next });
    let density: f64 = next.iter().sum();
    next.iter_mut().for_each(|m| *m /= density);
    (density > 0.0 && density.is_finite()).then_some((next, density))
}

struct Forward<'a> {
    band: &'a Band,
    c: &'a Coefficients,
    masses: &'a [f64],
    move_by: f64,
    next: &'a mut [f64],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        let Forward { band, c, masses, move_by: r, next } = self;
        next.fill(0.0);
        let mut at = 0;
        for (mass, (first, count)) in masses.iter().zip(&band.moves) {
            if *mass <= NOTHING {
                at += count * band.counts;
                continue;
            }
            let to = &mut next[*first..first + count];
            for _ in 0..band.counts {
                let all = at..at + count;
                let (c0, c1, c2) = (&c.c0[all.clone()], &c.c1[all.clone()], &c.c2[all]);
                for (((to, c0), c1), c2) in to.iter_mut().zip(c0).zip(c1).zip(c2) {
                    *to += mass * math::exp(c0 + r * (c1 + r * c2));
                }
                at += count;
            }
        }
    }
}

/// Expected sums over the rows of one, of the level's move and of its square, where each move was made.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    pub one: Vec<f64>,
    pub moved: Vec<f64>,
    pub squared: Vec<f64>,
}

impl Sums {
    pub fn new(size: usize) -> Sums {
        Sums { one: vec![0.0; size], moved: vec![0.0; size], squared: vec![0.0; size] }
    }

    /// Their product with what the coefficients change by: by Fisher's identity the change of the log-likelihood.
    pub fn along(&self, from: &Coefficients, to: &Coefficients) -> f64 {
        let part = |weights: &[f64], from: &[f64], to: &[f64]| -> f64 {
            // What never happens may be impossible at both: infinities do not count.
            let one = |((w, a), b): ((&f64, &f64), &f64)| if *w != 0.0 { w * (b - a) } else { 0.0 };
            weights.iter().zip(from).zip(to).map(one).sum()
        };
        part(&self.one, &from.c0, &to.c0) + part(&self.moved, &from.c1, &to.c1) + part(&self.squared, &from.c2, &to.c2)
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
    Level::best().run(Backward { band, c, masses, move_by, scale, after, before, sums });
}

struct Backward<'a> {
    band: &'a Band,
    c: &'a Coefficients,
    masses: &'a [f64],
    move_by: f64,
    scale: f64,
    after: &'a [f64],
    before: &'a mut [f64],
    sums: &'a mut Sums,
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run(self) {
        let Backward { band, c, masses, move_by: r, scale, after, before, sums } = self;
        let mut at = 0;
        for ((mass, before), (first, count)) in masses.iter().zip(before.iter_mut()).zip(&band.moves) {
            *before = 0.0;
            if *mass <= NOTHING {
                at += count * band.counts;
                continue;
            }
            let after = &after[*first..first + count];
            // Eight sums side by side, so that the loop is vector code and the order of additions is one.
            let mut lanes = [0.0; 8];
            for _ in 0..band.counts {
                let all = at..at + count;
                let (c0, c1, c2) = (&c.c0[all.clone()], &c.c1[all.clone()], &c.c2[all.clone()]);
                let (one, moved, squared) =
                    (&mut sums.one[all.clone()], &mut sums.moved[all.clone()], &mut sums.squared[all]);
                let mut told = [0.0; 64];
                let mut from = 0;
                while from < *count {
                    let to = (from + 64).min(*count);
                    for k in from..to {
                        told[k - from] = scale * math::exp(c0[k] + r * (c1[k] + r * c2[k])) * after[k];
                    }
                    for k in from..to {
                        let w = mass * told[k - from];
                        one[k] += w;
                        moved[k] += w * r;
                        squared[k] += w * r * r;
                    }
                    for (k, t) in told[..to - from].iter().enumerate() {
                        lanes[k % 8] += t;
                    }
                    from = to;
                }
                at += count;
            }
            *before = lanes.iter().sum();
        }
    }
}

//! A row within which the latent state forgets: its step made of shorter ones.
//!
//! Over a row of many times the latent's memory both ends say little of what lay between, and the trapezoid rule of the level's move is
//! wrong. The row is cut into `2^k` equal parts, each short against the memory, and the rule is taken in each; what a row needs is then its
//! conditional mean given both ends, by the Chapman-Kolmogorov equation for a transition with an additive functional of the path: with
//! `M(r) = E[e^{r ∫f}; to]`, `M_{s+t} = M_s M_t`, and of its derivatives at zero the first two are kept (the forward equation of a
//! functional, Kac 1949). Given both ends the level's move is taken as a mixture of two normal laws (or Student's) that has the mean, the
//! variance and, to the leading order, the third and fourth cumulants so found. What is left, as a share of the density's peak (a standard deviation
//! of the log variance of 0.8): below 0.004 without correlation, 0.02 at -0.5, and 0.16 at -0.9 where a row is eight times the memory.

use super::shape::Rates;
use crate::base::dispatch::{Kernel, Level};
use crate::base::math;

/// Variance of the latent's step in the coordinate of unit noise, over the length of the step, from which on a row is one part: a quarter
/// of the time of memory.
const WHOLE: f64 = 0.8;
/// A part is no longer than this many times what that ratio tells of the memory.
const PART: f64 = 1.2;
/// Most doublings: a row of a million times the memory.
const MOST_DOUBLINGS: u32 = 24;

/// How many times a row is halved; `ratio` is the variance of its step, in the coordinate of unit noise, over its length.
pub(super) fn halvings(ratio: f64) -> u32 {
    let mut halvings = 0;
    if ratio < WHOLE {
        while halvings < MOST_DOUBLINGS && f64::from(1u32 << halvings) * ratio < PART {
            halvings += 1;
        }
    }
    halvings
}

/// The length of one of `2^halvings` parts.
pub(super) fn part(dt: f64, halvings: u32) -> f64 {
    dt / f64::from(1u32 << halvings)
}

/// Most of a move's variance that lies between the two laws of its mixture.
const BETWEEN: f64 = 0.5;

/// Relative spread `b` of the variances of a mixture of two normal laws, and by how much the mean moves where the variance is twice its own
/// mean, for a move of variance `v` whose noise's variance `V` has the standard deviation `sd` and the covariance `both` with the drift `J`.
///
/// In units of `v` let the means of the mixture be spread by `a`. Its third cumulant is `3 a b`, and that of the move `3 Cov(J, V)`; its
/// fourth is `3 b² - 2 a⁴`, and that of the move `3 Var V` where `J` is normal: so `2 x³ + 3 sd² x - 3 both² = 0` for `x = a²`.
pub(super) fn mixed(v: f64, sd: f64, both: f64) -> (f64, f64) {
    let (s, g) = (sd / v, both / (v * v.sqrt()));
    let (p, q) = (1.5 * s * s, 1.5 * g * g);
    let root = 0.5 * q + (0.25 * q * q + p * p * p / 27.0).sqrt();
    let root = if root > 0.0 { math::exp(math::ln(root) / 3.0) } else { 0.0 };
    let x = if root > 0.0 { (root - p / (3.0 * root)).clamp(0.0, BETWEEN) } else { 0.0 };
    let b = (s * s + 2.0 * x * x / 3.0).sqrt();
    if !(b > 0.0) {
        return (0.0, 0.0);
    }
    let a = (g / b).clamp(-BETWEEN.sqrt(), BETWEEN.sqrt());
    let spread = b / (1.0 - a * a);
    (spread, a * v.sqrt() / spread)
}

/// Of all paths from one place to another: their probability, and with it as a weight the means of what the level's move is made of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Joined {
    pub p: f64,
    /// `E[V; to]` and `E[V²; to]` of `V = ∫R`, the level's variance.
    pub variance: f64,
    pub variance_square: f64,
    /// `E[J; to]` and `E[J²; to]` of `J = ∫(a - D)`, the part of the level's drift that both ends do not tell.
    pub drift: f64,
    pub square: f64,
    /// `E[J V; to]`.
    pub cross: f64,
    /// `E[∫λ; to]`, the number of jumps.
    pub jumps: f64,
}

impl Joined {
    /// A part of length `dt` that leads between two places with probability `p`.
    fn part(p: f64, dt: f64, from: &Rates, to: &Rates) -> Joined {
        let mean = |of: fn(&Rates) -> f64| 0.5 * dt * (of(from) + of(to));
        let (drift, variance) = (mean(|r| r.drift), mean(|r| r.variance));
        Joined {
            p,
            variance: p * variance,
            variance_square: p * variance * variance,
            drift: p * drift,
            square: p * drift * drift,
            cross: p * drift * variance,
            jumps: p * mean(|r| r.jump_rate),
        }
    }
}

/// Transitions from one place to those from `first` on, each part of [`Joined`] side by side, in its order.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub first: usize,
    parts: [Vec<f64>; PARTS],
}

const PARTS: usize = 7;

impl Row {
    fn empty(first: usize, len: usize) -> Row {
        Row { first, parts: std::array::from_fn(|_| vec![0.0; len]) }
    }

    fn of(first: usize, joined: impl Iterator<Item = Joined>) -> Row {
        let mut row = Row::empty(first, 0);
        for j in joined {
            let all = [j.p, j.variance, j.variance_square, j.drift, j.square, j.cross, j.jumps];
            row.parts.iter_mut().zip(all).for_each(|(part, value)| part.push(value));
        }
        row
    }

    fn len(&self) -> usize {
        self.parts[0].len()
    }

    pub fn probabilities(&self) -> &[f64] {
        &self.parts[0]
    }

    fn get(&self, k: usize) -> Option<Joined> {
        let at = |part: usize| self.parts[part].get(k).copied();
        Some(Joined {
            p: at(0)?,
            variance: at(1)?,
            variance_square: at(2)?,
            drift: at(3)?,
            square: at(4)?,
            cross: at(5)?,
            jumps: at(6)?,
        })
    }
}

/// Transitions between places, row by row in a band.
#[derive(Debug, Clone)]
pub(super) struct Banded {
    /// `[from]`
    pub rows: Vec<Row>,
}

impl Banded {
    /// Parts of length `dt` with probabilities `[from][to in the band]`, each row scaled to one.
    pub fn parts(dt: f64, band: &[(usize, usize)], probabilities: &[f64], rates: &[Rates]) -> Banded {
        let mut at = 0;
        let row = |(from, (first, count)): (usize, &(usize, usize))| {
            let row = &probabilities[at..at + count];
            at += count;
            let total: f64 = row.iter().sum();
            let to = |(k, p): (usize, &f64)| Joined::part(p / total, dt, &rates[from], &rates[first + k]);
            Row::of(*first, row.iter().enumerate().map(to))
        };
        Banded { rows: band.iter().enumerate().map(row).collect() }
    }

    /// Twice as long. Cost: places times the square of the band's width.
    pub fn doubled(&self) -> Banded {
        let row = |row: &Row| {
            let through = &self.rows[row.first..row.first + row.len()];
            let least = through.iter().map(|r| r.first).min().unwrap_or(0);
            let most = through.iter().map(|r| r.first + r.len()).max().unwrap_or(0);
            let mut out = Row::empty(least, most.saturating_sub(least));
            Level::best().run(Through { row, through, out: &mut out });
            out
        };
        Banded { rows: self.rows.iter().map(row).collect() }
    }

    /// From one place to another; nothing outside the band.
    pub fn at(&self, from: usize, to: usize) -> Joined {
        let row = &self.rows[from];
        to.checked_sub(row.first).and_then(|k| row.get(k)).unwrap_or_default()
    }
}

/// All paths of one row, each followed by all of the rows it leads to.
struct Through<'a> {
    row: &'a Row,
    through: &'a [Row],
    out: &'a mut Row,
}

impl Kernel for Through<'_> {
    #[inline(always)]
    fn run(self) {
        let Through { row, through, out } = self;
        for (k, next) in through.iter().enumerate() {
            let [p, v, vv, d, dd, dv, j] = [0, 1, 2, 3, 4, 5, 6].map(|part: usize| row.parts[part][k]);
            let [np, nv, nvv, nd, ndd, ndv, nj] = &next.parts;
            let len = np.len();
            let to = next.first - out.first..next.first - out.first + len;
            let [op, ov, ovv, od, odd, odv, oj] = &mut out.parts;
            let (op, ov, ovv, od) =
                (&mut op[to.clone()], &mut ov[to.clone()], &mut ovv[to.clone()], &mut od[to.clone()]);
            let (odd, odv, oj) = (&mut odd[to.clone()], &mut odv[to.clone()], &mut oj[to]);
            let (nv, nvv, nd, ndd, ndv, nj) =
                (&nv[..len], &nvv[..len], &nd[..len], &ndd[..len], &ndv[..len], &nj[..len]);
            for i in 0..len {
                op[i] += p * np[i];
                ov[i] += v * np[i] + p * nv[i];
                ovv[i] += vv * np[i] + 2.0 * v * nv[i] + p * nvv[i];
                od[i] += d * np[i] + p * nd[i];
                odd[i] += dd * np[i] + 2.0 * d * nd[i] + p * ndd[i];
                odv[i] += dv * np[i] + d * nv[i] + v * nd[i] + p * ndv[i];
                oj[i] += j * np[i] + p * nj[i];
            }
        }
    }
}

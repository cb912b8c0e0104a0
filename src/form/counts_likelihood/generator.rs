//! The generator of a network along a line of states, with its slopes in the parameters, and `exp(Qt) p` by uniformisation (Jensen
//! 1953) of both at once.
//!
//! `p' = Qp` and `s_k' = Q s_k + (∂Q/∂θ_k) p` are one linear system. With one clock for both the sums are exact slopes of the truncated
//! sums of `p`. All terms of `p` are positive, so that small probabilities have as many digits as large ones.

use super::super::master_equation::poisson_weights;
use nalgebra::DMatrix;

/// All reactions that move the state by the same number of steps.
#[derive(Debug)]
pub(super) struct Jump {
    pub by: i64,
    /// `[state]`
    pub rate: Vec<f64>,
    /// (parameter, `[state]`)
    pub slopes: Vec<(usize, Vec<f64>)>,
}

/// Rates of the states `first .. first + n` along a line; what leaves them ends in a sink.
#[derive(Debug)]
pub(super) struct Generator {
    pub first: i64,
    pub n: usize,
    jumps: Vec<Jump>,
    /// `[state]`: rate of leaving.
    out: Vec<f64>,
    /// `[parameter][state]`
    d_out: Vec<Vec<f64>>,
    pub fastest: f64,
}

/// Probabilities with the sink last, and their slopes `[parameter]`.
#[derive(Debug, Clone)]
pub(super) struct Mass {
    pub p: Vec<f64>,
    pub d: Vec<Vec<f64>>,
}

impl Mass {
    fn zero(cells: usize, params: usize) -> Mass {
        Mass { p: vec![0.0; cells], d: vec![vec![0.0; cells]; params] }
    }

    /// Bring the sum of probabilities to `total` and that of their slopes to zero, from which products drift by round-off.
    fn settle(&mut self, total: f64) {
        let factor = total / self.p.iter().sum::<f64>();
        self.p.iter_mut().for_each(|p| *p *= factor);
        for d in &mut self.d {
            let drift = d.iter().sum::<f64>() / total;
            d.iter_mut().zip(&self.p).for_each(|(d, p)| *d -= p * drift);
        }
    }

    /// `self += w other`
    fn add(&mut self, w: f64, other: &Mass) {
        let columns = std::iter::once((&mut self.p, &other.p)).chain(self.d.iter_mut().zip(&other.d));
        for (sum, column) in columns {
            sum.iter_mut().zip(column).for_each(|(s, x)| *s += w * x);
        }
    }
}

/// Products that a stretch of `mean` mean jumps takes, about.
pub(super) fn products(mean: f64) -> f64 {
    mean + 9.0 * mean.sqrt() + 20.0
}

/// Poisson probabilities of `mean` and the count of the first, on to where they are small beside that of `reach`.
fn weights(mean: f64, reach: u64) -> (usize, Vec<f64>) {
    let (first, mut weights) = poisson_weights(mean);
    let (mut last, mut w) = (first + weights.len() - 1, weights.last().copied().unwrap_or(1.0));
    let known = usize::try_from(reach).ok().and_then(|reach| weights.get(reach.checked_sub(first)?)).copied();
    let mut least = match known {
        Some(at) if reach as f64 > mean => (1e-17 * at).min(w),
        None if reach > last as u64 => 0.0,
        _ => w,
    };
    while w > least {
        last += 1;
        w *= mean / last as f64;
        weights.push(w);
        if last as u64 == reach {
            least = 1e-17 * w;
        }
    }
    (first, weights)
}

impl Generator {
    pub fn new(first: i64, n: usize, jumps: Vec<Jump>, params: usize) -> Generator {
        let mut out = vec![0.0; n];
        let mut d_out = vec![vec![0.0; n]; params];
        for jump in &jumps {
            out.iter_mut().zip(&jump.rate).for_each(|(sum, r)| *sum += r);
            for (k, slope) in &jump.slopes {
                d_out[*k].iter_mut().zip(slope).for_each(|(sum, s)| *sum += s);
            }
        }
        let fastest = out.iter().copied().fold(0.0, f64::max);
        Generator { first, n, jumps, out, d_out, fastest }
    }

    /// Numbers touched by one product without slopes.
    pub fn size(&self) -> f64 {
        (self.n * (1 + self.jumps.len())) as f64
    }

    /// All mass in one state.
    pub fn point(&self, state: usize) -> Mass {
        let mut mass = Mass::zero(self.n + 1, self.d_out.len());
        mass.p[state] = 1.0;
        mass
    }

    /// `next = (1 + Q per) v`, and likewise the slopes.
    fn product(&self, v: &Mass, next: &mut Mass, per: f64) {
        let n = self.n;
        let stay = |v: &[f64], next: &mut [f64]| {
            for ((next, v), out) in next.iter_mut().zip(v).zip(&self.out) {
                *next = v * (1.0 - out * per);
            }
            next[n] = v[n];
        };
        stay(&v.p, &mut next.p);
        for (k, d) in v.d.iter().enumerate() {
            stay(d, &mut next.d[k]);
            for ((next, p), slope) in next.d[k].iter_mut().zip(&v.p).zip(&self.d_out[k]) {
                *next -= p * slope * per;
            }
        }
        for jump in &self.jumps {
            flow(jump.by, &jump.rate, &v.p, &mut next.p, per);
            v.d.iter().zip(&mut next.d).for_each(|(d, next)| flow(jump.by, &jump.rate, d, next, per));
            for (k, slope) in &jump.slopes {
                flow(jump.by, slope, &v.p, &mut next.d[*k], per);
            }
        }
    }

    /// The mass after a time `h`; of states as many jumps away as `reach` to all digits, however improbable.
    pub fn advance(&self, start: &Mass, h: f64, reach: u64) -> Mass {
        if !(self.fastest * h > 0.0) {
            return start.clone();
        }
        let (first, weights) = weights(self.fastest * h, reach);
        let per = 1.0 / self.fastest;
        let mut v = start.clone();
        let mut next = Mass::zero(self.n + 1, v.d.len());
        let mut sum = next.clone();
        let last = first + weights.len();
        for k in 0..last {
            if k >= first {
                sum.add(weights[k - first], &v);
            }
            if k + 1 < last {
                self.product(&v, &mut next, per);
                std::mem::swap(&mut v, &mut next);
            }
        }
        sum.settle(start.p.iter().sum());
        sum
    }

    /// How often a stretch is halved before it is solved from every state at once.
    pub fn halvings(&self, h: f64) -> i32 {
        let mut halved = h * self.fastest;
        let mut times = 0;
        while halved > 1.0 && times < 1_000 {
            halved *= 0.5;
            times += 1;
        }
        times
    }

    /// `exp(Qh)` and its slopes, `[to][from]`, by squaring: positive throughout, so that small entries keep their digits. A way of `reach`
    /// jumps may fall into one of the short stretches that are put together, so their sums go on as far.
    pub fn dense(&self, h: f64, reach: u64) -> (DMatrix<f64>, Vec<DMatrix<f64>>) {
        let cells = self.n + 1;
        let halvings = self.halvings(h);
        let short = (0..halvings).fold(h, |h, _| 0.5 * h);
        let mut p = DMatrix::zeros(cells, cells);
        let mut d = vec![DMatrix::zeros(cells, cells); self.d_out.len()];
        p[(self.n, self.n)] = 1.0;
        for from in 0..self.n {
            let mass = self.advance(&self.point(from), short, reach);
            p.column_mut(from).copy_from_slice(&mass.p);
            d.iter_mut().zip(&mass.d).for_each(|(d, column)| d.column_mut(from).copy_from_slice(column));
        }
        for _ in 0..halvings {
            d = d.iter().map(|d| d * &p + &p * d).collect();
            p = &p * &p;
            // A part in 1e16 that is squared twenty times is a part in 1e10.
            for from in 0..self.n {
                let mut mass = column(&p, &d, from);
                mass.settle(1.0);
                p.column_mut(from).copy_from_slice(&mass.p);
                d.iter_mut().zip(&mass.d).for_each(|(d, column)| d.column_mut(from).copy_from_slice(column));
            }
        }
        (p, d)
    }
}

/// The mass that starts in one state.
pub(super) fn column(p: &DMatrix<f64>, d: &[DMatrix<f64>], from: usize) -> Mass {
    let of = |m: &DMatrix<f64>| m.column(from).iter().copied().collect();
    Mass { p: of(p), d: d.iter().map(of).collect() }
}

/// `next[i + by] += v[i] rate[i] per`; into the sink where that is no state.
fn flow(by: i64, rate: &[f64], v: &[f64], next: &mut [f64], per: f64) {
    let n = rate.len() as i64;
    let (from, to) = ((-by).clamp(0, n), (n - by).clamp(0, n));
    let (from, to) = (from as usize, to.max(from) as usize);
    let target = (from as i64 + by).clamp(0, n) as usize;
    let length = to - from;
    for ((next, v), rate) in next[target..target + length].iter_mut().zip(&v[from..to]).zip(&rate[from..to]) {
        *next += v * (rate * per);
    }
    let beside = |range: std::ops::Range<usize>| range.map(|i| v[i] * (rate[i] * per)).sum::<f64>();
    next[n as usize] += beside(0..from) + beside(to..n as usize);
}

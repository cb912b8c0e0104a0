//! Laws of rows ahead: one step in closed form, more by paths of the recursion, the last step of each kept as a kernel.

use super::likelihood::Variances;
use crate::base::Transform;
use crate::base::rng::Key;
use crate::predictive::{Ensemble, Predictive};
use crate::process::{Family, Law};

/// Paths of a forecast of several rows, in antithetic pairs.
const PATHS: usize = 1_000;

/// How levels follow from what the recursion runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The increments are what is forecast.
    Increments,
    /// Levels are sums of differences.
    Sums,
    /// Levels are products of simple returns.
    Products,
}

impl Kind {
    pub fn of(transform: Transform) -> Kind {
        match transform {
            Transform::None => Kind::Sums,
            Transform::Log => Kind::Products,
            _ => Kind::Increments,
        }
    }
}

/// Where a path is on one row, and the mean and sd of the normal law it had there.
#[derive(Clone, Copy)]
struct Place {
    at: f64,
    kernel: (f64, f64),
}

/// What is known on the last row.
pub(super) struct Ahead {
    pub mean: f64,
    pub variances: Variances,
    /// Variance of the next row.
    pub first: f64,
    /// Degrees of freedom of Student's innovations.
    pub nu: Option<f64>,
    pub level: f64,
    pub kind: Kind,
}

impl Ahead {
    /// The law of what is scored, so many rows ahead.
    pub fn laws(&self, rows: &[usize], key: Key) -> Vec<Predictive> {
        let most = rows.iter().copied().max().unwrap_or(0);
        let far = if most > 1 { self.simulated(most, key) } else { Vec::new() };
        let one = |h: &usize| far.get(h.wrapping_sub(2)).cloned().flatten().unwrap_or_else(|| self.next());
        rows.iter().map(one).collect()
    }

    /// Where a path at `level` is expected next, and what a unit of the recursion moves it by.
    fn step_from(&self, level: f64) -> (f64, f64) {
        match self.kind {
            Kind::Increments => (self.mean, 1.0),
            Kind::Sums => (level + self.mean, 1.0),
            Kind::Products => (level * (1.0 + self.mean), level),
        }
    }

    fn next(&self) -> Predictive {
        let (mean, unit) = self.step_from(self.level);
        let sd = unit * self.first.sqrt();
        match self.nu {
            None => Predictive::Normal { mean, sd },
            Some(df) => Predictive::StudentT { location: mean, scale: sd * ((df - 2.0) / df).sqrt(), df },
        }
    }

    /// Laws from the second row on: every path's last step is a normal kernel, and the mixture of them the law.
    fn simulated(&self, most: usize, key: Key) -> Vec<Option<Predictive>> {
        let paths = self.paths(most, PATHS, key);
        let law = |k: usize| {
            let samples = paths.iter().map(|path| path[k].at).collect();
            let kernels = paths.iter().map(|path| path[k].kernel).collect();
            Ensemble::new(samples, kernels).map(Predictive::Ensemble)
        };
        (1..most).map(law).collect()
    }

    /// Joint draws of what is scored, `[time][path]`, so many rows ahead.
    pub fn draws(&self, rows: &[usize], paths: usize, key: Key) -> Vec<Vec<f64>> {
        let most = rows.iter().copied().max().unwrap_or(0);
        let paths = self.paths(most, paths, key);
        rows.iter().map(|h| paths.iter().map(|path| path[h - 1].at).collect()).collect()
    }

    /// `[path][row]`, in antithetic pairs. Student's deviation is a normal one times a random size, so that every step is normal.
    fn paths(&self, most: usize, paths: usize, key: Key) -> Vec<Vec<Place>> {
        // χ²/ν of ν degrees of freedom, and (ν - 2)/ν.
        let mixing = self.nu.and_then(|nu| Some((Law::new(Family::Gamma, &[0.5 * nu, 0.5 * nu])?, (nu - 2.0) / nu)));
        let mut all = Vec::with_capacity(paths + 1);
        for pair in 0..paths.div_ceil(2) {
            let mut stream = key.stream(pair as u64);
            let draws: Vec<(f64, f64)> = (0..most)
                .map(|_| {
                    // √((ν - 2)/χ²): a normal number times it is Student's of unit variance.
                    let size = mixing.map_or(1.0, |(law, share)| (share / law.sample(&mut stream)).sqrt());
                    (stream.normal(), size)
                })
                .collect();
            for sign in [1.0, -1.0] {
                let (mut h, mut level) = (self.first, self.level);
                let step = |(z, size): &(f64, f64)| {
                    let sd = h.sqrt() * size;
                    let e = sign * z * sd;
                    let (mean, unit) = self.step_from(level);
                    level = mean + unit * e;
                    h = self.variances.next(e, h);
                    Place { at: level, kernel: (mean, unit.abs() * sd) }
                };
                all.push(draws.iter().map(step).collect());
            }
        }
        all.truncate(paths);
        all
    }
}

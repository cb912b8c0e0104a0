//! Student's law of unit variance, as the level's move may have it given the latent's path: its constant, and tables of its distribution
//! and of its characteristic function, which many moves of one record ask for.
//!
//! It is a normal law under a variance of its own for every row, `g = (ν - 2)/χ²` of mean one (Harvey, Ruiz & Shephard 1994; Chib, Nardari & Shephard
//! 2002), so that `φ(x) = E exp(-½ x² g)`.

use crate::base::math;

/// `ln Γ((ν+1)/2) - ln Γ(ν/2) - ½ ln(π (ν - 2))`, of the density `e^… (1 + x²/(ν - 2))^(-(ν+1)/2)`.
pub(super) fn ln_constant(nu: f64) -> f64 {
    let half = 0.5 * nu;
    math::ln_gamma(half + 0.5) - math::ln_gamma(half) - 0.5 * math::ln(std::f64::consts::PI * (nu - 2.0))
}

/// A function on evenly spaced places from zero, by cubics with the right slopes.
#[derive(Debug, Clone)]
struct Table {
    spacing: f64,
    /// Values and slopes.
    rows: Vec<(f64, f64)>,
}

impl Table {
    fn new(spacing: f64, cells: usize, at: impl Fn(f64) -> (f64, f64)) -> Table {
        Table { spacing, rows: (0..=cells).map(|i| at(i as f64 * spacing)).collect() }
    }

    /// `None` beyond the last place.
    fn at(&self, x: f64) -> Option<f64> {
        let cell = x / self.spacing;
        let i = cell as usize;
        let ((a, left), (b, right)) = (*self.rows.get(i)?, *self.rows.get(i + 1)?);
        let (s, h) = (cell - i as f64, self.spacing);
        let r = 1.0 - s;
        Some(a * (1.0 + 2.0 * s) * r * r + b * (3.0 - 2.0 * s) * s * s + h * s * r * (left * r - right * s))
    }
}

/// The distribution function: logarithms of the tail over `asinh`, relative error about 1e-10.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    nu: f64,
    table: Table,
}

impl Tail {
    const CELLS: usize = 1_024;
    /// `sinh` of it is 1e4.
    const REACH: f64 = 10.0;

    pub fn new(nu: f64) -> Tail {
        let root = (nu / (nu - 2.0)).sqrt();
        let at = |u: f64| {
            let t = root * math::sinh(u);
            let tail = math::student_sf(t, nu);
            let slope = -math::exp(math::student_ln_pdf(t, nu)) / tail * root * math::cosh(u);
            (math::ln(tail), slope)
        };
        Tail { nu, table: Table::new(Tail::REACH / Tail::CELLS as f64, Tail::CELLS, at) }
    }

    /// Probability of no more than `x` standard deviations.
    pub fn cdf(&self, x: f64) -> f64 {
        let size = x.abs();
        let u = math::ln(size + (1.0 + size * size).sqrt());
        // A law that is all but normal has tails that no logarithm holds.
        let tail = match self.table.at(u).filter(|l| l.is_finite()) {
            Some(ln_tail) => math::exp(ln_tail),
            None => math::student_sf(size * (self.nu / (self.nu - 2.0)).sqrt(), self.nu),
        };
        if x > 0.0 { 1.0 - tail } else { tail }
    }
}

/// The characteristic function: its logarithm over the root of the frequency, in which it is smooth to the fourth order at zero.
#[derive(Debug, Clone)]
pub(super) struct Characteristic {
    table: Table,
}

impl Characteristic {
    const CELLS: usize = 2_048;
    /// Logarithm below which it is zero.
    const NOTHING: f64 = -46.0;

    pub fn new(nu: f64) -> Characteristic {
        let mixing = mixing(nu);
        let at = |x: f64| {
            let (mut one, mut slope) = (0.0, 0.0);
            for (weight, g) in &mixing {
                let p = weight * math::exp(-0.5 * x * x * g);
                one += p;
                slope -= x * g * p;
            }
            (math::ln(one), slope / one)
        };
        let mut reach = 10.0;
        while at(reach).0 > Characteristic::NOTHING && reach < 1e6 {
            reach *= 1.5;
        }
        let by_root = |w: f64| {
            let (value, slope) = at(w * w);
            (value, 2.0 * w * slope)
        };
        Characteristic {
            table: Table::new(reach.sqrt() / Characteristic::CELLS as f64, Characteristic::CELLS, by_root),
        }
    }

    /// Its logarithm at a frequency in standard deviations, not negative; minus infinity where it is nothing.
    pub fn ln_characteristic(&self, x: f64) -> f64 {
        self.table.at(x.sqrt()).filter(|l| *l > Characteristic::NOTHING).unwrap_or(f64::NEG_INFINITY)
    }
}

/// Weights and places of the law of `g`, evenly spaced in its logarithm: sums are integrals to round-off (Trefethen & Weideman 2014, section 5).
fn mixing(nu: f64) -> Vec<(f64, f64)> {
    const FAR: [f64; 2] = [92.0, 40.0];
    let shape = 0.5 * nu;
    let spacing = (0.4 / shape.sqrt()).min(0.1);
    // By how much the logarithm of the density of `t = ln g` has fallen at `t` from its top.
    let fallen = |t: f64| shape * (t + math::exp(-t) - 1.0);
    let side =
        |sign: f64, far: f64| (1..).map(move |i| sign * spacing * f64::from(i)).take_while(move |t| fallen(*t) < far);
    let places: Vec<f64> = side(-1.0, FAR[0]).chain([0.0]).chain(side(1.0, FAR[1])).collect();
    let total: f64 = places.iter().map(|t| math::exp(-fallen(*t))).sum();
    let top = (nu - 2.0) / nu;
    places.iter().map(|t| (math::exp(-fallen(*t)) / total, top * math::exp(*t))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictive::Predictive;

    /// Of three degrees of freedom `e^-x (1 + x)` (Johnson, Kotz & Balakrishnan 1995, section 28.5), of infinitely many the normal law's.
    #[test]
    fn characteristic_functions_are_the_closed_ones() {
        let (three, many) = (Characteristic::new(3.0), Characteristic::new(1e7));
        let mut worst: f64 = 0.0;
        for i in 1..150 {
            let x = 0.037 * f64::from(i);
            worst = worst.max((three.ln_characteristic(x) - (x.ln_1p() - x)).abs());
            // The fourth cumulant is 6/(ν - 4).
            let series = 0.25e-7 * x.powi(4) - 0.5 * x * x;
            assert!((many.ln_characteristic(x) - series).abs() < 1e-8, "{x}: {} {series}", many.ln_characteristic(x));
        }
        assert!(worst < 1e-9, "{worst}");
        assert_eq!(three.ln_characteristic(1e9), f64::NEG_INFINITY);
    }

    #[test]
    fn tails_are_those_of_students_law() {
        for nu in [2.1, 4.5, 30.0, 400.0] {
            let (tail, scale) = (Tail::new(nu), ((nu - 2.0) / nu).sqrt());
            let exact = Predictive::StudentT { location: 0.0, scale, df: nu };
            for x in [-3e4, -80.0, -7.3, -1.1, -1e-3, 0.0, 0.4, 2.2, 9.1] {
                let (ours, p) = (tail.cdf(x), exact.cdf(x));
                assert!((ours - p).abs() <= 1e-8 * p, "{nu} {x}: {ours} {p}");
            }
        }
    }
}

//! The mean of any function of a law's value.

use super::{Density, Predictive};
use crate::base::math;

/// Nodes on (0, 1] and weights of the fifteen-point Kronrod rule, and weights of the seven-point Gauss rule inside it
/// (QUADPACK, `qk15`: Piessens et al. 1983); the last is the middle.
const KRONROD: [(f64, f64, f64); 8] = [
    (0.991_455_371_120_812_6, 0.022_935_322_010_529_224, 0.0),
    (0.949_107_912_342_758_5, 0.063_092_092_629_978_56, 0.129_484_966_168_869_7),
    (0.864_864_423_359_769_1, 0.104_790_010_322_250_18, 0.0),
    (0.741_531_185_599_394_4, 0.140_653_259_715_525_92, 0.279_705_391_489_276_66),
    (0.586_087_235_467_691_1, 0.169_004_726_639_267_9, 0.0),
    (0.405_845_151_377_397_2, 0.190_350_578_064_785_4, 0.381_830_050_505_118_9),
    (0.207_784_955_007_898_47, 0.204_432_940_075_298_9, 0.0),
    (0.0, 0.209_482_141_084_727_82, 0.417_959_183_673_469_4),
];
/// Halvings of a panel before a jump in it is taken as located.
const DEEPEST: usize = 44;
/// Error of a panel against the whole.
const SMALL: f64 = 1e-13;

/// Value and error estimate of `∫ f` over one panel.
fn panel(f: &mut dyn FnMut(f64) -> f64, from: f64, to: f64) -> (f64, f64) {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    let (mut fine, mut coarse) = (0.0, 0.0);
    for (node, kronrod, gauss) in KRONROD {
        let sum = if node == 0.0 { f(middle) } else { f(middle - half * node) + f(middle + half * node) };
        fine += kronrod * sum;
        coarse += gauss * sum;
    }
    (half * fine, (half * (fine - coarse)).abs())
}

/// `∫ f` over consecutive panels, each halved where the two rules differ: kinks and jumps of `f` are found wherever a rule of
/// fifteen points sees them. Not finite where `f` is not.
pub(super) fn over(f: &mut dyn FnMut(f64) -> f64, knots: &[f64]) -> f64 {
    let mut panels: Vec<(f64, f64, f64, f64, usize)> = Vec::new();
    for w in knots.windows(2).filter(|w| w[1] > w[0]) {
        let (value, error) = panel(f, w[0], w[1]);
        panels.push((w[0], w[1], value, error, 0));
    }
    let whole: f64 = panels.iter().map(|p| p.2.abs()).sum();
    let mut total = 0.0;
    while let Some((from, to, value, error, depth)) = panels.pop() {
        if error <= SMALL * whole || depth >= DEEPEST || !error.is_finite() {
            total += value;
            continue;
        }
        let middle = 0.5 * (from + to);
        for (from, to) in [(middle, to), (from, middle)] {
            let (value, error) = panel(f, from, to);
            panels.push((from, to, value, error, depth + 1));
        }
    }
    total
}

impl Predictive {
    /// `E f(X)`, to about 1e-11 for closed laws, to the law's own accuracy for a grid, the mean over samples for an ensemble.
    /// `f` may have kinks and jumps. `None` where the mean is not finite.
    ///
    /// Cost: a few thousand evaluations of `f`; of a grid, some 15 a cell.
    pub fn expect(&self, f: &mut dyn FnMut(f64) -> f64) -> Option<f64> {
        /// Beyond this many sd a normal density is zero in double precision.
        const REACH: i32 = 38;
        let units: Vec<f64> = (-2 * REACH..=2 * REACH).map(|k| 0.5 * f64::from(k)).collect();
        let weighted = |weight: f64, f: f64| if weight == 0.0 { 0.0 } else { weight * f };
        let mean = match self {
            Predictive::Lattice(lattice) => {
                let (points, p) = lattice.table();
                points.iter().zip(p).map(|(x, p)| weighted(*p, f(*x))).sum()
            }
            Predictive::Normal { mean, sd } => over(&mut |z| weighted(math::normal_pdf(z), f(mean + sd * z)), &units),
            Predictive::LogNormal { mu, sigma } => {
                over(&mut |z| weighted(math::normal_pdf(z), f(math::exp(mu + sigma * z))), &units)
            }
            Predictive::ScaledChiSquare { scale, df, lambda } => {
                // In x = scale y^m the density is at least linear at zero, however singular it was.
                let m = (4.0 / df).ceil().max(2.0);
                let mut top = df + lambda + 10.0 * (2.0 * (df + 2.0 * lambda)).sqrt();
                while math::ncx2_ln_pdf(top, *df, *lambda) > -700.0 {
                    top *= 1.3;
                }
                let top = math::pow(top, 1.0 / m);
                let knots: Vec<f64> = (0..=64).map(|k| top * f64::from(k) / 64.0).collect();
                over(
                    &mut |y| {
                        let x = math::pow(y, m);
                        let slope = m * x / y;
                        weighted(slope * math::exp(math::ncx2_ln_pdf(x, *df, *lambda)), f(scale * x))
                    },
                    &knots,
                )
            }
            Predictive::StudentT { location, scale, df } => {
                // In t = sinh u tails of a power become exponential.
                over(
                    &mut |u| {
                        let (up, down) = (math::exp(u), math::exp(-u));
                        let t = 0.5 * (up - down);
                        weighted(math::exp(math::student_ln_pdf(t, *df)) * 0.5 * (up + down), f(location + scale * t))
                    },
                    &units,
                )
            }
            Predictive::Density(d) => d.expect(f),
            Predictive::Mixed(m) => m.expect(f)?,
            Predictive::Mixture(m) => m.expect(f)?,
            Predictive::Ensemble(e) => e.samples().iter().map(|x| f(*x)).sum::<f64>() / e.samples().len() as f64,
            Predictive::Exp(inner) => inner.expect(&mut |z| f(math::exp(z)))?,
        };
        mean.is_finite().then_some(mean)
    }
}

impl Density {
    /// `∫ f dF` with the slope of the piecewise cubic distribution function, cell by cell.
    fn expect(&self, f: &mut dyn FnMut(f64) -> f64) -> f64 {
        let (edges, cdf) = self.table();
        let (edges, cells) = (edges.to_vec(), cdf.len() - 1);
        let held = |i: usize| cdf[i + 1] > cdf[i];
        let first = (0..cells).find(|i| held(*i)).unwrap_or(0);
        let last = (0..cells).rev().find(|i| held(*i)).unwrap_or(0);
        let mut cell = first;
        let mut slope = |x: f64| {
            while cell < last && x > edges[cell + 1] {
                cell += 1;
            }
            while cell > first && x < edges[cell] {
                cell -= 1;
            }
            self.cell_slope(cell, x)
        };
        over(&mut |x| slope(x) * f(x), &edges[first..=last + 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinks_jumps_and_growth_are_integrated() {
        let normal = Predictive::Normal { mean: 0.0, sd: 2.0 };
        let above = |law: &Predictive, k: f64| law.expect(&mut |x| f64::from(u8::from(x > k))).expect("finite");
        for k in [-3.0, 0.1234, 5.0] {
            assert!((above(&normal, k) - math::normal_sf(k / 2.0)).abs() < 1e-12, "{k}");
        }
        // E e^{3x} = e^{9 σ²/2}
        let grown = normal.expect(&mut |x| math::exp(3.0 * x)).expect("finite");
        assert!((grown / math::exp(18.0) - 1.0).abs() < 1e-12);
        assert_eq!(normal.expect(&mut |x| math::exp(math::exp(x))), None);
        let log = Predictive::LogNormal { mu: 0.3, sigma: 0.5 };
        let kinked = log.expect(&mut |x| (x - 1.7).max(0.0)).expect("finite");
        let d = (0.3 - math::ln(1.7)) / 0.5;
        let exact = math::exp(0.425) * math::normal_cdf(d + 0.5) - 1.7 * math::normal_cdf(d);
        assert!((kinked - exact).abs() < 1e-12, "{kinked} {exact}");
    }

    #[test]
    fn a_chi_square_law_has_its_moments_and_its_tails_however_singular() {
        for (df, lambda) in [(0.3, 0.2), (1.0, 4.0), (5.0, 80.0), (4.0, 2e5)] {
            let law = Predictive::ScaledChiSquare { scale: 0.5, df, lambda };
            let one = law.expect(&mut |_| 1.0).expect("finite");
            let mean = law.expect(&mut |x| x).expect("finite");
            let second = law.expect(&mut |x| x * x).expect("finite");
            assert!((one - 1.0).abs() < 1e-9, "{df} {lambda}: {one}");
            assert!((mean / law.mean().expect("mean") - 1.0).abs() < 1e-9);
            let sd = (second - mean * mean).sqrt();
            assert!((sd / law.sd().expect("sd") - 1.0).abs() < 1e-4, "{df} {lambda}: {sd}");
            // E e^{-s X} = (1 + s)^{-df/2} e^{-λ s/(2(1 + s))} with scale one half.
            let decayed = law.expect(&mut |x| math::exp(-x)).expect("finite");
            let exact = math::exp(-0.5 * df * math::ln(2.0) - 0.25 * lambda);
            assert!((decayed - exact).abs() < 1e-9, "{df} {lambda}: {decayed} {exact}");
        }
    }

    #[test]
    fn a_grid_gives_the_mean_of_a_kink_to_fourth_order() {
        let normal = Predictive::Normal { mean: 0.0, sd: 1.0 };
        let exact = normal.expect(&mut |x| (x - 0.21).max(0.0)).expect("finite");
        let gap = |n: i32| {
            let edges: Vec<f64> = (0..=n).map(|i| -8.0 + 16.0 * f64::from(i) / f64::from(n)).collect();
            let nodes: Vec<f64> = edges.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
            let widths: Vec<f64> = edges.windows(2).map(|w| w[1] - w[0]).collect();
            let mass: Vec<f64> = nodes.iter().zip(&widths).map(|(x, w)| w * math::normal_pdf(*x)).collect();
            let law = Density::new(edges, &nodes, &widths, &mass, [f64::NEG_INFINITY, f64::INFINITY]);
            let law = Predictive::Density(law.expect("positive mass"));
            (law.expect(&mut |x| (x - 0.21).max(0.0)).expect("finite") - exact).abs()
        };
        assert!(gap(400) < 1e-8 && gap(400) < 0.1 * gap(200), "{} {}", gap(200), gap(400));
    }
}

//! The narrow waist: a one-dimensional predictive law, however it was computed.
//!
//! Everything to the right of the forms (scores, forecasts, backtests, reports) sees only a [`Predictive`].

mod closed;
mod crps;
mod density;
mod distance;
mod ensemble;
mod expect;
mod forecaster;
mod lattice;
mod mixed;
mod mixture;
#[cfg(test)]
mod mixture_tests;

pub use density::Density;
pub use distance::kolmogorov;
pub use ensemble::{Ensemble, Estimator};
pub use forecaster::{Fitted, Forecaster};
pub use lattice::Lattice;
pub use mixed::Mixed;
pub use mixture::Mixture;

use crate::base::{Stream, math};

/// A one-dimensional probability law on the real line, with a density, probabilities of separate points, or both.
///
/// A [`Mixture`] costs as many times what its parts do as there are.
///
/// | question | closed laws | `Density`, `Lattice` | `Ensemble` | `Exp` |
/// |---|---|---|---|---|
/// | cdf, quantile | O(1) | O(log n) | O(log n) | as inside |
/// | log density | O(1) | O(log n) | O(n), none without kernels | as inside, with Jacobian |
/// | crps | closed form or quadrature | O(n) | O(n) | quadrature |
#[derive(Debug, Clone, PartialEq)]
pub enum Predictive {
    /// The normal law, on the whole line.
    Normal {
        /// Mean and median, in the unit of the value.
        mean: f64,
        /// Standard deviation, in the same unit.
        sd: f64,
    },
    /// `ln x` is normal(mu, sigma).
    LogNormal {
        /// Mean of the logarithm; the median is `exp(mu)`.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// `x = scale · χ'²(df, lambda)`: the square-root process.
    ScaledChiSquare {
        /// Positive, in the unit of the value.
        scale: f64,
        /// Degrees of freedom, positive, not only whole numbers; below 2 the density is infinite at zero.
        df: f64,
        /// Noncentrality, zero or positive; the mean is `scale (df + lambda)`.
        lambda: f64,
    },
    /// `location + scale · t` with `t` of Student's law of `df > 1` degrees of freedom.
    StudentT {
        /// Mean and median, in the unit of the value.
        location: f64,
        /// Positive, in the same unit; the standard deviation is `scale √(df/(df - 2))`.
        scale: f64,
        /// Degrees of freedom, above 1; the standard deviation is infinite up to 2.
        df: f64,
    },
    /// A density on a grid: Fokker-Planck, or a lattice divided by its cell widths.
    Density(Density),
    /// Samples, with the last transition of each as a kernel where there is one.
    Ensemble(Ensemble),
    /// Probabilities of separate points: counts of molecules. Its density is against counting, so a probability.
    Lattice(Lattice),
    /// Atoms beside a law with a density: what was absorbed at the ends, and what was not.
    Mixed(Mixed),
    /// Several laws under weights: models combined, or a model under draws of its parameters.
    Mixture(Mixture),
    /// The law of `exp(z)` for `z` of the inner law.
    Exp(Box<Predictive>),
}

impl Predictive {
    /// Probability of a value of at most `x`, in [0, 1].
    pub fn cdf(&self, x: f64) -> f64 {
        match self {
            Predictive::Normal { mean, sd } => math::normal_cdf((x - mean) / sd),
            Predictive::LogNormal { .. } if x <= 0.0 => 0.0,
            Predictive::LogNormal { mu, sigma } => math::normal_cdf((math::ln(x) - mu) / sigma),
            Predictive::ScaledChiSquare { .. } if x <= 0.0 => 0.0,
            Predictive::ScaledChiSquare { scale, df, lambda } => math::ncx2_cdf(x / scale, *df, *lambda),
            Predictive::StudentT { location, scale, df } => {
                let z = (x - location) / scale;
                let tail = math::student_sf(z.abs(), *df);
                if z > 0.0 { 1.0 - tail } else { tail }
            }
            Predictive::Density(d) => d.cdf(x),
            Predictive::Ensemble(e) => e.cdf(x),
            Predictive::Lattice(l) => l.cdf(x),
            Predictive::Mixed(m) => m.cdf(x),
            Predictive::Mixture(m) => m.cdf(x),
            Predictive::Exp(_) if x <= 0.0 => 0.0,
            Predictive::Exp(inner) => inner.cdf(math::ln(x)),
        }
    }

    /// Natural logarithm of the density at `x` (of the probability, for a lattice), minus infinity outside the support; `None` for
    /// samples without kernels. Beside atoms it is the density of the rest, and integrates to less than one.
    pub fn log_pdf(&self, x: f64) -> Option<f64> {
        Some(match self {
            Predictive::Normal { mean, sd } => math::normal_ln_pdf((x - mean) / sd) - math::ln(*sd),
            Predictive::LogNormal { .. } if x <= 0.0 => f64::NEG_INFINITY,
            Predictive::LogNormal { mu, sigma } => {
                let z = math::ln(x);
                math::normal_ln_pdf((z - mu) / sigma) - math::ln(*sigma) - z
            }
            Predictive::ScaledChiSquare { .. } if x <= 0.0 => f64::NEG_INFINITY,
            Predictive::ScaledChiSquare { scale, df, lambda } => {
                math::ncx2_ln_pdf(x / scale, *df, *lambda) - math::ln(*scale)
            }
            Predictive::StudentT { location, scale, df } => {
                math::student_ln_pdf((x - location) / scale, *df) - math::ln(*scale)
            }
            Predictive::Density(d) => d.log_pdf(x),
            Predictive::Ensemble(e) => return e.log_pdf(x),
            Predictive::Lattice(l) => l.log_pmf(x),
            Predictive::Mixed(m) => return m.log_pdf(x),
            Predictive::Mixture(m) => return m.log_pdf(x),
            Predictive::Exp(_) if x <= 0.0 => f64::NEG_INFINITY,
            Predictive::Exp(inner) => {
                let z = math::ln(x);
                inner.log_pdf(z)? - z
            }
        })
    }

    /// Natural logarithm of the probability of the whole number `x`: of a lattice its own, of a law with a density that of the unit cell
    /// around `x`, from minus infinity for zero. With it laws of both kinds are told on one measure, that of counts. `None` for samples
    /// without kernels.
    pub fn log_probability_of_count(&self, x: f64) -> Option<f64> {
        let below = |x: f64| if x <= 0.0 { f64::NEG_INFINITY } else { x - 0.5 };
        let cell = match self {
            Predictive::Lattice(lattice) => return Some(lattice.log_pmf(x)),
            Predictive::Ensemble(ensemble) => ensemble.between(below(x), x + 0.5)?,
            _ => self.cdf(x + 0.5) - if x <= 0.0 { 0.0 } else { self.cdf(x - 0.5) },
        };
        // Far out the two ends cancel, and the middle of the cell stands for it.
        if cell < 1e-12 { self.log_pdf(x) } else { Some(math::ln(cell)) }
    }

    /// The value below which probability `p` lies, of a staircase the smallest with at least `p` up to it; `p` strictly between 0 and 1, NaN otherwise.
    pub fn quantile(&self, p: f64) -> f64 {
        if !(p > 0.0 && p < 1.0) {
            return f64::NAN;
        }
        match self {
            Predictive::Normal { mean, sd } => mean + sd * math::normal_quantile(p),
            Predictive::LogNormal { mu, sigma } => math::exp(mu + sigma * math::normal_quantile(p)),
            Predictive::ScaledChiSquare { scale, df, lambda } => scale * math::ncx2_quantile(p, *df, *lambda),
            Predictive::StudentT { location, scale, df } => location + scale * math::student_quantile(p, *df),
            Predictive::Density(d) => d.quantile(p),
            Predictive::Ensemble(e) => e.quantile(p),
            Predictive::Lattice(l) => l.quantile(p),
            Predictive::Mixed(m) => m.quantile(p),
            Predictive::Mixture(m) => m.quantile(p),
            Predictive::Exp(inner) => math::exp(inner.quantile(p)),
        }
    }

    /// Mean in the unit of the value, or `None` where it is infinite or unknown. Of `Exp` by integrating quantiles.
    pub fn mean(&self) -> Option<f64> {
        Some(match self {
            Predictive::Normal { mean, .. } => *mean,
            Predictive::LogNormal { mu, sigma } => math::exp(mu + 0.5 * sigma * sigma),
            Predictive::ScaledChiSquare { scale, df, lambda } => scale * (df + lambda),
            Predictive::StudentT { location, .. } => *location,
            Predictive::Density(d) => d.mean(),
            Predictive::Ensemble(e) => e.mean(),
            Predictive::Lattice(l) => l.mean(),
            Predictive::Mixed(m) => return m.mean(),
            Predictive::Mixture(m) => return m.mean(),
            Predictive::Exp(inner) => inner.exp_moments().0,
        })
        .filter(|m| m.is_finite())
    }

    /// Standard deviation in the unit of the value, or `None` where it is infinite or unknown. Of `Exp` by integrating quantiles.
    pub fn sd(&self) -> Option<f64> {
        Some(match self {
            Predictive::Normal { sd, .. } => *sd,
            Predictive::LogNormal { mu, sigma } => {
                let v = sigma * sigma;
                math::exp(mu + 0.5 * v) * math::exp_m1(v).sqrt()
            }
            Predictive::ScaledChiSquare { scale, df, lambda } => scale * (2.0 * (df + 2.0 * lambda)).sqrt(),
            Predictive::StudentT { df, .. } if *df <= 2.0 => f64::INFINITY,
            Predictive::StudentT { scale, df, .. } => scale * (df / (df - 2.0)).sqrt(),
            Predictive::Density(d) => d.sd(),
            Predictive::Ensemble(e) => e.sd(),
            Predictive::Lattice(l) => l.sd(),
            Predictive::Mixed(m) => return m.sd(),
            Predictive::Mixture(m) => return m.sd(),
            Predictive::Exp(inner) => inner.exp_moments().1,
        })
        .filter(|s| s.is_finite())
    }

    /// Mean of what lies below the quantile of `p`, the expected shortfall of a return: `1/p ∫₀ᵖ Q(u) du` (Acerbi & Tasche 2002, definition 2.6),
    /// closed for normal and Student's laws. Minus infinity where the tail has no mean.
    pub fn shortfall(&self, p: f64) -> f64 {
        match self {
            Predictive::Normal { mean, sd } => mean - sd * math::normal_pdf(math::normal_quantile(p)) / p,
            Predictive::StudentT { location, scale, df } => {
                let t = math::student_quantile(p, *df);
                location - scale * math::exp(math::student_ln_pdf(t, *df)) / p * (df + t * t) / (df - 1.0)
            }
            Predictive::Mixture(m) => m.shortfall(p),
            _ => {
                let knots = [0.0, 1e-6, 1e-4, 1e-2, 0.1, 0.4, 1.0].map(|share| share * p);
                knots.windows(2).map(|w| crps::integrate(w[0], w[1], &mut |u| self.quantile(u))).sum::<f64>() / p
            }
        }
    }

    /// Continuous ranked probability score `∫ (F(x) - 1{x ≥ y})² dx` (Gneiting & Raftery 2007, eq. 20), in the unit of
    /// `y`; lower is better.
    pub fn crps(&self, y: f64) -> f64 {
        crps::crps(self, y)
    }

    /// One draw, by inversion of the law, of a mixture of the part that is drawn; one word of the stream.
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        match self {
            Predictive::Mixture(m) => m.value_of(stream.uniform()),
            _ => self.quantile(stream.uniform()),
        }
    }

    /// The law of `exp(z)` for `z` of this law: how forecasts of logarithms become forecasts of levels. Quantiles map exactly, means do not.
    pub fn exp(self) -> Predictive {
        match self {
            Predictive::Normal { mean, sd } => Predictive::LogNormal { mu: mean, sigma: sd },
            Predictive::Ensemble(e) => Predictive::Ensemble(e.exp()),
            Predictive::Lattice(l) => Predictive::Lattice(l.exp()),
            Predictive::Mixed(m) => Predictive::Mixed(m.exp()),
            Predictive::Mixture(m) => Predictive::Mixture(m.exp()),
            other => Predictive::Exp(Box::new(other)),
        }
    }

    /// Mean and sd of `exp(z)`, by integrating the quantile function.
    fn exp_moments(&self) -> (f64, f64) {
        let raw = |k: f64| crps::mean_of(self, |z| math::exp(k * z));
        let mean = raw(1.0);
        (mean, (raw(2.0) - mean * mean).max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laws() -> Vec<Predictive> {
        let normal = Predictive::Normal { mean: 0.3, sd: 0.7 };
        vec![
            normal.clone(),
            normal.clone().exp(),
            Predictive::ScaledChiSquare { scale: 0.02, df: 3.0, lambda: 40.0 },
            Predictive::Exp(Box::new(normal)),
            Predictive::StudentT { location: -0.2, scale: 0.4, df: 4.5 },
        ]
    }

    #[test]
    fn quantile_undoes_cdf_and_the_density_is_its_slope() {
        for law in laws() {
            for p in [1e-6, 0.05, 0.5, 0.9, 0.9999] {
                let x = law.quantile(p);
                assert!((law.cdf(x) / p - 1.0).abs() < 1e-8, "{law:?} at {p}");
                let h = 1e-5 * (law.quantile(0.6) - law.quantile(0.4));
                let slope = (law.cdf(x + h) - law.cdf(x - h)) / (2.0 * h);
                let pdf = law.log_pdf(x).expect("a density").exp();
                assert!((pdf / slope - 1.0).abs() < 2e-3, "{law:?} at {p}: {pdf} {slope}");
            }
        }
    }

    #[test]
    fn a_shortfall_is_the_mean_below_the_quantile() {
        let normal = Predictive::Normal { mean: 0.3, sd: 2.0 };
        // Φ⁻¹(0.025) = -1.959964, φ there 0.0584451: 0.3 - 2 · 2.337803.
        assert!((normal.shortfall(0.025) - (0.3 - 2.0 * 2.337_803)).abs() < 1e-5, "{}", normal.shortfall(0.025));
        for law in laws() {
            let below = |p: f64| {
                let cut = law.quantile(p);
                law.expect(&mut |x| if x <= cut { x } else { 0.0 }).expect("a mean") / p
            };
            assert!(
                (law.shortfall(0.05) / below(0.05) - 1.0).abs() < 1e-4,
                "{law:?}: {} {}",
                law.shortfall(0.05),
                below(0.05)
            );
        }
    }

    #[test]
    fn an_exponential_of_a_normal_is_the_lognormal_by_any_road() {
        let [_, closed, _, general, _] = laws().try_into().expect("five laws");
        assert!((closed.mean().expect("mean") / general.mean().expect("mean") - 1.0).abs() < 1e-6);
        assert!((closed.sd().expect("sd") / general.sd().expect("sd") - 1.0).abs() < 1e-4);
        assert!((closed.crps(2.0) / general.crps(2.0) - 1.0).abs() < 1e-7);
        assert_eq!(closed.cdf(-1.0), 0.0);
        assert_eq!(closed.log_pdf(-1.0), Some(f64::NEG_INFINITY));
    }
}

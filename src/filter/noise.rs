//! Densities and distribution functions of errors of measurement.

use crate::base::math;
use crate::process::{Family, Law};

/// Why a grid cannot weigh states with errors of this law; `None` where it can.
pub(super) fn why_not(family: Family) -> Option<String> {
    use Family::{
        Beta, Binomial, Constant, DoubleExponential, Exponential, Gamma, LogNormal, Normal, Poisson, Uniform,
    };
    match family {
        Normal | LogNormal | Exponential | DoubleExponential | Gamma | Uniform => None,
        Beta | Constant | Poisson | Binomial => {
            Some(format!("the law '{}' is no error of measurement that a grid can weigh", family.name()))
        }
    }
}

/// Whether the density has no jump, so that its value at a node stands for a cell; others are averaged over cells.
pub(super) fn is_smooth(family: Family) -> bool {
    matches!(family, Family::Normal | Family::LogNormal)
}

/// `ln f(x)` of a smooth law; minus infinity where it has no density.
pub(super) fn ln_density(law: &Law, x: f64) -> f64 {
    let &[mean, sd] = law.arguments() else { return f64::NEG_INFINITY };
    let normal = |z: f64| math::normal_ln_pdf((z - mean) / sd) - math::ln(sd);
    match law.family() {
        _ if !(sd > 0.0) => f64::NEG_INFINITY,
        Family::Normal => normal(x),
        Family::LogNormal if x > 0.0 => {
            let ln_x = math::ln(x);
            normal(ln_x) - ln_x
        }
        _ => f64::NEG_INFINITY,
    }
}

/// `F(x)`.
pub(super) fn cdf(law: &Law, x: f64) -> f64 {
    let argument = |k: usize| law.arguments().get(k).copied().unwrap_or(0.0);
    let (a, b) = (argument(0), argument(1));
    match law.family() {
        Family::Normal if b > 0.0 => math::normal_cdf((x - a) / b),
        Family::LogNormal if x <= 0.0 => 0.0,
        Family::LogNormal if b > 0.0 => math::normal_cdf((math::ln(x) - a) / b),
        Family::Exponential => -math::exp_m1(-a * x.max(0.0)),
        Family::DoubleExponential => match (x < 0.0, argument(2)) {
            (true, down) => (1.0 - a) * math::exp(down * x),
            (false, _) => 1.0 - a * math::exp(-b * x),
        },
        Family::Gamma => math::gamma_p(a, b * x.max(0.0)),
        Family::Uniform if b > a => ((x - a) / (b - a)).clamp(0.0, 1.0),
        // A constant, also as the limit of the others.
        _ => f64::from(u8::from(x >= law.mean())),
    }
}

/// The mean density between two places, zero where they are one.
pub(super) fn average(law: &Law, from: f64, to: f64) -> f64 {
    let width = (to - from).abs();
    if width > 0.0 { (cdf(law, to) - cdf(law, from)).abs() / width } else { 0.0 }
}

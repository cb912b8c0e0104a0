//! Sizes of jumps as a few hundred points with weights.

use crate::base::math;
use crate::process::{Family, Law};

/// Points of the rule.
const POINTS: i32 = 400;

/// Points and weights with sum one of a law of sizes. In a variable in which the density falls off at both sides the midpoint rule converges
/// faster than any power (Trefethen & Weideman 2014). `None` for laws of counts.
pub(super) fn points(law: &Law) -> Option<Vec<(f64, f64)>> {
    let (a, b) = (law.arguments().first().copied()?, law.arguments().get(1).copied().unwrap_or(0.0));
    let normal = |sd: f64, to: &dyn Fn(f64) -> f64| match sd {
        0.0 => vec![(to(a), 1.0)],
        _ => rule(-9.0, 9.0, |z| (to(a + sd * z), -0.5 * z * z)),
    };
    let points = match law.family() {
        Family::Constant => vec![(a, 1.0)],
        Family::Normal => normal(b, &|x| x),
        Family::LogNormal => normal(b, &math::exp),
        Family::Uniform => rule(a, b, |x| (x, 0.0)),
        Family::Exponential => gamma(1.0, a),
        Family::Gamma => gamma(a, b),
        Family::DoubleExponential => {
            let down = law.arguments().get(2).copied()?;
            let up = gamma(1.0, b).into_iter().map(|(x, w)| (x, w * a));
            up.chain(gamma(1.0, down).into_iter().map(|(x, w)| (-x, w * (1.0 - a)))).collect()
        }
        Family::Beta => {
            // With x = 1/(1 + e^-s) the density of s is x^a (1 - x)^b.
            let log =
                |s: f64| (1.0 / (1.0 + math::exp(-s)), -a * math::ln_1p(math::exp(-s)) - b * math::ln_1p(math::exp(s)));
            rule(-40.0 / a.min(1.0), 40.0 / b.min(1.0), log)
        }
        Family::Poisson | Family::Binomial => return None,
    };
    Some(points)
}

/// With x = e^s / rate the density of s is exp(shape s - e^s).
fn gamma(shape: f64, rate: f64) -> Vec<(f64, f64)> {
    let top = math::ln(shape);
    let above = 9.0 / shape.sqrt();
    rule(top - 40.0 / shape.min(1.0), top + math::ln_1p(above + 40.0 / shape), |s| {
        (math::exp(s) / rate, shape * (s - top) - math::exp(s) + shape)
    })
}

/// The midpoint rule of points and logarithms of densities.
fn rule(from: f64, to: f64, at: impl Fn(f64) -> (f64, f64)) -> Vec<(f64, f64)> {
    let step = (to - from) / f64::from(POINTS);
    let each = (0..POINTS).map(|k| at(from + (f64::from(k) + 0.5) * step)).map(|(x, log)| (x, math::exp(log)));
    let points: Vec<(f64, f64)> = each.filter(|(_, w)| *w > 1e-18).collect();
    let total: f64 = points.iter().map(|p| p.1).sum();
    points.into_iter().map(|(x, w)| (x, w / total)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_the_moments_of_their_law() {
        for (family, arguments) in [
            (Family::Normal, vec![-0.1, 0.25]),
            (Family::LogNormal, vec![0.1, 0.3]),
            (Family::Exponential, vec![3.0]),
            (Family::DoubleExponential, vec![0.3, 10.0, 5.0]),
            (Family::Gamma, vec![2.5, 3.0]),
            (Family::Gamma, vec![60.0, 3.0]),
            (Family::Beta, vec![2.0, 3.0]),
            (Family::Constant, vec![0.7]),
        ] {
            let law = Law::new(family, &arguments).expect("a law");
            let points = points(&law).expect("sizes");
            let mean: f64 = points.iter().map(|(x, w)| x * w).sum();
            let variance: f64 = points.iter().map(|(x, w)| w * (x - mean) * (x - mean)).sum();
            assert!((mean - law.mean()).abs() < 1e-9, "{family:?}: {mean}");
            assert!((variance - law.variance()).abs() < 1e-9, "{family:?}: {variance} {}", law.variance());
        }
    }
}

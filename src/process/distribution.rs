//! Laws of one random number as text: `normal(mj, sj)`. Sizes of jumps, initial states, errors of measurement.

use super::frame::Frame;
use super::poisson::poisson;
use crate::base::math;
use crate::base::rng::Stream;
use crate::expr::Id;

/// A family of laws, by the name and arguments a file writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `normal(mean, sd)`: `sd` zero or positive, zero for a constant.
    Normal,
    /// `lognormal(mu, sigma)`: exp of `normal(mu, sigma)`, so its median is `exp(mu)`.
    LogNormal,
    /// `exponential(rate)`: mean `1/rate`.
    Exponential,
    /// `double-exponential(p, eta_up, eta_down)`: with probability p an exponential of rate `eta_up`, else minus one of rate
    /// `eta_down` (Kou 2002, eq. 2)
    DoubleExponential,
    /// `gamma(shape, rate)`: mean `shape/rate`, variance `shape/rate²`.
    Gamma,
    /// `beta(a, b)`: on [0, 1], mean `a/(a + b)`.
    Beta,
    /// `uniform(a, b)`: on [a, b].
    Uniform,
    /// `constant(c)`: always `c`.
    Constant,
    /// `poisson(mean)`: a count, its variance the mean.
    Poisson,
    /// `binomial(n, p)`: how many of `n` succeed, each with probability `p`.
    Binomial,
}

impl Family {
    /// Every family, by the names that texts use.
    pub const ALL: [Family; 10] = [
        Family::Normal,
        Family::LogNormal,
        Family::Exponential,
        Family::DoubleExponential,
        Family::Gamma,
        Family::Beta,
        Family::Uniform,
        Family::Constant,
        Family::Poisson,
        Family::Binomial,
    ];

    /// The name that texts use.
    pub fn name(self) -> &'static str {
        match self {
            Family::Normal => "normal",
            Family::LogNormal => "lognormal",
            Family::Exponential => "exponential",
            Family::DoubleExponential => "double-exponential",
            Family::Gamma => "gamma",
            Family::Beta => "beta",
            Family::Uniform => "uniform",
            Family::Constant => "constant",
            Family::Poisson => "poisson",
            Family::Binomial => "binomial",
        }
    }

    /// Names of the arguments, in order.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Family::Normal => &["mean", "sd"],
            Family::LogNormal => &["mu", "sigma"],
            Family::Exponential => &["rate"],
            Family::DoubleExponential => &["p", "eta_up", "eta_down"],
            Family::Gamma => &["shape", "rate"],
            Family::Beta => &["a", "b"],
            Family::Uniform => &["a", "b"],
            Family::Constant => &["c"],
            Family::Poisson => &["mean"],
            Family::Binomial => &["n", "p"],
        }
    }

    /// Whether it gives whole numbers only.
    pub fn is_discrete(self) -> bool {
        matches!(self, Family::Poisson | Family::Binomial)
    }
}

/// A family with expressions for its arguments: a law that moves with the state and the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Which law it is, whatever its arguments.
    pub family: Family,
    /// As many as the family [wants](Family), in its order.
    pub arguments: Vec<Id>,
}

impl Distribution {
    /// The law at these values of all symbols; `None` where its arguments make none (a negative sd, a NaN).
    pub fn at(&self, frame: &Frame, symbols: &[f64]) -> Option<Law> {
        let arguments: Vec<f64> = self.arguments.iter().map(|a| frame.pool.eval(*a, symbols)).collect();
        Law::new(self.family, &arguments)
    }
}

/// A law with numbers for its arguments: what is drawn from, after [`Distribution::at`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Law {
    family: Family,
    arguments: [f64; 3],
}

impl Law {
    /// `None` where the arguments make no law: too few, not finite, a negative scale, a probability outside [0, 1].
    pub fn new(family: Family, arguments: &[f64]) -> Option<Law> {
        if arguments.len() != family.arguments().len() || arguments.iter().any(|a| !a.is_finite()) {
            return None;
        }
        let mut all = [0.0; 3];
        all[..arguments.len()].copy_from_slice(arguments);
        let [a, b, c] = all;
        let share = |p: f64| (0.0..=1.0).contains(&p);
        let valid = match family {
            Family::Normal | Family::LogNormal => b >= 0.0,
            Family::Exponential => a > 0.0,
            Family::DoubleExponential => share(a) && b > 0.0 && c > 0.0,
            Family::Gamma | Family::Beta => a > 0.0 && b > 0.0,
            Family::Uniform => a <= b,
            Family::Constant => true,
            Family::Poisson => (0.0..=1e15).contains(&a),
            Family::Binomial => (0.0..=1e15).contains(&a) && a.fract() == 0.0 && share(b),
        };
        valid.then_some(Law { family, arguments: all })
    }

    /// Which family it is of, whatever its parameters.
    pub fn family(&self) -> Family {
        self.family
    }

    /// As many as the family has.
    pub fn arguments(&self) -> &[f64] {
        &self.arguments[..self.family.arguments().len()]
    }

    /// One draw; how many words of the stream it takes depends on the family. The same stream gives the same bytes on every machine: only
    /// [`crate::base::math`] is used.
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let [a, b, c] = self.arguments;
        match self.family {
            Family::Normal => a + b * stream.normal(),
            Family::LogNormal => math::exp(a + b * stream.normal()),
            Family::Exponential => exponential(stream) / a,
            Family::DoubleExponential => {
                let up = stream.uniform() < a;
                let size = exponential(stream);
                if up { size / b } else { -size / c }
            }
            Family::Gamma => gamma(a, stream) / b,
            Family::Beta => beta(a, b, stream),
            Family::Uniform => a + (b - a) * stream.uniform(),
            Family::Constant => a,
            Family::Poisson => poisson(a, stream),
            Family::Binomial => binomial(a, b, stream),
        }
    }

    /// One draw of the law truncated to `[lower, upper]`, by rejection; `None` where a million draws found nothing there. Cost: one over the
    /// probability of the interval, so not for far tails.
    pub fn sample_between(&self, lower: f64, upper: f64, stream: &mut Stream) -> Option<f64> {
        const MOST: usize = 1_000_000;
        (0..MOST).map(|_| self.sample(stream)).find(|x| *x >= lower && *x <= upper)
    }

    /// E\[X\]; infinite where the integral is.
    pub fn mean(&self) -> f64 {
        let [a, b, c] = self.arguments;
        match self.family {
            Family::Normal | Family::Constant | Family::Poisson => a,
            Family::LogNormal => math::exp(a + 0.5 * b * b),
            Family::Exponential => 1.0 / a,
            Family::DoubleExponential => a / b - (1.0 - a) / c,
            Family::Gamma => a / b,
            Family::Beta => a / (a + b),
            Family::Uniform => 0.5 * (a + b),
            Family::Binomial => a * b,
        }
    }

    /// Var\[X\]; infinite where the integral is.
    pub fn variance(&self) -> f64 {
        let [a, b, c] = self.arguments;
        match self.family {
            Family::Normal => b * b,
            Family::LogNormal => math::exp_m1(b * b) * math::exp(2.0 * a + b * b),
            Family::Exponential => 1.0 / (a * a),
            Family::DoubleExponential => {
                let mean = self.mean();
                2.0 * a / (b * b) + 2.0 * (1.0 - a) / (c * c) - mean * mean
            }
            Family::Gamma => a / (b * b),
            Family::Beta => a * b / ((a + b) * (a + b) * (a + b + 1.0)),
            Family::Uniform => (b - a) * (b - a) / 12.0,
            Family::Constant => 0.0,
            Family::Poisson => a,
            Family::Binomial => a * b * (1.0 - b),
        }
    }
}

/// Exponential of rate one, by inversion.
fn exponential(stream: &mut Stream) -> f64 {
    -math::ln(stream.uniform())
}

/// Gamma of this shape and rate one (Marsaglia & Tsang 2000; shapes below one by their power of a uniform).
fn gamma(shape: f64, stream: &mut Stream) -> f64 {
    if shape < 1.0 {
        let boost = math::exp(math::ln(stream.uniform()) / shape);
        return boost * gamma(shape + 1.0, stream);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let z = stream.normal();
        let v = (1.0 + c * z) * (1.0 + c * z) * (1.0 + c * z);
        if v > 0.0 && math::ln(stream.uniform()) < 0.5 * z * z + d - d * v + d * math::ln(v) {
            return d * v;
        }
    }
}

fn beta(a: f64, b: f64, stream: &mut Stream) -> f64 {
    let x = gamma(a, stream);
    let y = gamma(b, stream);
    // Both may underflow for tiny shapes, where the law sits at its ends in the ratio a : b.
    if x + y > 0.0 { x / (x + y) } else { f64::from(u8::from(stream.uniform() < a / (a + b))) }
}

/// Binomial counts: large numbers are split at a beta order statistic (Relles 1972), small ones counted.
fn binomial(mut n: f64, mut p: f64, stream: &mut Stream) -> f64 {
    let mut count = 0.0;
    while n > 20.0 {
        let a = 1.0 + (0.5 * n).floor();
        let b = n + 1.0 - a;
        let x = beta(a, b, stream);
        if x >= p {
            n = a - 1.0;
            p /= x;
        } else {
            count += a;
            n = b - 1.0;
            p = (p - x) / (1.0 - x);
        }
    }
    for _ in 0..n as u32 {
        count += f64::from(u8::from(stream.uniform() < p));
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn every_family_draws_its_own_mean_and_variance() {
        let cases: [(Family, &[f64]); 14] = [
            (Family::Normal, &[0.3, 1.2]),
            (Family::LogNormal, &[-0.5, 0.4]),
            (Family::Exponential, &[2.5]),
            (Family::DoubleExponential, &[0.3, 4.0, 2.0]),
            (Family::Gamma, &[0.4, 2.0]),
            (Family::Gamma, &[7.5, 0.5]),
            (Family::Beta, &[0.7, 2.0]),
            (Family::Uniform, &[-1.0, 3.0]),
            (Family::Constant, &[4.0]),
            (Family::Poisson, &[3.2]),
            (Family::Poisson, &[250.0]),
            (Family::Poisson, &[0.0]),
            (Family::Binomial, &[12.0, 0.3]),
            (Family::Binomial, &[900.0, 0.83]),
        ];
        let n = 100_000;
        for (k, (family, arguments)) in cases.into_iter().enumerate() {
            let law = Law::new(family, arguments).expect("valid");
            let mut stream = Seed(11).key(Purpose::Simulation, k as u64, 0).stream(0);
            let draws: Vec<f64> = (0..n).map(|_| law.sample(&mut stream)).collect();
            let mean = draws.iter().sum::<f64>() / f64::from(n);
            let central = |p: i32| draws.iter().map(|x| (x - law.mean()).powi(p)).sum::<f64>() / f64::from(n);
            let (second, fourth) = (central(2), central(4));
            // Four standard errors of a mean, and of a second moment.
            let (of_mean, of_second) =
                ((law.variance() / 1e5).sqrt(), ((fourth - second * second).max(0.0) / 1e5).sqrt());
            assert!((mean - law.mean()).abs() <= 4.0 * of_mean, "{family:?} {arguments:?}: mean {mean}");
            assert!((second - law.variance()).abs() <= 4.0 * of_second, "{family:?} {arguments:?}: variance {second}");
        }
    }

    #[test]
    fn a_gamma_and_a_poisson_have_their_distribution_functions() {
        let n = 20_000;
        let mut stream = Seed(12).key(Purpose::Simulation, 0, 0).stream(0);
        let law = Law::new(Family::Gamma, &[2.3, 1.0]).expect("valid");
        let mut draws: Vec<f64> = (0..n).map(|_| math::gamma_p(2.3, law.sample(&mut stream))).collect();
        draws.sort_by(f64::total_cmp);
        let ks = draws.iter().enumerate().map(|(i, u)| (u - (i as f64 + 0.5) / n as f64).abs()).fold(0.0, f64::max);
        // Kolmogorov's 1 in 1000: 1.95 / √n.
        assert!(ks < 1.95 / (n as f64).sqrt(), "{ks}");
        let law = Law::new(Family::Poisson, &[40.0]).expect("valid");
        for at in [30.0, 40.0, 50.0] {
            let below = (0..n).filter(|_| law.sample(&mut stream) <= at).count() as f64 / n as f64;
            // P(N <= k) = Q(k + 1, mean).
            let p = math::gamma_q(at + 1.0, 40.0);
            assert!((below - p).abs() < 4.0 * (p * (1.0 - p) / n as f64).sqrt(), "{at}: {below} {p}");
        }
    }

    #[test]
    fn arguments_that_make_no_law_are_refused() {
        for (family, arguments) in [
            (Family::Normal, &[0.0, -1.0][..]),
            (Family::Normal, &[f64::NAN, 1.0]),
            (Family::Exponential, &[0.0]),
            (Family::Binomial, &[2.5, 0.5]),
            (Family::Uniform, &[1.0, 0.0]),
            (Family::Gamma, &[1.0]),
        ] {
            assert!(Law::new(family, arguments).is_none(), "{family:?}");
        }
    }
}

//! Draws of Poisson counts, at a cost that does not grow with the mean.

use crate::base::math;
use crate::base::rng::Stream;

/// A Poisson count: transformed rejection with squeeze (Hörmann 1993, doi:10.1016/0167-6687(93)90997-4, algorithm PTRS) from a mean of
/// ten on, below it uniforms multiplied until they are less than `e^-mean`. Zero for a mean that is not positive. Whole numbers up to
/// means of 1e15.
///
/// Cost: about 40 ns a draw from a mean of ten on, of two uniforms and rarely more.
pub fn poisson(mean: f64, stream: &mut Stream) -> f64 {
    if !(mean > 0.0) {
        return 0.0;
    }
    if mean < 10.0 {
        let end = math::exp(-mean);
        let (mut count, mut product) = (0.0, stream.uniform());
        while product > end {
            count += 1.0;
            product *= stream.uniform();
        }
        return count;
    }
    let b = 0.931 + 2.53 * mean.sqrt();
    let a = -0.059 + 0.02483 * b;
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    let squeeze = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let u = stream.uniform() - 0.5;
        let v = stream.uniform();
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + mean + 0.43).floor();
        if us >= 0.07 && v <= squeeze {
            return k;
        }
        if k < 0.0 || (us < 0.013 && v > us) {
            continue;
        }
        if math::ln(v * inverse_alpha / (a / (us * us) + b)) <= ln_pmf(k, mean) {
            return k;
        }
    }
}

/// `ln(e^-m m^k / k!)` by the deviance (Loader 2000), so that nothing of the size of the mean cancels: absolute error below 1e-8 even
/// at a mean of 1e15.
fn ln_pmf(k: f64, mean: f64) -> f64 {
    if k < 10.0 {
        return k * math::ln(mean) - mean - math::ln_gamma(k + 1.0);
    }
    let off = (mean - k) / k;
    // k ln(k/m) + m - k
    let deviance = k * (off - math::ln_1p(off));
    let stirling = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / (k * k)) / (k * k)) / k;
    -deviance - stirling - 0.5 * math::ln(std::f64::consts::TAU * k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn counts_follow_their_law_below_and_above_ten() {
        let n = 40_000;
        for (k, mean) in [0.3, 9.99, 10.0, 40.0, 3_000.0].into_iter().enumerate() {
            let mut stream = Seed(5).key(Purpose::Simulation, k as u64, 0).stream(0);
            let draws: Vec<f64> = (0..n).map(|_| poisson(mean, &mut stream)).collect();
            for z in [-2.0, -1.0, -0.3, 0.0, 0.4, 1.0, 2.0, 3.0] {
                let at = (mean + z * f64::sqrt(mean)).floor();
                if at < 0.0 {
                    continue;
                }
                let below = draws.iter().filter(|x| **x <= at).count() as f64 / f64::from(n);
                // P(N <= k) = Q(k + 1, mean).
                let p = math::gamma_q(at + 1.0, mean);
                assert!((below - p).abs() < 4.5 * (p * (1.0 - p) / f64::from(n)).sqrt(), "{mean} {at}: {below} {p}");
            }
        }
    }

    #[test]
    fn the_law_by_deviance_is_that_by_factorials() {
        for (k, mean) in [(10.0, 12.5), (40.0, 37.0), (1_000.0, 900.0), (9_000.0, 9_100.0)] {
            let plain = k * math::ln(mean) - mean - math::ln_gamma(k + 1.0);
            assert!((ln_pmf(k, mean) - plain).abs() < 1e-9, "{k} {mean}: {} {plain}", ln_pmf(k, mean));
        }
        // At the mode of a large mean it is -ln √(2πm).
        let m = 1e15f64;
        assert!((ln_pmf(m, m) + 0.5 * (std::f64::consts::TAU * m).ln()).abs() < 1e-8);
    }

    #[test]
    fn means_of_astronomers_have_their_mean_and_variance() {
        for mean in [1e6, 1e12, 1e15] {
            let mut stream = Seed(6).key(Purpose::Simulation, 0, 0).stream(0);
            let n = 20_000;
            let z: Vec<f64> = (0..n).map(|_| (poisson(mean, &mut stream) - mean) / f64::sqrt(mean)).collect();
            let average = z.iter().sum::<f64>() / f64::from(n);
            let square = z.iter().map(|z| z * z).sum::<f64>() / f64::from(n);
            let se = 1.0 / f64::from(n).sqrt();
            assert!(
                average.abs() < 4.0 * se && (square - 1.0).abs() < 4.0 * 2f64.sqrt() * se,
                "{mean}: {average} {square}"
            );
        }
    }
}

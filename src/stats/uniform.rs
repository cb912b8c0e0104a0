//! Whether values are uniform.

use crate::base::{math, sort_floats};

/// p-value of the Kolmogorov-Smirnov test that `u` are uniform on (0, 1), with Stephens' (1970) size for finite samples
/// ([`kolmogorov_sf`](crate::base::math::kolmogorov_sf)); NaN for fewer than five, or where one is NaN. Cost O(n log n).
///
/// Assumes independence; overlapping forecasts at horizons above one are not. Weak against a wrong spread: ask [`berkowitz`](super::berkowitz) too.
pub fn ks_uniform_p(u: &[f64]) -> f64 {
    if u.len() < 5 || u.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = u.to_vec();
    sort_floats(&mut sorted);
    let n = sorted.len() as f64;
    let distance =
        sorted.iter().enumerate().map(|(i, v)| (v - i as f64 / n).max((i as f64 + 1.0) / n - v)).fold(0.0, f64::max);
    math::kolmogorov_sf(distance, sorted.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Seed};

    #[test]
    fn uniform_draws_pass_and_squared_ones_fail() {
        let mut stream = Seed(3).key(Purpose::Scores, 0, 0).stream(0);
        let u: Vec<f64> = (0..2000).map(|_| stream.uniform()).collect();
        let squared: Vec<f64> = u.iter().map(|v| v * v).collect();
        assert!(ks_uniform_p(&u) > 0.01);
        assert!(ks_uniform_p(&squared) < 1e-10);
    }
}

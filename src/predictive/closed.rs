//! Closed-form scores of the closed laws.

use crate::base::math;

/// CRPS of N(0, 1) at `z` (Gneiting & Raftery 2007, eq. 21); multiply by the sd.
pub(super) fn normal_crps(z: f64) -> f64 {
    // 1/√π
    const INV_SQRT_PI: f64 = 0.564_189_583_547_756_3;
    // z(2Φ(z) - 1) + 2φ(z) - 1/√π, with the even function written on |z| so that no tail cancels.
    let z = z.abs();
    z * (1.0 - 2.0 * math::normal_sf(z)) + 2.0 * math::normal_pdf(z) - INV_SQRT_PI
}

/// `E|Z|` of a normal number with this mean and variance.
pub(super) fn normal_distance(mean: f64, variance: f64) -> f64 {
    let (sd, mean) = (variance.sqrt(), mean.abs());
    let z = mean / sd;
    2.0 * sd * math::normal_pdf(z) + mean * (1.0 - 2.0 * math::normal_sf(z))
}

/// CRPS of Student's law with `df > 1` degrees of freedom at `z` (Jordan, Krüger & Lerch 2019, appendix A.3); multiply by the scale.
pub(super) fn student_crps(z: f64, df: f64) -> f64 {
    let ln_beta = |a: f64, b: f64| math::ln_gamma(a) + math::ln_gamma(b) - math::ln_gamma(a + b);
    let z = z.abs();
    let density = math::exp(math::student_ln_pdf(z, df));
    let spread = math::exp(ln_beta(0.5, df - 0.5) - 2.0 * ln_beta(0.5, 0.5 * df));
    z * (1.0 - 2.0 * math::student_sf(z, df)) + 2.0 * density * (df + z * z) / (df - 1.0)
        - 2.0 * df.sqrt() / (df - 1.0) * spread
}

/// CRPS of a lognormal law (Baran & Lerch 2015, eq. 5).
pub(super) fn lognormal_crps(mu: f64, sigma: f64, y: f64) -> f64 {
    let mean = math::exp(mu + 0.5 * sigma * sigma);
    let at_root_half = math::normal_cdf(sigma * std::f64::consts::FRAC_1_SQRT_2);
    if y <= 0.0 {
        return -y + 2.0 * mean * (1.0 - at_root_half);
    }
    let omega = (math::ln(y) - mu) / sigma;
    y * (2.0 * math::normal_cdf(omega) - 1.0) - 2.0 * mean * (math::normal_cdf(omega - sigma) + at_root_half - 1.0)
}

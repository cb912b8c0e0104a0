//! The square-root process: a scaled noncentral chi-square law.

use super::gaussian::one_minus_exp_over;
use crate::base::math;

/// What does not hang on the states, in Cox, Ingersoll & Ross's (1985, eq. 18) notation: `c`, `u = c x0 e^{-κ dt}`, `q`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    kappa: f64,
    theta: f64,
    sigma: f64,
    dt: f64,
    decay: f64,
    lost: f64,
    c: f64,
    ln_c: f64,
    q: f64,
    /// d ln c / dκ and d ln u / dκ
    dln_c: f64,
    dln_u: f64,
}

impl Step {
    /// Over `dt`, with arguments kappa, theta and sigma.
    pub fn new(arguments: &[f64], dt: f64) -> Step {
        let [kappa, theta, sigma] = [arguments[0], arguments[1], arguments[2]];
        let variance = sigma * sigma;
        let lost = -math::exp_m1(-kappa * dt);
        let decay = math::exp(-kappa * dt);
        let c = 2.0 * kappa / (variance * lost);
        // 1/κ - dt e^{-κdt}/(1 - e^{-κdt}) = -g'(z)/g(z) dt at z = κ dt.
        let (g, slope) = one_minus_exp_over(kappa * dt);
        let dln_c = -slope / g * dt;
        let q = 2.0 * kappa * theta / variance - 1.0;
        Step { kappa, theta, sigma, dt, decay, lost, c, ln_c: math::ln(c), q, dln_c, dln_u: dln_c - dt }
    }

    /// Scale, degrees of freedom and noncentrality of the law from `x0`.
    pub fn chi_square(&self, x0: f64) -> [f64; 3] {
        [0.5 / self.c, 2.0 * (self.q + 1.0), 2.0 * self.c * x0 * self.decay]
    }

    /// Slopes in (kappa, theta, sigma) from `u ∂/∂u`, `v ∂/∂v` and `∂/∂q`; `∂/∂ ln c` adds one for the `ln c` itself.
    fn chain(&self, by_u: f64, by_v: f64, by_q: f64) -> [f64; 3] {
        let variance = self.sigma * self.sigma;
        let common = 1.0 + by_v;
        [
            common * self.dln_c + by_u * self.dln_u + by_q * 2.0 * self.theta / variance,
            by_q * 2.0 * self.kappa / variance,
            -2.0 / self.sigma * (common + by_u) - by_q * 4.0 * self.kappa * self.theta / (variance * self.sigma),
        ]
    }

    /// Log density and its gradient in (kappa, theta, sigma).
    ///
    /// `ln c - (√v - √u)² + q/2 ln(v/u) + ln(I_q(z) e^-z)`, `z = 2√(uv)`: the scaled Bessel function keeps it finite at
    /// daily steps, where `z` is 1e4 to 1e7.
    pub fn log_density(&self, x0: f64, x1: f64, gradient: bool) -> (f64, [f64; 3]) {
        let (u, v) = (self.c * x0 * self.decay, self.c * x1);
        if u * v < 1e-12 {
            return self.forgotten(u, v, gradient);
        }
        let (root_u, root_v) = (u.sqrt(), v.sqrt());
        let (z, gap) = (2.0 * root_u * root_v, root_v - root_u);
        let log_ratio = math::ln(x1 / x0) + self.kappa * self.dt;
        let rest = self.ln_c - gap * gap + 0.5 * self.q * log_ratio;
        if !gradient {
            return (rest + math::ln_bessel_i_scaled(self.q, z), [0.0; 3]);
        }
        let bessel = math::bessel_i(self.q, z);
        // u ∂/∂u and v ∂/∂v of the log density.
        let by_u = -u + 0.5 * z * bessel.ratio;
        let by_v = -v + self.q + 0.5 * z * bessel.ratio;
        (rest + bessel.ln_scaled, self.chain(by_u, by_v, 0.5 * log_ratio + bessel.by_order))
    }

    /// [`Step::log_density`] where the start is all but forgotten (`uv` near zero): the first two terms of the Bessel series, in
    /// which `u` is no longer divided by. `ln c - u - v + q ln v - ln Γ(q+1) + ln(1 + uv/(q+1))`.
    fn forgotten(&self, u: f64, v: f64, gradient: bool) -> (f64, [f64; 3]) {
        let q = self.q;
        let second = u * v / (q + 1.0);
        let value = self.ln_c - u - v + q * math::ln(v) - math::ln_gamma(q + 1.0) + math::ln_1p(second);
        if !gradient {
            return (value, [0.0; 3]);
        }
        let both = second / (1.0 + second);
        let by_q = math::ln(v) - math::digamma(q + 1.0) - both / (q + 1.0);
        (value, self.chain(-u + both, -v + q + both, by_q))
    }

    /// Mean and variance (Cox, Ingersoll & Ross 1985, eq. 19), three slopes of each.
    pub fn moments(&self, x0: f64) -> [f64; 8] {
        let Step { kappa, theta, sigma, dt, decay: e, lost, .. } = *self;
        // lost/κ = dt g(κ dt) and its slope in κ.
        let (g, slope) = one_minus_exp_over(kappa * dt);
        let (h, dh) = (dt * g, dt * dt * slope);
        let variance = sigma * sigma;
        let shape = x0 * e * h + 0.5 * theta * lost * h;
        [
            x0 * e + theta * lost,
            variance * shape,
            -dt * e * (x0 - theta),
            lost,
            0.0,
            variance * (x0 * (-dt * e * h + e * dh) + 0.5 * theta * (dt * e * h + lost * dh)),
            variance * 0.5 * lost * h,
            2.0 * sigma * shape,
        ]
    }
}

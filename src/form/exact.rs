//! Closed transition laws: Brownian, geometric, Ornstein-Uhlenbeck, its exponential, the square-root process and, in
//! [`super::jacobi`], Jacobi's.
//!
//! A log density and its gradient in the law's own arguments; the chain rule through the model's expressions gives the
//! gradient in the model's parameters.

use super::{Asked, Batch, Form, Moments, Pairs, Solved, jacobi};
use crate::base::{Error, Result, math};
use crate::expr::Id;
use crate::predictive::Predictive;
use crate::process::{ClosedLaw, LawClaim, Scalar};
use rayon::prelude::*;

/// Why most models have no closed law.
pub(super) const NO_LAW: &str = "its file claims no closed law";

/// Transitions evaluated together on one thread; a fixed number, so that results do not depend on threads.
const CHUNK: usize = 1024;

/// The law of `x(t0 + dt)` given `x(t0) = x0`, with arguments in the order of [`ClosedLaw`].
pub fn transition(law: ClosedLaw, arguments: &[f64], x0: f64, dt: f64) -> Predictive {
    match law {
        ClosedLaw::Brownian | ClosedLaw::OrnsteinUhlenbeck => {
            let g = gaussian(law, arguments, x0, dt);
            Predictive::Normal { mean: g.mean, sd: g.variance.sqrt() }
        }
        ClosedLaw::GeometricBrownian | ClosedLaw::ExpOrnsteinUhlenbeck => {
            let g = gaussian(law, arguments, x0, dt);
            Predictive::LogNormal { mu: g.mean, sigma: g.variance.sqrt() }
        }
        ClosedLaw::SquareRoot => {
            let f = Feller::new(arguments, x0, dt);
            Predictive::ScaledChiSquare { scale: 0.5 / f.c, df: 2.0 * (f.q + 1.0), lambda: 2.0 * f.u }
        }
        // Arguments that make no law have a law that is none, as those above do.
        ClosedLaw::Jacobi => {
            jacobi::transition(arguments, x0, dt).unwrap_or(Predictive::Normal { mean: f64::NAN, sd: f64::NAN })
        }
    }
}

/// What the distribution function of a closed law is right to.
pub(super) const ROUND_OFF: f64 = 1e-12;
/// The same of a law that is tabulated: the cubics between the nodes.
const TABULATED: f64 = 1e-8;

pub(super) fn solve(question: &Asked) -> Result<Solved> {
    let Some(claim) = &question.model.law else { return Err(Form::Exact.unavailable(question.model, NO_LAW)) };
    let arguments = claim.arguments_at(&question.process, question.theta);
    let law = |time: &f64| transition(claim.law, &arguments, question.x0, time - question.t0);
    let laws: Vec<Predictive> = question.times.iter().map(law).collect();
    if laws.iter().any(|law| law.quantile(0.5).is_nan()) {
        return Err(Error::Numerics {
            what: format!("the closed law of model '{}'", question.model.id),
            why: "its arguments make no law at these parameters".to_string(),
            hint: "check the parameters with --set".to_string(),
        });
    }
    let error = if claim.law == ClosedLaw::Jacobi { TABULATED } else { ROUND_OFF };
    Ok(Solved { laws, error: Some(error) })
}

/// Mean and variance of the Gaussian coordinate (x itself, or ln x) and their gradients in the arguments.
struct Gaussian {
    mean: f64,
    variance: f64,
    d_mean: [f64; 3],
    d_variance: [f64; 3],
}

fn gaussian(law: ClosedLaw, arguments: &[f64], x0: f64, dt: f64) -> Gaussian {
    match (law, arguments) {
        (ClosedLaw::Brownian, [mu, sigma]) => Gaussian {
            mean: x0 + mu * dt,
            variance: sigma * sigma * dt,
            d_mean: [dt, 0.0, 0.0],
            d_variance: [0.0, 2.0 * sigma * dt, 0.0],
        },
        (ClosedLaw::GeometricBrownian, [mu, sigma]) => Gaussian {
            mean: math::ln(x0) + (mu - 0.5 * sigma * sigma) * dt,
            variance: sigma * sigma * dt,
            d_mean: [dt, -sigma * dt, 0.0],
            d_variance: [0.0, 2.0 * sigma * dt, 0.0],
        },
        (ClosedLaw::OrnsteinUhlenbeck, [kappa, theta, sigma]) => ornstein(*kappa, *theta, *sigma, x0, dt),
        (ClosedLaw::ExpOrnsteinUhlenbeck, [kappa, theta, sigma]) => ornstein(*kappa, *theta, *sigma, math::ln(x0), dt),
        _ => Gaussian { mean: f64::NAN, variance: f64::NAN, d_mean: [f64::NAN; 3], d_variance: [f64::NAN; 3] },
    }
}

/// Ornstein-Uhlenbeck moments (Uhlenbeck & Ornstein 1930), without cancellation at small `kappa dt`.
fn ornstein(kappa: f64, theta: f64, sigma: f64, x0: f64, dt: f64) -> Gaussian {
    let decay = math::exp(-kappa * dt);
    let (g, slope) = one_minus_exp_over(2.0 * kappa * dt);
    Gaussian {
        mean: x0 * decay - theta * math::exp_m1(-kappa * dt),
        variance: sigma * sigma * dt * g,
        d_mean: [-dt * (x0 - theta) * decay, -math::exp_m1(-kappa * dt), 0.0],
        d_variance: [sigma * sigma * dt * slope * 2.0 * dt, 0.0, 2.0 * sigma * dt * g],
    }
}

/// `g(z) = (1 - e^-z)/z` and `g'(z)`, by series where the difference would cancel.
fn one_minus_exp_over(z: f64) -> (f64, f64) {
    if z.abs() < 0.05 {
        // g = Σ (-z)^k/(k+1)!,  g' = -Σ (k+1)(-z)^k/(k+2)!
        let (mut g, mut slope, mut power) = (0.0, 0.0, 1.0);
        let mut factorial = 1.0;
        for k in 0..10 {
            let k = f64::from(k);
            factorial *= k + 1.0;
            g += power / factorial;
            slope -= (k + 1.0) * power / (factorial * (k + 2.0));
            power *= -z;
        }
        return (g, slope);
    }
    let e = math::exp(-z);
    (-math::exp_m1(-z) / z, (e * (z + 1.0) - 1.0) / (z * z))
}

/// The square-root process in Cox, Ingersoll & Ross's (1985, eq. 18) notation: `c`, `u = c x0 e^{-κ dt}`, `q`.
struct Feller {
    c: f64,
    u: f64,
    q: f64,
    /// d ln c / dκ and d ln u / dκ
    dln_c: f64,
    dln_u: f64,
}

impl Feller {
    fn new(arguments: &[f64], x0: f64, dt: f64) -> Feller {
        let [kappa, theta, sigma] = [arguments[0], arguments[1], arguments[2]];
        let variance = sigma * sigma;
        let lost = -math::exp_m1(-kappa * dt);
        let decay = math::exp(-kappa * dt);
        let c = 2.0 * kappa / (variance * lost);
        // 1/κ - dt e^{-κdt}/(1 - e^{-κdt}) = -g'(z)/g(z) dt at z = κ dt.
        let (g, slope) = one_minus_exp_over(kappa * dt);
        let dln_c = -slope / g * dt;
        Feller { c, u: c * x0 * decay, q: 2.0 * kappa * theta / variance - 1.0, dln_c, dln_u: dln_c - dt }
    }
}

impl Feller {
    /// Slopes in (kappa, theta, sigma) from `u ∂/∂u`, `v ∂/∂v` and `∂/∂q`; `∂/∂ ln c` adds one for the `ln c` itself.
    fn chain(&self, arguments: &[f64], by_u: f64, by_v: f64, by_q: f64) -> [f64; 3] {
        let [kappa, theta, sigma] = [arguments[0], arguments[1], arguments[2]];
        let variance = sigma * sigma;
        let common = 1.0 + by_v;
        [
            common * self.dln_c + by_u * self.dln_u + by_q * 2.0 * theta / variance,
            by_q * 2.0 * kappa / variance,
            -2.0 / sigma * (common + by_u) - by_q * 4.0 * kappa * theta / (variance * sigma),
        ]
    }
}

/// Log density of the square-root process and its gradient in (kappa, theta, sigma).
///
/// `ln c - (√v - √u)² + q/2 ln(v/u) + ln(I_q(z) e^-z)`, `z = 2√(uv)`: the scaled Bessel function keeps it finite at
/// daily steps, where `z` is 1e4 to 1e7.
fn square_root(arguments: &[f64], x0: f64, x1: f64, dt: f64, gradient: bool) -> (f64, [f64; 3]) {
    let f = Feller::new(arguments, x0, dt);
    let v = f.c * x1;
    let z = 2.0 * (f.u * v).sqrt();
    let gap = v.sqrt() - f.u.sqrt();
    if f.u * v < 1e-12 {
        return square_root_forgotten(arguments, &f, v, gradient);
    }
    let log_ratio = math::ln(x1 / x0) + arguments[0] * dt;
    let value = math::ln(f.c) - gap * gap + 0.5 * f.q * log_ratio + math::ln_bessel_i_scaled(f.q, z);
    if !gradient {
        return (value, [0.0; 3]);
    }
    let ratio = math::bessel_i_ratio(f.q, z);
    // u ∂/∂u and v ∂/∂v of the log density.
    let by_u = -f.u + 0.5 * z * ratio;
    let by_v = -v + f.q + 0.5 * z * ratio;
    let by_q = 0.5 * log_ratio + math::d_ln_bessel_i_scaled_dnu(f.q, z);
    (value, f.chain(arguments, by_u, by_v, by_q))
}

/// [`square_root`] where the start is all but forgotten (`uv` near zero): the first two terms of the Bessel series, in
/// which `u` is no longer divided by. `ln c - u - v + q ln v - ln Γ(q+1) + ln(1 + uv/(q+1))`.
fn square_root_forgotten(arguments: &[f64], f: &Feller, v: f64, gradient: bool) -> (f64, [f64; 3]) {
    let second = f.u * v / (f.q + 1.0);
    let value = math::ln(f.c) - f.u - v + f.q * math::ln(v) - math::ln_gamma(f.q + 1.0) + math::ln_1p(second);
    if !gradient {
        return (value, [0.0; 3]);
    }
    let both = second / (1.0 + second);
    let by_q = math::ln(v) - math::digamma(f.q + 1.0) - both / (f.q + 1.0);
    (value, f.chain(arguments, -f.u + both, -v + f.q + both, by_q))
}

/// A claimed law compiled for fitting: its arguments and their slopes in the model's parameters.
#[derive(Debug)]
pub struct ExactTransitions {
    claim: LawClaim,
    /// `slopes[argument][parameter]`
    slopes: Vec<Vec<Id>>,
    pool: crate::expr::Pool,
}

impl ExactTransitions {
    pub(super) fn new(process: &Scalar, claim: &LawClaim) -> ExactTransitions {
        let mut pool = process.pool().clone();
        let slopes = claim
            .arguments
            .iter()
            .map(|a| (0..process.n_params()).map(|k| pool.derivative(*a, Scalar::FIRST_PARAM + k)).collect())
            .collect();
        ExactTransitions { claim: claim.clone(), slopes, pool }
    }

    /// `slopes[argument][parameter]` as numbers.
    fn slopes_at(&self, process: &Scalar, theta: &[f64]) -> Vec<Vec<f64>> {
        let symbols = process.symbols(theta, 0.0);
        self.slopes.iter().map(|row| row.iter().map(|id| self.pool.eval(*id, &symbols)).collect()).collect()
    }

    pub(super) fn log_density(&self, process: &Scalar, theta: &[f64], pairs: &Pairs, gradient: bool) -> Batch {
        let arguments = self.claim.arguments_at(process, theta);
        let law = self.claim.law;
        let one = |i: usize| log_density(law, &arguments, pairs.x0[i], pairs.x1[i], pairs.dt[i], gradient);
        let rows: Vec<(f64, [f64; 3])> = (0..pairs.len().div_ceil(CHUNK))
            .into_par_iter()
            .flat_map_iter(|chunk| (chunk * CHUNK..((chunk + 1) * CHUNK).min(pairs.len())).map(one))
            .collect();
        let value = rows.iter().map(|r| r.0).collect();
        let gradient = if gradient {
            let by_argument: Vec<Vec<f64>> =
                (0..law.n_arguments()).map(|a| rows.iter().map(|r| r.1[a]).collect()).collect();
            chain(&self.slopes_at(process, theta), &by_argument)
        } else {
            Vec::new()
        };
        Batch { value, gradient }
    }

    pub(super) fn normal_scores(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Vec<f64> {
        let arguments = self.claim.arguments_at(process, theta);
        let law = self.claim.law;
        let score = |i: usize| match transition(law, &arguments, pairs.x0[i], pairs.dt[i]) {
            Predictive::Normal { mean, sd } => (pairs.x1[i] - mean) / sd,
            Predictive::LogNormal { mu, sigma } => (math::ln(pairs.x1[i]) - mu) / sigma,
            // From the nearer tail, so that an outlier's score is large and not infinite.
            Predictive::ScaledChiSquare { scale, df, lambda } => {
                let x = pairs.x1[i] / scale;
                let below = math::ncx2_cdf(x, df, lambda);
                if below < 0.5 {
                    math::normal_quantile(below)
                } else {
                    -math::normal_quantile(math::ncx2_sf(x, df, lambda))
                }
            }
            other => math::normal_quantile(other.cdf(pairs.x1[i])),
        };
        (0..pairs.len()).into_par_iter().map(score).collect()
    }

    pub(super) fn moments(&self, process: &Scalar, theta: &[f64], pairs: &Pairs) -> Moments {
        let arguments = self.claim.arguments_at(process, theta);
        let law = self.claim.law;
        let rows: Vec<[f64; 8]> =
            (0..pairs.len()).map(|i| moments(law, &arguments, pairs.x0[i], pairs.dt[i])).collect();
        let column = |k: usize| -> Vec<f64> { rows.iter().map(|r| r[k]).collect() };
        let slopes = self.slopes_at(process, theta);
        let by_argument = |from: usize| (0..law.n_arguments()).map(|a| column(from + a)).collect::<Vec<_>>();
        Moments {
            mean: column(0),
            variance: column(1),
            d_mean: chain(&slopes, &by_argument(2)),
            d_variance: chain(&slopes, &by_argument(5)),
        }
    }
}

/// `out[parameter][i] = Σ_argument slopes[argument][parameter] · by_argument[argument][i]`
fn chain(slopes: &[Vec<f64>], by_argument: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = by_argument.first().map_or(0, Vec::len);
    let n_params = slopes.first().map_or(0, Vec::len);
    (0..n_params)
        .map(|k| (0..n).map(|i| slopes.iter().zip(by_argument).map(|(s, b)| s[k] * b[i]).sum()).collect())
        .collect()
}

fn log_density(law: ClosedLaw, arguments: &[f64], x0: f64, x1: f64, dt: f64, gradient: bool) -> (f64, [f64; 3]) {
    if law == ClosedLaw::SquareRoot {
        return square_root(arguments, x0, x1, dt, gradient);
    }
    if law == ClosedLaw::Jacobi {
        return jacobi::log_density(arguments, x0, x1, dt, gradient);
    }
    let on_log = law.is_positive();
    let z = if on_log { math::ln(x1) } else { x1 };
    let g = gaussian(law, arguments, x0, dt);
    let e = z - g.mean;
    let value = math::normal_ln_pdf(e / g.variance.sqrt()) - 0.5 * math::ln(g.variance) - if on_log { z } else { 0.0 };
    let mut slope = [0.0; 3];
    if gradient {
        for (s, (dm, dv)) in slope.iter_mut().zip(g.d_mean.iter().zip(&g.d_variance)) {
            *s = e / g.variance * dm + 0.5 * (e * e / g.variance - 1.0) / g.variance * dv;
        }
    }
    (value, slope)
}

/// Mean, variance, three slopes of the mean, three slopes of the variance, in the coordinate of the data.
fn moments(law: ClosedLaw, arguments: &[f64], x0: f64, dt: f64) -> [f64; 8] {
    if law == ClosedLaw::SquareRoot {
        return square_root_moments(arguments, x0, dt);
    }
    if law == ClosedLaw::Jacobi {
        return jacobi::moments(arguments, x0, dt);
    }
    let g = gaussian(law, arguments, x0, dt);
    let (dm, dv) = (g.d_mean, g.d_variance);
    if !law.is_positive() {
        return [g.mean, g.variance, dm[0], dm[1], dm[2], dv[0], dv[1], dv[2]];
    }
    // Lognormal: M = exp(m + v/2), S = M² (e^v - 1).
    let mean = math::exp(g.mean + 0.5 * g.variance);
    let spread = math::exp_m1(g.variance);
    let variance = mean * mean * spread;
    let d_mean = [0, 1, 2].map(|k| mean * (dm[k] + 0.5 * dv[k]));
    let d_variance = [0, 1, 2].map(|k| 2.0 * mean * d_mean[k] * spread + mean * mean * (spread + 1.0) * dv[k]);
    [mean, variance, d_mean[0], d_mean[1], d_mean[2], d_variance[0], d_variance[1], d_variance[2]]
}

/// Mean and variance of the square-root process (Cox, Ingersoll & Ross 1985, eq. 19).
fn square_root_moments(arguments: &[f64], x0: f64, dt: f64) -> [f64; 8] {
    let [kappa, theta, sigma] = [arguments[0], arguments[1], arguments[2]];
    let e = math::exp(-kappa * dt);
    let lost = -math::exp_m1(-kappa * dt);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::{Form, Transitions};
    use crate::models::built_in;

    const MODELS: [(&str, [f64; 3]); 5] = [
        ("bm", [0.3, 0.7, 0.0]),
        ("gbm", [0.1, 0.3, 0.0]),
        ("ou", [1.5, 0.5, 0.8]),
        ("cir", [0.5, 0.9, 0.4]),
        ("exp-ou", [1.2, 0.1, 0.3]),
    ];

    fn five_point(f: impl Fn(f64) -> f64, h: f64) -> f64 {
        (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
    }

    #[test]
    fn gradients_of_log_density_and_moments_are_their_difference_quotients() -> Result<()> {
        for (id, theta) in MODELS {
            let model = built_in(id)?;
            let theta = &theta[..model.params.len()];
            let transitions = Transitions::new(&model, Form::Exact)?;
            for dt in [1.0 / 252.0, 0.5] {
                let pairs = Pairs { x0: vec![0.8], x1: vec![0.83], dt: vec![dt], t0: vec![0.0] };
                let batch = transitions.log_density(theta, &pairs, true);
                let moments = transitions.moments(theta, &pairs);
                for k in 0..theta.len() {
                    let moved = |h: f64| {
                        let mut moved = theta.to_vec();
                        moved[k] += h;
                        moved
                    };
                    let h = 1e-3 * theta[k].abs();
                    for (exact, quotient) in [
                        (
                            batch.gradient[k][0],
                            five_point(|h| transitions.log_density(&moved(h), &pairs, false).value[0], h),
                        ),
                        (moments.d_mean[k][0], five_point(|h| transitions.moments(&moved(h), &pairs).mean[0], h)),
                        (
                            moments.d_variance[k][0],
                            five_point(|h| transitions.moments(&moved(h), &pairs).variance[0], h),
                        ),
                    ] {
                        assert!(
                            (exact - quotient).abs() < 1e-7 * (1.0 + exact.abs()),
                            "{id} {k} dt {dt}: {exact} {quotient}"
                        );
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_transition_law_and_its_log_density_are_the_same_law() -> Result<()> {
        for (id, theta) in MODELS {
            let model = built_in(id)?;
            let theta = &theta[..model.params.len()];
            let claim = model.law.as_ref().expect("a closed law");
            let law =
                transition(claim.law, &claim.arguments_at(&model.scalar().expect("one-dimensional"), theta), 0.8, 0.3);
            let transitions = Transitions::new(&model, Form::Exact)?;
            for x1 in [0.2, 0.7, 1.6] {
                let pairs = Pairs { x0: vec![0.8], x1: vec![x1], dt: vec![0.3], t0: vec![0.0] };
                let value = transitions.log_density(theta, &pairs, false).value[0];
                assert!((value - law.log_pdf(x1).expect("a density")).abs() < 1e-10, "{id} {x1}");
            }
            let moments =
                transitions.moments(theta, &Pairs { x0: vec![0.8], x1: vec![0.8], dt: vec![0.3], t0: vec![0.0] });
            assert!((moments.mean[0] - law.mean().expect("mean")).abs() < 1e-12, "{id}");
            assert!((moments.variance[0].sqrt() - law.sd().expect("sd")).abs() < 1e-12, "{id}");
        }
        Ok(())
    }

    #[test]
    fn a_gap_of_many_relaxation_times_leaves_the_stationary_gamma_law() -> Result<()> {
        let model = built_in("cir")?;
        let transitions = Transitions::new(&model, Form::Exact)?;
        let at = |dt: f64| {
            let pairs = Pairs { x0: vec![0.8], x1: vec![0.9], dt: vec![dt], t0: vec![0.0] };
            transitions.log_density(&[0.5, 0.9, 0.4], &pairs, true)
        };
        // Gamma with shape 2κθ/σ² and rate 2κ/σ².
        let (shape, rate) = (5.625, 6.25);
        let gamma = shape * math::ln(rate) - math::ln_gamma(shape) + (shape - 1.0) * math::ln(0.9) - rate * 0.9;
        assert!((at(5000.0).value[0] - gamma).abs() < 1e-12);
        assert!(at(5000.0).gradient.iter().all(|g| g[0].is_finite()));
        // The two ways of writing it meet where one hands over to the other.
        for k in 0..3 {
            let (before, after) = (at(57.0).gradient[k][0], at(58.5).gradient[k][0]);
            assert!((before - after).abs() < 1e-7 * (1.0 + before.abs()), "{k}: {before} {after}");
        }
        Ok(())
    }

    #[test]
    fn daily_steps_do_not_break_the_square_root_density() -> Result<()> {
        let model = built_in("cir")?;
        let transitions = Transitions::new(&model, Form::Exact)?;
        let pairs = Pairs { x0: vec![5.0], x1: vec![5.0], dt: vec![1.0 / 252.0], t0: vec![0.0] };
        let exact = transitions.log_density(&[0.04, 5.0, 0.43], &pairs, true);
        let kessler = Transitions::new(&model, Form::Kessler)?.log_density(&[0.04, 5.0, 0.43], &pairs, true);
        // At the mean the two differ only by the square of the one-step skewness, 3 b' √dt = 0.018.
        assert!((exact.value[0] - kessler.value[0]).abs() < 0.018f64.powi(2));
        assert!(exact.gradient.iter().all(|g| g[0].is_finite()));
        Ok(())
    }
}

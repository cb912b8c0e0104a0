//! Laws and prices of affine processes by their characteristic functions: Heston, Bates, Merton, Kou, square-root and
//! Ornstein-Uhlenbeck processes, alone or together, read off the equation and not known by name.
//!
//! `structure` reads the process, `riccati` gives the exponent, and this inverts it: density, distribution function and
//! `E[e^{-∫r dt} e^{cY}; Y > l]` (Gil-Pelaez 1951; Duffie, Pan & Singleton 2000, proposition 2); `marginals` makes whole laws of
//! it. Not for state-dependent jump rates or coefficients that change in time.

mod complex;
mod marginals;
#[cfg(test)]
mod marginals_tests;
mod riccati;
mod structure;
#[cfg(test)]
mod tests;

use super::{Form, check_start};
use crate::base::{Error, Result, math};
use crate::expr::Id;
use crate::models::Model;
use crate::process::{Diffusion, Process};
use complex::Complex;
pub(super) use marginals::{marginals, why_no_marginals};
use riccati::{Exponent, exponent};
use structure::{Affine, affine};

/// Numbers found by quadrature, and the change from half as many points: more than the error left.
#[derive(Debug, Clone, PartialEq)]
pub struct Inverted {
    /// `[state]`, in the order asked.
    pub values: Vec<f64>,
    /// Of the worst of them, absolute.
    pub error: f64,
}

/// Why a model has no characteristic function here, looked at with its default parameters; `None` where it has one.
pub fn why_not(model: &Model) -> Option<String> {
    let Process::Diffusion(process) = &model.process else { return Some(format!("it is a {}", model.process.kind())) };
    let defaults: Vec<f64> = model.params.iter().map(|p| p.default).collect();
    affine(process, None, &defaults).err()
}

/// Density of one component of an affine diffusion after `time`, at `states`.
///
/// `f(x) = 1/π ∫₀^∞ Re[e^{-iux} φ(u)] du`. Right to about 1e-12 of its peak for laws with a Gaussian part or of square-root kind; slow
/// where `φ` falls off slowly. Cost: some hundred exponents, of some tens of microseconds each.
///
/// # Errors
/// [`Error::FormUnavailable`] where the process is not affine, [`Error::OutsideDomain`] for the start, [`Error::Numerics`] where the
/// law has no density, or one too rough to be found.
///
/// # Examples
/// ```
/// use kramers::form::affine::density;
/// use kramers::models::built_in;
///
/// let ou = built_in("ou")?; // kappa, theta, sigma
/// let found = density(&ou, &[1.0, 0.0, 1.0], &[1.0], 1.0, 0, &[0.5])?;
/// let (mean, variance) = ((-1f64).exp(), 0.5 * (1.0 - (-2f64).exp()));
/// let exact = (-(0.5 - mean) * (0.5 - mean) / (2.0 * variance)).exp() / (std::f64::consts::TAU * variance).sqrt();
/// assert!((found.values[0] - exact).abs() < 1e-12);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn density(
    model: &Model,
    theta: &[f64],
    start: &[f64],
    time: f64,
    component: usize,
    states: &[f64],
) -> Result<Inverted> {
    let law = law(model, theta, start, time, component)?;
    let mut found = law.invert(0.0, &law.coordinates(states), Kind::Density)?;
    if law.affine.is_log[component] {
        found.values.iter_mut().zip(states).for_each(|(f, x)| *f /= x);
    }
    Ok(found)
}

/// Distribution function of one component of an affine diffusion after `time`, at `states`.
///
/// `F(x) = 1/2 - 1/π ∫₀^∞ Im[e^{-iux} φ(u)]/u du` (Gil-Pelaez 1951). As [`density`] otherwise.
///
/// # Errors
/// As [`density`].
pub fn cdf(
    model: &Model,
    theta: &[f64],
    start: &[f64],
    time: f64,
    component: usize,
    states: &[f64],
) -> Result<Inverted> {
    let law = law(model, theta, start, time, component)?;
    let (above, _) = law.above(0.0, &law.coordinates(states))?;
    Ok(Inverted { values: above.values.iter().map(|above| 1.0 - above).collect(), ..above })
}

fn law(model: &Model, theta: &[f64], start: &[f64], time: f64, component: usize) -> Result<Law> {
    let Process::Diffusion(process) = &model.process else {
        return Err(Form::Exact.unavailable(model, &format!("it is a {}", model.process.kind())));
    };
    check_start(model, start)?;
    if component >= start.len() || !(time > 0.0) {
        return Err(broken(&model.id, format!("component {} at time {time} is none of it", component + 1)));
    }
    Law::new(process, None, theta, start, time, component).map_err(|why| Form::Exact.unavailable(model, &why))
}

fn broken(id: &str, why: String) -> Error {
    Error::Numerics {
        what: format!("the characteristic function of model '{id}'"),
        why,
        hint: "use --form monte-carlo, or --form fokker-planck where it applies".to_string(),
    }
}

/// What is inverted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Density,
    /// Mean on the part above, then its slope in the coordinate of the first state at the start.
    Above,
}

/// The law of one coordinate after a time, under a discount.
pub(super) struct Law {
    affine: Affine,
    /// Start, in coordinates.
    from: Vec<f64>,
    time: f64,
    component: usize,
    id: String,
}

impl Law {
    /// # Errors
    /// Why it is not affine.
    pub(super) fn new(
        process: &Diffusion,
        discount: Option<Id>,
        theta: &[f64],
        start: &[f64],
        time: f64,
        component: usize,
    ) -> std::result::Result<Law, String> {
        let affine = affine(process, discount, theta)?;
        let from = start.iter().zip(&affine.is_log).map(|(x, log)| if *log { math::ln(*x) } else { *x }).collect();
        let id = process.states.get(component).map_or(String::new(), |s| s.name.clone());
        Ok(Law { affine, from, time, component, id })
    }

    /// Whether the coordinate is the logarithm of its state.
    pub(super) fn is_log(&self) -> bool {
        self.affine.is_log[self.component]
    }

    /// As [`Law::is_log`], of the first state.
    pub(super) fn is_first_log(&self) -> bool {
        self.affine.is_log[0]
    }

    fn coordinates(&self, states: &[f64]) -> Vec<f64> {
        states.iter().map(|x| if self.is_log() { math::ln(*x) } else { *x }).collect()
    }

    fn exponent(&self, u: Complex) -> Option<Exponent> {
        let mut all = vec![Complex::ZERO; self.from.len()];
        all[self.component] = u;
        exponent(&self.affine, &all, self.time)
    }

    /// `E[e^{-∫r dt} e^{cY}]` and its slope in the first coordinate of the start; `None` where it is infinite.
    pub(super) fn mean(&self, c: f64) -> Option<(f64, f64)> {
        let exponent = self.exponent(Complex::new(c, 0.0))?;
        let mean = math::exp(exponent.at(&self.from).re);
        mean.is_finite().then(|| (mean, mean * exponent.beta[0].re))
    }

    /// `E[e^{-∫r dt} e^{cY}; Y > l]` at each level, and the slopes.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the mean is infinite or the quadrature does not converge.
    pub(super) fn above(&self, c: f64, levels: &[f64]) -> Result<(Inverted, Inverted)> {
        let mut above = self.invert(c, levels, Kind::Above)?;
        let slopes = above.values.split_off(levels.len());
        let slopes = Inverted { values: slopes, error: above.error };
        Ok((above, slopes))
    }

    fn invert(&self, c: f64, levels: &[f64], kind: Kind) -> Result<Inverted> {
        let infinite = || broken(&self.id, format!("the mean of e^{{{c} y}} is infinite or runs away"));
        let (mean, slope) = self.mean(c).ok_or_else(infinite)?;
        let transform = |u: f64| -> Result<(Complex, Complex)> {
            let exponent = self.exponent(Complex::new(c, u)).ok_or_else(infinite)?;
            let value = exponent.at(&self.from).exponential();
            let slope = value * exponent.beta[0];
            if value.is_finite() && slope.is_finite() { Ok((value, slope)) } else { Err(infinite()) }
        };
        let size = |u: f64| transform(u).map(|(value, slope)| value.abs().max(slope.abs()));
        // From where the transform begins to fall, panels twice as wide each until it is gone.
        const GONE: f64 = 1e-17;
        let peak = mean.max(1e-300);
        let mut first = 1e-3;
        while transform(first)?.0.abs() > 0.97 * peak {
            first *= 2.0;
            if first > 1e9 {
                return Err(broken(&self.id, "it does not vary, so it has no density".to_string()));
            }
        }
        let mut edges = vec![0.0, first];
        let mut end = first;
        while size(end)? > GONE * peak {
            end *= 1.5;
            edges.push(end);
            if end > 1e7 * first {
                let why = "its characteristic function falls off too slowly for a quadrature".to_string();
                return Err(broken(&self.id, why));
            }
        }
        let n = levels.len();
        let on = |parts: usize| -> Result<Vec<f64>> {
            let mut sums = vec![0.0; if kind == Kind::Density { n } else { 2 * n }];
            for edge in edges.windows(2) {
                let width = (edge[1] - edge[0]) / parts as f64;
                for part in 0..parts {
                    for (x, w) in legendre() {
                        let u = edge[0] + width * (part as f64 + 0.5 * (1.0 + x));
                        let (value, slope) = transform(u)?;
                        let weight = 0.5 * width * w / std::f64::consts::PI;
                        for (k, level) in levels.iter().enumerate() {
                            let turn = Complex::new(math::cos(u * level), -math::sin(u * level));
                            if kind == Kind::Density {
                                sums[k] += weight * (turn * value).re;
                            } else {
                                sums[k] += weight * (turn * value).im / u;
                                sums[n + k] += weight * (turn * slope).im / u;
                            }
                        }
                    }
                }
            }
            let half = [0.5 * mean, 0.5 * slope];
            let whole = |k: usize| if kind == Kind::Density { 0.0 } else { half[k / n] };
            Ok(sums.into_iter().enumerate().map(|(k, sum)| whole(k) + sum).collect())
        };
        const MOST_PARTS: usize = 64;
        let (mut parts, mut before) = (1, on(1)?);
        loop {
            parts *= 2;
            let values = on(parts)?;
            let error = values.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let largest = values.iter().map(|v| v.abs()).fold(peak, f64::max);
            if error <= 1e-13 * largest {
                return Ok(Inverted { values, error });
            }
            if parts >= MOST_PARTS || !error.is_finite() {
                return Err(broken(&self.id, format!("its quadrature still moves by {error:e}")));
            }
            before = values;
        }
    }
}

/// Nodes and weights of Gauss and Legendre's rule of sixteen points on [-1, 1] (Abramowitz & Stegun 1964, table 25.4).
fn legendre() -> impl Iterator<Item = (f64, f64)> {
    const HALF: [(f64, f64); 8] = [
        (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
        (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
        (0.458_016_777_657_227_4, 0.169_156_519_395_002_54),
        (0.617_876_244_402_643_7, 0.149_595_988_816_576_73),
        (0.755_404_408_355_003, 0.124_628_971_255_533_87),
        (0.865_631_202_387_831_7, 0.095_158_511_682_492_79),
        (0.944_575_023_073_232_6, 0.062_253_523_938_647_9),
        (0.989_400_934_991_649_9, 0.027_152_459_411_754_094),
    ];
    HALF.into_iter().flat_map(|(x, w)| [(-x, w), (x, w)])
}

//! Draws from a closed law: from one output straight to the next.

use super::super::{Form, exact, moments};
use super::normals::Normals;
use crate::base::rng::Stream;
use crate::base::{Error, Result, math};
use crate::models::Model;
use crate::predictive::Predictive;
use crate::process::{ClosedLaw, Diffusion, Family, Law};

/// How the state at the end of a segment is drawn given that at its start.
pub(super) enum Exact {
    /// A closed law of one state, its arguments at the parameters.
    Scalar { law: ClosedLaw, arguments: Vec<f64> },
    /// One affine map and Gaussian a segment.
    Gaussian(Vec<Affine>),
}

/// `x' = Φ x + c + L z`
pub(super) struct Affine {
    /// `[component][component]`
    phi: Vec<Vec<f64>>,
    c: Vec<f64>,
    /// `[component][component]`, lower triangle.
    root: Vec<Vec<f64>>,
}

impl Exact {
    /// For segments between these times.
    ///
    /// # Errors
    /// As those of the closed moments.
    pub fn new(model: &Model, process: &Diffusion, theta: &[f64], stops: &[(f64, f64)]) -> Result<Exact> {
        if let (Some(claim), Some(line)) = (&model.law, process.scalar()) {
            return Ok(Exact::Scalar { law: claim.law, arguments: claim.arguments_at(&line, theta) });
        }
        let each = stops.iter().map(|stop| Affine::new(model, theta, *stop)).collect::<Result<_>>()?;
        Ok(Exact::Gaussian(each))
    }

    /// Whether draws come from each path's own stream and not from the block's normals.
    pub fn is_by_stream(&self) -> bool {
        matches!(self, Exact::Scalar { law: ClosedLaw::SquareRoot, .. })
    }

    /// The states a segment of length `h` later, `[component][path]`, in place.
    pub fn step(&self, segment: usize, h: f64, x: &mut [Vec<f64>], normals: &mut Normals, streams: &mut [Stream]) {
        let mut z = vec![vec![0.0; x.first().map_or(0, Vec::len)]; x.len()];
        if !self.is_by_stream() {
            z.iter_mut().for_each(|z| normals.next_into(z));
        }
        match self {
            Exact::Scalar { law, arguments } => {
                for (p, x) in x[0].iter_mut().enumerate() {
                    *x = match exact::transition(*law, arguments, *x, h) {
                        Predictive::Normal { mean, sd } => mean + sd * z[0][p],
                        Predictive::LogNormal { mu, sigma } => math::exp(mu + sigma * z[0][p]),
                        Predictive::ScaledChiSquare { scale, df, lambda } => {
                            scale * noncentral(df, lambda, &mut streams[p])
                        }
                        _ => f64::NAN,
                    };
                }
            }
            Exact::Gaussian(each) => each[segment].step(x, &z),
        }
    }

    /// Mean and sd of the normal that each component of each path is drawn from; sd zero where it is no normal.
    pub fn kernels(&self, segment: usize, h: f64, x: &[Vec<f64>]) -> Vec<Vec<(f64, f64)>> {
        match self {
            Exact::Scalar { law, arguments } => {
                let kernel = |x: &f64| match exact::transition(*law, arguments, *x, h) {
                    Predictive::Normal { mean, sd } => (mean, sd),
                    _ => (*x, 0.0),
                };
                vec![x[0].iter().map(kernel).collect()]
            }
            Exact::Gaussian(each) => each[segment].kernels(x),
        }
    }
}

/// Noncentral chi-square: a shifted normal squared and a gamma, or a Poisson mixture of gammas (Johnson, Kotz & Balakrishnan 1995,
/// section 29.5; Glasserman 2004, figure 3.5).
fn noncentral(df: f64, lambda: f64, stream: &mut Stream) -> f64 {
    let draw = |family: Family, arguments: &[f64], stream: &mut Stream| match Law::new(family, arguments) {
        Some(law) => law.sample(stream),
        None => f64::NAN,
    };
    if df > 1.0 {
        let shifted = stream.normal() + lambda.sqrt();
        return shifted * shifted + 2.0 * draw(Family::Gamma, &[0.5 * (df - 1.0), 1.0], stream);
    }
    let n = draw(Family::Poisson, &[0.5 * lambda], stream);
    let shape = 0.5 * df + n;
    if shape > 0.0 { 2.0 * draw(Family::Gamma, &[shape, 1.0], stream) } else { 0.0 }
}

impl Affine {
    fn new(model: &Model, theta: &[f64], (from, to): (f64, f64)) -> Result<Affine> {
        let n = model.process.frame().n_variables;
        let at = |start: &[f64]| {
            moments::closed_moments(model, theta, start, from, &[to])
                .unwrap_or_else(|| Err(Form::Exact.unavailable(model, "its moments are not closed")))
        };
        let zero = at(&vec![0.0; n])?;
        let c = zero.mean[0].clone();
        let mut phi = vec![vec![0.0; n]; n];
        for j in 0..n {
            let mut unit = vec![0.0; n];
            unit[j] = 1.0;
            let moved = at(&unit)?;
            (0..n).for_each(|i| phi[i][j] = moved.mean[0][i] - c[i]);
        }
        let covariance = zero.covariance.as_ref().and_then(|c| c.first()).and_then(|c| root(c));
        let root = covariance.ok_or_else(|| Error::Numerics {
            what: format!("the law of model '{}'", model.id),
            why: "its covariance is not positive semi-definite to round-off".to_string(),
            hint: "use --scheme euler-maruyama".to_string(),
        })?;
        Ok(Affine { phi, c, root })
    }

    fn mean(&self, x: &[Vec<f64>], i: usize, p: usize) -> f64 {
        self.phi[i].iter().zip(x).map(|(phi, x)| phi * x[p]).sum::<f64>() + self.c[i]
    }

    fn step(&self, x: &mut [Vec<f64>], z: &[Vec<f64>]) {
        let n = x.len();
        for p in 0..x.first().map_or(0, Vec::len) {
            let shaken = |i: usize| self.root[i].iter().zip(z).take(i + 1).map(|(l, z)| l * z[p]).sum::<f64>();
            let next: Vec<f64> = (0..n).map(|i| self.mean(x, i, p) + shaken(i)).collect();
            (0..n).for_each(|i| x[i][p] = next[i]);
        }
    }

    fn kernels(&self, x: &[Vec<f64>]) -> Vec<Vec<(f64, f64)>> {
        let width = x.first().map_or(0, Vec::len);
        let sd = |i: usize| self.root[i].iter().map(|l| l * l).sum::<f64>().sqrt();
        (0..x.len()).map(|i| (0..width).map(|p| (self.mean(x, i, p), sd(i))).collect()).collect()
    }
}

/// The lower triangle `L` with `L Lᵀ = c`; columns of what does not vary are zero.
fn root(c: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let n = c.len();
    let mut root = vec![vec![0.0; n]; n];
    for j in 0..n {
        let rest = c[j][j] - (0..j).map(|m| root[j][m] * root[j][m]).sum::<f64>();
        let small = 1e-13 * c[j][j].abs();
        if !(rest >= -small) {
            return None;
        }
        if rest <= small {
            continue;
        }
        root[j][j] = rest.sqrt();
        for i in j + 1..n {
            root[i][j] = (c[i][j] - (0..j).map(|m| root[i][m] * root[j][m]).sum::<f64>()) / root[j][j];
        }
    }
    Some(root)
}

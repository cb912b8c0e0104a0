//! Whether a point is an optimum: the statuses of a fit and the test that grants them, in natural coordinates.

use super::optimise::symmetric_inverse;
use crate::base::{Coordinate, Param};
use nalgebra::DMatrix;
use serde::{Serialize, Serializer};

/// How a fit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Score zero (1e-6 of its sd) and curvature positive definite.
    Converged,
    /// An optimum, but another start found a better one.
    ConvergedLocal,
    /// The best point stands on the bound of the named parameter, with the slope pointing out (Karush-Kuhn-Tucker).
    AtBound(String),
    /// The named parameter can move by its own size without changing the objective.
    Flat(String),
    /// The iteration limit was met before the score was zero.
    MaxIterations,
    /// No optimum, and why: half a sentence, such as "the point is a saddle".
    Failed(String),
}

impl Status {
    /// Whether the point may be used as an estimate.
    pub fn is_good(&self) -> bool {
        matches!(self, Status::Converged | Status::AtBound(_))
    }

    /// Whether forecasts may be made with it: a parameter the data cannot tell is one the forecast does not hang on, and a
    /// local optimum is one.
    pub fn can_forecast(&self) -> bool {
        self.is_good() || matches!(self, Status::Flat(_) | Status::ConvergedLocal)
    }

    /// Name in documents, without the parameter or the reason.
    pub fn name(&self) -> &'static str {
        match self {
            Status::Converged => "converged",
            Status::ConvergedLocal => "converged-local",
            Status::AtBound(_) => "at-bound",
            Status::Flat(_) => "flat",
            Status::MaxIterations => "max-iterations",
            Status::Failed(_) => "failed",
        }
    }

    /// A sentence on what to do about it, with what to type next; `None` of plain convergence.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Status::Converged => None,
            Status::ConvergedLocal => Some("another start found a better optimum; add --starts".to_string()),
            Status::AtBound(p) => Some(format!(
                "{p} stands on its bound: the data ask for a value outside, or for a simpler model; its interval is not given"
            )),
            Status::Flat(p) => {
                Some(format!("the data say nothing about {p}: hold it with --fix {p}=VALUE, or take a simpler model"))
            }
            Status::MaxIterations => {
                Some("the iteration limit was reached; raise --max-iterations or add --starts".to_string())
            }
            Status::Failed(why) => Some(format!(
                "no optimum was found ({why}); try other starting values with --set, or --optimizer nelder-mead"
            )),
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Status::AtBound(p) | Status::Flat(p) => write!(f, "{} ({p})", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A positive parameter whose standard error is this many times itself is known to no power of ten.
pub(super) const VAGUE: f64 = 20.0;

/// Score a converged point may have, in units of its standard deviation.
pub(super) const SCORE: f64 = 1e-6;

/// Judge a point from the gradient and Hessian of the *mean* objective in natural coordinates, and give the covariance.
///
/// `free` are the parameters that could move; those on a bound with the slope pointing out are left out of the test of
/// the rest. Returns the status and the inverse of the total information over the interior parameters.
pub(super) fn judge(
    params: &[Param],
    theta: &[f64],
    free: &[usize],
    gradient: &[f64],
    hessian: &DMatrix<f64>,
    n: f64,
) -> (Status, Vec<Option<f64>>) {
    let no_se = vec![None; params.len()];
    let mut bound = None;
    let mut interior = Vec::new();
    for (position, k) in free.iter().enumerate() {
        let p = &params[*k];
        match p.bound_at(theta[*k]) {
            // A minimum on a bound: the objective rises into the interval, by more than round-off of a log-likelihood.
            Some(b)
                if n * gradient[*k].abs() * p.size(theta[*k]) > 1e-6
                    && ((b == p.lower && gradient[*k] > 0.0) || (b == p.upper && gradient[*k] < 0.0)) =>
            {
                bound = Some(p.name.clone());
            }
            _ => interior.push((position, *k)),
        }
    }
    let m = interior.len();
    let h = DMatrix::from_fn(m, m, |i, j| n * hessian[(interior[i].0, interior[j].0)]);
    if h.iter().any(|v| !v.is_finite()) {
        return (Status::Failed("the curvature is not finite".to_string()), no_se);
    }
    for (i, (_, k)) in interior.iter().enumerate() {
        // A positive parameter must matter when it moves by its own size; of one that may be zero only its curvature tells.
        let size = params[*k].size(theta[*k]);
        if h[(i, i)] == 0.0 || h[(i, i)].abs() * size * size < 1e-6 {
            return (Status::Flat(params[*k].name.clone()), no_se);
        }
    }
    let Some(inverse) = symmetric_inverse(&h) else {
        let flattest =
            weakest(&h).and_then(|i| interior.get(i)).map_or(String::new(), |(_, k)| params[*k].name.clone());
        return match h.clone().symmetric_eigenvalues().min() {
            low if low < -1e-8 * h.diagonal().abs().max() => {
                (Status::Failed("the point is a saddle".to_string()), no_se)
            }
            _ => (Status::Flat(flattest), no_se),
        };
    };
    let score = nalgebra::DVector::from_iterator(m, interior.iter().map(|(_, k)| n * gradient[*k]));
    let scaled = (score.transpose() * &inverse * &score)[(0, 0)].max(0.0).sqrt();
    let mut se = no_se;
    for (i, (_, k)) in interior.iter().enumerate() {
        se[*k] = Some(inverse[(i, i)].sqrt()).filter(|s| s.is_finite());
    }
    let vague = interior.iter().find(|(_, k)| {
        params[*k].coordinate() == Coordinate::Log && se[*k].is_some_and(|s| s > VAGUE * theta[*k].abs())
    });
    let status = if let Some((_, k)) = vague {
        Status::Flat(params[*k].name.clone())
    } else if !(scaled < SCORE) {
        Status::MaxIterations
    } else if let Some(name) = bound {
        Status::AtBound(name)
    } else {
        Status::Converged
    };
    (status, se)
}

/// Position of the parameter that carries most of the weakest direction, in scaled coordinates.
fn weakest(h: &DMatrix<f64>) -> Option<usize> {
    let m = h.nrows();
    let scale: Vec<f64> = (0..m).map(|i| h[(i, i)].abs().max(1e-300).sqrt()).collect();
    let scaled = DMatrix::from_fn(m, m, |i, j| h[(i, j)] / (scale[i] * scale[j]));
    let eigen = scaled.symmetric_eigen();
    let low = eigen.eigenvalues.imin();
    (m > 0).then(|| eigen.eigenvectors.column(low).abs().imax())
}

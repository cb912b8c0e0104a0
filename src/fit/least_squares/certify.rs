//! Whether a point is a minimum of a sum of squares, and the standard errors there, from a QR decomposition of the slopes.

use crate::base::{Coordinate, Param};
use crate::fit::Status;
use crate::fit::certify::{SCORE, VAGUE};
use nalgebra::{DMatrix, DVector};

/// The verdict on a point.
pub(in crate::fit) struct Judged {
    pub status: Status,
    /// Standard errors of all parameters; none for what was held, stands on a bound or cannot be told.
    pub se: Vec<Option<f64>>,
    /// Residual variance `s²`, of a row of weight one.
    pub variance: f64,
}

impl Judged {
    /// What could not even be judged.
    pub fn failed(why: &str, params: usize) -> Judged {
        Judged { status: Status::Failed(why.to_string()), se: vec![None; params], variance: f64::NAN }
    }
}

/// Columns of slopes that are this near to being combinations of each other are.
const DEPENDENT: f64 = 1e-11;

/// Judge residuals `√w (y - f)` with slopes `√w ∂f/∂θ` in natural coordinates, a column for each parameter in `free`.
///
/// The score is the relative offset of Bates & Watts (1981): the length of the residuals' part in the tangent plane, in units of what noise alone
/// would leave there. Standard errors are the roots of the diagonal of `s² (JᵀJ)⁻¹ = s² R⁻¹ R⁻ᵀ`; `R` is had from `J`
/// itself, so that they keep the digits `JᵀJ` would lose (Seber & Wild 1989, section 2.1.2).
///
/// `bend` is `Σ r √w ∂²f/∂θ²`, where it is known: a point with score zero is a minimum where `JᵀJ` less `bend` is positive definite,
/// told in the metric of `JᵀJ`. `floor` is a sum of squares that is round-off.
pub(in crate::fit) fn judge(
    params: &[Param],
    theta: &[f64],
    free: &[usize],
    residuals: &DVector<f64>,
    jacobian: &DMatrix<f64>,
    bend: Option<&DMatrix<f64>>,
    floor: f64,
) -> Judged {
    let rows = residuals.len();
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    let variance = squares.max(floor) / rows.saturating_sub(free.len()).max(1) as f64;
    let none = vec![None; params.len()];
    let ends = |status: Status| Judged { status, se: none.clone(), variance };
    if jacobian.iter().chain(residuals.iter()).any(|v| !v.is_finite()) {
        return ends(Status::Failed("the slopes are not finite".to_string()));
    }
    let descent = jacobian.transpose() * residuals;
    let mut bound = None;
    let mut interior = Vec::new();
    for (column, k) in free.iter().enumerate() {
        let (p, value) = (&params[*k], theta[*k]);
        let fall = descent[column] / variance;
        match p.bound_at(value) {
            // The sum of squares falls through the bound, by more than round-off of a log-likelihood.
            Some(b)
                if fall.abs() * p.size(value).min(value.abs().max(1.0)) > 1e-6
                    && ((b == p.lower && fall < 0.0) || (b == p.upper && fall > 0.0)) =>
            {
                bound.get_or_insert(p.name.clone());
            }
            _ => interior.push((column, *k)),
        }
    }
    let m = interior.len();
    if m == 0 {
        return ends(bound.map_or(Status::Converged, Status::AtBound));
    }
    let norms: Vec<f64> = interior.iter().map(|(column, _)| jacobian.column(*column).norm()).collect();
    for ((_, k), norm) in interior.iter().zip(&norms) {
        let moves = norm * params[*k].size(theta[*k]);
        // A move by its own size changes the log-likelihood by less than 1e-6: nothing.
        if *norm == 0.0 || moves * moves < 1e-6 * variance {
            return ends(Status::Flat(params[*k].name.clone()));
        }
    }
    let scaled = DMatrix::from_fn(rows, m, |i, j| jacobian[(i, interior[j].0)] / norms[j]);
    let qr = scaled.qr();
    let explained = (qr.q().transpose() * residuals).norm_squared();
    let r = qr.r();
    let svd = r.clone().svd(false, true);
    let name_of = |j: usize| params[interior[j].1].name.clone();
    if let Some(right) = &svd.v_t
        && svd.singular_values.min() < DEPENDENT * svd.singular_values.max()
    {
        return ends(Status::Flat(name_of(right.row(svd.singular_values.imin()).transpose().iamax())));
    }
    let Some(inverse) = r.solve_upper_triangular(&DMatrix::identity(m, m)) else {
        return ends(Status::Failed("the slopes cannot be inverted".to_string()));
    };
    let mut se = none.clone();
    for (j, (_, k)) in interior.iter().enumerate() {
        se[*k] = Some(variance.sqrt() * inverse.row(j).norm() / norms[j]).filter(|s| s.is_finite());
    }
    let vague = interior.iter().find(|(_, k)| {
        params[*k].coordinate() == Coordinate::Log && se[*k].is_some_and(|s| s > VAGUE * theta[*k].abs())
    });
    if let Some((_, k)) = vague {
        return Judged { status: Status::Flat(params[*k].name.clone()), se, variance };
    }
    let offset = (explained / (m as f64 * variance)).sqrt();
    // What round-off of the values leaves explained no step can take away.
    if !(offset < SCORE || explained <= floor) {
        return Judged { status: Status::MaxIterations, se, variance };
    }
    if let Some(bend) = bend {
        let bend = DMatrix::from_fn(m, m, |i, j| bend[(interior[i].0, interior[j].0)] / (norms[i] * norms[j]));
        let curvature = DMatrix::identity(m, m) - inverse.transpose() * bend * &inverse;
        if curvature.iter().any(|v| !v.is_finite()) {
            return ends(Status::Failed("the curvature is not finite".to_string()));
        }
        let eigen = curvature.symmetric_eigen();
        let low = eigen.eigenvalues.imin();
        if eigen.eigenvalues[low] < -1e-8 {
            return ends(Status::Failed("the point is a saddle".to_string()));
        }
        if eigen.eigenvalues[low] < 1e-8 {
            let direction = &inverse * eigen.eigenvectors.column(low);
            return ends(Status::Flat(name_of(direction.iamax())));
        }
    }
    Judged { status: bound.map_or(Status::Converged, Status::AtBound), se, variance }
}

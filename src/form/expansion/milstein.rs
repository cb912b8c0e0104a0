//! The density of Milstein's step (Elerian 1998, A note on the existence of a closed form conditional transition density for the
//! Milstein scheme, Nuffield College W18).
//!
//! `x1 = x + a dt + b √dt Z + ½ b b' dt (Z² - 1)` is a parabola in a normal variable, so `x1` is a shifted and scaled noncentral
//! chi-square with one degree of freedom. Written by the two roots `Z`, the near one without a difference, it goes over into
//! Euler's normal density as `b b'` goes to zero.

use super::formula::formula;
use super::gaussian::normal_log_density;
use super::{Symbols, Written};
use crate::expr::{Pool, Unary};
use crate::process::{Scalar, symbol};

/// With `r = x1 - x - a dt + ½ b b' dt`, `S = √(1 + 2 b' r/b)` and the roots `Z = 2r/(b √dt (1 + S))`, `Y = -(1 + S)/(b' √dt)`:
/// `p = (φ(Z) + φ(Y)) / (b √dt S)`, and `(Y² - Z²)/2 = 2S/(b'² dt)`.
///
/// Beyond the parabola's end there is no root and no density. `b'² dt` is kept above 1e-6 by a square root, below which the far
/// root has no weight: this moves the log density by less than 1e-12.
pub(super) fn milstein(pool: &mut Pool, process: &Scalar, at: &Symbols) -> Written {
    let b = pool.unary(Unary::Abs, process.diffusion);
    let slope = pool.derivative(b, symbol::STATE);
    let mut names = vec![("a", process.drift), ("b", b), ("c", slope), ("x", at.x0), ("y", at.x1), ("dt", at.dt)];
    let mean = formula(pool, "x + a*dt", &names);
    let variance = formula(pool, "b^2*dt*(1 + 0.5*c^2*dt)", &names);
    if pool.constant(slope) == Some(0.0) {
        return super::gaussian::normal(pool, at, (mean, variance));
    }
    names.push(("r", formula(pool, "y - x - a*dt + 0.5*b*c*dt", &names)));
    names.push(("root", formula(pool, "sqrt(1 + 2*c*r/b)", &names)));
    names.push(("near", formula(pool, "2*r/(b*sqrt(dt)*(1 + root))", &names)));
    names.push(("far", formula(pool, "-(2*root/sqrt((c^2*dt)^2 + 1e-12))", &names)));
    let score = formula(pool, "near", &names);
    let (zero, one) = (pool.number(0.0), pool.number(1.0));
    names.push(("normal", normal_log_density(pool, score, zero, one)));
    let log_density = formula(pool, "normal - log(b*sqrt(dt)*root) + log1p(exp(far))", &names);
    // What lies beyond the far root, with the sign of b'.
    let rest = formula(pool, "-0.5*sign(c)*(1 - erf(sqrt(0.5*(near^2 - 2*far))))", &names);
    Written { mean, variance, log_density, scores: vec![score, rest] }
}

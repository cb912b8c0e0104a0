//! The speed of mean reversion of a drift that is a straight line, and the bias of its estimate.

use crate::base::math;
use crate::expr::{Id, Node, Pool};
use crate::fit::{Fit, Observed};
use crate::models::Model;
use crate::process::polynomial::Algebra;
use crate::process::{Scalar, symbol};
use serde::Serialize;

/// `dx = speed (mean - x) dt + b dW`, read off the text of a drift.
pub(super) struct Straight {
    pub pool: Pool,
    pub speed: Id,
    pub mean: Id,
    /// The drift at zero.
    constant: Id,
    pub diffusion: Id,
    /// Degree of the squared diffusion in the state, where it is a polynomial.
    pub degree: Option<i32>,
}

impl Straight {
    /// None where the slope of the drift hangs on the state or on time, is zero, or there is more than one state.
    pub fn of(model: &Model) -> Option<Straight> {
        let scalar = model.scalar()?;
        let mut pool = scalar.pool().clone();
        let slope = pool.derivative(scalar.drift, symbol::STATE);
        let bent = |id: Id| pool.depends_on(id, symbol::STATE) || pool.depends_on(id, symbol::TIME);
        if bent(slope) || pool.depends_on(scalar.drift, symbol::TIME) || pool.constant(slope) == Some(0.0) {
            return None;
        }
        let speed = pool.scale(-1.0, slope);
        let zero = pool.number(0.0);
        let constant = pool.substitute(scalar.drift, &[(symbol::STATE, zero)]);
        let mean = pool.div(constant, speed);
        let square = pool.power(scalar.diffusion, 2);
        let timed = pool.depends_on(scalar.diffusion, symbol::TIME);
        let polynomial = Algebra::new(&mut pool, symbol::STATE..symbol::STATE + 1).of(square);
        let degree = polynomial.and_then(|p| p.degree()).filter(|_| !timed);
        Some(Straight { pool, speed, mean, constant, diffusion: scalar.diffusion, degree })
    }

    /// Whether the speed hangs on a parameter that was not held.
    fn is_free(&self, fit: &Fit) -> bool {
        free(fit).any(|k| self.pool.depends_on(self.speed, Scalar::FIRST_PARAM + k))
    }

    /// Whether the mean hangs on no parameter that was not held: `c' s - c s'` is the polynomial zero, `c/s` the mean.
    fn is_mean_known(&mut self, fit: &Fit) -> bool {
        let params = Scalar::FIRST_PARAM..Scalar::FIRST_PARAM + fit.params.len();
        free(fit).all(|k| {
            let pool = &mut self.pool;
            let by = |pool: &mut Pool, id: Id| pool.derivative(id, Scalar::FIRST_PARAM + k);
            let (constant, speed) = (by(pool, self.constant), by(pool, self.speed));
            let first = pool.mul(constant, self.speed);
            let second = pool.mul(self.constant, speed);
            let turn = pool.sub(first, second);
            Algebra::new(pool, params.clone()).of(turn).is_some_and(|p| p.is_zero())
        })
    }
}

fn free(fit: &Fit) -> impl Iterator<Item = usize> + '_ {
    (0..fit.params.len()).filter(|k| !fit.params[*k].fixed)
}

/// The speed of mean reversion with the bias of its estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speed {
    /// The speed in the model's parameters, as `kappa` or `-beta`.
    pub text: String,
    /// The parameter, where the speed is one.
    pub parameter: Option<String>,
    /// At the fitted parameters, in one over the model's unit of time.
    pub estimate: f64,
    /// Length of time observed.
    pub span: f64,
    /// Expected error of the estimate to order `1/T`; none for noise it is not known for.
    pub bias: Option<f64>,
    /// The estimate less its bias; may be negative where the data do not show a return.
    pub corrected: Option<f64>,
}

/// The speed of mean reversion `-∂a/∂x` of a drift that is a straight line in the state, corrected for the bias of maximum likelihood
/// by Tang & Chen (2009): `(5/2 + e^{κδ} + e^{2κδ}/2)/T` for constant noise and unknown mean (theorem 3.1.1), `4/T` for noise whose
/// square is a straight line, `2/T` where the mean is known (`(3/2 + e^{2κδ}/2)/T` for constant noise), with `δ` the mean time
/// between rows and `T` all of it. None where the drift is no such line or its slope was held.
///
/// The correction rests on stationarity; near a unit root it takes off about half the bias, and the jackknife no more.
pub fn speed(model: &Model, data: &Observed, fit: &Fit) -> Option<Speed> {
    let mut straight = Straight::of(model)?;
    if !straight.is_free(fit) {
        return None;
    }
    let symbols = model.scalar()?.symbols(&fit.theta, 0.0);
    let estimate = straight.pool.eval(straight.speed, &symbols);
    let span: f64 = data.pairs.dt.iter().sum();
    let known = straight.is_mean_known(fit);
    let turn = math::exp(estimate * span / data.pairs.len() as f64);
    let times = match (straight.degree, known) {
        (Some(0), false) => Some(2.5 + turn + 0.5 * turn * turn),
        (Some(0), true) => Some(1.5 + 0.5 * turn * turn),
        (Some(1), false) => Some(4.0),
        (Some(1), true) => Some(2.0),
        _ => None,
    };
    let bias = times.map(|times| times / span).filter(|b| b.is_finite());
    let parameter = match straight.pool.node(straight.speed) {
        Node::Symbol(position) => Some(straight.pool.symbols()[position as usize].clone()),
        _ => None,
    };
    let text = straight.pool.print(straight.speed);
    Some(Speed { text, parameter, estimate, span, bias, corrected: bias.map(|b| estimate - b) })
}

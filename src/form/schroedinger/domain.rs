//! The part of the line that a question needs, and the basis that suits its ends.

use super::super::lamperti::{self, Reach};
use super::super::{Accuracy, Asked, fokker_planck};
use super::basis::Basis;
use super::modes::{Coefficients, Coordinate, Ground, Modes};
use super::ring;
use crate::base::{Error, Result};
use crate::process::chart::{Chart, gauss};
use crate::process::{Boundary, Scalar};

/// Fewest and most functions in a basis: the most take about half a second.
const FUNCTIONS: [usize; 2] = [40, 640];
/// A mode is forgotten at `e^-40`.
pub(super) const FORGOTTEN: f64 = 40.0;
/// Each basis is this much larger than the last.
const GROWTH: f64 = 1.4;

/// A stretch of the state space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Domain {
    kind: Kind,
    /// Functions for a first try.
    first: usize,
    /// What the process from the first start reaches; `None` for a ring.
    pub reach: Option<Reach>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Reached by nothing at either side: distances from `x0` in the coordinate of unit noise. Where the modes do not die away
    /// before the cuts, only the process does not get there in time, sine cardinals would feel the cut far inside.
    Open {
        x0: f64,
        below: f64,
        above: f64,
        confined: bool,
    },
    /// An end that is reached, with the powers of the speed density at the upper and the lower end.
    Closed {
        from: f64,
        to: f64,
        alpha: f64,
        beta: f64,
    },
    Ring,
}

impl Domain {
    /// What processes from anywhere between `low` and `high` reach at `times`.
    ///
    /// # Errors
    /// [`Error::Numerics`] where no finite grid holds the process, or an end is none that this form answers.
    pub fn new(
        question: &Asked,
        [low, high]: [f64; 2],
        times: &[f64],
        coefficients: &mut Coefficients,
    ) -> Result<Domain> {
        let scalar = &question.process;
        let broken = |why: &str| broken(question, why);
        if scalar.state.boundary == Boundary::Periodic {
            return Ok(Domain { kind: Kind::Ring, first: FUNCTIONS[0], reach: None });
        }
        let grid_from = |x0: f64| -> Result<(lamperti::Grid, Reach)> {
            let accuracy = Accuracy { cells: 400, ..question.accuracy };
            let asked = Asked { x0, accuracy, times, process: *scalar, ..*question };
            let mut reach = fokker_planck::reach(&asked, times)?;
            reach.spacing = (reach.below + reach.above) / 400.0;
            let mut own = scalar.coefficients(question.theta);
            Ok((lamperti::grid(&mut own, scalar.state, x0, question.t0, reach), reach))
        };
        let (first, reach) = grid_from(low)?;
        let spacing = reach.spacing;
        let below = (first.start as f64 + 0.5) * spacing;
        let mut above = (first.len() - first.start) as f64 * spacing - 0.5 * spacing;
        let (from, at_lower) = (first.edges[0], first.at_lower);
        let (mut to, mut at_upper) = (first.edges[first.len()], first.at_upper);
        if high > low {
            let (second, Reach { spacing, .. }) = grid_from(high)?;
            let between = distance(scalar, coefficients, low, high);
            above = between + (second.len() - second.start) as f64 * spacing - 0.5 * spacing;
            (to, at_upper) = (second.edges[second.len()], second.at_upper);
        }
        // A function more for each 0.4 √t: the modes beyond have died by e^-30.
        let shortest = times.first().map_or(1.0, |t| t - question.t0);
        let wanted =
            |length: f64| ((length / (0.4 * shortest.sqrt())) as usize).clamp(FUNCTIONS[0], FUNCTIONS[1] * 2 / 3);
        if !(at_lower || at_upper) {
            let rough = Basis::Sinc { first: -below, h: (below + above) / (FUNCTIONS[0] - 1) as f64, n: FUNCTIONS[0] };
            let confined = Ground::new(rough, Coordinate::UnitNoise, coefficients, low)
                .is_some_and(|ground| ground.is_confined(coefficients, FORGOTTEN / shortest));
            // Polynomials crowd at the ends and need π/2 times as many.
            let first = wanted(if confined { below + above } else { 1.4 * (below + above) });
            return Ok(Domain { kind: Kind::Open { x0: low, below, above, confined }, first, reach: Some(reach) });
        }
        let power = |coefficients: &mut Coefficients, end: f64, inwards: f64, reached: bool| match reached {
            false => Ok(0.0),
            true => end_power(coefficients, end, inwards).map_err(&broken),
        };
        let beta = power(coefficients, from, to - from, at_lower)?;
        let alpha = power(coefficients, to, from - to, at_upper)?;
        Ok(Domain { kind: Kind::Closed { from, to, alpha, beta }, first: wanted(below + above), reach: Some(reach) })
    }

    /// The same stretch at parameters near by: the powers at its ends have moved.
    pub fn moved(self, coefficients: &mut Coefficients) -> Domain {
        let Kind::Closed { from, to, alpha, beta } = self.kind else { return self };
        let mut power = |before: f64, end: f64, inwards: f64| match before {
            0.0 => 0.0,
            _ => end_power(coefficients, end, inwards).unwrap_or(before),
        };
        let (alpha, beta) = (power(alpha, to, from - to), power(beta, from, to - from));
        Domain { kind: Kind::Closed { from, to, alpha, beta }, ..self }
    }

    /// The state at which the coordinate of unit noise is zero; `None` where the basis is over the state itself.
    pub fn anchor(&self) -> Option<f64> {
        if let Kind::Open { x0, .. } = self.kind { Some(x0) } else { None }
    }

    /// Whether nothing reaches the ends.
    pub fn is_open(&self) -> bool {
        matches!(self.kind, Kind::Open { .. })
    }

    /// The powers of the density at the lower and upper end, zero where they are not reached.
    pub fn powers(&self) -> [f64; 2] {
        if let Kind::Closed { alpha, beta, .. } = self.kind { [beta, alpha] } else { [0.0; 2] }
    }

    /// How many functions to try with, larger and larger.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(self.first), |n| Some((*n as f64 * GROWTH) as usize))
            .take_while(|n| *n <= FUNCTIONS[1])
    }

    /// # Errors
    /// [`Error::Numerics`] where a coefficient is not finite on the basis.
    pub fn modes(&self, question: &Asked, coefficients: &mut Coefficients, n: usize, fastest: f64) -> Result<Modes> {
        let modes = match self.kind {
            Kind::Ring => ring::modes(&question.process, coefficients, n, fastest),
            Kind::Open { x0, below, above, confined } => {
                let basis = match confined {
                    true => Basis::Sinc { first: -below, h: (below + above) / (n - 1) as f64, n },
                    false => Basis::jacobi(-below, above, 0.0, 0.0, n),
                };
                Ground::new(basis, Coordinate::UnitNoise, coefficients, x0)
                    .and_then(|ground| Modes::new(ground, coefficients, fastest))
            }
            Kind::Closed { from, to, alpha, beta } => {
                let basis = Basis::jacobi(from, to, alpha, beta, n);
                Ground::new(basis, Coordinate::State, coefficients, from)
                    .and_then(|ground| Modes::new(ground, coefficients, fastest))
            }
        };
        modes.ok_or_else(|| broken(question, "drift or diffusion is not finite, or the diffusion vanishes inside"))
    }
}

/// `∫ dx/b` from one state to another, by parts even in the chart of the domain.
fn distance(scalar: &Scalar, coefficients: &mut Coefficients, from: f64, to: f64) -> f64 {
    const PARTS: usize = 256;
    let chart = Chart::of(scalar.state);
    let (low, high) = (chart.u(from), chart.u(to));
    let at = |i: usize| chart.x(low + (high - low) * i as f64 / PARTS as f64);
    (0..PARTS).map(|i| gauss(at(i), at(i + 1), &mut |x| 1.0 / coefficients.at(x)[1].abs())).sum()
}

/// The power of the distance as which the speed density starts at an end; `inwards` the signed width of the domain.
fn end_power(coefficients: &mut Coefficients, end: f64, inwards: f64) -> std::result::Result<f64, &'static str> {
    let mut at = |share: f64| {
        let d = share * inwards;
        d * coefficients.ln_speed_slope(end + d)
    };
    let (near, twice, far) = (at(1e-7), at(2e-7), at(1e-5));
    let power = 2.0 * near - twice;
    if !((far - power).abs() < 1e-2 * (1.0 + power.abs())) {
        return Err("its coefficients are not smooth where it reaches an end");
    }
    if power <= -1.0 + 1e-9 {
        return Err("an end keeps what arrives there, which is no density");
    }
    Ok(if power.abs() < 1e-9 { 0.0 } else { power })
}

pub(super) fn broken(question: &Asked, why: &str) -> Error {
    Error::Numerics {
        what: format!("the spectrum of model '{}'", question.model.id),
        why: why.to_string(),
        hint: "use --form fokker-planck, or check the parameters with --set".to_string(),
    }
}

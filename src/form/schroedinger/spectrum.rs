//! The spectrum of a process: the rates at which it forgets, and Kramers' rate beside the true one.

use super::super::Form;
use super::super::stationary::{LogSlope, range};
use super::{bound_states, line, network, pearson, ring};
use crate::base::{Error, Result, math};
use crate::expr::{Scratch, Tape};
use crate::models::Model;
use crate::process::chart::gauss;
use crate::process::{Boundary, Process, Scalar, symbol};
use std::f64::consts::PI;

/// Most rates of a diffusion or network that are computed at once.
pub const MOST_RATES: usize = 50;

/// The lowest eigenvalues of the generator (with its sign turned), lowest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// In 1/time of the model file; the first is zero where probability is kept (the stationary law's). The energies of a potential.
    /// Fewer than asked where a continuum begins above them.
    pub rates: Vec<f64>,
    /// Estimated absolute errors.
    pub errors: Vec<f64>,
    /// Whether the rates come from a formula (Pearson diffusions), not from a grid.
    pub closed: bool,
}

impl Spectrum {
    /// `1/λ` of every rate that is not zero, longest first.
    pub fn relaxation_times(&self) -> Vec<f64> {
        self.rates.iter().filter(|r| **r > 0.0).map(|r| 1.0 / r).collect()
    }
}

/// The `n` lowest rates of a one-dimensional diffusion, of a network of single steps along a line (over the states that its start
/// leads to), or the energies of a potential.
///
/// Every rate of a diffusion on a line or of a network is right to its own size, however small: a gap of 1e-109 has ten digits.
/// Cost: a few milliseconds; [`bound_states`] for a potential.
///
/// # Errors
/// [`Error::FormUnavailable`] saying why there is no such spectrum: several dimensions, jumps, coefficients that change with
/// time, a current around a ring, no stationary law (Brownian motion), steps without a way back. [`Error::BadOption`] for no
/// rates or more than [`MOST_RATES`].
///
/// # Examples
/// ```
/// use kramers::form::schroedinger::spectrum;
/// use kramers::models::built_in;
///
/// let ou = built_in("ou")?; // kappa, theta, sigma
/// assert_eq!(spectrum(&ou, &[1.5, 0.0, 0.8], 3)?.rates, [0.0, 1.5, 3.0]);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn spectrum(model: &Model, theta: &[f64], n: usize) -> Result<Spectrum> {
    if !(1..=MOST_RATES).contains(&n) {
        return Err(Error::BadOption {
            flag: "n".to_string(),
            value: n.to_string(),
            expected: format!("from 1 to {MOST_RATES}"),
            hint: None,
        });
    }
    match &model.process {
        Process::Potential(_) => {
            let states = bound_states(model, theta, n)?;
            Ok(Spectrum { rates: states.energies, errors: states.errors, closed: false })
        }
        Process::Network(process) => network::spectrum(model, process, theta, n),
        _ => of_diffusion(model, theta, n),
    }
}

fn of_diffusion(model: &Model, theta: &[f64], n: usize) -> Result<Spectrum> {
    let refuse = |why: String| Form::Schroedinger.unavailable(model, &why);
    let Process::Diffusion(process) = &model.process else {
        return Err(refuse(format!("it is a {}", model.process.kind())));
    };
    if let Some(why) = super::why_no_spectrum(process) {
        return Err(refuse(why));
    }
    let Some(scalar) = process.scalar() else { return Err(refuse("it is not one-dimensional".to_string())) };
    if scalar.state.boundary == Boundary::Periodic {
        return ring::spectrum(model, &scalar, theta, n);
    }
    let is_integrable = || range(&mut LogSlope::new(&scalar, theta)).is_ok();
    if let Some(rates) = pearson::rates(&scalar, theta, n).filter(|_| is_integrable()) {
        let errors = rates.iter().map(|r| 4.0 * f64::EPSILON * r).collect();
        return Ok(Spectrum { rates, errors, closed: true });
    }
    let found = line::rates(&scalar, theta, n).map_err(refuse)?;
    Ok(Spectrum { rates: found.rates, errors: found.errors, closed: false })
}

/// The escape over a barrier between two wells: Kramers' (1940) rates beside the true one.
///
/// In the coordinate `y = ∫ dx/b`, where the drift is `μ = a/b - b'/2 = -V'` and the noise one, the rate from well `i` over the
/// saddle is `√(V''ᵢ |V''ₛ|)/(2π) · exp(-2 (Vₛ - Vᵢ))` as the noise goes to nought; with `b` constant that is
/// `√(U''ᵢ |U''ₛ|)/(2π) · exp(-ΔU/D)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Kramers {
    /// The two wells, and the saddle between.
    pub wells: [f64; 2],
    /// The state between them over which it escapes, in the state's unit like the wells.
    pub saddle: f64,
    /// `2 (Vₛ - Vᵢ)`: the barrier seen from each well, in units of the noise.
    pub barriers: [f64; 2],
    /// Kramers' rate out of each well.
    pub rates: [f64; 2],
    /// The true smallest rate, and its estimated error. Kramers' is the sum of his two.
    pub exact: f64,
    /// See `exact`: absolute, in 1/time.
    pub error: f64,
    /// Kramers' rate over the true one.
    pub ratio: f64,
}

/// Kramers' escape rates of a diffusion with two wells, and the exact rate they approximate. Cost: as [`spectrum`].
///
/// # Errors
/// As [`spectrum`]; [`Error::Numerics`] where there are not two wells.
pub fn kramers(model: &Model, theta: &[f64]) -> Result<Kramers> {
    let found = spectrum(model, theta, 2)?;
    let broken = |why: String| Error::Numerics {
        what: format!("Kramers' rate of model '{}'", model.id),
        why,
        hint: "use the smallest rate of the spectrum itself".to_string(),
    };
    let (Some(scalar), Some(exact)) = (model.scalar(), found.rates.get(1).copied()) else {
        return Err(broken("it has no rate above zero".to_string()));
    };
    let mut force = Force::new(&scalar, theta);
    let mut slope = LogSlope::new(&scalar, theta);
    let range = range(&mut slope).map_err(|why| broken(why.to_string()))?;
    let places = force.zeros(|u| slope.chart.x(u), range.ends);
    let &[left, saddle, right] = places.as_slice() else {
        return Err(broken(format!("the drift has {} zeros, where two wells have three", places.len())));
    };
    let curvature = |force: &mut Force, x: f64| force.at(x)[1];
    let [one, top, other] = [left, saddle, right].map(|x| curvature(&mut force, x));
    if !(one > 0.0 && top < 0.0 && other > 0.0) {
        return Err(broken("its wells and barrier are not curved".to_string()));
    }
    let barriers = [force.climb(left, saddle), force.climb(right, saddle)];
    let rate = |well: f64, barrier: f64| (well * -top).sqrt() / (2.0 * PI) * math::exp(-barrier);
    let rates = [rate(one, barriers[0]), rate(other, barriers[1])];
    let ratio = (rates[0] + rates[1]) / exact;
    let error = found.errors[1];
    Ok(Kramers { wells: [left, right], saddle, barriers, rates, exact, error, ratio })
}

/// `μ/b` (the slope of `-V` in the state), and `V''` in the coordinate of unit noise.
struct Force {
    tape: Tape,
    scratch: Scratch,
}

impl Force {
    fn new(scalar: &Scalar, theta: &[f64]) -> Force {
        let mut pool = scalar.pool().clone();
        let steepness = pool.derivative(scalar.diffusion, symbol::STATE);
        let half = pool.scale(0.5, steepness);
        let ratio = pool.div(scalar.drift, scalar.diffusion);
        let mu = pool.sub(ratio, half);
        let slope = pool.derivative(mu, symbol::STATE);
        let bend = pool.mul(scalar.diffusion, slope);
        let bend = pool.scale(-1.0, bend);
        let force = pool.div(mu, scalar.diffusion);
        let tape = Tape::compile(&pool, &[force, bend], &[symbol::STATE]);
        let mut scratch = Scratch::default();
        tape.bind(&scalar.symbols(theta, 0.0), &mut scratch);
        Force { tape, scratch }
    }

    fn at(&mut self, x: f64) -> [f64; 2] {
        let mut out = [0.0; 2];
        self.tape.run_one(&[x], &mut out, &mut self.scratch);
        out
    }

    /// Where the force changes its sign.
    fn zeros(&mut self, x: impl Fn(f64) -> f64, [from, to]: [f64; 2]) -> Vec<f64> {
        const POINTS: usize = 4_001;
        let place = |i: usize| x(from + (to - from) * i as f64 / POINTS as f64);
        let mut zeros = Vec::new();
        let mut before = (place(0), self.at(place(0))[0]);
        for i in 1..=POINTS {
            let now = (place(i), self.at(place(i))[0]);
            if now.1 == 0.0 {
                continue;
            }
            if before.1 * now.1 < 0.0 {
                let (mut low, mut high) = (before.0, now.0);
                for _ in 0..100 {
                    let middle = 0.5 * (low + high);
                    if self.at(middle)[0] * now.1 > 0.0 { high = middle } else { low = middle }
                }
                zeros.push(0.5 * (low + high));
            }
            before = now;
        }
        zeros
    }

    /// `2 (V(to) - V(from))`
    fn climb(&mut self, from: f64, to: f64) -> f64 {
        const PARTS: usize = 64;
        let at = |i: usize| from + (to - from) * i as f64 / PARTS as f64;
        -2.0 * (0..PARTS).map(|i| gauss(at(i), at(i + 1), &mut |x| self.at(x)[0])).sum::<f64>()
    }
}

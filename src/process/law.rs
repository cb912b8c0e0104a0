//! Closed transition laws a model file may claim, and the proof that the claim follows from its equation.
//!
//! A law is never attached by a model's name: `law = "ornstein-uhlenbeck(kappa, theta, sigma)"` is checked on load by
//! comparing the law's own drift and diffusion with the model's at many states and parameter values.

use super::scalar::Scalar;
use crate::base::{Error, Param, Result, math};
use crate::expr::Id;

/// Diffusions of one state whose transition density is known in closed form, by the name that `law = …` claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedLaw {
    /// `dx = mu dt + sigma dW`
    Brownian,
    /// `dx = mu x dt + sigma x dW` (Black & Scholes 1973)
    GeometricBrownian,
    /// `dx = kappa (theta - x) dt + sigma dW` (Uhlenbeck & Ornstein 1930; Vasicek 1977)
    OrnsteinUhlenbeck,
    /// `dx = kappa (theta - x) dt + sigma √x dW` (Feller 1951; Cox, Ingersoll & Ross 1985)
    SquareRoot,
    /// `d ln x = kappa (theta - ln x) dt + sigma dW` (Schwartz 1997, model 1)
    ExpOrnsteinUhlenbeck,
    /// `dx = kappa (theta - x) dt + sigma √(x(1-x)) dW` (Wright 1931; Karlin & Taylor 1981, section 15.13)
    Jacobi,
}

impl ClosedLaw {
    /// Every closed law that a file may claim.
    pub const ALL: [ClosedLaw; 6] = [
        ClosedLaw::Brownian,
        ClosedLaw::GeometricBrownian,
        ClosedLaw::OrnsteinUhlenbeck,
        ClosedLaw::SquareRoot,
        ClosedLaw::ExpOrnsteinUhlenbeck,
        ClosedLaw::Jacobi,
    ];

    /// The name that files claim it by.
    pub fn name(self) -> &'static str {
        match self {
            ClosedLaw::Brownian => "brownian",
            ClosedLaw::GeometricBrownian => "geometric-brownian",
            ClosedLaw::OrnsteinUhlenbeck => "ornstein-uhlenbeck",
            ClosedLaw::SquareRoot => "square-root",
            ClosedLaw::ExpOrnsteinUhlenbeck => "exp-ornstein-uhlenbeck",
            ClosedLaw::Jacobi => "jacobi",
        }
    }

    /// How many arguments a claim has.
    pub fn n_arguments(self) -> usize {
        match self {
            ClosedLaw::Brownian | ClosedLaw::GeometricBrownian => 2,
            _ => 3,
        }
    }

    /// Whether the law lives on positive states only.
    pub fn is_positive(self) -> bool {
        matches!(self, ClosedLaw::GeometricBrownian | ClosedLaw::SquareRoot | ClosedLaw::ExpOrnsteinUhlenbeck)
    }

    /// The open domain the law lives on.
    pub fn domain(self) -> (f64, f64) {
        match self {
            ClosedLaw::Jacobi => (0.0, 1.0),
            law if law.is_positive() => (0.0, f64::INFINITY),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// Drift and diffusion `(a, b)` that the law stands for at state `x`, per time and per root of time, Itô; NaN for a wrong number of arguments.
    pub fn coefficients(self, arguments: &[f64], x: f64) -> (f64, f64) {
        match (self, arguments) {
            (ClosedLaw::Brownian, [mu, sigma]) => (*mu, *sigma),
            (ClosedLaw::GeometricBrownian, [mu, sigma]) => (mu * x, sigma * x),
            (ClosedLaw::OrnsteinUhlenbeck, [kappa, theta, sigma]) => (kappa * (theta - x), *sigma),
            (ClosedLaw::SquareRoot, [kappa, theta, sigma]) => (kappa * (theta - x), sigma * x.sqrt()),
            (ClosedLaw::ExpOrnsteinUhlenbeck, [kappa, theta, sigma]) => {
                (x * (kappa * (theta - math::ln(x)) + 0.5 * sigma * sigma), sigma * x)
            }
            (ClosedLaw::Jacobi, [kappa, theta, sigma]) => (kappa * (theta - x), sigma * (x * (1.0 - x)).sqrt()),
            _ => (f64::NAN, f64::NAN),
        }
    }
}

/// A closed law that a file claims, with the expressions (in the parameters) of its arguments; [`LawClaim::verify`] proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct LawClaim {
    /// Which closed law is claimed.
    pub law: ClosedLaw,
    /// As many as [`ClosedLaw::n_arguments`], in its order.
    pub arguments: Vec<Id>,
}

impl LawClaim {
    /// Values of the law's arguments at `theta`, `[parameter]`, in the order of [`ClosedLaw::coefficients`].
    pub fn arguments_at(&self, process: &Scalar, theta: &[f64]) -> Vec<f64> {
        let symbols = process.symbols(theta, 0.0);
        self.arguments.iter().map(|a| process.pool().eval(*a, &symbols)).collect()
    }

    /// Check that drift and diffusion are those of the claimed law, at 120 states and parameter values or more, over twelve decades of both signs.
    ///
    /// # Errors
    /// [`Error::LawMismatch`] naming the first place they differ by more than a relative 1e-9.
    pub fn verify(&self, model: &str, process: &Scalar, params: &[Param]) -> Result<()> {
        let refuse =
            |why: String| Error::LawMismatch { model: model.to_string(), law: self.law.name().to_string(), why };
        let (lower, upper) = self.law.domain();
        if (process.state.lower, process.state.upper) != (lower, upper) {
            return Err(refuse(format!("the law lives on [{lower}, {upper}], the model's domain is another")));
        }
        for trial in 0..12 {
            let theta: Vec<f64> = params.iter().enumerate().map(|(i, p)| probe(p, trial * 7 + i)).collect();
            let arguments = self.arguments_at(process, &theta);
            let symbols = process.symbols(&theta, 0.0);
            const SIZES: [f64; 10] = [1e-6, 1e-3, 0.03, 0.4, 1.0, 2.3, 17.0, 341.0, 1e4, 1e6];
            let below: &[f64] = if lower == 0.0 { &[] } else { &SIZES };
            let onto = |x: f64| if upper == 1.0 { x / (1.0 + x) } else { x };
            for x in below.iter().map(|x| -x).chain(SIZES.map(onto)) {
                let mut symbols = symbols.clone();
                symbols[super::symbol::STATE] = x;
                let ours =
                    (process.pool().eval(process.drift, &symbols), process.pool().eval(process.diffusion, &symbols));
                let law = self.law.coefficients(&arguments, x);
                for (what, a, b) in [("drift", ours.0, law.0), ("diffusion", ours.1.abs(), law.1.abs())] {
                    let same = (a - b).abs() <= 1e-9 * (a.abs() + b.abs() + 1e-12);
                    if !same {
                        return Err(refuse(format!("at x = {x} the {what} is {a}, the law's is {b}")));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A value inside a parameter's bounds, spread by the golden ratio around its default.
fn probe(p: &Param, k: usize) -> f64 {
    let share = (0.5 + k as f64 * 0.618_033_988_749_894_9).fract();
    let u = p.to_coordinate(p.default) + 2.0 * (share - 0.5);
    p.to_natural(u)
}

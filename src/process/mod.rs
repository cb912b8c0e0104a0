//! What moves: stochastic processes as values, apart from how they are posed or solved.
//!
//! A process is expressions in a [`crate::expr::Pool`] with their roles named: drift and diffusion, propensities and
//! stoichiometry, fluxes and sources. It knows no numbers for its parameters, no data and no algorithm.

mod change;
pub(crate) mod chart;
mod component;
mod conservation;
mod curve;
mod diffusion;
mod distribution;
mod field;
mod frame;
mod inverse;
mod jump;
mod lamperti;
mod langevin;
mod law;
mod network;
mod poisson;
pub(crate) mod polynomial;
mod potential;
mod rate;
pub(crate) mod rebuild;
mod scalar;
mod simplify;
mod value;

pub use conservation::Conservation;
pub use curve::{Curve, Quantity};
pub use diffusion::{Boundary, Diffusion, Initial, State};
pub use distribution::{Distribution, Family, Law};
pub use field::{Axis, End, Field, Unknown};
pub use frame::{Frame, symbol};
pub use jump::{Jump, Mark};
pub use lamperti::Lamperti;
pub(crate) use langevin::transplant;
pub use langevin::{HAS_EVENTS, NOT_ONE_DIMENSIONAL};
pub use law::{ClosedLaw, LawClaim};
pub use network::{Amount, Counting, Draw, Event, Network, Reaction, Rule, Species, ValuesFrom, known_time};
pub(crate) use poisson::poisson;
pub use potential::Potential;
pub use rate::RateEquations;
pub use scalar::{Coefficients, Scalar};
pub use value::{Average, AverageKind, Barrier, BarrierKind, Value};

/// Everything that can be written in a model file.
#[derive(Debug, Clone)]
pub enum Process {
    /// A stochastic differential equation, Itô, in any number of states.
    Diffusion(Diffusion),
    /// Reactions among molecules that are counted.
    Network(Network),
    /// A partial differential equation for a density or concentration in space.
    Field(Field),
    /// A plain function of one input: nothing moves.
    Curve(Curve),
    /// A quantum particle on a line: a Hamiltonian with its levels.
    Potential(Potential),
    /// The price of a payoff under a diffusion.
    Value(Value),
}

impl Process {
    /// The `kind` of the model file.
    pub fn kind(&self) -> &'static str {
        match self {
            Process::Diffusion(_) => "diffusion",
            Process::Network(_) => "network",
            Process::Field(_) => "field",
            Process::Curve(_) => "curve",
            Process::Potential(_) => "potential",
            Process::Value(_) => "value",
        }
    }

    /// The symbols of its expressions and their places.
    pub fn frame(&self) -> &Frame {
        match self {
            Process::Diffusion(p) => &p.frame,
            Process::Network(p) => &p.frame,
            Process::Field(p) => &p.frame,
            Process::Curve(p) => &p.frame,
            Process::Potential(p) => &p.frame,
            Process::Value(p) => &p.under.frame,
        }
    }
}

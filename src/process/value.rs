//! The value of a payoff under a process: `E[e^{-∫r dt} payoff(X_T)]`, Black-Scholes for one.

use super::diffusion::Diffusion;
use super::law::LawClaim;
use crate::expr::Id;

/// When a path still, or only, pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarrierKind {
    UpAndOut,
    DownAndOut,
    UpAndIn,
    DownAndIn,
}

impl BarrierKind {
    /// Every kind of barrier.
    pub const ALL: [BarrierKind; 4] =
        [BarrierKind::UpAndOut, BarrierKind::DownAndOut, BarrierKind::UpAndIn, BarrierKind::DownAndIn];

    /// The word that model files use.
    pub fn name(self) -> &'static str {
        match self {
            BarrierKind::UpAndOut => "up-and-out",
            BarrierKind::DownAndOut => "down-and-out",
            BarrierKind::UpAndIn => "up-and-in",
            BarrierKind::DownAndIn => "down-and-in",
        }
    }
}

/// A level of the first state at which the payoff dies or comes alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barrier {
    pub kind: BarrierKind,
    pub level: Id,
    /// How many evenly spaced dates it is looked at, the last at expiry, in the parameters; `None` watches always.
    pub dates: Option<Id>,
}

/// A mean of the first state over the life of the payoff, which the payoff calls `average`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AverageKind {
    Arithmetic,
    Geometric,
}

/// An average over fixings, arithmetic or geometric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Average {
    pub kind: AverageKind,
    /// How many evenly spaced fixings it is the mean of, the last at expiry, in the parameters; `None` takes the whole path.
    pub fixings: Option<Id>,
    /// Its position among the symbols of the pool.
    pub symbol: usize,
}

/// A payoff on a process. All expressions stand in the pool of `under`.
#[derive(Debug, Clone)]
pub struct Value {
    /// Id of the model the process came from.
    pub of: String,
    pub under: Diffusion,
    /// The closed law of `under`, if its file claims one.
    pub law: Option<LawClaim>,
    pub payoff: Id,
    /// Rate per time, in states, time and parameters.
    pub discount: Id,
    /// In the parameters.
    pub expiry: Id,
    pub barrier: Option<Barrier>,
    pub average: Option<Average>,
}

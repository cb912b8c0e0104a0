//! The value of a payoff under a process: `E[e^{-∫r dt} payoff(X_T)]`, Black-Scholes for one.

use super::diffusion::Diffusion;
use super::law::LawClaim;
use crate::expr::Id;

/// When a path still pays, or only pays: the first word is the side of the start that the level lies on, the last what reaching it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarrierKind {
    /// Dies where the state reaches the level from below.
    UpAndOut,
    /// Dies where the state reaches the level from above.
    DownAndOut,
    /// Pays only where the state has reached the level from below.
    UpAndIn,
    /// Pays only where the state has reached the level from above.
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
    /// From which side, and whether the payoff dies or comes alive.
    pub kind: BarrierKind,
    /// In the parameters, in the unit of the state.
    pub level: Id,
    /// How many evenly spaced dates it is looked at, the last at expiry, in the parameters; `None` watches always.
    pub dates: Option<Id>,
}

/// A mean of the first state over the life of the payoff, which the payoff calls `average`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AverageKind {
    /// The mean of the fixings.
    Arithmetic,
    /// The exponential of the mean of their logarithms, for a positive state.
    Geometric,
}

/// An average over fixings, arithmetic or geometric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Average {
    /// Whether values or their logarithms are averaged.
    pub kind: AverageKind,
    /// How many evenly spaced fixings it is the mean of, the last at expiry, in the parameters; `None` takes the whole path.
    pub fixings: Option<Id>,
    /// Its position among the symbols of the pool.
    pub symbol: usize,
}

/// The price of a payoff on a diffusion, `E[e^{-∫r dt} payoff(X_T)]`, Black & Scholes' (1973) for one. All expressions stand in the pool of `under`.
#[derive(Debug, Clone)]
pub struct Value {
    /// Id of the model the process came from; "process" where the file writes it itself.
    pub of: String,
    /// What the payoff hangs on, its parameters among those of this model.
    pub under: Diffusion,
    /// The closed law of `under`, if its file claims one.
    pub law: Option<LawClaim>,
    /// What is paid at expiry, in states, parameters and the average.
    pub payoff: Id,
    /// Rate per time, in states, time and parameters.
    pub discount: Id,
    /// Time from the start to the payment, in the parameters.
    pub expiry: Id,
    /// A level of the first state at which the payoff dies or comes alive; `None` for one without.
    pub barrier: Option<Barrier>,
    /// A mean of the first state that the payoff may name; `None` for one that hangs on the end alone.
    pub average: Option<Average>,
}

//! Fields: `∂u/∂t = ∂x(D ∂x u) - ∂x(v u) + s` on an interval or rectangle, with conditions at its ends.

use super::frame::Frame;
use crate::expr::Id;

/// What holds at one end of an axis. Expressions in parameters and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `u = g`
    Dirichlet(Id),
    /// Outward diffusive flux `-D ∂u/∂n = g`.
    Neumann(Id),
    /// `a u + b ∂u/∂n = c`, n pointing outward.
    Robin(Id, Id, Id),
    /// The two ends are one point.
    Periodic,
}

/// One direction of space; its coordinate is a variable of the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub name: String,
    pub unit: String,
    pub from: Id,
    pub to: Id,
    pub left: End,
    pub right: End,
}

/// The unknown, a variable of the pool after the axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    pub name: String,
    pub unit: String,
    /// In the coordinates.
    pub initial: Id,
    /// `[axis]`
    pub diffusion: Vec<Id>,
    /// `[axis]`
    pub advection: Vec<Id>,
    /// In coordinates, time and the unknown itself.
    pub source: Id,
}

/// A field u(x, t) or u(x, y, t): ∂u/∂t = ∇·(D ∇u) - ∇·(v u) + source, with conditions at every side.
#[derive(Debug, Clone)]
pub struct Field {
    pub frame: Frame,
    pub axes: Vec<Axis>,
    pub unknown: Unknown,
    /// False for `D ∂xx u - v ∂x u + s`.
    pub conservative: bool,
}

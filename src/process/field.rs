//! Fields: `∂u/∂t = ∂x(D ∂x u) - ∂x(v u) + s` on an interval or rectangle, with conditions at its ends.

use super::frame::Frame;
use crate::expr::Id;

/// What holds at one end of an axis. Expressions in parameters and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The value is given: `u = g`.
    Dirichlet(Id),
    /// The outward diffusive flux is given: `-D ∂u/∂n = g`; zero lets nothing through by diffusion.
    Neumann(Id),
    /// A sum of both is given: `a u + b ∂u/∂n = c`, n pointing outward.
    Robin(Id, Id, Id),
    /// The two ends are one point.
    Periodic,
}

/// One direction of space; its coordinate is a variable of the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The symbol of its coordinate.
    pub name: String,
    /// Unit as the file writes it; "1" for a number without unit.
    pub unit: String,
    /// Lower end, in the parameters.
    pub from: Id,
    /// Upper end, in the parameters.
    pub to: Id,
    /// What holds at the lower end.
    pub left: End,
    /// What holds at the upper end; periodic where the lower one is.
    pub right: End,
}

/// What moves, a variable of the pool after the axes, with its coefficients: D is length² over time, v length over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// The symbol that expressions use.
    pub name: String,
    /// Unit as the file writes it; "1" for a number without unit.
    pub unit: String,
    /// u at time 0, in the coordinates and the parameters.
    pub initial: Id,
    /// `[axis]`: the diffusivity D along it, in coordinates, time, the unknown and the parameters; not negative.
    pub diffusion: Vec<Id>,
    /// `[axis]`: the velocity v along it, in the same; towards the upper end where it is positive.
    pub advection: Vec<Id>,
    /// What is made per time, in coordinates, time, the unknown and the parameters.
    pub source: Id,
}

/// A field u(x, t) or u(x, y, t): ∂u/∂t = ∇·(D ∇u) - ∇·(v u) + source, with conditions at every side.
#[derive(Debug, Clone)]
pub struct Field {
    /// The symbols, the axes and then the unknown as variables, and the pool of all expressions.
    pub frame: Frame,
    /// One or two directions of space, x first.
    pub axes: Vec<Axis>,
    /// What moves, and by which coefficients.
    pub unknown: Unknown,
    /// Whether coefficients stand inside the derivatives, so that `u` is kept but for source and ends; false for `D ∂xx u - v ∂x u + s`.
    pub conservative: bool,
}

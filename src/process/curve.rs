//! Plain functions of one input, `y = f(x; θ)`: kinetic curves, calibrations.

use super::frame::Frame;
use crate::expr::Id;

/// A curve; the input is the pool's one variable.
#[derive(Debug, Clone)]
pub struct Curve {
    pub frame: Frame,
    pub input: Quantity,
    pub output: Quantity,
    pub value: Id,
}

/// A named number with its unit and range.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    pub name: String,
    pub unit: String,
    pub lower: f64,
    pub upper: f64,
}

//! Named parameters with units, bounds and the coordinate an optimiser moves in.
//!
//! A slice of `f64` without names lives only inside a loop; everywhere else a parameter travels as a [`Param`].

use crate::base::{Error, Result, math, suggest::nearest};
use serde::Serialize;

/// One parameter of a model, as its file declares it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Param {
    /// The symbol that expressions and `--set NAME=VALUE` use, such as "kappa".
    pub name: String,
    /// What it stands for, in words; empty where the file says nothing.
    pub meaning: String,
    /// Unit as the file writes it, such as "1/time", where "time" is the unit of the clock; "1" for a number without unit.
    pub unit: String,
    /// The value that it has unless one is set or estimated; within the bounds.
    pub default: f64,
    /// Lowest value it may take, itself allowed; minus infinity where there is none.
    pub lower: f64,
    /// Highest value it may take, itself allowed; infinity where there is none.
    pub upper: f64,
}

/// The smooth map from the real line to a parameter's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordinate {
    /// May be negative, over a wide or endless range: as it is.
    Linear,
    /// Positive over a wide or endless range: logarithm.
    Log,
    /// An interval no wider than 20: logistic.
    Logit,
}

impl Param {
    /// The coordinate an optimiser moves in, from the bounds alone: logistic where they are no more than 20 apart, else a logarithm
    /// where none is negative, else as it is.
    pub fn coordinate(&self) -> Coordinate {
        if self.upper - self.lower <= 20.0 {
            Coordinate::Logit
        } else if self.lower >= 0.0 {
            Coordinate::Log
        } else {
            Coordinate::Linear
        }
    }

    /// Natural value to coordinate: itself, `ln θ`, or `ln(s/(1 - s))` of the share `s` of the bounds. Values on or outside the open range of the map are moved
    /// a hair inside.
    pub fn to_coordinate(&self, value: f64) -> f64 {
        match self.coordinate() {
            Coordinate::Linear => value,
            Coordinate::Log => math::ln(value.max(1e-300)),
            Coordinate::Logit => {
                let share = ((value - self.lower) / (self.upper - self.lower)).clamp(1e-12, 1.0 - 1e-12);
                math::ln(share) - math::ln(1.0 - share)
            }
        }
    }

    /// Coordinate to natural value, the inverse of [`Param::to_coordinate`], always within the bounds.
    pub fn to_natural(&self, u: f64) -> f64 {
        let value = match self.coordinate() {
            Coordinate::Linear => u,
            Coordinate::Log => math::exp(u),
            Coordinate::Logit => self.lower + (self.upper - self.lower) * logistic(u),
        };
        value.clamp(self.lower, self.upper)
    }

    /// d natural / d coordinate at `u`; zero where the value is clamped at a bound.
    pub fn derivative(&self, u: f64) -> f64 {
        let free = |value: f64| if value < self.lower || value > self.upper { 0.0 } else { 1.0 };
        match self.coordinate() {
            Coordinate::Linear => free(u),
            Coordinate::Log => math::exp(u) * free(math::exp(u)),
            Coordinate::Logit => (self.upper - self.lower) * logistic(u) * logistic(-u),
        }
    }

    /// d² natural / d coordinate² at `u`; zero where the value is clamped at a bound.
    pub fn second_derivative(&self, u: f64) -> f64 {
        match self.coordinate() {
            Coordinate::Linear => 0.0,
            Coordinate::Log => self.derivative(u),
            Coordinate::Logit => self.derivative(u) * (logistic(-u) - logistic(u)),
        }
    }

    /// A move that counts as one of the parameter's own size: itself where it is positive, its range where that is short,
    /// none (infinite) where it may be zero.
    pub fn size(&self, value: f64) -> f64 {
        match self.coordinate() {
            Coordinate::Log => value.abs(),
            Coordinate::Logit => self.upper - self.lower,
            Coordinate::Linear => f64::INFINITY,
        }
    }

    /// The end of the bounds this value stands on, if any: to a millionth of the value for positive parameters, of the range
    /// for others.
    pub fn bound_at(&self, value: f64) -> Option<f64> {
        self.near_bound(value, 1e-6)
    }

    /// The end this value is so near that it may be meant to stand on it: to a hundredth.
    pub fn leans_on(&self, value: f64) -> Option<f64> {
        self.near_bound(value, 1e-2)
    }

    fn near_bound(&self, value: f64, share: f64) -> Option<f64> {
        let slack = |bound: f64| match self.coordinate() {
            Coordinate::Log => share * bound.abs().max(1e-300),
            Coordinate::Logit => share * (self.upper - self.lower),
            Coordinate::Linear => share * bound.abs().max(1e-12),
        };
        [self.lower, self.upper].into_iter().find(|b| b.is_finite() && (value - b).abs() <= slack(*b))
    }
}

fn logistic(u: f64) -> f64 {
    1.0 / (1.0 + math::exp(-u))
}

/// Parameters of one model with their present values, in the order of the model file.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// Id of the model, for messages.
    pub model: String,
    /// As the model file declares them, `[parameter]`.
    pub list: Vec<Param>,
    /// The present values, `[parameter]`, in natural units and within the bounds of [`Params::list`]; what every form calls `theta`.
    pub values: Vec<f64>,
}

impl Params {
    /// The parameters of the model of this id at their defaults.
    pub fn new(model: &str, list: Vec<Param>) -> Params {
        let values = list.iter().map(|p| p.default).collect();
        Params { model: model.to_string(), list, values }
    }

    /// Position of a name in [`Params::list`].
    ///
    /// # Errors
    /// [`Error::UnknownParam`] with the nearest name.
    pub fn index(&self, name: &str) -> Result<usize> {
        self.list.iter().position(|p| p.name == name).ok_or_else(|| Error::UnknownParam {
            model: self.model.clone(),
            param: name.to_string(),
            nearest: nearest(name, self.list.iter().map(|p| p.name.as_str())).map(str::to_string),
            available: self.list.iter().map(|p| p.name.clone()).collect(),
        })
    }

    /// Give one parameter a value.
    ///
    /// # Errors
    /// [`Error::UnknownParam`], or [`Error::ParamOutOfBounds`] (also for NaN).
    pub fn set(&mut self, name: &str, value: f64) -> Result<()> {
        let i = self.index(name)?;
        let p = &self.list[i];
        if !(value >= p.lower && value <= p.upper) {
            return Err(Error::ParamOutOfBounds {
                model: self.model.clone(),
                param: name.to_string(),
                value,
                lower: p.lower,
                upper: p.upper,
            });
        }
        self.values[i] = value;
        Ok(())
    }

    /// The value of a parameter by name.
    ///
    /// # Errors
    /// [`Error::UnknownParam`] with the nearest name.
    pub fn get(&self, name: &str) -> Result<f64> {
        Ok(self.values[self.index(name)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(lower: f64, upper: f64) -> Param {
        Param { name: "a".into(), meaning: String::new(), unit: String::new(), default: lower, lower, upper }
    }

    #[test]
    fn every_coordinate_is_undone_by_its_inverse_and_its_slope_is_right() {
        for (p, value) in [
            (param(1e-6, 1e3), 0.37),
            (param(-1.0, 1.0), 0.9),
            (param(f64::NEG_INFINITY, f64::INFINITY), -4.2),
            (param(0.0, f64::INFINITY), 1e-5),
        ] {
            let u = p.to_coordinate(value);
            assert!((p.to_natural(u) / value - 1.0).abs() < 1e-12, "{value}");
            let h = 1e-5;
            let slope = (p.to_natural(u + h) - p.to_natural(u - h)) / (2.0 * h);
            assert!((p.derivative(u) / slope - 1.0).abs() < 1e-6, "{value}");
            let bend = (p.derivative(u + h) - p.derivative(u - h)) / (2.0 * h);
            assert!((p.second_derivative(u) - bend).abs() < 1e-6 * (1.0 + bend.abs()), "{value}");
        }
    }

    #[test]
    fn a_value_outside_its_bounds_or_nan_is_refused() {
        let mut params = Params::new("m", vec![param(0.0, 1.0)]);
        assert!(matches!(params.set("a", 2.0), Err(Error::ParamOutOfBounds { .. })));
        assert!(matches!(params.set("a", f64::NAN), Err(Error::ParamOutOfBounds { .. })));
        assert!(matches!(params.set("b", 0.5), Err(Error::UnknownParam { .. })));
        assert!(params.set("a", 0.5).is_ok());
    }
}

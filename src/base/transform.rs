//! Changes of the observed variable: `none`, `log`, `return`, `log-return`, `diff`, with inverses and Jacobians.
//!
//! `none` and `log` are changes of *state*: densities map both ways exactly. The other three make discrete-time
//! data out of a level; their h-step levels come from joint paths, never from a marginal.

use crate::base::{Error, Result, Series, math};
use serde::Serialize;

/// A change of the observed variable: of state (`none`, `log`; densities map both ways exactly) or to increments between rows
/// (`return` x′/x - 1, `log-return` ln(x′/x), `diff` x′ - x; levels come back as sums along paths).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// The level itself, `z = x`.
    None,
    /// `z = ln x`, a change of state; for positive levels.
    Log,
    /// Simple return `z = x′/x - 1` between neighbouring rows; for positive levels.
    Return,
    /// Log-return `z = ln(x′/x)` between neighbouring rows; for positive levels.
    LogReturn,
    /// Difference `z = x′ - x` between neighbouring rows, in the unit of the level.
    Diff,
}

impl Transform {
    /// Every transform, in the order of the help.
    pub const ALL: [Transform; 5] =
        [Transform::None, Transform::Log, Transform::Return, Transform::LogReturn, Transform::Diff];

    /// The name that `--transform` takes.
    pub fn name(self) -> &'static str {
        match self {
            Transform::None => "none",
            Transform::Log => "log",
            Transform::Return => "return",
            Transform::LogReturn => "log-return",
            Transform::Diff => "diff",
        }
    }

    /// Whether a row's transformed value depends on that row alone.
    pub fn is_state(self) -> bool {
        matches!(self, Transform::None | Transform::Log)
    }

    /// Whether levels must be positive.
    pub fn needs_positive(self) -> bool {
        matches!(self, Transform::Log | Transform::Return | Transform::LogReturn)
    }

    /// The transformed series, its values named after the transform; those of increments lose the first row. Cost: a copy.
    ///
    /// # Errors
    /// [`Error::NonPositive`] naming the first value a logarithm or return cannot take.
    pub fn apply(self, series: &Series) -> Result<Series> {
        if self.needs_positive()
            && let Some(row) = series.value.iter().position(|v| *v <= 0.0)
        {
            return Err(Error::NonPositive {
                series: series.id.clone(),
                row,
                value: series.value[row],
                transform: self.name().to_string(),
            });
        }
        let mut out = if self.is_state() { series.clone() } else { series.slice(1, series.len()) };
        if self != Transform::None {
            out.value_name = format!("{} of {}", self.name(), series.value_name);
        }
        match self {
            Transform::None => {}
            Transform::Log => out.value.iter_mut().for_each(|v| *v = math::ln(*v)),
            _ => {
                for (z, w) in out.value.iter_mut().zip(series.value.windows(2)) {
                    *z = self.forward(w[0], w[1]);
                }
            }
        }
        Ok(out)
    }

    /// Transformed value of a row, given the level before it (unused by `none` and `log`).
    pub fn forward(self, before: f64, level: f64) -> f64 {
        match self {
            Transform::None => level,
            Transform::Log => math::ln(level),
            Transform::Return => level / before - 1.0,
            Transform::LogReturn => math::ln(level / before),
            Transform::Diff => level - before,
        }
    }

    /// Level of a row from its transformed value and the level before it.
    pub fn inverse(self, before: f64, z: f64) -> f64 {
        match self {
            Transform::None => z,
            Transform::Log => math::exp(z),
            Transform::Return => before * (1.0 + z),
            Transform::LogReturn => before * math::exp(z),
            Transform::Diff => before + z,
        }
    }

    /// ln |dz/dlevel|: what a log density in z gains when it is told in data units, so that log scores of different transforms compare.
    pub fn ln_jacobian(self, before: f64, level: f64) -> f64 {
        match self {
            Transform::None | Transform::Diff => 0.0,
            Transform::Log | Transform::LogReturn => -math::ln(level),
            Transform::Return => -math::ln(before),
        }
    }
}

impl std::str::FromStr for Transform {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Transform, String> {
        Transform::ALL
            .into_iter()
            .find(|t| t.name() == text)
            .ok_or_else(|| "one of none, log, return, log-return, diff".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock, ClockKind};

    fn prices(value: Vec<f64>) -> Series {
        Series {
            id: "p".into(),
            value_name: "p".into(),
            time: (0..value.len()).map(|i| i as f64).collect(),
            value,
            stamps: None,
            clock: Clock { kind: ClockKind::Plain, unit: "day".into(), step: 1.0 },
        }
    }

    #[test]
    fn every_transform_is_undone_and_its_jacobian_is_its_slope() {
        let (before, level, h) = (101.5, 99.25, 1e-4);
        for t in Transform::ALL {
            let z = t.forward(before, level);
            assert!((t.inverse(before, z) - level).abs() < 1e-10, "{t:?}");
            let slope = (t.forward(before, level + h) - t.forward(before, level - h)) / (2.0 * h);
            assert!((t.ln_jacobian(before, level) - slope.ln()).abs() < 1e-6, "{t:?}");
        }
    }

    #[test]
    fn a_logarithm_of_a_negative_price_names_its_row() {
        let error = Transform::Log.apply(&prices(vec![1.0, 2.0, -3.0]));
        assert!(matches!(error, Err(Error::NonPositive { row: 2, .. })));
    }

    #[test]
    fn differences_lose_one_row() -> Result<()> {
        let z = Transform::Diff.apply(&prices(vec![1.0, 3.0, 2.0]))?;
        assert_eq!(z.value, [2.0, -1.0]);
        assert_eq!(z.time, [1.0, 2.0]);
        Ok(())
    }
}

//! The seasonal naive forecast: as a season ago.

use super::joint::drawn_by_row;
use super::{last, of_transform, require_even, rows_ahead, scored_value, too_few};
use crate::base::{Result, Series, Transform};
use crate::predictive::{Fitted, Forecaster, Predictive};

/// The value `period` rows before, normal with the spread of such differences, which grows by one of them for every season ahead
/// (Hyndman & Athanasopoulos 2021, section 5.5).
#[derive(Debug, Clone)]
pub struct SeasonalNaive {
    /// What the differences a season apart are taken of. Under `log` the law of the level is log-normal.
    pub transform: Transform,
    /// Rows of a season, such as 12 for months; zero counts as one.
    pub period: usize,
}

/// Rows of the season that a step of this length has by custom; `None` where there is no custom.
pub fn season_of(series: &Series) -> Option<usize> {
    let step = series.clock.step;
    let near = |rows: f64, per: f64| (step * rows / per - 1.0).abs() < 0.05;
    match series.clock.unit.as_str() {
        "year" => [(12, 1.0), (4, 1.0), (52, 1.0)].into_iter().find(|(m, per)| near(f64::from(*m), *per)),
        "day" => [(7, 7.0), (24, 1.0)].into_iter().find(|(m, per)| near(f64::from(*m), *per)),
        "hour" => [(24, 24.0)].into_iter().find(|(m, per)| near(f64::from(*m), *per)),
        _ => None,
    }
    .map(|(m, _)| m as usize)
}

impl Forecaster for SeasonalNaive {
    fn name(&self) -> &str {
        "seasonal-naive"
    }

    fn is_baseline(&self) -> bool {
        true
    }

    fn fit(&self, train: &Series, _previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        require_even(train, self.name())?;
        let z = self.transform.apply(train)?.value;
        let m = self.period.max(1);
        if z.len() < 2 * m {
            return Err(too_few(train));
        }
        let n = (z.len() - m) as f64;
        let variance = (m..z.len()).map(|i| (z[i] - z[i - m]) * (z[i] - z[i - m])).sum::<f64>() / n;
        Ok(Box::new(Season { of: self.clone(), variance }))
    }
}

struct Season {
    of: SeasonalNaive,
    variance: f64,
}

impl Fitted for Season {
    fn predict(&self, history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        let (now, _) = last(history)?;
        let z = self.of.transform.apply(history)?.value;
        let m = self.of.period.max(1);
        if z.len() < m {
            return Err(too_few(history));
        }
        let law = |time: &f64| {
            let h = rows_ahead(history, now, *time);
            let seasons = h.div_ceil(m);
            let mean = z[z.len() - m + (h - 1) % m];
            let sd = (self.variance * seasons as f64).sqrt();
            of_transform(self.of.transform, mean, sd)
        };
        Ok(times.iter().map(law).collect())
    }

    /// Each row is the one a season before it and a normal deviation.
    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        let z = self.of.transform.apply(history)?.value;
        let m = self.of.period.max(1);
        if z.len() < m {
            return Err(too_few(history));
        }
        drawn_by_row(history, times, paths, window, |stream, most| {
            let mut season = z[z.len() - m..].to_vec();
            let next = |h: usize| {
                season[h % m] += self.variance.sqrt() * stream.normal();
                scored_value(self.of.transform, season[h % m])
            };
            (0..most).map(next).collect()
        })
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}

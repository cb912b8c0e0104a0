//! Autoregression with its order chosen by Akaike's criterion.

use super::joint::drawn_by_row;
use super::{last, of_transform, require_even, rows_ahead, scored_value, too_few};
use crate::base::{Error, Result, Series, Transform, math};
use crate::predictive::{Fitted, Forecaster, Predictive};
use nalgebra::{DMatrix, DVector};

/// `z_t = c + Σ φ_j z_{t-j} + e_t` by least squares, normal errors; the order, up to `10 log₁₀ n`, by Akaike's criterion over the same rows
/// (Akaike 1974, doi:10.1109/TAC.1974.1100705). Variances ahead by the weights of the moving-average form (Box & Jenkins 2015, section 5.1);
/// the coefficients' own uncertainty is left out.
#[derive(Debug, Clone)]
pub struct Autoregressive {
    /// What `z` is of the level. Under `log` the law of the level is log-normal.
    pub transform: Transform,
}

impl Forecaster for Autoregressive {
    fn name(&self) -> &str {
        "ar"
    }

    fn is_baseline(&self) -> bool {
        true
    }

    /// One pass for the products of lags, then a small system for every order.
    fn fit(&self, train: &Series, _previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        require_even(train, self.name())?;
        let z = self.transform.apply(train)?.value;
        if z.len() < 12 {
            return Err(too_few(train));
        }
        let most = ((10.0 * math::ln(z.len() as f64) / std::f64::consts::LN_10) as usize).min(z.len() / 4);
        // Around the mean, so that the normal equations do not lose the digits of a level.
        let centre = z.iter().sum::<f64>() / z.len() as f64;
        let z: Vec<f64> = z.iter().map(|z| z - centre).collect();
        let rows = z.len() - most;
        // Columns: one, then lags 1 to `most`; products of all with all and with the row itself.
        let column = |i: usize, lag: usize| if lag == 0 { 1.0 } else { z[i - lag] };
        let mut products = DMatrix::zeros(most + 1, most + 1);
        let mut with = DVector::zeros(most + 1);
        for i in most..z.len() {
            for a in 0..=most {
                let left = column(i, a);
                with[a] += left * z[i];
                for b in 0..=a {
                    products[(a, b)] += left * column(i, b);
                }
            }
        }
        products.fill_upper_triangle_with_lower_triangle();
        let total: f64 = z[most..].iter().map(|z| z * z).sum();
        let mut best: Option<(f64, Lags)> = None;
        for order in 0..=most {
            let k = order + 1;
            let Some(cholesky) = products.view((0, 0), (k, k)).into_owned().cholesky() else { continue };
            let right = with.rows(0, k).into_owned();
            let coefficients = cholesky.solve(&right);
            let squares = f64::max(total - coefficients.dot(&right), 0.0);
            let criterion = rows as f64 * math::ln(squares / rows as f64) + 2.0 * (k as f64 + 1.0);
            if squares > 0.0 && best.as_ref().is_none_or(|(least, _)| criterion < *least) {
                let variance = squares / (rows.saturating_sub(k)).max(1) as f64;
                best = Some((
                    criterion,
                    Lags {
                        transform: self.transform,
                        centre,
                        coefficients: coefficients.as_slice().to_vec(),
                        variance,
                    },
                ));
            }
        }
        match best {
            Some((_, lags)) => Ok(Box::new(lags)),
            None => Err(Error::Numerics {
                what: "the autoregression".to_string(),
                why: "the training rows are a recursion without errors, so there is no noise to forecast with"
                    .to_string(),
                hint: "look at the data with kramers check DATA".to_string(),
            }),
        }
    }
}

struct Lags {
    transform: Transform,
    centre: f64,
    /// The constant, then the coefficient of each lag.
    coefficients: Vec<f64>,
    variance: f64,
}

impl Fitted for Lags {
    fn predict(&self, history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        let (now, _) = last(history)?;
        let rows: Vec<usize> = times.iter().map(|t| rows_ahead(history, now, *t)).collect();
        let most = rows.iter().copied().max().unwrap_or(0);
        let mut z: Vec<f64> = self.transform.apply(history)?.value.iter().map(|z| z - self.centre).collect();
        let lags = &self.coefficients[1..];
        if z.len() < lags.len() {
            return Err(too_few(history));
        }
        let seen = z.len();
        let (mut weights, mut variances) = (vec![1.0], vec![self.variance]);
        for h in 1..=most {
            let next: f64 = lags.iter().enumerate().map(|(j, phi)| phi * z[z.len() - 1 - j]).sum();
            z.push(self.coefficients[0] + next);
            let weight: f64 = lags.iter().take(h).enumerate().map(|(j, phi)| phi * weights[h - 1 - j]).sum();
            weights.push(weight);
            variances.push(variances[h - 1] + self.variance * weight * weight);
        }
        let law = |h: &usize| {
            let (mean, sd) = (self.centre + z[seen + h - 1], variances[h - 1].sqrt());
            of_transform(self.transform, mean, sd)
        };
        Ok(rows.iter().map(law).collect())
    }

    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        let lags = &self.coefficients[1..];
        let z = self.transform.apply(history)?.value;
        if z.len() < lags.len() {
            return Err(too_few(history));
        }
        let seen: Vec<f64> = z[z.len() - lags.len()..].iter().map(|z| z - self.centre).collect();
        drawn_by_row(history, times, paths, window, |stream, most| {
            let mut z = seen.clone();
            for _ in 0..most {
                let next: f64 = lags.iter().enumerate().map(|(j, phi)| phi * z[z.len() - 1 - j]).sum();
                z.push(self.coefficients[0] + next + self.variance.sqrt() * stream.normal());
            }
            z[seen.len()..].iter().map(|z| scored_value(self.transform, self.centre + z)).collect()
        })
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}

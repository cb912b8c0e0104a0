//! Exponential smoothing with normal additive errors: a level, with or without a trend that may be damped.

use super::joint::drawn_by_row;
use super::{last, of_transform, require_even, rows_ahead, scored_value, too_few};
use crate::base::{Error, Param, Result, Series, Transform, math};
use crate::fit::{Goal, Known, Problem, Settings, again, from_start};
use crate::predictive::{Fitted, Forecaster, Predictive};
use nalgebra::DMatrix;

/// ETS(A,N,N), ETS(A,A,N) and ETS(A,A_d,N) of Hyndman, Koehler, Ord & Snyder (2008): `e = y - l - φ b`, `l ← l + φ b + α e`,
/// `b ← φ b + β e`; likelihood with exact slopes by the recursion, the kind chosen by Akaike's criterion corrected for small samples.
#[derive(Debug, Clone)]
pub struct Smoothing {
    /// What `y` is of the level. Under `log` the law of the level is log-normal.
    pub transform: Transform,
}

/// Places of the parameters: the two weights, the damping, the first level and trend in standard deviations of a step.
const ALPHA: usize = 0;
const BETA: usize = 1;
const PHI: usize = 2;
const LEVEL: usize = 3;
const TREND: usize = 4;
const SIZE: usize = 5;

/// Half the logarithm of the mean squared error: the likelihood with the variance put in.
struct Errors<'a> {
    /// In standard deviations of a step, from the first row on.
    y: &'a [f64],
}

#[derive(Clone, Copy)]
struct State {
    level: f64,
    trend: f64,
}

impl State {
    /// The error of a row, and the state after it.
    fn step(self, theta: &[f64], y: f64) -> (f64, State) {
        let ahead = self.level + theta[PHI] * self.trend;
        let e = y - ahead;
        (e, State { level: ahead + theta[ALPHA] * e, trend: theta[PHI] * self.trend + theta[BETA] * e })
    }
}

impl Errors<'_> {
    /// Mean square, its gradient and the mean outer product of the errors' slopes.
    fn pass(&self, theta: &[f64]) -> (f64, [f64; SIZE], DMatrix<f64>) {
        let mut state = State { level: theta[LEVEL], trend: theta[TREND] };
        let (mut by_level, mut by_trend) = ([0.0; SIZE], [0.0; SIZE]);
        by_level[LEVEL] = 1.0;
        by_trend[TREND] = 1.0;
        let (mut squares, mut gradient, mut metric) = (0.0, [0.0; SIZE], DMatrix::zeros(SIZE, SIZE));
        for y in self.y {
            let before = state;
            let (e, after) = state.step(theta, *y);
            state = after;
            squares += e * e;
            let mut slope = [0.0; SIZE];
            for k in 0..SIZE {
                let own = if k == PHI { before.trend } else { 0.0 };
                slope[k] = -by_level[k] - theta[PHI] * by_trend[k] - own;
                gradient[k] += 2.0 * e * slope[k];
                let moved = by_level[k] + theta[PHI] * by_trend[k] + own;
                let pushed = theta[PHI] * by_trend[k] + own;
                by_level[k] = moved + theta[ALPHA] * slope[k] + if k == ALPHA { e } else { 0.0 };
                by_trend[k] = pushed + theta[BETA] * slope[k] + if k == BETA { e } else { 0.0 };
            }
            for i in 0..SIZE {
                for j in 0..SIZE {
                    metric[(i, j)] += slope[i] * slope[j];
                }
            }
        }
        let n = self.y.len() as f64;
        (squares / n, gradient.map(|g| g / n), metric / n)
    }
}

impl Goal for Errors<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let (mean, gradient, _) = self.pass(theta);
        (0.5 * math::ln(mean), gradient.iter().map(|g| 0.5 * g / mean).collect())
    }

    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        let (mean, _, metric) = self.pass(theta);
        Some(metric / mean)
    }
}

impl Forecaster for Smoothing {
    fn name(&self) -> &str {
        "smoothing"
    }

    fn is_baseline(&self) -> bool {
        true
    }

    fn fit(&self, train: &Series, previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        require_even(train, self.name())?;
        let z = self.transform.apply(train)?.value;
        let steps: Vec<f64> = z.windows(2).map(|w| w[1] - w[0]).collect();
        let unit = (steps.iter().map(|s| s * s).sum::<f64>() / steps.len().max(1) as f64).sqrt();
        if z.len() < 12 || !(unit > 0.0) {
            return Err(too_few(train));
        }
        let origin = z[0];
        let y: Vec<f64> = z.iter().map(|z| (z - origin) / unit).collect();
        let objective = Errors { y: &y };
        let n = y.len() as f64;
        let reach = y.iter().fold(10.0f64, |a, y| a.max(2.0 * y.abs()));
        let one = |name: &str, lower: f64, upper: f64| Param {
            name: name.to_string(),
            meaning: String::new(),
            unit: String::new(),
            default: 0.5 * (lower + upper),
            lower,
            upper,
        };
        let params = [
            one("alpha", 0.0, 1.0),
            one("beta", 0.0, 1.0),
            one("phi", 0.8, 0.98),
            one("level", -reach, reach),
            one("trend", -reach, reach),
        ];
        if let Some(known) = previous.map(Fitted::parameters)
            && let Some(refitted) = self.again(known, &z, &params)
        {
            return Ok(Box::new(refitted));
        }
        let settings = Settings::default();
        let mut best: Option<(f64, (Vec<f64>, usize))> = None;
        for (kind, (free, phi)) in KINDS.into_iter().enumerate() {
            let problem = Problem { objective: &objective, params: &params, free, n, settings: &settings };
            let starts = [0.1, 0.5, 0.95].map(|alpha| vec![alpha, if kind == 0 { 0.0 } else { 0.05 }, phi, 0.0, 0.0]);
            let value =
                |theta: &Vec<f64>| Some(objective.at(theta).0).filter(|v| v.is_finite()).unwrap_or(f64::INFINITY);
            let Some(start) = starts.iter().min_by(|a, b| value(a).total_cmp(&value(b))) else { continue };
            let quick = from_start(&objective, &params, free, start, n);
            let solved = quick.map_or_else(|| problem.solve(start), |(solved, _)| solved);
            // A level that is a random walk stands at its bound, which is a fine forecast.
            let k = free.len() as f64 + 1.0;
            let criterion = 2.0 * n * solved.value + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0).max(1.0);
            if solved.value.is_finite() && best.as_ref().is_none_or(|(least, _)| criterion < *least) {
                best = Some((criterion, (solved.theta, kind)));
            }
        }
        match best {
            Some((_, (theta, kind))) => {
                let known = Known::at(&objective, &params, KINDS[kind].0, &theta);
                Ok(Box::new(self.smoothed(known, [unit, origin], objective.pass(&theta).0, kind)))
            }
            None => Err(Error::Numerics {
                what: "exponential smoothing".to_string(),
                why: "the errors are zero or not a number at every start".to_string(),
                hint: "look at the data with kramers check DATA".to_string(),
            }),
        }
    }
}

impl Smoothing {
    /// The fit before taken on: in its unit, from its origin, of its kind.
    fn again(&self, known: &[f64], z: &[f64], params: &[Param]) -> Option<Smoothed> {
        let [unit, origin, kind, _] = *known.first_chunk::<EXTRA>()?;
        let kind = kind as usize;
        let free = KINDS.get(kind)?.0;
        let y: Vec<f64> = z.iter().map(|z| (z - origin) / unit).collect();
        let objective = Errors { y: &y };
        let known = Known::from_numbers(&known[EXTRA..], SIZE, free.len())?;
        let solved = again(&objective, params, free, &known, y.len() as f64)?;
        let square = objective.pass(&solved.theta).0;
        Some(self.smoothed(Known { theta: solved.theta, ..known }, [unit, origin], square, kind))
    }

    fn smoothed(&self, known: Known, [unit, origin]: [f64; 2], square: f64, kind: usize) -> Smoothed {
        let mut numbers = vec![unit, origin, kind as f64, square];
        numbers.extend(known.into_numbers());
        Smoothed { transform: self.transform, numbers }
    }
}

/// Numbers before the parameters in a [`Smoothed`].
const EXTRA: usize = 4;
/// Which parameters move, and where the damping starts: a level, a trend, a damped trend.
const KINDS: [(&[usize], f64); 3] =
    [(&[ALPHA, LEVEL], 0.0), (&[ALPHA, BETA, LEVEL, TREND], 1.0), (&[ALPHA, BETA, PHI, LEVEL, TREND], 0.9)];

/// Unit, origin, kind and mean squared error, the five parameters, and their curvature.
struct Smoothed {
    transform: Transform,
    numbers: Vec<f64>,
}

impl Smoothed {
    /// Level and trend after the last row.
    fn state(&self, history: &Series) -> Result<State> {
        let (unit, origin, theta) = (self.numbers[0], self.numbers[1], &self.numbers[EXTRA..]);
        let first = State { level: theta[LEVEL], trend: theta[TREND] };
        let rows = self.transform.apply(history)?.value;
        Ok(rows.iter().fold(first, |state, z| state.step(theta, (z - origin) / unit).1))
    }
}

impl Fitted for Smoothed {
    fn predict(&self, history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        let (unit, origin, variance) = (self.numbers[0], self.numbers[1], self.numbers[3]);
        let theta = &self.numbers[EXTRA..];
        let (now, _) = last(history)?;
        let state = self.state(history)?;
        let law = |time: &f64| {
            let h = rows_ahead(history, now, *time);
            // Sums of powers of the damping, and the weights of past errors (Hyndman et al. 2008, table 6.1).
            let (mut mean, mut spread, mut damping, mut sum) = (state.level, 1.0, 1.0, 0.0);
            for j in 1..=h {
                damping *= theta[PHI];
                mean += damping * state.trend;
                if j < h {
                    sum += damping;
                    let weight = theta[ALPHA] + theta[BETA] * sum;
                    spread += weight * weight;
                }
            }
            let (mean, sd) = (origin + unit * mean, unit * (variance * spread).sqrt());
            of_transform(self.transform, mean, sd)
        };
        Ok(times.iter().map(law).collect())
    }

    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        let (unit, origin, sd) = (self.numbers[0], self.numbers[1], self.numbers[3].sqrt());
        let theta = &self.numbers[EXTRA..];
        let now = self.state(history)?;
        drawn_by_row(history, times, paths, window, |stream, most| {
            let mut state = now;
            let next = |_| {
                let y = state.level + theta[PHI] * state.trend + sd * stream.normal();
                state = state.step(theta, y).1;
                scored_value(self.transform, origin + unit * y)
            };
            (0..most).map(next).collect()
        })
    }

    fn parameters(&self) -> &[f64] {
        &self.numbers
    }
}

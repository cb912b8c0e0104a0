//! The unscented filter in continuous time: a normal law whose mean and covariance obey
//! `dm/dt = E[a]`, `dP/dt = E[a (x - m)ᵀ] + E[(x - m) aᵀ] + E[B ρ Bᵀ]`, expectations taken over sigma points (Särkkä 2007, doi:10.1109/TAC.2007.904453,
//! algorithm 4.4), and corrected by each reading's covariance with the state.
//!
//! Exact on linear models, to the error of the steps in time. Elsewhere an approximation: right to the second order in the
//! spread, wrong where a law has two humps. Not for states whose variance, not their mean, is what is read (stochastic
//! volatility seen in returns: the covariance of reading and state is zero).

use super::observations::Observations;
use super::readings::{Reading, diffusion, readings};
use super::sigma::Points;
use super::start::{Begin, Start};
use super::{Filtered, Method, Predicted};
use crate::base::{Error, Result, math};
use crate::expr::{Id, Scratch, Tape};
use crate::models::Model;
use crate::process::{Diffusion, Frame, Law, symbol};
use nalgebra::DMatrix;

/// Sub-steps of the modified midpoint rule whose results are extrapolated (Gragg 1965): order eight.
const MIDPOINTS: [usize; 4] = [2, 4, 6, 8];
/// Most steps between two rows.
const MOST_STEPS: usize = 1 << 12;

#[derive(Debug)]
pub(super) struct Unscented<'a> {
    model: &'a Model,
    process: &'a Diffusion,
    frame: Frame,
    readings: Vec<Reading>,
    /// Drift, then the covariance of the noise by rows.
    rates: Tape,
    /// Of each reading: what is read, then the arguments of its error.
    read: Vec<Tape>,
    begin: Begin,
    /// `[row]`: steps in time that were enough at the parameters of the start; more are taken only where they are far from enough.
    steps: Vec<usize>,
    tolerance: f64,
    timed: bool,
}

/// Mean and covariance of the state.
#[derive(Debug, Clone)]
struct Moments {
    mean: Vec<f64>,
    covariance: DMatrix<f64>,
}

impl Moments {
    /// Mean, then the lower triangle of the covariance.
    fn packed(&self) -> Vec<f64> {
        let n = self.mean.len();
        let mut all = self.mean.clone();
        all.extend((0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|at| self.covariance[at]));
        all
    }

    fn unpacked(all: &[f64], n: usize) -> Moments {
        let at = |i: usize, j: usize| n + i.max(j) * (i.max(j) + 1) / 2 + i.min(j);
        Moments { mean: all[..n].to_vec(), covariance: DMatrix::from_fn(n, n, |i, j| all[at(i, j)]) }
    }
}

impl<'a> Unscented<'a> {
    /// The filter of a diffusion without jumps, its start and steps settled at `theta`.
    ///
    /// # Errors
    /// [`Error::FormUnavailable`] where the model is none or jumps; [`Error::Numerics`] where there is no start, or no likelihood at `theta`.
    pub fn new(
        model: &'a Model,
        record: &Observations,
        start: &Start,
        theta: &[f64],
        tolerance: f64,
    ) -> Result<Unscented<'a>> {
        let unavailable = |why: &str| super::likelihood::unavailable(model, Method::Unscented, why);
        if let Some(why) = Method::Unscented.why_not(model) {
            return Err(unavailable(&why));
        }
        let process = diffusion(model).ok_or_else(|| unavailable("it is no diffusion"))?;
        let n = process.states.len();
        let mut frame = process.frame.clone();
        let list = readings(model, &mut frame.pool);
        let mut ids = process.drift.clone();
        for i in 0..n {
            for j in 0..n {
                ids.push(process.covariance(&mut frame.pool, i, j));
            }
        }
        let lanes: Vec<usize> = (0..n).map(|i| frame.variable(i)).collect();
        let compile = |ids: &[Id]| Tape::compile(&frame.pool, ids, &lanes);
        let rates = compile(&ids);
        let read = |r: &Reading| {
            let arguments = r.noise.iter().flat_map(|law| law.arguments.iter().copied());
            compile(&[r.of].into_iter().chain(arguments).collect::<Vec<_>>())
        };
        let read = list.iter().map(read).collect();
        let timed = process.is_time_dependent();
        let begin = Begin::new(model, record, start, theta)?;
        let steps = vec![1; record.times.len()];
        let mut filter =
            Unscented { model, process, frame, readings: list, rates, read, begin, steps, tolerance, timed };
        filter.steps = filter.pass(record, theta, true)?.1;
        Ok(filter)
    }

    /// The start as it was settled.
    pub fn start(&self) -> Start {
        self.begin.start()
    }

    /// Filter the record. Cost: 17 evaluations of drift and noise at `2n + 1` points a step in time, usually one to eight a row.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the parameters make no likelihood.
    pub fn filter(&self, record: &Observations, theta: &[f64]) -> Result<Filtered> {
        self.pass(record, theta, false).map(|pass| pass.0)
    }

    /// The filtered record, and the steps that were taken to each row; `fresh` counts them from one.
    fn pass(&self, record: &Observations, theta: &[f64], fresh: bool) -> Result<(Filtered, Vec<usize>)> {
        let (mean, covariance) = self.begin.moments(self.model, theta, record)?;
        let n = mean.len();
        let mut now = Moments { mean, covariance: DMatrix::from_fn(n, n, |i, j| covariance[i][j]) };
        let mut filtered = Filtered::empty(Method::Unscented, record.values.len(), record.times.len());
        let (mut steps, mut worst) = (self.steps.clone(), 0.0f64);
        let mut flow = Flow { filter: self, symbols: self.frame.symbols(theta, 0.0), scratch: Scratch::default() };
        flow.bind(record.times.first().copied().unwrap_or(0.0));
        for (row, time) in record.times.iter().enumerate() {
            if row > 0 && *time > record.times[row - 1] {
                let within = if fresh { self.tolerance } else { 100.0 * self.tolerance };
                let (after, taken, error) = flow.advance(&now, [record.times[row - 1], *time], steps[row], within)?;
                (now, steps[row], worst) = (after, taken, worst.max(error));
            }
            let symbols = self.frame.symbols(theta, *time);
            for k in 0..self.readings.len() {
                let expected = self.expect(k, &symbols, &now)?;
                filtered.predicted[k][row] = Some(Predicted { mean: expected.mean, sd: expected.variance.sqrt() });
            }
            if row == 0 && self.begin.takes_first_row() {
                filtered.predicted.iter_mut().for_each(|column| column[0] = None);
                continue;
            }
            for k in 0..self.readings.len() {
                let Some(y) = record.values[k][row] else { continue };
                let expected = self.expect(k, &symbols, &now)?;
                let (v, f) = (y - expected.mean, expected.variance);
                if !(f > 0.0 && f.is_finite() && v.is_finite()) {
                    return Err(self.broken("the law of a reading has no variance"));
                }
                filtered.log_likelihood[row] -= 0.5 * (math::ln(std::f64::consts::TAU * f) + v * v / f);
                filtered.pit[k][row] = Some(math::normal_cdf(v / f.sqrt()));
                for i in 0..n {
                    now.mean[i] += expected.with_state[i] * v / f;
                    for j in 0..n {
                        now.covariance[(i, j)] -= expected.with_state[i] * expected.with_state[j] / f;
                    }
                }
            }
        }
        filtered.covariance = (0..n).map(|i| (0..n).map(|j| now.covariance[(i, j)]).collect()).collect();
        filtered.mean = now.mean;
        filtered.error = Some(worst);
        Ok((filtered, steps))
    }

    /// Mean and variance of a reading, and its covariance with the state.
    fn expect(&self, k: usize, symbols: &[f64], now: &Moments) -> Result<Expected> {
        let points = Points::new(&now.mean, &now.covariance);
        let mut out =
            vec![vec![0.0; points.weights.len()]; 1 + self.readings[k].noise.as_ref().map_or(0, |l| l.arguments.len())];
        let inside = self.inside(&points);
        let inputs: Vec<&[f64]> = inside.iter().map(Vec::as_slice).collect();
        let mut outputs: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        self.read[k].run(symbols, &inputs, &mut outputs, &mut Scratch::default());
        let mut z = out[0].clone();
        let mut spread = 0.0;
        if let Some(noise) = &self.readings[k].noise {
            for (p, z) in z.iter_mut().enumerate() {
                let arguments: Vec<f64> = out[1..].iter().map(|a| a[p]).collect();
                let law = Law::new(noise.family, &arguments)
                    .ok_or_else(|| self.broken("an error of measurement has no law at these parameters"))?;
                *z += law.mean();
                spread += points.weights[p] * law.variance();
            }
        }
        let mean = points.mean(&z);
        let off: Vec<f64> = z.iter().map(|z| z - mean).collect();
        let variance = spread + points.mean(&off.iter().map(|d| d * d).collect::<Vec<_>>());
        let with = |(x, mean): (&Vec<f64>, &f64)| {
            x.iter().zip(&off).zip(&points.weights).map(|((x, d), w)| w * (x - mean) * d).sum()
        };
        Ok(Expected { mean, variance, with_state: points.x.iter().zip(&now.mean).map(with).collect() })
    }

    /// The points moved into the domain where they left it: coefficients need not exist outside.
    fn inside(&self, points: &Points) -> Vec<Vec<f64>> {
        let states = self.process.states.iter().zip(&points.x);
        states
            .map(|(state, x)| {
                let hair = |end: f64| 1e-12 * end.abs().max(1.0);
                let (low, high) = (state.lower + hair(state.lower), state.upper - hair(state.upper));
                x.iter().map(|x| if state.holds(*x) || x.is_nan() { *x } else { x.max(low).min(high) }).collect()
            })
            .collect()
    }

    fn broken(&self, why: &str) -> Error {
        Error::Numerics {
            what: format!("the unscented filter of model '{}'", self.model.id),
            why: why.to_string(),
            hint: "check the parameters with --set, or give the states an initial law in the model's file".to_string(),
        }
    }
}

struct Expected {
    mean: f64,
    variance: f64,
    with_state: Vec<f64>,
}

/// The moments' equations at one parameter value.
struct Flow<'a> {
    filter: &'a Unscented<'a>,
    symbols: Vec<f64>,
    scratch: Scratch,
}

impl Flow<'_> {
    fn bind(&mut self, time: f64) {
        self.symbols[symbol::TIME] = time;
        self.filter.rates.bind(&self.symbols, &mut self.scratch);
    }

    /// The time derivative of packed moments.
    fn slope(&mut self, time: f64, packed: &[f64]) -> Vec<f64> {
        if self.filter.timed {
            self.bind(time);
        }
        let n = self.filter.process.states.len();
        let now = Moments::unpacked(packed, n);
        let points = Points::new(&now.mean, &now.covariance);
        let mut out = vec![vec![0.0; points.weights.len()]; n + n * n];
        let inside = self.filter.inside(&points);
        let inputs: Vec<&[f64]> = inside.iter().map(Vec::as_slice).collect();
        let mut outputs: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        self.filter.rates.run_bound(&inputs, &mut outputs, &mut self.scratch);
        let mean: Vec<f64> = out[..n].iter().map(|a| points.mean(a)).collect();
        let cross = |i: usize, j: usize| {
            let off = points.x[i].iter().map(|x| x - now.mean[i]);
            off.zip(&out[j]).zip(&points.weights).map(|((d, a), w)| w * d * a).sum::<f64>()
        };
        let mut slope = mean;
        for i in 0..n {
            for j in 0..=i {
                slope.push(cross(i, j) + cross(j, i) + points.mean(&out[n + i * n + j]));
            }
        }
        slope
    }

    /// Carry moments over a time span in at least `steps` steps, doubled until the error is `within`, in standard deviations. The
    /// moments, the steps taken and the error.
    fn advance(
        &mut self,
        from: &Moments,
        [start, end]: [f64; 2],
        mut steps: usize,
        within: f64,
    ) -> Result<(Moments, usize, f64)> {
        let mut stops: Vec<f64> =
            self.filter.process.breaks.iter().map(|id| self.filter.frame.pool.eval(*id, &self.symbols)).collect();
        stops.retain(|t| *t > start && *t < end);
        stops.sort_by(f64::total_cmp);
        stops.push(end);
        loop {
            let (mut packed, mut now, mut error) = (from.packed(), start, 0.0f64);
            'way: for stop in &stops {
                let h = (stop - now) / steps as f64;
                for k in 0..steps {
                    let (after, step_error) = self.extrapolated(now + k as f64 * h, &packed, h);
                    packed = after;
                    error = if step_error.is_nan() { f64::INFINITY } else { error.max(step_error) };
                    if error > within {
                        break 'way;
                    }
                }
                now = *stop;
            }
            if error <= within {
                return Ok((Moments::unpacked(&packed, from.mean.len()), steps, error));
            }
            steps *= 2;
            if steps > MOST_STEPS {
                return Err(self.filter.broken("its moments run off between two rows"));
            }
        }
    }

    /// One step of Gragg's extrapolated midpoint rule, and the difference of its last two columns in standard deviations.
    fn extrapolated(&mut self, time: f64, from: &[f64], h: f64) -> (Vec<f64>, f64) {
        // Beside a break coefficients are those of the side the step is on.
        let at = |share: f64| time + h * share.clamp(1e-9, 1.0 - 1e-9);
        let first = self.slope(at(0.0), from);
        let mut row: Vec<Vec<f64>> = Vec::new();
        for (j, n) in MIDPOINTS.into_iter().enumerate() {
            let sub = h / n as f64;
            let mut before = from.to_vec();
            let mut now: Vec<f64> = from.iter().zip(&first).map(|(y, f)| y + sub * f).collect();
            for k in 1..n {
                let slope = self.slope(at(k as f64 / n as f64), &now);
                let next = before.iter().zip(&slope).map(|(y, f)| y + 2.0 * sub * f).collect();
                before = std::mem::replace(&mut now, next);
            }
            let mut new = vec![now];
            for k in 0..j {
                let ratio = n as f64 / MIDPOINTS[j - 1 - k] as f64;
                let weight = 1.0 / (ratio * ratio - 1.0);
                let better = new[k].iter().zip(&row[k]).map(|(fine, coarse)| fine + weight * (fine - coarse)).collect();
                new.push(better);
            }
            row = new;
        }
        let last = row.len() - 1;
        let n = self.filter.process.states.len();
        let best = Moments::unpacked(&row[last], n);
        let size: Vec<f64> =
            (0..n).map(|i| best.covariance[(i, i)].abs().sqrt().max(1e-6 * best.mean[i].abs()).max(1e-300)).collect();
        let scales = size
            .iter()
            .copied()
            .chain((0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| size[i] * size[j]));
        let gaps = row[last].iter().zip(&row[last - 1]).zip(scales).map(|((a, b), s)| (a - b).abs() / s);
        let error = gaps.fold(0.0, |m: f64, g| if g.is_nan() { f64::NAN } else { m.max(g) });
        (row.swap_remove(last), error)
    }
}

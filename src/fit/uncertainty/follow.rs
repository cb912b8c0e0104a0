//! The likelihood along one parameter, the others re-optimised from where they were.
//!
//! From one point of a profile to the next the optimum moves little and the curvature is known, so a quasi-Newton search that
//! begins with that curvature needs some five passes where a search from scratch needs fifty.

use super::POINT;
use super::likelihood::Likelihood;
use crate::base::Coordinate;
use crate::fit::optimise::{hessian, minimise, symmetric_inverse};
use crate::fit::{Optimizer, Settings};
use nalgebra::{DMatrix, DVector};
use std::cell::Cell;

/// Expected gain in log-likelihood below which a point of the profile counts as found.
const GAIN: f64 = 1e-6;
const MOST_STEPS: usize = 60;

/// Curvature of minus the log-likelihood at the estimate, in the coordinates of the free parameters.
pub(super) struct Chart<'l, 'a> {
    pub likelihood: &'l Likelihood<'a>,
    /// Coordinates of the free parameters at the estimate.
    pub centre: Vec<f64>,
    /// Minus the log-likelihood there.
    pub lowest: f64,
    hessian: DMatrix<f64>,
    limits: Vec<(f64, f64)>,
}

impl<'l, 'a> Chart<'l, 'a> {
    pub fn new(likelihood: &'l Likelihood<'a>) -> Chart<'l, 'a> {
        let (free, params) = (&likelihood.free, likelihood.params());
        let theta = &likelihood.fit.theta;
        let coordinate = |k: usize, v: f64| params[k].to_coordinate(v);
        let mut chart = Chart {
            likelihood,
            centre: free.iter().map(|k| coordinate(*k, theta[*k])).collect(),
            lowest: likelihood.total(theta).0,
            hessian: DMatrix::zeros(0, 0),
            limits: free.iter().map(|k| (coordinate(*k, params[*k].lower), coordinate(*k, params[*k].upper))).collect(),
        };
        let steps: Vec<f64> = (0..free.len()).map(|i| 1e-2 * chart.scale(i)).collect();
        chart.hessian = hessian(&|u| chart.eval(u).1, &chart.centre, &steps);
        chart
    }

    /// The standard error of a coordinate where there is one, else a step that is not large.
    pub fn scale(&self, i: usize) -> f64 {
        let k = self.likelihood.free[i];
        let p = &self.likelihood.params()[k];
        let slope = p.derivative(self.centre[i]).abs();
        match self.likelihood.fit.params[k].se {
            Some(se) if p.coordinate() == Coordinate::Linear => se,
            // A whole unit of a logarithm is far already.
            Some(se) if slope > 0.0 => (se / slope).min(1.0),
            _ => 0.1 * self.centre[i].abs().max(1.0),
        }
    }

    pub fn limits(&self, i: usize) -> (f64, f64) {
        self.limits[i]
    }

    /// Value in natural units of the `i`-th free parameter at a coordinate.
    pub fn natural(&self, i: usize, u: f64) -> f64 {
        self.likelihood.params()[self.likelihood.free[i]].to_natural(u)
    }

    fn theta(&self, u: &[f64]) -> Vec<f64> {
        let mut theta = self.likelihood.fit.theta.clone();
        for (i, k) in self.likelihood.free.iter().enumerate() {
            theta[*k] = self.natural(i, u[i]);
        }
        theta
    }

    /// Minus the log-likelihood and its gradient in coordinates; infinite where it is not a number.
    fn eval(&self, u: &[f64]) -> (f64, Vec<f64>) {
        let (value, gradient) = self.likelihood.total(&self.theta(u));
        let params = self.likelihood.params();
        let slopes: Vec<f64> =
            self.likelihood.free.iter().zip(u).map(|(k, u)| gradient[*k] * params[*k].derivative(*u)).collect();
        if value.is_finite() && slopes.iter().all(|g| g.is_finite()) {
            (value, slopes)
        } else {
            (f64::INFINITY, vec![0.0; u.len()])
        }
    }
}

/// Coordinates with minus the log-likelihood and its gradient there.
struct Point {
    u: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// One way out of the estimate along the `i`-th free parameter.
pub(super) struct Way<'c, 'l, 'a> {
    chart: &'c Chart<'l, 'a>,
    i: usize,
    /// The other free parameters.
    others: Vec<usize>,
    /// Inverse curvature of the others, learnt on the way.
    inverse: DMatrix<f64>,
    /// Optima found so far, all coordinates.
    found: Vec<Vec<f64>>,
    tangent: Vec<f64>,
    pub passes: usize,
}

impl<'c, 'l, 'a> Way<'c, 'l, 'a> {
    pub fn new(chart: &'c Chart<'l, 'a>, i: usize) -> Way<'c, 'l, 'a> {
        let others: Vec<usize> = (0..chart.centre.len()).filter(|j| *j != i).collect();
        let m = others.len();
        let block = DMatrix::from_fn(m, m, |a, b| chart.hessian[(others[a], others[b])]);
        // Without a curvature the search begins with that of each coordinate alone.
        let alone = || {
            DMatrix::from_fn(m, m, |a, b| if a == b { chart.scale(others[a]) * chart.scale(others[a]) } else { 0.0 })
        };
        let inverse = symmetric_inverse(&block).filter(|v| v.iter().all(|v| v.is_finite())).unwrap_or_else(alone);
        let cross = DVector::from_fn(m, |a, _| chart.hessian[(others[a], i)]);
        let slope = -(&inverse * cross);
        let tangent = if slope.iter().all(|v| v.is_finite()) { slope.as_slice().to_vec() } else { vec![0.0; m] };
        Way { chart, i, others, inverse, found: vec![chart.centre.clone()], tangent, passes: 0 }
    }

    /// How far below the estimate the log-likelihood is where the parameter stands at `u` and the others are the best they can be;
    /// infinite where no values of them make the data possible.
    pub fn drop_at(&mut self, u: f64) -> f64 {
        let (expected, nearest) = self.predicted(u);
        let mut start = self.eval(expected);
        // A line that leads out of what is possible is not followed.
        if !start.value.is_finite() {
            start = self.eval(nearest);
        }
        let found = if start.value.is_finite() { self.descend(start) } else { self.search_anew(start.u) };
        match found {
            Some((value, u)) => {
                self.found.push(u);
                value - self.chart.lowest
            }
            None => f64::INFINITY,
        }
    }

    /// Where the optimum of the others is expected, along the line through the nearest optima found; and the nearest itself.
    fn predicted(&self, u: f64) -> (Vec<f64>, Vec<f64>) {
        let distance = |p: &&Vec<f64>| (p[self.i] - u).abs();
        let mut near: Vec<&Vec<f64>> = self.found.iter().collect();
        near.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        let base = near[0];
        let next = near.get(1).filter(|p| (p[self.i] - base[self.i]).abs() > 1e-9 * (1.0 + u.abs()));
        let mut nearest = base.clone();
        nearest[self.i] = u;
        let mut expected = nearest.clone();
        for (a, j) in self.others.iter().enumerate() {
            let slope = next.map_or(self.tangent[a], |next| (next[*j] - base[*j]) / (next[self.i] - base[self.i]));
            let (low, high) = self.chart.limits(*j);
            expected[*j] = (base[*j] + slope * (u - base[self.i])).clamp(low, high);
        }
        (expected, nearest)
    }

    /// BFGS (Nocedal & Wright 2006, section 6.1) with halving, on the box of the coordinates. A curvature carried over a long way
    /// is not believed when it says that nothing is left to gain.
    fn descend(&mut self, start: Point) -> Option<(f64, Vec<f64>)> {
        let m = self.others.len();
        let mut renewed = (start.u[self.i] - self.chart.centre[self.i]).abs() < 2.0 * POINT * self.chart.scale(self.i);
        let mut at = start;
        for _ in 0..MOST_STEPS {
            let out: Vec<bool> = (0..m).map(|a| self.pushed_out(&at, a)).collect();
            let within = |a: usize, v: f64| if out[a] { 0.0 } else { v };
            let g = DVector::from_fn(m, |a, _| within(a, at.gradient[self.others[a]]));
            let straight = -(&self.inverse * &g);
            let direction = DVector::from_fn(m, |a, _| within(a, straight[a]));
            let slope = direction.dot(&g);
            if !(-0.5 * slope > GAIN) {
                if renewed {
                    return Some((at.value, at.u));
                }
                renewed = true;
                self.renew(&at.u);
                continue;
            }
            let mut length = 1.0;
            let next = loop {
                let mut u = at.u.clone();
                for (a, j) in self.others.iter().enumerate() {
                    let (low, high) = self.chart.limits(*j);
                    u[*j] = (u[*j] + length * direction[a]).clamp(low, high);
                }
                let next = self.eval(u);
                if next.value <= at.value + 1e-4 * length * slope {
                    break next;
                }
                length *= 0.5;
                if length < 1e-8 {
                    return self.search_anew(at.u);
                }
            };
            self.learn(&at, &next);
            at = next;
        }
        self.search_anew(at.u)
    }

    /// The curvature of the others by differences of the gradient.
    fn renew(&mut self, u: &[f64]) {
        let m = self.others.len();
        let at: Vec<f64> = self.others.iter().map(|j| u[*j]).collect();
        // As far as the curvature known so far lets the likelihood change by a ten-thousandth.
        let steps: Vec<f64> = (0..m).map(|a| 1e-2 * self.inverse[(a, a)].sqrt().max(1e-8)).collect();
        let gradient = |values: &[f64]| {
            let mut moved = u.to_vec();
            for (j, v) in self.others.iter().zip(values) {
                moved[*j] = *v;
            }
            let (_, gradient) = self.chart.eval(&moved);
            self.others.iter().map(|j| gradient[*j]).collect()
        };
        let fresh = symmetric_inverse(&hessian(&gradient, &at, &steps));
        self.passes += 2 * m;
        if let Some(fresh) = fresh.filter(|v| v.iter().all(|v| v.is_finite())) {
            self.inverse = fresh;
        }
    }

    /// Whether a coordinate stands on its limit with the slope pointing out.
    fn pushed_out(&self, at: &Point, a: usize) -> bool {
        let j = self.others[a];
        let (low, high) = self.chart.limits(j);
        (at.u[j] <= low && at.gradient[j] > 0.0) || (at.u[j] >= high && at.gradient[j] < 0.0)
    }

    fn learn(&mut self, from: &Point, to: &Point) {
        let m = self.others.len();
        let s = DVector::from_fn(m, |a, _| to.u[self.others[a]] - from.u[self.others[a]]);
        let y = DVector::from_fn(m, |a, _| to.gradient[self.others[a]] - from.gradient[self.others[a]]);
        let sy = s.dot(&y);
        if !(sy > 1e-12 * s.norm() * y.norm()) {
            return;
        }
        let left = DMatrix::identity(m, m) - &s * y.transpose() / sy;
        self.inverse = &left * &self.inverse * left.transpose() + &s * s.transpose() / sy;
    }

    /// The search of a fit, where the short one does not get through.
    fn search_anew(&mut self, u: Vec<f64>) -> Option<(f64, Vec<f64>)> {
        let likelihood = self.chart.likelihood;
        let params = likelihood.params();
        let others: Vec<usize> = self.others.iter().map(|j| likelihood.free[*j]).collect();
        let theta = self.chart.theta(&u);
        let search = Settings { optimizer: Optimizer::Lbfgs, ..likelihood.settings.clone() }.search();
        let passes = Cell::new(0);
        let counted = |theta: &[f64]| {
            passes.set(passes.get() + 1);
            likelihood.mean(theta)
        };
        let optimum = minimise(&counted, params, &theta, &others, &search);
        self.passes += passes.get();
        let mut point = u;
        for j in &self.others {
            let k = likelihood.free[*j];
            point[*j] = params[k].to_coordinate(optimum.theta[k]);
        }
        let value = optimum.value * likelihood.n() as f64;
        value.is_finite().then_some((value, point))
    }

    fn eval(&mut self, u: Vec<f64>) -> Point {
        self.passes += 1;
        let (value, gradient) = self.chart.eval(&u);
        Point { u, value, gradient }
    }
}
